//! The read-only layers below the guard, each alone, and what is said of the role.

use clean_custard::error::{Error, SourceFault};

use super::{query, source};
use crate::support::postgres::database;

#[tokio::test]
async fn what_the_role_may_not_read_is_a_permission_error() {
    let database = database("CREATE TABLE t (x int); CREATE TABLE closed (x int);");
    database.psql("REVOKE ALL ON closed FROM custard_reader;");
    let error = query(&*source(&database.url()), "SELECT * FROM closed")
        .await
        .expect_err("closed");
    let Error::Source { kind, message } = error else {
        panic!("{error:?}");
    };
    assert_eq!(kind, SourceFault::Permission);
    assert!(
        message.contains("grant SELECT")
            && message.ends_with("The database says: permission denied for table closed."),
        "{message}"
    );
}

/// Each of these layers alone: the guard is not asked, and the role is a superuser.
#[tokio::test]
async fn the_transaction_refuses_writes_even_of_a_superuser() {
    let database = database("CREATE TABLE t AS SELECT 1 AS x; CREATE SEQUENCE s;
        CREATE FUNCTION sneaky() RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM t; RETURN 1; END';
        CREATE FUNCTION unlock() RETURNS text LANGUAGE plpgsql AS 'BEGIN SET TRANSACTION READ WRITE; DELETE FROM t; RETURN 1; END';");
    let source = source(&database.admin_url());
    for text in [
        "DELETE FROM t",
        "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
        "SELECT * INTO copy FROM t",
        "CREATE TABLE other (x int)",
        "CREATE TEMP TABLE other (x int)",
        "SELECT nextval('s')",
        "SELECT * FROM t FOR UPDATE",
        "SELECT sneaky()",
        "SELECT unlock()",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SET TRANSACTION READ WRITE",
        "SET transaction_read_only = off",
    ] {
        assert!(query(&*source, text).await.is_err(), "{text}");
        // Whatever it did to the connection, the next query is read-only again.
        assert!(query(&*source, "DELETE FROM t").await.is_err(), "after {text}");
    }
    assert_eq!(database.value("SELECT count(*) FROM t"), "1");
}

#[tokio::test]
async fn the_protocol_takes_one_statement_only() {
    let database = database("CREATE TABLE t AS SELECT 1 AS x;");
    let source = source(&database.admin_url());
    for text in [
        "COMMIT; DELETE FROM t; SELECT 1",
        "SELECT 1; DELETE FROM t",
        "SELECT ARRAY[1]; COMMIT; DELETE FROM t",
        "ROLLBACK; BEGIN; DELETE FROM t; COMMIT",
    ] {
        let error = query(&*source, text).await.expect_err(text);
        assert!(
            matches!(
                &error,
                Error::Source {
                    kind: SourceFault::Syntax,
                    ..
                }
            ),
            "{text}: {error:?}"
        );
    }
    // Alone, leaving the transaction is possible; nothing can follow on that connection.
    let _ = query(&*source, "COMMIT").await;
    assert!(query(&*source, "DELETE FROM t").await.is_err());
    assert_eq!(database.value("SELECT count(*) FROM t"), "1");
}

#[tokio::test]
async fn the_role_is_probed_and_warned_about() {
    let database = database("CREATE TABLE t (x int); CREATE TABLE u (x int);");
    let quiet = source(&database.url()).check().await.expect("it is reached");
    assert!(quiet.version.starts_with("PostgreSQL "), "{}", quiet.version);
    assert_eq!(quiet.role_warnings, Vec::<String>::new());
    let loud = source(&database.admin_url())
        .check()
        .await
        .expect("it is reached");
    assert_eq!(loud.role_warnings.len(), 1);
    assert!(
        loud.role_warnings[0].contains("superuser"),
        "{:?}",
        loud.role_warnings
    );

    database.psql(&format!(
        "CREATE ROLE writer_{0} LOGIN PASSWORD 'w'; GRANT CREATE ON SCHEMA public TO writer_{0};
         GRANT SELECT, INSERT ON t TO writer_{0}; ALTER TABLE u OWNER TO writer_{0};
         GRANT pg_read_server_files TO writer_{0};",
        database.name
    ));
    let writer = database.url_of(&format!("writer_{}", database.name), "w");
    let warnings = source(&writer)
        .check()
        .await
        .expect("it is reached")
        .role_warnings;
    let all = warnings.join("\n");
    for words in [
        "pg_read_server_files",
        "owns 1 table (public.u)",
        "writing to 1 table (public.t)",
        "create tables in 1 schema (public)",
    ] {
        assert!(all.contains(words), "{words} is missing from:\n{all}");
    }
    assert_eq!(warnings.len(), 4, "{all}");
}
