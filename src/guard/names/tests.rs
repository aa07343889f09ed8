//! Unit tests of names and scopes.

use super::*;
use crate::catalog::{Column, Table};
use crate::guard::sql;

fn table(schema: Option<&str>, name: &str, columns: &[&str]) -> Table {
    Table {
        schema: schema.map(str::to_owned),
        name: name.into(),
        columns: columns
            .iter()
            .map(|name| Column {
                name: (*name).into(),
                ..Column::default()
            })
            .collect(),
        ..Table::default()
    }
}

fn shop() -> Catalog {
    Catalog {
        tables: vec![
            table(Some("public"), "customers", &["id", "name", "city", "Joined On"]),
            table(
                Some("public"),
                "orders",
                &["id", "customer_id", "total", "status"],
            ),
            table(Some("sales"), "regions", &["id", "name"]),
            table(Some("a"), "twice", &["x"]),
            table(Some("b"), "twice", &["y"]),
        ],
    }
}

fn files() -> Catalog {
    Catalog {
        tables: vec![
            table(None, "Orders", &["Id", "Customer", "Total", "day"]),
            table(None, "people", &["id", "name", "City"]),
        ],
    }
}

fn postgresql(text: &str) -> Result<Resolved> {
    let guarded = sql::check(text, Dialect::Postgresql).expect("it passes the guard");
    resolve(guarded, &shop(), Dialect::Postgresql)
}

fn datafusion(text: &str) -> Result<Resolved> {
    let guarded = sql::check(text, Dialect::Datafusion).expect("it passes the guard");
    resolve(guarded, &files(), Dialect::Datafusion)
}

#[test]
fn names_that_fit_stay_as_they_were_written() {
    for text in [
        "SELECT name, c.city FROM customers AS c WHERE c.id = 1",
        "SELECT status AS state, sum(total) FROM orders GROUP BY state ORDER BY state",
        "SELECT public.orders.total FROM public.orders",
        "WITH x AS (SELECT id FROM orders) SELECT x.id FROM x",
        "SELECT o.* FROM orders AS o",
        "SELECT count(*) FROM orders AS o, LATERAL (SELECT o.id) AS l",
    ] {
        assert_eq!(postgresql(text).expect(text).text, text);
    }
}

#[test]
fn names_are_spelled_as_the_source_has_them() {
    for (text, expected) in [
        (
            "SELECT joined_on.\"joined on\" FROM customers AS joined_on",
            "SELECT joined_on.\"Joined On\" FROM customers AS joined_on",
        ),
        (
            "SELECT \"NAME\" FROM \"Customers\"",
            "SELECT \"name\" FROM \"customers\"",
        ),
        ("SELECT name FROM regions", "SELECT name FROM sales.regions"),
        (
            "SELECT \"C\".name FROM customers AS c",
            "SELECT \"c\".name FROM customers AS c",
        ),
    ] {
        assert_eq!(postgresql(text).expect(text).text, expected);
    }
}

#[test]
fn tables_are_reported_once_with_their_schema() {
    let resolved =
        postgresql("SELECT 1 FROM orders o, orders p, regions WHERE EXISTS (SELECT 1 FROM customers)");
    assert_eq!(
        resolved.expect("it resolves").tables,
        ["public.customers", "public.orders", "sales.regions"]
    );
}

#[test]
fn what_does_not_exist_is_told_with_what_does() {
    for (text, message) in [
        (
            "SELECT totl FROM orders",
            "There is no column \"totl\" in orders; did you mean total?",
        ),
        (
            "SELECT o.city FROM orders o",
            "There is no column \"city\" in orders; did you mean id, customer_id, total, status? A column of this name is \
             in public.customers.",
        ),
        (
            "SELECT total FROM order_s",
            "There is no table \"order_s\"; did you mean public.orders?",
        ),
        (
            "SELECT orders.id FROM orders o",
            "The table orders is called o in this query; write o before its columns.",
        ),
        (
            "SELECT id FROM orders JOIN customers ON customer_id = customers.id",
            "The column \"id\" is ambiguous; write one of orders.id, customers.id.",
        ),
        (
            "SELECT x FROM twice",
            "There are several tables called twice; write one of a.twice, b.twice.",
        ),
        (
            "SELECT sum(total) OVER w FROM orders",
            "There is no window w in this SELECT.",
        ),
    ] {
        let error = postgresql(text).expect_err(text);
        assert_eq!(error.to_string(), message);
        assert!(error.is_mendable(), "{text}");
    }
}

