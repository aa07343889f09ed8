//! The translator that needs no model: it links the words of a question to tables, columns and values,
//! builds a logical query, and refuses when a word stayed unread or more than one reading makes sense.
//!
//! A pure function of its context: the same question over the same catalog on the same day gives the same
//! query. It holds no rule about any particular data.

mod compose;
mod dates;
mod follow;
mod frame;
mod glossary;
mod lexicon;
mod link;
#[cfg(test)]
mod operation_tests;
mod plan;
mod reading;
mod render;
mod resolve;
mod schema;
#[cfg(test)]
mod tests;
mod walk;
mod words;

use async_trait::async_trait;
use chrono::NaiveDate;

use super::{Context, Query, Translation, Translator};
use crate::catalog::Dialect;
use crate::error::{Error, Result};
use compose::Read as _;
use follow::{Says, Thread};
use frame::Frame;
use glossary::{Entry, Formula};
use link::Item;
use plan::Plan;
use resolve::Stop;
use schema::{Schema, spaced};

/// Longer questions are not read: nobody can check such a reading.
const MAX_QUESTION: usize = 2_000;

/// Columns of a catalog up to which a question is read in a few milliseconds. Beyond, it is read on a thread of
/// its own, so that the other requests of this one need not wait.
const READ_IN_PLACE: usize = 2_000;

/// The offline translator.
#[derive(Debug, Default, Clone, Copy)]
pub struct Offline;

#[async_trait]
impl Translator for Offline {
    fn name(&self) -> &'static str {
        "offline"
    }

    fn can_repair(&self) -> bool {
        false
    }

    fn is_instant(&self) -> bool {
        true
    }

    async fn translate(&self, context: &Context<'_>) -> Result<Translation> {
        let columns: usize = context
            .catalog
            .tables
            .iter()
            .map(|table| table.columns.len())
            .sum();
        if columns <= READ_IN_PLACE {
            return Ok(translate(context));
        }
        let (question, glossary) = (context.question.to_owned(), context.glossary.to_owned());
        let (catalog, turns) = (context.catalog.clone(), context.turns.to_vec());
        let (dialect, today) = (context.dialect, context.today);
        let reading = tokio::task::spawn_blocking(move || {
            translate(&Context {
                question: &question,
                dialect,
                catalog: &catalog,
                glossary: &glossary,
                turns: &turns,
                today,
                failed: None,
            })
        });
        reading
            .await
            .map_err(|error| Error::internal(format!("reading a question failed: {error}")))
    }
}

fn translate(context: &Context<'_>) -> Translation {
    match query(context) {
        Ok(query) => Translation::Query(query),
        Err(Stop::Refuse(reason)) => Translation::Refuse { reason },
        Err(Stop::Clarify(message, options)) => Translation::Clarify { message, options },
    }
}

fn query(context: &Context<'_>) -> Result<Query, Stop> {
    let question = context.question.trim();
    if question.is_empty() {
        return Err(Stop::Refuse(
            "The question is empty; ask for example \"How many …\" or \"Show …\".".into(),
        ));
    }
    if question.len() > MAX_QUESTION {
        return Err(Stop::Refuse(format!(
            "The question is too long to be read without a language model ({} characters); ask in one or two sentences.",
            question.chars().count()
        )));
    }
    if context.catalog.tables.is_empty() {
        return Err(Stop::Refuse("There is no table to ask about yet.".into()));
    }
    let mut entries = glossary::entries(context.glossary);
    let mut texts: Vec<&str> = vec![question];
    texts.extend(context.turns.iter().map(|turn| turn.question.as_str()));
    texts.extend(entries.iter().map(|entry| entry.meaning.as_str()));
    let schema = Schema::new(context.catalog, &texts);
    let tokens = words::tokens(question, &schema.stems);
    let lowers: Vec<&str> = tokens.iter().map(|t| t.lower.as_str()).collect();
    if lexicon::is_foreign(&lowers) {
        return Err(Stop::Refuse(
            "Without a language model questions are read in English only; ask in English, or have a model configured in the settings.".into(),
        ));
    }
    // What a span of time is, everybody knows; notes on how to write it are for others.
    entries.retain(|entry| {
        let tokens = words::tokens(&entry.name, &schema.stems);
        dates::read(&tokens, 0, context.today).is_none()
    });
    let today = context.today;
    let earlier = context.turns.iter().map(|turn| turn.question.as_str());
    let mut thread = follow::thread(earlier, question, |text| {
        let sentence = Sentence::new(text, &schema, today);
        sentence.says(&sentence.items(text))
    });
    let mut notes = Vec::new();
    // A meaning may hold further terms, but not without end.
    for _ in 0..3 {
        let text = thread.text().0;
        let Some(entry) = glossary::said(&text, &entries) else {
            break;
        };
        notes.push(format!("\"{}\" as \"{}\"", entry.name, entry.meaning));
        if let Some(formula) = Formula::read(&entry.meaning) {
            let plan = computed(&thread, entry, &formula, &schema, today)?;
            return Ok(written(&plan, &schema, context.dialect, &notes));
        }
        for part in &mut thread.parts {
            *part = glossary::replaced(part, &entry.name, &entry.meaning);
        }
    }
    let plan = planned(&thread, &schema, today, None)?;
    Ok(written(&plan, &schema, context.dialect, &notes))
}

fn written(plan: &Plan, schema: &Schema<'_>, dialect: Dialect, notes: &[String]) -> Query {
    let mut reading = reading::say(plan, schema);
    if !notes.is_empty() {
        reading.push_str(&format!("; {} (glossary)", notes.join(" and ")));
    }
    Query {
        text: render::render(plan, schema, dialect),
        reading,
    }
}

