//! Log-in through an OpenID provider: away from our page, and back onto it.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Deserialize;

use super::accounts::{is_https, set_cookie};
use crate::error::Error;
use crate::server::App;
use crate::server::auth::visitor;
use crate::server::error::{ApiResult, ErrorBody};
use crate::server::links::public_base;
use crate::service::accounts::oidc::{FLOW_SECONDS, ID, Oidc, Refusal, Returned};

/// Carries the flow there and back. Lax, because the browser comes back from another site.
const COOKIE: &str = "custard_oidc";
const COOKIE_PATH: &str = "/api/v1/auth/oidc";

/// Where to go afterwards.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StartChoice {
    /// A path of the web UI (default `/`).
    pub return_to: Option<String>,
}

/// What the provider sends back.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CallbackChoice {
    pub code: Option<String>,
    pub state: Option<String>,
    /// Why the provider let nobody in.
    pub error: Option<String>,
}

/// Sends the browser to the provider.
#[utoipa::path(operation_id = "start_oidc", tag = "accounts", params(StartChoice), responses(
    (status = 302), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/auth/oidc/{id}/start")]
pub async fn public_start(
    app: web::Data<App>,
    request: HttpRequest,
    id: web::Path<String>,
    choice: web::Query<StartChoice>,
) -> ApiResult<HttpResponse> {
    let oidc = provider(&app, &id)?;
    let redirect_uri = redirect_uri(&app, &request);
    Ok(
        match oidc.depart(&redirect_uri, choice.return_to.as_deref()).await {
            Ok(departing) => {
                let mut cookie = cookie(&app, &request, departing.cookie);
                cookie.set_max_age(Duration::seconds(FLOW_SECONDS));
                HttpResponse::Found()
                    .insert_header((header::LOCATION, departing.url))
                    .insert_header((header::CACHE_CONTROL, "no-store"))
                    .cookie(cookie)
                    .finish()
            }
            Err(refusal) => refused(&app, &request, &refusal),
        },
    )
}

/// The browser comes back: into the web UI, logged in, or onto its log-in page with the reason.
#[utoipa::path(operation_id = "finish_oidc", tag = "accounts", params(CallbackChoice), responses(
    (status = 302), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/auth/oidc/{id}/callback")]
pub async fn public_callback(
    app: web::Data<App>,
    request: HttpRequest,
    id: web::Path<String>,
    choice: web::Query<CallbackChoice>,
) -> ApiResult<HttpResponse> {
    let oidc = provider(&app, &id)?;
    let choice = choice.into_inner();
    let returned = match (choice.code, choice.state, request.cookie(COOKIE)) {
        (Some(code), Some(state), Some(cookie)) => Returned {
            cookie: cookie.value().to_owned(),
            code,
            state,
        },
        (Some(_), Some(_), None) => {
            let refusal = Refusal {
                code: "oidc_expired",
                reason: "the browser that came back did not leave from here".into(),
            };
            return Ok(refused(&app, &request, &refusal));
        }
        _ => {
            let said = choice.error.unwrap_or_default();
            let refusal = Refusal {
                code: "oidc_failed",
                reason: format!(
                    "the provider let nobody in: {:?}",
                    said.chars().take(100).collect::<String>()
                ),
            };
            return Ok(refused(&app, &request, &refusal));
        }
    };
    let redirect_uri = redirect_uri(&app, &request);
    Ok(
        match oidc.arrive(&redirect_uri, returned, &visitor(&request)).await {
            Ok((log_in, return_to)) => {
                let mut response = HttpResponse::Found();
                set_cookie(&app, &request, &mut response, &log_in);
                response
                    .insert_header((header::LOCATION, return_to))
                    .insert_header((header::CACHE_CONTROL, "no-store"))
                    .cookie(gone(&app, &request))
                    .finish()
            }
            Err(refusal) => refused(&app, &request, &refusal),
        },
    )
}

fn provider<'a>(app: &'a App, id: &str) -> Result<&'a Oidc, Error> {
    app.oidc
        .as_ref()
        .filter(|_| id == ID)
        .ok_or_else(|| Error::NotFound("There is no provider with this id.".into()))
}

fn redirect_uri(app: &App, request: &HttpRequest) -> String {
    format!("{}{COOKIE_PATH}/{ID}/callback", public_base(app, request))
}

/// The log-in page has a sentence for each code; the reason is for the log.
fn refused(app: &App, request: &HttpRequest, refusal: &Refusal) -> HttpResponse {
    tracing::warn!(code = refusal.code, reason = %refusal.reason, "a log-in through the provider was refused");
    HttpResponse::Found()
        .insert_header((header::LOCATION, format!("/login?error={}", refusal.code)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .cookie(gone(app, request))
        .finish()
}

fn cookie(app: &App, request: &HttpRequest, value: String) -> Cookie<'static> {
    Cookie::build(COOKIE, value)
        .path(COOKIE_PATH)
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_https(app, request))
        .finish()
}

fn gone(app: &App, request: &HttpRequest) -> Cookie<'static> {
    let mut gone = cookie(app, request, String::new());
    gone.make_removal();
    gone
}
