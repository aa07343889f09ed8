//! Findings and refusals on small invented results; the arithmetic itself is compared in `tests/it/analysis`.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{Analysis, Data, Method, analyse, offers};
use crate::rows::ColumnInfo;

struct Made {
    columns: Vec<ColumnInfo>,
    rows: Vec<Vec<Value>>,
}

impl Made {
    fn new(columns: &[(&str, &str)], rows: Vec<Vec<Value>>) -> Made {
        let columns = columns
            .iter()
            .map(|(name, kind)| ColumnInfo {
                name: (*name).to_owned(),
                type_name: (*kind).to_owned(),
            })
            .collect();
        Made { columns, rows }
    }

    fn data(&self) -> Data<'_> {
        Data {
            columns: &self.columns,
            rows: &self.rows,
            truncated: false,
            today: NaiveDate::from_ymd_opt(2026, 3, 10).expect("a date"),
        }
    }

    fn find(&self, method: Method) -> Analysis {
        analyse(&self.data(), method, None, None).expect("an analysis")
    }

    fn refusal(&self, method: Method) -> String {
        analyse(&self.data(), method, None, None)
            .expect_err("a refusal")
            .to_string()
    }
}

/// Revenue from January 2024 on, rising by 10 a month with a wave of a year.
fn monthly(months: usize) -> Made {
    let rows = (0..months)
        .map(|at| {
            let wave = [0, 3, 8, 14, 22, 30, 33, 29, 20, 11, 4, 1][at % 12];
            let noise = [1, -2, 2, 0, -1, 3, -3][at % 7];
            let value = format!("{}.50", 1000 + 10 * at as i64 + wave + noise);
            vec![
                json!(format!("{}-{:02}-01", 2024 + at / 12, at % 12 + 1)),
                json!(value),
            ]
        })
        .collect();
    Made::new(&[("month", "date"), ("revenue", "decimal")], rows)
}

#[test]
fn a_trend_names_its_slope_method_and_n_and_leaves_the_running_month_out() {
    // January 2024 to March 2026; March is not over on the 10th.
    let found = monthly(27).find(Method::Trend);
    assert!(
        found.sentence.starts_with("Revenue rises by "),
        "{}",
        found.sentence
    );
    assert!(
        found.sentence.contains("linear regression over 26 months"),
        "{}",
        found.sentence
    );
    assert!(found.sentence.contains("p < 0.001"), "{}", found.sentence);
    assert_eq!(found.notes, ["March 2026 is not over yet and was left out."]);
    assert_eq!((found.n, found.rows.len()), (26, 26));
}

#[test]
fn no_trend_is_said_as_none() {
    let rows = [5, 9, 4, 8, 5, 9, 4, 8]
        .iter()
        .enumerate()
        .map(|(at, value)| vec![json!(2010 + at), json!(value)])
        .collect();
    let found = Made::new(&[("year", "integer"), ("visits", "integer")], rows).find(Method::Trend);
    assert!(found.sentence.contains("no clear trend"), "{}", found.sentence);
    assert!(found.sentence.contains("8 years"), "{}", found.sentence);
}

#[test]
fn a_forecast_follows_the_season_and_continues_the_calendar() {
    let found = monthly(27).find(Method::Forecast);
    assert!(found.sentence.contains("in March 2026"), "{}", found.sentence);
    assert!(
        found.sentence.contains("12 parts of the season"),
        "{}",
        found.sentence
    );
    let last = found.rows.last().expect("rows");
    assert_eq!(last[0], json!("2026-08-01"));
    assert!(last[1].is_null() && last[2].as_f64() > last[3].as_f64() && last[2].as_f64() < last[4].as_f64());

    let mut gap = monthly(20);
    gap.rows.remove(4);
    assert!(gap.refusal(Method::Forecast).contains("May 2024"));
    assert!(monthly(6).refusal(Method::Forecast).contains("at least eight"));
}

