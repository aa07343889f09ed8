//! Questions about two figures at once: ratios, percentages, differences. Each side is read as a question of
//! its own; what they have in common is computed in one pass, the rest beside it. And a number per owner, where it
//! is not said whether owners without any count.

use super::lexicon::{Dir, Part, Word};
use super::link::{Item, Kind};
use super::plan::{Figure, Filter, Group, Key, Op, Plan, Value};
use super::resolve::Stop;
use crate::translate::Choice;

/// Reads a stretch of the question as a question of its own.
pub trait Read {
    fn plan(&self, items: &[Item]) -> Result<Plan, Stop>;
}

/// How two figures become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Ratio,
    Percent,
    Difference,
}

/// The plan of a question about two figures; None where it is not one.
pub fn compose(items: &[Item], reader: &impl Read) -> Option<Result<Plan, Stop>> {
    let at = items
        .iter()
        .position(|item| matches!(item.kind, Kind::Word(Word::Part(_))))?;
    let Kind::Word(Word::Part(part)) = items[at].kind else {
        return None;
    };
    let asked = Asked::new(items, at);
    Some(match part {
        Part::Ratio => asked.two(reader, Way::Ratio),
        Part::Difference => asked.two(reader, Way::Difference),
        Part::Percentage => asked.part(reader, Way::Percent),
        Part::Fraction => asked.part(reader, Way::Ratio),
    })
}

/// The stretches of such a question.
struct Asked<'b> {
    /// "For each city", before the figure.
    before: &'b [Item],
    /// What the figure is of.
    of: &'b [Item],
    /// "by city", after it.
    groups: &'b [Item],
    /// Further sentences.
    rest: &'b [Item],
}

fn word(item: &Item) -> Option<Word> {
    match item.kind {
        Kind::Word(word) => Some(word),
        _ => None,
    }
}

fn refuse<T>(reason: &str) -> Result<T, Stop> {
    Err(Stop::Refuse(reason.to_owned()))
}

impl<'b> Asked<'b> {
    fn new(items: &'b [Item], at: usize) -> Asked<'b> {
        let before = items[..at]
            .iter()
            .position(|item| word(item) == Some(Word::Each))
            .map_or(&items[..0], |from| &items[from..at]);
        let of = &items[at + 1..];
        let end = of
            .iter()
            .position(|item| matches!(item.lower.as_str(), "." | "?" | "!" | ";"))
            .unwrap_or(of.len());
        let (of, rest) = of.split_at(end);
        let groups = of
            .iter()
            .enumerate()
            .position(|(at, item)| at > 0 && begins_groups(item, of.get(at + 1)))
            .unwrap_or(of.len());
        let (of, groups) = of.split_at(groups);
        Asked {
            before,
            of,
            groups,
            rest,
        }
    }

    /// One side as a question: its rows are counted where no other figure is named.
    fn side(&self, of: &[Item]) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        let first = of.iter().find(|item| {
            !matches!(
                word(item),
                Some(Word::Filler | Word::All | Word::Prep | Word::Which | Word::Who | Word::List)
            )
        });
        if let Some(first) = first {
            let counted = match &first.kind {
                Kind::Mention(mention) => {
                    // A value or a table: its rows; a column: itself.
                    mention.exact_tables().next().is_some()
                        || mention.columns.is_empty()
                        || !mention.values.is_empty()
                }
                _ => false,
            };
            let computed = matches!(
                word(first),
                Some(
                    Word::HowMany
                        | Word::NumberOf
                        | Word::Sum
                        | Word::Average
                        | Word::Median
                        | Word::Max
                        | Word::Min
                        | Word::Highest(_)
                        | Word::HowMuch
                )
            );
            if !computed {
                let begin = if counted { Word::HowMany } else { Word::Figure };
                items.push(Item {
                    kind: Kind::Word(begin),
                    end: first.start,
                    text: String::new(),
                    lower: String::new(),
                    ..first.clone()
                });
            }
        }
        items.extend(of.iter().cloned());
        items.extend(self.groups.iter().cloned());
        items.extend(self.before.iter().cloned());
        items
    }

