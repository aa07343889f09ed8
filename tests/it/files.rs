//! SQL over files: right answers, refusals, limits, cancellation. At library level; uploads over HTTP are
//! tested elsewhere.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clean_custard::catalog::Table;
use clean_custard::error::{Error, SourceFault};
use clean_custard::source::files::{Engine, FileTable, Files};
use clean_custard::source::{Limits, Source};
use futures::StreamExt;
use parquet::arrow::ArrowWriter;

fn write(dir: &Path, name: &str, columns: Vec<(&str, ArrayRef)>) -> FileTable {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .expect("columns of one length");
    let parquet = dir.join(format!("{name}-{}.parquet", clean_custard::id::new()));
    let file = std::fs::File::create(&parquet).expect("a file in the temp folder");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows written");
    writer.close().expect("a finished file");
    FileTable {
        table: Table {
            name: name.to_owned(),
            ..Table::default()
        },
        parquet,
    }
}

fn sales(dir: &Path) -> FileTable {
    let day = |y, m, d| {
        chrono::NaiveDate::from_ymd_opt(y, m, d)
            .map(|day| day.signed_duration_since(chrono::NaiveDate::default()).num_days() as i32)
            .expect("a day")
    };
    let days = [
        Some(day(2024, 1, 31)),
        Some(day(2024, 2, 29)),
        Some(day(2024, 12, 31)),
        Some(day(2025, 1, 1)),
        None,
    ];
    let moments: Vec<Option<i64>> = days
        .iter()
        .map(|day| day.map(|day| i64::from(day) * 86_400_000_000 + 13 * 3_600_000_000))
        .collect();
    write(
        dir,
        "sales",
        vec![
            ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]))),
            (
                "region",
                Arc::new(StringArray::from(vec![
                    Some("north"),
                    Some("south"),
                    Some("north"),
                    None,
                    Some("south"),
                ])),
            ),
            (
                "amount",
                Arc::new(
                    Decimal128Array::from(vec![Some(1050), Some(-300), Some(999), Some(1), None])
                        .with_precision_and_scale(18, 2)
                        .expect("a decimal"),
                ),
            ),
            (
                "weight",
                Arc::new(Float64Array::from(vec![1.5, 2.5, 2.5, 4.0, 1.0])),
            ),
            ("sold_on", Arc::new(Date32Array::from(days.to_vec()))),
            ("sold_at", Arc::new(TimestampMicrosecondArray::from(moments))),
            (
                "paid",
                Arc::new(BooleanArray::from(vec![true, false, true, true, false])),
            ),
        ],
    )
}

struct World {
    _dir: tempfile::TempDir,
    files: Files,
}

fn engine(dir: &Path, memory_bytes: usize) -> Engine {
    Engine {
        memory_bytes,
        spill_dir: dir.join("spill"),
    }
}

fn world() -> World {
    let dir = tempfile::tempdir().expect("a temp folder");
    let files = Files::new(vec![sales(dir.path())], engine(dir.path(), 64 << 20));
    World { _dir: dir, files }
}

async fn rows(files: &Files, sql: &str) -> Result<Vec<Vec<String>>, Error> {
    let rows = files.run(sql, &Limits::default()).await?;
    let schema = rows.schema.clone();
    let mut all = Vec::new();
    for batch in rows.collect().await? {
        assert_eq!(
            batch.schema(),
            schema,
            "batches keep the schema that was announced"
        );
        let options = FormatOptions::default().with_null("∅");
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("a printable column"))
            .collect();
        for row in 0..batch.num_rows() {
            all.push(
                columns
                    .iter()
                    .map(|column| column.value(row).to_string())
                    .collect(),
            );
        }
    }
    Ok(all)
}

