//! Connections to databases behind agents: their keys, catalogs and live state.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDateTime;
use moka::future::Cache;
use serde_json::json;
use tokio::sync::broadcast;

use super::access::Access;
use super::accounts::{Identity, fingerprint, random_token};
use super::agents::{
    Admission, AgentChange, AgentEvent, AgentInfo, AgentStatus, AgentTest, Caller, Hub, RunningQuery,
};
use super::bus::Message;
use super::status::{Change, Events};
use crate::ask::taught::Taught;
use crate::ask::{Candidate, CandidateKind};
use crate::catalog::Catalog;
use crate::db::{Db, audit, connections as records, examples, glossary};
use crate::error::{Error, Result};
use crate::id;
use crate::source::Kind;

/// Every agent key begins with this, so that scanners and people recognise one.
const KEY_PREFIX: &str = "custard_agent_";

/// Stored instead of a key's hash when no key opens the connection; no hash is empty.
const NO_KEY: &str = "";

/// How long a connection's name is believed to be what another server may have changed.
const NAME_FRESH: Duration = Duration::from_secs(5);

/// Connections of organisations. Cheap to clone.
#[derive(Clone)]
pub struct Connections {
    db: Db,
    hub: Hub,
    events: Events,
    /// By connection: what a query needs to know of it. What is changed here is dropped from here.
    known: Cache<String, Arc<Known>>,
}

/// See [`Connections`].
struct Known {
    organization_id: String,
    name: String,
    kind: Kind,
}

/// A connection with what is known of its agent right now.
#[derive(Clone)]
pub struct Connection {
    pub id: String,
    pub name: String,
    pub kind: Kind,
    pub created_at: NaiveDateTime,
    pub discovered_at: Option<NaiveDateTime>,
    pub last_seen_at: Option<NaiveDateTime>,
    pub table_count: usize,
    pub agent_version: Option<String>,
    pub database_version: Option<String>,
    /// Whether there is a key that opens it.
    pub key_is_set: bool,
    pub status: AgentStatus,
}

impl Connections {
    pub fn new(db: Db, hub: Hub, events: Events) -> Connections {
        Connections {
            db,
            hub,
            events,
            known: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(NAME_FRESH)
                .build(),
        }
    }

    /// A new connection and its agent's key, which is shown this once. Errors: `Invalid`.
    pub async fn create(&self, who: &Identity, name: &str, kind: Kind) -> Result<(Connection, String)> {
        let name = check_name(name)?;
        let key = format!("{KEY_PREFIX}{}", random_token());
        let record = records::Connection {
            id: id::new(),
            organization_id: who.organization_id.clone(),
            name,
            db_type: kind.name().into(),
            key_hash: fingerprint(&key),
            catalog: None,
            discovered_at: None,
            last_seen_at: None,
            agent_version: None,
            database_version: None,
            created_at: id::now(),
        };
        let stored = record.clone();
        let deed = who.did(
            "connection.created",
            "connection",
            &record.id,
            json!({ "name": record.name, "db_type": record.db_type }),
        );
        self.db
            .write(move |conn| {
                records::insert(conn, stored)?;
                audit::append(conn, &deed)
            })
            .await?;
        let connection = self.with_status(record)?;
        self.events
            .tell(&who.organization_id, Change::Connection(connection.id.clone()));
        Ok((connection, key))
    }

    /// The organisation's connections that this person may see, oldest first.
    pub async fn list(&self, who: &Identity) -> Result<Vec<Connection>> {
        let organization = who.organization_id.clone();
        let all = self
            .db
            .read(move |conn| records::all(conn, &organization))
            .await?;
        all.into_iter()
            .filter(|record| Access::of(who).sees(&record.id))
            .map(|record| self.with_status(record))
            .collect()
    }

    /// Errors: `NotFound`.
    pub async fn get(&self, who: &Identity, id: &str) -> Result<Connection> {
        let record = self.record(who, id).await?;
        self.with_status(record)
    }

    /// Errors: `NotFound`, `Invalid`.
    pub async fn rename(&self, who: &Identity, id: &str, name: &str) -> Result<Connection> {
        let name = check_name(name)?;
        let mut record = self.record(who, id).await?;
        let details = json!({ "from": record.name, "to": name });
        record.name.clone_from(&name);
        let key = record.id.clone();
        let deed = who.did("connection.renamed", "connection", id, details);
        self.db
            .write(move |conn| {
                records::rename(conn, &key, &name)?;
                audit::append(conn, &deed)
            })
            .await?;
        self.known.invalidate(id).await;
        self.events
            .tell(&who.organization_id, Change::Connection(id.to_owned()));
        self.with_status(record)
    }

