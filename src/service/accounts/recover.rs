//! New passwords and new addresses: forgotten, changed, confirmed. A new password ends all other sessions.

use chrono::TimeDelta;
use serde_json::json;

use super::links::{LETTERS_AN_HOUR, RESET_FOR, Secret, VERIFY_FOR, dead_link, fingerprint};
use super::{Accounts, Identity, Visitor, check, deeds};
use crate::db::mail::{self, NewMail, Template};
use crate::db::user_tokens::{self, Kind, NewToken};
use crate::db::users::{self, User};
use crate::db::{Conn, sessions};
use crate::error::{Error, Result};
use crate::id;
use crate::service::status::Whose;

impl Accounts {
    /// Sends a link to a new password, if the address has an account; the answer says nothing about that.
    pub async fn forgot_password(&self, email: &str, base: &str, visitor: &Visitor) -> Result<()> {
        let (email, base, visitor) = (check::normalize(email), base.to_owned(), visitor.clone());
        self.db
            .write(move |conn| {
                let Some((user, _)) = users::by_email(conn, &email)? else {
                    return deeds::pretend(conn);
                };
                let Some(secret) = new_reset(conn, &user)? else {
                    return deeds::pretend(conn);
                };
                deeds::by_user(conn, &user, "auth.password_forgotten", json!({}), &visitor)?;
                let variables = json!({
                    "name": user.name,
                    "link": secret.link(&base, "reset-password"),
                    "valid_for": RESET_FOR.words(),
                });
                letter(conn, &user, &user.email, Template::ResetPassword, variables)
            })
            .await
    }

    /// Sets the password of whoever the link was sent to, and ends all their sessions. Errors:
    /// `token_invalid`, `Invalid`, `RateLimited`.
    pub async fn reset_password_by_link(
        &self,
        token: &str,
        password: String,
        visitor: &Visitor,
    ) -> Result<()> {
        check::password(&password)?;
        let hash = fingerprint(token);
        let looked_up = hash.clone();
        // Before the work of hashing: made-up links cost nothing.
        let known = self
            .db
            .read(move |conn| user_tokens::exists(conn, Kind::Reset, &looked_up, id::now()))
            .await?;
        if !known {
            return Err(dead_link());
        }
        let password_hash = self.passwords.hash(password).await?;
        let visitor = visitor.clone();
        let user_id = self
            .db
            .write(move |conn| {
                let now = id::now();
                let link = user_tokens::take(conn, Kind::Reset, &hash, now)?.ok_or_else(dead_link)?;
                let (user, _) = users::by_id(conn, &link.user_id)?.ok_or_else(dead_link)?;
                // Whoever reads the mail has the address.
                if user.email_verified_at.is_none() {
                    users::set_verified(conn, &user.id, now)?;
                }
                set_password(conn, &user, &password_hash)?;
                sessions::revoke_all(conn, &user.id, now)?;
                deeds::by_user(conn, &user, "auth.password_reset", json!({}), &visitor)?;
                password_changed(conn, &user, visitor.ip.as_deref())?;
                Ok(user.id)
            })
            .await?;
        self.forget(Whose::User(user_id)).await;
        Ok(())
    }

    /// Sets a new password from the machine itself and ends all sessions. Errors: `NotFound`, `Invalid`.
    pub async fn reset_password(&self, email: &str, password: String) -> Result<()> {
        check::password(&password)?;
        let email = check::normalize(email);
        let hash = self.passwords.hash(password).await?;
        self.db
            .write(move |conn| {
                let (user, _) = users::by_email(conn, &email)?.ok_or_else(|| {
                    Error::NotFound(format!("There is no account with the address {email}."))
                })?;
                set_password(conn, &user, &hash)?;
                sessions::revoke_all(conn, &user.id, id::now())?;
                deeds::by_machine(conn, &user, "auth.password_reset")
            })
            .await
    }

    /// Changes one's password and ends one's other sessions. Errors: `Unauthorized` for a wrong present
    /// password, `Invalid`, `RateLimited`.
    pub async fn change_password(&self, who: &Identity, current: String, new: String) -> Result<()> {
        check::password(&new)?;
        let present = self.confirm_password(who, current).await?;
        let hash = self.passwords.hash(new).await?;
        let user_id = who.user_id.clone();
        let who = who.clone();
        self.db
            .write(move |conn| {
                let now = id::now();
                users::seen(conn, &who.user_id, now)?;
                let (user, _) = users::by_id(conn, &who.user_id)?.ok_or_else(wrong_password)?;
                // Somebody else changed it between our look and now.
                if user.password_hash != present {
                    return Err(wrong_password());
                }
                set_password(conn, &user, &hash)?;
                sessions::revoke_others(conn, &user.id, who.session_id().unwrap_or_default(), now)?;
                deeds::by_oneself(conn, &who, "auth.password_changed", json!({}))?;
                password_changed(conn, &user, who.ip.as_deref())
            })
            .await?;
        self.forget(Whose::User(user_id)).await;
        Ok(())
    }

