//! Keeps one connection: dials, serves the socket, and dials again, for ever.

use std::sync::Arc;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::database::Database;
use super::dial::{Dialer, NoSocket, Target};
use super::{Setting, session};

/// Runs until `stop`.
pub async fn keep(dialer: Arc<Dialer>, target: Target, database: Arc<Database>, setting: Setting) {
    let stop = &setting.stop;
    let server = target.server.as_str();
    let mut backoff = Backoff::default();
    // What was last said about a failure: the same again goes only to the detailed log.
    let mut said = String::new();
    loop {
        let Some(dialled) = stop.run_until_cancelled(dialer.dial(&target)).await else {
            return;
        };
        let (what, pause) = match dialled {
            Ok(socket) => {
                said.clear();
                let since = Instant::now();
                let session::Outcome { ended, come_back } =
                    session::serve(socket, server, &database, &setting).await;
                if stop.is_cancelled() {
                    return;
                }
                backoff.held(since.elapsed());
                let pause = match come_back {
                    Some(within) => backoff.come_back(within),
                    None => backoff.pause(),
                };
                (format!("Disconnected from {server}: {ended}."), pause)
            }
            Err(NoSocket::Refused(why)) => (
                format!("{server} refused the connection: {why}."),
                backoff.slow_pause(),
            ),
            Err(NoSocket::Failed(why)) => (format!("Cannot reach {server}: {why}."), backoff.pause()),
        };
        if what == said {
            tracing::debug!("{what} Trying again in {:.1} s.", pause.as_secs_f32());
        } else {
            tracing::warn!(
                "{what} Trying again in {:.1} s, and on and on.",
                pause.as_secs_f32()
            );
            said = what;
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_none()
        {
            return;
        }
    }
}
