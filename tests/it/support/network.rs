//! The network between two ends, in a test's hands: a way that can be cut or fall silent, an HTTP proxy that
//! only knows CONNECT, and a front that speaks TLS with a certificate of an authority nobody knows.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What becomes of the bytes on a [`Way`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Open,
    /// The cable is out: nothing arrives, nothing is refused, and neither end is told.
    Silent,
    /// Every connection is closed, and new ones are closed at once.
    Cut,
}

/// A way to a server that can be cut.
pub struct Way {
    pub address: SocketAddr,
    flow: watch::Sender<Flow>,
    open: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Way {
    pub async fn to(server: SocketAddr) -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (flow, watched) = watch::channel(Flow::Open);
        let open = Arc::new(AtomicUsize::new(0));
        let counted = open.clone();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (mut watched, counted) = (watched.clone(), counted.clone());
                tokio::spawn(async move {
                    counted.fetch_add(1, Ordering::Relaxed);
                    carry(near, server, &mut watched).await;
                    counted.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Way {
            address,
            flow,
            open,
            task,
        }
    }

    pub fn set(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }

    /// Connections open right now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(near: TcpStream, server: SocketAddr, flow: &mut watch::Receiver<Flow>) {
    let is_cut = async |flow: &mut watch::Receiver<Flow>| {
        flow.wait_for(|flow| *flow == Flow::Cut).await.ok();
    };
    let ended = match flow.wait_for(|flow| *flow != Flow::Silent).await {
        Ok(flow) => *flow == Flow::Cut,
        Err(_) => true,
    };
    if ended {
        return;
    }
    let Ok(far) = TcpStream::connect(server).await else {
        return;
    };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = half(near_in, far_out, flow.clone()) => {},
        () = half(far_in, near_out, flow.clone()) => {},
        () = is_cut(flow) => {},
    }
}

/// One direction, until one of the ends is closed.
async fn half(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut flow: watch::Receiver<Flow>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            // An end that hung up while the cable was out is not heard of either.
            flow.wait_for(|flow| *flow != Flow::Silent).await.ok();
            return;
        };
        let ended = flow.wait_for(|flow| *flow != Flow::Silent).await.is_err();
        if ended || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// An HTTP proxy: every CONNECT leads to one server, whatever name was asked for.
pub struct HttpProxy {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl HttpProxy {
    /// With a user and password it asks for them.
    pub async fn to(server: SocketAddr, login: Option<&str>) -> HttpProxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let expected = login.map(|login| {
            let packed = base64::engine::general_purpose::STANDARD.encode(login);
            format!("Proxy-Authorization: Basic {packed}")
        });
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, expected) = (seen.clone(), expected.clone());
                tokio::spawn(async move { connect(stream, server, expected, &seen).await });
            }
        });
        HttpProxy { address, asked, task }
    }

    /// The targets asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for HttpProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(
    mut near: TcpStream,
    server: SocketAddr,
    expected: Option<String>,
    seen: &Mutex<Vec<String>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match near.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split_once(' '))
        .map(|(target, _)| target.to_owned());
    let answer = match target {
        None => "HTTP/1.1 405 Only CONNECT\r\n\r\n",
        Some(_) if expected.is_some_and(|line| !head.contains(&line)) => {
            "HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\n\r\n"
        }
        Some(target) => {
            seen.lock().unwrap().push(target);
            let Ok(mut far) = TcpStream::connect(server).await else {
                return;
            };
            near.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
                .await
                .ok();
            copy_bidirectional(&mut near, &mut far).await.ok();
            return;
        }
    };
    near.write_all(answer.as_bytes()).await.ok();
}

/// TLS in front of a server, for `custard.test` and 127.0.0.1.
pub struct TlsFront {
    pub address: SocketAddr,
    /// The authority that signed its certificate, in PEM.
    authority: String,
    task: JoinHandle<()>,
}

impl TlsFront {
    pub async fn to(server: SocketAddr) -> TlsFront {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["custard.test".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let (Ok(mut near), Ok(mut far)) =
                        (acceptor.accept(stream).await, TcpStream::connect(server).await)
                    {
                        copy_bidirectional(&mut near, &mut far).await.ok();
                    }
                });
            }
        });
        TlsFront {
            address,
            authority: pem,
            task,
        }
    }

    /// Writes the authority's certificate to a file.
    pub fn write_authority(&self, path: &Path) {
        std::fs::write(path, &self.authority).unwrap();
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}
