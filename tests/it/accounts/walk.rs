//! Every operation of the API document, tried by everybody who must not: nobody, the expired, the forged, a
//! token without the scope, a role too low, and another organisation with ids that are not its own.
//!
//! [`TABLE`] says of every operation who may. An operation that is not in it fails the test, until somebody
//! has decided.

use std::collections::{BTreeMap, BTreeSet};

use clean_custard::config::SignUp;
use clean_custard::server::openapi;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use openidconnect::PrivateSigningKey;
use openidconnect::core::{CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use self::Who::{Admin, Agent, Analyst, Owner, Person, Public, Viewer};
use crate::support::app::{Builder, Caller, Store, TestApp};
use crate::support::people::PASSWORD;

/// Who is the least that may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    /// Anybody, without a token.
    Public,
    /// An agent with its connection's key.
    Agent,
    /// Everybody with an account, but no API token of theirs.
    Person,
    Viewer,
    Analyst,
    Admin,
    Owner,
}

/// Operation, who may, and which scope an API token needs for it (empty: none does, or none is needed).
const TABLE: &[(&str, Who, &str)] = &[
    ("get /health", Public, ""),
    ("get /ready", Public, ""),
    ("get /api/v1/setup", Public, ""),
    ("post /api/v1/setup", Public, ""),
    ("get /api/v1/auth/options", Public, ""),
    ("post /api/v1/auth/signup", Public, ""),
    ("post /api/v1/auth/verify", Public, ""),
    ("post /api/v1/auth/resend-verification", Public, ""),
    ("post /api/v1/auth/forgot-password", Public, ""),
    ("post /api/v1/auth/reset-password", Public, ""),
    ("post /api/v1/auth/confirm-email", Public, ""),
    ("post /api/v1/auth/login", Public, ""),
    // These two live on the cookie.
    ("post /api/v1/auth/refresh", Public, ""),
    ("post /api/v1/auth/logout", Public, ""),
    ("get /api/v1/auth/oidc/{id}/start", Public, ""),
    ("get /api/v1/auth/oidc/{id}/callback", Public, ""),
    ("post /api/v1/invitations/by-token", Public, ""),
    ("post /api/v1/invitations/accept", Public, ""),
    // Asks for the token in its first frame.
    ("get /api/v1/status/ws", Public, ""),
    ("get /api/v1/connections/ws/{id}", Agent, ""),
    ("get /api/v1/auth/me", Viewer, "read"),
    ("patch /api/v1/auth/me", Person, ""),
    ("delete /api/v1/auth/me", Person, ""),
    ("post /api/v1/auth/logout-all-devices", Person, ""),
    ("post /api/v1/auth/change-password", Person, ""),
    ("post /api/v1/auth/change-email", Person, ""),
    ("get /api/v1/auth/sessions", Person, ""),
    ("delete /api/v1/auth/sessions/{id}", Person, ""),
    ("get /api/v1/auth/totp", Person, ""),
    ("post /api/v1/auth/totp", Person, ""),
    ("delete /api/v1/auth/totp", Person, ""),
    ("post /api/v1/auth/totp/confirm", Person, ""),
    ("post /api/v1/auth/totp/recovery-codes", Person, ""),
    ("get /api/v1/tokens", Person, ""),
    ("post /api/v1/tokens", Person, ""),
    ("delete /api/v1/tokens/{id}", Person, ""),
    ("get /api/v1/organization", Viewer, "read"),
    ("patch /api/v1/organization", Owner, "admin"),
    ("get /api/v1/members", Analyst, "read"),
    ("patch /api/v1/members/{id}", Admin, "admin"),
    ("delete /api/v1/members/{id}", Admin, "admin"),
    ("get /api/v1/invitations", Admin, "admin"),
    ("post /api/v1/invitations", Admin, "admin"),
    ("delete /api/v1/invitations/{id}", Admin, "admin"),
    ("post /api/v1/invitations/{id}/resend", Admin, "admin"),
    ("get /api/v1/connections/{id}/access", Admin, "admin"),
    ("put /api/v1/connections/{id}/access", Admin, "admin"),
    ("get /api/v1/files/{id}/access", Analyst, "read"),
    ("put /api/v1/files/{id}/access", Analyst, "write"),
    ("post /api/v1/upload", Analyst, "write"),
    ("get /api/v1/files", Viewer, "read"),
    ("get /api/v1/files/{id}", Viewer, "read"),
    ("patch /api/v1/files/{id}", Analyst, "write"),
    ("delete /api/v1/files/{id}", Analyst, "write"),
    ("get /api/v1/files/{id}/preview", Viewer, "read"),
    ("get /api/v1/files/{id}/profile", Viewer, "read"),
    ("get /api/v1/files/{id}/report", Viewer, "read"),
    ("get /api/v1/samples", Viewer, "read"),
    ("post /api/v1/samples", Analyst, "write"),
    ("get /api/v1/connections", Viewer, "read"),
    ("post /api/v1/connections", Admin, "admin"),
    ("get /api/v1/connections/{id}", Viewer, "read"),
    ("patch /api/v1/connections/{id}", Admin, "admin"),
    ("delete /api/v1/connections/{id}", Admin, "admin"),
    ("post /api/v1/connections/{id}/rotate-key", Admin, "admin"),
    ("post /api/v1/connections/{id}/revoke-key", Admin, "admin"),
    ("post /api/v1/connections/{id}/refresh-schema", Analyst, "write"),
    ("post /api/v1/connections/{id}/test", Analyst, "write"),
    ("get /api/v1/connections/{id}/schema", Viewer, "read"),
    ("get /api/v1/connections/{id}/status", Viewer, "read"),
    ("get /api/v1/connections/{id}/queries", Viewer, "read"),
    ("post /api/v1/query", Viewer, "ask"),
    ("post /api/v1/query/run", Analyst, "ask"),
    ("post /api/v1/query/{id}/cancel", Viewer, "ask"),
    ("get /api/v1/query", Viewer, "read"),
    ("get /api/v1/query/{id}", Viewer, "read"),
    ("patch /api/v1/query/{id}", Viewer, "write"),
    ("get /api/v1/query/{id}/feedback", Viewer, "read"),
    ("put /api/v1/query/{id}/feedback", Viewer, "write"),
    ("delete /api/v1/query/{id}/feedback", Viewer, "write"),
    ("get /api/v1/glossary", Viewer, "read"),
    ("post /api/v1/glossary", Analyst, "write"),
    ("get /api/v1/glossary/export", Viewer, "read"),
    ("post /api/v1/glossary/import", Analyst, "write"),
    ("patch /api/v1/glossary/{id}", Analyst, "write"),
    ("delete /api/v1/glossary/{id}", Analyst, "write"),
    ("get /api/v1/examples", Viewer, "read"),
    ("post /api/v1/examples", Analyst, "write"),
    ("patch /api/v1/examples/{id}", Analyst, "write"),
    ("delete /api/v1/examples/{id}", Analyst, "write"),
    ("post /api/v1/evaluations", Admin, "admin"),
    ("get /api/v1/evaluations", Admin, "admin"),
    ("get /api/v1/evaluations/{id}", Admin, "admin"),
    ("post /api/v1/evaluations/{id}/cancel", Admin, "admin"),
    ("delete /api/v1/evaluations/{id}", Admin, "admin"),
    ("get /api/v1/usage", Viewer, "read"),
    ("get /api/v1/results/{id}", Viewer, "read"),
    ("get /api/v1/results/{id}/export", Viewer, "read"),
    ("get /api/v1/results/{id}/analyses", Viewer, "read"),
    ("post /api/v1/results/{id}/analyse", Viewer, "ask"),
    ("get /api/v1/conversations", Viewer, "read"),
    ("get /api/v1/conversations/{id}", Viewer, "read"),
    ("delete /api/v1/conversations/{id}", Viewer, "write"),
    ("get /api/v1/status", Viewer, "read"),
    ("get /api/v1/status/agents", Viewer, "read"),
    ("get /api/v1/settings", Viewer, "read"),
    ("put /api/v1/settings/llm", Owner, "admin"),
    ("post /api/v1/settings/llm/test", Admin, "admin"),
    ("patch /api/v1/settings", Owner, "admin"),
    ("post /api/v1/settings/mail/test", Owner, "admin"),
    ("get /api/v1/mail/outgoing", Owner, "admin"),
    ("get /api/v1/audit", Admin, "admin"),
    ("get /api/v1/audit/export", Admin, "admin"),
    ("get /status", Admin, "admin"),
    ("get /production-readiness", Admin, "admin"),
    ("get /metrics", Admin, "admin"),
];

