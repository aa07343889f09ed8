//! Rows as Arrow batches. A column of SQLite may hold values of any type in any row, so the first batch
//! decides what a column is: one type where all values are of it, text where they are mixed. A value further
//! down that does not fit ends the query with a sentence, because it could only be bent.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use rusqlite::types::ValueRef;
use rusqlite::{Row, Statement};

use crate::error::{Error, Result, SourceFault};
use crate::rows::TYPE_KEY;

/// The largest integer that a float keeps exactly.
const SAFE_INTEGER: u64 = 1 << 53;

/// What a column is from the first batch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Integer,
    Float,
    Text,
    Binary,
}

/// One value; texts and blobs lie in their column's bytes, up to this end.
#[derive(Debug, Clone, Copy)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(usize),
    Blob(usize),
}

/// The values of one column that wait for their batch.
struct Column {
    name: String,
    /// As the table declares it, in capitals; empty for an expression.
    declared: String,
    shape: Option<Shape>,
    cells: Vec<Cell>,
    bytes: Vec<u8>,
}

/// Rows on their way into a batch.
pub(super) struct Batch {
    columns: Vec<Column>,
    schema: SchemaRef,
    bytes: usize,
}

impl Batch {
    pub fn new(statement: &Statement<'_>) -> Batch {
        let columns = statement
            .columns()
            .iter()
            .map(|column| Column {
                name: column.name().to_owned(),
                declared: column.decl_type().unwrap_or_default().to_ascii_uppercase(),
                shape: None,
                cells: Vec::new(),
                bytes: Vec::new(),
            })
            .collect();
        Batch {
            columns,
            schema: Arc::new(Schema::empty()),
            bytes: 0,
        }
    }

    /// Rows that wait.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }

    /// Their bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a row; its bytes. Errors: `Source` of kind `Type` for a value that does not fit its column.
    pub fn push(&mut self, row: &Row<'_>) -> Result<usize> {
        let mut size = 0;
        for (at, column) in self.columns.iter_mut().enumerate() {
            let value = row.get_ref(at).map_err(Error::internal)?;
            size += column.push(value)?;
        }
        self.bytes += size;
        Ok(size)
    }

    /// Decides what the columns are, by the rows that wait.
    pub fn settle(&mut self) -> SchemaRef {
        let fields: Vec<Field> = self.columns.iter_mut().map(Column::settle).collect();
        self.schema = Arc::new(Schema::new(fields));
        self.schema.clone()
    }

    /// The rows that wait, as a batch of the schema that was settled.
    pub fn take(&mut self) -> Result<RecordBatch> {
        self.bytes = 0;
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(Column::take).collect();
        Ok(RecordBatch::try_new(self.schema.clone(), arrays)?)
    }
}

impl Column {
    fn push(&mut self, value: ValueRef<'_>) -> Result<usize> {
        let (cell, size) = match value {
            ValueRef::Null => (Cell::Null, 1),
            ValueRef::Integer(value) => (Cell::Integer(value), 8),
            ValueRef::Real(value) => (Cell::Real(value), 8),
            ValueRef::Text(text) => {
                self.bytes.extend_from_slice(text);
                let end = self.bytes.len();
                // What is no Unicode is shown as the bytes it is.
                match std::str::from_utf8(text) {
                    Ok(_) => (Cell::Text(end), text.len() + 4),
                    Err(_) => (Cell::Blob(end), text.len() + 4),
                }
            }
            ValueRef::Blob(bytes) => {
                self.bytes.extend_from_slice(bytes);
                (Cell::Blob(self.bytes.len()), bytes.len() + 4)
            }
        };
        if let Some(shape) = self.shape
            && !fits(cell, shape)
        {
            let name = &self.name;
            return Err(Error::source(
                SourceFault::Type,
                format!(
                    "The column \"{name}\" holds values of several types, which showed only after many rows; \
                     write CAST(… AS TEXT) for it."
                ),
            ));
        }
        self.cells.push(cell);
        Ok(size)
    }

    fn settle(&mut self) -> Field {
        let shape = self.shape_of_cells();
        self.shape = Some(shape);
        let (data_type, word) = match shape {
            Shape::Integer => (DataType::Int64, None),
            Shape::Float => (DataType::Float64, None),
            Shape::Binary => (DataType::Binary, None),
            Shape::Text => (DataType::Utf8, self.word_of_texts()),
        };
        let field = Field::new(&self.name, data_type, true);
        match word {
            Some(word) => field.with_metadata([(TYPE_KEY.to_owned(), word.to_owned())].into()),
            None => field,
        }
    }

