//! The child's side of an import: one job from standard input, one reply to standard output. Panics and
//! limits end this process only.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::report::Report;
use super::{
    Format, Import, ImportedTable, Overrides, columnar, csv, json, names, profiling, sniff, stats, xlsx,
};
use crate::error::{Error, Result, SourceFault};

/// What a worker is asked to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Job {
    Import {
        original: PathBuf,
        name: String,
        out: PathBuf,
        overrides: Overrides,
    },
    Profile {
        parquet: PathBuf,
    },
}

/// What a worker answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    Imported(Import),
    Profiled(Profile),
    Failed { code: String, message: String },
}

impl Reply {
    pub(super) fn of_error(error: &Error) -> Reply {
        Reply::Failed {
            code: error.code().to_owned(),
            message: error.to_string(),
        }
    }

    /// The error a failed reply stands for.
    pub(super) fn into_result(self) -> Result<Reply> {
        match self {
            Reply::Failed { code, message } => Err(match code.as_str() {
                "invalid" => Error::Invalid(message),
                "too_large" => Error::TooLarge(message),
                "source" => Error::source(SourceFault::Other, message),
                _ => Error::Internal(message),
            }),
            reply => Ok(reply),
        }
    }
}

/// The body of the hidden `worker` command: reads one job from standard input, writes one reply to standard
/// output. Returns the exit status.
pub fn worker() -> i32 {
    let mut text = String::new();
    if std::io::stdin().read_to_string(&mut text).is_err() {
        return 2;
    }
    let Ok(job) = serde_json::from_str::<Job>(&text) else {
        // Somebody typed `worker` by hand.
        eprintln!("The worker command is started by the program itself.");
        return 2;
    };
    let reply = match perform(&job) {
        Ok(reply) => reply,
        Err(error) => Reply::of_error(&error),
    };
    let mut out = std::io::stdout().lock();
    match serde_json::to_writer(&mut out, &reply)
        .map_err(std::io::Error::from)
        .and_then(|()| out.flush())
    {
        Ok(()) => 0,
        Err(_) => 2,
    }
}

fn perform(job: &Job) -> Result<Reply> {
    match job {
        Job::Import {
            original,
            name,
            out,
            overrides,
        } => import(original, name, out, overrides).map(Reply::Imported),
        Job::Profile { parquet } => profiling::profile(parquet).map(Reply::Profiled),
    }
}

/// A table to write: its name, and where.
pub(super) struct Place<'a> {
    pub out: &'a Path,
    /// For intermediate files; removed at the end.
    pub work: &'a Path,
    pub overrides: &'a Overrides,
}

impl Place<'_> {
    /// Takes a finished Parquet file in the work folder as the table's, under a number of its own.
    pub(super) fn keep(&self, number: usize, written: &Path, report: Report) -> Result<ImportedTable> {
        let table = stats::describe(written, &report.table)?;
        let parquet = format!("table-{number}.parquet");
        std::fs::rename(written, self.out.join(&parquet))?;
        Ok(ImportedTable {
            table,
            parquet,
            report,
        })
    }

    /// What the user decided for a table.
    pub(super) fn overrides(&self, table: &str) -> Option<&super::TableOverride> {
        self.overrides.tables.iter().find(|wanted| wanted.name == table)
    }
}

fn import(original: &Path, name: &str, out: &Path, overrides: &Overrides) -> Result<Import> {
    let format = sniff::format(original, name)?;
    let work = out.join(".work");
    std::fs::create_dir(&work)?;
    let place = Place {
        out,
        work: &work,
        overrides,
    };
    let result = tables(format, original, name, &place);
    // Even after an error, so that nothing half-made stays; the error itself matters more than this.
    let _ = std::fs::remove_dir_all(&work);
    Ok(Import {
        format,
        tables: result?,
    })
}

fn tables(format: Format, original: &Path, name: &str, place: &Place<'_>) -> Result<Vec<ImportedTable>> {
    let stem = names::stem(name);
    let table = names::table(stem);
    let written = place.work.join("table.parquet");
    match format {
        Format::Csv | Format::Tsv => {
            let hint = (format == Format::Tsv).then_some(b'\t');
            let report = csv::import(
                original,
                &table,
                hint,
                place.overrides(&table),
                place.work,
                &written,
            )?;
            Ok(vec![place.keep(0, &written, report)?])
        }
        Format::Json | Format::Ndjson => {
            let converted = json::convert(original, format, place.work)?;
            let report = Report {
                table: table.clone(),
                encoding: Some(converted.encoding.name().to_owned()),
                header: true,
                ..Report::default()
            };
            let columns = Some(converted.columns.as_slice());
            let report = csv::import_plain(
                &converted.text,
                columns,
                place.overrides(&table),
                report,
                &written,
            )?;
            Ok(vec![place.keep(0, &written, report)?])
        }
        Format::Xlsx => {
            let sheets = xlsx::convert(original, place.work)?;
            let tables = sheet_tables(stem, &sheets);
            let mut imported = Vec::with_capacity(sheets.len());
            for (number, (sheet, table)) in sheets.into_iter().zip(tables).enumerate() {
                let report = Report {
                    table: table.clone(),
                    odd_rows: sheet.errors,
                    odd_row_count: sheet.error_count,
                    ..Report::default()
                };
                let report = csv::import_plain(&sheet.text, None, place.overrides(&table), report, &written)?;
                imported.push(place.keep(number, &written, report)?);
            }
            Ok(imported)
        }
        Format::Parquet | Format::Arrow => {
            let report = columnar::import(original, format, &table, place.overrides(&table), &written)?;
            Ok(vec![place.keep(0, &written, report)?])
        }
    }
}

/// Names of a workbook's tables: the only sheet is called after the file, of several each after itself.
fn sheet_tables(stem: &str, sheets: &[xlsx::Sheet]) -> Vec<String> {
    let file = names::table(stem);
    if let [_] = sheets {
        return vec![file];
    }
    let names: Vec<String> = sheets
        .iter()
        .map(|sheet| {
            let name = names::table(&sheet.name);
            let generic = name
                .strip_prefix("sheet")
                .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
            if generic { format!("{file}_{name}") } else { name }
        })
        .collect();
    names::unique(&names)
}
