//! Rows stream, and a query that is left, takes too long, waits or would cost too much ends in the database.

use clean_custard::error::{Error, SourceFault};
use clean_custard::source::Limits;
use futures::StreamExt;
use serde_json::json;

use super::source;
use crate::support::conformance::values;
use crate::support::postgres::database;

#[tokio::test]
async fn rows_stream_without_being_collected() {
    let database = database("");
    let all = Limits {
        rows: u64::MAX,
        bytes: u64::MAX,
        ..Limits::default()
    };
    let mut rows = source(&database.url())
        .run(
            "SELECT n, repeat('x', 500) AS filler FROM generate_series(1, 400000) AS n",
            &all,
        )
        .await
        .expect("it runs");
    let (mut count, mut largest) = (0, 0);
    while let Some(batch) = rows.batches.next().await {
        let batch = batch.expect("a batch");
        count += batch.num_rows();
        largest = largest.max(batch.get_array_memory_size());
    }
    assert_eq!(count, 400_000);
    assert!(largest < 16 << 20, "one batch takes {largest} bytes");
}

const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'clean-custard' \
                       AND datname = current_database() AND state = 'active' AND query LIKE '%generate_series%'";

#[tokio::test]
async fn dropping_the_rows_cancels_in_the_database() {
    let database = database("");
    let source = source(&database.url());
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
}

#[tokio::test]
async fn dropping_the_call_cancels_in_the_database() {
    let database = database("");
    let source = source(&database.url());
    let call = tokio::spawn(async move {
        source
            .run(
                "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
                &Limits::default(),
            )
            .await
            .map(|_| ())
    });
    database.wait_for(RUNNING, "1").await;
    call.abort();
    database.wait_for(RUNNING, "0").await;
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped_in_the_database() {
    let database = database("");
    let short = Limits {
        time_ms: 500,
        ..Limits::default()
    };
    let endless = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let result = source(&database.url()).run(endless, &short).await.map(|_| ());
    assert!(matches!(result, Err(Error::Timeout(_))), "{result:?}");
    database.wait_for(RUNNING, "0").await;
}

#[tokio::test]
async fn a_lock_held_by_somebody_else_ends_in_a_sentence() {
    let database = database("CREATE TABLE t (x int);");
    let holder = connect_raw(&database.admin_url()).await;
    holder
        .batch_execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        .await
        .expect("the lock");
    let short = Limits {
        time_ms: 400,
        ..Limits::default()
    };
    let result = source(&database.url())
        .run("SELECT * FROM t", &short)
        .await
        .map(|_| ());
    assert!(matches!(result, Err(Error::Timeout(_))), "{result:?}");
}

/// The database keeps the time-outs itself, whatever becomes of the agent, and lets nobody change them.
#[tokio::test]
async fn time_outs_are_set_at_the_database() {
    let database = database("");
    let limits = Limits {
        time_ms: 7_000,
        ..Limits::default()
    };
    let rows = source(&database.url())
        .run(
            "SELECT current_setting('statement_timeout') AS s, current_setting('lock_timeout') AS l, \
             current_setting('idle_in_transaction_session_timeout') AS i, \
             current_setting('transaction_read_only') AS r",
            &limits,
        )
        .await
        .expect("it runs");
    assert_eq!(
        values(rows).await.expect("rows"),
        [[json!("7s"), json!("7s"), json!("17s"), json!("on")]]
    );
}

/// Nothing of an expensive query runs: the planner's estimate is enough to refuse it.
#[tokio::test]
async fn a_query_that_would_cost_too_much_is_refused_before_it_runs() {
    let database = database(
        "CREATE TABLE n AS SELECT g AS i FROM generate_series(1, 20000) AS g; CREATE UNIQUE INDEX ON n (i);
         CREATE TABLE few AS SELECT g AS i FROM generate_series(1, 10) AS g; ANALYZE;",
    );
    let source = source(&database.url());
    let run = |query: &'static str, cost, estimated_rows| {
        let source = source.clone();
        async move {
            let limits = Limits {
                cost,
                estimated_rows,
                ..Limits::default()
            };
            values(source.run(query, &limits).await?).await
        }
    };
    let cross = "SELECT count(*) FROM n a, n b, few c";
    let Err(Error::Refused(message)) = run(cross, None, Some(1_000_000)).await else {
        panic!("a product of everything with everything ran");
    };
    assert!(
        message.contains("4.0e9 rows") && message.contains("1,000,000") && message.contains("condition on n"),
        "{message}"
    );
    let Err(Error::Refused(message)) = run(cross, Some(100_000), None).await else {
        panic!("it ran");
    };
    assert!(message.contains("cost about"), "{message}");
    let one = run("SELECT i FROM n WHERE i = 7", Some(1_000), Some(1_000)).await;
    assert_eq!(one.expect("a cheap one runs"), [[json!(7)]]);
    // Columns that are cast to text, and faults, come out as without the check.
    let cast = run(
        "SELECT ARRAY[i] AS a FROM few ORDER BY i LIMIT 1",
        Some(1_000),
        None,
    )
    .await;
    assert_eq!(cast.expect("it runs"), [[json!("{1}")]]);
    let fault = run("SELECT nothing FROM n", Some(1_000), None).await;
    assert!(
        matches!(
            &fault,
            Err(Error::Source {
                kind: SourceFault::Name,
                ..
            })
        ),
        "{fault:?}"
    );
    for text in [
        "COMMIT",
        "DELETE FROM few",
        "ANALYZE DELETE FROM few",
        "SELECT 1; DELETE FROM few",
    ] {
        assert!(run(text, Some(1_000_000), None).await.is_err(), "{text}");
    }
    assert_eq!(database.value("SELECT count(*) FROM few"), "10");
}

async fn connect_raw(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .expect("a connection");
    tokio::spawn(connection);
    client
}
