//! What an organisation sets for itself: how long things are kept, what may leave in traces, and how much of the
//! language model may be used.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;

use super::accounts::Identity;
use super::bus::{Bus, Message};
use crate::db::{Db, audit, preferences as records};
use crate::error::{Error, Result};

/// What an organisation has set. What is null holds as the server is configured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Preferences {
    /// Days that entries of the audit log are kept; null: for ever.
    pub audit_days: Option<u32>,
    /// Days that stored results are kept which nobody starred; null: as the server is configured.
    pub result_days: Option<u32>,
    /// Whether the words of questions and queries go into exported traces.
    pub trace_questions: bool,
    /// Whether the first rows of answers go into exported traces as well.
    pub trace_rows: bool,
    /// Tokens of the language model that one person may use in a day (UTC), read and written together; null: no
    /// limit of the organisation's own.
    pub user_tokens_per_day: Option<u64>,
    /// The same of all people together.
    pub organization_tokens_per_day: Option<u64>,
}

/// A change of some of them. What is left out stays; null takes a value back.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreferencesChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub audit_days: Option<Option<u32>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub result_days: Option<Option<u32>>,
    pub trace_questions: Option<bool>,
    pub trace_rows: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u64>)]
    pub user_tokens_per_day: Option<Option<u64>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u64>)]
    pub organization_tokens_per_day: Option<Option<u64>>,
}

/// Tells `null` from what is not there.
fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    value: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// A hundred years.
const MAX_DAYS: u32 = 36_500;

/// Far more tokens than anybody uses in a day, and few enough to be added up.
const MAX_TOKENS: u64 = 1_000_000_000_000;

/// Of all organisations, in memory: they are asked for with every question. Cheap to clone.
#[derive(Clone)]
pub struct PreferenceBook {
    db: Db,
    bus: Bus,
    known: Arc<RwLock<HashMap<String, Preferences>>>,
}

/// What is dropped from caches when an organisation changes its mind.
const CACHE: &str = "preferences";

impl PreferenceBook {
    pub fn new(db: Db, bus: Bus) -> PreferenceBook {
        PreferenceBook {
            db,
            bus,
            known: Arc::default(),
        }
    }

    /// Reads what there is in the store.
    pub async fn load(&self) -> Result<()> {
        let all = self.db.read(records::all).await?;
        let known = all
            .into_iter()
            .map(|(organization, value)| (organization, parse(&value)))
            .collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// Reads them anew whenever another server has changed some. Runs as one task, for ever.
    pub async fn keep_up(self) {
        let mut messages = self.bus.subscribe();
        loop {
            match messages.recv().await {
                Ok(Message::CacheDrop { what, .. }) if what != CACHE => continue,
                Ok(Message::CacheDrop { .. } | Message::Anew) | Err(RecvError::Lagged(_)) => {}
                Ok(_) => continue,
                Err(RecvError::Closed) => return,
            }
            if let Err(error) = self.load().await {
                tracing::error!(%error, "the organizations' preferences could not be read");
            }
        }
    }

    /// Of one organisation.
    pub fn of(&self, organization_id: &str) -> Preferences {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(organization_id).cloned().unwrap_or_default()
    }

    /// How long an organisation keeps its audit log; None: for ever.
    pub fn audit_kept(&self, organization_id: &str) -> Option<TimeDelta> {
        self.of(organization_id)
            .audit_days
            .map(|days| TimeDelta::days(days.into()))
    }

    /// How long an organisation keeps results; None: as configured.
    pub fn results_kept(&self, organization_id: &str) -> Option<TimeDelta> {
        self.of(organization_id)
            .result_days
            .map(|days| TimeDelta::days(days.into()))
    }

    /// The organisations that keep results for so many days.
    pub fn result_days(&self) -> Vec<(String, u32)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known
            .iter()
            .filter_map(|(organization, set)| Some((organization.clone(), set.result_days?)))
            .collect()
    }

    /// Changes some of them. Errors: `Invalid`.
    pub async fn change(&self, who: &Identity, change: PreferencesChange) -> Result<Preferences> {
        for days in [change.audit_days, change.result_days]
            .into_iter()
            .flatten()
            .flatten()
        {
            if !(1..=MAX_DAYS).contains(&days) {
                return Err(Error::Invalid(format!(
                    "A number of days has to be between 1 and {MAX_DAYS}; leave it empty (null) to set no limit of \
                     your own."
                )));
            }
        }
        for tokens in [change.user_tokens_per_day, change.organization_tokens_per_day]
            .into_iter()
            .flatten()
            .flatten()
        {
            if tokens > MAX_TOKENS {
                return Err(Error::Invalid(format!(
                    "A number of tokens a day has to be between 0 and {MAX_TOKENS}; leave it empty (null) to set no \
                     limit of your own."
                )));
            }
        }
        let organization = who.organization_id.clone();
        let changer = who.clone();
        let new = self
            .db
            .write(move |conn| {
                let old =
                    records::get(conn, &organization)?.map_or_else(Preferences::default, |text| parse(&text));
                let new = Preferences {
                    audit_days: change.audit_days.unwrap_or(old.audit_days),
                    result_days: change.result_days.unwrap_or(old.result_days),
                    trace_questions: change.trace_questions.unwrap_or(old.trace_questions),
                    trace_rows: change.trace_rows.unwrap_or(old.trace_rows),
                    user_tokens_per_day: change.user_tokens_per_day.unwrap_or(old.user_tokens_per_day),
                    organization_tokens_per_day: change
                        .organization_tokens_per_day
                        .unwrap_or(old.organization_tokens_per_day),
                };
                if new.trace_rows && !new.trace_questions {
                    return Err(Error::Invalid(
                        "Rows go into traces only together with the questions; switch both on, or rows off."
                            .into(),
                    ));
                }
                if new != old {
                    let value = serde_json::to_string(&new).map_err(Error::internal)?;
                    records::set(conn, &organization, &value)?;
                    let details = serde_json::json!({ "from": old, "to": new });
                    let deed = changer.did("settings.changed", "organization", &organization, details);
                    audit::append(conn, &deed)?;
                }
                Ok(new)
            })
            .await?;
        self.known
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(who.organization_id.clone(), new.clone());
        self.bus.publish_elsewhere(Message::CacheDrop {
            what: CACHE.into(),
            id: Some(who.organization_id.clone()),
        });
        Ok(new)
    }
}

/// What an older or newer version wrote is read as far as it is understood.
fn parse(value: &str) -> Preferences {
    serde_json::from_str(value).unwrap_or_else(|error| {
        tracing::error!(%error, "an organization's preferences cannot be read; the defaults hold");
        Preferences::default()
    })
}
