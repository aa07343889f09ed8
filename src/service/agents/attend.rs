//! One agent's socket, from hello to its end: registers the agent, keeps its report, fetches its catalog.
//! Whatever the agent sends is checked; breaking a rule ends its socket and nothing else.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{Sink, Stream};
use tokio::sync::Notify;

use super::{Admission, Agent, Epoch, Hub, next_number};
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::id;
use crate::link::asking::{Part, Requests};
use crate::link::{self, Closing, Ended, Frame, Handler, Outbox, Violation};
use crate::protocol::{
    self, Database, Envelope, HELLO_WITHIN, Hello, MAX_CATALOG, MAX_CATALOG_JSON, Message, Pong,
    SchemaRequest, Welcome,
};
use crate::source::Kind;

/// A socket being attended to. Its drop takes the agent out of the hub, however the socket ended.
struct Attendant<'a> {
    hub: &'a Hub,
    connection_id: &'a str,
    kind: Kind,
    epoch: Epoch,
    agent: Arc<Agent>,
    greeted: AtomicBool,
}

/// From here on a difference between the clocks is worth a line in the log: times in queries such as "today"
/// may then mean different days.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// How soon a schema that could not be read is asked for again; twice as long after each further failure.
const RETRY_SCHEMA: Duration = Duration::from_secs(3);
const RETRY_SCHEMA_AT_MOST: Duration = Duration::from_secs(300);

impl Hub {
    /// Serves the socket of one agent whose key was found right, until the socket ends.
    pub async fn attend<R, W>(&self, admission: &Admission, stream: R, sink: W) -> Ended
    where
        R: Stream<Item = std::result::Result<Frame, Ended>>,
        W: Sink<Frame>,
        W::Error: std::fmt::Display,
    {
        let outbox = Arc::new(Outbox::default());
        let connection_id = admission.connection_id.as_str();
        let attendant = Attendant {
            hub: self,
            connection_id,
            kind: admission.kind,
            epoch: admission.epoch,
            agent: Arc::new(Agent {
                number: next_number(&self.inner),
                key: admission.key.clone(),
                connected_at: id::now(),
                connected: Instant::now(),
                heard_ms: AtomicU64::new(0),
                requests: Requests::new(outbox.clone()),
                outbox: outbox.clone(),
                report: Mutex::default(),
                schema_wanted: Notify::new(),
                probes: Mutex::default(),
            }),
            greeted: AtomicBool::new(false),
        };
        let link = link::run(stream, sink, &outbox, None, &attendant, self.inner.heartbeat);
        let ended = tokio::select! {
            ended = link => ended,
            never = attendant.take_care() => match never {},
        };
        if attendant.greeted.load(Ordering::Relaxed) {
            match &ended {
                Ended::Violation(_) => {
                    tracing::warn!(connection = connection_id, "agent disconnected: {ended}");
                }
                _ => tracing::info!(connection = connection_id, "agent disconnected: {ended}"),
            }
        } else {
            tracing::warn!(
                connection = connection_id,
                "an agent left before it said hello: {ended}"
            );
        }
        ended
    }
}

