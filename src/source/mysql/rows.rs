//! Rows as Arrow batches, every type exactly: what Arrow has no type for comes as text and says so. A date
//! that is none (`0000-00-00`) turns its column into text if it is seen in the first batch.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
    Float32Builder, Float64Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
    UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, i256};
use chrono::{NaiveDate, NaiveDateTime};
use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::{Column as Described, Row, Value};

use crate::error::{Error, Result, SourceFault};
use crate::rows::TYPE_KEY;

/// The character set of bytes that are no text.
const BINARY: u16 = 63;

/// What a column becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Integer,
    Unsigned,
    Decimal128(i8),
    Decimal256(i8),
    Float,
    Double,
    Boolean,
    Date,
    /// With the zone UTC, or with none.
    Timestamp(bool),
    /// Text, with the plain word for what it says.
    Text(&'static str),
    /// So many bits as text.
    Bits(usize),
    Binary,
}

/// Rows on their way into a batch.
pub(super) struct Batch {
    names: Vec<String>,
    shapes: Vec<Shape>,
    columns: Vec<Vec<Value>>,
    schema: Option<SchemaRef>,
    bytes: usize,
}

impl Batch {
    pub fn new(described: &[Described]) -> Batch {
        Batch {
            names: described
                .iter()
                .map(|column| column.name_str().into_owned())
                .collect(),
            shapes: described.iter().map(shape).collect(),
            columns: vec![Vec::new(); described.len()],
            schema: None,
            bytes: 0,
        }
    }

    /// Rows that wait.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// Their bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a row; its bytes. Errors: `Source` of kind `Type` for a date that is none, after the first batch.
    pub fn push(&mut self, row: Row) -> Result<usize> {
        let mut size = 0;
        for (at, value) in row.unwrap().into_iter().enumerate() {
            let (Some(column), Some(shape)) = (self.columns.get_mut(at), self.shapes.get_mut(at)) else {
                break;
            };
            size += match &value {
                Value::Bytes(bytes) => bytes.len() + 4,
                _ => 8,
            };
            if !fits(&value, *shape) {
                match self.schema {
                    None => *shape = Shape::Text(word(*shape)),
                    Some(_) => return Err(no_date(&self.names[at])),
                }
            }
            column.push(value);
        }
        self.bytes += size;
        Ok(size)
    }

    /// The columns are final from here on.
    pub fn settle(&mut self) -> SchemaRef {
        let fields: Vec<Field> = self
            .names
            .iter()
            .zip(&self.shapes)
            .map(|(name, shape)| field(name, *shape))
            .collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        self.schema = Some(schema.clone());
        schema
    }

    /// The rows that wait, as a batch.
    pub fn take(&mut self) -> Result<RecordBatch> {
        self.bytes = 0;
        let schema = match &self.schema {
            Some(schema) => schema.clone(),
            None => self.settle(),
        };
        let arrays = self
            .columns
            .iter_mut()
            .zip(&self.shapes)
            .map(|(column, shape)| array(std::mem::take(column), *shape))
            .collect::<Result<Vec<ArrayRef>>>()?;
        Ok(RecordBatch::try_new(schema, arrays)?)
    }
}

fn no_date(name: &str) -> Error {
    Error::source(
        SourceFault::Type,
        format!(
            "The column \"{name}\" holds a date that is none (such as 0000-00-00), which showed only after many \
             rows; write CAST(… AS CHAR) for it."
        ),
    )
}

fn shape(column: &Described) -> Shape {
    use ColumnType as T;
    let is_unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    let is_bytes = column.character_set() == BINARY;
    let length = column.column_length();
    match column.column_type() {
        T::MYSQL_TYPE_TINY
        | T::MYSQL_TYPE_SHORT
        | T::MYSQL_TYPE_INT24
        | T::MYSQL_TYPE_LONG
        | T::MYSQL_TYPE_YEAR => Shape::Integer,
        T::MYSQL_TYPE_LONGLONG if is_unsigned => Shape::Unsigned,
        T::MYSQL_TYPE_LONGLONG => Shape::Integer,
        T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => {
            let scale = column.decimals().min(38);
            // The length counts the sign and the point.
            let digits = length
                .saturating_sub(u32::from(scale > 0))
                .saturating_sub(u32::from(!is_unsigned));
            let scale = i8::try_from(scale).unwrap_or(38);
            match digits <= 38 {
                true => Shape::Decimal128(scale),
                false => Shape::Decimal256(scale),
            }
        }
        T::MYSQL_TYPE_FLOAT => Shape::Float,
        T::MYSQL_TYPE_DOUBLE => Shape::Double,
        T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE => Shape::Date,
        T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_DATETIME2 => Shape::Timestamp(false),
        T::MYSQL_TYPE_TIMESTAMP | T::MYSQL_TYPE_TIMESTAMP2 => Shape::Timestamp(true),
        // It counts from -838 to 838 hours.
        T::MYSQL_TYPE_TIME | T::MYSQL_TYPE_TIME2 => Shape::Text("time"),
        T::MYSQL_TYPE_BIT if length == 1 => Shape::Boolean,
        T::MYSQL_TYPE_BIT => Shape::Bits(usize::try_from(length).unwrap_or(64)),
        T::MYSQL_TYPE_JSON => Shape::Text("json"),
        T::MYSQL_TYPE_GEOMETRY => Shape::Binary,
        T::MYSQL_TYPE_NULL => Shape::Text("text"),
        _ if is_bytes
            && !column
                .flags()
                .intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG) =>
        {
            Shape::Binary
        }
        _ => Shape::Text("text"),
    }
}

