//! Answers that were kept, and the conversations they belong to. Who lost a source no longer reads what was
//! read from it.

use serde_json::json;

use super::{PREVIEW_ROWS, Questions, TURNS};
use crate::ask::answer::{Answer, Outcome};
use crate::ask::chart::Chart;
use crate::db::conversations::Conversation;
use crate::db::queries::Query;
use crate::db::{audit, conversations, queries};
use crate::error::{Error, Result};
use crate::service::access::Access;
use crate::service::accounts::Identity;
use crate::service::results::Keep;
use crate::translate::Turn;

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

impl Questions {
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

    /// The last questions of a conversation that were answered, oldest first, and the last answer itself.
    pub(super) async fn turns(
        &self,
        who: &Identity,
        conversation_id: &str,
    ) -> Result<(Vec<Turn>, Option<Answer>)> {
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

    pub(super) fn to_record(&self, who: &Identity) -> Result<Query> {
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