/// What an operation takes, so that it is refused for who asks and not for what was sent. `other` is an id of
/// the kind that the body names.
fn body(operation: &str, other: &Ids) -> Option<Value> {
    Some(match operation {
        "patch /api/v1/auth/me" | "patch /api/v1/organization" => json!({ "name": "Another" }),
        "delete /api/v1/auth/me" => json!({ "password": "not the password" }),
        "post /api/v1/auth/change-password" => {
            json!({ "current": "not the password", "new": "a new password" })
        }
        "post /api/v1/auth/change-email" => {
            json!({ "password": "not the password", "email": "new@example.com" })
        }
        "delete /api/v1/auth/totp" => json!({ "password": "not the password", "code": "000000" }),
        "post /api/v1/auth/totp/confirm" | "post /api/v1/auth/totp/recovery-codes" => {
            json!({ "code": "000000" })
        }
        "post /api/v1/tokens" => json!({ "name": "A script", "scopes": ["read"], "expires_in_days": 1 }),
        "patch /api/v1/members/{id}" => json!({ "role": "viewer" }),
        "post /api/v1/invitations" => json!({ "email": "walker@example.com", "role": "viewer" }),
        "put /api/v1/connections/{id}/access" | "put /api/v1/files/{id}/access" => {
            json!({ "everyone": true })
        }
        "patch /api/v1/files/{id}" => json!({}),
        "post /api/v1/connections" => json!({ "name": "Another", "db_type": "POSTGRESQL" }),
        "patch /api/v1/connections/{id}" => json!({ "name": "Another" }),
        "post /api/v1/query" => json!({ "question": "How many rows?", "file_ids": [other.of("files")] }),
        "post /api/v1/query/run" => json!({ "query": "SELECT 1", "file_ids": [other.of("files")] }),
        "patch /api/v1/settings" => json!({}),
        "put /api/v1/settings/llm" => json!({ "kind": "server" }),
        "patch /api/v1/query/{id}" => json!({ "kept": true }),
        "put /api/v1/query/{id}/feedback" => json!({ "verdict": "right" }),
        "post /api/v1/glossary" => {
            json!({ "kind": "term", "name": "walker", "text": "sales", "source_id": other.of("files") })
        }
        "patch /api/v1/glossary/{id}" => json!({ "text": "another" }),
        "post /api/v1/examples" => {
            json!({ "question": "How many?", "query": "SELECT 1", "file_ids": [other.of("files")] })
        }
        "patch /api/v1/examples/{id}" => json!({ "question": "How many rows?" }),
        "post /api/v1/evaluations" => {
            json!({ "csv": "question\nHow many rows?\n", "file_ids": [other.of("files")] })
        }
        "post /api/v1/results/{id}/analyse" => json!({ "method": "describe" }),
        _ => return None,
    })
}

