//! Rows as files: one [`Format`], one [`Export`] that takes a batch at a time and writes to anything.
//!
//! It keeps no more than a batch in memory (XLSX spools to a temporary file). It opens no files and knows no
//! HTTP; who may export what is decided above.

use std::io::Write;
use std::str::FromStr;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use super::columnar::{ArrowFile, ParquetFile};
use super::csv_file::CsvFile;
use super::json_file::JsonFile;
use super::xlsx::XlsxFile;
use crate::error::{Error, Result};

/// The file formats a result can leave in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ExportFormat)]
pub enum Format {
    /// RFC 4180, UTF-8, with a header.
    Csv,
    /// One sheet, typed cells.
    Xlsx,
    /// An array of objects.
    Json,
    /// zstd.
    Parquet,
    /// An Arrow IPC stream, LZ4.
    Arrow,
}

impl Format {
    /// All of them, in the order they are offered.
    pub const ALL: [Format; 5] = [
        Format::Csv,
        Format::Xlsx,
        Format::Json,
        Format::Parquet,
        Format::Arrow,
    ];

    /// As it stands in `?format=` and at the end of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Xlsx => "xlsx",
            Format::Json => "json",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
        }
    }

    /// For `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Format::Json => "application/json",
            Format::Parquet => "application/vnd.apache.parquet",
            Format::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Format> {
        Format::ALL
            .into_iter()
            .find(|format| format.extension() == text)
            .ok_or_else(|| Error::Invalid("The format has to be csv, xlsx, json, parquet or arrow.".into()))
    }
}

/// A file being written. It is complete only after [`Export::finish`].
pub struct Export<W: Write + Send> {
    file: File<W>,
}

enum File<W: Write + Send> {
    Csv(CsvFile<W>),
    Xlsx(Box<XlsxFile<W>>),
    Json(JsonFile<W>),
    Parquet(Box<ParquetFile<W>>),
    Arrow(Box<ArrowFile<W>>),
}

impl<W: Write + Send> Export<W> {
    /// Begins a file of these columns. Errors: `TooLarge` where the format cannot hold so many columns.
    pub fn new(format: Format, schema: &SchemaRef, sink: W) -> Result<Export<W>> {
        let file = match format {
            Format::Csv => File::Csv(CsvFile::new(schema, sink)?),
            Format::Xlsx => File::Xlsx(Box::new(XlsxFile::new(schema, sink)?)),
            Format::Json => File::Json(JsonFile::new(schema, sink)?),
            Format::Parquet => File::Parquet(Box::new(ParquetFile::new(schema, sink)?)),
            Format::Arrow => File::Arrow(Box::new(ArrowFile::new(schema, sink)?)),
        };
        Ok(Export { file })
    }

    /// Adds rows. Errors: `TooLarge` where the format cannot hold so many rows, `Internal` when the sink
    /// fails.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.file {
            File::Csv(file) => file.write(batch),
            File::Xlsx(file) => file.write(batch),
            File::Json(file) => file.write(batch),
            File::Parquet(file) => file.write(batch),
            File::Arrow(file) => file.write(batch),
        }
    }

    /// Completes the file and gives the sink back.
    pub fn finish(self) -> Result<W> {
        match self.file {
            File::Csv(file) => file.finish(),
            File::Xlsx(file) => file.finish(),
            File::Json(file) => file.finish(),
            File::Parquet(file) => file.finish(),
            File::Arrow(file) => file.finish(),
        }
    }
}

/// The columns' names with no two alike (`total`, `total_2`): for formats whose rows are objects.
pub(super) fn unique_names(schema: &Schema) -> Vec<String> {
    let mut taken = std::collections::HashSet::new();
    let all: std::collections::HashSet<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    schema
        .fields()
        .iter()
        .map(|field| {
            let mut name = field.name().clone();
            let mut number = 2;
            // A made-up name must not take one that a later column really has.
            while taken.contains(&name) || (number > 2 && all.contains(name.as_str())) {
                name = format!("{}_{number}", field.name());
                number += 1;
            }
            taken.insert(name.clone());
            name
        })
        .collect()
}
