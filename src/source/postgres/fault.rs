//! What went wrong, from the database's words and its SQLSTATE to our kinds of error.

use std::error::Error as _;

use tokio_postgres::error::{DbError, SqlState};

use crate::error::{Error, SourceFault};
use crate::source::trouble::{Trouble, sentence};

/// An error while opening a connection.
pub(super) fn unreachable(error: tokio_postgres::Error) -> Error {
    let words = match error.as_db_error() {
        Some(db) if *db.code() == SqlState::TOO_MANY_CONNECTIONS => {
            Trouble::TooManyConnections.say(db.message())
        }
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
            // Who stops a query through us does not wait for its end.
            Error::source(SourceFault::Other, Trouble::StoppedThere.say(&words))
        };
    }
    if *code == SqlState::LOCK_NOT_AVAILABLE {
        return Error::Timeout(format!(
            "The query waited too long for a lock that somebody else holds ({words}) Try again later."
        ));
    }
    match trouble(code) {
        Some(trouble) => Error::source(kind(code), trouble.say(&words)),
        None => Error::source(kind(code), words),
    }
}

fn trouble(code: &SqlState) -> Option<Trouble> {
    Some(match code.code() {
        "22012" => Trouble::DivisionByZero,
        "22003" => Trouble::NumberTooLarge,
        "22P02" | "22P03" | "22007" | "22008" => Trouble::Unreadable,
        "53200" => Trouble::OutOfMemory,
        "53100" | "53400" => Trouble::DiskFull,
        "53300" => Trouble::TooManyConnections,
        "42501" => Trouble::NotAllowed,
        "57P01" | "57P02" | "57P05" => Trouble::StoppedThere,
        "40001" => Trouble::CatchingUp,
        _ => return None,
    })
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
    // Which is where our own pins put it, and nobody else's concern.
    words.replace("pg_catalog.", "")
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
