//! The YAML document: out, in somewhere else, out again; and what is wrong with one names its line.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ask, entry, example, id, items, upload, value, with_parcels};
use crate::on_both_stores;
use crate::support::app::{Caller, TestApp};

async fn export(caller: &Caller) -> String {
    let response = caller
        .request(Method::GET, "/api/v1/glossary/export")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let content_type = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
    assert!(content_type.starts_with("application/yaml"), "{content_type}");
    response.text().await.unwrap()
}

async fn import(caller: &Caller, text: &str, replace: bool) -> (StatusCode, Value) {
    let path = format!("/api/v1/glossary/import?replace={replace}");
    let request = caller
        .request(Method::POST, &path)
        .header(CONTENT_TYPE, "application/yaml")
        .body(text.to_owned());
    caller.send(request).await
}

fn counts(added: u64, changed: u64, unchanged: u64, removed: u64) -> Value {
    json!({ "added": added, "changed": changed, "unchanged": unchanged, "removed": removed })
}

on_both_stores!(
    everything_taught_travels_as_one_document,
    async |app: &TestApp| {
        let (owner, file) = with_parcels(app).await;
        assert_eq!(export(&owner).await, "# Nothing has been taught yet.\n");
        entry(
            &owner,
            "metric",
            "net income",
            "sum(fee) - sum(refund)",
            Some(&file),
        )
        .await;
        entry(&owner, "term", "big parcel", "parcels with fee over 500", None).await;
        entry(
            &owner,
            "table",
            "parcels",
            "One row per parcel:\n- sent or not",
            Some(&file),
        )
        .await;
        entry(&owner, "column", "parcels.zw", "yes", Some(&file)).await;
        let query = "SELECT town,\n       SUM(fee) AS fees\nFROM parcels\nGROUP BY town";
        example(&owner, "How is business?", query, &file).await;
        // A suggestion is nothing that anybody approved.
        let answer = ask(&owner, "total fee", "answered").await;
        let path = format!("/api/v1/query/{}/feedback", id(&answer));
        owner.put(&path, &json!({ "verdict": "right" })).await;
        let text = export(&owner).await;
        assert!(!text.contains("total fee"), "{text}");
        assert!(
            text.contains("How is business?") && text.contains("parcels.csv"),
            "{text}"
        );
        assert!(!text.contains(&file), "{text}");
        assert_eq!(
            import(&owner, &text, true).await,
            (StatusCode::OK, counts(0, 0, 5, 0))
        );

        let elsewhere = TestApp::builder().start().await;
        let (other, _) = with_parcels(&elsewhere).await;
        assert_eq!(
            import(&other, &text, false).await,
            (StatusCode::OK, counts(5, 0, 0, 0))
        );
        assert_eq!(export(&other).await, text);
        assert_eq!(value(&other, "What is the net income?").await, "1330.00");
        assert_eq!(ask(&other, "How is business?", "answered").await["row_count"], 2);
        let metric = &items(&other, "glossary?kind=metric").await[0];
        assert_eq!(
            (&metric["origin"], &metric["status"]),
            (&json!("import"), &json!("active"))
        );

        let changed = text.replace("over 500", "over 100");
        assert_eq!(
            import(&owner, &changed, false).await,
            (StatusCode::OK, counts(0, 1, 4, 0))
        );
        assert_eq!(value(&owner, "How many big parcels are there?").await, json!(3));
        let only = "terms:\n- name: small parcel\n  means: parcels with fee under 50\n";
        assert_eq!(
            import(&owner, only, false).await,
            (StatusCode::OK, counts(1, 0, 0, 0))
        );
        assert_eq!(
            import(&owner, only, true).await,
            (StatusCode::OK, counts(0, 0, 1, 5))
        );
        assert_eq!(export(&owner).await, only);
        // What waits for somebody waits on.
        assert_eq!(items(&owner, "examples?status=suggested").await.len(), 1);
    }
);

#[tokio::test]
async fn an_import_happens_as_a_whole_or_not_at_all() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_parcels(&app).await;
    let good = "terms:\n- name: big parcel\n  means: parcels with fee over 500\n";
    for (bad, line, words) in [
        ("- name: x\n", "Line 4", ""),
        ("  souce: parcels.csv\n", "Line 4", "souce"),
        (
            "- name: other\n  means: x\n  source: nowhere.csv\n",
            "Line 4",
            "parcels.csv",
        ),
        ("- name: big parcel\n  means: another\n", "Line 4", "twice"),
        ("- name: \"a: b\"\n  means: x\n", "Line 4", "colon"),
        ("metrics: [\n", "Line", ""),
        (
            "descriptions:\n- source: parcels.csv\n  text: x\n",
            "Line 5",
            "table or of a column",
        ),
        (
            "examples:\n- question: a\n  query: DELETE FROM parcels\n  sources: [parcels.csv]\n",
            "Line 5",
            "",
        ),
        (
            "examples:\n- question: a\n  query: SELECT nothing FROM parcels\n  sources: [parcels.csv]\n",
            "Line 5",
            "nothing",
        ),
        (
            "examples:\n- question: a\n  query: SELECT 1\n  sources: []\n",
            "Line 5",
            "which files",
        ),
        ("secrets: 1\n", "Line 4", "secrets"),
    ] {
        let (status, error) = import(&owner, &format!("{good}{bad}"), true).await;
        let message = error["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}: {error}");
        assert!(
            message.starts_with(line) && message.contains(words),
            "{bad}: {message}"
        );
        assert!(
            !message.contains("serde") && !message.contains("panicked"),
            "{message}"
        );
    }
    // A few lines that unfold to gigabytes.
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 9].join(", ")));
    }
    assert_eq!(import(&owner, &bomb, false).await.0, StatusCode::BAD_REQUEST);
    let binary = owner
        .request(Method::POST, "/api/v1/glossary/import")
        .body(vec![0xff, 0xfe, 0x00]);
    assert_eq!(owner.send(binary).await.0, StatusCode::BAD_REQUEST);
    assert!(items(&owner, "glossary").await.is_empty());
    assert!(items(&owner, "examples").await.is_empty());
    // Two files of one name: nobody can tell which one is meant.
    upload(&owner, "parcels.csv", b"a,b\n1,2\n").await;
    let one = "terms:\n- name: x\n  means: y\n  source: parcels.csv\n";
    let (status, error) = import(&owner, one, false).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(error.to_string().contains("2 connections and files"), "{error}");
    let body = json!({ "kind": "term", "name": "x", "text": "y", "source_id": file });
    assert_eq!(owner.post("/api/v1/glossary", &body).await.0, StatusCode::CREATED);
}
