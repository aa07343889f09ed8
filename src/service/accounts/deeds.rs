//! What goes into the audit log about accounts. Never a password, a code or a token.

use serde_json::{Value, json};

use super::{Identity, Visitor};
use crate::db::audit::{self, Entry};
use crate::db::users::User;
use crate::db::{Conn, sign_ups};
use crate::error::Result;
use crate::id;

/// Somebody who is not logged in yet, or no longer, did something to their own account.
pub(super) fn by_user(
    conn: &mut Conn,
    user: &User,
    action: &'static str,
    details: Value,
    visitor: &Visitor,
) -> Result<()> {
    audit::append(
        conn,
        &Entry {
            organization_id: user.organization_id.clone(),
            actor_id: Some(user.id.clone()),
            actor: user.email.clone(),
            action,
            target_kind: "user",
            target_id: user.id.clone(),
            details,
            ip: visitor.ip.clone(),
        },
    )
}

/// Somebody tried to be this user and was not let in.
pub(super) fn refused(conn: &mut Conn, user: &User, reason: &'static str, visitor: &Visitor) -> Result<()> {
    audit::append(
        conn,
        &Entry {
            organization_id: user.organization_id.clone(),
            actor_id: None,
            actor: user.email.clone(),
            action: "auth.login_failed",
            target_kind: "user",
            target_id: user.id.clone(),
            details: json!({ "reason": reason }),
            ip: visitor.ip.clone(),
        },
    )
}

/// Somebody who is logged in did something.
pub(super) fn by(
    conn: &mut Conn,
    who: &Identity,
    action: &'static str,
    (target_kind, target_id): (&'static str, &str),
    details: Value,
) -> Result<()> {
    audit::append(conn, &who.did(action, target_kind, target_id, details))
}

/// Somebody who is logged in did something to their own account.
pub(super) fn by_oneself(
    conn: &mut Conn,
    who: &Identity,
    action: &'static str,
    details: Value,
) -> Result<()> {
    by(conn, who, action, ("user", &who.user_id), details)
}

/// Whoever owns the machine did something to an account.
pub(super) fn by_machine(conn: &mut Conn, user: &User, action: &'static str) -> Result<()> {
    audit::append(
        conn,
        &Entry {
            organization_id: user.organization_id.clone(),
            actor_id: None,
            actor: "system".into(),
            action,
            target_kind: "user",
            target_id: user.id.clone(),
            details: json!({ "email": user.email }),
            ip: None,
        },
    )
}

/// About as much writing as [`refused`], or as a link and its letter, leaving nothing behind: whether an
/// address has an account is not to be read off the clock.
pub(super) fn pretend(conn: &mut Conn) -> Result<()> {
    let now = id::now();
    let ids = [id::new(), id::new()];
    for id in &ids {
        sign_ups::insert(
            conn,
            sign_ups::SignUp {
                id: id.clone(),
                email: String::new(),
                name: String::new(),
                password_hash: String::new(),
                organization: None,
                token_hash: id.clone(),
                created_at: now,
                expires_at: now,
            },
        )?;
    }
    for id in &ids {
        sign_ups::delete(conn, id)?;
    }
    Ok(())
}
