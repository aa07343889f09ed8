//! Where queries run. Everything the rest of the program knows about a database stands in [`Source`]; a new
//! kind is one folder here and one line in [`connector`].

pub mod connector;
pub mod files;
pub mod mongodb;
pub mod mysql;
pub mod postgres;
mod pump;
pub mod sqlite;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
pub use crate::catalog::Dialect;
use crate::error::Result;
use crate::rows::Rows;
pub use connector::{Connector, Kind, connect, connect_parts};

/// Something that can be asked: files, a database near, or a database behind an agent.
#[async_trait]
pub trait Source: Send + Sync {
    /// What dialect queries for this source are written in.
    fn dialect(&self) -> Dialect;

    /// Reaches the source and says what it is and what its role could do. Errors: `Source`, `Timeout`,
    /// `AgentOffline`.
    async fn check(&self) -> Result<Health>;

    /// What can be asked about.
    async fn catalog(&self) -> Result<Arc<Catalog>>;

    /// Takes what was known of the catalog before this process began, for a source whose catalog comes from
    /// samples.
    fn remember(&self, _: &Catalog) {}

    /// Runs one query that has passed the guard, within `limits`, read-only. Dropping the future or the rows
    /// cancels it, down to the database. At the row or byte limit the stream ends, after exactly the rows
    /// that fit, and `Rows::truncated` is set if (and only if) there were more.
    async fn run(&self, query: &str, limits: &Limits) -> Result<Rows>;
}

/// What a source said about itself when it was reached.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// The database's version, e.g. `PostgreSQL 15.18`.
    pub version: String,
    /// What the role could do beyond reading, one sentence each; empty is good.
    #[serde(default)]
    pub role_warnings: Vec<String>,
}

/// How much one query may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Rows at most.
    pub rows: u64,
    /// Bytes of Arrow data at most.
    pub bytes: u64,
    /// Wall-clock time in milliseconds, from start to last row.
    pub time_ms: u64,
    /// What the source's planner may estimate the query to cost, in its own units, where it has any.
    #[serde(default)]
    pub cost: Option<u64>,
    /// Rows that any one step of the plan may be estimated to give.
    #[serde(default)]
    pub estimated_rows: Option<u64>,
}

impl Limits {
    /// The wall-clock limit.
    pub fn time(&self) -> Duration {
        Duration::from_millis(self.time_ms)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            rows: 100_000,
            bytes: 256 * 1024 * 1024,
            time_ms: 60_000,
            cost: None,
            estimated_rows: None,
        }
    }
}
