//! PostgreSQL: read-only transactions, rows as Arrow batches, cancelling down to the database.
//!
//! It does not judge queries (that is the guard's), but holds without the guard: generated SQL only ever
//! travels by the extended protocol, which takes one statement, inside a transaction whose mode is locked
//! READ ONLY before the query is sent, and which always ends in ROLLBACK. The names in it are tied to their
//! schemas, so that nobody's function of the same name is called (`names`).

mod cancel;
mod catalog;
mod cost;
mod fault;
pub mod listen;
mod names;
mod numeric;
mod pool;
mod role;
mod rows;
mod running;
mod target;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, RowStream, Statement};

use super::connector::server_url;
use super::{Connector, Dialect, Health, Kind, Limits, Source};
use crate::catalog::Catalog;
use crate::error::{Error, Result, SourceFault};
use crate::rows::Rows;
use cost::Estimate;
use names::Names;
use pool::{Lease, Pool};
use rows::Decoder;
use running::{Budget, Running, Step, too_long};
use target::Target;

/// What the program has to know of it.
pub const CONNECTOR: Connector = Connector {
    name: "POSTGRESQL",
    title: "PostgreSQL",
    dialect: Dialect::Postgresql,
    prefixes: &["postgres://", "postgresql://"],
    connect: |url| Ok(Arc::new(Postgres::new(url)?)),
    url_of_parts: |parts| server_url(parts, Kind::Postgresql, "postgres", "sslmode"),
    example_variables: "DB_HOST=localhost DB_PORT=5432 DB_NAME=your_database DB_USER=readonly_user",
    default_port: Some(5432),
    has_password: true,
    prompt: include_str!("../../../assets/prompts/postgresql.md"),
};

/// No query may run longer than this, whatever its limits say; PostgreSQL's time-outs end at 24 days.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Time for looks at the catalog and the role.
const LOOK_TIME: Duration = Duration::from_secs(60);
/// How long a query may wait for somebody else's lock.
const LOCK_TIME: Duration = Duration::from_secs(10);

/// Connections opened for one query at most, beside the first, when the first ones were not what they seemed.
const NEW_CONNECTIONS: usize = 3;

/// A PostgreSQL database reached directly.
pub struct Postgres {
    pool: Arc<Pool>,
    odd_columns: Arc<OddColumns>,
    /// What names mean there, as far as it is known.
    names: Mutex<Option<Arc<Names>>>,
}

/// Columns of earlier queries that turned out to hold what only text can show after rows had been handed on.
#[derive(Default)]
struct OddColumns(Mutex<VecDeque<(String, usize)>>);

impl OddColumns {
    /// Queries remembered at most.
    const MOST: usize = 64;

    fn lock(&self) -> MutexGuard<'_, VecDeque<(String, usize)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, query: &str) -> Vec<usize> {
        let known = self.lock();
        known
            .iter()
            .filter(|(known, _)| known == query)
            .map(|(_, at)| *at)
            .collect()
    }

    fn add(&self, query: String, at: usize) {
        let mut known = self.lock();
        if known.len() >= OddColumns::MOST {
            known.pop_front();
        }
        known.push_back((query, at));
    }
}

/// The answers to what is sent first for a query, all in one round trip.
struct Opening {
    begun: Result<(), tokio_postgres::Error>,
    /// Whether names still mean what they did; None where that was asked a moment ago.
    names_hold: Option<Result<bool, tokio_postgres::Error>>,
    statement: Result<Statement, tokio_postgres::Error>,
    /// None where no limit asks for an estimate.
    estimate: Option<Result<Option<Estimate>, tokio_postgres::Error>>,
}

impl Postgres {
    /// From a `postgres://` or `postgresql://` URL, with libpq's `sslmode` and `sslrootcert`; connects on
    /// first use. Errors: `Invalid`, never with a part of the URL.
    pub fn new(url: &str) -> Result<Postgres> {
        Ok(Postgres {
            pool: Pool::new(Target::from_url(url)?),
            odd_columns: Arc::default(),
            names: Mutex::default(),
        })
    }

