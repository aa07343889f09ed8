//! What people read under their question.

use serde_json::json;

use super::*;

fn say(reading: &str, columns: &[(&str, &str)], rows: &[Vec<Value>]) -> String {
    say_of(reading, columns, rows, rows.len() as u64, Truncation::Whole)
}

fn say_of(
    reading: &str,
    columns: &[(&str, &str)],
    rows: &[Vec<Value>],
    row_count: u64,
    truncation: Truncation,
) -> String {
    let columns: Vec<ColumnInfo> = columns
        .iter()
        .map(|(name, type_name)| ColumnInfo {
            name: (*name).into(),
            type_name: (*type_name).into(),
        })
        .collect();
    sentence(&Shown {
        interpretation: reading,
        columns: &columns,
        rows,
        row_count,
        truncation,
    })
}

#[test]
fn one_value() {
    let total = [("total_revenue", "decimal")];
    assert_eq!(
        say("", &total, &[vec![json!("1234.50")]]),
        "The total revenue is 1,234.50."
    );
    assert_eq!(
        say(
            "count of orders in 2024",
            &[("count", "integer")],
            &[vec![json!(1042)]]
        ),
        "Count of orders in 2024: 1,042."
    );
    assert_eq!(
        say("", &[("count(*)", "integer")], &[vec![json!(5)]]),
        "The answer is 5."
    );
    assert_eq!(say("", &[("orders", "integer")], &[vec![json!(5)]]), "Orders: 5.");
    assert_eq!(
        say("", &[("first_year", "integer")], &[vec![json!(2021)]]),
        "The first year is 2021."
    );
    assert_eq!(
        say(
            "",
            &[("average_total", "decimal")],
            &[vec![json!("12.3456789000000000")]]
        ),
        "The average total is about 12.35."
    );
    assert_eq!(
        say("", &[("share", "float")], &[vec![json!(-0.123456)]]),
        "The share is about -0.123."
    );
    assert_eq!(
        say("", &[("price", "float")], &[vec![json!(5.0)]]),
        "The price is 5."
    );
    assert!(say("sum of x", &total, &[vec![Value::Null]]).starts_with("There is no value for total revenue"));
}

#[test]
fn nothing_and_one_row() {
    assert_eq!(
        say("orders in Atlantis.", &[("n", "integer"), ("m", "text")], &[]),
        "No rows match: orders in Atlantis."
    );
    assert_eq!(
        say(
            "",
            &[("store", "text"), ("revenue", "decimal"), ("orders", "integer")],
            &[vec![json!("Berlin"), json!("1200.50"), json!(42)]]
        ),
        "Berlin: revenue 1,200.50, orders 42."
    );
}

#[test]
fn an_ordered_list_names_the_first() {
    let rows = [
        vec![json!("Berlin"), json!("1200.50")],
        vec![json!("Kiel"), json!("7.00")],
        vec![json!("Ulm"), json!("6.00")],
        vec![json!("Jena"), json!("1.00")],
    ];
    let columns = [("store", "text"), ("total_revenue", "decimal")];
    assert_eq!(
        say("", &columns, &rows),
        "Berlin comes first with total revenue 1,200.50, followed by Kiel (7.00) and Ulm (6.00); 1 more row."
    );
    let mut mixed = rows.to_vec();
    mixed.swap(0, 2);
    assert_eq!(
        say("", &columns, &mixed),
        "4 rows; total revenue from 1.00 (Jena) to 1,200.50 (Berlin)."
    );
    mixed.push(vec![json!("Bonn"), json!("1.00")]);
    assert_eq!(
        say("", &columns, &mixed),
        "5 rows; total revenue from 1.00 to 1,200.50 (Berlin)."
    );
    assert_eq!(
        say_of("", &columns, &mixed, 900, Truncation::Whole),
        "900 rows, the first: Ulm."
    );
}

