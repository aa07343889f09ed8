//! The policy in a query: a table of which something is hidden or masked is read through a subquery of what
//! is visible. Everything above, be it `*`, a whole row, a join by name or a filter, then meets only that.
//!
//! Which columns these are is not decided here (`guard::policy`).

use sqlparser::ast::{
    ArrayElemTypeDef, DataType, Expr, GroupByExpr, Ident, ObjectName, ObjectNamePart, Query, Statement,
    TableAlias, TableFactor,
};

use super::Resolver;
use super::scope::{Relation, Written, quoted};
use crate::catalog::Dialect;
use crate::config::Mask;
use crate::error::{Error, Result};
use crate::guard::policy::Policy;
use crate::guard::sql::{self, unquoted};
use crate::guard::syntax;

/// Types to cast to that the parser does not know by name, but every PostgreSQL or a common extension does.
/// Any other type could be the row of a table that is kept back, and tell its columns.
const KNOWN_TYPES: &str = "
    bpchar cidr inet macaddr macaddr8 money name oid timetz timestamptz timestamp xml jsonpath pg_lsn
    int4range int8range numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange
    tsmultirange tstzmultirange datemultirange citext hstore ltree lquery vector geometry geography
";

/// The subquery that stands for `table`, which is called so in the source and shows `columns`.
fn subquery(
    table: &ObjectName,
    relation: &Relation,
    policy: &Policy,
    dialect: Dialect,
) -> Result<Box<Query>> {
    let name = relation.name.as_deref().unwrap_or_default();
    let items = relation
        .columns
        .iter()
        .map(|column| {
            let ident = quoted(column, dialect);
            match policy.mask(relation.schema.as_deref(), name, column) {
                None => Ok(ident.to_string()),
                Some(mask) => Ok(format!("{} AS {ident}", masked(&ident, mask, policy, dialect)?)),
            }
        })
        .collect::<Result<Vec<String>>>()?;
    let text = format!("SELECT {} FROM {table}", items.join(", "));
    match sql::parse_own(&text, dialect) {
        Ok(Statement::Query(query)) => Ok(query),
        _ => Err(Error::Internal(
            "the subquery that stands for a restricted table could not be read again".into(),
        )),
    }
}

/// What a query sees of a masked column. The functions are named with their schema, so that nobody's function
/// of the same name is handed the value.
fn masked(column: &Ident, mask: Mask, policy: &Policy, dialect: Dialect) -> Result<String> {
    let key = policy.mask_key();
    Ok(match (mask, dialect) {
        // It keeps the column's type without naming it.
        (Mask::Null, _) => format!("CASE WHEN FALSE THEN {column} END"),
        (Mask::Hash, Dialect::Postgresql | Dialect::Mongodb) => format!(
            "CASE WHEN {column} IS NOT NULL THEN pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(\
             pg_catalog.convert_to(pg_catalog.concat('{key}', CAST({column} AS TEXT)), 'UTF8')), 'hex'), 32) END"
        ),
        (Mask::Hash, Dialect::Datafusion) => format!(
            "CASE WHEN {column} IS NOT NULL THEN left(encode(sha256(concat('{key}', CAST({column} AS TEXT))), \
             'hex'), 32) END"
        ),
        (Mask::LastFour, Dialect::Postgresql | Dialect::Mongodb) => format!(
            "CASE WHEN pg_catalog.length(CAST({column} AS TEXT)) >= 8 THEN pg_catalog.concat('****', \
             pg_catalog.right(CAST({column} AS TEXT), 4)) WHEN {column} IS NOT NULL THEN '****' END"
        ),
        (Mask::LastFour, Dialect::Datafusion) => format!(
            "CASE WHEN character_length(CAST({column} AS TEXT)) >= 8 THEN concat('****', \
             right(CAST({column} AS TEXT), 4)) WHEN {column} IS NOT NULL THEN '****' END"
        ),
        (Mask::Hash, Dialect::Mysql) => format!(
            "CASE WHEN {column} IS NOT NULL THEN LEFT(SHA2(CONCAT('{key}', CAST({column} AS CHAR)), 256), 32) END"
        ),
        (Mask::LastFour, Dialect::Mysql) => format!(
            "CASE WHEN CHAR_LENGTH(CAST({column} AS CHAR)) >= 8 THEN CONCAT('****', \
             RIGHT(CAST({column} AS CHAR), 4)) WHEN {column} IS NOT NULL THEN '****' END"
        ),
        // A function of ours, which the connector brings along.
        (Mask::Hash, Dialect::Sqlite) => {
            format!("CASE WHEN {column} IS NOT NULL THEN custard_hash('{key}' || CAST({column} AS TEXT)) END")
        }
        (Mask::LastFour, Dialect::Sqlite) => format!(
            "CASE WHEN length(CAST({column} AS TEXT)) >= 8 THEN '****' || substr(CAST({column} AS TEXT), -4) \
             WHEN {column} IS NOT NULL THEN '****' END"
        ),
    })
}

