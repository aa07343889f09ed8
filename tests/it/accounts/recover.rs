//! Forgotten and changed passwords, changed addresses, lists of sessions, and leaving.

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::on_both_stores;
use crate::support::app::{Caller, TestApp};
use crate::support::people::PASSWORD;

/// The cookie that a log-in sets.
async fn cookie(caller: &Caller, email: &str, password: &str) -> String {
    let response = caller
        .request(Method::POST, "/api/v1/auth/login")
        .json(&json!({ "email": email, "password": password }))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    refresh_cookie(&response)
}

fn refresh_cookie(response: &reqwest::Response) -> String {
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

async fn refresh(caller: &Caller, cookie: &str) -> reqwest::Response {
    caller
        .request(Method::POST, "/api/v1/auth/refresh")
        .header(COOKIE, cookie)
        .send()
        .await
        .unwrap()
}

on_both_stores!(a_forgotten_password_is_set_anew_once, async |app: &TestApp| {
    let owner = app.owner().await;
    let caller = app.anonymous();
    let cookie = cookie(&caller, "owner@example.com", PASSWORD).await;
    let ask = json!({ "email": " OWNER@example.com" });
    assert_eq!(
        caller.post("/api/v1/auth/forgot-password", &ask).await.0,
        StatusCode::ACCEPTED
    );
    let token = app.mail("owner@example.com", "new password").await.token();
    let short = json!({ "token": token, "password": "short" });
    assert_eq!(
        caller.post("/api/v1/auth/reset-password", &short).await.0,
        StatusCode::BAD_REQUEST
    );
    let new = json!({ "token": token, "password": "quite another password" });
    assert_eq!(
        caller.post("/api/v1/auth/reset-password", &new).await.0,
        StatusCode::NO_CONTENT
    );
    // Every session ended at once, and the link is dead.
    assert_eq!(owner.get("/api/v1/auth/me").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(refresh(&caller, &cookie).await.status(), StatusCode::UNAUTHORIZED);
    let (status, dead) = caller.post("/api/v1/auth/reset-password", &new).await;
    assert_eq!(
        (status, dead["error"]["code"].as_str()),
        (StatusCode::BAD_REQUEST, Some("token_invalid"))
    );
    let old = json!({ "email": "owner@example.com", "password": PASSWORD });
    assert_eq!(
        caller.post("/api/v1/auth/login", &old).await.0,
        StatusCode::UNAUTHORIZED
    );
    app.log_in("owner@example.com", "quite another password").await;
    app.mail("owner@example.com", "was changed").await;
});

#[tokio::test]
async fn of_two_links_only_the_first_one_used_works() {
    let app = TestApp::builder().start().await;
    app.owner().await;
    let caller = app.anonymous();
    for _ in 0..2 {
        caller
            .post(
                "/api/v1/auth/forgot-password",
                &json!({ "email": "owner@example.com" }),
            )
            .await;
    }
    let mails = crate::support::app::eventually("two letters", async || {
        let mails = app.mails();
        (mails.len() == 2).then_some(mails)
    })
    .await;
    let attempts = mails.iter().map(|mail| {
        let body = json!({ "token": mail.token(), "password": "quite another password" });
        let caller = caller.clone();
        async move { caller.post("/api/v1/auth/reset-password", &body).await.0 }
    });
    let outcomes = futures::future::join_all(attempts).await;
    let good = outcomes
        .iter()
        .filter(|status| **status == StatusCode::NO_CONTENT);
    assert_eq!(good.count(), 1, "{outcomes:?}");
}

#[tokio::test]
async fn one_address_gets_only_so_many_letters() {
    let app = TestApp::builder().start().await;
    app.owner().await;
    let caller = app.anonymous();
    for _ in 0..8 {
        let ask = json!({ "email": "owner@example.com" });
        let answer = caller.post("/api/v1/auth/forgot-password", &ask).await;
        assert_eq!(answer.0, StatusCode::ACCEPTED, "{}", answer.1);
    }
    // The letter about a new member comes after all of these.
    let owner = app.log_in("owner@example.com", PASSWORD).await;
    let body = json!({ "email": "last@example.com", "role": "viewer" });
    owner.post("/api/v1/invitations", &body).await;
    app.mail("last@example.com", "invites").await;
    let mails = app.mails();
    let letters = mails.iter().filter(|mail| mail.to == "owner@example.com").count();
    assert_eq!(letters, 5);
}

on_both_stores!(
    a_changed_password_ends_the_other_sessions,
    async |app: &TestApp| {
        let owner = app.owner().await;
        let elsewhere = app.log_in("owner@example.com", PASSWORD).await;
        let wrong = json!({ "current": "not the password", "new": "quite another password" });
        let (status, answer) = owner.post("/api/v1/auth/change-password", &wrong).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
        let right = json!({ "current": PASSWORD, "new": "quite another password" });
        assert_eq!(
            owner.post("/api/v1/auth/change-password", &right).await.0,
            StatusCode::NO_CONTENT
        );
        assert_eq!(owner.get("/api/v1/auth/me").await.0, StatusCode::OK);
        assert_eq!(elsewhere.get("/api/v1/auth/me").await.0, StatusCode::UNAUTHORIZED);
        app.log_in("owner@example.com", "quite another password").await;
    }
);

on_both_stores!(
    a_new_address_holds_once_it_was_confirmed,
    async |app: &TestApp| {
        let owner = app.owner().await;
        app.member(&owner, "taken@example.com", "viewer").await;
        let ask = |email: &str| json!({ "password": PASSWORD, "email": email });
        let taken = owner
            .post("/api/v1/auth/change-email", &ask("taken@example.com"))
            .await;
        let free = owner
            .post("/api/v1/auth/change-email", &ask("New@example.com"))
            .await;
        assert_eq!(free.0, StatusCode::ACCEPTED, "{}", free.1);
        assert_eq!(taken, free);
        let me = owner.get("/api/v1/auth/me").await.1;
        assert_eq!(me["email"], "owner@example.com");
        let token = app.mail("new@example.com", "Confirm").await.token();
        let body = json!({ "token": token });
        let caller = app.anonymous();
        assert_eq!(
            caller.post("/api/v1/auth/confirm-email", &body).await.0,
            StatusCode::NO_CONTENT
        );
        assert_eq!(
            caller.post("/api/v1/auth/confirm-email", &body).await.0,
            StatusCode::BAD_REQUEST
        );
        let me = owner.get("/api/v1/auth/me").await.1;
        assert_eq!(me["email"], "new@example.com");
        app.mail("owner@example.com", "was changed").await;
        assert!(
            app.mails()
                .iter()
                .all(|mail| !mail.to.contains("taken") || mail.subject.contains("invites"))
        );
        app.log_in("new@example.com", PASSWORD).await;
    }
);

on_both_stores!(sessions_are_listed_and_ended_one_by_one, async |app: &TestApp| {
    let owner = app.owner().await;
    let elsewhere = app.log_in("owner@example.com", PASSWORD).await;
    let (status, sessions) = owner.get("/api/v1/auth/sessions").await;
    assert_eq!(status, StatusCode::OK, "{sessions}");
    let sessions: Vec<Value> = sessions.as_array().unwrap().clone();
    assert_eq!(sessions.len(), 2);
    let own = sessions
        .iter()
        .filter(|session| session["current"] == json!(true));
    assert_eq!(own.count(), 1);
    let other = sessions
        .iter()
        .find(|session| session["current"] == json!(false))
        .unwrap();
    assert_eq!(other["ip"], "127.0.0.1");
    let path = format!("/api/v1/auth/sessions/{}", other["id"].as_str().unwrap());
    // Somebody else's session is no session.
    let member = app.member(&owner, "ada@example.com", "admin").await;
    assert_eq!(member.delete(&path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(owner.delete(&path).await.0, StatusCode::NO_CONTENT);
    assert_eq!(elsewhere.get("/api/v1/auth/me").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(owner.get("/api/v1/auth/me").await.0, StatusCode::OK);
    assert_eq!(owner.delete(&path).await.0, StatusCode::NOT_FOUND);
});

/// However old it is: whoever has a copy of a used refresh token and uses it ends the session for both.
#[tokio::test]
async fn an_old_refresh_token_ends_its_session_and_is_written_down() {
    let app = TestApp::builder().start().await;
    app.owner().await;
    let caller = app.anonymous();
    let first = cookie(&caller, "owner@example.com", PASSWORD).await;
    let second = refresh_cookie(&refresh(&caller, &first).await);
    let answer = refresh(&caller, &second).await;
    let third = refresh_cookie(&answer);
    let body: Value = answer.json().await.unwrap();
    let user = caller.clone().with_token(&body);
    assert_eq!(user.get("/api/v1/auth/me").await.0, StatusCode::OK);
    // One that was made up ends nothing.
    let mut parts: Vec<&str> = first.split('.').collect();
    parts[1] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(
        refresh(&caller, &parts.join(".")).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(user.get("/api/v1/auth/me").await.0, StatusCode::OK);
    assert_eq!(refresh(&caller, &first).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(user.get("/api/v1/auth/me").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(refresh(&caller, &third).await.status(), StatusCode::UNAUTHORIZED);
    let owner = app.log_in("owner@example.com", PASSWORD).await;
    let audit = owner.get("/api/v1/audit?action=auth.refresh_reused").await.1;
    assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{audit}");
}

on_both_stores!(
    leaving_takes_the_account_and_perhaps_the_organization,
    async |app: &TestApp| {
        let owner = app.owner().await;
        let ada = app.member(&owner, "ada@example.com", "analyst").await;
        let (status, _) = ada.upload(&[("kept.csv", b"a,b\n1,2\n")]).await;
        assert_eq!(status, StatusCode::CREATED);
        let leave = |with: bool, password: &str| json!({ "password": password, "delete_organization": with });
        let me = "/api/v1/auth/me";
        assert_eq!(
            ada.delete_with(me, &leave(false, "not the password")).await.0,
            StatusCode::UNAUTHORIZED
        );
        assert_eq!(
            ada.delete_with(me, &leave(true, PASSWORD)).await.0,
            StatusCode::FORBIDDEN
        );
        assert_eq!(
            ada.delete_with(me, &leave(false, PASSWORD)).await.0,
            StatusCode::NO_CONTENT
        );
        assert_eq!(ada.get(me).await.0, StatusCode::UNAUTHORIZED);
        app.mail("ada@example.com", "deleted").await;
        // What she added for the organisation stays.
        let files = owner.get("/api/v1/files").await.1;
        assert_eq!(files["files"].as_array().unwrap().len(), 1);
        let (status, last) = owner.delete_with(me, &leave(false, PASSWORD)).await;
        assert_eq!(
            (status, last["error"]["code"].as_str()),
            (StatusCode::CONFLICT, Some("last_owner"))
        );
        let bob = app.member(&owner, "bob@example.com", "viewer").await;
        assert_eq!(
            owner.delete_with(me, &leave(true, PASSWORD)).await.0,
            StatusCode::NO_CONTENT
        );
        assert_eq!(owner.get(me).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(bob.get(me).await.0, StatusCode::UNAUTHORIZED);
        let state = app.anonymous().get("/api/v1/setup").await.1;
        assert_eq!(state["needed"], json!(true));
    }
);
