//! What is set against something of its kind. Two spans of time side by side ("revenue in 2025 compared to 2024",
//! "how much did revenue grow from 2024 to 2025?"): each side is read as a question of its own, and what both have
//! in common is computed in one pass. Named values ("compare revenue in Oslo and Bergen"): a row for each.

use chrono::NaiveDate;

use super::compose::Read;
use super::dates::{Span, month_name};
use super::lexicon::{Change, Compare, Dir, Grain, Word};
use super::link::{Item, Kind};
use super::plan::{Figure, Filter, Group, Is, Key, Op, Plan, Value};
use super::resolve::Stop;

/// The plan of a question that sets two spans, or two named things, against each other; None where it does not.
pub fn compare(items: &[Item], reader: &impl Read) -> Option<Result<Plan, Stop>> {
    match sides(items) {
        Some((left, right)) => Some(read(&left, &right, reader)),
        None => values(items, reader),
    }
}

/// Whether a span of time is all that is said.
pub fn is_span(items: &[Item]) -> bool {
    when_after(items, 0).is_some_and(|at| {
        items[at + 1..]
            .iter()
            .all(|item| word(item) == Some(Word::Filler))
    })
}

fn word(item: &Item) -> Option<Word> {
    match item.kind {
        Kind::Word(word) => Some(word),
        _ => None,
    }
}

fn is_when(item: &Item) -> bool {
    matches!(item.kind, Kind::When(_))
}

/// The span of time that follows, fillers and prepositions skipped.
fn when_after(items: &[Item], from: usize) -> Option<usize> {
    let at = (from..items.len())
        .find(|at| !matches!(word(&items[*at]), Some(Word::Filler | Word::All | Word::Prep)))?;
    is_when(&items[at]).then_some(at)
}

/// The question about the one span, and about the other.
fn sides(items: &[Item]) -> Option<(Vec<Item>, Vec<Item>)> {
    let position = |wanted: fn(Word) -> bool| items.iter().position(|item| word(item).is_some_and(wanted));
    // "… in 2025 compared to 2024"
    if let Some(at) = position(|word| word == Word::Versus)
        && let Some(second) = when_after(items, at + 1)
        && let Some(first) = items[..at].iter().position(is_when)
        && position(|word| word == Word::Compared).is_none()
    {
        return set_against(items, first, at, second);
    }
    // "how many more orders in 2025 than in 2024"
    if let Some(at) = position(|word| word == Word::Than)
        && let Some(second) = when_after(items, at + 1)
        && let Some(more) = items[..at]
            .iter()
            .position(|item| matches!(word(item), Some(Word::Comparative(_))))
        && more > 0
        && matches!(word(&items[more - 1]), Some(Word::HowMany | Word::HowMuch))
        && let Some(first) = items[..at].iter().position(is_when)
    {
        let mut rest = items.to_vec();
        rest.remove(more);
        return set_against(&rest, first - 1, at - 1, second - 1);
    }
    // "compare … in 2024 and 2025", "revenue growth from 2024 to 2025"
    let told = position(|word| {
        matches!(word, Word::Compared | Word::Grow)
            || matches!(word, Word::Change(change) if change != Change::Running)
    })?;
    let first = items.iter().position(is_when)?;
    let second = when_after(items, first + 1 + usize::from(links(items.get(first + 1)?)))?;
    if second == first + 1 || items.iter().filter(|item| is_when(item)).count() != 2 {
        return None;
    }
    let with = |span: usize| -> Vec<Item> {
        let mut side: Vec<Item> = items[..first]
            .iter()
            .enumerate()
            .filter(|(at, item)| {
                let of = *at == told + 1 && matches!(item.lower.as_str(), "in" | "of");
                let between = word(item) == Some(Word::Between);
                // "how did …", "by how much did …"
                let how = *at < told && (item.lower == "how" || word(item) == Some(Word::By));
                *at != told && !of && !between && !how
            })
            .map(|(_, item)| item.clone())
            .collect();
        side.push(items[span].clone());
        let after = items[second + 1..].iter().enumerate();
        side.extend(
            after
                .filter(|(at, _)| second + 1 + at != told)
                .map(|(_, item)| item.clone()),
        );
        side
    };
    Some((with(first), with(second)))
}

