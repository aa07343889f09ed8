//! From question to answer: one pipeline for every source.
