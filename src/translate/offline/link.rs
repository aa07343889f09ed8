//! Links the words of the question to what they may mean: phrases of the lexicon, dates, and names and values
//! of the catalog. Decides nothing between several meanings; that needs the whole question.

use std::collections::HashSet;

use chrono::NaiveDate;

use super::dates::{self, Span};
use super::lexicon::{self, Grain, Word};
use super::schema::{Col, Schema};
use super::words::{Token, TokenKind};
use crate::catalog::ColumnKind;

/// What a stretch of the question may mean.
#[derive(Debug, Clone)]
pub enum Kind {
    Word(Word),
    Number(f64),
    Quoted(String),
    When(Span),
    /// A part of every date: a month or weekday by name, as numbers.
    Part(Grain, Vec<u32>),
    /// Names of tables and columns, and known values.
    Mention(Mention),
    Unknown,
}

/// A stretch and its meaning.
#[derive(Debug, Clone)]
pub struct Item {
    pub kind: Kind,
    /// As written.
    pub text: String,
    pub lower: String,
    /// The first token covered.
    pub first: usize,
    /// Byte range in the question.
    pub start: usize,
    pub end: usize,
}

/// Candidates for a name or a value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mention {
    pub tables: Vec<(usize, Fit)>,
    pub columns: Vec<(Col, Fit)>,
    pub values: Vec<(Col, String)>,
}

/// How well words fit a name; smaller is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Table and column said, or every word of a longer name.
    Whole,
    /// The words are the name's own.
    Exact,
    /// Part of the name.
    Part,
    /// A word that may stand for the name.
    Synonym,
}

impl Mention {
    fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.columns.is_empty() && self.values.is_empty()
    }

    /// The tables that the words name outright.
    pub fn exact_tables(&self) -> impl Iterator<Item = usize> + '_ {
        self.tables
            .iter()
            .filter(|(_, fit)| *fit <= Fit::Exact)
            .map(|(table, _)| *table)
    }
}

/// The items of a question, in order.
pub fn link(question: &str, tokens: &[Token], schema: &Schema<'_>, today: NaiveDate) -> Vec<Item> {
    let mut items = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        // "the difference between 2024 and 2025" is about two years, not about the time between them.
        let apart = matches!(tokens[i].lower.as_str(), "between" | "from")
            && items
                .iter()
                .any(|item: &Item| matches!(item.kind, Kind::Word(Word::Part(lexicon::Part::Difference))));
        let (len, kind) = if apart {
            (
                1,
                Kind::Word(if tokens[i].lower == "between" {
                    Word::Between
                } else {
                    Word::Prep
                }),
            )
        } else {
            best(tokens, i, schema, today)
        };
        let (start, end) = (tokens[i].start, tokens[i + len - 1].end);
        let text = question.get(start..end).unwrap_or_default().to_owned();
        items.push(Item {
            kind,
            lower: text.to_lowercase(),
            text,
            first: i,
            start,
            end,
        });
        i += len;
    }
    adjectives_last(&mut items, schema);
    items
}

/// "gold customers" is read as "customers gold": a value or a yes-or-no column before a noun is a condition on
/// that noun.
fn adjectives_last(items: &mut [Item], schema: &Schema<'_>) {
    for at in (0..items.len().saturating_sub(1)).rev() {
        let (Kind::Mention(adjective), Kind::Mention(noun)) = (&items[at].kind, &items[at + 1].kind) else {
            continue;
        };
        let named = adjective.exact_tables().next().is_some()
            || adjective.columns.iter().any(|(_, fit)| *fit <= Fit::Exact);
        let value = !adjective.values.is_empty() && !named;
        let boolean = adjective.tables.is_empty()
            && !adjective.columns.is_empty()
            && adjective
                .columns
                .iter()
                .all(|(col, _)| schema.column(*col).kind == ColumnKind::Boolean);
        // After its own column it is that column's value: "category Cones products".
        let after_column =
            at > 0 && matches!(&items[at - 1].kind, Kind::Mention(before) if !before.columns.is_empty());
        if (value || boolean)
            && !after_column
            && noun.exact_tables().next().is_some()
            && noun.values.is_empty()
        {
            items.swap(at, at + 1);
        }
    }
}

