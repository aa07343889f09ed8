//! What went wrong, from the database's words and its numbers to our kinds of error, and the warnings that
//! say a value was bent.

use std::error::Error as _;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error as Failure, ServerError};

use crate::error::{Error, Result, SourceFault};
use crate::source::trouble::{Trouble, sentence};

/// Warnings after which the rows cannot be trusted: a value was cut, bent to another type, or left out because
/// it was too large. Not here: a division by zero gives NULL, as documented.
const BENT: [u16; 6] = [1260, 1264, 1265, 1292, 1301, 1366];

/// An error while opening a connection.
pub(super) fn unreachable(error: &Failure) -> Error {
    let words = match error {
        Failure::Server(error) => match trouble(error.code) {
            Some(trouble @ Trouble::TooManyConnections) => trouble.say(&error.message),
            _ => sentence(&error.message),
        },
        Failure::Driver(DriverError::NoClientSslFlagFromServer) => {
            "The server offers no TLS, which sslmode asks for.".into()
        }
        other => with_causes(other),
    };
    Error::source(
        SourceFault::Unreachable,
        format!("The database could not be reached: {words}"),
    )
}

/// An error while something ran.
pub(super) fn while_running(error: &Failure) -> Error {
    let Failure::Server(ServerError { code, message, .. }) = error else {
        return Error::source(
            SourceFault::Unreachable,
            format!("The connection to the database broke: {}", with_causes(error)),
        );
    };
    let words = sentence(message);
    match code {
        // The time-outs of MariaDB and of MySQL.
        1969 | 3024 => Error::Timeout(format!(
            "The query ran longer than it may and was stopped ({words}) Ask for less, for example a shorter time."
        )),
        // Who stops a query through us does not wait for its end.
        1317 => Error::source(SourceFault::Other, Trouble::StoppedThere.say(&words)),
        1205 => Error::Timeout(format!(
            "The query waited too long for a lock that somebody else holds ({words}) Try again later."
        )),
        // The server is going down, or killed the connection.
        1053 | 1077 | 1079 | 1080 | 1927 => Error::source(
            SourceFault::Unreachable,
            format!("The connection to the database broke: {words}"),
        ),
        code => match trouble(*code) {
            Some(trouble) => Error::source(kind(*code), trouble.say(&words)),
            None => Error::source(kind(*code), words),
        },
    }
}

fn trouble(code: u16) -> Option<Trouble> {
    Some(match code {
        1365 => Trouble::DivisionByZero,
        1264 | 1690 => Trouble::NumberTooLarge,
        1292 | 1366 | 1411 => Trouble::Unreadable,
        1037 | 1038 | 1041 | 3170 => Trouble::OutOfMemory,
        1021 | 1114 => Trouble::DiskFull,
        1040 | 1203 | 1226 => Trouble::TooManyConnections,
        1044 | 1142 | 1143 | 1370 => Trouble::NotAllowed,
        _ => return None,
    })
}

fn kind(code: u16) -> SourceFault {
    match code {
        // Unknown or ambiguous columns, tables, functions; wrong arguments of functions.
        1052 | 1054 | 1060 | 1066 | 1109 | 1128 | 1146 | 1222 | 1305 | 1582 | 1583 | 1630 => {
            SourceFault::Name
        }
        // What does not fit: types, groups, collations, ranges.
        1055 | 1111 | 1140 | 1241 | 1264 | 1265 | 1267 | 1270 | 1271 | 1292 | 1366 | 1411 | 1463 | 1690
        | 3065 | 4078 | 4079 => SourceFault::Type,
        1064 | 1149 | 1210 | 1221 | 1235 | 1248 | 1295 | 1327 => SourceFault::Syntax,
        1044 | 1045 | 1142 | 1143 | 1227 | 1290 | 1370 | 1792 | 1836 => SourceFault::Permission,
        _ => SourceFault::Other,
    }
}

/// After the rows: MySQL reads `'Ada' + 1` as 1 and only warns. Errors: `Source` of kind `Type` with its
/// words.
pub(super) async fn bent_values(connection: &mut Conn) -> Result<()> {
    if connection.get_warnings() == 0 {
        return Ok(());
    }
    let warnings: Vec<(String, u16, String)> = connection
        .query("SHOW WARNINGS")
        .await
        .map_err(|error| while_running(&error))?;
    match warnings.iter().find(|(_, code, _)| BENT.contains(code)) {
        None => Ok(()),
        Some((_, _, words)) => Err(Error::source(
            SourceFault::Type,
            format!(
                "The database had to bend a value, so the result cannot be trusted: {} Compare and calculate \
                 only with values of one type.",
                sentence(words)
            ),
        )),
    }
}

fn with_causes(error: &Failure) -> String {
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
