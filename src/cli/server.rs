//! `clean-custard server`: runs until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

use super::Place;
use crate::config::ServerFlags;

/// Run the server: web page, API, files and questions.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// The address to listen on [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// A PostgreSQL for the server's own records, instead of SQLite in the data folder.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

pub async fn run(args: Args) -> Result<i32> {
    let config = super::load(
        args.place.config.as_deref(),
        ServerFlags {
            listen: args.listen,
            data_dir: args.place.data_dir,
            database_url: args.database_url.map(SecretString::from),
        },
    )?;
    super::log_to_stderr(&config.log);
    let public_url = config.server.public_url.clone();
    let data_dir: PathBuf = config.server.data_dir.clone();
    let running = crate::server::start(config).await?;
    tracing::info!(data_dir = %data_dir.display(), version = env!("CARGO_PKG_VERSION"), "started");
    let url = public_url.unwrap_or_else(|| format!("http://{}", running.address));
    println!("Clean Custard is ready at {url}");
    let (handle, drain) = (running.handle.clone(), running.drain.clone());
    tokio::spawn(async move {
        stop_signal().await;
        tracing::info!("stopping once running queries have finished; a second signal stops at once");
        tokio::select! {
            () = async {
                drain.run().await;
                handle.stop(true).await;
            } => {},
            () = stop_signal() => handle.stop(false).await,
        }
    });
    running.serve().await?;
    Ok(0)
}

async fn stop_signal() {
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::error!(%error, "signals cannot be heard; stop the process with kill -9");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {},
        _ = tokio::signal::ctrl_c() => {},
    }
}
