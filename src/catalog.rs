//! What a source holds: tables, columns, keys, estimates, comments and value hints.
//!
//! A catalog is data from outside (names and comments may be hostile); it is never code. It travels from
//! agent to server as JSON.

use serde::{Deserialize, Serialize};

/// Everything a question may refer to in one source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    pub tables: Vec<Table>,
}

/// A table, view or file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Table {
    /// The schema (namespace), where the source has such.
    #[serde(default)]
    pub schema: Option<String>,
    pub name: String,
    #[serde(default)]
    pub kind: TableKind,
    #[serde(default)]
    pub comment: Option<String>,
    /// Rows, from statistics; never counted.
    #[serde(default)]
    pub row_estimate: Option<u64>,
    pub columns: Vec<Column>,
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// Column sets known to be unique, beside the primary key.
    #[serde(default)]
    pub unique: Vec<Vec<String>>,
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    /// Column sets with an index, beside the keys, where the source tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Vec<String>>,
}

/// What kind of relation a [`Table`] is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    #[default]
    Table,
    View,
    MaterializedView,
    ForeignTable,
    /// A time-series collection of MongoDB.
    TimeSeries,
}

/// A column of a [`Table`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Column {
    pub name: String,
    /// The source's own name of the type, e.g. `numeric(12,2)`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What can be done with it.
    pub kind: ColumnKind,
    #[serde(default = "yes")]
    pub nullable: bool,
    #[serde(default)]
    pub comment: Option<String>,
    /// What a new row gets when nothing is said, as an expression of the source's own.
    #[serde(default)]
    pub default: Option<String>,
    /// Frequent values or enum labels, as text.
    #[serde(default)]
    pub values: Vec<String>,
    /// Whether `values` is every value there is.
    #[serde(default)]
    pub values_complete: bool,
    /// Estimated number of distinct values.
    #[serde(default)]
    pub distinct_estimate: Option<u64>,
    /// Smallest value as text, where known cheaply.
    #[serde(default)]
    pub min: Option<String>,
    /// Largest value as text, where known cheaply.
    #[serde(default)]
    pub max: Option<String>,
    /// The types found in a sample, most frequent first, where the source has no schema of its own. A list
    /// is named with its elements' types: `array<object>`, `array<int|string>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<TypeShare>,
    /// The share of sampled documents that have it, 0 to 1, where the source has no schema of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<f64>,
    /// The day a sample last held it, counted from 1970, where the source has no schema of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_day: Option<u32>,
}

/// How often a sample held a type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TypeShare {
    /// The source's own name of the type, e.g. `objectId`.
    pub name: String,
    /// Of the values found, 0 to 1.
    pub share: f64,
}

fn yes() -> bool {
    true
}

/// A coarse type, the same for every source: what a translator needs to know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    Integer,
    Decimal,
    Float,
    Boolean,
    Text,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Json,
    Binary,
    Array,
    #[default]
    Other,
}

impl ColumnKind {
    /// Whether it can be summed and averaged.
    pub fn is_number(self) -> bool {
        matches!(
            self,
            ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Float
        )
    }

    /// Whether it lies on the calendar.
    pub fn is_date(self) -> bool {
        matches!(
            self,
            ColumnKind::Date | ColumnKind::Timestamp | ColumnKind::TimestampTz
        )
    }

    /// Whether it is words.
    pub fn is_text(self) -> bool {
        matches!(self, ColumnKind::Text)
    }
}

/// `columns` of this table point at `references` of the other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ForeignKey {
    pub columns: Vec<String>,
    #[serde(default)]
    pub schema: Option<String>,
    pub table: String,
    pub references: Vec<String>,
}

impl Catalog {
    /// The table of this name, exactly as the source spells it; the schema may be left out when the name is
    /// the only one.
    pub fn table(&self, schema: Option<&str>, name: &str) -> Option<&Table> {
        let mut found = self.tables.iter().filter(|table| {
            table.name == name && schema.is_none_or(|schema| table.schema.as_deref() == Some(schema))
        });
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

impl Table {
    /// The column of this name, exactly as the source spells it.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether no two rows share these columns' values, as far as keys tell.
    pub fn is_unique(&self, columns: &[&str]) -> bool {
        let covers =
            |key: &Vec<String>| !key.is_empty() && key.iter().all(|part| columns.contains(&part.as_str()));
        covers(&self.primary_key) || self.unique.iter().any(covers)
    }
}

/// The languages queries are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// PostgreSQL's SQL.
    Postgresql,
    /// DataFusion's SQL, over files.
    Datafusion,
    /// MongoDB: a JSON object with a collection and an aggregation pipeline.
    Mongodb,
    /// The SQL that MySQL and MariaDB share.
    Mysql,
    /// SQLite's SQL.
    Sqlite,
}

impl Dialect {
    /// As it stands in answers.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Postgresql => "postgresql",
            Dialect::Datafusion => "datafusion",
            Dialect::Mongodb => "mongodb",
            Dialect::Mysql => "mysql",
            Dialect::Sqlite => "sqlite",
        }
    }
}
