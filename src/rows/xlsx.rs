//! XLSX out: one sheet, a header, typed cells; rows spool to a temporary file, so memory stays flat.
//!
//! Numbers are numbers where a spreadsheet keeps every digit (15), else text. Dates and times are real ones
//! from 1900 to 9999, to the millisecond; a spreadsheet knows no time zones, so zoned timestamps are given
//! in UTC and their heading says so. Text over 32,767 characters is cut and says so. Text is never a formula.

use std::io::{Read, Seek, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use rust_xlsxwriter::{Format, Workbook, XlsxError};
use serde_json::Value;

use super::json::{JsonText, rows};
use crate::error::{Error, Result};

/// Rows of a sheet, header included.
const MAX_ROWS: u32 = 1_048_576;
const MAX_COLUMNS: usize = 16_384;
/// Characters of a cell.
const MAX_TEXT: usize = 32_767;
/// Rows turned to cells at a time.
const CHUNK: usize = 1024;

pub(super) struct XlsxFile<W> {
    workbook: Workbook,
    sink: W,
    columns: Vec<Column>,
    /// The next row of the sheet.
    row: u32,
    formats: Formats,
}

struct Column {
    kind: Kind,
    /// Of decimals with a scale: shows as many places.
    format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Date,
    Time,
    Timestamp,
    Text,
}

struct Formats {
    date: Format,
    time: Format,
    time_ms: Format,
    timestamp: Format,
    timestamp_ms: Format,
}

impl<W: Write> XlsxFile<W> {
    pub(super) fn new(schema: &SchemaRef, sink: W) -> Result<XlsxFile<W>> {
        if schema.fields().len() > MAX_COLUMNS {
            return Err(Error::TooLarge(format!(
                "A spreadsheet holds at most {MAX_COLUMNS} columns, and this result has {}; export it as CSV or Parquet.",
                schema.fields().len()
            )));
        }
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet_with_constant_memory();
        let header = Format::new().set_bold();
        let mut columns = Vec::new();
        for (at, (field, info)) in schema.fields().iter().zip(super::columns(schema)).enumerate() {
            let kind = match info.type_name.as_str() {
                "integer" | "decimal" | "float" => Kind::Number,
                "date" => Kind::Date,
                "time" => Kind::Time,
                "timestamp" => Kind::Timestamp,
                _ => Kind::Text,
            };
            let mut name = info.name;
            if matches!(field.data_type(), DataType::Timestamp(_, Some(_))) {
                name.push_str(" (UTC)");
            }
            let format = match field.data_type() {
                DataType::Decimal32(_, scale)
                | DataType::Decimal64(_, scale)
                | DataType::Decimal128(_, scale)
                | DataType::Decimal256(_, scale)
                    if (1..=15).contains(scale) =>
                {
                    let places = usize::from(scale.unsigned_abs());
                    Some(Format::new().set_num_format(format!("0.{}", "0".repeat(places))))
                }
                _ => None,
            };
            // Fits: the count was checked against the format's limit above.
            let at = at as u16;
            let name = clipped(&name);
            let width = match kind {
                Kind::Timestamp => 20,
                Kind::Text => 24,
                _ => 14,
            };
            let width = width.max(name.chars().count().min(60) + 2);
            sheet.set_column_width(at, width as f64).map_err(failed)?;
            sheet
                .write_string_with_format(0, at, name.as_str(), &header)
                .map_err(failed)?;
            columns.push(Column { kind, format });
        }
        sheet.set_freeze_panes(1, 0).map_err(failed)?;
        let format = |pattern: &str| Format::new().set_num_format(pattern);
        Ok(XlsxFile {
            workbook,
            sink,
            columns,
            row: 1,
            formats: Formats {
                date: format("yyyy-mm-dd"),
                time: format("hh:mm:ss"),
                time_ms: format("hh:mm:ss.000"),
                timestamp: format("yyyy-mm-dd hh:mm:ss"),
                timestamp_ms: format("yyyy-mm-dd hh:mm:ss.000"),
            },
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if u64::from(self.row) + batch.num_rows() as u64 > u64::from(MAX_ROWS) {
            return Err(Error::TooLarge(format!(
                "A spreadsheet holds at most {} rows below its header, and this result has more; export it as CSV or Parquet, or narrow the question.",
                MAX_ROWS - 1
            )));
        }
        let sheet = self.workbook.worksheet_from_index(0).map_err(failed)?;
        for start in (0..batch.num_rows()).step_by(CHUNK) {
            for cells in rows(batch, start..start + CHUNK, JsonText::Kept)? {
                for (at, (value, column)) in cells.iter().zip(&self.columns).enumerate() {
                    let at = at as u16;
                    match self.formats.cell(value, column) {
                        None => {}
                        Some(Cell::Boolean(value)) => {
                            sheet.write_boolean(self.row, at, value).map_err(failed)?;
                        }
                        Some(Cell::Number(value, None)) => {
                            sheet.write_number(self.row, at, value).map_err(failed)?;
                        }
                        Some(Cell::Number(value, Some(format))) => {
                            sheet
                                .write_number_with_format(self.row, at, value, format)
                                .map_err(failed)?;
                        }
                        Some(Cell::Text(text)) => {
                            sheet.write_string(self.row, at, clipped(&text)).map_err(failed)?;
                        }
                    }
                }
                self.row += 1;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W> {
        // The archive's directory needs a sink that can seek, ours may be a socket.
        let mut spool = tempfile::tempfile()?;
        self.workbook.save_to_writer(&mut spool).map_err(failed)?;
        spool.rewind()?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = spool.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            self.sink.write_all(&buffer[..read])?;
        }
        self.sink.flush()?;
        Ok(self.sink)
    }
}

enum Cell<'a> {
    Boolean(bool),
    Number(f64, Option<&'a Format>),
    Text(String),
}

impl Formats {
    /// What stands in the sheet; None: nothing.
    fn cell<'a>(&'a self, value: &Value, column: &'a Column) -> Option<Cell<'a>> {
        let text = match value {
            Value::Null => return None,
            Value::Bool(value) => return Some(Cell::Boolean(*value)),
            // Text goes through the column's kind, all else through the digits it has.
            Value::String(text) => text.as_str(),
            Value::Number(number) if number.is_f64() => {
                return Some(Cell::Number(number.as_f64()?, None));
            }
            other => {
                let text = other.to_string();
                return Some(match exact(&text) {
                    Some(number) => Cell::Number(number, None),
                    None => Cell::Text(text),
                });
            }
        };
        let typed = match column.kind {
            Kind::Number => exact(text).map(|number| Cell::Number(number, column.format.as_ref())),
            Kind::Date => NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .ok()
                .and_then(serial_day)
                .map(|day| Cell::Number(day, Some(&self.date))),
            Kind::Time => NaiveTime::parse_from_str(text, "%H:%M:%S%.f").ok().map(|time| {
                let format = if has_millis(time) {
                    &self.time_ms
                } else {
                    &self.time
                };
                Cell::Number(day_fraction(time), Some(format))
            }),
            Kind::Timestamp => moment(text).and_then(|moment| {
                let format = if has_millis(moment.time()) {
                    &self.timestamp_ms
                } else {
                    &self.timestamp
                };
                let serial = serial_day(moment.date())? + day_fraction(moment.time());
                Some(Cell::Number(serial, Some(format)))
            }),
            Kind::Text => None,
        };
        Some(typed.unwrap_or_else(|| Cell::Text(text.to_owned())))
    }
}

/// The number, if 15 significant digits hold it.
fn exact(text: &str) -> Option<f64> {
    let digits = text
        .bytes()
        .filter(u8::is_ascii_digit)
        .skip_while(|digit| *digit == b'0')
        .count();
    let plain = text.strip_prefix('-').unwrap_or(text);
    let is_plain = !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    (is_plain && digits <= 15).then(|| text.parse().ok()).flatten()
}

/// With an offset in UTC, else as it stands.
fn moment(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .ok()
        .or_else(|| {
            DateTime::parse_from_rfc3339(text)
                .ok()
                .map(|moment| moment.naive_utc())
        })
}

/// The spreadsheet's count of days. It believes in 29 February 1900, so the first two months lie one off.
fn serial_day(day: NaiveDate) -> Option<f64> {
    if !(1900..=9999).contains(&day.year()) {
        return None;
    }
    let zero = NaiveDate::from_ymd_opt(1899, 12, 30)?;
    let days = day.signed_duration_since(zero).num_days();
    let before_march = day.year() == 1900 && day.month() < 3;
    Some((days - i64::from(before_march)) as f64)
}

fn day_fraction(time: NaiveTime) -> f64 {
    let millis =
        u64::from(time.num_seconds_from_midnight()) * 1000 + u64::from(time.nanosecond() / 1_000_000);
    millis as f64 / 86_400_000.0
}

fn has_millis(time: NaiveTime) -> bool {
    time.nanosecond() / 1_000_000 != 0
}

/// At most what a cell holds, in the UTF-16 units that spreadsheets count; a cut is announced.
fn clipped(text: &str) -> String {
    if text.len() <= MAX_TEXT || text.encode_utf16().count() <= MAX_TEXT {
        return text.to_owned();
    }
    let note = format!(" … (cut, {} characters in all)", text.chars().count());
    let mut room = MAX_TEXT - note.chars().count();
    let mut cut = String::with_capacity(MAX_TEXT);
    for c in text.chars() {
        let Some(left) = room.checked_sub(c.len_utf16()) else {
            break;
        };
        room = left;
        cut.push(c);
    }
    cut + &note
}

fn failed(error: XlsxError) -> Error {
    Error::Internal(format!("xlsx: {error}"))
}
