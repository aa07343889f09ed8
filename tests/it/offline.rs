//! The offline translator, from question to rows: the sample data's own questions through DataFusion, and
//! hostile or unreadable questions.

use std::collections::HashSet;
use std::io::Cursor;
use std::sync::Arc;

use arrow::csv::{ReaderBuilder, reader::Format};
use chrono::NaiveDate;
use clean_custard::catalog::{Catalog, Column, ColumnKind, Table};
use clean_custard::rows::json;
use clean_custard::service::evaluations::compare;
use clean_custard::service::samples;
use clean_custard::source::Dialect;
use clean_custard::translate::offline::Offline;
use clean_custard::translate::{Context, Query, Translation, Translator};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use serde_json::Value;

/// The sample files in memory, with the catalog an import would give: types, unique columns, frequent values.
pub(crate) fn sample() -> (SessionContext, Catalog) {
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    let mut catalog = Catalog::default();
    for (file, bytes) in samples::files() {
        let name = file.trim_end_matches(".csv");
        let (schema, _) = Format::default()
            .with_header(true)
            .infer_schema(Cursor::new(bytes), None)
            .unwrap();
        let schema = Arc::new(schema);
        let reader = ReaderBuilder::new(schema.clone())
            .with_header(true)
            .build(Cursor::new(bytes))
            .unwrap();
        let batches: Vec<_> = reader.map(Result::unwrap).collect();
        let rows: Vec<Vec<Value>> = batches
            .iter()
            .flat_map(|batch| json::values(batch, 0..batch.num_rows()).unwrap())
            .collect();
        let mut table = Table {
            name: name.to_owned(),
            row_estimate: Some(rows.len() as u64),
            ..Table::default()
        };
        for (at, field) in schema.fields().iter().enumerate() {
            let kind = match clean_custard::rows::type_word(field.data_type()) {
                "integer" => ColumnKind::Integer,
                "float" => ColumnKind::Float,
                "boolean" => ColumnKind::Boolean,
                "date" => ColumnKind::Date,
                "timestamp" => ColumnKind::Timestamp,
                "text" => ColumnKind::Text,
                other => panic!("{other}"),
            };
            let held: Vec<String> = rows
                .iter()
                .filter(|row| !row[at].is_null())
                .map(|row| row[at].to_string())
                .collect();
            let distinct: HashSet<&String> = held.iter().collect();
            if distinct.len() == rows.len() {
                table.unique.push(vec![field.name().clone()]);
            }
            let mut values: Vec<String> = Vec::new();
            if kind == ColumnKind::Text && distinct.len() <= 50 {
                values = rows
                    .iter()
                    .filter_map(|row| row[at].as_str().map(str::to_owned))
                    .collect::<HashSet<_>>()
                    .into_iter()
                    .collect();
                values.sort();
            }
            table.columns.push(Column {
                name: field.name().clone(),
                kind,
                nullable: held.len() < rows.len(),
                distinct_estimate: Some(distinct.len() as u64),
                values_complete: !values.is_empty(),
                values,
                ..Column::default()
            });
        }
        catalog.tables.push(table);
        let memory = MemTable::try_new(schema, vec![batches]).unwrap();
        session.register_table(name, Arc::new(memory)).unwrap();
    }
    (session, catalog)
}

pub(crate) async fn rows(session: &SessionContext, sql: &str) -> Vec<Vec<Value>> {
    let frame = session.sql(sql).await.unwrap_or_else(|e| panic!("{sql}\n{e}"));
    let batches = frame.collect().await.unwrap_or_else(|e| panic!("{sql}\n{e}"));
    batches
        .iter()
        .flat_map(|batch| json::values(batch, 0..batch.num_rows()).unwrap())
        .collect()
}

async fn ask(question: &str, catalog: &Catalog) -> Translation {
    let catalog = Arc::new(catalog.clone());
    let context = Context {
        question,
        dialect: Dialect::Datafusion,
        catalog: &catalog,
        glossary: "",
        examples: &[],
        turns: &[],
        today: NaiveDate::from_ymd_opt(2026, 11, 23).unwrap(),
        failed: None,
    };
    Offline.translate(&context).await.unwrap()
}

#[actix_web::test]
async fn sample_questions_are_right_or_unanswered_never_wrong() {
    let (session, catalog) = sample();
    let list = include_bytes!("../../assets/samples/questions.csv");
    let mut suggested_right = 0;
    let mut right = 0;
    let mut wrong = Vec::new();
    let mut others = Vec::new();
    for record in csv::Reader::from_reader(&list[..]).records() {
        let record = record.unwrap();
        let (question, gold, suite) = (&record[0], &record[1], &record[2]);
        match ask(question, &catalog).await {
            Translation::Query(Query { text, reading }) => {
                let held = rows(&session, &text).await;
                let mut matched = false;
                for sql in compare::alternatives(gold) {
                    matched = matched || compare::same_rows(&rows(&session, &sql).await, &held);
                }
                println!("{question}\n   = {reading}\n{text}\n");
                if !matched {
                    wrong.push(format!("{question}\n{reading}\n{text}\n{held:?}"));
                } else if suite == "suggested" {
                    suggested_right += 1;
                } else {
                    right += 1;
                }
            }
            other => others.push(format!("{question}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(suggested_right, 4, "{others:#?}");
    assert!(right >= 19, "{right} right; {others:#?}");
}

#[actix_web::test]
async fn ten_ways_to_ask_give_one_answer() {
    let (session, catalog) = sample();
    let list = include_str!("../corpus/paraphrases.txt");
    let (mut right, mut all) = (0, 0);
    let mut wrong = Vec::new();
    let mut unanswered = Vec::new();
    let mut expected: Vec<Vec<Vec<Value>>> = Vec::new();
    for line in list.lines() {
        if let Some(gold) = line.strip_prefix("= ") {
            expected.clear();
            for sql in compare::alternatives(gold) {
                expected.push(rows(&session, &sql).await);
            }
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        all += 1;
        match ask(line, &catalog).await {
            Translation::Query(Query { text, reading }) => {
                let held = rows(&session, &text).await;
                if expected.iter().any(|rows| compare::same_rows(rows, &held)) {
                    right += 1;
                } else {
                    wrong.push(format!("{line}\n{reading}\n{text}\n{held:?}"));
                }
            }
            other => unanswered.push(format!("{line}: {other:?}")),
        }
    }
    println!("{right} of {all} right; not answered:\n{}", unanswered.join("\n"));
    assert_eq!(all, 300);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(right * 100 >= all * 80, "{right} of {all} right; {unanswered:#?}");
}
