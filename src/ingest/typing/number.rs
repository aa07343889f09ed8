//! Reads one number as people write it: thousands separators, decimal commas, percent signs, currencies,
//! accounting brackets. [`shape`] says how it is written, [`read`] gives its value under a settled style.

use serde::{Deserialize, Serialize};

/// What separates thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grouping {
    None,
    Comma,
    Point,
    /// Blank, no-break space, thin space or apostrophe.
    Space,
}

/// How the numbers of one column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Style {
    /// `.` or `,`.
    pub decimal: u8,
    pub grouping: Grouping,
    /// Percent signs or currencies stand around the digits.
    pub decorated: bool,
}

#[cfg(test)]
impl Style {
    /// `1234.5`.
    const PLAIN: Style = Style {
        decimal: b'.',
        grouping: Grouping::None,
        decorated: false,
    };
}

/// How the digits of one number are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `1234`, at most 18 digits.
    Integer,
    /// `007`, `+49`: an identifier, not a quantity.
    Padded,
    /// More than 18 digits.
    Long,
    /// `1234.5`.
    Point,
    /// `1.234`: a point for decimals or for thousands.
    PointOrGroup,
    /// `1234,5`.
    Comma,
    /// `1,234`: a comma for decimals or for thousands.
    CommaOrGroup,
    /// `1,234,567` or `1,234.5`.
    GroupComma,
    /// `1.234.567` or `1.234,5`.
    GroupPoint,
    /// `1 234`.
    GroupSpace,
    /// `1 234.5`.
    GroupSpacePoint,
    /// `1 234,5`.
    GroupSpaceComma,
    /// `1.5e-3`.
    Exponent,
}

/// What stands around the digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Around {
    Nothing,
    Percent,
    /// The bytes of the symbol or code, zero-padded.
    Currency([u8; 4]),
}

/// One number as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub layout: Layout,
    pub around: Around,
    /// Digits before the decimal separator.
    pub whole: u32,
    /// Digits after it.
    pub scale: u32,
}

/// Currency symbols and what may come before one (`US$`); all compared byte for byte.
const SYMBOLS: [&str; 26] = [
    "US$", "A$", "C$", "R$", "CA$", "AU$", "NZ$", "HK$", "S$", "$", "€", "£", "¥", "₹", "₽", "₩", "₺", "₪",
    "₫", "₱", "₦", "₴", "฿", "zł", "Kč", "kr",
];

/// ISO 4217 codes of the currencies people keep books in.
const CODES: [&str; 40] = [
    "USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "CNY", "INR", "BRL", "MXN", "SEK", "NOK", "DKK",
    "PLN", "CZK", "HUF", "RON", "BGN", "TRY", "ZAR", "KRW", "SGD", "HKD", "TWD", "THB", "IDR", "MYR", "PHP",
    "VND", "RUB", "UAH", "ILS", "AED", "SAR", "EGP", "NGN", "ARS", "CLP",
];

fn currency_at_start(text: &[u8]) -> Option<usize> {
    SYMBOLS
        .iter()
        .chain(CODES.iter())
        .find(|known| text.starts_with(known.as_bytes()))
        .map(|known| known.len())
}

fn currency_at_end(text: &[u8]) -> Option<usize> {
    SYMBOLS
        .iter()
        .chain(CODES.iter())
        .find(|known| text.ends_with(known.as_bytes()))
        .map(|known| known.len())
}

fn trim(text: &[u8]) -> &[u8] {
    let mut text = text.trim_ascii();
    while let Some(rest) = text.strip_prefix("\u{a0}".as_bytes()) {
        text = rest.trim_ascii_start();
    }
    while let Some(rest) = text.strip_suffix("\u{a0}".as_bytes()) {
        text = rest.trim_ascii_end();
    }
    text
}

fn key(symbol: &[u8]) -> [u8; 4] {
    let mut key = [0; 4];
    for (slot, byte) in key.iter_mut().zip(symbol) {
        *slot = *byte;
    }
    key
}

