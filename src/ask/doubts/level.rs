//! One SELECT, as the checks see it: its relations, what its joins equate, and which column of which table a
//! name means.

use std::collections::BTreeSet;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident,
    JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Select, SelectItem, TableFactor,
    TableWithJoins,
};

use crate::catalog::{Catalog, Column, Table};

/// A SELECT's FROM and WHERE.
pub struct Level<'c> {
    pub relations: Vec<Relation<'c>>,
    /// Columns that are equal in every row: (relation, column) twice.
    pub equal: Vec<(Place<'c>, Place<'c>)>,
    /// Relations that a join ties by more than equal columns: how many rows match is anybody's guess.
    pub loose: BTreeSet<usize>,
    pub group_by: Vec<Expr>,
}

/// A column, and the number of its relation.
type Place<'c> = (usize, &'c Column);

/// Something in FROM.
pub struct Relation<'c> {
    /// What its columns are qualified with.
    pub name: String,
    /// None for a subquery, a function, a common table expression.
    pub table: Option<&'c Table>,
}

impl<'c> Level<'c> {
    pub fn of(select: &Select, catalog: &'c Catalog, ctes: &BTreeSet<String>) -> Level<'c> {
        let mut level = Level {
            relations: Vec::new(),
            equal: Vec::new(),
            loose: BTreeSet::new(),
            group_by: match &select.group_by {
                GroupByExpr::Expressions(exprs, _) => exprs.clone(),
                GroupByExpr::All(_) => Vec::new(),
            },
        };
        let mut conditions = Vec::new();
        for from in &select.from {
            level.from(from, catalog, ctes, &mut conditions);
        }
        for (relation, constraint) in conditions {
            level.constraint(relation, &constraint);
        }
        if let Some(selection) = &select.selection {
            for condition in conjuncts(selection) {
                level.equate(condition);
            }
        }
        level
    }

    /// Relations first, all of them: a condition may name any.
    fn from(
        &mut self,
        from: &TableWithJoins,
        catalog: &'c Catalog,
        ctes: &BTreeSet<String>,
        conditions: &mut Vec<(usize, JoinConstraint)>,
    ) {
        self.factor(&from.relation, catalog, ctes, conditions);
        for join in &from.joins {
            let constraint = match &join.join_operator {
                JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::Left(constraint)
                | JoinOperator::LeftOuter(constraint)
                | JoinOperator::Right(constraint)
                | JoinOperator::RightOuter(constraint)
                | JoinOperator::FullOuter(constraint)
                | JoinOperator::CrossJoin(constraint)
                | JoinOperator::StraightJoin(constraint) => constraint,
                // They look, and add no rows.
                _ => continue,
            };
            let at = self.relations.len();
            self.factor(&join.relation, catalog, ctes, conditions);
            conditions.push((at, constraint.clone()));
        }
    }

    fn factor(
        &mut self,
        factor: &TableFactor,
        catalog: &'c Catalog,
        ctes: &BTreeSet<String>,
        conditions: &mut Vec<(usize, JoinConstraint)>,
    ) {
        match factor {
            TableFactor::Table {
                name, alias, args, ..
            } => {
                let parts = parts(name);
                let Some((last, schema)) = parts.split_last() else {
                    return;
                };
                let is_cte = schema.is_empty() && ctes.contains(&last.to_lowercase());
                self.relations.push(Relation {
                    name: alias
                        .as_ref()
                        .map_or_else(|| last.clone(), |alias| alias.name.value.clone()),
                    table: (args.is_none() && !is_cte)
                        .then(|| find(catalog, schema.last().map(String::as_str), last))
                        .flatten(),
                });
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.from(table_with_joins, catalog, ctes, conditions);
            }
            TableFactor::Derived { alias, .. } | TableFactor::Function { alias, .. } => {
                self.relations.push(Relation {
                    name: alias
                        .as_ref()
                        .map(|alias| alias.name.value.clone())
                        .unwrap_or_default(),
                    table: None,
                });
            }
            _ => self.relations.push(Relation {
                name: String::new(),
                table: None,
            }),
        }
    }

    fn constraint(&mut self, joined: usize, constraint: &JoinConstraint) {
        match constraint {
            JoinConstraint::On(expr) => {
                for condition in conjuncts(expr) {
                    if !self.equate(condition) {
                        self.loose.insert(joined);
                    }
                }
            }
            JoinConstraint::Using(names) => {
                for name in names {
                    if let Some(name) = parts(name).pop() {
                        self.share(joined, &name);
                    }
                }
            }
            JoinConstraint::Natural => {
                let names: Vec<String> = self
                    .relations
                    .get(joined)
                    .and_then(|relation| relation.table)
                    .map(|table| table.columns.iter().map(|column| column.name.clone()).collect())
                    .unwrap_or_default();
                for name in names {
                    self.share(joined, &name);
                }
            }
            JoinConstraint::None => {}
        }
    }

    /// A column of one name, on both sides of a join.
    fn share(&mut self, joined: usize, name: &str) {
        let of = |at: usize| {
            let table = self.relations.get(at)?.table?;
            Some((at, named(table, name)?))
        };
        let Some(own) = of(joined) else { return };
        if let Some(other) = (0..joined).find_map(of) {
            self.equal.push((other, own));
        }
    }

    /// Notes `a.x = b.y`; false when the condition is anything else.
    fn equate(&mut self, condition: &Expr) -> bool {
        let Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } = condition
        else {
            return false;
        };
        match (self.column(left), self.column(right)) {
            (Some(left), Some(right)) if left.0 != right.0 => {
                self.equal.push((left, right));
                true
            }
            _ => false,
        }
    }

