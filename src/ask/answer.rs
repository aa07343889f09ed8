//! The answer, as the command line prints it and the API sends it.

use serde::{Deserialize, Serialize};

use super::{Candidate, CandidateKind};
use crate::error::Error;
use crate::rows::ColumnInfo;
use crate::source::Dialect;
use crate::translate::{self, usage::Usage};

/// What became of a question.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Answer {
    pub question: String,
    pub outcome: Outcome,
    /// One sentence: the answer, the question back, the refusal or the failure.
    pub answer: String,
    /// How the question was read, in plain words.
    pub interpretation: String,
    /// Who wrote the query.
    #[schema(value_type = WrittenBy)]
    pub translator: String,
    pub dialect: Option<Dialect>,
    /// The query that ran, or would have run.
    pub query: Option<String>,
    /// What the query does, in words made by code from the query itself; for queries that a model or a person
    /// wrote. Not for pipelines.
    #[serde(default)]
    pub query_in_words: Option<String>,
    pub columns: Vec<ColumnInfo>,
    /// The first rows. Integers beyond ±2^53 and decimals are strings, times ISO 8601, binary base64.
    #[schema(value_type = Vec<Vec<Value>>)]
    pub rows: Vec<Vec<serde_json::Value>>,
    /// Rows in the whole result.
    pub row_count: u64,
    /// Whether a limit cut the result short.
    pub truncated: bool,
    pub attempts: u32,
    pub elapsed_ms: ElapsedMs,
    /// What the language model was asked for it; null when none was asked, as for an answer that was known already.
    #[serde(default)]
    pub usage: Option<Usage>,
    pub sources: Vec<AnswerSource>,
    /// For `clarify`: what to ask instead.
    pub options: Vec<AnswerOption>,
    pub findings: Vec<Finding>,
    /// The analysis that the sentence tells of, where one was asked for; the rows are those it was made from.
    #[serde(default)]
    pub analysis: Option<AnswerAnalysis>,
    pub suggestions: Vec<String>,
    pub error: Option<AnswerError>,
}

/// Who wrote a query: the offline translator, a language model, or the asker. Translators name themselves
/// (`Translator::name`); a test holds their names against this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WrittenBy {
    Offline,
    Llm,
    User,
}

/// See [`Answer::outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Answered,
    Clarify,
    Refused,
    Failed,
}

impl Outcome {
    /// As it stands in answers and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Clarify => "clarify",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}

/// Wall-clock times in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ElapsedMs {
    pub translate: f64,
    pub execute: f64,
    pub total: f64,
}

/// Where the answer came from.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AnswerSource {
    /// Of the connection; of the files, joined by commas; empty on the command line.
    pub id: String,
    pub kind: SourceKind,
    pub name: String,
    /// The tables the query reads.
    pub tables: Vec<String>,
}

/// What an [`AnswerSource`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    File,
    Connection,
}

impl AnswerSource {
    /// The source as its candidate has it, no tables read yet.
    pub fn new(candidate: &Candidate) -> AnswerSource {
        AnswerSource {
            id: candidate.ids.join(","),
            kind: match candidate.kind {
                CandidateKind::Files => SourceKind::File,
                CandidateKind::Connection => SourceKind::Connection,
            },
            name: candidate.name.clone(),
            tables: Vec::new(),
        }
    }
}

/// One reading of an ambiguous question: what to show, and what to ask instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AnswerOption {
    pub label: String,
    pub question: String,
    /// Where to ask it, when the question was which source is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_ids: Option<Vec<String>>,
}

impl From<translate::Choice> for AnswerOption {
    fn from(choice: translate::Choice) -> AnswerOption {
        AnswerOption {
            label: choice.label,
            question: choice.question,
            connection_id: None,
            file_ids: None,
        }
    }
}

/// Something worth knowing beside the answer; it never changes or withholds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Finding {
    pub code: String,
    pub message: String,
    pub severity: Severity,
}

/// Which analysis was made of the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AnswerAnalysis {
    /// As `POST results/{id}/analyse` takes it.
    pub method: String,
    /// The column that was looked at; null where it was all of them.
    pub column: Option<String>,
    /// The question that the rows answer.
    pub of: String,
}

/// How much a [`Finding`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AnswerError {
    pub code: String,
    pub message: String,
}

impl AnswerError {
    /// As the asker may see it: our own faults go to the log and show a neutral sentence.
    pub fn new(error: &Error) -> AnswerError {
        let message = match error {
            Error::Internal(message) => {
                tracing::error!(error = %message, "a question failed");
                "Something went wrong inside Clean Custard; its log says what.".into()
            }
            other => other.to_string(),
        };
        AnswerError {
            code: error.code().into(),
            message,
        }
    }
}

impl Answer {
    /// Whatever it was going to be, it became this.
    pub fn fail(&mut self, error: &Error) {
        self.outcome = match error {
            Error::Refused(_) => Outcome::Refused,
            _ => Outcome::Failed,
        };
        let shown = AnswerError::new(error);
        self.answer.clone_from(&shown.message);
        self.error = Some(shown);
        self.columns.clear();
        self.rows.clear();
        self.row_count = 0;
    }

    /// An answer about which nothing is known.
    pub fn new(question: &str, translator: &str) -> Answer {
        Answer {
            question: question.to_owned(),
            outcome: Outcome::Failed,
            answer: String::new(),
            interpretation: String::new(),
            translator: translator.to_owned(),
            dialect: None,
            query: None,
            query_in_words: None,
            columns: Vec::new(),
            rows: Vec::new(),
            row_count: 0,
            truncated: false,
            attempts: 0,
            elapsed_ms: ElapsedMs::default(),
            usage: None,
            sources: Vec::new(),
            options: Vec::new(),
            findings: Vec::new(),
            analysis: None,
            suggestions: Vec::new(),
            error: None,
        }
    }
}
