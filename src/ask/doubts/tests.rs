//! The checks on a small shop, each with what it says and with what it lets pass.

use serde_json::json;

use super::*;
use crate::catalog::{Column, ColumnKind, ForeignKey, Table};

fn column(name: &str, type_name: &str, kind: ColumnKind) -> Column {
    Column {
        name: name.into(),
        type_name: type_name.into(),
        kind,
        ..Column::default()
    }
}

fn table(name: &str, columns: Vec<Column>) -> Table {
    Table {
        name: name.into(),
        row_estimate: Some(1000),
        primary_key: vec!["id".into()],
        columns,
        ..Table::default()
    }
}

fn shop() -> Catalog {
    let id = || column("id", "integer", ColumnKind::Integer);
    let integer = |name| column(name, "integer", ColumnKind::Integer);
    let text = |name| column(name, "text", ColumnKind::Text);
    let mut city = text("city");
    city.values = vec!["Berlin".into(), "Oslo".into()];
    city.values_complete = true;
    let mut name = text("name");
    name.values = vec!["Ada Lovelace".into()];
    let mut joined = text("joined");
    joined.values = vec!["31.12.2023".into(), "01.02.2024".into()];
    let mut day = text("day");
    day.values = vec!["2024-01-02".into()];
    let key = |column: &str, table: &str| ForeignKey {
        columns: vec![column.into()],
        table: table.into(),
        references: vec!["id".into()],
        ..ForeignKey::default()
    };
    let mut orders = table(
        "orders",
        vec![
            id(),
            integer("customer_id"),
            integer("total"),
            integer("items"),
            day,
        ],
    );
    orders.foreign_keys.push(key("customer_id", "customers"));
    let mut lines = table("lines", vec![id(), integer("order_id"), integer("price")]);
    lines.foreign_keys.push(key("order_id", "orders"));
    let mut visits = table(
        "visits",
        vec![
            integer("customer_id"),
            column("seen", "bigint", ColumnKind::Integer),
        ],
    );
    visits.primary_key.clear();
    visits.columns[0].distinct_estimate = Some(200);
    Catalog {
        tables: vec![
            table("customers", vec![id(), name, city, joined, integer("credit")]),
            orders,
            lines,
            visits,
        ],
    }
}

/// The codes of what is said, whatever the result.
fn codes(sql: &str) -> Vec<String> {
    said(sql, Dialect::Postgresql)
        .into_iter()
        .map(|doubt| doubt.finding.code)
        .collect()
}

fn said(sql: &str, dialect: Dialect) -> Vec<Doubt> {
    let catalog = shop();
    let resolved = guard::check(sql, &catalog, dialect).unwrap_or_else(|error| panic!("{sql}: {error}"));
    of(&resolved.text, &catalog, dialect)
}

fn says(code: &str, queries: &[&str]) {
    for sql in queries {
        assert_eq!(codes(sql), [code], "{sql}");
    }
}

fn says_nothing(queries: &[&str]) {
    for sql in queries {
        assert_eq!(codes(sql), [""; 0], "{sql}");
    }
}

#[test]
fn a_join_that_repeats_what_is_added_up() {
    says(
        "join_repeats_rows",
        &[
            "SELECT sum(c.credit) FROM customers c JOIN orders o ON o.customer_id = c.id",
            "SELECT c.city, sum(credit) FROM customers c LEFT JOIN orders o ON c.id = o.customer_id GROUP BY c.city",
            "SELECT sum(c.credit) FROM customers c, orders o WHERE o.customer_id = c.id AND o.total > 5",
            "SELECT sum(o.total) FROM orders o JOIN customers c ON c.id = o.customer_id JOIN lines l ON l.order_id = o.id",
            "SELECT avg(o.total) FROM orders o JOIN lines l ON l.order_id = o.id",
            "SELECT count(c.id) FROM customers c JOIN orders o ON o.customer_id = c.id",
            "SELECT sum(c.credit) FROM customers c JOIN visits v ON v.customer_id = c.id",
            "WITH x AS (SELECT sum(c.credit) AS s FROM customers c JOIN orders o ON o.customer_id = c.id) SELECT s FROM x",
        ],
    );
    says_nothing(&[
        "SELECT sum(o.total) FROM orders o JOIN customers c ON c.id = o.customer_id",
        "SELECT c.city, sum(o.total), count(DISTINCT c.id) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.city",
        "SELECT sum(l.price), max(o.total) FROM orders o JOIN lines l ON l.order_id = o.id",
        "SELECT sum(c.credit) FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)",
        "SELECT sum(c.credit) FROM customers c JOIN (SELECT customer_id FROM orders GROUP BY customer_id) o ON o.customer_id = c.id",
        "SELECT c.id, avg(c.credit) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id",
        "SELECT count(*), count(c.city) FROM customers c JOIN orders o ON o.customer_id = c.id",
        // Which of the orders match is more than a key tells.
        "SELECT sum(c.credit) FROM customers c JOIN orders o ON o.customer_id = c.id AND o.items > c.credit",
    ]);
}

