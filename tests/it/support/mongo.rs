//! A real mongod for the tests: one server per test process in a temp folder, with access control, and one
//! database per test. As with PostgreSQL a small shell owns the server and ends it with the tests.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::{Document, doc};

/// The user that may do everything.
pub const ROOT: &str = "custard_root";
pub const ROOT_PASSWORD: &str = "root-secret";
/// The user with the role read on the database of a test.
pub const READER: &str = "custard_reader";
/// Awkward on purpose.
pub const READER_PASSWORD: &str = "r:e/a@d#e%r ö";

/// The server that all tests of this process share, started on first use.
pub fn shared() -> &'static Mongod {
    static SHARED: OnceLock<Mongod> = OnceLock::new();
    SHARED.get_or_init(|| Mongod::start(&[]))
}

/// A running mongod with access control.
pub struct Mongod {
    pub port: u16,
    dir: PathBuf,
    options: Vec<String>,
    supervisor: Option<(Child, ChildStdin)>,
    databases: AtomicU32,
}

impl Mongod {
    /// A server of its own, with extra options, for tests that stop it or change it.
    pub fn start(options: &[&str]) -> Mongod {
        let dir = tempfile::Builder::new()
            .prefix("custard-mongo-")
            .tempdir()
            .expect("a temp folder for mongod")
            .keep();
        std::fs::create_dir(dir.join("data")).expect("a data folder");
        let mut server = Mongod {
            port: free_port(),
            dir,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            supervisor: None,
            databases: AtomicU32::new(0),
        };
        server.up();
        // Until there is a user, whoever comes from this machine may make the first one.
        let url = format!("mongodb://127.0.0.1:{}/?directConnection=true", server.port);
        in_own_runtime(async move {
            let client = Client::with_uri_str(url).await.expect("a client");
            client
                .database("admin")
                .run_command(doc! {"createUser": ROOT, "pwd": ROOT_PASSWORD, "roles": ["root"]})
                .await
                .expect("the first user");
        });
        server
    }

    /// Starts the server again after [`Mongod::down`], on the same port.
    pub fn up(&mut self) {
        assert!(self.supervisor.is_none(), "the server is running already");
        let log = self.dir.join("log");
        let server = format!(
            "'{}' --auth --bind_ip 127.0.0.1 --port {} --dbpath '{}' --nounixsocket --wiredTigerCacheSizeGB 0.25 {}",
            mongod().display(),
            self.port,
            self.dir.join("data").display(),
            self.options.join(" ")
        );
        let script = format!(
            "{server} >>'{log}' 2>&1 </dev/null & server=$!; word=$(cat); kill -KILL $server; \
             wait $server; [ \"$word\" = keep ] || rm -rf '{dir}'",
            log = log.display(),
            dir = self.dir.display(),
        );
        let mut supervisor = Command::new("/bin/sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell to watch over mongod");
        let pipe = supervisor.stdin.take().expect("the pipe asked for");
        self.supervisor = Some((supervisor, pipe));
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "mongod did not start within a minute. Its log says:\n{}",
                std::fs::read_to_string(&log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills the server as kill -9 does; [`Mongod::up`] starts it again.
    pub fn down(&mut self) {
        if let Some((mut supervisor, mut pipe)) = self.supervisor.take() {
            pipe.write_all(b"keep").expect("a word to the shell");
            drop(pipe);
            supervisor.wait().expect("the shell ends with the server");
        }
    }

    /// The URL of the user that may do everything.
    pub fn root_url(&self, database: &str) -> String {
        format!(
            "mongodb://{ROOT}:{ROOT_PASSWORD}@127.0.0.1:{}/{database}?authSource=admin&directConnection=true",
            self.port
        )
    }

    /// A new database with these documents, and a user that may read it.
    pub async fn database(&self, collections: &[(&str, Vec<Document>)]) -> Database<'_> {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let root = Client::with_uri_str(self.root_url(&name))
            .await
            .expect("a client");
        let database = root.database(&name);
        for (collection, documents) in collections {
            let collection = database.collection::<Document>(collection);
            for part in documents.chunks(20_000) {
                collection.insert_many(part).await.expect("documents");
            }
        }
        database
            .run_command(doc! {
                "createUser": READER, "pwd": READER_PASSWORD, "roles": [{"role": "read", "db": &name}],
            })
            .await
            .expect("a user that reads");
        Database {
            server: self,
            name,
            root,
        }
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        match self.supervisor.take() {
            Some((mut supervisor, pipe)) => {
                drop(pipe);
                let _ = supervisor.wait();
            }
            None => {
                let _ = std::fs::remove_dir_all(&self.dir);
            }
        }
    }
}

/// A database of one test.
pub struct Database<'a> {
    server: &'a Mongod,
    pub name: String,
    root: Client,
}

impl Database<'_> {
    /// The URL of the user that may only read.
    pub fn url(&self) -> String {
        let password: String = url::form_urlencoded::byte_serialize(READER_PASSWORD.as_bytes())
            .collect::<String>()
            .replace('+', "%20");
        format!(
            "mongodb://{READER}:{password}@127.0.0.1:{}/{}",
            self.server.port, self.name
        )
    }

    /// The URL of the user that may do everything.
    pub fn root_url(&self) -> String {
        self.server.root_url(&self.name)
    }

    /// As the user that may do everything.
    pub fn root(&self) -> mongodb::Database {
        self.root.database(&self.name)
    }

    /// Runs a command as the user that may do everything.
    pub async fn command(&self, command: Document) -> Document {
        self.root().run_command(command).await.expect("a command")
    }

    /// Operations and idle cursors of others over this database's collections.
    pub async fn busy(&self) -> usize {
        use futures::TryStreamExt;
        let pattern = format!("^{}\\.", self.name);
        let pipeline = [
            doc! {"$currentOp": {"allUsers": true, "idleCursors": true}},
            doc! {"$match": {
                "ns": {"$regex": pattern},
                "$or": [{"type": "idleCursor"}, {"active": true}],
            }},
        ];
        let cursor = self
            .root
            .database("admin")
            .aggregate(pipeline)
            .await
            .expect("the list of operations");
        let all: Vec<Document> = cursor.try_collect().await.expect("operations");
        all.len()
    }

    /// Waits until so many operations and cursors are open, a minute at most.
    pub async fn wait_for_busy(&self, wanted: impl Fn(usize) -> bool) {
        let started = Instant::now();
        loop {
            let busy = self.busy().await;
            if wanted(busy) {
                return;
            }
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "still {busy} operations and cursors after a minute"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything that a write could change: collections, indexes, and a hash over all documents.
    pub async fn fingerprint(&self) -> String {
        let hashes = self.command(doc! {"dbHash": 1}).await;
        // Those of other tests come and go.
        let mut databases = self
            .root
            .list_database_names()
            .await
            .expect("the names of databases");
        databases.retain(|name| !name.starts_with('t'));
        format!(
            "{:?} {:?} {databases:?}",
            hashes.get_document("collections"),
            hashes.get_str("md5")
        )
    }
}

/// Runs a future where there may be no runtime, or another one.
fn in_own_runtime(future: impl Future<Output = ()> + Send + 'static) {
    std::thread::spawn(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(future);
    })
    .join()
    .expect("it ends well");
}

/// Where the program is: named by MONGOD, or as the set-up script finds it.
fn mongod() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/setup.sh");
    let output = Command::new(&script).arg("mongod").output();
    let found = output
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    found
        .filter(|path| !path.is_empty())
        .expect("The tests need mongod. Install it with: make setup-test")
        .into()
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
    listener.local_addr().expect("its address").port()
}
