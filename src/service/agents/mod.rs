//! The agents that are connected right now: the [`Hub`], and [`RemoteSource`], a source behind an agent.
//!
//! Several agents may serve one connection; each query goes to the healthiest and least busy. The hub keeps
//! no records: what is worth keeping leaves it as an [`AgentEvent`]. No lock is held across an await.

mod attend;
mod remote;
mod running;
mod test;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use tokio::sync::{Notify, broadcast, oneshot};

pub use self::remote::{Caller, RemoteSource};
pub use self::running::RunningQuery;
pub use self::test::AgentTest;
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::id;
use crate::link::asking::Requests;
use crate::link::{Closing, Heartbeat, Outbox};
use crate::protocol::{Database, Drain, Message, Ping, PolicySummary, Pong};
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
    running: running::Register,
    /// The server is stopping.
    draining: AtomicBool,
}

/// What is known of one connection. Stays when its agents leave, for the catalog.
#[derive(Default)]
struct Connection {
    agents: Vec<Arc<Agent>>,
    catalog: Option<Arc<Catalog>>,
    /// The status last sent as an event.
    told: AgentStatus,
    /// Counts the times that every agent was cut: an [`Admission`] of an earlier one is void.
    epoch: u64,
}

/// The right of one socket to be attended: its key was found right. Void once the connection's agents were
/// cut, so that a key replaced while its agent was knocking does not get in.
pub struct Admission {
    pub connection_id: String,
    pub kind: Kind,
    epoch: Epoch,
    /// The hash of the key that opened it.
    key: String,
}

/// See [`Hub::epoch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(u64);

impl Admission {
    /// `epoch` has to be from before the key was read.
    pub fn new(connection_id: String, kind: Kind, epoch: Epoch) -> Admission {
        Admission {
            connection_id,
            kind,
            epoch,
            key: String::new(),
        }
    }

    /// With the hash of the key, so that it can be told later whether that key is still good.
    pub fn with_key(mut self, key: String) -> Admission {
        self.key = key;
        self
    }
}

/// One connected agent.
struct Agent {
    number: u64,
    /// The hash of the key that opened its socket.
    key: String,
    connected_at: NaiveDateTime,
    connected: Instant,
    /// When it was last heard, in milliseconds after `connected`.
    heard_ms: AtomicU64,
    outbox: Arc<Outbox>,
    requests: Requests,
    report: Mutex<Report>,
    /// Somebody wants its schema.
    schema_wanted: Notify,
    /// Pings that somebody waits for.
    probes: Mutex<Probes>,
}

/// What an agent said about itself.
#[derive(Default)]
struct Report {
    product: String,
    protocol: u32,
    host: Option<String>,
    policy: Option<PolicySummary>,
    /// How far the agent's clock is ahead of ours, in milliseconds.
    clock_skew_ms: Option<i64>,
    database: Option<Database>,
    draining: bool,
}

#[derive(Default)]
struct Probes {
    last_id: u64,
    waiting: HashMap<u64, oneshot::Sender<Pong>>,
}

/// One connected agent, as it is shown to people.
#[derive(Debug, Clone)]
pub struct AgentInfo {
    /// Of this socket; a new one after every reconnect.
    pub number: u64,
    /// The agent's product version.
    pub version: String,
    /// The protocol spoken with it.
    pub protocol: u32,
    pub host: Option<String>,
    pub connected_at: NaiveDateTime,
    /// Never longer ago than the heartbeat allows.
    pub heard_at: NaiveDateTime,
    pub policy: Option<PolicySummary>,
    /// How far the agent's clock is ahead of ours, in milliseconds; None from an old agent.
    pub clock_skew_ms: Option<i64>,
    /// None until it tried.
    pub database: Option<Database>,
    /// It is stopping: what runs may finish, nothing new goes to it.
    pub draining: bool,
    /// Requests it is answering.
    pub running: usize,
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
    /// Agents connected.
    pub agents: usize,
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

/// How long an agent may take to answer a ping that has it try its database.
const PONG_WITHIN: Duration = Duration::from_secs(30);

/// Within what time agents are asked to dial again when the server stops, in milliseconds: two thousand of
/// them spread over five seconds.
const COME_BACK_MS: u64 = 1_000;
const COME_BACK_MS_PER_AGENT: u64 = 2;

/// What an agent is told when its key does not fit any more.
fn cut() -> Closing {
    Closing::new(
        Closing::POLICY,
        "The key of this connection was replaced or revoked, or the connection was deleted.",
    )
}

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
                running: running::Register::default(),
                draining: AtomicBool::new(false),
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

