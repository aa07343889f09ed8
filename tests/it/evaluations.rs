//! Evaluations through the API: run, scored, compared, cancelled, kept.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::on_both_stores;
use crate::support::app::{Caller, TestApp, eventually};
use crate::support::model::{Model, Reply};

const SALES: &[u8] = b"city,amount\nBerlin,10\nRome,20\nRome,5\n";

/// Right, wrong on purpose (the list is), refused, and one that nobody knows the answer of.
const SET: &str = "suite,category,question,sql,answer\n\
    sums,total,What is the total amount?,SELECT sum(amount) FROM sales,\n\
    sums,by city,total amount by city,,35\n\
    sums,total,What is the colour of the sky?,SELECT 1,\n\
    counts,,How many sales?,,\n";

async fn file(owner: &Caller) -> String {
    let (_, uploaded) = owner.upload(&[("sales.csv", SALES)]).await;
    uploaded["files"][0]["id"].as_str().unwrap().to_owned()
}

async fn finished(owner: &Caller, id: &str) -> Value {
    eventually("the run", async || {
        let (_, run) = owner.get(&format!("/api/v1/evaluations/{id}")).await;
        (run["status"] != "running").then_some(run)
    })
    .await
}

async fn start(owner: &Caller, body: &Value) -> String {
    let (status, run) = owner.post("/api/v1/evaluations", body).await;
    assert_eq!(
        (status, &run["status"]),
        (StatusCode::CREATED, &json!("running")),
        "{run}"
    );
    run["id"].as_str().unwrap().to_owned()
}