/// Bodies that name things of another organisation: operation, body, and what is expected for an id that does
/// not exist and for a foreign one alike.
fn bodies_with_ids(ids: &Ids, own: &Ids) -> Vec<(&'static str, String, Value, StatusCode)> {
    let ask = |key: &str, value: Value| json!({ "question": "How many rows are there?", key: value });
    let run = |key: &str, value: Value| json!({ "query": "SELECT 1", key: value });
    let file = json!([ids.of("files")]);
    let mixed = json!([own.of("files"), ids.of("files")]);
    let members = json!({ "everyone": false, "members": [ids.of("members")] });
    let query = || "/api/v1/query".to_owned();
    let query_run = || "/api/v1/query/run".to_owned();
    let mut with_conversation = run("file_ids", json!([own.of("files")]));
    with_conversation["conversation_id"] = json!(ids.of("conversations"));
    vec![
        (
            "post",
            query(),
            ask("file_ids", file.clone()),
            StatusCode::NOT_FOUND,
        ),
        ("post", query(), ask("file_ids", mixed), StatusCode::NOT_FOUND),
        (
            "post",
            query(),
            ask("connection_id", json!(ids.of("connections"))),
            StatusCode::NOT_FOUND,
        ),
        (
            "post",
            query(),
            ask("conversation_id", json!(ids.of("conversations"))),
            StatusCode::NOT_FOUND,
        ),
        ("post", query_run(), run("file_ids", file), StatusCode::NOT_FOUND),
        (
            "post",
            query_run(),
            run("connection_id", json!(ids.of("connections"))),
            StatusCode::NOT_FOUND,
        ),
        ("post", query_run(), with_conversation, StatusCode::NOT_FOUND),
        (
            "post",
            "/api/v1/glossary".into(),
            json!({ "kind": "term", "name": "theirs", "text": "x", "source_id": ids.of("files") }),
            StatusCode::NOT_FOUND,
        ),
        (
            "post",
            "/api/v1/glossary".into(),
            json!({ "kind": "table", "name": "theirs", "text": "x", "source_id": ids.of("connections") }),
            StatusCode::NOT_FOUND,
        ),
        (
            "post",
            "/api/v1/examples".into(),
            json!({ "question": "a", "query": "SELECT 1", "connection_id": ids.of("connections") }),
            StatusCode::NOT_FOUND,
        ),
        (
            "post",
            "/api/v1/examples".into(),
            json!({ "question": "a", "query": "SELECT 1", "file_ids": [own.of("files"), ids.of("files")] }),
            StatusCode::NOT_FOUND,
        ),
        (
            "post",
            "/api/v1/evaluations".into(),
            json!({ "csv": "question\na\n", "connection_id": ids.of("connections") }),
            StatusCode::NOT_FOUND,
        ),
        (
            "post",
            "/api/v1/evaluations".into(),
            json!({ "csv": "question\na\n", "file_ids": [own.of("files"), ids.of("files")] }),
            StatusCode::NOT_FOUND,
        ),
        (
            "put",
            format!("/api/v1/files/{}/access", own.of("files")),
            members.clone(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "put",
            format!("/api/v1/connections/{}/access", own.of("connections")),
            members,
            StatusCode::BAD_REQUEST,
        ),
    ]
}

/// Ids of an organisation's things, by the first part of their path.
#[derive(Clone)]
struct Ids(BTreeMap<&'static str, String>);

impl Ids {
    fn of(&self, noun: &str) -> &str {
        self.0.get(noun).map_or_else(
            || panic!("the walk has no id for {noun}: make one in `things`"),
            String::as_str,
        )
    }

    /// Of things that are nowhere.
    fn nowhere(&self) -> Ids {
        let unknown = "0198f0a2-0000-7000-8000-000000000000".to_owned();
        Ids(self.0.keys().map(|noun| (*noun, unknown.clone())).collect())
    }

    /// The noun that a path's `{id}` belongs to.
    fn noun(path: &str) -> &str {
        let before = path.split("/{id}").next().unwrap_or_default();
        match before.rsplit('/').next().unwrap_or_default() {
            // The agent's socket.
            "ws" => "connections",
            noun => noun,
        }
    }

    fn fill(&self, path: &str) -> String {
        match path.contains("{id}") {
            true => path.replace("{id}", self.of(Ids::noun(path))),
            false => path.to_owned(),
        }
    }

    /// The answer without the ids, which may well stand in it.
    fn blot(&self, text: &str) -> String {
        self.0
            .values()
            .fold(text.to_owned(), |text, id| text.replace(id.as_str(), "…"))
    }
}

fn operations() -> BTreeSet<String> {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            found.insert(format!("{method} {path}"));
        }
    }
    found
}

