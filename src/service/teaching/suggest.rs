//! Suggestions from use: pairs that somebody called right or wrote themselves. None is used before a person has
//! approved it.

use serde_json::json;

use super::{ExampleOrigin, Status, Teaching, check, examples::said};
use crate::ask::answer::{Answer, AnswerSource, Outcome, SourceKind};
use crate::db::examples::{self as records, Example};
use crate::db::{Conn, audit, queries};
use crate::error::Result;
use crate::id;
use crate::service::accounts::Identity;
use crate::service::questions::KeptAnswer;
use crate::translate::offline;

impl Teaching {
    /// A query of the asker's own answered a question: suggested as the query for it.
    pub async fn suggest_edited(&self, who: &Identity, kept: &KeptAnswer) -> Result<()> {
        let Some(example) = pair(who, &kept.id, &kept.answer, ExampleOrigin::Edited) else {
            return Ok(());
        };
        let (who, conversation) = (who.clone(), kept.conversation_id.clone());
        self.db
            .write(move |conn| {
                // Run again as it was written for the question before, it is nobody's edit.
                let mut before = queries::in_conversation(conn, &conversation)?;
                before.retain(|record| Some(&record.id) != example.answer_id.as_ref());
                let is_old = before.iter().any(|record| {
                    let written = serde_json::from_str::<Written>(&record.answer).ok();
                    written.and_then(|written| written.answer.query).as_deref() == Some(&example.query)
                });
                if !is_old {
                    suggest(conn, &who, example)?;
                }
                Ok(())
            })
            .await
    }
}

/// As much of a stored answer as is needed here.
#[derive(serde::Deserialize)]
struct Written {
    answer: WrittenAnswer,
}

#[derive(serde::Deserialize)]
struct WrittenAnswer {
    query: Option<String>,
}

/// The pair that an answer holds, unless it holds none that could be used for another question.
pub(super) fn pair(
    who: &Identity,
    answer_id: &str,
    answer: &Answer,
    origin: ExampleOrigin,
) -> Option<Example> {
    let (Outcome::Answered, Some(query), [source]) =
        (answer.outcome, answer.query.as_deref(), answer.sources.as_slice())
    else {
        return None;
    };
    let (question, query) = (check::question(&answer.question).ok()?, check::query(query).ok()?);
    // Nothing to be found again under these words.
    if is_query(&question) || offline::only_changes(&question) {
        return None;
    }
    let (connection_id, file_ids) = source_of(source);
    let now = id::now();
    let mut example = Example {
        id: id::new(),
        organization_id: who.organization_id.clone(),
        question,
        query,
        dialect: answer.dialect?.name().into(),
        connection_id,
        file_ids,
        digest: String::new(),
        status: Status::Suggested.name().into(),
        origin: origin.name().into(),
        answer_id: Some(answer_id.to_owned()),
        created_by: who.user_id.clone(),
        created_at: now,
        updated_at: now,
        approved_by: None,
        approved_at: None,
    };
    example.seal();
    Some(example)
}

/// Whether this is a query that was given no other name.
fn is_query(question: &str) -> bool {
    let lower = question.to_lowercase();
    let mut words = lower.split_whitespace();
    match words.next() {
        Some("select") => true,
        Some("with") => words.any(|word| word.ends_with("(select") || word == "select"),
        _ => lower.starts_with(['{', '(']),
    }
}

fn source_of(source: &AnswerSource) -> (Option<String>, String) {
    match source.kind {
        SourceKind::Connection => (Some(source.id.clone()), String::new()),
        SourceKind::File => (None, source.id.clone()),
    }
}

/// Suggests a pair, and gives the id of the suggestion. None when there is nothing to suggest: it is approved
/// already, or too many wait.
pub(super) fn suggest(conn: &mut Conn, who: &Identity, example: Example) -> Result<Option<String>> {
    let (active, suggested) = (Status::Active.name(), Status::Suggested.name());
    if let Some(there) = records::same(conn, &who.organization_id, &example.digest)? {
        return Ok((there.status == suggested).then_some(there.id));
    }
    let is_edit = example.origin == ExampleOrigin::Edited.name();
    if !is_edit {
        let all = records::all(conn, &who.organization_id)?;
        if all
            .iter()
            .any(|other| other.status == active && other.asks_like(&example))
        {
            return Ok(None);
        }
    }
    if records::count(conn, &who.organization_id, suggested)? >= check::MAX_SUGGESTED {
        return Ok(None);
    }
    let id = example.id.clone();
    let mut details = said(&example);
    details["origin"] = json!(example.origin);
    let deed = who.did("example.suggested", "example", &id, details);
    records::insert(conn, example)?;
    audit::append(conn, &deed)?;
    Ok(Some(id))
}
