//! Collections that came from a relational database: they keep keys of their own beside `_id`, and are joined on them.

use chrono::NaiveDate;
use clean_custard::translate::offline::Offline;
use clean_custard::translate::{Context, Translation, Translator};
use mongodb::bson::doc;
use serde_json::json;

use super::{asked, source};
use crate::support::mongo::shared;

#[tokio::test]
async fn keys_of_ones_own_connect_what_they_name() {
    let database = shared()
        .database(&[
            (
                "skippers",
                vec![
                    doc! {"id": 1, "name": "Ann"},
                    doc! {"id": 2, "name": "Bo"},
                    doc! {"id": 3, "name": "Cy"},
                ],
            ),
            (
                "boats",
                vec![
                    doc! {"boatid": "G1", "kind": "sloop"},
                    doc! {"boatid": "T2", "kind": "ketch"},
                ],
            ),
            (
                "entries",
                vec![
                    doc! {"id": 1, "skipper_id": 1, "enboatid": "G1", "points": 7},
                    doc! {"id": 2, "skipper_id": 1, "enboatid": "T2", "points": 5},
                    doc! {"id": 3, "skipper_id": 2, "enboatid": "G1", "points": 4},
                ],
            ),
            // Named like a key, and not one: two documents have the same.
            (
                "ports",
                vec![doc! {"port_id": 5, "n": 1}, doc! {"port_id": 5, "n": 2}],
            ),
            ("calls", vec![doc! {"port_id": 5, "hours": 3}]),
        ])
        .await;
    let source = source(&database.url());
    let catalog = source.catalog().await.expect("a catalog");
    let points = |name: &str| -> Vec<String> {
        let table = catalog.table(None, name).expect("a collection");
        let keys = table.foreign_keys.iter();
        keys.map(|key| format!("{} -> {}.{}", key.columns[0], key.table, key.references[0]))
            .collect()
    };
    assert_eq!(
        points("entries"),
        ["skipper_id -> skippers.id", "enboatid -> boats.boatid"]
    );
    assert!(points("skippers").is_empty() && points("boats").is_empty());
    assert!(points("calls").is_empty() && points("ports").is_empty());

    let context = Context {
        question: "total points by skipper",
        dialect: source.dialect(),
        catalog: &catalog,
        glossary: "",
        examples: &[],
        turns: &[],
        today: NaiveDate::from_ymd_opt(2026, 11, 26).expect("a day"),
        failed: None,
    };
    let Translation::Query(query) = Offline.translate(&context).await.expect("a translation") else {
        panic!("a query");
    };
    assert!(
        query.reading.contains("skipper_id = skippers.id"),
        "{}",
        query.reading
    );
    let (names, rows) = asked(&*source, &catalog, &query.text).await.expect("rows");
    let name = names
        .iter()
        .position(|name| name.starts_with("name "))
        .expect("the name");
    let total = names
        .iter()
        .position(|name| name.starts_with("total_points"))
        .expect("the sum");
    let told: Vec<_> = rows.iter().map(|row| json!([row[name], row[total]])).collect();
    assert_eq!(told, [json!(["Ann", 12]), json!(["Bo", 4])]);
}
