//! One socket from hello to its end: takes the server's requests and starts their answers. When the socket
//! ends, whatever still runs is dropped, and with it cancelled at the database.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Setting;
use super::answer;
use super::database::Database;
use super::dial::{self, Socket};
use crate::error::{Error, Result};
use crate::link::answering::{Answer, Answers};
use crate::link::{self, Closing, Ended, Frame, Handler, Heartbeat, Outbox, Violation};
use crate::protocol::{
    self, Drain, Envelope, Fault, Hello, Message, OLDEST_VERSION, Ping, Pong, VERSION, Welcome,
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
    setting: &'a Setting,
    /// Cancelled when what runs has no more time.
    overdue: CancellationToken,
    /// What the server said about coming back.
    come_back: Mutex<Option<Duration>>,
    /// Dropped, and so aborted, with the session.
    tasks: Mutex<JoinSet<()>>,
    last_id: AtomicU64,
    probes: Arc<Semaphore>,
}

/// How a session ended.
pub struct Outcome {
    pub ended: Ended,
    /// The server asked to be dialled again within this time.
    pub come_back: Option<Duration>,
}

/// Serves one socket. With `stop` it says so, lets running answers finish for as long as they may, and closes.
pub async fn serve(socket: Socket, server: &str, database: &Arc<Database>, setting: &Setting) -> Outcome {
    let outbox = Arc::new(Outbox::default());
    let (answers, outgoing): (Answers, tokio::sync::mpsc::Receiver<Frame>) = Answers::new();
    let session = Session {
        server,
        outbox: outbox.clone(),
        answers,
        database,
        setting,
        overdue: CancellationToken::new(),
        come_back: Mutex::default(),
        tasks: Mutex::default(),
        last_id: AtomicU64::new(0),
        probes: Arc::new(Semaphore::new(MAX_PROBES)),
    };
    let (sink, stream) = dial::halves(socket);
    let ended = tokio::select! {
        ended = link::run(stream, sink, &outbox, Some(outgoing), &session, Heartbeat::default()) => ended,
        never = session.report() => match never {},
        never = session.drain() => match never {},
    };
    let come_back = *session.come_back();
    Outcome { ended, come_back }
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
                host: self.setting.name.as_deref().map(protocol::sentence),
                clock_ms: Some(chrono::Utc::now().timestamp_millis()),
                policy: Some(self.database.policy_summary()),
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
        self.setting.stop.cancelled().await;
        self.outbox.send(0, Message::Drain(Drain::default()));
        let until = tokio::time::Instant::now() + self.setting.drain;
        if tokio::time::timeout(self.setting.drain, self.finished())
            .await
            .is_err()
        {
            tracing::warn!(
                "Queries that did not finish within {} s are stopped.",
                self.setting.drain.as_secs()
            );
            // Whoever asked is told; the rest of their rows is not waited for.
            self.overdue.cancel();
            tokio::time::timeout(LEAVE_WITHIN, self.finished()).await.ok();
        }
        // The last answers may still be on their way to a socket that is slow.
        let closing = Closing::new(Closing::AWAY, "The agent is stopping.");
        self.outbox.leave(closing.clone());
        tokio::time::sleep_until(until.max(tokio::time::Instant::now() + LEAVE_WITHIN)).await;
        self.outbox.close(closing);
        std::future::pending().await
    }

    /// Resolves when nothing is being answered.
    async fn finished(&self) {
        while self.answers.running() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn come_back(&self) -> std::sync::MutexGuard<'_, Option<Duration>> {
        self.come_back.lock().expect("no panic while the lock is held")
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
        let opened = if self.setting.stop.is_cancelled() {
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
        let overdue = self.overdue.clone();
        self.spawn(async move {
            // Dropping the work is what cancels it, down to the database.
            let result = tokio::select! {
                result = AssertUnwindSafe(work).catch_unwind() => {
                    result.unwrap_or_else(|_| Err(Error::Internal("answering a request panicked".into())))
                }
                () = answer.cancelled() => Err(Error::Cancelled),
                () = overdue.cancelled() => Err(Error::AgentOffline(
                    "The agent was stopped before the query had finished. Ask again once it is back.".into(),
                )),
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
                    answer::schema(&answer, request.known.as_deref(), &database).await
                });
            }
            Message::Query(query) => {
                let audit = self
                    .setting
                    .audit
                    .clone()
                    .map(|file| (file, self.server.to_owned()));
                return self.answer(id, query.credit, move |answer, database| async move {
                    answer::query(&answer, id, query, &database, audit).await
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
                    let begun = Instant::now();
                    let database = Some(database.probe().await);
                    let took_us = u64::try_from(begun.elapsed().as_micros()).ok();
                    outbox.send(id, Message::Pong(Pong { database, took_us }));
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
            Message::Drain(drain) => {
                tracing::info!("The server {} is stopping.", self.server);
                *self.come_back() = drain.come_back_ms.map(Duration::from_millis);
            }
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