#[test]
fn scopes_end_where_they_end() {
    for text in [
        // A derived table does not see its neighbours.
        "SELECT 1 FROM orders AS o, (SELECT o.id) AS l",
        // An inner table is not visible outside.
        "SELECT total FROM customers WHERE EXISTS (SELECT 1 FROM orders)",
        // A common table expression is not visible beside the query it belongs to.
        "SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) AS a, x",
        // Output names are not columns of WHERE.
        "SELECT total * 2 AS twice_total FROM orders WHERE twice_total > 1",
        // A derived table gives only what it selects.
        "SELECT d.total FROM (SELECT id FROM orders) AS d",
        "WITH x(renamed) AS (SELECT id FROM orders) SELECT id FROM x",
        // After UNION only outputs can be sorted by.
        "SELECT id FROM orders UNION SELECT id FROM customers ORDER BY status",
        // USING needs both sides.
        "SELECT 1 FROM orders JOIN customers USING (status)",
        // System columns are nobody's business.
        "SELECT ctid FROM orders",
    ] {
        let error = postgresql(text).expect_err(text);
        assert!(
            matches!(
                error,
                Error::Source {
                    kind: SourceFault::Name,
                    ..
                }
            ),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn files_are_quoted_where_capitals_would_be_lost() {
    for (text, expected) in [
        (
            "SELECT customer, SUM(total) AS Revenue FROM orders GROUP BY customer ORDER BY revenue DESC",
            "SELECT \"Customer\", SUM(\"Total\") AS \"Revenue\" FROM \"Orders\" GROUP BY \"Customer\" ORDER BY \"Revenue\" DESC",
        ),
        (
            "SELECT p.name FROM people p JOIN Orders O ON o.id = P.id",
            "SELECT p.name FROM people p JOIN \"Orders\" \"O\" ON \"O\".\"Id\" = P.id",
        ),
        ("SELECT name FROM public.people", "SELECT name FROM people"),
        (
            "SELECT id FROM people FETCH FIRST 3 ROWS ONLY",
            "SELECT id FROM people LIMIT 3",
        ),
    ] {
        assert_eq!(datafusion(text).expect(text).text, expected);
    }
}

/// The wrong choice here would group or sort by something else without an error.
#[test]
fn an_output_that_fits_exactly_goes_before_a_column_that_does_not() {
    let catalog = Catalog {
        tables: vec![table(None, "t", &["Day", "n"])],
    };
    for dialect in [Dialect::Postgresql, Dialect::Datafusion] {
        let text = "SELECT date_trunc('month', \"Day\") AS day, sum(n) FROM t GROUP BY day ORDER BY day";
        let guarded = sql::check(text, dialect).expect("it passes");
        let resolved = resolve(guarded, &catalog, dialect).expect("it resolves").text;
        assert!(resolved.ends_with("GROUP BY day ORDER BY day"), "{resolved}");
    }
}

#[test]
fn outputs_of_files_have_one_name_each() {
    for (text, expected) in [
        (
            "SELECT count(*), count(name), name, name FROM people GROUP BY name",
            "SELECT count(*) AS \"count\", count(name) AS \"count_2\", name, name AS \"name_2\" FROM people GROUP BY name",
        ),
        (
            "SELECT id AS x, name AS x FROM people",
            "SELECT id AS x, name AS \"x_2\" FROM people",
        ),
        (
            "SELECT a.*, b.id FROM people a, people b",
            "SELECT a.*, b.id AS \"id_2\" FROM people a, people b",
        ),
        (
            "SELECT s.count FROM (SELECT count(*) FROM people) s",
            "SELECT s.count FROM (SELECT count(*) AS \"count\" FROM people) s",
        ),
    ] {
        assert_eq!(datafusion(text).expect(text).text, expected);
    }
}

/// DataFusion may take an output for a column of the same name; a qualified column it cannot.
#[test]
fn a_column_behind_an_output_of_its_name_is_qualified() {
    assert_eq!(
        datafusion("SELECT lower(name) AS name FROM people WHERE name > 'a' GROUP BY name")
            .expect("it resolves")
            .text,
        "SELECT lower(\"people\".\"name\") AS name FROM people WHERE \"people\".\"name\" > 'a' GROUP BY \"people\".\"name\""
    );
}

#[test]
fn quotes_in_names_are_kept() {
    let catalog = Catalog {
        tables: vec![table(None, "we\"ird", &["co\"l"])],
    };
    let guarded =
        sql::check("SELECT \"CO\"\"L\" FROM \"we\"\"ird\"", Dialect::Datafusion).expect("it passes");
    let resolved = resolve(guarded, &catalog, Dialect::Datafusion).expect("it resolves");
    assert_eq!(resolved.text, "SELECT \"co\"\"l\" FROM \"we\"\"ird\"");
    assert_eq!(resolved.tables, ["we\"ird"]);
}
