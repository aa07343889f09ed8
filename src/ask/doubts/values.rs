//! A filter on a value that does not exist: `city = 'Berlim'` finds nothing, and nothing looks like an answer.

use sqlparser::ast::{BinaryOperator, Expr, Value as Literal};

use super::level::{Level, arguments, column, function_name};
use super::{Doubt, When};
use crate::catalog::Column;

/// Below this a value is not offered as the one that may have been meant.
const NEAR: f64 = 0.8;

/// Characters of a value in a sentence.
const MAX_VALUE: usize = 60;

/// The doubts about a comparison with fixed texts.
pub fn doubts(expr: &Expr, levels: &[Level<'_>]) -> Vec<Doubt> {
    let (compared, texts): (&Expr, Vec<&Expr>) = match expr {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } if text(right).is_some() => (left, vec![right]),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } if text(left).is_some() => (right, vec![left]),
        Expr::InList {
            expr,
            list,
            negated: false,
        } => (expr, list.iter().collect()),
        _ => return Vec::new(),
    };
    let (compared, any_case) = without_case(compared);
    let Some((name, column)) = column(compared, levels) else {
        return Vec::new();
    };
    texts
        .into_iter()
        .filter_map(text)
        .filter_map(|value| doubt(&name, column, &value, any_case))
        .collect()
}

fn doubt(name: &str, column: &Column, value: &str, any_case: bool) -> Option<Doubt> {
    let is_same = |known: &String| {
        if any_case {
            known.to_lowercase() == value.to_lowercase()
        } else {
            known == value
        }
    };
    if !column.kind.is_text() || column.values.is_empty() || column.values.iter().any(is_same) {
        return None;
    }
    let near = nearest(value, &column.values);
    // Where the list of values has gaps, only an empty result and a near value together say something.
    if !column.values_complete && near.is_none() {
        return None;
    }
    let shown = shortened(value);
    let message = match near {
        Some(near) => format!(
            "As far as the catalog knows, no {name} is “{shown}”; the nearest is “{}”.",
            shortened(near)
        ),
        None => format!(
            "As far as the catalog knows, no {name} is “{shown}”; there {}.",
            listed(&column.values)
        ),
    };
    let doubt = Doubt::warning("unknown_value", message);
    Some(if column.values_complete {
        doubt
    } else {
        doubt.when(When::Empty)
    })
}

fn listed(values: &[String]) -> String {
    let shown: Vec<String> = values
        .iter()
        .take(5)
        .map(|value| format!("“{}”", shortened(value)))
        .collect();
    let more = values.len().saturating_sub(shown.len());
    match (shown.as_slice(), more) {
        ([only], 0) => format!("is only {only}"),
        (_, 0) => format!("are {}", shown.join(", ")),
        (_, more) => format!("are {} and {more} more", shown.join(", ")),
    }
}

fn nearest<'v>(value: &str, values: &'v [String]) -> Option<&'v str> {
    let wanted = value.to_lowercase();
    let score = |known: &str| strsim::jaro_winkler(&wanted, &known.to_lowercase());
    let best = values.iter().max_by(|a, b| score(a).total_cmp(&score(b)))?;
    (score(best) >= NEAR).then_some(best)
}

/// The expression under `lower()` or `upper()`, and whether it was.
fn without_case(expr: &Expr) -> (&Expr, bool) {
    match expr {
        Expr::Nested(inner) => without_case(inner),
        Expr::Function(function)
            if function_name(function).is_some_and(|name| name == "lower" || name == "upper") =>
        {
            match arguments(function).as_slice() {
                [only] => (only, true),
                _ => (expr, false),
            }
        }
        _ => (expr, false),
    }
}

/// A text in quotes, as it is without them.
pub fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => text(inner),
        Expr::Value(value) => match &value.value {
            // The guard keeps texts as they were written.
            Literal::SingleQuotedString(text) => Some(text.replace("''", "'")),
            _ => None,
        },
        _ => None,
    }
}

fn shortened(value: &str) -> String {
    match value.char_indices().nth(MAX_VALUE) {
        None => value.to_owned(),
        Some((end, _)) => format!("{}…", &value[..end]),
    }
}
