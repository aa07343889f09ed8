//! The suite in the words of MongoDB: the shop as documents, queries as JSON.

use clean_custard::catalog::ColumnKind;
use clean_custard::error::SourceFault;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Decimal128, Document, doc};
use serde_json::{Value, json};

use super::postgres::summary_rows;
use super::{CatalogWords, Stage, Words};
use crate::support::mongo::{Database, Mongod, in_own_runtime};

fn person(n: u32) -> ObjectId {
    ObjectId::parse_str(format!("66000000000000000000{n:04}")).expect("an id")
}

fn exact(text: &str) -> Decimal128 {
    text.parse().expect("a decimal")
}

fn moment(text: &str) -> DateTime {
    DateTime::parse_rfc3339_str(text).expect("a moment")
}

/// Hours after the beginning of 2024.
fn hours(n: i64) -> DateTime {
    DateTime::from_millis(moment("2024-01-01T00:00:00Z").timestamp_millis() + n * 3_600_000)
}

/// A database that holds the shop.
pub async fn shop(server: &Mongod) -> Database<'_> {
    let people = vec![
        doc! {"_id": person(1), "name": "Ada", "mood": "calm", "email": "ada@example.com"},
        doc! {"_id": person(2), "name": "Bob", "mood": "wild"},
        doc! {"_id": person(3), "name": "Cy", "mood": Bson::Null, "email": "cy@example.com"},
    ];
    let visits = (1..=5_000_i32).map(|n| {
        doc! {
            "_id": n, "person_id": person(1 + n.cast_unsigned() % 3),
            "Spent On": exact(&format!("{:.2}", f64::from(n) * 1.25)), "at": hours(i64::from(n)),
            "day": hours(i64::from(n % 366) * 24),
        }
    });
    // Letters that do not compress.
    let mut state = 1_u64;
    let mut noise = || {
        (0..18)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                format!("{state:016x}")
            })
            .collect::<String>()
    };
    let numbers: Vec<Document> = (1..=100_000_i32)
        .map(|n| doc! {"_id": n, "n": n, "filler": noise()})
        .collect();
    let edges = vec![doc! {
        "_id": 1, "small": -32_768_i32, "big": i64::MAX, "price": exact("1234567890123456789012345678.012345"),
        "share": 0.1, "yes": true, "at": moment("2024-02-29T13:45:00.123Z"), "words": "née \"x\" 'y' \\ 🍮",
        "bytes": Binary { subtype: BinarySubtype::Generic, bytes: vec![0, 255] }, "doc": {"a": [1, 2.5]},
        "list": [1, "two"], "owner": person(1), "nothing": Bson::Null,
    }];
    let database = server
        .database(&[
            ("people", people),
            ("visits", visits.collect()),
            ("numbers", numbers),
            ("edges", edges),
            ("secrets", vec![doc! {"_id": 1}]),
        ])
        .await;
    database
        .command(doc! {"createIndexes": "people", "indexes": [
            {"key": {"email": 1}, "name": "email", "unique": true},
        ]})
        .await;
    database
        .command(doc! {"create": "moods", "viewOn": "people", "pipeline": [
            {"$group": {"_id": "$mood", "n": {"$sum": 1}}},
        ]})
        .await;
    database
}

impl Stage for Database<'_> {
    fn running(&self) -> usize {
        let (url, name) = (self.root_url(), self.name.clone());
        in_own_runtime(async move { Database::busy_at(&url, &name).await })
    }

    fn content(&self) -> String {
        let (url, name) = (self.root_url(), self.name.clone());
        in_own_runtime(async move { Database::fingerprint_at(&url, &name).await })
    }
}

