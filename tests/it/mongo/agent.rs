//! MongoDB as people use it: behind an agent through the server's API, with a model that writes pipelines, and
//! from the command line.

use std::process::{Command, Output, Stdio};

use clean_custard::agent::{self, Beside, Served, Terms};
use clean_custard::config::{DatabaseParts, LlmConfig};
use clean_custard::source::connect;
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::shop::shop;
use crate::support::app::{Caller, TestApp, eventually};
use crate::support::model::{Model, Reply};
use crate::support::mongo::{Database, READER, READER_PASSWORD, shared};
use crate::support::process::Process;

/// A connection of the kind, and an agent that serves it until it is dropped.
async fn connected(caller: &Caller, beside: Beside) -> (String, tokio_util::sync::DropGuard) {
    let (status, made) = caller
        .post(
            "/api/v1/connections",
            &json!({"name": "Shop", "db_type": "MONGODB"}),
        )
        .await;
    assert_eq!(status, 201, "{made}");
    assert!(
        made["agent_command"]
            .as_str()
            .is_some_and(|command| command.contains("27017")),
        "{made}"
    );
    let id = made["id"].as_str().expect("an id").to_owned();
    let served = Served {
        websocket_url: made["websocket_url"].as_str().expect("a URL").to_owned(),
        key: made["api_key"].as_str().expect("a key").to_owned().into(),
        beside,
    };
    let stop = CancellationToken::new();
    tokio::spawn(agent::serve(vec![served], Terms::default(), stop.clone()));
    eventually("the schema arrives", || async {
        let (_, schema) = caller.get(&format!("/api/v1/connections/{id}/schema")).await;
        (!schema["discovered_at"].is_null()).then_some(())
    })
    .await;
    (id, stop.drop_guard())
}

fn parts(database: &Database<'_>) -> DatabaseParts {
    DatabaseParts {
        host: Some("127.0.0.1".into()),
        port: Some(shared().port),
        name: Some(database.name.clone()),
        user: Some(READER.into()),
        password: Some(READER_PASSWORD.to_owned().into()),
        ..DatabaseParts::default()
    }
}

