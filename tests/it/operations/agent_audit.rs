//! The agent's own record of what it was asked: for its owner's eyes, movable at any time, and no query without.

use std::os::unix::fs::PermissionsExt;

use clean_custard::agent::{self, Served, Terms};
use clean_custard::source;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::app::{TestApp, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn every_query_is_a_line_and_what_cannot_be_written_down_is_not_run() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("shop.db");
    rusqlite::Connection::open(&database)
        .unwrap()
        .execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER); INSERT INTO orders VALUES (1, 10), (2, 26);")
        .unwrap();
    let (status, made) = owner
        .post(
            "/api/v1/connections",
            &json!({ "name": "shop", "db_type": "SQLITE" }),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let audit_file = logs.join("queries.jsonl");
    let served = Served {
        websocket_url: made["websocket_url"].as_str().unwrap().to_owned(),
        key: made["api_key"].as_str().unwrap().to_owned().into(),
        beside: source::connect(&format!("sqlite:{}", database.display()))
            .unwrap()
            .into(),
    };
    let terms = Terms {
        allow_insecure: true,
        audit_file: Some(audit_file.clone()),
        ..Terms::default()
    };
    let agent =
        tokio::spawn(async move { agent::serve(vec![served], terms, CancellationToken::new()).await });
    let id = made["id"].as_str().unwrap();
    eventually("the schema", async || {
        let (_, one) = owner.get(&format!("/api/v1/connections/{id}")).await;
        one["discovered_at"].is_string().then_some(())
    })
    .await;
    let run = async |query: &str| {
        let body = json!({ "query": query, "connection_id": id });
        owner.post("/api/v1/query/run", &body).await.1
    };
    let lines = || -> Vec<Value> {
        let text = std::fs::read_to_string(&audit_file).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };

    let answer = run("SELECT id, total FROM orders").await;
    assert_eq!(answer["outcome"], "answered", "{answer}");
    let line = &lines()[0];
    assert_eq!(
        (&line["outcome"], &line["rows"], &line["error"]),
        (&json!("answered"), &json!(2), &Value::Null)
    );
    assert!(line["query"].as_str().unwrap().contains("orders"));
    assert!(
        line["bytes"].as_u64().unwrap() > 0 && line["elapsed_ms"].is_u64(),
        "{line}"
    );
    assert_eq!(
        line["trace"],
        answer["id"].as_str().unwrap().replace('-', "").as_str()
    );
    let (_, me) = owner.get("/api/v1/audit?action=query.run").await;
    assert_eq!(line["asker"], me["items"][0]["actor_id"]);
    let mode = std::fs::metadata(&audit_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // What the database would not answer is there with its reason.
    let answer = run("SELECT sum(total) AS a FROM orders WHERE abs(-9223372036854775807 - id) > 0").await;
    assert_ne!(answer["outcome"], "answered", "{answer}");
    let line = &lines()[1];
    assert_eq!(line["outcome"], "failed");
    assert!(line["message"].is_string(), "{line}");

    // Moved away, it begins anew; where nothing can be written nothing is answered.
    std::fs::rename(&audit_file, logs.join("queries.jsonl.1")).unwrap();
    run("SELECT id FROM orders").await;
    assert_eq!(lines().len(), 1);
    std::fs::remove_dir_all(&logs).unwrap();
    let answer = run("SELECT id FROM orders").await;
    assert_eq!(answer["error"]["code"], "refused", "{answer}");
    assert!(
        answer["answer"].as_str().unwrap().contains("audit file"),
        "{answer}"
    );
    agent.abort();
}
