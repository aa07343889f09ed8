//! SQL over imported files with DataFusion: one context per query that holds only the chosen tables. Queries
//! run on threads of their own, so that a heavy one never holds up a web worker.
//!
//! What may be asked is the guard's business; this module refuses on its own whatever is not a plain query
//! over the chosen tables, so that either layer alone is enough.

mod errors;
mod functions;
mod memory;
mod plain;
mod store;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use tokio::sync::{mpsc, oneshot};

use self::store::{OnlyTables, Tables};
use super::{Dialect, Health, Limits, Source};
use crate::catalog::{Catalog, Table};
use crate::error::{Error, Result, SourceFault};
use crate::rows::{Rows, Truncated};
use crate::storage::Storage;

/// An imported table: what it is called and where its Parquet lies.
#[derive(Debug, Clone)]
pub struct FileTable {
    /// Its name in queries and its columns, as the import found them (see `ingest`).
    pub table: Table,
    pub parquet: PathBuf,
}

/// Memory and disk that queries over files may use.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Memory for one query in bytes; beyond it sorts, joins and groups spill.
    pub memory_bytes: usize,
    /// Where they spill.
    pub spill_dir: PathBuf,
}

/// Disk that one query may spill to, as a multiple of its memory.
const SPILL_FACTOR: u64 = 20;

/// Row limits up to which the engine may use the limit to compute less.
const SMALL_LIMIT: usize = 100_000;

/// Memory kept back for merging what a sort spilled, where the query's memory allows.
const MERGE_BYTES: usize = 10 * 1024 * 1024;

/// Memory of each part of a query that makes more parts than processors worth while.
const PART_BYTES: usize = 64 * 1024 * 1024;

/// Batches that may wait for a slow reader.
const WAITING_BATCHES: usize = 2;

/// The chosen files as one source. Tables that share a name are told apart by a suffix (`orders`,
/// `orders_2`).
pub struct Files {
    engine: Engine,
    catalog: Arc<Catalog>,
    store: Arc<Tables>,
}

impl Files {
    pub fn new(tables: Vec<FileTable>, engine: Engine) -> Files {
        let mut catalog = Catalog::default();
        let mut files = Vec::with_capacity(tables.len());
        for FileTable { mut table, parquet } in tables {
            table.name = free_name(&catalog, &table.name);
            table.schema = None;
            catalog.tables.push(table);
            files.push(parquet);
        }
        Files {
            engine,
            catalog: Arc::new(catalog),
            store: Arc::new(Tables::new(files)),
        }
    }

    /// The same, where the Parquet may have to be fetched from this storage first.
    pub fn stored_in(self, storage: Storage) -> Files {
        Files {
            store: Arc::new(self.store.stored_in(storage)),
            ..self
        }
    }

    /// A context that knows the tables this query may name, and nothing else: of a hundred files, only the
    /// footers of those are read (or fetched, where files lie elsewhere).
    async fn context(
        &self,
        runtime: Arc<RuntimeEnv>,
        query: &str,
    ) -> datafusion::error::Result<SessionContext> {
        let query = query.to_lowercase();
        // A name in quotes has its own quotes doubled.
        let may_be_named = |name: &str| query.contains(&name.to_lowercase().replace('"', "\"\""));
        let mut config = SessionConfig::new()
            .with_target_partitions(parts(self.engine.memory_bytes))
            .with_information_schema(false)
            .with_sort_spill_reservation_bytes(MERGE_BYTES.min(self.engine.memory_bytes / 8))
            .with_collect_statistics(true);
        let options = config.options_mut();
        // What the guard parses with, so that both read a query the same way.
        options.sql_parser.dialect = datafusion::common::config::Dialect::PostgreSQL;
        options.execution.parquet.pushdown_filters = true;
        options.execution.parquet.reorder_filters = true;
        // A limit lets a scan leave out what cannot be among the first. The one that is added for safety (see
        // `Query::start`) is far too large for that, and rows would be compared with it for nothing.
        options.optimizer.enable_topk_dynamic_filter_pushdown =
            query.contains("limit") || query.contains("fetch");
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_table_factories(std::collections::HashMap::new())
            .build();
        let context = SessionContext::new_with_state(state);
        functions::register(&context);
        for (index, table) in self.catalog.tables.iter().enumerate() {
            if !may_be_named(&table.name) {
                continue;
            }
            let url = ListingTableUrl::parse(store::url(index))?;
            let options = ListingOptions::new(Arc::new(ParquetFormat::default()));
            let config = ListingTableConfig::new(url)
                .with_listing_options(options)
                .infer_schema(&context.state())
                .await?;
            let provider = Arc::new(ListingTable::try_new(config)?);
            context.register_table(
                datafusion::common::TableReference::bare(table.name.as_str()),
                provider,
            )?;
        }
        Ok(context)
    }

