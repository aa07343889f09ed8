//! Hostile agents against the server process: each is cut with a reason in the log, the server stays well, and
//! the queries of others go on.

use std::time::{Duration, Instant};

use clean_custard::protocol::{self, End, Envelope, Hello, Message as Wire};
use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::hostile::{Raw, hello};
use super::world::{self, Fake, QUERY, within};
use crate::support::app::{Caller, eventually};
use crate::support::process::Process;

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

async fn run(owner: &Caller, id: &str) -> Value {
    let body = json!({ "query": QUERY, "connection_id": id });
    owner.post("/api/v1/query/run", &body).await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_agents_are_cut_with_a_reason_in_the_log_and_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::server(folder.path()).await;
    let owner = server.owner().await;
    let (good, bad) = (create(&owner, "good").await, create(&owner, "bad").await);
    let _agent = world::agent_at(&good.url, &good.key, Fake::new(2, 100), world::terms());
    eventually("the good agent", async || {
        let (_, connection) = owner.get(&format!("/api/v1/connections/{}", good.id)).await;
        connection["discovered_at"].is_string().then_some(())
    })
    .await;
    // All the while somebody asks the good one.
    let asking = tokio::spawn({
        let (owner, id) = (owner.clone(), good.id.clone());
        async move {
            for _ in 0..40 {
                let answer = run(&owner, &id).await;
                assert_eq!(answer["outcome"], "answered", "{answer}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });

    let dial = async || {
        Raw::dial_at(&bad.url, &bad.key, Some("clean-custard.v1"))
            .await
            .unwrap()
    };
    let mut reasons: Vec<&str> = Vec::new();
    for (message, reason) in [
        (
            Message::Text("garbage".into()),
            "control message that cannot be read",
        ),
        (
            Message::Binary(vec![0; protocol::MAX_FRAME + 1].into()),
            "a frame of more than",
        ),
        (
            Message::Binary(protocol::data_frame(77, b"rows")),
            "data for request 77, which is not open",
        ),
        (
            Message::Text(r#"{"id":3,"type":"credit","bytes":1}"#.into()),
            "only a server sends",
        ),
    ] {
        let mut raw = dial().await;
        raw.say(1, hello("POSTGRESQL")).await;
        raw.send(message).await;
        raw.gone().await;
        reasons.push(reason);
    }
    // Rows without end for a query that was asked, whatever credit it has.
    let mut greedy = dial().await;
    greedy.say(1, hello("POSTGRESQL")).await;
    eventually("the greedy agent", async || {
        let (_, connection) = owner.get(&format!("/api/v1/connections/{}", bad.id)).await;
        (connection["database"] == "reachable").then_some(())
    })
    .await;
    let asked = tokio::spawn({
        let (owner, id) = (owner.clone(), bad.id.clone());
        async move { run(&owner, &id).await }
    });
    let query = loop {
        let envelope = greedy.hear().await;
        match envelope.message {
            Wire::Query(_) => break envelope.id,
            Wire::Schema(_) => {
                let catalog = serde_json::to_vec(&*Fake::new(1, 1).catalog()).unwrap();
                let packed = zstd::encode_all(catalog.as_slice(), 1).unwrap();
                greedy.data(envelope.id, &packed).await;
                greedy.say(envelope.id, Wire::End(End::default())).await;
            }
            _ => {}
        }
    };
    let mut sent = 0_u64;
    while sent < 64 * protocol::CREDIT_WINDOW && greedy.is_open() {
        greedy.data(query, &vec![0; protocol::MAX_CHUNK]).await;
        sent += protocol::MAX_FRAME as u64;
    }
    greedy.gone().await;
    reasons.push("than credit was granted");
    let answer = within(asked).await.unwrap();
    assert_eq!(answer["outcome"], "failed", "{answer}");

    // Slow hellos: an upgrade that never ends, a socket without hello, and a hello that never ends.
    let began = Instant::now();
    let mut upgrade = TcpStream::connect(server.address).await.unwrap();
    upgrade
        .write_all(b"GET /api/v1/connections/ws/x HTTP/1.1\r\n")
        .await
        .unwrap();
    let mut mute = dial().await;
    let mut trickle = dial().await.into_inner();
    let text = Envelope::new(1, Wire::Hello(Hello::default())).encode().unwrap();
    let trickling = async {
        for piece in text.as_bytes().chunks(1).cycle() {
            let frame = Message::Ping(piece.to_vec().into());
            if trickle.send(frame).await.is_err() {
                return;
            }
            let heard = tokio::time::timeout(Duration::from_millis(100), trickle.next()).await;
            if let Ok(None | Some(Err(_) | Ok(Message::Close(_)))) = heard {
                return;
            }
        }
    };
    let ended = async {
        let mut rest = Vec::new();
        upgrade.read_to_end(&mut rest).await.ok();
    };
    within(async { tokio::join!(trickling, ended, mute.closed()) }).await;
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    reasons.push("No hello within 10 s");

    within(asking).await.unwrap();
    let log = server.log();
    for reason in reasons {
        let line = log.lines().find(|line| line.contains(reason));
        assert!(
            line.is_some_and(|line| line.contains("WARN") && line.contains(&bad.id)),
            "{reason} is not in the log as it should be: {line:?}"
        );
    }
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
    assert!(server.is_running());
    let (_, test) = owner
        .post(&format!("/api/v1/connections/{}/test", good.id), &json!({}))
        .await;
    assert_eq!(test["ok"], true, "{test}");
}
