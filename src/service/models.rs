//! Which translator reads an organisation's questions: the server's, a model of its own, or none but the offline
//! one. A key of its own is stored sealed and never shown again.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use url::Url;

use super::accounts::Identity;
use super::bus::{Bus, Message};
use super::translations::Remembered;
use crate::config::{LlmConfig, Price};
use crate::db::{Db, audit, models as records};
use crate::error::{Error, Result};
use crate::seal::Sealer;
use crate::translate::Translator;
use crate::translate::llm::Llm;
use crate::translate::offline::Offline;

/// Characters of an address, a name, a key.
const MAX_TEXT: usize = 2_000;

/// What is dropped from caches when an organisation sets another model.
const CACHE: &str = "models";

/// What an organisation has set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum OwnModel {
    /// No model, whatever the server has.
    Offline,
    /// A model of its own.
    Own {
        base_url: String,
        model: String,
        /// See [`LlmConfig::value_hints`].
        #[serde(default)]
        value_hints: bool,
        /// See [`LlmConfig::context_tokens`].
        #[serde(default)]
        context_tokens: Option<u32>,
        /// See [`LlmConfig::price`].
        #[serde(default)]
        price: Option<Price>,
    },
}

/// What is to be set. `server` takes back what was.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum ModelChange {
    /// As the server is configured.
    Server,
    Offline,
    Own {
        /// The OpenAI-compatible base, e.g. `https://api.openai.com/v1`; a query string is kept.
        base_url: String,
        model: String,
        /// Left out: the key that is set stays, as long as the address does. Empty: none.
        #[serde(default, deserialize_with = "secret")]
        #[schema(value_type = Option<String>)]
        api_key: Option<SecretString>,
        #[serde(default)]
        value_hints: bool,
        context_tokens: Option<u32>,
        /// What it costs, so that answers can say what they cost; null where nobody knows.
        price: Option<Price>,
    },
}

fn secret<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(value)?.map(SecretString::from))
}

/// Who decides on an organisation's model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SetBy {
    Server,
    Organization,
}

/// What holds for an organisation.
#[derive(Clone)]
pub struct InForce {
    pub set_by: SetBy,
    /// None: the offline translator.
    pub llm: Option<LlmConfig>,
    pub translator: Arc<dyn Translator>,
}

/// The translators of all organisations. Cheap to clone.
#[derive(Clone)]
pub struct Models {
    db: Db,
    bus: Bus,
    sealer: Sealer,
    /// Whether organisations may set one of their own.
    own: bool,
    server: InForce,
    remembered: Remembered,
    known: Arc<RwLock<HashMap<String, InForce>>>,
}

impl Models {
    /// `remembered` is the memory that all translators share. Errors: `Invalid` for a base URL or key that cannot
    /// be used.
    pub fn new(
        db: Db,
        bus: Bus,
        sealer: Sealer,
        server: Option<LlmConfig>,
        own: bool,
        remembered: Remembered,
    ) -> Result<Models> {
        let translator: Arc<dyn Translator> = match &server {
            Some(llm) => Arc::new(Llm::new(llm.clone())?),
            None => Arc::new(Offline),
        };
        Ok(Models {
            db,
            bus,
            sealer,
            own,
            server: InForce {
                set_by: SetBy::Server,
                llm: server,
                translator: Arc::new(remembered.around(translator, "")),
            },
            remembered,
            known: Arc::default(),
        })
    }

    /// Whether organisations may set one of their own here.
    pub fn may_be_set(&self) -> bool {
        self.own
    }

    /// The server's own.
    pub fn server(&self) -> &InForce {
        &self.server
    }

    /// What holds for an organisation.
    pub fn of(&self, organization_id: &str) -> InForce {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(organization_id).unwrap_or(&self.server).clone()
    }

