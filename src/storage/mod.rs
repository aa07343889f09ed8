//! Where uploaded files and results lie: a local folder, or S3-compatible storage or Cloudinary with local
//! copies of what is in use.
//!
//! ```text
//! files/<file id>/original                 as it was uploaded
//! files/<file id>/<generation>/…parquet    what the import made of it
//! results/<result id>.arrow                stored results
//! incoming/<process>.<id>                  uploads under way
//! spill/<process>/                         what queries over files spill
//! work/<process>.lock                      held while that process lives
//! cache/…                                  copies, as above, of what lies elsewhere
//! ```
//! A path below `files` and `results` is also the key under which a thing lies elsewhere. A file counts only
//! once the store has a row for it; what no row names is an orphan of a crash and is removed.

mod cache;
mod cloudinary;
pub mod moving;
mod remote;
mod s3;

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use self::cache::Cache;
pub use self::cache::Pin;
pub use self::remote::{Object, Remote};
use crate::config::StorageConfig;
use crate::error::{Error, Result};

/// How old an orphan has to be before a server removes it that may not be the only one: another one may be
/// writing it right now.
const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// The storage. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    /// Names what this process has under way.
    process: String,
    sharing: Sharing,
    elsewhere: Option<Elsewhere>,
    /// Held open, and so locked, while the process lives.
    _locks: Vec<File>,
}

struct Elsewhere {
    remote: Remote,
    cache: Cache,
}

/// Whether other servers may use the same storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// This server alone; a second one on the same folder is refused.
    Alone,
    /// Servers that share a PostgreSQL.
    Shared,
}

impl Storage {
    /// Makes the folders (mode 0700) and removes what dead processes had under way. Errors: `Invalid` with
    /// the path when the folder cannot be written, or when another server uses it that must not.
    pub fn open(root: &Path, config: &StorageConfig, sharing: Sharing) -> Result<Storage> {
        let process = crate::id::new();
        for folder in [
            "files",
            "results",
            "incoming",
            "spill",
            "work",
            "cache/files",
            "cache/results",
        ] {
            let folder = root.join(folder);
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .map_err(|error| unwritable(&folder, &error))?;
        }
        let mut locks = Vec::new();
        if sharing == Sharing::Alone {
            locks.push(server_lock(root)?);
        }
        let own = root.join("work").join(format!("{process}.lock"));
        locks.extend(lock(&own)?);
        let elsewhere = match Remote::open(&config.place)? {
            None => None,
            Some(remote) => Some(Elsewhere {
                remote,
                cache: Cache::open(root.join("cache"), config.cache_bytes)?,
            }),
        };
        let storage = Storage {
            inner: Arc::new(Inner {
                root: root.to_owned(),
                process,
                sharing,
                elsewhere,
                _locks: locks,
            }),
        };
        clear_dead(root)?;
        Ok(storage)
    }

    /// The storage for commands beside a running server: nothing is cleared, nothing locked.
    pub fn beside(root: &Path, config: &StorageConfig) -> Result<Storage> {
        let elsewhere = match Remote::open(&config.place)? {
            None => None,
            Some(remote) => Some(Elsewhere {
                remote,
                cache: Cache::open(root.join("cache"), config.cache_bytes)?,
            }),
        };
        Ok(Storage {
            inner: Arc::new(Inner {
                root: root.to_owned(),
                process: crate::id::new(),
                sharing: Sharing::Shared,
                elsewhere,
                _locks: Vec::new(),
            }),
        })
    }

