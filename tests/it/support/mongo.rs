//! A real mongod for the tests: one server per test process in a temp folder, with access control, and one
//! database per test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::{Document, doc};

use super::supervisor::{Start, Supervisor, free_port};

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
    supervisor: Option<Supervisor>,
    databases: AtomicU32,
}

impl Mongod {
    /// A server of its own, with extra options, for tests that stop it or change it.
    pub fn start(options: &[&str]) -> Mongod {
        let server = Mongod::without_users(options);
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

    /// The same, before there is anybody.
    fn without_users(options: &[&str]) -> Mongod {
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
        let ready = || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        let start = Start {
            name: "mongod",
            command: &server,
            shell: Command::new("/bin/sh"),
            dir: &self.dir,
            log: &log,
            signal: "KILL",
        };
        self.supervisor = Some(start.until(ready));
    }

    /// Kills the server as kill -9 does; [`Mongod::up`] starts it again.
    pub fn down(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.down();
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
        // A running one takes its folder with it.
        if self.supervisor.take().is_none() {
            let _ = std::fs::remove_dir_all(&self.dir);
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
        busy(&self.root, &self.name).await
    }

    /// The same with a client of its own, for another runtime.
    pub async fn busy_at(root_url: &str, name: &str) -> usize {
        let root = Client::with_uri_str(root_url).await.expect("a client");
        busy(&root, name).await
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
        fingerprint(&self.root, &self.name).await
    }

    /// The same with a client of its own, for another runtime.
    pub async fn fingerprint_at(root_url: &str, name: &str) -> String {
        let root = Client::with_uri_str(root_url).await.expect("a client");
        fingerprint(&root, name).await
    }
}

async fn busy(root: &Client, name: &str) -> usize {
    use futures::TryStreamExt;
    let pipeline = [
        doc! {"$currentOp": {"allUsers": true, "idleCursors": true}},
        doc! {"$match": {
            "ns": {"$regex": format!("^{name}\\.")},
            "$or": [{"type": "idleCursor"}, {"active": true}],
        }},
    ];
    let cursor = root
        .database("admin")
        .aggregate(pipeline)
        .await
        .expect("the list of operations");
    let all: Vec<Document> = cursor.try_collect().await.expect("operations");
    all.len()
}

async fn fingerprint(root: &Client, name: &str) -> String {
    let hashes = root
        .database(name)
        .run_command(doc! {"dbHash": 1})
        .await
        .expect("a command");
    // Those of other tests come and go.
    let mut databases = root.list_database_names().await.expect("the names of databases");
    databases.retain(|name| !name.starts_with('t'));
    format!(
        "{:?} {:?} {databases:?}",
        hashes.get_document("collections"),
        hashes.get_str("md5")
    )
}

/// Runs a future where there may be no runtime, or another one.
pub fn in_own_runtime<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    std::thread::spawn(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(future)
    })
    .join()
    .expect("it ends well")
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

/// Three servers that hold the same: the first takes the writes, the others never do, and the last is tagged
/// `use: reports`.
pub struct ReplicaSet {
    pub members: Vec<Mongod>,
}

impl ReplicaSet {
    pub async fn start() -> ReplicaSet {
        use std::os::unix::fs::PermissionsExt;
        // What the members show each other.
        let key = tempfile::Builder::new()
            .prefix("custard-mongo-key-")
            .tempfile()
            .expect("a file");
        std::fs::write(key.path(), "c3VuZGFlc3VuZGFlc3VuZGFl").expect("a key");
        std::fs::set_permissions(key.path(), std::fs::Permissions::from_mode(0o400)).expect("a closed file");
        let options = [
            "--replSet",
            "sundae",
            "--keyFile",
            &key.path().display().to_string(),
        ];
        let members: Vec<Mongod> = (0..3).map(|_| Mongod::without_users(&options)).collect();
        // They have read it, and are not started again.
        let host = |at: usize| format!("127.0.0.1:{}", members[at].port);
        let first = Client::with_uri_str(format!("mongodb://{}/?directConnection=true", host(0)))
            .await
            .expect("a client")
            .database("admin");
        first
            .run_command(doc! {"replSetInitiate": {"_id": "sundae", "members": [
                {"_id": 0, "host": host(0), "priority": 2},
                {"_id": 1, "host": host(1), "priority": 0},
                {"_id": 2, "host": host(2), "priority": 0, "tags": {"use": "reports"}},
            ]}})
            .await
            .expect("a set");
        let user = doc! {"createUser": ROOT, "pwd": ROOT_PASSWORD, "roles": ["root"]};
        let started = Instant::now();
        // It takes writes once it has been elected.
        while let Err(error) = first.run_command(user.clone()).await {
            assert!(started.elapsed() < Duration::from_secs(60), "{error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let set = ReplicaSet { members };
        let started = Instant::now();
        while set.states().await != ["PRIMARY", "SECONDARY", "SECONDARY"] {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "{:?}",
                set.states().await
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        set.keys_are_known().await;
        set
    }

    /// A member that has just joined does not know yet by which keys the others sign the time, and turns readers away
    /// who bring it.
    async fn keys_are_known(&self) {
        let client = Client::with_uri_str(format!("{}&readPreference=secondary", self.root_url("admin")))
            .await
            .expect("a client");
        let started = Instant::now();
        let mut in_a_row = 0;
        while in_a_row < 12 {
            // The write gives the client a newer time, which it takes along to a reader's member.
            let written = client
                .database("started")
                .collection::<Document>("started")
                .insert_one(doc! {})
                .await;
            let read = client
                .database("started")
                .collection::<Document>("started")
                .find_one(doc! {})
                .await;
            match (written, read) {
                (Ok(_), Ok(_)) => in_a_row += 1,
                (written, read) => {
                    assert!(
                        started.elapsed() < Duration::from_secs(60),
                        "{written:?} {read:?}"
                    );
                    in_a_row = 0;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// What each member is, as the first that answers sees it.
    async fn states(&self) -> Vec<String> {
        let client = Client::with_uri_str(self.members[0].root_url("admin"))
            .await
            .expect("a client");
        let status = client
            .database("admin")
            .run_command(doc! {"replSetGetStatus": 1})
            .await;
        let Ok(status) = status else { return Vec::new() };
        let members = status.get_array("members").expect("members");
        members
            .iter()
            .filter_map(|member| member.as_document()?.get_str("stateStr").ok())
            .map(str::to_owned)
            .collect()
    }

    /// The URL of the set, for a user of `admin`.
    pub fn root_url(&self, database: &str) -> String {
        let hosts: Vec<String> = self
            .members
            .iter()
            .map(|m| format!("127.0.0.1:{}", m.port))
            .collect();
        format!(
            "mongodb://{ROOT}:{ROOT_PASSWORD}@{}/{database}?authSource=admin&replicaSet=sundae",
            hosts.join(",")
        )
    }

    /// The members that run a query over a collection of `database` right now, by their place in the set.
    pub async fn busy(&self, database: &str) -> Vec<usize> {
        use futures::TryStreamExt;
        let mut busy = Vec::new();
        for (at, member) in self.members.iter().enumerate() {
            let client = Client::with_uri_str(member.root_url("admin"))
                .await
                .expect("a client");
            let pipeline = [
                doc! {"$currentOp": {"allUsers": true}},
                doc! {"$match": {"ns": {"$regex": format!("^{database}\\.")}, "active": true}},
            ];
            let Ok(cursor) = client.database("admin").aggregate(pipeline).await else {
                continue;
            };
            let all: Vec<Document> = cursor.try_collect().await.unwrap_or_default();
            if !all.is_empty() {
                busy.push(at);
            }
        }
        busy
    }
}
