//! Stored results: what is known of each; the rows themselves are Parquet in the storage.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::results;
use crate::error::Result;

/// A stored result.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = results)]
pub struct StoredResult {
    pub id: String,
    pub organization_id: String,
    pub user_id: String,
    pub row_count: i64,
    pub size_bytes: i64,
    pub truncated: bool,
    pub created_at: NaiveDateTime,
    /// None: kept.
    pub expires_at: Option<NaiveDateTime>,
    /// Ids of the sources it was read from, joined by commas; None for those from before this was noted.
    pub sources: Option<String>,
}

pub fn insert(conn: &mut Conn, result: StoredResult) -> Result<()> {
    diesel::insert_into(results::table).values(result).execute(conn)?;
    Ok(())
}

/// Errors: `NotFound`, also for somebody else's.
pub fn one(conn: &mut Conn, user_id: &str, id: &str) -> Result<StoredResult> {
    Ok(results::table
        .filter(results::user_id.eq(user_id))
        .filter(results::id.eq(id))
        .select(StoredResult::as_select())
        .first(conn)?)
}

pub fn set_expiry(conn: &mut Conn, id: &str, expires_at: Option<NaiveDateTime>) -> Result<()> {
    diesel::update(results::table.find(id))
        .set(results::expires_at.eq(expires_at))
        .execute(conn)?;
    Ok(())
}

/// Has the organisation's results from before `before` expire at `now`, kept ones aside.
pub fn hasten(
    conn: &mut Conn,
    organization_id: &str,
    before: NaiveDateTime,
    now: NaiveDateTime,
) -> Result<()> {
    diesel::update(
        results::table
            .filter(results::organization_id.eq(organization_id))
            .filter(results::created_at.lt(before))
            .filter(results::expires_at.gt(now)),
    )
    .set(results::expires_at.eq(now - chrono::TimeDelta::microseconds(1)))
    .execute(conn)?;
    Ok(())
}

/// Forgets results that expired before `now` and gives back their ids, so that their rows can be removed.
pub fn expire(conn: &mut Conn, now: NaiveDateTime) -> Result<Vec<String>> {
    let ids: Vec<String> = results::table
        .filter(results::expires_at.lt(now))
        .select(results::id)
        .limit(1_000)
        .load(conn)?;
    diesel::delete(results::table.filter(results::id.eq_any(&ids))).execute(conn)?;
    Ok(ids)
}

/// Every id, to tell orphans in the storage.
pub fn ids(conn: &mut Conn) -> Result<Vec<String>> {
    Ok(results::table.select(results::id).load(conn)?)
}

/// Whether there is a row of this id.
pub fn exists(conn: &mut Conn, id: &str) -> Result<bool> {
    Ok(diesel::select(diesel::dsl::exists(results::table.find(id))).get_result(conn)?)
}
