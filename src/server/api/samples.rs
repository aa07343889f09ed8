//! The sample data: a frozen-custard chain, one click to add.

use actix_web::{HttpResponse, get, post, web};
use serde::Serialize;

use super::files::FileBody;
use crate::server::App;
use crate::server::auth::{Analyst, User};
use crate::server::error::{ApiResult, ErrorBody};
use crate::service::samples;

/// Whether the sample data is there, and what to ask of it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SampleState {
    pub added: bool,
    pub file_ids: Vec<String>,
    pub questions: Vec<&'static str>,
}

/// The sample files, added.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SampleResponse {
    pub files: Vec<FileBody>,
    pub questions: Vec<&'static str>,
}

/// Whether the sample data was added.
#[utoipa::path(operation_id = "get_samples", tag = "files", security(("token" = [])), responses(
    (status = 200, body = SampleState), (status = 401, body = ErrorBody)))]
#[get("/samples")]
pub async fn get_samples(app: web::Data<App>, user: User) -> ApiResult<web::Json<SampleState>> {
    let mut files = app.files.list(&user.0).await?;
    files.retain(|file| file.record.sample);
    Ok(web::Json(SampleState {
        added: files.len() >= samples::files().len(),
        file_ids: files.into_iter().map(|file| file.record.id).collect(),
        questions: samples::QUESTIONS.to_vec(),
    }))
}

/// Adds the sample data; what is there already stays as it is.
#[utoipa::path(operation_id = "add_samples", tag = "files", security(("token" = [])), responses(
    (status = 201, body = SampleResponse), (status = 401, body = ErrorBody)))]
#[post("/samples")]
pub async fn add_samples(app: web::Data<App>, user: Analyst) -> ApiResult<HttpResponse> {
    let files = app.files.add_samples(&user.0, samples::files()).await?;
    Ok(HttpResponse::Created().json(SampleResponse {
        files: files.into_iter().map(FileBody::from).collect(),
        questions: samples::QUESTIONS.to_vec(),
    }))
}
