//! A real PgBouncer in transaction mode for the tests: few sessions of the database, shared by all.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

use super::postgres::{Database, command, own};
use super::supervisor::free_port;

/// Sessions that PgBouncer opens at the database.
const SESSIONS: u32 = 2;

/// A running PgBouncer; it ends with the tests, however they end.
pub struct PgBouncer {
    port: u16,
    role: String,
    database: String,
    supervisor: Option<(Child, ChildStdin)>,
    _dir: tempfile::TempDir,
}

impl PgBouncer {
    /// In front of `database`, for a role of its own that may read every table there.
    pub fn before(database: &Database<'_>) -> PgBouncer {
        let role = format!("pooled_{}", database.name);
        database.psql(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'pooled-secret'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};"
        ));
        let dir = tempfile::tempdir().expect("a temp folder for PgBouncer");
        let port = free_port();
        let users = dir.path().join("users");
        let config = dir.path().join("config");
        std::fs::write(&users, format!("\"{role}\" \"pooled-secret\"\n")).expect("the users");
        std::fs::write(
            &config,
            format!(
                "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
                 listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\n\
                 pool_mode = transaction\ndefault_pool_size = {SESSIONS}\nmax_client_conn = 200\n",
                database.port(),
                users.display()
            ),
        )
        .expect("the configuration");
        for path in [dir.path(), &users, &config] {
            own(path);
        }
        let log = dir.path().join("log");
        // `cat` ends when the tests end.
        let script = format!(
            "'{}' -q '{}' >'{}' 2>&1 </dev/null & child=$!; cat >/dev/null; kill -TERM $child; wait $child",
            program().display(),
            config.display(),
            log.display()
        );
        let mut supervisor = command("/bin/sh".into(), dir.path())
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell to watch over PgBouncer");
        let pipe = supervisor.stdin.take().expect("the pipe asked for");
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "PgBouncer did not start. It says:\n{}",
                std::fs::read_to_string(&log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        PgBouncer {
            port,
            role,
            database: database.name.clone(),
            supervisor: Some((supervisor, pipe)),
            _dir: dir,
        }
    }

    /// The URL of the database by way of PgBouncer.
    pub fn url(&self) -> String {
        format!(
            "postgres://{}:pooled-secret@127.0.0.1:{}/{}",
            self.role, self.port, self.database
        )
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        if let Some((mut supervisor, mut pipe)) = self.supervisor.take() {
            let _ = pipe.flush();
            drop(pipe);
            let _ = supervisor.wait();
        }
    }
}

/// It lies where only root has its path.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([
            "/usr/sbin".into(),
            "/usr/local/sbin".into(),
            "/usr/local/bin".into(),
        ])
        .map(|dir| dir.join("pgbouncer"))
        .find(|path| path.is_file())
        .expect("The tests need PgBouncer. Install it, on Debian with: apt-get install pgbouncer")
}
