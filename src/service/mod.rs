//! What the product does, without HTTP: each file one noun.

pub mod agents;
pub mod evaluate;
pub mod samples;