#[tokio::test]
async fn answers_are_right() {
    let world = world();
    for (sql, expected) in [
        ("SELECT count(*) FROM sales", vec![vec!["5"]]),
        ("SELECT sum(amount) FROM sales", vec![vec!["17.50"]]),
        (
            "SELECT region, sum(amount) AS total FROM sales GROUP BY region ORDER BY region NULLS LAST",
            vec![vec!["north", "20.49"], vec!["south", "-3.00"], vec!["∅", "0.01"]],
        ),
        (
            "SELECT id FROM sales WHERE sold_on >= DATE '2024-12-01' ORDER BY id",
            vec![vec!["3"], vec!["4"]],
        ),
        (
            "SELECT date_trunc('month', sold_on) AS m, count(*) FROM sales WHERE sold_on IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT 2",
            vec![vec!["2024-01-01T00:00:00", "1"], vec!["2024-02-01T00:00:00", "1"]],
        ),
        (
            "SELECT extract(year FROM sold_on) AS y, count(*) FROM sales WHERE id < 5 GROUP BY y ORDER BY y",
            vec![vec!["2024", "3"], vec!["2025", "1"]],
        ),
        (
            "SELECT id FROM sales WHERE amount > (SELECT avg(amount) FROM sales) ORDER BY 1",
            vec![vec!["1"], vec!["3"]],
        ),
        (
            "SELECT id, row_number() OVER (ORDER BY weight DESC, id) AS r FROM sales ORDER BY r LIMIT 2",
            vec![vec!["4", "1"], vec!["2", "2"]],
        ),
        ("SELECT count(DISTINCT region) FROM sales", vec![vec!["2"]]),
        ("SELECT median(weight) FROM sales", vec![vec!["2.5"]]),
        (
            "SELECT a.id FROM sales a JOIN sales b ON a.region = b.region AND a.id < b.id ORDER BY 1",
            vec![vec!["1"], vec!["2"]],
        ),
        (
            "WITH n AS (SELECT * FROM sales WHERE region = 'north') SELECT count(*) FROM n",
            vec![vec!["2"]],
        ),
        (
            "SELECT sum(CASE WHEN paid THEN 1 ELSE 0 END) FROM sales",
            vec![vec!["3"]],
        ),
        (
            "SELECT id FROM sales WHERE region ILIKE 'NO%' ORDER BY id",
            vec![vec!["1"], vec!["3"]],
        ),
        (
            "SELECT max(sold_at) FROM sales",
            vec![vec!["2025-01-01T13:00:00"]],
        ),
        ("SELECT 1 WHERE false", vec![]),
    ] {
        assert_eq!(rows(&world.files, sql).await.expect(sql), expected, "{sql}");
    }
}

