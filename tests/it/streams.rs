//! One's own query with its rows streamed as Arrow: whole, unstored, cancelled when the client leaves, and
//! never a part that looks like the whole.

use std::io::Cursor;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::ipc::reader::StreamReader;
use clean_custard::config::PolicyConfig;
use clean_custard::source::connect;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{Caller, TestApp, eventually};
use crate::support::beside::{Beside, agent_beside};
use crate::support::postgres::{Database, database};

const ARROW: &str = "application/vnd.apache.arrow.stream";

/// The one query of this database that is not the test's own; PostgreSQL lists its parallel workers as well.
const ACTIVE: &str = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() \
                      AND datname = current_database() AND backend_type = 'client backend'";

async fn run(caller: &Caller, body: &Value) -> Response {
    caller
        .request(Method::POST, "/api/v1/query/run")
        .header(ACCEPT, ARROW)
        .json(body)
        .send()
        .await
        .expect("an answer")
}

/// The rows of a body that came to its end.
async fn rows(response: Response) -> Vec<RecordBatch> {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], ARROW);
    let body = response.bytes().await.expect("a whole body");
    StreamReader::try_new(Cursor::new(body), None)
        .expect("a stream")
        .collect::<Result<Vec<_>, _>>()
        .expect("batches")
}

/// Why the query of this response failed, as its asker can look it up.
async fn reason(caller: &Caller, id: &str) -> Value {
    let path = format!("/api/v1/query/{id}");
    eventually("the reason to be kept", || async {
        let (status, answer) = caller.get(&path).await;
        (status == StatusCode::OK).then_some(answer)
    })
    .await
}

fn id_of(response: &Response) -> String {
    response.headers()["x-query-id"]
        .to_str()
        .expect("text")
        .to_owned()
}

/// Nothing of a stream that went well is kept anywhere.
async fn assert_nothing_kept(app: &TestApp, caller: &Caller) {
    let (_, list) = caller.get("/api/v1/query").await;
    assert_eq!(list["queries"], json!([]));
    let (_, list) = caller.get("/api/v1/conversations").await;
    assert_eq!(list["conversations"], json!([]));
    let results = app.data_dir.path().join("data/results");
    let stored = std::fs::read_dir(results).map_or(0, Iterator::count);
    assert_eq!(stored, 0);
}

struct Shop {
    app: TestApp,
    owner: Caller,
    beside: Beside,
    database: Database<'static>,
}

/// A server that keeps at most ten rows of a result, and an agent beside a table of 300,000 numbers.
async fn shop(policy: PolicyConfig) -> Shop {
    let database = database("CREATE TABLE n AS SELECT g AS i FROM generate_series(1, 300000) AS g; ANALYZE;");
    let app = TestApp::builder()
        .config(|config| config.query.max_rows = 10)
        .start()
        .await;
    let owner = app.owner().await;
    let beside = agent_beside(&owner, connect(&database.url()).expect("a URL"), policy).await;
    Shop {
        app,
        owner,
        beside,
        database,
    }
}

impl Shop {
    fn query(&self, query: &str) -> Value {
        json!({ "query": query, "connection_id": self.beside.connection_id })
    }
}

#[tokio::test]
async fn rows_of_files_stream_and_nothing_is_kept() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let (_, uploaded) = owner
        .upload(&[("sales.csv", b"city,amount\nBerlin,10.50\nRome,20.25\n")])
        .await;
    let file = &uploaded["files"][0]["id"];
    let query = json!({ "query": "SELECT city, amount FROM sales ORDER BY city", "file_ids": [file] });
    let batches = rows(run(&owner, &query).await).await;
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    assert_eq!(batches[0].column(0).as_string::<i32>().value(1), "Rome");
    let none = json!({ "query": "SELECT city FROM sales WHERE city = 'Oslo'", "file_ids": [file] });
    assert!(
        rows(run(&owner, &none).await)
            .await
            .iter()
            .all(|batch| batch.num_rows() == 0)
    );
    assert_nothing_kept(&app, &owner).await;
}

