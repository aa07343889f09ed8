//! An S3 speaking server: moto, installed by scripts/setup.sh, on a port of its own.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::supervisor::free_port;

/// A running server with one bucket. Killed when dropped.
pub struct Moto {
    child: Child,
    pub endpoint: String,
}

pub const BUCKET: &str = "custard";

impl Moto {
    pub async fn start() -> Moto {
        let python = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/setup.sh"))
            .arg("moto")
            .output()
            .expect("scripts/setup.sh");
        let packages = String::from_utf8(python.stdout).unwrap().trim().to_owned();
        assert!(
            !packages.is_empty(),
            "moto is missing. Please run: make setup-test ({})",
            String::from_utf8_lossy(&python.stderr)
        );
        let port = free_port();
        let child = Command::new("python3")
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .env("PYTHONPATH", packages)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3");
        let moto = Moto {
            child,
            endpoint: format!("http://127.0.0.1:{port}"),
        };
        let client = reqwest::Client::new();
        let bucket = format!("{}/{BUCKET}", moto.endpoint);
        // Python takes its time to load it, on a busy machine more than anything else that is waited for.
        for _ in 0..600 {
            let made = client.put(&bucket).timeout(Duration::from_secs(5)).send().await;
            if made.is_ok_and(|answer| answer.status().is_success()) {
                return moto;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("moto did not start within two minutes");
    }

    /// The variables that make it a server's storage.
    pub fn variables(&self) -> Vec<(&str, &str)> {
        vec![
            ("CUSTARD_STORAGE_URL", "s3://custard/some/folder"),
            ("CUSTARD_STORAGE_ENDPOINT", self.endpoint.as_str()),
            ("CUSTARD_STORAGE_ACCESS_KEY_ID", "key"),
            ("CUSTARD_STORAGE_SECRET_ACCESS_KEY", "secret"),
        ]
    }

    /// The keys in the bucket.
    pub async fn keys(&self) -> Vec<String> {
        let url = format!("{}/{BUCKET}?list-type=2", self.endpoint);
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        text.split("<Key>")
            .skip(1)
            .map(|rest| rest.split("</Key>").next().unwrap().to_owned())
            .collect()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
