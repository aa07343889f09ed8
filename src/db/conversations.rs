//! Conversations: questions that belong together.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::{conversations, queries};
use crate::error::Result;

/// A conversation of one user.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = conversations)]
pub struct Conversation {
    pub id: String,
    pub organization_id: String,
    pub user_id: String,
    pub title: String,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
}

pub fn insert(conn: &mut Conn, conversation: Conversation) -> Result<()> {
    diesel::insert_into(conversations::table)
        .values(conversation)
        .execute(conn)?;
    Ok(())
}

/// A user's conversations, last used first, each with its number of questions.
pub fn all(conn: &mut Conn, user_id: &str, limit: i64) -> Result<Vec<(Conversation, i64)>> {
    let questions = queries::table
        .filter(queries::conversation_id.eq(conversations::id))
        .count()
        .single_value();
    // One statement, the same for every page: the store prepares it once.
    let found: Vec<(Conversation, Option<i64>)> = conversations::table
        .filter(conversations::user_id.eq(user_id))
        .order((conversations::updated_at.desc(), conversations::id.desc()))
        .limit(limit)
        .select((Conversation::as_select(), questions))
        .load(conn)?;
    Ok(found
        .into_iter()
        .map(|(conversation, count)| (conversation, count.unwrap_or_default()))
        .collect())
}

/// Errors: `NotFound`, also for somebody else's.
pub fn one(conn: &mut Conn, user_id: &str, id: &str) -> Result<Conversation> {
    Ok(conversations::table
        .filter(conversations::user_id.eq(user_id))
        .filter(conversations::id.eq(id))
        .select(Conversation::as_select())
        .first(conn)?)
}

pub fn touch(conn: &mut Conn, id: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(conversations::table.find(id))
        .set(conversations::updated_at.eq(now))
        .execute(conn)?;
    Ok(())
}

pub fn delete(conn: &mut Conn, user_id: &str, id: &str) -> Result<bool> {
    Ok(diesel::delete(
        conversations::table
            .filter(conversations::user_id.eq(user_id))
            .filter(conversations::id.eq(id)),
    )
    .execute(conn)?
        > 0)
}
