//! Approved questions: when two questions are the same, and how much alike they are.

use std::collections::HashSet;

use rust_stemmers::{Algorithm, Stemmer};
use serde::{Deserialize, Serialize};

/// A question with the query that a person approved for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    pub question: String,
    pub query: String,
}

/// Words that stand in questions of every kind.
const COMMON: [&str; 48] = [
    "a", "all", "an", "and", "are", "as", "at", "be", "by", "can", "did", "do", "does", "each", "every",
    "for", "from", "give", "had", "has", "have", "how", "i", "in", "is", "it", "list", "many", "me", "much",
    "of", "on", "or", "our", "per", "show", "that", "the", "there", "they", "to", "was", "we", "were",
    "what", "which", "with", "you",
];

/// A question as questions are compared: in lower case, without the marks and spaces that mean nothing. What
/// may change its meaning stays: `1.5`, `> 3`, `10 %`.
pub fn plain(question: &str) -> String {
    let letters: Vec<char> = question.to_lowercase().chars().collect();
    let mut plain = String::with_capacity(question.len());
    for (at, letter) in letters.iter().enumerate() {
        let digit = |at: Option<usize>| {
            at.and_then(|at| letters.get(at))
                .is_some_and(char::is_ascii_digit)
        };
        let kept = match letter {
            // "store's" and "stores" ask the same.
            '\'' | '’' => continue,
            '.' | ',' | ':' => digit(at.checked_sub(1)) && digit(Some(at + 1)),
            ';' | '!' | '?' | '"' | '“' | '”' | '„' | '(' | ')' | '[' | ']' | '`' => false,
            _ => !letter.is_whitespace(),
        };
        match kept {
            true => plain.push(*letter),
            false if !plain.is_empty() && !plain.ends_with(' ') => plain.push(' '),
            false => {}
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

/// Those of `examples` that are the most like a question, at most `most`: first whichever asks the same, then by
/// the share of words that stand in both.
pub fn alike<'e>(question: &str, examples: &'e [Example], most: usize) -> Vec<&'e Example> {
    let stemmer = Stemmer::create(Algorithm::English);
    let (asked, wanted) = (plain(question), content(question, &stemmer));
    let mut scored: Vec<(u32, &Example)> = examples
        .iter()
        .map(|example| {
            if plain(&example.question) == asked {
                return (u32::MAX, example);
            }
            let words = content(&example.question, &stemmer);
            let shared = u32::try_from(words.intersection(&wanted).count()).unwrap_or(u32::MAX - 1);
            let all = u32::try_from(words.union(&wanted).count())
                .unwrap_or(u32::MAX)
                .max(1);
            (shared.saturating_mul(1000) / all, example)
        })
        .filter(|(score, _)| *score > 0)
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.truncate(most);
    scored.into_iter().map(|(_, example)| example).collect()
}

/// The words of a text that say what it is about, without their endings.
fn content(text: &str, stemmer: &Stemmer) -> HashSet<String> {
    text.to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty() && !COMMON.contains(word))
        .map(|word| stemmer.stem(word).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_marks_and_spaces_do_not_count_but_what_means_something_does() {
        assert_eq!(plain("  What's the  TOTAL?"), plain("whats the total"));
        assert_eq!(plain("Loans, by month."), "loans by month");
        for (one, other) in [
            ("price > 5", "price < 5"),
            ("over 1.5", "over 15"),
            ("over -5", "over 5"),
            ("share in %", "share in"),
        ] {
            assert_ne!(plain(one), plain(other));
        }
    }

    #[test]
    fn the_same_comes_first_then_whichever_shares_most_words() {
        let examples: Vec<Example> = [
            "How many loans by branch?",
            "Loans by month",
            "Largest members",
            "loans",
        ]
        .iter()
        .map(|question| Example {
            question: (*question).into(),
            query: String::new(),
        })
        .collect();
        let found: Vec<&str> = alike("loans by month!", &examples, 3)
            .iter()
            .map(|example| example.question.as_str())
            .collect();
        assert_eq!(found, ["Loans by month", "loans", "How many loans by branch?"]);
    }
}
