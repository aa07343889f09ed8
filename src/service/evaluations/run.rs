//! One evaluation on its way: asks one question after the other, scores the answer, writes down what came of it. It
//! keeps no rows and adds to no conversation.

use std::time::{Duration, Instant};

use chrono::Utc;
use tokio_util::sync::CancellationToken;

use super::score::{Score, quiet, score};
use super::set::Line;
use super::{LOST, Status};
use crate::ask::{self, Candidate, Request};
use crate::db::evaluations::{self as records, Outcome};
use crate::db::{Db, audit, usage as spent};
use crate::error::{Error, Result};
use crate::id;
use crate::service::accounts::Identity;
use crate::service::questions::{AskedByProgram, Questions, said};
use crate::service::usage::Usage;
use crate::source::Limits;
use crate::translate::example::plain;
use crate::translate::usage;

/// Rows that are compared; longer results are not scored.
const ROWS: u64 = 10_000;

/// Between two signs that the run goes on.
const BEAT: Duration = Duration::from_secs(10);

/// What a run needs.
pub(super) struct Run {
    pub db: Db,
    pub questions: Questions,
    pub who: Identity,
    pub id: String,
    pub asked: AskedByProgram,
    pub lines: Vec<Line>,
    pub cancel: CancellationToken,
}

impl Run {
    /// To its end, whichever that is.
    pub async fn run(self) {
        let ended = tokio::select! {
            ended = self.ask_all() => ended,
            () = self.beat() => return,
            () = self.cancel.cancelled() => return,
        };
        let (status, error) = match ended {
            Ok(()) => (Status::Done, None),
            Err(Error::Internal(message)) => {
                tracing::error!(error = %message, "an evaluation failed");
                (
                    Status::Failed,
                    Some("Something went wrong inside Clean Custard; its log says what.".to_owned()),
                )
            }
            Err(error) => (Status::Failed, Some(error.to_string())),
        };
        let id = self.id.clone();
        let written = self
            .db
            .write(move |conn| records::end(conn, &id, status.name(), error.as_deref(), id::now()))
            .await;
        if let Err(error) = written {
            tracing::error!(%error, "the end of an evaluation could not be written down");
        }
    }

    /// Says from time to time that the run goes on, until somebody has ended it elsewhere.
    async fn beat(&self) {
        loop {
            tokio::time::sleep(BEAT).await;
            let id = self.id.clone();
            match self
                .db
                .write(move |conn| records::beat(conn, &id, id::now()))
                .await
            {
                Ok(true) => {}
                Ok(false) => return,
                // The store is away for a moment; the next question says so if it stays away.
                Err(error) => tracing::warn!(%error, "an evaluation could not give a sign"),
            }
        }
    }

    async fn ask_all(&self) -> Result<()> {
        for (line, number) in self.lines.iter().zip(1..) {
            if self.questions.is_stopping() {
                return Err(Error::AgentOffline(LOST.into()));
            }
            self.questions.usage().allow(&self.who, &self.asked.model).await?;
            self.ask(line, number).await?;
        }
        Ok(())
    }

    async fn ask(&self, line: &Line, number: i64) -> Result<()> {
        let mut candidate: Candidate = self.asked.candidate.clone();
        // An example that answers itself would measure nothing.
        let same = plain(&line.question);
        candidate
            .taught
            .examples
            .retain(|example| plain(&example.question) != same);
        let request = Request {
            question: line.question.clone(),
            turns: Vec::new(),
            glossary: line.instructions.clone(),
            today: Utc::now().date_naive(),
            limits: Limits {
                rows: self.asked.limits.rows.min(ROWS),
                ..self.asked.limits
            },
            preview_rows: usize::try_from(ROWS).unwrap_or(usize::MAX),
        };
        let model = &self.asked.model;
        let began = Instant::now();
        let events = quiet();
        let asking = ask::ask(
            &request,
            &*model.translator,
            std::slice::from_ref(&candidate),
            &events,
        );
        let (answered, calls) = usage::counted(asking).await;
        let elapsed_ms = began.elapsed().as_secs_f64() * 1_000.0;
        let answer = answered.answer;
        let cost = usage::Usage::of(&calls, model.llm.as_ref().and_then(|llm| llm.price));
        let Score { verdict, note } = score(line, &answer, &request, &candidate).await;
        let used = Usage::entry(&self.who, 0, cost.as_ref());
        let deed = self.who.did("query.run", "evaluation", &self.id, said(&answer));
        let outcome = Outcome {
            verdict: verdict.name(),
            query: answer.query,
            note,
            elapsed_ms,
        };
        let id = self.id.clone();
        self.db
            .write(move |conn| {
                records::record(conn, &id, number, outcome)?;
                if used.calls > 0 {
                    spent::add(conn, &used)?;
                }
                audit::append(conn, &deed)
            })
            .await
    }
}
