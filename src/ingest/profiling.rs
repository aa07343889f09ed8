//! Computes the profile of a table: polars reads the Parquet column by column, streaming.

use std::path::Path;

use polars::prelude::{
    DataFrame, DataType, Expr, LazyFrame, QuantileMethod, SortMultipleOptions, col, len, lit,
};

use super::profile::{Bin, ColumnProfile, Profile, Quantiles, TopValue};
use super::stats::{collect, count, countable, countable_form, polars_error, scan, text};
use super::typing::kind::column_kind;
use super::typing::shapes::shorten;
use crate::catalog::ColumnKind;
use crate::error::Result;

/// Rows up to which distinct values are counted exactly.
const EXACT_ROWS: u64 = 100_000;

/// Distinct values up to which the frequent ones are counted: beyond it nearly every value stands alone.
const COUNTED_DISTINCT: u64 = 500_000;

/// Frequent values shown.
const TOP: u32 = 10;

/// Bins of a histogram.
const BINS: u32 = 20;

/// Profiles the table in `parquet`.
pub fn profile(parquet: &Path) -> Result<Profile> {
    let (schema, rows) = super::parquet_schema(parquet)?;
    let mut profile = Profile {
        table: parquet
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default(),
        row_count: rows,
        columns: Vec::with_capacity(schema.fields().len()),
    };
    for field in schema.fields() {
        let kind = column_kind(field.data_type());
        let mut column = ColumnProfile {
            name: field.name().clone(),
            type_name: crate::rows::type_word(field.data_type()).to_owned(),
            ..ColumnProfile::default()
        };
        let values = scan(parquet)?.select([col(field.name().as_str()).alias("value")]);
        measure(&values, kind, rows, &mut column)?;
        profile.columns.push(column);
    }
    Ok(profile)
}

/// Whether the values lie on a line that can be cut into bins.
fn is_linear(kind: ColumnKind) -> bool {
    kind.is_number() || kind.is_date() || kind == ColumnKind::Time
}

/// The values as numbers: themselves, or days and microseconds.
fn linear(value: Expr, kind: ColumnKind) -> Expr {
    match kind {
        ColumnKind::Date | ColumnKind::Timestamp | ColumnKind::TimestampTz | ColumnKind::Time => {
            value.cast(DataType::Int64)
        }
        ColumnKind::Integer => value,
        _ => value.cast(DataType::Float64),
    }
}

fn measure(values: &LazyFrame, kind: ColumnKind, rows: u64, column: &mut ColumnProfile) -> Result<()> {
    let value = || col("value");
    let approximate = rows > EXACT_ROWS;
    let mut wanted = vec![value().null_count().alias("nulls")];
    if countable(kind) {
        let form = countable_form(value(), kind);
        let distinct = if approximate {
            form.approx_n_unique()
        } else {
            form.n_unique()
        };
        wanted.push(distinct.alias("distinct"));
    }
    if is_linear(kind) {
        wanted.push(value().min().cast(DataType::String).alias("min"));
        wanted.push(value().max().cast(DataType::String).alias("max"));
        let line = linear(value(), kind);
        wanted.push(line.clone().min().cast(DataType::Float64).alias("low"));
        wanted.push(line.clone().max().cast(DataType::Float64).alias("high"));
        for (name, share) in [("p25", 0.25), ("p50", 0.5), ("p75", 0.75)] {
            wanted.push(
                line.clone()
                    .quantile(lit(share), QuantileMethod::Nearest)
                    .cast(DataType::Float64)
                    .alias(name),
            );
        }
    }
    if kind.is_number() {
        wanted.push(value().cast(DataType::Float64).mean().alias("mean"));
    }
    if kind.is_text() {
        wanted.push(value().min().alias("min"));
        wanted.push(value().max().alias("max"));
    }
    let found = collect(values.clone().select(wanted))?;
    column.nulls = count(&found, "nulls", 0)?;
    if countable(kind) {
        // polars counts null as a value.
        let distinct = count(&found, "distinct", 0)?.saturating_sub(u64::from(column.nulls > 0));
        column.distinct = distinct.min(rows - column.nulls);
        column.distinct_approximate = approximate;
    }
    if is_linear(kind) || kind.is_text() {
        column.min = text(&found, "min", 0)?.map(|value| shorten(&value));
        column.max = text(&found, "max", 0)?.map(|value| shorten(&value));
    }
    if kind.is_number() {
        column.mean = number(&found, "mean")?;
    }
    if is_linear(kind)
        && let (Some(low), Some(high)) = (number(&found, "low")?, number(&found, "high")?)
    {
        let quantile = |name: &str| -> Result<String> {
            Ok(number(&found, name)?
                .map(|value| shown(value, kind))
                .unwrap_or_default())
        };
        column.quantiles = Some(Quantiles {
            p25: quantile("p25")?,
            p50: quantile("p50")?,
            p75: quantile("p75")?,
        });
        column.histogram = histogram(values, kind, low, high)?;
    }
    if countable(kind) && column.distinct <= COUNTED_DISTINCT {
        column.top = top(values)?;
    }
    Ok(())
}

