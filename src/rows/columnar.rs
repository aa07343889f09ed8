//! Parquet and Arrow out: the batches as they are. Types that Parquet cannot hold (calendar intervals,
//! run-end encoding) become text or their plain form; nothing else is converted.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, IntervalUnit, Schema, SchemaRef};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::export::unique_names;
use super::json::{JsonText, rows};
use super::text::cell;
use crate::error::{Error, Result};

/// Bytes of rows that one Parquet row group gathers before it is written.
const ROW_GROUP_BYTES: usize = 32 * 1024 * 1024;

pub(super) struct ParquetFile<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
}

impl<W: Write + Send> ParquetFile<W> {
    pub(super) fn new(schema: &SchemaRef, sink: W) -> Result<ParquetFile<W>> {
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .zip(unique_names(schema))
            .map(|(field, name)| {
                Field::new(name, storable(field.data_type()), true).with_metadata(field.metadata().clone())
            })
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let writer = ArrowWriter::try_new(sink, schema.clone(), Some(properties)).map_err(failed)?;
        Ok(ParquetFile { writer, schema })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
        for (at, (array, field)) in batch.columns().iter().zip(self.schema.fields()).enumerate() {
            arrays.push(if array.data_type() == field.data_type() {
                array.clone()
            } else if field.data_type() == &DataType::Utf8 {
                let cells = rows(&batch.project(&[at])?, 0..batch.num_rows(), JsonText::Kept)?;
                Arc::new(
                    cells
                        .iter()
                        .map(|row| (!row[0].is_null()).then(|| cell(&row[0])))
                        .collect::<StringArray>(),
                )
            } else {
                arrow::compute::cast(array, field.data_type())?
            });
        }
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?;
        self.writer.write(&batch).map_err(failed)?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush().map_err(failed)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<W> {
        self.writer.into_inner().map_err(failed)
    }
}

/// The nearest type that Parquet holds.
fn storable(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Interval(IntervalUnit::MonthDayNano) => DataType::Utf8,
        DataType::RunEndEncoded(_, values) => storable(values.data_type()),
        DataType::ListView(item) => DataType::List(item.clone()),
        DataType::LargeListView(item) => DataType::LargeList(item.clone()),
        DataType::Float16 => DataType::Float32,
        // A list of intervals and the like: as text, if anything in it cannot be held.
        nested if !holds(nested) => DataType::Utf8,
        other => other.clone(),
    }
}

fn holds(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(IntervalUnit::MonthDayNano)
        | DataType::RunEndEncoded(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Union(..) => false,
        // Parquet has no group without children.
        DataType::Struct(fields) => !fields.is_empty() && fields.iter().all(|field| holds(field.data_type())),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            holds(item.data_type())
        }
        DataType::Map(entries, _) => holds(entries.data_type()),
        DataType::Dictionary(_, values) => holds(values),
        _ => true,
    }
}

fn failed(error: ParquetError) -> Error {
    Error::Internal(format!("parquet: {error}"))
}

pub(super) struct ArrowFile<W: Write> {
    writer: StreamWriter<W>,
}

impl<W: Write> ArrowFile<W> {
    pub(super) fn new(schema: &SchemaRef, sink: W) -> Result<ArrowFile<W>> {
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        Ok(ArrowFile {
            writer: StreamWriter::try_new_with_options(sink, schema, options)?,
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        Ok(self.writer.write(batch)?)
    }

    pub(super) fn finish(self) -> Result<W> {
        Ok(self.writer.into_inner()?)
    }
}
