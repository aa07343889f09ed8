//! Backups: taken beside a running server, put back into either kind of store, refused when they are not whole.

use std::io::Write;
use std::path::Path;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{ok, path, program, refused, text, total, upload_sales};
use crate::support::app::Caller;
use crate::support::postgres::{self, Database};
use crate::support::process::Process;

const KEY: &str = "a secret key of more than thirty-two letters";

/// What is in an archive: names and contents.
type Entries = Vec<(String, Vec<u8>)>;

/// A server with an upload, an answer and a connection; and a backup of it, taken while it runs.
async fn backed_up(folder: &Path, variables: &[(&str, &str)]) -> (Process, Caller, String) {
    let server = Process::server_with(folder, variables).await;
    let owner = server.owner().await;
    upload_sales(&owner, "sales.csv").await;
    total(&owner).await;
    let answer = total(&owner).await;
    let feedback = format!("/api/v1/query/{}/feedback", answer["id"].as_str().unwrap());
    let (status, given) = owner.put(&feedback, &json!({ "verdict": "right" })).await;
    assert_eq!(status, StatusCode::OK, "{given}");
    let body = json!({ "kind": "metric", "name": "takings", "text": "sum(amount)" });
    assert_eq!(owner.post("/api/v1/glossary", &body).await.0, StatusCode::CREATED);
    let body = json!({ "name": "shop", "db_type": "POSTGRESQL" });
    assert_eq!(
        owner.post("/api/v1/connections", &body).await.0,
        StatusCode::CREATED
    );
    let file = folder.join("backup.tar.zst");
    let data = folder.join("data");
    let arguments = ["backup", path(&file), "--data-dir", path(&data)];
    let said = ok(&arguments, variables).await;
    assert!(said.contains("1 uploaded files and 2 stored results"), "{said}");
    let said = ok(&["verify", path(&file)], &[]).await;
    assert!(said.contains("is whole"), "{said}");
    (server, owner, path(&file).to_owned())
}

