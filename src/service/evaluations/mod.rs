//! Evaluations: a set of questions asked of one source as things stand, scored where the right answer is known, and
//! kept, so that two runs can be compared.
//!
//! `set` reads questions, `compare` and `score` judge answers (the command line's `eval` uses these three alone),
//! `run` asks one after the other.

pub mod compare;
mod run;
pub mod score;
pub mod set;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use self::compare::Verdict;
use self::run::Run;
use self::set::Line;
use super::accounts::Identity;
use super::questions::{Questions, Target};
use super::teaching::{ExampleFilter, PersonRef, Status as Approval, Teaching};
use crate::db::evaluations::{self as records, Evaluation, Question};
use crate::db::{Conn, Db, audit, connections, files, users};
use crate::error::{Error, Result};
use crate::id;

/// Runs that an organisation keeps; the oldest goes when another begins.
const KEPT: i64 = 100;

/// A run that gave no sign for so long has lost its server.
const LOST_AFTER: TimeDelta = TimeDelta::seconds(90);

/// What became of a run whose server ended.
const LOST: &str = "The server was stopped before the run was over. Start it again.";

/// Characters of a name.
const MAX_NAME: usize = 200;

/// Evaluations. Cheap to clone.
#[derive(Clone)]
pub struct Evaluations {
    db: Db,
    questions: Questions,
    teaching: Teaching,
    /// What runs at this server, by id.
    running: Arc<Mutex<HashMap<String, CancellationToken>>>,
}

/// What is to be asked, and of what.
#[derive(Debug, Clone)]
pub struct NewEvaluation {
    pub name: Option<String>,
    /// None: the source of the run that is repeated.
    pub target: Option<Target>,
    pub questions: Set,
}

/// Where the questions come from.
#[derive(Debug, Clone)]
pub enum Set {
    Lines(Vec<Line>),
    /// The approved examples of the source. Each is asked without being shown itself.
    Examples,
    /// Those of an earlier run.
    Again(String),
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EvaluationStatus)]
pub enum Status {
    Running,
    Done,
    Cancelled,
    Failed,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Done => "done",
            Status::Cancelled => "cancelled",
            Status::Failed => "failed",
        }
    }

    fn named(name: &str) -> Result<Status> {
        [Status::Running, Status::Done, Status::Cancelled, Status::Failed]
            .into_iter()
            .find(|status| status.name() == name)
            .ok_or_else(|| Error::internal(format!("unknown status \"{name}\" of an evaluation")))
    }
}

/// How often each verdict was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Counts {
    pub right: u64,
    pub wrong: u64,
    pub refused: u64,
    pub clarify: u64,
    pub failed: u64,
    /// Answered, and nobody knows whether it is right.
    pub unscored: u64,
}

impl Counts {
    fn add(&mut self, verdict: Verdict, times: u64) {
        let count = match verdict {
            Verdict::Right => &mut self.right,
            Verdict::Wrong => &mut self.wrong,
            Verdict::Refused => &mut self.refused,
            Verdict::Clarify => &mut self.clarify,
            Verdict::Failed => &mut self.failed,
            Verdict::Unscored => &mut self.unscored,
        };
        *count += times;
    }

    fn all(&self) -> u64 {
        self.right + self.wrong + self.refused + self.clarify + self.failed + self.unscored
    }
}

/// A run.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct EvaluationItem {
    pub id: String,
    pub name: String,
    pub connection_id: Option<String>,
    pub file_ids: Vec<String>,
    /// Of those that are still there.
    pub source_names: Vec<String>,
    /// Who wrote the queries: `offline` or `llm`.
    pub translator: String,
    pub model: Option<String>,
    pub status: Status,
    /// Why it failed.
    pub error: Option<String>,
    pub started_by: Option<PersonRef>,
    pub started_at: String,
    pub finished_at: Option<String>,
    /// Questions in all, and how many of them were asked.
    pub total: u64,
    pub done: u64,
    pub counts: Counts,
}

/// The counts of a category.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CategoryItem {
    pub suite: String,
    pub category: String,
    pub total: u64,
    pub counts: Counts,
    /// Of the run it is compared with, over the same questions.
    pub before: Option<Counts>,
}

