//! The SQL allow-list: exactly one query, made of known syntax, relations and functions only.
//!
//! It knows no catalog: whether a table or column exists is the business of `names`. It is one of four
//! layers; the others (protocol, transaction, role) hold without it.

mod from;
mod parse;

use sqlparser::ast::{
    Cte, Distinct, Expr, Fetch, GroupByExpr, Ident, LimitClause, NamedWindowExpr, ObjectName, ObjectNamePart,
    Offset, OffsetRows, OrderBy, OrderByKind, Query, Select, SelectFlavor, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, SetQuantifier, Statement, WildcardAdditionalOptions, With,
};

use super::dialect::ArgumentNames;
use super::functions;
use super::stack;
use super::syntax::{self, Walk, refused, shortened};
use crate::catalog::Dialect;
use crate::error::{Error, Result};
use from::unknown_function;
pub(super) use parse::parse_own;
use parse::{parse, too_deep};

/// SQL text at most, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// Levels of the tree at most. What passes can be written out, copied and dropped on an ordinary stack.
const MAX_DEPTH: usize = 256;
/// Stack for parsing, in bytes: enough for the deepest tree that 64 KiB of text can describe.
pub(super) const STACK: usize = 512 * 1024 * 1024;

/// A statement that passed the guard.
#[derive(Debug, Clone)]
pub struct Guarded {
    pub statement: Statement,
    /// Of the text it came from, see [`stack::size`].
    pub(super) size: usize,
}

impl Guarded {
    /// The query to run: the tree written out again, never the original text.
    pub fn text(&self) -> String {
        self.statement.to_string()
    }
}

/// Parses `sql` and lets only a single read-only query through. Errors: `Source` of kind `Syntax` when it
/// does not parse, `Refused` naming what is not allowed.
pub fn check(sql: &str, dialect: Dialect) -> Result<Guarded> {
    if dialect == Dialect::Mongodb {
        return Err(Error::Refused("SQL is not allowed here.".into()));
    }
    if sql.len() > MAX_BYTES {
        return Err(Error::Refused(format!(
            "The query is {} KiB long; at most {} KiB are allowed.",
            sql.len().div_ceil(1024),
            MAX_BYTES / 1024
        )));
    }
    // Whatever is too deep is also dropped in there.
    let size = stack::size(sql);
    stack::with_room(size, STACK, || {
        let mut statement = parse(sql, dialect, ArgumentNames::Plain)?;
        let read = statement.clone();
        let mut guard = Guard {
            dialect,
            depth: 0,
            ctes: Vec::new(),
        };
        guard.statement(&mut statement)?;
        // The writer and the parser have to agree on what the text means, or the tree that was checked is
        // not the query that runs.
        let written = statement.to_string();
        let names = match dialect {
            // This also proves that DataFusion's own parser will not take for ever.
            Dialect::Datafusion => ArgumentNames::Computed,
            // The text that was read already, as at an agent, which is sent what was written here before:
            // reading it again would give the same tree.
            _ if written == sql && read == statement => return Ok(Guarded { statement, size }),
            _ => ArgumentNames::Plain,
        };
        let again = parse(&written, dialect, names);
        match again {
            Ok(again) if again == statement => Ok(Guarded { statement, size }),
            Err(error @ Error::Refused(_)) => Err(error),
            _ => Err(Error::Refused(
                "The query could not be written out again unchanged, so it does not run; write it more \
                 plainly."
                    .into(),
            )),
        }
    })
}

/// Shows the tree of a query that the guard wrote to `look`, on a stack that is large enough for it. Errors: as
/// [`check`] gives them for what does not parse.
pub fn look<T>(resolved: &str, dialect: Dialect, look: impl FnOnce(&Query) -> T) -> Result<T> {
    stack::with_room(stack::size(resolved), STACK, || {
        match parse(resolved, dialect, ArgumentNames::Plain)? {
            Statement::Query(query) => Ok(look(&query)),
            other => Err(refused(format_args!("The statement {}", shortened(&other)))),
        }
    })
}

/// The query with every row that its DISTINCT leaves out; None when it has none at the top, or groups besides.
pub fn without_distinct(resolved: &str, dialect: Dialect) -> Option<String> {
    if dialect == Dialect::Mongodb {
        return None;
    }
    let rewritten = look(resolved, dialect, |query| {
        let mut query = query.clone();
        let SetExpr::Select(select) = query.body.as_mut() else {
            return None;
        };
        match select.distinct.take()? {
            Distinct::Distinct => Some(query.to_string()),
            _ => None,
        }
    });
    rewritten.ok().flatten()
}

