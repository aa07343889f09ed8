//! What every server of the tests has in common. It belongs to a small shell that waits on a pipe held by the
//! test process: however the tests end (also by a kill, and although statics are never dropped), the pipe
//! closes, and the shell stops the server and removes its folder. Nothing here talks to a server that was not
//! started here.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub struct Supervisor {
    shell: Child,
    pipe: Option<ChildStdin>,
}

/// A server to start.
pub struct Start<'a> {
    /// As people call it.
    pub name: &'a str,
    /// Its command line, as a shell reads it.
    pub command: &'a str,
    /// A shell that runs as the user the server wants to run as.
    pub shell: Command,
    /// Its folder, removed when it ends with the tests.
    pub dir: &'a Path,
    /// Where its words go.
    pub log: &'a Path,
    /// The signal that stops it at once.
    pub signal: &'a str,
}

impl Start<'_> {
    /// Starts it and waits until it is `ready`.
    pub fn until(mut self, ready: impl Fn() -> bool) -> Supervisor {
        // "keep" is said between down and up; an ended pipe without a word means that the tests are gone.
        let script = format!(
            "{server} >>'{log}' 2>&1 </dev/null & server=$!; word=$(cat); kill -{signal} $server; \
             wait $server; [ \"$word\" = keep ] || rm -rf '{dir}'",
            server = self.command,
            log = self.log.display(),
            signal = self.signal,
            dir = self.dir.display(),
        );
        let mut shell = self
            .shell
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell to watch over the server");
        let pipe = shell.stdin.take();
        let started = Instant::now();
        while !ready() {
            assert!(
                started.elapsed() < PATIENCE,
                "{} did not start within a minute. Its log says:\n{}",
                self.name,
                std::fs::read_to_string(self.log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Supervisor { shell, pipe }
    }
}

impl Supervisor {
    /// Stops the server at once and keeps its folder.
    pub fn down(mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            pipe.write_all(b"keep").expect("a word to the shell");
        }
        self.shell.wait().expect("the shell ends with the server");
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Some(pipe) = self.pipe.take() {
            drop(pipe);
            let _ = self.shell.wait();
        }
    }
}

/// A port of the loopback that nobody listens on.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
    listener.local_addr().expect("its address").port()
}