    /// The relation and the column that an expression names; None when it is something else, or may be.
    pub fn column(&self, expr: &Expr) -> Option<(usize, &'c Column)> {
        match expr {
            Expr::Nested(inner) => self.column(inner),
            Expr::Identifier(name) => {
                // A relation nobody knows may have it.
                let mut found = None;
                for (at, relation) in self.relations.iter().enumerate() {
                    if let Some(column) = named(relation.table?, &name.value) {
                        if found.is_some() {
                            return None;
                        }
                        found = Some((at, column));
                    }
                }
                found
            }
            Expr::CompoundIdentifier(parts) => {
                let [.., relation, name] = parts.as_slice() else {
                    return None;
                };
                let at = self.relation(relation)?;
                Some((at, named(self.relations[at].table?, &name.value)?))
            }
            _ => None,
        }
    }

    fn relation(&self, name: &Ident) -> Option<usize> {
        let mut found = self
            .relations
            .iter()
            .enumerate()
            .filter(|(_, relation)| relation.name.eq_ignore_ascii_case(&name.value));
        let first = found.next()?.0;
        found.next().is_none().then_some(first)
    }
}

/// The column that an expression names, in the nearest SELECT that knows it, and how to say it.
pub fn column<'c>(expr: &Expr, levels: &[Level<'c>]) -> Option<(String, &'c Column)> {
    levels.iter().rev().find_map(|level| {
        let (at, column) = level.column(expr)?;
        let table = level.relations[at].table?;
        Some((format!("{}.{}", table.name, column.name), column))
    })
}

/// The parts of a condition that all hold.
fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Nested(inner) => conjuncts(inner),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            let mut all = conjuncts(left);
            all.extend(conjuncts(right));
            all
        }
        other => vec![other],
    }
}

fn parts(name: &ObjectName) -> Vec<String> {
    name.0
        .iter()
        .filter_map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(ident.value.clone()),
            ObjectNamePart::Function(_) => None,
        })
        .collect()
}

/// As the guard wrote it, it is spelled like in the catalog, except that some databases do not mind capitals.
fn find<'c>(catalog: &'c Catalog, schema: Option<&str>, name: &str) -> Option<&'c Table> {
    catalog.table(schema, name).or_else(|| {
        let mut fitting = catalog.tables.iter().filter(|table| {
            table.name.eq_ignore_ascii_case(name)
                && schema.is_none_or(|schema| {
                    table
                        .schema
                        .as_deref()
                        .is_some_and(|own| own.eq_ignore_ascii_case(schema))
                })
        });
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    })
}

fn named<'c>(table: &'c Table, name: &str) -> Option<&'c Column> {
    table.column(name).or_else(|| {
        table
            .columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
    })
}

/// A function's name in lower case, if it is one word.
pub fn function_name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [.., ObjectNamePart::Identifier(name)] => Some(name.value.to_lowercase()),
        _ => None,
    }
}

/// The arguments that are expressions.
pub fn arguments(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else {
        return Vec::new();
    };
    list.args
        .iter()
        .filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

/// Whether a SELECT has GROUP BY.
pub fn is_grouped(select: &Select) -> bool {
    match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(exprs, modifiers) => !exprs.is_empty() || !modifiers.is_empty(),
    }
}

/// Whether a SELECT without GROUP BY gives one row for all: every output is an aggregate.
pub fn is_aggregate(select: &Select) -> bool {
    const AGGREGATES: [&str; 12] = [
        "count",
        "sum",
        "avg",
        "min",
        "max",
        "stddev",
        "variance",
        "median",
        "string_agg",
        "array_agg",
        "group_concat",
        "total",
    ];
    let is_one = |expr: &Expr| match expr {
        Expr::Function(function) => {
            function.over.is_none()
                && function_name(function).is_some_and(|name| AGGREGATES.contains(&name.as_str()))
        }
        _ => false,
    };
    select.projection.iter().all(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => is_one(expr),
        _ => false,
    })
}
