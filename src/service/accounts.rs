//! Accounts and log-ins: the owner's set-up, passwords, access and refresh tokens.
//!
//! Access tokens are short-lived JWTs that carry the session's id; whether the session still lives is
//! looked up through a cache at most five seconds stale. Refresh tokens are random, kept only as a hash, and
//! change at every use.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use argon2::{Argon2, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::future::Cache;
use rand::RngCore;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::db::audit::Entry;
use crate::db::sessions::{self, Session};
use crate::db::users::{self, Organization, User};
use crate::db::{Conn, Db};
use crate::error::{Error, Result};
use crate::id;

/// Lifetime of an access token in seconds.
pub const ACCESS_SECONDS: i64 = 15 * 60;

/// Lifetime of an unused refresh token in days.
pub const REFRESH_DAYS: i64 = 30;

/// How long the previous refresh token is still taken after a rotation: two tabs refresh at once.
const ROTATION_GRACE: TimeDelta = TimeDelta::seconds(10);

/// Password hashing takes 19 MiB and a core each; more at once only makes all of them slower.
const HASHES_AT_ONCE: usize = 2;

/// Sign-ups and log-ins. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    db: Db,
    keys: Arc<Keys>,
    hashing: Arc<Semaphore>,
    /// Session id to the person it belongs to; None for a session that ended.
    sessions: Cache<String, Option<Identity>>,
}

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub session_id: String,
    pub user_id: String,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub organization_id: String,
    pub organization_name: String,
    /// The address this request came from; None for what is no request.
    pub ip: Option<String>,
}

impl Identity {
    /// What this person did, for the audit log.
    pub fn did(
        &self,
        action: &'static str,
        target_kind: &'static str,
        target_id: &str,
        details: serde_json::Value,
    ) -> Entry {
        Entry {
            organization_id: self.organization_id.clone(),
            actor_id: Some(self.user_id.clone()),
            actor: self.email.clone(),
            action,
            target_kind,
            target_id: target_id.to_owned(),
            details,
            ip: self.ip.clone(),
        }
    }
}

/// What somebody may do, least first.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Viewer,
    Analyst,
    Admin,
    Owner,
}

impl Role {
    /// As it stands in the store.
    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Analyst => "analyst",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }

    fn parse(name: &str) -> Role {
        match name {
            "owner" => Role::Owner,
            "admin" => Role::Admin,
            "analyst" => Role::Analyst,
            // An unknown role, perhaps of a newer version, gets the least rights.
            _ => Role::Viewer,
        }
    }
}

/// A log-in: the short token for requests, the long one for the cookie.
pub struct LogIn {
    pub access_token: String,
    /// None: the one the browser already has (another tab just got it) stays good.
    pub refresh_token: Option<String>,
    pub identity: Identity,
}

/// A new account.
#[derive(Clone)]
pub struct NewAccount {
    pub email: String,
    pub name: String,
    pub password: String,
    pub organization: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    /// The user's id.
    sub: String,
    /// The session's id.
    sid: String,
    iat: i64,
    exp: i64,
}

impl Accounts {
    /// `secret` signs the access tokens.
    pub fn new(db: Db, secret: &SecretSlice<u8>) -> Accounts {
        Accounts {
            db,
            keys: Arc::new(Keys {
                encoding: EncodingKey::from_secret(secret.expose_secret()),
                decoding: DecodingKey::from_secret(secret.expose_secret()),
            }),
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            sessions: Cache::builder()
                .max_capacity(100_000)
                .time_to_live(Duration::from_secs(5))
                .build(),
        }
    }

    /// Whether the owner's account is still to be made.
    pub async fn needs_setup(&self) -> Result<bool> {
        self.db.read(|conn| Ok(!users::any(conn)?)).await
    }

