//! Second pass over a delimited file: values become typed columns, columns become Parquet. All cores; one
//! chunk of the file is one row group. [`Group`] and [`Table`] also serve who does both passes at once (`once`).

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    StringArray, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;

use super::super::report::Unparsed;
use super::super::typing::date;
use super::super::typing::kind::{DECIMAL_DIGITS, Kind, Zone};
use super::super::typing::number;
use super::super::typing::shapes::{is_null_in_text, is_null_token, read_truth, read_yes_no, shorten};
use super::chunk::{self, Chunk, Pieces, Text};
use super::dialect::Dialect;
use super::examine::{Lines, cells};
use super::record::{Field, Records};
use crate::error::{Error, Result};

/// Size of a chunk, and so of a row group, in the second pass.
const CHUNK: usize = 16 * 1024 * 1024;

/// Values that did not fit, kept per column for the report.
const SHOWN_UNPARSED: usize = 10;

/// A column to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

/// What was written of one column.
#[derive(Debug, Clone, Default)]
pub struct Written {
    pub nulls: u64,
    /// Values that could not be read as the column's type and became null.
    pub unparsed_count: u64,
    pub unparsed: Vec<Unparsed>,
}

/// How our Parquet files are written.
pub fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_page_size_limit(512 * 1024)
        .set_created_by("clean-custard".to_owned())
        .build()
}

/// Writes all rows; returns how many, and what became of each column.
pub fn write(
    text: Text<'_>,
    skip: usize,
    lines: Lines,
    columns: &[Column],
    to: &Path,
) -> Result<(u64, Vec<Written>)> {
    let (mut table, encoder) = Table::create(columns, to)?;
    let pieces = Pieces {
        chunk: CHUNK,
        together: 1,
    };
    let work = |number, chunks: Vec<Chunk>| {
        let mut group = Group::new(columns);
        for chunk in &chunks {
            group.read(chunk, &text.dialect, skip, lines);
        }
        drop(chunks);
        encoder.encode(group, number)
    };
    chunk::for_each(text, pieces, work, |part| table.append(part))?;
    table.close()
}

/// A Parquet file that row groups are appended to.
pub struct Table {
    writer: SerializedFileWriter<File>,
    rows: u64,
    written: Vec<Written>,
}

/// Makes row groups for a [`Table`], on any thread.
pub struct Encoder {
    schema: SchemaRef,
    factory: ArrowRowGroupWriterFactory,
}

/// A row group, encoded.
pub struct Part {
    rows: u64,
    pub written: Vec<Written>,
    encoded: Vec<ArrowColumnChunk>,
}

impl Table {
    /// Begins the file; what was there before is gone.
    pub fn create(columns: &[Column], to: &Path) -> Result<(Table, Encoder)> {
        let schema: SchemaRef = Arc::new(Schema::new(
            columns
                .iter()
                .map(|column| ArrowField::new(&column.name, column.kind.data_type(), true))
                .collect::<Vec<_>>(),
        ));
        let writer = ArrowWriter::try_new(File::create(to)?, schema.clone(), Some(properties()))
            .map_err(Error::internal)?;
        let (writer, factory) = writer.into_serialized_writer().map_err(Error::internal)?;
        let table = Table {
            writer,
            rows: 0,
            written: vec![Written::default(); columns.len()],
        };
        Ok((table, Encoder { schema, factory }))
    }

    /// Appends the next row group.
    pub fn append(&mut self, part: Part) -> Result<()> {
        self.rows += part.rows;
        for (known, new) in self.written.iter_mut().zip(part.written) {
            known.nulls += new.nulls;
            known.unparsed_count += new.unparsed_count;
            let room = SHOWN_UNPARSED.saturating_sub(known.unparsed.len());
            known.unparsed.extend(new.unparsed.into_iter().take(room));
        }
        if part.rows > 0 {
            let mut group = self.writer.next_row_group().map_err(Error::internal)?;
            for column in part.encoded {
                column.append_to_row_group(&mut group).map_err(Error::internal)?;
            }
            group.close().map_err(Error::internal)?;
        }
        Ok(())
    }

