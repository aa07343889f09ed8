//! PostgreSQL: read-only transactions, rows as Arrow batches, cancelling down to the database.
//!
//! It does not judge queries (that is the guard's), but holds without the guard: generated SQL only ever
//! travels by the extended protocol, which takes one statement, inside a transaction whose mode is locked
//! READ ONLY before the query is sent, and which always ends in ROLLBACK.

mod catalog;
mod fault;
mod numeric;
mod pool;
mod role;
mod rows;
mod target;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::RowStream;

use super::{Dialect, Health, Limits, Source};
use crate::catalog::Catalog;
use crate::error::{Error, Result, SourceFault};
use crate::rows::{Rows, Truncated};
use pool::{Lease, Pool};
use rows::{Batch, Decoder, Unfit};
use target::Target;

/// Rows of a batch at most.
const BATCH_ROWS: usize = 8_192;
/// Bytes of a batch, as the database sent them, roughly.
const BATCH_BYTES: usize = 1 << 20;
/// Rows that are here are handed on after this time, even if the batch is not full.
const BATCH_WAIT: Duration = Duration::from_millis(200);
/// No query may run longer than this, whatever its limits say; PostgreSQL's time-outs end at 24 days.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Time for looks at the catalog and the role.
const LOOK_TIME: Duration = Duration::from_secs(60);
/// How long a query may wait for somebody else's lock.
const LOCK_TIME: Duration = Duration::from_secs(10);

/// A PostgreSQL database reached directly.
pub struct Postgres {
    pool: Arc<Pool>,
}

impl Postgres {
    /// From a `postgres://` or `postgresql://` URL, with libpq's `sslmode` and `sslrootcert`; connects on
    /// first use. Errors: `Invalid`, never with a part of the URL.
    pub fn new(url: &str) -> Result<Postgres> {
        Ok(Postgres {
            pool: Pool::new(Target::from_url(url)?),
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
        })
    }

