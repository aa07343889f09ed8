//! What the catalog tells: tables and their kin, columns, keys, labels, frequent values.

use clean_custard::catalog::{ColumnKind, TableKind};

use super::source;
use crate::support::postgres::database;

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
async fn a_small_table_that_was_never_analyzed_is_counted() {
    let database = database(
        "CREATE TABLE authors (aid int, name text, born date) WITH (autovacuum_enabled = off);
         INSERT INTO authors SELECT g, 'author ' || g % 70, date '1960-01-01' + g % 3 FROM generate_series(1, 200) g;",
    );
    let catalog = source(&database.url()).catalog().await.expect("a catalog");
    let authors = catalog.table(None, "authors").expect("the table");
    assert_eq!(authors.row_estimate, Some(200));
    let different: Vec<Option<u64>> = authors
        .columns
        .iter()
        .map(|column| column.distinct_estimate)
        .collect();
    // As many as rows: without any declared key, `aid` tells them apart.
    assert_eq!(different, [Some(200), Some(70), Some(3)]);
}
