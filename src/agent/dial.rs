//! Opens the socket to a server: TLS, the key, the subprotocol, and a clear sentence when it does not work.
//! The way through a proxy is [`super::proxy`]'s.

use std::sync::Arc;
use std::time::Duration;

use futures::{Sink, SinkExt, Stream, StreamExt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use url::{Host, Url};

use super::{Terms, proxy};
use crate::config::{Proxy, ProxyConfig};
use crate::error::{Error, Result};
use crate::link::{Closing, Ended, Frame};
use crate::protocol::{MAX_FRAME, SUBPROTOCOLS};

/// How long name look-up, TCP, TLS and the upgrade may take together.
const DIAL_WITHIN: Duration = Duration::from_secs(15);

/// How sockets are opened from this process.
pub struct Dialer {
    tls: Arc<ClientConfig>,
    allow_insecure: bool,
    proxies: ProxyConfig,
}

/// Where one connection dials.
pub struct Target {
    host: String,
    port: u16,
    /// Through which the server is reached.
    proxy: Option<Proxy>,
    request: Request,
    /// For the log: scheme, host and port, and the proxy; no key and no path.
    pub server: String,
}

/// Why no socket came about.
#[derive(Debug)]
pub enum NoSocket {
    /// The server does not know this key (any more): only a person can mend that.
    Refused(String),
    /// Anything that may pass.
    Failed(String),
}

/// An open socket as the link wants it.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Dialer {
    /// Trusts the machine's certificate authorities and those of `ca_file`. Errors: `Invalid` when the file
    /// cannot be read or holds none.
    pub fn new(terms: &Terms) -> Result<Dialer> {
        let ca_file = terms.ca_file.as_deref();
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::debug!(%error, "a certificate of the machine was left out");
        }
        roots.add_parsable_certificates(native.certs);
        if let Some(path) = ca_file {
            let unusable = |why: String| {
                Error::Invalid(format!(
                    "The file of certificate authorities {} cannot be used: {why}.",
                    path.display()
                ))
            };
            let mut found = 0;
            for certificate in
                CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?
            {
                let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
                roots
                    .add(certificate)
                    .map_err(|error| unusable(error.to_string()))?;
                found += 1;
            }
            if found == 0 {
                return Err(unusable("it holds no certificate in PEM form".into()));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Error::internal)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Dialer {
            tls: Arc::new(tls),
            allow_insecure: terms.allow_insecure,
            proxies: terms.proxy.clone(),
        })
    }

    /// Checks a connection's URL and key. Errors: `Invalid` with a sentence.
    pub fn target(&self, websocket_url: &str, key: SecretString) -> Result<Target> {
        let invalid = |why: &str| Error::Invalid(format!("The server address {websocket_url} {why}."));
        let url = Url::parse(websocket_url).map_err(|_| invalid("is not a URL"))?;
        let host = url.host().ok_or_else(|| invalid("has no host"))?;
        match url.scheme() {
            "wss" => {}
            "ws" if self.allow_insecure || is_loopback(&host) => {}
            "ws" => {
                return Err(invalid(
                    "is not encrypted, and the key and the rows would cross the network in the clear; use \
                     wss://, or allow it with agent.allow_insecure",
                ));
            }
            _ => return Err(invalid("has to begin with wss:// (or ws:// on this machine)")),
        }
        let port = url
            .port_or_known_default()
            .ok_or_else(|| invalid("has no port"))?;
        let mut request = websocket_url
            .into_client_request()
            .map_err(|_| invalid("cannot be dialled"))?;
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {}", key.expose_secret().trim())).map_err(|_| {
                Error::Invalid("The agent's key has characters that no key has; copy it anew.".into())
            })?;
        bearer.set_sensitive(true);
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, bearer);
        let protocols = HeaderValue::from_str(&SUBPROTOCOLS.join(", ")).map_err(Error::internal)?;
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocols);
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("clean-custard-agent/", env!("CARGO_PKG_VERSION"))),
        );
        let proxy = proxy::of(&self.proxies, url.scheme(), &host, port).cloned();
        let through = match &proxy {
            Some(proxy) => format!(" through the proxy {}:{}", proxy.host, proxy.port),
            None => String::new(),
        };
        Ok(Target {
            proxy,
            host: match &host {
                Host::Domain(name) => (*name).to_owned(),
                Host::Ipv4(address) => address.to_string(),
                Host::Ipv6(address) => address.to_string(),
            },
            port,
            request,
            server: format!("{}://{host}:{port}{through}", url.scheme()),
        })
    }

    /// Opens the socket.
    pub async fn dial(&self, target: &Target) -> std::result::Result<Socket, NoSocket> {
        match tokio::time::timeout(DIAL_WITHIN, self.open(target)).await {
            Ok(result) => result,
            Err(_) => Err(NoSocket::Failed(format!(
                "it did not answer within {} s",
                DIAL_WITHIN.as_secs()
            ))),
        }
    }

    async fn open(&self, target: &Target) -> std::result::Result<Socket, NoSocket> {
        let failed = |error: &dyn std::fmt::Display| NoSocket::Failed(error.to_string());
        let stream = match &target.proxy {
            Some(proxy) => proxy::connect(proxy, &target.host, target.port)
                .await
                .map_err(NoSocket::Failed)?,
            None => TcpStream::connect((target.host.as_str(), target.port))
                .await
                .map_err(|error| failed(&error))?,
        };
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(MAX_FRAME)
            .write_buffer_size(MAX_FRAME)
            // Without a limit a server that stops reading would have it grow for ever.
            .max_write_buffer_size(4 * MAX_FRAME)
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let connector = Connector::Rustls(self.tls.clone());
        match client_async_tls_with_config(target.request.clone(), stream, Some(config), Some(connector))
            .await
        {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(no_upgrade(&response)),
            Err(tungstenite::Error::Protocol(tungstenite::error::ProtocolError::HandshakeIncomplete)) => Err(
                NoSocket::Failed("it closed the connection before it answered".into()),
            ),
            Err(tungstenite::Error::Io(error)) if error.to_string().contains("UnknownIssuer") => {
                Err(NoSocket::Failed(
                    "its certificate is signed by nobody this machine trusts; if that is an authority of your \
                     own, name its file in agent.ca_file"
                        .into(),
                ))
            }
            Err(error) => Err(failed(&error)),
        }
    }
}

