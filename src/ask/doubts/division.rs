//! A division of whole numbers that loses what is behind the point: in most databases `1 / 2` is 0.

use sqlparser::ast::{BinaryOperator, CastKind, DataType, Expr, Value as Literal};

use super::level::{Level, arguments, column, function_name};
use super::{Doubt, quoted};
use crate::catalog::{ColumnKind, Dialect};

/// Divisions that an expression multiplies again by what they were divided by, as text: they round on purpose.
pub fn multiplied_again(expr: &Expr) -> Option<String> {
    let Expr::BinaryOp {
        left,
        op: BinaryOperator::Multiply,
        right,
    } = expr
    else {
        return None;
    };
    let divided = |side: &Expr, by: &Expr| match bare(side) {
        division @ Expr::BinaryOp {
            op: BinaryOperator::Divide,
            right,
            ..
        } if bare(right) == bare(by) => Some(division.to_string()),
        _ => None,
    };
    divided(left, right).or_else(|| divided(right, left))
}

/// The doubt about a division, if both its sides are whole numbers where that matters.
pub fn doubt(expr: &Expr, levels: &[Level<'_>], dialect: Dialect) -> Option<Doubt> {
    // MySQL divides with decimals.
    if !matches!(
        dialect,
        Dialect::Postgresql | Dialect::Datafusion | Dialect::Sqlite
    ) {
        return None;
    }
    let Expr::BinaryOp {
        left,
        op: BinaryOperator::Divide,
        right,
    } = expr
    else {
        return None;
    };
    let whole = |side: &Expr| is_whole(side, levels, dialect);
    (whole(left) && whole(right)).then(|| {
        Doubt::warning(
            "whole_division",
            format!(
                "`{}` divides whole numbers, which drops everything behind the point; multiply by 1.0 first to keep it.",
                quoted(expr)
            ),
        )
    })
}

fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => bare(inner),
        other => other,
    }
}

/// Whether an expression certainly is a whole number.
fn is_whole(expr: &Expr, levels: &[Level<'_>], dialect: Dialect) -> bool {
    let whole = |expr: &Expr| is_whole(expr, levels, dialect);
    match expr {
        Expr::Nested(inner) => whole(inner),
        Expr::UnaryOp { expr, .. } => whole(expr),
        Expr::Value(value) => match &value.value {
            Literal::Number(digits, _) => digits.bytes().all(|byte| byte.is_ascii_digit()),
            _ => false,
        },
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
            column(expr, levels).is_some_and(|(_, column)| column.kind == ColumnKind::Integer)
        }
        Expr::BinaryOp {
            left,
            op:
                BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Modulo
                | BinaryOperator::Divide,
            right,
        } => whole(left) && whole(right),
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            data_type,
            ..
        } => matches!(
            data_type,
            DataType::Int(_) | DataType::Integer(_) | DataType::BigInt(_) | DataType::SmallInt(_)
        ),
        Expr::Case {
            conditions,
            else_result,
            ..
        } => conditions.iter().all(|when| whole(&when.result)) && else_result.as_deref().is_none_or(whole),
        Expr::Function(function) => {
            let arguments = arguments(function);
            match function_name(function).as_deref() {
                Some("count") => true,
                // PostgreSQL adds bigint up to numeric.
                Some("sum") => match arguments.as_slice() {
                    [only] if dialect == Dialect::Postgresql => !is_long(only, levels) && whole(only),
                    [only] => whole(only),
                    _ => false,
                },
                Some("coalesce" | "nullif" | "abs" | "min" | "max" | "greatest" | "least") => {
                    !arguments.is_empty() && arguments.into_iter().all(whole)
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether an expression may be PostgreSQL's `bigint`.
fn is_long(expr: &Expr, levels: &[Level<'_>]) -> bool {
    use std::ops::ControlFlow;
    sqlparser::ast::visit_expressions(expr, |part: &Expr| {
        let is_long = match part {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => column(part, levels)
                .is_none_or(|(_, column)| !matches!(column.type_name.as_str(), "integer" | "smallint")),
            Expr::Function(_) => true,
            Expr::Cast { data_type, .. } => matches!(data_type, DataType::BigInt(_)),
            _ => false,
        };
        if is_long {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .is_break()
}
