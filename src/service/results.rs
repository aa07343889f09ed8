//! Stored results: the rows of answers, kept for a while, paged and exported.
//!
//! Rows lie as an Arrow IPC file in batches of exactly [`BATCH_ROWS`], so that a page is found by
//! arithmetic; every Arrow type survives, which Parquet would not promise.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use chrono::TimeDelta;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::access::Access;
use super::accounts::Identity;
use super::preferences::PreferenceBook;
use crate::db::results::StoredResult;
use crate::db::{Db, audit, results as records};
use crate::error::{Error, Result};
use crate::id;
use crate::rows::{self, ColumnInfo, json};
use crate::service::caches::{Caches, Counted};
use crate::storage::Storage;

/// Rows of every stored batch but the last.
pub const BATCH_ROWS: usize = 4_096;

/// Rows of one page at most.
pub const MAX_PAGE: usize = 10_000;

/// Memory for pages in bytes, and how long one is kept: as long as somebody looks at a result.
const PAGE_BYTES: u64 = 32 << 20;
const PAGE_TIME: Duration = Duration::from_secs(10 * 60);

/// Stored results. Cheap to clone.
#[derive(Clone)]
pub struct Results {
    db: Db,
    storage: Storage,
    keep: TimeDelta,
    preferences: PreferenceBook,
    /// First rows of results that are looked at; a result never changes once it is written.
    pages: Counted<PageKey, Arc<PageRows>>,
}

/// A result, and where its page begins and how long it may be.
type PageKey = (String, u64, usize);

/// What a page holds of its file.
struct PageRows {
    columns: Vec<ColumnInfo>,
    rows: Vec<Vec<serde_json::Value>>,
}

/// Some rows of a stored result.
pub struct Page {
    pub columns: Vec<ColumnInfo>,
    pub rows: Vec<Vec<serde_json::Value>>,
    pub row_count: u64,
    pub truncated: bool,
}

impl Results {
    /// `keep` is how long results of answers that nobody kept are stored, where an organisation has not set
    /// otherwise.
    pub fn new(
        db: Db,
        storage: Storage,
        keep: TimeDelta,
        caches: &Caches,
        preferences: PreferenceBook,
    ) -> Results {
        Results {
            db,
            storage,
            keep,
            pages: caches.add(
                "result_pages",
                PAGE_BYTES,
                PAGE_TIME,
                |_, page: &Arc<PageRows>| page.weight(),
            ),
            preferences,
        }
    }

    fn kept(&self, organization_id: &str) -> TimeDelta {
        self.preferences
            .results_kept(organization_id)
            .unwrap_or(self.keep)
    }

    /// Begins to store a result; nothing is visible until [`Writer::finish`].
    pub fn begin(&self, schema: SchemaRef) -> Writer {
        let id = id::new();
        let path = self.storage.result(&id);
        let (batches, mut incoming) = mpsc::channel::<RecordBatch>(4);
        let target = path.clone();
        let writing = tokio::task::spawn_blocking(move || {
            let options =
                IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
            let file = BufWriter::new(File::create(&target)?);
            let mut writer = FileWriter::try_new_with_options(file, &schema, options)?;
            let mut coalescer = BatchCoalescer::new(schema, BATCH_ROWS);
            while let Some(batch) = incoming.blocking_recv() {
                coalescer.push_batch(batch)?;
                while let Some(full) = coalescer.next_completed_batch() {
                    writer.write(&full)?;
                }
            }
            coalescer.finish_buffered_batch()?;
            while let Some(rest) = coalescer.next_completed_batch() {
                writer.write(&rest)?;
            }
            writer.finish()?;
            Ok(std::fs::metadata(&target)?.len())
        });
        Writer {
            id,
            batches: Some(batches),
            writing: Some(writing),
            leftover: Leftover(Some(path)),
        }
    }

