//! A real MariaDB for the tests: one server per test process in a temp folder, one database per test.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::postgres::{command, run, unprivileged};
use super::supervisor::{Start, Supervisor, free_port};

/// A user that may only select.
pub const READER: &str = "custard_reader";
/// The reader's password, awkward on purpose.
pub const READER_PASSWORD: &str = "r:e/a@d#e%r ö";
/// A user that may do everything.
pub const ADMIN: &str = "custard_admin";
/// The administrator's password.
pub const ADMIN_PASSWORD: &str = "admin-secret";

/// The server that all tests of this process share, started on first use.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(|| Server::start(&[]))
}

/// One database on the [`shared`] server, holding what `script` puts there. The reader may select from it.
pub fn database(script: &str) -> Database<'static> {
    shared().database(script)
}

/// A running MariaDB.
pub struct Server {
    pub port: u16,
    dir: PathBuf,
    settings: Vec<String>,
    supervisor: Option<Supervisor>,
    databases: AtomicU32,
}

impl Server {
    /// A server of its own, with extra options (`--name=value`), for tests that stop it or change it.
    pub fn start(settings: &[&str]) -> Server {
        let dir = tempfile::Builder::new()
            .prefix("custard-maria-")
            .tempdir()
            .expect("a temp folder for MariaDB")
            .keep();
        if let Some((uid, gid)) = unprivileged() {
            std::os::unix::fs::chown(&dir, Some(uid), Some(gid)).expect("hand the folder over");
        }
        run(command(program("mariadb-install-db"), &dir)
            .args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ])
            .args(["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"])
            .arg(format!("--datadir={}", dir.join("data").display())));
        let mut server = Server {
            port: free_port(),
            dir,
            settings: settings.iter().map(|s| (*s).to_owned()).collect(),
            supervisor: None,
            databases: AtomicU32::new(0),
        };
        server.up();
        server.mysql(
            "mysql",
            &format!(
                "CREATE USER {READER}@'%' IDENTIFIED BY '{READER_PASSWORD}';
                 CREATE USER {ADMIN}@'%' IDENTIFIED BY '{ADMIN_PASSWORD}';
                 GRANT ALL ON *.* TO {ADMIN}@'%' WITH GRANT OPTION;"
            ),
        );
        server
    }

    fn socket(&self) -> PathBuf {
        self.dir.join("socket")
    }

    /// The folder of the server, for certificates.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Adds an option for the next [`Server::up`].
    pub fn set(&mut self, setting: String) {
        self.settings.push(setting);
    }

    /// Starts the server again after [`Server::down`], on the same port.
    pub fn up(&mut self) {
        assert!(self.supervisor.is_none(), "the server is running already");
        let mut server = format!(
            "'{}' --no-defaults '--datadir={}' '--socket={}' --port={} --bind-address=127.0.0.1 \
             --innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=32M --innodb-log-file-size=8M \
             --skip-name-resolve --max-connections=200 '--pid-file={}'",
            program("mariadbd").display(),
            self.dir.join("data").display(),
            self.socket().display(),
            self.port,
            self.dir.join("pid").display(),
        );
        for setting in &self.settings {
            server.push_str(&format!(" '{setting}'"));
        }
        let log = self.dir.join("log");
        let ready = || {
            self.client("mysql")
                .args(["-e", "SELECT 1"])
                .output()
                .is_ok_and(|output| output.status.success())
        };
        let start = Start {
            name: "MariaDB",
            command: &server,
            shell: command("/bin/sh".into(), &self.dir),
            dir: &self.dir,
            log: &log,
            signal: "KILL",
        };
        self.supervisor = Some(start.until(ready));
    }

    /// Stops the server at once, as a crash would; [`Server::up`] starts it again.
    pub fn down(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.down();
        }
    }

    /// A new database, see [`database`].
    pub fn database(&self, script: &str) -> Database<'_> {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.mysql(
            "mysql",
            &format!(
                "CREATE DATABASE {name} CHARACTER SET utf8mb4; GRANT SELECT, SHOW VIEW ON {name}.* TO {READER}@'%';"
            ),
        );
        let database = Database { server: self, name };
        database.mysql(script);
        database
    }

    fn client(&self, database: &str) -> Command {
        let mut client = Command::new(program("mariadb"));
        client
            .args([
                "--no-defaults",
                "--batch",
                "--skip-column-names",
                "--default-character-set=utf8mb4",
            ])
            .args([
                "-u",
                "root",
                "--init-command=SET time_zone = '+00:00'",
                "-D",
                database,
            ])
            .arg(format!("--socket={}", self.socket().display()));
        client
    }

    /// Runs `script` as root; what it printed, one row a line, columns split by tabs.
    fn mysql(&self, database: &str, script: &str) -> String {
        let mut client = self
            .client(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the mariadb client");
        let mut input = client.stdin.take().expect("the pipe asked for");
        let text = script.to_owned();
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = client.wait_with_output().expect("the client ends");
        // A broken pipe here means that the client stopped at an error, which the status below tells better.
        let _ = writer.join();
        assert!(
            output.status.success(),
            "the SQL script failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("UTF-8 from the client")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A running one takes its folder with it.
        if self.supervisor.take().is_none() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// A database of one test.
pub struct Database<'a> {
    server: &'a Server,
    pub name: String,
}

impl Database<'_> {
    /// The URL of the user that may only select.
    pub fn url(&self) -> String {
        self.url_of(READER, READER_PASSWORD)
    }

    /// The URL of the user that may do everything.
    pub fn admin_url(&self) -> String {
        self.url_of(ADMIN, ADMIN_PASSWORD)
    }

    /// The URL of another user.
    pub fn url_of(&self, user: &str, password: &str) -> String {
        let password: String = url::form_urlencoded::byte_serialize(password.as_bytes())
            .collect::<String>()
            .replace('+', "%20");
        format!(
            "mysql://{user}:{password}@127.0.0.1:{}/{}",
            self.server.port, self.name
        )
    }

    /// Runs `script` as root; what it printed, one row a line, columns split by tabs.
    pub fn mysql(&self, script: &str) -> String {
        self.server.mysql(&self.name, script)
    }

    /// A single value as root sees it, as text.
    pub fn value(&self, query: &str) -> String {
        self.mysql(&format!("{query};")).trim_end_matches('\n').to_owned()
    }
}

/// A program of MariaDB.
fn program(name: &str) -> PathBuf {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .chain([
            "/usr/sbin".into(),
            "/usr/local/sbin".into(),
            "/usr/libexec".into(),
        ])
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!(
                "The tests need a MariaDB server ({name}). Install it, on Debian with: apt-get install \
                 mariadb-server-core mariadb-client-core"
            )
        })
}
