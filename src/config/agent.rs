//! The agent's own configuration: which servers it dials, with which key, for which database, and what it
//! allows.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::policy::PolicyConfig;
use super::proxy::RawProxy;
use super::settings::{Inputs, Settings};
use super::value::ServerUrls;
use super::{Config, LogConfig, ProxyConfig};
use crate::error::{Error, Result};

/// Where a connection's socket lies below a server's address; the id follows.
const SOCKET_PATH: &str = "/api/v1/connections/ws/";

/// The agent's own configuration.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    pub connections: Vec<AgentConnection>,
    /// Whether the connections were listed in the file (`[[agent.connections]]`).
    pub listed: bool,
    /// What the agent is called where its connections are shown; None: the machine's name.
    pub name: Option<String>,
    /// Allow plain `ws://` to a host that is not this machine.
    pub allow_insecure: bool,
    /// Extra certificate authorities in PEM.
    pub ca_file: Option<PathBuf>,
    pub proxy: ProxyConfig,
    /// How long running queries may go on once the agent is told to stop.
    pub drain: Duration,
    /// Where every query is written down as a JSON line; None: nowhere.
    pub audit_file: Option<PathBuf>,
    pub policy: PolicyConfig,
    pub log: LogConfig,
}

/// One connection that an agent serves: which server, which key, which database.
#[derive(Debug, Clone)]
pub struct AgentConnection {
    /// Full WebSocket URL of the connection at the server.
    pub websocket_url: String,
    pub key: SecretString,
    pub database: AgentDatabase,
}

/// The database beside the agent.
#[derive(Debug, Clone)]
pub enum AgentDatabase {
    /// A source URL, which says the kind itself.
    Url(SecretString),
    /// The `DB_*` variables; the kind comes from the server, which knows what the connection was made for.
    Parts(DatabaseParts),
}

/// What the `DB_*` variables say; which of them are needed depends on the kind of database.
#[derive(Debug, Clone, Default)]
pub struct DatabaseParts {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub name: Option<String>,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    pub sslmode: Option<String>,
}

/// What the flags of `agent` say; they go before everything else. Secrets come from the files that flags
/// name, which `cli` reads.
#[derive(Debug, Clone, Default)]
pub struct AgentFlags {
    /// `--server`: a server's web address, or the full address of the socket.
    pub servers: Vec<String>,
    pub connection: Option<String>,
    pub key: Option<SecretString>,
    pub source_url: Option<SecretString>,
}

/// The agent's keys as they stand, typed but not yet put together.
pub(super) struct Raw {
    single: RawConnection,
    listed: Vec<RawConnection>,
    name: Option<String>,
    allow_insecure: bool,
    ca_file: Option<PathBuf>,
    proxy: RawProxy,
    drain: Duration,
    audit_file: Option<PathBuf>,
    policy: PolicyConfig,
}

/// One connection as configured, each part perhaps missing.
#[derive(Default)]
struct RawConnection {
    servers: Vec<String>,
    connection: Option<String>,
    key: Option<SecretString>,
    database: Option<AgentDatabase>,
}

impl AgentConfig {
    /// Whether a server to dial is named anywhere, so that the configuration means an agent at all. Errors:
    /// as [`AgentConfig::load`] for what cannot be read.
    pub fn is_configured(inputs: &Inputs<'_>) -> Result<bool> {
        let mut settings = Settings::new(inputs)?;
        let raw = Raw::read(&mut settings)?;
        let plain: Option<ServerUrls> = settings.variable("BACKEND_WEBSOCKET_URI")?;
        Ok(plain.is_some() || !raw.single.servers.is_empty() || !raw.listed.is_empty())
    }

