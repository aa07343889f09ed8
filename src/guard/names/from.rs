//! FROM: which relations a SELECT reads, what their columns are called, and what `*` stands for.

use sqlparser::ast::{
    FunctionArg, Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, TableAlias,
    TableFactor, TableWithJoins,
};

use super::columns::{display_name, is_plain};
use super::cover;
use super::output::Output;
use super::scope::{Relation, Scope, Written, quoted};
use super::{Resolver, SelectNames, Walk, name_error};
use crate::catalog::{Dialect, Table};
use crate::error::Result;
use crate::guard::functions;
use crate::guard::sql::unquoted;
use crate::guard::syntax;

impl Resolver<'_> {
    /// Adds the relations to the current scope; the columns that `*` stands for.
    pub(super) fn table_with_joins(&mut self, table: &mut TableWithJoins) -> Result<Vec<String>> {
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
        let written = Written::new(ident, self.dialect);
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
                let subquery = self.cover(name, &relation)?;
                let own_name = relation.name.clone().unwrap_or_default();
                if alias.is_some() {
                    relation.hidden = relation.name.take();
                    relation.schema = None;
                }
                let relation = self.alias(alias.as_mut(), relation)?;
                if let Some(subquery) = subquery {
                    *table = cover::derived(subquery, alias.take(), &own_name, self.dialect);
                }
                relation
            }
            TableFactor::Table {
                name,
                alias,
                args: Some(args),
                with_ordinality,
                ..
            } => {
                let relation = self.call(name, &mut args.args, alias.as_ref())?;
                self.function_alias(relation, *with_ordinality, alias.as_mut())?
            }
            TableFactor::Function {
                name,
                args,
                alias,
                with_ordinality,
                ..
            } => {
                let relation = self.call(name, args, alias.as_ref())?;
                self.function_alias(relation, *with_ordinality, alias.as_mut())?
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
                self.function_alias(relation, *with_ordinality, alias.as_mut())?
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
                self.alias(alias.as_mut(), relation)?
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
                self.alias(alias.as_mut(), relation)?
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
    fn alias(&mut self, alias: Option<&mut TableAlias>, mut relation: Relation) -> Result<Relation> {
        let Some(alias) = alias else {
            return Ok(relation);
        };
        relation.name = Some(self.define(&mut alias.name));
        for column in &mut alias.columns {
            self.define(&mut column.name);
            if let Some(target) = &column.data_type {
                self.known_type(target)?;
            }
        }
        let mut output = Output {
            columns: std::mem::take(&mut relation.columns),
            open: relation.open,
        };
        self.rename(&mut output, alias);
        relation.columns = output.columns;
        Ok(relation)
    }

    fn call(
        &mut self,
        name: &ObjectName,
        args: &mut [FunctionArg],
        alias: Option<&TableAlias>,
    ) -> Result<Relation> {
        syntax::arguments(args, self)?;
        let function = match name.0.last() {
            Some(ObjectNamePart::Identifier(ident)) => Written::new(ident, self.dialect).exact,
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
            Some(alias) if self.dialect == Dialect::Postgresql => {
                Written::new(&alias.name, self.dialect).exact
            }
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
    ) -> Result<Relation> {
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
            let written = Written::new(ident, self.dialect);
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
            is_covered: self.is_covered(table.schema.as_deref(), &table.name),
            key: table.primary_key.clone(),
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
            (Some(schema), [_]) if schema != "public" || same_name > 1 || self.policy.is_some() => {
                parts.insert(
                    0,
                    if is_plain(schema) {
                        Ident::new(schema.as_str())
                    } else {
                        quoted(schema, self.dialect)
                    },
                );
            }
            (Some(schema), [ident, _]) => Written::new(&ident.clone(), self.dialect).spell(ident, schema),
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            Written::new(&last.clone(), self.dialect).spell(last, &table.name);
        }
        self.tables.insert(display_name(table));
        *name = ObjectName::from(parts);
        Ok(relation)
    }

    fn find_table(&self, schema: Option<&Ident>, name: &Ident) -> Result<&Table> {
        let written = Written::new(name, self.dialect);
        let schema_written = schema.map(|ident| Written::new(ident, self.dialect));
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
}
