//! PostgreSQL: catalog, read-only transactions, rows as Arrow batches.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Dialect, Health, Limits, Source};
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::rows::Rows;

/// A PostgreSQL database reached directly.
pub struct Postgres;

impl Postgres {
    /// From a `postgres://` URL; connects on first use.
    pub fn new(url: &str) -> Result<Postgres> {
        let _ = url;
        Ok(Postgres)
    }
}

#[async_trait]
impl Source for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgresql
    }
    async fn check(&self) -> Result<Health> {
        Err(Error::Internal("postgres".into()))
    }
    async fn catalog(&self) -> Result<Arc<Catalog>> {
        Err(Error::Internal("postgres".into()))
    }
    async fn run(&self, query: &str, limits: &Limits) -> Result<Rows> {
        let _ = (query, limits);
        Err(Error::Internal("postgres".into()))
    }
}
