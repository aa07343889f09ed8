//! Questions: asked, answered as JSON or as a stream of events, cancelled, kept.

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::ask::answer::{Answer, AnswerSource, Outcome};
use crate::ask::chart::Chart;
use crate::ask::{Event, Stage};
use crate::error::{Error, Result};
use crate::id;
use crate::rows::{self, ColumnInfo, Format, json};
use crate::server::App;
use crate::server::auth::{Asker, Querier, User};
use crate::server::error::{ApiError, ApiResult, ErrorBody};
use crate::service::questions::{Ask, Asking, KeptAnswer, PREVIEW_ROWS, Prepared, Target};

/// Silence on a stream of events at most.
const KEEP_ALIVE: std::time::Duration = std::time::Duration::from_secs(15);

/// A question. Without a connection or files the server chooses where to look.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskRequest {
    /// At most 4,000 characters.
    pub question: String,
    pub connection_id: Option<String>,
    pub file_ids: Option<Vec<String>>,
    /// Continues a conversation; without it a new one begins.
    pub conversation_id: Option<String>,
}

/// The asker's own query.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    pub query: String,
    pub connection_id: Option<String>,
    pub file_ids: Option<Vec<String>>,
    pub conversation_id: Option<String>,
    /// What the query is to be called in lists.
    pub question: Option<String>,
}

/// An answer with everything that belongs to it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AnswerBody {
    pub id: String,
    pub conversation_id: String,
    pub created_at: String,
    pub kept: bool,
    #[serde(flatten)]
    pub answer: Answer,
    /// The same as `query`.
    pub sql_query: Option<String>,
    /// The same rows as `rows`, as objects.
    #[schema(value_type = Vec<Object>)]
    pub data: Vec<serde_json::Map<String, serde_json::Value>>,
    pub chart: Option<Chart>,
    /// Where the whole result is stored, while it is.
    pub result_id: Option<String>,
}

/// An answer in a list.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AnswerSummary {
    pub id: String,
    pub question: String,
    pub outcome: Outcome,
    pub answer: String,
    /// Who wrote the query.
    #[schema(value_type = crate::ask::answer::WrittenBy)]
    pub translator: String,
    pub created_at: String,
    pub kept: bool,
    pub conversation_id: String,
    pub sources: Vec<AnswerSource>,
}

/// Answers, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AnswerList {
    pub queries: Vec<AnswerSummary>,
}

/// Which answers to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListChoice {
    /// Only kept ones, or only others.
    pub kept: Option<bool>,
    /// At most (default 20, at most 500).
    pub limit: Option<i64>,
}

/// Whether an answer is kept.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepRequest {
    pub kept: bool,
}

/// Whether something was running and is cancelled now.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Cancelled {
    pub cancelled: bool,
}

impl From<KeptAnswer> for AnswerBody {
    fn from(kept: KeptAnswer) -> AnswerBody {
        let data = kept
            .answer
            .rows
            .iter()
            .map(|row| {
                let names = kept.answer.columns.iter().map(|column| column.name.clone());
                names.zip(row.iter().cloned()).collect()
            })
            .collect();
        AnswerBody {
            id: kept.id,
            conversation_id: kept.conversation_id,
            created_at: id::iso(kept.created_at),
            kept: kept.kept,
            sql_query: kept.answer.query.clone(),
            data,
            answer: kept.answer,
            chart: kept.chart,
            result_id: kept.result_id,
        }
    }
}

impl From<KeptAnswer> for AnswerSummary {
    fn from(kept: KeptAnswer) -> AnswerSummary {
        AnswerSummary {
            id: kept.id,
            question: kept.answer.question,
            outcome: kept.answer.outcome,
            answer: kept.answer.answer,
            translator: kept.answer.translator,
            created_at: id::iso(kept.created_at),
            kept: kept.kept,
            conversation_id: kept.conversation_id,
            sources: kept.answer.sources,
        }
    }
}

/// Asks. 200 for every outcome; with `Accept: text/event-stream` the events `stage`, `query`, `columns`,
/// `rows`, `answer`, `done`, `error`.
#[utoipa::path(operation_id = "ask", tag = "questions", security(("token" = [])), request_body = AskRequest, responses(
    (status = 200, body = AnswerBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)))]
#[post("/query")]
pub async fn ask(
    app: web::Data<App>,
    user: Asker,
    request: HttpRequest,
    body: web::Json<AskRequest>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    let asking = Asking {
        ask: Ask::Question(body.question),
        target: target(body.connection_id, body.file_ids)?,
        conversation_id: body.conversation_id,
    };
    answer(&request, app.questions.prepare(&user.0, asking).await?).await
}

