//! A source behind an agent: the same trait as a database reached directly. It decides nothing about the
//! query; the guard ran before it and runs again at the agent.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use tokio::time::{Instant, timeout, timeout_at};

use super::running::Running as Registered;
use super::{AgentChange, Hub};
use crate::catalog::Catalog;
use crate::error::{Error, Result, SourceFault};
use crate::link::asking::{Part, Reply};
use crate::link::ipc::Decoder;
use crate::protocol::{End, MAX_IPC_MESSAGE, Message, Query, QueryLimits};
use crate::rows::{Rows, Truncated};
use crate::source::{Dialect, Health, Kind, Limits, Source};

/// How long after its own time limit a query's end may still arrive.
const GRACE: Duration = Duration::from_secs(5);
/// How long a question waits for the first catalog of an agent that has just connected.
const CATALOG_WITHIN: Duration = Duration::from_secs(20);

/// On whose behalf a query runs.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// Id of the user, for the agent's log.
    pub asker: Option<String>,
    /// Id of the question, so that its query can be found among those that run.
    pub question: Option<String>,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

/// A database behind the agents of a connection. Each query picks its agent anew.
pub struct RemoteSource {
    hub: Hub,
    connection_id: String,
    kind: Kind,
    caller: Caller,
}

impl RemoteSource {
    pub(super) fn new(hub: Hub, connection_id: String, kind: Kind, caller: Caller) -> RemoteSource {
        RemoteSource {
            hub,
            connection_id,
            kind,
            caller,
        }
    }

