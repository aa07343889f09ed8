//! Values come through exactly, and what has no plain form comes as text.

use serde_json::{Value, json};

use super::{full, source};
use crate::support::postgres::database;

#[tokio::test]
async fn values_of_every_common_type_come_through_exactly() {
    let database = database(
        "CREATE TYPE mood AS ENUM ('calm'); CREATE DOMAIN money_amount AS numeric(10, 2);
         CREATE TABLE v (b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, nd numeric(30, 10),
           t text, vc varchar(5), c char(3), ch \"char\", nm name, e mood, dm money_amount, by bytea, d date, ti time,
           ts timestamp, tz timestamptz, u uuid, j json, jb jsonb, o oid, iv interval, ttz timetz, ip inet,
           a int[], r int4range, bits bit(4), m money, p point, tv tsvector);
         INSERT INTO v VALUES (true, -32768, 2147483647, 9223372036854775807, 1.1, 0.1, 123456789012345678901234567890.123456789,
           12345678901234567890.0123456789, 'é ''x''', 'ab', 'a', 'z', 'nm', 'calm', 12.5, '\\x00ff', '2024-02-29', '13:45:00.5',
           '2024-02-29 13:45:00.123456', '2024-02-29 13:45:00+02', '00112233-4455-6677-8899-aabbccddeeff', '{\"a\": [1, 2.50]}',
           '{\"b\": 1}', 4294967295, '1 year 2 days 03:04:05', '13:45:00+02', '10.0.0.1', '{1,NULL,3}', '[1,5)', '1010', 12.34,
           '(1,2)', 'fat cat');
         INSERT INTO v DEFAULT VALUES;",
    );
    let source = source(&database.url());
    let (names, rows) = full(&*source, "SELECT * FROM v ORDER BY b").await;
    let expected = [
        ("b boolean", json!(true)),
        ("i2 integer", json!(-32768)),
        ("i4 integer", json!(2147483647)),
        ("i8 integer", json!("9223372036854775807")),
        ("f4 float", json!(1.1)),
        ("f8 float", json!(0.1)),
        ("n decimal", json!("123456789012345678901234567890.123456789")),
        ("nd decimal", json!("12345678901234567890.0123456789")),
        ("t text", json!("é 'x'")),
        ("vc text", json!("ab")),
        ("c text", json!("a  ")),
        ("ch text", json!("z")),
        ("nm text", json!("nm")),
        ("e text", json!("calm")),
        ("dm decimal", json!("12.50")),
        ("by binary", json!("AP8=")),
        ("d date", json!("2024-02-29")),
        ("ti time", json!("13:45:00.500")),
        ("ts timestamp", json!("2024-02-29T13:45:00.123456")),
        ("tz timestamp", json!("2024-02-29T11:45:00Z")),
        ("u uuid", json!("00112233-4455-6677-8899-aabbccddeeff")),
        ("j json", json!({"a": [1, 2.50]})),
        ("jb json", json!({"b": 1})),
        ("o integer", json!(4294967295_u32)),
        ("iv interval", json!("1 year 2 days 03:04:05")),
        ("ttz time", json!("13:45:00+02")),
        ("ip text", json!("10.0.0.1/32")),
        ("a array", json!("{1,NULL,3}")),
        ("r other", json!("[1,5)")),
        ("bits text", json!("1010")),
        ("m text", json!("$12.34")),
        ("p text", json!("(1,2)")),
        ("tv text", json!("'cat' 'fat'")),
    ];
    assert_eq!(names, expected.clone().map(|(name, _)| name));
    for (at, (name, value)) in expected.iter().enumerate() {
        assert_eq!(&rows[0][at], value, "{name}");
        assert_eq!(rows[1][at], Value::Null, "{name}");
    }
}

/// What Arrow's own types cannot say is said in text, never bent.
#[tokio::test]
async fn infinities_nan_and_the_far_past_come_as_text() {
    let database = database(
        "CREATE TABLE v (id int, d date, ts timestamp, tz timestamptz, ti time, n numeric(10, 2), f float8);
         INSERT INTO v VALUES (1, '2024-01-01', '2024-01-01', '2024-01-01 00:00+00', '10:00', 1.5, 1.5),
           (2, 'infinity', '-infinity', 'infinity', '24:00', 'NaN', 'NaN'),
           (3, '0044-03-15 BC', '12000-01-01', '0044-03-15 00:00+00 BC', '00:00', 2, 'infinity');",
    );
    let source = source(&database.url());
    let (names, rows) = full(&*source, "SELECT d, ts, ti, n FROM v ORDER BY id").await;
    assert_eq!(names, ["d date", "ts timestamp", "ti time", "n decimal"]);
    assert_eq!(
        rows[0],
        [
            json!("2024-01-01"),
            json!("2024-01-01 00:00:00"),
            json!("10:00:00"),
            json!("1.50")
        ]
    );
    assert_eq!(
        rows[1],
        [
            json!("infinity"),
            json!("-infinity"),
            json!("24:00:00"),
            json!("NaN")
        ]
    );
    assert_eq!(
        rows[2],
        [
            json!("0044-03-15 BC"),
            json!("12000-01-01 00:00:00"),
            json!("00:00:00"),
            json!("2.00")
        ]
    );
    // The same columns without such values keep their types.
    let (names, _) = full(&*source, "SELECT d, ts, ti, n FROM v WHERE id = 1").await;
    assert_eq!(names, ["d date", "ts timestamp", "ti time", "n decimal"]);
}

#[tokio::test]
async fn order_and_duplicate_names_survive_the_cast_to_text() {
    let database =
        database("CREATE TABLE v AS SELECT n AS id, ARRAY[n] AS a FROM generate_series(1, 20000) n;");
    let (names, rows) = full(
        &*source(&database.url()),
        "SELECT id, a, id AS \"a\" FROM v ORDER BY id DESC",
    )
    .await;
    assert_eq!(names, ["id integer", "a array", "a integer"]);
    assert_eq!(rows.len(), 20_000);
    assert_eq!(rows[0], [json!(20_000), json!("{20000}"), json!(20_000)]);
    assert!(rows.is_sorted_by(|a, b| a[0].as_i64() > b[0].as_i64()));
}
