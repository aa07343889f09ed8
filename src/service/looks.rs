//! Questions that ask for an analysis in plain words: "forecast revenue", "any outliers?", "why did it fall?".
//! The rows come from an ordinary question, the answer before or a query of the rest of the words, and what is
//! said of them from `analyse`. Every other question goes to the pipeline as it is.

use tokio::sync::mpsc;

use crate::analyse::asked::{self, Asked};
use crate::analyse::{Analysis, Data, Method, analyse};
use crate::ask::answer::{Answer, AnswerAnalysis, Finding, Outcome, Severity};
use crate::ask::{self, Answered, Candidate, Events, Request, suggest};
use crate::catalog::Dialect;
use crate::error::{Error, Result};
use crate::guard;
use crate::translate::{Translator, Turn};

/// Rows that an analysis takes at most.
const MAX_ROWS: usize = 100_000;

/// Columns by which a change is taken apart, at most.
const MAX_DRIVERS: usize = 3;

/// The answer before, for questions about it.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// As an answer's source has it.
    pub source_id: &'a str,
    /// Who wrote its query.
    pub translator: &'a str,
    pub reading: &'a str,
}

/// Answers a question as [`ask::ask`] does, and those that ask for an analysis with one.
pub async fn ask(
    request: &Request,
    translator: &dyn Translator,
    candidates: &[Candidate],
    before: Option<Before<'_>>,
    events: &Events,
) -> Answered {
    match asked::read(&request.question) {
        Some(asked) if !is_in_data(&asked, candidates).await => {
            let look = Look {
                request,
                asked,
                translator,
                candidates,
                events,
            };
            let mut answered = look.answer(before).await;
            answered.answer.question.clone_from(&request.question);
            answered.answer.rows.truncate(request.preview_rows);
            answered
        }
        _ => ask::ask(request, translator, candidates, events).await,
    }
}

/// Whether the data itself has a forecast, a distribution: then that may be meant.
async fn is_in_data(asked: &Asked, candidates: &[Candidate]) -> bool {
    let word = asked.word.trim_end_matches('s');
    for candidate in candidates {
        let Ok(catalog) = candidate.source.catalog().await else {
            continue;
        };
        let names = catalog.tables.iter().flat_map(|table| {
            std::iter::once(&table.name).chain(table.columns.iter().map(|column| &column.name))
        });
        if names.into_iter().any(|name| name.to_lowercase().contains(word)) {
            return true;
        }
    }
    false
}

struct Look<'a> {
    request: &'a Request,
    asked: Asked,
    translator: &'a dyn Translator,
    candidates: &'a [Candidate],
    events: &'a Events,
}

