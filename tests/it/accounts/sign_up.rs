//! Sign-up in its four kinds, and confirming the address.

use clean_custard::config::SignUp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::app::{Builder, Store, TestApp};
use crate::support::people::PASSWORD;

fn open(builder: Builder) -> Builder {
    builder.config(|config| config.accounts.sign_up = SignUp::Open)
}

fn by_domain(builder: Builder) -> Builder {
    builder.config(|config| {
        config.accounts.sign_up = SignUp::Domain;
        config.accounts.domains = ["example.com".to_owned()].into();
    })
}

fn somebody(email: &str) -> Value {
    json!({ "email": email, "name": "Ada", "password": PASSWORD, "organization": "Adas" })
}

#[tokio::test]
async fn open_sign_up_makes_an_organization_once_the_link_was_followed() {
    for store in [Store::Sqlite, Store::Postgres] {
        let app = open(TestApp::builder()).store(store).start().await;
        let owner = app.owner().await;
        let caller = app.anonymous();
        let options = caller.get("/api/v1/auth/options").await.1;
        assert_eq!(options["sign_up"], "open");
        assert_eq!(options["email_verification"], json!(true));
        let (status, answer) = caller
            .post("/api/v1/auth/signup", &somebody(" Ada@Example.org "))
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        assert_eq!(answer["status"], "verification_sent");
        // Before the link: with the right password one hears why, with a wrong one nothing.
        let log_in = json!({ "email": "ada@example.org", "password": PASSWORD });
        let (status, answer) = caller.post("/api/v1/auth/login", &log_in).await;
        assert_eq!(
            (status, answer["error"]["code"].as_str()),
            (StatusCode::UNAUTHORIZED, Some("email_unverified"))
        );
        let wrong = json!({ "email": "ada@example.org", "password": "another password" });
        let answer = caller.post("/api/v1/auth/login", &wrong).await.1;
        assert_eq!(answer["error"]["code"], "unauthorized");
        let token = app.mail("ada@example.org", "Confirm").await.token();
        let (status, made) = caller
            .post("/api/v1/auth/verify", &json!({ "token": token }))
            .await;
        assert_eq!(status, StatusCode::OK, "{made}");
        assert_eq!(made["user"]["role"], "owner");
        assert_eq!(made["user"]["organization"]["name"], "Adas");
        // Once.
        let (status, again) = caller
            .post("/api/v1/auth/verify", &json!({ "token": token }))
            .await;
        assert_eq!(
            (status, again["error"]["code"].as_str()),
            (StatusCode::BAD_REQUEST, Some("token_invalid"))
        );
        // Another organisation of the same name is another organisation.
        let mut like_the_owner = somebody("eve@example.org");
        like_the_owner["organization"] = json!("Example");
        caller.post("/api/v1/auth/signup", &like_the_owner).await;
        let token = app.mail("eve@example.org", "Confirm").await.token();
        let (_, eve) = caller
            .post("/api/v1/auth/verify", &json!({ "token": token }))
            .await;
        let mine = owner.get("/api/v1/organization").await.1;
        assert_eq!(eve["user"]["organization"]["name"], mine["name"]);
        assert_ne!(eve["user"]["organization"]["id"], mine["id"]);
    }
}

#[tokio::test]
async fn sign_up_does_not_tell_who_has_an_account() {
    let app = open(TestApp::builder()).start().await;
    app.owner().await;
    let caller = app.anonymous();
    let known = caller
        .post("/api/v1/auth/signup", &somebody("owner@example.com"))
        .await;
    let unknown = caller
        .post("/api/v1/auth/signup", &somebody("nobody@example.com"))
        .await;
    assert_eq!(known, unknown);
    // Only the address hears of it, and the password of the stranger is worth nothing.
    let letter = app.mail("owner@example.com", "already").await;
    assert!(letter.text.contains("/reset-password"), "{}", letter.text);
    let stranger = json!({ "email": "owner@example.com", "password": PASSWORD });
    assert_eq!(
        caller.post("/api/v1/auth/login", &stranger).await.0,
        StatusCode::OK
    );
    for path in ["forgot-password", "resend-verification"] {
        let path = format!("/api/v1/auth/{path}");
        let known = caller.post(&path, &json!({ "email": "owner@example.com" })).await;
        let unknown = caller
            .post(&path, &json!({ "email": "someone@example.com" }))
            .await;
        assert_eq!(known.0, StatusCode::ACCEPTED, "{}", known.1);
        assert_eq!(known, unknown);
    }
}