    /// "the ratio of A to B", "the difference between A and B", "the difference in A between X and Y".
    fn two(&self, reader: &impl Read, way: Way) -> Result<Plan, Stop> {
        let between = |item: &Item| match way {
            Way::Difference => word(item) == Some(Word::And),
            _ => matches!(
                item.lower.as_str(),
                "to" | "and" | "over" | "versus" | "vs" | "out of"
            ),
        };
        if way == Way::Ratio
            && let Some(plan) = self.of_total(reader)
        {
            return self.finish(plan?, way);
        }
        let Some(cut) = self.of.iter().position(between).filter(|cut| *cut > 0) else {
            return refuse(
                "It is not clear between which two figures; ask for example \"the ratio of … to …\" or \"the difference between … and …\".",
            );
        };
        let (left, right) = (&self.of[..cut], &self.of[cut + 1..]);
        let (left, right) = self.completed(left, right);
        let mut first = reader.plan(&self.side(&left))?;
        let second = reader.plan(&self.side(&right))?;
        self.share_tail(&right, reader, &mut first, &second)?;
        let plan = combine(first, second, way)?;
        self.finish(plan, way)
    }

    /// "the ratio of orders in each city to all orders": each group's share of the whole.
    fn of_total(&self, reader: &impl Read) -> Option<Result<Plan, Stop>> {
        let to = self
            .groups
            .iter()
            .position(|item| matches!(item.lower.as_str(), "to" | "out of"))?;
        if self.of.iter().any(|item| item.lower == "to") {
            return None;
        }
        let (groups, right) = (&self.groups[..to], &self.groups[to + 1..]);
        let left = Asked {
            groups,
            of: self.of,
            before: self.before,
            rest: self.rest,
        };
        let right = Asked {
            groups: &[],
            of: right,
            before: &[],
            rest: &[],
        };
        let both = reader.plan(&left.side(left.of)).and_then(|part| {
            let whole = reader.plan(&right.side(right.of))?;
            let same = |a: &Plan, b: &Plan| {
                a.base == b.base && a.filters == b.filters && a.any == b.any && a.related == b.related
            };
            if !same(&part, &whole) || !whole.groups.is_empty() || part.measures != whole.measures {
                return refuse("The figures are not about the same rows; ask for them one by one.");
            }
            share(part, Way::Ratio).map(|mut plan| {
                plan.measures[0].hidden = true;
                plan.figures[0].name = "ratio".into();
                plan
            })
        });
        Some(both)
    }

    /// "the highest and the lowest price", "in revenue between 2024 and 2025": what only one side says.
    fn completed(&self, left: &[Item], right: &[Item]) -> (Vec<Item>, Vec<Item>) {
        let named = |item: &&Item| matches!(item.kind, Kind::Mention(_));
        let between = left
            .iter()
            .position(|item| word(item) == Some(Word::Between) || item.lower == "from");
        if let Some(at) = between.filter(|at| left[..*at].iter().any(|item| named(&item))) {
            let mut second = left[..at].to_vec();
            second.extend(right.iter().cloned());
            let mut first = left[..at].to_vec();
            first.extend(left[at + 1..].iter().cloned());
            return (first, second);
        }
        let mut first = left.to_vec();
        if !left.iter().any(|item| named(&item))
            && let Some(noun) = right.iter().position(|item| named(&item))
        {
            first.extend(right[noun..].iter().cloned());
        }
        (first, right.to_vec())
    }

    /// "… to restaurants in Rome": a place or time at the end, beside no relative clause, holds for both.
    fn share_tail(
        &self,
        right: &[Item],
        reader: &impl Read,
        first: &mut Plan,
        second: &Plan,
    ) -> Result<(), Stop> {
        let clause = right
            .iter()
            .any(|item| matches!(word(item), Some(Word::Relative | Word::Who | Word::Which)));
        let tail = right
            .iter()
            .rposition(|item| matches!(item.lower.as_str(), "in" | "for" | "during" | "within"))
            .filter(|at| *at > 0 && !clause);
        let Some(tail) = tail.filter(|_| first.base == second.base) else {
            return Ok(());
        };
        let Ok(without) = reader.plan(&self.side(&right[..tail])) else {
            return Ok(());
        };
        for filter in &second.filters {
            let said = |plan: &Plan| plan.filters.iter().any(|other| other.column == filter.column);
            if !without.filters.contains(filter) && !said(first) {
                first.filters.push(filter.clone());
                for join in &second.joins {
                    if !first.joins.contains(join) {
                        first.joins.push(join.clone());
                    }
                }
            }
        }
        Ok(())
    }

