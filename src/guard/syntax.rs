//! The expressions a query may be made of: one list, walked by the guard and by the name resolver alike, so
//! that neither can forget a child. Not here: queries and their clauses (`sql`), what names mean (`names`).

use sqlparser::ast::{
    AccessExpr, ArrayElemTypeDef, BinaryOperator, CastKind, CeilFloorKind, DataType, DateTimeField, Expr,
    Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, OrderByExpr, Query, Subscript, UnaryOperator, Value, WindowFrame, WindowFrameBound,
    WindowSpec, WindowType,
};

use crate::catalog::Dialect;
use crate::error::{Error, Result};

/// Something that visits every expression and query of a tree.
pub(super) trait Walk {
    /// Whose language it is.
    fn dialect(&self) -> Dialect;
    /// An expression below the one being walked; implementors go on with [`walk`].
    fn expr(&mut self, expr: &mut Expr) -> Result<()>;
    /// A query inside an expression.
    fn query(&mut self, query: &mut Query) -> Result<()>;
    /// `relation.*` as an argument of a function.
    fn relation(&mut self, name: &mut ObjectName) -> Result<()>;
    /// A type to cast to.
    fn data_type(&mut self, target: &DataType) -> Result<()> {
        data_type(target)
    }
    /// A window named in `OVER name` or in a window's definition.
    fn window(&mut self, name: &mut Ident) -> Result<()>;
}

/// A sentence that names what is not allowed.
pub(super) fn refused(what: impl std::fmt::Display) -> Error {
    Error::Refused(format!(
        "{what} is not allowed in a question's query; write it as a plain SELECT."
    ))
}