/// Everything is there again: the account, the file with its rows, the answer with its result.
async fn assert_restored(server: &Process) {
    let caller = Caller::at(server.address)
        .log_in("owner@example.com", "a long password")
        .await;
    let (_, files) = caller.get("/api/v1/files").await;
    assert_eq!(files["files"][0]["name"], "sales.csv");
    assert!(total(&caller).await["answer"].as_str().unwrap().contains("36"));
    let (_, list) = caller.get("/api/v1/query").await;
    let oldest = list["queries"].as_array().unwrap().last().unwrap().clone();
    let (_, answer) = caller
        .get(&format!("/api/v1/query/{}", oldest["id"].as_str().unwrap()))
        .await;
    assert_eq!(answer["rows"].as_array().map(Vec::len), Some(1), "{answer}");
    // What was taught is there, and used; what was suggested waits on.
    let taught = caller.ask("What are the takings?").await;
    assert!(taught["answer"].as_str().unwrap().contains("36"), "{taught}");
    let (_, examples) = caller.get("/api/v1/examples").await;
    assert_eq!(examples["items"][0]["status"], "suggested", "{examples}");
    let feedback = format!(
        "/api/v1/query/{}/feedback",
        examples["items"][0]["answer_id"].as_str().unwrap()
    );
    assert_eq!(caller.get(&feedback).await.1["verdict"], "right");
    let (_, connections) = caller.get("/api/v1/connections").await;
    assert!(connections.to_string().contains("shop"), "{connections}");
    let (_, audit) = caller.get("/api/v1/audit?action=file.created").await;
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_sqlite_restores_into_sqlite_and_into_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, owner, file) = backed_up(folder.path(), &[]).await;
    // Nothing is overwritten: neither a backup nor a server.
    let data = folder.path().join("data");
    let error = refused(&["backup", &file, "--data-dir", path(&data)], &[]).await;
    assert!(error.contains("overwrites nothing"), "{error}");
    let error = refused(&["restore", &file, "--data-dir", path(&data)], &[]).await;
    assert!(error.contains("overwrites nothing"), "{error}");
    // The running server is whole, also by its own account.
    assert!(
        ok(&["verify", "--data-dir", path(&data)], &[])
            .await
            .contains("is whole")
    );
    // A second server on the same folder is refused.
    let error = refused(
        &["server", "--listen", "127.0.0.1:0", "--data-dir", path(&data)],
        &[],
    )
    .await;
    assert!(error.contains("Another server is running"), "{error}");
    // What came after the backup is not in it.
    upload_sales(&owner, "later.csv").await;
    server.kill();

    let sqlite = tempfile::tempdir().unwrap();
    let restored = sqlite.path().join("data");
    let said = ok(&["restore", &file, "--data-dir", path(&restored)], &[]).await;
    assert!(said.contains("Restored"), "{said}");
    let key = |folder: &Path| std::fs::read(folder.join("secret.key")).unwrap();
    assert_eq!(key(&restored), key(&data));
    let server = Process::server_with(sqlite.path(), &[]).await;
    assert_restored(&server).await;
    drop(server);
    assert!(
        ok(&["verify", "--data-dir", path(&restored)], &[])
            .await
            .contains("is whole")
    );

    let database = postgres::database("");
    let url = database.admin_url();
    let target = tempfile::tempdir().unwrap();
    let restored = target.path().join("data");
    let into = [
        "restore",
        &file,
        "--database-url",
        &url,
        "--data-dir",
        path(&restored),
    ];
    ok(&into, &[]).await;
    let variables = [("DATABASE_URL", url.as_str())];
    let server = Process::server_with(target.path(), &variables).await;
    assert_restored(&server).await;
    // Into the same database again: refused.
    let other = tempfile::tempdir().unwrap();
    let into = [
        "restore",
        &file,
        "--database-url",
        &url,
        "--data-dir",
        path(other.path()),
    ];
    let error = refused(&into, &[]).await;
    assert!(error.contains("not empty"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_postgresql_restores_into_sqlite() {
    let database: Database<'static> = postgres::database("");
    let url = database.admin_url();
    let variables = [("DATABASE_URL", url.as_str()), ("SECRET_KEY", KEY)];
    let folder = tempfile::tempdir().unwrap();
    let (_server, _, file) = backed_up(folder.path(), &variables).await;
    // A configured key stays where it is.
    let listing = entries(Path::new(&file));
    assert!(!listing.iter().any(|(name, _)| name == "secret.key"));
    let target = tempfile::tempdir().unwrap();
    let restored = target.path().join("data");
    ok(
        &["restore", &file, "--data-dir", path(&restored)],
        &[("SECRET_KEY", KEY)],
    )
    .await;
    let server = Process::server_with(target.path(), &[("SECRET_KEY", KEY)]).await;
    assert_restored(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_whole_or_not_ours_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, _, file) = backed_up(folder.path(), &[]).await;
    let good = entries(Path::new(&file));
    let bad = folder.path().join("bad.tar.zst");
    let target = folder.path().join("restored");
    let mut cases: Vec<(&str, Vec<u8>)> = Vec::new();
    // Cut off, and with bytes changed.
    let bytes = std::fs::read(&file).unwrap();
    cases.push(("cut", bytes[..bytes.len() / 2].to_vec()));
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    cases.push(("flipped", flipped));
    cases.push(("no archive", b"not an archive at all".to_vec()));
    cases.push(("empty", Vec::new()));
    // An archive of somebody else's.
    cases.push(("foreign", archive(&[("hello.txt", b"hello".to_vec())])));
    // Ours, with something changed, missing, added, or twice.
    let changed = |change: &dyn Fn(&mut Entries)| {
        let mut all = good.clone();
        change(&mut all);
        let all: Vec<(&str, Vec<u8>)> = all
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.clone()))
            .collect();
        archive(&all)
    };
    let place =
        |all: &[(String, Vec<u8>)], end: &str| all.iter().position(|(name, _)| name.ends_with(end)).unwrap();
    cases.push((
        "a changed row",
        changed(&|all| {
            let at = place(all, "store.jsonl");
            let rows = text(&all[at].1).replace("owner@example.com", "other@example.com");
            all[at].1 = rows.into_bytes();
        }),
    ));
    cases.push((
        "a missing file",
        changed(&|all| {
            let at = place(all, ".parquet");
            all.remove(at);
        }),
    ));
    cases.push((
        "damaged parquet",
        changed(&|all| {
            let at = place(all, ".parquet");
            let length = all[at].1.len();
            all[at].1.truncate(length - 4);
        }),
    ));
    cases.push((
        "no manifest",
        changed(&|all| {
            let at = place(all, "manifest.json");
            all.remove(at);
        }),
    ));
    cases.push((
        "twice",
        changed(&|all| {
            let at = place(all, "original");
            let again = all[at].clone();
            all.insert(at, again);
        }),
    ));
    cases.push((
        "a way out",
        changed(&|all| {
            all.insert(1, ("../escaped".into(), b"out".to_vec()));
        }),
    ));
    cases.push((
        "an absolute path",
        changed(&|all| {
            all.insert(1, ("/tmp/custard-escaped".into(), b"out".to_vec()));
        }),
    ));
    cases.push((
        "a newer format",
        changed(&|all| {
            let mut format: Value = serde_json::from_slice(&all[0].1).unwrap();
            format["clean_custard_backup"] = json!(99);
            all[0].1 = format.to_string().into_bytes();
        }),
    ));
    cases.push((
        "a newer schema",
        changed(&|all| {
            let mut format: Value = serde_json::from_slice(&all[0].1).unwrap();
            format["schema"]
                .as_array_mut()
                .unwrap()
                .push(json!("20990101000001"));
            all[0].1 = format.to_string().into_bytes();
            let at = place(all, "manifest.json");
            let mut manifest: Value = serde_json::from_slice(&all[at].1).unwrap();
            let sum = sha256(&all[0].1);
            manifest["entries"][0]["sha256"] = json!(sum);
            manifest["entries"][0]["bytes"] = json!(all[0].1.len());
            all[at].1 = manifest.to_string().into_bytes();
        }),
    ));
    cases.push(("a link", with_link(&good)));
    cases.push(("a bomb", bomb(&good[0])));
    for (name, bytes) in cases {
        std::fs::write(&bad, &bytes).unwrap();
        let arguments = ["restore", path(&bad), "--data-dir", path(&target)];
        let error = refused(&arguments, &[]).await;
        assert!(!error.trim().is_empty(), "{name}: {error}");
        for left in ["custard.db", "files", "results", "secret.key", "restoring"] {
            assert!(!target.join(left).exists(), "{name} left {left}: {error}");
        }
        // It tells it apart without restoring, too; only the schema is the restore's business.
        if name != "a newer schema" {
            refused(&["verify", path(&bad)], &[]).await;
        }
    }
    assert!(!folder.path().join("escaped").exists() && !Path::new("/tmp/custard-escaped").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_nothing_half_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _, file) = backed_up(folder.path(), &[]).await;
    let data = folder.path().join("data");
    for pause in [0, 3, 10, 30, 80] {
        // A backup that is killed leaves no file of its name; the next one of that name succeeds.
        let other = folder.path().join(format!("other-{pause}.tar.zst"));
        kill_after(&["backup", path(&other), "--data-dir", path(&data)], pause).await;
        if other.exists() {
            ok(&["verify", path(&other)], &[]).await;
        } else {
            ok(&["backup", path(&other), "--data-dir", path(&data)], &[]).await;
        }
        let parts = std::fs::read_dir(folder.path())
            .unwrap()
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .ends_with(".part")
            })
            .count();
        assert_eq!(parts, 0);
        // A restore that is killed is begun anew, and a server does not start beside half of one.
        let target = folder.path().join(format!("restored-{pause}"));
        let restore = ["restore", &file, "--data-dir", path(&target)];
        kill_after(&restore, pause).await;
        if target.join("restoring").exists() && !target.join("custard.db").exists() {
            let start = ["server", "--listen", "127.0.0.1:0", "--data-dir", path(&target)];
            let error = refused(&start, &[]).await;
            assert!(error.contains("restore"), "{error}");
        }
        let again = program(&restore, &[]).await;
        let complete = text(&again.stderr).contains("overwrites nothing");
        assert!(again.status.success() || complete, "{}", text(&again.stderr));
        assert!(
            ok(&["verify", "--data-dir", path(&target)], &[])
                .await
                .contains("is whole")
        );
    }
    drop(server);
}

