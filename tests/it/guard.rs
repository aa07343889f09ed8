//! The guard against its corpus, against hostile text, and against a real PostgreSQL.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use clean_custard::catalog::{Catalog, Column, Table};
use clean_custard::config::{Mask, PolicyConfig};
use clean_custard::error::{Error, SourceFault};
use clean_custard::guard::{Policy, check, check_under, names, sql};
use clean_custard::source::files::{Engine, FileTable, Files};
use clean_custard::source::{Dialect, Limits, Source, connect};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::conformance::values;
use crate::support::postgres::database;

/// Tables for the corpus.
pub const SHOP: &str = include_str!("../corpus/shop.sql");
/// What has to pass.
pub const ALLOWED: &str = include_str!("../corpus/sql_allowed.sql");
/// What must never run.
pub const REFUSED: &str = include_str!("../corpus/sql_refused.sql");

/// The statements of a corpus, each with the line that says why it is there.
pub fn corpus(text: &'static str) -> Vec<(&'static str, &'static str)> {
    text.split("\n--! ")
        .skip(1)
        .map(|block| {
            let (why, statement) = block.split_once('\n').expect("a statement below its reason");
            (why, statement.trim_end())
        })
        .collect()
}

#[test]
fn everything_on_the_allowed_list_passes_and_is_stable() {
    for (why, statement) in corpus(ALLOWED) {
        let text = match sql::check(statement, Dialect::Postgresql) {
            Ok(guarded) => guarded.text(),
            Err(error) => panic!("{why}: {statement}\n{error}"),
        };
        let again = sql::check(&text, Dialect::Postgresql).expect("what came out goes in again");
        assert_eq!(again.text(), text, "{why}");
    }
}

#[test]
fn nothing_on_the_refused_list_passes() {
    for (why, statement) in corpus(REFUSED) {
        for dialect in [Dialect::Postgresql, Dialect::Datafusion] {
            match sql::check(statement, dialect) {
                Err(Error::Refused(message) | Error::Source { message, .. }) => {
                    assert!(message.ends_with(['.', '?']), "not a sentence: {message}");
                }
                Err(other) => panic!("{why}: {statement}\n{other:?}"),
                Ok(guarded) => panic!("{why}: {statement}\npassed as {}", guarded.text()),
            }
        }
    }
}

/// Depths that would overflow an ordinary stack have to end in a sentence, whatever shape they have.
#[test]
fn deep_nesting_is_refused_without_a_crash() {
    let n = 10_000;
    let wide = 20_000;
    let shapes = [
        format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n)),
        format!("{}SELECT 1{}", "(".repeat(n), ")".repeat(n)),
        format!("SELECT * FROM {}orders{}", "(".repeat(n), ")".repeat(n)),
        format!("SELECT {}1", "- ".repeat(n)),
        format!("SELECT {}true", "NOT ".repeat(n)),
        format!("SELECT 1{}", "+1".repeat(wide)),
        format!("SELECT true{}", " AND true".repeat(5_000)),
        format!("SELECT 1{}", "::int".repeat(n)),
        format!("SELECT a{}", "[1]".repeat(n)),
        format!("SELECT {}", "[".repeat(n)),
        format!("SELECT {}1{}", "f(".repeat(n), ")".repeat(n)),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(4_000)),
        format!(
            "SELECT {}1{}",
            "CASE WHEN ".repeat(n / 2),
            " THEN 1 END".repeat(1_000)
        ),
        format!("SELECT * FROM a{}", " JOIN a".repeat(8_000)),
        format!(
            "SELECT * FROM a{}{}",
            " JOIN a".repeat(4_000),
            " ON true".repeat(4_000)
        ),
        format!("SELECT 1{}", " IS NULL".repeat(7_000)),
        format!("SELECT {}'1'", "INTERVAL ".repeat(7_000)),
        format!("SELECT {}x", "a.".repeat(n)),
        format!("SELECT x::{}int", "ARRAY<".repeat(n)),
        format!("SELECT {}1", "ARRAY[".repeat(n)),
        format!("WITH {}x AS (SELECT 1) SELECT 1", "a AS (WITH ".repeat(5_000)),
        format!("SELECT {}1", "EXISTS (SELECT ".repeat(4_000)),
        format!("SELECT a{} 1", " BETWEEN 1 AND".repeat(4_000)),
        format!("SELECT a{}", " COLLATE c".repeat(6_000)),
        format!("SELECT a{}", " AT TIME ZONE 'x'".repeat(3_500)),
        format!("SELECT {}1", "PRIOR ".repeat(n)),
        format!("SELECT {}x{}", "{".repeat(n), "}".repeat(n)),
    ];
    for text in shapes {
        assert!(
            text.len() <= sql::MAX_BYTES,
            "this only tests the length: {} bytes",
            text.len()
        );
        let head: String = text.chars().take(40).collect();
        // On a small stack, as a worker thread has it.
        let result = std::thread::Builder::new()
            .stack_size(1024 * 1024)
            .spawn(move || sql::check(&text, Dialect::Postgresql).map(|guarded| guarded.text()))
            .expect("a thread")
            .join()
            .expect("no panic");
        assert!(result.is_err(), "{head}… passed");
    }
}

