//! What breaks, with a real PostgreSQL behind agents and servers that are processes of their own where it takes a
//! kill -9. Each time several queries are under way: some in the middle of their rows, some that never come to
//! a first one. All end in a clear error or a whole answer, and afterwards the database is asked what is left
//! of them: running queries, open transactions, connections.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clean_custard::error::Error;
use clean_custard::source::{Limits, Source, connect};
use futures::StreamExt;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::world::{self, Server, eventually, serving, serving_at, within};
use crate::support::app::Caller;
use crate::support::network::{Flow, Way};
use crate::support::postgres::{Cluster, Database, database};
use crate::support::process::Process;

/// Queries of each sort under way in each test: few, because the endless ones take a core each.
const MANY: usize = 2;
/// Connections that an agent may keep open with nothing to do.
pub(super) const KEPT: usize = 4;

pub(super) const NUMBERS: &str = "CREATE TABLE n AS SELECT g AS i FROM generate_series(1, 20000) AS g;";
/// Never gives a row.
pub(super) const ENDLESS: &str = "SELECT count(*) AS n FROM n AS a, n AS b, n AS c";
/// Never ends.
const ROWS: &str = "SELECT a.i, b.i AS j FROM n AS a, n AS b";
const SMALL: &str = "SELECT count(*) AS n FROM n";

/// Our sessions in a state at this database.
fn sessions(state: &str) -> String {
    format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'clean-custard' AND {state}"
    )
}

/// Nothing of us runs or waits in the database, no transaction is open, and only a few connections are kept.
pub(super) async fn nothing_is_left(database: &Database<'_>, most: usize) {
    database.wait_for(&sessions("state = 'active'"), "0").await;
    database
        .wait_for(&sessions("state LIKE 'idle in transaction%'"), "0")
        .await;
    database
        .wait_for(&format!("SELECT ({}) <= {most}", sessions("true")), "t")
        .await;
}

/// A server, a connection of it, and how to start its agents.
struct Product {
    folder: tempfile::TempDir,
    server: Process,
    owner: Caller,
    id: String,
    key: String,
    url: String,
}