fn links(item: &Item) -> bool {
    matches!(word(item), Some(Word::And | Word::Versus))
}

/// The words up to `at` with the one span, and with the other that stands behind.
fn set_against(items: &[Item], first: usize, at: usize, second: usize) -> Option<(Vec<Item>, Vec<Item>)> {
    if items[..at].iter().filter(|item| is_when(item)).count() != 1 {
        return None;
    }
    let mut left = items[..at].to_vec();
    left.extend(items[second + 1..].iter().cloned());
    let mut right = left.clone();
    right[first] = items[second].clone();
    Some((left, right))
}

fn read(left: &[Item], right: &[Item], reader: &impl Read) -> Result<Plan, Stop> {
    let first = reader.plan(left)?;
    if first.computes() {
        return side_by_side(first, reader.plan(right)?);
    }
    // "orders in 2025 compared to 2024": how many there were.
    side_by_side(reader.plan(&counted(left))?, reader.plan(&counted(right))?)
}

fn counted(items: &[Item]) -> Vec<Item> {
    let mut counted = items.to_vec();
    if let Some(at) = items
        .iter()
        .position(|item| matches!(item.kind, Kind::Mention(_)))
    {
        counted.insert(
            at,
            Item {
                kind: Kind::Word(Word::HowMany),
                end: items[at].start,
                text: String::new(),
                lower: String::new(),
                ..items[at].clone()
            },
        );
    }
    counted
}

fn refuse<T>(reason: &str) -> Result<T, Stop> {
    Err(Stop::Refuse(reason.to_owned()))
}

/// One row, or one per group, with the figure of the earlier span, of the later one, and the change.
fn side_by_side(mut first: Plan, second: Plan) -> Result<Plan, Stop> {
    let [measure] = first.measures.as_slice() else {
        return refuse(
            "Two periods are compared by one figure at a time, for example \"revenue in … compared to …\".",
        );
    };
    let simple = first.figures.is_empty() && first.limit.is_none() && first.having.is_empty();
    let same = first.base == second.base
        && first.joins == second.joins
        && first.groups == second.groups
        && first.any == second.any
        && first.related == second.related
        && first.once == second.once
        && first.measures == second.measures
        && first.limit == second.limit;
    let (common, own): (Vec<Filter>, Vec<Filter>) = first
        .filters
        .iter()
        .cloned()
        .partition(|filter| second.filters.contains(filter));
    let other: Vec<Filter> = second
        .filters
        .iter()
        .filter(|filter| !common.contains(filter))
        .cloned()
        .collect();
    let ([own], [other]) = (own.as_slice(), other.as_slice()) else {
        return refuse(
            "It is not clear which two periods are compared; say for example \"revenue in … compared to …\".",
        );
    };
    let (Some(span), Some(against)) = (Moment::of(own), Moment::of(other)) else {
        return refuse(
            "It is not clear which two periods are compared; say for example \"revenue in … compared to …\".",
        );
    };
    if !simple || !same || own.column != other.column || own.negated || other.negated {
        return refuse(
            "The two periods are not about the same rows, so they cannot be compared; ask for them one by one.",
        );
    }
    for group in &mut first.groups {
        let Group::Period(col, grain) = group else {
            continue;
        };
        if *col != own.column {
            continue;
        }
        match grain {
            Grain::MonthOfYear | Grain::Weekday | Grain::Hour => {}
            Grain::Month if span.is_year && against.is_year => *grain = Grain::MonthOfYear,
            _ => {
                return refuse(
                    "Such periods do not lie beside each other; compare whole years by month, or without \"by\".",
                );
            }
        }
    }
    let (earlier, later) = if span.begins <= against.begins {
        (own.clone(), other.clone())
    } else {
        (other.clone(), own.clone())
    };
    let over = |filter: &Filter| {
        let mut measure = measure.clone();
        measure.only = vec![filter.clone()];
        if let Some(moment) = Moment::of(filter) {
            measure.name = format!("{}_{}", measure.name, moment.label);
        }
        measure
    };
    let measures = vec![over(&earlier), over(&later)];
    first.measures = measures;
    first.filters = common;
    first.any.push(vec![earlier, later]);
    let minus = || {
        Value::Op(
            Op::Minus,
            Box::new(Value::Measure(1)),
            Box::new(Value::Measure(0)),
        )
    };
    let relative = Value::Op(Op::Divided, Box::new(minus()), Box::new(Value::Measure(0)));
    first.figures = vec![
        Figure {
            name: "change".into(),
            value: minus(),
        },
        Figure {
            name: "change_percent".into(),
            value: Value::Op(Op::Times, Box::new(relative), Box::new(Value::Number(100.0))),
        },
    ];
    first.order.clear();
    if !first.groups.is_empty() {
        let period = first
            .groups
            .iter()
            .position(|group| matches!(group, Group::Period(..)));
        if period.is_none() {
            first.order.push((Key::Figure(0), Dir::Down));
        }
        first.order.extend(period.map(|at| (Key::Group(at), Dir::Up)));
        let others = (0..first.groups.len()).filter(|at| Some(*at) != period);
        first.order.extend(others.map(|at| (Key::Group(at), Dir::Up)));
    }
    Ok(first)
}

