//! The parts of a MongoDB query: documents whose keys keep their order, and conditions on fields, both as
//! `$match` takes them and as expressions.

use std::fmt::{self, Display, Formatter, Write as _};

use chrono::NaiveDate;

use super::super::lexicon::{Compare, Grain};
use super::super::plan::{Filter, Is};
use super::super::schema::{Col, Schema};
use super::super::words::plain_number;

/// JSON whose objects keep their order: that of `$sort` means something.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doc {
    Text(String),
    Number(f64),
    True,
    False,
    Null,
    List(Vec<Doc>),
    Object(Vec<(String, Doc)>),
}

impl Display for Doc {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = |f: &mut Formatter<'_>, text: &str| {
            // A text always becomes JSON.
            f.write_str(&serde_json::to_string(text).unwrap_or_default())
        };
        match self {
            Doc::Text(value) => text(f, value),
            Doc::Number(value) => f.write_str(&plain_number(*value)),
            Doc::True => f.write_str("true"),
            Doc::False => f.write_str("false"),
            Doc::Null => f.write_str("null"),
            Doc::List(items) => {
                f.write_char('[')?;
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_char(']')
            }
            Doc::Object(fields) => {
                f.write_char('{')?;
                for (at, (key, value)) in fields.iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    text(f, key)?;
                    write!(f, ": {value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

pub(super) fn text(value: impl Into<String>) -> Doc {
    Doc::Text(value.into())
}

/// A document of one field.
pub(super) fn one(key: impl Into<String>, value: Doc) -> Doc {
    Doc::Object(vec![(key.into(), value)])
}

pub(super) fn object<K: Into<String>>(fields: impl IntoIterator<Item = (K, Doc)>) -> Doc {
    Doc::Object(
        fields
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect(),
    )
}

/// `{operator: [a, b…]}`
pub(super) fn call<const N: usize>(operator: &str, values: [Doc; N]) -> Doc {
    one(operator, Doc::List(values.into()))
}

/// The value of a field, in an expression.
pub(super) fn field(path: &str) -> Doc {
    text(format!("${path}"))
}

/// A text that is no field's name, in an expression.
pub(super) fn literal(value: &str) -> Doc {
    one("$literal", text(value))
}

fn date(date: NaiveDate) -> Doc {
    one("$date", text(format!("{date}T00:00:00Z")))
}

pub(super) fn operator(compare: Compare) -> &'static str {
    match compare {
        Compare::Less => "$lt",
        Compare::AtMost => "$lte",
        Compare::Equal => "$eq",
        Compare::NotEqual => "$ne",
        Compare::AtLeast => "$gte",
        Compare::More => "$gt",
    }
}

/// The names that tables' fields go by in one pipeline: those of the base are its own.
#[derive(Clone)]
pub(super) struct Scope<'a, 'b> {
    pub(super) schema: &'b Schema<'a>,
    pub(super) base: usize,
    /// Joined tables and the fields that hold their documents.
    pub(super) joined: Vec<(usize, String)>,
    /// Columns whose figure over the whole collection stands in a field of its own.
    pub(super) overall: Vec<(Filter, String)>,
}

impl<'a, 'b> Scope<'a, 'b> {
    pub(super) fn new(schema: &'b Schema<'a>, base: usize) -> Scope<'a, 'b> {
        Scope {
            schema,
            base,
            joined: Vec::new(),
            overall: Vec::new(),
        }
    }

    /// A field's path: `city`, or `store.city` of a joined document.
    pub(super) fn path(&self, col: Col) -> String {
        let name = &self.schema.column(col).name;
        match self.joined.iter().find(|(table, _)| *table == col.table) {
            Some((_, prefix)) if col.table != self.base => format!("{prefix}.{name}"),
            _ => name.clone(),
        }
    }

    /// A name for a joined document that no field of the base bears.
    pub(super) fn join(&mut self, table: usize) -> String {
        let base = self.schema.table(self.base);
        let taken = |name: &str| {
            self.joined.iter().any(|(_, other)| other == name)
                || base
                    .columns
                    .iter()
                    .any(|column| column.name.split('.').next() == Some(name))
        };
        let mut name = clean(&self.schema.table(table).name);
        while taken(&name) {
            name.push_str("_joined");
        }
        self.joined.push((table, name.clone()));
        name
    }

    /// Conditions as `$match` takes them.
    pub(super) fn matching(&self, filters: &[Filter]) -> Doc {
        let parts: Vec<Doc> = filters.iter().map(|filter| self.condition(filter)).collect();
        all(parts)
    }

    /// One condition as `$match` takes it.
    pub(super) fn condition(&self, filter: &Filter) -> Doc {
        let path = self.path(filter.column);
        let is = |test: Doc| one(path.clone(), test);
        // Empty values meet no negated condition, as in SQL.
        let not = |test: Doc| object([("$not", test), ("$ne", Doc::Null)]);
        let sided = |test: Doc| if filter.negated { not(test) } else { test };
        match &filter.test {
            Is::OneOf(values) => {
                let list: Vec<Doc> = values.iter().map(text).collect();
                is(match (list.as_slice(), filter.negated) {
                    ([one], false) => one.clone(),
                    (_, false) => one("$in", Doc::List(list)),
                    (_, true) => one("$nin", Doc::List(list)),
                })
            }
            Is::Text(value) => is(sided(regex(&format!("^{}$", escaped(value))))),
            Is::Starts(value) => is(sided(regex(&format!("^{}", escaped(value))))),
            Is::Ends(value) => is(sided(regex(&format!("{}$", escaped(value))))),
            Is::Contains(value) => is(sided(regex(&escaped(value)))),
            Is::Compare(compare, value) => {
                let compare = if filter.negated {
                    compare.negated()
                } else {
                    *compare
                };
                is(match compare {
                    Compare::Equal => Doc::Number(*value),
                    Compare::NotEqual => one("$nin", Doc::List(vec![Doc::Number(*value), Doc::Null])),
                    other => one(operator(other), Doc::Number(*value)),
                })
            }
            Is::Between(from, to) => is(sided(object([
                ("$gte", Doc::Number(*from)),
                ("$lte", Doc::Number(*to)),
            ]))),
            Is::When(span) => {
                let mut bounds = Vec::new();
                if let Some(from) = span.from {
                    bounds.push(("$gte", date(from)));
                }
                if let Some(until) = span.until {
                    bounds.push(("$lt", date(until)));
                }
                is(sided(object(bounds)))
            }
            Is::Null if filter.negated => is(one("$ne", Doc::Null)),
            Is::Null => is(Doc::Null),
            Is::True if filter.negated => is(Doc::False),
            Is::True => is(Doc::True),
            Is::Part(..) | Is::Beside(..) | Is::Overall(..) => one("$expr", self.expression(filter)),
        }
    }

    /// One condition as an expression, false where the field is empty.
    pub(super) fn expression(&self, filter: &Filter) -> Doc {
        let value = field(&self.path(filter.column));
        let held = call("$gt", [value.clone(), Doc::Null]);
        let not = |test: Doc| call("$and", [held.clone(), one("$not", Doc::List(vec![test]))]);
        let sided = |test: Doc| if filter.negated { not(test) } else { test };
        let compared = |compare: &Compare, other: Doc| {
            let compare = if filter.negated {
                compare.negated()
            } else {
                *compare
            };
            let mut parts = vec![held.clone()];
            if matches!(other, Doc::Object(_) | Doc::Text(_)) {
                parts.push(call("$gt", [other.clone(), Doc::Null]));
            }
            parts.push(call(operator(compare), [value.clone(), other]));
            one("$and", Doc::List(parts))
        };
        match &filter.test {
            Is::OneOf(values) => {
                let list = Doc::List(values.iter().map(|value| literal(value)).collect());
                let found = call("$in", [value.clone(), list]);
                if filter.negated {
                    one("$not", Doc::List(vec![found]))
                } else {
                    found
                }
            }
            Is::Text(wanted) => sided(self.matches(&value, &format!("^{}$", escaped(wanted)))),
            Is::Starts(wanted) => sided(self.matches(&value, &format!("^{}", escaped(wanted)))),
            Is::Ends(wanted) => sided(self.matches(&value, &format!("{}$", escaped(wanted)))),
            Is::Contains(wanted) => sided(self.matches(&value, &escaped(wanted))),
            Is::Compare(compare, number) => compared(compare, Doc::Number(*number)),
            Is::Beside(compare, other) => compared(compare, field(&self.path(*other))),
            Is::Overall(compare, _) => {
                let figure = self
                    .overall
                    .iter()
                    .find(|(known, _)| known.column == filter.column && known.test == filter.test)
                    .map_or(Doc::Null, |(_, name)| {
                        one("$first", field(&format!("{name}.figure")))
                    });
                compared(compare, figure)
            }
            Is::Between(from, to) => sided(one(
                "$and",
                Doc::List(vec![
                    held.clone(),
                    call("$gte", [value.clone(), Doc::Number(*from)]),
                    call("$lte", [value.clone(), Doc::Number(*to)]),
                ]),
            )),
            Is::When(span) => {
                let mut parts = vec![held.clone()];
                if let Some(from) = span.from {
                    parts.push(call("$gte", [value.clone(), date(from)]));
                }
                if let Some(until) = span.until {
                    parts.push(call("$lt", [value.clone(), date(until)]));
                }
                sided(one("$and", Doc::List(parts)))
            }
            Is::Part(grain, numbers) => {
                let list = Doc::List(numbers.iter().map(|n| Doc::Number(f64::from(*n))).collect());
                sided(call("$in", [part(&value, *grain), list]))
            }
            Is::Null if filter.negated => held,
            Is::Null => one("$not", Doc::List(vec![held])),
            Is::True => call(
                "$eq",
                [value.clone(), if filter.negated { Doc::False } else { Doc::True }],
            ),
        }
    }

    fn matches(&self, value: &Doc, pattern: &str) -> Doc {
        one(
            "$regexMatch",
            object([
                ("input", value.clone()),
                ("regex", text(pattern)),
                ("options", text("i")),
            ]),
        )
    }
}

/// Conditions that all have to hold; those on one field side by side.
pub(super) fn all(mut parts: Vec<Doc>) -> Doc {
    let mut seen: Vec<&String> = Vec::new();
    let apart = parts.iter().all(|part| match part {
        Doc::Object(fields) => fields.iter().all(|(key, _)| {
            let new = !seen.contains(&key);
            seen.push(key);
            new
        }),
        _ => false,
    });
    if parts.len() == 1 {
        return parts.remove(0);
    }
    if apart {
        return Doc::Object(
            parts
                .into_iter()
                .flat_map(|part| match part {
                    Doc::Object(fields) => fields,
                    _ => Vec::new(),
                })
                .collect(),
        );
    }
    one("$and", Doc::List(parts))
}

/// A part of a date as a whole number, as [`Is::Part`] counts.
pub(super) fn part(value: &Doc, grain: Grain) -> Doc {
    let by = |operator: &str| one(operator, value.clone());
    match grain {
        Grain::Weekday => call("$subtract", [by("$dayOfWeek"), Doc::Number(1.0)]),
        Grain::MonthOfYear | Grain::Month => by("$month"),
        Grain::Hour => by("$hour"),
        Grain::Day => by("$dayOfMonth"),
        Grain::Week => by("$isoWeek"),
        Grain::Quarter => one("$ceil", call("$divide", [by("$month"), Doc::Number(3.0)])),
        Grain::Year => by("$year"),
    }
}

fn regex(pattern: &str) -> Doc {
    object([("$regex", text(pattern)), ("$options", text("i"))])
}

/// A text inside a pattern.
fn escaped(value: &str) -> String {
    let mut pattern = String::with_capacity(value.len());
    for c in value.chars() {
        if "\\^$.|?*+()[]{}/-#".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// A name that can stand as a field of the result.
pub(super) fn clean(name: &str) -> String {
    let name = name.replace(['.', '$', '\0'], "_");
    if name.is_empty() { "_".into() } else { name }
}
