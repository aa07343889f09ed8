//! Which source a question is about, when the asker did not say.
//!
//! A source is judged by how many words of the question its names and values explain; two that explain it
//! equally well are offered to the asker, never guessed between.

use std::collections::HashSet;
use std::sync::Arc;

use rust_stemmers::{Algorithm, Stemmer};

use super::answer::AnswerOption;
use super::taught::Ground;
use super::{Candidate, CandidateKind, Request};
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::translate::{Context, Translation, Translator};

/// The outcome: one source, or a question back.
pub enum Choice<'a> {
    One(&'a Candidate),
    Ask {
        message: String,
        options: Vec<AnswerOption>,
    },
}

/// Chooses among `candidates`. Errors: `Invalid` when there are none; what a source says when it is the only
/// one and cannot be reached.
pub async fn choose<'a>(
    request: &Request,
    translator: &dyn Translator,
    candidates: &'a [Candidate],
) -> Result<Choice<'a>> {
    match candidates {
        [] => Err(Error::Invalid(
            "There is nothing to ask yet. Add a file or connect a database first.".into(),
        )),
        [only] => Ok(Choice::One(only)),
        several => among(request, translator, several).await,
    }
}

async fn among<'a>(
    request: &Request,
    translator: &dyn Translator,
    candidates: &'a [Candidate],
) -> Result<Choice<'a>> {
    let words = stems(&request.question);
    let mut scored = Vec::new();
    let mut unreachable = None;
    for candidate in candidates {
        match candidate.source.catalog().await {
            Ok(catalog) => {
                let ground = Ground::new(request, candidate, &catalog);
                let score = explained(&words, &ground).await?;
                scored.push((score, candidate, Arc::new(ground)));
            }
            Err(error) => unreachable = Some(error),
        }
    }
    let Some(best) = scored.iter().map(|(score, ..)| *score).max() else {
        return Err(unreachable.unwrap_or_else(|| Error::internal("no source was scored")));
    };
    scored.retain(|(score, ..)| *score == best);
    // Words alone do not decide between equals; whether the question can be read there may.
    if scored.len() > 1 && translator.is_instant() {
        let mut readable = Vec::new();
        for (score, candidate, ground) in &scored {
            let context = Context {
                question: &request.question,
                dialect: candidate.source.dialect(),
                catalog: &ground.catalog,
                glossary: &ground.glossary,
                examples: &ground.examples,
                turns: &request.turns,
                today: request.today,
                failed: None,
            };
            if !matches!(translator.translate(&context).await?, Translation::Refuse { .. }) {
                readable.push((*score, *candidate, ground.clone()));
            }
        }
        if !readable.is_empty() {
            scored = readable;
        }
    }
    match scored.as_slice() {
        [(_, only, _)] => Ok(Choice::One(only)),
        several => Ok(Choice::Ask {
            message: "Several of your sources could answer this. Which one do you mean?".into(),
            options: several
                .iter()
                .map(|(_, candidate, _)| option(request, candidate))
                .collect(),
        }),
    }
}

/// How many of the words the catalog, and what was taught about it, know. Counted on another thread: a large
/// catalog has many words.
async fn explained(words: &HashSet<String>, ground: &Ground) -> Result<usize> {
    let (words, catalog) = (words.clone(), ground.catalog.clone());
    let mut taught = stems(&ground.glossary);
    taught.extend(
        ground
            .examples
            .iter()
            .flat_map(|example| stems(&example.question)),
    );
    let counting = tokio::task::spawn_blocking(move || {
        let mut known = vocabulary(&catalog);
        known.extend(taught);
        words.iter().filter(|word| known.contains(*word)).count()
    });
    counting
        .await
        .map_err(|error| Error::internal(format!("choosing a source failed: {error}")))
}

fn option(request: &Request, candidate: &Candidate) -> AnswerOption {
    AnswerOption {
        label: candidate.name.clone(),
        question: request.question.clone(),
        connection_id: match candidate.kind {
            CandidateKind::Connection => candidate.ids.first().cloned(),
            CandidateKind::Files => None,
        },
        file_ids: match candidate.kind {
            CandidateKind::Connection => None,
            CandidateKind::Files => Some(candidate.ids.clone()),
        },
    }
}

/// Every word of the catalog's names, comments and value hints, stemmed.
fn vocabulary(catalog: &Catalog) -> HashSet<String> {
    let mut known = HashSet::new();
    for table in &catalog.tables {
        known.extend(stems(&table.name));
        known.extend(table.comment.iter().flat_map(|comment| stems(comment)));
        for column in &table.columns {
            known.extend(stems(&column.name));
            known.extend(column.values.iter().flat_map(|value| stems(value)));
        }
    }
    known
}

/// The words of a text in lower case, without endings; `camelCase` and `snake_case` count as several words.
fn stems(text: &str) -> HashSet<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    let mut spaced = String::with_capacity(text.len() + 8);
    let mut previous_lower = false;
    for letter in text.chars() {
        if letter.is_uppercase() && previous_lower {
            spaced.push(' ');
        }
        previous_lower = letter.is_lowercase();
        spaced.push(letter);
    }
    spaced
        .to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.chars().count() > 2)
        .map(|word| stemmer.stem(word).into_owned())
        .collect()
}
