//! What the product does, without HTTP: each file one noun.

pub mod accounts;
pub mod agents;
pub mod connections;
pub mod files;
pub mod questions;
pub mod results;
pub mod status;
