//! From what was asked to a logical query: chooses among candidates, finds the joins, and stops with a
//! question or a refusal where there is more than one sensible reading.

use super::frame::{Agg, Frame, RankBy, RawFilter, RawGroup, RawMeasure, Spot, Test};
use super::lexicon::{self, Dir, Superlative};
use super::link::Fit;
use super::plan::{Filter, Group, Is, Key, Measure, Plan, Related};
use super::schema::{Col, Join, Schema, Way, singular, spaced};
use crate::catalog::ColumnKind;
use crate::translate::Choice;

/// Why there is no query.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    Refuse(String),
    Clarify(String, Vec<Choice>),
}

type Step<T> = Result<T, Stop>;

fn refuse<T>(reason: impl Into<String>) -> Step<T> {
    Err(Stop::Refuse(reason.into()))
}

pub struct Resolver<'a, 'b> {
    pub schema: &'b Schema<'a>,
    pub question: &'b str,
    /// Tables that the question names outright.
    named: Vec<usize>,
    base: Option<usize>,
    ways: Vec<Way>,
}

/// Turns a frame without unread words into a plan.
pub fn resolve(frame: &Frame, question: &str, schema: &Schema<'_>) -> Step<Plan> {
    let mut named = Vec::new();
    let spots = frame
        .outputs
        .iter()
        .chain(&frame.anchors)
        .chain(frame.measures.iter().map(|m| &m.of))
        .chain(frame.related.iter().map(|r| &r.of))
        .chain(frame.groups.iter().filter_map(|g| match g {
            RawGroup::Name(spot) => Some(spot),
            RawGroup::Period(_) => None,
        }))
        .chain(frame.rank.iter().filter_map(|rank| match &rank.by {
            RankBy::Measure(measure) => Some(&measure.of),
            _ => None,
        }));
    for spot in spots {
        for table in spot.mention.exact_tables() {
            if !named.contains(&table) {
                named.push(table);
            }
        }
    }
    let mut resolver = Resolver {
        schema,
        question,
        named,
        base: None,
        ways: Vec::new(),
    };
    resolver.plan(frame)
}

impl Resolver<'_, '_> {
    fn plan(&mut self, frame: &Frame) -> Step<Plan> {
        let (mut outputs, mut extras) = match frame.main_outputs {
            Some(at) if at > 0 || !frame.measures.is_empty() => {
                let (main, extras) = frame.outputs.split_at(at.min(frame.outputs.len()));
                (main.to_vec(), extras.to_vec())
            }
            _ => (frame.outputs.clone(), Vec::new()),
        };
        let mut measures: Vec<RawMeasure> = frame.measures.clone();
        let mut groups: Vec<RawGroup> = frame.groups.clone();

        // "Revenue by month": a bare numeric column beside groups is what is computed.
        if measures.is_empty() && frame.rank.is_none() && !groups.is_empty() {
            let (numeric, rest): (Vec<Spot>, Vec<Spot>) =
                outputs.into_iter().partition(|spot| self.is_measurable(spot));
            measures.extend(numeric.into_iter().map(|of| RawMeasure { agg: None, of }));
            outputs = rest;
            // "orders by month": rows are counted.
            if measures.is_empty() && outputs.len() == 1 && self.table_of(&outputs[0]).is_some() {
                measures.push(RawMeasure {
                    agg: Some(Agg::Count),
                    of: outputs.remove(0),
                });
            }
        }
        let rank_measure = match frame.rank.as_ref().map(|rank| &rank.by) {
            Some(RankBy::Measure(measure)) => Some(measure.clone()),
            Some(RankBy::Open) => {
                // "top 3 statuses" with a number of something beside it is by that number.
                match measures.as_slice() {
                    [only] => Some(only.clone()),
                    _ => {
                        return refuse(
                            "It is not clear what the ranking goes by; say for example \"top 5 … by number of …\".",
                        );
                    }
                }
            }
            _ => None,
        };

        // The base: the table whose rows are counted or added up, else what is listed.
        let subject_table = outputs.first().and_then(|spot| self.table_of(spot));
        let computed = measures.first().or(rank_measure.as_ref());
        let base = match computed {
            Some(measure) => self.measure_table(measure, subject_table)?,
            None => match outputs.first() {
                Some(spot) => match subject_table {
                    Some(table) => table,
                    None => self.pick(spot, |_| true)?.table,
                },
                None => {
                    return refuse(
                        "It is not clear what the question asks for; begin for example with \"How many …\", \"Show …\" or \"Average … by …\".",
                    );
                }
            },
        };
        self.set_base(base);
        let mut plan = Plan {
            base,
            joins: Vec::new(),
            filters: Vec::new(),
            related: Vec::new(),
            groups: Vec::new(),
            measures: Vec::new(),
            outputs: Vec::new(),
            distinct: frame.distinct,
            once: None,
            having: Vec::new(),
            order: Vec::new(),
            limit: None,
        };

        for measure in &measures {
            let resolved = self.resolve_measure(measure, !groups.is_empty())?;
            self.add_measure(&mut plan, resolved);
        }
        let mut rank_key = None;
        if let Some(rank) = &frame.rank {
            rank_key = Some(self.rank(
                frame,
                rank_measure.as_ref(),
                &outputs,
                &mut groups,
                &mut plan,
                subject_table,
            )?);
            plan.limit = rank.limit;
            if let RankBy::Adjective(adjective) = &rank.by
                && let Some(Key::Column(col)) = rank_key
            {
                plan.order
                    .push((Key::Column(col), self.adjective_dir(adjective, col)));
            } else if let Some(key) = rank_key {
                plan.order.push((key, rank.dir));
            }
        }
        for raw in &groups {
            // "average price of orders by orders and month": the rows themselves are no group.
            if groups.len() > 1
                && let RawGroup::Name(spot) = raw
                && self.table_of(spot) == Some(plan.base)
            {
                continue;
            }
            let group = self.group(raw)?;
            if !plan.groups.contains(&group) {
                plan.groups.push(group);
            }
        }
        self.lists(frame, &outputs, &mut plan)?;
        self.extras(&mut extras, &mut plan)?;
        self.filters(frame, &mut plan)?;
        self.related(frame, &mut plan)?;
        self.anchors(frame, &mut plan)?;
        self.order(frame, &mut plan, rank_key.is_some())?;
        self.fan_out(&mut plan)?;
        Ok(plan)
    }