#[tokio::test]
async fn all_rows_come_through_an_agent_whatever_the_server_keeps_of_a_result() {
    let shop = shop(PolicyConfig::default()).await;
    let batches = rows(
        run(
            &shop.owner,
            &shop.query("SELECT i, i % 7 = 0 AS seventh FROM n ORDER BY i"),
        )
        .await,
    )
    .await;
    let mut expected = 1;
    for batch in &batches {
        for value in batch.column(0).as_primitive::<Int64Type>().iter() {
            assert_eq!(value, Some(expected));
            expected += 1;
        }
        assert_eq!(batch.column(1).null_count(), 0);
    }
    assert_eq!(expected, 300_001);
    assert_nothing_kept(&shop.app, &shop.owner).await;
    shop.database.wait_for(ACTIVE, "0").await;
}

#[tokio::test]
async fn every_stream_is_written_into_the_audit_log_however_small() {
    let shop = shop(PolicyConfig::default()).await;
    let small = shop.query("SELECT i FROM n WHERE i <= 3");
    for _ in 0..20 {
        rows(run(&shop.owner, &small).await).await;
    }
    // Many at once are written together, and none is lost.
    futures::future::join_all((0..20).map(|_| async { rows(run(&shop.owner, &small).await).await })).await;
    rows(run(&shop.owner, &shop.query("SELECT i FROM n")).await).await;
    let entries = eventually("all of them to be written down", || async {
        let (_, audit) = shop.owner.get("/api/v1/audit?action=query.run&limit=100").await;
        let entries = audit["items"].as_array().expect("a list").clone();
        (entries.len() == 41).then_some(entries)
    })
    .await;
    let of = |rows: u64| {
        entries
            .iter()
            .filter(|entry| {
                entry["details"]["rows"] == json!(rows) && entry["details"]["outcome"] == "answered"
            })
            .count()
    };
    assert_eq!((of(3), of(300_000)), (40, 1), "{entries:?}");
}

#[tokio::test]
async fn a_client_that_leaves_cancels_down_to_the_database() {
    let shop = shop(PolicyConfig::default()).await;
    // Before the first row.
    let endless = shop.query("SELECT count(*) AS n FROM n a, n b, n c");
    let asking = tokio::spawn({
        let owner = shop.owner.clone();
        async move { run(&owner, &endless).await.status() }
    });
    shop.database.wait_for(ACTIVE, "1").await;
    asking.abort();
    shop.database.wait_for(ACTIVE, "0").await;

    // In the middle of the rows, which the client does not read: the database waits, nothing piles up.
    let mut response = run(&shop.owner, &shop.query("SELECT a.i, b.i AS j FROM n a, n b")).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.chunk().await.expect("a chunk").expect("rows");
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite' \
                   AND datname = current_database()";
    shop.database.wait_for(waiting, "1").await;
    drop(response);
    shop.database.wait_for(ACTIVE, "0").await;
    assert_nothing_kept(&shop.app, &shop.owner).await;
}

#[tokio::test]
async fn an_error_after_the_first_rows_breaks_the_body_off_and_is_kept() {
    let shop = shop(PolicyConfig::default()).await;
    let query = shop.query("SELECT 1 / (250000 - i) AS q FROM n");
    let response = run(&shop.owner, &query).await;
    assert_eq!(response.status(), StatusCode::OK, "the first rows are good");
    let id = id_of(&response);
    response
        .bytes()
        .await
        .expect_err("half a result must not look whole");
    let answer = reason(&shop.owner, &id).await;
    assert_eq!(answer["outcome"], "failed", "{answer}");
    assert_eq!(answer["error"]["code"], "source");
    let sentence = answer["answer"].as_str().expect("a sentence");
    assert!(
        sentence.contains("broke off after") && sentence.contains("division by zero"),
        "{sentence}"
    );
    assert_eq!(answer["sources"][0]["tables"], json!(["public.n"]));
}

