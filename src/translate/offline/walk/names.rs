//! Names in the question: nouns of several words, owners, and what is computed of them.

use super::super::frame::{Agg, RawMeasure, Spot};
use super::super::lexicon::{Grain, Word};
use super::super::link::{Fit, Kind, Mention, revenue_columns};
use super::super::schema::Col;
use super::Walk;

impl<'b> Walk<'_, 'b> {
    /// A name at `at` (filling skipped), with "of the customers" or a table before it taken into account.
    pub(super) fn name(&self, at: usize) -> Option<(Spot, usize)> {
        let (spot, next) = self.whole_name(at)?;
        // "email address", "phone number", "zip code": the second word adds nothing.
        let tail = matches!(
            (self.lower(next.saturating_sub(1)), self.lower(next)),
            ("email" | "e-mail" | "mail", "address" | "addresses")
                | ("phone" | "telephone" | "mobile", "number" | "numbers")
                | ("zip" | "postal", "code" | "codes")
        );
        // "sales records", "country name": of what was named.
        let table = spot.mention.exact_tables().next().is_some();
        let tail = tail
            || (table
                && matches!(self.lower(next), "records" | "record" | "entries")
                && !matches!(
                    self.items.get(next).map(|item| &item.kind),
                    Some(Kind::Mention(_))
                ))
            || (!table
                && matches!(self.lower(next), "name" | "names")
                && spot
                    .mention
                    .columns
                    .iter()
                    .all(|(col, fit)| *fit <= Fit::Exact && self.schema.column(*col).kind.is_text()));
        // "silver medals": what the number in `silver` counts.
        let tail = tail
            || (matches!(self.lower(next), "medal" | "medals")
                && !spot.mention.columns.is_empty()
                && spot
                    .mention
                    .columns
                    .iter()
                    .all(|(col, fit)| *fit <= Fit::Exact && self.schema.column(*col).kind.is_number()));
        // "departed at" for `departed_at`.
        let particle = matches!(self.lower(next), "at" | "on")
            && !spot.mention.columns.is_empty()
            && spot.mention.columns.iter().all(|(col, _)| {
                self.schema
                    .words(*col)
                    .last()
                    .is_some_and(|word| word == self.lower(next))
            });
        Some((spot, if tail || particle { next + 1 } else { next }))
    }

    pub(super) fn whole_name(&self, at: usize) -> Option<(Spot, usize)> {
        let at = self.skip(at);
        let Kind::Mention(mention) = &self.items.get(at)?.kind else {
            return None;
        };
        if mention.tables.is_empty() && mention.columns.is_empty() {
            return None;
        }
        let spot = self.spot(at, mention.clone());
        // "customer orders": the last noun is the thing, the one before only says which.
        if mention.exact_tables().next().is_some()
            && let Some(Kind::Mention(head)) = self.items.get(at + 1).map(|item| &item.kind)
            && head.exact_tables().next().is_some()
            && head.values.is_empty()
            // "customers ordered in May": that is what they did.
            && !self.is_deed(at + 1)
        {
            let (mut whole, next) = self.whole_name(at + 1)?;
            whole.beside.push(spot);
            return Some((whole, next));
        }
        // "customer's state", "order amount": a table before its column.
        if mention.exact_tables().next().is_some() {
            let next = if self.word(at + 1) == Some(Word::Possessive) {
                at + 2
            } else {
                at + 1
            };
            if let Some(Kind::Mention(column)) = self.items.get(next).map(|item| &item.kind) {
                let within: Vec<(Col, Fit)> = column
                    .columns
                    .iter()
                    .filter(|(col, fit)| {
                        *fit != Fit::Part && mention.exact_tables().any(|table| table == col.table)
                    })
                    .map(|(col, _)| (*col, Fit::Whole))
                    .collect();
                let is_table = column.exact_tables().next().is_some();
                // "products contain nuts": a condition, unless it is owned.
                let holds = next == at + 1 && within.iter().all(|(col, _)| self.is_boolean(*col));
                if !within.is_empty() && !is_table && !holds && !self.is_state(&within, next) {
                    let mut merged = self.spot(
                        at,
                        Mention {
                            columns: within,
                            ..Mention::default()
                        },
                    );
                    merged.end = self.items[next].end;
                    merged.text = format!("{} {}", self.items[at].text, self.items[next].text);
                    merged.lower = merged.text.to_lowercase();
                    return Some((merged, next + 1));
                }
            }
        }
        // "the price of the products": the column of that table.
        if !mention.columns.is_empty() && mention.exact_tables().next().is_none() {
            let of = self.skip(at + 1);
            if self.word(of) == Some(Word::Prep) && matches!(self.lower(of), "of" | "for") {
                let table_at = self.skip(of + 1);
                if let Some(Kind::Mention(owner)) = self.items.get(table_at).map(|item| &item.kind) {
                    let tables: Vec<usize> = owner.exact_tables().collect();
                    let within: Vec<(Col, Fit)> = mention
                        .columns
                        .iter()
                        .filter(|(col, _)| tables.contains(&col.table))
                        .copied()
                        .collect();
                    if !within.is_empty() {
                        let mut narrowed = spot.clone();
                        narrowed.mention = Mention {
                            columns: within,
                            ..Mention::default()
                        };
                        return Some((narrowed, at + 1));
                    }
                }
            }
        }
        Some((spot, at + 1))
    }

    /// "number of orders", "average price", "revenue".
    pub(super) fn measure(&self, at: usize) -> Option<(RawMeasure, usize)> {
        let mut at = self.skip(at);
        let mut agg = None;
        let mut distinct = false;
        loop {
            match self.word(at) {
                Some(Word::NumberOf | Word::HowMany) => {
                    agg = agg.filter(|agg| *agg != Agg::Sum).or(Some(Agg::Count))
                }
                Some(Word::Sum | Word::HowMuch) => agg = agg.or(Some(Agg::Sum)),
                Some(Word::Average) if agg.is_none() => agg = Some(Agg::Average),
                Some(Word::Median) if agg.is_none() => agg = Some(Agg::Median),
                Some(Word::Max) if agg.is_none() => agg = Some(Agg::Max),
                Some(Word::Min) if agg.is_none() => agg = Some(Agg::Min),
                Some(Word::Distinct) => distinct = true,
                _ => break,
            }
            at = self.skip_prep(at + 1, &["of"]);
        }
        if let Some(found) = self.days(agg, at) {
            return Some(found);
        }
        let counted = agg == Some(Agg::Count);
        let (of, next) = match &self.items.get(at)?.kind {
            // "how many stores opened": the table alone is counted, whatever follows.
            Kind::Mention(mention)
                if counted
                    && mention.exact_tables().next().is_some()
                    && (!self.is_table(at + 1) || self.is_deed(at + 1)) =>
            {
                (self.spot(at, mention.clone()), at + 1)
            }
            _ => self.name(at)?,
        };
        // "sales amount" where no such column is known: half of it must not pass for the whole.
        if of.mention.exact_tables().next().is_some() && self.is_loose_column(next) {
            return None;
        }
        // "the order count", "number of orders" said the other way round.
        let (agg, next) = match (agg, self.lower(next)) {
            (None | Some(Agg::Sum), "count" | "counts") if of.mention.exact_tables().next().is_some() => {
                (Some(Agg::Count), next + 1)
            }
            _ => (agg, next),
        };
        let agg = if distinct && matches!(agg, None | Some(Agg::Count)) {
            Some(Agg::CountDistinct)
        } else {
            agg
        };
        Some((RawMeasure { agg, of, until: None }, next))
    }

    /// "average number of days between the order date and the delivery date".
    fn days(&self, agg: Option<Agg>, at: usize) -> Option<(RawMeasure, usize)> {
        let agg = agg.filter(|agg| !matches!(agg, Agg::Count | Agg::CountDistinct))?;
        let days = self.word(at) == Some(Word::Grain(Grain::Day)) || self.lower(at) == "time";
        let between = self.skip(at + 1);
        if !days || !(self.word(between) == Some(Word::Between) || self.lower(between) == "from") {
            return None;
        }
        let dated = |spot: &Spot| {
            spot.mention
                .columns
                .iter()
                .any(|(col, _)| self.schema.column(*col).kind.is_date())
        };
        let (of, and) = self.name(between + 1)?;
        let and = self.skip(and);
        if !matches!(self.lower(and), "and" | "to" | "until") {
            return None;
        }
        let (until, next) = self.name(and + 1)?;
        (dated(&of) && dated(&until)).then_some((
            RawMeasure {
                agg: Some(agg),
                of,
                until: Some(Box::new(until)),
            },
            next,
        ))
    }

    pub(super) fn is_table(&self, at: usize) -> bool {
        matches!(self.items.get(at).map(|item| &item.kind), Some(Kind::Mention(mention)) if mention.exact_tables().next().is_some())
    }

    /// Whether a word tells what was done: "ordered", "shipped".
    pub(super) fn is_deed(&self, at: usize) -> bool {
        let first = self.lower(at).split(' ').next();
        first.is_some_and(|word| word.ends_with("ed"))
    }

    /// Whether a deed names a date that only those rows have to which it happened: `cancelled_on` for
    /// "cancelled".
    pub(super) fn is_state(&self, columns: &[(Col, Fit)], at: usize) -> bool {
        self.is_deed(at)
            && !columns.is_empty()
            && columns.iter().all(|(col, _)| {
                let column = self.schema.column(*col);
                let words = self.schema.words(*col);
                column.kind.is_date()
                    && column.nullable
                    && matches!(words, [_, last] if matches!(last.as_str(), "on" | "at" | "date" | "time"))
            })
    }

    /// A column directly behind a table's name that begins no condition.
    pub(super) fn is_loose_column(&self, at: usize) -> bool {
        let Some(Kind::Mention(mention)) = self.items.get(at).map(|item| &item.kind) else {
            return false;
        };
        let columns = || mention.columns.iter().map(|(col, _)| *col);
        let numeric =
            columns().any(|col| self.schema.column(col).kind.is_number() && !self.schema.is_id(col));
        let condition = matches!(
            self.items.get(self.skip(at + 1)).map(|item| &item.kind),
            Some(
                Kind::Word(Word::Compare(_) | Word::Between)
                    | Kind::When(_)
                    | Kind::Number(_)
                    | Kind::Mention(_)
            )
        );
        mention.tables.is_empty() && mention.values.is_empty() && numeric && !condition
    }

    /// The one table of sales or orders, for "sold" and "bought".
    pub(super) fn trade_table(&self, at: usize) -> Option<Spot> {
        let mut tables = (0..self.schema.catalog.tables.len()).filter(|table| {
            matches!(self.schema.table_words[*table].as_slice(), [word] if super::super::lexicon::is_trade(word))
        });
        let table = tables.next()?;
        if tables.next().is_some() {
            return None;
        }
        Some(self.spot(
            at,
            Mention {
                tables: vec![(table, Fit::Exact)],
                ..Mention::default()
            },
        ))
    }

    /// The column of money taken in, as if it had been named.
    pub(super) fn takings(&self, at: usize) -> Option<Spot> {
        let columns = revenue_columns(self.schema);
        if columns.is_empty() {
            return None;
        }
        let mut spot = self.spot(
            at,
            Mention {
                columns,
                ..Mention::default()
            },
        );
        spot.text = "revenue".into();
        spot.lower = "revenue".into();
        Some(spot)
    }

    pub(super) fn spot(&self, at: usize, mention: Mention) -> Spot {
        let item = &self.items[at];
        Spot {
            mention,
            text: item.text.clone(),
            lower: item.lower.clone(),
            start: item.start,
            end: item.end,
            beside: Vec::new(),
        }
    }
}
