//! Limits: who asks too often is told when to come back; who guesses passwords waits longer each time, and the
//! owner does not.

use clean_custard::config::LimitsConfig;
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{Caller, TestApp};

async fn limited(change: impl FnOnce(&mut LimitsConfig) + 'static) -> TestApp {
    TestApp::builder()
        .config(move |config| {
            change(&mut config.limits);
            // The tests are their own proxy: what they say about addresses is believed.
            config.server.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        })
        .start()
        .await
}

/// One request from an address.
async fn from(
    caller: &Caller,
    address: &str,
    method: Method,
    path: &str,
    body: &Value,
) -> (StatusCode, Value) {
    let mut request = caller.request(method, path).header("X-Forwarded-For", address);
    if !body.is_null() {
        request = request.json(body);
    }
    caller.send(request).await
}

async fn log_in(app: &TestApp, address: &str, password: &str) -> (StatusCode, Value) {
    let body = json!({ "email": "owner@example.com", "password": password });
    from(
        &app.anonymous(),
        address,
        Method::POST,
        "/api/v1/auth/login",
        &body,
    )
    .await
}

#[tokio::test]
async fn too_many_questions_are_told_when_to_come_back() {
    let app = limited(|limits| limits.ask_per_minute = 2).await;
    let owner = app.owner().await;
    for _ in 0..2 {
        owner.ask("how many orders are there?").await;
    }
    let response = owner
        .request(Method::POST, "/api/v1/query")
        .json(&json!({ "question": "how many orders are there?" }))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = response.headers()[RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "rate_limited");
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("at most 2 questions a minute"), "{message}");
    // Other things still work.
    assert_eq!(owner.get("/api/v1/conversations").await.0, StatusCode::OK);
    assert_eq!(app.anonymous().get("/health").await.0, StatusCode::OK);
}

