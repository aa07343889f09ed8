//! Every type comes through exactly: as Arrow's own where that holds it, else as PostgreSQL writes it.

use serde_json::{Value, json};

use super::{full, source};
use crate::support::postgres::database;

/// Types and extensions the expressions below use.
const SCRIPT: &str = r#"
CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree;
CREATE TYPE mood AS ENUM ('calm', 'so "wild"', 'ü');
CREATE DOMAIN price AS numeric(10, 2) CHECK (VALUE >= 0);
CREATE DOMAIN low_price AS price CHECK (VALUE < 100);
CREATE DOMAIN moods AS mood[];
CREATE TYPE pair AS (a int, b text);
CREATE TYPE nested AS (p pair, at timestamptz, prices price[]);
CREATE TYPE spans AS RANGE (subtype = float8);
"#;

/// Expression, plain type word, JSON value.
fn exact() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("true", "boolean", json!(true)),
        ("'-32768'::int2", "integer", json!(-32768)),
        ("'-2147483648'::int4", "integer", json!(-2147483648_i64)),
        ("9007199254740992", "integer", json!(9007199254740992_i64)),
        ("9007199254740993", "integer", json!("9007199254740993")),
        (
            "'-9223372036854775808'::int8",
            "integer",
            json!("-9223372036854775808"),
        ),
        ("4294967295::oid", "integer", json!(4294967295_u32)),
        ("1.1::float4", "float", json!(1.1)),
        ("0.1::float8 + 0.2::float8", "float", json!(0.30000000000000004)),
        ("'5e-324'::float8", "float", json!(5e-324)),
        // numeric: declared, free, huge, tiny, special.
        ("12.5::numeric(10, 2)", "decimal", json!("12.50")),
        (
            "'-0.01'::numeric(38, 37)",
            "decimal",
            json!("-0.0100000000000000000000000000000000000"),
        ),
        (
            "repeat('9', 38)::numeric(38, 0)",
            "decimal",
            json!("9".repeat(38)),
        ),
        (
            "repeat('9', 39)::numeric(39, 0)",
            "decimal",
            json!("9".repeat(39)),
        ),
        ("12345::numeric(5, -2)", "decimal", json!("12300")),
        ("'NaN'::numeric(10, 2)", "decimal", json!("NaN")),
        ("'NaN'::numeric", "decimal", json!("NaN")),
        ("'-Infinity'::numeric", "decimal", json!("-Infinity")),
        ("1::numeric / 3", "decimal", json!("0.33333333333333333333")),
        (
            "('1' || repeat('0', 1000))::numeric",
            "decimal",
            json!(format!("1{}", "0".repeat(1000))),
        ),
        (
            "('0.' || repeat('0', 400) || '7')::numeric",
            "decimal",
            json!(format!("0.{}7", "0".repeat(400))),
        ),
        (
            "100000000.00010000::numeric",
            "decimal",
            json!("100000000.00010000"),
        ),
        ("9.99::low_price", "decimal", json!("9.99")),
        // text
        ("'é ''x'' 😀'::text", "text", json!("é 'x' 😀")),
        ("'ab'::char(4)", "text", json!("ab  ")),
        ("'ab'::varchar(1)", "text", json!("a")),
        ("'x'::\"char\"", "text", json!("x")),
        ("''::\"char\"", "text", json!("")),
        ("'so \"wild\"'::mood", "text", json!("so \"wild\"")),
        ("'ü'::mood", "text", json!("ü")),
        ("'Ab'::citext", "text", json!("Ab")),
        ("'a.b.c'::ltree", "text", json!("a.b.c")),
        ("'name'::name", "text", json!("name")),
        // bytes
        ("'\\x00ff'::bytea", "binary", json!("AP8=")),
        // dates and times
        ("'2024-02-29'::date", "date", json!("2024-02-29")),
        ("'0001-01-01'::date", "date", json!("0001-01-01")),
        ("'9999-12-31'::date", "date", json!("9999-12-31")),
        ("'infinity'::date", "date", json!("infinity")),
        ("'-infinity'::date", "date", json!("-infinity")),
        ("'0044-03-15 BC'::date", "date", json!("0044-03-15 BC")),
        ("'5874897-12-31'::date", "date", json!("5874897-12-31")),
        ("'13:45:00.000001'::time", "time", json!("13:45:00.000001")),
        ("'24:00'::time", "time", json!("24:00:00")),
        ("'13:45:00-03:30'::timetz", "time", json!("13:45:00-03:30")),
        (
            "'2024-02-29 23:59:59.999999'::timestamp",
            "timestamp",
            json!("2024-02-29T23:59:59.999999"),
        ),
        (
            "'2024-02-29 12:00+05:30'::timestamptz",
            "timestamp",
            json!("2024-02-29T06:30:00Z"),
        ),
        (
            "'1969-12-31 23:59:59.5+00'::timestamptz",
            "timestamp",
            json!("1969-12-31T23:59:59.500Z"),
        ),
        ("'infinity'::timestamptz", "timestamp", json!("infinity")),
        ("'-infinity'::timestamp", "timestamp", json!("-infinity")),
        (
            "'4713-01-01 00:00:00 BC'::timestamp",
            "timestamp",
            json!("4713-01-01 00:00:00 BC"),
        ),
        (
            "'294276-12-31 23:59:59.999999'::timestamp",
            "timestamp",
            json!("294276-12-31 23:59:59.999999"),
        ),
        (
            "'1 year -2 mons 3 days -04:05:06.000007'::interval",
            "interval",
            json!("10 mons 3 days -04:05:06.000007"),
        ),
        ("'0'::interval", "interval", json!("00:00:00")),
        // json keeps every digit of its numbers
        (
            "'{\"a\": [1, 2.50, null]}'::json",
            "json",
            json!({ "a": [1, 2.50, null] }),
        ),
        ("'[1, {\"b\": \"ü\"}]'::jsonb", "json", json!([1, { "b": "ü" }])),
        ("'null'::jsonb", "json", Value::Null),
        (
            "'00112233-4455-6677-8899-aabbccddeeff'::uuid",
            "uuid",
            json!("00112233-4455-6677-8899-aabbccddeeff"),
        ),
        // arrays
        ("ARRAY[1, NULL, 3]", "array", json!("{1,NULL,3}")),
        ("ARRAY[[1, 2], [3, NULL]]", "array", json!("{{1,2},{3,NULL}}")),
        ("'[2:3]={7,8}'::int[]", "array", json!("[2:3]={7,8}")),
        (
            "ARRAY['a b', 'c\"d', '', NULL, 'NULL']",
            "array",
            json!("{\"a b\",\"c\\\"d\",\"\",NULL,\"NULL\"}"),
        ),
        ("ARRAY['calm', 'ü']::moods", "array", json!("{calm,ü}")),
        ("'{}'::text[]", "array", json!("{}")),
        (
            "ARRAY['2024-01-01 00:00+00'::timestamptz]",
            "array",
            json!("{\"2024-01-01 00:00:00+00\"}"),
        ),
        // ranges
        ("'[1,5)'::int4range", "other", json!("[1,5)")),
        ("'empty'::int8range", "other", json!("empty")),
        (
            "'(,2024-01-01 00:00]'::tsrange",
            "other",
            json!("(,\"2024-01-01 00:00:00\"]"),
        ),
        ("'{[1,3), [5,)}'::int4multirange", "other", json!("{[1,3),[5,)}")),
        ("'[0.5,1.5]'::spans", "other", json!("[0.5,1.5]")),
        ("ARRAY['[1,2)'::int4range]", "array", json!("{\"[1,2)\"}")),
        // composites
        ("ROW(1, 'x, \"y\"')::pair", "other", json!("(1,\"x, \"\"y\"\"\")")),
        (
            "ROW(ROW(1, NULL), '2024-01-01 00:00+00', ARRAY[1.5, 2])::nested",
            "other",
            json!("(\"(1,)\",\"2024-01-01 00:00:00+00\",\"{1.50,2.00}\")"),
        ),
        ("ROW(1, 'anonymous')", "other", json!("(1,anonymous)")),
        // networks
        ("'10.0.0.1'::inet", "text", json!("10.0.0.1/32")),
        ("'10.1.0.0/16'::inet", "text", json!("10.1.0.0/16")),
        ("'::1/64'::inet", "text", json!("::1/64")),
        ("'10.1.0.0/16'::cidr", "text", json!("10.1.0.0/16")),
        ("'08:00:2b:01:02:03'::macaddr", "text", json!("08:00:2b:01:02:03")),
        (
            "'08:00:2b:01:02:03:04:05'::macaddr8",
            "text",
            json!("08:00:2b:01:02:03:04:05"),
        ),
        // the rest
        ("(-1234.5)::numeric::money", "text", json!("-$1,234.50")),
        ("B'1010'::bit(4)", "text", json!("1010")),
        ("B'101'::varbit", "text", json!("101")),
        ("'fat cats'::tsvector", "text", json!("'cats' 'fat'")),
        ("'fat & !rat'::tsquery", "text", json!("'fat' & !'rat'")),
        ("'(1,2.5)'::point", "text", json!("(1,2.5)")),
        ("'{1,-1,0}'::line", "text", json!("{1,-1,0}")),
        ("'[(0,0),(1,1)]'::lseg", "text", json!("[(0,0),(1,1)]")),
        ("'(2,2),(0,0)'::box", "text", json!("(2,2),(0,0)")),
        ("'[(0,0),(1,1)]'::path", "text", json!("[(0,0),(1,1)]")),
        (
            "'((0,0),(1,1),(1,0))'::polygon",
            "text",
            json!("((0,0),(1,1),(1,0))"),
        ),
        ("'<(1,2),3>'::circle", "text", json!("<(1,2),3>")),
        ("'pg_class'::regclass", "text", json!("pg_class")),
        ("'int4'::regtype", "text", json!("integer")),
        (
            "'a=>1, b=>NULL'::hstore",
            "text",
            json!("\"a\"=>\"1\", \"b\"=>NULL"),
        ),
        ("'0/16B3748'::pg_lsn", "text", json!("0/16B3748")),
        ("'10:20:10'::txid_snapshot", "text", json!("10:20:10")),
        ("'(0,1)'::tid", "text", json!("(0,1)")),
        ("'1 2 3'::int2vector", "array", json!("1 2 3")),
        ("'$.a[*]'::jsonpath", "text", json!("$.\"a\"[*]")),
        ("'<a>1</a>'::xml", "text", json!("<a>1</a>")),
        ("NULL", "text", Value::Null),
    ]
}

