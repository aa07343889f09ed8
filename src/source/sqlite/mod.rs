//! SQLite files: opened read-only for every query, on a thread of their own, and locked so that nothing but
//! reading is left.
//!
//! It does not judge queries (that is the guard's), but holds without the guard: the file is opened
//! read-only, the connection is `query_only` and defensive, and an authorizer lets the library prepare
//! nothing but a SELECT over the tables of this one file.

mod catalog;
mod fault;
mod hash;
mod open;
mod rows;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::pump::{BATCH_BYTES, BATCH_ROWS, BATCH_WAIT, Budget, Writer, pump};
use super::{Connector, Dialect, Health, Limits, Source};
use crate::catalog::Catalog;
use crate::config::DatabaseParts;
use crate::error::{Error, Result, SourceFault};
use crate::rows::Rows;
use open::{Locked, Purpose};
use rows::Batch;

/// What the program has to know of it.
pub const CONNECTOR: Connector = Connector {
    name: "SQLITE",
    title: "SQLite",
    dialect: Dialect::Sqlite,
    prefixes: &["sqlite:"],
    connect: |url| Ok(Arc::new(Sqlite::new(url)?)),
    url_of_parts,
    example_variables: "DB_NAME=/path/to/your.db",
    default_port: None,
    has_password: false,
    prompt: include_str!("../../../assets/prompts/sqlite.md"),
};

/// Queries that run at once; more wait.
const AT_ONCE: usize = 8;
/// Time for looks at the catalog.
const LOOK_TIME: Duration = Duration::from_secs(60);

/// A SQLite file.
pub struct Sqlite {
    path: PathBuf,
    running: Arc<Semaphore>,
}

fn url_of_parts(parts: &DatabaseParts) -> Result<SecretString> {
    match parts.name.as_deref() {
        Some(path) if parts.host.is_none() => Ok(format!("sqlite:{path}").into()),
        Some(_) => Err(Error::Invalid(
            "A SQLite file has no host: unset DB_HOST, and give the path of the file in DB_NAME.".into(),
        )),
        None => Err(Error::Invalid(
            "The variable DB_NAME has to be the path of the SQLite file.".into(),
        )),
    }
}

impl Sqlite {
    /// From `sqlite:PATH` or `sqlite://PATH`; the path is taken as it is written. Nothing is opened yet.
    /// Errors: `Invalid`.
    pub fn new(url: &str) -> Result<Sqlite> {
        let path = url.split_once(':').map_or("", |(_, path)| path);
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains('\0') {
            return Err(Error::Invalid(
                "This SQLite URL names no file; it has to look like sqlite:/path/to/file.db.".into(),
            ));
        }
        Ok(Sqlite {
            path: PathBuf::from(path),
            running: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// Runs `look` on a thread that may block; dropping the future stops it in the library.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Locked) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let stop = CancellationToken::new();
        let _stop = stop.clone().drop_guard();
        let path = self.path.clone();
        let deadline = Instant::now() + LOOK_TIME;
        tokio::task::spawn_blocking(move || {
            let locked = Locked::open(&path, Purpose::Look, stop.clone(), deadline)?;
            look(&locked)
        })
        .await
        .map_err(Error::internal)?
    }
}

#[async_trait]
impl Source for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn check(&self) -> Result<Health> {
        let path = self.path.clone();
        self.look(move |locked| {
            let version = locked.version()?;
            let may_write = rustix::fs::access(&path, rustix::fs::Access::WRITE_OK).is_ok();
            let role_warnings = match may_write {
                true => vec![
                    "SQLite knows no roles, and the file can be written by the user that this process runs as. \
                     Let it run as a user who may only read the file."
                        .into(),
                ],
                false => Vec::new(),
            };
            Ok(Health {
                version: format!("SQLite {version}"),
                role_warnings,
            })
        })
        .await
    }

    async fn catalog(&self) -> Result<Arc<Catalog>> {
        self.look(catalog::read).await.map(Arc::new)
    }

    async fn run(&self, query: &str, limits: &Limits) -> Result<Rows> {
        let mut budget = Budget::new(limits);
        let waiting = self.running.clone().acquire_owned();
        let running = match tokio::time::timeout(budget.time_left(), waiting).await {
            Ok(running) => running.map_err(Error::internal)?,
            Err(_) => return Err(budget.too_long()),
        };
        let (writer, reader) = pump();
        let (path, query) = (self.path.clone(), query.to_owned());
        tokio::task::spawn_blocking(move || {
            let result = read(&path, &query, &mut budget, &writer);
            drop(running);
            writer.blocking_finish(result);
        });
        reader.rows().await
    }
}

/// Runs the query to its end, or until somebody or something stops it.
fn read(path: &std::path::Path, query: &str, budget: &mut Budget, writer: &Writer) -> Result<()> {
    let locked = Locked::open(path, Purpose::Query, writer.stop.clone(), budget.deadline)?;
    let stopped = |error: rusqlite::Error| match locked.was_stopped(&error) {
        true if writer.stop.is_cancelled() => Error::Cancelled,
        true => budget.too_long(),
        false => fault::of(&error),
    };
    let mut statement = locked.connection.prepare(query).map_err(stopped)?;
    if !statement.readonly() {
        return Err(Error::source(
            SourceFault::Permission,
            "Only reading is allowed; this statement would change the database.",
        ));
    }
    let mut batch = Batch::new(&statement);
    let mut cursor = statement.query([]).map_err(stopped)?;
    let mut is_announced = false;
    let mut hand_on_at: Option<Instant> = None;
    loop {
        let row = match cursor.next() {
            Ok(row) => row,
            Err(error) => {
                return Err(match locked.was_stopped(&error) {
                    true if writer.stop.is_cancelled() => Error::Cancelled,
                    true => budget.too_long(),
                    false => fault::of(&error),
                });
            }
        };
        let mut is_last = row.is_none();
        if let Some(row) = row {
            if budget.has_room() {
                budget.took(batch.push(row)?);
            } else {
                writer.truncated.set();
                is_last = true;
            }
        }
        let since = *hand_on_at.get_or_insert_with(|| Instant::now() + BATCH_WAIT);
        let is_full = batch.rows() >= BATCH_ROWS
            || batch.bytes() >= BATCH_BYTES
            || (batch.rows().is_multiple_of(64) && Instant::now() >= since);
        if !is_full && !is_last {
            continue;
        }
        if !is_announced {
            writer.blocking_schema(batch.settle())?;
            is_announced = true;
        }
        if batch.rows() > 0 {
            writer.blocking_batch(batch.take()?)?;
        }
        hand_on_at = None;
        if is_last {
            return Ok(());
        }
        if budget.time_left().is_zero() {
            return Err(budget.too_long());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_what_follows_the_scheme() {
        for (url, path) in [
            ("sqlite:shop.db", "shop.db"),
            ("sqlite:/var/lib/shop.db", "/var/lib/shop.db"),
            ("sqlite:///var/lib/shop.db", "/var/lib/shop.db"),
            ("SQLite:what?is=this.db", "what?is=this.db"),
        ] {
            assert_eq!(Sqlite::new(url).unwrap().path, PathBuf::from(path));
        }
        assert!(Sqlite::new("sqlite:").is_err() && Sqlite::new("sqlite://").is_err());
    }
}
