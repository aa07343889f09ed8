//! A connection of each kind from the API to the rows: made over HTTP, served by an agent that knows its
//! database only by `DB_*`, asked with a query of one's own.

use clean_custard::agent::{Beside, Served};
use clean_custard::config::DatabaseParts;
use clean_custard::source::Kind;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::world::agents;
use crate::support::app::{Caller, TestApp, eventually};
use crate::support::{conformance, mysql};

/// A new connection of this kind.
async fn connection(owner: &Caller, kind: Kind) -> Value {
    let body = json!({ "name": kind.name(), "db_type": kind.name() });
    let (status, made) = owner.post("/api/v1/connections", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made
}

/// The agent of a connection, with what the `DB_*` variables say.
fn serving(made: &Value, parts: DatabaseParts) -> super::world::Agent {
    agents(vec![Served {
        websocket_url: made["websocket_url"].as_str().unwrap().into(),
        key: made["api_key"].as_str().unwrap().to_owned().into(),
        beside: Beside::Parts(parts),
    }])
}

/// The rows of a query of one's own, once the schema has come.
async fn rows(owner: &Caller, made: &Value, query: &str) -> Value {
    let id = made["id"].as_str().unwrap();
    let schema = format!("/api/v1/connections/{id}/schema");
    eventually("the schema", || async {
        let (_, schema) = owner.get(&schema).await;
        schema["tables"].as_array().filter(|tables| !tables.is_empty())?;
        Some(())
    })
    .await;
    let body = json!({ "query": query, "connection_id": id });
    let (status, answer) = owner.post("/api/v1/query/run", &body).await;
    assert_eq!(
        (status, &answer["outcome"]),
        (StatusCode::OK, &json!("answered")),
        "{answer}"
    );
    answer["rows"].clone()
}

#[actix_web::test]
async fn every_kind_of_connection_shows_what_its_agent_needs() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    for kind in Kind::ALL {
        let made = connection(&owner, *kind).await;
        assert_eq!(made["db_type"], kind.name());
        let command = made["agent_command"].as_str().unwrap();
        assert!(command.contains(kind.connector().example_variables), "{command}");
        assert_eq!(
            command.contains("DB_PASSWORD"),
            kind.connector().has_password,
            "{command}"
        );
        assert!(command.ends_with("clean-custard agent"), "{command}");
    }
    let unknown = json!({ "name": "x", "db_type": "ORACLE" });
    let (status, _) = owner.post("/api/v1/connections", &unknown).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[actix_web::test]
async fn a_sqlite_file_answers_all_the_way() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let file = conformance::sqlite::file(conformance::sqlite::SCRIPT);
    let made = connection(&owner, Kind::Sqlite).await;
    let parts = DatabaseParts {
        name: Some(file.path.display().to_string()),
        ..DatabaseParts::default()
    };
    let _agent = serving(&made, parts);
    let query = "select NAME from people where Mood = 'wild'";
    assert_eq!(rows(&owner, &made, query).await, json!([["Bob"]]));
}

#[actix_web::test]
async fn mysql_answers_all_the_way() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let database = mysql::database(conformance::mysql::SCRIPT);
    let made = connection(&owner, Kind::Mysql).await;
    let parts = DatabaseParts {
        host: Some("127.0.0.1".into()),
        port: Some(mysql::shared().port),
        name: Some(database.name.clone()),
        user: Some(mysql::READER.into()),
        password: Some(mysql::READER_PASSWORD.to_owned().into()),
        sslmode: Some("prefer".into()),
    };
    let _agent = serving(&made, parts);
    let query = "SELECT name FROM people WHERE mood = 'wild'";
    assert_eq!(rows(&owner, &made, query).await, json!([["Bob"]]));
}