    /// Builds the agent's configuration. Errors: `Invalid` with a sentence that says what is missing and
    /// where to set it.
    pub fn load(inputs: &Inputs<'_>, flags: AgentFlags) -> Result<AgentConfig> {
        let mut settings = Settings::new(inputs)?;
        // One file serves both roles, so the server's keys are checked here too; only their sense is not.
        let log = Config::read(&mut settings)?.log;
        super::llm::Raw::read(&mut settings)?;
        super::mail::Raw::read(&mut settings)?;
        let mut raw = Raw::read(&mut settings)?;
        settings.refuse_unknown()?;
        raw.single.add_plain_variables(&settings)?;
        raw.single.add_flags(flags);

        let listed = !raw.listed.is_empty();
        let connections = if raw.listed.is_empty() {
            raw.single.complete()?
        } else {
            let RawConnection {
                servers,
                connection: None,
                key: None,
                database: None,
            } = raw.single
            else {
                return Err(Error::Invalid(
                    "The configuration file lists several [[agent.connections]], and a connection, key or \
                     database is also given beside them; it would not be clear which one is meant. Keep one \
                     of the two ways."
                        .into(),
                ));
            };
            let mut all = Vec::new();
            for mut listed in raw.listed {
                if listed.servers.is_empty() {
                    listed.servers.clone_from(&servers);
                }
                all.extend(listed.complete()?);
            }
            all
        };
        for connection in &connections {
            if !raw.allow_insecure && is_insecure(&connection.websocket_url) {
                return Err(Error::Invalid(format!(
                    "{} is not encrypted and not on this machine, so the key and the rows could be read on \
                     the way. Use https:// (or wss://), or set agent.allow_insecure = true if the network \
                     between is your own.",
                    connection.websocket_url
                )));
            }
        }
        Ok(AgentConfig {
            connections,
            listed,
            name: raw.name,
            allow_insecure: raw.allow_insecure,
            ca_file: raw.ca_file,
            proxy: raw.proxy.complete(&settings)?,
            drain: raw.drain,
            audit_file: raw.audit_file,
            policy: raw.policy,
            log,
        })
    }
}

impl AgentConnection {
    /// The server's web address.
    pub fn server_url(&self) -> String {
        let base = self
            .websocket_url
            .split_once(SOCKET_PATH)
            .map_or(self.websocket_url.as_str(), |(base, _)| base);
        base.replacen("ws", "http", 1)
    }
}

impl Raw {
    pub(super) fn read(s: &mut Settings<'_>) -> Result<Raw> {
        let single = RawConnection {
            servers: s
                .get("agent", "servers")?
                .map_or(Vec::new(), |ServerUrls(urls)| urls),
            connection: s.get("agent", "connection")?,
            key: s.secret("agent", "key", "key_file", &[])?,
            database: s
                .secret("agent", "source_url", "source_url_file", &[])?
                .map(AgentDatabase::Url),
        };
        let mut listed = Vec::new();
        for mut entry in s.entries("agent", "connections")? {
            let connection = RawConnection {
                servers: entry.get("servers")?.map_or(Vec::new(), |ServerUrls(urls)| urls),
                connection: entry.get("connection")?,
                key: entry.secret("key", "key_file")?,
                database: entry
                    .secret("source_url", "source_url_file")?
                    .map(AgentDatabase::Url),
            };
            entry.refuse_unknown()?;
            if connection.key.is_none() || connection.database.is_none() {
                return Err(entry.wrong("needs a key (or key_file) and a source_url (or source_url_file)"));
            }
            listed.push(connection);
        }
        Ok(Raw {
            single,
            listed,
            name: s.get("agent", "name")?,
            allow_insecure: s.get("agent", "allow_insecure")?.unwrap_or(false),
            ca_file: s.get("agent", "ca_file")?,
            proxy: RawProxy::read(s)?,
            drain: s.get("agent", "drain")?.unwrap_or(super::DRAIN),
            audit_file: s.get("agent", "audit_file")?,
            policy: PolicyConfig::read(s)?,
        })
    }
}

impl RawConnection {
    /// The names people already have in their deployments. They belong to the environment, so they go
    /// before the file; our own names go before them. Only the agent reads them: beside a server they may
    /// mean something else.
    fn add_plain_variables(&mut self, settings: &Settings<'_>) -> Result<()> {
        let in_env = |key: &str| settings.is_set("agent", key);
        if !in_env("servers")
            && let Some(ServerUrls(urls)) = settings.variable("BACKEND_WEBSOCKET_URI")?
        {
            if urls.iter().any(|url| !url.contains(SOCKET_PATH)) {
                return Err(Error::Invalid(format!(
                    "BACKEND_WEBSOCKET_URI has to be the full address of the socket, ending in \
                     {SOCKET_PATH}<connection id>, as the server shows it."
                )));
            }
            self.servers = urls;
        }
        if !in_env("connection")
            && let Some(id) = settings.variable("CONNECTION_ID")?
        {
            self.connection = Some(id);
        }
        if !in_env("key")
            && !in_env("key_file")
            && let Some(key) = settings.variable("CUSTARD_AGENT_KEY")?
        {
            self.key = Some(key);
        }
        if !in_env("source_url") && !in_env("source_url_file") {
            let parts = parts(settings)?;
            // DB_NAME alone means a file, but it is too common a name to go before the configuration.
            if parts.host.is_some() || (parts.name.is_some() && self.database.is_none()) {
                self.database = Some(AgentDatabase::Parts(parts));
            }
        }
        Ok(())
    }

