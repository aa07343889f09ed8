//! What the file holds. SQLite declares types without keeping to them and has no type for dates, so a few rows
//! of every table are looked at: what a column really holds, how its dates are written, which values are
//! frequent.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::{NaiveDate, NaiveTime};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};

use super::fault;
use super::open::Locked;
use crate::catalog::{Catalog, Column, ColumnKind, ForeignKey, Table, TableKind};
use crate::error::Result;

/// Rows of a table that are looked at.
const LOOKED_AT: usize = 20_000;
/// Rows of a view, which may be costly.
const LOOKED_AT_VIEW: usize = 1_000;
/// Time for looking at rows, for all tables together.
const LOOK_FOR: Duration = Duration::from_secs(5);
/// Values of a column that are kept.
const MAX_VALUES: usize = 50;
/// Bytes of a value that is kept.
const MAX_VALUE: usize = 80;

/// Everything in the file but SQLite's own tables.
pub(super) fn read(locked: &Locked) -> Result<Catalog> {
    let connection = &locked.connection;
    let failed = |error: rusqlite::Error| fault::of(&error);
    // One view of the file throughout.
    connection.execute_batch("BEGIN").map_err(failed)?;
    let mut catalog = Catalog {
        tables: tables(connection).map_err(failed)?,
    };
    let estimates = estimates(connection);
    for table in &mut catalog.tables {
        // A view over a table that is gone cannot be asked.
        if columns(connection, table).is_err() {
            continue;
        }
        if table.kind == TableKind::Table {
            keys(connection, table).map_err(failed)?;
            table.row_estimate = estimates
                .iter()
                .find(|(name, _)| *name == table.name)
                .map(|(_, rows)| *rows)
                .or_else(|| highest_rowid(connection, &table.name));
        }
    }
    catalog.tables.retain(|table| !table.columns.is_empty());
    let until = (Instant::now() + LOOK_FOR).min(locked.deadline);
    for table in &mut catalog.tables {
        let seen = match Instant::now() < until {
            true => look(connection, table, until),
            false => vec![Seen::default(); table.columns.len()],
        };
        for (column, seen) in table.columns.iter_mut().zip(seen) {
            seen.describe(column);
        }
    }
    Ok(catalog)
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<Table>> {
    let mut statement = connection.prepare(
        "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    statement
        .query_map([], |row| {
            Ok(Table {
                name: row.get(0)?,
                kind: match row.get::<_, String>(1)?.as_str() {
                    "view" => TableKind::View,
                    _ => TableKind::Table,
                },
                ..Table::default()
            })
        })?
        .collect()
}

fn columns(connection: &Connection, table: &mut Table) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid",
    )?;
    let mut keys: Vec<(i64, String)> = Vec::new();
    let mut rows = statement.query([&table.name])?;
    while let Some(row) = rows.next()? {
        let (name, type_name, key): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(3)?);
        if key > 0 {
            keys.push((key, name.clone()));
        }
        let is_rowid = key > 0 && type_name.eq_ignore_ascii_case("integer");
        table.columns.push(Column {
            nullable: !row.get::<_, bool>(2)? && !is_rowid,
            name,
            type_name,
            ..Column::default()
        });
    }
    keys.sort();
    table.primary_key = keys.into_iter().map(|(_, name)| name).collect();
    Ok(())
}

fn keys(connection: &Connection, table: &mut Table) -> rusqlite::Result<()> {
    let mut indexes = connection.prepare(
        "SELECT l.name, i.name FROM pragma_index_list(?1) l JOIN pragma_index_info(l.name) i \
         WHERE l.\"unique\" = 1 AND l.partial = 0 AND l.origin <> 'pk' ORDER BY l.seq, i.seqno",
    )?;
    let mut unique: Vec<(String, Option<Vec<String>>)> = Vec::new();
    let mut rows = indexes.query([&table.name])?;
    while let Some(row) = rows.next()? {
        // An index over an expression has no column's name there.
        let (index, column): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        if unique.last().is_none_or(|(last, _)| *last != index) {
            unique.push((index, Some(Vec::new())));
        }
        if let Some((_, columns)) = unique.last_mut() {
            *columns = columns.take().zip(column).map(|(mut columns, column)| {
                columns.push(column);
                columns
            });
        }
    }
    table.unique = unique.into_iter().filter_map(|(_, columns)| columns).collect();
    let mut references = connection.prepare(
        "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq",
    )?;
    let mut rows = references.query([&table.name])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let (id, other, from): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let to: Option<String> = row.get(3)?;
        if last != Some(id) {
            table.foreign_keys.push(ForeignKey {
                table: other.clone(),
                ..ForeignKey::default()
            });
            last = Some(id);
        }
        let to = match to {
            Some(to) => Some(to),
            None => primary_key(connection, &other)?,
        };
        if let (Some(key), Some(to)) = (table.foreign_keys.last_mut(), to) {
            key.columns.push(from);
            key.references.push(to);
        }
    }
    table.foreign_keys.retain(|key| !key.columns.is_empty());
    Ok(())
}