/// Whether a query gives only the first of its rows.
pub fn is_limited(resolved: &str, dialect: Dialect) -> bool {
    if dialect == Dialect::Mongodb {
        let query: serde_json::Value = serde_json::from_str(resolved).unwrap_or_default();
        let stages = query["pipeline"].as_array().into_iter().flatten();
        return query["limit"].is_number() || stages.into_iter().any(|stage| stage["$limit"].is_number());
    }
    look(resolved, dialect, |query| {
        query.limit_clause.is_some() || query.fetch.is_some()
    })
    .unwrap_or(false)
}

/// Walks the whole statement.
struct Guard {
    dialect: Dialect,
    depth: usize,
    /// Names of common table expressions seen so far: these may be called what they like.
    ctes: Vec<String>,
}

impl Guard {
    fn deeper<T>(&mut self, step: impl FnOnce(&mut Guard) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(too_deep());
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    fn statement(&mut self, statement: &mut Statement) -> Result<()> {
        match statement {
            Statement::Query(query) => self.query(query),
            other => Err(refused(format_args!("The statement {}", shortened(other)))),
        }
    }

    fn with(&mut self, with: &mut With) -> Result<()> {
        for Cte {
            alias, query, from, ..
        } in &mut with.cte_tables
        {
            self.alias(alias)?;
            if from.is_some() {
                return Err(refused("FROM after a common table expression"));
            }
            self.ctes.push(alias.name.value.to_ascii_lowercase());
            self.query(query)?;
        }
        Ok(())
    }

    fn set_expr(&mut self, body: &mut SetExpr) -> Result<()> {
        self.deeper(|guard| match body {
            SetExpr::Select(select) => guard.select(select),
            SetExpr::Query(query) => guard.query(query),
            SetExpr::SetOperation {
                left,
                right,
                set_quantifier,
                ..
            } => {
                if matches!(
                    set_quantifier,
                    SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName
                ) {
                    return Err(refused("BY NAME"));
                }
                guard.set_expr(left)?;
                guard.set_expr(right)
            }
            SetExpr::Values(values) => {
                if values.explicit_row || values.value_keyword {
                    return Err(refused("VALUES ROW(…)"));
                }
                for row in &mut values.rows {
                    for expr in row.iter_mut() {
                        guard.expr(expr)?;
                    }
                }
                Ok(())
            }
            SetExpr::Insert(_) => Err(refused("INSERT")),
            SetExpr::Update(_) => Err(refused("UPDATE")),
            SetExpr::Delete(_) => Err(refused("DELETE")),
            SetExpr::Merge(_) => Err(refused("MERGE")),
            SetExpr::Table(_) => Err(refused("TABLE (instead of SELECT * FROM)")),
        })
    }

    fn select(&mut self, select: &mut Select) -> Result<()> {
        // Every field is named, so that a new version of the parser cannot bring one that nobody looks at.
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        if into.is_some() {
            return Err(refused("SELECT INTO, which makes a table,"));
        }
        for (present, what) in [
            (!optimizer_hints.is_empty(), "An optimizer hint"),
            (select_modifiers.is_some(), "A modifier after SELECT"),
            (top.is_some(), "TOP (instead of LIMIT)"),
            (exclude.is_some(), "EXCLUDE"),
            (!lateral_views.is_empty(), "LATERAL VIEW"),
            (prewhere.is_some(), "PREWHERE"),
            (!connect_by.is_empty(), "CONNECT BY"),
            (!cluster_by.is_empty(), "CLUSTER BY"),
            (!distribute_by.is_empty(), "DISTRIBUTE BY"),
            (!sort_by.is_empty(), "SORT BY"),
            (value_table_mode.is_some(), "SELECT AS VALUE or STRUCT"),
            (*flavor != SelectFlavor::Standard, "A query that begins with FROM"),
            (
                qualify.is_some() && self.dialect != Dialect::Datafusion,
                "QUALIFY",
            ),
        ] {
            if present {
                return Err(refused(what));
            }
        }
        for table in from {
            self.table_with_joins(table)?;
        }
        for item in projection {
            self.select_item(item)?;
        }
        if let Some(Distinct::On(exprs)) = distinct {
            self.exprs(exprs)?;
        }
        match group_by {
            GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => self.exprs(exprs)?,
            _ => return Err(refused("GROUP BY ALL, or GROUP BY with a modifier after it,")),
        }
        for expr in [selection, having, qualify].into_iter().flatten() {
            self.expr(expr)?;
        }
        for window in named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                syntax::window(spec, self)?;
            }
        }
        Ok(())
    }

    fn select_item(&mut self, item: &mut SelectItem) -> Result<()> {
        match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => self.expr(expr),
            SelectItem::Wildcard(options)
            | SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(_), options) => {
                let WildcardAdditionalOptions {
                    wildcard_token: _,
                    opt_ilike: None,
                    opt_exclude: None,
                    opt_except: None,
                    opt_replace: None,
                    opt_rename: None,
                    opt_alias: None,
                } = options
                else {
                    return Err(refused("A wildcard with options"));
                };
                Ok(())
            }
            other => Err(refused(format_args!("The output {}", shortened(other)))),
        }
    }

    fn exprs(&mut self, exprs: &mut [Expr]) -> Result<()> {
        exprs.iter_mut().try_for_each(|expr| self.expr(expr))
    }

    fn query_here(&mut self, query: &mut Query) -> Result<()> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if !locks.is_empty() {
            return Err(refused("FOR UPDATE or FOR SHARE, which locks rows,"));
        }
        for (present, what) in [
            (for_clause.is_some(), "FOR XML, JSON or BROWSE"),
            (settings.is_some(), "SETTINGS"),
            (format_clause.is_some(), "FORMAT"),
            (!pipe_operators.is_empty(), "A pipe operator"),
        ] {
            if present {
                return Err(refused(what));
            }
        }
        if let Some(with) = with {
            self.with(with)?;
        }
        self.set_expr(body)?;
        match order_by {
            None => {}
            Some(OrderBy {
                kind: OrderByKind::Expressions(order),
                interpolate: None,
            }) => syntax::order_by(order, self)?,
            Some(_) => return Err(refused("ORDER BY ALL or INTERPOLATE")),
        }
        if let Some(LimitClause::OffsetCommaLimit { offset, limit }) = limit_clause {
            *limit_clause = Some(LimitClause::LimitOffset {
                limit: Some(limit.clone()),
                offset: Some(Offset {
                    value: offset.clone(),
                    rows: OffsetRows::None,
                }),
                limit_by: Vec::new(),
            });
        }
        match limit_clause {
            None => {}
            Some(LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) if limit_by.is_empty() => {
                for expr in [limit.as_mut(), offset.as_mut().map(|offset| &mut offset.value)]
                    .into_iter()
                    .flatten()
                {
                    self.expr(expr)?;
                }
            }
            Some(_) => return Err(refused("LIMIT BY (instead of LIMIT … OFFSET …)")),
        }
        if let Some(Fetch {
            percent, quantity, ..
        }) = fetch
        {
            if *percent {
                return Err(refused("FETCH … PERCENT"));
            }
            if let Some(quantity) = quantity {
                self.expr(quantity)?;
            }
        }
        Ok(())
    }
}