fn word(shape: Shape) -> &'static str {
    match shape {
        Shape::Date => "date",
        Shape::Timestamp(_) => "timestamp",
        Shape::Text(word) => word,
        _ => "text",
    }
}

fn field(name: &str, shape: Shape) -> Field {
    let data_type = match shape {
        Shape::Integer => DataType::Int64,
        Shape::Unsigned => DataType::UInt64,
        Shape::Decimal128(scale) => DataType::Decimal128(38, scale),
        Shape::Decimal256(scale) => DataType::Decimal256(76, scale),
        Shape::Float => DataType::Float32,
        Shape::Double => DataType::Float64,
        Shape::Boolean => DataType::Boolean,
        Shape::Date => DataType::Date32,
        Shape::Timestamp(false) => DataType::Timestamp(TimeUnit::Microsecond, None),
        Shape::Timestamp(true) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Shape::Text(_) | Shape::Bits(_) => DataType::Utf8,
        Shape::Binary => DataType::Binary,
    };
    let field = Field::new(name, data_type, true);
    match shape {
        Shape::Text(word) if word != "text" => {
            field.with_metadata([(TYPE_KEY.to_owned(), word.to_owned())].into())
        }
        _ => field,
    }
}

/// Whether Arrow's type can say this value.
fn fits(value: &Value, shape: Shape) -> bool {
    match (shape, value) {
        (Shape::Date | Shape::Timestamp(_), Value::Date(year, month, day, ..)) => {
            NaiveDate::from_ymd_opt(i32::from(*year), u32::from(*month), u32::from(*day)).is_some()
        }
        _ => true,
    }
}

/// A value of another kind than its column was announced with: the driver would have to be wrong.
fn unexpected(value: &Value) -> Error {
    let kind = match value {
        Value::NULL => "a null",
        Value::Bytes(_) => "bytes",
        Value::Int(_) | Value::UInt(_) => "an integer",
        Value::Float(_) | Value::Double(_) => "a float",
        Value::Date(..) => "a date",
        Value::Time(..) => "a time",
    };
    Error::Internal(format!("a column came as {kind}, which is not its type"))
}

/// Builds an array: nulls as nulls, everything else by `convert`.
macro_rules! build {
    ($builder:expr, $values:expr, $convert:expr) => {{
        let mut builder = $builder;
        let convert = $convert;
        for value in $values {
            match value {
                Value::NULL => builder.append_null(),
                value => builder.append_value(convert(value)?),
            }
        }
        Ok(Arc::new(builder.finish()) as ArrayRef)
    }};
}

fn array(values: Vec<Value>, shape: Shape) -> Result<ArrayRef> {
    let len = values.len();
    match shape {
        Shape::Integer => build!(Int64Builder::with_capacity(len), values, integer),
        Shape::Unsigned => build!(UInt64Builder::with_capacity(len), values, unsigned),
        Shape::Decimal128(scale) => {
            let builder = Decimal128Builder::with_capacity(len).with_precision_and_scale(38, scale)?;
            build!(builder, values, |value: Value| decimal(&value, scale).and_then(
                |number| { number.to_i128().ok_or_else(|| unexpected(&value)) }
            ))
        }
        Shape::Decimal256(scale) => {
            let builder = Decimal256Builder::with_capacity(len).with_precision_and_scale(76, scale)?;
            build!(builder, values, |value: Value| decimal(&value, scale))
        }
        Shape::Float => build!(
            Float32Builder::with_capacity(len),
            values,
            |value: Value| match value {
                Value::Float(value) => Ok(value),
                other => Err(unexpected(&other)),
            }
        ),
        Shape::Double => build!(
            Float64Builder::with_capacity(len),
            values,
            |value: Value| match value {
                Value::Double(value) => Ok(value),
                Value::Float(value) => Ok(f64::from(value)),
                other => Err(unexpected(&other)),
            }
        ),
        Shape::Boolean => build!(
            BooleanBuilder::with_capacity(len),
            values,
            |value: Value| match value {
                Value::Bytes(bytes) => Ok(bytes.iter().any(|byte| *byte != 0)),
                other => Err(unexpected(&other)),
            }
        ),
        Shape::Date => build!(Date32Builder::with_capacity(len), values, |value: Value| {
            moment(&value).and_then(|moment| {
                let days = moment
                    .date()
                    .signed_duration_since(NaiveDate::default())
                    .num_days();
                i32::try_from(days).map_err(Error::internal)
            })
        }),
        Shape::Timestamp(has_zone) => {
            let mut builder = TimestampMicrosecondBuilder::with_capacity(len);
            if has_zone {
                builder = builder.with_timezone("UTC");
            }
            build!(builder, values, |value: Value| moment(&value)
                .map(|moment| moment.and_utc().timestamp_micros()))
        }
        Shape::Bits(width) => build!(StringBuilder::new(), values, |value: Value| match value {
            Value::Bytes(bytes) => Ok(bits(&bytes, width)),
            other => Err(unexpected(&other)),
        }),
        Shape::Binary => build!(BinaryBuilder::new(), values, |value: Value| match value {
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(unexpected(&other)),
        }),
        Shape::Text(_) => build!(StringBuilder::new(), values, text),
    }
}

