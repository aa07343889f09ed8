//! The whole store as rows of JSON, and back: for backups, which fit either kind of store.
//!
//! Tables and columns are read from the store itself, so that nothing is forgotten when one is added. What a
//! value looks like does not depend on the store: `true`, `2026-01-31T12:00:00.123456`, bytes in hex.

use std::collections::{HashMap, HashSet};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::MigrationHarness;
use serde_json::{Map, Value};

use super::{Conn, MIGRATIONS};
use crate::error::{Error, Result};

/// Rows read at once.
const STEP: i64 = 500;

/// Diesel's own list of what it applied.
const APPLIED: &str = "__diesel_schema_migrations";

/// A table and its columns.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    columns: Vec<Column>,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Text and numbers, as they are.
    Plain,
    Bool,
    Time,
    Bytes,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Described {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = Text)]
    row: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

macro_rules! load {
    ($conn:expr, $as:ty, $sqlite:expr, $postgres:expr) => {
        match $conn {
            Conn::Sqlite(conn) => diesel::sql_query($sqlite).load::<$as>(conn)?,
            Conn::Postgres(conn) => diesel::sql_query($postgres).load::<$as>(conn)?,
        }
    };
}

impl Table {
    /// Whether it has a column of this name.
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|found| found.name == column)
    }
}

/// Every table, those that others refer to first.
pub fn tables(conn: &mut Conn) -> Result<Vec<Table>> {
    let names = load!(
        conn,
        Name,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
        "SELECT table_name::text AS name FROM information_schema.tables
         WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name"
    );
    let mut left = Vec::new();
    for Name { name } in names {
        if name == APPLIED {
            continue;
        }
        let refers = load!(
            conn,
            Name,
            format!(
                "SELECT \"table\" AS name FROM pragma_foreign_key_list({})",
                literal(&name)
            ),
            format!(
                "SELECT c.relname::text AS name FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid
                 WHERE k.contype = 'f' AND k.conrelid = {}::regclass",
                literal(&quoted(&name))
            )
        );
        let refers: HashSet<String> = refers
            .into_iter()
            .map(|found| found.name)
            .filter(|other| *other != name)
            .collect();
        left.push((name, refers));
    }
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let free = left
            .iter()
            .position(|(_, refers)| !left.iter().any(|(other, _)| refers.contains(other)));
        let Some(free) = free else {
            return Err(Error::internal(
                "the store's tables refer to each other in a circle",
            ));
        };
        let (name, _) = left.remove(free);
        let columns = columns(conn, &name)?;
        ordered.push(Table { name, columns });
    }
    Ok(ordered)
}

fn columns(conn: &mut Conn, table: &str) -> Result<Vec<Column>> {
    let described = load!(
        conn,
        Described,
        format!(
            "SELECT name, type AS kind FROM pragma_table_info({}) ORDER BY cid",
            literal(table)
        ),
        format!(
            "SELECT column_name::text AS name, data_type::text AS kind FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = {} ORDER BY ordinal_position",
            literal(table)
        )
    );
    Ok(described
        .into_iter()
        .map(|Described { name, kind }| {
            let kind = kind.to_ascii_lowercase();
            let kind = match kind.split([' ', '(']).next().unwrap_or_default() {
                "boolean" | "bool" => Kind::Bool,
                "timestamp" | "datetime" => Kind::Time,
                "bytea" | "blob" => Kind::Bytes,
                _ => Kind::Plain,
            };
            Column { name, kind }
        })
        .collect())
}

/// How many rows a table has.
pub fn count(conn: &mut Conn, table: &Table) -> Result<u64> {
    let sql = format!("SELECT count(*) AS count FROM {}", quoted(&table.name));
    let found = load!(conn, Count, &sql, &sql);
    Ok(found
        .first()
        .and_then(|found| u64::try_from(found.count).ok())
        .unwrap_or_default())
}

/// Gives every row of a table, in one snapshot if the connection is in one. Gives how many there were.
pub fn dump(
    conn: &mut Conn,
    table: &Table,
    mut each: impl FnMut(Map<String, Value>) -> Result<()>,
) -> Result<u64> {
    let mut rows = 0;
    let mut take = |found: Vec<Row>| -> Result<Option<i64>> {
        let last = found.last().map(|row| row.at);
        for row in found {
            let mut row: Map<String, Value> = serde_json::from_str(&row.row).map_err(Error::internal)?;
            for column in &table.columns {
                if let Some(value) = row.get_mut(&column.name) {
                    neutral(value, column.kind);
                }
            }
            each(row)?;
            rows += 1;
        }
        Ok(last)
    };
    match conn {
        Conn::Sqlite(conn) => {
            let fields: Vec<String> = table
                .columns
                .iter()
                .map(|column| {
                    let name = quoted(&column.name);
                    let value = match column.kind {
                        Kind::Bytes => format!("hex({name})"),
                        _ => name,
                    };
                    format!("{}, {value}", literal(&column.name))
                })
                .collect();
            let sql = format!(
                "SELECT rowid AS at, json_object({}) AS row FROM {} WHERE rowid > ? ORDER BY rowid LIMIT ?",
                fields.join(", "),
                quoted(&table.name)
            );
            let mut after = i64::MIN;
            loop {
                let found = diesel::sql_query(&sql)
                    .bind::<BigInt, _>(after)
                    .bind::<BigInt, _>(STEP)
                    .load::<Row>(conn)?;
                match take(found)? {
                    Some(last) => after = last,
                    None => break,
                }
            }
        }
        Conn::Postgres(conn) => {
            conn.batch_execute(&format!(
                "DECLARE custard_dump NO SCROLL CURSOR FOR SELECT 0::bigint AS at, row_to_json(t)::text AS row FROM {} t",
                quoted(&table.name)
            ))?;
            loop {
                let found = diesel::sql_query(format!("FETCH {STEP} FROM custard_dump")).load::<Row>(conn)?;
                if take(found)?.is_none() {
                    break;
                }
            }
            conn.batch_execute("CLOSE custard_dump")?;
        }
    }
    Ok(rows)
}

