//! Live status, as JSON and as the browser's socket.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;

use crate::ask::answer::WrittenBy;
use crate::error::Error;
use crate::server::App;
use crate::server::auth::User;
use crate::server::error::{ApiError, ErrorBody};
use crate::server::status_socket;

/// How the server is doing.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Overview {
    pub version: &'static str,
    pub uptime_seconds: u64,
    pub agents_online: usize,
    pub running_queries: usize,
    /// Who writes the queries of questions.
    #[schema(value_type = WrittenBy)]
    pub translator: &'static str,
}

/// How the server is doing.
#[utoipa::path(operation_id = "get_status", tag = "status", security(("token" = [])), responses(
    (status = 200, body = Overview), (status = 401, body = ErrorBody)))]
#[get("/status")]
pub async fn overview(app: web::Data<App>, user: User) -> web::Json<Overview> {
    web::Json(Overview {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.started.elapsed().as_secs(),
        agents_online: app.hub.count(),
        running_queries: app.questions.running(),
        translator: app.questions.translator(&user.0.organization_id),
    })
}

/// The browser's live socket. Its first frame is `{"type":"auth","access_token"}`, within five seconds.
#[utoipa::path(operation_id = "open_status_socket", tag = "status", responses(
    (status = 101), (status = 400, description = "No request for a socket"), (status = 403, body = ErrorBody)))]
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
