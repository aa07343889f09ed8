//! Ids (UUIDv7 as text, so they sort by age) and the clock, cut to what both stores keep.

use chrono::{DateTime, NaiveDateTime, SubsecRound, Utc};

/// A new id: 36 characters, sorts by creation time.
pub fn new() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Now in UTC, cut to microseconds: PostgreSQL keeps six digits, and a value read back must equal the one
/// written.
pub fn now() -> NaiveDateTime {
    Utc::now().naive_utc().trunc_subsecs(6)
}

/// ISO 8601 with `Z`, as the API shows a stored time.
pub fn iso(time: NaiveDateTime) -> String {
    DateTime::<Utc>::from_naive_utc_and_offset(time, Utc).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
