//! The messages for the model: rules, the linked part of the catalog, and the question.
//!
//! Everything that comes from outside stands as JSON inside a named block, with `<` and `>` escaped, so that
//! no name, comment, value or error text can close its block or open another. What obeys such text all the
//! same meets the guard.

use std::collections::HashSet;

use openai_api_rs::v1::chat_completion::{ChatCompletionMessage, MessageRole};
use serde::Serialize;
use serde_json::{Value, json};

use super::message;
use crate::catalog::{Catalog, Column, Table};
use crate::source::Kind;
use crate::translate::{Context, offline};

const RULES: &str = include_str!("../../../assets/prompts/system.md");
const DATAFUSION: &str = include_str!("../../../assets/prompts/datafusion.md");

/// Said after an answer that could not be read.
pub(super) const AGAIN: &str = include_str!("../../../assets/prompts/again.md");

/// Bytes that make a token, roughly; for JSON with names it is rather less, so this errs to the short side
/// only for prose.
const BYTES_PER_TOKEN: usize = 4;
/// The shares of the glossary, the examples and the conversation, in bytes.
const MAX_GLOSSARY: usize = 16_000;
const MAX_EXAMPLES: usize = 12_000;
const MAX_TURNS: usize = 6;
const MAX_QUERY: usize = 8_000;
const MAX_ERROR: usize = 2_000;
const MAX_QUESTION: usize = 12_000;
const MAX_COMMENT: usize = 300;
const MAX_VALUES: usize = 20;
const MAX_VALUE: usize = 80;
/// Names of tables that did not fit, at most.
const MAX_LEFT_OUT: usize = 200;

/// Whether frequent values and extremes of columns go to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    Sent,
    Kept,
}

/// The whole prompt, the catalog's share at most `budget` tokens.
pub(super) fn messages(context: &Context<'_>, budget: usize, values: Values) -> Vec<ChatCompletionMessage> {
    let dialect = Kind::of(context.dialect).map_or(DATAFUSION, |kind| kind.connector().prompt);
    let rules = format!(
        "{RULES}\n{dialect}\nToday is {}.\n",
        context.today.format("%A, %Y-%m-%d")
    );
    let mut asked = String::new();
    block(
        &mut asked,
        "data",
        &catalog(context, budget * BYTES_PER_TOKEN, values),
    );
    // A model with a small window gets less of everything.
    let bytes = budget * BYTES_PER_TOKEN;
    let glossary = glossary(context, bytes.min(MAX_GLOSSARY));
    if !glossary.is_empty() {
        block(&mut asked, "glossary", &json!(glossary));
    }
    let examples = examples(context, (bytes / 2).min(MAX_EXAMPLES));
    if !examples.is_empty() {
        block(&mut asked, "examples", &json!(examples));
    }
    if !context.turns.is_empty() {
        let recent = &context.turns[context.turns.len().saturating_sub(MAX_TURNS)..];
        let turns: Vec<Value> = recent
            .iter()
            .map(|turn| json!({"question": cut(&turn.question, MAX_QUERY), "query": cut(&turn.query, MAX_QUERY)}))
            .collect();
        block(&mut asked, "conversation", &json!(turns));
    }
    if let Some(failed) = context.failed {
        block(
            &mut asked,
            "failed_attempt",
            &json!({"query": cut(failed.query, MAX_QUERY), "error": cut(failed.error, MAX_ERROR)}),
        );
    }
    block(
        &mut asked,
        "question",
        &json!(cut(context.question, MAX_QUESTION)),
    );
    vec![
        message(MessageRole::system, rules),
        message(MessageRole::user, asked),
    ]
}

/// The glossary, within so many bytes: where it is longer, first the lines that have to do with the question.
fn glossary(context: &Context<'_>, bytes: usize) -> String {
    let glossary = context.glossary.trim();
    if glossary.len() <= bytes {
        return glossary.to_owned();
    }
    let asked: HashSet<String> = stems(context.question)
        .chain(context.turns.iter().flat_map(|turn| stems(&turn.question)))
        .filter(|word| word.len() > 2)
        .collect();
    let mut lines: Vec<(usize, &str)> = glossary
        .lines()
        .map(|line| (stems(line).filter(|word| asked.contains(word)).count(), line))
        .collect();
    lines.sort_by_key(|(hits, _)| std::cmp::Reverse(*hits));
    let mut kept = String::new();
    for (_, line) in lines {
        if kept.len() + line.len() < bytes {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    match kept.is_empty() {
        true => cut(glossary, bytes),
        false => kept.trim_end().to_owned(),
    }
}

/// The examples that fit into so many bytes, whole: half a query would teach nonsense.
fn examples(context: &Context<'_>, bytes: usize) -> Vec<Value> {
    let mut left = bytes;
    context
        .examples
        .iter()
        .filter(|example| {
            let size = example.question.len() + example.query.len();
            let fits = size <= left;
            left -= if fits { size } else { 0 };
            fits
        })
        .map(|example| json!({"question": example.question, "query": example.query}))
        .collect()
}

/// `<name>` JSON `</name>`; the JSON holds no angle bracket of its own, they only occur inside its strings.
fn block(text: &mut String, name: &str, content: &impl Serialize) {
    let json = json_text(content).replace('<', "\\u003c").replace('>', "\\u003e");
    text.push_str(&format!("<{name}>\n{json}\n</{name}>\n"));
}

/// Structs keep the order of their fields, so that a table's name stands before its columns.
fn json_text(content: &impl Serialize) -> String {
    // Names, texts and numbers only: nothing that JSON could not hold.
    serde_json::to_string(content).unwrap_or_default()
}

/// The catalog as the model sees it.
#[derive(Serialize)]
struct Shown<'a> {
    tables: Vec<ShownTable<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    tables_not_shown: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names_of_tables_not_shown: Vec<&'a str>,
}

#[derive(Serialize)]
struct ShownTable<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    primary_key: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    foreign_keys: Vec<ShownKey<'a>>,
    columns: Vec<ShownColumn<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    columns_not_shown: usize,
}

