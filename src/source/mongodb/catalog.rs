//! What a database holds: collections, views and time series, and what samples of each tell. Bounded in time
//! and memory whatever the number of collections; documents pass by one after the other and are not kept.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use futures::{StreamExt, TryStreamExt};
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::{Collection, Cursor, Database};
use tokio::time::Instant;

use super::findings::{COLUMNS, Findings};
use super::{own_keys, references, role};
use crate::catalog::{Catalog, Column, ColumnKind, Table, TableKind};
use crate::error::Result;

/// What is known of each collection, by name.
pub(super) type Known = HashMap<String, Collected>;

/// What is known of one collection.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub findings: Findings,
    /// The columns last told, by this process or by one before it.
    pub told: Vec<Column>,
}

/// A field that no sample held for so many days is no longer told of.
const FORGOTTEN_AFTER: u32 = 90;

/// Time for all looks together; collections that were not reached are listed with what is known of them.
const ALL_TIME: Duration = Duration::from_secs(60);
/// Time for one look at one collection.
const ONE_TIME: Duration = Duration::from_secs(3);
/// Collections looked at at the same time.
const AT_ONCE: usize = 8;
/// A collection of at most so many documents is read whole.
const SMALL: u64 = 1_000;
/// Documents of a larger one: the newest, the oldest, and some at random.
const ENDS: i64 = 150;
const RANDOM: i64 = 400;
/// Bytes of documents that a sample reads at most.
const BYTES: usize = 8 << 20;

/// Reads the catalog. `known` takes what the samples tell and keeps what earlier ones told. Errors: `Source`
/// when the collections cannot be listed.
pub(super) async fn read(database: &Database, known: &mut Known) -> Result<Catalog> {
    let deadline = Instant::now() + ALL_TIME;
    let names = role::names(database).await?;
    let present: HashSet<String> = names.iter().map(|(name, _)| name.clone()).collect();
    known.retain(|name, _| present.contains(name));
    let count = names.len();
    let mut looks = futures::stream::iter(names)
        .map(|(name, kind)| look(database.clone(), name, kind, deadline))
        .buffered(AT_ONCE);
    let mut tables = Vec::with_capacity(count);
    while let Some((mut table, findings)) = looks.next().await {
        let all = known.entry(table.name.clone()).or_default();
        let seen: HashSet<String> = findings.columns().into_iter().map(|column| column.name).collect();
        if findings.documents() > 0 {
            all.findings.merge(findings);
        }
        all.told = remembered(all, &seen, today());
        let lately = all.told.iter().filter(|column| is_kept(column, today()));
        table.columns = lately.cloned().collect();
        tables.push(table);
    }
    for table in &mut tables {
        unique_in_lists(table);
    }
    references::find(database, &mut tables, known).await;
    own_keys::find(database, &mut tables, known).await;
    Ok(Catalog { tables })
}

/// Days since 1970.
fn today() -> u32 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |since| {
        u32::try_from(since.as_secs() / 86_400).unwrap_or(u32::MAX)
    })
}

/// Whether a field was met lately.
fn is_kept(column: &Column, today: u32) -> bool {
    let day = column.last_seen_day.unwrap_or(today);
    today.saturating_sub(day) <= FORGOTTEN_AFTER
}

