//! The glossary: terms, metrics, descriptions of tables and columns, one by one.

use serde::Serialize;
use serde_json::json;

use super::{EntryKind, EntryOrigin, People, PersonRef, Sources, Status, Teaching, check, no_source};
use crate::db::glossary::{self as records, Entry};
use crate::db::{Conn, audit};
use crate::error::{Error, Result};
use crate::id;
use crate::service::accounts::Identity;

/// An entry as it is shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct GlossaryItem {
    pub id: String,
    pub kind: EntryKind,
    /// Of a column with its table: `orders.total`.
    pub name: String,
    /// What it means; of a metric its expression.
    pub text: String,
    /// A connection or a file; null for all sources.
    pub source_id: Option<String>,
    pub source_name: Option<String>,
    pub status: Status,
    pub origin: EntryOrigin,
    pub created_by: Option<PersonRef>,
    pub created_at: String,
    pub updated_at: String,
    pub approved_by: Option<PersonRef>,
    pub approved_at: Option<String>,
}

/// Which entries to show.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    /// Only what was said of this one.
    pub source_id: Option<String>,
    pub status: Option<Status>,
    pub kind: Option<EntryKind>,
}

/// An entry to be made.
#[derive(Debug, Clone)]
pub struct NewEntry {
    pub kind: EntryKind,
    pub name: String,
    pub text: String,
    pub source_id: Option<String>,
}

/// What is to be another; what is None stays.
#[derive(Debug, Clone, Default)]
pub struct EntryChange {
    pub name: Option<String>,
    pub text: Option<String>,
    pub approve: Approve,
}

/// Whether what is suggested becomes active.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Approve {
    #[default]
    No,
    Yes,
}

impl GlossaryItem {
    fn new(entry: Entry, sources: &Sources, people: &People) -> Result<GlossaryItem> {
        Ok(GlossaryItem {
            kind: EntryKind::named(&entry.kind)?,
            source_name: entry.source_id.as_deref().and_then(|id| sources.name(id)),
            status: Status::named(&entry.status)?,
            origin: EntryOrigin::named(&entry.origin)?,
            created_by: people.of(Some(&entry.created_by)),
            created_at: id::iso(entry.created_at),
            updated_at: id::iso(entry.updated_at),
            approved_by: people.of(entry.approved_by.as_deref()),
            approved_at: entry.approved_at.map(id::iso),
            id: entry.id,
            name: entry.name,
            text: entry.meaning,
            source_id: entry.source_id,
        })
    }
}

impl Teaching {
    /// The entries that this person may see, by kind and name.
    pub async fn entries(&self, who: &Identity, filter: EntryFilter) -> Result<Vec<GlossaryItem>> {
        let who = who.clone();
        self.db
            .read(move |conn| {
                let sources = Sources::load(conn, &who)?;
                let people = People::load(conn, &who.organization_id)?;
                let mut shown = Vec::new();
                for entry in records::all(conn, &who.organization_id)? {
                    if !sources.see_all(entry.source_id.as_deref()) {
                        continue;
                    }
                    let item = GlossaryItem::new(entry, &sources, &people)?;
                    let fits = filter.kind.is_none_or(|kind| kind == item.kind)
                        && filter.status.is_none_or(|status| status == item.status)
                        && filter
                            .source_id
                            .as_ref()
                            .is_none_or(|id| item.source_id.as_ref() == Some(id));
                    if fits {
                        shown.push(item);
                    }
                }
                Ok(shown)
            })
            .await
    }

    /// A new entry, active at once: a person wrote it. It takes the place of a suggestion of the same name.
    /// Errors: `Invalid`, `NotFound` for the source, `Conflict` when there is one of that name.
    pub async fn add_entry(&self, who: &Identity, new: NewEntry) -> Result<GlossaryItem> {
        let name = check::name(new.kind, &new.name)?;
        let meaning = check::text(new.kind, &new.text)?;
        self.check_source(who, new.kind, &name, new.source_id.as_deref())
            .await?;
        let now = id::now();
        let entry = Entry {
            id: id::new(),
            organization_id: who.organization_id.clone(),
            kind: new.kind.name().into(),
            slot: check::slot(new.kind, new.source_id.as_deref(), &name),
            name,
            meaning,
            source_id: new.source_id,
            status: Status::Active.name().into(),
            origin: EntryOrigin::Person.name().into(),
            created_by: who.user_id.clone(),
            created_at: now,
            updated_at: now,
            approved_by: Some(who.user_id.clone()),
            approved_at: Some(now),
        };
        let deed = who.did("glossary.created", "glossary", &entry.id, said(&entry));
        let who = who.clone();
        self.db
            .write(move |conn| {
                match records::in_slot(conn, &who.organization_id, &entry.slot)? {
                    Some(there) if there.status == Status::Suggested.name() => {
                        records::delete(conn, &there.id)?;
                    }
                    Some(_) => return Err(taken()),
                    None => {}
                }
                records::insert(conn, entry.clone())?;
                check_room(conn, &who)?;
                audit::append(conn, &deed)?;
                let (sources, people) = (
                    Sources::load(conn, &who)?,
                    People::load(conn, &who.organization_id)?,
                );
                GlossaryItem::new(entry, &sources, &people)
            })
            .await
    }

