//! Export and import: everything that was taught as one document. An import happens as a whole or not at all.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use serde_json::json;
use serde_saphyr::{Location, Spanned};

use super::document::{Descriptive, Document, Metric, Pair, Term, at, wrong};
use super::{EntryKind, EntryOrigin, ExampleOrigin, Sources, Status, Teaching, check, entries, examples};
use crate::catalog::{Catalog, Dialect};
use crate::db::examples::Example;
use crate::db::glossary::Entry;
use crate::db::{Conn, audit, examples as example_records, glossary};
use crate::error::{Error, Result};
use crate::id;
use crate::service::accounts::Identity;

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Imported {
    pub added: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub removed: u64,
}

/// What becomes of what is not in the imported document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    Stay,
    /// Active ones that the importer may see go; suggestions wait on.
    Go,
}

impl Teaching {
    /// All that is active and that this person may see.
    pub async fn export(&self, who: &Identity) -> Result<String> {
        let who = who.clone();
        let (sources, entries, examples) = self
            .db
            .read(move |conn| {
                Ok((
                    Sources::load(conn, &who)?,
                    glossary::all(conn, &who.organization_id)?,
                    example_records::all(conn, &who.organization_id)?,
                ))
            })
            .await?;
        document(&sources, entries, examples)?.write()
    }

    /// Takes a document in. Errors: `Invalid`, naming the line, before anything is changed; `Conflict`.
    pub async fn import(&self, who: &Identity, text: &str, others: Others) -> Result<Imported> {
        let document = Document::read(text)?;
        let loading = who.clone();
        let sources = self.db.read(move |conn| Sources::load(conn, &loading)).await?;
        let mut new_entries = Vec::new();
        let mut slots = HashSet::new();
        for written in document.entries()? {
            let entry = entry(who, &sources, &written)?;
            if !slots.insert(entry.slot.clone()) {
                return Err(wrong(written.at, &format!("{} stands here twice", entry.name)));
            }
            new_entries.push(entry);
        }
        let new_examples = self.examples_of(who, &sources, &document).await?;
        let counted = u64::try_from(new_entries.len() + new_examples.len()).unwrap_or(u64::MAX);
        let deed = who.did(
            "glossary.imported",
            "organization",
            &who.organization_id,
            json!({ "items": counted, "replace": others == Others::Go }),
        );
        let who = who.clone();
        self.db
            .write(move |conn| {
                let mut imported = Imported::default();
                take_entries(conn, &who, &sources, new_entries, others, &mut imported)?;
                take_examples(conn, &who, &sources, new_examples, others, &mut imported)?;
                audit::append(conn, &deed)?;
                Ok(imported)
            })
            .await
    }

    /// The examples of a document, checked against the tables of their sources as far as those are known.
    async fn examples_of(
        &self,
        who: &Identity,
        sources: &Sources,
        document: &Document,
    ) -> Result<Vec<Example>> {
        let mut known: BTreeMap<Vec<String>, (Dialect, Option<Catalog>)> = BTreeMap::new();
        let mut found: Vec<Example> = Vec::new();
        for item in &document.examples {
            let place = item.referenced;
            let pair = &item.value;
            let mut ids = Vec::new();
            for name in &pair.sources {
                ids.push(source_id(sources, name).map_err(|error| at(place, &error))?);
            }
            let is_connection = |id: &String| sources.0.get(id).is_some_and(|source| source.kind.is_some());
            let (connection_id, file_ids) = match ids.as_slice() {
                [only] if is_connection(only) => (Some(only.clone()), Vec::new()),
                several if several.iter().any(is_connection) => {
                    return Err(wrong(place, "an example is for one connection, or for files"));
                }
                files => (None, files.to_vec()),
            };
            if !known.contains_key(&ids) {
                let catalog = self
                    .catalog_of(who, connection_id.as_deref(), &file_ids)
                    .await
                    .map_err(|error| at(place, &error))?;
                known.insert(ids.clone(), catalog);
            }
            let question = check::question(&pair.question).map_err(|error| at(place, &error))?;
            let query = check::query(&pair.query).map_err(|error| at(place, &error))?;
            let Some((dialect, catalog)) = known.get(&ids) else {
                continue;
            };
            // Where no agent has told the tables yet, the query is checked when it is used.
            if let Some(catalog) = catalog {
                check::runs(&query, catalog, *dialect).map_err(|error| at(place, &error))?;
            }
            let now = id::now();
            let mut example = Example {
                id: id::new(),
                organization_id: who.organization_id.clone(),
                question,
                query,
                dialect: dialect.name().into(),
                connection_id,
                file_ids: file_ids.join(","),
                digest: String::new(),
                status: Status::Active.name().into(),
                origin: ExampleOrigin::Import.name().into(),
                answer_id: None,
                created_by: who.user_id.clone(),
                created_at: now,
                updated_at: now,
                approved_by: Some(who.user_id.clone()),
                approved_at: Some(now),
            };
            example.seal();
            if found.iter().any(|other| other.asks_like(&example)) {
                return Err(wrong(place, "this question stands here twice"));
            }
            found.push(example);
        }
        Ok(found)
    }
}

