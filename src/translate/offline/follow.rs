//! Conversation: "and by month?", "only for Berlin", "top 10 instead" say what is different from the question
//! before.

use super::frame::{Frame, RawFilter, Test};
use super::lexicon::Dir;
use super::plan::{Key, Plan};
use super::resolve::Stop;

/// The question with all that earlier ones say of it.
#[derive(Debug, Default, Clone)]
pub struct Thread {
    /// The question that began it, and what was changed since.
    pub parts: Vec<String>,
    /// "top 10 instead"
    pub limit: Option<(Option<Dir>, u64)>,
    /// The last change is in place of earlier groups: "by store instead".
    pub instead: bool,
}

/// Words that lead over from one question to the next.
const LEADS: [&str; 24] = [
    "ok",
    "okay",
    "and",
    "now",
    "then",
    "but",
    "also",
    "only",
    "just",
    "same",
    "the same",
    "what about",
    "how about",
    "what if",
    "show",
    "show me",
    "show it",
    "show that",
    "give me",
    "make it",
    "please",
    "that",
    "it",
    "again",
];
const TAILS: [&str; 8] = [
    "instead", "only", "please", "as well", "too", "again", "now", "though",
];

/// A later question without the words around it that only lead over, and whether there were such.
fn bare(question: &str) -> (String, bool, bool) {
    let mut text = question
        .trim()
        .trim_end_matches(['?', '.', '!'])
        .trim()
        .to_owned();
    let (mut led, mut instead) = (false, false);
    loop {
        let lower = text.to_lowercase();
        let lead = LEADS
            .iter()
            .filter(|lead| {
                lower
                    .strip_prefix(**lead)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ',']))
            })
            .max_by_key(|lead| lead.len());
        if let Some(lead) = lead {
            text = text
                .get(lead.len()..)
                .unwrap_or_default()
                .trim_start_matches([' ', ','])
                .to_owned();
            led = true;
            instead |= matches!(*lead, "what about" | "how about");
            continue;
        }
        let tail = TAILS
            .iter()
            .find(|tail| lower.strip_suffix(**tail).is_some_and(|rest| rest.ends_with(' ')));
        if let Some(tail) = tail {
            text = text
                .get(..text.len() - tail.len())
                .unwrap_or_default()
                .trim_end()
                .to_owned();
            instead |= *tail == "instead";
            led = true;
            continue;
        }
        return (text, led, instead);
    }
}

/// Whether a question can only be read behind another.
pub fn leads_over(question: &str) -> bool {
    const BEGINS: [&str; 14] = [
        "and",
        "then",
        "but",
        "also",
        "only",
        "just",
        "same",
        "the same",
        "it",
        "that",
        "why",
        "what about",
        "how about",
        "what if",
    ];
    const PARTS: [&str; 7] = ["by ", "per ", "for ", "in ", "of ", "without ", "with "];
    let (bare, _, instead) = bare(question);
    let lower = question.trim().to_lowercase();
    let begins = |word: &str| {
        lower
            .strip_prefix(word)
            .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    let is_part = PARTS.iter().any(|part| lower.starts_with(part)) && lower.split_whitespace().count() <= 3;
    BEGINS.into_iter().any(begins)
        || is_part
        || instead
        || bare.is_empty()
        || limit(&bare).is_some()
        || is_shape(&bare)
}

/// "top 10", "first 5", "bottom 3"
fn limit(text: &str) -> Option<(Option<Dir>, u64)> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().filter(|word| *word != "the").collect();
    let [which, number] = words.as_slice() else {
        return None;
    };
    let dir = match *which {
        "top" => Some(Dir::Down),
        "bottom" => Some(Dir::Up),
        "first" => None,
        _ => return None,
    };
    let number = number
        .parse()
        .ok()
        .or_else(|| super::lexicon::number_word(number).map(|n| n as u64))?;
    (number > 0).then_some((dir, number))
}

/// "as a bar chart": what is asked stays the same.
fn is_shape(text: &str) -> bool {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let thing = |word: &&str| matches!(*word, "chart" | "graph" | "plot" | "diagram" | "table");
    let kind = |word: &&str| {
        matches!(
            *word,
            "as" | "in"
                | "a"
                | "an"
                | "bar"
                | "line"
                | "pie"
                | "column"
                | "the"
                | "result"
                | "results"
                | "it"
                | "that"
        )
    };
    words.iter().any(thing) && words.iter().all(|word| thing(word) || kind(word))
}

/// What a question says by itself, as far as that matters here.
pub enum Says {
    /// Something of its own is asked.
    Asks,
    /// Only groups, conditions or an order.
    Changes,
}

