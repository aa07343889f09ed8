//! Reads one date, timestamp or time of day as people write them. Which of two numbers is the day is not
//! decided here: [`Written`] keeps both, the column decides (see `decide`).

/// How the parts of a date are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Layout {
    /// `2024-01-31`, `2024/1/31`, `2024.01.31`: never in doubt.
    YearFirst,
    /// `31/01/2024`, `01/31/2024`: day and month could be either.
    Slashes,
    /// `31-01-2024`.
    Dashes,
    /// `31.01.2024`.
    Points,
    /// `31 January 2024`, `31-Jan-24`, `Jan 31, 2024`: never in doubt.
    Named,
}

/// A date as written, order of day and month still open for the numeric layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub layout: Layout,
    /// The first of the two numbers that are day and month; the month for `YearFirst` and `Named`.
    pub first: u32,
    /// The second; the day for `YearFirst` and `Named`.
    pub second: u32,
    pub year: i32,
    /// The year had two digits.
    pub short_year: bool,
    /// Day or month stood there with one digit.
    pub unpadded: bool,
    /// Microseconds of the day, where a time followed.
    pub clock: Option<i64>,
    /// Minutes east of UTC, where a zone followed.
    pub zone: Option<i32>,
}

/// Which number of a numeric date is the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum DayOrder {
    DayFirst,
    MonthFirst,
}

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

impl Written {
    /// Days since 1970-01-01, or none where the calendar has no such day under this order.
    pub fn days(&self, order: DayOrder) -> Option<i32> {
        let (month, day) = match (self.layout, order) {
            (Layout::YearFirst | Layout::Named, _) | (_, DayOrder::MonthFirst) => (self.first, self.second),
            (_, DayOrder::DayFirst) => (self.second, self.first),
        };
        days_from_civil(self.year, month, day)
    }

    /// Microseconds since 1970-01-01 00:00, in UTC where a zone was given.
    pub fn micros(&self, order: DayOrder) -> Option<i64> {
        let days = i64::from(self.days(order)?);
        let zone = i64::from(self.zone.unwrap_or(0)) * 60 * MICROS_PER_SECOND;
        Some(days * MICROS_PER_DAY + self.clock.unwrap_or(0) - zone)
    }
}

/// Days since 1970-01-01 of a calendar day, none if there is no such day.
fn days_from_civil(year: i32, month: u32, day: u32) -> Option<i32> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day == 0 || day > length {
        return None;
    }
    // Years begin in March, so that the leap day is the last of a year; eras have 400 years.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = (month as i32 + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day as i32 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Reads up to `most` digits; none if there is not one.
fn digits(text: &[u8], at: &mut usize, most: usize) -> Option<(u32, usize)> {
    let start = *at;
    let mut value = 0_u32;
    while *at < text.len() && *at - start < most && text[*at].is_ascii_digit() {
        value = value * 10 + u32::from(text[*at] - b'0');
        *at += 1;
    }
    let length = *at - start;
    (length > 0).then_some((value, length))
}

fn full_year(value: u32, length: usize) -> Option<(i32, bool)> {
    match length {
        4 if value > 0 => Some((value as i32, false)),
        // POSIX's pivot: 69-99 are the 1900s, 00-68 the 2000s.
        2 => Some((value as i32 + if value >= 69 { 1900 } else { 2000 }, true)),
        _ => None,
    }
}

const MONTHS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];

const WEEKDAYS: [&[u8]; 7] = [
    b"monday",
    b"tuesday",
    b"wednesday",
    b"thursday",
    b"friday",
    b"saturday",
    b"sunday",
];

/// The word at `at`, lower-cased into a small buffer; its length.
fn word(text: &[u8], at: usize) -> ([u8; 10], usize) {
    let mut buffer = [0_u8; 10];
    let mut length = 0;
    while at + length < text.len() && text[at + length].is_ascii_alphabetic() {
        if length == buffer.len() {
            return (buffer, 0);
        }
        buffer[length] = text[at + length].to_ascii_lowercase();
        length += 1;
    }
    (buffer, length)
}

fn month_name(text: &[u8], at: &mut usize) -> Option<u32> {
    let (buffer, length) = word(text, *at);
    let name = &buffer[..length];
    let index = MONTHS
        .iter()
        .position(|month| *month == name || (length == 3 && month.starts_with(name)))
        .or_else(|| (name == b"sept").then_some(8))?;
    *at += length;
    if text.get(*at) == Some(&b'.') && length < MONTHS[index].len() {
        *at += 1;
    }
    Some(index as u32 + 1)
}

