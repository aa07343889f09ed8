//! What is computed: sums, averages, counts, and over whose rows.

use super::super::frame::{Agg, RawMeasure, Spot};
use super::super::lexicon::{self};
use super::super::plan::{Measure, Plan};
use super::super::schema::{Col, Way, singular, spaced};
use super::{Resolver, Step, Stop, capital, refuse};
use crate::catalog::ColumnKind;
use crate::translate::Choice;

impl Resolver<'_, '_> {
    /// Whose rows a measure is over.
    pub(super) fn measure_table(&self, measure: &RawMeasure, subject: Option<usize>) -> Step<usize> {
        let table = self.own_table(measure, subject)?;
        // Each row of the table that is wanted has at most one row there, whose figure then counts for it.
        if let Some(wanted) = self.wanted.filter(|wanted| *wanted != table)
            && !matches!(measure.agg, Some(Agg::Count | Agg::CountDistinct))
            && let Way::Path(path) = &self.schema.paths(wanted)[table]
            && path.iter().all(|join| join.single)
        {
            return Ok(wanted);
        }
        Ok(table)
    }

    fn own_table(&self, measure: &RawMeasure, subject: Option<usize>) -> Step<usize> {
        if measure.until.is_some() {
            let dated = |col: Col| self.kind(col).is_date();
            return Ok(self.pick_near(&measure.of, subject, dated)?.table);
        }
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

    pub(super) fn resolve_measure(&self, measure: &RawMeasure, grouped: bool) -> Step<Measure> {
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
            // "total of orders" counts orders, unless orders have a total of their own: then it is no telling.
            let named_total = |col: &Col| {
                self.kind(*col).is_number() && self.schema.words(*col).iter().any(|word| word == "total")
            };
            if measure.agg == Some(Agg::Sum)
                && let Some(col) = self.schema.columns(table).find(named_total)
            {
                let things = spaced(&self.schema.table(table).name);
                return refuse(format!(
                    "\"{}\" can mean how many {things} there are or the sum of their {}; ask \"how many {things} …\" or \
                     \"sum of {} …\".",
                    measure.of.text,
                    self.schema.spoken(col),
                    self.schema.spoken(col)
                ));
            }
            let thing = singular(&spaced(&self.schema.table(table).name)).replace(' ', "_");
            // A table whose rows already hold a count: those are added up.
            let tally = |col: &Col| {
                self.kind(*col) == ColumnKind::Integer
                    && matches!(self.schema.words(*col), [word] if word == "count")
            };
            if let Some(col) = self.schema.columns(table).find(tally) {
                return Ok(Measure::new(Agg::Sum, Some(col), format!("{thing}_count")));
            }
            return Ok(Measure::new(Agg::Count, None, format!("{thing}_count")));
        }
        if let Some(until) = &measure.until {
            return self.days(measure, until);
        }
        let numeric = |col: Col| self.kind(col).is_number() && !self.schema.is_id(col);
        let has_number = measure.of.mention.columns.iter().any(|(col, _)| numeric(*col));
        let (agg, col) = match measure.agg {
            Some(Agg::Count) if !has_number => {
                let col = self.pick(&measure.of, |_| true)?;
                if !self.schema.is_unique(col) {
                    return Err(self.ask_rows(&measure.of, col));
                }
                (Agg::CountDistinct, col)
            }
            // "number of citations" over a column of numbers adds up; "number of different prices" counts.
            Some(Agg::CountDistinct) => (Agg::CountDistinct, self.pick(&measure.of, |_| true)?),
            Some(Agg::Count) => {
                let col = self.pick(&measure.of, numeric)?;
                // "how many floors does Hill House have": what its only row says.
                let says = self.one_row && !grouped && !lexicon::is_additive(self.schema.words(col));
                (if says { Agg::Max } else { Agg::Sum }, col)
            }
            Some(agg @ (Agg::Min | Agg::Max)) => (
                agg,
                self.pick(&measure.of, |col| numeric(col) || self.kind(col).is_date())?,
            ),
            Some(agg) => (agg, self.pick(&measure.of, numeric)?),
            None => {
                let col = self.pick(&measure.of, numeric)?;
                if lexicon::is_additive(self.schema.words(col)) {
                    (Agg::Sum, col)
                } else if self.pinned && !grouped {
                    (Agg::Max, col)
                } else {
                    return Err(self.ask_agg(&measure.of, grouped));
                }
            }
        };
        let words = self.schema.words(col);
        if measure.agg == Some(Agg::Count)
            && agg == Agg::Sum
            && !lexicon::is_additive(words)
            && !lexicon::is_tally(words)
            && !lexicon::counts_things(&self.schema.column(col).name)
        {
            return refuse(format!(
                "\"{}\" holds values that do not add up to a number of things; ask for \"number of different …\", or for their average.",
                self.schema.spoken(col)
            ));
        }
        if col.table != base && self.wanted != Some(base) {
            return refuse(format!(
                "This asks for figures of {} and of {} at once; ask for them one by one.",
                spaced(&self.schema.table(base).name),
                spaced(&self.schema.table(col.table).name)
            ));
        }
        let said = self.measure_name(measure, col).replace(' ', "_");
        let name = match agg {
            Agg::Count | Agg::CountDistinct => format!("{said}_count"),
            Agg::Sum if said.starts_with("total") => said,
            Agg::Sum => format!("total_{said}"),
            Agg::Average => format!("average_{said}"),
            Agg::Median => format!("median_{said}"),
            Agg::Min => format!("lowest_{said}"),
            Agg::Max => format!("highest_{said}"),
        };
        Ok(Measure::new(agg, Some(col), name))
    }

