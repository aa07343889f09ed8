//! `clean-custard storage move`: takes uploaded files and results from one storage to another.

use std::path::PathBuf;

use anyhow::{Context, Result};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::Place;
use crate::config::ServerFlags;
use crate::error::Error;
use crate::service::relocate;
use crate::storage::moving::{Moved, hex};

/// Manage where uploaded files and results lie.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Copy all stored files and results to another storage, read them back and compare.
    ///
    /// Stop the server first. Nothing is removed from the old storage. If it is interrupted, however, run the
    /// same command again: it goes on where it was. Afterwards set storage.url and start the server.
    Move {
        /// s3://bucket/folder, cloudinary://key:secret@cloud, or `local` for the data folder. An address that
        /// holds a secret belongs into --to-file, since other users of the machine can read flags.
        #[arg(
            long,
            value_name = "URL",
            required_unless_present = "to_file",
            conflicts_with = "to_file"
        )]
        to: Option<String>,
        /// A file that holds the address.
        #[arg(long, value_name = "FILE")]
        to_file: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
}

pub async fn run(command: Command) -> Result<i32> {
    let Command::Move { to, to_file, place } = command;
    let flags = ServerFlags {
        data_dir: place.data_dir,
        ..ServerFlags::default()
    };
    let config = super::load(place.config.as_deref(), flags)?;
    super::log_to_stderr(&crate::config::LogConfig {
        filter: "warn".into(),
        ..config.log.clone()
    });
    let url = match (to, to_file) {
        (Some(url), _) => {
            if url.starts_with("cloudinary:") {
                return Err(super::BadUsage::of(Error::Invalid(
                    "This address holds a secret, and other users of the machine can read flags. Write it into a file \
                     and name that with --to-file."
                        .into(),
                ))
                .into());
            }
            url
        }
        (None, Some(file)) => std::fs::read_to_string(&file)
            .with_context(|| format!("The file {} cannot be read", file.display()))?
            .trim()
            .to_owned(),
        (None, None) => String::new(),
    };
    let url = SecretString::from(url);
    let target = config.storage.with_url(&url).map_err(super::BadUsage::of)?;
    // Two moves to different places must not share a journal.
    let name = {
        use secrecy::ExposeSecret;
        hex(&Sha256::digest(url.expose_secret().as_bytes())[..6])
    };
    let (from_kind, to_kind, moved) = relocate::run(&config, &target, &name, |moved| {
        eprint!("\r{} things, {:.1} MB", moved.things, moved.bytes as f64 / 1e6);
    })
    .await?;
    let Moved {
        things,
        bytes,
        before,
    } = moved;
    eprintln!();
    println!(
        "{things} things ({:.1} MB) are in the new storage ({from_kind} to {to_kind}), read back and compared; {before} of \
         them were there from an earlier run.",
        bytes as f64 / 1e6
    );
    println!(
        "Now set storage.url (or remove it, for the data folder) and start the server. Nothing was removed here."
    );
    Ok(0)
}
