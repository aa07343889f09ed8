//! CSV out: RFC 4180 (comma, CRLF, doubled quotes), UTF-8 without a mark, one header line.
//!
//! Null is an empty field, empty text is `""`, so that the two can be told apart again. A spreadsheet takes
//! text that begins with `=`, `@`, `+`, `-`, tab or return for a formula, and such text may come from
//! strangers: in text columns (and headers) it gets a leading `'`, except where a sign begins nothing but a
//! number, a telephone number or a lone dash. Number columns are never touched. Who needs every byte exports JSON, XLSX,
//! Parquet or Arrow, where text stays text.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde_json::Value;

use super::json::{JsonText, rows};
use super::text::cell;
use crate::error::Result;

/// Rows turned to text at a time.
const CHUNK: usize = 1024;

pub(super) struct CsvFile<W> {
    sink: W,
    /// Per column: whether its cells are words that a spreadsheet could take for formulas.
    words: Vec<bool>,
}

impl<W: Write> CsvFile<W> {
    pub(super) fn new(schema: &SchemaRef, mut sink: W) -> Result<CsvFile<W>> {
        let columns = super::columns(schema);
        let mut line = String::new();
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                line.push(',');
            }
            push_field(&mut line, &harmless(&column.name));
        }
        line.push_str("\r\n");
        sink.write_all(line.as_bytes())?;
        let words = columns
            .iter()
            .map(|column| {
                !matches!(
                    column.type_name.as_str(),
                    "integer" | "decimal" | "float" | "boolean" | "date" | "time" | "timestamp" | "interval"
                )
            })
            .collect();
        Ok(CsvFile { sink, words })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut text = String::new();
        for start in (0..batch.num_rows()).step_by(CHUNK) {
            text.clear();
            for row in rows(batch, start..start + CHUNK, JsonText::Kept)? {
                for (at, value) in row.iter().enumerate() {
                    if at > 0 {
                        text.push(',');
                    }
                    match value {
                        // A line of one null alone would be a blank line, which readers skip.
                        Value::Null if row.len() == 1 => text.push_str("\"\""),
                        Value::Null => {}
                        Value::String(word) if self.words[at] => push_field(&mut text, &harmless(word)),
                        other => push_field(&mut text, &cell(other)),
                    }
                }
                text.push_str("\r\n");
            }
            self.sink.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W> {
        self.sink.flush()?;
        Ok(self.sink)
    }
}

fn push_field(line: &mut String, field: &str) {
    let quoted = field.is_empty()
        || field.contains([',', '"', '\r', '\n'])
        || field.starts_with([' ', '\t'])
        || field.ends_with([' ', '\t']);
    if quoted {
        line.push('"');
        line.push_str(&field.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(field);
    }
}

/// The text with a leading `'` if a spreadsheet would run it.
fn harmless(text: &str) -> std::borrow::Cow<'_, str> {
    let runs = match text.chars().next() {
        Some('=' | '@' | '\t' | '\r') => true,
        // Full-width forms, which some spreadsheets take for the signs themselves.
        Some('＝' | '＠' | '＋' | '－') => true,
        Some('+' | '-') => text
            .chars()
            .skip(1)
            .any(|c| !(c.is_ascii_digit() || matches!(c, ' ' | '.' | ',' | '(' | ')' | '/' | '-'))),
        _ => false,
    };
    if runs {
        format!("'{text}").into()
    } else {
        text.into()
    }
}