    /// Makes a written result visible. `sources` are the ids of what it was read from, joined by commas.
    pub async fn keep(
        &self,
        who: &Identity,
        written: Written,
        sources: String,
        row_count: u64,
        truncated: bool,
    ) -> Result<String> {
        self.storage.publish(&self.storage.result(&written.id)).await?;
        let now = id::now();
        let keep = self.kept(&who.organization_id);
        let record = StoredResult {
            id: written.id.clone(),
            organization_id: who.organization_id.clone(),
            user_id: who.user_id.clone(),
            row_count: i64::try_from(row_count).map_err(Error::internal)?,
            size_bytes: i64::try_from(written.size).map_err(Error::internal)?,
            truncated,
            created_at: now,
            expires_at: Some(now + keep),
            sources: Some(sources),
        };
        self.db.write(move |conn| records::insert(conn, record)).await?;
        let Written { id, leftover, .. } = written;
        leftover.keep();
        Ok(id)
    }

    /// Keeps a result for good, or lets it expire again.
    pub async fn set_kept(&self, organization_id: &str, id: &str, kept: Keep) -> Result<()> {
        let expires = match kept {
            Keep::Forever => None,
            Keep::ForAWhile => Some(id::now() + self.kept(organization_id)),
        };
        let id = id.to_owned();
        self.db
            .write(move |conn| records::set_expiry(conn, &id, expires))
            .await
    }

    /// Rows `offset..offset+limit`. Errors: `NotFound` when it is somebody else's or has expired.
    pub async fn page(&self, who: &Identity, id: &str, offset: u64, limit: usize) -> Result<Page> {
        // Always asked: whether it is still there, and this person's.
        let record = self.record(who, id).await?;
        let limit = limit.min(MAX_PAGE);
        let key = (id.to_owned(), offset, limit);
        let page = match self.pages.get(&key).await {
            Some(page) => page,
            None => {
                let page = Arc::new(self.read_page(id, offset, limit).await?);
                self.pages.insert(key, page.clone()).await;
                page
            }
        };
        Ok(Page {
            columns: page.columns.clone(),
            rows: page.rows.clone(),
            row_count: u64::try_from(record.row_count).unwrap_or_default(),
            truncated: record.truncated,
        })
    }

    async fn read_page(&self, id: &str, offset: u64, limit: usize) -> Result<PageRows> {
        let path = self.storage.result(id);
        let here = self.storage.fetch(&path).await?;
        blocking(move || {
            let _here = here;
            let mut reader = open(&path)?;
            let columns = rows::columns(&reader.schema());
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            let (first, mut skip) = (offset / BATCH_ROWS, offset % BATCH_ROWS);
            let mut page = Vec::new();
            if first < reader.num_batches() {
                reader.set_index(first)?;
                for batch in reader {
                    let batch = batch?;
                    let from = skip.min(batch.num_rows());
                    let to = batch.num_rows().min(from + limit - page.len());
                    page.extend(json::values(&batch, from..to)?);
                    skip = 0;
                    if page.len() >= limit {
                        break;
                    }
                }
            }
            Ok(PageRows { columns, rows: page })
        })
        .await
    }

    /// All rows, for a closer look at them. Errors: as [`Results::page`].
    pub async fn whole(&self, who: &Identity, id: &str) -> Result<Page> {
        let truncated = self.record(who, id).await?.truncated;
        let reader = self.reader(who, id).await?;
        blocking(move || {
            let columns = rows::columns(&reader.schema());
            let mut all = Vec::new();
            for batch in reader {
                let batch = batch?;
                all.extend(json::values(&batch, 0..batch.num_rows())?);
            }
            Ok(Page {
                columns,
                row_count: all.len() as u64,
                rows: all,
                truncated,
            })
        })
        .await
    }

    /// A reader over all batches, for exports; it blocks. Errors: as [`Results::page`].
    pub async fn reader(&self, who: &Identity, id: &str) -> Result<FileReader<std::io::BufReader<File>>> {
        self.record(who, id).await?;
        let path = self.storage.result(id);
        // Once it is open it may go: on Unix the bytes stay until they are read.
        let here = self.storage.fetch(&path).await?;
        blocking(move || {
            let _here = here;
            open(&path)
        })
        .await
    }

