//! Log-ins: opened, refreshed, listed, ended; and who a token belongs to.
//!
//! Access tokens are short-lived JWTs that carry the session's id; whether the session still lives is looked
//! up through a cache at most five seconds stale, dropped at once where something changed. Refresh tokens are
//! random, kept only as a hash, and change at every use. Each also carries a code that only this server can
//! make: so an old one that comes again, however old, is told from one that somebody made up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::links::{fingerprint, random_token};
use super::{Accounts, Identity, Role, Via, Visitor, check, deeds, identity, totp};
use crate::db::sessions::{self, Session};
use crate::db::users::{self, Organization, User};
use crate::db::{Conn, sign_ups};
use crate::error::{AccountFault, Error, Result};
use crate::id;
use crate::service::access::Access;
use crate::service::bus::Message;
use crate::service::caches::{Caches, Counted};
use crate::service::status::Whose;

/// Lifetime of an access token in seconds.
pub const ACCESS_SECONDS: i64 = 15 * 60;

/// Lifetime of an unused refresh token in days.
pub const REFRESH_DAYS: i64 = 30;

/// How long it is believed that a session lives, and how much memory that may take.
const KNOWN_TIME: Duration = Duration::from_secs(5);
const KNOWN_BYTES: u64 = 32 * 1024 * 1024;

/// How long the previous refresh token is still taken after a rotation: two tabs refresh at once.
const ROTATION_GRACE: TimeDelta = TimeDelta::seconds(10);

/// What browsers call themselves may be long; so much of it is kept.
const USER_AGENT: usize = 300;

/// A log-in: the short token for requests, the long one for the cookie.
pub struct LogIn {
    pub access_token: String,
    /// None: the one the browser already has (another tab just got it) stays good.
    pub refresh_token: Option<String>,
    pub identity: Identity,
}

/// What somebody types to log in.
pub struct Credentials {
    pub email: String,
    pub password: String,
    /// Of the second factor, or a recovery code.
    pub code: Option<String>,
}

/// A log-in as its owner sees it in a list.
pub struct OpenSession {
    pub id: String,
    pub created_at: NaiveDateTime,
    pub last_used_at: NaiveDateTime,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

/// Whom tokens belong to, for a few seconds. Cheap to clone.
#[derive(Clone)]
pub(super) struct Known {
    /// By session id, or by the hash of an API token; None for what ended.
    identities: Counted<String, Option<Identity>>,
    /// Counts what was dropped: an answer read from the store before that is not kept after it.
    epoch: Arc<AtomicU64>,
}

impl Known {
    pub(super) fn new(caches: &Caches) -> Known {
        Known {
            identities: caches.add(
                "sessions",
                KNOWN_BYTES,
                KNOWN_TIME,
                |key: &String, found: &Option<Identity>| {
                    key.len() + size_of::<Option<Identity>>() + found.as_ref().map_or(0, Identity::text_bytes)
                },
            ),
            epoch: Arc::new(AtomicU64::new(0)),
        }
    }

    pub(super) async fn get(&self, key: &str) -> Option<Option<Identity>> {
        self.identities.get(key).await
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(super) async fn keep(&self, key: &str, found: Option<Identity>, epoch: u64) {
        if self.epoch() == epoch {
            self.identities.insert(key.to_owned(), found).await;
        }
    }

    fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.identities.drop_all();
    }

