//! The audit log, for owners and admins.

use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::db::audit::Filter;
use crate::error::{Error, Result};
use crate::server::App;
use crate::server::auth::Admin;
use crate::server::error::{ApiResult, ErrorBody};
use crate::service::audit::{AuditFormat, AuditItem};

/// A page of the audit log, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AuditPage {
    pub items: Vec<AuditItem>,
    /// Give it as `cursor` for the next page; null at the end.
    pub next: Option<String>,
}

/// Which entries are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditChoice {
    /// A user's id, or an e-mail address.
    pub actor: Option<String>,
    /// An action such as `file.deleted`, or all of a noun: `file`.
    pub action: Option<String>,
    /// The id of what it was done to, or its kind.
    pub target: Option<String>,
    /// From this moment or day on (ISO 8601).
    pub from: Option<String>,
    /// Before this moment; a day is meant with its end.
    pub to: Option<String>,
    pub cursor: Option<String>,
    /// At most (default 20, at most 200).
    pub limit: Option<i64>,
}

/// Which entries are exported, and how.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditExportChoice {
    pub format: Option<AuditFormat>,
    /// A user's id, or an e-mail address.
    pub actor: Option<String>,
    /// An action such as `file.deleted`, or all of a noun: `file`.
    pub action: Option<String>,
    /// The id of what it was done to, or its kind.
    pub target: Option<String>,
    /// From this moment or day on (ISO 8601).
    pub from: Option<String>,
    /// Before this moment; a day is meant with its end.
    pub to: Option<String>,
}

/// Who did what to what, newest first.
#[utoipa::path(operation_id = "list_audit", tag = "audit", security(("token" = [])), params(AuditChoice), responses(
    (status = 200, body = AuditPage), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[get("/audit")]
pub async fn list(
    app: web::Data<App>,
    user: Admin,
    choice: web::Query<AuditChoice>,
) -> ApiResult<web::Json<AuditPage>> {
    let choice = choice.into_inner();
    let filter = Filter {
        actor: filled(choice.actor),
        action: filled(choice.action),
        target: filled(choice.target),
        from: moment(choice.from.as_deref(), "from", 0)?,
        to: moment(choice.to.as_deref(), "to", 1)?,
        before: filled(choice.cursor),
    };
    let limit = choice.limit.unwrap_or(20);
    let (items, next) = app.audit.page(&user.0.organization_id, filter, limit).await?;
    Ok(web::Json(AuditPage { items, next }))
}

/// The log as a file, newest first. The export is itself written into the log.
#[utoipa::path(operation_id = "export_audit", tag = "audit", security(("token" = [])), params(AuditExportChoice), responses(
    (status = 200, description = "By the format", content(
        (String = "text/csv; charset=utf-8"), (String = "application/x-ndjson"))), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
#[get("/audit/export")]
pub async fn export(
    app: web::Data<App>,
    user: Admin,
    choice: web::Query<AuditExportChoice>,
) -> ApiResult<HttpResponse> {
    let choice = choice.into_inner();
    let format = choice.format.unwrap_or(AuditFormat::Csv);
    let filter = Filter {
        actor: filled(choice.actor),
        action: filled(choice.action),
        target: filled(choice.target),
        from: moment(choice.from.as_deref(), "from", 0)?,
        to: moment(choice.to.as_deref(), "to", 1)?,
        before: None,
    };
    let pieces = app.audit.export(&user.0, filter, format).await?;
    let (kind, extension) = match format {
        AuditFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        AuditFormat::Ndjson => ("application/x-ndjson", "ndjson"),
    };
    // A break in the middle breaks the download off: a part must not look like the whole.
    let body = futures::stream::unfold(pieces, |mut pieces| async move {
        let piece = pieces.recv().await?;
        Some((piece, pieces))
    })
    .map(|piece| piece.map_err(|error| std::io::Error::other(error.to_string())));
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"audit.{extension}\""),
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(body))
}

fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// A moment, or a day: then the one `days` later, at its beginning.
fn moment(text: Option<&str>, name: &str, days: u64) -> Result<Option<NaiveDateTime>> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let wrong = || {
        Error::Invalid(format!(
            "`{name}` has to be a day such as 2026-01-31 or a moment such as 2026-01-31T12:00:00Z."
        ))
    };
    if let Ok(day) = text.parse::<NaiveDate>() {
        let day = day.checked_add_days(chrono::Days::new(days)).ok_or_else(wrong)?;
        return in_range(day.and_time(chrono::NaiveTime::MIN))
            .map(Some)
            .ok_or_else(wrong);
    }
    let moment = text.parse::<DateTime<Utc>>().map_err(|_| wrong())?;
    in_range(moment.naive_utc()).map(Some).ok_or_else(wrong)
}

/// What both stores can compare with.
fn in_range(moment: NaiveDateTime) -> Option<NaiveDateTime> {
    use chrono::Datelike;
    (1..=9999).contains(&moment.year()).then_some(moment)
}
