//! What the owner wrote down: terms with a meaning, in plain words or as a formula of figures.
//!
//! Only lines that define something are used ("margin = (revenue - cost) / revenue"); other remarks are for
//! people and models.

use super::resolve::Stop;

/// A term and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub meaning: String,
}

/// Words between a term and its meaning, longest first.
const SIGNS: [&str; 7] = [
    " is defined as ",
    " refers to ",
    " refer to ",
    " stands for ",
    " means ",
    "=",
    ":",
];

/// How many of them are words.
const WORDED: usize = 5;

/// The definitions in a glossary.
pub fn entries(glossary: &str) -> Vec<Entry> {
    glossary
        .lines()
        .flat_map(|line| definition(line, &SIGNS))
        .collect()
}

/// The definitions in a text that use words for it, and no mere colon.
pub fn worded(text: &str) -> Vec<Entry> {
    text.lines()
        .flat_map(|line| definition(line, &SIGNS[..WORDED]))
        .map(|entry| Entry {
            // "No: yield means …"
            name: entry.name.rsplit(": ").next().unwrap_or_default().to_owned(),
            ..entry
        })
        .collect()
}

fn definition(line: &str, signs: &[&str]) -> Vec<Entry> {
    let line = line.trim().trim_start_matches(['-', '*', '•']).trim();
    let Some((at, sign)) = signs
        .iter()
        .filter_map(|sign| line.find(sign).map(|at| (at, *sign)))
        .min()
    else {
        return Vec::new();
    };
    let (head, meaning) = (line[..at].trim(), line[at + sign.len()..].trim());
    // Remarks before the definition on the same line, and sentences behind it.
    let head = head.rsplit(". ").next().unwrap_or(head).trim();
    let meaning = meaning.split(". ").next().unwrap_or(meaning);
    let meaning = meaning.trim_end_matches(['.', ';']).trim();
    if meaning.is_empty() || meaning.len() > 300 {
        return Vec::new();
    }
    // "ASP (average selling price)": both are names of it.
    let (name, other) = match (head.find('('), head.strip_suffix(')')) {
        (Some(open), Some(inside)) => (head[..open].trim(), Some(inside[open + 1..].trim())),
        _ => (head, None),
    };
    [Some(name), other]
        .into_iter()
        .flatten()
        .map(|name| name.trim_matches(['"', '\'', '`']).trim())
        .filter(|name| !name.is_empty() && name.split_whitespace().count() <= 5 && name.len() <= 60)
        .map(|name| Entry {
            name: name.to_owned(),
            meaning: meaning.to_owned(),
        })
        .collect()
}

/// Errors: `Refuse` when another definition gives the same term another meaning.
pub fn only_one(entry: &Entry, entries: &[Entry]) -> Result<(), Stop> {
    let other = entries.iter().find(|other| {
        other.name.to_lowercase() == entry.name.to_lowercase() && other.meaning != entry.meaning
    });
    match other {
        None => Ok(()),
        Some(other) => Err(Stop::Refuse(format!(
            "\"{}\" has two meanings in the glossary: \"{}\" and \"{}\". Ask with the words of one of them.",
            entry.name, entry.meaning, other.meaning
        ))),
    }
}

/// Where a term stands in a text as a whole word, also in the plural, and how many bytes it takes there;
/// abbreviations only as they are written.
fn place(text: &str, name: &str) -> Option<(usize, usize)> {
    let short = name.len() <= 6 && name.chars().any(char::is_uppercase) && !name.contains(' ');
    let (text, name) = if short {
        (text.to_owned(), name.to_owned())
    } else {
        (text.to_lowercase(), name.to_lowercase())
    };
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    let mut forms: Vec<(&str, &[&str])> = vec![(&name, if short { &[""] } else { &["", "s", "es"] })];
    if let Some(stem) = name.strip_suffix('y').filter(|_| !short) {
        forms.push((stem, &["ies"]));
    }
    forms.into_iter().find_map(|(stem, endings)| {
        text.match_indices(stem).find_map(|(at, _)| {
            let after = &text[at + stem.len()..];
            let ending = endings.iter().find(|ending| {
                after
                    .strip_prefix(**ending)
                    .is_some_and(|rest| edge(rest.chars().next()))
            })?;
            edge(text[..at].chars().next_back()).then_some((at, stem.len() + ending.len()))
        })
    })
}

/// Those whose term is said in one of the texts, or in the meaning of one that is. A glossary may be long, and most
/// of it has nothing to do with a question.
pub fn concerning(texts: &[&str], entries: Vec<Entry>) -> Vec<Entry> {
    let said = |text: &str, entry: &Entry| place(text, &entry.name).is_some();
    let (mut found, mut left): (Vec<Entry>, Vec<Entry>) = entries
        .into_iter()
        .partition(|entry| texts.iter().any(|text| said(text, entry)));
    // As far as meanings are followed.
    let mut from = 0;
    for _ in 0..3 {
        let until = found.len();
        let (more, rest): (Vec<Entry>, Vec<Entry>) = left
            .into_iter()
            .partition(|entry| found[from..until].iter().any(|other| said(&other.meaning, entry)));
        left = rest;
        from = until;
        found.extend(more);
    }
    found
}

/// The definition whose term is said in a text; the longest where several are.
pub fn said<'e>(text: &str, entries: &'e [Entry]) -> Option<&'e Entry> {
    entries
        .iter()
        .filter(|entry| place(text, &entry.name).is_some())
        .max_by_key(|entry| entry.name.len())
}

/// The text with a term wherever it stands replaced by other words.
pub fn replaced(text: &str, name: &str, with: &str) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some((at, length)) = place(rest, name) {
        // Lower case can change a text's length; then the place is not known.
        let Some((before, after)) = rest.get(..at).zip(rest.get(at + length..)) else {
            break;
        };
        done.push_str(before);
        done.push_str(with);
        rest = after;
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_told_from_remarks() {
        let found = entries(
            "Always be kind.\n- AOV (average order value) = total / number of orders.\nactive member: member who joined in 2024",
        );
        let names: Vec<&str> = found.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["AOV", "average order value", "active member"]);
        assert_eq!(found[0].meaning, "total / number of orders");
    }

    #[test]
    fn terms_are_whole_words() {
        assert_eq!(
            replaced("AOV by month, not MAOV", "AOV", "average total"),
            "average total by month, not MAOV"
        );
        assert_eq!(place("the aov", "AOV"), None);
        assert_eq!(place("Active Members here", "active member"), Some((0, 14)));
        assert_eq!(place("Active Membership", "active member"), None);
        assert_eq!(place("all late deliveries", "late delivery"), Some((4, 15)));
        assert!(place("all Active Member counts", "active member").is_some());
    }
}
