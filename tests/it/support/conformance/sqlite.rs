//! The suite in SQLite's words, and files that hold the shop.

use std::path::{Path, PathBuf};

use clean_custard::catalog::ColumnKind;
use clean_custard::error::SourceFault;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::postgres::summary_rows;
use super::{CatalogWords, Stage, Words};

/// What the file has to hold.
pub const SCRIPT: &str = r#"
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, mood TEXT, email TEXT UNIQUE);
CREATE TABLE visits (
    id INTEGER PRIMARY KEY, person_id INT REFERENCES people (id), "Spent On" DECIMAL(12,2), at TIMESTAMP, day DATE
);
CREATE VIEW moods AS SELECT mood, count(*) AS n FROM people GROUP BY mood;
CREATE TABLE secrets (id INT);
CREATE TABLE numbers (n INTEGER PRIMARY KEY);
CREATE TABLE edges (
    small SMALLINT, big BIGINT, price TEXT, share REAL, yes BOOLEAN, day DATE, at DATETIME, at_zone TEXT, words TEXT,
    bytes BLOB, doc JSON, "nothing" INT
);
INSERT INTO people VALUES (1, 'Ada', 'calm', 'ada@example.com'), (2, 'Bob', 'wild', NULL), (3, 'Cy', NULL, 'cy@example.com');
WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000)
INSERT INTO visits SELECT n, 1 + n % 3, n * 1.25, datetime('2024-01-01', '+' || n || ' hours'),
    date('2024-01-01', '+' || (n % 366) || ' days') FROM s;
WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100000) INSERT INTO numbers SELECT n FROM s;
INSERT INTO edges VALUES (
    -32768, 9223372036854775807, '1234567890123456789012345678.0123456789', 0.1, TRUE, '2024-02-29',
    '2024-02-29 13:45:00.123', '2024-02-29T11:45:00Z', 'née "x" ''y'' \ 🍮', x'00ff', '{"a": [1, 2.50]}', NULL
);
ANALYZE;
"#;

/// A SQLite file in a folder of its own.
pub struct File {
    _dir: tempfile::TempDir,
    pub path: PathBuf,
}

/// A file that holds what `script` puts there.
pub fn file(script: &str) -> File {
    let dir = tempfile::tempdir().expect("a temp folder");
    let path = dir.path().join("shop.db");
    let connection = Connection::open(&path).expect("a new file");
    connection.execute_batch(script).expect("the script");
    File { _dir: dir, path }
}

impl File {
    pub fn url(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }
}

/// How often this process has the file open.
fn open_files(path: &Path) -> usize {
    std::fs::read_dir("/proc/self/fd")
        .expect("Linux")
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target == path)
        .count()
}

impl Stage for File {
    fn running(&self) -> usize {
        open_files(&self.path)
    }

    fn content(&self) -> String {
        let bytes = std::fs::read(&self.path).expect("the file");
        let beside = std::fs::read_dir(self.path.parent().expect("its folder"))
            .expect("its folder")
            .count();
        format!("{beside} files, {} bytes: {:?}", bytes.len(), short_of(&bytes))
    }
}

/// Not for security: a short word for a long content.
fn short_of(bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

pub fn words() -> Words {
    Words {
        version: "SQLite 3",
        catalog: CatalogWords {
            schema: None,
            key: "id",
            has_comments: false,
            spent_type: "DECIMAL(12,2)",
            spent_kind: ColumnKind::Decimal,
            at_kind: ColumnKind::Timestamp,
            day_kind: ColumnKind::Date,
        },
        summary: "SELECT name, mood, count(*) AS visits, sum(\"Spent On\") AS spent, max(day) AS last \
                  FROM people JOIN visits ON person_id = people.id GROUP BY name, mood ORDER BY name",
        summary_columns: [
            "name text",
            "mood text",
            "visits integer",
            "spent float",
            "last date",
        ],
        summary_rows: summary_rows(|amount| json!(amount.parse::<f64>().expect("a number"))),
        nobody: "SELECT id, name FROM people WHERE id < 0",
        exact: "SELECT * FROM edges",
        exact_row: vec![
            ("small integer", json!(-32768)),
            ("big integer", json!("9223372036854775807")),
            ("price text", json!("1234567890123456789012345678.0123456789")),
            ("share float", json!(0.1)),
            ("yes integer", json!(1)),
            ("day date", json!("2024-02-29")),
            ("at timestamp", json!("2024-02-29 13:45:00.123")),
            ("at_zone timestamp", json!("2024-02-29T11:45:00Z")),
            ("words text", json!("née \"x\" 'y' \\ 🍮")),
            ("bytes binary", json!("AP8=")),
            ("doc json", json!({"a": [1, 2.50]})),
            ("nothing integer", Value::Null),
        ],
        faults: vec![
            ("SELECT missing FROM people", SourceFault::Name, "missing"),
            ("SELECT * FROM nowhere", SourceFault::Name, "nowhere"),
            ("SELECT abs(id, 1) FROM people", SourceFault::Name, "arguments"),
            (
                "SELECT json_extract(name, '$') FROM people",
                SourceFault::Type,
                "JSON",
            ),
            ("SELECT name FROM people WHERE (", SourceFault::Syntax, ""),
            ("DELETE FROM visits", SourceFault::Permission, ""),
        ],
        ids: "SELECT id FROM visits ORDER BY id",
        ten_ids: "SELECT id FROM visits ORDER BY id LIMIT 10",
        wide: "SELECT printf('%.1000c', 'x') AS filler FROM visits, visits AS again",
        endless: "SELECT count(*) FROM visits a, visits b, visits c, visits d",
        many: "SELECT n, printf('%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x', random(), random(), random(), random(), random(), \
               random(), random(), random(), random(), random(), random(), random(), random(), random(), random(), \
               random()) AS filler FROM numbers ORDER BY n",
        writes: vec![
            "INSERT INTO visits (id) VALUES (-1)",
            "INSERT INTO visits (id) VALUES (-1) RETURNING id",
            "UPDATE people SET name = 'x'",
            "DELETE FROM visits RETURNING id",
            "CREATE TABLE mine (id int)",
            "CREATE TEMP TABLE mine (id int)",
            "DROP TABLE visits",
            "ALTER TABLE people ADD COLUMN x",
            "ATTACH DATABASE '/tmp/clean-custard-attached.db' AS other",
            "VACUUM",
            "VACUUM INTO '/tmp/clean-custard-copy.db'",
            "REINDEX",
            "ANALYZE",
            "BEGIN IMMEDIATE",
            "SAVEPOINT here",
            "PRAGMA query_only = 0",
            "PRAGMA journal_mode = WAL",
            "PRAGMA writable_schema = 1",
            "PRAGMA table_info(people)",
            "SELECT * FROM pragma_table_info('people')",
            "SELECT * FROM sqlite_schema",
            "SELECT load_extension('/tmp/x.so')",
            "SELECT readfile('/etc/passwd')",
            "SELECT writefile('/tmp/clean-custard-written', 'x')",
            "SELECT fts3_tokenizer('simple')",
            "CREATE VIRTUAL TABLE mine USING fts5(x)",
            "SELECT * FROM dbstat",
        ],
        count_visits: "SELECT count(*) FROM visits",
    }
}
