//! Connections: one for each running query, a few kept for the next.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::fault;
use super::target::Target;
use crate::error::Result;

/// Connections kept idle at most.
const KEPT: usize = 4;
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(60);
/// How long ROLLBACK may take before the connection is given up.
const ROLLBACK_TIME: Duration = Duration::from_secs(5);
/// How long asking to kill a query may take.
const KILL_TIME: Duration = Duration::from_secs(10);

/// Where connections come from and go to.
pub(super) struct Pool {
    target: Target,
    idle: Mutex<Vec<(Conn, Instant)>>,
}

impl Pool {
    pub fn new(target: Target) -> Arc<Pool> {
        Arc::new(Pool {
            target,
            idle: Mutex::new(Vec::new()),
        })
    }

    /// A connection inside a read-only transaction whose statements may take so long.
    pub async fn begin(self: &Arc<Self>, time: Duration) -> Result<Lease> {
        if let Some(connection) = self.take_idle() {
            let mut lease = self.lease(connection);
            match start(lease.connection(), time).await {
                Ok(()) => return Ok(lease),
                Err(mysql_async::Error::Server(error)) => {
                    return Err(fault::while_running(&mysql_async::Error::Server(error)));
                }
                // It may have died unnoticed, for instance when the server restarted.
                Err(_) => lease.discard(),
            }
        }
        let mut lease = self.lease(self.target.connect().await?);
        start(lease.connection(), time)
            .await
            .map_err(|error| fault::while_running(&error))?;
        Ok(lease)
    }

    fn lease(self: &Arc<Self>, connection: Conn) -> Lease {
        Lease {
            connection: Some(connection),
            pool: self.clone(),
        }
    }

    fn take_idle(&self) -> Option<Conn> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(self: &Arc<Self>, connection: Conn) {
        {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() >= KEPT {
                return;
            }
            idle.push((connection, Instant::now()));
        }
        let pool = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(IDLE).await;
            if let Some(pool) = pool.upgrade() {
                let mut idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.retain(|(_, since)| since.elapsed() < IDLE);
            }
        });
    }
}

/// The time-out in the words of either database, and the transaction. Only numbers of ours go into this text.
async fn start(connection: &mut Conn, time: Duration) -> mysql_async::Result<()> {
    let limit = match is_mariadb(connection) {
        true => format!("max_statement_time = {:.3}", time.as_secs_f64().max(0.001)),
        false => format!("max_execution_time = {}", time.as_millis().max(1)),
    };
    connection
        .query_drop(format!("SET SESSION {limit}; START TRANSACTION READ ONLY"))
        .await
}

/// MariaDB counts from 10 on; MySQL has not come so far.
pub(super) fn is_mariadb(connection: &Conn) -> bool {
    connection.server_version() >= (10, 0, 0)
}

/// A connection for one query. Dropped before [`Lease::finish`], whatever runs on it is killed in the
/// database and it is closed: closing alone would leave the query running there.
pub(super) struct Lease {
    /// None only while it is taken apart.
    connection: Option<Conn>,
    pool: Arc<Pool>,
}

impl Lease {
    pub fn connection(&mut self) -> &mut Conn {
        // Only `finish`, `discard` and `drop` take it, and all of them consume the lease.
        self.connection
            .as_mut()
            .expect("a lease has its connection until it ends")
    }

    /// Closes it; nothing runs on it.
    pub fn discard(mut self) {
        self.connection = None;
    }

    /// Ends the transaction and keeps the connection for the next query.
    pub async fn finish(mut self) {
        let rollback = self.connection().query_drop("ROLLBACK");
        if let Ok(Ok(())) = tokio::time::timeout(ROLLBACK_TIME, rollback).await
            && let Some(connection) = self.connection.take()
        {
            self.pool.keep(connection);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let pool = self.pool.clone();
        runtime.spawn(async move {
            let id = connection.id();
            let kill = async {
                let mut other = pool.target.connect().await?;
                other
                    .query_drop(format!("KILL QUERY {id}"))
                    .await
                    .map_err(|error| fault::while_running(&error))
            };
            match tokio::time::timeout(KILL_TIME, kill).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "the database could not be asked to kill a query"),
                Err(_) => tracing::debug!("the database did not answer when it was asked to kill a query"),
            }
            // Only now, so that the number cannot mean another connection yet.
            drop(connection);
        });
    }
}
