//! Moving what is stored from one place to another: copied, read back and compared, one thing after the
//! other. A journal says what is done, so that it goes on where it was stopped, however it was stopped.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Scratch;
use super::remote::Remote;
use crate::config::StorageConfig;
use crate::error::{Error, Result};

/// A place that is read from or written to as a whole.
pub struct Place {
    root: PathBuf,
    remote: Option<Remote>,
}

/// One thing that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub key: String,
    pub bytes: u64,
    /// SHA-256 in hex, of what was read and of what the other place gave back.
    pub sha256: String,
}

/// What a move came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    pub things: u64,
    pub bytes: u64,
    /// Of the things, those that an earlier run had moved.
    pub before: u64,
}

impl Place {
    /// `root` is the data folder, for what lies there.
    pub fn open(root: &Path, config: &StorageConfig) -> Result<Place> {
        Ok(Place {
            root: root.to_owned(),
            remote: Remote::open(&config.place)?,
        })
    }

    pub fn kind(&self) -> &'static str {
        self.remote.as_ref().map_or("local", Remote::kind)
    }

    /// Whether both are the data folder. (Two buckets may be told apart only by their service.)
    pub fn is_same(&self, other: &Place) -> bool {
        self.remote.is_none() && other.remote.is_none() && self.root == other.root
    }

    /// Copies the thing of this key into a new local file. Errors: `NotFound`.
    pub async fn read(&self, key: &str, path: &Path) -> Result<u64> {
        match &self.remote {
            Some(remote) => remote.get(key, path).await,
            None => {
                let from = self.root.join(key);
                // A second name where that is possible: nothing stored is ever written to again.
                let outcome = match tokio::fs::hard_link(&from, path).await {
                    Ok(()) => tokio::fs::metadata(path).await.map(|meta| meta.len()),
                    Err(_) => tokio::fs::copy(&from, path).await,
                };
                outcome.map_err(|error| {
                    if error.kind() == std::io::ErrorKind::NotFound {
                        Error::NotFound(format!("The storage has no {key}."))
                    } else {
                        error.into()
                    }
                })
            }
        }
    }

    /// Keeps the contents of a local file under a key; nothing is seen of it before it is whole.
    pub async fn write(&self, key: &str, path: &Path) -> Result<()> {
        match &self.remote {
            Some(remote) => remote.put(key, path).await,
            None => {
                let target = self.root.join(key);
                if let Some(folder) = target.parent() {
                    tokio::fs::create_dir_all(folder).await?;
                }
                let draft = target.with_extension("moving");
                tokio::fs::copy(path, &draft).await?;
                tokio::fs::File::open(&draft).await?.sync_all().await?;
                Ok(tokio::fs::rename(&draft, &target).await?)
            }
        }
    }
}

/// Copies the things of these keys. `journal` remembers what is done; it is of these two places alone.
/// Errors: the first thing that could not be moved or came back as something else.
pub async fn run(
    keys: &[String],
    from: &Place,
    to: &Place,
    journal: &Path,
    mut tell: impl FnMut(&Moved),
) -> Result<Moved> {
    let done = read_journal(journal)?;
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(journal)?;
    let work = Scratch::new(&from.root)?;
    let mut moved = Moved::default();
    for key in keys {
        moved.things += 1;
        if let Some(done) = done.get(key) {
            moved.before += 1;
            moved.bytes += done.bytes;
            continue;
        }
        let (there, back) = (work.path().join("there"), work.path().join("back"));
        let bytes = from.read(key, &there).await?;
        to.write(key, &there).await?;
        to.read(key, &back).await?;
        let (sent, kept) = (sha256(there.clone()).await?, sha256(back.clone()).await?);
        if sent != kept {
            return Err(Error::Invalid(format!(
                "{key} came back from the new storage as something else. Nothing was removed from the old one; try \
                 again, or choose another."
            )));
        }
        tokio::fs::remove_file(&there).await?;
        tokio::fs::remove_file(&back).await?;
        let mut line = serde_json::to_string(&Done {
            key: key.clone(),
            bytes,
            sha256: sent,
        })
        .map_err(Error::internal)?;
        line.push('\n');
        file.write_all(line.as_bytes())?;
        file.sync_data()?;
        moved.bytes += bytes;
        tell(&moved);
    }
    Ok(moved)
}

/// The SHA-256 of a file in hex.
pub async fn sha256(path: PathBuf) -> Result<String> {
    tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::open(path)?;
        let mut hash = Sha256::new();
        std::io::copy(&mut file, &mut hash)?;
        Ok(hex(&hash.finalize()))
    })
    .await
    .map_err(Error::internal)?
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lines that were cut off by a crash are of things not done.
fn read_journal(path: &Path) -> Result<HashMap<String, Done>> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(error.into()),
    };
    let mut all = HashMap::new();
    for line in std::io::BufReader::new(file).lines() {
        if let Ok(done) = serde_json::from_str::<Done>(&line?) {
            all.insert(done.key.clone(), done);
        }
    }
    Ok(all)
}
