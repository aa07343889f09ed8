//! What the bare names of a query mean in this database, so that nothing of somebody else's is called in their
//! place.
//!
//! PostgreSQL looks for functions, operators and types along `search_path`, and takes the one that fits the
//! arguments best, wherever on the path it is: a `lower(varchar)` in `public` goes before the real `lower(text)`
//! for every varchar column, and a `=` there before the real one. What such a thing does, no read-only
//! transaction holds back if the role is a superuser. So the functions that the guard allows are called in
//! `pg_catalog` or in the extension they are from, and a schema with operators that are neither PostgreSQL's nor
//! an extension's is not on the path at all. What belongs to a view, to a column's own type or to a row-level
//! policy is the customer's own and runs as they made it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error as PgError};

use crate::error::{Error, Result};
use crate::guard::functions;
use crate::guard::pin::{Name, pinned};
use crate::source::Dialect;

/// How long what was found is relied on.
const KEPT: Duration = Duration::from_secs(60);
/// How long nobody looks whether anything was made since: a busy agent need not ask with every query.
const UNCHANGED: Duration = Duration::from_secs(1);
/// Queries of which the text with its schemas is remembered.
const REMEMBERED: usize = 64;
/// How often PostgreSQL looks whether we are still there while a query runs, in milliseconds.
const CHECKS_CLIENT_EVERY: u32 = 5_000;

/// The schemas a session looks in, without what is implied.
const PATH: &str = "SELECT pg_catalog.current_schemas(false)::pg_catalog.text[]";

/// Whatever is made new has a new number.
const MARK: &str = "
SELECT (SELECT pg_catalog.max(oid) FROM pg_catalog.pg_operator)::int8,
       (SELECT pg_catalog.max(oid) FROM pg_catalog.pg_proc)::int8,
       (SELECT pg_catalog.max(oid) FROM pg_catalog.pg_cast)::int8,
       pg_catalog.current_setting('server_version_num')::int4";

/// What there is on the path `$1` beside PostgreSQL itself, as far as one of the functions `$2` or any operator
/// or cast could be mistaken: what it is, its schema, its name.
const FOUND: &str = "
WITH path AS (
    SELECT n.oid, n.nspname::text AS name FROM pg_catalog.pg_namespace n
    WHERE n.nspname::text = ANY ($1) AND n.nspname <> 'pg_catalog'
), extension AS (
    SELECT d.classid, d.objid FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'
), function AS (
    SELECT p.oid, p.pronamespace, p.proname::text AS name,
           p.oid IN (SELECT objid FROM extension WHERE classid = 'pg_catalog.pg_proc'::regclass) AS is_extension,
           p.pronargs - p.pronargdefaults <= 1 AND p.pronargs >= 1 AND (
               SELECT t.typtype IN ('c', 'p') FROM pg_catalog.pg_type t WHERE t.oid = p.proargtypes[0]
           ) AS is_field
    FROM pg_catalog.pg_proc p WHERE p.pronamespace <> 'pg_catalog'::regnamespace
), known AS (
    SELECT t.oid FROM pg_catalog.pg_type t
    WHERE t.typnamespace = 'pg_catalog'::regnamespace
       OR t.oid IN (SELECT objid FROM extension WHERE classid = 'pg_catalog.pg_type'::regclass)
)
SELECT 'operator', s.name, o.oprname::text
FROM pg_catalog.pg_operator o JOIN path s ON s.oid = o.oprnamespace
WHERE o.oid NOT IN (SELECT objid FROM extension WHERE classid = 'pg_catalog.pg_operator'::regclass)
  AND (o.oprleft = 0 OR o.oprleft IN (SELECT oid FROM known))
  AND (o.oprright = 0 OR o.oprright IN (SELECT oid FROM known))
UNION ALL
SELECT DISTINCT 'extension operators', s.name, ''
FROM pg_catalog.pg_operator o JOIN path s ON s.oid = o.oprnamespace
WHERE o.oid IN (SELECT objid FROM extension WHERE classid = 'pg_catalog.pg_operator'::regclass)
UNION ALL
SELECT 'cast', pg_catalog.format_type(c.castsource, NULL), pg_catalog.format_type(c.casttarget, NULL)
FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_proc p ON p.oid = c.castfunc
WHERE p.provolatile = 'v' AND c.oid >= 16384
  AND c.castsource IN (SELECT oid FROM known) AND c.casttarget IN (SELECT oid FROM known)
  AND c.oid NOT IN (SELECT objid FROM extension WHERE classid = 'pg_catalog.pg_cast'::regclass)
