//! Is this query allowed? The first of the four read-only layers. What comes out is the re-serialised tree,
//! never the text that went in.

mod dialect;
mod functions;
pub mod names;
pub mod sql;
mod syntax;
