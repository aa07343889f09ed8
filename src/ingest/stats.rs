//! What the catalog says about an imported table: exact row count, distinct estimates, ranges, frequent
//! values, keys. polars reads the written Parquet, streaming.

use std::path::Path;

use polars::prelude::{
    DataFrame, DataType, Engine, Expr, LazyFrame, PlRefPath, ScanArgsParquet, SortMultipleOptions, col, len,
};

use super::typing::kind::column_kind;
use crate::catalog::{Column, ColumnKind, Table};
use crate::error::{Error, Result};

/// Distinct values up to which a text column's values are all listed.
const ALL_VALUES: usize = 200;
/// Values listed of a column that has more.
const SOME_VALUES: usize = 50;
/// Characters of a listed value; longer ones are prose, not values.
const VALUE_LENGTH: usize = 120;
/// Rows up to which uniqueness is proved by counting.
const COUNTED_ROWS: u64 = 5_000_000;
/// Distinct values up to which the frequent ones are counted over all rows.
const COUNTED_DISTINCT: u64 = 100_000;
/// Rows looked at for frequent values of columns with more.
const LOOKED_AT: u32 = 300_000;

/// polars' words for what went wrong, on one line.
pub fn polars_error(error: polars::error::PolarsError) -> Error {
    Error::Internal(format!("polars: {}", error.to_string().replace('\n', " ")))
}

/// The Parquet file as a lazy frame.
pub fn scan(parquet: &Path) -> Result<LazyFrame> {
    let path = PlRefPath::try_from_path(parquet).map_err(polars_error)?;
    let args = ScanArgsParquet {
        glob: false,
        ..ScanArgsParquet::default()
    };
    LazyFrame::scan_parquet(path, args).map_err(polars_error)
}

/// Runs a query on polars' streaming engine.
pub fn collect(frame: LazyFrame) -> Result<DataFrame> {
    let result = frame
        .collect_with_engine(Engine::Streaming)
        .map_err(polars_error)?;
    Ok(result.unwrap_single())
}

/// One cell as text.
pub fn text(frame: &DataFrame, column: &str, row: usize) -> Result<Option<String>> {
    let value = frame
        .column(column)
        .map_err(polars_error)?
        .get(row)
        .map_err(polars_error)?;
    Ok(match value {
        polars::prelude::AnyValue::Null => None,
        value => Some(value.str_value().into_owned()),
    })
}

/// One cell as a count.
pub fn count(frame: &DataFrame, column: &str, row: usize) -> Result<u64> {
    let value = frame
        .column(column)
        .map_err(polars_error)?
        .get(row)
        .map_err(polars_error)?;
    Ok(value.extract::<u64>().unwrap_or(0))
}

/// Describes the table that lies in `parquet`.
pub fn describe(parquet: &Path, name: &str) -> Result<Table> {
    let (schema, rows) = super::parquet_schema(parquet)?;
    let mut table = Table {
        name: name.to_owned(),
        row_estimate: Some(rows),
        ..Table::default()
    };
    let kinds: Vec<ColumnKind> = schema
        .fields()
        .iter()
        .map(|field| column_kind(field.data_type()))
        .collect();
    let mut wanted: Vec<Expr> = vec![len().alias("rows")];
    for (index, (field, kind)) in schema.fields().iter().zip(&kinds).enumerate() {
        let column = col(field.name().as_str());
        wanted.push(column.clone().null_count().alias(format!("n{index}")));
        if countable(*kind) {
            wanted.push(
                countable_form(column.clone(), *kind)
                    .approx_n_unique()
                    .alias(format!("d{index}")),
            );
        }
        if ordered(*kind) {
            wanted.push(
                column
                    .clone()
                    .min()
                    .cast(DataType::String)
                    .alias(format!("a{index}")),
            );
            wanted.push(column.max().cast(DataType::String).alias(format!("z{index}")));
        }
    }
    let found = collect(scan(parquet)?.select(wanted))?;
    for (index, (field, kind)) in schema.fields().iter().zip(&kinds).enumerate() {
        let nulls = count(&found, &format!("n{index}"), 0)?;
        let mut column = Column {
            name: field.name().clone(),
            type_name: crate::rows::type_word(field.data_type()).to_owned(),
            kind: *kind,
            nullable: nulls > 0,
            ..Column::default()
        };
        if countable(*kind) {
            // polars counts null as a value.
            let distinct = count(&found, &format!("d{index}"), 0)?.saturating_sub(u64::from(nulls > 0));
            column.distinct_estimate = Some(distinct.min(rows - nulls));
        }
        if ordered(*kind) {
            column.min = text(&found, &format!("a{index}"), 0)?;
            column.max = text(&found, &format!("z{index}"), 0)?;
        }
        if kind.is_text() {
            values(parquet, &mut column)?;
        }
        if nulls == 0
            && rows > 0
            && matches!(kind, ColumnKind::Integer | ColumnKind::Text)
            && is_unique(parquet, &column, rows)?
        {
            table.unique.push(vec![column.name.clone()]);
        }
        table.columns.push(column);
    }
    table.primary_key = primary_key(&table);
    if !table.primary_key.is_empty() {
        table.unique.retain(|columns| *columns != table.primary_key);
    }
    Ok(table)
}

