//! Mail: the queue, real mail servers that fail in the middle, and the outbox folder.

use std::os::unix::fs::PermissionsExt;

use clean_custard::config::{MailConfig, MailTransport, SmtpConfig, SmtpSecurity};
use clean_custard::db::Db;
use clean_custard::db::mail::{NewMail, Template, enqueue};
use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::on_both_stores;
use crate::support::app::{Caller, Store, TestApp, eventually};
use crate::support::smtp::Smtp;

fn via(smtp: SmtpConfig) -> MailConfig {
    MailConfig {
        from: "Clean Custard <custard@example.com>".parse().unwrap(),
        reply_to: None,
        transport: MailTransport::Smtp(smtp),
    }
}

/// The server's own store, opened beside it.
async fn store(app: &TestApp) -> Db {
    let file = app.config.server.data_dir.join("custard.db");
    let url = app.config.database.url.clone();
    tokio::task::spawn_blocking(move || Db::open(&file, url.as_ref(), 2).unwrap())
        .await
        .unwrap()
}

fn invitation(organization: Option<String>, to: &str) -> NewMail {
    NewMail {
        organization_id: organization,
        to: to.into(),
        template: Template::Invitation,
        variables: json!({
            "inviter": "Olive", "organization": "Example", "link": "https://custard.example.com/invitation?token=t",
        }),
    }
}

async fn queue(db: &Db, organization: &str, recipients: &[&str]) {
    let mails: Vec<NewMail> = recipients
        .iter()
        .map(|to| invitation(Some(organization.to_owned()), to))
        .collect();
    db.write(move |conn| mails.iter().try_for_each(|mail| enqueue(conn, mail)))
        .await
        .unwrap();
}

async fn organization(owner: &Caller) -> String {
    let me = owner.get("/api/v1/auth/me").await.1;
    me["organization"]["id"].as_str().unwrap().to_owned()
}

async fn outgoing(owner: &Caller) -> Vec<Value> {
    let (status, list) = owner.get("/api/v1/mail/outgoing?limit=100").await;
    assert_eq!(status, StatusCode::OK, "{list}");
    list["items"].as_array().unwrap().clone()
}

/// Waits until every letter has the state it should have in the end.
async fn settled(owner: &Caller, expected: usize) -> Vec<Value> {
    eventually("the queue to settle", async || {
        let items = outgoing(owner).await;
        let done = items.len() == expected && items.iter().all(|item| item["state"] != "waiting");
        done.then_some(items)
    })
    .await
}

on_both_stores!(without_a_mail_server_letters_are_files, async |app: &TestApp| {
    let owner = app.owner().await;
    let organization = organization(&owner).await;
    queue(&store(app).await, &organization, &["zoe@example.com"]).await;
    let mail = app.mail("zoe@example.com", "invites you").await;
    assert_eq!(mail.link(), "https://custard.example.com/invitation?token=t");
    assert_eq!(mail.token(), "t");
    assert!(mail.html.contains("Accept the invitation"), "{}", mail.html);
    let folder = app.config.server.data_dir.join("outbox");
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    for file in std::fs::read_dir(&folder).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let items = settled(&owner, 1).await;
    assert_eq!(items[0]["state"], "sent");
    assert_eq!(items[0]["to"], "zoe@example.com");
    assert!(
        !items[0].to_string().contains("token"),
        "links stay out of lists: {}",
        items[0]
    );
    let (status, test) = owner.post("/api/v1/settings/mail/test", &Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{test}");
    assert_eq!(test["ok"], true);
    assert!(
        test["steps"][0]["message"]
            .as_str()
            .unwrap()
            .contains("No mail server"),
        "{test}"
    );
    app.mail("owner@example.com", "works").await;
});

/// A letter of a transaction that failed never existed.
#[tokio::test]
async fn a_letter_belongs_to_its_transaction() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let db = store(&app).await;
    let failed = db
        .write(|conn| {
            enqueue(conn, &invitation(None, "zoe@example.com"))?;
            Err::<(), _>(clean_custard::error::Error::Invalid("changed my mind".into()))
        })
        .await;
    assert!(failed.is_err());
    for (to, variables) in [
        ("zoe@example.com\r\nBcc: all@example.com", json!({ "name": "Z" })),
        ("nobody", json!({ "name": "Z" })),
        ("zoe@example.com", json!({})),
    ] {
        let mail = NewMail {
            organization_id: None,
            to: to.into(),
            template: Template::Test,
            variables,
        };
        let refused = db.write(move |conn| enqueue(conn, &mail)).await;
        assert!(refused.is_err(), "{to:?}");
    }
    queue(&db, &organization(&owner).await, &["last@example.com"]).await;
    app.mail("last@example.com", "invites you").await;
    assert_eq!(app.mails().len(), 1);
}

