//! A plan written as SQL: what is selected, from where, grouped and ordered how.

use super::super::frame::Agg;
use super::super::lexicon::{Compare, Dir, Grain};
use super::super::plan::{Group, Key, Measure, Op, Plan, Value};
use super::super::schema::{Col, Join, Schema};
use super::super::words::plain_number;
use super::counts_only;
use super::flavor::Flavor;
use super::names::Names;

pub(super) struct Writer<'a, 'b> {
    pub(super) schema: &'b Schema<'a>,
    pub(super) flavor: Flavor,
    /// The names tables go by: the outer query's, then those of the related rows being written.
    pub(super) aliases: Vec<(usize, String)>,
    /// Whether columns need their table before them.
    qualified: bool,
}

/// What a query selects, each as text and name.
#[derive(Default)]
pub(super) struct Shape {
    pub(super) select: Vec<(String, String)>,
    pub(super) group_by: Vec<String>,
    /// Per group: the texts to order by it.
    pub(super) groups: Vec<Vec<String>>,
    /// Per measure and figure: its text, and its name where it is shown.
    pub(super) measures: Vec<(String, Option<String>)>,
    pub(super) figures: Vec<(String, String)>,
    pub(super) names: Names,
}

/// The SQL of a plan.
pub fn write(plan: &Plan, schema: &Schema<'_>, flavor: Flavor) -> String {
    let mut writer = Writer {
        schema,
        flavor,
        aliases: Vec::new(),
        qualified: !plan.joins.is_empty() || !plan.related.is_empty(),
    };
    writer.alias(plan.base);
    for join in &plan.joins {
        writer.alias(join.to);
    }
    match &plan.once {
        Some(key) if !counts_only(plan, key) => writer.once(plan, key),
        _ if plan.within > 0 => writer.within(plan),
        _ => writer.plain(plan),
    }
}

impl Writer<'_, '_> {
    pub(super) fn alias(&mut self, table: usize) -> String {
        let name = &self.schema.table(table).name;
        let mut alias = name.clone();
        let mut n = 2;
        while self.aliases.iter().any(|(_, taken)| *taken == alias) {
            alias = format!("{name}_{n}");
            n += 1;
        }
        self.aliases.push((table, alias.clone()));
        alias
    }

    pub(super) fn ident(&self, name: &str) -> String {
        self.flavor.ident(name)
    }

    /// `schema.table AS alias`
    pub(super) fn table(&self, table: usize, alias: &str) -> String {
        let found = self.schema.table(table);
        let name = match &found.schema {
            Some(schema) if schema != "public" => {
                format!("{}.{}", self.ident(schema), self.ident(&found.name))
            }
            _ => self.ident(&found.name),
        };
        if alias == found.name {
            name
        } else {
            format!("{name} AS {}", self.ident(alias))
        }
    }

    pub(super) fn col(&self, col: Col) -> String {
        let name = self.ident(&self.schema.column(col).name);
        if !self.qualified {
            return name;
        }
        let alias = self
            .aliases
            .iter()
            .rev()
            .find(|(table, _)| *table == col.table)
            .map_or(self.schema.table(col.table).name.as_str(), |(_, alias)| alias);
        format!("{}.{name}", self.ident(alias))
    }

    /// A selected text with its name, where that is not its own.
    fn named(&self, text: &str, name: &str) -> String {
        let quoted = self.ident(name);
        if text == quoted || text.ends_with(&format!(".{quoted}")) {
            text.to_owned()
        } else {
            format!("{text} AS {quoted}")
        }
    }

    pub(super) fn select(&self, shape: &Shape) -> String {
        let all: Vec<String> = shape
            .select
            .iter()
            .map(|(text, name)| self.named(text, name))
            .collect();
        all.join(", ")
    }

    /// Everything a plan selects, in order: groups, measures, figures, listed columns.
    pub(super) fn shape(&mut self, plan: &Plan) -> Shape {
        let mut shape = Shape::default();
        for group in &plan.groups {
            self.group(group, &mut shape);
        }
        let texts: Vec<String> = plan
            .measures
            .iter()
            .map(|measure| self.measure(measure, plan.once.as_deref()))
            .collect();
        self.computed(plan, &texts, &mut shape);
        for col in &plan.outputs {
            let own = &self.schema.column(*col).name;
            let name = shape.names.take(own);
            let name = if &name == own {
                name
            } else {
                shape
                    .names
                    .take(&format!("{}_{own}", self.schema.table(col.table).name))
            };
            shape.select.push((self.col(*col), name));
        }
        shape
    }

