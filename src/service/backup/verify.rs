//! Looking through a backup, or through a running server's own records and files: everything is opened, and
//! everything that is wrong is said.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::archive::{self, read_small};
use super::{Entry, FORMAT, Format, Line, Manifest, Summary, inside};
use crate::config::Config;
use crate::db::{Db, dump};
use crate::error::{Error, Result};
use crate::storage::Scratch;
use crate::storage::moving::Place;

/// Bytes of the first and of the last entry at most.
const MAX_FORMAT: u64 = 1 << 20;
const MAX_MANIFEST: u64 = 1 << 30;

/// Bytes of one row at most: a catalog of a very large database is some megabytes.
const MAX_ROW: u64 = 256 << 20;

/// Problems listed at most.
const MAX_PROBLEMS: usize = 50;

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub summary: Summary,
    /// Whole sentences; empty when all is well.
    pub problems: Vec<String>,
}

/// A backup that was looked through.
pub(super) struct Checked {
    pub report: Report,
    pub summary: Summary,
    pub schema: Vec<String>,
    pub entries: Vec<Entry>,
    pub gone: Vec<String>,
}

/// Looks through a backup. Errors: `Invalid` when it is none at all, or cannot be read on.
pub async fn verify(from: &Path) -> Result<Report> {
    let from = from.to_owned();
    tokio::task::spawn_blocking(move || Ok(check(&from)?.report))
        .await
        .map_err(Error::internal)?
}

/// The same, with what a restore needs to know. Blocks.
pub(super) fn check(from: &Path) -> Result<Checked> {
    let work = tempfile::tempdir()?;
    let mut format: Option<Format> = None;
    let mut manifest: Option<Manifest> = None;
    let mut rows: BTreeMap<String, u64> = BTreeMap::new();
    // What rows name, with their numbers of rows.
    let mut needed: HashMap<String, Option<u64>> = HashMap::new();
    let mut report = Report::default();
    let entries = archive::read(from, |name, bytes, contents| {
        match name {
            "format.json" => {
                let text = read_small(contents, MAX_FORMAT, "format")?;
                let found: Format = serde_json::from_slice(&text).map_err(|_| {
                    Error::Invalid(format!("{} is no backup of Clean Custard.", from.display()))
                })?;
                if found.clean_custard_backup > FORMAT {
                    return Err(Error::Invalid(format!(
                        "The backup was made by version {} in a format that this program does not know yet.",
                        crate::protocol::sentence(&found.product)
                    )));
                }
                format = Some(found);
            }
            "manifest.json" => {
                let text = read_small(contents, MAX_MANIFEST, "manifest")?;
                manifest = Some(serde_json::from_slice(&text).map_err(|error| {
                    Error::Invalid(format!("The backup's manifest cannot be read: {error}."))
                })?);
            }
            "store.jsonl" => read_rows(contents, &mut rows, &mut needed)?,
            "secret.key" => report.summary.secret_key = true,
            _ if name.ends_with("/original") => report.summary.files += 1,
            _ => {
                if name.starts_with("results/") {
                    report.summary.results += 1;
                }
                // Footers need the whole file at hand.
                let path = work.path().join("thing");
                let mut file = std::fs::File::create(&path)?;
                std::io::copy(contents, &mut file).map_err(|error| archive::broken(&error))?;
                drop(file);
                look_at(name, &path, &needed, &mut report.problems);
                std::fs::remove_file(&path)?;
            }
        }
        report.summary.bytes += bytes;
        Ok(())
    })?;
    let format =
        format.ok_or_else(|| Error::Invalid(format!("{} is no backup of Clean Custard.", from.display())))?;
    let manifest = manifest.ok_or_else(|| {
        Error::Invalid("The backup breaks off before its end; it was never complete.".into())
    })?;
    compare(&entries, &manifest, &rows, &needed, &mut report.problems);
    report.summary.rows = rows.values().sum();
    report.problems.truncate(MAX_PROBLEMS);
    Ok(Checked {
        summary: report.summary.clone(),
        report,
        schema: format.schema,
        entries,
        gone: manifest.gone,
    })
}

fn read_rows(
    contents: &mut dyn Read,
    rows: &mut BTreeMap<String, u64>,
    needed: &mut HashMap<String, Option<u64>>,
) -> Result<()> {
    let mut reader = BufReader::new(contents);
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = (&mut reader)
            .take(MAX_ROW)
            .read_until(b'\n', &mut text)
            .map_err(|error| archive::broken(&error))?;
        if read == 0 {
            return Ok(());
        }
        if text.last() != Some(&b'\n') {
            return Err(Error::Invalid("A row of the backup has no end.".into()));
        }
        let line: Line = serde_json::from_slice(&text)
            .map_err(|error| Error::Invalid(format!("A row of the backup cannot be read: {error}.")))?;
        for (key, count) in inside::needed(&line.table, &line.row)? {
            if !archive::is_ours(&key) {
                return Err(Error::Invalid(format!(
                    "A row of the backup names a file that no backup has: “{}”.",
                    crate::protocol::sentence(&key)
                )));
            }
            needed.insert(key, count);
        }
        *rows.entry(line.table).or_default() += 1;
    }
}

