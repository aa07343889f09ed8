//! What rows and stored files say of each other: which things a row needs, and whether a thing can be read.

use std::fs::File;
use std::path::Path;

use arrow::ipc::reader::FileReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::ingest::ImportedTable;

/// The stored things that a row needs, by their keys, each with its rows where they are known.
pub fn needed(table: &str, row: &Map<String, Value>) -> Result<Vec<(String, Option<u64>)>> {
    let text = |name: &str| {
        row.get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| Error::Invalid(format!("A row of {table} has no {name}.")))
    };
    match table {
        "files" => {
            let (id, generation) = (text("id")?, text("generation")?);
            let tables: Vec<ImportedTable> = serde_json::from_str(text("tables")?).map_err(|error| {
                Error::Invalid(format!("The tables of file {id} cannot be read: {error}."))
            })?;
            let mut all = vec![(format!("files/{id}/original"), None)];
            all.extend(
                tables
                    .into_iter()
                    .map(|table| (format!("files/{id}/{generation}/{}", table.parquet), None)),
            );
            Ok(all)
        }
        "results" => {
            let rows = row.get("row_count").and_then(Value::as_u64);
            Ok(vec![(format!("results/{}.arrow", text("id")?), rows)])
        }
        _ => Ok(Vec::new()),
    }
}

/// Opens a stored thing: the footer of Parquet, the whole index of Arrow, and counts its rows. None for an
/// original, which may be anything. Errors: why it cannot be read.
pub fn rows_of(key: &str, path: &Path) -> Result<Option<u64>> {
    let unreadable =
        |error: &dyn std::fmt::Display| Error::Invalid(format!("{key} cannot be read: {error}."));
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    if key.ends_with(".parquet") {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| unreadable(&error))?;
        let rows = reader.metadata().file_metadata().num_rows();
        return Ok(u64::try_from(rows).ok());
    }
    if key.ends_with(".arrow") {
        let reader =
            FileReader::try_new(std::io::BufReader::new(file), None).map_err(|error| unreadable(&error))?;
        let mut rows = 0;
        for batch in reader {
            rows += batch.map_err(|error| unreadable(&error))?.num_rows() as u64;
        }
        return Ok(Some(rows));
    }
    Ok(None)
}
