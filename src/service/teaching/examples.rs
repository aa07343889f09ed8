//! Examples: questions with the queries that answer them, one by one.

use serde::Serialize;
use serde_json::json;

use super::entries::Approve;
use super::{ExampleOrigin, People, PersonRef, Sources, Status, Teaching, check};
use crate::catalog::{Catalog, Dialect};
use crate::db::examples::{self as records, Example};
use crate::db::{Conn, audit};
use crate::error::{Error, Result};
use crate::id;
use crate::service::accounts::Identity;
use crate::translate::example::plain;

/// Files of one example at most.
const MAX_FILES: usize = 50;

/// An example as it is shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ExampleItem {
    pub id: String,
    pub question: String,
    pub query: String,
    pub dialect: String,
    pub connection_id: Option<String>,
    pub file_ids: Vec<String>,
    pub source_names: Vec<String>,
    pub status: Status,
    pub origin: ExampleOrigin,
    /// The answer it was suggested from; only its asker can read that.
    pub answer_id: Option<String>,
    pub created_by: Option<PersonRef>,
    pub created_at: String,
    pub updated_at: String,
    pub approved_by: Option<PersonRef>,
    pub approved_at: Option<String>,
}

/// Which examples to show.
#[derive(Debug, Clone, Default)]
pub struct ExampleFilter {
    pub source_id: Option<String>,
    pub status: Option<Status>,
}

/// An example to be made.
#[derive(Debug, Clone)]
pub struct NewExample {
    pub question: String,
    pub query: String,
    pub connection_id: Option<String>,
    pub file_ids: Vec<String>,
}

/// What is to be another; what is None stays.
#[derive(Debug, Clone, Default)]
pub struct ExampleChange {
    pub question: Option<String>,
    pub query: Option<String>,
    pub approve: Approve,
}

impl Example {
    /// The connection, or the files in their order.
    pub(super) fn source_ids(&self) -> Vec<&str> {
        match &self.connection_id {
            Some(id) => vec![id],
            None => self.file_ids.split(',').collect(),
        }
    }

    pub(super) fn seal(&mut self) {
        self.digest = check::digest(self.source_ids(), &self.question, &self.query);
    }

    pub(super) fn asks_like(&self, other: &Example) -> bool {
        let sorted = |example: &Example| {
            let mut ids: Vec<String> = example.source_ids().into_iter().map(str::to_owned).collect();
            ids.sort_unstable();
            ids
        };
        plain(&self.question) == plain(&other.question) && sorted(self) == sorted(other)
    }
}

impl ExampleItem {
    fn new(example: Example, sources: &Sources, people: &People) -> Result<ExampleItem> {
        let names = example
            .source_ids()
            .iter()
            .filter_map(|id| sources.name(id))
            .collect();
        let file_ids = match example.connection_id {
            Some(_) => Vec::new(),
            None => example.file_ids.split(',').map(str::to_owned).collect(),
        };
        Ok(ExampleItem {
            status: Status::named(&example.status)?,
            origin: ExampleOrigin::named(&example.origin)?,
            created_by: people.of(Some(&example.created_by)),
            created_at: id::iso(example.created_at),
            updated_at: id::iso(example.updated_at),
            approved_by: people.of(example.approved_by.as_deref()),
            approved_at: example.approved_at.map(id::iso),
            id: example.id,
            question: example.question,
            query: example.query,
            dialect: example.dialect,
            connection_id: example.connection_id,
            file_ids,
            source_names: names,
            answer_id: example.answer_id,
        })
    }
}

