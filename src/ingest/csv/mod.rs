//! Delimited text: CSV, TSV and their relatives, and the plain text that other formats are turned into.
//!
//! [`examine`] looks at how every value is written, [`write`] writes typed Parquet; usually both happen in one
//! pass ([`once`]), because the beginning of a file has shown already what its columns are. Own code
//! instead of polars' reader, which has no backslash escapes, no line numbers, one encoding, gives up on
//! ragged rows, and infers types from the first rows or takes minutes over all of them.

pub mod chunk;
pub mod dialect;
pub mod examine;
pub mod head;
pub mod once;
pub mod record;
pub mod write;

use std::path::{Path, PathBuf};

use self::chunk::{Chunk, Text};
use self::dialect::{Complete, Dialect, Escape};
use self::examine::{Examined, Lines};
use self::head::Head;
use self::once::Once;
use self::write::Written;
use super::encoding::{self, Encoding};
use super::report::{Report, ReportColumn, Unparsed};
use super::typing::decide::{self, Customs, Decision};
use super::typing::kind::Kind;
use super::typing::shapes::Shapes;
use super::{ColumnOverride, TableOverride};
use crate::error::{Error, Result};

/// Bytes of the beginning that the dialect is judged by.
const SAMPLE: usize = 1024 * 1024;

/// Imports a delimited text file into the Parquet file `to`. `work` is a folder for intermediate files.
pub fn import(
    original: &Path,
    table: &str,
    hint: Option<u8>,
    overrides: Option<&TableOverride>,
    work: &Path,
    to: &Path,
) -> Result<Report> {
    let mut encoding = encoding::sniff(original)?;
    let mut path: PathBuf = original.to_owned();
    let mut skip = encoding.mark_length();
    if encoding != Encoding::Utf8 && encoding != Encoding::Utf8Marked {
        path = work.join("text");
        encoding::convert(original, encoding, &path)?;
        skip = 0;
    }
    let mut dialect = None;
    loop {
        let (sample, complete) = encoding::beginning(&path, skip, SAMPLE)?;
        let found = dialect.unwrap_or_else(|| dialect::sniff(&sample, complete, hint));
        let head = head::read(&sample, &found, Lines::Own);
        if sample.iter().all(u8::is_ascii_whitespace) && complete == Complete::Whole {
            return Err(Error::Invalid(
                "The file is empty; there is nothing to import.".into(),
            ));
        }
        let text = Text {
            path: &path,
            skip,
            dialect: found,
        };
        let surveyed = survey(text, &head, Lines::Own, overrides, &sample, to)?;
        let examined = &surveyed.examined;
        if examined.not_utf8 {
            encoding = encoding::without_utf8(original)?;
            path = work.join("text");
            encoding::convert(original, encoding, &path)?;
            skip = 0;
            continue;
        }
        if examined.backslashes {
            dialect = Some(Dialect {
                escape: Escape::Backslash,
                ..found
            });
            continue;
        }
        let mut report = Report {
            table: table.to_owned(),
            encoding: Some(encoding.name().to_owned()),
            delimiter: Some(found.delimiter_name()),
            quote: found.quote.map(|quote| char::from(quote).to_string()),
            header: head.header.is_some(),
            ..Report::default()
        };
        report.odd_rows.extend(head.titles.iter().cloned());
        report.odd_row_count = head.titles.len() as u64;
        return typed(text, &head, Lines::Own, surveyed, overrides, report, to);
    }
}

/// Imports text that another format was turned into: [`Dialect::PLAIN`], each record led by the line of the
/// original it came from. `names`: of the columns; none where they may stand in the first record.
pub fn import_plain(
    path: &Path,
    names: Option<&[String]>,
    overrides: Option<&TableOverride>,
    mut report: Report,
    to: &Path,
) -> Result<Report> {
    let text = Text {
        path,
        skip: 0,
        dialect: Dialect::PLAIN,
    };
    let (sample, _) = encoding::beginning(path, 0, SAMPLE)?;
    let head = match names {
        Some(names) => Head {
            skip: 0,
            header: Some(names.to_vec()),
            width: names.len(),
            titles: Vec::new(),
        },
        None => head::read(&sample, &text.dialect, Lines::FirstField),
    };
    report.header = head.header.is_some();
    report.odd_row_count += head.titles.len() as u64;
    report.odd_rows.splice(0..0, head.titles.iter().cloned());
    let surveyed = survey(text, &head, Lines::FirstField, overrides, &sample, to)?;
    typed(text, &head, Lines::FirstField, surveyed, overrides, report, to)
}

/// Examines all rows, and writes them at the same time if the beginning tells what the columns are.
fn survey(
    text: Text<'_>,
    head: &Head,
    lines: Lines,
    overrides: Option<&TableOverride>,
    sample: &[u8],
    to: &Path,
) -> Result<Once> {
    let beginning = Chunk {
        index: 0,
        text: chunk::complete_records(sample, &text.dialect).to_vec(),
        line: 1,
    };
    let guess = examine::chunk_of(&beginning, &text.dialect, head, lines, &mut |_, _| ())
        .ok()
        .filter(|beginning| beginning.rows > 0 && !beginning.not_utf8 && !beginning.backslashes)
        // What is wrong with it will be wrong with the whole file, and is said then.
        .and_then(|beginning| plan(text, head, &beginning.columns, overrides).ok());
    let Some(guess) = guess else {
        return Ok(Once {
            examined: examine::examine(text, head, lines)?,
            table: None,
        });
    };
    let columns = write_as(&guess);
    let holds = |examined: &Examined, written: &[Written]| {
        let is_lost = |(written, column): (&Written, &Planned)| written.unparsed_count > 0 && !column.chosen;
        !written.iter().zip(&guess).any(is_lost)
            && plan(text, head, &examined.columns, overrides)
                .is_ok_and(|planned| write_as(&planned) == columns)
    };
    once::run(text, head, lines, columns.clone(), to, holds)
}