/// Puts a row in. Errors: `Invalid` for columns that the table does not have.
pub fn insert(conn: &mut Conn, table: &Table, mut row: Map<String, Value>) -> Result<()> {
    let known: HashMap<&str, Kind> = table
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.kind))
        .collect();
    if let Some(unknown) = row.keys().find(|name| !known.contains_key(name.as_str())) {
        return Err(Error::Invalid(format!(
            "The backup has a column {}.{} that its own version of the schema does not have.",
            table.name,
            crate::protocol::sentence(unknown)
        )));
    }
    let names: Vec<String> = row.keys().cloned().collect();
    let list: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    let list = list.join(", ");
    match conn {
        Conn::Sqlite(conn) => {
            for (name, value) in &mut row {
                if known.get(name.as_str()) == Some(&Kind::Time)
                    && let Value::String(time) = value
                {
                    // As diesel writes it, so that times compare as texts.
                    *time = time.replacen('T', " ", 1);
                }
            }
            let values: Vec<String> = names
                .iter()
                .map(|name| {
                    let path = literal(&format!("$.\"{name}\""));
                    match known.get(name.as_str()) {
                        Some(Kind::Bytes) => format!("unhex(json_extract(?1, {path}))"),
                        _ => format!("json_extract(?1, {path})"),
                    }
                })
                .collect();
            let sql = format!(
                "INSERT INTO {} ({list}) SELECT {}",
                quoted(&table.name),
                values.join(", ")
            );
            let row = serde_json::to_string(&row).map_err(Error::internal)?;
            diesel::sql_query(sql).bind::<Text, _>(row).execute(conn)?;
        }
        Conn::Postgres(conn) => {
            for (name, value) in &mut row {
                if known.get(name.as_str()) == Some(&Kind::Bytes)
                    && let Value::String(hex) = value
                {
                    hex.insert_str(0, "\\x");
                }
            }
            let sql = format!(
                "INSERT INTO {name} ({list}) SELECT {list} FROM json_populate_record(NULL::{name}, $1::json)",
                name = quoted(&table.name)
            );
            let row = serde_json::to_string(&row).map_err(Error::internal)?;
            diesel::sql_query(sql).bind::<Text, _>(row).execute(conn)?;
        }
    }
    Ok(())
}

/// A value as it looks in either store.
fn neutral(value: &mut Value, kind: Kind) {
    match (kind, &mut *value) {
        (Kind::Bool, Value::Number(number)) => *value = Value::Bool(number.as_i64() != Some(0)),
        (Kind::Time, Value::String(time)) => *time = time.replacen(' ', "T", 1),
        (Kind::Bytes, Value::String(bytes)) => {
            let hex = bytes.strip_prefix("\\x").unwrap_or(bytes).to_ascii_lowercase();
            *bytes = hex;
        }
        _ => {}
    }
}

/// The versions of the schema that the store has been brought through, oldest first.
pub fn applied(conn: &mut Conn) -> Result<Vec<String>> {
    // Not through diesel's harness: that would make its table where it is missing, and this only looks.
    let sql = format!("SELECT version AS name FROM {APPLIED} ORDER BY version");
    let found = load!(conn, Name, &sql, &sql);
    Ok(found.into_iter().map(|found| found.name).collect())
}

/// The versions that this program knows.
pub fn known() -> Result<Vec<String>> {
    use diesel::migration::MigrationSource;
    let all = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&MIGRATIONS).map_err(Error::internal)?;
    Ok(all
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect())
}

/// Brings an empty store to exactly these versions. Errors: `Invalid` for one that is not known.
pub fn migrate_to(conn: &mut Conn, versions: &[String]) -> Result<()> {
    let known = known()?;
    if let Some(newer) = versions.iter().find(|version| !known.contains(version)) {
        return Err(Error::Invalid(format!(
            "The backup's schema ({}) is newer than this program knows. Restore it with the program that made it, or a \
             newer one.",
            crate::protocol::sentence(newer)
        )));
    }
    let pending = conn.pending_migrations(MIGRATIONS).map_err(Error::internal)?;
    for migration in pending {
        if versions.contains(&migration.name().version().to_string()) {
            conn.run_migration(&migration).map_err(Error::internal)?;
        }
    }
    Ok(())
}

/// What the store itself finds wrong with its file and its references; empty when all is well.
pub fn integrity(conn: &mut Conn) -> Result<Vec<String>> {
    match conn {
        Conn::Sqlite(conn) => {
            let mut found = diesel::sql_query("SELECT integrity_check AS name FROM pragma_integrity_check")
                .load::<Name>(conn)?
                .into_iter()
                .map(|found| found.name)
                .filter(|words| words != "ok")
                .collect::<Vec<_>>();
            let lost = diesel::sql_query(
                "SELECT \"table\" || ' row ' || coalesce(rowid, 0) || ' refers to nothing in ' || parent AS name
                 FROM pragma_foreign_key_check",
            )
            .load::<Name>(conn)?;
            found.extend(lost.into_iter().map(|found| found.name));
            Ok(found)
        }
        // PostgreSQL keeps its references itself, and its pages are its administrator's.
        Conn::Postgres(_) => Ok(Vec::new()),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