fn number(frame: &DataFrame, name: &str) -> Result<Option<f64>> {
    let value = frame
        .column(name)
        .map_err(polars_error)?
        .get(0)
        .map_err(polars_error)?;
    Ok(value.extract::<f64>().filter(|value| value.is_finite()))
}

/// A point of the line as the API shows it.
fn shown(value: f64, kind: ColumnKind) -> String {
    const MICROS_PER_DAY: f64 = 86_400e6;
    let micros = match kind {
        ColumnKind::Date => value.floor() * MICROS_PER_DAY,
        _ => value,
    };
    let moment = || chrono::DateTime::from_timestamp_micros(micros as i64).unwrap_or_default();
    match kind {
        ColumnKind::Date => moment().format("%Y-%m-%d").to_string(),
        ColumnKind::Timestamp => moment().format("%Y-%m-%dT%H:%M:%S").to_string(),
        ColumnKind::TimestampTz => moment().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        // Nanoseconds of the day in polars.
        ColumnKind::Time => chrono::DateTime::from_timestamp_nanos(value as i64)
            .format("%H:%M:%S")
            .to_string(),
        _ => {
            let rounded: f64 = format!("{value:.11e}").parse().unwrap_or(value);
            format!("{rounded}")
        }
    }
}

fn top(values: &LazyFrame) -> Result<Vec<TopValue>> {
    let counted = values
        .clone()
        .filter(col("value").is_not_null())
        .group_by([col("value")])
        .agg([len().alias("count")])
        .sort(
            ["count", "value"],
            SortMultipleOptions::default().with_order_descending_multi([true, false]),
        )
        .limit(TOP);
    let found = collect(counted)?;
    let mut top = Vec::with_capacity(found.height());
    for row in 0..found.height() {
        if let Some(value) = text(&found, "value", row)? {
            top.push(TopValue {
                value: shorten(&value),
                count: count(&found, "count", row)?,
            });
        }
    }
    Ok(top)
}

fn histogram(values: &LazyFrame, kind: ColumnKind, low: f64, high: f64) -> Result<Vec<Bin>> {
    // Whole numbers and days get bins of whole width.
    let whole = matches!(kind, ColumnKind::Integer | ColumnKind::Date);
    let mut bins = BINS;
    let mut width = (high - low) / f64::from(BINS);
    if whole {
        let span = high - low + 1.0;
        width = (span / f64::from(BINS)).ceil().max(1.0);
        bins = (span / width).ceil().clamp(1.0, f64::from(BINS)) as u32;
    } else if width <= 0.0 {
        bins = 1;
        width = 1.0;
    }
    let line = linear(col("value"), kind).cast(DataType::Float64);
    // Never below zero, so that cutting off is rounding down.
    let place = ((line - lit(low)) / lit(width)).cast(DataType::Int64);
    let last = i64::from(bins) - 1;
    let counted = values
        .clone()
        .filter(col("value").is_not_null())
        .select([place.alias("bin")])
        .group_by([col("bin")])
        .agg([len().alias("count")]);
    let found = collect(counted)?;
    let mut counts = vec![0_u64; bins as usize];
    for row in 0..found.height() {
        let Some(bin) = text(&found, "bin", row)?.and_then(|bin| bin.parse::<i64>().ok()) else {
            continue;
        };
        counts[bin.clamp(0, last) as usize] += count(&found, "count", row)?;
    }
    Ok(counts
        .into_iter()
        .enumerate()
        .map(|(index, count)| Bin {
            from: shown(low + width * index as f64, kind),
            to: shown(
                if index as i64 == last && !whole {
                    high
                } else {
                    low + width * (index + 1) as f64
                },
                kind,
            ),
            count,
        })
        .collect())
}
