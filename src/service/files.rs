//! Uploaded files: taken in, imported in a child process, kept with their original, asked about.
//!
//! A row in the store is the last step of an upload: before it nothing is visible, and what a crash leaves
//! in the storage is swept away at the next start.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use tokio::sync::Semaphore;

use super::access::Access;
use super::accounts::Identity;
use super::caches::{self, Caches};
use super::status::{Change, Events};
use crate::ask::taught::{self, Taught};
use crate::ask::{Candidate, CandidateKind};
use crate::config::{FilesConfig, QueryConfig};
use crate::db::{Db, audit, examples, files as records, glossary};
use crate::error::{Error, Result};
use crate::id;
use crate::ingest::profile::Profile;
use crate::ingest::{self, ImportLimits, ImportedTable, Overrides};
use crate::source::files::{Engine, FileTable, Files as FileSource};
use crate::storage::{self, Storage};

/// Files asked about at once at most, when the asker did not choose.
const MAX_CANDIDATE_FILES: usize = 100;

/// Memory for what imports found, in bytes, and how long it is kept.
const CATALOG_BYTES: u64 = 32 << 20;
const CATALOG_TIME: Duration = Duration::from_secs(60 * 60);

/// Files of organisations. Cheap to clone.
#[derive(Clone)]
pub struct Files {
    db: Db,
    storage: Storage,
    events: Events,
    limits: ImportLimits,
    importing: Arc<Semaphore>,
    /// Imports that run or wait.
    waiting: Arc<AtomicUsize>,
    engine: Engine,
    max_upload: u64,
    /// What imports found, by their generation; an import never changes.
    imports: caches::Counted<String, Arc<Import>>,
}

/// What an import found and what its user had decided.
struct Import {
    tables: Vec<ImportedTable>,
    overrides: Overrides,
}

/// An imported file.
#[derive(Debug, Clone)]
pub struct File {
    pub record: records::File,
    pub tables: Vec<ImportedTable>,
    pub overrides: Overrides,
}

/// Where a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Upload,
    /// Embedded in the program.
    Sample,
}

/// An upload under way: a file in the incoming folder, removed when this is dropped before it was imported.
pub struct Incoming {
    path: PathBuf,
    /// What its owner calls it.
    pub name: String,
    pub size: u64,
}

impl Incoming {
    /// Where to write the bytes.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Files {
    pub fn new(
        db: Db,
        storage: Storage,
        events: Events,
        files: &FilesConfig,
        query: &QueryConfig,
        caches: &Caches,
    ) -> Files {
        Files {
            db,
            events,
            imports: caches.add(
                "catalogs",
                CATALOG_BYTES,
                CATALOG_TIME,
                |_, import: &Arc<Import>| import.weight(),
            ),
            limits: ImportLimits {
                memory_bytes: files.import_memory_bytes,
                time: files.import_time,
            },
            importing: Arc::new(Semaphore::new(files.imports_at_once)),
            waiting: Arc::default(),
            engine: Engine {
                memory_bytes: usize::try_from(query.memory_bytes).unwrap_or(usize::MAX),
                spill_dir: storage.spill(),
            },
            max_upload: files.max_upload_bytes,
            storage,
        }
    }

