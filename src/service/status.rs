//! Live events of one organisation, for the browser's status socket.

use tokio::sync::broadcast;

/// Tells whoever watches. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    sender: broadcast::Sender<Happening>,
}

/// Something that changed for an organisation.
#[derive(Debug, Clone)]
pub struct Happening {
    pub organization_id: String,
    pub change: Change,
}

/// See [`Happening`].
#[derive(Debug, Clone)]
pub enum Change {
    /// A connection's agent, database or catalog.
    Connection(String),
    /// A connection was removed.
    ConnectionRemoved(String),
    /// The list of files.
    Files,
    /// The server is stopping: of every organisation.
    Stopping,
    /// A question began or ended, of this user.
    Query {
        user_id: String,
        id: String,
        running: bool,
    },
}

impl Events {
    pub fn new() -> Events {
        Events {
            sender: broadcast::channel(1024).0,
        }
    }

    /// Changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Happening> {
        self.sender.subscribe()
    }

    /// Ends every watching socket: the server is stopping.
    pub fn end(&self) {
        self.tell("", Change::Stopping);
    }

    /// Tells the organisation's watchers; it is no error when there are none.
    pub fn tell(&self, organization_id: &str, change: Change) {
        let _ = self.sender.send(Happening {
            organization_id: organization_id.to_owned(),
            change,
        });
    }
}

impl Default for Events {
    fn default() -> Events {
        Events::new()
    }
}