/// The columns of a collection of which this look has `seen` some: those, the ones that earlier looks of this
/// process found, and the ones told by a process before it, unless no sample has held them for long. Where every
/// document was seen, there are no others.
fn remembered(all: &Collected, seen: &HashSet<String>, today: u32) -> Vec<Column> {
    let told: HashMap<&str, &Column> = all
        .told
        .iter()
        .map(|column| (column.name.as_str(), column))
        .collect();
    let last_seen = |name: &str| match seen.contains(name) {
        true => Some(today),
        false => told.get(name).and_then(|column| column.last_seen_day),
    };
    let mut columns: Vec<Column> = all
        .findings
        .columns()
        .into_iter()
        .map(|column| Column {
            last_seen_day: Some(last_seen(&column.name).unwrap_or(today)),
            ..column
        })
        .collect();
    if all.findings.is_complete() {
        return columns;
    }
    let found: HashSet<String> = columns.iter().map(|column| column.name.clone()).collect();
    // What had too many names to be fields is a map now.
    let is_inside_map = |name: &str| {
        let mut ends = name.match_indices('.').map(|(at, _)| &name[..at]);
        ends.any(|outer| all.findings.is_map(outer))
    };
    let more = all.told.iter().filter(|column| {
        !found.contains(&column.name)
            && !seen.contains(&column.name)
            && is_kept(column, today)
            && !is_inside_map(&column.name)
    });
    // After the document that holds it, where that is still there.
    let room = COLUMNS.saturating_sub(columns.len());
    for column in more.take(room) {
        let place = column.name.rsplit_once('.').and_then(|(outer, _)| {
            let inside = |other: &Column| {
                other.name == outer
                    || other
                        .name
                        .strip_prefix(outer)
                        .is_some_and(|rest| rest.starts_with('.'))
            };
            columns.iter().rposition(inside)
        });
        let column = Column {
            nullable: true,
            last_seen_day: column.last_seen_day.or(Some(today)),
            ..column.clone()
        };
        match place {
            Some(at) => columns.insert(at + 1, column),
            None => columns.push(column),
        }
    }
    columns
}

/// A unique index over a list keeps documents apart, not the elements that `$unwind` makes rows of.
fn unique_in_lists(table: &mut Table) {
    let lists: Vec<String> = table
        .columns
        .iter()
        .filter(|column| column.kind == ColumnKind::Array)
        .map(|column| column.name.clone())
        .collect();
    let is_in_list = |column: &String| {
        lists.iter().any(|list| {
            column == list
                || column
                    .strip_prefix(list)
                    .is_some_and(|rest| rest.starts_with('.'))
        })
    };
    let (in_lists, unique) = std::mem::take(&mut table.unique)
        .into_iter()
        .partition(|columns: &Vec<String>| columns.iter().any(is_in_list));
    table.unique = unique;
    table.indexes.extend::<Vec<Vec<String>>>(in_lists);
}

/// One collection: what the server knows of it, and a sample.
async fn look(database: Database, name: String, kind: String, deadline: Instant) -> (Table, Findings) {
    let mut table = Table {
        name,
        kind: match kind.as_str() {
            "view" => TableKind::View,
            "timeseries" => TableKind::TimeSeries,
            _ => TableKind::Table,
        },
        ..Table::default()
    };
    let mut findings = Findings::default();
    if Instant::now() >= deadline {
        return (table, findings);
    }
    let collection = database.collection::<RawDocumentBuf>(&table.name);
    if table.kind == TableKind::Table {
        // Of a view this would run the whole view.
        table.row_estimate = collection
            .estimated_document_count()
            .max_time(ONE_TIME)
            .await
            .ok();
        indexes(&database, &mut table).await;
    }
    // A collection that cannot be sampled is a collection all the same.
    if let Err(error) = sample(&collection, &table, &mut findings).await {
        tracing::debug!("a collection could not be sampled: {}", error.kind);
    }
    (table, findings)
}

/// Reads documents into the findings.
async fn sample(
    collection: &Collection<RawDocumentBuf>,
    table: &Table,
    findings: &mut Findings,
) -> mongodb::error::Result<()> {
    let find = |sort: Option<Document>, limit: i64| {
        let mut find = collection
            .find(doc! {})
            .limit(limit)
            .max_time(ONE_TIME)
            .batch_size(100);
        if let Some(sort) = sort {
            find = find.sort(sort);
        }
        find
    };
    let mut bytes = BYTES;
    match (table.kind, table.row_estimate) {
        (TableKind::Table, Some(estimate)) if estimate <= SMALL => {
            let all = i64::try_from(2 * SMALL).unwrap_or(i64::MAX);
            let read = read_into(find(None, all).await?, findings, &mut bytes).await?;
            if read == Read::Whole && findings.documents() < 2 * SMALL {
                findings.set_complete();
            }
            return Ok(());
        }
        (TableKind::Table, _) => {
            for direction in [-1, 1] {
                let documents = find(Some(doc! {"_id": direction}), ENDS).await?;
                let mut share = bytes / 3;
                read_into(documents, findings, &mut share).await?;
            }
        }
        // Views and time series have no order that costs nothing.
        _ => {
            read_into(find(None, ENDS).await?, findings, &mut bytes).await?;
        }
    }
    if table.kind == TableKind::View {
        return Ok(());
    }
    let random = collection
        .aggregate([doc! {"$sample": {"size": RANDOM}}])
        .max_time(ONE_TIME)
        .batch_size(100)
        .with_type::<RawDocumentBuf>()
        .await?;
    bytes /= 2;
    read_into(random, findings, &mut bytes).await?;
    Ok(())
}

