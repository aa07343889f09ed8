//! From question to answer: one pipeline for every source.
//!
//! choose sources → gather context → translate → validate → run → (repair) → present. Keeping the answer is
//! the server's step (`service::questions`); the command line keeps nothing. Nothing here knows whether a
//! source is near or behind an agent.

pub mod answer;
pub mod chart;
pub mod choose;
pub mod doubts;
pub mod in_words;
pub mod present;
pub mod suggest;
pub mod taught;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use futures::StreamExt;
use tokio::sync::mpsc;

use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::guard;
use crate::rows::{self, json};
use crate::source::{Limits, Source};
use crate::translate::offline::APPROVED;
use crate::translate::{Context, FailedAttempt, Translation, Translator, Turn};
use answer::{Answer, AnswerSource, Finding, Outcome, Severity};
use chart::{Chart, Truncation};
use taught::{Ground, Taught};

/// Questions are short; anything longer is a mistake or an attack. In characters.
pub const MAX_QUESTION: usize = 4_000;

/// Attempts in all: the first and two repairs.
const MAX_ATTEMPTS: u32 = 3;

/// Something that may answer the question.
#[derive(Clone)]
pub struct Candidate {
    pub kind: CandidateKind,
    /// What the asker calls it.
    pub name: String,
    /// The ids behind it: one connection, or the chosen files.
    pub ids: Vec<String>,
    /// For files, of each table of the catalog; empty for a connection.
    pub origins: Vec<taught::Origin>,
    /// What people taught about it.
    pub taught: Taught,
    pub source: Arc<dyn Source>,
}

/// What a [`Candidate`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind {
    Files,
    Connection,
}

/// One question and all that is needed to answer it.
#[derive(Debug, Clone)]
pub struct Request {
    pub question: String,
    pub turns: Vec<Turn>,
    pub glossary: String,
    pub today: NaiveDate,
    pub limits: Limits,
    /// Rows that the answer itself carries at most.
    pub preview_rows: usize,
}

/// A step of the pipeline, as it is shown to people while they wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Sources,
    Context,
    Translate,
    Validate,
    Run,
    Repair,
    Present,
    Keep,
}

impl Stage {
    /// As it stands in events and traces.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Sources => "sources",
            Stage::Context => "context",
            Stage::Translate => "translate",
            Stage::Validate => "validate",
            Stage::Run => "run",
            Stage::Repair => "repair",
            Stage::Present => "present",
            Stage::Keep => "keep",
        }
    }
}

/// What happens on the way to the answer.
#[derive(Debug, Clone)]
pub enum Event {
    Stage {
        stage: Stage,
        message: String,
        elapsed: Duration,
    },
    Query {
        query: String,
        dialect: &'static str,
        interpretation: String,
        translator: String,
        attempt: u32,
    },
    /// The result's columns; batches follow. A repaired query sends them anew.
    Columns(SchemaRef),
    Batch(RecordBatch),
}

/// Where events go. The channel is bounded: a slow reader slows the query down, and one that left ends it.
pub type Events = mpsc::Sender<Event>;

/// An answer and the chart that goes with it.
#[derive(Debug, Clone)]
pub struct Answered {
    pub answer: Answer,
    pub chart: Option<Chart>,
}

/// Answers a question from one of the candidates. Whatever happens becomes an [`Answer`]; only the asker's
/// leaving (the event channel is closed) ends it early, as a failed answer that nobody reads.
pub async fn ask(
    request: &Request,
    translator: &dyn Translator,
    candidates: &[Candidate],
    events: &Events,
) -> Answered {
    let mut run = Run::new(request, translator.name(), events);
    match run.ask(translator, candidates).await {
        Ok(chart) => run.finish(chart),
        Err(error) => run.fail(error),
    }
}

/// Runs the user's own query through the same guard, limits and presentation.
pub async fn run(request: &Request, candidate: &Candidate, query: &str, events: &Events) -> Answered {
    let mut run = Run::new(request, "user", events);
    match run.user_query(candidate, query).await {
        Ok(chart) => run.finish(chart),
        Err(error) => run.fail(error),
    }
}

/// One question under way: the answer as far as it is known.
struct Run<'a> {
    request: &'a Request,
    events: &'a Events,
    started: Instant,
    translating: Duration,
    executing: Duration,
    answer: Answer,
}

