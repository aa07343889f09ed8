//! Tests: guard.
