//! Splits text into records and records into fields. Never fails: whatever stands there comes out somewhere,
//! and what is irregular is said.

use std::borrow::Cow;

use super::dialect::{Dialect, Escape};

/// One field: where its content lies in the text it was cut from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    start: u32,
    end: u32,
    form: Form,
}

/// How a field stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Quoted,
    /// Quoted, with escaped quotes inside.
    Escaped,
}

impl Field {
    /// The field's content, unescaped.
    pub fn value<'a>(&self, text: &'a [u8], dialect: &Dialect) -> Cow<'a, [u8]> {
        let raw = &text[self.start as usize..self.end as usize];
        match self.form {
            Form::Plain | Form::Quoted => Cow::Borrowed(raw),
            Form::Escaped => Cow::Owned(unescape(raw, dialect)),
        }
    }

    /// Whether it stood in quotes.
    pub fn is_quoted(&self) -> bool {
        self.form != Form::Plain
    }

    /// Whether nothing stood there.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

fn unescape(raw: &[u8], dialect: &Dialect) -> Vec<u8> {
    let quote = dialect.quote.unwrap_or(b'"');
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        let next = raw.get(at + 1).copied();
        let escaped = match raw[at] {
            b'\\' if dialect.escape == Escape::Backslash => next == Some(quote) || next == Some(b'\\'),
            byte if byte == quote => next == Some(quote),
            _ => false,
        };
        if escaped {
            at += 1;
        }
        out.push(raw[at]);
        at += 1;
    }
    out
}

/// What [`Records::next_into`] says about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Line it begins on, counted from 1.
    pub line: u64,
    /// Where it lies in the text, without its terminator.
    pub start: usize,
    pub end: usize,
    /// Something stood between a closing quote and the next delimiter.
    pub torn: bool,
}

/// Goes through the records of a text that begins at a record.
#[derive(Debug)]
pub struct Records<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
    dialect: Dialect,
    ends: Ends,
}

/// Where fields may end: the delimiters and terminators of one block of text, found together. Fields are short,
/// and a branch that is guessed wrongly at the end of each costs more than reading it.
#[derive(Debug)]
struct Ends {
    delimiter: u64,
    terminator: u64,
    /// Where the block begins; a block begins at a multiple of its length.
    block: usize,
    /// A bit for each byte of the block.
    mask: u64,
}

/// Bytes of a block of [`Ends`].
const BLOCK: usize = u64::BITS as usize;

impl Ends {
    fn new(dialect: &Dialect) -> Ends {
        let everywhere = |byte: u8| u64::from_ne_bytes([byte; 8]);
        Ends {
            delimiter: everywhere(dialect.delimiter),
            terminator: everywhere(dialect.terminator),
            block: usize::MAX,
            mask: 0,
        }
    }

    /// The next place at or after `at` where a field ends; the text's length if none does.
    fn next(&mut self, text: &[u8], mut at: usize) -> usize {
        while at < text.len() {
            let block = at - at % BLOCK;
            if block != self.block {
                self.block = block;
                self.mask = self.find(&text[block..text.len().min(block + BLOCK)]);
            }
            let ahead = self.mask >> (at - block);
            if ahead != 0 {
                return at + ahead.trailing_zeros() as usize;
            }
            at = block + BLOCK;
        }
        text.len()
    }

    fn find(&self, bytes: &[u8]) -> u64 {
        if let Ok(block) = <&[u8; BLOCK]>::try_from(bytes) {
            return self.find_in(block);
        }
        // The end of the text. Zeros may be found beyond it, too, if somebody separates by them.
        let mut block = [0; BLOCK];
        block[..bytes.len()].copy_from_slice(bytes);
        self.find_in(&block) & !(u64::MAX << bytes.len())
    }