    /// Makes the owner's account and organisation. Errors: `Conflict` when there is any account already,
    /// `Invalid` for a bad address, name or password.
    pub async fn set_up(&self, account: NewAccount) -> Result<LogIn> {
        let checked = check(account)?;
        let password_hash = self.hash(checked.password.clone()).await?;
        let user = self
            .db
            .write(move |conn| {
                users::lock(conn)?;
                if users::any(conn)? {
                    return Err(Error::Conflict(
                        "This server is set up already. Log in instead.".into(),
                    ));
                }
                insert(conn, checked, Role::Owner, password_hash)
            })
            .await?;
        self.open_session(user).await
    }

    /// Makes a verified account from the machine itself. The organisation is made when there is none of that
    /// name; without a name it is the only one there is. The first account of an organisation is its owner.
    pub async fn add(&self, account: NewAccount, role: Option<Role>) -> Result<Identity> {
        let named = !account.organization.trim().is_empty();
        let mut account = account;
        if !named {
            let existing = self.db.read(users::organizations).await?;
            account.organization = match existing.as_slice() {
                [] => "My organization".into(),
                [only] => only.name.clone(),
                _ => {
                    return Err(Error::Invalid(
                        "There are several organizations; say which with --organization.".into(),
                    ));
                }
            };
        }
        let checked = check(account)?;
        let password_hash = self.hash(checked.password.clone()).await?;
        let (user, organization) = self
            .db
            .write(move |conn| {
                let existing = users::organization_by_name(conn, &checked.organization)?;
                let first = match &existing {
                    Some(organization) => users::count_in(conn, &organization.id)? == 0,
                    None => true,
                };
                let role = role.unwrap_or(if first { Role::Owner } else { Role::Analyst });
                insert(conn, checked, role, password_hash)
            })
            .await?;
        Ok(identity(String::new(), user, organization))
    }

    /// Everybody with an account.
    pub async fn list(&self) -> Result<Vec<Identity>> {
        let all = self.db.read(users::all).await?;
        Ok(all
            .into_iter()
            .map(|(user, organization)| identity(String::new(), user, organization))
            .collect())
    }

    /// Sets a new password and ends all sessions. Errors: `NotFound`, `Invalid`.
    pub async fn reset_password(&self, email: &str, password: String) -> Result<()> {
        check_password(&password)?;
        let email = normalize(email);
        let hash = self.hash(password).await?;
        self.db
            .write(move |conn| {
                let (user, _) = users::by_email(conn, &email)?.ok_or_else(|| {
                    Error::NotFound(format!("There is no account with the address {email}."))
                })?;
                users::set_password(conn, &user.id, &hash)?;
                sessions::revoke_all(conn, &user.id, id::now())
            })
            .await?;
        self.sessions.invalidate_all();
        Ok(())
    }

    /// Errors: `Unauthorized`, the same for an unknown address and a wrong password, after the same work.
    pub async fn log_in(&self, email: &str, password: String) -> Result<LogIn> {
        let email = normalize(email);
        let found = self.db.read(move |conn| users::by_email(conn, &email)).await?;
        let hash = found.as_ref().map(|(user, _)| user.password_hash.clone());
        let right = self.verify(password, hash).await?;
        match found {
            Some(account) if right => self.open_session(account).await,
            _ => Err(Error::Unauthorized(
                "The e-mail address or the password is wrong.".into(),
            )),
        }
    }

    /// A new pair of tokens for a refresh token. One that was used before ends its session: somebody has a
    /// copy. Errors: `Unauthorized`.
    pub async fn refresh(&self, token: &str) -> Result<LogIn> {
        let hash = fingerprint(token);
        let new_token = random_token();
        let new_hash = fingerprint(&new_token);
        let now = id::now();
        let outcome = self
            .db
            .write(move |conn| {
                let Some(session) = sessions::by_refresh_hash(conn, &hash)? else { return Ok(None) };
                if session.revoked_at.is_some() || session.expires_at < now {
                    return Ok(None);
                }
                let current = session.refresh_hash == hash;
                if current {
                    sessions::rotate(conn, &session, &new_hash, now, now + TimeDelta::days(REFRESH_DAYS))?;
                } else if now - session.rotated_at > ROTATION_GRACE {
                    tracing::warn!(session = %session.id, "a used refresh token came again; its session is ended");
                    sessions::revoke(conn, &session.id, now)?;
                    return Ok(None);
                }
                let Some((user, organization)) = users::by_id(conn, &session.user_id)? else { return Ok(None) };
                Ok(Some((current, identity(session.id, user, organization))))
            })
            .await?;
        let (rotated, identity) = outcome.ok_or_else(logged_out)?;
        Ok(LogIn {
            access_token: self.sign(&identity)?,
            refresh_token: rotated.then_some(new_token),
            identity,
        })
    }