    /// Reads what there is in the store. What cannot be used, because its key was sealed with another secret key
    /// above all, is logged, and its organisation asks offline rather than elsewhere.
    pub async fn load(&self) -> Result<()> {
        let all = if self.own {
            self.db.read(records::all).await?
        } else {
            Vec::new()
        };
        let mut known = HashMap::new();
        for record in all {
            let in_force = self.opened(&record).unwrap_or_else(|error| {
                tracing::error!(
                    organization = record.organization_id,
                    %error,
                    "the organization's model cannot be used; its questions are read offline"
                );
                self.offline(&record.organization_id)
            });
            known.insert(record.organization_id, in_force);
        }
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
                tracing::error!(%error, "the organizations' models could not be read");
            }
        }
    }

    /// Sets, or takes back. Errors: `Forbidden` where the server does not allow it; `Invalid`.
    pub async fn change(&self, who: &Identity, change: ModelChange) -> Result<InForce> {
        self.allowed()?;
        let organization = who.organization_id.clone();
        let old = self.of(&organization);
        let (setting, key) = match change {
            ModelChange::Server => (None, None),
            ModelChange::Offline => (Some(OwnModel::Offline), None),
            own @ ModelChange::Own { .. } => {
                let config = self.proposed(who, own)?;
                // Says at once what could never work.
                Llm::new(config.clone())?;
                let setting = OwnModel::Own {
                    base_url: config.base_url,
                    model: config.model,
                    value_hints: config.value_hints,
                    context_tokens: config.context_tokens,
                    price: config.price,
                };
                (Some(setting), config.api_key)
            }
        };
        let sealed = key
            .as_ref()
            .map(|key| {
                self.sealer
                    .seal(&record_id(&organization), key.expose_secret().as_bytes())
            })
            .transpose()?;
        let told = |llm: &Option<LlmConfig>| {
            llm.as_ref().map(
                |llm| json!({ "base_url": llm.base_url, "model": llm.model, "value_hints": llm.value_hints }),
            )
        };
        let details = json!({
            "from": told(&old.llm),
            "to": setting,
            "key_set": key.is_some(),
        });
        let deed = who.did("settings.model_changed", "organization", &organization, details);
        let target = organization.clone();
        self.db
            .write(move |conn| {
                match &setting {
                    None => records::delete(conn, &target)?,
                    Some(setting) => {
                        let value = serde_json::to_string(setting).map_err(Error::internal)?;
                        records::set(conn, &target, &value, sealed.as_deref())?;
                    }
                }
                audit::append(conn, &deed)
            })
            .await?;
        self.load().await?;
        self.bus.publish_elsewhere(Message::CacheDrop {
            what: CACHE.into(),
            id: Some(organization.clone()),
        });
        Ok(self.of(&organization))
    }

    /// The model that a test is to try: what is proposed, or what is in force. Errors: `Invalid` when there is
    /// none; `Forbidden`.
    pub fn to_test(&self, who: &Identity, proposed: Option<ModelChange>) -> Result<LlmConfig> {
        let none = || {
            Error::Invalid(
                "No model is configured. Set one here, or OPENAI_API_KEY or [llm] in the server's configuration."
                    .into(),
            )
        };
        match proposed {
            None => self.of(&who.organization_id).llm.ok_or_else(none),
            Some(ModelChange::Server) => self.server.llm.clone().ok_or_else(none),
            Some(ModelChange::Offline) => Err(Error::Invalid(
                "The offline translator needs no test: it is always there.".into(),
            )),
            Some(own) => {
                self.allowed()?;
                self.proposed(who, own)
            }
        }
    }

    fn allowed(&self) -> Result<()> {
        if self.own {
            return Ok(());
        }
        Err(Error::Forbidden(
            "This server does not let organizations set a model of their own (llm.own_models).".into(),
        ))
    }

    /// The configuration of a model of its own. A key that is not sent goes on being used, but only with the
    /// address it was given for: it would otherwise be sent to whoever owns another one.
    fn proposed(&self, who: &Identity, change: ModelChange) -> Result<LlmConfig> {
        let ModelChange::Own {
            base_url,
            model,
            api_key,
            value_hints,
            context_tokens,
            price,
        } = change
        else {
            return Err(Error::internal("not a model of its own"));
        };
        let base_url = address(&base_url)?;
        let model = short("model's name", model.trim())?;
        let key = match api_key {
            Some(key) => Some(key).filter(|key| !key.expose_secret().trim().is_empty()),
            None => {
                let old = self.of(&who.organization_id);
                old.llm
                    .filter(|llm| old.set_by == SetBy::Organization && llm.base_url == base_url)
                    .and_then(|llm| llm.api_key)
            }
        };
        if let Some(key) = &key {
            short("key", key.expose_secret())?;
        }
        let mut config = LlmConfig::new(base_url, key, model);
        config.value_hints = value_hints;
        config.context_tokens = context_tokens;
        config.price = price.map(Price::check).transpose()?;
        config.check()?;
        if let Some(server) = &self.server.llm {
            config.connect_timeout = server.connect_timeout;
            config.read_timeout = server.read_timeout;
            config.retries = server.retries;
        }
        Ok(config)
    }

    fn opened(&self, record: &records::Model) -> Result<InForce> {
        let setting: OwnModel = serde_json::from_str(&record.value).map_err(Error::internal)?;
        let OwnModel::Own {
            base_url,
            model,
            value_hints,
            context_tokens,
            price,
        } = setting
        else {
            return Ok(self.offline(&record.organization_id));
        };
        let key = match &record.api_key {
            Some(sealed) => {
                let plain = self.sealer.open(&record_id(&record.organization_id), sealed)?;
                Some(String::from_utf8(plain).map_err(Error::internal)?.into())
            }
            None => None,
        };
        let mut config = LlmConfig::new(base_url, key, model);
        config.value_hints = value_hints;
        config.context_tokens = context_tokens;
        config.price = price;
        if let Some(server) = &self.server.llm {
            config.connect_timeout = server.connect_timeout;
            config.read_timeout = server.read_timeout;
            config.retries = server.retries;
        }
        let translator = Arc::new(Llm::new(config.clone())?);
        // Another model, another memory.
        let memory = format!("{} {}", record.organization_id, record.value);
        Ok(InForce {
            set_by: SetBy::Organization,
            llm: Some(config),
            translator: Arc::new(self.remembered.around(translator, &memory)),
        })
    }

    fn offline(&self, organization_id: &str) -> InForce {
        InForce {
            set_by: SetBy::Organization,
            llm: None,
            translator: Arc::new(self.remembered.around(Arc::new(Offline), organization_id)),
        }
    }
}

/// What a key is sealed for.
pub fn record_id(organization_id: &str) -> String {
    format!("model:{organization_id}")
}

fn address(text: &str) -> Result<String> {
    let text = short("address", text.trim())?;
    let url = Url::parse(&text).ok();
    let is_web = url
        .as_ref()
        .is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !is_web {
        return Err(Error::Invalid(
            "The model's address has to begin with http:// or https://, for example https://api.openai.com/v1.".into(),
        ));
    }
    if url.is_some_and(|url| !url.username().is_empty() || url.password().is_some()) {
        return Err(Error::Invalid(
            "The model's address must not hold a user or password; put the key into its own field.".into(),
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn short(what: &str, text: &str) -> Result<String> {
    if text.is_empty() {
        return Err(Error::Invalid(format!("The {what} is missing.")));
    }
    if text.chars().count() > MAX_TEXT {
        return Err(Error::Invalid(format!(
            "The {what} is too long; {MAX_TEXT} characters are the most."
        )));
    }
    Ok(text.to_owned())
}
