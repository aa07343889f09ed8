//! Choosing one column among candidates, or asking which is meant.

use super::super::frame::Spot;
use super::super::link::Fit;
use super::super::schema::{Col, Join, Way, spaced};
use super::{Resolver, Step, Stop, refuse};
use crate::translate::Choice;

impl Resolver<'_, '_> {
    /// The one column that fits; else a question that offers the candidates.
    pub(super) fn pick(&self, spot: &Spot, wanted: impl Fn(Col) -> bool) -> Step<Col> {
        self.pick_near(spot, None, wanted)
    }

    pub(super) fn pick_near(
        &self,
        spot: &Spot,
        near: Option<usize>,
        wanted: impl Fn(Col) -> bool,
    ) -> Step<Col> {
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
    pub(super) fn narrow(&self, fitting: &[(Col, Fit)], near: Option<usize>) -> Vec<Col> {
        // What cannot be connected with the rest of the question is not meant while something else can be.
        let ways = if self.base.is_some() {
            &self.ways
        } else {
            &self.named_ways
        };
        let connected: Vec<(Col, Fit)> = fitting
            .iter()
            .filter(|(col, _)| matches!(ways.get(col.table), Some(Way::Path(_) | Way::Several)))
            .copied()
            .collect();
        let fitting = if connected.is_empty() { fitting } else { &connected };
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

    pub(super) fn distance(&self, table: usize) -> Option<usize> {
        match self.ways.get(table)? {
            Way::Path(path) => Some(path.len()),
            Way::Several => Some(99),
            Way::None => None,
        }
    }

    /// Asks which of several columns is meant, each option a question that says so.
    pub(super) fn ask(&self, text: &str, start: usize, end: usize, several: &[Col]) -> Stop {
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

    pub(super) fn rephrase(&self, start: usize, end: usize, with: &str) -> String {
        let before = self.question.get(..start).unwrap_or_default();
        let after = self.question.get(end..).unwrap_or_default();
        format!("{before}{with}{after}")
    }

    pub(super) fn path(&self, table: usize) -> Step<Vec<Join>> {
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
}
