//! Rankings and orders: by what, which end first, and how ties are broken.

use super::super::frame::{Agg, Frame, RankBy, RawGroup, RawMeasure, Spot};
use super::super::lexicon::{self, Dir, Superlative};
use super::super::plan::{Group, Key, Plan};
use super::super::schema::{Col, spaced};
use super::{Resolver, Step, Stop, refuse};
use crate::translate::Choice;

impl Resolver<'_, '_> {
    /// What a ranking orders by. Makes the subject a group where that takes computing.
    pub(super) fn rank(
        &self,
        frame: &Frame,
        measure: Option<&RawMeasure>,
        outputs: &[Spot],
        groups: &mut Vec<RawGroup>,
        plan: &mut Plan,
        subject_table: Option<usize>,
    ) -> Step<Key> {
        let Some(rank) = &frame.rank else {
            return refuse("There is no ranking.");
        };
        match (&rank.by, measure) {
            (RankBy::Adjective(adjective), _) => {
                Ok(Key::Column(self.adjective(adjective, plan.base, outputs)?))
            }
            (RankBy::Size, _) => {
                let sizes: Vec<Col> = self
                    .schema
                    .columns(plan.base)
                    .filter(|col| self.kind(*col).is_number() && !self.schema.is_id(*col))
                    .filter(|col| {
                        let words = self.schema.words(*col);
                        lexicon::SIZES
                            .iter()
                            .any(|size| words.contains(&self.schema.stems.stem(size)))
                            && !words.iter().any(|w| w == "number")
                    })
                    .collect();
                match sizes.as_slice() {
                    [one] => Ok(Key::Column(*one)),
                    _ => refuse(
                        "It is not clear by what the largest or smallest is to be found; name the column, for example \"with the highest …\".",
                    ),
                }
            }
            (RankBy::Selling, _) => self.selling(outputs, groups, plan),
            (_, Some(measure)) => {
                let explicit = matches!(measure.agg, Some(Agg::Count | Agg::CountDistinct));
                let own_column = !explicit && self.table_of(&measure.of).is_none();
                let subject_is_base = match subject_table {
                    Some(table) => table == plan.base,
                    None => false,
                };
                // "top 5 products by price": nothing to compute.
                if own_column && measure.agg.is_none() && subject_is_base && groups.is_empty() {
                    let col = self.pick(&measure.of, |col| {
                        self.kind(col).is_number() || self.kind(col).is_date()
                    })?;
                    return Ok(Key::Column(col));
                }
                if subject_is_base && groups.is_empty() {
                    // "publication with the highest number of citations": a column that holds the number.
                    if explicit && self.table_of(&measure.of).is_none() {
                        let col = self.pick(&measure.of, |col| {
                            self.kind(col).is_number() && !self.schema.is_id(col)
                        })?;
                        return Ok(Key::Column(col));
                    }
                    return refuse("It is not clear what the ranking goes by.");
                }
                if outputs.is_empty() && groups.is_empty() {
                    return refuse("It is not clear what is to be ranked.");
                }
                if subject_table.is_none()
                    && own_column
                    && measure.agg.is_none()
                    && groups.is_empty()
                    && let Some(first) = outputs.first()
                {
                    // "the title of the publication with the highest price": rows, not groups, when the
                    // question names the table that both belong to.
                    let col = self.pick(&measure.of, |col| {
                        self.kind(col).is_number() || self.kind(col).is_date()
                    })?;
                    let shown = self.pick_near(first, Some(col.table), |_| true)?;
                    let row = frame
                        .anchors
                        .iter()
                        .any(|anchor| self.table_of(anchor) == Some(col.table));
                    if shown.table == col.table && (row || self.is_own_label(shown)) {
                        return Ok(Key::Column(col));
                    }
                }
                for spot in outputs {
                    groups.push(RawGroup::Name(spot.clone()));
                }
                let resolved = self.resolve_measure(measure, true)?;
                let at = self.add_measure(plan, resolved);
                Ok(Key::Measure(at))
            }
            _ => refuse(
                "It is not clear what the ranking goes by; say for example \"top 5 … by number of …\".",
            ),
        }
    }

