//! `clean-custard ask`: one question to files or a database, without a server.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use chrono::Local;
use tokio::sync::mpsc;

use crate::ask::answer::{Answer, Outcome};
use crate::ask::taught::Taught;
use crate::ask::{Candidate, CandidateKind, Event, Request, Stage};
use crate::config::{Config, ServerFlags};
use crate::ingest::{self, ImportLimits, Overrides};
use crate::rows::export::{Export, Format as ExportFormat};
use crate::rows::text;
use crate::service::looks;
use crate::service::teaching::Document;
use crate::source::files::{Engine, FileTable, Files};
use crate::source::{self, Limits};
use crate::translate::Translator;
use crate::translate::llm::Llm;
use crate::translate::offline::Offline;
use crate::translate::usage;

/// Rows shown on a terminal.
const TERMINAL_ROWS: usize = 40;

/// Ask one question of files or a database and print the answer; needs no server.
#[derive(clap::Args)]
pub struct Args {
    /// A file to ask: CSV, TSV, JSON, NDJSON, Parquet, Arrow or XLSX. May be given several times.
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// A database to ask: postgres://, mysql:// or mongodb://user:password@host/name, or sqlite:/path/to/file.
    /// It may also stand in CUSTARD_SOURCE, so that the password is in no process list.
    #[arg(long, value_name = "URL", env = "CUSTARD_SOURCE", hide_env_values = true)]
    source: Option<String>,
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// What was taught about the data (YAML), as the web page exports it: terms, metrics, descriptions, examples.
    #[arg(long, value_name = "FILE.yaml")]
    glossary: Option<PathBuf>,
    /// The configuration file (TOML), for a model or other limits.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The question.
    question: String,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The sentence, a readable table and the query.
    Table,
    /// One JSON object.
    Json,
    /// Only the rows.
    Csv,
}

pub async fn run(args: Args) -> Result<i32> {
    if args.files.is_empty() && args.source.is_none() {
        eprintln!("Say what to ask: --file PATH, or --source postgres://… or mongodb://…");
        return Ok(2);
    }
    let config = super::load(args.config.as_deref(), ServerFlags::default())?;
    let glossary = args.glossary.as_deref().map(document).transpose()?;
    let mut opened = Opened::open(&config, &args.files, args.source.as_deref()).await?;
    if let Some(glossary) = &glossary {
        opened.teach(glossary)?;
    }
    let translator = translator(&config)?;
    let request = request(
        &config,
        &args.question,
        match args.format {
            Format::Table => TERMINAL_ROWS,
            Format::Json | Format::Csv => usize::MAX,
        },
    );
    let (events, incoming) = mpsc::channel(4);
    let watching = tokio::spawn(watch(incoming, args.format));
    let (answered, calls) = tokio::select! {
        answered = usage::counted(async {
            let events = events;
            looks::ask(&request, &*translator, &opened.candidates, None, &events).await
        }) => answered,
        _ = tokio::signal::ctrl_c() => bail!("Cancelled."),
    };
    let written = watching.await?;
    let mut answer = answered.answer;
    answer.usage = usage::Usage::of(&calls, config.llm.as_ref().and_then(|llm| llm.price));
    match args.format {
        Format::Table => print_table(&answer, &config.spending.currency),
        Format::Json => println!("{}", serde_json::to_string(&answer)?),
        Format::Csv => written?,
    }
    if args.format == Format::Csv && answer.outcome != Outcome::Answered {
        eprintln!("{}", answer.answer);
    }
    Ok(i32::from(answer.outcome != Outcome::Answered))
}

/// The translator that is configured: a model, or the offline one.
pub(super) fn translator(config: &Config) -> Result<Box<dyn Translator>> {
    Ok(match &config.llm {
        Some(llm) => Box::new(Llm::new(llm.clone())?),
        None => Box::new(Offline),
    })
}

/// A question with the configured limits, asked today on this machine's calendar.
pub(super) fn request(config: &Config, question: &str, preview_rows: usize) -> Request {
    Request {
        question: question.to_owned(),
        turns: Vec::new(),
        glossary: String::new(),
        today: Local::now().date_naive(),
        limits: Limits {
            rows: config.query.max_rows,
            bytes: config.query.max_bytes,
            time_ms: u64::try_from(config.query.time.as_millis()).unwrap_or(u64::MAX),
            ..Limits::default()
        },
        preview_rows,
    }
}

/// The document with what was taught. Errors: sentences that name the file, and the line of a mistake.
pub(super) fn document(path: &Path) -> Result<Document> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("The glossary {} cannot be read", path.display()))?;
    Document::read(&text).with_context(|| format!("The glossary {} cannot be used", path.display()))
}

