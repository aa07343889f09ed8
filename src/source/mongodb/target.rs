//! Where the database is and how to get there: reads URLs, opens the driver's client. It never shows a URL,
//! which may hold a password.

use std::time::Duration;

use mongodb::Client;
use mongodb::bson::doc;
use mongodb::error::ErrorKind;
use mongodb::options::{
    ClientOptions, ConnectionString, ReadPreference, ReadPreferenceOptions, SelectionCriteria,
};
use percent_encoding::utf8_percent_encode;
use secrecy::{ExposeSecret, SecretString};

use super::fault;
use crate::config::DatabaseParts;
use crate::error::{Error, Result};
use crate::source::connector::PLAIN_IN_URL;

/// How long a server is looked for, unless the URL says otherwise.
const FIND_TIME: Duration = Duration::from_secs(5);
/// Where users are most often made.
const ADMIN: &str = "admin";

/// A database to reach.
pub(super) struct Target {
    url: SecretString,
    database: String,
    /// The URL itself says where the user was made.
    names_auth_source: bool,
}

impl Target {
    /// Errors: `Invalid`, never with a part of the URL.
    pub fn from_url(url: &str) -> Result<Target> {
        let parsed = ConnectionString::parse(url).map_err(|_| {
            Error::Invalid(
                "The MongoDB URL cannot be read. It has to look like \
                 mongodb://user:password@host:27017/database?authSource=admin; signs such as @ : / % in the user's \
                 name or the password are written as %40 %3A %2F %25."
                    .into(),
            )
        })?;
        let database = parsed.default_database.ok_or_else(|| {
            Error::Invalid(
                "The MongoDB URL names no database. Write it after the host: mongodb://host:27017/database."
                    .into(),
            )
        })?;
        if matches!(database.as_str(), ADMIN | "local" | "config") {
            return Err(Error::Invalid(format!(
                "The MongoDB URL names the server's own database {database}. Write the database with the data \
                 after the host, and ?authSource={database} if the user belongs to {database}."
            )));
        }
        Ok(Target {
            url: url.to_owned().into(),
            database,
            names_auth_source: url.to_ascii_lowercase().contains("authsource="),
        })
    }

    pub fn database(&self) -> &str {
        &self.database
    }

    /// Opens the client: looks up the hosts of `mongodb+srv`, begins to watch the servers, and logs in. Without
    /// an `authSource` the user is looked for in the database, then in `admin`. Errors: `Source` of kind
    /// `Unreachable`.
    pub async fn connect(&self) -> Result<Client> {
        let mut options = ClientOptions::parse(self.url.expose_secret())
            .await
            .map_err(|error| fault::unreachable(&error))?;
        options.app_name.get_or_insert_with(|| "clean-custard".into());
        options.server_selection_timeout.get_or_insert(FIND_TIME);
        options.connect_timeout.get_or_insert(FIND_TIME);
        options.selection_criteria.get_or_insert_with(|| {
            // Questions need not burden the server that takes the writes.
            SelectionCriteria::ReadPreference(ReadPreference::SecondaryPreferred {
                options: Some(ReadPreferenceOptions::default()),
            })
        });
        let in_admin = options.credential.clone().map(|mut credential| {
            credential.source = Some(ADMIN.into());
            credential
        });
        match self.log_in(options.clone()).await {
            Err(error)
                if in_admin.is_some()
                    && !self.names_auth_source
                    && matches!(error.kind.as_ref(), ErrorKind::Authentication { .. }) =>
            {
                options.credential = in_admin;
                self.log_in(options).await
            }
            other => other,
        }
        .map_err(|error| fault::unreachable(&error))
    }

    async fn log_in(&self, options: ClientOptions) -> mongodb::error::Result<Client> {
        let client = Client::with_options(options)?;
        let asked = client
            .database(&self.database)
            .run_command(doc! {"ping": 1})
            .await;
        match asked {
            Ok(_) => Ok(client),
            Err(error) => {
                client.shutdown().immediate(true).await;
                Err(error)
            }
        }
    }
}

/// The URL that the agent's `DB_*` variables mean; `DB_SSLMODE` by libpq's words. Errors: `Invalid`.
pub(super) fn url_of_parts(parts: &DatabaseParts) -> Result<SecretString> {
    let escape = |text: &str| utf8_percent_encode(text, PLAIN_IN_URL).to_string();
    let needed = |part: &Option<String>, name: &str| {
        part.clone()
            .ok_or_else(|| Error::Invalid(format!("The variable {name} has to be set for MongoDB.")))
    };
    let host = match needed(&parts.host, "DB_HOST")? {
        bare if bare.contains(':') && !bare.starts_with('[') && !bare.contains(',') => format!("[{bare}]"),
        folder if folder.starts_with('/') => escape(&folder),
        name => name,
    };
    let port = parts.port.unwrap_or(27017);
    let name = escape(&needed(&parts.name, "DB_NAME")?);
    let user = match (&parts.user, &parts.password) {
        (Some(user), Some(password)) => {
            format!("{}:{}@", escape(user), escape(password.expose_secret()))
        }
        (Some(_), None) => {
            return Err(Error::Invalid(
                "The variable DB_PASSWORD has to be set for MongoDB when DB_USER is.".into(),
            ));
        }
        (None, _) => String::new(),
    };
    let tls = match parts.sslmode.as_deref() {
        None | Some("prefer" | "allow") => "",
        Some("disable") => "?tls=false",
        Some("require" | "verify-ca" | "verify-full") => "?tls=true",
        Some(_) => {
            return Err(Error::Invalid(
                "The variable DB_SSLMODE has to be disable, require or verify-full for MongoDB; for an authority \
                 of your own give a source URL with tlsCAFile=."
                    .into(),
            ));
        }
    };
    let at = if host.starts_with("%2F") || host.contains(',') {
        host
    } else {
        format!("{host}:{port}")
    };
    Ok(format!("mongodb://{user}{at}/{name}{tls}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_make_a_url_that_is_read_back() {
        let parts = DatabaseParts {
            host: Some("db.internal".into()),
            port: None,
            name: Some("shop".into()),
            user: Some("re@der".into()),
            password: Some("p/w #1".to_owned().into()),
            sslmode: Some("require".into()),
        };
        let url = url_of_parts(&parts).unwrap();
        assert_eq!(
            url.expose_secret(),
            "mongodb://re%40der:p%2Fw%20%231@db.internal:27017/shop?tls=true"
        );
        assert_eq!(Target::from_url(url.expose_secret()).unwrap().database(), "shop");
        let nobody = DatabaseParts {
            host: Some("::1".into()),
            user: None,
            password: None,
            sslmode: None,
            ..parts
        };
        assert_eq!(
            url_of_parts(&nobody).unwrap().expose_secret(),
            "mongodb://[::1]:27017/shop"
        );
    }

    #[test]
    fn a_url_that_cannot_be_read_is_not_shown() {
        for url in [
            "mongodb://ann:sec?ret@db/shop",
            "mongodb://ann:s@ecret@db/shop",
            "mongodb://ann:secret@db",
            "mongodb://ann:secret@db/",
            "mongodb://ann:secret@db/admin",
            "mongodb://ann:secret@db/shop?readPreference=secret",
            "mongodb://",
        ] {
            let Err(Error::Invalid(message)) = Target::from_url(url) else {
                panic!("{url} was read");
            };
            assert!(
                !message.contains("secret") && !message.contains("ecret@"),
                "{message}"
            );
        }
        assert_eq!(
            Target::from_url("mongodb://ann:p%40ss@db.example:27018/shop?authSource=admin")
                .unwrap()
                .database(),
            "shop"
        );
    }
}