    /// Ends the file; how many rows it has, and what became of each column.
    pub fn close(self) -> Result<(u64, Vec<Written>)> {
        self.writer.close().map_err(Error::internal)?;
        Ok((self.rows, self.written))
    }
}

impl Encoder {
    /// Encodes and compresses a row group.
    pub fn encode(&self, group: Group, number: usize) -> Result<Part> {
        let mut written = Vec::with_capacity(group.builders.len());
        let mut encoded = Vec::with_capacity(group.builders.len());
        if group.rows > 0 {
            let writers = self
                .factory
                .create_column_writers(number)
                .map_err(Error::internal)?;
            for ((builder, field), mut writer) in
                group.builders.into_iter().zip(self.schema.fields()).zip(writers)
            {
                let (array, report) = builder.finish()?;
                for leaf in compute_leaves(field, &array).map_err(Error::internal)? {
                    writer.write(&leaf).map_err(Error::internal)?;
                }
                encoded.push(writer.close().map_err(Error::internal)?);
                written.push(report);
            }
        }
        Ok(Part {
            rows: group.rows,
            written,
            encoded,
        })
    }
}

/// The rows of one row group, typed.
pub struct Group {
    builders: Vec<Builder>,
    rows: u64,
}

impl Group {
    pub fn new(columns: &[Column]) -> Group {
        Group {
            builders: columns.iter().map(|column| Builder::new(column.kind)).collect(),
            rows: 0,
        }
    }

    /// Adds a row; cells it lacks are null.
    pub fn push(&mut self, text: &[u8], cells: &[Field], dialect: &Dialect, line: u64) {
        self.rows += 1;
        for (index, builder) in self.builders.iter_mut().enumerate() {
            match cells.get(index) {
                Some(field) => builder.push(&field.value(text, dialect), *field, line),
                None => builder.push_null(),
            }
        }
    }

    fn read(&mut self, chunk: &Chunk, dialect: &Dialect, skip: usize, lines: Lines) {
        let mut records = Records::new(&chunk.text, chunk.line, dialect);
        let mut fields: Vec<Field> = Vec::new();
        if chunk.index == 0 {
            for _ in 0..skip {
                records.next_into(&mut fields);
            }
        }
        while let Some(mut record) = records.next_into(&mut fields) {
            let cells = cells(&chunk.text, &mut fields, dialect, lines, &mut record);
            self.push(&chunk.text, cells, dialect, record.line);
        }
    }
}

/// Values of one column of one chunk.
struct Builder {
    kind: Kind,
    values: Values,
    report: Written,
}

enum Values {
    Text(BinaryBuilder),
    Integer(Int64Builder),
    Decimal(Decimal128Builder),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Time(Time64MicrosecondBuilder),
}

