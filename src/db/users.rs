//! Organisations and the people in them.

use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::Conn;
use super::schema::{organizations, users};
use crate::error::{Error, Result};

/// An organisation: everything a user creates belongs to one.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = organizations)]
pub struct Organization {
    pub id: String,
    pub name: String,
    pub created_at: NaiveDateTime,
}

/// A person with an account. `role` is `owner`, `admin`, `analyst` or `viewer`.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
pub struct User {
    pub id: String,
    pub organization_id: String,
    /// In lower case.
    pub email: String,
    pub name: String,
    pub role: String,
    pub password_hash: String,
    pub created_at: NaiveDateTime,
}

/// Keeps others from adding users until the transaction ends. SQLite's transactions do that by themselves.
pub fn lock(conn: &mut Conn) -> Result<()> {
    if let Conn::Postgres(conn) = conn {
        conn.batch_execute("LOCK TABLE users IN EXCLUSIVE MODE")?;
    }
    Ok(())
}

/// Whether anybody has an account yet.
pub fn any(conn: &mut Conn) -> Result<bool> {
    Ok(users::table
        .select(users::id)
        .first::<String>(conn)
        .optional()?
        .is_some())
}

/// The organisation of this name, if there is one.
pub fn organization_by_name(conn: &mut Conn, name: &str) -> Result<Option<Organization>> {
    Ok(organizations::table
        .filter(organizations::name.eq(name))
        .select(Organization::as_select())
        .first(conn)
        .optional()?)
}

/// All organisations, oldest first.
pub fn organizations(conn: &mut Conn) -> Result<Vec<Organization>> {
    Ok(organizations::table
        .order(organizations::created_at)
        .select(Organization::as_select())
        .load(conn)?)
}

pub fn insert_organization(conn: &mut Conn, organization: Organization) -> Result<()> {
    diesel::insert_into(organizations::table)
        .values(organization)
        .execute(conn)?;
    Ok(())
}

/// Errors: `Conflict` when the address has an account already.
pub fn insert(conn: &mut Conn, user: User) -> Result<()> {
    diesel::insert_into(users::table)
        .values(user)
        .execute(conn)
        .map_err(|error| match Error::from(error) {
            Error::Conflict(_) => {
                Error::Conflict("There is already an account with this e-mail address.".into())
            }
            other => other,
        })?;
    Ok(())
}

/// A user with the organisation, by e-mail address in lower case.
pub fn by_email(conn: &mut Conn, email: &str) -> Result<Option<(User, Organization)>> {
    Ok(users::table
        .inner_join(organizations::table)
        .filter(users::email.eq(email))
        .select((User::as_select(), Organization::as_select()))
        .first(conn)
        .optional()?)
}

/// A user with the organisation, by id.
pub fn by_id(conn: &mut Conn, id: &str) -> Result<Option<(User, Organization)>> {
    Ok(users::table
        .inner_join(organizations::table)
        .filter(users::id.eq(id))
        .select((User::as_select(), Organization::as_select()))
        .first(conn)
        .optional()?)
}

/// Everybody, by e-mail address.
pub fn all(conn: &mut Conn) -> Result<Vec<(User, Organization)>> {
    Ok(users::table
        .inner_join(organizations::table)
        .order(users::email)
        .select((User::as_select(), Organization::as_select()))
        .load(conn)?)
}

pub fn rename(conn: &mut Conn, id: &str, name: &str) -> Result<()> {
    diesel::update(users::table.find(id))
        .set(users::name.eq(name))
        .execute(conn)?;
    Ok(())
}

pub fn set_password(conn: &mut Conn, id: &str, password_hash: &str) -> Result<()> {
    diesel::update(users::table.find(id))
        .set(users::password_hash.eq(password_hash))
        .execute(conn)?;
    Ok(())
}

/// How many people the organisation has.
pub fn count_in(conn: &mut Conn, organization_id: &str) -> Result<i64> {
    Ok(users::table
        .filter(users::organization_id.eq(organization_id))
        .count()
        .get_result(conn)?)
}
