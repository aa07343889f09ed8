//! Does the configured model work? One small question, and the step that failed in words.

use openai_api_rs::v1::chat_completion::MessageRole;
use serde::{Deserialize, Serialize};

use super::chat::Chat;
use super::fault::Step;
use super::{message, reply};
use crate::config::LlmConfig;
use crate::translate::Translation;

/// Models named when the configured one is unknown.
const MAX_MODELS: usize = 12;

/// What a test of the model's settings found, up to the first step that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TestReport {
    pub ok: bool,
    pub steps: Vec<TestStep>,
}

/// One step of a [`TestReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TestStep {
    pub step: Step,
    pub ok: bool,
    /// What works, or what to do.
    pub message: String,
}

/// Asks the model for a query whose answer is known. Nothing of the owner's data is sent.
pub async fn test(config: &LlmConfig) -> TestReport {
    // A person is waiting at a button: what fails should say so at once.
    let config = LlmConfig {
        retries: 0,
        ..config.clone()
    };
    let chat = match Chat::new(&config) {
        Ok(chat) => chat,
        Err(error) => return report(Step::Connect, Some(error.to_string()), &config.model),
    };
    let messages = [
        message(
            MessageRole::system,
            "You turn questions about data into SQL. Answer with one JSON object and nothing else: \
             {\"kind\":\"query\",\"query\":string,\"explanation\":string,\"options\":[]}"
                .into(),
        ),
        message(
            MessageRole::user,
            "The table is custards(id integer, flavor text). Question: how many custards are there?".into(),
        ),
    ];
    match chat.complete(&messages, &reply::schema()).await {
        Ok(answer) => match reply::translation(&answer) {
            Ok(Translation::Query(_)) => report(Step::Json, None, &config.model),
            Ok(_) => report(
                Step::Json,
                Some(
                    "The model did not answer a simple question with a query; choose a more capable one."
                        .into(),
                ),
                &config.model,
            ),
            Err(error) => report(Step::Json, Some(error.to_string()), &config.model),
        },
        Err(fault) => {
            let mut words = fault.error.to_string();
            if fault.step == Step::Model {
                let mut models = chat.models().await;
                if !models.is_empty() && !models.contains(&config.model) {
                    models.sort();
                    models.truncate(MAX_MODELS);
                    words.push_str(&format!(" Models it offers: {}.", models.join(", ")));
                }
            }
            report(fault.step, Some(words), &config.model)
        }
    }
}

/// Every step before `last` went well; `last` did unless there are words about it.
fn report(last: Step, words: Option<String>, model: &str) -> TestReport {
    let good = |step| match step {
        Step::Connect => "The endpoint can be reached.".to_owned(),
        Step::Auth => "It accepts the request.".to_owned(),
        Step::Model => format!("The model {model} answers."),
        Step::Json => "Its answer is the JSON that was asked for.".to_owned(),
    };
    let mut steps: Vec<TestStep> = [Step::Connect, Step::Auth, Step::Model, Step::Json]
        .into_iter()
        .filter(|step| *step <= last)
        .map(|step| TestStep {
            step,
            ok: true,
            message: good(step),
        })
        .collect();
    let ok = words.is_none();
    if let (Some(words), Some(step)) = (words, steps.last_mut()) {
        step.ok = false;
        step.message = words;
    }
    TestReport { ok, steps }
}
