//! Invitations: a link to one address, which becomes an account in the inviting organisation.

use chrono::NaiveDateTime;
use serde_json::json;

use super::links::{INVITATION_FOR, Secret, dead_link, fingerprint};
use super::{Accounts, Identity, LogIn, Role, Verified, Visitor, check, deeds, new_user, sign_up};
use crate::config::SignUp;
use crate::db::mail::{self, NewMail, Template};
use crate::db::{Conn, invitations as records, sign_ups, users};
use crate::error::{Error, Result};
use crate::id;

/// An invitation that waits for an answer.
#[derive(Debug, Clone)]
pub struct Invitation {
    pub id: String,
    pub email: String,
    pub role: Role,
    pub invited_by: String,
    pub created_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
}

/// What whoever holds the link may know.
#[derive(Debug, Clone)]
pub struct Invited {
    pub email: String,
    pub organization: String,
    pub role: Role,
    pub invited_by: String,
    pub expires_at: NaiveDateTime,
}

impl Accounts {
    /// The organisation's invitations, newest first.
    pub async fn invitations(&self, who: &Identity) -> Result<Vec<Invitation>> {
        let organization = who.organization_id.clone();
        let all = self
            .db
            .read(move |conn| records::all(conn, &organization))
            .await?;
        Ok(all.into_iter().map(Invitation::from).collect())
    }

    /// Invites an address, by mail; the link is also given back this once, for where mail cannot be sent. An
    /// earlier invitation of the address is dead. Errors: `Invalid`, `Forbidden`, `sign_up_closed`;
    /// `Conflict` for somebody of the organisation.
    pub async fn invite(
        &self,
        who: &Identity,
        email: &str,
        role: Role,
        base: &str,
    ) -> Result<(Invitation, String)> {
        self.invitations_are_open()?;
        let email = check::email(email)?;
        if role > who.role {
            return Err(Error::Forbidden("Only an owner can invite an owner.".into()));
        }
        let secret = Secret::new();
        let link = secret.link(base, "invitation");
        let now = id::now();
        let record = records::Invitation {
            id: id::new(),
            organization_id: who.organization_id.clone(),
            email,
            role: role.name().into(),
            invited_by: who.name.clone(),
            token_hash: secret.hash,
            created_at: now,
            expires_at: INVITATION_FOR.from(now),
        };
        let (stored, sent) = (record.clone(), link.clone());
        let who = who.clone();
        self.db
            .write(move |conn| {
                if let Some((user, _)) = users::by_email(conn, &stored.email)?
                    && user.organization_id == who.organization_id
                {
                    return Err(Error::Conflict(
                        "Somebody with this address is a member already.".into(),
                    ));
                }
                records::replace(conn, stored.clone())?;
                let details = json!({ "email": stored.email, "role": stored.role });
                let target = ("invitation", stored.id.as_str());
                deeds::by(conn, &who, "invitation.created", target, details)?;
                send(conn, &who, &stored, &sent)
            })
            .await?;
        Ok((record.into(), link))
    }

    /// A new link for an invitation; the former one is dead. Errors: `NotFound`, `sign_up_closed`.
    pub async fn invite_again(
        &self,
        who: &Identity,
        invitation_id: &str,
        base: &str,
    ) -> Result<(Invitation, String)> {
        self.invitations_are_open()?;
        let secret = Secret::new();
        let link = secret.link(base, "invitation");
        let (id, sent) = (invitation_id.to_owned(), link.clone());
        let who = who.clone();
        let record = self
            .db
            .write(move |conn| {
                let mut record = records::one(conn, &who.organization_id, &id).map_err(or_missing)?;
                if Role::parse(&record.role) > who.role {
                    return Err(Error::Forbidden("Only an owner can invite an owner.".into()));
                }
                record.expires_at = INVITATION_FOR.from(id::now());
                records::set_token(conn, &record.id, &secret.hash, record.expires_at)?;
                let details = json!({ "email": record.email });
                let target = ("invitation", record.id.as_str());
                deeds::by(conn, &who, "invitation.sent_again", target, details)?;
                send(conn, &who, &record, &sent)?;
                Ok(record)
            })
            .await?;
        Ok((record.into(), link))
    }

