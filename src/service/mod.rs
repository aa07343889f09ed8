//! What the product does, without HTTP: each file one noun.

pub mod caches;

pub mod access;
pub mod accounts;
pub mod agents;
pub mod bus;
pub mod guessing;
pub mod limits;
pub mod mail;
pub mod status;

pub mod audit;
pub mod backup;
pub mod metrics;
pub mod preferences;
pub mod readiness;
pub mod relocate;
pub mod rotation;
pub mod traces;
pub mod trail;
pub mod usage;
pub mod vitals;

pub mod connections;
pub mod files;
pub mod results;
pub mod samples;

pub mod evaluations;
pub mod looks;
pub mod models;
pub mod organizations;
pub mod questions;
pub mod streams;
pub mod teaching;
pub mod translations;
mod under_way;