    fn set_base(&mut self, base: usize) {
        self.base = Some(base);
        self.ways = self.schema.paths(base);
    }

    fn kind(&self, col: Col) -> ColumnKind {
        self.schema.column(col).kind
    }

    /// The table a mention means, if it means one.
    fn table_of(&self, spot: &Spot) -> Option<usize> {
        let exact: Vec<usize> = spot.mention.exact_tables().collect();
        if let [table] = exact.as_slice() {
            return Some(*table);
        }
        if exact.is_empty()
            && spot.mention.columns.is_empty()
            && let [(table, _)] = spot.mention.tables.as_slice()
        {
            return Some(*table);
        }
        None
    }

    fn is_measurable(&self, spot: &Spot) -> bool {
        self.table_of(spot).is_none()
            && spot
                .mention
                .columns
                .iter()
                .any(|(col, _)| self.kind(*col).is_number() && !self.schema.is_id(*col))
    }

    /// The one column that fits; else a question that offers the candidates.
    fn pick(&self, spot: &Spot, wanted: impl Fn(Col) -> bool) -> Step<Col> {
        self.pick_near(spot, None, wanted)
    }

    fn pick_near(&self, spot: &Spot, near: Option<usize>, wanted: impl Fn(Col) -> bool) -> Step<Col> {
        let fitting: Vec<(Col, Fit)> = spot
            .mention
            .columns
            .iter()
            .filter(|(col, _)| wanted(*col))
            .copied()
            .collect();
        let found = self.narrow(&fitting, near);
        match found.as_slice() {
            [] => refuse(format!(
                "\"{}\" does not fit here: no column of that name can be used that way.",
                spot.text
            )),
            [one] => Ok(*one),
            several => Err(self.ask(&spot.text, spot.start, spot.end, several)),
        }
    }

