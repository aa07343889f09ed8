//! The kinds of database there are. A connector is one folder and one line in the list below; everything else
//! the program has to know of it stands in the folder's [`Connector`].

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{Source, mongodb, mysql, postgres, sqlite};
use crate::catalog::Dialect;
use crate::config::DatabaseParts;
use crate::error::{Error, Result};

/// What may stand unescaped in the parts of a database URL.
pub(super) const PLAIN_IN_URL: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

macro_rules! kinds {
    ($($kind:ident: $folder:ident),* $(,)?) => {
        /// The kinds of database a connection or an agent may have.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "UPPERCASE")]
        pub enum Kind {
            $($kind),*
        }

        impl Kind {
            /// Every kind, as they are listed.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind),*];

            /// What the program has to know of it.
            pub fn connector(self) -> &'static Connector {
                match self {
                    $(Kind::$kind => &$folder::CONNECTOR),*
                }
            }
        }
    };
}

kinds! {
    Postgresql: postgres,
    Mongodb: mongodb,
    Mysql: mysql,
    Sqlite: sqlite,
}

/// What the program has to know of a kind of database beside its [`Source`].
pub struct Connector {
    /// As it stands in the API and on the wire: the name of its [`Kind`] in capitals.
    pub name: &'static str,
    /// As people call it.
    pub title: &'static str,
    /// The language of its queries; no other kind has the same.
    pub dialect: Dialect,
    /// What a source URL begins with, the usual form first: `postgres://`.
    pub prefixes: &'static [&'static str],
    /// Opens a source URL that has one of these prefixes. Nothing is sent yet. Errors: `Invalid`, never with a
    /// part of the URL.
    pub connect: fn(&str) -> Result<Arc<dyn Source>>,
    /// The source URL that the agent's `DB_*` variables mean. Errors: `Invalid`, naming the variable.
    pub url_of_parts: fn(&DatabaseParts) -> Result<SecretString>,
    /// The `DB_*` variables with values to replace, as a new connection shows them to copy.
    pub example_variables: &'static str,
    /// The port it usually listens on; None for files.
    pub default_port: Option<u16>,
    /// Whether there is a password to give.
    pub has_password: bool,
    /// What a language model is told about the dialect.
    pub prompt: &'static str,
}

impl Kind {
    /// As it stands in the API and on the wire.
    pub fn name(self) -> &'static str {
        self.connector().name
    }

    /// The kind of this name. Errors: `Invalid`.
    pub fn named(name: &str) -> Result<Kind> {
        Kind::ALL
            .iter()
            .copied()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| Error::Invalid("This kind of database is not known to this version.".into()))
    }

    /// The kind whose queries are written in this dialect; None for files.
    pub fn of(dialect: Dialect) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.dialect() == dialect)
    }

    /// The kind that the agent's `DB_*` variables most likely mean, as long as no server has said so.
    pub fn likely(parts: &DatabaseParts) -> Option<Kind> {
        let fits = |kind: &&Kind| {
            let port = kind.connector().default_port;
            match parts.host {
                Some(_) => parts.port.is_none() || parts.port == port,
                None => port.is_none(),
            }
        };
        Kind::ALL.iter().find(fits).copied()
    }

    /// The dialect of its queries.
    pub fn dialect(self) -> Dialect {
        self.connector().dialect
    }
}

/// Opens a database by URL. Nothing is sent until the first call. Errors: `Invalid` with a sentence that
/// names the schemes understood (never the URL itself, it may hold a password).
pub fn connect(url: &str) -> Result<Arc<dyn Source>> {
    let begins = |prefix: &&str| {
        url.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    for connector in Kind::ALL.iter().map(|kind| kind.connector()) {
        if connector.prefixes.iter().any(begins) {
            return (connector.connect)(url);
        }
    }
    let known: Vec<&str> = Kind::ALL
        .iter()
        .flat_map(|kind| kind.connector().prefixes)
        .copied()
        .collect();
    let list = match known.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => known.join(""),
    };
    Err(Error::Invalid(format!(
        "This source URL is not understood; it has to begin with {list}."
    )))
}