    pub(super) fn is_own_label(&self, col: Col) -> bool {
        self.schema.label(col.table).contains(&col) || self.schema.is_unique(col)
    }

    pub(super) fn selling(&self, outputs: &[Spot], groups: &mut Vec<RawGroup>, plan: &mut Plan) -> Step<Key> {
        let _ = (groups, plan);
        let what = outputs.first().map_or("products", |spot| spot.text.as_str());
        let options = ["quantity", "revenue"]
            .iter()
            .map(|by| Choice {
                label: format!("by {by}"),
                question: format!("Top 5 {} by total {by}", plural(what)),
            })
            .collect();
        Err(Stop::Clarify(
            "Best selling by what: pieces or money?".into(),
            options,
        ))
    }

    pub(super) fn adjective(&self, adjective: &Superlative, base: usize, outputs: &[Spot]) -> Step<Col> {
        let words: Vec<String> = adjective
            .columns
            .iter()
            .map(|word| self.schema.stems.stem(word))
            .collect();
        let numeric: Vec<Col> = self
            .schema
            .columns(base)
            .filter(|col| {
                (self.kind(*col).is_number() && !self.schema.is_id(*col))
                    || (self.kind(*col).is_date() && adjective.dates.is_some())
            })
            .collect();
        // The first word that some column bears decides.
        for word in &words {
            let bearing: Vec<Col> = numeric
                .iter()
                .copied()
                .filter(|col| self.schema.words(*col).contains(word))
                .collect();
            match bearing.as_slice() {
                [] => {}
                [one] => return Ok(*one),
                several => {
                    let options = several
                        .iter()
                        .map(|col| {
                            let dir = if self.adjective_dir(adjective, *col) == Dir::Up {
                                "lowest"
                            } else {
                                "highest"
                            };
                            let what = outputs
                                .first()
                                .map_or(String::new(), |spot| format!("{} ", spot.text));
                            let column = spaced(&self.schema.column(*col).name);
                            Choice {
                                label: column.clone(),
                                question: format!("Which {what}has the {dir} {column}?"),
                            }
                        })
                        .collect();
                    return Err(Stop::Clarify(
                        format!("\"{}\" by which column?", adjective.words[0]),
                        options,
                    ));
                }
            }
        }
        if adjective.dates.is_some() {
            let dates: Vec<Col> = numeric
                .iter()
                .copied()
                .filter(|col| self.kind(*col).is_date())
                .collect();
            if let [one] = dates.as_slice() {
                return Ok(*one);
            }
        }
        refuse(format!(
            "Nothing in this data tells which is \"{}\"; name the column to go by.",
            adjective.words[0]
        ))
    }

    pub(super) fn adjective_dir(&self, adjective: &Superlative, col: Col) -> Dir {
        let born = self
            .schema
            .words(col)
            .iter()
            .any(|w| matches!(w.as_str(), "birth" | "born" | "dob" | "birthday"));
        match adjective.dates {
            Some(dir) if self.kind(col).is_date() => dir,
            // The oldest has the smallest year of birth.
            _ if born => adjective.dir.flip(),
            _ => adjective.dir,
        }
    }

