//! A real PostgreSQL for the tests: one server per test process in a temp folder, one database per test.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::supervisor::{Start, Supervisor, free_port};

/// The superuser of every test server.
pub const ADMIN: &str = "custard_admin";
/// A role that may only select.
pub const READER: &str = "custard_reader";
/// The reader's password, awkward on purpose: `:`, `/`, `@`, `#`, `%`, a blank and a letter beyond ASCII.
pub const READER_PASSWORD: &str = "r:e/a@d#e%r ö";
/// The superuser's password.
pub const ADMIN_PASSWORD: &str = "admin-secret";

/// The server that all tests of this process share, started on first use.
pub fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(&[]))
}

/// One database on the [`shared`] server, holding what `script` (psql input, so `COPY … FROM stdin` works)
/// puts there. The reader may select from every table of it.
pub fn database(script: &str) -> Database<'static> {
    shared().database(script)
}

/// A running PostgreSQL server.
pub struct Cluster {
    pub port: u16,
    dir: PathBuf,
    bin: PathBuf,
    settings: Vec<String>,
    supervisor: Option<Supervisor>,
    databases: AtomicU32,
}

impl Cluster {
    /// A server of its own, with extra settings (`name=value`), for tests that stop it or change it.
    pub fn start(settings: &[&str]) -> Cluster {
        let bin = binaries();
        let dir = tempfile::Builder::new()
            .prefix("custard-pg-")
            .tempdir()
            .expect("a temp folder for PostgreSQL")
            .keep();
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o700)).expect("own folder");
        let password_file = dir.join("password");
        std::fs::write(&password_file, ADMIN_PASSWORD).expect("password file");
        own(&dir);
        own(&password_file);
        run(command(bin.join("initdb"), &dir)
            .args([
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--no-sync",
                "-E",
                "UTF8",
            ])
            .args(["--locale=C.UTF-8", "-U", ADMIN])
            .arg(format!("--pwfile={}", password_file.display()))
            .arg("-D")
            .arg(dir.join("data")));
        let mut cluster = Cluster {
            port: free_port(),
            dir,
            bin,
            settings: settings.iter().map(|s| (*s).to_owned()).collect(),
            supervisor: None,
            databases: AtomicU32::new(0),
        };
        cluster.up();
        cluster.psql(
            "postgres",
            &format!("CREATE ROLE {READER} LOGIN PASSWORD '{READER_PASSWORD}';"),
        );
        cluster
    }

    /// Where the server keeps its files: certificates for TLS tests may be put here before [`Cluster::up`].
    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Adds a setting for the next [`Cluster::up`].
    pub fn set(&mut self, setting: &str) {
        self.settings.push(setting.to_owned());
    }

    /// Who may come in by TCP (lines of `pg_hba.conf`), from the next [`Cluster::up`] on.
    pub fn set_rules(&self, rules: &str) {
        std::fs::write(
            self.data_dir().join("pg_hba.conf"),
            format!("local all all trust\n{rules}\n"),
        )
        .expect("the server's rules");
    }

    /// Gives the server a certificate for the host name `db.test`, signed by an authority of its own.
    pub fn make_certificates(&self) -> Certificates {
        let dir = self.data_dir();
        let openssl = |args: &str| {
            run(command("openssl".into(), &dir).args(args.split(' ')));
        };
        let ec = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(&format!(
            "req -x509 {ec} -days 2 -subj /CN=authority -keyout ca.key -out ca.crt"
        ));
        openssl(&format!(
            "req -x509 {ec} -days 2 -subj /CN=stranger -keyout stranger.key -out stranger.crt"
        ));
        openssl(&format!(
            "req -x509 {ec} -days 2 -subj /CN=db.test -addext subjectAltName=DNS:db.test \
                          -addext basicConstraints=critical,CA:FALSE -CA ca.crt -CAkey ca.key \
                          -keyout server.key -out server.crt"
        ));
        for (name, authority) in [("client", "ca"), ("impostor", "stranger")] {
            openssl(&format!(
                "req -x509 {ec} -days 2 -subj /CN={READER} -addext basicConstraints=critical,CA:FALSE \
                          -CA {authority}.crt -CAkey {authority}.key -keyout {name}.key -out {name}.crt"
            ));
            // The tests may run as another user than the server.
            for file in [format!("{name}.key"), format!("{name}.crt")] {
                std::fs::set_permissions(dir.join(file), std::fs::Permissions::from_mode(0o644))
                    .expect("readable");
            }
        }
        Certificates {
            authority: dir.join("ca.crt"),
            stranger: dir.join("stranger.crt"),
        }
    }

    /// Starts the server again after [`Cluster::down`], on the same port.
    pub fn up(&mut self) {
        assert!(self.supervisor.is_none(), "the server is running already");
        let mut server = format!(
            "'{}' -D '{}' -p {} -k '{}' -c listen_addresses=127.0.0.1",
            self.bin.join("postgres").display(),
            self.data_dir().display(),
            self.port,
            self.dir.display()
        );
        for setting in ["fsync=off", "full_page_writes=off", "max_connections=200"]
            .into_iter()
            .chain(self.settings.iter().map(String::as_str))
        {
            server.push_str(&format!(" -c '{setting}'"));
        }
        let log = self.dir.join("log");
        let ready = || {
            Command::new(self.bin.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .is_ok_and(|status| status.success())
        };
        let start = Start {
            name: "PostgreSQL",
            command: &server,
            shell: command("/bin/sh".into(), &self.dir),
            dir: &self.dir,
            log: &log,
            signal: "QUIT",
        };
        self.supervisor = Some(start.until(ready));
    }

    /// Stops the server at once, as a crash would; [`Cluster::up`] starts it again.
    pub fn down(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.down();
        }
    }

    /// A new database, see [`database`].
    pub fn database(&self, script: &str) -> Database<'_> {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0;"));
        let database = Database { cluster: self, name };
        database.psql(&format!(
            "REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC;",
            database.name
        ));
        database.psql(script);
        database.psql(&format!(
            "DO $$ DECLARE s text; BEGIN FOR s IN SELECT nspname FROM pg_namespace
               WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' LOOP
               EXECUTE format('GRANT USAGE ON SCHEMA %I TO {READER}', s);
               EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO {READER}', s);
             END LOOP; END $$;"
        ));
        database
    }

    /// A database that was made before.
    pub fn existing(&self, name: &str) -> Database<'_> {
        Database {
            cluster: self,
            name: name.to_owned(),
        }
    }

    /// Runs `script` as the superuser; what it printed, one row a line, columns split by tabs.
    fn psql(&self, database: &str, script: &str) -> String {
        let mut psql = Command::new(self.bin.join("psql"))
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-F",
                "\t",
                "-v",
                "ON_ERROR_STOP=1",
                "-f",
                "-",
            ])
            .args([
                "-h",
                &self.dir.display().to_string(),
                "-p",
                &self.port.to_string(),
            ])
            .args(["-U", ADMIN, "-d", database])
            .env("PGOPTIONS", "-c client_min_messages=warning")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql, which comes with PostgreSQL");
        let mut input = psql.stdin.take().expect("the pipe asked for");
        let text = script.to_owned();
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = psql.wait_with_output().expect("psql ends");
        // A broken pipe here means that psql stopped at an error, which the status below tells better.
        let _ = writer.join();
        assert!(
            output.status.success(),
            "the SQL script failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("UTF-8 from psql")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A running one takes its folder with it.
        if self.supervisor.take().is_none() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// Files in PEM.
pub struct Certificates {
    /// Who signed the server's certificate.
    pub authority: PathBuf,
    /// Who did not.
    pub stranger: PathBuf,
}

/// A database of one test.
pub struct Database<'a> {
    cluster: &'a Cluster,
    pub name: String,
}

