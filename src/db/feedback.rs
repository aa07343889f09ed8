//! What askers thought of their answers.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::feedback;
use crate::error::Result;

/// A verdict on one answer.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = feedback, primary_key(query_id), treat_none_as_null = true)]
pub struct Feedback {
    pub query_id: String,
    pub verdict: String,
    pub comment: Option<String>,
    pub suggested_example_id: Option<String>,
    pub created_at: NaiveDateTime,
}

/// Takes the place of what was there.
pub fn set(conn: &mut Conn, given: &Feedback) -> Result<()> {
    let updated = diesel::update(feedback::table.find(&given.query_id))
        .set(given)
        .execute(conn)?;
    if updated == 0 {
        diesel::insert_into(feedback::table)
            .values(given.clone())
            .execute(conn)?;
    }
    Ok(())
}

pub fn of(conn: &mut Conn, query_id: &str) -> Result<Option<Feedback>> {
    Ok(feedback::table
        .find(query_id)
        .select(Feedback::as_select())
        .first(conn)
        .optional()?)
}

/// Whether there was any.
pub fn delete(conn: &mut Conn, query_id: &str) -> Result<bool> {
    Ok(diesel::delete(feedback::table.find(query_id)).execute(conn)? > 0)
}
