//! One chat completion over one shared HTTP client: streaming, retries, time-outs, and steps down to what
//! the endpoint understands. It does not know what the messages mean.
//!
//! What an endpoint refused once (a response format, streaming, a temperature, the system role) is not sent
//! to it again by this process.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use futures::StreamExt;
use openai_api_rs::v1::chat_completion::{ChatCompletionMessage, Content};
use rand::Rng;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use serde_json::Value;

use super::answer::{Answer, MAX_ANSWER_BYTES, cut_off, too_much};
use super::endpoint::Endpoint;
use super::fault::{Failed, Fault, Step};
use super::manner::{Manner, Shape, request_body};
use super::sse::Events;
use crate::config::LlmConfig;
use crate::error::{Error, Result};
use crate::translate::usage;

/// What may come over the wire for it: each token of a stream (and of its reasoning) costs a few hundred bytes.
const MAX_WIRE_BYTES: usize = 64 * 1024 * 1024;
/// The longest wait that an endpoint may ask for; beyond that the asker is told instead.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// The first pause between two tries; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause of our own choice.
const MAX_PAUSE: Duration = Duration::from_secs(20);
/// One answer in all, retries included: a stream that drips never reaches the time-out between two bytes.
const MAX_TIME: Duration = Duration::from_secs(15 * 60);

/// A client of one endpoint.
pub(super) struct Chat {
    pub(super) endpoint: Endpoint,
    client: Client,
    retries: u32,
    read_timeout: Duration,
    manner: Mutex<Manner>,
}

impl Chat {
    /// Errors: `Invalid` when the base URL or the key cannot be used.
    pub(super) fn new(config: &LlmConfig) -> Result<Chat> {
        let endpoint = Endpoint::new(config)?;
        let mut client = Client::builder()
            .connect_timeout(config.connect_timeout)
            .read_timeout(config.read_timeout)
            // Following one would hand the key and the question to a host that nobody configured.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("clean-custard/", env!("CARGO_PKG_VERSION")));
        if endpoint.is_here() {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| {
            Error::Invalid(format!(
                "The model's client could not be set up: {}",
                chain(&error)
            ))
        })?;
        Ok(Chat {
            endpoint,
            client,
            retries: config.retries,
            read_timeout: config.read_timeout,
            manner: Mutex::new(Manner {
                shape: Shape::Schema,
                streams: true,
                sends_temperature: true,
                asks_usage: true,
                has_system_role: true,
            }),
        })
    }

    /// The model's answer to these messages; `schema` describes it, for endpoints that can keep to one.
    /// Dropping the future closes the connection.
    pub(super) async fn complete(
        &self,
        messages: &[ChatCompletionMessage],
        schema: &Value,
    ) -> Result<String, Fault> {
        usage::begin(&self.endpoint.model, characters(messages));
        let outcome = match tokio::time::timeout(MAX_TIME, self.tries(messages, schema)).await {
            Ok(answer) => answer,
            Err(_) => Err(Fault::new(
                Step::Model,
                Error::Timeout(format!(
                    "The model did not finish within {} minutes.",
                    MAX_TIME.as_secs() / 60
                )),
            )),
        };
        usage::end(&outcome);
        outcome
    }

    /// Names of the models that the endpoint says it has; empty when it does not say.
    pub(super) async fn models(&self) -> Vec<String> {
        let mut request = self
            .client
            .get(self.endpoint.url("models"))
            .timeout(Duration::from_secs(10));
        if let Some((name, value)) = self.endpoint.auth() {
            request = request.header(name, value);
        }
        let Ok(response) = request.send().await else {
            return Vec::new();
        };
        let Ok(body) = self.body(response).await else {
            return Vec::new();
        };
        let list: Value = serde_json::from_slice(&body).unwrap_or_default();
        list["data"]
            .as_array()
            .map(|models| {
                models
                    .iter()
                    .filter_map(|model| Some(self.endpoint.scrub(model["id"].as_str()?)))
                    .collect()
            })
            .unwrap_or_default()
    }

