//! The analyses themselves: from rows to a finding, its numbers and its chart.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::series::{self, Series};
use super::{Analysis, Data, Method, refused, stats};
use crate::ask::chart::{Chart, ChartKind, Role, role};
use crate::ask::present::{amount, and, capitalised};
use crate::error::Result;
use crate::rows::ColumnInfo;
use crate::rows::text::cell;

/// Below this p a finding is said as one.
const SIGNIFICANT: f64 = 0.05;

/// Bins of a histogram at most: more cannot be told apart on a chart.
const MAX_BINS: usize = 40;

/// Unusual rows shown at most.
const MAX_OUTLIERS: usize = 200;

/// Periods foretold at most.
const MAX_STEPS: usize = 12;

/// Every column at a glance.
pub fn describe(data: &Data<'_>) -> Result<Analysis> {
    let mut rows = Vec::with_capacity(data.columns.len());
    for (at, column) in data.columns.iter().enumerate() {
        let present = data.rows.iter().filter(|row| !row[at].is_null()).count();
        let mut counts: HashMap<String, usize> = HashMap::new();
        for row in data.rows.iter().filter(|row| !row[at].is_null()) {
            *counts.entry(cell(&row[at])).or_default() += 1;
        }
        let mut row = vec![
            json!(column.name),
            json!(present),
            json!(data.rows.len() - present),
            json!(counts.len()),
        ];
        let numbers = match role(column) {
            Role::Measure => data.numbers(at).ok(),
            _ => None,
        };
        let description = numbers.and_then(|numbers| {
            stats::describe(&numbers.into_iter().map(|(_, value)| value).collect::<Vec<_>>())
        });
        match description {
            Some(d) => {
                row.extend([
                    figure(d.mean),
                    d.deviation.map_or(Value::Null, figure),
                    figure(d.min),
                    figure(d.quarter),
                    figure(d.median),
                    figure(d.three_quarters),
                    figure(d.max),
                    Value::Null,
                ]);
            }
            None => {
                row.extend(std::iter::repeat_n(Value::Null, 7));
                // The smallest of the most frequent, so that the same rows say the same.
                let most = counts
                    .into_iter()
                    .filter(|(_, count)| *count > 1)
                    .max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
                row.push(most.map_or(Value::Null, |(text, _)| json!(text)));
            }
        }
        rows.push(row);
    }
    let columns = columns(&[
        ("column", "text"),
        ("values", "integer"),
        ("missing", "integer"),
        ("distinct", "integer"),
        ("mean", "float"),
        ("standard_deviation", "float"),
        ("min", "float"),
        ("lower_quartile", "float"),
        ("median", "float"),
        ("upper_quartile", "float"),
        ("max", "float"),
        ("most_frequent", "text"),
    ]);
    Ok(Analysis {
        method: Method::Describe,
        column: None,
        sentence: format!(
            "{} {} described (mean, sample standard deviation and quartiles of numbers, n = {} rows).",
            data.columns.len(),
            if data.columns.len() == 1 {
                "column is"
            } else {
                "columns are"
            },
            data.rows.len()
        ),
        notes: Vec::new(),
        n: data.rows.len(),
        columns,
        rows,
        chart: None,
    })
}

/// A straight line over time.
pub fn trend(data: &Data<'_>, measure: usize) -> Result<Analysis> {
    let series = series::series(data, measure)?;
    let (label, period) = (data.label(measure), series.period.name());
    let line = stats::line(&series.positions, &series.values).ok_or_else(|| {
        refused("A trend needs at least three periods that are over, and values that differ.")
    })?;
    let method = format!(
        "linear regression over {} {period}s, R² = {}, {}",
        line.n,
        plain(line.r_squared),
        p_text(line.p)
    );
    let sentence = if line.p < SIGNIFICANT {
        format!(
            "{} {} by {} a {period} on average, give or take {} ({method}).",
            capitalised(&label),
            if line.slope > 0.0 { "rises" } else { "falls" },
            said(line.slope.abs()),
            said(line.slope_margin)
        )
    } else {
        format!(
            "{} shows no clear trend: {} a {period} may well be chance ({method}).",
            capitalised(&label),
            said(line.slope)
        )
    };
    let mut notes = unfinished(&series);
    if let Some(gap) = series.gap() {
        notes.push(format!("There is no value for {gap}, and perhaps for others."));
    }
    let x = period_column(data)?;
    let rows = series
        .starts
        .iter()
        .zip(&series.values)
        .zip(&series.positions)
        .map(|((start, value), position)| {
            vec![
                json!(start.to_string()),
                figure(*value),
                figure(line.intercept + line.slope * position),
            ]
        })
        .collect();
    let name = data.columns[measure].name.clone();
    let fitted = other_name("trend", &[&x, &name]);
    Ok(Analysis {
        method: Method::Trend,
        column: Some(name.clone()),
        sentence,
        notes,
        n: line.n,
        columns: columns(&[(&x, "date"), (&name, "float"), (&fitted, "float")]),
        rows,
        chart: Some(chart(ChartKind::Line, &x, &[&name, &fitted])),
    })
}

