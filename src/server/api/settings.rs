//! What is configured, which model an organisation asks, and whether it works.

use actix_web::{get, patch, post, put, web};
use serde::Serialize;

use crate::ask::answer::WrittenBy;
use crate::config::Price;
use crate::error::Error;
use crate::server::App;
use crate::server::auth::{Admin, Owner, User};
use crate::server::error::{ApiResult, ErrorBody};
use crate::service::accounts::Role;
use crate::service::models::{ModelChange, SetBy};
use crate::service::preferences::{Preferences, PreferencesChange};
use crate::translate::llm::{self, TestReport};
use crate::translate::usage;

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

/// The model that is asked, without its key.
#[derive(Serialize, utoipa::ToSchema)]
pub struct LlmSettings {
    pub configured: bool,
    pub base_url: Option<String>,
    pub model: Option<String>,
    pub key_set: bool,
    /// Whether frequent values of columns go to the model.
    pub value_hints: bool,
    /// Tokens that the model takes at once; null: as many as a prompt wants.
    pub context_tokens: Option<u32>,
    /// What it costs; null: nobody knows.
    pub price: Option<Price>,
    /// What prices and costs are in: an ISO 4217 code.
    pub currency: String,
    /// Who decided on it.
    pub set_by: SetBy,
    /// Whether owners may set a model of their own here.
    pub may_be_set: bool,
    /// The model that the server itself has; null: none.
    pub server_model: Option<String>,
}

impl LlmSettings {
    fn of(app: &App, organization_id: &str) -> LlmSettings {
        let in_force = app.models.of(organization_id);
        let llm = in_force.llm.as_ref();
        LlmSettings {
            configured: llm.is_some(),
            base_url: llm.map(|llm| llm.base_url.clone()),
            model: llm.map(|llm| llm.model.clone()),
            key_set: llm.is_some_and(|llm| llm.api_key.is_some()),
            value_hints: llm.is_some_and(|llm| llm.value_hints),
            context_tokens: llm.and_then(|llm| llm.context_tokens),
            price: llm.and_then(|llm| llm.price),
            currency: app.config.spending.currency.clone(),
            set_by: in_force.set_by,
            may_be_set: app.models.may_be_set(),
            server_model: app.models.server().llm.as_ref().map(|llm| llm.model.clone()),
        }
    }
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
        translator: app.questions.translator(&user.0.organization_id),
        llm: LlmSettings::of(&app, &user.0.organization_id),
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

/// Sets the model that reads the organisation's questions, or none, or goes back to the server's. A key is stored
/// sealed and never shown; left out, the one that is set stays as long as the address does.
#[utoipa::path(operation_id = "set_llm", tag = "settings", security(("token" = [])), request_body = ModelChange, responses(
    (status = 200, body = LlmSettings), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[put("/settings/llm")]
pub async fn set_llm(
    app: web::Data<App>,
    user: Owner,
    body: web::Json<ModelChange>,
) -> ApiResult<web::Json<LlmSettings>> {
    app.models.change(&user.0, body.into_inner()).await?;
    Ok(web::Json(LlmSettings::of(&app, &user.0.organization_id)))
}

/// Tries a model step by step and says which step failed: the one that is sent, else the one in force.
#[utoipa::path(operation_id = "test_llm", tag = "settings", security(("token" = [])), request_body = Option<ModelChange>, responses(
    (status = 200, body = TestReport), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[post("/settings/llm/test")]
pub async fn test_llm(
    app: web::Data<App>,
    user: Admin,
    body: web::Bytes,
) -> ApiResult<web::Json<TestReport>> {
    let proposed: Option<ModelChange> = if body.trim_ascii().is_empty() {
        None
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Error::Invalid(format!("The model's settings cannot be read: {error}.")))?
    };
    if proposed.is_some() && user.0.role < Role::Owner {
        return Err(Error::Forbidden("Only an owner may try a model that is not in force.".into()).into());
    }
    let config = app.models.to_test(&user.0, proposed)?;
    let (report, calls) = usage::counted(llm::test(&config)).await;
    let cost = usage::Usage::of(&calls, config.price);
    app.usage.spent(&user.0, cost.as_ref()).await?;
    Ok(web::Json(report))
}
