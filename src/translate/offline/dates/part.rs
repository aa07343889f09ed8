//! Parts of every date: "in March", "on Mondays", "on weekends".

use chrono::NaiveDate;

use super::super::lexicon::Grain;
use super::super::words::Token;
use super::{Reader, month, weekday_name};

/// A part of every date, at token `at`: "in March", "on Mondays and Fridays", "on weekends". How many tokens it
/// takes, what is counted, and its numbers: months from 1, weekdays from 0 (Sunday).
pub fn part(tokens: &[Token], at: usize) -> Option<(usize, Grain, Vec<u32>)> {
    let reader = Reader {
        tokens,
        today: NaiveDate::default(),
    };
    let led = matches!(reader.word(at), "in" | "on" | "during" | "every");
    let mut next = at + usize::from(led);
    let mut grain = None;
    let mut numbers = Vec::new();
    loop {
        let word = reader.word(next);
        let single = word.strip_suffix('s').unwrap_or(word);
        let found = match single {
            "weekend" if led => Some((Grain::Weekday, vec![0, 6])),
            "weekday" if led && word != single => Some((Grain::Weekday, vec![1, 2, 3, 4, 5])),
            _ => (0..7)
                .find(|day| weekday_name(*day).eq_ignore_ascii_case(single))
                .map(|day| (Grain::Weekday, vec![day]))
                // "may" and "march" are words, too.
                .or_else(|| {
                    month(word)
                        .filter(|_| led)
                        .map(|month| (Grain::MonthOfYear, vec![month]))
                }),
        };
        let Some((kind, found)) = found.filter(|(kind, _)| grain.is_none_or(|grain| grain == *kind)) else {
            break;
        };
        grain = Some(kind);
        numbers.extend(found);
        next += 1;
        let list = reader.word(next);
        let more = next + usize::from(matches!(list, "and" | "or" | ","));
        let word = reader.word(more);
        let again = (0..7)
            .any(|day| weekday_name(day).eq_ignore_ascii_case(word.strip_suffix('s').unwrap_or(word)))
            || month(word).is_some();
        if more == next || !again {
            break;
        }
        next = more;
    }
    // With a year or day behind it, it is one date and no part of every one.
    if reader.year(next).is_some() || (grain == Some(Grain::MonthOfYear) && reader.day(next).is_some()) {
        return None;
    }
    grain.map(|grain| (next - at, grain, numbers))
}
