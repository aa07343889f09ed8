//! Files: uploaded, listed, looked into, retyped, removed.

use actix_multipart::Multipart;
use actix_web::{HttpResponse, delete, get, patch, post, web};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

use crate::error::{Error, Result};
use crate::id;
use crate::ingest::profile::Profile;
use crate::ingest::report::Report;
use crate::ingest::{ImportedTable, Overrides};
use crate::rows::{ColumnInfo, json};
use crate::server::App;
use crate::server::auth::{Analyst, User};
use crate::server::error::{ApiError, ApiResult, ErrorBody};
use crate::service::files::{File, Incoming, Origin};

/// Files in one request at most.
const MAX_FILES: usize = 50;

/// An imported file.
#[derive(Serialize, utoipa::ToSchema)]
pub struct FileBody {
    pub id: String,
    pub name: String,
    /// What it was read as.
    #[schema(value_type = crate::ingest::Format)]
    pub format: String,
    pub size_bytes: i64,
    pub created_at: String,
    /// The id of whoever added it; they may open it to others.
    pub created_by: String,
    /// Whether it belongs to the sample data.
    pub sample: bool,
    pub tables: Vec<TableBody>,
}

/// A table of a file.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TableBody {
    pub name: String,
    pub row_count: u64,
    pub columns: Vec<ColumnInfo>,
    pub odd_row_count: u64,
}

/// All files.
#[derive(Serialize, utoipa::ToSchema)]
pub struct FileList {
    pub files: Vec<FileBody>,
}

/// What became of an upload.
#[derive(Serialize, utoipa::ToSchema)]
pub struct UploadResponse {
    pub files: Vec<FileBody>,
    pub errors: Vec<UploadError>,
}

/// A file that could not be imported.
#[derive(Serialize, utoipa::ToSchema)]
pub struct UploadError {
    pub name: String,
    pub code: String,
    pub message: String,
}

/// Which table of a file.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TableChoice {
    /// The table's name; without it the first one.
    pub table: Option<String>,
}

/// Which table, and how many rows.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PreviewChoice {
    /// The table's name; without it the first one.
    pub table: Option<String>,
    /// Rows at most (default 50, at most 1000).
    pub limit: Option<usize>,
}

/// The first rows of a table.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Preview {
    pub table: String,
    pub columns: Vec<ColumnInfo>,
    #[schema(value_type = Vec<Vec<Value>>)]
    pub rows: Vec<Vec<serde_json::Value>>,
    pub row_count: u64,
}

/// Files as `multipart/form-data`.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only describes the upload in the API document")]
pub struct UploadForm {
    #[schema(value_type = Vec<String>, format = Binary)]
    files: Vec<String>,
}

impl From<File> for FileBody {
    fn from(file: File) -> FileBody {
        FileBody {
            id: file.record.id,
            name: file.record.name,
            format: file.record.format,
            size_bytes: file.record.size_bytes,
            created_at: id::iso(file.record.created_at),
            created_by: file.record.created_by,
            sample: file.record.sample,
            tables: file.tables.iter().map(TableBody::from).collect(),
        }
    }
}

impl From<&ImportedTable> for TableBody {
    fn from(table: &ImportedTable) -> TableBody {
        TableBody {
            name: table.table.name.clone(),
            row_count: table.report.row_count,
            columns: table
                .report
                .columns
                .iter()
                .map(|column| ColumnInfo {
                    name: column.name.clone(),
                    type_name: column.type_name.clone(),
                })
                .collect(),
            odd_row_count: table.report.odd_row_count,
        }
    }
}

/// Uploads and imports files; answers when the imports are done. Leaving early stops them.
#[utoipa::path(operation_id = "upload_files", tag = "files", security(("token" = [])),
    request_body(content = inline(UploadForm), content_type = "multipart/form-data"), responses(
    (status = 201, body = UploadResponse), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
#[post("/upload")]
pub async fn upload(app: web::Data<App>, user: Analyst, mut form: Multipart) -> ApiResult<HttpResponse> {
    let mut files = Vec::new();
    let mut errors = Vec::new();
    let mut count = 0usize;
    while let Some(field) = form.next().await {
        let mut field =
            field.map_err(|error| Error::Invalid(format!("The upload could not be read: {error}.")))?;
        let Some(name) = field
            .content_disposition()
            .and_then(|one| one.get_filename())
            .map(str::to_owned)
        else {
            continue;
        };
        count += 1;
        if count > MAX_FILES {
            return Err(Error::TooLarge(format!("One upload takes at most {MAX_FILES} files.")).into());
        }
        let outcome = match receive(&app, &mut field, &name).await {
            Ok(incoming) => app.files.import(&user.0, incoming, Origin::Upload).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(file) => files.push(FileBody::from(file)),
            Err(error) => {
                let body = ApiError::from(error).body().error;
                errors.push(UploadError {
                    name,
                    code: body.code,
                    message: body.message,
                });
            }
        }
    }
    match (files.is_empty(), errors.first()) {
        (true, None) => Err(Error::Invalid("There is no file in this upload.".into()).into()),
        (true, Some(first)) => {
            let message = match errors.len() {
                1 => first.message.clone(),
                several => format!(
                    "None of the {several} files could be imported. {}: {}",
                    first.name, first.message
                ),
            };
            let details = serde_json::to_value(&errors).map_err(Error::internal)?;
            let body = ErrorBody {
                error: crate::server::error::ErrorDetail {
                    code: first.code.clone(),
                    message,
                    details: Some(details),
                },
            };
            let status = if first.code == "too_large" {
                actix_web::http::StatusCode::PAYLOAD_TOO_LARGE
            } else {
                actix_web::http::StatusCode::UNPROCESSABLE_ENTITY
            };
            Ok(HttpResponse::build(status).json(body))
        }
        (false, _) => Ok(HttpResponse::Created().json(UploadResponse { files, errors })),
    }
}

/// Writes one part to disk as it arrives, never holding more than a chunk.
async fn receive(app: &App, field: &mut actix_multipart::Field, name: &str) -> Result<Incoming> {
    let mut incoming = app.files.incoming(name);
    let mut file = tokio::fs::File::create(incoming.path()).await?;
    let limit = app.files.max_upload();
    while let Some(chunk) = field.next().await {
        let chunk = chunk.map_err(|error| Error::Invalid(format!("The upload broke off: {error}.")))?;
        incoming.size += chunk.len() as u64;
        if incoming.size > limit {
            // The rest of the part is read and forgotten, so that the others in the form are still heard.
            while let Some(Ok(_)) = field.next().await {}
            return Err(Error::TooLarge(format!(
                "{name} is larger than {} MiB, the most that is taken. Raise files.max_upload in the configuration, \
                 or split the file.",
                limit / (1024 * 1024)
            )));
        }
        file.write_all(&chunk).await?;
    }
    file.flush().await?;
    Ok(incoming)
}

/// All files of the organisation, newest first.
#[utoipa::path(operation_id = "list_files", tag = "files", security(("token" = [])), responses(
    (status = 200, body = FileList), (status = 401, body = ErrorBody)))]