/// Each alone, and null of the same type beside it.
#[tokio::test]
async fn every_type_comes_through_exactly() {
    let database = database(SCRIPT);
    let source = source(&database.url());
    let mut wrong = Vec::new();
    for (expression, word, value) in exact() {
        let query = format!("SELECT v, nullif(1, 1) IS NULL AS b FROM (SELECT ({expression}) AS v) q");
        let (names, rows) = full(&*source, &query).await;
        if names[0] != format!("v {word}") || rows != [[value.clone(), json!(true)]] {
            wrong.push(format!(
                "{expression}: {} {}, not {word} {value}",
                names[0], rows[0][0]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All of them in one row, with a row of nulls after it: columns do not disturb each other.
#[tokio::test]
async fn all_types_together_come_through_exactly() {
    let database = database(SCRIPT);
    let all = exact();
    let some: Vec<String> = all
        .iter()
        .enumerate()
        .map(|(at, (expression, ..))| format!("({expression}) AS c{at}"))
        .collect();
    let query = format!(
        "SELECT q.* FROM (SELECT {}) q RIGHT JOIN (VALUES (1), (2)) n(n) ON n.n = 1 ORDER BY n.n",
        some.join(", ")
    );
    let (_, rows) = full(&*source(&database.url()), &query).await;
    for (at, (expression, _, value)) in all.iter().enumerate() {
        assert_eq!(&rows[0][at], value, "{expression}");
        assert_eq!(rows[1][at], Value::Null, "{expression}");
    }
}

/// Whatever the session's settings would be: the same texts. Only the time zone is the database's own, because
/// it decides what a day is.
#[tokio::test]
async fn settings_of_the_role_or_database_change_no_value() {
    let database = database(SCRIPT);
    database.psql(&format!(
        "ALTER DATABASE {0} SET datestyle = 'German'; ALTER DATABASE {0} SET intervalstyle = 'iso_8601';
         ALTER DATABASE {0} SET bytea_output = 'escape'; ALTER DATABASE {0} SET extra_float_digits = -5;
         ALTER DATABASE {0} SET timezone = 'Asia/Tokyo'; ALTER DATABASE {0} SET search_path = 'public';",
        database.name
    ));
    let (_, rows) = full(
        &*source(&database.url()),
        "SELECT ARRAY['2024-02-29'::date] AS a, '1 day'::interval AS b, ARRAY['\\x01'::bytea] AS c, \
         ARRAY[0.1::float8 + 0.2::float8] AS d, '2024-02-29 12:00+00'::timestamptz AS e, \
         ARRAY['2024-02-29 12:00+00'::timestamptz] AS f",
    )
    .await;
    assert_eq!(
        rows[0],
        [
            json!("{2024-02-29}"),
            json!("1 day"),
            json!("{\"\\\\x01\"}"),
            json!("{0.30000000000000004}"),
            json!("2024-02-29T12:00:00Z"),
            json!("{\"2024-02-29 21:00:00+09\"}"),
        ]
    );
}

/// What does not fit only shows after rows have been handed on: an error then, and text the next time.
#[tokio::test]
async fn a_value_without_plain_form_after_many_rows_is_an_error_and_then_text() {
    let database = database(
        "CREATE TABLE v AS SELECT n, CASE WHEN n < 90000 THEN DATE '2024-01-01' + n % 100 ELSE 'infinity' END AS d
         FROM generate_series(1, 90000) n;",
    );
    let source = source(&database.url());
    let query = "SELECT n, d FROM v ORDER BY n";
    let error = super::query(&*source, query)
        .await
        .expect_err("a column of dates cannot hold infinity");
    assert!(error.to_string().contains("column \"d\""), "{error}");
    let rows = super::query(&*source, query).await.expect("now as text");
    assert_eq!(rows.len(), 90_000);
    assert_eq!(rows[0][1], json!("2024-01-02"));
    assert_eq!(rows[89_999][1], json!("infinity"));
}

#[tokio::test]
async fn text_that_is_no_text_is_refused() {
    let database = crate::support::postgres::database("");
    database.psql(
        "CREATE DATABASE raw_bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C';",
    );
    let url = database
        .admin_url()
        .replace(&format!("/{}", database.name), "/raw_bytes");
    let source = source(&url);
    let error = super::query(&*source, "SELECT convert_from('\\xff'::bytea, 'SQL_ASCII') AS t")
        .await
        .expect_err("not UTF-8");
    assert!(error.to_string().contains("UTF8"), "{error}");
}
