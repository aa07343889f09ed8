//! What breaks: agents, servers, databases, networks, disks and clocks. Every query that was under way ends in a
//! clear error within its deadline or in a whole answer, nothing hangs, and nothing is left behind: the tests
//! count queries at the source, requests on the wire and tasks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clean_custard::error::{Error, Result};
use clean_custard::protocol::{self, Database, Hello, Message as Wire};
use clean_custard::source::{Limits, Source, connect};
use futures::StreamExt;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::hostile::{Raw, RawServer};
use super::outages::{self, ENDLESS, KEPT, NUMBERS, both_sorts};
use super::world::{self, Fake, LIMITS, QUERY, Server, agent, eventually, rows_of, within};
use crate::support::app::Caller;
use crate::support::network::{Flow, Way};
use crate::support::postgres::database;
use crate::support::process::Process;

/// Queries under way in each test.
const MANY: usize = 10;

/// Tasks of this test's own runtime.
fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// Starts queries that are in the middle of their rows, and gives what becomes of each.
async fn under_way(source: &Arc<dyn Source>, limits: Limits) -> Vec<tokio::task::JoinHandle<Result<usize>>> {
    let mut all = Vec::new();
    for _ in 0..MANY {
        let mut rows = within(source.run(QUERY, &limits)).await.unwrap();
        within(rows.batches.next()).await.unwrap().unwrap();
        all.push(tokio::spawn(async move {
            rows.collect().await.map(|batches| batches.len())
        }));
    }
    all
}

/// Nothing is left: at the source, on the wire, in the list that people see.
async fn nothing_is_left(server: &Server, connection: &str, fake: &Fake) {
    eventually(|| {
        fake.running.load(Ordering::Relaxed) == 0
            && server.hub.running() == 0
            && server.hub.running_at(connection).is_empty()
    })
    .await;
}

#[actix_web::test]
async fn an_agent_killed_in_the_middle() {
    let server = Server::start().await;
    let before = tasks();
    let fake = Fake::new(100_000, 100_000);
    let killed = agent(&server, "c1", fake.clone());
    let source = server.online("c1").await;
    let all = under_way(&source, LIMITS).await;
    killed.kill();
    for query in all {
        let error = within(query).await.unwrap().unwrap_err();
        assert!(matches!(error, Error::AgentOffline(_)), "{error:?}");
    }
    nothing_is_left(&server, "c1", &fake).await;
    drop(killed);
    eventually(|| tasks() <= before).await;
}

#[actix_web::test]
async fn connections_cut_again_and_again_leave_nothing_behind() {
    let server = Server::start().await;
    let way = Way::to(server.address).await;
    let fake = Fake::new(100_000, 100_000);
    let url = format!("ws://{}/api/v1/connections/ws/c1", way.address);
    let _agent = world::agent_at(&url, "right", fake.clone(), world::terms());
    let mut counts = Vec::new();
    for _ in 0..4 {
        let source = server.online("c1").await;
        let all = under_way(&source, LIMITS).await;
        way.set(Flow::Cut);
        for query in all {
            let error = within(query).await.unwrap().unwrap_err();
            assert!(matches!(error, Error::AgentOffline(_)), "{error:?}");
        }
        nothing_is_left(&server, "c1", &fake).await;
        eventually(|| way.open() == 0 && server.hub.count() == 0).await;
        counts.push(tasks());
        way.set(Flow::Open);
    }
    assert!(
        counts.iter().all(|count| *count <= counts[0]),
        "tasks after each cut: {counts:?}"
    );
    let source = server.online("c1").await;
    let mut limits = LIMITS;
    limits.rows = 25;
    assert_eq!(
        rows_of(within(source.run(QUERY, &limits)).await.unwrap())
            .await
            .unwrap(),
        25
    );
}