#[get("/files")]
pub async fn list(app: web::Data<App>, user: User) -> ApiResult<web::Json<FileList>> {
    let files = app.files.list(&user.0).await?;
    Ok(web::Json(FileList {
        files: files.into_iter().map(FileBody::from).collect(),
    }))
}

/// One file.
#[utoipa::path(operation_id = "get_file", tag = "files", security(("token" = [])), responses(
    (status = 200, body = FileBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/files/{id}")]
pub async fn get_one(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
) -> ApiResult<web::Json<FileBody>> {
    Ok(web::Json(app.files.get(&user.0, &id).await?.into()))
}

/// Overrides names or types of columns: the kept original is imported again.
#[utoipa::path(operation_id = "change_file", tag = "files", security(("token" = [])), request_body = Overrides, responses(
    (status = 200, body = FileBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[patch("/files/{id}")]
pub async fn change(
    app: web::Data<App>,
    user: Analyst,
    id: web::Path<String>,
    body: web::Json<Overrides>,
) -> ApiResult<web::Json<FileBody>> {
    Ok(web::Json(
        app.files.change(&user.0, &id, body.into_inner()).await?.into(),
    ))
}

/// Removes a file with its original.
#[utoipa::path(operation_id = "delete_file", tag = "files", security(("token" = [])), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[delete("/files/{id}")]
pub async fn delete_one(
    app: web::Data<App>,
    user: Analyst,
    id: web::Path<String>,
) -> ApiResult<HttpResponse> {
    app.files.delete(&user.0, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The first rows of a table.
#[utoipa::path(operation_id = "preview_file", tag = "files", security(("token" = [])), params(PreviewChoice), responses(
    (status = 200, body = Preview), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[get("/files/{id}/preview")]
pub async fn preview(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
    choice: web::Query<PreviewChoice>,
) -> ApiResult<web::Json<Preview>> {
    let file = app.files.get(&user.0, &id).await?;
    let table = file.table(choice.table.as_deref())?;
    let batches = app
        .files
        .head(&file, table, choice.limit.unwrap_or(50).min(1000))
        .await?;
    let mut rows = Vec::new();
    for batch in &batches {
        rows.extend(json::values(batch, 0..batch.num_rows())?);
    }
    let body = TableBody::from(table);
    Ok(web::Json(Preview {
        table: body.name,
        columns: body.columns,
        rows,
        row_count: body.row_count,
    }))
}

/// Statistics of a table, per column.
#[utoipa::path(operation_id = "profile_file", tag = "files", security(("token" = [])), params(TableChoice), responses(
    (status = 200, body = Profile), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[get("/files/{id}/profile")]
pub async fn profile(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
    choice: web::Query<TableChoice>,
) -> ApiResult<web::Json<Profile>> {
    let file = app.files.get(&user.0, &id).await?;
    let table = file.table(choice.table.as_deref())?;
    let mut profile = app.files.profile(&file, table).await?;
    profile.table.clone_from(&table.table.name);
    Ok(web::Json(profile))
}

/// What the import decided, and which rows were odd.
#[utoipa::path(operation_id = "get_import_report", tag = "files", security(("token" = [])), params(TableChoice), responses(
    (status = 200, body = Report), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[get("/files/{id}/report")]
pub async fn report(
    app: web::Data<App>,
    user: User,
    id: web::Path<String>,
    choice: web::Query<TableChoice>,
) -> ApiResult<web::Json<Report>> {
    let file = app.files.get(&user.0, &id).await?;
    Ok(web::Json(file.table(choice.table.as_deref())?.report.clone()))
}