/// Puts a question behind those before it, where it only changes them. `reads` tells what a text says by itself.
pub fn thread<'t>(
    earlier: impl Iterator<Item = &'t str>,
    question: &'t str,
    reads: impl Fn(&str) -> Says,
) -> Thread {
    let mut thread = Thread::default();
    for text in earlier.chain([question]) {
        let (plain, led, instead) = bare(text);
        if !thread.parts.is_empty() {
            if let Some(limit) = limit(&plain) {
                thread.limit = Some(limit);
                continue;
            }
            if is_shape(&plain) {
                continue;
            }
            if !plain.is_empty() && matches!(reads(&plain), Says::Changes) {
                thread.parts.push(plain);
                thread.instead = instead;
                continue;
            }
        }
        // "And how many customers?" asks anew.
        let own = if led && !thread.parts.is_empty() {
            plain
        } else {
            text.trim().to_owned()
        };
        thread = Thread {
            parts: vec![own],
            ..Thread::default()
        };
    }
    thread
}

impl Thread {
    /// The whole as one text, and where its parts begin.
    pub fn text(&self) -> (String, Vec<usize>) {
        let mut text = String::new();
        let mut begins = Vec::new();
        for part in &self.parts {
            if !text.is_empty() {
                if !text.ends_with(['?', '.', '!']) {
                    text.push('.');
                }
                text.push(' ');
            }
            begins.push(text.len());
            text.push_str(part);
        }
        (text, begins)
    }

    /// Later conditions are in place of earlier ones on the same thing. `groups` is how many groups were there
    /// before the last part.
    pub fn settle(&self, frame: &mut Frame, begins: &[usize], groups: usize) {
        if begins.len() < 2 {
            return;
        }
        let part = |filter: &RawFilter| begins.iter().filter(|begin| **begin <= filter.start).count();
        let filters = std::mem::take(&mut frame.filters);
        frame.filters = filters
            .iter()
            .enumerate()
            .filter(|(at, filter)| {
                !filters[at + 1..]
                    .iter()
                    .any(|later| part(later) > part(filter) && replaces(later, filter))
            })
            .map(|(_, filter)| filter.clone())
            .collect();
        if self.instead && frame.groups.len() > groups {
            frame.groups.drain(..groups);
        }
    }

    /// "top 10 instead" on what was planned.
    pub fn cut(&self, plan: &mut Plan) -> Result<(), Stop> {
        let Some((dir, limit)) = self.limit else {
            return Ok(());
        };
        if plan.is_single() {
            return Err(Stop::Refuse(
                "The question before has a single number as its answer, so there is no top or bottom of it."
                    .into(),
            ));
        }
        plan.limit = Some(limit);
        if let Some(dir) = dir
            && let Some((_, first)) = plan
                .order
                .iter_mut()
                .find(|(key, _)| !matches!(key, Key::Group(_)))
        {
            *first = dir;
        }
        Ok(())
    }
}

fn replaces(later: &RawFilter, earlier: &RawFilter) -> bool {
    match (&later.test, &earlier.test) {
        (Test::Values(new), Test::Values(old)) => new
            .iter()
            .any(|(col, _)| old.iter().any(|(other, _)| other == col)),
        (Test::When(_), Test::When(_)) | (Test::Part(..), Test::Part(..)) => {
            later.column.is_none() || earlier.column.is_none()
        }
        (Test::Compare(..), Test::Compare(..)) => match (&later.column, &earlier.column) {
            (Some(new), Some(old)) => new.mention == old.mention,
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_leads_over_is_left_out() {
        assert_eq!(bare("And by month?").0, "by month");
        assert_eq!(bare("only for Oslo, please").0, "for Oslo,");
        assert_eq!(limit("top 10"), Some((Some(Dir::Down), 10)));
        assert_eq!(limit("the first five"), Some((None, 5)));
        assert_eq!(limit("top products"), None);
        assert!(is_shape("as a bar chart") && is_shape("in a table") && !is_shape("as a member"));
    }

    #[test]
    fn a_question_that_only_changes_another_is_told_from_one_of_its_own() {
        for change in [
            "and by month?",
            "only for Oslo",
            "top 10 instead",
            "as a chart",
            "by branch",
            "What about 2024?",
            "first 5",
            "why?",
        ] {
            assert!(leads_over(change), "{change}");
        }
        for own in [
            "How many loans were there?",
            "Show loans by month",
            "In which branch are most loans?",
            "items by branch",
            "Italian books",
        ] {
            assert!(!leads_over(own), "{own}");
        }
    }
}
