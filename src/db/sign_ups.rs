//! People who signed up and have not shown yet that the address is theirs.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::sign_ups;
use crate::error::Result;

/// A sign-up that waits for its link to be followed.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sign_ups)]
pub struct SignUp {
    pub id: String,
    /// In lower case.
    pub email: String,
    pub name: String,
    pub password_hash: String,
    /// The name of the organisation to make; None to join the one there is.
    pub organization: Option<String>,
    pub token_hash: String,
    pub created_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
}

pub fn insert(conn: &mut Conn, sign_up: SignUp) -> Result<()> {
    diesel::insert_into(sign_ups::table)
        .values(sign_up)
        .execute(conn)?;
    Ok(())
}

/// The sign-ups of an address that may still be followed, newest first.
pub fn pending(conn: &mut Conn, email: &str, now: NaiveDateTime) -> Result<Vec<SignUp>> {
    Ok(sign_ups::table
        .filter(sign_ups::email.eq(email))
        .filter(sign_ups::expires_at.gt(now))
        .order(sign_ups::created_at.desc())
        .select(SignUp::as_select())
        .load(conn)?)
}

/// The sign-up that this link belongs to, if it may still be followed.
pub fn by_token(conn: &mut Conn, token_hash: &str, now: NaiveDateTime) -> Result<Option<SignUp>> {
    Ok(sign_ups::table
        .filter(sign_ups::token_hash.eq(token_hash))
        .filter(sign_ups::expires_at.gt(now))
        .select(SignUp::as_select())
        .first(conn)
        .optional()?)
}

/// Gives a sign-up a new link; the former one is dead.
pub fn set_token(conn: &mut Conn, id: &str, token_hash: &str, expires: NaiveDateTime) -> Result<()> {
    diesel::update(sign_ups::table.find(id))
        .set((
            sign_ups::token_hash.eq(token_hash),
            sign_ups::expires_at.eq(expires),
        ))
        .execute(conn)?;
    Ok(())
}

/// Forgets one sign-up; false when somebody else already did.
pub fn delete(conn: &mut Conn, id: &str) -> Result<bool> {
    Ok(diesel::delete(sign_ups::table.find(id)).execute(conn)? > 0)
}

/// Forgets every sign-up of an address.
pub fn delete_all(conn: &mut Conn, email: &str) -> Result<()> {
    diesel::delete(sign_ups::table.filter(sign_ups::email.eq(email))).execute(conn)?;
    Ok(())
}

/// Forgets sign-ups that expired.
pub fn prune(conn: &mut Conn, now: NaiveDateTime) -> Result<usize> {
    Ok(diesel::delete(sign_ups::table.filter(sign_ups::expires_at.lt(now))).execute(conn)?)
}
