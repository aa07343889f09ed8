//! Accounts: who somebody is, how they got in, and what they may do.
//!
//! One file for each concern below this one; all of them are functions of [`Accounts`]. Single-use links,
//! refresh tokens, API tokens and recovery codes are random and kept only as hashes; passwords take argon2.

mod api_tokens;
mod check;
mod deeds;
mod invitations;
mod links;
mod members;
pub mod oidc;
mod passwords;
mod profile;
mod recover;
mod sessions;
mod sharing;
mod sign_up;
mod totp;

use std::collections::BTreeSet;
use std::sync::Arc;

use jsonwebtoken::{DecodingKey, EncodingKey};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};

pub use self::api_tokens::{ApiToken, NewApiToken};
pub use self::invitations::{Invitation, Invited};
pub use self::members::Member;
pub use self::profile::Departure;
pub use self::sessions::{ACCESS_SECONDS, Credentials, LogIn, OpenSession, REFRESH_DAYS};
pub use self::sharing::{Sharing, Source};
pub use self::sign_up::{NewSignUp, SignedUp};
pub use self::totp::{TotpProposal, TotpState};
use super::access::Access;
use super::bus::Bus;
use super::caches::Caches;
use super::status::Events;
use crate::config::{AccountsConfig, DefaultRole};
use crate::db::audit::Entry;
use crate::db::users::{self, Organization, User};
use crate::db::{Conn, Db};
use crate::error::{Error, Result};
use crate::id;
use crate::seal::Sealer;

/// Passwords are at least this long, in characters.
pub const PASSWORD_MIN: usize = check::PASSWORD_MIN;

/// Accounts of organisations. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    db: Db,
    keys: Arc<Keys>,
    sealer: Sealer,
    events: Events,
    config: Arc<AccountsConfig>,
    passwords: passwords::Hasher,
    known: sessions::Known,
}

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub via: Via,
    pub user_id: String,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub organization_id: String,
    pub organization_name: String,
    /// Which sources they may see.
    pub access: Access,
    /// The address this request came from; None for what is no request.
    pub ip: Option<String>,
}

/// What somebody showed to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// A log-in; its id.
    Session(String),
    /// A personal API token.
    Token {
        id: String,
        name: String,
        scopes: BTreeSet<Scope>,
    },
    /// A command on the machine itself.
    Machine,
}

/// What an API token is good for. The role of its owner limits it further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look at everything its owner may look at.
    Read,
    /// Ask questions and run queries.
    Ask,
    /// Add, change and remove files and answers.
    Write,
    /// What only admins and owners may do.
    Admin,
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

/// Where a request comes from, for lists of sessions and the audit log.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    /// None for the machine itself.
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

/// A new account.
#[derive(Clone)]
pub struct NewAccount {
    pub email: String,
    pub name: String,
    pub password: String,
    pub organization: String,
}

impl Identity {
    /// The session this came through; None for tokens and commands.
    pub fn session_id(&self) -> Option<&str> {
        match &self.via {
            Via::Session(id) => Some(id),
            Via::Token { .. } | Via::Machine => None,
        }
    }

    /// About how much memory its texts take.
    fn text_bytes(&self) -> usize {
        let texts = [
            &self.user_id,
            &self.email,
            &self.name,
            &self.organization_id,
            &self.organization_name,
        ];
        texts.iter().map(|text| text.len()).sum::<usize>() + self.access.bytes()
    }

