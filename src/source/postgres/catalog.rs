//! What a database holds, read from its system catalogs with a handful of set-based queries, whatever the
//! number of tables. Large tables are never counted; estimates and frequent values come from statistics, and
//! where a small table has none yet, from a look at its few rows.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::{Client, Error, Row};

use super::Postgres;
use crate::catalog::{Catalog, Column, ColumnKind, ForeignKey, Table, TableKind};

/// Frequent values kept of a column at most, and characters of each.
const VALUES: usize = 50;
const VALUE_CHARS: usize = 100;
/// Tables up to this size are looked at when they have no statistics, in bytes.
const SMALL_TABLE: i64 = 2 * 1024 * 1024;
/// Time for all such looks together.
const SAMPLE_TIME: Duration = Duration::from_millis(1_000);

/// Tables, views and their kin that the role may read. Partitions are their parent's business, and
/// extensions' own tables nobody's.
const TABLES: &str = r"
SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text, d.description,
       CASE c.relkind WHEN 'p' THEN coalesce((
           SELECT pg_catalog.sum(leaf.reltuples) FILTER (WHERE leaf.reltuples >= 0)
           FROM pg_catalog.pg_partition_tree(c.oid) p JOIN pg_catalog.pg_class leaf ON leaf.oid = p.relid
           WHERE p.isleaf), -1)::float8
       ELSE c.reltuples::float8 END,
       CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) ELSE 0 END::int8
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_description d
       ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = 0
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e WHERE e.objid = c.oid
                  AND e.classid = 'pg_catalog.pg_class'::regclass AND e.deptype = 'e')
ORDER BY n.nspname, c.relname";

/// Columns; a domain counts as what it is made of in the end.
const COLUMNS: &str = r"
WITH RECURSIVE domain(oid, base, required) AS (
    SELECT oid, typbasetype, typnotnull FROM pg_catalog.pg_type WHERE typtype = 'd'
    UNION ALL
    SELECT d.oid, t.typbasetype, d.required OR t.typnotnull
    FROM domain d JOIN pg_catalog.pg_type t ON t.oid = d.base WHERE t.typtype = 'd'
)
SELECT a.attrelid::int8, a.attnum::int4, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
       a.attnotnull OR coalesce(m.required, false), d.description,
       coalesce(b.typname, t.typname)::text, t.typcategory::text, coalesce(b.oid, t.oid)::int8,
       CASE WHEN a.attidentity <> '' THEN 'identity'
            ELSE pg_catalog.left(pg_catalog.pg_get_expr(e.adbin, e.adrelid), 200) END
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN (domain m JOIN pg_catalog.pg_type b ON b.oid = m.base AND b.typtype <> 'd') ON m.oid = t.oid
LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
LEFT JOIN pg_catalog.pg_description d
       ON d.objoid = a.attrelid AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  AND pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT')
ORDER BY a.attrelid, a.attnum";

/// Unique indexes over plain columns: primary keys, unique constraints, and those made by hand.
const KEYS: &str = r"
SELECT i.indrelid::int8, i.indisprimary, ARRAY(SELECT k::int4 FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY
       AS u(k, at) WHERE at <= i.indnkeyatts ORDER BY at)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid
  AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
ORDER BY i.indrelid, i.indisprimary DESC, i.indexrelid";

const FOREIGN_KEYS: &str = r"
SELECT k.conrelid::int8, k.confrelid::int8, k.conkey::int4[], k.confkey::int4[]
FROM pg_catalog.pg_constraint k
WHERE k.contype = 'f' AND k.conparentid = 0
ORDER BY k.conrelid, k.conname";

const ENUMS: &str = r"
SELECT e.enumtypid::int8, e.enumlabel::text FROM pg_catalog.pg_enum e ORDER BY e.enumtypid, e.enumsortorder";

