//! The SQL allow-list: exactly one query, made of known syntax, relations and functions only.
//!
//! It knows no catalog: whether a table or column exists is the business of `names`. It is one of four
//! layers; the others (protocol, transaction, role) hold without it.

use sqlparser::ast::{
    Cte, Distinct, Expr, Fetch, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, LimitClause,
    NamedWindowExpr, ObjectName, ObjectNamePart, Offset, OffsetRows, OrderBy, OrderByKind, Query, Select,
    SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetQuantifier, Statement, TableAlias,
    TableFactor, TableWithJoins, WildcardAdditionalOptions, With,
};
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use super::dialect::{ArgumentNames, Budgeted};
use super::functions;
use super::stack;
use super::syntax::{self, Walk, refused, shortened};
use crate::catalog::Dialect;
use crate::error::{Error, Result, SourceFault};

/// SQL text at most, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// Levels of the tree at most. What passes can be written out, copied and dropped on an ordinary stack.
const MAX_DEPTH: usize = 256;
/// Brackets within brackets at most, before anything is parsed.
const MAX_BRACKETS: usize = 48;
/// Joins in a row at most: planning takes longer with each.
const MAX_JOINS: usize = 64;
/// Stack for parsing, in bytes: enough for the deepest tree that 64 KiB of text can describe.
const STACK: usize = 512 * 1024 * 1024;

/// A statement that passed the guard.
#[derive(Debug, Clone)]
pub struct Guarded {
    pub statement: Statement,
    /// Of the text it came from, see [`stack::size`].
    pub(super) size: usize,
}

impl Guarded {
    /// The query to run: the tree written out again, never the original text.
    pub fn text(&self) -> String {
        self.statement.to_string()
    }
}

/// Parses `sql` and lets only a single read-only query through. Errors: `Source` of kind `Syntax` when it
/// does not parse, `Refused` naming what is not allowed.
pub fn check(sql: &str, dialect: Dialect) -> Result<Guarded> {
    if dialect == Dialect::Mongodb {
        return Err(Error::Refused("SQL is not allowed here.".into()));
    }
    if sql.len() > MAX_BYTES {
        return Err(Error::Refused(format!(
            "The query is {} KiB long; at most {} KiB are allowed.",
            sql.len().div_ceil(1024),
            MAX_BYTES / 1024
        )));
    }
    // Whatever is too deep is also dropped in there.
    let size = stack::size(sql);
    stack::with_room(size, STACK, || {
        let mut statement = parse(sql, dialect, ArgumentNames::Plain)?;
        let read = statement.clone();
        let mut guard = Guard {
            dialect,
            depth: 0,
            ctes: Vec::new(),
        };
        guard.statement(&mut statement)?;
        // The writer and the parser have to agree on what the text means, or the tree that was checked is
        // not the query that runs.
        let written = statement.to_string();
        let names = match dialect {
            // This also proves that DataFusion's own parser will not take for ever.
            Dialect::Datafusion => ArgumentNames::Computed,
            // The text that was read already, as at an agent, which is sent what was written here before:
            // reading it again would give the same tree.
            _ if written == sql && read == statement => return Ok(Guarded { statement, size }),
            _ => ArgumentNames::Plain,
        };
        let again = parse(&written, dialect, names);
        match again {
            Ok(again) if again == statement => Ok(Guarded { statement, size }),
            Err(error @ Error::Refused(_)) => Err(error),
            _ => Err(Error::Refused(
                "The query could not be written out again unchanged, so it does not run; write it more \
                 plainly."
                    .into(),
            )),
        }
    })
}

