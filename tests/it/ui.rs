//! What is served beside the API: the page, its headers, health, and the API document.

use clean_custard::server::openapi;
use reqwest::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};

use crate::support::app::TestApp;

#[tokio::test]
async fn unknown_api_paths_are_404_and_others_are_the_page() {
    let app = TestApp::builder().start().await;
    let caller = app.anonymous();
    let (status, answer) = caller.get("/api/v1/nothing").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(answer["error"]["code"], "not_found");
    let (status, answer) = caller.get("/assets/nothing-1234.js").await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::NOT_FOUND, &serde_json::json!("not_found"))
    );
    assert_eq!(
        caller.get("/health").await,
        (StatusCode::OK, serde_json::json!({ "status": "ok" }))
    );
    assert_eq!(caller.get("/ready").await.0, StatusCode::OK);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let app = TestApp::builder().start().await;
    for path in ["/", "/api/v1/setup", "/api/v1/nothing", "/health"] {
        let response = app.anonymous().request(Method::GET, path).send().await.unwrap();
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'self';"), "{path}: {policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(response.headers()["x-frame-options"], "DENY", "{path}");
    }
}

#[tokio::test]
async fn the_page_is_compressed_tagged_and_its_assets_are_immutable() {
    let app = TestApp::builder().start().await;
    let get = |path: &str, header: Option<(reqwest::header::HeaderName, String)>| {
        let request = app.anonymous().request(Method::GET, path);
        let request = match header {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        async move { request.send().await.unwrap() }
    };
    let page = get("/some/screen", None).await;
    assert_eq!(page.status(), StatusCode::OK, "build the UI first: make ui");
    assert_eq!(page.headers()[CACHE_CONTROL], "no-cache");
    let tag = page.headers()[ETAG].to_str().unwrap().to_owned();
    let text = page.text().await.unwrap();
    let unchanged = get("/some/screen", Some((IF_NONE_MATCH, tag))).await;
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    let script = text
        .split('"')
        .find(|part| part.starts_with("/assets/") && part.ends_with(".js"))
        .expect("a hashed script");
    let plain = get(script, None).await;
    assert!(
        plain.headers()[CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    let plain_size = plain.bytes().await.unwrap().len();
    let mut tags = Vec::new();
    for encoding in ["br", "gzip"] {
        let packed = get(script, Some((ACCEPT_ENCODING, encoding.to_owned()))).await;
        assert_eq!(packed.headers()["content-encoding"], encoding);
        tags.push(packed.headers()[ETAG].to_str().unwrap().to_owned());
        assert!(packed.bytes().await.unwrap().len() < plain_size);
    }
    assert_ne!(tags[0], tags[1], "each representation has a tag of its own");
}

/// The UI's types are generated from this file. After a change to the API: `UPDATE_OPENAPI=1 cargo test
/// openapi`, then `npm run api` in assets/ui.
#[test]
fn the_openapi_document_of_the_ui_is_the_servers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/ui/openapi.json");
    let document = serde_json::to_string_pretty(&openapi()).unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &document).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == document,
        "assets/ui/openapi.json is out of date: UPDATE_OPENAPI=1 cargo test openapi"
    );
}

/// What is there but not by this method says by which, instead of showing the page.
#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let app = TestApp::builder().start().await;
    let ask = async |method: Method, path: &str| {
        let response = app.anonymous().request(method, path).send().await.unwrap();
        let allow = response
            .headers()
            .get("allow")
            .map(|value| value.to_str().unwrap().to_owned());
        (response.status(), allow.unwrap_or_default())
    };
    let wrong = StatusCode::METHOD_NOT_ALLOWED;
    for (method, path, allow) in [
        (Method::PUT, "/api/v1/query", "GET, POST"),
        (Method::POST, "/api/v1/files/some-id", "GET, PATCH, DELETE"),
        (Method::DELETE, "/health", "GET"),
        (Method::POST, "/", "GET, HEAD"),
        (Method::PUT, "/settings/members", "GET, HEAD"),
    ] {
        assert_eq!(
            ask(method.clone(), path).await,
            (wrong, allow.to_owned()),
            "{method} {path}"
        );
    }
    for path in ["/health", "/ready", "/", "/settings/members"] {
        assert_eq!(ask(Method::HEAD, path).await.0, StatusCode::OK, "{path}");
    }
    assert_eq!(ask(Method::GET, "/api/v1/nothing").await.0, StatusCode::NOT_FOUND);
}

/// Programs are generated from the document: a name that stands twice is one operation lost.
#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    let mut wrong = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let here = format!("{method} {path}");
            match operation["operationId"].as_str() {
                Some(name) if names.insert(name.to_owned()) => {}
                other => wrong.push(format!("{here}: the name {other:?} is missing or stands twice")),
            }
            if operation["summary"]
                .as_str()
                .is_none_or(|said| !said.ends_with('.'))
            {
                wrong.push(format!("{here}: no sentence says what it does"));
            }
            if operation["tags"].as_array().is_none_or(Vec::is_empty) {
                wrong.push(format!("{here}: no tag"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(names.len() > 40, "{names:?}");
}

/// What can only be one of a few words is documented as these words.
#[test]
fn words_with_a_fixed_choice_are_enums_in_the_document() {
    let document = serde_json::to_value(openapi()).unwrap();
    let schemas = &document["components"]["schemas"];
    for (name, words) in [
        ("AgentState", &["online", "offline"][..]),
        ("DatabaseState", &["reachable", "unreachable", "unknown"]),
        ("KeyState", &["active", "revoked"]),
        ("Outcome", &["answered", "clarify", "refused", "failed"]),
        ("WrittenBy", &["offline", "llm", "user"]),
        ("SourceKind", &["file", "connection"]),
        ("StoreKind", &["sqlite", "postgresql"]),
    ] {
        assert_eq!(schemas[name]["enum"], serde_json::json!(words), "{name}");
    }
    use clean_custard::translate::{Translator, offline::Offline};
    let offline = serde_json::json!(Offline.name());
    assert!(
        schemas["WrittenBy"]["enum"]
            .as_array()
            .unwrap()
            .contains(&offline)
    );
    let everything = document.to_string();
    for name in everything.split("#/components/schemas/").skip(1) {
        let name = name.split('"').next().unwrap();
        assert!(schemas[name].is_object(), "{name} is used and not explained");
    }
    for name in [
        "AgentState",
        "DatabaseState",
        "KeyState",
        "WrittenBy",
        "SourceKind",
        "StoreKind",
    ] {
        assert!(
            everything.contains(&format!("#/components/schemas/{name}\"")),
            "{name} is not used"
        );
    }
}