/// Statistics; texts only of columns that hold words, ends of the histogram of the others.
const STATISTICS: &str = r"
SELECT c.oid::int8, a.attnum::int4, s.null_frac::float8, s.n_distinct::float8,
       CASE WHEN w.words THEN ARRAY(SELECT pg_catalog.left(v, 101) FROM pg_catalog.unnest((s.most_common_vals::text::text[])[1:51]) v)
            ELSE '{}' END,
       CASE WHEN w.words THEN ARRAY(SELECT pg_catalog.left(v, 101) FROM pg_catalog.unnest((s.histogram_bounds::text::text[])[1:51]) v)
            ELSE '{}' END,
       (SELECT pg_catalog.count(*) FROM pg_catalog.unnest(s.most_common_freqs))::int8,
       coalesce(pg_catalog.array_length(s.histogram_bounds::text::text[], 1), 0)::int8,
       CASE WHEN w.words THEN NULL ELSE (s.histogram_bounds::text::text[])[1] END,
       CASE WHEN w.words THEN NULL ELSE (s.histogram_bounds::text::text[])[pg_catalog.array_length(s.histogram_bounds::text::text[], 1)] END
FROM pg_catalog.pg_stats s
JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
CROSS JOIN LATERAL (SELECT t.typcategory IN ('S', 'E') OR t.typname = 'citext' AS words) w
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  AND t.typcategory IN ('S', 'E', 'N', 'D', 'B', 'U') AND s.inherited = (c.relkind = 'p')
  AND NOT c.relispartition";

/// A catalog that still remembers which rows of the system catalogs it came from.
pub(super) struct Draft {
    tables: Vec<Drafted>,
}

struct Drafted {
    table: Table,
    /// Bytes on disk, 0 where there are none of its own.
    size: i64,
    has_statistics: bool,
    /// Where each column number stands in `table.columns`.
    numbers: HashMap<i32, usize>,
}

impl Draft {
    pub fn finish(self) -> Catalog {
        Catalog {
            tables: self.tables.into_iter().map(|drafted| drafted.table).collect(),
        }
    }
}

/// Reads everything inside the transaction that `client` is in.
pub(super) async fn read(client: &Client) -> Result<Draft, Error> {
    let mut places: HashMap<i64, usize> = HashMap::new();
    let mut tables: Vec<Drafted> = Vec::new();
    for row in client.query_typed(TABLES, &[]).await? {
        let (oid, drafted) = table(&row)?;
        places.insert(oid, tables.len());
        tables.push(drafted);
    }
    let enums = enums(client).await?;
    for row in client.query_typed(COLUMNS, &[]).await? {
        if let Some(at) = places.get(&row.try_get::<_, i64>(0)?) {
            let drafted = &mut tables[*at];
            drafted
                .numbers
                .insert(row.try_get(1)?, drafted.table.columns.len());
            drafted.table.columns.push(column(&row, &enums)?);
        }
    }
    for row in client.query_typed(KEYS, &[]).await? {
        let Some(at) = places.get(&row.try_get::<_, i64>(0)?) else {
            continue;
        };
        let drafted = &mut tables[*at];
        let numbers: Vec<i32> = row.try_get(2)?;
        let Some(names) = names(drafted, &numbers) else {
            continue;
        };
        if row.try_get(1)? {
            drafted.table.primary_key = names;
        } else if !drafted.table.unique.contains(&names) {
            drafted.table.unique.push(names);
        }
    }
    for row in client.query_typed(FOREIGN_KEYS, &[]).await? {
        let ends = (
            places.get(&row.try_get::<_, i64>(0)?),
            places.get(&row.try_get::<_, i64>(1)?),
        );
        let (Some(from), Some(to)) = ends else {
            continue;
        };
        let (own, other): (Vec<i32>, Vec<i32>) = (row.try_get(2)?, row.try_get(3)?);
        let (Some(columns), Some(references)) = (names(&tables[*from], &own), names(&tables[*to], &other))
        else {
            continue;
        };
        let target = &tables[*to].table;
        let key = ForeignKey {
            columns,
            schema: target.schema.clone(),
            table: target.name.clone(),
            references,
        };
        tables[*from].table.foreign_keys.push(key);
    }
    for row in client.query_typed(STATISTICS, &[]).await? {
        if let Some(at) = places.get(&row.try_get::<_, i64>(0)?) {
            statistics(&mut tables[*at], &row)?;
        }
    }
    Ok(Draft { tables })
}

fn names(drafted: &Drafted, numbers: &[i32]) -> Option<Vec<String>> {
    numbers
        .iter()
        .map(|number| {
            let at = drafted.numbers.get(number)?;
            Some(drafted.table.columns.get(*at)?.name.clone())
        })
        .collect()
}