/// Whether a cursor was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Whole,
    Cut,
}

async fn read_into(
    mut cursor: Cursor<RawDocumentBuf>,
    findings: &mut Findings,
    bytes: &mut usize,
) -> mongodb::error::Result<Read> {
    while cursor.advance().await? {
        let document = cursor.current();
        findings.add(document);
        *bytes = bytes.saturating_sub(document.as_bytes().len());
        if *bytes == 0 {
            return Ok(Read::Cut);
        }
    }
    Ok(Read::Whole)
}

/// Keys and indexes. Nothing is said when they may not be read.
async fn indexes(database: &Database, table: &mut Table) {
    table.primary_key = vec!["_id".into()];
    let command = doc! {"listIndexes": &table.name, "maxTimeMS": ONE_TIME.as_millis() as i64};
    let Ok(cursor) = database.run_cursor_command(command).await else {
        return;
    };
    let Ok(all) = cursor.try_collect::<Vec<Document>>().await else {
        return;
    };
    for index in all {
        let Ok(key) = index.get_document("key") else {
            continue;
        };
        let columns: Vec<String> = key.keys().cloned().collect();
        // Text, geometry and wildcard indexes are no order of columns.
        let is_plain = key
            .values()
            .all(|direction| crate::guard::mongo::json::whole(direction).is_some());
        if columns == ["_id"] || !is_plain || columns.iter().any(|column| column.contains('$')) {
            continue;
        }
        let covers_all =
            !index.contains_key("partialFilterExpression") && !index.get_bool("sparse").unwrap_or(false);
        if index.get_bool("unique").unwrap_or(false) && covers_all {
            table.unique.push(columns);
        } else {
            table.indexes.push(columns);
        }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{RawDocumentBuf, doc};

    use super::*;

    fn column(name: &str, day: u32) -> Column {
        Column {
            name: name.into(),
            last_seen_day: Some(day),
            ..Column::default()
        }
    }

    fn collected(told: Vec<Column>) -> (Collected, HashSet<String>) {
        let mut all = Collected {
            told,
            ..Collected::default()
        };
        let document = RawDocumentBuf::try_from(&doc! {"_id": 1, "address": {"city": "Rome"}}).unwrap();
        all.findings.add(&document);
        let seen = all
            .findings
            .columns()
            .into_iter()
            .map(|column| column.name)
            .collect();
        (all, seen)
    }

    fn names(columns: &[Column], today: u32) -> Vec<&str> {
        let kept = columns.iter().filter(|column| is_kept(column, today));
        kept.map(|column| column.name.as_str()).collect()
    }

    #[test]
    fn what_a_sample_missed_is_remembered_for_a_while() {
        let told = vec![
            column("address.zip", 950),
            column("old", 100),
            column("rare", 999),
            column("address", 10),
        ];
        let (all, seen) = collected(told);
        let columns = remembered(&all, &seen, 1_000);
        assert_eq!(
            names(&columns, 1_000),
            ["_id", "address", "address.city", "address.zip", "rare"]
        );
        assert_eq!(columns[1].last_seen_day, Some(1_000));
        // Nobody meets them again.
        let (mut all, _) = collected(columns);
        let columns = remembered(&all, &HashSet::new(), 1_050);
        assert_eq!(names(&columns, 1_050), ["_id", "address", "address.city", "rare"]);
        // What this process found itself is forgotten, too, and stays so.
        all.told = columns;
        for _ in 0..2 {
            all.told = remembered(&all, &HashSet::new(), 1_100);
            assert_eq!(names(&all.told, 1_100), Vec::<&str>::new());
        }
    }

    #[test]
    fn where_every_document_was_seen_nothing_is_remembered() {
        let (mut all, seen) = collected(vec![column("rare", 999)]);
        all.findings.set_complete();
        assert_eq!(
            names(&remembered(&all, &seen, 1_000), 1_000),
            ["_id", "address", "address.city"]
        );
    }
}
