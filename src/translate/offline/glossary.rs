//! What the owner wrote down: terms with a meaning, in plain words or as a formula of figures.
//!
//! Only lines that define something are used ("margin = (revenue - cost) / revenue"); other remarks are for
//! people and models.

use super::plan::{Figure, Key, Measure, Op, Plan, Value};
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

/// The definitions in a glossary.
pub fn entries(glossary: &str) -> Vec<Entry> {
    glossary.lines().flat_map(definition).collect()
}

fn definition(line: &str) -> Vec<Entry> {
    let line = line.trim().trim_start_matches(['-', '*', '•']).trim();
    let Some((at, sign)) = SIGNS
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

/// Where a term stands in a text as a whole word; abbreviations only as they are written.
fn place(text: &str, name: &str) -> Option<usize> {
    let short = name.len() <= 6 && name.chars().any(char::is_uppercase) && !name.contains(' ');
    let (text, name) = if short {
        (text.to_owned(), name.to_owned())
    } else {
        (text.to_lowercase(), name.to_lowercase())
    };
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    text.match_indices(&name)
        .map(|(at, _)| at)
        .find(|at| edge(text[..*at].chars().next_back()) && edge(text[at + name.len()..].chars().next()))
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
    while let Some(at) = place(rest, name) {
        // Lower case can change a text's length; then the place is not known.
        let Some((before, after)) = rest.get(..at).zip(rest.get(at + name.len()..)) else {
            break;
        };
        done.push_str(before);
        done.push_str(with);
        rest = after;
    }
    done + rest
}

/// A meaning that computes: operands in words, numbers, operators.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    Words(String),
    Number(f64),
    Op(Op, Box<Formula>, Box<Formula>),
}

impl Formula {
    /// None where the meaning is plain words.
    pub fn read(meaning: &str) -> Option<Formula> {
        let tokens = pieces(meaning);
        let operators = tokens
            .iter()
            .filter(|piece| piece.len() == 1 && "+-*/".contains(piece.as_str()));
        if operators.count() == 0 {
            return None;
        }
        let mut at = 0;
        let formula = sum(&tokens, &mut at, 0)?;
        (at == tokens.len()).then_some(formula)
    }

    pub fn operands(&self) -> Vec<&str> {
        match self {
            Formula::Words(words) => vec![words],
            Formula::Number(_) => Vec::new(),
            Formula::Op(_, left, right) => {
                let mut all = left.operands();
                for operand in right.operands() {
                    if !all.contains(&operand) {
                        all.push(operand);
                    }
                }
                all
            }
        }
    }

    fn value(&self, operands: &[&str]) -> Value {
        match self {
            Formula::Words(words) => {
                Value::Measure(operands.iter().position(|other| other == words).unwrap_or(0))
            }
            Formula::Number(number) => Value::Number(*number),
            Formula::Op(op, left, right) => Value::Op(
                *op,
                Box::new(left.value(operands)),
                Box::new(right.value(operands)),
            ),
        }
    }
}

/// Operators, brackets, and the words between them.
fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut found: Vec<String> = Vec::new();
    let mut words = String::new();
    for (at, c) in chars.iter().enumerate() {
        let spaced = |at: Option<usize>| {
            at.and_then(|at| chars.get(at))
                .is_none_or(|c| c.is_whitespace() || "()".contains(*c))
        };
        let sign = match c {
            '×' => Some('*'),
            '÷' => Some('/'),
            '(' | ')' | '+' | '*' | '/' => Some(*c),
            // Hyphens stand inside words, the minus between spaces.
            '-' | '−' if spaced(at.checked_sub(1)) && spaced(Some(at + 1)) => Some('-'),
            _ => None,
        };
        match sign {
            Some(sign) => {
                if !words.trim().is_empty() {
                    found.push(words.trim().to_owned());
                }
                words.clear();
                found.push(sign.to_string());
            }
            None => words.push(*c),
        }
    }
    if !words.trim().is_empty() {
        found.push(words.trim().to_owned());
    }
    found
}