    /// Sends the query to the best agent that takes it.
    fn ask(&self, query: &str, limits: &Limits) -> Result<(Reply, Registered)> {
        self.hub.is_open()?;
        let mut refused = None;
        for agent in self.hub.agents(&self.connection_id)? {
            let message = |credit| {
                Message::Query(Query {
                    query: query.to_owned(),
                    limits: QueryLimits {
                        rows: limits.rows,
                        bytes: limits.bytes,
                        time_ms: limits.time_ms,
                    },
                    deadline_ms: limits.time_ms,
                    credit,
                    traceparent: self.caller.traceparent.clone(),
                    asker: self.caller.asker.clone(),
                })
            };
            match agent.requests.ask(message) {
                Ok(reply) => {
                    let (inner, id) = (&self.hub.inner, &self.connection_id);
                    let entry = Registered::new(inner, id, agent.number, &self.caller, query);
                    return Ok((reply, entry));
                }
                // Full, or gone a moment ago: the next one may take it.
                Err(error @ (Error::TooMany(_) | Error::AgentOffline(_))) => {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or_else(super::attend::gone))
    }
}

#[async_trait]
impl Source for RemoteSource {
    fn dialect(&self) -> Dialect {
        self.kind.dialect()
    }

    async fn check(&self) -> Result<Health> {
        let agents = self.hub.agents(&self.connection_id)?;
        let best = agents.first().ok_or_else(super::attend::gone)?;
        let database = best.probe().await?;
        if database.reachable {
            Ok(Health {
                version: database.version.unwrap_or_default(),
                role_warnings: database.role_warnings,
            })
        } else {
            Err(Error::source(
                SourceFault::Unreachable,
                database
                    .message
                    .unwrap_or_else(|| "The agent does not reach its database.".into()),
            ))
        }
    }

    async fn catalog(&self) -> Result<Arc<Catalog>> {
        let mut events = self.hub.subscribe();
        if let Some(catalog) = self.hub.catalog(&self.connection_id) {
            return Ok(catalog);
        }
        let status = self.hub.status(&self.connection_id);
        if status.database == Some(false) {
            return Err(Error::source(
                SourceFault::Unreachable,
                status
                    .message
                    .unwrap_or_else(|| "The agent does not reach its database.".into()),
            ));
        }
        let arrives = async {
            loop {
                match events.recv().await {
                    Ok(event) if event.connection_id == self.connection_id => match event.change {
                        AgentChange::Catalog(catalog) => return Ok(catalog),
                        AgentChange::Status(status) if !status.online => return Err(super::attend::gone()),
                        AgentChange::Status(_) => {}
                    },
                    Ok(_) => {}
                    // Some events were missed; ours may have been among them.
                    Err(_) => {
                        if let Some(catalog) = self.hub.catalog(&self.connection_id) {
                            return Ok(catalog);
                        }
                    }
                }
            }
        };
        timeout(CATALOG_WITHIN, arrives).await.unwrap_or_else(|_| {
            Err(Error::source(
                SourceFault::Unreachable,
                "The agent is connected but has not sent the schema of its database yet; its log says why.",
            ))
        })
    }

    async fn run(&self, query: &str, limits: &Limits) -> Result<Rows> {
        let (reply, registered) = self.ask(query, limits)?;
        let mut running = Running {
            reply,
            registered,
            decoder: Decoder::new(limits.rows),
            deadline: Instant::now() + limits.time() + GRACE,
            limits: *limits,
            rows: 0,
            bytes: 0,
            truncated: Truncated::default(),
        };
        // The columns come first; with them perhaps the first rows.
        let mut first = None;
        let schema = loop {
            if let Some(schema) = running.decoder.schema() {
                break schema;
            }
            match running.part().await? {
                Part::Bytes(bytes) => {
                    running.decoder.feed(bytes);
                    first = running.decoder.next_batch()?;
                }
                Part::End(_) => {
                    return Err(Error::source(
                        SourceFault::Other,
                        "The agent sent a result without columns.",
                    ));
                }
            }
        };
        let truncated = running.truncated.clone();
        let batches = futures::stream::try_unfold((running, first), |(mut running, first)| async move {
            let batch = match first {
                Some(batch) => Some(running.count(batch)?),
                None => running.batch().await?,
            };
            Ok(batch.map(|batch| (batch, (running, None))))
        });
        Ok(Rows {
            schema,
            batches: Box::pin(batches),
            truncated,
        })
    }
}

/// A query being answered. Dropping it cancels the query.
struct Running {
    reply: Reply,
    registered: Registered,
    decoder: Decoder,
    deadline: Instant,
    limits: Limits,
    rows: u64,
    bytes: u64,
    truncated: Truncated,
}

impl Running {
    async fn part(&mut self) -> Result<Part> {
        timeout_at(self.deadline, self.reply.next())
            .await
            .unwrap_or_else(|_| {
                Err(Error::Timeout(format!(
                    "The query did not finish within {} s.",
                    self.limits.time_ms.div_ceil(1000)
                )))
            })
    }

    async fn batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.decoder.next_batch()? {
                return self.count(batch).map(Some);
            }
            match self.part().await? {
                Part::Bytes(bytes) => self.decoder.feed(bytes),
                Part::End(end) => {
                    self.finish(&end)?;
                    return Ok(None);
                }
            }
        }
    }

    /// The agent cuts at the limits; one that does not is not believed.
    fn count(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        self.rows += batch.num_rows() as u64;
        self.registered.count(batch.num_rows() as u64);
        self.bytes += batch.get_array_memory_size() as u64;
        // The measure is coarse, and one batch may lie across the limit.
        if self.bytes / 2 > self.limits.bytes.saturating_add(MAX_IPC_MESSAGE as u64) {
            return Err(Error::source(
                SourceFault::Other,
                "The agent sent more data than was asked for.",
            ));
        }
        Ok(batch)
    }

    /// A result that is not whole must not look whole.
    fn finish(&mut self, end: &End) -> Result<()> {
        self.decoder.finish()?;
        if end.rows != self.rows {
            return Err(Error::source(
                SourceFault::Other,
                format!(
                    "The agent says it sent {} rows, but {} arrived. Ask again.",
                    end.rows, self.rows
                ),
            ));
        }
        if end.truncated {
            self.truncated.set();
        }
        Ok(())
    }
}
