//! Names of tables and columns made from what stands in files: unique, never empty, without control
//! characters. Otherwise as written, so that people find their own words.

use std::collections::HashSet;

/// Longest name in characters.
const LONGEST: usize = 120;

/// Column names made unique without regard to case: `name`, `name_2`; an empty one is `column_3`.
pub fn columns(originals: &[String]) -> Vec<String> {
    let cleaned: Vec<String> = originals
        .iter()
        .enumerate()
        .map(|(index, original)| match clean(original) {
            name if name.is_empty() => format!("column_{}", index + 1),
            name => name,
        })
        .collect();
    unique(&cleaned)
}

/// Makes names unique without regard to case, the first of equals unchanged.
pub fn unique(names: &[String]) -> Vec<String> {
    let given: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let mut taken = HashSet::new();
    names
        .iter()
        .map(|name| {
            let mut candidate = name.clone();
            let mut number = 2;
            while taken.contains(&candidate.to_lowercase())
                || (number > 2 && given.contains(&candidate.to_lowercase()))
            {
                candidate = format!("{name}_{number}");
                number += 1;
            }
            taken.insert(candidate.to_lowercase());
            candidate
        })
        .collect()
}

fn clean(original: &str) -> String {
    let mut name = String::new();
    for part in original.split(|c: char| c.is_whitespace() || c.is_control()) {
        if part.is_empty() {
            continue;
        }
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(part);
    }
    name.chars()
        .filter(|c| !matches!(c, '\u{feff}' | '\u{200b}'))
        .take(LONGEST)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// A table's name from a file's or a sheet's: lower case words joined by `_`.
pub fn table(original: &str) -> String {
    let mut name = String::new();
    for c in original.chars() {
        if c.is_alphanumeric() {
            name.extend(c.to_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        if name.chars().count() >= 60 {
            break;
        }
    }
    let name = name.trim_matches('_').to_owned();
    match name.chars().next() {
        None => "data".to_owned(),
        Some(first) if first.is_numeric() => format!("t_{name}"),
        Some(_) => name,
    }
}

/// A file's name without folder and ending.
pub fn stem(file_name: &str) -> &str {
    let base = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let base = base.strip_suffix(".gz").unwrap_or(base);
    match base.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_never_empty() {
        let given = ["name", "Name", "", " a\n b ", "name_2", "name"].map(str::to_owned);
        let names = columns(&given);
        assert_eq!(names, ["name", "Name_3", "column_3", "a b", "name_2", "name_4"]);
        let mut lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        lower.sort();
        lower.dedup();
        assert_eq!(lower.len(), given.len());
    }

    #[test]
    fn tables_are_called_after_their_file() {
        assert_eq!(
            table(stem("C:\\data\\Sales Report (2024).csv")),
            "sales_report_2024"
        );
        assert_eq!(table(stem("2024-05.csv")), "t_2024_05");
        assert_eq!(table(stem("Käufe.xlsx")), "käufe");
        assert_eq!(table("!!!"), "data");
    }
}