fn integer(value: Value) -> Result<i64> {
    match value {
        Value::Int(value) => Ok(value),
        Value::UInt(value) => i64::try_from(value).map_err(Error::internal),
        other => Err(unexpected(&other)),
    }
}

fn unsigned(value: Value) -> Result<u64> {
    match value {
        Value::UInt(value) => Ok(value),
        Value::Int(value) => u64::try_from(value).map_err(Error::internal),
        other => Err(unexpected(&other)),
    }
}

/// A decimal's digits as they are sent, `-12.50`, times ten to the power of `scale`.
fn decimal(value: &Value, scale: i8) -> Result<i256> {
    let Value::Bytes(bytes) = value else {
        return Err(unexpected(value));
    };
    let text = std::str::from_utf8(bytes).map_err(Error::internal)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let scale = usize::try_from(scale).unwrap_or(0);
    let exact = Some(format!("{whole}{fraction:0<scale$}"))
        .filter(|_| fraction.len() <= scale)
        .and_then(|digits| i256::from_string(&digits));
    exact.ok_or_else(|| Error::Internal("a decimal has more digits than its column".into()))
}

fn moment(value: &Value) -> Result<NaiveDateTime> {
    let Value::Date(year, month, day, hour, minute, second, micros) = value else {
        return Err(unexpected(value));
    };
    NaiveDate::from_ymd_opt(i32::from(*year), u32::from(*month), u32::from(*day))
        .and_then(|date| {
            date.and_hms_micro_opt(u32::from(*hour), u32::from(*minute), u32::from(*second), *micros)
        })
        .ok_or_else(|| Error::Internal("a date that is none was taken for one".into()))
}

/// The last `width` bits.
fn bits(bytes: &[u8], width: usize) -> String {
    let all: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    all[all.len().saturating_sub(width)..].to_owned()
}

/// As MySQL itself writes it.
fn text(value: Value) -> Result<String> {
    let with_micros = |micros: u32| match micros {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    };
    Ok(match value {
        Value::NULL => String::new(),
        Value::Bytes(bytes) => String::from_utf8(bytes).map_err(|_| {
            Error::source(
                SourceFault::Type,
                "A text is not valid Unicode; write CAST(… AS BINARY) to see its bytes.",
            )
        })?,
        Value::Int(value) => value.to_string(),
        Value::UInt(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Date(year, month, day, 0, 0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
        Value::Date(year, month, day, hour, minute, second, micros) => format!(
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{}",
            with_micros(micros)
        ),
        Value::Time(is_negative, days, hours, minutes, seconds, micros) => format!(
            "{}{:02}:{minutes:02}:{seconds:02}{}",
            if is_negative { "-" } else { "" },
            days * 24 + u32::from(hours),
            with_micros(micros)
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        let exact =
            |text: &str, scale| decimal(&Value::Bytes(text.into()), scale).map(|number| number.to_string());
        assert_eq!(exact("-12.50", 2).unwrap(), "-1250");
        assert_eq!(exact("0.05", 4).unwrap(), "500");
        assert_eq!(exact("-0.05", 2).unwrap(), "-5");
        assert_eq!(exact("7", 0).unwrap(), "7");
        let long = "9".repeat(65);
        assert_eq!(exact(&long, 0).unwrap(), long);
        assert!(exact("1.234", 2).is_err());
    }

    #[test]
    fn times_and_bits_are_written_as_mysql_does() {
        let time = Value::Time(true, 34, 22, 59, 59, 500_000);
        assert_eq!(text(time).unwrap(), "-838:59:59.500000");
        assert_eq!(text(Value::Date(0, 0, 0, 0, 0, 0, 0)).unwrap(), "0000-00-00");
        assert_eq!(bits(&[0b0000_0101], 4), "0101");
    }
}
