//! Counts how the values of one column are written. Chunks of a file are counted apart and merged, so that
//! all cores can work on one file.

use super::date::{self, Layout as DateLayout};
use super::number::{self, Around, Layout as NumberLayout};

/// How one value is written, as far as typing cares. Order matters only as index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Integer,
    Padded,
    Long,
    Point,
    PointOrGroup,
    Comma,
    CommaOrGroup,
    GroupComma,
    GroupPoint,
    GroupSpace,
    GroupSpacePoint,
    GroupSpaceComma,
    Exponent,
    Truth,
    /// Yes or no, y or n: typed only when the user says so.
    YesNo,
    DateYearFirst,
    DateSlashes,
    DateDashes,
    DatePoints,
    DateNamed,
    /// `14:05:09`, `2:05 PM`.
    Time,
    /// `14:05`: hours and minutes, or minutes and seconds.
    ShortTime,
    Text,
}

/// Number of [`Look`]s.
pub const LOOKS: usize = Look::Text as usize + 1;

/// Values kept as examples of each look.
const EXAMPLES: usize = 5;

/// After this many words in one chunk the column is text whatever else it holds; only empties are counted.
const CLEARLY_TEXT: u64 = 256;

/// A value and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    pub look: Look,
    pub line: u64,
    pub text: String,
}

/// How the values of one column (of one chunk, or of the whole file) are written.
#[derive(Debug, Clone)]
pub struct Shapes {
    /// Empty cells.
    pub empty: u64,
    /// Words for "nothing", such as NA, and how often.
    pub tokens: Vec<(String, u64)>,
    pub looks: [u64; LOOKS],
    /// Counted no further: the column holds plain words.
    pub clearly_text: bool,
    /// Values after that.
    pub unexamined: u64,
    pub examples: Vec<Example>,
    pub numbers: Numbers,
    pub dates: Dates,
    /// Short times with an hour of 13 or more, and with an unpadded hour.
    pub afternoons: u64,
    pub unpadded_times: u64,
}

/// More about the numbers of a column.
#[derive(Debug, Clone, Default)]
pub struct Numbers {
    pub percent: u64,
    /// Each currency and how often.
    pub currencies: Vec<([u8; 4], u64)>,
    /// Most digits before the decimal separator.
    pub whole: u32,
    /// Most digits after it, not counting what may be thousands.
    pub scale: u32,
}

/// More about the dates of a column.
#[derive(Debug, Clone, Default)]
pub struct Dates {
    pub with_clock: u64,
    pub with_zone: u64,
    pub short_years: u64,
    pub first_over_12: u64,
    pub second_over_12: u64,
    pub first_is_one: u64,
    pub second_is_one: u64,
    pub first_seen: u32,
    pub second_seen: u32,
    pub unpadded: u64,
}

impl Default for Shapes {
    fn default() -> Shapes {
        Shapes {
            empty: 0,
            tokens: Vec::new(),
            looks: [0; LOOKS],
            clearly_text: false,
            unexamined: 0,
            examples: Vec::new(),
            numbers: Numbers::default(),
            dates: Dates::default(),
            afternoons: 0,
            unpadded_times: 0,
        }
    }
}

/// Whether a whole (trimmed) value is a word for "nothing". In columns of text these words are kept: "NA" may
/// be Namibia and "None" an answer.
pub fn is_null_token(text: &[u8]) -> bool {
    // Nearly every value is told by its first byte.
    let begins = matches!(
        text.first(),
        Some(b'n' | b'N' | b'#' | b'(' | b'-' | b'.' | b'?' | b'\\' | b'<' | b'\xe2')
    );
    if text.len() > 8 || !begins {
        return false;
    }
    let mut lower = [0_u8; 8];
    for (slot, byte) in lower.iter_mut().zip(text) {
        *slot = byte.to_ascii_lowercase();
    }
    matches!(
        &lower[..text.len()],
        b"na"
            | b"n/a"
            | b"#n/a"
            | b"n.a."
            | b"null"
            | b"(null)"
            | b"none"
            | b"nil"
            | b"nan"
            | b"-"
            | b"--"
            | b"---"
            | b"."
            | b".."
            | b"..."
            | b"?"
            | b"\\n"
            | b"<na>"
            | b"\xe2\x80\x94"
            | b"\xe2\x80\x93"
            | b"\xe2\x88\x92"
    )
}