#[derive(Serialize)]
struct ShownKey<'a> {
    columns: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a str>,
    table: &'a str,
    references: &'a [String],
}

#[derive(Serialize)]
struct ShownColumn<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    type_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    /// Every value there is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    all_values: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    some_values: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<String>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The tables, those that the question touches first, until the bytes are used up.
fn catalog<'a>(context: &Context<'a>, bytes: usize, values: Values) -> Shown<'a> {
    let wanted = Wanted::of(context);
    let mut order: Vec<(usize, u64)> = context
        .catalog
        .tables
        .iter()
        .map(|table| wanted.table(table))
        .enumerate()
        .collect();
    lend_to_neighbours(context.catalog, &mut order);
    let mut texts = vec![context.question];
    texts.extend(context.turns.iter().map(|turn| turn.question.as_str()));
    texts.extend(explained(context));
    let linked = offline::relevance(context.catalog, &texts, context.today);
    for (at, score) in &mut order {
        *score += linked[*at];
    }
    order.sort_by_key(|(at, score)| (std::cmp::Reverse(*score), *at));
    let mut left = bytes;
    let mut tables = Vec::new();
    let mut left_out = Vec::new();
    for (at, _) in order {
        let table = &context.catalog.tables[at];
        let mut shown = describe(table, &wanted, usize::MAX, values);
        let mut size = json_text(&shown).len();
        // The first tables are what the question is about: rather fewer columns than none of them.
        if size > left && tables.len() < 3 && left > bytes / 4 {
            let columns = (table.columns.len() * left / size).max(1);
            shown = describe(table, &wanted, columns, values);
            size = json_text(&shown).len();
        }
        if size <= left {
            left -= size;
            tables.push(shown);
        } else if left_out.len() < MAX_LEFT_OUT && table.name.len() + 4 <= left {
            left -= table.name.len() + 4;
            left_out.push(table.name.as_str());
        }
    }
    Shown {
        tables_not_shown: context.catalog.tables.len() - tables.len(),
        tables,
        names_of_tables_not_shown: left_out,
    }
}

/// A table that a wanted one points at, or that points at it, is likely needed for the join.
fn lend_to_neighbours(catalog: &Catalog, order: &mut [(usize, u64)]) {
    let scores: Vec<u64> = order.iter().map(|(_, score)| *score).collect();
    for (at, table) in catalog.tables.iter().enumerate() {
        for key in &table.foreign_keys {
            let other = catalog.tables.iter().position(|other| {
                other.name == key.table && (key.schema.is_none() || key.schema == other.schema)
            });
            if let Some(other) = other {
                order[other].1 += scores[at] / 3;
                order[at].1 += scores[other] / 3;
            }
        }
    }
}

/// At most `columns` of the table's columns: keys and what the question touches first.
fn describe<'a>(table: &'a Table, wanted: &Wanted, columns: usize, values: Values) -> ShownTable<'a> {
    let mut kept: Vec<usize> = (0..table.columns.len()).collect();
    if columns < kept.len() {
        kept.sort_by_key(|at| {
            let column = &table.columns[*at];
            let is_key = table.primary_key.contains(&column.name)
                || table
                    .foreign_keys
                    .iter()
                    .any(|key| key.columns.contains(&column.name));
            (std::cmp::Reverse(wanted.column(column) + u64::from(is_key)), *at)
        });
        kept.truncate(columns);
        kept.sort_unstable();
    }
    ShownTable {
        schema: table.schema.as_deref(),
        name: &table.name,
        comment: table.comment.as_deref().map(|comment| cut(comment, MAX_COMMENT)),
        rows: table.row_estimate,
        primary_key: &table.primary_key,
        foreign_keys: table
            .foreign_keys
            .iter()
            .map(|key| ShownKey {
                columns: &key.columns,
                schema: key.schema.as_deref(),
                table: &key.table,
                references: &key.references,
            })
            .collect(),
        columns_not_shown: table.columns.len() - kept.len(),
        columns: kept
            .into_iter()
            .map(|at| describe_column(&table.columns[at], values))
            .collect(),
    }
}

