//! The parent's side of an import: starts the worker with little memory, little time and no secrets, and
//! turns whatever happens to it into a sentence.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::ImportLimits;
use super::worker::{Job, Reply};
use crate::error::{Error, Result};

/// Bytes of a reply at most: a worker gone wild must not fill the parent.
const MAX_REPLY: u64 = 64 * 1024 * 1024;

/// Bytes of the worker's own words that are kept for the log.
const MAX_STDERR: u64 = 8 * 1024;

static BINARY: OnceLock<PathBuf> = OnceLock::new();

/// Names the program that is started as `PROGRAM worker`. For tests and tools whose own executable is not the
/// product; without it the running executable is started again. The first call counts.
pub fn set_worker_binary(path: impl Into<PathBuf>) {
    let _ = BINARY.set(path.into());
}

fn binary() -> Result<PathBuf> {
    match BINARY.get() {
        Some(path) => Ok(path.clone()),
        None => Ok(std::env::current_exe()?),
    }
}

/// What of the environment the worker gets: nothing secret.
fn environment() -> Vec<(OsString, OsString)> {
    let mut kept: Vec<(OsString, OsString)> = ["PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH"]
        .into_iter()
        .filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)))
        .collect();
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    kept.push(("POLARS_MAX_THREADS".into(), cores.to_string().into()));
    kept
}

/// Runs one job in a child. Dropping the future kills the child.
pub(super) async fn run(job: &Job, limits: &ImportLimits) -> Result<Reply> {
    let mut command = Command::new(binary()?);
    command
        .arg("worker")
        .env_clear()
        .envs(environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|error| Error::Internal(format!("the import worker did not start: {error}")))?;
    limit(child.id(), limits.memory_bytes)?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(Error::Internal("the import worker has no pipes".into()));
    };
    let job = serde_json::to_vec(job).map_err(Error::internal)?;
    let conversation = async {
        // The worker may have died before it read its job; its status says more than the broken pipe.
        match stdin.write_all(&job).await {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(Error::from(error)),
            _ => drop(stdin),
        }
        let mut reply = Vec::new();
        let mut words = Vec::new();
        let (mut stdout, mut stderr) = (stdout.take(MAX_REPLY), stderr.take(MAX_STDERR));
        let (read, _) = tokio::join!(stdout.read_to_end(&mut reply), stderr.read_to_end(&mut words));
        read?;
        Ok((reply, words, child.wait().await?))
    };
    let (reply, words, status) = match tokio::time::timeout(limits.time, conversation).await {
        Ok(result) => result?,
        Err(_) => {
            return Err(Error::Timeout(format!(
                "Reading this file took longer than {} seconds and was stopped; split it, or raise the time an import may take.",
                limits.time.as_secs()
            )));
        }
    };
    if status.success()
        && let Ok(reply) = serde_json::from_slice::<Reply>(&reply)
    {
        return reply.into_result();
    }
    Err(death(status, &String::from_utf8_lossy(&words), limits))
}

/// Gives the child its limits before it has read its job (it waits for it). The limit is on data, not on
/// address space: threads and mapped files reserve far more addresses than they use.
fn limit(child: Option<u32>, memory_bytes: u64) -> Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let Some(pid) = child.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) else {
        return Ok(());
    };
    let bounded = |bytes: u64| Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    for (resource, bytes) in [(Resource::Data, memory_bytes), (Resource::Core, 0)] {
        match prlimit(Some(pid), resource, bounded(bytes)) {
            // A child that is already gone tells why by its status.
            Ok(_) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(Error::Internal(format!("the import worker's limits: {error}"))),
        }
    }
    Ok(())
}

/// The sentence for a worker that died.
fn death(status: std::process::ExitStatus, words: &str, limits: &ImportLimits) -> Error {
    use std::os::unix::process::ExitStatusExt;
    const ABORTED: i32 = 6;
    const KILLED: i32 = 9;
    let out_of_memory = words.contains("memory allocation of")
        || words.contains("Cannot allocate memory")
        || words.contains("out of memory")
        || words.contains("failed to spawn thread");
    tracing::warn!(status = %status, words = words.trim(), "an import worker died");
    if out_of_memory
        || (status.signal() == Some(KILLED))
        || (status.signal() == Some(ABORTED) && words.is_empty())
    {
        return Error::TooLarge(format!(
            "Reading this file needs more than the {} MB of memory an import may take; split it, or raise that limit.",
            limits.memory_bytes / 1024 / 1024
        ));
    }
    Error::Invalid(
        "This file could not be read: the reader stopped on it. It may be damaged; open it in the program it came from and save it again."
            .to_owned(),
    )
}
