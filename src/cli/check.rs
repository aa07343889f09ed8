//! `clean-custard check`: tries every configured part and says what fails and how to mend it. It changes
//! nothing: no folder is made, no schema brought up to date, no rows are read.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use secrecy::ExposeSecret;

use super::Place;
use crate::config::{
    AgentConfig, AgentConnection, AgentDatabase, AgentFlags, Config, Inputs, LlmConfig, ServerFlags,
};
use crate::db::Db;
use crate::error::Error;
use crate::mail::Mailer;
use crate::service::readiness;
use crate::source::{self, Kind};
use crate::translate::llm;

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Try every configured part, say what fails and how to mend it.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
}

/// What was found about one part.
enum Finding {
    Good(String),
    /// Works, but somebody should know.
    Doubtful(String),
    Bad(String),
}

/// Exit status 0 when everything configured works, else 1.
pub async fn run(args: Args) -> Result<i32> {
    let file = args.place.config.as_deref();
    let text = match file {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .with_context(|| format!("The configuration file {} cannot be read", path.display()))
                .map_err(super::BadUsage::of)?,
        ),
        None => None,
    };
    let inputs = Inputs {
        file: file.zip(text.as_deref()),
        env: &super::environment(),
        read: &|path| std::fs::read_to_string(path),
    };
    let flags = ServerFlags {
        data_dir: args.place.data_dir,
        ..ServerFlags::default()
    };
    let config = Config::load(&inputs, flags).map_err(super::BadUsage::of)?;
    let mut bad = 0;
    let mut tell = |part: &str, finding: Finding| {
        let (mark, words) = match finding {
            Finding::Good(words) => ("ok", words),
            Finding::Doubtful(words) => ("note", words),
            Finding::Bad(words) => {
                bad += 1;
                ("FAILED", words)
            }
        };
        println!("{mark:<7} {part:<15} {words}");
    };

    tell(
        "configuration",
        Finding::Good(match file {
            Some(path) => format!("{} is understood", path.display()),
            None => "no file; defaults, environment and flags".into(),
        }),
    );
    tell("data directory", data_dir(&config.server.data_dir));
    tell("store", store(&config).await);
    tell("address", address(&config));
    match &config.llm {
        None => tell(
            "model",
            Finding::Good("none configured; the offline translator answers".into()),
        ),
        Some(config) => {
            for finding in model(config).await {
                tell("model", finding);
            }
        }
    }
    for finding in mail(&config).await {
        tell("mail", finding);
    }
    for item in readiness::judge(&config) {
        let words = format!("{}: {} {}", item.setting, item.message, item.remedy);
        tell("production", Finding::Doubtful(words));
    }
    if AgentConfig::is_configured(&inputs)? {
        let agent = AgentConfig::load(&inputs, AgentFlags::default()).map_err(super::BadUsage::of)?;
        for connection in &agent.connections {
            tell("agent's server", server(connection).await);
            for finding in database(connection).await {
                tell("agent's source", finding);
            }
        }
    }
    Ok(i32::from(bad > 0))
}

/// The data directory, or the folder it will be made in, has to be ours to write.
fn data_dir(path: &Path) -> Finding {
    let shown = path.display();
    let exists = path.is_dir();
    let folder = match path.ancestors().find(|folder| folder.is_dir()) {
        Some(folder) => folder.to_owned(),
        None => PathBuf::from("."),
    };
    match tempfile::tempfile_in(&folder) {
        Ok(_) if exists => Finding::Good(format!("{shown} can be written")),
        Ok(_) => Finding::Good(format!("{shown} does not exist yet; the first start makes it")),
        Err(error) => Finding::Bad(format!(
            "{} cannot be written ({error}); give it to this user, or name another with --data-dir",
            folder.display()
        )),
    }
}

async fn store(config: &Config) -> Finding {
    let url = config.database.url.clone();
    let kind = if url.is_some() { "PostgreSQL" } else { "SQLite" };
    let file = config.server.data_dir.join("custard.db");
    match tokio::task::spawn_blocking(move || Db::reach(&file, url.as_ref())).await {
        Ok(Ok(())) => Finding::Good(format!("{kind} can be used")),
        Ok(Err(error)) => Finding::Bad(error.to_string()),
        Err(error) => Finding::Bad(error.to_string()),
    }
}

/// A running server of our own is the likeliest reason for a taken port, and no fault.
fn address(config: &Config) -> Finding {
    let listen = config.server.listen;
    match TcpListener::bind(listen) {
        Ok(_) => Finding::Good(format!("{listen} is free to listen on")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Finding::Doubtful(format!(
            "{listen} is in use; by this server if it is running, else choose another with server.listen"
        )),
        Err(error) => Finding::Bad(format!("{listen} cannot be listened on: {error}")),
    }
}

async fn model(config: &LlmConfig) -> Vec<Finding> {
    let steps = llm::test(config).await.steps.into_iter();
    steps
        .map(|step| {
            if step.ok {
                Finding::Good(step.message)
            } else {
                Finding::Bad(step.message)
            }
        })
        .collect()
}

/// Reaches the mail server and logs in; nothing is sent.
async fn mail(config: &Config) -> Vec<Finding> {
    let mailer = match Mailer::new(&config.mail, &config.server.data_dir) {
        Ok(mailer) => mailer,
        Err(error) => return vec![Finding::Bad(error.to_string())],
    };
    let steps = mailer.reach().await.steps.into_iter();
    steps
        .map(|step| {
            if step.ok {
                Finding::Good(step.message)
            } else {
                Finding::Bad(step.message)
            }
        })
        .collect()
}

/// Whether the agent's server answers; the key is only tried by the agent itself, which would show online.
async fn server(connection: &AgentConnection) -> Finding {
    let url = connection.server_url();
    let client = match reqwest::Client::builder().timeout(PATIENCE).build() {
        Ok(client) => client,
        Err(error) => return Finding::Bad(error.to_string()),
    };
    match client.get(format!("{url}/health")).send().await {
        Ok(answer) if answer.status().is_success() => Finding::Good(format!("{url} answers")),
        Ok(answer) => Finding::Bad(format!(
            "{url} answers with status {}; is this the address of a Clean Custard server?",
            answer.status()
        )),
        Err(error) => Finding::Bad(format!("{url} cannot be reached: {error}")),
    }
}

/// The database beside the agent, and what its role could do beyond reading.
async fn database(connection: &AgentConnection) -> Vec<Finding> {
    let source = match &connection.database {
        AgentDatabase::Url(url) => source::connect(url.expose_secret()),
        // The server says which kind it is; until then the port does.
        AgentDatabase::Parts(parts) => match Kind::likely(parts) {
            Some(kind) => source::connect_parts(kind, parts),
            None => {
                return vec![Finding::Doubtful(
                    "DB_PORT does not tell which kind of database this is, so it is only tried once the agent \
                     is connected"
                        .into(),
                )];
            }
        },
    };
    let health = match source {
        Ok(source) => tokio::time::timeout(PATIENCE, source.check())
            .await
            .unwrap_or_else(|_| Err(Error::Timeout("The database did not answer within 10 s.".into()))),
        Err(error) => Err(error),
    };
    match health {
        Ok(health) => std::iter::once(Finding::Good(format!("{} answers", health.version)))
            .chain(health.role_warnings.into_iter().map(Finding::Doubtful))
            .collect(),
        Err(error) => vec![Finding::Bad(error.to_string())],
    }
}
