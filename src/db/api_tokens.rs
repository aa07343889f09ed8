//! Personal tokens for scripts, kept as hashes.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::api_tokens;
use crate::error::Result;

/// A token of one user.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_tokens)]
pub struct ApiToken {
    pub id: String,
    pub user_id: String,
    pub name: String,
    /// Its first letters, by which its owner recognises it.
    pub prefix: String,
    pub token_hash: String,
    /// Words joined by spaces.
    pub scopes: String,
    pub created_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
    pub last_used_at: Option<NaiveDateTime>,
}

pub fn insert(conn: &mut Conn, token: ApiToken) -> Result<()> {
    diesel::insert_into(api_tokens::table)
        .values(token)
        .execute(conn)?;
    Ok(())
}

/// The user's tokens, newest first.
pub fn all(conn: &mut Conn, user_id: &str) -> Result<Vec<ApiToken>> {
    Ok(api_tokens::table
        .filter(api_tokens::user_id.eq(user_id))
        .order((api_tokens::created_at.desc(), api_tokens::id.desc()))
        .select(ApiToken::as_select())
        .load(conn)?)
}

/// Errors: `NotFound`, also for somebody else's.
pub fn one(conn: &mut Conn, user_id: &str, id: &str) -> Result<ApiToken> {
    Ok(api_tokens::table
        .filter(api_tokens::user_id.eq(user_id))
        .filter(api_tokens::id.eq(id))
        .select(ApiToken::as_select())
        .first(conn)?)
}

pub fn by_hash(conn: &mut Conn, token_hash: &str) -> Result<Option<ApiToken>> {
    Ok(api_tokens::table
        .filter(api_tokens::token_hash.eq(token_hash))
        .select(ApiToken::as_select())
        .first(conn)
        .optional()?)
}

pub fn used(conn: &mut Conn, id: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(api_tokens::table.find(id))
        .set(api_tokens::last_used_at.eq(now))
        .execute(conn)?;
    Ok(())
}

pub fn delete(conn: &mut Conn, id: &str) -> Result<()> {
    diesel::delete(api_tokens::table.find(id)).execute(conn)?;
    Ok(())
}