async fn kill_after(arguments: &[&str], milliseconds: u64) {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_clean-custard"))
        .args(arguments)
        .env_remove("DATABASE_URL")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
    child.kill().await.unwrap();
}

/// The entries of an archive.
fn entries(file: &Path) -> Vec<(String, Vec<u8>)> {
    use std::io::Read;
    let decoder = zstd::Decoder::new(std::fs::File::open(file).unwrap()).unwrap();
    let mut tar = tar::Archive::new(decoder);
    tar.entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (name, bytes)
        })
        .collect()
}

fn header(name: &str, bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    // Not `set_path`: that would refuse what these archives are made for.
    let field = &mut header.as_old_mut().name;
    field[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    header
}

fn archive(all: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    for (name, bytes) in all {
        if name.len() < 100 {
            tar.append(&header(name, bytes.len() as u64), bytes.as_slice())
                .unwrap();
        } else {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
        }
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn with_link(good: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    let (name, bytes) = &good[0];
    tar.append(&header(name, bytes.len() as u64), bytes.as_slice())
        .unwrap();
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    tar.append_link(&mut link, "secret.key", "/etc/passwd").unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

/// Begins like ours and says it will unfold to six gigabytes of one row.
fn bomb((name, format): &(String, Vec<u8>)) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    {
        let mut tar = tar::Builder::new(&mut encoder);
        tar.append(&header(name, format.len() as u64), format.as_slice())
            .unwrap();
        tar.get_mut().flush().unwrap();
    }
    let size = 6_u64 << 30;
    encoder.write_all(header("store.jsonl", size).as_bytes()).unwrap();
    let zeros = vec![0_u8; 1 << 20];
    for _ in 0..300 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
