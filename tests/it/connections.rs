//! The connection page's API, through HTTP: agents and what they report, running queries and cancel, testing,
//! keys, and the live socket. A real server, the real agent, a source that makes up its rows.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::agent::world::{self, Agent, Fake, QUERY};
use crate::support::app::{Caller, TestApp, eventually};

/// A connection made through the API: its id, its key, and where its agent dials.
struct Made {
    id: String,
    key: String,
    url: String,
}

async fn create(owner: &Caller, name: &str) -> Made {
    let body = json!({ "name": name, "db_type": "POSTGRESQL" });
    let (status, made) = owner.post("/api/v1/connections", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Made {
        id: text("id"),
        key: text("api_key"),
        url: text("websocket_url"),
    }
}

impl Made {
    fn agent(&self, fake: &Arc<Fake>) -> Agent {
        world::agent_at(&self.url, &self.key, fake.clone(), world::terms())
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/connections/{}{rest}", self.id)
    }

    /// The status once it is as wanted.
    async fn status(&self, caller: &Caller, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually("the status", async || {
            let (code, status) = caller.get(&self.path("/status")).await;
            assert_eq!(code, StatusCode::OK, "{status}");
            wanted(&status).then_some(status)
        })
        .await
    }

    async fn online(&self, caller: &Caller) -> Value {
        let reachable = |status: &Value| status["database"] == "reachable";
        let status = self.status(caller, reachable).await;
        eventually("the schema", async || {
            let (_, schema) = caller.get(&self.path("/schema")).await;
            schema["discovered_at"].is_string().then_some(())
        })
        .await;
        status
    }

    /// Sends a query without waiting for its answer.
    fn ask(&self, caller: &Caller) -> tokio::task::JoinHandle<(StatusCode, Value)> {
        let (caller, body) = (
            caller.clone(),
            json!({ "query": QUERY, "connection_id": self.id }),
        );
        tokio::spawn(async move { caller.post("/api/v1/query/run", &body).await })
    }

    async fn running(&self, caller: &Caller, count: usize) -> Vec<Value> {
        eventually("the running queries", async || {
            let (code, list) = caller.get(&self.path("/queries")).await;
            assert_eq!(code, StatusCode::OK, "{list}");
            let queries = list["queries"].as_array().unwrap().clone();
            (queries.len() == count).then_some(queries)
        })
        .await
    }
}

/// Somebody else of the same organisation.
async fn analyst(app: &TestApp) -> Caller {
    let mut child = Command::new(env!("CARGO_BIN_EXE_clean-custard"))
        .args([
            "user",
            "add",
            "--email",
            "ann@example.com",
            "--password-stdin",
            "--role",
            "analyst",
        ])
        .arg("--data-dir")
        .arg(&app.config.server.data_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program runs");
    child.stdin.take().unwrap().write_all(b"a long password").unwrap();
    assert!(child.wait().unwrap().success());
    app.log_in("ann@example.com", "a long password").await
}

#[tokio::test]
async fn the_status_tells_everything_about_the_agents() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let made = create(&owner, "shop").await;
    let (_, before) = owner.get(&made.path("/status")).await;
    assert_eq!(before["agent"], "offline");
    assert_eq!(before["database"], "unknown");
    assert_eq!(before["agents"], json!([]));
    assert_eq!(before["last_seen_at"], Value::Null);

    let fake = Fake::new(2, 100);
    let one = made.agent(&fake);
    let status = made.online(&owner).await;
    assert_eq!(status["agent"], "online");
    assert_eq!(status["role_warnings"], json!(["The role is a superuser."]));
    let [agent] = status["agents"].as_array().unwrap().as_slice() else {
        panic!("{status}");
    };
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(agent["host"], host.trim());
    assert_eq!(agent["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(agent["protocol"], 2);
    assert_eq!(agent["database"], "reachable");
    assert_eq!(agent["database_version"], "Fake 1");
    assert_eq!(agent["role_warnings"], json!(["The role is a superuser."]));
    assert_eq!(agent["policy"]["max_rows"], world::terms().policy.max_rows);
    assert!(agent["clock_skew_ms"].as_i64().unwrap().abs() < 5_000, "{agent}");
    assert_eq!(agent["draining"], false);
    assert!(agent["connected_at"].as_str().unwrap() <= agent["last_seen_at"].as_str().unwrap());

    // A second agent is one more entry, and the list over all connections has both.
    let _two = made.agent(&fake);
    let both = |status: &Value| status["agents"].as_array().unwrap().len() == 2;
    made.status(&owner, both).await;
    let (_, all) = owner.get("/api/v1/status/agents").await;
    assert_eq!(all["agents"][0]["id"], json!(made.id));
    assert_eq!(all["agents"][0]["agents"].as_array().unwrap().len(), 2);

    one.kill();
    let alone = |status: &Value| status["agents"].as_array().unwrap().len() == 1;
    assert_eq!(made.status(&owner, alone).await["agent"], "online");

    // Nobody else's business.
    let (code, _) = owner
        .get("/api/v1/connections/00000000-0000-7000-8000-000000000000/status")
        .await;
    assert_eq!(code, StatusCode::NOT_FOUND);
    assert_eq!(
        app.anonymous().get(&made.path("/status")).await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn running_queries_are_seen_and_cancelled_by_those_who_may() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let ann = analyst(&app).await;
    let made = create(&owner, "shop").await;
    let fake = Fake::stuck();
    let _agent = made.agent(&fake);
    made.online(&owner).await;
    assert_eq!(made.running(&owner, 0).await, Vec::<Value>::new());

    let of_owner = made.ask(&owner);
    let of_ann = made.ask(&ann);
    let all = made.running(&owner, 2).await;
    let own = made.running(&ann, 1).await;
    assert_eq!(own[0]["own"], true);
    assert_eq!(
        own[0]["query"].as_str().unwrap().to_lowercase(),
        QUERY.to_lowercase()
    );
    let (_, status) = owner.get(&made.path("/status")).await;
    assert_eq!(status["agents"][0]["running"], 2);
    assert_eq!(own[0]["agent_id"], status["agents"][0]["id"]);
    let id_of = |own: bool| {
        let found = all.iter().find(|query| query["own"] == own).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };

    // An analyst cannot stop the owner's; the owner can stop an analyst's.
    let cancel = async |caller: &Caller, id: &str| {
        let (code, answer) = caller
            .post(&format!("/api/v1/query/{id}/cancel"), &json!({}))
            .await;
        assert_eq!(code, StatusCode::ACCEPTED);
        answer["cancelled"].as_bool().unwrap()
    };
    assert!(!cancel(&ann, &id_of(true)).await);
    assert!(cancel(&owner, &id_of(false)).await);
    let (code, answer) = of_ann.await.unwrap();
    assert_eq!((code, &answer["outcome"]), (StatusCode::OK, &json!("failed")));
    assert_eq!(answer["error"]["code"], "cancelled");
    assert!(cancel(&owner, &id_of(true)).await);
    of_owner.await.unwrap();
    made.running(&owner, 0).await;
    eventually("the source to be free", async || {
        (fake.running.load(Ordering::Relaxed) == 0).then_some(())
    })
    .await;
    assert!(!cancel(&owner, &id_of(true)).await, "it is over");
}

#[tokio::test]
async fn testing_a_connection_goes_to_the_database_and_back() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let made = create(&owner, "shop").await;
    let test = async || {
        let (code, report) = owner.post(&made.path("/test"), &json!({})).await;
        assert_eq!(code, StatusCode::OK, "{report}");
        report
    };
    let offline = test().await;
    assert_eq!((&offline["ok"], &offline["agents"]), (&json!(false), &json!([])));
    assert!(
        offline["message"].as_str().unwrap().contains("No agent"),
        "{offline}"
    );

    let fake = Fake::new(1, 10);
    let _agent = made.agent(&fake);
    made.online(&owner).await;
    let checked = fake.checked.load(Ordering::Relaxed);
    let good = test().await;
    assert!(fake.checked.load(Ordering::Relaxed) > checked, "it was not tried");
    assert_eq!(good["ok"], true, "{good}");
    assert_eq!(good["message"], "Fake 1 answered.");
    let agent = &good["agents"][0];
    assert!(agent["agent_ms"].as_f64().unwrap() > 0.0, "{agent}");
    assert!(agent["database_ms"].as_f64().is_some(), "{agent}");
    assert_eq!(agent["role_warnings"], json!(["The role is a superuser."]));

    fake.reachable.store(false, Ordering::Relaxed);
    let away = test().await;
    assert_eq!(away["ok"], false);
    assert_eq!(away["message"], "the database is away");
    assert!(away["agents"][0]["agent_ms"].as_f64().is_some());
    assert_eq!(away["agents"][0]["database_ms"], Value::Null);
    let unreachable = |status: &Value| status["database"] == "unreachable";
    let status = made.status(&owner, unreachable).await;
    assert_eq!(status["message"], "the database is away");
    assert_eq!(status["agent"], "online");
}

#[tokio::test]
async fn a_rotated_or_revoked_key_cuts_its_agent_at_once_with_what_it_runs() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let ann = analyst(&app).await;
    let mut made = create(&owner, "shop").await;
    let offline = |status: &Value| status["agent"] == "offline";

    for revoke in [false, true] {
        let fake = Fake::stuck();
        let _agent = made.agent(&fake);
        made.online(&owner).await;
        let asking = made.ask(&owner);
        made.running(&owner, 1).await;
        let path = made.path(if revoke { "/revoke-key" } else { "/rotate-key" });
        assert_eq!(ann.post(&path, &json!({})).await.0, StatusCode::FORBIDDEN);
        let (code, answer) = owner.post(&path, &json!({})).await;
        assert_eq!(code, StatusCode::OK, "{answer}");
        // No waiting: the next look already sees it gone.
        let (_, status) = owner.get(&made.path("/status")).await;
        assert_eq!(
            (&status["agent"], &status["agents"]),
            (&json!("offline"), &json!([]))
        );
        let (_, asked) = asking.await.unwrap();
        assert_eq!(asked["error"]["code"], "agent_offline", "{asked}");
        eventually("the source to be free", async || {
            (fake.running.load(Ordering::Relaxed) == 0).then_some(())
        })
        .await;
        let (_, connection) = owner.get(&made.path("")).await;
        assert_eq!(connection["key"], if revoke { "revoked" } else { "active" });
        if !revoke {
            let new = answer["api_key"].as_str().unwrap().to_owned();
            assert_ne!(made.key, new);
            made.key = new;
        }
    }
    // The agent keeps trying with the revoked key, and an empty one does not open it either.
    let _again = made.agent(&Fake::new(1, 1));
    let empty = Made {
        key: String::new(),
        id: made.id.clone(),
        url: made.url.clone(),
    };
    let _empty = empty.agent(&Fake::new(1, 1));
    tokio::time::sleep(Duration::from_millis(500)).await;
    made.status(&owner, offline).await;
    // A new key opens it again.
    let (_, new) = owner.post(&made.path("/rotate-key"), &json!({})).await;
    made.key = new["api_key"].as_str().unwrap().to_owned();
    let _new = made.agent(&Fake::new(1, 1));
    made.online(&owner).await;
}

#[tokio::test]
async fn the_live_socket_tells_of_agents_and_queries() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let ann = analyst(&app).await;
    let made = create(&owner, "shop").await;
    let url = format!("ws://{}/api/v1/status/ws", app.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let auth = json!({ "type": "auth", "access_token": owner.token.clone().unwrap() });
    socket.send(Message::Text(auth.to_string().into())).await.unwrap();
    let mut heard = async |wanted: &dyn Fn(&Value) -> bool| {
        world::within(async {
            loop {
                if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if wanted(&message) {
                        return message;
                    }
                }
            }
        })
        .await
    };
    heard(&|message| message["type"] == "ready").await;
    let fake = Fake::stuck();
    let agent = made.agent(&fake);
    let online = heard(&|m| m["type"] == "connection" && m["connection"]["database"] == "reachable").await;
    assert_eq!(online["connection"]["agent"], "online");
    heard(&|m| m["type"] == "connection" && m["connection"]["discovered_at"].is_string()).await;
    // An admin hears of everybody's questions.
    let asking = made.ask(&ann);
    heard(&|m| m["type"] == "query" && m["state"] == "running").await;
    agent.kill();
    heard(&|m| m["type"] == "connection" && m["connection"]["agent"] == "offline").await;
    asking.await.unwrap();
    let (code, _) = owner.delete(&made.path("")).await;
    assert_eq!(code, StatusCode::NO_CONTENT);
    let removed = heard(&|m| m["type"] == "connection_removed").await;
    assert_eq!(removed["id"], json!(made.id));
}