/// Sixty seconds without a byte in either direction, with nobody told. It takes as long as it says: the
/// heartbeat is part of the protocol and no setting.
#[actix_web::test]
async fn a_network_that_is_silent_for_a_minute() {
    let server = Server::start().await;
    let way = Way::to(server.address).await;
    let fake = Fake::new(100_000, 100_000);
    let url = format!("ws://{}/api/v1/connections/ws/c1", way.address);
    let _agent = world::agent_at(&url, "right", fake.clone(), world::terms());
    // And one beside a real database.
    let database = database(NUMBERS);
    let url = format!("ws://{}/api/v1/connections/ws/pg", way.address);
    let _beside = world::serving_at(&url, connect(&database.url()).unwrap(), world::terms());
    let source = server.online("c1").await;
    let beside = server.online("pg").await;
    let mut short = LIMITS;
    short.time_ms = 8_000;
    let mut long = LIMITS;
    long.time_ms = 300_000;
    let at_database = both_sorts(&beside, long).await;
    let (short, long) = (under_way(&source, short).await, under_way(&source, long).await);
    way.set(Flow::Silent);
    let began = Instant::now();
    for query in short {
        let error = query.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    for query in long.into_iter().chain(at_database) {
        let error = query.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::AgentOffline(_)), "{error:?}");
    }
    // Three heartbeats, and the time to the next look.
    assert!(began.elapsed() < Duration::from_secs(70), "{:?}", began.elapsed());
    assert!(!server.hub.status("c1").online);
    tokio::time::sleep(Duration::from_secs(62).saturating_sub(began.elapsed())).await;
    // The agents noticed, too, and stopped what nobody waits for.
    nothing_is_left(&server, "c1", &fake).await;
    outages::nothing_is_left(&database, KEPT).await;
    way.set(Flow::Open);
    tokio::time::timeout(Duration::from_secs(40), async {
        while !server.hub.status("c1").online {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("the agent comes back");
    let mut limits = LIMITS;
    limits.rows = 25;
    let rows = within(source.run(QUERY, &limits)).await.unwrap();
    assert_eq!(rows_of(rows).await.unwrap(), 25);
    server.online("pg").await;
    let rows = within(beside.run("SELECT i FROM n", &limits)).await.unwrap();
    assert_eq!(rows_of(rows).await.unwrap(), 25);
}

/// A server that died without a word, as a machine whose power fails: the agent's socket stays open.
#[actix_web::test]
async fn a_half_open_socket_is_left_and_dialled_anew() {
    let server = RawServer::start().await;
    let fake = Fake::new(100_000, 100_000);
    let _agent = world::agent_at(&server.url(), "right", fake.clone(), world::terms());
    let mut dead = server.welcomed().await;
    // And one beside a real database, whose server died as well.
    let database = database(NUMBERS);
    let other = RawServer::start().await;
    let _beside = world::serving_at(&other.url(), connect(&database.url()).unwrap(), world::terms());
    let mut dead_too = other.welcomed().await;
    for id in 1..=MANY as u64 {
        dead.say(id, super::hostile::query(QUERY, 300_000)).await;
    }
    for id in 1..=2 {
        dead_too.say(id, super::hostile::query(ENDLESS, 300_000)).await;
    }
    eventually(|| fake.running.load(Ordering::Relaxed) == MANY as u64).await;
    let began = Instant::now();
    let again = tokio::time::timeout(Duration::from_secs(90), server.dialled()).await;
    assert!(again.is_ok(), "the agent still waits for a dead server");
    assert!(began.elapsed() >= protocol::DEAD_AFTER, "{:?}", began.elapsed());
    assert_eq!(fake.running.load(Ordering::Relaxed), 0);
    let again = tokio::time::timeout(Duration::from_secs(90), other.dialled()).await;
    assert!(again.is_ok(), "the agent beside the database still waits");
    outages::nothing_is_left(&database, KEPT).await;
    drop((dead, dead_too));
}

#[actix_web::test]
async fn a_reader_that_stops_reading() {
    let server = Server::start().await;
    let fake = Fake::new(100_000, 100_000);
    let _agent = agent(&server, "c1", fake.clone());
    let source = server.online("c1").await;
    let mut limits = LIMITS;
    limits.time_ms = 1_000;
    let mut all = Vec::new();
    for _ in 0..MANY {
        let mut rows = within(source.run(QUERY, &limits)).await.unwrap();
        within(rows.batches.next()).await.unwrap().unwrap();
        all.push(rows);
    }
    // Nobody reads; the time runs out at the agent, and the database is free again.
    eventually(|| fake.running.load(Ordering::Relaxed) == 0).await;
    for rows in all {
        let error = within(rows.collect()).await.unwrap_err();
        assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    }
    nothing_is_left(&server, "c1", &fake).await;
}

/// An agent whose clock is a day off: spans are counted from receipt, so nothing depends on it.
#[actix_web::test]
async fn an_agents_clock_that_is_a_day_off() {
    let server = Server::start().await;
    for (connection, off) in [("ahead", 86_400_000_i64), ("behind", -86_400_000)] {
        let mut raw = Raw::dial(&server, connection, Some("clean-custard.v1"))
            .await
            .unwrap();
        let hello = Hello {
            protocol: protocol::VERSION,
            oldest: protocol::OLDEST_VERSION,
            product: "1.0.0".into(),
            host: Some("adrift".into()),
            clock_ms: Some(chrono::Utc::now().timestamp_millis() + off),
            policy: None,
            database: Some(Database {
                reachable: true,
                kind: "POSTGRESQL".into(),
                ..Database::default()
            }),
        };
        raw.say(1, Wire::Hello(hello)).await;
        let source = {
            eventually(|| server.hub.status(connection).online).await;
            server.source(connection).unwrap()
        };
        let skew = server.hub.agents_of(connection)[0].clock_skew_ms.unwrap();
        assert!((skew - off).abs() < 60_000, "{skew}");
        // A whole answer, and one that never comes: in its own time, not in the agent's.
        let fake = Fake::new(2, 10);
        let asking = tokio::spawn({
            let source = source.clone();
            async move { rows_of(source.run(QUERY, &LIMITS).await?).await }
        });
        raw.answer(&fake).await;
        assert_eq!(within(asking).await.unwrap().unwrap(), 20);
        let mut limits = LIMITS;
        limits.time_ms = 300;
        let began = Instant::now();
        let error = within(source.run(QUERY, &limits)).await.err().unwrap();
        assert!(matches!(error, Error::Timeout(_)), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(15));
    }
}

/// A connection at a server process: its path in the API, its key, and where its agent dials.
async fn connection(owner: &Caller) -> (String, String, String) {
    let body = json!({ "name": "shop", "db_type": "POSTGRESQL" });
    let (status, made) = owner.post("/api/v1/connections", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("api_key"), text("websocket_url"))
}

async fn reachable(owner: &Caller, id: &str) {
    crate::support::app::eventually("the database", async || {
        let (_, connection) = owner.get(&format!("/api/v1/connections/{id}")).await;
        (connection["database"] == "reachable" && connection["discovered_at"].is_string()).then_some(())
    })
    .await;
}

async fn run(owner: &Caller, id: &str) -> Value {
    let body = json!({ "query": QUERY, "connection_id": id });
    let (status, answer) = owner.post("/api/v1/query/run", &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::server(folder.path()).await;
    let owner = server.owner().await;
    let (id, key, url) = connection(&owner).await;
    let fake = Fake::stuck();
    let _agent = world::agent_at(&url, &key, fake.clone(), world::terms());
    reachable(&owner, &id).await;
    let asking: Vec<_> = (0..MANY)
        .map(|_| {
            let (owner, id) = (owner.clone(), id.clone());
            tokio::spawn(async move {
                let body = json!({ "query": QUERY, "connection_id": id });
                let request = owner
                    .request(reqwest::Method::POST, "/api/v1/query/run")
                    .json(&body);
                request.send().await.map(|_| ())
            })
        })
        .collect();
    eventually(|| fake.running.load(Ordering::Relaxed) == MANY as u64).await;
    server.kill();
    for query in asking {
        // The client is told at once: its connection is gone.
        assert!(within(query).await.unwrap().is_err());
    }
    // The agent noticed, too: nothing runs on for nobody.
    eventually(|| fake.running.load(Ordering::Relaxed) == 0).await;
    let address = server.address;
    drop(server);
    let server = Process::server_at(folder.path(), address, None).await;
    let owner = Caller::at(server.address)
        .log_in("owner@example.com", "a long password")
        .await;
    reachable(&owner, &id).await;
    let (_, running) = owner.get(&format!("/api/v1/connections/{id}/queries")).await;
    assert_eq!(running["queries"], json!([]));
    let (_, test) = owner
        .post(&format!("/api/v1/connections/{id}/test"), &json!({}))
        .await;
    assert_eq!(test["ok"], true, "{test}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_at_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let mut server = Process::server_at(folder.path(), address, Some(8_000)).await;
    let owner = server.owner().await;
    let (id, key, url) = connection(&owner).await;
    let fake = Fake::new(50, 1_000_000);
    let agent = world::agent_at(&url, &key, fake.clone(), world::terms());
    reachable(&owner, &id).await;
    for _ in 0..3 {
        let answer = run(&owner, &id).await;
        assert_eq!(answer["outcome"], "failed", "{answer}");
        let said = answer["error"]["message"].as_str().unwrap();
        assert!(said.contains("disk"), "{said}");
    }
    eventually(|| fake.running.load(Ordering::Relaxed) == 0).await;
    let left: Vec<_> = std::fs::read_dir(folder.path().join("data/results"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(left.is_empty(), "{left:?}");
    drop(agent);
    // Else the old agent's word would be taken for the new one's.
    crate::support::app::eventually("the old agent's end", async || {
        let (_, status) = owner.get(&format!("/api/v1/connections/{id}/status")).await;
        (status["agent"] == "offline").then_some(())
    })
    .await;
    // What fits is answered as before.
    let small = Fake::new(2, 10);
    let _agent = world::agent_at(&url, &key, small, world::terms());
    reachable(&owner, &id).await;
    crate::support::app::eventually("an answer", async || {
        let answer = run(&owner, &id).await;
        (answer["outcome"] == "answered").then_some(())
    })
    .await;
    assert!(server.is_running());
}
