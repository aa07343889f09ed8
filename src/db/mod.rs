//! The server's own records: one path for SQLite (default) and PostgreSQL.
//!
//! Queries are plain functions in one file per noun, each taking `&mut Conn`. They run on blocking threads
//! through [`Db::read`] and [`Db::write`]. SQLite has one writer, whose transactions begin IMMEDIATE:
//! deferred ones that read first lose updates under load.

pub mod api_tokens;
pub mod audit;
pub mod connections;
pub mod conversations;
pub mod dump;
pub mod evaluations;
pub mod examples;
pub mod feedback;
pub mod files;
pub mod glossary;
pub mod invitations;
pub mod login_attempts;
pub mod mail;
pub mod models;
pub mod oidc_identities;
pub mod preferences;
pub mod queries;
pub mod recovery_codes;
pub mod results;
pub mod schema;
pub mod sealed;
pub mod sessions;
pub mod sign_ups;
pub mod source_access;
pub mod usage;
pub mod user_tokens;
pub mod users;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::{PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use r2d2::{ManageConnection, Pool};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::error::{DISK_FULL, Error, Result};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Serialises migrations of several servers that start on one PostgreSQL at once.
const MIGRATION_LOCK: i64 = 0x00C1_EA4C_0574;

/// A connection to whichever store is configured.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// Opens connections of the configured kind. The derived `Conn::establish` would try both kinds and hide
/// the real error.
struct Opener {
    target: Target,
}

enum Target {
    Sqlite(String),
    Postgres(SecretString),
}

/// Why a connection could not be opened or is no longer good.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("{0}")]
    Open(#[from] diesel::ConnectionError),
    #[error("{0}")]
    Query(#[from] diesel::result::Error),
}

impl ManageConnection for Opener {
    type Connection = Conn;
    type Error = OpenError;

    fn connect(&self) -> Result<Conn, OpenError> {
        match &self.target {
            Target::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(path)?;
                // The busy time-out comes first: switching to WAL itself needs a lock.
                conn.batch_execute(
                    "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                     PRAGMA foreign_keys = ON; PRAGMA auto_vacuum = INCREMENTAL;",
                )?;
                Ok(Conn::Sqlite(conn))
            }
            Target::Postgres(url) => {
                let mut conn = PgConnection::establish(url.expose_secret())?;
                conn.batch_execute("SET TIME ZONE 'UTC'")?;
                Ok(Conn::Postgres(conn))
            }
        }
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), OpenError> {
        Ok(conn.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        // A panic inside a transaction leaves it open; such a connection must not go back to the pool.
        if std::thread::panicking() {
            return true;
        }
        match conn {
            Conn::Sqlite(_) => false,
            Conn::Postgres(conn) => AnsiTransactionManager::is_broken_transaction_manager(conn),
        }
    }
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    kind: &'static str,
    readers: Pool<Opener>,
    writer: Pool<Opener>,
    /// As many as there are reader connections: waiting happens here, not on a blocking thread.
    reading: Arc<Semaphore>,
    writing: Arc<Semaphore>,
}

impl Db {
    /// Opens the store and brings its schema up to date. SQLite at `file` unless `url` names a PostgreSQL.
    /// Blocks; call it before the server starts or on a blocking thread. Errors: `Invalid` with a sentence
    /// when the store cannot be opened or its schema is newer than this program.
    pub fn open(file: &Path, url: Option<&SecretString>, pool_size: u32) -> Result<Db> {
        let db = Db::attach(file, url, pool_size)?;
        db.migrate(file)?;
        Ok(db)
    }

    /// Opens the store as it is, whatever its schema: for looking at it beside a server, which may be of an
    /// older version. Blocks. Errors: `Invalid` when it cannot be opened.
    pub fn attach(file: &Path, url: Option<&SecretString>, pool_size: u32) -> Result<Db> {
        Ok(match url {
            Some(url) => {
                let scheme = url.expose_secret().split(':').next().unwrap_or_default();
                if !matches!(scheme, "postgres" | "postgresql") {
                    return Err(Error::Invalid(
                        "The database URL has to begin with postgres:// or postgresql://; leave it out to use SQLite."
                            .into(),
                    ));
                }
                let target = || Target::Postgres(url.clone());
                let readers = pool(target(), pool_size, "PostgreSQL store")?;
                Db {
                    kind: "postgresql",
                    writer: readers.clone(),
                    readers,
                    reading: Arc::new(Semaphore::new(pool_size as usize)),
                    writing: Arc::new(Semaphore::new(pool_size as usize)),
                }
            }
            None => {
                let path = file
                    .to_str()
                    .ok_or_else(|| Error::Invalid("The data folder's path is not valid UTF-8.".into()))?;
                let target = || Target::Sqlite(path.to_owned());
                let writer = pool(target(), 1, path)?;
                set_mode(file)?;
                Db {
                    kind: "sqlite",
                    writer,
                    readers: pool(target(), pool_size, path)?,
                    reading: Arc::new(Semaphore::new(pool_size as usize)),
                    writing: Arc::new(Semaphore::new(1)),
                }
            }
        })
    }

    /// Whether the store can be opened, without bringing anything up to date; a SQLite file that does not
    /// exist yet counts as good. Blocks. Errors: as [`Db::open`].
    pub fn reach(file: &Path, url: Option<&SecretString>) -> Result<()> {
        let (target, name) = match url {
            Some(url) => (Target::Postgres(url.clone()), "PostgreSQL store".into()),
            None if !file.exists() => return Ok(()),
            None => {
                let name = file.to_string_lossy().into_owned();
                (Target::Sqlite(name.clone()), name)
            }
        };
        open_once(&Opener { target }, &name)
    }

    /// Runs `query` on a reader connection.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self
            .reading
            .clone()
            .acquire_owned()
            .await
            .map_err(Error::internal)?;
        let pool = self.readers.clone();
        blocking(move || {
            let _permit = permit;
            query(&mut *pool.get().map_err(|error| unavailable(&error))?)
        })
        .await
    }

    /// Runs `change` in one transaction: all of it or nothing.
    pub async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self
            .writing
            .clone()
            .acquire_owned()
            .await
            .map_err(Error::internal)?;
        let pool = self.writer.clone();
        blocking(move || {
            let _permit = permit;
            transaction(&mut *pool.get().map_err(|error| unavailable(&error))?, change)
        })
        .await
    }

