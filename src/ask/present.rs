//! The sentence of an answer, made from the result by code. No model sees the rows for it, and it claims
//! nothing that the rows at hand do not show.

use chrono::Month;
use serde_json::Value;

use super::chart::{Role, Truncation, is_calendar_number, is_id, number, role, words};
use crate::rows::ColumnInfo;
use crate::rows::text::cell;

/// Characters of one value in a sentence.
const MAX_VALUE: usize = 60;
/// Rows that are named one by one.
const NAMED_ROWS: usize = 5;
/// Columns of a single row that are spelled out.
const NAMED_COLUMNS: usize = 5;

/// What a sentence is made from.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// How the question was read.
    pub interpretation: &'a str,
    pub columns: &'a [ColumnInfo],
    /// The first rows, values by the rules of `rows::json`.
    pub rows: &'a [Vec<Value>],
    /// All rows there are (or were read, if cut).
    pub row_count: u64,
    pub truncation: Truncation,
}

/// One or two sentences that say what came out.
pub fn sentence(shown: &Shown<'_>) -> String {
    let mut text = match (shown.rows, shown.columns) {
        ([], _) | (_, []) => none(shown),
        ([row], [column]) => one_value(shown, column, &row[0]),
        ([row], _) if shown.row_count == 1 => one_row(shown, row),
        (_, [column]) => list(shown, column),
        _ => table(shown),
    };
    if shown.truncation == Truncation::Cut {
        text.push_str(&format!(
            " Only the first {} {} read; there are more.",
            grouped(&shown.row_count.to_string()),
            if shown.row_count == 1 {
                "row was"
            } else {
                "rows were"
            }
        ));
    }
    text
}

fn none(shown: &Shown<'_>) -> String {
    match reading(shown) {
        Some(reading) => format!("No rows match: {reading}."),
        None => "No rows match this question.".into(),
    }
}

fn one_value(shown: &Shown<'_>, column: &ColumnInfo, value: &Value) -> String {
    let label = label(column);
    if value.is_null() {
        let what = label.or_else(|| reading(shown));
        return match what {
            Some(what) => {
                format!("There is no value for {what}: nothing matched, or all that matched is empty.")
            }
            None => "There is no value: nothing matched, or all that matched is empty.".into(),
        };
    }
    let value = written(column, value);
    match (label, reading(shown)) {
        (Some(label), _) if !is_plural(&label) => format!("The {label} is {value}."),
        (Some(label), _) => format!("{}: {value}.", capitalised(&label)),
        (None, Some(reading)) => format!("{}: {value}.", capitalised(&reading)),
        (None, None) => format!("The answer is {value}."),
    }
}

fn one_row(shown: &Shown<'_>, row: &[Value]) -> String {
    if let Some(compared) = compared(shown, row) {
        return compared;
    }
    let of = |wanted: Role| {
        (0..row.len()).filter(move |at| role(&shown.columns[*at]) == wanted && !row[*at].is_null())
    };
    // A name says more than the key before it, and in a row of figures a date is what they are of.
    let name = of(Role::Category)
        .min_by_key(|at| is_id(&words(&shown.columns[*at].name)))
        .or_else(|| {
            of(Role::Time)
                .next()
                .filter(|_| of(Role::Measure).next().is_some())
        });
    let parts: Vec<String> = (0..row.len())
        .filter(|at| Some(*at) != name)
        .map(|at| {
            let column = &shown.columns[at];
            let value = if row[at].is_null() {
                "empty".into()
            } else {
                written(column, &row[at])
            };
            format!("{} {value}", plain_name(column))
        })
        .collect();
    let mut text = match name {
        Some(at) => format!("{}: ", Dates::of(shown, at).write(&shown.columns[at], &row[at])),
        None => String::new(),
    };
    text.push_str(&parts[..parts.len().min(NAMED_COLUMNS)].join(", "));
    if parts.len() > NAMED_COLUMNS {
        text.push_str(&format!(" and {} more columns", parts.len() - NAMED_COLUMNS));
    }
    text.push('.');
    capitalised(&text)
}

