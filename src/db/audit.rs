//! The audit log: who did what to what, when and from where. It is only added to; the store itself refuses
//! changes, and removals except of what an organisation's retention has released.

use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::Conn;
use super::schema::{audit, audit_retention};
use crate::error::{Error, Result};
use crate::id;

/// A deed to be written down, in the same transaction as the deed itself.
#[derive(Debug, Clone)]
pub struct Entry {
    pub organization_id: String,
    /// The user; None for the system itself.
    pub actor_id: Option<String>,
    /// Whom people recognise: an e-mail address, a token's name, `system`.
    pub actor: String,
    /// `auth.login`, `file.deleted`, …: noun, dot, verb.
    pub action: &'static str,
    /// `user`, `file`, `connection`, …
    pub target_kind: &'static str,
    pub target_id: String,
    /// What else is worth knowing. Never secrets, never rows.
    pub details: serde_json::Value,
    /// The address it came from; None for the machine itself.
    pub ip: Option<String>,
}

/// An entry as it stands in the store. `details` is JSON.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit)]
pub struct Record {
    pub id: String,
    pub organization_id: String,
    pub actor_id: Option<String>,
    pub actor: String,
    pub action: String,
    pub target_kind: String,
    pub target_id: String,
    pub details: String,
    pub ip: Option<String>,
    pub at: NaiveDateTime,
}

/// Which entries are wanted; what is None does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// A user's id, or what the actor is called.
    pub actor: Option<String>,
    /// The whole action, or its noun: `auth` finds `auth.login`.
    pub action: Option<String>,
    /// The target's id, or its kind.
    pub target: Option<String>,
    pub from: Option<NaiveDateTime>,
    /// Before this moment.
    pub to: Option<NaiveDateTime>,
    /// Older than the entry of this id.
    pub before: Option<String>,
}

/// Writes a deed down.
pub fn append(conn: &mut Conn, entry: &Entry) -> Result<()> {
    let record = Record {
        id: id::new(),
        organization_id: entry.organization_id.clone(),
        actor_id: entry.actor_id.clone(),
        actor: entry.actor.clone(),
        action: entry.action.to_owned(),
        target_kind: entry.target_kind.to_owned(),
        target_id: entry.target_id.clone(),
        details: serde_json::to_string(&entry.details).map_err(Error::internal)?,
        ip: entry.ip.clone(),
        at: id::now(),
    };
    diesel::insert_into(audit::table).values(record).execute(conn)?;
    Ok(())
}

/// The organisation's entries, newest first.
pub fn list(conn: &mut Conn, organization_id: &str, filter: &Filter, limit: i64) -> Result<Vec<Record>> {
    let mut found = audit::table
        .filter(audit::organization_id.eq(organization_id.to_owned()))
        .into_boxed();
    if let Some(actor) = filter.actor.clone() {
        found = found.filter(audit::actor.eq(actor.clone()).or(audit::actor_id.eq(actor)));
    }
    if let Some(action) = filter.action.clone() {
        if !action
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_'))
        {
            return Err(Error::Invalid(
                "An action is written noun.verb, such as file.deleted; the noun alone finds all of its kind."
                    .into(),
            ));
        }
        found = if action.contains('.') {
            found.filter(audit::action.eq(action))
        } else {
            found.filter(audit::action.like(format!("{action}.%")))
        };
    }
    if let Some(target) = filter.target.clone() {
        found = found.filter(
            audit::target_id
                .eq(target.clone())
                .or(audit::target_kind.eq(target)),
        );
    }
    if let Some(from) = filter.from {
        found = found.filter(audit::at.ge(from));
    }
    if let Some(to) = filter.to {
        found = found.filter(audit::at.lt(to));
    }
    if let Some(before) = filter.before.clone() {
        found = found.filter(audit::id.lt(before));
    }
    Ok(found
        .order(audit::id.desc())
        .limit(limit)
        .select(Record::as_select())
        .load(conn)?)
}

/// Removes the organisation's entries from before `before`, at most `limit`; gives how many went.
pub fn expire(conn: &mut Conn, organization_id: &str, before: NaiveDateTime, limit: i64) -> Result<usize> {
    let old: Vec<String> = audit::table
        .filter(audit::organization_id.eq(organization_id))
        .filter(audit::at.lt(before))
        .order(audit::at)
        .limit(limit)
        .select(audit::id)
        .load(conn)?;
    if old.is_empty() {
        return Ok(0);
    }
    let updated = diesel::update(audit_retention::table.find(organization_id))
        .set(audit_retention::released_before.eq(before))
        .execute(conn)?;
    if updated == 0 {
        diesel::insert_into(audit_retention::table)
            .values((
                audit_retention::organization_id.eq(organization_id),
                audit_retention::released_before.eq(before),
            ))
            .execute(conn)?;
    }
    let removed = diesel::delete(audit::table.filter(audit::id.eq_any(&old))).execute(conn)?;
    diesel::delete(audit_retention::table.find(organization_id)).execute(conn)?;
    Ok(removed)
}

/// Organisations that have entries, also those that are no more.
pub fn organizations(conn: &mut Conn) -> Result<Vec<String>> {
    Ok(audit::table
        .select(audit::organization_id)
        .distinct()
        .load(conn)?)
}

/// Has the store itself refuse changes of the log. Called after migrations; it is no error when it is done
/// already.
pub(super) fn protect(conn: &mut Conn) -> Result<()> {
    match conn {
        Conn::Sqlite(conn) => conn.batch_execute(
            "CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit
             BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
             CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit
             WHEN NOT EXISTS (SELECT 1 FROM audit_retention r
                              WHERE r.organization_id = OLD.organization_id AND OLD.at < r.released_before)
             BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;",
        )?,
        Conn::Postgres(conn) => {
            // Replacing a trigger locks the table, so it is only made when it is missing.
            conn.batch_execute(
                "DO $do$ BEGIN
                   IF NOT EXISTS (SELECT 1 FROM pg_trigger
                                  WHERE tgname = 'audit_only_added_to' AND tgrelid = 'audit'::regclass) THEN
                     CREATE OR REPLACE FUNCTION audit_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $f$
                     BEGIN
                       IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM audit_retention r
                            WHERE r.organization_id = OLD.organization_id AND OLD.at < r.released_before) THEN
                         RETURN OLD;
                       END IF;
                       RAISE EXCEPTION 'the audit log is only added to';
                     END $f$;
                     CREATE TRIGGER audit_only_added_to BEFORE UPDATE OR DELETE ON audit
                       FOR EACH ROW EXECUTE FUNCTION audit_only_added_to();
                     CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
                       FOR EACH STATEMENT EXECUTE FUNCTION audit_only_added_to();
                   END IF;
                 END $do$",
            )?;
        }
    }
    Ok(())
}