/// Runs one's own query through the same guard. With `Accept: application/vnd.apache.arrow.stream` the rows
/// come as they arrive, as an Arrow IPC stream: nothing is stored, and only the agent's policy limits them.
/// What goes wrong before the first row is an error of the usual shape; afterwards the body breaks off, and
/// the answer under the id in `X-Query-Id` says why.
#[utoipa::path(operation_id = "run_query", tag = "questions", security(("token" = [])), request_body = RunRequest, responses(
    (status = 200, body = AnswerBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)))]
#[post("/query/run")]
pub async fn run(
    app: web::Data<App>,
    user: Querier,
    request: HttpRequest,
    body: web::Json<RunRequest>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    let asking = Asking {
        ask: Ask::Query {
            query: body.query,
            question: body.question,
        },
        target: target(body.connection_id, body.file_ids)?,
        conversation_id: body.conversation_id,
    };
    let prepared = app.questions.prepare(&user.0, asking).await?;
    if accepts(&request, Format::Arrow.content_type()) {
        return stream_rows(prepared).await;
    }
    answer(&request, prepared).await
}

/// Cancels a running question, down to the database.
#[utoipa::path(operation_id = "cancel_query", tag = "questions", security(("token" = [])), responses(
    (status = 202, body = Cancelled), (status = 401, body = ErrorBody)))]
#[post("/query/{id}/cancel")]
pub async fn cancel(app: web::Data<App>, user: Asker, id: web::Path<String>) -> HttpResponse {
    HttpResponse::Accepted().json(Cancelled {
        cancelled: app.questions.cancel(&user.0, &id).await,
    })
}

/// One's answers, newest first.
#[utoipa::path(operation_id = "list_answers", tag = "questions", security(("token" = [])), params(ListChoice), responses(
    (status = 200, body = AnswerList), (status = 401, body = ErrorBody)))]
#[get("/query")]
pub async fn list(
    app: web::Data<App>,
    user: User,
    choice: web::Query<ListChoice>,
) -> ApiResult<web::Json<AnswerList>> {
    let limit = choice.limit.unwrap_or(20).clamp(1, 500);
    let found = app.questions.recent(&user.0, choice.kept, limit).await?;
    Ok(web::Json(AnswerList {
        queries: found.into_iter().map(AnswerSummary::from).collect(),
    }))
}

/// One answer with its first rows.
#[utoipa::path(operation_id = "get_answer", tag = "questions", security(("token" = [])), responses(
    (status = 200, body = AnswerBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/query/{id}")]
pub async fn get_one(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
) -> ApiResult<web::Json<AnswerBody>> {
    Ok(web::Json(app.questions.get(&user.0, &id).await?.into()))
}

/// Keeps an answer (its rows then never expire), or lets it go.
#[utoipa::path(operation_id = "keep_answer", tag = "questions", security(("token" = [])), request_body = KeepRequest, responses(
    (status = 200, body = AnswerSummary), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[patch("/query/{id}")]
pub async fn keep(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
    body: web::Json<KeepRequest>,
) -> ApiResult<web::Json<AnswerSummary>> {
    Ok(web::Json(
        app.questions.set_kept(&user.0, &id, body.kept).await?.into(),
    ))
}

fn target(connection_id: Option<String>, file_ids: Option<Vec<String>>) -> Result<Target> {
    match (connection_id, file_ids.filter(|ids| !ids.is_empty())) {
        (Some(_), Some(_)) => Err(Error::Invalid(
            "Ask either a connection or files, not both at once.".into(),
        )),
        (Some(id), None) => Ok(Target::Connection(id)),
        (None, Some(ids)) => Ok(Target::Files(ids)),
        (None, None) => Ok(Target::Anything),
    }
}

fn accepts(request: &HttpRequest, content_type: &str) -> bool {
    request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accepted| accepted.contains(content_type))
}

async fn answer(request: &HttpRequest, prepared: Prepared) -> ApiResult<HttpResponse> {
    if accepts(request, "text/event-stream") {
        return Ok(stream(prepared));
    }
    Ok(HttpResponse::Ok().json(AnswerBody::from(prepared.answer(None).await?)))
}

/// Chunks of rows that may wait for the client.
const WAITING_CHUNKS: usize = 2;

