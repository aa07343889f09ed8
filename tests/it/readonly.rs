//! The read-only promise against the corpus: through the whole product (HTTP, server, agent, PostgreSQL) as a
//! superuser and as a plain role, and each of the four layers by itself. A dump before and after has to be
//! the same, no file may be read, and no setting may stay changed.

use std::sync::Arc;
use std::time::Duration;

use clean_custard::agent::{self, Served, Terms};
use clean_custard::error::{Error, SourceFault};
use clean_custard::source::{Limits, Source, connect};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::guard::{ALLOWED, REFUSED, SHOP, corpus};
use crate::support::app::{Caller, TestApp, eventually};
use crate::support::conformance::values;
use crate::support::postgres::{Cluster, Database, READER, READER_PASSWORD};

/// What a session has set.
const SESSION: &str = "SELECT string_agg(name || '=' || setting, ',' ORDER BY name) FROM pg_settings
    WHERE name NOT IN ('transaction_isolation', 'transaction_read_only', 'transaction_deferrable')";

/// What the next session would find set, and locks that outlive a transaction.
const SERVER: &str = "SELECT string_agg(s::text, ',' ORDER BY s::text) FROM pg_db_role_setting s
    UNION ALL SELECT string_agg(sourcefile || name || setting, ',' ORDER BY seqno) FROM pg_file_settings
    UNION ALL SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory'";

/// Everything there is in the database, as text.
fn dump(database: &Database<'_>) -> String {
    format!(
        "{}\n{}",
        database.dump(),
        database.value("SELECT count(*) FROM pg_largeobject_metadata")
    )
}

/// Files that statements of the corpus try to write.
fn written_files() -> Vec<&'static str> {
    [
        "/tmp/clean-custard-copy.csv",
        "/tmp/clean-custard-copy-program",
        "/tmp/clean-custard-lo",
    ]
    .into_iter()
    .filter(|path| std::path::Path::new(path).exists())
    .collect()
}

/// A connection of a real server, served by a real agent.
async fn connection(app: &TestApp, source: Arc<dyn Source>) -> (Caller, String, tokio::task::JoinHandle<()>) {
    let owner = app.owner().await;
    let body = json!({ "name": "Shop", "db_type": "POSTGRESQL" });
    let (status, made) = owner.post("/api/v1/connections", &body).await;
    assert!(status.is_success(), "{made}");
    let id = made["id"].as_str().expect("an id").to_owned();
    let served = Served {
        websocket_url: made["websocket_url"].as_str().expect("an address").to_owned(),
        key: made["api_key"].as_str().expect("a key").to_owned().into(),
        beside: source.into(),
    };
    let agent = tokio::spawn(async move {
        agent::serve(vec![served], Terms::default(), CancellationToken::new())
            .await
            .expect("the agent starts");
    });
    eventually("the schema arrives", || async {
        let (_, schema) = owner.get(&format!("/api/v1/connections/{id}/schema")).await;
        (!schema["discovered_at"].is_null()).then_some(())
    })
    .await;
    (owner, id, agent)
}

async fn run(caller: &Caller, connection: &str, query: &str) -> Value {
    let body = json!({ "query": query, "connection_id": connection });
    let (status, answer) = caller.post("/api/v1/query/run", &body).await;
    assert!(
        status.is_success() || answer["error"]["code"] == "invalid",
        "{query}: {status} {answer}"
    );
    answer
}

#[actix_web::test]
async fn the_corpus_through_the_whole_product_changes_nothing() {
    let cluster = Cluster::start(&[]);
    let database = cluster.database(SHOP);
    for url in [database.admin_url(), database.url()] {
        let app = TestApp::builder().start().await;
        let source = connect(&url).expect("a URL");
        let (owner, id, agent) = connection(&app, source.clone()).await;
        // Its own sessions: what the agent leases next is one of them.
        let settings = || async {
            let rows = source.run(SESSION, &Limits::default()).await.expect("settings");
            values(rows).await.expect("settings")
        };
        let before = (dump(&database), settings().await, database.value(SERVER));
        for (why, statement) in corpus(REFUSED) {
            let answer = run(&owner, &id, statement).await;
            let outcome = &answer["outcome"];
            assert!(
                outcome == "refused" || outcome == "failed" || !answer["error"].is_null(),
                "{why}: {statement}\n{answer}"
            );
            assert!(
                answer["rows"].as_array().is_none_or(Vec::is_empty),
                "{why}: {statement}\n{answer}"
            );
            assert!(
                !answer.to_string().contains("root:"),
                "{why}: {statement}\n{answer}"
            );
        }
        for (why, statement) in corpus(ALLOWED) {
            let answer = run(&owner, &id, statement).await;
            assert_eq!(answer["outcome"], "answered", "{why}: {statement}\n{answer}");
        }
        let after = (dump(&database), settings().await, database.value(SERVER));
        assert!(before == after, "something changed as {url}");
        assert!(written_files().is_empty(), "{:?}", written_files());
        agent.abort();
    }
}