UNION ALL
SELECT DISTINCT CASE WHEN f.is_extension THEN 'extension function' ELSE 'function' END, s.name, f.name
FROM function f JOIN path s ON s.oid = f.pronamespace WHERE f.name = ANY ($2)
UNION ALL
SELECT DISTINCT 'field', s.name, f.name
FROM function f JOIN path s ON s.oid = f.pronamespace WHERE f.is_field AND NOT f.is_extension
UNION ALL
SELECT DISTINCT 'built in', 'pg_catalog', p.proname::text
FROM pg_catalog.pg_proc p
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname::text = ANY ($2)
UNION ALL
SELECT 'type', s.name, t.typname::text
FROM pg_catalog.pg_type t JOIN path s ON s.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd', 'r', 'm', 'b') AND t.typname !~ '^_' AND NOT EXISTS (
    SELECT 1 FROM pg_catalog.pg_type b
    WHERE b.typname = t.typname AND b.typnamespace = 'pg_catalog'::regnamespace)";

/// Grammar rather than functions, as it is written with brackets; JSON's since the versions given.
const GRAMMAR: &str = "
    coalesce nullif greatest least grouping trim row normalize current_date current_time current_timestamp
    localtime localtimestamp current_catalog current_role current_user session_user user
";
const GRAMMAR_16: &str = "json_array json_arrayagg json_object json_objectagg";
const GRAMMAR_17: &str = "json_exists json_value json_query json_scalar";

/// What one database has on its path.
pub(super) struct Names {
    /// For `SET LOCAL search_path`.
    pub path: String,
    checks_client: bool,
    /// Why no query may run at all here.
    refusal: Option<String>,
    version: u32,
    /// Where an extension's function is that PostgreSQL itself has not.
    extension: BTreeMap<String, String>,
    /// Functions of PostgreSQL that an extension has more of: the arguments decide.
    both: BTreeSet<String>,
    /// Functions of somebody else, with their schema.
    strange: BTreeMap<String, String>,
    /// Functions of somebody else that can be written like a field.
    fields: BTreeSet<String>,
    /// The schemas of types that are in none of the schemas left on the path.
    types: BTreeMap<String, String>,
    /// `public` is not on the path.
    is_public_off: bool,
    mark: Mark,
    since: Instant,
    unchanged: Mutex<Instant>,
    pinned: Mutex<VecDeque<(String, String)>>,
}

/// What changes when something is made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    path: Vec<String>,
    newest: (i64, i64, i64),
}

impl Names {
    /// Reads them in a transaction of their own.
    pub async fn read(client: &Client) -> Result<Names, PgError> {
        // Not every version and platform can; it decides nothing else.
        let begin =
            format!("BEGIN READ ONLY; SET LOCAL client_connection_check_interval = {CHECKS_CLIENT_EVERY}");
        let mut checks_client = true;
        if let Err(error) = client.batch_execute(&begin).await {
            if error.as_db_error().is_none() {
                return Err(error);
            }
            checks_client = false;
            client.batch_execute("ROLLBACK; BEGIN READ ONLY").await?;
        }
        let found = Names::found(client, checks_client).await;
        client.batch_execute("ROLLBACK").await?;
        found
    }

    async fn found(client: &Client, checks_client: bool) -> Result<Names, PgError> {
        let path: Vec<String> = match client.query_typed(PATH, &[]).await?.first() {
            Some(row) => row.try_get(0)?,
            None => Vec::new(),
        };
        // From here on the session's own path is not looked at.
        client.batch_execute("SET LOCAL search_path = pg_temp").await?;
        let (newest, version) = mark(client).await?;
        let allowed: Vec<&str> = functions::allowed(Dialect::Postgresql).collect();
        let rows = client
            .query_typed(FOUND, &[(&path, Type::TEXT_ARRAY), (&allowed, Type::TEXT_ARRAY)])
            .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            found.push((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
        }
        Ok(Names::of(path, newest, version, checks_client, &found))
    }

    fn of(
        path: Vec<String>,
        newest: (i64, i64, i64),
        version: u32,
        checks_client: bool,
        found: &[(String, String, String)],
    ) -> Names {
        let of_kind = |kind: &'static str| {
            found
                .iter()
                .filter(move |(own, ..)| own == kind)
                .map(|(_, schema, name)| (schema.as_str(), name.as_str()))
        };
        let off: BTreeMap<&str, &str> = of_kind("operator").collect();
        let built_in: BTreeSet<&str> = of_kind("built in").map(|(_, name)| name).collect();
        let mixed = of_kind("extension operators").find_map(|(schema, _)| Some((schema, off.get(schema)?)));
        let refusal = match (mixed, of_kind("cast").next()) {
            (Some((schema, operator)), _) => Some(format!(
                "The schema {schema} of this database holds operators of an extension and an operator {operator} \
                 that is neither an extension's nor PostgreSQL's own, so it is not certain what a query would \
                 call. Move the extension to a schema of its own (ALTER EXTENSION … SET SCHEMA …), or the \
                 operator."
            )),
            (None, Some((from, to))) => Some(format!(
                "This database has a cast from {from} to {to} that runs a function which may do anything \
                 (VOLATILE), so no query runs here. Drop the cast, or declare its function STABLE or IMMUTABLE."
            )),
            (None, None) => None,
        };
        let kept = path.iter().filter(|schema| {
            *schema != "pg_catalog" && *schema != "pg_temp" && !off.contains_key(schema.as_str())
        });
        // Not named, pg_catalog comes first, and `current_schema()` says what it always said. Named, pg_temp
        // comes last.
        let shown: Vec<String> = kept
            .map(|schema| quoted(schema))
            .chain(std::iter::once("pg_temp".to_owned()))
            .collect();
        let (both, extension): (Vec<_>, Vec<_>) =
            of_kind("extension function").partition(|(_, name)| built_in.contains(name));
        let owned = |(schema, name): (&str, &str)| (name.to_owned(), schema.to_owned());
        Names {
            path: shown.join(", "),
            checks_client,
            refusal,
            version,
            extension: extension.into_iter().map(owned).collect(),
            both: both.into_iter().map(|(_, name)| name.to_owned()).collect(),
            strange: of_kind("function").map(owned).collect(),
            fields: of_kind("field").map(|(_, name)| name.to_owned()).collect(),
            types: of_kind("type")
                .filter(|(schema, _)| off.contains_key(schema))
                .map(owned)
                .collect(),
            is_public_off: off.contains_key("public"),
            mark: Mark { path, newest },
            since: Instant::now(),
            unchanged: Mutex::new(Instant::now()),
            pinned: Mutex::default(),
        }
    }

