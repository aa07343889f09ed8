//! A plan said in plain words, so that the asker can check how the question was read.

use super::dates::{month_name, weekday_name};
use super::frame::Agg;
use super::lexicon::{Dir, Grain};
use super::plan::{Filter, Group, Is, Key, Measure, Op, Plan, Related, Value};
use super::schema::{Col, Schema, singular, spaced};
use super::words::plain_number;

/// "sum of total amount over orders by month of ordered at, where store city is 'Berlin'"
pub fn say(plan: &Plan, schema: &Schema<'_>) -> String {
    let speaker = Speaker {
        schema,
        base: plan.base,
    };
    let base = spaced(&schema.table(plan.base).name);
    let mut text = if !plan.computes() {
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
        let mut shown: Vec<String> = plan
            .measures
            .iter()
            .filter(|measure| !measure.hidden)
            .map(|measure| speaker.measure(measure, &base))
            .collect();
        shown.extend(plan.figures.iter().map(|figure| {
            between(&figure.value, plan).unwrap_or_else(|| speaker.value(&figure.value, plan, &base))
        }));
        shown.join(" and ")
    };
    if !plan.groups.is_empty() {
        let groups: Vec<String> = plan.groups.iter().map(|group| speaker.group(group)).collect();
        text.push_str(&format!(" by {}", groups.join(" and ")));
    }
    let mut conditions: Vec<String> = plan.filters.iter().map(|filter| speaker.filter(filter)).collect();
    for choice in &plan.any {
        // The figures say it already.
        if between_periods(plan) && choice.iter().all(|filter| is_of_a_figure(filter, plan)) {
            continue;
        }
        let parts: Vec<String> = choice.iter().map(|filter| speaker.filter(filter)).collect();
        conditions.push(format!("({})", parts.join(" or ")));
    }
    conditions.extend(plan.related.iter().map(|related| speaker.related(related)));
    for (at, compare, value) in &plan.having {
        conditions.push(format!(
            "{} is {} {}",
            speaker.measure(&plan.measures[*at], &base),
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
    if let Some(end) = speaker.end(plan, &base) {
        text.push_str(&end);
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

/// Whether two figures are shown with what changed from one to the other.
fn between_periods(plan: &Plan) -> bool {
    plan.figures
        .first()
        .is_some_and(|figure| between(&figure.value, plan).is_some())
}

fn is_of_a_figure(filter: &Filter, plan: &Plan) -> bool {
    plan.measures
        .iter()
        .any(|measure| measure.only.as_slice() == std::slice::from_ref(filter))
}

/// What changed from the first figure to the second, where both are shown.
fn between(value: &Value, plan: &Plan) -> Option<String> {
    if plan.measures.len() != 2 || plan.measures.iter().any(|measure| measure.hidden) {
        return None;
    }
    let change = |value: &Value| {
        matches!(value, Value::Op(Op::Minus, left, right)
            if **left == Value::Measure(1) && **right == Value::Measure(0))
    };
    match value {
        value if change(value) => Some("the change from the first to the second".into()),
        Value::Op(Op::Times, left, right) if **right == Value::Number(100.0) => match &**left {
            Value::Op(Op::Divided, left, right) if change(left) && **right == Value::Measure(0) => {
                Some("that change in percent of the first".into())
            }
            _ => None,
        },
        _ => None,
    }
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

    /// ", the 5 with the highest sum of total amount over orders"
    fn end(&self, plan: &Plan, base: &str) -> Option<String> {
        let at = plan
            .order
            .iter()
            .position(|(key, _)| !matches!(key, Key::Group(at) if *at < plan.within))?;
        let (key, dir) = &plan.order[at];
        let by = match key {
            Key::Measure(at) => self.measure(plan.measures.get(*at)?, base),
            Key::Figure(at) => {
                let value = &plan.figures.get(*at)?.value;
                match between(value, plan) {
                    Some(_) => "change".into(),
                    None => self.value(value, plan, base),
                }
            }
            Key::Column(col) if !plan.computes() && (plan.limit.is_some() || plan.order.len() > 1) => {
                self.col(*col)
            }
            _ => return None,
        };
        if plan.groups.is_empty() && plan.computes() {
            return None;
        }
        let end = if *dir == Dir::Down { "highest" } else { "lowest" };
        let each = if plan.within > 0 { " of each group" } else { "" };
        Some(match plan.limit {
            Some(1) => format!(", only the one{each} with the {end} {by}"),
            Some(limit) => format!(", the {limit}{each} with the {end} {by}"),
            None => format!(", {end} {by} first"),
        })
    }

    fn value(&self, value: &Value, plan: &Plan, base: &str) -> String {
        let measure = |at: usize| self.measure(&plan.measures[at], base);
        match value {
            Value::Measure(at) => measure(*at),
            Value::Number(number) => plain_number(*number),
            Value::Beside(at) => say(&plan.beside[*at], self.schema),
            Value::Share(at) => format!("share of each in the total {}", measure(*at)),
            Value::Change(at) => format!(
                "change of the {} from the last period before that has any",
                measure(*at)
            ),
            Value::Running(at) => format!("running total of the {}", measure(*at)),
            Value::Growth(at) => format!(
                "change of the {} from the last period before that has any, relative to that",
                measure(*at)
            ),
            Value::Op(Op::Times, left, right) if **right == Value::Number(100.0) => {
                format!("{}, in percent", self.value(left, plan, base))
            }
            Value::Op(op, left, right) => {
                let inner = |value: &Value| {
                    let text = self.value(value, plan, base);
                    if matches!(value, Value::Op(..)) {
                        format!("({text})")
                    } else {
                        text
                    }
                };
                let word = match op {
                    Op::Plus => "plus",
                    Op::Minus => "less",
                    Op::Times => "times",
                    Op::Divided => "divided by",
                };
                format!("{} {word} {}", inner(left), inner(right))
            }
        }
    }

    fn measure(&self, measure: &Measure, base: &str) -> String {
        let mut text = self.unconditional(measure, base);
        if !measure.only.is_empty() {
            let conditions: Vec<String> = measure.only.iter().map(|filter| self.filter(filter)).collect();
            text.push_str(&format!(" whose {}", conditions.join(" and ")));
        }
        text
    }

    fn unconditional(&self, measure: &Measure, base: &str) -> String {
        let Some(col) = measure.column else {
            return format!("number of {base}");
        };
        let name = match measure.until {
            Some(until) => format!("days from {} to {}", self.col(col), self.col(until)),
            None => self.col(col),
        };
        match measure.agg {
            Agg::Count => format!("number of {base} with {name}"),
            Agg::CountDistinct => format!("number of different {name} in {base}"),
            Agg::Sum => format!("sum of {name} over {base}"),
            Agg::Average => format!("average {name} over {base}"),
            Agg::Median => format!("median {name} over {base}"),
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
            Is::Beside(compare, other) => {
                let compare = if filter.negated {
                    compare.negated()
                } else {
                    *compare
                };
                format!("{name} is {} {}", compare.words(), self.col(*other))
            }
            Is::Overall(compare, agg) => {
                let compare = if filter.negated {
                    compare.negated()
                } else {
                    *compare
                };
                let figure = match agg {
                    Agg::Min => "lowest",
                    Agg::Max => "highest",
                    _ => "average",
                };
                let all = spaced(&self.schema.table(filter.column.table).name);
                format!("{name} is {} the {figure} of all {all}", compare.words())
            }
            Is::Part(grain, numbers) => {
                let names: Vec<String> = numbers
                    .iter()
                    .map(|n| match grain {
                        Grain::MonthOfYear | Grain::Month => month_name(*n).to_owned(),
                        Grain::Weekday => weekday_name(*n).to_owned(),
                        other => format!("{} {n}", other.word()),
                    })
                    .collect();
                format!("{name} {is} in {}", names.join(" or "))
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
