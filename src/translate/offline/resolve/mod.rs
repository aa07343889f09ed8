//! From what was asked to a logical query: chooses among candidates, finds the joins, and stops with a
//! question or a refusal where there is more than one sensible reading.

mod calendar;
mod filters;
mod joins;
mod measures;
mod order;
mod pick;
mod shown;
mod totals;

use super::frame::{Agg, Frame, RankBy, RawGroup, RawMeasure, Spot, Test};
use super::lexicon::Change;
use super::link::{Fit, Mention};
use super::plan::{Figure, Filter, Group, Is, Key, Op, Plan, Value};
use super::schema::{Col, Schema, Way, spaced};
use crate::catalog::ColumnKind;
use crate::translate::Choice;

/// Why there is no query.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    Refuse(String),
    Clarify(String, Vec<Choice>),
}

type Step<T> = Result<T, Stop>;

fn refuse<T>(reason: impl Into<String>) -> Step<T> {
    Err(Stop::Refuse(reason.into()))
}

pub struct Resolver<'a, 'b> {
    pub schema: &'b Schema<'a>,
    pub question: &'b str,
    /// Tables that the question names outright.
    named: Vec<usize>,
    base: Option<usize>,
    /// Whose rows figures are to be over, where that is possible.
    wanted: Option<usize>,
    /// A condition tells single rows apart: "of Berlin".
    pinned: bool,
    /// A condition leaves one row of its table at most.
    one_row: bool,
    ways: Vec<Way>,
    /// From the first table that is named, for as long as there is no base.
    named_ways: Vec<Way>,
}

/// Turns a frame without unread words into a plan; figures are over the rows of `wanted` where its rows reach
/// what is computed.
pub fn resolve(frame: &Frame, question: &str, schema: &Schema<'_>, wanted: Option<usize>) -> Step<Plan> {
    let mut named = Vec::new();
    let spots = frame
        .outputs
        .iter()
        .chain(&frame.anchors)
        .chain(frame.measures.iter().map(|m| &m.of))
        .chain(frame.having.iter().map(|(m, ..)| &m.of))
        .chain(frame.related.iter().map(|r| &r.of))
        .chain(frame.groups.iter().filter_map(|g| match g {
            RawGroup::Name(spot) => Some(spot),
            RawGroup::Period(_) => None,
        }))
        .chain(frame.rank.iter().filter_map(|rank| match &rank.by {
            RankBy::Measure(measure) => Some(&measure.of),
            _ => None,
        }));
    for spot in spots {
        for table in spot.mention.exact_tables() {
            if !named.contains(&table) {
                named.push(table);
            }
        }
    }
    let named_ways = named.first().map_or_else(Vec::new, |table| schema.paths(*table));
    let mut resolver = Resolver {
        schema,
        question,
        named_ways,
        named,
        base: None,
        wanted,
        pinned: frame.filters.iter().any(|filter| match &filter.test {
            Test::Values(values) => values.iter().any(|(col, _)| names_rows(schema, *col)),
            Test::Text(_) => true,
            _ => false,
        }),
        one_row: frame.filters.iter().any(|filter| match &filter.test {
            Test::Values(values) => {
                !filter.negated && !filter.or && {
                    let first = values.first().map(|(col, _)| *col);
                    first.is_some_and(|col| schema.is_unique(col) && values.len() == 1)
                }
            }
            _ => false,
        }),
        ways: Vec::new(),
    };
    resolver.plan(frame)
}

/// Whether a column's values name single rows of its table.
fn names_rows(schema: &Schema<'_>, col: Col) -> bool {
    schema.is_unique(col) || schema.label(col.table).contains(&col)
}

impl PartialEq for Test {
    fn eq(&self, other: &Test) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// Whether exactly two values of one column are named.
fn compares_two(frame: &Frame) -> bool {
    frame.filters.iter().any(|filter| match &filter.test {
        Test::Values(values) => {
            let columns: Vec<Col> = values.iter().map(|(col, _)| *col).collect();
            columns
                .iter()
                .any(|col| values.iter().filter(|(other, _)| other == col).count() == 2)
        }
        _ => false,
    })
}

/// The table a group's columns come from.
pub fn group_table(group: &Group) -> usize {
    match group {
        Group::Column(col) | Group::Period(col, _) => col.table,
        Group::Entity { table, .. } => *table,
    }
}

pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().collect::<String>() + chars.as_str(),
        None => String::new(),
    }
}