/// How two numbers go together.
pub fn correlation(data: &Data<'_>, measure: usize, with: Option<&str>) -> Result<Analysis> {
    let other = match with {
        Some(name) => data.named(name)?,
        None => data
            .measures()
            .into_iter()
            .find(|at| *at != measure)
            .ok_or_else(|| refused("A correlation needs two columns of numbers."))?,
    };
    if other == measure || role(&data.columns[other]) != Role::Measure {
        return Err(refused("A correlation needs two different columns of numbers."));
    }
    let others: HashMap<usize, f64> = data.numbers(other)?.into_iter().collect();
    let (x, y): (Vec<f64>, Vec<f64>) = data
        .numbers(measure)?
        .into_iter()
        .filter_map(|(row, value)| Some((value, *others.get(&row)?)))
        .unzip();
    let too_little = || refused("A correlation needs at least three rows, and numbers that differ.");
    let r = stats::pearson(&x, &y).ok_or_else(too_little)?;
    let rho = stats::spearman(&x, &y).ok_or_else(too_little)?;
    let how = match r.coefficient.abs() {
        r if r >= 0.7 => "strongly",
        r if r >= 0.4 => "moderately",
        _ => "weakly",
    };
    let pair = and(&[data.label(measure), data.label(other)]);
    let method = format!(
        "Pearson's r = {}, {}; Spearman's rank correlation {}; n = {})",
        plain(r.coefficient),
        p_text(r.p),
        plain(rho.coefficient),
        r.n
    );
    let sentence = if r.p >= SIGNIFICANT {
        format!("{} show no clear connection ({method}.", capitalised(&pair))
    } else if r.coefficient > 0.0 {
        format!("{} rise {how} together ({method}.", capitalised(&pair))
    } else {
        format!("{} go {how} against each other ({method}.", capitalised(&pair))
    };
    let (x_name, y_name) = (&data.columns[measure].name, &data.columns[other].name);
    Ok(Analysis {
        method: Method::Correlation,
        column: Some(x_name.clone()),
        sentence,
        notes: vec!["That two things go together does not say that one causes the other.".into()],
        n: r.n,
        columns: columns(&[(x_name, "float"), (y_name, "float")]),
        rows: x
            .iter()
            .zip(&y)
            .map(|(x, y)| vec![figure(*x), figure(*y)])
            .collect(),
        chart: Some(chart(ChartKind::Scatter, x_name, &[y_name])),
    })
}

