//! What every SQL source has to do, whether it is reached directly or through an agent: one suite, run
//! against a database that holds [`SCRIPT`].

use std::sync::Arc;

use clean_custard::catalog::{ColumnKind, TableKind};
use clean_custard::error::{Error, SourceFault};
use clean_custard::rows::{Rows, columns, json};
use clean_custard::source::{Limits, Source};
use futures::StreamExt;
use serde_json::{Value, json};

/// What the database has to hold (PostgreSQL's SQL).
pub const SCRIPT: &str = r#"
CREATE TYPE mood AS ENUM ('calm', 'wild');
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, mood mood, email text UNIQUE);
COMMENT ON TABLE people IS 'Everybody who ever came';
COMMENT ON COLUMN people.name IS 'First name';
CREATE TABLE visits (
    id bigint PRIMARY KEY, person_id int REFERENCES people (id), "Spent On" numeric(12, 2), at timestamptz, day date
);
CREATE VIEW moods AS SELECT mood, count(*) AS n FROM people GROUP BY mood;
CREATE TABLE secrets (id int);
INSERT INTO people VALUES (1, 'Ada', 'calm', 'ada@example.com'), (2, 'Bob', 'wild', NULL), (3, 'Cy', NULL, 'cy@example.com');
INSERT INTO visits SELECT n, 1 + n % 3, n * 1.25, '2024-01-01 00:00:00+00'::timestamptz + n * interval '1 hour', '2024-01-01'::date + n::int % 366
FROM generate_series(1, 5000) AS n;
ANALYZE;
"#;

/// Every row as JSON values.
pub async fn values(rows: Rows) -> Result<Vec<Vec<Value>>, Error> {
    let mut all = Vec::new();
    for batch in rows.collect().await? {
        all.extend(json::values(&batch, 0..batch.num_rows())?);
    }
    Ok(all)
}

async fn query(source: &dyn Source, text: &str) -> Result<Vec<Vec<Value>>, Error> {
    values(source.run(text, &Limits::default()).await?).await
}

/// Runs the whole suite.
pub async fn conformance(source: Arc<dyn Source>) {
    let health = source.check().await.expect("it says what it is");
    assert!(health.version.contains(char::is_numeric), "{}", health.version);
    catalog(&*source).await;
    answers(&*source).await;
    faults(&*source).await;
    limits(&*source).await;
    at_once(source.clone()).await;
    left_halfway(&*source).await;
}

async fn catalog(source: &dyn Source) {
    let catalog = source.catalog().await.expect("a catalog");
    let people = catalog.table(Some("public"), "people").expect("people");
    assert_eq!(people.comment.as_deref(), Some("Everybody who ever came"));
    assert_eq!(people.primary_key, ["id"]);
    assert_eq!(people.unique, [["email"]]);
    assert_eq!(people.row_estimate, Some(3));
    let name = people.column("name").expect("name");
    assert_eq!(
        (name.kind, name.nullable, name.comment.as_deref()),
        (ColumnKind::Text, false, Some("First name"))
    );
    let mood = people.column("mood").expect("mood");
    assert_eq!(mood.values, ["calm", "wild"]);
    assert!(mood.values_complete && mood.kind.is_text());
    let visits = catalog.table(None, "visits").expect("visits");
    assert_eq!(visits.foreign_keys.len(), 1);
    assert_eq!(visits.foreign_keys[0].table, "people");
    assert_eq!(visits.foreign_keys[0].columns, ["person_id"]);
    assert_eq!(visits.foreign_keys[0].references, ["id"]);
    let spent = visits.column("Spent On").expect("spelled as it is");
    assert_eq!(
        (spent.kind, spent.type_name.as_str()),
        (ColumnKind::Decimal, "numeric(12,2)")
    );
    assert_eq!(
        catalog.table(None, "moods").expect("the view").kind,
        TableKind::View
    );
}

