//! A set of questions with what would be right: as a CSV file, or as the API takes it.

use serde::Deserialize;

use crate::ask;
use crate::error::{Error, Result};

/// Questions of one set at most.
pub const MAX_QUESTIONS: usize = 2_000;

/// Characters of a right query, of right values, of instructions.
const MAX_TEXT: usize = 64 * 1024;

/// Characters of a suite, a category.
const MAX_LABEL: usize = 100;

/// A question with what would be right. With neither `sql` nor `answer` the right thing is known to nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Line {
    pub question: String,
    /// A right query; see [`super::compare::alternatives`].
    pub sql: String,
    /// Right values of one column, separated by `|`.
    pub answer: String,
    /// What else is known for this question, as glossary text.
    pub instructions: String,
    pub suite: String,
    pub category: String,
    /// The database that the command line puts into the source's address.
    pub db: String,
    /// The file that the command line asks.
    pub file: String,
}

impl Line {
    /// Errors: `Invalid` for what cannot be asked or compared, with the question's number.
    pub fn check(&self, number: usize) -> Result<()> {
        let wrong = |what: String| Error::Invalid(format!("Question {number}: {what}"));
        ask::check_question(&self.question).map_err(|error| wrong(error.to_string()))?;
        for (what, text, most) in [
            ("The right query", &self.sql, MAX_TEXT),
            ("The right answer", &self.answer, MAX_TEXT),
            ("The instructions", &self.instructions, MAX_TEXT),
            ("The suite", &self.suite, MAX_LABEL),
            ("The category", &self.category, MAX_LABEL),
        ] {
            if text.chars().count() > most {
                return Err(wrong(format!(
                    "{what} is too long; {most} characters are the most."
                )));
            }
        }
        Ok(())
    }
}

/// Reads a set from CSV; its first line names the columns, of which `question` has to be one. Errors: `Invalid`
/// with the line of a mistake.
pub fn read(text: &[u8]) -> Result<Vec<Line>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(
        // Spreadsheets begin their files with a mark.
        text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text),
    );
    let mistake = |error: csv::Error| Error::Invalid(format!("The questions cannot be read: {error}."));
    let headers = reader.headers().map_err(mistake)?;
    if !headers.iter().any(|name| name == "question") {
        return Err(Error::Invalid(
            "The questions have no column \"question\"; the first line has to name the columns.".into(),
        ));
    }
    reader
        .deserialize()
        .collect::<Result<Vec<Line>, csv::Error>>()
        .map_err(mistake)
}

/// Errors: `Invalid` for a set that is empty, too large, or holds what cannot be asked.
pub fn check(lines: &[Line]) -> Result<()> {
    if lines.is_empty() {
        return Err(Error::Invalid("There are no questions in it.".into()));
    }
    if lines.len() > MAX_QUESTIONS {
        return Err(Error::Invalid(format!(
            "These are {} questions; {MAX_QUESTIONS} are the most. Split them into several sets.",
            lines.len()
        )));
    }
    for (at, line) in lines.iter().enumerate() {
        line.check(at + 1)?;
    }
    Ok(())
}
