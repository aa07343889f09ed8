//! Places in a ranking: "came in first", "in second place", "ranked 10th" are values of the column that ranks.

use super::link::{Fit, Item, Kind, Mention};
use super::schema::{Col, Schema};

/// Stems of columns that rank.
const RANKS: &[&str] = &["rank", "place", "posit", "finish", "stand"];

/// Ordinal words, from the first on.
const ORDINALS: &[&str] = &[
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
];

/// Puts a condition in the place of each such phrase, where exactly one column ranks.
pub fn read(items: &mut Vec<Item>, schema: &Schema<'_>) {
    let mut at = 0;
    while at < items.len() {
        if let Some((place, from, until)) = phrase(items, at)
            && let Some(condition) = condition(place, schema)
        {
            let mut item = items[from].clone();
            item.kind = Kind::Mention(condition.0);
            item.end = items[until - 1].end;
            let mut put = vec![item];
            if let Some(number) = condition.1 {
                let mut item = items[until - 1].clone();
                item.kind = Kind::Number(number);
                put.push(item);
            }
            let length = put.len();
            items.splice(from..until, put);
            at = from + length;
            continue;
        }
        at += 1;
    }
}

/// The place that is said from `at` on: which one, where the phrase begins and ends.
fn phrase(items: &[Item], at: usize) -> Option<(u32, usize, usize)> {
    let lower = |at: usize| items.get(at).map_or("", |item| item.lower.as_str());
    let noun = |at: usize| matches!(lower(at), "place" | "position" | "rank" | "spot");
    let verb = matches!(
        lower(at),
        "came"
            | "come"
            | "comes"
            | "finished"
            | "finish"
            | "finishing"
            | "placed"
            | "ranked"
            | "rank"
            | "ranks"
    );
    if verb {
        let mut next = at + 1;
        while matches!(lower(next), "in" | "at" | "the") {
            next += 1;
        }
        let place = ordinal(lower(next))?;
        return Some((place, at, next + 1 + usize::from(noun(next + 1))));
    }
    let place = ordinal(lower(at))?;
    noun(at + 1).then_some((place, at, at + 2))
}

fn ordinal(lower: &str) -> Option<u32> {
    if let Some(at) = ORDINALS.iter().position(|word| *word == lower) {
        return u32::try_from(at + 1).ok();
    }
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    matches!(&lower[digits.len()..], "st" | "nd" | "rd" | "th")
        .then(|| digits.parse().ok())
        .flatten()
}

/// The column that ranks, with the number that follows it or its own values for the place.
fn condition(place: u32, schema: &Schema<'_>) -> Option<(Mention, Option<f64>)> {
    let mut ranking = (0..schema.catalog.tables.len())
        .flat_map(|table| schema.columns(table))
        .filter(|col| matches!(schema.words(*col), [word] if RANKS.contains(&word.as_str())));
    let col: Col = ranking.next()?;
    if ranking.next().is_some() {
        return None;
    }
    let column = schema.column(col);
    if column.kind.is_number() {
        let columns = vec![(col, Fit::Exact)];
        return Some((
            Mention {
                columns,
                ..Mention::default()
            },
            Some(f64::from(place)),
        ));
    }
    let values: Vec<(Col, String)> = column
        .values
        .iter()
        .filter(|value| {
            let lower = value.trim().to_lowercase();
            ordinal(&lower) == Some(place) || lower.parse() == Ok(place)
        })
        .map(|value| (col, value.clone()))
        .collect();
    (!values.is_empty()).then(|| {
        (
            Mention {
                values,
                ..Mention::default()
            },
            None,
        )
    })
}