/// Somebody signs up with a stranger's address and waits for the stranger to confirm it. Each link is good for
/// the password of its own sign-up only.
#[tokio::test]
async fn nobody_waits_inside_somebody_elses_account() {
    let app = open(TestApp::builder()).start().await;
    app.owner().await;
    let caller = app.anonymous();
    let mut early = somebody("victim@example.com");
    early["password"] = json!("the password of the thief");
    caller.post("/api/v1/auth/signup", &early).await;
    app.mail("victim@example.com", "Confirm").await;
    caller
        .post("/api/v1/auth/signup", &somebody("victim@example.com"))
        .await;
    let mails = crate::support::app::eventually("two letters", async || {
        let mails = app.mails();
        (mails.len() == 2).then_some(mails)
    })
    .await;
    let token = mails[1].token();
    let (status, _) = caller
        .post("/api/v1/auth/verify", &json!({ "token": token }))
        .await;
    assert_eq!(status, StatusCode::OK);
    let thief = json!({ "email": "victim@example.com", "password": "the password of the thief" });
    assert_eq!(
        caller.post("/api/v1/auth/login", &thief).await.0,
        StatusCode::UNAUTHORIZED
    );
    app.log_in("victim@example.com", PASSWORD).await;
    // The thief's own link died with it.
    let dead = caller
        .post("/api/v1/auth/verify", &json!({ "token": mails[0].token() }))
        .await;
    assert_eq!(dead.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn sign_up_by_domain_joins_the_organization_there_is() {
    let app = by_domain(TestApp::builder()).start().await;
    let owner = app.owner().await;
    let caller = app.anonymous();
    for stranger in [
        "ada@example.org",
        "ada@example.com.evil.org",
        "ada@sub.example.com",
    ] {
        let (status, answer) = caller.post("/api/v1/auth/signup", &somebody(stranger)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{stranger}");
        assert_eq!(answer["error"]["code"], "sign_up_closed");
    }
    let (status, _) = caller
        .post("/api/v1/auth/signup", &somebody("ADA@example.com"))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let token = app.mail("ada@example.com", "Confirm").await.token();
    let (_, made) = caller
        .post("/api/v1/auth/verify", &json!({ "token": token }))
        .await;
    assert_eq!(made["user"]["role"], "viewer");
    let mine = owner.get("/api/v1/organization").await.1;
    assert_eq!(made["user"]["organization"], mine);
}

#[tokio::test]
async fn closed_means_closed() {
    for (mode, invitations) in [
        (SignUp::Closed, StatusCode::FORBIDDEN),
        (SignUp::Invitation, StatusCode::CREATED),
    ] {
        let app = TestApp::builder()
            .config(move |config| config.accounts.sign_up = mode)
            .start()
            .await;
        let owner = app.owner().await;
        let caller = app.anonymous();
        let (status, answer) = caller
            .post("/api/v1/auth/signup", &somebody("ada@example.com"))
            .await;
        assert_eq!(
            (status, answer["error"]["code"].as_str()),
            (StatusCode::FORBIDDEN, Some("sign_up_closed"))
        );
        let body = json!({ "email": "ada@example.com", "role": "viewer" });
        assert_eq!(owner.post("/api/v1/invitations", &body).await.0, invitations);
    }
}

#[tokio::test]
async fn a_link_in_a_letter_never_carries_a_strangers_address() {
    let app = TestApp::builder().start().await;
    app.owner().await;
    let caller = app.anonymous();
    let request = caller
        .request(reqwest::Method::POST, "/api/v1/auth/forgot-password")
        .header(reqwest::header::HOST, "evil.example")
        .header("x-forwarded-host", "evil.example")
        .json(&json!({ "email": "owner@example.com" }));
    assert_eq!(caller.send(request).await.0, StatusCode::ACCEPTED);
    let letter = app.mail("owner@example.com", "password").await;
    assert!(!letter.text.contains("evil.example"), "{}", letter.text);
}
