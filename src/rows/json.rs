//! Arrow values as JSON: the rules of the API.
//!
//! | Arrow | JSON |
//! |---|---|
//! | integers within ±2^53 | number |
//! | integers beyond that | string of digits |
//! | decimals | string, with the scale of the column (`"10.50"`) |
//! | floats | number; `"NaN"`, `"Infinity"`, `"-Infinity"` where JSON has none |
//! | boolean, text, null | themselves |
//! | date, time | `"2024-02-29"`, `"13:45:00.5"` |
//! | timestamp | ISO 8601: `"2024-02-29T13:45:00"`; with `Z` or an offset where the column has a zone |
//! | interval, duration | ISO 8601: `"P1Y2M3DT4H5M6.7S"` |
//! | binary | base64; a field marked `uuid` of 16 bytes as a UUID |
//! | list, struct, map | array, object, object (a map whose keys are not unique: array of pairs) |
//! | text in a field marked `json` | the parsed value, its numbers by the same rules; text that does not parse stays text |
//!
//! A time that lies outside the calendar becomes `"infinity"` or `"-infinity"` at the type's end (as
//! PostgreSQL stores them), else its raw count with the unit. This module writes no files; `json_file` does.

use std::ops::Range;

use arrow::array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType,
    IntervalMonthDayNanoType, IntervalYearMonthType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

use super::TYPE_KEY;
use crate::error::{Error, Result};

/// The largest integer that every JSON reader keeps exactly.
const SAFE_INTEGER: u64 = 1 << 53;

/// Lists and structs inside each other at most; deeper ones are refused, not followed.
const MAX_DEPTH: usize = 64;

/// What becomes of text in a field marked `json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonText {
    /// It is parsed.
    Parsed,
    /// It stays the text that the source sent; for formats whose cells are text anyway.
    Kept,
}

/// The rows of `range` (cut to the batch), each a value per column. Errors: `Internal` for an Arrow type
/// that no source of ours produces.
pub fn values(batch: &RecordBatch, range: Range<usize>) -> Result<Vec<Vec<Value>>> {
    rows(batch, range, JsonText::Parsed)
}

/// As [`values`], with a choice for JSON columns.
pub(crate) fn rows(batch: &RecordBatch, range: Range<usize>, json: JsonText) -> Result<Vec<Vec<Value>>> {
    let end = range.end.min(batch.num_rows());
    let start = range.start.min(end);
    let mut rows: Vec<Vec<Value>> = (start..end)
        .map(|_| Vec::with_capacity(batch.num_columns()))
        .collect();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let cells = column(field, &array.slice(start, end - start), json, 0)?;
        for (row, cell) in rows.iter_mut().zip(cells) {
            row.push(cell);
        }
    }
    Ok(rows)
}