/// Kinds whose distinct values polars can count.
pub fn countable(kind: ColumnKind) -> bool {
    kind.is_number()
        || kind.is_date()
        || kind.is_text()
        || matches!(kind, ColumnKind::Boolean | ColumnKind::Time)
}

/// In a form polars can hash: decimals and times as text or integers.
pub fn countable_form(column: Expr, kind: ColumnKind) -> Expr {
    match kind {
        ColumnKind::Decimal => column.cast(DataType::Float64),
        ColumnKind::Date | ColumnKind::Timestamp | ColumnKind::TimestampTz | ColumnKind::Time => {
            column.cast(DataType::Int64)
        }
        ColumnKind::Boolean => column.cast(DataType::Int32),
        _ => column,
    }
}

/// Kinds whose smallest and largest value mean something.
fn ordered(kind: ColumnKind) -> bool {
    kind.is_number() || kind.is_date() || kind == ColumnKind::Time
}

fn values(parquet: &Path, column: &mut Column) -> Result<()> {
    let distinct = column.distinct_estimate.unwrap_or(0);
    let name = column.name.as_str();
    let mut frame = scan(parquet)?.select([col(name).alias("value")]);
    let counted = distinct <= COUNTED_DISTINCT;
    if !counted {
        frame = frame.limit(LOOKED_AT);
    }
    let frame = frame
        .filter(col("value").is_not_null())
        .group_by([col("value")])
        .agg([len().alias("count")])
        .sort(
            ["count", "value"],
            SortMultipleOptions::default().with_order_descending_multi([true, false]),
        )
        .limit(ALL_VALUES as u32 + 1);
    let found = collect(frame)?;
    let complete = counted && found.height() <= ALL_VALUES;
    let take = if complete { ALL_VALUES } else { SOME_VALUES };
    let mut long = false;
    for row in 0..found.height().min(take) {
        let Some(value) = text(&found, "value", row)? else {
            continue;
        };
        if value.chars().count() <= VALUE_LENGTH {
            column.values.push(value);
        } else {
            long = true;
        }
    }
    if complete {
        column.distinct_estimate = Some(found.height() as u64);
    }
    column.values_complete = complete && !long;
    Ok(())
}

/// Proves that no value of a column stands there twice. False where that cannot be proved cheaply.
fn is_unique(parquet: &Path, column: &Column, rows: u64) -> Result<bool> {
    let likely = column.distinct_estimate.unwrap_or(0) as f64 >= rows as f64 * 0.9;
    if !likely {
        return Ok(false);
    }
    if column.kind == ColumnKind::Integer && super::strictly_rises(parquet, &column.name)? {
        return Ok(true);
    }
    if rows > COUNTED_ROWS {
        return Ok(false);
    }
    let found = collect(scan(parquet)?.select([col(column.name.as_str()).n_unique().alias("distinct")]))?;
    Ok(count(&found, "distinct", 0)? == rows)
}

/// The column that rows are obviously told apart by: `id`, `<table>_id`, or the first unique one.
fn primary_key(table: &Table) -> Vec<String> {
    let unique: Vec<&String> = table
        .unique
        .iter()
        .filter_map(|columns| columns.first())
        .collect();
    let singular = table.name.strip_suffix('s').unwrap_or(&table.name);
    let named = |wanted: &str| unique.iter().find(|name| plain(name) == wanted).copied();
    let found = named("id")
        .or_else(|| named(&format!("{}_id", plain(&table.name))))
        .or_else(|| named(&format!("{}_id", plain(singular))))
        .or_else(|| unique.iter().find(|name| plain(name).ends_with("_id")).copied())
        .or_else(|| {
            // Numbers or short words at the front; a unique note or amount is no key.
            let first = table.columns.first()?;
            unique.iter().find(|name| ***name == first.name).copied()
        });
    found.map(|name| vec![name.clone()]).unwrap_or_default()
}

fn plain(name: &str) -> String {
    super::names::table(name)
}
