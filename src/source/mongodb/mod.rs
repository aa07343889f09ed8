//! MongoDB: one aggregation at a time over collections of one database, documents as Arrow batches,
//! cancelling down to the cursor.
//!
//! It does not judge queries (that is the guard's), but holds without the guard: nothing but `aggregate` is
//! ever sent with a query in it, and a pipeline with a writing stage or JavaScript anywhere is not sent.

mod catalog;
mod columns;
mod fault;
mod findings;
mod own_keys;
mod references;
mod role;
mod rows;
mod target;
mod value;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::raw_batch_cursor::{RawBatch, RawBatchCursor};
use mongodb::{Client, Database};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use super::{Connector, Dialect, Health, Limits, Source};
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::guard::mongo::{self, Query};
use crate::rows::{Rows, Truncated};
use catalog::Known;
use columns::Columns;
use rows::Batch;
use target::Target;

/// What the program has to know of it.
pub const CONNECTOR: Connector = Connector {
    name: "MONGODB",
    title: "MongoDB",
    dialect: Dialect::Mongodb,
    prefixes: &["mongodb://", "mongodb+srv://"],
    connect: |url| Ok(Arc::new(MongoDb::new(url)?)),
    url_of_parts: target::url_of_parts,
    example_variables: "DB_HOST=localhost DB_PORT=27017 DB_NAME=your_database DB_USER=readonly_user",
    default_port: Some(27017),
    has_password: true,
    prompt: include_str!("../../../assets/prompts/mongodb.md"),
};

/// Documents of one answer of the server at most.
const BATCH_DOCUMENTS: u32 = 2_000;
/// The result's columns are decided over so many documents, and so many bytes, at most.
const FIRST_DOCUMENTS: usize = 4_000;
const FIRST_BYTES: usize = 8 << 20;
/// No query may run longer than this, whatever its limits say.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Time for a look at the role.
const LOOK_TIME: Duration = Duration::from_secs(20);
/// Above so many rows a limit is not worth a stage of its own.
const LIMITED_ROWS: u64 = 10_000_000;
/// What is never sent, wherever it stands.
const NEVER: &[&str] = &["$out", "$merge", "$function", "$accumulator", "$where"];

/// A MongoDB database reached directly.
pub struct MongoDb {
    target: Target,
    client: OnceCell<Client>,
    /// What samples have told so far of each collection: a later sample adds to it.
    known: tokio::sync::Mutex<Known>,
    /// The catalog last read.
    catalog: Mutex<Option<Arc<Catalog>>>,
}

impl MongoDb {
    /// From a `mongodb://` or `mongodb+srv://` URL that names the database; connects on first use. Errors:
    /// `Invalid`, never with a part of the URL.
    pub fn new(url: &str) -> Result<MongoDb> {
        Ok(MongoDb {
            target: Target::from_url(url)?,
            client: OnceCell::new(),
            known: tokio::sync::Mutex::default(),
            catalog: Mutex::default(),
        })
    }

    async fn database(&self) -> Result<Database> {
        let client = self.client.get_or_try_init(|| self.target.connect()).await?;
        Ok(client.database(self.target.database()))
    }

    /// Sends the pipeline; the cursor over its documents.
    async fn aggregate(&self, query: &Query, limits: &Limits, time: Duration) -> Result<RawBatchCursor> {
        let mut stages = Vec::with_capacity(query.pipeline.len() + 1);
        for stage in &query.pipeline {
            match stage {
                Bson::Document(stage) => stages.push(stage.clone()),
                _ => return Err(Error::Internal("a stage is no document".into())),
            }
        }
        if let Some(stage) = stages.iter().find_map(forbidden) {
            return Err(Error::Refused(format!("{stage} is not allowed.")));
        }
        if limits.rows < LIMITED_ROWS {
            // One more than is wanted tells whether there are more.
            stages.push(doc! {"$limit": i64::try_from(limits.rows + 1).unwrap_or(i64::MAX)});
        }
        self.database()
            .await?
            .collection::<RawDocumentBuf>(&query.collection)
            .aggregate(stages)
            .max_time(time.max(Duration::from_millis(1)))
            .batch_size(BATCH_DOCUMENTS)
            .batch()
            .await
            .map_err(|error| fault::while_running(&error))
    }
}

/// A stage or operator that is never sent, anywhere inside.
fn forbidden(document: &Document) -> Option<&'static str> {
    fn inside(value: &Bson) -> Option<&'static str> {
        match value {
            Bson::Document(document) => forbidden(document),
            Bson::Array(items) => items.iter().find_map(inside),
            Bson::JavaScriptCode(_) | Bson::JavaScriptCodeWithScope(_) => Some("JavaScript"),
            _ => None,
        }
    }
    document.iter().find_map(|(name, value)| {
        NEVER
            .iter()
            .find(|never| **never == name)
            .copied()
            .or_else(|| inside(value))
    })
}

