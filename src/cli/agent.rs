//! `clean-custard agent`: beside the database, until it is told to stop. Reads the files that hold secrets;
//! none of them is ever a flag, where every user of the machine could read it.

use std::cell::RefCell;
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
    /// A file that holds the URL of the database, such as postgres://user:password@host/name; mysql://,
    /// mongodb:// and sqlite:/path are the others.
    #[arg(long, value_name = "FILE")]
    source_file: Option<PathBuf>,
    /// Install the agent as a systemd service with these settings, and start it. Needs root.
    #[arg(long)]
    install: bool,
    /// With --install: only show what would be done.
    #[arg(long, requires = "install")]
    print: bool,
}

/// What the configuration was read from.
pub struct Given {
    /// The configuration file and its text.
    pub config: Option<(PathBuf, String)>,
    /// The files that its `…_file` keys name.
    pub secret_files: Vec<PathBuf>,
    /// Whether the file lists several connections, each with its own key and database.
    pub lists_connections: bool,
}

/// Runs until a signal; the exit status is 0 then, 2 when it was told things that can never work.
pub async fn run(args: Args) -> Result<i32> {
    let (install, print) = (args.install, args.print);
    let (given, config) = match load(args) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{error:#}");
            return Ok(2);
        }
    };
    if print {
        return super::install::print(&given, &config);
    }
    if install {
        return super::install::install(&given, &config);
    }
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

fn load(args: Args) -> Result<(Given, AgentConfig)> {
    let flags = AgentFlags {
        servers: args.servers,
        connection: args.connection,
        key: args.key_file.as_deref().map(secret).transpose()?,
        source_url: args.source_file.as_deref().map(secret).transpose()?,
    };
    let config = match args.config {
        Some(path) => {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("The configuration file {} cannot be read", path.display()))?;
            Some((path, text))
        }
        None => None,
    };
    let secret_files = RefCell::new(Vec::new());
    let inputs = Inputs {
        file: config
            .as_ref()
            .map(|(path, text)| (path.as_path(), text.as_str())),
        env: &super::environment(),
        read: &|path| {
            secret_files.borrow_mut().push(path.to_owned());
            read_credential(path)
        },
    };
    let loaded = AgentConfig::load(&inputs, flags)?;
    let given = Given {
        config,
        secret_files: secret_files.into_inner(),
        lists_connections: loaded.listed,
    };
    Ok((given, loaded))
}

/// A file that a `…_file` key names. Where systemd started the agent, the file itself may be closed to its user,
/// and systemd hands it over under another name.
fn read_credential(path: &Path) -> std::io::Result<String> {
    let direct = std::fs::read_to_string(path);
    match (&direct, std::env::var_os("CREDENTIALS_DIRECTORY")) {
        (Err(_), Some(folder)) => {
            let given = Path::new(&folder).join(credential_name(path));
            std::fs::read_to_string(given).or(direct)
        }
        _ => direct,
    }
}

/// The name under which systemd hands over a file: its path, with `-` for everything a name cannot have.
pub fn credential_name(path: &Path) -> String {
    path.to_string_lossy()
        .trim_start_matches('/')
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect()
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