/// Opens a stored thing and compares its rows with what its record says.
fn look_at(key: &str, path: &Path, needed: &HashMap<String, Option<u64>>, problems: &mut Vec<String>) {
    match inside::rows_of(key, path) {
        Err(error) => problems.push(error.to_string()),
        Ok(Some(found)) => {
            if let Some(Some(expected)) = needed.get(key)
                && *expected != found
            {
                problems.push(format!("{key} has {found} rows, and its record says {expected}."));
            }
        }
        Ok(None) => {}
    }
}

/// The archive against its manifest, and rows against the things they name.
fn compare(
    entries: &[Entry],
    manifest: &Manifest,
    rows: &BTreeMap<String, u64>,
    needed: &HashMap<String, Option<u64>>,
    problems: &mut Vec<String>,
) {
    let listed: HashMap<&str, &Entry> = manifest
        .entries
        .iter()
        .map(|entry| (entry.path.as_str(), entry))
        .collect();
    let mut present = HashSet::new();
    for entry in entries.iter().filter(|entry| entry.path != "manifest.json") {
        present.insert(entry.path.as_str());
        match listed.get(entry.path.as_str()) {
            Some(expected) if *expected == entry => {}
            Some(_) => problems.push(format!("{} was changed since the backup was made.", entry.path)),
            None => problems.push(format!("{} was added since the backup was made.", entry.path)),
        }
    }
    for entry in &manifest.entries {
        if !present.contains(entry.path.as_str()) {
            problems.push(format!("{} is missing.", entry.path));
        }
    }
    for (table, expected) in &manifest.rows {
        let found = rows.get(table).copied().unwrap_or_default();
        if found != *expected {
            problems.push(format!(
                "{table} has {found} rows, and the manifest says {expected}."
            ));
        }
    }
    for key in needed.keys() {
        let is_gone = manifest.gone.iter().any(|id| key.contains(id.as_str()));
        if !present.contains(key.as_str()) && !is_gone {
            problems.push(format!("{key} is named by a record and missing."));
        }
    }
}

/// Looks through a server's own records and everything they name, beside the running server. What goes or
/// changes meanwhile is no problem.
pub async fn verify_store(config: &Config) -> Result<Report> {
    let data_dir = config.server.data_dir.canonicalize().map_err(|error| {
        Error::Invalid(format!(
            "The data folder {} cannot be read: {error}.",
            config.server.data_dir.display()
        ))
    })?;
    let (file, url, pool) = (
        data_dir.join("custard.db"),
        config.database.url.clone(),
        config.database.pool_size,
    );
    if url.is_none() && !file.exists() {
        return Err(Error::Invalid(format!(
            "There are no records in {}.",
            data_dir.display()
        )));
    }
    let db = tokio::task::spawn_blocking(move || Db::attach(&file, url.as_ref(), pool))
        .await
        .map_err(Error::internal)??;
    let mut report = Report::default();
    let source = db.clone();
    let (needed, rows, problems) = tokio::task::spawn_blocking(move || {
        source.snapshot(|conn| {
            let mut needed = Vec::new();
            let mut rows = 0;
            for table in dump::tables(conn)? {
                rows += dump::dump(conn, &table, |row| {
                    needed.extend(inside::needed(&table.name, &row)?);
                    Ok(())
                })?;
            }
            Ok((needed, rows, dump::integrity(conn)?))
        })
    })
    .await
    .map_err(Error::internal)??;
    report.summary.rows = rows;
    report.problems = problems;
    let place = Place::open(&data_dir, &config.storage)?;
    let scratch = Scratch::new(&data_dir)?;
    let expected: HashMap<String, Option<u64>> = needed.iter().cloned().collect();
    for (key, _) in &needed {
        let path = scratch.path().join("thing");
        match place.read(key, &path).await {
            Ok(bytes) => {
                report.summary.bytes += bytes;
                look_at(key, &path, &expected, &mut report.problems);
                tokio::fs::remove_file(&path).await?;
                if key.ends_with("/original") {
                    report.summary.files += 1;
                } else if key.starts_with("results/") {
                    report.summary.results += 1;
                }
            }
            Err(Error::NotFound(_)) => {
                if is_still_needed(&db, key).await? {
                    report
                        .problems
                        .push(format!("{key} is named by a record and missing."));
                }
            }
            Err(error) => return Err(error),
        }
        if report.problems.len() >= MAX_PROBLEMS {
            break;
        }
    }
    Ok(report)
}

/// Whether a record names the thing now.
async fn is_still_needed(db: &Db, key: &str) -> Result<bool> {
    let key = key.to_owned();
    db.read(move |conn| {
        let parts: Vec<&str> = key.split('/').collect();
        match parts.as_slice() {
            ["files", id, "original"] => crate::db::files::exists(conn, id),
            ["files", id, generation, _] => {
                let all = crate::db::files::generations(conn)?;
                Ok(all
                    .iter()
                    .any(|(file, current)| file == id && current == generation))
            }
            ["results", name] => crate::db::results::exists(conn, name.trim_end_matches(".arrow")),
            _ => Ok(false),
        }
    })
    .await
}
