//! What the result shows: groups, listed columns, and what a second sentence asks to see.

use super::super::frame::{Frame, RawGroup, Spot};
use super::super::link::Fit;
use super::super::plan::{Group, Key, Plan};
use super::super::schema::{Col, Way, spaced};
use super::{Resolver, Step, refuse};
use crate::catalog::ColumnKind;

impl Resolver<'_, '_> {
    pub(super) fn group(&self, group: &RawGroup) -> Step<Group> {
        match group {
            RawGroup::Period(grain) => {
                let base = self.base.unwrap_or_default();
                let dated = self.schema.columns(base).any(|col| self.kind(col).is_date());
                if !dated && let Some(col) = self.schema.calendar(base, *grain) {
                    return Ok(Group::Column(col));
                }
                let col = self.main_date(base, &format!("by {}", grain.word()))?;
                Ok(Group::Period(col, *grain))
            }
            RawGroup::Name(spot) => {
                let tables: Vec<usize> = spot.mention.exact_tables().collect();
                if let [table] = tables.as_slice() {
                    let table = *table;
                    // A column of the base that bears the very name ("city" beside a table of cities).
                    let own = spot.mention.columns.iter().find(|(col, fit)| {
                        *fit == Fit::Exact && Some(col.table) == self.base && !self.schema.is_id(*col)
                    });
                    if self.distance(table).is_none()
                        && let Some((col, _)) = own
                    {
                        return Ok(Group::Column(*col));
                    }
                    return self.entity(table);
                }
                if spot.mention.columns.is_empty()
                    && let [(table, _)] = spot.mention.tables.as_slice()
                {
                    return self.entity(*table);
                }
                if matches!(spot.lower.as_str(), "name" | "names") && self.named.len() == 1 {
                    return self.entity(self.named[0]);
                }
                let col = self.pick(spot, |_| true)?;
                Ok(Group::Column(col))
            }
        }
    }

    pub(super) fn entity(&self, table: usize) -> Step<Group> {
        let label = self.schema.label(table);
        // "lakes per state" where lakes name their state: rows that name none stay a group of their own.
        if let (Some(Way::Path(path)), [name]) = (self.ways.get(table), label.as_slice())
            && let [join] = path.as_slice()
            && let [(here, there)] = join.on.as_slice()
            && *there == name.column
        {
            return Ok(Group::Column(Col {
                table: join.from,
                column: *here,
            }));
        }
        // A table that is keyed by another thing only describes that thing; its name is what groups.
        if let ([name], Some([key])) = (label.as_slice(), self.schema.key(table).as_deref())
            && !self.schema.is_unique(*name)
            && self.schema.refers_elsewhere(*key)
        {
            return Ok(Group::Column(*name));
        }
        let key = match self.schema.key(table) {
            Some(key) => key,
            None if !label.is_empty() => label.clone(),
            None => {
                return refuse(format!(
                    "Rows of {} cannot be told apart, because no key is known for it; name a column to group by.",
                    spaced(&self.schema.table(table).name)
                ));
            }
        };
        Ok(Group::Entity { table, key, label })
    }

