//! What questions cost, added up by person, day and model.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::Conn;
use super::schema::token_usage;
use crate::error::Result;

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Used {
    pub organization_id: String,
    /// `YYYY-MM-DD`, UTC.
    pub day: String,
    pub user_id: String,
    /// Empty for questions that asked no model.
    pub model: String,
    pub questions: i64,
    pub calls: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    /// Millionths of the currency.
    pub cost: i64,
}

/// One statement for both kinds of store, so that two servers that add at once lose nothing.
const ADD: &str = "INSERT INTO token_usage \
    (organization_id, day, user_id, model, questions, calls, input_tokens, output_tokens, cost) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
    ON CONFLICT (organization_id, day, user_id, model) DO UPDATE SET \
    questions = token_usage.questions + excluded.questions, \
    calls = token_usage.calls + excluded.calls, \
    input_tokens = token_usage.input_tokens + excluded.input_tokens, \
    output_tokens = token_usage.output_tokens + excluded.output_tokens, \
    cost = token_usage.cost + excluded.cost";

/// Adds to what is there.
pub fn add(conn: &mut Conn, used: &Used) -> Result<()> {
    macro_rules! add {
        ($conn:expr) => {
            diesel::sql_query(ADD)
                .bind::<Text, _>(&used.organization_id)
                .bind::<Text, _>(&used.day)
                .bind::<Text, _>(&used.user_id)
                .bind::<Text, _>(&used.model)
                .bind::<BigInt, _>(used.questions)
                .bind::<BigInt, _>(used.calls)
                .bind::<BigInt, _>(used.input_tokens)
                .bind::<BigInt, _>(used.output_tokens)
                .bind::<BigInt, _>(used.cost)
                .execute($conn)?
        };
    }
    match conn {
        Conn::Sqlite(conn) => add!(conn),
        Conn::Postgres(conn) => add!(conn),
    };
    Ok(())
}

/// All of an organisation since a day, that day included; of one person when one is named.
pub fn since(conn: &mut Conn, organization_id: &str, day: &str, user_id: Option<&str>) -> Result<Vec<Used>> {
    let all = token_usage::table
        .filter(token_usage::organization_id.eq(organization_id))
        .filter(token_usage::day.ge(day))
        .order((token_usage::day, token_usage::user_id, token_usage::model));
    Ok(match user_id {
        Some(user_id) => all.filter(token_usage::user_id.eq(user_id)).load(conn)?,
        None => all.load(conn)?,
    })
}
