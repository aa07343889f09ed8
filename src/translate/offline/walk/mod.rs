//! A walk over the linked words that gives each a role. Words without a role are remembered; with one of
//! them left the question is not read.

mod conditions;
mod names;
mod roles;

use super::frame::{Agg, Frame, RankBy, RawGroup, RawMeasure, RawOrder, Spot, Test, Unread};
use super::lexicon::{self, Dir, Word};
use super::link::{Item, Kind};
use super::schema::Schema;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Role {
    None,
    Output,
    Group,
    Measure(Option<Agg>),
    Filter,
    Anchor,
}

struct Walk<'a, 'b> {
    items: &'b [Item],
    schema: &'b Schema<'a>,
    frame: Frame,
    role: Role,
    /// The last name that a condition may belong to.
    near: Option<Spot>,
    negate: bool,
    /// "or" stands before: the next condition is an alternative.
    or: bool,
    /// "both" was said: conditions on related rows are about different ones.
    both: bool,
    /// A number that stood before what is asked for, and where it stood.
    limit: Option<(usize, u64)>,
    /// A preposition stands directly before.
    prep: Option<&'b str>,
    /// What is asked for are periods: "which month".
    periods: bool,
    stems: Vec<String>,
}

/// Reads the items into a frame.
pub fn read(items: &[Item], stems: Vec<String>, schema: &Schema<'_>) -> Frame {
    let mut walk = Walk {
        items,
        schema,
        frame: Frame::default(),
        role: Role::None,
        near: None,
        negate: false,
        or: false,
        both: false,
        limit: None,
        prep: None,
        periods: false,
        stems,
    };
    let mut at = 0;
    while at < items.len() {
        let next = walk.step(at);
        at = match next {
            Some(next) => next,
            None => {
                walk.unread(at);
                at + 1
            }
        };
    }
    // "5 products" that nothing ranks: which five is not said.
    if let Some((at, _)) = walk.limit {
        walk.unread(at);
    }
    walk.one_of_them();
    if walk.or {
        walk.frame.unread.push(Unread {
            text: "or".into(),
            stem: "or".into(),
        });
    }
    walk.frame
}

