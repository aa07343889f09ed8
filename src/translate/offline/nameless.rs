//! A single table whose name says nothing: `export.csv`, `203-145.csv`. No word of a question can name its rows, so
//! the question's own noun does: "how many *trains* are there", "which *team* has the most points". The reading says
//! so. Where the table has a name, a word that is not it stays unread: "how many customers" must not count orders.

use super::lexicon::Word;
use super::link::{Fit, Item, Kind, Mention};
use super::schema::Schema;
use super::words::split_name;

/// Words of names that say nothing about what is in the table.
const SAY_NOTHING: &[&str] = &[
    "table", "sheet", "data", "dataset", "export", "file", "list", "report", "result", "results", "query",
    "untitled", "download", "csv", "xlsx", "copy", "new", "tmp", "temp", "test", "book", "page", "document",
    "input", "output", "final", "sample",
];

/// Nouns of what is measured or added up; they never name rows.
const QUANTITIES: &[&str] = &[
    "people",
    "person",
    "point",
    "goal",
    "vote",
    "run",
    "win",
    "loss",
    "medal",
    "seat",
    "passenger",
    "visitor",
    "spectator",
    "inhabitant",
    "resident",
    "copy",
    "dollar",
    "unit",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "time",
    "mile",
    "kilometer",
    "kilometre",
    "meter",
    "metre",
    "foot",
    "feet",
    "ton",
    "percent",
    "money",
    "total",
    "number",
    "amount",
    "lap",
    "yard",
    "fan",
    "second",
    "degree",
    "value",
    "sum",
    "count",
    "size",
    "cent",
    "euro",
    "pound",
    "share",
    "rate",
    "score",
    "user",
    "view",
    "download",
    "tie",
    "draw",
    "sale",
    "profit",
    "loss",
    "cost",
    "price",
    "revenue",
    "customer",
    "employee",
];

/// Gives the noun that names the rows its place, and says which it is.
pub fn name_rows(items: &mut [Item], schema: &Schema<'_>) -> Option<String> {
    let [table] = schema.catalog.tables.as_slice() else {
        return None;
    };
    if says_nothing(&table.name) {
        leave_subject_out(items);
    }
    for at in 0..items.len() {
        let asks = match items[at].kind {
            Kind::Word(Word::HowMany | Word::NumberOf) => Asks::HowMany,
            Kind::Word(Word::Which) if items[at].lower == "which" => Asks::Which,
            _ => continue,
        };
        if asks == Asks::HowMany && counts_bare(items, at, schema) {
            // "how many were held in Oslo": rows, whatever they are called.
            items[at + 1].kind = Kind::Mention(rows());
            return None;
        }
        if !says_nothing(&table.name) {
            return None;
        }
        let mut from = at + 1;
        while matches!(
            items.get(from).map(|item| &item.kind),
            Some(Kind::Word(Word::Filler | Word::All | Word::Sum))
        ) {
            from += 1;
        }
        // "how many Italian drivers": the value is a condition on the noun behind it.
        let value = matches!(items.get(from).map(|item| &item.kind), Some(Kind::Mention(mention))
            if mention.tables.is_empty() && mention.columns.is_empty() && !mention.values.is_empty());
        let noun = from + usize::from(value);
        let length = items[noun.min(items.len())..]
            .iter()
            .take_while(|item| matches!(item.kind, Kind::Unknown) && is_word(&item.lower))
            .count();
        let last = noun + length;
        if length != 1 || !may_follow(items, last, asks) || is_quantity(&items[last - 1].lower) {
            return None;
        }
        let name = items[noun].lower.clone();
        items[noun].kind = Kind::Mention(rows());
        for item in &mut items[at + 1..from] {
            item.kind = Kind::Word(Word::Filler);
        }
        if value {
            items.swap(from, noun);
        }
        return Some(name);
    }
    None
}

/// "the team" in a table that is all about one team: says nothing, as long as no column is of teams.
fn leave_subject_out(items: &mut [Item]) {
    const SUBJECTS: &[&str] = &[
        "team", "club", "player", "band", "company", "driver", "athlete", "singer", "artist", "actor",
        "actress",
    ];
    for at in 1..items.len() {
        if matches!(items[at].kind, Kind::Unknown)
            && SUBJECTS.contains(&items[at].lower.as_str())
            && matches!(items[at - 1].lower.as_str(), "the" | "this")
        {
            items[at].kind = Kind::Word(Word::Filler);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    HowMany,
    Which,
}

fn rows() -> Mention {
    Mention {
        tables: vec![(0, Fit::Exact)],
        ..Mention::default()
    }
}

fn is_word(lower: &str) -> bool {
    lower
        .chars()
        .all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | ' '))
}

fn is_quantity(lower: &str) -> bool {
    let single = lower.strip_suffix('s').unwrap_or(lower);
    QUANTITIES.contains(&lower) || QUANTITIES.contains(&single)
}

/// Whether nothing in the table's name tells what its rows are.
fn says_nothing(name: &str) -> bool {
    split_name(name).iter().all(|part| {
        let lower = part.to_lowercase();
        lower.chars().count() < 2
            || lower.chars().all(|c| c.is_ascii_digit())
            || SAY_NOTHING.contains(&lower.as_str())
    })
}

/// "how many *were* …", with no noun at all.
fn counts_bare(items: &[Item], at: usize, schema: &Schema<'_>) -> bool {
    let lower = |at: usize| items.get(at).map_or("", |item| item.lower.as_str());
    matches!(items[at].kind, Kind::Word(Word::HowMany))
        && matches!(lower(at + 1), "were" | "are" | "was" | "is")
        && !matches!(lower(at + 2), "there" | "in" | "of" | "on" | "" | "?")
        && match items.get(at + 2).map(|item| &item.kind) {
            Some(Kind::Word(Word::Verb | Word::Prep | Word::Compare(_) | Word::Not) | Kind::Unknown) => true,
            // "how many were *built* before 1950": when, and not what.
            Some(Kind::Mention(mention)) => {
                let timed = |col| schema.holds_years(col) || schema.column(col).kind.is_date();
                !mention.columns.is_empty()
                    && mention.tables.is_empty()
                    && mention.columns.iter().all(|(col, _)| timed(*col))
                    && matches!(items.get(at + 3).map(|item| &item.kind), Some(Kind::When(_)))
            }
            _ => false,
        }
}

/// What shows that the noun is the subject. "How many games *did they* win" asks for a figure of theirs.
fn may_follow(items: &[Item], at: usize, asks: Asks) -> bool {
    let lower = |at: usize| items.get(at).map_or("", |item| item.lower.as_str());
    let helps = matches!(
        lower(at),
        "did" | "does" | "do" | "has" | "have" | "had" | "can" | "could" | "will" | "would"
    );
    match asks {
        Asks::HowMany => !helps || lower(at + 1) == "been",
        Asks::Which => {
            matches!(lower(at), "has" | "have" | "had" | "is" | "are" | "was" | "were")
                || matches!(
                    items.get(at).map(|item| &item.kind),
                    Some(Kind::Word(Word::Verb | Word::Relative | Word::Prep))
                )
        }
    }
}