    /// "the percentage of orders that were paid by card", "the share of revenue by category".
    fn part(&self, reader: &impl Read, way: Way) -> Result<Plan, Stop> {
        // "the percentage of A out of B"
        if let Some(cut) = self
            .of
            .iter()
            .position(|item| matches!(item.lower.as_str(), "out of" | "to" | "among"))
            && cut > 0
        {
            let mut first = reader.plan(&self.side(&self.of[..cut]))?;
            let second = reader.plan(&self.side(&self.of[cut + 1..]))?;
            self.share_tail(&self.of[cut + 1..], reader, &mut first, &second)?;
            return self.finish(combine(first, second, way)?, way);
        }
        let whole = reader.plan(&self.side(self.of))?;
        let Some(noun) = self
            .of
            .iter()
            .position(|item| matches!(item.kind, Kind::Mention(_)))
        else {
            return refuse("It is not clear what the percentage is of.");
        };
        let conditions = |plan: &Plan| plan.filters.len() + plan.any.len() + plan.related.len();
        if conditions(&whole) == dates(&whole).len() {
            if whole.groups.is_empty() && conditions(&whole) == 0 {
                return refuse(
                    "It is not clear which part is meant; ask for example \"the percentage of orders that …\" or \"the share of revenue by …\".",
                );
            }
            if !whole.groups.is_empty() {
                return self.finish(share(whole, way)?, way);
            }
        }
        let cut = (noun + 1..self.of.len())
            .find(|at| splits(&self.of[*at]))
            .unwrap_or(noun + 1);
        let mut all = reader.plan(&self.side(&self.of[..cut]))?;
        if conditions(&all) == conditions(&whole) {
            all = reader.plan(&self.side(&self.of[..=noun]))?;
        }
        for filter in dates(&whole) {
            if !all.filters.contains(&filter) && conditions(&whole) > dates(&whole).len() {
                all.filters.push(filter);
            }
        }
        self.finish(combine(whole, all, way)?, way)
    }

    /// Orders the result, and reads what further sentences say.
    fn finish(&self, mut plan: Plan, way: Way) -> Result<Plan, Stop> {
        if way == Way::Percent {
            for figure in &mut plan.figures {
                let value = std::mem::replace(&mut figure.value, Value::Number(0.0));
                figure.value = Value::Op(Op::Times, Box::new(value), Box::new(Value::Number(100.0)));
            }
        }
        let mut dir = Dir::Down;
        for item in self.rest {
            match word(item) {
                Some(Word::Ascending) => dir = Dir::Up,
                Some(
                    Word::Filler
                    | Word::List
                    | Word::And
                    | Word::Prep
                    | Word::Descending
                    | Word::OrderBy
                    | Word::Each
                    | Word::All
                    | Word::Possessive
                    | Word::Part(_),
                ) => {}
                _ if self.shows(item, &plan) => {}
                _ => {
                    return refuse(&format!(
                        "\"{}\" could not be read beside the figure asked for; ask for it in a question of its own.",
                        item.text
                    ));
                }
            }
        }
        plan.order.clear();
        if !plan.groups.is_empty() {
            let period = plan.groups.iter().position(|g| matches!(g, Group::Period(..)));
            plan.order.push(match period {
                Some(at) => (Key::Group(at), Dir::Up),
                None => (Key::Figure(0), dir),
            });
            for at in 0..plan.groups.len() {
                if period != Some(at) {
                    plan.order.push((Key::Group(at), Dir::Up));
                }
            }
        }
        Ok(plan)
    }

    /// Whether the result shows what is named anyway.
    fn shows(&self, item: &Item, plan: &Plan) -> bool {
        let Kind::Mention(mention) = &item.kind else {
            return matches!(
                item.lower.as_str(),
                "ratio" | "proportion" | "percentage" | "difference"
            );
        };
        plan.groups.iter().any(|group| match group {
            Group::Column(col) | Group::Period(col, _) => {
                mention.columns.iter().any(|(other, _)| other == col)
            }
            Group::Entity { table, key, label } => {
                mention.exact_tables().any(|other| other == *table)
                    || mention
                        .columns
                        .iter()
                        .any(|(col, _)| label.contains(col) || key.contains(col))
            }
        })
    }
}

/// "by city", "for each month", "per store".
fn begins_groups(item: &Item, next: Option<&Item>) -> bool {
    match word(item) {
        Some(Word::Each) => true,
        Some(Word::By) => next.is_some_and(|next| match &next.kind {
            Kind::Mention(mention) => !mention.tables.is_empty() || !mention.columns.is_empty(),
            Kind::Word(Word::Grain(_) | Word::Filler) => true,
            _ => false,
        }),
        _ => false,
    }
}

/// Where the part begins to be told apart from the whole.
fn splits(item: &Item) -> bool {
    match word(item) {
        Some(
            Word::Relative
            | Word::Who
            | Word::Which
            | Word::Verb
            | Word::Without
            | Word::Never
            | Word::Not
            | Word::Compare(_),
        ) => true,
        Some(Word::Filler) => matches!(
            item.lower.as_str(),
            "is" | "are" | "was" | "were" | "do" | "does" | "did"
        ),
        Some(Word::Prep) => item.lower == "with",
        _ => false,
    }
}

