//! What taught words may look like, and how they are compared.

use sha2::{Digest, Sha256};

use super::EntryKind;
use crate::catalog::{Catalog, Dialect};
use crate::error::{Error, Result};
use crate::guard;
use crate::translate::example::plain;

/// Approved entries of the glossary that an organisation may have.
pub(super) const MAX_ENTRIES: i64 = 2_000;

/// Approved examples that an organisation may have.
pub(super) const MAX_EXAMPLES: i64 = 1_000;

/// Suggestions of each that wait for somebody, at most; more are not made.
pub(super) const MAX_SUGGESTED: i64 = 500;

const MAX_NAME: usize = 200;
const MAX_TEXT: usize = 2_000;
const MAX_QUERY: usize = 8_000;

/// The name of an entry, cleaned. Errors: `Invalid`.
pub(super) fn name(kind: EntryKind, given: &str) -> Result<String> {
    let name = given.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "The name has to have between 1 and {MAX_NAME} characters."
        )));
    }
    let is_word = matches!(kind, EntryKind::Term | EntryKind::Metric);
    if is_word && (name.contains([':', '=']) || name.contains(". ")) {
        return Err(Error::Invalid(
            "The name of a term or metric cannot hold a colon, an equals sign or a full stop within it; what it means \
             belongs into its text."
                .into(),
        ));
    }
    if kind == EntryKind::Column && !name.trim_matches('.').contains('.') {
        return Err(Error::Invalid(
            "A column is named with its table: orders.total.".into(),
        ));
    }
    Ok(name)
}

/// The text of an entry, cleaned. Errors: `Invalid`.
pub(super) fn text(kind: EntryKind, given: &str) -> Result<String> {
    let text = lines(given);
    let text = match kind {
        EntryKind::Metric => text.trim_start_matches('=').trim_start().to_owned(),
        _ => text,
    };
    within(&text, MAX_TEXT, "text")?;
    Ok(text)
}

/// The question of an example, cleaned. Errors: `Invalid`.
pub(super) fn question(given: &str) -> Result<String> {
    let question = lines(given);
    within(&question, MAX_TEXT, "question")?;
    if plain(&question).is_empty() {
        return Err(Error::Invalid("The question holds no word.".into()));
    }
    Ok(question)
}

/// The query of an example, cleaned. Errors: `Invalid`.
pub(super) fn query(given: &str) -> Result<String> {
    let query = lines(given);
    within(&query, MAX_QUERY, "query")?;
    Ok(query)
}

/// What is remarked about an answer. Errors: `Invalid`.
pub(super) fn comment(given: &str) -> Result<Option<String>> {
    let comment = lines(given);
    if comment.is_empty() {
        return Ok(None);
    }
    within(&comment, MAX_TEXT, "comment")?;
    Ok(Some(comment))
}

/// Line ends as they are kept.
fn lines(given: &str) -> String {
    given.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned()
}

fn within(text: &str, most: usize, what: &str) -> Result<()> {
    let length = text.chars().count();
    if length == 0 {
        return Err(Error::Invalid(format!("The {what} is empty.")));
    }
    if length > most {
        return Err(Error::Invalid(format!(
            "The {what} has {length} characters; {most} are the most."
        )));
    }
    if text
        .chars()
        .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t'))
    {
        return Err(Error::Invalid(format!(
            "The {what} holds control characters, which cannot be kept."
        )));
    }
    Ok(())
}

/// The name of an entry as names are compared: a term and a metric of one name would contradict each other.
pub(super) fn slot(kind: EntryKind, source_id: Option<&str>, name: &str) -> String {
    let source = source_id.unwrap_or_default();
    match kind {
        EntryKind::Term | EntryKind::Metric => format!("word|{source}|{}", name.to_lowercase()),
        EntryKind::Table | EntryKind::Column => format!("{}|{source}|{name}", kind.name()),
    }
}

/// The same for two examples of which one is enough. `sources`: the connection or the files.
pub(super) fn digest<'s>(sources: impl IntoIterator<Item = &'s str>, question: &str, query: &str) -> String {
    let mut sources: Vec<&str> = sources.into_iter().collect();
    sources.sort_unstable();
    let query: Vec<&str> = query.lines().map(str::trim_end).collect();
    let mut digest = Sha256::new();
    for part in [sources.join(","), plain(question), query.join("\n")] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether the query of an example could run. Errors: `Invalid` with the guard's sentence.
pub(super) fn runs(query: &str, catalog: &Catalog, dialect: Dialect) -> Result<()> {
    match guard::check(query, catalog, dialect) {
        Ok(_) => Ok(()),
        Err(error @ Error::Internal(_)) => Err(error),
        Err(error) => Err(Error::Invalid(error.to_string())),
    }
}

/// Whether a table or column of this name is there. Errors: `Invalid`, naming what is.
pub(super) fn is_there(kind: EntryKind, name: &str, catalog: &Catalog) -> Result<()> {
    let mut near: Option<(usize, String)> = None;
    let mut look = |known: String| {
        let far = strsim::levenshtein(&known.to_lowercase(), &name.to_lowercase());
        if near.as_ref().is_none_or(|(best, _)| far < *best) {
            near = Some((far, known));
        }
    };
    for table in &catalog.tables {
        let full = table
            .schema
            .as_ref()
            .map(|schema| format!("{schema}.{}", table.name));
        for own in [Some(table.name.clone()), full].into_iter().flatten() {
            if kind == EntryKind::Table {
                if own == name {
                    return Ok(());
                }
                look(own);
                continue;
            }
            for column in &table.columns {
                let known = format!("{own}.{}", column.name);
                if known == name {
                    return Ok(());
                }
                look(known);
            }
        }
    }
    let nearest = near
        .map(|(_, known)| format!(" The nearest is {known}."))
        .unwrap_or_default();
    Err(Error::Invalid(format!(
        "There is no {} {name} in this source.{nearest}",
        kind.name()
    )))
}
