//! The logical query: everything decided, nothing written yet.

use super::dates::Span;
use super::frame::Agg;
use super::lexicon::{Compare, Dir, Grain};
use super::schema::{Col, Join};

/// One query over a base table and what it joins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The table whose rows are counted, added up or listed.
    pub base: usize,
    /// Joins that never multiply rows of the base (except in [`Plan::once`]), each from a table already there.
    pub joins: Vec<Join>,
    pub filters: Vec<Filter>,
    /// Of each list at least one condition must hold.
    pub any: Vec<Vec<Filter>>,
    pub related: Vec<Related>,
    pub groups: Vec<Group>,
    pub measures: Vec<Measure>,
    /// Figures computed from the measures, shown after them.
    pub figures: Vec<Figure>,
    /// Further queries of one row each, whose only measure a figure takes in.
    pub beside: Vec<Plan>,
    /// What a list shows; empty when there are measures.
    pub outputs: Vec<Col>,
    pub distinct: bool,
    /// Set when a group lies beyond a join that multiplies rows: the key of the base, by which each row is
    /// counted once per group.
    pub once: Option<Vec<Col>>,
    pub having: Vec<(usize, Compare, f64)>,
    pub order: Vec<(Key, Dir)>,
    pub limit: Option<u64>,
    /// How many of the first groups the limit holds within: "the top 3 of each category".
    pub within: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    pub agg: Agg,
    /// None for the count of rows.
    pub column: Option<Col>,
    /// A later date, where whole days from `column` until then are what is measured.
    pub until: Option<Col>,
    /// Only rows that meet all of these.
    pub only: Vec<Filter>,
    /// What the result column is called.
    pub name: String,
    /// Only needed by a figure.
    pub hidden: bool,
}

/// A number made of measures.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub name: String,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Measure(usize),
    /// The measure of [`Plan::beside`].
    Beside(usize),
    Number(f64),
    /// Division gives a fraction, and nothing where the divisor is zero.
    Op(Op, Box<Value>, Box<Value>),
    /// The measure's share of its sum over all groups, from 0 to 1.
    Share(usize),
    /// The measure less that of the period before, within the other groups.
    Change(usize),
    /// That change divided by the measure of the period before.
    Growth(usize),
    /// The sum of the measure up to and with the period, within the other groups.
    Running(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Plus,
    Minus,
    Times,
    Divided,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Group {
    Column(Col),
    /// Rows of a table: told apart by `key`, shown by `label`.
    Entity {
        table: usize,
        key: Vec<Col>,
        label: Vec<Col>,
    },
    Period(Col, Grain),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    pub column: Col,
    pub test: Is,
    pub negated: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Is {
    /// One of these, spelled as in the data.
    OneOf(Vec<String>),
    /// This text whatever its case; its spelling in the data is not known.
    Text(String),
    Compare(Compare, f64),
    /// Against another column of the same row.
    Beside(Compare, Col),
    /// Against a figure over all rows of the column's table.
    Overall(Compare, Agg),
    Between(f64, f64),
    When(Span),
    /// A part of the date: month 1 to 12, weekday 0 (Sunday) to 6, hour 0 to 23.
    Part(Grain, Vec<u32>),
    Null,
    True,
    Starts(String),
    Ends(String),
    Contains(String),
}

/// Rows of other tables that must exist, or must not.
#[derive(Debug, Clone, PartialEq)]
pub struct Related {
    /// From a table of the query to the first of the related ones.
    pub join: Join,
    /// Further joins among the related tables.
    pub joins: Vec<Join>,
    pub filters: Vec<Filter>,
    pub negated: bool,
    /// How many there must be; at least one where not set.
    pub count: Option<(Compare, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Measure(usize),
    Figure(usize),
    Group(usize),
    Column(Col),
}

impl Measure {
    /// A measure over all rows.
    pub fn new(agg: Agg, column: Option<Col>, name: impl Into<String>) -> Measure {
        Measure {
            agg,
            column,
            until: None,
            only: Vec::new(),
            name: name.into(),
            hidden: false,
        }
    }
}

impl Plan {
    /// Whether the result is one row of figures.
    pub fn is_single(&self) -> bool {
        self.groups.is_empty() && (!self.measures.is_empty() || !self.figures.is_empty())
    }

    /// Whether figures are computed at all, rather than rows listed.
    pub fn computes(&self) -> bool {
        !self.measures.is_empty() || !self.figures.is_empty()
    }
}