    /// A reader over all batches for an export, which is written into the audit log. Errors: as
    /// [`Results::page`].
    pub async fn export(
        &self,
        who: &Identity,
        id: &str,
        format: &str,
    ) -> Result<FileReader<std::io::BufReader<File>>> {
        let record = self.record(who, id).await?;
        let reader = self.reader(who, id).await?;
        let details = json!({ "format": format, "rows": record.row_count });
        let deed = who.did("result.exported", "result", id, details);
        self.db.write(move |conn| audit::append(conn, &deed)).await?;
        Ok(reader)
    }

    /// Removes expired results and gives their space back.
    pub async fn expire(&self) -> Result<()> {
        let shorter = self.preferences.result_days();
        let now = id::now();
        loop {
            let shorter = shorter.clone();
            let gone = self
                .db
                .write(move |conn| {
                    for (organization, days) in &shorter {
                        records::hasten(conn, organization, now - TimeDelta::days((*days).into()), now)?;
                    }
                    records::expire(conn, now)
                })
                .await?;
            if gone.is_empty() {
                return Ok(());
            }
            for id in gone {
                self.storage.remove_result(&id).await?;
            }
        }
    }

    async fn record(&self, who: &Identity, id: &str) -> Result<StoredResult> {
        let (user, target) = (who.user_id.clone(), id.to_owned());
        let record = self
            .db
            .read(move |conn| records::one(conn, &user, &target))
            .await
            .map_err(|error| match error {
                Error::NotFound(_) => gone(),
                other => other,
            })?;
        match &record.sources {
            Some(sources) if !Access::of(who).sees_all(sources) => Err(gone()),
            _ => Ok(record),
        }
    }
}

impl PageRows {
    /// About how many bytes it takes.
    fn weight(&self) -> usize {
        fn value(one: &serde_json::Value) -> usize {
            use serde_json::Value;
            size_of::<Value>()
                + match one {
                    Value::String(text) => text.len(),
                    Value::Array(items) => items.iter().map(value).sum(),
                    Value::Object(entries) => entries
                        .iter()
                        .map(|(name, item)| 64 + name.len() + value(item))
                        .sum(),
                    Value::Null | Value::Bool(_) | Value::Number(_) => 0,
                }
        }
        let rows: usize = self
            .rows
            .iter()
            .map(|row| 24 + row.iter().map(value).sum::<usize>())
            .sum();
        rows + self.columns.len() * 128
    }
}

fn gone() -> Error {
    Error::NotFound("This result is not stored any more. Ask the question again.".into())
}

/// Whether a result expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Forever,
    ForAWhile,
}

/// A result that is being written. Dropped before [`Writer::finish`], it leaves nothing.
pub struct Writer {
    id: String,
    batches: Option<mpsc::Sender<RecordBatch>>,
    writing: Option<JoinHandle<Result<u64>>>,
    leftover: Leftover,
}

impl Writer {
    /// Adds rows; waits when the disk is slower than the source. Errors: the disk is full.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        if let Some(batches) = &self.batches
            && batches.send(batch).await.is_ok()
        {
            return Ok(());
        }
        // The writing thread has gone: it knows why.
        self.batches = None;
        match self.writing.take() {
            Some(writing) => writing.await.map_err(Error::internal)?.map(|_| ()),
            None => Err(Error::internal("the result could not be written")),
        }
    }

    /// Completes the file.
    pub async fn finish(mut self) -> Result<Written> {
        self.batches = None;
        let writing = self
            .writing
            .take()
            .ok_or_else(|| Error::internal("the result was not written"))?;
        let size = writing.await.map_err(Error::internal)??;
        Ok(Written {
            id: self.id,
            size,
            leftover: self.leftover,
        })
    }
}

/// A complete file that no record names yet.
pub struct Written {
    id: String,
    size: u64,
    leftover: Leftover,
}

/// Removes a file unless it was kept.
struct Leftover(Option<std::path::PathBuf>);

impl Leftover {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn open(path: &Path) -> Result<FileReader<std::io::BufReader<File>>> {
    Ok(FileReader::try_new_buffered(File::open(path)?, None)?)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
