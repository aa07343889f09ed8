//! An error of the model's endpoint together with the step it broke at; the settings page shows the step.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::manner::Manner;
use crate::error::Error;

/// What has to work, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The endpoint can be reached.
    Connect,
    /// It takes the key.
    Auth,
    /// It has the model, and the model answers.
    Model,
    /// The answer is the JSON that was asked for.
    Json,
}

/// An error and where it stands.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) step: Step,
    pub(super) error: Error,
    pub(super) size: Size,
}

/// Whether a shorter prompt could help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Fits,
    TooLong,
}

impl Fault {
    pub(super) fn new(step: Step, error: Error) -> Fault {
        Fault {
            step,
            error,
            size: Size::Fits,
        }
    }

    /// The prompt was longer than the model's context.
    pub(super) fn too_long(error: Error) -> Fault {
        Fault {
            step: Step::Model,
            error,
            size: Size::TooLong,
        }
    }
}

/// Why one try brought no answer.
pub(super) enum Failed {
    /// Later it may pass; after this long, if the endpoint said so.
    Busy(Option<Duration>, Fault),
    /// The endpoint does not take part of the request.
    Refused(Manner),
    Final(Fault),
}
