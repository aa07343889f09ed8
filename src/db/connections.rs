//! Connections to databases behind agents.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::connections;
use crate::error::Result;

/// A connection. The agent's key is kept only as a hash; `catalog` is JSON (`catalog::Catalog`), the last
/// one received.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = connections)]
pub struct Connection {
    pub id: String,
    pub organization_id: String,
    pub name: String,
    pub db_type: String,
    pub key_hash: String,
    pub catalog: Option<String>,
    pub discovered_at: Option<NaiveDateTime>,
    pub last_seen_at: Option<NaiveDateTime>,
    pub agent_version: Option<String>,
    pub database_version: Option<String>,
    pub created_at: NaiveDateTime,
}

pub fn insert(conn: &mut Conn, connection: Connection) -> Result<()> {
    diesel::insert_into(connections::table)
        .values(connection)
        .execute(conn)?;
    Ok(())
}

/// The organisation's connections, oldest first.
pub fn all(conn: &mut Conn, organization_id: &str) -> Result<Vec<Connection>> {
    Ok(connections::table
        .filter(connections::organization_id.eq(organization_id))
        .order((connections::created_at, connections::id))
        .select(Connection::as_select())
        .load(conn)?)
}

/// Errors: `NotFound`, also for a connection of another organisation.
pub fn one(conn: &mut Conn, organization_id: &str, id: &str) -> Result<Connection> {
    Ok(connections::table
        .filter(connections::organization_id.eq(organization_id))
        .filter(connections::id.eq(id))
        .select(Connection::as_select())
        .first(conn)?)
}

/// Id, name and kind of each of the organisation's connections, without their catalogs; oldest first.
pub fn names(conn: &mut Conn, organization_id: &str) -> Result<Vec<(String, String, String)>> {
    Ok(connections::table
        .filter(connections::organization_id.eq(organization_id))
        .order((connections::created_at, connections::id))
        .select((connections::id, connections::name, connections::db_type))
        .load(conn)?)
}

/// Name and kind of a connection, without its catalog, which may be large. Errors: as [`one`].
pub fn name_and_type(conn: &mut Conn, organization_id: &str, id: &str) -> Result<(String, String)> {
    Ok(connections::table
        .filter(connections::organization_id.eq(organization_id))
        .filter(connections::id.eq(id))
        .select((connections::name, connections::db_type))
        .first(conn)?)
}

/// A connection by id alone: for the agent, whose key proves the rest.
pub fn any_organization(conn: &mut Conn, id: &str) -> Result<Option<Connection>> {
    Ok(connections::table
        .find(id)
        .select(Connection::as_select())
        .first(conn)
        .optional()?)
}

pub fn rename(conn: &mut Conn, id: &str, name: &str) -> Result<()> {
    diesel::update(connections::table.find(id))
        .set(connections::name.eq(name))
        .execute(conn)?;
    Ok(())
}

pub fn set_key(conn: &mut Conn, id: &str, key_hash: &str) -> Result<()> {
    diesel::update(connections::table.find(id))
        .set(connections::key_hash.eq(key_hash))
        .execute(conn)?;
    Ok(())
}

pub fn set_catalog(conn: &mut Conn, id: &str, catalog: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(connections::table.find(id))
        .set((
            connections::catalog.eq(catalog),
            connections::discovered_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// The schema was read again and is the same.
pub fn set_discovered(conn: &mut Conn, id: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(connections::table.find(id))
        .set(connections::discovered_at.eq(now))
        .execute(conn)?;
    Ok(())
}

/// What the agent told of itself, and that it was there.
pub fn set_seen(
    conn: &mut Conn,
    id: &str,
    agent_version: Option<&str>,
    database_version: Option<&str>,
    now: NaiveDateTime,
) -> Result<()> {
    diesel::update(connections::table.find(id))
        .set(connections::last_seen_at.eq(now))
        .execute(conn)?;
    if let Some(version) = agent_version {
        diesel::update(connections::table.find(id))
            .set(connections::agent_version.eq(version))
            .execute(conn)?;
    }
    if let Some(version) = database_version {
        diesel::update(connections::table.find(id))
            .set(connections::database_version.eq(version))
            .execute(conn)?;
    }
    Ok(())
}

pub fn delete(conn: &mut Conn, organization_id: &str, id: &str) -> Result<bool> {
    Ok(diesel::delete(
        connections::table
            .filter(connections::organization_id.eq(organization_id))
            .filter(connections::id.eq(id)),
    )
    .execute(conn)?
        > 0)
}
