//! Organisations and the people in them.

use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::Conn;
use super::schema::{organizations, results, users};
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
    /// Empty for somebody who only ever logs in through a provider.
    pub password_hash: String,
    pub created_at: NaiveDateTime,
    /// When it was shown that the address is theirs.
    pub email_verified_at: Option<NaiveDateTime>,
    /// Of the second factor, sealed; not in force before `totp_enabled_at` is set.
    pub totp_secret: Option<String>,
    pub totp_enabled_at: Option<NaiveDateTime>,
    /// The last time step whose code was taken.
    pub totp_step: i64,
    pub last_seen_at: Option<NaiveDateTime>,
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

/// The organisations of this name (names need not differ), oldest first.
pub fn organizations_by_name(conn: &mut Conn, name: &str) -> Result<Vec<Organization>> {
    Ok(organizations::table
        .filter(organizations::name.eq(name))
        .order(organizations::created_at)
        .select(Organization::as_select())
        .load(conn)?)
}

/// Errors: `NotFound`.
pub fn organization(conn: &mut Conn, id: &str) -> Result<Organization> {
    Ok(organizations::table
        .find(id)
        .select(Organization::as_select())
        .first(conn)?)
}

pub fn rename_organization(conn: &mut Conn, id: &str, name: &str) -> Result<()> {
    diesel::update(organizations::table.find(id))
        .set(organizations::name.eq(name))
        .execute(conn)?;
    Ok(())
}

/// Removes an organisation with everything that belongs to it.
pub fn delete_organization(conn: &mut Conn, id: &str) -> Result<()> {
    diesel::delete(organizations::table.find(id)).execute(conn)?;
    Ok(())
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
        .map_err(taken)?;
    Ok(())
}

fn taken(error: diesel::result::Error) -> Error {
    match Error::from(error) {
        Error::Conflict(_) => Error::Conflict("There is already an account with this e-mail address.".into()),
        other => other,
    }
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

/// The people of an organisation, by e-mail address.
pub fn members(conn: &mut Conn, organization_id: &str) -> Result<Vec<User>> {
    Ok(users::table
        .filter(users::organization_id.eq(organization_id))
        .order(users::email)
        .select(User::as_select())
        .load(conn)?)
}

/// Errors: `NotFound`, also for somebody of another organisation.
pub fn member(conn: &mut Conn, organization_id: &str, id: &str) -> Result<User> {
    Ok(users::table
        .filter(users::organization_id.eq(organization_id))
        .filter(users::id.eq(id))
        .select(User::as_select())
        .first(conn)?)
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

pub fn set_role(conn: &mut Conn, id: &str, role: &str) -> Result<()> {
    diesel::update(users::table.find(id))
        .set(users::role.eq(role))
        .execute(conn)?;
    Ok(())
}

/// Errors: `Conflict` when the address has an account already.
pub fn set_email(conn: &mut Conn, id: &str, email: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(users::table.find(id))
        .set((users::email.eq(email), users::email_verified_at.eq(now)))
        .execute(conn)
        .map_err(taken)?;
    Ok(())
}

pub fn set_verified(conn: &mut Conn, id: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(users::table.find(id))
        .set(users::email_verified_at.eq(now))
        .execute(conn)?;
    Ok(())
}

/// A second factor that is not in force yet; it takes the place of another such one.
pub fn propose_totp(conn: &mut Conn, id: &str, sealed: &str) -> Result<()> {
    diesel::update(users::table.find(id))
        .set((
            users::totp_secret.eq(sealed),
            users::totp_enabled_at.eq(None::<NaiveDateTime>),
        ))
        .execute(conn)?;
    Ok(())
}

pub fn enable_totp(conn: &mut Conn, id: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(users::table.find(id))
        .set(users::totp_enabled_at.eq(now))
        .execute(conn)?;
    Ok(())
}

pub fn remove_totp(conn: &mut Conn, id: &str) -> Result<()> {
    diesel::update(users::table.find(id))
        .set((
            users::totp_secret.eq(None::<String>),
            users::totp_enabled_at.eq(None::<NaiveDateTime>),
        ))
        .execute(conn)?;
    Ok(())
}

/// Uses up a time step. False when it, or a later one, was used already.
pub fn use_totp_step(conn: &mut Conn, id: &str, step: i64) -> Result<bool> {
    let changed = diesel::update(users::table.find(id).filter(users::totp_step.lt(step)))
        .set(users::totp_step.eq(step))
        .execute(conn)?;
    Ok(changed > 0)
}

pub fn seen(conn: &mut Conn, id: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(users::table.find(id))
        .set(users::last_seen_at.eq(now))
        .execute(conn)?;
    Ok(())
}

/// Removes an account with what is its own: sessions, tokens, conversations. Results it stored expire at once.
pub fn delete(conn: &mut Conn, id: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(results::table.filter(results::user_id.eq(id)))
        .set(results::expires_at.eq(now))
        .execute(conn)?;
    diesel::delete(users::table.find(id)).execute(conn)?;
    Ok(())
}

/// How many owners the organisation has.
pub fn owners_in(conn: &mut Conn, organization_id: &str) -> Result<i64> {
    Ok(users::table
        .filter(users::organization_id.eq(organization_id))
        .filter(users::role.eq("owner"))
        .count()
        .get_result(conn)?)
}

/// How many people the organisation has.
pub fn count_in(conn: &mut Conn, organization_id: &str) -> Result<i64> {
    Ok(users::table
        .filter(users::organization_id.eq(organization_id))
        .count()
        .get_result(conn)?)
}