/// One array as JSON values, in order.
fn column(field: &Field, array: &ArrayRef, json: JsonText, depth: usize) -> Result<Vec<Value>> {
    if depth > MAX_DEPTH {
        return Err(Error::Invalid(format!(
            "The column {} holds lists or objects more than {MAX_DEPTH} levels deep.",
            field.name()
        )));
    }
    let mark = field.metadata().get(TYPE_KEY).map(String::as_str);
    let text = |text: &str| match (mark, json) {
        (Some("json"), JsonText::Parsed) => parse_json(text),
        _ => Value::String(text.to_owned()),
    };
    let bytes = |bytes: &[u8]| {
        Value::String(match (mark, uuid::Uuid::from_slice(bytes)) {
            (Some("uuid"), Ok(uuid)) => uuid.to_string(),
            _ => STANDARD.encode(bytes),
        })
    };
    Ok(match array.data_type() {
        DataType::Null => vec![Value::Null; array.len()],
        DataType::Boolean => each(array.as_boolean().iter(), Value::Bool),
        DataType::Int8 => primitives::<Int8Type>(array, |v| signed(i64::from(v))),
        DataType::Int16 => primitives::<Int16Type>(array, |v| signed(i64::from(v))),
        DataType::Int32 => primitives::<Int32Type>(array, |v| signed(i64::from(v))),
        DataType::Int64 => primitives::<Int64Type>(array, signed),
        DataType::UInt8 => primitives::<UInt8Type>(array, |v| unsigned(u64::from(v))),
        DataType::UInt16 => primitives::<UInt16Type>(array, |v| unsigned(u64::from(v))),
        DataType::UInt32 => primitives::<UInt32Type>(array, |v| unsigned(u64::from(v))),
        DataType::UInt64 => primitives::<UInt64Type>(array, unsigned),
        DataType::Float16 => primitives::<Float16Type>(array, |v| single(v.to_f32())),
        DataType::Float32 => primitives::<Float32Type>(array, single),
        DataType::Float64 => primitives::<Float64Type>(array, double),
        DataType::Decimal32(..) => {
            let array = array.as_primitive::<Decimal32Type>();
            indexed(array, |row| Value::String(array.value_as_string(row)))
        }
        DataType::Decimal64(..) => {
            let array = array.as_primitive::<Decimal64Type>();
            indexed(array, |row| Value::String(array.value_as_string(row)))
        }
        DataType::Decimal128(..) => {
            let array = array.as_primitive::<Decimal128Type>();
            indexed(array, |row| Value::String(array.value_as_string(row)))
        }
        DataType::Decimal256(..) => {
            let array = array.as_primitive::<Decimal256Type>();
            indexed(array, |row| Value::String(array.value_as_string(row)))
        }
        DataType::Utf8 => each(array.as_string::<i32>().iter(), text),
        DataType::LargeUtf8 => each(array.as_string::<i64>().iter(), text),
        DataType::Utf8View => each(array.as_string_view().iter(), text),
        DataType::Binary => each(array.as_binary::<i32>().iter(), bytes),
        DataType::LargeBinary => each(array.as_binary::<i64>().iter(), bytes),
        DataType::BinaryView => each(array.as_binary_view().iter(), bytes),
        DataType::FixedSizeBinary(_) => each(array.as_fixed_size_binary().iter(), bytes),
        DataType::Date32 | DataType::Date64 => dates(array)?,
        DataType::Time32(_) | DataType::Time64(_) => formatted(array, array, "")?,
        DataType::Timestamp(unit, zone) => timestamps(array, *unit, zone.as_deref())?,
        DataType::Duration(unit) => durations(array, *unit),
        DataType::Interval(unit) => intervals(array, *unit),
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => lists(array, json, depth)?,
        DataType::Struct(fields) => {
            let array = array.as_struct();
            let mut rows: Vec<Map<String, Value>> = vec![Map::new(); array.len()];
            for (field, child) in fields.iter().zip(array.columns()) {
                for (row, cell) in rows.iter_mut().zip(column(field, child, json, depth + 1)?) {
                    row.insert(field.name().clone(), cell);
                }
            }
            rows.into_iter()
                .enumerate()
                .map(|(row, object)| {
                    if array.is_null(row) {
                        Value::Null
                    } else {
                        Value::Object(object)
                    }
                })
                .collect()
        }
        DataType::Map(..) => maps(array, json, depth)?,
        DataType::Dictionary(_, value) => {
            let plain = arrow::compute::cast(array, value)?;
            let field = Field::new(field.name(), value.as_ref().clone(), true)
                .with_metadata(field.metadata().clone());
            column(&field, &plain, json, depth + 1)?
        }
        DataType::RunEndEncoded(_, values) => {
            let plain = arrow::compute::cast(array, values.data_type())?;
            column(values, &plain, json, depth + 1)?
        }
        other => {
            return Err(Error::Internal(format!(
                "the column {} has the type {other}, which has no JSON form",
                field.name()
            )));
        }
    })
}

fn each<T>(cells: impl Iterator<Item = Option<T>>, to_json: impl Fn(T) -> Value) -> Vec<Value> {
    cells.map(|cell| cell.map_or(Value::Null, &to_json)).collect()
}

fn primitives<T: ArrowPrimitiveType>(array: &ArrayRef, to_json: impl Fn(T::Native) -> Value) -> Vec<Value> {
    each(array.as_primitive::<T>().iter(), to_json)
}

fn indexed(array: &dyn Array, to_json: impl Fn(usize) -> Value) -> Vec<Value> {
    (0..array.len())
        .map(|row| {
            if array.is_null(row) {
                Value::Null
            } else {
                to_json(row)
            }
        })
        .collect()
}

fn signed(value: i64) -> Value {
    if value.unsigned_abs() <= SAFE_INTEGER {
        Value::from(value)
    } else {
        Value::String(value.to_string())
    }
}

fn unsigned(value: u64) -> Value {
    if value <= SAFE_INTEGER {
        Value::from(value)
    } else {
        Value::String(value.to_string())
    }
}

fn double(value: f64) -> Value {
    Number::from_f64(value).map_or_else(
        || {
            Value::from(match value {
                _ if value.is_nan() => "NaN",
                _ if value > 0.0 => "Infinity",
                _ => "-Infinity",
            })
        },
        Value::Number,
    )
}

