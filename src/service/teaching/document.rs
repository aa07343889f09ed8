//! Everything taught as one YAML document, sources by name: what an export writes and an import reads, and what
//! the command line takes with `--glossary`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_saphyr::{Location, Spanned};

use super::{EntryKind, check};
use crate::ask::taught::{Described, Description, Taught};
use crate::error::{Error, Result};
use crate::translate::Example;

/// A document. Each item knows where it stands, for what is wrong with it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) terms: Vec<Spanned<Term>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) metrics: Vec<Spanned<Metric>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) descriptions: Vec<Spanned<Descriptive>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) examples: Vec<Spanned<Pair>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Term {
    pub name: String,
    pub means: String,
    /// None: of all sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metric {
    pub name: String,
    pub expression: String,
    /// None: of all sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Of a table or of a column, never both.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Descriptive {
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    pub text: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    pub question: String,
    pub query: String,
    /// A connection, or files.
    pub sources: Vec<String>,
}

/// An entry of the glossary as it stands in a document.
pub(super) struct Written<'d> {
    pub kind: EntryKind,
    pub name: &'d str,
    pub text: &'d str,
    pub source: Option<&'d str>,
    pub at: Location,
}

/// What stands in a document without entries.
const NOTHING: &str = "# Nothing has been taught yet.\n";

impl Document {
    /// Errors: `Invalid`, naming the line.
    pub fn read(text: &str) -> Result<Document> {
        // Nothing but remarks is a document too: an empty one.
        let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if text.lines().all(is_blank) {
            return Ok(Document::default());
        }
        serde_saphyr::from_str(text).map_err(|error| {
            let message = serde_saphyr::Error::without_snippet(&error).to_string();
            let message = message.lines().next().unwrap_or_default().trim().to_owned();
            match error.location() {
                Some(at) => wrong(at, &message),
                None => Error::Invalid(format!("This is not the YAML that is expected: {message}")),
            }
        })
    }

    /// The document as text; a remark where there is nothing.
    pub fn write(&self) -> Result<String> {
        let text = serde_saphyr::to_string(self).map_err(Error::internal)?;
        // An empty one would be `{}`, to which nobody could add a list.
        match text.trim() {
            "{}" => Ok(NOTHING.to_owned()),
            _ => Ok(text),
        }
    }

    /// The entries of the glossary. Errors: `Invalid` for a description of nothing, or of both.
    pub(super) fn entries(&self) -> Result<Vec<Written<'_>>> {
        let terms = self.terms.iter().map(|item| Written {
            kind: EntryKind::Term,
            name: &item.value.name,
            text: &item.value.means,
            source: item.value.source.as_deref(),
            at: item.referenced,
        });
        let metrics = self.metrics.iter().map(|item| Written {
            kind: EntryKind::Metric,
            name: &item.value.name,
            text: &item.value.expression,
            source: item.value.source.as_deref(),
            at: item.referenced,
        });
        let mut all: Vec<Written<'_>> = terms.chain(metrics).collect();
        for item in &self.descriptions {
            let (kind, name) = match (&item.value.table, &item.value.column) {
                (Some(table), None) => (EntryKind::Table, table),
                (None, Some(column)) => (EntryKind::Column, column),
                _ => {
                    return Err(wrong(
                        item.referenced,
                        "a description is of a table or of a column; name one of them",
                    ));
                }
            };
            all.push(Written {
                kind,
                name,
                text: &item.value.text,
                source: Some(&item.value.source),
                at: item.referenced,
            });
        }
        Ok(all)
    }

    /// The sources that it speaks of.
    pub fn sources(&self) -> Vec<&str> {
        let terms = self.terms.iter().filter_map(|item| item.value.source.as_deref());
        let metrics = self
            .metrics
            .iter()
            .filter_map(|item| item.value.source.as_deref());
        let descriptions = self.descriptions.iter().map(|item| item.value.source.as_str());
        let examples = self
            .examples
            .iter()
            .flat_map(|item| item.value.sources.iter().map(String::as_str));
        let all: BTreeSet<&str> = terms.chain(metrics).chain(descriptions).chain(examples).collect();
        all.into_iter().collect()
    }

    /// All of it for a source that has one of these names. Errors: `Invalid`, naming the line.
    pub fn taught(&self, names: &[&str]) -> Result<Taught> {
        let mut taught = Taught::default();
        for entry in self.entries()? {
            let name = check::name(entry.kind, entry.name).map_err(|error| at(entry.at, &error))?;
            let text = check::text(entry.kind, entry.text).map_err(|error| at(entry.at, &error))?;
            if entry.source.is_some_and(|source| !names.contains(&source)) {
                continue;
            }
            let of = match entry.kind {
                EntryKind::Table => Described::Table,
                EntryKind::Column => Described::Column,
                kind => {
                    taught.glossary.push_str(&super::apply::line(kind, &name, &text));
                    taught.glossary.push('\n');
                    continue;
                }
            };
            taught.descriptions.push(Description {
                of,
                name,
                file_id: None,
                text,
            });
        }
        for item in &self.examples {
            let question =
                check::question(&item.value.question).map_err(|error| at(item.referenced, &error))?;
            let query = check::query(&item.value.query).map_err(|error| at(item.referenced, &error))?;
            if item
                .value
                .sources
                .iter()
                .all(|source| names.contains(&source.as_str()))
            {
                taught.examples.push(Example { question, query });
            }
        }
        Ok(taught)
    }
}

