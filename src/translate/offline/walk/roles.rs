//! The roles names play: shown, computed, grouped by, ranked, ordered.

use super::super::frame::{Agg, RankBy, RawGroup, RawMeasure, RawOrder, RawRank, Spot, Test};
use super::super::lexicon::{Change, Compare, Dir, Grain, Word};
use super::super::link::{Fit, Kind, Mention};
use super::{Role, Walk};

impl<'b> Walk<'_, 'b> {
    pub(super) fn take_measure(&mut self, measure: RawMeasure) {
        self.both = false;
        self.role = Role::Measure(measure.agg);
        self.near = Some(measure.of.clone());
        self.frame.measures.push(measure);
    }

    /// A figure, or with a comparison behind it a condition on that figure.
    pub(super) fn figure(&mut self, measure: RawMeasure, next: usize) -> usize {
        let at = self.skip(next);
        let at = if matches!(self.lower(at), "of" | "that is") {
            self.skip(at + 1)
        } else {
            at
        };
        // "total sales above 500" may be pieces or money; of a table only its own columns are compared.
        let counts = matches!(measure.agg, Some(Agg::Count | Agg::CountDistinct) | None)
            || measure.of.mention.exact_tables().next().is_some();
        if let Some(Word::Compare(compare)) = self.word(at)
            && !counts
            && let number_at = self.skip_money(at + 1)
            && let Some(value) = self.number(number_at)
        {
            self.near = Some(measure.of.clone());
            self.frame.having.push((measure, compare, value));
            self.role = Role::Filter;
            return self.skip_money(number_at + 1).max(number_at + 1);
        }
        self.take_measure(measure);
        next
    }

    /// "growth of revenue", "revenue change": against the period before.
    pub(super) fn change(&mut self, change: Change, at: usize) -> Option<usize> {
        if self.frame.change.is_some() {
            return None;
        }
        self.frame.change = Some(change);
        let next = self.skip_prep(at + 1, &["in", "of"]);
        let leads = next > at + 1 || change == Change::Running;
        if leads && let Some((measure, end)) = self.measure(next) {
            self.take_measure(measure);
            return Some(end);
        }
        Some(at + 1)
    }

    /// What was named so far is to be counted, if it is one table.
    pub(super) fn counts_output(&mut self) -> bool {
        let [only] = self.frame.outputs.as_slice() else {
            return false;
        };
        if only.mention.exact_tables().next().is_none()
            || !self.frame.measures.is_empty()
            || self.frame.rank.is_some()
        {
            return false;
        }
        let of = self.frame.outputs.remove(0);
        self.take_measure(RawMeasure {
            agg: Some(Agg::Count),
            of,
            until: None,
        });
        true
    }

    pub(super) fn output(&mut self, spot: Spot) {
        self.both = false;
        if self.frame.outputs.is_empty() {
            self.frame.plural = spot.lower.ends_with('s') || spot.lower == "people";
        }
        self.near = Some(spot.clone());
        self.frame.outputs.push(spot);
        self.role = Role::Output;
    }

    /// What comes after "each", "per".
    pub(super) fn group(&mut self, at: usize) -> Option<usize> {
        let at = self.skip_prep(at, &["of"]);
        self.role = Role::Group;
        if let Some(Word::Grain(grain)) = self.word(at) {
            self.frame.groups.push(RawGroup::Period(grain));
            return Some(at + 1);
        }
        let (spot, next) = self.name(at)?;
        self.near = Some(spot.clone());
        self.frame.groups.push(RawGroup::Name(spot));
        Some(next)
    }

    /// After "by": what to group by, what to rank by, or who did it.
    pub(super) fn by(&mut self, at: usize) -> Option<usize> {
        let open = matches!(
            self.frame.rank,
            Some(RawRank {
                by: RankBy::Open | RankBy::Selling,
                ..
            })
        );
        let next = self.skip(at + 1);
        if open && let Some((measure, end)) = self.measure(next) {
            if let Some(rank) = &mut self.frame.rank {
                rank.by = RankBy::Measure(measure);
            }
            self.role = Role::None;
            return Some(end);
        }
        if let Some(Kind::Mention(mention)) = self.items.get(next).map(|item| &item.kind)
            && mention.columns.is_empty()
            && mention.tables.is_empty()
        {
            // "paid by card"
            return Some(at + 1);
        }
        // "reviews by members from Oslo": who did it, not a group.
        if let Some((spot, end)) = self.name(next)
            && spot.mention.exact_tables().next().is_some()
            && spot.lower.ends_with('s')
            && self.is_described(end)
        {
            self.near = Some(spot.clone());
            self.frame.anchors.push(spot);
            self.role = Role::Anchor;
            return Some(end);
        }
        self.group(at + 1)
    }

    /// Whether a condition on the noun before follows: "from Oslo", "who joined in 2024".
    fn is_described(&self, at: usize) -> bool {
        let at = self.skip(at);
        match self.word(at) {
            Some(Word::Which | Word::Who | Word::Relative) => true,
            Some(Word::Prep) => matches!(
                self.items.get(self.skip(at + 1)).map(|item| &item.kind),
                Some(Kind::Mention(mention)) if !mention.values.is_empty()
            ),
            _ => false,
        }
    }

    pub(super) fn top(&mut self, dir: Dir, at: usize) -> Option<usize> {
        let next = self.skip(at + 1);
        let limit = self
            .number(next)
            .filter(|n| n.fract() == 0.0 && *n >= 1.0)
            .map(|n| n as u64);
        let next = if limit.is_some() { next + 1 } else { next };
        match self.word(next) {
            Some(Word::Selling(_)) => return self.ranked_subject(next + 1, RankBy::Selling, dir, limit),
            Some(Word::Adjective(adjective)) => {
                return self.ranked_subject(next + 1, RankBy::Adjective(adjective), adjective.dir, limit);
            }
            Some(Word::Highest(dir)) => return self.highest(dir, next, limit),
            _ => {}
        }
        self.ranked_subject(next, RankBy::Open, dir, limit)
    }

    /// Periods are what is asked for, and something that is still to come ranks them.
    pub(super) fn ask_for_periods(&mut self, grain: Grain, at: usize) -> Option<usize> {
        if !self.frame.is_blank() || !self.frame.groups.is_empty() {
            return None;
        }
        let ranked = self.items[at..]
            .iter()
            .any(|item| matches!(item.kind, Kind::Word(Word::Highest(_) | Word::Most(_) | Word::By)));
        if !ranked {
            return None;
        }
        self.periods = true;
        self.frame.plural = self.lower(at).ends_with('s');
        self.frame.groups.push(RawGroup::Period(grain));
        Some(at + 1)
    }

    /// "in which month was revenue highest": by the only figure there is.
    pub(super) fn highest_of_all(&mut self, dir: Dir, at: usize) -> Option<usize> {
        let more = self.items[at + 1..]
            .iter()
            .any(|item| !matches!(item.kind, Kind::Word(Word::Filler)));
        if !self.periods || more || self.frame.rank.is_some() {
            return None;
        }
        let measure = match (self.frame.measures.as_slice(), self.frame.outputs.as_slice()) {
            ([_], []) => self.frame.measures.remove(0),
            ([], [_]) => RawMeasure {
                agg: None,
                of: self.frame.outputs.remove(0),
                until: None,
            },
            _ => return None,
        };
        self.rank_by(RankBy::Measure(measure), dir, None);
        Some(at + 1)
    }

    /// Whether "every" only says that all are to be listed.
    pub(super) fn lists_all(&self, at: usize) -> bool {
        let listed = at > 0 && self.word(self.back(at)) == Some(Word::List);
        let Some((spot, next)) = self.name(at + 1).filter(|_| listed && self.frame.is_blank()) else {
            return false;
        };
        let next = self.skip(next);
        spot.mention.exact_tables().next().is_some()
            && matches!(
                self.items.get(next).map(|item| &item.kind),
                None | Some(Kind::Word(
                    Word::Relative | Word::Who | Word::Which | Word::Filler
                ))
            )
    }

    /// "… products": the thing that is ranked.
    pub(super) fn ranked_subject(
        &mut self,
        at: usize,
        by: RankBy,
        dir: Dir,
        limit: Option<u64>,
    ) -> Option<usize> {
        // "top 3 months by revenue"
        if let Some(Word::Grain(grain)) = self.word(self.skip(at))
            && matches!(by, RankBy::Open)
        {
            let next = self.ask_for_periods(grain, self.skip(at))?;
            self.rank_by(by, dir, limit);
            return Some(next);
        }
        match self.name(at) {
            Some((spot, next)) => {
                self.output(spot);
                let limit = limit.or((!self.frame.plural).then_some(1));
                self.rank_by(by, dir, limit);
                Some(next)
            }
            // "which product is the cheapest"
            None if !self.frame.outputs.is_empty() && !matches!(by, RankBy::Open) => {
                self.rank_by(by, dir, limit);
                Some(at)
            }
            None => None,
        }
    }

    pub(super) fn rank_by(&mut self, by: RankBy, dir: Dir, limit: Option<u64>) {
        let limit = limit.or(self.limit.take().map(|(_, limit)| limit));
        let default = (!self.frame.plural).then_some(1);
        match &mut self.frame.rank {
            Some(rank) if matches!(rank.by, RankBy::Open) => {
                rank.by = by;
                // "bottom 5 with the highest" would contradict itself; the plain word wins.
                if rank.dir == Dir::Down {
                    rank.dir = dir;
                }
            }
            Some(_) => self.frame.order.push(RawOrder {
                by: match by {
                    RankBy::Measure(measure) => Some(measure),
                    _ => None,
                },
                dir: Some(dir),
            }),
            None => {
                self.frame.rank = Some(RawRank {
                    limit: limit.or(default),
                    dir,
                    by,
                });
            }
        }
        self.role = Role::None;
    }

    /// "highest price", "largest order".
    pub(super) fn highest(&mut self, dir: Dir, at: usize, limit: Option<u64>) -> Option<usize> {
        let (measure, next) = self.measure(at + 1)?;
        let is_table = measure.of.mention.exact_tables().next().is_some();
        if is_table && measure.agg.is_none() {
            return self.ranked_subject(at + 1, RankBy::Size, dir, limit);
        }
        let open = matches!(self.frame.rank, Some(RawRank { by: RankBy::Open, .. }));
        if open || self.periods || !self.frame.outputs.is_empty() {
            self.rank_by(RankBy::Measure(measure), dir, limit);
            return Some(next);
        }
        if measure.agg.is_some() || self.frame.compares {
            return None;
        }
        let agg = if dir == Dir::Down { Agg::Max } else { Agg::Min };
        self.take_measure(RawMeasure {
            agg: Some(agg),
            ..measure
        });
        Some(next)
    }

    pub(super) fn order_by(&mut self, at: usize) -> Option<usize> {
        let mut next = self.skip(at + 1);
        let mut dir = None;
        if let Some(Word::Highest(found) | Word::Most(found) | Word::Top(found)) = self.word(next) {
            dir = Some(found);
            next = self.skip(next + 1);
        }
        let (measure, end) = self.measure(next)?;
        let mut end = end;
        if self.lower(end) == "first" {
            end += 1;
        }
        self.frame.order.push(RawOrder {
            by: Some(measure),
            dir,
        });
        self.role = Role::None;
        Some(end)
    }

    pub(super) fn mention(&mut self, mention: &Mention, at: usize, prep: Option<&'b str>) -> Option<usize> {
        let named = !mention.tables.is_empty() || !mention.columns.is_empty();
        let outright = mention.exact_tables().next().is_some()
            || mention.columns.iter().any(|(_, fit)| *fit <= Fit::Exact);
        if !mention.values.is_empty() && !outright {
            return Some(self.value(mention, at));
        }
        if !named {
            return Some(self.value(mention, at));
        }
        let (spot, next) = self.name(at)?;
        if let Some(end) = self.condition(&spot, next, at) {
            return Some(end);
        }
        let is_table = spot.mention.exact_tables().next().is_some();
        // "delivery orders": handled by the value; "store 5": by its key.
        if is_table
            && let Some(value) = self.number(next)
            && value.fract() == 0.0
            && !matches!(self.word(next + 1), Some(Word::Money))
        {
            self.add_filter(Some(spot), Test::Compare(Compare::Equal, value), at, next + 1);
            return Some(next + 1);
        }
        // "order count by store"
        if is_table && self.frame.is_blank() && matches!(self.lower(next), "count" | "counts") {
            self.take_measure(RawMeasure {
                agg: Some(Agg::Count),
                of: spot,
                until: None,
            });
            return Some(next + 1);
        }
        // "which subscriptions are cancelled", "the cancelled subscriptions": what has such a date.
        if !is_table && prep.is_none() && self.is_state(&spot.mention.columns, at) {
            let before = self.role == Role::None && self.is_table(next);
            if self.role == Role::None
                && let Some((_, thing)) = spot.lower.split_once(' ')
            {
                let (col, _) = spot.mention.columns.first()?;
                let mut whole = self.spot(
                    at,
                    Mention {
                        tables: vec![(col.table, Fit::Exact)],
                        ..Mention::default()
                    },
                );
                whole.lower = thing.to_owned();
                whole.text = thing.to_owned();
                self.output(whole);
            }
            if before || self.role == Role::Output {
                let role = if before { Role::None } else { Role::Filter };
                self.add_filter(Some(spot), Test::NotNull, at, next);
                self.role = role;
                return Some(next);
            }
        }
        let after_and = at > 0 && self.word(self.back(at)) == Some(Word::And);
        match (self.role, prep) {
            (Role::Group, _) if after_and => {
                self.near = Some(spot.clone());
                self.frame.groups.push(RawGroup::Name(spot));
            }
            (Role::Measure(agg), None) if after_and && !is_table && agg != Some(Agg::Count) => {
                self.take_measure(RawMeasure {
                    agg,
                    of: spot,
                    until: None,
                });
            }
            (Role::Output, _) if after_and => self.output(spot),
            (Role::None, None) => self.output(spot),
            (_, Some(preposition)) if !is_table && preposition == "with" => {
                let column_only = spot.mention.columns.iter().all(|(col, _)| self.is_boolean(*col));
                if column_only || !self.frame.measures.is_empty() {
                    self.add_filter(Some(spot), Test::NotNull, at, next);
                } else {
                    self.output(spot);
                }
            }
            _ if !is_table && spot.mention.columns.iter().all(|(col, _)| self.is_boolean(*col)) => {
                self.add_filter(Some(spot), Test::NotNull, at, next);
            }
            (Role::Output, None) if !is_table && prep.is_none() => return None,
            _ => {
                self.near = Some(spot.clone());
                self.frame.anchors.push(spot);
                self.role = Role::Anchor;
            }
        }
        if self.negate {
            return None;
        }
        Some(next)
    }

    /// "authors who …", "orders which …": not a new question.
    pub(super) fn is_relative(&self, at: usize) -> bool {
        at > 0 && matches!(self.items[at - 1].kind, Kind::Mention(_)) && self.lower(at) != "what"
    }

    /// The item before `at`, filling skipped.
    pub(super) fn back(&self, at: usize) -> usize {
        let mut at = at;
        while at > 0 {
            at -= 1;
            if !matches!(self.word(at), Some(Word::Filler | Word::All)) {
                return at;
            }
        }
        0
    }
}
