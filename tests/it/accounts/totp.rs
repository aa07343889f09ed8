//! The second factor and its recovery codes.

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use serde_json::{Value, json};
use totp_rs::Totp;

use crate::on_both_stores;
use crate::support::app::{Caller, TestApp};
use crate::support::people::PASSWORD;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The code of some steps from now.
fn code(app: &Totp, steps: i64) -> String {
    let time = now().checked_add_signed(steps * 30).unwrap();
    app.generate(time).to_string()
}

/// Puts a second factor in force; the authenticator app and the recovery codes.
async fn enable(person: &Caller) -> (Totp, Vec<String>) {
    let (status, proposal) = person.post("/api/v1/auth/totp", &json!({})).await;
    assert_eq!(status, StatusCode::OK, "{proposal}");
    assert!(proposal["qr_svg"].as_str().unwrap().contains("<svg"));
    let url = proposal["otpauth_url"].as_str().unwrap();
    let app = Totp::from_url(url).unwrap();
    assert_eq!(app.secret().to_base32(), proposal["secret"].as_str().unwrap());
    let (status, wrong) = person
        .post("/api/v1/auth/totp/confirm", &json!({ "code": "abc" }))
        .await;
    assert_eq!(
        (status, wrong["error"]["code"].as_str()),
        (StatusCode::UNAUTHORIZED, Some("totp_invalid"))
    );
    let body = json!({ "code": code(&app, -1) });
    let (mut status, mut codes) = person.post("/api/v1/auth/totp/confirm", &body).await;
    if status != StatusCode::OK {
        // A new step began in between.
        let body = json!({ "code": code(&app, -1) });
        (status, codes) = person.post("/api/v1/auth/totp/confirm", &body).await;
    }
    assert_eq!(status, StatusCode::OK, "{codes}");
    let codes: Vec<String> = serde_json::from_value(codes["recovery_codes"].clone()).unwrap();
    assert_eq!(codes.len(), 10);
    (app, codes)
}

async fn log_in(app: &TestApp, code: Option<&str>) -> (StatusCode, Value) {
    let body = json!({ "email": "owner@example.com", "password": PASSWORD, "code": code });
    app.anonymous().post("/api/v1/auth/login", &body).await
}

on_both_stores!(a_code_is_asked_for_and_taken_once, async |app: &TestApp| {
    let owner = app.owner().await;
    assert_eq!(owner.get("/api/v1/auth/totp").await.1["enabled"], json!(false));
    let (phone, recovery) = enable(&owner).await;
    let state = owner.get("/api/v1/auth/totp").await.1;
    assert_eq!(
        (&state["enabled"], &state["recovery_codes_left"]),
        (&json!(true), &json!(10))
    );
    let answer = log_in(app, None).await;
    assert_eq!(
        (answer.0, answer.1["error"]["code"].as_str()),
        (StatusCode::UNAUTHORIZED, Some("totp_required"))
    );
    // With a wrong password nobody learns that there is a second factor.
    let body = json!({ "email": "owner@example.com", "password": "another password" });
    let answer = app.anonymous().post("/api/v1/auth/login", &body).await.1;
    assert_eq!(answer["error"]["code"], "unauthorized");
    let next = code(&phone, 1);
    assert_eq!(log_in(app, Some(&next)).await.0, StatusCode::OK);
    // Neither again, nor the ones before it.
    for used in [next, code(&phone, 0)] {
        let answer = log_in(app, Some(&used)).await;
        assert_eq!(
            (answer.0, answer.1["error"]["code"].as_str()),
            (StatusCode::UNAUTHORIZED, Some("totp_invalid"))
        );
    }
    // A recovery code, as people type it, once.
    let typed = recovery[3].to_uppercase().replace('-', " ");
    assert_eq!(log_in(app, Some(&typed)).await.0, StatusCode::OK);
    assert_eq!(log_in(app, Some(&recovery[3])).await.0, StatusCode::UNAUTHORIZED);
    let state = owner.get("/api/v1/auth/totp").await.1;
    assert_eq!(state["recovery_codes_left"], json!(9));
    // New recovery codes void the others.
    let body = json!({ "code": recovery[4] });
    let (status, new) = owner.post("/api/v1/auth/totp/recovery-codes", &body).await;
    assert_eq!(status, StatusCode::OK, "{new}");
    assert_eq!(log_in(app, Some(&recovery[5])).await.0, StatusCode::UNAUTHORIZED);
    let new: Vec<String> = serde_json::from_value(new["recovery_codes"].clone()).unwrap();
    // Taken away only with password and code.
    let path = "/api/v1/auth/totp";
    let wrong = json!({ "password": "not the password", "code": new[0] });
    assert_eq!(owner.delete_with(path, &wrong).await.0, StatusCode::UNAUTHORIZED);
    let wrong = json!({ "password": PASSWORD, "code": "000000" });
    assert_eq!(owner.delete_with(path, &wrong).await.0, StatusCode::UNAUTHORIZED);
    let right = json!({ "password": PASSWORD, "code": new[0] });
    assert_eq!(owner.delete_with(path, &right).await.0, StatusCode::NO_CONTENT);
    assert_eq!(log_in(app, None).await.0, StatusCode::OK);
});

#[tokio::test]
async fn a_new_password_by_link_does_not_get_around_the_second_factor() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let (_, recovery) = enable(&owner).await;
    let caller = app.anonymous();
    caller
        .post(
            "/api/v1/auth/forgot-password",
            &json!({ "email": "owner@example.com" }),
        )
        .await;
    let token = app.mail("owner@example.com", "new password").await.token();
    let new = json!({ "token": token, "password": PASSWORD });
    assert_eq!(
        caller.post("/api/v1/auth/reset-password", &new).await.0,
        StatusCode::NO_CONTENT
    );
    let answer = log_in(&app, None).await.1;
    assert_eq!(answer["error"]["code"], "totp_required");
    assert_eq!(log_in(&app, Some(&recovery[0])).await.0, StatusCode::OK);
}

/// Of two at once, one gets in.
#[tokio::test]
async fn one_code_opens_one_session() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let (phone, recovery) = enable(&owner).await;
    for code in [code(&phone, 1), recovery[0].clone()] {
        let attempts = (0..4).map(|_| log_in(&app, Some(&code)));
        let outcomes = futures::future::join_all(attempts).await;
        let good = outcomes
            .iter()
            .filter(|answer| answer.0 == StatusCode::OK)
            .count();
        assert_eq!(good, 1, "{outcomes:?}");
    }
}
