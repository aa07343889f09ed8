//! Feedback and what it suggests: never used before somebody has approved it, never there twice.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{ask, example, id, items, value, with_parcels};
use crate::on_both_stores;
use crate::support::app::TestApp;

on_both_stores!(a_right_answer_suggests_its_query, async |app: &TestApp| {
    let (owner, _) = with_parcels(app).await;
    let answer = ask(&owner, "total fee by town", "answered").await;
    let path = format!("/api/v1/query/{}/feedback", id(&answer));
    assert_eq!(owner.get(&path).await.0, StatusCode::NO_CONTENT);
    let body = json!({ "verdict": "right", "comment": "  exactly  " });
    let (status, given) = owner.put(&path, &body).await;
    assert_eq!(status, StatusCode::OK, "{given}");
    assert_eq!(
        (&given["verdict"], &given["comment"]),
        (&json!("right"), &json!("exactly"))
    );
    assert_eq!(owner.get(&path).await.1, given);
    let suggested = items(&owner, "examples?status=suggested").await;
    assert_eq!(suggested.len(), 1, "{suggested:?}");
    assert_eq!(suggested[0]["id"], given["suggested_example_id"]);
    assert_eq!(
        (
            &suggested[0]["origin"],
            &suggested[0]["question"],
            &suggested[0]["answer_id"]
        ),
        (&json!("liked"), &json!("total fee by town"), &answer["id"])
    );
    assert_eq!(
        (&suggested[0]["approved_by"], &suggested[0]["approved_at"]),
        (&Value::Null, &Value::Null)
    );
    // The same again, also of another answer, is the same suggestion.
    let again = ask(&owner, "Total fee, by town?", "answered").await;
    assert!(
        !again["interpretation"].as_str().unwrap().contains("approved"),
        "{again}"
    );
    let other = format!("/api/v1/query/{}/feedback", id(&again));
    let (_, second) = owner.put(&other, &json!({ "verdict": "right" })).await;
    assert_eq!(second["suggested_example_id"], given["suggested_example_id"]);
    assert_eq!(items(&owner, "examples").await.len(), 1);

    let example = format!("/api/v1/examples/{}", id(&suggested[0]));
    let (status, approved) = owner.patch(&example, &json!({ "status": "active" })).await;
    assert_eq!(status, StatusCode::OK, "{approved}");
    assert_eq!(
        (&approved["status"], &approved["approved_by"]["name"]),
        (&json!("active"), &json!("Olive Owner"))
    );
    let used = ask(&owner, "total fee by town", "answered").await;
    assert_eq!(used["interpretation"], "as approved: total fee by town");
    assert_eq!(used["rows"], answer["rows"]);
    // What is approved is not suggested anew.
    let last = format!("/api/v1/query/{}/feedback", id(&used));
    let (_, third) = owner.put(&last, &json!({ "verdict": "right" })).await;
    assert_eq!(third["suggested_example_id"], Value::Null);
    assert_eq!(
        owner.patch(&example, &json!({ "status": "suggested" })).await.0,
        StatusCode::BAD_REQUEST
    );

    assert_eq!(owner.delete(&path).await.0, StatusCode::NO_CONTENT);
    assert_eq!(owner.delete(&path).await.0, StatusCode::NOT_FOUND);
    let (_, audit) = owner.get("/api/v1/audit").await;
    for action in [
        "feedback.given",
        "feedback.removed",
        "example.suggested",
        "example.approved",
    ] {
        assert!(audit.to_string().contains(action), "{action}: {audit}");
    }
});

on_both_stores!(
    an_edited_query_is_suggested_for_its_question,
    async |app: &TestApp| {
        let (owner, file) = with_parcels(app).await;
        let answer = ask(&owner, "total fee", "answered").await;
        let run = |query: Value| {
            json!({
                "query": query, "file_ids": [file], "question": "total fee",
                "conversation_id": answer["conversation_id"],
            })
        };
        // Run again as it was, it is nobody's edit.
        let (_, same) = owner
            .post("/api/v1/query/run", &run(answer["query"].clone()))
            .await;
        assert_eq!(same["outcome"], "answered", "{same}");
        assert!(items(&owner, "examples").await.is_empty());
        let edited = json!("SELECT SUM(fee - refund) AS fees FROM parcels");
        for _ in 0..2 {
            let (_, ran) = owner.post("/api/v1/query/run", &run(edited.clone())).await;
            assert_eq!(ran["outcome"], "answered", "{ran}");
        }
        let suggested = items(&owner, "examples").await;
        assert_eq!(suggested.len(), 1, "{suggested:?}");
        assert_eq!(
            (&suggested[0]["origin"], &suggested[0]["status"]),
            (&json!("edited"), &json!("suggested"))
        );
        assert_eq!(value(&owner, "total fee").await, "1450.75");
        let path = format!("/api/v1/examples/{}", id(&suggested[0]));
        assert_eq!(
            owner.patch(&path, &json!({ "status": "active" })).await.0,
            StatusCode::OK
        );
        assert_eq!(value(&owner, "total fee").await, "1330.00");
        // A query that failed, or that stands for no question, suggests nothing.
        let failed =
            json!({ "query": "SELECT nothing FROM parcels", "file_ids": [file], "question": "what?" });
        owner.post("/api/v1/query/run", &failed).await;
        let nameless = json!({ "query": "SELECT COUNT(*) AS n FROM parcels", "file_ids": [file] });
        owner.post("/api/v1/query/run", &nameless).await;
        assert_eq!(items(&owner, "examples").await.len(), 1);
    }
);

