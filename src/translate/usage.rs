//! What a question cost: the calls to the model that were made for it, with their tokens. Counted beside the
//! work, for whoever asked [`counted`]; otherwise nothing is kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Price;

/// Characters that make a token, where an endpoint does not count. English text has about so many.
const CHARACTERS_A_TOKEN: u64 = 4;

/// One call to a model.
#[derive(Debug, Clone)]
pub struct Call {
    pub model: String,
    pub began: SystemTime,
    pub ended: SystemTime,
    /// None where the endpoint does not say.
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    /// What was sent and what came, in characters.
    pub input_characters: u64,
    pub output_characters: u64,
    pub ok: bool,
}

/// What one question cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Usage {
    pub model: String,
    /// Repairs are calls too.
    pub calls: u32,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Whether some of the tokens were reckoned from the length of the text, because the endpoint does not say.
    pub estimated: bool,
    /// In the configured currency; null where no price is known.
    pub cost: Option<f64>,
}

impl Usage {
    /// None when no model was asked.
    pub fn of(calls: &[Call], price: Option<Price>) -> Option<Usage> {
        let mut usage = Usage {
            model: calls.last()?.model.clone(),
            calls: u32::try_from(calls.len()).unwrap_or(u32::MAX),
            input_tokens: 0,
            output_tokens: 0,
            estimated: false,
            cost: None,
        };
        for call in calls {
            // A call that came to nothing and is not counted by the endpoint either cost nothing that is known.
            let reckoned = |characters: u64| {
                if call.ok {
                    characters.div_ceil(CHARACTERS_A_TOKEN)
                } else {
                    0
                }
            };
            usage.estimated |= call.ok && (call.input_tokens.is_none() || call.output_tokens.is_none());
            usage.input_tokens += call
                .input_tokens
                .unwrap_or_else(|| reckoned(call.input_characters));
            usage.output_tokens += call
                .output_tokens
                .unwrap_or_else(|| reckoned(call.output_characters));
        }
        usage.cost = price.map(|price| price.of(usage.input_tokens, usage.output_tokens));
        Some(usage)
    }

    /// Read and written together.
    pub fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

tokio::task_local! {
    static CALLS: Arc<Mutex<Vec<Call>>>;
}

/// Does the work, and gives the calls that were made for it.
pub async fn counted<T>(work: impl Future<Output = T>) -> (T, Vec<Call>) {
    let calls = Arc::new(Mutex::default());
    let done = CALLS.scope(calls.clone(), work).await;
    let calls = std::mem::take(&mut *calls.lock().unwrap_or_else(PoisonError::into_inner));
    (done, calls)
}

/// A call begins, with so many characters to read.
pub(super) fn begin(model: &str, input_characters: u64) {
    let now = SystemTime::now();
    change(|calls| {
        calls.push(Call {
            model: model.to_owned(),
            began: now,
            ended: now,
            input_tokens: None,
            output_tokens: None,
            input_characters,
            output_characters: 0,
            ok: false,
        });
    });
}

/// What the endpoint says of the call that runs: the `usage` of the OpenAI API, or null.
pub(super) fn note(usage: &Value) {
    if usage.is_null() {
        return;
    }
    change(|calls| {
        if let Some(call) = calls.last_mut() {
            call.input_tokens = usage["prompt_tokens"].as_u64().or(call.input_tokens);
            call.output_tokens = usage["completion_tokens"].as_u64().or(call.output_tokens);
        }
    });
}

/// The call that runs has ended, with an answer or without.
pub(super) fn end<E>(outcome: &Result<String, E>) {
    change(|calls| {
        if let Some(call) = calls.last_mut() {
            call.ended = SystemTime::now();
            call.ok = outcome.is_ok();
            call.output_characters = outcome.as_ref().map_or(0, |answer| answer.chars().count() as u64);
        }
    });
}

fn change(work: impl FnOnce(&mut Vec<Call>)) {
    // Nobody counts: no error.
    let _ = CALLS.try_with(|calls| work(&mut calls.lock().unwrap_or_else(PoisonError::into_inner)));
}
