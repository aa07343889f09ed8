//! What people teach: the glossary, examples, both as one document, and feedback on answers.

use actix_web::http::header;
use actix_web::{HttpResponse, delete, get, patch, post, put, web};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::server::App;
use crate::server::auth::{Analyst, User};
use crate::server::error::{ApiResult, ErrorBody};
use crate::service::teaching::{
    Approve, EntryChange, EntryFilter, EntryKind, ExampleChange, ExampleFilter, ExampleItem, FeedbackItem,
    GlossaryItem, Imported, NewEntry, NewExample, Others, Status, Verdict,
};

/// An imported document at most, in bytes: as much as everything that may be taught.
const MAX_DOCUMENT: usize = 16 << 20;

/// Entries of the glossary, by kind and name.
#[derive(Serialize, utoipa::ToSchema)]
pub struct GlossaryList {
    pub items: Vec<GlossaryItem>,
}

/// Examples, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ExampleList {
    pub items: Vec<ExampleItem>,
}

/// Which entries to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EntryChoice {
    /// Only what was said of this connection or file.
    pub source_id: Option<String>,
    pub status: Option<Status>,
    pub kind: Option<EntryKind>,
}

/// Which examples to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExampleChoice {
    /// Only those of this connection or file.
    pub source_id: Option<String>,
    pub status: Option<Status>,
}

/// An entry to be made.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryRequest {
    pub kind: EntryKind,
    /// At most 200 characters; of a column with its table: `orders.total`.
    pub name: String,
    /// What it means, or of a metric an expression: `sum(total - cost) / sum(total)`. At most 2,000 characters.
    pub text: String,
    /// A connection or a file; without it a term or metric holds for all sources.
    pub source_id: Option<String>,
}

/// A change of an entry. What is left out stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryChangeRequest {
    pub name: Option<String>,
    pub text: Option<String>,
    /// `active` approves a suggestion.
    pub status: Option<Status>,
}

/// An example to be made.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExampleRequest {
    /// At most 2,000 characters.
    pub question: String,
    /// At most 8,000 characters; checked as any other query is.
    pub query: String,
    pub connection_id: Option<String>,
    pub file_ids: Option<Vec<String>>,
}

/// A change of an example. What is left out stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExampleChangeRequest {
    pub question: Option<String>,
    pub query: Option<String>,
    /// `active` approves a suggestion.
    pub status: Option<Status>,
}

/// What becomes of what is not in the document.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportChoice {
    /// Whether it goes (default: it stays).
    pub replace: Option<bool>,
}

/// What the asker thinks of an answer.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackRequest {
    pub verdict: Verdict,
    /// At most 2,000 characters.
    pub comment: Option<String>,
}

fn approve(status: Option<Status>) -> Result<Approve> {
    match status {
        None => Ok(Approve::No),
        Some(Status::Active) => Ok(Approve::Yes),
        Some(Status::Suggested) => Err(Error::Invalid(
            "What is active does not become a suggestion again; delete it if it is wrong.".into(),
        )),
    }
}

/// What words, metrics, tables and columns mean.
#[utoipa::path(operation_id = "list_glossary", tag = "teaching", security(("token" = [])), params(EntryChoice), responses(
    (status = 200, body = GlossaryList), (status = 401, body = ErrorBody)))]
#[get("/glossary")]
pub async fn list_entries(
    app: web::Data<App>,
    user: User,
    choice: web::Query<EntryChoice>,
) -> ApiResult<web::Json<GlossaryList>> {
    let choice = choice.into_inner();
    let filter = EntryFilter {
        source_id: choice.source_id,
        status: choice.status,
        kind: choice.kind,
    };
    Ok(web::Json(GlossaryList {
        items: app.teaching.entries(&user.0, filter).await?,
    }))
}

/// A new entry, used from the next question on.
#[utoipa::path(operation_id = "add_glossary_entry", tag = "teaching", security(("token" = [])), request_body = EntryRequest, responses(
    (status = 201, body = GlossaryItem), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[post("/glossary")]
