//! What went wrong, from the driver's and the server's words to our kinds of error.

use mongodb::error::{Error as DriverError, ErrorKind};

use crate::error::{Error, SourceFault};
use crate::source::trouble::{Trouble, sentence};

/// An error before anything could be asked.
pub(super) fn unreachable(error: &DriverError) -> Error {
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => Error::source(
            SourceFault::Unreachable,
            "The database did not accept the user's name or password. If the user was made in another database, \
             name that one: …?authSource=admin.",
        ),
        kind => Error::source(
            SourceFault::Unreachable,
            format!("The database could not be reached: {}", sentence(&words(kind))),
        ),
    }
}

/// An error of a look at the server: a refusal in its own words, else as [`unreachable`].
pub(super) fn unreachable_or_refused(error: &DriverError) -> Error {
    match error.kind.as_ref() {
        ErrorKind::Command(_) => while_running(error),
        _ => unreachable(error),
    }
}

/// An error while something ran.
pub(super) fn while_running(error: &DriverError) -> Error {
    let ErrorKind::Command(command) = error.kind.as_ref() else {
        return match error.kind.as_ref() {
            ErrorKind::BsonDeserialization(_) | ErrorKind::InvalidResponse { .. } => broken(),
            ErrorKind::InvalidArgument { message, .. } => {
                Error::source(SourceFault::Syntax, sentence(message))
            }
            ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => Error::source(
                SourceFault::Unreachable,
                format!(
                    "The connection to the database broke: {}",
                    sentence(&words(&error.kind))
                ),
            ),
            _ => unreachable(error),
        };
    };
    let words = sentence(&command.message);
    match command.code {
        13 => Error::source(
            SourceFault::Permission,
            // What follows in the server's words is the whole command.
            format!(
                "The database's user is {}. Give it the role read on the database.",
                command
                    .message
                    .split(" to execute command")
                    .next()
                    .unwrap_or(&command.message)
            ),
        ),
        50 | 262 => Error::Timeout(format!(
            "The query ran longer than it may and was stopped ({words}) Ask for less, for example a shorter time."
        )),
        // Who stops a query through us does not wait for its end.
        11601 | 237 | 279 => Error::source(SourceFault::Other, Trouble::StoppedThere.say(&words)),
        code => match trouble(code, &command.message) {
            Some(trouble) => Error::source(kind(code), trouble.say(&words)),
            None => Error::source(kind(code), words),
        },
    }
}

/// Some have no number of their own.
fn trouble(code: i32, words: &str) -> Option<Trouble> {
    Some(match code {
        146 | 292 | 16_819 | 16_945 => Trouble::OutOfMemory,
        14_031 => Trouble::DiskFull,
        241 => Trouble::Unreadable,
        _ if words.contains("divide by zero") || words.contains("mod by zero") => Trouble::DivisionByZero,
        _ => return None,
    })
}

/// The server sent what is no answer.
pub(super) fn broken() -> Error {
    Error::source(SourceFault::Other, "The database sent a broken answer.")
}

fn kind(code: i32) -> SourceFault {
    match code {
        // AuthenticationFailed.
        18 => SourceFault::Permission,
        // NamespaceNotFound, and the like.
        26 | 73 => SourceFault::Name,
        // TypeMismatch, ConversionFailure, BadValue in an expression.
        14 | 241 => SourceFault::Type,
        // BadValue, FailedToParse, unknown stages, operators, options.
        2 | 9 | 15 | 17 | 72 | 168 | 40323 | 40324 | 40415 => SourceFault::Syntax,
        // Shutting down, not a primary, network errors between the servers.
        6 | 7 | 89 | 91 | 189 | 9001 | 10107 | 11600 | 11602 | 13435 | 13436 => SourceFault::Unreachable,
        // Out of memory or disk for a sort or a group.
        146 | 292 | 14031 => SourceFault::Other,
        // Errors of single operators have numbers of five digits and more.
        code if code > 10_000 => SourceFault::Type,
        _ => SourceFault::Other,
    }
}

/// The heart of what the driver says; its own words wrap it in the state of every server.
fn words(kind: &ErrorKind) -> String {
    let text = match kind {
        ErrorKind::ServerSelection { message, .. } => message.clone(),
        ErrorKind::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    let Some((_, inner)) = text.rsplit_once("Error: Kind: ") else {
        return text.split(" Topology:").next().unwrap_or_default().to_owned();
    };
    let inner = inner.split(", labels:").next().unwrap_or(inner).trim();
    if inner.contains("InvalidCertificate") || inner.contains("invalid peer certificate") {
        return format!(
            "{inner}; if the server's certificate is signed by an authority of your own, name its file with \
             tlsCAFile=/path/ca.pem"
        );
    }
    inner.to_owned()
}