/// What a foreign key without a column's name refers to, where it is one column.
fn primary_key(connection: &Connection, table: &str) -> rusqlite::Result<Option<String>> {
    connection
        .query_row(
            "SELECT max(name) FROM pragma_table_info(?1) WHERE pk > 0 HAVING count(*) = 1",
            [table],
            |row| row.get(0),
        )
        .optional()
}

/// Rows by table, as the last ANALYZE counted them.
fn estimates(connection: &Connection) -> Vec<(String, u64)> {
    let read = || -> rusqlite::Result<Vec<(String, String)>> {
        let mut statement = connection.prepare("SELECT tbl, stat FROM sqlite_stat1")?;
        statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    // Without an ANALYZE there is no such table.
    read()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(table, stat)| Some((table, stat.split(' ').next()?.parse().ok()?)))
        .collect()
}

/// The highest row number: at least as many rows as there are, unless some were numbered by hand. None for
/// tables without row numbers.
fn highest_rowid(connection: &Connection, table: &str) -> Option<u64> {
    let query = format!("SELECT coalesce(max(rowid), 0) FROM {}", quoted(table));
    let highest: i64 = connection.query_row(&query, [], |row| row.get(0)).ok()?;
    u64::try_from(highest).ok()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// How a text that stands for a moment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Date,
    Timestamp,
    TimestampTz,
}

/// What moment a text stands for, if it is written as SQLite's functions read it.
pub(super) fn moment_of(text: &str) -> Option<Moment> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let digits = |part: Option<&str>, len: usize| {
        part.is_some_and(|part| part.len() == len && part.bytes().all(|b| b.is_ascii_digit()))
    };
    if !(digits(parts.next(), 4) && digits(parts.next(), 2) && digits(parts.next(), 2)) {
        return None;
    }
    NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    if rest.is_empty() {
        return Some(Moment::Date);
    }
    let rest = rest.strip_prefix([' ', 'T'])?;
    let (time, zone) = match rest.find(['Z', '+', '-']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let is_time = ["%H:%M:%S%.f", "%H:%M"]
        .iter()
        .any(|form| NaiveTime::parse_from_str(time, form).is_ok());
    let is_zone = match zone.strip_prefix(['+', '-']) {
        Some(offset) => NaiveTime::parse_from_str(offset, "%H:%M").is_ok(),
        None => zone.is_empty() || zone == "Z",
    };
    match (is_time && is_zone, zone.is_empty()) {
        (false, _) => None,
        (true, true) => Some(Moment::Timestamp),
        (true, false) => Some(Moment::TimestampTz),
    }
}

/// What was seen of a column.
#[derive(Debug, Clone, Default)]
struct Seen {
    integers: usize,
    reals: usize,
    texts: usize,
    blobs: usize,
    /// None: nothing yet, or texts that are no moments.
    moment: Option<Moment>,
    no_moments: bool,
    values: BTreeSet<String>,
    too_many: bool,
    lowest: Option<i64>,
    highest: Option<i64>,
    example: Option<String>,
    /// Whether every row of the table was seen.
    all: bool,
}

