//! Translations that worked, remembered: the same question about the same tables, glossary, examples and
//! conversation on the same day is not translated twice. What is remembered is what ran in the end, also when it took
//! repairs to get there. Questions back and refusals are thought about anew each time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::service::caches::{Caches, Counted};
use crate::translate::{Context, Query, Translation, Translator};

/// Memory for translations in bytes.
const BYTES: u64 = 16 << 20;

/// A model may have learned something by then.
const TIME: Duration = Duration::from_secs(60 * 60);

/// A translator with a memory.
#[derive(Clone)]
pub struct Remembered {
    inner: Arc<dyn Translator>,
    /// What is remembered of one is nothing to another.
    whose: String,
    /// By a digest of everything the translator would see.
    known: Counted<[u8; 32], Query>,
}

/// Everything that a translation depends on.
#[derive(Serialize)]
struct Key<'a> {
    translator: &'static str,
    whose: &'a str,
    question: &'a str,
    dialect: &'static str,
    catalog: &'a crate::catalog::Catalog,
    glossary: &'a str,
    examples: &'a [crate::translate::Example],
    turns: &'a [crate::translate::Turn],
    today: chrono::NaiveDate,
}

impl Remembered {
    pub fn new(inner: Arc<dyn Translator>, caches: &Caches) -> Remembered {
        Remembered {
            inner,
            whose: String::new(),
            known: caches.add("translations", BYTES, TIME, |_, query: &Query| {
                size_of::<Query>() + query.text.len() + query.reading.len() + 64
            }),
        }
    }

    /// Another translator with the same memory, of which it sees only what is its own.
    pub fn around(&self, inner: Arc<dyn Translator>, whose: &str) -> Remembered {
        Remembered {
            inner,
            whose: whose.to_owned(),
            known: self.known.clone(),
        }
    }

    fn key(&self, context: &Context<'_>) -> Result<[u8; 32]> {
        // Taken apart by name, so that what is added to a context is not forgotten here.
        let Context {
            question,
            dialect,
            catalog,
            glossary,
            examples,
            turns,
            today,
            failed: _,
        } = *context;
        let key = Key {
            translator: self.inner.name(),
            whose: &self.whose,
            question,
            dialect: dialect.name(),
            catalog,
            glossary,
            examples,
            turns,
            today,
        };
        let mut digest = Sha256::new();
        serde_json::to_writer(&mut digest, &key).map_err(crate::error::Error::internal)?;
        Ok(digest.finalize().into())
    }
}

#[async_trait]
impl Translator for Remembered {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn can_repair(&self) -> bool {
        self.inner.can_repair()
    }

    fn is_instant(&self) -> bool {
        self.inner.is_instant()
    }

    async fn translate(&self, context: &Context<'_>) -> Result<Translation> {
        if context.failed.is_none()
            && let Some(query) = self.known.get(&self.key(context)?).await
        {
            return Ok(Translation::Query(query));
        }
        self.inner.translate(context).await
    }

    async fn worked(&self, context: &Context<'_>, query: &Query) -> Result<()> {
        self.known.insert(self.key(context)?, query.clone()).await;
        self.inner.worked(context, query).await
    }
}
