//! One socket, many requests: replies by id, credit per query, cancel on drop. Serves both ends.
//!
//! [`run`] drives a socket until it ends: it reads frames and hands them to a [`Handler`], writes what the
//! [`Outbox`] holds, and keeps the heartbeat. Nothing it does waits for a reader of results, so one slow
//! query never stalls another: what may be in flight is bounded by credit ([`asking`] grants it,
//! [`answering`] spends it), everything else by small fixed limits. A peer that breaks the rules ends its
//! own socket with a reason and nothing else.
//!
//! It knows no sockets: actix and tungstenite are adapted to [`Frame`]s by their users.

pub mod answering;
pub mod asking;
pub mod ipc;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::protocol::{self, Cancel, Credit, Envelope, Fault, Message, Ping};

/// What goes over a socket, whichever library runs it.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    Text(String),
    Binary(Bytes),
    /// The socket library's own ping; answered by [`run`] with the same bytes.
    Ping(Bytes),
    Pong(Bytes),
    Close(Closing),
}

/// A close code and its reason (123 bytes at most go out).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    pub code: u16,
    pub reason: String,
}

impl Closing {
    /// This side is going away.
    pub const AWAY: u16 = 1001;
    /// The other side broke the rules.
    pub const POLICY: u16 = 1008;

    pub fn new(code: u16, reason: impl Into<String>) -> Closing {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(123));
        Closing { code, reason }
    }
}

/// Why a socket ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The other side closed it, perhaps saying why.
    Closed(Option<Closing>),
    /// This side closed it.
    Left(Closing),
    /// The network or the other process died.
    Lost(String),
    /// Nothing was heard for too long.
    Silent(Duration),
    /// The other side broke the rules.
    Violation(String),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ended::Closed(None) => f.write_str("closed by the other side"),
            Ended::Closed(Some(closing)) => {
                write!(
                    f,
                    "closed by the other side ({}: {})",
                    closing.code, closing.reason
                )
            }
            Ended::Left(closing) => write!(f, "closed here ({})", closing.reason),
            Ended::Lost(why) => write!(f, "connection lost ({why})"),
            Ended::Silent(time) => write!(f, "nothing heard for {} s", time.as_secs()),
            Ended::Violation(what) => write!(f, "the other side broke the protocol: {what}"),
        }
    }
}

/// The rule the other side broke; ends the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

impl From<String> for Violation {
    fn from(what: String) -> Violation {
        Violation(what)
    }
}

/// What one end does with what it hears. Called from the socket's loop: must not wait.
pub trait Handler {
    /// A control message; `ping` does not come here unless it asks for a probe.
    fn message(&self, envelope: Envelope) -> Result<(), Violation>;
    /// A chunk of data for a request; `cost` is what it takes of the credit.
    fn data(&self, id: u64, chunk: &[u8], cost: u64) -> Result<(), Violation>;
    /// Something was heard, whatever it was.
    fn heard(&self) {}
}

/// When to ping and when to give up.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat {
    pub every: Duration,
    pub dead_after: Duration,
}

impl Default for Heartbeat {
    fn default() -> Heartbeat {
        Heartbeat {
            every: protocol::HEARTBEAT,
            dead_after: protocol::DEAD_AFTER,
        }
    }
}

/// Control messages waiting to be written. Never waits: what could pile up is merged (credit, cancel) or
/// bounded by [`protocol::MAX_ASKED_BYTES`], and anything else beyond [`OUTBOX_MESSAGES`] ends the socket,
/// since then the other side has stopped reading.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<OutboxState>,
    wake: Notify,
    leave: Notify,
    closed: Notify,
}

/// How long saying goodbye may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// How long the other side may take to read what was written before this side [left](Outbox::leave).
const HEAR_OUT_WITHIN: Duration = Duration::from_secs(5);

/// Control messages one outbox holds at most.
const OUTBOX_MESSAGES: usize = 512;

#[derive(Debug, Default)]
struct OutboxState {
    messages: VecDeque<Frame>,
    credits: BTreeMap<u64, u64>,
    cancels: BTreeSet<u64>,
    closing: Option<Closing>,
    /// Like `closing`, but after everything else.
    leaving: Option<Closing>,
    overflown: bool,
}

impl Outbox {
    fn change(&self, change: impl FnOnce(&mut OutboxState)) {
        change(&mut self.state.lock().expect("no panic while the lock is held"));
        self.wake.notify_one();
    }

    fn frame(&self, frame: Frame) {
        self.change(|state| {
            if state.messages.len() >= OUTBOX_MESSAGES {
                state.overflown = true;
            } else {
                state.messages.push_back(frame);
            }
        });
    }

    /// An encoded message, in order.
    pub fn text(&self, text: String) {
        self.frame(Frame::Text(text));
    }

    /// A message known to be small. One that is not is a mistake of ours: it is logged and left out.
    pub fn send(&self, id: u64, message: Message) {
        match Envelope::new(id, message).encode() {
            Ok(text) => self.text(text),
            Err(error) => tracing::error!(%error, "a control message was too long and was not sent"),
        }
    }