    /// The columns of a list, and columns that stand beside groups.
    pub(super) fn lists(&self, frame: &Frame, outputs: &[Spot], plan: &mut Plan) -> Step<()> {
        let computing = !plan.measures.is_empty();
        for spot in outputs {
            if computing {
                // "Return the store name and the number of orders": the name is a group.
                let group = self.group(&RawGroup::Name(spot.clone()))?;
                let shown = match &group {
                    Group::Column(col) => plan.groups.iter().any(|other| match other {
                        Group::Column(c) => c == col,
                        Group::Entity { label, key, .. } => label.contains(col) || key.contains(col),
                        Group::Period(..) => false,
                    }),
                    other => plan.groups.contains(other),
                };
                if shown {
                    continue;
                }
                // A further column of a grouped thing only adds to what is shown.
                if let Group::Column(col) = &group
                    && let Some(Group::Entity { label, .. }) = plan
                        .groups
                        .iter_mut()
                        .find(|g| matches!(g, Group::Entity { table, .. } if *table == col.table))
                {
                    label.push(*col);
                    continue;
                }
                if frame.rank.is_none() && plan.groups.is_empty() && frame.measures.is_empty() {
                    plan.groups.push(group);
                    continue;
                }
                if frame.groups.is_empty() && frame.rank.is_none() {
                    plan.groups.push(group);
                    continue;
                }
                return refuse(format!(
                    "It is not clear how \"{}\" goes with the figures asked for.",
                    spot.text
                ));
            }
            match self.table_of(spot) {
                Some(table) => {
                    let asked_alone = outputs.len() == 1;
                    let label = self.schema.label(table);
                    let columns: Vec<Col> = if asked_alone || label.is_empty() {
                        self.schema
                            .columns(table)
                            .filter(|col| !matches!(self.kind(*col), ColumnKind::Binary))
                            .collect()
                    } else {
                        label
                    };
                    plan.outputs.extend(columns);
                }
                None if matches!(spot.lower.as_str(), "name" | "names")
                    && !self.schema.label(plan.base).is_empty() =>
                {
                    plan.outputs.extend(self.schema.label(plan.base));
                }
                None => plan.outputs.push(self.pick(spot, |_| true)?),
            }
        }
        // What the ranking goes by is worth seeing.
        let keys: Vec<Col> = plan
            .order
            .iter()
            .filter_map(|(key, _)| match key {
                Key::Column(col) => Some(*col),
                _ => None,
            })
            .collect();
        if !computing {
            plan.outputs.extend(keys);
        }
        let mut seen = Vec::new();
        plan.outputs.retain(|col| {
            let new = !seen.contains(col);
            seen.push(*col);
            new
        });
        if !computing {
            if plan.within == 0 && !plan.groups.is_empty() {
                return refuse(
                    "It is not clear what is to be computed for each group; say for example \"number of …\" or \"average …\".",
                );
            }
            // Columns alone repeat; a name list should not.
            let whole_rows = plan
                .outputs
                .iter()
                .any(|col| self.schema.is_unique(*col) && col.table == plan.base);
            let subject_only = outputs.iter().all(|spot| self.table_of(spot).is_none());
            plan.distinct = plan.distinct
                || (!whole_rows && subject_only && plan.order.is_empty() && frame.outputs.len() == 1);
        }
        Ok(())
    }

    /// What a second sentence wants to see: "Return their name and city."
    pub(super) fn extras(&self, extras: &mut Vec<Spot>, plan: &mut Plan) -> Step<()> {
        let subject = plan
            .groups
            .iter()
            .find_map(|group| match group {
                Group::Entity { table, .. } => Some(*table),
                _ => None,
            })
            .unwrap_or(plan.base);
        for spot in extras.drain(..) {
            if self.table_of(&spot).is_some() {
                continue;
            }
            if matches!(spot.lower.as_str(), "name" | "names") && !self.schema.label(subject).is_empty() {
                let label = self.schema.label(subject);
                if plan.measures.is_empty() {
                    plan.outputs.extend(label);
                }
                continue;
            }
            let col = self.pick_near(&spot, Some(subject), |_| true)?;
            if plan.measures.is_empty() {
                if !plan.outputs.contains(&col) {
                    plan.outputs.push(col);
                }
                continue;
            }
            let shown = plan.measures.iter().any(|m| m.column == Some(col));
            let grouped = plan.groups.iter_mut().any(|group| match group {
                Group::Column(other) | Group::Period(other, _) => *other == col,
                Group::Entity { table, label, key } => {
                    if *table == col.table && !label.contains(&col) {
                        // Asked for by name, so it is shown even where the label would do.
                        let _ = &key;
                        label.push(col);
                    }
                    *table == col.table
                }
            });
            if !shown && !grouped {
                return refuse(format!(
                    "It is not clear how \"{}\" goes with the figures asked for.",
                    spot.text
                ));
            }
        }
        Ok(())
    }
}
