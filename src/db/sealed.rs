//! Every column that holds sealed secrets, so that all of them can be sealed anew when the secret key is
//! rotated. Whoever adds such a column adds its line here.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::{Conn, dump};
use crate::error::Result;
use crate::seal::Sealer;

/// A column, and what its values are sealed for.
struct Column {
    table: &'static str,
    key: &'static str,
    column: &'static str,
    /// The record of [`Sealer::seal`], from the row's key.
    record: fn(&str) -> String,
}

const COLUMNS: &[Column] = &[
    Column {
        table: "users",
        key: "id",
        column: "totp_secret",
        record: |id| format!("totp:{id}"),
    },
    Column {
        table: "models",
        key: "organization_id",
        column: "api_key",
        record: |organization| format!("model:{organization}"),
    },
];

#[derive(QueryableByName)]
struct Value {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    value: String,
}

/// Seals everything with the current key that another one sealed. Gives how many values there were. Errors:
/// `Invalid` for a value that no key opens; nothing is changed then, if this runs in a transaction.
pub fn seal_anew(conn: &mut Conn, sealer: &Sealer) -> Result<usize> {
    let tables = dump::tables(conn)?;
    let mut changed = 0;
    for column in COLUMNS {
        let exists = tables
            .iter()
            .any(|table| table.name == column.table && table.has(column.column));
        if !exists {
            continue;
        }
        for row in values(conn, column)? {
            if sealer.is_current(&row.value) {
                continue;
            }
            let record = (column.record)(&row.id);
            let plain = sealer.open(&record, &row.value)?;
            set(conn, column, &row.id, &sealer.seal(&record, &plain)?)?;
            changed += 1;
        }
    }
    Ok(changed)
}

fn values(conn: &mut Conn, column: &Column) -> Result<Vec<Value>> {
    let Column {
        table, key, column, ..
    } = column;
    let sql = format!("SELECT {key} AS id, {column} AS value FROM {table} WHERE {column} IS NOT NULL");
    Ok(match conn {
        Conn::Sqlite(conn) => diesel::sql_query(sql).load(conn)?,
        Conn::Postgres(conn) => diesel::sql_query(sql).load(conn)?,
    })
}

fn set(conn: &mut Conn, column: &Column, id: &str, value: &str) -> Result<()> {
    let Column {
        table, key, column, ..
    } = column;
    match conn {
        Conn::Sqlite(conn) => diesel::sql_query(format!("UPDATE {table} SET {column} = ? WHERE {key} = ?"))
            .bind::<Text, _>(value)
            .bind::<Text, _>(id)
            .execute(conn)?,
        Conn::Postgres(conn) => {
            diesel::sql_query(format!("UPDATE {table} SET {column} = $1 WHERE {key} = $2"))
                .bind::<Text, _>(value)
                .bind::<Text, _>(id)
                .execute(conn)?
        }
    };
    Ok(())
}
