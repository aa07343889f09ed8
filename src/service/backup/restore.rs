//! Putting a backup back, into either kind of store and storage. The whole archive is checked before anything
//! is touched, nothing that is there is overwritten, and a restore that was killed begins anew.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::verify::{Checked, check};
use super::{Line, Summary, archive};
use crate::config::Config;
use crate::db::{Db, dump};
use crate::error::{Error, Result};
use crate::seal::key;
use crate::storage::Scratch;
use crate::storage::moving::Place;

/// Lies in the data folder while a restore is under way; a server does not start beside it.
pub const MARKER: &str = "restoring";

/// Bytes of a secret key at most.
const MAX_KEY: u64 = 4096;

/// Restores a backup into what the configuration names. Errors: `Invalid` for a backup that is not whole,
/// `Conflict` where something is already.
pub async fn restore(config: &Config, from: &Path) -> Result<Summary> {
    let data_dir = config.server.data_dir.clone();
    make(&data_dir)?;
    let data_dir = data_dir.canonicalize()?;
    let marker = data_dir.join(MARKER);
    let store = data_dir.join("custard.db");
    if marker.exists() {
        clear_half(config, &data_dir)?;
    }
    refuse_to_overwrite(config, &data_dir, &store)?;

    let archive_path = from.to_owned();
    let checked = tokio::task::spawn_blocking(move || check(&archive_path))
        .await
        .map_err(Error::internal)??;
    if !checked.report.problems.is_empty() {
        return Err(Error::Invalid(format!(
            "The backup is not whole, so nothing was restored: {}",
            checked.report.problems.join(" ")
        )));
    }
    // Also says so early when the program is too old for it.
    let known = dump::known()?;
    if let Some(newer) = checked.schema.iter().find(|version| !known.contains(version)) {
        return Err(Error::Invalid(format!(
            "The backup's schema ({}) is newer than this program knows. Restore it with the program that made it, or \
             a newer one.",
            crate::protocol::sentence(newer)
        )));
    }
    let has_key = checked.entries.iter().any(|entry| entry.path == "secret.key");
    let takes_key = has_key && config.server.secret_key.is_none();

    std::fs::write(&marker, b"A restore is under way.\n")?;
    std::fs::File::open(&data_dir)?.sync_all()?;
    let scratch = Scratch::new(&data_dir)?;
    let unpacked = scratch.path().join("unpacked");
    let (archive_path, target, sums) = (from.to_owned(), unpacked.clone(), checked.sums());
    tokio::task::spawn_blocking(move || unpack(&archive_path, &target, &sums))
        .await
        .map_err(Error::internal)??;

    let place = Place::open(&data_dir, &config.storage)?;
    for entry in &checked.entries {
        let is_thing = entry.path.starts_with("files/") || entry.path.starts_with("results/");
        if is_thing && !checked.is_gone(&entry.path) {
            place.write(&entry.path, &unpacked.join(&entry.path)).await?;
        }
    }
    if takes_key {
        let bytes = std::fs::read(unpacked.join("secret.key"))?;
        let path = key::path(&data_dir);
        key::write(&path, &bytes)?;
    }
    let (rows, url, schema) = (
        unpacked.join("store.jsonl"),
        config.database.url.clone(),
        checked.schema.clone(),
    );
    let (draft, gone) = (scratch.path().join("custard.db"), checked.gone.clone());
    let filled = draft.clone();
    tokio::task::spawn_blocking(move || {
        Db::fill(&filled, url.as_ref(), &schema, |conn| fill(conn, &rows, &gone))
    })
    .await
    .map_err(Error::internal)??;
    if config.database.url.is_none() {
        settle_sqlite(&draft)?;
        std::fs::rename(&draft, &store)?;
    }
    std::fs::remove_file(&marker)?;
    std::fs::File::open(&data_dir)?.sync_all()?;
    Ok(Summary {
        secret_key: takes_key,
        ..checked.summary
    })
}

