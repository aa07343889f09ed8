//! `clean-custard agent --install`: the agent as a hardened systemd service. It writes two small secret files
//! and one unit, starts it, and says at each step what it does. `--print` only shows what would be done.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use secrecy::ExposeSecret;

use super::agent::Given;
use crate::config::{AgentConfig, AgentDatabase, DatabaseParts};

/// The service's name, and its user's.
const NAME: &str = "clean-custard-agent";
const UNIT: &str = "/etc/systemd/system/clean-custard-agent.service";
/// Where what belongs to the service lies; only root can look inside.
const FOLDER: &str = "/etc/clean-custard-agent";
/// Where the program is put when it lies where a service cannot reach it.
const PROGRAM: &str = "/usr/local/bin/clean-custard";
/// Exists where systemd runs the machine.
const SYSTEMD: &str = "/run/systemd/system";

/// A file that the service is given: its name there, and where it lies on this machine.
struct Credential {
    name: String,
    path: PathBuf,
    handed: Handed,
    /// What is written there; None for a file that is there already.
    text: Option<String>,
}

/// How systemd hands a file to the service; it reads it as root, so nobody else has to.
enum Handed {
    AsFile,
    AsVariables,
}

/// Everything that will be done.
struct Plan {
    program: PathBuf,
    copy_program: bool,
    credentials: Vec<Credential>,
    unit: String,
}

/// Installs the service. The exit status: 0 when it runs, 1 when it cannot be done here.
pub fn install(given: &Given, config: &AgentConfig) -> Result<i32> {
    let plan = Plan::new(given, config)?;
    if !rustix::process::geteuid().is_root() {
        bail!(
            "Only root can install a service. Run the same command with sudo, or add --print to see what it would do."
        );
    }
    if !Path::new(SYSTEMD).exists() {
        bail!(
            "This machine does not run systemd, so there is nothing to install the agent into. Start `clean-custard \
             agent` with your own service manager or container, or add --print to take the unit elsewhere."
        );
    }
    plan.carry_out()?;
    Ok(0)
}

/// Shows what [`install`] would do. Nothing secret is printed.
pub fn print(given: &Given, config: &AgentConfig) -> Result<i32> {
    let plan = Plan::new(given, config)?;
    if plan.copy_program {
        println!("# The program is copied to {}.", plan.program.display());
    }
    for credential in &plan.credentials {
        let path = credential.path.display();
        match credential.text {
            Some(_) => println!("# {path} is written, readable by root only."),
            None => println!("# {path} stays where it is; systemd hands it to the service."),
        }
    }
    println!("# {UNIT}:");
    print!("{}", plan.unit);
    println!("# Then: systemctl daemon-reload && systemctl enable --now {NAME}");
    Ok(0)
}

impl Plan {
    fn new(given: &Given, config: &AgentConfig) -> Result<Plan> {
        let own = std::env::current_exe().context("The program cannot find itself")?;
        let reachable = ["/usr", "/opt"].iter().any(|folder| own.starts_with(folder));
        let program = if reachable { own } else { PathBuf::from(PROGRAM) };
        let folder = Path::new(FOLDER);
        let mut credentials = Vec::new();
        let mut environment = String::new();
        let mut arguments = vec!["agent".to_owned()];
        let mut add = |name: &str, flag: &str, text: String| {
            credentials.push(Credential {
                name: name.to_owned(),
                path: folder.join(name),
                handed: Handed::AsFile,
                text: Some(text),
            });
            arguments.extend([flag.to_owned(), format!("${{CREDENTIALS_DIRECTORY}}/{name}")]);
        };
        if let Some((_, text)) = &given.config {
            add("agent.toml", "--config", text.clone());
        }
        // Several connections stand in the configuration file with their keys; of a single one the parts may
        // have come from flags, files or the environment.
        if !given.lists_connections {
            let [first, rest @ ..] = config.connections.as_slice() else {
                bail!("There is no connection to serve.");
            };
            add("key", "--key-file", line(first.key.expose_secret()));
            match &first.database {
                AgentDatabase::Url(url) => add("source", "--source-file", line(url.expose_secret())),
                AgentDatabase::Parts(parts) => environment = variables(parts)?,
            }
            for connection in std::iter::once(first).chain(rest) {
                arguments.extend(["--server".to_owned(), escaped(&connection.websocket_url)?]);
            }
        }
        environment.push_str(&carried_over()?);
        if !environment.is_empty() {
            credentials.push(Credential {
                name: "environment".into(),
                path: folder.join("environment"),
                handed: Handed::AsVariables,
                text: Some(environment),
            });
        }
        for path in &given.secret_files {
            if !path.is_absolute() {
                bail!(
                    "The file {} is named without its folder, and a service runs in another one; write the whole \
                     path.",
                    path.display()
                );
            }
            credentials.push(Credential {
                name: super::agent::credential_name(path),
                path: path.clone(),
                handed: Handed::AsFile,
                text: None,
            });
        }
        Ok(Plan {
            unit: unit(&program, &arguments, &credentials, config)?,
            copy_program: !reachable,
            program,
            credentials,
        })
    }

