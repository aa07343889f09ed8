//! Set-up, log-in and one's own account.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::error::Error;
use crate::server::auth::User;
use crate::server::error::{ApiResult, ErrorBody};
use crate::server::{App, client};
use crate::service::accounts::{ACCESS_SECONDS, Identity, LogIn, NewAccount, REFRESH_DAYS, Role};
use crate::service::limits::{Class, Whose};

/// Only these paths ever see the cookie.
const COOKIE_PATH: &str = "/api/v1/auth";
const COOKIE: &str = "custard_refresh";

/// Whether the owner's account is still to be made.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SetupState {
    pub needed: bool,
    /// Whether set-up asks for the code from the server's log (it listens beyond this machine).
    pub code_required: bool,
    pub version: &'static str,
}

/// The owner's account.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupRequest {
    pub name: String,
    pub email: String,
    /// At least 10 characters.
    pub password: String,
    pub organization: String,
    /// From the server's log, when `code_required`.
    pub code: Option<String>,
}

/// E-mail address and password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    pub email: String,
    pub password: String,
}

/// An access token; the refresh token is in an HttpOnly cookie.
#[derive(Serialize, utoipa::ToSchema)]
pub struct LoginResponse {
    pub access_token: String,
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    pub user: UserBody,
}

/// Somebody with an account.
#[derive(Serialize, utoipa::ToSchema)]
pub struct UserBody {
    pub id: String,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub organization: OrganizationBody,
}

/// An organisation.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OrganizationBody {
    pub id: String,
    pub name: String,
}

/// What can be changed about oneself.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    pub name: String,
}

impl From<Identity> for UserBody {
    fn from(identity: Identity) -> UserBody {
        UserBody {
            id: identity.user_id,
            email: identity.email,
            name: identity.name,
            role: identity.role,
            organization: OrganizationBody {
                id: identity.organization_id,
                name: identity.organization_name,
            },
        }
    }
}

/// Whether this server still needs its owner.
#[utoipa::path(operation_id = "setup_state", tag = "accounts", responses((status = 200, body = SetupState)))]
#[get("/setup")]
pub async fn public_setup_state(app: web::Data<App>) -> ApiResult<web::Json<SetupState>> {
    let needed = app.accounts.needs_setup().await?;
    Ok(web::Json(SetupState {
        needed,
        code_required: needed && app.setup_code.is_some(),
        version: env!("CARGO_PKG_VERSION"),
    }))
}

/// Makes the owner's account; works once.
#[utoipa::path(operation_id = "set_up", tag = "accounts", request_body = SetupRequest, responses(
    (status = 201, body = LoginResponse),
    (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[post("/setup")]
pub async fn public_set_up(
    app: web::Data<App>,
    request: HttpRequest,
    body: web::Json<SetupRequest>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    if let Some(code) = &app.setup_code
        && app.accounts.needs_setup().await?
    {
        let given = body.code.as_deref().unwrap_or_default().trim().to_owned();
        if !bool::from(given.as_bytes().ct_eq(code.as_bytes())) {
            return Err(
                Error::Forbidden("The set-up code is wrong. It stands in the server's log.".into()).into(),
            );
        }
    }
    let account = NewAccount {
        email: body.email,
        name: body.name,
        password: body.password,
        organization: body.organization,
    };
    let log_in = app.accounts.set_up(account).await?;
    Ok(logged_in(&app, &request, HttpResponse::Created(), log_in))
}

/// Logs in.
#[utoipa::path(operation_id = "log_in", tag = "accounts", request_body = LoginRequest, responses(
    (status = 200, body = LoginResponse), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 429, body = ErrorBody)))]
#[post("/auth/login")]
pub async fn public_log_in(
    app: web::Data<App>,
    request: HttpRequest,
    body: web::Json<LoginRequest>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    let from = client::ip(&request);
    app.limits
        .check(Class::LogIn, Whose::Account(body.email.trim()))
        .await?;
    let log_in = app
        .guessing
        .watch(&body.email, from, app.accounts.log_in(&body.email, body.password))
        .await?;
    Ok(logged_in(&app, &request, HttpResponse::Ok(), log_in))
}