/// How often which size occurs.
pub fn distribution(data: &Data<'_>, measure: usize) -> Result<Analysis> {
    let values = values(data, measure)?;
    if values.len() < 10 {
        return Err(refused("A distribution needs at least ten values."));
    }
    let too_little = || refused("There are no values.");
    let d = stats::describe(&values).ok_or_else(too_little)?;
    let histogram = stats::histogram(&values, MAX_BINS).ok_or_else(too_little)?;
    let lean = match d.skewness {
        Some(skew) if skew > 0.5 => ", with a long tail of large ones",
        Some(skew) if skew < -0.5 => ", with a long tail of small ones",
        Some(_) => ", about evenly to both sides",
        None => "",
    };
    let method = format!(
        "{} bins after Freedman and Diaconis, {}n = {}",
        histogram.counts.len(),
        d.skewness
            .map_or(String::new(), |skew| format!("skewness {}, ", plain(skew))),
        d.n
    );
    let sentence = format!(
        "Half of the values of {} lie between {} and {}, the middle one is {}{lean} ({method}).",
        data.label(measure),
        said(d.quarter),
        said(d.three_quarters),
        said(d.median)
    );
    let rows = histogram
        .counts
        .iter()
        .zip(histogram.edges.windows(2))
        .map(|(count, edges)| {
            vec![
                json!(format!("{} to {}", said(edges[0]), said(edges[1]))),
                figure(edges[0]),
                figure(edges[1]),
                json!(count),
            ]
        })
        .collect();
    Ok(Analysis {
        method: Method::Distribution,
        column: Some(data.columns[measure].name.clone()),
        sentence,
        notes: Vec::new(),
        n: d.n,
        columns: columns(&[
            ("range", "text"),
            ("from", "float"),
            ("below", "float"),
            ("values", "integer"),
        ]),
        rows,
        chart: Some(chart(ChartKind::Bar, "range", &["values"])),
    })
}

/// Rows far from the others.
pub fn outliers(data: &Data<'_>, measure: usize) -> Result<Analysis> {
    let numbers = data.numbers(measure)?;
    let values: Vec<f64> = numbers.iter().map(|(_, value)| *value).collect();
    if values.len() < 8 {
        return Err(refused("Unusual values can only be told among at least eight."));
    }
    let fences = stats::fences(&values).ok_or_else(|| refused("There are no values."))?;
    let middle = f64::midpoint(fences.low, fences.high);
    let mut outside: Vec<(usize, f64)> = numbers
        .into_iter()
        .filter(|(_, value)| *value < fences.low || *value > fences.high)
        .collect();
    outside.sort_by(|a, b| (b.1 - middle).abs().total_cmp(&(a.1 - middle).abs()));
    let label = data.label(measure);
    let method = format!(
        "Tukey's fences, 1.5 interquartile ranges beyond the quartiles, n = {}",
        values.len()
    );
    let bounds = format!("below {} or above {}", said(fences.low), said(fences.high));
    let sentence = match outside.len() {
        0 => format!("No value of {label} is unusual: none lies {bounds} ({method})."),
        1 => format!(
            "One of {} values of {label} is unusual: it lies {bounds} ({method}).",
            values.len()
        ),
        count => format!(
            "{count} of {} values of {label} are unusual: they lie {bounds} ({method}).",
            values.len()
        ),
    };
    let mut notes = Vec::new();
    if outside.len() > MAX_OUTLIERS {
        notes.push(format!("The {MAX_OUTLIERS} farthest ones are shown."));
        outside.truncate(MAX_OUTLIERS);
    }
    Ok(Analysis {
        method: Method::Outliers,
        column: Some(data.columns[measure].name.clone()),
        sentence,
        notes,
        n: values.len(),
        columns: data.columns.to_vec(),
        rows: outside.iter().map(|(row, _)| data.rows[*row].clone()).collect(),
        chart: None,
    })
}

