//! A plan written as SQL. Every name is quoted where it needs it, every text is a literal with its quotes
//! doubled: nothing from the catalog or the question can become syntax.

use chrono::NaiveDate;

use super::dates::Span;
use super::frame::Agg;
use super::lexicon::{Compare, Dir, Grain};
use super::plan::{Filter, Group, Is, Key, Measure, Plan, Related};
use super::schema::{Col, Join, Schema};
use super::words::plain_number;
use crate::catalog::ColumnKind;
use crate::source::Dialect;

mod names;

use names::{Names, aliased, escaped, ident, literal};

struct Writer<'a, 'b> {
    schema: &'b Schema<'a>,
    dialect: Dialect,
    /// The names tables go by: the outer query's, then those of the related rows being written.
    aliases: Vec<(usize, String)>,
    /// Whether columns need their table before them.
    qualified: bool,
}

/// The SQL of a plan.
pub fn render(plan: &Plan, schema: &Schema<'_>, dialect: Dialect) -> String {
    let mut writer = Writer {
        schema,
        dialect,
        aliases: Vec::new(),
        qualified: !plan.joins.is_empty() || !plan.related.is_empty(),
    };
    writer.alias(plan.base);
    for join in &plan.joins {
        writer.alias(join.to);
    }
    match &plan.once {
        Some(key) if !counts_only(plan, key) => writer.once(plan, key),
        _ => writer.plain(plan),
    }
}

/// Counting rows once each needs no more than `COUNT(DISTINCT key)`.
fn counts_only(plan: &Plan, key: &[Col]) -> bool {
    key.len() == 1
        && plan
            .measures
            .iter()
            .all(|m| matches!(m.agg, Agg::Count | Agg::CountDistinct | Agg::Min | Agg::Max))
}