/// Answers with the rows as they arrive. The client's leaving drops the channel, which cancels the query.
async fn stream_rows(prepared: Prepared) -> ApiResult<HttpResponse> {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, Format::Arrow.content_type()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("X-Query-Id", prepared.id.clone()));
    let mut streaming = prepared.stream().await?;
    if let Some(body) = streaming.whole().await {
        // The reader need not wait for that.
        actix_web::rt::spawn(streaming.went_out_whole());
        return Ok(response.body(body));
    }
    let (chunks, mut body) = mpsc::channel(WAITING_CHUNKS);
    actix_web::rt::spawn(streaming.pump(chunks));
    let body = futures::stream::poll_fn(move |context| body.poll_recv(context));
    Ok(response.streaming(body))
}

/// Answers as server-sent events. The client's leaving drops the channel, which cancels the query.
fn stream(prepared: Prepared) -> HttpResponse {
    let (lines, body) = mpsc::channel::<Bytes>(16);
    actix_web::rt::spawn(async move {
        let (progress, events) = mpsc::channel(4);
        let (id, conversation_id) = (prepared.id.clone(), prepared.conversation_id.clone());
        let relay = async {
            // Owned here: when the relay ends because the client left, the pipeline ends too.
            let mut events = events;
            let mut events_out = Relay {
                id: &id,
                conversation_id: &conversation_id,
                lines: &lines,
                sent: 0,
            };
            loop {
                let event = tokio::select! {
                    event = events.recv() => event,
                    () = lines.closed() => None,
                };
                let Some(event) = event else { return };
                if events_out.send(event).await.is_err() {
                    return;
                }
            }
        };
        let (kept, ()) = tokio::join!(prepared.answer(Some(progress)), relay);
        let last = match kept {
            Ok(kept) => vec![
                event("answer", &AnswerBody::from(kept)),
                event("done", &serde_json::json!({ "id": id })),
            ],
            Err(error) => vec![event("error", &ApiError::from(error).body())],
        };
        for line in last {
            // Nobody may be listening any more; the answer is kept all the same.
            let _ = lines.send(line).await;
        }
    });
    let body = futures::stream::unfold(body, |mut body| async move {
        let line = match tokio::time::timeout(KEEP_ALIVE, body.recv()).await {
            Ok(line) => line?,
            // A comment: proxies cut connections on which nothing moves.
            Err(_) => Bytes::from_static(b": waiting\n\n"),
        };
        Some((Ok::<_, actix_web::Error>(line), body))
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body)
}

/// Turns pipeline events into lines.
struct Relay<'a> {
    id: &'a str,
    conversation_id: &'a str,
    lines: &'a mpsc::Sender<Bytes>,
    sent: usize,
}

#[derive(Serialize)]
struct StageEvent<'a> {
    id: &'a str,
    conversation_id: &'a str,
    stage: Stage,
    message: String,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct QueryEvent {
    query: String,
    dialect: &'static str,
    interpretation: String,
    translator: String,
    attempt: u32,
}

#[derive(Serialize)]
struct ColumnsEvent {
    columns: Vec<ColumnInfo>,
}

#[derive(Serialize)]
struct RowsEvent {
    offset: usize,
    rows: Vec<Vec<serde_json::Value>>,
}

impl Relay<'_> {
    async fn send(&mut self, happened: Event) -> Result<()> {
        let line = match happened {
            Event::Stage {
                stage,
                message,
                elapsed,
            } => event(
                "stage",
                &StageEvent {
                    id: self.id,
                    conversation_id: self.conversation_id,
                    stage,
                    message,
                    elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
                },
            ),
            Event::Query {
                query,
                dialect,
                interpretation,
                translator,
                attempt,
            } => event(
                "query",
                &QueryEvent {
                    query,
                    dialect,
                    interpretation,
                    translator,
                    attempt,
                },
            ),
            Event::Columns(schema) => {
                self.sent = 0;
                event(
                    "columns",
                    &ColumnsEvent {
                        columns: rows::columns(&schema),
                    },
                )
            }
            Event::Batch(batch) => {
                let wanted = batch.num_rows().min(PREVIEW_ROWS.saturating_sub(self.sent));
                if wanted == 0 {
                    return Ok(());
                }
                let offset = self.sent;
                self.sent += wanted;
                event(
                    "rows",
                    &RowsEvent {
                        offset,
                        rows: json::values(&batch, 0..wanted)?,
                    },
                )
            }
        };
        self.lines.send(line).await.map_err(|_| Error::Cancelled)
    }
}

fn event<T: Serialize>(name: &str, data: &T) -> Bytes {
    match serde_json::to_string(data) {
        Ok(data) => Bytes::from(format!("event: {name}\ndata: {data}\n\n")),
        Err(error) => {
            let body = ApiError::from(Error::internal(error)).body();
            Bytes::from(format!("event: error\ndata: {}\n\n", serde_json::json!(body)))
        }
    }
}
