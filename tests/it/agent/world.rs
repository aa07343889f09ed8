//! What the agent's tests stand on: a server that is only the agents' socket, and a source that makes up
//! its rows.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use clean_custard::agent::{self, Served, Terms};
use clean_custard::catalog::{Catalog, Column, ColumnKind, Table};
use clean_custard::error::{Error, Result, SourceFault};
use clean_custard::rows::{Rows, Truncated};
use clean_custard::server::agent_socket;
use clean_custard::service::agents::{Admission, Hub};
use clean_custard::source::{Dialect, Health, Kind, Limits, Source};
use tokio_util::sync::CancellationToken;

pub const QUERY: &str = "SELECT n, filler FROM numbers";

pub const LIMITS: Limits = Limits {
    rows: 1_000_000,
    bytes: 4_000_000_000,
    time_ms: 60_000,
    cost: None,
    estimated_rows: None,
};

/// Waits, but not for ever: what hangs fails here.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("this takes too long")
}

/// Waits until the condition holds.
pub async fn eventually(condition: impl Fn() -> bool) {
    within(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Reads a result to its end and counts.
pub async fn rows_of(rows: Rows) -> Result<usize> {
    let batches = within(rows.collect()).await?;
    Ok(batches.iter().map(RecordBatch::num_rows).sum())
}

/// A server with nothing but the agents' socket. Its one key is `right`.
pub struct Server {
    pub hub: Hub,
    pub address: SocketAddr,
    pub refused: Arc<AtomicU64>,
    right: Arc<AtomicBool>,
    kind: Kind,
    handle: actix_web::dev::ServerHandle,
}

impl Server {
    pub async fn start() -> Server {
        Server::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    pub async fn start_at(address: SocketAddr) -> Server {
        Server::with_hub(address, Hub::new()).await
    }

    /// A server whose connections were made for this kind of database.
    pub async fn start_for(kind: Kind) -> Server {
        Server::of_kind(SocketAddr::from(([127, 0, 0, 1], 0)), Hub::new(), kind).await
    }

    pub async fn with_hub(address: SocketAddr, hub: Hub) -> Server {
        Server::of_kind(address, hub, Kind::Postgresql).await
    }

    async fn of_kind(address: SocketAddr, hub: Hub, kind: Kind) -> Server {
        let refused = Arc::new(AtomicU64::new(0));
        let right = Arc::new(AtomicBool::new(true));
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let state = (hub.clone(), refused.clone(), right.clone(), kind);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(state.clone()))
                .route("/api/v1/connections/ws/{id}", web::get().to(socket))
        })
        .workers(1)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Server {
            hub,
            address,
            refused,
            right,
            kind,
            handle,
        }
    }

    pub fn url(&self, connection: &str) -> String {
        format!("ws://{}/api/v1/connections/ws/{connection}", self.address)
    }

    pub fn source(&self, connection: &str) -> Result<Arc<dyn Source>> {
        self.hub.source(connection, self.kind)
    }

    /// The source behind a connection, once its agent is there and its catalog is known.
    pub async fn online(&self, connection: &str) -> Arc<dyn Source> {
        eventually(|| {
            self.hub.status(connection).database == Some(true) && self.hub.catalog(connection).is_some()
        })
        .await;
        self.source(connection).unwrap()
    }

    pub fn accept_no_key(&self) {
        self.right.store(false, Ordering::Relaxed);
    }

    /// Stops as if killed: sockets are cut without a word.
    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

type State = (Hub, Arc<AtomicU64>, Arc<AtomicBool>, Kind);

async fn socket(
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    state: web::Data<State>,
) -> actix_web::Result<HttpResponse> {
    let (hub, refused, right, kind) = state.get_ref();
    let key = request
        .headers()
        .get("Authorization")
        .and_then(|value| value.to_str().ok());
    if key != Some("Bearer right") || !right.load(Ordering::Relaxed) {
        refused.fetch_add(1, Ordering::Relaxed);
        return Ok(HttpResponse::Unauthorized().json(serde_json::json!({
            "error": {"code": "unauthorized", "message": "This key is not known."}
        })));
    }
    let id = id.into_inner();
    let epoch = hub.epoch(&id);
    let admission = Admission::new(id, *kind, epoch);
    agent_socket::serve(&request, payload, hub.clone(), admission).await
}

/// An agent running in this process.
pub struct Agent {
    pub stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<()>>,
}

impl Agent {
    /// As kill -9 would.
    pub fn kill(&self) {
        self.task.abort();
    }

    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    pub async fn ended(mut self) {
        (&mut self.task).await.unwrap().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub fn terms() -> Terms {
    Terms {
        allow_insecure: true,
        ..Terms::default()
    }
}

pub fn agent(server: &Server, connection: &str, fake: Arc<Fake>) -> Agent {
    agent_with(server, connection, fake, terms())
}

pub fn agent_with(server: &Server, connection: &str, fake: Arc<Fake>, terms: Terms) -> Agent {
    agent_at(&server.url(connection), "right", fake, terms)
}

pub fn agent_at(url: &str, key: &str, fake: Arc<Fake>, terms: Terms) -> Agent {
    process(vec![(url.to_owned(), key, fake)], terms)
}

/// An agent beside any source.
pub fn serving(server: &Server, connection: &str, source: Arc<dyn Source>) -> Agent {
    serving_under(server, connection, source, terms())
}

/// An agent beside any source, for a server that is none of ours.
pub fn serving_at(url: &str, source: Arc<dyn Source>, terms: Terms) -> Agent {
    started(vec![(url.to_owned(), "right", source)], terms)
}

/// The same on terms of its own.
pub fn serving_under(server: &Server, connection: &str, source: Arc<dyn Source>, terms: Terms) -> Agent {
    started(vec![(server.url(connection), "right", source)], terms)
}

/// One agent process for several connections.
pub fn process(connections: Vec<(String, &str, Arc<Fake>)>, terms: Terms) -> Agent {
    let connections = connections
        .into_iter()
        .map(|(url, key, fake)| (url, key, fake as Arc<dyn Source>));
    started(connections.collect(), terms)
}

fn started(connections: Vec<(String, &str, Arc<dyn Source>)>, terms: Terms) -> Agent {
    let served = connections
        .into_iter()
        .map(|(websocket_url, key, source)| Served {
            websocket_url,
            key: key.to_owned().into(),
            beside: source.into(),
        })
        .collect();
    run(served, terms)
}

/// One agent process for what is served.
pub fn agents(served: Vec<Served>) -> Agent {
    run(served, terms())
}

fn run(served: Vec<Served>, terms: Terms) -> Agent {
    let stop = CancellationToken::new();
    Agent {
        task: tokio::spawn(agent::serve(served, terms, stop.clone())),
        stop,
    }
}

/// Starts an agent that is expected not to start.
pub async fn serve_once(url: &str, key: &str, terms: Terms) -> Result<()> {
    let served = Served {
        websocket_url: url.to_owned(),
        key: key.to_owned().into(),
        beside: (Fake::new(1, 1) as Arc<dyn Source>).into(),
    };
    let stop = CancellationToken::new();
    within(agent::serve(vec![served], terms, stop)).await
}

/// A database that makes up its rows: ten to a batch, made only when they are asked for.
pub struct Fake {
    batches: u64,
    filler: usize,
    mode: Mode,
    tables: Mutex<Vec<Table>>,
    limits: Mutex<Limits>,
    pub reachable: AtomicBool,
    /// Batches made, of all queries.
    pub made: Arc<AtomicU64>,
    /// Queries asked.
    pub asked: AtomicU64,
    /// Health checks asked.
    pub checked: AtomicU64,
    /// Queries running.
    pub running: Arc<AtomicU64>,
}

#[derive(PartialEq)]
enum Mode {
    Rows,
    Stuck,
    Failing,
}

/// Counts a running query, until dropped.
struct Running(Arc<AtomicU64>);

impl Running {
    fn new(count: &Arc<AtomicU64>) -> Running {
        count.fetch_add(1, Ordering::Relaxed);
        Running(count.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Fake {
    /// Results of so many batches, each of ten rows and about so many bytes.
    pub fn new(batches: u64, bytes: usize) -> Arc<Fake> {
        Fake::of(batches, bytes / 10, Mode::Rows)
    }

    /// Never gives a row.
    pub fn stuck() -> Arc<Fake> {
        Fake::of(0, 0, Mode::Stuck)
    }

    /// Refuses every query for a name that does not exist.
    pub fn failing() -> Arc<Fake> {
        Fake::of(0, 0, Mode::Failing)
    }

    fn of(batches: u64, filler: usize, mode: Mode) -> Arc<Fake> {
        Arc::new(Fake {
            batches,
            filler,
            mode,
            tables: Mutex::new(vec![table("numbers")]),
            limits: Mutex::new(LIMITS),
            reachable: AtomicBool::new(true),
            made: Arc::default(),
            asked: AtomicU64::new(0),
            checked: AtomicU64::new(0),
            running: Arc::default(),
        })
    }

    pub fn add_table(&self, name: &str) {
        self.tables.lock().unwrap().push(table(name));
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::new(Catalog {
            tables: self.tables.lock().unwrap().clone(),
        })
    }

    pub fn last_limits(&self) -> Limits {
        *self.limits.lock().unwrap()
    }

    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, false),
            Field::new("filler", DataType::Binary, false),
        ]))
    }

    pub fn batches(&self) -> Vec<RecordBatch> {
        (0..self.batches)
            .map(|number| batch(self.schema(), number, self.filler))
            .collect()
    }
}

fn table(name: &str) -> Table {
    let column = |name: &str, type_name: &str, kind| Column {
        name: name.into(),
        type_name: type_name.into(),
        kind,
        nullable: true,
        ..Column::default()
    };
    Table {
        schema: Some("public".into()),
        name: name.into(),
        columns: vec![
            column("n", "bigint", ColumnKind::Integer),
            column("filler", "bytea", ColumnKind::Binary),
        ],
        ..Table::default()
    }
}

/// Ten rows whose bytes do not compress.
fn batch(schema: SchemaRef, number: u64, filler: usize) -> RecordBatch {
    let mut state = number + 1;
    let mut noise = || {
        (0..filler)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .collect::<Vec<u8>>()
    };
    let filler: Vec<Vec<u8>> = (0..10).map(|_| noise()).collect();
    let first = number as i64 * 10;
    RecordBatch::try_new(
        schema,
        vec![
            Arc::new(Int64Array::from_iter_values(first..first + 10)) as ArrayRef,
            Arc::new(BinaryArray::from_iter_values(filler)),
        ],
    )
    .unwrap()
}

/// A result being made.
struct Making {
    schema: SchemaRef,
    batches: u64,
    filler: usize,
    made: Arc<AtomicU64>,
    number: u64,
    rows_left: u64,
    truncated: Truncated,
    _running: Running,
}

impl Making {
    fn next(&mut self) -> Option<RecordBatch> {
        if self.number == self.batches {
            return None;
        }
        if self.rows_left == 0 {
            self.truncated.set();
            return None;
        }
        let batch = batch(self.schema.clone(), self.number, self.filler);
        self.made.fetch_add(1, Ordering::Relaxed);
        self.number += 1;
        let rows = self.rows_left.min(10);
        self.rows_left -= rows;
        if rows < 10 {
            self.truncated.set();
        }
        Some(batch.slice(0, rows as usize))
    }
}

#[async_trait]
impl Source for Fake {
    fn dialect(&self) -> Dialect {
        Dialect::Postgresql
    }

    async fn check(&self) -> Result<Health> {
        self.checked.fetch_add(1, Ordering::Relaxed);
        if !self.reachable.load(Ordering::Relaxed) {
            return Err(Error::source(SourceFault::Unreachable, "the database is away"));
        }
        Ok(Health {
            version: "Fake 1".into(),
            role_warnings: vec!["The role is a superuser.".into()],
        })
    }

    async fn catalog(&self) -> Result<Arc<Catalog>> {
        Ok(Fake::catalog(self))
    }

    async fn run(&self, _: &str, limits: &Limits) -> Result<Rows> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        *self.limits.lock().unwrap() = *limits;
        let running = Running::new(&self.running);
        match self.mode {
            Mode::Stuck => std::future::pending().await,
            Mode::Failing => Err(Error::source(SourceFault::Name, "column \"m\" does not exist")),
            Mode::Rows => {
                let truncated = Truncated::default();
                let making = Making {
                    schema: self.schema(),
                    batches: self.batches,
                    filler: self.filler,
                    made: self.made.clone(),
                    number: 0,
                    rows_left: limits.rows,
                    truncated: truncated.clone(),
                    _running: running,
                };
                Ok(Rows {
                    schema: self.schema(),
                    batches: Box::pin(futures::stream::unfold(making, |mut making| async move {
                        let batch = making.next()?;
                        Some((Ok(batch), making))
                    })),
                    truncated,
                })
            }
        }
    }
}