impl Resolver<'_, '_> {
    fn plan(&mut self, frame: &Frame) -> Step<Plan> {
        let (mut outputs, mut extras) = match frame.main_outputs {
            Some(at) if at > 0 || !frame.measures.is_empty() => {
                let (main, extras) = frame.outputs.split_at(at.min(frame.outputs.len()));
                (main.to_vec(), extras.to_vec())
            }
            _ => (frame.outputs.clone(), Vec::new()),
        };
        let mut measures: Vec<RawMeasure> = frame.measures.clone();
        let mut groups: Vec<RawGroup> = frame.groups.clone();
        let only = (self.schema.catalog.tables.len() == 1).then_some(0);
        // "who had 9 wins", in a single table: what names people there.
        if frame.who && outputs.is_empty() && measures.is_empty() {
            let Some(spot) = only.and_then(|table| self.people(table)) else {
                return refuse("It is not clear whom the question asks for; name a table or column.");
            };
            outputs.push(spot);
        }
        if frame.compares && !compares_two(frame) {
            return refuse("It is not clear which two are compared; name both, for example \"…, A or B\".");
        }
        // "how many times": rows, where there is only one kind of them, and something is said of them.
        if frame.times {
            let Some(table) = only.filter(|_| !frame.filters.is_empty() && measures.is_empty()) else {
                return refuse("It is not clear what is to be counted; name a table.");
            };
            measures.push(RawMeasure {
                agg: Some(Agg::Count),
                of: self.row_spot(table),
                until: None,
            });
        }

        // "revenue in 2024" is one number, however many orders there were.
        if measures.is_empty()
            && frame.rank.is_none()
            && groups.is_empty()
            && let [only] = outputs.as_slice()
            && super::lexicon::is_revenue(&only.lower)
            && self.is_measurable(only)
        {
            measures.push(RawMeasure {
                agg: Some(Agg::Sum),
                of: outputs.remove(0),
                until: None,
            });
        }
        if frame.averaged {
            match (measures.as_mut_slice(), outputs.as_slice()) {
                ([only], _) if matches!(only.agg, None | Some(Agg::Average)) => only.agg = Some(Agg::Average),
                ([], [only]) if frame.rank.is_none() && groups.is_empty() && self.is_measurable(only) => {
                    measures.push(RawMeasure {
                        agg: Some(Agg::Average),
                        of: outputs.remove(0),
                        until: None,
                    })
                }
                _ => return refuse("It is not clear what is to be averaged; ask for the \"average …\"."),
            }
        }
        // "Revenue by month": a bare numeric column beside groups is what is computed.
        if measures.is_empty() && frame.rank.is_none() && !groups.is_empty() {
            let (numeric, rest): (Vec<Spot>, Vec<Spot>) =
                outputs.into_iter().partition(|spot| self.is_measurable(spot));
            measures.extend(numeric.into_iter().map(|of| RawMeasure {
                agg: None,
                of,
                until: None,
            }));
            outputs = rest;
            // "orders by month": rows are counted.
            if measures.is_empty() && outputs.len() == 1 && self.table_of(&outputs[0]).is_some() {
                measures.push(RawMeasure {
                    agg: Some(Agg::Count),
                    of: outputs.remove(0),
                    until: None,
                });
            }
        }
        // "revenue and number of orders": an amount beside another figure is no group.
        if !measures.is_empty() && frame.rank.is_none() {
            let (amounts, rest): (Vec<Spot>, Vec<Spot>) =
                outputs.into_iter().partition(|spot| self.is_amount(spot));
            measures.extend(amounts.into_iter().map(|of| RawMeasure {
                agg: Some(Agg::Sum),
                of,
                until: None,
            }));
            measures.sort_by_key(|measure| measure.of.start);
            outputs = rest;
        }
        let rank_measure = match frame.rank.as_ref().map(|rank| &rank.by) {
            Some(RankBy::Measure(measure)) => Some(measure.clone()),
            Some(RankBy::Open) => {
                // "top 3 statuses" with a number of something beside it is by that number.
                match measures.as_slice() {
                    [only] => Some(only.clone()),
                    _ => {
                        return refuse(
                            "It is not clear what the ranking goes by; say for example \"top 5 … by number of …\".",
                        );
                    }
                }
            }
            _ => None,
        };

        // The base: the table whose rows are counted or added up, else what is listed.
        let subject_table = outputs.first().and_then(|spot| self.table_of(spot));
        let computed = measures
            .first()
            .or(rank_measure.as_ref())
            .or(frame.having.first().map(|(measure, ..)| measure));
        // "cities with an average rating above 4": the cities are groups.
        if measures.is_empty() && frame.rank.is_none() && !frame.having.is_empty() {
            groups.extend(outputs.iter().cloned().map(RawGroup::Name));
        }
        let base = match computed {
            Some(measure) => self.measure_table(measure, subject_table)?,
            None => match outputs.first() {
                Some(spot) => match subject_table {
                    Some(table) => table,
                    None => self.pick(spot, |_| true)?.table,
                },
                None => {
                    return refuse(
                        "It is not clear what the question asks for; begin for example with \"How many …\", \"Show …\" or \"Average … by …\".",
                    );
                }
            },
        };
        self.set_base(base);
        let mut plan = Plan {
            base,
            distinct: frame.distinct,
            ..Plan::default()
        };

        for measure in &measures {
            let resolved = self.resolve_measure(measure, !groups.is_empty())?;
            self.add_measure(&mut plan, resolved);
        }
        for (measure, compare, value) in &frame.having {
            if groups.is_empty() && frame.rank.is_none() {
                return refuse(format!(
                    "It is not clear for what \"{}\" is to be compared; say for example \"for each …\".",
                    measure.of.text
                ));
            }
            let resolved = self.resolve_measure(measure, true)?;
            let at = self.add_measure(&mut plan, resolved);
            plan.having.push((at, *compare, *value));
        }
        let mut rank_key = None;
        if let Some(rank) = &frame.rank {
            // "the top 3 products of each category": ranked within what was said to be grouped by.
            if !outputs.is_empty() {
                plan.within = groups.len();
            }
            rank_key = Some(self.rank(
                frame,
                rank_measure.as_ref(),
                &outputs,
                &mut groups,
                &mut plan,
                subject_table,
            )?);
            plan.limit = rank.limit;
            if let RankBy::Adjective(adjective) = &rank.by
                && let Some(Key::Column(col)) = rank_key
            {
                plan.order
                    .push((Key::Column(col), self.adjective_dir(adjective, col)));
            } else if let Some(key) = rank_key {
                plan.order.push((key, rank.dir));
            }
        }
        for raw in &groups {
            // "average price of orders by orders and month": the rows themselves are no group.
            if groups.len() > 1
                && let RawGroup::Name(spot) = raw
                && self.table_of(spot) == Some(plan.base)
            {
                continue;
            }
            let group = self.group(raw)?;
            if !plan.groups.contains(&group) {
                plan.groups.push(group);
            }
        }
        if plan.computes() && plan.within >= plan.groups.len() {
            plan.within = 0;
        }
        if plan.within > 0 && plan.limit.is_none() {
            return refuse("Say how many of each are wanted, for example \"the top 3 of each\".");
        }
        self.change(frame, &mut plan)?;
        self.lists(frame, &outputs, &mut plan)?;
        self.extras(&mut extras, &mut plan)?;
        self.filters(frame, &mut plan)?;
        self.related(frame, &mut plan)?;
        self.anchors(frame, &mut plan)?;
        self.order(frame, &mut plan, rank_key.is_some())?;
        self.leave_totals_out(&mut plan);
        self.fan_out(&mut plan)?;
        self.sense(&plan)?;
        Ok(plan)
    }

