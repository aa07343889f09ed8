//! The queries that run at agents right now, so that people can see and stop them. Who may see which is not
//! decided here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::remote::Caller;

/// A query that runs at an agent.
#[derive(Debug, Clone)]
pub struct RunningQuery {
    pub connection_id: String,
    /// The number of the agent that answers it.
    pub agent: u64,
    pub caller: Caller,
    /// As it was sent, in the dialect of the connection.
    pub query: String,
    /// How long it has been running.
    pub elapsed: Duration,
    /// Rows that arrived so far.
    pub rows: u64,
}

/// Every query that runs at an agent.
#[derive(Default)]
pub(super) struct Register {
    last: AtomicU64,
    running: Mutex<BTreeMap<u64, Entry>>,
}

struct Entry {
    connection_id: String,
    agent: u64,
    caller: Caller,
    query: String,
    since: Instant,
    rows: Arc<AtomicU64>,
}

/// One entry of the register, until dropped.
pub(super) struct Running {
    hub: Arc<super::Inner>,
    number: u64,
    rows: Arc<AtomicU64>,
}

impl Register {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Entry>> {
        self.running.lock().expect("no panic while the lock is held")
    }

    pub(super) fn at(&self, connection_id: &str) -> Vec<RunningQuery> {
        let running = self.lock();
        let here = running
            .values()
            .filter(|entry| entry.connection_id == connection_id);
        here.map(|entry| RunningQuery {
            connection_id: entry.connection_id.clone(),
            agent: entry.agent,
            caller: entry.caller.clone(),
            query: entry.query.clone(),
            elapsed: entry.since.elapsed(),
            rows: entry.rows.load(Ordering::Relaxed),
        })
        .collect()
    }
}

impl Running {
    pub(super) fn new(
        hub: &Arc<super::Inner>,
        connection_id: &str,
        agent: u64,
        caller: &Caller,
        query: &str,
    ) -> Running {
        let rows = Arc::new(AtomicU64::new(0));
        let number = hub.running.last.fetch_add(1, Ordering::Relaxed);
        let entry = Entry {
            connection_id: connection_id.to_owned(),
            agent,
            caller: caller.clone(),
            query: query.to_owned(),
            since: Instant::now(),
            rows: rows.clone(),
        };
        hub.running.lock().insert(number, entry);
        Running {
            hub: hub.clone(),
            number,
            rows,
        }
    }

    /// So many more rows arrived.
    pub(super) fn count(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.hub.running.lock().remove(&self.number);
    }
}
