//! Documents as columns: every type exactly, and what happens when a later document differs.

use clean_custard::error::{Error, SourceFault};
use clean_custard::rows::columns;
use clean_custard::source::Limits;
use mongodb::bson::{Bson, Decimal128, Document, doc};
use serde_json::{Value, json};

use super::shop::{self, customer};
use super::{asked, query, source};
use crate::support::conformance::values;
use crate::support::mongo::shared;

#[tokio::test]
async fn values_of_every_type_come_through_exactly() {
    let exact: Decimal128 = "1234567890123456789012345678.90123".parse().expect("a decimal");
    let uuid = uuid::Uuid::parse_str("00112233-4455-6677-8899-aabbccddeeff").expect("a uuid");
    let one = doc! {
        "_id": customer(1), "b": true, "i": 5_i32, "l": 9_223_372_036_854_775_807_i64, "d": 0.1, "x": exact,
        "s": "é \"x\"", "at": shop::day(2, 29), "n": Bson::Null,
        "u": mongodb::bson::Uuid::from_bytes(uuid.into_bytes()),
        "bin": mongodb::bson::Binary { subtype: mongodb::bson::spec::BinarySubtype::Generic, bytes: vec![0, 255] },
        "doc": {"k": [1, {"z": exact, "id": customer(2)}], "at": shop::day(1, 1)}, "list": [1, 2.5, "three"],
        "far": mongodb::bson::DateTime::from_millis(-99_999_999_999_999),
        "re": Bson::RegularExpression(mongodb::bson::Regex {
            pattern: "^a".try_into().expect("a pattern"), options: "i".try_into().expect("options"),
        }),
    };
    let database = shared()
        .database(&[(
            "v",
            vec![
                one,
                doc! {"_id": customer(2), "mixed": 1},
                doc! {"_id": customer(3), "mixed": "x", "later": 2},
            ],
        )])
        .await;
    let source = source(&database.url());
    let catalog = source.catalog().await.expect("a catalog");
    let (names, rows) = asked(&*source, &catalog, &query("v", json!([{"$sort": {"_id": 1}}])))
        .await
        .expect("rows");
    let expected = [
        ("_id text", json!("650000000000000000000001")),
        ("b boolean", json!(true)),
        ("i integer", json!(5)),
        ("l integer", json!("9223372036854775807")),
        ("d float", json!(0.1)),
        ("x decimal", json!("1234567890123456789012345678.90123")),
        ("s text", json!("é \"x\"")),
        ("at timestamp", json!("2024-02-29T00:00:00Z")),
        ("n text", Value::Null),
        ("u uuid", json!("00112233-4455-6677-8899-aabbccddeeff")),
        ("bin binary", json!("AP8=")),
        (
            "doc json",
            json!({"k": [1, {"z": "1234567890123456789012345678.90123", "id": "650000000000000000000002"}],
                   "at": "2024-01-01T00:00:00Z"}),
        ),
        ("list json", json!([1, 2.5, "three"])),
        ("far timestamp", json!("-1199-02-15T14:13:20.001Z")),
        ("re text", json!("/^a/i")),
        ("mixed json", Value::Null),
        ("later integer", Value::Null),
    ];
    assert_eq!(names, expected.clone().map(|(name, _)| name));
    for (at, (name, value)) in expected.iter().enumerate() {
        assert_eq!(&rows[0][at], value, "{name}");
    }
    assert_eq!(
        (&rows[1][15], &rows[2][15], &rows[2][16]),
        (&json!(1), &json!("x"), &json!(2))
    );
}

#[tokio::test]
async fn numbers_of_several_types_lose_nothing() {
    let documents = vec![
        doc! {"_id": 1, "small": 1_i32, "big": i64::MAX, "exact": 1_i32},
        doc! {"_id": 2, "small": 2.5, "big": 0.5, "exact": "0.10".parse::<Decimal128>().expect("a decimal")},
    ];
    let database = shared().database(&[("v", documents)]).await;
    let source = source(&database.url());
    let catalog = source.catalog().await.expect("a catalog");
    let (names, rows) = asked(&*source, &catalog, &query("v", json!([{"$sort": {"_id": 1}}])))
        .await
        .expect("rows");
    assert_eq!(
        names,
        ["_id integer", "small float", "big decimal", "exact decimal"]
    );
    assert_eq!(
        rows[0],
        [json!(1), json!(1.0), json!("9223372036854775807"), json!("1")]
    );
    assert_eq!(rows[1], [json!(2), json!(2.5), json!("0.5"), json!("0.10")]);
}

#[tokio::test]
async fn a_later_document_of_another_shape_is_never_bent() {
    let mut documents: Vec<Document> = (0..12_000_i32).map(|n| doc! {"_id": n, "v": n}).collect();
    documents.push(doc! {"_id": 12_000, "v": 1, "surprise": {"x": 1}});
    let mut wrong = documents.clone();
    wrong.push(doc! {"_id": 12_001, "v": "text"});
    let database = shared().database(&[("good", documents), ("wrong", wrong)]).await;
    let source = source(&database.url());
    let sorted = json!([{"$sort": {"_id": 1}}]);
    // Without a catalog nothing is known of the surprise.
    let rows = source
        .run(&query("good", sorted.clone()), &Limits::default())
        .await
        .expect("it runs");
    let names: Vec<String> = columns(&rows.schema)
        .into_iter()
        .map(|column| column.name)
        .collect();
    assert_eq!(names, ["_id", "v", "other_fields"]);
    let rows = values(rows).await.expect("rows");
    assert_eq!(rows.len(), 12_001);
    assert_eq!(
        rows[12_000],
        [json!(12_000), json!(1), json!({"surprise": {"x": 1}})]
    );
    let rows = source
        .run(&query("wrong", sorted), &Limits::default())
        .await
        .expect("it begins");
    let Err(Error::Source {
        kind: SourceFault::Type,
        message,
    }) = values(rows).await
    else {
        panic!("a text in a column of numbers passed");
    };
    assert!(
        message.contains("\"v\"") && message.contains("12002"),
        "{message}"
    );
}
