//! Which chart shows a result, by rules from column types and cardinality; often none.
//!
//! A chart is a spec, never code. Nothing is sorted, summed or left out for it: what is drawn are the rows
//! as they stand, and a result that does not lie here in full gets no chart, because a part would look like
//! the whole.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rows::ColumnInfo;
use crate::rows::text::cell;

/// Categories on one axis at most.
const MAX_CATEGORIES: usize = 50;
/// Series in one chart at most.
const MAX_SERIES: usize = 12;
/// Measures in one chart at most.
const MAX_MEASURES: usize = 4;
/// Parts of a pie at most.
const MAX_PARTS: usize = 6;
/// Points from which two bare numbers are worth a cloud.
const MIN_CLOUD: usize = 10;
/// How far apart two measures may lie and still share an axis.
const SAME_SCALE: f64 = 50.0;

/// A chart of the rows of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Chart {
    pub kind: ChartKind,
    /// Name of the column along the axis (or of the parts).
    pub x: String,
    /// Names of the columns that are drawn.
    pub y: Vec<String>,
    /// Name of the column that splits the rows into series.
    pub series: Option<String>,
    /// Whether the series add up to a meaningful whole.
    pub stacked: bool,
}

/// How a [`Chart`] is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChartKind {
    Bar,
    Line,
    Scatter,
    Pie,
}

/// What a column is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A number that may be drawn or compared.
    Measure,
    /// A point on the calendar, or a year or month as a number.
    Time,
    /// A name, a flag, an id.
    Category,
    /// Nothing to draw: lists, objects, bytes.
    Other,
}

/// The role of a column. An id is never a measure, whatever its type.
pub(crate) fn role(column: &ColumnInfo) -> Role {
    let words = words(&column.name);
    match column.type_name.as_str() {
        "integer" | "decimal" | "float" => {
            if is_id(&words) {
                Role::Category
            } else if is_calendar_number(&words) {
                Role::Time
            } else {
                Role::Measure
            }
        }
        "date" | "timestamp" | "time" => Role::Time,
        "text" | "boolean" | "uuid" => Role::Category,
        _ => Role::Other,
    }
}

/// The chart of a result whose `rows` are all there is if `row_count` says so; None where a number or a
/// table says it better.
pub fn choose(
    columns: &[ColumnInfo],
    rows: &[Vec<Value>],
    row_count: u64,
    truncation: Truncation,
) -> Option<Chart> {
    if rows.len() < 2 || rows.len() as u64 != row_count || truncation == Truncation::Cut {
        return None;
    }
    let data = Data { columns, rows };
    let of = |wanted: Role| -> Vec<usize> {
        (0..columns.len())
            .filter(|at| role(&columns[*at]) == wanted)
            .collect()
    };
    let (times, categories) = (of(Role::Time), of(Role::Category));
    let measures: Vec<usize> = of(Role::Measure)
        .into_iter()
        .filter(|at| data.largest(*at).is_some())
        .collect();
    let measures = data.levels(measures);
    if !of(Role::Other).is_empty() && measures.is_empty() {
        return None;
    }
    match (times.as_slice(), categories.as_slice(), measures.as_slice()) {
        (_, _, []) => None,
        ([time], [], _) => data.over_time(*time, &measures),
        ([time], [series], [measure]) => data.over_time_by(*time, *series, *measure),
        // Year and month as two numbers: the years as series over the months.
        ([first, second], [], [measure]) => data.over_time_by(*second, *first, *measure),
        ([], [category], _) => data.by_category(*category, &measures),
        ([], [first, second], _) => data.by_two(*first, *second, &measures),
        ([], [], [x, y]) => data.two_numbers(*x, *y),
        _ => None,
    }
}

/// Whether a limit cut the result short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truncation {
    Whole,
    Cut,
}

struct Data<'a> {
    columns: &'a [ColumnInfo],
    rows: &'a [Vec<Value>],
}

