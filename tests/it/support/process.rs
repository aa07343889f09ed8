//! The program itself as a process of its own, for what cannot be done to a part of the test: kill -9, a full
//! disk, its log.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use super::app::{Caller, eventually};

/// A server or an agent as a process. Killed when dropped.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    log: PathBuf,
}

impl Process {
    /// Starts a server on a port of its own with its data in `folder`.
    pub async fn server(folder: &Path) -> Process {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        Process::server_at(folder, address, None).await
    }

    /// The same at a known address, perhaps with no file of more than so many blocks (of 512 or 1,024 bytes,
    /// as the shell counts).
    pub async fn server_at(folder: &Path, address: SocketAddr, largest_file: Option<u32>) -> Process {
        let log = folder.join("server.log");
        let out = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let limit = largest_file.map_or(String::new(), |blocks| {
            // Without the signal the write fails, as on a full disk.
            format!("trap '' XFSZ; ulimit -f {blocks}; ")
        });
        Process::spawn(folder, address, &limit, &[], log, out).await
    }

    /// The same on a port of its own, with variables in its environment.
    pub async fn server_with(folder: &Path, variables: &[(&str, &str)]) -> Process {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        std::fs::create_dir_all(folder).unwrap();
        let log = folder.join("server.log");
        let out = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        Process::spawn(folder, address, "", variables, log, out).await
    }

    async fn spawn(
        folder: &Path,
        address: SocketAddr,
        limit: &str,
        variables: &[(&str, &str)],
        log: PathBuf,
        out: std::fs::File,
    ) -> Process {
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("{limit}exec \"$0\" \"$@\""))
            .arg(env!("CARGO_BIN_EXE_clean-custard"))
            .args(["server", "--listen", &address.to_string(), "--data-dir"])
            .arg(folder.join("data"))
            .env_remove("DATABASE_URL")
            .env_remove("SECRET_KEY")
            .env_remove("OPENAI_API_KEY")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .expect("the program starts");
        let process = Process { child, address, log };
        let client = reqwest::Client::new();
        let url = format!("http://{address}/health");
        eventually("the server", async || {
            let answer = client.get(&url).timeout(Duration::from_secs(1)).send().await;
            (answer.ok()?.status() == StatusCode::OK).then_some(())
        })
        .await;
        process
    }

    /// Starts an agent for one connection beside a database, with its files in `folder` and more variables of the
    /// environment.
    pub fn agent(
        folder: &Path,
        websocket_url: &str,
        key: &str,
        database_url: &str,
        environment: &[(&str, &str)],
    ) -> Process {
        let log = folder.join("agent.log");
        let out = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let source = folder.join("source");
        std::fs::write(&source, database_url).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_clean-custard"))
            .args(["agent", "--server", websocket_url, "--source-file"])
            .arg(source)
            .env("CUSTARD_AGENT_KEY", key)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .expect("the program starts");
        // Nobody listens there.
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Process { child, address, log }
    }

    /// Files and sockets that it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }

    /// Makes the owner's account.
    pub async fn owner(&self) -> Caller {
        let caller = Caller::at(self.address);
        let body = json!({
            "name": "Olive Owner", "email": "owner@example.com", "password": "a long password",
            "organization": "Example",
        });
        let (status, answer) = caller.post("/api/v1/setup", &body).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        caller.with_token(&answer)
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// As a service manager stops it; waits until it is gone.
    pub async fn terminate(&mut self) {
        self.ask_to_stop();
        let mut running = true;
        while running {
            tokio::time::sleep(Duration::from_millis(20)).await;
            running = self.is_running();
        }
    }

    /// The signal alone.
    pub fn ask_to_stop(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
    }

    /// As kill -9 does.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
