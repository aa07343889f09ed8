//! The language model that an organisation has set for itself: one JSON value each, and its sealed key.

use diesel::prelude::*;

use super::Conn;
use super::schema::models;
use crate::error::Result;
use crate::id;

/// A row as it is stored.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = models)]
pub struct Model {
    pub organization_id: String,
    /// JSON of `service::models::OwnModel`.
    pub value: String,
    /// Sealed; None for endpoints that need none.
    pub api_key: Option<String>,
    pub updated_at: chrono::NaiveDateTime,
}

/// What an organisation has set, if it has.
pub fn get(conn: &mut Conn, organization_id: &str) -> Result<Option<Model>> {
    Ok(models::table.find(organization_id).first(conn).optional()?)
}

/// Of all organisations that have set anything.
pub fn all(conn: &mut Conn) -> Result<Vec<Model>> {
    Ok(models::table.load(conn)?)
}

/// Sets it.
pub fn set(conn: &mut Conn, organization_id: &str, value: &str, api_key: Option<&str>) -> Result<()> {
    delete(conn, organization_id)?;
    diesel::insert_into(models::table)
        .values(Model {
            organization_id: organization_id.to_owned(),
            value: value.to_owned(),
            api_key: api_key.map(str::to_owned),
            updated_at: id::now(),
        })
        .execute(conn)?;
    Ok(())
}

/// Takes it back.
pub fn delete(conn: &mut Conn, organization_id: &str) -> Result<()> {
    diesel::delete(models::table.find(organization_id)).execute(conn)?;
    Ok(())
}
