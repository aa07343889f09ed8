//! Files in: sniff, type, profile, write Parquet. Runs in a child process (`worker`), so that a hostile file
//! cannot take the server down; dropping a future here kills the child.

mod columnar;
mod csv;
mod encoding;
mod json;
mod names;
mod plain;
mod process;
pub mod profile;
mod profiling;
pub mod report;
mod sniff;
mod stats;
mod typing;
mod worker;
mod xlsx;

use std::path::Path;

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};

use crate::catalog::Table;
use crate::error::{Error, Result};
use profile::Profile;
use report::Report;

pub use process::set_worker_binary;
pub use worker::worker;

/// The file formats understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = FileFormat)]
pub enum Format {
    Csv,
    Tsv,
    Json,
    Ndjson,
    Parquet,
    Arrow,
    Xlsx,
}

/// What the user decided against the import's own judgement, per table and column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Overrides {
    #[serde(default)]
    pub tables: Vec<TableOverride>,
}

/// See [`Overrides`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TableOverride {
    /// The table's name.
    pub name: String,
    #[serde(default)]
    pub columns: Vec<ColumnOverride>,
}

/// See [`Overrides`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ColumnOverride {
    /// The column's name as first imported (before any renaming).
    pub name: String,
    #[serde(default)]
    pub rename: Option<String>,
    /// `text`, `integer`, `decimal`, `float`, `boolean`, `date` or `timestamp`.
    #[serde(default, rename = "type")]
    pub type_name: Option<String>,
}

/// How much an import may take.
#[derive(Debug, Clone)]
pub struct ImportLimits {
    /// Memory of the child in bytes.
    pub memory_bytes: u64,
    /// Wall-clock time.
    pub time: std::time::Duration,
}

/// A file, imported.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Import {
    pub format: Format,
    pub tables: Vec<ImportedTable>,
}

/// One table of an imported file (an XLSX has one per sheet).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportedTable {
    /// Name, columns with value hints, exact row count, keys found (columns without repeats).
    pub table: Table,
    /// File name of its Parquet, below the output folder.
    pub parquet: String,
    pub report: Report,
}

/// Imports `original` (called `name` by its owner) into the folder `out`, which must exist and be empty.
/// Errors: `Invalid` with a sentence that names line and column where the file is broken, `TooLarge`,
/// `Timeout`. On any error nothing of value is left in `out`; the caller removes the folder.
pub async fn import(
    original: &Path,
    name: &str,
    out: &Path,
    overrides: &Overrides,
    limits: &ImportLimits,
) -> Result<Import> {
    let job = worker::Job::Import {
        original: original.to_owned(),
        name: name.to_owned(),
        out: out.to_owned(),
        overrides: overrides.clone(),
    };
    let result = match process::run(&job, limits).await {
        Ok(worker::Reply::Imported(import)) => Ok(import),
        Ok(other) => Err(unexpected(&other)),
        Err(error) => Err(error),
    };
    if result.is_err() {
        // A worker that died could not tidy up. The error matters more than what may be left.
        let out = out.to_owned();
        let _ = tokio::task::spawn_blocking(move || empty(&out)).await;
    }
    result
}

/// Removes whatever lies in a folder.
fn empty(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Statistics of an imported table.
pub async fn profile(parquet: &Path, limits: &ImportLimits) -> Result<Profile> {
    let job = worker::Job::Profile {
        parquet: parquet.to_owned(),
    };
    match process::run(&job, limits).await? {
        worker::Reply::Profiled(profile) => Ok(profile),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(reply: &worker::Reply) -> Error {
    Error::Internal(format!("the worker answered with something else: {reply:?}"))
}

/// The schema of a Parquet file and its row count, from its footer.
fn parquet_schema(parquet: &Path) -> Result<(arrow::datatypes::SchemaRef, u64)> {
    let file = std::fs::File::open(parquet)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::internal)?;
    let rows = reader.metadata().file_metadata().num_rows();
    Ok((reader.schema().clone(), u64::try_from(rows).unwrap_or(0)))
}

/// Whether the integers of a column rise from row to row: then no two are equal.
fn strictly_rises(parquet: &Path, column: &str) -> Result<bool> {
    use arrow::array::AsArray;
    let file = std::fs::File::open(parquet)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::internal)?;
    let Ok(index) = builder.schema().index_of(column) else {
        return Ok(false);
    };
    let mask = ProjectionMask::roots(builder.parquet_schema(), [index]);
    let reader = builder.with_projection(mask).build().map_err(Error::internal)?;
    let mut last = None;
    for batch in reader {
        let batch = batch?;
        let values = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Int64)?;
        for value in values.as_primitive::<arrow::datatypes::Int64Type>() {
            if value.is_none() || value <= last {
                return Ok(false);
            }
            last = value;
        }
    }
    Ok(true)
}