/// The plan of a question and what was changed of it. Figures are over the rows of `wanted` where they can be.
fn planned(
    thread: &Thread,
    schema: &Schema<'_>,
    today: NaiveDate,
    wanted: Option<usize>,
) -> Result<Plan, Stop> {
    let (text, begins) = thread.text();
    let mut sentence = Sentence::new(&text, schema, today);
    if begins.len() > 1 {
        let before = Thread {
            parts: thread.parts[..thread.parts.len() - 1].to_vec(),
            ..Thread::default()
        };
        let text = before.text().0;
        let earlier = Sentence::new(&text, schema, today);
        sentence.groups = walk::read(&earlier.items(&text), earlier.stems.clone(), schema)
            .groups
            .len();
    }
    sentence.begins = begins;
    sentence.thread = thread.clone();
    sentence.wanted = wanted;
    let items = sentence.items(&text);
    let mut plan = match compose::compose(&items, &sentence) {
        Some(plan) => plan?,
        None => sentence.plan(&items)?,
    };
    thread.cut(&mut plan)?;
    Ok(plan)
}

/// A term with a formula: each operand takes its place in the question, and the figures are put together.
fn computed(
    thread: &Thread,
    entry: &Entry,
    formula: &Formula,
    schema: &Schema<'_>,
    today: NaiveDate,
) -> Result<Plan, Stop> {
    let mut plans: Vec<Plan> = Vec::new();
    for operand in formula.operands() {
        let mut own = thread.clone();
        for part in &mut own.parts {
            *part = glossary::replaced(part, &entry.name, operand);
        }
        let wanted = plans.first().map(|plan| plan.base);
        plans.push(planned(&own, schema, today, wanted)?);
    }
    glossary::combined(formula, &entry.name, plans)
}

/// A text with all that reading it takes.
struct Sentence<'a, 'b> {
    text: String,
    tokens: Vec<words::Token>,
    stems: Vec<String>,
    schema: &'b Schema<'a>,
    today: NaiveDate,
    thread: Thread,
    /// Where the parts of a conversation begin.
    begins: Vec<usize>,
    /// How many groups were asked for before the last part.
    groups: usize,
    wanted: Option<usize>,
}

impl<'a, 'b> Sentence<'a, 'b> {
    fn new(text: &str, schema: &'b Schema<'a>, today: NaiveDate) -> Sentence<'a, 'b> {
        let tokens = words::tokens(text, &schema.stems);
        Sentence {
            text: text.to_owned(),
            stems: tokens.iter().map(|token| token.stem.clone()).collect(),
            tokens,
            schema,
            today,
            thread: Thread::default(),
            begins: Vec::new(),
            groups: 0,
            wanted: None,
        }
    }

    fn items(&self, text: &str) -> Vec<Item> {
        link::link(text, &self.tokens, self.schema, self.today)
    }

    /// Whether a text asks for something or only says more of what was asked.
    fn says(&self, items: &[Item]) -> Says {
        let frame = walk::read(items, self.stems.clone(), self.schema);
        let asks = !frame.measures.is_empty()
            || !frame.outputs.is_empty()
            || frame.rank.is_some()
            || items
                .iter()
                .any(|item| matches!(item.kind, link::Kind::Word(lexicon::Word::Part(_))));
        let changes = !frame.groups.is_empty()
            || !frame.filters.is_empty()
            || !frame.related.is_empty()
            || !frame.order.is_empty()
            || !frame.having.is_empty();
        if changes && !asks && frame.unread.is_empty() {
            Says::Changes
        } else {
            Says::Asks
        }
    }
}

impl compose::Read for Sentence<'_, '_> {
    fn plan(&self, items: &[Item]) -> Result<Plan, Stop> {
        let mut frame = walk::read(items, self.stems.clone(), self.schema);
        self.thread.settle(&mut frame, &self.begins, self.groups);
        let planned = resolve::resolve(&frame, &self.text, self.schema, self.wanted);
        if let Ok(plan) = &planned {
            forgive(&mut frame, plan, self.schema);
        }
        if !frame.unread.is_empty() {
            return Err(unread(&frame, self.schema));
        }
        planned
    }
}

/// Words that only repeat what a condition already says are read with it: "*paid* by card" beside a condition
/// on `payment_method`.
fn forgive(frame: &mut Frame, plan: &Plan, schema: &Schema<'_>) {
    let columns: Vec<schema::Col> = plan
        .filters
        .iter()
        .chain(plan.any.iter().flatten())
        .chain(plan.related.iter().flat_map(|related| &related.filters))
        .map(|filter| filter.column)
        .collect();
    frame
        .unread
        .retain(|word| !columns.iter().any(|col| schema.words(*col).contains(&word.stem)));
}

fn unread(frame: &Frame, schema: &Schema<'_>) -> Stop {
    let words: Vec<String> = frame
        .unread
        .iter()
        .take(5)
        .map(|word| format!("\"{}\"", word.text))
        .collect();
    let mut tables: Vec<String> = schema
        .catalog
        .tables
        .iter()
        .take(6)
        .map(|table| spaced(&table.name))
        .collect();
    if schema.catalog.tables.len() > tables.len() {
        tables.push("…".into());
    }
    let about = if tables.len() == 1 {
        tables.remove(0)
    } else {
        tables.join(", ")
    };
    Stop::Refuse(format!(
        "This could not be read in full: nothing in the data explains {}. It holds {about}; ask with the names of its tables, columns and values.",
        words.join(", ")
    ))
}