impl Resolver<'_> {
    /// The subquery for a table of the catalog, if the policy restricts its columns. Also for one of which it
    /// hides nothing today: a column that was added since the catalog was read has to stay hidden.
    pub(super) fn cover(&self, name: &ObjectName, relation: &Relation) -> Result<Option<Box<Query>>> {
        match self.policy {
            Some(policy) if relation.is_covered => subquery(name, relation, policy, self.dialect).map(Some),
            _ => Ok(None),
        }
    }

    /// Notes that a SELECT uses a column.
    pub(super) fn note_use(&mut self, scope: usize, used: (String, String)) {
        if self.policy.is_some()
            && let Some(select) = self.selects.get_mut(scope)
        {
            select.used.insert(used);
        }
    }

    /// Who groups by a table's primary key may use its other columns ungrouped. PostgreSQL does not see the key
    /// through a subquery, so they are grouped by as well, which changes no group.
    pub(super) fn group_by_whole_keys(&self, group_by: &mut GroupByExpr) {
        let (Some(_), Some(scope), Some(select), GroupByExpr::Expressions(items, _)) =
            (self.policy, self.scopes.last(), self.selects.last(), group_by)
        else {
            return;
        };
        let mut more = Vec::new();
        for relation in scope.relations.iter().filter(|relation| relation.is_covered) {
            let Some(name) = &relation.name else { continue };
            let is_grouped = |column: &String| {
                items.iter().any(|item| match item {
                    Expr::CompoundIdentifier(idents) => match idents.as_slice() {
                        [of, own] => {
                            Written::new(of, self.dialect).exact == *name
                                && Written::new(own, self.dialect).exact == *column
                        }
                        _ => false,
                    },
                    Expr::Identifier(own) => {
                        let others = scope
                            .relations
                            .iter()
                            .filter(|other| other.columns.contains(column));
                        Written::new(own, self.dialect).exact == *column && others.count() == 1
                    }
                    _ => false,
                })
            };
            if relation.key.is_empty() || !relation.key.iter().all(is_grouped) {
                continue;
            }
            let used = select
                .used
                .iter()
                .filter(|(of, column)| of == name && !is_grouped(column));
            more.extend(used.map(|(of, column)| {
                Expr::CompoundIdentifier(vec![quoted(of, self.dialect), quoted(column, self.dialect)])
            }));
        }
        items.extend(more);
    }

    /// Whether a table of the catalog is read through a subquery.
    pub(super) fn is_covered(&self, schema: Option<&str>, table: &str) -> bool {
        self.policy
            .is_some_and(|policy| policy.restricts_columns(schema, table))
    }

    /// Refuses casts to types that may be the row of a table: they would tell the names of columns that the
    /// policy keeps back.
    pub(super) fn known_type(&self, target: &DataType) -> Result<()> {
        let (DataType::Custom(name, _), Some(_), Dialect::Postgresql) =
            (element(target), self.policy, self.dialect)
        else {
            return Ok(());
        };
        let parts: Vec<String> = name
            .0
            .iter()
            .map(|part| match part {
                ObjectNamePart::Identifier(ident) if ident.quote_style.is_none() => {
                    ident.value.to_ascii_lowercase()
                }
                ObjectNamePart::Identifier(ident) => unquoted(ident),
                ObjectNamePart::Function(function) => function.to_string(),
            })
            .collect();
        let is_built_in = match parts.as_slice() {
            [only] => is_known(only),
            [schema, last] => schema == "pg_catalog" && is_known(last),
            _ => false,
        };
        let is_of_a_column = || {
            let columns = self.catalog.tables.iter().flat_map(|table| &table.columns);
            columns
                .map(|column| bare_type(&column.type_name))
                .any(|known| Some(&known) == parts.last())
        };
        if is_built_in || is_of_a_column() {
            Ok(())
        } else {
            Err(syntax::refused(format_args!("The type {target}")))
        }
    }
}

fn is_known(name: &str) -> bool {
    KNOWN_TYPES.split_ascii_whitespace().any(|known| known == name)
}

/// What an array is made of.
fn element(target: &DataType) -> &DataType {
    match target {
        DataType::Array(ArrayElemTypeDef::SquareBracket(inner, _)) => element(inner),
        other => other,
    }
}

/// The bare name of a type as the catalog writes it: without schema, length, array sign and quotes.
fn bare_type(type_name: &str) -> String {
    let name = type_name.trim_end_matches("[]");
    let name = name.split_once('(').map_or(name, |(name, _)| name);
    match name.strip_suffix('"').and_then(|name| name.rsplit_once('"')) {
        Some((_, quoted)) => quoted.to_owned(),
        None => name.rsplit('.').next().unwrap_or(name).to_owned(),
    }
}

/// A table in FROM as a subquery that is called like it.
pub(super) fn derived(
    subquery: Box<Query>,
    alias: Option<TableAlias>,
    name: &str,
    dialect: Dialect,
) -> TableFactor {
    let own_name = || TableAlias {
        explicit: true,
        name: quoted(name, dialect),
        columns: Vec::new(),
        at: None,
    };
    TableFactor::Derived {
        lateral: false,
        subquery,
        alias: Some(alias.unwrap_or_else(own_name)),
        sample: None,
    }
}
