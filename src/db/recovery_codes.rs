//! Codes that take the place of the second factor once each, kept as hashes.

use diesel::prelude::*;

use super::Conn;
use super::schema::recovery_codes;
use crate::error::Result;
use crate::id;

/// New codes in place of all former ones.
pub fn replace(conn: &mut Conn, user_id: &str, hashes: &[String]) -> Result<()> {
    delete_all(conn, user_id)?;
    for hash in hashes {
        diesel::insert_into(recovery_codes::table)
            .values((
                recovery_codes::id.eq(id::new()),
                recovery_codes::user_id.eq(user_id),
                recovery_codes::code_hash.eq(hash),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Uses a code up; false when the user has no such one.
pub fn take(conn: &mut Conn, user_id: &str, hash: &str) -> Result<bool> {
    let taken = diesel::delete(
        recovery_codes::table
            .filter(recovery_codes::user_id.eq(user_id))
            .filter(recovery_codes::code_hash.eq(hash)),
    )
    .execute(conn)?;
    Ok(taken > 0)
}

/// How many codes the user has left.
pub fn count(conn: &mut Conn, user_id: &str) -> Result<i64> {
    Ok(recovery_codes::table
        .filter(recovery_codes::user_id.eq(user_id))
        .count()
        .get_result(conn)?)
}

pub fn delete_all(conn: &mut Conn, user_id: &str) -> Result<()> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user_id))).execute(conn)?;
    Ok(())
}