    /// Grants more credit for a request; grants not yet written are added up.
    pub fn credit(&self, id: u64, bytes: u64) {
        self.change(|state| *state.credits.entry(id).or_default() += bytes);
    }

    /// Cancels a request.
    pub fn cancel(&self, id: u64) {
        self.change(|state| {
            state.credits.remove(&id);
            state.cancels.insert(id);
        });
    }

    /// Ends the socket, before anything else that waits here. Nothing more is heard from the other side.
    pub fn close(&self, closing: Closing) {
        self.change(|state| {
            state.closing.get_or_insert(closing);
        });
        self.closed.notify_one();
    }

    /// Resolves when the socket is to be closed and had a moment for it: the other side may have stopped
    /// reading, and then the close never gets out.
    async fn overdue(&self) -> Ended {
        self.closed.notified().await;
        tokio::time::sleep(CLOSE_WITHIN).await;
        let state = self.state.lock().expect("no panic while the lock is held");
        Ended::Left(state.closing.clone().unwrap_or_else(|| Closing::new(1000, "")))
    }

    fn is_closing(&self) -> bool {
        let state = self.state.lock().expect("no panic while the lock is held");
        state.closing.is_some()
    }

    /// Ends the socket once everything that waits is written, answers on their way out included.
    pub fn leave(&self, closing: Closing) {
        self.change(|state| {
            state.leaving.get_or_insert(closing);
        });
        self.leave.notify_one();
    }

    /// Resolves when [`Outbox::leave`] was called.
    async fn leaving(&self) -> Closing {
        loop {
            let called = self.leave.notified();
            let leaving = self
                .state
                .lock()
                .expect("no panic while the lock is held")
                .leaving
                .clone();
            match leaving {
                Some(closing) => return closing,
                None => called.await,
            }
        }
    }

    /// Whether more waited to be written than a side that reads would ever let wait.
    fn is_overflown(&self) -> bool {
        self.state
            .lock()
            .expect("no panic while the lock is held")
            .overflown
    }

    /// The next frame, if there is one. Messages go first: a `query` must be known before its `cancel`.
    fn take(&self) -> Option<Frame> {
        let mut state = self.state.lock().expect("no panic while the lock is held");
        if let Some(closing) = state.closing.clone() {
            return Some(Frame::Close(closing));
        }
        if let Some(frame) = state.messages.pop_front() {
            return Some(frame);
        }
        let envelope = if let Some(id) = state.cancels.pop_first() {
            Envelope::new(id, Message::Cancel(Cancel {}))
        } else {
            let (id, bytes) = state.credits.pop_first()?;
            Envelope::new(id, Message::Credit(Credit { bytes }))
        };
        // Two numbers and a word: neither serialising nor the length can fail.
        envelope.encode().ok().map(Frame::Text)
    }

    async fn next(&self) -> Frame {
        loop {
            let woken = self.wake.notified();
            if let Some(frame) = self.take() {
                return frame;
            }
            woken.await;
        }
    }
}

/// Drives a socket until it ends. The stream tells a broken rule (an oversized frame) from a lost network by
/// the [`Ended`] it gives. `data` holds answers on their way out (the agent's side; the server passes
/// none). Returns why it ended, after saying so to the other side where that is still possible.
pub async fn run<R, W, H>(
    stream: R,
    sink: W,
    outbox: &Outbox,
    data: Option<mpsc::Receiver<Frame>>,
    handler: &H,
    heartbeat: Heartbeat,
) -> Ended
where
    R: Stream<Item = Result<Frame, Ended>>,
    W: Sink<Frame>,
    W::Error: std::fmt::Display,
    H: Handler,
{
    futures::pin_mut!(stream, sink);
    let heard = Mutex::new(Instant::now());
    let ended = {
        let read = read(stream.as_mut(), outbox, handler, &heard);
        let write = write(sink.as_mut(), outbox, data);
        let beat = beat(outbox, &heard, heartbeat);
        tokio::select! {
            ended = read => ended,
            ended = write => ended,
            ended = beat => ended,
            ended = outbox.overdue() => ended,
        }
    };
    let closing = match &ended {
        Ended::Violation(what) => Closing::new(Closing::POLICY, what.as_str()),
        Ended::Closed(Some(closing)) => closing.clone(),
        Ended::Closed(None) => Closing::new(1000, ""),
        Ended::Silent(_) => Closing::new(Closing::AWAY, "Nothing was heard for too long."),
        Ended::Left(closing) => closing.clone(),
        Ended::Lost(_) => return ended,
    };
    // Politeness with a limit: the other side may have stopped reading.
    let polite = async {
        if !matches!(ended, Ended::Left(_)) && sink.send(Frame::Close(closing)).await.is_err() {
            return;
        }
        // Closing an already closed sink fails, which is as good.
        sink.close().await.ok();
    };
    tokio::time::timeout(CLOSE_WITHIN, polite).await.ok();
    if matches!(ended, Ended::Left(_)) {
        let within = if outbox.is_closing() {
            CLOSE_WITHIN
        } else {
            HEAR_OUT_WITHIN
        };
        tokio::time::timeout(within, hear_out(stream)).await.ok();
    }
    ended
}

