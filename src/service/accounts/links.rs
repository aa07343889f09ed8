//! Random secrets and the single-use links that carry them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{NaiveDateTime, TimeDelta};
use rand::RngCore;
use sha2::{Digest, Sha256};

use crate::error::{AccountFault, Error};

/// How long a link to confirm an address is good.
pub(super) const VERIFY_FOR: Lifetime = Lifetime(TimeDelta::hours(24), "24 hours");
/// How long a link to a new password is good.
pub(super) const RESET_FOR: Lifetime = Lifetime(TimeDelta::hours(1), "1 hour");
/// How long an invitation is good.
pub(super) const INVITATION_FOR: Lifetime = Lifetime(TimeDelta::days(7), "7 days");

/// Letters with links that one address gets in an hour, however often somebody asks.
pub(super) const LETTERS_AN_HOUR: i64 = 5;

/// How long a link is good, and how a letter says so.
pub(super) struct Lifetime(TimeDelta, &'static str);

impl Lifetime {
    pub(super) fn from(&self, now: NaiveDateTime) -> NaiveDateTime {
        now + self.0
    }

    pub(super) fn words(&self) -> &'static str {
        self.1
    }
}

/// A secret that goes out in a link, and its hash that stays.
pub(super) struct Secret {
    pub token: String,
    pub hash: String,
}

impl Secret {
    pub(super) fn new() -> Secret {
        let token = random_token();
        Secret {
            hash: fingerprint(&token),
            token,
        }
    }

    /// The link to one of the UI's pages; `base` is the server's own address without a slash at its end.
    pub(super) fn link(&self, base: &str, page: &str) -> String {
        format!("{base}/{page}?token={}", self.token)
    }
}

/// A random secret of 256 bits, safe in URLs and headers.
pub fn random_token() -> String {
    let mut bytes = [0u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256 in hex: how random secrets are stored. (Passwords are not random and take argon2.)
pub fn fingerprint(secret: &str) -> String {
    let digest = Sha256::digest(secret.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The link is of no use, whyever: unknown, used and expired are told apart to nobody.
pub(super) fn dead_link() -> Error {
    Error::account(
        AccountFault::TokenInvalid,
        "This link was used already or has expired. Ask for a new one.",
    )
}