/// Skips `Mon,` or `Monday `.
fn skip_weekday(text: &[u8], at: &mut usize) {
    let (buffer, length) = word(text, *at);
    let name = &buffer[..length];
    if length >= 3
        && WEEKDAYS
            .iter()
            .any(|day| *day == name || (length == 3 && day.starts_with(name)))
    {
        let mut next = *at + length;
        while matches!(text.get(next), Some(b',' | b' ' | b'.')) {
            next += 1;
        }
        *at = next;
    }
}

/// Whether the text could begin with the name of a month or a weekday.
pub fn begins_with_name(text: &[u8]) -> bool {
    let (buffer, length) = word(text, 0);
    let name = &buffer[..length];
    length >= 3
        && MONTHS
            .iter()
            .chain(WEEKDAYS.iter())
            .any(|known| known.starts_with(&name[..3]))
}

/// Reads a whole field as a date, with or without a time. None if it is anything else.
pub fn read(text: &[u8]) -> Option<Written> {
    if text.len() < 6 || text.len() > 48 {
        return None;
    }
    iso(text).or_else(|| any(text))
}

/// As [`read`] for `2024-02-29` and `2024-02-29 14:05:09`, as programs write them; none for everything that has
/// to be looked at closely.
fn iso(text: &[u8]) -> Option<Written> {
    let two = |at: usize| -> Option<u32> {
        let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
        (tens <= 9 && ones <= 9).then(|| u32::from(tens * 10 + ones))
    };
    let clock = match text.len() {
        10 => None,
        19 if matches!(text[10], b' ' | b'T') && text[13] == b':' && text[16] == b':' => {
            let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
            if hour > 23 || minute > 59 || second > 59 {
                return None;
            }
            Some(i64::from(hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND)
        }
        _ => return None,
    };
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
    let written = Written {
        layout: Layout::YearFirst,
        first: month,
        second: day,
        year: year as i32,
        short_year: false,
        unpadded: false,
        clock,
        zone: None,
    };
    (year > 0 && written.days(DayOrder::DayFirst).is_some()).then_some(written)
}

fn any(text: &[u8]) -> Option<Written> {
    let mut at = 0;
    if text[0].is_ascii_alphabetic() {
        skip_weekday(text, &mut at);
    }
    let mut written = match text.get(at)? {
        b'0'..=b'9' => numeric_or_day_first(text, &mut at)?,
        _ => month_first(text, &mut at)?,
    };
    tail(text, at, &mut written)?;
    // A day that no order allows is no date.
    if written.days(DayOrder::DayFirst).is_none() && written.days(DayOrder::MonthFirst).is_none() {
        return None;
    }
    Some(written)
}

fn numeric_or_day_first(text: &[u8], at: &mut usize) -> Option<Written> {
    let (first, first_length) = digits(text, at, 4)?;
    let separator = *text.get(*at)?;
    if first_length == 4 {
        if !matches!(separator, b'-' | b'/' | b'.') {
            return None;
        }
        *at += 1;
        let (month, month_length) = digits(text, at, 2)?;
        if text.get(*at) != Some(&separator) {
            return None;
        }
        *at += 1;
        let (day, day_length) = digits(text, at, 2)?;
        let (year, _) = full_year(first, 4)?;
        return Some(Written {
            layout: Layout::YearFirst,
            first: month,
            second: day,
            year,
            short_year: false,
            unpadded: month_length == 1 || day_length == 1,
            clock: None,
            zone: None,
        });
    }
    if first_length > 2 {
        return None;
    }
    // `31 January 2024`, `31-Jan-24`, `1st May 2024`.
    let mut peek = *at;
    let (suffix, suffix_length) = word(text, peek);
    if suffix_length == 2 && matches!(&suffix[..2], b"st" | b"nd" | b"rd" | b"th") {
        peek += 2;
    }
    while matches!(text.get(peek), Some(b' ' | b'-' | b'.' | b'/')) && peek < *at + 4 {
        peek += 1;
    }
    if text.get(peek).is_some_and(u8::is_ascii_alphabetic) && peek > *at {
        let month = month_name(text, &mut peek)?;
        let gap = peek;
        while matches!(text.get(peek), Some(b' ' | b'-' | b',' | b'/' | b'.')) {
            peek += 1;
        }
        if peek == gap {
            return None;
        }
        let (year, length) = digits(text, &mut peek, 4)?;
        let (year, short_year) = full_year(year, length)?;
        *at = peek;
        return Some(Written {
            layout: Layout::Named,
            first: month,
            second: first,
            year,
            short_year,
            unpadded: first_length == 1,
            clock: None,
            zone: None,
        });
    }
    let layout = match separator {
        b'/' => Layout::Slashes,
        b'-' => Layout::Dashes,
        b'.' => Layout::Points,
        _ => return None,
    };
    *at += 1;
    let (second, second_length) = digits(text, at, 2)?;
    if text.get(*at) != Some(&separator) {
        return None;
    }
    *at += 1;
    let (year, length) = digits(text, at, 4)?;
    let (year, short_year) = full_year(year, length)?;
    // `24-01-05` reads year first as well as day first; nobody can tell.
    if short_year && layout == Layout::Dashes {
        return None;
    }
    Some(Written {
        layout,
        first,
        second,
        year,
        short_year,
        unpadded: first_length == 1 || second_length == 1,
        clock: None,
        zone: None,
    })
}

/// `Jan 31, 2024`, `January 31 2024`, `Jan-31-2024`.
fn month_first(text: &[u8], at: &mut usize) -> Option<Written> {
    let month = month_name(text, at)?;
    while matches!(text.get(*at), Some(b' ' | b'-')) {
        *at += 1;
    }
    let (day, day_length) = digits(text, at, 2)?;
    let (suffix, suffix_length) = word(text, *at);
    if suffix_length == 2 && matches!(&suffix[..2], b"st" | b"nd" | b"rd" | b"th") {
        *at += 2;
    }
    let gap = *at;
    while matches!(text.get(*at), Some(b' ' | b',' | b'-')) {
        *at += 1;
    }
    if *at == gap {
        return None;
    }
    let (year, length) = digits(text, at, 4)?;
    let (year, short_year) = full_year(year, length)?;
    // `May 12 10`: the last number could be anything.
    if short_year {
        return None;
    }
    Some(Written {
        layout: Layout::Named,
        first: month,
        second: day,
        year,
        short_year,
        unpadded: day_length == 1,
        clock: None,
        zone: None,
    })
}

/// What may follow a date: nothing, or a time with an optional zone.
fn tail(text: &[u8], mut at: usize, written: &mut Written) -> Option<()> {
    if at == text.len() {
        return Some(());
    }
    match text[at] {
        b'T' | b't' => at += 1,
        b' ' | b',' => {
            while matches!(text.get(at), Some(b' ' | b',')) {
                at += 1;
            }
        }
        _ => return None,
    }
    let clock = read_clock(text, &mut at)?;
    written.clock = Some(clock.micros);
    written.zone = read_zone(text, &mut at)?;
    (at == text.len()).then_some(())
}

/// A time of day as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Microseconds since midnight.
    pub micros: i64,
    /// Seconds stood there.
    pub seconds: bool,
    /// AM or PM stood there.
    pub half_day: bool,
    /// The hour had two digits.
    pub padded: bool,
}

