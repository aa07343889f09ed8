//! What every server has to know at once: ended sessions, revoked keys, dropped caches, cancelled queries,
//! live events. Within one process a channel; between servers that share a PostgreSQL its LISTEN and NOTIFY.
//!
//! Nothing here is kept: the store is the truth, and a message only says where to look again. So a lost
//! connection costs freshness, and once it is back everybody is told to look at everything ([`Message::Anew`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc};

use super::status::{Happening, Whose};
use crate::error::Result;
use crate::id;
use crate::source::postgres::listen::{Listener, Listening, MAX_PAYLOAD};

/// The channel's name at PostgreSQL.
const CHANNEL: &str = "clean_custard";

/// Messages a subscriber may fall behind.
const BEHIND: usize = 4_096;

/// Messages waiting to be sent to the other servers.
const WAITING: usize = 10_000;

/// Between two looks whether the connection still lives.
const PING: Duration = Duration::from_secs(15);

/// Between two tries to connect, at most.
const PAUSE: Duration = Duration::from_secs(5);

/// Something that every server has to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Message {
    /// Sessions ended, or what people may do or see has changed: whoever serves them looks again.
    Sessions { whose: Whose },
    /// Agents of this connection with their present key have to go.
    KeyRevoked { connection_id: String, deleted: bool },
    /// What is cached of this kind (and id, else all of it) is old.
    CacheDrop { what: String, id: Option<String> },
    /// Stop this question, if the asker may.
    Cancel {
        query_id: String,
        user_id: String,
        organization_id: String,
        /// May stop everybody's of the organisation.
        admin: bool,
    },
    /// Some server has stopped this question.
    Cancelled { query_id: String },
    /// For those who watch.
    Event(Happening),
    /// Messages may have been missed: everything cached is old. Never sent between servers but when a
    /// message was too long.
    Anew,
}

/// The bus. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    here: Here,
    others: Option<Arc<Others>>,
}

/// Those who listen in this process. Events are many and for watchers only: the tasks that keep the server in
/// order are not woken for them.
#[derive(Clone)]
struct Here {
    orders: broadcast::Sender<Message>,
    everything: broadcast::Sender<Message>,
}

impl Here {
    fn new() -> Here {
        Here {
            orders: broadcast::channel(BEHIND).0,
            everything: broadcast::channel(BEHIND).0,
        }
    }

    fn send(&self, message: Message) {
        // Nobody listening is no error.
        if !matches!(message, Message::Event(_)) {
            let _ = self.orders.send(message.clone());
        }
        let _ = self.everything.send(message);
    }
}

/// The way to the other servers.
struct Others {
    outgoing: mpsc::Sender<Message>,
    connected: Arc<AtomicBool>,
    /// A message could not be handed over.
    missed: Arc<AtomicBool>,
}

#[derive(Serialize, Deserialize)]
struct Packet {
    /// The server that sent it; it has heard its own message already.
    from: String,
    message: Message,
}

impl Bus {
    /// For one server alone.
    pub fn alone() -> Bus {
        Bus {
            here: Here::new(),
            others: None,
        }
    }

    /// For servers that share this PostgreSQL. Has to be called within a runtime; connects beside, and again
    /// whenever it has to. Errors: `Invalid` for a URL that cannot be read.
    pub fn shared(url: &SecretString) -> Result<Bus> {
        let listener = Listener::new(url.expose_secret(), CHANNEL)?;
        let here = Here::new();
        let (outgoing, waiting) = mpsc::channel(WAITING);
        let others = Others {
            outgoing,
            connected: Arc::default(),
            missed: Arc::default(),
        };
        let carrier = Carrier {
            id: id::new(),
            listener,
            here: here.clone(),
            connected: others.connected.clone(),
            missed: others.missed.clone(),
        };
        tokio::spawn(carrier.run(waiting));
        Ok(Bus {
            here,
            others: Some(Arc::new(others)),
        })
    }

    /// Tells everybody, here at once, elsewhere as soon as may be. Never waits.
    pub fn publish(&self, message: Message) {
        self.publish_elsewhere(message.clone());
        self.here.send(message);
    }

