//! Mail: whether it can be sent, and what still has to go.

use actix_web::{get, post, web};
use serde::{Deserialize, Serialize};

use crate::db::mail::{OutgoingMail, Template};
use crate::error::Error;
use crate::id;
use crate::mail::MailTest;
use crate::server::App;
use crate::server::auth::Owner;
use crate::server::error::{ApiResult, ErrorBody};

/// A page of a list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MailPage {
    /// At most (default 20, at most 100).
    pub limit: Option<i64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// Whether a letter has gone.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    Waiting,
    Sent,
    Failed,
}

/// A letter, without its words.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OutgoingMailBody {
    pub id: String,
    pub to: String,
    /// Null for a kind of letter that a newer version put into the queue.
    pub template: Option<Template>,
    pub state: MailState,
    pub attempts: i32,
    /// When it is tried next, if it waits.
    pub next_try_at: Option<String>,
    /// Why the last try failed.
    pub last_error: Option<String>,
    pub created_at: String,
    /// When it went or was given up.
    pub finished_at: Option<String>,
}

/// Letters, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OutgoingMailList {
    /// `smtp` or `outbox`.
    pub kind: &'static str,
    /// Where letters go: the mail server's host and port, or the folder.
    pub place: String,
    pub items: Vec<OutgoingMailBody>,
    pub next: Option<String>,
}

impl From<OutgoingMail> for OutgoingMailBody {
    fn from(mail: OutgoingMail) -> OutgoingMailBody {
        let state = match mail.state.as_str() {
            "sent" => MailState::Sent,
            "failed" => MailState::Failed,
            _ => MailState::Waiting,
        };
        OutgoingMailBody {
            template: Template::parse(&mail.template),
            next_try_at: matches!(state, MailState::Waiting).then(|| id::iso(mail.next_try_at)),
            id: mail.id,
            to: mail.recipient,
            state,
            attempts: mail.attempts,
            last_error: mail.last_error,
            created_at: id::iso(mail.created_at),
            finished_at: mail.finished_at.map(id::iso),
        }
    }
}

/// Sends a test letter to oneself and says which step failed.
#[utoipa::path(operation_id = "test_mail", tag = "settings", security(("token" = [])), responses(
    (status = 200, body = MailTest), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
#[post("/settings/mail/test")]
pub async fn test_mail(app: web::Data<App>, owner: Owner) -> ApiResult<web::Json<MailTest>> {
    Ok(web::Json(app.post.test(&owner.0).await))
}

/// The organization's letters of the last 30 days, newest first, and where they go.
#[utoipa::path(operation_id = "list_outgoing_mail", tag = "settings", security(("token" = [])), params(MailPage), responses(
    (status = 200, body = OutgoingMailList), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[get("/mail/outgoing")]
pub async fn outgoing(
    app: web::Data<App>,
    owner: Owner,
    page: web::Query<MailPage>,
) -> ApiResult<web::Json<OutgoingMailList>> {
    let page = page.into_inner();
    let limit = page.limit.unwrap_or(20).clamp(1, 100);
    if page.cursor.as_ref().is_some_and(|cursor| cursor.len() > 64) {
        return Err(Error::Invalid("The cursor is none that this list gave out.".into()).into());
    }
    let mut found = app
        .post
        .list(&owner.0.organization_id, page.cursor, limit + 1)
        .await?;
    let most = usize::try_from(limit).unwrap_or(1);
    let more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| more).map(|last| last.id.clone());
    Ok(web::Json(OutgoingMailList {
        kind: app.post.kind(),
        place: app.post.place(),
        items: found.into_iter().map(OutgoingMailBody::from).collect(),
        next,
    }))
}
