//! The translator that needs no model: it links the words of a question to tables, columns and values,
//! builds a logical query, and refuses when a word stayed unread or more than one reading makes sense.
//!
//! A pure function of its context: the same question over the same catalog on the same day gives the same
//! query. It holds no rule about any particular data.

#[cfg(test)]
mod comparison_tests;
mod compose;
mod dates;
mod follow;
mod formula;
mod frame;
mod glossary;
mod lexicon;
mod link;
mod nameless;
mod nearby;
#[cfg(test)]
mod operation_tests;
mod places;
mod plan;
mod reading;
mod render;
mod resolve;
mod schema;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod tests;
mod versus;
mod walk;
mod words;

use async_trait::async_trait;
use chrono::NaiveDate;

use super::example::{self, Example};
use super::{Context, Query, Translation, Translator};
use crate::catalog::{Catalog, Dialect};
use crate::error::{Error, Result};
use compose::Read as _;
use follow::{Says, Thread};
use formula::Written;
use frame::Frame;
use glossary::Entry;
use link::Item;
use plan::Plan;
use resolve::Stop;
use schema::{Schema, spaced};

/// Longer questions are not read: nobody can check such a reading.
const MAX_QUESTION: usize = 2_000;

/// Begins the reading of a question that was answered by an approved example.
pub const APPROVED: &str = "as approved: ";

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
        let examples = context.examples.to_vec();
        let (dialect, today) = (context.dialect, context.today);
        let reading = tokio::task::spawn_blocking(move || {
            translate(&Context {
                question: &question,
                dialect,
                catalog: &catalog,
                glossary: &glossary,
                examples: &examples,
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
    let mut texts: Vec<&str> = vec![question];
    texts.extend(context.turns.iter().map(|turn| turn.question.as_str()));
    let mut entries = glossary::concerning(&texts, glossary::entries(context.glossary));
    texts.extend(entries.iter().map(|entry| entry.meaning.as_str()));
    let mut schema = Schema::new(context.catalog, &texts);
    let nearby = nearby::around(&texts, &schema, context.today);
    if let Some(nearby) = &nearby {
        schema = Schema::new(nearby, &texts);
    }
    schema.of_files = context.dialect == Dialect::Datafusion;
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
    if let Some(approved) = approved(&thread, question, context.examples)? {
        return Ok(Query {
            text: approved.query.clone(),
            reading: format!("{APPROVED}{}", approved.question.trim()),
        });
    }
    let mut notes = Vec::new();
    let mut figure: Option<(&Entry, Written)> = None;
    // A meaning may hold further terms, but not without end.
    for _ in 0..4 {
        let text = thread.text().0;
        let Some(entry) = glossary::said(&text, &entries) else {
            break;
        };
        glossary::only_one(entry, &entries)?;
        notes.push(format!("\"{}\" as \"{}\"", entry.name, entry.meaning));
        let with = match (Written::read(&entry.meaning)?, &figure) {
            (None, _) => entry.meaning.as_str(),
            (Some(written), None) => {
                figure = Some((entry, written));
                formula::FIGURE
            }
            (Some(_), Some((other, _))) => {
                return Err(Stop::Refuse(format!(
                    "\"{}\" and \"{}\" are each computed from other figures; ask for them one by one.",
                    other.name, entry.name
                )));
            }
        };
        for part in &mut thread.parts {
            *part = glossary::replaced(part, &entry.name, with);
        }
    }
    let plan = match figure {
        Some((entry, written)) => {
            let written = written.expanded(&entries)?;
            computed(&thread, entry, &written, &schema, today)?
        }
        None => planned(&thread, &schema, today, None)?,
    };
    let median = |plan: &Plan| {
        plan.measures
            .iter()
            .any(|measure| measure.agg == frame::Agg::Median)
    };
    if (median(&plan) || plan.beside.iter().any(median)) && !render::takes_medians(context.dialect) {
        return Err(Stop::Refuse(
            "This database cannot compute an exact median; ask for the average, or show the rows and then \"describe it\"."
                .into(),
        ));
    }
    let mut query = rendered(&plan, &schema, context.dialect, &notes);
    let text = thread.text().0;
    if let (_, Some(noun)) = Sentence::new(&text, &schema, today).named_items(&text) {
        query
            .reading
            .push_str(&format!("; each row taken for one of the \"{noun}\" asked for"));
    }
    Ok(query)
}

/// The example whose question this is, when that is all that is asked. What only changes a question that was
/// answered as approved is refused: nothing here knows what the approved query does.
fn approved<'e>(
    thread: &Thread,
    question: &str,
    examples: &'e [Example],
) -> Result<Option<&'e Example>, Stop> {
    let same = |text: &str| {
        let text = example::plain(text);
        examples
            .iter()
            .find(move |example| example::plain(&example.question) == text)
    };
    match thread.parts.as_slice() {
        [only] if thread.limit.is_none() => {
            let whole = example::plain(only) == example::plain(question);
            // "And how many loans?" within a conversation; "as a chart" asks the same again.
            Ok(same(question).filter(|_| whole).or_else(|| same(only)))
        }
        parts => match parts.iter().find_map(|part| same(part)) {
            None => Ok(None),
            Some(found) => Err(Stop::Refuse(format!(
                "\"{}\" was answered with a query that somebody approved, and such a query cannot be changed without a \
                 language model. Ask the whole question anew.",
                found.question.trim()
            ))),
        },
    }
}

/// Whether a question only changes another: "and by month?", "top 10 instead".
pub fn only_changes(question: &str) -> bool {
    follow::leads_over(question)
}

/// How much each table of a catalog has to do with a question, for whoever can only look at some.
pub fn relevance(catalog: &Catalog, texts: &[&str], today: NaiveDate) -> Vec<u64> {
    nearby::relevance(catalog, texts, today)
}

/// The words that a text defines in so many words ("… means …"), and what they mean.
pub fn definitions(text: &str) -> Vec<(String, String)> {
    glossary::worded(text)
        .into_iter()
        .map(|entry| (entry.name, entry.meaning))
        .collect()
}

/// Whether sums of a column of this name say something: of amounts they do, of prices and rates they do not.
pub fn adds_up(name: &str) -> bool {
    let stems = words::Stems::new();
    let words: Vec<String> = stems
        .name_words(name)
        .iter()
        .map(|word| stems.stem(word))
        .collect();
    lexicon::is_additive(&words)
}

/// Whether what a question means depends on the day it is asked.
pub fn counts_from_today(question: &str) -> bool {
    const WORDS: [&str; 9] = [
        "today",
        "now",
        "current",
        "currently",
        "ago",
        "recent",
        "recently",
        "upcoming",
        "overdue",
    ];
    let stems = words::Stems::new();
    let tokens = words::tokens(question, &stems);
    // Two days so far apart that no span but a fixed one is the same on both.
    let days = [
        NaiveDate::from_ymd_opt(2020, 2, 3),
        NaiveDate::from_ymd_opt(2023, 9, 21),
    ];
    let [Some(one), Some(other)] = days else {
        return true;
    };
    let span = |at: usize, today: NaiveDate| {
        dates::read(&tokens, at, today).map(|(taken, span)| (taken, span.from, span.until))
    };
    tokens.iter().any(|token| WORDS.contains(&token.lower.as_str()))
        || (0..tokens.len()).any(|at| span(at, one) != span(at, other))
}

fn rendered(plan: &Plan, schema: &Schema<'_>, dialect: Dialect, notes: &[String]) -> Query {
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
    if let Some(stop) = compose::average_number(&items) {
        return Err(stop);
    }
    let composed = versus::compare(&items, &sentence).or_else(|| compose::compose(&items, &sentence));
    let mut plan = match composed {
        Some(plan) => plan?,
        None => sentence.plan(&items)?,
    };
    thread.cut(&mut plan)?;
    Ok(plan)
}

/// A term with a formula, whose place is marked: each operand takes it, and the figures are put together.
fn computed(
    thread: &Thread,
    entry: &Entry,
    written: &Written,
    schema: &Schema<'_>,
    today: NaiveDate,
) -> Result<Plan, Stop> {
    let mut plans: Vec<Plan> = Vec::new();
    for operand in written.formula.operands() {
        let mut own = thread.clone();
        for part in &mut own.parts {
            *part = glossary::replaced(part, formula::FIGURE, operand);
        }
        let wanted = plans.first().map(|plan| plan.base);
        plans.push(planned(&own, schema, today, wanted)?);
    }
    let plan = formula::combined(&written.formula, &entry.name, plans)?;
    let lacking = plan
        .measures
        .iter()
        .filter_map(|measure| measure.column)
        .find(|col| schema.column(*col).nullable);
    match lacking.filter(|_| written.taken_apart) {
        None => Ok(plan),
        Some(col) => Err(Stop::Refuse(format!(
            "\"{}\" is computed row by row, and {} may be empty in some rows, so it cannot be told without a language \
             model what they count for. Write the formula with one column in each function: sum(a) - sum(b).",
            entry.name,
            schema.spoken(col)
        ))),
    }
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
        self.named_items(text).0
    }

    /// The items, and the noun of the question that stands for the rows of a table without a name.
    fn named_items(&self, text: &str) -> (Vec<Item>, Option<String>) {
        let mut items = link::link(text, &self.tokens, self.schema, self.today);
        places::read(&mut items, self.schema);
        let rows = nameless::name_rows(&mut items, self.schema);
        (items, rows)
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
        // "compared to 2024"
        let against = matches!(items, [first, rest @ ..]
            if matches!(first.kind, link::Kind::Word(lexicon::Word::Versus)) && versus::is_span(rest));
        if changes && !asks && (against || frame.unread.is_empty()) {
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
    frame.unread.retain(|word| {
        !columns
            .iter()
            .any(|col| says_again(&word.stem, schema.words(*col)))
    });
}

/// Whether a word is one of these, or a form of one that the stemmer keeps apart: "directed" beside `director`.
fn says_again(stem: &str, words: &[String]) -> bool {
    const LEAST: usize = 5;
    words.iter().any(|word| {
        word == stem
            || (stem.len() >= LEAST && word.starts_with(stem))
            || (word.len() >= LEAST && stem.starts_with(word.as_str()))
    })
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
