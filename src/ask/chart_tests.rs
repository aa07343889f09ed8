//! Which chart, and when none.

use serde_json::json;

use super::*;

fn columns(columns: &[(&str, &str)]) -> Vec<ColumnInfo> {
    columns
        .iter()
        .map(|(name, type_name)| ColumnInfo {
            name: (*name).into(),
            type_name: (*type_name).into(),
        })
        .collect()
}

fn chart(names: &[(&str, &str)], rows: Vec<Vec<Value>>) -> Option<Chart> {
    let count = rows.len() as u64;
    choose(&columns(names), &rows, count, Truncation::Whole)
}

fn expect(kind: ChartKind, x: &str, y: &[&str]) -> Option<Chart> {
    Some(Chart {
        kind,
        x: x.into(),
        y: y.iter().map(|name| (*name).into()).collect(),
        series: None,
        stacked: false,
    })
}

#[test]
fn dates_make_a_line_and_categories_bars() {
    let months = (1..=12)
        .map(|m| vec![json!(format!("2024-{m:02}-01")), json!("10.50")])
        .collect();
    assert_eq!(
        chart(&[("month", "date"), ("revenue", "decimal")], months),
        expect(ChartKind::Line, "month", &["revenue"])
    );
    let stores = vec![vec![json!("Berlin"), json!(3)], vec![json!("Kiel"), json!(1)]];
    assert_eq!(
        chart(&[("store", "text"), ("orders", "integer")], stores),
        expect(ChartKind::Bar, "store", &["orders"])
    );
    let years = (2020..2024).map(|year| vec![json!(year), json!(1.5)]).collect();
    assert_eq!(
        chart(&[("year", "integer"), ("avg_price", "float")], years),
        expect(ChartKind::Line, "year", &["avg_price"])
    );
}

#[test]
fn a_change_is_not_drawn_beside_the_figures_it_is_between() {
    let rows = ["Berlin", "Kiel"]
        .map(|store| {
            vec![
                json!(store),
                json!("10.50"),
                json!("12.50"),
                json!("2.00"),
                json!(19.05),
            ]
        })
        .to_vec();
    assert_eq!(
        chart(
            &[
                ("store", "text"),
                ("revenue_2024", "decimal"),
                ("revenue_2025", "decimal"),
                ("change", "decimal"),
                ("change_percent", "float")
            ],
            rows
        ),
        expect(ChartKind::Bar, "store", &["revenue_2024", "revenue_2025"])
    );
    let months = (1..=12)
        .map(|month| vec![json!(format!("2024-{month:02}-01")), json!("10.50"), json!(5.5)])
        .collect();
    let found = chart(
        &[
            ("month", "date"),
            ("revenue", "decimal"),
            ("growth_percent", "float"),
        ],
        months,
    );
    assert_eq!(
        found,
        expect(ChartKind::Line, "month", &["revenue", "growth_percent"])
    );
}

#[test]
fn series_split_only_what_they_tell_apart() {
    let rows = vec![
        vec![json!("2024-01-01"), json!("Berlin"), json!(1)],
        vec![json!("2024-02-01"), json!("Berlin"), json!(2)],
        vec![json!("2024-03-01"), json!("Kiel"), json!(3)],
    ];
    let names = [("month", "date"), ("store", "text"), ("orders", "integer")];
    let found = chart(&names, rows.clone()).unwrap();
    assert_eq!(
        (found.kind, found.series.as_deref(), found.stacked),
        (ChartKind::Line, Some("store"), false)
    );
    let mut twice = rows;
    twice.push(vec![json!("2024-03-01"), json!("Kiel"), json!(9)]);
    assert_eq!(chart(&names, twice), None);

    let rows = ["a", "b", "c"]
        .iter()
        .flat_map(|x| ["s", "t"].map(|s| vec![json!(s), json!(x), json!(1)]))
        .collect::<Vec<_>>();
    let found = chart(
        &[("size", "text"), ("store", "text"), ("order_count", "integer")],
        rows.clone(),
    )
    .unwrap();
    assert_eq!(
        (found.x.as_str(), found.series.as_deref(), found.stacked),
        ("store", Some("size"), true)
    );
    let found = chart(
        &[("size", "text"), ("store", "text"), ("avg_total", "integer")],
        rows,
    )
    .unwrap();
    assert!(!found.stacked);
}

