//! What a query does, said in words by code from the query that runs. A reading that a model wrote is a claim; this
//! is what it is held against. SQL only.

use sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    GroupByExpr, JoinOperator, LimitClause, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr,
    SetOperator, TableFactor, TableWithJoins, UnaryOperator,
};

use crate::catalog::Dialect;
use crate::guard;

/// Characters of the whole.
const MAX_WORDS: usize = 600;

/// Characters of one expression.
const MAX_EXPR: usize = 120;

/// Outputs that are named one by one.
const MAX_OUTPUTS: usize = 8;

/// Queries inside queries that are told; further in, it is only said that there is one.
const MAX_DEPTH: usize = 3;

/// The query in words; None for what is not SQL.
pub fn describe(resolved: &str, dialect: Dialect) -> Option<String> {
    if dialect == Dialect::Mongodb {
        return None;
    }
    let words = guard::sql::look(resolved, dialect, |query| told(query, 0)).ok()?;
    Some(cut(&words, MAX_WORDS))
}

fn told(query: &Query, depth: usize) -> String {
    let mut words = body(&query.body, depth);
    if let Some(order) = query.order_by.as_ref().and_then(order) {
        words.push_str(&format!(", sorted by {order}"));
    }
    if let Some(limit) = limit(query) {
        words.push_str(&format!(", at most {limit}"));
    }
    let parts = query.with.iter().flat_map(|with| &with.cte_tables);
    for cte in parts {
        let inner = inside(&cte.query, depth);
        words.push_str(&format!("; where {} is: {inner}", cte.alias.name.value));
    }
    words
}

fn inside(query: &Query, depth: usize) -> String {
    if depth + 1 >= MAX_DEPTH {
        "another query".into()
    } else {
        told(query, depth + 1)
    }
}

fn body(body: &SetExpr, depth: usize) -> String {
    match body {
        SetExpr::Select(select) => of_select(select, depth),
        SetExpr::Query(query) => inside(query, depth),
        SetExpr::SetOperation { op, left, right, .. } => {
            let between = match op {
                SetOperator::Union => "together with",
                SetOperator::Intersect => "that are also in",
                SetOperator::Except | SetOperator::Minus => "without",
            };
            format!(
                "{} — {between} — {}",
                self::body(left, depth),
                self::body(right, depth)
            )
        }
        SetExpr::Values(_) => "fixed values".into(),
        _ => "another query".into(),
    }
}

fn of_select(select: &Select, depth: usize) -> String {
    let mut outputs: Vec<String> = select.projection.iter().map(output).collect();
    let more = outputs.len().saturating_sub(MAX_OUTPUTS);
    outputs.truncate(MAX_OUTPUTS);
    let mut words = outputs.join(", ");
    if more > 0 {
        words.push_str(&format!(" and {more} more"));
    }
    if select.distinct.is_some() {
        words = format!("each different {words}");
    }
    let from: Vec<String> = select.from.iter().map(|from| relation(from, depth)).collect();
    if !from.is_empty() {
        words.push_str(&format!(" from {}", from.join(", ")));
    }
    if let Some(selection) = &select.selection {
        words.push_str(&format!(", only where {}", condition(selection)));
    }
    let groups = match &select.group_by {
        GroupByExpr::Expressions(exprs, _) => exprs.iter().map(phrase).collect::<Vec<_>>(),
        GroupByExpr::All(_) => vec!["everything else".to_owned()],
    };
    if !groups.is_empty() {
        words.push_str(&format!(", for each {}", groups.join(", ")));
    }
    if let Some(having) = &select.having {
        words.push_str(&format!(", only groups where {}", condition(having)));
    }
    words
}

fn output(item: &SelectItem) -> String {
    match item {
        SelectItem::UnnamedExpr(expr) => phrase(expr),
        SelectItem::ExprWithAlias { expr, alias } => {
            let phrase = phrase(expr);
            if phrase.eq_ignore_ascii_case(&alias.value) {
                phrase
            } else {
                format!("{phrase} (called {})", alias.value)
            }
        }
        SelectItem::Wildcard(_) => "every column".into(),
        SelectItem::QualifiedWildcard(kind, _) => format!("every column of {}", bare(&kind.to_string())),
        other => bare(&other.to_string()),
    }
}

fn relation(from: &TableWithJoins, depth: usize) -> String {
    let mut words = factor(&from.relation, depth);
    for join in &from.joins {
        let kind = match &join.join_operator {
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => "and, where there is one, ",
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => "kept whole: ",
            JoinOperator::FullOuter(_) => "and, both kept whole, ",
            JoinOperator::CrossJoin(_) => "with every row of ",
            _ => "joined with ",
        };
        words.push_str(&format!(" {kind}{}", factor(&join.relation, depth)));
    }
    words
}

fn factor(factor: &TableFactor, depth: usize) -> String {
    match factor {
        TableFactor::Table { name, .. } => bare(&name.to_string()),
        TableFactor::Derived { subquery, .. } => format!("({})", inside(subquery, depth)),
        TableFactor::NestedJoin { table_with_joins, .. } => relation(table_with_joins, depth),
        other => bare(&other.to_string()),
    }
}

