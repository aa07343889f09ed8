//! The agent: beside the customer's database it dials out to the server and answers its queries, read-only.
//! It never imports `server`, `db` or `translate`.
//!
//! One process may serve several connections, and one database may be served to several servers. What a
//! server asks is checked here again: the guard, the names, and the limits of the agent's own policy.

mod answer;
mod audit;
mod backoff;
mod connection;
mod database;
mod dial;
mod proxy;
mod session;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::database::Database;
use crate::config::{AgentConfig, AgentDatabase, DatabaseParts, PolicyConfig, ProxyConfig};
use crate::error::Result;
use crate::source::{self, Source};

/// Runs until SIGTERM or SIGINT, then lets running queries finish; a second signal ends it at once.
/// Reconnects forever. Errors: `Invalid` for a configuration that can never work.
pub async fn run(config: AgentConfig) -> Result<()> {
    let stop = CancellationToken::new();
    let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(stop_on_signal(signals, stop.clone()));
    let mut sources: HashMap<String, Arc<dyn Source>> = HashMap::new();
    let mut served = Vec::new();
    for connection in config.connections {
        let beside = match connection.database {
            AgentDatabase::Parts(parts) => Beside::Parts(parts),
            AgentDatabase::Url(url) => {
                let url = url.expose_secret();
                match sources.get(url) {
                    Some(source) => source.clone().into(),
                    None => {
                        let source = source::connect(url)?;
                        sources.insert(url.to_owned(), source.clone());
                        source.into()
                    }
                }
            }
        };
        served.push(Served {
            websocket_url: connection.websocket_url,
            key: connection.key,
            beside,
        });
    }
    let terms = Terms {
        name: config.name,
        allow_insecure: config.allow_insecure,
        ca_file: config.ca_file,
        proxy: config.proxy,
        drain: config.drain,
        audit_file: config.audit_file,
        policy: config.policy,
    };
    serve(served, terms, stop).await
}

async fn stop_on_signal(
    (mut terminate, mut interrupt): (tokio::signal::unix::Signal, tokio::signal::unix::Signal),
    stop: CancellationToken,
) {
    for first in [true, false] {
        tokio::select! {
            _ = terminate.recv() => {},
            _ = interrupt.recv() => {},
        }
        if first {
            tracing::info!("Stopping once running queries have finished; a second signal stops at once.");
            stop.cancel();
        } else {
            std::process::exit(130);
        }
    }
}

/// One connection to serve: where, with which key, from what.
pub struct Served {
    /// Full WebSocket URL of the connection at the server.
    pub websocket_url: String,
    pub key: SecretString,
    /// The same source may serve several connections; it is probed once.
    pub beside: Beside,
}

/// The database beside the agent.
pub enum Beside {
    Source(Arc<dyn Source>),
    /// Its kind comes with the server's welcome. A process has one set of `DB_*` variables, so these are
    /// always the same database.
    Parts(DatabaseParts),
}

impl From<Arc<dyn Source>> for Beside {
    fn from(source: Arc<dyn Source>) -> Beside {
        Beside::Source(source)
    }
}

/// What every socket of the process has to know.
#[derive(Clone)]
struct Setting {
    /// What the agent is called.
    name: Option<String>,
    /// Cancelled when the agent is to stop.
    stop: CancellationToken,
    /// How long what runs may still take then.
    drain: Duration,
    /// Where queries are written down.
    audit: Option<audit::AuditFile>,
}

/// The name of this machine.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// What holds for all connections of a process.
#[derive(Debug, Clone)]
pub struct Terms {
    /// What the agent is called; None: the machine's name.
    pub name: Option<String>,
    /// Allow plain `ws://` to a host that is not this machine.
    pub allow_insecure: bool,
    /// Extra certificate authorities in PEM.
    pub ca_file: Option<PathBuf>,
    pub proxy: ProxyConfig,
    /// How long running queries may go on after `stop`.
    pub drain: Duration,
    /// Where every query is written down as a JSON line; None: nowhere.
    pub audit_file: Option<PathBuf>,
    pub policy: PolicyConfig,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms {
            name: None,
            allow_insecure: false,
            ca_file: None,
            proxy: ProxyConfig::default(),
            drain: Duration::from_secs(20),
            audit_file: None,
            policy: PolicyConfig::default(),
        }
    }
}

/// Serves all connections until `stop`. Errors: `Invalid` when a URL or the CA file can never work.
pub async fn serve(served: Vec<Served>, terms: Terms, stop: CancellationToken) -> Result<()> {
    let name = terms.name.clone().or_else(host_name);
    let dialer = Arc::new(dial::Dialer::new(&terms)?);
    let mut databases: Vec<Arc<Database>> = Vec::new();
    let mut tasks = JoinSet::new();
    for served in served {
        let target = dialer.target(&served.websocket_url, served.key)?;
        let database = match databases.iter().find(|known| known.is_of(&served.beside)) {
            Some(known) => known.clone(),
            None => {
                let database = Arc::new(Database::new(served.beside, terms.policy.clone()));
                databases.push(database.clone());
                let watched = database.clone();
                let stop = stop.clone();
                tasks.spawn(async move {
                    stop.run_until_cancelled(watched.keep_probing()).await;
                });
                database
            }
        };
        let setting = Setting {
            name: name.clone(),
            stop: stop.clone(),
            drain: terms.drain,
            audit: terms.audit_file.clone().map(audit::AuditFile::new),
        };
        tasks.spawn(connection::keep(dialer.clone(), target, database, setting));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a connection's task failed; the agent stops so that it is started anew");
            stop.cancel();
        }
    }
    Ok(())
}
