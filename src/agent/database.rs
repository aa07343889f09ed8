//! The database beside the agent: whether it can be reached right now, what its role could do, and its
//! catalog as the policy lets it leave.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::Beside;
use crate::catalog::Catalog;
use crate::config::{DatabaseParts, PolicyConfig};
use crate::error::{Error, Result, SourceFault};
use crate::guard::Policy;
use crate::protocol::{self, HEARTBEAT, PolicySummary};
use crate::source::{Kind, Source, connect_parts};

/// How long one attempt to reach the database may take.
const PROBE_WITHIN: Duration = Duration::from_secs(10);
/// How soon an unreachable database is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(3);
/// How long reading the schema may take.
const CATALOG_WITHIN: Duration = Duration::from_secs(120);

/// One database, served to one or more connections.
pub struct Database {
    /// None until its kind is known.
    source: watch::Sender<Option<Arc<dyn Source>>>,
    parts: Option<DatabaseParts>,
    pub policy: Policy,
    report: watch::Sender<Option<protocol::Database>>,
    catalog: Mutex<Option<Arc<Catalog>>>,
    /// Rules of the policy that fit nothing, as last said in the log.
    idle_rules: Mutex<Vec<String>>,
}

impl Database {
    pub fn new(beside: Beside, policy: PolicyConfig) -> Database {
        let (source, parts) = match beside {
            Beside::Source(source) => (Some(source), None),
            Beside::Parts(parts) => (None, Some(parts)),
        };
        let policy = Policy::new(policy);
        if policy.hashes_with_passing_key() {
            tracing::warn!(
                "policy.mask_key is not set, so the hashes of masked columns change with every start of this \
                 agent."
            );
        }
        Database {
            source: watch::channel(source).0,
            parts,
            policy,
            report: watch::channel(None).0,
            catalog: Mutex::default(),
            idle_rules: Mutex::default(),
        }
    }

    /// Whether this is the same database.
    pub fn is_of(&self, beside: &Beside) -> bool {
        match beside {
            Beside::Source(source) => {
                let own = self.source.borrow();
                own.as_ref().is_some_and(|own| Arc::ptr_eq(own, source))
            }
            Beside::Parts(_) => self.parts.is_some(),
        }
    }

    /// Where its queries run. Errors: `Source` as long as its kind is not known.
    pub fn source(&self) -> Result<Arc<dyn Source>> {
        self.source.borrow().clone().ok_or_else(|| {
            Error::source(
                SourceFault::Unreachable,
                "The agent does not know yet which kind of database it serves.",
            )
        })
    }

    /// The server said which kind of database the connection was made for. Errors: `Invalid` when this one is
    /// of another kind, or cannot be opened as such.
    pub fn is_expected_to_be(&self, kind: &str) -> Result<()> {
        if let Ok(source) = self.source() {
            let own = Kind::of(source.dialect()).map_or("FILES", Kind::name);
            return match own == kind {
                true => Ok(()),
                false => Err(Error::Invalid(format!(
                    "This connection was made for {}, but the agent's database is {own}.",
                    protocol::sentence(kind)
                ))),
            };
        }
        let parts = self.parts.clone().unwrap_or_default();
        let source = connect_parts(Kind::named(kind)?, &parts)?;
        self.source.send_replace(Some(source));
        Ok(())
    }

    /// The policy in force, as the server is told.
    pub fn policy_summary(&self) -> PolicySummary {
        self.policy.summary()
    }

    /// Reports as they change; None until the first probe.
    pub fn reports(&self) -> watch::Receiver<Option<protocol::Database>> {
        self.report.subscribe()
    }

    /// Probes for ever: what the server and the log are told is never much older than a heartbeat.
    pub async fn keep_probing(&self) {
        // The sender is ours, so this only ends with a source.
        let mut known = self.source.subscribe();
        known.wait_for(Option::is_some).await.ok();
        loop {
            let report = self.probe().await;
            tokio::time::sleep(if report.reachable { HEARTBEAT } else { RETRY_EVERY }).await;
        }
    }