/// Takes away sign, brackets, percent and currency: what is left begins and ends with a digit or a
/// separator.
fn strip(text: &[u8]) -> Option<(bool, Around, &[u8])> {
    let mut text = trim(text);
    let mut negative = false;
    let mut around = Around::Nothing;
    if let Some(inner) = text.strip_prefix(b"(").and_then(|inner| inner.strip_suffix(b")")) {
        negative = true;
        text = trim(inner);
    }
    if !negative
        && let Some(rest) = text
            .strip_prefix(b"-")
            .or_else(|| text.strip_prefix("\u{2212}".as_bytes()))
    {
        negative = true;
        text = trim(rest);
    }
    // No currency begins with a digit.
    if !text.first()?.is_ascii_digit()
        && let Some(length) = currency_at_start(text)
    {
        around = Around::Currency(key(&text[..length]));
        text = trim(&text[length..]);
        if !negative && text.first() == Some(&b'-') {
            negative = true;
            text = trim(&text[1..]);
        }
    } else if text.last() == Some(&b'%') {
        around = Around::Percent;
        text = trim(&text[..text.len() - 1]);
    } else if !text.last()?.is_ascii_digit()
        && let Some(length) = currency_at_end(text)
    {
        around = Around::Currency(key(&text[text.len() - length..]));
        text = trim(&text[..text.len() - length]);
    }
    (!text.is_empty()).then_some((negative, around, text))
}

/// The length of a blank used between thousands at `at`, if there is one.
fn blank_at(text: &[u8], at: usize) -> Option<usize> {
    match text[at] {
        b' ' | b'\'' => Some(1),
        byte if byte.is_ascii() => None,
        _ if text[at..].starts_with("\u{a0}".as_bytes()) => Some(2),
        _ if text[at..].starts_with("\u{202f}".as_bytes())
            || text[at..].starts_with("\u{2009}".as_bytes())
            || text[at..].starts_with("\u{2019}".as_bytes()) =>
        {
            Some(3)
        }
        _ => None,
    }
}

/// How a whole field is written as a number; none if it is anything else.
pub fn shape(text: &[u8]) -> Option<Shape> {
    if text.len() > 60 {
        return None;
    }
    plain_shape(text).or_else(|| any_shape(text))
}

/// As [`shape`] for `12`, `-12.5` and their like, the commonest; none for everything that has to be looked at
/// closely.
fn plain_shape(text: &[u8]) -> Option<Shape> {
    let body = text.strip_prefix(b"-").unwrap_or(text);
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(body);
    let padded = whole > 1 && body[0] == b'0';
    let scale = match body[whole..].split_first() {
        None => 0,
        Some((b'.', rest)) if !rest.is_empty() && digits(rest) == rest.len() && !padded => rest.len(),
        Some(_) => return None,
    };
    let layout = match (whole, scale) {
        (0, _) => return None,
        (_, 0) if padded => Layout::Padded,
        (19.., 0) => Layout::Long,
        (_, 0) => Layout::Integer,
        (1..=3, 3) if body[0] != b'0' => Layout::PointOrGroup,
        _ => Layout::Point,
    };
    Some(Shape {
        layout,
        around: Around::Nothing,
        whole: whole as u32,
        scale: scale as u32,
    })
}

