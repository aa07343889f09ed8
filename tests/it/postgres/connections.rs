//! Connections to the database: opened, reused, lost and found again.

use clean_custard::error::{Error, SourceFault};
use clean_custard::source::Limits;
use clean_custard::source::postgres::Postgres;
use futures::StreamExt;
use serde_json::json;

use super::{query, source};
use crate::support::postgres::{ADMIN, ADMIN_PASSWORD, Cluster, database};

#[tokio::test]
async fn a_server_that_dies_halfway_is_told_and_found_again() {
    let mut cluster = Cluster::start(&[]);
    let url = {
        let database = cluster.database("CREATE TABLE t AS SELECT 7 AS x;");
        database.url()
    };
    let source = source(&url);
    let all = Limits {
        rows: u64::MAX,
        ..Limits::default()
    };
    let mut rows = source
        .run("SELECT generate_series(1, 1000000000) AS n", &all)
        .await
        .expect("it runs");
    // One connection is idle in the pool when the server goes.
    assert_eq!(
        query(&*source, "SELECT x FROM t").await.expect("it runs"),
        [[json!(7)]]
    );
    rows.batches.next().await.expect("rows").expect("a batch");
    cluster.down();
    let error = loop {
        match rows.batches.next().await.expect("an error before the end") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(
        matches!(
            &error,
            Error::Source {
                kind: SourceFault::Unreachable,
                ..
            }
        ),
        "{error:?}"
    );
    let error = query(&*source, "SELECT x FROM t")
        .await
        .expect_err("nobody is there");
    assert!(
        matches!(
            &error,
            Error::Source {
                kind: SourceFault::Unreachable,
                ..
            }
        ),
        "{error:?}"
    );
    cluster.up();
    assert_eq!(
        query(&*source, "SELECT x FROM t").await.expect("back again"),
        [[json!(7)]]
    );
}

#[tokio::test]
async fn a_restart_between_two_queries_is_not_noticed() {
    let mut cluster = Cluster::start(&[]);
    let url = cluster.database("").url();
    let source = source(&url);
    query(&*source, "SELECT 1").await.expect("it runs");
    cluster.down();
    cluster.up();
    query(&*source, "SELECT 1")
        .await
        .expect("the dead connection is replaced");
}

#[tokio::test]
async fn wrong_passwords_and_places_are_told_without_the_password() {
    let database = database("");
    let wrong = database.url_of("custard_reader", "not-the-password");
    let error = query(&*source(&wrong), "SELECT 1")
        .await
        .expect_err("the password is wrong");
    assert!(
        matches!(
            &error,
            Error::Source {
                kind: SourceFault::Unreachable,
                ..
            }
        ),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains("password authentication failed"), "{text}");
    assert!(!text.contains("not-the-password"), "{text}");
    let nobody = source("postgres://a:secret@127.0.0.1:1/x");
    let text = query(&*nobody, "SELECT 1")
        .await
        .expect_err("nobody listens")
        .to_string();
    assert!(text.contains("refused") && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn single_values_reach_the_database_as_a_url_does() {
    let database = database("CREATE TABLE t AS SELECT 1 AS x;");
    let source = Postgres::from_parts(
        "127.0.0.1",
        database.port(),
        &database.name,
        ADMIN,
        ADMIN_PASSWORD,
        "prefer",
    )
    .expect("parts");
    assert_eq!(
        query(&source, "SELECT x FROM t").await.expect("it runs"),
        [[json!(1)]]
    );
}

/// An idle connection goes back to the pool, so that a small query does not pay for a new one.
#[tokio::test]
async fn connections_are_reused_but_not_without_end() {
    let database = database("CREATE TYPE mood AS ENUM ('calm');");
    let source = source(&database.url());
    let backend = |text: &'static str| {
        let source = source.clone();
        async move { query(&*source, text).await.expect("it runs") }
    };
    let first = backend("SELECT pg_backend_pid()").await;
    assert_eq!(backend("SELECT pg_backend_pid()").await, first);
    let _ = query(&*source, "SELECT nonsense").await;
    assert_eq!(
        backend("SELECT pg_backend_pid()").await,
        first,
        "a refused query costs no connection"
    );
    let many = futures::future::join_all((0..20).map(|_| backend("SELECT pg_backend_pid()"))).await;
    assert_eq!(many.len(), 20);
    // Those that only a busy moment needed go soon.
    let idle = "SELECT count(*) <= 4 FROM pg_stat_activity WHERE application_name = 'clean-custard' \
                AND datname = current_database()";
    database.wait_for(idle, "t").await;
}
