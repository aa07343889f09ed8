//! The wire between server and agent: messages, the data-frame header, version and limits; nothing else.
//!
//! Text frames carry one [`Envelope`] of JSON each, `{"id","type",…}`. Binary frames carry data: 8 bytes
//! request id (big endian), then at least one byte of what was asked for: for `query` an Arrow IPC stream
//! (LZ4; small batches plain), for `schema` the catalog as JSON compressed with zstd. Only the server asks
//! (`schema`, `query`); an answer is any number of data frames and then one `end` or `fault` with the same id.
//! The agent sends only what was granted as credit; a data frame costs its whole length, header included.
//!
//! Unknown fields are ignored and unknown messages answered by a fault, so that both ends may grow. Nothing
//! here depends on the clocks of the two ends agreeing: times are spans, counted from receipt.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::error::{Error, SourceFault};

pub mod known;
#[cfg(test)]
mod tests;

/// The protocol spoken here. 2: `hello` tells the agent's machine, clock and policy, `pong` how long the
/// database took, `drain` when to come back; all of it may be missing, as it is from an end that speaks 1.
pub const VERSION: u32 = 2;
/// The oldest protocol still accepted; agents are upgraded late, so this stays one behind [`VERSION`].
pub const OLDEST_VERSION: u32 = 1;
/// The WebSocket subprotocols understood, best first.
pub const SUBPROTOCOLS: &[&str] = &["clean-custard.v1"];

/// One WebSocket frame at most, in bytes, the header of data frames included. Set on both sockets.
pub const MAX_FRAME: usize = 64 * 1024;
/// One control message at most, in bytes.
pub const MAX_TEXT: usize = 60 * 1024;
/// The request id before the bytes of a data frame.
pub const DATA_HEADER: usize = 8;
/// Bytes of payload in one data frame at most.
pub const MAX_CHUNK: usize = MAX_FRAME - DATA_HEADER;

/// Bytes granted with a request and kept granted while it is read: what one slow reader can make the server
/// hold.
pub const CREDIT_WINDOW: u64 = 1024 * 1024;
/// Requests open at once on one socket, cancelled ones included until the agent has confirmed them.
pub const MAX_OPEN: usize = 128;
/// Bytes of queries sent and not yet answered on one socket: what the server's socket may have to hold for
/// an agent that does not read.
pub const MAX_ASKED_BYTES: usize = 512 * 1024;
/// A compressed catalog at most, in bytes.
pub const MAX_CATALOG: usize = 16 * 1024 * 1024;
/// The catalog's JSON at most, in bytes, once decompressed.
pub const MAX_CATALOG_JSON: usize = 96 * 1024 * 1024;
/// One message of an Arrow IPC stream at most, in bytes, decompressed: a batch is cut to far less, so this
/// only limits a single row.
pub const MAX_IPC_MESSAGE: usize = 32 * 1024 * 1024;

/// How often each side pings.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// Silence after which the other side counts as gone.
pub const DEAD_AFTER: Duration = Duration::from_secs(45);
/// How long a new socket may take to say hello.
pub const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// First and longest pause before an agent dials again.
pub const BACKOFF: std::ops::Range<Duration> = Duration::from_millis(500)..Duration::from_secs(30);
/// How long a connection has to hold for the pause to start over.
pub const HELD_AFTER: Duration = Duration::from_secs(10);

/// One control message: a request's id and what is said about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The request. `query` and `schema` are numbered by the server from 1, never twice on one socket;
    /// `hello` and `ping` by their sender, and the reply repeats the number; `drain` has 0.
    pub id: u64,
    #[serde(flatten)]
    pub message: Message,
}

/// What the two ends say to each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Agent to server, first of all, and again whenever its database changed state.
    Hello(Hello),
    /// Server to agent, the answer to the first `hello`.
    Welcome(Welcome),
    /// Either way, every [`HEARTBEAT`].
    Ping(Ping),
    /// The answer to `ping`.
    Pong(Pong),
    /// Server to agent: read the schema and send the catalog.
    Schema(SchemaRequest),
    /// Server to agent: run this.
    Query(Query),
    /// Server to agent: so many more bytes may be sent for this request.
    Credit(Credit),
    /// Server to agent: nobody waits for this request any more. Confirmed by its `fault` (or `end`).
    Cancel(Cancel),
    /// Agent to server: the request is answered in full.
    End(End),
    /// The request failed, or the message of this id was not understood.
    Fault(Fault),
    /// Either way: this side is stopping. Ask nothing new; what runs may finish.
    Drain(Drain),
    /// A message of a later version.
    #[serde(other)]
    Unknown,
}