fn describe_column(column: &Column, values: Values) -> ShownColumn<'_> {
    let mut shown = ShownColumn {
        name: &column.name,
        type_name: &column.type_name,
        comment: column.comment.as_deref().map(|comment| cut(comment, MAX_COMMENT)),
        all_values: Vec::new(),
        some_values: Vec::new(),
        min: None,
        max: None,
    };
    if values == Values::Sent {
        let words: Vec<&str> = column
            .values
            .iter()
            .filter(|value| value.len() <= MAX_VALUE)
            .map(String::as_str)
            .take(MAX_VALUES)
            .collect();
        if column.values_complete && words.len() == column.values.len() {
            shown.all_values = words;
        } else {
            shown.some_values = words;
        }
        shown.min = column.min.as_deref().map(|end| cut(end, MAX_VALUE));
        shown.max = column.max.as_deref().map(|end| cut(end, MAX_VALUE));
    }
    shown
}

/// The lines of the glossary that explain a word of the question, abbreviations such as "ARR" among them.
fn explained<'a>(context: &Context<'a>) -> impl Iterator<Item = &'a str> {
    let asked: HashSet<String> = stems(context.question).collect();
    let short: HashSet<String> = context
        .question
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() > 1 && word.chars().all(|c| c.is_uppercase() || c.is_ascii_digit()))
        .flat_map(stems)
        .collect();
    context.glossary.lines().filter(move |line| {
        stems(line).any(|word| (word.len() > 3 && asked.contains(&word)) || short.contains(&word))
    })
}

/// The words that a table has to do with to be of use.
struct Wanted {
    words: HashSet<String>,
    /// Of queries that stand in the prompt: their tables must be in it too.
    queries: HashSet<String>,
}

impl Wanted {
    fn of(context: &Context<'_>) -> Wanted {
        let mut words: HashSet<String> = stems(context.question).collect();
        words.extend(
            context
                .turns
                .iter()
                .rev()
                .take(MAX_TURNS)
                .flat_map(|turn| stems(&turn.question)),
        );
        // Lines of the glossary that explain a word of the question: their other words count as well.
        for line in explained(context) {
            words.extend(stems(line));
        }
        let queries = context
            .turns
            .iter()
            .map(|turn| turn.query.as_str())
            .chain(context.examples.iter().map(|example| example.query.as_str()))
            .chain(
                context
                    .failed
                    .iter()
                    .flat_map(|failed| [failed.query, failed.error]),
            )
            .flat_map(stems)
            .collect();
        Wanted { words, queries }
    }

    fn hits(&self, text: &str) -> u64 {
        stems(text).filter(|word| self.words.contains(word)).count() as u64
    }

    fn table(&self, table: &Table) -> u64 {
        let name = 12 * self.hits(&table.name);
        let used = if stems(&table.name).all(|word| self.queries.contains(&word)) {
            24
        } else {
            0
        };
        let comment = 2 * table
            .comment
            .as_deref()
            .map_or(0, |comment| self.hits(comment).min(3));
        let mut columns: Vec<u64> = table.columns.iter().map(|column| self.column(column)).collect();
        // A wide table has a word of every question; only its best columns count.
        columns.sort_unstable_by(|a, b| b.cmp(a));
        name + used + comment + columns.iter().take(4).sum::<u64>()
    }

    fn column(&self, column: &Column) -> u64 {
        let values = column.values.iter().any(|value| {
            let mut words = stems(value).peekable();
            words.peek().is_some() && words.all(|word| self.words.contains(&word))
        });
        4 * self.hits(&column.name)
            + 4 * u64::from(values)
            + column
                .comment
                .as_deref()
                .map_or(0, |comment| self.hits(comment).min(2))
    }
}

/// Words in lower case without a plural's ending: `orderItems`, `order_items` and "Order items" alike.
fn stems(text: &str) -> impl Iterator<Item = String> {
    let mut words: Vec<String> = Vec::new();
    let mut previous = ' ';
    for c in text.chars() {
        if c.is_alphanumeric() {
            let begins = !previous.is_alphanumeric() || (c.is_uppercase() && previous.is_lowercase());
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        previous = c;
    }
    words
        .into_iter()
        .filter(|word| word.chars().count() > 1)
        .map(|word| {
            if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 1) {
                return format!("{stem}y");
            }
            match word.strip_suffix('s') {
                Some(stem) if stem.len() > 2 && !stem.ends_with('s') => stem.to_owned(),
                _ => word,
            }
        })
}

/// At most so many bytes, cut between characters and marked.
fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(bytes)])
}

#[cfg(test)]
#[path = "prompt_tests.rs"]
mod tests;