    /// Days from one date of a row to another.
    fn days(&self, measure: &RawMeasure, until: &Spot) -> Step<Measure> {
        let dated = |col: Col| self.kind(col).is_date();
        let from = self.pick(&measure.of, dated)?;
        let until = self.pick_near(until, Some(from.table), dated)?;
        let base = self.base.unwrap_or_default();
        if from == until {
            return refuse("Days can be counted between two different dates.");
        }
        if from.table != base || until.table != base {
            return refuse(format!(
                "{} and {} do not stand in the same row, so no days can be counted between them.",
                capital(&self.schema.spoken(from)),
                self.schema.spoken(until)
            ));
        }
        let agg = measure.agg.unwrap_or(Agg::Average);
        let name = match agg {
            Agg::Min => "fewest_days",
            Agg::Max => "most_days",
            Agg::Sum => "total_days",
            Agg::Median => "median_days",
            _ => "average_days",
        };
        Ok(Measure {
            until: Some(until),
            ..Measure::new(agg, Some(from), name)
        })
    }

    /// Rows or different values: over a column that repeats, these are two numbers.
    pub(super) fn ask_rows(&self, of: &Spot, col: Col) -> Stop {
        let table = spaced(&self.schema.table(col.table).name);
        let rows = if self.schema.catalog.tables.len() == 1 {
            "rows"
        } else {
            &table
        };
        let options = [format!("different {}", of.text), rows.to_owned()]
            .into_iter()
            .map(|words| Choice {
                label: words.clone(),
                question: self.rephrase(of.start, of.end, &words),
            })
            .collect();
        Stop::Clarify(
            format!(
                "The same \"{}\" can stand in several rows. Count different ones, or rows?",
                of.text
            ),
            options,
        )
    }

    /// "revenue" where that word was said, else the column's own name.
    pub(super) fn measure_name(&self, measure: &RawMeasure, col: Col) -> String {
        let word = measure.of.lower.trim();
        if lexicon::is_revenue(word) {
            return word.to_owned();
        }
        spaced(&self.schema.column(col).name).replace(' ', "_")
    }

    pub(super) fn ask_agg(&self, of: &Spot, _grouped: bool) -> Stop {
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

    pub(super) fn add_measure(&self, plan: &mut Plan, measure: Measure) -> usize {
        if let Some(at) = plan.measures.iter().position(|m| {
            m.agg == measure.agg
                && m.column == measure.column
                && m.until == measure.until
                && m.only == measure.only
                && m.hidden == measure.hidden
        }) {
            return at;
        }
        plan.measures.push(measure);
        plan.measures.len() - 1
    }
}
