//! A plan written in the language of its source. Every name is quoted where it needs it, every text is a
//! literal: nothing from the catalog or the question can become syntax.

mod conditions;
mod flavor;
mod lookup;
mod mongo;
mod names;
mod pipeline;
mod sql;
mod window;

#[cfg(test)]
pub use flavor::Flavor;
#[cfg(test)]
pub use sql::write as in_flavor;

use super::frame::Agg;
use super::plan::Plan;
use super::schema::{Col, Schema};
use crate::source::Dialect;

/// The query of a plan.
pub fn render(plan: &Plan, schema: &Schema<'_>, dialect: Dialect) -> String {
    match flavor::Flavor::of(dialect) {
        Some(flavor) => sql::write(plan, schema, flavor),
        None => mongo::write(plan, schema),
    }
}

/// Whether a dialect can compute a median exactly.
pub fn takes_medians(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::Postgresql | Dialect::Datafusion)
}

/// Counting rows once each needs no more than `COUNT(DISTINCT key)`.
fn counts_only(plan: &Plan, key: &[Col]) -> bool {
    key.len() == 1
        && plan
            .measures
            .iter()
            .all(|m| matches!(m.agg, Agg::Count | Agg::CountDistinct | Agg::Min | Agg::Max))
}
