//! Rows for a terminal: one readable table. Not for machines; `csv` and `json_file` are.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};
use serde_json::Value;

use super::ColumnInfo;

/// Characters of one cell at most; the rest becomes `…`.
const MAX_CELL: usize = 60;

/// Characters of the table when the output is no terminal and has no width.
const DEFAULT_WIDTH: u16 = 100;

/// A table of these rows and, where `row_count` says that there are more, a line that tells so. `width` in
/// characters; None: that of the terminal.
pub fn table(columns: &[ColumnInfo], rows: &[Vec<Value>], row_count: u64, width: Option<u16>) -> String {
    let mut table = Table::new();
    table
        .load_preset(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic);
    match width {
        Some(width) => {
            table.set_width(width);
        }
        None if table.width().is_none() => {
            table.set_width(DEFAULT_WIDTH);
        }
        None => {}
    }
    table.set_header(
        columns
            .iter()
            .map(|column| Cell::new(shorten(&printable(&column.name)))),
    );
    for row in rows {
        table.add_row(row.iter().zip(columns).map(|(value, column)| {
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) => shorten(&printable(text)),
                other => shorten(&cell(other)),
            };
            Cell::new(text).set_alignment(match column.type_name.as_str() {
                "integer" | "decimal" | "float" => CellAlignment::Right,
                _ => CellAlignment::Left,
            })
        }));
    }
    for (at, column) in columns.iter().enumerate() {
        if matches!(column.type_name.as_str(), "integer" | "decimal" | "float")
            && let Some(column) = table.column_mut(at)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = table.to_string();
    let more = row_count.saturating_sub(rows.len() as u64);
    if more > 0 {
        let noun = if more == 1 { "row" } else { "rows" };
        text.push_str(&format!("\n… and {more} more {noun}"));
    }
    text
}

/// A JSON value as the text of a cell: strings bare, null empty, lists and objects as compact JSON.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Text from a database must not steer the terminal: control characters become visible.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => '⏎',
            '\t' => ' ',
            // Escape sequences, and marks that turn the direction of the text around.
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                '\u{fffd}'
            }
            c => c,
        })
        .collect()
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_CELL) {
        None => text.to_owned(),
        Some(_) => {
            let end = text
                .char_indices()
                .nth(MAX_CELL - 1)
                .map_or(text.len(), |(at, _)| at);
            format!("{}…", text[..end].trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn columns() -> Vec<ColumnInfo> {
        [("store", "text"), ("revenue", "decimal")]
            .map(|(name, type_name)| ColumnInfo {
                name: name.into(),
                type_name: type_name.into(),
            })
            .to_vec()
    }

    #[test]
    fn numbers_stand_right_and_the_rest_is_counted() {
        let rows = vec![
            vec![json!("Berlin"), json!("1200.50")],
            vec![json!("Kiel"), json!("7.00")],
        ];
        let text = table(&columns(), &rows, 962, Some(80));
        assert!(text.contains("│ Berlin ┆ 1200.50 │"), "{text}");
        assert!(text.contains("│ Kiel   ┆    7.00 │"), "{text}");
        assert!(text.ends_with("… and 960 more rows"), "{text}");
    }

    #[test]
    fn a_terminal_is_neither_flooded_nor_steered() {
        let rows = vec![vec![json!(format!("\u{1b}[2J{}", "x".repeat(5000))), Value::Null]];
        let text = table(&columns(), &rows, 1, Some(80));
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains('…'));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.lines().count() <= 6, "{text}");
    }
}
