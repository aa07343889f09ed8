//! What people teach: terms, metrics, descriptions of tables and columns, and questions with the queries that
//! answer them. Everybody of the organisation reads it, as far as they may see the source it is about; only what
//! a person approved is ever used.
//!
//! One file for each concern below this one; all of them are functions of [`Teaching`].

mod apply;
mod check;
mod document;
mod entries;
mod examples;
mod exchange;
mod feedback;
mod suggest;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

pub use self::document::Document;
pub use self::entries::{Approve, EntryChange, EntryFilter, GlossaryItem, NewEntry};
pub use self::examples::{ExampleChange, ExampleFilter, ExampleItem, NewExample};
pub use self::exchange::{Imported, Others};
pub use self::feedback::{FeedbackItem, Verdict};
use super::access::Access;
use super::accounts::Identity;
use super::connections::Connections;
use super::files::Files;
use crate::catalog::{Catalog, Dialect};
use crate::db::{Conn, Db, connections, files, users};
use crate::error::{Error, Result};
use crate::source::Kind;

/// What people taught. Cheap to clone.
#[derive(Clone)]
pub struct Teaching {
    db: Db,
    connections: Connections,
    files: Files,
}

/// What an entry of the glossary is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A word and what it means.
    Term,
    /// A figure and the expression that computes it.
    Metric,
    /// A table and what its rows are.
    Table,
    /// A column and what it holds.
    Column,
}

/// Whether something is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A person approved it.
    Active,
    /// It came up in use and waits for a person.
    Suggested,
}

/// Where something comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryOrigin {
    Person,
    Import,
    /// What somebody wrote about an answer.
    Use,
}

/// Where an example comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExampleOrigin {
    Person,
    Import,
    /// An answer that somebody called right.
    Liked,
    /// A query that somebody wrote for a question.
    Edited,
}

/// Somebody of the organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PersonRef {
    pub id: String,
    pub name: String,
}

/// The words under which these stand in the store.
macro_rules! stored {
    ($($name:ident { $($variant:ident: $word:literal),+ })+) => {$(
        impl $name {
            /// As it stands in the store and in the API.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            fn named(word: &str) -> Result<$name> {
                match word {
                    $($word => Ok($name::$variant),)+
                    other => Err(Error::internal(format!("unknown {} \"{other}\"", stringify!($name)))),
                }
            }
        }
    )+};
}

stored! {
    EntryKind { Term: "term", Metric: "metric", Table: "table", Column: "column" }
    Status { Active: "active", Suggested: "suggested" }
    EntryOrigin { Person: "person", Import: "import", Use: "use" }
    ExampleOrigin { Person: "person", Import: "import", Liked: "liked", Edited: "edited" }
}

/// Connections and files by id: those that somebody may see.
struct Sources(BTreeMap<String, SourceName>);

struct SourceName {
    name: String,
    /// None for a file.
    kind: Option<Kind>,
}

impl Sources {
    fn load(conn: &mut Conn, who: &Identity) -> Result<Sources> {
        let mut all = BTreeMap::new();
        for (id, name, db_type) in connections::names(conn, &who.organization_id)? {
            let kind = Some(Kind::named(&db_type)?);
            all.insert(id, SourceName { name, kind });
        }
        for (id, name) in files::names(conn, &who.organization_id)? {
            all.insert(id, SourceName { name, kind: None });
        }
        all.retain(|id, _| Access::of(who).sees(id));
        Ok(Sources(all))
    }

    fn name(&self, id: &str) -> Option<String> {
        self.0.get(id).map(|source| source.name.clone())
    }

    /// Whether what is about these may be shown.
    fn see_all<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> bool {
        ids.into_iter().all(|id| self.0.contains_key(id))
    }
}

/// People of the organisation by id.
struct People(HashMap<String, String>);

impl People {
    fn load(conn: &mut Conn, organization_id: &str) -> Result<People> {
        let members = users::members(conn, organization_id)?;
        Ok(People(
            members.into_iter().map(|user| (user.id, user.name)).collect(),
        ))
    }

    fn of(&self, id: Option<&str>) -> Option<PersonRef> {
        let id = id?;
        self.0.get(id).map(|name| PersonRef {
            id: id.to_owned(),
            name: name.clone(),
        })
    }
}

impl Teaching {
    pub fn new(db: Db, connections: Connections, files: Files) -> Teaching {
        Teaching {
            db,
            connections,
            files,
        }
    }

    /// The tables of a connection as they were last seen; None before its agent has told. Errors: `NotFound`.
    async fn catalog_of_connection(&self, who: &Identity, id: &str) -> Result<(Dialect, Option<Catalog>)> {
        let connection = self.connections.get(who, id).await.map_err(no_source)?;
        let (discovered, catalog) = self.connections.schema(who, id).await.map_err(no_source)?;
        Ok((connection.kind.dialect(), discovered.map(|_| catalog)))
    }

    /// The tables of files asked together. Errors: `NotFound`.
    async fn catalog_of_files(&self, who: &Identity, ids: &[String]) -> Result<(Dialect, Catalog)> {
        let candidate = self.files.candidate(who, Some(ids)).await.map_err(no_source)?;
        let candidate = candidate.ok_or_else(|| no_source(Error::NotFound(String::new())))?;
        let catalog = candidate.source.catalog().await?;
        Ok((candidate.source.dialect(), Catalog::clone(&catalog)))
    }
}

fn no_source(error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::NotFound("There is no connection and no file with this id.".into()),
        other => other,
    }
}