impl Teaching {
    /// The examples that this person may see, newest first.
    pub async fn examples(&self, who: &Identity, filter: ExampleFilter) -> Result<Vec<ExampleItem>> {
        let who = who.clone();
        self.db
            .read(move |conn| {
                let sources = Sources::load(conn, &who)?;
                let people = People::load(conn, &who.organization_id)?;
                let mut shown = Vec::new();
                for example in records::all(conn, &who.organization_id)? {
                    let ids = example.source_ids();
                    let about = |id: &String| ids.contains(&id.as_str());
                    if !sources.see_all(ids.iter().copied()) || !filter.source_id.as_ref().is_none_or(about) {
                        continue;
                    }
                    let item = ExampleItem::new(example, &sources, &people)?;
                    if filter.status.is_none_or(|status| status == item.status) {
                        shown.push(item);
                    }
                }
                Ok(shown)
            })
            .await
    }

    /// A new example, active at once: a person wrote it. A suggestion of the same becomes it. Errors: `Invalid`
    /// with the guard's sentence, `NotFound` for a source, `Conflict` when the question has an approved query.
    pub async fn add_example(&self, who: &Identity, new: NewExample) -> Result<ExampleItem> {
        let question = check::question(&new.question)?;
        let query = check::query(&new.query)?;
        let dialect = self
            .check_query(who, &query, new.connection_id.as_deref(), &new.file_ids)
            .await?;
        let now = id::now();
        let mut example = Example {
            id: id::new(),
            organization_id: who.organization_id.clone(),
            question,
            query,
            dialect: dialect.name().into(),
            connection_id: new.connection_id,
            file_ids: new.file_ids.join(","),
            digest: String::new(),
            status: Status::Active.name().into(),
            origin: ExampleOrigin::Person.name().into(),
            answer_id: None,
            created_by: who.user_id.clone(),
            created_at: now,
            updated_at: now,
            approved_by: Some(who.user_id.clone()),
            approved_at: Some(now),
        };
        example.seal();
        let deed = who.did("example.created", "example", &example.id, said(&example));
        let who = who.clone();
        self.db
            .write(move |conn| {
                if let Some(there) = records::same(conn, &who.organization_id, &example.digest)?
                    && there.status == Status::Suggested.name()
                {
                    records::delete(conn, &there.id)?;
                }
                room_for(conn, &example)?;
                records::insert(conn, example.clone())?;
                audit::append(conn, &deed)?;
                let (sources, people) = (
                    Sources::load(conn, &who)?,
                    People::load(conn, &who.organization_id)?,
                );
                ExampleItem::new(example, &sources, &people)
            })
            .await
    }

    /// Errors: `NotFound`, `Invalid` with the guard's sentence, `Conflict` when the question has an approved query.
    pub async fn change_example(
        &self,
        who: &Identity,
        id: &str,
        change: ExampleChange,
    ) -> Result<ExampleItem> {
        let mut example = self.example(who, id).await?;
        let before = said(&example);
        if let Some(question) = &change.question {
            example.question = check::question(question)?;
        }
        if let Some(query) = &change.query {
            example.query = check::query(query)?;
        }
        let approved = change.approve == Approve::Yes && example.status != Status::Active.name();
        if change.query.is_some() || approved {
            let files: Vec<String> = match &example.connection_id {
                Some(_) => Vec::new(),
                None => example.file_ids.split(',').map(str::to_owned).collect(),
            };
            self.check_query(who, &example.query, example.connection_id.as_deref(), &files)
                .await?;
        }
        example.updated_at = id::now();
        if approved {
            example.status = Status::Active.name().into();
            example.approved_by = Some(who.user_id.clone());
            example.approved_at = Some(example.updated_at);
        }
        example.seal();
        let action = match approved {
            true => "example.approved",
            false => "example.changed",
        };
        let details = json!({ "from": before, "to": said(&example) });
        let deed = who.did(action, "example", id, details);
        let who = who.clone();
        self.db
            .write(move |conn| {
                // It may have gone meanwhile.
                records::one(conn, &who.organization_id, &example.id).map_err(no_example)?;
                if example.status == Status::Active.name() {
                    room_for(conn, &example)?;
                }
                records::update(conn, &example)?;
                audit::append(conn, &deed)?;
                let (sources, people) = (
                    Sources::load(conn, &who)?,
                    People::load(conn, &who.organization_id)?,
                );
                ExampleItem::new(example, &sources, &people)
            })
            .await
    }