    /// From single values, as the agent finds them in `DB_HOST` and its kin; `sslmode` is one of libpq's
    /// words. Errors: `Invalid`.
    pub fn from_parts(
        host: &str,
        port: u16,
        database: &str,
        user: &str,
        password: &str,
        sslmode: &str,
    ) -> Result<Postgres> {
        Ok(Postgres {
            pool: Pool::new(Target::from_parts(host, port, database, user, password, sslmode)?),
            odd_columns: Arc::default(),
            names: Mutex::default(),
        })
    }

    fn names(&self) -> MutexGuard<'_, Option<Arc<Names>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection, and what names mean at its other end.
    async fn lease(&self) -> Result<(Lease, Arc<Names>)> {
        let mut lease = self.pool.lease().await?;
        let known = self.names().clone();
        if let Some(names) = known.filter(|names| !names.are_old()) {
            return Ok((lease, names));
        }
        let mut read = Names::read(lease.client()).await;
        if lease.was_idle() && read.as_ref().is_err_and(is_dead) {
            drop(lease);
            lease = self.pool.connect().await?;
            read = Names::read(lease.client()).await;
        }
        let names = Arc::new(read.map_err(|error| fault::while_running(&error))?);
        *self.names() = Some(names.clone());
        Ok((lease, names))
    }

    /// A connection inside a read-only transaction, its mode locked.
    async fn begin(&self, time: Duration) -> Result<Lease> {
        let (lease, names) = self.lease().await?;
        let begin = transaction(time, &names);
        match lease.client().batch_execute(&begin).await {
            Ok(()) => Ok(lease),
            Err(error) if lease.was_idle() && is_dead(&error) => {
                drop(lease);
                let lease = self.pool.connect().await?;
                lease
                    .client()
                    .batch_execute(&begin)
                    .await
                    .map_err(|error| fault::while_running(&error))?;
                Ok(lease)
            }
            Err(error) => Err(fault::while_running(&error)),
        }
    }

    /// Prepares the query and starts it; columns in `as_text` are cast to text by the database.
    async fn start(
        &self,
        query: &str,
        limits: &Limits,
        time: Duration,
        as_text: &[usize],
    ) -> Result<Running> {
        let (mut lease, mut names) = self.lease().await?;
        let mut pinned = match names.pin(query) {
            Ok(pinned) => pinned,
            Err(error) => {
                lease.finish();
                return Err(error);
            }
        };
        let mut opening = open(lease.client(), &pinned, &names, limits, time).await;
        for _ in 0..NEW_CONNECTIONS {
            if opening.is_outdated() {
                lease.finish();
                self.names().take();
                (lease, names) = self.lease().await?;
                pinned = names.pin(query)?;
                opening = open(lease.client(), &pinned, &names, limits, time).await;
                continue;
            }
            // An idle connection may have died unnoticed, for instance when the server restarted.
            let is_stale = lease.was_idle() && opening.begun.as_ref().is_err_and(is_dead);
            let is_mixed_up = opening.statement.as_ref().is_err_and(is_of_another_session);
            if is_mixed_up {
                self.pool.set_behind_pooler();
            }
            if !is_stale && !is_mixed_up {
                break;
            }
            drop(lease);
            lease = self.pool.connect().await?;
            opening = open(lease.client(), &pinned, &names, limits, time).await;
        }
        // Before it is certain that the transaction has begun, nothing runs.
        if let Err(error) = opening.begun {
            return Err(fault::while_running(&error));
        }
        match opening.names_hold {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => return Err(Error::source(SourceFault::Other, CHANGING)),
            Some(Err(error)) => return Err(fault::while_running(&error)),
        }
        let started = match (opening.statement, opening.estimate.transpose()) {
            (Ok(statement), Ok(estimate)) => {
                if let Some(Err(error)) = estimate.map(|found| cost::check(found.as_ref(), limits)) {
                    drop(statement);
                    lease.finish();
                    return Err(error);
                }
                self.execute(&mut lease, &pinned, statement, as_text).await
            }
            // After one error the transaction is void, and everything else in it fails, too.
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
            (Err(one), Err(other)) if one.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION) => Err(other),
            (Err(error), Err(_)) => Err(error),
        };
        match started {
            Ok((columns, stream)) => Ok(Running::new(columns, stream, lease)),
            Err(error) => {
                let fault = fault::while_running(&error);
                // The statement was refused; the connection is as good as before.
                if error.as_db_error().is_some_and(|db| !fault::is_gone(db)) {
                    lease.finish();
                }
                Err(fault)
            }
        }
    }

    /// Starts a prepared query, prepared again with casts where a column has no plain binary form.
    async fn execute(
        &self,
        lease: &mut Lease,
        query: &str,
        mut statement: Statement,
        as_text: &[usize],
    ) -> Result<(Vec<(String, Decoder)>, RowStream), tokio_postgres::Error> {
        let columns: Vec<(String, Decoder)> = statement
            .columns()
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let decoder = if as_text.contains(&at) {
                    Decoder::as_text(column.type_())
                } else {
                    Decoder::of(column)
                };
                (column.name().to_owned(), decoder)
            })
            .collect();
        // The types of a database's own are looked up through statements that live as long as the
        // connection; behind PgBouncer the next transaction may run on another server that lacks them.
        let has_own_types = statement
            .columns()
            .iter()
            .any(|column| Type::from_oid(column.type_().oid()).is_none());
        if has_own_types && self.pool.is_behind_pooler() {
            lease.use_once();
        }
        if columns
            .iter()
            .any(|(_, decoder)| matches!(decoder, Decoder::Cast(_)))
        {
            let wrapped = with_casts(query, &columns);
            statement = lease.client().prepare(&wrapped).await?;
        }
        let nothing: [&(dyn tokio_postgres::types::ToSql + Sync); 0] = [];
        let stream = lease.client().query_raw(&statement, nothing).await?;
        Ok((columns, stream))
    }
}

