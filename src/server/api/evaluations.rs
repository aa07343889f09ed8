//! Evaluations: question sets asked of a source, and what came of them.

use actix_web::{HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::server::App;
use crate::server::auth::Admin;
use crate::server::error::{ApiResult, ErrorBody};
use crate::service::evaluations::set::{self, Line};
use crate::service::evaluations::{EvaluationDetail, EvaluationItem, NewEvaluation, Set};
use crate::service::questions::Target;

/// A request with its questions at most, in bytes.
const MAX_SET: usize = 4 << 20;

/// Runs on a page at most.
const MAX_PAGE: i64 = 100;

/// What to ask, and of what: a connection or files, and one of `questions`, `csv`, `examples` and `again`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluationRequest {
    /// Left out, it is named after the number of its questions.
    name: Option<String>,
    connection_id: Option<String>,
    file_ids: Option<Vec<String>>,
    questions: Option<Vec<Line>>,
    /// The same as CSV: `question` and, as far as there are, `sql`, `answer`, `instructions`, `suite`, `category`.
    csv: Option<String>,
    /// true: the approved examples of the source.
    examples: Option<bool>,
    /// The id of an earlier run: its questions, of its source unless another one is named.
    again: Option<String>,
}

/// Runs, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct EvaluationList {
    items: Vec<EvaluationItem>,
}

/// A page of runs.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EvaluationPage {
    /// 100 at most.
    #[serde(default = "page")]
    #[param(default = 50, minimum = 1, maximum = 100)]
    limit: i64,
    /// The id of a run: those that began before it.
    before: Option<String>,
}

fn page() -> i64 {
    50
}

/// What to compare with.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Comparison {
    /// The id of another run.
    against: Option<String>,
}

/// Begins a run: it asks the questions one after the other, as things stand, and compares the answers with the right
/// ones. One at a time.
#[utoipa::path(operation_id = "start_evaluation", tag = "evaluations", security(("token" = [])), request_body = EvaluationRequest, responses(
    (status = 201, body = EvaluationItem), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
    (status = 503, body = ErrorBody)))]
#[post("/evaluations")]
pub async fn start(app: web::Data<App>, user: Admin, body: web::Payload) -> ApiResult<HttpResponse> {
    let request: EvaluationRequest = request(body).await?;
    let target = match (request.connection_id, request.file_ids) {
        (Some(id), None) => Some(Target::Connection(id)),
        (None, Some(ids)) if !ids.is_empty() => Some(Target::Files(ids)),
        (None, None) if request.again.is_some() => None,
        _ => {
            return Err(Error::Invalid(
                "Say which source the questions are for: connection_id or file_ids, and not both.".into(),
            )
            .into());
        }
    };
    let examples = request.examples.filter(|wanted| *wanted);
    let questions = match (request.questions, request.csv, examples, request.again) {
        (Some(lines), None, None, None) => Set::Lines(lines),
        (None, Some(text), None, None) => Set::Lines(set::read(text.as_bytes())?),
        (None, None, Some(_), None) => Set::Examples,
        (None, None, None, Some(id)) => Set::Again(id),
        _ => {
            return Err(Error::Invalid(
                "Give the questions in one way: questions, csv, examples or again.".into(),
            )
            .into());
        }
    };
    let new = NewEvaluation {
        name: request.name,
        target,
        questions,
    };
    Ok(HttpResponse::Created().json(app.evaluations.start(&user.0, new).await?))
}

async fn request(body: web::Payload) -> Result<EvaluationRequest> {
    let bytes = body
        .to_bytes_limited(MAX_SET)
        .await
        .map_err(|_| {
            Error::TooLarge(format!(
                "The questions are too large; {} MiB are the most.",
                MAX_SET >> 20
            ))
        })?
        .map_err(|error| Error::Invalid(format!("The questions did not arrive: {error}")))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::Invalid(format!("The request cannot be read: {error}.")))
}

/// The runs of the organisation; the last hundred are kept.
#[utoipa::path(operation_id = "list_evaluations", tag = "evaluations", security(("token" = [])), params(EvaluationPage), responses(
    (status = 200, body = EvaluationList), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[get("/evaluations")]
pub async fn list(
    app: web::Data<App>,
    user: Admin,
    page: web::Query<EvaluationPage>,
) -> ApiResult<web::Json<EvaluationList>> {
    let page = page.into_inner();
    if !(1..=MAX_PAGE).contains(&page.limit) {
        return Err(Error::Invalid(format!("The limit has to be between 1 and {MAX_PAGE}.")).into());
    }
    Ok(web::Json(EvaluationList {
        items: app.evaluations.list(&user.0, page.before, page.limit).await?,
    }))
}

/// A run with its questions, perhaps compared with another run.
#[utoipa::path(operation_id = "get_evaluation", tag = "evaluations", security(("token" = [])), params(Comparison), responses(
    (status = 200, body = EvaluationDetail), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[get("/evaluations/{id}")]
pub async fn get_one(
    app: web::Data<App>,
    user: Admin,
    id: web::Path<String>,
    comparison: web::Query<Comparison>,
) -> ApiResult<web::Json<EvaluationDetail>> {
    let against = comparison.into_inner().against;
    Ok(web::Json(app.evaluations.get(&user.0, &id, against).await?))
}

/// Ends a run; what was asked stays.
#[utoipa::path(operation_id = "cancel_evaluation", tag = "evaluations", security(("token" = [])), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[post("/evaluations/{id}/cancel")]
pub async fn cancel(app: web::Data<App>, user: Admin, id: web::Path<String>) -> ApiResult<HttpResponse> {
    app.evaluations.cancel(&user.0, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Forgets a run; one that runs is ended.
#[utoipa::path(operation_id = "delete_evaluation", tag = "evaluations", security(("token" = [])), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[delete("/evaluations/{id}")]
pub async fn delete_one(app: web::Data<App>, user: Admin, id: web::Path<String>) -> ApiResult<HttpResponse> {
    app.evaluations.delete(&user.0, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}
