//! A query that runs on a task or thread of its own and hands its batches over one at a time: how far it may
//! run ahead, how its reader's leaving reaches it, and how its limits are counted. What runs is the
//! connector's.

use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Limits;
use crate::error::{Error, Result};
use crate::rows::{Rows, Truncated};

/// Rows of a batch at most.
pub(super) const BATCH_ROWS: usize = 8_192;
/// Bytes of a batch, roughly.
pub(super) const BATCH_BYTES: usize = 1 << 20;
/// Rows that are here are handed on after this time, even if the batch is not full.
pub(super) const BATCH_WAIT: Duration = Duration::from_millis(200);
/// Batches that wait for the reader at most.
const AHEAD: usize = 2;
/// No query may run longer than this, whatever its limits say.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What goes through the channel, in this order: one schema, any number of batches, one end.
enum Piece {
    Schema(SchemaRef),
    Batch(RecordBatch),
    Failed(Error),
    End,
}

/// The end that the query writes to.
pub(super) struct Writer {
    to: mpsc::Sender<Piece>,
    /// Cancelled when the reader has left.
    pub stop: CancellationToken,
    pub truncated: Truncated,
}

/// The end that the asker reads from; dropping it stops the query.
pub(super) struct Reader {
    from: mpsc::Receiver<Piece>,
    truncated: Truncated,
    _stop: DropGuard,
}

/// Both ends.
pub(super) fn pump() -> (Writer, Reader) {
    let (to, from) = mpsc::channel(AHEAD);
    let stop = CancellationToken::new();
    let truncated = Truncated::default();
    let reader = Reader {
        from,
        truncated: truncated.clone(),
        _stop: stop.clone().drop_guard(),
    };
    (Writer { to, stop, truncated }, reader)
}

impl Writer {
    /// The columns are known. Errors: `Cancelled` when nobody reads any more; so of all of these.
    pub async fn schema(&self, schema: SchemaRef) -> Result<()> {
        self.to.send(Piece::Schema(schema)).await.map_err(left)
    }

    /// Waits until the reader has room.
    pub async fn batch(&self, batch: RecordBatch) -> Result<()> {
        self.to.send(Piece::Batch(batch)).await.map_err(left)
    }

    /// As [`Writer::schema`], from a thread that may block.
    pub fn blocking_schema(&self, schema: SchemaRef) -> Result<()> {
        self.to.blocking_send(Piece::Schema(schema)).map_err(left)
    }

    /// As [`Writer::batch`], from a thread that may block.
    pub fn blocking_batch(&self, batch: RecordBatch) -> Result<()> {
        self.to.blocking_send(Piece::Batch(batch)).map_err(left)
    }

    /// The query has come to its end. Without this the reader takes it for a crash.
    pub async fn finish(self, result: Result<()>) {
        // Whoever left does not hear it.
        let _ = self.to.send(last(result)).await;
    }

    /// As [`Writer::finish`], from a thread that may block.
    pub fn blocking_finish(self, result: Result<()>) {
        let _ = self.to.blocking_send(last(result));
    }
}

fn last(result: Result<()>) -> Piece {
    match result {
        Ok(()) => Piece::End,
        Err(error) => Piece::Failed(error),
    }
}

fn left<T>(_: T) -> Error {
    Error::Cancelled
}

/// A query that ended without a word must not look like the end of its rows.
fn crashed() -> Error {
    Error::Internal("a query's task ended without a result".into())
}

impl Reader {
    /// Waits for the columns; the rows then come as they are read. Errors: what the query failed with before
    /// its first row.
    pub async fn rows(mut self) -> Result<Rows> {
        let schema = match self.from.recv().await {
            Some(Piece::Schema(schema)) => schema,
            Some(Piece::Failed(error)) => return Err(error),
            Some(Piece::Batch(_) | Piece::End) | None => return Err(crashed()),
        };
        let truncated = self.truncated.clone();
        let batches = futures::stream::unfold(Some(self), |reader| async move {
            let mut reader = reader?;
            match reader.from.recv().await {
                Some(Piece::Batch(batch)) => Some((Ok(batch), Some(reader))),
                Some(Piece::Failed(error)) => Some((Err(error), None)),
                Some(Piece::End) => None,
                Some(Piece::Schema(_)) | None => Some((Err(crashed()), None)),
            }
        });
        Ok(Rows {
            schema,
            batches: Box::pin(batches),
            truncated,
        })
    }
}

/// What limits one query, as it runs.
pub(super) struct Budget {
    limits: Limits,
    pub deadline: Instant,
    rows: u64,
    bytes: u64,
}

impl Budget {
    /// Time runs from now.
    pub fn new(limits: &Limits) -> Budget {
        Budget {
            limits: *limits,
            deadline: Instant::now() + limits.time().min(LONGEST),
            rows: 0,
            bytes: 0,
        }
    }

    /// Time that is left.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether the row that has just come is still within the limits; if not, there were more than fit.
    pub fn has_room(&self) -> bool {
        self.rows < self.limits.rows && self.bytes < self.limits.bytes
    }

    /// A row of so many bytes was taken.
    pub fn took(&mut self, bytes: usize) {
        self.rows += 1;
        self.bytes += bytes as u64;
    }

    /// What to say when the time is over.
    pub fn too_long(&self) -> Error {
        let seconds = self.limits.time().as_secs_f64();
        Error::Timeout(format!(
            "The query ran longer than {seconds} s and was stopped. Ask for less, for example a shorter time."
        ))
    }
}
