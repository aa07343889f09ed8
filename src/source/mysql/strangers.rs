//! Functions that somebody stored in the database under a name that the guard lets through. MySQL and MariaDB
//! have not all of these names themselves, and where one is missing, a bare call would run the stored one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::fault;
use crate::catalog::Dialect;
use crate::error::{Error, Result};
use crate::guard::functions;
use crate::guard::pin::{Name, pinned};

/// How long what was found is relied on.
const KEPT: Duration = Duration::from_secs(60);

const STORED: &str = "SELECT LOWER(ROUTINE_NAME) FROM information_schema.ROUTINES \
                      WHERE ROUTINE_TYPE = 'FUNCTION' AND ROUTINE_SCHEMA = DATABASE()";

/// Names of such functions, as last seen.
type Known = Option<(Instant, Arc<BTreeSet<String>>)>;

/// What the database has of its own.
#[derive(Default)]
pub(super) struct Strangers(Mutex<Known>);

impl Strangers {
    /// Errors: `Refused` for a query that could call one of them.
    pub async fn check(&self, connection: &mut Conn, query: &str) -> Result<()> {
        let known = self.known().clone();
        let names = match known.filter(|(since, _)| since.elapsed() < KEPT) {
            Some((_, names)) => names,
            None => {
                let stored: Vec<String> = connection
                    .query(STORED)
                    .await
                    .map_err(|error| fault::while_running(&error))?;
                let ours = |name: &String| functions::is_allowed(name, Dialect::Mysql);
                let names: Arc<BTreeSet<String>> = Arc::new(stored.into_iter().filter(ours).collect());
                *self.known() = Some((Instant::now(), names.clone()));
                names
            }
        };
        if names.is_empty() {
            return Ok(());
        }
        let is_strange = |name: Name<'_>| match name {
            Name::Function(name) if names.contains(name) => Err(Error::Refused(format!(
                "The database has a function {name} of its own, so it is not certain what a query with {name}(…) \
                 would call; write the query without it."
            ))),
            _ => Ok(None),
        };
        pinned(query, Dialect::Mysql, &is_strange).map(|_| ())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
