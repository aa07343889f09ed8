//! Wrong passwords, by account and by the network they came from. An account is named by a fingerprint: people
//! type all sorts of things into that field.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Conn;
use super::schema::login_attempts;
use crate::error::Result;

/// Name of the row that counts all networks together.
pub const ALL: &str = "";

/// What is known about one account at one network (or at all of them).
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = login_attempts)]
pub struct Attempts {
    pub account: String,
    pub network: String,
    /// Since the last success, or since a day without any.
    pub failures: i32,
    pub failed_at: Option<NaiveDateTime>,
    /// When somebody with the right password last came from this network.
    pub succeeded_at: Option<NaiveDateTime>,
    /// When the owner was last told by mail; of the row for all networks.
    pub told_at: Option<NaiveDateTime>,
}

/// The row of an account at a network, if there is one.
pub fn get(conn: &mut Conn, account: &str, network: &str) -> Result<Option<Attempts>> {
    Ok(login_attempts::table
        .find((account, network))
        .select(Attempts::as_select())
        .first(conn)
        .optional()?)
}

/// Counts a failure and returns how many there are now. The count begins anew after `forgotten`.
pub fn failed(
    conn: &mut Conn,
    account: &str,
    network: &str,
    now: NaiveDateTime,
    forgotten: NaiveDateTime,
) -> Result<Attempts> {
    ensure(conn, account, network)?;
    let row = login_attempts::table.find((account, network));
    diesel::update(row.filter(login_attempts::failed_at.lt(forgotten)))
        .set(login_attempts::failures.eq(0))
        .execute(conn)?;
    diesel::update(row)
        .set((
            login_attempts::failures.eq(login_attempts::failures + 1),
            login_attempts::failed_at.eq(now),
        ))
        .execute(conn)?;
    Ok(row.select(Attempts::as_select()).first(conn)?)
}

/// The right password came from this network.
pub fn succeeded(conn: &mut Conn, account: &str, network: &str, now: NaiveDateTime) -> Result<()> {
    ensure(conn, account, network)?;
    diesel::update(login_attempts::table.find((account, network)))
        .set((
            login_attempts::failures.eq(0),
            login_attempts::succeeded_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// Forgets the failures counted in a row.
pub fn forgive(conn: &mut Conn, account: &str, network: &str) -> Result<()> {
    diesel::update(login_attempts::table.find((account, network)))
        .set(login_attempts::failures.eq(0))
        .execute(conn)?;
    Ok(())
}

/// The owner is told now. False when another server just did.
pub fn told(conn: &mut Conn, account: &str, now: NaiveDateTime, not_since: NaiveDateTime) -> Result<bool> {
    let row = login_attempts::table.find((account, ALL));
    let changed = diesel::update(
        row.filter(
            login_attempts::told_at
                .is_null()
                .or(login_attempts::told_at.lt(not_since)),
        ),
    )
    .set(login_attempts::told_at.eq(now))
    .execute(conn)?;
    Ok(changed == 1)
}

/// Forgets failures before `failed` where nobody succeeded since `succeeded`.
pub fn prune(conn: &mut Conn, failed: NaiveDateTime, succeeded: NaiveDateTime) -> Result<()> {
    diesel::delete(
        login_attempts::table
            .filter(
                login_attempts::failed_at
                    .is_null()
                    .or(login_attempts::failed_at.lt(failed)),
            )
            .filter(
                login_attempts::succeeded_at
                    .is_null()
                    .or(login_attempts::succeeded_at.lt(succeeded)),
            ),
    )
    .execute(conn)?;
    Ok(())
}

/// Rows of networks from which nobody ever succeeded.
pub fn count_strangers(conn: &mut Conn) -> Result<i64> {
    Ok(login_attempts::table
        .filter(login_attempts::succeeded_at.is_null())
        .count()
        .get_result(conn)?)
}

/// There is such a row afterwards. Two servers may make it at once.
fn ensure(conn: &mut Conn, account: &str, network: &str) -> Result<()> {
    if get(conn, account, network)?.is_some() {
        return Ok(());
    }
    let row = Attempts {
        account: account.to_owned(),
        network: network.to_owned(),
        failures: 0,
        failed_at: None,
        succeeded_at: None,
        told_at: None,
    };
    let made = conn.transaction(|conn| {
        diesel::insert_into(login_attempts::table)
            .values(row)
            .execute(conn)
    });
    match made {
        Ok(_)
        | Err(diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::UniqueViolation, _)) => {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