/// Decides names and types.
fn plan(
    text: Text<'_>,
    head: &Head,
    columns: &[Shapes],
    overrides: Option<&TableOverride>,
) -> Result<Vec<Planned>> {
    let names = head.names(columns.len());
    if names.is_empty() {
        return Err(Error::Invalid(
            "The file has no columns; there is nothing to import.".into(),
        ));
    }
    let customs = Customs::of(columns, text.dialect.delimiter);
    let overrides = overrides.map_or(&[][..], |table| &table.columns);
    for wanted in overrides {
        if !names.iter().any(|(name, _)| *name == wanted.name) {
            return Err(Error::Invalid(format!(
                "There is no column “{}” in this table; its columns are {}.",
                wanted.name,
                names
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            )));
        }
    }
    let mut planned = Vec::with_capacity(names.len());
    for (shapes, (name, _)) in columns.iter().zip(&names) {
        let wanted = overrides.iter().find(|wanted| wanted.name == *name);
        planned.push(Planned::of(name, shapes, customs, wanted)?);
    }
    let finals = super::names::unique(
        &planned
            .iter()
            .map(|column| column.name.clone())
            .collect::<Vec<_>>(),
    );
    for (column, name) in planned.iter_mut().zip(finals) {
        column.name = name;
    }
    Ok(planned)
}

fn write_as(planned: &[Planned]) -> Vec<write::Column> {
    planned
        .iter()
        .map(|column| write::Column {
            name: column.name.clone(),
            kind: column.decision.kind,
        })
        .collect()
}

/// Decides types and writes, unless that has been done already as it should be.
fn typed(
    text: Text<'_>,
    head: &Head,
    lines: Lines,
    surveyed: Once,
    overrides: Option<&TableOverride>,
    mut report: Report,
    to: &Path,
) -> Result<Report> {
    let Once { examined, mut table } = surveyed;
    let names = head.names(examined.columns.len());
    let mut planned = plan(text, head, &examined.columns, overrides)?;
    let (rows, written) = loop {
        let columns = write_as(&planned);
        let (rows, written) = match table.take() {
            Some((guess, rows, written)) if guess == columns => (rows, written),
            _ => write::write(text, head.skip, lines, &columns, to)?,
        };
        // What the first pass judged readable must be; otherwise the column stays text rather than lose a
        // value.
        let mut again = false;
        for (column, written) in planned.iter_mut().zip(&written) {
            if written.unparsed_count > 0 && !column.chosen {
                again = true;
                column.decision = Decision {
                    kind: Kind::Text,
                    sentence: "Some values do not fit the type of the others; kept as text.".to_owned(),
                    strangers: Vec::new(),
                };
            }
        }
        if !again {
            break (rows, written);
        }
    };
    report.row_count = rows;
    report.odd_row_count += examined.odd_row_count;
    let room = examine::SHOWN_ODD_ROWS.saturating_sub(report.odd_rows.len());
    report.odd_rows.extend(examined.odd_rows.into_iter().take(room));
    for (((column, written), shapes), (_, original)) in
        planned.into_iter().zip(written).zip(&examined.columns).zip(names)
    {
        let mut decided = column.decision.sentence;
        let unparsed = if column.chosen {
            if written.unparsed_count > 0 {
                decided.push_str(&format!(
                    " {} values could not be read so and are empty.",
                    decide::counted(written.unparsed_count)
                ));
            }
            written.unparsed
        } else {
            strangers(shapes, &column.decision.strangers)
        };
        report.columns.push(ReportColumn {
            name: column.name,
            original_name: original,
            type_name: column.decision.kind.word().to_owned(),
            decided,
            nulls: written.nulls,
            unparsed,
        });
    }
    Ok(report)
}

/// A column, its final name and type.
struct Planned {
    name: String,
    decision: Decision,
    /// The user chose the type.
    chosen: bool,
}

impl Planned {
    fn of(name: &str, shapes: &Shapes, customs: Customs, wanted: Option<&ColumnOverride>) -> Result<Planned> {
        let new_name = wanted.and_then(|wanted| wanted.rename.as_deref()).map(str::trim);
        if new_name == Some("") {
            return Err(Error::Invalid(format!(
                "The new name of column “{name}” is empty; give it one."
            )));
        }
        let found = decide::decide(shapes, customs);
        let (decision, chosen) = match wanted.and_then(|wanted| wanted.type_name.as_deref()) {
            // Choosing what was found anyway keeps its exact reading.
            Some(type_name) if type_name != found.kind.word() => (
                Decision {
                    kind: decide::chosen(type_name, shapes, customs)?,
                    sentence: format!("Read as {type_name} because you chose so."),
                    strangers: Vec::new(),
                },
                true,
            ),
            _ => (found, false),
        };
        Ok(Planned {
            name: new_name.unwrap_or(name).to_owned(),
            decision,
            chosen,
        })
    }
}

/// The values that kept a column from a narrower type.
fn strangers(shapes: &Shapes, looks: &[super::typing::shapes::Look]) -> Vec<Unparsed> {
    let mut found: Vec<Unparsed> = shapes
        .examples
        .iter()
        .filter(|example| looks.contains(&example.look))
        .map(|example| Unparsed {
            line: example.line,
            text: example.text.clone(),
        })
        .collect();
    found.sort_by_key(|value| value.line);
    found.truncate(10);
    found
}