    /// A table as if it had been named.
    fn row_spot(&self, table: usize) -> Spot {
        Spot {
            mention: Mention {
                tables: vec![(table, Fit::Exact)],
                ..Mention::default()
            },
            text: spaced(&self.schema.table(table).name),
            lower: spaced(&self.schema.table(table).name),
            start: 0,
            end: 0,
            beside: Vec::new(),
        }
    }

    /// The column of a table that names people, if there is only one.
    fn people(&self, table: usize) -> Option<Spot> {
        let names = |col: &Col| {
            self.kind(*col).is_text()
                && self.schema.words(*col).iter().any(|word| {
                    matches!(
                        word.as_str(),
                        "name"
                            | "player"
                            | "person"
                            | "driver"
                            | "rider"
                            | "athlet"
                            | "candid"
                            | "employe"
                            | "member"
                            | "winner"
                            | "artist"
                            | "author"
                            | "student"
                            | "patient"
                            | "custom"
                    )
                })
        };
        let mut found = self.schema.columns(table).filter(names);
        let col = found.next()?;
        if found.next().is_some() {
            return None;
        }
        let name = spaced(&self.schema.column(col).name);
        Some(Spot {
            mention: Mention {
                columns: vec![(col, Fit::Exact)],
                ..Mention::default()
            },
            lower: name.clone(),
            text: name,
            start: 0,
            end: 0,
            beside: Vec::new(),
        })
    }

