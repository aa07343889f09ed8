//! What the database holds, in a few queries over `information_schema`, and the frequent values of its texts
//! from a few rows of each table.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Result, Row};

use super::pool::is_mariadb;
use crate::catalog::{Catalog, Column, ColumnKind, ForeignKey, Table, TableKind};

/// Rows of a table that are looked at for values.
const LOOKED_AT: usize = 2_000;
/// Tables that are looked at.
const TABLES_LOOKED_AT: usize = 200;
/// Time for looking at rows, for all tables together.
const LOOK_FOR: Duration = Duration::from_secs(5);
/// Values of a column that are kept.
const MAX_VALUES: usize = 50;
/// Bytes of a value that is kept.
const MAX_VALUE: usize = 80;

/// The schemas that are the source: the one that is connected to, else all that are not the server's own.
const OURS: &str = "IF(DATABASE() IS NULL, {} NOT IN ('information_schema', 'mysql', 'performance_schema', \
                    'sys'), {} = DATABASE())";

/// A table's name within the server.
type Key = (String, String);

/// Schema, name, type, rows and comment of a table.
type TableRow = (String, String, String, Option<u64>, Option<String>);

/// Everything the user may see.
pub(super) async fn read(connection: &mut Conn) -> Result<Catalog> {
    let current: Option<Option<String>> = connection.query_first("SELECT DATABASE()").await?;
    let has_schemas = current.flatten().is_none();
    let mut tables = tables(connection, has_schemas).await?;
    let mut places: HashMap<Key, usize> = HashMap::new();
    for (at, (key, _)) in tables.iter().enumerate() {
        places.insert(key.clone(), at);
    }
    columns(connection, &places, &mut tables).await?;
    indexes(connection, &places, &mut tables).await?;
    foreign_keys(connection, &places, &mut tables, has_schemas).await?;
    if is_mariadb(connection) {
        json_columns(connection, &places, &mut tables).await?;
    }
    let until = Instant::now() + LOOK_FOR;
    for ((schema, name), table) in tables.iter_mut().take(TABLES_LOOKED_AT) {
        if table.kind == TableKind::Table && Instant::now() < until {
            // A table that cannot be read is in the catalog all the same; its query will say why.
            let _ = values(connection, schema, name, table).await;
        }
    }
    let tables = tables
        .into_iter()
        .map(|(_, table)| table)
        .filter(|table| !table.columns.is_empty())
        .collect();
    Ok(Catalog { tables })
}

async fn tables(connection: &mut Conn, has_schemas: bool) -> Result<Vec<(Key, Table)>> {
    let query = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_ROWS, TABLE_COMMENT FROM information_schema.TABLES \
         WHERE {} AND TABLE_TYPE <> 'SEQUENCE' ORDER BY TABLE_SCHEMA, TABLE_NAME",
        ours("TABLE_SCHEMA")
    );
    let rows = connection.query::<TableRow, _>(query).await?;
    Ok(rows
        .into_iter()
        .map(|(schema, name, kind, rows, comment)| {
            let is_view = kind.contains("VIEW");
            let table = Table {
                schema: has_schemas.then(|| schema.clone()),
                name: name.clone(),
                kind: if is_view {
                    TableKind::View
                } else {
                    TableKind::Table
                },
                // A view's comment is the word VIEW.
                comment: comment.filter(|words| !is_view && !words.is_empty()),
                row_estimate: rows.filter(|_| !is_view),
                ..Table::default()
            };
            ((schema, name), table)
        })
        .collect())
}

fn ours(column: &str) -> String {
    OURS.replace("{}", column)
}

/// Looks up the table that the first two values of a row name.
fn place<'t>(
    row: &mut Row,
    places: &HashMap<Key, usize>,
    tables: &'t mut [(Key, Table)],
) -> Option<&'t mut Table> {
    let key: Key = (row.take(0)?, row.take(1)?);
    tables.get_mut(*places.get(&key)?).map(|(_, table)| table)
}

