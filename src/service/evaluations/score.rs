//! Whether an answer is right: runs the right query where one is known, and compares.

use tokio::sync::mpsc;

use super::compare::{Verdict, alternatives, same_answer, same_rows};
use super::set::Line;
use crate::ask::answer::{Answer, Outcome};
use crate::ask::{self, Candidate, Request};

/// What an answer is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    pub verdict: Verdict,
    /// Why, where that is not plain: the refusal, or what is the matter with the right query.
    pub note: Option<String>,
}

/// Events that nobody looks at, taken so that the pipeline is not held up.
pub fn quiet() -> ask::Events {
    let (events, mut incoming) = mpsc::channel(4);
    tokio::spawn(async move { while incoming.recv().await.is_some() {} });
    events
}

/// `answer` was given to the question of this line, asked as `request` of `candidate`. Both sides have to be whole:
/// where a limit cut one of them short nobody can tell.
pub async fn score(line: &Line, answer: &Answer, request: &Request, candidate: &Candidate) -> Score {
    let without = match answer.outcome {
        Outcome::Clarify => Some(Verdict::Clarify),
        Outcome::Refused => Some(Verdict::Refused),
        Outcome::Failed => Some(Verdict::Failed),
        Outcome::Answered => None,
    };
    if let Some(verdict) = without {
        return Score {
            verdict,
            note: Some(answer.answer.clone()),
        };
    }
    let plain = |verdict| Score { verdict, note: None };
    if is_cut(answer) {
        return Score {
            verdict: Verdict::Unscored,
            note: Some("The answer has more rows than are compared.".into()),
        };
    }
    if !line.answer.is_empty() {
        let right = same_answer(&line.answer, &answer.rows);
        return plain(if right { Verdict::Right } else { Verdict::Wrong });
    }
    let mut compared = false;
    let mut note = None;
    for query in alternatives(&line.sql) {
        let gold = ask::run(request, candidate, &query, &quiet()).await.answer;
        if gold.outcome != Outcome::Answered {
            note = Some(format!("A right query does not run: {} ({query})", gold.answer));
        } else if is_cut(&gold) {
            note = Some(format!("A right query has more rows than are compared: {query}"));
        } else if same_rows(&gold.rows, &answer.rows) {
            return plain(Verdict::Right);
        } else {
            compared = true;
        }
    }
    Score {
        verdict: if compared {
            Verdict::Wrong
        } else {
            Verdict::Unscored
        },
        note,
    }
}

fn is_cut(answer: &Answer) -> bool {
    answer.truncated || answer.row_count > answer.rows.len() as u64
}
