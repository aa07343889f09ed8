//! Where the database is and how to get there: reads URLs, knows TLS modes by MySQL's and libpq's names,
//! opens connections. It never shows a URL, which may hold a password.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use mysql_async::{ClientIdentity, Conn, DriverError, Opts, OptsBuilder, SslOpts};
use percent_encoding::percent_decode_str;
use url::Url;

use super::fault;
use crate::error::{Error, Result};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of one row at most.
const MAX_PACKET: usize = 256 * 1024 * 1024;

/// What every session is set to before anything else: what texts, names and times mean must not depend on the
/// server's configuration. Statements that change data are refused outside transactions, too.
const SESSION: &str = "SET SESSION \
    sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
    time_zone = '+00:00', sql_select_limit = DEFAULT, group_concat_max_len = 1048576, \
    lock_wait_timeout = 10, max_error_count = 1024; \
    SET NAMES utf8mb4; SET SESSION TRANSACTION READ ONLY";

/// How much TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    Disable,
    /// Where the server offers it; nobody is verified.
    Prefer,
    /// Always; nobody is verified.
    Require,
    /// The certificate is signed by somebody trusted, and made for this host.
    VerifyFull,
}

impl FromStr for Tls {
    type Err = Error;

    fn from_str(text: &str) -> Result<Tls> {
        match text.to_ascii_lowercase().replace('_', "-").as_str() {
            "disable" | "disabled" => Ok(Tls::Disable),
            "allow" | "prefer" | "preferred" => Ok(Tls::Prefer),
            "require" | "required" => Ok(Tls::Require),
            "verify-full" | "verify-identity" => Ok(Tls::VerifyFull),
            // The driver cannot tell a wrong host from a wrong signature, and neither may be let through.
            _ => Err(Error::Invalid(
                "This sslmode is not known for MySQL; it is one of disable, prefer, require, verify-full."
                    .into(),
            )),
        }
    }
}

/// Everything needed to open a connection.
pub(super) struct Target {
    opts: Opts,
    tls: Tls,
    ssl: Option<SslOpts>,
}

fn unreadable() -> Error {
    Error::Invalid(
        "This MySQL URL cannot be read; it has to look like mysql://user:password@host:3306/database. Characters \
         such as # / ? @ % and blanks in the password have to be written percent-encoded (# as %23, / as %2F, ? as \
         %3F, @ as %40, % as %25)."
            .into(),
    )
}

fn decoded(text: &str) -> Result<String> {
    percent_decode_str(text)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| unreadable())
}

impl Target {
    /// From a `mysql://` or `mariadb://` URL with `sslmode` (or `ssl-mode`), `sslrootcert` (or `ssl-ca`), and
    /// `sslcert` and `sslkey` (or `ssl-cert` and `ssl-key`) for a certificate of our own.
    /// Without a database, all databases that the user may see are the source. Errors: `Invalid`.
    pub fn from_url(url: &str) -> Result<Target> {
        let url = Url::parse(url).map_err(|_| unreadable())?;
        let host = decoded(
            url.host_str()
                .filter(|host| !host.is_empty())
                .ok_or_else(unreadable)?,
        )?;
        let database = decoded(url.path().trim_start_matches('/'))?;
        if url.fragment().is_some() || database.contains('/') {
            return Err(unreadable());
        }
        let (mut tls, mut root) = (None, None);
        let (mut certificate, mut own_key) = (None, None);
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "sslmode" | "ssl-mode" | "ssl_mode" => tls = Some(value.parse()?),
                "sslrootcert" | "ssl-ca" | "ssl_ca" => root = Some(PathBuf::from(value.as_ref())),
                "sslcert" | "ssl-cert" | "ssl_cert" => certificate = Some(PathBuf::from(value.as_ref())),
                "sslkey" | "ssl-key" | "ssl_key" => own_key = Some(PathBuf::from(value.as_ref())),
                "charset" => {}
                _ => {
                    return Err(Error::Invalid(
                        "This MySQL URL has a parameter that is not known; sslmode, sslrootcert, sslcert and sslkey \
                         are."
                        .into(),
                    ));
                }
            }
        }
        let mut builder = OptsBuilder::default()
            .user(Some(decoded(url.username())?))
            .pass(url.password().map(decoded).transpose()?)
            .db_name(Some(database).filter(|name| !name.is_empty()))
            .prefer_socket(false)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .max_allowed_packet(Some(MAX_PACKET))
            .wait_timeout(Some(28_800))
            .setup(vec![SESSION]);
        let is_socket = host.starts_with('/');
        builder = match is_socket {
            true => builder.socket(Some(host)),
            false => builder
                .ip_or_hostname(host.trim_start_matches('[').trim_end_matches(']'))
                .tcp_port(url.port().unwrap_or(3306)),
        };
        let tls = match is_socket {
            true => Tls::Disable,
            false => tls.unwrap_or(Tls::Prefer),
        };
        let own = own_certificate(certificate, own_key)?;
        Ok(Target {
            opts: builder.into(),
            tls,
            ssl: ssl(tls, root)?.map(|ssl| ssl.with_client_identity(own)),
        })
    }

    /// A new connection, its session set. Errors: `Source` of kind `Unreachable`.
    pub async fn connect(&self) -> Result<Conn> {
        let opts = OptsBuilder::from_opts(self.opts.clone()).ssl_opts(self.ssl.clone());
        let mut opened = open(opts).await;
        let offers_none = matches!(
            opened,
            Err(mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer))
        );
        if offers_none && self.tls == Tls::Prefer {
            opened = open(OptsBuilder::from_opts(self.opts.clone())).await;
        }
        opened.map_err(|error| fault::unreachable(&error))
    }
}

