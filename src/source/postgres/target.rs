//! Where the database is and how to get there: reads URLs, knows TLS modes by libpq's names, opens
//! connections. It never shows a URL, which may hold a password.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, NoTls, Notification};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{cancel, fault};
use crate::error::{Error, Result};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much TLS, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    Disable,
    /// Only where the server does not let anybody in without; nobody is verified.
    Allow,
    /// Where the server offers it and does not turn it away; nobody is verified.
    Prefer,
    /// Always; nobody is verified unless a root certificate is named.
    Require,
    /// The certificate is signed by somebody trusted.
    VerifyCa,
    /// … and made for this host.
    VerifyFull,
}

impl FromStr for Tls {
    type Err = Error;

    fn from_str(text: &str) -> Result<Tls> {
        match text {
            "disable" => Ok(Tls::Disable),
            "allow" => Ok(Tls::Allow),
            "prefer" => Ok(Tls::Prefer),
            "require" => Ok(Tls::Require),
            "verify-ca" => Ok(Tls::VerifyCa),
            "verify-full" => Ok(Tls::VerifyFull),
            _ => Err(Error::Invalid(
                "This sslmode is not known; it is one of disable, allow, prefer, require, verify-ca and \
                 verify-full."
                    .into(),
            )),
        }
    }
}

/// Files in PEM that a URL names.
#[derive(Default)]
struct Files {
    /// Who may have signed the server's certificate.
    root: Option<String>,
    /// Our own certificate (and what leads from it to the authority), and its key.
    certificate: Option<String>,
    key: Option<String>,
}

/// Everything needed to open a connection.
#[derive(Clone)]
pub(super) struct Target {
    config: Config,
    /// What is tried where the server turns `config` away for being encrypted, or for not being it.
    otherwise: Option<Config>,
    connector: Option<MakeRustlsConnect>,
}

fn unreadable() -> Error {
    Error::Invalid(
        "This PostgreSQL URL cannot be read; it has to look like postgres://user:password@host:5432/database. \
         Characters such as # / ? @ % and blanks in the password have to be written percent-encoded (# as %23, \
         / as %2F, ? as %3F, @ as %40, % as %25)."
            .into(),
    )
}