/// Visits the children of `expr`. Errors: `Refused` for every kind of expression that is not on the list.
pub(super) fn walk(expr: &mut Expr, to: &mut impl Walk) -> Result<()> {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Ok(()),
        Expr::Value(value) => literal(&mut value.value, to.dialect()),
        Expr::TypedString(typed) => {
            if typed.uses_odbc_syntax {
                return Err(refused("ODBC syntax"));
            }
            to.data_type(&typed.data_type)?;
            literal(&mut typed.value.value, to.dialect())
        }
        Expr::CompoundFieldAccess { root, access_chain } => {
            // PostgreSQL's arrays have six dimensions at most.
            if access_chain.len() > 12 {
                return Err(refused("Such a long chain of subscripts"));
            }
            to.expr(root)?;
            for access in access_chain {
                match access {
                    AccessExpr::Dot(Expr::Identifier(_)) => {}
                    AccessExpr::Subscript(Subscript::Index { index }) => to.expr(index)?,
                    AccessExpr::Subscript(Subscript::Slice {
                        lower_bound,
                        upper_bound,
                        stride: None,
                    }) => {
                        for bound in [lower_bound, upper_bound].into_iter().flatten() {
                            to.expr(bound)?;
                        }
                    }
                    _ => return Err(refused("This way of reaching into a value")),
                }
            }
            Ok(())
        }
        Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner)
        | Expr::Nested(inner) => to.expr(inner),
        Expr::IsNormalized { expr, .. } => to.expr(expr),
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
            to.expr(left)?;
            to.expr(right)
        }
        Expr::InList { expr, list, .. } => {
            to.expr(expr)?;
            all(list, to)
        }
        Expr::InSubquery { expr, subquery, .. } => {
            to.expr(expr)?;
            to.query(subquery)
        }
        Expr::Between { expr, low, high, .. } => {
            to.expr(expr)?;
            to.expr(low)?;
            to.expr(high)
        }
        Expr::BinaryOp { left, op, right } => {
            operator(op, to.dialect())?;
            to.expr(left)?;
            to.expr(right)
        }
        Expr::AnyOp {
            left,
            compare_op,
            right,
            ..
        }
        | Expr::AllOp {
            left,
            compare_op,
            right,
        } => {
            operator(compare_op, to.dialect())?;
            to.expr(left)?;
            to.expr(right)
        }
        Expr::UnaryOp { op, expr } => {
            if !matches!(
                op,
                UnaryOperator::Plus
                    | UnaryOperator::Minus
                    | UnaryOperator::Not
                    | UnaryOperator::BitwiseNot
                    | UnaryOperator::PGAbs
                    | UnaryOperator::PGSquareRoot
                    | UnaryOperator::PGCubeRoot
            ) {
                return Err(refused(format_args!("The operator {op}")));
            }
            // Two signs in a row are written out as `--`, which begins a comment.
            if matches!(**expr, Expr::UnaryOp { .. }) && *op != UnaryOperator::Not {
                let inner = std::mem::replace(&mut **expr, Expr::Value(Value::Null.into()));
                **expr = Expr::Nested(Box::new(inner));
            }
            to.expr(expr)
        }
        Expr::Like {
            any: false,
            expr,
            pattern,
            escape_char,
            ..
        }
        | Expr::ILike {
            any: false,
            expr,
            pattern,
            escape_char,
            ..
        }
        | Expr::SimilarTo {
            expr,
            pattern,
            escape_char,
            ..
        } => {
            to.expr(expr)?;
            to.expr(pattern)?;
            let dialect = to.dialect();
            escape_char
                .as_mut()
                .map_or(Ok(()), |c| literal(&mut c.value, dialect))
        }
        Expr::RLike { expr, pattern, .. } if to.dialect() == Dialect::Mysql => {
            to.expr(expr)?;
            to.expr(pattern)
        }
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon | CastKind::TryCast,
            expr,
            data_type: target,
            array: false,
            format: None,
        } => {
            to.data_type(target)?;
            to.expr(expr)
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            to.expr(timestamp)?;
            to.expr(time_zone)
        }
        Expr::Extract { expr, .. } => to.expr(expr),
        Expr::Ceil { expr, field } | Expr::Floor { expr, field } => match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => to.expr(expr),
            _ => Err(refused("CEIL or FLOOR with a unit")),
        },
        Expr::Position { expr, r#in } => {
            to.expr(expr)?;
            to.expr(r#in)
        }
        Expr::Substring {
            expr,
            substring_from,
            substring_for,
            ..
        } => {
            to.expr(expr)?;
            for bound in [substring_from, substring_for].into_iter().flatten() {
                to.expr(bound)?;
            }
            Ok(())
        }
        Expr::Trim {
            expr,
            trim_what,
            trim_characters,
            ..
        } => {
            to.expr(expr)?;
            if let Some(what) = trim_what {
                to.expr(what)?;
            }
            trim_characters.as_mut().map_or(Ok(()), |list| all(list, to))
        }
        Expr::Overlay {
            expr,
            overlay_what,
            overlay_from,
            overlay_for,
        } => {
            for part in [expr, overlay_what, overlay_from].into_iter().chain(overlay_for) {
                to.expr(part)?;
            }
            Ok(())
        }
        Expr::Collate { expr, .. } => to.expr(expr),
        Expr::Function(call) => function(call, to),
        Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } => {
            if let Some(operand) = operand {
                to.expr(operand)?;
            }
            for when in conditions {
                to.expr(&mut when.condition)?;
                to.expr(&mut when.result)?;
            }
            else_result.as_mut().map_or(Ok(()), |result| to.expr(result))
        }
        Expr::Exists { subquery, .. } => to.query(subquery),
        Expr::Subquery(subquery) => to.query(subquery),
        Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
            sets.iter_mut().try_for_each(|set| all(set, to))
        }
        Expr::Tuple(parts) => all(parts, to),
        Expr::Array(array) => all(&mut array.elem, to),
        Expr::Interval(interval) => to.expr(&mut interval.value),
        other => Err(refused(format_args!("The expression {}", shortened(other)))),
    }
}

fn all(list: &mut [Expr], to: &mut impl Walk) -> Result<()> {
    list.iter_mut().try_for_each(|expr| to.expr(expr))
}

/// The arguments and clauses of a call; whether the function itself may be called is the guard's question.
pub(super) fn function(call: &mut Function, to: &mut impl Walk) -> Result<()> {
    let Function {
        name,
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args,
        filter,
        null_treatment: _,
        over,
        within_group,
    } = call
    else {
        return Err(refused(format_args!("This way of calling {}", call.name)));
    };
    match args {
        FunctionArguments::None => {}
        FunctionArguments::Subquery(query) => to.query(query)?,
        FunctionArguments::List(list) => {
            let units = usize::from(begins_with_a_unit(name, &list.args));
            arguments(&mut list.args[units..], to)?;
            for clause in &mut list.clauses {
                match clause {
                    FunctionArgumentClause::OrderBy(order) => order_by(order, to)?,
                    FunctionArgumentClause::IgnoreOrRespectNulls(_)
                    | FunctionArgumentClause::JsonNullClause(_) => {}
                    FunctionArgumentClause::Separator(text) => literal(&mut text.value, to.dialect())?,
                    _ => return Err(refused(format_args!("A clause inside the call of {name}"))),
                }
            }
        }
    }
    if let Some(filter) = filter {
        to.expr(filter)?;
    }
    order_by(within_group, to)?;
    match over {
        None => Ok(()),
        Some(WindowType::NamedWindow(window)) => to.window(window),
        Some(WindowType::WindowSpec(spec)) => window(spec, to),
    }
}

