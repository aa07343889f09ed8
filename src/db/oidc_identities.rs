//! Who our users are at an OpenID provider.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::oidc_identities;
use crate::error::Result;

/// The user with this name at the provider.
pub fn user(conn: &mut Conn, issuer: &str, subject: &str) -> Result<Option<String>> {
    Ok(oidc_identities::table
        .find((issuer, subject))
        .select(oidc_identities::user_id)
        .first(conn)
        .optional()?)
}

/// Whether the user is known at the provider under any name.
pub fn is_linked(conn: &mut Conn, issuer: &str, user_id: &str) -> Result<bool> {
    Ok(oidc_identities::table
        .filter(oidc_identities::issuer.eq(issuer))
        .filter(oidc_identities::user_id.eq(user_id))
        .select(oidc_identities::subject)
        .first::<String>(conn)
        .optional()?
        .is_some())
}

pub fn insert(conn: &mut Conn, issuer: &str, subject: &str, user_id: &str, now: NaiveDateTime) -> Result<()> {
    diesel::insert_into(oidc_identities::table)
        .values((
            oidc_identities::issuer.eq(issuer),
            oidc_identities::subject.eq(subject),
            oidc_identities::user_id.eq(user_id),
            oidc_identities::created_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}
