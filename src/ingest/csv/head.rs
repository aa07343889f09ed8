//! Where the table begins: title lines above it, and whether its first row is a header. Judged from the first
//! records only; nothing is lost by it, since whatever is left out is reported.

use super::super::names;
use super::super::report::OddRow;
use super::super::typing::shapes::{Look, Shapes, shorten};
use super::dialect::{Dialect, field_counts, usual_count};
use super::examine::{Lines, cells};
use super::record::{Field, Records};

/// Title lines that are looked for at most.
const MOST_TITLES: usize = 20;

/// Records that the header is compared with.
const COMPARED: usize = 200;

/// The beginning of a table.
#[derive(Debug, Clone)]
pub struct Head {
    /// Records before the first row of data.
    pub skip: usize,
    /// The names as they stand in the header; none if there is no header.
    pub header: Option<Vec<String>>,
    /// Columns that the table is expected to have.
    pub width: usize,
    /// Lines above the table.
    pub titles: Vec<OddRow>,
}

/// Reads the beginning of a file.
pub fn read(sample: &[u8], dialect: &Dialect, lines: Lines) -> Head {
    let carried = usize::from(lines == Lines::FirstField);
    let usual = usual_count(&field_counts(sample, dialect))
        .saturating_sub(carried)
        .max(1);
    let mut records = Records::new(sample, 1, dialect);
    let mut fields: Vec<Field> = Vec::new();
    let mut titles = Vec::new();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut in_table = false;
    while rows.len() < COMPARED {
        let Some(mut record) = records.next_into(&mut fields) else {
            break;
        };
        let row: Vec<String> = cells(sample, &mut fields, dialect, lines, &mut record)
            .iter()
            .map(|field| String::from_utf8_lossy(&field.value(sample, dialect)).into_owned())
            .collect();
        let filled = row.iter().filter(|cell| !cell.trim().is_empty()).count();
        // A title has one or two cells where the table has more.
        let is_title = usual > 2 && filled <= (usual - 1) / 2 && filled <= 2 && row.len() < usual;
        if !in_table && is_title && titles.len() < MOST_TITLES {
            titles.push(OddRow {
                line: record.line,
                problem: "This line stands above the table and is not part of it.".to_owned(),
                text: shorten(&String::from_utf8_lossy(&sample[record.start..record.end])),
            });
            continue;
        }
        in_table = true;
        rows.push(row);
    }
    if rows.is_empty() {
        // Nothing but short lines: they are the table.
        return Head {
            titles: Vec::new(),
            ..of_rows(&[], usual)
        };
    }
    let mut head = of_rows(&rows, usual);
    head.skip += titles.len();
    head.titles = titles;
    head
}

fn of_rows(rows: &[Vec<String>], usual: usize) -> Head {
    let first = rows.first();
    let header = first.filter(|first| is_header(first, &rows[1..])).cloned();
    let width = header.as_ref().map_or(usual, |header| {
        // A delimiter at the end of every row makes one more field than there are names.
        let named = header
            .iter()
            .rposition(|name| !name.trim().is_empty())
            .map_or(0, |last| last + 1);
        named.max(usual.min(header.len())).max(1)
    });
    Head {
        skip: usize::from(header.is_some()),
        header,
        width,
        titles: Vec::new(),
    }
}

/// Whether a row names the columns below it.
fn is_header(first: &[String], below: &[Vec<String>]) -> bool {
    let cells: Vec<&str> = first.iter().map(|cell| cell.trim()).collect();
    if cells.iter().all(|cell| cell.is_empty()) {
        return false;
    }
    if below.is_empty() {
        // A single row: names, unless it holds numbers or dates.
        return cells
            .iter()
            .all(|cell| cell.is_empty() || looks(cell) == Look::Text);
    }
    let mut for_header = 0;
    let mut against = 0;
    let mut years = 0;
    for (index, cell) in cells.iter().enumerate() {
        if cell.is_empty() {
            continue;
        }
        let look = looks(cell);
        let column: Vec<&str> = below
            .iter()
            .filter_map(|row| row.get(index).map(|cell| cell.trim()))
            .filter(|cell| !cell.is_empty())
            .collect();
        if look != Look::Text && look != Look::YesNo {
            if is_year(cell) {
                years += 1;
            } else {
                against += 2;
            }
            continue;
        }
        let typed = column.iter().filter(|cell| looks(cell) != Look::Text).count();
        if typed * 10 >= column.len() * 8 && !column.is_empty() {
            for_header += 3;
        }
        // A name does not stand among the values.
        if column.contains(cell) {
            against += 2;
        }
    }
    let distinct = {
        let mut known: Vec<String> = cells.iter().map(|cell| cell.to_lowercase()).collect();
        known.sort();
        known.dedup();
        known.len() == cells.len()
    };
    if years > 0 && years < 2 && for_header == 0 {
        against += 2;
    }
    if years >= 2 && years + 1 >= cells.len().saturating_sub(2) {
        for_header += 1;
    }
    if for_header > 0 {
        return for_header >= against;
    }
    // Words over words: most files name their columns.
    against == 0 || (against <= 2 && !distinct && years == 0 && cells.len() > 3)
}

fn is_year(cell: &str) -> bool {
    cell.len() == 4
        && cell
            .parse::<u32>()
            .is_ok_and(|year| (1500..=2100).contains(&year))
}

/// What one cell looks like.
fn looks(cell: &str) -> Look {
    let mut shapes = Shapes::default();
    shapes.add(cell.as_bytes(), 0);
    shapes.examples.first().map_or(Look::Text, |example| example.look)
}

impl Head {
    /// The names of the columns for a table of `width` columns: unique, none empty; and what stood there.
    pub fn names(&self, width: usize) -> Vec<(String, String)> {
        let originals: Vec<String> = (0..width)
            .map(|index| {
                self.header
                    .as_ref()
                    .and_then(|header| header.get(index))
                    .cloned()
                    .unwrap_or_default()
            })
            .collect();
        names::columns(&originals).into_iter().zip(originals).collect()
    }
}