    /// A new key; agents with the old one are cut at once. Errors: `NotFound`.
    pub async fn rotate_key(&self, who: &Identity, id: &str) -> Result<(Connection, String)> {
        let mut record = self.record(who, id).await?;
        let key = format!("{KEY_PREFIX}{}", random_token());
        let (target, hash) = (record.id.clone(), fingerprint(&key));
        let deed = who.did(
            "connection.key_rotated",
            "connection",
            id,
            json!({ "name": record.name }),
        );
        self.db
            .write(move |conn| {
                records::set_key(conn, &target, &hash)?;
                audit::append(conn, &deed)
            })
            .await?;
        self.cut(id, false);
        self.events
            .tell(&who.organization_id, Change::Connection(id.to_owned()));
        record.key_hash = fingerprint(&key);
        Ok((self.with_status(record)?, key))
    }

    /// No key opens the connection any more until a new one is made; its agents are cut at once. Errors:
    /// `NotFound`.
    pub async fn revoke_key(&self, who: &Identity, id: &str) -> Result<Connection> {
        let mut record = self.record(who, id).await?;
        let target = record.id.clone();
        let deed = who.did(
            "connection.key_revoked",
            "connection",
            id,
            json!({ "name": record.name }),
        );
        self.db
            .write(move |conn| {
                records::set_key(conn, &target, NO_KEY)?;
                audit::append(conn, &deed)
            })
            .await?;
        self.cut(id, false);
        self.events
            .tell(&who.organization_id, Change::Connection(id.to_owned()));
        record.key_hash = NO_KEY.into();
        self.with_status(record)
    }

    /// The connection and its agents right now, best first. Errors: `NotFound`.
    pub async fn agents(&self, who: &Identity, id: &str) -> Result<(Connection, Vec<AgentInfo>)> {
        let connection = self.get(who, id).await?;
        Ok((connection, self.hub.agents_of(id)))
    }

    /// The connections that this person may see, each with its agents.
    pub async fn all_agents(&self, who: &Identity) -> Result<Vec<(Connection, Vec<AgentInfo>)>> {
        let all = self.list(who).await?;
        Ok(all
            .into_iter()
            .map(|connection| {
                let agents = self.hub.agents_of(&connection.id);
                (connection, agents)
            })
            .collect())
    }

    /// The queries that run at the connection's agents, whoever asked. Errors: `NotFound`.
    pub async fn running(&self, who: &Identity, id: &str) -> Result<Vec<RunningQuery>> {
        self.record(who, id).await?;
        Ok(self.hub.running_at(id))
    }

    /// Has every agent of the connection try its database, with timings. Errors: `NotFound`, `AgentOffline`.
    pub async fn test(&self, who: &Identity, id: &str) -> Result<Vec<AgentTest>> {
        self.record(who, id).await?;
        self.hub.test(id).await
    }

    /// Removes the connection and cuts its agents. Errors: `NotFound`.
    pub async fn delete(&self, who: &Identity, id: &str) -> Result<()> {
        let record = self.record(who, id).await?;
        let (organization, target) = (who.organization_id.clone(), id.to_owned());
        let deed = who.did(
            "connection.deleted",
            "connection",
            id,
            json!({ "name": record.name }),
        );
        self.db
            .write(move |conn| {
                if !records::delete(conn, &organization, &target)? {
                    return Err(missing());
                }
                glossary::forget_source(conn, &organization, &target)?;
                examples::forget_source(conn, &organization, &target)?;
                audit::append(conn, &deed)
            })
            .await?;
        self.known.invalidate(id).await;
        self.cut(id, true);
        self.events
            .tell(&who.organization_id, Change::ConnectionRemoved(id.to_owned()));
        Ok(())
    }

    /// Asks the agent to read its schema again. Errors: `NotFound`, `AgentOffline`.
    pub async fn refresh_schema(&self, who: &Identity, id: &str) -> Result<()> {
        self.record(who, id).await?;
        self.hub.refresh_schema(id).await
    }

