//! Questions under way: who asked what, who may see it, and how to stop it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::accounts::{Identity, Role};
use super::agents::RunningQuery;

/// Questions under way, by id. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct UnderWay {
    all: Arc<Mutex<HashMap<String, Question>>>,
    stopping: Arc<AtomicBool>,
}

/// One question.
struct Question {
    organization_id: String,
    user_id: String,
    user_name: String,
    question: String,
    cancel: CancellationToken,
}

/// A question whose query runs at an agent right now.
#[derive(Debug, Clone)]
pub struct RunningQuestion {
    /// Of the question; cancelling takes it.
    pub id: String,
    pub question: String,
    /// The name of whoever asked.
    pub asked_by: String,
    /// Whether this is the viewer's own.
    pub own: bool,
    pub running: RunningQuery,
}

impl Question {
    /// One's own; for an admin everybody's of the organisation.
    fn is_open_to(&self, who: &Identity) -> bool {
        self.user_id == who.user_id
            || (self.organization_id == who.organization_id && who.role >= Role::Admin)
    }
}

impl UnderWay {
    pub(super) fn add(
        &self,
        id: &str,
        who: &Identity,
        question: &str,
        cancel: CancellationToken,
    ) -> UnderWayGuard {
        let entry = Question {
            organization_id: who.organization_id.clone(),
            user_id: who.user_id.clone(),
            user_name: who.name.clone(),
            question: question.to_owned(),
            cancel,
        };
        self.lock().insert(id.to_owned(), entry);
        UnderWayGuard {
            all: self.clone(),
            id: id.to_owned(),
        }
    }

    /// The same for somebody at another server.
    pub(super) fn cancel_for(&self, id: &str, user_id: &str, organization_id: &str, role: Role) -> bool {
        match self.lock().get(id) {
            Some(question)
                if question.user_id == user_id
                    || (question.organization_id == organization_id && role >= Role::Admin) =>
            {
                question.cancel.cancel();
                true
            }
            _ => false,
        }
    }

    /// Stops a question, if this person may. False when there is none for them.
    pub(super) fn cancel(&self, id: &str, who: &Identity) -> bool {
        match self.lock().get(id) {
            Some(question) if question.is_open_to(who) => {
                question.cancel.cancel();
                true
            }
            _ => false,
        }
    }

    /// Stops every question of somebody.
    pub(super) fn cancel_all_of(&self, user_id: &str) {
        for question in self.lock().values() {
            if question.user_id == user_id {
                question.cancel.cancel();
            }
        }
    }

    /// Of the queries that run, those whose questions this person may see.
    pub(super) fn known(&self, running: Vec<RunningQuery>, who: &Identity) -> Vec<RunningQuestion> {
        let all = self.lock();
        running
            .into_iter()
            .filter_map(|running| {
                let id = running.caller.question.clone()?;
                let question = all.get(&id).filter(|question| question.is_open_to(who))?;
                Some(RunningQuestion {
                    id,
                    question: question.question.clone(),
                    asked_by: question.user_name.clone(),
                    own: question.user_id == who.user_id,
                    running,
                })
            })
            .collect()
    }

    /// Whether the server is stopping: nothing new begins.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// From now on nothing new begins.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Stops every question.
    pub(super) fn cancel_all(&self) {
        for question in self.lock().values() {
            question.cancel.cancel();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Question>> {
        // A map of tokens cannot be left half-changed by a panic.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the question out of [`UnderWay`] when it ends, however it ends.
pub(super) struct UnderWayGuard {
    all: UnderWay,
    id: String,
}

impl Drop for UnderWayGuard {
    fn drop(&mut self) {
        self.all.lock().remove(&self.id);
    }
}