    /// Everything there is right now, as if it had just happened.
    pub fn present(&self) -> Vec<AgentEvent> {
        let connections = self.lock();
        let mut all = Vec::new();
        for (id, connection) in connections.iter() {
            let event = |change| AgentEvent {
                connection_id: id.clone(),
                change,
            };
            all.push(event(AgentChange::Status(connection.status())));
            all.extend(
                connection
                    .catalog
                    .clone()
                    .map(|catalog| event(AgentChange::Catalog(catalog))),
            );
        }
        all
    }

    /// The state of a connection.
    pub fn status(&self, connection_id: &str) -> AgentStatus {
        self.lock()
            .get(connection_id)
            .map(Connection::status)
            .unwrap_or_default()
    }

    /// The connection's agents, best first.
    pub fn agents_of(&self, connection_id: &str) -> Vec<AgentInfo> {
        let agents = self.agents(connection_id).unwrap_or_default();
        agents.iter().map(|agent| agent.info()).collect()
    }

    /// The queries that run at the connection's agents, oldest first.
    pub fn running_at(&self, connection_id: &str) -> Vec<RunningQuery> {
        self.inner.running.at(connection_id)
    }

    /// Has every agent of the connection try its database and times it. Errors: `AgentOffline` when there is
    /// no agent.
    pub async fn test(&self, connection_id: &str) -> Result<Vec<AgentTest>> {
        let agents = self.agents(connection_id)?;
        Ok(futures::future::join_all(agents.iter().map(|agent| agent.test())).await)
    }

