//! The question cut into words, numbers and quoted strings. Knows spelling, not meaning.

use std::cell::RefCell;
use std::collections::HashMap;

use rust_stemmers::{Algorithm, Stemmer};

use super::lexicon;

/// One piece of the question.
#[derive(Debug, Clone)]
pub struct Token {
    /// As written (quotes removed).
    pub text: String,
    pub lower: String,
    pub stem: String,
    pub kind: TokenKind,
    /// Byte range in the question, quotes included.
    pub start: usize,
    pub end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TokenKind {
    Word,
    Number(f64),
    Quoted,
    Mark(char),
}

/// Cuts words to their stems; one per question, because building it costs.
pub struct Stems {
    stemmer: Stemmer,
    /// The words of a large catalog come again and again.
    known: RefCell<HashMap<String, String>>,
    /// The same for parts of names.
    parts: RefCell<HashMap<String, Vec<String>>>,
    /// The same for whole names: half the tables of a large catalog have a `created_at`.
    names: RefCell<HashMap<String, Vec<String>>>,
}

impl Stems {
    pub fn new() -> Stems {
        Stems {
            stemmer: Stemmer::create(Algorithm::English),
            known: RefCell::default(),
            parts: RefCell::default(),
            names: RefCell::default(),
        }
    }

    /// The stem under which forms of one word meet: `Orders`, `ordered` and `order` give `order`.
    pub fn stem(&self, word: &str) -> String {
        if let Some(stem) = self.known.borrow().get(word) {
            return stem.clone();
        }
        let stem = self.cut(word);
        self.known.borrow_mut().insert(word.to_owned(), stem.clone());
        stem
    }

    fn cut(&self, word: &str) -> String {
        let lower = word.to_lowercase();
        if let Some(regular) = lexicon::irregular(&lower) {
            return regular.to_owned();
        }
        // `businesses` meets `business`, and `statuses` `status`.
        let singular = super::schema::singular(&lower);
        let stem = self.stemmer.stem(&singular).into_owned();
        // The stemmer cuts `organization` down to `organ`; words that far apart are not one word.
        if singular.len() > stem.len() + 4 {
            return singular;
        }
        stem
    }

    /// The words of a name: `orderItems`, `order_items` and `OrderItems2` are cut at humps, digits and marks;
    /// customary abbreviations are written out.
    pub fn name_words(&self, name: &str) -> Vec<String> {
        if let Some(known) = self.names.borrow().get(name) {
            return known.clone();
        }
        let words = self.words_of(name);
        self.names.borrow_mut().insert(name.to_owned(), words.clone());
        words
    }

