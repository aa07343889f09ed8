//! What was taught, used by the offline translator from the next question on.

use reqwest::StatusCode;
use serde_json::json;

use super::{ask, entry, example, id, items, upload, value, with_parcels};
use crate::on_both_stores;
use crate::support::app::TestApp;

on_both_stores!(a_metric_and_a_term_answer_at_once, async |app: &TestApp| {
    let (owner, file) = with_parcels(app).await;
    ask(&owner, "What is the net income?", "refused").await;
    let metric = entry(
        &owner,
        "metric",
        "net income",
        "sum(fee) - sum(refund)",
        Some(&file),
    )
    .await;
    assert_eq!(metric["status"], "active");
    assert_eq!(metric["origin"], "person");
    assert_eq!(metric["source_name"], "parcels.csv");
    assert_eq!(metric["created_by"]["name"], "Olive Owner");
    assert_eq!(metric["approved_by"], metric["created_by"]);
    assert_eq!(value(&owner, "What is the net income?").await, "1330.00");
    let by_town = ask(&owner, "net income by town", "answered").await;
    let lund = by_town["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row[0] == "Lund")
        .unwrap();
    assert_eq!(lund[1], "800.00", "{by_town}");
    let reading = by_town["interpretation"].as_str().unwrap();
    assert!(
        reading.contains("\"net income\" as \"sum(fee) - sum(refund)\""),
        "{reading}"
    );

    ask(&owner, "How many big parcels are there?", "refused").await;
    let term = entry(&owner, "term", "big parcel", "parcels with fee over 500", None).await;
    assert_eq!(value(&owner, "How many big parcels are there?").await, json!(2));
    // Changed and gone at once too: nothing remembers the former meaning.
    let path = format!("/api/v1/glossary/{}", id(&term));
    let (status, changed) = owner
        .patch(&path, &json!({ "text": "parcels with fee over 100" }))
        .await;
    assert_eq!((status, &changed["name"]), (StatusCode::OK, &json!("big parcel")));
    assert_eq!(value(&owner, "How many big parcels are there?").await, json!(3));
    assert_eq!(owner.delete(&path).await.0, StatusCode::NO_CONTENT);
    ask(&owner, "How many big parcels are there?", "refused").await;
    assert_eq!(items(&owner, "glossary?kind=term").await.len(), 0);
    assert_eq!(items(&owner, "glossary").await.len(), 1);
    let (_, audit) = owner.get("/api/v1/audit").await;
    for action in ["glossary.created", "glossary.changed", "glossary.deleted"] {
        assert!(audit.to_string().contains(action), "{action}: {audit}");
    }
});

#[tokio::test]
async fn what_was_taught_works_together() {
    let app = TestApp::builder().start().await;
    let (owner, _) = with_parcels(&app).await;
    entry(&owner, "term", "big parcel", "parcels with fee over 500", None).await;
    entry(&owner, "term", "income", "fee", None).await;
    entry(&owner, "metric", "net income", "sum(fee) - sum(refund)", None).await;
    entry(&owner, "metric", "yield", "net income / count(parcels)", None).await;
    assert_eq!(
        value(&owner, "What is the net income of big parcels?").await,
        "1200.00"
    );
    assert_eq!(value(&owner, "What is the total income?").await, "1450.75");
    assert_eq!(value(&owner, "What is the yield?").await, json!(332.5));
    assert_eq!(
        value(&owner, "What is the yield of big parcels?").await,
        json!(600.0)
    );
    let refused = ask(&owner, "What are the net income and the yield?", "refused").await;
    assert!(
        refused["answer"].as_str().unwrap().contains("one by one"),
        "{refused}"
    );
    entry(&owner, "metric", "gross", "sum(parcels.fee) / 2", None).await;
    assert_eq!(value(&owner, "What is the gross?").await, json!(725.375));
    // Round in a circle is no figure.
    entry(&owner, "metric", "chicken", "egg * 2", None).await;
    entry(&owner, "metric", "egg", "chicken / 2", None).await;
    ask(&owner, "What is the chicken?", "refused").await;
}

#[tokio::test]
async fn figures_of_every_row_are_computed_only_where_no_row_lacks_a_value() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_parcels(&app).await;
    entry(&owner, "metric", "margin", "sum(fee - refund) / sum(fee)", None).await;
    let margin = value(&owner, "What is the margin?").await.as_f64().unwrap();
    assert!((margin - 1330.0 / 1450.75).abs() < 1e-9, "{margin}");
    owner.delete(&format!("/api/v1/files/{file}")).await;
    upload(
        &owner,
        "parcels.csv",
        b"parcel_id,fee,refund\n1,10,1\n2,20,\n3,30,3\n",
    )
    .await;
    let refused = ask(&owner, "What is the margin?", "refused").await;
    assert!(
        refused["answer"].as_str().unwrap().contains("refund"),
        "{refused}"
    );
    // What cannot be read is no number either.
    entry(&owner, "metric", "turnover", "sum(fee * 2)", None).await;
    let refused = ask(&owner, "What is the turnover?", "refused").await;
    assert!(
        refused["answer"].as_str().unwrap().contains("sum(…)"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_is_said_of_a_source_goes_before_what_is_said_of_all() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_parcels(&app).await;
    let other = upload(&owner, "letters.csv", b"letter_id,price\n1,2\n2,4\n").await;
    entry(&owner, "metric", "takings", "sum(price)", None).await;
    entry(&owner, "metric", "takings", "sum(fee)", Some(&file)).await;
    let asked = |file: &str| json!({ "question": "What are the takings?", "file_ids": [file] });
    let (_, answer) = owner.post("/api/v1/query", &asked(&file)).await;
    assert_eq!(answer["rows"][0][0], "1450.75", "{answer}");
    let (_, answer) = owner.post("/api/v1/query", &asked(&other)).await;
    assert_eq!(answer["rows"][0][0], json!(6), "{answer}");
    // Two meanings within one question's sources are no answer.
    entry(&owner, "metric", "takings", "sum(price)", Some(&other)).await;
    let body = json!({ "question": "What are the takings?", "file_ids": [file, other] });
    let (_, answer) = owner.post("/api/v1/query", &body).await;
    assert_eq!(answer["outcome"], "refused", "{answer}");
    assert!(
        answer["answer"].as_str().unwrap().contains("two meanings"),
        "{answer}"
    );
    // What was said of a file goes with it.
    owner.delete(&format!("/api/v1/files/{other}")).await;
    assert_eq!(items(&owner, "glossary").await.len(), 2);
}

on_both_stores!(an_approved_question_gets_its_query, async |app: &TestApp| {
    let (owner, file) = with_parcels(app).await;
    ask(&owner, "How is business?", "refused").await;
    let query = "SELECT town, SUM(fee) AS fees FROM parcels GROUP BY town ORDER BY fees DESC";
    let made = example(&owner, "How is business?", query, &file).await;
    assert_eq!(
        (&made["status"], &made["dialect"]),
        (&json!("active"), &json!("datafusion"))
    );
    assert_eq!(made["source_names"], json!(["parcels.csv"]));
    for asked in ["How is business?", "  how IS business", "How is business!"] {
        let answer = ask(&owner, asked, "answered").await;
        assert_eq!(answer["rows"][0], json!(["Lund", "820.50"]), "{answer}");
        assert_eq!(answer["interpretation"], "as approved: How is business?");
        assert_eq!(answer["translator"], "offline");
    }
    ask(&owner, "How is the business?", "refused").await;
    // In a conversation it is the same question; what only changes it is refused.
    let first = owner.ask("total fee").await;
    let turn = |question: &str| json!({ "question": question, "conversation_id": first["conversation_id"] });
    let (_, answer) = owner.post("/api/v1/query", &turn("And how is business?")).await;
    assert_eq!(answer["outcome"], "answered", "{answer}");
    let (_, answer) = owner.post("/api/v1/query", &turn("only for Lund")).await;
    assert_eq!(answer["outcome"], "refused", "{answer}");
    assert!(
        answer["answer"].as_str().unwrap().contains("approved"),
        "{answer}"
    );

    // Another query for the same question would contradict it.
    let body = json!({ "question": "how is business", "query": "SELECT 1", "file_ids": [file] });
    let (status, refused) = owner.post("/api/v1/examples", &body).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    // A column that is no more: the question is read as if nothing had been approved, and the answer says so.
    let rename =
        json!({ "tables": [{ "name": "parcels", "columns": [{ "name": "fee", "rename": "postage" }] }] });
    let (status, changed) = owner.patch(&format!("/api/v1/files/{file}"), &rename).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    let answer = ask(&owner, "How is business?", "refused").await;
    assert_eq!(answer["findings"][0]["code"], "example_unused", "{answer}");
    assert!(
        answer["findings"][0]["message"].as_str().unwrap().contains("fee"),
        "{answer}"
    );
});

#[tokio::test]
async fn a_query_whose_dates_stand_still_does_not_answer_a_question_that_counts_from_today() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_parcels(&app).await;
    let query = "SELECT COUNT(*) AS n FROM parcels WHERE sent_on >= DATE '2025-01-01' AND sent_on < DATE '2025-02-01'";
    example(&owner, "How many parcels were sent last month?", query, &file).await;
    let answer = ask(&owner, "How many parcels were sent last month?", "answered").await;
    assert!(
        !answer["interpretation"].as_str().unwrap().contains("approved"),
        "{answer}"
    );
    assert_eq!(answer["findings"][0]["code"], "example_unused", "{answer}");
    example(&owner, "How many parcels went out in January 2025?", query, &file).await;
    assert_eq!(
        value(&owner, "How many parcels went out in January 2025?").await,
        json!(2)
    );
    let moving = "SELECT COUNT(*) AS n FROM parcels WHERE sent_on >= CURRENT_DATE";
    example(&owner, "How many parcels go out today or later?", moving, &file).await;
    assert_eq!(
        value(&owner, "How many parcels go out today or later?").await,
        json!(0)
    );
}

#[tokio::test]
async fn an_example_is_not_used_where_its_names_could_mean_another_file() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_parcels(&app).await;
    let other = upload(&owner, "parcels.csv", b"parcel_id,town,fee\n1,Ystad,5\n").await;
    example(
        &owner,
        "How is business?",
        "SELECT SUM(fee) AS fees FROM parcels",
        &file,
    )
    .await;
    let asked = |files: serde_json::Value| json!({ "question": "How is business?", "file_ids": files });
    let (_, answer) = owner.post("/api/v1/query", &asked(json!([file]))).await;
    assert_eq!(answer["rows"][0][0], "1450.75", "{answer}");
    for files in [json!([other]), json!([other, file]), json!([file, other])] {
        let (_, answer) = owner.post("/api/v1/query", &asked(files)).await;
        assert_eq!(answer["outcome"], "refused", "{answer}");
    }
    let third = upload(&owner, "letters.csv", b"letter_id,price\n1,2\n").await;
    let (_, answer) = owner.post("/api/v1/query", &asked(json!([third, file]))).await;
    assert_eq!(answer["rows"][0][0], "1450.75", "{answer}");
}