impl Look<'_> {
    async fn answer(&self, before: Option<Before<'_>>) -> Answered {
        match (&self.asked.of, self.request.turns.last(), before) {
            (Some(_), ..) => self.of_words().await,
            (None, Some(turn), Some(before)) => self.of_before(turn, before).await,
            (None, ..) => refused(
                &self.request.question,
                self.translator.name(),
                "There is no answer before this one to look at. Ask for the numbers first, for example by month.",
            ),
        }
    }

    /// The words beside the analysis are a question of their own.
    async fn of_words(&self) -> Answered {
        let mut questions = self.asked.questions();
        // A model reads the first as well as it reads the others.
        if !self.translator.is_instant() {
            questions.truncate(1);
        }
        let mut first = None;
        for question in questions {
            let request = self.request_for(&question, self.request.turns.clone());
            let mut answered = ask::ask(&request, self.translator, self.candidates, self.events).await;
            match answered.answer.outcome {
                Outcome::Answered => return self.of_answer(answered, &question).await,
                Outcome::Clarify => {
                    for option in &mut answered.answer.options {
                        // Where the sources are what is asked, the question stays as it is.
                        option.question = if option.question == question {
                            self.request.question.clone()
                        } else {
                            self.asked.anew(&option.question)
                        };
                    }
                    return answered;
                }
                Outcome::Refused => {
                    answered.answer.suggestions.clear();
                    first.get_or_insert(answered);
                }
                Outcome::Failed => return answered,
            }
        }
        first.unwrap_or_else(|| {
            refused(
                &self.request.question,
                self.translator.name(),
                "It is not said what should be analysed.",
            )
        })
    }

    /// The rows are there: what is said of them.
    async fn of_answer(&self, mut answered: Answered, question: &str) -> Answered {
        let source_id = answered.answer.sources.first().map(|source| source.id.clone());
        let source = self
            .candidates
            .iter()
            .find(|candidate| Some(candidate.ids.join(",")) == source_id);
        if let (Some(source), Some(query)) = (source, self.with_every_row(&answered.answer)) {
            let request = self.request_for(question, self.request.turns.clone());
            let every = ask::run(&request, source, &query, self.events).await;
            answered = every.written_as(answered.answer);
            if answered.answer.outcome != Outcome::Answered {
                return answered;
            }
        }
        if self.counts_rows() && lists_once(&answered.answer) {
            let error = Error::Invalid(
                "The rows list each value once, so how often it occurs is lost. Ask for them with something that is \
                 different in every row, such as a number or an id."
                    .into(),
            );
            return self.not_possible(answered, &error);
        }
        let analysis = match self.look(&answered.answer).await {
            Ok(analysis) => analysis,
            Err(error) => return self.not_possible(answered, &error),
        };
        if let (Method::Change, Some(source)) = (self.asked.method, source) {
            let mut turns = self.request.turns.clone();
            turns.push(Turn {
                question: question.to_owned(),
                query: answered.answer.query.clone().unwrap_or_default(),
            });
            if let Some((parts, analysis)) = self.drivers(source, &answered.answer, &analysis, &turns).await {
                return self.said(parts, analysis, question);
            }
        }
        self.said(answered, analysis, question)
    }

    /// The query without its DISTINCT, where that would hide how often a value occurs. "Show order totals" lists each
    /// once, which is what people want to see, and a distribution of that would be wrong.
    fn with_every_row(&self, answer: &Answer) -> Option<String> {
        if !self.counts_rows() {
            return None;
        }
        guard::sql::without_distinct(answer.query.as_deref()?, answer.dialect?)
    }

    /// Whether a value that occurs twice counts twice.
    fn counts_rows(&self) -> bool {
        matches!(
            self.asked.method,
            Method::Distribution | Method::Outliers | Method::Correlation | Method::Describe
        )
    }

    /// The answer before, again; over time, if it has to be and was not; and taken apart, for "why".
    async fn of_before(&self, turn: &Turn, before: Before<'_>) -> Answered {
        let source = self
            .candidates
            .iter()
            .find(|candidate| candidate.ids.join(",") == before.source_id);
        let Some(source) = source else {
            return refused(
                &self.request.question,
                self.translator.name(),
                "The data of the answer before is not among what this question is asked of.",
            );
        };
        let earlier = &self.request.turns[..self.request.turns.len() - 1];
        let request = self.request_for(&turn.question, earlier.to_vec());
        let again = ask::run(&request, source, &turn.query, self.events).await;
        let mut answered = again.written_by(before.translator, before.reading);
        if answered.answer.outcome != Outcome::Answered {
            return answered;
        }
        let mut question = turn.question.clone();
        let mut turns = self.request.turns.clone();
        let mut looked = self.look(&answered.answer).await;
        let needs_time = matches!(
            self.asked.method,
            Method::Change | Method::Trend | Method::Forecast
        );
        if looked.is_err() && needs_time {
            let answer = &answered.answer;
            let limited = answer
                .query
                .as_deref()
                .zip(answer.dialect)
                .is_some_and(|(query, dialect)| guard::sql::is_limited(query, dialect));
            if limited {
                // The first of each month, added up, would pass for the whole.
                let error = Error::Invalid(
                    "The answer before shows only the first rows of a ranking, so its figures over time would leave \
                     out the rest. Ask for the whole first, for example \"by month\", and then again."
                        .into(),
                );
                return self.not_possible(answered, &error);
            }
            let over_time = self.asked.over_time();
            let request = self.request_for(&over_time, turns.clone());
            let only = std::slice::from_ref(source);
            let by_period = ask::ask(&request, self.translator, only, self.events).await;
            if by_period.answer.outcome == Outcome::Answered {
                turns.push(Turn {
                    question: over_time.clone(),
                    query: by_period.answer.query.clone().unwrap_or_default(),
                });
                looked = self.look(&by_period.answer).await;
                question = format!(
                    "{} {}",
                    question.trim_end_matches(['?', '.', '!']),
                    over_time.trim_start_matches("and ")
                );
                answered = by_period;
            }
        }
        match looked {
            Ok(analysis) if self.asked.method == Method::Change => {
                match self.drivers(source, &answered.answer, &analysis, &turns).await {
                    Some((parts, analysis)) => self.said(parts, analysis, &question),
                    None => self.said(answered, analysis, &question),
                }
            }
            Ok(analysis) => self.said(answered, analysis, &question),
            Err(error) => self.not_possible(answered, &error),
        }
    }

    /// The change taken apart by the column that explains most of it. Tried on the side; the best is run again
    /// for the asker.
    async fn drivers(
        &self,
        source: &Candidate,
        base: &Answer,
        whole: &Analysis,
        turns: &[Turn],
    ) -> Option<(Answered, Analysis)> {
        // Each try would be a call to a model.
        if !self.translator.is_instant() || whole.columns.len() > 3 {
            return None;
        }
        let catalog = source.source.catalog().await.ok()?;
        let read = base.sources.first().map_or(&[][..], |source| &source.tables);
        let mut best: Option<(f64, Answer)> = None;
        for column in suggest::dimensions(&catalog, read).into_iter().take(MAX_DRIVERS) {
            let request = self.request_for(&format!("and by {column}"), turns.to_vec());
            let tried = self.quietly(&request, source).await;
            if tried.outcome != Outcome::Answered {
                continue;
            }
            let Ok(analysis) = self.look(&tried).await else {
                continue;
            };
            let Some(share) = largest_share(&analysis) else {
                continue;
            };
            if best.as_ref().is_none_or(|(most, _)| share > *most) {
                best = Some((share, tried));
            }
        }
        let (_, parts) = best?;
        let request = self.request_for(&parts.question, turns.to_vec());
        let again = ask::run(&request, source, parts.query.as_deref()?, self.events).await;
        let answered = again.written_as(parts);
        let analysis = self.look(&answered.answer).await.ok()?;
        Some((answered, analysis))
    }

    /// Asks without anybody watching.
    async fn quietly(&self, request: &Request, source: &Candidate) -> Answer {
        let (events, mut unseen) = mpsc::channel(4);
        let asking = async {
            // Moved in, so that the reader ends when the pipeline does.
            let events = events;
            ask::ask(request, self.translator, std::slice::from_ref(source), &events).await
        };
        let reading = async {
            while unseen.recv().await.is_some() {
                if self.events.is_closed() {
                    // The asker left, and with this the pipeline ends.
                    unseen.close();
                }
            }
        };
        tokio::join!(asking, reading).0.answer
    }

    fn request_for(&self, question: &str, turns: Vec<Turn>) -> Request {
        Request {
            question: question.to_owned(),
            turns,
            preview_rows: MAX_ROWS,
            ..self.request.clone()
        }
    }

    async fn look(&self, answer: &Answer) -> Result<Analysis> {
        let (columns, rows) = (answer.columns.clone(), answer.rows.clone());
        let truncated = answer.truncated || (rows.len() as u64) < answer.row_count;
        let (method, today) = (self.asked.method, self.request.today);
        tokio::task::spawn_blocking(move || {
            let data = Data {
                columns: &columns,
                rows: &rows,
                truncated,
                today,
            };
            analyse(&data, method, None, None)
        })
        .await
        .map_err(Error::internal)?
    }

    fn said(&self, mut answered: Answered, analysis: Analysis, of: &str) -> Answered {
        let answer = &mut answered.answer;
        answer.answer = analysis.sentence;
        answer.interpretation = format!("{}, then {}", answer.interpretation, in_words(analysis.method));
        answer
            .findings
            .extend(analysis.notes.into_iter().map(|message| Finding {
                code: "analysis".into(),
                message,
                severity: Severity::Info,
            }));
        answer.analysis = Some(AnswerAnalysis {
            method: analysis.method.name().into(),
            column: analysis.column,
            of: of.to_owned(),
        });
        answered
    }

    fn not_possible(&self, mut answered: Answered, error: &Error) -> Answered {
        let answer = &mut answered.answer;
        answer.outcome = Outcome::Refused;
        answer.answer = error.to_string();
        answer.columns.clear();
        answer.rows.clear();
        answer.row_count = 0;
        answer.suggestions.clear();
        answered.chart = None;
        answered
    }
}

