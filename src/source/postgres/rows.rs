//! PostgreSQL's binary values as Arrow columns. A value that Arrow cannot hold exactly is reported, never
//! bent: the query is then run again with that column as text.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder,
    Int64Builder, RecordBatch, StringBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tokio_postgres::types::{FromSql, Kind, Type};
use tokio_postgres::{Column, Row};

use super::numeric;
use crate::error::{Error, Result, SourceFault};
use crate::rows::TYPE_KEY;

/// Days from 1970-01-01 to PostgreSQL's zero, 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;
/// What is shown as a date: from the year 1 to the year 9999 (in days since 1970). The rest goes as text.
const DAYS: std::ops::RangeInclusive<i32> = -719_162..=2_932_896;

/// How a column travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoder {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    /// Declared with precision and scale.
    Decimal(u8, i8),
    /// Any precision: exact, as text.
    NumericText,
    Text,
    Char,
    Json,
    Jsonb,
    Uuid,
    Bytes,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    /// Cast to text by the database; the plain type word.
    Cast(&'static str),
}

impl Decoder {
    /// For a column of a prepared query.
    pub fn of(column: &Column) -> Decoder {
        match *column.type_() {
            Type::BOOL => Decoder::Bool,
            Type::INT2 => Decoder::Int2,
            Type::INT4 => Decoder::Int4,
            Type::INT8 => Decoder::Int8,
            Type::OID => Decoder::Oid,
            Type::FLOAT4 => Decoder::Float4,
            Type::FLOAT8 => Decoder::Float8,
            Type::NUMERIC => match numeric::declared(column.type_modifier()) {
                Some((precision, scale)) => Decoder::Decimal(precision, scale),
                None => Decoder::NumericText,
            },
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => Decoder::Text,
            Type::CHAR => Decoder::Char,
            Type::JSON => Decoder::Json,
            Type::JSONB => Decoder::Jsonb,
            Type::UUID => Decoder::Uuid,
            Type::BYTEA => Decoder::Bytes,
            Type::DATE => Decoder::Date,
            Type::TIME => Decoder::Time,
            Type::TIMESTAMP => Decoder::Timestamp,
            Type::TIMESTAMPTZ => Decoder::TimestampTz,
            _ => Decoder::as_text(column.type_()),
        }
    }

    /// The same column as text, cast by the database.
    pub fn as_text(type_: &Type) -> Decoder {
        match (type_, type_.kind()) {
            // These are sent as plain text even in binary.
            (_, Kind::Enum(_)) => Decoder::Text,
            (other, _) if other.name() == "citext" => Decoder::Text,
            (&Type::INTERVAL, _) => Decoder::Cast("interval"),
            (&Type::TIMETZ, _) => Decoder::Cast("time"),
            (&Type::NUMERIC, _) => Decoder::Cast("decimal"),
            (&Type::DATE, _) => Decoder::Cast("date"),
            (&Type::TIME, _) => Decoder::Cast("time"),
            (&Type::TIMESTAMP | &Type::TIMESTAMPTZ, _) => Decoder::Cast("timestamp"),
            (&Type::RECORD, _) => Decoder::Cast("other"),
            (_, Kind::Array(_)) => Decoder::Cast("array"),
            (_, Kind::Composite(_) | Kind::Range(_) | Kind::Multirange(_)) => Decoder::Cast("other"),
            _ => Decoder::Cast("text"),
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Decoder::Bool => DataType::Boolean,
            Decoder::Int2 | Decoder::Int4 | Decoder::Int8 | Decoder::Oid => DataType::Int64,
            Decoder::Float4 | Decoder::Float8 => DataType::Float64,
            Decoder::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
            Decoder::Bytes => DataType::Binary,
            Decoder::Date => DataType::Date32,
            Decoder::Time => DataType::Time64(TimeUnit::Microsecond),
            Decoder::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Decoder::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => DataType::Utf8,
        }
    }

    fn field(self, name: &str) -> Field {
        let field = Field::new(name, self.data_type(), true);
        let word = match self {
            Decoder::NumericText => "decimal",
            Decoder::Json | Decoder::Jsonb => "json",
            Decoder::Uuid => "uuid",
            Decoder::Cast(word) => word,
            _ => return field,
        };
        field.with_metadata([(TYPE_KEY.to_owned(), word.to_owned())].into())
    }
}

