//! Log-ins, each with its refresh token kept as a hash.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::sessions;
use crate::error::Result;

/// A log-in of one browser.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
pub struct Session {
    pub id: String,
    pub user_id: String,
    /// SHA-256 of the current refresh token, in hex.
    pub refresh_hash: String,
    /// The one before it.
    pub previous_hash: Option<String>,
    pub rotated_at: NaiveDateTime,
    pub created_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
    pub revoked_at: Option<NaiveDateTime>,
    /// Where it was used last.
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub last_used_at: Option<NaiveDateTime>,
}

pub fn insert(conn: &mut Conn, session: Session) -> Result<()> {
    diesel::insert_into(sessions::table)
        .values(session)
        .execute(conn)?;
    Ok(())
}

pub fn by_id(conn: &mut Conn, id: &str) -> Result<Option<Session>> {
    Ok(sessions::table
        .find(id)
        .select(Session::as_select())
        .first(conn)
        .optional()?)
}

/// The session whose current or previous refresh token has this hash; within a transaction its row stays
/// locked, so that of two tabs the second sees what the first did.
pub fn by_refresh_hash(conn: &mut Conn, hash: &str) -> Result<Option<Session>> {
    diesel::update(
        sessions::table.filter(
            sessions::refresh_hash
                .eq(hash)
                .or(sessions::previous_hash.eq(hash)),
        ),
    )
    .set(sessions::rotated_at.eq(sessions::rotated_at))
    .execute(conn)?;
    Ok(sessions::table
        .filter(
            sessions::refresh_hash
                .eq(hash)
                .or(sessions::previous_hash.eq(hash)),
        )
        .select(Session::as_select())
        .first(conn)
        .optional()?)
}

/// The sessions of a user that still live, last used first.
pub fn live(conn: &mut Conn, user_id: &str, now: NaiveDateTime) -> Result<Vec<Session>> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .order((sessions::last_used_at.desc(), sessions::created_at.desc()))
        .select(Session::as_select())
        .load(conn)?)
}

/// Notes where a session was used.
pub fn used(
    conn: &mut Conn,
    id: &str,
    now: NaiveDateTime,
    ip: Option<&str>,
    user_agent: Option<&str>,
) -> Result<()> {
    diesel::update(sessions::table.find(id))
        .set((
            sessions::last_used_at.eq(now),
            sessions::ip.eq(ip),
            sessions::user_agent.eq(user_agent),
        ))
        .execute(conn)?;
    Ok(())
}

/// Ends one session of a user; false when they have no such one.
pub fn revoke_own(conn: &mut Conn, user_id: &str, id: &str, now: NaiveDateTime) -> Result<bool> {
    let ended = diesel::update(
        sessions::table
            .filter(sessions::id.eq(id))
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::revoked_at.is_null()),
    )
    .set(sessions::revoked_at.eq(now))
    .execute(conn)?;
    Ok(ended > 0)
}

/// Ends every session of a user but one.
pub fn revoke_others(conn: &mut Conn, user_id: &str, kept: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(
        sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::id.ne(kept))
            .filter(sessions::revoked_at.is_null()),
    )
    .set(sessions::revoked_at.eq(now))
    .execute(conn)?;
    Ok(())
}

/// Gives the session a new refresh token; the present one becomes the previous one.
pub fn rotate(
    conn: &mut Conn,
    session: &Session,
    new_hash: &str,
    now: NaiveDateTime,
    expires: NaiveDateTime,
) -> Result<()> {
    diesel::update(sessions::table.find(&session.id))
        .set((
            sessions::refresh_hash.eq(new_hash),
            sessions::previous_hash.eq(&session.refresh_hash),
            sessions::rotated_at.eq(now),
            sessions::expires_at.eq(expires),
        ))
        .execute(conn)?;
    Ok(())
}

pub fn revoke(conn: &mut Conn, id: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(sessions::table.find(id))
        .set(sessions::revoked_at.eq(now))
        .execute(conn)?;
    Ok(())
}

/// Ends every session of a user.
pub fn revoke_all(conn: &mut Conn, user_id: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(
        sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::revoked_at.is_null()),
    )
    .set(sessions::revoked_at.eq(now))
    .execute(conn)?;
    Ok(())
}

/// Removes sessions that ended before `before`.
pub fn prune(conn: &mut Conn, before: NaiveDateTime) -> Result<usize> {
    Ok(diesel::delete(
        sessions::table.filter(
            sessions::expires_at
                .lt(before)
                .or(sessions::revoked_at.lt(before)),
        ),
    )
    .execute(conn)?)
}
