//! What a column was decided to be, and how its values are read.

use arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

use super::date::DayOrder;
use super::number::Style;
use crate::catalog::ColumnKind;

/// Digits of a decimal column: what fits 64 bits.
pub const DECIMAL_DIGITS: u8 = 18;

/// The type of a column and how its values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Kept byte for byte.
    Text,
    Integer(Style),
    /// Exact, with so many digits after the separator.
    Decimal(Style, u32),
    Float(Style),
    Boolean,
    Date(DayOrder),
    /// A moment; in UTC if every value named its zone.
    Timestamp(DayOrder, Zone),
    Time,
}

/// Whether the values of a timestamp column name their zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Zone {
    Unknown,
    Utc,
}

impl Kind {
    /// How Arrow holds it.
    pub fn data_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Integer(_) => DataType::Int64,
            // A scale never exceeds DECIMAL_DIGITS, see `decide`.
            Kind::Decimal(_, scale) => DataType::Decimal128(DECIMAL_DIGITS, scale as i8),
            Kind::Float(_) => DataType::Float64,
            Kind::Boolean => DataType::Boolean,
            Kind::Date(_) => DataType::Date32,
            Kind::Timestamp(_, Zone::Unknown) => DataType::Timestamp(TimeUnit::Microsecond, None),
            Kind::Timestamp(_, Zone::Utc) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Time => DataType::Time64(TimeUnit::Microsecond),
        }
    }

    /// The plain word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Integer(_) => "integer",
            Kind::Decimal(..) => "decimal",
            Kind::Float(_) => "float",
            Kind::Boolean => "boolean",
            Kind::Date(_) => "date",
            Kind::Timestamp(..) => "timestamp",
            Kind::Time => "time",
        }
    }
}

/// The catalog's kind of an Arrow type.
pub fn column_kind(data_type: &DataType) -> ColumnKind {
    match data_type {
        DataType::Timestamp(_, Some(_)) => ColumnKind::TimestampTz,
        DataType::Dictionary(_, value) => column_kind(value),
        _ => match crate::rows::type_word(data_type) {
            "boolean" => ColumnKind::Boolean,
            "integer" => ColumnKind::Integer,
            "float" => ColumnKind::Float,
            "decimal" => ColumnKind::Decimal,
            "text" => ColumnKind::Text,
            "date" => ColumnKind::Date,
            "time" => ColumnKind::Time,
            "timestamp" => ColumnKind::Timestamp,
            "interval" => ColumnKind::Interval,
            "binary" => ColumnKind::Binary,
            "array" => ColumnKind::Array,
            "json" => ColumnKind::Json,
            _ => ColumnKind::Other,
        },
    }
}
