//! Which format a file has: by its content first, by its name where the content leaves it open. Pictures and
//! documents called `.csv` get a sentence that says what they are.

use std::path::Path;

use super::Format;
use super::csv::dialect::Complete;
use super::encoding;
use crate::error::{Error, Result};

/// What other files begin with.
const FOREIGN: [(&[u8], &str); 18] = [
    (b"%PDF", "a PDF document"),
    (b"\xFF\xD8\xFF", "a JPEG picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x1F\x8B", "a gzip archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xFD7zXZ", "an xz archive; unpack it first"),
    (b"7z\xBC\xAF", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"\x28\xB5\x2F\xFD", "a Zstandard archive; unpack it first"),
    (b"\x7FELF", "a program"),
    (b"MZ\x90", "a program"),
    (
        b"SQLite format 3",
        "a SQLite database; export its tables as CSV first",
    ),
    (b"{\\rtf", "an RTF document"),
    (
        b"\xD0\xCF\x11\xE0",
        "an old Excel or Word file (.xls, .doc); save it as .xlsx or CSV first",
    ),
    (b"OggS", "an audio file"),
    (b"ID3", "an audio file"),
    (b"Obj\x01", "an Avro file; export it as Parquet or CSV first"),
];

fn ending(name: &str) -> String {
    name.rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase())
        .unwrap_or_default()
}

/// The format of a file called `name`. Errors: `Invalid` naming what the file is instead.
pub fn format(path: &Path, name: &str) -> Result<Format> {
    let (bytes, complete) = encoding::beginning(path, 0, 64 * 1024)?;
    of_bytes(&bytes, complete, name)
}

/// See [`format`].
pub fn of_bytes(bytes: &[u8], complete: Complete, name: &str) -> Result<Format> {
    let refuse = |what: &str| {
        Err(Error::Invalid(format!(
            "This file is {what}; upload CSV, TSV, JSON, NDJSON, Parquet, Arrow or XLSX."
        )))
    };
    let ending = ending(name);
    if bytes.is_empty() {
        return Err(Error::Invalid(
            "The file is empty; there is nothing to import.".into(),
        ));
    }
    if bytes.starts_with(b"PAR1") {
        return Ok(Format::Parquet);
    }
    if bytes.starts_with(b"ARROW1") || bytes.starts_with(b"\xFF\xFF\xFF\xFF") {
        return Ok(Format::Arrow);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        let holds = |part: &[u8]| memchr::memmem::find(bytes, part).is_some();
        return match ending.as_str() {
            "xlsx" | "xlsm" => Ok(Format::Xlsx),
            "docx" | "pptx" | "odt" | "odp" => refuse("an office document without a table"),
            "ods" => refuse("an OpenDocument spreadsheet; save it as .xlsx or CSV first"),
            _ if holds(b"xl/") => Ok(Format::Xlsx),
            _ => refuse("a ZIP archive; unpack it first"),
        };
    }
    for (magic, what) in FOREIGN {
        if bytes.starts_with(magic) {
            return refuse(what);
        }
    }
    // Its name promises a format that is known by its first bytes, and these are others: read as text it
    // would become a table of rubbish.
    let promised = match ending.as_str() {
        "parquet" => Some("a Parquet file"),
        "arrow" | "feather" => Some("an Arrow file"),
        "xlsx" | "xlsm" => Some("an Excel workbook"),
        _ => None,
    };
    if let Some(promised) = promised {
        return Err(Error::Invalid(format!(
            "This file is named as {promised} but is none; it may be damaged. Write it again, or give it the ending of \
             what it is."
        )));
    }
    let encoding = encoding::of_bytes(bytes);
    let is_utf16 = matches!(
        encoding,
        encoding::Encoding::Utf16Le | encoding::Encoding::Utf16Be
    );
    if !is_utf16 {
        let zeros = memchr::memchr_iter(0, bytes).count();
        let controls = bytes
            .iter()
            .filter(|byte| **byte < 32 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1A | 0x1B))
            .count();
        if zeros > 0 || controls * 50 > bytes.len() {
            return refuse("not text and not a format that is understood");
        }
    }
    let start = text_start(bytes);
    if start.starts_with(b"<")
        && (contains_ignore_case(start, b"<html") || contains_ignore_case(start, b"<!doctype"))
    {
        return refuse("a web page (HTML)");
    }
    if start.starts_with(b"<?xml") {
        return refuse("an XML document");
    }
    match (start.first(), ending.as_str()) {
        (_, "ndjson" | "jsonl") => Ok(Format::Ndjson),
        (Some(b'{' | b'['), _) if !is_utf16 && looks_like_json(start, complete) => {
            Ok(if start[0] == b'{' && is_lines(start) {
                Format::Ndjson
            } else {
                Format::Json
            })
        }
        (_, "json" | "geojson") => Ok(Format::Json),
        (_, "tsv" | "tab") => Ok(Format::Tsv),
        _ => Ok(Format::Csv),
    }
}

fn text_start(bytes: &[u8]) -> &[u8] {
    bytes
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(bytes)
        .trim_ascii_start()
}

fn contains_ignore_case(text: &[u8], word: &[u8]) -> bool {
    text[..text.len().min(2048)]
        .windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}

/// Whether text that begins with a bracket is JSON and not a CSV whose first cell is `[1]`.
fn looks_like_json(start: &[u8], complete: Complete) -> bool {
    let after = start[1..].trim_ascii_start();
    match start[0] {
        b'{' => {
            matches!(after.first(), Some(b'"' | b'}'))
                || (after.is_empty() && complete == Complete::Beginning)
        }
        _ => match after.first() {
            Some(b'{' | b'[' | b']' | b'"') => true,
            // `[1, 2]` is JSON, `[1],x` is not.
            _ => serde_json::from_slice::<serde::de::IgnoredAny>(start).is_ok(),
        },
    }
}

/// Whether the first line is a whole JSON object and another follows.
fn is_lines(start: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\n', start) else {
        return false;
    };
    let next = start[end..].trim_ascii_start();
    next.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(&start[..end]).is_ok()
}