#[test]
fn a_value_that_does_not_exist() {
    says(
        "unknown_value",
        &[
            "SELECT count(*) FROM customers WHERE city = 'Berlim'",
            "SELECT count(*) FROM customers WHERE city IN ('Oslo', 'Rome')",
            "SELECT count(*) FROM customers WHERE lower(city) = 'rome'",
            "SELECT count(*) FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND c.city = 'oslo')",
            "SELECT count(*) FROM customers WHERE name = 'Ada Lovelase'",
        ],
    );
    says_nothing(&[
        "SELECT count(*) FROM customers WHERE city = 'Oslo'",
        "SELECT count(*) FROM customers WHERE lower(city) = 'oslo'",
        "SELECT count(*) FROM customers WHERE city <> 'Rome' AND city NOT IN ('Rome')",
        "SELECT count(*) FROM customers WHERE name = 'Bob'",
    ]);
    let berlim = said(
        "SELECT count(*) FROM customers WHERE city = 'Berlim'",
        Dialect::Postgresql,
    );
    assert_eq!(
        berlim[0].finding.message,
        "As far as the catalog knows, no customers.city is “Berlim”; the nearest is “Berlin”."
    );
    // Not every name is known, so it only counts when nothing came.
    let ada = || {
        said(
            "SELECT count(*) FROM customers WHERE name = 'Ada Lovelase'",
            Dialect::Postgresql,
        )
    };
    assert!(findings(ada(), &[vec![json!(3)]], 1).is_empty());
    for rows in [
        vec![],
        vec![vec![json!(0)]],
        vec![vec![json!(null)]],
        vec![vec![json!("0.00")]],
    ] {
        assert_eq!(findings(ada(), &rows, rows.len() as u64).len(), 1, "{rows:?}");
    }
}

#[test]
fn whole_numbers_divided() {
    says(
        "whole_division",
        &[
            "SELECT total / items FROM orders",
            "SELECT count(*) / 12 FROM orders",
            "SELECT sum(CASE WHEN total > 5 THEN 1 ELSE 0 END) / count(*) FROM orders",
            "SELECT (total + 1) / NULLIF(items, 0) FROM orders",
        ],
    );
    says_nothing(&[
        "SELECT total / 1.5, total * 1.0 / items FROM orders",
        "SELECT total::numeric / items FROM orders",
        "SELECT total / 10 * 10 FROM orders",
        "SELECT avg(total) / 2 FROM orders",
        // numeric in PostgreSQL
        "SELECT sum(seen) / 2 FROM visits",
    ]);
    assert!(said("SELECT total / items FROM orders", Dialect::Mysql).is_empty());
    assert_eq!(said("SELECT sum(seen) / 2 FROM visits", Dialect::Sqlite).len(), 1);
}

#[test]
fn text_compared_by_letters() {
    says(
        "text_compared",
        &[
            "SELECT count(*) FROM customers WHERE joined >= '01.01.2024'",
            "SELECT count(*) FROM customers WHERE joined BETWEEN '2024-01-01' AND '2024-12-31'",
            "SELECT count(*) FROM customers WHERE city > '9'",
        ],
    );
    says_nothing(&[
        "SELECT count(*) FROM orders WHERE day >= '2024-01-01'",
        "SELECT count(*) FROM customers WHERE city > 'M'",
        "SELECT count(*) FROM orders WHERE total > 5",
    ]);
}

#[test]
fn a_limit_in_no_order() {
    says(
        "limit_without_order",
        &[
            "SELECT city FROM customers LIMIT 5",
            "SELECT city, count(*) FROM customers GROUP BY city LIMIT 1",
            "SELECT count(*) FROM (SELECT city FROM customers LIMIT 5) x",
        ],
    );
    says_nothing(&[
        "SELECT city FROM customers ORDER BY city LIMIT 5",
        "SELECT count(*) FROM customers LIMIT 1",
        "SELECT 1 LIMIT 1",
    ]);
    let five = || said("SELECT city FROM customers LIMIT 5", Dialect::Postgresql);
    assert!(findings(five(), &[], 3).is_empty());
    assert_eq!(findings(five(), &[], 5).len(), 1);
}

#[test]
fn what_is_nested_deeply_is_looked_at_all_the_same() {
    let sql = format!(
        "SELECT {}total / items{} FROM orders",
        "(".repeat(40),
        ")".repeat(40)
    );
    says("whole_division", &[&sql]);
}
