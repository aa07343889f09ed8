//! The agent: beside the customer's database it dials out to the server and answers its queries, read-only.
//! It never imports `server`, `db` or `translate`.

use crate::config::AgentConfig;
use crate::error::{Error, Result};

/// Runs until told to stop; reconnects forever.
pub async fn run(config: AgentConfig) -> Result<()> {
    let _ = config;
    Err(Error::Internal("agent".into()))
}
