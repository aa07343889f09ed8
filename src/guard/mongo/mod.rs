//! The guard for MongoDB: a query is one read-only aggregation over one collection of this database, made
//! of stages and operators from an allow-list, and every field in it is known. What comes out is printed
//! from the parsed tree.

mod expression;
pub mod json;
mod matching;
mod operators;
mod shape;
mod stages;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use mongodb::bson::{Bson, Document};

use super::Resolved;
use super::names::nearest;
use crate::catalog::Catalog;
use crate::error::{Error, Result, SourceFault};
use expression::Scope;
use shape::Shape;

/// A query as it goes to the database: an aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub collection: String,
    pub pipeline: Vec<Bson>,
}

impl Query {
    /// Reads `{"collection", "pipeline"}`, or the find form with `filter`, `projection`, `sort`, `skip` and
    /// `limit`, which becomes a pipeline. It does not judge what the stages do. Errors: as [`json::parse`];
    /// `Source` of kind `Syntax`.
    pub fn parse(text: &str) -> Result<Query> {
        let Bson::Document(mut parts) = json::parse(text)? else {
            return Err(not_a_query());
        };
        let Some(Bson::String(collection)) = parts.remove("collection") else {
            return Err(not_a_query());
        };
        let pipeline = match parts.remove("pipeline") {
            Some(Bson::Array(stages)) => stages,
            Some(_) => return Err(syntax_error("\"pipeline\" has to be a list of stages.")),
            None => find(&mut parts),
        };
        match parts.keys().next() {
            Some(other) => Err(syntax_error(&format!(
                "A query has no \"{other}\" here; it is {{\"collection\", \"pipeline\"}}, or {{\"collection\", \
                 \"filter\", \"projection\", \"sort\", \"skip\", \"limit\"}}."
            ))),
            None => Ok(Query { collection, pipeline }),
        }
    }

    /// As text that [`Query::parse`] reads back to the same query.
    pub fn print(self) -> String {
        let mut query = Document::new();
        query.insert("collection", self.collection);
        query.insert("pipeline", self.pipeline);
        json::print(&Bson::Document(query))
    }
}

/// The parts of a find as stages, in the order in which `find` applies them.
fn find(parts: &mut Document) -> Vec<Bson> {
    [
        ("filter", "$match"),
        ("sort", "$sort"),
        ("skip", "$skip"),
        ("limit", "$limit"),
        ("projection", "$project"),
    ]
    .into_iter()
    .filter_map(|(part, stage)| {
        let value = parts.remove(part)?;
        if matches!(&value, Bson::Document(empty) if empty.is_empty()) || json::whole(&value) == Some(0) {
            return None;
        }
        Some(Bson::Document(Document::from_iter([(stage.to_owned(), value)])))
    })
    .collect()
}

/// The whole guard: one query, only reading stages and operators, every name known. Errors: `Refused` naming
/// what is not allowed; `Source` of kind `Syntax`, `Name` (with the nearest real names) or `Type`.
pub fn check(text: &str, catalog: &Catalog) -> Result<Resolved> {
    let mut query = Query::parse(text)?;
    json::with_stack(move || {
        let mut walk = Walk {
            catalog,
            collections: BTreeSet::new(),
        };
        let root = walk.collection(&query.collection)?;
        walk.pipeline(&mut query.pipeline, Scope::new(root))?;
        let collection = query.collection.clone();
        walk.guard_pipeline(&collection, &mut query.pipeline)?;
        Ok(Resolved {
            text: query.print(),
            tables: walk.collections.into_iter().collect(),
        })
    })
}

/// The names of the result's columns as far as the last stages fix them, for a query that has passed
/// [`check`]; None where any document may bring its own.
pub fn columns(query: &Query, catalog: &Catalog) -> Option<Vec<String>> {
    let mut pipeline = query.pipeline.clone();
    let shape = json::with_stack(move || {
        let mut walk = Walk {
            catalog,
            collections: BTreeSet::new(),
        };
        let root = walk.collection(&query.collection)?;
        walk.pipeline(&mut pipeline, Scope::new(root))
    });
    Some(shape.ok()?.fields?.keys().cloned().collect())
}

/// One query being checked.
struct Walk<'c> {
    catalog: &'c Catalog,
    /// What it reads.
    collections: BTreeSet<String>,
}

impl Walk<'_> {
    /// The documents of a collection, by its exact name. Errors: `Source` of kind `Name`.
    fn collection(&mut self, name: &str) -> Result<Shape> {
        let Some(table) = self.catalog.tables.iter().find(|table| table.name == name) else {
            let near = nearest(name, self.catalog.tables.iter().map(|table| table.name.clone()));
            return Err(name_error(format!(
                "There is no collection \"{name}\"; the nearest are {}.",
                near.join(", ")
            )));
        };
        self.collections.insert(table.name.clone());
        Ok(Shape::of_table(table))
    }

    /// Puts the stages in front that a policy wants before anything else is done with the collection.
    fn guard_pipeline(&mut self, _collection: &str, _stages: &mut Vec<Bson>) -> Result<()> {
        Ok(())
    }

    /// Whether a collection's documents may be taken as they are, without a pipeline.
    fn takes_whole_documents(&self, _collection: &str) -> Result<()> {
        Ok(())
    }

    /// Whether a collection may be joined on this field.
    fn joins_on(&self, _collection: &str, _path: &str) -> Result<()> {
        Ok(())
    }
}

fn refused(what: &str) -> Error {
    Error::Refused(format!("{what} is not allowed."))
}

/// A stage or operator that is not on the allow-list, with the reason.
fn dangerous(what: &str, name: &str) -> Error {
    Error::Refused(format!(
        "The {what} {name} is not allowed: {}.",
        operators::danger(name)
    ))
}

fn syntax_error(message: &str) -> Error {
    Error::source(SourceFault::Syntax, message)
}

fn name_error(message: String) -> Error {
    Error::source(SourceFault::Name, message)
}

fn type_error(message: String) -> Error {
    Error::source(SourceFault::Type, message)
}

fn not_a_query() -> Error {
    syntax_error(
        "A query for MongoDB is a JSON object {\"collection\": \"…\", \"pipeline\": [{\"$match\": {…}}, …]}.",
    )
}
