//! JSON and NDJSON: an array of objects, an object that holds one such array, or one object a line. Cut into
//! records without holding the file, then typed like delimited text. Numbers keep every digit.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Format;
use super::encoding::{self, Encoding};
use super::plain::{Cell, PlainText};
use crate::error::{Error, Result};

/// A record longer than this is no row of a table.
const MAX_RECORD: usize = 64 * 1024 * 1024;

/// Objects inside objects become columns of their own down to here; below they stay JSON.
const DEEPEST: usize = 3;

/// Columns at most.
const MOST_COLUMNS: usize = 5_000;

/// A file turned into plain text.
#[derive(Debug)]
pub struct Converted {
    pub text: PathBuf,
    pub columns: Vec<String>,
    pub encoding: Encoding,
}

/// Turns the file into plain text in the folder `work`.
pub fn convert(original: &Path, format: Format, work: &Path) -> Result<Converted> {
    let mut encoding = encoding::sniff(original)?;
    let mut path = original.to_owned();
    if matches!(encoding, Encoding::Utf16Le | Encoding::Utf16Be) {
        path = work.join("json");
        encoding::convert(original, encoding, &path)?;
    } else if encoding == Encoding::Utf8 && !is_utf8(original)? {
        encoding = encoding::without_utf8(original)?;
        path = work.join("json");
        encoding::convert(original, encoding, &path)?;
    }
    let text = work.join("plain");
    let mut table = Table {
        text: PlainText::create(&text)?,
        columns: Vec::new(),
        places: HashMap::new(),
        row: Vec::new(),
    };
    let mut cutter = Cutter {
        from: BufReader::with_capacity(1024 * 1024, File::open(&path)?),
        line: 1,
        column: 1,
    };
    cutter.skip_mark()?;
    match format {
        Format::Ndjson => cutter.lines(&mut table)?,
        _ => cutter.document(&mut table)?,
    }
    if table.text.rows == 0 {
        return Err(Error::Invalid(
            "The file holds no records; there is nothing to import.".into(),
        ));
    }
    let columns = table.columns;
    table.text.finish()?;
    if columns.is_empty() {
        return Err(Error::Invalid(
            "The records of this file have no fields; there is nothing to import.".into(),
        ));
    }
    Ok(Converted {
        text,
        columns,
        encoding,
    })
}

fn is_utf8(path: &Path) -> Result<bool> {
    let mut from = BufReader::with_capacity(1024 * 1024, File::open(path)?);
    let mut rest: Vec<u8> = Vec::new();
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(rest.is_empty());
        }
        let length = buffer.len();
        rest.extend_from_slice(buffer);
        from.consume(length);
        match std::str::from_utf8(&rest) {
            Ok(_) => rest.clear(),
            Err(error) if error.error_len().is_none() => {
                rest.drain(..error.valid_up_to());
            }
            Err(_) => return Ok(false),
        }
    }
}

/// The rows being written and the columns seen so far.
struct Table {
    text: PlainText,
    columns: Vec<String>,
    places: HashMap<String, usize>,
    row: Vec<Cell>,
}

impl Table {
    fn set(&mut self, name: String, cell: Cell) -> Result<()> {
        let place = match self.places.get(&name) {
            Some(place) => *place,
            None => {
                let place = self.columns.len();
                if place == MOST_COLUMNS {
                    return Err(Error::Invalid(format!(
                        "The records have more than {MOST_COLUMNS} different fields; this does not look like one table."
                    )));
                }
                self.columns.push(name.clone());
                self.places.insert(name, place);
                place
            }
        };
        if self.row.len() <= place {
            self.row.resize(place + 1, Cell::Empty);
        }
        self.row[place] = cell;
        Ok(())
    }

    /// Adds one record; `line` and `column` are where it begins.
    fn record(&mut self, json: &[u8], line: u64, column: u64) -> Result<()> {
        self.row.clear();
        let value: &RawValue = serde_json::from_slice(json).map_err(|error| {
            // Lines and columns of the record, moved to where it stands in the file.
            let inner = error.line() as u64;
            let column = if inner <= 1 {
                column + error.column() as u64 - 1
            } else {
                error.column() as u64
            };
            broken(line + inner.max(1) - 1, column, &words(&error))
        })?;
        self.value("", value, 0)?;
        let row = std::mem::take(&mut self.row);
        self.text.row(line, &row)?;
        self.row = row;
        Ok(())
    }