fn best(tokens: &[Token], i: usize, schema: &Schema<'_>, today: NaiveDate) -> (usize, Kind) {
    let token = &tokens[i];
    if token.kind == TokenKind::Quoted {
        let values = schema.values(&super::words::tokens(&token.text, &schema.stems));
        let known: Vec<(Col, String)> = values
            .iter()
            .filter(|(_, value)| value.to_lowercase() == token.lower)
            .cloned()
            .collect();
        if known.is_empty() {
            // Names are sometimes put in quotes too.
            let mut named = Mention::default();
            for table in 0..schema.catalog.tables.len() {
                for col in schema.columns(table) {
                    if schema.column(col).name.to_lowercase() == token.lower {
                        named.columns.push((col, Fit::Exact));
                    }
                }
            }
            if !named.is_empty() {
                return (1, Kind::Mention(named));
            }
            return (1, Kind::Quoted(token.text.clone()));
        }
        return (
            1,
            Kind::Mention(Mention {
                values: known,
                ..Mention::default()
            }),
        );
    }
    let words: Vec<&str> = tokens[i..tokens.len().min(i + 5)]
        .iter()
        .take_while(|t| t.kind != TokenKind::Quoted)
        .map(|t| t.lower.as_str())
        .collect();
    let phrase = lexicon::phrase(&words);
    let date = dates::read(tokens, i, today).filter(|(len, span)| {
        // After "more than" and the like a bare year is rather a number.
        !(matches!(token.kind, TokenKind::Number(_))
            && *len == 1
            && span.year.is_some()
            && i > 0
            && matches!(
                tokens[i - 1].lower.as_str(),
                "than"
                    | "above"
                    | "over"
                    | "under"
                    | "below"
                    | "least"
                    | "most"
                    | "exactly"
                    | "top"
                    | "first"
                    | ">"
                    | "<"
                    | ">="
                    | "<="
                    | "="
            ))
    });
    let name = mention(tokens, i, schema);
    let name_len = name.as_ref().map_or(0, |(len, _)| *len);
    let phrase_len = phrase.map_or(0, |(_, len)| len);
    if let Some((len, span)) = date
        && len >= name_len
    {
        return (len, Kind::When(span));
    }
    if let Some((len, grain, numbers)) = dates::part(tokens, i)
        && len > name_len
        && (schema.has_dates || !schema.values_of("saturday").is_empty())
    {
        return (len, Kind::Part(grain, numbers));
    }
    if let Some((len, found)) = name {
        let keyword = phrase.map(|(word, _)| word);
        // Function words are never names; other words of the lexicon yield to a name of the same length only
        // where the data bears that very word.
        let yields = match keyword {
            None => true,
            Some(
                Word::Filler
                | Word::Prep
                | Word::And
                | Word::Or
                | Word::By
                | Word::Each
                | Word::Not
                | Word::Which
                | Word::Who
                | Word::Relative,
            ) => len > phrase_len,
            Some(
                Word::Sum
                | Word::Average
                | Word::Most(_)
                | Word::Highest(_)
                | Word::Top(_)
                | Word::Max
                | Word::Min
                | Word::HowMany
                | Word::NumberOf,
            ) => {
                let named =
                    !found.columns.is_empty() && found.columns.iter().all(|(_, fit)| *fit <= Fit::Exact);
                named && (len > phrase_len || is_measured(tokens, i, len, &found, schema))
            }
            Some(Word::Grain(_)) => found.columns.iter().any(|(_, fit)| *fit <= Fit::Exact),
            Some(Word::Part(_) | Word::Change(_) | Word::Both) => {
                len > phrase_len || found.columns.iter().any(|(_, fit)| *fit <= Fit::Exact)
            }
            Some(Word::List) => found.tables.is_empty() && i > 0,
            // "the make, model and price": named like a verb, and among nouns.
            Some(Word::Verb)
                if i > 0
                    && matches!(
                        tokens[i - 1].lower.as_str(),
                        "the" | "their" | "its" | "by" | "each" | "," | "of"
                    )
                    && found.columns.iter().any(|(_, fit)| *fit <= Fit::Exact) =>
            {
                true
            }
            Some(_) => {
                len > phrase_len || !found.values.is_empty() && phrase_len == 1 && keyword == Some(Word::Verb)
            }
        };
        if yields && len >= phrase_len {
            return (len, Kind::Mention(found));
        }
    }
    if let Some((word, len)) = phrase {
        return (len, Kind::Word(word));
    }
    // "how many rows": of the only table there is.
    if matches!(token.lower.as_str(), "rows" | "records" | "entries") && schema.catalog.tables.len() == 1 {
        let tables = vec![(0, Fit::Exact)];
        return (
            1,
            Kind::Mention(Mention {
                tables,
                ..Mention::default()
            }),
        );
    }
    if let TokenKind::Number(n) = token.kind {
        // "hundred thousand", "5 million"
        let mut value = n;
        let mut len = 1;
        while let Some(next) = tokens.get(i + len) {
            let factor = match next.lower.as_str() {
                "hundred" => 1e2,
                "thousand" => 1e3,
                "million" => 1e6,
                "billion" => 1e9,
                _ => break,
            };
            value *= factor;
            len += 1;
        }
        return (len, Kind::Number(value));
    }
    (1, Kind::Unknown)
}

