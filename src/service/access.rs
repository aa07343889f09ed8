//! Which sources (connections and files) somebody may see.
//!
//! A source is open to everybody in its organisation unless it was opened to certain people only; owners and
//! admins see every one. What somebody may not see does not exist for them. This holds for answers too: who
//! lost a source no longer reads what was read from it.

use std::collections::HashSet;
use std::sync::Arc;

use super::accounts::{Identity, Role};
use crate::db::{Conn, source_access};
use crate::error::Result;

/// What one person may see within their organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    hidden: Arc<HashSet<String>>,
}

impl Access {
    /// Of whom the extractors found.
    pub fn of(who: &Identity) -> &Access {
        &who.access
    }

    /// Everything in the organisation.
    pub fn everything() -> Access {
        Access::default()
    }

    /// As it stands in the store now.
    pub fn load(conn: &mut Conn, organization_id: &str, user_id: &str, role: Role) -> Result<Access> {
        if role >= Role::Admin {
            return Ok(Access::everything());
        }
        let hidden = source_access::hidden_from(conn, organization_id, user_id)?;
        Ok(Access {
            hidden: Arc::new(hidden.into_iter().collect()),
        })
    }

    /// About how much memory this takes.
    pub fn bytes(&self) -> usize {
        self.hidden.iter().map(|id| size_of::<String>() + id.len()).sum()
    }

    /// Whether a connection or file of the organisation may be seen.
    pub fn sees(&self, source_id: &str) -> bool {
        !self.hidden.contains(source_id)
    }

    /// Whether every one of these may be seen; `ids` are joined by commas, as answers carry them.
    pub fn sees_all(&self, ids: &str) -> bool {
        self.hidden.is_empty() || ids.split(',').all(|id| self.sees(id))
    }
}
