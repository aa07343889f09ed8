//! What is visible where: relations and their columns, and the rules by which a name finds one of them.
//!
//! Names match first exactly as the database would read them; only where nothing does, without regard to
//! case, and then only if one thing fits. Not here: walking the tree (`mod.rs`).

use sqlparser::ast::Ident;

use crate::catalog::Dialect;
use crate::guard::sql::unquoted;

/// A name as it was written: as the database reads it, and in lower case.
pub(super) struct Written {
    pub exact: String,
    lower: String,
    quoted: bool,
    dialect: Dialect,
}

impl Written {
    pub fn new(ident: &Ident, dialect: Dialect) -> Written {
        let value = unquoted(ident);
        let quoted = ident.quote_style.is_some();
        let exact = match dialect {
            // These fold unquoted names to lower case; PostgreSQL only the letters of ASCII.
            Dialect::Postgresql | Dialect::Datafusion if !quoted => value.to_ascii_lowercase(),
            _ => value.clone(),
        };
        Written {
            dialect,
            lower: value.to_lowercase(),
            exact,
            quoted,
        }
    }

    /// Of `names`, the one meant: exact, else the only one that differs in case alone.
    pub fn pick<'n>(&self, names: impl Iterator<Item = &'n str> + Clone) -> Option<&'n str> {
        self.pick_exact(names.clone())
            .or_else(|| self.pick_loosely(names))
    }

    pub fn pick_exact<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        names.find(|name| *name == self.exact)
    }

    pub fn pick_loosely<'n>(&self, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        let mut found: Vec<&str> = names.filter(|name| name.to_lowercase() == self.lower).collect();
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Spells `ident` so that the database reads `name`; what already does stays as it was written.
    pub fn spell(&self, ident: &mut Ident, name: &str) {
        if self.exact != name || self.quoted {
            *ident = quoted(name, self.dialect);
        }
    }
}

/// `name` between the quotes of its dialect, as the tree keeps it.
pub(super) fn quoted(name: &str, dialect: Dialect) -> Ident {
    let quote = match dialect {
        Dialect::Mysql => '`',
        _ => '"',
    };
    Ident::with_quote(quote, name.replace(quote, &format!("{quote}{quote}")))
}

/// Something in FROM.
#[derive(Debug, Clone, Default)]
pub(super) struct Relation {
    /// What columns may be qualified with; a derived table may have none.
    pub name: Option<String>,
    /// The schema, for a table without an alias.
    pub schema: Option<String>,
    /// The table's own name where an alias hides it.
    pub hidden: Option<String>,
    pub columns: Vec<String>,
    /// There may be columns nobody here knows of, such as those of an unnamed expression.
    pub open: bool,
    /// A table that is read through a subquery: its schema may not be written before its columns.
    pub is_covered: bool,
    /// The primary key of such a table: what PostgreSQL cannot see through the subquery.
    pub key: Vec<String>,
}

/// The relations of one SELECT.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub relations: Vec<Relation>,
    /// Columns merged by USING or NATURAL: unqualified, they mean no single relation.
    pub merged: Vec<String>,
}

/// What an unqualified name turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// A column; the scope (0 is the outermost) and, where only one fits, the relation.
    Column {
        name: String,
        scope: usize,
        relation: Option<String>,
    },
    /// Two relations of one scope have it.
    Ambiguous(Vec<String>),
    /// A relation's name: the row as a whole.
    Row(String),
    /// It may be one of the columns nobody knows of.
    Unknown,
}

/// Finds an unqualified name, innermost scope first.
pub(super) fn find(scopes: &[Scope], written: &Written) -> Option<Found> {
    let exactly = |columns: &Relation| {
        written
            .pick_exact(columns.columns.iter().map(String::as_str))
            .map(str::to_owned)
    };
    let loosely = |columns: &Relation| {
        written
            .pick_loosely(columns.columns.iter().map(String::as_str))
            .map(str::to_owned)
    };
    if let Some(found) = find_column(scopes, exactly) {
        return Some(found);
    }
    let rows = || scopes.iter().rev().flat_map(|scope| &scope.relations);
    if let Some(row) = written.pick_exact(rows().filter_map(|relation| relation.name.as_deref())) {
        return Some(Found::Row(row.to_owned()));
    }
    if scopes
        .iter()
        .flat_map(|scope| &scope.relations)
        .any(|relation| relation.open)
    {
        return Some(Found::Unknown);
    }
    find_column(scopes, loosely)
}

/// Whether a column is called exactly so.
pub(super) fn is_column(scopes: &[Scope], written: &Written) -> bool {
    scopes
        .iter()
        .flat_map(|scope| &scope.relations)
        .any(|relation| relation.columns.contains(&written.exact))
}

