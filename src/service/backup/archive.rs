//! The archive itself: written entry by entry, and read with nothing taken on trust. Names have to be of the
//! few shapes that a backup has, each once; links and folders are refused, and so is what unfolds too far.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Entry;
use crate::error::{Error, Result};
use crate::storage::moving::hex;

/// How far an archive may unfold: rows compress well, but not like this.
const MOST_UNFOLDED: u64 = 2_000;

/// What may unfold in any case.
const UNFOLDED_AT_LEAST: u64 = 4 << 30;

/// The largest window that a decoder has to keep; what we write needs 8 MiB.
const WINDOW_LOG: u32 = 27;

/// Writes entries.
pub struct Writer {
    tar: tar::Builder<zstd::Encoder<'static, File>>,
    pub entries: Vec<Entry>,
}

impl Writer {
    pub fn new(file: File) -> Result<Writer> {
        let mut encoder = zstd::Encoder::new(file, 3)?;
        encoder.include_checksum(true)?;
        Ok(Writer {
            tar: tar::Builder::new(encoder),
            entries: Vec::new(),
        })
    }

    /// Adds `bytes` bytes from a reader. Errors: there were fewer.
    pub fn add(&mut self, path: &str, bytes: u64, from: impl Read) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(chrono::Utc::now().timestamp()).unwrap_or_default());
        let mut hashing = Hashing::new(from.take(bytes));
        self.tar.append_data(&mut header, path, &mut hashing)?;
        if hashing.bytes != bytes {
            return Err(Error::internal(format!(
                "{path} became shorter while it was read"
            )));
        }
        self.entries.push(Entry {
            path: path.to_owned(),
            bytes,
            sha256: hashing.sum(),
        });
        Ok(())
    }

    /// Ends the archive; it is on the disk then.
    pub fn finish(self) -> Result<()> {
        let file = self.tar.into_inner()?.finish()?;
        file.sync_all()?;
        Ok(())
    }
}

/// Reads through an archive once. `each` gets every entry's path, size and contents, and has to read them to
/// the end; what it leaves is read for it. Gives every entry with its sum. Errors: `Invalid` with what is
/// wrong with the archive.
pub fn read(path: &Path, mut each: impl FnMut(&str, u64, &mut dyn Read) -> Result<()>) -> Result<Vec<Entry>> {
    let file = File::open(path).map_err(|error| {
        Error::Invalid(format!(
            "The backup {} cannot be opened: {error}.",
            path.display()
        ))
    })?;
    let most = file
        .metadata()?
        .len()
        .saturating_mul(MOST_UNFOLDED)
        .max(UNFOLDED_AT_LEAST);
    let mut decoder = zstd::Decoder::new(BufReader::new(file)).map_err(|error| broken(&error))?;
    decoder
        .window_log_max(WINDOW_LOG)
        .map_err(|error| broken(&error))?;
    let mut tar = tar::Archive::new(Bounded {
        inner: decoder,
        left: most,
    });
    let mut seen = HashSet::new();
    let mut entries = Vec::new();
    for entry in tar.entries().map_err(|error| broken(&error))? {
        let mut entry = entry.map_err(|error| broken(&error))?;
        let bytes = entry.path_bytes().into_owned();
        let name = String::from_utf8(bytes).map_err(|_| hostile("a name that is no text"))?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(hostile("something that is no plain file"));
        }
        if !is_ours(&name) {
            return Err(hostile(&format!(
                "the name “{}”",
                crate::protocol::sentence(&name)
            )));
        }
        if !seen.insert(name.clone()) {
            return Err(hostile("the same name twice"));
        }
        if entries.is_empty() && name != "format.json" {
            return Err(Error::Invalid(format!(
                "{} is no backup of Clean Custard.",
                path.display()
            )));
        }
        let size = entry.size();
        let mut hashing = Hashing::new(&mut entry);
        each(&name, size, &mut hashing)?;
        io::copy(&mut hashing, &mut io::sink()).map_err(|error| broken(&error))?;
        if hashing.bytes != size {
            return Err(Error::Invalid("The backup breaks off in the middle.".into()));
        }
        entries.push(Entry {
            path: name,
            bytes: size,
            sha256: hashing.sum(),
        });
    }
    // The compressed stream's own sum stands behind the last entry; unread, a changed byte between entries would
    // pass.
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(|error| broken(&error))?;
    Ok(entries)
}

/// What went wrong while reading, in our words; the bound's own sentence stays.
pub fn broken(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::FileTooLarge {
        return Error::Invalid(error.to_string());
    }
    Error::Invalid(format!(
        "The backup is damaged, or no backup of Clean Custard: {error}."
    ))
}

fn hostile(what: &str) -> Error {
    Error::Invalid(format!(
        "The archive holds {what}, which no backup of Clean Custard does. It is not touched any further."
    ))
}

/// Whether a name is one that a backup has. There is no way from one of these out of its folder.
pub fn is_ours(name: &str) -> bool {
    let id = |text: &str| text.len() == 36 && uuid::Uuid::parse_str(text).is_ok();
    let plain = |text: &str| {
        !text.starts_with('.')
            && text.len() <= 200
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    match name.split('/').collect::<Vec<_>>().as_slice() {
        ["format.json" | "store.jsonl" | "secret.key" | "manifest.json"] => true,
        ["files", file, "original"] => id(file),
        ["files", file, generation, name] => {
            id(file) && id(generation) && plain(name) && name.ends_with(".parquet")
        }
        ["results", name] => name.strip_suffix(".arrow").is_some_and(id),
        _ => false,
    }
}

/// Counts and hashes what passes.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R> Hashing<R> {
    fn new(inner: R) -> Hashing<R> {
        Hashing {
            inner,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    fn sum(self) -> String {
        hex(&self.hash.finalize())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Refuses to unfold for ever.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::FileTooLarge,
                "The archive unfolds to far more than any backup does, and was refused.",
            )
        })?;
        Ok(read)
    }
}

/// Writes a text entry.
pub fn add_json(writer: &mut Writer, path: &str, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_vec_pretty(value).map_err(Error::internal)?;
    writer.add(path, text.len() as u64, text.as_slice())
}

/// Writes a file of one's own that nobody else may read.
pub fn create_private(path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Error::Invalid(format!("{} cannot be written: {error}.", path.display())))
}

/// Copies with a bound, for entries that have to fit into memory.
pub fn read_small(from: &mut dyn Read, most: u64, what: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| broken(&error))?;
    if bytes.len() as u64 > most {
        return Err(hostile(&format!("a {what} of more than {most} bytes")));
    }
    Ok(bytes)
}

/// Flushes and syncs what was written to a file.
pub fn settle(mut file: File) -> Result<()> {
    file.flush()?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_a_backup_pass() {
        let id = "0198f0a2-0000-7000-8000-000000000000";
        for good in [
            "store.jsonl".to_owned(),
            format!("files/{id}/original"),
            format!("files/{id}/{id}/0.parquet"),
            format!("results/{id}.arrow"),
        ] {
            assert!(is_ours(&good), "{good}");
        }
        for bad in [
            "/etc/passwd".to_owned(),
            "../secret.key".into(),
            format!("files/{id}/../../x"),
            format!("files/{id}/{id}/../original"),
            format!("files/{id}/{id}/.parquet"),
            format!("files/../{id}/0.parquet"),
            format!("results/{id}.arrow/x"),
            "results/x.arrow".into(),
            "custard.db".into(),
            String::new(),
        ] {
            assert!(!is_ours(&bad), "{bad}");
        }
    }
}