async fn answers(source: &dyn Source) {
    let rows = source
        .run(
            "SELECT name, mood, count(*) AS visits, sum(\"Spent On\") AS spent, max(day) AS last \
             FROM people JOIN visits ON person_id = people.id GROUP BY name, mood ORDER BY name",
            &Limits::default(),
        )
        .await
        .expect("it runs");
    let types: Vec<(String, String)> = columns(&rows.schema)
        .into_iter()
        .map(|column| (column.name, column.type_name))
        .collect();
    let expected = [
        ("name", "text"),
        ("mood", "text"),
        ("visits", "integer"),
        ("spent", "decimal"),
        ("last", "date"),
    ];
    assert_eq!(
        types,
        expected.map(|(name, word)| (name.to_owned(), word.to_owned()))
    );
    let truncated = rows.truncated.clone();
    assert_eq!(
        values(rows).await.expect("rows"),
        [
            vec![
                json!("Ada"),
                json!("calm"),
                json!(1666),
                json!("5207291.25"),
                json!("2024-12-29")
            ],
            vec![
                json!("Bob"),
                json!("wild"),
                json!(1667),
                json!("5209375.00"),
                json!("2024-12-30")
            ],
            vec![
                json!("Cy"),
                Value::Null,
                json!(1667),
                json!("5211458.75"),
                json!("2024-12-31")
            ],
        ]
    );
    assert!(!truncated.get());
    let empty = source
        .run("SELECT id, name FROM people WHERE id < 0", &Limits::default())
        .await
        .expect("no rows are rows, too");
    assert_eq!(empty.schema.fields().len(), 2);
    assert_eq!(values(empty).await.expect("none"), Vec::<Vec<Value>>::new());
}

async fn faults(source: &dyn Source) {
    for (text, kind, words) in [
        ("SELECT nothing FROM people", SourceFault::Name, "nothing"),
        ("SELECT * FROM nowhere", SourceFault::Name, "nowhere"),
        ("SELECT name + 1 FROM people", SourceFault::Name, "operator"),
        ("SELECT sum(name) FROM people", SourceFault::Name, "sum(text)"),
        ("SELECT 'x'::int FROM people", SourceFault::Type, "integer"),
        ("SELECT name FROM people WHERE (", SourceFault::Syntax, ""),
        ("SELECT 1 / (id - id) FROM people", SourceFault::Other, "zero"),
        ("DELETE FROM visits", SourceFault::Permission, ""),
    ] {
        match query(source, text).await {
            Err(Error::Source { kind: found, message }) => {
                assert_eq!(found, kind, "{text}: {message}");
                assert!(message.contains(words), "{text}: {message}");
                assert!(message.ends_with(['.', '?']), "not a sentence: {message}");
            }
            // Behind an agent, the agent's own guard comes before the database's.
            Err(Error::Refused(message)) if kind == SourceFault::Permission => {
                assert!(message.ends_with('.'), "not a sentence: {message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(
        query(source, "SELECT count(*) FROM visits")
            .await
            .expect("still there"),
        [[json!(5000)]]
    );
}

async fn limits(source: &dyn Source) {
    let few = Limits {
        rows: 10,
        ..Limits::default()
    };
    let rows = source
        .run("SELECT id FROM visits ORDER BY id", &few)
        .await
        .expect("it runs");
    let truncated = rows.truncated.clone();
    assert_eq!(values(rows).await.expect("rows").len(), 10);
    assert!(truncated.get(), "it says that rows are missing");
    let rows = source
        .run("SELECT id FROM visits ORDER BY id LIMIT 10", &few)
        .await
        .expect("it runs");
    let truncated = rows.truncated.clone();
    assert_eq!(values(rows).await.expect("rows").len(), 10);
    assert!(!truncated.get(), "exactly as many as allowed are all");

    let small = Limits {
        bytes: 100_000,
        rows: u64::MAX,
        ..Limits::default()
    };
    let rows = source
        .run("SELECT repeat('x', 1000) FROM visits, visits AS again", &small)
        .await
        .expect("it runs");
    let truncated = rows.truncated.clone();
    let count = values(rows).await.expect("rows").len();
    assert!((50..=200).contains(&count), "{count} rows of 1,000 bytes");
    assert!(truncated.get());

    let short = Limits {
        time_ms: 300,
        ..Limits::default()
    };
    let endless = "SELECT count(*) FROM visits a, visits b, visits c, visits d";
    let error = match source.run(endless, &short).await {
        Ok(rows) => values(rows).await.expect_err("it takes too long"),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
}

async fn at_once(source: Arc<dyn Source>) {
    let queries = (0..8).map(|n| {
        let source = source.clone();
        async move { query(&*source, &format!("SELECT sum(id) + {n} FROM visits")).await }
    });
    for (n, result) in futures::future::join_all(queries).await.into_iter().enumerate() {
        assert_eq!(
            result.expect("each runs"),
            [[json!((12_502_500 + n).to_string())]]
        );
    }
}

/// A reader that leaves after the first rows disturbs nobody.
async fn left_halfway(source: &dyn Source) {
    for _ in 0..3 {
        let all = Limits {
            rows: u64::MAX,
            ..Limits::default()
        };
        let mut rows = source
            .run("SELECT a.id FROM visits a, visits b", &all)
            .await
            .expect("it runs");
        let first = rows.batches.next().await.expect("rows").expect("a batch");
        assert!(first.num_rows() > 0);
    }
    assert_eq!(query(source, "SELECT 1").await.expect("it goes on"), [[json!(1)]]);
}
