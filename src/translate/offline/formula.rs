//! Formulas of the glossary: a meaning that computes, from its text to one figure of several plans.

use super::glossary::{Entry, only_one};
use super::plan::{Figure, Key, Measure, Op, Plan, Value};
use super::resolve::Stop;

/// A meaning that computes: operands in words, numbers, operators.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    Words(String),
    Number(f64),
    Op(Op, Box<Formula>, Box<Formula>),
}

/// Stands in a question where a term with a formula stood, so that no other term is found within its name.
pub const FIGURE: &str = "⟦⟧";

/// A formula as it was written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    pub formula: Formula,
    /// Something was computed row by row (`sum(a - b)`) and taken apart into figures (`sum(a) - sum(b)`), which is
    /// the same only where no row lacks a value.
    pub taken_apart: bool,
}

impl Written {
    /// None where the meaning is plain words. Errors: `Refuse` for what computes row by row in a way that no
    /// figures could be put together to.
    pub fn read(meaning: &str) -> Result<Option<Written>, Stop> {
        let (tokens, taken_apart) = called(&pieces(meaning), meaning)?;
        let operators = tokens
            .iter()
            .filter(|piece| piece.len() == 1 && "+-*/".contains(piece.as_str()));
        if operators.count() == 0 {
            // "sum(amount)" alone is a figure too.
            return Ok(match tokens.as_slice() {
                [only] if !meaning.trim().eq_ignore_ascii_case(only) => Some(Written {
                    formula: Formula::Words(only.clone()),
                    taken_apart,
                }),
                _ => None,
            });
        }
        let mut at = 0;
        let formula = sum(&tokens, &mut at, 0).filter(|_| at == tokens.len());
        Ok(formula.map(|formula| Written { formula, taken_apart }))
    }
}

impl Written {
    /// The same with the formulas of other terms in place of their names: "margin = net income / sum(fee)". Errors:
    /// `Refuse`, as for those.
    pub fn expanded(mut self, entries: &[Entry]) -> Result<Written, Stop> {
        // Definitions may go round in a circle.
        for _ in 0..3 {
            let names: Vec<String> = self
                .formula
                .operands()
                .iter()
                .map(|name| name.to_lowercase())
                .collect();
            let mut found = false;
            for entry in entries {
                if names.contains(&entry.name.to_lowercase())
                    && let Some(other) = Written::read(&entry.meaning)?
                {
                    only_one(entry, entries)?;
                    self.formula.put(&entry.name, &other.formula);
                    self.taken_apart |= other.taken_apart;
                    found = true;
                }
            }
            if !found {
                break;
            }
        }
        Ok(self)
    }
}

impl Formula {
    /// Puts another formula in the place of a name.
    fn put(&mut self, name: &str, other: &Formula) {
        match self {
            Formula::Words(words) if words.to_lowercase() == name.to_lowercase() => *self = other.clone(),
            Formula::Words(_) | Formula::Number(_) => {}
            Formula::Op(_, left, right) => {
                left.put(name, other);
                right.put(name, other);
            }
        }
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

/// Functions as they are written in formulas, and the words that ask for the same.
const FUNCTIONS: [(&str, &str); 9] = [
    ("sum", "total"),
    ("total", "total"),
    ("avg", "average"),
    ("average", "average"),
    ("mean", "average"),
    ("min", "lowest"),
    ("max", "highest"),
    ("median", "median"),
    ("count", "number of"),
];

/// The pieces with calls such as `sum(amount)` in words: "total amount"; and whether a call computed row by row.
fn called(pieces: &[String], meaning: &str) -> Result<(Vec<String>, bool), Stop> {
    let mut found = Vec::with_capacity(pieces.len());
    let mut taken_apart = false;
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        at += 1;
        let lower = piece.to_lowercase();
        let function = FUNCTIONS.iter().find(|(name, _)| *name == lower);
        let (Some((name, words)), Some("(")) = (function, pieces.get(at).map(String::as_str)) else {
            found.push(piece.clone());
            continue;
        };
        let rest = &pieces[at + 1..];
        let inside = rest
            .iter()
            .position(|piece| piece == ")")
            .map(|close| &rest[..close]);
        let refuse = || {
            Err(Stop::Refuse(format!(
                "The glossary's \"{meaning}\" computes inside of {name}(…) in a way that cannot be read without a \
                 language model; a column can stand there, or columns added and subtracted."
            )))
        };
        let Some(inside) = inside else { return refuse() };
        at += inside.len() + 2;
        match inside {
            [only] if !is_sign(only) => found.push(of(words, only)),
            // What is linear may be added up in any order.
            several if matches!(*words, "total" | "average") && is_chain(several) => {
                taken_apart = true;
                found.push("(".into());
                found.extend(several.iter().map(|piece| match is_sign(piece) {
                    true => piece.clone(),
                    false => of(words, piece),
                }));
                found.push(")".into());
            }
            _ => return refuse(),
        }
    }
    Ok((found, taken_apart))
}

fn is_sign(piece: &str) -> bool {
    piece.len() == 1 && "+-*/()".contains(piece)
}

/// `a - b + c`, each of them words.
fn is_chain(pieces: &[String]) -> bool {
    pieces.len() % 2 == 1
        && pieces.iter().enumerate().all(|(at, piece)| match at % 2 {
            0 => !is_sign(piece) && piece.parse::<f64>().is_err(),
            _ => matches!(piece.as_str(), "+" | "-"),
        })
}

/// What a function is of, in words: columns may be written with underscores and with their table.
fn of(words: &str, thing: &str) -> String {
    let distinct = thing
        .get(..9)
        .is_some_and(|start| start.eq_ignore_ascii_case("distinct "));
    let (different, thing) = match distinct {
        true => ("different ", thing[9..].trim()),
        false => ("", thing),
    };
    let plain = |name: &str| name.trim_matches(['"', '`']).to_owned();
    match thing.split_once('.') {
        Some((table, column)) if !column.contains('.') => {
            format!("{words} {different}{} of {}", plain(column), plain(table))
        }
        _ => format!("{words} {different}{}", plain(thing)),
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
    fn formulas_have_operands_in_words() {
        let read = |meaning| {
            Written::read(meaning)
                .expect("no refusal")
                .map(|written| written.formula)
        };
        let formula = read("(total revenue - total cost) / total revenue * 100").expect("a formula");
        assert_eq!(formula.operands(), ["total revenue", "total cost"]);
        assert_eq!(read("month-over-month change"), None);
        assert_eq!(read("a - (b"), None);
        let formula = read("(SUM(amount) - sum(refund)) / count(distinct member)").expect("a formula");
        assert_eq!(
            formula.operands(),
            ["total amount", "total refund", "number of different member"]
        );
        assert_eq!(read("sum(amount)"), Some(Formula::Words("total amount".into())));
        let apart = Written::read("sum(price - cost) / sum(price)")
            .expect("no refusal")
            .expect("a formula");
        assert_eq!(apart.formula.operands(), ["total price", "total cost"]);
        assert!(apart.taken_apart);
        assert!(Written::read("sum(price * quantity)").is_err());
        assert!(Written::read("max(price - cost)").is_err());
        assert!(Written::read("count(*)").is_err());
    }
}
