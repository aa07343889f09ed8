//! `clean-custard eval`: a list of questions against a source with the settings as they are, scored where the
//! right answer is known. Scoring itself is `service::evaluations`.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::ask::{Opened, document, request, spent, translator};
use crate::ask;
use crate::config::{Config, ServerFlags};
use crate::service::evaluations::compare::Verdict;
use crate::service::evaluations::score::{Score, quiet, score};
use crate::service::evaluations::set::{self, Line};
use crate::translate::usage;

/// Ask a list of questions and compare the answers with the right ones.
///
/// The CSV has a column `question` and may have `sql` (a right query) or `answer` (right values, separated
/// by `|`), `db` or `file`, `instructions` (glossary text for that question), `suite` and `category`.
#[derive(clap::Args)]
pub struct Args {
    /// The questions.
    #[arg(long, value_name = "FILE.csv")]
    questions: PathBuf,
    /// The database to ask; `{db}` in it is replaced by the row's column `db`. It may also stand in
    /// CUSTARD_SOURCE, so that the password is in no process list.
    #[arg(
        long,
        value_name = "URL",
        env = "CUSTARD_SOURCE",
        hide_env_values = true,
        conflicts_with = "files"
    )]
    source: Option<String>,
    /// The folder of the files to ask; the column `file` names one of them, else all are asked together.
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// What was taught about the data (YAML), as the web page exports it.
    #[arg(long, value_name = "FILE.yaml")]
    glossary: Option<PathBuf>,
    /// Where to write every answer, one JSON object a line.
    #[arg(long, value_name = "FILE.jsonl")]
    out: Option<PathBuf>,
    /// The configuration file (TOML), for a model or other limits.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub async fn run(args: Args) -> Result<i32> {
    if args.files.is_none() && args.source.is_none() {
        eprintln!("Say what to ask: --source postgres://… or mongodb://…, or --files DIR.");
        return Ok(2);
    }
    let config = super::load(args.config.as_deref(), ServerFlags::default())?;
    let translator = translator(&config)?;
    let lines = read(&args.questions)?;
    let glossary = args.glossary.as_deref().map(document).transpose()?;
    let mut out = match &args.out {
        Some(path) => Some(std::io::BufWriter::new(
            std::fs::File::create(path).with_context(|| format!("{} cannot be written", path.display()))?,
        )),
        None => None,
    };
    let mut sources: HashMap<String, Opened> = HashMap::new();
    let mut scores = Scores::default();
    let price = config.llm.as_ref().and_then(|llm| llm.price);
    let mut all_calls = Vec::new();
    for line in &lines {
        let key = format!("{}\u{0}{}", line.db, line.file);
        if !sources.contains_key(&key) {
            // Imports take space; the lists name a file's questions together or only once.
            if args.files.is_some() {
                sources.clear();
            }
            let mut opened = open(&config, &args, line).await?;
            if let Some(glossary) = &glossary {
                opened.teach(glossary)?;
            }
            sources.insert(key.clone(), opened);
        }
        let Some(candidate) = sources.get(&key).and_then(|opened| opened.candidates.first()) else {
            bail!("There is nothing to ask.");
        };
        let mut request = request(&config, &line.question, usize::MAX);
        request.glossary = line.instructions.clone();
        let events = quiet();
        let asked = ask::ask(&request, &*translator, std::slice::from_ref(candidate), &events);
        let (answered, calls) = usage::counted(asked).await;
        let mut answer = answered.answer;
        answer.usage = usage::Usage::of(&calls, price);
        all_calls.extend(calls);
        let Score { verdict, note } = score(line, &answer, &request, candidate).await;
        if let Some(note) = note.filter(|_| matches!(verdict, Verdict::Wrong | Verdict::Unscored)) {
            eprintln!("{note}");
        }
        scores.add(line, verdict, answer.elapsed_ms.translate);
        if let Some(out) = &mut out {
            let mut object = serde_json::to_value(&answer)?;
            if let Value::Object(fields) = &mut object {
                if !line.db.is_empty() {
                    fields.insert("db".into(), line.db.clone().into());
                }
                fields.insert("verdict".into(), verdict.name().into());
            }
            writeln!(out, "{object}")?;
        }
    }
    if let Some(mut out) = out {
        out.flush()?;
    }
    scores.print();
    if let Some(usage) = usage::Usage::of(&all_calls, price) {
        println!("{}", spent(&usage, &config.spending.currency));
    }
    Ok(0)
}

