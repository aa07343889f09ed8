//! Connections: one for each running query, a few kept for the next.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::oneshot;
use tokio_postgres::Client;

use super::target::Target;
use crate::error::Result;

/// Idle connections kept for [`IDLE`].
const KEPT: usize = 4;
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(60);
/// Idle connections kept beyond [`KEPT`] for [`BRIEFLY`]: a busy hour must not open one for each query.
const KEPT_BRIEFLY: usize = 28;
/// How long those are kept.
const BRIEFLY: Duration = Duration::from_secs(5);
/// How long ROLLBACK may take before the connection is given up.
const ROLLBACK_TIME: Duration = Duration::from_secs(5);

/// How often a database is asked to stop a query, and how long it may take each time.
const CANCELS: u32 = 20;
const CANCEL_AGAIN: Duration = Duration::from_millis(500);

/// Where connections come from and go to.
pub(super) struct Pool {
    target: Target,
    /// Last used last.
    idle: Mutex<Vec<Idle>>,
    /// Somebody looks after what has been idle for too long. Changes only while `idle` is locked.
    is_tended: AtomicBool,
    behind_pooler: AtomicBool,
}

/// A connection that nobody uses.
struct Idle {
    client: Arc<Client>,
    since: Instant,
    /// Comes when the last transaction has ended; the sender's drop means that it has not.
    rolled_back: oneshot::Receiver<()>,
}

impl Pool {
    pub fn new(target: Target) -> Arc<Pool> {
        Arc::new(Pool {
            target,
            idle: Mutex::new(Vec::new()),
            is_tended: AtomicBool::new(false),
            behind_pooler: AtomicBool::new(false),
        })
    }

    /// A connection, outside any transaction.
    pub async fn lease(self: &Arc<Self>) -> Result<Lease> {
        while let Some(idle) = self.take_idle() {
            // Usually long since there.
            if let Ok(Ok(())) = tokio::time::timeout(ROLLBACK_TIME, idle.rolled_back).await {
                return Ok(Lease::new(self, idle.client, WasIdle::Yes));
            }
        }
        self.connect().await
    }

    /// A new connection.
    pub async fn connect(self: &Arc<Self>) -> Result<Lease> {
        let client = Arc::new(self.target.connect().await?);
        Ok(Lease::new(self, client, WasIdle::No))
    }

    /// Whether what looks like one session is several, as behind PgBouncer in transaction mode.
    pub fn is_behind_pooler(&self) -> bool {
        self.behind_pooler.load(Ordering::Relaxed)
    }

    /// It was found out that it is.
    pub fn set_behind_pooler(&self) {
        self.behind_pooler.store(true, Ordering::Relaxed);
    }

    fn take_idle(&self) -> Option<Idle> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        trim(&mut idle);
        idle.pop()
    }

    fn keep(self: &Arc<Self>, kept: Idle) {
        {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() >= KEPT + KEPT_BRIEFLY {
                return;
            }
            idle.push(kept);
            if self.is_tended.swap(true, Ordering::Relaxed) {
                return;
            }
        }
        // One for all of them: one for each query would be thousands on a busy day.
        let pool = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(BRIEFLY).await;
                let Some(pool) = pool.upgrade() else { return };
                let mut idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
                trim(&mut idle);
                if idle.is_empty() {
                    pool.is_tended.store(false, Ordering::Relaxed);
                    return;
                }
            }
        });
    }
}

/// Closes what has been idle for too long: the last [`KEPT`] may wait longer than the others.
fn trim(idle: &mut Vec<Idle>) {
    let mut beyond = idle.len().saturating_sub(KEPT);
    idle.retain(|idle| {
        let age = idle.since.elapsed();
        let stays = !idle.client.is_closed() && age < if beyond > 0 { BRIEFLY } else { IDLE };
        beyond = beyond.saturating_sub(1);
        stays
    });
}

/// Whether a connection had been used before.
enum WasIdle {
    Yes,
    No,
}

/// A connection for one query. Dropped before [`Lease::finish`], whatever runs on it is cancelled in the
/// database and it is closed: closing alone would leave the query running there.
pub(super) struct Lease {
    /// None only while it is taken apart.
    client: Option<Arc<Client>>,
    pool: Arc<Pool>,
    was_idle: bool,
    is_reusable: bool,
}

impl Lease {
    fn new(pool: &Arc<Pool>, client: Arc<Client>, was_idle: WasIdle) -> Lease {
        Lease {
            client: Some(client),
            pool: pool.clone(),
            was_idle: matches!(was_idle, WasIdle::Yes),
            is_reusable: true,
        }
    }

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

    /// Ends the transaction and keeps the connection for the next query. Does not wait for the database.
    pub fn finish(mut self) {
        let Some(client) = self.client.take() else { return };
        if !self.is_reusable || client.is_closed() {
            return;
        }
        let mut rollback = Box::pin({
            let client = client.clone();
            async move { client.batch_execute("ROLLBACK").await }
        });
        let (done, rolled_back) = oneshot::channel();
        // The first poll sends it, so that whatever the next query sends comes after it.
        match (&mut rollback).now_or_never() {
            Some(Ok(())) => {
                let _ = done.send(());
            }
            Some(Err(_)) => return,
            None => {
                tokio::spawn(async move {
                    if let Ok(Ok(())) = tokio::time::timeout(ROLLBACK_TIME, rollback).await {
                        let _ = done.send(());
                    }
                });
            }
        }
        self.pool.keep(Idle {
            client,
            since: Instant::now(),
            rolled_back,
        });
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
            // Behind whatever runs. It closes once that has ended: PgBouncer 1.18 does not survive a client that
            // leaves while its cancel is being passed on.
            let mut ended = Box::pin(client.batch_execute("ROLLBACK"));
            for _ in 0..CANCELS {
                pool.target.cancel(client.cancel_token()).await;
                // One that comes before the query has begun is lost, so it is said again.
                if tokio::time::timeout(CANCEL_AGAIN, &mut ended).await.is_ok() {
                    return;
                }
            }
        });
    }
}
