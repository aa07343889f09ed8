//! The language model, if there is one: which endpoint, with which key. It does not speak to it.

use std::time::Duration;

use secrecy::SecretString;

use super::settings::Settings;
use super::value::WebUrl;
use crate::error::{Error, Result};

/// The base URL a key alone is used with.
const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";
/// The model asked there, unless another is named.
const OPENAI_MODEL: &str = "gpt-4.1-mini";

/// `[llm]`
#[derive(Debug, Clone)]
pub struct LlmConfig {
    /// OpenAI-compatible base, e.g. `https://api.openai.com/v1`; a query string is kept.
    pub base_url: String,
    /// None for endpoints that need no key.
    pub api_key: Option<SecretString>,
    pub model: String,
    /// Time to reach the endpoint.
    pub connect_timeout: Duration,
    /// Time until the first byte and between two bytes, and for a whole answer that does not stream.
    pub read_timeout: Duration,
    /// Further tries on 429 and 5xx.
    pub retries: u32,
    /// Whether frequent values and the extremes of columns, which come from rows, are sent with the catalog.
    pub value_hints: bool,
}

/// The keys of `[llm]` as they stand, typed but not yet put together.
pub(super) struct Raw {
    enabled: Option<bool>,
    base_url: Option<String>,
    api_key: Option<SecretString>,
    model: Option<String>,
    connect_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
    retries: Option<u32>,
    value_hints: Option<bool>,
}

impl LlmConfig {
    /// OpenAI's own endpoint, or any other that speaks its language, with the default time-outs.
    pub fn new(
        base_url: impl Into<String>,
        api_key: Option<SecretString>,
        model: impl Into<String>,
    ) -> LlmConfig {
        LlmConfig {
            base_url: base_url.into(),
            api_key,
            model: model.into(),
            connect_timeout: Duration::from_secs(10),
            // Models at home may read a long prompt for a minute before they say a word.
            read_timeout: Duration::from_secs(120),
            retries: 3,
            value_hints: false,
        }
    }
}

impl Raw {
    pub(super) fn read(settings: &mut Settings<'_>) -> Result<Raw> {
        Ok(Raw {
            enabled: settings.get("llm", "enabled")?,
            base_url: settings
                .get_or_plain("llm", "base_url", &["OPENAI_BASE_URL"])?
                .map(|WebUrl(url)| url),
            api_key: settings.secret("llm", "api_key", "api_key_file", &["OPENAI_API_KEY"])?,
            model: settings.get_or_plain("llm", "model", &["OPENAI_MODEL"])?,
            connect_timeout: settings.get("llm", "connect_timeout")?,
            read_timeout: settings.get("llm", "read_timeout")?,
            retries: settings.get("llm", "retries")?,
            value_hints: settings.get("llm", "value_hints")?,
        })
    }

    /// A key alone means OpenAI; a base URL of one's own needs the model's name, since nobody can guess it.
    pub(super) fn complete(self) -> Result<Option<LlmConfig>> {
        if self.enabled == Some(false) {
            return Ok(None);
        }
        let (base_url, model) = match (self.base_url, self.model) {
            (None, model) if self.api_key.is_some() => (OPENAI_BASE_URL.into(), model),
            (None, None) => return Ok(None),
            (None, Some(_)) => {
                return Err(Error::Invalid(
                    "A model is named (llm.model, OPENAI_MODEL) but not where it runs; set llm.api_key or \
                     OPENAI_API_KEY for OpenAI, or llm.base_url for another endpoint."
                        .into(),
                ));
            }
            (Some(url), model) => (url, model),
        };
        let model = match model {
            Some(model) => model,
            None if base_url == OPENAI_BASE_URL => OPENAI_MODEL.into(),
            None => {
                return Err(Error::Invalid(
                    "A model's base URL is set (llm.base_url, OPENAI_BASE_URL) but no model; name it in \
                     llm.model or OPENAI_MODEL."
                        .into(),
                ));
            }
        };
        let mut llm = LlmConfig::new(base_url, self.api_key, model);
        llm.connect_timeout = self.connect_timeout.unwrap_or(llm.connect_timeout);
        llm.read_timeout = self.read_timeout.unwrap_or(llm.read_timeout);
        llm.retries = self.retries.unwrap_or(llm.retries);
        llm.value_hints = self.value_hints.unwrap_or(llm.value_hints);
        Ok(Some(llm))
    }
}