pub async fn add_entry(
    app: web::Data<App>,
    user: Analyst,
    body: web::Json<EntryRequest>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    let new = NewEntry {
        kind: body.kind,
        name: body.name,
        text: body.text,
        source_id: body.source_id,
    };
    Ok(HttpResponse::Created().json(app.teaching.add_entry(&user.0, new).await?))
}

/// Changes an entry, or approves a suggested one.
#[utoipa::path(operation_id = "change_glossary_entry", tag = "teaching", security(("token" = [])), request_body = EntryChangeRequest, responses(
    (status = 200, body = GlossaryItem), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[patch("/glossary/{id}")]
pub async fn change_entry(
    app: web::Data<App>,
    user: Analyst,
    id: web::Path<String>,
    body: web::Json<EntryChangeRequest>,
) -> ApiResult<web::Json<GlossaryItem>> {
    let body = body.into_inner();
    let change = EntryChange {
        name: body.name,
        text: body.text,
        approve: approve(body.status)?,
    };
    Ok(web::Json(app.teaching.change_entry(&user.0, &id, change).await?))
}

/// Forgets an entry, or turns a suggestion down.
#[utoipa::path(operation_id = "delete_glossary_entry", tag = "teaching", security(("token" = [])), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[delete("/glossary/{id}")]
pub async fn delete_entry(
    app: web::Data<App>,
    user: Analyst,
    id: web::Path<String>,
) -> ApiResult<HttpResponse> {
    app.teaching.delete_entry(&user.0, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Everything active as one YAML document, sources by name.
#[utoipa::path(operation_id = "export_glossary", tag = "teaching", security(("token" = [])), responses(
    (status = 200, body = Value, content_type = "application/yaml"), (status = 401, body = ErrorBody)))]
#[get("/glossary/export")]
pub async fn export(app: web::Data<App>, user: User) -> ApiResult<HttpResponse> {
    let text = app.teaching.export(&user.0).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/yaml; charset=utf-8"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"teaching.yaml\"",
        ))
        .body(text))
}

/// Takes such a document in, as a whole or not at all; what is in it is active.
#[utoipa::path(operation_id = "import_glossary", tag = "teaching", security(("token" = [])), params(ImportChoice),
    request_body(content = Value, content_type = "application/yaml"), responses(
    (status = 200, body = Imported), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 413, body = ErrorBody)))]
#[post("/glossary/import")]
pub async fn import(
    app: web::Data<App>,
    user: Analyst,
    choice: web::Query<ImportChoice>,
    body: web::Payload,
) -> ApiResult<web::Json<Imported>> {
    let others = match choice.replace {
        Some(true) => Others::Go,
        _ => Others::Stay,
    };
    let text = document(body).await?;
    // With `replace`, an upload that was lost on its way would take everything away.
    if text.trim().is_empty() {
        return Err(Error::Invalid(
            "The document is empty. To take everything away, send one with nothing but a remark (a line that begins \
             with #)."
                .into(),
        )
        .into());
    }
    Ok(web::Json(app.teaching.import(&user.0, &text, others).await?))
}

/// The document of a request. Errors: `Invalid` when it is too large or no text.
async fn document(body: web::Payload) -> Result<String> {
    let bytes = body
        .to_bytes_limited(MAX_DOCUMENT)
        .await
        .map_err(|_| {
            Error::Invalid(format!(
                "The document is too large; {} MiB are the most.",
                MAX_DOCUMENT >> 20
            ))
        })?
        .map_err(|error| Error::Invalid(format!("The document did not arrive: {error}")))?;
    String::from_utf8(bytes.to_vec()).map_err(|_| Error::Invalid("The document is not text in UTF-8.".into()))
}

/// Questions with the queries that answer them.
#[utoipa::path(operation_id = "list_examples", tag = "teaching", security(("token" = [])), params(ExampleChoice), responses(
    (status = 200, body = ExampleList), (status = 401, body = ErrorBody)))]
