//! First pass over a delimited file: how every value is written, which rows are odd. All cores, bounded
//! memory. Other users of the same rows may look on (`once`).

use super::super::report::OddRow;
use super::super::typing::shapes::{Shapes, shorten};
use super::chunk::{self, Chunk, Pieces, Text};
use super::dialect::{Dialect, Escape};
use super::head::Head;
use super::record::{Field, Record, Records};
use crate::error::{Error, Result};

/// Odd rows that a report shows.
pub const SHOWN_ODD_ROWS: usize = 100;

/// Fields that a row may have beyond the header and still get columns of their own; the rest of such a row is
/// joined into the last of them.
const MOST_EXTRA: usize = 32;

/// Columns at most: beyond that it is no table.
const MOST_COLUMNS: usize = 5_000;

/// Size of a chunk in the first pass. What is clearly text is found out per chunk, so this is part of the
/// judgement.
pub const CHUNK: usize = 4 * 1024 * 1024;

/// What the first pass found.
#[derive(Debug, Default)]
pub struct Examined {
    pub columns: Vec<Shapes>,
    pub rows: u64,
    pub odd_rows: Vec<OddRow>,
    pub odd_row_count: u64,
    /// Quotes look escaped by backslashes although the dialect says otherwise.
    pub backslashes: bool,
    /// Some bytes are not UTF-8.
    pub not_utf8: bool,
}

/// Where the line of a record is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// From the text itself.
    Own,
    /// From its first field, which is no column: the text was made from another file.
    FirstField,
}

/// Goes through the whole file.
pub fn examine(text: Text<'_>, head: &Head, lines: Lines) -> Result<Examined> {
    let pieces = Pieces {
        chunk: CHUNK,
        together: 1,
    };
    let work = |_, chunks: Vec<Chunk>| {
        let mut part = Examined::default();
        for chunk in &chunks {
            let added = part.add(chunk_of(chunk, &text.dialect, head, lines, &mut |_, _| ())?);
            if added.is_err() {
                // The part says it, too.
                break;
            }
        }
        Ok(part)
    };
    let mut all = Examined::of(head);
    let outcome = chunk::for_each(text, pieces, work, |part| all.add(part));
    all.after(outcome)
}

/// Examines one chunk; `row` sees the cells of every row, and its line.
pub fn chunk_of(
    chunk: &Chunk,
    dialect: &Dialect,
    head: &Head,
    lines: Lines,
    row: &mut impl FnMut(&[Field], u64),
) -> Result<Examined> {
    let mut part = Examined::default();
    if std::str::from_utf8(&chunk.text).is_err() {
        part.not_utf8 = true;
        return Ok(part);
    }
    part.columns.resize_with(head.width, Shapes::default);
    let mut records = Records::new(&chunk.text, chunk.line, dialect);
    let mut fields: Vec<Field> = Vec::new();
    if chunk.index == 0 {
        for _ in 0..head.skip {
            records.next_into(&mut fields);
        }
    }
    while let Some(mut record) = records.next_into(&mut fields) {
        let cells = cells(&chunk.text, &mut fields, dialect, lines, &mut record);
        part.rows += 1;
        if record.torn && torn_by_backslash(&chunk.text[record.start..record.end], dialect) {
            part.backslashes = true;
            return Ok(part);
        }
        if cells.len() != head.width || record.torn {
            part.odd(&chunk.text, cells, head, lines, record)?;
        }
        for (field, shapes) in cells.iter().zip(&mut part.columns) {
            shapes.add(&field.value(&chunk.text, dialect), record.line);
        }
        // Missing fields are empty.
        for shapes in part.columns.iter_mut().skip(cells.len()) {
            shapes.empty += 1;
        }
        row(cells, record.line);
    }
    // Rows before the first long one have no cell there.
    let rows = part.rows;
    for shapes in part.columns.iter_mut().skip(head.width) {
        let seen = shapes.values() + shapes.token_count() + shapes.empty;
        shapes.empty += rows.saturating_sub(seen);
    }
    Ok(part)
}

