//! What people taught about a source, brought to one question: descriptions laid over its catalog, and the few
//! approved questions that are like this one. Only what is approved ever comes here.

use std::sync::Arc;

use super::answer::{Finding, Severity};
use super::{Candidate, Request};
use crate::catalog::{Catalog, Dialect};
use crate::guard;
use crate::translate::Example;
use crate::translate::example::{alike, plain};
use crate::translate::offline;

/// Approved questions that a translator sees at most.
const SHOWN: usize = 5;

/// Everything taught about a source.
#[derive(Debug, Clone, Default)]
pub struct Taught {
    /// Terms and metrics, one a line.
    pub glossary: String,
    pub descriptions: Vec<Description>,
    pub examples: Vec<Example>,
}

/// What a table or a column holds, in words that take the place of the source's own comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub of: Described,
    /// As the source spells it, with or without the schema: `orders`, `shop.orders`, `orders.total`.
    pub name: String,
    /// The file it was said of, where the source is files.
    pub file_id: Option<String>,
    pub text: String,
}

/// What a [`Description`] is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Described {
    Table,
    Column,
}

/// Where a table of several files comes from; it may have another name beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub file_id: String,
    /// Its name in the file alone.
    pub table: String,
}

/// All that a translator is told about one source for one question.
pub(super) struct Ground {
    pub catalog: Arc<Catalog>,
    pub glossary: String,
    pub examples: Vec<Example>,
    /// What of it could not be used, and why.
    pub findings: Vec<Finding>,
}

impl Ground {
    /// `catalog` is the candidate's.
    pub fn new(request: &Request, candidate: &Candidate, catalog: &Arc<Catalog>) -> Ground {
        let taught = &candidate.taught;
        let mut glossary = request.glossary.clone();
        if !glossary.is_empty() && !taught.glossary.is_empty() {
            glossary.push('\n');
        }
        glossary.push_str(&taught.glossary);
        let catalog = overlaid(catalog, &candidate.origins, &taught.descriptions);
        let (examples, findings) = fitting(request, &taught.examples, &catalog, candidate.source.dialect());
        Ground {
            catalog,
            glossary,
            examples,
            findings,
        }
    }
}

/// The catalog with descriptions in place of comments; the same one where there are none.
fn overlaid(catalog: &Arc<Catalog>, origins: &[Origin], descriptions: &[Description]) -> Arc<Catalog> {
    if descriptions.is_empty() {
        return catalog.clone();
    }
    let mut described = Catalog::clone(catalog);
    for (at, table) in described.tables.iter_mut().enumerate() {
        let origin = origins.get(at);
        let name = origin
            .map_or(table.name.as_str(), |origin| origin.table.as_str())
            .to_owned();
        let full = table.schema.as_ref().map(|schema| format!("{schema}.{name}"));
        for description in descriptions {
            let here = match (&description.file_id, origin) {
                (Some(file), Some(origin)) => *file == origin.file_id,
                (Some(_), None) => false,
                (None, _) => true,
            };
            if !here {
                continue;
            }
            let after = |table: &str| description.name.strip_prefix(table);
            match description.of {
                Described::Table => {
                    if description.name == name || full.as_ref() == Some(&description.name) {
                        table.comment = Some(description.text.clone());
                    }
                }
                Described::Column => {
                    let column = after(&name)
                        .and_then(|rest| rest.strip_prefix('.'))
                        .or_else(|| full.as_deref().and_then(after)?.strip_prefix('.'));
                    let column =
                        column.and_then(|name| table.columns.iter_mut().find(|column| column.name == name));
                    if let Some(column) = column {
                        column.comment = Some(description.text.clone());
                    }
                }
            }
        }
    }
    Arc::new(described)
}