on_both_stores!(a_set_is_asked_scored_and_compared, async |app: &TestApp| {
    let owner = app.owner().await;
    let file = file(&owner).await;
    let set = json!({ "name": "Before", "csv": SET, "file_ids": [file] });
    let first = start(&owner, &set).await;
    let run = finished(&owner, &first).await;
    assert_eq!(
        (&run["status"], &run["done"], &run["total"]),
        (&json!("done"), &json!(4), &json!(4)),
        "{run}"
    );
    assert_eq!(
        run["counts"],
        json!({ "right": 1, "wrong": 1, "refused": 1, "clarify": 0, "failed": 0, "unscored": 1 }),
        "{run}"
    );
    assert_eq!(
        (&run["translator"], &run["source_names"]),
        (&json!("offline"), &json!(["sales.csv"]))
    );
    let verdicts: Vec<_> = run["questions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["verdict"])
        .collect();
    assert_eq!(verdicts, ["right", "wrong", "refused", "unscored"]);
    assert_eq!(run["questions"][1]["expected"], "35");
    assert!(
        run["questions"][0]["query"]
            .as_str()
            .unwrap()
            .to_lowercase()
            .contains("sum("),
        "{run}"
    );
    assert!(run["questions"][2]["note"].as_str().unwrap().len() > 10, "{run}");
    let categories = run["categories"].as_array().unwrap();
    assert_eq!(categories.len(), 3, "{run}");
    assert_eq!(
        (&categories[2]["category"], &categories[2]["total"]),
        (&json!("total"), &json!(2))
    );

    // The same with the wrong answer mended, as JSON this time.
    let questions = json!([
        { "question": "What is the total amount?", "sql": "SELECT sum(amount) FROM sales" },
        { "question": "total amount by city", "answer": "35" },
        { "question": "How many sales?", "answer": "3" },
    ]);
    let second = start(&owner, &json!({ "questions": questions, "file_ids": [file] })).await;
    finished(&owner, &second).await;
    let (_, compared) = owner
        .get(&format!("/api/v1/evaluations/{second}?against={first}"))
        .await;
    assert_eq!(compared["name"], "3 questions");
    assert_eq!(
        (
            &compared["against"]["shared"],
            &compared["against"]["better"],
            &compared["against"]["worse"]
        ),
        (&json!(2), &json!(0), &json!(0)),
        "{compared}"
    );
    assert_eq!(compared["questions"][1]["before"], "wrong");
    assert_eq!(compared["questions"][2]["before"], Value::Null);

    // The first one again, of the same source and under the same name.
    let again = start(&owner, &json!({ "again": first })).await;
    let run = finished(&owner, &again).await;
    assert_eq!(
        (&run["name"], &run["counts"]["right"], &run["file_ids"]),
        (&json!("Before"), &json!(1), &json!([file]))
    );
    let (_, compared) = owner
        .get(&format!("/api/v1/evaluations/{again}?against={first}"))
        .await;
    assert_eq!(
        (
            &compared["against"]["shared"],
            &compared["categories"][0]["before"]["unscored"]
        ),
        (&json!(4), &json!(1)),
        "{compared}"
    );
    assert_eq!(
        owner.delete(&format!("/api/v1/evaluations/{again}")).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        owner
            .post("/api/v1/evaluations", &json!({ "again": again }))
            .await
            .0,
        StatusCode::NOT_FOUND
    );

    let (_, list) = owner.get("/api/v1/evaluations?limit=1").await;
    assert_eq!(list["items"][0]["id"], json!(second), "{list}");
    let (_, list) = owner.get(&format!("/api/v1/evaluations?before={second}")).await;
    assert_eq!(list["items"][0]["id"], json!(first), "{list}");
    // Nothing of it is among the questions people asked, and all of it is in the audit log.
    assert_eq!(owner.get("/api/v1/query").await.1, json!({ "queries": [] }));
    let (_, audit) = owner.get("/api/v1/audit?limit=100").await;
    let text = audit.to_string();
    assert!(
        text.contains("evaluation.started") && text.contains("query.run"),
        "{text}"
    );
    assert_eq!(
        owner.delete(&format!("/api/v1/evaluations/{first}")).await.0,
        StatusCode::NO_CONTENT
    );
    let (status, error) = owner
        .get(&format!("/api/v1/evaluations/{second}?against={first}"))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{error}");
});

on_both_stores!(
    a_run_is_cancelled_and_only_one_goes_at_a_time,
    async |app: &TestApp| {
        let owner = app.owner().await;
        let file = file(&owner).await;
        let model = Model::start();
        model.rule(|_| Reply::says("hm").hangs_after(1));
        let own = json!({ "kind": "own", "base_url": model.url(), "model": "house-1" });
        owner.put("/api/v1/settings/llm", &own).await;
        let set = json!({ "csv": SET, "file_ids": [file] });
        let id = start(&owner, &set).await;
        eventually("the model is asked", async || {
            (!model.asked().is_empty()).then_some(())
        })
        .await;
        let (status, error) = owner.post("/api/v1/evaluations", &set).await;
        assert_eq!(status, StatusCode::CONFLICT, "{error}");
        let cancel = format!("/api/v1/evaluations/{id}/cancel");
        assert_eq!(owner.post(&cancel, &json!({})).await.0, StatusCode::NO_CONTENT);
        // Down to the model.
        tokio::task::spawn_blocking(move || model.wait_abandoned(1))
            .await
            .unwrap();
        let (_, run) = owner.get(&format!("/api/v1/evaluations/{id}")).await;
        assert_eq!(
            (&run["status"], &run["done"]),
            (&json!("cancelled"), &json!(0)),
            "{run}"
        );
        assert_eq!(owner.post(&cancel, &json!({})).await.0, StatusCode::CONFLICT);
        // The next one may begin.
        owner
            .put("/api/v1/settings/llm", &json!({ "kind": "offline" }))
            .await;
        let id = start(&owner, &set).await;
        assert_eq!(finished(&owner, &id).await["status"], "done");
    }
);

#[tokio::test]
async fn approved_examples_are_asked_without_being_shown() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let file = file(&owner).await;
    let set = json!({ "examples": true, "file_ids": [file] });
    let (status, error) = owner.post("/api/v1/evaluations", &set).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        error["error"]["message"].as_str().unwrap().contains("approved"),
        "{error}"
    );
    for (question, query) in [
        ("What is the total amount?", "SELECT sum(amount) FROM sales"),
        ("How far north do we sell?", "SELECT max(city) FROM sales"),
    ] {
        let body = json!({ "question": question, "query": query, "file_ids": [file] });
        assert_eq!(owner.post("/api/v1/examples", &body).await.0, StatusCode::CREATED);
    }
    // Asked by a person, the example answers; asked to measure, it must not answer itself.
    assert_eq!(
        owner.ask("How far north do we sell?").await["outcome"],
        "answered"
    );
    let id = start(&owner, &set).await;
    let run = finished(&owner, &id).await;
    assert_eq!(
        (&run["counts"]["right"], &run["counts"]["refused"]),
        (&json!(1), &json!(1)),
        "{run}"
    );
}

