//! Questions of people: the pipeline of `ask`, with their own sources, conversations, and answers that are
//! kept.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use chrono::Utc;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::accounts::{Identity, Role};
use super::agents::Caller;
use super::bus::Message;
use super::connections::Connections;
use super::files::Files;
use super::looks::{self, Before};
use super::metrics::Metrics;
use super::models::{InForce, Models};
use super::preferences::PreferenceBook;
use super::results::{Keep, Results, Writer};
use super::status::{Change, Events};
use super::teaching::Teaching;
use super::traces::{self, Traces};
use super::trail::Trail;
pub use super::under_way::RunningQuestion;
use super::under_way::{UnderWay, UnderWayGuard};
use super::usage::Usage;
use super::vitals::Vitals;
use crate::ask::answer::{Answer, Outcome};
use crate::ask::chart::Chart;
use crate::ask::{self, Answered, Candidate, Event, Request};
use crate::db::audit::Entry;
use crate::db::conversations::Conversation;
use crate::db::queries::Query;
use crate::db::{Db, audit, conversations, queries, usage as records};
use crate::error::{Error, Result};
use crate::id;
use crate::source::Limits;
use crate::translate::Turn;
use crate::translate::usage::{self, Call};

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

impl Watch {
    fn asked(&self, prepared: &Prepared, answer: &Answer) {
        let course = prepared.course();
        self.metrics.asked(answer, &course.calls);
        self.traces.tell(&traces::Asked {
            id: &prepared.id,
            span: prepared.span,
            began: prepared.began,
            stages: &course.stages,
            calls: &course.calls,
            answer,
            user_id: &prepared.who.user_id,
            organization_id: &prepared.who.organization_id,
            conversation_id: &prepared.conversation_id,
            preferences: self.preferences.of(&prepared.who.organization_id),
        });
        if answer.translator != "llm" {
            return;
        }
        match &answer.error {
            Some(error) if error.code == "llm" => {
                self.vitals.bad("model", &Error::Llm(error.message.clone()));
            }
            // It may have failed before the model was asked.
            Some(_) if answer.query.is_none() => {}
            _ => self.vitals.good("model"),
        }
    }
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

/// An answer that was kept.
#[derive(Debug, Clone)]
pub struct KeptAnswer {
    pub id: String,
    pub conversation_id: String,
    pub created_at: chrono::NaiveDateTime,
    pub kept: bool,
    pub result_id: Option<String>,
    pub answer: Answer,
    pub chart: Option<Chart>,
}

/// What a store row of an answer holds.
#[derive(serde::Serialize, serde::Deserialize)]
struct StoredAnswer {
    answer: Answer,
    chart: Option<Chart>,
}

/// See [`Questions::asked_by_program`].
pub struct AskedByProgram {
    pub candidate: Candidate,
    pub model: InForce,
    pub limits: Limits,
}

/// A question whose sources and conversation are known; [`Prepared::answer`] does the rest.
pub struct Prepared {
    questions: Questions,
    who: Identity,
    pub id: String,
    pub conversation_id: String,
    new_conversation: bool,
    pub(super) ask: Ask,
    pub(super) candidates: Vec<Candidate>,
    pub(super) request: Request,
    /// The last answer of the conversation.
    before: Option<Answer>,
    pub(super) cancel: CancellationToken,
    began: SystemTime,
    /// The span of its trace that the agent was told.
    span: u64,
    course: Mutex<Course>,
    _running: UnderWayGuard,
}

/// The course a question took, for its trace.
#[derive(Default)]
struct Course {
    stages: Vec<(&'static str, SystemTime)>,
    calls: Vec<Call>,
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
            course: Mutex::default(),
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

    /// The user's questions, newest first.
    pub async fn recent(&self, who: &Identity, kept: Option<bool>, limit: i64) -> Result<Vec<KeptAnswer>> {
        let user = who.user_id.clone();
        let found = self
            .db
            .read(move |conn| queries::recent(conn, &user, kept, limit))
            .await?;
        visible(who, found)
    }

    /// One answer with its first rows. Errors: `NotFound`.
    pub async fn get(&self, who: &Identity, id: &str) -> Result<KeptAnswer> {
        let mut kept = self.without_rows(who, id).await?;
        self.add_rows(who, &mut kept, PREVIEW_ROWS).await?;
        Ok(kept)
    }

    /// One answer but for its rows. Errors: `NotFound`.
    pub async fn without_rows(&self, who: &Identity, id: &str) -> Result<KeptAnswer> {
        let (user, target) = (who.user_id.clone(), id.to_owned());
        let record = self
            .db
            .read(move |conn| queries::one(conn, &user, &target))
            .await
            .map_err(missing)?;
        let kept = KeptAnswer::from_record(record)?;
        see(who, &kept)?;
        Ok(kept)
    }

    /// Stars an answer (its result then never expires), or takes the star away. Errors: `NotFound`.
    pub async fn set_kept(&self, who: &Identity, id: &str, kept: bool) -> Result<KeptAnswer> {
        let (user, target) = (who.user_id.clone(), id.to_owned());
        let mut record = self
            .db
            .read(move |conn| queries::one(conn, &user, &target))
            .await
            .map_err(missing)?;
        see(who, &KeptAnswer::from_record(record.clone())?)?;
        let target = record.id.clone();
        let deed = who.did("query.kept", "query", id, json!({ "kept": kept }));
        self.db
            .write(move |conn| {
                queries::set_kept(conn, &target, kept)?;
                audit::append(conn, &deed)
            })
            .await?;
        if let Some(result) = &record.result_id {
            self.results
                .set_kept(
                    &who.organization_id,
                    result,
                    if kept { Keep::Forever } else { Keep::ForAWhile },
                )
                .await?;
        }
        record.kept = kept;
        KeptAnswer::from_record(record)
    }

    /// The user's conversations, last used first, each with its number of questions.
    pub async fn conversations(&self, who: &Identity, limit: i64) -> Result<Vec<(Conversation, i64)>> {
        let user = who.user_id.clone();
        self.db
            .read(move |conn| conversations::all(conn, &user, limit))
            .await
    }

    /// A conversation with its answers, each with at most `rows` rows. Errors: `NotFound`.
    pub async fn conversation(
        &self,
        who: &Identity,
        id: &str,
        rows: usize,
    ) -> Result<(Conversation, Vec<KeptAnswer>)> {
        let (user, target) = (who.user_id.clone(), id.to_owned());
        let (conversation, records) = self
            .db
            .read(move |conn| {
                let conversation = conversations::one(conn, &user, &target)?;
                let records = queries::in_conversation(conn, &conversation.id)?;
                Ok((conversation, records))
            })
            .await
            .map_err(no_conversation)?;
        let mut answers = Vec::with_capacity(records.len());
        for mut kept in visible(who, records)? {
            self.add_rows(who, &mut kept, rows).await?;
            answers.push(kept);
        }
        Ok((conversation, answers))
    }

    /// Forgets a conversation and its answers; their results expire. Errors: `NotFound`.
    pub async fn delete_conversation(&self, who: &Identity, id: &str) -> Result<()> {
        let (user, target) = (who.user_id.clone(), id.to_owned());
        let deed = who.did("conversation.deleted", "conversation", id, json!({}));
        let results = self
            .db
            .write(move |conn| {
                conversations::one(conn, &user, &target)?;
                let records = queries::in_conversation(conn, &target)?;
                conversations::delete(conn, &user, &target)?;
                audit::append(conn, &deed)?;
                Ok(records
                    .into_iter()
                    .filter_map(|record| record.result_id)
                    .collect::<Vec<_>>())
            })
            .await
            .map_err(no_conversation)?;
        for result in results {
            self.results
                .set_kept(&who.organization_id, &result, Keep::ForAWhile)
                .await?;
        }
        Ok(())
    }

    async fn add_rows(&self, who: &Identity, kept: &mut KeptAnswer, limit: usize) -> Result<()> {
        let Some(result) = &kept.result_id else {
            return Ok(());
        };
        match self.results.page(who, result, 0, limit).await {
            Ok(page) => kept.answer.rows = page.rows,
            // Expired: the sentence and the query remain.
            Err(Error::NotFound(_)) => kept.result_id = None,
            Err(error) => return Err(error),
        }
        Ok(())
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

    /// The last questions of a conversation that were answered, oldest first, and the last answer itself.
    async fn turns(&self, who: &Identity, conversation_id: &str) -> Result<(Vec<Turn>, Option<Answer>)> {
        let (user, target) = (who.user_id.clone(), conversation_id.to_owned());
        let records = self
            .db
            .read(move |conn| {
                conversations::one(conn, &user, &target)?;
                queries::in_conversation(conn, &target)
            })
            .await
            .map_err(no_conversation)?;
        let mut turns = Vec::new();
        let mut last = None;
        for kept in visible(who, records)?.into_iter().rev() {
            if let (Outcome::Answered, Some(query)) = (kept.answer.outcome, &kept.answer.query) {
                // "And by store?" after a forecast goes on from what was forecast.
                let of = kept.answer.analysis.as_ref().map(|analysis| &analysis.of);
                turns.push(Turn {
                    question: of.unwrap_or(&kept.answer.question).clone(),
                    query: query.clone(),
                });
                last.get_or_insert(kept.answer);
            }
            if turns.len() == TURNS {
                break;
            }
        }
        turns.reverse();
        Ok((turns, last))
    }
}

impl Prepared {
    /// Answers and keeps the answer. `progress` sees every event; when its receiver is dropped the query is
    /// cancelled. Errors: only when the store fails.
    pub async fn answer(mut self, progress: Option<mpsc::Sender<Event>>) -> Result<KeptAnswer> {
        let teaching = &self.questions.teaching;
        teaching.teach(&self.who, &mut self.candidates).await?;
        let (events, incoming) = mpsc::channel(4);
        self.tell(Running::Yes);
        let model = self.questions.models.of(&self.who.organization_id);
        let pipeline = async {
            // Moved in, so that the watcher ends when the pipeline does.
            let events = events;
            match (&self.ask, self.candidates.as_slice()) {
                (Ask::Query { query, .. }, [candidate]) => {
                    ask::run(&self.request, candidate, query, &events).await
                }
                (Ask::Query { .. }, _) => unreachable!("`prepare` lets a query through only with one source"),
                (Ask::Question(_), candidates) => {
                    let before = self.before.as_ref().map(|before| Before {
                        source_id: before.sources.first().map_or("", |source| &source.id),
                        translator: &before.translator,
                        reading: &before.interpretation,
                    });
                    if let Err(error) = self.questions.usage.allow(&self.who, &model).await {
                        let mut answer = Answer::new(&self.request.question, model.translator.name());
                        answer.fail(&error);
                        return Answered { answer, chart: None };
                    }
                    looks::ask(&self.request, &*model.translator, candidates, before, &events).await
                }
            }
        };
        let ((mut answered, calls), written) =
            tokio::join!(usage::counted(pipeline), self.watch(incoming, progress.as_ref()));
        let price = model.llm.as_ref().and_then(|llm| llm.price);
        answered.answer.usage = usage::Usage::of(&calls, price);
        self.course().calls = calls;
        let kept = self.keep(answered, written).await;
        self.tell(Running::No);
        kept
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores rows as they arrive and passes events on. Ending early closes the channel, which cancels the
    /// pipeline and the query below it.
    async fn watch(
        &self,
        mut incoming: mpsc::Receiver<Event>,
        progress: Option<&mpsc::Sender<Event>>,
    ) -> Result<Option<Writer>> {
        let mut writer: Option<Writer> = None;
        loop {
            let event = tokio::select! {
                event = incoming.recv() => event,
                () = self.stopped(progress) => return Ok(None),
            };
            let Some(event) = event else { return Ok(writer) };
            match &event {
                Event::Columns(schema) => writer = Some(self.questions.results.begin(schema.clone())),
                Event::Batch(batch) => {
                    if let Some(writer) = &mut writer {
                        writer.write(batch.clone()).await?;
                    }
                }
                Event::Stage { stage, .. } => {
                    self.course().stages.push((stage.name(), SystemTime::now()));
                }
                Event::Query { .. } => {}
            }
            if let Some(progress) = progress {
                tokio::select! {
                    sent = progress.send(event) => if sent.is_err() { return Ok(None) },
                    () = self.cancel.cancelled() => return Ok(None),
                }
            }
        }
    }

    /// The asker cancelled, or left.
    async fn stopped(&self, progress: Option<&mpsc::Sender<Event>>) {
        let left = async {
            match progress {
                Some(progress) => progress.closed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.cancel.cancelled() => {},
            () = left => {},
        }
    }

    pub(super) async fn keep(
        &self,
        answered: Answered,
        written: Result<Option<Writer>>,
    ) -> Result<KeptAnswer> {
        let Answered {
            mut answer,
            mut chart,
        } = answered;
        let was_cancelled = answer
            .error
            .as_ref()
            .is_some_and(|error| error.code == "cancelled");
        if was_cancelled && self.questions.is_stopping() {
            answer.fail(&Error::AgentOffline(
                "The server was stopped before the query had finished. Ask again in a moment.".into(),
            ));
        }
        let result_id = match self.keep_result(&answer, written).await {
            Ok(result_id) => result_id,
            // Rows that could not be kept, for lack of space above all, are no answer.
            Err(error) => {
                answer.fail(&error);
                chart = None;
                None
            }
        };
        let kept = KeptAnswer {
            id: self.id.clone(),
            conversation_id: self.conversation_id.clone(),
            created_at: id::now(),
            kept: false,
            result_id,
            answer,
            chart,
        };
        let record = kept.to_record(&self.who)?;
        let deed = self.deed(&kept.answer);
        let questions = i64::from(matches!(self.ask, Ask::Question(_)));
        let used = Usage::entry(&self.who, questions, kept.answer.usage.as_ref());
        self.questions.watch.asked(self, &kept.answer);
        let conversation = self.new_conversation.then(|| Conversation {
            id: self.conversation_id.clone(),
            organization_id: self.who.organization_id.clone(),
            user_id: self.who.user_id.clone(),
            title: self.request.question.chars().take(120).collect(),
            created_at: kept.created_at,
            updated_at: kept.created_at,
        });
        self.questions
            .db
            .write(move |conn| {
                match conversation {
                    Some(new) => conversations::insert(conn, new)?,
                    None => conversations::touch(conn, &record.conversation_id, record.created_at)?,
                }
                queries::insert(conn, record)?;
                if used.questions > 0 {
                    records::add(conn, &used)?;
                }
                audit::append(conn, &deed)
            })
            .await?;
        if let Ask::Query {
            question: Some(_), ..
        } = &self.ask
            && let Err(error) = self.questions.teaching.suggest_edited(&self.who, &kept).await
        {
            // The answer itself is kept.
            tracing::warn!(%error, "an edited query could not be suggested");
        }
        Ok(kept)
    }

    /// The entry of the audit log.
    pub(super) fn deed(&self, answer: &Answer) -> Entry {
        self.who.did("query.run", "query", &self.id, said(answer))
    }

    async fn keep_result(&self, answer: &Answer, written: Result<Option<Writer>>) -> Result<Option<String>> {
        let (Outcome::Answered, Some(writer)) = (answer.outcome, written?) else {
            return Ok(None);
        };
        let written = writer.finish().await?;
        let results = &self.questions.results;
        let sources: Vec<&str> = answer.sources.iter().map(|source| source.id.as_str()).collect();
        results
            .keep(
                &self.who,
                written,
                sources.join(","),
                answer.row_count,
                answer.truncated,
            )
            .await
            .map(Some)
    }

    /// Writes a query down of which nothing else is kept.
    pub(super) async fn audit(&self, answer: &Answer) -> Result<()> {
        let deed = self.deed(answer);
        self.questions.watch.asked(self, answer);
        self.questions.trail.append(deed).await
    }

    pub(super) fn tell(&self, running: Running) {
        self.questions.events.tell(
            &self.who.organization_id,
            Change::Query {
                user_id: self.who.user_id.clone(),
                id: self.id.clone(),
                running: matches!(running, Running::Yes),
            },
        );
    }
}

/// What the organisation's watchers are told of a query.
pub(super) enum Running {
    Yes,
    No,
}

impl KeptAnswer {
    fn from_record(record: Query) -> Result<KeptAnswer> {
        let stored: StoredAnswer = serde_json::from_str(&record.answer).map_err(Error::internal)?;
        Ok(KeptAnswer {
            id: record.id,
            conversation_id: record.conversation_id,
            created_at: record.created_at,
            kept: record.kept,
            result_id: record.result_id,
            answer: stored.answer,
            chart: stored.chart,
        })
    }

    fn to_record(&self, who: &Identity) -> Result<Query> {
        let mut answer = self.answer.clone();
        answer.rows.clear();
        let stored = StoredAnswer {
            answer,
            chart: self.chart.clone(),
        };
        Ok(Query {
            id: self.id.clone(),
            organization_id: who.organization_id.clone(),
            user_id: who.user_id.clone(),
            conversation_id: self.conversation_id.clone(),
            question: self.answer.question.clone(),
            outcome: self.answer.outcome.name().into(),
            answer: serde_json::to_string(&stored).map_err(Error::internal)?,
            result_id: self.result_id.clone(),
            kept: self.kept,
            created_at: self.created_at,
        })
    }
}

/// What the audit log says of a query: its text and what became of it, never its rows.
pub(super) fn said(answer: &Answer) -> serde_json::Value {
    let sources: Vec<_> = answer
        .sources
        .iter()
        .map(|source| json!({ "id": source.id, "name": source.name, "tables": source.tables }))
        .collect();
    json!({
        "question": answer.question,
        "query": answer.query,
        "translator": answer.translator,
        "sources": sources,
        "outcome": answer.outcome.name(),
        "error": answer.error.as_ref().map(|error| error.code.clone()),
        "rows": answer.row_count,
        "truncated": answer.truncated,
        "elapsed_ms": answer.elapsed_ms.total,
    })
}

/// Errors: `NotFound` for an answer read from a source that this person may not see (any more).
fn see(who: &Identity, kept: &KeptAnswer) -> Result<()> {
    if is_visible(who, kept) {
        return Ok(());
    }
    Err(missing(Error::NotFound(String::new())))
}

fn is_visible(who: &Identity, kept: &KeptAnswer) -> bool {
    let access = Access::of(who);
    kept.answer
        .sources
        .iter()
        .all(|source| access.sees_all(&source.id))
}

/// The answers among these that this person may see.
fn visible(who: &Identity, records: Vec<Query>) -> Result<Vec<KeptAnswer>> {
    let mut answers = Vec::with_capacity(records.len());
    for record in records {
        let kept = KeptAnswer::from_record(record)?;
        if is_visible(who, &kept) {
            answers.push(kept);
        }
    }
    Ok(answers)
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

fn missing(error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::NotFound("There is no answer with this id.".into()),
        other => other,
    }
}

fn no_conversation(error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::NotFound("There is no conversation with this id.".into()),
        other => other,
    }
}
