//! What an agent's policy puts in front of every pipeline: only the fields that may leave are let in, so that
//! nothing behind, not even `$$ROOT`, can reach another; masked ones are disguised before anything sees them.

use mongodb::bson::{Bson, Document, doc};

use super::refused;
use crate::catalog::{ColumnKind, Table};
use crate::config::Mask;
use crate::error::Result;
use crate::guard::Policy;

/// The stages that come first in a pipeline over the collection; none where the policy lets it out whole.
/// `table` is what the policy left of it in the catalog.
pub fn front(policy: &Policy, table: &Table) -> Vec<Bson> {
    if !policy.restricts_columns(None, &table.name) {
        return Vec::new();
    }
    let mut shown = Document::new();
    let mut disguised = Document::new();
    for column in &table.columns {
        let path = column.name.as_str();
        let is_above = policy.restricts_below(None, &table.name, path)
            && table.columns.iter().any(|other| is_below(&other.name, path));
        // What stands above restricted fields is let in field by field; what has no known fields, and could
        // have a restricted one, not at all.
        let is_opaque = policy.restricts_below(None, &table.name, path)
            && column.types.iter().any(|share| share.name.contains("object"));
        let is_let_in_above = table
            .columns
            .iter()
            .any(|other| is_below(path, &other.name) && shown.contains_key(&other.name));
        if is_above || is_opaque || is_let_in_above {
            continue;
        }
        match policy.mask(None, &table.name, path) {
            None => {
                shown.insert(path, 1);
            }
            // MongoDB has no hash to disguise with (who names such a field is refused), and lists cannot be
            // disguised in place: nothing is shown.
            Some(Mask::LastFour) if !is_in_list(table, path) => {
                shown.insert(path, 1);
                disguised.insert(path, last_four(path));
            }
            Some(_) => {}
        }
    }
    if !shown.contains_key("_id") {
        shown.insert("_id", 0);
    }
    if shown.len() == 1 && shown.get_i32("_id").is_ok_and(|id| id == 0) {
        // Leaving out `_id` alone would show everything else.
        shown = doc! {"_id": {"$literal": Bson::Null}};
    }
    let mut stages = vec![Bson::Document(doc! {"$project": shown})];
    if !disguised.is_empty() {
        stages.push(Bson::Document(doc! {"$set": disguised}));
    }
    stages
}

/// Errors: `Refused` for a join on a field that is hidden or masked: `$lookup` compares it as it is.
pub fn joins_on(policy: &Policy, collection: &str, path: &str) -> Result<()> {
    if policy.hides_column(None, collection, path)
        || policy.mask(None, collection, path).is_some()
        || policy.restricts_below(None, collection, path)
    {
        return Err(refused(&format!(
            "A $lookup on the field \"{path}\" of {collection}, which the agent's policy keeps back,"
        )));
    }
    Ok(())
}

/// Errors: `Refused` where documents would be taken as they are.
pub fn takes_whole_documents(policy: &Policy, collection: &str) -> Result<()> {
    if policy.restricts_columns(None, collection) {
        return Err(refused(&format!(
            "$graphLookup from {collection}, of which the agent's policy keeps fields back,"
        )));
    }
    Ok(())
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('.'))
}

fn is_in_list(table: &Table, path: &str) -> bool {
    table.columns.iter().any(|column| {
        column.kind == ColumnKind::Array && (column.name == path || is_below(path, &column.name))
    })
}

/// `****` and the last four letters; of values shorter than eight, only `****`.
fn last_four(path: &str) -> Document {
    let field = format!("${path}");
    let length = doc! {"$strLenCP": "$$text"};
    doc! {"$cond": [
        {"$lte": [&field, Bson::Null]},
        Bson::Null,
        {"$let": {
            "vars": {"text": {"$convert": {"input": &field, "to": "string", "onError": ""}}},
            "in": {"$cond": [
                {"$gte": [length.clone(), 8]},
                {"$concat": ["****", {"$substrCP": ["$$text", {"$subtract": [length, 4]}, 4]}]},
                "****",
            ]},
        }},
    ]}
}
