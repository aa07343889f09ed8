//! How often: by network address and by account, for each class of requests. Counted in the memory of this
//! server, in tables that cannot grow; two servers allow twice as much.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::future::Cache;

use crate::config::LimitsConfig;
use crate::error::{Error, Result};

/// Addresses and accounts remembered for one class. Beyond that the least used are forgotten, so somebody with
/// a million addresses fills no memory; what holds him up then is the limit of the account he is after.
const REMEMBERED: u64 = 20_000;

/// What a request counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Passwords, codes and single-use links. Never switched off.
    LogIn,
    /// Accounts made and letters asked for.
    SignUp,
    /// Invitations sent.
    Invitation,
    Ask,
    Upload,
    /// Any request, beside its own class.
    Everything,
}

/// Whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose<'a> {
    /// An address; IPv6 by its /64, which is what one customer gets.
    Address(IpAddr),
    /// An account's id.
    Account(&'a str),
    /// Where nobody is logged in yet: an e-mail address, however it is written.
    Email(&'a str),
}

/// The counters. Cheap to clone.
#[derive(Clone)]
pub struct Limits {
    classes: Arc<[Option<Counter>; 6]>,
    clock: DefaultClock,
    hasher: RandomState,
    address_factor: u32,
}

struct Counter {
    most: NonZeroU32,
    period: Duration,
    /// By a keyed hash of whose it is: nobody can choose two that collide.
    known: Cache<u64, Arc<DefaultDirectRateLimiter>>,
}

impl Class {
    /// What it is called in a sentence.
    fn noun(self) -> &'static str {
        match self {
            Class::LogIn => "log-ins",
            Class::SignUp => "sign-ups or letters",
            Class::Invitation => "invitations",
            Class::Ask => "questions",
            Class::Upload => "uploads",
            Class::Everything => "requests",
        }
    }
}

impl Limits {
    pub fn new(config: &LimitsConfig) -> Limits {
        const MINUTE: Duration = Duration::from_secs(60);
        const HOUR: Duration = Duration::from_secs(60 * 60);
        let counter = |most: u32, period: Duration| {
            NonZeroU32::new(most).map(|most| Counter {
                most,
                period,
                known: Cache::builder()
                    .max_capacity(REMEMBERED)
                    // After a whole period of silence a counter is full again, as a new one is.
                    .time_to_idle(period)
                    .build(),
            })
        };
        Limits {
            classes: Arc::new([
                counter(config.log_in_per_minute.max(1), MINUTE),
                counter(config.sign_up_per_hour, HOUR),
                counter(config.invitations_per_hour, HOUR),
                counter(config.ask_per_minute, MINUTE),
                counter(config.upload_per_minute, MINUTE),
                counter(config.everything_per_minute, MINUTE),
            ]),
            clock: DefaultClock::default(),
            hasher: RandomState::new(),
            address_factor: config.address_factor.max(1),
        }
    }

    /// Counts a request. Errors: `RateLimited` when it is one too many; it does not count then.
    pub async fn check(&self, class: Class, whose: Whose<'_>) -> Result<()> {
        let Some(counter) = &self.classes[class as usize] else {
            return Ok(());
        };
        let (key, most) = match whose {
            Whose::Address(address) => (
                self.hasher.hash_one(Whose::Address(network(address))),
                counter
                    .most
                    .saturating_mul(NonZeroU32::new(self.address_factor).unwrap_or(NonZeroU32::MIN)),
            ),
            Whose::Account(_) => (self.hasher.hash_one(whose), counter.most),
            Whose::Email(email) => {
                let email = email.trim().to_lowercase();
                (self.hasher.hash_one(Whose::Email(&email)), counter.most)
            }
        };
        let limiter = counter
            .known
            .get_with(key, async {
                // All of them at once if need be, then refilled evenly.
                let one_per = counter.period / most.get();
                let quota = Quota::with_period(one_per)
                    .unwrap_or(Quota::per_second(most))
                    .allow_burst(most);
                Arc::new(RateLimiter::direct_with_clock(quota, self.clock.clone()))
            })
            .await;
        limiter.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            let period = if counter.period.as_secs() == 60 {
                "a minute"
            } else {
                "an hour"
            };
            Error::RateLimited {
                message: format!(
                    "That was too often: at most {most} {} {period}. Try again in {}.",
                    class.noun(),
                    in_words(wait)
                ),
                retry_after: wait,
            }
        })
    }
}

