//! Cancelling: a connection of its own that says which session is to stop what it runs.
//!
//! The driver would close that connection at once. PgBouncer takes this for a client that has changed its
//! mind and passes nothing on, so here the server closes first, which also tells that it has heard.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_postgres::config::Host;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{CancelToken, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Time for the whole of it.
const WITHIN: Duration = Duration::from_secs(10);

/// What a cancel can fail with; it is only logged.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Asks the database to stop what the session of `token` runs; returns once it has heard.
pub(super) async fn cancel(
    config: &Config,
    connector: Option<&MakeRustlsConnect>,
    token: CancelToken,
) -> Result<(), Failure> {
    let work = async {
        let Some((address, name)) = only_address(config).await else {
            // Only the driver knows which of several addresses the session is at.
            return match connector {
                None => token.cancel_query(NoTls).await,
                Some(connector) => token.cancel_query(connector.clone()).await,
            }
            .map_err(Failure::from);
        };
        let stream = Patient(TcpStream::connect(address).await?);
        match connector {
            None => token.cancel_query_raw(stream, NoTls).await?,
            Some(connector) => {
                let mut connector = connector.clone();
                let tls = MakeTlsConnect::<Patient>::make_tls_connect(&mut connector, &name)?;
                token.cancel_query_raw(stream, tls).await?;
            }
        }
        Ok(())
    };
    tokio::time::timeout(WITHIN, work).await?
}

/// The one address that sessions of this configuration are at, and its name for TLS.
async fn only_address(config: &Config) -> Option<(SocketAddr, String)> {
    let [Host::Tcp(name)] = config.get_hosts() else {
        return None;
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    if let [address] = config.get_hostaddrs() {
        return Some((SocketAddr::new(*address, port), name.clone()));
    }
    let mut found = tokio::net::lookup_host((name.as_str(), port)).await.ok()?;
    let first = found.next()?;
    found.all(|other| other == first).then_some((first, name.clone()))
}

/// A socket that lets the other side close first.
struct Patient(TcpStream);

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        loop {
            let mut space = [0; 256];
            let mut buffer = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                // Closed or cut: either way the other side is done.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}
