//! Sign-up, and the links that go out by mail: confirmed addresses, new passwords. All of it is for people
//! who are not logged in, and no answer tells whether an address has an account.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};

use super::accounts::{LoginResponse, logged_in};
use crate::config::SignUp;
use crate::server::App;
use crate::server::auth::visitor;
use crate::server::error::{ApiResult, ErrorBody};
use crate::server::limits::count_letter;
use crate::server::links::public_base;
use crate::service::accounts::{NewSignUp, PASSWORD_MIN, SignedUp, oidc};

/// What a log-in page has to offer.
#[derive(Serialize, utoipa::ToSchema)]
pub struct LoginOptions {
    pub sign_up: SignUpMode,
    /// For `domain`.
    pub domains: Vec<String>,
    pub oidc: Vec<OidcOption>,
    /// Characters of a password at least.
    pub password_min: usize,
    /// Whether an address has to be confirmed before its account exists.
    pub email_verification: bool,
}

/// Who may sign up.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignUpMode {
    Open,
    Invitation,
    Domain,
    Closed,
}

/// A provider to log in with: `auth/oidc/{id}/start`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OidcOption {
    pub id: &'static str,
    pub name: String,
}

/// A new account.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpRequest {
    pub email: String,
    pub name: String,
    /// At least 10 characters.
    pub password: String,
    /// Of one's own; only where sign-up is open.
    pub organization: Option<String>,
}

/// See [`SignUpResponse::status`].
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignUpStatus {
    /// If the address has no account yet, a letter is on its way.
    VerificationSent,
    /// The account exists; addresses are not confirmed on this server.
    Created,
}

/// What came of a sign-up.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SignUpResponse {
    pub status: SignUpStatus,
}

/// A link's token.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkRequest {
    pub token: String,
}

/// An e-mail address.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailRequest {
    pub email: String,
}

/// A new password for a link's token.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetRequest {
    pub token: String,
    /// At least 10 characters.
    pub password: String,
}

/// It was taken note of.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Accepted {
    /// Always true: whether there is such an account is told to its address only.
    pub accepted: bool,
}

fn accepted() -> HttpResponse {
    HttpResponse::Accepted().json(Accepted { accepted: true })
}

/// What a log-in page has to offer.
#[utoipa::path(operation_id = "get_login_options", tag = "accounts", responses((status = 200, body = LoginOptions)))]
#[get("/auth/options")]
pub async fn public_options(app: web::Data<App>) -> web::Json<LoginOptions> {
    let config = app.accounts.config();
    let oidc = app.oidc.iter().map(|provider| OidcOption {
        id: oidc::ID,
        name: provider.name().to_owned(),
    });
    web::Json(LoginOptions {
        sign_up: match config.sign_up {
            SignUp::Open => SignUpMode::Open,
            SignUp::Invitation => SignUpMode::Invitation,
            SignUp::Domain => SignUpMode::Domain,
            SignUp::Closed => SignUpMode::Closed,
        },
        domains: config.domains.iter().cloned().collect(),
        oidc: oidc.collect(),
        password_min: PASSWORD_MIN,
        email_verification: config.verification,
    })
}

/// Signs up. The answer is the same whether or not the address has an account.
#[utoipa::path(operation_id = "sign_up", tag = "accounts", request_body = SignUpRequest, responses(
    (status = 202, body = SignUpResponse), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 409, body = ErrorBody)))]
#[post("/auth/signup")]
pub async fn public_sign_up(
    app: web::Data<App>,
    request: HttpRequest,
    body: web::Json<SignUpRequest>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    count_letter(&app, &body.email).await?;
    let given = NewSignUp {
        email: body.email,
        name: body.name,
        password: body.password,
        organization: body.organization,
    };
    let base = public_base(&app, &request);
    let status = match app.accounts.sign_up(given, &base, &visitor(&request)).await? {
        SignedUp::Waiting => SignUpStatus::VerificationSent,
        SignedUp::Created => SignUpStatus::Created,
    };
    Ok(HttpResponse::Accepted().json(SignUpResponse { status }))
}

/// Confirms an address by its link; the account exists from now on, and is logged in.
#[utoipa::path(operation_id = "verify_email", tag = "accounts", request_body = LinkRequest, responses(
    (status = 200, body = LoginResponse), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[post("/auth/verify")]
pub async fn public_verify(
    app: web::Data<App>,
    request: HttpRequest,
    body: web::Json<LinkRequest>,
) -> ApiResult<HttpResponse> {
    let log_in = app.accounts.verify(&body.token, &visitor(&request)).await?;
    Ok(logged_in(&app, &request, HttpResponse::Ok(), log_in))
}

/// Sends the link to confirm an address again.
#[utoipa::path(operation_id = "resend_verification", tag = "accounts", request_body = EmailRequest, responses(
    (status = 202, body = Accepted), (status = 400, body = ErrorBody)))]
#[post("/auth/resend-verification")]
pub async fn public_resend_verification(
    app: web::Data<App>,
    request: HttpRequest,
    body: web::Json<EmailRequest>,
) -> ApiResult<HttpResponse> {
    count_letter(&app, &body.email).await?;
    let base = public_base(&app, &request);
    app.accounts.resend_verification(&body.email, &base).await?;
    Ok(accepted())
}

/// Sends a link to a new password.
#[utoipa::path(operation_id = "forgot_password", tag = "accounts", request_body = EmailRequest, responses(
    (status = 202, body = Accepted), (status = 400, body = ErrorBody)))]
#[post("/auth/forgot-password")]
pub async fn public_forgot_password(
    app: web::Data<App>,
    request: HttpRequest,
    body: web::Json<EmailRequest>,
) -> ApiResult<HttpResponse> {
    count_letter(&app, &body.email).await?;
    let base = public_base(&app, &request);
    app.accounts
        .forgot_password(&body.email, &base, &visitor(&request))
        .await?;
    Ok(accepted())
}

/// Sets a new password by its link; all sessions of the account end.
#[utoipa::path(operation_id = "reset_password", tag = "accounts", request_body = ResetRequest, responses(
    (status = 204), (status = 400, body = ErrorBody)))]
#[post("/auth/reset-password")]
pub async fn public_reset_password(
    app: web::Data<App>,
    request: HttpRequest,
    body: web::Json<ResetRequest>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    app.accounts
        .reset_password_by_link(&body.token, body.password, &visitor(&request))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Confirms an account's new address by its link.
#[utoipa::path(operation_id = "confirm_email", tag = "accounts", request_body = LinkRequest, responses(
    (status = 204), (status = 400, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[post("/auth/confirm-email")]
pub async fn public_confirm_email(
    app: web::Data<App>,
    request: HttpRequest,
    body: web::Json<LinkRequest>,
) -> ApiResult<HttpResponse> {
    app.accounts
        .confirm_email(&body.token, &visitor(&request))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
