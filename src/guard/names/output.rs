//! What a SELECT gives: its output columns and their names. In DataFusion, outputs are named as PostgreSQL
//! would name them, each once.

use std::collections::BTreeSet;

use sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    TrimWhereField,
};

use super::scope::{Written, find_relation, quoted};
use super::{Resolver, Walk};
use crate::catalog::Dialect;
use crate::error::Result;
use crate::guard::syntax;

/// The columns a query gives.
#[derive(Debug, Clone, Default)]
pub(super) struct Output {
    pub columns: Vec<String>,
    /// There are columns whose names are not known.
    pub open: bool,
}

/// How PostgreSQL names an output without an alias.
enum Name {
    Known(String),
    /// It has a name, but which depends on types.
    Unsure,
    /// `?column?`: nobody refers to it.
    None,
}

impl Resolver<'_> {
    /// The SELECT list; `star` is what `*` stands for.
    pub(super) fn projection(&mut self, projection: &mut Vec<SelectItem>, star: &[String]) -> Result<Output> {
        if self.dialect == Dialect::Datafusion {
            self.note_shadowing(projection);
        }
        let mut output = Output::default();
        let mut taken: BTreeSet<String> = projection
            .iter()
            .filter_map(|item| match item {
                SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
                _ => None,
            })
            .collect();
        let mut aliases_seen = BTreeSet::new();
        let mut items = Vec::with_capacity(projection.len());
        for mut item in std::mem::take(projection) {
            match &mut item {
                SelectItem::UnnamedExpr(expr) => {
                    self.expr(expr)?;
                    // After the names in it are spelled as the source has them: so is the output's.
                    let name = name_of(expr, self.dialect);
                    match (self.dialect, name) {
                        (
                            Dialect::Postgresql | Dialect::Mongodb | Dialect::Mysql | Dialect::Sqlite,
                            Name::Known(name),
                        ) => output.columns.push(name),
                        (
                            Dialect::Postgresql | Dialect::Mongodb | Dialect::Mysql | Dialect::Sqlite,
                            Name::Unsure,
                        ) => {
                            output.columns.push("?column?".into());
                            output.open = true;
                        }
                        (
                            Dialect::Postgresql | Dialect::Mongodb | Dialect::Mysql | Dialect::Sqlite,
                            Name::None,
                        ) => output.columns.push("?column?".into()),
                        (Dialect::Datafusion, name) => {
                            let column = match &*expr {
                                Expr::Identifier(ident) => Some(ident),
                                Expr::CompoundIdentifier(idents) => idents.last(),
                                _ => None,
                            }
                            .map(super::unquoted);
                            let text = expr.to_string();
                            let wanted = match (column.clone(), name) {
                                (Some(column), _) | (None, Name::Known(column)) => column,
                                (None, _) => text,
                            };
                            let free = free_name(&wanted, &mut taken);
                            let is_own_name = free == wanted
                                && (column.is_some_and(|column| column == free)
                                    || wanted == expr.to_string());
                            if !is_own_name {
                                item = SelectItem::ExprWithAlias {
                                    expr: expr.clone(),
                                    alias: quoted(&free, self.dialect),
                                };
                            }
                            output.columns.push(free);
                        }
                    }
                    items.push(item);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    self.expr(expr)?;
                    let mut name = self.define(alias);
                    if self.dialect == Dialect::Datafusion && !aliases_seen.insert(name.clone()) {
                        name = free_name(&name, &mut taken);
                        *alias = quoted(&name, self.dialect);
                    }
                    output.columns.push(name);
                    items.push(item);
                }
                SelectItem::Wildcard(_) => {
                    output.open |= self.innermost_is_open();
                    let columns = self.star_columns(star);
                    self.wildcard(item, columns, &mut taken, &mut output, &mut items);
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let (relation, columns, open) = self.relation_columns(name)?;
                    output.open |= open;
                    let columns = columns
                        .into_iter()
                        .map(|column| (Some(relation.clone()), column))
                        .collect();
                    self.wildcard(item, columns, &mut taken, &mut output, &mut items);
                }
                _ => return Err(syntax::refused("This output")),
            }
        }
        *projection = items;
        Ok(output)
    }

    /// Output names that could be taken for a column of the same name.
    fn note_shadowing(&mut self, projection: &[SelectItem]) {
        let shadowing = projection
            .iter()
            .filter_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } => match expr {
                    Expr::Identifier(column) if column.value == alias.value => None,
                    _ => Some(super::unquoted(alias)),
                },
                SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => None,
                SelectItem::UnnamedExpr(expr) => match name_of(expr, self.dialect) {
                    Name::Known(name) => Some(name),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        self.names().shadowing = shadowing;
    }

    fn innermost_is_open(&self) -> bool {
        self.scopes
            .last()
            .is_some_and(|scope| scope.relations.iter().any(|relation| relation.open))
    }

    /// The columns behind `*`, each with the relation it can be qualified with.
    fn star_columns(&self, star: &[String]) -> Vec<(Option<String>, String)> {
        let Some(scope) = self.scopes.last() else {
            return Vec::new();
        };
        let mut unused: Vec<(Option<String>, &String)> = scope
            .relations
            .iter()
            .flat_map(|relation| {
                relation
                    .columns
                    .iter()
                    .map(|column| (relation.name.clone(), column))
            })
            .collect();
        star.iter()
            .map(|column| {
                if scope.merged.contains(column) {
                    return (None, column.clone());
                }
                match unused.iter().position(|(_, name)| *name == column) {
                    Some(at) => (unused.remove(at).0, column.clone()),
                    None => (None, column.clone()),
                }
            })
            .collect()
    }

    /// `*` stays as it is, unless DataFusion would meet a name twice: then it is written out.
    fn wildcard(
        &self,
        item: SelectItem,
        columns: Vec<(Option<String>, String)>,
        taken: &mut BTreeSet<String>,
        output: &mut Output,
        items: &mut Vec<SelectItem>,
    ) {
        let mut names = BTreeSet::new();
        let has_duplicates = !columns
            .iter()
            .all(|(_, column)| names.insert(column.clone()) && !taken.contains(column));
        if self.dialect != Dialect::Datafusion || !has_duplicates {
            taken.extend(names);
            output
                .columns
                .extend(columns.into_iter().map(|(_, column)| column));
            items.push(item);
            return;
        }
        for (relation, column) in columns {
            let free = free_name(&column, taken);
            let expr = match relation {
                Some(relation) => Expr::CompoundIdentifier(vec![
                    quoted(&relation, self.dialect),
                    quoted(&column, self.dialect),
                ]),
                None => Expr::Identifier(quoted(&column, self.dialect)),
            };
            items.push(SelectItem::ExprWithAlias {
                expr,
                alias: quoted(&free, self.dialect),
            });
            output.columns.push(free);
        }
    }

    /// The relation before `.*`: its name, its columns, whether there may be more.
    pub(super) fn relation_columns(&mut self, name: &mut ObjectName) -> Result<(String, Vec<String>, bool)> {
        let mut idents: Vec<&mut Ident> = name
            .0
            .iter_mut()
            .filter_map(|part| match part {
                ObjectNamePart::Identifier(ident) => Some(ident),
                ObjectNamePart::Function(_) => None,
            })
            .collect();
        let (schema, relation) = match idents.as_mut_slice() {
            [relation] => (None, relation),
            [schema, relation] => (Some(Written::new(schema, self.dialect)), relation),
            _ => return Err(self.not_in_from(&name.to_string())),
        };
        let written = Written::new(relation, self.dialect);
        let Some((_, found)) = find_relation(&self.scopes, schema.as_ref(), &written) else {
            return Err(self.not_in_from(&super::unquoted(relation)));
        };
        let real = found.name.clone().unwrap_or_default();
        let (columns, open, is_covered) = (found.columns.clone(), found.open, found.is_covered);
        written.spell(relation, &real);
        if is_covered && schema.is_some() {
            name.0.remove(0);
        }
        Ok((real, columns, open))
    }
}

