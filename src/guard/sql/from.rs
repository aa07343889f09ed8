//! FROM: which relations and functions may stand there, and which functions may be called at all. System
//! catalogs are closed, whatever the catalog of the source says.

use sqlparser::ast::{
    Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, TableAlias, TableFactor,
    TableWithJoins,
};

use super::{Guard, identifiers, unquoted};
use crate::catalog::Dialect;
use crate::error::{Error, Result};
use crate::guard::functions;
use crate::guard::syntax::{self, Walk, refused, shortened};

/// Joins in a row at most: planning takes longer with each.
const MAX_JOINS: usize = 64;

impl Guard {
    pub(super) fn table_with_joins(&mut self, table: &mut TableWithJoins) -> Result<()> {
        if table.joins.len() > MAX_JOINS {
            return Err(Error::Refused(format!(
                "The query joins more than {MAX_JOINS} tables in a row; use fewer."
            )));
        }
        self.table(&mut table.relation)?;
        for Join {
            relation,
            global,
            join_operator,
        } in &mut table.joins
        {
            let files = self.dialect == Dialect::Datafusion;
            if self.dialect == Dialect::Mysql && matches!(join_operator, JoinOperator::FullOuter(_)) {
                // MySQL takes FULL for the alias of the table before it, and joins inwards.
                return Err(refused("FULL JOIN, which MySQL does not have,"));
            }
            let constraint = match join_operator {
                JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::Left(constraint)
                | JoinOperator::LeftOuter(constraint)
                | JoinOperator::Right(constraint)
                | JoinOperator::RightOuter(constraint)
                | JoinOperator::FullOuter(constraint)
                | JoinOperator::CrossJoin(constraint) => constraint,
                JoinOperator::LeftSemi(constraint)
                | JoinOperator::RightSemi(constraint)
                | JoinOperator::LeftAnti(constraint)
                | JoinOperator::RightAnti(constraint)
                    if files =>
                {
                    constraint
                }
                _ => return Err(refused("This kind of join")),
            };
            if *global {
                return Err(refused("GLOBAL JOIN"));
            }
            self.table(relation)?;
            if let JoinConstraint::On(condition) = constraint {
                self.expr(condition)?;
            }
        }
        Ok(())
    }

    fn table(&mut self, table: &mut TableFactor) -> Result<()> {
        self.deeper(|guard| guard.table_here(table))
    }

    fn table_here(&mut self, table: &mut TableFactor) -> Result<()> {
        match table {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version: None,
                with_ordinality,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                match args {
                    None => {
                        if *with_ordinality {
                            return Err(refused("WITH ORDINALITY on a table"));
                        }
                        self.relation_name(name)?;
                    }
                    Some(args) => {
                        if args.settings.is_some() {
                            return Err(refused("SETTINGS"));
                        }
                        self.function_in_from(name)?;
                        syntax::arguments(&mut args.args, self)?;
                    }
                }
                self.optional_alias(alias)
            }
            TableFactor::Function {
                name, args, alias, ..
            } => {
                self.function_in_from(name)?;
                syntax::arguments(args, self)?;
                self.optional_alias(alias)
            }
            TableFactor::Derived {
                subquery,
                alias,
                sample: None,
                ..
            } => {
                self.query(subquery)?;
                self.optional_alias(alias)
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset: false,
                with_offset_alias: None,
                ..
            } => {
                self.exprs(array_exprs)?;
                self.optional_alias(alias)
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                self.table_with_joins(table_with_joins)?;
                self.optional_alias(alias)
            }
            other => Err(refused(format_args!("{} in FROM", shortened(other)))),
        }
    }

    /// A relation by name: system catalogs are closed, whatever the catalog of the source says.
    fn relation_name(&self, name: &ObjectName) -> Result<()> {
        let parts = identifiers(name)?;
        let lower: Vec<String> = parts
            .iter()
            .map(|part| unquoted(part).to_ascii_lowercase())
            .collect();
        let is_closed_schema = |schema: &str| match self.dialect {
            Dialect::Mysql => ["information_schema", "mysql", "performance_schema", "sys"].contains(&schema),
            _ => schema == "information_schema" || schema.starts_with("pg_"),
        };
        let is_closed_table = |table: &String| match self.dialect {
            Dialect::Mysql => false,
            Dialect::Sqlite => table.starts_with("sqlite_") || table.starts_with("pragma_"),
            _ => table.starts_with("pg_"),
        };
        let is_system = match lower.as_slice() {
            [.., schema, table] => is_closed_schema(schema) || is_closed_table(table),
            [table] => is_closed_table(table) && !self.ctes.contains(table),
            [] => false,
        };
        if is_system {
            return Err(Error::Refused(format!(
                "The system catalog {name} is not open to questions; ask about the tables of the source."
            )));
        }
        // `FROM ONLY t` is read as a table called ONLY with the alias t.
        if let [only] = parts.as_slice()
            && only.quote_style.is_none()
            && lower == ["only"]
        {
            return Err(refused("FROM ONLY"));
        }
        Ok(())
    }

    fn function_in_from(&self, name: &ObjectName) -> Result<()> {
        let function = self.function_name(name)?;
        if functions::returns_rows(&function, self.dialect) {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "The function {name} may not be used in FROM."
        )))
    }

    /// The name as the database reads it: bare, or in `pg_catalog`; letters folded unless quoted.
    pub(super) fn function_name(&self, name: &ObjectName) -> Result<String> {
        let parts = identifiers(name)?;
        let folded = |part: &Ident| match part.quote_style {
            Some(_) if matches!(self.dialect, Dialect::Postgresql | Dialect::Datafusion) => unquoted(part),
            _ => unquoted(part).to_ascii_lowercase(),
        };
        match parts.as_slice() {
            // Between quotes, MySQL looks for a function that somebody stored.
            [function] if self.dialect == Dialect::Mysql && function.quote_style.is_some() => {
                Err(unknown_function(name, self.dialect))
            }
            [function] => Ok(folded(function)),
            [schema, function] if self.dialect == Dialect::Postgresql && folded(schema) == "pg_catalog" => {
                Ok(folded(function))
            }
            _ => Err(unknown_function(name, self.dialect)),
        }
    }

    pub(super) fn alias(&self, alias: &TableAlias) -> Result<()> {
        if alias.at.is_some() {
            return Err(refused("AT after an alias"));
        }
        alias
            .columns
            .iter()
            .filter_map(|column| column.data_type.as_ref())
            .try_for_each(syntax::data_type)
    }

    fn optional_alias(&self, alias: &Option<TableAlias>) -> Result<()> {
        alias.as_ref().map_or(Ok(()), |alias| self.alias(alias))
    }
}

pub(super) fn unknown_function(name: &ObjectName, dialect: Dialect) -> Error {
    let instead = match name.0.as_slice() {
        [ObjectNamePart::Identifier(only)] => functions::instead_of(&unquoted(only), dialect),
        _ => None,
    };
    let shown = shortened(name);
    Error::Refused(match instead {
        Some(instead) => format!("The function {shown} is not one that questions may use; {instead}"),
        None => format!("The function {shown} is not one that questions may use."),
    })
}