/// The last period against the one before, and what drove the difference.
pub fn change(data: &Data<'_>, measure: usize) -> Result<Analysis> {
    let (time, dates) = series::calendar(data)?;
    let by = series::category(data)?;
    if by.is_some() && !data.adds_up(measure) {
        return Err(refused(
            "Averages, shares and the like do not add up, so no part of them drives the whole. Ask for a sum or count.",
        ));
    }
    // Sums a period, to find the last two that are over; then the parts of those two.
    let mut totals: BTreeMap<chrono::NaiveDate, f64> = BTreeMap::new();
    let mut parts: HashMap<(chrono::NaiveDate, String), f64> = HashMap::new();
    let mut n = 0;
    for (row, value) in data.numbers(measure)? {
        let Some(date) = dates[row] else { continue };
        n += 1;
        let part = by.map_or(String::new(), |by| cell(&data.rows[row][by]));
        if parts.insert((date, part), value).is_some() {
            return Err(refused(&format!(
                "There are several rows for {date}. Ask for the numbers by period and one column of names.",
            )));
        }
        *totals.entry(date).or_default() += value;
    }
    let whole: Vec<Vec<Value>> = totals
        .iter()
        .map(|(date, value)| vec![json!(date.to_string()), json!(value)])
        .collect();
    let as_dates = columns(&[(&data.columns[time].name, "date"), ("total", "float")]);
    let series = series::series(
        &Data {
            columns: &as_dates,
            rows: &whole,
            ..*data
        },
        1,
    )?;
    let [.., before, after] = series.starts.as_slice() else {
        return Err(refused("A change needs two periods that are over."));
    };
    let (before, after) = (*before, *after);
    let (old, new) = (totals[&before], totals[&after]);
    let difference = new - old;
    let label = data.label(measure);
    let mut sentence = format!(
        "{} {} from {} in {} to {} in {}",
        capitalised(&label),
        match difference.total_cmp(&0.0) {
            std::cmp::Ordering::Greater => "rose",
            std::cmp::Ordering::Less => "fell",
            std::cmp::Ordering::Equal => "stayed the same,",
        },
        said(old),
        series.period.label(before),
        said(new),
        series.period.label(after)
    );
    if old != 0.0 && difference != 0.0 {
        sentence.push_str(&format!(", by {} %", plain((difference / old * 100.0).abs())));
    }
    let mut driven: Vec<(String, f64, f64)> = Vec::new();
    if by.is_some() {
        let mut names: Vec<&String> = parts
            .keys()
            .filter(|(date, _)| *date == before || *date == after)
            .map(|(_, part)| part)
            .collect();
        names.sort();
        names.dedup();
        let of = |date, part: &String| parts.get(&(date, part.clone())).copied().unwrap_or(0.0);
        driven = names
            .into_iter()
            .map(|part| (part.clone(), of(before, part), of(after, part)))
            .collect();
        driven.sort_by(|a, b| (b.2 - b.1).abs().total_cmp(&(a.2 - a.1).abs()));
        if let Some((part, old, new)) = driven.first().filter(|(_, old, new)| old != new) {
            sentence.push_str(&format!(
                "; most of it by {}: {}{}",
                if part.is_empty() { "(empty)" } else { part },
                if new > old { "+" } else { "" },
                said(new - old)
            ));
        }
    }
    sentence.push_str(&format!(
        " (difference of the last two whole {}s, n = {n} rows).",
        series.period.name()
    ));
    let mut notes = unfinished(&series);
    if let Some(gap) = series.gap() {
        notes.push(format!("There is no value for {gap}, and perhaps for others."));
    }
    let (columns, rows, chart) = match by {
        Some(by) => {
            let name = data.columns[by].name.clone();
            let names = ["before", "after", "change"].map(|word| other_name(word, &[&name]));
            let rows = driven
                .iter()
                .map(|(part, old, new)| vec![json!(part), figure(*old), figure(*new), figure(new - old)])
                .collect();
            let chart = (driven.len() <= 30).then(|| chart(ChartKind::Bar, &name, &[&names[2]]));
            (
                columns(&[
                    (&name, "text"),
                    (&names[0], "float"),
                    (&names[1], "float"),
                    (&names[2], "float"),
                ]),
                rows,
                chart,
            )
        }
        None => (
            columns(&[("before", "float"), ("after", "float"), ("change", "float")]),
            vec![vec![figure(old), figure(new), figure(difference)]],
            None,
        ),
    };
    Ok(Analysis {
        method: Method::Change,
        column: Some(data.columns[measure].name.clone()),
        sentence,
        notes,
        n,
        columns,
        rows,
        chart,
    })
}

