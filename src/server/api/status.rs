//! Live status, as JSON and as the browser's socket.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;

use super::connections::ConnectionBody;
use crate::error::Error;
use crate::server::App;
use crate::server::auth::User;
use crate::server::error::{ApiError, ApiResult, ErrorBody};
use crate::server::status_socket;

/// How the server is doing.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Overview {
    pub version: &'static str,
    pub uptime_seconds: u64,
    pub agents_online: usize,
    pub running_queries: usize,
    /// `offline` or `llm`.
    pub translator: &'static str,
}

/// Connections with their agents' state.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AgentList {
    pub agents: Vec<ConnectionBody>,
}

/// How the server is doing.
#[utoipa::path(tag = "status", security(("token" = [])), responses(
    (status = 200, body = Overview), (status = 401, body = ErrorBody)))]
#[get("/status")]
pub async fn overview(app: web::Data<App>, _user: User) -> web::Json<Overview> {
    web::Json(Overview {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.started.elapsed().as_secs(),
        agents_online: app.hub.count(),
        running_queries: app.questions.running(),
        translator: app.questions.translator(),
    })
}

/// The organisation's connections with their agents' state.
#[utoipa::path(tag = "status", security(("token" = [])), responses(
    (status = 200, body = AgentList), (status = 401, body = ErrorBody)))]
#[get("/status/agents")]
pub async fn agents(app: web::Data<App>, user: User) -> ApiResult<web::Json<AgentList>> {
    let all = app.connections.list(&user.0.organization_id).await?;
    Ok(web::Json(AgentList {
        agents: all.into_iter().map(ConnectionBody::from).collect(),
    }))
}

/// The browser's live socket. Its first frame is `{"type":"auth","access_token"}`, within five seconds.
#[utoipa::path(tag = "status", responses((status = 101), (status = 403, body = ErrorBody)))]
#[get("/status/ws")]
pub async fn public_socket(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> actix_web::Result<HttpResponse> {
    if !app.is_own_origin(&request) {
        return Err(ApiError::from(Error::Forbidden("This request came from another site.".into())).into());
    }
    status_socket::serve(&request, payload, app.into_inner())
}
