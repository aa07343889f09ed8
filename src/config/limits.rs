//! How often one account or one address may do something, and whom to believe about addresses. The counting is
//! `service::limits`' job.

use ipnet::IpNet;
use toml::de::DeValue;

use super::settings::Settings;
use super::value::Setting;
use crate::error::{Error, Result};

/// `[limits]`; 0 switches a class off.
#[derive(Debug, Clone)]
pub struct LimitsConfig {
    /// Log-ins of one account. Never 0.
    pub log_in_per_minute: u32,
    /// Sign-ups and letters asked for (forgotten password, confirmation again) of one e-mail address.
    pub sign_up_per_hour: u32,
    /// Invitations sent by one account.
    pub invitations_per_hour: u32,
    /// Questions and queries of one account.
    pub ask_per_minute: u32,
    /// Uploads of one account.
    pub upload_per_minute: u32,
    /// Requests of one account, whatever they are.
    pub everything_per_minute: u32,
    /// How much more one network address may do than one account: a whole office can stand behind it.
    pub address_factor: u32,
}

impl Default for LimitsConfig {
    fn default() -> LimitsConfig {
        LimitsConfig {
            log_in_per_minute: 30,
            sign_up_per_hour: 20,
            invitations_per_hour: 200,
            ask_per_minute: 600,
            upload_per_minute: 300,
            everything_per_minute: 6_000,
            address_factor: 10,
        }
    }
}

impl LimitsConfig {
    pub(super) fn read(s: &mut Settings<'_>) -> Result<LimitsConfig> {
        let default = LimitsConfig::default();
        let mut number = |key, default| Ok::<u32, Error>(s.get("limits", key)?.unwrap_or(default));
        Ok(LimitsConfig {
            log_in_per_minute: number("log_in_per_minute", default.log_in_per_minute)?,
            sign_up_per_hour: number("sign_up_per_hour", default.sign_up_per_hour)?,
            invitations_per_hour: number("invitations_per_hour", default.invitations_per_hour)?,
            ask_per_minute: number("ask_per_minute", default.ask_per_minute)?,
            upload_per_minute: number("upload_per_minute", default.upload_per_minute)?,
            everything_per_minute: number("everything_per_minute", default.everything_per_minute)?,
            address_factor: number("address_factor", default.address_factor)?,
        })
    }

    /// What a value can only be judged on with its meaning in mind.
    pub(super) fn check(&self) -> Result<()> {
        for (key, value) in [
            ("log_in_per_minute", self.log_in_per_minute),
            ("address_factor", self.address_factor),
        ] {
            if value == 0 {
                return Err(Error::Invalid(format!(
                    "limits.{key} has to be 1 or more: without it passwords could be guessed at any speed."
                )));
            }
        }
        Ok(())
    }
}

/// Networks whose machines are believed about whom they speak for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Networks(pub(super) Vec<IpNet>);

/// Web origins: scheme, host and port, nothing behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origins(pub(super) Vec<String>);

impl Setting for Networks {
    const WHAT: &'static str =
        "a list of addresses or networks, such as [\"10.0.0.0/8\", \"127.0.0.1\", \"fd00::/8\"]";

    fn from_text(text: &str) -> Option<Networks> {
        list(text, network).map(Networks)
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Networks> {
        items(value, network).map(Networks)
    }
}

impl Setting for Origins {
    const WHAT: &'static str = "a list of web origins (scheme, host and port, nothing behind), such as \
                                [\"https://app.example.com\"]";

    fn from_text(text: &str) -> Option<Origins> {
        list(text, origin).map(Origins)
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Origins> {
        items(value, origin).map(Origins)
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse().ok().map(|address: std::net::IpAddr| address.into()))
}

/// As browsers write it in `Origin`. No `*`: the answers are for people who are logged in.
fn origin(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let bare = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty();
    bare.then(|| url.origin().ascii_serialization())
}

fn list<T>(text: &str, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(|part| item(part.trim())).collect()
}

fn items<T>(value: &DeValue<'_>, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    value
        .as_array()?
        .iter()
        .map(|one| item(one.get_ref().as_str()?.trim()))
        .collect()
}
