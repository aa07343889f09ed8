//! Everything a server has in one file, taken beside the running server; back again; and looked through.
//!
//! ```text
//! format.json                            which format, which schema; first, so that other files are told at once
//! store.jsonl                            every row of the store: {"table":…,"row":{…}}, in one snapshot
//! secret.key                             the generated key, unless it was left out
//! files/<id>/original                    uploads
//! files/<id>/<generation>/….parquet      what their import made
//! results/<id>.arrow                     stored results
//! manifest.json                          every entry with size and SHA-256; last
//! ```
//! A tar, compressed with zstd. Rows look the same whichever store they come from, so a backup of SQLite
//! restores into PostgreSQL and the other way round. What queries spill, uploads under way and local copies
//! are not in it.

mod archive;
mod export;
mod inside;
mod restore;
mod verify;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::export::{Secret, export};
pub use self::inside::needed;
pub use self::restore::{MARKER, restore};
pub use self::verify::{Report, verify, verify_store};

/// The format that is written; older ones stay readable.
const FORMAT: u32 = 1;

/// What the archive says first.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Format {
    /// Tells our archives from others.
    clean_custard_backup: u32,
    product: String,
    created_at: String,
    /// The versions of the schema.
    schema: Vec<String>,
}

/// What the archive says last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Manifest {
    entries: Vec<Entry>,
    /// Rows, by table.
    rows: BTreeMap<String, u64>,
    /// Files and results that were removed while the backup was taken: their rows are not to be restored.
    gone: Vec<String>,
}

/// One thing in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    path: String,
    bytes: u64,
    sha256: String,
}

/// One line of `store.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    table: String,
    row: serde_json::Map<String, serde_json::Value>,
}

/// What a backup holds, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub rows: u64,
    pub files: u64,
    pub results: u64,
    /// Bytes before compression.
    pub bytes: u64,
    pub secret_key: bool,
}
