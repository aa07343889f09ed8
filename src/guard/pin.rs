//! Ties the bare names of a query to a schema, where a database would otherwise look for them along a search
//! path on which somebody may have put something else of the same name.
//!
//! The text is the checked one and stays it: only schemas are put before names, at the places where the parser
//! found them. Which schema that is, the source says. It judges nothing (that is `sql`) and looks nothing up in
//! the catalog (that is `names`).

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, ArrayElemTypeDef, DataType, Expr, FunctionArguments, Ident, ObjectName, ObjectNamePart,
    Query, TableFactor, Visit, Visitor,
};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::dialect::{ArgumentNames, Budgeted};
use super::sql::{self, unquoted};
use crate::catalog::Dialect;
use crate::error::{Error, Result};

/// Calls with a grammar of their own, which the parser keeps without a name to point at.
const SPELLED_OUT: [&str; 5] = ["ceil", "floor", "substring", "substr", "unnest"];

/// A bare name in a query, as the database reads it (letters folded unless quoted).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name<'t> {
    /// A function that is called; not what is grammar rather than a function, such as `extract(year FROM t)`.
    Function(&'t str),
    /// A relation that is no common table expression.
    Table(&'t str),
    /// A type to cast to.
    Type(&'t str),
    /// What stands after the dot in `(value).name`.
    Field(&'t str),
}

/// `query` with `home(name)` put before each of its bare names, as it is written there, quoted if need be; None
/// leaves a name as it is. What is no single query that can be parsed comes back as it is. Errors: those of
/// `home`.
pub fn pinned(
    query: &str,
    dialect: Dialect,
    home: &dyn Fn(Name<'_>) -> Result<Option<String>>,
) -> Result<String> {
    stacker::grow(sql::STACK, || {
        let Ok(statement) = sql::parse_own(query, dialect) else {
            return Ok(query.to_owned());
        };
        let tokenizer_dialect = Budgeted::new(dialect, 0, ArgumentNames::Plain);
        let tokens = Tokenizer::new(&tokenizer_dialect, query)
            .with_unescape(false)
            .tokenize_with_location()
            .map_err(Error::internal)?;
        let mut finder = Finder {
            places: Places::of(query),
            home,
            ctes: HashSet::new(),
            found: BTreeMap::new(),
        };
        if let ControlFlow::Break(error) = statement.visit(&mut finder) {
            return Err(error);
        }
        finder.spelled_out(&tokens)?;
        let mut text = String::with_capacity(query.len() + 16 * finder.found.len());
        let mut from = 0;
        for (at, schema) in &finder.found {
            text.push_str(query.get(from..*at).unwrap_or_default());
            text.push_str(schema);
            text.push('.');
            from = *at;
        }
        text.push_str(query.get(from..).unwrap_or_default());
        Ok(text)
    })
}

/// Where lines begin, to turn the parser's places into bytes.
struct Places<'t> {
    text: &'t str,
    lines: Vec<usize>,
}

impl Places<'_> {
    fn of(text: &str) -> Places<'_> {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Places {
            text,
            lines: std::iter::once(0).chain(after).collect(),
        }
    }

    fn byte(&self, place: Location) -> Option<usize> {
        let line = usize::try_from(place.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
        let start = *self.lines.get(line)?;
        let (offset, _) = self.text.get(start..)?.char_indices().nth(column)?;
        Some(start + offset)
    }
}

/// Walks a tree and notes what is to be put where.
struct Finder<'t, 'h> {
    places: Places<'t>,
    home: &'h dyn Fn(Name<'_>) -> Result<Option<String>>,
    /// Names of common table expressions, wherever they are defined.
    ctes: HashSet<String>,
    found: BTreeMap<usize, String>,
}

impl Finder<'_, '_> {
    fn note(&mut self, at: Location, name: Name<'_>) -> Result<()> {
        let Some(schema) = (self.home)(name)? else {
            return Ok(());
        };
        let at = self
            .places
            .byte(at)
            .ok_or_else(|| Error::Internal("a name of the query has no place in its text".into()))?;
        self.found.insert(at, schema);
        Ok(())
    }

    fn bare(name: &ObjectName) -> Option<&Ident> {
        match name.0.as_slice() {
            [ObjectNamePart::Identifier(only)] => Some(only),
            _ => None,
        }
    }

    fn function(&mut self, name: &ObjectName) -> Result<()> {
        match Self::bare(name) {
            Some(ident) => self.note(ident.span.start, Name::Function(&folded(ident))),
            None => Ok(()),
        }
    }