    fn words_of(&self, name: &str) -> Vec<String> {
        let mut words = Vec::new();
        for part in split_name(name) {
            if let Some(known) = self.parts.borrow().get(&part) {
                words.extend(known.iter().cloned());
                continue;
            }
            let own: Vec<String> = lexicon::segments(&part.to_lowercase())
                .into_iter()
                .map(|part| self.stem(lexicon::abbreviation(&part).unwrap_or(&part)))
                .collect();
            words.extend(own.iter().cloned());
            self.parts.borrow_mut().insert(part, own);
        }
        words
    }
}

/// Splits a name at underscores, other marks, humps (`orderItem`, `HTTPServer`) and between letters and digits.
pub fn split_name(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut parts = Vec::new();
    let mut part = String::new();
    for (index, &c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            if !part.is_empty() {
                parts.push(std::mem::take(&mut part));
            }
            continue;
        }
        if let Some(last) = part.chars().last() {
            let next_lower = chars.get(index + 1).is_some_and(|n| n.is_lowercase());
            let hump = c.is_uppercase() && (last.is_lowercase() || (last.is_uppercase() && next_lower));
            let digits = c.is_ascii_digit() != last.is_ascii_digit();
            if hump || digits {
                parts.push(std::mem::take(&mut part));
            }
        }
        part.push(c);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Cuts `question` into tokens.
pub fn tokens(question: &str, stems: &Stems) -> Vec<Token> {
    let chars: Vec<(usize, char)> = question.char_indices().collect();
    let end_of = |index: usize| chars.get(index).map_or(question.len(), |(at, _)| *at);
    let mut found = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let (start, c) = chars[i];
        if c.is_whitespace() {
            i += 1;
            continue;
        }
        if let Some(close) = closing(c)
            && (i == 0 || !chars[i - 1].1.is_alphanumeric())
            && let Some(length) = chars[i + 1..].iter().position(|(_, other)| *other == close)
            && length > 0
        {
            let text = question[end_of(i + 1)..end_of(i + 1 + length)].to_owned();
            found.push(token(
                text,
                TokenKind::Quoted,
                start,
                end_of(i + length + 2),
                stems,
            ));
            i += length + 2;
            continue;
        }
        if c.is_ascii_digit() {
            let mut j = i;
            while j < chars.len() {
                let d = chars[j].1;
                let follows = chars.get(j + 1).is_some_and(|(_, n)| n.is_ascii_digit());
                if d.is_ascii_digit()
                    || (matches!(d, '.' | ',' | '-' | '/' | ':') && follows)
                    || d.is_alphabetic()
                {
                    j += 1;
                } else {
                    break;
                }
            }
            let text = question[start..end_of(j)].to_owned();
            let kind = number(&text).map_or(TokenKind::Word, TokenKind::Number);
            found.push(token(text, kind, start, end_of(j), stems));
            i = j;
            continue;
        }
        if c.is_alphanumeric() || c == '_' {
            let mut j = i;
            while j < chars.len() {
                let d = chars[j].1;
                let follows = chars.get(j + 1).is_some_and(|(_, n)| n.is_alphanumeric());
                // `o'clock`, `e-mail` and `store.city` stay whole for now; the possessive is cut off below.
                if d.is_alphanumeric() || d == '_' || (matches!(d, '\'' | '’' | '-' | '.' | '@') && follows)
                {
                    j += 1;
                } else {
                    break;
                }
            }
            push_word(&question[start..end_of(j)], start, stems, &mut found);
            i = j;
            continue;
        }
        let mut text = c.to_string();
        if matches!(c, '<' | '>' | '!') && chars.get(i + 1).is_some_and(|(_, n)| matches!(n, '=' | '>')) {
            text.push(chars[i + 1].1);
            i += 1;
        }
        i += 1;
        found.push(token(text, TokenKind::Mark(c), start, end_of(i), stems));
    }
    found
}

/// Adds a word: possessives lose their `'s`, `don't` becomes `do not`, and words joined by a hyphen or a dot
/// are cut unless they are a known whole.
fn push_word(word: &str, start: usize, stems: &Stems, found: &mut Vec<Token>) {
    let lower = word.to_lowercase().replace('’', "'");
    let make = |text: &str, from: usize, to: usize| token(text.to_owned(), TokenKind::Word, from, to, stems);
    let end = start + word.len();
    if let Some(verb) = lower.strip_suffix("n't") {
        let verb = if verb == "ca" { "can" } else { verb };
        found.push(make(verb, start, end));
        found.push(make("not", end, end));
        return;
    }
    if let Some(owner) = lower.strip_suffix("'s") {
        if matches!(
            owner,
            "what" | "who" | "where" | "which" | "there" | "that" | "it"
        ) {
            found.push(make(owner, start, end));
            found.push(make("is", end, end));
            return;
        }
        let cut = word.char_indices().rev().nth(1).map_or(word.len(), |(at, _)| at);
        push_word(&word[..cut], start, stems, found);
        found.push(make("'s", start + cut, end));
        return;
    }
    if lexicon::whole(&lower) || word.contains('@') || !word.contains(['-', '.']) {
        found.push(make(word, start, end));
        return;
    }
    let mut at = start;
    for part in word.split(['-', '.']) {
        if !part.is_empty() {
            let kind = number(part).map_or(TokenKind::Word, TokenKind::Number);
            found.push(token(part.to_owned(), kind, at, at + part.len(), stems));
        }
        at += part.len() + 1;
    }
}

fn token(text: String, kind: TokenKind, start: usize, end: usize, stems: &Stems) -> Token {
    let lower = text.to_lowercase().replace('’', "'");
    let kind = match kind {
        TokenKind::Word => lexicon::number_word(&lower).map_or(TokenKind::Word, TokenKind::Number),
        other => other,
    };
    Token {
        stem: stems.stem(lexicon::abbreviation(&lower).unwrap_or(&lower)),
        text,
        lower,
        kind,
        start,
        end,
    }
}

fn closing(open: char) -> Option<char> {
    match open {
        '"' | '\'' | '`' => Some(open),
        '“' | '”' => Some('”'),
        '‘' => Some('’'),
        '«' => Some('»'),
        _ => None,
    }
}

/// `1,000`, `2.5`, `10k`, `3m`; dates and things like `3rd` are not numbers.
fn number(text: &str) -> Option<f64> {
    let (digits, factor) = match text.char_indices().last()? {
        (at, 'k' | 'K') => (&text[..at], 1e3),
        (at, 'm' | 'M') => (&text[..at], 1e6),
        _ => (text, 1.0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let grouped = groups.len() == 1 || (groups[0].len() <= 3 && groups[1..].iter().all(|g| g.len() == 3));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !grouped || whole.is_empty() || !groups.iter().all(|g| plain(g)) || !plain(fraction) {
        return None;
    }
    let text = if fraction.is_empty() {
        groups.concat()
    } else {
        format!("{}.{fraction}", groups.concat())
    };
    text.parse::<f64>().ok().map(|n| n * factor)
}

/// A number as SQL and people write it: no exponent, no needless fraction.
pub fn plain_number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        format!("{value:.0}")
    } else {
        format!("{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowers(question: &str) -> Vec<String> {
        tokens(question, &Stems::new())
            .into_iter()
            .map(|t| t.lower)
            .collect()
    }

    #[test]
    fn names_are_cut_at_humps_marks_and_digits() {
        assert_eq!(split_name("orderItems"), ["order", "Items"]);
        assert_eq!(split_name("HTTPServer_id"), ["HTTP", "Server", "id"]);
        assert_eq!(split_name("line2_text"), ["line", "2", "text"]);
        assert_eq!(Stems::new().name_words("orderQty"), ["order", "quantiti"]);
    }

    #[test]
    fn questions_are_cut_into_words() {
        assert_eq!(
            lowers("Ann's top-5, e-mail?"),
            ["ann", "'s", "top", "5", ",", "e-mail", "?"]
        );
        assert_eq!(
            lowers("don't say \"to be\" 1,000"),
            ["do", "not", "say", "to be", "1,000"]
        );
        assert_eq!(lowers("price >= 3.50"), ["price", ">=", "3.50"]);
    }

    #[test]
    fn numbers_are_read_as_written() {
        assert_eq!(number("1,234.5"), Some(1234.5));
        assert_eq!(number("10k"), Some(10_000.0));
        assert_eq!(number("1,23"), None);
        assert_eq!(number("2025-01-01"), None);
        assert_eq!(plain_number(0.25), "0.25");
    }
}