    async fn tries(&self, messages: &[ChatCompletionMessage], schema: &Value) -> Result<String, Fault> {
        let mut manner = self.learnt();
        let mut failed = 0;
        loop {
            match self.once(messages, schema, manner).await {
                Ok(answer) => {
                    self.learn(manner);
                    return Ok(answer);
                }
                // Each step goes down, so this ends.
                Err(Failed::Refused(next)) => manner = next,
                Err(Failed::Busy(wait, fault)) => {
                    if failed >= self.retries || wait.is_some_and(|wait| wait > MAX_WAIT) {
                        return Err(fault);
                    }
                    tokio::time::sleep(wait.unwrap_or_else(|| pause(failed))).await;
                    failed += 1;
                }
                Err(Failed::Final(fault)) => return Err(fault),
            }
        }
    }

    fn learnt(&self) -> Manner {
        *self
            .manner
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Only what led to an answer is kept: an error about something else must not cost the endpoint its schema.
    fn learn(&self, manner: Manner) {
        *self
            .manner
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = manner;
    }

    async fn once(
        &self,
        messages: &[ChatCompletionMessage],
        schema: &Value,
        manner: Manner,
    ) -> Result<String, Failed> {
        let body = request_body(&self.endpoint.model, messages, schema, manner)
            .map_err(|error| Failed::Final(Fault::new(Step::Model, error)))?;
        let mut request = self
            .client
            .post(self.endpoint.url("chat/completions"))
            .header(CONTENT_TYPE, "application/json")
            .header(
                ACCEPT,
                if manner.streams {
                    "text/event-stream, application/json"
                } else {
                    "application/json"
                },
            )
            .body(body);
        if let Some((name, value)) = self.endpoint.auth() {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|error| self.unreached(&error))?;
        if !response.status().is_success() {
            return Err(self.refused(response, manner).await);
        }
        let streams = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("text/event-stream"));
        if streams {
            self.stream(response).await
        } else {
            let body = self.body(response).await?;
            self.whole(&body)
        }
    }