    fn data_type(&mut self, target: &DataType) -> Result<()> {
        match target {
            DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => self.data_type(element),
            DataType::Custom(name, _) => match Self::bare(name) {
                Some(ident) => self.note(ident.span.start, Name::Type(&folded(ident))),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn expr(&mut self, expr: &Expr) -> Result<()> {
        match expr {
            Expr::Function(call) if matches!(call.args, FunctionArguments::List(_)) => {
                self.function(&call.name)
            }
            Expr::Cast { data_type, .. } => self.data_type(data_type),
            Expr::TypedString(typed) => self.data_type(&typed.data_type),
            Expr::CompoundFieldAccess { access_chain, .. } => {
                access_chain.iter().try_for_each(|access| match access {
                    AccessExpr::Dot(Expr::Identifier(ident)) => {
                        self.note(ident.span.start, Name::Field(&folded(ident)))
                    }
                    _ => Ok(()),
                })
            }
            _ => Ok(()),
        }
    }

    fn table(&mut self, table: &TableFactor) -> Result<()> {
        match table {
            TableFactor::Table { name, args: None, .. } => match Self::bare(name) {
                Some(ident) if !self.ctes.contains(&folded(ident)) => {
                    self.note(ident.span.start, Name::Table(&folded(ident)))
                }
                _ => Ok(()),
            },
            TableFactor::Table {
                name, args: Some(_), ..
            }
            | TableFactor::Function { name, .. } => self.function(name),
            _ => Ok(()),
        }
    }

    /// The calls that the tree keeps no name of; those with words between their arguments are grammar.
    fn spelled_out(&mut self, tokens: &[TokenWithSpan]) -> Result<()> {
        let tokens: Vec<&TokenWithSpan> = tokens
            .iter()
            .filter(|token| !matches!(token.token, Token::Whitespace(_)))
            .collect();
        for (at, pair) in tokens.windows(2).enumerate() {
            let [word, open] = pair else { continue };
            let (Token::Word(name), Token::LParen) = (&word.token, &open.token) else {
                continue;
            };
            let lower = name.value.to_ascii_lowercase();
            let is_qualified = at > 0 && tokens.get(at - 1).is_some_and(|t| t.token == Token::Period);
            if name.quote_style.is_some() || is_qualified || !SPELLED_OUT.contains(&lower.as_str()) {
                continue;
            }
            let (mut depth, mut is_grammar) = (0_usize, false);
            for token in &tokens[at + 1..] {
                match &token.token {
                    Token::LParen | Token::LBracket => depth += 1,
                    Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
                    // Several lists side by side are PostgreSQL's own business.
                    Token::Comma if depth == 1 && lower == "unnest" => is_grammar = true,
                    Token::Word(inner) if depth == 1 && inner.quote_style.is_none() => {
                        is_grammar |= ["FROM", "FOR", "SIMILAR"]
                            .iter()
                            .any(|word| inner.value.eq_ignore_ascii_case(word));
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            if !is_grammar {
                self.note(word.span.start, Name::Function(&lower))?;
            }
        }
        Ok(())
    }
}

/// A name as PostgreSQL reads it.
fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => unquoted(ident),
        None => ident.value.to_ascii_lowercase(),
    }
}

impl Visitor for Finder<'_, '_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.ctes.extend(ctes.map(|cte| folded(&cte.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        go_on(self.expr(expr))
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<Error> {
        go_on(self.table(table))
    }
}

fn go_on(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(query: &str) -> String {
        pinned(query, Dialect::Postgresql, &|name| {
            Ok(match name {
                Name::Function(name) => (name != "coalesce").then(|| "f".into()),
                Name::Table(_) => Some("t".into()),
                Name::Type(_) => Some("\"T\"".into()),
                Name::Field(_) => None,
            })
        })
        .expect("nothing is refused")
    }

    #[test]
    fn schemas_come_before_bare_names_and_nothing_else_changes() {
        for (query, expected) in [
            (
                "SELECT lower(name), \"Max\"(a), g.h(1) FROM orders AS o",
                "SELECT f.lower(name), f.\"Max\"(a), g.h(1) FROM t.orders AS o",
            ),
            (
                "SELECT count(*) FILTER (WHERE coalesce(a, 1) > 0) OVER (ORDER BY sum(b)) FROM s.t",
                "SELECT f.count(*) FILTER (WHERE coalesce(a, 1) > 0) OVER (ORDER BY f.sum(b)) FROM s.t",
            ),
            (
                "WITH w AS (SELECT 1) SELECT 'é\n', x::mood[], CAST(y AS numeric(9, 2)) FROM w, v",
                "WITH w AS (SELECT 1) SELECT 'é\n', x::\"T\".mood[], CAST(y AS numeric(9, 2)) FROM w, t.v",
            ),
            (
                "SELECT SUBSTRING(a, 1, 2), SUBSTRING(a FROM 1 FOR 2), CEIL(b), FLOOR(max(c)), substr(a, 2)",
                "SELECT f.SUBSTRING(a, 1, 2), SUBSTRING(a FROM 1 FOR 2), f.CEIL(b), f.FLOOR(f.max(c)), \
                 f.substr(a, 2)",
            ),
            (
                "SELECT * FROM UNNEST(ARRAY[1, 2]) AS u, unnest(a, b), generate_series(1, 2) AS g, LATERAL h(1)",
                "SELECT * FROM f.UNNEST(ARRAY[1, 2]) AS u, unnest(a, b), f.generate_series(1, 2) AS g, \
                 LATERAL f.h(1)",
            ),
            (
                "SELECT EXTRACT(YEAR FROM d), TRIM(a), POSITION('x' IN a), current_date, date '2024-01-01'",
                "SELECT EXTRACT(YEAR FROM d), TRIM(a), POSITION('x' IN a), current_date, date '2024-01-01'",
            ),
            (
                "SELECT lower(1); SELECT lower(2)",
                "SELECT lower(1); SELECT lower(2)",
            ),
            ("not a query", "not a query"),
        ] {
            assert_eq!(pin(query), expected);
        }
    }

    #[test]
    fn whoever_knows_the_names_may_refuse() {
        let refused = pinned(
            "SELECT (o).trap FROM orders o",
            Dialect::Postgresql,
            &|name| match name {
                Name::Field("trap") => Err(Error::Refused("no".into())),
                _ => Ok(None),
            },
        );
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    }
}
