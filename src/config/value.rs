//! What one configured value may look like: as TOML in the file, as text in the environment.
//!
//! It does not know where a value came from; `settings` adds that to the message.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use toml::de::DeValue;
use url::Url;

use super::LogFormat;

/// A type that can be configured.
pub(super) trait Setting: Sized {
    /// What a right value is, to complete "… has to be".
    const WHAT: &'static str;

    /// From the environment, or from a string in the file.
    fn from_text(text: &str) -> Option<Self>;

    /// From the file. Only strings, unless the type says otherwise: `port = "25"` is a mistake worth a word.
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }
}

/// A number of bytes, more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

/// An `http://` or `https://` address, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WebUrl(pub(super) String);

/// An amount of money, nothing or more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Amount(pub(super) f64);

/// Servers as an agent names them: by web address, or by the full address of a connection's socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerUrls(pub(super) Vec<String>);

/// A log filter that can be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogFilter(pub(super) String);

impl Setting for LogFilter {
    const WHAT: &'static str =
        "a log level such as \"info\", perhaps per module: \"info,clean_custard=debug\"";

    fn from_text(text: &str) -> Option<LogFilter> {
        // The parser itself takes any single word for a module's name, so `inof` would silence everything.
        let levels_are_known = text.split(',').all(|part| {
            let level = part.rsplit('=').next().unwrap_or_default().trim();
            level.parse::<tracing::level_filters::LevelFilter>().is_ok()
        });
        (levels_are_known && tracing_subscriber::EnvFilter::try_new(text).is_ok())
            .then(|| LogFilter(text.to_owned()))
    }
}

impl Setting for String {
    const WHAT: &'static str = "a text that is not empty";

    fn from_text(text: &str) -> Option<String> {
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

impl Setting for SecretString {
    const WHAT: &'static str = "a text that is not empty";

    fn from_text(text: &str) -> Option<SecretString> {
        // Not trimmed: a password may begin or end with a space.
        (!text.is_empty()).then(|| text.into())
    }
}

impl Setting for PathBuf {
    const WHAT: &'static str = "a path";

    fn from_text(text: &str) -> Option<PathBuf> {
        (!text.is_empty()).then(|| PathBuf::from(text))
    }
}

impl Setting for SocketAddr {
    const WHAT: &'static str = "an address and a port, such as 127.0.0.1:8080 or [::]:8080";

    fn from_text(text: &str) -> Option<SocketAddr> {
        text.trim().parse().ok()
    }
}

impl Setting for WebUrl {
    const WHAT: &'static str = "an address that begins with http:// or https://";

    fn from_text(text: &str) -> Option<WebUrl> {
        let url = Url::parse(text.trim()).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host())
            .then(|| WebUrl(text.trim().trim_end_matches('/').to_owned()))
    }
}

impl Setting for bool {
    const WHAT: &'static str = "true or false";

    fn from_text(text: &str) -> Option<bool> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        }
    }

    fn from_toml(value: &DeValue<'_>) -> Option<bool> {
        value.as_bool()
    }
}

impl Setting for u32 {
    const WHAT: &'static str = "a whole number, 0 or more";

    fn from_text(text: &str) -> Option<u32> {
        text.trim().parse().ok()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<u32> {
        integer(value)?.try_into().ok()
    }
}

impl Setting for u64 {
    const WHAT: &'static str = "a whole number, 0 or more";

    fn from_text(text: &str) -> Option<u64> {
        text.trim().parse().ok()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<u64> {
        integer(value)
    }
}

impl Setting for Amount {
    const WHAT: &'static str = "an amount of money, 0 or more, such as 0.40";

    fn from_text(text: &str) -> Option<Amount> {
        let amount: f64 = text.trim().parse().ok()?;
        (amount.is_finite() && amount >= 0.0).then_some(Amount(amount))
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Amount> {
        match value {
            DeValue::Float(number) => Amount::from_text(number.as_str()),
            _ => Some(Amount(integer(value)? as f64)),
        }
    }
}

impl Setting for NonZeroU32 {
    const WHAT: &'static str = "a whole number, 1 or more";