async fn columns(
    connection: &mut Conn,
    places: &HashMap<Key, usize>,
    tables: &mut [(Key, Table)],
) -> Result<()> {
    let query = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, IS_NULLABLE, COLUMN_COMMENT \
         FROM information_schema.COLUMNS WHERE {} ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION",
        ours("TABLE_SCHEMA")
    );
    for mut row in connection.query::<Row, _>(query).await? {
        let Some(table) = place(&mut row, places, tables) else {
            continue;
        };
        let text = |row: &mut Row, at| row.take::<String, _>(at).unwrap_or_default();
        let (name, type_name, data_type) = (text(&mut row, 2), text(&mut row, 3), text(&mut row, 4));
        let labels = match data_type.eq_ignore_ascii_case("enum") {
            true => labels(&type_name),
            false => Vec::new(),
        };
        table.columns.push(Column {
            kind: kind(&data_type, &type_name),
            name,
            type_name,
            nullable: text(&mut row, 5) == "YES",
            comment: Some(text(&mut row, 6)).filter(|words| !words.is_empty()),
            values_complete: !labels.is_empty(),
            values: labels,
            ..Column::default()
        });
    }
    Ok(())
}

/// Primary and unique keys; `STATISTICS` is open to users who may only select, the constraints are not
/// everywhere.
async fn indexes(
    connection: &mut Conn,
    places: &HashMap<Key, usize>,
    tables: &mut [(Key, Table)],
) -> Result<()> {
    let query = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS \
         WHERE {} AND NON_UNIQUE = 0 ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
        ours("TABLE_SCHEMA")
    );
    let mut last: Option<(Key, String)> = None;
    for mut row in connection.query::<Row, _>(query).await? {
        let key: Option<(Key, String)> = row.get_opt::<String, _>(0).and_then(|schema| {
            let table = row.get_opt::<String, _>(1)?.ok()?;
            let index = row.get_opt::<String, _>(2)?.ok()?;
            Some(((schema.ok()?, table), index))
        });
        let is_next = key == last;
        let Some(table) = place(&mut row, places, tables) else {
            continue;
        };
        let index: String = row.take(2).unwrap_or_default();
        let column: Option<Option<String>> = row.take(3);
        let part: Option<Option<u64>> = row.take(4);
        // An index over an expression, or over the beginning of a text, makes no column unique.
        let column = column.flatten().filter(|_| part.flatten().is_none());
        if index == "PRIMARY" {
            table.primary_key.extend(column);
        } else {
            if !is_next {
                table.unique.push(Vec::new());
            }
            if let Some(columns) = table.unique.last_mut() {
                columns.push(column.unwrap_or_default());
            }
        }
        last = key;
    }
    for (_, table) in tables {
        table
            .unique
            .retain(|columns| columns.iter().all(|column| !column.is_empty()));
    }
    Ok(())
}

async fn foreign_keys(
    connection: &mut Conn,
    places: &HashMap<Key, usize>,
    tables: &mut [(Key, Table)],
    has_schemas: bool,
) -> Result<()> {
    let query = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, \
         REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME, ORDINAL_POSITION \
         FROM information_schema.KEY_COLUMN_USAGE WHERE {} AND REFERENCED_TABLE_NAME IS NOT NULL \
         ORDER BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION",
        ours("TABLE_SCHEMA")
    );
    for mut row in connection.query::<Row, _>(query).await? {
        let Some(table) = place(&mut row, places, tables) else {
            continue;
        };
        let text = |row: &mut Row, at| row.take::<String, _>(at).unwrap_or_default();
        let (column, schema) = (text(&mut row, 3), text(&mut row, 4));
        let (other, reference) = (text(&mut row, 5), text(&mut row, 6));
        let is_first = row.take::<u64, _>(7) == Some(1);
        if is_first {
            table.foreign_keys.push(ForeignKey {
                schema: has_schemas.then_some(schema),
                table: other,
                ..ForeignKey::default()
            });
        }
        if let Some(key) = table.foreign_keys.last_mut() {
            key.columns.push(column);
            key.references.push(reference);
        }
    }
    Ok(())
}

