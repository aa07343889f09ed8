//! What a question asks for, before names are decided.

use super::dates::Span;
use super::lexicon::{Change, Compare, Dir, Grain, Superlative};
use super::link::Mention;
use super::schema::Col;

/// How rows become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agg {
    Count,
    CountDistinct,
    Sum,
    Average,
    Median,
    Min,
    Max,
}

/// Something to compute.
#[derive(Debug, Clone)]
pub struct RawMeasure {
    /// None where the question did not say ("revenue by month").
    pub agg: Option<Agg>,
    pub of: Spot,
    /// A later date: the days from `of` until then are measured.
    pub until: Option<Box<Spot>>,
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
    /// Against another column of the same row.
    Beside(Compare, Spot),
    /// "above the average"
    Overall(Compare, Agg),
    Between(f64, f64),
    When(Span),
    /// "in March", "on Mondays"
    Part(Grain, Vec<u32>),
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
    /// It holds, or the one before does.
    pub or: bool,
    /// "both": it holds of other rows than its neighbour.
    pub apart: bool,
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
    /// Conditions on figures: "with an average rating above 4".
    pub having: Vec<(RawMeasure, Compare, f64)>,
    /// The change against the period before is asked for.
    pub change: Option<Change>,
    pub order: Vec<RawOrder>,
    pub distinct: bool,
    /// Two that are named are compared.
    pub compares: bool,
    /// Rows are counted, whatever they are called: "how many times".
    pub times: bool,
    /// "on average", said apart from what it belongs to.
    pub averaged: bool,
    /// "who" without a noun.
    pub who: bool,
    /// How many of the outputs belong to the first sentence; later ones only say what to show as well.
    pub main_outputs: Option<usize>,
    /// The subject stood in the plural: "which stores".
    pub plural: bool,
    /// Words that no rule could use.
    pub unread: Vec<Unread>,
}

impl Frame {
    /// Whether nothing was asked for yet.
    pub fn is_blank(&self) -> bool {
        self.outputs.is_empty() && self.measures.is_empty() && self.rank.is_none()
    }
}

/// A word without a role.
#[derive(Debug, Clone)]
pub struct Unread {
    pub text: String,
    pub stem: String,
}
