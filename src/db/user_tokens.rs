//! Single-use links of people who have an account, each kept as a hash.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::user_tokens;
use crate::error::Result;

/// What a link is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Shows that the account's address is theirs.
    Verify,
    /// Sets a new password.
    Reset,
    /// Shows that a new address is theirs, which then takes the place of the former one.
    Email,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Verify => "verify",
            Kind::Reset => "reset",
            Kind::Email => "email",
        }
    }
}

/// A link.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = user_tokens)]
pub struct UserToken {
    pub id: String,
    pub user_id: String,
    /// The new address of an [`Kind::Email`].
    pub payload: Option<String>,
}

/// A new link.
pub struct NewToken<'a> {
    pub user_id: &'a str,
    pub kind: Kind,
    pub token_hash: &'a str,
    pub payload: Option<&'a str>,
    pub now: NaiveDateTime,
    pub expires: NaiveDateTime,
}

pub fn insert(conn: &mut Conn, token: &NewToken<'_>) -> Result<()> {
    diesel::insert_into(user_tokens::table)
        .values((
            user_tokens::id.eq(crate::id::new()),
            user_tokens::user_id.eq(token.user_id),
            user_tokens::kind.eq(token.kind.name()),
            user_tokens::token_hash.eq(token.token_hash),
            user_tokens::payload.eq(token.payload),
            user_tokens::created_at.eq(token.now),
            user_tokens::expires_at.eq(token.expires),
        ))
        .execute(conn)?;
    Ok(())
}

/// How many links of this kind the user got since `since`.
pub fn count_since(conn: &mut Conn, user_id: &str, kind: Kind, since: NaiveDateTime) -> Result<i64> {
    Ok(user_tokens::table
        .filter(user_tokens::user_id.eq(user_id))
        .filter(user_tokens::kind.eq(kind.name()))
        .filter(user_tokens::created_at.gt(since))
        .count()
        .get_result(conn)?)
}

/// Whether a link could be used.
pub fn exists(conn: &mut Conn, kind: Kind, token_hash: &str, now: NaiveDateTime) -> Result<bool> {
    Ok(user_tokens::table
        .filter(user_tokens::token_hash.eq(token_hash))
        .filter(user_tokens::kind.eq(kind.name()))
        .filter(user_tokens::expires_at.gt(now))
        .select(user_tokens::id)
        .first::<String>(conn)
        .optional()?
        .is_some())
}

/// Uses a link up: of two at once only one gets it. None when it is unknown, expired or used.
pub fn take(conn: &mut Conn, kind: Kind, token_hash: &str, now: NaiveDateTime) -> Result<Option<UserToken>> {
    let found = user_tokens::table
        .filter(user_tokens::token_hash.eq(token_hash))
        .filter(user_tokens::kind.eq(kind.name()))
        .filter(user_tokens::expires_at.gt(now))
        .select(UserToken::as_select())
        .first(conn)
        .optional()?;
    let Some(token) = found else { return Ok(None) };
    let taken = diesel::delete(user_tokens::table.find(&token.id)).execute(conn)?;
    Ok((taken > 0).then_some(token))
}

/// Ends every link of this kind that the user has.
pub fn delete_all(conn: &mut Conn, user_id: &str, kind: Kind) -> Result<()> {
    diesel::delete(
        user_tokens::table
            .filter(user_tokens::user_id.eq(user_id))
            .filter(user_tokens::kind.eq(kind.name())),
    )
    .execute(conn)?;
    Ok(())
}

/// Forgets links that expired.
pub fn prune(conn: &mut Conn, now: NaiveDateTime) -> Result<usize> {
    Ok(diesel::delete(user_tokens::table.filter(user_tokens::expires_at.lt(now))).execute(conn)?)
}
