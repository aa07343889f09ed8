//! The same for a database behind an agent: what was taught about its connection, and a table that changes under it.

use clean_custard::config::{LlmConfig, PolicyConfig};
use clean_custard::source::connect;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{add, entry, id, items};
use crate::support::app::{Caller, TestApp, eventually};
use crate::support::beside::agent_beside;
use crate::support::model::{Model, Reply};
use crate::support::postgres::database;

const SCRIPT: &str = "CREATE TABLE parcels (parcel_id int PRIMARY KEY, town text, fee numeric(10,2), zw int);
    COMMENT ON COLUMN parcels.zw IS 'do not know';
    INSERT INTO parcels VALUES (1, 'Lund', 120.50, 3), (2, 'Malmo', 700, 11);
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;";

async fn ask(caller: &Caller, question: &str, connection: &str) -> Value {
    let body = json!({ "question": question, "connection_id": connection });
    let (status, answer) = caller.post("/api/v1/query", &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

#[tokio::test]
async fn a_connection_is_taught_and_an_example_that_no_longer_fits_is_left_out() {
    let database = database(SCRIPT);
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let source = connect(&database.url()).unwrap();
    let beside = agent_beside(&owner, source, PolicyConfig::default()).await;
    let shop = beside.connection_id.clone();
    entry(&owner, "metric", "takings", "sum(fee)", Some(&shop)).await;
    let answer = ask(&owner, "What are the takings by town?", &shop).await;
    assert_eq!(
        answer["rows"],
        json!([["Malmo", "700.00"], ["Lund", "120.50"]]),
        "{answer}"
    );
    let pair = |query: &str| json!({ "question": "How is business?", "query": query, "connection_id": shop });
    let (status, error) = owner
        .post("/api/v1/examples", &pair("SELECT fees FROM parcels"))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    let made = add(&owner, "examples", pair("SELECT MAX(zw) AS most FROM parcels")).await;
    assert_eq!(
        (&made["connection_id"], &made["dialect"], &made["source_names"]),
        (&json!(shop), &json!("postgresql"), &json!(["shop"]))
    );
    let answer = ask(&owner, "how is business", &shop).await;
    assert_eq!(answer["rows"], json!([[11]]), "{answer}");
    assert_eq!(answer["interpretation"], "as approved: How is business?");

    let export = owner.request(reqwest::Method::GET, "/api/v1/glossary/export");
    let text = export.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("source: shop") && text.contains("- shop"), "{text}");

    database.psql("ALTER TABLE parcels RENAME COLUMN zw TO weight");
    let refresh = format!("/api/v1/connections/{shop}/refresh-schema");
    owner.post(&refresh, &json!({})).await;
    let answer = eventually("the new schema", async || {
        let answer = ask(&owner, "How is business?", &shop).await;
        (answer["outcome"] == "refused").then_some(answer)
    })
    .await;
    assert_eq!(answer["findings"][0]["code"], "example_unused", "{answer}");
    // Approved it stays, for whoever mends it; and it cannot be changed into what does not fit either.
    let path = format!("/api/v1/examples/{}", id(&made));
    let (status, error) = owner
        .patch(&path, &json!({ "query": "SELECT zw FROM parcels" }))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    let (status, mended) = owner
        .patch(
            &path,
            &json!({ "query": "SELECT MAX(weight) AS most FROM parcels" }),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{mended}");
    assert_eq!(
        ask(&owner, "How is business?", &shop).await["rows"],
        json!([[11]])
    );

    let gone = format!("/api/v1/connections/{shop}");
    assert_eq!(owner.delete(&gone).await.0, StatusCode::NO_CONTENT);
    assert!(items(&owner, "examples").await.is_empty());
    assert!(items(&owner, "glossary").await.is_empty());
}

#[tokio::test]
async fn a_description_takes_the_place_of_the_database_s_comment() {
    let model = Model::start();
    model.rule(|_| Reply::query("SELECT MAX(zw) AS most FROM parcels", "highest zw"));
    let database = database(SCRIPT);
    let llm = LlmConfig::new(model.url(), None, "scripted");
    let app = TestApp::builder().llm(llm).start().await;
    let owner = app.owner().await;
    let source = connect(&database.url()).unwrap();
    let beside = agent_beside(&owner, source, PolicyConfig::default()).await;
    let shop = beside.connection_id.clone();
    ask(&owner, "What is the heaviest parcel?", &shop).await;
    assert!(model.asked().last().unwrap().message(1).contains("do not know"));
    entry(&owner, "column", "public.parcels.zw", "weight in kg", Some(&shop)).await;
    let answer = ask(&owner, "What is the heaviest parcel?", &shop).await;
    assert_eq!(answer["outcome"], "answered", "{answer}");
    let prompt = model.asked().last().unwrap().message(1).to_owned();
    assert!(
        prompt.contains("weight in kg") && !prompt.contains("do not know"),
        "{prompt}"
    );
    // What the database itself says is not changed by it.
    let (_, schema) = owner.get(&format!("/api/v1/connections/{shop}/schema")).await;
    assert!(schema.to_string().contains("do not know"), "{schema}");
}