impl Product {
    async fn start() -> Product {
        let folder = tempfile::tempdir().unwrap();
        let server = Process::server(folder.path()).await;
        let owner = server.owner().await;
        let body = json!({ "name": "shop", "db_type": "POSTGRESQL" });
        let (status, made) = owner.post("/api/v1/connections", &body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Product {
            folder,
            server,
            owner,
            id: text("id"),
            key: text("api_key"),
            url: text("websocket_url"),
        }
    }

    fn agent(&self, database: &Database<'_>, environment: &[(&str, &str)]) -> Process {
        let url = database.url();
        Process::agent(self.folder.path(), &self.url, &self.key, &url, environment)
    }

    async fn reachable(&self) {
        crate::support::app::eventually("the database", async || {
            let path = format!("/api/v1/connections/{}", self.id);
            let (_, connection) = self.owner.get(&path).await;
            (connection["database"] == "reachable" && connection["discovered_at"].is_string()).then_some(())
        })
        .await;
    }

    async fn run(&self, query: &str) -> Value {
        let body = json!({ "query": query, "connection_id": self.id });
        let (status, answer) = self.owner.post("/api/v1/query/run", &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// Asks until the database answers, as a person would.
    async fn answers(&self) {
        crate::support::app::eventually("an answer", async || {
            let answer = self.run(SMALL).await;
            (answer["rows"] == json!([[20000]])).then_some(())
        })
        .await;
    }

    /// Starts queries of both sorts; each gives what its client was told.
    async fn under_way(&self, database: &Database<'_>) -> Vec<tokio::task::JoinHandle<Told>> {
        let mut all = Vec::new();
        for _ in 0..MANY {
            let (owner, body) = (
                self.owner.clone(),
                json!({ "query": ENDLESS, "connection_id": self.id }),
            );
            all.push(tokio::spawn(async move {
                asked(&owner, &body, "application/json").await
            }));
            let (owner, body) = (
                self.owner.clone(),
                json!({ "query": ROWS, "connection_id": self.id }),
            );
            let arrow = "application/vnd.apache.arrow.stream";
            all.push(tokio::spawn(async move { asked(&owner, &body, arrow).await }));
        }
        let running = sessions("state = 'active'");
        database.wait_for(&running, &(2 * MANY).to_string()).await;
        all
    }
}

/// What became of a request.
#[derive(Debug)]
enum Told {
    Answer(Value),
    /// The connection broke, or the body did.
    Broken,
}

async fn asked(owner: &Caller, body: &Value, accept: &str) -> Told {
    let request = owner
        .request(reqwest::Method::POST, "/api/v1/query/run")
        .header("Accept", accept)
        .json(body);
    let Ok(response) = request.send().await else {
        return Told::Broken;
    };
    let mut bytes = response.bytes_stream();
    let mut whole = Vec::new();
    while let Some(piece) = bytes.next().await {
        match piece {
            // Nobody wants to keep all of the endless one.
            Ok(piece) if whole.len() < 100_000 => whole.extend_from_slice(&piece),
            // Nor has this test to be the fastest reader there is.
            Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(_) => return Told::Broken,
        }
    }
    serde_json::from_slice(&whole).map_or(Told::Broken, Told::Answer)
}

/// The agent could not say good-bye, and nobody is left who could cancel: PostgreSQL notices by itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_in_the_middle_leaves_nothing_at_the_database() {
    let database = database(NUMBERS);
    let product = Product::start().await;
    let mut agent = product.agent(&database, &[]);
    product.reachable().await;
    let all = product.under_way(&database).await;
    agent.kill();
    for query in all {
        match within(query).await.unwrap() {
            Told::Answer(answer) => assert_eq!(answer["error"]["code"], "agent_offline", "{answer}"),
            Told::Broken => {}
        }
    }
    nothing_is_left(&database, 0).await;
    let (_, running) = product
        .owner
        .get(&format!("/api/v1/connections/{}/queries", product.id))
        .await;
    assert_eq!(running["queries"], json!([]));
    let _agent = product.agent(&database, &[]);
    product.reachable().await;
    product.answers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_the_middle_leaves_nothing_at_the_database() {
    let database = database(NUMBERS);
    let mut product = Product::start().await;
    let agent = product.agent(&database, &[]);
    product.reachable().await;
    let idle = agent.open_files();
    let address = product.server.address;
    for _ in 0..3 {
        let all = product.under_way(&database).await;
        product.server.kill();
        for query in all {
            let told = within(query).await.unwrap();
            assert!(matches!(told, Told::Broken), "{told:?}");
        }
        nothing_is_left(&database, KEPT).await;
        product.server = Process::server_at(product.folder.path(), address, None).await;
        product.owner = Caller::at(address)
            .log_in("owner@example.com", "a long password")
            .await;
        product.reachable().await;
        product.answers().await;
    }
    // Its socket, its timers, and the connections it keeps: nothing that grows with each fault.
    eventually(|| agent.open_files() <= idle + KEPT + 2).await;
}

/// Three times in a row, with queries under way: the agent finds the database again by itself.
#[actix_web::test]
async fn a_database_restarted_in_the_middle_is_used_again() {
    let mut cluster = Cluster::start(&[]);
    let url = cluster.database(NUMBERS).url();
    let name = url.rsplit('/').next().unwrap().to_owned();
    let server = Server::start().await;
    let _agent = serving(&server, "c1", connect(&url).unwrap());
    let source = server.online("c1").await;
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let all = both_sorts(&source, Limits::default()).await;
        cluster.down();
        for query in all {
            let error = within(query).await.unwrap().unwrap_err();
            assert!(matches!(error, Error::Source { .. }), "{error:?}");
            assert!(error.to_string().ends_with('.'), "{error}");
        }
        eventually(|| server.hub.running() == 0 && server.hub.running_at("c1").is_empty()).await;
        eventually(|| server.hub.status("c1").database == Some(false)).await;
        assert!(server.hub.status("c1").online);
        cluster.up();
        eventually(|| server.hub.status("c1").database == Some(true)).await;
        for _ in 0..5 {
            let rows = within(source.run(SMALL, &Limits::default())).await.unwrap();
            assert_eq!(within(rows.collect()).await.unwrap()[0].num_rows(), 1);
        }
        nothing_is_left(&cluster.existing(&name), KEPT).await;
        tasks.push(tokio::runtime::Handle::current().metrics().num_alive_tasks());
    }
    assert!(
        tasks.iter().all(|count| *count <= tasks[0] + KEPT),
        "tasks after each restart: {tasks:?}"
    );
}

/// Starts queries of both sorts at a source: those with rows have given some.
pub(super) async fn both_sorts(
    source: &Arc<dyn Source>,
    limits: Limits,
) -> Vec<tokio::task::JoinHandle<Result<usize, Error>>> {
    let limits = Limits {
        rows: u64::MAX,
        bytes: u64::MAX,
        ..limits
    };
    let mut all = Vec::new();
    for _ in 0..MANY {
        let mut rows = within(source.run(ROWS, &limits)).await.unwrap();
        within(rows.batches.next()).await.unwrap().unwrap();
        all.push(tokio::spawn(async move {
            let mut count = 0;
            while let Some(batch) = rows.batches.next().await {
                count += batch?.num_rows();
            }
            Ok(count)
        }));
        let source = source.clone();
        all.push(tokio::spawn(async move {
            let rows = source.run(ENDLESS, &limits).await?;
            rows.collect().await.map(|batches| batches.len())
        }));
    }
    all
}

#[actix_web::test]
async fn a_network_cut_between_server_and_agent_leaves_nothing_at_the_database() {
    let database = database(NUMBERS);
    let server = Server::start().await;
    let way = Way::to(server.address).await;
    let url = format!("ws://{}/api/v1/connections/ws/c1", way.address);
    let _agent = serving_at(&url, connect(&database.url()).unwrap(), world::terms());
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let source = server.online("c1").await;
        let all = both_sorts(&source, Limits::default()).await;
        database
            .wait_for(&sessions("state = 'active'"), &(2 * MANY).to_string())
            .await;
        way.set(Flow::Cut);
        for query in all {
            let error = within(query).await.unwrap().unwrap_err();
            assert!(matches!(error, Error::AgentOffline(_)), "{error:?}");
        }
        nothing_is_left(&database, KEPT).await;
        eventually(|| way.open() == 0 && server.hub.count() == 0 && server.hub.running() == 0).await;
        tasks.push(tokio::runtime::Handle::current().metrics().num_alive_tasks());
        way.set(Flow::Open);
    }
    assert!(
        tasks.iter().all(|count| *count <= tasks[0] + KEPT),
        "tasks after each cut: {tasks:?}"
    );
    let source = server.online("c1").await;
    let rows = within(source.run(SMALL, &Limits::default())).await.unwrap();
    assert_eq!(within(rows.collect()).await.unwrap()[0].num_rows(), 1);
}

/// The cable between agent and database is out, with nobody told: the agent's own deadline ends the queries, and
/// what was left of them in the database ends when the cable is back.
#[actix_web::test]
async fn a_silent_network_between_agent_and_database_ends_in_time() {
    let database = database(NUMBERS);
    let way = Way::to(([127, 0, 0, 1], database.port()).into()).await;
    let url = database.url().replace(
        &format!(":{}/", database.port()),
        &format!(":{}/", way.address.port()),
    );
    let server = Server::start().await;
    let _agent = serving(&server, "c1", connect(&url).unwrap());
    let source = server.online("c1").await;
    let limits = Limits {
        time_ms: 12_000,
        ..Limits::default()
    };
    let all = both_sorts(&source, limits).await;
    way.set(Flow::Silent);
    for query in all {
        let error = within(query).await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    }
    eventually(|| server.hub.running() == 0).await;
    way.set(Flow::Open);
    nothing_is_left(&database, KEPT).await;
    crate::support::app::eventually("an answer", async || {
        let rows = source.run(SMALL, &Limits::default()).await.ok()?;
        rows.collect().await.ok().map(|_| ())
    })
    .await;
}

/// Nobody reads: the time runs out, and the database is free again before anybody does.
#[actix_web::test]
async fn readers_that_stop_reading_leave_nothing_at_the_database() {
    let database = database(NUMBERS);
    let server = Server::start().await;
    let _agent = serving(&server, "c1", connect(&database.url()).unwrap());
    let source = server.online("c1").await;
    let limits = Limits {
        time_ms: 12_000,
        rows: u64::MAX,
        bytes: u64::MAX,
        ..Limits::default()
    };
    let mut all = Vec::new();
    for _ in 0..2 * MANY {
        let mut rows = within(source.run(ROWS, &limits)).await.unwrap();
        within(rows.batches.next()).await.unwrap().unwrap();
        all.push(rows);
    }
    nothing_is_left(&database, KEPT).await;
    for rows in all {
        let error = within(rows.collect()).await.unwrap_err();
        assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    }
    eventually(|| server.hub.running() == 0 && server.hub.running_at("c1").is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_at_the_server_leaves_nothing_at_the_database() {
    let database = database(
        "CREATE TABLE n AS SELECT g AS i FROM generate_series(1, 20000) AS g;
         CREATE TABLE wide AS SELECT g AS i, (
             SELECT string_agg(md5((g * 2000 + k)::text), '') FROM generate_series(1, 2000) AS k
         ) AS words FROM generate_series(1, 500) AS g;",
    );
    let mut product = Product::start().await;
    let address = product.server.address;
    product.server.kill();
    product.server = Process::server_at(product.folder.path(), address, Some(8_000)).await;
    product.owner = Caller::at(address)
        .log_in("owner@example.com", "a long password")
        .await;
    let _agent = product.agent(&database, &[]);
    product.reachable().await;
    for _ in 0..3 {
        let answer = product.run("SELECT i, words FROM wide").await;
        assert_eq!(answer["outcome"], "failed", "{}", answer["answer"]);
        let said = answer["error"]["message"].as_str().unwrap();
        assert!(said.contains("disk"), "{said}");
    }
    nothing_is_left(&database, KEPT).await;
    let results = product.folder.path().join("data/results");
    let left: Vec<_> = std::fs::read_dir(results).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    product.answers().await;
}

/// A whole agent process that lives in yesterday, and one in tomorrow.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_clock_is_a_day_off_answers_and_cancels() {
    let database = database(NUMBERS);
    let product = Product::start().await;
    for day in ["-1d", "+1d"] {
        let preload = preload();
        let _agent = product.agent(
            &database,
            &[
                ("LD_PRELOAD", preload.as_str()),
                ("FAKETIME", day),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ],
        );
        product.reachable().await;
        crate::support::app::eventually("the clock's difference", async || {
            let path = format!("/api/v1/connections/{}/status", product.id);
            let (_, status) = product.owner.get(&path).await;
            let skew = status["agents"][0]["clock_skew_ms"].as_i64()?;
            (skew.abs() > 86_000_000).then_some(())
        })
        .await;
        product.answers().await;
        // What is left by its client ends at once, whatever day it is there.
        let client = tokio::spawn({
            let owner = product.owner.clone();
            let body = json!({ "query": ENDLESS, "connection_id": product.id });
            async move { asked(&owner, &body, "application/json").await }
        });
        database.wait_for(&sessions("state = 'active'"), "1").await;
        client.abort();
        nothing_is_left(&database, KEPT).await;
    }
}

/// What makes a process believe in another day.
fn preload() -> String {
    let found = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten()
        .map(|folder| folder.path().join("faketime/libfaketime.so.1"))
        .find(|path| Path::new(path).exists());
    found
        .expect("The test needs libfaketime. Install it with: make setup-test")
        .display()
        .to_string()
}
