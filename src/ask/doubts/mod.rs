//! Cheap checks against plausible nonsense: queries that run, give a number, and mean something else than their
//! reading says. Each is a finding beside the answer; none changes or withholds it.
//!
//! Only what the catalog proves or makes likely is said: a check that cries wolf is not read. SQL only; the
//! stages of a pipeline say what they do more plainly.

mod dates;
mod division;
mod fan_out;
mod level;
mod values;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde_json::Value;
use sqlparser::ast::{Expr, LimitClause, Query, Select, SetExpr, Value as Literal, Visit, Visitor};

use super::answer::{Finding, Severity};
use crate::catalog::{Catalog, Dialect};
use crate::guard;
use level::Level;

/// Findings beside one answer; more would not be read.
const MAX_FINDINGS: usize = 5;

/// Characters of an expression that is quoted in a sentence.
const MAX_QUOTED: usize = 80;

/// Something about a query that may not be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    pub finding: Finding,
    pub when: When,
}

/// What the result has to look like for a doubt to matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Always,
    /// Nothing came, or only zeros and nulls in a single row.
    Empty,
    /// So many rows came.
    Rows(u64),
}

impl Doubt {
    fn warning(code: &str, message: String) -> Doubt {
        Doubt {
            finding: Finding {
                code: code.into(),
                message,
                severity: Severity::Warning,
            },
            when: When::Always,
        }
    }

    fn when(mut self, when: When) -> Doubt {
        self.when = when;
        self
    }
}

/// What is doubtful about a query that passed the guard, as far as can be seen before it runs.
pub fn of(resolved: &str, catalog: &Catalog, dialect: Dialect) -> Vec<Doubt> {
    let look = |query: &Query| {
        let mut ctes = Names::default();
        let _ = query.visit(&mut ctes);
        let mut doubter = Doubter {
            catalog,
            dialect,
            ctes: ctes.0,
            levels: Vec::new(),
            products: Vec::new(),
            queries: 0,
            doubts: Vec::new(),
        };
        let _ = query.visit(&mut doubter);
        doubter.doubts
    };
    // What the guard wrote, it reads.
    let mut doubts = guard::sql::look(resolved, dialect, look).unwrap_or_default();
    let mut said = BTreeSet::new();
    doubts.retain(|doubt| said.insert(doubt.finding.message.clone()));
    doubts
}

/// The doubts that matter for this result.
pub fn findings(doubts: Vec<Doubt>, rows: &[Vec<Value>], row_count: u64) -> Vec<Finding> {
    let says_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.parse() == Ok(0.0),
        _ => false,
    };
    let is_empty = match (row_count, rows) {
        (0, _) => true,
        (1, [row]) => row.iter().all(says_nothing),
        _ => false,
    };
    doubts
        .into_iter()
        .filter(|doubt| match doubt.when {
            When::Always => true,
            When::Empty => is_empty,
            When::Rows(count) => row_count == count,
        })
        .map(|doubt| doubt.finding)
        .take(MAX_FINDINGS)
        .collect()
}

/// The names of all common table expressions: what is called so is not looked up in the catalog.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.0.insert(cte.alias.name.value.to_lowercase());
        }
        ControlFlow::Continue(())
    }
}

/// Walks a query, level by level.
struct Doubter<'c> {
    catalog: &'c Catalog,
    dialect: Dialect,
    ctes: BTreeSet<String>,
    /// The SELECTs around the current point, outermost first.
    levels: Vec<Level<'c>>,
    /// Divisions that are multiplied again: `year / 10 * 10` means what it says.
    products: Vec<String>,
    /// Queries around the current point.
    queries: usize,
    doubts: Vec<Doubt>,
}

impl Visitor for Doubter<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.doubts.extend(without_order(query, self.queries > 0));
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.levels.push(Level::of(select, self.catalog, &self.ctes));
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &Select) -> ControlFlow<()> {
        self.levels.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Some(level) = self.levels.last() {
            self.doubts.extend(fan_out::doubt(expr, level));
        }
        self.doubts.extend(values::doubts(expr, &self.levels));
        self.doubts.extend(dates::doubt(expr, &self.levels));
        self.products.extend(division::multiplied_again(expr));
        if !self.products.contains(&expr.to_string()) {
            self.doubts
                .extend(division::doubt(expr, &self.levels, self.dialect));
        }
        ControlFlow::Continue(())
    }
}

/// A limit on rows that are in no order keeps whichever came first.
fn without_order(query: &Query, inside: bool) -> Option<Doubt> {
    let limit = match query.limit_clause.as_ref()? {
        LimitClause::LimitOffset { limit, .. } => limit.as_ref()?,
        LimitClause::OffsetCommaLimit { limit, .. } => limit,
    };
    let Expr::Value(value) = limit else { return None };
    let Literal::Number(digits, _) = &value.value else {
        return None;
    };
    let rows: u64 = digits.parse().ok()?;
    if query.order_by.is_some() || gives_one_row(query) {
        return None;
    }
    let message = format!(
        "The query keeps {} but says no order, so which ones is chance; it may be others next time.",
        if rows == 1 {
            "one row".into()
        } else {
            format!("{rows} rows")
        }
    );
    let doubt = Doubt::warning("limit_without_order", message);
    // At the end of the query a limit that was not reached has no effect.
    Some(if inside {
        doubt
    } else {
        doubt.when(When::Rows(rows))
    })
}

/// An aggregate of everything has no order to keep.
fn gives_one_row(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return false;
    };
    !level::is_grouped(select) && (select.from.is_empty() || level::is_aggregate(select))
}

/// An expression as it is quoted in a sentence.
fn quoted(what: &impl std::fmt::Display) -> String {
    let text = what.to_string();
    match text.char_indices().nth(MAX_QUOTED) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests;
