//! Links the words of the question to what they may mean: phrases of the lexicon, dates, and names and values
//! of the catalog. Decides nothing between several meanings; that needs the whole question.

mod candidates;

use chrono::NaiveDate;

pub use candidates::revenue_columns;
use candidates::{name_candidates, of_nations, revenue_candidates, synonym_candidates, value_candidates};

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
    let by_period = tokens.windows(2).any(|pair| {
        let each = matches!(pair[0].lower.as_str(), "by" | "per" | "each" | "every");
        let grain = matches!(
            lexicon::phrase(&[pair[1].lower.as_str()]),
            Some((Word::Grain(_), _))
        );
        each && grain
    }) || tokens.iter().any(|token| {
        matches!(
            lexicon::phrase(&[token.lower.as_str()]),
            Some((Word::Grained(_), _))
        )
    });
    let mut i = 0;
    while i < tokens.len() {
        // "the difference between 2024 and 2025" is about two years, not about the time between them.
        let apart = matches!(tokens[i].lower.as_str(), "between" | "from")
            && items.iter().any(|item: &Item| match item.kind {
                Kind::Word(Word::Part(lexicon::Part::Difference) | Word::Compared | Word::Grow) => true,
                Kind::Word(Word::Change(_)) => !by_period,
                _ => false,
            });
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
    helped_verb_last(&mut items);
    items
}

/// "how many points did Ann *score*": the verb at the end says what the noun does.
fn helped_verb_last(items: &mut [Item]) {
    let helped = items
        .iter()
        .any(|item| matches!(item.lower.as_str(), "did" | "does" | "do"));
    let last = items
        .iter_mut()
        .rev()
        .find(|item| !matches!(item.lower.as_str(), "?" | "." | "!"));
    if let Some(last) = last.filter(|item| helped && matches!(item.kind, Kind::Unknown))
        && matches!(
            last.lower.as_str(),
            "score"
                | "complete"
                | "record"
                | "receive"
                | "earn"
                | "achieve"
                | "gain"
                | "collect"
                | "accumulate"
        )
    {
        last.kind = Kind::Word(Word::Verb);
    }
}

/// "gold customers" is read as "customers gold": a value or a yes-or-no column before a noun is a condition on
/// that noun.
fn adjectives_last(items: &mut [Item], schema: &Schema<'_>) {
    for at in (0..items.len().saturating_sub(1)).rev() {
        // "delivery and drive-thru orders", of which the second was moved already: both are about the orders.
        if alternatives_before(&items[at..]) {
            items[at..at + 3].rotate_right(1);
            continue;
        }
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
        // "how many Italian drivers" in a table with a column of drivers.
        let counted = at > 0
            && schema.catalog.tables.len() == 1
            && matches!(items[at - 1].kind, Kind::Word(Word::HowMany | Word::NumberOf))
            && noun.columns.iter().any(|(_, fit)| *fit <= Fit::Exact);
        if (value || boolean)
            && !after_column
            && (noun.exact_tables().next().is_some() || counted)
            && noun.values.is_empty()
        {
            items.swap(at, at + 1);
        }
    }
}

/// Whether a value, "and", a noun and another value of the same column stand here.
fn alternatives_before(items: &[Item]) -> bool {
    let [first, link, noun, second, ..] = items else {
        return false;
    };
    let (Kind::Mention(first), Kind::Mention(noun), Kind::Mention(second)) =
        (&first.kind, &noun.kind, &second.kind)
    else {
        return false;
    };
    let value = |mention: &Mention| {
        !mention.values.is_empty()
            && mention.exact_tables().next().is_none()
            && mention.columns.iter().all(|(_, fit)| *fit > Fit::Exact)
    };
    let linked = matches!(link.kind, Kind::Word(Word::And | Word::Or)) || link.lower == ",";
    let same = || {
        let columns: Vec<Col> = first.values.iter().map(|(col, _)| *col).collect();
        second.values.iter().any(|(col, _)| columns.contains(col))
    };
    linked
        && value(first)
        && value(second)
        && noun.exact_tables().next().is_some()
        && noun.values.is_empty()
        && same()
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
                | Word::Median
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
                // "orders with a total amount of more than 50": the "of" belongs to neither.
                let of = usize::from(words.get(phrase_len - 1) == Some(&"of"));
                if named && of > 0 && len >= phrase_len - of {
                    let next = tokens.get(i + phrase_len..).unwrap_or_default();
                    if is_measured(tokens, i, len, &found, schema) || begins_comparison(next) {
                        return (len, Kind::Mention(found));
                    }
                }
                named && (len > phrase_len || is_measured(tokens, i, len, &found, schema))
            }
            Some(Word::Grain(_)) => found.columns.iter().any(|(_, fit)| *fit <= Fit::Exact),
            Some(
                Word::Part(_) | Word::Change(_) | Word::Both | Word::Versus | Word::Compared | Word::Grow,
            ) => len > phrase_len || found.columns.iter().any(|(_, fit)| *fit <= Fit::Exact),
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
    // "only four wins"; "bought only cones" says that nothing else was, which is not read.
    if token.lower == "only"
        && tokens
            .get(i + 1)
            .is_some_and(|next| matches!(next.kind, TokenKind::Number(_)))
    {
        return (1, Kind::Word(Word::Filler));
    }
    // "in the US" is a place, not whoever asks.
    if token.lower == "us" && i > 0 && tokens[i - 1].lower == "the" {
        let values = of_nations("us", schema);
        if values.is_empty() {
            return (1, Kind::Unknown);
        }
        return (
            1,
            Kind::Mention(Mention {
                values,
                ..Mention::default()
            }),
        );
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
    let number = match token.kind {
        TokenKind::Number(n) => Some(n),
        // "one million"; alone it is rarely a number.
        _ if token.lower == "one"
            && tokens.get(i + 1).is_some_and(|next| {
                matches!(
                    next.lower.as_str(),
                    "hundred" | "thousand" | "million" | "billion"
                )
            }) =>
        {
            Some(1.0)
        }
        _ => None,
    };
    if let Some(n) = number {
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
                Word::Sum
                    | Word::Average
                    | Word::Median
                    | Word::Max
                    | Word::Min
                    | Word::Highest(_)
                    | Word::Most(_),
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

/// "more than 50", "50 or more"
fn begins_comparison(tokens: &[Token]) -> bool {
    let words: Vec<&str> = tokens.iter().take(4).map(|token| token.lower.as_str()).collect();
    let number = tokens
        .first()
        .is_some_and(|token| matches!(token.kind, TokenKind::Number(_)));
    number
        || matches!(
            lexicon::phrase(&words),
            Some((Word::Compare(_) | Word::Between | Word::Money, _))
        )
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
