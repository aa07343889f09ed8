//! What questions cost: who used how many tokens of the model on which day, and the limits on it. Days are UTC.

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, NaiveDate, Utc};
use serde::Serialize;

use super::accounts::{Identity, Role};
use super::models::{InForce, SetBy};
use super::preferences::PreferenceBook;
use crate::config::SpendingConfig;
use crate::db::usage::{self as records, Used};
use crate::db::{Db, users};
use crate::error::{Error, Result};
use crate::translate::usage;

/// Days of a report at most.
const MAX_DAYS: u32 = 366;

/// The limits and the books. Cheap to clone.
#[derive(Clone)]
pub struct Usage {
    db: Db,
    preferences: PreferenceBook,
    server: SpendingConfig,
}

/// A sum.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Sum {
    pub questions: i64,
    /// Calls to the model; repairs are calls too.
    pub calls: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    /// In the report's currency; null where tokens were used and no price was known.
    pub cost: Option<f64>,
}

/// The sum of a day.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct DaySum {
    /// `YYYY-MM-DD`, UTC.
    pub day: String,
    #[serde(flatten)]
    pub sum: Sum,
}

/// The sum of a person over the days of the report.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PersonSum {
    pub user_id: String,
    /// Null where nobody is known any more.
    pub name: Option<String>,
    #[serde(flatten)]
    pub sum: Sum,
}

/// The sum of a model over the days of the report.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ModelSum {
    /// Null: the built-in translator, or an answer that was known already.
    pub model: Option<String>,
    #[serde(flatten)]
    pub sum: Sum,
}

/// Tokens a day, read and written together; null: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TokenLimits {
    pub user_tokens_per_day: Option<u64>,
    pub organization_tokens_per_day: Option<u64>,
}

/// What questions cost.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct UsageReport {
    /// Every day, oldest first, also those on which nothing was asked.
    pub days: Vec<DaySum>,
    /// Who used most comes first.
    pub people: Vec<PersonSum>,
    pub models: Vec<ModelSum>,
    pub today: Sum,
    pub total: Sum,
    /// An ISO 4217 code.
    pub currency: String,
    pub limits: TokenLimits,
}

/// Adds up.
#[derive(Default)]
struct Adding {
    sum: Sum,
    /// Millionths.
    cost: i64,
    /// Tokens whose price nobody knew.
    unpriced: bool,
}

impl Adding {
    fn add(&mut self, used: &Used) {
        self.sum.questions += used.questions;
        self.sum.calls += used.calls;
        self.sum.input_tokens += used.input_tokens;
        self.sum.output_tokens += used.output_tokens;
        self.cost += used.cost;
        self.unpriced |= used.cost == 0 && used.input_tokens + used.output_tokens > 0;
    }

    fn sum(self) -> Sum {
        Sum {
            // Some tokens at no price among others: the sum of the others is still what is known.
            cost: (self.cost > 0 || !self.unpriced).then_some(self.cost as f64 / 1e6),
            ..self.sum
        }
    }
}

impl Usage {
    pub fn new(db: Db, preferences: PreferenceBook, server: SpendingConfig) -> Usage {
        Usage {
            db,
            preferences,
            server,
        }
    }

    /// The limits on an organisation's questions: its own, and the server's on the server's model; the smaller one
    /// of two holds.
    pub fn limits(&self, organization_id: &str, set_by: SetBy) -> TokenLimits {
        let own = self.preferences.of(organization_id);
        let smaller = |own: Option<u64>, server: Option<u64>| match set_by {
            SetBy::Server => own.into_iter().chain(server).min(),
            SetBy::Organization => own,
        };
        TokenLimits {
            user_tokens_per_day: smaller(own.user_tokens_per_day, self.server.user_tokens_per_day),
            organization_tokens_per_day: smaller(
                own.organization_tokens_per_day,
                self.server.organization_tokens_per_day,
            ),
        }
    }

    /// Whether this person may ask the model now. What is under way is not counted yet, so the last question of a
    /// day may go over. Errors: `TooMany`, with what to do.
    pub async fn allow(&self, who: &Identity, model: &InForce) -> Result<()> {
        let limits = self.limits(&who.organization_id, model.set_by);
        if model.llm.is_none() || limits == TokenLimits::default() {
            return Ok(());
        }
        let (organization, day) = (who.organization_id.clone(), today().to_string());
        let used = self
            .db
            .read(move |conn| records::since(conn, &organization, &day, None))
            .await?;
        let tokens = |of: &dyn Fn(&Used) -> bool| {
            used.iter()
                .filter(|used| of(used))
                .map(|used| used.input_tokens.saturating_add(used.output_tokens))
                .sum::<i64>()
                .unsigned_abs()
        };
        let checks = [
            (
                "You have",
                limits.user_tokens_per_day,
                tokens(&|used| used.user_id == who.user_id),
            ),
            (
                "Your organization has",
                limits.organization_tokens_per_day,
                tokens(&|_| true),
            ),
        ];
        for (who, limit, used) in checks {
            if let Some(limit) = limit
                && used >= limit
            {
                return Err(Error::TooMany(format!(
                    "{who} used {used} of the {limit} tokens a day that the language model may cost. Questions go on \
                     after midnight UTC, or once an owner raises the limit; queries of your own run as before."
                )));
            }
        }
        Ok(())
    }

