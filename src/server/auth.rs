//! Who is asking: extractors that a handler names in its signature. A handler without one is public and
//! says so in its name.
//!
//! Each says which role is the least, and what an API token has to be good for. The table of both is in
//! `docs/ACCOUNTS.md`; a test reads the API document and tries every operation with the wrong ones.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{Method, header};
use actix_web::{FromRequest, HttpRequest, web};

use super::error::ApiError;
use super::{App, client, limits};
use crate::error::Error;
use crate::service::accounts::{Identity, Role, Scope, Via, Visitor};

/// Anybody with an account, looking (a token needs `read`) or changing what is their own (`write`).
pub struct User(pub Identity);

/// Anybody with an account, asking questions (a token needs `ask`).
pub struct Asker(pub Identity);

/// Somebody who may write queries of their own (a token needs `ask`).
pub struct Querier(pub Identity);

/// Somebody who may add and change data (a token needs `read` to look, `write` to change).
pub struct Analyst(pub Identity);

/// Somebody who may manage connections and members (a token needs `admin`).
pub struct Admin(pub Identity);

/// Somebody to whom the organisation belongs (a token needs `admin`).
pub struct Owner(pub Identity);

/// The person themselves, logged in: no token of any scope does.
pub struct Person(pub Identity);

/// What an API token has to be good for.
enum Need {
    /// `read` for looking, `write` for everything else.
    ByMethod,
    Scope(Scope),
    /// Nothing that a token could have.
    Person,
}

/// The token of an `Authorization: Bearer …` header.
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Where a request comes from.
pub fn visitor(request: &HttpRequest) -> Visitor {
    let user_agent = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    Visitor {
        ip: Some(client::ip(request).to_string()),
        user_agent: user_agent.map(str::to_owned),
    }
}

async fn identify(request: HttpRequest, least: Role, need: Need) -> Result<Identity, ApiError> {
    let app = request
        .app_data::<web::Data<App>>()
        .ok_or_else(|| Error::internal("no application state"))?;
    let token = bearer(&request)
        .ok_or_else(|| Error::Unauthorized("This needs an access token. Log in first.".into()))?;
    let mut identity = app.accounts.identify(token).await?;
    limits::count_account(app, &request, &identity.user_id).await?;
    identity.ip = Some(client::ip(&request).to_string());
    if identity.role < least {
        return Err(Error::Forbidden("Your role does not allow this. Ask an owner or admin.".into()).into());
    }
    let scope = match need {
        Need::Scope(scope) => scope,
        Need::ByMethod if matches!(*request.method(), Method::GET | Method::HEAD) => Scope::Read,
        Need::ByMethod => Scope::Write,
        Need::Person if matches!(identity.via, Via::Session(_)) => return Ok(identity),
        Need::Person => {
            return Err(Error::Forbidden(
                "An API token cannot do this. Log in with your password on the web page.".into(),
            )
            .into());
        }
    };
    if !identity.has_scope(scope) {
        return Err(Error::Forbidden(format!(
            "This API token lacks the scope \"{}\". Make one that has it.",
            scope.name()
        ))
        .into());
    }
    Ok(identity)
}

/// The same check for a handler that lets others in, too.
pub async fn admin(request: HttpRequest) -> Result<Admin, ApiError> {
    identify(request, Role::Admin, Need::Scope(Scope::Admin))
        .await
        .map(Admin)
}

macro_rules! extractor {
    ($name:ident, $least:expr, $need:expr) => {
        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move { identify(request, $least, $need).await.map($name) })
            }
        }
    };
}

extractor!(User, Role::Viewer, Need::ByMethod);
extractor!(Asker, Role::Viewer, Need::Scope(Scope::Ask));
extractor!(Querier, Role::Analyst, Need::Scope(Scope::Ask));
extractor!(Analyst, Role::Analyst, Need::ByMethod);
extractor!(Admin, Role::Admin, Need::Scope(Scope::Admin));
extractor!(Owner, Role::Owner, Need::Scope(Scope::Admin));
extractor!(Person, Role::Viewer, Need::Person);