    /// Measures and figures, from the texts of the measures.
    fn computed(&mut self, plan: &Plan, texts: &[String], shape: &mut Shape) {
        for (measure, text) in plan.measures.iter().zip(texts) {
            let name = (!measure.hidden).then(|| shape.names.take(&measure.name));
            if let Some(name) = &name {
                shape.select.push((text.clone(), name.clone()));
            }
            shape.measures.push((text.clone(), name));
        }
        for figure in &plan.figures {
            let name = shape.names.take(&figure.name);
            let text = self.value(&figure.value, plan, shape);
            shape.select.push((text.clone(), name.clone()));
            shape.figures.push((text, name));
        }
    }

    fn plain(&mut self, plan: &Plan) -> String {
        let shape = self.shape(plan);
        let mut sql = format!(
            "SELECT {}{}\n{}",
            if plan.distinct && !plan.computes() {
                "DISTINCT "
            } else {
                ""
            },
            self.select(&shape),
            self.body(plan, &shape)
        );
        sql.push_str(&self.order(plan, &shape));
        sql
    }

    /// From `FROM` to `HAVING`.
    pub(super) fn body(&mut self, plan: &Plan, shape: &Shape) -> String {
        let mut sql = format!("FROM {}", self.from(plan));
        sql.push_str(&self.conditions(plan));
        if !shape.group_by.is_empty() && plan.computes() {
            sql.push_str(&format!("\nGROUP BY {}", shape.group_by.join(", ")));
        }
        sql.push_str(&self.having(plan, shape));
        sql
    }

    fn having(&self, plan: &Plan, shape: &Shape) -> String {
        let all: Vec<String> = plan
            .having
            .iter()
            .map(|(at, compare, value)| {
                format!(
                    "{} {} {}",
                    shape.measures[*at].0,
                    compare.sql(),
                    plain_number(*value)
                )
            })
            .collect();
        if all.is_empty() {
            String::new()
        } else {
            format!("\nHAVING {}", all.join(" AND "))
        }
    }

    /// Each row of the base once per group: distinct rows inside, figures outside.
    fn once(&mut self, plan: &Plan, key: &[Col]) -> String {
        let mut inner = Vec::new();
        let mut shape = Shape::default();
        for group in &plan.groups {
            let mut own = Shape {
                names: std::mem::take(&mut shape.names),
                ..Shape::default()
            };
            self.group(group, &mut own);
            shape.names = own.names;
            let mut keys = Vec::new();
            for text in &own.group_by {
                let name = shape
                    .names
                    .take(&format!("group_{}", shape.group_by.len() + keys.len() + 1));
                inner.push(format!("{text} AS {}", self.ident(&name)));
                keys.push(self.ident(&name));
            }
            for (text, name) in own.select {
                let at = own.group_by.iter().position(|other| *other == text);
                shape.select.push((at.map_or(text, |at| keys[at].clone()), name));
            }
            shape.groups.push(keys.clone());
            shape.group_by.extend(keys);
        }
        for (index, col) in key.iter().enumerate() {
            inner.push(format!("{} AS row_key_{}", self.col(*col), index + 1));
        }
        let mut texts = Vec::new();
        for (index, measure) in plan.measures.iter().enumerate() {
            let value = format!("value_{}", index + 1);
            let operand = self.operand(measure, "1");
            texts.push(if measure.column.is_some() || !measure.only.is_empty() {
                inner.push(format!("{operand} AS {value}"));
                self.aggregate(measure, &value)
            } else {
                "COUNT(*)".to_owned()
            });
        }
        self.computed(plan, &texts, &mut shape);
        let rows = format!(
            "SELECT DISTINCT {}\n  FROM {}{}",
            inner.join(", "),
            self.from(plan),
            self.conditions(plan)
        );
        let mut sql = format!(
            "SELECT {}\nFROM (\n  {rows}\n) AS counted_once",
            self.select(&shape)
        );
        if !shape.group_by.is_empty() {
            sql.push_str(&format!("\nGROUP BY {}", shape.group_by.join(", ")));
        }
        sql.push_str(&self.having(plan, &shape));
        sql.push_str(&self.order(plan, &shape));
        sql
    }

