//! Taking a backup, beside a running server: one snapshot of the store, and the files it names. Nobody waits
//! for it, and nothing half is ever seen under the backup's name.

use std::collections::BTreeMap;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use super::archive::{Writer, add_json, create_private};
use super::{FORMAT, Format, Line, Manifest, Summary, inside};
use crate::config::Config;
use crate::db::{Db, dump};
use crate::error::{Error, Result};
use crate::id;
use crate::seal::key;
use crate::storage::Scratch;
use crate::storage::moving::Place;

/// How often the snapshot is taken anew when files change under it.
const TRIES: u32 = 5;

/// Whether the generated secret key goes into the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    Included,
    LeftOut,
}

/// What a snapshot names.
struct Snapshot {
    rows: BTreeMap<String, u64>,
    schema: Vec<String>,
    /// Keys of stored things, each with the row (table and id) that names it.
    needed: Vec<(String, Named)>,
}

#[derive(Clone)]
struct Named {
    table: &'static str,
    id: String,
}

/// Writes a backup to `to`. Errors: `Conflict` when there is such a file already.
pub async fn export(config: &Config, to: &Path, secret: Secret) -> Result<Summary> {
    if to.exists() {
        return Err(Error::Conflict(format!(
            "{} exists already, and a backup overwrites nothing. Choose another name.",
            to.display()
        )));
    }
    let folder = match to.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let name = to
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| Error::Invalid("The backup needs a file's name.".into()))?
        .to_owned();
    if !config.server.data_dir.is_dir() {
        return Err(Error::Invalid(format!(
            "There is no data folder {}; name the server's with --data-dir or --config.",
            config.server.data_dir.display()
        )));
    }
    clear_parts(&folder, &name)?;
    let data_dir = config.server.data_dir.canonicalize()?;
    let place = Place::open(&data_dir, &config.storage)?;
    let (file, url) = (data_dir.join("custard.db"), config.database.url.clone());
    if url.is_none() && !file.exists() {
        return Err(Error::Invalid(format!(
            "There are no records in {}; name the server's folder with --data-dir or --config.",
            data_dir.display()
        )));
    }
    let pool = config.database.pool_size;
    let db = tokio::task::spawn_blocking(move || Db::attach(&file, url.as_ref(), pool))
        .await
        .map_err(Error::internal)??;
    let mut part = Part(Some(folder.join(format!(".{name}.{}.part", id::new()))));
    for attempt in 1.. {
        if let Some(summary) = take(config, &data_dir, &db, &place, part.path(), secret, attempt).await? {
            // The name appears only now, and only if nobody took it meanwhile.
            std::fs::hard_link(part.path(), to).map_err(|error| {
                if error.kind() == std::io::ErrorKind::AlreadyExists {
                    Error::Conflict(format!("{} was made by somebody else meanwhile.", to.display()))
                } else {
                    error.into()
                }
            })?;
            std::fs::File::open(&folder)?.sync_all()?;
            part.remove();
            return Ok(summary);
        }
        part.remove();
        part = Part(Some(folder.join(format!(".{name}.{}.part", id::new()))));
        tracing::info!("files changed while the backup was taken; it begins anew");
    }
    unreachable!("the last attempt does not give None")
}

