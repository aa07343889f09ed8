//! Files in: sniff, type, profile, write Parquet. Runs in a child process (`worker`), so that a hostile file
//! cannot take the server down; dropping a future here kills the child.

pub mod profile;
pub mod report;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::catalog::Table;
use crate::error::{Error, Result};
use profile::Profile;
use report::Report;

/// The file formats understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
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
    let _ = (original, name, out, overrides, limits);
    Err(Error::Internal("ingest".into()))
}

/// Statistics of an imported table.
pub async fn profile(parquet: &Path, limits: &ImportLimits) -> Result<Profile> {
    let _ = (parquet, limits);
    Err(Error::Internal("profile".into()))
}

/// The body of the hidden `worker` command: reads one job from standard input, writes one reply to standard
/// output. Returns the exit status.
pub fn worker() -> i32 {
    let _unused: Option<PathBuf> = None;
    2
}