/// Through its shortest decimal form: 0.1 must not become 0.10000000149011612.
fn single(value: f32) -> Value {
    double(value.to_string().parse().unwrap_or_else(|_| f64::from(value)))
}

/// Times through Arrow's own formatter. `raw` holds the same rows as counts, for those outside the calendar.
fn formatted(array: &ArrayRef, raw: &ArrayRef, unit: &str) -> Result<Vec<Value>> {
    let options = FormatOptions::new().with_display_error(false);
    let formatter = ArrayFormatter::try_new(array, &options)?;
    let raw = arrow::compute::cast(raw, &integer_of(raw.data_type()))?;
    let raw = arrow::compute::cast(&raw, &DataType::Int64)?;
    let raw = raw.as_primitive::<Int64Type>();
    let (least, most) = match array.data_type() {
        DataType::Date32 | DataType::Time32(_) => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    Ok(indexed(array, |row| {
        Value::String(match (formatter.value(row).try_to_string(), raw.value(row)) {
            // The ends of the type first: in days they are still dates that can be printed.
            (_, end) if end == most => "infinity".into(),
            (_, end) if end == least => "-infinity".into(),
            (Ok(text), _) => text,
            (Err(_), count) => format!("{count} {unit} since 1970-01-01"),
        })
    }))
}

/// The integer type that Arrow casts this time type to.
fn integer_of(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Date32 | DataType::Time32(_) => DataType::Int32,
        _ => DataType::Int64,
    }
}

fn dates(array: &ArrayRef) -> Result<Vec<Value>> {
    // Date64 counts milliseconds but means days.
    let unit = match array.data_type() {
        DataType::Date32 => "days",
        _ => "milliseconds",
    };
    let mut cells = formatted(array, array, unit)?;
    for cell in &mut cells {
        if let Value::String(text) = cell
            && let Some((day, _)) = text.split_once('T')
        {
            *text = day.to_owned();
        }
    }
    Ok(cells)
}

fn timestamps(array: &ArrayRef, unit: TimeUnit, zone: Option<&str>) -> Result<Vec<Value>> {
    let word = match unit {
        TimeUnit::Second => "seconds",
        TimeUnit::Millisecond => "milliseconds",
        TimeUnit::Microsecond => "microseconds",
        TimeUnit::Nanosecond => "nanoseconds",
    };
    match formatted(array, array, word) {
        // A zone that this build does not know: the stored instant is UTC all the same.
        Err(_) if zone.is_some() => {
            let utc = arrow::compute::cast(array, &DataType::Timestamp(unit, None))?;
            let mut cells = formatted(&utc, &utc, word)?;
            for cell in &mut cells {
                if let Value::String(text) = cell
                    && text.contains('T')
                {
                    text.push('Z');
                }
            }
            Ok(cells)
        }
        other => other,
    }
}

fn durations(array: &ArrayRef, unit: TimeUnit) -> Vec<Value> {
    let iso = |nanos: i128| Value::String(iso_interval(0, 0, nanos));
    match unit {
        TimeUnit::Second => primitives::<DurationSecondType>(array, |v| iso(i128::from(v) * 1_000_000_000)),
        TimeUnit::Millisecond => {
            primitives::<DurationMillisecondType>(array, |v| iso(i128::from(v) * 1_000_000))
        }
        TimeUnit::Microsecond => primitives::<DurationMicrosecondType>(array, |v| iso(i128::from(v) * 1000)),
        TimeUnit::Nanosecond => primitives::<DurationNanosecondType>(array, |v| iso(i128::from(v))),
    }
}

fn intervals(array: &ArrayRef, unit: IntervalUnit) -> Vec<Value> {
    match unit {
        IntervalUnit::YearMonth => {
            primitives::<IntervalYearMonthType>(array, |v| Value::String(iso_interval(v, 0, 0)))
        }
        IntervalUnit::DayTime => primitives::<IntervalDayTimeType>(array, |v| {
            Value::String(iso_interval(0, v.days, i128::from(v.milliseconds) * 1_000_000))
        }),
        IntervalUnit::MonthDayNano => primitives::<IntervalMonthDayNanoType>(array, |v| {
            Value::String(iso_interval(v.months, v.days, i128::from(v.nanoseconds)))
        }),
    }
}

