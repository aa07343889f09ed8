//! What the tests stand on: real servers in temp folders and a scripted model.

pub mod app;
pub mod beside;
pub mod conformance;
pub mod mail;
pub mod model;
pub mod mongo;
pub mod moto;
pub mod mysql;
pub mod network;
pub mod oidc;
pub mod people;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod smtp;
pub mod supervisor;