async fn over(security: SmtpSecurity) {
    let smtp = Smtp::start(security);
    let mail = via(smtp.config());
    let app = TestApp::builder()
        .config(|config| config.mail = mail)
        .start()
        .await;
    let owner = app.owner().await;
    let (status, test) = owner.post("/api/v1/settings/mail/test", &Value::Null).await;
    assert_eq!((status, &test["ok"]), (StatusCode::OK, &json!(true)), "{test}");
    assert_eq!(test["steps"].as_array().unwrap().len(), 5);
    queue(
        &store(&app).await,
        &organization(&owner).await,
        &["zoe@example.com", "refused@example.com", "yan@example.com"],
    )
    .await;
    let items = settled(&owner, 3).await;
    let refused: Vec<&Value> = items.iter().filter(|item| item["state"] == "failed").collect();
    assert_eq!(refused.len(), 1, "{items:?}");
    assert_eq!(refused[0]["to"], "refused@example.com");
    let why = refused[0]["last_error"].as_str().unwrap();
    assert!(why.contains("nobody of this name"), "{why}");
    let taken = smtp.taken();
    assert_eq!(taken.len(), 3);
    for letter in &taken {
        assert_eq!(letter.tls, security != SmtpSecurity::None);
        assert_eq!(letter.from, "custard@example.com");
    }
    assert_eq!(taken[0].to, ["owner@example.com"]);
    assert!(taken[1].mail.head.contains("Auto-Submitted: auto-generated"));
    assert!(
        taken[1]
            .mail
            .head
            .contains("From: \"Clean Custard\" <custard@example.com>")
    );
}

#[tokio::test]
async fn letters_go_over_starttls() {
    over(SmtpSecurity::StartTls).await;
}

#[tokio::test]
async fn letters_go_over_tls() {
    over(SmtpSecurity::Tls).await;
}

#[tokio::test]
async fn letters_go_plain_if_asked() {
    over(SmtpSecurity::None).await;
}

/// The mail server is down at first, dies in the middle of a letter, and comes back each time.
async fn nothing_is_lost(store_kind: Store) {
    let mut smtp = Smtp::stopped(SmtpSecurity::StartTls);
    let mail = via(smtp.config());
    let app = TestApp::builder()
        .store(store_kind)
        .config(|config| config.mail = mail)
        .start()
        .await;
    let owner = app.owner().await;
    let (db, organization) = (store(&app).await, organization(&owner).await);
    let first: Vec<String> = (0..15).map(|number| format!("one{number}@example.com")).collect();
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    queue(&db, &organization, &first).await;
    eventually("a failed try", async || {
        let items = outgoing(&owner).await;
        let tried = items.iter().any(|item| {
            item["last_error"]
                .as_str()
                .is_some_and(|error| error.contains("could not be reached"))
        });
        tried.then_some(())
    })
    .await;
    // Meanwhile everything else goes on as ever.
    assert_eq!(owner.get("/api/v1/conversations").await.0, StatusCode::OK);

    smtp.restart();
    let second = ["two@example.com", "crash@example.com", "three@example.com"];
    queue(&db, &organization, &second).await;
    eventually("the mail server to die", || {
        let running = smtp.is_running();
        async move { (!running).then_some(()) }
    })
    .await;
    let (_, test) = owner.post("/api/v1/settings/mail/test", &Value::Null).await;
    assert_eq!(test["ok"], false, "{test}");
    assert_eq!(
        test["steps"].as_array().unwrap().last().unwrap()["step"],
        "connect"
    );
    smtp.restart();
    due_now(&db).await;
    settled(&owner, first.len() + second.len()).await;

    let taken = smtp.taken();
    for to in first.iter().chain(&second) {
        let letters: Vec<_> = taken.iter().filter(|letter| letter.to == [*to]).collect();
        if *to == "crash@example.com" {
            // The server died between taking it and saying so: once more is right, under the same id.
            assert_eq!(letters.len(), 2);
            assert_eq!(letters[0].mail.message_id, letters[1].mail.message_id);
        } else {
            assert_eq!(letters.len(), 1, "{to}");
        }
    }
}