/// Everything active, in an order that depends on nothing but what it says.
fn document(sources: &Sources, entries: Vec<Entry>, examples: Vec<Example>) -> Result<Document> {
    fn spanned<T>(value: T) -> Spanned<T> {
        Spanned::new(value, Location::UNKNOWN, Location::UNKNOWN)
    }
    let active = Status::Active.name();
    let mut document = Document::default();
    for entry in entries {
        let id = entry.source_id.as_deref();
        if entry.status != active || !sources.see_all(id) {
            continue;
        }
        let source = id.and_then(|id| sources.name(id));
        let (name, text) = (entry.name, entry.meaning);
        match EntryKind::named(&entry.kind)? {
            EntryKind::Term => document.terms.push(spanned(Term {
                name,
                means: text,
                source,
            })),
            EntryKind::Metric => document.metrics.push(spanned(Metric {
                name,
                expression: text,
                source,
            })),
            kind => document.descriptions.push(spanned(Descriptive {
                source: source.unwrap_or_default(),
                table: (kind == EntryKind::Table).then(|| name.clone()),
                column: (kind == EntryKind::Column).then_some(name),
                text,
            })),
        }
    }
    for example in examples {
        let ids = example.source_ids();
        if example.status != active || !sources.see_all(ids.iter().copied()) {
            continue;
        }
        document.examples.push(spanned(Pair {
            sources: ids.iter().filter_map(|id| sources.name(id)).collect(),
            question: example.question,
            query: example.query,
        }));
    }
    let term = |item: &Spanned<Term>| (item.value.source.clone(), item.value.name.clone());
    document.terms.sort_by_key(term);
    let metric = |item: &Spanned<Metric>| (item.value.source.clone(), item.value.name.clone());
    document.metrics.sort_by_key(metric);
    document.descriptions.sort_by_key(|item| {
        let item = &item.value;
        // A table stands before its columns.
        (item.source.clone(), item.table.clone().or(item.column.clone()))
    });
    document
        .examples
        .sort_by_key(|item| (item.value.sources.clone(), item.value.question.clone()));
    Ok(document)
}

/// The one source of this name. Errors: `Invalid`, naming those there are.
fn source_id(sources: &Sources, name: &str) -> Result<String> {
    let found: Vec<&String> = sources
        .0
        .iter()
        .filter(|(_, source)| source.name == name)
        .map(|(id, _)| id)
        .collect();
    match found.as_slice() {
        [only] => Ok((*only).clone()),
        [] => {
            let mut names: Vec<&str> = sources.0.values().map(|source| source.name.as_str()).collect();
            names.sort_unstable();
            names.truncate(30);
            let known = match names.as_slice() {
                [] => "there is none yet".to_owned(),
                names => format!("there are: {}", names.join(", ")),
            };
            Err(Error::Invalid(format!(
                "There is no connection and no file called \"{}\"; {known}.",
                crate::protocol::sentence(name)
            )))
        }
        several => Err(Error::Invalid(format!(
            "{} connections and files are called \"{name}\"; rename all but one of them, or leave this out.",
            several.len()
        ))),
    }
}

