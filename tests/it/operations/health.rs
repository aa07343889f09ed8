//! What the server says of itself: to everybody a word, to owners and admins everything, to Prometheus numbers.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{refused, total, upload_sales};
use crate::on_both_stores;
use crate::support::app::{Caller, TestApp};

const PATHS: [&str; 3] = ["/status", "/production-readiness", "/metrics"];

on_both_stores!(
    a_word_for_everybody_and_the_rest_for_owners,
    async |app: &TestApp| {
        let owner = app.owner().await;
        for path in ["/health", "/ready"] {
            let (status, body) = app.anonymous().get(path).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        }
        for path in PATHS {
            let answer = app.anonymous().request(Method::GET, path).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        }
        upload_sales(&owner, "sales.csv").await;
        total(&owner).await;

        let (status, all) = owner.get("/status").await;
        assert_eq!(status, StatusCode::OK, "{all}");
        let kind = if app.config.database.url.is_some() {
            "postgresql"
        } else {
            "sqlite"
        };
        assert_eq!(
            (&all["store"]["kind"], &all["store"]["ok"]),
            (&json!(kind), &json!(true))
        );
        assert!(all["store"]["pool"]["size"].as_u64().unwrap() > 0);
        assert_eq!(
            (&all["storage"]["kind"], &all["storage"]["ok"]),
            (&json!("local"), &json!(true))
        );
        assert_eq!(all["model"]["kind"], "offline");
        assert!(all["memory"]["rss_bytes"].as_u64().unwrap() > 1_000_000);
        assert_eq!(all["agents"]["online"], 0);

        let (_, list) = owner.get("/production-readiness").await;
        let codes: Vec<&str> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["code"].as_str().unwrap())
            .collect();
        if app.config.database.url.is_some() {
            // Another server could not open what this one seals.
            assert_eq!(list["ready"], false, "{list}");
            assert!(
                codes.contains(&"files_local") && codes.contains(&"secret_key_generated"),
                "{codes:?}"
            );
        } else {
            assert_eq!(list["ready"], true, "{list}");
            assert!(codes.contains(&"sqlite"), "{codes:?}");
        }
        for item in list["items"].as_array().unwrap() {
            assert!(item["remedy"].as_str().unwrap().ends_with('.'), "{item}");
        }

        let numbers = metrics(&owner).await;
        for line in [
            "custard_asks_total{outcome=\"answered\",translator=\"offline\"} 1",
            "custard_http_requests_total{method=\"POST\",route=\"/api/v1/query\",status=\"200\"} 1",
            "custard_rows_total 1",
            "custard_agents 0",
            "custard_bus_connected 1",
        ] {
            assert!(
                numbers.lines().any(|found| found == line),
                "{line} is not in:\n{numbers}"
            );
        }
        assert!(
            numbers.contains("custard_ask_seconds_bucket{stage=\"translate\","),
            "{numbers}"
        );
        // A path that is no route names nothing.
        app.anonymous().get("/api/v1/nonsense").await;
        assert!(!metrics(&owner).await.contains("nonsense"));
    }
);

async fn metrics(caller: &Caller) -> String {
    let answer = caller.request(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.unwrap()
}

#[tokio::test]
async fn a_token_of_its_own_opens_the_metrics_and_nothing_else() {
    let app = TestApp::builder()
        .config(|config| config.server.metrics_token = Some("a-token-for-prometheus".to_owned().into()))
        .start()
        .await;
    let mut collector = app.anonymous();
    collector.token = Some("a-token-for-prometheus".into());
    assert!(metrics(&collector).await.contains("custard_build_info"));
    for path in ["/status", "/production-readiness", "/api/v1/files"] {
        assert_eq!(collector.get(path).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
    collector.token = Some("a-token-for-prometheut".into());
    assert_eq!(collector.get("/metrics").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn ready_says_no_when_the_storage_is_gone_and_why_only_to_the_owner() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let incoming = app.config.server.data_dir.join("incoming");
    std::fs::remove_dir_all(&incoming).unwrap();
    let (status, body) = app.anonymous().get("/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert!(!body.to_string().contains("incoming"), "{body}");
    let (_, all) = owner.get("/status").await;
    assert_eq!(all["storage"]["ok"], false);
    assert!(
        all["storage"]["last_error"]["message"]
            .as_str()
            .unwrap()
            .contains("incoming"),
        "{all}"
    );
    std::fs::create_dir(&incoming).unwrap();
    assert_eq!(app.anonymous().get("/ready").await.0, StatusCode::OK);
    // What it said stays to be seen.
    let (_, all) = owner.get("/status").await;
    assert_eq!(all["storage"]["ok"], true);
    assert_ne!(all["storage"]["last_error"], Value::Null);
}

#[tokio::test]
async fn check_prints_the_same_list() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let variables = [
        ("CUSTARD_SERVER_PUBLIC_URL", "http://custard.example.com"),
        ("CUSTARD_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none"),
    ];
    // The database cannot be reached, which is why it fails.
    let output = super::program(&["check", "--data-dir", super::path(&data)], &variables).await;
    let said = super::text(&output.stdout);
    for words in [
        "server.public_url: People reach the server without encryption",
        "server.secret_key: The secret key was",
    ] {
        assert!(said.contains(words), "{said}");
    }
    let error = refused(
        &["server", "--data-dir", super::path(&data)],
        &[("CUSTARD_SERVER_METRICS_TOKEN", "short")],
    )
    .await;
    assert!(error.contains("at least 16"), "{error}");
}
