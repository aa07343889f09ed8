//! The PostgreSQL source against a real server: values, catalog, limits, cancelling, and each of the
//! read-only layers alone.

mod pooler;
mod tls;
mod types;

use std::sync::Arc;

use clean_custard::catalog::{ColumnKind, TableKind};
use clean_custard::error::{Error, SourceFault};
use clean_custard::rows::columns;
use clean_custard::source::postgres::Postgres;
use clean_custard::source::{Limits, Source, connect};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::support::conformance::{SCRIPT, conformance, values};
use crate::support::postgres::{ADMIN, ADMIN_PASSWORD, Cluster, database};

fn source(url: &str) -> Arc<dyn Source> {
    connect(url).expect("a URL of the test server")
}

async fn query(source: &dyn Source, text: &str) -> Result<Vec<Vec<Value>>, Error> {
    values(source.run(text, &Limits::default()).await?).await
}

/// Columns as `name type`, and the rows.
async fn full(source: &dyn Source, text: &str) -> (Vec<String>, Vec<Vec<Value>>) {
    let rows = source.run(text, &Limits::default()).await.expect("it runs");
    let names = columns(&rows.schema)
        .into_iter()
        .map(|column| format!("{} {}", column.name, column.type_name))
        .collect();
    (names, values(rows).await.expect("rows"))
}

#[tokio::test]
async fn it_conforms() {
    let database = database(SCRIPT);
    conformance(source(&database.url())).await;
}

#[tokio::test]
async fn values_of_every_common_type_come_through_exactly() {
    let database = database(
        "CREATE TYPE mood AS ENUM ('calm'); CREATE DOMAIN money_amount AS numeric(10, 2);
         CREATE TABLE v (b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, nd numeric(30, 10),
           t text, vc varchar(5), c char(3), ch \"char\", nm name, e mood, dm money_amount, by bytea, d date, ti time,
           ts timestamp, tz timestamptz, u uuid, j json, jb jsonb, o oid, iv interval, ttz timetz, ip inet,
           a int[], r int4range, bits bit(4), m money, p point, tv tsvector);
         INSERT INTO v VALUES (true, -32768, 2147483647, 9223372036854775807, 1.1, 0.1, 123456789012345678901234567890.123456789,
           12345678901234567890.0123456789, 'é ''x''', 'ab', 'a', 'z', 'nm', 'calm', 12.5, '\\x00ff', '2024-02-29', '13:45:00.5',
           '2024-02-29 13:45:00.123456', '2024-02-29 13:45:00+02', '00112233-4455-6677-8899-aabbccddeeff', '{\"a\": [1, 2.50]}',
           '{\"b\": 1}', 4294967295, '1 year 2 days 03:04:05', '13:45:00+02', '10.0.0.1', '{1,NULL,3}', '[1,5)', '1010', 12.34,
           '(1,2)', 'fat cat');
         INSERT INTO v DEFAULT VALUES;",
    );
    let source = source(&database.url());
    let (names, rows) = full(&*source, "SELECT * FROM v ORDER BY b").await;
    let expected = [
        ("b boolean", json!(true)),
        ("i2 integer", json!(-32768)),
        ("i4 integer", json!(2147483647)),
        ("i8 integer", json!("9223372036854775807")),
        ("f4 float", json!(1.1)),
        ("f8 float", json!(0.1)),
        ("n decimal", json!("123456789012345678901234567890.123456789")),
        ("nd decimal", json!("12345678901234567890.0123456789")),
        ("t text", json!("é 'x'")),
        ("vc text", json!("ab")),
        ("c text", json!("a  ")),
        ("ch text", json!("z")),
        ("nm text", json!("nm")),
        ("e text", json!("calm")),
        ("dm decimal", json!("12.50")),
        ("by binary", json!("AP8=")),
        ("d date", json!("2024-02-29")),
        ("ti time", json!("13:45:00.500")),
        ("ts timestamp", json!("2024-02-29T13:45:00.123456")),
        ("tz timestamp", json!("2024-02-29T11:45:00Z")),
        ("u uuid", json!("00112233-4455-6677-8899-aabbccddeeff")),
        ("j json", json!({"a": [1, 2.50]})),
        ("jb json", json!({"b": 1})),
        ("o integer", json!(4294967295_u32)),
        ("iv interval", json!("1 year 2 days 03:04:05")),
        ("ttz time", json!("13:45:00+02")),
        ("ip text", json!("10.0.0.1/32")),
        ("a array", json!("{1,NULL,3}")),
        ("r other", json!("[1,5)")),
        ("bits text", json!("1010")),
        ("m text", json!("$12.34")),
        ("p text", json!("(1,2)")),
        ("tv text", json!("'cat' 'fat'")),
    ];
    assert_eq!(names, expected.clone().map(|(name, _)| name));
    for (at, (name, value)) in expected.iter().enumerate() {
        assert_eq!(&rows[0][at], value, "{name}");
        assert_eq!(rows[1][at], Value::Null, "{name}");
    }
}

