//! From what was asked to a logical query: chooses among candidates, finds the joins, and stops with a
//! question or a refusal where there is more than one sensible reading.

mod calendar;
mod filters;
mod joins;
mod measures;
mod order;
mod pick;
mod shown;

use super::frame::{Agg, Frame, RankBy, RawGroup, RawMeasure, Spot, Test};
use super::plan::{Group, Is, Key, Plan};
use super::schema::{Col, Schema, Way};
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
    ways: Vec<Way>,
}

/// Turns a frame without unread words into a plan.
pub fn resolve(frame: &Frame, question: &str, schema: &Schema<'_>) -> Step<Plan> {
    let mut named = Vec::new();
    let spots = frame
        .outputs
        .iter()
        .chain(&frame.anchors)
        .chain(frame.measures.iter().map(|m| &m.of))
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
    let mut resolver = Resolver {
        schema,
        question,
        named,
        base: None,
        ways: Vec::new(),
    };
    resolver.plan(frame)
}

impl PartialEq for Test {
    fn eq(&self, other: &Test) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
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

        // "Revenue by month": a bare numeric column beside groups is what is computed.
        if measures.is_empty() && frame.rank.is_none() && !groups.is_empty() {
            let (numeric, rest): (Vec<Spot>, Vec<Spot>) =
                outputs.into_iter().partition(|spot| self.is_measurable(spot));
            measures.extend(numeric.into_iter().map(|of| RawMeasure { agg: None, of }));
            outputs = rest;
            // "orders by month": rows are counted.
            if measures.is_empty() && outputs.len() == 1 && self.table_of(&outputs[0]).is_some() {
                measures.push(RawMeasure {
                    agg: Some(Agg::Count),
                    of: outputs.remove(0),
                });
            }
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
        let computed = measures.first().or(rank_measure.as_ref());
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
            joins: Vec::new(),
            filters: Vec::new(),
            related: Vec::new(),
            groups: Vec::new(),
            measures: Vec::new(),
            outputs: Vec::new(),
            distinct: frame.distinct,
            once: None,
            having: Vec::new(),
            order: Vec::new(),
            limit: None,
        };

        for measure in &measures {
            let resolved = self.resolve_measure(measure, !groups.is_empty())?;
            self.add_measure(&mut plan, resolved);
        }
        let mut rank_key = None;
        if let Some(rank) = &frame.rank {
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
        self.lists(frame, &outputs, &mut plan)?;
        self.extras(&mut extras, &mut plan)?;
        self.filters(frame, &mut plan)?;
        self.related(frame, &mut plan)?;
        self.anchors(frame, &mut plan)?;
        self.order(frame, &mut plan, rank_key.is_some())?;
        self.fan_out(&mut plan)?;
        self.sense(&plan)?;
        Ok(plan)
    }

    /// Stops what is well-formed but cannot have been meant.
    fn sense(&self, plan: &Plan) -> Step<()> {
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

    fn is_measurable(&self, spot: &Spot) -> bool {
        self.table_of(spot).is_none()
            && spot
                .mention
                .columns
                .iter()
                .any(|(col, _)| self.kind(*col).is_number() && !self.schema.is_id(*col))
    }
}