    /// `local`, `s3` or `cloudinary`.
    pub fn kind(&self) -> &'static str {
        match &self.inner.elsewhere {
            None => "local",
            Some(elsewhere) => elsewhere.remote.kind(),
        }
    }

    /// Whether things can be written, read and removed. Errors: a sentence that says which failed.
    pub async fn check(&self) -> Result<()> {
        match &self.inner.elsewhere {
            Some(elsewhere) => elsewhere.remote.check().await,
            None => {
                let folder = self.inner.root.join("incoming");
                tokio::task::spawn_blocking(move || {
                    tempfile::tempfile_in(&folder)
                        .map(drop)
                        .map_err(|error| unwritable(&folder, &error))
                })
                .await
                .map_err(Error::internal)?
            }
        }
    }

    /// Removes what no row of the store names: leftovers of a crash between storage and store. `files` and
    /// `results` have to be read from the store right before. Where other servers may be at work, only what
    /// is older than a day goes.
    pub async fn sweep(&self, files: Vec<(String, String)>, results: Vec<String>) -> Result<()> {
        let storage = self.clone();
        let known = Known::new(&files, &results);
        let known = tokio::task::spawn_blocking(move || {
            storage.sweep_local(&known)?;
            Ok::<_, Error>(known)
        })
        .await
        .map_err(Error::internal)??;
        if let Some(elsewhere) = &self.inner.elsewhere {
            for prefix in ["files/", "results/"] {
                for object in elsewhere.remote.list(prefix).await? {
                    if !known.names(&object.key) && self.is_old(&object.key) {
                        tracing::info!(key = %object.key, "removing what was never finished");
                        elsewhere.remote.delete(&object.key).await?;
                    }
                }
            }
        }
        Ok(())
    }

    fn sweep_local(&self, known: &Known) -> Result<()> {
        let base = self.base();
        for entry in read_dir(&base.join("files"))? {
            let entry = entry?;
            let name = entry.file_name();
            let id = name.to_string_lossy();
            let Some(generation) = known.files.get(id.as_ref()) else {
                if self.is_old(&format!("files/{id}/")) {
                    tracing::info!(file = %id, "removing an upload that was never finished");
                    remove(&entry.path())?;
                }
                continue;
            };
            for inner in read_dir(&entry.path())? {
                let inner = inner?;
                let name = inner.file_name();
                let name = name.to_string_lossy();
                let stale = inner.file_type()?.is_dir() && name != *generation;
                if stale && self.is_old(&format!("files/{id}/{name}/")) {
                    remove(&inner.path())?;
                }
            }
        }
        for entry in read_dir(&base.join("results"))? {
            let entry = entry?;
            let name = entry.file_name();
            let key = format!("results/{}", name.to_string_lossy());
            if !known.names(&key) && self.is_old(&key) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Whether what has this key was made long enough ago: the youngest id in it says when.
    fn is_old(&self, key: &str) -> bool {
        // What lies elsewhere is looked through while work goes on already.
        if self.inner.sharing == Sharing::Alone && self.inner.elsewhere.is_none() {
            return true;
        }
        let made = key
            .split(['/', '.'])
            .filter_map(|part| uuid::Uuid::parse_str(part).ok()?.get_timestamp())
            .map(|time| time.to_unix().0)
            .max();
        let Some(made) = made.and_then(|seconds| DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0))
        else {
            // No name of ours: somebody else's, in a bucket that is shared.
            return false;
        };
        (Utc::now() - made).to_std().is_ok_and(|age| age > GRACE)
    }

    fn base(&self) -> PathBuf {
        match &self.inner.elsewhere {
            None => self.inner.root.clone(),
            Some(_) => self.inner.root.join("cache"),
        }
    }

    /// The local folder of a file.
    pub fn file(&self, id: &str) -> PathBuf {
        self.base().join("files").join(id)
    }

    /// The original of a file.
    pub fn original(&self, id: &str) -> PathBuf {
        self.file(id).join("original")
    }

    /// The folder of one import of a file.
    pub fn import(&self, id: &str, generation: &str) -> PathBuf {
        self.file(id).join(generation)
    }

    /// The rows of a stored result.
    pub fn result(&self, id: &str) -> PathBuf {
        self.base().join("results").join(format!("{id}.arrow"))
    }

    /// A place for an upload under way.
    pub fn incoming(&self) -> PathBuf {
        let name = format!("{}.{}", self.inner.process, crate::id::new());
        self.inner.root.join("incoming").join(name)
    }

    /// Where queries over files spill.
    pub fn spill(&self) -> PathBuf {
        self.inner.root.join("spill").join(&self.inner.process)
    }

    /// Keeps a complete local file for good: takes it to where things lie. Errors: it could not be taken.
    pub async fn publish(&self, path: &Path) -> Result<()> {
        let Some(elsewhere) = &self.inner.elsewhere else {
            return Ok(());
        };
        let key = self.key(path)?;
        elsewhere.remote.put(&key, path).await?;
        elsewhere.cache.add(&key, path);
        Ok(())
    }

    /// Sees to it that the file at this path is here, and keeps it here while the pin lives. Errors:
    /// `NotFound` when it lies nowhere.
    pub async fn fetch(&self, path: &Path) -> Result<Pin> {
        let Some(elsewhere) = &self.inner.elsewhere else {
            return Ok(Pin::default());
        };
        let key = self.key(path)?;
        elsewhere.cache.fetch(&key, path, &elsewhere.remote).await
    }

    /// The key of a local path.
    fn key(&self, path: &Path) -> Result<String> {
        path.strip_prefix(self.base())
            .ok()
            .and_then(|key| key.to_str())
            .map(str::to_owned)
            .ok_or_else(|| Error::internal("a path outside the storage"))
    }

    /// Removes a file with all its imports. It is no error when there is none.
    pub async fn remove_file(&self, id: &str) -> Result<()> {
        if let Some(elsewhere) = &self.inner.elsewhere {
            elsewhere.remote.delete_all(&format!("files/{id}/")).await?;
            elsewhere.cache.forget(&format!("files/{id}/"));
        }
        absent_is_fine(tokio::fs::remove_dir_all(self.file(id)).await)
    }

    /// Removes one import of a file.
    pub async fn remove_import(&self, id: &str, generation: &str) -> Result<()> {
        if let Some(elsewhere) = &self.inner.elsewhere {
            let prefix = format!("files/{id}/{generation}/");
            elsewhere.remote.delete_all(&prefix).await?;
            elsewhere.cache.forget(&prefix);
        }
        absent_is_fine(tokio::fs::remove_dir_all(self.import(id, generation)).await)
    }

    /// Removes a stored result. It is no error when there is none.
    pub async fn remove_result(&self, id: &str) -> Result<()> {
        if let Some(elsewhere) = &self.inner.elsewhere {
            let key = format!("results/{id}.arrow");
            elsewhere.remote.delete(&key).await?;
            elsewhere.cache.forget(&key);
        }
        absent_is_fine(tokio::fs::remove_file(self.result(id)).await)
    }

    /// What the cache of local copies holds: entries, bytes, hits, misses; None when nothing lies elsewhere.
    pub fn cache(&self) -> Option<cache::Numbers> {
        self.inner
            .elsewhere
            .as_ref()
            .map(|elsewhere| elsewhere.cache.numbers())
    }
}

