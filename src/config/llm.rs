//! The language model, if there is one: which endpoint, with which key. It does not speak to it.

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use super::value::{Amount, WebUrl};
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
    /// Tokens that the model takes at once, prompt and answer together; None: as many as the prompt wants, fewer
    /// once the endpoint complains. Some endpoints never do, and silently forget how the prompt began.
    pub context_tokens: Option<u32>,
    /// None: what questions cost is not known.
    pub price: Option<Price>,
}

/// What a model costs, in the configured currency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Price {
    /// A million tokens that it reads.
    pub input: f64,
    /// A million tokens that it writes.
    pub output: f64,
}

impl Price {
    /// Errors: `Invalid` for what is no amount of money.
    pub fn check(self) -> Result<Price> {
        let amount = |amount: f64| amount.is_finite() && (0.0..=1_000_000.0).contains(&amount);
        if amount(self.input) && amount(self.output) {
            return Ok(self);
        }
        Err(Error::Invalid(
            "A price is for a million tokens and lies between 0 and 1000000.".into(),
        ))
    }

    /// What so many tokens cost.
    pub fn of(self, input_tokens: u64, output_tokens: u64) -> f64 {
        (self.input * input_tokens as f64 + self.output * output_tokens as f64) / 1e6
    }
}

/// What may be spent on the server's model, and in which money it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendingConfig {
    /// An ISO 4217 code.
    pub currency: String,
    /// Tokens of one person in a day (UTC), read and written together; None: no limit.
    pub user_tokens_per_day: Option<u64>,
    /// The same of a whole organisation.
    pub organization_tokens_per_day: Option<u64>,
}

impl SpendingConfig {
    pub(super) fn read(settings: &mut Settings<'_>) -> Result<SpendingConfig> {
        let currency = settings
            .get::<String>("llm", "currency")?
            .unwrap_or_else(|| "USD".into());
        if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return Err(Error::Invalid(
                "The currency (llm.currency) has to be three capital letters, such as USD or EUR.".into(),
            ));
        }
        Ok(SpendingConfig {
            currency,
            user_tokens_per_day: settings.get("llm", "user_tokens_per_day")?,
            organization_tokens_per_day: settings.get("llm", "organization_tokens_per_day")?,
        })
    }
}

/// What a prompt and its answer need at least, in tokens.
const LEAST_CONTEXT: u32 = 4_000;

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
    context_tokens: Option<u32>,
    input_price: Option<Amount>,
    output_price: Option<Amount>,
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
            context_tokens: None,
            price: None,
        }
    }

    /// Errors: `Invalid` for a context that no prompt fits into.
    pub fn check(&self) -> Result<()> {
        match self.context_tokens {
            Some(tokens) if tokens < LEAST_CONTEXT => Err(Error::Invalid(format!(
                "A model that takes {tokens} tokens at once (context_tokens) is too small: {LEAST_CONTEXT} are needed \
                 for the rules, a few tables and the answer."
            ))),
            _ => Ok(()),
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
            context_tokens: settings.get("llm", "context_tokens")?,
            input_price: settings.get("llm", "input_price")?,
            output_price: settings.get("llm", "output_price")?,
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
        llm.context_tokens = self.context_tokens;
        llm.price = match (self.input_price, self.output_price) {
            (None, None) => None,
            (Some(Amount(input)), Some(Amount(output))) => Some(Price { input, output }.check()?),
            _ => {
                return Err(Error::Invalid(
                    "A model has two prices: set both llm.input_price and llm.output_price, or neither."
                        .into(),
                ));
            }
        };
        llm.check()?;
        Ok(Some(llm))
    }
}