    fn shape_of_cells(&self) -> Shape {
        let has = |test: fn(&Cell) -> bool| self.cells.iter().any(test);
        let integers = has(|cell| matches!(cell, Cell::Integer(_)));
        let reals = has(|cell| matches!(cell, Cell::Real(_)));
        let texts = has(|cell| matches!(cell, Cell::Text(_)));
        let blobs = has(|cell| matches!(cell, Cell::Blob(_)));
        let fit_floats = self.cells.iter().all(|cell| fits(*cell, Shape::Float));
        let declares = |words: &[&str]| words.iter().any(|word| self.declared.contains(word));
        // A price of whole numbers at first may have cents later.
        let has_fractions = !declares(&["INT"]) && declares(&["REAL", "FLOA", "DOUB", "DEC", "NUM"]);
        match (integers, reals, texts, blobs) {
            (true, false, false, false) if has_fractions && fit_floats => Shape::Float,
            (true, false, false, false) => Shape::Integer,
            (_, true, false, false) if fit_floats => Shape::Float,
            (false, false, false, true) => Shape::Binary,
            (false, false, false, false) if declares(&["INT"]) => Shape::Integer,
            (false, false, false, false) if has_fractions => Shape::Float,
            (false, false, false, false) if declares(&["BLOB"]) => Shape::Binary,
            _ => Shape::Text,
        }
    }

    /// What the texts are, where all say the same: `json` by declaration, dates by their form.
    fn word_of_texts(&self) -> Option<&'static str> {
        if self.declared == "JSON" {
            return Some("json");
        }
        let mut start = 0;
        let mut word = None;
        for cell in &self.cells {
            let (Cell::Text(end) | Cell::Blob(end)) = *cell else {
                if matches!(cell, Cell::Null) {
                    continue;
                }
                return None;
            };
            let text = self
                .bytes
                .get(start..end)
                .and_then(|bytes| std::str::from_utf8(bytes).ok())?;
            start = end;
            let this = match super::catalog::moment_of(text)? {
                super::catalog::Moment::Date => "date",
                super::catalog::Moment::Timestamp | super::catalog::Moment::TimestampTz => "timestamp",
            };
            if word.is_some_and(|word| word != this) {
                return None;
            }
            word = Some(this);
        }
        word
    }

    fn take(&mut self) -> ArrayRef {
        let cells = std::mem::take(&mut self.cells);
        let bytes = std::mem::take(&mut self.bytes);
        let mut start = 0;
        let mut next = |end: usize| {
            let part = bytes.get(start..end).unwrap_or_default();
            start = end;
            part
        };
        match self.shape.unwrap_or(Shape::Text) {
            Shape::Integer => {
                let mut array = Int64Builder::with_capacity(cells.len());
                cells.iter().for_each(|cell| match cell {
                    Cell::Integer(value) => array.append_value(*value),
                    _ => array.append_null(),
                });
                Arc::new(array.finish())
            }
            Shape::Float => {
                let mut array = Float64Builder::with_capacity(cells.len());
                cells.iter().for_each(|cell| match cell {
                    Cell::Integer(value) => array.append_value(*value as f64),
                    Cell::Real(value) => array.append_value(*value),
                    _ => array.append_null(),
                });
                Arc::new(array.finish())
            }
            Shape::Binary => {
                let mut array = BinaryBuilder::with_capacity(cells.len(), bytes.len());
                cells.iter().for_each(|cell| match cell {
                    Cell::Blob(end) => array.append_value(next(*end)),
                    _ => array.append_null(),
                });
                Arc::new(array.finish())
            }
            Shape::Text => {
                let mut array = StringBuilder::with_capacity(cells.len(), bytes.len());
                cells.iter().for_each(|cell| match cell {
                    Cell::Null => array.append_null(),
                    Cell::Integer(value) => array.append_value(value.to_string()),
                    Cell::Real(value) => array.append_value(real(*value)),
                    Cell::Text(end) => array.append_value(String::from_utf8_lossy(next(*end))),
                    Cell::Blob(end) => array.append_value(hex(next(*end))),
                });
                Arc::new(array.finish())
            }
        }
    }
}

fn fits(cell: Cell, shape: Shape) -> bool {
    match (cell, shape) {
        (Cell::Null, _) | (_, Shape::Text) => true,
        (Cell::Integer(_), Shape::Integer) | (Cell::Real(_), Shape::Float) => true,
        (Cell::Integer(value), Shape::Float) => value.unsigned_abs() <= SAFE_INTEGER,
        (Cell::Blob(_), Shape::Binary) => true,
        _ => false,
    }
}

/// A number as text, so that it reads back as the same number.
fn real(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    format!("{value:?}")
}

/// Bytes as SQLite writes them in a query: `X'00FF'`.
fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("X'{digits}'")
}