    /// Memory, disk and files of one query.
    fn runtime(&self) -> Result<Arc<RuntimeEnv>> {
        std::fs::create_dir_all(&self.engine.spill_dir)?;
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![self.engine.spill_dir.clone()]))
            .with_max_temp_directory_size((self.engine.memory_bytes as u64).saturating_mul(SPILL_FACTOR));
        RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(memory::QueryMemory::new(self.engine.memory_bytes)))
            .with_disk_manager_builder(disk)
            .with_object_store_registry(Arc::new(OnlyTables(self.store.clone())))
            .build_arc()
            .map_err(|error| errors::of(&error))
    }
}

/// The name itself, or with the first number that makes it unlike those before it.
fn free_name(catalog: &Catalog, name: &str) -> String {
    let taken = |name: &str| {
        catalog
            .tables
            .iter()
            .any(|table| table.name.eq_ignore_ascii_case(name))
    };
    if !taken(name) {
        return name.to_owned();
    }
    (2_u32..)
        .map(|number| format!("{name}_{number}"))
        .find(|name| !taken(name))
        .unwrap_or_else(|| name.to_owned())
}

/// How many parts of a query are worked on at once. Twice as many as processors, since one that waits for its file
/// leaves the processor to another; fewer where memory is short, which they share.
fn parts(memory_bytes: usize) -> usize {
    let many = 2 * cores();
    if memory_bytes / many >= PART_BYTES {
        many
    } else {
        cores()
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// The threads queries run on. Web workers are single-threaded; a join on one of them would stop every
/// request it serves.
fn threads() -> Result<&'static tokio::runtime::Runtime> {
    static THREADS: OnceLock<std::io::Result<tokio::runtime::Runtime>> = OnceLock::new();
    THREADS
        .get_or_init(|| {
            tokio::runtime::Builder::new_multi_thread()
                // More than cores: a query that does not give way must not keep others from being stopped.
                .worker_threads(cores() + 2)
                .thread_name("files-query")
                .enable_all()
                .build()
        })
        .as_ref()
        .map_err(|error| Error::Internal(format!("the file engine's threads did not start: {error}")))
}

/// Stops the query when its reader goes.
struct StopOnDrop(tokio::task::AbortHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[async_trait]
impl Source for Files {
    fn dialect(&self) -> Dialect {
        Dialect::Datafusion
    }

    async fn check(&self) -> Result<Health> {
        for (index, table) in self.catalog.tables.iter().enumerate() {
            if !store::exists(&self.store, index).await {
                return Err(Error::source(
                    SourceFault::Unreachable,
                    format!(
                        "The stored rows of “{}” are missing; upload the file again.",
                        table.name
                    ),
                ));
            }
        }
        Ok(Health {
            version: format!("DataFusion {}", datafusion::DATAFUSION_VERSION),
            role_warnings: Vec::new(),
        })
    }

    async fn catalog(&self) -> Result<Arc<Catalog>> {
        Ok(self.catalog.clone())
    }

    async fn run(&self, query: &str, limits: &Limits) -> Result<Rows> {
        let (to_schema, schema) = oneshot::channel();
        let (to_batches, batches) = mpsc::channel(WAITING_BATCHES);
        let truncated = Truncated::default();
        let work = Query {
            files: Files {
                engine: self.engine.clone(),
                catalog: self.catalog.clone(),
                store: self.store.clone(),
            },
            text: query.to_owned(),
            limits: *limits,
            truncated: truncated.clone(),
        };
        let task = threads()?.spawn(work.run(to_schema, to_batches));
        let stop = StopOnDrop(task.abort_handle());
        let schema = match schema.await {
            Ok(schema) => schema?,
            // The task ended without a word: it panicked.
            Err(_) => return Err(Error::Internal("the file engine stopped on this query".into())),
        };
        let reading = Reading {
            batches,
            task,
            _stop: stop,
        };
        Ok(Rows {
            schema,
            batches: Box::pin(futures::stream::unfold(Some(reading), Reading::next)),
            truncated,
        })
    }
}

/// The reader's end of a running query.
struct Reading {
    batches: mpsc::Receiver<Result<RecordBatch>>,
    task: tokio::task::JoinHandle<()>,
    _stop: StopOnDrop,
}

impl Reading {
    async fn next(reading: Option<Reading>) -> Option<(Result<RecordBatch>, Option<Reading>)> {
        let mut reading = reading?;
        match reading.batches.recv().await {
            Some(Ok(batch)) => Some((Ok(batch), Some(reading))),
            Some(Err(error)) => Some((Err(error), None)),
            None => match (&mut reading.task).await {
                Ok(()) => None,
                // A panic in the engine must not look like the end of the rows.
                Err(_) => Some((
                    Err(Error::Internal("the file engine stopped on this query".into())),
                    None,
                )),
            },
        }
    }
}

/// One query on its way.
struct Query {
    files: Files,
    text: String,
    limits: Limits,
    truncated: Truncated,
}

impl Query {
    async fn run(
        self,
        to_schema: oneshot::Sender<Result<SchemaRef>>,
        to_batches: mpsc::Sender<Result<RecordBatch>>,
    ) {
        let started = Instant::now();
        let late = || {
            Error::Timeout(format!(
                "The query took longer than {} seconds and was stopped; ask for less at once.",
                self.limits.time().as_secs_f32()
            ))
        };
        let planned = tokio::time::timeout(self.limits.time(), self.start()).await;
        let (schema, mut stream) = match planned {
            Ok(Ok(started)) => started,
            Ok(Err(error)) => {
                // Nobody waits any more if the asker has left.
                let _ = to_schema.send(Err(error));
                return;
            }
            Err(_) => {
                let _ = to_schema.send(Err(late()));
                return;
            }
        };
        if to_schema.send(Ok(schema.clone())).is_err() {
            return;
        }
        let mut left = Left {
            rows: self.limits.rows,
            bytes: self.limits.bytes,
        };
        loop {
            let time = self.limits.time().saturating_sub(started.elapsed());
            let batch = match tokio::time::timeout(time, stream.next()).await {
                Err(_) => Err(late()),
                Ok(None) => return,
                Ok(Some(Err(error))) => Err(errors::of(&error)),
                Ok(Some(Ok(batch))) if batch.num_rows() == 0 => continue,
                Ok(Some(Ok(batch))) => plain::batch(&batch, &schema),
            };
            let failed = batch.is_err();
            let batch = batch.map(|batch| left.take(batch));
            let (batch, cut) = match batch {
                Ok((batch, cut)) => (Ok(batch), cut),
                Err(error) => (Err(error), false),
            };
            if cut {
                self.truncated.set();
            }
            let empty = batch.as_ref().is_ok_and(|batch| batch.num_rows() == 0);
            if !empty && to_batches.send(batch).await.is_err() {
                return;
            }
            if cut || failed {
                return;
            }
        }
    }

    /// Plans the query and starts it.
    async fn start(&self) -> Result<(SchemaRef, datafusion::execution::SendableRecordBatchStream)> {
        let runtime = self.files.runtime()?;
        let context = self
            .files
            .context(runtime, &self.text)
            .await
            .map_err(|error| errors::of(&error))?;
        let plan = context
            .state()
            .create_logical_plan(&self.text)
            .await
            .map_err(|error| errors::of(&error))?;
        only_reads(&plan)?;
        let frame = context
            .execute_logical_plan(plan)
            .await
            .map_err(|error| errors::of(&error))?;
        // One row more than asked for tells whether there are more. A large limit stays out of the plan: a
        // sort would keep so many rows in memory instead of spilling.
        let frame = match usize::try_from(self.limits.rows) {
            Ok(rows) if rows <= SMALL_LIMIT => frame
                .limit(0, Some(rows + 1))
                .map_err(|error| errors::of(&error))?,
            _ => frame,
        };
        let context = Arc::new(frame.task_ctx());
        let plan = frame
            .create_physical_plan()
            .await
            .map_err(|error| errors::of(&error))?;
        let plan = yielding(plan).map_err(|error| errors::of(&error))?;
        let stream = execute_stream(plan, context).map_err(|error| errors::of(&error))?;
        Ok((plain::schema(&stream.schema()), stream))
    }
}

/// Makes joins give way after so many batches. One that makes many rows of few, under an aggregate that takes
/// them all, would otherwise never look up: it could be neither stopped nor timed out.
fn yielding(plan: Arc<dyn ExecutionPlan>) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
    let joins = |node: Arc<dyn ExecutionPlan>| {
        Ok(if node.children().len() > 1 {
            Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>)
        } else {
            Transformed::no(node)
        })
    };
    Ok(plan.transform_up(joins)?.data)
}

