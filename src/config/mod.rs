//! Defaults, then a TOML file, then the environment, then flags: one validated [`Config`], built once and
//! handed down in sections.
//!
//! It reads neither files nor the environment itself: `cli` gathers them as [`Inputs`]. `config.example.toml`
//! explains every key; `tests/it/config.rs` keeps it equal to the defaults written here.

mod accounts;
mod agent;
mod limits;
mod llm;
mod mail;
mod policy;
mod proxy;
mod settings;
mod storage;
mod traces;
mod value;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

use self::limits::{Networks, Origins};
use self::settings::Settings;
use self::value::{LogFilter, Size, WebUrl};
use crate::error::{Error, Result};

pub use self::accounts::{AccountsConfig, DefaultRole, OidcConfig, SignUp};
pub use self::agent::{AgentConfig, AgentConnection, AgentDatabase, AgentFlags, DatabaseParts};
pub use self::limits::LimitsConfig;
pub use self::llm::{LlmConfig, Price, SpendingConfig};
pub use self::mail::{MailConfig, MailTransport, SmtpConfig, SmtpSecurity};
pub use self::policy::{Mask, PolicyConfig};
pub use self::proxy::{Proxy, ProxyConfig};
pub use self::settings::Inputs;
pub use self::storage::{CloudinaryPlace, S3Place, StorageConfig, StoragePlace};
pub use self::traces::TracesConfig;

/// Shorter secret keys could be guessed.
const SECRET_KEY_LENGTH: usize = 32;

/// The same for the token of `/metrics`.
const METRICS_TOKEN_LENGTH: usize = 16;

/// How long running queries may go on once server or agent is told to stop. Service managers kill what takes
/// much longer: systemd after 90 s, Kubernetes after 30 s, Docker after 10 s.
const DRAIN: Duration = Duration::from_secs(20);

/// Everything that can be configured.
#[derive(Debug, Clone)]
pub struct Config {
    pub server: ServerConfig,
    pub database: DatabaseConfig,
    pub storage: StorageConfig,
    pub accounts: AccountsConfig,
    /// None: nobody logs in through a provider.
    pub oidc: Option<OidcConfig>,
    pub files: FilesConfig,
    pub query: QueryConfig,
    /// None: the offline translator answers.
    pub llm: Option<LlmConfig>,
    /// Whether organisations may set a model of their own, or none; None: unless anybody may sign up, since the
    /// server then calls addresses that strangers choose.
    pub own_models: Option<bool>,
    pub spending: SpendingConfig,
    pub mail: MailConfig,
    pub limits: LimitsConfig,
    pub log: LogConfig,
    /// None: no traces are sent.
    pub traces: Option<TracesConfig>,
}

/// `[server]`
#[derive(Debug, Clone)]
pub struct ServerConfig {
    pub listen: SocketAddr,
    /// Where the server's records, files and keys lie.
    pub data_dir: PathBuf,
    /// How the outside reaches the server, e.g. `https://custard.example.com`; None: taken from the request.
    pub public_url: Option<String>,
    /// Signs sessions; None: generated into the data dir.
    pub secret_key: Option<SecretString>,
    /// The key before it, which still opens what was sealed with it.
    pub previous_secret_key: Option<SecretString>,
    /// Opens `/metrics` for a collector; None: only owners and admins.
    pub metrics_token: Option<SecretString>,
    /// How long running queries may go on once the server is told to stop.
    pub drain: Duration,
    /// Machines in front of the server whose word on the caller's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Other web origins whose pages may use the API.
    pub cors_origins: Vec<String>,
}

/// `[database]`
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `postgres://…`; None: SQLite in the data dir.
    pub url: Option<SecretString>,
    /// Connections to the store at most.
    pub pool_size: u32,
}

/// `[files]`
#[derive(Debug, Clone)]
pub struct FilesConfig {
    /// One uploaded file at most, in bytes.
    pub max_upload_bytes: u64,
    /// Memory of one import in bytes.
    pub import_memory_bytes: u64,
    /// Time of one import.
    pub import_time: Duration,
    /// Imports at the same time.
    pub imports_at_once: usize,
}

/// `[query]`
#[derive(Debug, Clone)]
pub struct QueryConfig {
    /// Rows kept of one result at most.
    pub max_rows: u64,
    /// Bytes kept of one result at most.
    pub max_bytes: u64,
    /// Time of one query.
    pub time: Duration,
    /// Memory of one query over files in bytes.
    pub memory_bytes: u64,
    /// How long stored results are kept.
    pub keep_results: Duration,
}