    /// Writes down calls that were made for no question.
    pub async fn spent(&self, who: &Identity, cost: Option<&usage::Usage>) -> Result<()> {
        if cost.is_none() {
            return Ok(());
        }
        let entry = Usage::entry(who, 0, cost);
        self.db.write(move |conn| records::add(conn, &entry)).await
    }

    /// The entry for one question, or for calls without one (`questions` 0).
    pub fn entry(who: &Identity, questions: i64, cost: Option<&usage::Usage>) -> Used {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Used {
            organization_id: who.organization_id.clone(),
            day: today().to_string(),
            user_id: who.user_id.clone(),
            model: cost.map(|cost| cost.model.clone()).unwrap_or_default(),
            questions,
            calls: cost.map_or(0, |cost| cost.calls.into()),
            input_tokens: cost.map_or(0, |cost| whole(cost.input_tokens)),
            output_tokens: cost.map_or(0, |cost| whole(cost.output_tokens)),
            cost: cost
                .and_then(|cost| cost.cost)
                .map_or(0, |cost| (cost * 1e6).round() as i64),
        }
    }

    /// What the last days cost, today included: of everybody for owners and admins, of the asker for others.
    /// Errors: `Invalid`.
    pub async fn report(&self, who: &Identity, days: u32, set_by: SetBy) -> Result<UsageReport> {
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(Error::Invalid(format!(
                "The number of days has to be between 1 and {MAX_DAYS}."
            )));
        }
        let today = today();
        let first = today - Days::new(u64::from(days) - 1);
        let (organization, from) = (who.organization_id.clone(), first.to_string());
        let user = (who.role < Role::Admin).then(|| who.user_id.clone());
        let (used, names) = self
            .db
            .read(move |conn| {
                let used = records::since(conn, &organization, &from, user.as_deref())?;
                let names: HashMap<String, String> = users::members(conn, &organization)?
                    .into_iter()
                    .map(|user| (user.id, user.name))
                    .collect();
                Ok((used, names))
            })
            .await?;
        Ok(report(
            &used,
            &names,
            first,
            today,
            self.server.currency.clone(),
            self.limits(&who.organization_id, set_by),
        ))
    }
}

fn report(
    used: &[Used],
    names: &HashMap<String, String>,
    first: NaiveDate,
    today: NaiveDate,
    currency: String,
    limits: TokenLimits,
) -> UsageReport {
    let mut days: BTreeMap<String, Adding> = first
        .iter_days()
        .take_while(|day| *day <= today)
        .map(|day| (day.to_string(), Adding::default()))
        .collect();
    let mut people: BTreeMap<&str, Adding> = BTreeMap::new();
    let mut models: BTreeMap<&str, Adding> = BTreeMap::new();
    let (mut total, mut of_today) = (Adding::default(), Adding::default());
    let today = today.to_string();
    for used in used {
        days.entry(used.day.clone()).or_default().add(used);
        people.entry(&used.user_id).or_default().add(used);
        models.entry(&used.model).or_default().add(used);
        total.add(used);
        if used.day == today {
            of_today.add(used);
        }
    }
    let mut people: Vec<PersonSum> = people
        .into_iter()
        .map(|(id, adding)| PersonSum {
            user_id: id.to_owned(),
            name: names.get(id).cloned(),
            sum: adding.sum(),
        })
        .collect();
    people.sort_by_key(|person| std::cmp::Reverse(weight(&person.sum)));
    let mut models: Vec<ModelSum> = models
        .into_iter()
        .map(|(model, adding)| ModelSum {
            model: Some(model.to_owned()).filter(|model| !model.is_empty()),
            sum: adding.sum(),
        })
        .collect();
    models.sort_by_key(|model| std::cmp::Reverse(weight(&model.sum)));
    UsageReport {
        days: days
            .into_iter()
            .map(|(day, adding)| DaySum {
                day,
                sum: adding.sum(),
            })
            .collect(),
        people,
        models,
        today: of_today.sum(),
        total: total.sum(),
        currency,
        limits,
    }
}

fn weight(sum: &Sum) -> (i64, i64) {
    (sum.input_tokens.saturating_add(sum.output_tokens), sum.questions)
}

fn today() -> NaiveDate {
    Utc::now().date_naive()
}
