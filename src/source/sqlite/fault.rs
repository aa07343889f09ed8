//! What went wrong, from the library's words and its code to our kinds of error.

use rusqlite::{Error as Failure, ErrorCode};

use crate::error::{Error, SourceFault};
use crate::source::trouble::Trouble;

/// An error while opening, preparing or running, other than a stop that we asked for.
pub(super) fn of(error: &Failure) -> Error {
    let Some(code) = error.sqlite_error_code() else {
        let kind = match error {
            Failure::MultipleStatement => SourceFault::Syntax,
            _ => SourceFault::Other,
        };
        return Error::source(kind, sentence(&error.to_string()));
    };
    let words = match error {
        Failure::SqliteFailure(_, Some(message)) => sentence(message),
        other => sentence(&other.to_string()),
    };
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Timeout(
            "The SQLite file was held by another program for too long. Try again in a moment.".into(),
        ),
        ErrorCode::NotADatabase => Error::source(
            SourceFault::Unreachable,
            "The file is no SQLite database, or it is encrypted.",
        ),
        ErrorCode::CannotOpen => Error::source(
            SourceFault::Unreachable,
            "The SQLite file cannot be opened. In WAL mode its folder has to hold the -wal and -shm files, or be \
             writable for this process.",
        ),
        ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::AuthorizationForStatementDenied => {
            Error::source(
                SourceFault::Permission,
                format!("Only reading the tables of this file is allowed: {words}"),
            )
        }
        ErrorCode::OperationInterrupted => Error::Timeout("The file took too long to be looked at.".into()),
        ErrorCode::OutOfMemory => Error::source(SourceFault::Other, Trouble::OutOfMemory.say(&words)),
        ErrorCode::DiskFull => Error::source(SourceFault::Other, Trouble::DiskFull.say(&words)),
        _ if words.to_lowercase().contains("integer overflow") => {
            Error::source(SourceFault::Type, Trouble::NumberTooLarge.say(&words))
        }
        _ => Error::source(kind(&words.to_lowercase()), words),
    }
}

/// By the words in lower case: the library has one code for all of these.
fn kind(words: &str) -> SourceFault {
    let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    if says(&["not authorized", "prohibited", "may not be used", "unsafe use of"]) {
        SourceFault::Permission
    } else if says(&["syntax error", "incomplete input", "unrecognized token"]) {
        SourceFault::Syntax
    } else if says(&[
        "no such",
        "ambiguous column",
        "wrong number of arguments",
        "misuse of",
        "has no column",
    ]) {
        SourceFault::Name
    } else if says(&[
        "datatype mismatch",
        "malformed json",
        "integer overflow",
        "json path",
    ]) {
        SourceFault::Type
    } else {
        SourceFault::Other
    }
}

fn sentence(text: &str) -> String {
    let mut text = text.trim().to_owned();
    if let Some(first) = text.get(..1) {
        let first = first.to_uppercase();
        text.replace_range(..1, &first);
    }
    if !text.ends_with(['.', '?', '!']) {
        text.push('.');
    }
    text
}