/// One try; None when a file was imported anew meanwhile, so that the snapshot names what is no more.
async fn take(
    config: &Config,
    data_dir: &Path,
    db: &Db,
    place: &Place,
    part: &Path,
    secret: Secret,
    attempt: u32,
) -> Result<Option<Summary>> {
    let work = Scratch::new(data_dir)?;
    let rows_file = work.path().join("store.jsonl");
    let (source, target) = (db.clone(), rows_file.clone());
    let snapshot = tokio::task::spawn_blocking(move || read_store(&source, &target))
        .await
        .map_err(Error::internal)??;
    let mut writer = Writer::new(create_private(part)?)?;
    let format = Format {
        clean_custard_backup: FORMAT,
        product: env!("CARGO_PKG_VERSION").into(),
        created_at: id::iso(id::now()),
        schema: snapshot.schema.clone(),
    };
    add_json(&mut writer, "format.json", &format)?;
    let mut summary = Summary {
        rows: snapshot.rows.values().sum(),
        ..Summary::default()
    };
    let mut writer = add_file(writer, "store.jsonl".into(), rows_file).await?;
    if secret == Secret::Included && config.server.secret_key.is_none() && key::path(data_dir).exists() {
        writer = add_file(writer, "secret.key".into(), key::path(data_dir)).await?;
        summary.secret_key = true;
    }
    let mut gone = Vec::new();
    for (key, named) in &snapshot.needed {
        if gone.contains(&named.id) {
            continue;
        }
        let copy = work.path().join("copy");
        match place.read(key, &copy).await {
            Ok(_) => {
                writer = add_file(writer, key.clone(), copy.clone()).await?;
                tokio::fs::remove_file(&copy).await?;
                match named.table {
                    "files" if key.ends_with("/original") => summary.files += 1,
                    "results" => summary.results += 1,
                    _ => {}
                }
            }
            Err(Error::NotFound(_)) => {
                let _ = tokio::fs::remove_file(&copy).await;
                if still_named(db, named).await? {
                    // Imported anew, or really missing.
                    if attempt < TRIES {
                        return Ok(None);
                    }
                    return Err(Error::Invalid(format!(
                        "{key} is missing from the storage. `clean-custard verify` lists everything that is; remove \
                         those files in the web page, or restore them, and then take the backup."
                    )));
                }
                gone.push(named.id.clone());
            }
            Err(error) => return Err(error),
        }
    }
    let manifest = Manifest {
        entries: writer.entries.clone(),
        rows: snapshot.rows,
        gone,
    };
    summary.bytes = manifest.entries.iter().map(|entry| entry.bytes).sum();
    tokio::task::spawn_blocking(move || {
        add_json(&mut writer, "manifest.json", &manifest)?;
        writer.finish()
    })
    .await
    .map_err(Error::internal)??;
    Ok(Some(summary))
}

async fn add_file(mut writer: Writer, key: String, path: PathBuf) -> Result<Writer> {
    tokio::task::spawn_blocking(move || {
        let file = std::fs::File::open(&path)?;
        let bytes = file.metadata()?.len();
        writer.add(&key, bytes, file)?;
        Ok(writer)
    })
    .await
    .map_err(Error::internal)?
}

/// Every row into a file, in one snapshot.
fn read_store(db: &Db, to: &Path) -> Result<Snapshot> {
    let mut out = BufWriter::new(create_private(to)?);
    let snapshot = db.snapshot(|conn| {
        let mut snapshot = Snapshot {
            rows: BTreeMap::new(),
            schema: dump::applied(conn)?,
            needed: Vec::new(),
        };
        for table in dump::tables(conn)? {
            let name = table.name.clone();
            let rows = dump::dump(conn, &table, |row| {
                let kind = match name.as_str() {
                    "files" => Some("files"),
                    "results" => Some("results"),
                    _ => None,
                };
                if let Some(table) = kind {
                    let id = row
                        .get("id")
                        .and_then(|id| id.as_str())
                        .unwrap_or_default()
                        .to_owned();
                    let named = Named { table, id };
                    let keys = inside::needed(table, &row)?;
                    snapshot
                        .needed
                        .extend(keys.into_iter().map(|(key, _)| (key, named.clone())));
                }
                let line = Line {
                    table: name.clone(),
                    row,
                };
                serde_json::to_writer(&mut out, &line).map_err(Error::internal)?;
                out.write_all(b"\n")?;
                Ok(())
            })?;
            snapshot.rows.insert(name, rows);
        }
        Ok(snapshot)
    })?;
    out.flush()?;
    out.get_mut().rewind()?;
    Ok(snapshot)
}

/// Whether the store still has the row.
async fn still_named(db: &Db, named: &Named) -> Result<bool> {
    let Named { table, id } = named.clone();
    db.read(move |conn| match table {
        "files" => crate::db::files::exists(conn, &id),
        _ => crate::db::results::exists(conn, &id),
    })
    .await
}

/// What earlier backups of this name left when they were killed.
fn clear_parts(folder: &Path, name: &str) -> Result<()> {
    let prefix = format!(".{name}.");
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Error::Invalid(format!("{} cannot be read: {error}.", folder.display())))?;
    for entry in entries {
        let entry = entry?;
        let found = entry.file_name();
        let found = found.to_string_lossy();
        if found.starts_with(&prefix) && found.ends_with(".part") {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A file under a name that nobody looks for; removed unless it was taken.
struct Part(Option<PathBuf>);

impl Part {
    fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(""))
    }

    fn remove(&mut self) {
        if let Some(path) = self.0.take() {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.remove();
    }
}