/// What Arrow's own types cannot say is said in text, never bent.
#[tokio::test]
async fn infinities_nan_and_the_far_past_come_as_text() {
    let database = database(
        "CREATE TABLE v (id int, d date, ts timestamp, tz timestamptz, ti time, n numeric(10, 2), f float8);
         INSERT INTO v VALUES (1, '2024-01-01', '2024-01-01', '2024-01-01 00:00+00', '10:00', 1.5, 1.5),
           (2, 'infinity', '-infinity', 'infinity', '24:00', 'NaN', 'NaN'),
           (3, '0044-03-15 BC', '12000-01-01', '0044-03-15 00:00+00 BC', '00:00', 2, 'infinity');",
    );
    let source = source(&database.url());
    let (names, rows) = full(&*source, "SELECT d, ts, ti, n FROM v ORDER BY id").await;
    assert_eq!(names, ["d date", "ts timestamp", "ti time", "n decimal"]);
    assert_eq!(
        rows[0],
        [
            json!("2024-01-01"),
            json!("2024-01-01 00:00:00"),
            json!("10:00:00"),
            json!("1.50")
        ]
    );
    assert_eq!(
        rows[1],
        [
            json!("infinity"),
            json!("-infinity"),
            json!("24:00:00"),
            json!("NaN")
        ]
    );
    assert_eq!(
        rows[2],
        [
            json!("0044-03-15 BC"),
            json!("12000-01-01 00:00:00"),
            json!("00:00:00"),
            json!("2.00")
        ]
    );
    // The same columns without such values keep their types.
    let (names, _) = full(&*source, "SELECT d, ts, ti, n FROM v WHERE id = 1").await;
    assert_eq!(names, ["d date", "ts timestamp", "ti time", "n decimal"]);
}

#[tokio::test]
async fn order_and_duplicate_names_survive_the_cast_to_text() {
    let database =
        database("CREATE TABLE v AS SELECT n AS id, ARRAY[n] AS a FROM generate_series(1, 20000) n;");
    let (names, rows) = full(
        &*source(&database.url()),
        "SELECT id, a, id AS \"a\" FROM v ORDER BY id DESC",
    )
    .await;
    assert_eq!(names, ["id integer", "a array", "a integer"]);
    assert_eq!(rows.len(), 20_000);
    assert_eq!(rows[0], [json!(20_000), json!("{20000}"), json!(20_000)]);
    assert!(rows.is_sorted_by(|a, b| a[0].as_i64() > b[0].as_i64()));
}

#[tokio::test]
async fn the_catalog_folds_partitions_and_hides_what_may_not_be_read() {
    let database = database(
        "CREATE SCHEMA \"Odd \"\"one\"\"\"; CREATE TABLE \"Odd \"\"one\"\"\".\"Ta;ble\" (\"Co\"\"l\" text);
         INSERT INTO \"Odd \"\"one\"\"\".\"Ta;ble\" VALUES ('x'), ('x'), ('y');
         CREATE TABLE p (id int, at date) PARTITION BY RANGE (at);
         CREATE TABLE p_2023 PARTITION OF p FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
         CREATE TABLE p_2024 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
         INSERT INTO p SELECT n, '2023-01-01'::date + n FROM generate_series(1, 700) n;
         CREATE MATERIALIZED VIEW mv AS SELECT 1 AS one; CREATE VIEW vw AS SELECT 1 AS one;
         CREATE TABLE half (seen int, hidden int); CREATE TABLE unseen (x int);
         CREATE TABLE pair (a int, b int, PRIMARY KEY (b, a)); CREATE TABLE ref (x int, y int, FOREIGN KEY (x, y) REFERENCES pair (b, a));
         CREATE UNIQUE INDEX ON half (seen); CREATE UNIQUE INDEX ON half (hidden) WHERE hidden > 0;
         ANALYZE p, p_2023, p_2024;",
    );
    database.psql(
        "REVOKE ALL ON unseen, half FROM custard_reader; GRANT SELECT (seen) ON half TO custard_reader;",
    );
    let catalog = source(&database.url()).catalog().await.expect("a catalog");
    let names: Vec<&str> = catalog.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["Ta;ble", "half", "mv", "p", "pair", "ref", "vw"]);
    let odd = catalog
        .table(Some("Odd \"one\""), "Ta;ble")
        .expect("hostile names are names");
    let column = odd.column("Co\"l").expect("also of columns");
    assert_eq!(
        (column.values.as_slice(), column.values_complete),
        (&["x".to_owned(), "y".to_owned()][..], true)
    );
    assert_eq!(
        catalog.table(None, "p").expect("the parent").row_estimate,
        Some(700)
    );
    let half = catalog.table(None, "half").expect("half");
    assert_eq!(
        half.columns.len(),
        1,
        "the column that may not be read is not there"
    );
    assert_eq!(half.unique, [["seen"]]);
    assert_eq!(
        catalog.table(None, "mv").expect("mv").kind,
        TableKind::MaterializedView
    );
    assert_eq!(catalog.table(None, "pair").expect("pair").primary_key, ["b", "a"]);
    let key = &catalog.table(None, "ref").expect("ref").foreign_keys[0];
    assert_eq!(
        (key.columns.join(","), key.references.join(",")),
        ("x,y".into(), "b,a".into())
    );
    assert_eq!(
        catalog.table(None, "p").expect("p").columns[1].kind,
        ColumnKind::Date
    );
}