impl Builder {
    fn new(kind: Kind) -> Builder {
        let values = match kind {
            Kind::Text => Values::Text(BinaryBuilder::new()),
            Kind::Integer(_) => Values::Integer(Int64Builder::new()),
            Kind::Decimal(..) => Values::Decimal(Decimal128Builder::new().with_data_type(kind.data_type())),
            Kind::Float(_) => Values::Float(Float64Builder::new()),
            Kind::Boolean => Values::Boolean(BooleanBuilder::new()),
            Kind::Date(_) => Values::Date(Date32Builder::new()),
            Kind::Timestamp(_, Zone::Unknown) => Values::Timestamp(TimestampMicrosecondBuilder::new()),
            Kind::Timestamp(_, Zone::Utc) => {
                Values::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
            Kind::Time => Values::Time(Time64MicrosecondBuilder::new()),
        };
        Builder {
            kind,
            values,
            report: Written::default(),
        }
    }

    fn push_null(&mut self) {
        self.report.nulls += 1;
        match &mut self.values {
            Values::Text(values) => values.append_null(),
            Values::Integer(values) => values.append_null(),
            Values::Decimal(values) => values.append_null(),
            Values::Float(values) => values.append_null(),
            Values::Boolean(values) => values.append_null(),
            Values::Date(values) => values.append_null(),
            Values::Timestamp(values) => values.append_null(),
            Values::Time(values) => values.append_null(),
        }
    }

    fn push(&mut self, raw: &[u8], field: Field, line: u64) {
        if let Values::Text(values) = &mut self.values {
            if raw.is_empty() || (!field.is_quoted() && is_null_in_text(raw)) {
                self.push_null();
            } else {
                values.append_value(raw);
            }
            return;
        }
        let text = raw.trim_ascii();
        if text.is_empty() {
            self.push_null();
            return;
        }
        if self.push_typed(text).is_some() {
            return;
        }
        if !is_null_token(text) {
            self.report.unparsed_count += 1;
            if self.report.unparsed.len() < SHOWN_UNPARSED {
                self.report.unparsed.push(Unparsed {
                    line,
                    text: shorten(&String::from_utf8_lossy(raw)),
                });
            }
        }
        self.push_null();
    }

    /// Reads a value as the column's type; none, and nothing added, if it cannot be.
    fn push_typed(&mut self, text: &[u8]) -> Option<()> {
        match (&mut self.values, self.kind) {
            (Values::Integer(values), Kind::Integer(style)) => {
                let value = match short_integer(text) {
                    Some(value) => value,
                    None => i64::try_from(number::read(text, style)?.at_scale(0)?).ok()?,
                };
                values.append_value(value);
            }
            (Values::Decimal(values), Kind::Decimal(style, scale)) => {
                let value = number::read(text, style)?.at_scale(scale)?;
                if value.unsigned_abs() >= 10_u128.pow(u32::from(DECIMAL_DIGITS)) {
                    return None;
                }
                values.append_value(value);
            }
            (Values::Float(values), Kind::Float(style)) => {
                values.append_value(number::read_float(text, style)?)
            }
            (Values::Boolean(values), Kind::Boolean) => {
                values.append_value(read_truth(text).or_else(|| read_yes_no(text))?);
            }
            (Values::Date(values), Kind::Date(order)) => {
                let written = date::read(text)?;
                // A time of day must not be lost silently.
                if written.clock.is_some_and(|clock| clock != 0) {
                    return None;
                }
                values.append_value(written.days(order)?);
            }
            (Values::Timestamp(values), Kind::Timestamp(order, _)) => {
                values.append_value(date::read(text)?.micros(order)?);
            }
            (Values::Time(values), Kind::Time) => values.append_value(date::read_time(text)?.micros),
            _ => return None,
        }
        Some(())
    }

    fn finish(self) -> Result<(ArrayRef, Written)> {
        let array: ArrayRef = match self.values {
            Values::Text(mut values) => {
                let bytes = values.finish();
                // Checked per chunk in the first pass; a file that changed since is an error, not a panic.
                Arc::new(StringArray::try_from_binary(bytes)?)
            }
            Values::Integer(mut values) => Arc::new(values.finish()),
            Values::Decimal(mut values) => Arc::new(values.finish()),
            Values::Float(mut values) => Arc::new(values.finish()),
            Values::Boolean(mut values) => Arc::new(values.finish()),
            Values::Date(mut values) => Arc::new(values.finish()),
            Values::Timestamp(mut values) => Arc::new(values.finish()),
            Values::Time(mut values) => Arc::new(values.finish()),
        };
        Ok((array, self.report))
    }
}

/// The commonest case fast: up to 18 plain digits.
fn short_integer(text: &[u8]) -> Option<i64> {
    if text.len() > 18 {
        return None;
    }
    let mut value = 0_i64;
    for byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some(value)
}
