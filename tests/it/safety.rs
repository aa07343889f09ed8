//! What protects browsers: headers, other origins, and requests that another site makes.

use reqwest::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY,
    ORIGIN, REFERRER_POLICY,
};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use crate::support::app::TestApp;

const EVIL: &str = "https://evil.example";
const FRIEND: &str = "https://app.example.com";

async fn send(app: &TestApp, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = app.anonymous().request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn nothing_inline_and_nothing_from_elsewhere() {
    let app = TestApp::builder().start().await;
    for path in [
        "/",
        "/verify?token=x",
        "/api/docs/",
        "/api/v1/setup",
        "/api/v1/auth/me",
        "/health",
    ] {
        let response = send(&app, Method::GET, path, &[]).await;
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        for unsafe_word in ["unsafe-inline", "unsafe-eval", "*", "http:", "https:", "ws:"] {
            assert!(!policy.contains(unsafe_word), "{path}: {policy}");
        }
        assert_eq!(response.headers()[REFERRER_POLICY], "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn answers_are_not_stored_by_anybody() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    for path in [
        "/api/v1/setup",
        "/api/v1/auth/me",
        "/api/v1/conversations",
        "/api/v1/nothing",
    ] {
        let response = owner.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{path}");
    }
}

#[tokio::test]
async fn other_origins_are_told_nothing() {
    let app = TestApp::builder().start().await;
    for (method, headers) in [
        (Method::GET, vec![("Origin", EVIL)]),
        (
            Method::OPTIONS,
            vec![
                ("Origin", EVIL),
                ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", "authorization"),
            ],
        ),
    ] {
        let response = send(&app, method, "/api/v1/setup", &headers).await;
        assert!(response.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).is_none());
        assert!(response.headers().get(ACCESS_CONTROL_ALLOW_CREDENTIALS).is_none());
    }
}

#[tokio::test]
async fn a_configured_origin_may_use_the_api_and_others_still_may_not() {
    let app = TestApp::builder()
        .config(|config| config.server.cors_origins = vec![FRIEND.into()])
        .start()
        .await;
    let asked = |origin| {
        vec![
            ("Origin", origin),
            ("Access-Control-Request-Method", "PATCH"),
            ("Access-Control-Request-Headers", "authorization,content-type"),
        ]
    };
    let friend = send(&app, Method::OPTIONS, "/api/v1/auth/me", &asked(FRIEND)).await;
    assert_eq!(friend.status(), StatusCode::OK);
    assert_eq!(friend.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], FRIEND);
    assert_eq!(friend.headers()[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    let refused = send(&app, Method::GET, "/api/v1/auth/me", &[("Origin", FRIEND)]).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        refused.headers()[ACCESS_CONTROL_ALLOW_ORIGIN],
        FRIEND,
        "the page may read why it was refused"
    );
    let evil = send(&app, Method::OPTIONS, "/api/v1/auth/me", &asked(EVIL)).await;
    assert!(evil.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).is_none());
    // The cookie's own requests follow the same list.
    let refresh = async |origin| {
        send(&app, Method::POST, "/api/v1/auth/refresh", &[("Origin", origin)])
            .await
            .status()
    };
    assert_eq!(refresh(FRIEND).await, StatusCode::UNAUTHORIZED);
    assert_eq!(refresh(EVIL).await, StatusCode::FORBIDDEN);
    assert_eq!(refresh("null").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_cookie_is_taken_from_our_own_pages_only() {
    let app = TestApp::builder().start().await;
    let own = format!("http://{}", app.address);
    for (headers, expected) in [
        (vec![("Origin", own.as_str())], StatusCode::UNAUTHORIZED),
        (vec![("Sec-Fetch-Site", "same-origin")], StatusCode::UNAUTHORIZED),
        (vec![("Sec-Fetch-Site", "cross-site")], StatusCode::FORBIDDEN),
        (vec![("Sec-Fetch-Site", "same-site")], StatusCode::FORBIDDEN),
        (
            vec![("Origin", EVIL), ("Sec-Fetch-Site", "same-origin")],
            StatusCode::FORBIDDEN,
        ),
    ] {
        for path in ["/api/v1/auth/refresh", "/api/v1/auth/logout"] {
            let status = send(&app, Method::POST, path, &headers).await.status();
            let logged_out = path.ends_with("logout") && status == StatusCode::NO_CONTENT;
            assert!(
                status == expected || (logged_out && expected == StatusCode::UNAUTHORIZED),
                "{path} {headers:?}: {status}"
            );
        }
    }
}

#[tokio::test]
async fn sockets_of_other_origins_are_refused() {
    let app = TestApp::builder().start().await;
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let own = format!("http://{}", app.address);
    for (origin, expected) in [
        (EVIL, StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
        (own.as_str(), StatusCode::SWITCHING_PROTOCOLS),
    ] {
        let mut headers = upgrade.to_vec();
        headers.push((ORIGIN.as_str(), origin));
        let response = send(&app, Method::GET, "/api/v1/status/ws", &headers).await;
        assert_eq!(response.status(), expected, "{origin}");
    }
}

/// A form on another site can send these bodies without asking first.
#[tokio::test]
async fn bodies_that_forms_can_send_are_refused() {
    let app = TestApp::builder().start().await;
    app.owner().await;
    let body = json!({ "email": "owner@example.com", "password": "a long password" }).to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let response = app
            .anonymous()
            .request(Method::POST, "/api/v1/auth/login")
            .header("Content-Type", content_type)
            .body(body.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{content_type}");
    }
}
