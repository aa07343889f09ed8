//! The agents that are connected right now: the [`Hub`], and [`RemoteSource`], a source behind an agent.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::source::{Kind, Source};

/// Every connected agent, by connection. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    events: broadcast::Sender<AgentEvent>,
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

impl Hub {
    pub fn new() -> Hub {
        Hub {
            events: broadcast::channel(256).0,
        }
    }

    /// Changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<AgentEvent> {
        self.events.subscribe()
    }

    /// The state of a connection.
    pub fn status(&self, connection_id: &str) -> AgentStatus {
        let _ = connection_id;
        AgentStatus::default()
    }

    /// The database behind the connection's agent, asked through the healthiest, least busy agent.
    /// Its catalog is the last one received. Errors: `AgentOffline`.
    pub fn source(&self, connection_id: &str, kind: Kind) -> Result<Arc<dyn Source>> {
        let _ = (connection_id, kind);
        Err(Error::AgentOffline(
            "No agent is connected for this connection. Start it with the command on the connection's page."
                .into(),
        ))
    }

    /// Asks the agent to read its schema again; the catalog arrives as an event.
    pub async fn refresh_schema(&self, connection_id: &str) -> Result<()> {
        let _ = connection_id;
        Err(Error::AgentOffline(
            "No agent is connected for this connection.".into(),
        ))
    }

    /// Cuts every agent of a connection at once (its key was rotated or the connection deleted).
    pub fn disconnect(&self, connection_id: &str) {
        let _ = connection_id;
    }

    /// How many agents are connected.
    pub fn count(&self) -> usize {
        0
    }
}

impl Default for Hub {
    fn default() -> Hub {
        Hub::new()
    }
}
