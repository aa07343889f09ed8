//! What is refused, who sees what, and what becomes of what was taught about a source that is hidden or gone.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{add, ask, entry, example, id, items, value, with_parcels};
use crate::on_both_stores;
use crate::support::app::TestApp;

#[tokio::test]
async fn bad_entries_and_examples_are_refused_with_a_sentence() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_parcels(&app).await;
    let term = |name: &str, text: &str| json!({ "kind": "term", "name": name, "text": text });
    let column = |name: &str, source: Value| json!({ "kind": "column", "name": name, "text": "x", "source_id": source });
    for (body, words) in [
        (term("", "x"), "between 1 and 200"),
        (term(&"x".repeat(201), "x"), "between 1 and 200"),
        (term("a\u{0}b", "x"), "between 1 and 200"),
        (term("a = b", "x"), "equals sign"),
        (term("a", " "), "text is empty"),
        (term("a", &"x".repeat(2_001)), "2001 characters"),
        (term("a", "b\u{0}c"), "control characters"),
        (column("parcels.fee", Value::Null), "source_id"),
        (column("fee", json!(file)), "with its table"),
        (column("parcels.feee", json!(file)), "nearest is parcels.fee"),
        (json!({ "kind": "rule", "name": "a", "text": "b" }), "rule"),
    ] {
        let (status, error) = owner.post("/api/v1/glossary", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {error}");
        assert!(
            error["error"]["message"].as_str().unwrap().contains(words),
            "{body}: {error}"
        );
    }
    let pair =
        |question: &str, query: &str| json!({ "question": question, "query": query, "file_ids": [file] });
    for (body, words) in [
        (pair("", "SELECT 1"), "question is empty"),
        (pair("?!", "SELECT 1"), "no word"),
        (pair(&"x".repeat(2_001), "SELECT 1"), "2001 characters"),
        (
            pair("a", &format!("SELECT '{}'", "x".repeat(8_000))),
            "8000 are the most",
        ),
        (pair("a", "DROP TABLE parcels"), "DROP"),
        (pair("a", "SELECT 1; SELECT 2"), "one statement"),
        (pair("a", "SELECT fees FROM parcels"), "fees"),
        (
            json!({ "question": "a", "query": "SELECT 1" }),
            "which connection or which files",
        ),
        (
            json!({ "question": "a", "query": "SELECT 1", "file_ids": [file, file] }),
            "named once",
        ),
    ] {
        let (status, error) = owner.post("/api/v1/examples", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {error}");
        let message = error["error"]["message"].as_str().unwrap().to_lowercase();
        assert!(message.contains(&words.to_lowercase()), "{body}: {error}");
    }
    // Words have one meaning: whatever their case, as a term or as a metric.
    let first = entry(&owner, "term", "Active", "x", None).await;
    let body = json!({ "kind": "metric", "name": "active", "text": "sum(fee)" });
    assert_eq!(
        owner.post("/api/v1/glossary", &body).await.0,
        StatusCode::CONFLICT
    );
    let second = entry(&owner, "term", "idle", "x", None).await;
    let path = format!("/api/v1/glossary/{}", id(&second));
    assert_eq!(
        owner.patch(&path, &json!({ "name": "ACTIVE" })).await.0,
        StatusCode::CONFLICT
    );
    assert_eq!(
        owner.patch(&path, &json!({ "status": "suggested" })).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        owner.patch(&path, &json!({ "origin": "use" })).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(items(&owner, "glossary").await[0]["id"], first["id"]);
    // The tables of a connection are known once its agent has told them.
    let body = json!({ "name": "shop", "db_type": "POSTGRESQL" });
    let connection = add(&owner, "connections", body).await;
    let body = json!({ "question": "a", "query": "SELECT 1", "connection_id": connection["id"] });
    let (status, error) = owner.post("/api/v1/examples", &body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    assert!(error.to_string().contains("agent"), "{error}");
    entry(
        &owner,
        "table",
        "public.orders",
        "sold",
        connection["id"].as_str(),
    )
    .await;
    let gone = format!("/api/v1/connections/{}", id(&connection));
    assert_eq!(owner.delete(&gone).await.0, StatusCode::NO_CONTENT);
    assert!(items(&owner, "glossary?kind=table").await.is_empty());
}

#[tokio::test]
async fn a_full_glossary_takes_no_more() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let document = |count: usize| {
        let terms: String = (0..count)
            .map(|number| format!("- {{name: w{number}, means: x}}\n"))
            .collect();
        let request = owner.request(reqwest::Method::POST, "/api/v1/glossary/import");
        owner.send(request.body(format!("terms:\n{terms}")))
    };
    let (status, error) = document(2_001).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    assert!(error.to_string().contains("2000 entries are the most"), "{error}");
    assert!(items(&owner, "glossary").await.is_empty());
    let (status, imported) = document(2_000).await;
    assert_eq!(
        (status, &imported["added"]),
        (StatusCode::OK, &json!(2_000)),
        "{imported}"
    );
    let one = json!({ "kind": "term", "name": "one more", "text": "x" });
    let (status, error) = owner.post("/api/v1/glossary", &one).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
}

on_both_stores!(
    what_is_about_a_hidden_source_is_hidden_too,
    async |app: &TestApp| {
        let (owner, file) = with_parcels(app).await;
        let metric = entry(
            &owner,
            "metric",
            "net income",
            "sum(fee) - sum(refund)",
            Some(&file),
        )
        .await;
        let pair = example(
            &owner,
            "How is business?",
            "SELECT SUM(fee) AS fees FROM parcels",
            &file,
        )
        .await;
        entry(&owner, "term", "big parcel", "parcels with fee over 500", None).await;
        let member = app.member(&owner, "analyst@example.com", "analyst").await;
        assert_eq!(items(&member, "glossary").await.len(), 2);
        assert_eq!(value(&member, "What is the net income?").await, "1330.00");
        let access = json!({ "everyone": false, "members": [] });
        let (status, set) = owner.put(&format!("/api/v1/files/{file}/access"), &access).await;
        assert_eq!(status, StatusCode::OK, "{set}");
        let seen = items(&member, "glossary").await;
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0]["name"], "big parcel");
        assert!(items(&member, "examples").await.is_empty());
        assert!(
            items(&member, &format!("glossary?source_id={file}"))
                .await
                .is_empty()
        );
        for path in [
            format!("/api/v1/glossary/{}", id(&metric)),
            format!("/api/v1/examples/{}", id(&pair)),
        ] {
            assert_eq!(member.patch(&path, &json!({})).await.0, StatusCode::NOT_FOUND);
            assert_eq!(member.delete(&path).await.0, StatusCode::NOT_FOUND);
        }
        let body = json!({ "kind": "term", "name": "new", "text": "x", "source_id": file });
        assert_eq!(
            member.post("/api/v1/glossary", &body).await.0,
            StatusCode::NOT_FOUND
        );
        // Neither seen in an export nor removed by an import.
        let request = member.request(reqwest::Method::POST, "/api/v1/glossary/import?replace=true");
        let (_, imported) = member.send(request.body("terms: []\n")).await;
        assert_eq!(imported["removed"], 1, "{imported}");
        assert_eq!(items(&owner, "glossary").await.len(), 1);
        assert_eq!(items(&owner, "examples").await.len(), 1);
        assert_eq!(
            ask(&owner, "How is business?", "answered").await["rows"][0][0],
            "1450.75"
        );
    }
);