#[tokio::test]
async fn a_limit_on_tokens_ends_a_run_with_words() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let file = file(&owner).await;
    let model = Model::start();
    model.rule(|_| Reply::query("SELECT sum(amount) AS total FROM sales", "sum of sales.amount"));
    let own = json!({ "kind": "own", "base_url": model.url(), "model": "house-1" });
    owner.put("/api/v1/settings/llm", &own).await;
    owner
        .patch("/api/v1/settings", &json!({ "user_tokens_per_day": 5 }))
        .await;
    let id = start(&owner, &json!({ "csv": SET, "file_ids": [file] })).await;
    let run = finished(&owner, &id).await;
    assert_eq!(
        (&run["status"], &run["done"], &run["model"]),
        (&json!("failed"), &json!(1), &json!("house-1")),
        "{run}"
    );
    assert!(
        run["error"].as_str().unwrap().contains("of the 5 tokens"),
        "{run}"
    );
    let (_, usage) = owner.get("/api/v1/usage").await;
    assert_eq!(
        (&usage["total"]["calls"], &usage["total"]["questions"]),
        (&json!(1), &json!(0)),
        "{usage}"
    );
}

#[tokio::test]
async fn what_cannot_be_a_set_is_refused_with_what_to_do() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let file = file(&owner).await;
    let many: Vec<Value> = (0..2_001).map(|_| json!({ "question": "a" })).collect();
    for (body, says) in [
        (json!({ "csv": SET }), "which source"),
        (json!({ "csv": SET, "file_ids": [] }), "which source"),
        (json!({ "file_ids": [file] }), "in one way"),
        (
            json!({ "csv": SET, "examples": true, "file_ids": [file] }),
            "in one way",
        ),
        (
            json!({ "csv": "frage\nWas?\n", "file_ids": [file] }),
            "no column \"question\"",
        ),
        (json!({ "csv": "question\n", "file_ids": [file] }), "no questions"),
        (
            json!({ "csv": "question,sql\n ,SELECT 1\n", "file_ids": [file] }),
            "Question 1",
        ),
        (
            json!({ "questions": many, "file_ids": [file] }),
            "2000 are the most",
        ),
        (
            json!({ "csv": SET, "file_ids": [file], "name": "x".repeat(201) }),
            "too long",
        ),
        (json!({ "csv": 5, "file_ids": [file] }), "cannot be read"),
    ] {
        let (status, error) = owner.post("/api/v1/evaluations", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{says}: {error}");
        let message = error["error"]["message"].as_str().expect("a message");
        assert!(message.contains(says), "{says}: {message}");
    }
    let huge = json!({ "csv": "x".repeat(5 << 20), "file_ids": [file] });
    assert_eq!(
        owner.post("/api/v1/evaluations", &huge).await.0,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(owner.get("/api/v1/evaluations").await.1, json!({ "items": [] }));
}

#[tokio::test]
async fn a_run_whose_server_is_gone_says_so() {
    let mut app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let file = file(&owner).await;
    let model = Model::start();
    model.rule(|_| Reply::says("hm").hangs_after(1));
    let own = json!({ "kind": "own", "base_url": model.url(), "model": "house-1" });
    owner.put("/api/v1/settings/llm", &own).await;
    let id = start(&owner, &json!({ "csv": SET, "file_ids": [file] })).await;
    eventually("the model is asked", async || {
        (!model.asked().is_empty()).then_some(())
    })
    .await;
    app.restart().await;
    let owner = app
        .log_in("owner@example.com", crate::support::people::PASSWORD)
        .await;
    let (_, run) = owner.get(&format!("/api/v1/evaluations/{id}")).await;
    assert_eq!(run["status"], "failed", "{run}");
    assert!(run["error"].as_str().unwrap().contains("Start it again"), "{run}");
}
