//! Clean Custard: ask questions about databases and files in plain language, get an answer that can be
//! checked. One library holds everything; `main.rs` only starts it.
//!
//! # The house
//!
//! Floors from the ground up. A module imports from lower floors, or from a line above it on the same
//! floor; `server` and `agent` never know each other. `tests/it/layout.rs` keeps this map true.
//!
//! ```text
//! 0 error      what can go wrong, by what the caller can do about it
//! 0 id         typed ids and the clock
//! 0 config     defaults, file, environment, flags -> one validated Config
//! 0 rows       rows in motion: a schema and a stream of Arrow batches, and their writers
//! 0 catalog    what a source holds: tables, columns, keys, estimates
//! 0 protocol   the wire between server and agent
//! 1 seal       secrets at rest, sealed with the server's secret key
//! 1 storage    where uploaded files and results lie: a folder, S3, Cloudinary
//! 1 guard      is this query allowed; the re-serialised tree comes out
//! 1 ingest     files in: sniff, type, profile, write Parquet
//! 1 source     where queries run: files (DataFusion), PostgreSQL, MySQL, MongoDB, SQLite files
//! 1 translate  from a question to a query: by a model, or offline
//! 1 mail       letters: their words, mail servers, the outbox folder
//! 1 db         the server's own records, SQLite or PostgreSQL
//! 1 link       one socket, many requests: replies, credit, cancel
//! 2 ask        the pipeline from question to answer
//! 2 analyse    a closer look at the rows of an answer: trends, outliers, forecasts
//! 2 service    what the product does, without HTTP
//! 3 server     HTTP and WebSocket, and the embedded web UI
//! 3 agent      beside the customer's database: dial out, answer
//! 4 cli        the commands
//! ```

pub mod agent;
pub mod analyse;
pub mod ask;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod db;
pub mod error;
pub mod guard;
pub mod id;
pub mod ingest;
pub mod link;
pub mod mail;
pub mod protocol;
pub mod rows;
pub mod seal;
pub mod server;
pub mod service;
pub mod source;
pub mod storage;
pub mod translate;
