//! What a stretch of words may name: values, tables, columns, and words that may stand for a name.

use std::collections::HashSet;

use super::super::lexicon::{self, Word};
use super::super::schema::{Col, Schema};
use super::super::words::{Token, TokenKind};
use super::{Fit, Mention};
use crate::catalog::ColumnKind;

pub(super) fn value_candidates(part: &[Token], schema: &Schema<'_>, found: &mut Mention) {
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
    // "Italian" where the data says "Italy".
    if let [one] = said.as_slice()
        && schema.values(part).is_empty()
        // "show us" asks; "the US" is read elsewhere.
        && *one != "us"
    {
        found.values.extend(of_nations(one, schema));
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
        let exact =
            super::super::words::split_name(&lower) == super::super::words::split_name(&said.join(" "));
        // Plurals of one-word values are let through ("sundaes" for "Sundae"); all else as it is spelled.
        if !exact
            && (part.len() > 1
                || part[0].lower.len() < 4
                || part[0].lower.contains(|c: char| c.is_ascii_digit()))
        {
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
    // "Oslo" where cells hold "Oslo, Bergen": all of them, and those that are it alone.
    let telling = said.iter().any(|word| {
        word.chars().count() > 2 && word.chars().all(char::is_alphabetic) && !function_word(word)
    });
    if telling {
        let columns: HashSet<Col> = found.values.iter().map(|(col, _)| *col).collect();
        for (col, value) in schema.values_with_part(part) {
            if (columns.is_empty() || columns.contains(col))
                && !found.values.iter().any(|(c, v)| c == col && v == value)
            {
                found.values.push((*col, value.clone()));
            }
        }
    }
}

/// The values that name a country by whose adjective or short form people say it.
pub(super) fn of_nations(lower: &str, schema: &Schema<'_>) -> Vec<(Col, String)> {
    let mut found = Vec::new();
    for nation in lexicon::nations(lower) {
        let tokens = super::super::words::tokens(&nation, &schema.stems);
        let named = schema
            .values(&tokens)
            .iter()
            .filter(|(_, value)| value.eq_ignore_ascii_case(&nation));
        for (col, value) in named.chain(schema.values_with_part(&tokens)) {
            if !found.iter().any(|(c, v)| c == col && v == value) {
                found.push((*col, value.clone()));
            }
        }
    }
    found
}

pub(super) fn name_candidates(part: &[Token], schema: &Schema<'_>, found: &mut Mention) {
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

pub(super) fn synonym_candidates(token: &Token, schema: &Schema<'_>, found: &mut Mention) {
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
pub(super) fn revenue_candidates(schema: &Schema<'_>, found: &mut Mention) {
    found.columns.extend(revenue_columns(schema));
}

/// The columns that hold money taken in, as far as their names tell.
pub fn revenue_columns(schema: &Schema<'_>) -> Vec<(Col, Fit)> {
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
    ranked
        .into_iter()
        .filter(|(rank, _)| Some(*rank) == best)
        .map(|(_, col)| (col, Fit::Synonym))
        .collect()
}

fn same_words(words: &[String], stems: &[&str]) -> bool {
    words.len() == stems.len() && words.iter().zip(stems).all(|(a, b)| a == b)
}
