//! Whether the server is alive and ready: for load balancers and people.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;

use super::App;
use super::error::{ApiError, ErrorBody};

/// `{"status":"ok"}`
#[derive(Serialize, utoipa::ToSchema)]
pub struct Health {
    pub status: &'static str,
}

/// The process is alive.
#[utoipa::path(operation_id = "health", tag = "health", responses((status = 200, body = Health)))]
#[get("/health")]
pub async fn public_health() -> web::Json<Health> {
    web::Json(Health { status: "ok" })
}

/// The store answers, so requests can be served.
#[utoipa::path(operation_id = "ready", tag = "health", responses((status = 200, body = Health), (status = 500, body = ErrorBody)))]
#[get("/ready")]
pub async fn public_ready(app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    app.db.ping().await?;
    Ok(HttpResponse::Ok().json(Health { status: "ready" }))
}
