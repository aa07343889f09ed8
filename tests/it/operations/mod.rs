//! Operations: the audit log, backups, storage, several servers, health, traces, upgrades.

mod agent_audit;
mod audit;
mod backups;
mod cloudinary;
mod health;
mod rotation;
mod s3;
mod traces;
mod two_servers;
mod upgrades;

use std::path::Path;
use std::process::{Output, Stdio};

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::app::Caller;

/// Runs the program; nothing of the developer's environment reaches it.
async fn program(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_clean-custard"));
    for name in ["DATABASE_URL", "SECRET_KEY", "OPENAI_API_KEY", "CLOUDINARY_URL"] {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the program runs")
}

/// Runs it and expects success; what it printed.
async fn ok(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = program(arguments, variables).await;
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}\n{err}");
    out
}

/// Runs it and expects a refusal; what it said.
async fn refused(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = program(arguments, variables).await;
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!output.status.success(), "{arguments:?}: {out}\n{err}");
    assert!(!err.contains("panicked"), "{err}");
    err
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Uploads a small table; the file's id.
async fn upload_sales(caller: &Caller, name: &str) -> String {
    let (status, uploaded) = caller
        .upload(&[(name, b"city,amount\nBerlin,10.50\nRome,20.25\nBerlin,5.25\n")])
        .await;
    assert_eq!(status, StatusCode::CREATED, "{uploaded}");
    uploaded["files"][0]["id"].as_str().unwrap().to_owned()
}

/// Asks for a sum that the table of [`upload_sales`] answers.
async fn total(caller: &Caller) -> Value {
    let answer = caller.ask("total amount").await;
    assert_eq!(answer["outcome"], "answered", "{answer}");
    answer
}

/// Counts the rows of a file's table, through the engine.
async fn count(caller: &Caller, file: &str) -> Value {
    let (_, one) = caller.get(&format!("/api/v1/files/{file}")).await;
    let table = one["tables"][0]["name"].as_str().unwrap();
    let body =
        serde_json::json!({ "query": format!("SELECT count(*) AS n FROM {table}"), "file_ids": [file] });
    let (_, answer) = caller.post("/api/v1/query/run", &body).await;
    assert_eq!(answer["outcome"], "answered", "{answer}");
    answer["rows"][0][0].clone()
}
