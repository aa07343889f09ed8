//! What a database says, in a sentence of ours that says what to do, with its own words after it.

use clean_custard::error::{Error, SourceFault};
use clean_custard::source::{Limits, connect};

use super::{query, source};
use crate::support::postgres::database;

#[tokio::test]
async fn common_troubles_come_with_what_to_do() {
    let database = database(
        "CREATE TABLE n AS SELECT g AS i, 'word ' || g AS word FROM generate_series(1, 20000) AS g;
         CREATE TABLE closed (i int);",
    );
    let role = format!("narrow_{}", database.name);
    database.psql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'p'; GRANT SELECT ON n TO {role};
         ALTER ROLE {role} SET temp_file_limit = '64kB'; ALTER ROLE {role} SET work_mem = '64kB';"
    ));
    let narrow = source(&database.url_of(&role, "p"));
    for (text, kind, ours, theirs) in [
        (
            "SELECT 1 / (i - 1) FROM n",
            SourceFault::Other,
            "nullif",
            "division by zero",
        ),
        (
            "SELECT 2147483647 + i FROM n",
            SourceFault::Type,
            "cast it to a larger one",
            "out of range",
        ),
        (
            "SELECT word::int FROM n",
            SourceFault::Type,
            "compare it as text",
            "\"word 1\"",
        ),
        (
            "SELECT 'soon'::date",
            SourceFault::Type,
            "compare it as text",
            "\"soon\"",
        ),
        (
            "SELECT i FROM closed",
            SourceFault::Permission,
            "grant SELECT",
            "closed",
        ),
        (
            "SELECT a.word FROM n AS a, n AS b ORDER BY a.word || b.word",
            SourceFault::Other,
            "disk space",
            "temp",
        ),
    ] {
        match query(&*narrow, text).await {
            Err(Error::Source { kind: found, message }) => {
                assert_eq!(found, kind, "{text}: {message}");
                assert!(
                    message.contains(ours) && message.contains(theirs),
                    "{text}: {message}"
                );
                assert!(
                    message.contains(" The database says: ") && message.ends_with('.'),
                    "{message}"
                );
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    database.psql(&format!("ALTER ROLE {role} CONNECTION LIMIT 0;"));
    let error = source(&database.url_of(&role, "p"))
        .check()
        .await
        .expect_err("no room");
    assert!(error.to_string().contains("takes no more connections"), "{error}");
}

/// Nobody here asked for it: an administrator, or a rule of the database.
#[tokio::test]
async fn a_query_stopped_at_the_database_says_so() {
    let database = database("CREATE TABLE n AS SELECT g AS i FROM generate_series(1, 20000) AS g;");
    for (function, kind) in [
        ("pg_cancel_backend", SourceFault::Other),
        ("pg_terminate_backend", SourceFault::Unreachable),
    ] {
        let source = connect(&database.url()).expect("a URL");
        let asking = tokio::spawn(async move {
            let endless = "SELECT count(*) FROM n AS a, n AS b, n AS c";
            source.run(endless, &Limits::default()).await.map(|_| ())
        });
        // Only the endless one runs for so long: what is asked before it is done again on another connection.
        let ours = "pg_stat_activity WHERE datname = current_database() AND state = 'active' \
                    AND application_name = 'clean-custard' AND query_start < now() - interval '2 seconds'";
        database
            .wait_for(&format!("SELECT count(*) FROM {ours}"), "1")
            .await;
        database.value(&format!("SELECT {function}(pid) FROM {ours}"));
        match asking.await.expect("no panic") {
            Err(Error::Source { kind: found, message }) => {
                assert_eq!(found, kind, "{message}");
                assert!(message.contains("stopped at the database"), "{message}");
            }
            other => panic!("{function}: {other:?}"),
        }
    }
}
