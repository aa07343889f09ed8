//! Writes the plain delimited text that JSON and XLSX are turned into, so that all of them are typed by the
//! same code: each record led by the line (or row) of the original it came from.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::Result;

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Empty,
    /// A number, truth value or date: read as it stands.
    Bare(String),
    /// Words: never taken for a database's NULL.
    Quoted(String),
}

/// The text being written.
#[derive(Debug)]
pub struct PlainText {
    to: BufWriter<File>,
    buffer: Vec<u8>,
    pub rows: u64,
}

impl PlainText {
    pub fn create(path: &Path) -> Result<PlainText> {
        Ok(PlainText {
            to: BufWriter::with_capacity(1024 * 1024, File::create(path)?),
            buffer: Vec::new(),
            rows: 0,
        })
    }

    /// Adds a record; missing cells at its end are empty.
    pub fn row<'c>(&mut self, line: u64, cells: impl IntoIterator<Item = &'c Cell>) -> Result<()> {
        self.buffer.clear();
        self.buffer.extend_from_slice(line.to_string().as_bytes());
        for cell in cells {
            self.buffer.push(b',');
            match cell {
                Cell::Empty => {}
                Cell::Bare(text) if !text.contains([',', '"', '\n', '\r']) => {
                    self.buffer.extend_from_slice(text.as_bytes());
                }
                Cell::Bare(text) | Cell::Quoted(text) => {
                    self.buffer.push(b'"');
                    for byte in text.bytes() {
                        if byte == b'"' {
                            self.buffer.push(b'"');
                        }
                        self.buffer.push(byte);
                    }
                    self.buffer.push(b'"');
                }
            }
        }
        self.buffer.push(b'\n');
        self.to.write_all(&self.buffer)?;
        self.rows += 1;
        Ok(())
    }

    pub fn finish(mut self) -> Result<()> {
        self.to.flush()?;
        Ok(())
    }
}
