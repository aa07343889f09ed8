//! Questions through HTTP: asked, streamed, edited, kept, cancelled; with the offline translator and with a
//! scripted model.

use std::time::Duration;

use clean_custard::config::LlmConfig;
use reqwest::header::ACCEPT;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::on_both_stores;
use crate::support::app::{Caller, TestApp, eventually};
use crate::support::model::{Model, Reply};

const SALES: &[u8] =
    b"city,amount,sold_on\nBerlin,10.50,2025-01-02\nRome,20.25,2025-01-03\nBerlin,5.25,2025-02-01\n";

async fn with_sales(app: &TestApp) -> (Caller, String) {
    let owner = app.owner().await;
    let (status, uploaded) = owner.upload(&[("sales.csv", SALES)]).await;
    assert_eq!(status, StatusCode::CREATED, "{uploaded}");
    let id = uploaded["files"][0]["id"].as_str().expect("an id").to_owned();
    (owner, id)
}

fn model(model: &Model) -> LlmConfig {
    LlmConfig {
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(60),
        retries: 0,
        ..LlmConfig::new(model.url(), Some("sk-secret".to_owned().into()), "scripted")
    }
}

on_both_stores!(a_question_is_answered_kept_and_exported, async |app: &TestApp| {
    let (owner, file) = with_sales(app).await;
    let answer = owner.ask("total amount by city").await;
    assert_eq!(answer["outcome"], "answered", "{answer}");
    assert_eq!(answer["translator"], "offline");
    assert_eq!(answer["rows"].as_array().unwrap().len(), 2);
    let berlin = answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row[0] == "Berlin")
        .unwrap();
    assert_eq!(berlin[1], "15.75");
    assert_eq!(answer["sql_query"], answer["query"]);
    assert_eq!(answer["sources"][0]["id"], json!(file));
    assert!(answer["elapsed_ms"]["total"].as_f64().unwrap() > 0.0);
    let id = answer["id"].as_str().unwrap();

    let (status, again) = owner.get(&format!("/api/v1/query/{id}")).await;
    assert_eq!((status, &again["rows"]), (StatusCode::OK, &answer["rows"]));
    let (_, kept) = owner
        .patch(&format!("/api/v1/query/{id}"), &json!({ "kept": true }))
        .await;
    assert_eq!(kept["kept"], true);
    let (_, list) = owner.get("/api/v1/query?kept=true").await;
    assert_eq!(list["queries"][0]["id"], json!(id));

    let result = answer["result_id"].as_str().unwrap();
    let (_, page) = owner
        .get(&format!("/api/v1/results/{result}?offset=1&limit=1"))
        .await;
    assert_eq!(
        (page["rows"].as_array().unwrap().len(), &page["row_count"]),
        (1, &json!(2))
    );
    let csv = owner
        .request(
            Method::GET,
            &format!("/api/v1/results/{result}/export?format=csv"),
        )
        .send()
        .await
        .unwrap();
    assert!(
        csv.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .contains("result.csv")
    );
    let csv = csv.text().await.unwrap();
    assert!(csv.contains("Berlin,15.75"), "{csv}");

    let conversation = answer["conversation_id"].as_str().unwrap();
    let (_, talk) = owner.get(&format!("/api/v1/conversations/{conversation}")).await;
    assert_eq!(talk["queries"][0]["id"], json!(id));
    assert_eq!(
        owner
            .delete(&format!("/api/v1/conversations/{conversation}"))
            .await
            .0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        owner.get(&format!("/api/v1/query/{id}")).await.0,
        StatusCode::NOT_FOUND
    );
});

#[tokio::test]
async fn a_stream_tells_stages_query_rows_and_answer_in_order() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_sales(&app).await;
    let events = owner
        .ask_streaming(&json!({ "question": "how many sales", "file_ids": [file] }))
        .await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    let position = |wanted: &str| {
        names
            .iter()
            .position(|name| *name == wanted)
            .unwrap_or_else(|| panic!("{names:?}"))
    };
    assert!(position("stage") < position("query"));
    assert!(position("query") < position("columns"));
    assert!(position("columns") < position("rows"));
    assert!(position("rows") < position("answer"));
    assert_eq!(names.last(), Some(&"done"));
    let (_, answer) = &events[position("answer")];
    assert_eq!(answer["rows"], json!([[3]]), "{answer}");
    let stages: Vec<&Value> = events
        .iter()
        .filter(|(name, _)| name == "stage")
        .map(|(_, data)| &data["stage"])
        .collect();
    assert_eq!(
        stages,
        ["sources", "context", "translate", "validate", "run", "present"]
    );
}

