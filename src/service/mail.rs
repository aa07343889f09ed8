//! The post: a worker that takes letters out of the queue and sends them, again and again until they have
//! gone or were given up. Letters are put into the queue by whoever changes something, in the same
//! transaction (`db::mail::enqueue`).

use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use serde_json::json;
use tokio::sync::Notify;

use crate::db::Db;
use crate::db::mail::{self as queue, OutgoingMail};
use crate::error::Result;
use crate::id;
use crate::mail::{Draft, Fault, MailTest, Mailer, Retry, Template};
use crate::service::accounts::Identity;

/// Between two looks into the queue; a look is one indexed read.
const LOOK: Duration = Duration::from_secs(1);

/// After a look that failed because of the store.
const PAUSE: Duration = Duration::from_secs(10);

/// Letters taken at once.
const ROUND: i64 = 20;

/// How long letters are held by the server that sends them, renewed before each. If the server dies, another
/// one (or its successor) takes over after this.
const LEASE: TimeDelta = TimeDelta::minutes(5);

/// Waits before the second, third… try, in minutes; then always the last.
const BACK_OFF: [i64; 9] = [1, 2, 5, 15, 30, 60, 120, 240, 360];

/// When a letter is given up: nobody wants an invitation after that.
const GIVE_UP: TimeDelta = TimeDelta::days(3);

/// How long finished letters are listed.
const KEEP: TimeDelta = TimeDelta::days(30);

/// Failures that count as recent, for the status page.
const RECENT: TimeDelta = TimeDelta::days(1);

/// The queue and the way out. Cheap to clone.
#[derive(Clone)]
pub struct Post {
    db: Db,
    mailer: Mailer,
    called: Arc<Notify>,
}

/// How mail is doing.
#[derive(Debug, Clone)]
pub struct PostStatus {
    /// `smtp` or `outbox`.
    pub kind: &'static str,
    /// Where it goes: host and port, or the folder.
    pub place: String,
    /// False while letters wait because of an error, or some were given up during the last day.
    pub ok: bool,
    pub queued: u64,
    pub failed: u64,
    pub last_error: Option<String>,
}

impl Post {
    pub fn new(db: Db, mailer: Mailer) -> Post {
        Post {
            db,
            mailer,
            called: Arc::new(Notify::new()),
        }
    }