fn find_column(scopes: &[Scope], column_of: impl Fn(&Relation) -> Option<String>) -> Option<Found> {
    for (depth, scope) in scopes.iter().enumerate().rev() {
        let found: Vec<(&Relation, String)> = scope
            .relations
            .iter()
            .filter_map(|relation| Some((relation, column_of(relation)?)))
            .collect();
        let Some((relation, name)) = found.first() else {
            continue;
        };
        let one_spelling = found.iter().all(|(_, other)| other == name);
        if found.len() == 1 {
            return Some(Found::Column {
                name: name.clone(),
                scope: depth,
                relation: relation.name.clone().filter(|_| !scope.merged.contains(name)),
            });
        }
        if one_spelling && scope.merged.contains(name) {
            return Some(Found::Column {
                name: name.clone(),
                scope: depth,
                relation: None,
            });
        }
        return Some(Found::Ambiguous(
            found
                .iter()
                .map(|(relation, name)| match &relation.name {
                    Some(table) => format!("{table}.{name}"),
                    None => name.clone(),
                })
                .collect(),
        ));
    }
    None
}

/// Finds a relation by the name columns are qualified with, innermost scope first; with it the scope (0 is
/// the outermost).
pub(super) fn find_relation<'s>(
    scopes: &'s [Scope],
    schema: Option<&Written>,
    written: &Written,
) -> Option<(usize, &'s Relation)> {
    let fits_schema = |relation: &Relation| match (schema, &relation.schema) {
        (None, _) => true,
        (Some(schema), Some(own)) => schema.pick(std::iter::once(own.as_str())).is_some(),
        (Some(_), None) => false,
    };
    let candidates = || {
        scopes
            .iter()
            .enumerate()
            .rev()
            .flat_map(|(depth, scope)| scope.relations.iter().map(move |relation| (depth, relation)))
            .filter(|(_, relation)| fits_schema(relation))
    };
    let names = || candidates().filter_map(|(_, relation)| relation.name.as_deref());
    let name = written.pick(names())?;
    candidates().find(|(_, relation)| relation.name.as_deref() == Some(name))
}

/// Real names near a wrong one, best first, five at most; all of a short list when nothing is near.
pub(in crate::guard) fn nearest(wrong: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    let wrong = wrong.to_lowercase();
    let mut scored: Vec<(f64, String)> = names
        .map(|name| {
            let last = name.rsplit('.').next().unwrap_or(&name).to_lowercase();
            let whole = strsim::jaro_winkler(&wrong, &last);
            // `total` should find `order_total`, which letter by letter is far away.
            let inside = last.contains(&wrong) || (last.len() > 2 && wrong.contains(&last));
            (if inside { whole.max(0.9) } else { whole }, name)
        })
        .collect();
    scored.sort_by(|(a, left), (b, right)| b.total_cmp(a).then_with(|| left.cmp(right)));
    scored.dedup_by(|(_, left), (_, right)| left == right);
    let near = scored.iter().filter(|(score, _)| *score >= 0.75).count();
    let take = if near > 0 { near.min(5) } else { 5 };
    scored.into_iter().take(take).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(relations: &[(&str, &[&str])]) -> Scope {
        Scope {
            relations: relations
                .iter()
                .map(|(name, columns)| Relation {
                    name: Some((*name).into()),
                    columns: columns.iter().map(|c| (*c).into()).collect(),
                    ..Relation::default()
                })
                .collect(),
            merged: Vec::new(),
        }
    }

    #[test]
    fn an_exact_name_further_out_goes_before_a_loose_one_near() {
        let scopes = [scope(&[("outer", &["total"])]), scope(&[("inner", &["Total"])])];
        let found = find(&scopes, &Written::new(&Ident::new("total"), Dialect::Postgresql));
        let Some(Found::Column { name, scope, .. }) = found else {
            panic!("{found:?}");
        };
        assert_eq!((name.as_str(), scope), ("total", 0));
    }

    #[test]
    fn a_name_that_differs_in_case_alone_is_found_only_when_it_is_the_only_one() {
        let one = [scope(&[("t", &["Total"])])];
        assert!(find(&one, &Written::new(&Ident::new("TOTAL"), Dialect::Postgresql)).is_some());
        let two = [scope(&[("t", &["Total", "TOTAL"])])];
        assert_eq!(
            find(&two, &Written::new(&Ident::new("total"), Dialect::Postgresql)),
            None
        );
    }

    #[test]
    fn near_names_come_first() {
        let names = ["customer_id", "order_total", "created_at", "note"].map(String::from);
        assert_eq!(nearest("total", names.clone().into_iter()), ["order_total"]);
        assert_eq!(nearest("custmer_id", names.into_iter())[0], "customer_id");
    }
}