/// "the average *total* by city": a word such as "total" names the column where another word before it already
/// says how rows become one number, and nothing after it could be what is summed.
fn is_measured(tokens: &[Token], i: usize, len: usize, found: &Mention, schema: &Schema<'_>) -> bool {
    let before = tokens[..i]
        .iter()
        .rev()
        .find(|token| !matches!(token.lower.as_str(), "the" | "of" | "all" | "their" | "its"));
    let says_how = before.is_some_and(|token| {
        matches!(
            lexicon::phrase(&[token.lower.as_str()]),
            Some((
                Word::Sum | Word::Average | Word::Max | Word::Min | Word::Highest(_) | Word::Most(_),
                1
            ))
        )
    });
    let numbers = found.columns.iter().all(|(col, _)| {
        matches!(
            schema.column(*col).kind,
            ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Float
        )
    });
    says_how && numbers && mention(tokens, i + len, schema).is_none_or(|(_, next)| next.columns.is_empty())
}

/// The longest stretch from `i` that names a table or column or is a known value.
fn mention(tokens: &[Token], i: usize, schema: &Schema<'_>) -> Option<(usize, Mention)> {
    let usable = |t: &&Token| t.kind != TokenKind::Quoted && !matches!(t.kind, TokenKind::Mark(_));
    let reach = tokens[i..].iter().take(6).take_while(usable).count();
    for len in (1..=reach).rev() {
        let part = &tokens[i..i + len];
        let mut found = Mention::default();
        value_candidates(part, schema, &mut found);
        name_candidates(part, schema, &mut found);
        if found.is_empty() && len == 1 {
            synonym_candidates(&part[0], schema, &mut found);
        }
        if len == 2 && found.is_empty() {
            // "check-ins" and "post code" for `checkin` and `postcode`.
            let mut whole = part[0].clone();
            whole.lower = format!("{}{}", part[0].lower, part[1].lower);
            whole.stem = schema.stems.stem(&whole.lower);
            whole.kind = TokenKind::Word;
            if part.iter().all(|token| token.lower.len() > 1) {
                name_candidates(std::slice::from_ref(&whole), schema, &mut found);
            }
        }
        if len == 2 && found.is_empty() {
            let said = format!("{} {}", part[0].lower, part[1].lower);
            if lexicon::is_revenue(&said) {
                revenue_candidates(schema, &mut found);
            }
        }
        if !found.is_empty() {
            return Some((len, found));
        }
    }
    None
}