/// "Total revenue rose from 13,708.00 (2024) to 15,741.79 (2025), by 2,033.79 or about 14.84 %": a row of a figure at
/// two times, the change, and the change in percent.
fn compared(shown: &Shown<'_>, row: &[Value]) -> Option<String> {
    let [first, second, change, percent] = shown.columns else {
        return None;
    };
    if change.name != "change" || percent.name != "change_percent" {
        return None;
    }
    let (before, after) = (plain_name(first), plain_name(second));
    let (before, after): (Vec<&str>, Vec<&str>) = (before.split(' ').collect(), after.split(' ').collect());
    let same = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    // "march 2024" and "march 2025" are two months.
    let month = |word: &&str| word.len() > 2 && word.parse::<Month>().is_ok();
    let same = before[..same].iter().position(month).unwrap_or(same);
    let (figure, from, to) = (
        before[..same].join(" "),
        before[same..].join(" "),
        after[same..].join(" "),
    );
    let by = number(&row[2])?;
    if figure.is_empty() || from.is_empty() || to.is_empty() || row[..2].iter().any(Value::is_null) {
        return None;
    }
    let verb = match by {
        by if by > 0.0 => "rose",
        by if by < 0.0 => "fell",
        _ => {
            let value = written(second, &row[1]);
            return Some(capitalised(&format!(
                "{figure} did not change from {from} to {to}: {value}."
            )));
        }
    };
    let unsigned = |at: usize| {
        let text = cell(&row[at]);
        amount(text.strip_prefix('-').unwrap_or(&text))
    };
    let share = if row[3].is_null() {
        String::new()
    } else {
        format!(" or {} %", unsigned(3))
    };
    Some(capitalised(&format!(
        "{figure} {verb} from {} ({from}) to {} ({to}), by {}{share}.",
        written(first, &row[0]),
        written(second, &row[1]),
        unsigned(2)
    )))
}

fn list(shown: &Shown<'_>, column: &ColumnInfo) -> String {
    let dates = Dates::of(shown, 0);
    let values: Vec<String> = shown
        .rows
        .iter()
        .take(NAMED_ROWS)
        .map(|row| dates.write(column, &row[0]))
        .collect();
    if shown.row_count as usize == values.len() {
        format!("{}: {}.", rows(shown), and(&values))
    } else {
        format!(
            "{}, the first: {}.",
            rows(shown),
            and(&values[..values.len().min(3)])
        )
    }
}

fn table(shown: &Shown<'_>) -> String {
    let of = |wanted: Role| (0..shown.columns.len()).filter(move |at| role(&shown.columns[*at]) == wanted);
    let measures: Vec<usize> = of(Role::Measure).collect();
    let time = of(Role::Time).next();
    let category = of(Role::Category).min_by_key(|at| is_id(&words(&shown.columns[*at].name)));
    let ordered = measures.iter().copied().find(|at| is_ordered(shown, *at));
    let whole = shown.rows.len() as u64 == shown.row_count && shown.truncation == Truncation::Whole;
    match (category, time, ordered, measures.first()) {
        // An order over a category: what comes first is what was asked for.
        (Some(name), None, Some(measure), _) => {
            let names = Dates::of(shown, name);
            let entry = |at: usize| {
                let row = &shown.rows[at];
                (
                    names.write(&shown.columns[name], &row[name]),
                    written(&shown.columns[measure], &row[measure]),
                )
            };
            let (first, value) = entry(0);
            let mut text = format!(
                "{first} comes first with {} {value}",
                plain_name(&shown.columns[measure])
            );
            let next: Vec<String> = (1..shown.rows.len().min(3))
                .map(|at| {
                    let (name, value) = entry(at);
                    format!("{name} ({value})")
                })
                .collect();
            text.push_str(&format!(", followed by {}", and(&next)));
            let more = shown.row_count.saturating_sub(1 + next.len() as u64);
            if more > 0 {
                let noun = if more == 1 { "row" } else { "rows" };
                text.push_str(&format!("; {} more {noun}", grouped(&more.to_string())));
            }
            capitalised(&text) + "."
        }
        (None, Some(time), _, Some(measure)) if whole => {
            let dates = Dates::of(shown, time);
            let span = match extremes(shown, time, calendar) {
                Some((first, last)) => format!(
                    ", from {} to {}",
                    dates.write(&shown.columns[time], &shown.rows[first][time]),
                    dates.write(&shown.columns[time], &shown.rows[last][time])
                ),
                None => String::new(),
            };
            let range = range(shown, *measure, Some(time));
            format!("{}{span}{range}.", rows(shown))
        }
        (name, time, _, Some(measure)) if whole => {
            let by = if time.is_some() && name.is_some() {
                None
            } else {
                name
            };
            format!("{}{}.", rows(shown), range(shown, *measure, by))
        }
        (Some(name), ..) => {
            let first = written(&shown.columns[name], &shown.rows[0][name]);
            format!("{}, the first: {first}.", rows(shown))
        }
        _ => format!("{} with {} columns.", rows(shown), shown.columns.len()),
    }
}

