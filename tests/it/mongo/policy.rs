//! An agent's policy on pipelines, against a real mongod: whatever a hostile server asks, what is kept back
//! does not come out. What the agent does with a query is done here: its policy's catalog, the guard under
//! the policy, and the source.

use std::sync::Arc;

use clean_custard::catalog::Catalog;
use clean_custard::config::{Mask, PolicyConfig};
use clean_custard::error::{Error, SourceFault};
use clean_custard::guard::{Policy, check_under};
use clean_custard::source::{Dialect, Limits, Source};
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

use crate::support::conformance::values;
use crate::support::mongo::{Database, shared};

/// Nothing that is kept back may contain this, and everything that is does.
const SECRET: &str = "hush";

async fn staff() -> Database<'static> {
    let people: Vec<Document> = (1..=5)
        .map(|n| {
            doc! {
                "_id": n, "name": format!("P{n}"), "ssn": format!("{SECRET}-{n}"), "boss": n - 1, "phone": format!("{SECRET}-5550{n}00"),
                "home": {"city": "Bern", "code": format!("{SECRET}-{n}")}, "cards": [{"kind": "a", "number": format!("{SECRET}-{n}")}],
                "email": format!("{SECRET}{n}@example.com"), "badge": format!("{SECRET}{n}"),
            }
        })
        .collect();
    let visits: Vec<Document> = (1..=5)
        .map(|n| doc! {"_id": n, "person": n, "ssn": format!("{SECRET}-{n}")})
        .collect();
    let salaries = vec![doc! {"_id": 1, "person": 1, "amount": SECRET}];
    shared()
        .database(&[("people", people), ("visits", visits), ("salaries", salaries)])
        .await
}

fn policy() -> Policy {
    Policy::new(PolicyConfig {
        deny_tables: vec!["salaries".into()],
        hidden_columns: vec![
            "people.ssn".into(),
            "people.home.code".into(),
            "people.cards.number".into(),
            "visits.SSN".into(),
        ],
        masked_columns: vec![
            ("people.phone".into(), Mask::LastFour),
            ("people.email".into(), Mask::Hash),
            ("people.badge".into(), Mask::Null),
        ],
        ..PolicyConfig::default()
    })
}

/// As the agent runs it.
async fn asked(source: &Arc<dyn Source>, catalog: &Catalog, query: &str) -> Result<Vec<Vec<Value>>, Error> {
    let policy = policy();
    let checked = check_under(&policy, query, &policy.catalog(catalog), Dialect::Mongodb)?;
    values(source.run(&checked.text, &Limits::default()).await?).await
}

fn query(collection: &str, pipeline: Value) -> String {
    json!({"collection": collection, "pipeline": pipeline}).to_string()
}

#[tokio::test]
async fn what_is_kept_back_does_not_come_out() {
    let database = staff().await;
    let source = super::source(&database.url());
    let catalog = source.catalog().await.expect("a catalog");
    let people = |pipeline| query("people", pipeline);
    let tricks = [
        people(json!([])),
        people(json!([{"$project": {"all": "$$ROOT"}}])),
        people(json!([{"$replaceWith": {"$mergeObjects": ["$$ROOT", {"x": 1}]}}])),
        people(json!([{"$project": {"pairs": {"$objectToArray": "$$ROOT"}}}])),
        people(json!([{"$project": {"home": {"$objectToArray": "$home"}, "cards": 1}}])),
        people(json!([{"$group": {"_id": null, "docs": {"$push": "$$ROOT"}}}])),
        people(json!([{"$group": {"_id": "$$CURRENT"}}])),
        people(json!([{"$project": {"x": {"$setField": {"field": "y", "input": "$$ROOT", "value": 1}}}}])),
        people(json!([{"$facet": {"a": [{"$limit": 2}], "b": [{"$unionWith": "people"}]}}])),
        people(json!([{"$unwind": "$cards"}, {"$replaceRoot": {"newRoot": "$cards"}}])),
        people(json!([{"$unset": "name"}])),
        people(json!([{"$project": {"name": 0}}])),
        query(
            "visits",
            json!([{"$lookup": {"from": "people", "localField": "person", "foreignField": "_id", "as": "p"}}]),
        ),
        query(
            "visits",
            json!([{"$lookup": {"from": "people", "pipeline": [{"$project": {"all": "$$ROOT"}}], "as": "p"}}]),
        ),
        query(
            "visits",
            json!([{"$lookup": {"from": "visits", "let": {"me": "$$ROOT"}, "pipeline": [{"$project": {"m": "$$me"}}], "as": "p"}}]),
        ),
        query(
            "visits",
            json!([{"$unionWith": {"coll": "people", "pipeline": [{"$match": {"name": "P1"}}]}}]),
        ),
        query("visits", json!([{"$unionWith": "people"}])),
    ];
    for text in &tricks {
        let rows = asked(&source, &catalog, text)
            .await
            .unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(!rows.is_empty(), "{text}");
        let shown = serde_json::to_string(&rows).expect("JSON");
        assert!(!shown.contains(SECRET), "{text}: {shown}");
    }
    let rows = asked(
        &source,
        &catalog,
        &people(json!([{"$sort": {"_id": 1}}, {"$limit": 1}, {"$project": {"_id": 0, "phone": 1}}])),
    )
    .await
    .expect("rows");
    assert_eq!(rows, [[json!("****0100")]]);
}

