//! Defaults, then a TOML file, then the environment, then flags: one validated [`Config`], built once and
//! handed down in sections.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// Everything that can be configured.
#[derive(Debug, Clone)]
pub struct Config {
    pub server: ServerConfig,
    pub database: DatabaseConfig,
    pub files: FilesConfig,
    pub query: QueryConfig,
    /// None: the offline translator answers.
    pub llm: Option<LlmConfig>,
    pub log: LogConfig,
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

/// `[llm]`
#[derive(Debug, Clone)]
pub struct LlmConfig {
    /// OpenAI-compatible base, e.g. `https://api.openai.com/v1`; a query string is kept.
    pub base_url: String,
    /// None for endpoints that need no key.
    pub api_key: Option<SecretString>,
    pub model: String,
    /// Time until the first byte.
    pub connect_timeout: Duration,
    /// Time between two bytes, and for a whole answer that does not stream.
    pub read_timeout: Duration,
    /// Further tries on 429 and 5xx.
    pub retries: u32,
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
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The agent's own configuration.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    pub connections: Vec<AgentConnection>,
    /// Allow plain `ws://` to a host that is not this machine.
    pub allow_insecure: bool,
    /// Extra certificate authorities in PEM.
    pub ca_file: Option<PathBuf>,
    pub policy: PolicyConfig,
    pub log: LogConfig,
}

/// One connection that an agent serves: which server, which key, which database.
#[derive(Debug, Clone)]
pub struct AgentConnection {
    /// Full WebSocket URL of the connection at the server.
    pub websocket_url: String,
    pub key: SecretString,
    /// URL of the database beside the agent.
    pub source_url: SecretString,
}

/// `[policy]`: what the agent allows, whatever the server asks.
#[derive(Debug, Clone)]
pub struct PolicyConfig {
    pub max_rows: u64,
    pub max_bytes: u64,
    pub max_time: Duration,
    /// Whether frequent values and enum labels may leave with the catalog.
    pub value_hints: bool,
}
