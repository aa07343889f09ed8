//! The suite in the words of MySQL and MariaDB.

use clean_custard::catalog::ColumnKind;
use clean_custard::error::SourceFault;
use serde_json::{Value, json};

use super::postgres::summary_rows;
use super::{CatalogWords, Stage, Words};
use crate::support::mysql::{Database, READER};

/// What the database has to hold.
pub const SCRIPT: &str = r#"
CREATE TABLE people (
    id int PRIMARY KEY, name varchar(50) NOT NULL COMMENT 'First name', mood enum('calm', 'wild'), email varchar(100) UNIQUE
) COMMENT 'Everybody who ever came';
CREATE TABLE visits (
    id bigint PRIMARY KEY, person_id int, `Spent On` decimal(12, 2), at timestamp NULL, day date,
    FOREIGN KEY (person_id) REFERENCES people (id)
);
CREATE VIEW moods AS SELECT mood, count(*) AS n FROM people GROUP BY mood;
CREATE TABLE secrets (id int);
CREATE TABLE numbers (n int PRIMARY KEY);
CREATE TABLE edges (
    small smallint, big bigint, huge bigint unsigned, price decimal(38, 10), `long` decimal(65, 20), share double,
    single float, yes boolean, switch bit(1), bits bit(4), day date, clock time(1), span time, at datetime(6),
    at_zone timestamp NULL, since year, words varchar(100), mood enum('calm', 'wild'), tags set('a', 'b', 'c'),
    bytes varbinary(10), place point, doc json, nothing int
);
INSERT INTO people VALUES (1, 'Ada', 'calm', 'ada@example.com'), (2, 'Bob', 'wild', NULL), (3, 'Cy', NULL, 'cy@example.com');
INSERT INTO visits SELECT seq, 1 + seq % 3, seq * 1.25, '2024-01-01' + INTERVAL seq HOUR, '2024-01-01' + INTERVAL seq % 366 DAY
FROM seq_1_to_5000;
INSERT INTO numbers SELECT seq FROM seq_1_to_100000;
INSERT INTO edges VALUES (
    -32768, 9223372036854775807, 18446744073709551615, 1234567890123456789012345678.0123456789,
    -123456789012345678901234567890123456789012345.00000000000000000001, 0.1, 1.1, TRUE, b'1', b'1010', '2024-02-29',
    '13:45:00.5', '-838:59:59', '2024-02-29 13:45:00.123456', '2024-02-29 11:45:00', 2024, 'née "x" ''y'' \\ 🍮', 'wild',
    'a,c', x'00ff', ST_GeomFromText('POINT(1 2)'), '{"a": [1, 2.50]}', NULL
);
ANALYZE TABLE people, visits;
"#;

impl Stage for Database<'_> {
    fn running(&self) -> usize {
        self.value(&format!(
            "SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = '{READER}' AND DB = DATABASE() \
             AND COMMAND IN ('Execute', 'Query', 'Prepare') AND INFO IS NOT NULL"
        ))
        .parse()
        .expect("a count")
    }

    fn content(&self) -> String {
        // The server is shared: the user `documented` comes and goes with a test of its own.
        self.mysql(
            "SELECT count(*), sum(`Spent On`), max(id) FROM visits; SELECT * FROM people ORDER BY id; SHOW TABLES;
             SELECT @@global.max_connections;
             SELECT user FROM mysql.user WHERE user <> 'documented' ORDER BY user;",
        )
    }
}

