//! What of the protocol an endpoint understands, and the request written in that manner.

use openai_api_rs::v1::chat_completion::chat_completion::ChatCompletionRequest;
use openai_api_rs::v1::chat_completion::{ChatCompletionMessage, Content, MessageRole};
use serde_json::{Value, json};

use crate::error::{Error, Result};

/// The shape of an answer that the endpoint is asked to keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    Schema,
    Object,
    Free,
}

/// What of the protocol is used with this endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) shape: Shape,
    pub(super) streams: bool,
    pub(super) sends_temperature: bool,
    /// Whether a stream shall end with the number of tokens.
    pub(super) asks_usage: bool,
    pub(super) has_system_role: bool,
}

impl Manner {
    /// The next manner to try after a refusal in these (lower-case) words; None when there is nothing left to
    /// leave out.
    pub(super) fn without(self, words: &str) -> Option<Manner> {
        let shape = match self.shape {
            Shape::Schema => Some(Shape::Object),
            Shape::Object => Some(Shape::Free),
            Shape::Free => None,
        };
        let lower = shape.map(|shape| Manner { shape, ..self });
        if lower.is_some() && (words.contains("response_format") || words.contains("json_")) {
            return lower;
        }
        if self.sends_temperature && words.contains("temperature") {
            return Some(Manner {
                sends_temperature: false,
                ..self
            });
        }
        if self.asks_usage && (words.contains("stream_options") || words.contains("include_usage")) {
            return Some(Manner {
                asks_usage: false,
                ..self
            });
        }
        // Relays report what their upstream said, which is not about streaming.
        if self.streams && words.replace("upstream", "").contains("stream") {
            return Some(Manner {
                streams: false,
                ..self
            });
        }
        if self.has_system_role
            && words.contains("system")
            && (words.contains("role") || words.contains("support"))
        {
            return Some(Manner {
                has_system_role: false,
                ..self
            });
        }
        // Said or not: of all we send, the format is what endpoints most often do not know.
        lower.or(self.asks_usage.then_some(Manner {
            asks_usage: false,
            ..self
        }))
    }
}

pub(super) fn request_body(
    model: &str,
    messages: &[ChatCompletionMessage],
    schema: &Value,
    manner: Manner,
) -> Result<Vec<u8>> {
    let messages = if manner.has_system_role {
        messages.to_vec()
    } else {
        without_system_role(messages)
    };
    let mut request = ChatCompletionRequest::new(model.to_owned(), messages);
    request.temperature = manner.sends_temperature.then_some(0.0);
    request.response_format = match manner.shape {
        Shape::Schema => Some(json!({
            "type": "json_schema",
            "json_schema": {"name": "translation", "strict": true, "schema": schema},
        })),
        Shape::Object => Some(json!({"type": "json_object"})),
        Shape::Free => None,
    };
    let mut body = serde_json::to_value(&request).map_err(Error::internal)?;
    // The crate's request has no such field: its streaming call adds it itself.
    body["stream"] = manner.streams.into();
    if manner.streams && manner.asks_usage {
        body["stream_options"] = json!({ "include_usage": true });
    }
    serde_json::to_vec(&body).map_err(Error::internal)
}

/// The instructions at the head of the first message, for models that know only users.
fn without_system_role(messages: &[ChatCompletionMessage]) -> Vec<ChatCompletionMessage> {
    let mut head = String::new();
    let mut rest: Vec<ChatCompletionMessage> = Vec::new();
    for message in messages {
        match (&message.role, &message.content) {
            (MessageRole::system, Content::Text(text)) => {
                head.push_str(text);
                head.push_str("\n\n");
            }
            _ => rest.push(message.clone()),
        }
    }
    if let Some(Content::Text(text)) = rest.first_mut().map(|message| &mut message.content) {
        text.insert_str(0, &head);
    }
    rest
}
