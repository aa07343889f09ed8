//! Stored results: paged, exported, and looked at more closely.

use std::io::{self, Write};

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::analyse::{Analysis, Data, Method, Offer, analyse, offers};
use crate::error::Error;
use crate::id;
use crate::rows::ColumnInfo;
use crate::rows::export::{Export, Format};
use crate::server::App;
use crate::server::auth::{Asker, User};
use crate::server::error::{ApiResult, ErrorBody};
use crate::service::results::Page;

/// Which rows.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageChoice {
    pub offset: Option<u64>,
    /// At most (default 200, at most 10000).
    pub limit: Option<usize>,
}

/// Some rows of a result.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PageBody {
    pub columns: Vec<ColumnInfo>,
    #[schema(value_type = Vec<Vec<Value>>)]
    pub rows: Vec<Vec<serde_json::Value>>,
    pub row_count: u64,
    pub offset: u64,
    pub truncated: bool,
}

/// In which format.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportChoice {
    /// `csv` (default), `xlsx`, `json`, `parquet` or `arrow`.
    pub format: Option<Format>,
}

/// Rows of a stored result.
#[utoipa::path(operation_id = "get_result", tag = "results", security(("token" = [])), params(PageChoice), responses(
    (status = 200, body = PageBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/results/{id}")]
pub async fn page(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
    choice: web::Query<PageChoice>,
) -> ApiResult<web::Json<PageBody>> {
    let offset = choice.offset.unwrap_or(0);
    let page = app
        .results
        .page(&user.0, &id, offset, choice.limit.unwrap_or(200))
        .await?;
    Ok(web::Json(PageBody {
        columns: page.columns,
        rows: page.rows,
        row_count: page.row_count,
        offset,
        truncated: page.truncated,
    }))
}

/// A whole stored result as a file.
#[utoipa::path(operation_id = "export_result", tag = "results", security(("token" = [])), params(ExportChoice), responses(
    (status = 200, description = "By the format", content(
        (String = "text/csv; charset=utf-8; header=present"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (Value = "application/json"), (Vec<u8> = "application/vnd.apache.parquet"),
        (Vec<u8> = "application/vnd.apache.arrow.stream"))), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/results/{id}/export")]
pub async fn export(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
    choice: web::Query<ExportChoice>,
) -> ApiResult<HttpResponse> {
    let format = choice.format.unwrap_or(Format::Csv);
    let reader = app.results.export(&user.0, &id, format.extension()).await?;
    let (chunks, mut body) = mpsc::channel::<io::Result<Bytes>>(8);
    tokio::task::spawn_blocking(move || {
        let out = ChunkWriter {
            chunks: chunks.clone(),
            buffer: Vec::with_capacity(CHUNK),
        };
        let outcome = (|| {
            let mut file = Export::new(format, &reader.schema(), out)?;
            for batch in reader {
                file.write(&batch?)?;
            }
            file.finish()?.flush()?;
            Ok::<_, Error>(())
        })();
        // A break in the middle must break the download: half a file must not look whole.
        if let Err(error) = outcome {
            let _ = chunks.blocking_send(Err(io::Error::other(error.to_string())));
        }
    });
    let body = futures::stream::poll_fn(move |context| body.poll_recv(context));
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, format.content_type()))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"result.{}\"", format.extension()),
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(body))
}

/// Which analyses the rows of a result allow.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OffersBody {
    pub items: Vec<Offer>,
}

/// How to look at the rows.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnalyseBody {
    pub method: Method,
    /// Name of a column of numbers; the first one by default.
    pub column: Option<String>,
    /// The other column of a correlation; the next column of numbers by default.
    pub with: Option<String>,
}

/// Which analyses the rows of a stored result allow: none for one row or a result that was cut.
#[utoipa::path(operation_id = "get_analyses", tag = "results", security(("token" = [])), responses(
    (status = 200, body = OffersBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/results/{id}/analyses")]
pub async fn analyses(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
) -> ApiResult<web::Json<OffersBody>> {
    let whole = app.results.whole(&user.0, &id).await?;
    let items = web::block(move || offers(&looked_at(&whole)))
        .await
        .map_err(Error::internal)?;
    Ok(web::Json(OffersBody { items }))
}

/// A closer look at the rows of a stored result: trend, forecast, change, outliers, distribution, correlation,
/// description. Nothing is stored.
#[utoipa::path(operation_id = "analyse_result", tag = "results", security(("token" = [])), request_body = AnalyseBody,
    responses((status = 200, body = Analysis), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[post("/results/{id}/analyse")]
pub async fn analyse_result(
    app: web::Data<App>,
    asker: Asker,
    id: web::Path<String>,
    body: web::Json<AnalyseBody>,
) -> ApiResult<web::Json<Analysis>> {
    let whole = app.results.whole(&asker.0, &id).await?;
    let body = body.into_inner();
    let found = web::block(move || {
        analyse(
            &looked_at(&whole),
            body.method,
            body.column.as_deref(),
            body.with.as_deref(),
        )
    })
    .await
    .map_err(Error::internal)??;
    Ok(web::Json(found))
}

fn looked_at(whole: &Page) -> Data<'_> {
    Data {
        columns: &whole.columns,
        rows: &whole.rows,
        truncated: whole.truncated,
        today: id::now().date(),
    }
}

/// Bytes sent at once.
const CHUNK: usize = 64 * 1024;

/// A writer into the body of a response; waits when the client reads slowly.
struct ChunkWriter {
    chunks: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK)));
        self.chunks
            .blocking_send(Ok(chunk))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client left"))
    }
}
