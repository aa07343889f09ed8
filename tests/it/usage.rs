//! What questions cost: counted in answers, by day, person and model, and limited.

use clean_custard::config::{LlmConfig, Price};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::on_both_stores;
use crate::support::app::{Caller, TestApp};
use crate::support::model::{Model, Reply};

const SALES: &[u8] = b"city,amount\nBerlin,10\nRome,20\n";

/// An answer in one piece that says how many tokens it took.
fn counted(query: &str, input: u64, output: u64) -> Reply {
    let content = json!({ "kind": "query", "query": query, "explanation": "all of it" }).to_string();
    let body = json!({
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": content }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": input, "completion_tokens": output },
    });
    Reply::raw(200, body.to_string()).header("content-type", "application/json")
}

fn own(model: &Model, price: Value) -> Value {
    json!({ "kind": "own", "base_url": model.url(), "model": "house-1", "price": price })
}

async fn usage(caller: &Caller) -> Value {
    let (status, report) = caller.get("/api/v1/usage?days=7").await;
    assert_eq!(status, StatusCode::OK, "{report}");
    report
}

on_both_stores!(
    questions_are_counted_with_their_tokens_and_cost,
    async |app: &TestApp| {
        let owner = app.owner().await;
        owner.upload(&[("sales.csv", SALES)]).await;
        // Without a model nothing is spent, and the question counts.
        let answer = owner.ask("total amount").await;
        assert_eq!(answer["usage"], Value::Null, "{answer}");
        let model = Model::start();
        // The first query names what is not there: a repair is a call too.
        model.queue(counted("SELECT sum(amounts) AS total FROM sales", 1_000, 50));
        model.queue(counted("SELECT sum(amount) AS total FROM sales", 1_500, 60));
        let price = json!({ "input": 2.0, "output": 10.0 });
        let (status, set) = owner
            .put("/api/v1/settings/llm", &own(&model, price.clone()))
            .await;
        assert_eq!((status, &set["price"]), (StatusCode::OK, &price), "{set}");
        let answer = owner.ask("total amount of all").await;
        assert_eq!(
            answer["usage"],
            json!({ "model": "house-1", "calls": 2, "input_tokens": 2500, "output_tokens": 110, "estimated": false,
                "cost": 0.0061 }),
            "{answer}"
        );
        // It is kept with the answer, and a known answer costs nothing.
        let (_, kept) = owner
            .get(&format!("/api/v1/query/{}", answer["id"].as_str().unwrap()))
            .await;
        assert_eq!(kept["usage"], answer["usage"]);
        assert_eq!(owner.ask("total amount of all").await["usage"], Value::Null);

        let viewer = app.member(&owner, "viewer@example.com", "viewer").await;
        model.queue(counted("SELECT count(*) AS n FROM sales", 700, 30));
        assert_eq!(viewer.ask("how many of them?").await["usage"]["calls"], 1);

        let report = usage(&owner).await;
        let days = report["days"].as_array().unwrap();
        assert_eq!(days.len(), 7);
        assert_eq!(days[6]["input_tokens"], 3_200, "{report}");
        assert_eq!(days[0]["questions"], 0);
        assert_eq!(
            report["total"],
            json!({ "questions": 4, "calls": 3, "input_tokens": 3200, "output_tokens": 140, "cost": 0.0078 })
        );
        assert_eq!(report["today"], report["total"]);
        assert_eq!(report["currency"], "USD");
        let people = report["people"].as_array().unwrap();
        assert_eq!(people.len(), 2, "{report}");
        assert_eq!(
            (&people[0]["questions"], &people[0]["input_tokens"]),
            (&json!(3), &json!(2500))
        );
        assert_eq!(people[1]["user_id"], json!(viewer.id().await));
        let models: Vec<_> = report["models"]
            .as_array()
            .unwrap()
            .iter()
            .map(|sum| &sum["model"])
            .collect();
        assert_eq!(models, [&json!("house-1"), &Value::Null]);
        // Others see what they spent themselves.
        let own = usage(&viewer).await;
        assert_eq!(own["people"].as_array().unwrap().len(), 1, "{own}");
        assert_eq!(own["total"]["input_tokens"], 700);
        // Who is gone is no longer named; what was spent stays.
        let gone = format!("/api/v1/members/{}", viewer.id().await);
        assert_eq!(owner.delete(&gone).await.0, StatusCode::NO_CONTENT);
        let report = usage(&owner).await;
        assert_eq!(report["total"]["calls"], 3);
        assert_eq!(report["people"][1]["name"], Value::Null);

        let (status, error) = owner.get("/api/v1/usage?days=0").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    }
);