pub(super) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn no_upgrade(response: &tungstenite::http::Response<Option<Vec<u8>>>) -> NoSocket {
    let said = response
        .body()
        .as_deref()
        .and_then(|body| serde_json::from_slice::<serde_json::Value>(body).ok())
        .and_then(|body| {
            Some(crate::protocol::sentence(
                body.pointer("/error/message")?.as_str()?,
            ))
        });
    let says = |otherwise: &str| {
        said.as_deref()
            .unwrap_or(otherwise)
            .trim_end_matches('.')
            .to_owned()
    };
    match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => NoSocket::Refused(says(
            "The server does not accept this key. It may have been rotated or the connection deleted; make a \
             new key on the connection's page",
        )),
        StatusCode::NOT_FOUND => NoSocket::Refused(says(
            "The server knows no such connection. Check the address and the connection's id",
        )),
        status if status.is_redirection() => NoSocket::Refused(format!(
            "The server redirects elsewhere ({status}). Use the address it redirects to"
        )),
        status => NoSocket::Failed(format!("it answered {status}. {}", says("It gave no reason"))),
    }
}

/// A socket as two halves of frames.
pub fn halves(
    socket: Socket,
) -> (
    impl Sink<Frame, Error = tungstenite::Error>,
    impl Stream<Item = std::result::Result<Frame, Ended>>,
) {
    let (sink, stream) = socket.split();
    let sink = sink.with(|frame: Frame| std::future::ready(Ok::<_, tungstenite::Error>(outgoing(frame))));
    let stream = stream.filter_map(|message| {
        std::future::ready(match message {
            Ok(message) => incoming(message).map(Ok),
            Err(error) => Some(Err(broken(error))),
        })
    });
    (sink, stream)
}

fn incoming(message: Message) -> Option<Frame> {
    Some(match message {
        Message::Text(text) => Frame::Text(text.as_str().to_owned()),
        Message::Binary(bytes) => Frame::Binary(bytes),
        // The library answers pings itself.
        Message::Ping(_) => Frame::Pong(bytes::Bytes::new()),
        Message::Pong(bytes) => Frame::Pong(bytes),
        Message::Close(Some(frame)) => Frame::Close(Closing::new(frame.code.into(), frame.reason.as_str())),
        Message::Close(None) => Frame::Close(Closing::new(1005, "")),
        Message::Frame(_) => return None,
    })
}

fn outgoing(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::Text(text.into()),
        Frame::Binary(bytes) => Message::Binary(bytes),
        Frame::Ping(bytes) => Message::Ping(bytes),
        Frame::Pong(bytes) => Message::Pong(bytes),
        Frame::Close(closing) => Message::Close(Some(CloseFrame {
            code: CloseCode::from(closing.code),
            reason: closing.reason.into(),
        })),
    }
}

fn broken(error: tungstenite::Error) -> Ended {
    match error {
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { size, .. }) => {
            Ended::Violation(format!("a frame of {size} bytes"))
        }
        tungstenite::Error::Io(error) => Ended::Lost(error.to_string()),
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            Ended::Lost("the socket is closed".into())
        }
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            Ended::Lost("the server went away".into())
        }
        error => Ended::Violation(error.to_string()),
    }
}