/// `[log]`
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// e.g. `info` or `clean_custard=debug`.
    pub filter: String,
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What the flags of `server` and its neighbours say; they go before everything else.
#[derive(Debug, Clone, Default)]
pub struct ServerFlags {
    pub listen: Option<SocketAddr>,
    pub data_dir: Option<PathBuf>,
    pub database_url: Option<SecretString>,
}

impl Config {
    /// Builds the configuration of a server and of the commands beside it. Errors: `Invalid` with a sentence
    /// that names the place: file and line, or the variable.
    pub fn load(inputs: &Inputs<'_>, flags: ServerFlags) -> Result<Config> {
        let mut settings = Settings::new(inputs)?;
        let mut config = Config::read(&mut settings)?;
        let llm = llm::Raw::read(&mut settings)?;
        let mail = mail::Raw::read(&mut settings)?;
        // One file serves both roles, so the agent's keys are checked here too; only their sense is not.
        agent::Raw::read(&mut settings)?;
        settings.refuse_unknown()?;

        if let Some(listen) = flags.listen {
            config.server.listen = listen;
        }
        if let Some(data_dir) = flags.data_dir {
            config.server.data_dir = data_dir;
        }
        if let Some(url) = flags.database_url {
            config.database.url = Some(url);
        }
        config.llm = llm.complete()?;
        config.mail = mail.complete(config.server.public_url.as_deref())?;
        config.check()?;
        Ok(config)
    }

    /// All but the model, which is put together later: half a model is no mistake in an agent's environment.
    fn read(settings: &mut Settings<'_>) -> Result<Config> {
        let default = Config::default();
        let s = settings;
        Ok(Config {
            server: ServerConfig {
                listen: s.get("server", "listen")?.unwrap_or(default.server.listen),
                data_dir: s.get("server", "data_dir")?.unwrap_or(default.server.data_dir),
                public_url: s.get("server", "public_url")?.map(|WebUrl(url)| url),
                secret_key: s.secret("server", "secret_key", "secret_key_file", &["SECRET_KEY"])?,
                previous_secret_key: s.secret(
                    "server",
                    "previous_secret_key",
                    "previous_secret_key_file",
                    &[],
                )?,
                metrics_token: s.secret("server", "metrics_token", "metrics_token_file", &[])?,
                drain: s.get("server", "drain")?.unwrap_or(default.server.drain),
                trusted_proxies: s
                    .get("server", "trusted_proxies")?
                    .map_or(default.server.trusted_proxies, |Networks(networks)| networks),
                cors_origins: s
                    .get("server", "cors_origins")?
                    .map_or(default.server.cors_origins, |Origins(origins)| origins),
            },
            database: DatabaseConfig {
                url: s.secret("database", "url", "url_file", &["DATABASE_URL"])?,
                pool_size: s
                    .get("database", "pool_size")?
                    .map_or(default.database.pool_size, NonZeroU32::get),
            },
            storage: StorageConfig::read(s)?,
            accounts: AccountsConfig::read(s)?,
            oidc: OidcConfig::read(s)?,
            files: FilesConfig {
                max_upload_bytes: size(s, "files", "max_upload", default.files.max_upload_bytes)?,
                import_memory_bytes: size(s, "files", "import_memory", default.files.import_memory_bytes)?,
                import_time: s
                    .get("files", "import_time")?
                    .unwrap_or(default.files.import_time),
                imports_at_once: s
                    .get("files", "imports_at_once")?
                    .map_or(default.files.imports_at_once, NonZeroUsize::get),
            },
            query: QueryConfig {
                max_rows: s
                    .get("query", "max_rows")?
                    .map_or(default.query.max_rows, NonZeroU64::get),
                max_bytes: size(s, "query", "max_bytes", default.query.max_bytes)?,
                time: s.get("query", "time")?.unwrap_or(default.query.time),
                memory_bytes: size(s, "query", "memory", default.query.memory_bytes)?,
                keep_results: s
                    .get("query", "keep_results")?
                    .unwrap_or(default.query.keep_results),
            },
            llm: None,
            own_models: s.get("llm", "own_models")?,
            spending: SpendingConfig::read(s)?,
            mail: default.mail,
            limits: LimitsConfig::read(s)?,
            log: LogConfig::read(s)?,
            traces: TracesConfig::read(s)?,
        })
    }

    /// Whether organisations may set a model of their own.
    pub fn own_models(&self) -> bool {
        self.own_models.unwrap_or(self.accounts.sign_up != SignUp::Open)
    }

