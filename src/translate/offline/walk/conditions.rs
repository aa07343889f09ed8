//! Conditions: values, comparisons, dates, what must exist and what must not.

use super::super::frame::{Agg, RankBy, RawFilter, RawRelated, Spot, Test};
use super::super::lexicon::{Compare, Dir, Grain, Superlative, Word};
use super::super::link::{Fit, Kind, Mention};
use super::super::schema::Col;
use super::{Role, Walk};

impl<'b> Walk<'_, 'b> {
    pub(super) fn add_filter(&mut self, column: Option<Spot>, test: Test, at: usize, end: usize) {
        let (first, last) = (&self.items[at], &self.items[end.max(at + 1) - 1]);
        let filter = RawFilter {
            column,
            near: self.near.clone(),
            test,
            negated: std::mem::take(&mut self.negate),
            or: std::mem::take(&mut self.or),
            apart: self.both,
            text: last.text.clone(),
            start: first.start,
            end: last.end,
        };
        self.frame.filters.push(filter);
        self.role = Role::Filter;
        self.prep = None;
    }

    /// A table that must have, or must not have, rows that belong to the subject.
    pub(super) fn related(&mut self, at: usize, negated: bool) -> Option<usize> {
        let at = self.skip_verbs(at);
        let (of, next) = if self.word(at) == Some(Word::Trade) {
            (self.trade_table(at)?, at + 1)
        } else {
            let (spot, next) = self.name(at)?;
            spot.mention.exact_tables().next()?;
            (spot, next)
        };
        self.near = Some(of.clone());
        self.frame.related.push(RawRelated {
            of,
            negated,
            count: None,
        });
        self.role = Role::Filter;
        Some(next)
    }

    pub(super) fn without(&mut self, at: usize) -> Option<usize> {
        let (spot, next) = self.name(at)?;
        if spot.mention.exact_tables().next().is_some() {
            return self.related(at, true);
        }
        let boolean = spot.mention.columns.iter().all(|(col, _)| self.is_boolean(*col));
        self.negate = boolean;
        self.add_filter(
            Some(spot),
            if boolean { Test::NotNull } else { Test::Null },
            at,
            next,
        );
        Some(next)
    }

    pub(super) fn is_boolean(&self, col: Col) -> bool {
        self.schema.column(col).kind == crate::catalog::ColumnKind::Boolean
    }

    /// Whether a condition stands directly before.
    pub(super) fn ends_filter(&self, at: usize) -> bool {
        at > 0
            && self
                .frame
                .filters
                .last()
                .is_some_and(|filter| filter.end == self.items[self.back(at)].end)
    }

    /// "the average", "the average price": the figure that a comparison is with, the column where it is named.
    fn overall(&self, at: usize) -> Option<(Agg, Option<Spot>, usize)> {
        let at = self.skip(at);
        let agg = match self.word(at)? {
            Word::Average => Agg::Average,
            _ => return None,
        };
        match self.name(at + 1) {
            Some((spot, next)) if spot.mention.exact_tables().next().is_none() => {
                Some((agg, Some(spot), next))
            }
            _ => Some((agg, None, at + 1)),
        }
    }

    /// "more than 5 orders", "under 5 dollars".
    pub(super) fn compare_first(&mut self, compare: Compare, at: usize) -> Option<usize> {
        if let Some((agg, Some(spot), next)) = self.overall(at + 1) {
            self.add_filter(Some(spot), Test::Overall(compare, agg), at, next);
            return Some(next);
        }
        if let Some((value, end)) = self.times(at + 1) {
            return self.done(compare, value, end);
        }
        let number_at = self.skip_money(at + 1);
        // "at least one order"; elsewhere "one" is rarely a number.
        let one = (self.lower(number_at) == "one").then_some(1.0);
        let value = self.number(number_at).or(one)?;
        let end = self.skip_money(number_at + 1);
        let compare = if std::mem::take(&mut self.negate) {
            compare.negated()
        } else {
            compare
        };
        if let Some((spot, next)) = self.name(end) {
            if spot.mention.exact_tables().next().is_some() {
                self.near = Some(spot.clone());
                self.frame.related.push(RawRelated {
                    of: spot,
                    negated: false,
                    count: Some((compare, value)),
                });
                self.role = Role::Filter;
                return Some(next);
            }
            if spot
                .mention
                .columns
                .iter()
                .any(|(col, _)| self.schema.column(*col).kind.is_number())
            {
                self.add_filter(Some(spot), Test::Compare(compare, value), at, number_at + 1);
                return Some(next);
            }
        }
        // "a population of more than 10 million but less than 20 million"
        if at > 0
            && self.word(self.back(at)) == Some(Word::And)
            && let Some(RawFilter {
                column: Some(column),
                test: Test::Compare(..),
                ..
            }) = self.frame.filters.last()
        {
            let column = column.clone();
            self.add_filter(Some(column), Test::Compare(compare, value), at, number_at + 1);
            return Some(end);
        }
        if end > number_at + 1 || self.word(number_at.saturating_sub(1)) == Some(Word::Money) {
            self.add_filter(None, Test::Compare(compare, value), at, number_at + 1);
            return Some(end);
        }
        None
    }

    /// "10 times", "twice"
    fn times(&self, at: usize) -> Option<(f64, usize)> {
        match self.lower(at) {
            "once" => return Some((1.0, at + 1)),
            "twice" => return Some((2.0, at + 1)),
            _ => {}
        }
        let value = self.number(at)?;
        matches!(self.lower(at + 1), "times" | "time").then_some((value, at + 2))
    }

    /// "who ordered at least 10 times": how many rows there must be of what was done.
    fn done(&mut self, compare: Compare, value: f64, end: usize) -> Option<usize> {
        let what = self.frame.anchors.last()?;
        let deed = what.lower.ends_with("ed") || matches!(what.lower.as_str(), "bought" | "sold");
        if !deed || what.mention.exact_tables().next().is_none() || self.frame.outputs.is_empty() {
            return None;
        }
        let compare = if std::mem::take(&mut self.negate) {
            compare.negated()
        } else {
            compare
        };
        let of = self.frame.anchors.pop()?;
        self.frame.related.push(RawRelated {
            of,
            negated: false,
            count: Some((compare, value)),
        });
        self.role = Role::Filter;
        Some(end)
    }

    /// "more expensive than average", "cheaper than 5 dollars": of the thing named last.
    pub(super) fn beyond(&mut self, adjective: &Superlative, at: usize, than: usize) -> Option<usize> {
        let near = self.near.clone()?;
        let tables: Vec<usize> = near.mention.exact_tables().collect();
        let [table] = tables.as_slice() else {
            return None;
        };
        let bearing = |word: &str| -> Vec<(Col, Fit)> {
            let word = self.schema.stems.stem(word);
            self.schema
                .columns(*table)
                .filter(|col| {
                    let words = self.schema.words(*col);
                    self.schema.column(*col).kind.is_number()
                        && !self.schema.is_id(*col)
                        && words.contains(&word)
                        // A later year of birth makes younger.
                        && !words.iter().any(|word| matches!(word.as_str(), "birth" | "born" | "year"))
                })
                .map(|col| (col, Fit::Exact))
                .collect()
        };
        let columns = adjective
            .columns
            .iter()
            .map(|word| bearing(word))
            .find(|columns| !columns.is_empty())?;
        let compare = match adjective.dir {
            Dir::Down => Compare::More,
            Dir::Up => Compare::Less,
        };
        let compare = if self.negate { compare.negated() } else { compare };
        let spot = self.spot(
            at,
            Mention {
                columns: columns.clone(),
                ..Mention::default()
            },
        );
        if let Some((agg, other, mut end)) = self.overall(than + 1) {
            if let Some(other) = other {
                // "than the average price": of the same column; another one cannot be compared with it.
                let same = other
                    .mention
                    .columns
                    .iter()
                    .any(|(col, _)| columns.iter().any(|(own, _)| own == col));
                if !same {
                    return None;
                }
            } else if let Some((other, next)) = self.name(end)
                && other.mention.exact_tables().any(|other| other == *table)
            {
                end = next;
            }
            self.negate = false;
            self.add_filter(Some(spot), Test::Overall(compare, agg), at, end);
            return Some(end);
        }
        let number_at = self.skip_money(than + 1);
        let value = self.number(number_at)?;
        let mut end = self.skip_money(number_at + 1).max(number_at + 1);
        // "older than 30 years"; how many of them a duration of "2 hours" is, its column does not say.
        if let Some(Word::Grain(grain)) = self.word(end) {
            let ages = columns
                .iter()
                .all(|(col, _)| self.schema.words(*col).iter().any(|word| word == "age"));
            if grain != Grain::Year || !ages {
                return None;
            }
            end += 1;
        }
        self.negate = false;
        self.add_filter(Some(spot), Test::Compare(compare, value), at, number_at + 1);
        Some(end)
    }

    /// A number that no word before it has claimed: "5 most expensive products", "20 or more seats".
    pub(super) fn number_first(&mut self, at: usize) -> Option<usize> {
        if let Some((value, end)) = self.times(at) {
            return self.done(Compare::Equal, value, end);
        }
        let value = self.number(at)?;
        let count = (value.fract() == 0.0 && value >= 1.0).then_some(value as u64);
        match self.word(at + 1) {
            Some(Word::Adjective(adjective)) => {
                return self.ranked_subject(
                    at + 2,
                    RankBy::Adjective(adjective),
                    adjective.dir,
                    Some(count?),
                );
            }
            Some(Word::Selling(dir)) => {
                return self.ranked_subject(at + 2, RankBy::Selling, dir, Some(count?));
            }
            Some(Word::Highest(dir)) => return self.highest(dir, at + 1, Some(count?)),
            // "5 best products"
            Some(Word::Top(dir)) => return self.ranked_subject(at + 2, RankBy::Open, dir, Some(count?)),
            // "which 3 months had the highest revenue"
            Some(Word::Grain(grain)) => {
                let next = self.ask_for_periods(grain, at + 1)?;
                self.limit = Some((at, count?));
                return Some(next);
            }
            // "the 5 products with the highest price": how many of what is ranked further on.
            None if self.frame.is_blank() && self.is_table(at + 1) => {
                let (spot, next) = self.name(at + 1)?;
                self.output(spot);
                self.limit = Some((at, count?));
                return Some(next);
            }
            _ => {}
        }
        // "with 9 wins": the number a column holds.
        if let Some((spot, next)) = self.name(at + 1)
            && spot.mention.exact_tables().next().is_none()
            && !spot.mention.columns.is_empty()
            && spot.mention.columns.iter().all(|(col, fit)| {
                *fit <= Fit::Exact && self.schema.column(*col).kind.is_number() && !self.schema.is_id(*col)
            })
            && !(self.frame.outputs.is_empty() && self.frame.measures.is_empty())
        {
            self.add_filter(Some(spot), Test::Compare(Compare::Equal, value), at, at + 1);
            return Some(next);
        }
        if self.lower(at + 1) == "or" {
            let compare = match self.items.get(at + 2).map(|item| item.lower.as_str())? {
                "more" | "higher" | "above" | "greater" => Compare::AtLeast,
                "less" | "fewer" | "lower" | "below" => Compare::AtMost,
                _ => return None,
            };
            let (spot, next) = self.name(at + 3)?;
            if spot.mention.exact_tables().next().is_some() {
                self.frame.related.push(RawRelated {
                    of: spot,
                    negated: false,
                    count: Some((compare, value)),
                });
            } else {
                self.add_filter(Some(spot), Test::Compare(compare, value), at, at + 3);
            }
            return Some(next);
        }
        None
    }

    /// A known value, with the names beside it that say what it is a value of: "category Sundaes", "gold tier".
    pub(super) fn value(&mut self, mention: &Mention, at: usize) -> usize {
        let mut values = mention.values.clone();
        let mut next = at + 1;
        // A name right after: "Sundaes category", "gold customers".
        let mut kept = None;
        if let Some(Kind::Mention(after)) = self.items.get(next).map(|item| &item.kind) {
            let same: Vec<(Col, String)> = values
                .iter()
                .filter(|(col, _)| after.columns.iter().any(|(other, _)| other == col))
                .cloned()
                .collect();
            if !same.is_empty() && after.exact_tables().next().is_none() {
                values = same;
                next += 1;
            } else {
                let owned: Vec<(Col, String)> = values
                    .iter()
                    .filter(|(col, _)| after.exact_tables().any(|table| table == col.table))
                    .cloned()
                    .collect();
                if !owned.is_empty() {
                    kept = Some(owned);
                }
            }
        }
        let role = self.role;
        // "in Berlin and Paris", "Berlin or Paris"
        let before = self.word(self.back(at));
        let joins = at > 0
            && (before == Some(Word::And) || before == Some(Word::Or))
            && (role == Role::Filter || self.or || self.ends_filter(self.back(at)));
        let values = kept.unwrap_or(values);
        if joins
            && !self.both
            && let Some(RawFilter {
                test: Test::Values(earlier),
                ..
            }) = self.frame.filters.last_mut()
            && values
                .iter()
                .any(|(col, _)| earlier.iter().any(|(other, _)| other == col))
        {
            earlier.retain(|(col, _)| values.iter().any(|(other, _)| other == col));
            let columns: Vec<Col> = earlier.iter().map(|(col, _)| *col).collect();
            earlier.extend(values.into_iter().filter(|(col, _)| columns.contains(col)));
            self.or = false;
            return next;
        }
        self.add_filter(None, Test::Values(values), at, at + 1);
        // "Sundaes and who…": a value before its noun leaves the noun's role as it was.
        self.role = if role == Role::None {
            Role::None
        } else {
            Role::Filter
        };
        next
    }

    /// A condition that begins with its column: "price under 5", "joined in 2024", "city of Berlin".
    pub(super) fn condition(&mut self, spot: &Spot, next: usize, at: usize) -> Option<usize> {
        let columns: Vec<Col> = spot.mention.columns.iter().map(|(col, _)| *col).collect();
        if columns.is_empty() {
            // "the author named "X"" and "author "X"" are told by their quotes.
            let after = self.skip_named(next);
            if let Some(Kind::Quoted(text)) = self.items.get(after).map(|item| &item.kind) {
                let text = text.clone();
                self.near = Some(spot.clone());
                // "Show the authors named …": what is shown; else only what the text belongs to.
                if self.role == Role::None && self.frame.outputs.is_empty() && self.frame.measures.is_empty()
                {
                    self.output(spot.clone());
                } else {
                    self.frame.anchors.push(spot.clone());
                }
                self.add_filter(Some(spot.clone()), Test::Text(text), at, after + 1);
                return Some(after + 1);
            }
            return None;
        }
        let mut after = self.skip(next);
        // "a name that starts with …"
        if self.word(after) == Some(Word::Relative)
            && matches!(
                self.word(self.skip(after + 1)),
                Some(Word::Starts | Word::Ends | Word::Contains | Word::Compare(_))
            )
        {
            after = self.skip(after + 1);
        }
        let mut negated = false;
        if self.word(after) == Some(Word::Not) {
            negated = true;
            after = self.skip(after + 1);
        }
        let number_at = |walk: &Self, at: usize| {
            let at = walk.skip_money(at);
            walk.number(at).map(|value| (value, at))
        };
        let numeric = columns
            .iter()
            .any(|col| self.schema.column(*col).kind.is_number());
        let date = columns.iter().any(|col| self.schema.column(*col).kind.is_date());
        // "with a price of at least 5"
        let of = self.skip_prep(after, &["of", "at"]);
        match self.items.get(of).map(|item| &item.kind) {
            Some(Kind::Word(Word::Compare(compare))) if numeric => {
                if let Some((value, end)) = number_at(self, of + 1) {
                    let compare = if negated { compare.negated() } else { *compare };
                    self.add_filter(Some(spot.clone()), Test::Compare(compare, value), at, end + 1);
                    return Some(self.skip_money(end + 1).max(end + 1));
                }
                let compare = if negated { compare.negated() } else { *compare };
                if let Some((agg, other, end)) = self.overall(of + 1) {
                    // "price above the average weight" compares nothing.
                    let same = other.is_none_or(|other| {
                        other.mention.columns.iter().any(|(col, _)| columns.contains(col))
                    });
                    if !same {
                        return None;
                    }
                    self.add_filter(Some(spot.clone()), Test::Overall(compare, agg), at, end);
                    return Some(end);
                }
                if let Some((other, end)) = self.name(of + 1)
                    && other.mention.exact_tables().next().is_none()
                    && other
                        .mention
                        .columns
                        .iter()
                        .any(|(col, _)| self.schema.column(*col).kind.is_number())
                {
                    self.add_filter(Some(spot.clone()), Test::Beside(compare, other), at, end);
                    return Some(end);
                }
            }
            Some(Kind::Word(Word::Between)) if numeric => {
                let (from, from_at) = number_at(self, of + 1)?;
                let and = self.skip_money(from_at + 1);
                let (to, to_at) = number_at(self, and + 1)?;
                if self.lower(and) == "and" {
                    self.negate = negated;
                    self.add_filter(Some(spot.clone()), Test::Between(from, to), at, to_at + 1);
                    return Some(to_at + 1);
                }
            }
            Some(Kind::Number(value))
                if numeric && (of > next || columns.iter().any(|col| self.schema.is_id(*col))) =>
            {
                let compare = if negated {
                    Compare::NotEqual
                } else {
                    Compare::Equal
                };
                let value = *value;
                self.add_filter(Some(spot.clone()), Test::Compare(compare, value), at, of + 1);
                return Some(of + 1);
            }
            _ => {}
        }
        match self.items.get(after).map(|item| &item.kind) {
            Some(Kind::When(span)) if date || columns.iter().all(|col| self.schema.holds_years(*col)) => {
                let span = span.clone();
                self.negate = negated;
                self.add_filter(Some(spot.clone()), Test::When(span), at, after + 1);
                return Some(after + 1);
            }
            Some(Kind::Word(Word::Null)) if after > next => {
                self.negate = negated;
                self.add_filter(Some(spot.clone()), Test::Null, at, after + 1);
                return Some(after + 1);
            }
            Some(Kind::Word(word @ (Word::Starts | Word::Ends | Word::Contains))) => {
                let (test, end) = self.text_test(*word, after)?;
                self.negate = negated;
                self.add_filter(Some(spot.clone()), test, at, end);
                return Some(end);
            }
            _ => {}
        }
        let valued = self.skip_named(self.skip_prep(after, &["of"]));
        match self.items.get(valued).map(|item| &item.kind) {
            Some(Kind::Quoted(text)) => {
                let text = text.clone();
                self.negate = negated;
                self.add_filter(Some(spot.clone()), Test::Text(text), at, valued + 1);
                Some(valued + 1)
            }
            Some(Kind::Mention(mention)) => {
                let same: Vec<(Col, String)> = mention
                    .values
                    .iter()
                    .filter(|(col, _)| columns.contains(col))
                    .cloned()
                    .collect();
                if same.is_empty() {
                    return None;
                }
                self.negate = negated;
                self.add_filter(Some(spot.clone()), Test::Values(same), at, valued + 1);
                Some(valued + 1)
            }
            _ => None,
        }
    }

    /// "… starts with A or ends with B": of the same column.
    pub(super) fn again(&mut self, word: Word, at: usize) -> Option<usize> {
        let column = match self.frame.filters.last() {
            Some(RawFilter {
                column: Some(column),
                test: Test::Starts(_) | Test::Ends(_) | Test::Contains(_),
                ..
            }) if self.role == Role::Filter => column.clone(),
            _ => return None,
        };
        let (test, next) = self.text_test(word, at)?;
        self.add_filter(Some(column), test, at, next);
        Some(next)
    }

    /// The text behind "starts with" and the like.
    fn text_test(&self, word: Word, at: usize) -> Option<(Test, usize)> {
        let text_at = self.skip_letter(at + 1);
        let text = match &self.items.get(text_at)?.kind {
            Kind::Quoted(text) => text.clone(),
            Kind::Unknown => self.items[text_at].text.clone(),
            _ => return None,
        };
        let test = match word {
            Word::Starts => Test::Starts(text),
            Word::Ends => Test::Ends(text),
            _ => Test::Contains(text),
        };
        Some((test, text_at + 1))
    }

    pub(super) fn skip_named(&self, at: usize) -> usize {
        let at = self.skip(at);
        if matches!(
            self.lower(at),
            "named" | "called" | "titled" | "=" | "equals" | "equal to"
        ) {
            self.skip(at + 1)
        } else {
            at
        }
    }

    pub(super) fn skip_letter(&self, at: usize) -> usize {
        let mut at = self.skip(at);
        while matches!(self.lower(at), "letter" | "letters" | "word") {
            at = self.skip(at + 1);
        }
        at
    }
}
