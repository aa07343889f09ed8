//! How mail leaves: by which mail server, in whose name. It does not speak to it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::settings::Settings;
use super::value::Setting;
use crate::error::{Error, Result};

/// Resend's mail server and the user everybody logs in as there.
const RESEND: (&str, u16, &str) = ("smtp.resend.com", 465, "resend");
/// From whom Resend lets everybody send, to oneself only: enough for a first try.
const RESEND_TRIAL: &str = "Clean Custard <onboarding@resend.dev>";

/// How long one step of a conversation with the mail server may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// `[mail]`
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// In whose name mail is sent.
    pub from: Mailbox,
    /// Where answers go; None: to `from`.
    pub reply_to: Option<Mailbox>,
    pub transport: MailTransport,
}

/// The way out.
#[derive(Debug, Clone)]
pub enum MailTransport {
    /// Into a folder of the data directory.
    Outbox,
    Smtp(SmtpConfig),
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    pub host: String,
    pub port: u16,
    pub security: SmtpSecurity,
    /// None: nobody logs in.
    pub user: Option<String>,
    pub password: Option<SecretString>,
    /// Certificate authorities to trust besides the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    /// One step of the conversation may take this long.
    pub timeout: Duration,
    /// How we introduce ourselves; None: by the machine's name.
    pub hello_name: Option<String>,
}

/// Whether letters travel encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// Plain at first, then encrypted, or not at all: there is no falling back.
    StartTls,
    /// Encrypted from the first byte.
    Tls,
    /// Never: for a mail server on the same machine or network.
    None,
}

impl Default for MailConfig {
    fn default() -> MailConfig {
        MailConfig {
            // A constant that parses; the test of the defaults builds it.
            from: "Clean Custard <custard@localhost>"
                .parse()
                .unwrap_or_else(|_| unreachable!("the default sender is an address")),
            reply_to: None,
            transport: MailTransport::Outbox,
        }
    }
}

impl Setting for Mailbox {
    const WHAT: &'static str =
        "an e-mail address such as custard@example.com or \"Clean Custard <custard@example.com>\"";

    fn from_text(text: &str) -> Option<Mailbox> {
        text.trim().parse().ok()
    }
}

impl Setting for SmtpSecurity {
    const WHAT: &'static str = "\"starttls\", \"tls\" or \"none\"";

    fn from_text(text: &str) -> Option<SmtpSecurity> {
        match text.trim().to_ascii_lowercase().as_str() {
            "starttls" => Some(SmtpSecurity::StartTls),
            "tls" => Some(SmtpSecurity::Tls),
            "none" => Some(SmtpSecurity::None),
            _ => None,
        }
    }
}

/// The keys of `[mail]` as they stand, typed but not yet put together.
pub(super) struct Raw {
    from: Option<Mailbox>,
    reply_to: Option<Mailbox>,
    smtp_url: Option<SecretString>,
    resend_api_key: Option<SecretString>,
    host: Option<String>,
    port: Option<u32>,
    security: Option<SmtpSecurity>,
    user: Option<String>,
    password: Option<SecretString>,
    ca_file: Option<PathBuf>,
    timeout: Option<Duration>,
    hello_name: Option<String>,
}

/// A mail server as a URL names it.
struct Named {
    host: String,
    port: Option<u16>,
    security: Option<SmtpSecurity>,
    user: Option<String>,
    password: Option<SecretString>,
}

impl Raw {
    pub(super) fn read(settings: &mut Settings<'_>) -> Result<Raw> {
        let s = settings;
        Ok(Raw {
            from: s.get("mail", "from")?,
            reply_to: s.get("mail", "reply_to")?,
            smtp_url: s.secret("mail", "smtp_url", "smtp_url_file", &[])?,
            resend_api_key: s.secret(
                "mail",
                "resend_api_key",
                "resend_api_key_file",
                &["RESEND_API_KEY"],
            )?,
            host: s.get("mail", "host")?,
            port: s.get("mail", "port")?,
            security: s.get("mail", "security")?,
            user: s.get("mail", "user")?,
            password: s.secret("mail", "password", "password_file", &[])?,
            ca_file: s.get("mail", "ca_file")?,
            timeout: s.get("mail", "timeout")?,
            hello_name: s.get("mail", "hello_name")?,
        })
    }