/// See [`Message::Hello`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The newest protocol the agent speaks.
    pub protocol: u32,
    /// The oldest it still speaks.
    #[serde(default)]
    pub oldest: u32,
    /// The agent's product version.
    pub product: String,
    /// The name of the machine the agent runs on; from protocol 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The agent's clock when this was written, in milliseconds since 1970. Only shown to people: nothing is
    /// computed from it. From protocol 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ms: Option<i64>,
    /// What the agent allows, whatever the server asks; from protocol 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicySummary>,
    /// What is known of the database; absent until it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
}

/// An agent's report on the database beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    pub reachable: bool,
    /// `POSTGRESQL`, …
    pub kind: String,
    /// e.g. `PostgreSQL 15.18`; kept from the last time it was reachable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The read-only report: what the role could do beyond reading, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_warnings: Vec<String>,
    /// Why it is not reachable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// See [`Message::Welcome`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol spoken from here on.
    pub protocol: u32,
    /// The server's product version.
    pub product: String,
    pub connection_id: String,
    /// The kind of database this connection was made for.
    pub kind: String,
}

/// See [`Message::Ping`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ping {
    /// Ask the agent to try its database before it answers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
}

/// See [`Message::Pong`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pong {
    /// The answer to a probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// How long the database took to answer the probe, in microseconds; from protocol 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_us: Option<u64>,
}

/// See [`Message::Schema`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SchemaRequest {
    /// Bytes of data frames that may be sent at once.
    pub credit: u64,
    /// What the server still knows of a source without a schema of its own, see [`known`]: the agent may have
    /// been started anew. Agents that do not know it leave it aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
}

/// See [`Message::Query`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// In the dialect of the connection's kind.
    pub query: String,
    pub limits: QueryLimits,
    /// How long the asker waits, in milliseconds from receipt.
    pub deadline_ms: u64,
    /// Bytes of data frames that may be sent at once.
    pub credit: u64,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Id of the user who asks, for the agent's log; not their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asker: Option<String>,
}

/// What the server lets a query take; the agent's policy may allow less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryLimits {
    pub rows: u64,
    /// Arrow bytes, uncompressed.
    pub bytes: u64,
    pub time_ms: u64,
}

/// What an agent's own policy allows, without a name that it hides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicySummary {
    /// Rows of one query at most.
    pub max_rows: u64,
    /// Bytes of one query at most.
    pub max_bytes: u64,
    /// Time of one query at most, in milliseconds.
    pub max_time_ms: u64,
    /// Whether frequent values leave with the catalog.
    pub value_hints: bool,
    /// Rules that allow tables; 0: every table that no rule denies.
    #[serde(default)]
    pub allowed_tables: usize,
    /// Rules that deny tables.
    #[serde(default)]
    pub denied_tables: usize,
    /// Rules that hide columns.
    #[serde(default)]
    pub hidden_columns: usize,
    /// Rules that mask columns.
    #[serde(default)]
    pub masked_columns: usize,
}

/// See [`Message::Credit`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credit {
    pub bytes: u64,
}

/// See [`Message::Cancel`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cancel {}

/// See [`Message::End`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Rows sent, so that a lost one is noticed.
    #[serde(default)]
    pub rows: u64,
    /// A limit cut the result short.
    #[serde(default)]
    pub truncated: bool,
}

/// See [`Message::Fault`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// A code of [`Error`].
    pub code: String,
    /// For `source`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SourceFault>,
    /// A sentence for the person who asked.
    pub message: String,
}

/// See [`Message::Drain`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Drain {
    /// From a server: dial again some time within so many milliseconds after the socket has ended. Agents
    /// choose a moment of their own, so that they do not all come back at once. From protocol 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub come_back_ms: Option<u64>,
}