#[tokio::test]
async fn what_only_changes_another_question_and_what_was_wrong_suggest_no_example() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_parcels(&app).await;
    let first = ask(&owner, "total fee", "answered").await;
    let body = json!({ "question": "and by town?", "conversation_id": first["conversation_id"] });
    let (_, second) = owner.post("/api/v1/query", &body).await;
    assert_eq!(second["outcome"], "answered", "{second}");
    let path = format!("/api/v1/query/{}/feedback", id(&second));
    let (_, given) = owner.put(&path, &json!({ "verdict": "right" })).await;
    assert_eq!(given["suggested_example_id"], Value::Null, "{given}");
    // What is wrong may define a word; that too waits for somebody.
    let comment = "No: yield means total fee minus total refund.";
    let path = format!("/api/v1/query/{}/feedback", id(&first));
    let (status, given) = owner
        .put(&path, &json!({ "verdict": "wrong", "comment": comment }))
        .await;
    assert_eq!(
        (status, &given["verdict"]),
        (StatusCode::OK, &json!("wrong")),
        "{given}"
    );
    assert!(items(&owner, "examples").await.is_empty());
    let terms = items(&owner, "glossary").await;
    assert_eq!(terms.len(), 1, "{terms:?}");
    assert_eq!(
        (&terms[0]["status"], &terms[0]["origin"]),
        (&json!("suggested"), &json!("use"))
    );
    assert_eq!(
        (&terms[0]["source_id"], &terms[0]["source_name"]),
        (&json!(file), &json!("parcels.csv"))
    );
    for (verdict, comment) in [
        (json!("good"), json!(null)),
        (json!("right"), json!("x".repeat(2_001))),
    ] {
        let (status, error) = owner
            .put(&path, &json!({ "verdict": verdict, "comment": comment }))
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
    }
}

#[tokio::test]
async fn whoever_changes_their_mind_takes_the_suggestion_back_unless_it_was_approved() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_parcels(&app).await;
    let answer = ask(&owner, "total fee by town", "answered").await;
    let path = format!("/api/v1/query/{}/feedback", id(&answer));
    for taken_back in ["wrong", "removed"] {
        owner.put(&path, &json!({ "verdict": "right" })).await;
        assert_eq!(items(&owner, "examples").await.len(), 1);
        match taken_back {
            "wrong" => assert_eq!(
                owner.put(&path, &json!({ "verdict": "wrong" })).await.0,
                StatusCode::OK
            ),
            _ => assert_eq!(owner.delete(&path).await.0, StatusCode::NO_CONTENT),
        }
        assert!(items(&owner, "examples").await.is_empty(), "{taken_back}");
    }
    let (_, given) = owner.put(&path, &json!({ "verdict": "right" })).await;
    let example = format!(
        "/api/v1/examples/{}",
        given["suggested_example_id"].as_str().unwrap()
    );
    owner.patch(&example, &json!({ "status": "active" })).await;
    owner.put(&path, &json!({ "verdict": "wrong" })).await;
    assert_eq!(items(&owner, "examples?status=active").await.len(), 1);
    // A query that was given no name is no question.
    let body = json!({ "query": "select max(fee) as most from parcels", "file_ids": [file] });
    let (_, ran) = owner.post("/api/v1/query/run", &body).await;
    let path = format!("/api/v1/query/{}/feedback", id(&ran));
    let (_, given) = owner.put(&path, &json!({ "verdict": "right" })).await;
    assert_eq!(given["suggested_example_id"], Value::Null, "{given}");
}

#[tokio::test]
async fn viewers_say_what_they_think_and_change_nothing() {
    let app = TestApp::builder().start().await;
    let (owner, file) = with_parcels(&app).await;
    let made = example(
        &owner,
        "How is business?",
        "SELECT 1 AS one FROM parcels LIMIT 1",
        &file,
    )
    .await;
    let viewer = app.member(&owner, "viewer@example.com", "viewer").await;
    let answer = ask(&viewer, "total fee", "answered").await;
    let path = format!("/api/v1/query/{}/feedback", id(&answer));
    let (status, given) = viewer.put(&path, &json!({ "verdict": "right" })).await;
    assert_eq!(status, StatusCode::OK, "{given}");
    let suggestion = format!(
        "/api/v1/examples/{}",
        given["suggested_example_id"].as_str().unwrap()
    );
    for path in [suggestion, format!("/api/v1/examples/{}", id(&made))] {
        assert_eq!(
            viewer.patch(&path, &json!({ "status": "active" })).await.0,
            StatusCode::FORBIDDEN
        );
        assert_eq!(viewer.delete(&path).await.0, StatusCode::FORBIDDEN);
    }
    assert_eq!(items(&viewer, "examples").await.len(), 2);
    // Of others' answers nobody knows anything.
    assert_eq!(owner.get(&path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        owner.put(&path, &json!({ "verdict": "wrong" })).await.0,
        StatusCode::NOT_FOUND
    );
}
