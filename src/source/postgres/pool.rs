//! Connections: one for each running query, a few kept for the next.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::target::Target;
use crate::error::Result;

/// Connections kept idle at most.
const KEPT: usize = 4;
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(60);
/// How long ROLLBACK may take before the connection is given up.
const ROLLBACK_TIME: Duration = Duration::from_secs(5);

/// Where connections come from and go to.
pub(super) struct Pool {
    target: Target,
    idle: Mutex<Vec<(Client, Instant)>>,
}

impl Pool {
    pub fn new(target: Target) -> Arc<Pool> {
        Arc::new(Pool {
            target,
            idle: Mutex::new(Vec::new()),
        })
    }

    /// A connection, outside any transaction.
    pub async fn lease(self: &Arc<Self>) -> Result<Lease> {
        match self.take_idle() {
            Some(client) => Ok(Lease {
                client: Some(client),
                pool: self.clone(),
                was_idle: true,
                is_reusable: true,
            }),
            None => self.connect().await,
        }
    }

    /// A new connection.
    pub async fn connect(self: &Arc<Self>) -> Result<Lease> {
        Ok(Lease {
            client: Some(self.target.connect().await?),
            pool: self.clone(),
            was_idle: false,
            is_reusable: true,
        })
    }

    fn take_idle(&self) -> Option<Client> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(client, since)| !client.is_closed() && since.elapsed() < IDLE);
        idle.pop().map(|(client, _)| client)
    }

    fn keep(self: &Arc<Self>, client: Client) {
        if client.is_closed() {
            return;
        }
        {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() >= KEPT {
                return;
            }
            idle.push((client, Instant::now()));
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

/// A connection for one query. Dropped before [`Lease::finish`], whatever runs on it is cancelled in the
/// database and it is closed: closing alone would leave the query running there.
pub(super) struct Lease {
    /// None only while it is taken apart.
    client: Option<Client>,
    pool: Arc<Pool>,
    was_idle: bool,
    is_reusable: bool,
}

impl Lease {
    pub fn client(&self) -> &Client {
        // Only `finish` and `drop` take it, and both consume the lease.
        self.client
            .as_ref()
            .expect("a lease has its connection until it ends")
    }

    /// Whether it had been used before.
    pub fn was_idle(&self) -> bool {
        self.was_idle
    }

    /// Does not go back to the pool.
    pub fn use_once(&mut self) {
        self.is_reusable = false;
    }

    /// Ends the transaction and keeps the connection for the next query.
    pub async fn finish(mut self) {
        if !self.is_reusable {
            self.client = None;
            return;
        }
        let rollback = self.client().batch_execute("ROLLBACK");
        if let Ok(Ok(())) = tokio::time::timeout(ROLLBACK_TIME, rollback).await
            && let Some(client) = self.client.take()
        {
            self.pool.keep(client);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(client) = self.client.take().filter(|client| !client.is_closed()) else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let pool = self.pool.clone();
        runtime.spawn(async move {
            pool.target.cancel(client.cancel_token()).await;
        });
    }
}
