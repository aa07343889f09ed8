//! One's own query with its rows handed on as they arrive, as an Arrow IPC stream: nothing is stored, and no
//! limit of the server's cuts it. Memory is bounded by what the reader has not yet taken.
//!
//! A part must never look like the whole: whatever goes wrong after the first byte breaks the body off, and
//! is kept as a failed answer under the query's id, where the asker finds the reason.

use std::io;
use std::time::Duration;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::questions::{Ask, Prepared, Running};
use crate::ask::Answered;
use crate::ask::answer::{Answer, AnswerError, AnswerSource, Outcome};
use crate::error::{Error, Result};
use crate::guard::{self, Resolved};
use crate::link::ipc::Encoder;
use crate::rows::Rows;
use crate::source::Limits;

/// Time from the start of the query to the last byte taken. An agent's own policy usually allows less.
const LONGEST: Duration = Duration::from_secs(3600);
/// Bytes gathered into one chunk while further rows are here already.
const CHUNK: usize = 128 * 1024;

/// A result that goes out as one body of known length has about so many bytes at most.
const WHOLE: usize = 64 * 1024;

/// A query whose columns are known and whose rows are on their way. Dropping it cancels the query, down to
/// the database.
pub struct Streaming {
    run: Announced,
    resolved: Resolved,
    rows: Rows,
    /// What has come and was not looked at: a batch, an error or the end.
    next: Option<Option<Result<RecordBatch>>>,
    encoder: Encoder,
    /// Encoded and not yet handed on.
    chunk: Vec<u8>,
    started: Instant,
    sent: u64,
}

/// Tells the organisation's watchers that a query runs, and when it is dropped, that it no longer does.
struct Announced(Prepared);

impl Drop for Announced {
    fn drop(&mut self) {
        self.0.tell(Running::No);
    }
}

impl Prepared {
    /// Guards and starts a query of the asker's own. Errors: whatever the guard or the source says before
    /// the first row; nothing has been sent or kept then.
    pub async fn stream(self) -> Result<Streaming> {
        self.tell(Running::Yes);
        let run = Announced(self);
        let started = Instant::now();
        let begin = async {
            let (Ask::Query { query, .. }, [candidate]) = (&run.0.ask, run.0.candidates.as_slice()) else {
                return Err(Error::Invalid(
                    "Only a query for one connection or for chosen files can be streamed.".into(),
                ));
            };
            let source = &candidate.source;
            let catalog = source.catalog().await?;
            let resolved = guard::check(query, &catalog, source.dialect())?;
            let limits = Limits {
                rows: u64::MAX,
                bytes: u64::MAX,
                time_ms: u64::try_from(LONGEST.as_millis()).unwrap_or(u64::MAX),
                ..Limits::default()
            };
            let rows = source.run(&resolved.text, &limits).await?;
            Ok((resolved, rows))
        };
        let begun = tokio::select! {
            begun = begin => begun,
            () = run.0.cancel.cancelled() => Err(Error::Cancelled),
        };
        let (resolved, rows) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                let mut answer = Answer::new(&run.0.request.question, "user");
                answer.sources = run.0.candidates.iter().map(AnswerSource::new).collect();
                answer.fail(&error);
                if let Ask::Query { query, .. } = &run.0.ask {
                    answer.query = Some(query.clone());
                }
                run.0.audit(&answer).await?;
                return Err(error);
            }
        };
        let mut encoder = Encoder::new(&rows.schema)?;
        Ok(Streaming {
            chunk: encoder.take(),
            encoder,
            run,
            resolved,
            rows,
            next: None,
            started,
            sent: 0,
        })
    }
}

impl Streaming {
    /// The whole body, where it is small and comes at once, as most do: that saves a task and a channel, and the
    /// reader knows its length. None leaves it to [`Streaming::pump`], also to say what went wrong.
    pub async fn whole(&mut self) -> Option<Bytes> {
        loop {
            match self.here_already().await? {
                None if !self.rows.truncated.get() => {
                    if let Err(error) = self.encoder.end(&mut self.chunk) {
                        self.next = Some(Some(Err(error)));
                        return None;
                    }
                    return Some(Bytes::from(std::mem::take(&mut self.chunk)));
                }
                Some(Ok(batch)) if self.chunk.len() + batch.get_array_memory_size() <= WHOLE => {
                    if let Err(error) = self.add(&batch) {
                        self.next = Some(Some(Err(error)));
                        return None;
                    }
                }
                next => {
                    self.next = Some(next);
                    return None;
                }
            }
        }
    }

    /// Writes down a result of which [`Streaming::whole`] gave everything.
    pub async fn went_out_whole(self) {
        let streamed = Streamed {
            prepared: &self.run.0,
            resolved: &self.resolved,
            started: self.started,
            sent: self.sent,
        };
        streamed.audit(None).await;
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        for piece in self.encoder.pieces(batch)? {
            self.sent += piece.num_rows() as u64;
            self.encoder.encode_to(&piece, &mut self.chunk)?;
        }
        Ok(())
    }