#[tokio::test]
async fn ones_own_query_runs_through_the_same_guard() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_sales(&app).await;
    let run = |query: &str| {
        let body = json!({ "query": query, "file_ids": [file] });
        let owner = owner.clone();
        async move { owner.post("/api/v1/query/run", &body).await }
    };
    let (status, answer) = run("SELECT city FROM sales WHERE amount > 15").await;
    assert_eq!((status, &answer["rows"]), (StatusCode::OK, &json!([["Rome"]])));
    assert_eq!(answer["translator"], "user");
    for (query, outcome) in [
        ("DELETE FROM sales", "refused"),
        ("SELECT * FROM sales; SELECT 1", "refused"),
        ("SELECT * FROM '/etc/passwd'", "failed"),
        ("SELECT citty FROM sales", "failed"),
    ] {
        let (status, answer) = run(query).await;
        assert_eq!(status, StatusCode::OK, "{query}");
        assert_ne!(answer["outcome"], "answered", "{query}: {answer}");
        if outcome == "refused" {
            assert_eq!(answer["outcome"], outcome, "{query}: {answer}");
        }
        assert!(
            answer["error"]["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{answer}"
        );
    }
    let (status, _) = owner
        .post("/api/v1/query/run", &json!({ "query": "SELECT 1" }))
        .await;
    assert_eq!(status, StatusCode::OK, "the only source there is needs no naming");
}