#[tokio::test]
async fn defaults_domains_enums_and_foreign_tables_are_in_the_catalog() {
    let database = database(
        "CREATE TYPE mood AS ENUM ('calm', 'wild'); CREATE DOMAIN price AS numeric(10, 2) NOT NULL;
         CREATE DOMAIN low_price AS price CHECK (VALUE < 10); CREATE DOMAIN good_mood AS mood;
         CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m good_mood DEFAULT 'calm', p low_price DEFAULT 1,
           at timestamptz DEFAULT now(), code text UNIQUE, parent int REFERENCES t (id), tags mood[], x int,
           twice int GENERATED ALWAYS AS (x * 2) STORED);
         CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
         CREATE FOREIGN TABLE log (line text) SERVER files OPTIONS (filename '/nowhere', format 'text');
         CREATE EXTENSION pg_stat_statements;
         COMMENT ON COLUMN t.p IS 'In euros';",
    );
    let catalog = source(&database.url()).catalog().await.expect("a catalog");
    let names: Vec<&str> = catalog.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["log", "t"], "what extensions bring is not there");
    assert_eq!(catalog.tables[0].kind, TableKind::ForeignTable);
    let t = &catalog.tables[1];
    assert_eq!((t.primary_key.join(","), t.unique.len()), ("id".into(), 1));
    assert_eq!(t.foreign_keys[0].table, "t");
    let column = |name: &str| t.column(name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(column("m").values, ["calm", "wild"]);
    assert!(column("m").kind.is_text() && column("m").values_complete);
    assert_eq!(
        (column("p").kind, column("p").nullable),
        (ColumnKind::Decimal, false)
    );
    assert_eq!(column("p").type_name, "low_price");
    assert_eq!(column("p").comment.as_deref(), Some("In euros"));
    assert_eq!(column("tags").kind, ColumnKind::Array);
    let defaults: Vec<_> = t
        .columns
        .iter()
        .map(|column| column.default.as_deref().unwrap_or("-"))
        .collect();
    assert_eq!(
        defaults,
        [
            "identity",
            "'calm'::mood",
            "1",
            "now()",
            "-",
            "-",
            "-",
            "-",
            "(x * 2)"
        ]
    );
}

#[tokio::test]
async fn frequent_values_come_from_statistics() {
    let database = database(
        "CREATE TABLE big AS SELECT n, CASE WHEN n % 10 = 0 THEN 'rare' ELSE 'common' END AS word, md5(n::text) AS noise,
           DATE '2020-01-01' + n % 1000 AS day FROM generate_series(1, 30000) n; ANALYZE big;",
    );
    let catalog = source(&database.url()).catalog().await.expect("a catalog");
    let big = catalog.table(None, "big").expect("big");
    assert_eq!(big.row_estimate, Some(30_000));
    let word = big.column("word").expect("word");
    assert_eq!(
        (word.values.join(","), word.values_complete),
        ("common,rare".into(), true)
    );
    assert_eq!(word.distinct_estimate, Some(2));
    let noise = big.column("noise").expect("noise");
    assert!(!noise.values_complete && noise.values.len() <= 50);
    let day = big.column("day").expect("day");
    assert!(
        day.min.as_deref().is_some_and(|min| min.starts_with("2020-")),
        "{:?}",
        day.min
    );
}

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
    assert_eq!(message, "permission denied for table closed.");
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
