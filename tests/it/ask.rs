//! Tests: ask.