    /// What this person did, for the audit log.
    pub fn did(
        &self,
        action: &'static str,
        target_kind: &'static str,
        target_id: &str,
        mut details: serde_json::Value,
    ) -> Entry {
        if let (Via::Token { name, .. }, Some(details)) = (&self.via, details.as_object_mut()) {
            details.insert("token".into(), name.as_str().into());
        }
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

    /// Whether it may do what needs this scope; people themselves may always.
    pub fn has_scope(&self, scope: Scope) -> bool {
        match &self.via {
            Via::Session(_) | Via::Machine => true,
            Via::Token { scopes, .. } => scopes.contains(&scope),
        }
    }
}

impl Scope {
    /// As it stands in the store and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Ask => "ask",
            Scope::Write => "write",
            Scope::Admin => "admin",
        }
    }

    fn parse(name: &str) -> Option<Scope> {
        [Scope::Read, Scope::Ask, Scope::Write, Scope::Admin]
            .into_iter()
            .find(|scope| scope.name() == name)
    }
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

    pub(super) fn parse(name: &str) -> Role {
        match name {
            "owner" => Role::Owner,
            "admin" => Role::Admin,
            "analyst" => Role::Analyst,
            // An unknown role, perhaps of a newer version, gets the least rights.
            _ => Role::Viewer,
        }
    }
}

impl From<DefaultRole> for Role {
    fn from(role: DefaultRole) -> Role {
        match role {
            DefaultRole::Viewer => Role::Viewer,
            DefaultRole::Analyst => Role::Analyst,
        }
    }
}

impl Accounts {
    /// `secret` signs the access tokens, `sealer` keeps second factors; who is logged in is kept among `caches`.
    pub fn new(
        caches: &Caches,
        db: Db,
        secret: &SecretSlice<u8>,
        sealer: Sealer,
        events: Events,
        config: AccountsConfig,
    ) -> Accounts {
        Accounts {
            db,
            keys: Arc::new(Keys {
                encoding: EncodingKey::from_secret(secret.expose_secret()),
                decoding: DecodingKey::from_secret(secret.expose_secret()),
            }),
            sealer,
            events,
            config: Arc::new(config),
            passwords: passwords::Hasher::new(),
            known: sessions::Known::new(caches),
        }
    }

    /// For commands beside a server: accounts are written, nobody logs in and nothing is unsealed.
    pub fn beside(db: Db) -> Accounts {
        let mut key = vec![0; 32];
        rand::rng().fill_bytes(&mut key);
        let key = SecretSlice::from(key);
        Accounts::new(
            &Caches::new(),
            db,
            &key,
            Sealer::new(&key),
            Events::new(Bus::alone()),
            AccountsConfig::default(),
        )
    }

    /// Who may sign up, and how.
    pub fn config(&self) -> &AccountsConfig {
        &self.config
    }

    /// Whether the owner's account is still to be made.
    pub async fn needs_setup(&self) -> Result<bool> {
        self.db.read(|conn| Ok(!users::any(conn)?)).await
    }

    /// Makes the owner's account and organisation. Errors: `Conflict` when there is any account already,
    /// `Invalid` for a bad address, name or password.
    pub async fn set_up(&self, account: NewAccount, visitor: &Visitor) -> Result<LogIn> {
        let checked = check::account(account)?;
        if !self.needs_setup().await? {
            return Err(set_up_already());
        }
        let password_hash = self.passwords.hash(checked.password.clone()).await?;
        let (accounts, visitor) = (self.clone(), visitor.clone());
        self.db
            .write(move |conn| {
                users::lock(conn)?;
                if users::any(conn)? {
                    return Err(set_up_already());
                }
                let organization = new_organization(conn, &checked.organization)?;
                let user = new_user(
                    conn,
                    &organization,
                    &checked.email,
                    &checked.name,
                    Role::Owner,
                    password_hash,
                    Verified::Yes,
                )?;
                deeds::by_user(conn, &user, "auth.set_up", serde_json::json!({}), &visitor)?;
                accounts.open_session(conn, user, organization, &visitor)
            })
            .await
    }