/// Whether the first argument is a bare unit of time rather than a value: `TIMESTAMPDIFF(MONTH, a, b)`.
fn begins_with_a_unit(name: &ObjectName, args: &[FunctionArg]) -> bool {
    const UNITS: [&str; 9] = [
        "MICROSECOND",
        "SECOND",
        "MINUTE",
        "HOUR",
        "DAY",
        "WEEK",
        "MONTH",
        "QUARTER",
        "YEAR",
    ];
    let [ObjectNamePart::Identifier(function)] = name.0.as_slice() else {
        return false;
    };
    let takes_one = ["TIMESTAMPDIFF", "TIMESTAMPADD"]
        .iter()
        .any(|known| function.value.eq_ignore_ascii_case(known));
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(first)))) = args.first() else {
        return false;
    };
    takes_one
        && first.quote_style.is_none()
        && UNITS.iter().any(|unit| first.value.eq_ignore_ascii_case(unit))
}

/// Arguments of a call.
pub(super) fn arguments(args: &mut [FunctionArg], to: &mut impl Walk) -> Result<()> {
    for arg in args {
        let value = match arg {
            FunctionArg::Unnamed(value) => value,
            FunctionArg::Named { arg, .. } => arg,
            FunctionArg::ExprNamed {
                name: Expr::Identifier(_),
                arg,
                ..
            } => arg,
            FunctionArg::ExprNamed { .. } => return Err(refused("A computed argument name")),
        };
        match value {
            FunctionArgExpr::Expr(expr) => to.expr(expr)?,
            FunctionArgExpr::Wildcard => {}
            FunctionArgExpr::QualifiedWildcard(name) => to.relation(name)?,
            FunctionArgExpr::WildcardWithOptions(_) => return Err(refused("A wildcard with options")),
        }
    }
    Ok(())
}

/// The parts of an ORDER BY.
pub(super) fn order_by(order: &mut [OrderByExpr], to: &mut impl Walk) -> Result<()> {
    for part in order {
        if part.with_fill.is_some() {
            return Err(refused("WITH FILL"));
        }
        to.expr(&mut part.expr)?;
    }
    Ok(())
}

/// A window's definition.
pub(super) fn window(spec: &mut WindowSpec, to: &mut impl Walk) -> Result<()> {
    if let Some(name) = &mut spec.window_name {
        to.window(name)?;
    }
    all(&mut spec.partition_by, to)?;
    order_by(&mut spec.order_by, to)?;
    if let Some(WindowFrame {
        start_bound,
        end_bound,
        ..
    }) = &mut spec.window_frame
    {
        for bound in [Some(start_bound), end_bound.as_mut()].into_iter().flatten() {
            if let WindowFrameBound::Preceding(Some(expr)) | WindowFrameBound::Following(Some(expr)) = bound {
                to.expr(expr)?;
            }
        }
    }
    Ok(())
}

/// Literals; every way of quoting a text is turned into the plain one, whose writing out is known to be
/// exact (the tree keeps the text between its quotes as it was written).
fn literal(value: &mut Value, dialect: Dialect) -> Result<()> {
    let plain = match value {
        Value::SingleQuotedString(text) if dialect == Dialect::Mysql => {
            *text = with_plain_escapes(text);
            return Ok(());
        }
        Value::Number(..)
        | Value::SingleQuotedString(_)
        | Value::HexStringLiteral(_)
        | Value::Boolean(_)
        | Value::Null => return Ok(()),
        Value::DollarQuotedString(text) => &text.value,
        Value::EscapedStringLiteral(text) | Value::UnicodeStringLiteral(text) => text,
        Value::Placeholder(_) => {
            return Err(refused(format_args!(
                "The placeholder {value} (there is no value for it)"
            )));
        }
        other => return Err(refused(format_args!("The literal {other}"))),
    };
    *value = Value::SingleQuotedString(plain.replace('\'', "''"));
    Ok(())
}

