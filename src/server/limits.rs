//! Where requests meet their limits: each by its address here, before anything else is done with it, and by
//! its account in `auth`, once that is known.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{HttpRequest, ResponseError, web};

use super::error::ApiError;
use super::{App, client};
use crate::error::Result;
use crate::service::limits::{Class, Whose};

/// What a request counts as beside [`Class::Everything`].
pub fn class(request: &HttpRequest) -> Option<Class> {
    let path = request.path().strip_prefix("/api/v1/")?.trim_matches('/');
    if request.method() != Method::POST {
        return None;
    }
    if path == "invitations" || (path.starts_with("invitations/") && path.ends_with("/resend")) {
        return Some(Class::Invitation);
    }
    match path {
        "setup"
        | "auth/login"
        | "auth/verify"
        | "auth/reset-password"
        | "auth/confirm-email"
        | "auth/change-password"
        | "auth/totp/confirm"
        | "auth/totp/recovery-codes"
        | "invitations/accept"
        | "invitations/by-token" => Some(Class::LogIn),
        "auth/signup"
        | "auth/resend-verification"
        | "auth/forgot-password"
        | "auth/change-email"
        | "settings/mail/test" => Some(Class::SignUp),
        "query" | "query/run" => Some(Class::Ask),
        "upload" => Some(Class::Upload),
        _ => None,
    }
}

/// Counts an account's request. Errors: `RateLimited`.
pub async fn count_account(app: &App, request: &HttpRequest, user_id: &str) -> Result<()> {
    let whose = Whose::Account(user_id);
    app.limits.check(Class::Everything, whose).await?;
    match class(request) {
        Some(class) => app.limits.check(class, whose).await,
        None => Ok(()),
    }
}

/// Counts a letter that is asked for, or an account, by the address it is for. Errors: `RateLimited`.
pub async fn count_letter(app: &App, email: &str) -> Result<()> {
    app.limits.check(Class::SignUp, Whose::Email(email)).await
}

/// Counts every request for the API by its address. Pages and load balancers' looks are not counted.
pub async fn by_address<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, actix_web::Error> {
    match count_address(request.request()).await {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(error) => {
            let response = ApiError::from(error).error_response();
            Ok(request.into_response(response).map_into_right_body())
        }
    }
}

async fn count_address(request: &HttpRequest) -> Result<()> {
    if !request.path().starts_with("/api/v1/") {
        return Ok(());
    }
    let Some(app) = request.app_data::<web::Data<App>>() else {
        return Ok(());
    };
    let whose = Whose::Address(client::ip(request));
    app.limits.check(Class::Everything, whose).await?;
    match class(request) {
        Some(class) => app.limits.check(class, whose).await,
        None => Ok(()),
    }
}
