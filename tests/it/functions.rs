//! Every function on the guard's list exists where it is said to: what passes the guard must not fail for a
//! function that the engine has never heard of.

use std::collections::BTreeSet;

use clean_custard::guard::functions;
use clean_custard::source::files::{Engine, Files};
use clean_custard::source::{Dialect, Limits, Source};

use crate::support::postgres::database;

/// What PostgreSQL has as part of its grammar, each in use.
const GRAMMAR: &[(&str, &str)] = &[
    ("coalesce", "coalesce(NULL, 1)"),
    ("nullif", "nullif(1, 2)"),
    ("greatest", "greatest(1, 2)"),
    ("least", "least(1, 2)"),
    ("grouping", "grouping(n)"),
    ("trim", "trim(' x ')"),
    ("current_date", "current_date"),
    ("current_time", "current_time"),
    ("current_timestamp", "current_timestamp"),
    ("localtime", "localtime"),
    ("localtimestamp", "localtimestamp"),
    ("current_catalog", "current_catalog"),
    ("current_role", "current_role"),
    ("user", "user"),
    ("array", "array(SELECT 1)"),
    ("row", "row(1, 2)"),
];

#[test]
fn postgresql_has_every_function_on_its_list() {
    let database = database(
        "CREATE EXTENSION fuzzystrmatch; CREATE EXTENSION hstore; CREATE EXTENSION ltree;
         CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent;",
    );
    let known = database.value("SELECT DISTINCT proname FROM pg_proc");
    let mut known: BTreeSet<&str> = known.lines().collect();
    for (name, call) in GRAMMAR {
        database.value(&format!("SELECT {call} FROM (SELECT 1 AS n) t GROUP BY n"));
        known.insert(name);
    }
    let version: u32 = database
        .value("SELECT current_setting('server_version_num')")
        .parse()
        .expect("a number");
    let newer: BTreeSet<&str> = functions::newer().collect();
    let missing: Vec<&str> = functions::allowed(Dialect::Postgresql)
        .filter(|name| !known.contains(name) && !newer.contains(name))
        .collect();
    assert!(missing.is_empty(), "PostgreSQL does not know {missing:?}");
    let not_newer: Vec<&&str> = newer.iter().filter(|name| known.contains(*name)).collect();
    assert!(
        version >= 160_000 || not_newer.is_empty(),
        "{not_newer:?} are in {version}"
    );
}

#[tokio::test]
async fn the_file_engine_has_every_function_on_its_list() {
    let dir = tempfile::tempdir().expect("a temp folder");
    let files = Files::new(
        Vec::new(),
        Engine {
            memory_bytes: 64 << 20,
            spill_dir: dir.path().join("spill"),
        },
    );
    let mut missing = Vec::new();
    for name in functions::allowed(Dialect::Datafusion) {
        // Most calls are wrong in their arguments, which is another error than a name nobody knows. Window
        // functions are known in windows only, and those that give rows in FROM.
        let mut is_known = false;
        for query in [
            format!("SELECT \"{name}\"()"),
            format!("SELECT \"{name}\"() OVER ()"),
            format!("SELECT * FROM {name}(1, 2)"),
            format!("SELECT * FROM {name}(ARRAY[1, 2])"),
        ] {
            let result = files.run(&query, &Limits::default()).await;
            let told = result
                .err()
                .map_or(String::new(), |error| error.to_string().to_lowercase());
            is_known |= !told.contains("invalid function")
                && !told.contains("not found")
                && !told.contains("there is no table")
                && !told.contains("parse");
        }
        if !is_known {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "DataFusion does not know {missing:?}");
}