#[get("/examples")]
pub async fn list_examples(
    app: web::Data<App>,
    user: User,
    choice: web::Query<ExampleChoice>,
) -> ApiResult<web::Json<ExampleList>> {
    let choice = choice.into_inner();
    let filter = ExampleFilter {
        source_id: choice.source_id,
        status: choice.status,
    };
    Ok(web::Json(ExampleList {
        items: app.teaching.examples(&user.0, filter).await?,
    }))
}

/// A new example, checked against the tables that it is for.
#[utoipa::path(operation_id = "add_example", tag = "teaching", security(("token" = [])), request_body = ExampleRequest, responses(
    (status = 201, body = ExampleItem), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[post("/examples")]
pub async fn add_example(
    app: web::Data<App>,
    user: Analyst,
    body: web::Json<ExampleRequest>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    let new = NewExample {
        question: body.question,
        query: body.query,
        connection_id: body.connection_id,
        file_ids: body.file_ids.unwrap_or_default(),
    };
    Ok(HttpResponse::Created().json(app.teaching.add_example(&user.0, new).await?))
}

/// Changes an example, or approves a suggested one.
#[utoipa::path(operation_id = "change_example", tag = "teaching", security(("token" = [])), request_body = ExampleChangeRequest, responses(
    (status = 200, body = ExampleItem), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[patch("/examples/{id}")]
pub async fn change_example(
    app: web::Data<App>,
    user: Analyst,
    id: web::Path<String>,
    body: web::Json<ExampleChangeRequest>,
) -> ApiResult<web::Json<ExampleItem>> {
    let body = body.into_inner();
    let change = ExampleChange {
        question: body.question,
        query: body.query,
        approve: approve(body.status)?,
    };
    Ok(web::Json(
        app.teaching.change_example(&user.0, &id, change).await?,
    ))
}

/// Forgets an example, or turns a suggestion down.
#[utoipa::path(operation_id = "delete_example", tag = "teaching", security(("token" = [])), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[delete("/examples/{id}")]
pub async fn delete_example(
    app: web::Data<App>,
    user: Analyst,
    id: web::Path<String>,
) -> ApiResult<HttpResponse> {
    app.teaching.delete_example(&user.0, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What one has said of one's answer; 204 when nothing.
#[utoipa::path(operation_id = "get_feedback", tag = "teaching", security(("token" = [])), responses(
    (status = 200, body = FeedbackItem), (status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/query/{id}/feedback")]
pub async fn feedback(app: web::Data<App>, user: User, id: web::Path<String>) -> ApiResult<HttpResponse> {
    let answer = app.questions.without_rows(&user.0, &id).await?;
    Ok(match app.teaching.feedback(&answer.id).await? {
        Some(given) => HttpResponse::Ok().json(given),
        None => HttpResponse::NoContent().finish(),
    })
}

/// Says whether one's answer is right. A right one suggests its query as an example, for somebody to approve.
#[utoipa::path(operation_id = "give_feedback", tag = "teaching", security(("token" = [])), request_body = FeedbackRequest, responses(
    (status = 200, body = FeedbackItem), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[put("/query/{id}/feedback")]
pub async fn give_feedback(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
    body: web::Json<FeedbackRequest>,
) -> ApiResult<web::Json<FeedbackItem>> {
    let answer = app.questions.without_rows(&user.0, &id).await?;
    let comment = body.comment.as_deref();
    Ok(web::Json(
        app.teaching
            .give_feedback(&user.0, &answer, body.verdict, comment)
            .await?,
    ))
}

/// Takes one's feedback back.
#[utoipa::path(operation_id = "take_feedback_back", tag = "teaching", security(("token" = [])), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[delete("/query/{id}/feedback")]
pub async fn take_feedback_back(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
) -> ApiResult<HttpResponse> {
    let answer = app.questions.without_rows(&user.0, &id).await?;
    app.teaching.take_feedback_back(&user.0, &answer.id).await?;
    Ok(HttpResponse::NoContent().finish())
}