/// A query that runs. Dropping it kills its cursor in the database, or cuts the connection on which the
/// server still works.
struct Running {
    cursor: RawBatchCursor,
    limits: Limits,
    deadline: Instant,
    rows: u64,
    bytes: u64,
    truncated: Truncated,
    /// The documents that decided the columns, not yet handed on.
    first: std::vec::IntoIter<RawBatch>,
    ended: bool,
}

impl Running {
    /// The server's next answer; None at the end.
    async fn fetch(&mut self) -> Result<Option<RawBatch>> {
        match timeout_at(self.deadline, self.cursor.next()).await {
            Ok(Some(Ok(batch))) => Ok(Some(batch)),
            Ok(Some(Err(error))) => Err(fault::while_running(&error)),
            Ok(None) => Ok(None),
            Err(_) => Err(too_long(&self.limits)),
        }
    }

    /// Takes documents until the columns can be decided; whether that was the whole result.
    async fn look(&mut self) -> Result<(Vec<RawBatch>, Whole)> {
        let mut first = Vec::new();
        let (mut documents, mut bytes) = (0, 0);
        while documents < FIRST_DOCUMENTS && bytes < FIRST_BYTES {
            let Some(batch) = self.fetch().await? else {
                return Ok((first, Whole::Yes));
            };
            documents += batch
                .doc_slices()
                .map_err(|error| fault::while_running(&error))?
                .into_iter()
                .count();
            bytes += batch.as_raw_document().as_bytes().len();
            first.push(batch);
        }
        Ok((first, Whole::No))
    }

    /// The next batch of rows, not empty; None at the end or at a limit.
    async fn next_batch(&mut self, columns: &Columns) -> Result<Option<arrow::array::RecordBatch>> {
        while !self.ended {
            let answer = match self.first.next() {
                Some(answer) => answer,
                None => match self.fetch().await? {
                    Some(answer) => answer,
                    None => break,
                },
            };
            let mut batch = Batch::new(columns);
            let documents = answer
                .doc_slices()
                .map_err(|error| fault::while_running(&error))?;
            for document in documents {
                let document = document
                    .ok()
                    .and_then(|value| value.as_document())
                    .ok_or_else(fault::broken)?;
                if self.rows >= self.limits.rows || self.bytes >= self.limits.bytes {
                    self.truncated.set();
                    self.ended = true;
                    break;
                }
                self.rows += 1;
                self.bytes += document.as_bytes().len() as u64;
                batch.push(document, self.rows)?;
            }
            if batch.rows() > 0 {
                return batch.finish().map(Some);
            }
        }
        self.ended = true;
        Ok(None)
    }
}

/// Whether what was seen is the whole result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    Yes,
    No,
}

fn too_long(limits: &Limits) -> Error {
    let seconds = limits.time().as_secs_f64();
    Error::Timeout(format!(
        "The query ran longer than {seconds} s and was stopped. Ask for less, for example a shorter time."
    ))
}

#[async_trait]
impl Source for MongoDb {
    fn dialect(&self) -> Dialect {
        Dialect::Mongodb
    }

    async fn check(&self) -> Result<Health> {
        let database = self.database().await?;
        tokio::time::timeout(LOOK_TIME, role::probe(&database))
            .await
            .map_err(|_| Error::Timeout("The database did not answer in time.".into()))?
    }

    async fn catalog(&self) -> Result<Arc<Catalog>> {
        let database = self.database().await?;
        let catalog = catalog::read(&database, &mut *self.known.lock().await).await?;
        let catalog = Arc::new(catalog);
        *self.catalog.lock().unwrap_or_else(PoisonError::into_inner) = Some(catalog.clone());
        Ok(catalog)
    }

    fn remember(&self, catalog: &Catalog) {
        // A look that is under way knows better.
        let Ok(mut known) = self.known.try_lock() else {
            return;
        };
        for table in &catalog.tables {
            let all = known.entry(table.name.clone()).or_default();
            if all.told.is_empty() {
                all.told.clone_from(&table.columns);
            }
        }
    }

    async fn run(&self, query: &str, limits: &Limits) -> Result<Rows> {
        let query = Query::parse(query)?;
        let time = limits.time().min(LONGEST);
        let deadline = Instant::now() + time;
        let cursor = timeout_at(deadline, self.aggregate(&query, limits, time))
            .await
            .unwrap_or_else(|_| Err(too_long(limits)))?;
        let mut running = Running {
            cursor,
            limits: *limits,
            deadline,
            rows: 0,
            bytes: 0,
            truncated: Truncated::default(),
            first: Vec::new().into_iter(),
            ended: false,
        };
        let (first, whole) = running.look().await?;
        let catalog = self
            .catalog
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let expected = catalog.and_then(|catalog| mongo::columns(&query, &catalog));
        let columns = Columns::decide(&first, &query, expected, whole)?;
        running.first = first.into_iter();
        let schema = columns.schema();
        let truncated = running.truncated.clone();
        let batches = futures::stream::unfold(Some((running, columns)), |state| async move {
            let (mut running, columns) = state?;
            match running.next_batch(&columns).await {
                Ok(Some(batch)) => Some((Ok(batch), Some((running, columns)))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(Rows {
            schema,
            batches: Box::pin(batches),
            truncated,
        })
    }
}
