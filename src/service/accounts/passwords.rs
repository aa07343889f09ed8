//! Passwords: argon2id, a few at a time.
//!
//! One hash takes 19 MiB and a core for some 20 ms. So only some run at once, a bounded number waits, and
//! whoever comes on top of that is told to come again: a storm of log-ins neither eats the memory nor delays
//! anything else. They run on threads of their own: an allocator keeps some of what a thread once used, and
//! on the threads that everybody shares that would become 19 MiB of each.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use argon2::{Argon2, PasswordVerifier};
use tokio::sync::{Semaphore, oneshot};

use crate::error::{Error, Result};

/// Those that run and those that wait, together.
const QUEUE: usize = 256;

type Job = Box<dyn FnOnce() + Send>;

/// Hashes and compares passwords. Cheap to clone; its threads end with the last clone.
#[derive(Clone)]
pub(super) struct Hasher {
    jobs: mpsc::Sender<Job>,
    queue: Arc<Semaphore>,
}

impl Hasher {
    pub(super) fn new() -> Hasher {
        // Half of the cores: requests that hash nothing have the others to themselves.
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let (jobs, waiting) = mpsc::channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..(cores / 2).clamp(1, 8) {
            let waiting = waiting.clone();
            let thread = std::thread::Builder::new().name(format!("password-{number}"));
            let started = thread.spawn(move || {
                loop {
                    let job = waiting.lock().expect("no panic while the lock is held").recv();
                    let Ok(job) = job else { return };
                    // Whoever waits for the outcome finds that there is none.
                    std::panic::catch_unwind(AssertUnwindSafe(job)).ok();
                }
            });
            if let Err(error) = started {
                tracing::error!(%error, "a thread for passwords could not be started");
            }
        }
        Hasher {
            jobs,
            queue: Arc::new(Semaphore::new(QUEUE)),
        }
    }

    /// A hash to store. Errors: `RateLimited`.
    pub(super) async fn hash(&self, password: String) -> Result<String> {
        self.heavy(move || {
            let hash = Argon2::default()
                .hash_password(password.as_bytes())
                .map_err(Error::internal)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password belongs to the hash. Without a hash (unknown address, or somebody who has no
    /// password) the answer is no, after the same work. Errors: `RateLimited`.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        self.heavy(move || {
            let Some(hash) = hash.filter(|hash| !hash.is_empty()) else {
                let _ = Argon2::default().hash_password(password.as_bytes());
                return Ok(false);
            };
            let parsed = argon2::password_hash::phc::PasswordHash::new(&hash).map_err(Error::internal)?;
            Ok(Argon2::default()
                .verify_password(password.as_bytes(), &parsed)
                .is_ok())
        })
        .await
    }

    async fn heavy<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let _place = self.queue.try_acquire().map_err(|_| busy())?;
        let (done, outcome) = oneshot::channel();
        let job = Box::new(move || {
            // Nobody waits any more when the request was given up: then the work is not begun.
            if !done.is_closed() {
                done.send(work()).ok();
            }
        });
        self.jobs.send(job).map_err(Error::internal)?;
        outcome.await.map_err(Error::internal)?
    }
}

fn busy() -> Error {
    Error::RateLimited {
        message: "Too many people are logging in at this moment. Try again in a few seconds.".into(),
        retry_after: Duration::from_secs(3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits_and_none_fits_no_hash() {
        let hasher = Hasher::new();
        let hash = hasher.hash("a long password".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        let right = hasher.verify("a long password".into(), Some(hash.clone())).await;
        assert!(right.unwrap());
        let wrong = hasher.verify("another password".into(), Some(hash)).await;
        assert!(!wrong.unwrap());
        assert!(!hasher.verify(String::new(), Some(String::new())).await.unwrap());
        assert!(!hasher.verify(String::new(), None).await.unwrap());
    }

    #[tokio::test]
    async fn beyond_the_queue_people_are_told_to_come_again() {
        let hasher = Hasher::new();
        let places: Vec<_> = (0..QUEUE).map(|_| hasher.queue.try_acquire().unwrap()).collect();
        let refused = hasher.hash("a long password".into()).await.unwrap_err();
        assert_eq!(refused.code(), "rate_limited");
        drop(places);
        assert!(hasher.hash("a long password".into()).await.is_ok());
    }
}