/// Looks at rows of a table; what is not reached in time counts as not seen.
fn look(connection: &Connection, table: &Table, until: Instant) -> Vec<Seen> {
    let mut seen = vec![Seen::default(); table.columns.len()];
    let limit = match table.kind {
        TableKind::View => LOOKED_AT_VIEW,
        _ => LOOKED_AT,
    };
    let names: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
    let query = format!(
        "SELECT {} FROM {} LIMIT {}",
        names.join(", "),
        quoted(&table.name),
        limit + 1
    );
    let mut read = || -> rusqlite::Result<bool> {
        let mut statement = connection.prepare(&query)?;
        let mut rows = statement.query([])?;
        for _ in 0..limit {
            let Some(row) = rows.next()? else {
                return Ok(true);
            };
            for (at, seen) in seen.iter_mut().enumerate() {
                seen.take(row.get_ref(at)?);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
        }
        Ok(rows.next()?.is_none())
    };
    let all = read().unwrap_or(false);
    seen.iter_mut().for_each(|seen| seen.all = all);
    seen
}

impl Seen {
    fn take(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => {}
            ValueRef::Integer(value) => {
                self.integers += 1;
                self.lowest = Some(self.lowest.map_or(value, |lowest| lowest.min(value)));
                self.highest = Some(self.highest.map_or(value, |highest| highest.max(value)));
            }
            ValueRef::Real(_) => self.reals += 1,
            ValueRef::Blob(_) => self.blobs += 1,
            ValueRef::Text(bytes) => {
                self.texts += 1;
                let text = String::from_utf8_lossy(bytes);
                if !self.no_moments {
                    let moment = moment_of(&text);
                    self.no_moments =
                        moment.is_none() || self.moment.is_some_and(|known| Some(known) != moment);
                    self.moment = moment;
                    self.example.get_or_insert_with(|| text.clone().into_owned());
                }
                if !self.too_many && !self.values.contains(text.as_ref()) {
                    self.too_many = text.len() > MAX_VALUE || self.values.len() >= MAX_VALUES;
                    self.values.insert(text.into_owned());
                }
            }
        }
    }

    fn types(&self) -> usize {
        [self.integers, self.reals, self.texts, self.blobs]
            .iter()
            .filter(|count| **count > 0)
            .count()
    }

    /// Says of the column what it is.
    fn describe(self, column: &mut Column) {
        let declared = column.type_name.to_ascii_uppercase();
        let says = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        // The time of day alone is an ordinary text.
        let is_dated = says(&["DATE", "TIMESTAMP"]);
        let moment = self
            .moment
            .filter(|_| !self.no_moments && self.types() == 1 && (is_dated || self.all));
        column.kind = match moment {
            Some(Moment::Date) => ColumnKind::Date,
            Some(Moment::Timestamp) => ColumnKind::Timestamp,
            Some(Moment::TimestampTz) => ColumnKind::TimestampTz,
            None => self.kind(&declared, is_dated),
        };
        if column.type_name.is_empty() {
            column.type_name = match column.kind {
                ColumnKind::Integer => "INTEGER",
                ColumnKind::Float => "REAL",
                ColumnKind::Binary => "BLOB",
                ColumnKind::Other => "ANY",
                _ => "TEXT",
            }
            .into();
        }
        column.comment = self.comment(moment, is_dated);
        if column.kind == ColumnKind::Text && !self.too_many && self.types() == 1 {
            column.values = self.values.into_iter().collect();
            column.values_complete = self.all;
        }
    }

    /// By SQLite's rules for the declared type, then by what was seen.
    fn kind(&self, declared: &str, is_dated: bool) -> ColumnKind {
        let says = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        let only = |count: usize| count > 0 && self.types() == 1;
        if is_dated || declared.is_empty() || declared == "ANY" {
            return match () {
                () if only(self.integers) => ColumnKind::Integer,
                () if self.blobs == 0 && self.texts == 0 && self.reals > 0 => ColumnKind::Float,
                () if only(self.blobs) => ColumnKind::Binary,
                () if self.texts > 0 || is_dated => ColumnKind::Text,
                () => ColumnKind::Other,
            };
        }
        if says(&["BOOL"]) {
            ColumnKind::Boolean
        } else if says(&["INT"]) {
            ColumnKind::Integer
        } else if says(&["JSON"]) {
            ColumnKind::Json
        } else if says(&["CHAR", "CLOB", "TEXT", "UUID"]) {
            ColumnKind::Text
        } else if says(&["BLOB"]) {
            ColumnKind::Binary
        } else if says(&["REAL", "FLOA", "DOUB"]) {
            ColumnKind::Float
        } else if only(self.texts) {
            ColumnKind::Text
        } else if says(&["DEC", "NUM"]) {
            ColumnKind::Decimal
        } else {
            ColumnKind::Other
        }
    }

    /// What has to be known to compare and format its values.
    fn comment(&self, moment: Option<Moment>, is_dated: bool) -> Option<String> {
        if self.types() > 1 && (self.texts > 0 || self.blobs > 0) {
            return Some("Holds values of several types.".into());
        }
        if moment.is_some() {
            let example = self.example.as_deref().unwrap_or_default();
            return Some(format!("Stored as text, as in {example}."));
        }
        if is_dated && self.types() == 1 {
            let (lowest, highest) = (self.lowest.unwrap_or(0), self.highest.unwrap_or(0));
            return Some(match () {
                () if self.texts > 0 => "Stored as text of several forms.".into(),
                () if self.reals > 0 => "Stored as a number, by its size a Julian day.".into(),
                () if lowest > 100_000_000_000 => {
                    "Stored as a number, by its size milliseconds since 1970.".into()
                }
                () if highest > 100_000_000 => "Stored as a number, by its size seconds since 1970.".into(),
                () => "Stored as a number.".into(),
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_what_the_date_functions_read() {
        for (text, moment) in [
            ("2024-02-29", Some(Moment::Date)),
            ("2024-02-30", None),
            ("2024-2-3", None),
            ("24-02-29", None),
            ("2024-02-29 13:45", Some(Moment::Timestamp)),
            ("2024-02-29 13:45:00.123", Some(Moment::Timestamp)),
            ("2024-02-29T13:45:00", Some(Moment::Timestamp)),
            ("2024-02-29T13:45:00Z", Some(Moment::TimestampTz)),
            ("2024-02-29 13:45:00+02:00", Some(Moment::TimestampTz)),
            ("2024-02-29 noon", None),
            ("2024-02-2é", None),
            ("", None),
        ] {
            assert_eq!(moment_of(text), moment, "{text}");
        }
    }
}
