//! JSON out: one array, an object per row and line. Values by the rules of `json`; of two columns with one
//! name the second becomes `name_2`.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::export::unique_names;
use super::json::values;
use crate::error::{Error, Result};

/// Rows turned to text at a time.
const CHUNK: usize = 1024;

pub(super) struct JsonFile<W> {
    sink: W,
    /// The names as JSON strings.
    names: Vec<String>,
    rows: u64,
}

impl<W: Write> JsonFile<W> {
    pub(super) fn new(schema: &SchemaRef, mut sink: W) -> Result<JsonFile<W>> {
        sink.write_all(b"[")?;
        let names = unique_names(schema)
            .into_iter()
            .map(|name| serde_json::Value::String(name).to_string())
            .collect();
        Ok(JsonFile { sink, names, rows: 0 })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut text = Vec::new();
        for start in (0..batch.num_rows()).step_by(CHUNK) {
            text.clear();
            for row in values(batch, start..start + CHUNK)? {
                text.extend_from_slice(if self.rows == 0 { b"\n{" } else { b",\n{" });
                self.rows += 1;
                for (at, (name, value)) in self.names.iter().zip(&row).enumerate() {
                    if at > 0 {
                        text.push(b',');
                    }
                    text.extend_from_slice(name.as_bytes());
                    text.push(b':');
                    serde_json::to_writer(&mut text, value).map_err(Error::internal)?;
                }
                text.push(b'}');
            }
            self.sink.write_all(&text)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W> {
        self.sink.write_all(b"\n]\n")?;
        self.sink.flush()?;
        Ok(self.sink)
    }
}
