//! MongoDB knows no foreign keys, so they are found in the data: a field whose sampled values all are keys of
//! another collection points at it. Numbers and texts count only where the field's name says the same.

use std::time::Duration;

use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};
use tokio::time::Instant;

use super::catalog::Known;
use crate::catalog::{ForeignKey, Table, TableKind};

/// Time for all questions together.
const TIME: Duration = Duration::from_secs(10);
/// Questions asked at most.
const QUESTIONS: usize = 400;
/// Collections that a field without a telling name is compared with.
const UNNAMED_TARGETS: usize = 12;

/// Adds the foreign keys that the samples prove.
pub(super) async fn find(database: &Database, tables: &mut [Table], known: &Known) {
    let deadline = Instant::now() + TIME;
    let mut questions = 0;
    let targets: Vec<(String, String)> = tables
        .iter()
        .filter(|table| table.kind == TableKind::Table)
        .filter_map(|table| {
            let id = table.column("_id")?;
            Some((table.name.clone(), id.type_name.clone()))
        })
        .collect();
    for table in tables.iter_mut().filter(|table| table.kind == TableKind::Table) {
        let Some(findings) = known.get(&table.name).map(|all| &all.findings) else {
            continue;
        };
        for column in &table.columns {
            let samples = findings.samples(&column.name);
            if column.name == "_id" || samples.is_empty() {
                continue;
            }
            for target in candidates(&column.name, samples, &targets) {
                questions += 1;
                if questions > QUESTIONS || Instant::now() >= deadline {
                    return;
                }
                if holds_all(database, target, samples).await {
                    table.foreign_keys.push(ForeignKey {
                        columns: vec![column.name.clone()],
                        schema: None,
                        table: target.to_owned(),
                        references: vec!["_id".into()],
                    });
                    break;
                }
            }
        }
    }
}

/// Collections that the field may point at, the best guess first.
fn candidates<'t>(path: &str, samples: &[Bson], targets: &'t [(String, String)]) -> Vec<&'t str> {
    let kind = match samples.first() {
        Some(Bson::ObjectId(_)) => "objectId",
        Some(Bson::Int32(_) | Bson::Int64(_)) => "int",
        Some(Bson::String(_)) => "string",
        _ => return Vec::new(),
    };
    let fits = |id: &str| match kind {
        "int" => matches!(id, "int" | "long" | "int | long" | "long | int"),
        kind => id == kind,
    };
    let name = path.rsplit('.').next().unwrap_or(path);
    let (mut named, mut others) = (Vec::new(), Vec::new());
    for (target, id) in targets {
        if !fits(id) {
            continue;
        }
        if is_named_after(name, target) {
            named.push(target.as_str());
        } else if kind == "objectId" && others.len() < UNNAMED_TARGETS {
            // Such ids are unique in the world: if they are all there, it is no chance.
            others.push(target.as_str());
        }
    }
    named.extend(others);
    named
}

/// `customer_id`, `customerId` and `customer` are named after `customers` and `customer`.
pub(super) fn is_named_after(field: &str, collection: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|letter| letter.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    // "paid" ends in the same two letters, but not in a word of its own.
    let stem = ["_id", "Id", "ID", "-id"]
        .iter()
        .find_map(|end| field.strip_suffix(end))
        .unwrap_or(field);
    let (stem, collection) = (letters(stem), letters(collection));
    if stem.len() < 2 {
        return false;
    }
    let plural = match stem.strip_suffix('y') {
        Some(start) => format!("{start}ies"),
        None => format!("{stem}s"),
    };
    [format!("{stem}es"), plural, stem].contains(&collection)
}

/// Whether every one of these is a key of the collection.
async fn holds_all(database: &Database, collection: &str, keys: &[Bson]) -> bool {
    let found = database
        .collection::<Document>(collection)
        .count_documents(doc! {"_id": {"$in": keys.to_vec()}})
        .max_time(Duration::from_secs(1))
        .await;
    found.is_ok_and(|found| found == keys.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_field_points_at() {
        for (field, collection) in [
            ("customer_id", "customers"),
            ("customerId", "Customer"),
            ("categoryId", "categories"),
            ("box", "boxes"),
        ] {
            assert!(is_named_after(field, collection), "{field} {collection}");
        }
        for (field, collection) in [("paid", "pas"), ("name", "customers")] {
            assert!(!is_named_after(field, collection), "{field} {collection}");
        }
    }
}
