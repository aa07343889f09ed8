//! The proxies an agent may have to go through: `agent.proxy` and `agent.no_proxy`, else the variables that
//! other programs read, too (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case).

use base64::Engine;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::settings::Settings;
use crate::error::{Error, Result};

/// Which proxies there are, and for what.
#[derive(Debug, Clone, Default)]
pub struct ProxyConfig {
    /// For encrypted servers (`wss://`).
    pub secure: Option<Proxy>,
    /// For unencrypted ones (`ws://`).
    pub plain: Option<Proxy>,
    /// Hosts that are reached directly, as they stand in `NO_PROXY`.
    pub except: Vec<String>,
}

/// An HTTP proxy that understands CONNECT.
#[derive(Debug, Clone)]
pub struct Proxy {
    pub host: String,
    pub port: u16,
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<SecretString>,
}

/// The keys as they stand. Their sense is judged for an agent only: the file and the environment may serve a
/// server, too.
pub(super) struct RawProxy {
    address: Option<SecretString>,
    except: Option<String>,
}

impl RawProxy {
    pub(super) fn read(s: &mut Settings<'_>) -> Result<RawProxy> {
        Ok(RawProxy {
            address: s.get("agent", "proxy")?,
            except: s.get("agent", "no_proxy")?,
        })
    }

    /// With what the environment says where the keys say nothing. Errors: `Invalid` for an address that is none
    /// of an HTTP proxy.
    pub(super) fn complete(self, s: &Settings<'_>) -> Result<ProxyConfig> {
        let (secure, plain) = match self.address {
            Some(address) => {
                let proxy = Proxy::parse(&address, "agent.proxy")?;
                (Some(proxy.clone()), Some(proxy))
            }
            None => (
                from_variables(s, &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
                from_variables(s, &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])?,
            ),
        };
        let except = match self.except {
            Some(except) => except,
            None => first_set(s, &["no_proxy", "NO_PROXY"])?
                .map(|(_, value)| value)
                .unwrap_or_default(),
        };
        let except = except.split([',', ' ']).filter(|entry| !entry.is_empty());
        Ok(ProxyConfig {
            secure,
            plain,
            except: except.map(str::to_owned).collect(),
        })
    }
}

fn from_variables(s: &Settings<'_>, names: &[&'static str]) -> Result<Option<Proxy>> {
    match first_set(s, names)? {
        Some((name, url)) => Proxy::parse(&url.into(), name).map(Some),
        None => Ok(None),
    }
}

/// The first of the variables that is set to something.
fn first_set(s: &Settings<'_>, names: &[&'static str]) -> Result<Option<(&'static str, String)>> {
    for &name in names {
        if let Some(value) = s.variable::<String>(name)?
            && !value.trim().is_empty()
        {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}

impl Proxy {
    /// From `http://user:password@host:port`; scheme, user and port may be missing. Errors: `Invalid` with the
    /// place it came from, never with the address, which may hold a password.
    fn parse(address: &SecretString, place: &str) -> Result<Proxy> {
        let wrong = |what: &str| Error::Invalid(format!("The proxy in {place} {what}."));
        let text = address.expose_secret().trim();
        let text = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let url =
            Url::parse(&text).map_err(|_| wrong("is no address such as http://proxy.example.com:3128"))?;
        if url.scheme() != "http" {
            return Err(wrong(
                "has to be an HTTP proxy: its address begins with http:// (what goes through it is encrypted all \
                 the same)",
            ));
        }
        let host = url.host_str().ok_or_else(|| wrong("has no host"))?.to_owned();
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let authorization = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let user = decoded(url.username());
            let password = decoded(url.password().unwrap_or_default());
            let both = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            SecretString::from(format!("Basic {both}"))
        });
        Ok(Proxy {
            host,
            // As other programs do it, a proxy without a port is at 80.
            port: url.port_or_known_default().unwrap_or(80),
            authorization,
        })
    }
}