    async fn forget(&self, whose: &Whose) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        if let Whose::Session(key) | Whose::Token(key) = whose {
            return self.identities.drop_one(key).await;
        }
        let gone = whose.clone();
        self.identities.drop_where(move |key, found| {
            found
                .as_ref()
                .is_some_and(|who| gone.concerns(key, &who.user_id, &who.organization_id))
        });
    }
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
    /// Errors: `Unauthorized`, the same for an unknown address and a wrong password, after the same work;
    /// with the right password `totp_required`, `totp_invalid` or `email_unverified`; `RateLimited`.
    pub async fn log_in(&self, given: Credentials, visitor: &Visitor) -> Result<LogIn> {
        let email = check::normalize(&given.email);
        let (found, waiting) = self
            .db
            .read(move |conn| {
                let found = users::by_email(conn, &email)?;
                let waiting = sign_ups::pending(conn, &email, id::now())?;
                Ok((found, waiting.into_iter().next()))
            })
            .await?;
        let hash = match (&found, &waiting) {
            (Some((user, _)), _) => Some(user.password_hash.clone()),
            (None, Some(sign_up)) => Some(sign_up.password_hash.clone()),
            (None, None) => None,
        };
        let right = self.passwords.verify(given.password, hash.clone()).await?;
        let user_id = match (found, right) {
            (Some((user, _)), true) => user.id,
            (None, true) => {
                return Err(Error::account(
                    AccountFault::EmailUnverified,
                    "This address is not confirmed yet. Follow the link in the mail, or ask for a new one.",
                ));
            }
            (found, false) => {
                let visitor = visitor.clone();
                self.db
                    .write(move |conn| match found {
                        Some((user, _)) => deeds::refused(conn, &user, "password", &visitor),
                        None => deeds::pretend(conn),
                    })
                    .await?;
                return Err(wrong());
            }
        };
        let (accounts, visitor) = (self.clone(), visitor.clone());
        let code = given.code;
        self.db
            .write(move |conn| {
                // Locks the row: a password that is changed at this moment comes before or after, not between.
                users::seen(conn, &user_id, id::now())?;
                let Some((user, organization)) = users::by_id(conn, &user_id)? else {
                    return Ok(Err(wrong()));
                };
                if Some(&user.password_hash) != hash.as_ref() {
                    return Ok(Err(wrong()));
                }
                let used = match totp::check(conn, &accounts.sealer, &user, code.as_deref())? {
                    Ok(used) => used,
                    Err(refused) => {
                        if refused.code() == "totp_invalid" {
                            deeds::refused(conn, &user, "code", &visitor)?;
                        }
                        return Ok(Err(refused));
                    }
                };
                deeds::by_user(conn, &user, "auth.login", json!({ "with": used }), &visitor)?;
                accounts.open_session(conn, user, organization, &visitor).map(Ok)
            })
            .await?
    }

    /// A new pair of tokens for a refresh token. One that was used before ends its session: somebody has a
    /// copy. Errors: `Unauthorized`.
    pub async fn refresh(&self, token: &str, visitor: &Visitor) -> Result<LogIn> {
        enum Found {
            Good(Box<Identity>, Option<String>),
            /// The session's id.
            Reused(String),
            Nothing,
        }
        let hash = fingerprint(token);
        let genuine = self.session_of_refresh_token(token);
        let now = id::now();
        let (accounts, visitor) = (self.clone(), visitor.clone());
        let found = self
            .db
            .write(move |conn| {
                let by_hash = sessions::by_refresh_hash(conn, &hash)?;
                let session = match (by_hash, genuine) {
                    (Some(session), _) => Some(session),
                    (None, Some(id)) => sessions::by_id(conn, &id)?,
                    (None, None) => None,
                };
                let Some(session) = session else { return Ok(Found::Nothing) };
                if session.revoked_at.is_some() || session.expires_at < now {
                    return Ok(Found::Nothing);
                }
                let Some((user, organization)) = users::by_id(conn, &session.user_id)? else {
                    return Ok(Found::Nothing);
                };
                let current = session.refresh_hash == hash;
                let late = session.previous_hash.as_ref() == Some(&hash)
                    && now - session.rotated_at <= ROTATION_GRACE;
                if !current && !late {
                    tracing::warn!(session = %session.id, "a used refresh token came again; its session is ended");
                    sessions::revoke(conn, &session.id, now)?;
                    deeds::by_user(
                        conn,
                        &user,
                        "auth.refresh_reused",
                        json!({ "session": session.id }),
                        &visitor,
                    )?;
                    return Ok(Found::Reused(session.id));
                }
                let mut new_token = None;
                if current {
                    let token = accounts.refresh_token(&session.id)?;
                    let expires = now + TimeDelta::days(REFRESH_DAYS);
                    sessions::rotate(conn, &session, &fingerprint(&token), now, expires)?;
                    let agent = visitor.user_agent.as_deref();
                    sessions::used(conn, &session.id, now, visitor.ip.as_deref(), agent)?;
                    users::seen(conn, &user.id, now)?;
                    new_token = Some(token);
                }
                let who = load(conn, Via::Session(session.id), user, organization)?;
                Ok(Found::Good(Box::new(who), new_token))
            })
            .await?;
        match found {
            Found::Good(identity, new_token) => Ok(LogIn {
                access_token: self.sign(&identity)?,
                refresh_token: new_token,
                identity: *identity,
            }),
            Found::Reused(session) => {
                self.forget(Whose::Session(session)).await;
                Err(logged_out())
            }
            Found::Nothing => Err(logged_out()),
        }
    }

