//! Where uploaded files and results lie: a local folder, one subfolder a kind.
//!
//! ```text
//! files/<file id>/original                 as it was uploaded
//! files/<file id>/<generation>/…parquet    what the import made of it
//! results/<result id>.arrow                stored results
//! incoming/                                uploads under way; emptied at start
//! spill/                                   what queries over files spill; emptied at start
//! ```
//! A file counts only once the store has a row for it; what no row names is an orphan of a crash and is
//! removed at start.

use std::collections::HashSet;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The storage folder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Storage {
    root: PathBuf,
}

impl Storage {
    /// Makes the folders (mode 0700) and empties those for work under way. Errors: `Invalid` with the path
    /// when the folder cannot be written.
    pub fn open(root: &Path) -> Result<Storage> {
        let storage = Storage {
            root: root.to_owned(),
        };
        for folder in [storage.incoming(), storage.spill()] {
            if folder.exists() {
                std::fs::remove_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
            }
        }
        for folder in [
            storage.root.join("files"),
            storage.root.join("results"),
            storage.incoming(),
            storage.spill(),
        ] {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .map_err(|error| unwritable(&folder, &error))?;
        }
        Ok(storage)
    }

    /// The storage in a folder that [`Storage::open`] has made ready before.
    pub fn at(root: &Path) -> Storage {
        Storage {
            root: root.to_owned(),
        }
    }

    /// Removes what no row of the store names: leftovers of a crash between storage and store.
    pub fn sweep(&self, files: &[(String, String)], results: &[String]) -> Result<()> {
        let known: HashSet<&str> = files.iter().map(|(id, _)| id.as_str()).collect();
        for entry in std::fs::read_dir(self.root.join("files"))? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if !known.contains(name.as_ref()) {
                tracing::info!(file = %name, "removing an upload that was never finished");
                remove(&entry.path())?;
            }
        }
        for (id, generation) in files {
            let Ok(entries) = std::fs::read_dir(self.file(id)) else {
                continue;
            };
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_dir() && entry.file_name().to_string_lossy() != *generation {
                    remove(&entry.path())?;
                }
            }
        }
        let known: HashSet<String> = results.iter().map(|id| format!("{id}.arrow")).collect();
        for entry in std::fs::read_dir(self.root.join("results"))? {
            let entry = entry?;
            if !known.contains(entry.file_name().to_string_lossy().as_ref()) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The folder of a file.
    pub fn file(&self, id: &str) -> PathBuf {
        self.root.join("files").join(id)
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
        self.root.join("results").join(format!("{id}.arrow"))
    }

    /// Uploads under way.
    pub fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// Where queries over files spill.
    pub fn spill(&self) -> PathBuf {
        self.root.join("spill")
    }

    /// Removes a file with all its imports. It is no error when there is none.
    pub async fn remove_file(&self, id: &str) -> Result<()> {
        match tokio::fs::remove_dir_all(self.file(id)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Removes a stored result. It is no error when there is none.
    pub async fn remove_result(&self, id: &str) -> Result<()> {
        match tokio::fs::remove_file(self.result(id)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn remove(path: &Path) -> Result<()> {
    if path.is_dir() {
        std::fs::remove_dir_all(path)?
    } else {
        std::fs::remove_file(path)?
    }
    Ok(())
}

fn unwritable(folder: &Path, error: &std::io::Error) -> Error {
    Error::Invalid(format!(
        "The data folder {} cannot be written: {error}. Give this user the right to, or choose another with --data-dir.",
        folder.display()
    ))
}
