//! One conversation with a mail server, by lettre, cut into the steps that can fail: finding it, connecting,
//! encrypting, logging in, handing over a letter.

use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::letter::Letter;
use crate::config::{SmtpConfig, SmtpSecurity};
use crate::error::{Error, Result};

/// A step of sending, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MailStep)]
pub enum Step {
    /// The server's name.
    Resolve,
    /// A connection and the server's greeting.
    Connect,
    /// Encryption.
    Tls,
    /// User and password.
    Auth,
    /// The letter itself.
    Send,
}

/// Why a letter has not gone, and whether trying again can help.
#[derive(Debug, Clone)]
pub struct Fault {
    pub step: Step,
    /// For the owner: what failed, in the server's words where it said some, and what to do.
    pub message: String,
    pub retry: Retry,
}

/// What to do with a letter that has not gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The mail server itself could not be used: no other letter would fare better.
    WhenReachable,
    /// Refused for now, this letter only.
    Later,
    /// Refused for good.
    Never,
}

/// A mail server and how to talk to it.
#[derive(Clone)]
pub struct Smtp {
    config: SmtpConfig,
    tls: Option<TlsParameters>,
    hello: ClientId,
}

/// An open conversation.
pub struct Conversation {
    connection: AsyncSmtpConnection,
    timeout: Duration,
}

impl Smtp {
    /// Reads the certificates. Errors: `Invalid` when the CA file cannot be used.
    pub fn new(config: SmtpConfig) -> Result<Smtp> {
        let tls = match config.security {
            SmtpSecurity::None => None,
            SmtpSecurity::StartTls | SmtpSecurity::Tls => Some(tls(&config)?),
        };
        let hello = match &config.hello_name {
            Some(name) => ClientId::Domain(name.clone()),
            None => ClientId::default(),
        };
        Ok(Smtp { config, tls, hello })
    }

    /// Host and port, for people.
    pub fn place(&self) -> String {
        format!("{}:{}", self.config.host, self.config.port)
    }

    /// Whether letters travel encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether there is a user to log in as.
    pub fn logs_in(&self) -> bool {
        self.config.user.is_some()
    }

    /// Finds, connects, encrypts and logs in.
    pub async fn open(&self) -> Result<Conversation, Fault> {
        let config = &self.config;
        let place = self.place();
        let fault = |step, message: String| Fault {
            step,
            message,
            retry: Retry::WhenReachable,
        };
        let looked_up = within(
            config.timeout,
            tokio::net::lookup_host((config.host.as_str(), config.port)),
        );
        let addresses: Vec<_> = match looked_up.await {
            Some(Ok(found)) => found.collect(),
            Some(Err(error)) => {
                return Err(fault(
                    Step::Resolve,
                    format!("The mail server's name {} is not known: {error}.", config.host),
                ));
            }
            None => Vec::new(),
        };
        if addresses.is_empty() {
            return Err(fault(
                Step::Resolve,
                format!("The mail server's name {} could not be looked up.", config.host),
            ));
        }
        let implicit = match config.security {
            SmtpSecurity::Tls => self.tls.clone(),
            SmtpSecurity::StartTls | SmtpSecurity::None => None,
        };
        let connecting = AsyncSmtpConnection::connect_tokio1(
            addresses.as_slice(),
            Some(config.timeout),
            &self.hello,
            implicit,
            None,
        );
        let mut connection = match within(config.timeout, connecting).await {
            Some(Ok(connection)) => connection,
            Some(Err(error)) if is_of_tls(&error) => {
                return Err(fault(Step::Tls, tls_words(&place, &error)));
            }
            Some(Err(error)) => {
                return Err(fault(
                    Step::Connect,
                    format!("The mail server {place} could not be reached: {}.", words(&error)),
                ));
            }
            None => return Err(fault(Step::Connect, self.too_slow())),
        };
        if let (SmtpSecurity::StartTls, Some(tls)) = (config.security, &self.tls) {
            if !connection.can_starttls() {
                connection.abort().await;
                return Err(fault(
                    Step::Tls,
                    format!(
                        "The mail server {place} offers no STARTTLS. Set mail.security to \"tls\" if it speaks TLS \
                         from the first byte (usually port 465), or to \"none\" if it stands in your own network."
                    ),
                ));
            }
            match within(config.timeout, connection.starttls(tls.clone(), &self.hello)).await {
                Some(Ok(())) => {}
                Some(Err(error)) => return Err(fault(Step::Tls, tls_words(&place, &error))),
                None => return Err(fault(Step::Tls, self.too_slow())),
            }
        }
        if let Some(user) = &config.user {
            let password = config
                .password
                .as_ref()
                .map_or("", |password| password.expose_secret());
            let credentials = Credentials::new(user.clone(), password.to_owned());
            let authentication = connection.auth(DEFAULT_MECHANISMS, &credentials);
            match within(config.timeout, authentication).await {
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    connection.abort().await;
                    return Err(fault(
                        Step::Auth,
                        format!(
                            "The mail server {place} did not accept user and password (mail.user, mail.password): {}.",
                            words(&error)
                        ),
                    ));
                }
                None => return Err(fault(Step::Auth, self.too_slow())),
            }
        }
        Ok(Conversation {
            connection,
            timeout: config.timeout,
        })
    }

    fn too_slow(&self) -> String {
        format!(
            "The mail server {} did not answer within {} s (mail.timeout). A firewall may be in the way: many \
             providers block port 25; 587 or 465 may be open.",
            self.place(),
            self.config.timeout.as_secs()
        )
    }
}

