//! Where traces go: any collector that speaks OTLP over HTTP.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

use super::settings::Settings;
use super::value::WebUrl;
use crate::error::{Error, Result};

/// Where an endpoint that is named by its base takes traces.
const PATH: &str = "/v1/traces";

/// `[traces]`
#[derive(Debug, Clone)]
pub struct TracesConfig {
    /// Full address that takes traces.
    pub endpoint: String,
    /// What the collector wants to know, such as a key.
    pub headers: HashMap<String, SecretString>,
    /// What this server is called there.
    pub service_name: String,
}

impl TracesConfig {
    /// None: no traces are sent. Errors: `Invalid` for headers that cannot be read.
    pub(super) fn read(s: &mut Settings<'_>) -> Result<Option<TracesConfig>> {
        let base = s
            .get_or_plain("traces", "endpoint", &["OTEL_EXPORTER_OTLP_ENDPOINT"])?
            .map(|WebUrl(url)| url);
        let full = s
            .variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")?
            .map(|WebUrl(url)| url);
        let headers = s.secret(
            "traces",
            "headers",
            "headers_file",
            &["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"],
        )?;
        let service_name: Option<String> =
            s.get_or_plain("traces", "service_name", &["OTEL_SERVICE_NAME"])?;
        let endpoint = match (full, base) {
            (Some(full), _) => full,
            (None, Some(base)) if base.ends_with(PATH) => base,
            (None, Some(base)) => format!("{base}{PATH}"),
            (None, None) => return Ok(None),
        };
        Ok(Some(TracesConfig {
            endpoint,
            headers: match headers {
                Some(text) => parse(text.expose_secret())?,
                None => HashMap::new(),
            },
            service_name: service_name.unwrap_or_else(|| "clean-custard".into()),
        }))
    }
}

/// `key=value,key=value`, values percent-encoded, as OpenTelemetry's variable has them.
fn parse(text: &str) -> Result<HashMap<String, SecretString>> {
    let wrong = || {
        Error::Invalid(
            "The headers for traces (traces.headers, OTEL_EXPORTER_OTLP_HEADERS) have to look like \
             name=value,name=value; a comma or a percent sign in a value is written %2C or %25."
                .into(),
        )
    };
    text.split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
            let name = name.trim().to_ascii_lowercase();
            let value = percent_decode_str(value.trim())
                .decode_utf8()
                .map_err(|_| wrong())?;
            let good = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
                && value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
            if good {
                Ok((name, SecretString::from(value.into_owned())))
            } else {
                Err(wrong())
            }
        })
        .collect()
}
