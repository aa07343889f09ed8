//! The one function that SQLite gets from us: the hash that stands for a masked value. The guard does not know
//! it, so no query calls it but through a policy's mask.

use std::ffi::{c_char, c_int};
use std::slice;

use rusqlite::{Connection, ffi};
use sha2::{Digest, Sha256};

/// Its name in SQL; one argument, the key and the value as one text.
pub(super) const NAME: &str = "custard_hash";
/// Hexadecimal digits of a hash, as many as the other databases give.
const DIGITS: usize = 32;

/// Makes the function known to a connection.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = ffi::SQLITE_UTF8 | ffi::SQLITE_DETERMINISTIC | ffi::SQLITE_DIRECTONLY;
    // SAFETY: the handle is that of an open connection, which outlives the call; the name ends in a zero; the
    // function takes what its type says and needs no data of its own, so there is none to destroy.
    let code = unsafe {
        ffi::sqlite3_create_function_v2(
            connection.handle(),
            c"custard_hash".as_ptr(),
            1,
            flags,
            std::ptr::null_mut(),
            Some(hash),
            None,
            None,
            None,
        )
    };
    match code {
        ffi::SQLITE_OK => Ok(()),
        code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)),
    }
}

fn digits(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let mut text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(DIGITS);
    text
}

/// Called by the library for each value. Null stays null.
///
/// # Safety
/// `values` has to point at `count` values, as the library promises.
unsafe extern "C" fn hash(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    values: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: registered for exactly one argument, so there is a first; its text and length are asked for in the
    // order that the library wants, and read before anything else is done with it. The result is copied.
    unsafe {
        if count != 1 || ffi::sqlite3_value_type(*values) == ffi::SQLITE_NULL {
            ffi::sqlite3_result_null(context);
            return;
        }
        let text = ffi::sqlite3_value_text(*values);
        let length = usize::try_from(ffi::sqlite3_value_bytes(*values)).unwrap_or(0);
        if text.is_null() {
            ffi::sqlite3_result_error_nomem(context);
            return;
        }
        let found = digits(slice::from_raw_parts(text, length));
        let length = c_int::try_from(found.len()).unwrap_or(0);
        ffi::sqlite3_result_text(
            context,
            found.as_ptr().cast::<c_char>(),
            length,
            ffi::SQLITE_TRANSIENT(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hash_that_other_databases_give() {
        let connection = Connection::open_in_memory().unwrap();
        register(&connection).unwrap();
        let ask = |sql: &str| {
            connection
                .query_row(sql, [], |row| row.get::<_, Option<String>>(0))
                .unwrap()
        };
        assert_eq!(
            ask("SELECT custard_hash('key' || 'abc')").as_deref(),
            Some(&digits(b"keyabc")[..])
        );
        assert_eq!(
            ask("SELECT custard_hash('abc')").as_deref(),
            Some("ba7816bf8f01cfea414140de5dae2223")
        );
        assert_eq!(ask("SELECT custard_hash(NULL)"), None);
        assert_eq!(
            ask("SELECT custard_hash('')").map(|text| text.len()),
            Some(DIGITS)
        );
    }
}
