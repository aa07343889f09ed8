//! Without a mail server: letters as `.eml` files in the data folder, which any mail program opens.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::letter::Letter;
use crate::error::Result;

/// Letters hold links that are no use after a while.
const KEEP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A folder of letters, for the server's own user only.
#[derive(Debug, Clone)]
pub struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    pub fn new(folder: PathBuf) -> Outbox {
        Outbox { folder }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a letter. Its file is called after its id, so that writing it again changes nothing. Blocks.
    pub fn put(&self, letter: &Letter) -> Result<PathBuf> {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let stamp = letter.draft.created_at.format("%Y%m%dT%H%M%S");
        let name = format!("{stamp}-{}-{}.eml", letter.draft.template.name(), letter.draft.id);
        let target = self.folder.join(name);
        // Beside it first: half a letter must never be found.
        let part = target.with_extension("part");
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)?;
        file.write_all(&letter.message.formatted())?;
        file.sync_all()?;
        std::fs::rename(&part, &target)?;
        Ok(target)
    }

    /// Removes letters that are a month old. Blocks.
    pub fn prune(&self) -> Result<()> {
        let before = SystemTime::now() - KEEP;
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let entry = entry?;
            let ours = entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "eml" || extension == "part");
            if ours && entry.metadata()?.modified()? < before {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}