/// A new access token for the refresh cookie.
#[utoipa::path(operation_id = "refresh_session", tag = "accounts", responses((status = 200, body = LoginResponse), (status = 401, body = ErrorBody)))]
#[post("/auth/refresh")]
pub async fn public_refresh(app: web::Data<App>, request: HttpRequest) -> ApiResult<HttpResponse> {
    same_origin(&app, &request)?;
    let cookie = request
        .cookie(COOKIE)
        .ok_or_else(|| Error::Unauthorized("You are not logged in.".into()))?;
    let log_in = app.accounts.refresh(cookie.value()).await?;
    Ok(logged_in(&app, &request, HttpResponse::Ok(), log_in))
}

/// Ends this session.
#[utoipa::path(operation_id = "log_out", tag = "accounts", responses((status = 204)))]
#[post("/auth/logout")]
pub async fn public_log_out(app: web::Data<App>, request: HttpRequest) -> ApiResult<HttpResponse> {
    same_origin(&app, &request)?;
    if let Some(cookie) = request.cookie(COOKIE) {
        app.accounts.log_out(cookie.value()).await?;
    }
    let mut gone = cookie(&app, &request, String::new());
    gone.make_removal();
    Ok(HttpResponse::NoContent().cookie(gone).finish())
}

/// Ends all one's sessions.
#[utoipa::path(operation_id = "log_out_all_devices", tag = "accounts", security(("token" = [])), responses((status = 204), (status = 401, body = ErrorBody)))]
#[post("/auth/logout-all-devices")]
pub async fn log_out_all_devices(app: web::Data<App>, user: User) -> ApiResult<HttpResponse> {
    app.accounts.log_out_everywhere(&user.0.user_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Oneself.
#[utoipa::path(operation_id = "get_me", tag = "accounts", security(("token" = [])), responses(
    (status = 200, body = UserBody), (status = 401, body = ErrorBody)))]
#[get("/auth/me")]
pub async fn me(user: User) -> web::Json<UserBody> {
    web::Json(user.0.into())
}

/// Changes one's name.
#[utoipa::path(operation_id = "change_me", tag = "accounts", security(("token" = [])), request_body = ProfileChange, responses(
    (status = 200, body = UserBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
#[patch("/auth/me")]
pub async fn change_me(
    app: web::Data<App>,
    user: User,
    body: web::Json<ProfileChange>,
) -> ApiResult<web::Json<UserBody>> {
    Ok(web::Json(app.accounts.rename(&user.0, &body.name).await?.into()))
}

fn logged_in(
    app: &App,
    request: &HttpRequest,
    mut response: actix_web::HttpResponseBuilder,
    log_in: LogIn,
) -> HttpResponse {
    if let Some(token) = log_in.refresh_token {
        let mut cookie = cookie(app, request, token);
        cookie.set_max_age(Duration::days(REFRESH_DAYS));
        response.cookie(cookie);
    }
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(LoginResponse {
            access_token: log_in.access_token,
            token_type: "bearer",
            expires_in: ACCESS_SECONDS,
            user: log_in.identity.into(),
        })
}

fn cookie(app: &App, request: &HttpRequest, value: String) -> Cookie<'static> {
    let https = match &app.config.server.public_url {
        Some(url) => url.starts_with("https:"),
        None => request.connection_info().scheme() == "https",
    };
    Cookie::build(COOKIE, value)
        .path(COOKIE_PATH)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(https)
        .finish()
}

/// The cookie's own requests must come from our own page, whatever the browser thinks of SameSite.
fn same_origin(app: &App, request: &HttpRequest) -> Result<(), Error> {
    if app.is_own_origin(request) {
        Ok(())
    } else {
        Err(Error::Forbidden("This request came from another site.".into()))
    }
}
