//! DataFusion's batches in plain Arrow types: no views, no dictionaries, so that the schema of a result does
//! not depend on how the engine happened to compute it.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use crate::error::Result;

/// The plain type for one of DataFusion's.
fn data_type(found: &DataType) -> DataType {
    match found {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, value) => data_type(value),
        DataType::RunEndEncoded(_, value) => data_type(value.data_type()),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => DataType::List(field(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(field(item), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        other => other.clone(),
    }
}

fn field(found: &FieldRef) -> FieldRef {
    Arc::new(Field::new(
        found.name(),
        data_type(found.data_type()),
        found.is_nullable(),
    ))
}

/// The plain schema.
pub fn schema(found: &SchemaRef) -> SchemaRef {
    Arc::new(Schema::new(found.fields().iter().map(field).collect::<Vec<_>>()))
}

/// A batch under the plain schema.
pub fn batch(found: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = found
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                Ok(column.clone())
            } else {
                Ok(arrow::compute::cast(column, field.data_type())?)
            }
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(found.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        schema.clone(),
        columns,
        &options,
    )?)
}