/// What is said when the database was not the same twice in a row.
const CHANGING: &str = "Functions of the database are being changed right now, so it is not certain what the query \
                        would call. Try again in a moment.";

impl Opening {
    fn is_outdated(&self) -> bool {
        matches!(self.names_hold, Some(Ok(false)))
    }
}

/// Begins the transaction and has the query parsed (and planned, where its cost is limited), all sent at
/// once: none of it runs the query, so it does no harm should the transaction not begin.
async fn open(client: &Client, query: &str, names: &Names, limits: &Limits, time: Duration) -> Opening {
    let begin = transaction(time, names);
    let hold = async {
        match names.are_doubtful() {
            true => Some(names.still_hold(client).await),
            false => None,
        }
    };
    let estimate = async {
        match cost::is_wanted(limits) {
            true => Some(cost::estimate(client, query).await),
            false => None,
        }
    };
    let (begun, names_hold, statement, estimate) = futures::join!(
        client.batch_execute(&begin),
        hold,
        client.prepare(query),
        estimate
    );
    Opening {
        begun,
        names_hold,
        statement,
        estimate,
    }
}

/// `BEGIN READ ONLY` and everything else the transaction needs, in one round trip. The SELECT takes a
/// snapshot, after which PostgreSQL lets nobody change the mode. Only numbers of ours and quoted names go into
/// this text.
fn transaction(time: Duration, names: &Names) -> String {
    let query = time.as_millis().max(1);
    let lock = time.min(LOCK_TIME).as_millis().max(1);
    let idle = (time + Duration::from_secs(10)).as_millis();
    let path = &names.path;
    let checks = names.checks_client();
    format!(
        "BEGIN READ ONLY; SET LOCAL statement_timeout = {query}; SET LOCAL lock_timeout = {lock}; \
         SET LOCAL search_path = {path}; {checks}\
         SET LOCAL idle_in_transaction_session_timeout = {idle}; \
         SET LOCAL standard_conforming_strings = on; SET LOCAL datestyle = 'ISO'; \
         SET LOCAL intervalstyle = 'postgres'; SET LOCAL extra_float_digits = 1; \
         SET LOCAL bytea_output = 'hex'; SELECT 1"
    )
}

