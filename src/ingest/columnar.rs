//! Parquet and Arrow files: already typed. Their columns are brought to the few types the product works with
//! and written as our own Parquet, batch by batch.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::report::{Report, ReportColumn};
use super::typing::decide::counted;
use super::{Format, TableOverride, names};
use crate::error::{Error, Result};
use crate::rows::type_word;

/// Rows read at once.
const BATCH: usize = 8 * 1024;

fn broken(what: &str, error: &dyn std::fmt::Display) -> Error {
    tracing::debug!(%error, "a columnar file could not be read");
    Error::Invalid(format!(
        "This {what} file could not be read; it may be damaged or cut short. Write it again and upload it once more."
    ))
}

type Batches = Box<dyn Iterator<Item = std::result::Result<RecordBatch, ArrowError>>>;

fn open(original: &Path, format: Format) -> Result<(SchemaRef, Batches)> {
    if format == Format::Parquet {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(original)?)
            .map_err(|error| broken("Parquet", &error))?
            .with_batch_size(BATCH);
        let reader = builder.build().map_err(|error| broken("Parquet", &error))?;
        return Ok((arrow::array::RecordBatchReader::schema(&reader), Box::new(reader)));
    }
    let mut file = BufReader::new(File::open(original)?);
    let is_file = file.fill_buf()?.starts_with(b"ARROW1");
    match FileReader::try_new(&mut file, None) {
        Ok(_) => {
            file.seek(SeekFrom::Start(0))?;
            let reader = FileReader::try_new(file, None).map_err(|error| broken("Arrow", &error))?;
            Ok((reader.schema(), Box::new(reader)))
        }
        // Read as a stream, its first bytes would be taken for a length.
        Err(error) if is_file => Err(broken("Arrow", &error)),
        Err(_) => {
            file.seek(SeekFrom::Start(0))?;
            let reader = StreamReader::try_new(file, None).map_err(|error| broken("Arrow", &error))?;
            Ok((reader.schema(), Box::new(reader)))
        }
    }
}

/// The type a column is stored as, and whether that is its JSON text.
fn stored(found: &DataType) -> DataType {
    match found {
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => DataType::Float64,
        DataType::Decimal32(..) | DataType::Decimal64(..) => match found {
            DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
                DataType::Decimal128(*precision, *scale)
            }
            other => other.clone(),
        },
        DataType::Boolean
        | DataType::Decimal128(..)
        | DataType::Decimal256(..)
        | DataType::Date32
        | DataType::Interval(_)
        | DataType::Duration(_) => found.clone(),
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            DataType::Timestamp(TimeUnit::Nanosecond, zone.as_ref().map(|_| "UTC".into()))
        }
        DataType::Timestamp(_, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| "UTC".into()))
        }
        DataType::Dictionary(_, value) => stored(value),
        DataType::RunEndEncoded(_, value) => stored(value.data_type()),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        // Words, and lists and structures as their JSON.
        _ => DataType::Utf8,
    }
}

fn is_nested(found: &DataType) -> bool {
    found.is_nested() && !matches!(found, DataType::Dictionary(..) | DataType::RunEndEncoded(..))
}

/// The type a user may choose.
fn chosen(type_name: &str) -> Result<DataType> {
    Ok(match type_name {
        "text" => DataType::Utf8,
        "integer" => DataType::Int64,
        "decimal" => DataType::Decimal128(18, 2),
        "float" => DataType::Float64,
        "boolean" => DataType::Boolean,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        other => {
            return Err(Error::Invalid(format!(
                "“{other}” is not a type a column can have; choose text, integer, decimal, float, boolean, date or timestamp."
            )));
        }
    })
}

/// A column on its way.
struct Column {
    name: String,
    original: String,
    found: DataType,
    stored: DataType,
    chosen: bool,
    nulls: u64,
    lost: u64,
}

