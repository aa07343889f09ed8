//! Questions of people: the pipeline of `ask`, with their own sources, conversations, and answers that are
//! kept.

mod kept;
mod prepared;

use std::time::{Duration, SystemTime};

use chrono::Utc;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

pub use self::kept::KeptAnswer;
pub use self::prepared::Prepared;
pub(super) use self::prepared::{Running, said};
use super::accounts::{Identity, Role};
use super::agents::Caller;
use super::bus::Message;
use super::connections::Connections;
use super::files::Files;
use super::metrics::Metrics;
use super::models::{InForce, Models};
use super::preferences::PreferenceBook;
use super::results::Results;
use super::status::Events;
use super::teaching::Teaching;
use super::traces::{self, Traces};
use super::trail::Trail;
pub use super::under_way::RunningQuestion;
use super::under_way::UnderWay;
use super::usage::Usage;
use super::vitals::Vitals;
use crate::ask::{self, Candidate, Request};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::id;
use crate::source::Limits;

/// Rows that an answer itself carries at most; the others lie in the stored result.
pub const PREVIEW_ROWS: usize = 1_000;

/// How long another server may take to say that it stopped a question.
const CANCEL_WITHIN: Duration = Duration::from_secs(2);

/// How long those whose questions were stopped may take to be told.
const TOLD_WITHIN: Duration = Duration::from_secs(3);

/// A query of the user's own, in bytes: what the guard would take.
const MAX_QUERY: usize = 64 * 1024;

/// Earlier questions of a conversation that a translator sees.
const TURNS: usize = 6;

/// Questions of people. Cheap to clone.
#[derive(Clone)]
pub struct Questions {
    watch: Watch,
    db: Db,
    files: Files,
    connections: Connections,
    teaching: Teaching,
    results: Results,
    events: Events,
    models: Models,
    usage: Usage,
    limits: Limits,
    running: UnderWay,
    trail: Trail,
}

/// What may be asked, and what was taught about it.
pub struct Sources {
    pub files: Files,
    pub connections: Connections,
    pub teaching: Teaching,
}

/// Who is told how questions went.
#[derive(Clone)]
pub struct Watch {
    pub events: Events,
    pub metrics: Metrics,
    pub vitals: Vitals,
    pub traces: Traces,
    pub preferences: PreferenceBook,
}

/// What is asked, and of what.
#[derive(Debug, Clone)]
pub struct Asking {
    pub ask: Ask,
    pub target: Target,
    /// None begins a new conversation.
    pub conversation_id: Option<String>,
}

/// A question to translate, or a query to run as it is.
#[derive(Debug, Clone)]
pub enum Ask {
    Question(String),
    Query { query: String, question: Option<String> },
}

/// Where to look.
#[derive(Debug, Clone)]
pub enum Target {
    Connection(String),
    Files(Vec<String>),
    /// The server chooses among everything the asker may see.
    Anything,
}

/// See [`Questions::asked_by_program`].
pub struct AskedByProgram {
    pub candidate: Candidate,
    pub model: InForce,
    pub limits: Limits,
}

impl Questions {
    pub fn new(
        watch: Watch,
        db: Db,
        sources: Sources,
        results: Results,
        (models, usage): (Models, Usage),
        limits: Limits,
    ) -> Questions {
        Questions {
            trail: Trail::new(db.clone()),
            db,
            files: sources.files,
            connections: sources.connections,
            teaching: sources.teaching,
            results,
            events: watch.events.clone(),
            watch,
            models,
            usage,
            limits,
            running: UnderWay::default(),
        }
    }

