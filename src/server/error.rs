//! Errors as HTTP: one match from variant to status, one shape of body.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::error::{AccountFault, Error};
use crate::service::limits::whole_seconds;

/// An [`Error`] on its way out.
#[derive(Debug)]
pub struct ApiError {
    error: Error,
    details: Option<serde_json::Value>,
}

/// What every handler returns.
pub type ApiResult<T> = Result<T, ApiError>;

/// `{"error":{"code","message","details"?}}`
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    pub error: ErrorDetail,
}

/// See [`ErrorBody`].
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorDetail {
    /// Stable: programs may rely on it.
    pub code: String,
    /// For people: what was wrong and what to do.
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub details: Option<serde_json::Value>,
}

impl ErrorBody {
    /// For what has a status of its own and is no [`Error`].
    pub fn new(code: &str, message: String) -> ErrorBody {
        ErrorBody {
            error: ErrorDetail {
                code: code.into(),
                message,
                details: None,
            },
        }
    }
}

impl ApiError {
    /// With something a program can read beside the sentence.
    pub fn with_details(error: Error, details: serde_json::Value) -> ApiError {
        ApiError {
            error,
            details: Some(details),
        }
    }

    /// The body; our own faults go to the log and show a neutral sentence.
    pub fn body(&self) -> ErrorBody {
        let message = match &self.error {
            Error::Internal(message) => {
                tracing::error!(error = %message, "a request failed");
                "Something went wrong inside Clean Custard; its log says what.".into()
            }
            other => other.to_string(),
        };
        ErrorBody {
            error: ErrorDetail {
                code: self.error.code().into(),
                message,
                details: self.details.clone(),
            },
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> ApiError {
        ApiError { error, details: None }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self.error {
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::Invalid(_) | Error::Refused(_) => StatusCode::BAD_REQUEST,
            Error::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Error::Forbidden(_) => StatusCode::FORBIDDEN,
            Error::Conflict(_) => StatusCode::CONFLICT,
            Error::Account { fault, .. } => match fault {
                AccountFault::TotpRequired | AccountFault::TotpInvalid | AccountFault::EmailUnverified => {
                    StatusCode::UNAUTHORIZED
                }
                AccountFault::TokenInvalid => StatusCode::BAD_REQUEST,
                AccountFault::SignUpClosed => StatusCode::FORBIDDEN,
                AccountFault::LastOwner => StatusCode::CONFLICT,
            },
            Error::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Error::TooMany(_) | Error::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Error::AgentOffline(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Source { .. } | Error::Llm(_) => StatusCode::BAD_GATEWAY,
            Error::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
            Error::Cancelled => StatusCode::CONFLICT,
            Error::DiskFull(_) => StatusCode::INSUFFICIENT_STORAGE,
            Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Error::RateLimited { retry_after, .. } = &self.error {
            response.insert_header((header::RETRY_AFTER, whole_seconds(*retry_after).to_string()));
        }
        response.json(self.body())
    }
}

/// A body or parameter that could not even be read, in the same shape.
pub fn unreadable(error: impl fmt::Display) -> actix_web::Error {
    ApiError::from(Error::Invalid(format!("The request could not be read: {error}."))).into()
}
