//! Personal API tokens, for scripts. They are made and ended by the person only, never by another token.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, delete, get, http::header, post, web};
use serde::{Deserialize, Serialize};

use crate::id;
use crate::server::App;
use crate::server::auth::Person;
use crate::server::error::{ApiResult, ErrorBody};
use crate::service::accounts::{ApiToken, NewApiToken, Scope};

/// A token to be made.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    pub name: String,
    #[schema(value_type = Vec<Scope>)]
    pub scopes: BTreeSet<Scope>,
    /// 1 to 365 (default 90).
    pub expires_in_days: Option<u32>,
}

/// A token.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TokenBody {
    pub id: String,
    pub name: String,
    /// The token itself, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Its first letters.
    pub prefix: String,
    #[schema(value_type = Vec<Scope>)]
    pub scopes: BTreeSet<Scope>,
    pub created_at: String,
    pub expires_at: String,
    pub expired: bool,
    /// To the minute.
    pub last_used_at: Option<String>,
}

impl TokenBody {
    fn new(token: ApiToken, text: Option<String>) -> TokenBody {
        TokenBody {
            expired: token.expires_at < id::now(),
            id: token.id,
            name: token.name,
            token: text,
            prefix: token.prefix,
            scopes: token.scopes,
            created_at: id::iso(token.created_at),
            expires_at: id::iso(token.expires_at),
            last_used_at: token.last_used_at.map(id::iso),
        }
    }
}

/// One's API tokens, newest first.
#[utoipa::path(operation_id = "list_tokens", tag = "tokens", security(("token" = [])), responses(
    (status = 200, body = Vec<TokenBody>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
#[get("/tokens")]
pub async fn list(app: web::Data<App>, user: Person) -> ApiResult<web::Json<Vec<TokenBody>>> {
    let all = app.accounts.api_tokens(&user.0).await?;
    Ok(web::Json(
        all.into_iter().map(|token| TokenBody::new(token, None)).collect(),
    ))
}

/// A new API token, shown this once.
#[utoipa::path(operation_id = "create_token", tag = "tokens", security(("token" = [])), request_body = TokenRequest, responses(
    (status = 201, body = TokenBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[post("/tokens")]
pub async fn create(
    app: web::Data<App>,
    user: Person,
    body: web::Json<TokenRequest>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    let new = NewApiToken {
        name: body.name,
        scopes: body.scopes,
        expires_in_days: body.expires_in_days.unwrap_or(90),
    };
    let (token, text) = app.accounts.new_api_token(&user.0, new).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(TokenBody::new(token, Some(text))))
}

/// Ends one of one's API tokens.
#[utoipa::path(operation_id = "delete_token", tag = "tokens", security(("token" = [])), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[delete("/tokens/{id}")]
pub async fn delete_one(app: web::Data<App>, user: Person, id: web::Path<String>) -> ApiResult<HttpResponse> {
    app.accounts.delete_api_token(&user.0, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}
