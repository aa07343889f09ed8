//! A connection's agents: who is connected, what they allow, what runs at them, and whether the way to the
//! database is open.

use actix_web::{get, post, web};
use serde::Serialize;

use super::connections::{ConnectionBody, DatabaseState, StatusBody};
use crate::error::Error;
use crate::id;
use crate::protocol::PolicySummary;
use crate::server::App;
use crate::server::auth::{Analyst, User};
use crate::server::error::{ApiResult, ErrorBody};
use crate::service::agents::{AgentInfo, AgentTest};
use crate::service::questions::RunningQuestion;

/// One connected agent.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AgentBody {
    /// Of this connection of the agent; a new one after every reconnect.
    pub id: String,
    /// The agent's product version.
    pub version: String,
    /// The protocol spoken with it.
    pub protocol: u32,
    /// The name of the machine it runs on; none from an old agent.
    pub host: Option<String>,
    /// Since when it is connected.
    pub connected_at: String,
    /// When it was last heard; never longer ago than three heartbeats (45 s).
    pub last_seen_at: String,
    /// Whether it reaches its database.
    pub database: DatabaseState,
    pub database_version: Option<String>,
    /// Why it does not reach its database.
    pub message: Option<String>,
    /// What its database role could do beyond reading; empty is good.
    pub role_warnings: Vec<String>,
    /// What it allows, whatever the server asks; none from an old agent.
    pub policy: Option<PolicySummary>,
    /// How far its clock is ahead of the server's, in milliseconds (behind when negative).
    pub clock_skew_ms: Option<i64>,
    /// It is stopping: what runs may finish, nothing new goes to it.
    pub draining: bool,
    /// Queries and schema readings it is answering.
    pub running: usize,
}

/// A connection's state and its agents, the one that would be asked first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ConnectionStatus {
    #[serde(flatten)]
    pub status: StatusBody,
    pub agents: Vec<AgentBody>,
}

/// A connection and its agents.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ConnectionAgents {
    #[serde(flatten)]
    pub connection: ConnectionBody,
    pub agents: Vec<AgentBody>,
}

/// The organisation's connections, each with its agents.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AgentList {
    pub agents: Vec<ConnectionAgents>,
}

/// A query that runs at an agent right now.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RunningQueryBody {
    /// What `POST query/{id}/cancel` takes.
    pub id: String,
    pub question: String,
    /// The query as it was sent to the agent.
    pub query: String,
    /// The name of whoever asked.
    pub asked_by: String,
    /// Whether it is one's own.
    pub own: bool,
    /// The agent that answers it.
    pub agent_id: String,
    pub elapsed_ms: u64,
    /// Rows that arrived so far.
    pub rows: u64,
}

/// Queries that run, oldest first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RunningQueryList {
    pub queries: Vec<RunningQueryBody>,
}

/// What came of testing a connection.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ConnectionTest {
    /// Whether at least one agent reaches its database: questions can be answered.
    pub ok: bool,
    /// What was found, in one sentence.
    pub message: String,
    /// One entry for each connected agent.
    pub agents: Vec<AgentTestBody>,
}

/// What came of testing one agent.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AgentTestBody {
    pub agent_id: String,
    pub host: Option<String>,
    pub ok: bool,
    /// From the server to the agent and back, in milliseconds; none when it did not answer.
    pub agent_ms: Option<f64>,
    /// From the agent to its database and back, in milliseconds; none when the database did not answer.
    pub database_ms: Option<f64>,
    pub database_version: Option<String>,
    /// What the database role could do beyond reading; empty is good.
    pub role_warnings: Vec<String>,
    /// Why it failed.
    pub message: Option<String>,
}

impl From<AgentInfo> for AgentBody {
    fn from(agent: AgentInfo) -> AgentBody {
        let database = agent.database.unwrap_or_default();
        AgentBody {
            id: agent.number.to_string(),
            version: agent.version,
            protocol: agent.protocol,
            host: agent.host,
            connected_at: id::iso(agent.connected_at),
            last_seen_at: id::iso(agent.heard_at),
            // Without a report its kind is empty.
            database: DatabaseState::of((!database.kind.is_empty()).then_some(database.reachable)),
            database_version: database.version,
            message: database.message,
            role_warnings: database.role_warnings,
            policy: agent.policy,
            clock_skew_ms: agent.clock_skew_ms,
            draining: agent.draining,
            running: agent.running,
        }
    }
}

