//! Is this query allowed? The first of the four read-only layers. What comes out is the re-serialised tree,
//! never the text that went in.

pub mod names;
pub mod sql;
