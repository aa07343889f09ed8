//! Sign-up: who may, and how an address becomes an account.
//!
//! Whoever signs up is no user before the link in the mail was followed: nobody can occupy somebody else's
//! address, or wait in an account that its real owner then confirms. Whether an address has an account
//! already is told to nobody but to that address.

use serde_json::json;

use super::links::{LETTERS_AN_HOUR, RESET_FOR, Secret, VERIFY_FOR, dead_link, fingerprint};
use super::{Accounts, LogIn, Role, Verified, Visitor, check, deeds, new_organization, new_user, recover};
use crate::config::SignUp as Mode;
use crate::db::mail::{self, NewMail, Template};
use crate::db::sign_ups::{self, SignUp};
use crate::db::user_tokens::{self, Kind, NewToken};
use crate::db::users::{self, Organization, User};
use crate::db::{Conn, invitations};
use crate::error::{AccountFault, Error, Result};
use crate::id;

/// Sign-ups of one address that may wait at once: a letter each.
const PENDING_AT_ONCE: usize = 5;

/// Between two letters for the same sign-up, in seconds.
const RESEND_AFTER: i64 = 60;

/// What somebody types to sign up.
pub struct NewSignUp {
    pub email: String,
    pub name: String,
    pub password: String,
    /// Of a new organisation; only where sign-up is open.
    pub organization: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedUp {
    /// A letter is on its way.
    Waiting,
    /// The account exists: this server does not confirm addresses.
    Created,
}

impl Accounts {
    /// Takes a sign-up; the answer is the same whether or not the address has an account. `base` is the
    /// server's own address for links. Errors: `sign_up_closed`, `Invalid`, `RateLimited`; `Conflict` only where
    /// addresses are not confirmed.
    pub async fn sign_up(&self, given: NewSignUp, base: &str, visitor: &Visitor) -> Result<SignedUp> {
        let mode = self.config.sign_up;
        if matches!(mode, Mode::Closed | Mode::Invitation) || self.needs_setup().await? {
            return Err(closed(
                "This server is for people who were invited. Ask an owner or admin for an invitation.",
            ));
        }
        let email = check::email(&given.email)?;
        let name = check::name(&given.name, "name")?;
        check::password(&given.password)?;
        let organization = match (mode, given.organization.as_deref().map(str::trim)) {
            (Mode::Open, Some(organization)) if !organization.is_empty() => {
                Some(check::name(organization, "name of the organization")?)
            }
            (Mode::Open, _) => Some(format!(
                "Organization of {}",
                name.chars().take(150).collect::<String>()
            )),
            _ => None,
        };
        if mode == Mode::Domain && !self.config.domains.contains(check::domain(&email)) {
            return Err(closed(
                "Only addresses of certain domains can sign up here. Use the one of your organization, or ask for an \
                 invitation.",
            ));
        }
        let password_hash = self.passwords.hash(given.password).await?;
        if !self.config.verification {
            return self
                .sign_up_at_once(email, name, organization, password_hash, visitor)
                .await;
        }
        let base = base.to_owned();
        self.db
            .write(move |conn| {
                if let Some((user, _)) = users::by_email(conn, &email)? {
                    return remind(conn, &user, &base);
                }
                let now = id::now();
                if sign_ups::pending(conn, &email, now)?.len() >= PENDING_AT_ONCE {
                    return deeds::pretend(conn);
                }
                let secret = Secret::new();
                send_link(conn, None, &email, &name, &secret.link(&base, "verify"))?;
                sign_ups::insert(
                    conn,
                    SignUp {
                        id: id::new(),
                        email,
                        name,
                        password_hash,
                        organization,
                        token_hash: secret.hash,
                        created_at: now,
                        expires_at: VERIFY_FOR.from(now),
                    },
                )
            })
            .await?;
        Ok(SignedUp::Waiting)
    }

    async fn sign_up_at_once(
        &self,
        email: String,
        name: String,
        organization: Option<String>,
        password_hash: String,
        visitor: &Visitor,
    ) -> Result<SignedUp> {
        let visitor = visitor.clone();
        self.db
            .write(move |conn| {
                let name_of_new = organization.unwrap_or_else(|| name.clone());
                let organization = new_organization(conn, &name_of_new)?;
                let user = new_user(
                    conn,
                    &organization,
                    &email,
                    &name,
                    Role::Owner,
                    password_hash,
                    Verified::No,
                )?;
                deeds::by_user(conn, &user, "user.signed_up", json!({}), &visitor)
            })
            .await?;
        Ok(SignedUp::Created)
    }

