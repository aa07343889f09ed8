//! `clean-custard backup`, `restore` and `verify`: everything in one file, back again, and looked through.

use std::path::PathBuf;

use anyhow::Result;

use super::Place;
use crate::config::ServerFlags;
use crate::service::backup::{self, Report, Secret, Summary};

/// Write everything the server has into one file, beside the running server.
///
/// Records, uploaded files and stored results, as they are at this moment. The secret key goes along when it
/// was generated into the data folder: without it, stored secrets (second factors) could not be opened after a
/// restore. So keep the file as safe as the server itself.
#[derive(clap::Args)]
pub struct BackupArgs {
    /// The file to write; it must not exist yet.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Leave the generated secret key out; keep it elsewhere then, it lies in the data folder.
    #[arg(long)]
    without_secret_key: bool,
    #[command(flatten)]
    place: Place,
}

/// Put a backup back, into an empty data folder or database.
///
/// The backup is checked as a whole first. Nothing is overwritten. Records may come from SQLite and go into
/// PostgreSQL, or the other way round, and files into whatever storage is configured.
#[derive(clap::Args)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The PostgreSQL to restore the records into, instead of SQLite in the data folder.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Look through a backup, or through the server's own records and files, and say everything that is wrong.
#[derive(clap::Args)]
pub struct VerifyArgs {
    /// The backup [default: the server's own records and files, beside the running server].
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub async fn backup(args: BackupArgs) -> Result<i32> {
    let config = load(args.place, None)?;
    let secret = if args.without_secret_key {
        Secret::LeftOut
    } else {
        Secret::Included
    };
    let summary = backup::export(&config, &args.file, secret).await?;
    println!("{} holds {}.", args.file.display(), told(&summary));
    if summary.secret_key {
        println!("The secret key is in it: keep it as safe as the server itself.");
    } else {
        println!(
            "The secret key is not in it: a restored server needs the same one to open stored secrets (second factors)."
        );
    }
    Ok(0)
}

pub async fn restore(args: RestoreArgs) -> Result<i32> {
    let config = load(args.place, args.database_url)?;
    let summary = backup::restore(&config, &args.file).await?;
    println!("Restored {}.", told(&summary));
    if !summary.secret_key && config.server.secret_key.is_none() {
        println!(
            "The backup had no secret key, so the server makes a new one: everybody logs in again, and second factors \
             have to be set up again. Put the old key into the data folder as secret.key before the first start to \
             avoid that."
        );
    }
    Ok(0)
}

pub async fn verify(args: VerifyArgs) -> Result<i32> {
    let (what, report) = match args.file {
        Some(file) => (file.display().to_string(), backup::verify(&file).await?),
        None => {
            let config = load(args.place, None)?;
            let what = config.server.data_dir.display().to_string();
            (what, backup::verify_store(&config).await?)
        }
    };
    let Report { summary, problems } = report;
    for problem in &problems {
        eprintln!("{problem}");
    }
    if problems.is_empty() {
        println!("{what} is whole: {}.", told(&summary));
        Ok(0)
    } else {
        eprintln!("{what} is not whole: {} problem(s), as listed.", problems.len());
        Ok(1)
    }
}

fn load(place: Place, database_url: Option<String>) -> Result<crate::config::Config> {
    let flags = ServerFlags {
        data_dir: place.data_dir,
        database_url: database_url.map(Into::into),
        ..ServerFlags::default()
    };
    let config = super::load(place.config.as_deref(), flags)?;
    super::log_to_stderr(&crate::config::LogConfig {
        filter: "warn".into(),
        ..config.log.clone()
    });
    Ok(config)
}

fn told(summary: &Summary) -> String {
    format!(
        "{} rows of records, {} uploaded files and {} stored results, {:.1} MB in all",
        summary.rows,
        summary.files,
        summary.results,
        summary.bytes as f64 / 1e6
    )
}