fn table(row: &Row) -> Result<(i64, Drafted), Error> {
    let kind: String = row.try_get(3)?;
    let estimate: f64 = row.try_get(5)?;
    let size: i64 = row.try_get(6)?;
    let is_known = match kind.as_str() {
        "v" => false,
        // Before version 14, zero also meant that nobody had looked yet.
        "r" | "m" => estimate > 0.0 || (estimate == 0.0 && size == 0),
        _ => estimate > 0.0,
    };
    let drafted = Drafted {
        table: Table {
            schema: Some(row.try_get(1)?),
            name: row.try_get(2)?,
            kind: match kind.as_str() {
                "v" => TableKind::View,
                "m" => TableKind::MaterializedView,
                "f" => TableKind::ForeignTable,
                _ => TableKind::Table,
            },
            comment: row.try_get(4)?,
            row_estimate: is_known.then_some(estimate as u64),
            ..Table::default()
        },
        size,
        has_statistics: false,
        numbers: HashMap::new(),
    };
    Ok((row.try_get(0)?, drafted))
}

async fn enums(client: &Client) -> Result<BTreeMap<i64, Vec<String>>, Error> {
    let mut enums: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for row in client.query_typed(ENUMS, &[]).await? {
        enums.entry(row.try_get(0)?).or_default().push(row.try_get(1)?);
    }
    Ok(enums)
}

fn column(row: &Row, enums: &BTreeMap<i64, Vec<String>>) -> Result<Column, Error> {
    let base: String = row.try_get(6)?;
    let category: String = row.try_get(7)?;
    let labels = enums.get(&row.try_get::<_, i64>(8)?).cloned().unwrap_or_default();
    let is_short = labels.len() <= VALUES;
    Ok(Column {
        name: row.try_get(2)?,
        type_name: row.try_get(3)?,
        kind: kind(&base, &category),
        nullable: !row.try_get::<_, bool>(4)?,
        comment: row.try_get(5)?,
        default: row.try_get(9)?,
        values_complete: !labels.is_empty() && is_short,
        distinct_estimate: (!labels.is_empty()).then_some(labels.len() as u64),
        values: labels.into_iter().take(VALUES).collect(),
        min: None,
        max: None,
        ..Column::default()
    })
}

fn kind(base: &str, category: &str) -> ColumnKind {
    match base {
        "int2" | "int4" | "int8" | "oid" => ColumnKind::Integer,
        "numeric" => ColumnKind::Decimal,
        "float4" | "float8" => ColumnKind::Float,
        "bool" => ColumnKind::Boolean,
        "date" => ColumnKind::Date,
        "time" | "timetz" => ColumnKind::Time,
        "timestamp" => ColumnKind::Timestamp,
        "timestamptz" => ColumnKind::TimestampTz,
        "interval" => ColumnKind::Interval,
        "uuid" => ColumnKind::Uuid,
        "json" | "jsonb" => ColumnKind::Json,
        "bytea" => ColumnKind::Binary,
        "citext" => ColumnKind::Text,
        _ => match category {
            "S" | "E" => ColumnKind::Text,
            "A" => ColumnKind::Array,
            _ => ColumnKind::Other,
        },
    }
}

fn statistics(drafted: &mut Drafted, row: &Row) -> Result<(), Error> {
    drafted.has_statistics = true;
    let number: i32 = row.try_get(1)?;
    let rows = drafted.table.row_estimate.unwrap_or(0) as f64;
    let Some(column) = drafted
        .numbers
        .get(&number)
        .and_then(|at| drafted.table.columns.get_mut(*at))
    else {
        return Ok(());
    };
    // Negative: a share of the rows.
    let distinct: f64 = row.try_get(3)?;
    let distinct = if distinct < 0.0 {
        -distinct * rows
    } else {
        distinct
    };
    if distinct > 0.0 && column.distinct_estimate.is_none() {
        column.distinct_estimate = Some(distinct.round() as u64);
    }
    column.min = row.try_get(8)?;
    column.max = row.try_get(9)?;
    let (common, spread): (Vec<String>, Vec<String>) = (row.try_get(4)?, row.try_get(5)?);
    let known: i64 = row.try_get::<_, i64>(6)? + row.try_get::<_, i64>(7)?;
    if column.kind == ColumnKind::Text && column.values.is_empty() {
        // In a small table the histogram simply lists what is not among the frequent values.
        let all = common.into_iter().chain(spread);
        let is_all = known > 0 && (known as f64) >= distinct.round();
        set_values(column, all.collect(), is_all);
    }
    Ok(())
}