    /// A streamed answer put together.
    async fn stream(&self, response: Response) -> Result<String, Failed> {
        let mut answer = Answer::default();
        let mut events = Events::default();
        let mut chunks = response.bytes_stream();
        let mut wire = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.broken(&error))?;
            wire += chunk.len();
            if wire > MAX_WIRE_BYTES {
                return Err(Failed::Final(too_much()));
            }
            let ready = events
                .push(&chunk)
                .map_err(|error| Failed::Final(Fault::new(Step::Json, error)))?;
            for event in ready {
                if self.take(&event, &mut answer)? == Flow::Done {
                    return answer.finish();
                }
            }
        }
        for event in events.finish() {
            if self.take(&event, &mut answer)? == Flow::Done {
                break;
            }
        }
        answer.finish()
    }

    fn take(&self, event: &[u8], answer: &mut Answer) -> Result<Flow, Failed> {
        if event == b"[DONE]" {
            answer.end();
            return Ok(Flow::Done);
        }
        let Ok(event) = serde_json::from_slice::<Value>(event) else {
            return Err(Failed::Final(Fault::new(
                Step::Json,
                Error::Llm(format!(
                    "The model's endpoint {} sent a stream that is not JSON.",
                    self.endpoint
                )),
            )));
        };
        self.take_error(&event)?;
        usage::note(&event["usage"]);
        answer.add(&event["choices"][0], "delta")?;
        Ok(Flow::More)
    }

    /// An answer in one piece.
    fn whole(&self, body: &[u8]) -> Result<String, Failed> {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return Err(Failed::Final(Fault::new(
                Step::Connect,
                Error::Llm(format!(
                    "What answers at {} does not speak the OpenAI API; check llm.base_url (it usually ends in /v1).",
                    self.endpoint
                )),
            )));
        };
        self.take_error(&value)?;
        usage::note(&value["usage"]);
        let mut answer = Answer::default();
        answer.end();
        answer.add(&value["choices"][0], "message")?;
        answer.finish()
    }

    /// Some endpoints say 200 and send the error in the body.
    fn take_error(&self, value: &Value) -> Result<(), Failed> {
        let error = &value["error"];
        if error.is_null() {
            return Ok(());
        }
        let words = ended(self.endpoint.scrub(&words_of(value)));
        let fault = Fault::new(
            Step::Model,
            Error::Llm(format!("The model's endpoint failed while it answered: {words}")),
        );
        let passing = [&error["code"], &error["type"]].iter().any(|code| match code {
            Value::Number(code) => code.as_u64().is_some_and(|code| code == 429 || code >= 500),
            Value::String(code) => {
                code.contains("overloaded") || code.contains("rate_limit") || code == "server_error"
            }
            _ => false,
        });
        Err(if passing {
            Failed::Busy(None, fault)
        } else {
            Failed::Final(fault)
        })
    }

    /// A body within the size of an answer. (Never `bytes()`: that reads without a limit.)
    async fn body(&self, response: Response) -> Result<Vec<u8>, Failed> {
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.broken(&error))?;
            // Escapes and the reasoning beside the answer take room as well.
            if body.len() + chunk.len() > 8 * MAX_ANSWER_BYTES {
                return Err(Failed::Final(too_much()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What a status other than success means.
    async fn refused(&self, response: Response, manner: Manner) -> Failed {
        let status = response.status();
        let wait = retry_after(response.headers());
        // A body that breaks off says less, the status stands all the same.
        let body = self.body(response).await.unwrap_or_default();
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        let words = ended(self.endpoint.scrub(&words_of(&value)));
        let telling = if words.is_empty() {
            String::new()
        } else {
            format!(" It says: {words}")
        };
        let lower = words_of(&value).to_lowercase();
        let (endpoint, model) = (&self.endpoint, &self.endpoint.model);
        let fault = |step, sentence: String| Failed::Final(Fault::new(step, Error::Llm(sentence + &telling)));
        match status {
            StatusCode::UNAUTHORIZED if endpoint.has_key() => fault(
                Step::Auth,
                format!("{endpoint} did not accept the key; check llm.api_key (OPENAI_API_KEY)."),
            ),
            StatusCode::UNAUTHORIZED => fault(
                Step::Auth,
                format!("{endpoint} asks for a key; set llm.api_key (OPENAI_API_KEY)."),
            ),
            StatusCode::FORBIDDEN => fault(
                Step::Auth,
                format!(
                    "{endpoint} does not let this key use the model {model}; allow it there or choose another."
                ),
            ),
            StatusCode::PAYMENT_REQUIRED => fault(
                Step::Auth,
                format!("The account at {endpoint} has no credit left; top it up there."),
            ),
            StatusCode::NOT_FOUND => fault(
                Step::Model,
                format!(
                    "{endpoint} knows no model {model}, or it is not the API's address; check llm.model and \
                     llm.base_url (it usually ends in /v1)."
                ),
            ),
            StatusCode::TOO_MANY_REQUESTS if lower.contains("insufficient_quota") => fault(
                Step::Auth,
                format!("The account at {endpoint} has used up its quota; raise it there."),
            ),
            StatusCode::TOO_MANY_REQUESTS => Failed::Busy(
                wait,
                Fault::new(
                    Step::Model,
                    Error::Llm(format!(
                        "{endpoint} takes no more requests for now (429); try again {}.{telling}",
                        match wait {
                            Some(wait) if wait > MAX_WAIT => format!("in {} seconds", wait.as_secs()),
                            _ => "later".into(),
                        }
                    )),
                ),
            ),
            status if status.is_redirection() => fault(
                Step::Connect,
                format!(
                    "{endpoint} sends its visitors elsewhere ({status}); put the address it means into llm.base_url."
                ),
            ),
            status if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => Failed::Busy(
                wait,
                Fault::new(
                    Step::Model,
                    Error::Llm(format!(
                        "{endpoint} failed with status {}; try again later or look at its log.{telling}",
                        status.as_u16()
                    )),
                ),
            ),
            StatusCode::PAYLOAD_TOO_LARGE => Failed::Final(Fault::too_long(self.too_long(&telling))),
            _ if is_too_long(&lower) => Failed::Final(Fault::too_long(self.too_long(&telling))),
            status => match manner.without(&lower) {
                Some(next) if matches!(status.as_u16(), 400 | 415 | 422 | 501) => Failed::Refused(next),
                _ => fault(
                    Step::Model,
                    format!("{endpoint} refused the request with status {}.", status.as_u16()),
                ),
            },
        }
    }

    fn too_long(&self, telling: &str) -> Error {
        Error::Llm(format!(
            "The question with its part of the catalog is too long for the model {}; choose one with a larger \
             context.{telling}",
            self.endpoint.model
        ))
    }

    /// No response came.
    fn unreached(&self, error: &reqwest::Error) -> Failed {
        let endpoint = &self.endpoint;
        let reason = chain(error);
        let lower = reason.to_lowercase();
        let sentence = if error.is_timeout() && error.is_connect() {
            format!("{endpoint} could not be reached in time; check llm.base_url and the network.")
        } else if error.is_timeout() {
            return Failed::Final(self.silent());
        } else if lower.contains("certificate") || lower.contains("invalid peer") {
            format!(
                "The certificate of {endpoint} is not trusted; add its authority to this machine's trust store, or \
                 correct llm.base_url. ({})",
                endpoint.scrub(&reason)
            )
        } else if lower.contains("invalidcontenttype") || lower.contains("corrupt message") {
            format!(
                "{endpoint} does not speak TLS; write http:// in llm.base_url, or the port that serves https."
            )
        } else if lower.contains("dns error") || lower.contains("lookup address") {
            format!("The host of {endpoint} was not found; check llm.base_url and the name server.")
        } else if lower.contains("refused") {
            format!("Nothing listens at {endpoint}; start the model's server or correct llm.base_url.")
        } else if error.is_connect() {
            format!(
                "{endpoint} could not be reached; check llm.base_url and the network. ({})",
                endpoint.scrub(&reason)
            )
        } else {
            // Connected, then cut off before an answer: that passes.
            let sentence = format!("{endpoint} closed the connection before it answered; look at its log.");
            return Failed::Busy(None, Fault::new(Step::Connect, Error::Llm(sentence)));
        };
        Failed::Final(Fault::new(Step::Connect, Error::Llm(sentence)))
    }

    /// The response broke off.
    fn broken(&self, error: &reqwest::Error) -> Failed {
        if error.is_timeout() {
            Failed::Final(self.silent())
        } else {
            cut_off()
        }
    }

    fn silent(&self) -> Fault {
        Fault::new(
            Step::Model,
            Error::Timeout(format!(
                "The model said nothing for {} seconds; give it longer with llm.read_timeout or choose a faster one.",
                self.read_timeout.as_secs()
            )),
        )
    }
}

#[derive(PartialEq, Eq)]
enum Flow {
    More,
    Done,
}

/// How much the model is given to read.
fn characters(messages: &[ChatCompletionMessage]) -> u64 {
    messages
        .iter()
        .map(|message| match &message.content {
            Content::Text(text) => text.chars().count() as u64,
            // Nothing of ours is a picture.
            Content::ImageUrl(_) => 0,
        })
        .sum()
}

fn is_too_long(words: &str) -> bool {
    words.contains("context_length")
        || words.contains("context length")
        || words.contains("context window")
        || words.contains("context size")
        || words.contains("maximum context")
        || words.contains("prompt is too long")
        || words.contains("too many tokens")
}

/// The endpoint's own words in an error body, with its code.
fn words_of(value: &Value) -> String {
    let error = &value["error"];
    let mut words = Vec::new();
    for part in [
        &error["message"],
        error,
        &value["message"],
        &value["detail"],
        &error["code"],
    ] {
        if let Value::String(text) = part {
            words.push(text.as_str());
        }
    }
    words.join(" ")
}

/// With a full stop, as our sentences end.
fn ended(mut words: String) -> String {
    if words.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ']' | ')' | '"' | '\'')) {
        words.push('.');
    }
    words
}

/// Seconds or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let then = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    let then = SystemTime::from(then);
    Some(then.duration_since(SystemTime::now()).unwrap_or_default())
}

/// The pause before another try: doubling, and between half and whole so that many askers spread out.
fn pause(failed: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << failed.min(10)).min(MAX_PAUSE);
    whole.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// An error with what caused it; the URL (it may hold a key) left out.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}
