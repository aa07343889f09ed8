//! Questions with the queries that answer them, approved or waiting for it.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::examples;
use crate::error::Result;

/// A pair. `file_ids` are joined by commas, empty for a connection's; an organisation has each `digest` once.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = examples, treat_none_as_null = true)]
pub struct Example {
    pub id: String,
    pub organization_id: String,
    pub question: String,
    pub query: String,
    pub dialect: String,
    pub connection_id: Option<String>,
    pub file_ids: String,
    pub digest: String,
    pub status: String,
    pub origin: String,
    pub answer_id: Option<String>,
    pub created_by: String,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
    pub approved_by: Option<String>,
    pub approved_at: Option<NaiveDateTime>,
}

/// Errors: `Conflict` when it is there already.
pub fn insert(conn: &mut Conn, example: Example) -> Result<()> {
    diesel::insert_into(examples::table)
        .values(example)
        .execute(conn)?;
    Ok(())
}

/// The organisation's examples, newest first.
pub fn all(conn: &mut Conn, organization_id: &str) -> Result<Vec<Example>> {
    Ok(examples::table
        .filter(examples::organization_id.eq(organization_id))
        .order((examples::created_at.desc(), examples::id.desc()))
        .select(Example::as_select())
        .load(conn)?)
}

/// Those of this status for one of these connections, or for files (whichever they are), oldest first.
pub fn applying(
    conn: &mut Conn,
    organization_id: &str,
    status: &str,
    connection_ids: &[String],
) -> Result<Vec<Example>> {
    Ok(examples::table
        .filter(examples::organization_id.eq(organization_id))
        .filter(examples::status.eq(status))
        .filter(
            examples::connection_id
                .is_null()
                .or(examples::connection_id.eq_any(connection_ids)),
        )
        .order((examples::created_at, examples::id))
        .select(Example::as_select())
        .load(conn)?)
}

/// Errors: `NotFound`, also for another organisation's.
pub fn one(conn: &mut Conn, organization_id: &str, id: &str) -> Result<Example> {
    Ok(examples::table
        .filter(examples::organization_id.eq(organization_id))
        .filter(examples::id.eq(id))
        .select(Example::as_select())
        .first(conn)?)
}

/// The one of this digest.
pub fn same(conn: &mut Conn, organization_id: &str, digest: &str) -> Result<Option<Example>> {
    Ok(examples::table
        .filter(examples::organization_id.eq(organization_id))
        .filter(examples::digest.eq(digest))
        .select(Example::as_select())
        .first(conn)
        .optional()?)
}

/// Errors: `Conflict` when another is the same.
pub fn update(conn: &mut Conn, example: &Example) -> Result<()> {
    diesel::update(examples::table.find(&example.id))
        .set(example)
        .execute(conn)?;
    Ok(())
}

pub fn delete(conn: &mut Conn, id: &str) -> Result<()> {
    diesel::delete(examples::table.find(id)).execute(conn)?;
    Ok(())
}

/// How many there are of this status.
pub fn count(conn: &mut Conn, organization_id: &str, status: &str) -> Result<i64> {
    Ok(examples::table
        .filter(examples::organization_id.eq(organization_id))
        .filter(examples::status.eq(status))
        .count()
        .get_result(conn)?)
}

/// What was asked of a source goes with it.
pub fn forget_source(conn: &mut Conn, organization_id: &str, source_id: &str) -> Result<()> {
    diesel::delete(
        examples::table
            .filter(examples::organization_id.eq(organization_id))
            .filter(
                examples::connection_id
                    .eq(source_id)
                    // Ids hold neither commas nor what LIKE reads as a pattern.
                    .or(examples::file_ids.like(format!("%{source_id}%"))),
            ),
    )
    .execute(conn)?;
    Ok(())
}