    fn from_text(text: &str) -> Option<NonZeroU32> {
        text.trim().parse().ok()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<NonZeroU32> {
        NonZeroU32::new(integer(value)?.try_into().ok()?)
    }
}

impl Setting for NonZeroU64 {
    const WHAT: &'static str = "a whole number, 1 or more";

    fn from_text(text: &str) -> Option<NonZeroU64> {
        text.trim().parse().ok()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<NonZeroU64> {
        NonZeroU64::new(integer(value)?)
    }
}

impl Setting for NonZeroUsize {
    const WHAT: &'static str = "a whole number, 1 or more";

    fn from_text(text: &str) -> Option<NonZeroUsize> {
        text.trim().parse().ok()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<NonZeroUsize> {
        NonZeroUsize::new(integer(value)?.try_into().ok()?)
    }
}

impl Setting for Size {
    const WHAT: &'static str = "a size such as \"512 MB\", \"1 GiB\" or a number of bytes, and more than 0";

    fn from_text(text: &str) -> Option<Size> {
        let (number, unit) = number_and_unit(text)?;
        let factor: u64 = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            _ => return None,
        };
        number.checked_mul(factor).filter(|bytes| *bytes > 0).map(Size)
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Size> {
        match value.as_str() {
            Some(text) => Size::from_text(text),
            None => integer(value).filter(|bytes| *bytes > 0).map(Size),
        }
    }
}

impl Setting for Duration {
    // A bare number is refused on purpose: seconds and milliseconds are too easily confused.
    const WHAT: &'static str = "a time such as \"500ms\", \"60s\", \"5m\", \"2h\" or \"1d\", and more than 0";

    fn from_text(text: &str) -> Option<Duration> {
        let (number, unit) = number_and_unit(text)?;
        let milliseconds: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        number
            .checked_mul(milliseconds)
            .filter(|time| *time > 0)
            .map(Duration::from_millis)
    }
}

impl Setting for LogFormat {
    const WHAT: &'static str = "\"auto\", \"text\" or \"json\"";

    fn from_text(text: &str) -> Option<LogFormat> {
        match text.trim() {
            "auto" => Some(LogFormat::Auto),
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        }
    }
}

impl Setting for ServerUrls {
    const WHAT: &'static str = "a list of addresses that begin with http://, https://, ws:// or wss://, \
                                such as [\"https://custard.example.com\"]";

    fn from_text(text: &str) -> Option<ServerUrls> {
        text.split(',')
            .map(server_url)
            .collect::<Option<_>>()
            .map(ServerUrls)
    }

    fn from_toml(value: &DeValue<'_>) -> Option<ServerUrls> {
        let items = value.as_array()?.iter();
        items
            .map(|item| server_url(item.get_ref().as_str()?))
            .collect::<Option<_>>()
            .map(ServerUrls)
    }
}

/// A server as an agent names it: by its web address or by the full address of the socket.
fn server_url(text: &str) -> Option<String> {
    let text = text.trim();
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https" | "ws" | "wss") && url.has_host())
        .then(|| text.trim_end_matches('/').to_owned())
}

fn integer(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '_')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.replace('_', "").parse().ok()?, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_know_both_families_of_units() {
        for (text, bytes) in [
            ("1 GiB", Some(1 << 30)),
            ("512 MB", Some(512_000_000)),
            ("4kib", Some(4096)),
            ("1_000", Some(1000)),
            ("7 B", Some(7)),
            ("0", None),
            ("", None),
            ("1.5 GiB", None),
            ("-1", None),
            ("12 parsecs", None),
            ("99999999 TiB", None),
        ] {
            assert_eq!(Size::from_text(text).map(|size| size.0), bytes, "{text}");
        }
    }

    #[test]
    fn times_need_a_unit() {
        for (text, milliseconds) in [
            ("500ms", Some(500)),
            ("60s", Some(60_000)),
            ("5 m", Some(300_000)),
            ("2h", Some(7_200_000)),
            ("1d", Some(86_400_000)),
            ("60", None),
            ("0s", None),
            ("a while", None),
        ] {
            assert_eq!(
                Duration::from_text(text),
                milliseconds.map(Duration::from_millis),
                "{text}"
            );
        }
    }
}