/// Whether a whole value means "nothing" even among words: what databases write into their dumps.
pub fn is_null_in_text(text: &[u8]) -> bool {
    matches!(text, b"\\N" | b"NULL")
}

/// Reads true or false, in any case.
pub fn read_truth(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if text.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}

/// Reads yes or no and their like; `1` and `0` too.
pub fn read_yes_no(text: &[u8]) -> Option<bool> {
    let is = |words: &[&str]| {
        words
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
    };
    if is(&["yes", "y", "t", "1", "on"]) {
        Some(true)
    } else if is(&["no", "n", "f", "0", "off"]) {
        Some(false)
    } else {
        None
    }
}

impl Shapes {
    /// Counts one value as it stood in the file.
    pub fn add(&mut self, raw: &[u8], line: u64) {
        if raw.is_empty() {
            self.empty += 1;
            return;
        }
        if self.clearly_text {
            self.unexamined += 1;
            return;
        }
        let text = raw.trim_ascii();
        if text.is_empty() {
            self.empty += 1;
            return;
        }
        if is_null_token(text) {
            self.add_token(text);
            return;
        }
        let look = self.look(text);
        let index = look as usize;
        self.looks[index] += 1;
        if self.looks[index] <= EXAMPLES as u64 {
            self.examples.push(Example {
                look,
                line,
                text: shorten(&String::from_utf8_lossy(raw)),
            });
        }
        if look == Look::Text && self.looks[index] >= CLEARLY_TEXT {
            let others: u64 = self.looks.iter().sum::<u64>() - self.looks[index];
            self.clearly_text = others < self.looks[index];
        }
    }

