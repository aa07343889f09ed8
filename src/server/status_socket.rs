//! The browser's live socket: tells one organisation's changes as they happen.
//!
//! The first frame has to be a valid access token; afterwards nothing the browser sends is acted on. The
//! socket ends with its session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{AggregatedMessage, CloseCode, CloseReason, Session};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;

use super::App;
use super::api::connections::ConnectionBody;
use crate::service::access::Access;
use crate::service::accounts::{Identity, Role};
use crate::service::bus::Message;
use crate::service::status::{Change, Happening};

/// Time for the first frame.
const AUTH_WITHIN: Duration = Duration::from_secs(5);

/// Between two pings, and between two looks at the session.
const TICK: Duration = Duration::from_secs(15);

/// Pause before a browser that fell behind is told to read everything anew.
const CATCH_BREATH: Duration = Duration::from_secs(1);

/// A browser that did not answer for this long has gone.
const DEAD_AFTER: Duration = Duration::from_secs(45);

/// A token and little else.
const MAX_FRAME: usize = 8 * 1024;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum FirstFrame {
    Auth { access_token: String },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Push {
    Ready,
    Connection {
        connection: Box<ConnectionBody>,
    },
    ConnectionRemoved {
        id: String,
    },
    Schema {
        connection_id: String,
    },
    Files,
    /// The watcher's own role, organisation or access to sources is another now: read them anew.
    Account,
    Query {
        id: String,
        state: &'static str,
    },
}

/// Upgrades the request and serves the socket in a task of its own.
pub fn serve(request: &HttpRequest, payload: web::Payload, app: Arc<App>) -> actix_web::Result<HttpResponse> {
    let (response, session, stream) = actix_ws::handle(request, payload)?;
    let stream = stream
        .max_frame_size(MAX_FRAME)
        .aggregate_continuations()
        .max_continuation_size(MAX_FRAME);
    actix_web::rt::spawn(run(app, session, stream));
    Ok(response)
}

async fn run(app: Arc<App>, mut session: Session, mut stream: actix_ws::AggregatedMessageStream) {
    let mut identity =
        match tokio::time::timeout(AUTH_WITHIN, authenticate(&app, &mut session, &mut stream)).await {
            Ok(Some(identity)) => identity,
            _ => return close(session, "Log in first.").await,
        };
    let mut messages = app.events.bus().watch();
    let mut ticks = tokio::time::interval(TICK);
    let mut heard = Instant::now();
    if push(&mut session, &Push::Ready).await.is_err() {
        return;
    }
    let reason = loop {
        tokio::select! {
            message = stream.next() => match message {
                Some(Ok(AggregatedMessage::Ping(bytes))) => {
                    heard = Instant::now();
                    if session.pong(&bytes).await.is_err() {
                        return;
                    }
                }
                Some(Ok(AggregatedMessage::Close(_)) | Err(_)) | None => break "",
                Some(Ok(_)) => heard = Instant::now(),
            },
            () = app.events.stopping().cancelled() => break "The server is stopping.",
            message = messages.recv() => match message {
                Ok(Message::Event(happening)) => {
                    if tell(&app, &identity, &mut session, happening).await.is_err() {
                        return;
                    }
                }
                Ok(Message::Sessions { whose }) => {
                    let own = identity.session_id().unwrap_or_default();
                    if whose.concerns(own, &identity.user_id, &identity.organization_id) {
                        match app.accounts.look_again(&identity).await {
                            Some(now) => identity = now,
                            None => break "The session has ended.",
                        }
                        if push(&mut session, &Push::Account).await.is_err() {
                            return;
                        }
                    }
                }
                // More changes than could be told one by one: the browser reads everything anew, and what
                // piled up meanwhile is old by then.
                Ok(Message::Anew) | Err(RecvError::Lagged(_)) => {
                    tokio::time::sleep(CATCH_BREATH).await;
                    messages = messages.resubscribe();
                    if push(&mut session, &Push::Ready).await.is_err() {
                        return;
                    }
                }
                Ok(_) => {}
                Err(RecvError::Closed) => break "The server is stopping.",
            },
            _ = ticks.tick() => {
                if heard.elapsed() > DEAD_AFTER {
                    break "";
                }
                match app.accounts.look_again(&identity).await {
                    Some(now) => identity = now,
                    None => break "The session has ended.",
                }
                if session.ping(b"").await.is_err() {
                    return;
                }
            }
        }
    };
    close(session, reason).await;
}

async fn authenticate(
    app: &App,
    session: &mut Session,
    stream: &mut actix_ws::AggregatedMessageStream,
) -> Option<Identity> {
    loop {
        match stream.next().await? {
            Ok(AggregatedMessage::Text(text)) => {
                let FirstFrame::Auth { access_token } = serde_json::from_str(&text).ok()?;
                let identity = app.accounts.identify(&access_token).await.ok()?;
                // An API token has no session that could end; scripts read what they need.
                return identity.session_id().is_some().then_some(identity);
            }
            Ok(AggregatedMessage::Ping(bytes)) => session.pong(&bytes).await.ok()?,
            _ => return None,
        }
    }
}

/// Passes on what concerns this person's organisation.
async fn tell(
    app: &App,
    identity: &Identity,
    session: &mut Session,
    happening: Happening,
) -> Result<(), actix_ws::Closed> {
    if happening.organization_id != identity.organization_id {
        return Ok(());
    }
    let message = match happening.change {
        Change::Connection(id) => match app.connections.get(identity, &id).await {
            Ok(connection) => Push::Connection {
                connection: Box::new(connection.into()),
            },
            Err(_) => return Ok(()),
        },
        Change::Schema(id) => Push::Schema { connection_id: id },
        Change::ConnectionRemoved(id) if !Access::of(identity).sees(&id) => return Ok(()),
        Change::ConnectionRemoved(id) => Push::ConnectionRemoved { id },
        Change::Files => Push::Files,
        Change::Query { user_id, id, running }
            if user_id == identity.user_id || identity.role >= Role::Admin =>
        {
            Push::Query {
                id,
                state: if running { "running" } else { "done" },
            }
        }
        Change::Query { .. } => return Ok(()),
    };
    push(session, &message).await
}

async fn push(session: &mut Session, message: &Push) -> Result<(), actix_ws::Closed> {
    match serde_json::to_string(message) {
        Ok(text) => session.text(text).await,
        Err(error) => {
            tracing::error!(%error, "a status message could not be written");
            Ok(())
        }
    }
}

async fn close(session: Session, reason: &str) {
    let reason = CloseReason {
        code: CloseCode::Policy,
        description: Some(reason.to_owned()),
    };
    let _ = session.close(Some(reason)).await;
}
