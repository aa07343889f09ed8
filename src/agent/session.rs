//! One socket from hello to its end: takes the server's requests and starts their answers. When the socket
//! ends, whatever still runs is dropped, and with it cancelled at the database.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::answer;
use super::database::Database;
use super::dial::{self, Socket};
use crate::error::{Error, Result};
use crate::link::answering::{Answer, Answers};
use crate::link::{self, Closing, Ended, Frame, Handler, Heartbeat, Outbox, Violation};
use crate::protocol::{
    self, DRAIN_FOR, Drain, Envelope, Fault, Hello, Message, OLDEST_VERSION, Ping, Pong, VERSION, Welcome,
};

/// Probes of the database asked for and not yet answered, at most.
const MAX_PROBES: usize = 16;

/// How long the last words of a stopping agent may take to be written.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

struct Session<'a> {
    server: &'a str,
    outbox: Arc<Outbox>,
    answers: Answers,
    database: &'a Arc<Database>,
    stop: &'a CancellationToken,
    /// Dropped, and so aborted, with the session.
    tasks: Mutex<JoinSet<()>>,
    last_id: AtomicU64,
    probes: Arc<Semaphore>,
}

/// Serves one socket. With `stop` it says so, lets running answers finish for up to [`DRAIN_FOR`], and
/// closes.
pub async fn serve(
    socket: Socket,
    server: &str,
    database: &Arc<Database>,
    stop: &CancellationToken,
) -> Ended {
    let outbox = Arc::new(Outbox::default());
    let (answers, outgoing): (Answers, tokio::sync::mpsc::Receiver<Frame>) = Answers::new();
    let session = Session {
        server,
        outbox: outbox.clone(),
        answers,
        database,
        stop,
        tasks: Mutex::default(),
        last_id: AtomicU64::new(0),
        probes: Arc::new(Semaphore::new(MAX_PROBES)),
    };
    let (sink, stream) = dial::halves(socket);
    tokio::select! {
        ended = link::run(stream, sink, &outbox, Some(outgoing), &session, Heartbeat::default()) => ended,
        never = session.report() => match never {},
        never = session.drain() => match never {},
    }
}

impl Session<'_> {
    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Says hello, and again whenever the database changed state.
    async fn report(&self) -> Infallible {
        let mut reports = self.database.reports();
        loop {
            let database = reports.borrow_and_update().clone();
            let hello = Hello {
                protocol: VERSION,
                oldest: OLDEST_VERSION,
                product: env!("CARGO_PKG_VERSION").into(),
                database,
            };
            self.outbox.send(self.next_id(), Message::Hello(hello));
            if reports.changed().await.is_err() {
                // The database lives as long as the session borrows it.
                return std::future::pending().await;
            }
        }
    }

    async fn drain(&self) -> Infallible {
        self.stop.cancelled().await;
        self.outbox.send(0, Message::Drain(Drain {}));
        let finished = async {
            while self.answers.running() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let closing = Closing::new(Closing::AWAY, "The agent is stopping.");
        if tokio::time::timeout(DRAIN_FOR, finished).await.is_ok() {
            // The last answers may still be on their way to a socket that is slow.
            self.outbox.leave(closing.clone());
            tokio::time::sleep(LEAVE_WITHIN).await;
        }
        self.outbox.close(closing);
        std::future::pending().await
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().expect("no panic while the lock is held");
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Starts the answer to a request; `work` does it and finishes it.
    fn answer<F>(
        &self,
        id: u64,
        credit: u64,
        work: impl FnOnce(Arc<Answer>, Arc<Database>) -> F,
    ) -> std::result::Result<(), Violation>
    where
        F: Future<Output = Result<protocol::End>> + Send + 'static,
    {
        let opened = if self.stop.is_cancelled() {
            Err(Error::AgentOffline(
                "The agent is being stopped; ask again in a moment.".into(),
            ))
        } else {
            self.answers.open(id, credit)
        };
        let answer = match opened {
            Ok(answer) => Arc::new(answer),
            Err(Error::Conflict(what)) => return Err(Violation(what)),
            Err(error) => {
                self.outbox.send(id, Message::Fault(Fault::of(&error)));
                return Ok(());
            }
        };
        let work = work(answer.clone(), self.database.clone());
        self.spawn(async move {
            // Dropping the work is what cancels it, down to the database.
            let result = tokio::select! {
                result = AssertUnwindSafe(work).catch_unwind() => {
                    result.unwrap_or_else(|_| Err(Error::Internal("answering a request panicked".into())))
                }
                () = answer.cancelled() => Err(Error::Cancelled),
            };
            match &result {
                Err(Error::Internal(error)) => {
                    tracing::error!(request = id, %error, "a request could not be answered");
                }
                Err(Error::Cancelled) => tracing::info!(request = id, "query cancelled"),
                _ => {}
            }
            match result {
                Ok(end) => answer.end(end).await,
                Err(error) => answer.fault(&error).await,
            }
        });
        Ok(())
    }

    fn welcome(&self, welcome: &Welcome) -> std::result::Result<(), Violation> {
        self.database
            .is_expected_to_be(&welcome.kind)
            .map_err(|error| Violation(error.to_string()))?;
        if welcome.protocol > VERSION || welcome.protocol < OLDEST_VERSION {
            return Err(Violation(format!(
                "The server wants to speak protocol {}, which this agent does not.",
                welcome.protocol
            )));
        }
        tracing::info!(
            "Connected to {} as {} (server {}, agent {}).",
            self.server,
            protocol::sentence(&welcome.connection_id),
            protocol::sentence(&welcome.product),
            env!("CARGO_PKG_VERSION"),
        );
        Ok(())
    }
}

impl Handler for Session<'_> {
    fn message(&self, envelope: Envelope) -> std::result::Result<(), Violation> {
        let Envelope { id, message } = envelope;
        match message {
            Message::Welcome(welcome) => return self.welcome(&welcome),
            Message::Schema(request) => {
                return self.answer(id, request.credit, |answer, database| async move {
                    answer::schema(&answer, &database).await
                });
            }
            Message::Query(query) => {
                return self.answer(id, query.credit, move |answer, database| async move {
                    answer::query(&answer, id, query, &database).await
                });
            }
            Message::Credit(credit) => self.answers.credit(id, credit.bytes),
            Message::Cancel(_) => self.answers.cancel(id),
            Message::Ping(Ping { .. }) => {
                let Ok(permit) = self.probes.clone().try_acquire_owned() else {
                    return Err(Violation("more probes than anybody needs".into()));
                };
                let database = self.database.clone();
                let outbox = self.outbox.clone();
                self.spawn(async move {
                    let database = Some(database.probe().await);
                    outbox.send(id, Message::Pong(Pong { database }));
                    drop(permit);
                });
            }
            Message::Pong(_) => {}
            Message::Fault(fault) => {
                tracing::debug!(
                    "The server did not understand a message: {}",
                    protocol::sentence(&fault.message)
                );
            }
            Message::Drain(_) => tracing::info!("The server {} is stopping.", self.server),
            Message::Hello(_) | Message::End(_) | Message::Unknown => {
                return Err(Violation("a message that only an agent sends".into()));
            }
        }
        Ok(())
    }

    fn data(&self, _: u64, _: &[u8], _: u64) -> std::result::Result<(), Violation> {
        Err(Violation("data that the agent did not ask for".into()))
    }
}
