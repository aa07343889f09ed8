//! The agent's socket over actix: adapts its frames for the hub. The route authenticates before it calls
//! this, and nothing here knows what the frames mean.

use actix_web::http::header::SEC_WEBSOCKET_PROTOCOL;
use actix_web::{HttpRequest, HttpResponse, rt, web};
use actix_ws::{AggregatedMessage, CloseCode, CloseReason, ProtocolError};
use futures::{SinkExt, StreamExt};

use crate::link::{Closing, Ended, Frame};
use crate::protocol::{MAX_FRAME, SUBPROTOCOLS};
use crate::service::agents::{Admission, Hub};

/// Takes over the socket of an agent whose key was found right. Answers with the upgrade; the socket lives
/// on in a task of this worker (actix's streams cannot leave it). Errors: 400 when it is no WebSocket
/// request or offers no protocol that is understood.
pub async fn serve(
    request: &HttpRequest,
    payload: web::Payload,
    hub: Hub,
    admission: Admission,
) -> actix_web::Result<HttpResponse> {
    let (response, session, stream) = actix_ws::handle_with_protocols(request, payload, SUBPROTOCOLS)?;
    if !response.headers().contains_key(SEC_WEBSOCKET_PROTOCOL) {
        return Err(actix_web::error::ErrorBadRequest(format!(
            "The agent offers no protocol that this server understands ({}).",
            SUBPROTOCOLS.join(", ")
        )));
    }
    let stream = stream
        .max_frame_size(MAX_FRAME)
        .aggregate_continuations()
        .max_continuation_size(MAX_FRAME)
        .map(|message| message.map(incoming).map_err(broken));
    // What the session's channel of 32 messages can hold is bounded by the outbox behind it: control
    // messages only, and half a megabyte of unanswered queries at most.
    let sink = session.with(|frame: Frame| std::future::ready(Ok::<_, actix_ws::Closed>(outgoing(frame))));
    rt::spawn(async move {
        hub.attend(&admission, stream, sink).await;
    });
    Ok(response)
}

fn incoming(message: AggregatedMessage) -> Frame {
    match message {
        AggregatedMessage::Text(text) => Frame::Text(text.into()),
        AggregatedMessage::Binary(bytes) => Frame::Binary(bytes),
        AggregatedMessage::Ping(bytes) => Frame::Ping(bytes),
        AggregatedMessage::Pong(bytes) => Frame::Pong(bytes),
        AggregatedMessage::Close(reason) => Frame::Close(match reason {
            Some(reason) => Closing::new(reason.code.into(), reason.description.unwrap_or_default()),
            None => Closing::new(1005, ""),
        }),
    }
}

fn outgoing(frame: Frame) -> actix_ws::Message {
    match frame {
        Frame::Text(text) => actix_ws::Message::Text(text.into()),
        Frame::Binary(bytes) => actix_ws::Message::Binary(bytes),
        Frame::Ping(bytes) => actix_ws::Message::Ping(bytes),
        Frame::Pong(bytes) => actix_ws::Message::Pong(bytes),
        Frame::Close(closing) => actix_ws::Message::Close(Some(CloseReason {
            code: CloseCode::from(closing.code),
            description: Some(closing.reason),
        })),
    }
}

fn broken(error: ProtocolError) -> Ended {
    match error {
        ProtocolError::Io(error) => Ended::Lost(error.to_string()),
        ProtocolError::Overflow => Ended::Violation(format!("a frame of more than {MAX_FRAME} bytes")),
        error => Ended::Violation(error.to_string()),
    }
}
