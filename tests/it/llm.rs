//! Tests: llm.