    /// The change against the period before.
    fn change(&self, frame: &Frame, plan: &mut Plan) -> Step<()> {
        let Some(change) = frame.change else {
            return Ok(());
        };
        let periods = plan
            .groups
            .iter()
            .filter(|group| matches!(group, Group::Period(..)))
            .count();
        if plan.measures.len() != 1 || periods != 1 || plan.limit.is_some() || !plan.having.is_empty() {
            return refuse(
                "A change is told of one figure from period to period; ask for example \"revenue growth by month\".",
            );
        }
        let adds_up = matches!(plan.measures[0].agg, Agg::Sum | Agg::Count);
        if change == Change::Running && !adds_up {
            return refuse(
                "A running total is of sums or numbers of rows; averages and the like do not add up.",
            );
        }
        plan.figures.push(match change {
            Change::Running => Figure {
                name: "running_total".into(),
                value: Value::Running(0),
            },
            Change::Difference => Figure {
                name: "change".into(),
                value: Value::Change(0),
            },
            Change::Relative => Figure {
                name: "growth_percent".into(),
                value: Value::Op(
                    Op::Times,
                    Box::new(Value::Growth(0)),
                    Box::new(Value::Number(100.0)),
                ),
            },
        });
        Ok(())
    }

    /// Stops what is well-formed but cannot have been meant.
    fn sense(&self, plan: &Plan) -> Step<()> {
        for filters in [&plan.filters]
            .into_iter()
            .chain(plan.related.iter().map(|related| &related.filters))
        {
            self.can_hold(filters)?;
        }
        for measure in &plan.measures {
            let fixed = plan.filters.iter().any(|filter| {
                Some(filter.column) == measure.column
                    && !filter.negated
                    && matches!(&filter.test, Is::OneOf(values) if values.len() == 1)
            });
            if fixed && measure.agg == Agg::CountDistinct {
                return refuse(
                    "This would count different values of a column that the question itself fixes; name what is to be counted.",
                );
            }
        }
        Ok(())
    }

    /// Stops where one row would have to have two values in one column.
    fn can_hold(&self, filters: &[Filter]) -> Step<()> {
        let fixed = |filter: &'_ Filter| match &filter.test {
            Is::OneOf(values) if !filter.negated => Some(values.clone()),
            _ => None,
        };
        for (at, filter) in filters.iter().enumerate() {
            let Some(values) = fixed(filter) else { continue };
            let others = filters[at + 1..]
                .iter()
                .filter(|other| other.column == filter.column);
            for others in others.filter_map(fixed) {
                if let (Some(value), Some(other)) = (values.first(), others.first())
                    && !values.iter().any(|value| others.contains(value))
                {
                    return refuse(format!(
                        "{} cannot be '{value}' and '{other}' in the same row; say \"{value} or {other}\" for either of them.",
                        capital(&self.schema.spoken(filter.column))
                    ));
                }
            }
        }
        Ok(())
    }

    fn set_base(&mut self, base: usize) {
        self.base = Some(base);
        self.ways = self.schema.paths(base);
    }

    fn kind(&self, col: Col) -> ColumnKind {
        self.schema.column(col).kind
    }

    /// The table a mention means, if it means one.
    fn table_of(&self, spot: &Spot) -> Option<usize> {
        let exact: Vec<usize> = spot.mention.exact_tables().collect();
        if let [table] = exact.as_slice() {
            return Some(*table);
        }
        if exact.is_empty()
            && spot.mention.columns.is_empty()
            && let [(table, _)] = spot.mention.tables.as_slice()
        {
            return Some(*table);
        }
        None
    }

    /// Whether a name can only mean numbers that add up.
    fn is_amount(&self, spot: &Spot) -> bool {
        let columns = &spot.mention.columns;
        self.is_measurable(spot)
            && (super::lexicon::is_revenue(&spot.lower)
                || columns.iter().all(|(col, _)| {
                    self.kind(*col).is_number() && super::lexicon::is_additive(self.schema.words(*col))
                }))
    }

    fn is_measurable(&self, spot: &Spot) -> bool {
        self.table_of(spot).is_none()
            && spot
                .mention
                .columns
                .iter()
                .any(|(col, _)| self.kind(*col).is_number() && !self.schema.is_id(*col))
    }
}
