//! MySQL and MariaDB: read-only transactions, rows as Arrow batches, cancelling down to the database.
//!
//! It does not judge queries (that is the guard's), but holds without the guard: generated SQL only ever
//! travels as a prepared statement, which takes one statement and is only run if it has columns, inside a
//! transaction that is READ ONLY and ends in ROLLBACK.

mod catalog;
mod fault;
mod pool;
mod role;
mod rows;
mod strangers;
mod target;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use mysql_async::prelude::Queryable;
use mysql_async::{BinaryProtocol, QueryResult, Row};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::connector::server_url;
use super::pump::{BATCH_BYTES, BATCH_ROWS, BATCH_WAIT, Budget, Writer, pump};
use super::{Connector, Dialect, Health, Kind, Limits, Source};
use crate::catalog::Catalog;
use crate::error::{Error, Result, SourceFault};
use crate::rows::Rows;
use pool::{Lease, Pool};
use rows::Batch;
use strangers::Strangers;
use target::Target;

/// What the program has to know of it.
pub const CONNECTOR: Connector = Connector {
    name: "MYSQL",
    title: "MySQL or MariaDB",
    dialect: Dialect::Mysql,
    prefixes: &["mysql://", "mariadb://"],
    connect: |url| Ok(Arc::new(Mysql::new(url)?)),
    url_of_parts: |parts| server_url(parts, Kind::Mysql, "mysql", "sslmode"),
    example_variables: "DB_HOST=localhost DB_PORT=3306 DB_NAME=your_database DB_USER=readonly_user",
    default_port: Some(3306),
    has_password: true,
    prompt: include_str!("../../../assets/prompts/mysql.md"),
};

/// Time for looks at the catalog and the role.
const LOOK_TIME: Duration = Duration::from_secs(60);

/// A MySQL or MariaDB database reached directly.
pub struct Mysql {
    pool: Arc<Pool>,
    strangers: Arc<Strangers>,
}

impl Mysql {
    /// From a `mysql://` or `mariadb://` URL; connects on first use. Errors: `Invalid`, never with a part of
    /// the URL.
    pub fn new(url: &str) -> Result<Mysql> {
        Ok(Mysql {
            pool: Pool::new(Target::from_url(url)?),
            strangers: Arc::default(),
        })
    }

    /// A connection inside a read-only transaction, for looks of our own.
    async fn look(&self) -> Result<Lease> {
        match timeout(LOOK_TIME, self.pool.begin(LOOK_TIME)).await {
            Ok(lease) => lease,
            Err(_) => Err(Error::Timeout("The database did not answer within 60 s.".into())),
        }
    }
}

#[async_trait]
impl Source for Mysql {
    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    async fn check(&self) -> Result<Health> {
        let mut lease = self.look().await?;
        let health = role::probe(lease.connection())
            .await
            .map_err(|error| fault::while_running(&error))?;
        lease.finish().await;
        Ok(health)
    }

    async fn catalog(&self) -> Result<Arc<Catalog>> {
        let mut lease = self.look().await?;
        let catalog = catalog::read(lease.connection())
            .await
            .map_err(|error| fault::while_running(&error))?;
        lease.finish().await;
        Ok(Arc::new(catalog))
    }

    async fn run(&self, query: &str, limits: &Limits) -> Result<Rows> {
        let mut budget = Budget::new(limits);
        let (writer, reader) = pump();
        let (pool, strangers) = (self.pool.clone(), self.strangers.clone());
        let query = query.to_owned();
        tokio::spawn(async move {
            let deadline = Instant::from_std(budget.deadline);
            let late = budget.too_long();
            let stop = writer.stop.clone();
            // A query that is left or late is dropped with its connection, which kills it in the database.
            let result = tokio::select! {
                biased;
                () = stop.cancelled() => Err(Error::Cancelled),
                () = sleep_until(deadline) => Err(late),
                result = read(&pool, &strangers, &query, &mut budget, &writer) => result,
            };
            writer.finish(result).await;
        });
        reader.rows().await
    }
}

/// Runs the query to its end and sees whether the database had to bend a value.
async fn read(
    pool: &Arc<Pool>,
    strangers: &Strangers,
    query: &str,
    budget: &mut Budget,
    writer: &Writer,
) -> Result<()> {
    let mut lease = pool.begin(budget.time_left()).await?;
    if let Err(error) = strangers.check(lease.connection(), query).await {
        lease.finish().await;
        return Err(error);
    }
    match stream(lease.connection(), query, budget, writer).await {
        Ok(End::AllRows) => {
            let bent = fault::bent_values(lease.connection()).await;
            lease.finish().await;
            bent
        }
        // The rest is not wanted: dropping the lease kills it.
        Ok(End::Cut) => Ok(()),
        Err(Stopped::Database(error)) => {
            // The statement was refused; the connection is as good as before.
            if matches!(error, mysql_async::Error::Server(_)) {
                lease.finish().await;
            }
            Err(fault::while_running(&error))
        }
        Err(Stopped::Other(error)) => Err(error),
    }
}

/// How the rows came to an end.
enum End {
    AllRows,
    /// A limit was reached, and there were more.
    Cut,
}

/// Why they did not.
enum Stopped {
    Database(mysql_async::Error),
    Other(Error),
}

impl From<mysql_async::Error> for Stopped {
    fn from(error: mysql_async::Error) -> Stopped {
        Stopped::Database(error)
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Stopped {
        Stopped::Other(error)
    }
}

async fn stream(
    connection: &mut mysql_async::Conn,
    query: &str,
    budget: &mut Budget,
    writer: &Writer,
) -> std::result::Result<End, Stopped> {
    let statement = connection.prep(query).await?;
    if statement.num_columns() == 0 {
        let words = "Only reading is allowed; this statement gives no rows.";
        return Err(Error::source(SourceFault::Permission, words).into());
    }
    if statement.num_params() > 0 {
        let words = "The query has a placeholder (?), for which there is no value.";
        return Err(Error::source(SourceFault::Syntax, words).into());
    }
    let mut result: QueryResult<'_, '_, BinaryProtocol> = connection.exec_iter(&statement, ()).await?;
    let mut batch = Batch::new(result.columns_ref());
    let Some(mut rows) = result.stream::<Row>().await? else {
        return Err(Error::Internal("a query with columns gave no result".into()).into());
    };
    let mut is_announced = false;
    let mut hand_on_at = Instant::now() + BATCH_WAIT;
    loop {
        let mut end = None;
        match timeout_at(hand_on_at, rows.next()).await {
            Ok(Some(row)) if budget.has_room() => budget.took(batch.push(row?)?),
            Ok(Some(row)) => {
                row?;
                writer.truncated.set();
                end = Some(End::Cut);
            }
            Ok(None) => end = Some(End::AllRows),
            Err(_) if batch.rows() == 0 => {
                hand_on_at = Instant::now() + BATCH_WAIT;
                continue;
            }
            Err(_) => {}
        }
        let is_full = batch.rows() >= BATCH_ROWS || batch.bytes() >= BATCH_BYTES;
        if !is_full && end.is_none() && Instant::now() < hand_on_at {
            continue;
        }
        if !is_announced && (batch.rows() > 0 || end.is_some()) {
            writer.schema(batch.settle()).await?;
            is_announced = true;
        }
        if batch.rows() > 0 {
            writer.batch(batch.take()?).await?;
        }
        if let Some(end) = end {
            return Ok(end);
        }
        hand_on_at = Instant::now() + BATCH_WAIT;
    }
}
