//! SQLite files as a source: the suite, what each read-only layer stops alone, mixed columns, dates, limits
//! of a file that is held or gone, and the guard's lists against the library.

use std::sync::Arc;

use clean_custard::catalog::{Catalog, ColumnKind};
use clean_custard::error::{Error, SourceFault};
use clean_custard::guard::{self, functions, sql};
use clean_custard::rows::columns;
use clean_custard::source::{Dialect, Limits, Source, connect};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::conformance::sqlite::{SCRIPT, file, words};
use crate::support::conformance::{suite, values};

fn source(url: &str) -> Arc<dyn Source> {
    connect(url).expect("a URL of a file")
}

async fn query(source: &dyn Source, text: &str) -> Result<Vec<Vec<Value>>, Error> {
    values(source.run(text, &Limits::default()).await?).await
}

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
    let file = file(SCRIPT);
    suite(source(&file.url()), &words(), &file).await;
}

#[tokio::test]
async fn what_is_no_database_is_said_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| format!("sqlite:{}", dir.path().join(name).display());
    std::fs::write(
        dir.path().join("text.db"),
        "id,name\n1,Ada and some more text\n".repeat(100),
    )
    .unwrap();
    for (url, words) in [
        (path("nothing.db"), "no such file"),
        (format!("sqlite:{}", dir.path().display()), "no file"),
        (path("text.db"), "no SQLite database"),
    ] {
        let error = source(&url).check().await.unwrap_err();
        assert!(
            matches!(&error, Error::Source { kind: SourceFault::Unreachable, message } if message.contains(words)),
            "{url}: {error:?}"
        );
    }
    assert!(
        !dir.path().join("nothing.db").exists(),
        "a file that was not there is not made"
    );
}

#[tokio::test]
async fn mixed_columns_come_as_text_and_keep_every_value() {
    let file = file(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x, price DECIMAL(10,2), big);
         INSERT INTO t VALUES (1, 1, 2, 9007199254740993), (2, 'two', 2.5, 0.5), (3, 3.5, 3, 1), (4, x'0aff', 4, 2),
           (5, NULL, NULL, NULL);",
    );
    let source = source(&file.url());
    let (names, rows) = full(&*source, "SELECT x, price, big FROM t ORDER BY id").await;
    assert_eq!(names, ["x text", "price float", "big text"]);
    assert_eq!(
        rows,
        [
            [json!("1"), json!(2.0), json!("9007199254740993")],
            [json!("two"), json!(2.5), json!("0.5")],
            [json!("3.5"), json!(3.0), json!("1")],
            [json!("X'0AFF'"), json!(4.0), json!("2")],
            [Value::Null, Value::Null, Value::Null],
        ]
    );
    let catalog = source.catalog().await.unwrap();
    let x = catalog.table(None, "t").unwrap().column("x").unwrap();
    assert_eq!(x.comment.as_deref(), Some("Holds values of several types."));
}

/// A text far below numbers cannot become one, and the rows before it have been handed out.
#[tokio::test]
async fn a_value_that_fits_no_more_ends_the_query_with_a_sentence() {
    let file = file(
        "CREATE TABLE t (x);
         WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000) INSERT INTO t SELECT n FROM s;
         INSERT INTO t VALUES ('a text');",
    );
    let source = source(&file.url());
    let error = query(&*source, "SELECT x FROM t").await.unwrap_err();
    assert!(
        matches!(&error, Error::Source { kind: SourceFault::Type, message } if message.contains("CAST")),
        "{error:?}"
    );
    let rows = query(&*source, "SELECT CAST(x AS TEXT) AS x FROM t")
        .await
        .unwrap();
    assert_eq!((rows.len(), &rows[20_000][0]), (20_001, &json!("a text")));
}

#[tokio::test]
async fn the_catalog_says_how_dates_are_stored() {
    let file = file(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, day TEXT, at DATETIME, seconds DATETIME, millis TIMESTAMP, julian DATE,
           free DATE, words TEXT, none DATE);
         INSERT INTO t VALUES (1, '2024-02-29', '2024-02-29 13:45:00', 1709214300, 1709214300000, 2460370.07, '29/02/2024',
           '2024-02-29', NULL), (2, '2024-03-01', '2024-03-01 00:00:00', 1709251200, 1709251200000, 2460370.5, '1.3.24',
           'soon', NULL);",
    );
    let catalog = source(&file.url()).catalog().await.unwrap();
    let table = catalog.table(None, "t").unwrap();
    let about = |name: &str| {
        let column = table.column(name).unwrap();
        (column.kind, column.comment.clone().unwrap_or_default())
    };
    assert_eq!(
        about("day"),
        (ColumnKind::Date, "Stored as text, as in 2024-02-29.".into())
    );
    assert_eq!(about("at").0, ColumnKind::Timestamp);
    assert_eq!(
        about("seconds"),
        (
            ColumnKind::Integer,
            "Stored as a number, by its size seconds since 1970.".into()
        )
    );
    assert!(about("millis").1.contains("milliseconds"));
    assert!(about("julian").0 == ColumnKind::Float && about("julian").1.contains("Julian day"));
    assert_eq!(
        about("free"),
        (ColumnKind::Text, "Stored as text of several forms.".into())
    );
    assert_eq!(about("words"), (ColumnKind::Text, String::new()));
    assert_eq!(about("none"), (ColumnKind::Text, String::new()));
}

