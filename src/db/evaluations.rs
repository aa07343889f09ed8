//! Runs of question sets, and what came of each question.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::{evaluation_questions, evaluations};
use crate::error::Result;

/// A run as it is stored. `file_ids` are joined by commas, empty for a connection's.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = evaluations)]
pub struct Evaluation {
    pub id: String,
    pub organization_id: String,
    pub name: String,
    pub connection_id: Option<String>,
    pub file_ids: String,
    pub translator: String,
    pub model: Option<String>,
    pub status: String,
    pub error: Option<String>,
    pub total: i64,
    pub started_by: String,
    pub started_at: NaiveDateTime,
    /// When its server last gave a sign.
    pub seen_at: NaiveDateTime,
    pub finished_at: Option<NaiveDateTime>,
}

/// A question of a run.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = evaluation_questions)]
pub struct Question {
    pub evaluation_id: String,
    /// From 1.
    pub number: i64,
    pub question: String,
    pub suite: String,
    pub category: String,
    pub instructions: String,
    pub right_query: Option<String>,
    pub right_answer: Option<String>,
    /// None: not asked yet.
    pub verdict: Option<String>,
    pub query: Option<String>,
    pub note: Option<String>,
    pub elapsed_ms: Option<f64>,
}

/// What came of a question.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub verdict: &'static str,
    pub query: Option<String>,
    pub note: Option<String>,
    pub elapsed_ms: f64,
}

/// Rows that go into one statement; SQLite takes 32766 values.
const STEP: usize = 500;

/// Writes a new run down.
pub fn insert(conn: &mut Conn, evaluation: &Evaluation, questions: &[Question]) -> Result<()> {
    diesel::insert_into(evaluations::table)
        .values(evaluation)
        .execute(conn)?;
    for some in questions.chunks(STEP) {
        match conn {
            Conn::Sqlite(conn) => diesel::insert_into(evaluation_questions::table)
                .values(some)
                .execute(conn)?,
            Conn::Postgres(conn) => diesel::insert_into(evaluation_questions::table)
                .values(some)
                .execute(conn)?,
        };
    }
    Ok(())
}

/// The organisation's runs, newest first, at most `limit`; of those before the run `before` when one is named.
pub fn list(
    conn: &mut Conn,
    organization_id: &str,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Evaluation>> {
    // Ids sort by age.
    let all = evaluations::table
        .filter(evaluations::organization_id.eq(organization_id))
        .order(evaluations::id.desc())
        .select(Evaluation::as_select())
        .limit(limit);
    Ok(match before {
        Some(before) => all.filter(evaluations::id.lt(before)).load(conn)?,
        None => all.load(conn)?,
    })
}

/// Errors: `NotFound`, also for another organisation's.
pub fn one(conn: &mut Conn, organization_id: &str, id: &str) -> Result<Evaluation> {
    Ok(evaluations::table
        .filter(evaluations::organization_id.eq(organization_id))
        .filter(evaluations::id.eq(id))
        .select(Evaluation::as_select())
        .first(conn)?)
}

/// How often each verdict was given, by run.
pub fn counts(conn: &mut Conn, ids: &[String]) -> Result<Vec<(String, Option<String>, i64)>> {
    Ok(evaluation_questions::table
        .filter(evaluation_questions::evaluation_id.eq_any(ids))
        .group_by((evaluation_questions::evaluation_id, evaluation_questions::verdict))
        .select((
            evaluation_questions::evaluation_id,
            evaluation_questions::verdict,
            diesel::dsl::count_star(),
        ))
        .load(conn)?)
}

/// The questions of a run, in their order.
pub fn questions(conn: &mut Conn, id: &str) -> Result<Vec<Question>> {
    Ok(evaluation_questions::table
        .filter(evaluation_questions::evaluation_id.eq(id))
        .order(evaluation_questions::number)
        .select(Question::as_select())
        .load(conn)?)
}

/// Writes down what came of a question.
pub fn record(conn: &mut Conn, id: &str, number: i64, outcome: Outcome) -> Result<()> {
    diesel::update(evaluation_questions::table.find((id, number)))
        .set((
            evaluation_questions::verdict.eq(outcome.verdict),
            evaluation_questions::query.eq(outcome.query),
            evaluation_questions::note.eq(outcome.note),
            evaluation_questions::elapsed_ms.eq(outcome.elapsed_ms),
        ))
        .execute(conn)?;
    Ok(())
}

/// The run's server gives a sign. False when the run is over: cancelled or deleted meanwhile.
pub fn beat(conn: &mut Conn, id: &str, now: NaiveDateTime) -> Result<bool> {
    let running = evaluations::table
        .find(id)
        .filter(evaluations::status.eq("running"));
    Ok(diesel::update(running)
        .set(evaluations::seen_at.eq(now))
        .execute(conn)?
        > 0)
}

/// Ends a run that runs; one that ended otherwise stays as it is. False then.
pub fn end(conn: &mut Conn, id: &str, status: &str, error: Option<&str>, now: NaiveDateTime) -> Result<bool> {
    let running = evaluations::table
        .find(id)
        .filter(evaluations::status.eq("running"));
    Ok(diesel::update(running)
        .set((
            evaluations::status.eq(status),
            evaluations::error.eq(error),
            evaluations::finished_at.eq(now),
        ))
        .execute(conn)?
        > 0)
}

/// Fails every run that runs, of all organisations.
pub fn fail_all(conn: &mut Conn, error: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(evaluations::table.filter(evaluations::status.eq("running")))
        .set((
            evaluations::status.eq("failed"),
            evaluations::error.eq(error),
            evaluations::finished_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// Forgets a run.
pub fn delete(conn: &mut Conn, id: &str) -> Result<()> {
    diesel::delete(evaluations::table.find(id)).execute(conn)?;
    Ok(())
}
