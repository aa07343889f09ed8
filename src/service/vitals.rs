//! The last thing known of every part the server needs: whether it worked, and what it said when it did not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::id;

/// How long a part may take to answer before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of the parts. Cheap to clone.
#[derive(Clone, Default)]
pub struct Vitals {
    parts: Arc<Mutex<BTreeMap<&'static str, Vital>>>,
}

/// What is known of one part.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct Vital {
    /// Null while it was not tried.
    pub ok: Option<bool>,
    /// What it said when it last failed, even if it has worked since.
    pub last_error: Option<LastError>,
}

/// See [`Vital::last_error`].
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct LastError {
    pub message: String,
    pub at: String,
}

impl Vitals {
    /// A part worked.
    pub fn good(&self, part: &'static str) {
        self.lock().entry(part).or_default().ok = Some(true);
    }

    /// A part failed.
    pub fn bad(&self, part: &'static str, error: &Error) {
        let message = match error {
            // Ours, perhaps with names of hosts; whoever may see the status may see them.
            Error::Internal(message) => message.clone(),
            other => other.to_string(),
        };
        let vital = Vital {
            ok: Some(false),
            last_error: Some(LastError {
                message,
                at: id::iso(id::now()),
            }),
        };
        self.lock().insert(part, vital);
    }

    /// Tries a part, for [`PATIENCE`] at most. Errors: the part's own, or `Timeout`.
    pub async fn attempt(&self, part: &'static str, attempt: impl Future<Output = Result<()>>) -> Result<()> {
        let outcome = tokio::time::timeout(PATIENCE, attempt).await.unwrap_or_else(|_| {
            Err(Error::Timeout(format!(
                "The {part} did not answer within {} s.",
                PATIENCE.as_secs()
            )))
        });
        match &outcome {
            Ok(()) => self.good(part),
            Err(error) => self.bad(part, error),
        }
        outcome
    }

    /// What is known of a part.
    pub fn of(&self, part: &'static str) -> Vital {
        self.lock().get(part).cloned().unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Vital>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