    /// Imports that run or wait for their turn.
    pub fn importing(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// One uploaded file at most, in bytes.
    pub fn max_upload(&self) -> u64 {
        self.max_upload
    }

    /// A place for an upload called `name`.
    pub fn incoming(&self, name: &str) -> Incoming {
        Incoming {
            path: self.storage.incoming(),
            name: clean_name(name),
            size: 0,
        }
    }

    /// Imports an upload and keeps it. Dropping the future stops the import and leaves nothing. Errors: as
    /// [`ingest::import`].
    pub async fn import(&self, who: &Identity, incoming: Incoming, origin: Origin) -> Result<File> {
        let _counted = Counted::new(&self.waiting);
        let _turn = self.importing.acquire().await.map_err(Error::internal)?;
        let file_id = id::new();
        let generation = id::new();
        let cleanup = RemoveOnDrop::new(self.storage.file(&file_id), None);
        let out = self.storage.import(&file_id, &generation);
        tokio::fs::create_dir_all(&out).await?;
        let imported = ingest::import(
            incoming.path(),
            &incoming.name,
            &out,
            &Overrides::default(),
            &self.limits,
        )
        .await?;
        let original = self.storage.original(&file_id);
        tokio::fs::rename(incoming.path(), &original).await?;
        self.publish(&out, &imported.tables).await?;
        self.storage.publish(&original).await?;
        let record = records::File {
            id: file_id,
            organization_id: who.organization_id.clone(),
            created_by: who.user_id.clone(),
            name: incoming.name.clone(),
            format: format_name(imported.format)?,
            size_bytes: i64::try_from(incoming.size).map_err(Error::internal)?,
            sample: origin == Origin::Sample,
            generation,
            tables: to_json(&imported.tables)?,
            overrides: to_json(&Overrides::default())?,
            created_at: id::now(),
        };
        let stored = record.clone();
        let deed = who.did(
            "file.created",
            "file",
            &record.id,
            json!({ "name": record.name, "bytes": record.size_bytes, "sample": record.sample }),
        );
        self.db
            .write(move |conn| {
                records::insert(conn, stored)?;
                audit::append(conn, &deed)
            })
            .await?;
        cleanup.keep();
        self.events.tell(&who.organization_id, Change::Files);
        Ok(File {
            record,
            tables: imported.tables,
            overrides: Overrides::default(),
        })
    }

    /// Imports embedded files that are not there yet, and gives all of them. Errors: as [`Files::import`].
    pub async fn add_samples(&self, who: &Identity, samples: &[(&str, &[u8])]) -> Result<Vec<File>> {
        let present = self.list(who).await?;
        let mut files = Vec::with_capacity(samples.len());
        for (name, bytes) in samples {
            if let Some(file) = present
                .iter()
                .find(|file| file.record.sample && file.record.name == *name)
            {
                files.push(file.clone());
                continue;
            }
            let mut incoming = self.incoming(name);
            tokio::fs::write(incoming.path(), bytes).await?;
            incoming.size = bytes.len() as u64;
            files.push(self.import(who, incoming, Origin::Sample).await?);
        }
        Ok(files)
    }

    /// Imports the kept original again with the user's decisions. The former import stays until the new one
    /// is complete. Errors: `NotFound`, and as [`ingest::import`].
    pub async fn change(&self, who: &Identity, id: &str, overrides: Overrides) -> Result<File> {
        let file = self.get(who, id).await?;
        let outcome = self.import_again(who, file.clone(), overrides).await;
        self.or_meanwhile(&file, outcome).await
    }

    async fn import_again(&self, who: &Identity, file: File, overrides: Overrides) -> Result<File> {
        let _turn = self.importing.acquire().await.map_err(Error::internal)?;
        let id = file.record.id.as_str();
        let generation = id::new();
        let out = self.storage.import(id, &generation);
        // The file may be deleted meanwhile: then its folder goes too.
        let cleanup = RemoveOnDrop::new(out.clone(), Some(self.storage.file(id)));
        tokio::fs::create_dir_all(&out).await?;
        let original = self.storage.original(id);
        let _here = self.storage.fetch(&original).await?;
        let imported = ingest::import(&original, &file.record.name, &out, &overrides, &self.limits).await?;
        self.publish(&out, &imported.tables).await?;
        let former = file.record.generation.clone();
        let mut record = file.record.clone();
        record.generation = generation;
        record.tables = to_json(&imported.tables)?;
        record.overrides = to_json(&overrides)?;
        let (stored, replaced) = (record.clone(), former.clone());
        let deed = who.did("file.changed", "file", id, json!({ "name": record.name }));
        self.db
            .write(move |conn| {
                let is_replaced = records::replace_import(
                    conn,
                    &stored.id,
                    &replaced,
                    &stored.generation,
                    &stored.tables,
                    &stored.overrides,
                )?;
                if !is_replaced {
                    return Err(meanwhile());
                }
                audit::append(conn, &deed)
            })
            .await?;
        cleanup.keep();
        // Queries that run on the former import hold its files open; on Unix they may finish.
        if let Err(error) = self.storage.remove_import(id, &former).await {
            tracing::warn!(%error, file = %id, "a former import could not be removed");
        }
        self.events.tell(&who.organization_id, Change::Files);
        Ok(File {
            record,
            tables: imported.tables,
            overrides,
        })
    }

    /// Keeps what an import made.
    async fn publish(&self, folder: &Path, tables: &[ImportedTable]) -> Result<()> {
        for table in tables {
            self.storage.publish(&folder.join(&table.parquet)).await?;
        }
        Ok(())
    }

    /// The organisation's files that this person may see, newest first.
    pub async fn list(&self, who: &Identity) -> Result<Vec<File>> {
        let organization = who.organization_id.clone();
        let all = self
            .db
            .read(move |conn| records::all(conn, &organization))
            .await?;
        let seen = all.into_iter().filter(|record| Access::of(who).sees(&record.id));
        let mut files = Vec::new();
        for record in seen {
            files.push(self.file(record).await?);
        }
        Ok(files)
    }

    /// Errors: `NotFound`.
    pub async fn get(&self, who: &Identity, id: &str) -> Result<File> {
        see(who, id)?;
        let (organization, target) = (who.organization_id.clone(), id.to_owned());
        let record = self
            .db
            .read(move |conn| records::one(conn, &organization, &target))
            .await
            .map_err(|error| match error {
                Error::NotFound(_) => missing(),
                other => other,
            })?;
        self.file(record).await
    }

    /// A record with what its import found.
    async fn file(&self, record: records::File) -> Result<File> {
        let import = match self.imports.get(&record.generation).await {
            Some(import) => import,
            None => {
                let import = Arc::new(Import {
                    tables: serde_json::from_str(&record.tables).map_err(Error::internal)?,
                    overrides: serde_json::from_str(&record.overrides).map_err(Error::internal)?,
                });
                self.imports
                    .insert(record.generation.clone(), import.clone())
                    .await;
                import
            }
        };
        Ok(File {
            tables: import.tables.clone(),
            overrides: import.overrides.clone(),
            record,
        })
    }

    /// Errors: `NotFound`.
    pub async fn delete(&self, who: &Identity, id: &str) -> Result<()> {
        let file = self.get(who, id).await?;
        let (organization, target) = (who.organization_id.clone(), id.to_owned());
        let deed = who.did("file.deleted", "file", id, json!({ "name": file.record.name }));
        self.db
            .write(move |conn| {
                if !records::delete(conn, &organization, &target)? {
                    return Err(missing());
                }
                glossary::forget_source(conn, &organization, &target)?;
                examples::forget_source(conn, &organization, &target)?;
                audit::append(conn, &deed)
            })
            .await?;
        self.storage.remove_file(id).await?;
        self.events.tell(&who.organization_id, Change::Files);
        Ok(())
    }

    /// What went wrong with a file's contents, where the file was deleted or changed at the same moment: that.
    async fn or_meanwhile<T>(&self, file: &File, outcome: Result<T>) -> Result<T> {
        let Err(error) = outcome else { return outcome };
        let (organization, id) = (file.record.organization_id.clone(), file.record.id.clone());
        let now = self
            .db
            .read(move |conn| records::one(conn, &organization, &id))
            .await;
        Err(match now {
            Ok(now) if now.generation != file.record.generation => meanwhile(),
            Err(Error::NotFound(_)) => missing(),
            Ok(_) | Err(_) => error,
        })
    }

    /// Statistics of one table. Errors: `NotFound`; `Conflict` when the file is changed at the same moment.
    pub async fn profile(&self, file: &File, table: &ImportedTable) -> Result<Profile> {
        let read = async {
            let _turn = self.importing.acquire().await.map_err(Error::internal)?;
            let path = self.parquet(file, table);
            let _here = self.storage.fetch(&path).await?;
            ingest::profile(&path, &self.limits).await
        };
        self.or_meanwhile(file, read.await).await
    }

    /// The first rows of one table. Errors: as [`Files::profile`].
    pub async fn head(&self, file: &File, table: &ImportedTable, limit: usize) -> Result<Vec<RecordBatch>> {
        let path = self.parquet(file, table);
        let read = async {
            let here = self.storage.fetch(&path).await?;
            head_of(path, here, limit).await
        };
        self.or_meanwhile(file, read.await).await
    }

    /// The Parquet of one table.
    pub fn parquet(&self, file: &File, table: &ImportedTable) -> PathBuf {
        self.storage
            .import(&file.record.id, &file.record.generation)
            .join(&table.parquet)
    }

    /// The chosen files as one thing to ask; without a choice all that this person may see. None when there
    /// are none. Errors: `NotFound` for an id that is not among those.
    pub async fn candidate(&self, who: &Identity, ids: Option<&[String]>) -> Result<Option<Candidate>> {
        let files = match ids {
            None => {
                let mut all = self.list(who).await?;
                all.truncate(MAX_CANDIDATE_FILES);
                all
            }
            Some(ids) => {
                let mut chosen = Vec::with_capacity(ids.len());
                for id in ids {
                    chosen.push(self.get(who, id).await?);
                }
                chosen
            }
        };
        if files.is_empty() {
            return Ok(None);
        }
        let tables = files
            .iter()
            .flat_map(|file| {
                file.tables.iter().map(|table| FileTable {
                    table: table.table.clone(),
                    parquet: self.parquet(file, table),
                })
            })
            .collect();
        let name = match files.as_slice() {
            [only] => only.record.name.clone(),
            several if several.len() <= 3 => several
                .iter()
                .map(|file| file.record.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            several => format!("{} files", several.len()),
        };
        Ok(Some(Candidate {
            kind: CandidateKind::Files,
            name,
            ids: files.iter().map(|file| file.record.id.clone()).collect(),
            origins: files.iter().flat_map(File::origins).collect(),
            taught: Taught::default(),
            source: Arc::new(FileSource::new(tables, self.engine.clone()).stored_in(self.storage.clone())),
        }))
    }
}

impl Import {
    /// About how many bytes it takes: names, values and comments of its columns are most of it.
    fn weight(&self) -> usize {
        serde_json::to_string(&self.tables).map_or(usize::MAX, |text| 2 * text.len())
    }
}

impl File {
    /// Where its tables come from, for whatever they are called beside others.
    fn origins(&self) -> impl Iterator<Item = taught::Origin> {
        self.tables.iter().map(|table| taught::Origin {
            file_id: self.record.id.clone(),
            table: table.table.name.clone(),
        })
    }

    /// The table of this name; without a name the only or first one. Errors: `NotFound`.
    pub fn table(&self, name: Option<&str>) -> Result<&ImportedTable> {
        let found = match name {
            None => self.tables.first(),
            Some(name) => self.tables.iter().find(|table| table.table.name == name),
        };
        found.ok_or_else(|| {
            let names: Vec<&str> = self
                .tables
                .iter()
                .map(|table| table.table.name.as_str())
                .collect();
            Error::NotFound(format!(
                "This file has no table of that name; it has: {}.",
                names.join(", ")
            ))
        })
    }
}

/// Counts one while it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Counted {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Removes a folder unless told to keep it: an import that failed or was cancelled leaves nothing.
struct RemoveOnDrop {
    path: Option<PathBuf>,
    /// Where it lies, which goes too when nothing is left in it.
    folder: Option<PathBuf>,
}

impl RemoveOnDrop {
    fn new(path: PathBuf, folder: Option<PathBuf>) -> RemoveOnDrop {
        RemoveOnDrop {
            path: Some(path),
            folder,
        }
    }

    fn keep(mut self) {
        self.path = None;
    }
}

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        let Some(path) = self.path.take() else { return };
        if let Err(error) = std::fs::remove_dir_all(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "what an import left could not be removed");
        }
        if let Some(folder) = &self.folder {
            // One that holds anything stays.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// The last part of a path, without control characters, at most 200 characters: names come from browsers.
fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last
        .chars()
        .filter(|letter| !letter.is_control())
        .take(200)
        .collect();
    let clean = clean.trim();
    if clean.is_empty() || clean == "." || clean == ".." {
        "file".into()
    } else {
        clean.into()
    }
}

fn format_name(format: ingest::Format) -> Result<String> {
    Ok(serde_json::to_value(format)
        .map_err(Error::internal)?
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

/// Errors: `NotFound` for what this person may not see.
fn see(who: &Identity, id: &str) -> Result<()> {
    match Access::of(who).sees(id) {
        true => Ok(()),
        false => Err(missing()),
    }
}

/// The first rows of a Parquet file that `here` keeps in place.
async fn head_of(path: PathBuf, here: storage::Pin, limit: usize) -> Result<Vec<RecordBatch>> {
    tokio::task::spawn_blocking(move || {
        let _here = here;
        let file = std::fs::File::open(path)?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.with_limit(limit).with_batch_size(limit.max(1)).build())
            .map_err(Error::internal)?;
        reader.map(|batch| batch.map_err(Error::from)).collect()
    })
    .await
    .map_err(Error::internal)?
}

/// Somebody else was quicker.
fn meanwhile() -> Error {
    Error::Conflict(
        "The file was changed at the same moment. Look at it again, then repeat what you wanted.".into(),
    )
}

fn missing() -> Error {
    Error::NotFound("There is no file with this id.".into())
}
