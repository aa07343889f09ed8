//! Every table and column of a query is looked up in the catalog before it runs.
//!
//! It expects a tree that has passed `sql::check`. It does not check types, or whether a column may stand
//! where it stands; the source does that.

mod columns;
mod cover;
mod from;
mod output;
mod scope;

use std::collections::BTreeSet;

use sqlparser::ast::{
    Cte, DataType, Distinct, Expr, GroupByExpr, Ident, LimitClause, NamedWindowExpr, ObjectName, OrderBy,
    OrderByKind, Query, Select, SelectItem, SetExpr, Statement, TableAlias,
};

use crate::catalog::{Catalog, Dialect};
use crate::error::{Error, Result, SourceFault};
use crate::guard::policy::Policy;
use crate::guard::sql::{Guarded, unquoted};
use crate::guard::stack;
use crate::guard::syntax::{self, Walk};
use output::Output;
pub(super) use scope::nearest;
use scope::{Relation, Scope, Written, quoted};

/// Stack for walking a tree of the greatest depth that the guard lets through, in bytes.
const STACK: usize = 64 * 1024 * 1024;

/// A query whose every name is known.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// What runs: names spelled and quoted as the source has them.
    pub text: String,
    /// The tables it reads, `schema.name` or `name`, each once.
    pub tables: Vec<String>,
}

/// Checks every name against the catalog and quotes it as the source spells it (DataFusion folds unquoted
/// names to lower case, so `Total` only works quoted). Errors: `Source` of kind `Name`, with the nearest
/// real names.
pub fn resolve(guarded: Guarded, catalog: &Catalog, dialect: Dialect) -> Result<Resolved> {
    resolve_under(None, guarded, catalog, dialect)
}

/// The same under a policy, which `catalog` has to have come through: a table with columns that are hidden or
/// masked is read through a subquery of what is visible.
pub fn resolve_under(
    policy: Option<&Policy>,
    guarded: Guarded,
    catalog: &Catalog,
    dialect: Dialect,
) -> Result<Resolved> {
    let Guarded { statement, size } = guarded;
    let Statement::Query(mut query) = statement else {
        return Err(syntax::refused("A statement other than a query"));
    };
    stack::with_room(size, STACK, move || {
        let mut resolver = Resolver {
            catalog,
            dialect,
            policy: policy.filter(|policy| policy.restricts()),
            tables: BTreeSet::new(),
            ctes: Vec::new(),
            scopes: Vec::new(),
            selects: Vec::new(),
        };
        resolver.resolve_query(&mut query, None)?;
        Ok(Resolved {
            text: query.to_string(),
            tables: resolver.tables.into_iter().collect(),
        })
    })
}

/// What a SELECT knows of itself beside its relations.
#[derive(Debug, Default)]
struct SelectNames {
    /// Output names that stand for something other than a column of the same name: where DataFusion sees
    /// one, it may take the output for the column, so such columns are qualified.
    shadowing: BTreeSet<String>,
    /// Output names that an expression may use (not in PostgreSQL, and only after the SELECT list).
    usable: Vec<String>,
    windows: Vec<String>,
    /// Columns of its own relations that it uses, each with its relation.
    used: BTreeSet<(String, String)>,
}

struct Resolver<'c> {
    catalog: &'c Catalog,
    dialect: Dialect,
    /// None also for one that restricts nothing.
    policy: Option<&'c Policy>,
    tables: BTreeSet<String>,
    /// Common table expressions in sight, innermost last.
    ctes: Vec<(String, Output)>,
    /// The relations of the SELECTs around the current point, outermost first.
    scopes: Vec<Scope>,
    /// One for each of `scopes`.
    selects: Vec<SelectNames>,
}

fn name_error(message: String) -> Error {
    Error::source(SourceFault::Name, message)
}