    /// To be asked for before the key of an agent is read; see [`Admission`].
    pub fn epoch(&self, connection_id: &str) -> Epoch {
        Epoch(
            self.lock()
                .get(connection_id)
                .map_or(0, |connection| connection.epoch),
        )
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

    /// Cuts every agent of a connection at once, also those whose socket is just being opened (its key was
    /// rotated or revoked, or the connection deleted).
    pub fn disconnect(&self, connection_id: &str) {
        let cut_off = {
            let mut connections = self.lock();
            let connection = connections.entry(connection_id.to_owned()).or_default();
            connection.epoch += 1;
            std::mem::take(&mut connection.agents)
        };
        for agent in &cut_off {
            agent.outbox.close(cut());
            agent.requests.fail(attend::gone());
        }
        self.tell_status(connection_id);
    }

    /// Cuts every agent of a connection that is no more, and forgets its schema.
    pub fn forget(&self, connection_id: &str) {
        self.disconnect(connection_id);
        if let Some(connection) = self.lock().get_mut(connection_id) {
            connection.catalog = None;
        }
    }

    /// Every connection with agents, and the hashes of the keys they came with.
    pub fn admitted(&self) -> Vec<(String, Vec<String>)> {
        let connections = self.lock();
        let with_agents = connections
            .iter()
            .filter(|(_, connection)| !connection.agents.is_empty());
        with_agents
            .map(|(id, connection)| {
                let keys = connection.agents.iter().map(|agent| agent.key.clone());
                (id.clone(), keys.collect())
            })
            .collect()
    }

    /// How many agents are connected.
    pub fn count(&self) -> usize {
        self.lock()
            .values()
            .map(|connection| connection.agents.len())
            .sum()
    }

    /// Catalogs kept in memory: one for each connection whose schema is known.
    pub fn catalogs(&self) -> usize {
        self.lock()
            .values()
            .filter(|connection| connection.catalog.is_some())
            .count()
    }

    /// Queries running at agents right now.
    pub fn running(&self) -> usize {
        let connections = self.lock();
        let agents = connections.values().flat_map(|connection| &connection.agents);
        agents.map(|agent| agent.requests.running()).sum()
    }

    /// The server is stopping: nothing new is asked, every agent is told (and when to come back), running
    /// queries may finish within `time` or are told why not, and the sockets are closed (open ones would hold
    /// the HTTP server's own shutdown).
    pub async fn drain(&self, time: Duration) {
        self.inner.draining.store(true, Ordering::Relaxed);
        let all = || -> Vec<Arc<Agent>> {
            let connections = self.lock();
            connections
                .values()
                .flat_map(|connection| connection.agents.iter().cloned())
                .collect()
        };
        let agents = all();
        let come_back_ms = COME_BACK_MS + agents.len() as u64 * COME_BACK_MS_PER_AGENT;
        for agent in agents {
            let drain = Drain {
                come_back_ms: Some(come_back_ms),
            };
            agent.outbox.send(0, Message::Drain(drain));
        }
        let finished = async {
            while self.running() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(time, finished).await.ok();
        for agent in all() {
            agent.requests.fail(Error::AgentOffline(
                "The server was stopped before the query had finished. Ask again in a moment.".into(),
            ));
            agent
                .outbox
                .close(Closing::new(Closing::AWAY, "The server is stopping."));
        }
    }

    /// Errors: `AgentOffline` once the server is stopping.
    fn is_open(&self) -> Result<()> {
        if self.inner.draining.load(Ordering::Relaxed) {
            return Err(Error::AgentOffline(
                "The server is being stopped; ask again in a moment.".into(),
            ));
        }
        Ok(())
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
            agents: self.agents.len(),
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

    fn info(&self) -> AgentInfo {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        let silent = self.connected.elapsed().saturating_sub(heard);
        let report = self.report();
        AgentInfo {
            number: self.number,
            version: report.product.clone(),
            protocol: report.protocol,
            host: report.host.clone(),
            connected_at: self.connected_at,
            heard_at: id::now() - silent,
            policy: report.policy.clone(),
            clock_skew_ms: report.clock_skew_ms,
            database: report.database.clone(),
            draining: report.draining,
            running: self.requests.running(),
        }
    }

    /// Has the agent try its database and gives its report.
    async fn probe(&self) -> Result<Database> {
        let pong = self.ping(Ping { probe: true }).await?;
        let database = pong.database.ok_or_else(|| {
            Error::source(
                crate::error::SourceFault::Unreachable,
                "The agent has not tried its database yet.",
            )
        })?;
        if !database.reachable {
            // The agent says so to everybody, too, but later; no query should go to it until then. Good news
            // wait for its word, which also brings the schema.
            self.report().database = Some(database.clone().fitted());
        }
        Ok(database)
    }

    /// Pings and waits for the answer. Errors: `AgentOffline`, `Timeout`.
    async fn ping(&self, ping: Ping) -> Result<Pong> {
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
        self.outbox.send(id, Message::Ping(ping));
        match tokio::time::timeout(PONG_WITHIN, receiver).await {
            Ok(Ok(pong)) => Ok(pong),
            Ok(Err(_)) => Err(attend::gone()),
            Err(_) => Err(Error::Timeout(format!(
                "The agent did not say within {} s whether it reaches its database.",
                PONG_WITHIN.as_secs()
            ))),
        }
    }
}

/// The number of a new agent.
fn next_number(inner: &Inner) -> u64 {
    inner.last_agent.fetch_add(1, Ordering::Relaxed) + 1
}
