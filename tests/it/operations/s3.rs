//! Files and results on S3-compatible storage, against a real server that speaks it.

use reqwest::StatusCode;

use super::{count, ok, path, program, refused, text, total, upload_sales};
use crate::support::app::{Caller, eventually};
use crate::support::moto::Moto;
use crate::support::process::Process;

fn files_below(folder: &std::path::Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files_below(&path) } else { 1 }
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_results_lie_in_the_bucket_and_are_fetched_when_they_are_needed() {
    let moto = Moto::start().await;
    let variables = moto.variables();
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::server_with(folder.path(), &variables).await;
    let owner = server.owner().await;
    let file = upload_sales(&owner, "sales.csv").await;
    let answer = total(&owner).await;
    let keys = moto.keys().await;
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("some/folder/")), "{keys:?}");
    let data = folder.path().join("data");
    assert_eq!(
        files_below(&data.join("files")) + files_below(&data.join("results")),
        0
    );
    let (_, status) = owner.get("/status").await;
    assert_eq!(
        (&status["storage"]["kind"], &status["storage"]["ok"]),
        (&"s3".into(), &true.into()),
        "{status}"
    );
    assert!(status["caches"].to_string().contains("file_copies"), "{status}");

    // Without the local copies everything comes back from the bucket: rows, results, the original.
    server.kill();
    std::fs::remove_dir_all(data.join("cache")).unwrap();
    let server = Process::server_with(folder.path(), &variables).await;
    let owner = Caller::at(server.address)
        .log_in("owner@example.com", "a long password")
        .await;
    assert!(total(&owner).await["answer"].as_str().unwrap().contains("36"));
    let result = format!(
        "/api/v1/results/{}?limit=10",
        answer["result_id"].as_str().unwrap()
    );
    assert_eq!(
        owner.get(&result).await.1["rows"].as_array().map(Vec::len),
        Some(1)
    );
    let (status, preview) = owner.get(&format!("/api/v1/files/{file}/preview")).await;
    assert_eq!(status, StatusCode::OK, "{preview}");
    let change = serde_json::json!({ "tables": [] });
    let (status, changed) = owner.patch(&format!("/api/v1/files/{file}"), &change).await;
    assert_eq!(status, StatusCode::OK, "{changed}");

    // A backup takes them along, and restores into a folder.
    let backup = folder.path().join("backup.tar.zst");
    ok(&["backup", path(&backup), "--data-dir", path(&data)], &variables).await;
    assert!(
        ok(&["verify", "--data-dir", path(&data)], &variables)
            .await
            .contains("is whole")
    );
    let target = tempfile::tempdir().unwrap();
    ok(
        &[
            "restore",
            path(&backup),
            "--data-dir",
            path(&target.path().join("data")),
        ],
        &[],
    )
    .await;
    assert!(files_below(&target.path().join("data/files")) >= 2);

    // What is deleted is gone there too.
    owner.delete(&format!("/api/v1/files/{file}")).await;
    eventually("the file to be gone from the bucket", async || {
        let keys = moto.keys().await;
        keys.iter().all(|key| !key.contains(&file)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moving_goes_on_where_it_was_killed_and_compares_everything() {
    let moto = Moto::start().await;
    let variables = moto.variables();
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::server_with(folder.path(), &[]).await;
    let owner = server.owner().await;
    let mut files = Vec::new();
    for number in 0..6 {
        files.push(upload_sales(&owner, &format!("sales{number}.csv")).await);
    }
    assert_eq!(count(&owner, &files[3]).await, 3);
    let data = folder.path().join("data");
    let to = "s3://custard/some/folder";
    // The credentials of the new place come from the configuration; the files still lie here.
    let local: Vec<(&str, &str)> = variables
        .iter()
        .filter(|(name, _)| *name != "CUSTARD_STORAGE_URL")
        .copied()
        .collect();
    let arguments = ["storage", "move", "--to", to, "--data-dir", path(&data)];
    let error = refused(&arguments, &local).await;
    assert!(error.contains("Another server is running"), "{error}");
    server.kill();
    for pause in [20, 60, 120, 240] {
        let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_clean-custard"))
            .args(arguments)
            .envs(local.iter().copied())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        child.kill().await.unwrap();
    }
    let output = program(&arguments, &local).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("13 things"),
        "{}",
        text(&output.stdout)
    );
    assert_eq!(moto.keys().await.len(), 13);
    let server = Process::server_with(folder.path(), &variables).await;
    let owner = Caller::at(server.address)
        .log_in("owner@example.com", "a long password")
        .await;
    assert_eq!(count(&owner, &files[5]).await, 3);
    drop(server);
    assert!(
        ok(&["verify", "--data-dir", path(&data)], &variables)
            .await
            .contains("is whole")
    );
    // And back.
    std::fs::remove_dir_all(data.join("files")).unwrap();
    std::fs::remove_dir_all(data.join("results")).unwrap();
    ok(
        &["storage", "move", "--to", "local", "--data-dir", path(&data)],
        &variables,
    )
    .await;
    assert!(
        ok(&["verify", "--data-dir", path(&data)], &[])
            .await
            .contains("is whole")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_reached_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("CUSTARD_STORAGE_URL", "s3://nothing/here"),
        ("CUSTARD_STORAGE_ENDPOINT", "http://127.0.0.1:1"),
        ("CUSTARD_STORAGE_ACCESS_KEY_ID", "key"),
        ("CUSTARD_STORAGE_SECRET_ACCESS_KEY", "very-secret"),
    ];
    let server = Process::server_with(folder.path(), &variables).await;
    let owner = server.owner().await;
    let (_, status) = owner.get("/status").await;
    assert_eq!(status["storage"]["ok"], false, "{status}");
    assert!(!status.to_string().contains("very-secret") && !server.log().contains("very-secret"));
    let error = refused(
        &["server", "--data-dir", path(folder.path())],
        &[("CUSTARD_STORAGE_URL", "ftp://x")],
    )
    .await;
    assert!(error.contains("s3://bucket/folder"), "{error}");
}