    /// Tells the other servers only: what is to be done here was done.
    pub fn publish_elsewhere(&self, message: Message) {
        if let Some(others) = &self.others
            && others.outgoing.try_send(message).is_err()
        {
            others.missed.store(true, Ordering::Relaxed);
        }
    }

    /// Everything from now on but events, one's own messages too. A receiver that lagged has to look at
    /// everything anew.
    pub fn subscribe(&self) -> broadcast::Receiver<Message> {
        self.here.orders.subscribe()
    }

    /// The same with events.
    pub fn watch(&self) -> broadcast::Receiver<Message> {
        self.here.everything.subscribe()
    }

    /// Whether there may be other servers.
    pub fn is_shared(&self) -> bool {
        self.others.is_some()
    }

    /// Whether what is published reaches the other servers right now.
    pub fn is_connected(&self) -> bool {
        self.others
            .as_ref()
            .is_none_or(|others| others.connected.load(Ordering::Relaxed))
    }
}

/// Carries messages between this process and PostgreSQL, for as long as the bus lives.
struct Carrier {
    id: String,
    listener: Listener,
    here: Here,
    connected: Arc<AtomicBool>,
    missed: Arc<AtomicBool>,
}

impl Carrier {
    async fn run(self, mut waiting: mpsc::Receiver<Message>) {
        let mut pause = Duration::from_millis(100);
        let mut first = true;
        loop {
            match self.listener.listen().await {
                Ok(listening) => {
                    pause = Duration::from_millis(100);
                    self.connected.store(true, Ordering::Relaxed);
                    if !first {
                        tracing::info!("connected to the other servers again; everything cached is dropped");
                    }
                    // Also the first time: something may have been cached before this server listened.
                    self.here.send(Message::Anew);
                    first = false;
                    let ended = self.carry(listening, &mut waiting).await;
                    self.connected.store(false, Ordering::Relaxed);
                    match ended {
                        Ended::Done => return,
                        Ended::Lost => tracing::warn!(
                            "the connection to the other servers was lost; until it is back, log-outs and \
                             changed keys reach them some seconds late"
                        ),
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the other servers cannot be told anything yet");
                    if waiting.is_closed() {
                        return;
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE);
        }
    }

    async fn carry(&self, mut listening: Listening, waiting: &mut mpsc::Receiver<Message>) -> Ended {
        let mut pings = tokio::time::interval(PING);
        loop {
            let sent = tokio::select! {
                payload = listening.next() => match payload {
                    Some(payload) => {
                        self.receive(&payload);
                        Ok(())
                    }
                    None => return Ended::Lost,
                },
                message = waiting.recv() => match message {
                    Some(message) => listening.notify(&self.pack(message)).await,
                    None => return Ended::Done,
                },
                _ = pings.tick() => {
                    if self.missed.swap(false, Ordering::Relaxed) {
                        listening.notify(&self.pack(Message::Anew)).await
                    } else {
                        listening.ping().await
                    }
                }
            };
            if sent.is_err() {
                // What was lost with the connection: the others shall look at everything.
                self.missed.store(true, Ordering::Relaxed);
                return Ended::Lost;
            }
        }
    }

    fn receive(&self, payload: &str) {
        // A server of another version may say what is not known here.
        match serde_json::from_str::<Packet>(payload) {
            Ok(packet) if packet.from == self.id => {}
            Ok(packet) => self.here.send(packet.message),
            Err(error) => tracing::debug!(%error, "another server said something unknown"),
        }
    }

    fn pack(&self, message: Message) -> String {
        let pack = |message| {
            let packet = Packet {
                from: self.id.clone(),
                message,
            };
            // Strings and flags always have a JSON.
            serde_json::to_string(&packet).unwrap_or_default()
        };
        let packed = pack(message);
        if packed.len() > MAX_PAYLOAD {
            return pack(Message::Anew);
        }
        packed
    }
}

enum Ended {
    /// The connection broke.
    Lost,
    /// Nobody has the bus any more.
    Done,
}
