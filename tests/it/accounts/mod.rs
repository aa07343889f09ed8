//! Set-up, log-in, sessions and roles, through HTTP; one file below for each further part.

mod members;
mod oidc;
mod recover;
mod sign_up;
mod tokens;
mod totp;
mod walk;

use std::time::Duration;

use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::on_both_stores;
use crate::support::app::{Store, TestApp};

fn owner() -> serde_json::Value {
    json!({ "name": "Olive", "email": "Olive@Example.com ", "password": "a long password", "organization": "Example" })
}

on_both_stores!(set_up_makes_the_owner_once, async |app: &TestApp| {
    let caller = app.anonymous();
    let (status, state) = caller.get("/api/v1/setup").await;
    assert_eq!((status, &state["needed"]), (StatusCode::OK, &json!(true)));
    let (status, made) = caller.post("/api/v1/setup", &owner()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["user"]["email"], "olive@example.com");
    assert_eq!(made["user"]["role"], "owner");
    let (status, again) = caller.post("/api/v1/setup", &owner()).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(again["error"]["code"], "conflict");
    assert_eq!(caller.get("/api/v1/setup").await.1["needed"], json!(false));
    let me = caller.with_token(&made).get("/api/v1/auth/me").await.1;
    assert_eq!(me["name"], "Olive");
    assert_eq!(me["organization"]["name"], "Example");
});

on_both_stores!(
    wrong_password_and_unknown_address_answer_alike,
    async |app: &TestApp| {
        let caller = app.anonymous();
        {
            caller.post("/api/v1/setup", &owner()).await;
            let wrong = json!({ "email": "olive@example.com", "password": "another password" });
            let unknown = json!({ "email": "nobody@example.com", "password": "another password" });
            let first = caller.post("/api/v1/auth/login", &wrong).await;
            assert_eq!(first.0, StatusCode::UNAUTHORIZED);
            assert_eq!(first, caller.post("/api/v1/auth/login", &unknown).await);
            let right = json!({ "email": " OLIVE@example.com", "password": "a long password" });
            assert_eq!(caller.post("/api/v1/auth/login", &right).await.0, StatusCode::OK);
        }
    }
);

on_both_stores!(
    refresh_rotates_and_reuse_ends_the_session,
    async |app: &TestApp| {
        let caller = app.anonymous();
        let response = caller
            .request(Method::POST, "/api/v1/setup")
            .json(&owner())
            .send()
            .await
            .unwrap();
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
            "{cookie}"
        );
        let first = cookie.split(';').next().unwrap().to_owned();
        let refresh = |cookie: String| {
            let request = caller
                .request(Method::POST, "/api/v1/auth/refresh")
                .header(COOKIE, cookie);
            async move { request.send().await.unwrap() }
        };
        let rotated = refresh(first.clone()).await;
        assert_eq!(rotated.status(), StatusCode::OK);
        let second = rotated.headers()[SET_COOKIE]
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        assert_ne!(first, second);
        // A second tab that was a moment late is let in, and keeps the cookie that the first one got.
        let late = refresh(first).await;
        assert_eq!(late.status(), StatusCode::OK);
        assert!(late.headers().get(SET_COOKIE).is_none());
        assert_eq!(refresh(second.clone()).await.status(), StatusCode::OK);
        assert_eq!(
            refresh("custard_refresh=made-up".into()).await.status(),
            StatusCode::UNAUTHORIZED
        );
        // Another site cannot spend the cookie.
        let foreign = caller
            .request(Method::POST, "/api/v1/auth/refresh")
            .header(COOKIE, second)
            .header(ORIGIN, "https://evil.example")
            .send()
            .await
            .unwrap();
        assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    }
);

