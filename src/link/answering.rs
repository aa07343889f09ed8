//! The answering end (the agent): what is being answered, and how much may still be sent for each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::Frame;
use crate::error::{Error, Result};
use crate::protocol::{self, DATA_HEADER, End, Envelope, Fault, MAX_CHUNK, MAX_OPEN, Message};

/// Frames on their way out, all answers together: half a megabyte.
const OUTGOING_FRAMES: usize = 8;

/// The answers open on one socket. Cheap to clone.
#[derive(Clone)]
pub struct Answers {
    open: Arc<Mutex<HashMap<u64, Arc<Account>>>>,
    outgoing: mpsc::Sender<Frame>,
}

/// One request's credit, and whether it is still wanted.
struct Account {
    credit: Mutex<u64>,
    /// Bytes sent so far, frames and all.
    spent: AtomicU64,
    granted: Notify,
    cancelled: CancellationToken,
}

/// The answer to one request. Has to be finished with [`Answer::end`] or [`Answer::fault`].
pub struct Answer {
    id: u64,
    account: Arc<Account>,
    answers: Answers,
}

impl Answers {
    /// The answers of a new socket, and what [`super::run`] is to write.
    pub fn new() -> (Answers, mpsc::Receiver<Frame>) {
        let (outgoing, frames) = mpsc::channel(OUTGOING_FRAMES);
        let answers = Answers {
            open: Arc::default(),
            outgoing,
        };
        (answers, frames)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Account>>> {
        self.open.lock().expect("no panic while the lock is held")
    }

    /// A request came in. Errors: `Conflict` when this id is already open (the other side broke the rules),
    /// `TooMany`.
    pub fn open(&self, id: u64, credit: u64) -> Result<Answer> {
        let mut open = self.lock();
        if open.contains_key(&id) {
            return Err(Error::Conflict(format!("request {id} was opened twice")));
        }
        // More than the asker may have open: an answer that has just ended may still stand here.
        if open.len() >= 2 * MAX_OPEN {
            return Err(Error::TooMany(
                "The agent has as many queries as it can take; try again in a moment.".into(),
            ));
        }
        let account = Arc::new(Account {
            credit: Mutex::new(credit),
            spent: AtomicU64::new(0),
            granted: Notify::new(),
            cancelled: CancellationToken::new(),
        });
        open.insert(id, account.clone());
        Ok(Answer {
            id,
            account,
            answers: self.clone(),
        })
    }

    /// `credit` came in. An id that is not open is forgiven: the answer may just have ended.
    pub fn credit(&self, id: u64, bytes: u64) {
        if let Some(account) = self.lock().get(&id) {
            let mut credit = account.credit.lock().expect("no panic while the lock is held");
            *credit = credit.saturating_add(bytes);
            account.granted.notify_one();
        }
    }

    /// `cancel` came in; an id that is not open is forgiven.
    pub fn cancel(&self, id: u64) {
        if let Some(account) = self.lock().get(&id) {
            account.cancelled.cancel();
        }
    }

    /// How many requests are being answered.
    pub fn running(&self) -> usize {
        self.lock().len()
    }

    async fn last_word(&self, id: u64, message: Message) {
        match Envelope::new(id, message).encode() {
            // Through the same channel as the data, so that it cannot overtake it.
            Ok(text) => {
                self.outgoing.send(Frame::Text(text)).await.ok();
            }
            Err(error) => tracing::error!(%error, "the end of an answer was too long to send"),
        }
    }
}

impl Answer {
    /// Resolves when the asker has lost interest.
    pub fn cancelled(&self) -> tokio_util::sync::WaitForCancellationFutureOwned {
        self.account.cancelled.clone().cancelled_owned()
    }

    /// Bytes sent so far, with the heads of their frames.
    pub fn sent_bytes(&self) -> u64 {
        self.account.spent.load(Ordering::Relaxed)
    }

    /// Sends bytes of the answer in frames, waiting for credit and for the socket. Errors: `Cancelled` when
    /// the socket is gone.
    pub async fn send(&self, bytes: &[u8]) -> Result<()> {
        for chunk in bytes.chunks(MAX_CHUNK) {
            self.spend((DATA_HEADER + chunk.len()) as u64).await;
            self.answers
                .outgoing
                .send(Frame::Binary(protocol::data_frame(self.id, chunk)))
                .await
                .map_err(|_| Error::Cancelled)?;
        }
        Ok(())
    }

    async fn spend(&self, cost: u64) {
        loop {
            let granted = self.account.granted.notified();
            {
                let mut credit = self
                    .account
                    .credit
                    .lock()
                    .expect("no panic while the lock is held");
                if let Some(rest) = credit.checked_sub(cost) {
                    *credit = rest;
                    self.account.spent.fetch_add(cost, Ordering::Relaxed);
                    return;
                }
            }
            granted.await;
        }
    }

    /// The answer is complete.
    pub async fn end(&self, end: End) {
        self.answers.last_word(self.id, Message::End(end)).await;
    }

    /// The answer failed.
    pub async fn fault(&self, error: &Error) {
        let fault = Message::Fault(Fault::of(error));
        self.answers.last_word(self.id, fault).await;
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.answers.lock().remove(&self.id);
    }
}