    pub(super) fn order(&self, frame: &Frame, plan: &mut Plan, ranked: bool) -> Step<()> {
        for raw in &frame.order {
            let default = if ranked || raw.by.is_none() {
                Dir::Down
            } else {
                Dir::Up
            };
            let dir = raw.dir;
            match &raw.by {
                Some(measure) => {
                    let key = self.order_key(measure, plan)?;
                    let wanted = (key, dir.unwrap_or(Dir::Up));
                    plan.order.retain(|(other, _)| *other != key);
                    plan.order.insert(0, wanted);
                }
                None if !plan.order.is_empty() => {
                    if let (Some(dir), Some(first)) = (dir, plan.order.first_mut())
                        && !ranked
                    {
                        first.1 = dir;
                    }
                }
                None => {
                    let alphabetical = dir.is_none();
                    let numeric = plan
                        .outputs
                        .iter()
                        .copied()
                        .find(|col| self.kind(*col).is_number() && !self.schema.is_id(*col));
                    if alphabetical {
                        let first = self
                            .schema
                            .label(plan.base)
                            .first()
                            .copied()
                            .or(plan.outputs.first().copied());
                        match first {
                            Some(col) if plan.groups.is_empty() => {
                                plan.order.push((Key::Column(col), Dir::Up))
                            }
                            _ if !plan.groups.is_empty() => plan.order.push((Key::Group(0), Dir::Up)),
                            _ => {}
                        }
                    } else if !plan.measures.is_empty() {
                        plan.order.push((Key::Measure(0), dir.unwrap_or(default)));
                    } else if let Some(col) = numeric {
                        plan.order.push((Key::Column(col), dir.unwrap_or(default)));
                    }
                }
            }
        }
        if plan.order.is_empty() && !plan.measures.is_empty() {
            let period = plan
                .groups
                .iter()
                .position(|group| matches!(group, Group::Period(..)));
            match period {
                Some(at) => plan.order.push((Key::Group(at), Dir::Up)),
                None if !plan.groups.is_empty() => plan.order.push((Key::Measure(0), Dir::Down)),
                None => {}
            }
        }
        // Ties are broken by what tells rows apart, so that the same question gives the same order.
        for at in 0..plan.groups.len() {
            if !plan.order.iter().any(|(key, _)| *key == Key::Group(at)) {
                plan.order.push((Key::Group(at), Dir::Up));
            }
        }
        if plan.measures.is_empty() {
            let unique = plan
                .outputs
                .iter()
                .copied()
                .find(|col| self.schema.is_unique(*col));
            let ties = match unique {
                Some(col) => vec![col],
                None if plan.distinct => plan.outputs.clone(),
                None => self.schema.key(plan.base).unwrap_or_else(|| plan.outputs.clone()),
            };
            for col in ties {
                if !plan.order.iter().any(|(key, _)| *key == Key::Column(col)) {
                    plan.order.push((Key::Column(col), Dir::Up));
                }
            }
        }
        Ok(())
    }

    pub(super) fn order_key(&self, measure: &RawMeasure, plan: &mut Plan) -> Step<Key> {
        if measure.agg.is_none() {
            for (at, group) in plan.groups.iter().enumerate() {
                let said = measure.of.mention.columns.iter().any(|(col, _)| match group {
                    Group::Column(c) => c == col,
                    Group::Entity { label, key, .. } => label.contains(col) || key.contains(col),
                    Group::Period(..) => false,
                });
                let table = matches!(group, Group::Entity { table, .. } if self.table_of(&measure.of) == Some(*table));
                if said || table {
                    return Ok(Key::Group(at));
                }
            }
        }
        if plan.measures.is_empty() {
            if self.table_of(&measure.of).is_some() {
                return refuse(format!(
                    "It is not clear what \"{}\" means as an order.",
                    measure.of.text
                ));
            }
            let col = self.pick(&measure.of, |_| true)?;
            return Ok(Key::Column(col));
        }
        // "ordered by rating" beside an average of it.
        if let Some(at) = plan.measures.iter().position(|m| {
            m.column
                .is_some_and(|col| measure.of.mention.columns.iter().any(|(other, _)| *other == col))
                && (measure.agg.is_none() || measure.agg == Some(m.agg))
        }) {
            return Ok(Key::Measure(at));
        }
        let resolved = self.resolve_measure(measure, true)?;
        Ok(Key::Measure(self.add_measure(plan, resolved)))
    }
}

fn plural(noun: &str) -> String {
    if noun.ends_with('s') {
        noun.to_owned()
    } else {
        format!("{noun}s")
    }
}
