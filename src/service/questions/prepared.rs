//! One question on its way: answered, watched, and kept or only written down.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Ask, KeptAnswer, Questions, Watch};
use crate::ask::answer::{Answer, Outcome};
use crate::ask::{self, Answered, Candidate, Event, Request};
use crate::db::audit::Entry;
use crate::db::conversations::Conversation;
use crate::db::{audit, conversations, queries, usage as records};
use crate::error::{Error, Result};
use crate::id;
use crate::service::accounts::Identity;
use crate::service::looks::{self, Before};
use crate::service::results::Writer;
use crate::service::status::Change;
use crate::service::traces;
use crate::service::under_way::UnderWayGuard;
use crate::service::usage::Usage;
use crate::translate::usage::{self, Call};

/// A question whose sources and conversation are known; [`Prepared::answer`] does the rest.
pub struct Prepared {
    pub(super) questions: Questions,
    pub(super) who: Identity,
    pub id: String,
    pub conversation_id: String,
    pub(super) new_conversation: bool,
    pub(in crate::service) ask: Ask,
    pub(in crate::service) candidates: Vec<Candidate>,
    pub(in crate::service) request: Request,
    /// The last answer of the conversation.
    pub(super) before: Option<Answer>,
    pub(in crate::service) cancel: CancellationToken,
    pub(super) began: SystemTime,
    /// The span of its trace that the agent was told.
    pub(super) span: u64,
    pub(super) course: Mutex<Course>,
    pub(super) _running: UnderWayGuard,
}

/// The course a question took, for its trace.
#[derive(Default)]
pub(super) struct Course {
    stages: Vec<(&'static str, SystemTime)>,
    calls: Vec<Call>,
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

    pub(in crate::service) async fn keep(
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
    pub(in crate::service) fn deed(&self, answer: &Answer) -> Entry {
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
    pub(in crate::service) async fn audit(&self, answer: &Answer) -> Result<()> {
        let deed = self.deed(answer);
        self.questions.watch.asked(self, answer);
        self.questions.trail.append(deed).await
    }

    pub(in crate::service) fn tell(&self, running: Running) {
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
pub(in crate::service) enum Running {
    Yes,
    No,
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

/// What the audit log says of a query: its text and what became of it, never its rows.
pub(in crate::service) fn said(answer: &Answer) -> serde_json::Value {
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
