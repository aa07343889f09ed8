//! Files through HTTP: uploaded, looked into, retyped, removed; broken, too large, and killed half-way.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use crate::on_both_stores;
use crate::support::app::{TestApp, eventually};

const PEOPLE: &[u8] =
    b"name;born;balance;zip\nAda;10.12.1815;1.234,50;01067\nGrace;09.12.1906;2.000,00;10115\n";

on_both_stores!(
    a_file_is_imported_profiled_retyped_and_removed,
    async |app: &TestApp| {
        let owner = app.owner().await;
        let (status, uploaded) = owner.upload(&[("people.csv", PEOPLE)]).await;
        assert_eq!(status, StatusCode::CREATED, "{uploaded}");
        let file = &uploaded["files"][0];
        let id = file["id"].as_str().unwrap();
        assert_eq!(file["tables"][0]["row_count"], 2);
        let types: Vec<&str> = file["tables"][0]["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["type"].as_str().unwrap())
            .collect();
        assert_eq!(types, ["text", "date", "decimal", "text"], "{file}");

        let (_, preview) = owner.get(&format!("/api/v1/files/{id}/preview")).await;
        assert_eq!(
            preview["rows"][0],
            json!(["Ada", "1815-12-10", "1234.50", "01067"]),
            "{preview}"
        );
        let (_, profile) = owner.get(&format!("/api/v1/files/{id}/profile")).await;
        assert_eq!(profile["columns"][0]["distinct"], 2, "{profile}");
        let (_, report) = owner.get(&format!("/api/v1/files/{id}/report")).await;
        assert_eq!(report["delimiter"], ";");
        assert!(
            report["columns"][1]["decided"].as_str().unwrap().contains("date"),
            "{report}"
        );

        let change = json!({ "tables": [{ "name": "people", "columns": [
        { "name": "zip", "type": "integer" }, { "name": "name", "rename": "person" } ] }] });
        let (status, changed) = owner.patch(&format!("/api/v1/files/{id}"), &change).await;
        assert_eq!(status, StatusCode::OK, "{changed}");
        assert_eq!(changed["tables"][0]["columns"][0]["name"], "person");
        assert_eq!(changed["tables"][0]["columns"][3]["type"], "integer");

        assert_eq!(
            owner.delete(&format!("/api/v1/files/{id}")).await.0,
            StatusCode::NO_CONTENT
        );
        assert_eq!(
            owner.get(&format!("/api/v1/files/{id}")).await.0,
            StatusCode::NOT_FOUND
        );
        assert_eq!(entries(&app.data_dir.path().join("data/files")), 0);
    }
);

on_both_stores!(
    what_is_done_to_one_file_at_the_same_moment_ends_in_one_state,
    async |app: &TestApp| {
        let owner = app.owner().await;
        for _ in 0..5 {
            let uploaded = owner.upload(&[("people.csv", PEOPLE)]).await.1;
            let path = format!("/api/v1/files/{}", uploaded["files"][0]["id"].as_str().unwrap());
            let change = json!({ "tables": [{ "name": "people", "columns": [{ "name": "zip", "type": "integer" }] }] });
            let nothing = json!({});
            let (profile, preview) = (format!("{path}/profile"), format!("{path}/preview"));
            let answers = tokio::join!(
                owner.patch(&path, &change),
                owner.patch(&path, &nothing),
                owner.get(&profile),
                owner.get(&preview),
                async {
                    tokio::time::sleep(Duration::from_millis(15)).await;
                    owner.delete(&path).await
                },
            );
            assert_eq!(answers.4.0, StatusCode::NO_CONTENT, "{}", answers.4.1);
            for (status, answer) in [answers.0, answers.1, answers.2, answers.3] {
                let allowed = [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::CONFLICT];
                assert!(allowed.contains(&status), "{status} {answer}");
            }
            assert_eq!(owner.get(&path).await.0, StatusCode::NOT_FOUND);
        }
        assert_eq!(owner.get("/api/v1/files").await.1["files"], json!([]));
        let imports = app.data_dir.path().join("data/files");
        let left: Vec<_> = std::fs::read_dir(&imports).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
);

#[tokio::test]
async fn several_files_at_once_and_the_broken_one_is_named() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let broken = b"{\"a\": 1,\n\"b\": }";
    let (status, answer) = owner
        .upload(&[
            ("people.csv", PEOPLE),
            ("broken.json", broken),
            ("cities.csv", b"city\nBerlin\n"),
        ])
        .await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(answer["files"].as_array().unwrap().len(), 2);
    assert_eq!(answer["errors"][0]["name"], "broken.json");
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("line 2"), "{message}");
    let (status, answer) = owner.upload(&[("broken.json", broken)]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    assert_eq!(
        owner.get("/api/v1/files").await.1["files"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(entries(&app.data_dir.path().join("data/files")), 2);
    assert_eq!(entries(&app.data_dir.path().join("data/incoming")), 0);
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_and_leaves_nothing() {
    let app = TestApp::builder()
        .config(|config| config.files.max_upload_bytes = 1_000)
        .start()
        .await;
    let owner = app.owner().await;
    let (status, answer) = owner
        .upload(&[("large.csv", "a,b\n1,2\n".repeat(1_000).as_bytes())])
        .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{answer}");
    assert_eq!(answer["error"]["code"], "too_large");
    assert_eq!(entries(&app.data_dir.path().join("data/incoming")), 0);
}

#[tokio::test]
async fn names_from_hostile_browsers_stay_names() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    let (status, answer) = owner.upload(&[("../../../etc/cron.d/x.csv", b"a\n1\n")]).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(answer["files"][0]["name"], "x.csv");
}

#[tokio::test]
async fn the_sample_data_is_one_click_and_its_questions_answer() {
    let app = TestApp::builder().start().await;
    let owner = app.owner().await;
    assert_eq!(owner.get("/api/v1/samples").await.1["added"], false);
    let (status, added) = owner.post("/api/v1/samples", &json!({})).await;
    assert_eq!(status, StatusCode::CREATED, "{added}");
    owner.post("/api/v1/samples", &json!({})).await;
    let (_, files) = owner.get("/api/v1/files").await;
    assert_eq!(
        files["files"].as_array().unwrap().len(),
        added["files"].as_array().unwrap().len()
    );
    assert_eq!(owner.get("/api/v1/samples").await.1["added"], true);
    for question in added["questions"].as_array().unwrap() {
        let answer = owner.ask(question.as_str().unwrap()).await;
        assert_eq!(answer["outcome"], "answered", "{question}: {answer}");
        assert!(answer["row_count"].as_u64().unwrap() > 0, "{question}");
    }
}

/// The real program, killed in the middle of an import: after the next start there is no trace of it.
#[tokio::test]
async fn killed_during_an_import_nothing_half_done_remains() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = start_binary(&data).await;
    let base = server.base.clone();
    let client = reqwest::Client::new();
    let made: serde_json::Value = client
        .post(format!("{base}/api/v1/setup"))
        .json(&json!({ "name": "O", "email": "o@example.com", "password": "a long password", "organization": "E" }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = made["access_token"].as_str().unwrap().to_owned();
    let rows: String = (0..400_000)
        .map(|row| format!("{row},name {row},{}.25\n", row * 3))
        .collect();
    let part =
        reqwest::multipart::Part::bytes(format!("id,name,amount\n{rows}").into_bytes()).file_name("big.csv");
    let upload = client
        .post(format!("{base}/api/v1/upload"))
        .bearer_auth(&token)
        .multipart(reqwest::multipart::Form::new().part("files", part));
    let sending = tokio::spawn(upload.send());
    let files = data.join("files");
    eventually("the import to begin", || async {
        (entries(&files) == 1).then_some(())
    })
    .await;
    server.kill();
    let _ = sending.await;
    let server = start_binary(&data).await;
    assert_eq!(entries(&files), 0, "the half import is gone");
    assert_eq!(entries(&data.join("incoming")), 0, "the upload is gone");
    let list: serde_json::Value = client
        .get(format!("{}/api/v1/files", server.base))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(list["files"], json!([]));
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// The program itself, on a port of its own.
struct Binary {
    process: tokio::process::Child,
    base: String,
}

impl Binary {
    fn kill(&mut self) {
        self.process.start_kill().unwrap();
    }
}

async fn start_binary(data: &Path) -> Binary {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let mut process = tokio::process::Command::new(env!("CARGO_BIN_EXE_clean-custard"))
        .args(["server", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().expect("a line");
    let base = line.rsplit(' ').next().unwrap().to_owned();
    assert!(base.starts_with("http://127.0.0.1:"), "{line}");
    Binary { process, base }
}