    /// A connection inside a read-only transaction, its mode locked.
    async fn begin(&self, time: Duration) -> Result<Lease> {
        let begin = transaction(time);
        let lease = self.pool.lease().await?;
        match lease.client().batch_execute(&begin).await {
            Ok(()) => Ok(lease),
            // An idle connection may have died unnoticed, for instance when the server restarted.
            Err(error) if lease.was_idle() && error.as_db_error().is_none_or(is_gone) => {
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
    async fn start(&self, query: &str, time: Duration, as_text: &[usize]) -> Result<Running> {
        let mut lease = self.begin(time).await?;
        match prepare_and_run(&mut lease, query, as_text).await {
            Ok((columns, stream)) => Ok(Running {
                batch: Batch::new(&columns),
                columns,
                stream: Some(Box::pin(stream)),
                lease: Some(lease),
            }),
            Err(error) => {
                let fault = fault::while_running(&error);
                // The statement was refused; the connection is as good as before.
                if error.as_db_error().is_some_and(|db| !is_gone(db)) {
                    lease.finish().await;
                }
                Err(fault)
            }
        }
    }
}

/// Prepares the query, again with casts where a column has no plain binary form, and starts it.
async fn prepare_and_run(
    lease: &mut Lease,
    query: &str,
    as_text: &[usize],
) -> Result<(Vec<(String, Decoder)>, RowStream), tokio_postgres::Error> {
    let mut statement = lease.client().prepare(query).await?;
    // The types of a database's own are looked up through statements that live as long as the
    // connection; behind PgBouncer the next transaction may run on another server that lacks them.
    let has_own_types = statement
        .columns()
        .iter()
        .any(|column| tokio_postgres::types::Type::from_oid(column.type_().oid()).is_none());
    if has_own_types {
        lease.use_once();
    }
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

/// `BEGIN READ ONLY` and everything else the transaction needs, in one round trip. The SELECT takes a
/// snapshot, after which PostgreSQL lets nobody change the mode. Only numbers of ours go into this text.
fn transaction(time: Duration) -> String {
    let query = time.as_millis().max(1);
    let lock = time.min(LOCK_TIME).as_millis().max(1);
    let idle = (time + Duration::from_secs(10)).as_millis();
    format!(
        "BEGIN READ ONLY; SET LOCAL statement_timeout = {query}; SET LOCAL lock_timeout = {lock}; \
         SET LOCAL idle_in_transaction_session_timeout = {idle}; \
         SET LOCAL standard_conforming_strings = on; SET LOCAL datestyle = 'ISO'; \
         SET LOCAL intervalstyle = 'postgres'; SET LOCAL extra_float_digits = 1; \
         SET LOCAL bytea_output = 'hex'; SELECT 1"
    )
}

/// The server ended the session, rather than refused the statement.
fn is_gone(error: &tokio_postgres::error::DbError) -> bool {
    let code = error.code().code();
    code.starts_with("57P") || code.starts_with("08")
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

/// A query that runs. Dropping it cancels the query in the database and closes the connection, unless it
/// has come to its end.
struct Running {
    columns: Vec<(String, Decoder)>,
    batch: Batch,
    /// None once it has ended: its statement has to be closed before the transaction is.
    stream: Option<std::pin::Pin<Box<RowStream>>>,
    lease: Option<Lease>,
}

impl Running {
    /// The end of the rows: the transaction is rolled back and the connection goes back to the pool.
    async fn finish(&mut self) {
        self.stream = None;
        if let Some(lease) = self.lease.take() {
            lease.finish().await;
        }
    }
}

/// What limits one query, as it runs.
struct Budget {
    limits: Limits,
    deadline: Instant,
    rows: u64,
    bytes: u64,
    truncated: Truncated,
}

/// What [`Running::next_batch`] came to.
enum Step {
    Batch(arrow::array::RecordBatch),
    /// A column has to be read as text; nothing has been handed on from this batch.
    NeedsText(usize),
    End,
}

impl Running {
    async fn next_batch(&mut self, budget: &mut Budget) -> Result<Step> {
        let mut hand_on_at = None;
        while let Some(stream) = &mut self.stream {
            let wait_until = hand_on_at.map_or(budget.deadline, |at: Instant| at.min(budget.deadline));
            let row = match timeout_at(wait_until, stream.next()).await {
                Ok(Some(Ok(row))) => row,
                Ok(Some(Err(error))) => {
                    // After an error the transaction is void, the connection is not.
                    if error.as_db_error().is_some_and(|db| !is_gone(db)) {
                        self.finish().await;
                    }
                    return Err(fault::while_running(&error));
                }
                Ok(None) => {
                    self.finish().await;
                    break;
                }
                Err(_) if Instant::now() < budget.deadline => break,
                Err(_) => return Err(too_long(&budget.limits)),
            };
            if budget.rows >= budget.limits.rows || budget.bytes >= budget.limits.bytes {
                budget.truncated.set();
                // The rest is not wanted: this cancels it.
                self.stream = None;
                self.lease = None;
                break;
            }
            budget.rows += 1;
            budget.bytes += row.raw_size_bytes() as u64;
            match self.batch.push(&row) {
                Ok(()) => {}
                Err(Unfit::NeedsText(at)) => return Ok(Step::NeedsText(at)),
                Err(Unfit::Broken(error)) => return Err(error),
            }
            if self.batch.rows() >= BATCH_ROWS || self.batch.bytes() >= BATCH_BYTES {
                break;
            }
            hand_on_at.get_or_insert_with(|| Instant::now() + BATCH_WAIT);
        }
        if self.batch.rows() == 0 {
            return Ok(Step::End);
        }
        Ok(Step::Batch(self.batch.take()?))
    }
}

fn too_long(limits: &Limits) -> Error {
    let seconds = limits.time().as_secs_f64();
    Error::Timeout(format!(
        "The query ran longer than {seconds} s and was stopped. Ask for less, for example a shorter time."
    ))
}

#[async_trait]
impl Source for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgresql
    }

    async fn check(&self) -> Result<Health> {
        let lease = self.begin(LOOK_TIME).await?;
        let health = role::probe(lease.client())
            .await
            .map_err(|error| fault::while_running(&error))?;
        lease.finish().await;
        Ok(health)
    }

    async fn catalog(&self) -> Result<Arc<Catalog>> {
        let lease = self.begin(LOOK_TIME).await?;
        let mut catalog = catalog::read(lease.client())
            .await
            .map_err(|error| fault::while_running(&error))?;
        lease.finish().await;
        catalog::sample(self, &mut catalog).await;
        Ok(Arc::new(catalog.finish()))
    }

    async fn run(&self, query: &str, limits: &Limits) -> Result<Rows> {
        let time = limits.time().min(LONGEST);
        let mut budget = Budget {
            limits: *limits,
            deadline: Instant::now() + time,
            rows: 0,
            bytes: 0,
            truncated: Truncated::default(),
        };
        let mut as_text = Vec::new();
        // Until the first batch fits, a column that only text can show is asked for again, as text.
        let (running, first) = loop {
            let start = self.start(query, time, &as_text);
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
                    budget.rows = 0;
                    budget.bytes = 0;
                    budget.truncated = Truncated::default();
                }
            }
        };
        let schema = running.batch.schema();
        let truncated = budget.truncated.clone();
        let more = futures::stream::unfold(Some((running, budget)), |state| async move {
            let (mut running, mut budget) = state?;
            match running.next_batch(&mut budget).await {
                Ok(Step::Batch(batch)) => Some((Ok(batch), Some((running, budget)))),
                Ok(Step::End) => None,
                Ok(Step::NeedsText(at)) => {
                    let name = running.columns.get(at).map_or("", |(name, _)| name);
                    let error = Error::source(
                        SourceFault::Type,
                        format!(
                            "The column \"{name}\" holds a value that has no plain form (such as infinity); \
                             cast it to text."
                        ),
                    );
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