fn condition(expr: &Expr) -> String {
    match expr {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => format!("{} and {}", condition(left), condition(right)),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Or,
            right,
        } => format!("{} or {}", condition(left), condition(right)),
        Expr::Nested(inner) => format!("({})", condition(inner)),
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr,
        } => format!("not {}", condition(expr)),
        Expr::IsNull(expr) => format!("{} is empty", phrase(expr)),
        Expr::IsNotNull(expr) => format!("{} is not empty", phrase(expr)),
        Expr::Exists { negated, .. } => if *negated {
            "nothing matches in another query"
        } else {
            "something matches in another query"
        }
        .into(),
        other => phrase(other),
    }
}

fn phrase(expr: &Expr) -> String {
    match expr {
        Expr::Nested(inner) => phrase(inner),
        Expr::Function(function) if function.over.is_none() => {
            aggregate(function).unwrap_or_else(|| bare(&expr.to_string()))
        }
        Expr::Subquery(_) => "the value of another query".into(),
        other => bare(&other.to_string()),
    }
}

fn aggregate(function: &Function) -> Option<String> {
    let name = function.name.to_string().to_lowercase();
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
    let [FunctionArg::Unnamed(argument)] = list.args.as_slice() else {
        return None;
    };
    let of = match argument {
        FunctionArgExpr::Expr(expr) => phrase(expr),
        FunctionArgExpr::Wildcard => "rows".into(),
        _ => return None,
    };
    let words = match (name.as_str(), distinct) {
        ("count", true) => format!("number of different {of}"),
        ("count", false) if of == "rows" => "number of rows".into(),
        ("count", false) => format!("number of rows with {of}"),
        ("sum", true) => format!("sum of different {of}"),
        ("sum", false) => format!("sum of {of}"),
        ("avg", false) => format!("average of {of}"),
        ("min", _) => format!("smallest {of}"),
        ("max", _) => format!("largest {of}"),
        _ => return None,
    };
    Some(match &function.filter {
        Some(filter) => format!("{words} (only where {})", condition(filter)),
        None => words,
    })
}

fn order(order: &OrderBy) -> Option<String> {
    let OrderByKind::Expressions(exprs) = &order.kind else {
        return None;
    };
    let words: Vec<String> = exprs
        .iter()
        .map(|by| {
            let direction = if by.options.asc == Some(false) {
                ", largest first"
            } else {
                ""
            };
            format!("{}{direction}", phrase(&by.expr))
        })
        .collect();
    (!words.is_empty()).then(|| words.join(", then "))
}

fn limit(query: &Query) -> Option<String> {
    let limit = match query.limit_clause.as_ref()? {
        LimitClause::LimitOffset { limit, .. } => limit.as_ref()?,
        LimitClause::OffsetCommaLimit { limit, .. } => limit,
    };
    let rows = limit.to_string();
    Some(if rows == "1" {
        "1 row".into()
    } else {
        format!("{rows} rows")
    })
}

/// SQL without the quotes around its names, on one line. Quotes around texts stay.
fn bare(sql: &str) -> String {
    let mut words = String::with_capacity(sql.len());
    let mut in_text = false;
    for sign in sql.chars() {
        match sign {
            '\'' => {
                in_text = !in_text;
                words.push(sign);
            }
            '"' | '`' if !in_text => {}
            sign if sign.is_whitespace() || sign.is_control() => words.push(' '),
            sign => words.push(sign),
        }
    }
    cut(&words, MAX_EXPR)
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sql: &str) -> String {
        describe(sql, Dialect::Postgresql).expect("a query")
    }

    #[test]
    fn queries_are_told_as_they_are() {
        for (sql, told) in [
            (
                "SELECT count(*) AS revenue FROM people",
                "number of rows (called revenue) from people",
            ),
            (
                "SELECT c.city, sum(o.total) AS total FROM \"Orders\" AS o JOIN customers AS c ON c.id = o.customer_id \
                 WHERE o.status <> 'void' AND o.paid_at IS NOT NULL GROUP BY c.city HAVING count(*) > 3 \
                 ORDER BY total DESC, c.city LIMIT 10",
                "c.city, sum of o.total (called total) from Orders joined with customers, only where o.status <> \
                 'void' and o.paid_at is not empty, for each c.city, only groups where count(*) > 3, sorted by total, \
                 largest first, then c.city, at most 10 rows",
            ),
            (
                "SELECT DISTINCT name FROM people WHERE NOT EXISTS (SELECT 1 FROM orders)",
                "each different name from people, only where nothing matches in another query",
            ),
            (
                "WITH x AS (SELECT max(total) AS m FROM orders) SELECT m FROM x",
                "m from x; where x is: largest total (called m) from orders",
            ),
            (
                "SELECT count(DISTINCT city) FILTER (WHERE a = 1) FROM (SELECT * FROM people) AS p LEFT JOIN q ON true",
                "number of different city (only where a = 1) from (every column from people) and, where there is one, q",
            ),
        ] {
            assert_eq!(words(sql), told, "{sql}");
        }
        assert_eq!(describe("{}", Dialect::Mongodb), None);
    }

    #[test]
    fn however_long_a_query_is_its_words_are_not() {
        let columns: Vec<String> = (0..500).map(|at| format!("a_long_column_name_{at}")).collect();
        let told = words(&format!(
            "SELECT {} FROM t WHERE x = '{}'",
            columns.join(", "),
            "y".repeat(5000)
        ));
        assert!(
            told.chars().count() <= MAX_WORDS + 1 && told.contains("and 492 more"),
            "{told}"
        );
    }
}
