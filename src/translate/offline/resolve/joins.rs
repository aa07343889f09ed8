//! Where conditions and groups lie beyond joins: rows joined, rows that must exist, and rows that would
//! count more than once.

use super::super::frame::{Agg, Frame, RawGroup, RawMeasure};
use super::super::plan::{Filter, Group, Is, Key, Plan, Related};
use super::super::schema::{Col, Join, Way, spaced};
use super::{Resolver, Step, group_table, refuse};

impl Resolver<'_, '_> {
    /// Puts a condition where it belongs: on joined rows, or on related rows that must exist.
    pub(super) fn place(&self, filter: Filter, apart: bool, plan: &mut Plan) -> Step<()> {
        let path = self.path(filter.column.table)?;
        match path.iter().position(|join| !join.single) {
            None if apart => refuse(format!(
                "One {} cannot have both; ask for them one by one, or with \"or\".",
                self.schema.spoken(filter.column)
            ))?,
            Some(first) if apart => {
                add_joins(&mut plan.joins, &path[..first]);
                plan.related.push(Related {
                    join: path[first].clone(),
                    joins: path[first + 1..].to_vec(),
                    filters: vec![filter],
                    negated: false,
                    count: None,
                });
            }
            None => {
                add_joins(&mut plan.joins, &path);
                plan.filters.push(filter);
            }
            Some(first) => {
                // A group beyond the same join: the condition is on the very rows that are grouped.
                if self.groups_beyond(plan, &path[first]) {
                    add_joins(&mut plan.joins, &path);
                    plan.filters.push(filter);
                    return Ok(());
                }
                add_joins(&mut plan.joins, &path[..first]);
                let related = self.related_by(plan, &path, first);
                related.filters.push(filter);
            }
        }
        Ok(())
    }

    /// Conditions of which one must hold; they have to be on the same row.
    pub(super) fn place_any(&self, choice: Vec<Filter>, plan: &mut Plan) -> Step<()> {
        for filter in &choice {
            let path = self.path(filter.column.table)?;
            if path.iter().any(|join| !join.single) {
                return refuse(
                    "Conditions on other rows cannot be read with \"or\"; ask for them one by one.",
                );
            }
            // A row without the joined one may still meet another of the conditions.
            let dropped = path.iter().any(|join| {
                join.on.iter().any(|(here, _)| {
                    let col = Col {
                        table: join.from,
                        column: *here,
                    };
                    self.schema.column(col).nullable
                })
            });
            if dropped
                && choice
                    .iter()
                    .any(|other| other.column.table != filter.column.table)
            {
                return refuse(
                    "Conditions on different tables cannot be read with \"or\" here; ask for them one by one.",
                );
            }
            add_joins(&mut plan.joins, &path);
        }
        plan.any.push(choice);
        Ok(())
    }

    pub(super) fn groups_beyond(&self, plan: &Plan, join: &Join) -> bool {
        plan.groups.iter().any(|group| {
            let table = group_table(group);
            matches!(self.ways.get(table), Some(Way::Path(path)) if path.contains(join))
        })
    }

