//! The audit log: every deed is in it, it is only added to, and owners and admins can take it away.

use clean_custard::db::Db;
use clean_custard::service::audit::Audit;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{total, upload_sales};
use crate::on_both_stores;
use crate::support::app::{Caller, TestApp};

async fn actions(caller: &Caller, filter: &str) -> Vec<String> {
    let (status, page) = caller.get(&format!("/api/v1/audit?limit=200{filter}")).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["action"].as_str().unwrap().to_owned())
        .collect()
}

async fn direct(app: &TestApp, sql: &str) -> Result<u64, String> {
    match &app.config.database.url {
        None => {
            let conn = rusqlite::Connection::open(app.config.server.data_dir.join("custard.db")).unwrap();
            conn.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
            conn.execute(sql, [])
                .map(|rows| rows as u64)
                .map_err(|error| error.to_string())
        }
        Some(url) => {
            use secrecy::ExposeSecret;
            let (client, connection) = tokio_postgres::connect(url.expose_secret(), tokio_postgres::NoTls)
                .await
                .unwrap();
            tokio::spawn(connection);
            client.execute(sql, &[]).await.map_err(|error| {
                error
                    .as_db_error()
                    .map_or(error.to_string(), |error| error.message().to_owned())
            })
        }
    }
}

on_both_stores!(every_deed_is_written_down, async |app: &TestApp| {
    let owner = app.owner().await;
    let file = upload_sales(&owner, "sales.csv").await;
    let answer = total(&owner).await;
    let result = answer["result_id"].as_str().unwrap();
    let export = format!("/api/v1/results/{result}/export?format=csv");
    let exported = owner.request(Method::GET, &export).send().await.unwrap();
    assert_eq!(exported.status(), StatusCode::OK);
    let body = json!({ "name": "shop", "db_type": "POSTGRESQL" });
    let (_, made) = owner.post("/api/v1/connections", &body).await;
    let connection = format!("/api/v1/connections/{}", made["id"].as_str().unwrap());
    owner.patch(&connection, &json!({ "name": "store" })).await;
    owner.post(&format!("{connection}/rotate-key"), &json!({})).await;
    owner.post(&format!("{connection}/revoke-key"), &json!({})).await;
    owner.delete(&connection).await;
    owner.delete(&format!("/api/v1/files/{file}")).await;
    let (status, _) = owner
        .patch("/api/v1/settings", &json!({ "result_days": 30 }))
        .await;
    assert_eq!(status, StatusCode::OK);

    let all = actions(&owner, "").await;
    for action in [
        "settings.changed",
        "file.deleted",
        "connection.deleted",
        "connection.key_revoked",
        "connection.key_rotated",
        "connection.renamed",
        "connection.created",
        "result.exported",
        "query.run",
        "file.created",
    ] {
        assert!(
            all.iter().any(|found| found == action),
            "{action} is not in {all:?}"
        );
    }
    // Newest first.
    let place = |action: &str| all.iter().position(|found| found == action).unwrap();
    assert!(place("settings.changed") < place("file.deleted") && place("query.run") < place("file.created"));

    // The query with everything about it, and no rows.
    let (_, page) = owner.get("/api/v1/audit?action=query.run").await;
    let query = &page["items"][0];
    assert_eq!(query["actor"], "owner@example.com");
    assert_eq!(query["ip"], "127.0.0.1");
    assert_eq!(query["target_id"], answer["id"]);
    let details = &query["details"];
    assert_eq!(details["question"], "total amount");
    assert_eq!(details["query"], answer["query"]);
    assert_eq!(
        (&details["outcome"], &details["rows"]),
        (&json!("answered"), &json!(1))
    );
    assert!(
        details["elapsed_ms"].is_number() && details["sources"][0]["tables"].is_array(),
        "{details}"
    );
    assert!(!details.to_string().contains("36.00"), "a row is in {details}");

    // Filters: a noun, a target, a person, a time.
    assert!(
        actions(&owner, "&action=connection")
            .await
            .iter()
            .all(|action| action.starts_with("connection."))
    );
    assert_eq!(
        actions(&owner, &format!("&target={file}")).await,
        ["file.deleted", "file.created"]
    );
    assert_eq!(
        actions(&owner, "&actor=owner%40example.com").await.len(),
        all.len()
    );
    assert_eq!(actions(&owner, "&actor=nobody%40example.com").await.len(), 0);
    assert_eq!(actions(&owner, "&to=2020-01-01").await.len(), 0);
    assert_eq!(
        actions(&owner, "&from=2020-01-01&to=9000-01-01").await.len(),
        all.len()
    );
    for wrong in ["from=yesterday", "action=%25", "limit=x"] {
        let (status, error) = owner.get(&format!("/api/v1/audit?{wrong}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {error}");
    }

    // Page by page it is the same.
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let (_, page) = owner.get(&format!("/api/v1/audit?limit=3{cursor}")).await;
        paged.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].clone()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged.len(), all.len());

    // As a file, and that is written down too.
    let taken = owner
        .request(Method::GET, "/api/v1/audit/export?format=ndjson")
        .send()
        .await
        .unwrap();
    let lines: Vec<Value> = taken
        .text()
        .await
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), all.len());
    assert_eq!(lines[0]["action"], "settings.changed");
    let taken = owner
        .request(Method::GET, "/api/v1/audit/export?format=csv&action=file")
        .send()
        .await
        .unwrap();
    let csv = taken.text().await.unwrap();
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.starts_with("at,actor,"), "{csv}");
    assert_eq!(
        actions(&owner, "&action=audit").await,
        ["audit.exported", "audit.exported"]
    );
});

