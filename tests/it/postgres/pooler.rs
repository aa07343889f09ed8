//! Behind PgBouncer in transaction mode, where one session is many: nothing that lasts longer than a
//! transaction may be relied on.

use clean_custard::source::Limits;
use futures::StreamExt;
use serde_json::json;

use super::{query, source};
use crate::support::conformance::{SCRIPT, conformance};
use crate::support::pgbouncer::PgBouncer;
use crate::support::postgres::database;

#[tokio::test]
async fn it_conforms_behind_pgbouncer() {
    let database = database(SCRIPT);
    let pooler = PgBouncer::before(&database);
    conformance(source(&pooler.url())).await;
}

/// Types of the database's own are looked up by statements of a session, which the next transaction may
/// not have: that must never show.
#[tokio::test]
async fn own_types_and_plain_ones_mix_behind_pgbouncer() {
    let database = database(
        "CREATE TYPE mood AS ENUM ('calm', 'wild'); CREATE TYPE pair AS (a int, m mood);
         CREATE TABLE t AS SELECT n, (ARRAY['calm', 'wild']::mood[])[1 + n % 2] AS m, ROW(n, 'calm')::pair AS p
         FROM generate_series(1, 10) n;",
    );
    let pooler = PgBouncer::before(&database);
    // Two agents beside one database, whose statements have the same names.
    let sources = [source(&pooler.url()), source(&pooler.url())];
    for round in 0..5 {
        let queries = (0..24).map(|n| {
            let source = sources[n % 2].clone();
            async move {
                match n % 4 {
                    0 => (
                        query(&*source, "SELECT m FROM t WHERE n = 1").await,
                        json!("wild"),
                    ),
                    1 => (query(&*source, "SELECT n FROM t WHERE n = 7").await, json!(7)),
                    2 => (
                        query(&*source, "SELECT p FROM t WHERE n = 3").await,
                        json!("(3,calm)"),
                    ),
                    _ => (
                        query(&*source, "SELECT ARRAY[m] FROM t WHERE n = 2").await,
                        json!("{calm}"),
                    ),
                }
            }
        });
        for (result, expected) in futures::future::join_all(queries).await {
            assert_eq!(result.expect("it runs"), [[expected]], "round {round}");
        }
    }
    let _ = query(&*sources[0], "SELECT nonsense FROM t").await;
    assert!(query(&*sources[0], "DELETE FROM t").await.is_err());
    assert_eq!(database.value("SELECT count(*) FROM t"), "10");
}

#[tokio::test]
async fn leaving_cancels_in_the_database_behind_pgbouncer() {
    const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' \
                           AND pid <> pg_backend_pid() AND datname = current_database()";
    let database = database("");
    let pooler = PgBouncer::before(&database);
    let source = source(&pooler.url());
    let all = Limits {
        rows: u64::MAX,
        ..Limits::default()
    };
    let mut rows = source
        .run("SELECT generate_series(1, 1000000000) AS n", &all)
        .await
        .expect("it runs");
    rows.batches.next().await.expect("rows").expect("a batch");
    database.wait_for(RUNNING, "1").await;
    drop(rows);
    database.wait_for(RUNNING, "0").await;
    assert_eq!(
        query(&*source, "SELECT 1").await.expect("it goes on"),
        [[json!(1)]]
    );
}
