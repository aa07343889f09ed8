//! Connections to databases behind agents, and the agents' own socket.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use serde::{Deserialize, Serialize};

use crate::catalog::Table;
use crate::error::Error;
use crate::id;
use crate::server::App;
use crate::server::agent_socket;
use crate::server::auth::{Admin, Analyst, User, bearer};
use crate::server::error::{ApiError, ApiResult, ErrorBody};
use crate::service::connections::Connection;
use crate::source::Kind;

/// A connection and its live state.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ConnectionBody {
    pub id: String,
    pub name: String,
    pub db_type: Kind,
    pub created_at: String,
    #[serde(flatten)]
    pub status: StatusBody,
    /// When the schema was last read.
    pub discovered_at: Option<String>,
    pub table_count: usize,
    pub key: KeyState,
}

/// Whether the agent and the database behind it can be reached.
#[derive(Serialize, utoipa::ToSchema)]
pub struct StatusBody {
    pub agent: AgentState,
    pub database: DatabaseState,
    /// When an agent was last connected; now, while one is.
    pub last_seen_at: Option<String>,
    /// The agent's version, the last one known.
    pub agent_version: Option<String>,
    /// The database's version, the last one known.
    pub database_version: Option<String>,
    /// What the database role could do beyond reading; empty is good.
    pub role_warnings: Vec<String>,
    /// Why the database is unreachable.
    pub message: Option<String>,
}

/// Whether an agent is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    Online,
    Offline,
}

/// Whether an agent reaches its database; `unknown` until it has tried, and while no agent is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseState {
    Reachable,
    Unreachable,
    Unknown,
}

impl DatabaseState {
    pub(super) fn of(reachable: Option<bool>) -> DatabaseState {
        match reachable {
            Some(true) => DatabaseState::Reachable,
            Some(false) => DatabaseState::Unreachable,
            None => DatabaseState::Unknown,
        }
    }
}

/// Whether a key opens the connection for an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    Active,
    /// No agent can connect until a new key is made.
    Revoked,
}

/// All connections.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ConnectionList {
    pub connections: Vec<ConnectionBody>,
}

/// A new connection.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConnection {
    pub name: String,
    pub db_type: Kind,
}

/// What can be changed about a connection.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionChange {
    pub name: String,
}

/// A connection's key, shown this once, and how to start the agent with it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ConnectionKey {
    pub id: String,
    pub name: String,
    pub db_type: Kind,
    pub api_key: String,
    pub websocket_url: String,
    pub agent_command: String,
}

/// What the agent found in the database.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Schema {
    /// None until the first catalog arrived.
    pub discovered_at: Option<String>,
    pub tables: Vec<Table>,
}

/// The request was passed on.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Requested {
    pub requested: bool,
}

impl From<Connection> for ConnectionBody {
    fn from(connection: Connection) -> ConnectionBody {
        ConnectionBody {
            id: connection.id.clone(),
            name: connection.name.clone(),
            db_type: connection.kind,
            created_at: id::iso(connection.created_at),
            discovered_at: connection.discovered_at.map(id::iso),
            table_count: connection.table_count,
            key: if connection.key_is_set {
                KeyState::Active
            } else {
                KeyState::Revoked
            },
            status: connection.into(),
        }
    }
}

impl From<Connection> for StatusBody {
    fn from(connection: Connection) -> StatusBody {
        StatusBody {
            agent: if connection.status.online {
                AgentState::Online
            } else {
                AgentState::Offline
            },
            database: DatabaseState::of(connection.status.database),
            last_seen_at: connection.last_seen_at.map(id::iso),
            agent_version: connection.agent_version,
            database_version: connection.database_version,
            role_warnings: connection.status.role_warnings,
            message: connection.status.message,
        }
    }
}

/// All connections of the organisation.
#[utoipa::path(operation_id = "list_connections", tag = "connections", security(("token" = [])), responses(
    (status = 200, body = ConnectionList), (status = 401, body = ErrorBody)))]
#[get("/connections")]
pub async fn list(app: web::Data<App>, user: User) -> ApiResult<web::Json<ConnectionList>> {
    let all = app.connections.list(&user.0).await?;
    Ok(web::Json(ConnectionList {
        connections: all.into_iter().map(ConnectionBody::from).collect(),
    }))
}

/// A new connection with its key, which is shown this once.
#[utoipa::path(operation_id = "create_connection", tag = "connections", security(("token" = [])), request_body = NewConnection, responses(
    (status = 201, body = ConnectionKey), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[post("/connections")]
pub async fn create(
    app: web::Data<App>,
    user: Admin,
    request: HttpRequest,
    body: web::Json<NewConnection>,
) -> ApiResult<HttpResponse> {
    let (connection, key) = app.connections.create(&user.0, &body.name, body.db_type).await?;
    Ok(HttpResponse::Created().json(with_key(&app, &request, connection, key)))
}