impl Writer<'_, '_> {
    fn alias(&mut self, table: usize) -> String {
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

    /// `schema.table AS alias`
    fn table(&self, table: usize, alias: &str) -> String {
        let found = self.schema.table(table);
        let name = match &found.schema {
            Some(schema) if schema != "public" => format!("{}.{}", ident(schema), ident(&found.name)),
            _ => ident(&found.name),
        };
        if alias == found.name {
            name
        } else {
            format!("{name} AS {}", ident(alias))
        }
    }

    fn col(&self, col: Col) -> String {
        let name = ident(&self.schema.column(col).name);
        if !self.qualified {
            return name;
        }
        let alias = self
            .aliases
            .iter()
            .rev()
            .find(|(table, _)| *table == col.table)
            .map_or(self.schema.table(col.table).name.as_str(), |(_, alias)| alias);
        format!("{}.{name}", ident(alias))
    }

    fn plain(&mut self, plan: &Plan) -> String {
        let mut names = Names::default();
        let mut select = Vec::new();
        let mut group_by = Vec::new();
        let mut group_names = Vec::new();
        for group in &plan.groups {
            group_names.push(self.group(group, &mut names, &mut select, &mut group_by));
        }
        let mut measure_names = Vec::new();
        for measure in &plan.measures {
            let name = names.take(&measure.name);
            select.push(format!(
                "{} AS {}",
                self.measure(measure, plan.once.as_deref()),
                ident(&name)
            ));
            measure_names.push(name);
        }
        for col in &plan.outputs {
            let own = &self.schema.column(*col).name;
            let name = names.take(own);
            let name = if &name == own {
                name
            } else {
                names.take(&format!("{}_{own}", self.schema.table(col.table).name))
            };
            let text = self.col(*col);
            select.push(if &name == own {
                text
            } else {
                format!("{text} AS {}", ident(&name))
            });
        }
        let mut sql = format!(
            "SELECT {}{}\nFROM {}",
            if plan.distinct && plan.measures.is_empty() {
                "DISTINCT "
            } else {
                ""
            },
            select.join(", "),
            self.from(plan)
        );
        sql.push_str(&self.conditions(plan));
        if !group_by.is_empty() {
            sql.push_str(&format!("\nGROUP BY {}", group_by.join(", ")));
        }
        if !plan.having.is_empty() {
            let all: Vec<String> = plan
                .having
                .iter()
                .map(|(at, compare, value)| {
                    let text = self.measure(&plan.measures[*at], plan.once.as_deref());
                    format!("{text} {} {}", compare.sql(), plain_number(*value))
                })
                .collect();
            sql.push_str(&format!("\nHAVING {}", all.join(" AND ")));
        }
        sql.push_str(&self.order(plan, &measure_names, &group_names));
        sql
    }

    /// Each row of the base once per group: distinct rows inside, figures outside.
    fn once(&mut self, plan: &Plan, key: &[Col]) -> String {
        let mut inner = Vec::new();
        let mut outer = Vec::new();
        let mut names = Names::default();
        let mut group_by = Vec::new();
        let mut group_names = Vec::new();
        for group in &plan.groups {
            let mut select = Vec::new();
            let mut by = Vec::new();
            self.group(group, &mut names, &mut select, &mut by);
            let mut keys = Vec::new();
            for (index, text) in by.iter().enumerate() {
                let name = names.take(&format!("group_{}", group_by.len() + index + 1));
                inner.push(format!("{text} AS {}", ident(&name)));
                keys.push(ident(&name));
            }
            for text in select {
                let (expression, name) = match text.rsplit_once(" AS ") {
                    Some((expression, name)) => (expression.to_owned(), name.to_owned()),
                    None => (text.clone(), text.rsplit('.').next().unwrap_or(&text).to_owned()),
                };
                let at = by.iter().position(|other| *other == expression);
                outer.push(format!(
                    "{} AS {name}",
                    at.map_or(expression, |at| keys[at].clone())
                ));
            }
            group_names.push(keys.clone());
            group_by.extend(keys);
        }
        for (index, col) in key.iter().enumerate() {
            inner.push(format!("{} AS row_key_{}", self.col(*col), index + 1));
        }
        let mut measure_names = Vec::new();
        for (index, measure) in plan.measures.iter().enumerate() {
            let name = names.take(&measure.name);
            let value = format!("value_{}", index + 1);
            let text = match measure.column {
                Some(col) => {
                    inner.push(format!("{} AS {value}", self.col(col)));
                    aggregate(measure.agg, &value)
                }
                None => "COUNT(*)".to_owned(),
            };
            outer.push(format!("{text} AS {}", ident(&name)));
            measure_names.push(name);
        }
        let rows = format!(
            "SELECT DISTINCT {}\n  FROM {}{}",
            inner.join(", "),
            self.from(plan),
            self.conditions(plan)
        );
        let mut sql = format!("SELECT {}\nFROM (\n  {rows}\n) AS counted_once", outer.join(", "));
        sql.push_str(&format!("\nGROUP BY {}", group_by.join(", ")));
        sql.push_str(&self.order(plan, &measure_names, &group_names));
        sql
    }

    fn from(&self, plan: &Plan) -> String {
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

    fn on(&self, join: &Join) -> String {
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

    fn conditions(&mut self, plan: &Plan) -> String {
        let mut all: Vec<String> = plan.filters.iter().map(|filter| self.filter(filter)).collect();
        for related in &plan.related {
            let text = self.related(related);
            all.push(text);
        }
        if all.is_empty() {
            String::new()
        } else {
            format!("\nWHERE {}", all.join("\n  AND "))
        }
    }

    fn related(&mut self, related: &Related) -> String {
        let outer = self.aliases.len();
        let left: Vec<String> = related
            .join
            .on
            .iter()
            .map(|(a, _)| {
                self.col(Col {
                    table: related.join.from,
                    column: *a,
                })
            })
            .collect();
        let first = self.alias(related.join.to);
        let mut from = self.table(related.join.to, &first);
        for join in &related.joins {
            let alias = self.alias(join.to);
            from.push_str(&format!(
                " JOIN {} ON {}",
                self.table(join.to, &alias),
                self.on(join)
            ));
        }
        let right: Vec<String> = related
            .join
            .on
            .iter()
            .map(|(_, b)| {
                self.col(Col {
                    table: related.join.to,
                    column: *b,
                })
            })
            .collect();
        let mut conditions: Vec<String> = related.filters.iter().map(|filter| self.filter(filter)).collect();
        let text = match (related.count, left.as_slice(), right.as_slice()) {
            (Some((compare, value)), [left], [right]) => {
                // Nothing at all is also "fewer than five", so those are found by what they are not.
                let zero_fits = match compare {
                    Compare::Less => value > 0.0,
                    Compare::AtMost => value >= 0.0,
                    Compare::Equal => value == 0.0,
                    Compare::NotEqual => value != 0.0,
                    Compare::AtLeast => value <= 0.0,
                    Compare::More => value < 0.0,
                };
                let (not, compare) = if zero_fits {
                    ("NOT ", compare.negated())
                } else {
                    ("", compare)
                };
                conditions.push(format!("{right} IS NOT NULL"));
                format!(
                    "{left} {not}IN (SELECT {right} FROM {from} WHERE {} GROUP BY {right} HAVING COUNT(*) {} {})",
                    conditions.join(" AND "),
                    compare.sql(),
                    plain_number(value)
                )
            }
            _ => {
                let mut all: Vec<String> = right
                    .iter()
                    .zip(&left)
                    .map(|(r, l)| format!("{r} = {l}"))
                    .collect();
                all.append(&mut conditions);
                let not = if related.negated { "NOT " } else { "" };
                format!("{not}EXISTS (SELECT 1 FROM {from} WHERE {})", all.join(" AND "))
            }
        };
        self.aliases.truncate(outer);
        text
    }

    /// Adds a group's columns; returns the texts to order it by.
    fn group(
        &self,
        group: &Group,
        names: &mut Names,
        select: &mut Vec<String>,
        group_by: &mut Vec<String>,
    ) -> Vec<String> {
        match group {
            Group::Column(col) => {
                let text = self.col(*col);
                let name = names.take(&self.schema.column(*col).name);
                select.push(aliased(&text, &name));
                group_by.push(text.clone());
                vec![text]
            }
            Group::Entity { key, label, .. } => {
                let mut order = Vec::new();
                // The label alone where it tells rows apart; else the key stands beside it.
                let shown: Vec<Col> =
                    if label.is_empty() || !label.iter().any(|col| self.schema.is_unique(*col)) {
                        key.iter().chain(label).copied().collect()
                    } else {
                        label.clone()
                    };
                let mut seen: Vec<Col> = Vec::new();
                for col in shown.iter().chain(key) {
                    if seen.contains(col) {
                        continue;
                    }
                    seen.push(*col);
                    let text = self.col(*col);
                    if shown.contains(col) {
                        let name = names.take(&self.schema.column(*col).name);
                        select.push(aliased(&text, &name));
                    }
                    group_by.push(text.clone());
                }
                for col in label.iter().chain(key) {
                    let text = self.col(*col);
                    if !order.contains(&text) {
                        order.push(text);
                    }
                }
                order
            }
            Group::Period(col, grain) => {
                let name = names.take(grain.word());
                let text = self.col(*col);
                match grain {
                    Grain::Weekday => {
                        let day = format!("EXTRACT(DOW FROM {text})");
                        let words: Vec<String> = [
                            "Sunday",
                            "Monday",
                            "Tuesday",
                            "Wednesday",
                            "Thursday",
                            "Friday",
                            "Saturday",
                        ]
                        .iter()
                        .enumerate()
                        .map(|(n, word)| format!("WHEN {n} THEN '{word}'"))
                        .collect();
                        select.push(format!("CASE {day} {} END AS {}", words.join(" "), ident(&name)));
                        group_by.push(day.clone());
                        vec![day]
                    }
                    Grain::Hour | Grain::Year => {
                        let part = format!("EXTRACT({} FROM {text})", grain.word().to_uppercase());
                        let whole = format!("CAST({part} AS INTEGER)");
                        select.push(format!("{whole} AS {}", ident(&name)));
                        group_by.push(whole.clone());
                        vec![whole]
                    }
                    _ => {
                        let period = format!("CAST(date_trunc('{}', {text}) AS DATE)", grain.word());
                        select.push(format!("{period} AS {}", ident(&name)));
                        group_by.push(period.clone());
                        vec![period]
                    }
                }
            }
        }
    }

    fn measure(&self, measure: &Measure, once: Option<&[Col]>) -> String {
        match (measure.column, once) {
            (Some(col), _) => aggregate(measure.agg, &self.col(col)),
            (None, Some([key])) => format!("COUNT(DISTINCT {})", self.col(*key)),
            (None, _) => "COUNT(*)".to_owned(),
        }
    }

    fn filter(&self, filter: &Filter) -> String {
        let col = self.col(filter.column);
        let not = if filter.negated { "NOT " } else { "" };
        match &filter.test {
            Is::OneOf(values) => match (values.as_slice(), filter.negated) {
                ([one], false) => format!("{col} = {}", self.value(filter.column, one)),
                ([one], true) => format!("{col} IS DISTINCT FROM {}", self.value(filter.column, one)),
                (several, negated) => {
                    let list: Vec<String> = several.iter().map(|v| self.value(filter.column, v)).collect();
                    if negated {
                        format!("({col} NOT IN ({}) OR {col} IS NULL)", list.join(", "))
                    } else {
                        format!("{col} IN ({})", list.join(", "))
                    }
                }
            },
            Is::Text(text) => {
                let op = if filter.negated { "<>" } else { "=" };
                format!(
                    "LOWER({}) {op} LOWER({})",
                    self.as_text(filter.column),
                    literal(text)
                )
            }
            Is::Compare(compare, value) => {
                let compare = if filter.negated {
                    compare.negated()
                } else {
                    *compare
                };
                format!("{col} {} {}", compare.sql(), plain_number(*value))
            }
            Is::Between(from, to) => format!(
                "{col} {not}BETWEEN {} AND {}",
                plain_number(*from),
                plain_number(*to)
            ),
            Is::When(span) => {
                let text = self.when(filter.column, &col, span);
                if filter.negated {
                    format!("NOT ({text})")
                } else {
                    text
                }
            }
            Is::Null => format!("{col} IS {not}NULL"),
            Is::True => {
                if filter.negated {
                    format!("{col} = FALSE")
                } else {
                    format!("{col} = TRUE")
                }
            }
            Is::Starts(text) => self.like(filter, not, &format!("{}%", escaped(text))),
            Is::Ends(text) => self.like(filter, not, &format!("%{}", escaped(text))),
            Is::Contains(text) => self.like(filter, not, &format!("%{}%", escaped(text))),
        }
    }

    fn like(&self, filter: &Filter, not: &str, pattern: &str) -> String {
        format!("{} {not}ILIKE {}", self.as_text(filter.column), literal(pattern))
    }

    /// Enum columns are no text to PostgreSQL's text functions.
    fn as_text(&self, col: Col) -> String {
        let text = self.col(col);
        if self.schema.column(col).kind == ColumnKind::Text {
            text
        } else {
            format!("CAST({text} AS TEXT)")
        }
    }

    fn value(&self, _col: Col, value: &str) -> String {
        literal(value)
    }

    fn when(&self, column: Col, col: &str, span: &Span) -> String {
        let kind = self.schema.column(column).kind;
        let date = |date: NaiveDate| match (kind, self.dialect) {
            (ColumnKind::Date, _) => format!("DATE '{date}'"),
            _ => format!("TIMESTAMP '{date} 00:00:00'"),
        };
        // A single day of a date column is that day.
        if let (Some(from), Some(until)) = (span.from, span.until)
            && kind == ColumnKind::Date
            && from.succ_opt() == Some(until)
        {
            return format!("{col} = {}", date(from));
        }
        let mut parts = Vec::new();
        if let Some(from) = span.from {
            parts.push(format!("{col} >= {}", date(from)));
        }
        if let Some(until) = span.until {
            parts.push(format!("{col} < {}", date(until)));
        }
        parts.join(" AND ")
    }

    fn order(&self, plan: &Plan, measures: &[String], groups: &[Vec<String>]) -> String {
        let mut keys: Vec<String> = Vec::new();
        let mut push = |text: String, dir: Dir| {
            let down = if dir == Dir::Down { " DESC NULLS LAST" } else { "" };
            keys.push(format!("{text}{down}"));
        };
        for (key, dir) in &plan.order {
            match key {
                Key::Measure(at) => push(ident(&measures[*at]), *dir),
                Key::Group(at) => {
                    for text in &groups[*at] {
                        push(text.clone(), *dir);
                    }
                }
                Key::Column(col) => push(self.col(*col), *dir),
            }
        }
        let mut sql = String::new();
        let aggregate_only = plan.groups.is_empty() && !plan.measures.is_empty();
        if !keys.is_empty() && !aggregate_only {
            sql.push_str(&format!("\nORDER BY {}", keys.join(", ")));
        }
        if let Some(limit) = plan.limit.filter(|_| !aggregate_only) {
            sql.push_str(&format!("\nLIMIT {limit}"));
        }
        sql
    }
}

fn aggregate(agg: Agg, text: &str) -> String {
    match agg {
        Agg::Count => format!("COUNT({text})"),
        Agg::CountDistinct => format!("COUNT(DISTINCT {text})"),
        Agg::Sum => format!("SUM({text})"),
        Agg::Average => format!("AVG({text})"),
        Agg::Min => format!("MIN({text})"),
        Agg::Max => format!("MAX({text})"),
    }
}