fn read_clock(text: &[u8], at: &mut usize) -> Option<Clock> {
    let (mut hour, hour_length) = digits(text, at, 2)?;
    if text.get(*at) != Some(&b':') {
        return None;
    }
    *at += 1;
    let (minute, 2) = digits(text, at, 2)? else {
        return None;
    };
    let mut second = 0;
    let mut micros = 0_i64;
    let mut seconds = false;
    if text.get(*at) == Some(&b':') {
        *at += 1;
        let (value, 2) = digits(text, at, 2)? else {
            return None;
        };
        second = value;
        seconds = true;
        if matches!(text.get(*at), Some(b'.' | b',')) && text.get(*at + 1).is_some_and(u8::is_ascii_digit) {
            *at += 1;
            let mut unit = 100_000;
            while let Some(digit) = text.get(*at).filter(|byte| byte.is_ascii_digit()) {
                micros += i64::from(digit - b'0') * unit;
                unit /= 10;
                *at += 1;
            }
        }
    }
    let mut peek = *at;
    while text.get(peek) == Some(&b' ') {
        peek += 1;
    }
    let (buffer, length) = word(text, peek);
    let afternoon = match &buffer[..length] {
        b"am" | b"a" => Some(false),
        b"pm" | b"p" => Some(true),
        _ => None,
    };
    if let Some(afternoon) = afternoon {
        if hour == 0 || hour > 12 {
            return None;
        }
        hour = hour % 12 + if afternoon { 12 } else { 0 };
        *at = peek + length;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(Clock {
        micros: i64::from(hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + micros,
        seconds,
        half_day: afternoon.is_some(),
        padded: hour_length == 2,
    })
}

/// The zone, if any: the outer option is whether it could be read at all.
#[expect(
    clippy::option_option,
    reason = "no zone and no readable zone are different answers"
)]
fn read_zone(text: &[u8], at: &mut usize) -> Option<Option<i32>> {
    while text.get(*at) == Some(&b' ') {
        *at += 1;
    }
    let rest = &text[*at..];
    if rest.is_empty() {
        return Some(None);
    }
    if matches!(rest, b"Z" | b"z" | b"UTC" | b"GMT" | b"utc") {
        *at = text.len();
        return Some(Some(0));
    }
    let sign = match rest[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    *at += 1;
    let (hours, 2) = digits(text, at, 2)? else {
        return None;
    };
    if text.get(*at) == Some(&b':') {
        *at += 1;
    }
    let minutes = if *at < text.len() {
        let (minutes, 2) = digits(text, at, 2)? else {
            return None;
        };
        minutes
    } else {
        0
    };
    (hours <= 14 && minutes <= 59).then_some(Some(sign * (hours * 60 + minutes) as i32))
}

/// Reads a whole field as a time of day.
pub fn read_time(text: &[u8]) -> Option<Clock> {
    if text.len() < 4 || text.len() > 18 || !text[0].is_ascii_digit() {
        return None;
    }
    let mut at = 0;
    let clock = read_clock(text, &mut at)?;
    (at == text.len()).then_some(clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(text: &str, order: DayOrder) -> Option<String> {
        let written = read(text.as_bytes())?;
        let micros = written.micros(order)?;
        Some(
            chrono::DateTime::from_timestamp_micros(micros)?
                .format("%Y-%m-%dT%H:%M:%S%.f")
                .to_string(),
        )
    }

    #[test]
    fn reads_the_usual_layouts() {
        for (text, expected) in [
            ("2024-02-29", "2024-02-29T00:00:00"),
            ("2024/2/9", "2024-02-09T00:00:00"),
            ("29.02.2024", "2024-02-29T00:00:00"),
            ("29/02/2024 14:05", "2024-02-29T14:05:00"),
            ("29-Feb-24", "2024-02-29T00:00:00"),
            ("29 February 2024", "2024-02-29T00:00:00"),
            ("Feb 29, 2024", "2024-02-29T00:00:00"),
            ("Thursday, February 29, 2024 3:04 PM", "2024-02-29T15:04:00"),
            ("2024-02-29T23:59:59.123456Z", "2024-02-29T23:59:59.123456"),
            ("2024-02-29 01:00:00+02:00", "2024-02-28T23:00:00"),
            ("1st May 1999", "1999-05-01T00:00:00"),
            ("1/5/70", "1970-05-01T00:00:00"),
        ] {
            assert_eq!(iso(text, DayOrder::DayFirst).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(
            iso("12/31/1999", DayOrder::MonthFirst).as_deref(),
            Some("1999-12-31T00:00:00")
        );
    }

    #[test]
    fn the_short_way_leads_where_the_long_one_does() {
        let parts = ["0000", "0001", "1999", "2024", "20x4"];
        let days = [
            "-01-31", "-02-29", "-2-029", "-00-10", "-12-32", "/12-31", "-12/31", "-13-01",
        ];
        let clocks = [
            "",
            " 00:00:00",
            "T23:59:59",
            " 24:00:00",
            " 12:60:00",
            " 12:00:60",
            " 1:02:003",
            "t12:00:00",
            ",12:00:00",
            " 12.00.00",
            " 12:00:0x",
        ];
        let mut read_by_both = 0;
        for year in parts {
            for day in days {
                for clock in clocks {
                    let text = format!("{year}{day}{clock}");
                    if let Some(written) = super::iso(text.as_bytes()) {
                        assert_eq!(any(text.as_bytes()), Some(written), "{text}");
                        read_by_both += 1;
                    }
                }
            }
        }
        assert!(read_by_both > 10, "{read_by_both}");
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "2023-02-29",
            "32/01/2024",
            "13/13/2024",
            "2024-1",
            "12345678",
            "1.2.3",
            "24-01-05",
            "May 12",
            "2024-01-01 25:00",
            "10-20-30",
            "Mayor 5, 2020",
            "2024-01-01x",
            "1/2/345",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_counts_up_by_one() {
        let mut expected = days_from_civil(1900, 1, 1).expect("a day");
        for year in 1900..2300 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(days) = days_from_civil(year, month, day) {
                        assert_eq!(days, expected, "{year}-{month}-{day}");
                        expected += 1;
                    }
                }
            }
        }
        assert_eq!(days_from_civil(1970, 1, 1), Some(0));
    }
}
