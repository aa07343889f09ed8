//! The suite in PostgreSQL's words.

use std::sync::Arc;

use clean_custard::catalog::ColumnKind;
use clean_custard::error::SourceFault;
use clean_custard::source::Source;
use serde_json::{Value, json};

use super::{CatalogWords, Stage, Words};
use crate::support::postgres::Database;

/// What the database has to hold.
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
CREATE TABLE edges (
    small smallint, big bigint, price numeric(38, 10), long numeric, share double precision, yes boolean, day date,
    clock time, at timestamp, at_zone timestamptz, words text, bytes bytea, doc jsonb, nothing int
);
INSERT INTO people VALUES (1, 'Ada', 'calm', 'ada@example.com'), (2, 'Bob', 'wild', NULL), (3, 'Cy', NULL, 'cy@example.com');
INSERT INTO visits SELECT n, 1 + n % 3, n * 1.25, '2024-01-01 00:00:00+00'::timestamptz + n * interval '1 hour', '2024-01-01'::date + n::int % 366
FROM generate_series(1, 5000) AS n;
INSERT INTO edges VALUES (
    -32768, 9223372036854775807, 1234567890123456789012345678.0123456789, 0.00000000000000000001, 0.1, true, '2024-02-29',
    '13:45:00.5', '2024-02-29 13:45:00.123456', '2024-02-29 13:45:00+02', E'née "x" ''y'' \\ 🍮', '\x00ff', '{"a": [1, 2.50]}', NULL
);
ANALYZE;
"#;

/// A database on a test server; the suite has it to itself.
impl Stage for Database<'_> {
    fn running(&self) -> usize {
        self.value(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() \
             AND datname = current_database() AND query NOT LIKE 'ROLLBACK%'",
        )
        .parse()
        .expect("a count")
    }

    fn content(&self) -> String {
        self.psql(
            "SELECT count(*), sum(\"Spent On\"), max(id) FROM visits; SELECT * FROM people ORDER BY id;
             SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname;",
        )
    }
}

/// Where nobody looks behind the scenes: any PostgreSQL with [`SCRIPT`].
pub async fn conformance(source: Arc<dyn Source>) {
    struct Unseen;
    impl Stage for Unseen {
        fn running(&self) -> usize {
            0
        }
        fn content(&self) -> String {
            String::new()
        }
    }
    super::suite_without_stage(source, &words(), &Unseen).await;
}

pub fn words() -> Words {
    Words {
        version: "PostgreSQL ",
        catalog: CatalogWords {
            schema: Some("public"),
            key: "id",
            has_comments: true,
            spent_type: "numeric(12,2)",
            spent_kind: ColumnKind::Decimal,
            at_kind: ColumnKind::TimestampTz,
            day_kind: ColumnKind::Date,
        },
        summary: "SELECT name, mood, count(*) AS visits, sum(\"Spent On\") AS spent, max(day) AS last \
                  FROM people JOIN visits ON person_id = people.id GROUP BY name, mood ORDER BY name",
        summary_columns: [
            "name text",
            "mood text",
            "visits integer",
            "spent decimal",
            "last date",
        ],
        summary_rows: summary_rows(|amount| json!(amount)),
        nobody: "SELECT id, name FROM people WHERE id < 0",
        exact: "SELECT * FROM edges",
        exact_row: vec![
            ("small integer", json!(-32768)),
            ("big integer", json!("9223372036854775807")),
            ("price decimal", json!("1234567890123456789012345678.0123456789")),
            ("long decimal", json!("0.00000000000000000001")),
            ("share float", json!(0.1)),
            ("yes boolean", json!(true)),
            ("day date", json!("2024-02-29")),
            ("clock time", json!("13:45:00.500")),
            ("at timestamp", json!("2024-02-29T13:45:00.123456")),
            ("at_zone timestamp", json!("2024-02-29T11:45:00Z")),
            ("words text", json!("née \"x\" 'y' \\ 🍮")),
            ("bytes binary", json!("AP8=")),
            ("doc json", json!({"a": [1, 2.50]})),
            ("nothing integer", Value::Null),
        ],
        faults: vec![
            ("SELECT nothing FROM people", SourceFault::Name, "nothing"),
            ("SELECT * FROM nowhere", SourceFault::Name, "nowhere"),
            ("SELECT name + 1 FROM people", SourceFault::Name, "operator"),
            ("SELECT sum(name) FROM people", SourceFault::Name, "sum(text)"),
            ("SELECT 'x'::int FROM people", SourceFault::Type, "integer"),
            ("SELECT name FROM people WHERE (", SourceFault::Syntax, ""),
            ("SELECT 1 / (id - id) FROM people", SourceFault::Other, "zero"),
            ("DELETE FROM visits", SourceFault::Permission, ""),
        ],
        ids: "SELECT id FROM visits ORDER BY id",
        ten_ids: "SELECT id FROM visits ORDER BY id LIMIT 10",
        wide: "SELECT repeat('x', 1000) AS filler FROM visits, visits AS again",
        endless: "SELECT count(*) FROM visits a, visits b, visits c, visits d",
        many: "SELECT n, encode(sha512(n::text::bytea), 'hex') || encode(sha512((n + 1)::text::bytea), 'hex') AS filler \
               FROM generate_series(1, 100000) AS n",
        writes: vec![
            "INSERT INTO visits (id) VALUES (-1)",
            "WITH gone AS (DELETE FROM visits RETURNING id) SELECT * FROM gone",
            "UPDATE people SET name = 'x'",
            "CREATE TABLE mine (id int)",
            "DROP TABLE visits",
            "TRUNCATE visits",
            "SELECT id INTO mine FROM people",
            "SELECT id FROM people FOR UPDATE",
            "SELECT 1; DELETE FROM visits",
            "COMMIT; DELETE FROM visits",
            "SET TRANSACTION READ WRITE",
            "COPY people TO '/tmp/people'",
            "SELECT pg_read_file('/etc/passwd')",
        ],
        count_visits: "SELECT count(*) FROM visits",
    }
}

/// The summary's rows; `amount` makes a sum of what was spent into the connector's value.
pub(super) fn summary_rows(amount: fn(&str) -> Value) -> [[Value; 5]; 3] {
    let row = |name: &str, mood: Value, visits: u32, spent: &str, last: &str| {
        [json!(name), mood, json!(visits), amount(spent), json!(last)]
    };
    [
        row("Ada", json!("calm"), 1666, "5207291.25", "2024-12-29"),
        row("Bob", json!("wild"), 1667, "5209375.00", "2024-12-30"),
        row("Cy", Value::Null, 1667, "5211458.75", "2024-12-31"),
    ]
}