fn value_candidates(part: &[Token], schema: &Schema<'_>, found: &mut Mention) {
    let said: Vec<&str> = part.iter().map(|t| t.lower.as_str()).collect();
    // "California" where the data says "CA".
    if let Some(code) = lexicon::state_code(&said.join(" ")) {
        let states = schema
            .values_of(&code.to_lowercase())
            .iter()
            .filter(|(col, value)| {
                value == code
                    && schema
                        .words(*col)
                        .iter()
                        .any(|w| matches!(w.as_str(), "state" | "provinc" | "region"))
            });
        found.values.extend(states.cloned());
    }
    let function_word = |word: &str| {
        matches!(
            lexicon::phrase(&[word]),
            Some((
                Word::Filler
                    | Word::Prep
                    | Word::By
                    | Word::And
                    | Word::Or
                    | Word::Not
                    | Word::Each
                    | Word::Which
                    | Word::Who
                    | Word::Relative
                    | Word::Verb
                    | Word::All,
                1
            ))
        )
    };
    for (col, value) in schema.values(part) {
        let lower = value.to_lowercase();
        let exact = super::words::split_name(&lower) == super::words::split_name(&said.join(" "));
        // Plurals of one-word values are let through ("sundaes" for "Sundae"); all else as it is spelled.
        if !exact && (part.len() > 1 || part[0].lower.len() < 4) {
            continue;
        }
        if part.len() == 1
            && (said[0].chars().count() < 2
                || function_word(said[0])
                || matches!(part[0].kind, TokenKind::Number(_)))
        {
            continue;
        }
        if part.len() > 1 && said.iter().all(|word| function_word(word)) {
            continue;
        }
        found.values.push((*col, value.clone()));
    }
}

fn name_candidates(part: &[Token], schema: &Schema<'_>, found: &mut Mention) {
    let stems: Vec<&str> = part.iter().map(|t| t.stem.as_str()).collect();
    if part.len() == 1 && matches!(part[0].kind, TokenKind::Number(_)) {
        return;
    }
    // A name neither begins nor ends with a function word of the question.
    let bare = |token: &Token| {
        part.len() > 1
            && matches!(
                lexicon::phrase(&[token.lower.as_str()]),
                Some((
                    Word::Filler
                        | Word::Verb
                        | Word::Prep
                        | Word::And
                        | Word::Each
                        | Word::By
                        | Word::Relative
                        | Word::Possessive,
                    1
                ))
            )
    };
    if part.first().is_some_and(bare) || part.last().is_some_and(bare) {
        return;
    }
    // Written exactly as in the source, underscores and all.
    if part.len() == 1 && part[0].lower.contains('_') {
        for (t, table) in schema.catalog.tables.iter().enumerate() {
            if table.name.to_lowercase() == part[0].lower {
                found.tables.push((t, Fit::Exact));
            }
            for col in schema.columns(t) {
                if schema.column(col).name.to_lowercase() == part[0].lower {
                    found.columns.push((col, Fit::Exact));
                }
            }
        }
        return;
    }
    // In a large catalog most stretches end here: some word of theirs stands in no name at all.
    let borne =
        |stem: &&str| schema.columns_by_stem.contains_key(*stem) || schema.tables_by_stem.contains_key(*stem);
    if !stems.iter().all(borne) {
        return;
    }
    let first = stems[0];
    for &table in schema.tables_by_stem.get(first).into_iter().flatten() {
        let words = &schema.table_words[table];
        if same_words(words, &stems) {
            found.tables.push((table, Fit::Exact));
        }
    }
    if found.tables.is_empty() {
        for &table in schema.tables_by_stem.get(first).into_iter().flatten() {
            let words = &schema.table_words[table];
            if stems.iter().all(|stem| words.iter().any(|w| w == stem)) && part[0].lower.len() > 2 {
                found.tables.push((table, Fit::Part));
            }
        }
    }
    let mut columns: Vec<Col> = Vec::new();
    let mut seen: HashSet<Col> = HashSet::new();
    for stem in &stems {
        for col in schema.columns_by_stem.get(*stem).into_iter().flatten() {
            if seen.insert(*col) {
                columns.push(*col);
            }
        }
    }
    for col in columns {
        let words = schema.words(col);
        let table = &schema.table_words[col.table];
        let said = |word: &String| stems.contains(&word.as_str());
        if part.len() > 1
            && schema.column(col).kind == ColumnKind::Boolean
            && !stems.iter().all(|stem| words.iter().any(|w| w == stem))
        {
            continue;
        }
        let in_column = |stem: &&&str| words.iter().any(|w| w == **stem);
        let in_table = |stem: &&&str| table.iter().any(|w| w == **stem);
        if !stems.iter().all(|stem| in_column(&stem) || in_table(&stem)) {
            continue;
        }
        let whole = words.iter().all(said);
        let own_said = words.iter().filter(|w| !table.contains(w)).all(said);
        let own_exists = words.iter().any(|w| !table.contains(w));
        let table_said = table.iter().all(said);
        let only_table = stems.iter().all(|stem| !in_column(&stem) || in_table(&stem));
        let fit = if whole && table_said {
            if only_table && words.len() != stems.len() {
                continue;
            } else {
                Fit::Whole
            }
        } else if whole && stems.iter().all(|stem| in_column(&stem)) {
            Fit::Exact
        } else if own_exists && own_said && !only_table && table_said {
            Fit::Whole
        } else if own_exists && own_said && !only_table && stems.iter().all(|stem| in_column(&stem)) {
            Fit::Exact
        } else if whole && part.len() > 1 && !only_table {
            // "closing price" for the column `close` of a table of prices.
            Fit::Part
        } else if !only_table && stems.iter().all(|stem| in_column(&stem)) && !words.iter().any(|w| w == "id")
        {
            Fit::Part
        } else if !only_table
            && table_said
            && !part[0].lower.ends_with('s')
            && !words.iter().any(|w| w == "id")
        {
            // "order amount" for `orders.total_amount`; in "customers joined" the plural stands by itself.
            Fit::Part
        } else {
            continue;
        };
        found.columns.push((col, fit));
    }
    // Where a name fits well, a part of some other name is not what was meant.
    let best = found.columns.iter().map(|(_, fit)| *fit).min();
    if let Some(best) = best
        && best <= Fit::Exact
    {
        found.columns.retain(|(_, fit)| *fit <= Fit::Exact);
        found.tables.retain(|(_, fit)| *fit <= Fit::Exact);
    }
    if found.exact_tables().next().is_some() {
        found.columns.retain(|(_, fit)| *fit <= Fit::Exact);
    }
    if found.columns.iter().any(|(_, fit)| *fit == Fit::Whole) && part.len() > 1 {
        found.columns.retain(|(_, fit)| *fit == Fit::Whole);
    }
}

