//! The offline translator in every dialect: the sample questions asked of the sample data in each database,
//! the answers equal to those over files.

use std::sync::Arc;

use chrono::NaiveDate;
use clean_custard::catalog::{Catalog, ColumnKind};
use clean_custard::guard;
use clean_custard::service::evaluations::compare;
use clean_custard::source::{Limits, Source, connect};
use clean_custard::translate::offline::Offline;
use clean_custard::translate::{Context, Translation, Translator, Turn};
use mongodb::bson::{Bson, DateTime, Document};
use serde_json::Value;

use crate::offline::{rows as file_rows, sample};
use crate::support::conformance::values;
use crate::support::mongo;

/// Questions beyond those that come with the samples: dates, ratios, shares, changes, the best of each group.
const FURTHER: &[&str] = &[
    "Number of orders by week in January 2025",
    "Revenue by quarter in 2024",
    "Number of orders by hour",
    "Number of orders by day in March 2025",
    "Revenue by year",
    "What is the ratio of delivery orders to all orders?",
    "What percentage of orders were paid by card in 2025?",
    "What is the percentage of total revenue by channel?",
    "Share of revenue by category",
    "Revenue growth by quarter in 2024",
    "Cumulative revenue by month in 2025",
    "What are the top 2 products in each category by revenue?",
    "What is the most expensive product in each category?",
    "Which products have a list price above the average list price?",
    "Which stores have an average rating above 4?",
    "Stores with more than 40 seats or in Milwaukee",
    "How many orders were there on weekends?",
    "How many orders were there in December?",
    "What is the difference between the highest and the lowest list price?",
    "How many customers have never ordered?",
    "Which customers have more than 60 orders?",
    "How many products are not in the category Cones?",
    "Customers whose last name starts with O",
    "Products where list price is more than unit cost",
    "How many customers bought products in the category Sundaes?",
    "Number of different customers by store",
    "What is the ratio of customers to stores?",
    "Revenue in 2025 compared to 2024",
    "Average rating by store in 2025 vs 2024",
    "Revenue by month in 2025 compared to 2024",
    "How many more orders were there in 2025 than in 2024?",
    "Compare Delivery and Drive-thru revenue",
    "Which month had the highest revenue in 2024?",
    "Which 3 months had the fewest orders in 2025?",
    "Which weekday has the most orders?",
    "Products more expensive than average",
    "Customers who ordered more than twice",
    "Which 5 customers spent the most?",
    "Revenue and number of orders by channel",
    "How many Delivery and Drive-thru orders were there?",
];

const TODAY: (i32, u32, u32) = (2026, 11, 23);

fn context<'a>(
    question: &'a str,
    source: &dyn Source,
    catalog: &'a Arc<Catalog>,
    turns: &'a [Turn],
) -> Context<'a> {
    Context {
        question,
        dialect: source.dialect(),
        catalog,
        glossary: "",
        examples: &[],
        turns,
        today: NaiveDate::from_ymd_opt(TODAY.0, TODAY.1, TODAY.2).unwrap(),
        failed: None,
    }
}

/// Asks every question of a database and of the files, and compares.
async fn same_as_files(url: &str) {
    let (session, files) = sample();
    let files = Arc::new(files);
    let source = connect(url).unwrap();
    let catalog = source.catalog().await.unwrap();
    let list = include_bytes!("../../assets/samples/questions.csv");
    let suggested: Vec<String> = csv::Reader::from_reader(&list[..])
        .records()
        .map(|record| record.unwrap()[0].to_owned())
        .collect();
    let mut answered = 0;
    let mut bad = Vec::new();
    for question in suggested
        .iter()
        .map(String::as_str)
        .chain(FURTHER.iter().copied())
    {
        let mut over_files = context(question, &*source, &files, &[]);
        over_files.dialect = clean_custard::source::Dialect::Datafusion;
        let expected = match Offline.translate(&over_files).await.unwrap() {
            Translation::Query(query) => file_rows(&session, &query.text).await,
            other => {
                if !suggested.iter().any(|own| own == question) {
                    bad.push(format!("{question}\nover files: {other:?}"));
                }
                continue;
            }
        };
        match Offline
            .translate(&context(question, &*source, &catalog, &[]))
            .await
            .unwrap()
        {
            Translation::Query(query) => {
                let checked = guard::check(&query.text, &catalog, source.dialect())
                    .map(|resolved| resolved.text)
                    .map_err(|e| e.to_string());
                let held = match checked {
                    Ok(text) => match source.run(&text, &Limits::default()).await {
                        Ok(rows) => values(rows).await.map_err(|e| e.to_string()),
                        Err(error) => Err(error.to_string()),
                    },
                    Err(error) => Err(error),
                };
                match held {
                    Ok(held) if compare::same_rows(&plain(&expected), &plain(&held)) => answered += 1,
                    other => bad.push(format!(
                        "{question}\n{}\n{}\n{other:?}\n{expected:?}",
                        query.reading, query.text
                    )),
                }
            }
            other => bad.push(format!("{question}: {other:?}")),
        }
    }
    assert!(bad.is_empty(), "{answered} right\n\n{}", bad.join("\n\n"));
    assert!(answered >= 40, "{answered} answered");
}

/// Yes and no as 1 and 0, as some databases keep them; a moment at midnight as its day.
fn plain(rows: &[Vec<Value>]) -> Vec<Vec<Value>> {
    rows.iter()
        .map(|row| {
            row.iter()
                .map(|value| match value {
                    Value::Bool(yes) => Value::from(i32::from(*yes)),
                    other => other.clone(),
                })
                .collect()
        })
        .collect()
}

#[tokio::test]
async fn mongodb_answers_as_the_files_do() {
    let (session, catalog) = sample();
    let mut collections: Vec<(&str, Vec<Document>)> = Vec::new();
    for table in &catalog.tables {
        let all = file_rows(&session, &format!("SELECT * FROM {}", table.name)).await;
        let documents = all
            .iter()
            .map(|row| {
                table
                    .columns
                    .iter()
                    .zip(row)
                    .enumerate()
                    .map(|(at, (column, value))| {
                        // The key of a document is its `_id`.
                        let name = if at == 0 { "_id" } else { &column.name };
                        (name.to_owned(), bson(value, column.kind))
                    })
                    .collect()
            })
            .collect();
        collections.push((&table.name, documents));
    }
    let database = mongo::shared().database(&collections).await;
    same_as_files(&database.url()).await;
}

fn bson(value: &Value, kind: ColumnKind) -> Bson {
    match (value, kind) {
        (Value::String(text), ColumnKind::Date) => DateTime::parse_rfc3339_str(format!("{text}T00:00:00Z"))
            .unwrap()
            .into(),
        (Value::String(text), ColumnKind::Timestamp) => {
            let text = text.trim_end_matches('Z').replace(' ', "T");
            DateTime::parse_rfc3339_str(format!("{text}Z")).unwrap().into()
        }
        (Value::String(text), _) => text.clone().into(),
        (Value::Bool(yes), _) => (*yes).into(),
        (Value::Number(number), _) => match number.as_i64() {
            Some(whole) if kind == ColumnKind::Integer => whole.into(),
            _ => number.as_f64().unwrap_or_default().into(),
        },
        _ => Bson::Null,
    }
}
