//! The translator that asks a language model through any OpenAI-compatible endpoint.

use async_trait::async_trait;

use super::{Context, Translation, Translator};
use crate::config::LlmConfig;
use crate::error::{Error, Result};

/// A language model.
pub struct Llm {
    config: LlmConfig,
}

impl Llm {
    /// Errors: `Invalid` when the base URL cannot be used.
    pub fn new(config: LlmConfig) -> Result<Llm> {
        Ok(Llm { config })
    }
}

#[async_trait]
impl Translator for Llm {
    fn name(&self) -> &'static str {
        "llm"
    }
    fn can_repair(&self) -> bool {
        true
    }
    fn is_instant(&self) -> bool {
        false
    }
    async fn translate(&self, context: &Context<'_>) -> Result<Translation> {
        let _ = (&self.config, context);
        Err(Error::Internal("llm".into()))
    }
}
