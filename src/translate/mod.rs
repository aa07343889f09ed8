//! From a question to a query. Two translators behind one trait: a language model, or the offline one that
//! needs nothing.

pub mod example;
pub mod llm;
pub mod offline;
pub mod usage;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::error::Result;
use crate::source::Dialect;
pub use example::Example;

/// Writes a query for a question, or says why not.
#[async_trait]
pub trait Translator: Send + Sync {
    /// `offline` or `llm`, as it stands in answers.
    fn name(&self) -> &'static str;

    /// Whether a failed query may come out better when it is tried again with the error.
    fn can_repair(&self) -> bool;

    /// Whether it answers in milliseconds and for free, so that it may be tried on several sources.
    fn is_instant(&self) -> bool;

    /// Errors are failures of the translator itself (the model cannot be reached); a question that cannot be
    /// read is a [`Translation::Refuse`].
    async fn translate(&self, context: &Context<'_>) -> Result<Translation>;

    /// This query, perhaps after repairs, was run and gave an answer to the context's question. For
    /// translators that remember.
    async fn worked(&self, _context: &Context<'_>, _query: &Query) -> Result<()> {
        Ok(())
    }
}

/// All a translator may know.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    pub question: &'a str,
    pub dialect: Dialect,
    pub catalog: &'a Arc<Catalog>,
    /// What the owner wrote down about the data, as plain text.
    pub glossary: &'a str,
    /// Questions like this one with queries that people approved, the most alike first.
    pub examples: &'a [Example],
    /// Earlier questions of the conversation with their queries, oldest first.
    pub turns: &'a [Turn],
    /// The asker's today: "last month" counts from here.
    pub today: NaiveDate,
    /// The previous attempt and why it failed, when this is a repair.
    pub failed: Option<FailedAttempt<'a>>,
}

/// An earlier question and the query that answered it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub question: String,
    pub query: String,
}

/// A query that did not work.
#[derive(Debug, Clone, Copy)]
pub struct FailedAttempt<'a> {
    pub query: &'a str,
    pub error: &'a str,
}

/// What a translator makes of a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Translation {
    Query(Query),
    /// The question has several readings; the asker chooses.
    Clarify {
        message: String,
        options: Vec<Choice>,
    },
    /// It cannot be answered from this data, or not read in full; why, in one sentence.
    Refuse {
        reason: String,
    },
}

/// A query and how the question was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// In the dialect of the context.
    pub text: String,
    /// "sum of orders.total by month, last 12 months"
    pub reading: String,
}

/// One way to read an ambiguous question: what to show, and the question to ask instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Choice {
    pub label: String,
    pub question: String,
}
