//! Statistics of an imported table, per column.

use serde::{Deserialize, Serialize};

/// Statistics of one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Profile {
    pub table: String,
    pub row_count: u64,
    pub columns: Vec<ColumnProfile>,
}

/// Statistics of one column. Values stand as text, as the API shows them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ColumnProfile {
    pub name: String,
    #[serde(rename = "type")]
    pub type_name: String,
    pub nulls: u64,
    pub distinct: u64,
    /// Whether `distinct` is an estimate (above 100,000 rows).
    pub distinct_approximate: bool,
    pub min: Option<String>,
    pub max: Option<String>,
    pub mean: Option<f64>,
    pub quantiles: Option<Quantiles>,
    /// The most frequent values.
    pub top: Vec<TopValue>,
    /// Equal-width bins of a numeric or date column.
    pub histogram: Vec<Bin>,
}

/// Quartiles.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Quantiles {
    pub p25: String,
    pub p50: String,
    pub p75: String,
}

/// A value and how often it stands there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TopValue {
    pub value: String,
    pub count: u64,
}

/// A bin of a histogram: from (inclusive) to (exclusive, but for the last).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Bin {
    pub from: String,
    pub to: String,
    pub count: u64,
}
