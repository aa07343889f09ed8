//! Local copies of what lies elsewhere, the least recently used going first when they become too many bytes.
//! What somebody is reading stays.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::remote::Remote;
use crate::error::Result;

/// Copies being fetched are called so, until they are whole.
const PART: &str = "part-";

/// The copies.
pub struct Cache {
    root: PathBuf,
    limit: u64,
    copies: Arc<Mutex<Copies>>,
    /// One fetch of a key at a time; the others wait for it.
    fetching: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Default)]
struct Copies {
    by_key: HashMap<String, Copied>,
    bytes: u64,
    clock: u64,
    hits: u64,
    misses: u64,
}

struct Copied {
    path: PathBuf,
    bytes: u64,
    /// When it was last used, by the clock of [`Copies`].
    used: u64,
    pins: usize,
}

/// What a cache holds and how well it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    pub entries: u64,
    pub bytes: u64,
    pub hits: u64,
    pub misses: u64,
}

/// Keeps a local copy where it is.
#[derive(Default)]
pub struct Pin(Option<(Arc<Mutex<Copies>>, String)>);

impl Drop for Pin {
    fn drop(&mut self) {
        if let Some((copies, key)) = &self.0
            && let Some(copied) = lock(copies).by_key.get_mut(key)
        {
            copied.pins = copied.pins.saturating_sub(1);
        }
    }
}

impl Cache {
    /// The copies that are there already, oldest first.
    pub fn open(root: PathBuf, limit: u64) -> Result<Cache> {
        let mut found = Vec::new();
        walk(&root, &mut found)?;
        found.sort();
        let cache = Cache {
            root,
            limit,
            copies: Arc::default(),
            fetching: Mutex::default(),
        };
        for (_, path, bytes) in found {
            let Ok(inside) = path.strip_prefix(&cache.root) else {
                continue;
            };
            let key = inside.to_string_lossy().into_owned();
            if key.starts_with(PART) {
                std::fs::remove_file(&path)?;
                continue;
            }
            lock(&cache.copies).add(key, &path, bytes);
        }
        cache.make_room();
        Ok(cache)
    }

    /// Counts a file that was just written here and taken elsewhere.
    pub fn add(&self, key: &str, path: &Path) {
        let bytes = std::fs::metadata(path).map_or(0, |meta| meta.len());
        lock(&self.copies).add(key.to_owned(), path, bytes);
        self.make_room();
    }

    /// The copy at `path`, fetched if it is not there.
    pub async fn fetch(&self, key: &str, path: &Path, remote: &Remote) -> Result<Pin> {
        if let Some(pin) = self.pin(key) {
            lock(&self.copies).hits += 1;
            return Ok(pin);
        }
        let turn = {
            let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
            fetching.retain(|_, turn| Arc::strong_count(turn) > 1);
            fetching.entry(key.to_owned()).or_default().clone()
        };
        let _turn = turn.lock().await;
        if let Some(pin) = self.pin(key) {
            lock(&self.copies).hits += 1;
            return Ok(pin);
        }
        lock(&self.copies).misses += 1;
        let part = Part(self.root.join(format!("{PART}{}", crate::id::new())));
        let bytes = remote.get(key, &part.0).await?;
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        tokio::fs::rename(&part.0, path).await?;
        let pin = {
            let mut copies = lock(&self.copies);
            copies.add(key.to_owned(), path, bytes);
            if let Some(copied) = copies.by_key.get_mut(key) {
                copied.pins += 1;
            }
            Pin(Some((self.copies.clone(), key.to_owned())))
        };
        self.make_room();
        Ok(pin)
    }

    fn pin(&self, key: &str) -> Option<Pin> {
        let mut copies = lock(&self.copies);
        copies.clock += 1;
        let now = copies.clock;
        let copied = copies.by_key.get_mut(key)?;
        // Somebody may have cleared the folder.
        if !copied.path.exists() {
            copies.remove(key);
            return None;
        }
        copied.used = now;
        copied.pins += 1;
        Some(Pin(Some((self.copies.clone(), key.to_owned()))))
    }

