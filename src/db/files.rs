//! Uploaded files that were imported.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::files;
use crate::error::Result;

/// An imported file. `tables` and `overrides` are JSON (`ingest::ImportedTable`s, `ingest::Overrides`).
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = files)]
pub struct File {
    pub id: String,
    pub organization_id: String,
    pub created_by: String,
    pub name: String,
    pub format: String,
    pub size_bytes: i64,
    pub sample: bool,
    /// Which import is the current one: its folder in the storage.
    pub generation: String,
    pub tables: String,
    pub overrides: String,
    pub created_at: NaiveDateTime,
}

pub fn insert(conn: &mut Conn, file: File) -> Result<()> {
    diesel::insert_into(files::table).values(file).execute(conn)?;
    Ok(())
}

/// The organisation's files, newest first.
pub fn all(conn: &mut Conn, organization_id: &str) -> Result<Vec<File>> {
    Ok(files::table
        .filter(files::organization_id.eq(organization_id))
        .order((files::created_at.desc(), files::id.desc()))
        .select(File::as_select())
        .load(conn)?)
}

/// Id and name of each of the organisation's files, oldest first.
pub fn names(conn: &mut Conn, organization_id: &str) -> Result<Vec<(String, String)>> {
    Ok(files::table
        .filter(files::organization_id.eq(organization_id))
        .order((files::created_at, files::id))
        .select((files::id, files::name))
        .load(conn)?)
}

/// Errors: `NotFound`, also for a file of another organisation.
pub fn one(conn: &mut Conn, organization_id: &str, id: &str) -> Result<File> {
    Ok(files::table
        .filter(files::organization_id.eq(organization_id))
        .filter(files::id.eq(id))
        .select(File::as_select())
        .first(conn)?)
}

/// A new import took the place of the former one.
pub fn replace_import(
    conn: &mut Conn,
    id: &str,
    former: &str,
    generation: &str,
    tables: &str,
    overrides: &str,
) -> Result<bool> {
    let replaced = diesel::update(files::table.find(id).filter(files::generation.eq(former)))
        .set((
            files::generation.eq(generation),
            files::tables.eq(tables),
            files::overrides.eq(overrides),
        ))
        .execute(conn)?;
    Ok(replaced > 0)
}

pub fn delete(conn: &mut Conn, organization_id: &str, id: &str) -> Result<bool> {
    Ok(diesel::delete(
        files::table
            .filter(files::organization_id.eq(organization_id))
            .filter(files::id.eq(id)),
    )
    .execute(conn)?
        > 0)
}

/// Every id and generation that exists, to tell orphans in the storage.
pub fn generations(conn: &mut Conn) -> Result<Vec<(String, String)>> {
    Ok(files::table.select((files::id, files::generation)).load(conn)?)
}

/// Whether there is a row of this id.
pub fn exists(conn: &mut Conn, id: &str) -> Result<bool> {
    Ok(diesel::select(diesel::dsl::exists(files::table.find(id))).get_result(conn)?)
}