    fn carry_out(&self) -> Result<()> {
        if self.copy_program {
            let own = std::env::current_exe().context("The program cannot find itself")?;
            // Beside it and renamed: a running agent keeps the file it was started from.
            let draft = self.program.with_extension("new");
            fs::copy(&own, &draft)
                .and_then(|_| fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)))
                .and_then(|()| fs::rename(&draft, &self.program))
                .with_context(|| format!("The program cannot be copied to {}", self.program.display()))?;
            println!("Copied the program to {}.", self.program.display());
        }
        fs::create_dir_all(FOLDER)
            .and_then(|()| fs::set_permissions(FOLDER, fs::Permissions::from_mode(0o700)))
            .with_context(|| format!("The folder {FOLDER} cannot be made"))?;
        for credential in &self.credentials {
            if let Some(text) = &credential.text {
                write(&credential.path, text, 0o600)?;
                println!("Wrote {} (readable by root only).", credential.path.display());
            }
        }
        write(Path::new(UNIT), &self.unit, 0o644)?;
        println!("Wrote {UNIT}: a user of its own without rights, a read-only file system, no open port.");
        systemctl(&["daemon-reload"])?;
        systemctl(&["enable", NAME])?;
        // Not `enable --now`: an agent that runs already has to take what is new.
        systemctl(&["restart", NAME])?;
        println!(
            "Started {NAME}. It starts with the machine and comes back whatever happens.\n\n  \
             See how it does:  systemctl status {NAME}\n  \
             Read its log:     journalctl -u {NAME} -f\n  \
             Take it away:     systemctl disable --now {NAME} && rm -r {UNIT} {FOLDER}"
        );
        Ok(())
    }
}

/// The unit. What the agent needs is the network, its credentials and nothing else.
fn unit(
    program: &Path,
    arguments: &[String],
    credentials: &[Credential],
    config: &AgentConfig,
) -> Result<String> {
    let mut loads = String::new();
    for credential in credentials {
        let path = escaped(&credential.path.to_string_lossy())?;
        loads.push_str(&match credential.handed {
            Handed::AsFile => format!("LoadCredential={}:{path}\n", credential.name),
            Handed::AsVariables => format!("EnvironmentFile={path}\n"),
        });
    }
    let program = escaped(&program.to_string_lossy())?;
    Ok(format!(
        "\
# Written by `clean-custard agent --install`; the same command writes it anew.
[Unit]
Description=Clean Custard agent: answers questions from the database beside it, read-only
Wants=network-online.target
After=network-online.target
# It is tried again for ever.
StartLimitIntervalSec=0

[Service]
ExecStart={program} {arguments}
{loads}# Inside the sandbox the machine's name cannot be read.
Environment=\"CUSTARD_AGENT_NAME={name}\"
Restart=always
RestartSec=2
# A configuration that can never work is not tried again and again; the log says what is wrong with it.
RestartPreventExitStatus=2
# Running queries may finish.
TimeoutStopSec={stop}

# A user of its own that exists only while the service runs.
DynamicUser=yes
User={NAME}
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
# Nothing can be written; homes and devices are not there.
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
ProtectProc=invisible
ProcSubset=pid
# The kernel cannot be touched.
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# It dials out and never listens.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SocketBindDeny=any

[Install]
WantedBy=multi-user.target
",
        arguments = arguments.join(" "),
        name = match &config.name {
            Some(name) => escaped(name)?,
            None => "%H".to_owned(),
        },
        stop = config.drain.as_secs() + 10,
    ))
}