    pub(super) fn from(&self, plan: &Plan) -> String {
        let mut text = self.table(plan.base, &self.aliases[0].1);
        for (join, (_, alias)) in plan.joins.iter().zip(&self.aliases[1..]) {
            text.push_str(&format!(
                "\nJOIN {} ON {}",
                self.table(join.to, alias),
                self.on(join)
            ));
        }
        text
    }

    pub(super) fn on(&self, join: &Join) -> String {
        let parts: Vec<String> = join
            .on
            .iter()
            .map(|(a, b)| {
                let left = Col {
                    table: join.from,
                    column: *a,
                };
                let right = Col {
                    table: join.to,
                    column: *b,
                };
                format!("{} = {}", self.col(left), self.col(right))
            })
            .collect();
        parts.join(" AND ")
    }

    /// Adds a group's columns, and the texts to order it by.
    fn group(&self, group: &Group, shape: &mut Shape) {
        let order = match group {
            Group::Column(col) => {
                let text = self.col(*col);
                let name = shape.names.take(&self.schema.column(*col).name);
                shape.select.push((text.clone(), name));
                shape.group_by.push(text.clone());
                vec![text]
            }
            Group::Entity { key, label, .. } => self.entity(key, label, shape),
            Group::Period(col, grain) => {
                let name = shape.names.take(grain.word());
                let text = self.flavor.period(&self.col(*col), *grain);
                if *grain == Grain::Weekday {
                    let spoken = self.flavor.weekday_name(&text);
                    shape.select.push((spoken.clone(), name));
                    if self.flavor == Flavor::Mysql {
                        shape.group_by.push(spoken);
                    }
                } else {
                    shape.select.push((text.clone(), name));
                }
                shape.group_by.push(text.clone());
                vec![text]
            }
        };
        shape.groups.push(order);
    }

    fn entity(&self, key: &[Col], label: &[Col], shape: &mut Shape) -> Vec<String> {
        let shown = self.schema.shown(key, label);
        let mut seen: Vec<Col> = Vec::new();
        for col in shown.iter().chain(key) {
            if seen.contains(col) {
                continue;
            }
            seen.push(*col);
            let text = self.col(*col);
            if shown.contains(col) {
                let name = shape.names.take(&self.schema.column(*col).name);
                shape.select.push((text.clone(), name));
            }
            shape.group_by.push(text);
        }
        let mut order = Vec::new();
        for col in label.iter().chain(key) {
            let text = self.col(*col);
            if !order.contains(&text) {
                order.push(text);
            }
        }
        order
    }

    /// What a measure is computed of: its column, or the days between two; nothing for other rows.
    fn operand(&self, measure: &Measure, rows: &str) -> String {
        let text = match (measure.column, measure.until) {
            (Some(from), Some(until)) => self.flavor.days(&self.col(from), &self.col(until)),
            (Some(col), None) => self.col(col),
            (None, _) => rows.to_owned(),
        };
        if measure.only.is_empty() {
            return text;
        }
        let all: Vec<String> = measure.only.iter().map(|filter| self.filter(filter)).collect();
        format!("CASE WHEN {} THEN {text} END", all.join(" AND "))
    }

    fn measure(&self, measure: &Measure, once: Option<&[Col]>) -> String {
        match (measure.column, once) {
            (None, Some([key])) => format!("COUNT(DISTINCT {})", self.operand(measure, &self.col(*key))),
            (None, _) if measure.only.is_empty() => "COUNT(*)".to_owned(),
            _ => self.aggregate(measure, &self.operand(measure, "1")),
        }
    }

