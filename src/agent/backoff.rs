//! How long to wait before dialling again: doubling, jittered so that a thousand agents do not come back in
//! the same second, and starting over once a connection has held.

use std::time::Duration;

use rand::Rng;

use crate::protocol::{BACKOFF, HELD_AFTER};

/// The pauses of one connection.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let longest = BACKOFF
            .start
            .saturating_mul(1 << self.failures.min(16))
            .min(BACKOFF.end);
        self.failures = self.failures.saturating_add(1);
        let jitter = rand::rng().random_range(0.5..=1.0);
        longest.mul_f64(jitter).max(BACKOFF.start)
    }

    /// A pause for refusals that only a person can mend.
    pub fn slow_pause(&mut self) -> Duration {
        self.failures = 16;
        self.pause()
    }

    /// A connection ended after this long.
    pub fn held(&mut self, time: Duration) {
        if time >= HELD_AFTER {
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_bounds_and_start_over() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.pause(), BACKOFF.start);
        let mut last = Duration::ZERO;
        for _ in 0..40 {
            last = backoff.pause();
            assert!((BACKOFF.start..=BACKOFF.end).contains(&last));
        }
        assert!(last >= BACKOFF.end / 2);
        backoff.held(Duration::from_secs(1));
        assert!(
            backoff.pause() >= BACKOFF.end / 2,
            "a short connection is no success"
        );
        backoff.held(HELD_AFTER);
        assert_eq!(backoff.pause(), BACKOFF.start);
    }
}