    /// The catalog last received and when; None before the first. Errors: `NotFound`.
    pub async fn schema(&self, who: &Identity, id: &str) -> Result<(Option<NaiveDateTime>, Catalog)> {
        let record = self.record(who, id).await?;
        Ok((record.discovered_at, parse_catalog(record.catalog.as_deref())?))
    }

    /// The connection that this agent's key opens. Errors: `Unauthorized`, the same whether the connection
    /// or the key is unknown.
    pub async fn authenticate_agent(&self, id: &str, key: &str) -> Result<Admission> {
        use subtle::ConstantTimeEq;
        // Before the key is read: one that is replaced meanwhile must not get in.
        let epoch = self.hub.epoch(id);
        let target = id.to_owned();
        let record = self
            .db
            .read(move |conn| records::any_organization(conn, &target))
            .await?;
        let given = fingerprint(key);
        match record {
            Some(record) if bool::from(record.key_hash.as_bytes().ct_eq(given.as_bytes())) => {
                if let Some(catalog) = record.catalog.as_deref() {
                    self.hub.set_catalog(id, Arc::new(parse_catalog(Some(catalog))?));
                }
                let kind = Kind::named(&record.db_type)?;
                Ok(Admission::new(record.id, kind, epoch).with_key(record.key_hash))
            }
            _ => Err(Error::Unauthorized(
                "This agent's key does not fit this connection. Copy the command from the connection's page again, \
                 or rotate the key there."
                    .into(),
            )),
        }
    }

    /// A connection as something to ask, on somebody's behalf. Errors: `NotFound`, `AgentOffline`.
    pub async fn candidate(&self, who: &Identity, id: &str, caller: &Caller) -> Result<Candidate> {
        see(who, id)?;
        let known = match self.known.get(id).await {
            Some(known) if known.organization_id == who.organization_id => known,
            _ => self.look_up(&who.organization_id, id).await?,
        };
        self.as_candidate(id, &known.name, known.kind, caller)
    }

    async fn look_up(&self, organization_id: &str, id: &str) -> Result<Arc<Known>> {
        let (organization, target) = (organization_id.to_owned(), id.to_owned());
        let (name, db_type) = self
            .db
            .read(move |conn| records::name_and_type(conn, &organization, &target))
            .await
            .map_err(or_missing)?;
        let known = Arc::new(Known {
            organization_id: organization_id.to_owned(),
            name,
            kind: Kind::named(&db_type)?,
        });
        self.known.insert(id.to_owned(), known.clone()).await;
        Ok(known)
    }

    /// Every connection that this person may see and whose agent is there.
    pub async fn candidates(&self, who: &Identity, caller: &Caller) -> Result<Vec<Candidate>> {
        let all = self.list(who).await?;
        Ok(all
            .iter()
            .filter_map(|connection| {
                self.as_candidate(&connection.id, &connection.name, connection.kind, caller)
                    .ok()
            })
            .collect())
    }

    fn as_candidate(&self, id: &str, name: &str, kind: Kind, caller: &Caller) -> Result<Candidate> {
        Ok(Candidate {
            kind: CandidateKind::Connection,
            name: name.to_owned(),
            ids: vec![id.to_owned()],
            origins: Vec::new(),
            taught: Taught::default(),
            source: self.hub.source_for(id, kind, caller.clone())?,
        })
    }