impl Resolver<'_> {
    /// The name an identifier defines; in DataFusion it is quoted where it would lose its capitals.
    fn define(&self, ident: &mut Ident) -> String {
        let value = unquoted(ident);
        match self.dialect {
            Dialect::Postgresql | Dialect::Mongodb => Written::new(ident, self.dialect).exact,
            Dialect::Datafusion => {
                if value != value.to_ascii_lowercase() {
                    *ident = quoted(&value, self.dialect);
                }
                value
            }
            Dialect::Mysql | Dialect::Sqlite => {
                if ident.quote_style.is_some() {
                    *ident = quoted(&value, self.dialect);
                }
                value
            }
        }
    }

    /// `recursive` is the name of the common table expression that this query defines and may use itself.
    fn resolve_query(&mut self, query: &mut Query, recursive: Option<(&str, &TableAlias)>) -> Result<Output> {
        let outer_ctes = self.ctes.len();
        if let Some(with) = &mut query.with {
            for Cte { alias, query, .. } in &mut with.cte_tables {
                let name = self.define(&mut alias.name);
                let before = self.ctes.len();
                let own = with.recursive.then_some((name.as_str(), &*alias));
                let mut output = self.resolve_query(query, own)?;
                // The provisional entry of a recursive one goes.
                self.ctes.truncate(before);
                for column in &mut alias.columns {
                    self.define(&mut column.name);
                }
                self.rename(&mut output, alias);
                self.ctes.push((name, output));
            }
        }
        let output = match (query.body.as_mut(), recursive) {
            (SetExpr::Select(select), _) => self.select(select, query.order_by.as_mut())?,
            (SetExpr::SetOperation { left, right, .. }, Some((name, alias))) => {
                let output = self.set_expr(left)?;
                let mut own = Output {
                    columns: output.columns.clone(),
                    open: output.open,
                };
                self.rename(&mut own, alias);
                self.ctes.push((name.to_owned(), own));
                self.set_expr(right)?;
                self.order_by_outputs(query.order_by.as_mut(), &output)?;
                output
            }
            (body, _) => {
                let output = self.set_expr(body)?;
                self.order_by_outputs(query.order_by.as_mut(), &output)?;
                output
            }
        };
        if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &mut query.limit_clause {
            for expr in [limit.as_mut(), offset.as_mut().map(|offset| &mut offset.value)]
                .into_iter()
                .flatten()
            {
                self.expr(expr)?;
            }
        }
        self.fetch(query)?;
        self.ctes.truncate(outer_ctes);
        Ok(output)
    }

    /// Only PostgreSQL has FETCH FIRST everywhere; it says the same as LIMIT, except WITH TIES.
    fn fetch(&mut self, query: &mut Query) -> Result<()> {
        if self.dialect == Dialect::Postgresql || query.fetch.is_none() {
            return Ok(());
        }
        match (&query.fetch, &mut query.limit_clause) {
            (Some(fetch), None) if !fetch.with_ties => {
                query.limit_clause = Some(LimitClause::LimitOffset {
                    limit: fetch
                        .quantity
                        .clone()
                        .or(Some(Expr::value(sqlparser::ast::Value::Number(
                            "1".into(),
                            false,
                        )))),
                    offset: None,
                    limit_by: Vec::new(),
                });
            }
            (Some(fetch), Some(LimitClause::LimitOffset { limit, .. }))
                if !fetch.with_ties && limit.is_none() =>
            {
                *limit = fetch.quantity.clone();
            }
            _ => return Err(syntax::refused("FETCH FIRST … WITH TIES, or FETCH beside LIMIT,")),
        }
        query.fetch = None;
        Ok(())
    }

    fn rename(&self, output: &mut Output, alias: &TableAlias) {
        for (at, column) in alias.columns.iter().enumerate() {
            let name = match self.dialect {
                Dialect::Postgresql | Dialect::Mongodb => Written::new(&column.name, self.dialect).exact,
                Dialect::Datafusion | Dialect::Mysql | Dialect::Sqlite => unquoted(&column.name),
            };
            match output.columns.get_mut(at) {
                Some(old) => *old = name,
                None => output.columns.push(name),
            }
        }
    }

    fn set_expr(&mut self, body: &mut SetExpr) -> Result<Output> {
        match body {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::Query(query) => self.resolve_query(query, None),
            SetExpr::SetOperation { left, right, .. } => {
                let output = self.set_expr(left)?;
                self.set_expr(right)?;
                Ok(output)
            }
            SetExpr::Values(values) => {
                let width = values.rows.first().map_or(0, |row| row.len());
                for row in &mut values.rows {
                    for expr in row.iter_mut() {
                        self.expr(expr)?;
                    }
                }
                Ok(Output {
                    columns: (1..=width).map(|at| format!("column{at}")).collect(),
                    open: false,
                })
            }
            _ => Err(syntax::refused("This kind of query")),
        }
    }

    fn select(&mut self, select: &mut Select, order_by: Option<&mut OrderBy>) -> Result<Output> {
        self.scopes.push(Scope::default());
        self.selects.push(SelectNames::default());
        let mut star = Vec::new();
        for table in &mut select.from {
            star.extend(self.table_with_joins(table)?);
        }
        // DataFusion joins by USING and NATURAL fine, but a window or output may be defined after its use.
        for window in &mut select.named_window {
            let name = self.define(&mut window.0);
            self.names().windows.push(name);
        }
        let output = self.projection(&mut select.projection, &star)?;
        // SQLite knows the outputs already here, the others only from HAVING on.
        if self.dialect == Dialect::Sqlite {
            self.names().usable = output.columns.clone();
        }
        if let Some(expr) = &mut select.selection {
            self.expr(expr)?;
        }
        if let Some(Distinct::On(exprs)) = &mut select.distinct {
            for expr in exprs {
                self.order_item(expr, &output)?;
            }
        }
        if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
            for expr in exprs {
                self.group_item(expr, &output)?;
            }
        }
        if self.dialect != Dialect::Postgresql {
            self.names().usable = output.columns.clone();
        }
        for expr in [&mut select.having, &mut select.qualify].into_iter().flatten() {
            self.expr(expr)?;
        }
        for window in &mut select.named_window {
            match &mut window.1 {
                NamedWindowExpr::NamedWindow(name) => self.window(name)?,
                NamedWindowExpr::WindowSpec(spec) => syntax::window(spec, self)?,
            }
        }
        if let Some(OrderBy {
            kind: OrderByKind::Expressions(order),
            ..
        }) = order_by
        {
            let named = self.named_outputs(select);
            for part in order {
                self.order_item(&mut part.expr, &output)?;
                if let Some((_, name)) = named.iter().find(|(expr, _)| *expr == part.expr) {
                    part.expr = Expr::Identifier(quoted(name, self.dialect));
                }
            }
        }
        self.group_by_whole_keys(&mut select.group_by);
        self.scopes.pop();
        self.selects.pop();
        Ok(output)
    }

    /// After SELECT DISTINCT, DataFusion knows an output that has a name by nothing but its name: these are
    /// the outputs, each with what it is computed from.
    fn named_outputs(&self, select: &Select) -> Vec<(Expr, String)> {
        if self.dialect != Dialect::Datafusion || select.distinct.is_none() {
            return Vec::new();
        }
        let named = select.projection.iter().filter_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } => Some((expr.clone(), unquoted(alias))),
            _ => None,
        });
        named.collect()
    }

    fn names(&mut self) -> &mut SelectNames {
        if self.selects.is_empty() {
            self.selects.push(SelectNames::default());
        }
        let last = self.selects.len() - 1;
        &mut self.selects[last]
    }

    /// ORDER BY after UNION and its kin: output names only.
    fn order_by_outputs(&mut self, order_by: Option<&mut OrderBy>, output: &Output) -> Result<()> {
        let Some(OrderBy {
            kind: OrderByKind::Expressions(order),
            ..
        }) = order_by
        else {
            return Ok(());
        };
        self.scopes.push(Scope {
            relations: vec![Relation {
                columns: output.columns.clone(),
                open: output.open,
                ..Relation::default()
            }],
            merged: Vec::new(),
        });
        self.selects.push(SelectNames::default());
        for part in order {
            self.expr(&mut part.expr)?;
        }
        self.scopes.pop();
        self.selects.pop();
        Ok(())
    }

    /// An item of ORDER BY or DISTINCT ON: a bare name is an output first, then a column; and what fits
    /// exactly goes before what differs in case.
    fn order_item(&mut self, expr: &mut Expr, output: &Output) -> Result<()> {
        if let Expr::Identifier(ident) = expr {
            let written = Written::new(ident, self.dialect);
            let outputs = || output.columns.iter().map(String::as_str);
            // DataFusion's outputs keep the capitals they were written with, so there the case says little.
            let loosely = match self.dialect {
                Dialect::Postgresql | Dialect::Mongodb => !scope::is_column(&self.scopes, &written),
                Dialect::Datafusion | Dialect::Mysql | Dialect::Sqlite => true,
            };
            let name = written
                .pick_exact(outputs())
                .or_else(|| written.pick_loosely(outputs()).filter(|_| loosely));
            if let Some(name) = name {
                written.spell(ident, name);
                return Ok(());
            }
        }
        self.expr(expr)
    }

    /// An item of GROUP BY: a bare name is a column of FROM first, then an output; and what fits exactly goes
    /// before what differs in case.
    fn group_item(&mut self, expr: &mut Expr, output: &Output) -> Result<()> {
        match expr {
            Expr::Identifier(ident) => {
                let written = Written::new(ident, self.dialect);
                let own = &self.scopes[self.scopes.len().saturating_sub(1)..];
                let outputs = || output.columns.iter().map(String::as_str);
                let name = if scope::is_column(own, &written) {
                    None
                } else {
                    written.pick_exact(outputs()).or_else(|| {
                        let is_input = scope::find(own, &written).is_some();
                        written.pick_loosely(outputs()).filter(|_| !is_input)
                    })
                };
                match name {
                    Some(name) => {
                        written.spell(ident, name);
                        Ok(())
                    }
                    None => self.expr(expr),
                }
            }
            Expr::Nested(inner) => self.group_item(inner, output),
            Expr::Tuple(parts) => parts
                .iter_mut()
                .try_for_each(|part| self.group_item(part, output)),
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => sets
                .iter_mut()
                .flatten()
                .try_for_each(|part| self.group_item(part, output)),
            other => self.expr(other),
        }
    }
}

impl Walk for Resolver<'_> {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn expr(&mut self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::Identifier(_) => self.identifier(expr),
            Expr::CompoundIdentifier(idents) => self.compound(idents),
            other => syntax::walk(other, self),
        }
    }

    fn query(&mut self, query: &mut Query) -> Result<()> {
        self.resolve_query(query, None).map(|_| ())
    }

    fn relation(&mut self, name: &mut ObjectName) -> Result<()> {
        self.relation_columns(name).map(|_| ())
    }

    fn data_type(&mut self, target: &DataType) -> Result<()> {
        syntax::data_type(target)?;
        self.known_type(target)
    }

    fn window(&mut self, name: &mut Ident) -> Result<()> {
        let written = Written::new(name, self.dialect);
        let known = self.selects.last().map_or(&[][..], |names| &names.windows);
        match written.pick(known.iter().map(String::as_str)) {
            Some(real) => {
                written.spell(name, real);
                Ok(())
            }
            None => Err(name_error(format!("There is no window {name} in this SELECT."))),
        }
    }
}

#[cfg(test)]
mod tests;