    fn add_flags(&mut self, flags: AgentFlags) {
        if !flags.servers.is_empty() {
            self.servers = flags.servers;
        }
        self.connection = flags.connection.or(self.connection.take());
        self.key = flags.key.or(self.key.take());
        self.database = flags.source_url.map(AgentDatabase::Url).or(self.database.take());
    }

    /// One finished connection per server.
    fn complete(self) -> Result<Vec<AgentConnection>> {
        if self.servers.is_empty() {
            return Err(Error::Invalid(
                "The agent needs to know its server: give --server, BACKEND_WEBSOCKET_URI or agent.servers."
                    .into(),
            ));
        }
        let key = self.key.ok_or_else(|| {
            Error::Invalid(
                "The agent needs the key of its connection: give --key-file, CUSTARD_AGENT_KEY or agent.key_file. \
                 The server shows the key once, when the connection is created."
                    .into(),
            )
        })?;
        let database = self.database.ok_or_else(|| {
            Error::Invalid(
                "The agent needs its database: give --source-file, DB_HOST with DB_NAME and DB_USER, or \
                 agent.source_url_file. For a database that is a file, DB_NAME is its path."
                    .into(),
            )
        })?;
        let connection = self.connection.as_deref();
        self.servers
            .iter()
            .map(|server| {
                Ok(AgentConnection {
                    websocket_url: websocket_url(server, connection)?,
                    key: key.clone(),
                    database: database.clone(),
                })
            })
            .collect()
    }
}

/// The full address of a connection's socket, from either form. Errors: `Invalid` when the id is missing or
/// contradicts the address.
fn websocket_url(server: &str, connection: Option<&str>) -> Result<String> {
    let url = Url::parse(server).map_err(|_| not_a_server(server))?;
    let scheme = match url.scheme() {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        _ => return Err(not_a_server(server)),
    };
    if !url.has_host() {
        return Err(not_a_server(server));
    }
    // Not `set_scheme`: it keeps a port that was the default of the other scheme only by accident.
    let rest = server
        .split_once("://")
        .map_or("", |(_, rest)| rest)
        .trim_end_matches('/');
    match (rest.split_once(SOCKET_PATH), connection) {
        (Some((_, id)), _) if id.is_empty() || id.contains('/') => Err(Error::Invalid(format!(
            "The address {server} does not end in a connection's id."
        ))),
        (Some((_, id)), Some(connection)) if id != connection => Err(Error::Invalid(format!(
            "The connection id {connection} contradicts the server's address, which ends in {id}. Give only \
             one of them, or the same in both."
        ))),
        (Some(_), _) => Ok(format!("{scheme}://{rest}")),
        (None, Some(connection)) => Ok(format!("{scheme}://{rest}{SOCKET_PATH}{connection}")),
        (None, None) => Err(Error::Invalid(
            "The agent needs the id of its connection: give --connection, CONNECTION_ID or agent.connection, or \
             the full address of the socket as the server."
                .into(),
        )),
    }
}

fn not_a_server(server: &str) -> Error {
    Error::Invalid(format!(
        "{server} is no address of a server; it has to begin with https://, http://, wss:// or ws://."
    ))
}

/// Whether rows and key would cross a network in the clear.
fn is_insecure(websocket_url: &str) -> bool {
    let Ok(url) = Url::parse(websocket_url) else {
        return true;
    };
    let here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "ws" && !here
}

/// The `DB_*` variables. Errors: `Invalid` for what cannot be right for any kind of database.
fn parts(settings: &Settings<'_>) -> Result<DatabaseParts> {
    let port =
        match settings.variable::<u32>("DB_PORT")? {
            None => None,
            Some(port) => Some(u16::try_from(port).ok().filter(|port| *port > 0).ok_or_else(|| {
                Error::Invalid("The variable DB_PORT has to be between 1 and 65535.".into())
            })?),
        };
    let parts = DatabaseParts {
        host: settings.variable("DB_HOST")?,
        port,
        name: settings.variable("DB_NAME")?,
        user: settings.variable("DB_USER")?,
        password: settings.variable("DB_PASSWORD")?,
        sslmode: settings.variable("DB_SSLMODE")?,
    };
    if parts.host.is_some() && parts.name.is_none() {
        return Err(Error::Invalid(
            "DB_HOST is set, so DB_NAME has to be set too.".into(),
        ));
    }
    Ok(parts)
}