fn any_shape(text: &[u8]) -> Option<Shape> {
    let (_, around, body) = strip(text)?;
    if body[0] == b'+' {
        let padded = body.len() > 1 && body[1..].iter().all(u8::is_ascii_digit);
        return padded.then_some(Shape {
            layout: Layout::Padded,
            around,
            whole: body.len() as u32,
            scale: 0,
        });
    }
    // Groups of digits between separators, as lengths; what the separators are.
    let mut commas = 0;
    let mut points = 0;
    let mut blanks = 0;
    let mut last_separator = 0_u8;
    let mut separator_before_last = 0_u8;
    let mut groups = [0_u32; 24];
    let mut count = 0;
    let mut at = 0;
    while at < body.len() {
        let byte = body[at];
        if byte.is_ascii_digit() {
            groups[count] += 1;
            at += 1;
            continue;
        }
        if matches!(byte, b'e' | b'E') {
            return exponent(body, at, commas + blanks, points, around);
        }
        let (kind, length) = match byte {
            b',' => (b',', 1),
            b'.' => (b'.', 1),
            _ => (b' ', blank_at(body, at)?),
        };
        match kind {
            b',' => commas += 1,
            b'.' => points += 1,
            _ => blanks += 1,
        }
        separator_before_last = last_separator;
        last_separator = kind;
        count += 1;
        if count == groups.len() {
            return None;
        }
        at += length;
    }
    let groups = &groups[..=count];
    if groups.iter().all(|length| *length == 0) {
        return None;
    }
    let first_is_zero = body[0] == b'0';
    let padded = first_is_zero && groups[0] > 1;
    let built = |layout, whole, scale| {
        Some(Shape {
            layout,
            around,
            whole,
            scale,
        })
    };
    let (whole, scale) = (groups.iter().sum::<u32>() - groups[count], groups[count]);
    match (commas, points, blanks) {
        (0, 0, 0) if padded => built(Layout::Padded, groups[0], 0),
        (0, 0, 0) if groups[0] > 18 => built(Layout::Long, groups[0], 0),
        (0, 0, 0) => built(Layout::Integer, groups[0], 0),
        _ if padded => None,
        (0, 1, 0) => {
            let could_group = scale == 3 && (1..=3).contains(&whole) && !first_is_zero;
            built(
                if could_group {
                    Layout::PointOrGroup
                } else {
                    Layout::Point
                },
                whole,
                scale,
            )
        }
        (1, 0, 0) => {
            let could_group = scale == 3 && (1..=3).contains(&whole) && !first_is_zero;
            if scale == 0 || whole == 0 {
                return None;
            }
            built(
                if could_group {
                    Layout::CommaOrGroup
                } else {
                    Layout::Comma
                },
                whole,
                scale,
            )
        }
        (_, 0, 0) if grouped(groups) || grouped_by_hundreds(groups) => {
            built(Layout::GroupComma, whole + scale, 0)
        }
        (0, _, 0) if grouped(groups) => built(Layout::GroupPoint, whole + scale, 0),
        (0, 0, _) if grouped(groups) => built(Layout::GroupSpace, whole + scale, 0),
        (_, 1, 0)
            if last_separator == b'.'
                && (grouped(&groups[..count]) || grouped_by_hundreds(&groups[..count])) =>
        {
            built(Layout::GroupComma, whole, scale)
        }
        (1, _, 0) if last_separator == b',' && grouped(&groups[..count]) => {
            built(Layout::GroupPoint, whole, scale)
        }
        (0, 1, _) if last_separator == b'.' && separator_before_last == b' ' && grouped(&groups[..count]) => {
            built(Layout::GroupSpacePoint, whole, scale)
        }
        (1, 0, _) if last_separator == b',' && separator_before_last == b' ' && grouped(&groups[..count]) => {
            built(Layout::GroupSpaceComma, whole, scale)
        }
        _ => None,
    }
}

fn exponent(body: &[u8], at: usize, others: u32, points: u32, around: Around) -> Option<Shape> {
    let mut rest = &body[at + 1..];
    if matches!(rest.first(), Some(b'+' | b'-')) {
        rest = &rest[1..];
    }
    let fits = others == 0
        && points <= 1
        && at > 0
        && body[..at].iter().any(u8::is_ascii_digit)
        && (1..=3).contains(&rest.len())
        && rest.iter().all(u8::is_ascii_digit);
    fits.then_some(Shape {
        layout: Layout::Exponent,
        around,
        whole: 0,
        scale: 0,
    })
}

/// `1 234 567`: one to three digits, then threes.
fn grouped(groups: &[u32]) -> bool {
    (1..=3).contains(&groups[0]) && groups[1..].iter().all(|length| *length == 3)
}

/// `12,34,567`: twos, then a three, as in India.
fn grouped_by_hundreds(groups: &[u32]) -> bool {
    let last = groups.len() - 1;
    last >= 2
        && (1..=2).contains(&groups[0])
        && groups[1..last].iter().all(|length| *length == 2)
        && groups[last] == 3
}

/// A number's value: `mantissa` × 10^-`scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    pub mantissa: i128,
    pub scale: u32,
}

impl Value {
    /// With exactly `scale` digits after the separator; none if digits would be lost.
    pub fn at_scale(self, scale: u32) -> Option<i128> {
        if self.scale == scale {
            return Some(self.mantissa);
        }
        if self.scale <= scale {
            return self
                .mantissa
                .checked_mul(10_i128.checked_pow(scale - self.scale)?);
        }
        let divisor = 10_i128.checked_pow(self.scale - scale)?;
        (self.mantissa % divisor == 0).then_some(self.mantissa / divisor)
    }
}

