//! Dates and spans of time as people say them. Counts from the asker's today.

mod part;

use chrono::{Datelike, Days, Months, NaiveDate};

use super::lexicon::Grain;
use super::words::{Token, TokenKind};
pub use part::part;

/// A span of days, half open; an open end is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub from: Option<NaiveDate>,
    pub until: Option<NaiveDate>,
    /// In the asker's words, dates added where the words are relative.
    pub label: String,
    /// Set when the span is exactly one year, or one month of a year.
    pub year: Option<i32>,
    pub month: Option<u32>,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The English name of month 1 to 12.
pub fn month_name(month: u32) -> &'static str {
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ][(month as usize - 1) % 12]
}

/// The English name of weekday 0 (Sunday) to 6.
pub fn weekday_name(day: u32) -> &'static str {
    [
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
    ][day as usize % 7]
}

fn month(lower: &str) -> Option<u32> {
    let at = MONTHS.iter().position(|name| {
        *name == lower
            || (lower.len() >= 3 && lower != "mar" && *name != "may" && name[..3] == *lower)
            || (lower == "mar" && *name == "march")
            || (lower == "sept" && *name == "september")
    })?;
    Some(at as u32 + 1)
}

fn ymd(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day)
}

fn first_of(date: NaiveDate, grain: Grain) -> NaiveDate {
    let back = match grain {
        Grain::Week => u64::from(date.weekday().num_days_from_monday()),
        Grain::Month => u64::from(date.day0()),
        Grain::Quarter => return ymd(date.year(), date.month0() / 3 * 3 + 1, 1).unwrap_or(date),
        Grain::Year => u64::from(date.ordinal0()),
        Grain::Day | Grain::Weekday | Grain::Hour | Grain::MonthOfYear => 0,
    };
    date.checked_sub_days(Days::new(back)).unwrap_or(date)
}

/// `date` moved by `count` units.
fn moved(date: NaiveDate, grain: Grain, count: i64) -> Option<NaiveDate> {
    let size = u32::try_from(count.unsigned_abs()).ok()?;
    let months = |n: u32| {
        let months = Months::new(n);
        if count < 0 {
            date.checked_sub_months(months)
        } else {
            date.checked_add_months(months)
        }
    };
    let days = |n: u64| {
        let days = Days::new(n);
        if count < 0 {
            date.checked_sub_days(days)
        } else {
            date.checked_add_days(days)
        }
    };
    match grain {
        Grain::Day | Grain::Weekday | Grain::Hour | Grain::MonthOfYear => days(u64::from(size)),
        Grain::Week => days(u64::from(size) * 7),
        Grain::Month => months(size),
        Grain::Quarter => months(size.checked_mul(3)?),
        Grain::Year => months(size.checked_mul(12)?),
    }
}

fn grain(lower: &str) -> Option<Grain> {
    Some(match lower {
        "day" | "days" => Grain::Day,
        "week" | "weeks" => Grain::Week,
        "month" | "months" => Grain::Month,
        "quarter" | "quarters" => Grain::Quarter,
        "year" | "years" => Grain::Year,
        _ => return None,
    })
}

/// Whole days from `from` to before `until`.
fn span(from: NaiveDate, until: NaiveDate, label: impl Into<String>) -> Span {
    Span {
        from: Some(from),
        until: Some(until),
        label: label.into(),
        year: None,
        month: None,
    }
}

fn unit(date: NaiveDate, unit: Grain, label: impl Into<String>) -> Option<Span> {
    let from = first_of(date, unit);
    let mut found = span(from, moved(from, unit, 1)?, label);
    if unit == Grain::Year || unit == Grain::Month {
        found.year = Some(from.year());
    }
    if unit == Grain::Month {
        found.month = Some(from.month());
    }
    Some(found)
}

struct Reader<'a> {
    tokens: &'a [Token],
    today: NaiveDate,
}