/// What a query may still return.
struct Left {
    rows: u64,
    bytes: u64,
}

impl Left {
    /// The part of a batch that fits, and whether rows had to stay behind.
    fn take(&mut self, batch: RecordBatch) -> (RecordBatch, bool) {
        let rows = batch.num_rows() as u64;
        let bytes = batch.get_array_memory_size() as u64;
        let mut fits = rows.min(self.rows);
        if bytes > self.bytes {
            // Rows of one batch are taken to be equally long.
            fits = fits.min(rows * self.bytes / bytes.max(1));
        }
        self.rows -= fits;
        self.bytes = self.bytes.saturating_sub(bytes);
        let cut = fits < rows;
        // `fits` is at most the batch's own number of rows.
        (batch.slice(0, fits as usize), cut)
    }
}

/// Refuses every plan that is more than a query over tables: no statements, nothing that explains, describes,
/// writes or defines.
fn only_reads(plan: &LogicalPlan) -> Result<()> {
    let options = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    options.verify_plan(plan).map_err(|error| errors::of(&error))?;
    let mut strange = false;
    plan.apply_with_subqueries(|node| {
        let known = matches!(
            node,
            LogicalPlan::Projection(_)
                | LogicalPlan::Filter(_)
                | LogicalPlan::Window(_)
                | LogicalPlan::Aggregate(_)
                | LogicalPlan::Sort(_)
                | LogicalPlan::Join(_)
                | LogicalPlan::Union(_)
                | LogicalPlan::TableScan(_)
                | LogicalPlan::EmptyRelation(_)
                | LogicalPlan::Subquery(_)
                | LogicalPlan::SubqueryAlias(_)
                | LogicalPlan::Limit(_)
                | LogicalPlan::Values(_)
                | LogicalPlan::Distinct(_)
                | LogicalPlan::Unnest(_)
                | LogicalPlan::RecursiveQuery(_)
        );
        strange |= !known;
        Ok(if known {
            TreeNodeRecursion::Continue
        } else {
            TreeNodeRecursion::Stop
        })
    })
    .map_err(|error| errors::of(&error))?;
    if strange {
        return Err(Error::Refused(
            "Only queries that read the chosen tables can be asked.".into(),
        ));
    }
    Ok(())
}