    /// Errors: `NotFound`.
    pub async fn delete_example(&self, who: &Identity, id: &str) -> Result<()> {
        let example = self.example(who, id).await?;
        let deed = who.did("example.deleted", "example", id, said(&example));
        self.db
            .write(move |conn| {
                records::delete(conn, &example.id)?;
                audit::append(conn, &deed)
            })
            .await
    }

    /// Errors: `NotFound`, also for what is about a source that this person may not see.
    async fn example(&self, who: &Identity, id: &str) -> Result<Example> {
        let (who, id) = (who.clone(), id.to_owned());
        self.db
            .read(move |conn| {
                let example = records::one(conn, &who.organization_id, &id)?;
                match Sources::load(conn, &who)?.see_all(example.source_ids()) {
                    true => Ok(example),
                    false => Err(Error::NotFound(String::new())),
                }
            })
            .await
            .map_err(no_example)
    }

    /// Whether a query could run there, and the language it is in. Errors: `Invalid`, `NotFound`.
    async fn check_query(
        &self,
        who: &Identity,
        query: &str,
        connection_id: Option<&str>,
        file_ids: &[String],
    ) -> Result<Dialect> {
        let (dialect, catalog) = self.catalog_of(who, connection_id, file_ids).await?;
        let catalog = catalog.ok_or_else(|| {
            Error::Invalid(
                "The tables of this connection are not known yet, so the query cannot be checked. Start its agent first."
                    .into(),
            )
        })?;
        check::runs(query, &catalog, dialect)?;
        Ok(dialect)
    }

    /// The tables of the sources of an example; None where they are not known yet. Errors: `Invalid`, `NotFound`.
    pub(super) async fn catalog_of(
        &self,
        who: &Identity,
        connection_id: Option<&str>,
        file_ids: &[String],
    ) -> Result<(Dialect, Option<Catalog>)> {
        match (connection_id, file_ids) {
            (Some(id), []) => self.catalog_of_connection(who, id).await,
            (None, [_, ..]) => {
                let twice = file_ids
                    .iter()
                    .enumerate()
                    .any(|(at, id)| file_ids[..at].contains(id));
                if twice || file_ids.len() > MAX_FILES {
                    return Err(Error::Invalid(format!(
                        "An example is about at most {MAX_FILES} files, each named once."
                    )));
                }
                let (dialect, catalog) = self.catalog_of_files(who, file_ids).await?;
                Ok((dialect, Some(catalog)))
            }
            _ => Err(Error::Invalid(
                "Say which connection or which files the query is for.".into(),
            )),
        }
    }
}

/// Errors: `Conflict` when the question has an approved query already, `Invalid` when there are too many.
pub(super) fn room_for(conn: &mut Conn, example: &Example) -> Result<()> {
    let active = Status::Active.name();
    let others: Vec<Example> = records::all(conn, &example.organization_id)?
        .into_iter()
        .filter(|other| other.id != example.id && other.status == active)
        .collect();
    if others.iter().any(|other| other.asks_like(example)) {
        return Err(Error::Conflict(
            "There is an approved query for this question already; change or delete that one.".into(),
        ));
    }
    if i64::try_from(others.len()).unwrap_or(i64::MAX) >= check::MAX_EXAMPLES {
        return Err(full());
    }
    Ok(())
}

/// What the audit log says of an example.
pub(super) fn said(example: &Example) -> serde_json::Value {
    json!({ "question": example.question, "query": example.query, "sources": example.source_ids() })
}

pub(super) fn full() -> Error {
    Error::Invalid(format!(
        "There are {} approved examples, which are the most. Delete some first.",
        check::MAX_EXAMPLES
    ))
}

fn no_example(error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::NotFound("There is no example with this id.".into()),
        other => other,
    }
}
