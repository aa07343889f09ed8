//! What went wrong, from the database's words and its SQLSTATE to our kinds of error.

use std::error::Error as _;

use tokio_postgres::error::{DbError, SqlState};

use crate::error::{Error, SourceFault};

/// An error while opening a connection.
pub(super) fn unreachable(error: tokio_postgres::Error) -> Error {
    let words = match error.as_db_error() {
        Some(db) => in_its_own_words(db),
        None => with_causes(&error),
    };
    Error::source(
        SourceFault::Unreachable,
        format!("The database could not be reached: {words}"),
    )
}

/// The server ended the session, rather than refused the statement.
pub(super) fn is_gone(error: &DbError) -> bool {
    let code = error.code().code();
    code.starts_with("57P") || code.starts_with("08")
}

/// An error while something ran.
pub(super) fn while_running(error: &tokio_postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else {
        return Error::source(
            SourceFault::Unreachable,
            format!("The connection to the database broke: {}", with_causes(error)),
        );
    };
    let words = in_its_own_words(db);
    let code = db.code();
    if *code == SqlState::QUERY_CANCELED {
        return if db.message().contains("timeout") {
            Error::Timeout(format!(
                "The query ran longer than it may and was stopped ({words}) Ask for less, for example a \
                 shorter time."
            ))
        } else {
            Error::Cancelled
        };
    }
    if *code == SqlState::LOCK_NOT_AVAILABLE {
        return Error::Timeout(format!(
            "The query waited too long for a lock that somebody else holds ({words}) Try again later."
        ));
    }
    Error::source(kind(code), words)
}

fn kind(code: &SqlState) -> SourceFault {
    match code.code() {
        // Undefined table, column, function, object, schema, parameter, alias; ambiguous and duplicate ones.
        "42P01" | "42703" | "42883" | "42704" | "3F000" | "42P02" | "42P10" | "42702" | "42725" | "42P09"
        | "42712" | "42701" => SourceFault::Name,
        "42804" | "42846" | "42P18" | "22P02" | "22007" | "22008" | "42809" | "42P21" | "42P22" | "22003"
        | "22P03" | "42803" | "42P20" => SourceFault::Type,
        "42501" | "25006" => SourceFault::Permission,
        "42601" | "42P19" | "42000" | "0A000" | "42611" => SourceFault::Syntax,
        code if code.starts_with("08") || code.starts_with("28") || code.starts_with("57P") => {
            SourceFault::Unreachable
        }
        _ => SourceFault::Other,
    }
}

/// Message, detail and hint, as sentences.
fn in_its_own_words(db: &DbError) -> String {
    let mut words = sentence(db.message());
    for more in [db.detail(), db.hint()].into_iter().flatten() {
        words.push(' ');
        words.push_str(&sentence(more));
    }
    words
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '?', '!']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

fn with_causes(error: &tokio_postgres::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !words.contains(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = next.source();
    }
    sentence(&words)
}
