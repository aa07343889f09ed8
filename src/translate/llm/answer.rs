//! A model's answer as it grows, from a stream or in one piece; capped, and not an answer until it has ended.

use serde_json::{Value, json};

use super::fault::{Failed, Fault, Step};
use crate::error::Error;

/// An answer at most; queries are a few KiB.
pub(super) const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// An answer as it grows.
#[derive(Default)]
pub(super) struct Answer {
    text: String,
    /// Set by the finish reason or the end mark: without either the stream was cut.
    ended: bool,
    too_short: bool,
}

impl Answer {
    /// The end mark came, or the answer came in one piece.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Takes a choice: its `delta` or `message`.
    pub(super) fn add(&mut self, choice: &Value, part: &str) -> Result<(), Failed> {
        let message = &choice[part];
        match &message["content"] {
            Value::String(text) => self.text.push_str(text),
            // Content in parts, as some endpoints send it.
            Value::Array(parts) => {
                for part in parts {
                    self.text.push_str(part["text"].as_str().unwrap_or_default());
                }
            }
            _ => {}
        }
        if self.text.len() > MAX_ANSWER_BYTES {
            return Err(Failed::Final(too_much()));
        }
        if let Some(refusal) = message["refusal"].as_str()
            && self.text.is_empty()
            && !refusal.is_empty()
        {
            self.text = json!({"kind": "refuse", "explanation": refusal}).to_string();
        }
        match choice["finish_reason"].as_str() {
            Some("length") => (self.ended, self.too_short) = (true, true),
            Some("content_filter") => {
                return Err(Failed::Final(Fault::new(
                    Step::Model,
                    Error::Llm(
                        "The endpoint's content filter stopped the answer; put the question differently."
                            .into(),
                    ),
                )));
            }
            Some(_) => self.ended = true,
            None => {}
        }
        Ok(())
    }

    /// The text, if all of it came.
    pub(super) fn finish(self) -> Result<String, Failed> {
        if self.too_short {
            return Err(Failed::Final(Fault::new(
                Step::Json,
                Error::Llm(
                    "The model's answer was cut at its output limit; raise that limit at the endpoint, or ask for less \
                     at once."
                        .into(),
                ),
            )));
        }
        if !self.ended {
            return Err(cut_off());
        }
        Ok(self.text)
    }
}

pub(super) fn too_much() -> Fault {
    Fault::new(
        Step::Json,
        Error::Llm("The model's answer was far too long and was stopped; ask again.".into()),
    )
}

pub(super) fn cut_off() -> Failed {
    Failed::Busy(
        None,
        Fault::new(
            Step::Connect,
            Error::Llm("The connection to the model broke before its answer was complete; ask again.".into()),
        ),
    )
}