    /// Makes a verified account from the machine itself. The organisation is made when there is none of that
    /// name; without a name it is the only one there is. The first account of an organisation is its owner.
    /// Errors: `Invalid`, `Conflict`.
    pub async fn add(&self, account: NewAccount, role: Option<Role>) -> Result<Identity> {
        let mut account = account;
        let named = account.organization.trim().to_owned();
        let candidates = self
            .db
            .read(move |conn| match named.is_empty() {
                true => users::organizations(conn),
                false => users::organizations_by_name(conn, &named),
            })
            .await?;
        let existing = match candidates.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            _ if account.organization.trim().is_empty() => {
                return Err(Error::Invalid(
                    "There are several organizations; say which with --organization.".into(),
                ));
            }
            _ => {
                return Err(Error::Invalid(
                    "There are several organizations of this name; an owner of the right one can invite the person."
                        .into(),
                ));
            }
        };
        account.organization = match &existing {
            Some(organization) => organization.name.clone(),
            None if account.organization.trim().is_empty() => "My organization".into(),
            None => account.organization,
        };
        let checked = check::account(account)?;
        let password_hash = self.passwords.hash(checked.password.clone()).await?;
        let (user, organization) = self
            .db
            .write(move |conn| {
                let organization = match existing {
                    Some(organization) => organization,
                    None => new_organization(conn, &checked.organization)?,
                };
                let first = users::count_in(conn, &organization.id)? == 0;
                let role = role.unwrap_or(if first { Role::Owner } else { Role::Analyst });
                let user = new_user(
                    conn,
                    &organization,
                    &checked.email,
                    &checked.name,
                    role,
                    password_hash,
                    Verified::Yes,
                )?;
                deeds::by_machine(conn, &user, "user.added")?;
                Ok((user, organization))
            })
            .await?;
        Ok(identity(Via::Machine, user, organization, Access::everything()))
    }

    /// Everybody with an account on this server, for whoever owns the machine.
    pub async fn everybody(&self) -> Result<Vec<(Member, String)>> {
        let all = self.db.read(users::all).await?;
        Ok(all
            .into_iter()
            .map(|(user, organization)| (Member::from(user), organization.name))
            .collect())
    }

    /// Forgets what ended long ago: sessions, links, sign-ups and invitations.
    pub async fn prune(&self) -> Result<()> {
        self.db
            .write(|conn| {
                let now = id::now();
                crate::db::sessions::prune(conn, now - chrono::TimeDelta::days(1))?;
                crate::db::user_tokens::prune(conn, now)?;
                crate::db::sign_ups::prune(conn, now)?;
                crate::db::invitations::prune(conn, now - chrono::TimeDelta::days(30))?;
                Ok(())
            })
            .await
    }
}

/// Whether it was shown that an address is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verified {
    Yes,
    No,
}

fn set_up_already() -> Error {
    Error::Conflict("This server is set up already. Log in instead.".into())
}

fn identity(via: Via, user: User, organization: Organization, access: Access) -> Identity {
    Identity {
        via,
        user_id: user.id,
        email: user.email,
        name: user.name,
        role: Role::parse(&user.role),
        organization_id: organization.id,
        organization_name: organization.name,
        access,
        ip: None,
    }
}

fn new_organization(conn: &mut Conn, name: &str) -> Result<Organization> {
    let organization = Organization {
        id: id::new(),
        name: name.to_owned(),
        created_at: id::now(),
    };
    users::insert_organization(conn, organization.clone())?;
    Ok(organization)
}

fn new_user(
    conn: &mut Conn,
    organization: &Organization,
    email: &str,
    name: &str,
    role: Role,
    password_hash: String,
    verified: Verified,
) -> Result<User> {
    let now = id::now();
    let user = User {
        id: id::new(),
        organization_id: organization.id.clone(),
        email: email.to_owned(),
        name: name.to_owned(),
        role: role.name().into(),
        password_hash,
        created_at: now,
        email_verified_at: (verified == Verified::Yes).then_some(now),
        totp_secret: None,
        totp_enabled_at: None,
        totp_step: 0,
        last_seen_at: None,
    };
    users::insert(conn, user.clone())?;
    Ok(user)
}

pub use self::links::{fingerprint, random_token};