/// The next periods, with an interval.
pub fn forecast(data: &Data<'_>, measure: usize) -> Result<Analysis> {
    let series = series::series(data, measure)?;
    if let Some(gap) = series.gap() {
        return Err(refused(&format!(
            "There is no value for {gap}; a forecast needs every period. Ask for the numbers without gaps."
        )));
    }
    let n = series.values.len();
    let steps = (n / 4).clamp(1, MAX_STEPS);
    let season = series.period.season().filter(|round| n >= 2 * round + 2);
    let forecast = stats::forecast(&series.values, season, steps)
        .ok_or_else(|| refused("A forecast needs at least eight periods that are over."))?;
    let (period, label) = (series.period, data.label(measure));
    let last = *series
        .starts
        .last()
        .ok_or_else(|| refused("There are no values."))?;
    let later: Vec<chrono::NaiveDate> = (1..=steps)
        .filter_map(|step| period.later(last, u32::try_from(step).ok()?))
        .collect();
    let (Some(next), Some(step)) = (later.first(), forecast.steps.first()) else {
        return Err(refused("The forecast would lie beyond the calendar."));
    };
    let method = match season {
        Some(round) => format!(
            "a line and {round} parts of the season by least squares over {n} {}s",
            period.name()
        ),
        None => format!("a line by least squares over {n} {}s", period.name()),
    };
    let sentence = format!(
        "{} is expected at {} in {}, with 95 % probability between {} and {} ({method}).",
        capitalised(&label),
        said(step.expected),
        period.label(*next),
        said(step.low),
        said(step.high)
    );
    let x = period_column(data)?;
    let name = data.columns[measure].name.clone();
    let names = ["expected", "low", "high"].map(|word| other_name(word, &[&x, &name]));
    let mut rows: Vec<Vec<Value>> = series
        .starts
        .iter()
        .zip(&series.values)
        .map(|(start, value)| {
            vec![
                json!(start.to_string()),
                figure(*value),
                Value::Null,
                Value::Null,
                Value::Null,
            ]
        })
        .collect();
    rows.extend(later.iter().zip(&forecast.steps).map(|(start, step)| {
        vec![
            json!(start.to_string()),
            Value::Null,
            figure(step.expected),
            figure(step.low),
            figure(step.high),
        ]
    }));
    let mut notes = unfinished(&series);
    notes.push("It goes on as before: what never happened so far is not in it.".into());
    Ok(Analysis {
        method: Method::Forecast,
        column: Some(name.clone()),
        sentence,
        notes,
        n,
        columns: columns(&[
            (&x, "date"),
            (&name, "float"),
            (&names[0], "float"),
            (&names[1], "float"),
            (&names[2], "float"),
        ]),
        rows,
        chart: Some(chart(
            ChartKind::Line,
            &x,
            &[&name, &names[0], &names[1], &names[2]],
        )),
    })
}

fn values(data: &Data<'_>, measure: usize) -> Result<Vec<f64>> {
    Ok(data
        .numbers(measure)?
        .into_iter()
        .map(|(_, value)| value)
        .collect())
}

fn unfinished(series: &Series) -> Vec<String> {
    series
        .unfinished
        .iter()
        .map(|period| format!("{period} is not over yet and was left out."))
        .collect()
}

fn period_column(data: &Data<'_>) -> Result<String> {
    let (time, _) = series::calendar(data)?;
    Ok(data.columns[time].name.clone())
}

/// `word`, or with an underscore where a column has that name already.
fn other_name(word: &str, taken: &[&str]) -> String {
    let mut name = word.to_owned();
    while taken.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

fn columns(list: &[(&str, &str)]) -> Vec<ColumnInfo> {
    list.iter()
        .map(|(name, type_name)| ColumnInfo {
            name: (*name).to_owned(),
            type_name: (*type_name).to_owned(),
        })
        .collect()
}

fn chart(kind: ChartKind, x: &str, y: &[&str]) -> Chart {
    Chart {
        kind,
        x: x.to_owned(),
        y: y.iter().map(|name| (*name).to_owned()).collect(),
        series: None,
        stacked: false,
    }
}

/// Ten significant digits: what rounding errors are made of does not show.
fn figure(value: f64) -> Value {
    if value == 0.0 || !value.is_finite() {
        return json!(if value == 0.0 { Some(0.0) } else { None });
    }
    let places = 9 - value.abs().log10().floor() as i32;
    match places {
        0..=300 => json!(
            format!("{value:.*}", places as usize)
                .parse::<f64>()
                .unwrap_or(value)
        ),
        _ => json!(value),
    }
}

/// A number in a sentence, without "about": every finding is rounded.
fn said(value: f64) -> String {
    let text = amount(&cell(&figure(value)));
    text.strip_prefix("about ").map_or(text.clone(), str::to_owned)
}

/// Three significant digits.
fn plain(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let places = (2 - value.abs().log10().floor() as i32).clamp(0, 6);
    let text = format!("{value:.*}", places as usize);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn p_text(p: f64) -> String {
    if p < 0.001 {
        "p < 0.001".into()
    } else {
        format!("p = {p:.3}")
    }
}