    /// The related rows behind the first multiplying join of a path, shared by all conditions on them.
    pub(super) fn related_by<'p>(&self, plan: &'p mut Plan, path: &[Join], first: usize) -> &'p mut Related {
        let at =
            match plan.related.iter().position(|related| {
                related.join == path[first] && !related.negated && related.count.is_none()
            }) {
                Some(at) => at,
                None => {
                    plan.related.push(Related {
                        join: path[first].clone(),
                        joins: Vec::new(),
                        filters: Vec::new(),
                        negated: false,
                        count: None,
                    });
                    plan.related.len() - 1
                }
            };
        add_joins(&mut plan.related[at].joins, &path[first + 1..]);
        &mut plan.related[at]
    }

    pub(super) fn related(&self, frame: &Frame, plan: &mut Plan) -> Step<()> {
        for raw in &frame.related {
            let Some(table) = self.table_of(&raw.of) else {
                return refuse(format!("It is not clear what \"{}\" means here.", raw.of.text));
            };
            if table == plan.base {
                // "cities with more than one restaurant": a condition on the count of each group.
                if let (Some((compare, value)), false) = (raw.count, plan.groups.is_empty()) {
                    let count = self.resolve_measure(
                        &RawMeasure {
                            agg: Some(Agg::Count),
                            of: raw.of.clone(),
                            until: None,
                        },
                        true,
                    )?;
                    let at = self.add_measure(plan, count);
                    plan.having.push((at, compare, value));
                    continue;
                }
                return refuse(format!("It is not clear what \"{}\" means here.", raw.of.text));
            }
            let path = self.path(table)?;
            let Some(first) = path.iter().position(|join| !join.single) else {
                if raw.count.is_some() {
                    return refuse(format!(
                        "Each {} has at most one {}, so they cannot be counted.",
                        spaced(&self.schema.table(plan.base).name),
                        raw.of.text
                    ));
                }
                // "orders without a customer": the reference is empty.
                if let [join] = path.as_slice() {
                    for (here, _) in &join.on {
                        plan.filters.push(Filter {
                            column: Col {
                                table: join.from,
                                column: *here,
                            },
                            test: Is::Null,
                            negated: !raw.negated,
                        });
                    }
                    continue;
                }
                return refuse(format!("\"{}\" cannot be read here.", raw.of.text));
            };
            if raw.count.is_some() && path.len() != 1 {
                return refuse(format!(
                    "Counting {} for each {} goes over another table; that cannot be read yet.",
                    raw.of.text,
                    spaced(&self.schema.table(plan.base).name)
                ));
            }
            add_joins(&mut plan.joins, &path[..first]);
            if raw.negated || raw.count.is_some() {
                // Conditions that were said of these rows belong inside: "not ordered in 2024".
                let mut joins = path[first + 1..].to_vec();
                let mut filters = Vec::new();
                if let Some(at) = plan
                    .related
                    .iter()
                    .position(|r| r.join == path[first] && !r.negated && r.count.is_none())
                {
                    let earlier = plan.related.remove(at);
                    joins = earlier.joins;
                    add_joins(&mut joins, &path[first + 1..]);
                    filters = earlier.filters;
                }
                plan.related.push(Related {
                    join: path[first].clone(),
                    joins,
                    filters,
                    negated: raw.negated,
                    count: raw.count,
                });
            } else {
                self.related_by(plan, &path, first);
            }
        }
        Ok(())
    }

    /// Tables that were only named still have to be there.
    pub(super) fn anchors(&self, frame: &Frame, plan: &mut Plan) -> Step<()> {
        let beside = frame
            .outputs
            .iter()
            .chain(frame.measures.iter().map(|m| &m.of))
            .chain(frame.related.iter().map(|r| &r.of))
            .chain(&frame.anchors)
            .chain(frame.groups.iter().filter_map(|g| match g {
                RawGroup::Name(spot) => Some(spot),
                RawGroup::Period(_) => None,
            }))
            .flat_map(|spot| &spot.beside);
        for spot in frame.anchors.iter().chain(beside) {
            let table = match self.table_of(spot) {
                Some(table) => table,
                None => {
                    let mut tables: Vec<usize> =
                        spot.mention.columns.iter().map(|(col, _)| col.table).collect();
                    tables.dedup();
                    // A column that only sets the scene ("the rating of …") must at least be used.
                    let used = spot.mention.columns.iter().any(|(col, _)| uses(plan, *col));
                    if used {
                        continue;
                    }
                    return refuse(format!("It is not clear what \"{}\" is for.", spot.text));
                }
            };
            let involved = table == plan.base
                || plan.joins.iter().any(|join| join.to == table)
                || plan.groups.iter().any(|group| group_table(group) == table)
                || plan
                    .related
                    .iter()
                    .any(|r| r.join.to == table || r.joins.iter().any(|join| join.to == table));
            if involved {
                continue;
            }
            let path = self.path(table)?;
            match path.iter().position(|join| !join.single) {
                None => add_joins(&mut plan.joins, &path),
                Some(first) => {
                    if self.groups_beyond(plan, &path[first]) {
                        add_joins(&mut plan.joins, &path);
                        continue;
                    }
                    add_joins(&mut plan.joins, &path[..first]);
                    self.related_by(plan, &path, first);
                }
            }
        }
        Ok(())
    }

    /// Joins what groups and lists need; where a join multiplies rows, makes each row count once.
    pub(super) fn fan_out(&self, plan: &mut Plan) -> Step<()> {
        let mut tables: Vec<usize> = plan.groups.iter().map(group_table).collect();
        tables.extend(plan.outputs.iter().map(|col| col.table));
        tables.extend(plan.measures.iter().filter_map(|m| m.column.map(|col| col.table)));
        tables.extend(plan.order.iter().filter_map(|(key, _)| match key {
            Key::Column(col) => Some(col.table),
            _ => None,
        }));
        let mut multiplied = plan.joins.iter().any(|join| !join.single);
        for table in tables {
            let path = self.path(table)?;
            multiplied |= path.iter().any(|join| !join.single);
            add_joins(&mut plan.joins, &path);
        }
        if !multiplied {
            return Ok(());
        }
        if plan.measures.is_empty() {
            return refuse(
                "The things asked for are connected so that rows would repeat; ask for one of them, or for figures by the other.",
            );
        }
        match self.schema.key(plan.base) {
            Some(key) => {
                let counted = key.len() == 1
                    && plan
                        .measures
                        .iter()
                        .all(|m| matches!(m.agg, Agg::Count | Agg::CountDistinct | Agg::Min | Agg::Max));
                if plan.within > 0 && !counted {
                    return refuse(
                        "A row can belong to several of these groups, so the best of each cannot be told; ask for the figures by group.",
                    );
                }
                plan.once = Some(key);
            }
            None => {
                return refuse(format!(
                    "Connecting these tables would count rows of {} more than once, and no key is known that tells them apart.",
                    spaced(&self.schema.table(plan.base).name)
                ));
            }
        }
        Ok(())
    }
}

fn uses(plan: &Plan, col: Col) -> bool {
    plan.filters.iter().any(|f| f.column == col)
        || plan.measures.iter().any(|m| m.column == Some(col))
        || plan.outputs.contains(&col)
        || plan.order.iter().any(|(key, _)| *key == Key::Column(col))
        || plan.groups.iter().any(|g| match g {
            Group::Column(c) => *c == col,
            Group::Entity { label, key, .. } => label.contains(&col) || key.contains(&col),
            Group::Period(c, _) => *c == col,
        })
        || plan
            .related
            .iter()
            .any(|r| r.filters.iter().any(|f| f.column == col))
        || plan.any.iter().flatten().any(|f| f.column == col)
        || plan
            .measures
            .iter()
            .any(|m| m.until == Some(col) || m.only.iter().any(|f| f.column == col))
}

fn add_joins(joins: &mut Vec<Join>, path: &[Join]) {
    for join in path {
        if !joins.iter().any(|other| other.to == join.to) {
            joins.push(join.clone());
        }
    }
}