impl Attendant<'_> {
    /// Closes the socket if no hello comes, then fetches the schema whenever somebody wants it.
    async fn take_care(&self) -> std::convert::Infallible {
        let first = tokio::time::timeout(HELLO_WITHIN, self.agent.schema_wanted.notified()).await;
        if first.is_err() && !self.greeted.load(Ordering::Relaxed) {
            self.agent.outbox.close(Closing::new(
                Closing::POLICY,
                format!("No hello within {} s.", HELLO_WITHIN.as_secs()),
            ));
        }
        let mut fetch = first.is_ok();
        let mut retry: Option<Duration> = None;
        loop {
            if fetch {
                match self.fetch_catalog().await {
                    Ok(catalog) => {
                        tracing::info!(
                            connection = self.connection_id,
                            tables = catalog.tables.len(),
                            "schema received"
                        );
                        self.hub.receive_catalog(self.connection_id, catalog);
                        retry = None;
                    }
                    Err(error) => {
                        let pause = retry.map_or(RETRY_SCHEMA, |last| (last * 2).min(RETRY_SCHEMA_AT_MOST));
                        retry = Some(pause);
                        tracing::warn!(
                            connection = self.connection_id,
                            %error,
                            "no schema from the agent; it is asked again in {} s",
                            pause.as_secs()
                        );
                    }
                }
            }
            let wanted = self.agent.schema_wanted.notified();
            match retry {
                // Agents that failed together, for example because a database took no more connections, do not
                // come back together.
                Some(pause) => {
                    let apart = pause.mul_f64((self.agent.number % 32) as f64 / 32.0);
                    tokio::time::timeout(pause + apart, wanted).await.ok();
                }
                None => wanted.await,
            }
            fetch = true;
        }
    }

    async fn fetch_catalog(&self) -> Result<Catalog> {
        // Only samples forget.
        let is_sampled = self.kind == Kind::Mongodb;
        let last = self.hub.catalog(self.connection_id).filter(|_| is_sampled);
        let known = last.and_then(|catalog| protocol::known::pack(&catalog));
        let mut reply = self
            .agent
            .requests
            .ask(|credit| Message::Schema(SchemaRequest { credit, known }))?;
        let mut packed = Vec::new();
        loop {
            match reply.next().await? {
                Part::Bytes(bytes) if packed.len() + bytes.len() > MAX_CATALOG => {
                    return Err(self.reject(format!(
                        "The schema is larger than {} MB.",
                        MAX_CATALOG / 1024 / 1024
                    )));
                }
                Part::Bytes(bytes) => packed.extend_from_slice(&bytes),
                Part::End(_) => break,
            }
        }
        // Parsing a large catalog takes a while, and this thread has other sockets to serve.
        tokio::task::spawn_blocking(move || unpack_catalog(&packed))
            .await
            .map_err(Error::internal)?
            .map_err(|what| self.reject(what))
    }

    fn reject(&self, what: String) -> Error {
        self.agent
            .outbox
            .close(Closing::new(Closing::POLICY, what.as_str()));
        Error::Invalid(what)
    }

    fn hello(&self, id: u64, hello: Hello) -> std::result::Result<(), Violation> {
        if let Some(database) = &hello.database
            && database.kind != self.kind.name()
        {
            return Err(Violation(format!(
                "The agent's database is {}, but the connection was made for {}.",
                protocol::sentence(&database.kind),
                self.kind.name()
            )));
        }
        let protocol = protocol::agree(&hello)?;
        let now_reachable = self.note(&hello, protocol);
        if !self.greeted.swap(true, Ordering::Relaxed) {
            self.greet(id, protocol)?;
        }
        self.hub.tell_status(self.connection_id);
        if now_reachable {
            self.agent.schema_wanted.notify_one();
        }
        Ok(())
    }

    /// Keeps what the agent says of itself; true when its database has just become reachable.
    fn note(&self, hello: &Hello, protocol: u32) -> bool {
        let mut report = self.agent.report();
        let is_reachable = |database: &Option<Database>| database.as_ref().is_some_and(|d| d.reachable);
        let was = is_reachable(&report.database);
        report.product = protocol::sentence(&hello.product);
        report.protocol = protocol;
        report.host = hello.host.as_deref().map(protocol::sentence);
        report.policy = hello.policy.clone();
        report.clock_skew_ms = hello
            .clock_ms
            .map(|theirs| theirs.saturating_sub(chrono::Utc::now().timestamp_millis()));
        if let Some(database) = hello.database.clone() {
            report.database = Some(database.fitted());
        }
        !was && is_reachable(&report.database)
    }

    /// Answers the first hello and takes the agent into the hub, unless its key was replaced since it knocked.
    fn greet(&self, id: u64, protocol: u32) -> std::result::Result<(), Violation> {
        if self.hub.is_open().is_err() {
            self.agent
                .outbox
                .close(Closing::new(Closing::AWAY, "The server is stopping."));
            return Ok(());
        }
        let mut connections = self.hub.lock();
        let connection = connections.entry(self.connection_id.to_owned()).or_default();
        if Epoch(connection.epoch) != self.epoch {
            return Err(Violation(super::cut().reason));
        }
        self.agent.outbox.send(
            id,
            Message::Welcome(Welcome {
                protocol,
                product: env!("CARGO_PKG_VERSION").into(),
                connection_id: self.connection_id.into(),
                kind: self.kind.name().into(),
            }),
        );
        connection.agents.push(self.agent.clone());
        let report = self.agent.report();
        tracing::info!(
            connection = self.connection_id,
            version = report.product,
            host = report.host,
            agents = connection.agents.len(),
            "agent connected"
        );
        if let Some(skew) = report.clock_skew_ms
            && skew.unsigned_abs() >= CLOCK_SKEW.as_millis() as u64
        {
            tracing::warn!(
                connection = self.connection_id,
                "the agent's clock is {} s {} this server's; set both by the network time",
                skew.unsigned_abs() / 1000,
                if skew > 0 { "ahead of" } else { "behind" }
            );
        }
        Ok(())
    }
}