impl Database<'_> {
    /// The URL of the role that may only select.
    pub fn url(&self) -> String {
        self.url_of(READER, READER_PASSWORD)
    }

    /// The port of the server.
    pub fn port(&self) -> u16 {
        self.cluster.port
    }

    /// The URL of another role.
    pub fn url_of(&self, role: &str, password: &str) -> String {
        let password: String = url::form_urlencoded::byte_serialize(password.as_bytes())
            .collect::<String>()
            .replace('+', "%20");
        format!(
            "postgres://{role}:{password}@127.0.0.1:{}/{}",
            self.cluster.port, self.name
        )
    }

    /// The URL of the superuser.
    pub fn admin_url(&self) -> String {
        format!(
            "postgres://{ADMIN}:{ADMIN_PASSWORD}@127.0.0.1:{}/{}",
            self.cluster.port, self.name
        )
    }

    /// Runs `script` as the superuser; what it printed, one row a line, columns split by tabs.
    pub fn psql(&self, script: &str) -> String {
        self.cluster.psql(&self.name, script)
    }

    /// Schema and rows (no large objects) as `pg_dump` writes them, without the key that it makes up each time.
    pub fn dump(&self) -> String {
        let output = Command::new(self.cluster.bin.join("pg_dump"))
            .args(["-h", &self.cluster.dir.display().to_string()])
            .args(["-p", &self.cluster.port.to_string()])
            .args(["-U", ADMIN, "--inserts", "--no-sync", "--no-blobs", &self.name])
            .output()
            .expect("pg_dump, which comes with PostgreSQL");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the dump failed:\n{words}");
        let text = String::from_utf8(output.stdout).expect("UTF-8 from pg_dump");
        let lines = text.lines().filter(|line| !line.starts_with('\\'));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// A single value as the superuser sees it, as text.
    pub fn value(&self, query: &str) -> String {
        self.psql(&format!("{query};")).trim_end_matches('\n').to_owned()
    }

    /// Waits until `query` gives `expected`, a minute at most.
    pub async fn wait_for(&self, query: &str, expected: &str) {
        let started = Instant::now();
        loop {
            let value = self.value(query);
            if value == expected {
                return;
            }
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "still {value:?} instead of {expected:?} after a minute: {query}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The folder with `initdb` and `postgres`.
fn binaries() -> PathBuf {
    let mut candidates: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    candidates.sort();
    candidates.reverse();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        candidates.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    candidates.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    candidates
        .into_iter()
        .find(|dir| {
            ["initdb", "postgres", "psql", "pg_isready"]
                .iter()
                .all(|name| dir.join(name).is_file())
        })
        .expect(
            "The tests need a PostgreSQL server (initdb, postgres, psql). Install it, on Debian with: \
             apt-get install postgresql",
        )
}

/// PostgreSQL refuses to run as root: as root, the user and group to use instead.
pub(super) fn unprivileged() -> Option<(u32, u32)> {
    let number = |flag: &str, user: &str| -> Option<u32> {
        let output = Command::new("id").args([flag, user]).output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|user| Some((number("-u", user)?, number("-g", user)?)))
}

/// Hands a file or folder to the user that [`command`] runs as.
pub fn own(path: &Path) {
    if let Some((uid, gid)) = unprivileged() {
        std::os::unix::fs::chown(path, Some(uid), Some(gid)).expect("hand it over");
    }
}

/// A program that runs in `dir` as a user that PostgreSQL accepts.
pub fn command(program: PathBuf, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).env("LC_ALL", "C.UTF-8");
    if let Some((uid, gid)) = unprivileged() {
        command.uid(uid).gid(gid);
    }
    command
}

pub(super) fn run(command: &mut Command) {
    let output = command.output().expect("a program of PostgreSQL");
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
