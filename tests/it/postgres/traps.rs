//! Traps: functions, operators, casts and types of somebody else's that are called like PostgreSQL's own and fit
//! better. Each leaves a file behind when it runs, which no read-only transaction prevents for a superuser; none
//! may ever run. And what customers have for good reasons goes on working.

use std::sync::Arc;

use clean_custard::error::Error;
use clean_custard::guard;
use clean_custard::source::{Dialect, Limits, Source, connect};
use serde_json::{Value, json};

use crate::support::conformance::values;
use crate::support::postgres::{Database, database, shared};

const SHOP: &str = "
CREATE TYPE mood AS ENUM ('calm', 'wild');
CREATE TABLE people (id int PRIMARY KEY, name varchar(40), city varchar(40), mood mood, tags varchar[], share float8);
INSERT INTO people VALUES (1, 'Ada', 'Paris', 'calm', '{a,b}', 1.5), (2, 'Bob', 'Rome', 'wild', '{}', 2.25);
CREATE TABLE visits (id int PRIMARY KEY, name varchar(40));
INSERT INTO visits VALUES (1, 'Ada'), (2, 'Ada');";

/// A function that writes a file named after the trap, and the traps that call it.
fn traps(database: &Database<'_>) -> String {
    let folder = shared().data_dir();
    let folder = folder.display();
    let name = &database.name;
    let mut script = format!(
        "CREATE FUNCTION public.fire(what text) RETURNS void LANGUAGE plpgsql AS $$
         BEGIN EXECUTE format('COPY (SELECT 1) TO %L', '{folder}/trap-{name}-' || what); END $$;
         CREATE FUNCTION public.sum_trap(varchar, varchar) RETURNS varchar LANGUAGE plpgsql AS $$
         BEGIN PERFORM public.fire('aggregate'); RETURN $2; END $$;
         CREATE AGGREGATE public.max(varchar) (SFUNC = public.sum_trap, STYPE = varchar);
         CREATE FUNCTION public.trap(people) RETURNS text LANGUAGE plpgsql AS $$
         BEGIN PERFORM public.fire('field'); RETURN 'x'; END $$;
         CREATE FUNCTION public.checked(text) RETURNS bool LANGUAGE plpgsql AS $$
         BEGIN PERFORM public.fire('domain'); RETURN true; END $$;
         CREATE DOMAIN public.money AS text CHECK (public.checked(VALUE));
         CREATE DOMAIN public.date AS text CHECK (public.checked(VALUE));
         CREATE FUNCTION public.unnest(varchar[]) RETURNS SETOF varchar LANGUAGE plpgsql AS $$
         BEGIN PERFORM public.fire('unnest'); RETURN; END $$;
         CREATE FUNCTION public.generate_series(smallint, smallint) RETURNS SETOF int LANGUAGE plpgsql AS $$
         BEGIN PERFORM public.fire('series'); RETURN; END $$;"
    );
    for (name, arguments, result) in [
        ("lower", "varchar", "text"),
        ("upper", "text", "text"),
        ("substring", "varchar, int, int", "text"),
        ("substr", "varchar, int", "text"),
        ("ceil", "int", "int"),
        ("floor", "int", "int"),
        ("round", "float8, int", "float8"),
        ("concat", "varchar, varchar", "text"),
        ("similarity", "varchar, varchar", "real"),
        ("json_array", "varchar", "json"),
        ("left", "varchar, int", "text"),
        ("now", "", "timestamptz"),
        ("replace", "varchar, varchar, varchar", "text"),
    ] {
        script.push_str(&format!(
            "CREATE FUNCTION public.{name}({arguments}) RETURNS {result} LANGUAGE plpgsql AS $$
             BEGIN PERFORM public.fire('function-{name}'); RETURN NULL; END $$;\n"
        ));
    }
    script
}

/// Operators that fit a `varchar` better than PostgreSQL's own for `text`.
fn operators() -> String {
    let mut script = String::new();
    for (at, (name, result)) in [
        ("=", "bool"),
        ("<>", "bool"),
        ("<", "bool"),
        (">=", "bool"),
        ("<=", "bool"),
        ("||", "text"),
        ("~~", "bool"),
        ("~", "bool"),
    ]
    .into_iter()
    .enumerate()
    {
        script.push_str(&format!(
            "CREATE FUNCTION public.op_{at}(varchar, varchar) RETURNS {result} LANGUAGE plpgsql AS $$
             BEGIN PERFORM public.fire('operator-{at}'); RETURN NULL; END $$;
             CREATE OPERATOR public.{name} (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.op_{at});\n"
        ));
    }
    script
}