    /// Leaves the candidates that context cannot tell apart.
    fn narrow(&self, fitting: &[(Col, Fit)], near: Option<usize>) -> Vec<Col> {
        let best = fitting.iter().map(|(_, fit)| *fit).min();
        let mut found: Vec<Col> = fitting
            .iter()
            .filter(|(_, fit)| Some(*fit) == best)
            .map(|(col, _)| *col)
            .collect();
        let mut prefer = |keep: &dyn Fn(Col) -> bool| {
            if found.len() > 1 {
                let kept: Vec<Col> = found.iter().copied().filter(|col| keep(*col)).collect();
                if !kept.is_empty() {
                    found = kept;
                }
            }
        };
        prefer(&|col| Some(col.table) == near);
        prefer(&|col| Some(col.table) == self.base);
        prefer(&|col| self.named.contains(&col.table));
        if let Some(shortest) = found.iter().filter_map(|col| self.distance(col.table)).min() {
            found.retain(|col| self.distance(col.table) == Some(shortest));
        }
        found
    }

    fn distance(&self, table: usize) -> Option<usize> {
        match self.ways.get(table)? {
            Way::Path(path) => Some(path.len()),
            Way::Several => Some(99),
            Way::None => None,
        }
    }

    /// Asks which of several columns is meant, each option a question that says so.
    fn ask(&self, text: &str, start: usize, end: usize, several: &[Col]) -> Stop {
        let options = several
            .iter()
            .take(6)
            .map(|col| {
                let spoken = self.schema.spoken(*col);
                Choice {
                    label: spoken.clone(),
                    question: self.rephrase(start, end, &spoken),
                }
            })
            .collect();
        Stop::Clarify(
            format!("\"{text}\" can mean several things in this data. Which one?"),
            options,
        )
    }

    fn rephrase(&self, start: usize, end: usize, with: &str) -> String {
        let before = self.question.get(..start).unwrap_or_default();
        let after = self.question.get(end..).unwrap_or_default();
        format!("{before}{with}{after}")
    }

    /// Whose rows a measure is over.
    fn measure_table(&self, measure: &RawMeasure, subject: Option<usize>) -> Step<usize> {
        if matches!(
            measure.agg,
            None | Some(Agg::Count | Agg::CountDistinct | Agg::Sum)
        ) && let Some(table) = self.table_of(&measure.of)
        {
            return Ok(table);
        }
        let numeric = |col: Col| self.kind(col).is_number() && !self.schema.is_id(col);
        if matches!(measure.agg, Some(Agg::Count | Agg::CountDistinct))
            && !measure.of.mention.columns.iter().any(|(col, _)| numeric(*col))
        {
            return Ok(self.pick_near(&measure.of, subject, |_| true)?.table);
        }
        if matches!(measure.agg, Some(Agg::Min | Agg::Max)) {
            let dated = |col: Col| numeric(col) || self.kind(col).is_date();
            return Ok(self.pick_near(&measure.of, subject, dated)?.table);
        }
        if !measure.of.mention.columns.iter().any(|(col, _)| numeric(*col)) {
            return refuse(format!(
                "\"{}\" is not a number in this data, so it cannot be computed with.",
                measure.of.text
            ));
        }
        Ok(self.pick_near(&measure.of, subject, numeric)?.table)
    }

    fn resolve_measure(&self, measure: &RawMeasure, grouped: bool) -> Step<Measure> {
        let base = self.base.unwrap_or_default();
        if let Some(table) = self.table_of(&measure.of)
            && matches!(
                measure.agg,
                None | Some(Agg::Count | Agg::CountDistinct | Agg::Sum)
            )
        {
            if table != base {
                return refuse(format!(
                    "This asks for figures of {} and of {} at once; ask for them one by one.",
                    spaced(&self.schema.table(base).name),
                    spaced(&self.schema.table(table).name)
                ));
            }
            let thing = singular(&spaced(&self.schema.table(table).name)).replace(' ', "_");
            return Ok(Measure {
                agg: Agg::Count,
                column: None,
                name: format!("{thing}_count"),
            });
        }
        let numeric = |col: Col| self.kind(col).is_number() && !self.schema.is_id(col);
        let has_number = measure.of.mention.columns.iter().any(|(col, _)| numeric(*col));
        let (agg, col) = match measure.agg {
            Some(Agg::Count | Agg::CountDistinct) if !has_number => {
                (Agg::CountDistinct, self.pick(&measure.of, |_| true)?)
            }
            // "number of citations" over a column of numbers adds up; "number of different prices" counts.
            Some(Agg::CountDistinct) => (Agg::CountDistinct, self.pick(&measure.of, |_| true)?),
            Some(Agg::Count) => (Agg::Sum, self.pick(&measure.of, numeric)?),
            Some(agg @ (Agg::Min | Agg::Max)) => (
                agg,
                self.pick(&measure.of, |col| numeric(col) || self.kind(col).is_date())?,
            ),
            Some(agg) => (agg, self.pick(&measure.of, numeric)?),
            None => {
                let col = self.pick(&measure.of, numeric)?;
                if !lexicon::is_additive(self.schema.words(col)) {
                    return Err(self.ask_agg(&measure.of, grouped));
                }
                (Agg::Sum, col)
            }
        };
        if agg == Agg::Sum
            && measure.agg == Some(Agg::Count)
            && !lexicon::is_additive(self.schema.words(col))
            && self.is_rate(col)
        {
            return refuse(format!(
                "\"{}\" holds values that cannot be counted up.",
                self.schema.spoken(col)
            ));
        }
        if col.table != base {
            return refuse(format!(
                "This asks for figures of {} and of {} at once; ask for them one by one.",
                spaced(&self.schema.table(base).name),
                spaced(&self.schema.table(col.table).name)
            ));
        }
        let said = self.measure_name(measure, col);
        let name = match agg {
            Agg::Count | Agg::CountDistinct => format!("{said}_count"),
            Agg::Sum if said.starts_with("total") => said,
            Agg::Sum => format!("total_{said}"),
            Agg::Average => format!("average_{said}"),
            Agg::Min => format!("lowest_{said}"),
            Agg::Max => format!("highest_{said}"),
        };
        Ok(Measure {
            agg,
            column: Some(col),
            name,
        })
    }