/// Some shapes make a parser try every way at every level; they have to end, too.
#[test]
fn no_shape_takes_exponential_time() {
    let shapes: Vec<String> = (1..48)
        .flat_map(|n| {
            [
                format!("SELECT * FROM {}orders{}", "(".repeat(n), ")".repeat(n)),
                format!("SELECT * FROM {}orders", "(".repeat(n)),
                format!("SELECT * FROM {}SELECT 1{}", "(".repeat(n), ")".repeat(n)),
                format!("{}SELECT 1", "(".repeat(n)),
                format!("SELECT {}1 {}", "(".repeat(n), "]".repeat(n)),
                format!("SELECT {}1", "CASE WHEN (".repeat(n)),
                format!("SELECT {}", "a(b, ".repeat(n)),
                format!("SELECT {}", "ARRAY[(".repeat(n)),
                format!("SELECT {}", "(SELECT (".repeat(n)),
                format!("SELECT * FROM {}", "(a JOIN (".repeat(n)),
                format!("SELECT 1 FROM a WHERE {}", "a IN (1, (".repeat(n)),
                format!("SELECT {}1{}", "POSITION(".repeat(n), ")".repeat(n)),
                format!("SELECT {}1{}", "OVERLAY(".repeat(n), ")".repeat(n)),
                format!("SELECT {}1{}", "f(".repeat(n), ")".repeat(n)),
                format!("SELECT {}1{}", "varchar(".repeat(n), ")".repeat(n)),
                format!("SELECT {}1{}", "ROW((".repeat(n), "))".repeat(n)),
                format!("SELECT * FROM {}1", "f(".repeat(n)),
                format!("SELECT * FROM {}1", "UNNEST(".repeat(n)),
                format!("SELECT {}", "x -> (".repeat(n)),
                format!("SELECT {}", "INTERVAL (".repeat(n)),
                format!("SELECT x::{}", "a(".repeat(n)),
                format!("SELECT {}", "sum(x) OVER (ORDER BY (".repeat(n)),
            ]
        })
        .collect();
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for text in shapes {
            let _ = sql::check(&text, Dialect::Postgresql);
            let _ = done.send(text);
        }
    });
    // Not a measure of speed: an exponential shape would not end before the heat death of the sun.
    let mut last = String::from("the first");
    loop {
        match finished.recv_timeout(std::time::Duration::from_secs(60)) {
            Ok(text) => last = text,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("it hangs on the shape after {last}"),
        }
    }
}

#[test]
fn length_is_limited() {
    let long = format!("SELECT '{}'", "x".repeat(sql::MAX_BYTES));
    let error = sql::check(&long, Dialect::Postgresql).expect_err("too long");
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
}

#[test]
fn errors_tell_syntax_from_refusal() {
    let syntax = sql::check("SELECT 1 +", Dialect::Postgresql).expect_err("no query");
    assert!(
        matches!(
            syntax,
            Error::Source {
                kind: SourceFault::Syntax,
                ..
            }
        ),
        "{syntax:?}"
    );
    let refused = sql::check("SELECT pg_sleep(1)", Dialect::Postgresql).expect_err("not allowed");
    assert_eq!(
        refused.to_string(),
        "The function pg_sleep is not one that questions may use."
    );
}