/// "; revenue from 7.00 (Kiel) to 1,200.50 (Berlin)"
fn range(shown: &Shown<'_>, measure: usize, by: Option<usize>) -> String {
    let Some((low, high)) = extremes(shown, measure, number) else {
        return String::new();
    };
    let name = plain_name(&shown.columns[measure]);
    let value = |at: usize| written(&shown.columns[measure], &shown.rows[at][measure]);
    // Where several rows share an extreme, naming one of them would hide the others.
    let place = |at: usize| {
        let by = by?;
        let edge = number(&shown.rows[at][measure]);
        let alone = shown
            .rows
            .iter()
            .filter(|row| number(&row[measure]) == edge)
            .count()
            == 1;
        alone.then(|| {
            format!(
                " ({})",
                Dates::of(shown, by).write(&shown.columns[by], &shown.rows[at][by])
            )
        })
    };
    if number(&shown.rows[low][measure]) == number(&shown.rows[high][measure]) {
        return format!("; {name} {} throughout", value(low));
    }
    format!(
        "; {name} from {}{} to {}{}",
        value(low),
        place(low).unwrap_or_default(),
        value(high),
        place(high).unwrap_or_default()
    )
}

/// The rows with the smallest and the largest value; None unless two rows have one.
fn extremes<T: PartialOrd>(
    shown: &Shown<'_>,
    column: usize,
    read: impl Fn(&Value) -> Option<T>,
) -> Option<(usize, usize)> {
    let mut found: Option<(usize, T, usize, T)> = None;
    let mut count = 0;
    for (at, row) in shown.rows.iter().enumerate() {
        let (Some(value), Some(again)) = (read(&row[column]), read(&row[column])) else {
            continue;
        };
        count += 1;
        found = Some(match found {
            None => (at, value, at, again),
            Some((_, low, high_at, high)) if value < low => (at, value, high_at, high),
            Some((low_at, low, _, high)) if value > high => (low_at, low, at, value),
            Some(same) => same,
        });
    }
    found.filter(|_| count > 1).map(|(low, _, high, _)| (low, high))
}

fn calendar(value: &Value) -> Option<String> {
    match value {
        // ISO texts of one column sort as the calendar does; years beyond 9999 or before 0 do not.
        Value::String(text) if !text.starts_with(['+', '-', 'i']) => Some(text.clone()),
        Value::Number(number) => Some(format!("{:020.6}", number.as_f64()?)),
        _ => None,
    }
}

/// Whether the rows lie in the order of this measure, and not all alike.
fn is_ordered(shown: &Shown<'_>, measure: usize) -> bool {
    let values: Option<Vec<f64>> = shown.rows.iter().map(|row| number(&row[measure])).collect();
    values.is_some_and(|values| {
        let falls = values.windows(2).all(|pair| pair[0] >= pair[1]);
        let rises = values.windows(2).all(|pair| pair[0] <= pair[1]);
        falls != rises
    })
}

/// How the dates of one column are written: as months, quarters or years where every one begins such a span.
enum Dates {
    Years,
    Quarters,
    Months,
    /// 1 to 12, whatever the year.
    MonthNumbers,
    Days,
}

impl Dates {
    fn of(shown: &Shown<'_>, column: usize) -> Dates {
        if !matches!(shown.columns[column].type_name.as_str(), "date" | "timestamp") {
            let months = words(&shown.columns[column].name) == ["month"]
                && shown.rows.iter().all(|row| {
                    row[column]
                        .as_u64()
                        .is_some_and(|month| (1..=12).contains(&month))
                });
            return if months { Dates::MonthNumbers } else { Dates::Days };
        }
        let texts: Vec<&str> = shown.rows.iter().filter_map(|row| row[column].as_str()).collect();
        let called = |name: &str| words(&shown.columns[column].name).iter().any(|word| word == name);
        let every = |start: &str| {
            (texts.len() > 2 || called("month") || called("quarter"))
                && texts.iter().all(|text| {
                    let time = text.get(10..).unwrap_or("");
                    let midnight = time.is_empty() || time.trim_end_matches('Z') == "T00:00:00";
                    midnight && text.get(4..10).is_some_and(|day| day.ends_with(start))
                })
        };
        if every("-01-01") && !called("month") && !called("quarter") {
            Dates::Years
        // Months may be three apart for other reasons, so the name has to say it, too.
        } else if called("quarter")
            && every("-01")
            && texts
                .iter()
                .all(|text| matches!(text.get(5..7), Some("01" | "04" | "07" | "10")))
        {
            Dates::Quarters
        } else if every("-01") {
            Dates::Months
        } else {
            Dates::Days
        }
    }