impl Data<'_> {
    fn chart(&self, kind: ChartKind, x: usize, y: &[usize], series: Option<usize>) -> Option<Chart> {
        let name = |at: usize| self.columns[at].name.clone();
        let mut used: Vec<usize> = y.to_vec();
        used.push(x);
        used.extend(series);
        // A chart names its columns; two columns of one name cannot be told apart.
        let unclear = used.iter().any(|at| {
            self.columns
                .iter()
                .filter(|column| column.name == self.columns[*at].name)
                .count()
                > 1
        });
        (!unclear).then(|| Chart {
            kind,
            x: name(x),
            y: y.iter().map(|at| name(*at)).collect(),
            series: series.map(name),
            stacked: false,
        })
    }

    /// The measures without those that only say how the others differ: a change beside the two figures it is
    /// between, and percentages beside what is no percentage. The table shows them.
    fn levels(&self, measures: Vec<usize>) -> Vec<usize> {
        let says = |at: &usize, wanted: &[&str]| {
            let words = words(&self.columns[*at].name);
            wanted.iter().any(|word| words.iter().any(|own| own == word))
        };
        let percent = |at: &usize| says(at, &["percent", "percentage", "pct"]);
        let change = |at: &usize| says(at, &["change", "difference"]);
        let figures: Vec<usize> = measures
            .iter()
            .copied()
            .filter(|at| !percent(at) && !change(at))
            .collect();
        if figures.len() < 2 {
            return measures;
        }
        figures
    }

    fn over_time(&self, time: usize, measures: &[usize]) -> Option<Chart> {
        if !self.is_unique(&[time]) {
            return None;
        }
        let kind = if self.rows.len() > 2 {
            ChartKind::Line
        } else {
            ChartKind::Bar
        };
        self.chart(kind, time, &self.same_scale(measures), None)
    }

    fn over_time_by(&self, time: usize, series: usize, measure: usize) -> Option<Chart> {
        if !self.is_unique(&[time, series]) || self.distinct(series) > MAX_SERIES {
            return None;
        }
        if self.distinct(series) == 1 {
            return self.over_time(time, &[measure]);
        }
        if self.distinct(time) == 1 {
            return self.by_category(series, &[measure]);
        }
        let kind = if self.distinct(time) > 2 {
            ChartKind::Line
        } else {
            ChartKind::Bar
        };
        self.chart(kind, time, &[measure], Some(series))
    }

    fn by_category(&self, category: usize, measures: &[usize]) -> Option<Chart> {
        if !self.is_unique(&[category]) {
            return None;
        }
        if let [x, y] = measures
            && self.rows.len() > MAX_CATEGORIES
        {
            return self.chart(ChartKind::Scatter, *x, &[*y], None);
        }
        if self.rows.len() > MAX_CATEGORIES {
            return None;
        }
        if let [share] = measures
            && self.rows.len() <= MAX_PARTS
            && self.is_share_of_whole(*share)
        {
            return self.chart(ChartKind::Pie, category, &[*share], None);
        }
        self.chart(ChartKind::Bar, category, &self.same_scale(measures), None)
    }

    fn by_two(&self, first: usize, second: usize, measures: &[usize]) -> Option<Chart> {
        // Names beside their ids, or a name and what belongs to it: one of the two tells the rows apart.
        let name = [first, second].into_iter().filter(|at| self.is_unique(&[*at]));
        if let Some(name) = name.min_by_key(|at| is_id(&words(&self.columns[*at].name))) {
            return self.by_category(name, measures);
        }
        let [measure] = measures else { return None };
        if !self.is_unique(&[first, second]) {
            return None;
        }
        let (x, series) = if self.distinct(second) <= self.distinct(first) {
            (first, second)
        } else {
            (second, first)
        };
        if self.distinct(series) > MAX_SERIES || self.distinct(x) > MAX_CATEGORIES {
            return None;
        }
        let mut chart = self.chart(ChartKind::Bar, x, &[*measure], Some(series))?;
        chart.stacked = self.adds_up(*measure);
        Some(chart)
    }

    fn two_numbers(&self, x: usize, y: usize) -> Option<Chart> {
        // How often each number occurs: the number is a category.
        let counts = words(&self.columns[y].name).first().is_some_and(|word| {
            matches!(
                word.as_str(),
                "count" | "number" | "n" | "num" | "total" | "frequency"
            )
        });
        if counts
            && self.columns[x].type_name == "integer"
            && self.is_unique(&[x])
            && self.rows.len() <= MAX_CATEGORIES
        {
            return self.chart(ChartKind::Bar, x, &[y], None);
        }
        (self.rows.len() >= MIN_CLOUD)
            .then(|| self.chart(ChartKind::Scatter, x, &[y], None))
            .flatten()
    }

    /// The first measure and those whose size does not press it flat.
    fn same_scale(&self, measures: &[usize]) -> Vec<usize> {
        let size = |at: usize| self.largest(at).unwrap_or(0.0).max(f64::MIN_POSITIVE);
        let Some(first) = measures.first() else {
            return Vec::new();
        };
        measures
            .iter()
            .copied()
            .filter(|at| {
                let ratio = size(*at) / size(*first);
                (1.0 / SAME_SCALE..=SAME_SCALE).contains(&ratio)
            })
            .take(MAX_MEASURES)
            .collect()
    }

    fn is_share_of_whole(&self, measure: usize) -> bool {
        let shares = words(&self.columns[measure].name).iter().any(|word| {
            matches!(
                word.as_str(),
                "share" | "percent" | "percentage" | "pct" | "proportion" | "fraction"
            )
        });
        let values: Option<Vec<f64>> = self.rows.iter().map(|row| number(&row[measure])).collect();
        let Some(values) = values else { return false };
        let sum: f64 = values.iter().sum();
        shares
            && values.iter().all(|value| *value >= 0.0)
            && ((sum - 1.0).abs() < 0.02 || (sum - 100.0).abs() < 2.0)
    }

    /// Whether bars on top of each other mean something: sums and counts do, averages do not.
    fn adds_up(&self, measure: usize) -> bool {
        let is_sum = words(&self.columns[measure].name).iter().any(|word| {
            matches!(
                word.as_str(),
                "sum" | "total" | "count" | "number" | "orders" | "revenue" | "sales" | "quantity" | "units"
            )
        });
        let is_mean = words(&self.columns[measure].name).iter().any(|word| {
            matches!(
                word.as_str(),
                "avg"
                    | "average"
                    | "mean"
                    | "median"
                    | "min"
                    | "max"
                    | "rate"
                    | "ratio"
                    | "share"
                    | "percent"
                    | "per"
            )
        });
        is_sum
            && !is_mean
            && self
                .rows
                .iter()
                .all(|row| number(&row[measure]).is_none_or(|value| value >= 0.0))
    }

    fn key(&self, row: &[Value], columns: &[usize]) -> Vec<String> {
        columns
            .iter()
            // Null and the empty text are two categories.
            .map(|at| format!("{}{}", row[*at].is_null(), cell(&row[*at])))
            .collect()
    }

    fn is_unique(&self, columns: &[usize]) -> bool {
        let mut seen = HashSet::new();
        self.rows.iter().all(|row| seen.insert(self.key(row, columns)))
    }

    fn distinct(&self, column: usize) -> usize {
        let mut seen: HashMap<Vec<String>, ()> = HashMap::new();
        for row in self.rows {
            seen.insert(self.key(row, &[column]), ());
        }
        seen.len()
    }

    /// The largest magnitude; None when no row holds a number.
    fn largest(&self, column: usize) -> Option<f64> {
        self.rows
            .iter()
            .filter_map(|row| number(&row[column]))
            .map(f64::abs)
            .max_by(f64::total_cmp)
    }
}

