//! How a delimited text file is written: delimiter, quote, escapes, where the rows begin. Found out from its
//! beginning; what the beginning cannot show (a backslash before a quote far below) is checked over the whole
//! file by `examine`.

use super::record::{Field, Records};

/// How quotes inside quoted fields are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// `""`
    Doubled,
    /// `\"` (and `""`)
    Backslash,
}

/// How a delimited text file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    pub delimiter: u8,
    /// None: quotes are ordinary characters.
    pub quote: Option<u8>,
    pub escape: Escape,
    /// Ends a record; `\r` before `\n` is dropped.
    pub terminator: u8,
    /// Blanks after a delimiter are no part of the field (`a, "b"`).
    pub loose: bool,
}

impl Dialect {
    /// What our own intermediate files use.
    pub const PLAIN: Dialect = Dialect {
        delimiter: b',',
        quote: Some(b'"'),
        escape: Escape::Doubled,
        terminator: b'\n',
        loose: false,
    };

    /// As it stands in the report.
    pub fn delimiter_name(&self) -> String {
        match self.delimiter {
            b'\t' => "tab".to_owned(),
            other => char::from(other).to_string(),
        }
    }
}

/// Records of the beginning that a candidate dialect is judged by.
const SAMPLE_RECORDS: usize = 400;

/// Finds the dialect that makes the beginning of the file most regular. `complete`: the sample is the whole
/// file. `hint`: the delimiter the file's name suggests.
pub fn sniff(sample: &[u8], complete: Complete, hint: Option<u8>) -> Dialect {
    let terminator = if memchr::memchr(b'\n', sample).is_none() && memchr::memchr(b'\r', sample).is_some() {
        b'\r'
    } else {
        b'\n'
    };
    // Without its last, perhaps cut, record.
    let sample = match complete {
        Complete::Whole => sample,
        Complete::Beginning => match memchr::memrchr(terminator, sample) {
            Some(end) => &sample[..=end],
            None => sample,
        },
    };
    let mut best: Option<(f64, Dialect)> = None;
    for delimiter in [b',', b';', b'\t', b'|'] {
        for quote in [b'"', b'\''] {
            let mut dialect = Dialect {
                delimiter,
                quote: Some(quote),
                escape: Escape::Doubled,
                terminator,
                loose: false,
            };
            if quote == b'\'' && !quotes_fields(sample, &dialect) {
                continue;
            }
            dialect.loose = is_loose(sample, &dialect);
            for escape in escapes(sample, &dialect) {
                dialect.escape = *escape;
                let mut score = regularity(sample, &dialect);
                if Some(delimiter) == hint {
                    score *= 1.2;
                }
                if best.as_ref().is_none_or(|(known, _)| score > *known * 1.001) {
                    best = Some((score, dialect));
                }
            }
        }
    }
    match best {
        Some((_, dialect)) => dialect,
        None => Dialect {
            terminator,
            ..Dialect::PLAIN
        },
    }
}

/// Whether a sample is the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Complete {
    Whole,
    Beginning,
}

/// Whether fields begin and end with this quote often enough to mean it.
fn quotes_fields(sample: &[u8], dialect: &Dialect) -> bool {
    let Some(quote) = dialect.quote else { return false };
    let mut opened = 0;
    let mut closed = 0;
    for at in memchr::memchr_iter(quote, sample) {
        let before = at.checked_sub(1).map(|index| sample[index]);
        let after = sample.get(at + 1).copied();
        if before.is_none_or(|byte| byte == dialect.delimiter || byte == b'\n' || byte == b'\r') {
            opened += 1;
        }
        if after.is_none_or(|byte| byte == dialect.delimiter || byte == b'\n' || byte == b'\r') {
            closed += 1;
        }
    }
    opened >= 2 && closed * 10 >= opened * 9 && opened * 10 >= closed * 9
}

/// The ways quotes may be escaped here. Backslashes are thinkable where some `\"` is followed by what could not
/// follow a closing quote; which reading is right shows in the regularity of the records.
fn escapes(sample: &[u8], dialect: &Dialect) -> &'static [Escape] {
    let Some(quote) = dialect.quote else {
        return &[Escape::Doubled];
    };
    let ends_field = |byte: Option<&u8>| {
        byte.is_none_or(|byte| *byte == dialect.delimiter || *byte == b'\n' || *byte == b'\r')
    };
    let thinkable = memchr::memmem::find_iter(sample, &[b'\\', quote]).any(|at| {
        let after = sample.get(at + 2);
        if after == Some(&quote) {
            ends_field(sample.get(at + 3))
        } else {
            !ends_field(after)
        }
    });
    if thinkable {
        &[Escape::Doubled, Escape::Backslash]
    } else {
        &[Escape::Doubled]
    }
}

/// Whether quotes follow delimiter and blank: `a, "b, c"`.
fn is_loose(sample: &[u8], dialect: &Dialect) -> bool {
    let Some(quote) = dialect.quote else { return false };
    memchr::memmem::find(sample, &[dialect.delimiter, b' ', quote]).is_some()
}

/// How regular the sample is under a dialect: more columns, fewer odd and torn records score higher; 0 is
/// nothing.
fn regularity(sample: &[u8], dialect: &Dialect) -> f64 {
    let mut torn = 0;
    let counts = counts(sample, dialect, &mut torn);
    if counts.is_empty() {
        return 0.0;
    }
    let usual = usual_count(&counts);
    if usual < 2 {
        return 0.0;
    }
    let records = counts.len() as f64;
    let agreeing = counts.iter().filter(|count| **count == usual).count() as f64 / records;
    let whole = 1.0 - torn as f64 / records;
    agreeing * agreeing * whole * (1.0 + (usual as f64).ln()) * (records / (records + 0.5))
}

/// Fields of each of the first records, blank lines left out.
pub fn field_counts(sample: &[u8], dialect: &Dialect) -> Vec<usize> {
    counts(sample, dialect, &mut 0)
}

fn counts(sample: &[u8], dialect: &Dialect, torn: &mut usize) -> Vec<usize> {
    let mut records = Records::new(sample, 1, dialect);
    let mut fields: Vec<Field> = Vec::new();
    let mut counts = Vec::new();
    while counts.len() < SAMPLE_RECORDS
        && let Some(record) = records.next_into(&mut fields)
    {
        *torn += usize::from(record.torn);
        counts.push(fields.len());
    }
    counts
}

/// The most frequent field count (of two equally frequent, the larger).
pub fn usual_count(counts: &[usize]) -> usize {
    let mut tally = std::collections::BTreeMap::new();
    for count in counts {
        *tally.entry(*count).or_insert(0_usize) += 1;
    }
    tally
        .into_iter()
        .max_by_key(|(count, times)| (*times, *count))
        .map_or(1, |(count, _)| count)
}
