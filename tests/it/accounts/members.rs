//! Members, roles and invitations; who sees which source; sockets that notice at once.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::on_both_stores;
use crate::support::app::{Caller, TestApp};
use crate::support::people::PASSWORD;

async fn id_of(owner: &Caller, email: &str) -> String {
    let members = owner.get("/api/v1/members").await.1;
    let found = members
        .as_array()
        .unwrap()
        .iter()
        .find(|member| member["email"] == email);
    found.unwrap_or_else(|| panic!("{email}: {members}"))["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

on_both_stores!(
    an_invitation_is_good_once_and_for_its_address,
    async |app: &TestApp| {
        let owner = app.owner().await;
        let caller = app.anonymous();
        let body = json!({ "email": " Ada@Example.com ", "role": "analyst" });
        let (status, first) = owner.post("/api/v1/invitations", &body).await;
        assert_eq!(status, StatusCode::CREATED, "{first}");
        assert_eq!(first["email"], "ada@example.com");
        let letter = app.mail("ada@example.com", "invites").await;
        assert!(letter.text.contains("as an analyst"), "{}", letter.text);
        let by_mail = letter.link();
        assert_eq!(first["link"], json!(by_mail));
        let list = owner.get("/api/v1/invitations").await.1;
        assert!(list[0].get("link").is_none(), "the link is shown once: {list}");
        let token = |invitation: &Value| {
            invitation["link"]
                .as_str()
                .unwrap()
                .split_once("token=")
                .unwrap()
                .1
                .to_owned()
        };
        // Sent again: the former link is dead.
        let path = format!("/api/v1/invitations/{}/resend", first["id"].as_str().unwrap());
        let (status, second) = owner.post(&path, &json!({})).await;
        assert_eq!(status, StatusCode::OK, "{second}");
        let look = "/api/v1/invitations/by-token";
        let dead = caller.post(look, &json!({ "token": token(&first) })).await;
        assert_eq!(
            (dead.0, dead.1["error"]["code"].as_str()),
            (StatusCode::BAD_REQUEST, Some("token_invalid"))
        );
        let (_, invited) = caller.post(look, &json!({ "token": token(&second) })).await;
        assert_eq!(invited["email"], "ada@example.com");
        assert_eq!(invited["organization"], "Example");
        assert_eq!(invited["role"], "analyst");
        let accept = json!({ "token": token(&second), "name": "Ada", "password": PASSWORD });
        let (status, joined) = caller.post("/api/v1/invitations/accept", &accept).await;
        assert_eq!(status, StatusCode::OK, "{joined}");
        assert_eq!(joined["user"]["email"], "ada@example.com");
        assert_eq!(joined["user"]["role"], "analyst");
        assert_eq!(
            caller.post("/api/v1/invitations/accept", &accept).await.0,
            StatusCode::BAD_REQUEST
        );
        // Whoever is a member already is not invited again; a taken-back invitation is dead.
        assert_eq!(
            owner.post("/api/v1/invitations", &body).await.0,
            StatusCode::CONFLICT
        );
        let body = json!({ "email": "bob@example.com", "role": "viewer" });
        let bob = owner.post("/api/v1/invitations", &body).await.1;
        let path = format!("/api/v1/invitations/{}", bob["id"].as_str().unwrap());
        assert_eq!(owner.delete(&path).await.0, StatusCode::NO_CONTENT);
        assert_eq!(owner.delete(&path).await.0, StatusCode::NOT_FOUND);
        let dead = caller.post(look, &json!({ "token": token(&bob) })).await;
        assert_eq!(dead.0, StatusCode::BAD_REQUEST);
    }
);

on_both_stores!(nobody_rises_above_themselves, async |app: &TestApp| {
    let owner = app.owner().await;
    let admin = app.member(&owner, "admin@example.com", "admin").await;
    app.member(&owner, "viewer@example.com", "viewer").await;
    let owner_path = format!("/api/v1/members/{}", id_of(&owner, "owner@example.com").await);
    let admin_path = format!("/api/v1/members/{}", id_of(&owner, "admin@example.com").await);
    let viewer_path = format!("/api/v1/members/{}", id_of(&owner, "viewer@example.com").await);
    let role = |role: &str| json!({ "role": role });
    for (path, body) in [
        (&owner_path, role("viewer")),
        (&admin_path, role("owner")),
        (&viewer_path, role("owner")),
    ] {
        let (status, answer) = admin.patch(path, &body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path} {body}: {answer}");
    }
    assert_eq!(admin.delete(&owner_path).await.0, StatusCode::FORBIDDEN);
    let invite = json!({ "email": "new@example.com", "role": "owner" });
    assert_eq!(
        admin.post("/api/v1/invitations", &invite).await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(admin.patch(&viewer_path, &role("admin")).await.0, StatusCode::OK);
    // The last owner stays one, whoever asks.
    for answer in [
        owner.patch(&owner_path, &role("admin")).await,
        owner
            .delete_with("/api/v1/auth/me", &json!({ "password": PASSWORD }))
            .await,
    ] {
        assert_eq!(
            (answer.0, answer.1["error"]["code"].as_str()),
            (StatusCode::CONFLICT, Some("last_owner"))
        );
    }
    assert_eq!(owner.patch(&admin_path, &role("owner")).await.0, StatusCode::OK);
    assert_eq!(owner.patch(&owner_path, &role("viewer")).await.0, StatusCode::OK);
});

on_both_stores!(
    two_owners_who_demote_each_other_leave_one,
    async |app: &TestApp| {
        let owner = app.owner().await;
        let other = app.member(&owner, "other@example.com", "owner").await;
        let first = format!("/api/v1/members/{}", owner.id().await);
        let second = format!("/api/v1/members/{}", other.id().await);
        let body = json!({ "role": "viewer" });
        let (one, two) = tokio::join!(owner.patch(&second, &body), other.patch(&first, &body));
        let good = [&one, &two]
            .iter()
            .filter(|answer| answer.0 == StatusCode::OK)
            .count();
        assert_eq!(good, 1, "{one:?} {two:?}");
    }
);

on_both_stores!(another_role_and_removal_hold_at_once, async |app: &TestApp| {
    let owner = app.owner().await;
    let ada = app.member(&owner, "ada@example.com", "analyst").await;
    let script = ada.api_token(&["read", "write", "ask"]).await;
    let path = format!("/api/v1/members/{}", ada.id().await);
    let file: &[(&str, &[u8])] = &[("a.csv", b"a,b\n1,2\n")];
    assert_eq!(ada.upload(file).await.0, StatusCode::CREATED);
    assert_eq!(script.upload(file).await.0, StatusCode::CREATED);
    assert_eq!(
        owner.patch(&path, &json!({ "role": "viewer" })).await.0,
        StatusCode::OK
    );
    assert_eq!(ada.upload(file).await.0, StatusCode::FORBIDDEN);
    assert_eq!(script.upload(file).await.0, StatusCode::FORBIDDEN);
    assert_eq!(owner.delete(&path).await.0, StatusCode::NO_CONTENT);
    for caller in [&ada, &script] {
        assert_eq!(caller.get("/api/v1/files").await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(owner.delete(&path).await.0, StatusCode::NOT_FOUND);
    // The address is free again.
    app.member(&owner, "ada@example.com", "viewer").await;
});

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn socket(app: &TestApp, caller: &Caller) -> Socket {
    let url = format!("ws://{}/api/v1/status/ws", app.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let auth = json!({ "type": "auth", "access_token": caller.token });
    socket.send(Message::text(auth.to_string())).await.unwrap();
    let ready = socket.next().await.unwrap().unwrap().into_text().unwrap();
    assert!(ready.contains("ready"), "{ready}");
    socket
}

/// Waits for the server to close it; far sooner than the next ping.
async fn closed(mut socket: Socket) -> bool {
    let close = async {
        while let Some(message) = socket.next().await {
            if matches!(message, Ok(Message::Close(_)) | Err(_)) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), close).await.is_ok()
}

#[tokio::test]
async fn live_sockets_end_with_the_session_and_with_the_member() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let ada = app.member(&owner, "ada@example.com", "viewer").await;
    let watching = socket(&app, &ada).await;
    let path = format!("/api/v1/members/{}", ada.id().await);
    assert_eq!(owner.delete(&path).await.0, StatusCode::NO_CONTENT);
    assert!(closed(watching).await);
    let watching = socket(&app, &owner).await;
    let out = owner.post("/api/v1/auth/logout-all-devices", &json!({})).await;
    assert_eq!(out.0, StatusCode::NO_CONTENT);
    assert!(closed(watching).await);
}

on_both_stores!(a_source_one_may_not_see_does_not_exist, async |app: &TestApp| {
    let owner = app.owner().await;
    let ada = app.member(&owner, "ada@example.com", "analyst").await;
    let bob = app.member(&owner, "bob@example.com", "viewer").await;
    let (_, uploaded) = ada
        .upload(&[("salaries.csv", b"person,salary\nAda,10\nBob,20\n")])
        .await;
    let file = uploaded["files"][0]["id"].as_str().unwrap().to_owned();
    let body = json!({ "name": "Secret", "db_type": "POSTGRESQL" });
    let connection = owner.post("/api/v1/connections", &body).await.1["id"]
        .as_str()
        .unwrap()
        .to_owned();
    // Bob asks while everything is open to everybody.
    let asked = bob.ask("What is the total salary?").await;
    assert_eq!(asked["outcome"], "answered", "{asked}");
    let answer = format!("/api/v1/query/{}", asked["id"].as_str().unwrap());
    let result = format!("/api/v1/results/{}", asked["result_id"].as_str().unwrap());
    assert_eq!(bob.get(&answer).await.0, StatusCode::OK);
    assert_eq!(bob.get(&result).await.0, StatusCode::OK);
    // Ada closes her file, the owner his connection.
    let file_access = format!("/api/v1/files/{file}/access");
    let connection_access = format!("/api/v1/connections/{connection}/access");
    let only = json!({ "everyone": false, "members": [] });
    assert_eq!(bob.put(&file_access, &only).await.0, StatusCode::FORBIDDEN);
    let (status, closed) = ada.put(&file_access, &only).await;
    assert_eq!(status, StatusCode::OK, "{closed}");
    assert_eq!(
        closed["members"],
        json!([ada.id().await]),
        "whoever added it keeps it"
    );
    assert_eq!(ada.put(&connection_access, &only).await.0, StatusCode::FORBIDDEN);
    assert_eq!(owner.put(&connection_access, &only).await.0, StatusCode::OK);
    // For Bob there never was anything; not even in his own past.
    assert_eq!(bob.get("/api/v1/files").await.1["files"], json!([]));
    assert_eq!(bob.get("/api/v1/connections").await.1["connections"], json!([]));
    assert_eq!(bob.get("/api/v1/status/agents").await.1["agents"], json!([]));
    let unknown = "0198f0a2-0000-7000-8000-000000000000";
    for path in ["", "/preview", "/profile", "/report"] {
        let hidden = bob.get(&format!("/api/v1/files/{file}{path}")).await;
        assert_eq!(hidden.0, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(hidden, bob.get(&format!("/api/v1/files/{unknown}{path}")).await);
    }
    for path in ["", "/schema", "/status", "/queries"] {
        let hidden = bob.get(&format!("/api/v1/connections/{connection}{path}")).await;
        assert_eq!(hidden.0, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            hidden,
            bob.get(&format!("/api/v1/connections/{unknown}{path}")).await
        );
    }
    for (hidden, missing) in [
        (json!({ "file_ids": [file] }), json!({ "file_ids": [unknown] })),
        (
            json!({ "connection_id": connection }),
            json!({ "connection_id": unknown }),
        ),
    ] {
        let with = |target: &Value| {
            let mut body = json!({ "question": "What is the total salary?" });
            body.as_object_mut()
                .unwrap()
                .extend(target.as_object().unwrap().clone());
            body
        };
        let first = bob.post("/api/v1/query", &with(&hidden)).await;
        assert_eq!(first.0, StatusCode::NOT_FOUND);
        assert_eq!(first, bob.post("/api/v1/query", &with(&missing)).await);
    }
    assert_eq!(bob.get(&answer).await.0, StatusCode::NOT_FOUND);
    assert_eq!(bob.get(&result).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        bob.get(&format!("{result}/export")).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(bob.get("/api/v1/query").await.1["queries"], json!([]));
    let conversation = format!(
        "/api/v1/conversations/{}",
        asked["conversation_id"].as_str().unwrap()
    );
    assert_eq!(bob.get(&conversation).await.1["queries"], json!([]));
    // Neither does the server choose it for him.
    let (_, nothing) = bob
        .post(
            "/api/v1/query",
            &json!({ "question": "What is the total salary?" }),
        )
        .await;
    assert_ne!(nothing["outcome"], "answered", "{nothing}");
    // Ada, and whoever sees everything, are as before.
    assert_eq!(ada.get(&format!("/api/v1/files/{file}")).await.0, StatusCode::OK);
    assert_eq!(
        owner.get(&format!("/api/v1/files/{file}")).await.0,
        StatusCode::OK
    );
    assert_eq!(
        ada.get(&format!("/api/v1/connections/{connection}")).await.0,
        StatusCode::NOT_FOUND
    );
    // Opened to Bob, it is there again, with his past.
    let to_bob = json!({ "everyone": false, "members": [bob.id().await] });
    assert_eq!(owner.put(&file_access, &to_bob).await.0, StatusCode::OK);
    assert_eq!(bob.get(&format!("/api/v1/files/{file}")).await.0, StatusCode::OK);
    assert_eq!(bob.get(&answer).await.0, StatusCode::OK);
    assert_eq!(bob.get(&result).await.0, StatusCode::OK);
    let stranger = json!({ "everyone": false, "members": [unknown] });
    assert_eq!(
        owner.put(&file_access, &stranger).await.0,
        StatusCode::BAD_REQUEST
    );
});

on_both_stores!(
    viewers_ask_but_neither_add_nor_write_queries,
    async |app: &TestApp| {
        let owner = app.owner().await;
        let (_, uploaded) = owner.upload(&[("shops.csv", b"shop,sales\nA,10\nB,20\n")]).await;
        let file = uploaded["files"][0]["id"].as_str().unwrap();
        let viewer = app.member(&owner, "viewer@example.com", "viewer").await;
        assert_eq!(
            viewer.ask("What are the total sales?").await["outcome"],
            "answered"
        );
        let run = json!({ "query": "SELECT 1", "file_ids": [file] });
        assert_eq!(
            viewer.post("/api/v1/query/run", &run).await.0,
            StatusCode::FORBIDDEN
        );
        assert_eq!(owner.post("/api/v1/query/run", &run).await.0, StatusCode::OK);
        let new = json!({ "name": "x", "db_type": "POSTGRESQL" });
        assert_eq!(
            viewer.post("/api/v1/connections", &new).await.0,
            StatusCode::FORBIDDEN
        );
        assert_eq!(
            viewer.upload(&[("a.csv", b"a\n1\n")]).await.0,
            StatusCode::FORBIDDEN
        );
        assert_eq!(viewer.get("/api/v1/members").await.0, StatusCode::FORBIDDEN);
    }
);
