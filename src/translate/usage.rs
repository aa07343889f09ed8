//! What a question cost: the calls to the model that were made for it, with their tokens. Counted beside the
//! work, for whoever asked [`counted`]; otherwise nothing is kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::Value;

/// One call to a model.
#[derive(Debug, Clone)]
pub struct Call {
    pub model: String,
    pub began: SystemTime,
    pub ended: SystemTime,
    /// None where the endpoint does not say.
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub ok: bool,
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

/// A call begins.
pub(super) fn begin(model: &str) {
    let now = SystemTime::now();
    change(|calls| {
        calls.push(Call {
            model: model.to_owned(),
            began: now,
            ended: now,
            input_tokens: None,
            output_tokens: None,
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

/// The call that runs has ended.
pub(super) fn end<T, E>(outcome: &Result<T, E>) {
    change(|calls| {
        if let Some(call) = calls.last_mut() {
            call.ended = SystemTime::now();
            call.ok = outcome.is_ok();
        }
    });
}

fn change(work: impl FnOnce(&mut Vec<Call>)) {
    // Nobody counts: no error.
    let _ = CALLS.try_with(|calls| work(&mut calls.lock().unwrap_or_else(PoisonError::into_inner)));
}