/// One connection.
#[utoipa::path(operation_id = "get_connection", tag = "connections", security(("token" = [])), responses(
    (status = 200, body = ConnectionBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/connections/{id}")]
pub async fn get_one(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
) -> ApiResult<web::Json<ConnectionBody>> {
    Ok(web::Json(app.connections.get(&user.0, &id).await?.into()))
}

/// Renames a connection.
#[utoipa::path(operation_id = "rename_connection", tag = "connections", security(("token" = [])), request_body = ConnectionChange, responses(
    (status = 200, body = ConnectionBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[patch("/connections/{id}")]
pub async fn rename(
    app: web::Data<App>,
    user: Admin,
    id: web::Path<String>,
    body: web::Json<ConnectionChange>,
) -> ApiResult<web::Json<ConnectionBody>> {
    Ok(web::Json(
        app.connections.rename(&user.0, &id, &body.name).await?.into(),
    ))
}

/// Removes a connection and cuts its agents.
#[utoipa::path(operation_id = "delete_connection", tag = "connections", security(("token" = [])), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[delete("/connections/{id}")]
pub async fn delete_one(app: web::Data<App>, user: Admin, id: web::Path<String>) -> ApiResult<HttpResponse> {
    app.connections.delete(&user.0, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A new key; agents with the old one are cut at once.
#[utoipa::path(operation_id = "rotate_connection_key", tag = "connections", security(("token" = [])), responses(
    (status = 200, body = ConnectionKey), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[post("/connections/{id}/rotate-key")]
pub async fn rotate_key(
    app: web::Data<App>,
    user: Admin,
    request: HttpRequest,
    id: web::Path<String>,
) -> ApiResult<web::Json<ConnectionKey>> {
    let (connection, key) = app.connections.rotate_key(&user.0, &id).await?;
    Ok(web::Json(with_key(&app, &request, connection, key)))
}

/// Takes the key away: agents are cut at once, and none can connect until a new key is made.
#[utoipa::path(operation_id = "revoke_connection_key", tag = "connections", security(("token" = [])), responses(
    (status = 200, body = ConnectionBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[post("/connections/{id}/revoke-key")]
pub async fn revoke_key(
    app: web::Data<App>,
    user: Admin,
    id: web::Path<String>,
) -> ApiResult<web::Json<ConnectionBody>> {
    let connection = app.connections.revoke_key(&user.0, &id).await?;
    Ok(web::Json(connection.into()))
}

/// Asks the agent to read its schema again; the catalog arrives a moment later.
#[utoipa::path(operation_id = "refresh_connection_schema", tag = "connections", security(("token" = [])), responses(
    (status = 202, body = Requested), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 503, body = ErrorBody)))]
#[post("/connections/{id}/refresh-schema")]
pub async fn refresh_schema(
    app: web::Data<App>,
    user: Analyst,
    id: web::Path<String>,
) -> ApiResult<HttpResponse> {
    app.connections.refresh_schema(&user.0, &id).await?;
    Ok(HttpResponse::Accepted().json(Requested { requested: true }))
}

/// The catalog last received.
#[utoipa::path(operation_id = "get_connection_schema", tag = "connections", security(("token" = [])), responses(
    (status = 200, body = Schema), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/connections/{id}/schema")]
pub async fn schema(app: web::Data<App>, user: User, id: web::Path<String>) -> ApiResult<web::Json<Schema>> {
    let (discovered_at, catalog) = app.connections.schema(&user.0, &id).await?;
    Ok(web::Json(Schema {
        discovered_at: discovered_at.map(id::iso),
        tables: catalog.tables,
    }))
}

/// The agent's socket (subprotocol `clean-custard.v1`); its key is the bearer token.
#[utoipa::path(operation_id = "open_agent_socket", tag = "connections", security(("agent_key" = [])), responses(
    (status = 101), (status = 400, description = "No request for a socket"), (status = 401, body = ErrorBody)))]
#[get("/connections/ws/{id}")]
pub async fn public_agent_socket(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
) -> actix_web::Result<HttpResponse> {
    let key = bearer(&request)
        .ok_or_else(|| ApiError::from(Error::Unauthorized("The agent sent no key.".into())))?;
    let admission = app
        .connections
        .authenticate_agent(&id, key)
        .await
        .map_err(ApiError::from)?;
    agent_socket::serve(&request, payload, app.hub.clone(), admission).await
}

fn with_key(app: &App, request: &HttpRequest, connection: Connection, api_key: String) -> ConnectionKey {
    let websocket_url = format!(
        "{}/api/v1/connections/ws/{}",
        websocket_base(app, request),
        connection.id
    );
    let agent_command = agent_command(&websocket_url, &api_key, connection.kind);
    ConnectionKey {
        id: connection.id,
        name: connection.name,
        db_type: connection.kind,
        api_key,
        websocket_url,
        agent_command,
    }
}

/// The server's own address as an agent reaches it.
fn websocket_base(app: &App, request: &HttpRequest) -> String {
    let base = app.config.server.public_url.clone().unwrap_or_else(|| {
        let info = request.connection_info();
        format!("{}://{}", info.scheme(), info.host())
    });
    let base = base.trim_end_matches('/');
    match base.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => base.to_owned(),
    }
}

/// Ready to paste: key and database URL go through the environment, never into the process list.
fn agent_command(websocket_url: &str, api_key: &str, kind: Kind) -> String {
    let connector = kind.connector();
    let password = match connector.has_password {
        true => "read -rsp 'Database password: ' DB_PASSWORD && export DB_PASSWORD\n",
        false => "",
    };
    format!(
        "export BACKEND_WEBSOCKET_URI='{websocket_url}'\n\
         export CUSTARD_AGENT_KEY='{api_key}'\n\
         export {}\n\
         {password}\
         clean-custard agent",
        connector.example_variables
    )
}