async fn open(opts: OptsBuilder) -> mysql_async::Result<Conn> {
    match tokio::time::timeout(CONNECT_TIMEOUT, Conn::new(opts)).await {
        Ok(opened) => opened,
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

fn ssl(tls: Tls, root: Option<PathBuf>) -> Result<Option<SslOpts>> {
    let options = SslOpts::default();
    match (tls, root) {
        (Tls::VerifyFull, Some(file)) => {
            let shown = file.display().to_string();
            let pem = std::fs::read(&file)
                .map_err(|_| Error::Invalid(format!("The sslrootcert file {shown} cannot be read.")))?;
            Ok(Some(
                options
                    .with_root_certs(vec![pem.into()])
                    .with_disable_built_in_roots(true),
            ))
        }
        (_, Some(_)) => Err(Error::Invalid(
            "A sslrootcert is only looked at with sslmode=verify-full; give both, or neither.".into(),
        )),
        // Beside the roots that are built in, those of this machine.
        (Tls::VerifyFull, None) => {
            let found = rustls_native_certs::load_native_certs().certs;
            Ok(Some(options.with_root_certs(
                found.into_iter().map(|root| root.to_vec().into()).collect(),
            )))
        }
        (Tls::Prefer | Tls::Require, None) => Ok(Some(
            options
                .with_danger_accept_invalid_certs(true)
                .with_danger_skip_domain_validation(true),
        )),
        (Tls::Disable, None) => Ok(None),
    }
}

/// What we show of ourselves, if anything.
fn own_certificate(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<ClientIdentity>> {
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => {
            return Err(Error::Invalid(
                "A client certificate needs both sslcert and sslkey in the MySQL URL.".into(),
            ));
        }
    };
    let read = |name: &str, file: PathBuf| {
        std::fs::read(&file)
            .map_err(|_| Error::Invalid(format!("The {name} file {} cannot be read.", file.display())))
    };
    let certificate = read("sslcert", certificate)?;
    let key = read("sslkey", key)?;
    Ok(Some(ClientIdentity::new(certificate.into(), key.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let target =
            Target::from_url("mysql://ann:p%23w%2F%40@db.example:3307/shop?ssl-mode=VERIFY_IDENTITY")
                .unwrap();
        assert_eq!(target.opts.user(), Some("ann"));
        assert_eq!(target.opts.pass(), Some("p#w/@"));
        assert_eq!(target.opts.ip_or_hostname(), "db.example");
        assert_eq!(
            (target.opts.tcp_port(), target.opts.db_name()),
            (3307, Some("shop"))
        );
        assert_eq!(target.tls, Tls::VerifyFull);
        let target = Target::from_url("mariadb://ann@[::1]").unwrap();
        assert_eq!(target.opts.ip_or_hostname(), "::1");
        assert_eq!((target.opts.tcp_port(), target.opts.db_name()), (3306, None));
        let target = Target::from_url("mysql://ann@%2Frun%2Fmysqld.sock/shop").unwrap();
        assert_eq!(target.opts.socket(), Some("/run/mysqld.sock"));
    }

    #[test]
    fn a_url_that_cannot_be_read_is_not_shown() {
        for url in [
            "mysql://ann:sec#ret@db/shop",
            "mysql://ann:secret@db:port/shop",
            "mysql://ann:secret@db/shop?wrong=secret",
            "mysql://ann:secret@db/shop?sslmode=secret",
            "mysql://ann:secret@db/shop?sslmode=verify-ca",
            "mysql://ann:secret@db/shop?sslmode=require&sslrootcert=/nowhere",
            "mysql://ann:secret@db/shop?sslmode=verify-full&sslrootcert=/nowhere",
            "mysql:///secret",
            "mysql:secret",
        ] {
            let Err(Error::Invalid(message)) = Target::from_url(url) else {
                panic!("{url} was read");
            };
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