    /// Takes an invitation back. Errors: `NotFound`.
    pub async fn uninvite(&self, who: &Identity, invitation_id: &str) -> Result<()> {
        let (id, who) = (invitation_id.to_owned(), who.clone());
        self.db
            .write(move |conn| {
                let record = records::one(conn, &who.organization_id, &id).map_err(or_missing)?;
                records::delete(conn, &who.organization_id, &id)?;
                let details = json!({ "email": record.email });
                deeds::by(conn, &who, "invitation.deleted", ("invitation", &id), details)
            })
            .await
    }

    /// What an invitation's link is about. Errors: `token_invalid`.
    pub async fn invitation(&self, token: &str) -> Result<Invited> {
        let hash = fingerprint(token);
        let (record, organization) = self
            .db
            .read(move |conn| records::by_token(conn, &hash, id::now())?.ok_or_else(dead_link))
            .await?;
        Ok(Invited {
            email: record.email,
            organization: organization.name,
            role: Role::parse(&record.role),
            invited_by: record.invited_by,
            expires_at: record.expires_at,
        })
    }

    /// Makes the account of whoever was invited, with the invitation's address, and logs them in. Errors:
    /// `token_invalid`, `Invalid`, `RateLimited`, `sign_up_closed`; `Conflict` when the address has an account
    /// already.
    pub async fn accept_invitation(
        &self,
        token: &str,
        name: &str,
        password: String,
        visitor: &Visitor,
    ) -> Result<LogIn> {
        self.invitations_are_open()?;
        let name = check::name(name, "name")?;
        check::password(&password)?;
        // Before the work of hashing: made-up links cost nothing.
        self.invitation(token).await?;
        let password_hash = self.passwords.hash(password).await?;
        let (hash, accounts, visitor) = (fingerprint(token), self.clone(), visitor.clone());
        self.db
            .write(move |conn| {
                let (record, organization) =
                    records::by_token(conn, &hash, id::now())?.ok_or_else(dead_link)?;
                // Only the holder of the link learns this, and it is their own address.
                if users::by_email(conn, &record.email)?.is_some() {
                    return Err(Error::Conflict(
                        "This address has an account on this server already. One address belongs to one \
                         organization: log in with it, or ask for an invitation to another address."
                            .into(),
                    ));
                }
                if !records::delete(conn, &organization.id, &record.id)? {
                    return Err(dead_link());
                }
                sign_ups::delete_all(conn, &record.email)?;
                let role = Role::parse(&record.role);
                let user = new_user(
                    conn,
                    &organization,
                    &record.email,
                    &name,
                    role,
                    password_hash,
                    Verified::Yes,
                )?;
                let details = json!({ "role": record.role, "invited_by": record.invited_by });
                deeds::by_user(conn, &user, "user.joined", details, &visitor)?;
                accounts.open_session(conn, user, organization, &visitor)
            })
            .await
    }

    fn invitations_are_open(&self) -> Result<()> {
        match self.config.sign_up {
            SignUp::Closed => Err(sign_up::closed(
                "Sign-up is closed on this server, also by invitation. Whoever runs it makes accounts.",
            )),
            SignUp::Invitation | SignUp::Open | SignUp::Domain => Ok(()),
        }
    }
}

impl From<records::Invitation> for Invitation {
    fn from(record: records::Invitation) -> Invitation {
        Invitation {
            role: Role::parse(&record.role),
            id: record.id,
            email: record.email,
            invited_by: record.invited_by,
            created_at: record.created_at,
            expires_at: record.expires_at,
        }
    }
}

fn send(conn: &mut Conn, who: &Identity, invitation: &records::Invitation, link: &str) -> Result<()> {
    mail::enqueue(
        conn,
        &NewMail {
            organization_id: Some(who.organization_id.clone()),
            to: invitation.email.clone(),
            template: Template::Invitation,
            variables: json!({
                "inviter": who.name,
                "organization": who.organization_name,
                "role": in_words(Role::parse(&invitation.role)),
                "link": link,
                "valid_for": INVITATION_FOR.words(),
            }),
        },
    )
}

/// As a letter says it.
fn in_words(role: Role) -> &'static str {
    match role {
        Role::Viewer => "a viewer",
        Role::Analyst => "an analyst",
        Role::Admin => "an admin",
        Role::Owner => "an owner",
    }
}

fn or_missing(error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::NotFound("There is no invitation with this id.".into()),
        other => other,
    }
}
