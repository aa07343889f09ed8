//! "Test connection": a real round trip to the agent, and one through it to the database, each timed.

use std::time::Duration;

use tokio::time::Instant;

use super::{Agent, AgentInfo};
use crate::error::Result;
use crate::protocol::{Database, Ping};

/// What became of one agent's test.
#[derive(Debug, Clone)]
pub struct AgentTest {
    pub agent: AgentInfo,
    /// From here to the agent and back; None when it did not answer.
    pub to_agent: Option<Duration>,
    /// From the agent to its database and back; None when the database did not answer.
    pub to_database: Option<Duration>,
    /// What the agent found, or why nothing was heard of it.
    pub outcome: Result<Database>,
}

impl Agent {
    pub(super) async fn test(&self) -> AgentTest {
        let begun = Instant::now();
        let to_agent = self.ping(Ping::default()).await.map(|_| begun.elapsed());
        let (to_agent, to_database, outcome) = match to_agent {
            Ok(to_agent) => {
                let (to_database, outcome) = self.test_database(to_agent).await;
                (Some(to_agent), to_database, outcome)
            }
            Err(error) => (None, None, Err(error)),
        };
        AgentTest {
            agent: self.info(),
            to_agent,
            to_database,
            outcome,
        }
    }

    async fn test_database(&self, to_agent: Duration) -> (Option<Duration>, Result<Database>) {
        let begun = Instant::now();
        let pong = match self.ping(Ping { probe: true }).await {
            Ok(pong) => pong,
            Err(error) => return (None, Err(error)),
        };
        // An older agent does not say how long the database took; the way there and back is known.
        let took = pong
            .took_us
            .map_or_else(|| begun.elapsed().saturating_sub(to_agent), Duration::from_micros);
        match pong.database {
            Some(database) => (database.reachable.then_some(took), Ok(database)),
            None => (
                None,
                Err(crate::error::Error::source(
                    crate::error::SourceFault::Unreachable,
                    "The agent did not try its database.",
                )),
            ),
        }
    }
}
