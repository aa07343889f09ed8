//! Personal API tokens: what each scope opens, and how they end.

use reqwest::StatusCode;
use serde_json::json;

use crate::on_both_stores;
use crate::support::app::{TestApp, eventually};

on_both_stores!(a_token_does_what_its_scopes_say, async |app: &TestApp| {
    let owner = app.owner().await;
    let file: &[(&str, &[u8])] = &[("a.csv", b"a,b\n1,2\n")];
    let ask = json!({ "question": "How many rows are in a?" });
    let new = json!({ "name": "x", "db_type": "POSTGRESQL" });
    for (scopes, read, write, asking, admin) in [
        (&["read"][..], true, false, false, false),
        (&["write"], false, true, false, false),
        (&["ask"], false, false, true, false),
        (&["admin"], false, false, false, true),
        (&["read", "write", "ask", "admin"], true, true, true, true),
    ] {
        let script = owner.api_token(scopes).await;
        let may = |status: StatusCode| status != StatusCode::FORBIDDEN;
        assert_eq!(may(script.get("/api/v1/files").await.0), read, "{scopes:?}");
        assert_eq!(may(script.upload(file).await.0), write, "{scopes:?}");
        assert_eq!(
            may(script.post("/api/v1/query", &ask).await.0),
            asking,
            "{scopes:?}"
        );
        assert_eq!(
            may(script.post("/api/v1/connections", &new).await.0),
            admin,
            "{scopes:?}"
        );
        // Never what is the person's own.
        for path in ["/api/v1/tokens", "/api/v1/auth/sessions", "/api/v1/auth/totp"] {
            assert_eq!(script.get(path).await.0, StatusCode::FORBIDDEN, "{path}");
        }
        let change = json!({ "current": "a long password", "new": "another long password" });
        let (status, _) = script.post("/api/v1/auth/change-password", &change).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        let another = json!({ "name": "more", "scopes": ["admin"], "expires_in_days": 1 });
        assert_eq!(
            script.post("/api/v1/tokens", &another).await.0,
            StatusCode::FORBIDDEN
        );
    }
});

on_both_stores!(tokens_are_shown_once_listed_and_ended, async |app: &TestApp| {
    let owner = app.owner().await;
    let body = json!({ "name": " Nightly ", "scopes": ["read"], "expires_in_days": 30 });
    let (status, made) = owner.post("/api/v1/tokens", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let text = made["token"].as_str().unwrap();
    assert!(text.starts_with("cct_"), "{text}");
    assert!(text.starts_with(made["prefix"].as_str().unwrap()));
    let list = owner.get("/api/v1/tokens").await.1;
    assert_eq!(list[0]["name"], "Nightly");
    assert!(list[0].get("token").is_none() && !list.to_string().contains(text));
    assert_eq!(list[0]["last_used_at"], json!(null));
    let script = owner.as_bearer(text);
    assert_eq!(script.get("/api/v1/auth/me").await.0, StatusCode::OK);
    eventually("the use is noted", async || {
        let list = owner.get("/api/v1/tokens").await.1;
        list[0]["last_used_at"].is_string().then_some(())
    })
    .await;
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().unwrap());
    let ada = app.member(&owner, "ada@example.com", "admin").await;
    assert_eq!(ada.delete(&path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(owner.delete(&path).await.0, StatusCode::NO_CONTENT);
    assert_eq!(script.get("/api/v1/auth/me").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(owner.delete(&path).await.0, StatusCode::NOT_FOUND);
    let made_up = owner.as_bearer("cct_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(made_up.get("/api/v1/auth/me").await.0, StatusCode::UNAUTHORIZED);
});

#[tokio::test]
async fn bad_tokens_are_refused_with_a_sentence() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    for (body, status) in [
        (json!({ "name": "", "scopes": ["read"] }), StatusCode::BAD_REQUEST),
        (json!({ "name": "x", "scopes": [] }), StatusCode::BAD_REQUEST),
        (
            json!({ "name": "x", "scopes": ["everything"] }),
            StatusCode::BAD_REQUEST,
        ),
        (
            json!({ "name": "x", "scopes": ["read"], "expires_in_days": 0 }),
            StatusCode::BAD_REQUEST,
        ),
        (
            json!({ "name": "x", "scopes": ["read"], "expires_in_days": 366 }),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let answer = owner.post("/api/v1/tokens", &body).await;
        assert_eq!(answer.0, status, "{body}: {}", answer.1);
    }
    let analyst = app.member(&owner, "ada@example.com", "analyst").await;
    let admin = json!({ "name": "x", "scopes": ["admin"] });
    assert_eq!(
        analyst.post("/api/v1/tokens", &admin).await.0,
        StatusCode::FORBIDDEN
    );
}