    /// What a value can only be judged on with its meaning in mind.
    fn check(&self) -> Result<()> {
        if let Some(key) = &self.server.secret_key
            && key.expose_secret().len() < SECRET_KEY_LENGTH
        {
            return Err(Error::Invalid(format!(
                "The secret key (server.secret_key, SECRET_KEY) has to have at least {SECRET_KEY_LENGTH} \
                 characters; `openssl rand -hex 32` makes a good one."
            )));
        }
        if let Some(token) = &self.server.metrics_token
            && token.expose_secret().len() < METRICS_TOKEN_LENGTH
        {
            return Err(Error::Invalid(format!(
                "The token for /metrics (server.metrics_token) has to have at least {METRICS_TOKEN_LENGTH} \
                 characters; `openssl rand -hex 16` makes a good one."
            )));
        }
        if let Some(url) = &self.database.url
            && !["postgres://", "postgresql://"]
                .iter()
                .any(|scheme| url.expose_secret().starts_with(scheme))
        {
            return Err(Error::Invalid(
                "The server's own database (database.url, DATABASE_URL, --database-url) has to begin with \
                 postgres:// or postgresql://; leave it out to use SQLite in the data directory."
                    .into(),
            ));
        }
        // A link made from the request's own words could be led astray by whoever asks for it: the letter goes
        // to somebody else.
        if matches!(self.mail.transport, MailTransport::Smtp(_)) && self.server.public_url.is_none() {
            return Err(Error::Invalid(
                "A mail server is configured, and letters hold links to this server: set server.public_url (or \
                 CUSTARD_SERVER_PUBLIC_URL) to the address people reach it at, such as https://custard.example.com."
                    .into(),
            ));
        }
        self.limits.check()
    }
}

impl Default for Config {
    /// What holds when nothing is configured.
    fn default() -> Config {
        Config {
            server: ServerConfig {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
                data_dir: PathBuf::from("custard-data"),
                public_url: None,
                secret_key: None,
                previous_secret_key: None,
                metrics_token: None,
                drain: DRAIN,
                trusted_proxies: Vec::new(),
                cors_origins: Vec::new(),
            },
            database: DatabaseConfig {
                url: None,
                pool_size: 8,
            },
            storage: StorageConfig::default(),
            accounts: AccountsConfig::default(),
            oidc: None,
            files: FilesConfig {
                max_upload_bytes: 1 << 30,
                import_memory_bytes: 2 << 30,
                import_time: Duration::from_secs(10 * 60),
                imports_at_once: 2,
            },
            query: QueryConfig {
                max_rows: 100_000,
                max_bytes: 256 << 20,
                time: Duration::from_secs(60),
                memory_bytes: 1 << 30,
                keep_results: Duration::from_secs(24 * 60 * 60),
            },
            llm: None,
            own_models: None,
            spending: SpendingConfig {
                currency: "USD".into(),
                user_tokens_per_day: None,
                organization_tokens_per_day: None,
            },
            mail: MailConfig::default(),
            limits: LimitsConfig::default(),
            log: LogConfig::default(),
            traces: None,
        }
    }
}

impl LogConfig {
    fn read(settings: &mut Settings<'_>) -> Result<LogConfig> {
        let default = LogConfig::default();
        Ok(LogConfig {
            filter: settings
                .get("log", "filter")?
                .map_or(default.filter, |LogFilter(filter)| filter),
            format: settings.get("log", "format")?.unwrap_or(default.format),
        })
    }
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig {
            filter: "info,actix_server=warn".into(),
            format: LogFormat::Auto,
        }
    }
}

fn size(settings: &mut Settings<'_>, section: &'static str, key: &'static str, default: u64) -> Result<u64> {
    Ok(settings.get(section, key)?.map_or(default, |Size(bytes)| bytes))
}

/// Every key there is, as `section.key`; for the test that keeps `config.example.toml` complete.
pub fn keys() -> Vec<String> {
    let inputs = Inputs {
        file: None,
        env: &BTreeMap::new(),
        read: &|_| Err(std::io::ErrorKind::NotFound.into()),
    };
    let read = || {
        let mut settings = Settings::new(&inputs)?;
        Config::read(&mut settings)?;
        llm::Raw::read(&mut settings)?;
        mail::Raw::read(&mut settings)?;
        agent::Raw::read(&mut settings)?;
        Ok::<_, Error>(settings.known())
    };
    // Nothing was given, so nothing can be wrong.
    read().unwrap_or_default()
}