#[test]
fn shares_of_a_whole_are_a_pie_of_few_parts() {
    let parts = |n: usize| {
        (0..n)
            .map(|i| vec![json!(format!("p{i}")), json!(1.0 / n as f64)])
            .collect()
    };
    let names = [("product", "text"), ("share", "float")];
    assert_eq!(chart(&names, parts(4)).unwrap().kind, ChartKind::Pie);
    assert_eq!(chart(&names, parts(7)).unwrap().kind, ChartKind::Bar);
    let no_whole = vec![vec![json!("a"), json!(0.2)], vec![json!("b"), json!(0.2)]];
    assert_eq!(chart(&names, no_whole).unwrap().kind, ChartKind::Bar);
}

#[test]
fn ids_are_never_measured() {
    let rows = (0..20).map(|i| vec![json!(i), json!(i * 7)]).collect();
    assert_eq!(
        chart(&[("id", "integer"), ("customer_id", "integer")], rows),
        None
    );
    let rows = (0..20).map(|i| vec![json!(i), json!(i * 7)]).collect();
    assert_eq!(
        chart(&[("storeId", "integer"), ("revenue", "integer")], rows),
        expect(ChartKind::Bar, "storeId", &["revenue"])
    );
}

#[test]
fn two_numbers_are_a_cloud() {
    let rows = |n: usize| {
        (0..n)
            .map(|i| vec![json!(i as f64 * 1.5), json!(i * i % 7)])
            .collect::<Vec<_>>()
    };
    let names = [("height", "float"), ("weight", "integer")];
    assert_eq!(
        chart(&names, rows(30)),
        expect(ChartKind::Scatter, "height", &["weight"])
    );
    assert_eq!(chart(&names, rows(5)), None);
    let counts = (1..=5).map(|i| vec![json!(i), json!(i * 10)]).collect();
    assert_eq!(
        chart(&[("rating", "integer"), ("count", "integer")], counts),
        expect(ChartKind::Bar, "rating", &["count"])
    );
}

#[test]
fn no_chart_where_it_would_say_less_or_lie() {
    let names = [("store", "text"), ("orders", "integer")];
    let rows = |n: usize| {
        (0..n)
            .map(|i| vec![json!(format!("s{i}")), json!(i)])
            .collect::<Vec<_>>()
    };
    assert_eq!(chart(&names, rows(1)), None);
    assert_eq!(chart(&names, rows(51)), None);
    assert_eq!(
        chart(
            &[("name", "text"), ("city", "text")],
            vec![vec![json!("a"), json!("b")]; 3]
        ),
        None
    );
    assert_eq!(
        chart(
            &names,
            vec![vec![json!("a"), Value::Null], vec![json!("b"), Value::Null]]
        ),
        None
    );
    assert_eq!(choose(&columns(&names), &rows(10), 11, Truncation::Whole), None);
    assert_eq!(choose(&columns(&names), &rows(10), 10, Truncation::Cut), None);
    assert_eq!(
        chart(
            &[("n", "integer"), ("n", "integer")],
            (0..20).map(|i| vec![json!(i), json!(i)]).collect()
        ),
        None
    );
}

#[test]
fn measures_of_another_size_are_left_to_the_table() {
    let rows = vec![
        vec![json!("a"), json!(1000000), json!(3), json!(900000)],
        vec![json!("b"), json!(2000000), json!(4), json!(800000)],
    ];
    let names = [
        ("store", "text"),
        ("revenue", "integer"),
        ("orders", "integer"),
        ("cost", "integer"),
    ];
    assert_eq!(
        chart(&names, rows),
        expect(ChartKind::Bar, "store", &["revenue", "cost"])
    );
}