pub fn words() -> Words {
    Words {
        version: "MariaDB 10.",
        catalog: CatalogWords {
            schema: None,
            key: "id",
            has_comments: true,
            spent_type: "decimal(12,2)",
            spent_kind: ColumnKind::Decimal,
            at_kind: ColumnKind::TimestampTz,
            day_kind: ColumnKind::Date,
        },
        summary: "SELECT name, mood, count(*) AS visits, sum(`Spent On`) AS spent, max(day) AS last \
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
            ("huge integer", json!("18446744073709551615")),
            ("price decimal", json!("1234567890123456789012345678.0123456789")),
            (
                "long decimal",
                json!("-123456789012345678901234567890123456789012345.00000000000000000001"),
            ),
            ("share float", json!(0.1)),
            ("single float", json!(1.1)),
            ("yes integer", json!(1)),
            ("switch boolean", json!(true)),
            ("bits text", json!("1010")),
            ("day date", json!("2024-02-29")),
            ("clock time", json!("13:45:00.500000")),
            ("span time", json!("-838:59:59")),
            ("at timestamp", json!("2024-02-29T13:45:00.123456")),
            ("at_zone timestamp", json!("2024-02-29T11:45:00Z")),
            ("since integer", json!(2024)),
            ("words text", json!("née \"x\" 'y' \\ 🍮")),
            ("mood text", json!("wild")),
            ("tags text", json!("a,c")),
            ("bytes binary", json!("AP8=")),
            ("place binary", json!("AAAAAAEBAAAAAAAAAAAA8D8AAAAAAAAAQA==")),
            // MariaDB keeps JSON as text and says no more of a result.
            ("doc text", json!("{\"a\": [1, 2.50]}")),
            ("nothing integer", Value::Null),
        ],
        faults: vec![
            ("SELECT nothing FROM people", SourceFault::Name, "nothing"),
            ("SELECT * FROM nowhere", SourceFault::Name, "nowhere"),
            ("SELECT name + 1 FROM people", SourceFault::Type, "Ada"),
            ("SELECT sum(name) FROM people", SourceFault::Type, "Ada"),
            ("SELECT name, count(*) FROM people", SourceFault::Type, "GROUP"),
            (
                "SELECT CAST(18446744073709551615 AS UNSIGNED) + id FROM people",
                SourceFault::Type,
                "out of range",
            ),
            ("SELECT name FROM people WHERE (", SourceFault::Syntax, ""),
            ("DELETE FROM visits", SourceFault::Permission, ""),
        ],
        ids: "SELECT id FROM visits ORDER BY id",
        ten_ids: "SELECT id FROM visits ORDER BY id LIMIT 10",
        wide: "SELECT repeat('x', 1000) AS filler FROM visits, visits AS again",
        endless: "SELECT count(*) FROM visits a, visits b, visits c, visits d",
        many: "SELECT n, concat(sha2(n, 512), sha2(n + 1, 512)) AS filler FROM numbers ORDER BY n",
        writes: vec![
            "INSERT INTO visits (id) VALUES (-1)",
            "INSERT INTO visits (id) VALUES (-1) RETURNING id",
            "REPLACE INTO people VALUES (1, 'x', NULL, NULL)",
            "UPDATE people SET name = 'x'",
            "DELETE FROM visits RETURNING id",
            "CREATE TABLE mine (id int)",
            "CREATE TEMPORARY TABLE mine (id int)",
            "CREATE TABLE mine AS SELECT 1",
            "DROP TABLE visits",
            "TRUNCATE visits",
            "SELECT id FROM people INTO OUTFILE '/tmp/clean-custard-people'",
            "SELECT id INTO @a FROM people LIMIT 1",
            "SELECT 1; DELETE FROM visits",
            "SET GLOBAL max_connections = 10",
            "SET SESSION TRANSACTION READ WRITE",
            "COMMIT",
            "LOCK TABLES people WRITE",
            "HANDLER people OPEN",
            "DO SLEEP(5)",
            "CALL nothing()",
            "LOAD DATA INFILE '/etc/passwd' INTO TABLE people",
            "KILL 1",
            "FLUSH TABLES",
            "CREATE USER other",
            "PREPARE s FROM 'DELETE FROM visits'",
        ],
        count_visits: "SELECT count(*) FROM visits",
    }
}
