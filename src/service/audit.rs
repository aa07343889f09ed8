//! The audit log as owners and admins read it: filtered, paged, exported, and cut to what retention says.

use bytes::Bytes;
use chrono::{NaiveDateTime, TimeDelta};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::accounts::Identity;
use crate::db::Db;
use crate::db::audit::{self as records, Entry, Filter, Record};
use crate::error::{Error, Result};
use crate::id;

/// Entries of one page at most.
pub const MAX_PAGE: i64 = 200;

/// Entries read at once for an export.
const STEP: i64 = 1_000;

/// Entries removed in one transaction, so that nobody waits long for it.
const EXPIRE_STEP: i64 = 2_000;

/// The audit log. Cheap to clone.
#[derive(Clone)]
pub struct Audit {
    db: Db,
}

/// A deed as it is shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AuditItem {
    pub id: String,
    pub at: String,
    pub actor_id: Option<String>,
    /// An e-mail address, a token's name, or `system`.
    pub actor: String,
    /// Noun, dot, verb: `file.deleted`.
    pub action: String,
    pub target_kind: String,
    pub target_id: String,
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
    /// The address it came from; null for the machine itself.
    pub ip: Option<String>,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditFormat {
    Csv,
    Ndjson,
}

impl From<Record> for AuditItem {
    fn from(record: Record) -> AuditItem {
        AuditItem {
            at: id::iso(record.at),
            id: record.id,
            actor_id: record.actor_id,
            actor: record.actor,
            action: record.action,
            target_kind: record.target_kind,
            target_id: record.target_id,
            details: serde_json::from_str(&record.details).unwrap_or_default(),
            ip: record.ip,
        }
    }
}

impl Audit {
    pub fn new(db: Db) -> Audit {
        Audit { db }
    }

    /// One page, newest first, and where the next one begins.
    pub async fn page(
        &self,
        organization_id: &str,
        filter: Filter,
        limit: i64,
    ) -> Result<(Vec<AuditItem>, Option<String>)> {
        let organization = organization_id.to_owned();
        let limit = limit.clamp(1, MAX_PAGE);
        let mut found = self
            .db
            .read(move |conn| records::list(conn, &organization, &filter, limit + 1))
            .await?;
        let more = found.len() > usize::try_from(limit).unwrap_or(usize::MAX);
        if more {
            found.pop();
        }
        let next = found.last().filter(|_| more).map(|record| record.id.clone());
        Ok((found.into_iter().map(AuditItem::from).collect(), next))
    }

    /// Everything that passes the filter, newest first, in pieces as they are read. The export itself is
    /// written down first. Errors: as for a page; what goes wrong later comes as the last piece.
    pub async fn export(
        &self,
        who: &Identity,
        filter: Filter,
        format: AuditFormat,
    ) -> Result<mpsc::Receiver<Result<Bytes>>> {
        let first = self.step(&who.organization_id, &filter).await?;
        let details = json!({
            "format": match format { AuditFormat::Csv => "csv", AuditFormat::Ndjson => "ndjson" },
            "actor": filter.actor, "action": filter.action, "target": filter.target,
            "from": filter.from.map(id::iso), "to": filter.to.map(id::iso),
        });
        let deed = who.did("audit.exported", "organization", &who.organization_id, details);
        self.db.write(move |conn| records::append(conn, &deed)).await?;
        let (chunks, body) = mpsc::channel(4);
        let (audit, organization) = (self.clone(), who.organization_id.clone());
        tokio::spawn(async move {
            let mut filter = filter;
            let mut found = first;
            let mut head = true;
            loop {
                let last = found.last().map(|record| record.id.clone());
                let piece = write(std::mem::take(&mut found), format, head);
                head = false;
                if chunks.send(piece).await.is_err() {
                    return;
                }
                let Some(last) = last else { return };
                filter.before = Some(last);
                found = match audit.step(&organization, &filter).await {
                    Ok(found) if found.is_empty() => return,
                    Ok(found) => found,
                    Err(error) => {
                        let _ = chunks.send(Err(error)).await;
                        return;
                    }
                };
            }
        });
        Ok(body)
    }

    async fn step(&self, organization_id: &str, filter: &Filter) -> Result<Vec<Record>> {
        let (organization, filter) = (organization_id.to_owned(), filter.clone());
        self.db
            .read(move |conn| records::list(conn, &organization, &filter, STEP))
            .await
    }

    /// Writes down a deed of which nothing else is stored.
    pub async fn write(&self, deed: Entry) -> Result<()> {
        self.db.write(move |conn| records::append(conn, &deed)).await
    }

    /// Removes entries older than each organisation keeps them; that is written down as well.
    pub async fn expire(&self, keep: impl Fn(&str) -> Option<TimeDelta>) -> Result<()> {
        for organization in self.db.read(records::organizations).await? {
            let Some(keep) = keep(&organization) else { continue };
            let before: NaiveDateTime = id::now() - keep;
            let mut removed = 0;
            loop {
                let target = organization.clone();
                let step = self
                    .db
                    .write(move |conn| records::expire(conn, &target, before, EXPIRE_STEP))
                    .await?;
                removed += step;
                if step == 0 {
                    break;
                }
            }
            if removed > 0 {
                self.write(Entry {
                    organization_id: organization.clone(),
                    actor_id: None,
                    actor: "system".into(),
                    action: "audit.expired",
                    target_kind: "organization",
                    target_id: organization,
                    details: json!({ "removed": removed, "before": id::iso(before) }),
                    ip: None,
                })
                .await?;
            }
        }
        Ok(())
    }
}

fn write(records: Vec<Record>, format: AuditFormat, head: bool) -> Result<Bytes> {
    let mut out = Vec::new();
    match format {
        AuditFormat::Ndjson => {
            for record in records {
                serde_json::to_writer(&mut out, &AuditItem::from(record)).map_err(Error::internal)?;
                out.push(b'\n');
            }
        }
        AuditFormat::Csv => {
            let mut csv = csv::Writer::from_writer(&mut out);
            if head {
                csv.write_record([
                    "at",
                    "actor",
                    "actor_id",
                    "action",
                    "target_kind",
                    "target_id",
                    "details",
                    "ip",
                    "id",
                ])
                .map_err(Error::internal)?;
            }
            for record in records {
                let at = id::iso(record.at);
                csv.write_record([
                    at.as_str(),
                    &plain(&record.actor),
                    record.actor_id.as_deref().unwrap_or_default(),
                    &record.action,
                    &record.target_kind,
                    &plain(&record.target_id),
                    &record.details,
                    record.ip.as_deref().unwrap_or_default(),
                    &record.id,
                ])
                .map_err(Error::internal)?;
            }
            csv.flush()?;
            drop(csv);
        }
    }
    Ok(out.into())
}

/// A text that a spreadsheet would take for a formula gets a quote in front. (Details begin with a brace.)
fn plain(text: &str) -> std::borrow::Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}").into()
    } else {
        text.into()
    }
}
