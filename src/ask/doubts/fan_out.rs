//! A join that repeats rows under a sum: `sum(customers.credit)` over customers joined with their orders counts
//! each customer's credit once for every order.

use std::collections::BTreeSet;

use sqlparser::ast::{DuplicateTreatment, Expr, Function, FunctionArguments, visit_expressions};
use std::ops::ControlFlow;

use super::level::{Level, arguments, function_name};
use super::{Doubt, quoted};
use crate::catalog::{Column, Table};

/// A table may look unique in a column whose values were only counted roughly.
const NEARLY_ALL: f64 = 0.9;

/// The doubt about an aggregate, if the joins around it repeat what it adds up.
pub fn doubt(expr: &Expr, level: &Level<'_>) -> Option<Doubt> {
    let Expr::Function(function) = expr else {
        return None;
    };
    let name = function_name(function)?;
    if !matches!(name.as_str(), "sum" | "avg" | "count" | "total")
        || function.over.is_some()
        || is_distinct(function)
    {
        return None;
    }
    let used = used(function, level)?;
    if used.is_empty() {
        return None;
    }
    let many = repeats(&used, level)?;
    let first = *used.iter().next()?;
    let table = level.relations[first].table?;
    if name == "count" && !counts_things(function, level, table) {
        return None;
    }
    // The average of one row, repeated, is that row.
    if name == "avg" && is_grouped_by_key(first, table, level) {
        return None;
    }
    let many = &level.relations[many].table?.name;
    let message = match name.as_str() {
        "count" => format!(
            "`{}` counts a row of {} once for every matching row of {many}; to count each once, count distinct keys.",
            quoted(function),
            table.name
        ),
        "avg" => format!(
            "Rows of {} are repeated for every matching row of {many}, so `{}` gives those with many more weight.",
            table.name,
            quoted(function)
        ),
        _ => format!(
            "Rows of {} are repeated for every matching row of {many}, so `{}` adds the same value up more than once.",
            table.name,
            quoted(function)
        ),
    };
    Some(Doubt::warning("join_repeats_rows", message))
}

fn is_distinct(function: &Function) -> bool {
    matches!(&function.args, FunctionArguments::List(list)
        if matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct)))
}

/// The relations whose columns are aggregated; None when a name is not understood.
fn used(function: &Function, level: &Level<'_>) -> Option<BTreeSet<usize>> {
    let mut used = BTreeSet::new();
    for argument in arguments(function) {
        let understood = visit_expressions(argument, |expr: &Expr| match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => match level.column(expr) {
                Some((at, _)) => {
                    used.insert(at);
                    ControlFlow::Continue(())
                }
                None => ControlFlow::Break(()),
            },
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        if understood.is_break() {
            return None;
        }
    }
    Some(used)
}

/// Follows the joins away from what is aggregated, and gives the first relation of which several rows match.
fn repeats(used: &BTreeSet<usize>, level: &Level<'_>) -> Option<usize> {
    let mut reached = used.clone();
    loop {
        let next = (0..level.relations.len())
            .filter(|at| !reached.contains(at))
            .find(|at| !ties(*at, &reached, level).is_empty())?;
        let columns = ties(next, &reached, level);
        let table = level.relations[next].table?;
        if level.loose.contains(&next) {
            return None;
        }
        if has_several(table, &columns) {
            return Some(next);
        }
        reached.insert(next);
    }
}

/// The columns of a relation that are equal to columns of those that were reached.
fn ties<'c>(at: usize, reached: &BTreeSet<usize>, level: &Level<'c>) -> Vec<&'c Column> {
    level
        .equal
        .iter()
        .filter_map(|(left, right)| {
            if left.0 == at && reached.contains(&right.0) {
                Some(left.1)
            } else if right.0 == at && reached.contains(&left.0) {
                Some(right.1)
            } else {
                None
            }
        })
        .collect()
}

/// Whether several rows of a table share these columns, as far as keys and counts tell; false where they tell
/// nothing.
fn has_several(table: &Table, columns: &[&Column]) -> bool {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    if table.is_unique(&names) {
        return false;
    }
    if !table.primary_key.is_empty() || !table.unique.is_empty() {
        return true;
    }
    match (columns, table.row_estimate) {
        ([column], Some(rows)) => column
            .distinct_estimate
            .is_some_and(|distinct| (distinct as f64) < rows as f64 * NEARLY_ALL),
        _ => false,
    }
}

/// Whether a key is counted, and so the things themselves. Other columns may well be counted per joined row.
fn counts_things(function: &Function, level: &Level<'_>, table: &Table) -> bool {
    match arguments(function).as_slice() {
        [only] => level
            .column(only)
            .is_some_and(|(_, column)| table.is_unique(&[column.name.as_str()])),
        _ => false,
    }
}

fn is_grouped_by_key(at: usize, table: &Table, level: &Level<'_>) -> bool {
    let names: Vec<&str> = level
        .group_by
        .iter()
        .filter_map(|expr| level.column(expr))
        .filter(|(relation, _)| *relation == at)
        .map(|(_, column)| column.name.as_str())
        .collect();
    table.is_unique(&names)
}
