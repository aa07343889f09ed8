//! What an import decided and what it found odd.

use serde::{Deserialize, Serialize};

/// The import report of one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Report {
    pub table: String,
    /// `UTF-8`, `UTF-16LE`, `UTF-16BE`, `windows-1252`; null for binary formats.
    pub encoding: Option<String>,
    pub delimiter: Option<String>,
    pub quote: Option<String>,
    /// Whether the first row was taken as the header.
    pub header: bool,
    pub row_count: u64,
    pub columns: Vec<ReportColumn>,
    /// The first odd rows (at most 100).
    pub odd_rows: Vec<OddRow>,
    pub odd_row_count: u64,
}

/// What was decided for a column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReportColumn {
    pub name: String,
    /// As it stood in the file.
    pub original_name: String,
    #[serde(rename = "type")]
    pub type_name: String,
    /// One sentence: "All 4,000 values are dates written day/month/year."
    pub decided: String,
    pub nulls: u64,
    /// Values that kept the column from a narrower type, or became null under a type the user chose
    /// (the first few).
    pub unparsed: Vec<Unparsed>,
}

/// A value that did not fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Unparsed {
    /// Line in the original file, counted from 1.
    pub line: u64,
    pub text: String,
}

/// A row that did not have the shape of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OddRow {
    /// Line in the original file, counted from 1.
    pub line: u64,
    /// "3 fields instead of 5; the missing ones are null."
    pub problem: String,
    pub text: String,
}
