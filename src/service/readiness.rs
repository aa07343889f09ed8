//! Which settings are unfit for production, and what to do about each. It judges the configuration alone and
//! tries nothing: `clean-custard check` prints the same list without a server.

use secrecy::ExposeSecret;
use serde::Serialize;

use crate::config::{Config, MailTransport, SmtpSecurity, StoragePlace};

/// A setting that is unfit, or worth a thought.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ReadinessItem {
    /// Stable: programs may rely on it.
    pub code: &'static str,
    pub severity: Gravity,
    /// The key in the configuration.
    pub setting: &'static str,
    /// What is so.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// Right for many; to be known.
    Info,
    /// Should be otherwise.
    Warning,
    /// Not fit for production.
    Error,
}

/// The list, worst first.
pub fn judge(config: &Config) -> Vec<ReadinessItem> {
    let mut items = Vec::new();
    address(config, &mut items);
    secrets(config, &mut items);
    store(config, &mut items);
    mail(config, &mut items);
    model(config, &mut items);
    limits(config, &mut items);
    items.sort_by_key(|item| std::cmp::Reverse(item.severity));
    items
}

/// Whether nothing in the list stands against production.
pub fn is_ready(items: &[ReadinessItem]) -> bool {
    items.iter().all(|item| item.severity < Gravity::Error)
}

fn item(
    code: &'static str,
    severity: Gravity,
    setting: &'static str,
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> ReadinessItem {
    ReadinessItem {
        code,
        severity,
        setting,
        message: message.into(),
        remedy: remedy.into(),
    }
}

fn address(config: &Config, items: &mut Vec<ReadinessItem>) {
    let server = &config.server;
    match &server.public_url {
        None if server.listen.ip().is_loopback() => items.push(item(
            "local_only",
            Gravity::Info,
            "server.listen",
            "The server can be reached from this machine only.",
            "Put a proxy with HTTPS in front of it and set server.public_url, when others are to use it.",
        )),
        None => items.push(item(
            "no_public_url",
            Gravity::Error,
            "server.public_url",
            "Links in mails and the address given to agents are taken from each request's Host header, which \
             whoever sends the request chooses.",
            "Set server.public_url to the address people use, such as https://custard.example.com.",
        )),
        Some(url) if url.starts_with("http://") && !is_local(url) => items.push(item(
            "no_https",
            Gravity::Error,
            "server.public_url",
            "People reach the server without encryption: passwords, tokens and rows can be read on the way.",
            "Put a proxy with HTTPS in front of it and give server.public_url its https:// address.",
        )),
        Some(_) => {}
    }
}

fn secrets(config: &Config, items: &mut Vec<ReadinessItem>) {
    let server = &config.server;
    if server.secret_key.is_none() && config.database.url.is_some() {
        items.push(item(
            "secret_key_generated",
            Gravity::Error,
            "server.secret_key",
            "The secret key was generated into this server's data directory, but the records lie in a PostgreSQL \
             that other servers may share: they could not open what this one seals, nor accept its log-ins.",
            "Set the same server.secret_key (or secret_key_file) on every server.",
        ));
    } else if server.secret_key.is_none() {
        items.push(item(
            "secret_key_generated",
            Gravity::Info,
            "server.secret_key",
            "The secret key lies in the data directory, beside what it protects.",
            "Keep the data directory and its backups as safe as a password, or set server.secret_key_file to a \
             secret that is kept elsewhere.",
        ));
    }
    if server.previous_secret_key.is_some() {
        items.push(item(
            "previous_secret_key",
            Gravity::Warning,
            "server.previous_secret_key",
            "The secret key from before is still accepted for stored secrets.",
            "Run `clean-custard rotate-key`, then remove server.previous_secret_key.",
        ));
    }
}

fn store(config: &Config, items: &mut Vec<ReadinessItem>) {
    match &config.database.url {
        None => items.push(item(
            "sqlite",
            Gravity::Info,
            "database.url",
            "The records lie in SQLite: right for one server, and for one only.",
            "Set database.url to a PostgreSQL when more than one server is to run. Either way, have `clean-custard \
             backup` run every night.",
        )),
        Some(url) => {
            let url = url.expose_secret();
            let encrypted = ["sslmode=require", "sslmode=verify-ca", "sslmode=verify-full"]
                .iter()
                .any(|mode| url.contains(mode));
            if !encrypted && !is_local(url) {
                items.push(item(
                    "store_not_encrypted",
                    Gravity::Warning,
                    "database.url",
                    "The connection to the PostgreSQL store need not be encrypted.",
                    "Add ?sslmode=verify-full (or require) to database.url.",
                ));
            }
            if matches!(config.storage.place, StoragePlace::Local) {
                items.push(item(
                    "files_local",
                    Gravity::Warning,
                    "storage.url",
                    "Records lie in PostgreSQL, but uploaded files and results in this machine's data directory: a \
                     second server would not find them.",
                    "Set storage.url to S3-compatible storage or Cloudinary, or give every server the same \
                     (network) folder.",
                ));
            }
        }
    }
    if let StoragePlace::S3(place) = &config.storage.place
        && let Some(endpoint) = &place.endpoint
        && endpoint.starts_with("http://")
        && !is_local(endpoint)
    {
        items.push(item(
            "storage_not_encrypted",
            Gravity::Error,
            "storage.endpoint",
            "Files and results travel to the storage without encryption.",
            "Use the storage's https:// address.",
        ));
    }
}

fn mail(config: &Config, items: &mut Vec<ReadinessItem>) {
    match &config.mail.transport {
        MailTransport::Outbox => items.push(item(
            "mail_outbox",
            Gravity::Warning,
            "mail.host",
            "Mail is not configured: letters (invitations, forgotten passwords) go into a folder of the data directory, \
             and nobody gets them.",
            "Set mail.host and its neighbours, or RESEND_API_KEY.",
        )),
        MailTransport::Smtp(smtp)
            if matches!(smtp.security, SmtpSecurity::None) && !is_local(&format!("smtp://{}", smtp.host)) =>
        {
            items.push(item(
                "mail_not_encrypted",
                Gravity::Warning,
                "mail.security",
                "Letters with single-use links travel to the mail server without encryption.",
                "Set mail.security to starttls or tls, unless the network between is your own.",
            ));
        }
        MailTransport::Smtp(_) => {}
    }
}

fn limits(config: &Config, items: &mut Vec<ReadinessItem>) {
    let limits = &config.limits;
    for (setting, limit) in [
        ("limits.ask_per_minute", limits.ask_per_minute),
        ("limits.upload_per_minute", limits.upload_per_minute),
        ("limits.everything_per_minute", limits.everything_per_minute),
    ] {
        if limit == 0 {
            items.push(item(
                "limit_off",
                Gravity::Warning,
                setting,
                "This limit is switched off: one account can keep the server busy for everybody else.",
                "Remove the setting; the default hinders no busy person.",
            ));
        }
    }
}

fn model(config: &Config, items: &mut Vec<ReadinessItem>) {
    let Some(llm) = &config.llm else { return };
    if llm.base_url.starts_with("http://") && !is_local(&llm.base_url) {
        items.push(item(
            "model_not_encrypted",
            Gravity::Warning,
            "llm.base_url",
            "Questions and the names of tables and columns travel to the model without encryption.",
            "Use the endpoint's https:// address, unless the network between is your own.",
        ));
    }
}

/// Whether an address is of this machine.
fn is_local(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        // A socket file.
        None => true,
    })
}
