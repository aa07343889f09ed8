//! Invitations into an organisation, each bound to one address.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::{invitations, organizations};
use super::users::Organization;
use crate::error::Result;

/// An invitation that waits for an answer.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = invitations)]
pub struct Invitation {
    pub id: String,
    pub organization_id: String,
    /// In lower case.
    pub email: String,
    pub role: String,
    /// The name of whoever invited.
    pub invited_by: String,
    pub token_hash: String,
    pub created_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
}

/// A new invitation; it takes the place of an earlier one to the same address.
pub fn replace(conn: &mut Conn, invitation: Invitation) -> Result<()> {
    diesel::delete(
        invitations::table
            .filter(invitations::organization_id.eq(&invitation.organization_id))
            .filter(invitations::email.eq(&invitation.email)),
    )
    .execute(conn)?;
    diesel::insert_into(invitations::table)
        .values(invitation)
        .execute(conn)?;
    Ok(())
}

/// The organisation's invitations, newest first; also those that expired, until they are forgotten.
pub fn all(conn: &mut Conn, organization_id: &str) -> Result<Vec<Invitation>> {
    Ok(invitations::table
        .filter(invitations::organization_id.eq(organization_id))
        .order((invitations::created_at.desc(), invitations::id.desc()))
        .select(Invitation::as_select())
        .load(conn)?)
}

/// Errors: `NotFound`, also for an invitation of another organisation.
pub fn one(conn: &mut Conn, organization_id: &str, id: &str) -> Result<Invitation> {
    Ok(invitations::table
        .filter(invitations::organization_id.eq(organization_id))
        .filter(invitations::id.eq(id))
        .select(Invitation::as_select())
        .first(conn)?)
}

/// The invitation that this link belongs to, if it has not expired.
pub fn by_token(
    conn: &mut Conn,
    token_hash: &str,
    now: NaiveDateTime,
) -> Result<Option<(Invitation, Organization)>> {
    Ok(invitations::table
        .inner_join(organizations::table)
        .filter(invitations::token_hash.eq(token_hash))
        .filter(invitations::expires_at.gt(now))
        .select((Invitation::as_select(), Organization::as_select()))
        .first(conn)
        .optional()?)
}

/// The newest invitation of an address that has not expired.
pub fn newest_for(conn: &mut Conn, email: &str, now: NaiveDateTime) -> Result<Option<Invitation>> {
    Ok(invitations::table
        .filter(invitations::email.eq(email))
        .filter(invitations::expires_at.gt(now))
        .order(invitations::created_at.desc())
        .select(Invitation::as_select())
        .first(conn)
        .optional()?)
}

/// Gives an invitation a new link; the former one is dead.
pub fn set_token(conn: &mut Conn, id: &str, token_hash: &str, expires: NaiveDateTime) -> Result<()> {
    diesel::update(invitations::table.find(id))
        .set((
            invitations::token_hash.eq(token_hash),
            invitations::expires_at.eq(expires),
        ))
        .execute(conn)?;
    Ok(())
}

/// False when there was none of this id in the organisation.
pub fn delete(conn: &mut Conn, organization_id: &str, id: &str) -> Result<bool> {
    Ok(diesel::delete(
        invitations::table
            .filter(invitations::organization_id.eq(organization_id))
            .filter(invitations::id.eq(id)),
    )
    .execute(conn)?
        > 0)
}

/// Forgets invitations that expired before `before`.
pub fn prune(conn: &mut Conn, before: NaiveDateTime) -> Result<usize> {
    Ok(diesel::delete(invitations::table.filter(invitations::expires_at.lt(before))).execute(conn)?)
}