#[tokio::test]
async fn one_address_has_its_limit_and_others_have_theirs() {
    let app = limited(|limits| {
        limits.everything_per_minute = 2;
        limits.address_factor = 2;
    })
    .await;
    let anyone = app.anonymous();
    let setup = async |address: &'static str| {
        from(&anyone, address, Method::GET, "/api/v1/setup", &Value::Null)
            .await
            .0
    };
    for _ in 0..4 {
        assert_eq!(setup("203.0.113.1").await, StatusCode::OK);
    }
    assert_eq!(setup("203.0.113.1").await, StatusCode::TOO_MANY_REQUESTS);
    // What he claims to be himself changes nothing: only the proxy's own entry counts.
    assert_eq!(setup("8.8.8.8, 203.0.113.1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(setup("203.0.113.2").await, StatusCode::OK);
    for host in 0..4 {
        let address = format!("2001:db8::{host}");
        from(&anyone, &address, Method::GET, "/api/v1/setup", &Value::Null).await;
    }
    assert_eq!(setup("2001:db8::ffff").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(setup("2001:db8:0:1::1").await, StatusCode::OK);
}

/// Somebody with many network addresses fills nobody's letter box.
#[tokio::test]
async fn letters_to_one_address_are_limited_wherever_they_are_asked_for() {
    let app = limited(|limits| limits.sign_up_per_hour = 2).await;
    app.owner().await;
    let anyone = app.anonymous();
    let ask = async |host: usize, path: &str, email: &str| {
        let body = match path {
            "signup" => json!({ "email": email, "name": "Eve", "password": "a long password" }),
            _ => json!({ "email": email }),
        };
        let path = format!("/api/v1/auth/{path}");
        let (status, _) = from(&anyone, &format!("203.0.113.{host}"), Method::POST, &path, &body).await;
        status
    };
    assert_ne!(
        ask(1, "signup", "ada@example.com").await,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(
        ask(2, "forgot-password", "ADA@example.com ").await,
        StatusCode::ACCEPTED
    );
    for (host, path) in [(3, "resend-verification"), (4, "forgot-password"), (5, "signup")] {
        assert_eq!(
            ask(host, path, "ada@example.com").await,
            StatusCode::TOO_MANY_REQUESTS,
            "{path}"
        );
    }
    assert_eq!(
        ask(6, "forgot-password", "bob@example.com").await,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn only_so_many_people_are_invited_in_an_hour() {
    let app = limited(|limits| limits.invitations_per_hour = 2).await;
    let owner = app.owner().await;
    let mut invitations = Vec::new();
    for name in ["ada", "bob", "eve"] {
        let body = json!({ "email": format!("{name}@example.com"), "role": "viewer" });
        invitations.push(owner.post("/api/v1/invitations", &body).await);
    }
    let statuses: Vec<StatusCode> = invitations.iter().map(|(status, _)| *status).collect();
    let expected = [
        StatusCode::CREATED,
        StatusCode::CREATED,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    assert_eq!(statuses, expected);
    let message = invitations[2].1["error"]["message"].as_str().unwrap();
    assert!(message.contains("at most 2 invitations an hour"), "{message}");
    let again = format!(
        "/api/v1/invitations/{}/resend",
        invitations[0].1["id"].as_str().unwrap()
    );
    assert_eq!(
        owner.post(&again, &json!({})).await.0,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(
        owner.get("/api/v1/invitations").await.1.as_array().unwrap().len(),
        2
    );
}

#[tokio::test]
async fn log_ins_are_limited_even_when_all_else_is_not() {
    let app = limited(|limits| {
        limits.log_in_per_minute = 3;
        limits.address_factor = 1;
        limits.everything_per_minute = 0;
        limits.ask_per_minute = 0;
    })
    .await;
    app.owner().await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(log_in(&app, "203.0.113.1", "a long password").await.0);
    }
    assert!(
        answers.contains(&StatusCode::OK) && answers.contains(&StatusCode::TOO_MANY_REQUESTS),
        "{answers:?}"
    );
}

#[tokio::test]
async fn guessing_is_remembered_and_told() {
    let mut app = limited(|_| {}).await;
    app.owner().await;
    let home = "198.51.100.7";
    assert_eq!(log_in(&app, home, "a long password").await.0, StatusCode::OK);

    // From ever new addresses, as botnets do.
    let mut refused = None;
    for number in 0..40 {
        let address = format!("203.0.113.{number}");
        let (status, answer) = log_in(&app, &address, "wrong password").await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
            break;
        }
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
    }
    let refused = refused.expect("the guesser has to wait");
    assert_eq!(refused["error"]["code"], "rate_limited");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("too many wrong passwords"), "{message}");

    // A restart forgets nothing, and the right password from anywhere has to wait as well.
    use_up(&app, 12).await;
    app.restart().await;
    assert_eq!(
        log_in(&app, "203.0.113.200", "a long password").await.0,
        StatusCode::TOO_MANY_REQUESTS
    );
    // Where the owner logged in before, the owner is not held up.
    assert_eq!(log_in(&app, home, "a long password").await.0, StatusCode::OK);
    // An address without an account is treated alike.
    let body = json!({ "email": "nobody@example.com", "password": "wrong password" });
    let mut answers = Vec::new();
    for number in 0..8 {
        let address = format!("203.0.113.{number}");
        answers.push(
            from(
                &app.anonymous(),
                &address,
                Method::POST,
                "/api/v1/auth/login",
                &body,
            )
            .await
            .0,
        );
    }
    assert!(answers.contains(&StatusCode::TOO_MANY_REQUESTS), "{answers:?}");
}

/// Makes the count of failures what it would be after so many, without the waiting.
async fn use_up(app: &TestApp, failures: i32) {
    use clean_custard::db::Db;
    use diesel::prelude::*;
    let file = app.config.server.data_dir.join("custard.db");
    let db = tokio::task::spawn_blocking(move || Db::open(&file, None, 1).unwrap())
        .await
        .unwrap();
    db.write(move |conn| {
        let changed = diesel::sql_query(format!(
            "UPDATE login_attempts SET failures = {failures} WHERE network = '' AND failures > 5"
        ))
        .execute(conn)?;
        assert_eq!(changed, 1);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_owner_is_told_once_a_day() {
    let app = limited(|_| {}).await;
    app.owner().await;
    for round in 0..12 {
        let address = format!("203.0.113.{round}");
        let (status, answer) = log_in(&app, &address, "wrong password").await;
        assert!(
            matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS),
            "{answer}"
        );
        if round == 7 {
            use_up(&app, 20).await;
            forget_the_wait(&app).await;
        }
    }
    let mail = app.mail("owner@example.com", "tries to log in").await;
    assert!(mail.text.contains("203.0.113."), "{}", mail.text);
    assert_eq!(app.mails().len(), 1);
}

/// As if the last failure were long ago (but not forgotten).
async fn forget_the_wait(app: &TestApp) {
    use clean_custard::db::Db;
    use diesel::prelude::*;
    let file = app.config.server.data_dir.join("custard.db");
    let db = tokio::task::spawn_blocking(move || Db::open(&file, None, 1).unwrap())
        .await
        .unwrap();
    let before = clean_custard::id::now() - chrono::TimeDelta::hours(2);
    db.write(move |conn| {
        use clean_custard::db::schema::login_attempts as table;
        diesel::update(table::table)
            .set(table::failed_at.eq(before))
            .execute(conn)?;
        Ok(())
    })
    .await
    .unwrap();
}
