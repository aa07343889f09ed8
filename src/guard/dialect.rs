//! The parser's dialects with a budget: some texts make the parser try both ways at every level, which takes
//! exponential time. Every attempt passes `parse_prefix`, so that is where attempts are counted.
//!
//! What a dialect only has for other statements than queries is not passed on.

use std::any::TypeId;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlparser::ast::Expr;
use sqlparser::dialect::{Dialect, MySqlDialect, PostgreSqlDialect, Precedence, SQLiteDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};

use crate::catalog;

/// One parse of one text.
#[derive(Debug)]
pub(super) struct Budgeted {
    base: &'static dyn Dialect,
    attempts_left: AtomicUsize,
    argument_names: ArgumentNames,
}

/// How the names of named arguments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArgumentNames {
    /// As plain names, which is what databases have.
    Plain,
    /// As any expression, which parses every argument twice: what DataFusion's own parse will do.
    Computed,
}

impl Budgeted {
    /// `attempts`: how many expressions may be begun.
    pub fn new(dialect: catalog::Dialect, attempts: usize, argument_names: ArgumentNames) -> Budgeted {
        Budgeted {
            base: match dialect {
                // DataFusion reads what PostgreSQL does; MongoDB's queries never come here.
                catalog::Dialect::Postgresql | catalog::Dialect::Datafusion | catalog::Dialect::Mongodb => {
                    &PostgreSqlDialect {}
                }
                catalog::Dialect::Mysql => &MySqlDialect {},
                catalog::Dialect::Sqlite => &SQLiteDialect {},
            },
            attempts_left: AtomicUsize::new(attempts),
            argument_names,
        }
    }
}

macro_rules! as_the_base {
    ($($method:ident)*) => {
        $(fn $method(&self) -> bool { self.base.$method() })*
    };
}

impl Dialect for Budgeted {
    /// The parser also asks for the type, to allow what only one dialect has.
    fn dialect(&self) -> TypeId {
        self.base.dialect()
    }

    fn parse_prefix(&self, _: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let left = self.attempts_left.load(Ordering::Relaxed);
        self.attempts_left
            .store(left.saturating_sub(1), Ordering::Relaxed);
        // This error is the one that ends all attempts further up as well.
        (left == 0).then_some(Err(ParserError::RecursionLimitExceeded))
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        expr: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        self.base.parse_infix(parser, expr, precedence)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        self.base.identifier_quote_style(identifier)
    }
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        self.base.is_delimited_identifier_start(ch)
    }
    /// Without the variables of MySQL, which begin with `@`.
    fn is_identifier_start(&self, ch: char) -> bool {
        ch != '@' && self.base.is_identifier_start(ch)
    }
    fn is_identifier_part(&self, ch: char) -> bool {
        ch != '@' && self.base.is_identifier_part(ch)
    }
    fn is_reserved_for_identifier(&self, kw: Keyword) -> bool {
        self.base.is_reserved_for_identifier(kw)
    }
    fn is_custom_operator_part(&self, ch: char) -> bool {
        self.base.is_custom_operator_part(ch)
    }
    fn is_table_factor_alias(&self, explicit: bool, kw: &Keyword, parser: &mut Parser) -> bool {
        self.base.is_table_factor_alias(explicit, kw, parser)
    }
    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        self.base.get_next_precedence(parser)
    }
    fn prec_value(&self, prec: Precedence) -> u8 {
        self.base.prec_value(prec)
    }

    as_the_base! {
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
        supports_string_literal_backslash_escape
        supports_string_literal_concatenation
        ignores_wildcard_escapes
        require_interval_qualifier
        supports_limit_comma
        requires_single_line_comment_whitespace
        supports_cross_join_constraint
        supports_double_ampersand_operator
        supports_in_empty_list
        supports_data_type_signed_suffix
    }

    fn supports_named_fn_args_with_expr_name(&self) -> bool {
        self.argument_names == ArgumentNames::Computed
    }
}