async fn query(source: &dyn Source, text: &str) -> Result<Vec<Vec<Value>>, Error> {
    let limits = Limits {
        time_ms: 5_000,
        ..Limits::default()
    };
    values(source.run(text, &limits).await?).await
}

/// What is on the allowed list also runs, with every name looked up, and gives what PostgreSQL gives for the
/// text as it was written.
#[tokio::test]
async fn the_allowed_list_runs_on_postgresql() {
    let database = database(SHOP);
    let source = connect(&database.url()).expect("a URL");
    let catalog = source.catalog().await.expect("a catalog");
    for (why, statement) in corpus(ALLOWED) {
        let guarded = sql::check(statement, Dialect::Postgresql).expect(why);
        let resolved = match names::resolve(guarded, &catalog, Dialect::Postgresql) {
            Ok(resolved) => resolved,
            Err(error) => panic!("{why}: {statement}\n{error}"),
        };
        let rows = match query(&*source, &resolved.text).await {
            Ok(rows) => rows,
            Err(error) => panic!("{why}: {}\n{error}", resolved.text),
        };
        // Names in the wrong case are mended here only; all else has to mean the same without our help.
        if let Ok(unmended) = query(&*source, statement.trim_end_matches(';')).await {
            assert_eq!(sorted(&rows), sorted(&unmended), "{why}: {}", resolved.text);
        }
    }
}

/// With every table read through a subquery, as a policy that hides something has it, the same list gives
/// the same rows.
#[tokio::test]
async fn the_allowed_list_gives_the_same_rows_under_a_policy() {
    let database = database(SHOP);
    let source = connect(&database.url()).expect("a URL");
    let catalog = source.catalog().await.expect("a catalog");
    let policy = Policy::new(PolicyConfig {
        hidden_columns: vec!["*.no_such_column".into()],
        ..PolicyConfig::default()
    });
    for (why, statement) in corpus(ALLOWED) {
        let plain = check(statement, &catalog, Dialect::Postgresql).expect(why);
        let covered = check_under(&policy, statement, &catalog, Dialect::Postgresql).expect(why);
        let rows = match query(&*source, &covered.text).await {
            Ok(rows) => rows,
            Err(error) => panic!("{why}: {}\n{error}", covered.text),
        };
        let expected = query(&*source, &plain.text).await.expect(why);
        assert_eq!(sorted(&rows), sorted(&expected), "{why}: {}", covered.text);
        assert_eq!(covered.tables, plain.tables);
    }
}

fn sorted(rows: &[Vec<Value>]) -> Vec<String> {
    let mut lines: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    lines.sort();
    lines
}

/// Everything a write could leave behind, as one text.
const FINGERPRINT: &str = "SELECT (SELECT md5(string_agg(c::text, ',' ORDER BY c::text)) FROM customers c)
    || (SELECT md5(string_agg(o::text, ',' ORDER BY o::text)) FROM orders o)
    || (SELECT md5(string_agg(i::text, ',' ORDER BY i::text)) FROM items i)
    || (SELECT last_value::text || is_called FROM ticket)
    || (SELECT count(*) FROM pg_class) || '/' || (SELECT count(*) FROM pg_proc)
    || '/' || (SELECT count(*) FROM pg_largeobject_metadata) || '/' || (SELECT count(*) FROM pg_collation)
    || '/' || (SELECT count(*) FROM pg_attribute) || '/' || (SELECT coalesce(string_agg(relacl::text, ','), '') FROM pg_class WHERE relname = 'orders')";

/// The refused list without the guard: protocol, transaction and role hold alone.
#[tokio::test]
async fn the_refused_list_changes_nothing_even_without_the_guard() {
    let database = database(SHOP);
    let source = connect(&database.url()).expect("a URL");
    let before = database.value(FINGERPRINT);
    let limits = Limits {
        time_ms: 700,
        ..Limits::default()
    };
    for (why, statement) in corpus(REFUSED) {
        let result = match source.run(statement, &limits).await {
            Ok(rows) => values(rows).await,
            Err(error) => Err(error),
        };
        assert_eq!(
            database.value(FINGERPRINT),
            before,
            "{why}: {statement}\n{result:?}"
        );
        let next = query(&*source, "SELECT count(*) FROM customers").await;
        assert_eq!(
            next.expect("the next query runs"),
            [[json!(3)]],
            "after {statement}"
        );
        let setting = query(&*source, "SELECT current_setting('transaction_read_only')").await;
        assert_eq!(setting.expect("it is told"), [[json!("on")]], "after {statement}");
    }
    for file in [
        "clean-custard-copy.csv",
        "clean-custard-copy-program",
        "clean-custard-lo",
    ] {
        assert!(!Path::new("/tmp").join(file).exists(), "{file} was written");
    }
}

