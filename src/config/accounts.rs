//! `[accounts]`: who may sign up. `[oidc]`: log-in through an OpenID provider.

use std::collections::BTreeSet;

use secrecy::SecretString;
use toml::de::DeValue;
use url::Url;

use super::settings::Settings;
use super::value::Setting;
use crate::error::{Error, Result};

/// `[accounts]`
#[derive(Debug, Clone)]
pub struct AccountsConfig {
    pub sign_up: SignUp,
    /// In lower case; for [`SignUp::Domain`].
    pub domains: BTreeSet<String>,
    /// Whether an address has to be confirmed by mail before the account exists.
    pub verification: bool,
    /// What somebody becomes who signed up by the domain of the address.
    pub default_role: DefaultRole,
}

/// Who may sign up, once the owner exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// Whoever was invited.
    Invitation,
    /// Anybody; each into an organisation of their own.
    Open,
    /// Anybody with an address in certain domains; and whoever was invited.
    Domain,
    /// Nobody; accounts are made on the machine itself.
    Closed,
}

/// What newcomers become that nobody chose a role for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultRole {
    Viewer,
    Analyst,
}

/// `[oidc]`
#[derive(Debug, Clone)]
pub struct OidcConfig {
    /// As the provider writes it in its tokens.
    pub issuer: String,
    pub client_id: String,
    /// None for a public client; PKCE is used either way.
    pub client_secret: Option<SecretString>,
    /// What the button says.
    pub name: String,
    /// Besides `openid`.
    pub scopes: Vec<String>,
    /// In lower case; empty for any.
    pub allowed_domains: BTreeSet<String>,
    pub default_role: DefaultRole,
    /// Whether somebody without an account and without an invitation gets one.
    pub create_accounts: bool,
}

/// Domains of addresses, such as `example.com`.
struct Domains(BTreeSet<String>);

/// Words of a list.
struct Words(Vec<String>);

/// The provider's own address: https, or http on this machine.
struct Issuer(String);

impl AccountsConfig {
    pub(super) fn read(s: &mut Settings<'_>) -> Result<AccountsConfig> {
        let default = AccountsConfig::default();
        let config = AccountsConfig {
            sign_up: s.get("accounts", "sign_up")?.unwrap_or(default.sign_up),
            domains: s
                .get("accounts", "domains")?
                .map_or(default.domains, |Domains(domains)| domains),
            verification: s.get("accounts", "verification")?.unwrap_or(default.verification),
            default_role: s.get("accounts", "default_role")?.unwrap_or(default.default_role),
        };
        if config.sign_up == SignUp::Domain {
            if config.domains.is_empty() {
                return Err(Error::Invalid(
                    "accounts.sign_up is \"domain\", but accounts.domains names none; write domains = [\"example.com\"]."
                        .into(),
                ));
            }
            if !config.verification {
                return Err(Error::Invalid(
                    "accounts.sign_up = \"domain\" needs accounts.verification = true: without it anybody could claim \
                     an address of the domain."
                        .into(),
                ));
            }
        }
        Ok(config)
    }
}

impl Default for AccountsConfig {
    fn default() -> AccountsConfig {
        AccountsConfig {
            sign_up: SignUp::Invitation,
            domains: BTreeSet::new(),
            verification: true,
            default_role: DefaultRole::Viewer,
        }
    }
}