/// What can be asked, for as long as this lives: imported files lie in a folder that goes with it.
pub(super) struct Opened {
    pub candidates: Vec<Candidate>,
    /// What the files are called.
    files: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Opened {
    /// Imports the files and opens the database.
    pub async fn open(config: &Config, files: &[PathBuf], source: Option<&str>) -> Result<Opened> {
        let folder = tempfile::Builder::new().prefix("clean-custard-").tempdir()?;
        let mut candidates = Vec::new();
        if let Some(url) = source {
            let source = source::connect(url)?;
            let health = source.check().await?;
            for warning in &health.role_warnings {
                eprintln!("Warning: {warning}");
            }
            candidates.push(Candidate {
                kind: CandidateKind::Connection,
                name: "the database".into(),
                ids: Vec::new(),
                origins: Vec::new(),
                taught: Taught::default(),
                source,
            });
        }
        if !files.is_empty() {
            candidates.push(import(config, files, folder.path()).await?);
        }
        let name = |file: &PathBuf| {
            let name = file.file_name()?;
            Some(name.to_string_lossy().into_owned())
        };
        Ok(Opened {
            candidates,
            files: files.iter().filter_map(name).collect(),
            _folder: folder,
        })
    }

    /// Tells each source what the document says about it. A database has no name here: what the document says of
    /// its one source that is no file holds for it. Errors: a sentence that names the line.
    pub fn teach(&mut self, document: &Document) -> Result<()> {
        let files: Vec<&str> = self.files.iter().map(String::as_str).collect();
        for candidate in &mut self.candidates {
            let names = match candidate.kind {
                CandidateKind::Files => files.clone(),
                CandidateKind::Connection => {
                    let mut named = document.sources();
                    named.retain(|name| !files.contains(name));
                    if named.len() > 1 {
                        bail!(
                            "The glossary speaks of several sources ({}); leave in it only the one that the database is.",
                            named.join(", ")
                        );
                    }
                    named
                }
            };
            candidate.taught = document.taught(&names)?;
        }
        Ok(())
    }
}

async fn import(config: &Config, files: &[PathBuf], folder: &std::path::Path) -> Result<Candidate> {
    let limits = ImportLimits {
        memory_bytes: config.files.import_memory_bytes,
        time: config.files.import_time,
    };
    let mut tables = Vec::new();
    let mut names = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let name = file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if !file.is_file() {
            bail!("There is no file {}.", file.display());
        }
        progress(&format!("Importing {name} …"));
        let out = folder.join(number.to_string());
        tokio::fs::create_dir(&out).await?;
        let imported = ingest::import(file, &name, &out, &Overrides::default(), &limits).await?;
        tables.extend(imported.tables.into_iter().map(|table| FileTable {
            parquet: out.join(&table.parquet),
            table: table.table,
        }));
        names.push(name);
    }
    let spill = folder.join("spill");
    tokio::fs::create_dir(&spill).await?;
    let engine = Engine {
        memory_bytes: usize::try_from(config.query.memory_bytes).unwrap_or(usize::MAX),
        spill_dir: spill,
    };
    Ok(Candidate {
        kind: CandidateKind::Files,
        name: names.join(", "),
        ids: Vec::new(),
        origins: Vec::new(),
        taught: Taught::default(),
        source: Arc::new(Files::new(tables, engine)),
    })
}

/// Shows stages on the terminal; for CSV writes rows as they come.
async fn watch(mut events: mpsc::Receiver<Event>, format: Format) -> Result<()> {
    let mut csv = None;
    while let Some(event) = events.recv().await {
        match event {
            Event::Stage { stage, message, .. } if stage != Stage::Present => {
                progress(&format!("{message} …"))
            }
            Event::Columns(schema) if format == Format::Csv => {
                csv = Some(Export::new(ExportFormat::Csv, &schema, std::io::stdout())?);
            }
            Event::Batch(batch) => {
                if let Some(csv) = &mut csv {
                    csv.write(&batch)?;
                }
            }
            _ => {}
        }
    }
    if let Some(csv) = csv {
        csv.finish()?.flush()?;
    }
    progress("");
    Ok(())
}

/// One line on standard error that the next one replaces; nothing when nobody watches.
fn progress(message: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K{message}");
        let _ = std::io::stderr().flush();
    }
}

fn print_table(answer: &Answer, currency: &str) {
    if answer.outcome != Outcome::Answered {
        eprintln!("{}", answer.answer);
        for option in &answer.options {
            eprintln!("  - {}: {}", option.label, option.question);
        }
        if let (Some(query), Outcome::Failed) = (&answer.query, answer.outcome) {
            eprintln!("\nThe query was:\n{query}");
        }
        if !answer.suggestions.is_empty() {
            eprintln!("\nThis can be answered:");
        }
        for suggestion in &answer.suggestions {
            eprintln!("  - {suggestion}");
        }
        return;
    }
    println!("{}\n", answer.answer);
    println!(
        "{}",
        text::table(&answer.columns, &answer.rows, answer.row_count, None)
    );
    if !answer.interpretation.is_empty() {
        println!("\nRead as: {}", answer.interpretation);
    }
    if let Some(words) = &answer.query_in_words {
        println!("\nWhat the query does: {words}");
    }
    if let Some(query) = &answer.query {
        println!("\n{query}");
    }
    for finding in &answer.findings {
        println!("\nNote: {}", finding.message);
    }
    if let Some(usage) = &answer.usage {
        println!("\n{}", spent(usage, currency));
    }
}

/// What the model was asked, in a line.
pub(super) fn spent(usage: &usage::Usage, currency: &str) -> String {
    let calls = match usage.calls {
        1 => "once".to_owned(),
        calls => format!("{calls} times"),
    };
    let about = if usage.estimated { "about " } else { "" };
    let cost = usage
        .cost
        .map_or(String::new(), |cost| format!(", for {cost:.4} {currency}"));
    format!(
        "Model: {}, asked {calls}, {about}{} tokens read and {} written{cost}",
        usage.model, usage.input_tokens, usage.output_tokens
    )
}