    /// Ends the session of a refresh token; an unknown token is no error.
    pub async fn log_out(&self, token: &str, visitor: &Visitor) -> Result<()> {
        let (hash, visitor) = (fingerprint(token), visitor.clone());
        let ended = self
            .db
            .write(move |conn| {
                let Some(session) = sessions::by_refresh_hash(conn, &hash)? else {
                    return Ok(None);
                };
                if session.revoked_at.is_some() {
                    return Ok(None);
                }
                sessions::revoke(conn, &session.id, id::now())?;
                if let Some((user, _)) = users::by_id(conn, &session.user_id)? {
                    deeds::by_user(conn, &user, "auth.logout", json!({}), &visitor)?;
                }
                Ok(Some(session.id))
            })
            .await?;
        if let Some(session) = ended {
            self.forget(Whose::Session(session)).await;
        }
        Ok(())
    }

    /// Ends every session of somebody.
    pub async fn log_out_everywhere(&self, who: &Identity) -> Result<()> {
        let (user_id, who) = (who.user_id.clone(), who.clone());
        self.db
            .write(move |conn| {
                sessions::revoke_all(conn, &who.user_id, id::now())?;
                let target = ("user", who.user_id.as_str());
                deeds::by(conn, &who, "auth.logout_everywhere", target, json!({}))
            })
            .await?;
        self.forget(Whose::User(user_id)).await;
        Ok(())
    }

    /// One's log-ins that still live, last used first.
    pub async fn sessions(&self, who: &Identity) -> Result<Vec<OpenSession>> {
        let user = who.user_id.clone();
        let live = self
            .db
            .read(move |conn| sessions::live(conn, &user, id::now()))
            .await?;
        Ok(live.into_iter().map(OpenSession::from).collect())
    }

    /// Ends one of one's sessions. Errors: `NotFound`, also for somebody else's.
    pub async fn end_session(&self, who: &Identity, session_id: &str) -> Result<()> {
        let (who, id) = (who.clone(), session_id.to_owned());
        self.db
            .write(move |conn| {
                if !sessions::revoke_own(conn, &who.user_id, &id, id::now())? {
                    return Err(Error::NotFound("There is no session with this id.".into()));
                }
                deeds::by(conn, &who, "auth.session_ended", ("session", &id), json!({}))
            })
            .await?;
        self.forget(Whose::Session(session_id.to_owned())).await;
        Ok(())
    }

    /// Who an access token or API token belongs to. Errors: `Unauthorized`.
    pub async fn identify(&self, token: &str) -> Result<Identity> {
        if super::api_tokens::is_one(token) {
            return self.identify_api_token(token).await;
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 5;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.keys.decoding, &validation)
            .map_err(|_| logged_out())?
            .claims;
        self.session(&claims.sid).await?.ok_or_else(logged_out)
    }

