//! The conditions of a plan as SQL.

use super::super::dates::Span;
use super::super::frame::Agg;
use super::super::plan::{Filter, Is, Plan, Related};
use super::super::schema::Col;
use super::super::words::plain_number;
use super::flavor::Flavor;
use super::names::escaped;
use super::sql::{Writer, fits_none};
use crate::catalog::ColumnKind;

impl Writer<'_, '_> {
    pub(super) fn conditions(&mut self, plan: &Plan) -> String {
        let mut all: Vec<String> = plan.filters.iter().map(|filter| self.filter(filter)).collect();
        for choice in &plan.any {
            let parts: Vec<String> = choice.iter().map(|filter| self.filter(filter)).collect();
            all.push(format!("({})", parts.join(" OR ")));
        }
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
                let (not, compare) = if fits_none(compare, value) {
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

    pub(super) fn filter(&self, filter: &Filter) -> String {
        let col = self.col(filter.column);
        let not = if filter.negated { "NOT " } else { "" };
        let literal = |text: &String| self.flavor.literal(text);
        match &filter.test {
            Is::OneOf(values) => match (values.as_slice(), filter.negated) {
                ([one], false) => format!("{col} = {}", literal(one)),
                ([one], true) => self.flavor.distinct_from(&col, &literal(one)),
                (several, negated) => {
                    let list: Vec<String> = several.iter().map(literal).collect();
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
            Is::Beside(compare, other) => {
                let compare = if filter.negated {
                    compare.negated()
                } else {
                    *compare
                };
                format!("{col} {} {}", compare.sql(), self.col(*other))
            }
            Is::Overall(compare, agg) => {
                let compare = if filter.negated {
                    compare.negated()
                } else {
                    *compare
                };
                let own = self.ident(&self.schema.column(filter.column).name);
                let figure = match agg {
                    Agg::Min => format!("MIN({own})"),
                    Agg::Max => format!("MAX({own})"),
                    _ => self.flavor.average(&own, self.schema.column(filter.column).kind),
                };
                let name = self.schema.table(filter.column.table).name.clone();
                format!(
                    "{col} {} (SELECT {figure} FROM {})",
                    compare.sql(),
                    self.table(filter.column.table, &name)
                )
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
            Is::Part(grain, numbers) => {
                let part = self.flavor.part(&col, *grain);
                let list: Vec<String> = numbers.iter().map(u32::to_string).collect();
                match list.as_slice() {
                    [one] if !filter.negated => format!("{part} = {one}"),
                    _ => format!("{part} {not}IN ({})", list.join(", ")),
                }
            }
            Is::Null => format!("{col} IS {not}NULL"),
            Is::True => format!("{col} = {}", if filter.negated { "FALSE" } else { "TRUE" }),
            Is::Starts(text) => self.like(filter, not, &format!("{}%", escaped(text))),
            Is::Ends(text) => self.like(filter, not, &format!("%{}", escaped(text))),
            Is::Contains(text) => self.like(filter, not, &format!("%{}%", escaped(text))),
        }
    }

    fn like(&self, filter: &Filter, not: &str, pattern: &str) -> String {
        self.flavor.like(&self.as_text(filter.column), not, pattern)
    }

    /// Enum columns are no text to PostgreSQL's text functions.
    fn as_text(&self, col: Col) -> String {
        let text = self.col(col);
        if self.schema.column(col).kind == ColumnKind::Text {
            text
        } else {
            self.flavor.as_text(&text)
        }
    }

    fn when(&self, column: Col, col: &str, span: &Span) -> String {
        let kind = self.schema.column(column).kind;
        // A single day of a date column is that day.
        if let (Some(from), Some(until)) = (span.from, span.until)
            && kind == ColumnKind::Date
            && self.flavor != Flavor::Sqlite
            && from.succ_opt() == Some(until)
        {
            return format!("{col} = {}", self.flavor.date(from, kind));
        }
        let mut parts = Vec::new();
        if let Some(from) = span.from {
            parts.push(format!("{col} >= {}", self.flavor.date(from, kind)));
        }
        if let Some(until) = span.until {
            parts.push(format!("{col} < {}", self.flavor.date(until, kind)));
        }
        parts.join(" AND ")
    }
}