/// The `DB_*` variables, one a line. Errors: what cannot be written so.
fn variables(parts: &DatabaseParts) -> Result<String> {
    let port = parts.port.map(|port| port.to_string());
    let password = parts.password.as_ref().map(|password| password.expose_secret());
    let mut lines = String::new();
    for (name, value) in [
        ("DB_HOST", parts.host.as_deref()),
        ("DB_PORT", port.as_deref()),
        ("DB_NAME", parts.name.as_deref()),
        ("DB_USER", parts.user.as_deref()),
        ("DB_PASSWORD", password),
        ("DB_SSLMODE", parts.sslmode.as_deref()),
    ] {
        if let Some(value) = value {
            lines.push_str(&variable(name, value)?);
        }
    }
    Ok(lines)
}

/// The settings of the environment that the service gets, too: some of them are secrets, so they stand in a file
/// that only root can read and never in the unit.
fn carried_over() -> Result<String> {
    let mut lines = String::new();
    for (name, value) in super::environment() {
        if is_carried_over(&name) && !value.is_empty() {
            lines.push_str(&variable(&name, &value)?);
        }
    }
    Ok(lines)
}

/// Whether the service gets a setting of the environment: all but what stands in the command and its files.
fn is_carried_over(name: &str) -> bool {
    const ELSEWHERE: [&str; 7] = [
        "CUSTARD_AGENT_KEY",
        "CUSTARD_AGENT_KEY_FILE",
        "CUSTARD_AGENT_SOURCE_URL",
        "CUSTARD_AGENT_SOURCE_URL_FILE",
        "CUSTARD_AGENT_SERVERS",
        "CUSTARD_AGENT_CONNECTION",
        "CUSTARD_AGENT_NAME",
    ];
    let ours = ["CUSTARD_AGENT_", "CUSTARD_POLICY_", "CUSTARD_LOG_"];
    let proxies = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"];
    (ours.iter().any(|prefix| name.starts_with(prefix)) && !ELSEWHERE.contains(&name))
        || proxies.iter().any(|proxy| name.eq_ignore_ascii_case(proxy))
}

/// A line of a file of variables, as systemd reads it. Errors: what cannot be written there.
fn variable(name: &str, value: &str) -> Result<String> {
    if value.chars().any(char::is_control) {
        bail!("The variable {name} has characters that cannot stand in a file of variables.");
    }
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    Ok(format!("{name}=\"{value}\"\n"))
}

/// A word of a command line in a unit. Errors: what cannot be written there.
fn escaped(word: &str) -> Result<String> {
    if word
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || "\"'\\;".contains(c))
    {
        bail!(
            "{word} has characters that cannot stand in a unit; use a path or address without spaces and quotes."
        );
    }
    Ok(word.replace('%', "%%").replace('$', "$$"))
}

fn line(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

/// Writes a file as a whole, with these permissions from its first byte on.
fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let draft = path.with_extension("new");
    let written = || -> std::io::Result<()> {
        let _ = fs::remove_file(&draft);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    written().with_context(|| format!("{} cannot be written", path.display()))
}

fn systemctl(arguments: &[&str]) -> Result<()> {
    let shown = arguments.join(" ");
    let status = Command::new("systemctl")
        .args(arguments)
        .status()
        .with_context(|| format!("`systemctl {shown}` cannot be run"))?;
    if !status.success() {
        bail!("`systemctl {shown}` failed ({status}); `journalctl -u {NAME}` may say why.");
    }
    Ok(())
}
