//! What words, metrics, tables and columns mean in an organisation.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::glossary;
use crate::error::Result;

/// An entry. `slot` is its name as it is compared: an organisation has each once.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = glossary, treat_none_as_null = true)]
pub struct Entry {
    pub id: String,
    pub organization_id: String,
    pub kind: String,
    pub name: String,
    pub meaning: String,
    /// A connection or a file; None for all.
    pub source_id: Option<String>,
    pub slot: String,
    pub status: String,
    pub origin: String,
    pub created_by: String,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
    pub approved_by: Option<String>,
    pub approved_at: Option<NaiveDateTime>,
}

/// Errors: `Conflict` when the slot is taken.
pub fn insert(conn: &mut Conn, entry: Entry) -> Result<()> {
    diesel::insert_into(glossary::table).values(entry).execute(conn)?;
    Ok(())
}

/// The organisation's entries by kind and name.
pub fn all(conn: &mut Conn, organization_id: &str) -> Result<Vec<Entry>> {
    Ok(glossary::table
        .filter(glossary::organization_id.eq(organization_id))
        .order((glossary::kind, glossary::name, glossary::id))
        .select(Entry::as_select())
        .load(conn)?)
}

/// Those of this status that hold for any of these sources or for all, oldest first.
pub fn applying(
    conn: &mut Conn,
    organization_id: &str,
    status: &str,
    source_ids: &[String],
) -> Result<Vec<Entry>> {
    Ok(glossary::table
        .filter(glossary::organization_id.eq(organization_id))
        .filter(glossary::status.eq(status))
        .filter(
            glossary::source_id
                .is_null()
                .or(glossary::source_id.eq_any(source_ids)),
        )
        .order((glossary::created_at, glossary::id))
        .select(Entry::as_select())
        .load(conn)?)
}

/// Errors: `NotFound`, also for another organisation's.
pub fn one(conn: &mut Conn, organization_id: &str, id: &str) -> Result<Entry> {
    Ok(glossary::table
        .filter(glossary::organization_id.eq(organization_id))
        .filter(glossary::id.eq(id))
        .select(Entry::as_select())
        .first(conn)?)
}

/// Whichever entry has this slot.
pub fn in_slot(conn: &mut Conn, organization_id: &str, slot: &str) -> Result<Option<Entry>> {
    Ok(glossary::table
        .filter(glossary::organization_id.eq(organization_id))
        .filter(glossary::slot.eq(slot))
        .select(Entry::as_select())
        .first(conn)
        .optional()?)
}

/// Errors: `Conflict` when its slot is another's.
pub fn update(conn: &mut Conn, entry: &Entry) -> Result<()> {
    diesel::update(glossary::table.find(&entry.id))
        .set(entry)
        .execute(conn)?;
    Ok(())
}

pub fn delete(conn: &mut Conn, id: &str) -> Result<()> {
    diesel::delete(glossary::table.find(id)).execute(conn)?;
    Ok(())
}

/// How many there are of this status.
pub fn count(conn: &mut Conn, organization_id: &str, status: &str) -> Result<i64> {
    Ok(glossary::table
        .filter(glossary::organization_id.eq(organization_id))
        .filter(glossary::status.eq(status))
        .count()
        .get_result(conn)?)
}

/// What was said of a source goes with it.
pub fn forget_source(conn: &mut Conn, organization_id: &str, source_id: &str) -> Result<()> {
    diesel::delete(
        glossary::table
            .filter(glossary::organization_id.eq(organization_id))
            .filter(glossary::source_id.eq(source_id)),
    )
    .execute(conn)?;
    Ok(())
}