    fn find_in(&self, block: &[u8; BLOCK]) -> u64 {
        let (words, _) = block.as_chunks::<8>();
        let mut mask = 0;
        for (at, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let found = zero_bytes(word ^ self.delimiter) | zero_bytes(word ^ self.terminator);
            // Gathers the top bits of the eight bytes into one.
            mask |= ((found >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * at);
        }
        mask
    }
}

/// The top bit of every byte that is zero, and no other bit.
fn zero_bytes(word: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    !(((word & LOW) + LOW) | word | LOW)
}

impl<'a> Records<'a> {
    /// `line`: the line the text begins on.
    pub fn new(text: &'a [u8], line: u64, dialect: &Dialect) -> Records<'a> {
        Records {
            text,
            at: 0,
            line,
            dialect: *dialect,
            ends: Ends::new(dialect),
        }
    }

    /// The next record's fields; blank lines are passed over. None at the end.
    pub fn next_into(&mut self, fields: &mut Vec<Field>) -> Option<Record> {
        loop {
            if self.at >= self.text.len() {
                return None;
            }
            let start = self.at;
            let line = self.line;
            fields.clear();
            let (end, torn) = self.record(fields);
            let blank =
                fields.len() == 1 && !fields[0].is_quoted() && self.text[start..end].trim_ascii().is_empty();
            if !blank {
                return Some(Record {
                    line,
                    start,
                    end,
                    torn,
                });
            }
        }
    }

    /// Cuts one record; returns where it ends and whether a field was torn.
    fn record(&mut self, fields: &mut Vec<Field>) -> (usize, bool) {
        let text = self.text;
        let dialect = self.dialect;
        let (delimiter, terminator) = (dialect.delimiter, dialect.terminator);
        let mut at = self.at;
        let mut torn = false;
        loop {
            if dialect.loose {
                while text.get(at) == Some(&b' ') {
                    at += 1;
                }
            }
            let start = at;
            let mut form = Form::Plain;
            let mut inner = (start, start);
            if let Some(quote) = dialect.quote
                && text.get(at) == Some(&quote)
            {
                let (close, escaped) = closing_quote(text, at + 1, quote, dialect.escape);
                inner = (start + 1, close.min(text.len()));
                self.line += count_lines(&text[inner.0..inner.1], terminator);
                at = (close + 1).min(text.len());
                let mut after = at;
                while text.get(after) == Some(&b' ') {
                    after += 1;
                }
                let next = text.get(after).copied();
                let ends = match next {
                    None => true,
                    Some(byte) => {
                        byte == delimiter
                            || byte == terminator
                            || (byte == b'\r' && text.get(after + 1).is_none_or(|byte| *byte == terminator))
                    }
                };
                if ends {
                    form = if escaped { Form::Escaped } else { Form::Quoted };
                    at = after;
                } else {
                    torn = true;
                }
            }
            // To the delimiter or the end of the record; after a closing quote that is right here.
            at = self.ends.next(text, at);
            let mut end = at;
            let at_delimiter = text.get(at) == Some(&delimiter);
            if !at_delimiter && terminator == b'\n' && end > start && text[end - 1] == b'\r' {
                end -= 1;
            }
            let (from, to) = if form == Form::Plain {
                (start, end.max(start))
            } else {
                inner
            };
            fields.push(Field {
                start: from as u32,
                end: to as u32,
                form,
            });
            if at_delimiter {
                at += 1;
                continue;
            }
            self.at = at + 1;
            self.line += 1;
            return (end, torn);
        }
    }
}

/// How many terminators stand in a text.
pub fn count_lines(text: &[u8], terminator: u8) -> u64 {
    memchr::memchr_iter(terminator, text).count() as u64
}

/// Where the quote that closes a field stands (the text's length if nowhere), and whether quotes inside were
/// escaped. `at`: after the opening quote.
pub fn closing_quote(text: &[u8], mut at: usize, quote: u8, escape: Escape) -> (usize, bool) {
    let mut escaped = false;
    loop {
        let found = match escape {
            Escape::Doubled => memchr::memchr(quote, &text[at.min(text.len())..]),
            Escape::Backslash => memchr::memchr2(quote, b'\\', &text[at.min(text.len())..]),
        };
        let Some(offset) = found else {
            return (text.len(), escaped);
        };
        let place = at + offset;
        if text[place] == b'\\' && quote != b'\\' && escape == Escape::Backslash {
            let next = text.get(place + 1).copied();
            escaped |= next == Some(quote) || next == Some(b'\\');
            at = place + 2;
        } else if text.get(place + 1) == Some(&quote) {
            escaped = true;
            at = place + 2;
        } else {
            return (place, escaped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, dialect: &Dialect) -> Vec<Vec<String>> {
        let mut records = Records::new(text.as_bytes(), 1, dialect);
        let mut fields = Vec::new();
        let mut all = Vec::new();
        while records.next_into(&mut fields).is_some() {
            all.push(
                fields
                    .iter()
                    .map(|field| String::from_utf8_lossy(&field.value(text.as_bytes(), dialect)).into_owned())
                    .collect(),
            );
        }
        all
    }

    #[test]
    fn cuts_fields_as_people_write_them() {
        let backslash = Dialect {
            escape: Escape::Backslash,
            ..Dialect::PLAIN
        };
        let loose = Dialect {
            loose: true,
            ..Dialect::PLAIN
        };
        assert_eq!(rows("a,b\r\nc,d", &Dialect::PLAIN), [["a", "b"], ["c", "d"]]);
        assert_eq!(
            rows("\"a,\"\"x\"\"\nb\",c\n", &Dialect::PLAIN),
            [["a,\"x\"\nb", "c"]]
        );
        assert_eq!(rows("\"a\\\"x\",\"\\\\\"\n", &backslash), [["a\"x", "\\"]]);
        assert_eq!(rows("a, \"b, c\" ,d\n", &loose), [["a", "b, c", "d"]]);
        assert_eq!(
            rows("5\" pipe,x\n\n  \ny,\n", &Dialect::PLAIN),
            [["5\" pipe", "x"], ["y", ""]]
        );
        assert_eq!(rows("\"a\"b,c\n", &Dialect::PLAIN), [["\"a\"b", "c"]]);
        assert_eq!(rows("\"\"\n\"\"\n", &Dialect::PLAIN), [[""], [""]]);
    }

    #[test]
    fn fields_end_where_they_end_wherever_a_block_does() {
        // Every length around a block, fields of every length.
        for length in 0..3 * BLOCK {
            let text: Vec<u8> = (0..length)
                .map(|at| match at * at % 11 {
                    3 => b',',
                    5 if at % 7 == 0 => b'\n',
                    _ => 0x2b + (at % 3) as u8 + 0x80 * u8::from(at % 5 == 0),
                })
                .collect();
            let mut ends = Ends::new(&Dialect::PLAIN);
            for from in 0..=length {
                let expected = (from..length).find(|at| matches!(text[*at], b',' | b'\n'));
                assert_eq!(
                    ends.next(&text, from),
                    expected.unwrap_or(length),
                    "{length} {from}"
                );
            }
            let mut zeros = Ends::new(&Dialect {
                delimiter: 0,
                ..Dialect::PLAIN
            });
            assert_eq!(zeros.next(b"abc", 0), 3);
        }
    }

    #[test]
    fn lines_count_through_quoted_breaks() {
        let text = b"a\n\"x\ny\nz\",1\n\nlast,2";
        let mut records = Records::new(text, 1, &Dialect::PLAIN);
        let mut fields = Vec::new();
        let mut lines = Vec::new();
        while let Some(record) = records.next_into(&mut fields) {
            lines.push(record.line);
        }
        assert_eq!(lines, [1, 2, 6]);
    }
}
