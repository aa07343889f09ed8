//! The guard for MongoDB: a query is one read-only aggregation over one collection of this database, made
//! of stages and operators from an allow-list, and every field in it is known. What comes out is printed
//! from the parsed tree.

mod expression;
pub mod json;
mod matching;
mod operators;
mod restrict;
mod shape;
mod stages;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use mongodb::bson::{Bson, Document};

use super::names::nearest;
use super::{Policy, Resolved};
use crate::catalog::{Catalog, Column, Table};
use crate::config::Mask;
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
    check_with(None, text, catalog)
}

/// The same under an agent's policy; `catalog` is what [`Policy::catalog`] left of the source's.
pub fn check_under(policy: &Policy, text: &str, catalog: &Catalog) -> Result<Resolved> {
    check_with(Some(policy), text, catalog)
}

fn check_with(policy: Option<&Policy>, text: &str, catalog: &Catalog) -> Result<Resolved> {
    let mut query = Query::parse(text)?;
    json::with_stack(move || {
        let mut walk = Walk {
            catalog,
            policy,
            collections: BTreeSet::new(),
        };
        let root = walk.collection(&query.collection)?;
        walk.pipeline(&mut query.pipeline, Scope::new(root))
            .map_err(|error| walk.or_without_hash(error, text))?;
        walk.guard_pipeline(&query.collection, &mut query.pipeline)?;
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
            policy: None,
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
    policy: Option<&'c Policy>,
    /// What it reads.
    collections: BTreeSet<String>,
}

impl<'c> Walk<'c> {
    fn table(&self, name: &str) -> Option<&'c Table> {
        self.catalog.tables.iter().find(|table| table.name == name)
    }

    /// The documents of a collection, by its exact name. Errors: `Source` of kind `Name`.
    fn collection(&mut self, name: &str) -> Result<Shape> {
        let allowed = self.policy.is_none_or(|policy| policy.allows_table(None, name));
        let Some(table) = self.table(name).filter(|_| allowed) else {
            let near = nearest(name, self.catalog.tables.iter().map(|table| table.name.clone()));
            return Err(name_error(format!(
                "There is no collection \"{name}\"; the nearest are {}.",
                near.join(", ")
            )));
        };
        self.collections.insert(table.name.clone());
        let mut shape = Shape::of_table(table);
        for column in self.hashed(table) {
            shape.remove(&column.name);
        }
        Ok(shape)
    }

    /// The fields that the policy wants hashed. MongoDB has no function that could, so they cannot be asked for:
    /// to go on with nothing in their place would count and join what is not there.
    fn hashed(&self, table: &'c Table) -> impl Iterator<Item = &'c Column> {
        let policy = self.policy;
        let is_hashed = move |column: &&Column| {
            policy.is_some_and(|policy| policy.mask(None, &table.name, &column.name) == Some(Mask::Hash))
        };
        table.columns.iter().filter(is_hashed)
    }

    /// The error of a field that is not there, if that is because it would have to be hashed.
    fn or_without_hash(&self, error: Error, text: &str) -> Error {
        let is_name = matches!(
            &error,
            Error::Source {
                kind: SourceFault::Name,
                ..
            }
        );
        let read = self.collections.iter().filter_map(|name| self.table(name));
        let named = read
            .flat_map(|table| self.hashed(table))
            .find(|column| text.contains(&column.name));
        match named.filter(|_| is_name) {
            Some(column) => Error::Refused(format!(
                "The agent's policy hashes the field \"{}\", for which MongoDB has no function, so it cannot be \
                 asked for; the policy may mask it with \"null\" or \"last4\" instead.",
                column.name
            )),
            None => error,
        }
    }

    /// Puts the stages in front that the policy wants before anything else sees the collection. Errors:
    /// `Refused` for what only works on untouched documents.
    fn guard_pipeline(&self, collection: &str, stages: &mut Vec<Bson>) -> Result<()> {
        let Some((policy, table)) = self.policy.zip(self.table(collection)) else {
            return Ok(());
        };
        let front = restrict::front(policy, table);
        if front.is_empty() {
            return Ok(());
        }
        let first = stages.first().and_then(Bson::as_document);
        let needs_all = first.is_some_and(|stage| {
            stage.contains_key("$geoNear")
                || stage
                    .get_document("$match")
                    .is_ok_and(|condition| condition.contains_key("$text"))
        });
        if needs_all {
            return Err(refused(&format!(
                "A search by text or place in {collection}, of which the agent's policy keeps fields back,"
            )));
        }
        stages.splice(0..0, front);
        Ok(())
    }

    /// Whether a collection's documents may be taken as they are, without a pipeline. Errors: `Refused`.
    fn takes_whole_documents(&self, collection: &str) -> Result<()> {
        match self.policy {
            Some(policy) => restrict::takes_whole_documents(policy, collection),
            None => Ok(()),
        }
    }

    /// Whether a collection may be joined on this field. Errors: `Refused`.
    fn joins_on(&self, collection: &str, path: &str) -> Result<()> {
        match self.policy {
            Some(policy) => restrict::joins_on(policy, collection, path),
            None => Ok(()),
        }
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