/// What is wrong at a place of the document.
pub(super) fn wrong(at: Location, message: &str) -> Error {
    Error::Invalid(format!("Line {}: {message}", at.line()))
}

/// The same for what a check said.
pub(super) fn at(place: Location, error: &Error) -> Error {
    wrong(place, &error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_as_it_was() {
        let hard = [
            "yes",
            "- a: b # c",
            "a\n  b\n\nc",
            "\"quoted\" 'too'",
            "1e3",
            "~",
            "tab\there",
            "ends with spaces\nwithin   ",
            "* not an alias",
            "größe: 100 %",
        ];
        let long = "SELECT a_long_column_name, another_column_name FROM a_long_table_name WHERE something = 'x  y'   ORDER BY 1"
            .repeat(3);
        for text in hard.iter().copied().chain([long.as_str()]) {
            let spanned = |value| Spanned::new(value, Location::UNKNOWN, Location::UNKNOWN);
            let document = Document {
                examples: vec![spanned(Pair {
                    question: text.into(),
                    query: text.into(),
                    sources: vec![text.into()],
                })],
                ..Document::default()
            };
            let written = document.write().expect("text");
            let read = Document::read(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
            assert_eq!(read.examples[0].value.query, text, "{written}");
            assert_eq!(read.examples[0].value.sources, [text], "{written}");
        }
    }

    #[test]
    fn the_documentation_s_example_is_one() {
        let page = include_str!("../../../docs/QUESTIONS.md");
        let (_, rest) = page.split_once("```yaml\n").expect("an example");
        let (example, _) = rest.split_once("```").expect("its end");
        let document = Document::read(example).expect("a document");
        let taught = document.taught(&["parcels.csv"]).expect("of parcels");
        assert_eq!(taught.glossary.lines().count(), 2);
        assert_eq!((taught.descriptions.len(), taught.examples.len()), (1, 1));
        assert_eq!(document.sources(), ["parcels.csv"]);
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, line) in [
            ("terms:\n- name: a\n  means: b\n- name: c\n  meens: d\n", "Line 5"),
            ("terms:\n- name: a\n  means: [b\n", "Line"),
            (
                "descriptions:\n- source: s\n  table: t\n  column: c\n  text: x\n",
                "Line 2",
            ),
            ("terms: 3\n", "Line 1"),
        ] {
            let error = Document::read(text)
                .and_then(|document| document.taught(&[]))
                .expect_err(text)
                .to_string();
            assert!(error.starts_with(line), "{text}: {error}");
        }
        assert!(Document::read("# nothing yet\n\n").is_ok());
    }
}
