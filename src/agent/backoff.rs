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
    /// The next pause: anywhere between the last longest one and twice that, within [`BACKOFF`].
    pub fn pause(&mut self) -> Duration {
        let shortest = BACKOFF
            .start
            .saturating_mul(1 << self.failures.min(16))
            .min(BACKOFF.end / 2);
        self.failures = self.failures.saturating_add(1);
        shortest.mul_f64(rand::rng().random_range(1.0..=2.0))
    }

    /// A pause for refusals that only a person can mend.
    pub fn slow_pause(&mut self) -> Duration {
        self.failures = 16;
        self.pause()
    }

    /// The server said when to come back: at any moment within this time, so that all its agents do not knock
    /// at once. No longer than the longest pause, whatever it says.
    pub fn come_back(&mut self, within: Duration) -> Duration {
        self.failures = 0;
        let within = within.clamp(BACKOFF.start, BACKOFF.end);
        within
            .mul_f64(rand::rng().random_range(0.0..=1.0))
            .max(BACKOFF.start)
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
        let first = BACKOFF.start..=BACKOFF.start * 2;
        assert!(first.contains(&backoff.pause()));
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
        assert!(first.contains(&backoff.pause()));
    }

    #[test]
    fn a_thousand_agents_do_not_come_back_at_once() {
        let mut pauses: Vec<Duration> = (0..1000).map(|_| Backoff::default().pause()).collect();
        pauses.sort();
        let busiest = pauses.windows(50).map(|some| some[49] - some[0]).min();
        assert!(
            busiest.is_some_and(|span| span > Duration::from_millis(5)),
            "{busiest:?}"
        );
        let told: Vec<Duration> = (0..1000)
            .map(|_| Backoff::default().come_back(Duration::from_secs(5)))
            .collect();
        assert!(told.iter().all(|pause| *pause <= Duration::from_secs(5)));
        assert!(told.iter().any(|pause| *pause > Duration::from_secs(3)));
        let forever = Backoff::default().come_back(Duration::MAX);
        assert!(
            forever <= BACKOFF.end,
            "a server cannot send agents away for good"
        );
    }
}
