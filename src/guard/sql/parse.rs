//! From text to tree: one statement that begins like a query, within bounds of length, depth and time. What
//! the tree may hold is not judged here.

use sqlparser::ast::Statement;
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use super::MAX_DEPTH;
use crate::catalog::Dialect;
use crate::error::{Error, Result, SourceFault};
use crate::guard::dialect::{ArgumentNames, Budgeted};
use crate::guard::syntax::{refused, shortened};

/// Brackets within brackets at most, before anything is parsed.
const MAX_BRACKETS: usize = 48;

/// One statement that begins like a query. Texts between quotes stay as they were written, because the writer
/// cannot be trusted to quote them again.
pub(super) fn parse(sql: &str, dialect: Dialect, argument_names: ArgumentNames) -> Result<Statement> {
    // Some databases would take it for the end of the text.
    if sql.contains('\0') {
        return Err(syntax_error("there is a zero byte in it"));
    }
    let source = dialect;
    // Twice as many attempts as any plain query of this length needs.
    let dialect = Budgeted::new(source, sql.len() + 10_000, argument_names);
    let tokens = Tokenizer::new(&dialect, sql)
        .with_unescape(false)
        .tokenize_with_location()
        .map_err(|error| syntax_error(&error.to_string()))?;
    if source == Dialect::Mysql {
        tokens
            .iter()
            .try_for_each(|token| without_two_meanings(&token.token))?;
    }
    let mut words = tokens
        .iter()
        .map(|token| &token.token)
        .filter(|token| !matches!(token, Token::Whitespace(_) | Token::LParen | Token::SemiColon));
    match words.next() {
        Some(Token::Word(word)) => {
            let first = word.value.to_ascii_uppercase();
            if !["SELECT", "WITH", "VALUES"].contains(&first.as_str()) || word.quote_style.is_some() {
                return Err(Error::Refused(format!(
                    "Only a SELECT may run; this begins with {}.",
                    shortened(&first)
                )));
            }
        }
        Some(other) => {
            return Err(syntax_error(&format!(
                "a query cannot begin with {}",
                shortened(other)
            )));
        }
        None => return Err(syntax_error("there is no query in it")),
    }
    let mut open = 0_usize;
    for token in &tokens {
        match token.token {
            Token::LParen | Token::LBracket | Token::LBrace => open += 1,
            Token::RParen | Token::RBracket | Token::RBrace => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_BRACKETS {
            return Err(too_deep());
        }
    }
    let mut statements = Parser::new(&dialect)
        .with_options(ParserOptions::new().with_unescape(false))
        .with_recursion_limit(MAX_DEPTH)
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .map_err(|error| match error {
            ParserError::RecursionLimitExceeded => too_deep(),
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => syntax_error(&text),
        })?;
    match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        _ => Err(Error::Refused(
            "Only one statement may run at a time; send a single SELECT.".into(),
        )),
    }
}

/// A query that we wrote ourselves, as a tree.
pub(in crate::guard) fn parse_own(sql: &str, dialect: Dialect) -> Result<Statement> {
    parse(sql, dialect, ArgumentNames::Plain)
}

/// What one MySQL server reads otherwise than the next. Errors: `Refused` for a comment that may be run,
/// `Source` of kind `Syntax` for double quotes.
fn without_two_meanings(token: &Token) -> Result<()> {
    match token {
        Token::Whitespace(Whitespace::MultiLineComment(text))
            if text.starts_with('!') || text.starts_with("M!") || text.starts_with('+') =>
        {
            Err(refused("A comment that the database may run"))
        }
        Token::DoubleQuotedString(_) => Err(syntax_error(
            "double quotes may mean a text or a name; write 'texts' and `names`",
        )),
        _ => Ok(()),
    }
}

fn syntax_error(text: &str) -> Error {
    Error::source(
        SourceFault::Syntax,
        format!("The query is not valid SQL: {}.", text.trim_end_matches('.')),
    )
}

pub(super) fn too_deep() -> Error {
    Error::Refused("The query is nested too deeply; write it with fewer levels.".into())
}