    /// Runs `look` in one snapshot of the whole store: nothing that happens meanwhile is seen, and nobody waits
    /// for it. Blocks.
    pub fn snapshot<T>(&self, look: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut conn = self.readers.get().map_err(|error| unavailable(&error))?;
        match &mut *conn {
            // Its first read takes the snapshot.
            Conn::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN")?,
            Conn::Postgres(postgres) => AnsiTransactionManager::begin_transaction_sql(
                postgres,
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            )?,
        }
        let outcome = look(&mut conn);
        rollback(&mut conn);
        outcome
    }

    /// A new and empty store, for a restore: `fill` gets it in one transaction, with its schema as `versions`
    /// say, and then it is brought up to date. Blocks. Errors: `Conflict` when there is anything in it.
    pub fn fill(
        file: &Path,
        url: Option<&SecretString>,
        versions: &[String],
        fill: impl FnOnce(&mut Conn) -> Result<()>,
    ) -> Result<()> {
        let (target, name) = match url {
            Some(url) => (Target::Postgres(url.clone()), "PostgreSQL store".to_owned()),
            None => {
                let name = file.to_string_lossy().into_owned();
                (Target::Sqlite(name.clone()), name)
            }
        };
        let opener = Opener { target };
        open_once(&opener, &name)?;
        let mut conn = opener.connect().map_err(|error| Error::Invalid(reason(&error)))?;
        if url.is_none() {
            set_mode(file)?;
        }
        transaction(&mut conn, |conn| {
            if !dump::tables(conn)?.is_empty() {
                return Err(Error::Conflict(
                    "The store to restore into is not empty. Restore overwrites nothing: name an empty database, or \
                     another data folder."
                        .into(),
                ));
            }
            dump::migrate_to(conn, versions)?;
            fill(conn)?;
            dump::migrate_to(conn, &dump::known()?)?;
            audit::protect(conn)
        })
    }

    /// Writes everything SQLite keeps beside the file into it, so that the file alone is the store. Blocks.
    pub fn settle(file: &Path) -> Result<()> {
        let mut conn = SqliteConnection::establish(&file.to_string_lossy()).map_err(Error::internal)?;
        Ok(conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA wal_checkpoint(TRUNCATE);")?)
    }

    /// `sqlite` or `postgresql`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Connections of the pool, and how many of them are at work.
    pub fn connections(&self) -> (u32, u32) {
        let state = self.readers.state();
        (
            self.readers.max_size(),
            state.connections.saturating_sub(state.idle_connections),
        )
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<()> {
        self.read(|conn| Ok(conn.batch_execute("SELECT 1")?)).await
    }

    fn migrate(&self, file: &Path) -> Result<()> {
        let mut conn = self.writer.get().map_err(|error| unavailable(&error))?;
        if let Conn::Postgres(conn) = &mut *conn {
            conn.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))?;
        }
        let outcome = migrate(&mut conn, file);
        if let Conn::Postgres(conn) = &mut *conn {
            conn.batch_execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})"))?;
        }
        outcome
    }
}

