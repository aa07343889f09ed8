//! Documents into Arrow columns that were decided before.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use mongodb::bson::{RawBsonRef, RawDocument};

use super::columns::{Columns, DATES, Form, is_safe};
use super::{fault, value};
use crate::error::{Error, Result, SourceFault};
use crate::guard::mongo::json;

/// Collects documents into one record batch.
pub(super) struct Batch<'c> {
    columns: &'c Columns,
    builders: Vec<Builder>,
    /// Per column, the rows that have a value so far.
    filled: Vec<usize>,
    rows: usize,
    scratch: String,
}

enum Builder {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Date(TimestampMicrosecondBuilder),
    Bytes(BinaryBuilder),
    Text(StringBuilder),
}

impl<'c> Batch<'c> {
    pub fn new(columns: &'c Columns) -> Batch<'c> {
        let builders = columns
            .all
            .iter()
            .map(|(_, form)| match form {
                Form::Bool => Builder::Bool(BooleanBuilder::new()),
                Form::Int => Builder::Int(Int64Builder::new()),
                Form::Float => Builder::Float(Float64Builder::new()),
                Form::Date => Builder::Date(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
                Form::Bytes => Builder::Bytes(BinaryBuilder::new()),
                _ => Builder::Text(StringBuilder::new()),
            })
            .collect();
        Batch {
            columns,
            builders,
            filled: vec![0; columns.all.len()],
            rows: 0,
            scratch: String::new(),
        }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a document. `number` is its place in the result, for messages. Errors: `Source` of kind `Type`
    /// when a value does not fit its column.
    pub fn push(&mut self, document: &RawDocument, number: u64) -> Result<()> {
        self.rows += 1;
        let mut others = String::new();
        for (guess, element) in document.iter().enumerate() {
            let (name, value) = element.map_err(|_| fault::broken())?;
            match self.columns.place(name.as_str(), guess) {
                // A name that stands twice in a document: the first one counts, as in MongoDB.
                Some(at) if self.filled[at] == self.rows => {}
                Some(at) => self.put(at, &value, number)?,
                None if self.columns.others.is_some() => {
                    others.push(if others.is_empty() { '{' } else { ',' });
                    others.push_str(&json::quoted(name.as_str()));
                    others.push(':');
                    value::json_text(&value, &mut others);
                }
                // Only the null `_id` of a group over everything has no column.
                None => {}
            }
        }
        if let (Some(at), false) = (self.columns.others, others.is_empty()) {
            others.push('}');
            if let Builder::Text(builder) = &mut self.builders[at] {
                builder.append_value(&others);
                self.filled[at] = self.rows;
            }
        }
        for (at, filled) in self.filled.iter_mut().enumerate() {
            if *filled != self.rows {
                self.builders[at].append_null();
                *filled = self.rows;
            }
        }
        Ok(())
    }

    fn put(&mut self, at: usize, value: &RawBsonRef<'_>, number: u64) -> Result<()> {
        if matches!(value, RawBsonRef::Null | RawBsonRef::Undefined) {
            return Ok(());
        }
        let (name, form) = &self.columns.all[at];
        self.scratch.clear();
        if !self.builders[at].append(*form, value, &mut self.scratch) {
            return Err(Error::source(
                SourceFault::Type,
                format!(
                    "The field \"{name}\" holds {} at first, but something else in document {number} of the result; \
                     make it one type, for example with {{\"$toString\": \"${name}\"}} in a $project.",
                    form.words()
                ),
            ));
        }
        self.filled[at] = self.rows;
        Ok(())
    }

    pub fn finish(self) -> Result<RecordBatch> {
        let arrays: Vec<ArrayRef> = self.builders.into_iter().map(Builder::finish).collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(self.rows));
        Ok(RecordBatch::try_new_with_options(
            self.columns.schema(),
            arrays,
            &options,
        )?)
    }
}

impl Builder {
    fn append_null(&mut self) {
        match self {
            Builder::Bool(builder) => builder.append_null(),
            Builder::Int(builder) => builder.append_null(),
            Builder::Float(builder) => builder.append_null(),
            Builder::Date(builder) => builder.append_null(),
            Builder::Bytes(builder) => builder.append_null(),
            Builder::Text(builder) => builder.append_null(),
        }
    }

    /// Appends the value, unless it does not fit without loss.
    fn append(&mut self, form: Form, value: &RawBsonRef<'_>, scratch: &mut String) -> bool {
        match (self, value) {
            (Builder::Bool(builder), RawBsonRef::Boolean(yes)) => builder.append_value(*yes),
            (Builder::Int(builder), value) => match whole(value) {
                Some(number) => builder.append_value(number),
                None => return false,
            },
            (Builder::Float(builder), RawBsonRef::Double(number)) => builder.append_value(*number),
            (Builder::Float(builder), RawBsonRef::Int32(number)) => {
                builder.append_value(f64::from(*number));
            }
            (Builder::Float(builder), RawBsonRef::Int64(number)) if is_safe(*number) => {
                builder.append_value(*number as f64);
            }
            (Builder::Date(builder), RawBsonRef::DateTime(moment))
                if DATES.contains(&moment.timestamp_millis()) =>
            {
                builder.append_value(moment.timestamp_millis() * 1000);
            }
            (Builder::Bytes(builder), RawBsonRef::Binary(binary)) => builder.append_value(binary.bytes),
            (Builder::Text(builder), value) => {
                if !fits(form, value) {
                    return false;
                }
                match (form, value) {
                    (Form::Text, RawBsonRef::String(text)) => builder.append_value(text),
                    (Form::Json, value) => {
                        value::json_text(value, scratch);
                        builder.append_value(&scratch);
                    }
                    (_, value) => {
                        value::plain(value, scratch);
                        builder.append_value(&scratch);
                    }
                }
            }
            _ => return false,
        }
        true
    }

    fn finish(self) -> ArrayRef {
        match self {
            Builder::Bool(mut builder) => Arc::new(builder.finish()),
            Builder::Int(mut builder) => Arc::new(builder.finish()),
            Builder::Float(mut builder) => Arc::new(builder.finish()),
            Builder::Date(mut builder) => Arc::new(builder.finish()),
            Builder::Bytes(mut builder) => Arc::new(builder.finish()),
            Builder::Text(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// Whether a column that travels as text may hold this value.
fn fits(form: Form, value: &RawBsonRef<'_>) -> bool {
    match (form, value) {
        (Form::Json, _)
        | (Form::Text, RawBsonRef::String(_))
        | (
            Form::Decimal,
            RawBsonRef::Decimal128(_) | RawBsonRef::Double(_) | RawBsonRef::Int32(_) | RawBsonRef::Int64(_),
        )
        | (Form::FarDate, RawBsonRef::DateTime(_))
        | (Form::ObjectId, RawBsonRef::ObjectId(_)) => true,
        (Form::Uuid, RawBsonRef::Binary(binary)) => value::uuid(binary.subtype, binary.bytes).is_some(),
        (Form::Special, value) => !matches!(
            value,
            RawBsonRef::Document(_) | RawBsonRef::Array(_) | RawBsonRef::String(_)
        ),
        _ => false,
    }
}

/// A number without a fraction, of whatever type.
fn whole(value: &RawBsonRef<'_>) -> Option<i64> {
    match value {
        RawBsonRef::Int32(number) => Some(i64::from(*number)),
        RawBsonRef::Int64(number) => Some(*number),
        RawBsonRef::Double(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => {
            Some(*number as i64)
        }
        _ => None,
    }
}
