//! The agent's own record of every query that a server asked, as JSON lines: for whoever owns the database,
//! and whatever the server writes down.
//!
//! The file is opened anew for every line, so that it may be moved away at any time (logrotate needs neither a
//! signal nor `copytruncate`). A query whose line could not be written is not run.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::protocol::{End, Query, sentence};

/// The file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AuditFile {
    path: Arc<PathBuf>,
}

/// One query under way. Its line is written when this is dropped, however the query ended.
pub struct Record {
    file: AuditFile,
    began: Instant,
    line: Line,
}

#[derive(Serialize)]
struct Line {
    at: String,
    server: String,
    request: u64,
    /// The user's id at the server.
    asker: Option<String>,
    /// Names the same question in the server's log and traces.
    trace: Option<String>,
    query: String,
    /// `answered`, `refused`, `cancelled` or `failed`.
    outcome: &'static str,
    /// The code and words of what went wrong; for `refused`, which rule it was against.
    error: Option<String>,
    message: Option<String>,
    rows: u64,
    truncated: bool,
    /// As sent.
    bytes: u64,
    elapsed_ms: u64,
}

impl AuditFile {
    pub fn new(path: PathBuf) -> AuditFile {
        AuditFile { path: Arc::new(path) }
    }

    /// Begins the record of a query. Errors: `Internal`-free sentence when the file cannot be written; the
    /// query must not run then.
    pub fn begin(&self, server: &str, request: u64, query: &Query) -> Result<Record> {
        self.open().map_err(|error| {
            tracing::error!(path = %self.path.display(), %error, "the audit file cannot be written; queries are refused");
            Error::Refused(
                "The agent cannot write its audit file, and answers nothing without. Whoever runs the agent finds the \
                 reason in its log."
                    .into(),
            )
        })?;
        Ok(Record {
            file: self.clone(),
            began: Instant::now(),
            line: Line {
                at: crate::id::iso(crate::id::now()),
                server: server.to_owned(),
                request,
                asker: query.asker.as_deref().map(sentence),
                trace: query.traceparent.as_deref().and_then(trace),
                query: query.query.clone(),
                outcome: "cancelled",
                error: None,
                message: None,
                rows: 0,
                truncated: false,
                bytes: 0,
                elapsed_ms: 0,
            },
        })
    }

    fn open(&self) -> std::io::Result<File> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(self.path.as_path())
    }

    fn write(&self, line: &Line) -> std::io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        // One write of a file that is only added to: lines of several queries never mix.
        self.open()?.write_all(&text)
    }
}

impl Record {
    /// How the query ended, and the bytes that were sent for it.
    pub fn end(&mut self, result: &Result<End>, bytes: u64) {
        self.line.bytes = bytes;
        match result {
            Ok(end) => {
                self.line.outcome = "answered";
                self.line.rows = end.rows;
                self.line.truncated = end.truncated;
            }
            Err(error) => {
                self.line.outcome = match error {
                    Error::Refused(_) => "refused",
                    Error::Cancelled => "cancelled",
                    _ => "failed",
                };
                self.line.error = Some(error.code().to_owned());
                self.line.message = Some(error.to_string());
            }
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.line.elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Err(error) = self.file.write(&self.line) {
            tracing::error!(path = %self.file.path.display(), %error, request = self.line.request,
                "a query could not be written into the audit file");
        }
    }
}

/// The trace's id of a W3C `traceparent`.
pub fn trace(traceparent: &str) -> Option<String> {
    let id = traceparent.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}