#[test]
fn a_change_is_split_by_what_drove_it() {
    let made = Made::new(
        &[("month", "date"), ("city", "text"), ("total", "integer")],
        vec![
            vec![json!("2026-01-01"), json!("York"), json!(100)],
            vec![json!("2026-01-01"), json!("Leeds"), json!(50)],
            vec![json!("2026-02-01"), json!("York"), json!(60)],
            vec![json!("2026-02-01"), json!("Leeds"), json!(55)],
            vec![json!("2026-02-01"), json!("Hull"), json!(5)],
            vec![json!("2026-03-01"), json!("York"), json!(1)],
        ],
    );
    let found = made.find(Method::Change);
    assert_eq!(
        found.sentence,
        "Total fell from 150 in January 2026 to 120 in February 2026, by 20 %; most of it by York: -40 \
         (difference of the last two whole months, n = 6 rows)."
    );
    assert_eq!(found.rows[1], [json!("Hull"), json!(0.0), json!(5.0), json!(5.0)]);
    // The parts add up to the whole.
    let sum: f64 = found.rows.iter().filter_map(|row| row[3].as_f64()).sum();
    assert_eq!(sum, -30.0);

    let mean = Made::new(
        &[("month", "date"), ("city", "text"), ("average_total", "float")],
        made.rows.clone(),
    );
    assert!(mean.refusal(Method::Change).contains("do not add up"));
}

#[test]
fn unusual_values_are_shown_whole_and_the_usual_ones_are_not() {
    let mut rows: Vec<Vec<Value>> = (0..30)
        .map(|at| vec![json!(format!("c{at}")), json!(20 + at % 5)])
        .collect();
    rows[12][1] = json!(400);
    rows[13][1] = Value::Null;
    let found = Made::new(&[("customer", "text"), ("spent", "integer")], rows).find(Method::Outliers);
    assert_eq!(found.rows, [vec![json!("c12"), json!(400)]]);
    assert!(
        found.sentence.starts_with("One of 29 values of spent is unusual"),
        "{}",
        found.sentence
    );
}

#[test]
fn correlations_take_two_numbers_and_warn() {
    let rows = (0..40)
        .map(|at| vec![json!(at), json!(3 * at + (at * 7) % 5)])
        .collect();
    let made = Made::new(&[("weight", "integer"), ("postage", "integer")], rows);
    let found = made.find(Method::Correlation);
    assert!(
        found
            .sentence
            .starts_with("Weight and postage rise strongly together"),
        "{}",
        found.sentence
    );
    assert_eq!(found.notes.len(), 1);
    let error =
        analyse(&made.data(), Method::Correlation, Some("weight"), Some("weight")).expect_err("one column");
    assert!(error.to_string().contains("two different columns"));
}

#[test]
fn only_what_the_rows_allow_is_offered() {
    let methods =
        |made: &Made| -> Vec<Method> { offers(&made.data()).iter().map(|offer| offer.method).collect() };
    assert_eq!(
        methods(&monthly(30)),
        [
            Method::Trend,
            Method::Forecast,
            Method::Change,
            Method::Outliers,
            Method::Distribution,
            Method::Describe
        ]
    );
    let names = Made::new(&[("name", "text")], vec![vec![json!("a")], vec![json!("b")]]);
    assert_eq!(methods(&names), [Method::Describe]);
    let one = Made::new(&[("count", "integer")], vec![vec![json!(3)]]);
    assert!(methods(&one).is_empty());
    let mut cut = monthly(30);
    let data = Data {
        truncated: true,
        ..cut.data()
    };
    assert!(offers(&data).is_empty());
    // Several rows a month are no series.
    cut.rows.push(vec![json!("2024-01-01"), json!("3")]);
    assert!(!methods(&cut).contains(&Method::Trend));
    assert!(cut.refusal(Method::Trend).contains("several rows for 2024-01-01"));
}

#[test]
fn a_description_tells_missing_and_frequent_values() {
    let made = Made::new(
        &[("city", "text"), ("total", "decimal")],
        vec![
            vec![json!("York"), json!("1.5")],
            vec![json!("York"), json!("2.5")],
            vec![json!("Hull"), Value::Null],
        ],
    );
    let found = made.find(Method::Describe);
    assert_eq!(found.rows[0][1..4], [json!(3), json!(0), json!(2)]);
    assert_eq!(found.rows[0][11], json!("York"));
    assert_eq!(found.rows[1][1..5], [json!(2), json!(1), json!(2), json!(2.0)]);
}

#[test]
fn values_that_are_no_numbers_are_refused() {
    let rows = (0..12)
        .map(|at| vec![json!(if at == 3 { "NaN" } else { "1" })])
        .collect();
    let made = Made::new(&[("reading", "float")], rows);
    assert!(made.refusal(Method::Distribution).contains("no finite numbers"));
}