/// Puts every row into its table.
fn fill(conn: &mut crate::db::Conn, rows: &Path, gone: &[String]) -> Result<()> {
    let tables = dump::tables(conn)?;
    // Those that others refer to first, whatever the order in the file.
    let mut places: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    let mut reader = BufReader::new(std::fs::File::open(rows)?);
    let mut at = 0_u64;
    let mut text = String::new();
    loop {
        text.clear();
        let read = reader.read_line(&mut text)? as u64;
        if read == 0 {
            break;
        }
        let line: Line = serde_json::from_str(&text).map_err(unreadable)?;
        if !tables.iter().any(|table| table.name == line.table) {
            return Err(Error::Invalid(format!(
                "The backup has a table {} that its own version of the schema does not have.",
                crate::protocol::sentence(&line.table)
            )));
        }
        // Runs of lines of one table are read again in one go.
        let runs = places.entry(line.table).or_default();
        match runs.last_mut() {
            Some((_, end)) if *end == at => *end = at + read,
            _ => runs.push((at, at + read)),
        }
        at += read;
    }
    for table in &tables {
        for (begin, end) in places.get(&table.name).into_iter().flatten() {
            use std::io::{Seek, SeekFrom};
            reader.seek(SeekFrom::Start(*begin))?;
            let mut at = *begin;
            while at < *end {
                text.clear();
                at += reader.read_line(&mut text)? as u64;
                let line: Line = serde_json::from_str(&text).map_err(unreadable)?;
                let id = line.row.get("id").and_then(|id| id.as_str()).unwrap_or_default();
                let is_gone =
                    matches!(table.name.as_str(), "files" | "results") && gone.iter().any(|gone| gone == id);
                if !is_gone {
                    dump::insert(conn, table, line.row)?;
                }
            }
        }
    }
    Ok(())
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::Invalid(format!("A row of the backup cannot be read: {error}."))
}

/// Writes every entry below `to`; the archive may have changed since it was checked, so sums are compared
/// again.
fn unpack(from: &Path, to: &Path, sums: &BTreeMap<String, String>) -> Result<()> {
    let entries = archive::read(from, |name, bytes, contents| {
        let path = to.join(name);
        if let Some(folder) = path.parent() {
            make(folder)?;
        }
        if name == "secret.key" && bytes > MAX_KEY {
            return Err(Error::Invalid("The secret key in the backup is none.".into()));
        }
        let mut file = archive::create_private(&path)?;
        std::io::copy(contents, &mut file).map_err(|error| archive::broken(&error))?;
        archive::settle(file)
    })?;
    for entry in entries {
        if entry.path != "manifest.json" && sums.get(&entry.path) != Some(&entry.sha256) {
            return Err(Error::Invalid(
                "The backup was changed while it was restored; nothing of it is in use. Try again.".into(),
            ));
        }
    }
    Ok(())
}

/// Errors: `Conflict` when there is a store, or anything stored, already.
fn refuse_to_overwrite(config: &Config, data_dir: &Path, store: &Path) -> Result<()> {
    let occupied = |what: &str| {
        Error::Conflict(format!(
            "There {what} in {} already, and a restore overwrites nothing. Name an empty folder with --data-dir, or \
             move this one away.",
            data_dir.display()
        ))
    };
    if config.database.url.is_none() && store.exists() {
        return Err(occupied("are records"));
    }
    if matches!(config.storage.place, crate::config::StoragePlace::Local) {
        for folder in ["files", "results"] {
            let folder = data_dir.join(folder);
            if folder.exists() && std::fs::read_dir(&folder)?.next().is_some() {
                return Err(occupied("are files"));
            }
        }
    }
    if config.server.secret_key.is_none() && key::path(data_dir).exists() {
        return Err(occupied("is a secret key"));
    }
    Ok(())
}

/// What a killed restore left: all of it is ours, since a restore begins with nothing there.
fn clear_half(config: &Config, data_dir: &Path) -> Result<()> {
    let remove = |path: PathBuf| -> Result<()> {
        let outcome = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        match outcome {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    };
    if config.database.url.is_none() && data_dir.join("custard.db").exists() {
        // The store is the last thing that appears: this restore was complete.
        return remove(data_dir.join(MARKER));
    }
    if matches!(config.storage.place, crate::config::StoragePlace::Local) {
        remove(data_dir.join("files"))?;
        remove(data_dir.join("results"))?;
    }
    if config.server.secret_key.is_none() {
        remove(key::path(data_dir))?;
    }
    Ok(())
}

/// The database file alone, whole: what SQLite keeps beside it is written into it.
fn settle_sqlite(path: &Path) -> Result<()> {
    Db::settle(path)?;
    std::fs::File::open(path)?.sync_all()?;
    Ok(())
}

fn make(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| {
            Error::Invalid(format!(
                "The folder {} cannot be made: {error}.",
                folder.display()
            ))
        })
}

impl Checked {
    fn sums(&self) -> BTreeMap<String, String> {
        self.entries
            .iter()
            .map(|entry| (entry.path.clone(), entry.sha256.clone()))
            .collect()
    }

    /// Whether the thing belongs to a row that is not restored.
    fn is_gone(&self, path: &str) -> bool {
        let id = path
            .split('/')
            .nth(1)
            .map(|id| id.trim_end_matches(".arrow"))
            .unwrap_or_default();
        self.gone.iter().any(|gone| gone == id)
    }
}
