//! What to ask next. A suggestion is shown only if it can be answered: each is read by the offline translator, in
//! the conversation it would continue, and its query passes the guard. Nothing is suggested where nothing does.

use crate::catalog::{Catalog, Column, ColumnKind, Table};
use crate::guard;
use crate::rows::ColumnInfo;
use crate::translate::offline::{self, Offline};
use crate::translate::{Context, Translation, Translator, Turn};

/// Suggestions beside one answer.
const MAX: usize = 3;

/// Groups that a chart or a table of them still shows well.
const GROUPS: std::ops::RangeInclusive<u64> = 2..=25;

/// Columns of a catalog beyond which reading a handful of questions takes longer than they are worth.
const MAX_COLUMNS: usize = 1_000;

/// Rows of a result from which on its best are worth asking for.
const MANY_ROWS: u64 = 10;

/// An answer, as far as the next question depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    pub query: &'a str,
    /// `schema.name` or `name`.
    pub tables: &'a [String],
    pub columns: &'a [ColumnInfo],
    pub row_count: u64,
}

/// Questions that change the one of `context`, which was answered.
pub async fn follow_ups(context: &Context<'_>, answered: Answered<'_>) -> Vec<String> {
    if is_too_large(context.catalog) {
        return Vec::new();
    }
    let read: Vec<&Table> = answered
        .tables
        .iter()
        .filter_map(|name| named(context.catalog, name))
        .collect();
    let shown = |name: &str| {
        answered
            .columns
            .iter()
            .any(|column| column.name.eq_ignore_ascii_case(name))
    };
    let mut questions = Vec::new();
    let over_time = answered.columns.iter().any(|column| {
        let name = column.name.to_lowercase();
        ["year", "quarter", "month", "week", "day", "date"]
            .iter()
            .any(|word| name.contains(word))
    });
    let has_dates = |table: &&Table| table.columns.iter().any(|column| column.kind.is_date());
    if !over_time && read.iter().any(has_dates) {
        questions.push("and by month?".to_owned());
    }
    for table in &read {
        questions.extend(
            groups(table)
                .filter(|column| !shown(&column.name))
                .map(|column| format!("and by {}?", spaced(&column.name))),
        );
    }
    if answered.row_count > MANY_ROWS {
        questions.insert(questions.len().min(1), "top 5 instead".to_owned());
    }
    let mut turns = context.turns.to_vec();
    turns.push(Turn {
        question: context.question.to_owned(),
        query: answered.query.to_owned(),
    });
    readable(context, &turns, &questions, answered.query).await
}

/// Questions about the same data, for one that could not be answered: of the tables it names first.
pub async fn instead(context: &Context<'_>) -> Vec<String> {
    if is_too_large(context.catalog) {
        return Vec::new();
    }
    let asked = context.question.to_lowercase();
    let is_named = |table: &&Table| {
        spaced(&table.name)
            .split(' ')
            .any(|word| word.len() > 3 && asked.contains(word.trim_end_matches('s')))
    };
    let mut tables: Vec<&Table> = context.catalog.tables.iter().collect();
    tables.sort_by_key(|table| (!is_named(table), std::cmp::Reverse(table.row_estimate)));
    let mut questions = Vec::new();
    for table in tables.into_iter().take(MAX) {
        let name = spaced(&table.name);
        let group = groups(table).next().map(|column| spaced(&column.name));
        if let (Some((measure, adds_up)), Some(group)) = (measure(table), &group) {
            let measure = spaced(&measure.name);
            let how = if adds_up { "Total" } else { "Average" };
            let said = measure.strip_prefix("total ").filter(|_| adds_up);
            questions.push(format!("{how} {} by {group}", said.unwrap_or(&measure)));
        }
        if let Some(group) = &group {
            questions.push(format!("How many {name} by {group}?"));
        }
        questions.push(format!("How many {name} are there?"));
    }
    readable(context, &[], &questions, "").await
}

/// Those of the questions that can be answered, and not by the same query again.
async fn readable(
    context: &Context<'_>,
    turns: &[Turn],
    questions: &[String],
    answered: &str,
) -> Vec<String> {
    let mut queries = vec![answered.to_owned()];
    let mut readable = Vec::new();
    for question in questions {
        if readable.len() == MAX {
            break;
        }
        let next = Context {
            question,
            turns,
            failed: None,
            ..context.clone()
        };
        let Ok(Translation::Query(query)) = Offline.translate(&next).await else {
            continue;
        };
        let Ok(resolved) = guard::check(&query.text, context.catalog, context.dialect) else {
            continue;
        };
        if !queries.contains(&resolved.text) {
            queries.push(resolved.text);
            readable.push(question.clone());
        }
    }
    readable
}

/// The columns of these tables by which their rows fall into a few groups, as people write them.
pub fn dimensions(catalog: &Catalog, tables: &[String]) -> Vec<String> {
    tables
        .iter()
        .filter_map(|name| named(catalog, name))
        .flat_map(groups)
        .map(|column| spaced(&column.name))
        .collect()
}

fn is_too_large(catalog: &Catalog) -> bool {
    let columns: usize = catalog.tables.iter().map(|table| table.columns.len()).sum();
    columns > MAX_COLUMNS
}

fn named<'c>(catalog: &'c Catalog, name: &str) -> Option<&'c Table> {
    catalog.table(None, name).or_else(|| {
        let (schema, name) = name.split_once('.')?;
        catalog.table(Some(schema), name)
    })
}

/// Columns that divide a table into a few groups.
fn groups(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|column| {
        let values = column
            .distinct_estimate
            .or(column.values_complete.then_some(column.values.len() as u64));
        column.kind.is_text() && !is_key(table, column) && values.is_some_and(|count| GROUPS.contains(&count))
    })
}

/// The column most worth computing with, and whether its values add up.
fn measure(table: &Table) -> Option<(&Column, bool)> {
    let fits = |column: &&Column| matches!(column.kind, ColumnKind::Decimal | ColumnKind::Float);
    let columns = || {
        table
            .columns
            .iter()
            .filter(|column| !is_key(table, column))
            .filter(fits)
    };
    let additive = columns().find(|column| offline::adds_up(&column.name));
    additive
        .map(|column| (column, true))
        .or_else(|| columns().next().map(|column| (column, false)))
}

fn is_key(table: &Table, column: &Column) -> bool {
    let name = &column.name;
    table.primary_key.contains(name)
        || table.unique.iter().any(|key| key.contains(name))
        || table.foreign_keys.iter().any(|key| key.columns.contains(name))
        || name.to_lowercase().ends_with("id")
}

/// `orderDate` and `order_date` as people write them: "order date".
fn spaced(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut after_small = false;
    for letter in name.chars() {
        if letter == '_' || letter == '-' {
            words.push(' ');
        } else {
            if letter.is_uppercase() && after_small {
                words.push(' ');
            }
            words.extend(letter.to_lowercase());
        }
        after_small = letter.is_lowercase();
    }
    words
}
