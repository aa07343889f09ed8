//! Questions and their answers.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::queries;
use crate::error::Result;

/// A question with its answer. `answer` is JSON (`ask::Answer`) without rows.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = queries)]
pub struct Query {
    pub id: String,
    pub organization_id: String,
    pub user_id: String,
    pub conversation_id: String,
    pub question: String,
    pub outcome: String,
    pub answer: String,
    pub result_id: Option<String>,
    pub kept: bool,
    pub created_at: NaiveDateTime,
}

pub fn insert(conn: &mut Conn, query: Query) -> Result<()> {
    diesel::insert_into(queries::table).values(query).execute(conn)?;
    Ok(())
}

/// A user's questions, newest first.
pub fn recent(conn: &mut Conn, user_id: &str, kept: Option<bool>, limit: i64) -> Result<Vec<Query>> {
    let mut found = queries::table.filter(queries::user_id.eq(user_id)).into_boxed();
    if let Some(kept) = kept {
        found = found.filter(queries::kept.eq(kept));
    }
    Ok(found
        .order((queries::created_at.desc(), queries::id.desc()))
        .limit(limit)
        .select(Query::as_select())
        .load(conn)?)
}

/// The questions of a conversation, oldest first.
pub fn in_conversation(conn: &mut Conn, conversation_id: &str) -> Result<Vec<Query>> {
    Ok(queries::table
        .filter(queries::conversation_id.eq(conversation_id))
        .order((queries::created_at, queries::id))
        .select(Query::as_select())
        .load(conn)?)
}

/// Errors: `NotFound`, also for somebody else's.
pub fn one(conn: &mut Conn, user_id: &str, id: &str) -> Result<Query> {
    Ok(queries::table
        .filter(queries::user_id.eq(user_id))
        .filter(queries::id.eq(id))
        .select(Query::as_select())
        .first(conn)?)
}

pub fn set_kept(conn: &mut Conn, id: &str, kept: bool) -> Result<()> {
    diesel::update(queries::table.find(id))
        .set(queries::kept.eq(kept))
        .execute(conn)?;
    Ok(())
}
