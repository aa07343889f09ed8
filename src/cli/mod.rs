//! The commands: what they take, and one file for each. Only this floor reads files, the environment and
//! the terminal for them.

mod agent;
mod ask;
mod backup;
mod check;
mod eval;
mod install;
mod rotate_key;
mod server;
mod storage;
mod user;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::config::{Config, Inputs, LogFormat, ServerFlags};

/// Ask questions about your databases and files in plain language.
///
/// Everything works with nothing configured: `clean-custard server` opens a web page on this machine, and
/// `clean-custard ask` answers from files or a database directly.
#[derive(Parser)]
#[command(
    name = "clean-custard",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Server(server::Args),
    Agent(agent::Args),
    Ask(ask::Args),
    Eval(eval::Args),
    #[command(subcommand)]
    User(user::Command),
    Check(check::Args),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Verify(backup::VerifyArgs),
    RotateKey(rotate_key::Args),
    #[command(subcommand)]
    Storage(storage::Command),
    /// Imports one file in a process of its own; started by the program itself.
    #[command(hide = true)]
    Worker,
}

/// What commands share that look at a server's own data.
#[derive(clap::Args)]
struct Place {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the server's records, files and keys lie [default: ./custard-data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Runs the command that was asked for; the result is the exit status: 0 for an answer, 1 when there is
/// none, 2 for bad usage.
pub fn main() -> i32 {
    // Both crypto providers may be compiled in through dependencies; ours has to be chosen before any TLS.
    // It fails only when one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let command = Cli::parse().command;
    if let Command::Worker = command {
        return crate::ingest::worker();
    }
    raise_file_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("The program cannot start: {error}.");
            return 1;
        }
    };
    let outcome = match command {
        Command::Server(args) => {
            actix_web::rt::System::with_tokio_rt(move || runtime).block_on(server::run(args))
        }
        Command::Agent(args) => runtime.block_on(agent::run(args)),
        Command::Ask(args) => runtime.block_on(ask::run(args)),
        Command::Eval(args) => runtime.block_on(eval::run(args)),
        Command::User(command) => runtime.block_on(user::run(command)),
        Command::Check(args) => runtime.block_on(check::run(args)),
        Command::Backup(args) => runtime.block_on(backup::backup(args)),
        Command::Restore(args) => runtime.block_on(backup::restore(args)),
        Command::Verify(args) => runtime.block_on(backup::verify(args)),
        Command::RotateKey(args) => runtime.block_on(rotate_key::run(args)),
        Command::Storage(command) => runtime.block_on(storage::run(command)),
        Command::Worker => Ok(0),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        if error.is::<BadUsage>() { 2 } else { 1 }
    })
}

/// Sockets count as files, and the usual limit of 1,024 is less than the agents that one server can have.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it may not be raised, it stays as it is.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// The configuration cannot be used, as little as a flag that does not exist.
#[derive(Debug)]
struct BadUsage(anyhow::Error);

impl BadUsage {
    fn of(error: impl Into<anyhow::Error>) -> BadUsage {
        BadUsage(error.into())
    }
}

impl std::fmt::Display for BadUsage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for BadUsage {}

/// The environment as far as it is text; `std::env::vars` would panic at a variable that is not, whoever set it.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The configuration: defaults, the file, the environment, the flags. Errors: [`BadUsage`].
fn load(file: Option<&Path>, flags: ServerFlags) -> anyhow::Result<Config> {
    Ok(read_config(file, flags).map_err(BadUsage::of)?)
}

fn read_config(file: Option<&Path>, flags: ServerFlags) -> anyhow::Result<Config> {
    let text = match file {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .with_context(|| format!("The configuration file {} cannot be read", path.display()))?,
        ),
        None => None,
    };
    let inputs = Inputs {
        file: file.zip(text.as_deref()),
        env: &environment(),
        read: &|path| std::fs::read_to_string(path),
    };
    Ok(Config::load(&inputs, flags)?)
}

/// Log lines on standard error.
fn log_to_stderr(config: &crate::config::LogConfig) {
    use std::io::IsTerminal;
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    let json = match config.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !terminal,
    };
    match json {
        true => lines.json().init(),
        false => lines.with_ansi(terminal).with_target(false).init(),
    }
}