/// The cells of a record; its line is put right where the text carries it.
pub fn cells<'f>(
    text: &[u8],
    fields: &'f mut [Field],
    dialect: &Dialect,
    lines: Lines,
    record: &mut Record,
) -> &'f [Field] {
    if lines == Lines::Own {
        return fields;
    }
    let Some((first, rest)) = fields.split_first() else {
        return fields;
    };
    let line = first.value(text, dialect);
    record.line = line
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .fold(0_u64, |line, byte| {
            line.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'))
        });
    rest
}

/// A quoted field followed by rubbish, in a dialect of doubled quotes: was the quote escaped by a backslash?
fn torn_by_backslash(record: &[u8], dialect: &Dialect) -> bool {
    match (dialect.quote, dialect.escape) {
        (Some(quote), Escape::Doubled) => memchr::memmem::find(record, &[b'\\', quote]).is_some(),
        _ => false,
    }
}

impl Examined {
    /// Nothing found yet.
    pub fn of(head: &Head) -> Examined {
        let mut all = Examined::default();
        all.columns.resize_with(head.width, Shapes::default);
        all
    }

    /// What was found, after the whole file or up to where it was clear that it has to be read otherwise.
    pub fn after(self, outcome: Result<()>) -> Result<Examined> {
        match outcome {
            // The caller starts again under another reading.
            Err(Error::Cancelled) if self.not_utf8 || self.backslashes => Ok(self),
            Err(error) => Err(error),
            Ok(()) => Ok(self),
        }
    }

    /// Adds what was found in a later part of the file. Errors: `Cancelled` when it has to be read otherwise, so
    /// that there is no use in going on.
    pub fn add(&mut self, part: Examined) -> Result<()> {
        if part.not_utf8 || part.backslashes {
            self.not_utf8 |= part.not_utf8;
            self.backslashes |= part.backslashes;
            return Err(Error::Cancelled);
        }
        self.rows += part.rows;
        if self.columns.len() < part.columns.len() {
            self.columns.resize_with(part.columns.len(), Shapes::default);
        }
        for (known, shapes) in self.columns.iter_mut().zip(part.columns) {
            known.merge(shapes);
        }
        self.odd_row_count += part.odd_row_count;
        let room = SHOWN_ODD_ROWS.saturating_sub(self.odd_rows.len());
        self.odd_rows.extend(part.odd_rows.into_iter().take(room));
        Ok(())
    }

    fn odd(&mut self, text: &[u8], cells: &[Field], head: &Head, lines: Lines, record: Record) -> Result<()> {
        let (found, width) = (cells.len(), head.width);
        // Sheets and JSON leave out what is empty.
        if lines == Lines::FirstField && found <= width {
            return Ok(());
        }
        let problem = if found < width {
            format!(
                "{} instead of {width}; the missing ones are empty.",
                plural(found)
            )
        } else if found > width {
            let last_filled = cells
                .iter()
                .rposition(|field| !field.is_empty())
                .map_or(0, |last| last + 1);
            if last_filled <= width {
                if !record.torn {
                    return Ok(());
                }
                "Text follows a closing quote; the field is kept as written.".to_owned()
            } else {
                if width + MOST_EXTRA.max(width) < last_filled || last_filled > MOST_COLUMNS {
                    return Err(Error::Invalid(format!(
                        "Line {} has {last_filled} fields where {width} were expected; this does not look like one table. Check the delimiter and the quotes of this line.",
                        record.line
                    )));
                }
                if self.columns.len() < last_filled {
                    self.columns.resize_with(last_filled, Shapes::default);
                }
                format!(
                    "{} instead of {width}; the extra ones stand in columns of their own.",
                    plural(last_filled)
                )
            }
        } else {
            "Text follows a closing quote; the field is kept as written.".to_owned()
        };
        self.odd_row_count += 1;
        if self.odd_rows.len() < SHOWN_ODD_ROWS {
            self.odd_rows.push(OddRow {
                line: record.line,
                problem,
                text: shorten(&String::from_utf8_lossy(&text[record.start..record.end])),
            });
        }
        Ok(())
    }
}

fn plural(fields: usize) -> String {
    match fields {
        1 => "1 field".to_owned(),
        fields => format!("{fields} fields"),
    }
}