impl Envelope {
    pub fn new(id: u64, message: Message) -> Envelope {
        Envelope { id, message }
    }

    /// As it goes into a text frame. Errors: `TooLarge` over [`MAX_TEXT`].
    pub fn encode(&self) -> Result<String, Error> {
        let text = serde_json::to_string(self).map_err(Error::internal)?;
        if text.len() > MAX_TEXT {
            return Err(Error::TooLarge(format!(
                "This query is too long to send to the agent; shorten it to below {} kB.",
                MAX_TEXT / 1024
            )));
        }
        Ok(text)
    }

    /// From a text frame. Errors: what is wrong with it, for the log.
    pub fn decode(text: &str) -> Result<Envelope, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("a control message of {} bytes", text.len()));
        }
        serde_json::from_str(text).map_err(|error| format!("a control message that cannot be read ({error})"))
    }
}

/// A longest sentence in a fault or report: it has to fit its frame many times over.
const MAX_SENTENCE: usize = 2000;

/// `text` cut so that it fits a message, without control characters (JSON would write each as six bytes, and
/// a terminal would obey them).
pub fn sentence(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_SENTENCE)]
        .chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect()
}

impl Fault {
    /// What the other side is told of an error. Internal ones stay in the log.
    pub fn of(error: &Error) -> Fault {
        let (kind, message) = match error {
            Error::Source { kind, message } => (Some(*kind), message.clone()),
            Error::Internal(_) => (
                None,
                "The agent failed while it answered; its log says why.".to_owned(),
            ),
            other => (None, other.to_string()),
        };
        Fault {
            code: error.code().to_owned(),
            kind,
            message: sentence(&message),
        }
    }

    /// The error it stands for. Only codes that a query can end with are believed: an agent must not be able
    /// to answer "log in again" or the like in the server's name.
    pub fn into_error(self) -> Error {
        let message = sentence(&self.message);
        match self.code.as_str() {
            "refused" => Error::Refused(message),
            "invalid" => Error::Invalid(message),
            "too_large" => Error::TooLarge(message),
            "too_many" => Error::TooMany(message),
            "timeout" => Error::Timeout(message),
            "cancelled" => Error::Cancelled,
            "agent_offline" => Error::AgentOffline(message),
            _ => Error::Source {
                kind: self.kind.unwrap_or(SourceFault::Other),
                message,
            },
        }
    }
}

impl Database {
    /// Cut to what fits a message, whatever the database said.
    pub fn fitted(mut self) -> Database {
        self.role_warnings.truncate(8);
        for warning in &mut self.role_warnings {
            *warning = sentence(warning);
        }
        self.version = self.version.map(|version| sentence(&version));
        self.message = self.message.map(|message| sentence(&message));
        self
    }
}

/// A data frame of one chunk. The chunk must not be longer than [`MAX_CHUNK`].
pub fn data_frame(id: u64, chunk: &[u8]) -> Bytes {
    debug_assert!(!chunk.is_empty() && chunk.len() <= MAX_CHUNK);
    let mut frame = BytesMut::with_capacity(DATA_HEADER + chunk.len());
    frame.put_u64(id);
    frame.put_slice(chunk);
    frame.freeze()
}

/// The request id and chunk of a data frame. Errors: what is wrong with it, for the log.
pub fn split_data_frame(frame: &[u8]) -> Result<(u64, &[u8]), String> {
    if frame.len() > MAX_FRAME {
        return Err(format!("a data frame of {} bytes", frame.len()));
    }
    match frame.split_first_chunk::<DATA_HEADER>() {
        Some((id, chunk)) if !chunk.is_empty() => Ok((u64::from_be_bytes(*id), chunk)),
        _ => Err("a data frame without data".to_owned()),
    }
}

/// The protocol that both ends speak best. Errors: a sentence that says which end is too old.
pub fn agree(hello: &Hello) -> Result<u32, String> {
    let best = hello.protocol.min(VERSION);
    if best < OLDEST_VERSION {
        return Err("The agent is too old for this server; upgrade the agent.".to_owned());
    }
    if best < hello.oldest {
        return Err("The agent is too new for this server; upgrade the server.".to_owned());
    }
    Ok(best)
}