impl<'b> Walk<'_, 'b> {
    /// "which of the stores has the most seats": the verb says that one is wanted.
    fn one_of_them(&mut self) {
        let Some(rank) = &mut self.frame.rank else {
            return;
        };
        let of = self.items.windows(2).any(|pair| {
            matches!(pair[0].kind, Kind::Word(Word::Which))
                && (pair[0].lower.ends_with(" of") || pair[1].lower == "of")
        });
        let singular = self
            .items
            .iter()
            .any(|item| matches!(item.lower.as_str(), "has" | "is" | "was" | "does"));
        if rank.limit.is_none() && of && singular {
            rank.limit = Some(1);
        }
    }

    fn unread(&mut self, at: usize) {
        let item = &self.items[at];
        let text = if item.text.is_empty() {
            self.items
                .get(at + 1)
                .map_or(String::new(), |next| next.text.clone())
        } else {
            item.text.clone()
        };
        self.frame.unread.push(Unread {
            text,
            stem: self.stems.get(item.first).cloned().unwrap_or_default(),
        });
    }

    fn word(&self, at: usize) -> Option<Word> {
        match self.items.get(at)?.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    fn lower(&self, at: usize) -> &'b str {
        self.items.get(at).map_or("", |item| item.lower.as_str())
    }

    fn number(&self, at: usize) -> Option<f64> {
        match self.items.get(at)?.kind {
            Kind::Number(n) => Some(n),
            _ => None,
        }
    }

    /// The first item from `at` that is not filling.
    fn skip(&self, mut at: usize) -> usize {
        while matches!(self.word(at), Some(Word::Filler | Word::All))
            && !matches!(self.lower(at), "." | "?" | "!")
        {
            at += 1;
        }
        at
    }

    fn skip_verbs(&self, mut at: usize) -> usize {
        while matches!(self.word(at), Some(Word::Filler | Word::All | Word::Verb))
            && !matches!(self.lower(at), "." | "?" | "!")
        {
            at += 1;
        }
        at
    }

    fn skip_prep(&self, at: usize, preps: &[&str]) -> usize {
        let at = self.skip(at);
        if self.word(at) == Some(Word::Prep) && preps.contains(&self.lower(at)) {
            self.skip(at + 1)
        } else {
            at
        }
    }

    fn step(&mut self, at: usize) -> Option<usize> {
        let prep = self.prep.take();
        let items = self.items;
        match &items[at].kind {
            Kind::Word(word) => self.keyword(*word, at),
            Kind::When(span) => {
                self.add_filter(None, Test::When(span.clone()), at, at + 1);
                Some(at + 1)
            }
            Kind::Part(grain, numbers) => {
                self.add_filter(None, Test::Part(*grain, numbers.clone()), at, at + 1);
                Some(at + 1)
            }
            Kind::Quoted(text) => {
                // Beside a name it is a value of that thing; alone it cannot be placed.
                let column = self.near.clone()?;
                self.add_filter(Some(column), Test::Text(text.clone()), at, at + 1);
                Some(at + 1)
            }
            Kind::Number(_) => self.number_first(at),
            Kind::Mention(_) if self.is_directed(at) => Some(at + 1),
            Kind::Mention(mention) => self.mention(mention, at, prep),
            Kind::Unknown if self.lower(at) == "count" && self.frame.is_blank() => {
                // "count the customers in Oslo"
                let (mut measure, next) = self.measure(at + 1)?;
                measure.agg = measure.agg.or(Some(Agg::Count));
                Some(self.figure(measure, next))
            }
            Kind::Unknown if matches!(self.lower(at), "once" | "twice") => self.number_first(at),
            Kind::Unknown => self.is_directed(at).then_some(at + 1),
        }
    }

    /// "ordered from highest to lowest"
    fn is_directed(&self, at: usize) -> bool {
        matches!(
            self.lower(at),
            "ordered" | "sorted" | "ranked" | "listed" | "arranged"
        ) && matches!(
            self.word(at + 1),
            Some(Word::Descending | Word::Ascending | Word::Alphabetically)
        )
    }

    fn keyword(&mut self, word: Word, at: usize) -> Option<usize> {
        match word {
            Word::Filler => {
                if matches!(self.lower(at), "." | "?" | "!" | ";") {
                    self.role = Role::None;
                    self.frame.main_outputs.get_or_insert(self.frame.outputs.len());
                }
                Some(at + 1)
            }
            Word::Verb | Word::All | Word::Relative | Word::Possessive | Word::Money | Word::Unit => {
                Some(at + 1)
            }
            Word::Which if self.is_relative(at) => Some(at + 1),
            Word::Which | Word::List => {
                self.role = Role::None;
                Some(at + 1)
            }
            Word::Prep => {
                self.prep = Some(self.lower(at));
                Some(at + 1)
            }
            Word::And => Some(at + 1),
            // "customers in Oslo, how many?"
            Word::HowMany if self.skip(at + 1) + 1 >= self.items.len() && self.counts_output() => {
                Some(at + 1)
            }
            // "what rating do orders get on average", "on average, what is …"
            Word::Average if self.lower(at) == "on average" && self.measure(at).is_none() => {
                self.frame.averaged = true;
                Some(at + 1)
            }
            Word::HowMany
            | Word::NumberOf
            | Word::Average
            | Word::Median
            | Word::Max
            | Word::Min
            | Word::HowMuch => {
                let (measure, next) = self.measure(at)?;
                // "the store with the maximum seats": it ranks the stores.
                if matches!(word, Word::Max | Word::Min)
                    && self.lower(self.back(at)) == "with"
                    && !self.frame.outputs.is_empty()
                    && self.frame.rank.is_none()
                    && self.frame.measures.is_empty()
                {
                    let dir = if word == Word::Max { Dir::Down } else { Dir::Up };
                    let measure = RawMeasure { agg: None, ..measure };
                    self.rank_by(RankBy::Measure(measure), dir, None);
                    return Some(next);
                }
                Some(self.figure(measure, next))
            }
            Word::Figure => {
                let (measure, next) = self.measure(at + 1)?;
                self.take_measure(measure);
                Some(next)
            }
            Word::Change(change) => self.change(change, at),
            Word::Both => {
                self.both = true;
                Some(at + 1)
            }
            Word::Comparative(dir) => {
                self.frame.compares = true;
                self.highest(dir, at, Some(1))
            }
            Word::Longer(adjective) if self.word(self.skip(at + 1)) == Some(Word::Than) => {
                self.beyond(adjective, at, self.skip(at + 1))
            }
            Word::Longer(adjective) => {
                self.frame.compares = true;
                self.ranked_subject(at + 1, RankBy::Adjective(adjective), adjective.dir, Some(1))
            }
            Word::Times => {
                self.frame.times = true;
                self.role = Role::Measure(Some(Agg::Count));
                Some(at + 1)
            }
            Word::Who if self.is_relative(at) => Some(at + 1),
            Word::Who => {
                self.role = Role::None;
                self.frame.who = true;
                Some(at + 1)
            }
            // Only an alternative to a condition can be read.
            Word::Or if self.role == Role::Filter || self.ends_filter(at) => {
                self.or = true;
                Some(at + 1)
            }
            Word::Sum => match self.measure(at) {
                Some((measure, next)) => Some(self.figure(measure, next)),
                // "in total"
                None if self.skip(at + 1) >= self.items.len()
                    || !matches!(self.items[self.skip(at + 1)].kind, Kind::Unknown) =>
                {
                    Some(at + 1)
                }
                None => None,
            },
            Word::Distinct => {
                let (spot, next) = self.name(at + 1)?;
                self.frame.distinct = true;
                self.output(spot);
                Some(next)
            }
            // "show every product"
            Word::Each if self.lists_all(at) => Some(at + 1),
            Word::Each => self.group(at + 1),
            Word::By => self.by(at),
            Word::Grained(grain) => {
                self.frame.groups.push(RawGroup::Period(grain));
                Some(at + 1)
            }
            Word::Grain(grain) => {
                if self.role == Role::Group {
                    self.frame.groups.push(RawGroup::Period(grain));
                    return Some(at + 1);
                }
                // "which month had the highest revenue"
                let asked = at > 0 && matches!(self.word(self.back(at)), Some(Word::Which | Word::List));
                asked.then(|| self.ask_for_periods(grain, at)).flatten()
            }
            Word::Top(dir) => self.top(dir, at),
            Word::Selling(dir) => self.ranked_subject(at + 1, RankBy::Selling, dir, None),
            Word::Adjective(adjective) => {
                self.ranked_subject(at + 1, RankBy::Adjective(adjective), adjective.dir, None)
            }
            Word::Most(dir) => {
                let (mut measure, next) = self.measure(at + 1)?;
                if measure.agg.is_none()
                    && (measure.of.mention.exact_tables().next().is_some() || self.lower(at).ends_with(" of"))
                {
                    measure.agg = Some(Agg::Count);
                }
                self.rank_by(RankBy::Measure(measure), dir, None);
                Some(next)
            }
            // "which customers spent the most"
            Word::Spent(dir) if !self.frame.outputs.is_empty() && self.frame.measures.is_empty() => {
                let measure = RawMeasure {
                    agg: Some(Agg::Sum),
                    of: self.takings(at)?,
                    until: None,
                };
                self.rank_by(RankBy::Measure(measure), dir, None);
                Some(at + 1)
            }
            Word::Spent(_) => None,
            Word::Highest(dir) => self
                .highest(dir, at, None)
                .or_else(|| self.highest_of_all(dir, at)),
            Word::OrderBy => self.order_by(at),
            Word::Descending | Word::Ascending => {
                let dir = if word == Word::Descending {
                    Dir::Down
                } else {
                    Dir::Up
                };
                match self.frame.order.last_mut() {
                    Some(order) => order.dir = Some(dir),
                    None => self.frame.order.push(RawOrder {
                        by: None,
                        dir: Some(dir),
                    }),
                }
                Some(at + 1)
            }
            Word::Alphabetically => {
                self.frame.order.push(RawOrder { by: None, dir: None });
                Some(at + 1)
            }
            Word::Not => {
                let next = self.skip_verbs(at + 1);
                // "have not been ordered", "did not order"
                if (next > at + 1 || self.word(next) == Some(Word::Trade))
                    && let Some(end) = self.related(next, true)
                {
                    return Some(end);
                }
                if self.word(next) == Some(Word::Null) {
                    return None;
                }
                self.negate = true;
                Some(at + 1)
            }
            Word::Never => self.related(self.skip_verbs(at + 1), true),
            Word::Without => self.without(at + 1),
            Word::Compare(compare) => lexicon::beyond(self.lower(at))
                .and_then(|adjective| self.beyond(adjective, at, at))
                .or_else(|| self.compare_first(compare, at)),
            Word::Between => {
                let from = self.number(self.skip_money(at + 1))?;
                let and = self.skip_money(at + 1) + 1;
                let and = self.skip_money(and);
                let to_at = self.skip_money(and + 1);
                let to = self.number(to_at).filter(|_| self.lower(and) == "and")?;
                let end = self.skip_money(to_at + 1);
                let (column, next) = self
                    .name(end)
                    .filter(|(spot, _)| !spot.mention.columns.is_empty())?;
                self.add_filter(Some(column), Test::Between(from, to), at, to_at + 1);
                Some(next)
            }
            Word::Trade => {
                let spot = self.trade_table(at)?;
                self.near = Some(spot.clone());
                self.frame.anchors.push(spot);
                Some(at + 1)
            }
            Word::Starts | Word::Ends | Word::Contains => self.again(word, at),
            Word::Null
            | Word::Than
            | Word::Or
            | Word::Part(_)
            | Word::Percent
            | Word::Versus
            | Word::Compared
            | Word::Grow => None,
        }
    }

    fn skip_money(&self, mut at: usize) -> usize {
        while matches!(self.word(at), Some(Word::Money | Word::Filler)) {
            at += 1;
        }
        at
    }
}
