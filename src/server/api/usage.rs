//! What questions cost.

use actix_web::{get, web};
use serde::Deserialize;

use crate::server::App;
use crate::server::auth::User;
use crate::server::error::{ApiResult, ErrorBody};
use crate::service::usage::UsageReport;

/// How far back.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// Days, today included; 366 at most.
    #[serde(default = "month")]
    #[param(default = 30, minimum = 1, maximum = 366)]
    days: u32,
}

fn month() -> u32 {
    30
}

/// Questions, tokens and cost by day, person and model: of the whole organisation for owners and admins, of oneself
/// for others. Days are UTC.
#[utoipa::path(operation_id = "get_usage", tag = "usage", security(("token" = [])), params(UsageQuery), responses(
    (status = 200, body = UsageReport), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
#[get("/usage")]
pub async fn get_usage(
    app: web::Data<App>,
    user: User,
    query: web::Query<UsageQuery>,
) -> ApiResult<web::Json<UsageReport>> {
    let set_by = app.models.of(&user.0.organization_id).set_by;
    Ok(web::Json(app.usage.report(&user.0, query.days, set_by).await?))
}