#[tokio::test]
async fn functions_of_other_databases_work() {
    let world = world();
    for (sql, expected) in [
        (
            "SELECT year(sold_on), month(sold_on), day(sold_on), quarter(sold_on) FROM sales WHERE id = 3",
            vec!["2024", "12", "31", "4"],
        ),
        (
            "SELECT hour(sold_at), year(sold_at) FROM sales WHERE id = 2",
            vec!["13", "2024"],
        ),
        ("SELECT year('2021-05-06')", vec!["2021"]),
        (
            "SELECT strftime(sold_on, '%Y-%m') FROM sales WHERE id = 2",
            vec!["2024-02"],
        ),
        (
            "SELECT strftime('%Y', sold_on) FROM sales WHERE id = 2",
            vec!["2024"],
        ),
        (
            "SELECT to_char(sold_at, 'YYYY-MM-DD HH24:MI') FROM sales WHERE id = 2",
            vec!["2024-02-29 13:00"],
        ),
        (
            "SELECT to_char(sold_on, '%d.%m.%Y') FROM sales WHERE id = 2",
            vec!["29.02.2024"],
        ),
        ("SELECT date(sold_at) FROM sales WHERE id = 1", vec!["2024-01-31"]),
        (
            "SELECT date_diff('day', DATE '2024-02-28', DATE '2024-03-01')",
            vec!["2"],
        ),
        ("SELECT datediff(DATE '2024-03-01', DATE '2024-02-28')", vec!["2"]),
        (
            "SELECT date_diff('month', min(sold_on), max(sold_on)) FROM sales",
            vec!["12"],
        ),
        (
            "SELECT mode(weight), mode(region) FROM sales",
            vec!["2.5", "north"],
        ),
        ("SELECT sign(-3), sign(0)", vec!["-1.0", "0.0"]),
        ("SELECT variance(id) FROM sales", vec!["2.5"]),
    ] {
        assert_eq!(rows(&world.files, sql).await.expect(sql), [expected], "{sql}");
    }
    assert_eq!(
        rows(
            &world.files,
            "SELECT region, mode(weight) FROM sales GROUP BY region ORDER BY region NULLS LAST"
        )
        .await
        .expect("grouped"),
        [["north", "1.5"], ["south", "1.0"], ["∅", "4.0"]]
    );
    // What would print its own pattern instead of a date is refused.
    for sql in [
        "SELECT to_char(sold_on, 'Month YYYY') FROM sales",
        "SELECT strftime(sold_on, region) FROM sales",
        "SELECT year(id) FROM sales",
        "SELECT date_diff('fortnight', sold_on, sold_on) FROM sales",
    ] {
        assert!(
            matches!(rows(&world.files, sql).await, Err(Error::Source { .. })),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn nothing_but_the_tables_can_be_reached() {
    let dir = tempfile::tempdir().expect("a temp folder");
    let secret = write(
        dir.path(),
        "secret",
        vec![("word", Arc::new(StringArray::from(vec!["custard"])))],
    );
    let path = secret.parquet.display().to_string();
    let files = Files::new(vec![sales(dir.path())], engine(dir.path(), 64 << 20));
    let written = dir.path().join("written");
    for sql in [
        format!("SELECT * FROM '{path}'"),
        format!("SELECT * FROM \"{path}\""),
        format!("SELECT * FROM 'file://{path}'"),
        "SELECT * FROM 'file:///etc/passwd'".to_owned(),
        "SELECT * FROM \"custard://tables/0.parquet\"".to_owned(),
        format!("SELECT * FROM read_parquet('{path}')"),
        "SELECT * FROM read_csv('/etc/passwd')".to_owned(),
        format!("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{path}'"),
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "CREATE VIEW v AS SELECT 1".to_owned(),
        format!("COPY (SELECT 1) TO '{}'", written.display()),
        format!("COPY sales TO '{}' STORED AS CSV", written.display()),
        "INSERT INTO sales SELECT * FROM sales".to_owned(),
        "DELETE FROM sales".to_owned(),
        "UPDATE sales SET id = 1".to_owned(),
        "DROP TABLE sales".to_owned(),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        "SHOW ALL".to_owned(),
        "SHOW TABLES".to_owned(),
        "DESCRIBE sales".to_owned(),
        "EXPLAIN SELECT 1".to_owned(),
        "EXPLAIN ANALYZE SELECT 1".to_owned(),
        "PREPARE p AS SELECT 1".to_owned(),
        "BEGIN".to_owned(),
        "SELECT * FROM information_schema.tables".to_owned(),
        "SELECT * FROM information_schema.df_settings".to_owned(),
        "SELECT input_file_name() FROM sales".to_owned(),
        "SELECT version()".to_owned(),
        "SELECT 1; SELECT 2".to_owned(),
        "SELECT 1; DROP TABLE sales".to_owned(),
        "WITH t AS (DELETE FROM sales) SELECT 1".to_owned(),
        String::new(),
    ] {
        let error = match rows(&files, &sql).await {
            Err(error) => error,
            Ok(rows) => panic!("{sql} gave {rows:?}"),
        };
        assert!(
            matches!(error, Error::Refused(_) | Error::Source { .. }),
            "{sql} is refused, not broken: {error:?}"
        );
        let message = error.to_string();
        assert!(!message.contains("custard\""), "{sql} leaks a value: {message}");
    }
    assert!(!written.exists(), "nothing was written");
    assert_eq!(
        rows(&files, "SELECT count(*) FROM sales")
            .await
            .expect("still there"),
        [["5"]]
    );
}

#[tokio::test]
async fn errors_say_what_kind_they_are() {
    let world = world();
    for (sql, kind) in [
        ("SELECT colour FROM sales", SourceFault::Name),
        ("SELECT * FROM purchases", SourceFault::Name),
        ("SELECT frobnicate(id) FROM sales", SourceFault::Name),
        ("SELEC id FROM sales", SourceFault::Syntax),
        ("SELECT id FROM sales WHERE", SourceFault::Syntax),
        ("SELECT sum(region) FROM sales", SourceFault::Type),
        ("SELECT CAST(region AS BIGINT) FROM sales", SourceFault::Type),
        ("SELECT id / 0 FROM sales", SourceFault::Other),
    ] {
        match rows(&world.files, sql).await {
            Err(Error::Source { kind: found, message }) => {
                assert_eq!(found, kind, "{sql}: {message}");
                assert!(
                    message.ends_with('.') && !message.contains('\n'),
                    "{sql}: {message}"
                );
            }
            other => panic!("{sql} gave {other:?}"),
        }
    }
    let Err(error) = rows(&world.files, "SELECT 1 / (id - id) FROM sales").await else {
        panic!("a division by zero gave rows");
    };
    assert!(error.to_string().contains("divides by zero"), "{error}");
}

#[tokio::test]
async fn limits_cut_and_say_so() {
    let dir = tempfile::tempdir().expect("a temp folder");
    let numbers = write(
        dir.path(),
        "numbers",
        vec![("n", Arc::new(Int64Array::from_iter_values(0..10_000)))],
    );
    let files = Files::new(vec![numbers], engine(dir.path(), 64 << 20));
    for (limit, expected, truncated) in [
        (9_999, 9_999, true),
        (10_000, 10_000, false),
        (10_001, 10_000, false),
        (1, 1, true),
        (0, 0, true),
    ] {
        let limits = Limits {
            rows: limit,
            ..Limits::default()
        };
        let rows = files.run("SELECT n FROM numbers", &limits).await.expect("rows");
        let cut = rows.truncated.clone();
        let count: usize = rows
            .collect()
            .await
            .expect("batches")
            .iter()
            .map(RecordBatch::num_rows)
            .sum();
        assert_eq!((count, cut.get()), (expected, truncated), "limit {limit}");
    }
    let limits = Limits {
        bytes: 20_000,
        ..Limits::default()
    };
    let rows = files.run("SELECT n FROM numbers", &limits).await.expect("rows");
    let cut = rows.truncated.clone();
    let batches = rows.collect().await.expect("batches");
    let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert!(cut.get() && count < 10_000, "{count} rows fit in 20,000 bytes");
}

#[tokio::test]
async fn equal_names_are_told_apart() {
    let dir = tempfile::tempdir().expect("a temp folder");
    let one = |n: i64| {
        write(
            dir.path(),
            "orders",
            vec![("n", Arc::new(Int64Array::from(vec![n])) as ArrayRef)],
        )
    };
    let files = Files::new(vec![one(1), one(2), one(3)], engine(dir.path(), 64 << 20));
    let names: Vec<String> = files
        .catalog()
        .await
        .expect("a catalog")
        .tables
        .iter()
        .map(|table| table.name.clone())
        .collect();
    assert_eq!(names, ["orders", "orders_2", "orders_3"]);
    assert_eq!(
        rows(
            &files,
            "SELECT a.n, b.n AS m, c.n AS o FROM orders a, orders_2 b, orders_3 c"
        )
        .await
        .expect("rows"),
        [["1", "2", "3"]]
    );
}

/// Processor time the threads of the file engine have used so far.
fn processor_time() -> Duration {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        // A thread may end while we look.
        let Ok(text) = std::fs::read_to_string(task.path().join("stat")) else {
            continue;
        };
        if !text.contains("(files-query") {
            continue;
        }
        let fields: Vec<&str> = text
            .rsplit(')')
            .next()
            .expect("fields")
            .split_whitespace()
            .collect();
        ticks += fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime");
    }
    Duration::from_millis(ticks * 10)
}

/// Held by tests that keep the engine busy, so that one of them can watch it fall silent.
static BUSY: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn large(dir: &Path) -> Files {
    let numbers = write(
        dir,
        "numbers",
        vec![("n", Arc::new(Int64Array::from_iter_values(0..200_000)))],
    );
    Files::new(vec![numbers], engine(dir, 64 << 20))
}

const ENDLESS: &str = "SELECT count(*) FROM numbers a, numbers b, numbers c WHERE (a.n + b.n * c.n) % 7 = 3";

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_nobody_waits_for_stops() {
    let _alone = BUSY.lock().await;
    let dir = tempfile::tempdir().expect("a temp folder");
    let files = large(dir.path());
    let limits = Limits {
        time_ms: 600_000,
        ..Limits::default()
    };
    let rows = files.run(ENDLESS, &limits).await.expect("it starts");
    let before = processor_time();
    while processor_time() < before + Duration::from_millis(200) {
        tokio::task::yield_now().await;
    }
    drop(rows);
    // Stopped when a whole while passes in which next to nothing is computed.
    let mut quiet = false;
    for _ in 0..100 {
        let before = processor_time();
        tokio::time::sleep(Duration::from_millis(100)).await;
        if processor_time() - before <= Duration::from_millis(20) {
            quiet = true;
            break;
        }
    }
    assert!(quiet, "the query still runs");
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped() {
    let _alone = BUSY.lock().await;
    let dir = tempfile::tempdir().expect("a temp folder");
    let files = large(dir.path());
    let limits = Limits {
        time_ms: 300,
        ..Limits::default()
    };
    let outcome = match files.run(ENDLESS, &limits).await {
        Ok(mut rows) => rows
            .batches
            .next()
            .await
            .expect("an end with a reason")
            .map(|_| ()),
        Err(error) => Err(error),
    };
    assert!(matches!(outcome, Err(Error::Timeout(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_sort_beyond_its_memory_spills() {
    const ROWS: u64 = 3_000_000;
    let _alone = BUSY.lock().await;
    let dir = tempfile::tempdir().expect("a temp folder");
    let shuffled = (0..ROWS).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) as i64);
    let table = write(
        dir.path(),
        "numbers",
        vec![("n", Arc::new(Int64Array::from_iter_values(shuffled)) as ArrayRef)],
    );
    // The numbers alone are 24 MB.
    let files = Files::new(vec![table], engine(dir.path(), 16 << 20));
    let limits = Limits {
        rows: ROWS,
        bytes: 1 << 30,
        time_ms: 120_000,
        ..Limits::default()
    };
    let rows = files
        .run("SELECT n FROM numbers ORDER BY n", &limits)
        .await
        .expect("it starts");
    let mut last = i64::MIN;
    let mut count = 0;
    for batch in rows.collect().await.expect("sorted in spite of little memory") {
        for number in batch
            .column(0)
            .as_any()
            .downcast_ref::<Int64Array>()
            .expect("numbers")
            .values()
        {
            assert!(last < *number, "in order");
            last = *number;
            count += 1;
        }
    }
    assert_eq!(count, ROWS);
    let left = std::fs::read_dir(dir.path().join("spill"))
        .expect("the spill folder")
        .count();
    assert_eq!(left, 0, "the spill folder is empty again");
}

#[tokio::test]
async fn a_join_beyond_its_memory_fails_with_a_sentence() {
    let _alone = BUSY.lock().await;
    let dir = tempfile::tempdir().expect("a temp folder");
    let files = large(dir.path());
    let sql = "SELECT array_agg(a.n + b.n) FROM numbers a CROSS JOIN numbers b";
    let outcome = rows(&files, sql).await;
    match outcome {
        Err(Error::Source { message, .. }) => assert!(message.contains("memory"), "{message}"),
        other => panic!("{:?}", other.map(|rows| rows.len())),
    }
}