    /// `public_url` gives the sender's domain when nothing else does. Errors: `Invalid` when the keys do not
    /// fit together.
    pub(super) fn complete(self, public_url: Option<&str>) -> Result<MailConfig> {
        let mut trial = None;
        let named = match (self.host, self.smtp_url, self.resend_api_key) {
            (Some(_), Some(_), _) => {
                return Err(invalid(
                    "mail.host and mail.smtp_url both name a mail server; keep one of them.",
                ));
            }
            // A server that is named goes before a key that may lie in the environment for something else.
            (Some(host), None, _) => Named {
                host,
                port: None,
                security: None,
                user: None,
                password: None,
            },
            (None, Some(url), _) => parse_url(url.expose_secret())?,
            (None, None, Some(key)) => {
                let (host, port, user) = RESEND;
                trial = RESEND_TRIAL.parse().ok();
                Named {
                    host: host.into(),
                    port: Some(port),
                    security: Some(SmtpSecurity::Tls),
                    user: Some(user.into()),
                    password: Some(key),
                }
            }
            (None, None, None) => {
                let lonely = [
                    ("mail.port", self.port.is_some()),
                    ("mail.security", self.security.is_some()),
                    ("mail.user", self.user.is_some()),
                    ("mail.password", self.password.is_some()),
                ];
                if let Some((key, _)) = lonely.iter().find(|(_, set)| *set) {
                    return Err(Error::Invalid(format!(
                        "{key} is set but no mail server; name it in mail.host or mail.smtp_url."
                    )));
                }
                return Ok(MailConfig {
                    from: self.from.unwrap_or(MailConfig::default().from),
                    reply_to: self.reply_to,
                    transport: MailTransport::Outbox,
                });
            }
        };
        let port = match self.port {
            Some(port) => Some(u16::try_from(port).ok().filter(|port| *port > 0).ok_or_else(|| {
                invalid(
                    "mail.port has to be a port, from 1 to 65535; usual are 587 (STARTTLS) and 465 (TLS).",
                )
            })?),
            None => named.port,
        };
        let security = self.security.or(named.security).unwrap_or(match port {
            Some(465) => SmtpSecurity::Tls,
            _ => SmtpSecurity::StartTls,
        });
        let user = self.user.or(named.user);
        let password = self.password.or(named.password);
        if user.is_some() != password.is_some() {
            return Err(invalid(
                "mail.user and mail.password belong together; set both, or neither if the mail server wants no log-in.",
            ));
        }
        let from = self
            .from
            .or_else(|| user.as_deref().and_then(sender))
            .or_else(|| public_url.and_then(public_sender))
            .or(trial)
            .ok_or_else(|| {
                invalid(
                    "A mail server is configured but not in whose name to send; set mail.from, for example to \
                     \"Clean Custard <custard@example.com>\".",
                )
            })?;
        Ok(MailConfig {
            from,
            reply_to: self.reply_to,
            transport: MailTransport::Smtp(SmtpConfig {
                host: named.host,
                port: port.unwrap_or(match security {
                    SmtpSecurity::StartTls => 587,
                    SmtpSecurity::Tls => 465,
                    SmtpSecurity::None => 25,
                }),
                security,
                user,
                password,
                ca_file: self.ca_file,
                timeout: self.timeout.unwrap_or(TIMEOUT),
                hello_name: self.hello_name,
            }),
        })
    }
}

/// `smtp://user:password@host:587` (STARTTLS) or `smtps://…` (TLS); `?security=none` switches it off.
fn parse_url(text: &str) -> Result<Named> {
    let wrong = || {
        invalid(
            "mail.smtp_url has to look like smtp://user:password@mail.example.com:587 (STARTTLS) or \
             smtps://user:password@mail.example.com (TLS); special characters of the password are written as %40 \
             and the like.",
        )
    };
    let url = Url::parse(text.trim()).map_err(|_| wrong())?;
    let security = match url.scheme() {
        "smtp" => None,
        "smtps" => Some(SmtpSecurity::Tls),
        _ => return Err(wrong()),
    };
    let mut asked = None;
    for (name, value) in url.query_pairs() {
        match (name.as_ref(), SmtpSecurity::from_text(&value)) {
            ("security", Some(security)) => asked = Some(security),
            _ => return Err(wrong()),
        }
    }
    let decoded = |part: &str| {
        percent_decode_str(part)
            .decode_utf8()
            .map(|text| text.into_owned())
            .map_err(|_| wrong())
    };
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    Ok(Named {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: url.port(),
        security: asked.or(security),
        user: match url.username() {
            "" => None,
            user => Some(decoded(user)?),
        },
        password: url
            .password()
            .map(|password| decoded(password).map(SecretString::from))
            .transpose()?,
    })
}

/// Many mail servers log people in by their address.
fn sender(user: &str) -> Option<Mailbox> {
    let address = user.parse().ok()?;
    Some(Mailbox::new(Some("Clean Custard".into()), address))
}

/// `custard@` the host that people know; not for addresses without a name.
fn public_sender(url: &str) -> Option<Mailbox> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?;
    if !host.contains('.') || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return None;
    }
    sender(&format!("custard@{host}"))
}

fn invalid(sentence: &str) -> Error {
    Error::Invalid(sentence.into())
}