    fn is_rate(&self, col: Col) -> bool {
        self.kind(col) == ColumnKind::Float && !lexicon::is_additive(self.schema.words(col))
    }

    /// "revenue" where that word was said, else the column's own name.
    fn measure_name(&self, measure: &RawMeasure, col: Col) -> String {
        let word = measure.of.lower.trim();
        if lexicon::is_revenue(word) {
            return word.to_owned();
        }
        spaced(&self.schema.column(col).name).replace(' ', "_")
    }

    fn ask_agg(&self, of: &Spot, _grouped: bool) -> Stop {
        let options = ["average", "total", "highest"]
            .iter()
            .map(|word| Choice {
                label: format!("{word} {}", of.text),
                question: self.rephrase(of.start, of.end, &format!("{word} {}", of.text)),
            })
            .collect();
        Stop::Clarify(
            format!("Should \"{}\" be averaged or added up?", of.text),
            options,
        )
    }

    fn add_measure(&self, plan: &mut Plan, measure: Measure) -> usize {
        if let Some(at) = plan
            .measures
            .iter()
            .position(|m| m.agg == measure.agg && m.column == measure.column)
        {
            return at;
        }
        plan.measures.push(measure);
        plan.measures.len() - 1
    }

    /// What a ranking orders by. Makes the subject a group where that takes computing.
    fn rank(
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

    fn is_own_label(&self, col: Col) -> bool {
        self.schema.label(col.table).contains(&col) || self.schema.is_unique(col)
    }

    fn selling(&self, outputs: &[Spot], groups: &mut Vec<RawGroup>, plan: &mut Plan) -> Step<Key> {
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

    fn adjective(&self, adjective: &Superlative, base: usize, outputs: &[Spot]) -> Step<Col> {
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

    fn adjective_dir(&self, adjective: &Superlative, col: Col) -> Dir {
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

    fn group(&self, group: &RawGroup) -> Step<Group> {
        match group {
            RawGroup::Period(grain) => {
                let base = self.base.unwrap_or_default();
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

    fn entity(&self, table: usize) -> Step<Group> {
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

    /// The date that "in 2025" or "by month" means for rows of a table.
    fn main_date(&self, table: usize, phrase: &str) -> Step<Col> {
        let dates: Vec<Col> = self
            .schema
            .columns(table)
            .filter(|col| self.kind(*col).is_date())
            .collect();
        let plain = |col: &Col| {
            // The table's own event: `orders.ordered_at`, `order_date`, or a column called just "date".
            self.schema.words(*col).iter().all(|w| {
                matches!(
                    w.as_str(),
                    "date" | "time" | "datetim" | "timestamp" | "at" | "on" | "day" | "creat"
                ) || self.schema.table_words[table].contains(w)
            })
        };
        let own: Vec<Col> = dates.iter().copied().filter(plain).collect();
        let without_created: Vec<Col> = own
            .iter()
            .copied()
            .filter(|col| !self.schema.words(*col).iter().any(|w| w == "creat"))
            .collect();
        match (without_created.as_slice(), own.as_slice(), dates.as_slice()) {
            ([one], _, _) | ([], [one], _) => Ok(*one),
            // One date, and a table of things that happen: no other date can be meant.
            (_, _, [one]) if self.schema.table_words[table].iter().any(|w| is_event(w)) => Ok(*one),
            (_, _, []) => refuse(format!(
                "{} holds no date, so \"{phrase}\" cannot be answered.",
                capital(&spaced(&self.schema.table(table).name))
            )),
            (_, _, several) => {
                let thing = spaced(&self.schema.table(table).name);
                let columns: Vec<String> = several
                    .iter()
                    .map(|col| format!("\"{}\"", spaced(&self.schema.column(*col).name)))
                    .collect();
                refuse(format!(
                    "It is not clear which date of {thing} \"{phrase}\" refers to; {thing} has {}. Name the one that is meant.",
                    columns.join(", ")
                ))
            }
        }
    }

    /// The columns of a list, and columns that stand beside groups.
    fn lists(&self, frame: &Frame, outputs: &[Spot], plan: &mut Plan) -> Step<()> {
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
            if let Some(group) = plan.groups.first() {
                let _ = group;
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
    fn extras(&self, extras: &mut Vec<Spot>, plan: &mut Plan) -> Step<()> {
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

    fn filters(&self, frame: &Frame, plan: &mut Plan) -> Step<()> {
        for raw in &frame.filters {
            let filter = self.filter(raw, frame)?;
            self.place(filter, plan)?;
        }
        Ok(())
    }

    fn filter(&self, raw: &RawFilter, frame: &Frame) -> Step<Filter> {
        let near = raw.near.as_ref().and_then(|spot| self.table_of(spot));
        let make = |column: Col, test: Is| Filter {
            column,
            test,
            negated: raw.negated,
        };
        match &raw.test {
            Test::Values(values) => {
                let mut columns: Vec<(Col, Fit)> = Vec::new();
                for (col, _) in values {
                    if !columns.contains(&(*col, Fit::Exact)) {
                        columns.push((*col, Fit::Exact));
                    }
                }
                let found = self.narrow(&columns, near);
                let column = match found.as_slice() {
                    [one] => *one,
                    [] => {
                        return refuse(format!(
                            "\"{}\" cannot be connected with what is asked.",
                            raw.text
                        ));
                    }
                    several => {
                        let options = several
                            .iter()
                            .map(|col| {
                                let spoken = self.schema.spoken(*col);
                                Choice {
                                    label: spoken.clone(),
                                    question: self.rephrase(
                                        raw.start,
                                        raw.end,
                                        &format!("{spoken} {}", raw.text),
                                    ),
                                }
                            })
                            .collect();
                        return Err(Stop::Clarify(
                            format!("\"{}\" stands in several columns. Which one is meant?", raw.text),
                            options,
                        ));
                    }
                };
                let mut texts: Vec<String> = Vec::new();
                for (col, text) in values {
                    if *col == column && !texts.contains(text) {
                        texts.push(text.clone());
                    }
                }
                Ok(make(column, Is::OneOf(texts)))
            }
            Test::When(span) => {
                let column = match &raw.column {
                    Some(spot) => self.pick_near(spot, near, |col| self.kind(col).is_date())?,
                    None => self.date_for(raw, near, frame)?,
                };
                Ok(make(column, Is::When(span.clone())))
            }
            Test::Text(text) => {
                let Some(spot) = &raw.column else {
                    return refuse(format!("It is not clear what \"{text}\" is."));
                };
                let column = match self.table_of(spot) {
                    Some(table) => match self.schema.label(table).as_slice() {
                        [one] => *one,
                        _ => {
                            return refuse(format!(
                                "It is not clear which column of {} holds \"{text}\".",
                                spaced(&self.schema.table(table).name)
                            ));
                        }
                    },
                    None => self.pick_near(spot, near, |col| self.kind(col).is_text())?,
                };
                self.known_text(column, text)?;
                Ok(make(column, Is::Text(text.clone())))
            }
            test => self.column_filter(raw, test, near),
        }
    }

    /// A text that cannot be there needs no query: all values are known, and it is none of them.
    fn known_text(&self, column: Col, text: &str) -> Step<()> {
        let known = self.schema.column(column);
        if known.values_complete
            && !known.values.is_empty()
            && !known
                .values
                .iter()
                .any(|v| v.to_lowercase() == text.to_lowercase())
        {
            let nearest = known
                .values
                .iter()
                .max_by(|a, b| strsim::jaro_winkler(a, text).total_cmp(&strsim::jaro_winkler(b, text)));
            return refuse(format!(
                "No {} is called \"{text}\"; the nearest is \"{}\".",
                self.schema.spoken(column),
                nearest.map_or("", String::as_str)
            ));
        }
        Ok(())
    }

    fn column_filter(&self, raw: &RawFilter, test: &Test, near: Option<usize>) -> Step<Filter> {
        let make = |column: Col, test: Is, negated: bool| Filter {
            column,
            test,
            negated,
        };
        let Some(spot) = &raw.column else {
            // "under 5 dollars": the one column of money.
            let table = near.or(self.base).unwrap_or_default();
            let money: Vec<Col> = self
                .schema
                .columns(table)
                .filter(|col| self.kind(*col).is_number())
                .filter(|col| {
                    let words = self.schema.words(*col);
                    words.iter().any(|w| {
                        matches!(
                            w.as_str(),
                            "price"
                                | "cost"
                                | "amount"
                                | "fee"
                                | "salari"
                                | "total"
                                | "revenu"
                                | "fare"
                                | "rent"
                                | "wage"
                        )
                    })
                })
                .collect();
            return match (money.as_slice(), test) {
                ([one], Test::Compare(compare, value)) => {
                    Ok(make(*one, Is::Compare(*compare, *value), raw.negated))
                }
                ([], _) => refuse(format!(
                    "It is not clear what \"{}\" is compared with; name the column.",
                    raw.text
                )),
                (several, _) => {
                    let options = several
                        .iter()
                        .map(|col| {
                            let column = spaced(&self.schema.column(*col).name);
                            Choice {
                                label: column.clone(),
                                question: self.rephrase(raw.start, raw.start, &format!("with {column} ")),
                            }
                        })
                        .collect();
                    Err(Stop::Clarify("Which amount of money is meant?".into(), options))
                }
            };
        };
        if let (Some(table), Test::Compare(..)) = (self.table_of(spot), test) {
            // "store 5": by its key.
            return match (self.schema.key(table).as_deref(), test) {
                (Some([key]), Test::Compare(compare, value)) if self.kind(*key).is_number() => {
                    Ok(make(*key, Is::Compare(*compare, *value), raw.negated))
                }
                _ => refuse(format!(
                    "It is not clear which {} is meant.",
                    singular(&spaced(&self.schema.table(table).name))
                )),
            };
        }
        let number = |col: Col| self.kind(col).is_number();
        let text = |col: Col| self.kind(col).is_text();
        Ok(match test {
            Test::Compare(compare, value) => make(
                self.pick_near(spot, near, number)?,
                Is::Compare(*compare, *value),
                raw.negated,
            ),
            Test::Between(from, to) => make(
                self.pick_near(spot, near, number)?,
                Is::Between(*from, *to),
                raw.negated,
            ),
            Test::Starts(t) => make(
                self.pick_near(spot, near, text)?,
                Is::Starts(t.clone()),
                raw.negated,
            ),
            Test::Ends(t) => make(
                self.pick_near(spot, near, text)?,
                Is::Ends(t.clone()),
                raw.negated,
            ),
            Test::Contains(t) => make(
                self.pick_near(spot, near, text)?,
                Is::Contains(t.clone()),
                raw.negated,
            ),
            Test::NotNull | Test::Null => {
                let column = self.pick_near(spot, near, |_| true)?;
                if self.kind(column) == ColumnKind::Boolean {
                    make(column, Is::True, raw.negated)
                } else {
                    make(column, Is::Null, raw.negated != (*test == Test::NotNull))
                }
            }
            Test::Values(_) | Test::When(_) | Test::Text(_) => {
                return refuse("This condition cannot be read.");
            }
        })
    }

    /// The date a span without a column is about.
    fn date_for(&self, raw: &RawFilter, near: Option<usize>, frame: &Frame) -> Step<Col> {
        let base = self.base.unwrap_or_default();
        let has_date = |table: usize| self.schema.columns(table).any(|col| self.kind(col).is_date());
        // Directly after a verb or noun of another table ("products sold in 2024") that table's date is meant;
        // otherwise the base's own.
        let related: Option<usize> = frame
            .related
            .iter()
            .map(|r| &r.of)
            .chain(&frame.anchors)
            .filter_map(|spot| self.table_of(spot).map(|table| (spot.end, table)))
            .filter(|(end, table)| *end <= raw.start && raw.start - end <= 4 && has_date(*table))
            .next_back()
            .map(|(_, table)| table);
        if let Some(table) = related {
            return self.main_date(table, &raw.text);
        }
        if has_date(base) {
            return self.main_date(base, &raw.text);
        }
        if let Some(table) = near.filter(|table| has_date(*table)) {
            return self.main_date(table, &raw.text);
        }
        self.main_date(base, &raw.text)
    }

    /// Puts a condition where it belongs: on joined rows, or on related rows that must exist.
    fn place(&self, filter: Filter, plan: &mut Plan) -> Step<()> {
        let path = self.path(filter.column.table)?;
        match path.iter().position(|join| !join.single) {
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

    fn groups_beyond(&self, plan: &Plan, join: &Join) -> bool {
        plan.groups.iter().any(|group| {
            let table = group_table(group);
            matches!(self.ways.get(table), Some(Way::Path(path)) if path.contains(join))
        })
    }

    /// The related rows behind the first multiplying join of a path, shared by all conditions on them.
    fn related_by<'p>(&self, plan: &'p mut Plan, path: &[Join], first: usize) -> &'p mut Related {
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

    fn path(&self, table: usize) -> Step<Vec<Join>> {
        let name = |t: usize| spaced(&self.schema.table(t).name);
        let base = self.base.unwrap_or_default();
        match self.ways.get(table) {
            Some(Way::Path(path)) => Ok(path.clone()),
            Some(Way::Several) => refuse(format!(
                "There are several ways to connect {} with {}, and they give different answers; name what is between them.",
                name(base),
                name(table)
            )),
            _ => refuse(format!(
                "Nothing in this data connects {} with {}.",
                name(base),
                name(table)
            )),
        }
    }

    fn related(&self, frame: &Frame, plan: &mut Plan) -> Step<()> {
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
    fn anchors(&self, frame: &Frame, plan: &mut Plan) -> Step<()> {
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

    fn order(&self, frame: &Frame, plan: &mut Plan, ranked: bool) -> Step<()> {
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

    fn order_key(&self, measure: &RawMeasure, plan: &mut Plan) -> Step<Key> {
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

    /// Joins what groups and lists need; where a join multiplies rows, makes each row count once.
    fn fan_out(&self, plan: &mut Plan) -> Step<()> {
        let mut tables: Vec<usize> = plan.groups.iter().map(group_table).collect();
        tables.extend(plan.outputs.iter().map(|col| col.table));
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
            Some(key) => plan.once = Some(key),
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

impl PartialEq for Test {
    fn eq(&self, other: &Test) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
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
}

/// The table a group's columns come from.
pub fn group_table(group: &Group) -> usize {
    match group {
        Group::Column(col) | Group::Period(col, _) => col.table,
        Group::Entity { table, .. } => *table,
    }
}

fn add_joins(joins: &mut Vec<Join>, path: &[Join]) {
    for join in path {
        if !joins.iter().any(|other| other.to == join.to) {
            joins.push(join.clone());
        }
    }
}

/// Stems of tables whose rows are things that happen on a day.
fn is_event(stem: &str) -> bool {
    matches!(
        stem,
        "order"
            | "sale"
            | "purchas"
            | "transact"
            | "invoic"
            | "pay"
            | "visit"
            | "appoint"
            | "book"
            | "reserv"
            | "shipment"
            | "deliveri"
            | "loan"
            | "review"
            | "event"
            | "log"
            | "messag"
            | "trip"
            | "ride"
            | "game"
            | "match"
            | "snapshot"
            | "record"
            | "measur"
            | "read"
            | "ticket"
            | "incid"
            | "call"
            | "claim"
            | "rental"
            | "session"
            | "admiss"
            | "exam"
            | "checkin"
            | "attend"
    )
}

fn plural(noun: &str) -> String {
    if noun.ends_with('s') {
        noun.to_owned()
    } else {
        format!("{noun}s")
    }
}

pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().collect::<String>() + chars.as_str(),
        None => String::new(),
    }
}