fn pool(target: Target, size: u32, name: &str) -> Result<Pool<Opener>> {
    // A file does not hang up between two requests; a server may.
    let can_hang_up = matches!(target, Target::Postgres(_));
    let opener = Opener { target };
    // The pool itself only ever says "timed out"; one try by hand gives the real reason.
    open_once(&opener, name)?;
    Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        .test_on_check_out(can_hang_up)
        .connection_timeout(Duration::from_secs(10))
        .error_handler(Box::new(LogErrors))
        .build(opener)
        .map_err(|error| unavailable(&error))
}

fn open_once(opener: &Opener, name: &str) -> Result<()> {
    opener.connect().map(drop).map_err(|error| {
        Error::Invalid(format!(
            "The server's own store ({name}) cannot be opened: {}",
            reason(&error)
        ))
    })
}

/// Failures to open a further connection, into our log.
#[derive(Debug)]
struct LogErrors;

impl r2d2::HandleError<OpenError> for LogErrors {
    fn handle_error(&self, error: OpenError) {
        tracing::warn!(error = %reason(&error), "the store cannot be reached");
    }
}

/// libpq's messages hold host and user, never the password; they end in a line break.
fn reason(error: &OpenError) -> String {
    error.to_string().trim().replace('\n', " ")
}

fn unavailable(error: &r2d2::Error) -> Error {
    Error::Internal(format!("the store is not available: {error}"))
}

/// Records may be read by the server's own user only.
fn set_mode(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(
        file,
        std::fs::Permissions::from_mode(0o600),
    )?)
}

fn migrate(conn: &mut Conn, file: &Path) -> Result<()> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        Error::Internal(format!(
            "the store's schema could not be brought up to date: {error}"
        ))
    };
    let applied = conn.applied_migrations().map_err(failed)?;
    let pending = conn.pending_migrations(MIGRATIONS).map_err(failed)?;
    let known = {
        use diesel::migration::MigrationSource;
        let all = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&MIGRATIONS).map_err(failed)?;
        all.iter()
            .map(|migration| migration.name().version().as_owned())
            .collect::<Vec<_>>()
    };
    if let Some(newer) = applied.iter().find(|version| !known.contains(version)) {
        return Err(Error::Invalid(format!(
            "The store's schema ({newer}) is newer than this program knows. Start the newer program, or restore \
             the copy that was made before the upgrade."
        )));
    }
    if pending.is_empty() {
        return audit::protect(conn);
    }
    if !applied.is_empty()
        && let Conn::Sqlite(conn) = conn
    {
        copy_aside(conn, file)?;
    }
    drop(pending);
    conn.run_pending_migrations(MIGRATIONS).map_err(failed)?;
    audit::protect(conn)
}

/// A consistent copy of the SQLite file beside it, before an upgrade touches it.
fn copy_aside(conn: &mut SqliteConnection, file: &Path) -> Result<()> {
    let stamp = crate::id::now().format("%Y%m%dT%H%M%S");
    let copy = file.with_extension(format!("before-upgrade-{stamp}.db"));
    diesel::sql_query("VACUUM INTO ?")
        .bind::<diesel::sql_types::Text, _>(copy.to_string_lossy().into_owned())
        .execute(conn)?;
    tracing::info!(copy = %copy.display(), "copied the store aside before its upgrade");
    Ok(())
}

fn transaction<T>(conn: &mut Conn, change: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
    if let Conn::Sqlite(sqlite) = conn {
        AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
        match change(conn) {
            Ok(value) => {
                commit(conn)?;
                Ok(value)
            }
            Err(error) => {
                rollback(conn);
                Err(error)
            }
        }
    } else {
        conn.transaction(change)
    }
}

fn commit(conn: &mut Conn) -> Result<()> {
    match conn {
        Conn::Sqlite(conn) => Ok(AnsiTransactionManager::commit_transaction(conn)?),
        Conn::Postgres(conn) => Ok(AnsiTransactionManager::commit_transaction(conn)?),
    }
}

fn rollback(conn: &mut Conn) {
    let outcome = match conn {
        Conn::Sqlite(conn) => AnsiTransactionManager::rollback_transaction(conn),
        Conn::Postgres(conn) => AnsiTransactionManager::rollback_transaction(conn),
    };
    if let Err(error) = outcome {
        tracing::warn!(%error, "a transaction could not be rolled back");
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Error {
        use diesel::result::{DatabaseErrorKind, Error as Diesel};
        match error {
            Diesel::NotFound => Error::NotFound("There is nothing with this id.".into()),
            Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                Error::Conflict("This already exists.".into())
            }
            Diesel::DatabaseError(_, details) if details.message().contains("disk is full") => {
                Error::DiskFull(DISK_FULL.into())
            }
            other => Error::Internal(format!("store: {other}")),
        }
    }
}
