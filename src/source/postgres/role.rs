//! What the database says of itself, and what our role could do beyond reading: the fourth read-only layer
//! is a role that can only read, and this is how its absence is noticed.

use tokio_postgres::{Client, Error};

use crate::source::Health;

/// Names of at most this many things stand in a warning.
const NAMED: usize = 5;

/// One row: version and the flags of the role.
const ROLE: &str = "
SELECT pg_catalog.current_setting('server_version'), r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication,
       r.rolbypassrls, current_user::text
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

/// Predefined roles that reach files and programs, as far as this version has them.
const MEMBER: &str = "
SELECT r.rolname::text FROM pg_catalog.pg_roles r
WHERE r.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program',
                    'pg_write_all_data', 'pg_signal_backend')
  AND pg_catalog.pg_has_role(r.oid, 'USAGE')";

/// Tables that the role may write to or owns: what, schema and table.
const TABLES: &str = "
SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owns, n.nspname || '.' || c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%'
  AND n.nspname <> 'information_schema'
  AND (pg_catalog.pg_has_role(c.relowner, 'USAGE')
       OR pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
ORDER BY 1 DESC, 2";

/// Schemas in which the role may create things.
const SCHEMAS: &str = "
SELECT n.nspname::text FROM pg_catalog.pg_namespace n
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')
ORDER BY 1";

const DATABASE: &str = "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')";

/// Version and warnings.
pub(super) async fn probe(client: &Client) -> Result<Health, Error> {
    let role = client.query_typed(ROLE, &[]).await?;
    let mut health = Health::default();
    let mut is_superuser = false;
    let mut name = String::new();
    if let Some(row) = role.first() {
        let version: String = row.try_get(0)?;
        health.version = format!("PostgreSQL {}", version.split(' ').next().unwrap_or(&version));
        name = row.try_get(6)?;
        is_superuser = row.try_get(1)?;
        if is_superuser {
            health.role_warnings.push(format!(
                "The role {name} is a superuser: it could change or delete everything and read the server's \
                 files. Use a role that may only SELECT."
            ));
        }
        for (at, what) in [
            (2, "create and change roles"),
            (3, "create databases"),
            (4, "replicate the whole server"),
            (5, "see rows that row-level security hides"),
        ] {
            if row.try_get::<_, bool>(at)? && !is_superuser {
                health.role_warnings.push(format!("The role {name} may {what}."));
            }
        }
    }
    // A superuser may do all of this anyway; one warning says it better than six.
    if is_superuser {
        return Ok(health);
    }
    let member: Vec<String> = strings(client, MEMBER).await?;
    for role in member {
        health.role_warnings.push(format!(
            "The role {name} belongs to {role}, which goes beyond reading tables."
        ));
    }
    let mut owned = Vec::new();
    let mut written = Vec::new();
    for row in client.query_typed(TABLES, &[]).await? {
        let table: String = row.try_get(1)?;
        if row.try_get(0)? {
            owned.push(table)
        } else {
            written.push(table)
        }
    }
    if !owned.is_empty() {
        health.role_warnings.push(format!(
            "The role {name} owns {}, so it could change or drop {}.",
            some_of(&owned, "table"),
            if owned.len() == 1 { "it" } else { "them" }
        ));
    }
    if !written.is_empty() {
        health.role_warnings.push(format!(
            "The role {name} has been granted writing to {}.",
            some_of(&written, "table")
        ));
    }
    let schemas = strings(client, SCHEMAS).await?;
    if !schemas.is_empty() {
        health.role_warnings.push(format!(
            "The role {name} may create tables in {}.",
            some_of(&schemas, "schema")
        ));
    }
    for row in client.query_typed(DATABASE, &[]).await? {
        if row.try_get(0)? {
            health
                .role_warnings
                .push(format!("The role {name} may create schemas in this database."));
        }
    }
    Ok(health)
}

async fn strings(client: &Client, query: &str) -> Result<Vec<String>, Error> {
    client
        .query_typed(query, &[])
        .await?
        .iter()
        .map(|row| row.try_get(0))
        .collect()
}

/// "3 tables (a, b, c)", with the first few names.
fn some_of(names: &[String], noun: &str) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    let more = if names.len() > NAMED { ", …" } else { "" };
    let shown = &names[..names.len().min(NAMED)];
    format!("{} {noun}{plural} ({}{more})", names.len(), shown.join(", "))
}
