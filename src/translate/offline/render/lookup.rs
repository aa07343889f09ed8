//! The rows of a MongoDB aggregation: joined documents, conditions, and documents that must exist elsewhere.

use super::super::frame::Agg;
use super::super::plan::{Filter, Is, Related};
use super::super::schema::{Col, Join};
use super::mongo::Writer;
use super::pipeline::{Doc, Scope, all, call, field, object, one, operator, text};
use super::sql::fits_none;

impl Writer<'_, '_> {
    /// Which rows: joins and conditions.
    pub(super) fn rows(&mut self) {
        let plan = self.plan;
        let base = plan.base;
        let (own, others): (Vec<Filter>, Vec<Filter>) = plan
            .filters
            .iter()
            .cloned()
            .partition(|filter| filter.column.table == base && !matches!(filter.test, Is::Overall(..)));
        if !own.is_empty() {
            let matching = self.scope.matching(&own);
            self.stage("$match", matching);
        }
        for join in &plan.joins {
            let stages = joined(&mut self.scope, join);
            self.stages.extend(stages);
        }
        let figures: Vec<Filter> = plan
            .filters
            .iter()
            .chain(plan.any.iter().flatten())
            .chain(plan.measures.iter().flat_map(|m| &m.only))
            .filter(|filter| matches!(filter.test, Is::Overall(..)))
            .cloned()
            .collect();
        for filter in figures {
            let name = self.name("overall");
            let lookup = overall(&self.scope, &filter, &name);
            self.stage("$lookup", lookup);
            self.scope.overall.push((filter, name));
        }
        let mut conditions: Vec<Doc> = others.iter().map(|filter| self.scope.condition(filter)).collect();
        for choice in &plan.any {
            let parts = choice.iter().map(|filter| self.scope.condition(filter)).collect();
            conditions.push(one("$or", Doc::List(parts)));
        }
        if !conditions.is_empty() {
            self.stage("$match", all(conditions));
        }
        for related in &plan.related {
            self.related(related);
        }
    }

    fn related(&mut self, related: &Related) {
        let name = self.name("related");
        let mut inner = Scope::new(self.scope.schema, related.join.to);
        let mut pipeline: Vec<Doc> = Vec::new();
        let mut conditions: Vec<Doc> = Vec::new();
        for (_, there) in &related.join.on {
            let col = Col {
                table: related.join.to,
                column: *there,
            };
            // An empty key would meet an empty reference.
            conditions.push(one(inner.path(col), one("$ne", Doc::Null)));
        }
        for join in &related.joins {
            pipeline.extend(joined(&mut inner, join));
        }
        conditions.extend(related.filters.iter().map(|filter| inner.condition(filter)));
        pipeline.push(one("$match", one("$and", Doc::List(conditions))));
        if related.count.is_none() {
            pipeline.push(one("$limit", Doc::Number(1.0)));
        }
        pipeline.push(one("$project", one("_id", Doc::Number(1.0))));
        let lookup = lookup(&self.scope, &related.join, Some(pipeline), &name);
        self.stage("$lookup", lookup);
        let test = match related.count {
            Some((compare, value)) => {
                // Nothing at all counts as none, as it does in SQL.
                let size = one("$size", field(&name));
                let (compare, not) = if fits_none(compare, value) {
                    (compare.negated(), true)
                } else {
                    (compare, false)
                };
                let test = call(operator(compare), [size, Doc::Number(value)]);
                one(
                    "$expr",
                    if not {
                        one("$not", Doc::List(vec![test]))
                    } else {
                        test
                    },
                )
            }
            None if related.negated => one(name, Doc::List(Vec::new())),
            None => one(name, one("$ne", Doc::List(Vec::new()))),
        };
        self.stage("$match", test);
    }
}

/// The stages that put a joined document beside each, and leave out those that have none.
fn joined(scope: &mut Scope<'_, '_>, join: &Join) -> Vec<Doc> {
    let mut stages = Vec::new();
    let unique = scope.schema.is_key(join);
    if !unique {
        // An empty reference would meet an empty key.
        let tests = join.on.iter().map(|(here, _)| {
            let col = Col {
                table: join.from,
                column: *here,
            };
            (scope.path(col), one("$ne", Doc::Null))
        });
        stages.push(one("$match", object(tests.collect::<Vec<_>>())));
    }
    let name = scope.join(join.to);
    stages.push(one("$lookup", lookup(scope, join, None, &name)));
    stages.push(one("$unwind", field(&name)));
    stages
}

fn lookup(scope: &Scope<'_, '_>, join: &Join, pipeline: Option<Vec<Doc>>, name: &str) -> Doc {
    let here = |at: usize| {
        scope.path(Col {
            table: join.from,
            column: join.on[at].0,
        })
    };
    let there = |at: usize| {
        scope
            .schema
            .column(Col {
                table: join.to,
                column: join.on[at].1,
            })
            .name
            .clone()
    };
    let mut fields = vec![
        ("from", text(&scope.schema.table(join.to).name)),
        ("localField", text(here(0))),
        ("foreignField", text(there(0))),
    ];
    // Further columns of the key are compared inside.
    let mut inner = Vec::new();
    if join.on.len() > 1 {
        let kept: Vec<(String, Doc)> = (1..join.on.len())
            .map(|at| (format!("key{at}"), field(&here(at))))
            .collect();
        fields.push(("let", object(kept)));
        let tests: Vec<Doc> = (1..join.on.len())
            .map(|at| call("$eq", [field(&there(at)), text(format!("$$key{at}"))]))
            .collect();
        inner.push(one("$match", one("$expr", one("$and", Doc::List(tests)))));
    }
    inner.extend(pipeline.unwrap_or_default());
    if !inner.is_empty() {
        fields.push(("pipeline", Doc::List(inner)));
    }
    fields.push(("as", text(name)));
    object(fields)
}

/// A figure over a whole collection, beside each document.
fn overall(scope: &Scope<'_, '_>, filter: &Filter, name: &str) -> Doc {
    let column = field(&scope.schema.column(filter.column).name);
    let accumulator = match filter.test {
        Is::Overall(_, Agg::Min) => "$min",
        Is::Overall(_, Agg::Max) => "$max",
        _ => "$avg",
    };
    let group = object([("_id", Doc::Null), ("figure", one(accumulator, column))]);
    object([
        ("from", text(&scope.schema.table(filter.column.table).name)),
        ("pipeline", Doc::List(vec![one("$group", group)])),
        ("as", text(name)),
    ])
}
