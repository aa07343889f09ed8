//! Where the model is and how one proves who one is: the validated base URL and the key. It sends nothing.
//!
//! The key leaves this file only as a header marked sensitive; what endpoints echo goes through
//! [`Endpoint::scrub`] before anybody sees it.

use std::fmt;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use crate::config::LlmConfig;
use crate::error::{Error, Result};

/// Characters of an endpoint's own words that are passed on.
const MAX_WORDS: usize = 240;

/// An OpenAI-compatible endpoint.
pub(super) struct Endpoint {
    base: Url,
    key: Option<SecretString>,
    pub(super) model: String,
}

impl Endpoint {
    /// Errors: `Invalid` when the base URL or the key cannot be used.
    pub(super) fn new(config: &LlmConfig) -> Result<Endpoint> {
        // The URL itself stays out of the message: it may hold a key.
        let base = Url::parse(config.base_url.trim()).map_err(|error| {
            Error::Invalid(format!(
                "llm.base_url is not a URL ({error}); it has to look like https://api.openai.com/v1."
            ))
        })?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(Error::Invalid(
                "llm.base_url has to begin with http:// or https:// and a host.".into(),
            ));
        }
        let key = config
            .api_key
            .as_ref()
            .map(|key| key.expose_secret().trim().to_owned())
            .filter(|key| !key.is_empty())
            .map(SecretString::from);
        let endpoint = Endpoint {
            base,
            key,
            model: config.model.clone(),
        };
        if endpoint.key.is_some() && endpoint.auth().is_none() {
            return Err(Error::Invalid(
                "llm.api_key holds a character that cannot be sent in a header; copy it again.".into(),
            ));
        }
        if endpoint.key.is_some() && endpoint.base.scheme() == "http" && !endpoint.is_here() {
            tracing::warn!(endpoint = %endpoint, "the model's key travels unencrypted; use https in llm.base_url");
        }
        Ok(endpoint)
    }

    /// `{base}/{path}`, the base's query string kept (Azure's `?api-version=`).
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let base = url.path().trim_end_matches('/');
        let base = base.strip_suffix("/chat/completions").unwrap_or(base);
        let path = format!("{base}/{path}");
        url.set_path(&path);
        url
    }

    /// The header that carries the key; None without one.
    pub(super) fn auth(&self) -> Option<(HeaderName, HeaderValue)> {
        let key = self.key.as_ref()?.expose_secret();
        let (name, text) = if self.is_azure() {
            (HeaderName::from_static("api-key"), key.to_owned())
        } else {
            (AUTHORIZATION, format!("Bearer {key}"))
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }

    pub(super) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    fn is_azure(&self) -> bool {
        self.base.host_str().is_some_and(|host| {
            host.ends_with(".openai.azure.com")
                || host.ends_with(".cognitiveservices.azure.com")
                || host.ends_with(".services.ai.azure.com")
        })
    }

    /// Whether it is this machine: then no proxy is asked.
    pub(super) fn is_here(&self) -> bool {
        match self.base.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// The endpoint's words as one short line in which the key does not stand, not even in part.
    pub(super) fn scrub(&self, words: &str) -> String {
        let mut words = words.to_owned();
        if let Some(key) = &self.key {
            words = words.replace(key.expose_secret(), "[key]");
        }
        let line: Vec<&str> = words
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            // Endpoints repeat keys with some letters starred out; the rest of the letters are still secret.
            .map(|word| {
                if word.contains("sk-") || word.contains("***") || self.shares_letters(word) {
                    "[key]"
                } else {
                    word
                }
            })
            .collect();
        let line = line.join(" ");
        match line.char_indices().nth(MAX_WORDS) {
            None => line,
            Some((end, _)) => format!("{}…", &line[..end]),
        }
    }

    /// Whether a word repeats eight letters of the key in a row.
    fn shares_letters(&self, word: &str) -> bool {
        const TELLING: usize = 8;
        self.key.as_ref().is_some_and(|key| {
            let key = key.expose_secret().as_bytes();
            word.as_bytes()
                .windows(TELLING)
                .any(|part| key.windows(TELLING).any(|of_key| of_key == part))
        })
    }
}

/// Scheme, host and path; never user, password or query.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}",
            self.base.scheme(),
            self.base.host_str().unwrap_or_default()
        )?;
        if let Some(port) = self.base.port() {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.base.path().trim_end_matches('/'))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("base", &self.to_string())
            .field("model", &self.model)
            .field("has_key", &self.has_key())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(base: &str, key: Option<&str>) -> Endpoint {
        Endpoint::new(&LlmConfig::new(base, key.map(SecretString::from), "m")).unwrap()
    }

    #[test]
    fn the_base_keeps_its_query_and_azure_its_header() {
        let azure = endpoint(
            "https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
            Some("secret-key-1"),
        );
        assert_eq!(
            azure.url("chat/completions").as_str(),
            "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21"
        );
        assert_eq!(azure.auth().unwrap().0.as_str(), "api-key");
        assert_eq!(
            azure.to_string(),
            "https://x.openai.azure.com/openai/deployments/d"
        );
        let plain = endpoint("http://localhost:11434/v1/", None);
        assert_eq!(
            plain.url("chat/completions").as_str(),
            "http://localhost:11434/v1/chat/completions"
        );
        assert!(plain.auth().is_none());
        let full = endpoint("https://h/v1/chat/completions", Some("k"));
        assert_eq!(full.url("models").as_str(), "https://h/v1/models");
        assert!(full.auth().unwrap().1.is_sensitive());
    }

    #[test]
    fn the_key_stands_in_no_text() {
        let key = "prod-9f8e7d6c5b4a";
        let endpoint = endpoint("https://user:pass@h/v1?key=hidden", Some(key));
        let shown = format!("{endpoint} {endpoint:?}");
        for secret in [key, "pass", "hidden"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let words = endpoint.scrub(&format!(
            "Incorrect key {key}, or prod-9f8e7***5b4a, 'xx9f8e7d6c', sk-1.\nSee docs"
        ));
        assert_eq!(words, "Incorrect key [key], or [key] [key] [key] See docs");
    }

    #[test]
    fn unusable_urls_and_keys_are_refused_without_being_repeated() {
        for base in ["ftp://h/v1?key=hidden", "h/v1?key=hidden", ""] {
            let error = Endpoint::new(&LlmConfig::new(base, None, "m"))
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("llm.base_url") && !error.contains("hidden"),
                "{error}"
            );
        }
        let error = Endpoint::new(&LlmConfig::new("https://h", Some("a\nb-secret".into()), "m")).unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }
}