impl<'a> Run<'a> {
    fn new(request: &'a Request, translator: &'static str, events: &'a Events) -> Run<'a> {
        Run {
            request,
            events,
            started: Instant::now(),
            translating: Duration::ZERO,
            executing: Duration::ZERO,
            answer: Answer::new(&request.question, translator),
        }
    }

    async fn ask(&mut self, translator: &dyn Translator, candidates: &[Candidate]) -> Result<Option<Chart>> {
        check_question(&self.request.question)?;
        self.stage(Stage::Sources, "Choosing where to look").await?;
        let candidate = match choose::choose(self.request, translator, candidates).await? {
            choose::Choice::One(candidate) => candidate,
            choose::Choice::Ask { message, options } => {
                self.answer.outcome = Outcome::Clarify;
                self.answer.answer = message;
                self.answer.options = options;
                return Ok(None);
            }
        };
        self.stage(
            Stage::Context,
            &format!("Reading the tables of {}", candidate.name),
        )
        .await?;
        let ground = Ground::new(self.request, candidate, &self.open(candidate).await?);
        self.answer.findings.extend_from_slice(&ground.findings);
        let mut failed: Option<(String, Error)> = None;
        for attempt in 1..=MAX_ATTEMPTS {
            self.answer.attempts = attempt;
            let (stage, message) = match &failed {
                None => (Stage::Translate, "Turning the question into a query"),
                Some(_) => (Stage::Repair, "Mending the query"),
            };
            self.stage(stage, message).await?;
            let translation = self
                .translate(translator, candidate, &ground, failed.as_ref())
                .await?;
            let query = match translation {
                Translation::Query(query) => query,
                Translation::Clarify { message, options } => {
                    self.answer.outcome = Outcome::Clarify;
                    self.answer.answer = message;
                    self.answer.options = options.into_iter().map(Into::into).collect();
                    return Ok(None);
                }
                Translation::Refuse { reason } => {
                    let context = self.context(candidate, &ground, None);
                    self.answer.suggestions = suggest::instead(&context).await;
                    self.answer.outcome = Outcome::Refused;
                    self.answer.answer = reason;
                    return Ok(None);
                }
            };
            self.answer.interpretation.clone_from(&query.reading);
            self.answer.query = Some(query.text.clone());
            match self.execute(candidate, &ground.catalog, &query.text).await {
                Ok(chart) => {
                    let context = self.context(candidate, &ground, None);
                    translator.worked(&context, &query).await?;
                    self.answer.suggestions = suggest::follow_ups(&context, self.answered()).await;
                    return Ok(chart);
                }
                // The offline translator would write the same query again.
                Err(error)
                    if attempt < MAX_ATTEMPTS
                        && translator.can_repair()
                        && (error.is_mendable() || matches!(error, Error::Refused(_))) =>
                {
                    failed = Some((query.text, error));
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn user_query(&mut self, candidate: &Candidate, query: &str) -> Result<Option<Chart>> {
        self.answer.attempts = 1;
        self.answer.query = Some(query.to_owned());
        self.answer.interpretation = "Your own query.".into();
        self.stage(
            Stage::Context,
            &format!("Reading the tables of {}", candidate.name),
        )
        .await?;
        let catalog = self.open(candidate).await?;
        self.execute(candidate, &catalog, query).await
    }

    /// Notes the source in the answer and gets its catalog.
    async fn open(&mut self, candidate: &Candidate) -> Result<Arc<Catalog>> {
        self.answer.dialect = Some(candidate.source.dialect());
        self.answer.sources = vec![AnswerSource::new(candidate)];
        candidate.source.catalog().await
    }

    async fn translate(
        &mut self,
        translator: &dyn Translator,
        candidate: &Candidate,
        ground: &Ground,
        failed: Option<&(String, Error)>,
    ) -> Result<Translation> {
        let began = Instant::now();
        let words = failed.map(|(_, error)| error.to_string()).unwrap_or_default();
        let failed = failed.map(|(query, _)| FailedAttempt { query, error: &words });
        let context = self.context(candidate, ground, failed);
        // An asker who leaves while a model thinks must not keep it thinking.
        let translation = tokio::select! {
            translation = translator.translate(&context) => translation,
            () = self.events.closed() => Err(Error::Cancelled),
        };
        self.translating += began.elapsed();
        translation
    }

    fn context<'c>(
        &'c self,
        candidate: &Candidate,
        ground: &'c Ground,
        failed: Option<FailedAttempt<'c>>,
    ) -> Context<'c> {
        Context {
            question: &self.request.question,
            dialect: candidate.source.dialect(),
            catalog: &ground.catalog,
            glossary: &ground.glossary,
            examples: &ground.examples,
            turns: &self.request.turns,
            today: self.request.today,
            failed,
        }
    }

    /// What was answered, for what may be asked next.
    fn answered(&self) -> suggest::Answered<'_> {
        suggest::Answered {
            query: self.answer.query.as_deref().unwrap_or_default(),
            tables: self
                .answer
                .sources
                .first()
                .map_or(&[], |source| source.tables.as_slice()),
            columns: &self.answer.columns,
            row_count: self.answer.row_count,
        }
    }

    /// validate → run → present.
    async fn execute(
        &mut self,
        candidate: &Candidate,
        catalog: &Catalog,
        query: &str,
    ) -> Result<Option<Chart>> {
        let dialect = candidate.source.dialect();
        self.stage(Stage::Validate, "Checking every name and that it only reads")
            .await?;
        let resolved = guard::check(query, catalog, dialect)?;
        self.answer.query = Some(resolved.text.clone());
        if let Some(source) = self.answer.sources.first_mut() {
            source.tables.clone_from(&resolved.tables);
        }
        self.send(Event::Query {
            query: resolved.text.clone(),
            dialect: dialect.name(),
            interpretation: self.answer.interpretation.clone(),
            translator: self.answer.translator.clone(),
            attempt: self.answer.attempts,
        })
        .await?;
        // The offline translator's reading is made by code as it is, except where a person wrote the query.
        let by_code =
            self.answer.translator == "offline" && !self.answer.interpretation.starts_with(APPROVED);
        if !by_code {
            self.answer.query_in_words = in_words::describe(&resolved.text, dialect);
        }
        let doubts = doubts::of(&resolved.text, catalog, dialect);
        self.stage(Stage::Run, &format!("Asking {}", candidate.name))
            .await?;
        let began = Instant::now();
        let outcome = tokio::select! {
            outcome = tokio::time::timeout(self.request.limits.time(), self.fetch(candidate, &resolved.text)) =>
                outcome.unwrap_or_else(|_| Err(too_slow(&self.request.limits))),
            () = self.events.closed() => Err(Error::Cancelled),
        };
        self.executing += began.elapsed();
        let fetched = outcome?;
        self.stage(Stage::Present, "Writing the answer").await?;
        self.answer.outcome = Outcome::Answered;
        self.answer.columns = rows::columns(&fetched.schema);
        self.answer.rows = fetched.preview;
        self.answer.row_count = fetched.row_count;
        self.answer.truncated = fetched.truncated;
        if fetched.truncated {
            self.answer.findings.push(Finding {
                code: "truncated".into(),
                message: format!("There are more rows; the first {} are shown.", fetched.row_count),
                severity: Severity::Warning,
            });
        }
        let found = doubts::findings(doubts, &self.answer.rows, self.answer.row_count);
        self.answer.findings.extend(found);
        let truncation = if fetched.truncated {
            Truncation::Cut
        } else {
            Truncation::Whole
        };
        let answer = &self.answer;
        let shown = present::Shown {
            interpretation: &answer.interpretation,
            columns: &answer.columns,
            rows: &answer.rows,
            row_count: answer.row_count,
            truncation,
        };
        let sentence = present::sentence(&shown);
        let chart = chart::choose(&answer.columns, &answer.rows, answer.row_count, truncation);
        self.answer.answer = sentence;
        Ok(chart)
    }

    async fn fetch(&self, candidate: &Candidate, query: &str) -> Result<Fetched> {
        let mut result = candidate.source.run(query, &self.request.limits).await?;
        self.send(Event::Columns(result.schema.clone())).await?;
        let mut preview = Vec::new();
        let mut row_count = 0u64;
        while let Some(batch) = result.batches.next().await {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            let wanted = batch
                .num_rows()
                .min(self.request.preview_rows.saturating_sub(preview.len()));
            if wanted > 0 {
                preview.extend(json::values(&batch, 0..wanted)?);
            }
            row_count += batch.num_rows() as u64;
            self.send(Event::Batch(batch)).await?;
        }
        Ok(Fetched {
            schema: result.schema,
            preview,
            row_count,
            truncated: result.truncated.get(),
        })
    }

    async fn stage(&self, stage: Stage, message: &str) -> Result<()> {
        self.send(Event::Stage {
            stage,
            message: message.to_owned(),
            elapsed: self.started.elapsed(),
        })
        .await
    }

    async fn send(&self, event: Event) -> Result<()> {
        self.events.send(event).await.map_err(|_| Error::Cancelled)
    }

    fn finish(mut self, chart: Option<Chart>) -> Answered {
        self.times();
        Answered {
            answer: self.answer,
            chart,
        }
    }

    fn fail(mut self, error: Error) -> Answered {
        self.times();
        self.answer.fail(&error);
        Answered {
            answer: self.answer,
            chart: None,
        }
    }

    fn times(&mut self) {
        self.answer.elapsed_ms.translate = millis(self.translating);
        self.answer.elapsed_ms.execute = millis(self.executing);
        self.answer.elapsed_ms.total = millis(self.started.elapsed());
    }
}

/// A result, fetched: the first rows as JSON, the others only counted (they went out as events).
struct Fetched {
    schema: SchemaRef,
    preview: Vec<Vec<serde_json::Value>>,
    row_count: u64,
    truncated: bool,
}

/// Errors: `Invalid` for a question that is empty or too long.
pub fn check_question(question: &str) -> Result<()> {
    if question.trim().is_empty() {
        return Err(Error::Invalid(
            "The question is empty. Type what you want to know.".into(),
        ));
    }
    let length = question.chars().count();
    if length > MAX_QUESTION {
        return Err(Error::Invalid(format!(
            "The question has {length} characters; {MAX_QUESTION} are the most. Ask it in fewer words."
        )));
    }
    Ok(())
}

fn too_slow(limits: &Limits) -> Error {
    Error::Timeout(format!(
        "The query took longer than {} seconds and was stopped. Narrow it, for example to a shorter period.",
        limits.time_ms / 1000
    ))
}

/// Milliseconds with three decimals, as answers show times.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
