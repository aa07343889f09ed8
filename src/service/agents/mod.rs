//! The agents that are connected right now: the [`Hub`], and [`RemoteSource`], a source behind an agent.
//!
//! Several agents may serve one connection; each query goes to the healthiest and least busy. The hub keeps
//! no records: what is worth keeping leaves it as an [`AgentEvent`]. No lock is held across an await.

mod attend;
mod remote;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, oneshot};

pub use self::remote::{Caller, RemoteSource};
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::link::asking::Requests;
use crate::link::{Closing, Heartbeat, Outbox};
use crate::protocol::{DRAIN_FOR, Database, Drain, Message};
use crate::source::{Kind, Source};

/// Every connected agent, by connection. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    events: broadcast::Sender<AgentEvent>,
    connections: Mutex<HashMap<String, Connection>>,
    last_agent: AtomicU64,
    heartbeat: Heartbeat,
}

/// What is known of one connection. Stays when its agents leave, for the catalog.
#[derive(Default)]
struct Connection {
    agents: Vec<Arc<Agent>>,
    catalog: Option<Arc<Catalog>>,
    /// The status last sent as an event.
    told: AgentStatus,
}

/// One connected agent.
struct Agent {
    number: u64,
    outbox: Arc<Outbox>,
    requests: Requests,
    report: Mutex<Report>,
    /// Somebody wants its schema.
    schema_wanted: Notify,
    /// Pings that wait for the agent to try its database.
    probes: Mutex<Probes>,
}

/// What an agent said about itself.
#[derive(Default)]
struct Report {
    product: String,
    database: Option<Database>,
    draining: bool,
}

#[derive(Default)]
struct Probes {
    last_id: u64,
    waiting: HashMap<u64, oneshot::Sender<Option<Database>>>,
}

/// Something changed about a connection.
#[derive(Debug, Clone)]
pub struct AgentEvent {
    pub connection_id: String,
    pub change: AgentChange,
}

/// See [`AgentEvent`].
#[derive(Debug, Clone)]
pub enum AgentChange {
    /// Online, offline, or the database became (un)reachable: the new status.
    Status(AgentStatus),
    /// A catalog arrived.
    Catalog(Arc<Catalog>),
}

/// What is known of a connection's agents right now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentStatus {
    pub online: bool,
    /// Whether the agent reaches its database; None until it said so.
    pub database: Option<bool>,
    pub agent_version: Option<String>,
    pub database_version: Option<String>,
    pub role_warnings: Vec<String>,
    /// Why the database is unreachable, in its own words.
    pub message: Option<String>,
}

/// Probe ids begin here, so that they never meet those of heartbeats.
const FIRST_PROBE: u64 = 1 << 32;

impl Hub {
    pub fn new() -> Hub {
        Hub::with_heartbeat(Heartbeat::default())
    }

