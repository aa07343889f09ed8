//! Keys of one's own beside `_id`: data that came from a relational database keeps `customer.id` and
//! `orders.customer_id`. A field whose name says so is a reference where every value of the other field stands in
//! one document only, and the sampled values are all there.

use std::collections::HashMap;
use std::time::Duration;

use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};
use tokio::time::Instant;

use super::catalog::Known;
use super::references::is_named_after;
use crate::catalog::{ForeignKey, Table, TableKind};

/// Time for all questions together.
const TIME: Duration = Duration::from_secs(10);
/// Time for one.
const ONE_TIME: Duration = Duration::from_secs(1);
/// Questions asked at most.
const QUESTIONS: usize = 200;
/// Documents up to which it is counted whether a field's values are all different.
const COUNTED: u64 = 100_000;
/// Letters that two names have to share at their ends: "custid" of `txcustid`.
const SHARED: usize = 5;

/// A field of a collection.
type Place = (usize, String);

/// Adds the references that the data proves, and the keys that they lead to.
pub(super) async fn find(database: &Database, tables: &mut [Table], known: &Known) {
    let deadline = Instant::now() + TIME;
    let mut questions = 0;
    let mut unique: HashMap<Place, bool> = HashMap::new();
    let prefix = common_prefix(tables);
    let keys: Vec<Place> = places(tables, |name| is_key(&letters(name)));
    for from in 0..tables.len() {
        if tables[from].kind != TableKind::Table {
            continue;
        }
        let Some(findings) = known.get(&tables[from].name).map(|all| &all.findings) else {
            continue;
        };
        let fields: Vec<String> = tables[from]
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        for field in fields {
            let samples = findings.samples(&field);
            let taken = tables[from]
                .foreign_keys
                .iter()
                .any(|key| key.columns == [field.clone()]);
            if field == "_id" || samples.is_empty() || taken {
                continue;
            }
            for (to, key) in &keys {
                if *to == from
                    || !says(&field, &tables[*to].name, key, &prefix)
                    || !same_kind(samples, &tables[*to], key)
                {
                    continue;
                }
                let place = (*to, key.clone());
                if !unique.contains_key(&place) {
                    questions += 1;
                    if questions > QUESTIONS || Instant::now() >= deadline {
                        return;
                    }
                    let proven = is_unique(database, &tables[*to], key).await;
                    unique.insert(place.clone(), proven);
                }
                // Two collections that are each told apart by it belong together one to one; nothing says which way.
                questions += 1;
                if unique.get(&place) != Some(&true) || questions > QUESTIONS || Instant::now() >= deadline {
                    continue;
                }
                if holds_all(database, &tables[*to].name, key, samples).await {
                    let reference = ForeignKey {
                        columns: vec![field.clone()],
                        schema: None,
                        table: tables[*to].name.clone(),
                        references: vec![key.clone()],
                    };
                    tables[from].foreign_keys.push(reference);
                    let own = vec![key.clone()];
                    if !tables[*to].unique.contains(&own) {
                        tables[*to].unique.push(own);
                    }
                    break;
                }
            }
        }
    }
}

fn places(tables: &[Table], wanted: impl Fn(&str) -> bool) -> Vec<Place> {
    tables
        .iter()
        .enumerate()
        .filter(|(_, table)| table.kind == TableKind::Table)
        .flat_map(|(at, table)| {
            let names = table.columns.iter().map(|column| column.name.clone());
            names.map(move |name| (at, name)).collect::<Vec<_>>()
        })
        .filter(|(_, name)| name != "_id" && !name.contains('.') && wanted(name))
        .collect()
}

/// Whether a name (in small letters) is that of a key.
fn is_key(name: &str) -> bool {
    ["id", "key", "code", "uuid"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// Whether the name of a field says that it holds this key of that collection: the same name, the collection's name
/// before it, or words of its own before it.
fn says(field: &str, collection: &str, key: &str, prefix: &str) -> bool {
    let bare = |name: &str| {
        let name = letters(name);
        name.strip_prefix(prefix).map_or(name.clone(), str::to_owned)
    };
    let (field_bare, key_bare) = (bare(field), bare(key));
    if matches!(key_bare.as_str(), "id" | "key" | "code" | "uuid") {
        return field_bare != key_bare && is_named_after(field, collection);
    }
    field_bare == key_bare || (key_bare.len() >= SHARED && field_bare.ends_with(&key_bare))
}

/// What the names of all collections begin with, in small letters: `sb` of `sbCustomer`, `sbTicker`.
fn common_prefix(tables: &[Table]) -> String {
    let mut names = tables.iter().map(|table| letters(&table.name));
    let Some(first) = names.next() else {
        return String::new();
    };
    let shared = names.fold(first.len(), |length, name| {
        let same = first
            .bytes()
            .zip(name.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        length.min(same)
    });
    match first.get(..shared) {
        Some(prefix) if tables.len() > 1 && shared < first.len() => prefix.to_owned(),
        _ => String::new(),
    }
}

fn letters(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn same_kind(samples: &[Bson], table: &Table, key: &str) -> bool {
    let Some(column) = table.column(key) else {
        return false;
    };
    match samples.first() {
        Some(Bson::Int32(_) | Bson::Int64(_)) => column.kind.is_number(),
        Some(Bson::String(_)) => column.kind.is_text(),
        Some(Bson::ObjectId(_)) => column.type_name == "objectId",
        _ => false,
    }
}

/// Whether each document has another value in it: by an index, or counted where there are not too many.
async fn is_unique(database: &Database, table: &Table, key: &str) -> bool {
    if table.unique.iter().any(|columns| *columns == [key]) {
        return true;
    }
    let Some(documents) = table.row_estimate.filter(|count| (2..=COUNTED).contains(count)) else {
        return false;
    };
    let path = format!("${key}");
    let pipeline = [
        doc! {"$match": {key: {"$ne": null}}},
        doc! {"$group": {"_id": path}},
        doc! {"$count": "values"},
    ];
    let counted = async {
        let mut found = database
            .collection::<Document>(&table.name)
            .aggregate(pipeline)
            .max_time(ONE_TIME)
            .await?;
        let advanced = found.advance().await?;
        mongodb::error::Result::Ok(if advanced {
            found.deserialize_current().ok()
        } else {
            None
        })
    };
    let values = counted.await.ok().flatten().and_then(|document| {
        let count = document.get("values")?;
        count.as_i64().or_else(|| count.as_i32().map(i64::from))
    });
    values.and_then(|count| u64::try_from(count).ok()) == Some(documents)
}

/// Whether every one of these is a key of the collection.
async fn holds_all(database: &Database, collection: &str, key: &str, values: &[Bson]) -> bool {
    let found = database
        .collection::<Document>(collection)
        .count_documents(doc! {key: {"$in": values.to_vec()}})
        .max_time(ONE_TIME)
        .await;
    found.is_ok_and(|found| found == values.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_which_key_a_field_holds() {
        for (field, collection, key, prefix) in [
            ("skipper_id", "skippers", "id", ""),
            ("boatId", "boats", "boatId", ""),
            ("txboatid", "boats", "boatid", ""),
            ("rgTxBoatId", "rgBoat", "rgBoatId", "rg"),
        ] {
            assert!(says(field, collection, key, prefix), "{field} {collection}.{key}");
        }
        for (field, collection, key, prefix) in [
            ("id", "skippers", "id", ""),
            ("boat_id", "skippers", "id", ""),
            ("paid", "boats", "id", ""),
            ("name", "boats", "boat_id", ""),
        ] {
            assert!(
                !says(field, collection, key, prefix),
                "{field} {collection}.{key}"
            );
        }
    }
}
