//! The translator that asks a language model through any OpenAI-compatible endpoint.
//!
//! It writes the prompt, reads the answer and says what went wrong in words; whether the query may run is the
//! guard's business. Rows are never sent; frequent values only where the configuration allows it.

mod answer;
mod chat;
mod endpoint;
mod fault;
mod manner;
mod probe;
mod prompt;
mod reply;
mod sse;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use openai_api_rs::v1::chat_completion::{ChatCompletionMessage, Content, MessageRole};

use self::chat::Chat;
pub use self::fault::Step;
use self::fault::{Fault, Size};
pub use self::probe::{TestReport, TestStep, test};
use super::{Context, Translation, Translator};
use crate::config::LlmConfig;
use crate::error::Result;

/// The catalog's share of the prompt, in tokens. Enough for some hundred tables' worth of columns, and within
/// what models of the last years take.
const CATALOG_TOKENS: usize = 12_000;
/// The share below which the prompt is not cut further.
const LEAST_TOKENS: usize = 500;
/// What the rules, the question and all that stands beside the catalog take, and the answer.
const OTHER_TOKENS: usize = 3_000;
/// Characters of an unusable answer that the model is shown again.
const ECHOED: usize = 4000;

/// A language model.
pub struct Llm {
    chat: Chat,
    values: prompt::Values,
    /// The catalog's share as this model turned out to take it.
    budget: AtomicUsize,
}

impl Llm {
    /// Errors: `Invalid` when the base URL or the key cannot be used.
    pub fn new(config: LlmConfig) -> Result<Llm> {
        Ok(Llm {
            chat: Chat::new(&config)?,
            values: if config.value_hints {
                prompt::Values::Sent
            } else {
                prompt::Values::Kept
            },
            budget: AtomicUsize::new(config.context_tokens.map_or(CATALOG_TOKENS, |tokens| {
                (tokens as usize)
                    .saturating_sub(OTHER_TOKENS)
                    .clamp(LEAST_TOKENS, CATALOG_TOKENS)
            })),
        })
    }

    /// Asks, with less of the catalog each time the prompt turns out too long.
    async fn ask(&self, context: &Context<'_>) -> Result<(Vec<ChatCompletionMessage>, String), Fault> {
        let schema = reply::schema();
        loop {
            let budget = self.budget.load(Ordering::Relaxed);
            let messages = prompt::messages(context, budget, self.values);
            match self.chat.complete(&messages, &schema).await {
                Ok(answer) => return Ok((messages, answer)),
                Err(fault) if fault.size == Size::TooLong && budget > LEAST_TOKENS => {
                    self.budget.fetch_min(budget / 2, Ordering::Relaxed);
                }
                Err(fault) => return Err(fault),
            }
        }
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
        let (mut messages, answer) = self.ask(context).await.map_err(|fault| fault.error)?;
        if let Ok(translation) = reply::translation(&answer) {
            return Ok(translation);
        }
        // Small models forget the format; told once, most keep to it.
        let said: String = answer.chars().take(ECHOED).collect();
        if !said.is_empty() {
            messages.push(message(MessageRole::assistant, said));
        }
        messages.push(message(MessageRole::user, prompt::AGAIN.into()));
        let answer = self
            .chat
            .complete(&messages, &reply::schema())
            .await
            .map_err(|fault| fault.error)?;
        reply::translation(&answer)
    }
}

impl fmt::Debug for Llm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Llm")
            .field("endpoint", &self.chat.endpoint)
            .finish()
    }
}

fn message(role: MessageRole, text: String) -> ChatCompletionMessage {
    ChatCompletionMessage {
        role,
        content: Content::Text(text),
        name: None,
        tool_calls: None,
        tool_call_id: None,
    }
}