    /// The link in the mail was followed: the account exists from now on, and its owner is logged in. Errors:
    /// `token_invalid`; `Conflict` when somebody got an account with the address meanwhile; `totp_required`
    /// when the address is confirmed but a link alone does not let its owner in.
    pub async fn verify(&self, token: &str, visitor: &Visitor) -> Result<LogIn> {
        let (hash, accounts, visitor) = (fingerprint(token), self.clone(), visitor.clone());
        self.db
            .write(move |conn| {
                let now = id::now();
                if let Some(link) = user_tokens::take(conn, Kind::Verify, &hash, now)? {
                    users::set_verified(conn, &link.user_id, now)?;
                    let (user, organization) = users::by_id(conn, &link.user_id)?.ok_or_else(dead_link)?;
                    deeds::by_user(conn, &user, "auth.email_verified", json!({}), &visitor)?;
                    if user.totp_enabled_at.is_some() {
                        return Ok(Err(Error::account(
                            AccountFault::TotpRequired,
                            "The address is confirmed. Log in with your password and a code.",
                        )));
                    }
                    return accounts.open_session(conn, user, organization, &visitor).map(Ok);
                }
                let sign_up = sign_ups::by_token(conn, &hash, now)?.ok_or_else(dead_link)?;
                if !sign_ups::delete(conn, &sign_up.id)? {
                    return Err(dead_link());
                }
                let (user, organization) = accounts.join(conn, &sign_up)?;
                sign_ups::delete_all(conn, &sign_up.email)?;
                deeds::by_user(conn, &user, "user.signed_up", json!({}), &visitor)?;
                accounts.open_session(conn, user, organization, &visitor).map(Ok)
            })
            .await?
    }

    /// A new link for whoever waits for one; the answer says nothing about the address.
    pub async fn resend_verification(&self, email: &str, base: &str) -> Result<()> {
        let (email, base) = (check::normalize(email), base.to_owned());
        self.db
            .write(move |conn| {
                let now = id::now();
                if let Some(waiting) = sign_ups::pending(conn, &email, now)?.into_iter().next() {
                    let sent = waiting.expires_at - (VERIFY_FOR.from(now) - now);
                    if (now - sent).num_seconds() < RESEND_AFTER {
                        return deeds::pretend(conn);
                    }
                    let secret = Secret::new();
                    sign_ups::set_token(conn, &waiting.id, &secret.hash, VERIFY_FOR.from(now))?;
                    let link = secret.link(&base, "verify");
                    return send_link(conn, None, &waiting.email, &waiting.name, &link);
                }
                match users::by_email(conn, &email)? {
                    Some((user, _)) if user.email_verified_at.is_none() => {
                        let since = now - chrono::TimeDelta::hours(1);
                        if user_tokens::count_since(conn, &user.id, Kind::Verify, since)? >= LETTERS_AN_HOUR {
                            return deeds::pretend(conn);
                        }
                        let secret = Secret::new();
                        user_tokens::insert(
                            conn,
                            &NewToken {
                                user_id: &user.id,
                                kind: Kind::Verify,
                                token_hash: &secret.hash,
                                payload: None,
                                now,
                                expires: VERIFY_FOR.from(now),
                            },
                        )?;
                        let organization = Some(user.organization_id.clone());
                        let link = secret.link(&base, "verify");
                        send_link(conn, organization, &user.email, &user.name, &link)
                    }
                    _ => deeds::pretend(conn),
                }
            })
            .await
    }

    /// Makes the user of a confirmed sign-up. Who was invited meanwhile joins where the invitation says.
    fn join(&self, conn: &mut Conn, sign_up: &SignUp) -> Result<(User, Organization)> {
        let invited = invitations::newest_for(conn, &sign_up.email, id::now())?;
        let (organization, role) = match (&sign_up.organization, invited) {
            (Some(name), _) => (new_organization(conn, name)?, Role::Owner),
            (None, Some(invitation)) => {
                let organization = users::organization(conn, &invitation.organization_id)?;
                invitations::delete(conn, &organization.id, &invitation.id)?;
                (organization, Role::parse(&invitation.role))
            }
            (None, None) => (first_organization(conn)?, Role::from(self.config.default_role)),
        };
        let user = new_user(
            conn,
            &organization,
            &sign_up.email,
            &sign_up.name,
            role,
            sign_up.password_hash.clone(),
            Verified::Yes,
        )?;
        Ok((user, organization))
    }
}

/// The oldest one: its owner set the server up.
pub(super) fn first_organization(conn: &mut Conn) -> Result<Organization> {
    users::organizations(conn)?
        .into_iter()
        .next()
        .ok_or_else(|| closed("This server has no organization yet. Its owner has to set it up first."))
}

/// Somebody signed up with the address of an account: only its owner hears of it, and can get a new password
/// with it. Counts as such a letter.
fn remind(conn: &mut Conn, user: &User, base: &str) -> Result<()> {
    let Some(secret) = recover::new_reset(conn, user)? else {
        return deeds::pretend(conn);
    };
    let variables = json!({
        "name": user.name,
        "link": secret.link(base, "reset-password"),
        "valid_for": RESET_FOR.words(),
    });
    mail::enqueue(
        conn,
        &NewMail {
            organization_id: Some(user.organization_id.clone()),
            to: user.email.clone(),
            template: Template::AccountExists,
            variables,
        },
    )
}

fn send_link(
    conn: &mut Conn,
    organization_id: Option<String>,
    email: &str,
    name: &str,
    link: &str,
) -> Result<()> {
    mail::enqueue(
        conn,
        &NewMail {
            organization_id,
            to: email.to_owned(),
            template: Template::VerifyEmail,
            variables: json!({ "name": name, "link": link, "valid_for": VERIFY_FOR.words() }),
        },
    )
}

pub(super) fn closed(message: &str) -> Error {
    Error::account(AccountFault::SignUpClosed, message)
}
