//! The arithmetic of analyses agrees with scipy, numpy and statsmodels to six digits on three data sets.
//! `expected.json` holds theirs, written by `expected.py`.

use clean_custard::analyse::stats;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// Panics unless every number is the same to six significant digits; two numbers that are nothing but rounding
/// count as the same.
#[track_caller]
fn same(what: &str, ours: &[f64], theirs: &Value) {
    let theirs: Vec<f64> = theirs
        .as_array()
        .expect("a list")
        .iter()
        .map(|value| value.as_f64().expect("a number"))
        .collect();
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (at, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        let apart = (ours - theirs).abs();
        assert!(
            apart <= 1e-6 * theirs.abs() || apart < 1e-12,
            "{what} {at}: {ours} is not {theirs}"
        );
    }
}

fn steps(forecast: Option<stats::Forecast>) -> Vec<Vec<f64>> {
    forecast
        .expect("enough values")
        .steps
        .iter()
        .map(|step| vec![step.expected, step.low, step.high])
        .collect()
}

#[test]
fn every_method_agrees_with_scipy_and_statsmodels_to_six_digits() {
    let sets: Value = serde_json::from_str(include_str!("expected.json")).expect("JSON");
    let sets = sets.as_array().expect("a list");
    assert_eq!(sets.len(), 3);
    for set in sets {
        let numbers = |key: &str| -> Vec<f64> {
            let list = set[key].as_array().expect("a list");
            list.iter()
                .map(|value| value.as_f64().expect("a number"))
                .collect()
        };
        let (x, y) = (numbers("x"), numbers("y"));
        let name = set["name"].as_str().expect("a name");

        let d = stats::describe(&y).expect("numbers");
        assert_eq!(d.n, y.len());
        let ours = [
            d.mean,
            d.deviation.expect("more than one"),
            d.min,
            d.quarter,
            d.median,
            d.three_quarters,
            d.max,
            d.skewness.expect("not all the same"),
        ];
        same(name, &ours, &set["describe"]);

        let line = stats::line(&x, &y).expect("a line");
        let ours = [
            line.slope,
            line.intercept,
            line.r_squared,
            line.p,
            line.slope_margin,
        ];
        same(name, &ours, &set["line"]);
        let r = stats::pearson(&x, &y).expect("numbers that change");
        same(name, &[r.coefficient, r.p], &set["pearson"]);
        let rho = stats::spearman(&x, &y).expect("numbers that change");
        same(name, &[rho.coefficient, rho.p], &set["spearman"]);
        let fences = stats::fences(&y).expect("enough");
        same(name, &[fences.low, fences.high], &set["fences"]);

        let histogram = stats::histogram(&y, 1000).expect("numbers");
        same(name, &histogram.edges, &set["edges"]);
        let counts: Vec<f64> = histogram.counts.iter().map(|count| *count as f64).collect();
        same(name, &counts, &set["counts"]);

        for (key, season, count) in [
            ("forecast", None, 3),
            ("forecast_by_4", Some(4), 5),
            ("forecast_by_12", Some(12), 14),
        ] {
            let theirs = &set[key];
            if theirs.is_null() {
                assert!(
                    stats::forecast(&y, season, count).is_none(),
                    "{name}: too few for {key}"
                );
                continue;
            }
            let ours = steps(stats::forecast(&y, season, count));
            for (ours, theirs) in ours.iter().zip(theirs.as_array().expect("a list")) {
                same(key, ours, theirs);
            }
            assert_eq!(ours.len(), count);
        }
    }
}

#[test]
fn too_little_is_no_answer() {
    assert!(stats::describe(&[]).is_none());
    assert_eq!(stats::describe(&[4.0]).expect("one").deviation, None);
    assert_eq!(stats::describe(&[4.0, 4.0]).expect("two").skewness, None);
    assert!(stats::line(&[1.0, 2.0], &[1.0, 2.0]).is_none());
    assert!(stats::line(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]).is_none());
    assert!(stats::pearson(&[1.0, 2.0, 3.0], &[5.0, 5.0, 5.0]).is_none());
    assert!(stats::fences(&[1.0, 2.0, 3.0]).is_none());
    assert!(stats::histogram(&[], 10).is_none());
    assert_eq!(stats::histogram(&[3.0, 3.0], 10).expect("one bin").counts, [2]);
    assert!(stats::forecast(&[1.0; 7], None, 1).is_none());
    assert!(stats::forecast(&[1.0; 23], Some(12), 1).is_none());
    // A line without any noise: the interval has no width.
    let exact: Vec<f64> = (0..10).map(f64::from).collect();
    let step = stats::forecast(&exact, None, 1).expect("ten values").steps[0];
    assert!((step.expected - 10.0).abs() < 1e-9 && step.high - step.low < 1e-9);
}

#[tokio::test]
async fn an_answer_is_looked_at_more_closely() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let mut csv = String::from("sold_on,amount\n");
    for month in 0..30 {
        csv.push_str(&format!(
            "{}-{:02}-05,{}\n",
            2021 + month / 12,
            month % 12 + 1,
            100 + 10 * month
        ));
    }
    let (status, uploaded) = owner.upload(&[("sales.csv", csv.as_bytes())]).await;
    assert_eq!(status, StatusCode::CREATED, "{uploaded}");
    let answer = owner.ask("total amount by month").await;
    assert_eq!(answer["row_count"], 30, "{answer}");
    let result = answer["result_id"].as_str().expect("a stored result");

    let (status, offers) = owner.get(&format!("/api/v1/results/{result}/analyses")).await;
    assert_eq!(status, StatusCode::OK, "{offers}");
    assert_eq!(offers["items"][0]["method"], "trend", "{offers}");

    let path = format!("/api/v1/results/{result}/analyse");
    let (status, trend) = owner.post(&path, &json!({ "method": "trend" })).await;
    assert_eq!(status, StatusCode::OK, "{trend}");
    let sentence = trend["sentence"].as_str().expect("a sentence");
    assert!(
        sentence.contains("rises by 10 a month") && sentence.contains("30 months"),
        "{sentence}"
    );
    assert_eq!(
        (&trend["n"], &trend["chart"]["kind"]),
        (&json!(30), &json!("line"))
    );

    // What the rows do not allow, and what is no analysis, is refused with a sentence.
    let (status, refused) = owner.post(&path, &json!({ "method": "correlation" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    assert!(
        refused["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("two columns"))
    );
    let (status, _) = owner.post(&path, &json!({ "method": "astrology" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = owner
        .post(&path, &json!({ "method": "trend", "column": "nope" }))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