/// Reads on until the other side has closed, too, and drops what it says. A socket that goes away with bytes
/// unread, a grant of credit will do, is reset by TCP, and a reset takes along what was written here and has
/// not arrived there: the end of an answer.
async fn hear_out<R>(mut stream: std::pin::Pin<&mut R>)
where
    R: Stream<Item = Result<Frame, Ended>>,
{
    while let Some(Ok(frame)) = stream.next().await {
        if matches!(frame, Frame::Close(_)) {
            return;
        }
        // A stream that never runs dry would not let the time-out have its turn.
        tokio::task::yield_now().await;
    }
}

async fn read<R, H>(
    mut stream: std::pin::Pin<&mut R>,
    outbox: &Outbox,
    handler: &H,
    heard: &Mutex<Instant>,
) -> Ended
where
    R: Stream<Item = Result<Frame, Ended>>,
    H: Handler,
{
    // A peer that never lets the socket run dry must not keep the other tasks of this thread waiting; tokio's
    // own budget does not see the streams of actix.
    let mut in_a_row = 0_u32;
    loop {
        let frame = match stream.next().await {
            None => return Ended::Lost("the socket ended".into()),
            Some(Err(ended)) => return ended,
            Some(Ok(frame)) => frame,
        };
        if outbox.is_closing() {
            // Only the writer has something left to do.
            return std::future::pending().await;
        }
        *heard.lock().expect("no panic while the lock is held") = Instant::now();
        handler.heard();
        let result = match frame {
            Frame::Text(text) => hear(&text, outbox, handler),
            Frame::Binary(frame) => protocol::split_data_frame(&frame)
                .map_err(Violation)
                .and_then(|(id, chunk)| handler.data(id, chunk, frame.len() as u64)),
            Frame::Ping(bytes) => {
                outbox.frame(Frame::Pong(bytes));
                Ok(())
            }
            Frame::Pong(_) => Ok(()),
            Frame::Close(closing) => {
                return Ended::Closed((!closing.reason.is_empty()).then_some(closing));
            }
        };
        if let Err(Violation(what)) = result {
            return Ended::Violation(what);
        }
        if outbox.is_overflown() {
            return Ended::Violation("it sends, but it does not read".into());
        }
        in_a_row += 1;
        if in_a_row.is_multiple_of(32) {
            tokio::task::yield_now().await;
        }
    }
}

fn hear<H: Handler>(text: &str, outbox: &Outbox, handler: &H) -> Result<(), Violation> {
    let envelope = Envelope::decode(text)?;
    match envelope.message {
        Message::Ping(Ping { probe: false }) => {
            outbox.send(envelope.id, Message::Pong(protocol::Pong::default()));
            Ok(())
        }
        Message::Unknown => {
            let fault = Fault {
                code: "invalid".into(),
                kind: None,
                message: format!(
                    "This message is not part of protocol {} and earlier.",
                    protocol::VERSION
                ),
            };
            outbox.send(envelope.id, Message::Fault(fault));
            Ok(())
        }
        _ => handler.message(envelope),
    }
}

async fn write<W>(
    mut sink: std::pin::Pin<&mut W>,
    outbox: &Outbox,
    mut data: Option<mpsc::Receiver<Frame>>,
) -> Ended
where
    W: Sink<Frame>,
    W::Error: std::fmt::Display,
{
    loop {
        // Control before data: a cancel or pong must not queue behind a megabyte of rows.
        let mut next = tokio::select! {
            biased;
            frame = outbox.next() => Some(frame),
            Some(frame) = receive(&mut data) => Some(frame),
            // Last: only when nothing else waits.
            closing = outbox.leaving() => Some(Frame::Close(closing)),
        };
        // Whatever else is ready goes with the same flush.
        while let Some(frame) = next {
            let closing = match &frame {
                Frame::Close(closing) => Some(closing.clone()),
                _ => None,
            };
            if let Err(error) = sink.feed(frame).await {
                return Ended::Lost(error.to_string());
            }
            if let Some(closing) = closing {
                sink.flush().await.ok();
                return Ended::Left(closing);
            }
            next = outbox
                .take()
                .or_else(|| data.as_mut().and_then(|data| data.try_recv().ok()));
        }
        if let Err(error) = sink.flush().await {
            return Ended::Lost(error.to_string());
        }
    }
}

/// The next answer; never, where there are none.
async fn receive(data: &mut Option<mpsc::Receiver<Frame>>) -> Option<Frame> {
    match data {
        Some(data) => data.recv().await,
        None => std::future::pending().await,
    }
}

async fn beat(outbox: &Outbox, heard: &Mutex<Instant>, heartbeat: Heartbeat) -> Ended {
    let mut id = 0;
    loop {
        tokio::time::sleep(heartbeat.every).await;
        let silent = heard.lock().expect("no panic while the lock is held").elapsed();
        if silent >= heartbeat.dead_after {
            return Ended::Silent(silent);
        }
        id += 1;
        outbox.send(id, Message::Ping(Ping::default()));
    }
}
