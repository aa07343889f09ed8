//! Comparison of answers with known right ones: which alternatives a right query names, and whether an answer
//! holds the same rows. Runs nothing itself.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What became of one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EvaluationVerdict)]
pub enum Verdict {
    Right,
    Wrong,
    Refused,
    Clarify,
    Failed,
    /// Answered, and nobody wrote down what would be right.
    Unscored,
}

impl Verdict {
    /// All of them, the best first.
    pub const ALL: [Verdict; 6] = [
        Verdict::Right,
        Verdict::Wrong,
        Verdict::Refused,
        Verdict::Clarify,
        Verdict::Failed,
        Verdict::Unscored,
    ];

    /// The one of this name.
    pub fn named(name: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.name() == name)
    }

    /// As it stands in the report.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Right => "right",
            Verdict::Wrong => "wrong",
            Verdict::Refused => "refused",
            Verdict::Clarify => "clarify",
            Verdict::Failed => "failed",
            Verdict::Unscored => "unscored",
        }
    }
}

/// The queries a gold text stands for: parts separated by `;` are each right, `{a,b}` stands for any non-empty
/// choice of those columns, and `{}` repeats the choice.
pub fn alternatives(gold: &str) -> Vec<String> {
    split(gold, ';')
        .into_iter()
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .flat_map(|part| expand(&part))
        .collect()
}

/// Cuts at `mark` outside quotes.
fn split(text: &str, mark: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == mark => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

fn expand(part: &str) -> Vec<String> {
    let Some((open, close)) = part
        .find('{')
        .and_then(|open| Some((open, open + part[open..].find('}')?)))
    else {
        return vec![part.to_owned()];
    };
    let columns: Vec<&str> = part[open + 1..close]
        .split(',')
        .map(str::trim)
        .filter(|c| !c.is_empty())
        .collect();
    // More columns than that would be thousands of queries; no gold query has them.
    if columns.is_empty() || columns.len() > 8 {
        return vec![part.to_owned()];
    }
    (1..1usize << columns.len())
        .map(|choice| {
            let chosen: Vec<&str> = columns
                .iter()
                .enumerate()
                .filter(|(at, _)| choice & (1 << at) != 0)
                .map(|(_, column)| *column)
                .collect();
            let chosen = chosen.join(", ");
            format!(
                "{}{chosen}{}",
                &part[..open],
                part[close + 1..].replace("{}", &chosen)
            )
        })
        .collect()
}

/// Whether `answer` holds all columns of `expected` with the same rows: row order, column order and names do
/// not count, numbers are compared to six significant digits. Rows are arrays of JSON cells.
pub fn same_rows(expected: &[Vec<Value>], answer: &[Vec<Value>]) -> bool {
    if expected.len() != answer.len() {
        return false;
    }
    let (Some(first), Some(row)) = (expected.first(), answer.first()) else {
        return true;
    };
    let (wanted, held) = (first.len(), row.len());
    if wanted == 0 || wanted > held {
        return false;
    }
    let cells = |rows: &[Vec<Value>]| -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(cell).collect()).collect()
    };
    let (expected, answer) = (cells(expected), cells(answer));
    let column = |rows: &[Vec<String>], at: usize| {
        let mut values: Vec<String> = rows.iter().filter_map(|row| row.get(at).cloned()).collect();
        values.sort_unstable();
        values
    };
    let held: Vec<Vec<String>> = (0..held).map(|at| column(&answer, at)).collect();
    let candidates: Vec<Vec<usize>> = (0..wanted)
        .map(|at| {
            let values = column(&expected, at);
            (0..held.len()).filter(|other| held[*other] == values).collect()
        })
        .collect();
    let mut chosen = Vec::new();
    assign(&candidates, &mut chosen, &expected, &answer)
}

/// Tries to give every expected column one of its candidates so that whole rows agree.
fn assign(
    candidates: &[Vec<usize>],
    chosen: &mut Vec<usize>,
    expected: &[Vec<String>],
    answer: &[Vec<String>],
) -> bool {
    if chosen.len() == candidates.len() {
        let mut counts: HashMap<Vec<&str>, i64> = HashMap::new();
        for row in expected {
            *counts
                .entry(row.iter().map(String::as_str).collect())
                .or_default() += 1;
        }
        for row in answer {
            let projected: Vec<&str> = chosen
                .iter()
                .map(|at| row.get(*at).map_or("", String::as_str))
                .collect();
            *counts.entry(projected).or_default() -= 1;
        }
        return counts.values().all(|count| *count == 0);
    }
    for &candidate in &candidates[chosen.len()] {
        if chosen.contains(&candidate) {
            continue;
        }
        chosen.push(candidate);
        if assign(candidates, chosen, expected, answer) {
            return true;
        }
        chosen.pop();
    }
    false
}