    /// Ends the session of a refresh token; an unknown token is no error.
    pub async fn log_out(&self, token: &str) -> Result<()> {
        let hash = fingerprint(token);
        let ended = self
            .db
            .write(move |conn| {
                let session = sessions::by_refresh_hash(conn, &hash)?;
                if let Some(session) = &session {
                    sessions::revoke(conn, &session.id, id::now())?;
                }
                Ok(session.map(|session| session.id))
            })
            .await?;
        if let Some(session) = ended {
            self.sessions.invalidate(&session).await;
        }
        Ok(())
    }

    /// Ends every session of a user.
    pub async fn log_out_everywhere(&self, user_id: &str) -> Result<()> {
        let user_id = user_id.to_owned();
        self.db
            .write(move |conn| sessions::revoke_all(conn, &user_id, id::now()))
            .await?;
        self.sessions.invalidate_all();
        Ok(())
    }

    /// Who an access token belongs to. Errors: `Unauthorized`.
    pub async fn identify(&self, access_token: &str) -> Result<Identity> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 5;
        let claims = jsonwebtoken::decode::<Claims>(access_token, &self.keys.decoding, &validation)
            .map_err(|_| logged_out())?
            .claims;
        self.session(&claims.sid).await?.ok_or_else(logged_out)
    }

    /// Who a session belongs to, if it still lives (at most five seconds stale).
    pub async fn session(&self, session_id: &str) -> Result<Option<Identity>> {
        if let Some(known) = self.sessions.get(session_id).await {
            return Ok(known);
        }
        let id = session_id.to_owned();
        let found = self
            .db
            .read(move |conn| {
                let Some(session) = sessions::by_id(conn, &id)? else {
                    return Ok(None);
                };
                if session.revoked_at.is_some() || session.expires_at < id::now() {
                    return Ok(None);
                }
                Ok(users::by_id(conn, &session.user_id)?
                    .map(|(user, organization)| identity(session.id, user, organization)))
            })
            .await?;
        self.sessions.insert(session_id.to_owned(), found.clone()).await;
        Ok(found)
    }

    /// Changes a user's name. Errors: `Invalid` when it is empty or too long.
    pub async fn rename(&self, identity: &Identity, name: &str) -> Result<Identity> {
        let name = check_name(name, "name")?;
        let (id, new_name) = (identity.user_id.clone(), name.clone());
        self.db
            .write(move |conn| users::rename(conn, &id, &new_name))
            .await?;
        self.sessions.invalidate(&identity.session_id).await;
        Ok(Identity {
            name,
            ..identity.clone()
        })
    }

    /// Forgets sessions that ended long ago.
    pub async fn prune(&self) -> Result<()> {
        self.db
            .write(|conn| sessions::prune(conn, id::now() - TimeDelta::days(1)))
            .await?;
        Ok(())
    }

    async fn open_session(&self, (user, organization): (User, Organization)) -> Result<LogIn> {
        let refresh_token = random_token();
        let now = id::now();
        let session = Session {
            id: id::new(),
            user_id: user.id.clone(),
            refresh_hash: fingerprint(&refresh_token),
            previous_hash: None,
            rotated_at: now,
            created_at: now,
            expires_at: now + TimeDelta::days(REFRESH_DAYS),
            revoked_at: None,
        };
        let identity = identity(session.id.clone(), user, organization);
        self.db.write(move |conn| sessions::insert(conn, session)).await?;
        Ok(LogIn {
            access_token: self.sign(&identity)?,
            refresh_token: Some(refresh_token),
            identity,
        })
    }

    fn sign(&self, identity: &Identity) -> Result<String> {
        let now = id::now().and_utc().timestamp();
        let claims = Claims {
            sub: identity.user_id.clone(),
            sid: identity.session_id.clone(),
            iat: now,
            exp: now + ACCESS_SECONDS,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.keys.encoding)
            .map_err(Error::internal)
    }

    async fn hash(&self, password: String) -> Result<String> {
        self.heavy(move || {
            let hash = Argon2::default()
                .hash_password(password.as_bytes())
                .map_err(Error::internal)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Without a hash (unknown address) the same work is done against a hash nobody's password has.
    async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        self.heavy(move || {
            let Some(hash) = hash else {
                let _ = Argon2::default().hash_password(password.as_bytes());
                return Ok(false);
            };
            let parsed = argon2::password_hash::phc::PasswordHash::new(&hash).map_err(Error::internal)?;
            Ok(Argon2::default()
                .verify_password(password.as_bytes(), &parsed)
                .is_ok())
        })
        .await
    }

    async fn heavy<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let permit = self
            .hashing
            .clone()
            .acquire_owned()
            .await
            .map_err(Error::internal)?;
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
        .map_err(Error::internal)?
    }
}