/// The examples that are like the question, or the same as an earlier one of the conversation, and still fit the
/// data; and what there is to say about one that would have answered it.
fn fitting(
    request: &Request,
    examples: &[Example],
    catalog: &Catalog,
    dialect: Dialect,
) -> (Vec<Example>, Vec<Finding>) {
    let mut findings = Vec::new();
    let asked = plain(&request.question);
    let mut chosen = alike(&request.question, examples, SHOWN);
    let earlier: Vec<String> = request.turns.iter().map(|turn| plain(&turn.question)).collect();
    // "And how is …?" asked the same.
    let is_earlier = |example: &&Example| {
        let question = plain(&example.question);
        let same = |turn: &String| {
            turn.strip_suffix(&question)
                .is_some_and(|lead| lead.is_empty() || lead.ends_with(' '))
        };
        earlier.iter().any(same)
    };
    chosen.extend(examples.iter().filter(is_earlier));
    let mut kept: Vec<Example> = Vec::new();
    for example in chosen {
        if kept.contains(example) {
            continue;
        }
        let same = plain(&example.question) == asked;
        if let Err(error) = guard::check(&example.query, catalog, dialect) {
            if same {
                findings.push(unused(format!(
                    "The approved query for this question was not used, because it does not fit the data any more: \
                     {error}"
                )));
            }
            continue;
        }
        if same && offline::counts_from_today(&example.question) && !follows_today(&example.query) {
            findings.push(unused(
                "The approved query for this question was not used as it is: the question counts from today, and the \
                 dates in the query stand still."
                    .into(),
            ));
            continue;
        }
        kept.push(example.clone());
    }
    (kept, findings)
}

fn unused(message: String) -> Finding {
    Finding {
        code: "example_unused".into(),
        message,
        severity: Severity::Warning,
    }
}

/// Whether a query asks the database what day it is.
fn follows_today(query: &str) -> bool {
    const TODAY: [&str; 8] = [
        "now(",
        "current_date",
        "current_timestamp",
        "localtimestamp",
        "curdate(",
        "today(",
        "'now'",
        "$$now",
    ];
    let query = query.to_lowercase();
    TODAY.iter().any(|word| query.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Column, Table};

    fn table(schema: Option<&str>, name: &str) -> Table {
        Table {
            schema: schema.map(str::to_owned),
            name: name.into(),
            columns: vec![Column {
                name: "fee".into(),
                comment: Some("its own".into()),
                ..Column::default()
            }],
            ..Table::default()
        }
    }

    fn description(of: Described, name: &str, file_id: Option<&str>) -> Description {
        Description {
            of,
            name: name.into(),
            file_id: file_id.map(str::to_owned),
            text: "taught".into(),
        }
    }

    #[test]
    fn descriptions_take_the_place_of_comments_where_the_name_fits() {
        let catalog = Arc::new(Catalog {
            tables: vec![table(Some("a"), "loans"), table(Some("b"), "loans")],
        });
        let taught = [
            description(Described::Table, "a.loans", None),
            description(Described::Column, "b.loans.fee", None),
            description(Described::Column, "b.loansfee", None),
        ];
        let seen = overlaid(&catalog, &[], &taught);
        assert_eq!(seen.tables[0].comment.as_deref(), Some("taught"));
        assert_eq!(seen.tables[0].columns[0].comment.as_deref(), Some("its own"));
        assert_eq!(seen.tables[1].comment, None);
        assert_eq!(seen.tables[1].columns[0].comment.as_deref(), Some("taught"));
    }

    #[test]
    fn what_was_said_of_a_file_holds_for_its_table_whatever_it_is_called_beside_others() {
        let catalog = Arc::new(Catalog {
            tables: vec![table(None, "loans"), table(None, "loans_2")],
        });
        let origins = ["one", "two"].map(|file| Origin {
            file_id: file.into(),
            table: "loans".into(),
        });
        let taught = [description(Described::Column, "loans.fee", Some("two"))];
        let seen = overlaid(&catalog, &origins, &taught);
        assert_eq!(seen.tables[0].columns[0].comment.as_deref(), Some("its own"));
        assert_eq!(seen.tables[1].columns[0].comment.as_deref(), Some("taught"));
    }
}