fn kept(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

pub fn words() -> Words {
    let cross = r#"{"$lookup": {"from": "visits", "pipeline": [], "as": "x"}}, {"$unwind": "$x"}"#;
    let mut rows = summary_rows(|amount| json!(amount));
    for row in &mut rows {
        // MongoDB has no days, only moments.
        row[4] = json!(format!("{}T00:00:00Z", row[4].as_str().expect("a day")));
    }
    Words {
        version: "MongoDB ",
        catalog: CatalogWords {
            schema: None,
            key: "_id",
            has_comments: false,
            spent_type: "decimal",
            spent_kind: ColumnKind::Decimal,
            at_kind: ColumnKind::TimestampTz,
            day_kind: ColumnKind::TimestampTz,
        },
        summary: r#"{"collection": "visits", "pipeline": [
            {"$group": {"_id": "$person_id", "visits": {"$sum": 1}, "spent": {"$sum": "$Spent On"}, "last": {"$max": "$day"}}},
            {"$lookup": {"from": "people", "localField": "_id", "foreignField": "_id", "as": "p"}}, {"$unwind": "$p"},
            {"$project": {"_id": 0, "name": "$p.name", "mood": "$p.mood", "visits": "$visits", "spent": "$spent", "last": "$last"}},
            {"$sort": {"name": 1}}
        ]}"#,
        summary_columns: [
            "name text",
            "mood text",
            "visits integer",
            "spent decimal",
            "last timestamp",
        ],
        summary_rows: rows,
        nobody: r#"{"collection": "people", "pipeline": [{"$match": {"name": "Nobody"}}, {"$project": {"_id": 0, "id": "$_id", "name": 1}}]}"#,
        exact: r#"{"collection": "edges", "pipeline": [{"$project": {"_id": 0}}]}"#,
        exact_row: vec![
            ("small integer", json!(-32768)),
            ("big integer", json!("9223372036854775807")),
            ("price decimal", json!("1234567890123456789012345678.012345")),
            ("share float", json!(0.1)),
            ("yes boolean", json!(true)),
            ("at timestamp", json!("2024-02-29T13:45:00.123Z")),
            ("words text", json!("née \"x\" 'y' \\ 🍮")),
            ("bytes binary", json!("AP8=")),
            ("doc json", json!({"a": [1, 2.5]})),
            ("list json", json!([1, "two"])),
            ("owner text", json!("660000000000000000000001")),
            ("nothing text", Value::Null),
        ],
        faults: vec![
            (
                r#"{"collection": "people", "pipeline": [{"$project": {"n": {"$toInt": "$name"}}}]}"#,
                SourceFault::Type,
                "Ada",
            ),
            (
                r#"{"collection": "people", "pipeline": [{"$project": {"n": {"$divide": [1, {"$subtract": [1, 1]}]}}}]}"#,
                SourceFault::Syntax,
                "divides by zero",
            ),
            (
                r#"{"collection": "people", "pipeline": [{"$out": "stolen"}]}"#,
                SourceFault::Permission,
                "",
            ),
            (
                r#"{"collection": "people", "pipeline": "#,
                SourceFault::Syntax,
                "JSON",
            ),
        ],
        ids: r#"{"collection": "visits", "pipeline": [{"$sort": {"_id": 1}}, {"$project": {"_id": 0, "id": "$_id"}}]}"#,
        ten_ids: r#"{"collection": "visits", "pipeline": [{"$sort": {"_id": 1}}, {"$limit": 10}, {"$project": {"_id": 0, "id": "$_id"}}]}"#,
        wide: kept(format!(
            r#"{{"collection": "visits", "pipeline": [{cross}, {{"$project": {{"_id": 0, "filler": {{"$literal": "{}"}}}}}}]}}"#,
            "x".repeat(1_000)
        )),
        endless: kept(format!(
            r#"{{"collection": "visits", "pipeline": [{cross}, {{"$lookup": {{"from": "visits", "pipeline": [], "as": "y"}}}},
                {{"$unwind": "$y"}}, {{"$group": {{"_id": null, "n": {{"$sum": 1}}}}}}]}}"#
        )),
        many: r#"{"collection": "numbers", "pipeline": [{"$sort": {"_id": 1}}, {"$project": {"_id": 0, "n": 1, "filler": 1}}]}"#,
        writes: vec![
            r#"{"collection": "people", "pipeline": [{"$out": "stolen"}]}"#,
            r#"{"collection": "people", "pipeline": [{"$merge": {"into": "visits"}}]}"#,
            r#"{"collection": "people", "pipeline": [{"$facet": {"a": [{"$out": "stolen"}]}}]}"#,
            r#"{"collection": "people", "pipeline": [{"$lookup": {"from": "visits", "pipeline": [{"$merge": "stolen"}], "as": "x"}}]}"#,
            r#"{"collection": "people", "pipeline": [{"$unionWith": {"coll": "visits", "pipeline": [{"$out": "stolen"}]}}]}"#,
            r#"{"collection": "people", "filter": {"$where": "sleep(1000) || true"}}"#,
            r#"{"collection": "people", "pipeline": [{"$project": {"x": {"$function": {"body": "function() { return 1 }", "args": [], "lang": "js"}}}}]}"#,
            r#"{"insert": "people", "documents": [{"name": "Eve"}]}"#,
            r#"{"delete": "people", "deletes": [{"q": {}, "limit": 0}]}"#,
            r#"{"collection": "people", "update": {"$set": {"name": "x"}}}"#,
        ],
        count_visits: r#"{"collection": "visits", "pipeline": [{"$count": "n"}]}"#,
    }
}
