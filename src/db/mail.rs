//! Letters that are to go: a queue that survives restarts and that several servers can work on.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::Conn;
use super::schema::outgoing_mail;
use crate::error::{Error, Result};
use crate::id;

pub use crate::mail::Template;

/// Still to go.
const WAITING: &str = "waiting";
/// The mail server (or the outbox) has it.
const SENT: &str = "sent";
/// Given up.
const FAILED: &str = "failed";

/// A letter to be sent.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// Whose owners may see that it waits; None for nobody's.
    pub organization_id: Option<String>,
    /// One address.
    pub to: String,
    pub template: Template,
    /// An object; see [`Template`] for its keys.
    pub variables: serde_json::Value,
}

/// A letter of the queue.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = outgoing_mail)]
pub struct OutgoingMail {
    pub id: String,
    pub organization_id: Option<String>,
    pub recipient: String,
    pub template: String,
    /// JSON; emptied once the letter needs it no more.
    pub variables: String,
    /// `waiting`, `sent` or `failed`.
    pub state: String,
    pub attempts: i32,
    pub next_try_at: NaiveDateTime,
    pub claimed_until: Option<NaiveDateTime>,
    /// The last try failed because the mail server could not be used at all.
    pub unreachable: bool,
    pub last_error: Option<String>,
    pub created_at: NaiveDateTime,
    pub finished_at: Option<NaiveDateTime>,
}

/// How the queue is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueState {
    pub waiting: i64,
    pub failed: i64,
    /// Of the letter that failed last.
    pub last_error: Option<String>,
}

/// Puts a letter into the queue, in the caller's transaction: it goes if, and only if, that is committed.
/// Errors: `Invalid` for an address nobody could write to, `Internal` when a variable is missing.
pub fn enqueue(conn: &mut Conn, mail: &NewMail) -> Result<()> {
    crate::mail::address(&mail.to)?;
    // Found out here, where the caller learns of it, rather than when nobody is there any more.
    mail.template.words(&mail.variables)?;
    let now = id::now();
    diesel::insert_into(outgoing_mail::table)
        .values(OutgoingMail {
            id: id::new(),
            organization_id: mail.organization_id.clone(),
            recipient: mail.to.clone(),
            template: mail.template.name().into(),
            variables: mail.variables.to_string(),
            state: WAITING.into(),
            attempts: 0,
            next_try_at: now,
            claimed_until: None,
            unreachable: false,
            last_error: None,
            created_at: now,
            finished_at: None,
        })
        .execute(conn)?;
    Ok(())
}

/// Whether a letter is due that nobody holds.
pub fn any_due(conn: &mut Conn, now: NaiveDateTime) -> Result<bool> {
    Ok(outgoing_mail::table
        .filter(outgoing_mail::state.eq(WAITING))
        .filter(outgoing_mail::next_try_at.le(now))
        .filter(
            outgoing_mail::claimed_until
                .is_null()
                .or(outgoing_mail::claimed_until.lt(now)),
        )
        .select(outgoing_mail::id)
        .first::<String>(conn)
        .optional()?
        .is_some())
}

/// Takes up to `most` due letters, oldest first, and holds them for `lease`; other servers leave them alone
/// that long.
pub fn claim(conn: &mut Conn, now: NaiveDateTime, lease: TimeDelta, most: i64) -> Result<Vec<OutgoingMail>> {
    let due: Vec<OutgoingMail> = outgoing_mail::table
        .filter(outgoing_mail::state.eq(WAITING))
        .filter(outgoing_mail::next_try_at.le(now))
        .filter(
            outgoing_mail::claimed_until
                .is_null()
                .or(outgoing_mail::claimed_until.lt(now)),
        )
        .order((outgoing_mail::next_try_at, outgoing_mail::id))
        .limit(most)
        .select(OutgoingMail::as_select())
        .load(conn)?;
    let mut ours = Vec::with_capacity(due.len());
    for mail in due {
        // Asked again as it is written: of two servers that saw the same letter, the later one waits for the
        // earlier one's transaction and then changes nothing.
        let taken = diesel::update(
            outgoing_mail::table
                .find(&mail.id)
                .filter(outgoing_mail::state.eq(WAITING))
                .filter(outgoing_mail::next_try_at.le(now))
                .filter(
                    outgoing_mail::claimed_until
                        .is_null()
                        .or(outgoing_mail::claimed_until.lt(now)),
                ),
        )
        .set(outgoing_mail::claimed_until.eq(now + lease))
        .execute(conn)?;
        if taken == 1 {
            ours.push(mail);
        }
    }
    Ok(ours)
}