impl Handler for Attendant<'_> {
    fn message(&self, envelope: Envelope) -> std::result::Result<(), Violation> {
        let Envelope { id, message } = envelope;
        if !self.greeted.load(Ordering::Relaxed) && !matches!(message, Message::Hello(_)) {
            return Err(Violation("something else came before hello".into()));
        }
        match message {
            Message::Hello(hello) => self.hello(id, hello)?,
            Message::Pong(Pong { database, took_us }) => {
                let waiting = self.agent.probes().waiting.remove(&id);
                if let Some(waiting) = waiting {
                    let database = database.map(Database::fitted);
                    // Whoever asked may have left.
                    waiting.send(Pong { database, took_us }).ok();
                }
            }
            Message::Ping(_) => self.agent.outbox.send(id, Message::Pong(Pong::default())),
            Message::End(end) => self.agent.requests.end(id, Ok(end)),
            Message::Fault(fault) => self.agent.requests.end(id, Err(fault)),
            Message::Drain(_) => {
                self.agent.report().draining = true;
                self.hub.tell_status(self.connection_id);
            }
            Message::Welcome(_)
            | Message::Schema(_)
            | Message::Query(_)
            | Message::Credit(_)
            | Message::Cancel(_)
            | Message::Unknown => {
                return Err(Violation("a message that only a server sends".into()));
            }
        }
        Ok(())
    }

    fn data(&self, id: u64, chunk: &[u8], cost: u64) -> std::result::Result<(), Violation> {
        self.agent.requests.data(id, chunk, cost)
    }

    fn heard(&self) {
        let after = self.agent.connected.elapsed().as_millis();
        let after = u64::try_from(after).unwrap_or(u64::MAX);
        self.agent.heard_ms.store(after, Ordering::Relaxed);
    }
}

impl Drop for Attendant<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.hub.lock().get_mut(self.connection_id) {
            connection
                .agents
                .retain(|agent| agent.number != self.agent.number);
        }
        self.agent.requests.fail(gone());
        self.agent.probes().waiting.clear();
        self.hub.tell_status(self.connection_id);
    }
}

/// What a running query ends with when its agent goes.
pub(super) fn gone() -> Error {
    Error::AgentOffline(
        "The agent was disconnected while it answered. It comes back by itself when its machine and the \
         network do; then ask again."
            .into(),
    )
}

/// The catalog from its compressed JSON. Errors: what is wrong with it.
fn unpack_catalog(packed: &[u8]) -> std::result::Result<Catalog, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("The schema cannot be read ({error}).");
    let mut unpacking = zstd::Decoder::new(packed).map_err(|error| unreadable(&error))?;
    // The window is memory that the other side chooses; ours is 8 MB at most.
    unpacking.window_log_max(23).map_err(|error| unreadable(&error))?;
    let mut json = Vec::new();
    unpacking
        .take(MAX_CATALOG_JSON as u64 + 1)
        .read_to_end(&mut json)
        .map_err(|error| unreadable(&error))?;
    if json.len() > MAX_CATALOG_JSON {
        return Err(format!(
            "The schema is larger than {} MB.",
            MAX_CATALOG_JSON / 1024 / 1024
        ));
    }
    serde_json::from_slice(&json).map_err(|error| unreadable(&error))
}