/// Files that traps of this database have left, by name.
fn fired(database: &Database<'_>) -> Vec<String> {
    let mark = format!("trap-{}-", database.name);
    let mut names: Vec<String> = std::fs::read_dir(shared().data_dir())
        .expect("the server's folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_prefix(&mark).map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// As the product asks: the guard with the catalog, then the source.
async fn ask(source: &Arc<dyn Source>, query: &str) -> Result<Vec<Vec<Value>>, Error> {
    let catalog = source.catalog().await?;
    let resolved = guard::check(query, &catalog, Dialect::Postgresql)?;
    values(source.run(&resolved.text, &Limits::default()).await?).await
}

/// What each is to give, where it gives something at all.
const QUERIES: &[(&str, &str)] = &[
    (
        "SELECT lower(name) FROM people ORDER BY id",
        r#"[["ada"],["bob"]]"#,
    ),
    ("SELECT upper(name) FROM people WHERE id = 1", r#"[["ADA"]]"#),
    ("SELECT max(name) FROM people", r#"[["Bob"]]"#),
    (
        "SELECT substring(name, 1, 2) FROM people WHERE id = 1",
        r#"[["Ad"]]"#,
    ),
    (
        "SELECT substring(name FROM 2) FROM people WHERE id = 1",
        r#"[["da"]]"#,
    ),
    ("SELECT substr(name, 2) FROM people WHERE id = 1", r#"[["da"]]"#),
    (
        "SELECT ceil(id), floor(id) FROM people WHERE id = 1",
        "[[1.0,1.0]]",
    ),
    (
        "SELECT concat(name, city) FROM people WHERE id = 1",
        r#"[["AdaParis"]]"#,
    ),
    ("SELECT left(name, 1) FROM people WHERE id = 1", r#"[["A"]]"#),
    (
        "SELECT replace(name, 'A', 'E') FROM people WHERE id = 1",
        r#"[["Eda"]]"#,
    ),
    ("SELECT now() IS NULL", "[[false]]"),
    (
        "SELECT u FROM people, unnest(tags) AS u WHERE id = 1",
        r#"[["a"],["b"]]"#,
    ),
    ("SELECT unnest(tags) FROM people WHERE id = 1", r#"[["a"],["b"]]"#),
    (
        // PostgreSQL's own has no form for these; the trap would have.
        "SELECT count(*) FROM generate_series(1::smallint, 3::smallint) AS g",
        "",
    ),
    ("SELECT round(share, 1) FROM people", ""),
    ("SELECT similarity(name, city) FROM people", ""),
    ("SELECT json_array(name) FROM people", ""),
    ("SELECT (people).trap FROM people", ""),
    ("SELECT (p).trap FROM people AS p", ""),
    ("SELECT p.trap FROM people AS p", ""),
    ("SELECT '2024-02-29'::date = date '2024-02-29'", "[[true]]"),
    ("SELECT '5'::money IS NOT NULL", "[[true]]"),
    ("SELECT id FROM people WHERE name = city OR name = 'Ada'", "[[1]]"),
    ("SELECT id FROM people WHERE name IN (city, 'Bob')", "[[2]]"),
    (
        "SELECT id FROM people WHERE name BETWEEN city AND 'Z' OR id = 1",
        "[[1]]",
    ),
    (
        "SELECT id FROM people WHERE name LIKE city OR name LIKE 'A%'",
        "[[1]]",
    ),
    ("SELECT id FROM people WHERE name ~ city OR id = 2", "[[2]]"),
    (
        "SELECT name || city FROM people WHERE id = 1",
        r#"[["AdaParis"]]"#,
    ),
    (
        "SELECT CASE name WHEN city THEN 1 ELSE 0 END FROM people",
        "[[0],[0]]",
    ),
    (
        "SELECT nullif(name, city) IS NULL FROM people",
        "[[false],[false]]",
    ),
    (
        "SELECT id FROM people WHERE name IS DISTINCT FROM city ORDER BY id",
        "[[1],[2]]",
    ),
    ("SELECT count(*) FROM people JOIN visits USING (name)", "[[2]]"),
    (
        "SELECT count(*) FROM people AS p JOIN visits AS v ON p.name = v.name",
        "[[2]]",
    ),
    (
        "SELECT id FROM people WHERE name = ANY (ARRAY[city, 'Ada'])",
        "[[1]]",
    ),
    (
        "SELECT id FROM people WHERE name IN (SELECT v.name FROM visits AS v)",
        "[[1]]",
    ),
    (
        "SELECT name FROM people WHERE mood = 'wild'::mood",
        r#"[["Bob"]]"#,
    ),
    (
        "WITH p AS (SELECT name FROM people) SELECT count(*) FROM p WHERE name >= 'B'",
        "[[1]]",
    ),
];

/// The traps do work: without the product, in a read-only transaction, the plain texts fire them.
fn prove(database: &Database<'_>) {
    database.psql(
        "BEGIN READ ONLY; SELECT lower(name), max(name) OVER (), ceil(id) FROM people;
         SELECT id FROM people WHERE name = city; SELECT (people).trap FROM people; ROLLBACK;",
    );
    assert!(fired(database).len() >= 4, "{:?}", fired(database));
    for name in fired(database) {
        let path = shared().data_dir().join(format!("trap-{}-{name}", database.name));
        std::fs::remove_file(path).expect("the mark goes");
    }
}

async fn all_queries_are_right(source: &Arc<dyn Source>, database: &Database<'_>) {
    for (query, expected) in QUERIES {
        let found = ask(source, query).await;
        assert_eq!(fired(database), Vec::<String>::new(), "{query}: {found:?}");
        match (&found, *expected) {
            (Err(error), "") => {
                let told = error.to_string();
                assert!(told.ends_with(['.', '?']), "no sentence: {told}");
            }
            (Ok(rows), expected) if !expected.is_empty() => {
                assert_eq!(json!(rows).to_string(), expected, "{query}");
            }
            _ => panic!("{query}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn no_trap_on_the_path_fires() {
    let database = database(SHOP);
    database.psql(&traps(&database));
    database.psql(&operators());
    prove(&database);
    all_queries_are_right(&connect(&database.admin_url()).expect("a URL"), &database).await;
    // Somebody's path that has PostgreSQL's own names last.
    database.psql(&format!(
        "ALTER DATABASE {} SET search_path = public, pg_catalog",
        database.name
    ));
    all_queries_are_right(&connect(&database.admin_url()).expect("a URL"), &database).await;
}

/// While the source is in use, and between two queries of the same text.
#[tokio::test]
async fn a_trap_made_later_does_not_fire_either() {
    let database = database(SHOP);
    let source = connect(&database.admin_url()).expect("a URL");
    let query = "SELECT lower(name) FROM people WHERE name = city OR id = 1";
    assert_eq!(ask(&source, query).await.expect("it runs"), [[json!("ada")]]);
    database.psql(&traps(&database));
    database.psql(&operators());
    // Nobody looks again within a second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(ask(&source, query).await.expect("it runs"), [[json!("ada")]]);
    assert_eq!(fired(&database), Vec::<String>::new());
    all_queries_are_right(&source, &database).await;
}

#[tokio::test]
async fn a_cast_that_may_do_anything_closes_the_database() {
    let database = database(SHOP);
    database.psql(&traps(&database));
    database.psql(
        "CREATE FUNCTION public.to_point(varchar) RETURNS point LANGUAGE plpgsql AS $$
         BEGIN PERFORM public.fire('cast'); RETURN NULL; END $$;
         CREATE CAST (varchar AS point) WITH FUNCTION public.to_point(varchar) AS IMPLICIT;",
    );
    let source = connect(&database.admin_url()).expect("a URL");
    let error = ask(&source, "SELECT id FROM people")
        .await
        .expect_err("nothing runs");
    assert!(
        matches!(&error, Error::Refused(text) if text.contains("cast from character varying to point")),
        "{error:?}"
    );
    let warnings = source.check().await.expect("it is reached").role_warnings;
    assert!(
        warnings.iter().any(|text| text.contains("cast from")),
        "{warnings:?}"
    );
    assert_eq!(fired(&database), Vec::<String>::new());
    // One that can only calculate is the customer's own affair.
    database.psql("ALTER FUNCTION public.to_point(varchar) STABLE;");
    let source = connect(&database.admin_url()).expect("a URL");
    assert_eq!(
        ask(&source, "SELECT count(*) FROM people")
            .await
            .expect("it runs"),
        [[json!(2)]]
    );
}

/// Extensions change what `=` or `replace` mean for their own types; that has to stay so.
#[tokio::test]
async fn extensions_keep_their_meaning() {
    let database = database(
        "CREATE EXTENSION citext; CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; CREATE EXTENSION pg_trgm;
         CREATE EXTENSION unaccent SCHEMA ext;
         CREATE TABLE people (id int); CREATE TABLE users (id int, email citext, more ext.hstore);
         INSERT INTO users VALUES (1, 'Ada@Example.com', 'a=>1'), (2, 'bob@example.com', 'a=>2');",
    );
    database.psql(&format!(
        "ALTER DATABASE {} SET search_path = public, ext",
        database.name
    ));
    for url in [database.admin_url(), database.url()] {
        if url == database.url() {
            database.psql("GRANT USAGE ON SCHEMA ext TO PUBLIC");
        }
        let source = connect(&url).expect("a URL");
        for (query, expected) in [
            ("SELECT id FROM users WHERE email = 'ADA@EXAMPLE.COM'", "[[1]]"),
            ("SELECT id FROM users WHERE email LIKE 'BOB%'", "[[2]]"),
            ("SELECT id FROM users WHERE email IN ('BOB@example.com')", "[[2]]"),
            (
                "SELECT replace(email, 'ADA', 'eve') FROM users WHERE id = 1",
                r#"[["eve@Example.com"]]"#,
            ),
            ("SELECT max(email) FROM users", r#"[["bob@example.com"]]"#),
            ("SELECT more -> 'a' FROM users WHERE id = 2", r#"[["2"]]"#),
            (
                "SELECT unaccent('né'), similarity('word', 'word')",
                r#"[["ne",1.0]]"#,
            ),
            ("SELECT 'x' % 'x'", "[[true]]"),
        ] {
            let rows = match ask(&source, query).await {
                Ok(rows) => rows,
                Err(error) => panic!("{query}: {error}"),
            };
            assert_eq!(json!(rows).to_string(), expected, "{query}");
        }
    }
    // Beside such an extension, a trap makes it uncertain what is called, and nothing runs.
    database.psql(&traps(&database));
    let source = connect(&database.admin_url()).expect("a URL");
    let error = ask(&source, "SELECT replace(email, 'a', 'b') FROM users").await;
    assert!(
        matches!(&error, Err(Error::Refused(text)) if text.contains("replace")),
        "{error:?}"
    );
    assert_eq!(
        ask(&source, "SELECT id FROM users WHERE email = 'ADA@EXAMPLE.COM'")
            .await
            .expect("it runs"),
        [[json!(1)]]
    );
    database.psql(&operators());
    let source = connect(&database.admin_url()).expect("a URL");
    let error = ask(&source, "SELECT id FROM users WHERE email = 'x'").await;
    assert!(
        matches!(&error, Err(Error::Refused(text)) if text.contains("ALTER EXTENSION")),
        "{error:?}"
    );
    assert_eq!(fired(&database), Vec::<String>::new());
}

/// Functions of a view's own may look for tables along the path they have always had, and may not write.
#[tokio::test]
async fn views_with_functions_of_their_own_run_read_only() {
    let database = database(
        "CREATE SCHEMA app; CREATE TABLE app.rates (rate numeric); INSERT INTO app.rates VALUES (2);
         CREATE TABLE app.prices (id int, price numeric); INSERT INTO app.prices VALUES (1, 10), (2, 20);
         CREATE FUNCTION app.gross(p numeric) RETURNS numeric LANGUAGE plpgsql AS $$
         BEGIN RETURN p * (SELECT rate FROM rates); END $$;
         CREATE VIEW app.gross_prices AS SELECT id, app.gross(price) AS gross FROM app.prices;
         CREATE FUNCTION app.log() RETURNS int LANGUAGE plpgsql AS $$
         BEGIN INSERT INTO rates VALUES (3); RETURN 1; END $$;
         CREATE VIEW app.logged AS SELECT app.log() AS n;",
    );
    database.psql(&format!("ALTER DATABASE {} SET search_path = app", database.name));
    let source = connect(&database.admin_url()).expect("a URL");
    assert_eq!(
        ask(&source, "SELECT sum(gross) FROM gross_prices")
            .await
            .expect("it runs"),
        [[json!("60")]]
    );
    let error = ask(&source, "SELECT n FROM logged").await.expect_err("it writes");
    assert!(error.to_string().contains("read-only"), "{error}");
    assert_eq!(database.value("SELECT count(*) FROM app.rates"), "1");
    assert_eq!(
        ask(&source, "SELECT current_schema()").await.expect("it runs"),
        [[json!("app")]]
    );
}