/// Opens a database of this kind from the agent's `DB_*` variables. Errors: `Invalid`.
pub fn connect_parts(kind: Kind, parts: &DatabaseParts) -> Result<Arc<dyn Source>> {
    let url = (kind.connector().url_of_parts)(parts)?;
    connect(url.expose_secret())
}

/// `scheme://user:password@host:port/name` from parts, each escaped; where `mode` names a parameter, it
/// carries `DB_SSLMODE`. Errors: `Invalid` for a part that is missing.
pub(super) fn server_url(
    parts: &DatabaseParts,
    kind: Kind,
    scheme: &str,
    mode: &str,
) -> Result<SecretString> {
    let escape = |text: &str| utf8_percent_encode(text, PLAIN_IN_URL).to_string();
    let needed = |part: &Option<String>, name: &str| {
        part.as_deref()
            .map(escape)
            .ok_or_else(|| Error::Invalid(format!("The variable {name} has to be set for this database.")))
    };
    let host = match parts.host.as_deref() {
        None => return needed(&parts.host, "DB_HOST").map(SecretString::from),
        Some(bare) if bare.contains(':') && !bare.starts_with('[') => format!("[{bare}]"),
        // A folder with the database's socket.
        Some(folder) if folder.starts_with('/') => escape(folder),
        Some(name) => name.to_owned(),
    };
    let port = match parts.port.or(kind.connector().default_port) {
        Some(port) => format!(":{port}"),
        None => String::new(),
    };
    let name = needed(&parts.name, "DB_NAME")?;
    let user = needed(&parts.user, "DB_USER")?;
    let password = match &parts.password {
        Some(password) => format!(":{}", escape(password.expose_secret())),
        None => String::new(),
    };
    let mode = match &parts.sslmode {
        Some(word) => format!("?{mode}={}", escape(word)),
        None => String::new(),
    };
    Ok(format!("{scheme}://{user}{password}@{host}{port}/{name}{mode}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(host: &str) -> DatabaseParts {
        DatabaseParts {
            host: Some(host.into()),
            port: Some(5433),
            name: Some("shop".into()),
            user: Some("re@der".into()),
            password: Some("p/w #1".to_owned().into()),
            sslmode: Some("require".into()),
        }
    }

    #[test]
    fn every_kind_is_found_by_its_name_dialect_and_prefix() {
        for kind in Kind::ALL {
            let connector = kind.connector();
            assert_eq!(Kind::named(connector.name).unwrap(), *kind);
            assert_eq!(Kind::of(connector.dialect), Some(*kind));
            let json = serde_json::to_string(kind).unwrap();
            assert_eq!(json, format!("\"{}\"", connector.name));
            for prefix in connector.prefixes {
                assert!(prefix.contains(':'), "{prefix}");
            }
            assert!(connector.prompt.starts_with("# Dialect: "), "{}", connector.title);
        }
    }

    #[test]
    fn the_port_tells_the_likely_kind() {
        assert_eq!(
            Kind::likely(&DatabaseParts {
                port: None,
                ..parts("db")
            }),
            Some(Kind::Postgresql)
        );
        assert_eq!(Kind::likely(&parts("db")), None);
    }

    #[test]
    fn a_url_of_no_kind_is_refused_without_showing_it() {
        let error = connect("oracle://ann:secret@db/shop").err().unwrap().to_string();
        assert!(
            error.contains("postgres://") && !error.contains("secret"),
            "{error}"
        );
    }

    #[test]
    fn single_values_make_a_url_that_is_read_back() {
        let url = server_url(&parts("db.internal"), Kind::Postgresql, "postgres", "sslmode").unwrap();
        assert_eq!(
            url.expose_secret(),
            "postgres://re%40der:p%2Fw%20%231@db.internal:5433/shop?sslmode=require"
        );
        let bare = DatabaseParts {
            port: None,
            password: None,
            sslmode: None,
            ..parts("::1")
        };
        let url = server_url(&bare, Kind::Postgresql, "postgres", "sslmode").unwrap();
        assert_eq!(url.expose_secret(), "postgres://re%40der@[::1]:5432/shop");
        let nobody = DatabaseParts { user: None, ..bare };
        let error = server_url(&nobody, Kind::Postgresql, "postgres", "sslmode").unwrap_err();
        assert!(error.to_string().contains("DB_USER"), "{error}");
    }
}
