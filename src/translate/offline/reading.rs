//! A plan said in plain words, so that the asker can check how the question was read.

use super::frame::Agg;
use super::lexicon::Dir;
use super::plan::{Filter, Group, Is, Key, Plan, Related};
use super::schema::{Col, Schema, singular, spaced};
use super::words::plain_number;

/// "sum of total amount over orders by month of ordered at, where store city is 'Berlin'"
pub fn say(plan: &Plan, schema: &Schema<'_>) -> String {
    let speaker = Speaker {
        schema,
        base: plan.base,
    };
    let base = spaced(&schema.table(plan.base).name);
    let mut text = if plan.measures.is_empty() {
        let columns: Vec<String> = plan.outputs.iter().map(|col| speaker.col(*col)).collect();
        let shown = if columns.len() > 6 {
            "all columns".to_owned()
        } else {
            columns.join(", ")
        };
        format!(
            "{}{shown} of {base}",
            if plan.distinct { "different " } else { "" }
        )
    } else {
        let measures: Vec<String> = plan
            .measures
            .iter()
            .map(|m| speaker.measure(m.agg, m.column, &base))
            .collect();
        measures.join(" and ")
    };
    if !plan.groups.is_empty() {
        let groups: Vec<String> = plan.groups.iter().map(|group| speaker.group(group)).collect();
        text.push_str(&format!(" by {}", groups.join(" and ")));
    }
    let mut conditions: Vec<String> = plan.filters.iter().map(|filter| speaker.filter(filter)).collect();
    conditions.extend(plan.related.iter().map(|related| speaker.related(related)));
    for (at, compare, value) in &plan.having {
        let measure = &plan.measures[*at];
        conditions.push(format!(
            "{} is {} {}",
            speaker.measure(measure.agg, measure.column, &base),
            compare.words(),
            plain_number(*value)
        ));
    }
    if !conditions.is_empty() {
        text.push_str(&format!(", where {}", conditions.join(" and ")));
    }
    if plan.once.is_some() {
        text.push_str(&format!(", each {} counted once per group", singular(&base)));
    }
    if let Some((key, dir)) = plan.order.first() {
        let by = match key {
            Key::Measure(at) => plan
                .measures
                .get(*at)
                .map(|m| speaker.measure(m.agg, m.column, &base)),
            Key::Column(col)
                if plan.measures.is_empty() && (plan.limit.is_some() || plan.order.len() > 1) =>
            {
                Some(speaker.col(*col))
            }
            _ => None,
        };
        if let Some(by) = by.filter(|_| !plan.groups.is_empty() || plan.measures.is_empty()) {
            let end = if *dir == Dir::Down { "highest" } else { "lowest" };
            match plan.limit {
                Some(1) => text.push_str(&format!(", only the one with the {end} {by}")),
                Some(limit) => text.push_str(&format!(", the {limit} with the {end} {by}")),
                None => text.push_str(&format!(", {end} {by} first")),
            }
        }
    }
    let joined: Vec<String> = plan
        .joins
        .iter()
        .map(|join| {
            let on: Vec<String> = join
                .on
                .iter()
                .map(|(a, b)| {
                    let from = Col {
                        table: join.from,
                        column: *a,
                    };
                    let to = Col {
                        table: join.to,
                        column: *b,
                    };
                    format!("{} = {}", schema.name(from), schema.name(to))
                })
                .collect();
            format!("{} ({})", spaced(&schema.table(join.to).name), on.join(" and "))
        })
        .collect();
    if !joined.is_empty() {
        text.push_str(&format!("; joined with {}", joined.join(" and ")));
    }
    text
}

struct Speaker<'a, 'b> {
    schema: &'b Schema<'a>,
    base: usize,
}

impl Speaker<'_, '_> {
    fn col(&self, col: Col) -> String {
        if col.table == self.base {
            spaced(&self.schema.column(col).name)
        } else {
            self.schema.spoken(col)
        }
    }

    fn measure(&self, agg: Agg, column: Option<Col>, base: &str) -> String {
        let Some(col) = column else {
            return format!("number of {base}");
        };
        let name = self.col(col);
        match agg {
            Agg::Count => format!("number of {base} with {name}"),
            Agg::CountDistinct => format!("number of different {name} in {base}"),
            Agg::Sum => format!("sum of {name} over {base}"),
            Agg::Average => format!("average {name} over {base}"),
            Agg::Min => format!("lowest {name} in {base}"),
            Agg::Max => format!("highest {name} in {base}"),
        }
    }

    fn group(&self, group: &Group) -> String {
        match group {
            Group::Column(col) => self.col(*col),
            Group::Entity { table, .. } => singular(&spaced(&self.schema.table(*table).name)),
            Group::Period(col, grain) => format!("{} of {}", grain.word(), self.col(*col)),
        }
    }

    fn filter(&self, filter: &Filter) -> String {
        let name = self.col(filter.column);
        let is = if filter.negated { "is not" } else { "is" };
        match &filter.test {
            Is::OneOf(values) => {
                let list: Vec<String> = values.iter().map(|v| format!("'{v}'")).collect();
                format!("{name} {is} {}", list.join(" or "))
            }
            Is::Text(text) => format!("{name} {is} '{text}'"),
            Is::Compare(compare, value) => {
                let compare = if filter.negated {
                    compare.negated()
                } else {
                    *compare
                };
                format!("{name} is {} {}", compare.words(), plain_number(*value))
            }
            Is::Between(from, to) => format!(
                "{name} {is} between {} and {}",
                plain_number(*from),
                plain_number(*to)
            ),
            Is::When(span) => format!("{name} {is} in {}", span.label)
                .replace(" in since ", " since ")
                .replace(" in before ", " before ")
                .replace(" in after ", " after ")
                .replace(" in on or ", " on or ")
                .replace(" in until ", " until "),
            Is::Null => format!("{name} {is} empty"),
            Is::True => format!("{name} is {}", if filter.negated { "false" } else { "true" }),
            Is::Starts(text) => format!(
                "{name} {} with '{text}'",
                if filter.negated {
                    "does not start"
                } else {
                    "starts"
                }
            ),
            Is::Ends(text) => format!(
                "{name} {} with '{text}'",
                if filter.negated { "does not end" } else { "ends" }
            ),
            Is::Contains(text) => format!(
                "{name} {} '{text}'",
                if filter.negated {
                    "does not contain"
                } else {
                    "contains"
                }
            ),
        }
    }

    fn related(&self, related: &Related) -> String {
        let thing = spaced(&self.schema.table(related.join.to).name);
        let mut text = match (related.negated, related.count) {
            (true, _) => format!("there are no {thing}"),
            (false, Some((compare, value))) => {
                format!("there are {} {} {thing}", compare.words(), plain_number(value))
            }
            (false, None) => format!("there are {thing}"),
        };
        if !related.filters.is_empty() {
            let conditions: Vec<String> = related.filters.iter().map(|filter| self.filter(filter)).collect();
            text.push_str(&format!(" whose {}", conditions.join(" and ")));
        }
        text
    }
}
