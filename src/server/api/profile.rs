//! One's own account: name, password, address, second factor, and leaving.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use serde::{Deserialize, Serialize};

use super::accounts::UserBody;
use super::sign_up::Accepted;
use crate::server::App;
use crate::server::auth::{Person, User};
use crate::server::error::{ApiResult, ErrorBody};
use crate::server::links::base;
use crate::service::accounts::Departure;
use crate::service::organizations;

/// What can be changed about oneself.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    pub name: String,
}

/// Leaving for good.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveRequest {
    pub password: String,
    /// Delete the organisation too, with everybody and everything in it.
    #[serde(default)]
    pub delete_organization: bool,
}

/// A new password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    pub current: String,
    /// At least 10 characters.
    pub new: String,
}

/// A new address.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailChange {
    pub password: String,
    pub email: String,
}

/// Whether one's second factor is in force.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TotpBody {
    pub enabled: bool,
    pub recovery_codes_left: i64,
}

/// A secret for an authenticator app.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TotpProposalBody {
    /// For those who type it.
    pub secret: String,
    pub otpauth_url: String,
    /// The same as a picture, SVG.
    pub qr_svg: String,
}

/// A code of the second factor.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRequest {
    pub code: String,
}

/// What takes the second factor away.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpRemoval {
    pub password: String,
    /// Or a recovery code.
    pub code: String,
}

/// Codes that take the place of the second factor once each; shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RecoveryCodes {
    pub recovery_codes: Vec<String>,
}

/// Oneself.
#[utoipa::path(operation_id = "get_me", tag = "accounts", security(("token" = [])), responses(
    (status = 200, body = UserBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
#[get("/auth/me")]
pub async fn me(user: User) -> web::Json<UserBody> {
    web::Json(user.0.into())
}

/// Changes one's name.
#[utoipa::path(operation_id = "change_me", tag = "accounts", security(("token" = [])), request_body = ProfileChange, responses(
    (status = 200, body = UserBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[patch("/auth/me")]
pub async fn change_me(
    app: web::Data<App>,
    user: Person,
    body: web::Json<ProfileChange>,
) -> ApiResult<web::Json<UserBody>> {
    Ok(web::Json(app.accounts.rename(&user.0, &body.name).await?.into()))
}

/// Deletes one's account. The last owner can only go together with the organisation.
#[utoipa::path(operation_id = "delete_me", tag = "accounts", security(("token" = [])), request_body = LeaveRequest, responses(
    (status = 204), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[delete("/auth/me")]
pub async fn delete_me(
    app: web::Data<App>,
    user: Person,
    body: web::Json<LeaveRequest>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    let departure = match body.delete_organization {
        true => Departure::WithOrganization,
        false => Departure::Alone,
    };
    let parts = organizations::Parts {
        accounts: &app.accounts,
        files: &app.files,
        connections: &app.connections,
        questions: &app.questions,
    };
    organizations::leave(&parts, &user.0, body.password, departure).await?;
    // Whoever left may have been the last one: the server is then to be set up anew.
    app.announce_setup().await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Changes one's password; one's other sessions end.
#[utoipa::path(operation_id = "change_password", tag = "accounts", security(("token" = [])), request_body = PasswordChange, responses(
    (status = 204), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[post("/auth/change-password")]
pub async fn change_password(
    app: web::Data<App>,
    user: Person,
    body: web::Json<PasswordChange>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    app.accounts
        .change_password(&user.0, body.current, body.new)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends a link to a new address; until it is followed the present one stays.
#[utoipa::path(operation_id = "change_email", tag = "accounts", security(("token" = [])), request_body = EmailChange, responses(
    (status = 202, body = Accepted), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[post("/auth/change-email")]
pub async fn change_email(
    app: web::Data<App>,
    user: Person,
    request: HttpRequest,
    body: web::Json<EmailChange>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    app.accounts
        .change_email(&user.0, body.password, &body.email, &base(&app, &request))
        .await?;
    Ok(HttpResponse::Accepted().json(Accepted { accepted: true }))
}

/// Whether one's second factor is in force.
#[utoipa::path(operation_id = "get_totp", tag = "accounts", security(("token" = [])), responses(
    (status = 200, body = TotpBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
#[get("/auth/totp")]
pub async fn totp(app: web::Data<App>, user: Person) -> ApiResult<web::Json<TotpBody>> {
    let state = app.accounts.totp(&user.0).await?;
    Ok(web::Json(TotpBody {
        enabled: state.enabled,
        recovery_codes_left: state.recovery_codes_left,
    }))
}

/// A secret for an authenticator app; it is in force once a code of it is confirmed.
#[utoipa::path(operation_id = "propose_totp", tag = "accounts", security(("token" = [])), responses(
    (status = 200, body = TotpProposalBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 409, body = ErrorBody)))]
#[post("/auth/totp")]
pub async fn propose_totp(app: web::Data<App>, user: Person) -> ApiResult<HttpResponse> {
    let proposal = app.accounts.propose_totp(&user.0).await?;
    Ok(HttpResponse::Ok()
        .insert_header((actix_web::http::header::CACHE_CONTROL, "no-store"))
        .json(TotpProposalBody {
            secret: proposal.secret,
            otpauth_url: proposal.otpauth_url,
            qr_svg: proposal.qr_svg,
        }))
}

/// Puts the second factor in force; the recovery codes are shown this once.
#[utoipa::path(operation_id = "confirm_totp", tag = "accounts", security(("token" = [])), request_body = CodeRequest, responses(
    (status = 200, body = RecoveryCodes), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[post("/auth/totp/confirm")]
pub async fn confirm_totp(
    app: web::Data<App>,
    user: Person,
    body: web::Json<CodeRequest>,
) -> ApiResult<HttpResponse> {
    Ok(recovery_codes(
        app.accounts.confirm_totp(&user.0, &body.code).await?,
    ))
}

/// Takes one's second factor away.
#[utoipa::path(operation_id = "remove_totp", tag = "accounts", security(("token" = [])), request_body = TotpRemoval, responses(
    (status = 204), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[delete("/auth/totp")]
pub async fn remove_totp(
    app: web::Data<App>,
    user: Person,
    body: web::Json<TotpRemoval>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    app.accounts
        .remove_totp(&user.0, body.password, &body.code)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// New recovery codes, shown this once; the former ones are void.
#[utoipa::path(operation_id = "replace_recovery_codes", tag = "accounts", security(("token" = [])), request_body = CodeRequest, responses(
    (status = 200, body = RecoveryCodes), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[post("/auth/totp/recovery-codes")]
pub async fn replace_recovery_codes(
    app: web::Data<App>,
    user: Person,
    body: web::Json<CodeRequest>,
) -> ApiResult<HttpResponse> {
    let codes = app.accounts.new_recovery_codes(&user.0, &body.code).await?;
    Ok(recovery_codes(codes))
}

fn recovery_codes(recovery_codes: Vec<String>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((actix_web::http::header::CACHE_CONTROL, "no-store"))
        .json(RecoveryCodes { recovery_codes })
}