/// Holds a claimed letter longer. False: the claim ran out and somebody else has it.
pub fn renew(conn: &mut Conn, id: &str, until: NaiveDateTime, now: NaiveDateTime) -> Result<bool> {
    let held = diesel::update(
        outgoing_mail::table
            .find(id)
            .filter(outgoing_mail::state.eq(WAITING))
            .filter(outgoing_mail::claimed_until.ge(now)),
    )
    .set(outgoing_mail::claimed_until.eq(until))
    .execute(conn)?;
    Ok(held == 1)
}

/// The letter has gone. What waited only because the mail server could not be used is due at once.
pub fn sent(conn: &mut Conn, id: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(outgoing_mail::table.find(id))
        .set((
            outgoing_mail::state.eq(SENT),
            outgoing_mail::variables.eq("{}"),
            outgoing_mail::claimed_until.eq(None::<NaiveDateTime>),
            outgoing_mail::last_error.eq(None::<String>),
            outgoing_mail::finished_at.eq(now),
        ))
        .execute(conn)?;
    diesel::update(
        outgoing_mail::table
            .filter(outgoing_mail::state.eq(WAITING))
            .filter(outgoing_mail::unreachable.eq(true)),
    )
    .set((
        outgoing_mail::next_try_at.eq(now),
        outgoing_mail::unreachable.eq(false),
    ))
    .execute(conn)?;
    Ok(())
}

/// The letter is to be tried again.
pub fn again(
    conn: &mut Conn,
    id: &str,
    at: NaiveDateTime,
    unreachable: bool,
    tried: i32,
    error: &str,
) -> Result<()> {
    diesel::update(outgoing_mail::table.find(id))
        .set((
            outgoing_mail::next_try_at.eq(at),
            outgoing_mail::claimed_until.eq(None::<NaiveDateTime>),
            outgoing_mail::unreachable.eq(unreachable),
            outgoing_mail::attempts.eq(tried),
            outgoing_mail::last_error.eq(error),
        ))
        .execute(conn)?;
    Ok(())
}

/// The letter is given up.
pub fn failed(conn: &mut Conn, id: &str, tried: i32, error: &str, now: NaiveDateTime) -> Result<()> {
    diesel::update(outgoing_mail::table.find(id))
        .set((
            outgoing_mail::state.eq(FAILED),
            outgoing_mail::variables.eq("{}"),
            outgoing_mail::claimed_until.eq(None::<NaiveDateTime>),
            outgoing_mail::attempts.eq(tried),
            outgoing_mail::last_error.eq(error),
            outgoing_mail::finished_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// An organisation's letters, newest first, older than the one with the id `before`.
pub fn page(
    conn: &mut Conn,
    organization_id: &str,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<OutgoingMail>> {
    let mut query = outgoing_mail::table
        .filter(outgoing_mail::organization_id.eq(organization_id.to_owned()))
        .order(outgoing_mail::id.desc())
        .limit(limit)
        .select(OutgoingMail::as_select())
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(outgoing_mail::id.lt(before.to_owned()));
    }
    Ok(query.load(conn)?)
}

/// How many wait and how many failed since `since`.
pub fn state(conn: &mut Conn, since: NaiveDateTime) -> Result<QueueState> {
    let waiting = outgoing_mail::table
        .filter(outgoing_mail::state.eq(WAITING))
        .count()
        .get_result(conn)?;
    let failed = outgoing_mail::table
        .filter(outgoing_mail::state.eq(FAILED))
        .filter(outgoing_mail::finished_at.ge(since))
        .count()
        .get_result(conn)?;
    let last_error = outgoing_mail::table
        .filter(outgoing_mail::state.ne(SENT))
        .filter(
            outgoing_mail::finished_at
                .is_null()
                .or(outgoing_mail::finished_at.ge(since)),
        )
        .filter(outgoing_mail::last_error.is_not_null())
        .order(outgoing_mail::id.desc())
        .select(outgoing_mail::last_error)
        .first::<Option<String>>(conn)
        .optional()?
        .flatten();
    Ok(QueueState {
        waiting,
        failed,
        last_error,
    })
}

/// Forgets letters that went or were given up before `before`.
pub fn prune(conn: &mut Conn, before: NaiveDateTime) -> Result<()> {
    diesel::delete(outgoing_mail::table.filter(outgoing_mail::finished_at.lt(before))).execute(conn)?;
    Ok(())
}

impl OutgoingMail {
    /// As the mailer wants it. Errors: `Internal` for a template that this version does not know.
    pub fn draft(&self) -> Result<crate::mail::Draft> {
        Ok(crate::mail::Draft {
            id: self.id.clone(),
            to: self.recipient.clone(),
            template: Template::parse(&self.template)
                .ok_or_else(|| Error::internal(format!("unknown mail template {}", self.template)))?,
            variables: serde_json::from_str(&self.variables).map_err(Error::internal)?,
            created_at: self.created_at,
        })
    }
}