    fn value(&mut self, name: &str, value: &RawValue, depth: usize) -> Result<()> {
        let text = value.get().trim();
        match text.as_bytes().first() {
            Some(b'{') if depth < DEEPEST => {
                let fields: Fields<'_> = serde_json::from_str(text).map_err(Error::internal)?;
                for (key, value) in fields.0 {
                    let name = if name.is_empty() {
                        key
                    } else {
                        format!("{name}_{key}")
                    };
                    self.value(&name, value, depth + 1)?;
                }
                Ok(())
            }
            Some(b'[') if depth == 0 => {
                let items: Items<'_> = serde_json::from_str(text).map_err(Error::internal)?;
                for (index, value) in items.0.into_iter().enumerate() {
                    self.value(&format!("column_{}", index + 1), value, DEEPEST)?;
                }
                Ok(())
            }
            first => {
                let name = if name.is_empty() { "value" } else { name };
                let cell = match first {
                    Some(b'"') => Cell::Quoted(serde_json::from_str(text).map_err(Error::internal)?),
                    Some(b'n') => Cell::Empty,
                    Some(b'{' | b'[') => Cell::Quoted(text.to_owned()),
                    _ => Cell::Bare(text.to_owned()),
                };
                self.set(name.to_owned(), cell)
            }
        }
    }
}

/// An object's fields in their order.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Fields<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(Read)
    }
}

/// An array's items.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de> serde::Deserialize<'de> for Items<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        from.deserialize_seq(Read)
    }
}

/// serde's words without the place it names, which counts within one record.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn broken(line: u64, column: u64, what: &str) -> Error {
    Error::Invalid(format!(
        "The JSON is broken on line {line}, column {column}: {what}. Mend it there and upload the file again."
    ))
}

/// Cuts values out of a stream of JSON, knowing lines and columns. What is inside a value is judged by serde.
struct Cutter {
    from: BufReader<File>,
    /// Of the next byte, counted from 1.
    line: u64,
    column: u64,
}

impl Cutter {
    fn skip_mark(&mut self) -> Result<()> {
        if self.from.fill_buf()?.starts_with(b"\xEF\xBB\xBF") {
            self.from.consume(3);
        }
        Ok(())
    }

    fn peek(&mut self) -> Result<Option<u8>> {
        Ok(self.from.fill_buf()?.first().copied())
    }