/// The value of a whole field under a settled style; none if it is not written so.
pub fn read(text: &[u8], style: Style) -> Option<Value> {
    plain_value(text, style.decimal).or_else(|| any_value(text, style))
}

/// As [`read`] for at most 18 digits with nothing but a sign and a decimal separator; none for everything that
/// has to be looked at closely.
fn plain_value(text: &[u8], decimal: u8) -> Option<Value> {
    let (negative, body) = match text.strip_prefix(b"-") {
        Some(body) => (true, body),
        None => (false, text),
    };
    if body.len() > 18 {
        return None;
    }
    let mut mantissa = 0_i64;
    let mut point = None;
    for (at, byte) in body.iter().enumerate() {
        if byte.is_ascii_digit() {
            mantissa = mantissa * 10 + i64::from(byte - b'0');
        } else if *byte == decimal && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let scale = point.map_or(0, |point| body.len() - point - 1);
    if body.len() == usize::from(point.is_some()) {
        return None;
    }
    Some(Value {
        mantissa: i128::from(if negative { -mantissa } else { mantissa }),
        scale: scale as u32,
    })
}

fn any_value(text: &[u8], style: Style) -> Option<Value> {
    let (negative, _, body) = if style.decorated {
        strip(text)?
    } else {
        strip_sign(text)?
    };
    let mut mantissa = 0_i128;
    let mut digits = 0;
    let mut scale = None;
    let mut at = 0;
    while at < body.len() {
        let byte = body[at];
        if byte.is_ascii_digit() {
            digits += 1;
            if digits > 36 {
                return None;
            }
            mantissa = mantissa * 10 + i128::from(byte - b'0');
            if let Some(scale) = &mut scale {
                *scale += 1;
            }
            at += 1;
        } else if byte == style.decimal {
            if scale.is_some() {
                return None;
            }
            scale = Some(0);
            at += 1;
        } else {
            let length = match style.grouping {
                Grouping::Comma if byte == b',' => 1,
                Grouping::Point if byte == b'.' => 1,
                Grouping::Space => blank_at(body, at)?,
                _ => return None,
            };
            if scale.is_some() || digits == 0 {
                return None;
            }
            at += length;
        }
    }
    if digits == 0 {
        return None;
    }
    Some(Value {
        mantissa: if negative { -mantissa } else { mantissa },
        scale: scale.unwrap_or(0),
    })
}

fn strip_sign(text: &[u8]) -> Option<(bool, Around, &[u8])> {
    let text = trim(text);
    match text.first()? {
        b'-' => Some((true, Around::Nothing, trim(&text[1..]))),
        b'(' | 0xE2 => strip(text),
        _ => Some((false, Around::Nothing, text)),
    }
}

/// The value as a float; understands exponents.
pub fn read_float(text: &[u8], style: Style) -> Option<f64> {
    if style.decimal == b'.' && style.grouping == Grouping::None {
        let plain = trim(text);
        let looks_plain = plain
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'e' | b'E' | b'+'));
        if looks_plain {
            return std::str::from_utf8(plain)
                .ok()?
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite());
        }
    }
    let (negative, _, body) = strip(text)?;
    let mut buffer = [0_u8; 64];
    let mut length = 0;
    let mut at = 0;
    while at < body.len() {
        let byte = body[at];
        if length == buffer.len() {
            return None;
        }
        if byte.is_ascii_digit() || matches!(byte, b'e' | b'E' | b'-' | b'+') {
            buffer[length] = byte;
            length += 1;
        } else if byte == style.decimal {
            buffer[length] = b'.';
            length += 1;
        } else {
            match style.grouping {
                Grouping::Comma if byte == b',' => {}
                Grouping::Point if byte == b'.' => {}
                Grouping::Space => {
                    at += blank_at(body, at)?;
                    continue;
                }
                _ => return None,
            }
        }
        at += 1;
    }
    let value: f64 = std::str::from_utf8(&buffer[..length]).ok()?.parse().ok()?;
    value.is_finite().then_some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_how_a_number_is_written() {
        for (text, layout) in [
            ("12", Layout::Integer),
            ("-12", Layout::Integer),
            ("007", Layout::Padded),
            ("+4930", Layout::Padded),
            ("12.5", Layout::Point),
            (".5", Layout::Point),
            ("0.123", Layout::Point),
            ("1.234", Layout::PointOrGroup),
            ("12,5", Layout::Comma),
            ("0,123", Layout::Comma),
            ("1,234", Layout::CommaOrGroup),
            ("1,234.50", Layout::GroupComma),
            ("12,34,567", Layout::GroupComma),
            ("1.234,50", Layout::GroupPoint),
            ("1.234.567", Layout::GroupPoint),
            ("1 234", Layout::GroupSpace),
            ("1\u{a0}234,50", Layout::GroupSpaceComma),
            ("1'234.50", Layout::GroupSpacePoint),
            ("1e5", Layout::Exponent),
            ("-1.5E-3", Layout::Exponent),
            ("($1,234.50)", Layout::GroupComma),
            ("12.5%", Layout::Point),
            ("€ 3,50", Layout::Comma),
            ("1.234,50 EUR", Layout::GroupPoint),
        ] {
            assert_eq!(shape(text.as_bytes()).map(|s| s.layout), Some(layout), "{text}");
        }
        for text in [
            "", "-", "1,2,3", "12a", "1.2.3", "1,23", "1 23", "e5", "5e", "1,,2", "$", "00.5", "1/2", "%",
        ] {
            if text == "1,23" {
                assert_eq!(shape(text.as_bytes()).map(|s| s.layout), Some(Layout::Comma));
            } else {
                assert_eq!(shape(text.as_bytes()), None, "{text}");
            }
        }
    }

    /// Words made of what numbers are made of, all up to a length.
    fn each_word(length: usize, check: &mut dyn FnMut(&[u8])) {
        const LETTERS: &[u8] = b"0159-.,+ e%$(";
        let mut word = vec![0; length];
        let mut count = LETTERS.len().pow(length as u32);
        while count > 0 {
            count -= 1;
            let mut rest = count;
            for slot in &mut word {
                *slot = LETTERS[rest % LETTERS.len()];
                rest /= LETTERS.len();
            }
            check(&word);
        }
    }

    #[test]
    fn the_short_ways_lead_where_the_long_ones_do() {
        let styles = [
            Style::PLAIN,
            Style {
                decimal: b',',
                grouping: Grouping::Point,
                decorated: true,
            },
            Style {
                decimal: b'.',
                grouping: Grouping::Space,
                decorated: false,
            },
        ];
        let mut check = |text: &[u8]| {
            let shown = String::from_utf8_lossy(text);
            if let Some(shape) = plain_shape(text) {
                assert_eq!(any_shape(text), Some(shape), "{shown}");
            }
            for style in styles {
                if let Some(value) = plain_value(text, style.decimal) {
                    assert_eq!(any_value(text, style), Some(value), "{shown}");
                }
            }
        };
        for length in 1..=4 {
            each_word(length, &mut check);
        }
        for text in [
            "123456789012345678",
            "1234567890123456789",
            "-999999999999999999",
            "99999999999999999.9",
            "0.123456789012345678",
            "12345678901234567890.5",
            "001.5",
            "-0.001",
            "1.234",
            "0.234",
            "123.456",
            "1234.567",
            "-12.345",
        ] {
            check(text.as_bytes());
        }
    }

    #[test]
    fn reads_values_under_a_style() {
        let german = Style {
            decimal: b',',
            grouping: Grouping::Point,
            decorated: true,
        };
        assert_eq!(
            read(b"-1.234,50 EUR", german).and_then(|v| v.at_scale(2)),
            Some(-123_450)
        );
        assert_eq!(read(b"(3)", Style::PLAIN).and_then(|v| v.at_scale(0)), Some(-3));
        assert_eq!(read(b"1.25", Style::PLAIN).and_then(|v| v.at_scale(1)), None);
        assert_eq!(read_float(b"1.234,5", german), Some(1234.5));
        assert_eq!(read_float(b"1e400", Style::PLAIN), None);
    }
}