fn synonym_candidates(token: &Token, schema: &Schema<'_>, found: &mut Mention) {
    if lexicon::phrase(&[token.lower.as_str()]).is_some() {
        return;
    }
    if lexicon::is_revenue(&token.lower) {
        revenue_candidates(schema, found);
        if !found.columns.is_empty() {
            return;
        }
    }
    for other in lexicon::synonyms(&token.lower) {
        let stem = schema.stems.stem(other);
        for &table in schema.tables_by_stem.get(&stem).into_iter().flatten() {
            if schema.table_words[table].len() == 1 {
                found.tables.push((table, Fit::Synonym));
            }
        }
        for &col in schema.columns_by_stem.get(&stem).into_iter().flatten() {
            let own = schema
                .words(col)
                .iter()
                .filter(|w| !schema.table_words[col.table].contains(w))
                .count();
            if own == 1 {
                found.columns.push((col, Fit::Synonym));
            }
        }
    }
}

/// Columns of money taken in. Only the most telling names count; that there is only one of them is checked
/// when it is used.
fn revenue_candidates(schema: &Schema<'_>, found: &mut Mention) {
    let mut ranked: Vec<(u8, Col)> = Vec::new();
    for table in 0..schema.catalog.tables.len() {
        for col in schema.columns(table) {
            if schema.column(col).kind.is_number()
                && let Some(rank) = lexicon::revenue_rank(schema.words(col))
            {
                ranked.push((rank, col));
            }
        }
    }
    let best = ranked.iter().map(|(rank, _)| *rank).min();
    found.columns.extend(
        ranked
            .into_iter()
            .filter(|(rank, _)| Some(*rank) == best)
            .map(|(_, col)| (col, Fit::Synonym)),
    );
}

fn same_words(words: &[String], stems: &[&str]) -> bool {
    words.len() == stems.len() && words.iter().zip(stems).all(|(a, b)| a == b)
}
