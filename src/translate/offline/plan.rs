//! The logical query: everything decided, nothing written yet.

use super::dates::Span;
use super::frame::Agg;
use super::lexicon::{Compare, Dir, Grain};
use super::schema::{Col, Join};

/// One query over a base table and what it joins.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The table whose rows are counted, added up or listed.
    pub base: usize,
    /// Joins that never multiply rows of the base (except in [`Plan::once`]), each from a table already there.
    pub joins: Vec<Join>,
    pub filters: Vec<Filter>,
    pub related: Vec<Related>,
    pub groups: Vec<Group>,
    pub measures: Vec<Measure>,
    /// What a list shows; empty when there are measures.
    pub outputs: Vec<Col>,
    pub distinct: bool,
    /// Set when a group lies beyond a join that multiplies rows: the key of the base, by which each row is
    /// counted once per group.
    pub once: Option<Vec<Col>>,
    pub having: Vec<(usize, Compare, f64)>,
    pub order: Vec<(Key, Dir)>,
    pub limit: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    pub agg: Agg,
    /// None for the count of rows.
    pub column: Option<Col>,
    /// What the result column is called.
    pub name: String,
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
    Between(f64, f64),
    When(Span),
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
    Group(usize),
    Column(Col),
}