impl Reader<'_> {
    fn word(&self, at: usize) -> &str {
        self.tokens
            .get(at)
            .filter(|t| t.kind != TokenKind::Quoted)
            .map_or("", |t| t.lower.as_str())
    }

    fn year(&self, at: usize) -> Option<i32> {
        let text = self.word(at);
        (text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<i32>().ok())
            .flatten()
            .filter(|year| (1500..2200).contains(year))
    }

    fn count(&self, at: usize) -> Option<i64> {
        match self.tokens.get(at)?.kind {
            TokenKind::Number(n) if n.fract() == 0.0 && (1.0..10_000.0).contains(&n) => Some(n as i64),
            _ => None,
        }
    }

    fn day(&self, at: usize) -> Option<u32> {
        let text = self.word(at).trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let suffix = &self.word(at)[text.len()..];
        matches!(suffix, "" | "st" | "nd" | "rd" | "th")
            .then(|| text.parse::<u32>().ok())
            .flatten()
            .filter(|day| (1..=31).contains(day))
    }

    fn skip(&self, at: usize, words: &[&str]) -> usize {
        at + usize::from(words.contains(&self.word(at)))
    }

    /// One date or period at `at`: how many tokens, and the span.
    fn single(&self, at: usize) -> Option<(usize, Span)> {
        let start = at;
        let at = self.skip(at, &["the"]);
        let word = self.word(at);
        let done = |end: usize, span: Span| Some((end - start, span));

        // 2025-03-01
        if word.len() == 10
            && let Ok(date) = NaiveDate::parse_from_str(word, "%Y-%m-%d")
        {
            return done(at + 1, span(date, date.succ_opt()?, date.to_string()));
        }
        // 2025-03
        if word.len() == 7
            && word.as_bytes()[4] == b'-'
            && let (Ok(year), Ok(number)) = (word[..4].parse(), word[5..].parse())
        {
            let date = ymd(year, number, 1)?;
            return done(
                at + 1,
                unit(date, Grain::Month, format!("{} {year}", month_name(number)))?,
            );
        }
        if let Some(number) = month(word) {
            // March 5, 2025 / March 5 2025 / March 2025
            if let Some(day) = self.day(at + 1) {
                let next = self.skip(at + 2, &[","]);
                if let Some(year) = self.year(next) {
                    let date = ymd(year, number, day)?;
                    return done(next + 1, span(date, date.succ_opt()?, date.to_string()));
                }
            }
            let next = self.skip(self.skip(at + 1, &[","]), &["of"]);
            let next = self.skip(self.skip(next, &["the"]), &["year"]);
            if let Some(year) = self.year(next) {
                return done(
                    next + 1,
                    unit(
                        ymd(year, number, 1)?,
                        Grain::Month,
                        format!("{} {year}", month_name(number)),
                    )?,
                );
            }
            return None;
        }
        // 5 March 2025, 5th of March 2025
        if let Some(day) = self.day(at) {
            let next = self.skip(at + 1, &["of"]);
            if let (Some(number), Some(year)) = (month(self.word(next)), self.year(next + 1)) {
                let date = ymd(year, number, day)?;
                return done(next + 2, span(date, date.succ_opt()?, date.to_string()));
            }
        }
        // the year 2025, the month of March 2025
        if word == "year"
            && let Some(year) = self.year(self.skip(at + 1, &["of"]))
        {
            return done(
                self.skip(at + 1, &["of"]) + 1,
                unit(ymd(year, 1, 1)?, Grain::Year, year.to_string())?,
            );
        }
        if word == "month" {
            let next = self.skip(at + 1, &["of"]);
            if month(self.word(next)).is_some() {
                let (taken, found) = self.single(next)?;
                return done(next + taken, found);
            }
        }
        if let Some((taken, number)) = self.quarter(at) {
            let next = self.skip(self.skip(self.skip(at + taken, &["of"]), &["the"]), &["year"]);
            let year = self.year(next)?;
            let date = ymd(year, number * 3 - 2, 1)?;
            return done(
                next + 1,
                unit(date, Grain::Quarter, format!("quarter {number} of {year}"))?,
            );
        }
        if let Some(year) = self.year(at) {
            if let Some((taken, number)) = self.quarter(at + 1) {
                let date = ymd(year, number * 3 - 2, 1)?;
                return done(
                    at + 1 + taken,
                    unit(date, Grain::Quarter, format!("quarter {number} of {year}"))?,
                );
            }
            return done(at + 1, unit(ymd(year, 1, 1)?, Grain::Year, year.to_string())?);
        }
        // the 1990s
        if let Some(year) = word.strip_suffix("0s").and_then(|head| head.parse::<i32>().ok())
            && (100..=209).contains(&year)
        {
            let (from, until) = (ymd(year * 10, 1, 1)?, ymd(year * 10 + 10, 1, 1)?);
            return done(at + 1, span(from, until, format!("the {word}")));
        }
        self.relative(at).and_then(|(end, span)| done(end, span))
    }

    fn quarter(&self, at: usize) -> Option<(usize, u32)> {
        let number = match self.word(at) {
            "q1" => return Some((1, 1)),
            "q2" => return Some((1, 2)),
            "q3" => return Some((1, 3)),
            "q4" => return Some((1, 4)),
            "first" | "1st" => 1,
            "second" | "2nd" => 2,
            "third" | "3rd" => 3,
            "fourth" | "4th" | "last" => 4,
            _ => return None,
        };
        // "last quarter" alone is relative; "last quarter of 2025" is the fourth.
        let counted = self.word(at) != "last" || self.word(at + 2) == "of";
        (self.word(at + 1) == "quarter" && counted).then_some((2, number))
    }

    fn relative(&self, at: usize) -> Option<(usize, Span)> {
        let today = self.today;
        let tomorrow = today.succ_opt()?;
        match self.word(at) {
            "today" => return Some((at + 1, span(today, tomorrow, format!("today ({today})")))),
            "yesterday" => {
                let day = today.pred_opt()?;
                return Some((at + 1, span(day, today, format!("yesterday ({day})"))));
            }
            "ytd" => {
                return Some((
                    at + 1,
                    span(
                        first_of(today, Grain::Year),
                        tomorrow,
                        format!("the year to date (until {today})"),
                    ),
                ));
            }
            _ => {}
        }
        if let Some(from) = grain(self.word(at))
            && (self.word(at + 1), self.word(at + 2)) == ("to", "date")
        {
            return Some((
                at + 3,
                span(
                    first_of(today, from),
                    tomorrow,
                    format!("the {} to date (until {today})", from.word()),
                ),
            ));
        }
        let which = self.word(at);
        let back = match which {
            "this" | "current" => 0,
            "last" | "past" | "previous" | "preceding" => -1,
            _ => return None,
        };
        if let Some(size) = grain(self.word(at + 1))
            && size != Grain::Day
        {
            // "the past month" is the month until today, "last month" the calendar month before this one.
            if which == "past" {
                let from = moved(today, size, -1)?;
                return Some((
                    at + 2,
                    span(from, tomorrow, format!("the past {} (since {from})", size.word())),
                ));
            }
            let date = moved(first_of(today, size), size, back)?;
            let mut found = unit(date, size, String::new())?;
            found.label = format!(
                "{which} {} ({} to {})",
                size.word(),
                date,
                found.until?.pred_opt()?
            );
            return Some((at + 2, found));
        }
        if back == 0 {
            return None;
        }
        let count = self.count(at + 1)?;
        let mut end = at + 2;
        let calendar = self.word(end) == "calendar";
        end += usize::from(calendar);
        let size = grain(self.word(end))?;
        let whole = |end: usize| {
            let from = moved(first_of(today, size), size, -count)?;
            let until = first_of(today, size);
            let label = format!(
                "the last {count} whole {}s ({from} to {})",
                size.word(),
                until.pred_opt()?
            );
            Some((end, span(from, until, label)))
        };
        // Asides people add to say whether the running period counts.
        let tail: Vec<&str> = (end + 1..end + 9)
            .map(|i| self.word(i))
            .filter(|w| !matches!(*w, "(" | ")" | "," | "the" | "of"))
            .collect();
        let taken = |words: usize| {
            let mut left = words;
            let mut i = end + 1;
            while left > 0 {
                if !matches!(self.word(i), "(" | ")" | "," | "the" | "of") {
                    left -= 1;
                }
                i += 1;
            }
            self.skip(i, &[")"])
        };
        let starts = |words: &[&str]| tail.len() >= words.len() && tail[..words.len()] == *words;
        for words in [
            &["excluding", "current", size.word()][..],
            &["exclusive", "current", size.word()],
            &["not", "including", "current", size.word()],
        ] {
            if starts(words) {
                return whole(taken(words.len()));
            }
        }
        if calendar {
            return whole(end + 1);
        }
        let from = moved(today, size, -count)?;
        let from_next = if starts(&["inclusive", "today"]) && size == Grain::Day {
            from.succ_opt()?
        } else {
            from
        };
        let end = if starts(&["inclusive", "today"]) || starts(&["inclusive", "today", "'s", "date"]) {
            taken(if starts(&["inclusive", "today", "'s", "date"]) {
                4
            } else {
                2
            })
        } else {
            end + 1
        };
        let label = format!("the last {count} {}s (since {from_next})", size.word());
        Some((end, span(from_next, tomorrow, label)))
    }
}

