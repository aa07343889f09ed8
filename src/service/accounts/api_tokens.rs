//! Personal tokens for scripts: scoped, expiring, kept as a hash. What one may do is bounded by its scopes and
//! by what its owner may do at that moment.

use std::collections::BTreeSet;

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::json;

use super::links::{fingerprint, random_token};
use super::{Accounts, Identity, Role, Scope, Via, check, deeds, sessions};
use crate::db::{api_tokens as records, users};
use crate::error::{Error, Result};
use crate::id;
use crate::service::status::Whose;

/// Every API token begins with this, so that scanners and people recognise one.
const PREFIX: &str = "cct_";

/// Characters of a token that its owner sees in lists.
const SHOWN: usize = 10;

/// Days that a token may be good for at most.
const LONGEST: u32 = 365;

/// Tokens that one person may have.
const MOST: usize = 100;

/// How often it is noted that a token is in use.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// A token to be made.
pub struct NewApiToken {
    pub name: String,
    pub scopes: BTreeSet<Scope>,
    pub expires_in_days: u32,
}

/// A token as its owner sees it afterwards.
pub struct ApiToken {
    pub id: String,
    pub name: String,
    pub prefix: String,
    pub scopes: BTreeSet<Scope>,
    pub created_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
    pub last_used_at: Option<NaiveDateTime>,
}

/// Whether this is an API token rather than an access token.
pub(super) fn is_one(token: &str) -> bool {
    token.starts_with(PREFIX)
}

impl Accounts {
    /// One's tokens, newest first.
    pub async fn api_tokens(&self, who: &Identity) -> Result<Vec<ApiToken>> {
        let user = who.user_id.clone();
        let all = self.db.read(move |conn| records::all(conn, &user)).await?;
        Ok(all.into_iter().map(ApiToken::from).collect())
    }

    /// A new token; its text is shown this once. Errors: `Invalid`; `Forbidden` for the scope `admin` of
    /// somebody who is none.
    pub async fn new_api_token(&self, who: &Identity, new: NewApiToken) -> Result<(ApiToken, String)> {
        let name = check::name(&new.name, "name of the token")?;
        if new.scopes.is_empty() {
            return Err(Error::Invalid(
                "Choose what the token is good for: read, ask, write or admin.".into(),
            ));
        }
        if new.scopes.contains(&Scope::Admin) && who.role < Role::Admin {
            return Err(Error::Forbidden(
                "Only admins and owners can make a token with the scope admin.".into(),
            ));
        }
        if !(1..=LONGEST).contains(&new.expires_in_days) {
            return Err(Error::Invalid(format!(
                "A token is good for 1 to {LONGEST} days; say how many."
            )));
        }
        let text = format!("{PREFIX}{}", random_token());
        let now = id::now();
        let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.name()).collect();
        let record = records::ApiToken {
            id: id::new(),
            user_id: who.user_id.clone(),
            name,
            prefix: text.chars().take(SHOWN).collect(),
            token_hash: fingerprint(&text),
            scopes: scopes.join(" "),
            created_at: now,
            expires_at: now + TimeDelta::days(i64::from(new.expires_in_days)),
            last_used_at: None,
        };
        let (stored, who) = (record.clone(), who.clone());
        self.db
            .write(move |conn| {
                if records::all(conn, &who.user_id)?.len() >= MOST {
                    return Err(Error::Conflict(format!(
                        "You have {MOST} tokens already. Remove one that is not used any more."
                    )));
                }
                let details = json!({ "name": stored.name, "scopes": stored.scopes });
                deeds::by(conn, &who, "token.created", ("token", &stored.id), details)?;
                records::insert(conn, stored)
            })
            .await?;
        Ok((record.into(), text))
    }

    /// Ends one of one's tokens. Errors: `NotFound`, also for somebody else's.
    pub async fn delete_api_token(&self, who: &Identity, token_id: &str) -> Result<()> {
        let (id, who) = (token_id.to_owned(), who.clone());
        let hash = self
            .db
            .write(move |conn| {
                let token = records::one(conn, &who.user_id, &id).map_err(|error| match error {
                    Error::NotFound(_) => Error::NotFound("There is no token with this id.".into()),
                    other => other,
                })?;
                records::delete(conn, &token.id)?;
                let details = json!({ "name": token.name });
                deeds::by(conn, &who, "token.deleted", ("token", &token.id), details)?;
                Ok(token.token_hash)
            })
            .await?;
        self.forget(Whose::Token(hash)).await;
        Ok(())
    }

    /// Who a token belongs to, at most five seconds stale. Errors: `Unauthorized`.
    pub(super) async fn identify_api_token(&self, text: &str) -> Result<Identity> {
        let hash = fingerprint(text);
        let found = match self.known.get(&hash).await {
            Some(known) => known,
            None => self.look_up_api_token(hash).await?,
        };
        found.ok_or_else(|| {
            Error::Unauthorized(
                "This API token is unknown, was removed or has expired. Make a new one.".into(),
            )
        })
    }

    async fn look_up_api_token(&self, hash: String) -> Result<Option<Identity>> {
        let epoch = self.known.epoch();
        let key = hash.clone();
        let now = id::now();
        let found = self
            .db
            .read(move |conn| {
                let Some(token) = records::by_hash(conn, &hash)? else {
                    return Ok(None);
                };
                if token.expires_at < now {
                    return Ok(None);
                }
                let Some((user, organization)) = users::by_id(conn, &token.user_id)? else {
                    return Ok(None);
                };
                let via = Via::Token {
                    id: token.id.clone(),
                    name: token.name.clone(),
                    scopes: scopes(&token.scopes),
                };
                let who = sessions::load(conn, via, user, organization)?;
                Ok(Some((who, token)))
            })
            .await?;
        if let Some((_, token)) = &found
            && token.last_used_at.is_none_or(|last| now - last > NOTED_EVERY)
        {
            // Beside the request: a script that reads does not wait for the store's writer.
            let (db, id) = (self.db.clone(), token.id.clone());
            tokio::spawn(async move {
                if let Err(error) = db.write(move |conn| records::used(conn, &id, now)).await {
                    tracing::warn!(%error, "it could not be noted that a token was used");
                }
            });
        }
        let who = found.map(|(who, _)| who);
        self.known.keep(&key, who.clone(), epoch).await;
        Ok(who)
    }
}

impl From<records::ApiToken> for ApiToken {
    fn from(record: records::ApiToken) -> ApiToken {
        ApiToken {
            scopes: scopes(&record.scopes),
            id: record.id,
            name: record.name,
            prefix: record.prefix,
            created_at: record.created_at,
            expires_at: record.expires_at,
            last_used_at: record.last_used_at,
        }
    }
}

/// Words of a newer version are left out: a token never gets more than it says.
fn scopes(words: &str) -> BTreeSet<Scope> {
    words.split(' ').filter_map(Scope::parse).collect()
}