fn dates(plan: &Plan) -> Vec<Filter> {
    plan.filters
        .iter()
        .filter(|filter| matches!(filter.test, super::plan::Is::When(_)))
        .cloned()
        .collect()
}

/// Each group's share of the whole.
fn share(mut plan: Plan, way: Way) -> Result<Plan, Stop> {
    if plan.measures.len() != 1 || plan.limit.is_some() || !plan.having.is_empty() {
        return refuse("A share can be told of one figure at a time.");
    }
    if plan.once.is_some() {
        return refuse(
            "A row can belong to several of these groups, so their shares would add up to more than the whole; ask for the figures themselves.",
        );
    }
    plan.figures.push(Figure {
        name: if way == Way::Percent {
            "percentage"
        } else {
            "share"
        }
        .into(),
        value: Value::Share(0),
    });
    Ok(plan)
}

/// One figure of two: over the same rows in one pass, else beside each other.
fn combine(mut first: Plan, mut second: Plan, way: Way) -> Result<Plan, Stop> {
    let simple = |plan: &Plan| {
        plan.measures.len() == 1 && plan.figures.is_empty() && plan.limit.is_none() && plan.having.is_empty()
    };
    if !simple(&first) || !simple(&second) {
        return refuse("Two figures can be compared where each is a single number; ask for them one by one.");
    }
    let name = match way {
        Way::Ratio => "ratio",
        Way::Percent => "percentage",
        Way::Difference => "difference",
    };
    let op = if way == Way::Difference {
        Op::Minus
    } else {
        Op::Divided
    };
    let value = |right: Value| Value::Op(op, Box::new(Value::Measure(0)), Box::new(right));
    first.measures[0].hidden = true;
    let same_rows = first.base == second.base
        && first.joins == second.joins
        && first.groups == second.groups
        && first.any == second.any
        && first.related == second.related
        && first.once == second.once;
    if same_rows {
        let common: Vec<Filter> = first
            .filters
            .iter()
            .filter(|filter| second.filters.contains(filter))
            .cloned()
            .collect();
        let own = |plan: &Plan| -> Vec<Filter> {
            plan.filters
                .iter()
                .filter(|filter| !common.contains(filter))
                .cloned()
                .collect()
        };
        let mut measure = second.measures.remove(0);
        measure.hidden = true;
        measure.only = own(&second);
        first.measures[0].only = own(&first);
        first.filters = common;
        first.measures.push(measure);
        first.figures.push(Figure {
            name: name.into(),
            value: value(Value::Measure(1)),
        });
        return Ok(first);
    }
    if !first.groups.is_empty() || !second.groups.is_empty() {
        return refuse(
            "The two figures are about different rows, so they cannot be compared for each group; ask for them one by one.",
        );
    }
    second.order.clear();
    first.beside.push(second);
    first.figures.push(Figure {
        name: name.into(),
        value: value(Value::Beside(0)),
    });
    Ok(first)
}

/// "average number of orders per customer": whether those without any count as well is not said, so it is asked.
pub fn average_number(items: &[Item]) -> Option<Stop> {
    let said: Vec<&Item> = items
        .iter()
        .filter(|item| {
            !matches!(
                word(item),
                Some(Word::Filler | Word::All | Word::Which | Word::List | Word::Verb)
            )
        })
        .collect();
    let (average, rest) = said.split_first()?;
    let (counts, rest) = match rest {
        [count, rest @ ..] if matches!(word(count), Some(Word::NumberOf | Word::HowMany)) => (true, rest),
        rest => (false, rest),
    };
    let [thing, each, owner] = rest else { return None };
    let table = |item: &Item| {
        matches!(&item.kind, Kind::Mention(mention)
            if mention.exact_tables().next().is_some() && mention.values.is_empty())
    };
    let asked = word(average) == Some(Word::Average)
        && table(thing)
        && matches!(word(each), Some(Word::Each | Word::By))
        && table(owner)
        && (counts || thing.lower.ends_with('s'));
    if !asked {
        return None;
    }
    let owners = match owner.text.strip_suffix('s') {
        Some(_) => owner.text.clone(),
        None => format!("{}s", owner.text),
    };
    let things = &thing.text;
    let options = vec![
        Choice {
            label: format!("only {owners} that have any"),
            question: format!("Ratio of {things} to {owners} with {things}"),
        },
        Choice {
            label: format!("all {owners}"),
            question: format!("Ratio of {things} to {owners}"),
        },
    ];
    Some(Stop::Clarify(
        format!("Over which {owners} is the average taken?"),
        options,
    ))
}
