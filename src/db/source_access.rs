//! Which sources are not open to everybody in their organisation, and to whom they are.

use diesel::prelude::*;

use super::Conn;
use super::schema::{restricted_sources, source_grants};
use crate::error::Result;

/// The organisation's sources that this user may not see.
pub fn hidden_from(conn: &mut Conn, organization_id: &str, user_id: &str) -> Result<Vec<String>> {
    let granted = source_grants::table
        .filter(source_grants::source_id.eq(restricted_sources::source_id))
        .filter(source_grants::user_id.eq(user_id));
    Ok(restricted_sources::table
        .filter(restricted_sources::organization_id.eq(organization_id))
        .filter(diesel::dsl::not(diesel::dsl::exists(granted)))
        .select(restricted_sources::source_id)
        .load(conn)?)
}

/// To whom a source is open; None for everybody in the organisation.
pub fn of(conn: &mut Conn, organization_id: &str, source_id: &str) -> Result<Option<Vec<String>>> {
    let restricted = restricted_sources::table
        .filter(restricted_sources::organization_id.eq(organization_id))
        .filter(restricted_sources::source_id.eq(source_id))
        .select(restricted_sources::source_id)
        .first::<String>(conn)
        .optional()?;
    if restricted.is_none() {
        return Ok(None);
    }
    let users = source_grants::table
        .filter(source_grants::source_id.eq(source_id))
        .order(source_grants::user_id)
        .select(source_grants::user_id)
        .load(conn)?;
    Ok(Some(users))
}

/// Opens a source to these users only; None opens it to everybody.
pub fn set(conn: &mut Conn, organization_id: &str, source_id: &str, users: Option<&[String]>) -> Result<()> {
    // The grants go with it.
    diesel::delete(restricted_sources::table.find(source_id)).execute(conn)?;
    let Some(users) = users else { return Ok(()) };
    diesel::insert_into(restricted_sources::table)
        .values((
            restricted_sources::source_id.eq(source_id),
            restricted_sources::organization_id.eq(organization_id),
        ))
        .execute(conn)?;
    for user in users {
        diesel::insert_into(source_grants::table)
            .values((
                source_grants::source_id.eq(source_id),
                source_grants::user_id.eq(user),
            ))
            .execute(conn)?;
    }
    Ok(())
}
