//! Dates and numbers that lie in a column of text: compared letter by letter, '9' is after '10' and
//! '31.01.2024' after '01.12.2024'.

use chrono::NaiveDate;
use sqlparser::ast::{BinaryOperator, Expr};

use super::Doubt;
use super::level::{Level, column};
use super::values::text;
use crate::catalog::Column;

/// The doubt about a comparison, if it orders texts that mean dates or numbers.
pub fn doubt(expr: &Expr, levels: &[Level<'_>]) -> Option<Doubt> {
    let (compared, bounds): (&Expr, Vec<&Expr>) = match expr {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq,
            right,
        } => match (text(left), text(right)) {
            (None, Some(_)) => (left, vec![right]),
            (Some(_), None) => (right, vec![left]),
            _ => return None,
        },
        Expr::Between { expr, low, high, .. } => (expr, vec![low, high]),
        _ => return None,
    };
    let (name, column) = column(compared, levels)?;
    if !column.kind.is_text() {
        return None;
    }
    let bounds: Vec<String> = bounds.into_iter().filter_map(text).collect();
    let first = bounds.first()?;
    let (what, is_sorted): (&str, fn(&str) -> bool) = if bounds.iter().all(|bound| is_date(bound)) {
        ("dates", is_iso)
    } else if bounds.iter().all(|bound| bound.trim().parse::<f64>().is_ok()) {
        ("numbers", |_| false)
    } else {
        return None;
    };
    // Year, month, day, each with all its digits: letter by letter is then day by day.
    let mut known = known(column).peekable();
    if is_sorted(first) && known.peek().is_some() && known.all(is_sorted) {
        return None;
    }
    Some(Doubt::warning(
        "text_compared",
        format!(
            "{name} is text, so it is compared with “{first}” letter by letter, not as {what} are; turn it into \
             {what} first.",
        ),
    ))
}

fn known(column: &Column) -> impl Iterator<Item = &str> {
    column
        .values
        .iter()
        .chain(&column.min)
        .chain(&column.max)
        .map(String::as_str)
}

fn is_iso(text: &str) -> bool {
    text.get(..10)
        .is_some_and(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok())
}

fn is_date(text: &str) -> bool {
    const FORMATS: [&str; 7] = [
        "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y%m%d",
    ];
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    FORMATS
        .iter()
        .any(|format| NaiveDate::parse_from_str(day, format).is_ok())
}