/// The part of an address that one customer of a provider gets.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Rounded up, at least one: who waits that long is not sent away again.
pub fn whole_seconds(time: Duration) -> u64 {
    let part = u64::from(time.subsec_nanos() > 0);
    (time.as_secs() + part).max(1)
}

/// `3 s`, `2 min`.
pub fn in_words(time: Duration) -> String {
    match whole_seconds(time) {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(change: impl FnOnce(&mut LimitsConfig)) -> Limits {
        let mut config = LimitsConfig::default();
        change(&mut config);
        Limits::new(&config)
    }

    async fn passes(limits: &Limits, class: Class, whose: Whose<'_>, tries: usize) -> usize {
        let mut passed = 0;
        for _ in 0..tries {
            passed += usize::from(limits.check(class, whose).await.is_ok());
        }
        passed
    }

    #[tokio::test]
    async fn each_account_and_each_address_has_its_own_share() {
        let limits = limits(|config| {
            config.sign_up_per_hour = 3;
            config.address_factor = 2;
        });
        let (one, two) = (Whose::Account("a"), Whose::Account("b"));
        assert_eq!(passes(&limits, Class::SignUp, one, 9).await, 3);
        assert_eq!(passes(&limits, Class::SignUp, two, 9).await, 3);
        assert_eq!(passes(&limits, Class::Ask, one, 9).await, 9);
        let (written, otherwise) = (Whose::Email("a@example.com"), Whose::Email(" A@Example.com"));
        assert_eq!(passes(&limits, Class::SignUp, written, 2).await, 2);
        assert_eq!(passes(&limits, Class::SignUp, otherwise, 2).await, 1);
        let address = Whose::Address("192.0.2.1".parse().unwrap());
        assert_eq!(passes(&limits, Class::SignUp, address, 9).await, 6);
        let refused = limits.check(Class::SignUp, one).await.unwrap_err();
        let Error::RateLimited { message, retry_after } = refused else {
            panic!("{refused}")
        };
        assert!(message.contains("at most 3 sign-ups"), "{message}");
        assert!(retry_after <= Duration::from_secs(20 * 60) && retry_after > Duration::ZERO);
    }

    #[tokio::test]
    async fn a_class_can_be_switched_off_but_log_ins_never() {
        let limits = limits(|config| {
            config.ask_per_minute = 0;
            config.log_in_per_minute = 0;
        });
        assert_eq!(
            passes(&limits, Class::Ask, Whose::Account("a"), 5_000).await,
            5_000
        );
        assert!(passes(&limits, Class::LogIn, Whose::Account("a"), 5).await < 5);
    }

    #[tokio::test]
    async fn one_customer_of_an_ipv6_provider_is_one() {
        let limits = limits(|config| {
            config.sign_up_per_hour = 1;
            config.address_factor = 1;
        });
        let mut passed = 0;
        for host in 1..50_u128 {
            let address = Ipv6Addr::from_bits(0x2001_0db8_0000_0001_0000_0000_0000_0000 | host);
            let whose = Whose::Address(address.into());
            passed += usize::from(limits.check(Class::SignUp, whose).await.is_ok());
        }
        assert_eq!(passed, 1);
        let neighbour = Whose::Address("2001:db8:0:2::1".parse().unwrap());
        assert!(limits.check(Class::SignUp, neighbour).await.is_ok());
    }

    #[tokio::test]
    async fn a_flood_of_addresses_fills_no_memory() {
        let limits = limits(|_| {});
        for host in 0..60_000_u32 {
            let _ = limits
                .check(Class::Everything, Whose::Address(IpAddr::V4(host.into())))
                .await;
        }
        let Some(counter) = &limits.classes[Class::Everything as usize] else {
            panic!("counted")
        };
        counter.known.run_pending_tasks().await;
        assert!(counter.known.entry_count() <= REMEMBERED);
    }
}