impl Answered {
    /// The query was run as the user's own is, but somebody else wrote it.
    fn written_by(mut self, translator: &str, reading: &str) -> Answered {
        translator.clone_into(&mut self.answer.translator);
        reading.clone_into(&mut self.answer.interpretation);
        if translator == "offline" {
            self.answer.query_in_words = None;
        }
        self
    }

    fn written_as(self, first: Answer) -> Answered {
        let mut again = self.written_by(&first.translator, &first.interpretation);
        again.answer.suggestions = first.suggestions;
        again
    }
}

/// Whether a pipeline groups its documents only to show each value once.
fn lists_once(answer: &Answer) -> bool {
    let is_mongo = answer.dialect == Some(Dialect::Mongodb);
    let Some(query) = answer.query.as_deref().filter(|_| is_mongo) else {
        return false;
    };
    let query: serde_json::Value = serde_json::from_str(query).unwrap_or_default();
    let stages = query["pipeline"].as_array();
    stages.is_some_and(|stages| {
        stages
            .iter()
            .filter_map(|stage| stage["$group"].as_object())
            .any(|group| group.len() == 1)
    })
}

/// How much of all movement the part that moved most makes up, 0 to 1.
fn largest_share(analysis: &Analysis) -> Option<f64> {
    let moved: Vec<f64> = analysis
        .rows
        .iter()
        .filter_map(|row| row.last()?.as_f64())
        .map(f64::abs)
        .collect();
    let all: f64 = moved.iter().sum();
    let most = moved.iter().copied().fold(0.0, f64::max);
    (moved.len() > 1 && all > 0.0).then(|| most / all)
}

fn in_words(method: Method) -> &'static str {
    match method {
        Method::Describe => "each column described",
        Method::Trend => "the trend of it",
        Method::Correlation => "how the numbers go together",
        Method::Distribution => "how its values are distributed",
        Method::Outliers => "what lies far from the rest",
        Method::Change => "the last period against the one before",
        Method::Forecast => "a forecast of it",
    }
}

fn refused(question: &str, translator: &str, why: &str) -> Answered {
    let mut answer = Answer::new(question, translator);
    answer.outcome = Outcome::Refused;
    answer.answer = why.into();
    Answered { answer, chart: None }
}