    /// `offline` or `llm`: who reads an organisation's questions.
    pub fn translator(&self, organization_id: &str) -> &'static str {
        self.models.of(organization_id).translator.name()
    }

    /// What counts tokens, and limits them.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// What a program of ours needs to ask a source many questions on somebody's behalf. Errors: `NotFound`,
    /// `AgentOffline`, `Invalid` for more than one source.
    pub async fn asked_by_program(&self, who: &Identity, target: &Target) -> Result<AskedByProgram> {
        let caller = Caller {
            asker: Some(who.user_id.clone()),
            traceparent: None,
            question: None,
        };
        let mut candidates = self.candidates(who, target, &caller).await?;
        self.teaching.teach(who, &mut candidates).await?;
        let (Some(candidate), true) = (candidates.pop(), candidates.is_empty()) else {
            return Err(Error::Invalid(
                "Say which connection or which files to ask.".into(),
            ));
        };
        Ok(AskedByProgram {
            candidate,
            model: self.models.of(&who.organization_id),
            limits: self.limits,
        })
    }

    /// How many questions are under way.
    pub fn running(&self) -> usize {
        self.running.count()
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.running.is_stopping()
    }

    /// The server is stopping: nothing new begins, and what runs may finish within `time` or is told why not.
    pub async fn drain(&self, time: Duration) {
        self.running.stop();
        let finished = async {
            while self.running.count() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(time, finished).await.is_err() {
            tracing::warn!(
                questions = self.running.count(),
                "stopping questions that did not finish in time"
            );
            self.running.cancel_all();
            let told = async {
                while self.running.count() > 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(TOLD_WITHIN, told).await.ok();
        }
    }

    /// Checks what was sent. Errors: `NotFound` for ids that are not the asker's, `AgentOffline`, `Invalid`.
    pub async fn prepare(&self, who: &Identity, asking: Asking) -> Result<Prepared> {
        if self.is_stopping() {
            return Err(Error::AgentOffline(
                "The server is being stopped; ask again in a moment.".into(),
            ));
        }
        let title = title(&asking.ask);
        check_length(&asking.ask)?;
        let id = id::new();
        let span = rand::random::<u64>() | 1;
        let began = SystemTime::now();
        let caller = Caller {
            asker: Some(who.user_id.clone()),
            traceparent: Some(traces::traceparent(&id, span)),
            question: Some(id.clone()),
        };
        let candidates = self.candidates(who, &asking.target, &caller).await?;
        if matches!(asking.ask, Ask::Query { .. }) && candidates.len() != 1 {
            return Err(Error::Invalid(
                "Say which connection or which files the query is for.".into(),
            ));
        }
        let (conversation_id, new_conversation, (turns, before)) = match asking.conversation_id {
            Some(id) => {
                let turns = self.turns(who, &id).await?;
                (id, false, turns)
            }
            None => (id::new(), true, (Vec::new(), None)),
        };
        let cancel = CancellationToken::new();
        let running = self.running.add(&id, who, &title, cancel.clone());
        Ok(Prepared {
            questions: self.clone(),
            who: who.clone(),
            id,
            conversation_id,
            new_conversation,
            request: Request {
                question: title,
                turns,
                // What was taught comes with the candidates, once the answer is made.
                glossary: String::new(),
                today: Utc::now().date_naive(),
                limits: self.limits,
                preview_rows: PREVIEW_ROWS,
            },
            before,
            ask: asking.ask,
            candidates,
            cancel,
            began,
            span,
            course: Default::default(),
            _running: running,
        })
    }

    /// Stops a running question, down to the database: one's own, or as an admin any of the organisation's.
    /// It may run at another server: that one is asked then, and has [`CANCEL_WITHIN`] to say so. False when
    /// there is no such question (any more).
    pub async fn cancel(&self, who: &Identity, id: &str) -> bool {
        if self.running.cancel(id, who) {
            return true;
        }
        let bus = self.events.bus();
        if !bus.is_shared() {
            return false;
        }
        let mut messages = bus.subscribe();
        bus.publish_elsewhere(Message::Cancel {
            query_id: id.to_owned(),
            user_id: who.user_id.clone(),
            organization_id: who.organization_id.clone(),
            admin: who.role >= Role::Admin,
        });
        let stopped = async {
            loop {
                match messages.recv().await {
                    Ok(Message::Cancelled { query_id }) if query_id == id => return true,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return false,
                }
            }
        };
        tokio::time::timeout(CANCEL_WITHIN, stopped)
            .await
            .unwrap_or_default()
    }

    /// Stops questions that somebody cancelled at another server. Runs as one task, for ever.
    pub async fn obey(self) {
        let bus = self.events.bus().clone();
        let mut messages = bus.subscribe();
        loop {
            match messages.recv().await {
                Ok(Message::Cancel {
                    query_id,
                    user_id,
                    organization_id,
                    admin,
                }) => {
                    let role = if admin { Role::Admin } else { Role::Viewer };
                    if self
                        .running
                        .cancel_for(&query_id, &user_id, &organization_id, role)
                    {
                        bus.publish_elsewhere(Message::Cancelled { query_id });
                    }
                }
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "fell behind the bus; a cancelled question may go on");
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Stops everything that somebody is asking: they are gone.
    pub fn cancel_all_of(&self, user_id: &str) {
        self.running.cancel_all_of(user_id);
    }

    /// The queries that run at a connection's agents and that this person may see and stop: their own, and
    /// for an admin all of the organisation's. Oldest first. Errors: `NotFound`.
    pub async fn running_at(&self, who: &Identity, connection_id: &str) -> Result<Vec<RunningQuestion>> {
        let running = self.connections.running(who, connection_id).await?;
        Ok(self.running.known(running, who))
    }

    /// What may answer, with what was taught about it.
    async fn candidates(&self, who: &Identity, target: &Target, caller: &Caller) -> Result<Vec<Candidate>> {
        Ok(match target {
            Target::Connection(id) => vec![self.connections.candidate(who, id, caller).await?],
            Target::Files(ids) => self.files.candidate(who, Some(ids)).await?.into_iter().collect(),
            Target::Anything => {
                let mut all: Vec<Candidate> = self.files.candidate(who, None).await?.into_iter().collect();
                all.extend(self.connections.candidates(who, caller).await?);
                all
            }
        })
    }
}

/// What the question is called in lists.
fn title(ask: &Ask) -> String {
    match ask {
        Ask::Question(question) => question.clone(),
        Ask::Query {
            question: Some(question),
            ..
        } => question.clone(),
        Ask::Query {
            query,
            question: None,
        } => query.clone(),
    }
}

/// Errors: `Invalid`, so that nothing is stored for what cannot be a question.
fn check_length(ask: &Ask) -> Result<()> {
    match ask {
        Ask::Question(question) => ask::check_question(question),
        Ask::Query { query, question } => {
            if query.trim().is_empty() {
                return Err(Error::Invalid("The query is empty.".into()));
            }
            if query.len() > MAX_QUERY {
                return Err(Error::Invalid(format!(
                    "The query is too long; {MAX_QUERY} bytes are the most."
                )));
            }
            question.as_deref().map_or(Ok(()), ask::check_question)
        }
    }
}