    fn write(&self, column: &ColumnInfo, value: &Value) -> String {
        let named = |number: u64| Some(Month::try_from(u8::try_from(number).ok()?).ok()?.name());
        if let (Dates::MonthNumbers, Some(name)) = (self, value.as_u64().and_then(named)) {
            return name.to_owned();
        }
        if let Value::String(text) = value {
            let number = text.get(5..7).and_then(|month| month.parse::<u64>().ok());
            let month = number.and_then(named);
            match (self, text.get(..4), month) {
                (Dates::Years, Some(year), _) => return year.to_owned(),
                (Dates::Quarters, Some(year), Some(_)) => {
                    return format!("Q{} {year}", number.unwrap_or(1).div_ceil(3));
                }
                (Dates::Months, Some(year), Some(month)) => return format!("{month} {year}"),
                _ => {}
            }
        }
        written(column, value)
    }
}

/// A value as it stands in a sentence.
fn written(column: &ColumnInfo, value: &Value) -> String {
    match (column.type_name.as_str(), value) {
        (_, Value::Null) => "(empty)".into(),
        (_, Value::Bool(true)) => "yes".into(),
        (_, Value::Bool(false)) => "no".into(),
        ("integer" | "decimal" | "float", value) => {
            let words = words(&column.name);
            let text = cell(value);
            // 2024 is a year and 10115 a code, not amounts.
            if is_id(&words) || is_calendar_number(&words) {
                text
            } else {
                amount(&text)
            }
        }
        ("timestamp", Value::String(text)) => {
            let text = text.strip_suffix("T00:00:00").unwrap_or(text);
            text.replacen('T', " ", 1)
        }
        (_, value) => shortened(&cell(value)),
    }
}

/// A number with thousands separated; more than four places are rounded, and said to be.
pub(crate) fn amount(text: &str) -> String {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return shortened(text);
    }
    let sign = &text[..text.len() - unsigned.len()];
    if fraction.len() <= 4 {
        // 5.0 is how a float writes 5; a decimal's 5.00 keeps its places.
        return match fraction {
            "" | "0" => format!("{sign}{}", grouped(whole)),
            _ => format!("{sign}{}.{fraction}", grouped(whole)),
        };
    }
    let kept = fraction.trim_end_matches('0');
    if kept.len() <= 4 {
        return match kept.len() {
            0 => format!("{sign}{}", grouped(whole)),
            1 => format!("{sign}{}.{kept}0", grouped(whole)),
            _ => format!("{sign}{}.{kept}", grouped(whole)),
        };
    }
    let Ok(value) = text.parse::<f64>() else {
        return shortened(text);
    };
    // Beyond this a double has no places left to round.
    if value.abs() >= 1e12 {
        return format!("{sign}{}.{fraction}", grouped(whole));
    }
    let rounded = if value.abs() >= 1.0 {
        format!("{:.2}", value.abs())
    } else {
        let places = (3 - value.abs().max(1e-12).log10().floor() as i32 - 1).clamp(2, 14);
        format!("{:.*}", places as usize, value.abs())
    };
    let (whole, fraction) = rounded.split_once('.').unwrap_or((&rounded, "0"));
    format!("about {sign}{}.{fraction}", grouped(whole))
}

/// `1234567` as `1,234,567`.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A column's name as words; None where it says nothing (`?column?`, `result`).
fn label(column: &ColumnInfo) -> Option<String> {
    let name = plain_name(column);
    let says_nothing = matches!(
        name.as_str(),
        "" | "column"
            | "result"
            | "value"
            | "answer"
            | "count"
            | "sum"
            | "avg"
            | "min"
            | "max"
            | "n"
            | "total"
            | "count 1"
    ) || name.starts_with("int64");
    (!says_nothing).then_some(name)
}

pub(crate) fn plain_name(column: &ColumnInfo) -> String {
    let words = words(&column.name);
    let text = shortened(&words.join(" "));
    if text.is_empty() {
        // A name of signs only, such as `%`.
        shortened(&column.name)
    } else {
        text
    }
}

fn is_plural(label: &str) -> bool {
    let begins = [
        "number of",
        "count of",
        "sum of",
        "total of",
        "average of",
        "share of",
    ];
    label.ends_with('s') && !label.ends_with("ss") && !begins.iter().any(|begin| label.starts_with(begin))
}

fn reading(shown: &Shown<'_>) -> Option<String> {
    let text = one_line(shown.interpretation);
    let text = text.trim_end_matches(['.', ':', ' ']);
    (!text.is_empty()).then(|| text.to_owned())
}

fn rows(shown: &Shown<'_>) -> String {
    if shown.row_count == 1 {
        "1 row".into()
    } else {
        format!("{} rows", grouped(&shown.row_count.to_string()))
    }
}

pub(crate) fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

pub(crate) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().collect::<String>() + chars.as_str(),
        None => String::new(),
    }
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn shortened(text: &str) -> String {
    let text = one_line(text);
    match text.char_indices().nth(MAX_VALUE) {
        None => text,
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

#[cfg(test)]
#[path = "present_tests.rs"]
mod tests;