/// A random secret of 256 bits, safe in URLs and headers.
pub fn random_token() -> String {
    let mut bytes = [0u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256 in hex: how random secrets are stored. (Passwords are not random and take argon2.)
pub fn fingerprint(secret: &str) -> String {
    let digest = Sha256::digest(secret.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn logged_out() -> Error {
    Error::Unauthorized("You are not logged in, or the session has ended. Log in again.".into())
}

fn identity(session_id: String, user: User, organization: Organization) -> Identity {
    Identity {
        session_id,
        user_id: user.id,
        email: user.email,
        name: user.name,
        role: Role::parse(&user.role),
        organization_id: organization.id,
        organization_name: organization.name,
        ip: None,
    }
}

fn insert(
    conn: &mut Conn,
    account: NewAccount,
    role: Role,
    password_hash: String,
) -> Result<(User, Organization)> {
    let now = id::now();
    let organization = match users::organization_by_name(conn, &account.organization)? {
        Some(existing) => existing,
        None => {
            let new = Organization {
                id: id::new(),
                name: account.organization,
                created_at: now,
            };
            users::insert_organization(conn, new.clone())?;
            new
        }
    };
    let user = User {
        id: id::new(),
        organization_id: organization.id.clone(),
        email: account.email,
        name: account.name,
        role: role.name().into(),
        password_hash,
        created_at: now,
    };
    users::insert(conn, user.clone())?;
    Ok((user, organization))
}

fn normalize(email: &str) -> String {
    email.trim().to_lowercase()
}

fn check(account: NewAccount) -> Result<NewAccount> {
    let email = normalize(&account.email);
    let valid = email.len() <= 254
        && email.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && !email.chars().any(char::is_whitespace)
        });
    if !valid {
        return Err(Error::Invalid(
            "This is not an e-mail address; it should look like name@example.com.".into(),
        ));
    }
    check_password(&account.password)?;
    Ok(NewAccount {
        name: check_name(&account.name, "name")?,
        organization: check_name(&account.organization, "name of the organization")?,
        password: account.password,
        email,
    })
}

fn check_name(name: &str, what: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "The {what} has to have between 1 and 200 characters."
        )));
    }
    Ok(name.to_owned())
}

fn check_password(password: &str) -> Result<()> {
    let length = password.chars().count();
    if length < 10 {
        return Err(Error::Invalid(
            "The password is too short; it needs at least 10 characters.".into(),
        ));
    }
    // Argon2 would take any length; a megabyte of password is an attack.
    if length > 1_000 {
        return Err(Error::Invalid(
            "The password is too long; 1,000 characters are the most.".into(),
        ));
    }
    Ok(())
}