/// The date phrase that begins at token `at`: how many tokens it takes, and the span. `after_number_word`
/// tells that a bare year there would rather be a plain number ("more than 2000").
pub fn read(tokens: &[Token], at: usize, today: NaiveDate) -> Option<(usize, Span)> {
    let (taken, span) = phrase(tokens, at, today)?;
    Some((taken + repeated(tokens, at + taken, &span, today), span))
}

/// Asides behind a span that only repeat what it means anyway: "inclusive of today" where it ends today,
/// "(exclusive of the current week)" where it ends before.
fn repeated(tokens: &[Token], at: usize, span: &Span, today: NaiveDate) -> usize {
    let reader = Reader { tokens, today };
    let mut end = at;
    let open = matches!(reader.word(end), "(" | ",");
    end += usize::from(open);
    let inclusive = match reader.word(end) {
        "inclusive" | "including" => true,
        "exclusive" | "excluding" => false,
        _ => return 0,
    };
    end = reader.skip(reader.skip(end + 1, &["of"]), &["the"]);
    let fits = match (reader.word(end), reader.word(end + 1)) {
        ("today", _) => {
            end += 1;
            inclusive == (span.until == today.succ_opt())
        }
        ("current" | "this", unit) if grain(unit).is_some() => {
            end += 2;
            !inclusive && span.until.is_some_and(|until| until <= today)
        }
        _ => false,
    };
    if !fits {
        return 0;
    }
    end += usize::from(open && reader.word(end) == ")");
    end - at
}

