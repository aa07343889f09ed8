//! Answers the server's requests from the database. The agent has the last word: the guard, the names and
//! the limits of its own policy hold whatever the server asks.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::audit::{self, AuditFile};
use super::database::Database;
use crate::error::{Error, Result};
use crate::guard;
use crate::link::answering::Answer;
use crate::link::ipc::Encoder;
use crate::protocol::{End, MAX_CATALOG, MAX_CHUNK, Query};
use crate::source::Limits;

/// Reads the schema and sends it as compressed JSON. `known` is what the server still knows of it.
pub async fn schema(answer: &Answer, known: Option<&str>, database: &Database) -> Result<End> {
    if let Some(known) = known {
        database.remember(known)?;
    }
    let catalog = database.read_catalog().await?;
    let packed = tokio::task::spawn_blocking(move || {
        let json = serde_json::to_vec(catalog.as_ref()).map_err(Error::internal)?;
        zstd::encode_all(json.as_slice(), 3).map_err(Error::internal)
    })
    .await
    .map_err(Error::internal)??;
    if packed.len() > MAX_CATALOG {
        return Err(Error::TooLarge(format!(
            "The schema is larger than {} MB compressed; give the agent's role access to fewer schemas.",
            MAX_CATALOG / 1024 / 1024
        )));
    }
    answer.send(&packed).await?;
    Ok(End::default())
}

/// Runs a query and streams its rows, within the smaller of the server's limits and the policy's; with an audit
/// file it is written down there, however it ends.
pub async fn query(
    answer: &Answer,
    id: u64,
    query: Query,
    database: &Database,
    audit: Option<(AuditFile, String)>,
) -> Result<End> {
    let started = Instant::now();
    let mut record = match &audit {
        Some((file, server)) => Some(file.begin(server, id, &query)?),
        None => None,
    };
    let policy = database.policy.limits();
    let time = Duration::from_millis(query.limits.time_ms.min(query.deadline_ms)).min(policy.max_time);
    let limits = Limits {
        rows: query.limits.rows.min(policy.max_rows),
        bytes: query.limits.bytes.min(policy.max_bytes),
        time_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        cost: policy.max_cost,
        estimated_rows: policy.max_estimated_rows,
    };
    let deadline = started + time;
    let result = timeout_at(deadline, run(answer, &query.query, &limits, database))
        .await
        .unwrap_or_else(|_| {
            Err(Error::Timeout(format!(
                "The query did not finish within {} s and was stopped.",
                limits.time_ms.div_ceil(1000)
            )))
        });
    if let Some(record) = &mut record {
        record.end(&result, answer.sent_bytes());
    }
    let asker = query.asker.as_deref().unwrap_or("-");
    // The question's id at the server, without its dashes.
    let trace = query.traceparent.as_deref().and_then(audit::trace);
    let trace = trace.as_deref().unwrap_or("-");
    let elapsed_ms = started.elapsed().as_millis();
    match &result {
        Ok(end) => tracing::info!(
            request = id,
            asker,
            trace,
            rows = end.rows,
            elapsed_ms,
            "query answered"
        ),
        Err(error) => tracing::info!(
            request = id,
            asker,
            trace,
            code = error.code(),
            elapsed_ms,
            "query not answered"
        ),
    }
    result
}

async fn run(answer: &Answer, query: &str, limits: &Limits, database: &Database) -> Result<End> {
    let source = database.source()?;
    let catalog = database.catalog().await?;
    let resolved = guard::check_under(&database.policy, query, &catalog, source.dialect())?;
    let mut rows = source.run(&resolved.text, limits).await?;
    let mut encoder = Encoder::new(&rows.schema)?;
    let mut bytes = encoder.take();
    let mut sent = 0_u64;
    loop {
        let batch = match rows.batches.next().now_or_never() {
            Some(batch) => batch,
            // Nothing more is here yet, so what is goes out: a small result is one frame, columns to end.
            None => {
                answer.send(&bytes).await?;
                bytes.clear();
                rows.batches.next().await
            }
        };
        let Some(batch) = batch else { break };
        for piece in encoder.pieces(&batch?)? {
            sent += piece.num_rows() as u64;
            encoder.encode_to(&piece, &mut bytes)?;
            if bytes.len() >= MAX_CHUNK {
                answer.send(&bytes).await?;
                bytes.clear();
            }
        }
    }
    encoder.end(&mut bytes)?;
    answer.send(&bytes).await?;
    Ok(End {
        rows: sent,
        truncated: rows.truncated.get(),
    })
}