    /// Sends the whole result into `chunks`, waiting for its reader; an error is the last thing sent, so
    /// that the body breaks off there. Ends when the reader has gone.
    pub async fn pump(mut self, chunks: mpsc::Sender<io::Result<Bytes>>) {
        let deadline = self.started + LONGEST;
        let outcome = tokio::select! {
            outcome = timeout_at(deadline, self.send_all(&chunks)) => outcome.unwrap_or_else(|_| {
                Err(Error::Timeout(format!(
                    "The rows were not taken within {} minutes.",
                    LONGEST.as_secs() / 60
                )))
            }),
            () = chunks.closed() => Err(Error::Cancelled),
        };
        // The query is stopped before anybody is told.
        let Streaming {
            run,
            resolved,
            rows,
            started,
            sent,
            ..
        } = self;
        drop(rows);
        let streamed = Streamed {
            prepared: &run.0,
            resolved: &resolved,
            started,
            sent,
        };
        let left = outcome.is_err() && chunks.is_closed();
        let error = match outcome {
            Ok(()) => return streamed.audit(None).await,
            Err(_) if left => return streamed.audit(Some(&Error::Cancelled)).await,
            Err(error) => error,
        };
        tracing::warn!(query = %run.0.id, code = error.code(), rows = sent, "a stream of rows broke off");
        if let Err(error) = run.0.keep(streamed.failed(&error), Ok(None)).await {
            tracing::error!(%error, "why a stream of rows broke off could not be kept");
        }
        let _ = chunks.send(Err(io::Error::other(error.to_string()))).await;
    }

    /// The next batch (or the end), if it is here or comes as soon as others have had their turn: the end of
    /// a small result usually follows its rows at once.
    async fn here_already(&mut self) -> Option<Option<Result<RecordBatch>>> {
        if let Some(next) = self.next.take() {
            return Some(next);
        }
        if let Some(batch) = self.rows.batches.next().now_or_never() {
            return Some(batch);
        }
        tokio::task::yield_now().await;
        self.rows.batches.next().now_or_never()
    }

    async fn send_all(&mut self, chunks: &mpsc::Sender<io::Result<Bytes>>) -> Result<()> {
        let cancel = self.run.0.cancel.clone();
        loop {
            let batch = match self.here_already().await {
                Some(batch) => batch,
                None => {
                    // Whoever waits for rows gets those that are here.
                    if self.sent > 0 {
                        send(chunks, &mut self.chunk).await?;
                    }
                    tokio::select! {
                        batch = self.rows.batches.next() => batch,
                        () = cancel.cancelled() => return Err(Error::Cancelled),
                    }
                }
            };
            let Some(batch) = batch else { break };
            for piece in self.encoder.pieces(&batch?)? {
                self.sent += piece.num_rows() as u64;
                self.encoder.encode_to(&piece, &mut self.chunk)?;
                if self.chunk.len() >= CHUNK {
                    send(chunks, &mut self.chunk).await?;
                }
            }
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
        }
        if self.rows.truncated.get() {
            return Err(Error::TooLarge(format!(
                "The agent's policy lets no more than the first {} rows through. Ask for less, or have the \
                 limits in the agent's [policy] raised.",
                self.sent
            )));
        }
        self.encoder.end(&mut self.chunk)?;
        send(chunks, &mut self.chunk).await
    }
}

/// Hands the chunk on. Errors: `Cancelled` when the reader has gone.
async fn send(chunks: &mpsc::Sender<io::Result<Bytes>>, chunk: &mut Vec<u8>) -> Result<()> {
    if chunk.is_empty() {
        return Ok(());
    }
    let bytes = Bytes::from(std::mem::take(chunk));
    chunks.send(Ok(bytes)).await.map_err(|_| Error::Cancelled)
}

/// What became of a stream.
struct Streamed<'a> {
    prepared: &'a Prepared,
    resolved: &'a Resolved,
    started: Instant,
    sent: u64,
}

impl Streamed<'_> {
    fn answer(&self) -> Answer {
        let prepared = self.prepared;
        let mut answer = Answer::new(&prepared.request.question, "user");
        if let Some(candidate) = prepared.candidates.first() {
            answer.dialect = Some(candidate.source.dialect());
            let mut source = AnswerSource::new(candidate);
            source.tables.clone_from(&self.resolved.tables);
            answer.sources = vec![source];
        }
        answer.interpretation = "Your own query, its rows streamed.".into();
        answer.query = Some(self.resolved.text.clone());
        answer.attempts = 1;
        answer.elapsed_ms.total = self.started.elapsed().as_secs_f64() * 1e3;
        answer
    }

    /// The answer that says why it broke off.
    fn failed(&self, error: &Error) -> Answered {
        let mut answer = self.answer();
        let shown = AnswerError::new(error);
        answer.answer = format!("The stream broke off after {} rows. {}", self.sent, shown.message);
        answer.error = Some(shown);
        Answered { answer, chart: None }
    }

    /// Writes down a stream of which nothing else is kept: it was whole, or its reader left.
    async fn audit(&self, error: Option<&Error>) {
        let mut answer = match error {
            Some(error) => self.failed(error).answer,
            None => self.answer(),
        };
        if error.is_none() {
            answer.outcome = Outcome::Answered;
        }
        answer.row_count = self.sent;
        if let Err(error) = self.prepared.audit(&answer).await {
            tracing::error!(%error, "a streamed query could not be written into the audit log");
        }
    }
}