fn phrase(tokens: &[Token], at: usize, today: NaiveDate) -> Option<(usize, Span)> {
    let reader = Reader { tokens, today };
    let word = reader.word(at);
    let edge = |next: usize| reader.single(next).map(|(taken, span)| (next - at + taken, span));
    let open = |span: Span, from: Option<NaiveDate>, until: Option<NaiveDate>, label: String| {
        let _ = span;
        Span {
            from,
            until,
            label,
            year: None,
            month: None,
        }
    };
    // Asides after "between A and B" that only repeat what is meant anyway.
    let aside = |mut end: usize| {
        let start = end;
        if reader.word(end) == "(" && matches!(reader.word(end + 1), "inclusive" | "both" | "including") {
            while end < tokens.len() && reader.word(end) != ")" {
                end += 1;
            }
            return end + 1 - start;
        }
        usize::from(reader.word(end) == "inclusive")
    };
    match word {
        "in" | "during" | "on" | "of" | "for" | "within" | "over" | "from" | "at" | "through"
        | "throughout"
            if matches!(word, "from") =>
        {
            let (taken, first) = edge(at + 1)?;
            if matches!(
                reader.word(at + taken),
                "to" | "until" | "till" | "through" | "-" | "–"
            ) && let Some((more, last)) = reader.single(at + taken + 1)
            {
                let label = format!("{} to {}", first.label, last.label);
                let end = taken + 1 + more;
                return Some((
                    end + aside(at + end),
                    open(first.clone(), first.from, last.until, label),
                ));
            }
            if matches!(reader.word(at + taken), "on" | "onward" | "onwards") {
                let label = format!("since {}", first.label);
                return Some((taken + 1, open(first.clone(), first.from, None, label)));
            }
            Some((taken, first))
        }
        "in" | "during" | "on" | "for" | "within" | "over" | "throughout" => {
            if word == "on" && reader.word(at + 1) == "or" {
                let side = reader.word(at + 2);
                let (taken, span) = edge(at + 3)?;
                let label = span.label.clone();
                return match side {
                    "after" => Some((
                        taken,
                        open(span.clone(), span.from, None, format!("on or after {label}")),
                    )),
                    "before" => Some((
                        taken,
                        open(span.clone(), None, span.until, format!("on or before {label}")),
                    )),
                    _ => None,
                };
            }
            edge(at + 1)
        }
        "since" => {
            edge(at + 1).map(|(n, s)| (n, open(s.clone(), s.from, None, format!("since {}", s.label))))
        }
        "after" => {
            edge(at + 1).map(|(n, s)| (n, open(s.clone(), s.until, None, format!("after {}", s.label))))
        }
        "before" => {
            edge(at + 1).map(|(n, s)| (n, open(s.clone(), None, s.from, format!("before {}", s.label))))
        }
        // "introduced by 1986"
        "by" => edge(at + 1)
            .filter(|(taken, span)| *taken == 2 && span.year.is_some())
            .map(|(n, s)| (n, open(s.clone(), None, s.until, format!("by {}", s.label)))),
        "until" | "till" => {
            edge(at + 1).map(|(n, s)| (n, open(s.clone(), None, s.until, format!("until {}", s.label))))
        }
        "between" => {
            let (taken, first) = edge(at + 1)?;
            if reader.word(at + taken) != "and" {
                return None;
            }
            let (more, last) = reader.single(at + taken + 1)?;
            let label = format!("{} to {}", first.label, last.label);
            let end = taken + 1 + more;
            Some((
                end + aside(at + end),
                open(first.clone(), first.from, last.until, label),
            ))
        }
        _ => reader.single(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translate::offline::words::{Stems, tokens};

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn spans(text: &str) -> (Option<NaiveDate>, Option<NaiveDate>) {
        let tokens = tokens(text, &Stems::new());
        let (taken, span) =
            read(&tokens, 0, day("2026-11-23")).unwrap_or_else(|| panic!("{text} is not read"));
        assert_eq!(taken, tokens.len(), "{text}: {span:?}");
        (span.from, span.until)
    }

    #[test]
    fn spans_of_time_are_read() {
        for (text, from, until) in [
            ("in 2025", "2025-01-01", "2026-01-01"),
            ("in March 2025", "2025-03-01", "2025-04-01"),
            ("on March 5, 2025", "2025-03-05", "2025-03-06"),
            ("on 5 March 2025", "2025-03-05", "2025-03-06"),
            ("in the first quarter of 2024", "2024-01-01", "2024-04-01"),
            ("in Q4 2024", "2024-10-01", "2025-01-01"),
            ("last month", "2026-10-01", "2026-11-01"),
            ("last week", "2026-11-16", "2026-11-23"),
            ("in the last quarter", "2026-07-01", "2026-10-01"),
            ("last year", "2025-01-01", "2026-01-01"),
            ("this year", "2026-01-01", "2027-01-01"),
            ("yesterday", "2026-11-22", "2026-11-23"),
            ("in the last 7 days", "2026-11-16", "2026-11-24"),
            ("in the past 3 months", "2026-08-23", "2026-11-24"),
            (
                "in the last 2 months (excluding the current month)",
                "2026-09-01",
                "2026-11-01",
            ),
            ("year to date", "2026-01-01", "2026-11-24"),
            ("between 2023 and 2024", "2023-01-01", "2025-01-01"),
            ("from Jan 1, 2023 to Mar 31, 2023", "2023-01-01", "2023-04-01"),
            ("on 2025-02-03", "2025-02-03", "2025-02-04"),
        ] {
            assert_eq!(spans(text), (Some(day(from)), Some(day(until))), "{text}");
        }
        assert_eq!(spans("since 2024"), (Some(day("2024-01-01")), None));
        assert_eq!(spans("after 2024"), (Some(day("2025-01-01")), None));
        assert_eq!(spans("before March 2024"), (None, Some(day("2024-03-01"))));
        assert_eq!(
            spans("on or after April 1, 2023"),
            (Some(day("2023-04-01")), None)
        );
    }

    #[test]
    fn what_is_no_date_is_left_alone() {
        for text in [
            "in Berlin",
            "31 February 2025",
            "may",
            "for each",
            "last name",
            "second quarter",
        ] {
            let tokens = tokens(text, &Stems::new());
            assert!(read(&tokens, 0, day("2026-11-23")).is_none(), "{text}");
        }
    }
}