    fn add_token(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        match self.tokens.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += 1,
            None => self.tokens.push((text.into_owned(), 1)),
        }
    }

    fn look(&mut self, text: &[u8]) -> Look {
        // The commonest case first: a short run of digits.
        if text.len() <= 18 && text.iter().all(u8::is_ascii_digit) {
            if text[0] == b'0' && text.len() > 1 {
                return Look::Padded;
            }
            self.numbers.whole = self.numbers.whole.max(text.len() as u32);
            return Look::Integer;
        }
        if !text.iter().any(u8::is_ascii_digit) {
            return match text.len() {
                4 | 5 if read_truth(text).is_some() => Look::Truth,
                1..=3 if read_yes_no(text).is_some() => Look::YesNo,
                _ => Look::Text,
            };
        }
        if text.len() > 60 {
            return Look::Text;
        }
        if let Some(shape) = number::shape(text) {
            return self.add_number(shape);
        }
        let first = text[0];
        if (first.is_ascii_digit() || (first.is_ascii_alphabetic() && date::begins_with_name(text)))
            && let Some(written) = date::read(text)
        {
            return self.add_date(written);
        }
        if let Some(clock) = date::read_time(text) {
            if clock.seconds || clock.half_day {
                return Look::Time;
            }
            if clock.micros >= 13 * 3_600_000_000 {
                self.afternoons += 1;
            }
            if !clock.padded {
                self.unpadded_times += 1;
            }
            return Look::ShortTime;
        }
        Look::Text
    }

    fn add_number(&mut self, shape: number::Shape) -> Look {
        match shape.around {
            Around::Nothing => {}
            Around::Percent => self.numbers.percent += 1,
            Around::Currency(symbol) => {
                match self
                    .numbers
                    .currencies
                    .iter_mut()
                    .find(|(known, _)| *known == symbol)
                {
                    Some((_, count)) => *count += 1,
                    None => self.numbers.currencies.push((symbol, 1)),
                }
            }
        }
        let look = match shape.layout {
            NumberLayout::Integer => Look::Integer,
            NumberLayout::Padded => Look::Padded,
            NumberLayout::Long => Look::Long,
            NumberLayout::Point => Look::Point,
            NumberLayout::PointOrGroup => Look::PointOrGroup,
            NumberLayout::Comma => Look::Comma,
            NumberLayout::CommaOrGroup => Look::CommaOrGroup,
            NumberLayout::GroupComma => Look::GroupComma,
            NumberLayout::GroupPoint => Look::GroupPoint,
            NumberLayout::GroupSpace => Look::GroupSpace,
            NumberLayout::GroupSpacePoint => Look::GroupSpacePoint,
            NumberLayout::GroupSpaceComma => Look::GroupSpaceComma,
            NumberLayout::Exponent => Look::Exponent,
        };
        self.numbers.whole = self.numbers.whole.max(shape.whole);
        // What may be thousands says nothing about decimals; `decide` counts its three digits where it reads
        // them as decimals.
        if !matches!(look, Look::PointOrGroup | Look::CommaOrGroup) {
            self.numbers.scale = self.numbers.scale.max(shape.scale);
        }
        look
    }

    fn add_date(&mut self, written: date::Written) -> Look {
        let dates = &mut self.dates;
        dates.with_clock += u64::from(written.clock.is_some());
        dates.with_zone += u64::from(written.zone.is_some());
        dates.short_years += u64::from(written.short_year);
        let look = match written.layout {
            DateLayout::YearFirst => return Look::DateYearFirst,
            DateLayout::Named => return Look::DateNamed,
            DateLayout::Slashes => Look::DateSlashes,
            DateLayout::Dashes => Look::DateDashes,
            DateLayout::Points => Look::DatePoints,
        };
        dates.unpadded += u64::from(written.unpadded);
        dates.first_over_12 += u64::from(written.first > 12);
        dates.second_over_12 += u64::from(written.second > 12);
        dates.first_is_one += u64::from(written.first == 1);
        dates.second_is_one += u64::from(written.second == 1);
        dates.first_seen |= 1 << written.first.min(31);
        dates.second_seen |= 1 << written.second.min(31);
        look
    }

    /// Adds the counts of a later part of the file.
    pub fn merge(&mut self, other: Shapes) {
        self.empty += other.empty;
        for (token, count) in other.tokens {
            match self.tokens.iter_mut().find(|(known, _)| *known == token) {
                Some((_, known)) => *known += count,
                None => self.tokens.push((token, count)),
            }
        }
        for example in other.examples {
            let kept = self
                .examples
                .iter()
                .filter(|known| known.look == example.look)
                .count();
            if kept < EXAMPLES {
                self.examples.push(example);
            }
        }
        for (mine, theirs) in self.looks.iter_mut().zip(other.looks) {
            *mine += theirs;
        }
        self.clearly_text |= other.clearly_text;
        self.unexamined += other.unexamined;
        self.afternoons += other.afternoons;
        self.unpadded_times += other.unpadded_times;
        let numbers = &mut self.numbers;
        numbers.percent += other.numbers.percent;
        for (symbol, count) in other.numbers.currencies {
            match numbers.currencies.iter_mut().find(|(known, _)| *known == symbol) {
                Some((_, known)) => *known += count,
                None => numbers.currencies.push((symbol, count)),
            }
        }
        numbers.whole = numbers.whole.max(other.numbers.whole);
        numbers.scale = numbers.scale.max(other.numbers.scale);
        let (dates, theirs) = (&mut self.dates, other.dates);
        dates.with_clock += theirs.with_clock;
        dates.with_zone += theirs.with_zone;
        dates.short_years += theirs.short_years;
        dates.first_over_12 += theirs.first_over_12;
        dates.second_over_12 += theirs.second_over_12;
        dates.first_is_one += theirs.first_is_one;
        dates.second_is_one += theirs.second_is_one;
        dates.first_seen |= theirs.first_seen;
        dates.second_seen |= theirs.second_seen;
        dates.unpadded += theirs.unpadded;
    }

    /// How many values look so.
    pub fn count(&self, look: Look) -> u64 {
        self.looks[look as usize]
    }

    /// How many values look like one of these.
    pub fn count_of(&self, looks: &[Look]) -> u64 {
        looks.iter().map(|look| self.count(*look)).sum()
    }

    /// Values that are neither empty nor a word for "nothing".
    pub fn values(&self) -> u64 {
        self.looks.iter().sum::<u64>() + self.unexamined
    }

    /// Words for "nothing".
    pub fn token_count(&self) -> u64 {
        self.tokens.iter().map(|(_, count)| count).sum()
    }
}

/// At most 200 characters, for reports.
pub fn shorten(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