    /// A hub that pings and gives up at other times than agreed; for tests.
    pub fn with_heartbeat(heartbeat: Heartbeat) -> Hub {
        Hub {
            inner: Arc::new(Inner {
                events: broadcast::channel(1024).0,
                connections: Mutex::default(),
                last_agent: AtomicU64::new(0),
                heartbeat,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Connection>> {
        self.inner
            .connections
            .lock()
            .expect("no panic while the lock is held")
    }

    /// Changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<AgentEvent> {
        self.inner.events.subscribe()
    }

    /// The state of a connection.
    pub fn status(&self, connection_id: &str) -> AgentStatus {
        self.lock()
            .get(connection_id)
            .map(Connection::status)
            .unwrap_or_default()
    }

    /// The database behind the connection's agent, asked through the healthiest, least busy agent.
    /// Its catalog is the last one received. Errors: `AgentOffline`.
    pub fn source(&self, connection_id: &str, kind: Kind) -> Result<Arc<dyn Source>> {
        self.source_for(connection_id, kind, Caller::default())
    }

    /// As [`Hub::source`], and the agent is told on whose behalf.
    pub fn source_for(&self, connection_id: &str, kind: Kind, caller: Caller) -> Result<Arc<dyn Source>> {
        self.agents(connection_id)?;
        Ok(Arc::new(RemoteSource::new(
            self.clone(),
            connection_id.to_owned(),
            kind,
            caller,
        )))
    }

    /// What is known of the connection's schema: the last catalog received, or the one it was seeded with.
    pub fn catalog(&self, connection_id: &str) -> Option<Arc<Catalog>> {
        self.lock().get(connection_id)?.catalog.clone()
    }

    /// Seeds the catalog of a connection from the store, until its agent sends a newer one.
    pub fn set_catalog(&self, connection_id: &str, catalog: Arc<Catalog>) {
        self.lock()
            .entry(connection_id.to_owned())
            .or_default()
            .catalog
            .get_or_insert(catalog);
    }

    /// Asks the agents to read their schema again (each checks queries against its own); the catalog arrives
    /// as an event.
    pub async fn refresh_schema(&self, connection_id: &str) -> Result<()> {
        for agent in self.agents(connection_id)? {
            agent.schema_wanted.notify_one();
        }
        Ok(())
    }

    /// Cuts every agent of a connection at once (its key was rotated or the connection deleted).
    pub fn disconnect(&self, connection_id: &str) {
        if let Ok(agents) = self.agents(connection_id) {
            for agent in agents {
                agent.outbox.close(Closing::new(
                    Closing::POLICY,
                    "The key of this connection was replaced or the connection was deleted.",
                ));
            }
        }
    }

    /// How many agents are connected.
    pub fn count(&self) -> usize {
        self.lock()
            .values()
            .map(|connection| connection.agents.len())
            .sum()
    }

    /// Queries running at agents right now.
    pub fn running(&self) -> usize {
        let connections = self.lock();
        let agents = connections.values().flat_map(|connection| &connection.agents);
        agents.map(|agent| agent.requests.running()).sum()
    }

    /// The server is stopping: tells every agent, lets running queries finish for up to [`DRAIN_FOR`], and
    /// closes the sockets (open ones would hold the HTTP server's own shutdown).
    pub async fn drain(&self) {
        let all = || -> Vec<Arc<Agent>> {
            let connections = self.lock();
            connections
                .values()
                .flat_map(|connection| connection.agents.iter().cloned())
                .collect()
        };
        for agent in all() {
            agent.outbox.send(0, Message::Drain(Drain {}));
        }
        let finished = async {
            while self.running() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(DRAIN_FOR, finished).await.ok();
        for agent in all() {
            agent
                .outbox
                .close(Closing::new(Closing::AWAY, "The server is stopping."));
        }
    }

    /// The connection's agents, best first: those that reach their database, then the least busy. Agents
    /// about to stop come last. Errors: `AgentOffline` when there is none.
    fn agents(&self, connection_id: &str) -> Result<Vec<Arc<Agent>>> {
        let mut agents = match self.lock().get(connection_id) {
            Some(connection) => connection.agents.clone(),
            None => Vec::new(),
        };
        if agents.is_empty() {
            return Err(Error::AgentOffline(
                "No agent is connected for this connection. Start it with the command on the connection's \
                 page."
                    .into(),
            ));
        }
        agents.sort_by_cached_key(|agent| (agent.rank(), agent.requests.running()));
        Ok(agents)
    }

    /// Tells everybody, if the status of the connection is not what was last told.
    fn tell_status(&self, connection_id: &str) {
        let mut connections = self.lock();
        let Some(connection) = connections.get_mut(connection_id) else {
            return;
        };
        let status = connection.status();
        if status != connection.told {
            connection.told = status.clone();
            // Sent under the lock, so that events leave in the order of what happened. Nobody listening is
            // no error.
            self.inner
                .events
                .send(AgentEvent {
                    connection_id: connection_id.to_owned(),
                    change: AgentChange::Status(status),
                })
                .ok();
        }
    }

    fn receive_catalog(&self, connection_id: &str, catalog: Catalog) {
        let catalog = Arc::new(catalog);
        let mut connections = self.lock();
        connections.entry(connection_id.to_owned()).or_default().catalog = Some(catalog.clone());
        self.inner
            .events
            .send(AgentEvent {
                connection_id: connection_id.to_owned(),
                change: AgentChange::Catalog(catalog),
            })
            .ok();
    }
}

impl Default for Hub {
    fn default() -> Hub {
        Hub::new()
    }
}

impl Connection {
    fn status(&self) -> AgentStatus {
        let Some(best) = self.agents.iter().min_by_key(|agent| agent.rank()) else {
            return AgentStatus::default();
        };
        let report = best.report();
        let database = report.database.as_ref();
        AgentStatus {
            online: true,
            database: database.map(|database| database.reachable),
            agent_version: Some(report.product.clone()),
            database_version: database.and_then(|database| database.version.clone()),
            role_warnings: database
                .map(|database| database.role_warnings.clone())
                .unwrap_or_default(),
            message: database.and_then(|database| database.message.clone()),
        }
    }
}

impl Agent {
    fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().expect("no panic while the lock is held")
    }

    fn probes(&self) -> MutexGuard<'_, Probes> {
        self.probes.lock().expect("no panic while the lock is held")
    }

    /// Lower is better.
    fn rank(&self) -> u8 {
        let report = self.report();
        let database = match report.database.as_ref().map(|database| database.reachable) {
            Some(true) => 0,
            None => 1,
            Some(false) => 2,
        };
        database + if report.draining { 4 } else { 0 }
    }

    /// Has the agent try its database and gives its report.
    async fn probe(&self) -> Result<Database> {
        let (sender, receiver) = oneshot::channel();
        let id = {
            let mut probes = self.probes();
            // Those who asked and left.
            probes.waiting.retain(|_, waiting| !waiting.is_closed());
            probes.last_id = probes.last_id.max(FIRST_PROBE) + 1;
            let id = probes.last_id;
            probes.waiting.insert(id, sender);
            id
        };
        self.outbox
            .send(id, Message::Ping(crate::protocol::Ping { probe: true }));
        match tokio::time::timeout(Duration::from_secs(30), receiver).await {
            Ok(Ok(Some(database))) => Ok(database),
            Ok(Ok(None)) => Err(Error::source(
                crate::error::SourceFault::Unreachable,
                "The agent has not tried its database yet.",
            )),
            Ok(Err(_)) => Err(attend::gone()),
            Err(_) => Err(Error::Timeout(
                "The agent did not say within 30 s whether it reaches its database.".into(),
            )),
        }
    }
}

/// The number of a new agent.
fn next_number(inner: &Inner) -> u64 {
    inner.last_agent.fetch_add(1, Ordering::Relaxed) + 1
}