    fn aggregate(&self, measure: &Measure, text: &str) -> String {
        match measure.agg {
            Agg::Count => format!("COUNT({text})"),
            Agg::CountDistinct => format!("COUNT(DISTINCT {text})"),
            Agg::Sum => format!("SUM({text})"),
            Agg::Average => {
                let kind = measure
                    .column
                    .filter(|_| measure.until.is_none())
                    .map(|col| self.schema.column(col).kind);
                self.flavor.average(text, kind.unwrap_or_default())
            }
            Agg::Median => self.flavor.median(text),
            Agg::Min => format!("MIN({text})"),
            Agg::Max => format!("MAX({text})"),
        }
    }

    fn value(&self, value: &Value, plan: &Plan, shape: &Shape) -> String {
        let measure = |at: &usize| shape.measures[*at].0.clone();
        match value {
            Value::Measure(at) => measure(at),
            Value::Number(number) => plain_number(*number),
            Value::Beside(at) => {
                let sql = write(&plan.beside[*at], self.schema, self.flavor);
                format!("({})", sql.replace('\n', " "))
            }
            Value::Op(op, left, right) => {
                let inner = |value: &Value| {
                    let text = self.value(value, plan, shape);
                    if matches!(value, Value::Op(..) | Value::Change(_)) {
                        format!("({text})")
                    } else {
                        text
                    }
                };
                match op {
                    Op::Plus => format!("{} + {}", inner(left), inner(right)),
                    Op::Minus => format!("{} - {}", inner(left), inner(right)),
                    Op::Times => format!("{} * {}", inner(left), inner(right)),
                    Op::Divided => {
                        let divisor = match **right {
                            Value::Number(number) if number != 0.0 => plain_number(number),
                            _ => format!("NULLIF({}, 0)", self.value(right, plan, shape)),
                        };
                        format!(
                            "{} / {divisor}",
                            self.flavor.fraction(&self.value(left, plan, shape))
                        )
                    }
                }
            }
            Value::Share(at) => {
                let text = measure(at);
                format!("{} / NULLIF(SUM({text}) OVER (), 0)", self.flavor.fraction(&text))
            }
            Value::Change(at) => format!("{} - {}", measure(at), self.before(*at, plan, shape)),
            Value::Running(at) => format!("SUM({}) {}", measure(at), self.along(plan, shape)),
            Value::Growth(at) => {
                let before = self.before(*at, plan, shape);
                let change = format!("{} - {before}", measure(at));
                format!("{} / NULLIF({before}, 0)", self.flavor.fraction(&change))
            }
        }
    }

    pub(super) fn order(&self, plan: &Plan, shape: &Shape) -> String {
        let mut sql = String::new();
        if plan.is_single() {
            return sql;
        }
        let keys = self.keys(plan, shape, 0);
        if !keys.is_empty() {
            sql.push_str(&format!("\nORDER BY {}", keys.join(", ")));
        }
        if let Some(limit) = plan.limit {
            sql.push_str(&format!("\nLIMIT {limit}"));
        }
        sql
    }

    /// The keys of the order by names of the result, those by the first `skipped` groups left out.
    pub(super) fn keys(&self, plan: &Plan, shape: &Shape, skipped: usize) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        let mut push = |text: &str, dir: Dir| keys.push(self.flavor.order(text, dir));
        for (key, dir) in &plan.order {
            match key {
                Key::Measure(at) => {
                    let (text, name) = &shape.measures[*at];
                    match name {
                        Some(name) => push(&self.ident(name), *dir),
                        None => push(text, *dir),
                    }
                }
                Key::Figure(at) => push(&self.ident(&shape.figures[*at].1), *dir),
                Key::Group(at) if *at < skipped => {}
                Key::Group(at) => {
                    for text in &shape.groups[*at] {
                        push(text, *dir);
                    }
                }
                Key::Column(col) => push(&self.col(*col), *dir),
            }
        }
        keys
    }
}

/// Nothing at all is also "fewer than five", so those are found by what they are not.
pub(super) fn fits_none(compare: Compare, value: f64) -> bool {
    match compare {
        Compare::Less => value > 0.0,
        Compare::AtMost => value >= 0.0,
        Compare::Equal => value == 0.0,
        Compare::NotEqual => value != 0.0,
        Compare::AtLeast => value <= 0.0,
        Compare::More => value < 0.0,
    }
}