/// Removes what processes had under way that are no more.
fn clear_dead(root: &Path) -> Result<()> {
    let work = root.join("work");
    let mut alive = HashSet::new();
    for entry in read_dir(&work)? {
        let path = entry?.path();
        let is_lock = path.extension().is_some_and(|extension| extension == "lock");
        let Some(process) = path.file_stem().and_then(|name| name.to_str()) else {
            continue;
        };
        if !is_lock || process == "server" {
            continue;
        }
        // Locks are of open files, so a process does not get its own twice.
        if lock(&path)?.is_some() {
            remove(&path)?;
        } else {
            alive.insert(process.to_owned());
        }
    }
    for folder in ["incoming", "spill", "work"] {
        for entry in read_dir(&root.join(folder))? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let process = name.split('.').next().unwrap_or_default();
            if !alive.contains(process) && process != "server" {
                remove(&entry.path())?;
            }
        }
    }
    Ok(())
}

/// Held by the only server on a data folder, or by a command that must not run beside one. Errors: `Invalid`
/// while somebody else holds it.
pub fn server_lock(root: &Path) -> Result<File> {
    let work = root.join("work");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&work)
        .map_err(|error| unwritable(&work, &error))?;
    lock(&work.join("server.lock"))?.ok_or_else(|| {
        Error::Invalid(format!(
            "Another server is running on the data folder {}. Stop it first, or choose another folder with --data-dir.",
            root.display()
        ))
    })
}

/// A folder for work under way, for commands beside a running server. It goes with this, or with the next
/// process if this one is killed.
pub struct Scratch {
    folder: PathBuf,
    own: PathBuf,
    _lock: Option<File>,
}

impl Scratch {
    /// Below the data folder `root`.
    pub fn new(root: &Path) -> Result<Scratch> {
        let work = root.join("work");
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&work)
            .map_err(|error| unwritable(&work, &error))?;
        let process = crate::id::new();
        let own = work.join(format!("{process}.lock"));
        let lock = lock(&own)?;
        clear_dead(root)?;
        let folder = work.join(format!("{process}.scratch"));
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Scratch {
            folder,
            own,
            _lock: lock,
        })
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        let _ = std::fs::remove_file(&self.own);
    }
}

/// What the store knows of.
struct Known {
    files: std::collections::HashMap<String, String>,
    results: HashSet<String>,
}

impl Known {
    fn new(files: &[(String, String)], results: &[String]) -> Known {
        Known {
            files: files.iter().cloned().collect(),
            results: results.iter().map(|id| format!("{id}.arrow")).collect(),
        }
    }

    /// Whether a row names the thing of this key.
    fn names(&self, key: &str) -> bool {
        let parts: Vec<&str> = key.split('/').collect();
        match parts.as_slice() {
            ["files", id, "original"] => self.files.contains_key(*id),
            ["files", id, generation, _] => self.files.get(*id).is_some_and(|known| known == generation),
            ["results", name] => self.results.contains(*name),
            _ => false,
        }
    }
}

/// The lock on a file; None when another process holds it.
fn lock(path: &Path) -> Result<Option<File>> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| unwritable(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        // A file system without locks: nobody can be told apart, so everybody counts as alive.
        Err(std::fs::TryLockError::Error(error)) => {
            tracing::warn!(%error, path = %path.display(), "the file system of the data folder has no locks");
            Ok(Some(file))
        }
    }
}

/// The entries of a folder; none when there is no folder.
fn read_dir(folder: &Path) -> Result<Box<dyn Iterator<Item = std::io::Result<std::fs::DirEntry>>>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => Ok(Box::new(entries)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Box::new(std::iter::empty())),
        Err(error) => Err(error.into()),
    }
}

fn absent_is_fine(outcome: std::io::Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn remove(path: &Path) -> Result<()> {
    absent_is_fine(if path.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    })
}

fn unwritable(folder: &Path, error: &std::io::Error) -> Error {
    Error::Invalid(format!(
        "The data folder {} cannot be written: {error}. Give this user the right to, or choose another with --data-dir.",
        folder.display()
    ))
}