/// Whether one column of the answer holds exactly the plain values of `expected`, which are separated by `|`.
pub fn same_answer(expected: &str, answer: &[Vec<Value>]) -> bool {
    let mut wanted: Vec<String> = expected.split('|').map(plain).collect();
    wanted.sort_unstable();
    let width = answer.first().map_or(0, Vec::len);
    (0..width).any(|at| {
        let mut held: Vec<String> = answer
            .iter()
            .filter_map(|row| row.get(at))
            .map(|value| match value {
                Value::String(text) => plain(text),
                other => cell(other),
            })
            .collect();
        held.sort_unstable();
        held == wanted
    })
}

/// A plain answer as it is compared: case and surrounding space do not count, numbers lose their separators.
fn plain(text: &str) -> String {
    let text = text.trim().to_lowercase();
    number(&text.replace(',', "")).unwrap_or(text)
}

/// A cell as it is compared.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "\u{0}".to_owned(),
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        Value::Number(n) => n.as_f64().map_or_else(|| n.to_string(), significant),
        Value::String(text) => text_cell(text),
        other => other.to_string(),
    }
}

fn text_cell(text: &str) -> String {
    let text = text.trim();
    if let Some(number) = number(text) {
        return number;
    }
    // Midnight is the day itself, whatever the zone mark.
    let bare = text
        .strip_suffix('Z')
        .or_else(|| text.strip_suffix("+00:00"))
        .unwrap_or(text);
    for tail in ["T00:00:00.000000", "T00:00:00.000", "T00:00:00", " 00:00:00"] {
        if let Some(day) = bare.strip_suffix(tail)
            && day.len() == 10
        {
            return day.to_owned();
        }
    }
    bare.to_owned()
}

/// Decimals travel as text; codes such as `007` are not numbers.
fn number(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (plain && !leading_zero)
        .then(|| text.parse::<f64>().ok())
        .flatten()
        .map(significant)
}

/// Six significant digits.
fn significant(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else {
        format!("{value:.5e}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(value: Value) -> Vec<Vec<Value>> {
        serde_json::from_value(value).expect("rows")
    }

    #[test]
    fn gold_queries_name_their_alternatives() {
        assert_eq!(
            alternatives("SELECT {a, b}, count(*) FROM t GROUP BY {}; SELECT ';' FROM u;"),
            [
                "SELECT a, count(*) FROM t GROUP BY a",
                "SELECT b, count(*) FROM t GROUP BY b",
                "SELECT a, b, count(*) FROM t GROUP BY a, b",
                "SELECT ';' FROM u",
            ]
        );
    }

    #[test]
    fn the_same_rows_in_another_shape_are_right() {
        let gold = rows(json!([["Ann", 2], ["Bob", 1.0]]));
        assert!(same_rows(&gold, &rows(json!([[1, 7, "Bob"], ["2", 8, "Ann"]]))));
        assert!(same_rows(
            &rows(json!([[0.333333333]])),
            &rows(json!([["0.33333334"]]))
        ));
        assert!(same_rows(
            &rows(json!([["2025-01-01T00:00:00"]])),
            &rows(json!([["2025-01-01"]]))
        ));
    }

    #[test]
    fn other_rows_are_wrong() {
        let gold = rows(json!([["Ann", 2], ["Bob", 1]]));
        assert!(!same_rows(&gold, &rows(json!([["Ann", 1], ["Bob", 2]]))));
        assert!(!same_rows(&gold, &rows(json!([["Ann", 2]]))));
        assert!(!same_rows(&gold, &rows(json!([["Ann"], ["Bob"]]))));
        assert!(!same_rows(&rows(json!([[1], [1]])), &rows(json!([[1], [2]]))));
        assert!(!same_rows(&rows(json!([[null]])), &rows(json!([[0]]))));
        assert!(!same_rows(&rows(json!([["007"]])), &rows(json!([[7]]))));
    }

    #[test]
    fn plain_answers_are_compared_as_sets_of_one_column() {
        assert!(same_answer(
            "Berlin|Rome",
            &rows(json!([[1, "rome"], [2, "Berlin"]]))
        ));
        assert!(same_answer("1,200", &rows(json!([[1200]]))));
        assert!(!same_answer("Berlin", &rows(json!([["Berlin"], ["Rome"]]))));
        assert!(!same_answer("Berlin", &[]));
    }
}
