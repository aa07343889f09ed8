//! The one integration test binary: through HTTP, sockets, the command line and real databases.

mod support;

mod accounts;
mod agent;
mod analysis;
mod ask;
mod caches;
mod cli;
mod config;
mod connections;
mod dialects;
mod export;
mod files;
mod functions;
mod fuzz;
mod guard;
mod ingest;
mod layout;
mod limits;
mod llm;
mod mail;
mod mongo;
mod mysql;
mod offline;
mod operations;
mod postgres;
mod readonly;
mod safety;
mod sqlite;
mod streams;
mod ui;
mod upload;