impl OidcConfig {
    /// None while no issuer is set. Errors: `Invalid` for half a provider.
    pub(super) fn read(s: &mut Settings<'_>) -> Result<Option<OidcConfig>> {
        let issuer: Option<Issuer> = s.get("oidc", "issuer")?;
        let client_id: Option<String> = s.get("oidc", "client_id")?;
        let client_secret = s.secret("oidc", "client_secret", "client_secret_file", &[])?;
        let name: Option<String> = s.get("oidc", "name")?;
        let scopes: Option<Words> = s.get("oidc", "scopes")?;
        let allowed_domains: Option<Domains> = s.get("oidc", "allowed_domains")?;
        let default_role = s.get("oidc", "default_role")?;
        let create_accounts = s.get("oidc", "create_accounts")?;
        let (issuer, client_id) = match (issuer, client_id) {
            (Some(Issuer(issuer)), Some(client_id)) => (issuer, client_id),
            (None, None) if client_secret.is_none() => return Ok(None),
            _ => {
                return Err(Error::Invalid(
                    "Log-in through a provider needs both oidc.issuer and oidc.client_id; set both, or neither.".into(),
                ));
            }
        };
        Ok(Some(OidcConfig {
            issuer,
            client_id,
            client_secret,
            name: name.unwrap_or_else(|| "Single sign-on".into()),
            scopes: scopes.map_or_else(|| vec!["email".into(), "profile".into()], |Words(scopes)| scopes),
            allowed_domains: allowed_domains.map_or_else(BTreeSet::new, |Domains(domains)| domains),
            default_role: default_role.unwrap_or(DefaultRole::Viewer),
            create_accounts: create_accounts.unwrap_or(false),
        }))
    }
}

impl Setting for SignUp {
    const WHAT: &'static str = "\"invitation\", \"open\", \"domain\" or \"closed\"";

    fn from_text(text: &str) -> Option<SignUp> {
        match text.trim() {
            "invitation" => Some(SignUp::Invitation),
            "open" => Some(SignUp::Open),
            "domain" => Some(SignUp::Domain),
            "closed" => Some(SignUp::Closed),
            _ => None,
        }
    }
}

impl Setting for DefaultRole {
    const WHAT: &'static str = "\"viewer\" or \"analyst\"";

    fn from_text(text: &str) -> Option<DefaultRole> {
        match text.trim() {
            "viewer" => Some(DefaultRole::Viewer),
            "analyst" => Some(DefaultRole::Analyst),
            _ => None,
        }
    }
}

impl Setting for Domains {
    const WHAT: &'static str = "a list of domains such as [\"example.com\"]";

    fn from_text(text: &str) -> Option<Domains> {
        domains(text.split(','))
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Domains> {
        let words: Option<Vec<&str>> = value
            .as_array()?
            .iter()
            .map(|item| item.get_ref().as_str())
            .collect();
        domains(words?.into_iter())
    }
}

fn domains<'a>(words: impl Iterator<Item = &'a str>) -> Option<Domains> {
    words
        .map(|word| {
            let domain = word.trim().trim_start_matches('@').to_lowercase();
            let good = domain.contains('.')
                && domain
                    .split('.')
                    .all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '-'));
            good.then_some(domain)
        })
        .collect::<Option<BTreeSet<String>>>()
        .map(Domains)
}

impl Setting for Words {
    const WHAT: &'static str = "a list of words such as [\"email\", \"profile\"]";

    fn from_text(text: &str) -> Option<Words> {
        let words: Vec<String> = text
            .split([',', ' '])
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        (!words.is_empty()).then_some(Words(words))
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Words> {
        let words: Option<Vec<String>> = value
            .as_array()?
            .iter()
            .map(|item| {
                let word = item.get_ref().as_str()?.trim();
                (!word.is_empty() && !word.contains(char::is_whitespace)).then(|| word.to_owned())
            })
            .collect();
        words.map(Words)
    }
}

impl Setting for Issuer {
    const WHAT: &'static str = "an address that begins with https:// (http:// only for this machine itself)";

    fn from_text(text: &str) -> Option<Issuer> {
        let text = text.trim();
        let url = Url::parse(text).ok()?;
        let here = match url.host()? {
            url::Host::Domain(name) => name == "localhost",
            url::Host::Ipv4(ip) => ip.is_loopback(),
            url::Host::Ipv6(ip) => ip.is_loopback(),
        };
        // Not changed in any way: the provider's tokens have to carry it letter by letter.
        (url.scheme() == "https" || (url.scheme() == "http" && here)).then(|| Issuer(text.to_owned()))
    }
}