/// A text of MySQL between its quotes, written with the fewest escapes: `''`, `\\` and `\0`. It means the same,
/// and written so again it stays as it is.
fn with_plain_escapes(raw: &str) -> String {
    let mut plain = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        let meant = match c {
            // Doubled.
            '\'' => chars.next().unwrap_or('\''),
            '\\' => match chars.next() {
                Some('0') => '\0',
                Some('b') => '\u{8}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('Z') => '\u{1a}',
                // These two keep their backslash, for LIKE.
                Some(wildcard @ ('%' | '_')) => {
                    plain.push_str("\\\\");
                    wildcard
                }
                Some(other) => other,
                None => '\\',
            },
            other => other,
        };
        match meant {
            '\'' => plain.push_str("''"),
            '\\' => plain.push_str("\\\\"),
            '\0' => plain.push_str("\\0"),
            other => plain.push(other),
        }
    }
    plain
}

fn operator(op: &BinaryOperator, dialect: Dialect) -> Result<()> {
    match (op, dialect) {
        (
            BinaryOperator::MyIntegerDivide | BinaryOperator::Spaceship | BinaryOperator::Xor,
            Dialect::Mysql,
        )
        | (BinaryOperator::Match, Dialect::Sqlite) => Ok(()),
        (BinaryOperator::StringConcat, Dialect::Mysql) => Err(refused(
            "The operator ||, which means OR on one MySQL server and CONCAT on the next (write CONCAT or OR),",
        )),
        (
            BinaryOperator::Custom(_)
            | BinaryOperator::PGCustomBinaryOperator(_)
            | BinaryOperator::Assignment
            | BinaryOperator::Spaceship
            | BinaryOperator::Xor
            | BinaryOperator::DuckIntegerDivide
            | BinaryOperator::MyIntegerDivide
            | BinaryOperator::Match
            | BinaryOperator::Regexp,
            _,
        ) => Err(refused(format_args!("The operator {op}"))),
        _ => Ok(()),
    }
}

/// Types to cast to: the plain ones and those a database defines itself, but none that looks up objects.
pub(super) fn data_type(target: &DataType) -> Result<()> {
    match target {
        DataType::Character(_)
        | DataType::Char(_)
        | DataType::CharacterVarying(_)
        | DataType::CharVarying(_)
        | DataType::Varchar(_)
        | DataType::Uuid
        | DataType::Numeric(_)
        | DataType::Decimal(_)
        | DataType::Dec(_)
        | DataType::Float(_)
        | DataType::TinyInt(_)
        | DataType::Int2(_)
        | DataType::SmallInt(_)
        | DataType::Int(_)
        | DataType::Int4(_)
        | DataType::Int8(_)
        | DataType::Integer(_)
        | DataType::BigInt(_)
        | DataType::Float4
        | DataType::Float8
        | DataType::Real
        | DataType::Double(_)
        | DataType::DoublePrecision
        | DataType::Bool
        | DataType::Boolean
        | DataType::Date
        | DataType::Time(..)
        | DataType::Timestamp(..)
        | DataType::Datetime(_)
        | DataType::Interval { .. }
        | DataType::JSON
        | DataType::JSONB
        | DataType::Text
        | DataType::String(_)
        | DataType::Bytea
        | DataType::Bit(_)
        | DataType::BitVarying(_)
        | DataType::VarBit(_)
        | DataType::GeometricType(_)
        | DataType::TsVector
        | DataType::TsQuery
        | DataType::Signed
        | DataType::SignedInteger
        | DataType::Unsigned
        | DataType::UnsignedInteger
        | DataType::Binary(_) => Ok(()),
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => data_type(element),
        DataType::Custom(name, modifiers) => {
            let last = match name.0.last() {
                Some(ObjectNamePart::Identifier(ident)) => ident.value.to_ascii_lowercase(),
                _ => return Err(refused(format_args!("The type {target}"))),
            };
            let modifiers_are_plain = modifiers
                .iter()
                .all(|text| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
            // regclass, regproc and their kin turn text into a look-up in the system catalogs.
            if last.starts_with("reg") || !modifiers_are_plain {
                return Err(refused(format_args!("The type {target}")));
            }
            Ok(())
        }
        other => Err(refused(format_args!("The type {other}"))),
    }
}

/// The beginning of a piece of SQL, for messages.
pub(super) fn shortened(part: &impl std::fmt::Display) -> String {
    let text = part.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_mysql_keep_their_meaning_and_settle() {
        for (raw, plain) in [
            ("plain", "plain"),
            ("it''s", "it''s"),
            (r"it\'s", "it''s"),
            (r"a\\b", r"a\\b"),
            (r"50\%", r"50\\%"),
            (r"tab\there", "tab\there"),
            (r"\q\0", r"q\0"),
        ] {
            assert_eq!(with_plain_escapes(raw), plain);
            assert_eq!(with_plain_escapes(plain), plain);
        }
    }
}