    /// Whether they were read long ago.
    pub fn are_old(&self) -> bool {
        self.since.elapsed() > KEPT
    }

    /// Whether it is time to ask if anything was made since.
    pub fn are_doubtful(&self) -> bool {
        self.unchanged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
            > UNCHANGED
    }

    /// Asks the database whether anything was made since.
    pub async fn still_hold(&self, client: &Client) -> Result<bool, PgError> {
        let (newest, _) = mark(client).await?;
        let hold = newest == self.mark.newest;
        if hold {
            *self.unchanged.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        Ok(hold)
    }

    /// Has PostgreSQL look now and then whether we are still there: an agent that was killed cannot cancel what it
    /// has running.
    pub fn checks_client(&self) -> String {
        match self.checks_client {
            true => format!("SET LOCAL client_connection_check_interval = {CHECKS_CLIENT_EVERY}; "),
            false => String::new(),
        }
    }

    /// What somebody has to know who looks after the database.
    pub fn warning(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// The query with its names tied to their schemas. Errors: `Refused` for a name that could mean somebody
    /// else's function.
    pub fn pin(&self, query: &str) -> Result<String> {
        if let Some(refusal) = &self.refusal {
            return Err(Error::Refused(refusal.clone()));
        }
        let remembered = |known: &VecDeque<(String, String)>| {
            let found = known.iter().find(|(own, _)| own == query);
            found.map(|(_, text)| text.clone())
        };
        if let Some(text) = remembered(&self.pinned.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(text);
        }
        let text = pinned(query, Dialect::Postgresql, &|name| self.home(name))?;
        let mut known = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.pop_front();
        }
        known.push_back((query.to_owned(), text.clone()));
        Ok(text)
    }

    fn home(&self, name: Name<'_>) -> Result<Option<String>> {
        match name {
            Name::Function(name) => self.function(name),
            Name::Table(_) => Ok(self.is_public_off.then(|| "public".to_owned())),
            Name::Type(name) => Ok(self.types.get(name).map(|schema| quoted(schema))),
            Name::Field(name) if self.fields.contains(name) => Err(Error::Refused(format!(
                "After a dot, {name} could call a function of that name in this database; write the column \
                 without brackets around its table."
            ))),
            Name::Field(_) => Ok(None),
        }
    }

    fn function(&self, name: &str) -> Result<Option<String>> {
        let is_in = |list: &str| list.split_ascii_whitespace().any(|known| known == name);
        let is_grammar = is_in(GRAMMAR)
            || (self.version >= 160_000 && is_in(GRAMMAR_16))
            || (self.version >= 170_000 && is_in(GRAMMAR_17));
        // What the guard does not know does not come here but from ourselves.
        if is_grammar || !functions::is_allowed(name, Dialect::Postgresql) {
            return Ok(None);
        }
        if let Some(schema) = self.extension.get(name) {
            return Ok(Some(quoted(schema)));
        }
        if self.both.contains(name) {
            return match self.strange.get(name) {
                None => Ok(None),
                Some(schema) => Err(Error::Refused(format!(
                    "An extension of this database and somebody else have a function {name} ({schema}.{name}), \
                     so it is not certain which one a query would call; write the query without it."
                ))),
            };
        }
        Ok(Some("pg_catalog".to_owned()))
    }
}

/// The newest operator, function and cast, and the version as a number.
async fn mark(client: &Client) -> Result<((i64, i64, i64), u32), PgError> {
    let rows = client.query_typed(MARK, &[]).await?;
    let Some(row) = rows.first() else {
        return Ok(((0, 0, 0), 0));
    };
    let version: i32 = row.try_get(3)?;
    let newest = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok((newest, u32::try_from(version).unwrap_or(0)))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