    /// Errors: `NotFound`, `Invalid`, `Conflict`.
    pub async fn change_entry(&self, who: &Identity, id: &str, change: EntryChange) -> Result<GlossaryItem> {
        let mut entry = self.entry(who, id).await?;
        let kind = EntryKind::named(&entry.kind)?;
        let before = said(&entry);
        if let Some(name) = &change.name {
            entry.name = check::name(kind, name)?;
        }
        if let Some(text) = &change.text {
            entry.meaning = check::text(kind, text)?;
        }
        if change.name.is_some() {
            self.check_source(who, kind, &entry.name, entry.source_id.as_deref())
                .await?;
        }
        entry.slot = check::slot(kind, entry.source_id.as_deref(), &entry.name);
        entry.updated_at = id::now();
        let approved = change.approve == Approve::Yes && entry.status != Status::Active.name();
        if approved {
            entry.status = Status::Active.name().into();
            entry.approved_by = Some(who.user_id.clone());
            entry.approved_at = Some(entry.updated_at);
        }
        let action = match approved {
            true => "glossary.approved",
            false => "glossary.changed",
        };
        let details = json!({ "from": before, "to": said(&entry) });
        let deed = who.did(action, "glossary", id, details);
        let who = who.clone();
        self.db
            .write(move |conn| {
                // It may have gone meanwhile.
                records::one(conn, &who.organization_id, &entry.id).map_err(no_entry)?;
                records::update(conn, &entry).map_err(|error| match error {
                    Error::Conflict(_) => taken(),
                    other => other,
                })?;
                check_room(conn, &who)?;
                audit::append(conn, &deed)?;
                let (sources, people) = (
                    Sources::load(conn, &who)?,
                    People::load(conn, &who.organization_id)?,
                );
                GlossaryItem::new(entry, &sources, &people)
            })
            .await
    }

    /// Errors: `NotFound`.
    pub async fn delete_entry(&self, who: &Identity, id: &str) -> Result<()> {
        let entry = self.entry(who, id).await?;
        let deed = who.did("glossary.deleted", "glossary", id, said(&entry));
        self.db
            .write(move |conn| {
                records::delete(conn, &entry.id)?;
                audit::append(conn, &deed)
            })
            .await
    }

    /// Errors: `NotFound`, also for what is about a source that this person may not see.
    async fn entry(&self, who: &Identity, id: &str) -> Result<Entry> {
        let (who, id) = (who.clone(), id.to_owned());
        self.db
            .read(move |conn| {
                let entry = records::one(conn, &who.organization_id, &id)?;
                match Sources::load(conn, &who)?.see_all(entry.source_id.as_deref()) {
                    true => Ok(entry),
                    false => Err(Error::NotFound(String::new())),
                }
            })
            .await
            .map_err(no_entry)
    }

    /// Whether an entry may be about this source, and its table or column is there as far as is known.
    async fn check_source(
        &self,
        who: &Identity,
        kind: EntryKind,
        name: &str,
        source_id: Option<&str>,
    ) -> Result<()> {
        let is_named = matches!(kind, EntryKind::Table | EntryKind::Column);
        let Some(source_id) = source_id else {
            if is_named {
                return Err(Error::Invalid(format!(
                    "Say which source the {} is in (source_id).",
                    kind.name()
                )));
            }
            return Ok(());
        };
        let loading = who.clone();
        let sources = self.db.read(move |conn| Sources::load(conn, &loading)).await?;
        let Some(source) = sources.0.get(source_id) else {
            return Err(no_source(Error::NotFound(String::new())));
        };
        if !is_named {
            return Ok(());
        }
        let catalog = match source.kind {
            Some(_) => self.catalog_of_connection(who, source_id).await?.1,
            None => Some(self.catalog_of_files(who, &[source_id.to_owned()]).await?.1),
        };
        match catalog {
            Some(catalog) => check::is_there(kind, name, &catalog),
            None => Ok(()),
        }
    }
}

/// What the audit log says of an entry.
pub(super) fn said(entry: &Entry) -> serde_json::Value {
    json!({ "kind": entry.kind, "name": entry.name, "text": entry.meaning, "source_id": entry.source_id })
}

/// Errors: `Invalid` when there are more entries now than there may be; the transaction is to fail with it.
pub(super) fn check_room(conn: &mut Conn, who: &Identity) -> Result<()> {
    if records::count(conn, &who.organization_id, Status::Active.name())? <= check::MAX_ENTRIES {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "The glossary is full: {} entries are the most. Delete some first.",
        check::MAX_ENTRIES
    )))
}

fn taken() -> Error {
    Error::Conflict("There is an entry of this name for the same source already; change that one.".into())
}

fn no_entry(error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::NotFound("There is no entry of the glossary with this id.".into()),
        other => other,
    }
}
