//! Set-up and log-in: the sessions of browsers.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::error::Error;
use crate::id;
use crate::server::auth::{Person, visitor};
use crate::server::error::{ApiResult, ErrorBody};
use crate::server::{App, client};
use crate::service::accounts::{
    ACCESS_SECONDS, Credentials, Identity, LogIn, NewAccount, OpenSession, REFRESH_DAYS, Role,
};
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
    /// Of the second factor, or a recovery code; when it is missing and needed, the answer is
    /// `totp_required`.
    pub code: Option<String>,
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

/// A log-in of one browser.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SessionBody {
    pub id: String,
    pub created_at: String,
    pub last_used_at: String,
    /// Where it was used last.
    pub ip: Option<String>,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
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
    let log_in = app.accounts.set_up(account, &visitor(&request)).await?;
    Ok(logged_in(&app, &request, HttpResponse::Created(), log_in))
}

/// Logs in.
#[utoipa::path(operation_id = "log_in", tag = "accounts", request_body = LoginRequest, responses(
    (status = 200, body = LoginResponse), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
#[post("/auth/login")]
pub async fn public_log_in(
    app: web::Data<App>,
    request: HttpRequest,
    body: web::Json<LoginRequest>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    let from = client::ip(&request);
    app.limits.check(Class::LogIn, Whose::Email(&body.email)).await?;
    let email = body.email.clone();
    let given = Credentials {
        email: body.email,
        password: body.password,
        code: body.code,
    };
    let visitor = visitor(&request);
    let log_in = app
        .guessing
        .watch(&email, from, app.accounts.log_in(given, &visitor))
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
    let log_in = app.accounts.refresh(cookie.value(), &visitor(&request)).await?;
    Ok(logged_in(&app, &request, HttpResponse::Ok(), log_in))
}

/// Ends this session.
#[utoipa::path(operation_id = "log_out", tag = "accounts", responses((status = 204)))]
#[post("/auth/logout")]
pub async fn public_log_out(app: web::Data<App>, request: HttpRequest) -> ApiResult<HttpResponse> {
    same_origin(&app, &request)?;
    if let Some(cookie) = request.cookie(COOKIE) {
        app.accounts.log_out(cookie.value(), &visitor(&request)).await?;
    }
    let mut gone = cookie(&app, &request, String::new());
    gone.make_removal();
    Ok(HttpResponse::NoContent().cookie(gone).finish())
}

/// Ends all one's sessions.
#[utoipa::path(operation_id = "log_out_all_devices", tag = "accounts", security(("token" = [])), responses((status = 204), (status = 401, body = ErrorBody)))]
#[post("/auth/logout-all-devices")]
pub async fn log_out_all_devices(app: web::Data<App>, user: Person) -> ApiResult<HttpResponse> {
    app.accounts.log_out_everywhere(&user.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// One's log-ins, last used first.
#[utoipa::path(operation_id = "list_sessions", tag = "accounts", security(("token" = [])), responses(
    (status = 200, body = Vec<SessionBody>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
#[get("/auth/sessions")]
pub async fn sessions(app: web::Data<App>, user: Person) -> ApiResult<web::Json<Vec<SessionBody>>> {
    let all = app.accounts.sessions(&user.0).await?;
    let current = user.0.session_id();
    Ok(web::Json(
        all.into_iter()
            .map(|session| SessionBody::new(session, current))
            .collect(),
    ))
}

/// Ends one of one's log-ins.
#[utoipa::path(operation_id = "end_session", tag = "accounts", security(("token" = [])), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[delete("/auth/sessions/{id}")]
pub async fn end_session(
    app: web::Data<App>,
    user: Person,
    id: web::Path<String>,
) -> ApiResult<HttpResponse> {
    app.accounts.end_session(&user.0, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl SessionBody {
    fn new(session: OpenSession, current: Option<&str>) -> SessionBody {
        SessionBody {
            current: current == Some(session.id.as_str()),
            id: session.id,
            created_at: id::iso(session.created_at),
            last_used_at: id::iso(session.last_used_at),
            ip: session.ip,
            user_agent: session.user_agent,
        }
    }
}

/// The answer to a log-in, with its cookie.
pub(super) fn logged_in(
    app: &App,
    request: &HttpRequest,
    mut response: actix_web::HttpResponseBuilder,
    log_in: LogIn,
) -> HttpResponse {
    set_cookie(app, request, &mut response, &log_in);
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(LoginResponse {
            access_token: log_in.access_token,
            token_type: "bearer",
            expires_in: ACCESS_SECONDS,
            user: log_in.identity.into(),
        })
}

/// Gives the browser its refresh token.
pub(super) fn set_cookie(
    app: &App,
    request: &HttpRequest,
    response: &mut actix_web::HttpResponseBuilder,
    log_in: &LogIn,
) {
    if log_in.identity.role >= Role::Admin {
        app.seen_at.note(request);
    }
    if let Some(token) = &log_in.refresh_token {
        let mut cookie = cookie(app, request, token.clone());
        cookie.set_max_age(Duration::days(REFRESH_DAYS));
        response.cookie(cookie);
    }
}

fn cookie(app: &App, request: &HttpRequest, value: String) -> Cookie<'static> {
    Cookie::build(COOKIE, value)
        .path(COOKIE_PATH)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(is_https(app, request))
        .finish()
}

/// Whether cookies may insist on https.
pub(super) fn is_https(app: &App, request: &HttpRequest) -> bool {
    match &app.config.server.public_url {
        Some(url) => url.starts_with("https:"),
        None => request.connection_info().scheme() == "https",
    }
}

/// The cookie's own requests must come from our own page, whatever the browser thinks of SameSite.
fn same_origin(app: &App, request: &HttpRequest) -> Result<(), Error> {
    if app.is_own_origin(request) {
        Ok(())
    } else {
        Err(Error::Forbidden("This request came from another site.".into()))
    }
}