on_both_stores!(it_is_only_added_to, async |app: &TestApp| {
    let owner = app.owner().await;
    upload_sales(&owner, "sales.csv").await;
    let before = actions(&owner, "").await.len();
    for sql in [
        "UPDATE audit SET actor = 'somebody else'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE action = 'file.created'",
    ] {
        let error = direct(app, sql).await.unwrap_err();
        assert!(error.contains("only added to"), "{sql}: {error}");
    }
    assert_eq!(actions(&owner, "").await.len(), before);

    // Retention takes what is old enough, and nothing else, and says so.
    let (_, me) = owner.get("/api/v1/auth/me").await;
    let organization = me["organization"]["id"]
        .as_str()
        .or(me["organization_id"].as_str());
    let organization = match organization {
        Some(id) => id.to_owned(),
        None => {
            let (_, page) = owner.get("/api/v1/audit/export?format=ndjson&limit=1").await;
            panic!("no organization in {me} {page}");
        }
    };
    let old = format!(
        "INSERT INTO audit (id, organization_id, actor, action, target_kind, target_id, details, at)
         VALUES ('00000000-0000-7000-8000-000000000000', '{organization}', 'x', 'file.created', 'file', 'y', '{{}}',
                 '2020-01-01 00:00:00')"
    );
    direct(app, &old).await.unwrap();
    let config = app.config.clone();
    let db = tokio::task::spawn_blocking(move || {
        Db::open(
            &config.server.data_dir.join("custard.db"),
            config.database.url.as_ref(),
            2,
        )
        .unwrap()
    })
    .await
    .unwrap();
    let audit = Audit::new(db);
    audit.expire(|_| None).await.unwrap();
    assert_eq!(actions(&owner, "&to=2021-01-01").await.len(), 1);
    audit.expire(|_| Some(chrono::TimeDelta::days(30))).await.unwrap();
    assert_eq!(actions(&owner, "&to=2021-01-01").await.len(), 0);
    let all = actions(&owner, "").await;
    assert_eq!(all[0], "audit.expired");
    // The deed itself, besides.
    assert!(all.len() > before);
    assert!(direct(app, "DELETE FROM audit").await.is_err());
});

on_both_stores!(settings_are_the_owners, async |app: &TestApp| {
    let owner = app.owner().await;
    let (_, settings) = owner.get("/api/v1/settings").await;
    assert_eq!(settings["preferences"]["audit_days"], Value::Null);
    let change = json!({ "audit_days": 365, "trace_questions": true });
    let (status, changed) = owner.patch("/api/v1/settings", &change).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    // What is left out stays; null takes back.
    owner
        .patch("/api/v1/settings", &json!({ "result_days": 7 }))
        .await;
    let (_, settings) = owner.get("/api/v1/settings").await;
    let preferences = &settings["preferences"];
    assert_eq!(
        (&preferences["audit_days"], &preferences["result_days"]),
        (&json!(365), &json!(7))
    );
    owner
        .patch("/api/v1/settings", &json!({ "audit_days": null }))
        .await;
    let (_, settings) = owner.get("/api/v1/settings").await;
    assert_eq!(settings["preferences"]["audit_days"], Value::Null);
    assert_eq!(settings["preferences"]["trace_questions"], true);
    for wrong in [
        json!({ "audit_days": 0 }),
        json!({ "result_days": 4_000_000 }),
        json!({ "trace_rows": true, "trace_questions": false }),
        json!({ "unknown": 1 }),
    ] {
        let (status, error) = owner.patch("/api/v1/settings", &wrong).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {error}");
    }
});
