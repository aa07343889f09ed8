//! Conversations: questions that belong together.

use actix_web::{HttpResponse, delete, get, web};
use serde::{Deserialize, Serialize};

use super::query::AnswerBody;
use crate::db::conversations::Conversation;
use crate::id;
use crate::server::App;
use crate::server::auth::User;
use crate::server::error::{ApiResult, ErrorBody};

/// Rows of each answer in a conversation at most; the others are in the results.
const ROWS: usize = 200;

/// How many to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListChoice {
    /// At most (default 50, at most 500).
    pub limit: Option<i64>,
}

/// A conversation.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ConversationBody {
    pub id: String,
    pub title: String,
    pub created_at: String,
    pub updated_at: String,
    pub query_count: i64,
}

/// A conversation with its answers.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ConversationWithAnswers {
    #[serde(flatten)]
    pub conversation: ConversationBody,
    /// Oldest first.
    pub queries: Vec<AnswerBody>,
}

/// Conversations, last used first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ConversationList {
    pub conversations: Vec<ConversationBody>,
}

impl ConversationBody {
    fn new(conversation: Conversation, query_count: i64) -> ConversationBody {
        ConversationBody {
            id: conversation.id,
            title: conversation.title,
            created_at: id::iso(conversation.created_at),
            updated_at: id::iso(conversation.updated_at),
            query_count,
        }
    }
}

/// One's conversations, last used first.
#[utoipa::path(operation_id = "list_conversations", tag = "questions", security(("token" = [])), params(ListChoice), responses(
    (status = 200, body = ConversationList), (status = 401, body = ErrorBody)))]
#[get("/conversations")]
pub async fn list(
    app: web::Data<App>,
    user: User,
    choice: web::Query<ListChoice>,
) -> ApiResult<web::Json<ConversationList>> {
    let all = app
        .questions
        .conversations(&user.0, choice.limit.unwrap_or(50).clamp(1, 500))
        .await?;
    let conversations = all
        .into_iter()
        .map(|(one, count)| ConversationBody::new(one, count))
        .collect();
    Ok(web::Json(ConversationList { conversations }))
}

/// A conversation with its answers.
#[utoipa::path(operation_id = "get_conversation", tag = "questions", security(("token" = [])), responses(
    (status = 200, body = ConversationWithAnswers), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[get("/conversations/{id}")]
pub async fn get_one(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
) -> ApiResult<web::Json<ConversationWithAnswers>> {
    let (conversation, answers) = app.questions.conversation(&user.0, &id, ROWS).await?;
    let count = i64::try_from(answers.len()).unwrap_or(i64::MAX);
    Ok(web::Json(ConversationWithAnswers {
        conversation: ConversationBody::new(conversation, count),
        queries: answers.into_iter().map(AnswerBody::from).collect(),
    }))
}

/// Forgets a conversation and its answers.
#[utoipa::path(operation_id = "delete_conversation", tag = "questions", security(("token" = [])), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[delete("/conversations/{id}")]
pub async fn delete_one(app: web::Data<App>, user: User, id: web::Path<String>) -> ApiResult<HttpResponse> {
    app.questions.delete_conversation(&user.0, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}