#[tokio::test]
async fn a_stream_can_be_cancelled_by_its_id() {
    let shop = shop(PolicyConfig::default()).await;
    let mut response = run(&shop.owner, &shop.query("SELECT a.i, b.i AS j FROM n a, n b")).await;
    let id = id_of(&response);
    response.chunk().await.expect("a chunk").expect("rows");
    let (_, cancelled) = shop
        .owner
        .post(&format!("/api/v1/query/{id}/cancel"), &json!({}))
        .await;
    assert_eq!(cancelled["cancelled"], true);
    while let Ok(chunk) = response.chunk().await {
        assert!(chunk.is_some(), "the body came to a good end");
    }
    shop.database.wait_for(ACTIVE, "0").await;
    assert_eq!(reason(&shop.owner, &id).await["error"]["code"], "cancelled");
}

#[tokio::test]
async fn what_the_agents_policy_cuts_does_not_look_whole() {
    let policy = PolicyConfig {
        max_rows: 1_000,
        ..PolicyConfig::default()
    };
    let shop = shop(policy).await;
    let exactly = rows(run(&shop.owner, &shop.query("SELECT i FROM n ORDER BY i LIMIT 1000")).await).await;
    assert_eq!(exactly.iter().map(RecordBatch::num_rows).sum::<usize>(), 1_000);
    let response = run(&shop.owner, &shop.query("SELECT i FROM n ORDER BY i")).await;
    let id = id_of(&response);
    response
        .bytes()
        .await
        .expect_err("a part must not look like the whole");
    let answer = reason(&shop.owner, &id).await;
    assert_eq!(answer["error"]["code"], "too_large");
    assert!(
        answer["answer"]
            .as_str()
            .expect("a sentence")
            .contains("1000 rows"),
        "{answer}"
    );
}

/// The agent asks its database before it runs anything, whoever asks the agent.
#[tokio::test]
async fn what_the_agents_policy_finds_too_expensive_is_refused() {
    let policy = PolicyConfig {
        max_cost: Some(10_000_000),
        max_estimated_rows: Some(1_000_000),
        ..PolicyConfig::default()
    };
    let shop = shop(policy).await;
    let cheap = rows(run(&shop.owner, &shop.query("SELECT i FROM n WHERE i < 10")).await).await;
    assert_eq!(cheap.iter().map(RecordBatch::num_rows).sum::<usize>(), 9);
    let everything = shop.query("SELECT count(*) AS c FROM n a, n b");
    let response = run(&shop.owner, &everything).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let error: Value = response.json().await.expect("JSON");
    assert_eq!(error["error"]["code"], "refused");
    let message = error["error"]["message"].as_str().expect("a sentence");
    assert!(
        message.contains("e10 rows") && message.contains("a condition on n"),
        "{message}"
    );
    let (_, answer) = shop.owner.post("/api/v1/query/run", &everything).await;
    assert_eq!(answer["outcome"], "refused", "{answer}");
    assert_eq!(answer["answer"], message);
}

#[tokio::test]
async fn what_cannot_run_is_an_error_of_the_usual_shape() {
    let shop = shop(PolicyConfig::default()).await;
    for (query, status, code) in [
        ("DELETE FROM n", StatusCode::BAD_REQUEST, "refused"),
        ("SELECT i FROM n; SELECT 1", StatusCode::BAD_REQUEST, "refused"),
        ("SELECT pg_sleep(1)", StatusCode::BAD_REQUEST, "refused"),
        ("SELECT j FROM n", StatusCode::BAD_GATEWAY, "source"),
        (
            "SELECT 1 / (i - 1) AS q FROM n",
            StatusCode::BAD_GATEWAY,
            "source",
        ),
        (" ", StatusCode::BAD_REQUEST, "invalid"),
    ] {
        let response = run(&shop.owner, &shop.query(query)).await;
        assert_eq!(response.status(), status, "{query}");
        let error: Value = response.json().await.expect("JSON");
        assert_eq!(error["error"]["code"], code, "{query}: {error}");
    }
    let unknown = json!({ "query": "SELECT 1", "connection_id": "0198f0a2-0000-7000-8000-000000000000" });
    assert_eq!(run(&shop.owner, &unknown).await.status(), StatusCode::NOT_FOUND);
    let nowhere = json!({ "query": "SELECT 1" });
    let response = run(&shop.app.anonymous(), &nowhere).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_nothing_kept(&shop.app, &shop.owner).await;
}