/// Texts made of pieces of both lists: whatever passes the guard runs, and is never told to be a write.
#[tokio::test]
async fn whatever_passes_the_guard_is_no_write() {
    let database = database(SHOP);
    let source = connect(&database.url()).expect("a URL");
    let before = database.value(FINGERPRINT);
    let mut runner = TestRunner::deterministic();
    let mut passed = 0;
    for _ in 0..3_000 {
        let text = mutated().new_tree(&mut runner).expect("a text").current();
        let Ok(guarded) = sql::check(&text, Dialect::Postgresql) else {
            continue;
        };
        passed += 1;
        let limits = Limits {
            time_ms: 2_000,
            ..Limits::default()
        };
        let result = match source.run(&guarded.text(), &limits).await {
            Ok(rows) => values(rows).await.map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(Error::Source { kind, message }) = result {
            let told = message.contains("read-only transaction") || kind == SourceFault::Unreachable;
            assert!(!told, "{}\n{message}", guarded.text());
        }
    }
    assert!(passed > 50, "only {passed} texts passed, too few to say anything");
    assert_eq!(database.value(FINGERPRINT), before);
}

fn files(dir: &Path) -> Files {
    let write = |name: &str, columns: Vec<(&str, ArrayRef)>| {
        let kept = columns
            .iter()
            .map(|(name, _)| Column {
                name: (*name).to_owned(),
                ..Column::default()
            })
            .collect();
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
            .expect("columns of one length");
        let parquet = dir.join(format!("{name}.parquet"));
        let file = std::fs::File::create(&parquet).expect("a file");
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("the end");
        FileTable {
            table: Table {
                name: name.to_owned(),
                columns: kept,
                ..Table::default()
            },
            parquet,
        }
    };
    let people = write(
        "people",
        vec![
            ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
            ("name", Arc::new(StringArray::from(vec!["Ada", "Bob", "Cy"]))),
            (
                "City",
                Arc::new(StringArray::from(vec![Some("Paris"), Some("Rome"), None])),
            ),
        ],
    );
    let orders = write(
        "Orders",
        vec![
            ("Id", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))),
            (
                "Customer",
                Arc::new(Int64Array::from(vec![Some(1), Some(1), Some(2), None])),
            ),
            (
                "Total",
                Arc::new(Float64Array::from(vec![Some(10.0), Some(2.5), None, Some(4.0)])),
            ),
            (
                "day",
                Arc::new(Date32Array::from(vec![19_723, 19_754, 19_755, 19_756])),
            ),
            ("select", Arc::new(StringArray::from(vec!["a", "b", "c", "d"]))),
        ],
    );
    Files::new(
        vec![people, orders],
        Engine {
            memory_bytes: 64 << 20,
            spill_dir: dir.join("spill"),
        },
    )
}

