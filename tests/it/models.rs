//! The model that an organisation sets for itself: set, tried, used, taken back; its key is kept sealed and never
//! shown.

use std::time::Duration;

use clean_custard::config::{LlmConfig, SignUp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::on_both_stores;
use crate::support::app::{Caller, TestApp};
use crate::support::model::{Model, Reply};

const SALES: &[u8] = b"city,amount\nBerlin,10\nRome,20\n";
const KEY: &str = "sk-own-7f3a99c1";

async fn put(owner: &Caller, body: &Value) -> (StatusCode, Value) {
    owner
        .send(owner.request(Method::PUT, "/api/v1/settings/llm").json(body))
        .await
}

fn own(model: &Model) -> Value {
    json!({ "kind": "own", "base_url": model.url(), "model": "house-1", "api_key": KEY, "context_tokens": 8192 })
}

fn sum(model: &Model) {
    model.rule(|_| Reply::query("SELECT sum(amount) AS total FROM sales", "sum of sales.amount"));
}

on_both_stores!(a_model_is_set_used_and_taken_back, async |app: &TestApp| {
    let owner = app.owner().await;
    owner.upload(&[("sales.csv", SALES)]).await;
    assert_eq!(owner.ask("total amount").await["translator"], "offline");
    let model = Model::start();
    sum(&model);

    // Tried before it is set, and asked nothing of the data.
    let (status, tried) = owner.post("/api/v1/settings/llm/test", &own(&model)).await;
    assert_eq!((status, &tried["ok"]), (StatusCode::OK, &json!(true)), "{tried}");
    let (status, set) = put(&owner, &own(&model)).await;
    assert_eq!(status, StatusCode::OK, "{set}");
    assert_eq!(
        (
            &set["model"],
            &set["key_set"],
            &set["set_by"],
            &set["context_tokens"]
        ),
        (
            &json!("house-1"),
            &json!(true),
            &json!("organization"),
            &json!(8192)
        )
    );
    let answer = owner.ask("total amount").await;
    assert_eq!(
        (&answer["translator"], &answer["rows"]),
        (&json!("llm"), &json!([[30]]))
    );
    assert_eq!(
        model.asked().last().unwrap().header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );

    // The key is shown nowhere, and goes to no other address.
    for path in ["/api/v1/settings", "/status", "/api/v1/audit"] {
        let (_, shown) = owner.get(path).await;
        assert!(!shown.to_string().contains(KEY), "{path}: {shown}");
    }
    let elsewhere = Model::start();
    sum(&elsewhere);
    let moved = json!({ "kind": "own", "base_url": elsewhere.url(), "model": "house-1" });
    let (_, set) = put(&owner, &moved).await;
    assert_eq!(set["key_set"], false, "{set}");
    owner.post("/api/v1/settings/llm/test", &json!(null)).await;
    assert!(
        elsewhere
            .asked()
            .iter()
            .all(|asked| asked.header("authorization").is_none())
    );
    // With the same address it stays.
    put(&owner, &own(&model)).await;
    let (_, set) = put(
        &owner,
        &json!({ "kind": "own", "base_url": model.url(), "model": "house-2" }),
    )
    .await;
    assert_eq!(
        (&set["model"], &set["key_set"]),
        (&json!("house-2"), &json!(true))
    );

    let (_, audit) = owner.get("/api/v1/audit").await;
    assert!(audit.to_string().contains("settings.model_changed"), "{audit}");

    let (_, set) = put(&owner, &json!({ "kind": "offline" })).await;
    assert_eq!(
        (&set["configured"], &set["set_by"]),
        (&json!(false), &json!("organization"))
    );
    assert_eq!(owner.ask("total amount by city").await["translator"], "offline");
    let (_, set) = put(&owner, &json!({ "kind": "server" })).await;
    assert_eq!(set["set_by"], "server");
});

#[tokio::test]
async fn it_survives_a_restart_and_goes_before_the_servers() {
    let servers = Model::start();
    servers.rule(|_| Reply::query("SELECT count(*) FROM sales", "number of sales"));
    let llm = LlmConfig {
        read_timeout: Duration::from_secs(20),
        ..LlmConfig::new(servers.url(), None, "server-1")
    };
    let mut app = TestApp::builder().llm(llm).start().await;
    let owner = app.owner().await;
    owner.upload(&[("sales.csv", SALES)]).await;
    assert_eq!(owner.ask("how many sales?").await["rows"], json!([[2]]));
    let model = Model::start();
    sum(&model);
    put(&owner, &own(&model)).await;
    app.restart().await;
    let owner = app
        .log_in("owner@example.com", crate::support::people::PASSWORD)
        .await;
    // What the other model once wrote is not remembered for this one.
    assert_eq!(owner.ask("how many sales?").await["rows"], json!([[30]]));
    let (_, settings) = owner.get("/api/v1/settings").await;
    assert_eq!(
        (&settings["llm"]["model"], &settings["llm"]["server_model"]),
        (&json!("house-1"), &json!("server-1"))
    );
}

#[tokio::test]
async fn what_cannot_be_a_model_is_refused_with_what_to_do() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    for (body, says) in [
        (
            json!({ "kind": "own", "base_url": "ftp://x/v1", "model": "m" }),
            "http:// or https://",
        ),
        (
            json!({ "kind": "own", "base_url": "https://me:pw@x/v1", "model": "m" }),
            "its own field",
        ),
        (
            json!({ "kind": "own", "base_url": "https://x/v1", "model": " " }),
            "model's name is missing",
        ),
        (
            json!({ "kind": "own", "base_url": "https://x/v1", "model": "m", "api_key": "a\nb" }),
            "key",
        ),
        (
            json!({ "kind": "own", "base_url": "https://x/v1", "model": "m", "context_tokens": 100 }),
            "too small",
        ),
        (
            json!({ "kind": "own", "base_url": "x".repeat(3_000), "model": "m" }),
            "too long",
        ),
        (json!({ "kind": "own", "model": "m" }), "base_url"),
        (json!({ "kind": "none" }), "expected one of"),
    ] {
        let (status, error) = put(&owner, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {error}");
        let message = error["error"]["message"].as_str().expect("a message");
        assert!(message.contains(says), "{body}: {message}");
    }
    let (status, error) = owner
        .post("/api/v1/settings/llm/test", &json!({ "kind": 5 }))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    let (_, settings) = owner.get("/api/v1/settings").await;
    assert_eq!(settings["llm"]["set_by"], "server");
}

#[tokio::test]
async fn where_strangers_may_sign_up_they_choose_no_addresses() {
    let app = TestApp::builder()
        .config(|config| config.accounts.sign_up = SignUp::Open)
        .start()
        .await;
    let owner = app.owner().await;
    let model = Model::start();
    for (status, error) in [
        put(&owner, &own(&model)).await,
        owner.post("/api/v1/settings/llm/test", &own(&model)).await,
    ] {
        assert_eq!(status, StatusCode::FORBIDDEN, "{error}");
    }
    assert!(model.asked().is_empty());
}
