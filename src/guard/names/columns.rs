//! Names in expressions: what a column, a row or a qualified column means, and what to say when it means
//! nothing.

use sqlparser::ast::{Expr, Ident};

use super::scope::{self, Found, Relation, Written, nearest, quoted};
use super::{Resolver, name_error};
use crate::catalog::{Dialect, Table};
use crate::error::{Error, Result};
use crate::guard::sql::unquoted;

impl Resolver<'_> {
    pub(super) fn unknown_table(&self, name: &str) -> Error {
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

    pub(super) fn identifier(&mut self, expr: &mut Expr) -> Result<()> {
        let Expr::Identifier(ident) = expr else {
            return Ok(());
        };
        let written = Written::new(ident, self.dialect);
        let usable = self.selects.last().map_or(&[][..], |names| &names.usable);
        match scope::find(&self.scopes, &written) {
            Some(Found::Column {
                name,
                scope,
                relation,
            }) => {
                written.spell(ident, &name);
                if let Some(relation) = &relation {
                    self.note_use(scope, (relation.clone(), name.clone()));
                }
                let is_outer = scope + 1 < self.scopes.len();
                let is_shadowed = self
                    .selects
                    .get(scope)
                    .is_some_and(|names| names.shadowing.contains(&name));
                if self.dialect == Dialect::Datafusion
                    && (is_outer || is_shadowed)
                    && let Some(relation) = relation
                {
                    *expr = Expr::CompoundIdentifier(vec![
                        quoted(&relation, self.dialect),
                        quoted(&name, self.dialect),
                    ]);
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

    pub(super) fn compound(&mut self, idents: &mut Vec<Ident>) -> Result<()> {
        let (schema, relation, column) = match idents.as_mut_slice() {
            [relation, column] => (None, relation, column),
            [schema, relation, column] => (Some(schema), relation, column),
            _ => {
                let name: Vec<String> = idents.iter().map(|ident| ident.value.clone()).collect();
                return Err(self.unknown_column(&name.join("."), None));
            }
        };
        let written = Written::new(relation, self.dialect);
        let schema_written = schema.as_deref().map(|ident| Written::new(ident, self.dialect));
        let Some((scope, found)) = scope::find_relation(&self.scopes, schema_written.as_ref(), &written)
        else {
            return Err(self.not_in_from(&unquoted(relation)));
        };
        let column_written = Written::new(column, self.dialect);
        let name = found.name.clone().unwrap_or_default();
        let without_schema = found.is_covered && schema.is_some();
        match column_written.pick(found.columns.iter().map(String::as_str)) {
            Some(real) => column_written.spell(column, real),
            None if found.open => {}
            None => return Err(self.unknown_column(&unquoted(column), Some(found))),
        }
        if let (Some(ident), Some(real), Some(written)) = (schema, &found.schema, &schema_written) {
            written.spell(ident, real);
        }
        written.spell(relation, &name);
        // As the database reads it: a name that needs no mending stays as it was written.
        let used = (name, Written::new(column, self.dialect).exact);
        if without_schema {
            idents.remove(0);
        }
        self.note_use(scope, used);
        Ok(())
    }

    pub(super) fn not_in_from(&self, name: &str) -> Error {
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

pub(super) fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// How a table is called in answers and messages.
pub(super) fn display_name(table: &Table) -> String {
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