/// `wanted`, or `wanted_2`, `wanted_3`, … if it is taken; it is taken afterwards.
fn free_name(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = wanted.to_owned();
    let mut next = 2;
    while !taken.insert(name.clone()) {
        name = format!("{wanted}_{next}");
        next += 1;
    }
    name
}

/// The name PostgreSQL gives to an output without an alias.
fn name_of(expr: &Expr, dialect: Dialect) -> Name {
    let known = |name: &str| Name::Known(name.to_owned());
    let is_column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    if matches!(dialect, Dialect::Mysql | Dialect::Sqlite) && !is_column {
        // These take the text of the expression, which nobody writes out again.
        return Name::Unsure;
    }
    match expr {
        Expr::Identifier(ident) => Name::Known(Written::new(ident, dialect).exact),
        Expr::CompoundIdentifier(idents) => match idents.last() {
            Some(ident) => Name::Known(Written::new(ident, dialect).exact),
            None => Name::None,
        },
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => name_of(inner, dialect),
        Expr::Function(call) => match call.name.0.last() {
            Some(ObjectNamePart::Identifier(ident)) => Name::Known(Written::new(ident, dialect).exact),
            _ => Name::None,
        },
        Expr::Cast { expr, .. } => match name_of(expr, dialect) {
            Name::Known(name) => Name::Known(name),
            _ => Name::Unsure,
        },
        Expr::Case { else_result, .. } => match else_result.as_deref().map(|result| name_of(result, dialect))
        {
            Some(Name::Known(name)) => Name::Known(name),
            Some(Name::Unsure) => Name::Unsure,
            _ => known("case"),
        },
        Expr::Subquery(query) => match query.body.as_ref() {
            SetExpr::Select(select) => match select.projection.first() {
                Some(SelectItem::UnnamedExpr(expr)) => name_of(expr, dialect),
                Some(SelectItem::ExprWithAlias { alias, .. }) => {
                    Name::Known(Written::new(alias, dialect).exact)
                }
                _ => Name::Unsure,
            },
            _ => Name::Unsure,
        },
        Expr::Extract { .. } => known("extract"),
        Expr::Exists { .. } => known("exists"),
        Expr::Array(_) => known("array"),
        Expr::Tuple(_) => known("row"),
        Expr::AtTimeZone { .. } => known("timezone"),
        Expr::Substring { .. } => known("substring"),
        Expr::Position { .. } => known("position"),
        Expr::Overlay { .. } => known("overlay"),
        Expr::Trim { trim_where, .. } => known(match trim_where {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        }),
        Expr::Floor { .. } => known("floor"),
        Expr::Interval(_) => known("interval"),
        Expr::Ceil { .. } | Expr::TypedString(_) | Expr::Value(_) => Name::Unsure,
        _ => Name::None,
    }
}
