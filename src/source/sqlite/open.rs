//! Opens the file and locks the connection: read-only, one file, no functions and no syntax but those that
//! read, and a look at the clock every thousand steps.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio_util::sync::CancellationToken;

use super::{fault, hash};
use crate::catalog::Dialect;
use crate::error::{Error, Result, SourceFault};
use crate::guard::functions;

/// Steps of the library's machine between two looks at the clock.
const STEPS: i32 = 1_000;
/// How long to wait for a writer that holds the file.
const LOCK_TIME: Duration = Duration::from_secs(10);
/// Bytes of one value or row at most.
const MAX_LENGTH: i32 = 256 * 1024 * 1024;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Our own looks at the schema.
    Look,
    /// Somebody's query.
    Query,
}

/// A connection that can only read, and for so long.
pub(super) struct Locked {
    pub connection: Connection,
    pub stop: CancellationToken,
    pub deadline: Instant,
}

impl Locked {
    /// Errors: `Source` of kind `Unreachable` for a file that is not there or no database.
    pub fn open(path: &Path, purpose: Purpose, stop: CancellationToken, deadline: Instant) -> Result<Locked> {
        // The library would take some relative paths for URLs.
        let path = std::path::absolute(path).map_err(|error| unreachable(path, &error.to_string()))?;
        match std::fs::metadata(&path) {
            Ok(found) if found.is_file() => {}
            Ok(_) => return Err(unreachable(&path, "it is no file")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(unreachable(&path, "there is no such file"));
            }
            Err(error) => return Err(unreachable(&path, &error.to_string())),
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(|error| fault::of(&error))?;
        let locked = Locked {
            connection,
            stop,
            deadline,
        };
        locked.lock(purpose).map_err(|error| fault::of(&error))?;
        Ok(locked)
    }

    fn lock(&self, purpose: Purpose) -> rusqlite::Result<()> {
        let connection = &self.connection;
        let wait = self.deadline.saturating_duration_since(Instant::now());
        connection.busy_timeout(wait.min(LOCK_TIME))?;
        for (setting, on) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
            // What stands between double quotes is a name, or an error; never a text.
            (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        ] {
            connection.set_db_config(setting, on)?;
        }
        connection
            .execute_batch("PRAGMA query_only = 1; PRAGMA mmap_size = 0; PRAGMA cache_size = -16000;")?;
        for (limit, most) in [
            (Limit::SQLITE_LIMIT_ATTACHED, 0),
            (Limit::SQLITE_LIMIT_LENGTH, MAX_LENGTH),
            (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
            (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 0),
            (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 10_000),
        ] {
            connection.set_limit(limit, most)?;
        }
        let (stop, deadline) = (self.stop.clone(), self.deadline);
        connection.progress_handler(
            STEPS,
            Some(move || stop.is_cancelled() || Instant::now() >= deadline),
        )?;
        if purpose == Purpose::Query {
            hash::register(connection)?;
            connection.authorizer(Some(only_reading))?;
        }
        Ok(())
    }

    /// Whether an error is the end that [`Locked::stop`] or the deadline made.
    pub fn was_stopped(&self, error: &rusqlite::Error) -> bool {
        error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
    }

    /// The library's version; reads the file's first page, so that a file that is no database is noticed.
    pub fn version(&self) -> Result<String> {
        self.connection
            .query_row(
                "SELECT sqlite_version(), count(*) FROM sqlite_schema",
                [],
                |row| row.get(0),
            )
            .map_err(|error| fault::of(&error))
    }
}

fn unreachable(path: &Path, why: &str) -> Error {
    Error::source(
        SourceFault::Unreachable,
        format!("The SQLite file {} cannot be opened: {why}.", path.display()),
    )
}

/// Called for everything a statement would do, while it is prepared.
fn only_reading(context: AuthContext<'_>) -> Authorization {
    let is_allowed = match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Read { table_name, .. } => {
            let name = table_name.to_ascii_lowercase();
            !name.starts_with("sqlite_") && !name.starts_with("pragma_") && name != "dbstat"
        }
        AuthAction::Function { function_name } => {
            let name = function_name.to_ascii_lowercase();
            // What operators are called inside, and masks, beside the functions of the guard.
            ["like", "glob", "match", "->", "->>", hash::NAME].contains(&name.as_str())
                || functions::is_allowed(&name, Dialect::Sqlite)
        }
        // Full-text tables look there whether they have changed.
        AuthAction::Pragma {
            pragma_name,
            pragma_value: None,
        } => pragma_name.eq_ignore_ascii_case("data_version"),
        _ => false,
    };
    match is_allowed {
        true => Authorization::Allow,
        false => Authorization::Deny,
    }
}