impl Walk for Guard {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn expr(&mut self, expr: &mut Expr) -> Result<()> {
        self.deeper(|guard| {
            if let Expr::Function(call) = expr
                && !functions::is_allowed(&guard.function_name(&call.name)?, guard.dialect)
            {
                return Err(unknown_function(&call.name, guard.dialect));
            }
            syntax::walk(expr, guard)
        })
    }

    fn query(&mut self, query: &mut Query) -> Result<()> {
        self.deeper(|guard| guard.query_here(query))
    }

    fn relation(&mut self, _: &mut ObjectName) -> Result<()> {
        Ok(())
    }

    fn window(&mut self, _: &mut Ident) -> Result<()> {
        Ok(())
    }
}

/// The plain parts of a name.
pub(super) fn identifiers(name: &ObjectName) -> Result<Vec<&Ident>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Ok(ident),
            ObjectNamePart::Function(_) => Err(refused(format_args!("The name {name}"))),
        })
        .collect()
}

/// What an identifier says: in the tree a doubled quote is still doubled.
pub(super) fn unquoted(ident: &Ident) -> String {
    match ident.quote_style {
        // SQLite's [name] has no way to write the bracket that ends it.
        Some('[') => ident.value.clone(),
        Some(quote) => ident
            .value
            .replace(&format!("{quote}{quote}"), &quote.to_string()),
        None => ident.value.clone(),
    }
}
