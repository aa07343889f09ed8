//! The guard against texts that nobody wrote, in every language beside PostgreSQL's (`guard.rs` has that one):
//! pieces of good and of hostile statements, cut and put together. It never panics, what it lets through is
//! stable, and the engine itself is the judge of whether that would write: SQLite by its authorizer, MariaDB by
//! a read-only transaction, MongoDB by a hash over everything.

use std::sync::{Arc, Mutex};

use clean_custard::catalog::{Catalog, Dialect};
use clean_custard::error::Error;
use clean_custard::guard::{self, names, sql};
use clean_custard::source::{Limits, connect};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use serde_json::Value;

use crate::guard::{ALLOWED, REFUSED, corpus};
use crate::support::conformance::values;
use crate::support::{mongo, mysql};

/// Texts tried on each engine.
const TRIES: usize = 3_000;

/// What all of these databases have, in their own words.
const SHOP: &str = "
CREATE TABLE customers (id int PRIMARY KEY, name varchar(40), city varchar(40));
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, total decimal(12, 2), status varchar(10), created_at datetime);
CREATE TABLE items (order_id int, product varchar(40), quantity int, price decimal(12, 2));
INSERT INTO customers VALUES (1, 'Ada', 'Paris'), (2, 'Bob', 'Rome'), (3, 'Cy', NULL);
INSERT INTO orders VALUES (1, 1, 12.5, 'paid', '2024-01-05 00:00:00'), (2, 1, 3, 'open', '2024-02-06 00:00:00');
INSERT INTO items VALUES (1, 'cone', 2, 3.25), (1, 'cup', 1, 6);";

/// Reads over the shop that all of them understand.
const READS: &[&str] = &[
    "SELECT name, city FROM customers WHERE city = 'Paris' ORDER BY name LIMIT 5",
    "SELECT city, count(*) AS n FROM customers GROUP BY city HAVING count(*) > 1 ORDER BY n DESC",
    "SELECT c.name, sum(o.total) AS s FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.name",
    "WITH t AS (SELECT customer_id, max(total) AS m FROM orders GROUP BY customer_id) SELECT * FROM t WHERE m > 2",
    "SELECT CASE WHEN total > 5 THEN 'big' ELSE 'small' END AS size, round(total, 1) FROM orders",
    "SELECT id FROM orders WHERE customer_id IN (SELECT id FROM customers WHERE name LIKE 'A%')",
    "SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY total DESC) AS place FROM orders",
    "SELECT name FROM customers UNION ALL SELECT product FROM items",
    "SELECT coalesce(city, '-'), length(name), upper(name), abs(-1), substr(name, 1, 2) FROM customers",
    "SELECT * FROM items, orders WHERE order_id = id AND quantity BETWEEN 1 AND 3",
    "SELECT EXISTS (SELECT 1 FROM items), (SELECT max(id) FROM orders), NULL IS NULL, CAST('5' AS DECIMAL(5, 2))",
];

/// What must never run, beside what `sql_refused.sql` has.
const HOSTILE: &[&str] = &[
    "SELECT name FROM customers INTO OUTFILE '/tmp/clean-custard-fuzz'",
    "SELECT name INTO @x FROM customers",
    "SELECT @a := 1, @@version",
    "SELECT /*!50000 SLEEP(1) */ 1 /*M! INTO OUTFILE 'x' */",
    "SELECT LOAD_FILE('/etc/passwd'), GET_LOCK('x', 1), BENCHMARK(9, 1), LAST_INSERT_ID(5)",
    "REPLACE INTO customers VALUES (1, 'x', NULL)",
    "INSERT INTO customers SELECT * FROM customers ON DUPLICATE KEY UPDATE name = 'x'",
    "DELETE FROM orders RETURNING id",
    "UPDATE customers SET name = 'x'",
    "CREATE TEMPORARY TABLE mine AS SELECT 1",
    "HANDLER customers OPEN",
    "SET SESSION TRANSACTION READ WRITE",
    "PRAGMA writable_schema = 1",
    "ATTACH DATABASE '/tmp/clean-custard-fuzz.db' AS other",
    "VACUUM INTO '/tmp/clean-custard-fuzz.db'",
    "SELECT load_extension('x'), writefile('/tmp/clean-custard-fuzz', 'x'), fts3_tokenizer('simple')",
    "SELECT * FROM pragma_table_info('customers'), sqlite_schema",
    "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
    "SELECT 1; DROP TABLE orders",
    "CALL nothing()",
];