/// Why a row could not be taken.
#[derive(Debug)]
pub(super) enum Unfit {
    /// This column holds a value that only text can show.
    NeedsText(usize),
    Broken(Error),
}

/// The bytes of a value, whatever its type.
pub(super) struct Raw<'a>(pub &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Raw<'a>, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Collects rows into record batches.
pub(super) struct Batch {
    schema: SchemaRef,
    columns: Vec<(Decoder, Builder)>,
    rows: usize,
    bytes: usize,
}

enum Builder {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Decimal(Decimal128Builder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Batch {
    /// For columns of these names and decoders.
    pub fn new(columns: &[(String, Decoder)]) -> Batch {
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, decoder)| decoder.field(name))
            .collect();
        Batch {
            schema: Arc::new(Schema::new(fields)),
            columns: columns
                .iter()
                .map(|(_, decoder)| (*decoder, builder(*decoder)))
                .collect(),
            rows: 0,
            bytes: 0,
        }
    }

    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes as the database sent them.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a row. After `NeedsText` the batch is of no use any more.
    pub fn push(&mut self, row: &Row) -> std::result::Result<(), Unfit> {
        for (at, (decoder, builder)) in self.columns.iter_mut().enumerate() {
            let raw: Option<Raw> = row
                .try_get(at)
                .map_err(|error| Unfit::Broken(Error::internal(error)))?;
            append(*decoder, builder, raw.map(|raw| raw.0)).map_err(|unfit| match unfit {
                Unfit::NeedsText(_) => Unfit::NeedsText(at),
                other => other,
            })?;
        }
        self.rows += 1;
        self.bytes += row.raw_size_bytes();
        Ok(())
    }

    /// The rows so far; the next batch begins.
    pub fn take(&mut self) -> Result<RecordBatch> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let arrays: Vec<ArrayRef> = self
            .columns
            .iter_mut()
            .map(|(decoder, b)| finish(*decoder, b))
            .collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(
            self.schema.clone(),
            arrays,
            &options,
        )?)
    }
}

fn builder(decoder: Decoder) -> Builder {
    match decoder {
        Decoder::Bool => Builder::Bool(BooleanBuilder::new()),
        Decoder::Int2 | Decoder::Int4 | Decoder::Int8 | Decoder::Oid => Builder::Int(Int64Builder::new()),
        Decoder::Float4 | Decoder::Float8 => Builder::Float(Float64Builder::new()),
        Decoder::Decimal(..) => {
            Builder::Decimal(Decimal128Builder::new().with_data_type(decoder.data_type()))
        }
        Decoder::Bytes => Builder::Bytes(BinaryBuilder::new()),
        Decoder::Date => Builder::Date(Date32Builder::new()),
        Decoder::Time => Builder::Time(Time64MicrosecondBuilder::new()),
        Decoder::Timestamp | Decoder::TimestampTz => {
            Builder::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(decoder.data_type()))
        }
        _ => Builder::Text(StringBuilder::new()),
    }
}

fn finish(_: Decoder, builder: &mut Builder) -> ArrayRef {
    match builder {
        Builder::Bool(b) => ArrayBuilder::finish(b),
        Builder::Int(b) => ArrayBuilder::finish(b),
        Builder::Float(b) => ArrayBuilder::finish(b),
        Builder::Decimal(b) => ArrayBuilder::finish(b),
        Builder::Text(b) => ArrayBuilder::finish(b),
        Builder::Bytes(b) => ArrayBuilder::finish(b),
        Builder::Date(b) => ArrayBuilder::finish(b),
        Builder::Time(b) => ArrayBuilder::finish(b),
        Builder::Timestamp(b) => ArrayBuilder::finish(b),
    }
}

fn append(decoder: Decoder, builder: &mut Builder, raw: Option<&[u8]>) -> std::result::Result<(), Unfit> {
    match builder {
        Builder::Bool(b) => {
            b.append_option(raw.map(|raw| fixed::<1>(raw).map(|[bit]| bit != 0)).transpose()?)
        }
        Builder::Int(b) => b.append_option(raw.map(|raw| integer(decoder, raw)).transpose()?),
        Builder::Float(b) => b.append_option(raw.map(|raw| float(decoder, raw)).transpose()?),
        Builder::Decimal(b) => {
            let value = match (raw, decoder) {
                (Some(raw), Decoder::Decimal(_, scale)) => {
                    Some(numeric::scaled(raw, scale).ok_or(Unfit::NeedsText(0))?)
                }
                _ => None,
            };
            b.append_option(value);
        }
        Builder::Text(b) => match raw {
            None => b.append_null(),
            Some(raw) => text(decoder, raw, b)?,
        },
        Builder::Bytes(b) => b.append_option(raw),
        Builder::Date(b) => b.append_option(raw.map(date).transpose()?),
        Builder::Time(b) => b.append_option(raw.map(time).transpose()?),
        Builder::Timestamp(b) => b.append_option(raw.map(timestamp).transpose()?),
    }
    Ok(())
}

