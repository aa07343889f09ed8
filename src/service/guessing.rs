//! Somebody guesses a password: each further try has to wait longer, and the account's owner is told. It is
//! kept in the store, so that neither a restart nor a second server helps the guesser.
//!
//! Who is held up is the stranger, not the owner: a network from which the right password came before is
//! judged by its own failures only. An address without an account is treated alike, so nobody learns which
//! accounts exist.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::json;

use crate::db::login_attempts::{self as attempts, ALL, Attempts};
use crate::db::mail::{self, NewMail, Template};
use crate::db::users;
use crate::db::{Conn, Db};
use crate::error::{Error, Result};
use crate::id;
use crate::service::accounts::fingerprint;
use crate::service::limits::{in_words, network};

/// Mistakes that everybody may make without waiting.
const FREE: i32 = 5;

/// The longest wait.
const LONGEST: TimeDelta = TimeDelta::minutes(15);

/// Mistakes after which the owner is told.
const TELL: i32 = 10;

/// Mistakes are forgotten after so long without another one. The owner is told once in this time.
const FORGOTTEN: TimeDelta = TimeDelta::days(1);

/// How long a network from which somebody logged in counts as known.
const KNOWN: TimeDelta = TimeDelta::days(90);

/// Rows of strangers at most; beyond that older ones go sooner.
const STRANGERS: i64 = 100_000;

/// Keeps count of wrong passwords. Cheap to clone.
#[derive(Clone)]
pub struct Guessing {
    db: Db,
    public_url: Option<String>,
}

impl Guessing {
    /// `public_url` is what the letter to the owner links to.
    pub fn new(db: Db, public_url: Option<String>) -> Guessing {
        Guessing { db, public_url }
    }

    /// Whether a password for this account may be tried now; what is known about it at this network. Errors:
    /// `RateLimited` with the time to wait; the password is not even looked at then.
    async fn may_try(&self, email: &str, from: IpAddr) -> Result<Option<Attempts>> {
        let (account, from) = names(email, from);
        let (all, here) = self
            .db
            .read(move |conn| {
                Ok((
                    attempts::get(conn, &account, ALL)?,
                    attempts::get(conn, &account, &from)?,
                ))
            })
            .await?;
        let now = id::now();
        let judged = if is_known(here.as_ref(), now) {
            here.as_ref()
        } else {
            all.as_ref()
        };
        match judged.and_then(|row| remaining(row, now)) {
            None => Ok(here),
            Some(wait) => Err(Error::RateLimited {
                message: format!(
                    "There were too many wrong passwords for this account. Try again in {}, or ask for a new \
                     password.",
                    in_words(wait)
                ),
                retry_after: wait,
            }),
        }
    }

    /// Lets a log-in be tried, unless it has to wait, and takes note of how it went. Errors: `RateLimited`, and
    /// whatever the log-in's own are.
    pub async fn watch<T>(
        &self,
        email: &str,
        from: IpAddr,
        log_in: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let here = self.may_try(email, from).await?;
        let outcome = log_in.await;
        match &outcome {
            Ok(_) => {
                // Most log-ins: nothing to forgive, known since today.
                let now = id::now();
                let settled = here.is_some_and(|row| {
                    let recent = |at| now - at < TimeDelta::days(1);
                    row.failures == 0 && row.succeeded_at.is_some_and(recent)
                });
                if !settled {
                    let email = email.to_owned();
                    self.db.write(move |conn| right(conn, &email, from)).await?;
                }
            }
            Err(error) if matches!(error.code(), "unauthorized" | "totp_invalid") => {
                self.wrong(email, from).await?;
            }
            // A missing code or an unconfirmed address comes after the right password.
            Err(_) => {}
        }
        outcome
    }

    /// A wrong password or code came.
    async fn wrong(&self, email: &str, from: IpAddr) -> Result<()> {
        let (account, network) = names(email, from);
        let email = email.trim().to_lowercase();
        let link = self.public_url.clone();
        self.db
            .write(move |conn| {
                let now = id::now();
                let forgotten = now - FORGOTTEN;
                attempts::failed(conn, &account, &network, now, forgotten)?;
                let all = attempts::failed(conn, &account, ALL, now, forgotten)?;
                if all.failures < TELL {
                    return Ok(());
                }
                let Some((user, organization)) = users::by_email(conn, &email)? else {
                    return Ok(());
                };
                if !attempts::told(conn, &account, now, forgotten)? {
                    return Ok(());
                }
                let mut variables = json!({
                    "name": user.name, "attempts": all.failures, "ip": from.to_string(),
                });
                if let Some(link) = link {
                    variables["link"] = link.into();
                }
                mail::enqueue(
                    conn,
                    &NewMail {
                        organization_id: Some(organization.id),
                        to: user.email,
                        template: Template::SuspiciousLogin,
                        variables,
                    },
                )
            })
            .await
    }

    /// Forgets what is old.
    pub async fn prune(&self) -> Result<()> {
        self.db
            .write(|conn| {
                let now = id::now();
                attempts::prune(conn, now - FORGOTTEN, now - KNOWN)?;
                if attempts::count_strangers(conn)? > STRANGERS {
                    attempts::prune(conn, now - TimeDelta::hours(1), now - KNOWN)?;
                }
                Ok(())
            })
            .await
    }
}

/// The right password (and code) came.
fn right(conn: &mut Conn, email: &str, from: IpAddr) -> Result<()> {
    let (account, network) = names(email, from);
    let now = id::now();
    // Somebody who was not held up by the others' mistakes does not make up for them either.
    if !is_known(attempts::get(conn, &account, &network)?.as_ref(), now) {
        attempts::forgive(conn, &account, ALL)?;
    }
    attempts::succeeded(conn, &account, &network, now)
}

fn names(email: &str, from: IpAddr) -> (String, String) {
    (
        fingerprint(&email.trim().to_lowercase()),
        network(from).to_string(),
    )
}

fn is_known(here: Option<&Attempts>, now: NaiveDateTime) -> bool {
    here.and_then(|row| row.succeeded_at)
        .is_some_and(|at| now - at < KNOWN)
}

/// How long this row has its account wait, if at all.
fn remaining(row: &Attempts, now: NaiveDateTime) -> Option<Duration> {
    let failed_at = row.failed_at?;
    if row.failures <= FREE || now - failed_at > FORGOTTEN {
        return None;
    }
    let doublings = u32::try_from(row.failures - FREE).unwrap_or_default().min(20);
    let delay = TimeDelta::seconds(1 << doublings).min(LONGEST);
    (failed_at + delay - now)
        .to_std()
        .ok()
        .filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(failures: i32, seconds: i64) -> Option<u64> {
        let now = id::now();
        let row = Attempts {
            account: String::new(),
            network: String::new(),
            failures,
            failed_at: Some(now - TimeDelta::seconds(seconds)),
            succeeded_at: None,
            told_at: None,
        };
        remaining(&row, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn the_wait_grows_to_a_quarter_of_an_hour() {
        assert_eq!(after(5, 0), None);
        assert_eq!(after(6, 0), Some(2));
        assert_eq!(after(6, 2), None);
        assert_eq!(after(9, 0), Some(16));
        assert_eq!(after(15, 0), Some(900));
        assert_eq!(after(i32::MAX, 0), Some(900));
        assert_eq!(after(i32::MAX, 90_000), None);
    }
}