/// Mostly what these databases have: of the corpora for PostgreSQL little passes, and less has names they know.
fn seeds() -> Vec<&'static str> {
    let reads = std::iter::repeat_n(READS, 40).flatten();
    let hostile = std::iter::repeat_n(HOSTILE, 5).flatten();
    let all = [ALLOWED, REFUSED]
        .into_iter()
        .flat_map(corpus)
        .map(|(_, text)| text);
    reads.chain(hostile).copied().chain(all).collect()
}

/// Two statements cut and put together, with something between them that quotes, comments or separates.
fn mutated() -> impl Strategy<Value = String> {
    let index = any::<prop::sample::Index>;
    let middle = prop::sample::select(vec![
        "",
        " ",
        ", ",
        " UNION ",
        "'",
        "\"",
        "`",
        "[",
        "]",
        "\\'",
        "\\",
        "--",
        "-- ",
        "#",
        "/*",
        "*/",
        "/*!50000 ",
        ";",
        "(",
        ")",
        "x'",
        "@",
        "@@",
        ":=",
        " INTO ",
        " AS ",
        "$1",
        "?",
        "\n",
    ]);
    let word = prop::sample::select(vec![
        "",
        " FROM ",
        " WHERE ",
        " ORDER BY ",
        " GROUP BY ",
        " AS ",
        "(",
        ", ",
        " IN ",
        "SELECT ",
    ]);
    (index(), index(), index(), index(), middle, word).prop_map(|(first, second, cut, join, middle, word)| {
        let all = seeds();
        let (first, second) = (*first.get(&all), *second.get(&all));
        // At the same word in both, where there is one: that is often a statement again.
        let places = |text: &str| -> Vec<usize> {
            let found = text.match_indices(word).map(|(at, _)| at);
            if word.is_empty() {
                Vec::new()
            } else {
                found.collect()
            }
        };
        let (from, to) = (places(first), places(second));
        if from.is_empty() || to.is_empty() {
            let (cut, join) = (cut.index(first.len() + 1), join.index(second.len() + 1));
            format!(
                "{}{middle}{}",
                &first[..boundary(first, cut)],
                &second[boundary(second, join)..]
            )
        } else {
            format!("{}{}", &first[..*cut.get(&from)], &second[*join.get(&to)..])
        }
    })
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Texts that the guard lets through, as it writes them, always the same ones.
fn passed(dialect: Dialect) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let texts = (0..TRIES).map(|_| mutated().new_tree(&mut runner).expect("a text").current());
    let own = READS.iter().map(|text| (*text).to_owned());
    let passed: Vec<String> = own
        .chain(texts)
        .filter_map(|text| Some(sql::check(&text, dialect).ok()?.text()))
        .collect();
    assert!(
        passed.len() > READS.len() + 50,
        "only {} texts passed",
        passed.len()
    );
    passed
}

proptest! {
    #[test]
    fn no_text_breaks_the_guard(text in "\\PC{0,200}") {
        for dialect in [Dialect::Mysql, Dialect::Sqlite] {
            let _ = sql::check(&text, dialect);
            let _ = sql::check(&format!("SELECT {text}"), dialect);
        }
        let _ = guard::check(&text, &Catalog::default(), Dialect::Mongodb);
    }

    #[test]
    fn what_passes_is_stable(text in mutated()) {
        for dialect in [Dialect::Mysql, Dialect::Sqlite] {
            if let Ok(guarded) = sql::check(&text, dialect) {
                let out = guarded.text();
                let again = sql::check(&out, dialect).expect("what came out goes in again");
                prop_assert_eq!(again.text(), out);
                let _ = names::resolve(guarded, &Catalog::default(), dialect);
            }
        }
    }
}

/// SQLite says what each statement would do, before it does it.
#[test]
fn sqlite_sees_no_write_in_what_passes() {
    let connection = Connection::open_in_memory().expect("a database");
    connection.execute_batch(SHOP).expect("the shop");
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = seen.clone();
    connection
        .authorizer(Some(move |context: AuthContext<'_>| {
            let is_reading = match &context.action {
                AuthAction::Select | AuthAction::Recursive | AuthAction::Function { .. } => true,
                AuthAction::Read { table_name, .. } => !table_name.starts_with("sqlite_"),
                _ => false,
            };
            if !is_reading {
                told.lock().unwrap().push(format!("{:?}", context.action));
            }
            Authorization::Allow
        }))
        .expect("an authorizer");
    let mut prepared = 0;
    for text in passed(Dialect::Sqlite) {
        match connection.prepare(&text) {
            Ok(statement) => {
                assert!(statement.readonly(), "{text}");
                prepared += 1;
            }
            // Names that are not there, mostly; never a second statement.
            Err(rusqlite::Error::MultipleStatement) => panic!("several statements: {text}"),
            Err(_) => {}
        }
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        assert!(seen.is_empty(), "{text}\n{seen:?}");
    }
    assert!(prepared > 50, "only {prepared} texts meant something to SQLite");
}

