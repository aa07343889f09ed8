//! What every connector has to do, whether its database is reached directly or through an agent: one suite,
//! run against a database that holds the same little shop in each one's own words.
//!
//! A connector brings its [`Words`] (see `postgres.rs` beside this file) and, where it has one, a look behind
//! the scenes ([`Stage`]).

pub mod mongo;
pub mod mysql;
pub mod postgres;
pub mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use clean_custard::catalog::{ColumnKind, TableKind};
use clean_custard::error::{Error, SourceFault};
use clean_custard::rows::{Rows, columns, json};
use clean_custard::source::{Limits, Source};
use futures::StreamExt;
use serde_json::{Value, json};

pub use postgres::{SCRIPT, conformance};

/// The suite in the words of one connector. Every query is one that the guard lets through, unless said
/// otherwise.
pub struct Words {
    /// What the version begins with.
    pub version: &'static str,
    pub catalog: CatalogWords,
    /// `SELECT name, mood, count, sum("Spent On"), max(day)` by name and mood, or the same as a pipeline.
    pub summary: &'static str,
    /// Its columns, `name type`, and its three rows.
    pub summary_columns: [&'static str; 5],
    pub summary_rows: [[Value; 5]; 3],
    /// Columns id and name of people, none of whom is found.
    pub nobody: &'static str,
    /// Values at the edges of their types: the query, its columns as `name type`, its one row.
    pub exact: &'static str,
    pub exact_row: Vec<(&'static str, Value)>,
    /// Queries that fail, with the kind of fault and a word of the message. They pass the guard's parser.
    pub faults: Vec<(&'static str, SourceFault, &'static str)>,
    /// The ids of 5,000 visits in order, and the first ten of them.
    pub ids: &'static str,
    pub ten_ids: &'static str,
    /// 25,000,000 rows of a text of 1,000 bytes each.
    pub wide: &'static str,
    /// A query that runs for ever (to human eyes) before it gives a row.
    pub endless: &'static str,
    /// 100,000 rows of a number `n`, from 1 on in order, and some 300 bytes that do not compress: more than may
    /// be on the way to a reader who pauses.
    pub many: &'static str,
    /// Statements that would write, lock or read a file. They meet the connector without the guard when it is
    /// reached directly.
    pub writes: Vec<&'static str>,
    /// What the database itself says of its content, to be the same before and after.
    pub count_visits: &'static str,
}

/// What the catalog says of the shop.
pub struct CatalogWords {
    pub schema: Option<&'static str>,
    /// What the primary key is called.
    pub key: &'static str,
    pub has_comments: bool,
    /// The type of visits."Spent On".
    pub spent_type: &'static str,
    pub spent_kind: ColumnKind,
    pub at_kind: ColumnKind,
    pub day_kind: ColumnKind,
}

/// The database as its administrator sees it.
pub trait Stage: Send + Sync {
    /// Queries of ours that it runs right now.
    fn running(&self) -> usize;
    /// Everything that a write would have changed, as text.
    fn content(&self) -> String;
}

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
pub async fn suite(source: Arc<dyn Source>, words: &Words, stage: &dyn Stage) {
    suite_without_stage(source.clone(), words, stage).await;
    streams(&*source, words, stage).await;
    left_halfway(&source, words, stage).await;
}

/// What can be seen from the front.
async fn suite_without_stage(source: Arc<dyn Source>, words: &Words, stage: &dyn Stage) {
    let health = source.check().await.expect("it says what it is");
    assert!(health.version.starts_with(words.version), "{}", health.version);
    assert!(health.version.contains(char::is_numeric), "{}", health.version);
    catalog(&*source, &words.catalog).await;
    answers(&*source, words).await;
    exact(&*source, words).await;
    faults(&*source, words).await;
    limits(&*source, words).await;
    at_once(source.clone(), words).await;
    writes(&*source, words, stage).await;
}

async fn catalog(source: &dyn Source, words: &CatalogWords) {
    let catalog = source.catalog().await.expect("a catalog");
    let people = catalog.table(words.schema, "people").expect("people");
    assert_eq!(people.schema.as_deref(), words.schema);
    let comment = |text: &'static str| words.has_comments.then_some(text);
    assert_eq!(people.comment.as_deref(), comment("Everybody who ever came"));
    assert_eq!(people.primary_key, [words.key]);
    assert_eq!(people.unique, [["email"]]);
    assert_eq!(people.row_estimate, Some(3));
    let name = people.column("name").expect("name");
    assert_eq!(
        (name.kind, name.nullable, name.comment.as_deref()),
        (ColumnKind::Text, false, comment("First name"))
    );
    let mood = people.column("mood").expect("mood");
    assert_eq!(mood.values, ["calm", "wild"]);
    assert!(mood.values_complete && mood.kind.is_text());
    let visits = catalog.table(None, "visits").expect("visits");
    assert_eq!(visits.foreign_keys.len(), 1);
    assert_eq!(visits.foreign_keys[0].table, "people");
    assert_eq!(visits.foreign_keys[0].columns, ["person_id"]);
    assert_eq!(visits.foreign_keys[0].references, [words.key]);
    assert!(
        visits
            .row_estimate
            .is_some_and(|rows| (4_000..6_000).contains(&rows)),
        "{:?}",
        visits.row_estimate
    );
    let spent = visits.column("Spent On").expect("spelled as it is");
    assert_eq!(
        (spent.kind, spent.type_name.as_str()),
        (words.spent_kind, words.spent_type)
    );
    assert_eq!(visits.column("at").map(|at| at.kind), Some(words.at_kind));
    assert_eq!(visits.column("day").map(|day| day.kind), Some(words.day_kind));
    assert_eq!(
        catalog.table(None, "moods").expect("the view").kind,
        TableKind::View
    );
}

fn described(rows: &Rows) -> Vec<String> {
    columns(&rows.schema)
        .into_iter()
        .map(|column| format!("{} {}", column.name, column.type_name))
        .collect()
}

async fn answers(source: &dyn Source, words: &Words) {
    let rows = source
        .run(words.summary, &Limits::default())
        .await
        .expect("it runs");
    assert_eq!(described(&rows), words.summary_columns);
    let truncated = rows.truncated.clone();
    assert_eq!(values(rows).await.expect("rows"), words.summary_rows);
    assert!(!truncated.get());
    let empty = source
        .run(words.nobody, &Limits::default())
        .await
        .expect("no rows are rows, too");
    let names: Vec<&str> = empty.schema.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["id", "name"]);
    assert_eq!(values(empty).await.expect("none"), Vec::<Vec<Value>>::new());
}

/// Integers at their ends, decimals, dates, times with zone, Unicode, bytes, booleans, JSON and null come
/// through as they are.
async fn exact(source: &dyn Source, words: &Words) {
    let rows = source
        .run(words.exact, &Limits::default())
        .await
        .expect("it runs");
    let expected: Vec<&str> = words.exact_row.iter().map(|(name, _)| *name).collect();
    assert_eq!(described(&rows), expected);
    let rows = values(rows).await.expect("rows");
    assert_eq!(rows.len(), 1);
    for ((name, expected), found) in words.exact_row.iter().zip(&rows[0]) {
        assert_eq!(found, expected, "{name}");
    }
}

async fn faults(source: &dyn Source, words: &Words) {
    for (text, kind, word) in &words.faults {
        match query(source, text).await {
            Err(Error::Source { kind: found, message }) => {
                assert_eq!(found, *kind, "{text}: {message}");
                assert!(
                    message.to_lowercase().contains(&word.to_lowercase()),
                    "{text}: {message}"
                );
                assert!(message.ends_with(['.', '?']), "not a sentence: {message}");
            }
            // Behind an agent, the agent's own guard comes before the database's.
            Err(Error::Refused(message)) if *kind == SourceFault::Permission => {
                assert!(message.ends_with('.'), "not a sentence: {message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(
        query(source, words.count_visits).await.expect("still there"),
        [[json!(5000)]]
    );
}

async fn limits(source: &dyn Source, words: &Words) {
    let few = Limits {
        rows: 10,
        ..Limits::default()
    };
    for (text, is_cut) in [(words.ids, true), (words.ten_ids, false)] {
        let rows = source.run(text, &few).await.expect("it runs");
        let truncated = rows.truncated.clone();
        let ids: Vec<Value> = values(rows).await.expect("rows").concat();
        assert_eq!(ids, (1..=10).map(|id| json!(id)).collect::<Vec<_>>());
        assert_eq!(truncated.get(), is_cut, "{text}");
    }

    let small = Limits {
        bytes: 100_000,
        rows: u64::MAX,
        ..Limits::default()
    };
    let rows = source.run(words.wide, &small).await.expect("it runs");
    let truncated = rows.truncated.clone();
    let count = values(rows).await.expect("rows").len();
    assert!((50..=200).contains(&count), "{count} rows of 1,000 bytes");
    assert!(truncated.get());

    let short = Limits {
        time_ms: 300,
        ..Limits::default()
    };
    let error = match source.run(words.endless, &short).await {
        Ok(rows) => values(rows).await.expect_err("it takes too long"),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
}

async fn at_once(source: Arc<dyn Source>, words: &Words) {
    let queries = (0..12).map(|_| query(&*source, words.count_visits));
    for result in futures::future::join_all(queries).await {
        assert_eq!(result.expect("each runs"), [[json!(5000)]]);
    }
}

/// A reader that pauses holds the query, and then gets every row, in order.
async fn streams(source: &dyn Source, words: &Words, stage: &dyn Stage) {
    let all = Limits {
        rows: u64::MAX,
        ..Limits::default()
    };
    let mut rows = source.run(words.many, &all).await.expect("it runs");
    let mut next = 1_i64;
    let mut count = |batch: arrow::array::RecordBatch| {
        for row in json::values(&batch, 0..batch.num_rows()).expect("JSON") {
            assert_eq!(row[0], json!(next), "in order");
            next += 1;
        }
    };
    count(rows.batches.next().await.expect("rows").expect("a batch"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    // It waits for its reader: were it not, it would have come to its end.
    until(stage, 1).await;
    while let Some(batch) = rows.batches.next().await {
        count(batch.expect("a batch"));
    }
    assert_eq!(next, 100_001);
    assert!(!rows.truncated.get());
    until_nothing_runs(stage).await;
}

/// A reader that leaves, before the first row or after, leaves nothing running and disturbs nobody.
async fn left_halfway(source: &Arc<dyn Source>, words: &Words, stage: &dyn Stage) {
    let all = Limits {
        rows: u64::MAX,
        ..Limits::default()
    };
    for _ in 0..3 {
        let mut rows = source.run(words.wide, &all).await.expect("it runs");
        let first = rows.batches.next().await.expect("rows").expect("a batch");
        assert!(first.num_rows() > 0);
    }
    until_nothing_runs(stage).await;
    let asking = tokio::spawn({
        let (source, text) = (source.clone(), words.endless);
        async move { source.run(text, &Limits::default()).await.map(|_| ()) }
    });
    until(stage, 1).await;
    asking.abort();
    until_nothing_runs(stage).await;
    assert_eq!(
        query(&**source, words.count_visits).await.expect("it goes on"),
        [[json!(5000)]]
    );
}

async fn until_nothing_runs(stage: &dyn Stage) {
    until(stage, 0).await;
}

/// Waits until so many queries of ours run in the database, a minute at most.
async fn until(stage: &dyn Stage, count: usize) {
    for _ in 0..3_000 {
        if stage.running() == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} queries run, not {count}", stage.running());
}

/// Nothing is written, and every attempt is a sentence.
pub async fn writes(source: &dyn Source, words: &Words, stage: &dyn Stage) {
    let before = stage.content();
    for text in &words.writes {
        match query(source, text).await {
            Err(Error::Source { message, .. } | Error::Refused(message)) => {
                assert!(message.ends_with(['.', '?']), "not a sentence: {message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(stage.content(), before);
}