fn entry(who: &Identity, sources: &Sources, written: &super::document::Written<'_>) -> Result<Entry> {
    let place = written.at;
    let name = check::name(written.kind, written.name).map_err(|error| at(place, &error))?;
    let meaning = check::text(written.kind, written.text).map_err(|error| at(place, &error))?;
    let source_id = written
        .source
        .map(|source| source_id(sources, source).map_err(|error| at(place, &error)))
        .transpose()?;
    let now = id::now();
    Ok(Entry {
        id: id::new(),
        organization_id: who.organization_id.clone(),
        kind: written.kind.name().into(),
        slot: check::slot(written.kind, source_id.as_deref(), &name),
        name,
        meaning,
        source_id,
        status: Status::Active.name().into(),
        origin: EntryOrigin::Import.name().into(),
        created_by: who.user_id.clone(),
        created_at: now,
        updated_at: now,
        approved_by: Some(who.user_id.clone()),
        approved_at: Some(now),
    })
}

fn take_entries(
    conn: &mut Conn,
    who: &Identity,
    sources: &Sources,
    new: Vec<Entry>,
    others: Others,
    imported: &mut Imported,
) -> Result<()> {
    let there = glossary::all(conn, &who.organization_id)?;
    let slots: HashSet<String> = new.iter().map(|entry| entry.slot.clone()).collect();
    if others == Others::Go {
        for old in &there {
            let is_active = old.status == Status::Active.name();
            if is_active && !slots.contains(&old.slot) && sources.see_all(old.source_id.as_deref()) {
                glossary::delete(conn, &old.id)?;
                imported.removed += 1;
            }
        }
    }
    for entry in new {
        let Some(old) = there.iter().find(|old| old.slot == entry.slot) else {
            glossary::insert(conn, entry)?;
            imported.added += 1;
            continue;
        };
        let same = (&old.name, &old.meaning, &old.status, &old.kind)
            == (&entry.name, &entry.meaning, &entry.status, &entry.kind);
        if same {
            imported.unchanged += 1;
            continue;
        }
        // It stays the entry that it was, for whoever has its id.
        let changed = Entry {
            id: old.id.clone(),
            created_by: old.created_by.clone(),
            created_at: old.created_at,
            ..entry
        };
        glossary::update(conn, &changed)?;
        imported.changed += 1;
    }
    entries::check_room(conn, who)
}

fn take_examples(
    conn: &mut Conn,
    who: &Identity,
    sources: &Sources,
    new: Vec<Example>,
    others: Others,
    imported: &mut Imported,
) -> Result<()> {
    let active = Status::Active.name();
    let there = example_records::all(conn, &who.organization_id)?;
    if others == Others::Go {
        for old in &there {
            let is_meant = new.iter().any(|example| example.asks_like(old));
            if old.status == active && !is_meant && sources.see_all(old.source_ids()) {
                example_records::delete(conn, &old.id)?;
                imported.removed += 1;
            }
        }
    }
    for example in new {
        let approved = there
            .iter()
            .find(|old| old.status == active && old.asks_like(&example));
        if let Some(old) = approved
            && (&old.question, &old.query) == (&example.question, &example.query)
        {
            imported.unchanged += 1;
            continue;
        }
        // What was suggested is approved by this.
        if let Some(same) = example_records::same(conn, &who.organization_id, &example.digest)?
            && Some(&same.id) != approved.map(|old| &old.id)
        {
            example_records::delete(conn, &same.id)?;
        }
        match approved {
            Some(old) => {
                let changed = Example {
                    id: old.id.clone(),
                    created_by: old.created_by.clone(),
                    created_at: old.created_at,
                    ..example
                };
                example_records::update(conn, &changed)?;
                imported.changed += 1;
            }
            None => {
                example_records::insert(conn, example)?;
                imported.added += 1;
            }
        }
    }
    if example_records::count(conn, &who.organization_id, active)? > check::MAX_EXAMPLES {
        return Err(examples::full());
    }
    Ok(())
}