/// A period that a condition leaves.
struct Moment {
    begins: Option<NaiveDate>,
    is_year: bool,
    /// As part of a column's name.
    label: String,
}

impl Moment {
    fn of(filter: &Filter) -> Option<Moment> {
        match &filter.test {
            Is::When(span) => Some(Moment {
                begins: span.from,
                is_year: span.year.is_some() && span.month.is_none(),
                label: label(span),
            }),
            // A column of years.
            Is::Compare(Compare::Equal, year) => Some(Moment {
                begins: NaiveDate::from_ymd_opt(*year as i32, 1, 1),
                is_year: true,
                label: format!("{year}"),
            }),
            _ => None,
        }
    }
}

/// A span as part of a column's name: `2025`, `march_2025`, `last_month`.
fn label(span: &Span) -> String {
    match (span.year, span.month) {
        (Some(year), Some(month)) => format!("{}_{year}", month_name(month).to_lowercase()),
        (Some(year), None) => year.to_string(),
        _ => {
            let words = span.label.split(" (").next().unwrap_or_default();
            let letters = words.to_lowercase();
            let parts: Vec<&str> = letters
                .split(|c: char| !c.is_ascii_alphanumeric())
                .filter(|part| !part.is_empty())
                .collect();
            match parts.as_slice() {
                ["quarter", number, "of", year] => format!("q{number}_{year}"),
                _ => parts.join("_"),
            }
        }
    }
}

/// "compare revenue in Oslo and Bergen": one row for each that is named.
fn values(items: &[Item], reader: &impl Read) -> Option<Result<Plan, Stop>> {
    let at = items.iter().position(|item| word(item) == Some(Word::Compared))?;
    if items.iter().any(|item| matches!(word(item), Some(Word::Part(_)))) {
        return None;
    }
    let rest: Vec<Item> = items
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != at)
        .map(|(_, item)| match word(item) {
            Some(Word::Versus) => Item {
                kind: Kind::Word(Word::And),
                ..item.clone()
            },
            _ => item.clone(),
        })
        .collect();
    Some(reader.plan(&rest).and_then(|mut plan| {
        // "compare revenue by store" names them all.
        if !plan.groups.is_empty() {
            return Ok(plan);
        }
        let several = |filter: &&Filter| {
            !filter.negated && matches!(&filter.test, Is::OneOf(values) if values.len() > 1)
        };
        let mut named = plan.filters.iter().filter(several);
        match (named.next(), named.next(), plan.measures.len()) {
            (Some(filter), None, 1..) if plan.figures.is_empty() && plan.limit.is_none() => {
                plan.groups.push(Group::Column(filter.column));
                plan.order = vec![(Key::Measure(0), Dir::Down), (Key::Group(0), Dir::Up)];
                Ok(plan)
            }
            _ => refuse(
                "It is not clear what is compared; say for example \"revenue in … compared to …\" or \"compare revenue by …\".",
            ),
        }
    }))
}
