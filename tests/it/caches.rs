//! What is remembered helps, and is forgotten when it is no longer true.

use clean_custard::config::LlmConfig;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::model::{Model, Reply};

const PEOPLE: &[u8] = b"name,town\nZoe,Ulm\nYan,Bonn\n";

async fn with(model: &Model) -> TestApp {
    let llm = LlmConfig::new(model.url(), None, "scripted-1");
    TestApp::builder().llm(llm).start().await
}

#[tokio::test]
async fn a_translation_that_worked_is_not_made_twice() {
    let model = Model::start();
    model.rule(|_| Reply::query("SELECT count(*) AS people FROM people", "how many people"));
    let app = with(&model).await;
    let owner = app.owner().await;
    owner.upload(&[("people.csv", PEOPLE)]).await;
    for _ in 0..3 {
        let answer = owner.ask("How many people are there?").await;
        assert_eq!(answer["rows"], json!([[2]]), "{answer}");
    }
    assert_eq!(model.asked().len(), 1);
    owner.ask("How many persons are there?").await;
    assert_eq!(model.asked().len(), 2, "another question is another translation");
    // The tables have changed: what was true may not be.
    owner.upload(&[("towns.csv", b"town,river\nUlm,Danube\n")]).await;
    owner.ask("How many people are there?").await;
    assert_eq!(model.asked().len(), 3);
}

/// Whoever looks after a server sees what each cache holds and how often it helped.
#[tokio::test]
async fn the_status_tells_of_every_cache() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    for _ in 0..3 {
        owner.get("/api/v1/conversations").await;
    }
    let status = owner.get("/status").await.1;
    let caches = status["caches"].as_array().unwrap();
    let names: Vec<&str> = caches
        .iter()
        .map(|cache| cache["name"].as_str().unwrap())
        .collect();
    for name in ["sessions", "catalogs", "translations", "schemas"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let sessions = caches.iter().find(|cache| cache["name"] == "sessions").unwrap();
    assert!(sessions["hits"].as_u64().unwrap() >= 2, "{sessions}");
    assert!(sessions["misses"].as_u64().unwrap() >= 1, "{sessions}");
}

/// What is remembered is what ran in the end, not the first attempt.
#[tokio::test]
async fn a_repaired_query_is_remembered_as_repaired() {
    let model = Model::start();
    model.queue(Reply::query(
        "SELECT count(nickname) AS people FROM people",
        "how many people",
    ));
    model.queue(Reply::query(
        "SELECT count(*) AS people FROM people",
        "how many people",
    ));
    let app = with(&model).await;
    let owner = app.owner().await;
    owner.upload(&[("people.csv", PEOPLE)]).await;
    let first = owner.ask("How many people are there?").await;
    assert_eq!(
        (&first["attempts"], &first["rows"]),
        (&json!(2), &json!([[2]])),
        "{first}"
    );
    let again = owner.ask("How many people are there?").await;
    assert_eq!(
        (&again["attempts"], &again["rows"]),
        (&json!(1), &json!([[2]])),
        "{again}"
    );
    assert_eq!(model.asked().len(), 2);
}

/// A refusal may have been the model's mood.
#[tokio::test]
async fn refusals_are_thought_about_anew() {
    let model = Model::start();
    model.queue(Reply::refuse("I do not feel like it."));
    model.queue(Reply::query(
        "SELECT count(*) AS people FROM people",
        "how many people",
    ));
    let app = with(&model).await;
    let owner = app.owner().await;
    owner.upload(&[("people.csv", PEOPLE)]).await;
    assert_eq!(
        owner.ask("How many people are there?").await["outcome"],
        "refused"
    );
    assert_eq!(
        owner.ask("How many people are there?").await["outcome"],
        "answered"
    );
}