/// ISO 8601, each part with its own sign as PostgreSQL writes it: `P1Y2M3DT4H5M6.7S`, `P-1DT-2H`, `PT0S`.
fn iso_interval(months: i32, days: i32, nanos: i128) -> String {
    let mut text = String::from("P");
    let part = |text: &mut String, count: i128, letter: char| {
        if count != 0 {
            text.push_str(&count.to_string());
            text.push(letter);
        }
    };
    part(&mut text, i128::from(months / 12), 'Y');
    part(&mut text, i128::from(months % 12), 'M');
    part(&mut text, i128::from(days), 'D');
    if nanos != 0 {
        const SECOND: i128 = 1_000_000_000;
        text.push('T');
        part(&mut text, nanos / (3600 * SECOND), 'H');
        part(&mut text, nanos / (60 * SECOND) % 60, 'M');
        let rest = nanos % (60 * SECOND);
        if rest != 0 {
            let sign = if rest < 0 { "-" } else { "" };
            let (whole, fraction) = (rest.abs() / SECOND, rest.abs() % SECOND);
            text.push_str(&format!("{sign}{whole}"));
            if fraction != 0 {
                let digits = format!("{fraction:09}");
                text.push('.');
                text.push_str(digits.trim_end_matches('0'));
            }
            text.push('S');
        }
    }
    if text == "P" {
        text.push_str("T0S");
    }
    text
}

fn lists(array: &ArrayRef, json: JsonText, depth: usize) -> Result<Vec<Value>> {
    // List views may point anywhere into their values; as plain lists each row is one slice.
    let array = match array.data_type() {
        DataType::ListView(item) | DataType::LargeListView(item) => {
            arrow::compute::cast(array, &DataType::LargeList(item.clone()))?
        }
        _ => array.clone(),
    };
    let item = |row: usize| match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        _ => array.as_fixed_size_list().value(row),
    };
    let (DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _)) =
        array.data_type()
    else {
        return Err(Error::Internal(format!("{} is not a list", array.data_type())));
    };
    (0..array.len())
        .map(|row| {
            if array.is_null(row) {
                return Ok(Value::Null);
            }
            column(field, &item(row), json, depth + 1).map(Value::Array)
        })
        .collect()
}

fn maps(array: &ArrayRef, json: JsonText, depth: usize) -> Result<Vec<Value>> {
    let array = array.as_map();
    let DataType::Map(entries, _) = array.data_type() else {
        return Err(Error::Internal("a map without entries".into()));
    };
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(Error::Internal("a map whose entries are no pairs".into()));
    };
    (0..array.len())
        .map(|row| {
            if array.is_null(row) {
                return Ok(Value::Null);
            }
            let pairs = array.value(row);
            let keys = column(&fields[0], pairs.column(0), json, depth + 1)?;
            let cells = column(&fields[1], pairs.column(1), json, depth + 1)?;
            let mut object = Map::new();
            for (key, cell) in keys.iter().zip(&cells) {
                object.insert(super::text::cell(key), cell.clone());
            }
            if object.len() == keys.len() {
                return Ok(Value::Object(object));
            }
            let pairs = keys.into_iter().zip(cells);
            Ok(Value::Array(
                pairs.map(|(key, cell)| Value::Array(vec![key, cell])).collect(),
            ))
        })
        .collect()
}

/// Text of a JSON column, its numbers kept exactly: those a double would change become strings.
fn parse_json(text: &str) -> Value {
    serde_json::from_str(&protect_numbers(text)).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// The same JSON with every number in quotes that would not survive as a double. Input that is no JSON
/// comes out as something that is no JSON either.
fn protect_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '-' | '0'..='9' => {
                let length = rest
                    .find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'))
                    .unwrap_or(rest.len());
                let number = &rest[..length];
                // Only what JSON calls a number may be quoted, or broken text would turn into valid JSON.
                if !survives(number) && serde_json::from_str::<&serde_json::value::RawValue>(number).is_ok() {
                    out.push('"');
                    out.push_str(number);
                    out.push('"');
                    rest = &rest[length..];
                    continue;
                }
                length
            }
            other => other.len_utf8(),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// Bytes of the JSON string that `text` begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn survives(number: &str) -> bool {
    if !number.contains(['.', 'e', 'E']) {
        return number
            .parse::<i64>()
            .is_ok_and(|value| value.unsigned_abs() <= SAFE_INTEGER);
    }
    let mantissa = number.split(['e', 'E']).next().unwrap_or(number);
    let digits = mantissa
        .bytes()
        .filter(u8::is_ascii_digit)
        .skip_while(|digit| *digit == b'0');
    // A double keeps 15 significant digits, whatever they are; at the far ends of its range fewer.
    digits.count() <= 15
        && number
            .parse::<f64>()
            .is_ok_and(|value| value == 0.0 || value.is_normal())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
