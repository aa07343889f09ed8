//! From question to answer: one pipeline for every source.

pub mod chart;
pub mod present;