#[tokio::test]
async fn a_file_that_a_writer_holds_is_waited_for_and_then_named() {
    let file = file("CREATE TABLE t (x); INSERT INTO t VALUES (1);");
    let writer = Connection::open(&file.path).unwrap();
    writer
        .execute_batch("BEGIN EXCLUSIVE; INSERT INTO t VALUES (2);")
        .unwrap();
    let source = source(&file.url());
    let short = Limits {
        time_ms: 200,
        ..Limits::default()
    };
    let error = match source.run("SELECT x FROM t", &short).await {
        Ok(rows) => values(rows).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(
        query(&*source, "SELECT x FROM t ORDER BY x").await.unwrap().len(),
        2
    );
}

#[tokio::test]
async fn a_file_in_wal_mode_is_read_while_it_is_written() {
    let file = file("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1);");
    let writer = Connection::open(&file.path).unwrap();
    writer
        .execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (2);")
        .unwrap();
    let source = source(&file.url());
    assert_eq!(
        query(&*source, "SELECT count(*) FROM t").await.unwrap(),
        [[json!(1)]]
    );
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(
        query(&*source, "SELECT count(*) FROM t").await.unwrap(),
        [[json!(2)]]
    );
}

#[tokio::test]
async fn a_file_that_can_be_written_is_warned_about() {
    let file = file(SCRIPT);
    let health = source(&file.url()).check().await.unwrap();
    assert!(health.role_warnings[0].contains("can be written"), "{health:?}");
}

/// Every function of the guard's list is one that the library has, and that the authorizer lets through.
#[tokio::test]
async fn every_allowed_function_exists_and_is_let_through() {
    let file =
        file("CREATE TABLE t (x); INSERT INTO t VALUES (1); CREATE VIRTUAL TABLE f USING fts5(words);");
    let source = source(&file.url());
    for name in functions::allowed(Dialect::Sqlite) {
        let calls = [
            format!("SELECT {name}(x, x, x) OVER () FROM t"),
            format!("SELECT {name}() FROM t"),
            format!("SELECT {name} FROM t"),
            format!("SELECT * FROM {name}('[]')"),
        ];
        let mut said = Vec::new();
        for call in &calls {
            match query(&*source, call).await {
                Ok(_) => said.clear(),
                Err(error) => said.push(error.to_string()),
            }
            if said.is_empty() {
                break;
            }
        }
        let is_known = said.len() < calls.len()
            || said
                .iter()
                .any(|words| !words.to_lowercase().contains("no such") && !words.contains("syntax error"));
        assert!(is_known, "{name}: {said:?}");
        assert!(
            !said.iter().any(|words| words.contains("Only reading")),
            "{name} is not let through: {said:?}"
        );
    }
}

fn shop() -> Catalog {
    let file = file(SCRIPT);
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(source(&file.url()).catalog())
        .unwrap()
        .as_ref()
        .clone()
}

#[test]
fn the_guard_reads_sqlite_and_spells_names_as_they_are() {
    let catalog = shop();
    for (text, out) in [
        ("select NAME from People", "SELECT \"name\" FROM \"people\""),
        (
            "SELECT `name`, [mood] FROM people",
            "SELECT \"name\", \"mood\" FROM people",
        ),
        (
            "SELECT \"spent on\" FROM visits LIMIT 5, 10",
            "SELECT \"Spent On\" FROM visits LIMIT 10 OFFSET 5",
        ),
        (
            "SELECT strftime('%Y', day) AS y, sum(\"Spent On\") FROM visits GROUP BY y HAVING y > '2020'",
            "SELECT strftime('%Y', day) AS y, sum(\"Spent On\") FROM visits GROUP BY y HAVING y > '2020'",
        ),
        (
            "SELECT j.value FROM people, json_each(people.name) AS j",
            "SELECT j.value FROM people, json_each(people.name) AS j",
        ),
    ] {
        let resolved = guard::check(text, &catalog, Dialect::Sqlite).expect(text);
        assert_eq!(resolved.text, out);
        let again =
            guard::check(&resolved.text, &catalog, Dialect::Sqlite).expect("what came out goes in again");
        assert_eq!(again.text, out);
    }
}

#[test]
fn the_guard_refuses_what_sqlite_could_do_beside_reading() {
    let catalog = shop();
    for text in [
        "SELECT load_extension('x')",
        "SELECT \"load_extension\"('x')",
        "SELECT LOAD_EXTENSION('x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('/tmp/x', 'y')",
        "SELECT fts3_tokenizer('simple', x'00')",
        "SELECT * FROM pragma_table_info('people')",
        "SELECT * FROM pragma_table_list",
        "SELECT * FROM sqlite_schema",
        "SELECT * FROM main.sqlite_master",
        "SELECT sql FROM temp.sqlite_temp_master",
        "SELECT * FROM dbstat",
        "ATTACH DATABASE 'x' AS y",
        "PRAGMA query_only = 0",
        "VACUUM INTO '/tmp/x'",
        "WITH x AS (SELECT 1) DELETE FROM people",
        "SELECT 1; SELECT 2",
        "REPLACE INTO people VALUES (1)",
        "EXPLAIN SELECT 1",
        "SELECT name FROM people WHERE name REGEXP 'x'",
        "SELECT randomblob(1000000000)",
        "SELECT ?1",
        "SELECT \"no such column\" FROM people",
        "SELECT 1\0; DELETE FROM people",
    ] {
        match guard::check(text, &catalog, Dialect::Sqlite) {
            Err(Error::Refused(message) | Error::Source { message, .. }) => {
                assert!(message.ends_with(['.', '?']), "not a sentence: {message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    assert!(sql::check("SELECT name FROM people", Dialect::Sqlite).is_ok());
}
