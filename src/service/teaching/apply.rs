//! What was taught and approved, given to those sources that it is about.

use std::collections::HashSet;

use super::{EntryKind, Status, Teaching};
use crate::ask::taught::{Described, Description, Taught};
use crate::ask::{Candidate, CandidateKind};
use crate::db::examples::Example as ExampleRecord;
use crate::db::glossary::Entry;
use crate::db::{examples, glossary};
use crate::error::Result;
use crate::service::accounts::Identity;
use crate::translate::Example;

impl Teaching {
    /// Tells each candidate what is known about it. They are sources that this person may see.
    pub async fn teach(&self, who: &Identity, candidates: &mut [Candidate]) -> Result<()> {
        let organization = who.organization_id.clone();
        let ids: Vec<String> = candidates
            .iter()
            .flat_map(|candidate| candidate.ids.iter().cloned())
            .collect();
        let (entries, examples) = self
            .db
            .read(move |conn| {
                let active = Status::Active.name();
                Ok((
                    glossary::applying(conn, &organization, active, &ids)?,
                    examples::applying(conn, &organization, active, &ids)?,
                ))
            })
            .await?;
        for candidate in candidates {
            candidate.taught = taught(candidate, &entries, &examples)?;
        }
        Ok(())
    }
}

fn taught(candidate: &Candidate, entries: &[Entry], examples: &[ExampleRecord]) -> Result<Taught> {
    let here = |entry: &&Entry| {
        let source = entry.source_id.as_ref();
        source.is_none_or(|id| candidate.ids.contains(id))
    };
    let here: Vec<&Entry> = entries.iter().filter(here).collect();
    // What was said of the source itself goes before what was said of all.
    let own: HashSet<String> = here
        .iter()
        .filter(|entry| entry.source_id.is_some())
        .map(|entry| entry.name.to_lowercase())
        .collect();
    let mut taught = Taught::default();
    for entry in here {
        let of = match EntryKind::named(&entry.kind)? {
            EntryKind::Table => Described::Table,
            EntryKind::Column => Described::Column,
            kind @ (EntryKind::Term | EntryKind::Metric) => {
                if entry.source_id.is_some() || !own.contains(&entry.name.to_lowercase()) {
                    taught.glossary.push_str(&line(kind, &entry.name, &entry.meaning));
                    taught.glossary.push('\n');
                }
                continue;
            }
        };
        taught.descriptions.push(Description {
            of,
            name: entry.name.clone(),
            file_id: match candidate.kind {
                CandidateKind::Files => entry.source_id.clone(),
                CandidateKind::Connection => None,
            },
            text: entry.meaning.clone(),
        });
    }
    taught.examples = examples
        .iter()
        .filter(|example| fits(example, candidate))
        .map(|example| Example {
            question: example.question.clone(),
            query: example.query.clone(),
        })
        .collect();
    Ok(taught)
}

/// A definition on one line, all of whose sentences belong to it.
pub(super) fn line(kind: EntryKind, name: &str, meaning: &str) -> String {
    let meaning = meaning.split_whitespace().collect::<Vec<_>>().join(" ");
    let meaning = meaning.replace(". ", "; ");
    match kind {
        EntryKind::Metric => format!("{name} = {meaning}"),
        _ => format!("{name}: {meaning}"),
    }
}

/// Whether the names in an example's query mean the same tables here. Beside other files a table may have got
/// another name, and its own may be another's.
fn fits(example: &ExampleRecord, candidate: &Candidate) -> bool {
    let ids = example.source_ids();
    if example.dialect != candidate.source.dialect().name() {
        return false;
    }
    match (&example.connection_id, candidate.kind) {
        (Some(id), CandidateKind::Connection) => candidate.ids.contains(id),
        (None, CandidateKind::Files) => {
            candidate.ids == ids
                || (ids.iter().all(|id| candidate.ids.iter().any(|own| own == id))
                    && keeps_names(&ids, candidate))
        }
        _ => false,
    }
}

/// Whether no table of these files shares its name with any other table of the candidate.
fn keeps_names(file_ids: &[&str], candidate: &Candidate) -> bool {
    let origins = &candidate.origins;
    origins
        .iter()
        .enumerate()
        .filter(|(_, origin)| file_ids.contains(&origin.file_id.as_str()))
        .all(|(at, origin)| {
            !origins
                .iter()
                .enumerate()
                .any(|(other, named)| other != at && named.table.eq_ignore_ascii_case(&origin.table))
        })
}
