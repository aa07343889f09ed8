//! The people of an organisation: listed, given another role, removed.
//!
//! Nobody changes somebody above themselves, or makes anybody more than they are; an organisation keeps an
//! owner whatever happens at once.

use chrono::NaiveDateTime;
use serde_json::json;

use super::{Accounts, Identity, Role, deeds};
use crate::db::users::{self, User};
use crate::db::{Conn, sessions};
use crate::error::{AccountFault, Error, Result};
use crate::id;
use crate::service::status::Whose;

/// Somebody of the organisation.
#[derive(Debug, Clone)]
pub struct Member {
    pub id: String,
    pub email: String,
    pub name: String,
    pub role: Role,
    /// Whether the address was confirmed.
    pub verified: bool,
    /// Whether a second factor is in force.
    pub totp: bool,
    pub last_seen_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
}

impl Accounts {
    /// Everybody in the organisation, by e-mail address.
    pub async fn members(&self, who: &Identity) -> Result<Vec<Member>> {
        let organization = who.organization_id.clone();
        let all = self
            .db
            .read(move |conn| users::members(conn, &organization))
            .await?;
        Ok(all.into_iter().map(Member::from).collect())
    }

    /// Gives somebody another role, which holds at once. Errors: `NotFound`, `Forbidden`, `last_owner`.
    pub async fn set_role(&self, who: &Identity, member_id: &str, role: Role) -> Result<Member> {
        let (who, id) = (who.clone(), member_id.to_owned());
        let member = self
            .db
            .write(move |conn| {
                users::lock(conn)?;
                let mut user = member(conn, &who, &id)?;
                let former = Role::parse(&user.role);
                if role > who.role {
                    return Err(Error::Forbidden(
                        "Only an owner can make somebody an owner.".into(),
                    ));
                }
                if former == role {
                    return Ok(Member::from(user));
                }
                keep_an_owner(conn, &user, former)?;
                users::set_role(conn, &user.id, role.name())?;
                user.role = role.name().into();
                let details = json!({ "email": user.email, "from": former.name(), "to": role.name() });
                deeds::by(conn, &who, "user.role_changed", ("user", &user.id), details)?;
                Ok(Member::from(user))
            })
            .await?;
        self.forget(Whose::User(member.id.clone())).await;
        Ok(member)
    }

    /// Removes somebody with what is their own; what they added for the organisation stays. Errors:
    /// `NotFound`, `Forbidden`, `last_owner`; `Invalid` for oneself.
    pub async fn remove_member(&self, who: &Identity, member_id: &str) -> Result<()> {
        let (who, id) = (who.clone(), member_id.to_owned());
        self.db
            .write(move |conn| {
                users::lock(conn)?;
                let user = member(conn, &who, &id)?;
                if user.id == who.user_id {
                    return Err(Error::Invalid(
                        "To remove yourself, delete your account on your profile's page.".into(),
                    ));
                }
                keep_an_owner(conn, &user, Role::parse(&user.role))?;
                let now = id::now();
                sessions::revoke_all(conn, &user.id, now)?;
                let details = json!({ "email": user.email, "role": user.role });
                deeds::by(conn, &who, "user.removed", ("user", &user.id), details)?;
                users::delete(conn, &user.id, now)
            })
            .await?;
        self.forget(Whose::User(member_id.to_owned())).await;
        Ok(())
    }
}

impl From<User> for Member {
    fn from(user: User) -> Member {
        Member {
            role: Role::parse(&user.role),
            verified: user.email_verified_at.is_some(),
            totp: user.totp_enabled_at.is_some(),
            id: user.id,
            email: user.email,
            name: user.name,
            last_seen_at: user.last_seen_at,
            created_at: user.created_at,
        }
    }
}

/// Somebody that this person may change. Errors: `NotFound`, `Forbidden`.
fn member(conn: &mut Conn, who: &Identity, id: &str) -> Result<User> {
    let user = users::member(conn, &who.organization_id, id).map_err(|error| match error {
        Error::NotFound(_) => Error::NotFound("There is no member with this id.".into()),
        other => other,
    })?;
    // As it stands in the store: two admins may be at it at once.
    let actor =
        users::member(conn, &who.organization_id, &who.user_id).map_err(|_| super::sessions::logged_out())?;
    let actor = Role::parse(&actor.role);
    if actor < Role::Admin || actor < Role::parse(&user.role) {
        return Err(Error::Forbidden("Only an owner can change an owner.".into()));
    }
    Ok(user)
}

fn keep_an_owner(conn: &mut Conn, user: &User, role: Role) -> Result<()> {
    if role == Role::Owner && users::owners_in(conn, &user.organization_id)? < 2 {
        return Err(Error::account(
            AccountFault::LastOwner,
            "This is the last owner. Make somebody else an owner first.",
        ));
    }
    Ok(())
}
