//! Live events of one organisation, for the browser's status socket: what happens at any of the servers.

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::bus::{Bus, Message};

/// Tells whoever watches. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    bus: Bus,
    stopping: CancellationToken,
}

/// Something that changed for an organisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Happening {
    pub organization_id: String,
    pub change: Change,
}

/// See [`Happening`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A connection's agent, database or catalog.
    Connection(String),
    /// A connection's schema was read anew.
    Schema(String),
    /// A connection was removed.
    ConnectionRemoved(String),
    /// The list of files.
    Files,
    /// A question began or ended, of this user.
    Query {
        user_id: String,
        id: String,
        running: bool,
    },
}

/// Whose sessions, roles or access changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Of one log-in, by its id.
    Session(String),
    /// Of one API token, by its hash.
    Token(String),
    /// All of one user's.
    User(String),
    /// All of one organisation's.
    Organization(String),
}

impl Whose {
    /// Whether this person, let in under `key` (the session's id or the token's hash), is concerned.
    pub fn concerns(&self, key: &str, user_id: &str, organization_id: &str) -> bool {
        match self {
            Whose::Session(id) | Whose::Token(id) => id == key,
            Whose::User(id) => id == user_id,
            Whose::Organization(id) => id == organization_id,
        }
    }
}

impl Events {
    pub fn new(bus: Bus) -> Events {
        Events {
            bus,
            stopping: CancellationToken::new(),
        }
    }

    /// What carries the events.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Cancelled when this server stops.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Ends every watching socket of this server: it is stopping.
    pub fn end(&self) {
        self.stopping.cancel();
    }

    /// Tells the organisation's watchers; it is no error when there are none.
    pub fn tell(&self, organization_id: &str, change: Change) {
        self.bus.publish(Message::Event(Happening {
            organization_id: organization_id.to_owned(),
            change,
        }));
    }
}