/// The connection had ended before anything was sent on it.
fn is_dead(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_none_or(fault::is_gone)
}

/// A statement prepared for looking up types is not there, or is there twice: a pooler has put another
/// session behind the connection.
fn is_of_another_session(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [
            SqlState::INVALID_SQL_STATEMENT_NAME,
            SqlState::DUPLICATE_PSTATEMENT,
        ]
        .contains(code)
    })
}

/// The query with some of its columns cast to text. PostgreSQL keeps the order of an ordered subquery
/// whose rows are only projected.
fn with_casts(query: &str, columns: &[(String, Decoder)]) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let outputs: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, (name, decoder))| {
            let cast = if matches!(decoder, Decoder::Cast(_)) {
                "::text"
            } else {
                ""
            };
            format!("(q.c{at}){cast} AS {}", quoted(name))
        })
        .collect();
    let names: Vec<String> = (0..columns.len()).map(|at| format!("c{at}")).collect();
    format!(
        "SELECT {} FROM (\n{}\n) AS q({})",
        outputs.join(", "),
        query.trim_end().trim_end_matches(';'),
        names.join(", ")
    )
}

#[async_trait]
impl Source for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgresql
    }

    async fn check(&self) -> Result<Health> {
        let lease = self.begin(LOOK_TIME).await?;
        let mut health = role::probe(lease.client())
            .await
            .map_err(|error| fault::while_running(&error))?;
        lease.finish();
        let names = self.names().clone();
        let warning = names.as_ref().and_then(|names| names.warning());
        health.role_warnings.extend(warning.map(str::to_owned));
        Ok(health)
    }

    async fn catalog(&self) -> Result<Arc<Catalog>> {
        let lease = self.begin(LOOK_TIME).await?;
        let mut catalog = catalog::read(lease.client())
            .await
            .map_err(|error| fault::while_running(&error))?;
        lease.finish();
        catalog::sample(self, &mut catalog).await;
        Ok(Arc::new(catalog.finish()))
    }

    async fn run(&self, query: &str, limits: &Limits) -> Result<Rows> {
        let time = limits.time().min(LONGEST);
        let mut budget = Budget::new(limits, Instant::now() + time);
        let mut as_text = self.odd_columns.of(query);
        // Until the first batch fits, a column that only text can show is asked for again, as text.
        let (running, first) = loop {
            let start = self.start(query, limits, time, &as_text);
            let mut running = match timeout_at(budget.deadline, start).await {
                Ok(running) => running?,
                Err(_) => return Err(too_long(limits)),
            };
            match running.next_batch(&mut budget).await? {
                Step::Batch(batch) => break (running, Some(batch)),
                Step::End => break (running, None),
                Step::NeedsText(at) if as_text.contains(&at) => {
                    return Err(Error::Internal("a column does not fit, even as text".into()));
                }
                Step::NeedsText(at) => {
                    as_text.push(at);
                    budget.start_over();
                }
            }
        };
        let schema = running.batch.schema();
        let truncated = budget.truncated.clone();
        let (odd_columns, query) = (self.odd_columns.clone(), query.to_owned());
        let more = futures::stream::unfold(Some((running, budget, odd_columns, query)), |state| async move {
            let (mut running, mut budget, odd_columns, query) = state?;
            match running.next_batch(&mut budget).await {
                Ok(Step::Batch(batch)) => Some((Ok(batch), Some((running, budget, odd_columns, query)))),
                Ok(Step::End) => None,
                Ok(Step::NeedsText(at)) => {
                    let name = running.columns.get(at).map_or("", |(name, _)| name);
                    let error = Error::source(
                        SourceFault::Type,
                        format!(
                            "The column \"{name}\" holds a value that has no plain form (such as infinity), which \
                             came to light after other rows. Run the query again: the column then comes as text."
                        ),
                    );
                    odd_columns.add(query, at);
                    Some((Err(error), None))
                }
                Err(error) => Some((Err(error), None)),
            }
        });
        let batches = futures::stream::iter(first.map(Ok)).chain(more);
        Ok(Rows {
            schema,
            batches: Box::pin(batches),
            truncated,
        })
    }
}
