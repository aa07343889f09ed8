//! The one error of the program, its variants named for what the caller can do.
//!
//! No web types here: `server::error` maps variants to HTTP statuses, the agent sends them as faults.

use serde::{Deserialize, Serialize};

/// What every fallible function of the library returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. Messages are whole sentences for the person who asked: what was wrong, what to do.
/// They never hold secrets.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The thing asked for does not exist, or belongs to somebody else.
    #[error("{0}")]
    NotFound(String),
    /// The request itself is wrong; sending it again unchanged is no use.
    #[error("{0}")]
    Invalid(String),
    /// Nobody, or somebody unknown.
    #[error("{0}")]
    Unauthorized(String),
    /// Somebody known who may not.
    #[error("{0}")]
    Forbidden(String),
    /// It contradicts what already is.
    #[error("{0}")]
    Conflict(String),
    /// About an account, in a way that a log-in page answers with something of its own.
    #[error("{message}")]
    Account { fault: AccountFault, message: String },
    /// Over a size limit.
    #[error("{0}")]
    TooLarge(String),
    /// Over a rate or concurrency limit; later it may pass.
    #[error("{0}")]
    TooMany(String),
    /// Too often; the same request may pass after `retry_after`.
    #[error("{message}")]
    RateLimited {
        message: String,
        retry_after: std::time::Duration,
    },
    /// The guard or a policy does not allow this query.
    #[error("{0}")]
    Refused(String),
    /// No agent is connected for this connection.
    #[error("{0}")]
    AgentOffline(String),
    /// The customer's database (or the file engine) refused; its own words.
    #[error("{message}")]
    Source { kind: SourceFault, message: String },
    /// The language model's endpoint failed.
    #[error("{0}")]
    Llm(String),
    /// It took longer than allowed.
    #[error("{0}")]
    Timeout(String),
    /// The asker cancelled or left.
    #[error("The query was cancelled.")]
    Cancelled,
    /// The server's disk is full.
    #[error("{0}")]
    DiskFull(String),
    /// Our fault; the message goes to the log, not to the user.
    #[error("{0}")]
    Internal(String),
}

/// Why a source refused a query: decides whether another attempt makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceFault {
    /// A table, column or function that does not exist. Mendable.
    Name,
    /// Types that do not fit. Mendable.
    Type,
    /// The statement does not parse. Mendable.
    Syntax,
    /// The role may not. Final.
    Permission,
    /// The database could not be reached or the link broke. Final for this attempt.
    Unreachable,
    /// Anything else, such as a division by zero.
    Other,
}

/// What exactly is wrong with an account, a link or a log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountFault {
    /// The password is right; a code of the second factor is needed too.
    TotpRequired,
    /// The code of the second factor is wrong or was used already.
    TotpInvalid,
    /// The address was not confirmed yet.
    EmailUnverified,
    /// A single-use link that is unknown, used or expired.
    TokenInvalid,
    /// This server does not let this person sign up.
    SignUpClosed,
    /// An organisation has to keep an owner.
    LastOwner,
}

impl AccountFault {
    fn code(self) -> &'static str {
        match self {
            AccountFault::TotpRequired => "totp_required",
            AccountFault::TotpInvalid => "totp_invalid",
            AccountFault::EmailUnverified => "email_unverified",
            AccountFault::TokenInvalid => "token_invalid",
            AccountFault::SignUpClosed => "sign_up_closed",
            AccountFault::LastOwner => "last_owner",
        }
    }
}

impl Error {
    /// The stable code of this error, as it stands in the API and on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            Error::NotFound(_) => "not_found",
            Error::Invalid(_) => "invalid",
            Error::Unauthorized(_) => "unauthorized",
            Error::Forbidden(_) => "forbidden",
            Error::Conflict(_) => "conflict",
            Error::Account { fault, .. } => fault.code(),
            Error::TooLarge(_) => "too_large",
            Error::TooMany(_) => "too_many",
            Error::RateLimited { .. } => "rate_limited",
            Error::Refused(_) => "refused",
            Error::AgentOffline(_) => "agent_offline",
            Error::Source { .. } => "source",
            Error::Llm(_) => "llm",
            Error::Timeout(_) => "timeout",
            Error::Cancelled => "cancelled",
            Error::DiskFull(_) => "disk_full",
            Error::Internal(_) => "internal",
        }
    }

    /// Whether a translator that sees this error could write a better query.
    pub fn is_mendable(&self) -> bool {
        matches!(
            self,
            Error::Source {
                kind: SourceFault::Name | SourceFault::Type | SourceFault::Syntax,
                ..
            }
        )
    }

    /// An internal error from anything that can be shown.
    pub fn internal(error: impl std::fmt::Display) -> Error {
        Error::Internal(error.to_string())
    }

    /// An account error of the given kind.
    pub fn account(fault: AccountFault, message: impl Into<String>) -> Error {
        Error::Account {
            fault,
            message: message.into(),
        }
    }

    /// A source error of the given kind.
    pub fn source(kind: SourceFault, message: impl Into<String>) -> Error {
        Error::Source {
            kind,
            message: message.into(),
        }
    }
}

/// What is said when something cannot be written for lack of space.
pub const DISK_FULL: &str = "The server's disk is full, so the result could not be kept. Its administrator has to free \
                             some space; then ask again.";

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Error::DiskFull(DISK_FULL.into())
            }
            _ => Error::Internal(format!("input/output: {error}")),
        }
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Error {
        match error {
            arrow::error::ArrowError::IoError(_, error) => error.into(),
            error => Error::Internal(format!("arrow: {error}")),
        }
    }
}