/// A question of a run.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct QuestionItem {
    /// From 1.
    pub number: u64,
    pub question: String,
    pub suite: String,
    pub category: String,
    /// Null: not asked yet.
    pub verdict: Option<Verdict>,
    /// The query that was written.
    pub query: Option<String>,
    /// A right query, or right values separated by `|`.
    pub expected: Option<String>,
    /// The refusal, the question back, the failure, or what is the matter with the right query.
    pub note: Option<String>,
    /// From question to answer, in milliseconds.
    pub elapsed_ms: Option<f64>,
    /// In the run it is compared with; null where it was not asked there.
    pub before: Option<Verdict>,
}

/// The run that another is compared with.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ComparisonItem {
    pub id: String,
    pub name: String,
    pub started_at: String,
    /// Questions that both runs asked.
    pub shared: u64,
    /// Right now and not then.
    pub better: u64,
    /// Right then and not now.
    pub worse: u64,
}

/// A run with its questions.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct EvaluationDetail {
    #[serde(flatten)]
    pub run: EvaluationItem,
    pub categories: Vec<CategoryItem>,
    pub questions: Vec<QuestionItem>,
    pub against: Option<ComparisonItem>,
}

impl Evaluations {
    pub fn new(db: Db, questions: Questions, teaching: Teaching) -> Evaluations {
        Evaluations {
            db,
            questions,
            teaching,
            running: Arc::default(),
        }
    }