/// A JSON cell as a number, for comparing only: digits beyond a double's are lost.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

/// The words of a column's name, in lower case: `totalRevenue`, `total_revenue` and `sum(orders.total)`.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut previous = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() {
            previous = ' ';
            continue;
        }
        let begins = !previous.is_alphanumeric() || (c.is_uppercase() && previous.is_lowercase());
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        previous = c;
    }
    words
}

/// `id`, `customer_id`, `uuid`, `order no`: a number that names and does not measure.
pub(super) fn is_id(words: &[String]) -> bool {
    match words {
        // The count of ids is a measure.
        [first, ..] if matches!(first.as_str(), "count" | "number" | "distinct" | "n") && words.len() > 1 => {
            false
        }
        [.., last] => matches!(
            last.as_str(),
            "id" | "ids"
                | "uuid"
                | "guid"
                | "key"
                | "code"
                | "zip"
                | "zipcode"
                | "postcode"
                | "phone"
                | "no"
                | "nr"
        ),
        [] => false,
    }
}

/// A year, month or weekday as a number.
pub(super) fn is_calendar_number(words: &[String]) -> bool {
    let calendar = |word: &String| {
        matches!(
            word.as_str(),
            "year" | "month" | "quarter" | "week" | "weekday" | "dow" | "doy" | "hour" | "decade"
        )
    };
    // `orders_per_month` and `average by year` measure something.
    let measures = words.iter().any(|word| {
        matches!(
            word.as_str(),
            "per"
                | "by"
                | "count"
                | "sum"
                | "avg"
                | "average"
                | "total"
                | "number"
                | "revenue"
                | "last"
                | "this"
        )
    });
    !measures && (words.last().is_some_and(calendar) || words.first().is_some_and(calendar))
}

#[cfg(test)]
#[path = "chart_tests.rs"]
mod tests;