#[test]
fn dates_are_spans() {
    let rows: Vec<Vec<Value>> = (1..=12)
        .map(|m| {
            vec![
                json!(format!("2024-{m:02}-01T00:00:00")),
                json!(100 - (m - 6) * (m - 6)),
            ]
        })
        .collect();
    assert_eq!(
        say("", &[("month", "timestamp"), ("revenue", "integer")], &rows),
        "12 rows, from January 2024 to December 2024; revenue from 64 (December 2024) to 100 (June 2024)."
    );
    let quarters: Vec<Vec<Value>> = [("01", 3), ("04", 5), ("07", 4), ("10", 9)]
        .map(|(month, revenue)| vec![json!(format!("2024-{month}-01")), json!(revenue)])
        .to_vec();
    assert_eq!(
        say("", &[("quarter", "date"), ("revenue", "integer")], &quarters),
        "4 rows, from Q1 2024 to Q4 2024; revenue from 3 (Q1 2024) to 9 (Q4 2024)."
    );
    assert_eq!(
        say(
            "",
            &[
                ("item_id", "integer"),
                ("item_name", "text"),
                ("price", "decimal")
            ],
            &[vec![json!(12), json!("Kettle"), json!("19.50")]]
        ),
        "Kettle: item id 12, price 19.50."
    );
    assert_eq!(
        say("", &[("day", "timestamp")], &[vec![json!("2024-05-17T00:00:00")]]),
        "The day is 2024-05-17."
    );
}

#[test]
fn lists_and_cuts() {
    let names = ["a", "b", "c"].map(|name| vec![json!(name)]);
    assert_eq!(say("", &[("name", "text")], &names), "3 rows: a, b and c.");
    assert_eq!(
        say_of("", &[("name", "text")], &names, 100_000, Truncation::Cut),
        "100,000 rows, the first: a, b and c. Only the first 100,000 rows were read; there are more."
    );
}

#[test]
fn hostile_values_stay_one_short_line() {
    let text = say(
        "",
        &[("name", "text")],
        &[vec![json!(format!("a\n\u{1b}[2J{}", "x".repeat(9999)))]],
    );
    assert!(
        text.chars().count() < 100 && !text.contains(['\n', '\u{1b}']),
        "{text}"
    );
}

#[test]
fn two_times_are_compared_in_one_sentence() {
    let columns = |from: &'static str, to: &'static str| {
        [
            (from, "decimal"),
            (to, "decimal"),
            ("change", "decimal"),
            ("change_percent", "float"),
        ]
    };
    let years = columns("total_revenue_2024", "total_revenue_2025");
    assert_eq!(
        say(
            "",
            &years,
            &[vec![
                json!("200.00"),
                json!("150.50"),
                json!("-49.50"),
                json!(-24.75)
            ]]
        ),
        "Total revenue fell from 200.00 (2024) to 150.50 (2025), by 49.50 or 24.75 %."
    );
    assert_eq!(
        say(
            "",
            &years,
            &[vec![json!("0.00"), json!("5.00"), json!("5.00"), json!(null)]]
        ),
        "Total revenue rose from 0.00 (2024) to 5.00 (2025), by 5.00."
    );
    assert_eq!(
        say(
            "",
            &years,
            &[vec![json!("5.00"), json!("5.00"), json!("0.00"), json!(0.0)]]
        ),
        "Total revenue did not change from 2024 to 2025: 5.00."
    );
    assert_eq!(
        say(
            "",
            &columns("order_count_march_2024", "order_count_march_2025"),
            &[vec![json!(2), json!(3), json!(1), json!(50.0)]]
        ),
        "Order count rose from 2 (march 2024) to 3 (march 2025), by 1 or 50 %."
    );
    // Nothing in one of the two: no change can be told.
    assert_eq!(
        say(
            "",
            &years,
            &[vec![json!(null), json!("5.00"), json!(null), json!(null)]]
        ),
        "Total revenue 2024 empty, total revenue 2025 5.00, change empty, change percent empty."
    );
}

#[test]
fn one_month_is_named() {
    let columns = [("month", "date"), ("total_revenue", "decimal")];
    assert_eq!(
        say("", &columns, &[vec![json!("2024-08-01"), json!("12.00")]]),
        "August 2024: total revenue 12.00."
    );
    let rows = [vec![json!(1), json!("12.00")], vec![json!(2), json!("7.00")]];
    assert_eq!(
        say("", &[("month", "integer"), ("total_revenue", "decimal")], &rows),
        "2 rows, from January to February; total revenue from 7.00 (February) to 12.00 (January)."
    );
}
