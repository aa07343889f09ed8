//! What a query would cost by the planner's own estimate, asked before it runs. Off unless a limit is set.

use serde_json::Value;
use tokio_postgres::{Client, Error as PgError};

use super::rows::Raw;
use crate::error::{Error, Result};
use crate::source::Limits;

/// Levels of a plan that are looked into at most; JSON deeper than that is not read anyway.
const LEVELS: usize = 128;

/// What EXPLAIN says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Estimate {
    /// Of the whole query, in the planner's units: one is about a page read in order.
    cost: f64,
    /// Of the step that gives the most rows.
    rows: f64,
    /// The largest table that is read, where the query names it.
    largest: Option<String>,
}

/// Whether these limits ask for an estimate.
pub(super) fn is_wanted(limits: &Limits) -> bool {
    limits.cost.is_some() || limits.estimated_rows.is_some()
}

/// Asks the planner. Only planning happens, and only one statement can be in `query`. None when the plan is
/// too deeply nested to be read.
pub(super) async fn estimate(client: &Client, query: &str) -> Result<Option<Estimate>, PgError> {
    let rows = client
        .query_typed(&format!("EXPLAIN (FORMAT JSON) {query}"), &[])
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let plan: Raw = row.try_get(0)?;
    let mut estimate = read(plan.0);
    if let Some(estimate) = &mut estimate {
        // What a view reads behind the scenes is not for everybody to know.
        estimate.largest = estimate.largest.take().filter(|table| query.contains(table));
    }
    Ok(estimate)
}

fn read(plan: &[u8]) -> Option<Estimate> {
    let plan: Value = serde_json::from_slice(plan).ok()?;
    let root = plan.get(0)?.get("Plan")?;
    let mut estimate = Estimate {
        cost: root.get("Total Cost")?.as_f64()?,
        rows: 0.0,
        largest: None,
    };
    let mut largest = 0.0;
    walk(root, &mut estimate, &mut largest, 0);
    Some(estimate)
}

fn walk(node: &Value, estimate: &mut Estimate, largest: &mut f64, level: usize) {
    let rows = node.get("Plan Rows").and_then(Value::as_f64).unwrap_or(0.0);
    estimate.rows = estimate.rows.max(rows);
    if let Some(table) = node.get("Relation Name").and_then(Value::as_str)
        && rows >= *largest
    {
        *largest = rows;
        estimate.largest = Some(table.to_owned());
    }
    let below = node.get("Plans").and_then(Value::as_array);
    for child in below.into_iter().flatten().take_while(|_| level < LEVELS) {
        walk(child, estimate, largest, level + 1);
    }
}

/// Lets through what the limits allow. Errors: `Refused` with the estimate and how to narrow the query.
pub(super) fn check(estimate: Option<&Estimate>, limits: &Limits) -> Result<()> {
    let Some(estimate) = estimate else {
        return Err(Error::Refused(
            "The database's plan for this query is too deeply nested to estimate what it costs, so it does not \
             run here; write it with fewer joins or subqueries."
                .into(),
        ));
    };
    let over = |found: f64, most: Option<u64>| most.filter(|most| found > *most as f64);
    let what = if let Some(most) = over(estimate.rows, limits.estimated_rows) {
        format!(
            "go through about {} rows in one step, and {} are the most",
            number(estimate.rows),
            number(most as f64)
        )
    } else if let Some(most) = over(estimate.cost, limits.cost) {
        format!(
            "cost about {} by the database's estimate, and {} is the most",
            number(estimate.cost),
            number(most as f64)
        )
    } else {
        return Ok(());
    };
    let place = match &estimate.largest {
        Some(table) => format!(" on {table}, its largest table"),
        None => String::new(),
    };
    Err(Error::Refused(format!(
        "This query would {what} allowed here. Narrow it: a condition{place} (for example a shorter time), or \
         fewer tables joined, each on a key."
    )))
}

/// A large number for people: digits in groups of three up to a billion, then with a power of ten.
fn number(value: f64) -> String {
    if value >= 1e9 {
        return format!("{value:.1e}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &[u8] = br#"[{"Plan": {"Node Type": "Aggregate", "Total Cost": 1234567.5, "Plan Rows": 1,
        "Plans": [{"Node Type": "Nested Loop", "Plan Rows": 4000000000, "Plans": [
            {"Node Type": "Seq Scan", "Relation Name": "orders", "Plan Rows": 2000000},
            {"Node Type": "Seq Scan", "Relation Name": "stores", "Plan Rows": 2000}]}]}}]"#;

    fn limits(cost: Option<u64>, estimated_rows: Option<u64>) -> Limits {
        Limits {
            cost,
            estimated_rows,
            ..Limits::default()
        }
    }

    #[test]
    fn a_plan_beyond_the_limit_is_refused_with_the_estimate() {
        let estimate = read(PLAN).expect("a plan");
        assert_eq!(check(Some(&estimate), &limits(None, None)).ok(), Some(()));
        assert_eq!(
            check(Some(&estimate), &limits(Some(1_234_568), Some(4_000_000_000))).ok(),
            Some(())
        );
        let rows = check(Some(&estimate), &limits(None, Some(1_000_000))).unwrap_err();
        assert_eq!(
            rows.to_string(),
            "This query would go through about 4.0e9 rows in one step, and 1,000,000 are the most allowed here. \
             Narrow it: a condition on orders, its largest table (for example a shorter time), or fewer tables \
             joined, each on a key."
        );
        let cost = check(Some(&estimate), &limits(Some(1_000), None)).unwrap_err();
        assert!(cost.to_string().contains("cost about 1,234,568 by"), "{cost}");
    }

    #[test]
    fn a_plan_that_cannot_be_read_is_refused() {
        for broken in [&b""[..], b"[]", b"{}", b"[{\"Plan\": {}}]"] {
            assert_eq!(read(broken), None);
        }
        assert!(matches!(
            check(None, &limits(Some(1), None)),
            Err(Error::Refused(_))
        ));
    }
}
