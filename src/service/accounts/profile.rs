//! One's own name, and leaving.

use serde_json::json;

use super::{Accounts, Identity, Role, check, deeds};
use crate::db::mail::{self, NewMail, Template};
use crate::db::{Conn, sessions, users};
use crate::error::{AccountFault, Error, Result};
use crate::id;
use crate::service::status::Whose;

/// What goes when somebody leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// Only the account.
    Alone,
    /// The organisation too, with everybody and everything in it.
    WithOrganization,
}

impl Accounts {
    /// Changes a user's name. Errors: `Invalid` when it is empty or too long.
    pub async fn rename(&self, who: &Identity, name: &str) -> Result<Identity> {
        let name = check::name(name, "name")?;
        let (id, new_name) = (who.user_id.clone(), name.clone());
        self.db
            .write(move |conn| users::rename(conn, &id, &new_name))
            .await?;
        self.forget(Whose::User(who.user_id.clone())).await;
        Ok(Identity { name, ..who.clone() })
    }

    /// Whether somebody may leave this way; before anything of the organisation is removed. Errors:
    /// `Unauthorized` for a wrong password, `last_owner`, `Forbidden`.
    pub async fn may_leave(&self, who: &Identity, password: String, departure: Departure) -> Result<()> {
        self.confirm_password(who, password).await?;
        let who = who.clone();
        self.db.read(move |conn| may_leave(conn, &who, departure)).await
    }

    /// Removes one's account, perhaps with the organisation. The caller asked [`Accounts::may_leave`] first.
    /// Errors: `last_owner`, `Forbidden`.
    pub async fn leave(&self, who: &Identity, departure: Departure) -> Result<()> {
        let gone = match departure {
            Departure::Alone => Whose::User(who.user_id.clone()),
            Departure::WithOrganization => Whose::Organization(who.organization_id.clone()),
        };
        let who = who.clone();
        self.db
            .write(move |conn| {
                users::lock(conn)?;
                may_leave(conn, &who, departure)?;
                let now = id::now();
                let mut variables = json!({ "name": who.name, "email": who.email });
                match departure {
                    Departure::Alone => {
                        let target = ("user", who.user_id.as_str());
                        deeds::by(conn, &who, "user.left", target, json!({ "email": who.email }))?;
                        sessions::revoke_all(conn, &who.user_id, now)?;
                        users::delete(conn, &who.user_id, now)?;
                    }
                    Departure::WithOrganization => {
                        let target = ("organization", who.organization_id.as_str());
                        let details = json!({ "name": who.organization_name });
                        deeds::by(conn, &who, "organization.deleted", target, details)?;
                        users::delete_organization(conn, &who.organization_id)?;
                        variables["organization"] = json!(who.organization_name);
                    }
                }
                mail::enqueue(
                    conn,
                    &NewMail {
                        organization_id: None,
                        to: who.email.clone(),
                        template: Template::AccountDeleted,
                        variables,
                    },
                )
            })
            .await?;
        self.forget(gone).await;
        Ok(())
    }

    /// Changes the organisation's name. Errors: `Invalid`.
    pub async fn rename_organization(&self, who: &Identity, name: &str) -> Result<Identity> {
        let name = check::name(name, "name of the organization")?;
        let (changed, new_name) = (who.clone(), name.clone());
        self.db
            .write(move |conn| {
                let target = ("organization", changed.organization_id.as_str());
                let details = json!({ "from": changed.organization_name, "to": new_name });
                deeds::by(conn, &changed, "organization.renamed", target, details)?;
                users::rename_organization(conn, &changed.organization_id, &new_name)
            })
            .await?;
        self.forget(Whose::Organization(who.organization_id.clone()))
            .await;
        Ok(Identity {
            organization_name: name,
            ..who.clone()
        })
    }
}

fn may_leave(conn: &mut Conn, who: &Identity, departure: Departure) -> Result<()> {
    // As it stands in the store, not in a cache.
    let user = users::member(conn, &who.organization_id, &who.user_id)?;
    let owner = Role::parse(&user.role) == Role::Owner;
    match departure {
        Departure::WithOrganization if !owner => Err(Error::Forbidden(
            "Only an owner can delete the organization. You can delete your own account alone.".into(),
        )),
        Departure::WithOrganization => Ok(()),
        Departure::Alone if owner && users::owners_in(conn, &who.organization_id)? < 2 => {
            Err(Error::account(
                AccountFault::LastOwner,
                "You are the last owner. Make somebody else an owner first, or delete the organization too.",
            ))
        }
        Departure::Alone => Ok(()),
    }
}
