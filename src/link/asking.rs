//! The asking end (the server): open requests, their replies as streams of bytes, credit granted as they are
//! read. Dropping a [`Reply`] cancels its request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use bytes::{Bytes, BytesMut};

use super::{Closing, Outbox, Violation};
use crate::error::{Error, Result};
use crate::protocol::{CREDIT_WINDOW, End, Envelope, Fault, MAX_ASKED_BYTES, MAX_OPEN, Message};

/// The requests open on one socket. Cheap to clone.
#[derive(Clone)]
pub struct Requests {
    outbox: Arc<Outbox>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    open: HashMap<u64, Open>,
    /// Bytes of requests that the other side has not yet reacted to.
    asked_bytes: usize,
    /// Set when the socket is gone: why.
    gone: Option<Error>,
}

/// One request.
struct Open {
    received: BytesMut,
    /// What `received` cost of the credit; granted again when it is taken.
    held: u64,
    /// Granted and not yet used.
    credit: u64,
    end: Option<Result<End>>,
    waker: Option<Waker>,
    /// Counted in `State::asked_bytes` until the first reaction.
    asked_bytes: usize,
    /// Nobody reads any more; kept until the other side confirms the cancel, so that rows already on their
    /// way are told from rows nobody asked for.
    abandoned: bool,
}

/// The reply to one request: read it to its end, or drop it to cancel.
pub struct Reply {
    id: u64,
    requests: Requests,
    ended: bool,
}

impl Requests {
    pub fn new(outbox: Arc<Outbox>) -> Requests {
        Requests {
            outbox,
            state: Arc::default(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no panic while the lock is held")
    }

    /// How many requests somebody waits for.
    pub fn running(&self) -> usize {
        self.lock().open.values().filter(|open| !open.abandoned).count()
    }

    /// Sends a request; `message` is given the credit to grant with it. Errors: `AgentOffline` when the
    /// socket is gone, `TooMany`, `TooLarge`.
    pub fn ask(&self, message: impl FnOnce(u64) -> Message) -> Result<Reply> {
        let message = message(CREDIT_WINDOW);
        let mut state = self.lock();
        if let Some(error) = &state.gone {
            return Err(error.clone());
        }
        let unconfirmed = state.open.values().filter(|open| open.abandoned).count();
        if unconfirmed >= MAX_OPEN / 2 {
            self.outbox.close(Closing::new(
                Closing::POLICY,
                "Too many cancelled requests were never confirmed.",
            ));
        }
        let id = state.last_id + 1;
        let text = Envelope::new(id, message).encode()?;
        if state.open.len() >= MAX_OPEN || state.asked_bytes + text.len() > MAX_ASKED_BYTES {
            return Err(Error::TooMany(
                "The agent has as many queries as it can take; try again in a moment.".into(),
            ));
        }
        state.last_id = id;
        state.asked_bytes += text.len();
        state.open.insert(
            id,
            Open {
                received: BytesMut::new(),
                held: 0,
                credit: CREDIT_WINDOW,
                end: None,
                waker: None,
                asked_bytes: text.len(),
                abandoned: false,
            },
        );
        // Under the lock, so that requests leave in the order of their ids.
        self.outbox.text(text);
        Ok(Reply {
            id,
            requests: self.clone(),
            ended: false,
        })
    }

    /// A data frame came in.
    pub fn data(&self, id: u64, chunk: &[u8], cost: u64) -> std::result::Result<(), Violation> {
        let mut state = self.lock();
        let Some(open) = state.open.get_mut(&id) else {
            return Err(Violation(format!("data for request {id}, which is not open")));
        };
        let Some(credit) = open.credit.checked_sub(cost) else {
            return Err(Violation(format!(
                "more data for request {id} than credit was granted"
            )));
        };
        open.credit = credit;
        let asked = std::mem::take(&mut open.asked_bytes);
        if !open.abandoned {
            open.received.extend_from_slice(chunk);
            open.held += cost;
            if let Some(waker) = open.waker.take() {
                waker.wake();
            }
        }
        state.asked_bytes -= asked;
        Ok(())
    }

    /// `end` or `fault` came in. Ids that are not open are forgiven: a fault may answer a message that the
    /// other side did not know.
    pub fn end(&self, id: u64, end: std::result::Result<End, Fault>) {
        let mut state = self.lock();
        let Some(open) = state.open.get_mut(&id) else {
            return;
        };
        let asked = std::mem::take(&mut open.asked_bytes);
        if open.abandoned || open.end.is_some() {
            state.open.remove(&id);
        } else {
            open.end = Some(end.map_err(Fault::into_error));
            if let Some(waker) = open.waker.take() {
                waker.wake();
            }
        }
        state.asked_bytes -= asked;
    }

    /// The socket is gone: every open request ends with `error`, and so does every later one.
    pub fn fail(&self, error: Error) {
        let mut state = self.lock();
        state.gone.get_or_insert(error.clone());
        state.asked_bytes = 0;
        state.open.retain(|_, open| !open.abandoned);
        for open in state.open.values_mut() {
            open.asked_bytes = 0;
            open.end.get_or_insert(Err(error.clone()));
            if let Some(waker) = open.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Reply {
    /// The next bytes of the reply, or how it ended. Taking bytes grants the other side as many again.
    /// Once it has ended it must not be called again.
    pub async fn next(&mut self) -> Result<Part> {
        std::future::poll_fn(|cx| {
            let mut state = self.requests.lock();
            let gone = state.gone.clone();
            let Some(open) = state.open.get_mut(&self.id) else {
                self.ended = true;
                return Poll::Ready(Err(gone.unwrap_or(Error::Cancelled)));
            };
            if !open.received.is_empty() {
                let held = std::mem::take(&mut open.held);
                let bytes = std::mem::take(&mut open.received).freeze();
                if open.end.is_none() {
                    open.credit += held;
                    self.requests.outbox.credit(self.id, held);
                }
                return Poll::Ready(Ok(Part::Bytes(bytes)));
            }
            if let Some(end) = open.end.clone() {
                self.ended = true;
                state.open.remove(&self.id);
                return Poll::Ready(end.map(Part::End));
            }
            open.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// See [`Reply::next`].
#[derive(Debug)]
pub enum Part {
    Bytes(Bytes),
    End(End),
}

impl Drop for Reply {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut state = self.requests.lock();
        let Some(open) = state.open.get_mut(&self.id) else {
            return;
        };
        if open.end.is_some() {
            state.open.remove(&self.id);
            return;
        }
        open.abandoned = true;
        open.received = BytesMut::new();
        open.waker = None;
        drop(state);
        self.requests.outbox.cancel(self.id);
    }
}
