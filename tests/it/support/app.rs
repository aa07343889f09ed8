//! A whole server for one test: real sockets on a port of its own, a data folder that goes with it, its
//! records in SQLite or in a real PostgreSQL.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use clean_custard::config::{Config, Inputs, LlmConfig, ServerFlags};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::postgres::{self, Database};

/// Where the server's own records lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    Postgres,
}

/// Runs a test once for each store: `on_both_stores!(name, async |app: &TestApp| { … })`.
#[macro_export]
macro_rules! on_both_stores {
    ($name:ident, $test:expr) => {
        mod $name {
            #[allow(
                unused_imports,
                reason = "not every test needs all of its file's names"
            )]
            use super::*;

            #[tokio::test]
            async fn sqlite() {
                let app = $crate::support::app::TestApp::builder().start().await;
                let test = $test;
                test(&app).await;
            }

            #[tokio::test]
            async fn postgres() {
                let app = $crate::support::app::TestApp::builder()
                    .store($crate::support::app::Store::Postgres)
                    .start()
                    .await;
                let test = $test;
                test(&app).await;
            }
        }
    };
}

/// A running server; it stops when this is dropped.
pub struct TestApp {
    pub address: SocketAddr,
    pub setup_code: Option<String>,
    pub data_dir: TempDir,
    pub config: Config,
    handle: ServerHandle,
    thread: Option<std::thread::JoinHandle<()>>,
    _database: Option<Database<'static>>,
}

type Change = Box<dyn FnOnce(&mut Config)>;

/// How a [`TestApp`] differs from the defaults.
#[derive(Default)]
pub struct Builder {
    postgres: bool,
    llm: Option<LlmConfig>,
    change: Vec<Change>,
}

impl Builder {
    pub fn store(mut self, store: Store) -> Builder {
        self.postgres = store == Store::Postgres;
        self
    }

    pub fn llm(mut self, llm: LlmConfig) -> Builder {
        self.llm = Some(llm);
        self
    }

    pub fn config(mut self, change: impl FnOnce(&mut Config) + 'static) -> Builder {
        self.change.push(Box::new(change));
        self
    }

    pub async fn start(self) -> TestApp {
        clean_custard::ingest::set_worker_binary(env!("CARGO_BIN_EXE_clean-custard"));
        let data_dir = tempfile::tempdir().expect("a folder");
        let database = self.postgres.then(|| postgres::database(""));
        let mut config = defaults(data_dir.path(), database.as_ref().map(Database::admin_url));
        config.llm = self.llm;
        for change in self.change {
            change(&mut config);
        }
        let (address, handle, setup_code, thread) = run(config.clone()).await;
        TestApp {
            address,
            setup_code,
            data_dir,
            config,
            handle,
            thread: Some(thread),
            _database: database,
        }
    }
}

/// The defaults, on any free port, with the data in `folder`.
fn defaults(folder: &Path, database_url: Option<String>) -> Config {
    let inputs = Inputs {
        file: None,
        env: &BTreeMap::new(),
        read: &|_| Err(std::io::ErrorKind::NotFound.into()),
    };
    let flags = ServerFlags {
        listen: Some("127.0.0.1:0".parse().expect("an address")),
        data_dir: Some(folder.join("data")),
        database_url: database_url.map(SecretString::from),
    };
    Config::load(&inputs, flags).expect("the defaults")
}

/// The server needs actix's own runtime: a thread of its own.
async fn run(
    config: Config,
) -> (
    SocketAddr,
    ServerHandle,
    Option<String>,
    std::thread::JoinHandle<()>,
) {
    let (ready, started) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        actix_web::rt::System::with_tokio_rt(move || runtime).block_on(async move {
            let running = clean_custard::server::start(config)
                .await
                .expect("the server starts");
            let _ = ready.send((
                running.address,
                running.handle.clone(),
                running.setup_code.clone(),
            ));
            running.serve().await.expect("the server ran");
        });
    });
    let (address, handle, setup_code) = started.await.expect("the server starts");
    (address, handle, setup_code, thread)
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

