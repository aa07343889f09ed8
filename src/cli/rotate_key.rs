//! `clean-custard rotate-key`: a new secret key, and everything that was sealed with the old one sealed anew.

use std::path::PathBuf;

use anyhow::Result;

use super::Place;
use crate::config::ServerFlags;
use crate::service::rotation::{self, Rotated};

/// Change the secret key, and seal all stored secrets anew.
///
/// With the generated key: makes a new one in the data folder. Restart the server afterwards.
///
/// With a key of your own (server.secret_key): first set the new one as server.secret_key and the old one as
/// server.previous_secret_key on every server and restart them, then run this, then remove
/// server.previous_secret_key.
///
/// Access tokens signed with the old key end; browsers get new ones by themselves, nobody has to log in again.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// A PostgreSQL with the server's own records, instead of SQLite in the data folder.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

pub async fn run(args: Args) -> Result<i32> {
    let flags = ServerFlags {
        data_dir: args.place.data_dir,
        database_url: args.database_url.map(Into::into),
        ..ServerFlags::default()
    };
    let file: Option<PathBuf> = args.place.config;
    let config = super::load(file.as_deref(), flags)?;
    super::log_to_stderr(&config.log);
    let Rotated { sealed, generated } = rotation::rotate(&config).await?;
    println!("{sealed} stored secrets are sealed with the new key.");
    if generated {
        println!(
            "The new key lies in the data folder. Restart the server now: until then it still has the old one."
        );
    } else {
        println!("Now remove server.previous_secret_key from the configuration of every server.");
    }
    Ok(0)
}