/// The rewritten text has to mean to DataFusion what the written one means to PostgreSQL.
#[tokio::test]
async fn resolved_queries_run_over_files_and_on_postgresql_alike() {
    let dir = tempfile::tempdir().expect("a temp folder");
    let files = files(dir.path());
    let file_catalog = files.catalog().await.expect("a catalog");
    let database = database(
        "CREATE TABLE people (id bigint, name text, \"City\" text);
         INSERT INTO people VALUES (1, 'Ada', 'Paris'), (2, 'Bob', 'Rome'), (3, 'Cy', NULL);
         CREATE TABLE \"Orders\" (\"Id\" bigint, \"Customer\" bigint, \"Total\" numeric, day date, \"select\" text);
         INSERT INTO \"Orders\" VALUES (1, 1, 10, '2024-01-01', 'a'), (2, 1, 2.5, '2024-02-01', 'b'),
           (3, 2, NULL, '2024-02-02', 'c'), (4, NULL, 4, '2024-02-03', 'd');",
    );
    let server = connect(&database.url()).expect("a URL");
    let server_catalog: Arc<Catalog> = server.catalog().await.expect("a catalog");
    let mut different = Vec::new();
    for text in [
        "SELECT count(*) FROM orders",
        "SELECT NAME, city FROM People ORDER BY Id DESC",
        "SELECT name, sum(total) AS Total FROM people p JOIN orders o ON o.customer = p.id GROUP BY name ORDER BY total DESC",
        "SELECT lower(name) AS name FROM people WHERE name <> 'Bob' GROUP BY name ORDER BY name",
        "SELECT upper(name) AS name, count(*) FROM people GROUP BY people.name ORDER BY name DESC",
        "SELECT total AS id, id AS total FROM orders ORDER BY total",
        "SELECT -id AS id FROM people ORDER BY id",
        "SELECT customer, sum(total) FROM orders GROUP BY 1 HAVING sum(total) > 1 ORDER BY 2",
        "SELECT sum(total) AS total FROM orders HAVING sum(total) > 1",
        "SELECT name FROM people WHERE EXISTS (SELECT 1 FROM orders WHERE customer = people.id AND total > 5)",
        "SELECT name FROM people p WHERE id IN (SELECT customer FROM orders WHERE total IS NOT NULL)",
        "SELECT name, (SELECT max(total) FROM orders o WHERE o.customer = p.id) FROM people p ORDER BY name",
        "SELECT s.count, s.n FROM (SELECT count(*), max(id) AS n FROM people) s",
        "WITH paid(who, amount) AS (SELECT customer, total FROM orders WHERE total > 3) SELECT name, amount FROM paid JOIN people ON who = id",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT sum(i) FROM n",
        "SELECT a.name, b.name FROM people a, people b WHERE a.id < b.id ORDER BY a.name, b.name",
        "SELECT people.*, orders.id FROM people LEFT JOIN orders ON customer = people.id ORDER BY people.id, orders.id",
        "SELECT id, name FROM people UNION ALL SELECT id, \"select\" FROM orders ORDER BY id, name",
        "SELECT name, row_number() OVER (ORDER BY id DESC) AS id FROM people ORDER BY name",
        "SELECT customer, rank() OVER w FROM orders WINDOW w AS (ORDER BY total NULLS LAST) ORDER BY 2, 1",
        "SELECT date_trunc('month', day) AS month, sum(total) FROM orders GROUP BY month ORDER BY month",
        "SELECT extract(month FROM day) AS Month, count(*) AS N FROM orders GROUP BY MONTH ORDER BY n DESC, month",
        "SELECT count(*), count(*), count(total) FROM orders",
        "SELECT CASE WHEN total > 3 THEN 'big' ELSE 'small' END AS size, count(*) FROM orders GROUP BY size ORDER BY size",
        "SELECT count(DISTINCT customer), min(day), max(orders.day) FROM orders",
        "SELECT name || '-' || city FROM people WHERE city IS NOT NULL ORDER BY 1",
        "SELECT 'it''s', 'a\\b'",
        "SELECT sum(total) FILTER (WHERE day > DATE '2024-01-15') FROM orders",
        "SELECT id FROM orders WHERE total = (SELECT max(total) FROM orders)",
        "SELECT name FROM people WHERE name LIKE 'A%' OR name ILIKE 'b%' ORDER BY name",
        "SELECT v.a FROM (VALUES (1, 'x'), (2, 'y')) AS v(a, b) WHERE v.b = 'y'",
        "SELECT id FROM people ORDER BY id FETCH FIRST 2 ROWS ONLY",
        "SELECT p.id AS id, o.id AS id FROM people p JOIN orders o ON o.customer = p.id ORDER BY o.id",
        "SELECT max(total) - min(total) AS total, avg(total) FROM orders WHERE total > 0 HAVING max(total) > 0",
        "SELECT d.customer, d.sum FROM (SELECT customer, sum(total) FROM orders GROUP BY customer) d ORDER BY d.sum NULLS LAST",
        "SELECT * FROM people JOIN (SELECT customer AS id, total FROM orders) t USING (id) ORDER BY total NULLS FIRST",
        "SELECT DISTINCT lower(name) FROM people ORDER BY lower(name)",
        "SELECT DISTINCT customer FROM orders ORDER BY customer NULLS FIRST",
        "SELECT round(avg(total), 2) AS avg FROM orders WHERE total BETWEEN 1 AND 100",
        "SELECT o.\"SELECT\" FROM orders o ORDER BY \"Select\" LIMIT 2 OFFSET 1",
    ] {
        let over_files = sql::check(text, Dialect::Datafusion)
            .and_then(|guarded| names::resolve(guarded, &file_catalog, Dialect::Datafusion))
            .unwrap_or_else(|error| panic!("{text}\n{error}"));
        let on_server = sql::check(text, Dialect::Postgresql)
            .and_then(|guarded| names::resolve(guarded, &server_catalog, Dialect::Postgresql))
            .unwrap_or_else(|error| panic!("{text}\n{error}"));
        let found = query(&files, &over_files.text).await;
        let expected = query(&*server, &on_server.text).await;
        let alike =
            matches!((&found, &expected), (Ok(found), Ok(expected)) if plain(found) == plain(expected));
        if !alike {
            different.push(format!(
                "{text}\n  {}\n  {found:?}\n  {expected:?}",
                over_files.text
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Values with their number types made alike: the engines differ there and may.
fn plain(rows: &[Vec<Value>]) -> Vec<Vec<String>> {
    let plain = |value: &Value| match value {
        Value::String(text) => match text.parse::<f64>() {
            Ok(number) => number.to_string(),
            Err(_) => text
                .trim_end_matches('Z')
                .trim_end_matches("T00:00:00")
                .to_owned(),
        },
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN).to_string(),
        other => other.to_string(),
    };
    rows.iter().map(|row| row.iter().map(plain).collect()).collect()
}

/// Pieces of the corpus, cut and put together.
fn mutated() -> impl Strategy<Value = String> {
    (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        prop::sample::select(vec![
            "", " ", "'", "\"", "\\'", "--", "/*", ";", "(", ")", "$$", "E'", "$1",
        ]),
    )
        .prop_map(|(first, second, cut, join, middle)| {
            let all: Vec<&str> = corpus(ALLOWED)
                .into_iter()
                .chain(corpus(REFUSED))
                .map(|(_, text)| text)
                .collect();
            let (first, second) = (first.get(&all), second.get(&all));
            let cut = char_boundary(first, cut.index(first.len() + 1));
            let join = char_boundary(second, join.index(second.len() + 1));
            format!("{}{middle}{}", &first[..cut], &second[join..])
        })
}

proptest! {
    #[test]
    fn no_text_breaks_the_guard(text in "\\PC{0,200}") {
        let _ = sql::check(&text, Dialect::Postgresql);
        let _ = sql::check(&format!("SELECT {text}"), Dialect::Datafusion);
    }

    /// What passes has to come out as a fixed point, and a catalog that lacks its names must not break it.
    #[test]
    fn mutated_statements_are_refused_or_stable(text in mutated()) {
        if let Ok(guarded) = sql::check(&text, Dialect::Postgresql) {
            let out = guarded.text();
            let again = sql::check(&out, Dialect::Postgresql).expect("what came out goes in again");
            prop_assert_eq!(again.text(), out);
            let _ = names::resolve(guarded, &Catalog::default(), Dialect::Postgresql);
            let _ = check_under(&hiding(), &text, &one_table(), Dialect::Postgresql);
        }
    }
}

/// A policy that has a rule of each kind.
fn hiding() -> Policy {
    Policy::new(PolicyConfig {
        deny_tables: vec!["items".into()],
        hidden_columns: vec!["orders.status".into()],
        masked_columns: vec![("orders.total".into(), Mask::Hash)],
        ..PolicyConfig::default()
    })
}

fn one_table() -> Catalog {
    let column = |name: &str| Column {
        name: name.to_owned(),
        ..Column::default()
    };
    hiding().catalog(&Catalog {
        tables: vec![Table {
            schema: Some("public".into()),
            name: "orders".into(),
            columns: ["id", "customer_id", "total", "status", "created_at"]
                .map(column)
                .into(),
            ..Table::default()
        }],
    })
}

fn char_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