fn read(path: &Path) -> Result<Vec<Line>> {
    let text =
        std::fs::read(path).with_context(|| format!("The questions in {} cannot be read", path.display()))?;
    set::read(&text).with_context(|| format!("The file {} is no list of questions", path.display()))
}

async fn open(config: &Config, args: &Args, line: &Line) -> Result<Opened> {
    if let Some(url) = &args.source {
        // The name becomes a part of a URL; it must not be able to change host or options.
        if !line
            .db
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
        {
            bail!("\"{}\" is no name of a database.", line.db);
        }
        return Opened::open(config, &[], Some(&url.replace("{db}", &line.db))).await;
    }
    let folder = args.files.as_deref().unwrap_or(Path::new("."));
    let files = if line.file.is_empty() {
        let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
            .with_context(|| format!("The folder {} cannot be read", folder.display()))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.is_file() && !same_file(path, &args.questions) && is_data(path))
            .collect();
        all.sort();
        all
    } else {
        vec![folder.join(&line.file)]
    };
    Opened::open(config, &files, None).await
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn is_data(path: &Path) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|extension| {
            matches!(
                extension.to_ascii_lowercase().as_str(),
                "csv" | "tsv" | "json" | "ndjson" | "jsonl" | "parquet" | "arrow" | "xlsx"
            )
        })
}

/// Counts by suite and category.
#[derive(Default)]
struct Scores {
    counts: BTreeMap<(String, String), HashMap<Verdict, u32>>,
    /// Milliseconds.
    translating: Vec<f64>,
}

impl Scores {
    fn add(&mut self, line: &Line, verdict: Verdict, translating: f64) {
        let key = (line.suite.clone(), line.category.clone());
        *self.counts.entry(key).or_default().entry(verdict).or_default() += 1;
        self.translating.push(translating);
    }

    fn print(&mut self) {
        let mut table = comfy_table::Table::new();
        table.load_preset(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
        let mut header = vec!["suite".to_owned(), "category".to_owned(), "questions".to_owned()];
        header.extend(Verdict::ALL.map(|verdict| verdict.name().to_owned()));
        table.set_header(header);
        let mut suites: BTreeMap<&str, HashMap<Verdict, u32>> = BTreeMap::new();
        let mut all: HashMap<Verdict, u32> = HashMap::new();
        for ((suite, category), counts) in &self.counts {
            table.add_row(row(suite, category, counts));
            for (verdict, count) in counts {
                *suites.entry(suite).or_default().entry(*verdict).or_default() += count;
                *all.entry(*verdict).or_default() += count;
            }
        }
        if suites.len() > 1 {
            for (suite, counts) in &suites {
                table.add_row(row(suite, "all", counts));
            }
        }
        table.add_row(row("all", "", &all));
        println!("{table}");
        self.translating.sort_by(f64::total_cmp);
        if let Some(median) = self.translating.get(self.translating.len() / 2) {
            println!("Translation: {median:.1} ms median");
        }
    }
}

fn row(suite: &str, category: &str, counts: &HashMap<Verdict, u32>) -> Vec<String> {
    let of = |verdict: &Verdict| counts.get(verdict).copied().unwrap_or(0);
    let mut cells = vec![
        suite.to_owned(),
        category.to_owned(),
        Verdict::ALL.iter().map(of).sum::<u32>().to_string(),
    ];
    cells.extend(Verdict::ALL.iter().map(|verdict| of(verdict).to_string()));
    cells
}