/// Imports a Parquet or Arrow file into the Parquet file `to`.
pub fn import(
    original: &Path,
    format: Format,
    table: &str,
    overrides: Option<&TableOverride>,
    to: &Path,
) -> Result<Report> {
    let what = if format == Format::Parquet {
        "Parquet"
    } else {
        "Arrow"
    };
    let (schema, batches) = open(original, format)?;
    if schema.fields().is_empty() {
        return Err(Error::Invalid(
            "The file has no columns; there is nothing to import.".into(),
        ));
    }
    let originals: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let mut columns = Vec::new();
    for (field, name) in schema.fields().iter().zip(names::columns(&originals)) {
        let wanted = overrides.and_then(|table| table.columns.iter().find(|wanted| wanted.name == name));
        let mut column = Column {
            original: field.name().clone(),
            found: field.data_type().clone(),
            stored: stored(field.data_type()),
            chosen: false,
            nulls: 0,
            lost: 0,
            name,
        };
        if let Some(type_name) = wanted.and_then(|wanted| wanted.type_name.as_deref()) {
            column.stored = chosen(type_name)?;
            column.chosen = true;
        }
        if let Some(rename) = wanted.and_then(|wanted| wanted.rename.as_deref()) {
            rename.trim().clone_into(&mut column.name);
        }
        columns.push(column);
    }
    let finals = names::unique(
        &columns
            .iter()
            .map(|column| column.name.clone())
            .collect::<Vec<_>>(),
    );
    for (column, name) in columns.iter_mut().zip(finals) {
        column.name = name;
    }
    let target: SchemaRef = Arc::new(Schema::new(
        columns
            .iter()
            .map(|column| Field::new(&column.name, column.stored.clone(), true))
            .collect::<Vec<_>>(),
    ));
    let mut writer = ArrowWriter::try_new(
        File::create(to)?,
        target.clone(),
        Some(super::csv::write::properties()),
    )
    .map_err(Error::internal)?;
    let mut rows = 0;
    for batch in batches {
        let batch = batch.map_err(|error| broken(what, &error))?;
        rows += batch.num_rows() as u64;
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
        for (column, array) in columns.iter_mut().zip(batch.columns()) {
            let converted = convert(array, &column.stored, what)?;
            column.nulls += converted.logical_null_count() as u64;
            let lost = converted
                .logical_null_count()
                .saturating_sub(array.logical_null_count());
            column.lost += lost as u64;
            arrays.push(converted);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let converted = RecordBatch::try_new_with_options(target.clone(), arrays, &options)?;
        writer.write(&converted).map_err(Error::internal)?;
    }
    writer.close().map_err(Error::internal)?;
    Ok(Report {
        table: table.to_owned(),
        header: true,
        row_count: rows,
        columns: columns.into_iter().map(|column| report(column, what)).collect(),
        ..Report::default()
    })
}

fn report(column: Column, what: &str) -> ReportColumn {
    let mut decided = if column.chosen {
        format!("Read as {} because you chose so.", type_word(&column.stored))
    } else if is_nested(&column.found) {
        "Lists and structures; kept as JSON text.".to_owned()
    } else {
        format!("The {what} file says so.")
    };
    if column.lost > 0 {
        decided.push_str(&format!(
            " {} values could not be read so and are empty.",
            counted(column.lost)
        ));
    }
    ReportColumn {
        name: column.name,
        original_name: column.original,
        type_name: type_word(&column.stored).to_owned(),
        decided,
        nulls: column.nulls,
        unparsed: Vec::new(),
    }
}

fn convert(array: &ArrayRef, stored: &DataType, what: &str) -> Result<ArrayRef> {
    if array.data_type() == stored {
        return Ok(array.clone());
    }
    if is_nested(array.data_type()) {
        return json_text(array).and_then(|text| convert(&text, stored, what));
    }
    arrow::compute::cast(array, stored).map_err(|error| broken(what, &error))
}

/// Lists and structures as their JSON.
fn json_text(array: &ArrayRef) -> Result<ArrayRef> {
    let schema = Schema::new(vec![Field::new("value", array.data_type().clone(), true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![array.clone()])?;
    let values = crate::rows::json::values(&batch, 0..batch.num_rows())?;
    let texts = values.into_iter().map(|row| {
        row.into_iter().next().and_then(|value| match value {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text),
            value => Some(value.to_string()),
        })
    });
    Ok(Arc::new(texts.collect::<StringArray>()))
}