/// As an administrator, who could do everything, in a transaction that is told to read only.
#[tokio::test]
async fn mariadb_sees_no_write_in_what_passes() {
    let database = mysql::database(SHOP);
    let source = connect(&database.admin_url()).expect("a URL");
    let content =
        || database.mysql("SELECT * FROM customers; SELECT * FROM orders; SELECT * FROM items; SHOW TABLES;");
    let before = content();
    let limits = Limits {
        time_ms: 5_000,
        ..Limits::default()
    };
    let mut ran = 0;
    for text in passed(Dialect::Mysql) {
        let result = match source.run(&text, &limits).await {
            Ok(rows) => values(rows).await.map(|_| ()),
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => ran += 1,
            Err(error) => {
                let words = error.to_string();
                let is_write = ["READ ONLY", "read-only", "OUTFILE", "prepared statement protocol"]
                    .iter()
                    .any(|word| words.contains(word));
                assert!(!is_write, "{text}\n{words}");
            }
        }
    }
    assert!(ran > 50, "only {ran} texts ran");
    assert_eq!(content(), before);
    assert!(!std::path::Path::new("/tmp/clean-custard-fuzz").exists());
}

/// Pipelines put together from values of good and hostile ones, at any depth.
#[tokio::test]
async fn mongodb_is_left_as_it_was_by_what_passes() {
    let database = crate::mongo::shop(mongo::shared()).await;
    let source = connect(&database.root_url()).expect("a URL");
    let catalog = source.catalog().await.expect("a catalog");
    let before = database.fingerprint().await;
    let pool: Vec<Value> = [
        include_str!("../corpus/mongo_allowed.jsonl"),
        include_str!("../corpus/mongo_refused.jsonl"),
    ]
    .into_iter()
    .flat_map(str::lines)
    .filter_map(|line| serde_json::from_str(line).ok())
    .collect();
    assert!(pool.len() > 100, "{}", pool.len());
    let mut runner = TestRunner::deterministic();
    let index = any::<prop::sample::Index>;
    let limits = Limits {
        time_ms: 5_000,
        ..Limits::default()
    };
    let (mut passed, mut ran) = (0, 0);
    for _ in 0..TRIES {
        let choice = (index(), index(), index(), index());
        let (first, second, place, taken) = choice.new_tree(&mut runner).expect("a choice").current();
        let mut query = first.get(&pool).clone();
        let other = second.get(&pool);
        let pieces = count(other);
        let piece = nth(&mut other.clone(), &mut taken.index(pieces))
            .expect("a piece")
            .clone();
        let places = count(&query);
        // The query itself stays one.
        if let Some(place) = nth(
            &mut query,
            &mut (1 + place.index(places.saturating_sub(1).max(1))),
        ) {
            *place = piece;
        }
        let Ok(checked) = guard::check(&query.to_string(), &catalog, Dialect::Mongodb) else {
            continue;
        };
        passed += 1;
        for never in [
            "\"$out\"",
            "\"$merge\"",
            "\"$function\"",
            "\"$where\"",
            "\"$accumulator\"",
            "\"$code\"",
        ] {
            // As a text between quotes it may stand for itself.
            let is_key = checked.text.contains(&format!("{never}:"));
            assert!(!is_key, "{}", checked.text);
        }
        match source.run(&checked.text, &limits).await {
            Ok(rows) => {
                if values(rows).await.is_ok() {
                    ran += 1;
                }
            }
            Err(Error::Refused(words)) => panic!("only the source refused it: {words}\n{}", checked.text),
            Err(_) => {}
        }
    }
    assert!(passed > 100 && ran > 50, "{passed} passed, {ran} ran");
    assert_eq!(database.fingerprint().await, before);
}

/// Values in a value, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// The value at a place, counted from the outermost.
fn nth<'v>(value: &'v mut Value, at: &mut usize) -> Option<&'v mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, at)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth(field, at)),
        _ => None,
    }
}