    /// Who a session belongs to, if it still lives (at most five seconds stale).
    pub async fn session(&self, session_id: &str) -> Result<Option<Identity>> {
        if let Some(known) = self.known.get(session_id).await {
            return Ok(known);
        }
        let epoch = self.known.epoch();
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
                match users::by_id(conn, &session.user_id)? {
                    Some((user, organization)) => {
                        load(conn, Via::Session(session.id), user, organization).map(Some)
                    }
                    None => Ok(None),
                }
            })
            .await?;
        self.known.keep(session_id, found.clone(), epoch).await;
        Ok(found)
    }

    /// Who this is now, not as it was a moment ago. None when the session ended, or cannot be looked up.
    pub async fn look_again(&self, who: &Identity) -> Option<Identity> {
        let session = who.session_id()?;
        self.known.forget(&Whose::Session(session.to_owned())).await;
        match self.session(session).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "a session could not be looked up");
                None
            }
        }
    }

    /// Sessions, a role or access changed: the next request looks anew, here and at every other server, and
    /// open sockets look at once.
    pub(super) async fn forget(&self, whose: Whose) {
        self.known.forget(&whose).await;
        self.events.bus().publish(Message::Sessions { whose });
    }

    /// Forgets what was changed at another server. Runs as one task, for ever.
    pub async fn obey(self) {
        let mut messages = self.events.bus().subscribe();
        loop {
            match messages.recv().await {
                Ok(Message::Sessions { whose }) => self.known.forget(&whose).await,
                Ok(Message::Anew) | Err(RecvError::Lagged(_)) => self.known.forget_all(),
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// A new session, within the caller's transaction.
    pub(super) fn open_session(
        &self,
        conn: &mut Conn,
        user: User,
        organization: Organization,
        visitor: &Visitor,
    ) -> Result<LogIn> {
        let now = id::now();
        let session_id = id::new();
        let refresh_token = self.refresh_token(&session_id)?;
        users::seen(conn, &user.id, now)?;
        sessions::insert(
            conn,
            Session {
                id: session_id.clone(),
                user_id: user.id.clone(),
                refresh_hash: fingerprint(&refresh_token),
                previous_hash: None,
                rotated_at: now,
                created_at: now,
                expires_at: now + TimeDelta::days(REFRESH_DAYS),
                revoked_at: None,
                ip: visitor.ip.clone(),
                user_agent: visitor
                    .user_agent
                    .as_ref()
                    .map(|agent| agent.chars().take(USER_AGENT).collect()),
                last_used_at: Some(now),
            },
        )?;
        let identity = load(conn, Via::Session(session_id), user, organization)?;
        Ok(LogIn {
            access_token: self.sign(&identity)?,
            refresh_token: Some(refresh_token),
            identity,
        })
    }

    fn sign(&self, identity: &Identity) -> Result<String> {
        let now = id::now().and_utc().timestamp();
        let session = identity
            .session_id()
            .ok_or_else(|| Error::internal("an access token without a session"))?;
        let claims = Claims {
            sub: identity.user_id.clone(),
            sid: session.to_owned(),
            iat: now,
            exp: now + ACCESS_SECONDS,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.keys.encoding)
            .map_err(Error::internal)
    }

    /// Session, randomness, and the code that only this server makes.
    fn refresh_token(&self, session_id: &str) -> Result<String> {
        let random = random_token();
        let signed = signed_part(session_id, &random);
        let code = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.keys.encoding, Algorithm::HS256)
            .map_err(Error::internal)?;
        Ok(format!("{session_id}.{random}.{code}"))
    }

    /// The session of a refresh token that this server made, whether or not it is still good.
    fn session_of_refresh_token(&self, token: &str) -> Option<String> {
        let mut parts = token.split('.');
        let (session, random, code) = (parts.next()?, parts.next()?, parts.next()?);
        let signed = signed_part(session, random);
        let genuine =
            jsonwebtoken::crypto::verify(code, signed.as_bytes(), &self.keys.decoding, Algorithm::HS256);
        (parts.next().is_none() && genuine.unwrap_or(false)).then(|| session.to_owned())
    }
}

impl From<Session> for OpenSession {
    fn from(session: Session) -> OpenSession {
        OpenSession {
            id: session.id,
            created_at: session.created_at,
            last_used_at: session.last_used_at.unwrap_or(session.rotated_at),
            ip: session.ip,
            user_agent: session.user_agent,
        }
    }
}

/// Not the form of a JWT's, so that neither can ever be taken for the other.
fn signed_part(session_id: &str, random: &str) -> String {
    format!("refresh token|{session_id}|{random}")
}

/// The whole of who somebody is, as it stands in the store now.
pub(super) fn load(conn: &mut Conn, via: Via, user: User, organization: Organization) -> Result<Identity> {
    let access = Access::load(conn, &organization.id, &user.id, Role::parse(&user.role))?;
    Ok(identity(via, user, organization, access))
}

pub(super) fn logged_out() -> Error {
    Error::Unauthorized("You are not logged in, or the session has ended. Log in again.".into())
}

fn wrong() -> Error {
    Error::Unauthorized("The e-mail address or the password is wrong.".into())
}
