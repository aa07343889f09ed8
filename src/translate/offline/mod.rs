//! The translator that needs no model: it links the words of a question to tables, columns and values,
//! builds a logical query, and refuses when a word stayed unread or more than one reading makes sense.
//!
//! A pure function of its context: the same question over the same catalog on the same day gives the same
//! query. It holds no rule about any particular data.

mod dates;
mod frame;
mod lexicon;
mod link;
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

use super::{Context, Query, Translation, Translator};
use crate::catalog::Dialect;
use crate::error::Result;
use frame::Frame;
use resolve::Stop;
use schema::{Schema, spaced};

/// Longer questions are not read: nobody can check such a reading.
const MAX_QUESTION: usize = 2_000;

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
        Ok(translate(context))
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
    if context.dialect == Dialect::Mongodb {
        return Err(Stop::Refuse(
            "Without a language model questions to MongoDB are not read yet; have a model configured in the settings, or write the pipeline yourself.".into(),
        ));
    }
    let schema = Schema::new(context.catalog);
    let tokens = words::tokens(question, &schema.stems);
    let lowers: Vec<&str> = tokens.iter().map(|t| t.lower.as_str()).collect();
    if lexicon::is_foreign(&lowers) {
        return Err(Stop::Refuse(
            "Without a language model questions are read in English only; ask in English, or have a model configured in the settings.".into(),
        ));
    }
    let items = link::link(question, &tokens, &schema, context.today);
    let stems = tokens.iter().map(|t| t.stem.clone()).collect();
    let mut frame = walk::read(&items, stems, &schema);
    let planned = resolve::resolve(&frame, question, &schema);
    if let Ok(plan) = &planned {
        forgive(&mut frame, plan, &schema);
    }
    if !frame.unread.is_empty() {
        return Err(unread(&frame, &schema));
    }
    let plan = planned?;
    Ok(Query {
        text: render::render(&plan, &schema, context.dialect),
        reading: reading::say(&plan, &schema),
    })
}

/// Words that only repeat what a condition already says are read with it: "*paid* by card" beside a condition
/// on `payment_method`.
fn forgive(frame: &mut Frame, plan: &plan::Plan, schema: &Schema<'_>) {
    let columns: Vec<schema::Col> = plan
        .filters
        .iter()
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
