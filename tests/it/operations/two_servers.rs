//! Two servers on one PostgreSQL, as processes of their own, with an agent on both: what happens at one is known
//! at the other at once. And how a server stops.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};

use super::{count, path, upload_sales};
use crate::support::app::{Caller, eventually};
use crate::support::postgres::{self, Database};
use crate::support::process::Process;

const KEY: &str = "one secret key for both of the servers";

struct Pair {
    a: Process,
    b: Process,
    database: Database<'static>,
    folder: tempfile::TempDir,
}

/// Both have the same records and the same network folder for files.
async fn pair() -> Pair {
    let database = postgres::database("");
    let folder = tempfile::tempdir().unwrap();
    let url = database.admin_url();
    let variables = [("DATABASE_URL", url.as_str()), ("SECRET_KEY", KEY)];
    let a = Process::server_with(folder.path(), &variables).await;
    let b = Process::server_with(folder.path(), &variables).await;
    Pair {
        a,
        b,
        database,
        folder,
    }
}

/// The agent as a process, with a log.
struct Agent {
    child: Child,
    log: PathBuf,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn agent(folder: &Path, servers: &[SocketAddr], made: &Value, database: &Database<'_>) -> Agent {
    let log = folder.join("agent.log");
    let out = std::fs::File::create(&log).unwrap();
    let servers: Vec<String> = servers
        .iter()
        .map(|address| format!("http://{address}"))
        .collect();
    let child = Command::new(env!("CARGO_BIN_EXE_clean-custard"))
        .arg("agent")
        .env("CUSTARD_AGENT_SERVERS", servers.join(","))
        .env("CUSTARD_AGENT_CONNECTION", made["id"].as_str().unwrap())
        .env("CUSTARD_AGENT_KEY", made["api_key"].as_str().unwrap())
        .env("CUSTARD_AGENT_SOURCE_URL", database.url())
        .env("CUSTARD_AGENT_AUDIT_FILE", folder.join("queries.jsonl"))
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .spawn()
        .unwrap();
    Agent { child, log }
}

async fn other(server: &Process) -> Caller {
    Caller::at(server.address)
        .log_in("owner@example.com", "a long password")
        .await
}

/// The agent is there, and its schema with it.
async fn connected(caller: &Caller, id: &str) {
    eventually("the agent", async || {
        let (_, status) = caller.get(&format!("/api/v1/connections/{id}/status")).await;
        let (_, one) = caller.get(&format!("/api/v1/connections/{id}")).await;
        (status["agent"] == "online" && one["discovered_at"].is_string()).then_some(())
    })
    .await;
}

/// A browser's live socket.
async fn watch(caller: &Caller, address: SocketAddr) -> impl futures::Stream<Item = Value> + Unpin {
    let url = format!("ws://{address}/api/v1/status/ws");
    let request =
        ClientRequestBuilder::new(url.parse().unwrap()).with_header("Origin", format!("http://{address}"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let hello = json!({ "type": "auth", "access_token": caller.token });
    socket.send(Message::text(hello.to_string())).await.unwrap();
    let mut messages = Box::pin(socket.filter_map(|message| async move {
        match message {
            Ok(Message::Text(text)) => serde_json::from_str(&text).ok(),
            Ok(Message::Close(_)) => Some(json!({ "type": "closed" })),
            _ => None,
        }
    }));
    assert_eq!(next(&mut messages, "ready").await["type"], "ready");
    messages
}

/// The next message of this kind.
async fn next(messages: &mut (impl futures::Stream<Item = Value> + Unpin), kind: &str) -> Value {
    let wanted = async {
        loop {
            let message = messages.next().await.expect("the socket stays open");
            if message["type"] == kind {
                return message;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wanted)
        .await
        .unwrap_or_else(|_| panic!("no {kind} came"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_at_one_is_known_at_the_other() {
    let shop = postgres::database(
        "CREATE TABLE orders (id int, total int); INSERT INTO orders VALUES (1, 10), (2, 26);",
    );
    let pair = pair().await;
    let at_a = pair.a.owner().await;
    let at_b = other(&pair.b).await;
    let mut watching = watch(&at_b, pair.b.address).await;

    // Files: told at once, and answered from there.
    upload_sales(&at_a, "sales.csv").await;
    next(&mut watching, "files").await;
    assert!(
        at_b.ask("total amount").await["answer"]
            .as_str()
            .unwrap()
            .contains("36")
    );

    // One agent, a socket to each.
    let (_, made) = at_a
        .post(
            "/api/v1/connections",
            &json!({ "name": "shop", "db_type": "POSTGRESQL" }),
        )
        .await;
    let id = made["id"].as_str().unwrap().to_owned();
    let agent = agent(
        pair.folder.path(),
        &[pair.a.address, pair.b.address],
        &made,
        &shop,
    );
    connected(&at_a, &id).await;
    connected(&at_b, &id).await;
    let message = next(&mut watching, "schema").await;
    assert_eq!(message["connection_id"], id.as_str());
    for caller in [&at_a, &at_b] {
        let body = json!({ "query": "SELECT sum(total) AS total FROM orders", "connection_id": id });
        let (_, answer) = caller.post("/api/v1/query/run", &body).await;
        assert_eq!(answer["outcome"], "answered", "{answer}");
    }

    // A query that runs at A is cancelled at B, down to the database.
    let slow = json!({
        "query": "SELECT count(*) AS n FROM orders a, generate_series(1, 2000000000) s WHERE a.id + s > 0",
        "connection_id": id,
    });
    let running = tokio::spawn({
        let (caller, slow) = (at_a.clone(), slow.clone());
        async move { caller.post("/api/v1/query/run", &slow).await.1 }
    });
    let queries = format!("/api/v1/connections/{id}/queries");
    let list = eventually("the query to run", async || {
        let (_, list) = at_a.get(&queries).await;
        list["queries"][0]["id"].is_string().then_some(list)
    })
    .await;
    next(&mut watching, "query").await;
    let query = list["queries"][0]["id"].as_str().unwrap();
    let (_, answer) = at_b
        .post(&format!("/api/v1/query/{query}/cancel"), &json!({}))
        .await;
    assert_eq!(answer["cancelled"], true);
    let answer = running.await.unwrap();
    assert_eq!(answer["error"]["code"], "cancelled", "{answer}");
    eventually("the database to be free", async || {
        (shop.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series%' AND state = 'active' AND pid <> pg_backend_pid()") == "0").then_some(())
    })
    .await;
    // Somebody else's query, or none: said so.
    let (_, answer) = at_b
        .post(
            "/api/v1/query/019a0000-0000-7000-8000-000000000000/cancel",
            &json!({}),
        )
        .await;
    assert_eq!(answer["cancelled"], false);

    // The agent kept its own record, with the same ids as the server's.
    let record = std::fs::read_to_string(pair.folder.path().join("queries.jsonl")).unwrap();
    let lines: Vec<Value> = record
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines.iter().filter(|line| line["outcome"] == "answered").count(),
        2,
        "{record}"
    );
    let stopped = lines.iter().find(|line| line["outcome"] == "cancelled").unwrap();
    assert_eq!(stopped["trace"], query.replace('-', "").as_str());
    let log = std::fs::read_to_string(&agent.log).unwrap();
    assert!(log.contains(lines[0]["trace"].as_str().unwrap()), "{log}");

    // The key is revoked at A: the agent's socket to B goes at once, and it does not come back.
    let (status, _) = at_a
        .post(&format!("/api/v1/connections/{id}/revoke-key"), &json!({}))
        .await;
    assert_eq!(status, StatusCode::OK);
    eventually("the agent to be gone from B", async || {
        let (_, status) = at_b.get(&format!("/api/v1/connections/{id}/status")).await;
        (status["agent"] == "offline").then_some(())
    })
    .await;

    // A log-out everywhere at A ends the socket at B.
    let (status, _) = at_a.post("/api/v1/auth/logout-all-devices", &json!({})).await;
    assert!(status.is_success());
    next(&mut watching, "closed").await;
    eventually("the session to be over at B", async || {
        (at_b.get("/api/v1/files").await.0 == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_find_each_other_again_and_what_was_missed_is_looked_up() {
    let mut cluster = postgres::Cluster::start(&[]);
    let url = {
        let database = cluster.database("");
        let url = database.admin_url();
        std::mem::forget(database);
        url
    };
    let folder = tempfile::tempdir().unwrap();
    let variables = [("DATABASE_URL", url.as_str()), ("SECRET_KEY", KEY)];
    let a = Process::server_with(folder.path(), &variables).await;
    let b = Process::server_with(folder.path(), &variables).await;
    let at_a = a.owner().await;
    let at_b = other(&b).await;
    cluster.down();
    assert_eq!(at_b.get("/ready").await.0, StatusCode::SERVICE_UNAVAILABLE);
    cluster.up();
    eventually("both to be ready", async || {
        (at_a.get("/ready").await.0 == 200 && at_b.get("/ready").await.0 == 200).then_some(())
    })
    .await;
    eventually("the bus", async || {
        let (_, status) = at_b.get("/status").await;
        (status["bus"]["ok"] == true && status["store"]["last_error"].is_object()).then_some(())
    })
    .await;
    let mut watching = watch(&at_b, b.address).await;
    upload_sales(&at_a, "sales.csv").await;
    next(&mut watching, "files").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_does_not_sweep_away_what_another_is_importing() {
    let pair = pair().await;
    let at_a = pair.a.owner().await;
    let rows: String = (0..400_000)
        .map(|row| format!("{row},name {row},{}.25\n", row * 3))
        .collect();
    let big = format!("id,name,amount\n{rows}").into_bytes();
    let uploading = tokio::spawn({
        let caller = at_a.clone();
        async move { caller.upload(&[("big.csv", &big)]).await }
    });
    let files = pair.folder.path().join("data/files");
    eventually("the import to begin", async || {
        (std::fs::read_dir(&files).unwrap().count() == 1).then_some(())
    })
    .await;
    // Another one starts on the same folder in the middle, twice.
    let url = pair.database.admin_url();
    let variables = [("DATABASE_URL", url.as_str()), ("SECRET_KEY", KEY)];
    for _ in 0..2 {
        let _third = Process::server_with(pair.folder.path(), &variables).await;
    }
    let (status, uploaded) = uploading.await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{uploaded}");
    let file = uploaded["files"][0]["id"].as_str().unwrap();
    assert_eq!(count(&at_a, file).await, 400_000);
    let said = super::ok(
        &["verify", "--data-dir", path(&pair.folder.path().join("data"))],
        &variables,
    )
    .await;
    assert!(said.contains("is whole"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_says_so_to_whoever_waits() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::server_with(folder.path(), &[("CUSTARD_SERVER_DRAIN", "1s")]).await;
    let owner = server.owner().await;
    upload_sales(&owner, "sales.csv").await;
    let body = |query: &str| json!({ "query": query, "file_ids": [] });
    let (_, files) = owner.get("/api/v1/files").await;
    let mut slow = body(
        "SELECT count(*) AS n FROM sales a, sales b, sales c, sales d, sales e, sales f, sales g, sales h, sales i, \
         sales j, sales k, sales l, sales m, sales n, sales o, sales p, sales q, sales r WHERE a.amount + r.amount > 0",
    );
    slow["file_ids"] = json!([files["files"][0]["id"]]);
    let waiting = tokio::spawn({
        let caller = owner.clone();
        async move { caller.post("/api/v1/query/run", &slow).await }
    });
    eventually("the query to run", async || {
        let numbers = owner
            .request(reqwest::Method::GET, "/metrics")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        numbers.contains("custard_queries_running 1").then_some(())
    })
    .await;
    server.ask_to_stop();
    eventually("the server to say that it stops", async || {
        (owner.get("/ready").await.0 == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    let (status, refused) = owner
        .post("/api/v1/query", &json!({ "question": "total amount" }))
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{refused}");
    let (status, answer) = waiting.await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(
        answer["answer"].as_str().unwrap().contains("server was stopped"),
        "{answer}"
    );
    server.terminate().await;
}
