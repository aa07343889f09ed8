//! What the question asks for, before names are decided: a walk over the linked words that gives each a role.
//! Words without a role are remembered; with one of them left the question is not read.

use super::dates::Span;
use super::lexicon::{Compare, Dir, Grain, Superlative, Word};
use super::link::{Fit, Item, Kind, Mention};
use super::schema::{Col, Schema};

/// How rows become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agg {
    Count,
    CountDistinct,
    Sum,
    Average,
    Min,
    Max,
}

/// Something to compute.
#[derive(Debug, Clone)]
pub struct RawMeasure {
    /// None where the question did not say ("revenue by month").
    pub agg: Option<Agg>,
    pub of: Spot,
}

/// A mention with its place in the question.
#[derive(Debug, Clone)]
pub struct Spot {
    pub mention: Mention,
    pub text: String,
    pub lower: String,
    /// Byte range in the question, for rephrasing.
    pub start: usize,
    pub end: usize,
    /// Tables named before it in the same noun: "*customer* orders".
    pub beside: Vec<Spot>,
}

#[derive(Debug, Clone)]
pub enum RawGroup {
    Name(Spot),
    Period(Grain),
}

#[derive(Debug, Clone)]
pub enum RankBy {
    /// "top 5 products": by what is still to come.
    Open,
    Measure(RawMeasure),
    Adjective(&'static Superlative),
    /// "largest order": whatever measures size.
    Size,
    /// "best selling"
    Selling,
}

#[derive(Debug, Clone)]
pub struct RawRank {
    pub limit: Option<u64>,
    pub dir: Dir,
    pub by: RankBy,
}

#[derive(Debug, Clone)]
pub enum Test {
    Values(Vec<(Col, String)>),
    /// A text that is not among the known values.
    Text(String),
    Compare(Compare, f64),
    Between(f64, f64),
    When(Span),
    Null,
    NotNull,
    Starts(String),
    Ends(String),
    Contains(String),
}

#[derive(Debug, Clone)]
pub struct RawFilter {
    pub column: Option<Spot>,
    /// The name the condition stands beside.
    pub near: Option<Spot>,
    pub test: Test,
    pub negated: bool,
    pub text: String,
    pub start: usize,
    pub end: usize,
}

/// "with more than 5 orders", "have never been ordered".
#[derive(Debug, Clone)]
pub struct RawRelated {
    pub of: Spot,
    pub negated: bool,
    pub count: Option<(Compare, f64)>,
}

#[derive(Debug, Clone)]
pub struct RawOrder {
    pub by: Option<RawMeasure>,
    pub dir: Option<Dir>,
}

/// The question, word by word understood.
#[derive(Debug, Default)]
pub struct Frame {
    pub outputs: Vec<Spot>,
    pub measures: Vec<RawMeasure>,
    pub groups: Vec<RawGroup>,
    pub rank: Option<RawRank>,
    pub filters: Vec<RawFilter>,
    pub related: Vec<RawRelated>,
    /// Tables that were only named: "orders of *customers* in Berlin".
    pub anchors: Vec<Spot>,
    pub order: Vec<RawOrder>,
    pub distinct: bool,
    /// How many of the outputs belong to the first sentence; later ones only say what to show as well.
    pub main_outputs: Option<usize>,
    /// The subject stood in the plural: "which stores".
    pub plural: bool,
    /// Words that no rule could use.
    pub unread: Vec<Unread>,
}

/// A word without a role.
#[derive(Debug, Clone)]
pub struct Unread {
    pub text: String,
    pub stem: String,
}

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
    /// A preposition stands directly before.
    prep: Option<&'b str>,
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
        prep: None,
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
    walk.frame
}

