//! Rows in motion: a schema and a stream of Arrow batches. The one representation from the database to the
//! export; JSON only at the edge.

mod columnar;
mod csv_file;
pub mod export;
pub mod json;
mod json_file;
pub mod text;
mod xlsx;

pub use export::{Export, Format};

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{Stream, StreamExt};

use crate::error::Result;

/// Batches as they arrive. Dropping the stream stops whatever produces them.
pub type BatchStream = Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>>;

/// A running result: its columns are known, its rows are still coming.
pub struct Rows {
    pub schema: SchemaRef,
    pub batches: BatchStream,
    /// Set before the stream ends when a limit cut it short, so that nobody takes a part for the whole.
    pub truncated: Truncated,
}

/// Whether a result was cut short; shared between the source that cuts and the reader that asks, which may
/// only trust it once the stream has ended.
#[derive(Debug, Clone, Default)]
pub struct Truncated(Arc<AtomicBool>);

impl Truncated {
    /// There were more rows than the limits let through.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether rows are missing.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Rows {
    /// Rows that are already here.
    pub fn from_batches(schema: SchemaRef, batches: Vec<RecordBatch>) -> Rows {
        Rows {
            schema,
            batches: Box::pin(futures::stream::iter(batches.into_iter().map(Ok))),
            truncated: Truncated::default(),
        }
    }

    /// All batches, for results known to be small (tests, catalogs).
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>> {
        let mut all = Vec::new();
        while let Some(batch) = self.batches.next().await {
            all.push(batch?);
        }
        Ok(all)
    }
}

/// A column as the API names it: its name and a plain type word.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ColumnInfo {
    pub name: String,
    /// `integer`, `decimal`, `float`, `text`, `boolean`, `date`, `time`, `timestamp`, `interval`, `binary`,
    /// `json`, `uuid`, `array` or `other`.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// Columns of a schema. A field may carry its plain type word in the metadata key [`TYPE_KEY`]; sources use
/// that where Arrow has no type of its own (json, uuid, and numerics that travel as text).
pub fn columns(schema: &arrow::datatypes::Schema) -> Vec<ColumnInfo> {
    schema
        .fields()
        .iter()
        .map(|field| ColumnInfo {
            name: field.name().clone(),
            type_name: field
                .metadata()
                .get(TYPE_KEY)
                .cloned()
                .unwrap_or_else(|| type_word(field.data_type()).to_owned()),
        })
        .collect()
}

/// Metadata key of an Arrow field that names the column's plain type (see [`columns`]).
pub const TYPE_KEY: &str = "custard.type";

/// The plain word for an Arrow type.
pub fn type_word(data_type: &arrow::datatypes::DataType) -> &'static str {
    use arrow::datatypes::DataType as T;
    match data_type {
        T::Boolean => "boolean",
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => "integer",
        T::Float16 | T::Float32 | T::Float64 => "float",
        T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..) => "decimal",
        T::Utf8 | T::LargeUtf8 | T::Utf8View => "text",
        T::Date32 | T::Date64 => "date",
        T::Time32(_) | T::Time64(_) => "time",
        T::Timestamp(..) => "timestamp",
        T::Duration(_) | T::Interval(_) => "interval",
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => "binary",
        T::List(_) | T::LargeList(_) | T::FixedSizeList(..) | T::ListView(_) | T::LargeListView(_) => "array",
        T::Struct(_) | T::Map(..) => "json",
        T::Dictionary(_, value) => type_word(value),
        _ => "other",
    }
}
