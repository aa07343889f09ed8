//! Is this query allowed? The first of the four read-only layers. What comes out is the re-serialised tree,
//! never the text that went in.

mod dialect;
mod functions;
pub mod mongo;
pub mod names;
pub mod sql;
mod syntax;

use crate::catalog::{Catalog, Dialect};
use crate::error::Result;
pub use names::Resolved;

/// The whole guard: parses `query`, lets only a single read-only query through, and looks up every name in
/// the catalog. Errors: `Refused` naming what is not allowed; `Source` of kind `Syntax` for what does not
/// parse, of kind `Name`, with the nearest real names, for what the catalog does not know.
pub fn check(query: &str, catalog: &Catalog, dialect: Dialect) -> Result<Resolved> {
    match dialect {
        Dialect::Mongodb => mongo::check(query, catalog),
        Dialect::Postgresql | Dialect::Datafusion => {
            names::resolve(sql::check(query, dialect)?, catalog, dialect)
        }
    }
}