on_both_stores!(log_out_ends_the_access_token_too, async |app: &TestApp| {
    let caller = app.anonymous();
    let response = caller
        .request(Method::POST, "/api/v1/setup")
        .json(&owner())
        .send()
        .await
        .unwrap();
    let cookie = response.headers()[SET_COOKIE]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let body: serde_json::Value = response.json().await.unwrap();
    let user = caller.clone().with_token(&body);
    assert_eq!(user.get("/api/v1/auth/me").await.0, StatusCode::OK);
    let out = caller
        .request(Method::POST, "/api/v1/auth/logout")
        .header(COOKIE, cookie.clone());
    assert_eq!(out.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(user.get("/api/v1/auth/me").await.0, StatusCode::UNAUTHORIZED);
    let again = caller
        .request(Method::POST, "/api/v1/auth/refresh")
        .header(COOKIE, cookie);
    assert_eq!(again.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
});

#[tokio::test]
async fn bad_accounts_are_refused_with_a_sentence() {
    let app = TestApp::builder().start().await;
    let caller = app.anonymous();
    for (field, value, word) in [
        ("email", "not an address", "e-mail"),
        ("password", "short", "at least 10"),
        ("name", "  ", "name"),
        ("organization", "", "organization"),
    ] {
        let mut body = owner();
        body[field] = json!(value);
        let (status, answer) = caller.post("/api/v1/setup", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{field}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{message}");
    }
    let (status, answer) = caller.post("/api/v1/setup", &json!({ "nonsense": true })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["error"]["code"], "invalid");
    assert_eq!(caller.get("/api/v1/setup").await.1["needed"], json!(true));
}

#[tokio::test]
async fn a_public_address_asks_for_the_code_from_the_log() {
    let app = TestApp::builder()
        .config(|config| config.server.listen = "0.0.0.0:0".parse().unwrap())
        .start()
        .await;
    let caller = app.anonymous();
    let code = app.setup_code.clone().expect("a code");
    assert_eq!(caller.get("/api/v1/setup").await.1["code_required"], json!(true));
    let mut body = owner();
    let (status, _) = caller.post("/api/v1/setup", &body).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    body["code"] = json!("WRONGONE");
    assert_eq!(caller.post("/api/v1/setup", &body).await.0, StatusCode::FORBIDDEN);
    body["code"] = json!(code);
    assert_eq!(caller.post("/api/v1/setup", &body).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn two_owners_at_once_become_one() {
    for store in [Store::Sqlite, Store::Postgres] {
        let app = TestApp::builder().store(store).start().await;
        let attempts = (0..4).map(|number| {
            let caller = app.anonymous();
            let mut body = owner();
            body["email"] = json!(format!("owner{number}@example.com"));
            async move { caller.post("/api/v1/setup", &body).await.0 }
        });
        let outcomes = futures::future::join_all(attempts).await;
        assert_eq!(
            outcomes
                .iter()
                .filter(|status| **status == StatusCode::CREATED)
                .count(),
            1,
            "{outcomes:?}"
        );
    }
}

#[tokio::test]
async fn forged_and_missing_tokens_are_refused() {
    let app = TestApp::builder().start().await;
    let mut caller = app.owner().await;
    let good = caller.token.clone().unwrap();
    caller.token = None;
    assert_eq!(caller.get("/api/v1/files").await.0, StatusCode::UNAUTHORIZED);
    caller.token = Some(format!("{}x", &good[..good.len() - 1]));
    assert_eq!(caller.get("/api/v1/files").await.0, StatusCode::UNAUTHORIZED);
    // The same claims without a signature.
    let claims = good.split('.').nth(1).unwrap();
    caller.token = Some(format!("eyJhbGciOiJub25lIn0.{claims}."));
    assert_eq!(caller.get("/api/v1/files").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn accounts_and_sessions_outlive_a_restart() {
    let mut app = TestApp::builder().start().await;
    let owner = app.owner().await;
    app.restart().await;
    assert_eq!(owner.get("/api/v1/auth/me").await.0, StatusCode::OK);
    tokio::time::timeout(
        Duration::from_secs(20),
        app.log_in("owner@example.com", "a long password"),
    )
    .await
    .unwrap();
}
