//! Rows as a series over time: which column is the calendar, how long one period is, and where gaps are.

use chrono::{Datelike, Days, Months, NaiveDate};
use serde_json::Value;

use super::{Data, refused};
use crate::ask::chart::{Role, role};
use crate::error::Result;

/// The length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// One value a period, in the calendar's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub period: Period,
    /// Beginnings of the periods.
    pub starts: Vec<NaiveDate>,
    /// Periods since the first one; whole numbers.
    pub positions: Vec<f64>,
    pub values: Vec<f64>,
    /// Rows of the values.
    pub rows: Vec<usize>,
    /// The last period, when it was left out because it is not over.
    pub unfinished: Option<String>,
}

impl Period {
    /// "month"
    pub fn name(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
            Period::Quarter => "quarter",
            Period::Year => "year",
        }
    }

    /// Periods of one round of the seasons.
    pub fn season(self) -> Option<usize> {
        match self {
            Period::Day => Some(7),
            Period::Month => Some(12),
            Period::Quarter => Some(4),
            Period::Week | Period::Year => None,
        }
    }

    /// The beginning of the period `steps` later; None beyond the calendar.
    pub fn later(self, start: NaiveDate, steps: u32) -> Option<NaiveDate> {
        let days = |days: u64| start.checked_add_days(Days::new(days * u64::from(steps)));
        let months = |months: u32| start.checked_add_months(Months::new(months * steps));
        match self {
            Period::Day => days(1),
            Period::Week => days(7),
            Period::Month => months(1),
            Period::Quarter => months(3),
            Period::Year => months(12),
        }
    }

    /// As it stands in a sentence: "March 2026", "2026", "2026-03-09".
    pub fn label(self, start: NaiveDate) -> String {
        match self {
            Period::Day => start.format("%Y-%m-%d").to_string(),
            Period::Week => format!("the week of {}", start.format("%Y-%m-%d")),
            Period::Month => start.format("%B %Y").to_string(),
            Period::Quarter => format!("Q{} {}", start.month0() / 3 + 1, start.year()),
            Period::Year => start.year().to_string(),
        }
    }
}

impl Series {
    /// Whether every period between the first and the last one has a value.
    pub fn gap(&self) -> Option<String> {
        let at = self
            .positions
            .windows(2)
            .position(|pair| pair[1] - pair[0] != 1.0)?;
        let missing = self.period.later(self.starts[at], 1)?;
        Some(self.period.label(missing))
    }
}

/// The column that says when, and what it says of each row. Errors: `Invalid` when no column does.
pub fn calendar(data: &Data<'_>) -> Result<(usize, Vec<Option<NaiveDate>>)> {
    let found = data.of(Role::Time).into_iter().find_map(|at| {
        let dates: Vec<Option<NaiveDate>> = data
            .rows
            .iter()
            .map(|row| date(&row[at], &data.columns[at].type_name))
            .collect();
        let all = data
            .rows
            .iter()
            .zip(&dates)
            .all(|(row, date)| row[at].is_null() || date.is_some());
        (all && dates.iter().flatten().count() > 1).then_some((at, dates))
    });
    found.ok_or_else(|| refused("This needs a column with dates. Ask for the numbers by day, month or year."))
}

/// The values of `measure` over time. Errors: `Invalid` when there are several rows a period, or the dates follow
/// no calendar period.
pub fn series(data: &Data<'_>, measure: usize) -> Result<Series> {
    let (time, dates) = calendar(data)?;
    let mut points: Vec<(NaiveDate, f64, usize)> = data
        .numbers(measure)?
        .into_iter()
        .filter_map(|(row, value)| Some((dates[row]?, value, row)))
        .collect();
    points.sort_by_key(|(date, _, row)| (*date, *row));
    if let Some(pair) = points.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(refused(&format!(
            "There are several rows for {}. Ask for one number a period, for example by month only.",
            pair[0].0
        )));
    }
    let starts: Vec<NaiveDate> = points.iter().map(|(date, _, _)| *date).collect();
    let period = period(&starts, &data.columns[time].name).ok_or_else(|| {
        refused("The dates are neither days, weeks, months, quarters nor years in a row. Ask for the numbers by one of these.")
    })?;
    let unfinished = starts
        .last()
        .filter(|last| period.later(**last, 1).is_some_and(|end| end > data.today))
        .map(|last| period.label(*last));
    if unfinished.is_some() {
        points.pop();
    }
    let first = starts[0];
    Ok(Series {
        period,
        positions: points
            .iter()
            .map(|(date, _, _)| distance(period, first, *date))
            .collect(),
        starts: points.iter().map(|(date, _, _)| *date).collect(),
        values: points.iter().map(|(_, value, _)| *value).collect(),
        rows: points.iter().map(|(_, _, row)| *row).collect(),
        unfinished,
    })
}

/// A cell as a day; a year as a number is its first of January.
fn date(value: &Value, type_name: &str) -> Option<NaiveDate> {
    match value {
        Value::String(text) if matches!(type_name, "date" | "timestamp") => {
            let day = text.get(..10)?;
            // A time of day would make every row a period of its own.
            let rest = &text[10..];
            let midnight = rest.is_empty() || rest.trim_start_matches(['T', ' ']).starts_with("00:00:00");
            NaiveDate::parse_from_str(day, "%Y-%m-%d")
                .ok()
                .filter(|_| midnight)
        }
        Value::Number(number) => {
            let year = number.as_i64().filter(|year| (1000..=9999).contains(year))?;
            NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, 1, 1)
        }
        _ => None,
    }
}

/// The longest period whose beginnings all dates are; at least two dates.
fn period(starts: &[NaiveDate], column: &str) -> Option<Period> {
    if starts.len() < 2 {
        return None;
    }
    let first = starts[0];
    let same_day = starts.iter().all(|date| date.day() == first.day()) && first.day() == 1;
    if same_day {
        let months: Vec<u32> = starts.iter().map(|date| date.month0()).collect();
        let step = |of: u32| months.iter().all(|month| month % of == months[0] % of);
        let named = |word: &str| column.to_lowercase().contains(word);
        // Two Januaries may also be months with ten others missing; the name decides then.
        return Some(if step(12) && !named("month") && !named("quarter") {
            Period::Year
        } else if step(3) && !named("month") && starts.len() > 2 || named("quarter") && step(3) {
            Period::Quarter
        } else {
            Period::Month
        });
    }
    let days: Vec<i64> = starts
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).num_days())
        .collect();
    Some(if days.iter().all(|days| days % 7 == 0) {
        Period::Week
    } else {
        Period::Day
    })
}

/// Periods from `first` to `date`, both beginnings of periods.
fn distance(period: Period, first: NaiveDate, date: NaiveDate) -> f64 {
    let months =
        f64::from((date.year() - first.year()) * 12) + f64::from(date.month0()) - f64::from(first.month0());
    let days = (date - first).num_days() as f64;
    match period {
        Period::Day => days,
        Period::Week => days / 7.0,
        Period::Month => months,
        Period::Quarter => months / 3.0,
        Period::Year => months / 12.0,
    }
}

/// The only column of names beside calendar and measures; None where there is none. Errors: `Invalid` where there
/// are several.
pub fn category(data: &Data<'_>) -> Result<Option<usize>> {
    let categories: Vec<usize> = (0..data.columns.len())
        .filter(|at| role(&data.columns[*at]) == Role::Category)
        .collect();
    match categories.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(refused(
            "There are several columns of names. Ask for the numbers by period and one of them.",
        )),
    }
}