    /// Keeps what agents tell (catalogs, versions, last seen) until the hub is gone. Runs as one task.
    pub async fn keep_up(self) {
        let mut events = self.hub.subscribe();
        loop {
            match events.recv().await {
                Ok(event) => {
                    if let Err(error) = self.note(event).await {
                        tracing::error!(%error, "what an agent told could not be kept");
                    }
                }
                // What was missed is read from the hub: after a restart thousands of agents come at once.
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::info!(missed, "fell behind the agents' events; reading everything anew");
                    events = events.resubscribe();
                    for event in self.hub.present() {
                        if let Err(error) = self.note(event).await {
                            tracing::error!(%error, "what an agent told could not be kept");
                        }
                    }
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn note(&self, event: AgentEvent) -> Result<()> {
        let id = event.connection_id.clone();
        let is_schema = matches!(event.change, AgentChange::Catalog(_));
        let organization = match event.change {
            AgentChange::Status(status) => {
                self.db
                    .write(move |conn| {
                        let Some(record) = records::any_organization(conn, &id)? else {
                            return Ok(None);
                        };
                        records::set_seen(
                            conn,
                            &id,
                            status.agent_version.as_deref(),
                            status.database_version.as_deref(),
                            id::now(),
                        )?;
                        Ok(Some(record.organization_id))
                    })
                    .await?
            }
            AgentChange::Catalog(catalog) => {
                let text = serde_json::to_string(&*catalog).map_err(Error::internal)?;
                self.db
                    .write(move |conn| {
                        let Some(record) = records::any_organization(conn, &id)? else {
                            return Ok(None);
                        };
                        // A connection's agents send the same schema again at every reconnect.
                        if record.catalog.as_deref() == Some(text.as_str()) {
                            records::set_discovered(conn, &id, id::now())?;
                        } else {
                            records::set_catalog(conn, &id, &text, id::now())?;
                        }
                        Ok(Some(record.organization_id))
                    })
                    .await?
            }
        };
        if let Some(organization) = organization {
            if is_schema {
                self.events
                    .tell(&organization, Change::Schema(event.connection_id.clone()));
            }
            self.events
                .tell(&organization, Change::Connection(event.connection_id));
        }
        Ok(())
    }

    /// Cuts the agents of a connection, at every server.
    fn cut(&self, id: &str, deleted: bool) {
        self.cut_here(id, deleted);
        self.events.bus().publish_elsewhere(Message::KeyRevoked {
            connection_id: id.to_owned(),
            deleted,
        });
    }

    fn cut_here(&self, id: &str, deleted: bool) {
        if deleted {
            self.hub.forget(id);
        } else {
            self.hub.disconnect(id);
        }
    }

    /// Cuts agents whose key was changed at another server. Runs as one task, for ever.
    pub async fn obey(self) {
        let mut messages = self.events.bus().subscribe();
        loop {
            match messages.recv().await {
                Ok(Message::KeyRevoked {
                    connection_id,
                    deleted,
                }) => self.cut_here(&connection_id, deleted),
                Ok(Message::Anew) | Err(broadcast::error::RecvError::Lagged(_)) => {
                    if let Err(error) = self.cut_all_revoked().await {
                        tracing::error!(%error, "agents whose key may be revoked could not be looked up");
                    }
                }
                Ok(_) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    /// Messages were missed: whichever agent's key the store does not have any more goes.
    async fn cut_all_revoked(&self) -> Result<()> {
        for (id, fingerprints) in self.hub.admitted() {
            let target = id.clone();
            let record = self
                .db
                .read(move |conn| records::any_organization(conn, &target))
                .await?;
            let good = record
                .as_ref()
                .is_some_and(|record| fingerprints.iter().all(|used| *used == record.key_hash));
            if !good {
                self.cut_here(&id, record.is_none());
            }
        }
        Ok(())
    }

    async fn record(&self, who: &Identity, id: &str) -> Result<records::Connection> {
        see(who, id)?;
        let (organization, target) = (who.organization_id.clone(), id.to_owned());
        self.db
            .read(move |conn| records::one(conn, &organization, &target))
            .await
            .map_err(or_missing)
    }

    fn with_status(&self, record: records::Connection) -> Result<Connection> {
        let status = self.hub.status(&record.id);
        Ok(Connection {
            kind: Kind::named(&record.db_type)?,
            table_count: parse_catalog(record.catalog.as_deref())?.tables.len(),
            agent_version: status.agent_version.clone().or(record.agent_version),
            database_version: status.database_version.clone().or(record.database_version),
            last_seen_at: if status.online {
                Some(id::now())
            } else {
                record.last_seen_at
            },
            key_is_set: record.key_hash != NO_KEY,
            id: record.id,
            name: record.name,
            created_at: record.created_at,
            discovered_at: record.discovered_at,
            status,
        })
    }
}

/// Errors: `NotFound` for what this person may not see.
fn see(who: &Identity, id: &str) -> Result<()> {
    match Access::of(who).sees(id) {
        true => Ok(()),
        false => Err(missing()),
    }
}

fn or_missing(error: Error) -> Error {
    match error {
        Error::NotFound(_) => missing(),
        other => other,
    }
}

fn missing() -> Error {
    Error::NotFound("There is no connection with this id.".into())
}

fn check_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Error::Invalid(
            "The connection's name has to have between 1 and 100 characters.".into(),
        ));
    }
    Ok(name.to_owned())
}

fn parse_catalog(text: Option<&str>) -> Result<Catalog> {
    match text {
        Some(text) => serde_json::from_str(text).map_err(Error::internal),
        None => Ok(Catalog::default()),
    }
}