#[tokio::test]
async fn bad_questions_and_foreign_ids_get_a_sentence() {
    let app = TestApp::builder().start().await;
    let (owner, _) = with_sales(&app).await;
    let post = |body: Value| {
        let owner = owner.clone();
        async move { owner.post("/api/v1/query", &body).await }
    };
    let (status, answer) = post(json!({ "question": "   " })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(answer["error"]["message"].as_str().unwrap().contains("empty"));
    let (status, answer) = post(json!({ "question": "x".repeat(10_000) })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        answer["error"]["message"].as_str().unwrap().contains("10000"),
        "{answer}"
    );
    for body in [
        json!({ "question": "how many sales", "file_ids": ["nope"] }),
        json!({ "question": "how many sales", "connection_id": "nope" }),
        json!({ "question": "how many sales", "conversation_id": "nope" }),
    ] {
        let (status, answer) = post(body.clone()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}: {answer}");
    }
    let (status, answer) = post(json!({ "question": "Wie viele Verkäufe gab es in Berlin?" })).await;
    assert_eq!((status, &answer["outcome"]), (StatusCode::OK, &json!("refused")));
    assert_eq!(owner.get("/api/v1/query/nope").await.0, StatusCode::NOT_FOUND);
    assert_eq!(owner.get("/api/v1/results/nope").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nothing_to_ask_is_said() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let answer = owner.ask("how many orders").await;
    assert_eq!(answer["outcome"], "failed");
    assert!(
        answer["answer"].as_str().unwrap().contains("Add a file"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_model_writes_the_query_and_mends_it_once_told_why() {
    let script = Model::start();
    script
        .queue(Reply::query("SELECT citty FROM sales", "the cities"))
        .queue(Reply::query(
            "SELECT DISTINCT city FROM sales ORDER BY city",
            "the cities",
        ));
    let app = TestApp::builder().llm(model(&script)).start().await;
    let (owner, _) = with_sales(&app).await;
    let answer = owner.ask("Which cities are there?").await;
    assert_eq!(answer["outcome"], "answered", "{answer}");
    assert_eq!(answer["rows"], json!([["Berlin"], ["Rome"]]));
    assert_eq!(
        (&answer["translator"], &answer["attempts"]),
        (&json!("llm"), &json!(2))
    );
    let asked = script.asked();
    assert_eq!(asked.len(), 2);
    assert!(
        asked[1].body.to_string().contains("citty"),
        "the second request tells what was wrong"
    );
    // Rows never go to the model.
    assert!(!asked.iter().any(|one| one.body.to_string().contains("20.25")));
}

#[tokio::test]
async fn a_model_that_insists_on_writing_is_refused_in_the_end() {
    let script = Model::start();
    script.rule(|_| Reply::query("DROP TABLE sales", "all gone"));
    let app = TestApp::builder().llm(model(&script)).start().await;
    let (owner, _) = with_sales(&app).await;
    let answer = owner.ask("Remove everything").await;
    assert_eq!(answer["outcome"], "refused", "{answer}");
    assert_eq!(script.asked().len(), 3);
    assert_eq!(
        owner.get("/api/v1/files").await.1["files"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn an_unreachable_model_is_a_clear_failure() {
    let script = Model::start();
    let mut config = model(&script);
    config.base_url = "http://127.0.0.1:1/v1".into();
    let app = TestApp::builder().llm(config).start().await;
    let (owner, _) = with_sales(&app).await;
    let answer = owner.ask("Which cities are there?").await;
    assert_eq!(
        (&answer["outcome"], &answer["error"]["code"]),
        (&json!("failed"), &json!("llm"))
    );
    assert!(!answer.to_string().contains("sk-secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_stops_a_question_that_is_under_way() {
    let script = Model::start();
    script.queue(Reply::query("SELECT 1", "one").hangs_after(10));
    let app = TestApp::builder().llm(model(&script)).start().await;
    let (owner, _) = with_sales(&app).await;
    let asking = {
        let owner = owner.clone();
        tokio::spawn(async move {
            owner
                .ask_streaming(&json!({ "question": "Which cities are there?" }))
                .await
        })
    };
    let running = eventually("the question to run", || async {
        let (_, status) = owner.get("/api/v1/status").await;
        (status["running_queries"] == 1).then_some(())
    });
    running.await;
    script.wait_asked(1);
    // Its id stands in the first event; lists show it only once it is answered, so ask the stream.
    let (status, nothing) = owner.post("/api/v1/query/unknown/cancel", &Value::Null).await;
    assert_eq!(
        (status, &nothing["cancelled"]),
        (StatusCode::ACCEPTED, &json!(false))
    );
    asking.abort();
    script.wait_abandoned(1);
    eventually("the question to end", || async {
        let (_, status) = owner.get("/api/v1/status").await;
        (status["running_queries"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_its_query() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_sales(&app).await;
    let rows: String = (0..20_000).map(|row| format!("{row}\n")).collect();
    let (_, uploaded) = owner
        .upload(&[("numbers.csv", format!("n\n{rows}").as_bytes())])
        .await;
    let numbers = uploaded["files"][0]["id"].clone();
    let query =
        "SELECT COUNT(*) FROM numbers a JOIN numbers b ON a.n + b.n > 1 JOIN numbers c ON b.n + c.n > 1";
    let body = json!({ "query": query, "file_ids": [file, numbers] });
    let asking = {
        let owner = owner.clone();
        tokio::spawn(async move { owner.post("/api/v1/query/run", &body).await })
    };
    let running = |count: u64| {
        let owner = owner.clone();
        move || {
            let owner = owner.clone();
            async move {
                let (_, status) = owner.get("/api/v1/status").await;
                (status["running_queries"] == count).then_some(())
            }
        }
    };
    eventually("the query to run", running(1)).await;
    asking.abort();
    eventually("the query to end", running(0)).await;
}

#[tokio::test]
async fn cancel_by_id_answers_the_stream_with_a_cancelled_question() {
    let script = Model::start();
    script.queue(Reply::query("SELECT 1", "one").hangs_after(10));
    let app = TestApp::builder().llm(model(&script)).start().await;
    let (owner, _) = with_sales(&app).await;
    let mut response = owner
        .request(Method::POST, "/api/v1/query")
        .header(ACCEPT, "text/event-stream")
        .json(&json!({ "question": "Which cities are there?" }))
        .send()
        .await
        .unwrap();
    let first = response.chunk().await.unwrap().expect("a first event");
    let first = crate::support::app::events(
        std::str::from_utf8(&first)
            .unwrap()
            .split_inclusive("\n\n")
            .next()
            .unwrap(),
    );
    let id = first[0].1["id"].as_str().unwrap().to_owned();
    script.wait_asked(1);
    let (_, cancelled) = owner
        .post(&format!("/api/v1/query/{id}/cancel"), &Value::Null)
        .await;
    assert_eq!(cancelled["cancelled"], true);
    let mut rest = String::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        rest.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(rest.contains("\"code\":\"cancelled\""), "{rest}");
    let (_, kept) = owner.get(&format!("/api/v1/query/{id}")).await;
    assert_eq!(
        kept["error"]["code"], "cancelled",
        "a cancelled question stays in the history"
    );
}

#[tokio::test]
async fn two_sources_that_fit_equally_are_offered() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    owner.upload(&[("sales.csv", SALES)]).await;
    owner.upload(&[("sales.csv", SALES)]).await;
    let answer = owner.ask("total amount by city").await;
    assert_ne!(answer["outcome"], "answered", "two tables fit equally: {answer}");
}

#[tokio::test]
async fn what_is_suggested_can_be_answered() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let (status, added) = owner.post("/api/v1/samples", &json!({})).await;
    assert!(status.is_success(), "{added}");
    let mut tried = 0;
    for question in [
        "How many orders are there?",
        "How many orders by month?",
        "What is the average order total per channel?",
        "top 10 products by revenue",
        "How many unicorns are there?",
    ] {
        let first = owner.ask(question).await;
        let suggestions = first["suggestions"].as_array().expect("a list");
        assert!(!suggestions.is_empty(), "{question}: {first}");
        for suggestion in suggestions {
            // Each goes on from the first question, not from the suggestion before it.
            let begun = owner.ask(question).await;
            let body = json!({ "question": suggestion, "conversation_id": begun["conversation_id"] });
            let (_, next) = owner.post("/api/v1/query", &body).await;
            assert_eq!(next["outcome"], "answered", "{question} → {suggestion}: {next}");
            assert_ne!(next["query"], begun["query"], "{question} → {suggestion}");
            tried += 1;
        }
    }
    assert!(tried >= 10, "{tried}");
}

#[tokio::test]
async fn a_query_that_may_mean_something_else_comes_with_a_finding() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_sales(&app).await;
    let run = async |query: &str| {
        let body = json!({ "query": query, "file_ids": [file] });
        let (_, answer) = owner.post("/api/v1/query/run", &body).await;
        assert_eq!(answer["outcome"], "answered", "{answer}");
        let findings = answer["findings"].as_array().expect("a list").clone();
        // It is said beside the answer, and kept with it.
        let id = answer["id"].as_str().expect("an id");
        let (_, kept) = owner.get(&format!("/api/v1/query/{id}")).await;
        assert_eq!(kept["findings"], answer["findings"]);
        findings
    };
    let misspelt = run("SELECT sum(amount) FROM sales WHERE city = 'Berlim'").await;
    assert_eq!(
        misspelt[0]["message"],
        "As far as the catalog knows, no sales.city is “Berlim”; the nearest is “Berlin”."
    );
    let whole = run("SELECT count(*) / 2 FROM sales").await;
    assert_eq!(whole[0]["code"], "whole_division");
    assert_eq!(
        run("SELECT city FROM sales LIMIT 2").await[0]["code"],
        "limit_without_order"
    );
    assert!(
        run("SELECT sum(amount) FROM sales WHERE city = 'Berlin'")
            .await
            .is_empty()
    );
}

/// Asks in a conversation (null begins one) and expects the outcome.
async fn talk(owner: &Caller, conversation: &Value, question: &str, outcome: &str) -> Value {
    let body = json!({ "question": question, "conversation_id": conversation });
    let (_, answer) = owner.post("/api/v1/query", &body).await;
    assert_eq!(answer["outcome"], outcome, "{question}: {answer}");
    answer
}

#[tokio::test]
async fn analyses_are_asked_for_in_plain_words() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    owner.post("/api/v1/samples", &json!({})).await;
    let none = Value::Null;
    let sentence = |answer: &Value| answer["answer"].as_str().expect("a sentence").to_owned();

    // With what is to be analysed: the same as the ordinary question and the analysis of its result.
    let forecast = talk(
        &owner,
        &none,
        "Forecast revenue for the next three months",
        "answered",
    )
    .await;
    assert_eq!(forecast["analysis"]["method"], "forecast");
    assert_eq!(forecast["analysis"]["of"], "revenue by month");
    assert_eq!(forecast["question"], "Forecast revenue for the next three months");
    let result = forecast["result_id"].as_str().expect("a result");
    let (_, same) = owner
        .post(
            &format!("/api/v1/results/{result}/analyse"),
            &json!({ "method": "forecast", "column": forecast["analysis"]["column"] }),
        )
        .await;
    assert_eq!(same["sentence"], forecast["answer"], "{same}");
    let plain = talk(&owner, &none, "revenue by month", "answered").await;
    assert_eq!(plain["rows"], forecast["rows"]);

    // What comes after goes on from the rows.
    let by_channel = talk(
        &owner,
        &forecast["conversation_id"],
        "and by channel?",
        "answered",
    )
    .await;
    assert!(
        by_channel["row_count"].as_u64() > plain["row_count"].as_u64(),
        "{by_channel}"
    );

    // A value that occurs often counts as often, though a list shows it once.
    let lines = talk(&owner, &none, "How many orders are there?", "answered").await["rows"][0][0].clone();
    for question in ["outliers in unit prices", "distribution of unit prices"] {
        let spread = talk(&owner, &none, question, "answered").await;
        assert_eq!(spread["row_count"], lines, "{spread}");
    }
    let fell = talk(&owner, &none, "why did revenue fall?", "answered").await;
    assert!(sentence(&fell).contains("most of it by"), "{fell}");

    // About the answer before: over time, and taken apart by what moved most.
    let count = talk(&owner, &none, "How many orders are there?", "answered").await;
    let why = talk(&owner, &count["conversation_id"], "Why?", "answered").await;
    assert_eq!(why["analysis"]["method"], "change");
    assert!(sentence(&why).contains("most of it by"), "{why}");
    assert!(why["row_count"].as_u64() > Some(30), "{why}");
    let trend = talk(&owner, &count["conversation_id"], "is there a trend?", "answered").await;
    assert_eq!(trend["analysis"]["method"], "trend");

    // What cannot be is refused, with what would help.
    let nothing = talk(&owner, &none, "Why?", "refused").await;
    assert!(sentence(&nothing).contains("no answer before"), "{nothing}");
    let single = talk(&owner, &none, "How many stores are there?", "answered").await;
    let outliers = talk(&owner, &single["conversation_id"], "any outliers?", "refused").await;
    assert!(
        sentence(&outliers).starts_with("One row is too little"),
        "{outliers}"
    );
    assert_eq!(outliers["rows"], json!([]));
    talk(&owner, &none, "forecast unicorns", "refused").await;
    // The five best of each month, added up, are no total.
    let best = talk(
        &owner,
        &none,
        "What are the top 5 products by revenue?",
        "answered",
    )
    .await;
    let why = talk(&owner, &best["conversation_id"], "Why?", "refused").await;
    assert!(sentence(&why).contains("first rows of a ranking"), "{why}");
}

#[tokio::test]
async fn a_column_called_forecast_is_what_is_meant() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let plan = b"city,forecast\nOslo,5\nRome,7\n";
    owner.upload(&[("plan.csv", plan)]).await;
    let answer = talk(&owner, &Value::Null, "total forecast", "answered").await;
    assert_eq!(
        (&answer["rows"], &answer["analysis"]),
        (&json!([[12]]), &Value::Null)
    );
}

#[tokio::test]
async fn a_model_is_asked_for_the_rows_of_an_analysis() {
    let scripted = Model::start();
    let app = TestApp::builder().llm(model(&scripted)).start().await;
    let (owner, _) = with_sales(&app).await;
    let query = "SELECT sold_on, amount FROM sales ORDER BY sold_on";
    scripted.queue(Reply::query(query, "amounts by day"));
    let answer = talk(
        &owner,
        &Value::Null,
        "what is the trend of amounts by day?",
        "answered",
    )
    .await;
    assert_eq!(answer["analysis"]["method"], "trend");
    assert_eq!(answer["translator"], "llm");
    let prompt = scripted.asked()[0].message(1).to_owned();
    assert!(
        prompt.contains("\"amounts by day\"") && !prompt.contains("trend"),
        "{prompt}"
    );
}
