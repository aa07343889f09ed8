//! Teaching: terms, metrics, descriptions and examples change answers at once, and only once somebody approved
//! them; both translators use them; they travel as YAML.

mod connection;
mod exchange;
mod feedback;
mod limits;
mod model;
mod offline;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::app::{Caller, TestApp};

const PARCELS: &[u8] = b"parcel_id,town,fee,refund,zw,sent_on\n\
    1,Lund,120.50,20.50,3,2025-01-02\n\
    2,Lund,700.00,0.00,11,2025-01-09\n\
    3,Malmo,600.25,100.25,5,2025-02-01\n\
    4,Malmo,30.00,0.00,1,2025-02-03\n";

/// An owner with a file of parcels; its id.
async fn with_parcels(app: &TestApp) -> (Caller, String) {
    let owner = app.owner().await;
    let id = upload(&owner, "parcels.csv", PARCELS).await;
    (owner, id)
}

async fn upload(caller: &Caller, name: &str, bytes: &[u8]) -> String {
    let (status, uploaded) = caller.upload(&[(name, bytes)]).await;
    assert_eq!(status, StatusCode::CREATED, "{uploaded}");
    uploaded["files"][0]["id"].as_str().expect("an id").to_owned()
}

/// Asks and expects this outcome.
async fn ask(caller: &Caller, question: &str, outcome: &str) -> Value {
    let answer = caller.ask(question).await;
    assert_eq!(answer["outcome"], outcome, "{question}: {answer}");
    answer
}

/// The only value of an answer.
async fn value(caller: &Caller, question: &str) -> Value {
    let answer = ask(caller, question, "answered").await;
    assert_eq!(answer["row_count"], 1, "{answer}");
    answer["rows"][0]
        .as_array()
        .expect("a row")
        .last()
        .expect("a value")
        .clone()
}

/// Adds something and expects it to be taken.
async fn add(caller: &Caller, noun: &str, body: Value) -> Value {
    let (status, added) = caller.post(&format!("/api/v1/{noun}"), &body).await;
    assert_eq!(status, StatusCode::CREATED, "{added}");
    added
}

async fn entry(caller: &Caller, kind: &str, name: &str, text: &str, source: Option<&str>) -> Value {
    let body = json!({ "kind": kind, "name": name, "text": text, "source_id": source });
    add(caller, "glossary", body).await
}

async fn example(caller: &Caller, question: &str, query: &str, file: &str) -> Value {
    let body = json!({ "question": question, "query": query, "file_ids": [file] });
    add(caller, "examples", body).await
}

async fn items(caller: &Caller, path: &str) -> Vec<Value> {
    let (status, list) = caller.get(&format!("/api/v1/{path}")).await;
    assert_eq!(status, StatusCode::OK, "{list}");
    list["items"].as_array().expect("items").clone()
}

fn id(thing: &Value) -> &str {
    thing["id"].as_str().expect("an id")
}