fn fixed<const N: usize>(raw: &[u8]) -> std::result::Result<[u8; N], Unfit> {
    raw.try_into().map_err(|_| {
        Unfit::Broken(Error::source(
            SourceFault::Other,
            "The database sent a value of an unexpected length.",
        ))
    })
}

fn integer(decoder: Decoder, raw: &[u8]) -> std::result::Result<i64, Unfit> {
    Ok(match decoder {
        Decoder::Int2 => i64::from(i16::from_be_bytes(fixed(raw)?)),
        Decoder::Int4 => i64::from(i32::from_be_bytes(fixed(raw)?)),
        Decoder::Oid => i64::from(u32::from_be_bytes(fixed(raw)?)),
        _ => i64::from_be_bytes(fixed(raw)?),
    })
}

fn float(decoder: Decoder, raw: &[u8]) -> std::result::Result<f64, Unfit> {
    if decoder == Decoder::Float8 {
        return Ok(f64::from_be_bytes(fixed(raw)?));
    }
    let single = f32::from_be_bytes(fixed(raw)?);
    // By way of its shortest text, so that 1.1 stays 1.1 and does not become 1.10000002384.
    Ok(single.to_string().parse().unwrap_or(f64::from(single)))
}

fn text(decoder: Decoder, raw: &[u8], builder: &mut StringBuilder) -> std::result::Result<(), Unfit> {
    match decoder {
        Decoder::NumericText => {
            let mut value = String::with_capacity(raw.len() * 2 + 2);
            numeric::write(raw, &mut value).ok_or_else(|| {
                Unfit::Broken(Error::source(
                    SourceFault::Other,
                    "The database sent a broken number.",
                ))
            })?;
            builder.append_value(value);
        }
        Decoder::Uuid => {
            builder.append_value(uuid::Uuid::from_bytes(fixed(raw)?).to_string());
        }
        Decoder::Char => match raw {
            [0] | [] => builder.append_value(""),
            // A byte of no meaning of its own; PostgreSQL's text form escapes it.
            bytes if !bytes.is_ascii() => return Err(Unfit::NeedsText(0)),
            bytes => builder.append_value(utf8(bytes)?),
        },
        // One byte of version goes before the text.
        Decoder::Jsonb => builder.append_value(utf8(raw.get(1..).unwrap_or_default())?),
        _ => builder.append_value(utf8(raw)?),
    }
    Ok(())
}

/// A database whose encoding is SQL_ASCII sends whatever bytes it was given.
fn utf8(raw: &[u8]) -> std::result::Result<&str, Unfit> {
    std::str::from_utf8(raw).map_err(|_| {
        Unfit::Broken(Error::source(
            SourceFault::Other,
            "The result holds text that is not valid UTF-8, which a database with the encoding SQL_ASCII does \
             not prevent; leave that column out, or read it with convert_to or encode.",
        ))
    })
}

fn date(raw: &[u8]) -> std::result::Result<i32, Unfit> {
    i32::from_be_bytes(fixed(raw)?)
        .checked_add(EPOCH_DAYS)
        .filter(|days| DAYS.contains(days))
        .ok_or(Unfit::NeedsText(0))
}

fn time(raw: &[u8]) -> std::result::Result<i64, Unfit> {
    // 24:00:00 is a time in PostgreSQL only.
    Some(i64::from_be_bytes(fixed(raw)?))
        .filter(|micros| (0..86_400_000_000).contains(micros))
        .ok_or(Unfit::NeedsText(0))
}

fn timestamp(raw: &[u8]) -> std::result::Result<i64, Unfit> {
    i64::from_be_bytes(fixed(raw)?)
        .checked_add(EPOCH_MICROS)
        .filter(|micros| {
            let days = micros.div_euclid(86_400_000_000);
            (i64::from(*DAYS.start())..=i64::from(*DAYS.end())).contains(&days)
        })
        .ok_or(Unfit::NeedsText(0))
}