impl Target {
    /// From a `postgres://` or `postgresql://` URL. Errors: `Invalid`.
    pub fn from_url(url: &str) -> Result<Target> {
        let (base, query) = match url.split_once('?') {
            Some((base, query)) => (base, query),
            None => (url, ""),
        };
        let mut tls = None;
        let mut files = Files::default();
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(unreadable)?;
            let decoded = || {
                percent_encoding::percent_decode_str(value)
                    .decode_utf8()
                    .map(|text| text.into_owned())
                    .map_err(|_| unreadable())
            };
            match key {
                "sslmode" => tls = Some(decoded()?.parse()?),
                "sslrootcert" => files.root = Some(decoded()?),
                "sslcert" => files.certificate = Some(decoded()?),
                "sslkey" => files.key = Some(decoded()?),
                // What libpq knows beside, and what changes nothing here.
                "gssencmode" | "sslcompression" | "sslsni" | "client_encoding" => {}
                _ => rest.push(pair),
            }
        }
        let mut text = base.to_owned();
        if !rest.is_empty() {
            text.push('?');
            text.push_str(&rest.join("&"));
        }
        // The parser's own message may quote a part of the URL, so it is not shown.
        let config = Config::from_str(&text).map_err(|_| unreadable())?;
        if config.get_hosts().is_empty() {
            return Err(Error::Invalid(
                "This PostgreSQL URL names no host; it has to look like postgres://user:password@host:5432/database."
                    .into(),
            ));
        }
        Target::new(config, tls.unwrap_or(Tls::Prefer), files)
    }

    /// From single values. Errors: `Invalid` for an unknown `sslmode`.
    pub fn from_parts(
        host: &str,
        port: u16,
        database: &str,
        user: &str,
        password: &str,
        sslmode: &str,
    ) -> Result<Target> {
        let mut config = Config::new();
        config
            .host(host)
            .port(port)
            .dbname(database)
            .user(user)
            .password(password);
        Target::new(config, sslmode.parse()?, Files::default())
    }

    fn new(mut config: Config, tls: Tls, files: Files) -> Result<Target> {
        config
            .application_name("clean-custard")
            .keepalives_idle(Duration::from_secs(30))
            .ssl_mode(match tls {
                Tls::Disable | Tls::Allow => SslMode::Disable,
                Tls::Prefer => SslMode::Prefer,
                _ => SslMode::Require,
            });
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let connector = match tls {
            Tls::Disable => None,
            _ => Some(MakeRustlsConnect::new(tls_config(tls, &files)?)),
        };
        let other_mode = match tls {
            Tls::Allow => Some(SslMode::Require),
            Tls::Prefer => Some(SslMode::Disable),
            _ => None,
        };
        let otherwise = other_mode.map(|mode| {
            let mut config = config.clone();
            config.ssl_mode(mode);
            config
        });
        Ok(Target {
            config,
            otherwise,
            connector,
        })
    }

    /// A new connection; what drives it runs beside until the client is dropped.
    pub async fn connect(&self) -> Result<Client> {
        match (self.connect_as(&self.config).await, &self.otherwise) {
            (Err(error), Some(otherwise)) if is_turned_away(&error) => {
                // The first refusal says more, should the second attempt fail as well.
                self.connect_as(otherwise)
                    .await
                    .map_err(|_| fault::unreachable(error))
            }
            (connected, _) => connected.map_err(fault::unreachable),
        }
    }

    /// A new connection for LISTEN, and what it is notified of; the receiver ends with the connection.
    pub async fn connect_listening(&self) -> Result<(Client, mpsc::UnboundedReceiver<Notification>)> {
        match (self.listen_as(&self.config).await, &self.otherwise) {
            (Err(error), Some(otherwise)) if is_turned_away(&error) => self
                .listen_as(otherwise)
                .await
                .map_err(|_| fault::unreachable(error)),
            (connected, _) => connected.map_err(fault::unreachable),
        }
    }

    async fn listen_as(
        &self,
        config: &Config,
    ) -> Result<(Client, mpsc::UnboundedReceiver<Notification>), tokio_postgres::Error> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let client = match &self.connector {
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                tokio::spawn(notify(connection, sender));
                client
            }
            Some(connector) => {
                let (client, connection) = config.connect(connector.clone()).await?;
                tokio::spawn(notify(connection, sender));
                client
            }
        };
        Ok((client, receiver))
    }

    async fn connect_as(&self, config: &Config) -> Result<Client, tokio_postgres::Error> {
        match &self.connector {
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                tokio::spawn(drive(connection));
                Ok(client)
            }
            Some(connector) => {
                let (client, connection) = config.connect(connector.clone()).await?;
                tokio::spawn(drive(connection));
                Ok(client)
            }
        }
    }

    /// Asks the database to stop what the connection runs; best effort.
    pub async fn cancel(&self, token: CancelToken) {
        if let Err(error) = cancel::cancel(&self.config, self.connector.as_ref(), token).await {
            tracing::debug!(%error, "the database could not be asked to cancel");
        }
    }
}

/// The server's rules (`pg_hba.conf`) let nobody in this way, whatever the password.
fn is_turned_away(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

/// An error of a connection also reaches whoever waits for an answer on it, so it is not handled here.
async fn drive<F>(connection: F)
where
    F: Future<Output = Result<(), tokio_postgres::Error>>,
{
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the database ended");
    }
}

/// Drives a connection and hands on what it is notified of.
async fn notify<S, T>(
    mut connection: tokio_postgres::Connection<S, T>,
    sender: mpsc::UnboundedSender<Notification>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = std::future::poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notification(notification)) => {
                // Nobody listens any more: the client goes, and with it the connection.
                let _ = sender.send(notification);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "a connection to the database ended");
                return;
            }
        }
    }
}