fn sum(pieces: &[String], at: &mut usize, depth: usize) -> Option<Formula> {
    let mut left = product(pieces, at, depth)?;
    while let Some(op) = pieces.get(*at).and_then(|piece| match piece.as_str() {
        "+" => Some(Op::Plus),
        "-" => Some(Op::Minus),
        _ => None,
    }) {
        *at += 1;
        left = Formula::Op(op, Box::new(left), Box::new(product(pieces, at, depth)?));
    }
    Some(left)
}

fn product(pieces: &[String], at: &mut usize, depth: usize) -> Option<Formula> {
    let mut left = operand(pieces, at, depth)?;
    while let Some(op) = pieces.get(*at).and_then(|piece| match piece.as_str() {
        "*" => Some(Op::Times),
        "/" => Some(Op::Divided),
        _ => None,
    }) {
        *at += 1;
        left = Formula::Op(op, Box::new(left), Box::new(operand(pieces, at, depth)?));
    }
    Some(left)
}

fn operand(pieces: &[String], at: &mut usize, depth: usize) -> Option<Formula> {
    let piece = pieces.get(*at)?;
    *at += 1;
    if piece == "(" {
        if depth > 20 {
            return None;
        }
        let inner = sum(pieces, at, depth + 1)?;
        (pieces.get(*at)? == ")").then_some(())?;
        *at += 1;
        return Some(inner);
    }
    if piece.len() == 1 && "+-*/)".contains(piece.as_str()) {
        return None;
    }
    Some(match piece.parse::<f64>() {
        Ok(number) => Formula::Number(number),
        Err(_) => Formula::Words(piece.clone()),
    })
}

/// One figure of several plans that differ in nothing but what they compute. `plans` belong to the operands.
pub fn combined(formula: &Formula, name: &str, plans: Vec<Plan>) -> Result<Plan, Stop> {
    let operands = formula.operands();
    let refuse = || {
        Err(Stop::Refuse(format!(
            "\"{name}\" is computed from figures that are not about the same rows; ask for them one by one."
        )))
    };
    let mut plans = plans.into_iter();
    let Some(mut plan) = plans.next() else {
        return refuse();
    };
    if plan.measures.len() != 1 || !plan.figures.is_empty() {
        return refuse();
    }
    for other in plans {
        let alike = other.base == plan.base
            && other.filters == plan.filters
            && other.any == plan.any
            && other.related == plan.related
            && other.groups == plan.groups
            && other.once == plan.once
            && other.measures.len() == 1
            && other.figures.is_empty();
        if !alike {
            return refuse();
        }
        for join in other.joins {
            if !plan.joins.contains(&join) {
                plan.joins.push(join);
            }
        }
        plan.measures.extend(other.measures);
    }
    if plan.once.is_some() && plan.measures.iter().any(|measure| measure.column.is_some()) {
        return refuse();
    }
    for measure in &mut plan.measures {
        let inner = std::mem::replace(measure, Measure::new(super::frame::Agg::Count, None, ""));
        *measure = Measure {
            hidden: true,
            ..inner
        };
    }
    plan.figures.push(Figure {
        name: name
            .to_lowercase()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join("_"),
        value: formula.value(&operands),
    });
    for (key, _) in &mut plan.order {
        if matches!(key, Key::Measure(_)) {
            *key = Key::Figure(0);
        }
    }
    Ok(plan)
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
        assert_eq!(place("Active Members here", "active member"), None);
        assert!(place("all Active Member counts", "active member").is_some());
    }

    #[test]
    fn formulas_have_operands_in_words() {
        let formula = Formula::read("(total revenue - total cost) / total revenue * 100").expect("a formula");
        assert_eq!(formula.operands(), ["total revenue", "total cost"]);
        assert_eq!(Formula::read("month-over-month change"), None);
        assert_eq!(Formula::read("a - (b"), None);
    }
}
