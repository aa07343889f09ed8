//! Feedback: what askers think of their answers. A right answer suggests its query for the question; a remark that
//! defines a word suggests the definition.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::suggest::{pair, suggest};
use super::{EntryKind, EntryOrigin, ExampleOrigin, Status, Teaching, check, entries};
use crate::ask::answer::SourceKind;
use crate::db::feedback::{self as records, Feedback};
use crate::db::glossary::{self, Entry};
use crate::db::{Conn, audit, examples};
use crate::error::{Error, Result};
use crate::id;
use crate::service::accounts::Identity;
use crate::service::questions::KeptAnswer;
use crate::translate::offline;

/// Whether an answer was right, as its asker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Right,
    Wrong,
}

impl Verdict {
    /// As it stands in the store and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Right => "right",
            Verdict::Wrong => "wrong",
        }
    }
}

/// What somebody thinks of their answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FeedbackItem {
    pub verdict: Verdict,
    pub comment: Option<String>,
    /// The example that waits for approval because of it.
    pub suggested_example_id: Option<String>,
    pub created_at: String,
}

impl FeedbackItem {
    fn new(given: Feedback) -> FeedbackItem {
        FeedbackItem {
            verdict: match given.verdict.as_str() {
                "right" => Verdict::Right,
                _ => Verdict::Wrong,
            },
            comment: given.comment,
            suggested_example_id: given.suggested_example_id,
            created_at: id::iso(given.created_at),
        }
    }
}

impl Teaching {
    /// What the asker said of an answer, if anything.
    pub async fn feedback(&self, answer_id: &str) -> Result<Option<FeedbackItem>> {
        let id = answer_id.to_owned();
        let given = self.db.read(move |conn| records::of(conn, &id)).await?;
        Ok(given.map(FeedbackItem::new))
    }

    /// Says it, in place of what was said before. Errors: `Invalid`.
    pub async fn give_feedback(
        &self,
        who: &Identity,
        kept: &KeptAnswer,
        verdict: Verdict,
        comment: Option<&str>,
    ) -> Result<FeedbackItem> {
        let comment = comment.map(check::comment).transpose()?.flatten();
        let example = match verdict {
            Verdict::Right => pair(who, &kept.id, &kept.answer, ExampleOrigin::Liked),
            Verdict::Wrong => None,
        };
        let source = match kept.answer.sources.as_slice() {
            [source] if source.kind == SourceKind::Connection || !source.id.contains(',') => {
                Some(source.id.clone())
            }
            _ => None,
        };
        let terms = source
            .map(|source| defined(who, comment.as_deref().unwrap_or_default(), source))
            .unwrap_or_default();
        let mut given = Feedback {
            query_id: kept.id.clone(),
            verdict: verdict.name().into(),
            comment,
            suggested_example_id: None,
            created_at: id::now(),
        };
        let deed = who.did(
            "feedback.given",
            "query",
            &kept.id,
            json!({ "verdict": given.verdict, "comment": given.comment }),
        );
        let who = who.clone();
        self.db
            .write(move |conn| {
                match example {
                    Some(example) => given.suggested_example_id = suggest(conn, &who, example)?,
                    None => withdraw(conn, &who, &given.query_id)?,
                }
                for term in terms {
                    suggest_term(conn, &who, term)?;
                }
                records::set(conn, &given)?;
                audit::append(conn, &deed)?;
                Ok(FeedbackItem::new(given))
            })
            .await
    }

    /// Takes it back, and the example it suggested, unless somebody has approved that. Errors: `NotFound` when there
    /// was none.
    pub async fn take_feedback_back(&self, who: &Identity, answer_id: &str) -> Result<()> {
        let id = answer_id.to_owned();
        let deed = who.did("feedback.removed", "query", answer_id, json!({}));
        let who = who.clone();
        self.db
            .write(move |conn| {
                withdraw(conn, &who, &id)?;
                if !records::delete(conn, &id)? {
                    return Err(none());
                }
                audit::append(conn, &deed)
            })
            .await
    }
}

/// Takes the suggestion back that an answer's feedback made, while it still is one and no other answer's.
fn withdraw(conn: &mut Conn, who: &Identity, answer_id: &str) -> Result<()> {
    let Some(id) = records::of(conn, answer_id)?.and_then(|given| given.suggested_example_id) else {
        return Ok(());
    };
    let example = match examples::one(conn, &who.organization_id, &id) {
        Ok(example) => example,
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let is_own = example.answer_id.as_deref() == Some(answer_id);
    if is_own && example.status == Status::Suggested.name() {
        examples::delete(conn, &id)?;
    }
    Ok(())
}

/// The terms that a remark defines: "an active member means a member who joined this year".
fn defined(who: &Identity, comment: &str, source_id: String) -> Vec<Entry> {
    let now = id::now();
    offline::definitions(comment)
        .into_iter()
        .filter_map(|(name, meaning)| {
            let kind = EntryKind::Term;
            let (name, meaning) = (check::name(kind, &name).ok()?, check::text(kind, &meaning).ok()?);
            Some(Entry {
                id: id::new(),
                organization_id: who.organization_id.clone(),
                kind: kind.name().into(),
                slot: check::slot(kind, Some(&source_id), &name),
                name,
                meaning,
                source_id: Some(source_id.clone()),
                status: Status::Suggested.name().into(),
                origin: EntryOrigin::Use.name().into(),
                created_by: who.user_id.clone(),
                created_at: now,
                updated_at: now,
                approved_by: None,
                approved_at: None,
            })
        })
        .collect()
}

/// Leaves whatever is there of this name as it is.
fn suggest_term(conn: &mut Conn, who: &Identity, entry: Entry) -> Result<()> {
    let is_there = glossary::in_slot(conn, &who.organization_id, &entry.slot)?.is_some();
    let waiting = glossary::count(conn, &who.organization_id, Status::Suggested.name())?;
    if is_there || waiting >= check::MAX_SUGGESTED {
        return Ok(());
    }
    let deed = who.did("glossary.suggested", "glossary", &entry.id, entries::said(&entry));
    glossary::insert(conn, entry)?;
    audit::append(conn, &deed)
}

fn none() -> Error {
    Error::NotFound("There is no feedback on this answer.".into())
}
