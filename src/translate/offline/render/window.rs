//! Figures that look at other rows of the result: the best of each group, and what was before.

use super::super::plan::{Group, Key, Plan};
use super::sql::{Shape, Writer};

impl Writer<'_, '_> {
    /// The first rows of each group: numbered within it, then cut.
    pub(super) fn within(&mut self, plan: &Plan) -> String {
        let mut shape = self.shape(plan);
        let inside: Vec<String> = shape.groups[..plan.within].iter().flatten().cloned().collect();
        // Names of the result do not exist yet where rows are numbered.
        let keys: Vec<String> = plan
            .order
            .iter()
            .flat_map(|(key, dir)| {
                let texts = match key {
                    Key::Measure(at) => vec![shape.measures[*at].0.clone()],
                    Key::Figure(at) => vec![shape.figures[*at].0.clone()],
                    Key::Group(at) if *at < plan.within => Vec::new(),
                    Key::Group(at) => shape.groups[*at].clone(),
                    Key::Column(col) => vec![self.col(*col)],
                };
                texts
                    .into_iter()
                    .map(|text| self.flavor.order(&text, *dir))
                    .collect::<Vec<_>>()
            })
            .collect();
        let shown: Vec<String> = shape.select.iter().map(|(_, name)| self.ident(name)).collect();
        let first: Vec<String> = shown.iter().take(plan.within).cloned().collect();
        let place = shape.names.take("place");
        shape.select.push((
            format!(
                "ROW_NUMBER() OVER (PARTITION BY {} ORDER BY {})",
                inside.join(", "),
                keys.join(", ")
            ),
            place.clone(),
        ));
        let place = self.ident(&place);
        format!(
            "SELECT {}\nFROM (\n  SELECT {}\n  {}\n) AS ranked\nWHERE {place} <= {}\nORDER BY {}, {place}",
            shown.join(", "),
            self.select(&shape),
            self.body(plan, &shape).replace('\n', "\n  "),
            plan.limit.unwrap_or(1),
            first.join(", ")
        )
    }

    /// The measure of the period before.
    pub(super) fn before(&self, at: usize, plan: &Plan, shape: &Shape) -> String {
        format!("LAG({}) {}", shape.measures[at].0, self.along(plan, shape))
    }

    /// Along the periods, within the other groups.
    pub(super) fn along(&self, plan: &Plan, shape: &Shape) -> String {
        let (periods, others): (Vec<usize>, Vec<usize>) =
            (0..plan.groups.len()).partition(|at| matches!(plan.groups[*at], Group::Period(..)));
        let texts = |groups: &[usize]| -> Vec<String> {
            groups
                .iter()
                .flat_map(|at| shape.groups[*at].iter().cloned())
                .collect()
        };
        let others = texts(&others);
        let partition = if others.is_empty() {
            String::new()
        } else {
            format!("PARTITION BY {} ", others.join(", "))
        };
        format!("OVER ({partition}ORDER BY {})", texts(&periods).join(", "))
    }
}