    /// Forgets every key that begins so; whoever removes the files does that too.
    pub fn forget(&self, prefix: &str) {
        let mut copies = lock(&self.copies);
        let gone: Vec<String> = copies
            .by_key
            .keys()
            .filter(|key| key.starts_with(prefix))
            .cloned()
            .collect();
        for key in gone {
            copies.remove(&key);
        }
    }

    pub fn numbers(&self) -> Numbers {
        let copies = lock(&self.copies);
        Numbers {
            entries: copies.by_key.len() as u64,
            bytes: copies.bytes,
            hits: copies.hits,
            misses: copies.misses,
        }
    }

    fn make_room(&self) {
        let mut copies = lock(&self.copies);
        while copies.bytes > self.limit {
            let oldest = copies
                .by_key
                .iter()
                .filter(|(_, copied)| copied.pins == 0)
                .min_by_key(|(_, copied)| copied.used)
                .map(|(key, _)| key.clone());
            // Everything is being read: more than the limit for as long as that takes.
            let Some(key) = oldest else { return };
            if let Some(copied) = copies.remove(&key)
                && let Err(error) = std::fs::remove_file(&copied.path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%error, key, "a local copy could not be removed");
            }
        }
    }
}

impl Copies {
    fn add(&mut self, key: String, path: &Path, bytes: u64) {
        self.clock += 1;
        let pins = self.remove(&key).map_or(0, |former| former.pins);
        self.bytes += bytes;
        let copied = Copied {
            path: path.to_owned(),
            bytes,
            used: self.clock,
            pins,
        };
        self.by_key.insert(key, copied);
    }

    fn remove(&mut self, key: &str) -> Option<Copied> {
        let copied = self.by_key.remove(key)?;
        self.bytes -= copied.bytes;
        Some(copied)
    }
}

fn lock(copies: &Mutex<Copies>) -> MutexGuard<'_, Copies> {
    copies.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that is removed unless it was renamed.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Every file below `folder`: when it was last changed, where it is, its size.
fn walk(folder: &Path, found: &mut Vec<(std::time::SystemTime, PathBuf, u64)>) -> Result<()> {
    for entry in super::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.is_dir() {
            walk(&entry.path(), found)?;
        } else if meta.is_file() {
            found.push((meta.modified()?, entry.path(), meta.len()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(cache: &Cache, key: &str, bytes: usize) -> PathBuf {
        let path = cache.root.join(key);
        std::fs::write(&path, vec![0; bytes]).unwrap();
        cache.add(key, &path);
        path
    }

    #[test]
    fn the_least_used_goes_first_and_what_is_read_stays() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().to_owned(), 250).unwrap();
        let (a, b) = (file(&cache, "a", 100), file(&cache, "b", 100));
        let reading = cache.pin("a").unwrap();
        let c = file(&cache, "c", 100);
        assert!(a.exists() && !b.exists() && c.exists());
        // Both are pinned: more than the limit, for now.
        let reading_c = cache.pin("c").unwrap();
        let d = file(&cache, "d", 100);
        assert!(a.exists() && c.exists() && !d.exists());
        drop((reading, reading_c));
        let e = file(&cache, "e", 200);
        assert!(!a.exists() && !c.exists() && e.exists());
        assert_eq!(cache.numbers().bytes, 200);
        // What is there is known after a new start, and what was cut off is gone.
        std::fs::write(folder.path().join("part-x"), b"half").unwrap();
        let again = Cache::open(folder.path().to_owned(), 250).unwrap();
        assert_eq!(again.numbers().entries, 1);
        assert!(again.pin("e").is_some());
        assert!(!folder.path().join("part-x").exists());
        std::fs::remove_file(&e).unwrap();
        assert!(again.pin("e").is_none());
    }
}