/// Layer two alone: several statements in one text are an error of the protocol, before the transaction or
/// the role are asked. A simple query would have run them.
#[tokio::test]
async fn the_protocol_alone_takes_one_statement() {
    let cluster = Cluster::start(&[]);
    let database = cluster.database(SHOP);
    let source = connect(&database.admin_url()).expect("a URL");
    let before = dump(&database);
    for text in [
        "SELECT 1; SELECT 2",
        "COMMIT; DELETE FROM items; SELECT 1",
        "SELECT 1; COMMIT; DELETE FROM items",
        "ROLLBACK; BEGIN READ WRITE; DELETE FROM items; COMMIT",
        "/* x */ SELECT 1; /* y */ UPDATE orders SET total = 0",
    ] {
        let error = source.run(text, &Limits::default()).await.err().expect(text);
        assert!(error.to_string().contains("multiple commands"), "{text}: {error}");
    }
    assert_eq!(dump(&database), before);
}

/// Layer three alone: without guard, as superuser, in one statement.
#[tokio::test]
async fn the_transaction_alone_keeps_a_superuser_from_writing_rows() {
    let cluster = Cluster::start(&[]);
    let database = cluster.database(SHOP);
    let source = connect(&database.admin_url()).expect("a URL");
    let before = dump(&database);
    for text in [
        "INSERT INTO customers VALUES (9, 'Eve', 'Oslo', NULL)",
        "UPDATE orders SET total = 0",
        "DELETE FROM items",
        "TRUNCATE items",
        "WITH gone AS (DELETE FROM items RETURNING *) SELECT * FROM gone",
        "SELECT * INTO copy_of_orders FROM orders",
        "CREATE TABLE copy_of_orders AS SELECT * FROM orders",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SELECT * FROM orders FOR UPDATE",
        "SELECT nextval('ticket')",
        "SELECT setval('ticket', 100)",
        "EXPLAIN ANALYZE DELETE FROM items",
        "DO $$ BEGIN DELETE FROM items; END $$",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SET TRANSACTION READ WRITE",
        "SET transaction_read_only = off",
        "DROP TABLE orders",
        "GRANT ALL ON orders TO PUBLIC",
        "REFRESH MATERIALIZED VIEW city_counts_kept",
    ] {
        let result = match source.run(text, &Limits::default()).await {
            Ok(rows) => values(rows).await,
            Err(error) => Err(error),
        };
        assert!(result.is_err(), "{text} ran: {result:?}");
        let setting = "SELECT current_setting('transaction_read_only')";
        let next = source.run(setting, &Limits::default()).await.expect("it runs");
        let next = values(next).await.expect("a row");
        assert_eq!(next, [[json!("on")]], "after {text}");
    }
    assert_eq!(dump(&database), before);
}

/// Layer four alone: the role in its own session, free to write, through the simple protocol.
#[tokio::test]
async fn the_role_alone_keeps_the_tables_as_they_are() {
    let cluster = Cluster::start(&[]);
    let database = cluster.database(SHOP);
    database.psql("REVOKE CREATE ON SCHEMA public FROM PUBLIC;");
    let before = database.dump();
    // Any role may say whom tables are open to that it makes itself; this one can make none.
    let own_affair = "ALTER DEFAULT PRIVILEGES";
    let statements = corpus(REFUSED).into_iter().map(|(_, statement)| statement);
    for statement in statements.filter(|statement| !statement.starts_with(own_affair)) {
        let (client, connection) = tokio_postgres::Config::new()
            .host("127.0.0.1")
            .port(database.port())
            .user(READER)
            .password(READER_PASSWORD)
            .dbname(&database.name)
            .connect(tokio_postgres::NoTls)
            .await
            .expect("a session");
        let driver = tokio::spawn(connection);
        client
            .batch_execute("SET statement_timeout = '300ms'")
            .await
            .expect("a setting");
        // Whether it runs is the role's affair; what it did shows below.
        let _ = tokio::time::timeout(Duration::from_secs(5), client.batch_execute(statement)).await;
        driver.abort();
    }
    let after = database.dump();
    assert!(after == before, "changed to:\n{after}");
    assert!(written_files().is_empty(), "{:?}", written_files());
}

/// And that the role is no better than it should be is said.
#[tokio::test]
async fn what_a_role_could_do_is_told() {
    let cluster = Cluster::start(&[]);
    let database = cluster.database(SHOP);
    database.psql("REVOKE CREATE ON SCHEMA public FROM PUBLIC;");
    let plain = connect(&database.url())
        .expect("a URL")
        .check()
        .await
        .expect("reached");
    assert!(plain.role_warnings.is_empty(), "{:?}", plain.role_warnings);
    database.psql(&format!(
        "GRANT INSERT ON items TO {READER}; GRANT pg_read_server_files TO {READER};"
    ));
    let more = connect(&database.url())
        .expect("a URL")
        .check()
        .await
        .expect("reached");
    let told = more.role_warnings.join("\n");
    assert!(
        told.contains("public.items") && told.contains("pg_read_server_files"),
        "{told}"
    );
    let denied = connect(&database.url_of(READER, "wrong"))
        .expect("a URL")
        .check()
        .await;
    assert!(
        matches!(
            denied,
            Err(Error::Source {
                kind: SourceFault::Unreachable,
                ..
            })
        ),
        "{denied:?}"
    );
}