async fn send(caller: &Caller, operation: &str, path: &str, body: Option<&Value>) -> (StatusCode, String) {
    let method = operation.split(' ').next().unwrap().to_uppercase();
    let mut request = caller.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
    if operation == "post /api/v1/upload" {
        let part = reqwest::multipart::Part::text("a,b\n1,2\n").file_name("walk.csv");
        request = request.multipart(reqwest::multipart::Form::new().part("files", part));
    } else if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

/// Something of every kind, of one organisation.
async fn things(app: &TestApp, owner: &Caller, tag: &str) -> Ids {
    let mut ids = BTreeMap::new();
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned();
    let name = format!("{tag}.csv");
    let (_, uploaded) = owner
        .upload(&[(name.as_str(), b"shop,sales\nA,10\nB,20\n")])
        .await;
    let file = text(&uploaded["files"][0]["id"]);
    let (_, asked) = owner
        .post(
            "/api/v1/query",
            &json!({ "question": "What are the total sales?", "file_ids": [file] }),
        )
        .await;
    let body = json!({ "kind": "term", "name": format!("{tag} word"), "text": format!("{tag} meaning"), "source_id": file });
    let entry = owner.post("/api/v1/glossary", &body).await.1;
    ids.insert("glossary", text(&entry["id"]));
    let body = json!({ "question": format!("{tag}?"), "query": asked["query"], "file_ids": [file] });
    let example = owner.post("/api/v1/examples", &body).await.1;
    ids.insert("examples", text(&example["id"]));
    let body = json!({ "name": tag, "csv": format!("question\n{tag}?\n"), "file_ids": [file] });
    let run = owner.post("/api/v1/evaluations", &body).await.1;
    ids.insert("evaluations", text(&run["id"]));
    ids.insert("files", file);
    ids.insert("query", text(&asked["id"]));
    ids.insert("results", text(&asked["result_id"]));
    ids.insert("conversations", text(&asked["conversation_id"]));
    let body = json!({ "name": tag, "db_type": "POSTGRESQL" });
    ids.insert(
        "connections",
        text(&owner.post("/api/v1/connections", &body).await.1["id"]),
    );
    let body = json!({ "name": tag, "scopes": ["read"], "expires_in_days": 1 });
    ids.insert("tokens", text(&owner.post("/api/v1/tokens", &body).await.1["id"]));
    let body = json!({ "email": format!("{tag}@example.org"), "role": "viewer" });
    ids.insert(
        "invitations",
        text(&owner.post("/api/v1/invitations", &body).await.1["id"]),
    );
    ids.insert(
        "sessions",
        text(&owner.get("/api/v1/auth/sessions").await.1[0]["id"]),
    );
    let member = app
        .member(owner, &format!("{tag}.member@example.com"), "viewer")
        .await;
    ids.insert("members", member.id().await);
    Ids(ids)
}

fn app() -> Builder {
    TestApp::builder().config(|config| {
        config.accounts.sign_up = SignUp::Open;
        config.accounts.verification = false;
        // All of it comes from one address.
        config.limits.log_in_per_minute = 100_000;
        config.limits.sign_up_per_hour = 100_000;
        config.limits.invitations_per_hour = 100_000;
        config.limits.everything_per_minute = 1_000_000;
    })
}

/// Runs a walk once for each store.
macro_rules! both {
    ($name:ident, $walk:expr) => {
        mod $name {
            use super::*;

            #[tokio::test]
            async fn sqlite() {
                let app = app().store(Store::Sqlite).start().await;
                let walk = $walk;
                walk(&app).await;
            }

            #[tokio::test]
            async fn postgres() {
                let app = app().store(Store::Postgres).start().await;
                let walk = $walk;
                walk(&app).await;
            }
        }
    };
}

#[test]
fn the_table_names_every_operation() {
    let decided: BTreeSet<String> = TABLE.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let documented = operations();
    let undecided: Vec<_> = documented.difference(&decided).collect();
    let gone: Vec<_> = decided.difference(&documented).collect();
    assert!(
        undecided.is_empty() && gone.is_empty(),
        "say in TABLE (tests/it/accounts/walk.rs) who may use these: {undecided:#?}\nthese are no more: {gone:#?}"
    );
    assert_eq!(TABLE.len(), decided.len(), "an operation stands twice");
}

/// A token made here that is good, which shows that we know how; and tokens that nobody should have: what is
/// wrong with each, and the token.
fn forgeries(app: &TestApp, good: &str, revoked: &str) -> (String, Vec<(&'static str, String)>) {
    let secret = std::fs::read(app.config.server.data_dir.join("secret.key")).unwrap();
    let mut claims: Value = {
        use base64::Engine;
        let part = good.split('.').nth(1).unwrap();
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(part)
            .unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let sign = |algorithm: Algorithm, claims: &Value, secret: &[u8]| {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let control = sign(Algorithm::HS256, &claims, &secret);
    let body = good.split('.').nth(1).unwrap();
    let encode = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    };
    let rsa_head = encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let pem = include_str!("../support/keys/stranger.pem");
    let key = CoreRsaPrivateSigningKey::from_pem(pem, None).unwrap();
    let signed = format!("{rsa_head}.{body}");
    let rsa = key
        .sign(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, signed.as_bytes())
        .unwrap();
    let rsa = {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(rsa)
    };
    let public = serde_json::to_string(&key.as_verification_key()).unwrap();
    let mut found = vec![
        ("no token", String::new()),
        ("nonsense", "nonsense".into()),
        (
            "another key",
            sign(
                Algorithm::HS256,
                &claims,
                b"another key, as long as the right one",
            ),
        ),
        ("no key", sign(Algorithm::HS256, &claims, b"")),
        ("another algorithm", sign(Algorithm::HS512, &claims, &secret)),
        ("alg none", format!("{}.{body}.", encode(r#"{"alg":"none"}"#))),
        (
            "alg None",
            format!("{}.{body}.", encode(r#"{"alg":"None","typ":"JWT"}"#)),
        ),
        ("RSA", format!("{signed}.{rsa}")),
        (
            "a public key as secret",
            sign(Algorithm::HS256, &claims, public.as_bytes()),
        ),
        (
            "RSA in name only",
            format!("{signed}.{}", good.rsplit('.').next().unwrap()),
        ),
        ("a changed letter", format!("{}{}", &good[..good.len() - 2], "AA")),
        ("a session that ended", revoked.into()),
        (
            "an API token that nobody has",
            "cct_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(),
        ),
    ];
    claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 60);
    found.push(("expired", sign(Algorithm::HS256, &claims, &secret)));
    claims["exp"] = json!(claims["iat"].as_i64().unwrap() + 3600);
    claims["sid"] = json!("0198f0a2-0000-7000-8000-000000000000");
    found.push((
        "a session that never was",
        sign(Algorithm::HS256, &claims, &secret),
    ));
    (control, found)
}

#[tokio::test]
async fn nobody_and_the_forged_get_nowhere() {
    for store in [Store::Sqlite, Store::Postgres] {
        let app = app().store(store).start().await;
        let owner = app.owner().await;
        let gone = app.log_in("owner@example.com", PASSWORD).await;
        let sessions = gone.get("/api/v1/auth/sessions").await.1;
        let current = sessions
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["current"] == json!(true));
        let path = format!(
            "/api/v1/auth/sessions/{}",
            current.unwrap()["id"].as_str().unwrap()
        );
        assert_eq!(gone.delete(&path).await.0, StatusCode::NO_CONTENT);
        let ids = things(&app, &owner, "walk").await;
        let good = owner.token.clone().unwrap();
        let (control, forged) = forgeries(&app, &good, gone.token.as_deref().unwrap());
        let control = owner.as_bearer(&control);
        assert_eq!(control.get("/api/v1/auth/me").await.0, StatusCode::OK);
        for (what, token) in forged {
            let mut caller = app.anonymous();
            caller.token = (!token.is_empty()).then_some(token);
            for (operation, who, _) in TABLE.iter().filter(|(_, who, _)| *who != Public) {
                let path = operation.split(' ').nth(1).unwrap();
                let body = body(operation, &ids);
                let (status, answer) = send(&caller, operation, &ids.fill(path), body.as_ref()).await;
                assert_eq!(
                    status,
                    StatusCode::UNAUTHORIZED,
                    "{what}: {operation} ({who:?}): {answer}"
                );
                assert!(answer.contains("\"unauthorized\""), "{operation}: {answer}");
            }
        }
        // None of it did anything.
        assert_eq!(owner.get("/api/v1/auth/me").await.0, StatusCode::OK);
        let path = ids.fill("/api/v1/files/{id}");
        assert_eq!(owner.get(&path).await.0, StatusCode::OK);
    }
}

both!(every_role_does_what_the_table_says, async |app: &TestApp| {
    let owner = app.owner().await;
    // Ids of nothing: who may is told by 404, who may not by 403, and nothing changes.
    let ids = things(app, &owner, "walk").await.nowhere();
    for (role, who) in [
        ("viewer", Viewer),
        ("analyst", Analyst),
        ("admin", Admin),
        ("owner", Owner),
    ] {
        for (operation, least, _) in TABLE.iter().filter(|(_, least, _)| *least > Agent) {
            // Each with somebody new: some operations end the session.
            let path = operation.split(' ').nth(1).unwrap();
            let ends = *operation == "post /api/v1/auth/logout-all-devices";
            let email = match ends {
                true => format!("gone.{role}@example.com"),
                false => format!("{role}@example.com"),
            };
            let caller = person(app, &owner, &email, role).await;
            let body = body(operation, &ids);
            let (status, answer) = send(&caller, operation, &ids.fill(path), body.as_ref()).await;
            let refused_for_role = status == StatusCode::FORBIDDEN && answer.contains("Your role");
            assert_eq!(
                refused_for_role,
                who < *least,
                "{role}: {operation}: {status} {answer}"
            );
            if who >= *least {
                assert!(
                    !status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE,
                    "{operation}: {status} {answer}"
                );
                let wrong_password =
                    answer.contains("password") || answer.contains("totp") || answer.contains("factor");
                assert!(
                    status != StatusCode::UNAUTHORIZED || wrong_password,
                    "{role}: {operation}: {status} {answer}"
                );
            }
        }
    }
});

/// A member of this role, made the first time and logged in.
async fn person(app: &TestApp, owner: &Caller, email: &str, role: &str) -> Caller {
    let caller = app.anonymous();
    let body = json!({ "email": email, "password": PASSWORD });
    let known = KNOWN.with(|known| {
        known
            .borrow()
            .get(&(app.address.port(), email.to_owned()))
            .cloned()
    });
    if let Some(token) = known {
        return caller.as_bearer(&token);
    }
    let members = owner.get("/api/v1/members").await.1;
    let there = members
        .as_array()
        .unwrap()
        .iter()
        .any(|member| member["email"] == email);
    let caller = match there {
        true => {
            let (_, answer) = caller.post("/api/v1/auth/login", &body).await;
            caller.with_token(&answer)
        }
        false => app.member(owner, email, role).await,
    };
    KNOWN.with(|known| {
        let key = (app.address.port(), email.to_owned());
        known.borrow_mut().insert(key, caller.token.clone().unwrap());
    });
    caller
}

thread_local! {
    static KNOWN: std::cell::RefCell<BTreeMap<(u16, String), String>> = const { std::cell::RefCell::new(BTreeMap::new()) };
}

both!(a_token_without_the_scope_gets_nowhere, async |app: &TestApp| {
    let owner = app.owner().await;
    let ids = things(app, &owner, "walk").await.nowhere();
    let all = ["read", "ask", "write", "admin"];
    let everything = owner.api_token(&all).await;
    for scope in all {
        let others: Vec<&str> = all.into_iter().filter(|other| *other != scope).collect();
        let without = owner.api_token(&others).await;
        let only = owner.api_token(&[scope]).await;
        for (operation, who, needed) in TABLE.iter().filter(|(_, who, _)| *who > Agent) {
            let path = operation.split(' ').nth(1).unwrap();
            let body = body(operation, &ids);
            if *who == Person {
                let (status, answer) = send(&everything, operation, &ids.fill(path), body.as_ref()).await;
                assert_eq!(status, StatusCode::FORBIDDEN, "{operation}: {answer}");
                continue;
            }
            if *needed == scope {
                let (status, answer) = send(&without, operation, &ids.fill(path), body.as_ref()).await;
                assert_eq!(
                    status,
                    StatusCode::FORBIDDEN,
                    "without {scope}: {operation}: {answer}"
                );
                assert!(answer.contains(&format!("\\\"{scope}\\\"")), "{answer}");
            }
            let (status, answer) = send(&only, operation, &ids.fill(path), body.as_ref()).await;
            let refused = status == StatusCode::FORBIDDEN && answer.contains("scope");
            assert_eq!(
                refused,
                *needed != scope,
                "only {scope}: {operation}: {status} {answer}"
            );
        }
    }
});

both!(
    foreign_ids_are_answered_like_ids_of_nothing,
    async |app: &TestApp| {
        let owner = app.owner().await;
        let theirs = things(app, &owner, "theirs").await;
        let stranger = app.stranger("stranger@example.net").await;
        let own = things(app, &stranger, "own").await;
        let nowhere = theirs.nowhere();
        // With everything that there is to have: the owner of another organisation, and a token of all scopes.
        let script = stranger.api_token(&["read", "ask", "write", "admin"]).await;
        for caller in [&stranger, &script] {
            let through_token = caller.token.as_deref().unwrap().starts_with("cct_");
            for (operation, who, _) in TABLE
                .iter()
                .filter(|(name, who, _)| name.contains("{id}") && *who > Agent)
            {
                if through_token && *who == Person {
                    continue;
                }
                let path = operation.split(' ').nth(1).unwrap();
                let body = body(operation, &own);
                let foreign = send(caller, operation, &theirs.fill(path), body.as_ref()).await;
                let missing = send(caller, operation, &nowhere.fill(path), body.as_ref()).await;
                // Cancelling is answered the same whether or not there is something to cancel.
                let expected = match *operation {
                    "post /api/v1/query/{id}/cancel" => StatusCode::ACCEPTED,
                    _ => StatusCode::NOT_FOUND,
                };
                assert_eq!(foreign.0, expected, "{operation}: {}", foreign.1);
                assert_eq!(
                    (foreign.0, theirs.blot(&foreign.1)),
                    (missing.0, nowhere.blot(&missing.1)),
                    "{operation}"
                );
            }
            for ((method, path, foreign, status), (_, _, missing, _)) in bodies_with_ids(&theirs, &own)
                .into_iter()
                .zip(bodies_with_ids(&nowhere, &own))
            {
                let foreign = send(caller, method, &path, Some(&foreign)).await;
                let missing = send(caller, method, &path, Some(&missing)).await;
                assert_eq!(foreign.0, status, "{path}: {}", foreign.1);
                assert_eq!(theirs.blot(&foreign.1), nowhere.blot(&missing.1), "{path}");
            }
            // No list shows anything of theirs.
            for (operation, who, _) in TABLE
                .iter()
                .filter(|(name, who, _)| name.starts_with("get ") && !name.contains("{id}") && *who > Agent)
            {
                if through_token && *who == Person {
                    continue;
                }
                let (status, answer) =
                    send(caller, operation, operation.split(' ').nth(1).unwrap(), None).await;
                assert!(status.is_success(), "{operation}: {status} {answer}");
                assert_eq!(
                    theirs.blot(&answer),
                    answer,
                    "{operation} shows something of another organisation"
                );
                assert!(!answer.contains("owner@example.com"), "{operation}: {answer}");
            }
        }
        // An agent's key opens its own connection only, and says the same of all others.
        let (_, key) = stranger
            .post(&own.fill("/api/v1/connections/{id}/rotate-key"), &json!({}))
            .await;
        let agent = app.anonymous().as_bearer(key["api_key"].as_str().unwrap());
        let path = "/api/v1/connections/ws/{id}";
        let foreign = send(&agent, "get", &theirs.fill(path), None).await;
        assert_eq!(foreign.0, StatusCode::UNAUTHORIZED);
        assert_eq!(foreign, send(&agent, "get", &nowhere.fill(path), None).await);
        // Nothing of theirs was touched.
        for path in [
            "/api/v1/files/{id}",
            "/api/v1/connections/{id}",
            "/api/v1/query/{id}",
            "/api/v1/results/{id}",
            "/api/v1/conversations/{id}",
        ] {
            assert_eq!(owner.get(&theirs.fill(path)).await.0, StatusCode::OK, "{path}");
        }
        let members = owner.get("/api/v1/members").await.1;
        assert_eq!(members.as_array().unwrap().len(), 2);
        assert_eq!(owner.get("/api/v1/tokens").await.1.as_array().unwrap().len(), 1);
        assert_eq!(
            owner.get("/api/v1/invitations").await.1.as_array().unwrap().len(),
            1
        );
    }
);