impl From<RunningQuestion> for RunningQueryBody {
    fn from(question: RunningQuestion) -> RunningQueryBody {
        let running = question.running;
        RunningQueryBody {
            id: question.id,
            question: question.question,
            query: running.query,
            asked_by: question.asked_by,
            own: question.own,
            agent_id: running.agent.to_string(),
            elapsed_ms: u64::try_from(running.elapsed.as_millis()).unwrap_or(u64::MAX),
            rows: running.rows,
        }
    }
}

impl From<AgentTest> for AgentTestBody {
    fn from(test: AgentTest) -> AgentTestBody {
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
        let (database, failed) = match test.outcome {
            Ok(database) => (database, None),
            Err(error) => (Default::default(), Some(error.to_string())),
        };
        AgentTestBody {
            agent_id: test.agent.number.to_string(),
            host: test.agent.host,
            ok: database.reachable,
            agent_ms: test.to_agent.map(ms),
            database_ms: test.to_database.map(ms),
            database_version: database.version,
            role_warnings: database.role_warnings,
            message: failed.or(database.message),
        }
    }
}

impl From<Vec<AgentTestBody>> for ConnectionTest {
    fn from(agents: Vec<AgentTestBody>) -> ConnectionTest {
        let good: Vec<&AgentTestBody> = agents.iter().filter(|agent| agent.ok).collect();
        let message = match (good.first(), agents.first()) {
            (Some(_), _) if good.len() < agents.len() => format!(
                "{} of {} agents reach the database; queries go to those.",
                good.len(),
                agents.len()
            ),
            (Some(best), _) => format!(
                "{} answered.",
                best.database_version.as_deref().unwrap_or("The database")
            ),
            (None, first) => first
                .and_then(|agent| agent.message.clone())
                .unwrap_or_else(|| "The agent does not reach its database.".into()),
        };
        ConnectionTest {
            ok: !good.is_empty(),
            message,
            agents,
        }
    }
}

/// Whether agents and database can be reached, and everything known about the agents.
#[utoipa::path(operation_id = "get_connection_status", tag = "connections", security(("token" = [])), responses(
    (status = 200, body = ConnectionStatus), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/connections/{id}/status")]
pub async fn status(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
) -> ApiResult<web::Json<ConnectionStatus>> {
    let (connection, agents) = app.connections.agents(&user.0, &id).await?;
    Ok(web::Json(ConnectionStatus {
        status: connection.into(),
        agents: agents.into_iter().map(AgentBody::from).collect(),
    }))
}

/// The queries that run at the connection's agents: one's own, for admins all of the organisation's.
#[utoipa::path(operation_id = "list_connection_queries", tag = "connections", security(("token" = [])), responses(
    (status = 200, body = RunningQueryList), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/connections/{id}/queries")]
pub async fn queries(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
) -> ApiResult<web::Json<RunningQueryList>> {
    let running = app.questions.running_at(&user.0, &id).await?;
    Ok(web::Json(RunningQueryList {
        queries: running.into_iter().map(RunningQueryBody::from).collect(),
    }))
}

/// Tries the way to the database and back, through every agent, and times it. 200 whatever came of it.
#[utoipa::path(operation_id = "test_connection", tag = "connections", security(("token" = [])), responses(
    (status = 200, body = ConnectionTest), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[post("/connections/{id}/test")]
pub async fn test_connection(
    app: web::Data<App>,
    user: Analyst,
    id: web::Path<String>,
) -> ApiResult<web::Json<ConnectionTest>> {
    match app.connections.test(&user.0, &id).await {
        Ok(tests) => {
            let tests: Vec<_> = tests.into_iter().map(AgentTestBody::from).collect();
            Ok(web::Json(tests.into()))
        }
        Err(Error::AgentOffline(message)) => Ok(web::Json(ConnectionTest {
            ok: false,
            message,
            agents: Vec::new(),
        })),
        Err(error) => Err(error.into()),
    }
}

/// The organisation's connections with their agents' state.
#[utoipa::path(operation_id = "list_agents", tag = "status", security(("token" = [])), responses(
    (status = 200, body = AgentList), (status = 401, body = ErrorBody)))]
#[get("/status/agents")]
pub async fn list(app: web::Data<App>, user: User) -> ApiResult<web::Json<AgentList>> {
    let all = app.connections.all_agents(&user.0).await?;
    Ok(web::Json(AgentList {
        agents: all
            .into_iter()
            .map(|(connection, agents)| ConnectionAgents {
                connection: connection.into(),
                agents: agents.into_iter().map(AgentBody::from).collect(),
            })
            .collect(),
    }))
}