    /// `smtp` or `outbox`.
    pub fn kind(&self) -> &'static str {
        self.mailer.kind()
    }

    /// Where letters go: host and port, or the folder.
    pub fn place(&self) -> String {
        self.mailer.place()
    }

    /// Says that a letter was just put into the queue; without it, it goes a moment later.
    pub fn call(&self) {
        self.called.notify_one();
    }

    /// Sends letters for as long as the server runs.
    pub async fn keep_sending(self) {
        loop {
            let pause = match self.send_due().await {
                Ok(()) => LOOK,
                Err(error) => {
                    tracing::error!(%error, "the mail queue cannot be worked on");
                    PAUSE
                }
            };
            // A timer of its own, so that a call during the round is not lost.
            let _ = tokio::time::timeout(pause, self.called.notified()).await;
        }
    }

    /// Sends what is due now.
    async fn send_due(&self) -> Result<()> {
        loop {
            // SQLite has one writer: looking must not take it away from others every second.
            if !self.db.read(|conn| queue::any_due(conn, id::now())).await? {
                return Ok(());
            }
            let letters = self
                .db
                .write(|conn| queue::claim(conn, id::now(), LEASE, ROUND))
                .await?;
            if letters.is_empty() {
                return Ok(());
            }
            self.send_all(letters).await?;
        }
    }

    async fn send_all(&self, letters: Vec<OutgoingMail>) -> Result<()> {
        let mut round = self.mailer.round();
        let mut letters = letters.into_iter();
        while let Some(letter) = letters.next() {
            let target = letter.id.clone();
            let held = self
                .db
                .write(move |conn| {
                    let now = id::now();
                    queue::renew(conn, &target, now + LEASE, now)
                })
                .await?;
            if !held {
                continue;
            }
            let outcome = match letter.draft() {
                Ok(draft) => round.send(draft).await,
                Err(error) => Err(Fault {
                    step: crate::mail::Step::Send,
                    message: error.to_string(),
                    retry: Retry::Never,
                }),
            };
            let unusable = matches!(&outcome, Err(fault) if fault.retry == Retry::WhenReachable);
            let next = self.note(letter, outcome).await?;
            if unusable {
                // The rest would fare no better: they wait as long, without it counting as their own try.
                let rest: Vec<OutgoingMail> = letters.collect();
                self.put_back(rest, next).await?;
                break;
            }
        }
        round.close().await;
        Ok(())
    }

    /// Writes down how it went; when the letter is tried again, if it is.
    async fn note(&self, letter: OutgoingMail, outcome: Result<(), Fault>) -> Result<NaiveDateTime> {
        let now = id::now();
        let tried = letter.attempts.saturating_add(1);
        let next = now + back_off(tried);
        match outcome {
            Ok(()) => {
                tracing::debug!(mail = %letter.id, template = %letter.template, "sent");
                self.db
                    .write(move |conn| queue::sent(conn, &letter.id, now))
                    .await?;
            }
            Err(fault) => {
                let final_refusal = fault.retry == Retry::Never;
                if final_refusal || now - letter.created_at > GIVE_UP {
                    tracing::error!(mail = %letter.id, template = %letter.template, error = %fault.message,
                        "a letter was given up");
                    self.db
                        .write(move |conn| queue::failed(conn, &letter.id, tried, &fault.message, now))
                        .await?;
                } else {
                    tracing::warn!(mail = %letter.id, template = %letter.template, error = %fault.message,
                        next = %id::iso(next), "a letter could not be sent and is tried again");
                    let unreachable = fault.retry == Retry::WhenReachable;
                    self.db
                        .write(move |conn| {
                            queue::again(conn, &letter.id, next, unreachable, tried, &fault.message)
                        })
                        .await?;
                }
            }
        }
        Ok(next)
    }

    async fn put_back(&self, letters: Vec<OutgoingMail>, next: NaiveDateTime) -> Result<()> {
        if letters.is_empty() {
            return Ok(());
        }
        self.db
            .write(move |conn| {
                for letter in letters {
                    let error = letter
                        .last_error
                        .as_deref()
                        .unwrap_or("The mail server could not be used.");
                    queue::again(conn, &letter.id, next, true, letter.attempts, error)?;
                }
                Ok(())
            })
            .await
    }

    /// Sends a test letter to oneself, at once and past the queue.
    pub async fn test(&self, who: &Identity) -> MailTest {
        self.mailer
            .test(Draft {
                id: id::new(),
                to: who.email.clone(),
                template: Template::Test,
                variables: json!({ "name": who.name }),
                created_at: id::now(),
            })
            .await
    }

    /// An organisation's letters, newest first, older than the one with the id `before`.
    pub async fn list(
        &self,
        organization_id: &str,
        before: Option<String>,
        limit: i64,
    ) -> Result<Vec<OutgoingMail>> {
        let organization_id = organization_id.to_owned();
        self.db
            .read(move |conn| queue::page(conn, &organization_id, before.as_deref(), limit))
            .await
    }

    /// How mail is doing. Errors: the store.
    pub async fn status(&self) -> Result<PostStatus> {
        let state = self
            .db
            .read(|conn| queue::state(conn, id::now() - RECENT))
            .await?;
        Ok(PostStatus {
            kind: self.mailer.kind(),
            place: self.mailer.place(),
            ok: state.failed == 0 && state.last_error.is_none(),
            queued: u64::try_from(state.waiting).unwrap_or_default(),
            failed: u64::try_from(state.failed).unwrap_or_default(),
            last_error: state.last_error,
        })
    }

    /// Forgets letters that are a month old.
    pub async fn prune(&self) -> Result<()> {
        self.db.write(|conn| queue::prune(conn, id::now() - KEEP)).await?;
        self.mailer.prune().await
    }
}

/// How long to wait after this many tries, with up to a fifth more so that letters do not all come at once.
fn back_off(tried: i32) -> TimeDelta {
    let index = usize::try_from(tried.saturating_sub(1)).unwrap_or_default();
    let minutes = BACK_OFF
        .get(index)
        .copied()
        .unwrap_or(BACK_OFF[BACK_OFF.len() - 1]);
    let spread = rand::random_range(0..=minutes * 60 / 5);
    TimeDelta::seconds(minutes * 60 + spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_a_minute_to_six_hours() {
        for (tried, least) in [(1, 60), (2, 120), (9, 21_600), (10, 21_600), (i32::MAX, 21_600)] {
            let wait = back_off(tried).num_seconds();
            assert!((least..=least * 6 / 5).contains(&wait), "{tried}: {wait}");
        }
    }
}