/// MariaDB's JSON is a text with a check.
async fn json_columns(
    connection: &mut Conn,
    places: &HashMap<Key, usize>,
    tables: &mut [(Key, Table)],
) -> Result<()> {
    let query = format!(
        "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS \
         WHERE {} AND CHECK_CLAUSE LIKE 'json\\_valid(`%`)'",
        ours("CONSTRAINT_SCHEMA")
    );
    for mut row in connection.query::<Row, _>(query).await? {
        let Some(table) = place(&mut row, places, tables) else {
            continue;
        };
        let clause: String = row.take(2).unwrap_or_default();
        let name = clause
            .strip_prefix("json_valid(`")
            .and_then(|rest| rest.strip_suffix("`)"));
        for column in &mut table.columns {
            if Some(column.name.as_str()) == name {
                column.kind = ColumnKind::Json;
            }
        }
    }
    Ok(())
}

fn kind(data_type: &str, type_name: &str) -> ColumnKind {
    let type_name = type_name.to_ascii_lowercase();
    match data_type.to_ascii_lowercase().as_str() {
        // What BOOLEAN is short for.
        "tinyint" if type_name == "tinyint(1)" => ColumnKind::Boolean,
        "bit" if type_name == "bit(1)" => ColumnKind::Boolean,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => ColumnKind::Integer,
        "decimal" | "numeric" => ColumnKind::Decimal,
        "float" | "double" | "real" => ColumnKind::Float,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" | "inet4"
        | "inet6" => ColumnKind::Text,
        "date" => ColumnKind::Date,
        "datetime" => ColumnKind::Timestamp,
        "timestamp" => ColumnKind::TimestampTz,
        "time" => ColumnKind::Time,
        "json" => ColumnKind::Json,
        "uuid" => ColumnKind::Uuid,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => ColumnKind::Binary,
        _ => ColumnKind::Other,
    }
}

/// The labels in `enum('a','it''s')`.
fn labels(type_name: &str) -> Vec<String> {
    let inside = type_name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or_default();
    let mut labels = Vec::new();
    let mut chars = inside.chars().peekable();
    let mut label: Option<String> = None;
    while let Some(c) = chars.next() {
        match (&mut label, c) {
            (Some(text), '\'') if chars.peek() == Some(&'\'') => {
                chars.next();
                text.push('\'');
            }
            (Some(_), '\'') => labels.extend(label.take()),
            (Some(text), c) => text.push(c),
            (None, '\'') => label = Some(String::new()),
            (None, _) => {}
        }
    }
    labels
}

/// The values of short text columns, from the first rows of a table.
async fn values(connection: &mut Conn, schema: &str, name: &str, table: &mut Table) -> Result<()> {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let wanted: Vec<usize> = (0..table.columns.len())
        .filter(|at| {
            let column = &table.columns[*at];
            column.kind == ColumnKind::Text && column.values.is_empty() && !column.type_name.contains("text")
        })
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = wanted.iter().map(|at| quoted(&table.columns[*at].name)).collect();
    let query = format!(
        "SELECT {} FROM {}.{} LIMIT {}",
        names.join(", "),
        quoted(schema),
        quoted(name),
        LOOKED_AT + 1
    );
    let rows: Vec<Row> = connection.query(query).await?;
    let all = rows.len() <= LOOKED_AT;
    let mut seen: Vec<Option<BTreeSet<String>>> = vec![Some(BTreeSet::new()); wanted.len()];
    for mut row in rows {
        for (at, seen) in seen.iter_mut().enumerate() {
            if let Some(Some(value)) = row.take::<Option<String>, _>(at)
                && let Some(values) = seen
            {
                let is_short = value.len() <= MAX_VALUE;
                values.insert(value);
                if !is_short || values.len() > MAX_VALUES {
                    *seen = None;
                }
            }
        }
    }
    for (at, values) in wanted.into_iter().zip(seen) {
        if let Some(values) = values.filter(|values| !values.is_empty()) {
            table.columns[at].values = values.into_iter().collect();
            table.columns[at].values_complete = all;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_from_the_type() {
        assert_eq!(labels("enum('calm','it''s, wild')"), ["calm", "it's, wild"]);
        assert_eq!(labels("enum('')"), [""]);
        assert_eq!(labels("int(11)"), Vec::<String>::new());
    }
}
