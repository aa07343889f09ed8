//! One connection for LISTEN and NOTIFY, for servers that share a PostgreSQL and have to tell each other
//! something at once. What the messages mean is not known here.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_postgres::{Client, Notification};

use super::fault;
use super::target::Target;
use crate::error::{Error, Result};

/// Bytes of a payload at most; PostgreSQL takes less than 8,000.
pub const MAX_PAYLOAD: usize = 7_900;

/// How long PostgreSQL may take to answer: a link that went dead shows itself only by silence.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Where to listen. It connects anew for every [`Listening`].
pub struct Listener {
    target: Target,
    channel: &'static str,
}

/// A connection that listens, until it breaks.
pub struct Listening {
    client: Client,
    notifications: mpsc::UnboundedReceiver<Notification>,
    channel: &'static str,
}

impl Listener {
    /// `channel` has to be a plain lower-case name. Errors: `Invalid` for a URL that cannot be read.
    pub fn new(url: &str, channel: &'static str) -> Result<Listener> {
        Ok(Listener {
            target: Target::from_url(url)?,
            channel,
        })
    }

    /// Connects and listens. Errors: `Source` when the database cannot be reached.
    pub async fn listen(&self) -> Result<Listening> {
        let (client, notifications) = self.target.connect_listening().await?;
        within(client.batch_execute(&format!("LISTEN {}", self.channel))).await?;
        Ok(Listening {
            client,
            notifications,
            channel: self.channel,
        })
    }
}

impl Listening {
    /// The next payload; None when the connection has ended.
    pub async fn next(&mut self) -> Option<String> {
        self.notifications
            .recv()
            .await
            .map(|notification| notification.payload().to_owned())
    }

    /// Tells everybody who listens, this connection too. Errors: the connection is of no use any more.
    pub async fn notify(&self, payload: &str) -> Result<()> {
        within(
            self.client
                .execute("SELECT pg_notify($1, $2)", &[&self.channel, &payload]),
        )
        .await?;
        Ok(())
    }

    /// Whether the database still answers.
    pub async fn ping(&self) -> Result<()> {
        within(self.client.batch_execute("SELECT 1")).await
    }
}

async fn within<T>(work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
    match tokio::time::timeout(ANSWER_WITHIN, work).await {
        Ok(done) => done.map_err(fault::unreachable),
        Err(_) => Err(Error::Timeout("The store did not answer in time.".into())),
    }
}