    /// Begins a run and gives it at once; it goes on by itself, one question after the other. Errors: `Invalid` for
    /// a set that cannot be asked, `NotFound` for a source or an earlier run, `AgentOffline`, `Conflict` while another one runs.
    pub async fn start(&self, who: &Identity, new: NewEvaluation) -> Result<EvaluationItem> {
        let earlier = match &new.questions {
            Set::Again(id) => {
                let (organization, id) = (who.organization_id.clone(), id.clone());
                let found = self
                    .db
                    .read(move |conn| {
                        let run = records::one(conn, &organization, &id)?;
                        Ok((run, records::questions(conn, &id)?))
                    })
                    .await;
                Some(found.map_err(missing)?)
            }
            _ => None,
        };
        let target = new
            .target
            .or_else(|| earlier.as_ref().map(|(run, _)| run.target()))
            .unwrap_or(Target::Anything);
        let (connection_id, file_ids) = match &target {
            Target::Connection(id) => (Some(id.clone()), Vec::new()),
            Target::Files(ids) => (None, ids.clone()),
            Target::Anything => {
                return Err(Error::Invalid(
                    "Say which connection or which files the questions are for.".into(),
                ));
            }
        };
        let name = new
            .name
            .or_else(|| earlier.as_ref().map(|(run, _)| run.name.clone()));
        let lines = match (new.questions, earlier) {
            (Set::Lines(lines), _) => lines,
            (Set::Again(_), Some((_, questions))) => questions.into_iter().map(Line::from).collect(),
            (Set::Examples | Set::Again(_), _) => {
                self.examples(who, connection_id.as_deref(), &file_ids).await?
            }
        };
        set::check(&lines)?;
        let asked = self.questions.asked_by_program(who, &target).await?;
        let now = id::now();
        let name = match name.as_deref().map(str::trim) {
            Some(name) if name.chars().count() > MAX_NAME => {
                return Err(Error::Invalid(format!(
                    "The name is too long; {MAX_NAME} characters are the most."
                )));
            }
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => format!("{} questions", lines.len()),
        };
        let evaluation = Evaluation {
            id: id::new(),
            organization_id: who.organization_id.clone(),
            name,
            connection_id,
            file_ids: file_ids.join(","),
            translator: asked.model.translator.name().into(),
            model: asked.model.llm.as_ref().map(|llm| llm.model.clone()),
            status: Status::Running.name().into(),
            error: None,
            total: i64::try_from(lines.len()).map_err(Error::internal)?,
            started_by: who.user_id.clone(),
            started_at: now,
            seen_at: now,
            finished_at: None,
        };
        let rows: Vec<Question> = lines
            .iter()
            .zip(1..)
            .map(|(line, number)| Question::new(&evaluation.id, number, line))
            .collect();
        let deed = who.did(
            "evaluation.started",
            "evaluation",
            &evaluation.id,
            json!({ "name": evaluation.name, "questions": lines.len(), "connection_id": evaluation.connection_id,
                    "file_ids": file_ids }),
        );
        let record = evaluation.clone();
        let caller = who.clone();
        let item = self
            .db
            .write(move |conn| {
                make_room(conn, &record)?;
                records::insert(conn, &record, &rows)?;
                audit::append(conn, &deed)?;
                Ok(items(conn, &caller, vec![record])?.swap_remove(0))
            })
            .await?;
        let cancel = CancellationToken::new();
        self.lock().insert(evaluation.id.clone(), cancel.clone());
        let run = Run {
            db: self.db.clone(),
            questions: self.questions.clone(),
            who: who.clone(),
            id: evaluation.id.clone(),
            asked,
            lines,
            cancel,
        };
        let running = self.running.clone();
        tokio::spawn(async move {
            run.run().await;
            running
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&evaluation.id);
        });
        Ok(item)
    }

    /// The runs, newest first, at most `limit`; those before the run `before` when one is named.
    pub async fn list(
        &self,
        who: &Identity,
        before: Option<String>,
        limit: i64,
    ) -> Result<Vec<EvaluationItem>> {
        let who = who.clone();
        self.db
            .read(move |conn| {
                let found = records::list(conn, &who.organization_id, before.as_deref(), limit)?;
                items(conn, &who, found)
            })
            .await
    }

    /// A run with its questions, perhaps beside another one. Errors: `NotFound`.
    pub async fn get(&self, who: &Identity, id: &str, against: Option<String>) -> Result<EvaluationDetail> {
        let (who, id) = (who.clone(), id.to_owned());
        self.db
            .read(move |conn| {
                let record = records::one(conn, &who.organization_id, &id)?;
                let questions = records::questions(conn, &id)?;
                let other = match &against {
                    Some(other) => Some((
                        records::one(conn, &who.organization_id, other)?,
                        records::questions(conn, other)?,
                    )),
                    None => None,
                };
                let run = items(conn, &who, vec![record])?.swap_remove(0);
                Ok(detail(run, questions, other))
            })
            .await
            .map_err(missing)
    }

    /// Ends a run; what was asked stays. Errors: `NotFound`, `Conflict` when it is over already.
    pub async fn cancel(&self, who: &Identity, id: &str) -> Result<()> {
        let (organization, target) = (who.organization_id.clone(), id.to_owned());
        let deed = who.did("evaluation.cancelled", "evaluation", id, json!({}));
        self.db
            .write(move |conn| {
                records::one(conn, &organization, &target)?;
                if !records::end(conn, &target, Status::Cancelled.name(), None, id::now())? {
                    return Err(Error::Conflict("This run is over already.".into()));
                }
                audit::append(conn, &deed)
            })
            .await
            .map_err(missing)?;
        // At another server it ends with that one's next sign.
        if let Some(cancel) = self.lock().get(id) {
            cancel.cancel();
        }
        Ok(())
    }

    /// Forgets a run, which ends it too. Errors: `NotFound`.
    pub async fn delete(&self, who: &Identity, id: &str) -> Result<()> {
        let (organization, target) = (who.organization_id.clone(), id.to_owned());
        let deed = who.did("evaluation.deleted", "evaluation", id, json!({}));
        self.db
            .write(move |conn| {
                records::one(conn, &organization, &target)?;
                records::delete(conn, &target)?;
                audit::append(conn, &deed)
            })
            .await
            .map_err(missing)?;
        if let Some(cancel) = self.lock().get(id) {
            cancel.cancel();
        }
        Ok(())
    }

    /// The server starts: what its forerunner left running is over. Only for a server that shares its store with no
    /// other, whose runs it would end; those are known by their silence.
    pub async fn begin(&self) -> Result<()> {
        self.db
            .write(|conn| records::fail_all(conn, LOST, id::now()))
            .await
    }

    /// The server is stopping: what runs here is over.
    pub async fn drain(&self) {
        let running: Vec<(String, CancellationToken)> = self.lock().drain().collect();
        for (id, cancel) in running {
            cancel.cancel();
            let ended = self
                .db
                .write(move |conn| {
                    records::end(conn, &id, Status::Failed.name(), Some(LOST), crate::id::now())
                })
                .await;
            if let Err(error) = ended {
                tracing::warn!(%error, "the end of an evaluation could not be written down");
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The approved questions of a source as a set. Errors: `Invalid` when there are none.
    async fn examples(
        &self,
        who: &Identity,
        connection_id: Option<&str>,
        file_ids: &[String],
    ) -> Result<Vec<Line>> {
        let filter = ExampleFilter {
            source_id: None,
            status: Some(Approval::Active),
        };
        let here = |ids: &[String], connection: Option<&str>| match connection_id {
            Some(id) => connection == Some(id),
            // An example of one of several files is one of all of them.
            None => connection.is_none() && !ids.is_empty() && ids.iter().all(|id| file_ids.contains(id)),
        };
        let mut lines: Vec<Line> = self
            .teaching
            .examples(who, filter)
            .await?
            .into_iter()
            .filter(|example| here(&example.file_ids, example.connection_id.as_deref()))
            .map(|example| Line {
                question: example.question,
                sql: example.query,
                ..Line::default()
            })
            .collect();
        lines.reverse();
        if lines.is_empty() {
            return Err(Error::Invalid(
                "Nobody has approved examples of this source yet. Approve some on the Knowledge page, or give the \
                 questions as CSV."
                    .into(),
            ));
        }
        Ok(lines)
    }
}

impl Evaluation {
    fn target(&self) -> Target {
        match &self.connection_id {
            Some(id) => Target::Connection(id.clone()),
            None => Target::Files(self.file_ids.split(',').map(str::to_owned).collect()),
        }
    }
}

impl From<Question> for Line {
    fn from(question: Question) -> Line {
        Line {
            question: question.question,
            sql: question.right_query.unwrap_or_default(),
            answer: question.right_answer.unwrap_or_default(),
            instructions: question.instructions,
            suite: question.suite,
            category: question.category,
            ..Line::default()
        }
    }
}

impl Question {
    fn new(evaluation_id: &str, number: i64, line: &Line) -> Question {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Question {
            evaluation_id: evaluation_id.to_owned(),
            number,
            question: line.question.clone(),
            suite: line.suite.clone(),
            category: line.category.clone(),
            instructions: line.instructions.clone(),
            right_query: given(&line.sql),
            right_answer: given(&line.answer),
            verdict: None,
            query: None,
            note: None,
            elapsed_ms: None,
        }
    }

    fn verdict(&self) -> Option<Verdict> {
        self.verdict.as_deref().and_then(Verdict::named)
    }
}

/// Where a run stands, and why it failed: one that gives no sign has lost its server.
fn standing(run: &Evaluation, now: NaiveDateTime) -> Result<(Status, Option<String>)> {
    let status = Status::named(&run.status)?;
    if status == Status::Running && run.seen_at + LOST_AFTER < now {
        return Ok((Status::Failed, Some(LOST.into())));
    }
    Ok((status, run.error.clone()))
}

/// Errors: `Conflict` while another one runs.
fn make_room(conn: &mut Conn, new: &Evaluation) -> Result<()> {
    let all = records::list(conn, &new.organization_id, None, i64::MAX)?;
    for run in &all {
        if standing(run, new.started_at)?.0 == Status::Running {
            return Err(Error::Conflict(format!(
                "Another evaluation is running (\"{}\"); wait until it is done, or cancel it.",
                run.name
            )));
        }
    }
    for old in all.iter().skip(usize::try_from(KEPT - 1).unwrap_or_default()) {
        records::delete(conn, &old.id)?;
    }
    Ok(())
}

fn items(conn: &mut Conn, who: &Identity, runs: Vec<Evaluation>) -> Result<Vec<EvaluationItem>> {
    let ids: Vec<String> = runs.iter().map(|run| run.id.clone()).collect();
    let mut counts: HashMap<String, Counts> = HashMap::new();
    for (id, verdict, times) in records::counts(conn, &ids)? {
        if let Some(verdict) = verdict.as_deref().and_then(Verdict::named) {
            let times = u64::try_from(times).unwrap_or_default();
            counts.entry(id).or_default().add(verdict, times);
        }
    }
    let names: HashMap<String, String> = connections::names(conn, &who.organization_id)?
        .into_iter()
        .map(|(id, name, _)| (id, name))
        .chain(files::names(conn, &who.organization_id)?)
        .collect();
    let people: HashMap<String, String> = users::members(conn, &who.organization_id)?
        .into_iter()
        .map(|user| (user.id, user.name))
        .collect();
    let now = id::now();
    runs.into_iter()
        .map(|run| {
            let (status, error) = standing(&run, now)?;
            let file_ids: Vec<String> = run
                .file_ids
                .split(',')
                .filter(|id| !id.is_empty())
                .map(str::to_owned)
                .collect();
            let counts = counts.get(&run.id).copied().unwrap_or_default();
            Ok(EvaluationItem {
                source_names: run
                    .connection_id
                    .iter()
                    .chain(&file_ids)
                    .filter_map(|id| names.get(id).cloned())
                    .collect(),
                started_by: people.get(&run.started_by).map(|name| PersonRef {
                    id: run.started_by.clone(),
                    name: name.clone(),
                }),
                finished_at: match (status, run.finished_at) {
                    (Status::Failed, None) => Some(id::iso(run.seen_at)),
                    (_, finished_at) => finished_at.map(id::iso),
                },
                id: run.id,
                name: run.name,
                connection_id: run.connection_id,
                file_ids,
                translator: run.translator,
                model: run.model,
                status,
                error,
                started_at: id::iso(run.started_at),
                total: u64::try_from(run.total).unwrap_or_default(),
                done: counts.all(),
                counts,
            })
        })
        .collect()
}

fn detail(
    run: EvaluationItem,
    questions: Vec<Question>,
    other: Option<(Evaluation, Vec<Question>)>,
) -> EvaluationDetail {
    // The same question may stand in a set twice, with other instructions or another right answer.
    let key = |question: &Question| {
        (
            question.question.clone(),
            question.instructions.clone(),
            question.right_query.clone(),
            question.right_answer.clone(),
        )
    };
    let before: HashMap<_, Verdict> = other
        .iter()
        .flat_map(|(_, questions)| questions)
        .filter_map(|question| Some((key(question), question.verdict()?)))
        .collect();
    let mut categories: BTreeMap<(String, String), CategoryItem> = BTreeMap::new();
    let (mut shared, mut better, mut worse) = (0, 0, 0);
    let questions = questions
        .into_iter()
        .map(|question| {
            let (verdict, then) = (question.verdict(), before.get(&key(&question)).copied());
            let category = categories
                .entry((question.suite.clone(), question.category.clone()))
                .or_insert_with(|| CategoryItem {
                    suite: question.suite.clone(),
                    category: question.category.clone(),
                    total: 0,
                    counts: Counts::default(),
                    before: other.is_some().then(Counts::default),
                });
            category.total += 1;
            if let Some(verdict) = verdict {
                category.counts.add(verdict, 1);
            }
            if let (Some(verdict), Some(then)) = (verdict, then) {
                shared += 1;
                better += u64::from(verdict == Verdict::Right && then != Verdict::Right);
                worse += u64::from(verdict != Verdict::Right && then == Verdict::Right);
                if let Some(before) = &mut category.before {
                    before.add(then, 1);
                }
            }
            QuestionItem {
                number: question.number.unsigned_abs(),
                question: question.question,
                suite: question.suite,
                category: question.category,
                verdict,
                query: question.query,
                expected: question.right_query.or(question.right_answer),
                note: question.note,
                elapsed_ms: question.elapsed_ms,
                before: then,
            }
        })
        .collect();
    EvaluationDetail {
        run,
        categories: categories.into_values().collect(),
        questions,
        against: other.map(|(other, _)| ComparisonItem {
            id: other.id,
            name: other.name,
            started_at: id::iso(other.started_at),
            shared,
            better,
            worse,
        }),
    }
}

fn missing(error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::NotFound("There is no evaluation with this id.".into()),
        other => other,
    }
}