fn tls_config(tls: Tls, files: &Files) -> Result<ClientConfig> {
    let own = own_certificate(files)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?;
    let root = files.root.clone();
    // As in libpq, a named root certificate makes `require` verify.
    let verifies = matches!(tls, Tls::VerifyCa | Tls::VerifyFull) || (tls == Tls::Require && root.is_some());
    let builder = if !verifies {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
    } else if tls == Tls::VerifyFull {
        builder.with_root_certificates(roots(root)?)
    } else {
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(root)?), provider)
            .build()
            .map_err(Error::internal)?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyHost(inner)))
    };
    match own {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|_| {
            Error::Invalid(
                "The sslkey file does not hold the key of the certificate in the sslcert file, or is of a kind that \
                 is not known."
                    .into(),
            )
        }),
    }
}

type OwnCertificate = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What we show of ourselves, if anything.
fn own_certificate(files: &Files) -> Result<Option<OwnCertificate>> {
    let (certificate, key) = match (&files.certificate, &files.key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => {
            return Err(Error::Invalid(
                "A client certificate needs both sslcert and sslkey in the PostgreSQL URL.".into(),
            ));
        }
    };
    let broken = |name: &str, file: &str| {
        Error::Invalid(format!(
            "The {name} file {file} cannot be read as PEM (a key must not be encrypted)."
        ))
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(|all| all.collect::<std::result::Result<_, _>>())
        .map_err(|_| broken("sslcert", certificate))?;
    if chain.is_empty() {
        return Err(broken("sslcert", certificate));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|_| broken("sslkey", key))?;
    Ok(Some((chain, key)))
}

fn roots(file: Option<String>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match file.filter(|file| file != "system") {
        Some(file) => {
            let path = PathBuf::from(&file);
            let broken = |what: &str| Error::Invalid(format!("The sslrootcert file {file} {what}."));
            for certificate in
                CertificateDer::pem_file_iter(path).map_err(|_| broken("cannot be read as PEM"))?
            {
                let certificate = certificate.map_err(|_| broken("cannot be read as PEM"))?;
                roots
                    .add(certificate)
                    .map_err(|_| broken("holds a certificate that is not valid"))?;
            }
            if roots.is_empty() {
                return Err(broken("holds no certificate"));
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(Error::Invalid(
                    "This machine has no trusted root certificates; name a file with sslrootcert=.".into(),
                ));
            }
        }
    }
    Ok(roots)
}

/// Verifies nobody, as libpq's `prefer` and `require` do: against eavesdroppers only.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Verifies who signed, but not for which host: `verify-ca`.
#[derive(Debug)]
struct AnyHost(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self
            .0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            // The chain is checked before the name, so this error means that only the name does not fit.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        let target =
            Target::from_url("postgresql://ann:p%23w%2F%40@db.example:5433/shop?sslmode=disable").unwrap();
        assert_eq!(target.config.get_password(), Some(&b"p#w/@"[..]));
        assert_eq!(target.config.get_ports(), [5433]);
        assert_eq!(target.config.get_dbname(), Some("shop"));
        assert!(target.connector.is_none());
        // Raw, these are not ambiguous, so they are taken as they are.
        let target = Target::from_url("postgres://ann:p#w/@db.example/shop").unwrap();
        assert_eq!(target.config.get_password(), Some(&b"p#w/"[..]));
        let target =
            Target::from_url("postgres://ann@db.example/shop?sslmode=require&connect_timeout=3").unwrap();
        assert_eq!(target.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(target.config.get_connect_timeout(), Some(&Duration::from_secs(3)));
    }

    #[test]
    fn a_url_that_cannot_be_read_is_not_shown() {
        for url in [
            "postgres://ann:sec?ret@db/shop",
            "postgres://ann:secret@db:port/shop",
            "postgres://ann:secret@db/shop?wrong=secret",
            "postgres://ann:secret@db/shop?sslmode=secret",
            "postgres://ann:secret@db/shop?sslmode=verify-full&sslrootcert=/nowhere/secret.pem&sslkey=x",
            "postgres:///shop",
        ] {
            let Err(Error::Invalid(message)) = Target::from_url(url) else {
                panic!("{url} was read");
            };
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
