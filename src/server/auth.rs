//! Who is asking: extractors that a handler names in its signature. A handler without one is public and
//! says so in its name.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use super::error::ApiError;
use super::{App, client, limits};
use crate::error::Error;
use crate::service::accounts::{Identity, Role};

/// Anybody who is logged in.
pub struct User(pub Identity);

/// Somebody who may add and change data.
pub struct Analyst(pub Identity);

/// Somebody who may manage connections.
pub struct Admin(pub Identity);

/// Somebody who answers for the organization.
pub struct Owner(pub Identity);

/// The token of an `Authorization: Bearer …` header.
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let header = request
        .headers()
        .get(actix_web::http::header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn identify(request: HttpRequest, least: Role) -> Result<Identity, ApiError> {
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
    Ok(identity)
}

/// The same check for a handler that lets others in, too.
pub async fn admin(request: HttpRequest) -> Result<Admin, ApiError> {
    identify(request, Role::Admin).await.map(Admin)
}

macro_rules! extractor {
    ($name:ident, $least:expr) => {
        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move { identify(request, $least).await.map($name) })
            }
        }
    };
}

extractor!(User, Role::Viewer);
extractor!(Analyst, Role::Analyst);
extractor!(Admin, Role::Admin);
extractor!(Owner, Role::Owner);
