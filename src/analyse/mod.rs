//! A closer look at the rows of an answer: what is typical, what is unusual, where it is going. Each analysis
//! says its method and how many values it saw, or refuses with the reason.
//!
//! It works on rows as they stand and never fetches, sums or guesses missing ones; the arithmetic is in
//! [`stats`], the calendar in `series`.

pub mod asked;
mod methods;
mod series;
pub mod stats;
#[cfg(test)]
mod tests;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ask::chart::{Chart, Role, number, role, words};
use crate::ask::present::plain_name;
use crate::error::{Error, Result};
use crate::rows::ColumnInfo;

/// What can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Every column at a glance: mean, quartiles, missing values, most frequent text.
    Describe,
    /// A straight line over time.
    Trend,
    /// How two numbers go together.
    Correlation,
    /// How often which size occurs.
    Distribution,
    /// Rows far from the others.
    Outliers,
    /// The last period against the one before, and what drove the difference.
    Change,
    /// The next periods, with an interval.
    Forecast,
}

impl Method {
    /// As it stands in requests and answers.
    pub fn name(self) -> &'static str {
        match self {
            Method::Describe => "describe",
            Method::Trend => "trend",
            Method::Correlation => "correlation",
            Method::Distribution => "distribution",
            Method::Outliers => "outliers",
            Method::Change => "change",
            Method::Forecast => "forecast",
        }
    }
}

/// The rows to look at.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    pub columns: &'a [ColumnInfo],
    pub rows: &'a [Vec<Value>],
    /// Rows are missing: everything but outliers among them would be wrong.
    pub truncated: bool,
    /// A period that contains this day is not over.
    pub today: NaiveDate,
}

/// An analysis that the rows allow, with the columns it can be asked about; the first is taken by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Offer {
    pub method: Method,
    pub columns: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Analysis {
    pub method: Method,
    /// The column looked at; None where it was all of them.
    pub column: Option<String>,
    /// Names the finding, the method and n.
    pub sentence: String,
    /// What has to be known to read it right.
    pub notes: Vec<String>,
    /// Values that went in.
    pub n: usize,
    pub columns: Vec<ColumnInfo>,
    #[schema(value_type = Vec<Vec<Value>>)]
    pub rows: Vec<Vec<Value>>,
    pub chart: Option<Chart>,
}

/// Which analyses the rows allow.
pub fn offers(data: &Data<'_>) -> Vec<Offer> {
    use Method::{Change, Correlation, Describe, Distribution, Forecast, Outliers, Trend};
    [
        Trend,
        Forecast,
        Change,
        Outliers,
        Distribution,
        Correlation,
        Describe,
    ]
    .into_iter()
    .filter_map(|method| {
        let columns: Vec<String> = match method {
            Describe => data.columns.iter().map(|column| column.name.clone()).collect(),
            _ => data
                .measures()
                .into_iter()
                .map(|at| data.columns[at].name.clone())
                .collect(),
        };
        let columns: Vec<String> = columns
            .into_iter()
            .filter(|column| analyse(data, method, Some(column), None).is_ok())
            .collect();
        (!columns.is_empty()).then_some(Offer { method, columns })
    })
    .collect()
}

/// Looks at `column` (the first fitting one if None) by `method`; `with` is the other column of a correlation.
/// Errors: `Invalid` with the reason when the rows do not allow it.
pub fn analyse(
    data: &Data<'_>,
    method: Method,
    column: Option<&str>,
    with: Option<&str>,
) -> Result<Analysis> {
    if data.truncated {
        return Err(refused(
            "The result was cut, so an analysis of it would mislead. Ask for fewer rows, for example per month.",
        ));
    }
    if data.rows.len() < 2 {
        return Err(refused(
            "One row is too little to analyse. Ask for more, for example per month or per customer.",
        ));
    }
    if method == Method::Describe {
        return methods::describe(data);
    }
    let measure = match column {
        Some(name) => data.named(name)?,
        None => *data
            .measures()
            .first()
            .ok_or_else(|| refused("No column of this result is a number that could be analysed."))?,
    };
    if role(&data.columns[measure]) != Role::Measure {
        return Err(refused(&format!(
            "{:?} is no measured number.",
            data.columns[measure].name
        )));
    }
    match method {
        Method::Describe => methods::describe(data),
        Method::Trend => methods::trend(data, measure),
        Method::Correlation => methods::correlation(data, measure, with),
        Method::Distribution => methods::distribution(data, measure),
        Method::Outliers => methods::outliers(data, measure),
        Method::Change => methods::change(data, measure),
        Method::Forecast => methods::forecast(data, measure),
    }
}

impl Data<'_> {
    fn of(&self, wanted: Role) -> Vec<usize> {
        (0..self.columns.len())
            .filter(|at| role(&self.columns[*at]) == wanted)
            .collect()
    }

    fn measures(&self) -> Vec<usize> {
        self.of(Role::Measure)
    }

    fn named(&self, name: &str) -> Result<usize> {
        let mut found = (0..self.columns.len()).filter(|at| self.columns[*at].name == name);
        match (found.next(), found.next()) {
            (Some(at), None) => Ok(at),
            (None, _) => Err(refused(&format!("This result has no column {name:?}."))),
            (Some(_), Some(_)) => Err(refused(&format!("More than one column is called {name:?}."))),
        }
    }

    /// The numbers of a column and in which rows they stand; empty cells are left out. Errors: `Invalid` when a
    /// cell is no finite number.
    fn numbers(&self, column: usize) -> Result<Vec<(usize, f64)>> {
        let mut numbers = Vec::with_capacity(self.rows.len());
        for (at, row) in self.rows.iter().enumerate() {
            match &row[column] {
                Value::Null => {}
                value => numbers.push((
                    at,
                    number(value).ok_or_else(|| {
                        refused(&format!(
                            "{:?} holds values that are no finite numbers.",
                            self.columns[column].name
                        ))
                    })?,
                )),
            }
        }
        Ok(numbers)
    }

    /// The column's name as words for a sentence.
    fn label(&self, column: usize) -> String {
        plain_name(&self.columns[column])
    }

    /// Whether sums of the column mean something; those of averages and shares do not.
    fn adds_up(&self, column: usize) -> bool {
        !words(&self.columns[column].name).iter().any(|word| {
            matches!(
                word.as_str(),
                "avg"
                    | "average"
                    | "mean"
                    | "median"
                    | "min"
                    | "max"
                    | "rate"
                    | "ratio"
                    | "share"
                    | "percent"
                    | "percentage"
                    | "per"
                    | "lowest"
                    | "highest"
                    | "distinct"
            )
        })
    }
}

fn refused(text: &str) -> Error {
    Error::Invalid(text.to_owned())
}
