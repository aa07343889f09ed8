//! Stores of earlier versions come up to date with everything in them; newer ones are refused.

use std::path::Path;

use reqwest::StatusCode;
use serde_json::json;

use super::{path, refused};
use crate::support::app::Caller;
use crate::support::postgres;
use crate::support::process::Process;

/// The store as version 0.1 left it: its schema, and rows in every table. The account's password is
/// "a long password".
const FIRST: &str = include_str!("../../fixtures/store-20261123000001.sql");

fn sqlite(folder: &Path) -> std::path::PathBuf {
    let data = folder.join("data");
    std::fs::create_dir_all(&data).unwrap();
    let file = data.join("custard.db");
    let conn = rusqlite::Connection::open(&file).unwrap();
    conn.execute_batch(FIRST).unwrap();
    file
}

async fn assert_all_there(server: &Process) {
    let owner = Caller::at(server.address)
        .log_in("owner@example.com", "a long password")
        .await;
    let (_, files) = owner.get("/api/v1/files").await;
    assert_eq!(files["files"][0]["name"], "sales.csv");
    let (_, connections) = owner.get("/api/v1/connections").await;
    assert_eq!(connections["connections"][0]["name"], "shop");
    let (_, list) = owner.get("/api/v1/query").await;
    assert_eq!(list["queries"][0]["question"], "total amount");
    let (_, list) = owner.get("/api/v1/conversations").await;
    assert_eq!(list["conversations"].as_array().unwrap().len(), 1);
    let (status, settings) = owner
        .patch("/api/v1/settings", &json!({ "audit_days": 90 }))
        .await;
    assert_eq!(status, StatusCode::OK, "{settings}");
    let (_, audit) = owner.get("/api/v1/audit?action=settings").await;
    assert_eq!(audit["items"][0]["action"], "settings.changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_schema_in_sqlite_comes_up_to_date_and_is_copied_aside() {
    let folder = tempfile::tempdir().unwrap();
    sqlite(folder.path());
    let mut server = Process::server_with(folder.path(), &[]).await;
    assert_all_there(&server).await;
    server.kill();
    let copies: Vec<_> = std::fs::read_dir(folder.path().join("data"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("before-upgrade"))
        .collect();
    assert_eq!(copies.len(), 1);
    let conn = rusqlite::Connection::open(&copies[0]).unwrap();
    let users: i64 = conn
        .query_row("SELECT count(*) FROM users", [], |row| row.get(0))
        .unwrap();
    let audits: i64 = conn
        .query_row(
            "SELECT count(*) FROM sqlite_master WHERE name = 'audit'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!((users, audits), (1, 0));
    // The next start has nothing to do.
    let server = Process::server_with(folder.path(), &[]).await;
    assert_all_there(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_schema_in_postgresql_comes_up_to_date() {
    let database = postgres::database(FIRST);
    let folder = tempfile::tempdir().unwrap();
    let url = database.admin_url();
    let server = Process::server_with(folder.path(), &[("DATABASE_URL", url.as_str())]).await;
    assert_all_there(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let newer = "INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('20990101000001', '2099-01-01 00:00:00')";
    let folder = tempfile::tempdir().unwrap();
    let file = sqlite(folder.path());
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute_batch(newer)
        .unwrap();
    let data = folder.path().join("data");
    let error = refused(
        &["server", "--listen", "127.0.0.1:0", "--data-dir", path(&data)],
        &[],
    )
    .await;
    assert!(error.contains("newer than this program"), "{error}");
    let conn = rusqlite::Connection::open(&file).unwrap();
    let tables: i64 = conn
        .query_row(
            "SELECT count(*) FROM sqlite_master WHERE name = 'audit'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(tables, 0, "it was touched");
    let database = postgres::database(&format!("{FIRST};\n{newer};"));
    let variables = [("DATABASE_URL", database.admin_url())];
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let data = folder.path().join("other");
    let error = refused(
        &["server", "--listen", "127.0.0.1:0", "--data-dir", path(&data)],
        &variables,
    )
    .await;
    assert!(error.contains("newer than this program"), "{error}");
}