    fn step(&mut self) -> Result<Option<u8>> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.from.consume(1);
            self.count(byte);
        }
        Ok(byte)
    }

    fn count(&mut self, byte: u8) {
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
    }

    /// The next byte that is no blank, not taken.
    fn next_sign(&mut self) -> Result<Option<u8>> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.step()?;
        }
        Ok(None)
    }

    fn error<T>(&self, what: &str) -> Result<T> {
        Err(broken(self.line, self.column, what))
    }

    /// One object a line (or just one after another).
    fn lines(&mut self, table: &mut Table) -> Result<()> {
        let mut value = Vec::new();
        while self.next_sign()?.is_some() {
            let (line, column) = (self.line, self.column);
            self.value(&mut value)?;
            table.record(&value, line, column)?;
        }
        Ok(())
    }

    /// One document: an array, or an object.
    fn document(&mut self, table: &mut Table) -> Result<()> {
        match self.next_sign()? {
            Some(b'[') => self.array(table)?,
            Some(b'{') => self.object(table)?,
            Some(_) => return self.error("an array or an object was expected"),
            None => return self.error("the file holds nothing"),
        }
        match self.next_sign()? {
            None => Ok(()),
            // Objects one after another without an array around them.
            Some(b'{') if table.text.rows == 1 => self.lines(table),
            Some(_) => self.error("something follows the end of the document"),
        }
    }

    fn array(&mut self, table: &mut Table) -> Result<()> {
        let (line, column) = (self.line, self.column);
        self.step()?;
        let mut value = Vec::new();
        if self.next_sign()? == Some(b']') {
            self.step()?;
            return Ok(());
        }
        loop {
            if self.next_sign()?.is_none() {
                return Err(broken(line, column, "the array that begins here is never closed"));
            }
            let (line, column) = (self.line, self.column);
            self.value(&mut value)?;
            table.record(&value, line, column)?;
            match self.next_sign()? {
                Some(b',') => self.step()?,
                Some(b']') => {
                    self.step()?;
                    return Ok(());
                }
                Some(_) => return self.error("a comma or the end of the array was expected"),
                None => {
                    return Err(broken(
                        line,
                        column,
                        "the file ends within the array, after the record that begins here",
                    ));
                }
            };
        }
    }

    /// An object: the one array of objects in it is the table; without one, the object is the only record.
    fn object(&mut self, table: &mut Table) -> Result<()> {
        let (line, column) = (self.line, self.column);
        self.step()?;
        let mut whole: Vec<u8> = vec![b'{'];
        let mut from: Option<String> = None;
        let mut value = Vec::new();
        if self.next_sign()? == Some(b'}') {
            self.step()?;
            return table.record(b"{}", line, column);
        }
        loop {
            if self.next_sign()? != Some(b'"') {
                return self.error("a field's name in quotes was expected");
            }
            value.clear();
            let (key_line, key_column) = (self.line, self.column);
            self.value(&mut value)?;
            let key: String = serde_json::from_slice(&value)
                .map_err(|error| broken(key_line, key_column, &words(&error)))?;
            if self.next_sign()? != Some(b':') {
                return self.error("a colon was expected");
            }
            self.step()?;
            if self.next_sign()? == Some(b'[') && self.holds_objects()? {
                if let Some(first) = from {
                    return Err(Error::Invalid(format!(
                        "This JSON holds more than one table (“{first}” and “{key}”); save each array as a file of its own."
                    )));
                }
                from = Some(key);
                self.array(table)?;
            } else {
                let field = std::mem::take(&mut value);
                self.value(&mut value)?;
                if from.is_none() && whole.len() < MAX_RECORD {
                    if whole.len() > 1 {
                        whole.push(b',');
                    }
                    whole.extend_from_slice(&field);
                    whole.push(b':');
                    whole.extend_from_slice(&value);
                }
            }
            match self.next_sign()? {
                Some(b',') => self.step()?,
                Some(b'}') => {
                    self.step()?;
                    break;
                }
                Some(_) => return self.error("a comma or the end of the object was expected"),
                None => {
                    return Err(broken(
                        line,
                        column,
                        "the object that begins here is never closed",
                    ));
                }
            };
        }
        if from.is_none() {
            whole.push(b'}');
            table.record(&whole, line, column)?;
        }
        Ok(())
    }

    /// Whether the array that begins here has objects (or nothing) in it. Looks ahead within the buffer.
    fn holds_objects(&mut self) -> Result<bool> {
        let buffer = self.from.fill_buf()?;
        let inside = buffer.get(1..).unwrap_or_default();
        Ok(inside
            .iter()
            .find(|byte| !byte.is_ascii_whitespace())
            .is_some_and(|byte| *byte == b'{'))
    }

    /// Takes one value, from its first byte to its last.
    fn value(&mut self, into: &mut Vec<u8>) -> Result<()> {
        into.clear();
        let (line, column) = (self.line, self.column);
        let mut depth = 0_usize;
        let mut in_text = false;
        let mut escaped = false;
        loop {
            let Some(byte) = self.peek()? else {
                if depth == 0 && !in_text && !into.is_empty() {
                    return Ok(());
                }
                return Err(broken(
                    line,
                    column,
                    "the file ends within the value that begins here",
                ));
            };
            if in_text {
                if escaped {
                    escaped = false;
                } else if byte == b'\\' {
                    escaped = true;
                } else if byte == b'"' {
                    in_text = false;
                }
            } else {
                match byte {
                    b'"' => in_text = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' if depth == 0 => {
                        return if into.is_empty() {
                            self.error("a value was expected")
                        } else {
                            Ok(())
                        };
                    }
                    b'}' | b']' => depth -= 1,
                    b',' | b':' if depth == 0 => {
                        return if into.is_empty() {
                            self.error("a value was expected")
                        } else {
                            Ok(())
                        };
                    }
                    byte if byte.is_ascii_whitespace() && depth == 0 => return Ok(()),
                    _ => {}
                }
            }
            into.push(byte);
            if into.len() > MAX_RECORD {
                return Err(broken(
                    line,
                    column,
                    "the value that begins here is too long to be a row of a table",
                ));
            }
            self.from.consume(1);
            self.count(byte);
            let closed = depth == 0 && !in_text && matches!(byte, b'}' | b']' | b'"');
            if closed {
                return Ok(());
            }
        }
    }
}