impl TestApp {
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Stops the server and starts it again on the same data and address.
    pub async fn restart(&mut self) {
        self.handle.stop(false).await;
        if let Some(thread) = self.thread.take() {
            tokio::task::spawn_blocking(move || thread.join())
                .await
                .expect("joined")
                .expect("no panic");
        }
        // Threads of the stopped server let go of its folder a moment after it.
        let folder = self.config.server.data_dir.clone();
        eventually("the stopped server lets go of its folder", async || {
            clean_custard::storage::server_lock(&folder).ok()
        })
        .await;
        self.config.server.listen = self.address;
        let (address, handle, setup_code, thread) = run(self.config.clone()).await;
        (self.address, self.handle, self.setup_code, self.thread) =
            (address, handle, setup_code, Some(thread));
    }

    /// Nobody in particular.
    pub fn anonymous(&self) -> Caller {
        Caller::at(self.address)
    }

    /// The owner, set up if need be.
    pub async fn owner(&self) -> Caller {
        let caller = self.anonymous();
        let body = json!({
            "name": "Olive Owner", "email": "owner@example.com", "password": "a long password",
            "organization": "Example", "code": self.setup_code,
        });
        let (status, answer) = caller.post("/api/v1/setup", &body).await;
        if status == StatusCode::CREATED {
            return caller.with_token(&answer);
        }
        self.log_in("owner@example.com", "a long password").await
    }

    pub async fn log_in(&self, email: &str, password: &str) -> Caller {
        self.anonymous().log_in(email, password).await
    }
}

/// Somebody who sends requests; keeps cookies like a browser.
#[derive(Clone)]
pub struct Caller {
    base: String,
    client: Client,
    pub token: Option<String>,
}

fn client() -> Client {
    Client::builder()
        .timeout(Duration::from_secs(60))
        // The server closes a connection that was idle for five seconds; one that is used again just then answers
        // with nothing.
        .pool_idle_timeout(Duration::from_secs(2))
        .build()
        .expect("a client")
}

impl Caller {
    /// Nobody in particular, at any server.
    pub fn at(address: SocketAddr) -> Caller {
        Caller {
            base: format!("http://{address}"),
            client: client(),
            token: None,
        }
    }

    pub async fn log_in(self, email: &str, password: &str) -> Caller {
        let body = json!({ "email": email, "password": password });
        let (status, answer) = self.post("/api/v1/auth/login", &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        self.with_token(&answer)
    }

    pub fn with_token(mut self, log_in: &Value) -> Caller {
        self.token = Some(log_in["access_token"].as_str().expect("a token").to_owned());
        self
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn send(&self, request: RequestBuilder) -> (StatusCode, Value) {
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a body");
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
        };
        (status, body)
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> (StatusCode, Value) {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Uploads files under these names.
    pub async fn upload(&self, files: &[(&str, &[u8])]) -> (StatusCode, Value) {
        let mut form = reqwest::multipart::Form::new();
        for (name, bytes) in files {
            let part = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name((*name).to_owned());
            form = form.part("files", part);
        }
        self.send(self.request(Method::POST, "/api/v1/upload").multipart(form))
            .await
    }

    /// Asks and expects an answer.
    pub async fn ask(&self, question: &str) -> Value {
        let (status, answer) = self.post("/api/v1/query", &json!({ "question": question })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// Asks as a stream; every event with its name.
    pub async fn ask_streaming(&self, body: &Value) -> Vec<(String, Value)> {
        let response = self
            .request(Method::POST, "/api/v1/query")
            .header(ACCEPT, "text/event-stream")
            .json(body)
            .send()
            .await
            .expect("an answer");
        let content_type = response.headers()[CONTENT_TYPE]
            .to_str()
            .expect("text")
            .to_owned();
        assert!(content_type.starts_with("text/event-stream"), "{content_type}");
        events(&response.text().await.expect("a body"))
    }
}

/// The events of a finished stream.
pub fn events(text: &str) -> Vec<(String, Value)> {
    text.split("\n\n")
        .filter(|block| !block.trim().is_empty())
        .map(|block| {
            let name = block
                .lines()
                .find_map(|line| line.strip_prefix("event: "))
                .expect("a name");
            let data = block
                .lines()
                .find_map(|line| line.strip_prefix("data: "))
                .expect("data");
            (name.to_owned(), serde_json::from_str(data).expect("JSON"))
        })
        .collect()
}

/// Waits until `found` gives something; panics after 20 seconds.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut found: impl FnMut() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = found().await {
            return value;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "waited too long for {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