/// Keeps what is short enough; `is_all` says whether these are all values there are.
fn set_values(column: &mut Column, values: Vec<String>, is_all: bool) {
    let count = values.len();
    column.values = values
        .into_iter()
        .filter(|value| value.chars().count() <= VALUE_CHARS && !value.is_empty())
        .take(VALUES)
        .collect();
    column.values_complete = is_all && !column.values.is_empty() && column.values.len() == count;
}

/// Looks at the rows of small tables that have no statistics yet, as freshly loaded ones have not. What
/// fails or takes too long is left out.
pub(super) async fn sample(source: &Postgres, draft: &mut Draft) {
    let deadline = Instant::now() + SAMPLE_TIME;
    let mut wanting: Vec<&mut Drafted> = draft
        .tables
        .iter_mut()
        .filter(|drafted| !drafted.has_statistics && (1..=SMALL_TABLE).contains(&drafted.size))
        .collect();
    if wanting.is_empty() {
        return;
    }
    let Ok(lease) = source.begin(SAMPLE_TIME).await else {
        return;
    };
    for drafted in &mut wanting {
        let (query, at) = sample_query(&drafted.table);
        if at.is_empty() {
            continue;
        }
        let rows = tokio::time::timeout_at(deadline, lease.client().query_typed(&query, &[])).await;
        let Ok(Ok(rows)) = rows else {
            tracing::debug!("no more tables are looked at for frequent values");
            return;
        };
        if let Some(row) = rows.first() {
            take_sample(&mut drafted.table, &at, row);
        }
    }
    lease.finish();
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// One row with an array for each column worth a look: frequent values of words, ends of numbers and dates; and
/// at its end an array with the number of rows and of different values of each of these columns.
fn sample_query(table: &Table) -> (String, Vec<usize>) {
    let from = match &table.schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(&table.name)),
        None => quoted(&table.name),
    };
    let mut at = Vec::new();
    let mut outputs = Vec::new();
    let mut counts = vec!["count(*)".to_owned()];
    for (place, column) in table.columns.iter().enumerate() {
        let name = quoted(&column.name);
        if column.kind.is_text() && column.values.is_empty() {
            outputs.push(format!(
                "ARRAY(SELECT left(x.{name}::text, 101) FROM {from} AS x WHERE x.{name} IS NOT NULL \
                 GROUP BY x.{name} ORDER BY count(*) DESC, 1 LIMIT 51)"
            ));
        } else if column.kind.is_number() || column.kind.is_date() {
            outputs.push(format!(
                "(SELECT ARRAY[min(x.{name})::text, max(x.{name})::text] FROM {from} AS x)"
            ));
        } else {
            continue;
        }
        counts.push(format!("count(DISTINCT x.{name})"));
        at.push(place);
    }
    outputs.push(format!("(SELECT ARRAY[{}] FROM {from} AS x)", counts.join(", ")));
    (format!("SELECT {}", outputs.join(", ")), at)
}

fn take_sample(table: &mut Table, at: &[usize], row: &Row) {
    let counts: Vec<i64> = row.try_get(at.len()).unwrap_or_default();
    let counted = |place: usize| counts.get(place).and_then(|count| u64::try_from(*count).ok());
    if let Some(rows) = counted(0) {
        table.row_estimate = Some(rows);
    }
    for (output, place) in at.iter().enumerate() {
        let Ok(values) = row.try_get::<_, Vec<Option<String>>>(output) else {
            continue;
        };
        let Some(column) = table.columns.get_mut(*place) else {
            continue;
        };
        if let Some(different) = counted(output + 1) {
            column.distinct_estimate = Some(different);
        }
        if column.kind.is_text() {
            let values: Vec<String> = values.into_iter().flatten().collect();
            let is_all = values.len() <= VALUES;
            set_values(column, values, is_all);
        } else if let [min, max] = values.as_slice() {
            column.min.clone_from(min);
            column.max.clone_from(max);
        }
    }
}
