//! A real mail server for one test: a process that can be killed and started again at the same port.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clean_custard::config::{SmtpConfig, SmtpSecurity};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::mail::Mail;
use super::supervisor::free_port;

/// Who may log in, where somebody has to.
pub const USER: &str = "custard";
pub const PASSWORD: &str = "smtp secret";

/// A mail server; it ends with the test.
pub struct Smtp {
    pub port: u16,
    security: SmtpSecurity,
    logs_in: bool,
    folder: TempDir,
    child: Option<Child>,
}

/// A letter as the mail server took it.
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    pub tls: bool,
    pub mail: Mail,
}

impl Smtp {
    /// A running server. With `security` other than `None` its certificate is signed by nobody but
    /// [`Smtp::ca_file`]; then a log-in is wanted too.
    pub fn start(security: SmtpSecurity) -> Smtp {
        let mut smtp = Smtp::stopped(security);
        smtp.restart();
        smtp
    }

    /// The same, not running yet.
    pub fn stopped(security: SmtpSecurity) -> Smtp {
        let folder = tempfile::tempdir().expect("a folder");
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])
            .expect("a certificate");
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).expect("written");
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).expect("written");
        Smtp {
            port: free_port(),
            security,
            logs_in: security != SmtpSecurity::None,
            folder,
            child: None,
        }
    }

    /// Starts it (again) at its port.
    pub fn restart(&mut self) {
        self.kill();
        let path = |name: &str| self.folder.path().join(name);
        let options = json!({
            "port": self.port, "inbox": path("inbox"), "cert": path("cert.pem"), "key": path("key.pem"),
            "tls": match self.security {
                SmtpSecurity::None => "none",
                SmtpSecurity::StartTls => "starttls",
                SmtpSecurity::Tls => "tls",
            },
            "user": self.logs_in.then_some(USER), "password": PASSWORD,
        });
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/smtp_server.py");
        let log = std::fs::File::create(path("log")).expect("a log");
        let child = Command::new("python3")
            .arg(script)
            .arg(options.to_string())
            .env("PYTHONPATH", aiosmtpd())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("The tests need python3.");
        self.child = Some(child);
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "the mail server did not start; it says:\n{}",
                std::fs::read_to_string(path("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// As kill -9 does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| child.try_wait().is_ok_and(|status| status.is_none()))
    }

    /// Its own certificate authority.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// How to reach it.
    pub fn config(&self) -> SmtpConfig {
        SmtpConfig {
            host: "localhost".into(),
            port: self.port,
            security: self.security,
            user: self.logs_in.then(|| USER.into()),
            password: self.logs_in.then(|| SecretString::from(PASSWORD)),
            ca_file: (self.security != SmtpSecurity::None).then(|| self.ca_file()),
            timeout: Duration::from_secs(20),
            hello_name: Some("custard.test".into()),
        }
    }

    /// The letters it took, in order.
    pub fn taken(&self) -> Vec<Taken> {
        let text = std::fs::read_to_string(self.folder.path().join("inbox")).unwrap_or_default();
        // The last line may be half written.
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| {
                let letter: Value = serde_json::from_str(line).expect("a letter");
                Taken {
                    from: letter["from"].as_str().expect("a sender").into(),
                    to: serde_json::from_value(letter["to"].clone()).expect("recipients"),
                    tls: letter["tls"].as_bool().expect("tls"),
                    mail: Mail::parse(letter["letter"].as_str().expect("a letter")),
                }
            })
            .collect()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where `scripts/setup.sh test` puts it; it may also be installed on the machine.
fn aiosmtpd() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"),
        PathBuf::from,
    );
    cache.join("clean-custard/aiosmtpd-1.4.6")
}
