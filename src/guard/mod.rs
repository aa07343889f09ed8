//! Is this query allowed? The first of the four read-only layers. What comes out is the re-serialised tree,
//! never the text that went in.

mod dialect;
pub mod functions;
pub mod mongo;
pub mod names;
pub mod pin;
pub mod policy;
pub mod sql;
mod stack;
mod syntax;

use crate::catalog::{Catalog, Dialect};
use crate::error::Result;
pub use names::Resolved;
pub use policy::Policy;

/// The whole guard: parses `query`, lets only a single read-only query through, and looks up every name in
/// the catalog. Errors: `Refused` naming what is not allowed; `Source` of kind `Syntax` for what does not
/// parse, of kind `Name`, with the nearest real names, for what the catalog does not know.
pub fn check(query: &str, catalog: &Catalog, dialect: Dialect) -> Result<Resolved> {
    match dialect {
        Dialect::Mongodb => mongo::check(query, catalog),
        Dialect::Postgresql | Dialect::Datafusion | Dialect::Mysql | Dialect::Sqlite => {
            names::resolve(sql::check(query, dialect)?, catalog, dialect)
        }
    }
}

/// The same under an agent's policy; `catalog` is what [`Policy::catalog`] left of the source's.
pub fn check_under(policy: &Policy, query: &str, catalog: &Catalog, dialect: Dialect) -> Result<Resolved> {
    match dialect {
        Dialect::Postgresql | Dialect::Datafusion | Dialect::Mysql | Dialect::Sqlite => {
            names::resolve_under(Some(policy), sql::check(query, dialect)?, catalog, dialect)
        }
        Dialect::Mongodb => mongo::check_under(policy, query, catalog),
    }
}
