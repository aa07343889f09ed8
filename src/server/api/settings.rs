//! What is configured, and whether the model works.

use actix_web::{get, patch, post, web};
use serde::Serialize;

use crate::ask::answer::WrittenBy;
use crate::error::Error;
use crate::server::App;
use crate::server::auth::{Admin, Owner, User};
use crate::server::error::{ApiResult, ErrorBody};
use crate::service::preferences::{Preferences, PreferencesChange};
use crate::translate::llm::{self, TestReport};

/// The configuration as far as users may know it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Settings {
    /// Who writes the queries of questions.
    #[schema(value_type = WrittenBy)]
    pub translator: &'static str,
    pub llm: LlmSettings,
    pub limits: LimitSettings,
    /// Where the server keeps its own records.
    pub store: StoreKind,
    pub data_dir: String,
    pub version: &'static str,
    /// What the organisation has set for itself.
    pub preferences: Preferences,
}

/// See [`Settings::store`].
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    Sqlite,
    Postgresql,
}

/// The model, without its key.
#[derive(Serialize, utoipa::ToSchema)]
pub struct LlmSettings {
    pub configured: bool,
    pub base_url: Option<String>,
    pub model: Option<String>,
    pub key_set: bool,
}

/// Limits in force.
#[derive(Serialize, utoipa::ToSchema)]
pub struct LimitSettings {
    pub upload_max_bytes: u64,
    pub result_max_rows: u64,
    pub query_timeout_seconds: u64,
}

/// What is configured.
#[utoipa::path(operation_id = "get_settings", tag = "settings", security(("token" = [])), responses(
    (status = 200, body = Settings), (status = 401, body = ErrorBody)))]
#[get("/settings")]
pub async fn get_settings(app: web::Data<App>, user: User) -> web::Json<Settings> {
    let config = &app.config;
    web::Json(Settings {
        translator: app.questions.translator(),
        llm: LlmSettings {
            configured: config.llm.is_some(),
            base_url: config.llm.as_ref().map(|llm| llm.base_url.clone()),
            model: config.llm.as_ref().map(|llm| llm.model.clone()),
            key_set: config.llm.as_ref().is_some_and(|llm| llm.api_key.is_some()),
        },
        limits: LimitSettings {
            upload_max_bytes: config.files.max_upload_bytes,
            result_max_rows: config.query.max_rows,
            query_timeout_seconds: config.query.time.as_secs(),
        },
        store: if config.database.url.is_some() {
            StoreKind::Postgresql
        } else {
            StoreKind::Sqlite
        },
        data_dir: config.server.data_dir.display().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        preferences: app.preferences.of(&user.0.organization_id),
    })
}

/// Changes what the organisation sets for itself.
#[utoipa::path(operation_id = "change_settings", tag = "settings", security(("token" = [])), request_body = PreferencesChange, responses(
    (status = 200, body = Preferences), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[patch("/settings")]
pub async fn change_settings(
    app: web::Data<App>,
    user: Owner,
    body: web::Json<PreferencesChange>,
) -> ApiResult<web::Json<Preferences>> {
    Ok(web::Json(
        app.preferences.change(&user.0, body.into_inner()).await?,
    ))
}

/// Tries the configured model step by step and says which step failed.
#[utoipa::path(operation_id = "test_llm", tag = "settings", security(("token" = [])), responses(
    (status = 200, body = TestReport), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[post("/settings/llm/test")]
pub async fn test_llm(app: web::Data<App>, _user: Admin) -> ApiResult<web::Json<TestReport>> {
    let config = app.config.llm.as_ref().ok_or_else(|| {
        Error::Invalid(
            "No model is configured. Set OPENAI_API_KEY, or [llm] in the configuration file.".into(),
        )
    })?;
    Ok(web::Json(llm::test(config).await))
}
