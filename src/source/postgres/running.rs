//! A query that runs: its rows gathered into batches within its limits, and its end.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use arrow::array::RecordBatch;
use futures::StreamExt;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{Row, RowStream};

use super::fault;
use super::pool::Lease;
use super::rows::{Batch, Decoder, Unfit};
use crate::error::{Error, Result};
use crate::rows::Truncated;
use crate::source::Limits;

/// Rows of a batch at most.
const BATCH_ROWS: usize = 16_384;
/// Bytes of a batch, as the database sent them, roughly: what one message of the wire takes.
const BATCH_BYTES: usize = 512 * 1024;
/// Rows that are here are handed on after this time, even if the batch is not full.
const BATCH_WAIT: Duration = Duration::from_millis(200);

/// A query that runs. Dropping it cancels the query in the database and closes the connection, unless it
/// has come to its end.
pub(super) struct Running {
    pub columns: Vec<(String, Decoder)>,
    pub batch: Batch,
    /// None once it has ended: its statement has to be closed before the transaction is.
    stream: Option<Pin<Box<RowStream>>>,
    lease: Option<Lease>,
}

/// What limits one query, as it runs.
pub(super) struct Budget {
    pub limits: Limits,
    pub deadline: Instant,
    rows: u64,
    bytes: u64,
    pub truncated: Truncated,
}

impl Budget {
    pub fn new(limits: &Limits, deadline: Instant) -> Budget {
        Budget {
            limits: *limits,
            deadline,
            rows: 0,
            bytes: 0,
            truncated: Truncated::default(),
        }
    }

    /// As if nothing had been read yet.
    pub fn start_over(&mut self) {
        *self = Budget::new(&self.limits, self.deadline);
    }
}

/// What [`Running::next_batch`] came to.
pub(super) enum Step {
    Batch(RecordBatch),
    /// A column has to be read as text; nothing has been handed on from this batch.
    NeedsText(usize),
    End,
}

impl Running {
    pub fn new(columns: Vec<(String, Decoder)>, stream: RowStream, lease: Lease) -> Running {
        Running {
            batch: Batch::new(&columns),
            columns,
            stream: Some(Box::pin(stream)),
            lease: Some(lease),
        }
    }

    /// The end of the rows: the transaction is rolled back and the connection goes back to the pool.
    fn finish(&mut self) {
        self.stream = None;
        if let Some(lease) = self.lease.take() {
            lease.finish();
        }
    }

    pub async fn next_batch(&mut self, budget: &mut Budget) -> Result<Step> {
        let mut hand_on_at = None;
        while let Some(stream) = &mut self.stream {
            let wait_until = hand_on_at.map_or(budget.deadline, |at: Instant| at.min(budget.deadline));
            let row = match next_row(stream, wait_until).await {
                Some(Some(Ok(row))) => row,
                Some(Some(Err(error))) => {
                    // After an error the transaction is void, the connection is not.
                    if error.as_db_error().is_some_and(|db| !fault::is_gone(db)) {
                        self.finish();
                    }
                    return Err(fault::while_running(&error));
                }
                Some(None) => {
                    self.finish();
                    break;
                }
                None if Instant::now() < budget.deadline => break,
                None => return Err(too_long(&budget.limits)),
            };
            if budget.rows >= budget.limits.rows || budget.bytes >= budget.limits.bytes {
                budget.truncated.set();
                // The rest is not wanted: this cancels it.
                self.stream = None;
                self.lease = None;
                break;
            }
            budget.rows += 1;
            budget.bytes += row.raw_size_bytes() as u64;
            match self.batch.push(&row) {
                Ok(()) => {}
                Err(Unfit::NeedsText(at)) => return Ok(Step::NeedsText(at)),
                Err(Unfit::Broken(error)) => return Err(error),
            }
            if self.batch.rows() >= BATCH_ROWS || self.batch.bytes() >= BATCH_BYTES {
                break;
            }
            hand_on_at.get_or_insert_with(|| Instant::now() + BATCH_WAIT);
        }
        if self.batch.rows() == 0 {
            return Ok(Step::End);
        }
        Ok(Step::Batch(self.batch.take()?))
    }
}

/// The next row; None at `until`. No timer is made for a row that is here already.
async fn next_row(
    stream: &mut Pin<Box<RowStream>>,
    until: Instant,
) -> Option<Option<Result<Row, tokio_postgres::Error>>> {
    match futures::poll!(stream.next()) {
        Poll::Ready(row) => Some(row),
        Poll::Pending => timeout_at(until, stream.next()).await.ok(),
    }
}

/// What a query that ran out of time ends with.
pub(super) fn too_long(limits: &Limits) -> Error {
    let seconds = limits.time().as_secs_f64();
    Error::Timeout(format!(
        "The query ran longer than {seconds} s and was stopped. Ask for less, for example a shorter time."
    ))
}