    /// Tries the database now. A change is logged here and told to the servers.
    pub async fn probe(&self) -> protocol::Database {
        let check = async { self.source()?.check().await };
        let health = tokio::time::timeout(PROBE_WITHIN, check)
            .await
            .unwrap_or_else(|_| {
                Err(Error::Timeout(format!(
                    "The database did not answer within {} s.",
                    PROBE_WITHIN.as_secs()
                )))
            });
        let kind = self.source().ok().and_then(|source| Kind::of(source.dialect()));
        let kind = kind.map_or("FILES", Kind::name);
        let before = self.report.borrow().clone();
        let mut warnings = Vec::new();
        let report = match health {
            Ok(health) => protocol::Database {
                reachable: true,
                kind: kind.to_owned(),
                version: Some(health.version),
                role_warnings: {
                    warnings = health.role_warnings;
                    self.without_names(&warnings)
                },
                message: None,
            },
            Err(error) => protocol::Database {
                reachable: false,
                kind: kind.to_owned(),
                // What was known stays known.
                version: before.as_ref().and_then(|before| before.version.clone()),
                role_warnings: before
                    .as_ref()
                    .map(|b| b.role_warnings.clone())
                    .unwrap_or_default(),
                message: Some(error.to_string()),
            },
        }
        .fitted();
        let changed = self.report.send_if_modified(|current| {
            let changed = current.as_ref() != Some(&report);
            if changed {
                *current = Some(report.clone());
            }
            changed
        });
        if changed {
            log(before.as_ref(), &report, &warnings);
        }
        report
    }

    /// Warnings as the server may read them: with a policy they may name what it keeps here.
    fn without_names(&self, warnings: &[String]) -> Vec<String> {
        let bare = |warning: &String| match (warning.find(" ("), warning.rfind(')')) {
            (Some(from), Some(to)) if from < to => format!("{}{}", &warning[..from], &warning[to + 1..]),
            _ => warning.clone(),
        };
        if self.policy.restricts() {
            warnings.iter().map(bare).collect()
        } else {
            warnings.to_vec()
        }
    }

    /// The catalog last read, else a fresh one.
    pub async fn catalog(&self) -> Result<Arc<Catalog>> {
        let known = self
            .catalog
            .lock()
            .expect("no panic while the lock is held")
            .clone();
        match known {
            Some(catalog) => Ok(catalog),
            None => self.read_catalog().await,
        }
    }

    /// Takes what a server still knows of the schema. Errors: `Invalid` for what cannot be read; `Source` as long
    /// as the kind of database is not known.
    pub fn remember(&self, known: &str) -> Result<()> {
        self.source()?.remember(&protocol::known::unpack(known)?);
        Ok(())
    }

    /// Reads the catalog from the database, without what the policy keeps here.
    pub async fn read_catalog(&self) -> Result<Arc<Catalog>> {
        let source = self.source()?;
        let catalog = tokio::time::timeout(CATALOG_WITHIN, source.catalog())
            .await
            .map_err(|_| {
                Error::Timeout(format!(
                    "The database did not give its schema within {} s.",
                    CATALOG_WITHIN.as_secs()
                ))
            })??;
        self.log_idle_rules(&catalog);
        let catalog = Arc::new(self.policy.catalog(&catalog));
        *self.catalog.lock().expect("no panic while the lock is held") = Some(catalog.clone());
        Ok(catalog)
    }

    /// A misspelt rule leaves open what was meant to be closed.
    fn log_idle_rules(&self, full: &Catalog) {
        let idle = self.policy.idle_rules(full);
        let mut said = self.idle_rules.lock().expect("no panic while the lock is held");
        if *said == idle {
            return;
        }
        for rule in &idle {
            tracing::warn!("THE POLICY HAS A RULE THAT FITS NOTHING in this database: {rule}");
        }
        *said = idle;
    }
}

/// `warnings`: those of `now`, with the names that only the log may see.
fn log(before: Option<&protocol::Database>, now: &protocol::Database, warnings: &[String]) {
    let was_reachable = before.map(|before| before.reachable);
    if !now.reachable {
        tracing::error!(
            "The database cannot be reached: {}",
            now.message.as_deref().unwrap_or("it gave no reason")
        );
        return;
    }
    if was_reachable != Some(true) {
        tracing::info!(
            "The database is reachable: {}",
            now.version.as_deref().unwrap_or(now.kind.as_str())
        );
    }
    if before.map(|before| &before.role_warnings) != Some(&now.role_warnings) {
        for warning in warnings {
            tracing::warn!("THE DATABASE ROLE IS TOO POWERFUL: {warning}");
        }
        if !now.role_warnings.is_empty() {
            tracing::warn!(
                "Queries stay read-only all the same, but a role that may only read is the better lock. Give the \
                 agent one of its own."
            );
        }
    }
}