#[tokio::test]
async fn what_is_kept_back_is_refused_by_name() {
    let database = staff().await;
    let source = super::source(&database.url());
    let catalog = source.catalog().await.expect("a catalog");
    let people = |pipeline| query("people", pipeline);
    for text in [
        query("salaries", json!([])),
        query(
            "visits",
            json!([{"$lookup": {"from": "salaries", "localField": "person", "foreignField": "person", "as": "s"}}]),
        ),
        query(
            "visits",
            json!([{"$lookup": {"from": "salaries", "pipeline": [], "as": "s"}}]),
        ),
        query("visits", json!([{"$unionWith": "salaries"}])),
        query(
            "visits",
            json!([{"$graphLookup": {"from": "salaries", "startWith": "$person", "connectFromField": "person", "connectToField": "person", "as": "s"}}]),
        ),
        query(
            "visits",
            json!([{"$facet": {"a": [{"$lookup": {"from": "salaries", "pipeline": [], "as": "s"}}]}}]),
        ),
        people(json!([{"$match": {"ssn": {"$regex": "^a"}}}])),
        people(json!([{"$match": {"$expr": {"$eq": ["$ssn", "x"]}}}])),
        people(json!([{"$project": {"ssn": 1}}])),
        people(json!([{"$project": {"x": "$home.code"}}])),
        people(json!([{"$project": {"x": "$cards.number"}}])),
        people(json!([{"$project": {"x": {"$getField": "ssn"}}}])),
        people(json!([{"$project": {"x": {"$getField": {"field": "ssn", "input": "$$ROOT"}}}}])),
        people(json!([{"$sort": {"ssn": 1}}])),
        people(json!([{"$group": {"_id": "$ssn"}}])),
        people(json!([{"$unwind": "$ssn"}])),
        // A join compares before anything is taken out: each of these would answer guesses.
        query(
            "visits",
            json!([{"$lookup": {"from": "people", "localField": "_id", "foreignField": "ssn", "as": "p"}}]),
        ),
        query(
            "visits",
            json!([{"$lookup": {"from": "people", "localField": "_id", "foreignField": "phone", "as": "p"}}]),
        ),
        query(
            "visits",
            json!([{"$lookup": {"from": "people", "localField": "_id", "foreignField": "email", "as": "p"}}]),
        ),
        people(
            json!([{"$graphLookup": {"from": "people", "startWith": "$boss", "connectFromField": "boss", "connectToField": "_id", "as": "chain"}}]),
        ),
    ] {
        match asked(&source, &catalog, &text).await {
            Err(Error::Refused(_))
            | Err(Error::Source {
                kind: SourceFault::Name | SourceFault::Type,
                ..
            }) => {}
            other => panic!("{other:?}: {text}"),
        }
    }
}