/// The waits between tries are minutes; tests have no minutes.
async fn due_now(db: &Db) {
    use diesel::prelude::*;
    db.write(|conn| {
        diesel::sql_query("UPDATE outgoing_mail SET next_try_at = created_at WHERE state = 'waiting'")
            .execute(conn)?;
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn nothing_is_lost_with_sqlite() {
    nothing_is_lost(Store::Sqlite).await;
}

#[tokio::test]
async fn nothing_is_lost_with_postgres() {
    nothing_is_lost(Store::Postgres).await;
}

/// Refused for now: tried again, and this letter only.
#[tokio::test]
async fn a_greylisted_letter_is_tried_again() {
    let smtp = Smtp::start(SmtpSecurity::None);
    let mail = via(smtp.config());
    let app = TestApp::builder()
        .config(|config| config.mail = mail)
        .start()
        .await;
    let owner = app.owner().await;
    let db = store(&app).await;
    let recipients = ["later@example.com", "zoe@example.com"];
    queue(&db, &organization(&owner).await, &recipients).await;
    let waiting = eventually("the first round", async || {
        let items = outgoing(&owner).await;
        let (waiting, rest): (Vec<Value>, Vec<Value>) =
            items.into_iter().partition(|item| item["state"] == "waiting");
        let done = rest.len() == 1 && waiting.len() == 1 && waiting[0]["attempts"] == 1;
        done.then(|| waiting[0].clone())
    })
    .await;
    assert!(waiting["last_error"].as_str().unwrap().contains("Greylisted"));
    assert!(waiting["next_try_at"].as_str() > waiting["created_at"].as_str());
    due_now(&db).await;
    settled(&owner, 2).await;
    assert_eq!(smtp.taken().len(), 2);
}

/// The server is killed with letters in the queue; its successor sends them.
#[tokio::test]
async fn the_queue_survives_a_restart() {
    let mut smtp = Smtp::stopped(SmtpSecurity::None);
    let mail = via(smtp.config());
    let mut app = TestApp::builder()
        .config(|config| config.mail = mail)
        .start()
        .await;
    let owner = app.owner().await;
    let organization = organization(&owner).await;
    queue(&store(&app).await, &organization, &["zoe@example.com"]).await;
    app.restart().await;
    smtp.restart();
    due_now(&store(&app).await).await;
    let owner = app.owner().await;
    settled(&owner, 1).await;
    assert_eq!(smtp.taken().len(), 1);
}

/// Several servers work on one queue: each letter goes once.
#[tokio::test]
async fn two_servers_share_one_queue() {
    let smtp = Smtp::start(SmtpSecurity::None);
    let mail = via(smtp.config());
    let app = TestApp::builder()
        .store(Store::Postgres)
        .config({
            let mail = mail.clone();
            |config| config.mail = mail
        })
        .start()
        .await;
    let url = app.config.database.url.clone();
    let second = TestApp::builder()
        .config(move |config| {
            config.mail = mail;
            config.database.url = url;
        })
        .start()
        .await;
    let owner = app.owner().await;
    let recipients: Vec<String> = (0..120).map(|number| format!("r{number}@example.com")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    let organization = organization(&owner).await;
    let db = store(&app).await;
    for part in recipients.chunks(10) {
        queue(&db, &organization, part).await;
    }
    eventually("all letters", async || {
        (smtp.taken().len() >= recipients.len()).then_some(())
    })
    .await;
    let mut ids: Vec<String> = smtp
        .taken()
        .into_iter()
        .map(|letter| letter.mail.message_id)
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), recipients.len());
    eventually("all noted", async || {
        let items = outgoing(&owner).await;
        items.iter().all(|item| item["state"] == "sent").then_some(())
    })
    .await;
    assert_eq!(smtp.taken().len(), recipients.len(), "none went twice");
    drop(second);
}

/// What is wrong with the settings is said by the step that fails.
#[tokio::test]
async fn a_test_says_which_step_failed() {
    let secure = Smtp::start(SmtpSecurity::StartTls);
    let plain = Smtp::start(SmtpSecurity::None);
    let gone = Smtp::stopped(SmtpSecurity::None);
    let wrong_password = SmtpConfig {
        password: Some(SecretString::from("wrong")),
        ..secure.config()
    };
    let unknown_authority = SmtpConfig {
        ca_file: None,
        ..secure.config()
    };
    let unknown_host = SmtpConfig {
        host: "mail.invalid".into(),
        ..plain.config()
    };
    let no_starttls = SmtpConfig {
        security: SmtpSecurity::StartTls,
        ..plain.config()
    };
    let not_tls = SmtpConfig {
        security: SmtpSecurity::Tls,
        ..plain.config()
    };
    for (smtp, step, words) in [
        (unknown_host, "resolve", "mail.invalid"),
        (gone.config(), "connect", "could not be reached"),
        (no_starttls, "tls", "offers no STARTTLS"),
        (unknown_authority, "tls", "mail.ca_file"),
        (not_tls, "tls", "No encrypted connection"),
        (wrong_password, "auth", "did not accept user and password"),
    ] {
        let mail = via(smtp);
        let app = TestApp::builder()
            .config(|config| config.mail = mail)
            .start()
            .await;
        let owner = app.owner().await;
        let (status, test) = owner.post("/api/v1/settings/mail/test", &Value::Null).await;
        assert_eq!((status, &test["ok"]), (StatusCode::OK, &json!(false)), "{test}");
        let last = test["steps"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["step"], step, "{test}");
        let message = last["message"].as_str().unwrap();
        assert!(message.contains(words), "{step}: {message}");
        assert!(
            !message.contains("wrong") && !message.contains("smtp secret"),
            "{message}"
        );
    }
    assert!(secure.taken().is_empty() && plain.taken().is_empty());
}

on_both_stores!(the_list_comes_in_pages, async |app: &TestApp| {
    let owner = app.owner().await;
    let organization = organization(&owner).await;
    let db = store(app).await;
    queue(
        &db,
        &organization,
        &["a@example.com", "b@example.com", "c@example.com"],
    )
    .await;
    queue(&db, "another organization", &["d@example.com"]).await;
    let (_, first) = owner.get("/api/v1/mail/outgoing?limit=2").await;
    assert_eq!(first["kind"], "outbox");
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let next = first["next"].as_str().unwrap();
    let (_, second) = owner
        .get(&format!("/api/v1/mail/outgoing?limit=2&cursor={next}"))
        .await;
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!(second["next"], Value::Null);
    assert_eq!(second["items"][0]["to"], "a@example.com");
    let anonymous = app.anonymous().get("/api/v1/mail/outgoing").await.0;
    assert_eq!(anonymous, StatusCode::UNAUTHORIZED);
});
