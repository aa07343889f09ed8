//! XLSX workbooks: every sheet that holds something is a table. Cells are turned into plain text as a reader
//! of the sheet would see them, then typed like delimited text.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use calamine::{Data, ExcelDateTime, Reader, Xlsx, XlsxError};

use super::plain::{Cell, PlainText};
use super::report::OddRow;
use crate::error::{Error, Result};

/// Odd cells that a report shows.
const SHOWN_ERRORS: usize = 50;

/// A sheet turned into plain text.
#[derive(Debug)]
pub struct Sheet {
    pub name: String,
    pub text: PathBuf,
    /// Cells that hold an error such as `#DIV/0!`; they are empty in the table.
    pub errors: Vec<OddRow>,
    pub error_count: u64,
}

fn unreadable(error: &XlsxError) -> Error {
    match error {
        XlsxError::Password => {
            Error::Invalid("This workbook is protected by a password; remove it and upload the file again.".into())
        }
        _ => Error::Invalid(
            "This workbook could not be read; it may be damaged. Open it in the program it came from and save it again as .xlsx."
                .into(),
        ),
    }
}

/// Turns every sheet that holds something into plain text in the folder `work`.
pub fn convert(original: &Path, work: &Path) -> Result<Vec<Sheet>> {
    let mut book: Xlsx<_> =
        Xlsx::new(BufReader::new(File::open(original)?)).map_err(|error: XlsxError| unreadable(&error))?;
    let mut sheets = Vec::new();
    for (number, name) in book.sheet_names().into_iter().enumerate() {
        let range = match book.worksheet_range(&name) {
            Ok(range) => range,
            // A sheet that is only a chart has no cells.
            Err(XlsxError::NotAWorksheet(_)) => continue,
            Err(error) => return Err(unreadable(&error)),
        };
        let Some((first_row, first_column)) = range.start() else {
            continue;
        };
        let mut sheet = Sheet {
            text: work.join(format!("sheet-{number}")),
            name,
            errors: Vec::new(),
            error_count: 0,
        };
        let mut text = PlainText::create(&sheet.text)?;
        let mut row_cells = Vec::new();
        for (offset, row) in range.rows().enumerate() {
            let line = u64::from(first_row) + offset as u64 + 1;
            row_cells.clear();
            for (index, data) in row.iter().enumerate() {
                if let Data::Error(error) = data {
                    sheet.error_count += 1;
                    if sheet.errors.len() < SHOWN_ERRORS {
                        sheet.errors.push(OddRow {
                            line,
                            problem: format!(
                                "Cell {}{line} holds an error; it is empty in the table.",
                                column_letters(first_column as usize + index)
                            ),
                            text: error.to_string(),
                        });
                    }
                }
                row_cells.push(cell(data));
            }
            let filled = row_cells.iter().rposition(|cell| *cell != Cell::Empty);
            if let Some(last) = filled {
                text.row(line, &row_cells[..=last])?;
            }
        }
        let rows = text.rows;
        text.finish()?;
        if rows > 0 {
            sheets.push(sheet);
        }
    }
    if sheets.is_empty() {
        return Err(Error::Invalid(
            "No sheet of this workbook holds anything; there is nothing to import.".into(),
        ));
    }
    Ok(sheets)
}

/// `0` is A, `26` is AA.
fn column_letters(mut index: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'A' + (index % 26) as u8);
        if index < 26 {
            break;
        }
        index = index / 26 - 1;
    }
    letters.reverse();
    letters.into_iter().map(char::from).collect()
}

fn cell(data: &Data) -> Cell {
    match data {
        Data::Empty | Data::Error(_) => Cell::Empty,
        Data::String(text) if text.is_empty() => Cell::Empty,
        Data::String(text) | Data::DurationIso(text) => Cell::Quoted(text.clone()),
        Data::DateTimeIso(text) => Cell::Bare(text.clone()),
        Data::Int(number) => Cell::Bare(number.to_string()),
        Data::Float(number) => Cell::Bare(shown(*number)),
        Data::Bool(truth) => Cell::Bare(truth.to_string()),
        Data::DateTime(moment) => Cell::Bare(moment_text(moment)),
    }
}

/// A number as a sheet shows it: 15 digits, so that 0.1 + 0.2 is 0.3.
fn shown(number: f64) -> String {
    if !number.is_finite() {
        return String::new();
    }
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    if rounded == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e15).contains(&rounded.abs()) {
        format!("{rounded}")
    } else {
        format!("{rounded:e}")
    }
}

fn moment_text(moment: &ExcelDateTime) -> String {
    let serial = moment.as_f64();
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let fraction = if milli == 0 {
        String::new()
    } else {
        format!(".{milli:03}")
    };
    if moment.is_duration() {
        let seconds = (serial * 86_400.0).round();
        let whole = seconds.abs() as u64;
        let sign = if seconds < 0.0 { "-" } else { "" };
        return format!(
            "{sign}{:02}:{:02}:{:02}",
            whole / 3600,
            whole / 60 % 60,
            whole % 60
        );
    }
    if (0.0..1.0).contains(&serial) {
        return format!("{hour:02}:{minute:02}:{second:02}{fraction}");
    }
    if (hour, minute, second, milli) == (0, 0, 0, 0) {
        return format!("{year:04}-{month:02}-{day:02}");
    }
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_in_the_sheet() {
        for (number, text) in [
            (0.1 + 0.2, "0.3"),
            (12.0, "12"),
            (-1.5, "-1.5"),
            (1_234_567.89, "1234567.89"),
            (0.0, "0"),
            (1e20, "1e20"),
        ] {
            assert_eq!(shown(number), text);
        }
        assert_eq!(column_letters(0), "A");
        assert_eq!(column_letters(27), "AB");
    }
}