impl<'b> Walk<'_, 'b> {
    fn unread(&mut self, at: usize) {
        let item = &self.items[at];
        self.frame.unread.push(Unread {
            text: item.text.clone(),
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

    fn spot(&self, at: usize, mention: Mention) -> Spot {
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

    /// A name at `at` (filling skipped), with "of the customers" or a table before it taken into account.
    fn name(&self, at: usize) -> Option<(Spot, usize)> {
        let (spot, next) = self.whole_name(at)?;
        // "email address", "phone number", "zip code": the second word adds nothing.
        let tail = matches!(
            (self.lower(next.saturating_sub(1)), self.lower(next)),
            ("email" | "e-mail" | "mail", "address" | "addresses")
                | ("phone" | "telephone" | "mobile", "number" | "numbers")
                | ("zip" | "postal", "code" | "codes")
        );
        Some((spot, if tail { next + 1 } else { next }))
    }

    fn whole_name(&self, at: usize) -> Option<(Spot, usize)> {
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
                if !within.is_empty() && !is_table {
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
    fn measure(&self, at: usize) -> Option<(RawMeasure, usize)> {
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
                Some(Word::Max) if agg.is_none() => agg = Some(Agg::Max),
                Some(Word::Min) if agg.is_none() => agg = Some(Agg::Min),
                Some(Word::Distinct) => distinct = true,
                _ => break,
            }
            at = self.skip_prep(at + 1, &["of"]);
        }
        let counted = agg == Some(Agg::Count);
        let (of, next) = match &self.items.get(at)?.kind {
            // "how many stores opened": the table alone is counted, whatever follows.
            Kind::Mention(mention) if counted && mention.exact_tables().next().is_some() => {
                (self.spot(at, mention.clone()), at + 1)
            }
            _ => self.name(at)?,
        };
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
        Some((RawMeasure { agg, of }, next))
    }

    fn is_table(&self, at: usize) -> bool {
        matches!(self.items.get(at).map(|item| &item.kind), Some(Kind::Mention(mention)) if mention.exact_tables().next().is_some())
    }

    /// A column directly behind a table's name that begins no condition.
    fn is_loose_column(&self, at: usize) -> bool {
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

    fn add_filter(&mut self, column: Option<Spot>, test: Test, at: usize, end: usize) {
        let (first, last) = (&self.items[at], &self.items[end.max(at + 1) - 1]);
        let filter = RawFilter {
            column,
            near: self.near.clone(),
            test,
            negated: std::mem::take(&mut self.negate),
            text: last.text.clone(),
            start: first.start,
            end: last.end,
        };
        self.frame.filters.push(filter);
        self.role = Role::Filter;
        self.prep = None;
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
            Kind::Quoted(text) => {
                // Beside a name it is a value of that thing; alone it cannot be placed.
                let column = self.near.clone()?;
                self.add_filter(Some(column), Test::Text(text.clone()), at, at + 1);
                Some(at + 1)
            }
            Kind::Number(_) => self.number_first(at),
            Kind::Mention(mention) => self.mention(mention, at, prep),
            Kind::Unknown => {
                // "ordered from highest to lowest"
                let directed = matches!(
                    self.word(at + 1),
                    Some(Word::Descending | Word::Ascending | Word::Alphabetically)
                );
                (directed
                    && matches!(
                        self.lower(at),
                        "ordered" | "sorted" | "ranked" | "listed" | "arranged"
                    ))
                .then_some(at + 1)
            }
        }
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
            Word::HowMany | Word::NumberOf | Word::Average | Word::Max | Word::Min | Word::HowMuch => {
                let (measure, next) = self.measure(at)?;
                self.take_measure(measure);
                Some(next)
            }
            Word::Sum => match self.measure(at) {
                Some((measure, next)) => {
                    self.take_measure(measure);
                    Some(next)
                }
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
                None
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
            Word::Highest(dir) => self.highest(dir, at, None),
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
            Word::Compare(compare) => self.compare_first(compare, at),
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
            Word::Null
            | Word::Starts
            | Word::Ends
            | Word::Contains
            | Word::Than
            | Word::Or
            | Word::Percent => None,
        }
    }

    fn skip_money(&self, mut at: usize) -> usize {
        while matches!(self.word(at), Some(Word::Money | Word::Filler)) {
            at += 1;
        }
        at
    }

    fn take_measure(&mut self, measure: RawMeasure) {
        self.role = Role::Measure(measure.agg);
        self.near = Some(measure.of.clone());
        self.frame.measures.push(measure);
    }

    /// The one table of sales or orders, for "sold" and "bought".
    fn trade_table(&self, at: usize) -> Option<Spot> {
        let mut tables = (0..self.schema.catalog.tables.len()).filter(|table| {
            matches!(self.schema.table_words[*table].as_slice(), [word] if super::lexicon::is_trade(word))
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

    fn output(&mut self, spot: Spot) {
        if self.frame.outputs.is_empty() {
            self.frame.plural = spot.lower.ends_with('s') || spot.lower == "people";
        }
        self.near = Some(spot.clone());
        self.frame.outputs.push(spot);
        self.role = Role::Output;
    }

    /// What comes after "each", "per".
    fn group(&mut self, at: usize) -> Option<usize> {
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
    fn by(&mut self, at: usize) -> Option<usize> {
        let open = matches!(self.frame.rank, Some(RawRank { by: RankBy::Open, .. }));
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
        self.group(at + 1)
    }

    fn top(&mut self, dir: Dir, at: usize) -> Option<usize> {
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

    /// "… products": the thing that is ranked.
    fn ranked_subject(&mut self, at: usize, by: RankBy, dir: Dir, limit: Option<u64>) -> Option<usize> {
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

    fn rank_by(&mut self, by: RankBy, dir: Dir, limit: Option<u64>) {
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
    fn highest(&mut self, dir: Dir, at: usize, limit: Option<u64>) -> Option<usize> {
        let (measure, next) = self.measure(at + 1)?;
        let is_table = measure.of.mention.exact_tables().next().is_some();
        if is_table && measure.agg.is_none() {
            return self.ranked_subject(at + 1, RankBy::Size, dir, limit);
        }
        let open = matches!(self.frame.rank, Some(RawRank { by: RankBy::Open, .. }));
        if open || !self.frame.outputs.is_empty() {
            self.rank_by(RankBy::Measure(measure), dir, limit);
            return Some(next);
        }
        if measure.agg.is_some() {
            return None;
        }
        let agg = if dir == Dir::Down { Agg::Max } else { Agg::Min };
        self.take_measure(RawMeasure {
            agg: Some(agg),
            of: measure.of,
        });
        Some(next)
    }

    fn order_by(&mut self, at: usize) -> Option<usize> {
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

    /// A table that must have, or must not have, rows that belong to the subject.
    fn related(&mut self, at: usize, negated: bool) -> Option<usize> {
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

    fn without(&mut self, at: usize) -> Option<usize> {
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

    fn is_boolean(&self, col: Col) -> bool {
        self.schema.column(col).kind == crate::catalog::ColumnKind::Boolean
    }

    /// "more than 5 orders", "under 5 dollars".
    fn compare_first(&mut self, compare: Compare, at: usize) -> Option<usize> {
        let number_at = self.skip_money(at + 1);
        let value = self.number(number_at)?;
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
        if end > number_at + 1 || self.word(number_at.saturating_sub(1)) == Some(Word::Money) {
            self.add_filter(None, Test::Compare(compare, value), at, number_at + 1);
            return Some(end);
        }
        None
    }

    /// A number that no word before it has claimed: "5 most expensive products", "20 or more seats".
    fn number_first(&mut self, at: usize) -> Option<usize> {
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
            _ => {}
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

    fn mention(&mut self, mention: &Mention, at: usize, prep: Option<&'b str>) -> Option<usize> {
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
        let after_and = at > 0 && self.word(self.back(at)) == Some(Word::And);
        match (self.role, prep) {
            (Role::Group, _) if after_and => {
                self.near = Some(spot.clone());
                self.frame.groups.push(RawGroup::Name(spot));
            }
            (Role::Measure(agg), None) if after_and && !is_table && agg != Some(Agg::Count) => {
                self.take_measure(RawMeasure { agg, of: spot });
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
    fn is_relative(&self, at: usize) -> bool {
        at > 0 && matches!(self.items[at - 1].kind, Kind::Mention(_)) && self.lower(at) != "what"
    }

    /// The item before `at`, filling skipped.
    fn back(&self, at: usize) -> usize {
        let mut at = at;
        while at > 0 {
            at -= 1;
            if !matches!(self.word(at), Some(Word::Filler | Word::All)) {
                return at;
            }
        }
        0
    }

    /// A known value, with the names beside it that say what it is a value of: "category Sundaes", "gold tier".
    fn value(&mut self, mention: &Mention, at: usize) -> usize {
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
        let joins = at > 0 && (before == Some(Word::And) || before == Some(Word::Or)) && role == Role::Filter;
        let values = kept.unwrap_or(values);
        if joins
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
    fn condition(&mut self, spot: &Spot, next: usize, at: usize) -> Option<usize> {
        let columns: Vec<Col> = spot.mention.columns.iter().map(|(col, _)| *col).collect();
        if columns.is_empty() {
            // "the author named "X"" and "author "X"" are told by their quotes.
            let after = self.skip_named(next);
            if let Some(Kind::Quoted(text)) = self.items.get(after).map(|item| &item.kind) {
                let text = text.clone();
                self.near = Some(spot.clone());
                self.frame.anchors.push(spot.clone());
                self.add_filter(Some(spot.clone()), Test::Text(text), at, after + 1);
                return Some(after + 1);
            }
            return None;
        }
        let mut after = self.skip(next);
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
            Some(Kind::When(span)) if date => {
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
                let text_at = self.skip_letter(after + 1);
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
                self.negate = negated;
                self.add_filter(Some(spot.clone()), test, at, text_at + 1);
                return Some(text_at + 1);
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

    fn skip_named(&self, at: usize) -> usize {
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

    fn skip_letter(&self, at: usize) -> usize {
        let mut at = self.skip(at);
        while matches!(self.lower(at), "letter" | "letters" | "word") {
            at = self.skip(at + 1);
        }
        at
    }
}
