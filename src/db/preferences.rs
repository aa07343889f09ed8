//! What an organisation has set for itself: one JSON value each.

use diesel::prelude::*;

use super::Conn;
use super::schema::preferences;
use crate::error::Result;
use crate::id;

/// The JSON of an organisation; None while it has set nothing.
pub fn get(conn: &mut Conn, organization_id: &str) -> Result<Option<String>> {
    Ok(preferences::table
        .find(organization_id)
        .select(preferences::value)
        .first(conn)
        .optional()?)
}

/// Of all organisations that have set anything.
pub fn all(conn: &mut Conn) -> Result<Vec<(String, String)>> {
    Ok(preferences::table
        .select((preferences::organization_id, preferences::value))
        .load(conn)?)
}

/// Sets the JSON of an organisation.
pub fn set(conn: &mut Conn, organization_id: &str, value: &str) -> Result<()> {
    let now = id::now();
    let updated = diesel::update(preferences::table.find(organization_id))
        .set((preferences::value.eq(value), preferences::updated_at.eq(now)))
        .execute(conn)?;
    if updated == 0 {
        diesel::insert_into(preferences::table)
            .values((
                preferences::organization_id.eq(organization_id),
                preferences::value.eq(value),
                preferences::updated_at.eq(now),
            ))
            .execute(conn)?;
    }
    Ok(())
}