on_both_stores!(a_days_tokens_are_limited, async |app: &TestApp| {
    let owner = app.owner().await;
    owner.upload(&[("sales.csv", SALES)]).await;
    let member = app.member(&owner, "member@example.com", "analyst").await;
    let model = Model::start();
    model.rule(|_| counted("SELECT sum(amount) AS total FROM sales", 900, 100));
    owner.put("/api/v1/settings/llm", &own(&model, Value::Null)).await;
    let limits = json!({ "user_tokens_per_day": 1000, "organization_tokens_per_day": 1500 });
    let (status, set) = owner.patch("/api/v1/settings", &limits).await;
    assert_eq!(
        (status, &set["user_tokens_per_day"]),
        (StatusCode::OK, &json!(1000)),
        "{set}"
    );
    assert_eq!(usage(&member).await["limits"], limits);

    let answer = member.ask("total amount, one").await;
    assert_eq!(
        (&answer["outcome"], &answer["usage"]["cost"]),
        (&json!("answered"), &Value::Null)
    );
    let refused = member.ask("total amount, two").await;
    assert_eq!(
        (&refused["outcome"], &refused["error"]["code"]),
        (&json!("failed"), &json!("too_many")),
        "{refused}"
    );
    let says = refused["answer"].as_str().unwrap();
    assert!(
        says.contains("You have used 1000 of the 1000 tokens") && says.contains("midnight"),
        "{says}"
    );
    // Others go on until the organisation's limit; queries of one's own go on anyhow.
    assert_eq!(owner.ask("total amount, three").await["outcome"], "answered");
    let other = app.member(&owner, "other@example.com", "analyst").await;
    let refused = other.ask("total amount, four").await;
    assert!(
        refused["answer"]
            .as_str()
            .unwrap()
            .starts_with("Your organization has used 2000"),
        "{refused}"
    );
    let file = answer["sources"][0]["id"].as_str().unwrap();
    let body = json!({ "query": "SELECT 1 AS one", "file_ids": [file] });
    assert_eq!(
        other.post("/api/v1/query/run", &body).await.1["outcome"],
        "answered"
    );
    let asked = model.asked().len();
    // Without a model there is nothing to spend; without the limits all may go on.
    owner
        .put("/api/v1/settings/llm", &json!({ "kind": "offline" }))
        .await;
    assert_eq!(member.ask("total amount").await["outcome"], "answered");
    assert_eq!(model.asked().len(), asked);
    owner.put("/api/v1/settings/llm", &own(&model, Value::Null)).await;
    let none = json!({ "user_tokens_per_day": null, "organization_tokens_per_day": null });
    owner.patch("/api/v1/settings", &none).await;
    assert_eq!(member.ask("total amount, five").await["outcome"], "answered");
    let (status, error) = owner
        .patch(
            "/api/v1/settings",
            &json!({ "user_tokens_per_day": 10_u64.pow(15) }),
        )
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
});

#[tokio::test]
async fn the_servers_limits_hold_for_the_servers_model_alone() {
    let model = Model::start();
    // An endpoint that does not count: what it read and wrote is reckoned from the text.
    model.rule(|_| Reply::query("SELECT sum(amount) AS total FROM sales", "sum of sales.amount"));
    let llm = LlmConfig {
        price: Some(Price {
            input: 1.0,
            output: 1.0,
        }),
        ..LlmConfig::new(model.url(), None, "server-1")
    };
    let app = TestApp::builder()
        .llm(llm)
        .config(|config| {
            config.spending.currency = "EUR".into();
            config.spending.organization_tokens_per_day = Some(10);
        })
        .start()
        .await;
    let owner = app.owner().await;
    owner.upload(&[("sales.csv", SALES)]).await;
    let answer = owner.ask("total amount").await;
    assert_eq!(answer["usage"]["estimated"], true, "{answer}");
    assert!(
        answer["usage"]["output_tokens"].as_u64().unwrap() > 10,
        "{answer}"
    );
    assert!(answer["usage"]["cost"].as_f64().unwrap() > 0.0, "{answer}");
    assert_eq!(
        owner.ask("total amount by city").await["error"]["code"],
        "too_many"
    );
    // An owner cannot raise it, but may pay for a model of their own.
    owner
        .patch(
            "/api/v1/settings",
            &json!({ "organization_tokens_per_day": 1_000_000 }),
        )
        .await;
    assert_eq!(
        owner.ask("total amount by town").await["error"]["code"],
        "too_many"
    );
    let report = usage(&owner).await;
    assert_eq!(
        (
            &report["currency"],
            &report["limits"]["organization_tokens_per_day"]
        ),
        (&json!("EUR"), &json!(10))
    );
    owner.put("/api/v1/settings/llm", &own(&model, Value::Null)).await;
    assert_eq!(owner.ask("total amount by town").await["outcome"], "answered");
}
