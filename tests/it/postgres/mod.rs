//! The PostgreSQL source against a real server.

mod catalog;
mod connections;
mod faults;
mod layers;
mod limits;
mod pooler;
mod tls;
mod traps;
mod types;
mod values;

use std::sync::Arc;

use clean_custard::error::Error;
use clean_custard::rows::columns;
use clean_custard::source::{Limits, Source, connect};
use serde_json::Value;

use crate::support::conformance::{SCRIPT, conformance, values};
use crate::support::postgres::database;

fn source(url: &str) -> Arc<dyn Source> {
    connect(url).expect("a URL of the test server")
}

async fn query(source: &dyn Source, text: &str) -> Result<Vec<Vec<Value>>, Error> {
    values(source.run(text, &Limits::default()).await?).await
}

/// Columns as `name type`, and the rows.
async fn full(source: &dyn Source, text: &str) -> (Vec<String>, Vec<Vec<Value>>) {
    let rows = source.run(text, &Limits::default()).await.expect("it runs");
    let names = columns(&rows.schema)
        .into_iter()
        .map(|column| format!("{} {}", column.name, column.type_name))
        .collect();
    (names, values(rows).await.expect("rows"))
}

#[tokio::test]
async fn it_conforms() {
    let database = database(SCRIPT);
    conformance(source(&database.url())).await;
}
