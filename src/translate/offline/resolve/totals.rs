//! Total rows: files made for people often end in a row that adds up the others. It would be counted twice in a sum,
//! and is always the largest; so it is left out, and the reading says so.

use super::super::plan::{Filter, Is, Plan};
use super::super::schema::Col;
use super::Resolver;

/// How such a row is labelled, in lower case.
const TOTALS: &[&str] = &["total", "totals", "grand total", "subtotal", "sub-total"];

impl Resolver<'_, '_> {
    /// Leaves out the rows of the base that add up others, where anything is computed, counted or ranked.
    pub(super) fn leave_totals_out(&self, plan: &mut Plan) {
        let table = self.schema.table(plan.base);
        if !self.schema.of_files || !(plan.computes() || plan.limit.is_some()) {
            return;
        }
        let filtered = |col: Col| plan.filters.iter().any(|filter| filter.column == col);
        // The label stands in front; texts further back may well be called "Average".
        let found = self.schema.columns(plan.base).take(3).find_map(|col| {
            let column = self.schema.column(col);
            let labels = column.kind.is_text()
                && !self.schema.is_id(col)
                && column
                    .distinct_estimate
                    .zip(table.row_estimate)
                    .is_some_and(|(distinct, rows)| rows > 2 && distinct * 10 >= rows * 8);
            let totals: Vec<String> = column
                .values
                .iter()
                .filter(|value| {
                    let bare = value.trim().trim_end_matches(':').to_lowercase();
                    TOTALS.contains(&bare.as_str())
                })
                .cloned()
                .collect();
            (labels && !totals.is_empty() && !filtered(col)).then_some((col, totals))
        });
        if let Some((column, totals)) = found {
            plan.filters.push(Filter {
                column,
                test: Is::OneOf(totals),
                negated: true,
            });
        }
    }
}