    /// Sends a link to a new address, which takes the place of the present one once it is followed. Errors:
    /// `Unauthorized` for a wrong password, `Invalid`, `RateLimited`.
    pub async fn change_email(
        &self,
        who: &Identity,
        password: String,
        email: &str,
        base: &str,
    ) -> Result<()> {
        let email = check::email(email)?;
        if email == who.email {
            return Err(Error::Invalid("This is your address already.".into()));
        }
        self.confirm_password(who, password).await?;
        let (who, base) = (who.clone(), base.to_owned());
        self.db
            .write(move |conn| {
                let now = id::now();
                let (user, _) =
                    users::by_id(conn, &who.user_id)?.ok_or_else(super::sessions::logged_out)?;
                let since = now - TimeDelta::hours(1);
                if user_tokens::count_since(conn, &user.id, Kind::Email, since)? >= LETTERS_AN_HOUR {
                    return Err(Error::RateLimited {
                        message: "You asked for several new addresses within an hour. Wait, and look into your mail \
                                  meanwhile."
                            .into(),
                        retry_after: std::time::Duration::from_secs(10 * 60),
                    });
                }
                let secret = Secret::new();
                user_tokens::insert(
                    conn,
                    &NewToken {
                        user_id: &user.id,
                        kind: Kind::Email,
                        token_hash: &secret.hash,
                        payload: Some(&email),
                        now,
                        expires: VERIFY_FOR.from(now),
                    },
                )?;
                deeds::by_oneself(conn, &who, "auth.email_change_asked", json!({ "email": email }))?;
                // An address that has an account gets no letter, and the asker is not told so.
                if users::by_email(conn, &email)?.is_some() {
                    return Ok(());
                }
                let variables = json!({
                    "name": user.name,
                    "email": email,
                    "link": secret.link(&base, "confirm-email"),
                    "valid_for": VERIFY_FOR.words(),
                });
                letter(conn, &user, &email, Template::EmailChanged, variables)
            })
            .await
    }

    /// The link to a new address was followed. Errors: `token_invalid`; `Conflict` when somebody got an
    /// account with it meanwhile.
    pub async fn confirm_email(&self, token: &str, visitor: &Visitor) -> Result<()> {
        let (hash, visitor) = (fingerprint(token), visitor.clone());
        let user_id = self
            .db
            .write(move |conn| {
                let now = id::now();
                let link = user_tokens::take(conn, Kind::Email, &hash, now)?.ok_or_else(dead_link)?;
                let (user, _) = users::by_id(conn, &link.user_id)?.ok_or_else(dead_link)?;
                let email = link.payload.ok_or_else(dead_link)?;
                users::set_email(conn, &user.id, &email, now)?;
                for kind in [Kind::Verify, Kind::Reset, Kind::Email] {
                    user_tokens::delete_all(conn, &user.id, kind)?;
                }
                let details = json!({ "from": user.email, "to": email });
                deeds::by_user(conn, &user, "auth.email_changed", details, &visitor)?;
                let variables = json!({ "name": user.name, "email": email });
                letter(conn, &user, &user.email, Template::EmailChanged, variables)?;
                Ok(user.id)
            })
            .await?;
        self.forget(Whose::User(user_id)).await;
        Ok(())
    }

    /// Whether this is one's password, for deeds that a borrowed browser must not do; gives the hash it
    /// belongs to. Errors: `Unauthorized`, `RateLimited`.
    pub(super) async fn confirm_password(&self, who: &Identity, password: String) -> Result<String> {
        let id = who.user_id.clone();
        let found = self.db.read(move |conn| users::by_id(conn, &id)).await?;
        let hash = found
            .map(|(user, _)| user.password_hash)
            .ok_or_else(super::sessions::logged_out)?;
        if hash.is_empty() {
            return Err(Error::Forbidden(
                "Your account has no password yet. Get one with \"Forgotten password\" on the log-in page first.".into(),
            ));
        }
        if self.passwords.verify(password, Some(hash.clone())).await? {
            return Ok(hash);
        }
        Err(wrong_password())
    }
}

/// A new link to a new password; None when the address had several within the hour.
pub(super) fn new_reset(conn: &mut Conn, user: &User) -> Result<Option<Secret>> {
    let now = id::now();
    let since = now - TimeDelta::hours(1);
    if user_tokens::count_since(conn, &user.id, Kind::Reset, since)? >= LETTERS_AN_HOUR {
        return Ok(None);
    }
    let secret = Secret::new();
    user_tokens::insert(
        conn,
        &NewToken {
            user_id: &user.id,
            kind: Kind::Reset,
            token_hash: &secret.hash,
            payload: None,
            now,
            expires: RESET_FOR.from(now),
        },
    )?;
    Ok(Some(secret))
}

/// Links that were out die with the former password: whoever knew it may have asked for them.
fn set_password(conn: &mut Conn, user: &User, hash: &str) -> Result<()> {
    users::set_password(conn, &user.id, hash)?;
    for kind in [Kind::Reset, Kind::Email] {
        user_tokens::delete_all(conn, &user.id, kind)?;
    }
    Ok(())
}

fn password_changed(conn: &mut Conn, user: &User, ip: Option<&str>) -> Result<()> {
    let at = id::now().format("%Y-%m-%d %H:%M UTC").to_string();
    let variables = json!({ "name": user.name, "at": at, "ip": ip });
    letter(conn, user, &user.email, Template::PasswordChanged, variables)
}

fn letter(
    conn: &mut Conn,
    user: &User,
    to: &str,
    template: Template,
    variables: serde_json::Value,
) -> Result<()> {
    mail::enqueue(
        conn,
        &NewMail {
            organization_id: Some(user.organization_id.clone()),
            to: to.to_owned(),
            template,
            variables,
        },
    )
}

fn wrong_password() -> Error {
    Error::Unauthorized("The password is wrong.".into())
}