/// One statement that begins like a query. Texts between quotes stay as they were written, because the writer
/// cannot be trusted to quote them again.
fn parse(sql: &str, dialect: Dialect, argument_names: ArgumentNames) -> Result<Statement> {
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
pub(super) fn parse_own(sql: &str, dialect: Dialect) -> Result<Statement> {
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

fn too_deep() -> Error {
    Error::Refused("The query is nested too deeply; write it with fewer levels.".into())
}

/// Walks the whole statement.
struct Guard {
    dialect: Dialect,
    depth: usize,
    /// Names of common table expressions seen so far: these may be called what they like.
    ctes: Vec<String>,
}

impl Guard {
    fn deeper<T>(&mut self, step: impl FnOnce(&mut Guard) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(too_deep());
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    fn statement(&mut self, statement: &mut Statement) -> Result<()> {
        match statement {
            Statement::Query(query) => self.query(query),
            other => Err(refused(format_args!("The statement {}", shortened(other)))),
        }
    }

    fn with(&mut self, with: &mut With) -> Result<()> {
        for Cte {
            alias, query, from, ..
        } in &mut with.cte_tables
        {
            self.alias(alias)?;
            if from.is_some() {
                return Err(refused("FROM after a common table expression"));
            }
            self.ctes.push(alias.name.value.to_ascii_lowercase());
            self.query(query)?;
        }
        Ok(())
    }

    fn set_expr(&mut self, body: &mut SetExpr) -> Result<()> {
        self.deeper(|guard| match body {
            SetExpr::Select(select) => guard.select(select),
            SetExpr::Query(query) => guard.query(query),
            SetExpr::SetOperation {
                left,
                right,
                set_quantifier,
                ..
            } => {
                if matches!(
                    set_quantifier,
                    SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName
                ) {
                    return Err(refused("BY NAME"));
                }
                guard.set_expr(left)?;
                guard.set_expr(right)
            }
            SetExpr::Values(values) => {
                if values.explicit_row || values.value_keyword {
                    return Err(refused("VALUES ROW(…)"));
                }
                for row in &mut values.rows {
                    for expr in row.iter_mut() {
                        guard.expr(expr)?;
                    }
                }
                Ok(())
            }
            SetExpr::Insert(_) => Err(refused("INSERT")),
            SetExpr::Update(_) => Err(refused("UPDATE")),
            SetExpr::Delete(_) => Err(refused("DELETE")),
            SetExpr::Merge(_) => Err(refused("MERGE")),
            SetExpr::Table(_) => Err(refused("TABLE (instead of SELECT * FROM)")),
        })
    }

    fn select(&mut self, select: &mut Select) -> Result<()> {
        // Every field is named, so that a new version of the parser cannot bring one that nobody looks at.
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        if into.is_some() {
            return Err(refused("SELECT INTO, which makes a table,"));
        }
        for (present, what) in [
            (!optimizer_hints.is_empty(), "An optimizer hint"),
            (select_modifiers.is_some(), "A modifier after SELECT"),
            (top.is_some(), "TOP (instead of LIMIT)"),
            (exclude.is_some(), "EXCLUDE"),
            (!lateral_views.is_empty(), "LATERAL VIEW"),
            (prewhere.is_some(), "PREWHERE"),
            (!connect_by.is_empty(), "CONNECT BY"),
            (!cluster_by.is_empty(), "CLUSTER BY"),
            (!distribute_by.is_empty(), "DISTRIBUTE BY"),
            (!sort_by.is_empty(), "SORT BY"),
            (value_table_mode.is_some(), "SELECT AS VALUE or STRUCT"),
            (*flavor != SelectFlavor::Standard, "A query that begins with FROM"),
            (
                qualify.is_some() && self.dialect != Dialect::Datafusion,
                "QUALIFY",
            ),
        ] {
            if present {
                return Err(refused(what));
            }
        }
        for table in from {
            self.table_with_joins(table)?;
        }
        for item in projection {
            self.select_item(item)?;
        }
        if let Some(Distinct::On(exprs)) = distinct {
            self.exprs(exprs)?;
        }
        match group_by {
            GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => self.exprs(exprs)?,
            _ => return Err(refused("GROUP BY ALL, or GROUP BY with a modifier after it,")),
        }
        for expr in [selection, having, qualify].into_iter().flatten() {
            self.expr(expr)?;
        }
        for window in named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                syntax::window(spec, self)?;
            }
        }
        Ok(())
    }

    fn select_item(&mut self, item: &mut SelectItem) -> Result<()> {
        match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => self.expr(expr),
            SelectItem::Wildcard(options)
            | SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(_), options) => {
                let WildcardAdditionalOptions {
                    wildcard_token: _,
                    opt_ilike: None,
                    opt_exclude: None,
                    opt_except: None,
                    opt_replace: None,
                    opt_rename: None,
                    opt_alias: None,
                } = options
                else {
                    return Err(refused("A wildcard with options"));
                };
                Ok(())
            }
            other => Err(refused(format_args!("The output {}", shortened(other)))),
        }
    }

    fn table_with_joins(&mut self, table: &mut TableWithJoins) -> Result<()> {
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
    fn function_name(&self, name: &ObjectName) -> Result<String> {
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

    fn alias(&self, alias: &TableAlias) -> Result<()> {
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

    fn exprs(&mut self, exprs: &mut [Expr]) -> Result<()> {
        exprs.iter_mut().try_for_each(|expr| self.expr(expr))
    }

    fn query_here(&mut self, query: &mut Query) -> Result<()> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if !locks.is_empty() {
            return Err(refused("FOR UPDATE or FOR SHARE, which locks rows,"));
        }
        for (present, what) in [
            (for_clause.is_some(), "FOR XML, JSON or BROWSE"),
            (settings.is_some(), "SETTINGS"),
            (format_clause.is_some(), "FORMAT"),
            (!pipe_operators.is_empty(), "A pipe operator"),
        ] {
            if present {
                return Err(refused(what));
            }
        }
        if let Some(with) = with {
            self.with(with)?;
        }
        self.set_expr(body)?;
        match order_by {
            None => {}
            Some(OrderBy {
                kind: OrderByKind::Expressions(order),
                interpolate: None,
            }) => syntax::order_by(order, self)?,
            Some(_) => return Err(refused("ORDER BY ALL or INTERPOLATE")),
        }
        if let Some(LimitClause::OffsetCommaLimit { offset, limit }) = limit_clause {
            *limit_clause = Some(LimitClause::LimitOffset {
                limit: Some(limit.clone()),
                offset: Some(Offset {
                    value: offset.clone(),
                    rows: OffsetRows::None,
                }),
                limit_by: Vec::new(),
            });
        }
        match limit_clause {
            None => {}
            Some(LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) if limit_by.is_empty() => {
                for expr in [limit.as_mut(), offset.as_mut().map(|offset| &mut offset.value)]
                    .into_iter()
                    .flatten()
                {
                    self.expr(expr)?;
                }
            }
            Some(_) => return Err(refused("LIMIT BY (instead of LIMIT … OFFSET …)")),
        }
        if let Some(Fetch {
            percent, quantity, ..
        }) = fetch
        {
            if *percent {
                return Err(refused("FETCH … PERCENT"));
            }
            if let Some(quantity) = quantity {
                self.expr(quantity)?;
            }
        }
        Ok(())
    }
}

impl Walk for Guard {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn expr(&mut self, expr: &mut Expr) -> Result<()> {
        self.deeper(|guard| {
            if let Expr::Function(call) = expr
                && !functions::is_allowed(&guard.function_name(&call.name)?, guard.dialect)
            {
                return Err(unknown_function(&call.name, guard.dialect));
            }
            syntax::walk(expr, guard)
        })
    }

    fn query(&mut self, query: &mut Query) -> Result<()> {
        self.deeper(|guard| guard.query_here(query))
    }

    fn relation(&mut self, _: &mut ObjectName) -> Result<()> {
        Ok(())
    }

    fn window(&mut self, _: &mut Ident) -> Result<()> {
        Ok(())
    }
}

fn unknown_function(name: &ObjectName, dialect: Dialect) -> Error {
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

/// The plain parts of a name.
pub(super) fn identifiers(name: &ObjectName) -> Result<Vec<&Ident>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Ok(ident),
            ObjectNamePart::Function(_) => Err(refused(format_args!("The name {name}"))),
        })
        .collect()
}

/// What an identifier says: in the tree a doubled quote is still doubled.
pub(super) fn unquoted(ident: &Ident) -> String {
    match ident.quote_style {
        // SQLite's [name] has no way to write the bracket that ends it.
        Some('[') => ident.value.clone(),
        Some(quote) => ident
            .value
            .replace(&format!("{quote}{quote}"), &quote.to_string()),
        None => ident.value.clone(),
    }
}