impl Conversation {
    /// Hands over a letter: when this returns, the mail server is responsible for it.
    pub async fn send(&mut self, letter: &Letter) -> Result<(), Fault> {
        let message = &letter.message;
        let formatted = message.formatted();
        let sending = self.connection.send(message.envelope(), &formatted);
        // Commands for sender, recipient and data, then the letter itself.
        match within(self.timeout * 4, sending).await {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => {
                let retry = match error.status() {
                    // These come of missing rights of ours, not of the letter.
                    Some(code) if matches!(u16::from(code), 421 | 530 | 534 | 535 | 538) => {
                        Retry::WhenReachable
                    }
                    Some(_) if error.is_permanent() => Retry::Never,
                    Some(_) => Retry::Later,
                    // lettre's own word on a letter this server cannot take, such as an address beyond ASCII.
                    None if error.is_client() => Retry::Never,
                    None => Retry::WhenReachable,
                };
                Err(Fault {
                    step: Step::Send,
                    message: format!("The mail server refused the letter: {}.", words(&error)),
                    retry,
                })
            }
            None => {
                self.connection.abort().await;
                Err(Fault {
                    step: Step::Send,
                    message: "The mail server stopped answering while it took the letter.".into(),
                    retry: Retry::WhenReachable,
                })
            }
        }
    }

    /// Whether another letter can go over it. Asked before, since after a failure in the middle of a letter
    /// nobody knows whether it was taken.
    pub async fn is_alive(&mut self) -> bool {
        !self.connection.has_broken()
            && within(self.timeout, self.connection.test_connected()).await == Some(true)
    }

    /// Says good-bye; whether the server hears it does not matter.
    pub async fn close(mut self) {
        if self.connection.has_broken() {
            return;
        }
        let _ = within(Duration::from_secs(5), self.connection.quit()).await;
    }
}

fn tls(config: &SmtpConfig) -> Result<TlsParameters> {
    let mut builder = TlsParameters::builder(config.host.clone());
    if let Some(path) = &config.ca_file {
        let wrong = |why: String| {
            Error::Invalid(format!(
                "The certificates in {} (mail.ca_file) {why}.",
                path.display()
            ))
        };
        let pem = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        if !pem.windows(10).any(|window| window == b"-----BEGIN") {
            return Err(wrong("are no PEM".into()));
        }
        let certificates =
            Certificate::from_pem(&pem).map_err(|_| wrong("are no certificates in PEM".into()))?;
        builder = builder.add_root_certificate(certificates);
    }
    builder
        .build()
        .map_err(|error| Error::Invalid(format!("Mail over TLS cannot be set up: {}.", words(&error))))
}

fn tls_words(place: &str, error: &lettre::transport::smtp::Error) -> String {
    let words = words(error);
    let advice = if words.contains("UnknownIssuer") {
        " Its certificate was signed by somebody this machine does not know; name the authority's file in \
         mail.ca_file."
    } else if words.contains("NotValidForName") {
        " Its certificate is for another name; put that name in mail.host."
    } else if words.contains("InvalidContentType") || words.contains("corrupt message") {
        " It does not speak TLS from the first byte; mail.security = \"starttls\" (usually port 587) may be right."
    } else {
        ""
    };
    format!("No encrypted connection to the mail server {place}: {words}.{advice}")
}

/// What lettre calls a connection error may be one of TLS: with TLS from the first byte it is one step there.
fn is_of_tls(error: &lettre::transport::smtp::Error) -> bool {
    error.is_tls()
        || causes(error).any(|cause| {
            cause
                .downcast_ref::<std::io::Error>()
                .and_then(std::io::Error::get_ref)
                .is_some_and(|inner| inner.is::<rustls::Error>())
        })
}

fn causes<'e>(
    error: &'e lettre::transport::smtp::Error,
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
}

/// The mail server's own words, or the innermost cause, without a full stop and within reason.
fn words(error: &lettre::transport::smtp::Error) -> String {
    let text = match (error.status(), causes(error).last()) {
        (Some(code), Some(said)) => format!("{code} {said}"),
        (Some(code), None) => code.to_string(),
        (None, Some(cause)) => cause.to_string(),
        (None, None) => error.to_string(),
    };
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.trim_end_matches('.').chars().take(400).collect()
}

async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(time, work).await.ok()
}
