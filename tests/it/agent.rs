//! Tests: agent.