#[actix_web::test]
async fn a_pipeline_of_ones_own_runs_behind_an_agent() {
    let database = shop(shared()).await;
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    // The kind comes with the server's welcome.
    let (id, _agent) = connected(&owner, Beside::Parts(parts(&database))).await;
    let (_, status) = owner.get(&format!("/api/v1/connections/{id}")).await;
    assert_eq!(status["db_type"], "MONGODB");
    assert_eq!(
        (&status["agent"], &status["database"]),
        (&json!("online"), &json!("reachable"))
    );
    assert_eq!(status["role_warnings"], json!([]));
    let (_, schema) = owner.get(&format!("/api/v1/connections/{id}/schema")).await;
    let orders = &schema["tables"][1];
    assert_eq!(
        (&orders["name"], &orders["columns"][2]["name"]),
        (&json!("orders"), &json!("at"))
    );
    assert_eq!(
        orders["columns"][2]["types"],
        json!([{"name": "date", "share": 1.0}])
    );

    let query = json!({"collection": "orders", "pipeline": [
        {"$group": {"_id": "$status", "n": {"$sum": 1}}}, {"$sort": {"n": -1}}, {"$project": {"_id": 0, "status": "$_id", "n": 1}},
    ]});
    let run = async |query: &str| {
        let (status, answer) = owner
            .post("/api/v1/query/run", &json!({"query": query, "connection_id": id}))
            .await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let answer = run(&query.to_string()).await;
    assert_eq!(answer["outcome"], "answered", "{answer}");
    assert_eq!(answer["dialect"], "mongodb");
    assert_eq!(answer["rows"], json!([[18, "paid"], [6, "open"]]));
    assert_eq!(answer["sources"][0]["tables"], json!(["orders"]));
    let shown: Value = serde_json::from_str(answer["query"].as_str().expect("a query")).expect("JSON");
    assert_eq!(shown, query, "the query is shown as JSON");

    let before = database.fingerprint().await;
    let refused = run(r#"{"collection": "orders", "pipeline": [{"$out": "stolen"}]}"#).await;
    assert_eq!(
        (&refused["outcome"], &refused["error"]["code"]),
        (&json!("refused"), &json!("refused"))
    );
    let unknown = run(r#"{"collection": "orders", "filter": {"totl": 1}}"#).await;
    assert_eq!(unknown["outcome"], "failed");
    assert!(
        unknown["answer"]
            .as_str()
            .is_some_and(|words| words.contains("total")),
        "{unknown}"
    );
    assert_eq!(database.fingerprint().await, before);
}

/// A rare field stays known when the agent that met it was restarted, and its newer samples miss it.
#[actix_web::test]
async fn what_samples_told_outlives_the_agent() {
    let plain = |from: i32, to: i32| (from..to).map(|n| doc! {"_id": n, "n": n}).collect::<Vec<_>>();
    let database = shared()
        .database(&[("events", plain(0, 2_000)), ("gone", plain(0, 10))])
        .await;
    let events = database.root().collection::<Document>("events");
    events
        .insert_one(doc! {"_id": 2_000, "n": 1, "detail": {"voucher": "summer"}})
        .await
        .expect("a document");
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let made = json!({"name": "Shop", "db_type": "MONGODB"});
    let (_, made) = owner.post("/api/v1/connections", &made).await;
    let id = made["id"].as_str().expect("an id");
    // A process of its own knows nothing of the one before.
    let start = || {
        let served = Served {
            websocket_url: made["websocket_url"].as_str().expect("a URL").to_owned(),
            key: made["api_key"].as_str().expect("a key").to_owned().into(),
            beside: connect(&database.url()).expect("a URL").into(),
        };
        let stop = CancellationToken::new();
        tokio::spawn(agent::serve(vec![served], Terms::default(), stop.clone()));
        stop.drop_guard()
    };
    let fields = async |wanted: &str| {
        eventually("the schema", || async {
            let (_, schema) = owner.get(&format!("/api/v1/connections/{id}/schema")).await;
            let text = schema.to_string();
            text.contains(wanted).then_some(text)
        })
        .await
    };
    let voucher = json!({"collection": "events", "pipeline": [
        {"$match": {"detail.voucher": "summer"}}, {"$project": {"_id": 0, "n": 1}},
    ]});
    let body = json!({"query": voucher.to_string(), "connection_id": id});
    let online = async |state: &str| {
        eventually("the agent", || async {
            let (_, connection) = owner.get(&format!("/api/v1/connections/{id}")).await;
            (connection["agent"] == state).then_some(())
        })
        .await;
    };
    let first = start();
    assert!(fields("detail.voucher").await.contains("gone"));
    drop(first);
    online("offline").await;
    // Now it is one of twenty thousand, in the middle.
    for from in [2_001, 12_001] {
        events
            .insert_many(plain(from, from + 10_000))
            .await
            .expect("documents");
    }
    database
        .root()
        .collection::<Document>("gone")
        .drop()
        .await
        .expect("dropped");
    let _second = start();
    eventually("the new schema", || async {
        let (_, schema) = owner.get(&format!("/api/v1/connections/{id}/schema")).await;
        (!schema.to_string().contains("gone")).then_some(())
    })
    .await;
    fields("detail.voucher").await;
    let (_, answer) = owner.post("/api/v1/query/run", &body).await;
    assert_eq!(answer["rows"], json!([[1]]), "{answer}");
}

/// Killed as by kill -9: mongod notices by itself that nobody waits any more.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_in_the_middle_leaves_nothing_at_the_database() {
    let database = super::many(shared()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::server(folder.path()).await;
    let owner = server.owner().await;
    let made = json!({"name": "Shop", "db_type": "MONGODB"});
    let (_, made) = owner.post("/api/v1/connections", &made).await;
    let text = |name: &str| made[name].as_str().expect(name).to_owned();
    let (id, url, key) = (text("id"), text("websocket_url"), text("api_key"));
    let mut agent = Process::agent(folder.path(), &url, &key, &database.url(), &[]);
    eventually("the schema", || async {
        let (_, schema) = owner.get(&format!("/api/v1/connections/{id}/schema")).await;
        (!schema["discovered_at"].is_null()).then_some(())
    })
    .await;
    let asking: Vec<_> = (0..3)
        .map(|_| {
            let (owner, body) = (
                owner.clone(),
                json!({"query": super::endless(), "connection_id": id}),
            );
            tokio::spawn(async move { owner.post("/api/v1/query/run", &body).await })
        })
        .collect();
    database.wait_for_busy(|busy| busy >= 3).await;
    agent.kill();
    for query in asking {
        let (_, answer) = query.await.expect("no panic");
        assert_eq!(answer["error"]["code"], "agent_offline", "{answer}");
    }
    database.wait_for_busy(|busy| busy == 0).await;
}

#[actix_web::test]
async fn a_question_becomes_a_pipeline() {
    let database = shop(shared()).await;
    let model = Model::start();
    let app = TestApp::builder()
        .llm(LlmConfig::new(model.url(), Some("key".into()), "scripted-1"))
        .start()
        .await;
    let owner = app.owner().await;
    let (id, _agent) = connected(&owner, Beside::Source(connect(&database.url()).unwrap())).await;
    // First as text with a slip that the guard finds, then as an object.
    model.queue(Reply::query(
        r#"{"collection": "orders", "pipeline": [{"$match": {"at": {"$gte": "2024-06-01"}}}]}"#,
        "orders since June",
    ));
    model.queue(Reply::says(
        json!({"kind": "query", "explanation": "sum of orders.total by status since June", "options": [], "query": {
            "collection": "orders", "pipeline": [
                {"$match": {"at": {"$gte": {"$date": "2024-06-01T00:00:00Z"}}}},
                {"$group": {"_id": "$status", "revenue": {"$sum": "$total"}}},
                {"$sort": {"revenue": -1}},
                {"$project": {"_id": 0, "status": "$_id", "revenue": 1}},
            ],
        }})
        .to_string(),
    ));
    let (status, answer) = owner
        .post(
            "/api/v1/query",
            &json!({"question": "revenue by status since June", "connection_id": id}),
        )
        .await;
    assert_eq!(
        (status.as_u16(), &answer["outcome"]),
        (200, &json!("answered")),
        "{answer}"
    );
    assert_eq!(answer["attempts"], 2);
    assert_eq!(answer["columns"][0], json!({"name": "revenue", "type": "float"}));
    assert_eq!(answer["row_count"], 2);
    assert!(!answer["chart"].is_null(), "{answer}");
    let asked = model.asked();
    assert!(
        asked[0].message(0).contains("MongoDB aggregation"),
        "the model is told the dialect"
    );
    assert!(asked[0].message(1).contains("items.qty"), "and the paths");
    assert!(asked[1].message(1).contains("holds dates"), "and what was wrong");
}

fn run(database: &Database<'_>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clean-custard"));
    for name in [
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_MODEL",
        "DATABASE_URL",
    ] {
        command.env_remove(name);
    }
    command
        .env("CUSTARD_SOURCE", database.url())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

#[actix_web::test]
async fn the_command_line_asks_mongodb() {
    let database = shop(shared()).await;
    let model = Model::start();
    let query = r#"{"collection": "customers", "pipeline": [{"$sortByCount": "$address.city"}, {"$project": {"_id": 0, "city": "$_id", "customers": "$count"}}, {"$sort": {"customers": -1, "city": 1}}]}"#;
    model.queue(Reply::query(query, "customers by address.city"));
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        config.path(),
        format!(
            "[llm]\nbase_url = \"{}\"\nmodel = \"scripted-1\"\napi_key = \"key\"\n",
            model.url()
        ),
    )
    .unwrap();
    let config = config.path().to_str().unwrap();
    let output = run(&database, &["ask", "--config", config, "customers by city"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}\n{errors}");
    for part in [
        "Bern",
        "Basel",
        "Chur",
        "\"collection\": \"customers\"",
        "Read as: customers by address.city",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert_eq!(errors, "", "a user that only reads is no reason to warn");
}
