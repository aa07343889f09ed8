//! Letters: their words, their form, and the ways they leave (a mail server, or an outbox folder). It does
//! not queue and does not retry; `service::mail` does, with the store.

mod letter;
mod outbox;
mod smtp;
mod template;

use std::path::Path;

use lettre::message::Mailbox;
use serde::Serialize;

use self::outbox::Outbox;
use self::smtp::{Conversation, Smtp};
use crate::config::{MailConfig, MailTransport};
use crate::error::Result;

pub use self::letter::{Draft, Letter, address};
pub use self::smtp::{Fault, Retry, Step};
pub use self::template::{Template, Words};

/// The configured way out. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Smtp(Box<Smtp>),
    Outbox(Outbox),
}

/// What a test of the mail settings found, up to the first step that failed.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MailTest {
    pub ok: bool,
    pub steps: Vec<MailTestStep>,
}

/// One step of a [`MailTest`].
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MailTestStep {
    pub step: Step,
    pub ok: bool,
    /// What works, or what to do.
    pub message: String,
}

/// Letters that leave together, over one connection. To be closed.
pub struct Round<'a> {
    mailer: &'a Mailer,
    open: Option<Conversation>,
}

impl Mailer {
    /// `data_dir` takes the outbox when no mail server is configured. Errors: `Invalid` for a CA file that
    /// cannot be used.
    pub fn new(config: &MailConfig, data_dir: &Path) -> Result<Mailer> {
        Ok(Mailer {
            from: config.from.clone(),
            reply_to: config.reply_to.clone(),
            way: match &config.transport {
                MailTransport::Outbox => Way::Outbox(Outbox::new(data_dir.join("outbox"))),
                MailTransport::Smtp(smtp) => Way::Smtp(Box::new(Smtp::new(smtp.clone())?)),
            },
        })
    }

    /// `smtp` or `outbox`.
    pub fn kind(&self) -> &'static str {
        match self.way {
            Way::Smtp(_) => "smtp",
            Way::Outbox(_) => "outbox",
        }
    }

    /// Where letters go: host and port, or the folder.
    pub fn place(&self) -> String {
        match &self.way {
            Way::Smtp(smtp) => smtp.place(),
            Way::Outbox(outbox) => outbox.folder().display().to_string(),
        }
    }

    /// Begins to send some letters.
    pub fn round(&self) -> Round<'_> {
        Round {
            mailer: self,
            open: None,
        }
    }

    /// Reaches the mail server and logs in, without sending anything.
    pub async fn reach(&self) -> MailTest {
        let outcome = match &self.way {
            Way::Outbox(_) => Ok(()),
            Way::Smtp(smtp) => match smtp.open().await {
                Ok(conversation) => {
                    conversation.close().await;
                    Ok(())
                }
                Err(fault) => Err(fault),
            },
        };
        self.report(outcome, Step::Auth)
    }

    /// Sends one letter at once and says which step failed.
    pub async fn test(&self, draft: Draft) -> MailTest {
        let mut round = self.round();
        let outcome = round.send(draft).await;
        round.close().await;
        self.report(outcome, Step::Send)
    }

    /// Removes old letters of the outbox.
    pub async fn prune(&self) -> Result<()> {
        match &self.way {
            Way::Smtp(_) => Ok(()),
            Way::Outbox(outbox) => {
                let outbox = outbox.clone();
                blocking(move || outbox.prune()).await
            }
        }
    }

    fn report(&self, outcome: Result<(), Fault>, last: Step) -> MailTest {
        let place = self.place();
        let smtp = match &self.way {
            Way::Outbox(_) => {
                let (ok, message) = match outcome {
                    Ok(()) => (
                        true,
                        format!(
                            "No mail server is configured: letters are written to {place}, and their links to the \
                             server's log. Set [mail] to send them."
                        ),
                    ),
                    Err(fault) => (false, fault.message),
                };
                let step = Step::Send;
                return MailTest {
                    ok,
                    steps: vec![MailTestStep { step, ok, message }],
                };
            }
            Way::Smtp(smtp) => smtp,
        };
        let good = |step| match step {
            Step::Resolve => "The mail server's name is known.".to_owned(),
            Step::Connect => format!("The mail server {place} answers."),
            Step::Tls if smtp.is_encrypted() => "The connection is encrypted.".into(),
            Step::Tls => "The connection is not encrypted, as configured.".into(),
            Step::Auth if smtp.logs_in() => "It accepts user and password.".into(),
            Step::Auth => "No user is configured, so nobody logs in.".into(),
            Step::Send => "It took the letter; look into your inbox, and into the junk mail.".into(),
        };
        let (failed, words) = match outcome {
            Ok(()) => (None, String::new()),
            Err(fault) => (Some(fault.step), fault.message),
        };
        let last = failed.unwrap_or(last);
        let steps = [Step::Resolve, Step::Connect, Step::Tls, Step::Auth, Step::Send]
            .into_iter()
            .filter(|step| *step <= last)
            .map(|step| {
                let ok = Some(step) != failed;
                let message = if ok { good(step) } else { words.clone() };
                MailTestStep { step, ok, message }
            })
            .collect();
        MailTest {
            ok: failed.is_none(),
            steps,
        }
    }
}

impl Round<'_> {
    /// Sends one letter. Once this is `Ok`, the mail server (or the disk) is responsible for it.
    pub async fn send(&mut self, draft: Draft) -> Result<(), Fault> {
        let mailer = self.mailer;
        let ours = |error: crate::error::Error| Fault {
            step: Step::Send,
            message: error.to_string(),
            retry: Retry::Never,
        };
        let letter = draft
            .write(&mailer.from, mailer.reply_to.as_ref())
            .map_err(ours)?;
        match &mailer.way {
            Way::Outbox(outbox) => {
                let outbox = outbox.clone();
                let (to, kind) = (letter.draft.to.clone(), letter.draft.template.name());
                let link = letter.link().map(str::to_owned);
                let path = blocking(move || outbox.put(&letter))
                    .await
                    .map_err(|error| Fault {
                        step: Step::Send,
                        message: format!("The letter could not be written to the outbox: {error}"),
                        retry: Retry::WhenReachable,
                    })?;
                // The one place where a single-use link is logged: without a mail server there is no other way
                // to it.
                match link {
                    Some(link) => tracing::info!(
                        to, letter = kind, file = %path.display(), link,
                        "no mail server is configured; the letter's link is here"
                    ),
                    None => tracing::info!(
                        to, letter = kind, file = %path.display(),
                        "no mail server is configured; the letter is in the outbox"
                    ),
                }
                Ok(())
            }
            Way::Smtp(smtp) => {
                let mut conversation = match self.open.take() {
                    Some(mut open) => match open.is_alive().await {
                        true => open,
                        false => smtp.open().await?,
                    },
                    None => smtp.open().await?,
                };
                let outcome = conversation.send(&letter).await;
                self.open = Some(conversation);
                outcome
            }
        }
    }

    /// Says good-bye to the mail server.
    pub async fn close(self) {
        if let Some(open) = self.open {
            open.close().await;
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(crate::error::Error::internal)?
}
