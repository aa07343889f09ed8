//! `clean-custard agent`: beside the database, until it is told to stop. Reads the files that hold secrets;
//! none of them is ever a flag, where every user of the machine could read it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use secrecy::SecretString;

use crate::config::{AgentConfig, AgentFlags, Inputs};

/// Run the agent: it dials out to a server and answers questions from the database beside it, read-only.
///
/// The key of the connection and the address of the database come from files, from the environment
/// (CUSTARD_AGENT_KEY, DB_HOST, DB_NAME, DB_USER, DB_PASSWORD …) or from the configuration file.
#[derive(clap::Args)]
pub struct Args {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A server: its web address, or the full address of the connection's socket. May be given several times.
    #[arg(long = "server", value_name = "URL")]
    servers: Vec<String>,
    /// The connection's id, if the server's address does not end in it.
    #[arg(long, value_name = "ID")]
    connection: Option<String>,
    /// A file that holds the connection's key.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A file that holds the URL of the database, such as postgres://user:password@host/name or
    /// mongodb://user:password@host/name.
    #[arg(long, value_name = "FILE")]
    source_file: Option<PathBuf>,
}

/// Runs until a signal; the exit status is 0 then, 2 when it was told things that can never work.
pub async fn run(args: Args) -> Result<i32> {
    let config = match load(args) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error:#}");
            return Ok(2);
        }
    };
    super::log_to_stderr(&config.log);
    match crate::agent::run(config).await {
        Ok(()) => Ok(0),
        Err(error @ crate::error::Error::Invalid(_)) => {
            eprintln!("{error}");
            Ok(2)
        }
        Err(error) => Err(error.into()),
    }
}

fn load(args: Args) -> Result<AgentConfig> {
    let flags = AgentFlags {
        servers: args.servers,
        connection: args.connection,
        key: args.key_file.as_deref().map(secret).transpose()?,
        source_url: args.source_file.as_deref().map(secret).transpose()?,
    };
    let text = match &args.config {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .with_context(|| format!("The configuration file {} cannot be read", path.display()))?,
        ),
        None => None,
    };
    let inputs = Inputs {
        file: args.config.as_deref().zip(text.as_deref()),
        env: &super::environment(),
        read: &|path| std::fs::read_to_string(path),
    };
    Ok(AgentConfig::load(&inputs, flags)?)
}

/// The secret in a file, without the line end that editors add.
fn secret(path: &Path) -> Result<SecretString> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("The file {} cannot be read", path.display()))?;
    let text = text.trim();
    if text.is_empty() {
        bail!("The file {} is empty.", path.display());
    }
    Ok(text.to_owned().into())
}
