//! Every table and column of a query is looked up in the catalog before it runs.
//!
//! It expects a tree that has passed `sql::check`. It does not check types, or whether a column may stand
//! where it stands; the source does that.

mod output;
mod scope;

use std::collections::BTreeSet;

use sqlparser::ast::{
    Cte, Distinct, Expr, FunctionArg, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, LimitClause,
    NamedWindowExpr, ObjectName, ObjectNamePart, OrderBy, OrderByKind, Query, Select, SetExpr, Statement,
    TableAlias, TableFactor, TableWithJoins,
};

use crate::catalog::Dialect;
use crate::catalog::{Catalog, Table};
use crate::error::{Error, Result, SourceFault};
use crate::guard::functions;
use crate::guard::sql::{Guarded, unquoted};
use crate::guard::syntax::{self, Walk};
use output::Output;
pub(super) use scope::nearest;
use scope::{Found, Relation, Scope, Written, quoted};

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
    let Statement::Query(mut query) = guarded.statement else {
        return Err(syntax::refused("A statement other than a query"));
    };
    stacker::grow(STACK, move || {
        let mut resolver = Resolver {
            catalog,
            dialect,
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
    /// Output names that an expression may use (only DataFusion, and only after the SELECT list).
    usable: Vec<String>,
    windows: Vec<String>,
}

struct Resolver<'c> {
    catalog: &'c Catalog,
    dialect: Dialect,
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
            Dialect::Postgresql | Dialect::Mongodb => Written::new(ident).exact,
            Dialect::Datafusion => {
                if value != value.to_ascii_lowercase() {
                    *ident = quoted(&value);
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

    /// DataFusion has no FETCH FIRST; it says the same as LIMIT, except WITH TIES.
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
                Dialect::Postgresql | Dialect::Mongodb => Written::new(&column.name).exact,
                Dialect::Datafusion => unquoted(&column.name),
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
        if self.dialect == Dialect::Datafusion {
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
            for part in order {
                self.order_item(&mut part.expr, &output)?;
            }
        }
        self.scopes.pop();
        self.selects.pop();
        Ok(output)
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
            let written = Written::new(ident);
            let outputs = || output.columns.iter().map(String::as_str);
            // DataFusion's outputs keep the capitals they were written with, so there the case says little.
            let loosely = match self.dialect {
                Dialect::Postgresql | Dialect::Mongodb => !scope::is_column(&self.scopes, &written),
                Dialect::Datafusion => true,
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
                let written = Written::new(ident);
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

    /// Adds the relations to the current scope; the columns that `*` stands for.
    fn table_with_joins(&mut self, table: &mut TableWithJoins) -> Result<Vec<String>> {
        let mut star = self.table(&mut table.relation)?;
        for Join {
            relation,
            join_operator,
            ..
        } in &mut table.joins
        {
            let right = self.table(relation)?;
            let constraint = match join_operator {
                JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::Left(constraint)
                | JoinOperator::LeftOuter(constraint)
                | JoinOperator::Right(constraint)
                | JoinOperator::RightOuter(constraint)
                | JoinOperator::FullOuter(constraint)
                | JoinOperator::CrossJoin(constraint)
                | JoinOperator::LeftSemi(constraint)
                | JoinOperator::RightSemi(constraint)
                | JoinOperator::LeftAnti(constraint)
                | JoinOperator::RightAnti(constraint) => constraint,
                _ => return Err(syntax::refused("This kind of join")),
            };
            let merged: Vec<String> = match constraint {
                JoinConstraint::On(condition) => {
                    self.expr(condition)?;
                    Vec::new()
                }
                JoinConstraint::Using(names) => names
                    .iter_mut()
                    .map(|name| self.using(name, &star, &right))
                    .collect::<Result<_>>()?,
                JoinConstraint::Natural => star.iter().filter(|name| right.contains(name)).cloned().collect(),
                JoinConstraint::None => Vec::new(),
            };
            let rest = |side: Vec<String>| side.into_iter().filter(|name| !merged.contains(name));
            star = merged
                .iter()
                .cloned()
                .chain(rest(star))
                .chain(rest(right))
                .collect();
            if let Some(scope) = self.scopes.last_mut() {
                scope.merged.extend(merged);
            }
        }
        Ok(star)
    }

    fn using(&mut self, name: &mut ObjectName, left: &[String], right: &[String]) -> Result<String> {
        let [ObjectNamePart::Identifier(ident)] = name.0.as_mut_slice() else {
            return Err(syntax::refused("A qualified name in USING"));
        };
        let written = Written::new(ident);
        let open = self
            .scopes
            .last()
            .is_some_and(|scope| scope.relations.iter().any(|relation| relation.open));
        let pick = |side: &[String]| written.pick(side.iter().map(String::as_str)).map(str::to_owned);
        match (pick(left), pick(right)) {
            (Some(left), Some(right)) if left == right => {
                written.spell(ident, &left);
                Ok(left)
            }
            _ if open => Ok(written.exact.clone()),
            _ => Err(name_error(format!(
                "USING ({ident}) needs a column of this name on both sides of the join; write the condition \
                 with ON."
            ))),
        }
    }

    fn table(&mut self, table: &mut TableFactor) -> Result<Vec<String>> {
        let relation = match table {
            TableFactor::Table {
                name,
                alias,
                args: None,
                ..
            } => {
                let mut relation = self.named_relation(name)?;
                if alias.is_some() {
                    relation.hidden = relation.name.take();
                    relation.schema = None;
                }
                self.alias(alias.as_mut(), relation)
            }
            TableFactor::Table {
                name,
                alias,
                args: Some(args),
                with_ordinality,
                ..
            } => {
                let relation = self.call(name, &mut args.args, alias.as_ref())?;
                self.function_alias(relation, *with_ordinality, alias.as_mut())
            }
            TableFactor::Function {
                name,
                args,
                alias,
                with_ordinality,
                ..
            } => {
                let relation = self.call(name, args, alias.as_ref())?;
                self.function_alias(relation, *with_ordinality, alias.as_mut())
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_ordinality,
                ..
            } => {
                for expr in array_exprs.iter_mut() {
                    self.expr(expr)?;
                }
                let relation = self.scalar_call("unnest", alias.as_ref(), array_exprs.len() == 1);
                self.function_alias(relation, *with_ordinality, alias.as_mut())
            }
            TableFactor::Derived {
                lateral,
                subquery,
                alias,
                ..
            } => {
                // Only a lateral subquery sees the tables before it.
                let siblings = if *lateral {
                    None
                } else {
                    self.scopes.pop().zip(self.selects.pop())
                };
                let output = self.resolve_query(subquery, None)?;
                if let Some((scope, names)) = siblings {
                    self.scopes.push(scope);
                    self.selects.push(names);
                }
                let relation = Relation {
                    columns: output.columns,
                    open: output.open,
                    ..Relation::default()
                };
                self.alias(alias.as_mut(), relation)
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => return self.table_with_joins(table_with_joins),
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                self.scopes.push(Scope::default());
                self.selects.push(SelectNames::default());
                let columns = self.table_with_joins(table_with_joins)?;
                self.selects.pop();
                let inner = self.scopes.pop().unwrap_or_default();
                let relation = Relation {
                    columns,
                    open: inner.relations.iter().any(|relation| relation.open),
                    ..Relation::default()
                };
                self.alias(alias.as_mut(), relation)
            }
            _ => return Err(syntax::refused("This in FROM")),
        };
        let columns = relation.columns.clone();
        if let Some(scope) = self.scopes.last_mut() {
            scope.relations.push(relation);
        }
        Ok(columns)
    }

    /// Gives a relation its alias and the column names that come with it.
    fn alias(&mut self, alias: Option<&mut TableAlias>, mut relation: Relation) -> Relation {
        let Some(alias) = alias else {
            return relation;
        };
        relation.name = Some(self.define(&mut alias.name));
        for column in &mut alias.columns {
            self.define(&mut column.name);
        }
        let mut output = Output {
            columns: std::mem::take(&mut relation.columns),
            open: relation.open,
        };
        self.rename(&mut output, alias);
        relation.columns = output.columns;
        relation
    }

    fn call(
        &mut self,
        name: &ObjectName,
        args: &mut [FunctionArg],
        alias: Option<&TableAlias>,
    ) -> Result<Relation> {
        syntax::arguments(args, self)?;
        let function = match name.0.last() {
            Some(ObjectNamePart::Identifier(ident)) => Written::new(ident).exact,
            _ => return Err(syntax::refused("This in FROM")),
        };
        if let Some(columns) = functions::row_columns(&function, self.dialect) {
            return Ok(Relation {
                name: Some(function),
                columns: columns.iter().map(|name| (*name).to_owned()).collect(),
                ..Relation::default()
            });
        }
        Ok(self.scalar_call(&function, alias, args.len() == 1 || function != "unnest"))
    }

    /// A function that gives one column: it is called like the alias, else like the function.
    fn scalar_call(&self, function: &str, alias: Option<&TableAlias>, is_one_column: bool) -> Relation {
        let column = match alias {
            Some(alias) if self.dialect == Dialect::Postgresql => Written::new(&alias.name).exact,
            _ => function.to_owned(),
        };
        // Functions that give records have the columns that the alias declares; others none to know of.
        let is_record = function.contains("_to_record") || function == "each";
        Relation {
            name: Some(function.to_owned()),
            columns: if is_record { Vec::new() } else { vec![column] },
            open: is_record || !is_one_column || self.dialect == Dialect::Datafusion,
            ..Relation::default()
        }
    }

    fn function_alias(
        &mut self,
        mut relation: Relation,
        with_ordinality: bool,
        alias: Option<&mut TableAlias>,
    ) -> Relation {
        if with_ordinality {
            relation.columns.push("ordinality".into());
        }
        self.alias(alias, relation)
    }

    /// A table of the catalog or a common table expression; its name is spelled as it should be.
    fn named_relation(&mut self, name: &mut ObjectName) -> Result<Relation> {
        let mut idents: Vec<&mut Ident> = name
            .0
            .iter_mut()
            .filter_map(|part| match part {
                ObjectNamePart::Identifier(ident) => Some(ident),
                ObjectNamePart::Function(_) => None,
            })
            .collect();
        if let [ident] = idents.as_mut_slice() {
            let written = Written::new(ident);
            let exact_table = self
                .catalog
                .tables
                .iter()
                .any(|table| table.name == written.exact);
            let names = || self.ctes.iter().rev().map(|(name, _)| name.as_str());
            let cte = written
                .pick_exact(names())
                .or_else(|| written.pick_loosely(names()).filter(|_| !exact_table));
            if let Some(cte) = cte {
                let (name, output) = self
                    .ctes
                    .iter()
                    .rev()
                    .find(|(name, _)| name == cte)
                    .cloned()
                    .unwrap_or_default();
                written.spell(ident, &name);
                return Ok(Relation {
                    name: Some(name),
                    columns: output.columns,
                    open: output.open,
                    ..Relation::default()
                });
            }
        }
        let table = match idents.as_slice() {
            [name] => self.find_table(None, name)?,
            [schema, name] => self.find_table(Some(schema), name)?,
            _ => return Err(self.unknown_table(&name.to_string())),
        };
        let relation = Relation {
            name: Some(table.name.clone()),
            schema: table.schema.clone(),
            hidden: None,
            columns: table.columns.iter().map(|column| column.name.clone()).collect(),
            open: false,
        };
        let same_name = self
            .catalog
            .tables
            .iter()
            .filter(|other| other.name == table.name)
            .count();
        let mut parts: Vec<Ident> = idents.into_iter().map(|ident| ident.clone()).collect();
        match (&table.schema, parts.as_mut_slice()) {
            (None, [_, _]) => {
                parts.remove(0);
            }
            (Some(schema), [_]) if schema != "public" || same_name > 1 => {
                let mut ident = Ident::new(schema.as_str());
                Written::new(&Ident::new(schema.as_str())).spell(&mut ident, schema);
                parts.insert(0, if is_plain(schema) { ident } else { quoted(schema) });
            }
            (Some(schema), [ident, _]) => Written::new(&ident.clone()).spell(ident, schema),
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            Written::new(&last.clone()).spell(last, &table.name);
        }
        self.tables.insert(display_name(table));
        *name = ObjectName::from(parts);
        Ok(relation)
    }

    fn find_table(&self, schema: Option<&Ident>, name: &Ident) -> Result<&Table> {
        let written = Written::new(name);
        let schema_written = schema.map(Written::new);
        let in_schema = |table: &&Table| match (&schema_written, &table.schema) {
            (None, _) => true,
            (Some(written), Some(schema)) => written.pick(std::iter::once(schema.as_str())).is_some(),
            (Some(written), None) => written.exact == "public",
        };
        let candidates = || self.catalog.tables.iter().filter(in_schema);
        let shown = match schema {
            Some(schema) => format!("{}.{}", unquoted(schema), unquoted(name)),
            None => unquoted(name),
        };
        let Some(found) = written.pick(candidates().map(|table| table.name.as_str())) else {
            return Err(self.unknown_table(&shown));
        };
        let all: Vec<&Table> = candidates().filter(|table| table.name == found).collect();
        match all.as_slice() {
            [only] => Ok(only),
            many => many
                .iter()
                .find(|table| table.schema.as_deref() == Some("public"))
                .copied()
                .ok_or_else(|| {
                    let names: Vec<String> = many.iter().map(|table| display_name(table)).collect();
                    name_error(format!(
                        "There are several tables called {found}; write one of {}.",
                        names.join(", ")
                    ))
                }),
        }
    }

    fn unknown_table(&self, name: &str) -> Error {
        let near = nearest(
            name.rsplit('.').next().unwrap_or(name),
            self.catalog.tables.iter().map(display_name),
        );
        name_error(format!("There is no table \"{name}\"{}", did_you_mean(&near)))
    }

    fn unknown_column(&self, name: &str, relation: Option<&Relation>) -> Error {
        let relations: Vec<&Relation> = match relation {
            Some(relation) => vec![relation],
            None => self
                .scopes
                .iter()
                .rev()
                .flat_map(|scope| &scope.relations)
                .collect(),
        };
        let label = |relation: &Relation| {
            relation
                .hidden
                .clone()
                .or_else(|| relation.name.clone())
                .unwrap_or_else(|| "the subquery".into())
        };
        let columns = relations.iter().flat_map(|relation| {
            relation
                .columns
                .iter()
                .map(|column| match (&relation.name, relations.len()) {
                    (Some(table), 2..) => format!("{table}.{column}"),
                    _ => column.clone(),
                })
        });
        let near = nearest(name, columns);
        let mut labels: Vec<String> = relations.iter().map(|relation| label(relation)).collect();
        labels.dedup();
        let place = match labels.as_slice() {
            [] => " (the query reads no table here)".to_owned(),
            [one] => format!(" in {one}"),
            many => format!(" in any of {}", many.join(", ")),
        };
        let elsewhere: Vec<String> = self
            .catalog
            .tables
            .iter()
            .filter(|table| {
                table
                    .columns
                    .iter()
                    .any(|column| column.name.eq_ignore_ascii_case(name))
            })
            .map(display_name)
            .filter(|table| !labels.iter().any(|label| table.rsplit('.').next() == Some(label)))
            .take(5)
            .collect();
        let hint = if elsewhere.is_empty() {
            String::new()
        } else {
            format!(" A column of this name is in {}.", elsewhere.join(", "))
        };
        name_error(format!(
            "There is no column \"{name}\"{place}{}{hint}",
            did_you_mean(&near)
        ))
    }

    fn identifier(&mut self, expr: &mut Expr) -> Result<()> {
        let Expr::Identifier(ident) = expr else {
            return Ok(());
        };
        let written = Written::new(ident);
        let usable = self.selects.last().map_or(&[][..], |names| &names.usable);
        match scope::find(&self.scopes, &written) {
            Some(Found::Column {
                name,
                scope,
                relation,
            }) => {
                written.spell(ident, &name);
                let is_outer = scope + 1 < self.scopes.len();
                let is_shadowed = self
                    .selects
                    .get(scope)
                    .is_some_and(|names| names.shadowing.contains(&name));
                if self.dialect == Dialect::Datafusion
                    && (is_outer || is_shadowed)
                    && let Some(relation) = relation
                {
                    *expr = Expr::CompoundIdentifier(vec![quoted(&relation), quoted(&name)]);
                }
                Ok(())
            }
            Some(Found::Row(name)) => {
                written.spell(ident, &name);
                Ok(())
            }
            Some(Found::Unknown) => Ok(()),
            Some(Found::Ambiguous(choices)) => Err(name_error(format!(
                "The column \"{}\" is ambiguous; write one of {}.",
                unquoted(ident),
                choices.join(", ")
            ))),
            None => match written.pick(usable.iter().map(String::as_str)) {
                Some(name) => {
                    written.spell(ident, name);
                    Ok(())
                }
                None => Err(self.unknown_column(&unquoted(ident), None)),
            },
        }
    }

    fn compound(&mut self, idents: &mut [Ident]) -> Result<()> {
        let (schema, relation, column) = match idents {
            [relation, column] => (None, relation, column),
            [schema, relation, column] => (Some(schema), relation, column),
            _ => {
                let name: Vec<String> = idents.iter().map(|ident| ident.value.clone()).collect();
                return Err(self.unknown_column(&name.join("."), None));
            }
        };
        let written = Written::new(relation);
        let schema_written = schema.as_deref().map(Written::new);
        let Some(found) = scope::find_relation(&self.scopes, schema_written.as_ref(), &written) else {
            return Err(self.not_in_from(&unquoted(relation)));
        };
        let column_written = Written::new(column);
        let name = found.name.clone().unwrap_or_default();
        match column_written.pick(found.columns.iter().map(String::as_str)) {
            Some(real) => column_written.spell(column, real),
            None if found.open => {}
            None => return Err(self.unknown_column(&unquoted(column), Some(found))),
        }
        if let (Some(ident), Some(real), Some(written)) = (schema, &found.schema, &schema_written) {
            written.spell(ident, real);
        }
        written.spell(relation, &name);
        Ok(())
    }

    fn not_in_from(&self, name: &str) -> Error {
        let in_sight = || self.scopes.iter().rev().flat_map(|scope| &scope.relations);
        let renamed = in_sight().find(|relation| {
            relation
                .hidden
                .as_deref()
                .is_some_and(|hidden| hidden.eq_ignore_ascii_case(name))
        });
        if let Some(alias) = renamed.and_then(|relation| relation.name.as_ref()) {
            return name_error(format!(
                "The table {name} is called {alias} in this query; write {alias} before its columns."
            ));
        }
        let near = nearest(name, in_sight().filter_map(|relation| relation.name.clone()));
        name_error(format!(
            "There is no table or alias \"{name}\" in FROM at this place{}",
            did_you_mean(&near)
        ))
    }
}

impl Walk for Resolver<'_> {
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

    fn window(&mut self, name: &mut Ident) -> Result<()> {
        let written = Written::new(name);
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

fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// How a table is called in answers and messages.
fn display_name(table: &Table) -> String {
    match &table.schema {
        Some(schema) => format!("{schema}.{}", table.name),
        None => table.name.clone(),
    }
}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() {
        ".".into()
    } else {
        format!("; did you mean {}?", near.join(", "))
    }
}

#[cfg(test)]
mod tests;
