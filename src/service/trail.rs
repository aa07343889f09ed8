//! Deeds that many do at once, written into the audit log together: one transaction for all that wait, instead
//! of one for each. Used where a deed is written down alone, with nothing else in its transaction.

use tokio::sync::{mpsc, oneshot};

use crate::db::Db;
use crate::db::audit::{self, Entry};
use crate::error::{Error, Result};

/// Deeds of one transaction at most: others that write wait for it.
const TOGETHER: usize = 64;
/// Deeds that may wait; then whoever comes waits for a place.
const WAITING: usize = 1_024;

struct Waiting {
    deed: Entry,
    written: oneshot::Sender<Result<()>>,
}

/// Where such deeds go. Cheap to clone; its task ends with the last clone.
#[derive(Clone)]
pub struct Trail {
    deeds: mpsc::Sender<Waiting>,
}

impl Trail {
    /// Starts the task that writes. Call it inside a runtime.
    pub fn new(db: Db) -> Trail {
        let (deeds, waiting) = mpsc::channel(WAITING);
        tokio::spawn(keep_writing(db, waiting));
        Trail { deeds }
    }

    /// Returns when the deed stands in the store. Errors: those of the store.
    pub async fn append(&self, deed: Entry) -> Result<()> {
        let (written, outcome) = oneshot::channel();
        self.deeds
            .send(Waiting { deed, written })
            .await
            .map_err(|_| ended())?;
        outcome.await.map_err(|_| ended())?
    }
}

fn ended() -> Error {
    Error::Internal("the task that writes the audit log has ended".into())
}

async fn keep_writing(db: Db, mut deeds: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::with_capacity(TOGETHER);
    while deeds.recv_many(&mut waiting, TOGETHER).await > 0 {
        let (entries, askers): (Vec<Entry>, Vec<_>) =
            waiting.drain(..).map(|one| (one.deed, one.written)).unzip();
        let outcomes = write(&db, entries).await;
        for (asker, outcome) in askers.into_iter().zip(outcomes) {
            // Whoever asked may have left; the deed is written down all the same.
            asker.send(outcome).ok();
        }
    }
}

/// Writes them all, or where that fails one by one, so that one bad deed costs the others nothing.
async fn write(db: &Db, entries: Vec<Entry>) -> Vec<Result<()>> {
    let all = entries.clone();
    let together = db
        .write(move |conn| all.iter().try_for_each(|entry| audit::append(conn, entry)))
        .await;
    match together {
        Ok(()) => entries.iter().map(|_| Ok(())).collect(),
        Err(error) if entries.len() == 1 => vec![Err(error)],
        Err(_) => {
            let mut outcomes = Vec::with_capacity(entries.len());
            for entry in entries {
                outcomes.push(db.write(move |conn| audit::append(conn, &entry)).await);
            }
            outcomes
        }
    }
}
