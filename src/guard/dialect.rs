//! PostgreSQL's dialect with a budget: some texts make the parser try both ways at every level, which takes
//! exponential time. Every attempt passes `parse_prefix`, so that is where attempts are counted.

use std::any::TypeId;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlparser::ast::Expr;
use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};

/// One parse of one text.
#[derive(Debug)]
pub(super) struct Budgeted {
    attempts_left: AtomicUsize,
    argument_names: ArgumentNames,
}

/// How the names of named arguments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArgumentNames {
    /// As plain names, which is what PostgreSQL has.
    Plain,
    /// As any expression, which parses every argument twice: what DataFusion's own parse will do.
    Computed,
}

const BASE: PostgreSqlDialect = PostgreSqlDialect {};

impl Budgeted {
    /// `attempts`: how many expressions may be begun.
    pub fn new(attempts: usize, argument_names: ArgumentNames) -> Budgeted {
        Budgeted {
            attempts_left: AtomicUsize::new(attempts),
            argument_names,
        }
    }
}

macro_rules! as_postgresql {
    ($($method:ident)*) => {
        $(fn $method(&self) -> bool { BASE.$method() })*
    };
}

impl Dialect for Budgeted {
    /// The parser also asks for the type, to allow what only PostgreSQL has.
    fn dialect(&self) -> TypeId {
        BASE.dialect()
    }

    fn parse_prefix(&self, _: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let left = self.attempts_left.load(Ordering::Relaxed);
        self.attempts_left
            .store(left.saturating_sub(1), Ordering::Relaxed);
        // This error is the one that ends all attempts further up as well.
        (left == 0).then_some(Err(ParserError::RecursionLimitExceeded))
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        BASE.identifier_quote_style(identifier)
    }
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        BASE.is_delimited_identifier_start(ch)
    }
    fn is_identifier_start(&self, ch: char) -> bool {
        BASE.is_identifier_start(ch)
    }
    fn is_identifier_part(&self, ch: char) -> bool {
        BASE.is_identifier_part(ch)
    }
    fn is_reserved_for_identifier(&self, kw: Keyword) -> bool {
        BASE.is_reserved_for_identifier(kw)
    }
    fn is_custom_operator_part(&self, ch: char) -> bool {
        BASE.is_custom_operator_part(ch)
    }
    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        BASE.get_next_precedence(parser)
    }
    fn prec_value(&self, prec: Precedence) -> u8 {
        BASE.prec_value(prec)
    }

    as_postgresql! {
        supports_unicode_string_literal
        supports_filter_during_aggregation
        supports_group_by_expr
        allow_extract_custom
        allow_extract_single_quotes
        supports_factorial_operator
        supports_bitwise_shift_operators
        supports_empty_projections
        supports_nested_comments
        supports_string_escape_constant
        supports_numeric_literal_underscores
        supports_array_typedef_with_brackets
        supports_geometric_types
        supports_notnull_operator
        supports_interval_options
        supports_select_wildcard_with_alias
        supports_comma_separated_trim
    }

    fn supports_named_fn_args_with_expr_name(&self) -> bool {
        self.argument_names == ArgumentNames::Computed
    }
}
