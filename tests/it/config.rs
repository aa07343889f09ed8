//! Configuration as users meet it: the example file, the order of the layers, and what a mistake is answered.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use clean_custard::config::{
    AgentConfig, AgentDatabase, AgentFlags, Config, Inputs, LogFormat, ServerFlags, keys,
};
use secrecy::ExposeSecret;

const EXAMPLE: &str = include_str!("../../config.example.toml");

/// Keys of the example that show a made-up value because there is no default.
const WITHOUT_DEFAULT: &[&str] = &[
    "server.public_url",
    "server.secret_key",
    "server.secret_key_file",
    "server.previous_secret_key",
    "server.previous_secret_key_file",
    "server.metrics_token",
    "server.metrics_token_file",
    "database.url",
    "database.url_file",
    "storage.url",
    "storage.url_file",
    "storage.endpoint",
    "storage.access_key_id",
    "storage.secret_access_key",
    "storage.secret_access_key_file",
    "accounts.domains",
    "oidc.issuer",
    "oidc.client_id",
    "oidc.client_secret",
    "oidc.client_secret_file",
    "llm.api_key",
    "llm.api_key_file",
    "llm.context_tokens",
    // Follows from who may sign up.
    "llm.own_models",
    "llm.input_price",
    "llm.output_price",
    "llm.user_tokens_per_day",
    "llm.organization_tokens_per_day",
    "mail.from",
    "mail.reply_to",
    "mail.smtp_url",
    "mail.smtp_url_file",
    "mail.resend_api_key",
    "mail.resend_api_key_file",
    "mail.host",
    "mail.port",
    "mail.security",
    "mail.user",
    "mail.password",
    "mail.password_file",
    "mail.ca_file",
    "mail.hello_name",
    "agent.servers",
    "agent.name",
    "agent.proxy",
    "agent.no_proxy",
    "agent.connection",
    "agent.key",
    "agent.key_file",
    "agent.source_url",
    "agent.source_url_file",
    "agent.ca_file",
    "agent.audit_file",
    "traces.endpoint",
    "traces.headers",
    "traces.headers_file",
    "policy.mask_key",
    "policy.mask_key_file",
];

struct Given<'a> {
    file: &'a str,
    env: BTreeMap<String, String>,
}

fn given<'a>(file: &'a str, env: &[(&str, &str)]) -> Given<'a> {
    let env = env.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Given {
        file,
        env: env.collect(),
    }
}

impl Given<'_> {
    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            file: Some((Path::new("config.toml"), self.file)),
            env: &self.env,
            read: &|path| match path.to_str() {
                Some("/run/secrets/key") => Ok("key-from-a-file\n".into()),
                _ => Err(io::ErrorKind::NotFound.into()),
            },
        }
    }

    fn server(&self) -> Config {
        Config::load(&self.inputs(), ServerFlags::default()).unwrap()
    }

    fn agent(&self) -> AgentConfig {
        AgentConfig::load(&self.inputs(), AgentFlags::default()).unwrap()
    }

    fn server_error(&self) -> String {
        Config::load(&self.inputs(), ServerFlags::default())
            .unwrap_err()
            .to_string()
    }

    fn agent_error(&self) -> String {
        AgentConfig::load(&self.inputs(), AgentFlags::default())
            .unwrap_err()
            .to_string()
    }
}

/// The commented keys of the example: section, key, and the whole line without its comment sign.
fn example_keys() -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in EXAMPLE.lines() {
        let bare = line.strip_prefix('#').unwrap_or(line);
        if bare.starts_with('[') {
            section = bare.trim_matches(['[', ']']).to_owned();
        } else if line.starts_with('#')
            && let Some((key, _)) = bare.split_once(" = ")
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            found.push((section.clone(), key.to_owned(), bare.to_owned()));
        }
    }
    found
}

#[test]
fn the_example_names_every_key_and_no_other() {
    let mut in_example: Vec<String> = example_keys()
        .iter()
        .filter(|(section, _, _)| section != "agent.connections")
        .map(|(section, key, _)| format!("{section}.{key}"))
        .collect();
    in_example.push("agent.connections".into());
    in_example.sort();
    let mut known = keys();
    known.sort();
    assert_eq!(in_example, known);
    assert!(EXAMPLE.contains("#[[agent.connections]]"));
}

#[test]
fn the_example_as_it_stands_is_the_defaults() {
    let nothing = given("", &[]).server();
    assert_eq!(
        format!("{:?}", given(EXAMPLE, &[]).server()),
        format!("{nothing:?}")
    );
    assert_eq!(format!("{nothing:?}"), format!("{:?}", Config::default()));
}

#[test]
fn every_default_in_the_example_is_the_true_one() {
    let needed = [
        (
            "BACKEND_WEBSOCKET_URI",
            "wss://custard.example.com/api/v1/connections/ws/7",
        ),
        ("CUSTARD_AGENT_KEY", "k"),
        ("DB_HOST", "h"),
        ("DB_NAME", "n"),
        ("DB_USER", "u"),
    ];
    let model = [("OPENAI_API_KEY", "k")];
    let server = format!("{:?}", given("", &model).server());
    let agent = format!("{:?}", given("", &needed).agent());
    for (section, key, line) in example_keys() {
        let name = format!("{section}.{key}");
        if section == "agent.connections" || WITHOUT_DEFAULT.contains(&name.as_str()) {
            continue;
        }
        let file = format!("[{section}]\n{line}\n");
        assert_eq!(format!("{:?}", given(&file, &model).server()), server, "{line}");
        assert_eq!(format!("{:?}", given(&file, &needed).agent()), agent, "{line}");
    }
}

#[test]
fn later_layers_go_first() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\ndata_dir = \"from-file\"\n[log]\nformat = \"json\"\n";
    let env = [
        ("CUSTARD_SERVER_LISTEN", "127.0.0.1:2"),
        ("CUSTARD_QUERY_TIME", "5m"),
        ("CUSTARD_FILES_MAX_UPLOAD", "2 GiB"),
        ("CUSTARD_FILES_IMPORTS_AT_ONCE", "3"),
        ("CUSTARD_LOG_FILTER", ""),
    ];
    let given = given(file, &env);
    let config = given.server();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.server.data_dir, Path::new("from-file"));
    assert_eq!(config.query.time, Duration::from_secs(300));
    assert_eq!(config.files.max_upload_bytes, 2 << 30);
    assert_eq!(config.files.imports_at_once, 3);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(
        config.log.filter, "info,actix_server=warn",
        "set but empty is not set"
    );

    let flags = ServerFlags {
        listen: Some("127.0.0.1:3".parse().unwrap()),
        ..ServerFlags::default()
    };
    let config = Config::load(&given.inputs(), flags).unwrap();
    assert_eq!(config.server.listen.port(), 3);
}

#[test]
fn a_mistake_in_the_file_is_answered_with_its_line_and_the_nearest_key() {
    for (file, answer) in [
        (
            "[server]\n\nlistenn = \"127.0.0.1:1\"\n",
            "config.toml line 3: unknown key `listenn` in [server]; did you mean `listen`?",
        ),
        (
            "# first\n[servr]\nlisten = \"127.0.0.1:1\"\n",
            "config.toml line 2: unknown section [servr]; did you mean [server]?",
        ),
        (
            "listen = \"127.0.0.1:1\"\n",
            "config.toml line 1: unknown key `listen` outside of any section; config.example.toml explains all \
             of them.",
        ),
        (
            "[server]\nlisten = 8080\n",
            "config.toml line 2: `listen` in [server] has to be an address and a port, such as 127.0.0.1:8080 or \
             [::]:8080.",
        ),
        (
            "[query]\nmax_rows = \"many\"\n",
            "config.toml line 2: `max_rows` in [query] has to be a whole number, 1 or more.",
        ),
        (
            "[query]\ntime = 60\n",
            "config.toml line 2: `time` in [query] has to be a time such as \"500ms\", \"60s\", \"5m\", \"2h\" or \
             \"1d\", and more than 0.",
        ),
        (
            "[log]\nfilter = \"inof\"\n",
            "config.toml line 2: `filter` in [log] has to be a log level such as \"info\", perhaps per module: \
             \"info,clean_custard=debug\".",
        ),
        (
            "server = 1\n",
            "config.toml line 1: `server` has to be a section, written [server].",
        ),
        (
            "[agent]\nkey = \"a\"\nkey_file = \"b\"\n",
            "config.toml: [agent] sets both `key` and `key_file`; keep one of them.",
        ),
        (
            "[[agent.connections]]\nkey = \"a\"\nsource = \"postgres://x\"\n",
            "config.toml line 3: unknown key `source` in [[agent.connections]]; config.example.toml explains all \
             of them.",
        ),
        (
            "[server]\nsecret_key = \"short\"\n",
            "The secret key (server.secret_key, SECRET_KEY) has to have at least 32 characters; `openssl rand \
             -hex 32` makes a good one.",
        ),
    ] {
        assert_eq!(given(file, &[]).server_error(), answer, "{file}");
    }
    let broken = given("[server]\nlisten = \n", &[]).server_error();
    assert!(broken.starts_with("config.toml line 2: "), "{broken}");
}

#[test]
fn a_mistake_in_the_environment_is_answered_too() {
    for (name, value, answer) in [
        (
            "CUSTARD_SERVER_LISTENN",
            "x",
            "The variable CUSTARD_SERVER_LISTENN is not known; did you mean CUSTARD_SERVER_LISTEN?",
        ),
        (
            "CUSTARD_SERVR_LISTEN",
            "x",
            "The variable CUSTARD_SERVR_LISTEN is not known; did you mean CUSTARD_SERVER_LISTEN?",
        ),
        (
            "CUSTARD_QUERY_SOMETHING_ELSE",
            "x",
            "The variable CUSTARD_QUERY_SOMETHING_ELSE is not known; config.example.toml explains all of them.",
        ),
        (
            "CUSTARD_AGENT_CONNECTIONS",
            "x",
            "The variable CUSTARD_AGENT_CONNECTIONS is not known; did you mean CUSTARD_AGENT_CONNECTION?",
        ),
        (
            "CUSTARD_FILES_MAX_UPLOAD",
            "big",
            "The variable CUSTARD_FILES_MAX_UPLOAD has to be a size such as \"512 MB\", \"1 GiB\" or a number of \
             bytes, and more than 0.",
        ),
        (
            "DATABASE_URL",
            "mysql://user:secret@host/db",
            "The server's own database (database.url, DATABASE_URL, --database-url) has to begin with postgres:// \
             or postgresql://; leave it out to use SQLite in the data directory.",
        ),
    ] {
        assert_eq!(given("", &[(name, value)]).server_error(), answer);
    }
    // Not ours: a script's own, and what a container platform makes of a service called `custard-server`.
    given(
        "",
        &[
            ("CUSTARD_HOME", "/opt"),
            ("CUSTARD_SOURCE", "postgres://localhost/shop"),
            ("CUSTARD_BIN", "/usr/bin/clean-custard"),
            ("CUSTARD_SERVER_PORT", "tcp://10.0.0.1:80"),
            ("CUSTARD_SERVER_SERVICE_HOST", "10.0.0.1"),
        ],
    )
    .server();
}

#[test]
fn a_key_alone_means_openai_and_an_own_endpoint_needs_a_model() {
    assert!(given("", &[]).server().llm.is_none());

    let llm = given("", &[("OPENAI_API_KEY", "k")]).server().llm.unwrap();
    assert_eq!(llm.base_url, "https://api.openai.com/v1");
    assert!(!llm.model.is_empty());

    let local = "[llm]\nbase_url = \"http://localhost:11434/v1/\"\nmodel = \"qwen3\"\n";
    let llm = given(local, &[]).server().llm.unwrap();
    assert_eq!(
        (llm.base_url.as_str(), llm.model.as_str()),
        ("http://localhost:11434/v1", "qwen3")
    );
    assert!(llm.api_key.is_none());

    assert!(
        given("", &[("OPENAI_BASE_URL", "http://localhost:1/v1")])
            .server_error()
            .contains("OPENAI_MODEL")
    );
    assert!(
        given("", &[("OPENAI_MODEL", "m")])
            .server_error()
            .contains("OPENAI_API_KEY")
    );
    let off = given("[llm]\nenabled = false\n", &[("OPENAI_API_KEY", "k")]);
    assert!(off.server().llm.is_none());
}

#[test]
fn secrets_come_from_files_too_and_are_never_printed() {
    let file = "[llm]\napi_key_file = \"/run/secrets/key\"\n[database]\nurl = \"postgres://u:hunter2@h/d\"\n";
    let config = given(file, &[("SECRET_KEY", "0123456789abcdef0123456789abcdef")]).server();
    let key = config.llm.as_ref().unwrap().api_key.as_ref().unwrap();
    assert_eq!(key.expose_secret(), "key-from-a-file");
    let printed = format!("{config:?}");
    for secret in ["key-from-a-file", "hunter2", "0123456789abcdef"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert_eq!(
        given("[llm]\napi_key_file = \"/nowhere\"\n", &[]).server_error(),
        "The file /nowhere named by `api_key_file` in [llm] could not be read: entity not found."
    );
}

const PLAIN_AGENT: [(&str, &str); 8] = [
    (
        "BACKEND_WEBSOCKET_URI",
        "wss://custard.example.com/api/v1/connections/ws/42",
    ),
    ("CUSTARD_AGENT_KEY", "agent-key"),
    ("DB_HOST", "db.internal"),
    ("DB_PORT", "5433"),
    ("DB_NAME", "shop"),
    ("DB_USER", "re@der"),
    ("DB_PASSWORD", "p/w #1"),
    ("DB_SSLMODE", "require"),
];

#[test]
fn an_agent_needs_only_the_plain_variables() {
    let config = given("", &PLAIN_AGENT).agent();
    let [connection] = config.connections.as_slice() else {
        panic!("one connection, not {:?}", config.connections);
    };
    assert_eq!(
        connection.websocket_url,
        "wss://custard.example.com/api/v1/connections/ws/42"
    );
    assert_eq!(connection.key.expose_secret(), "agent-key");
    let AgentDatabase::Parts(parts) = &connection.database else {
        panic!("single values, not {:?}", connection.database);
    };
    assert_eq!(
        (parts.host.as_deref(), parts.port, parts.name.as_deref()),
        (Some("db.internal"), Some(5433), Some("shop"))
    );
    assert_eq!(
        (parts.user.as_deref(), parts.sslmode.as_deref()),
        (Some("re@der"), Some("require"))
    );
    let password = parts.password.as_ref().map(|password| password.expose_secret());
    assert_eq!(password, Some("p/w #1"));
    let printed = format!("{config:?}");
    assert!(
        !printed.contains("agent-key") && !printed.contains("p/w"),
        "{printed}"
    );

    let mut contradicting = PLAIN_AGENT.to_vec();
    contradicting.push(("CONNECTION_ID", "43"));
    let error = given("", &contradicting).agent_error();
    assert!(error.contains("43") && error.contains("42"), "{error}");
}

#[test]
fn an_agent_says_what_it_lacks() {
    let mut env = Vec::new();
    for (lacks, then) in [
        (
            "--server",
            (
                "CUSTARD_AGENT_SERVERS",
                "https://a.example, http://localhost:8080",
            ),
        ),
        ("CUSTARD_AGENT_KEY", ("CUSTARD_AGENT_KEY", "k")),
        ("--source-file", ("DB_HOST", "::1")),
        ("DB_NAME", ("DB_NAME", "shop")),
        ("--connection", ("CONNECTION_ID", "7")),
    ] {
        let error = given("", &env).agent_error();
        assert!(error.contains(lacks), "{lacks}: {error}");
        env.push(then);
    }
    let config = given("", &env).agent();
    let urls: Vec<&str> = config
        .connections
        .iter()
        .map(|one| one.websocket_url.as_str())
        .collect();
    assert_eq!(
        urls,
        [
            "wss://a.example/api/v1/connections/ws/7",
            "ws://localhost:8080/api/v1/connections/ws/7"
        ]
    );
}

#[test]
fn an_agent_keeps_its_key_off_open_networks() {
    let mut env = PLAIN_AGENT.to_vec();
    env[0].1 = "ws://custard.example.com/api/v1/connections/ws/42";
    let error = given("", &env).agent_error();
    assert!(error.contains("not encrypted"), "{error}");
    env.push(("CUSTARD_AGENT_ALLOW_INSECURE", "true"));
    assert!(given("", &env).agent().allow_insecure);
}

#[test]
fn an_agent_may_serve_several_connections() {
    let file = "[agent]\nservers = [\"https://a.example/custard/\"]\n\
                [[agent.connections]]\nconnection = \"1\"\nkey_file = \"/run/secrets/key\"\nsource_url = \"postgres://one\"\n\
                [[agent.connections]]\nservers = [\"wss://b.example/api/v1/connections/ws/2\"]\nkey = \"k2\"\n\
                source_url = \"postgres://two\"\n";
    let config = given(file, &[]).agent();
    let urls: Vec<&str> = config
        .connections
        .iter()
        .map(|one| one.websocket_url.as_str())
        .collect();
    assert_eq!(
        urls,
        [
            "wss://a.example/custard/api/v1/connections/ws/1",
            "wss://b.example/api/v1/connections/ws/2"
        ]
    );
    assert_eq!(config.connections[0].key.expose_secret(), "key-from-a-file");
    let error = given(file, &[("CUSTARD_AGENT_KEY", "k")]).agent_error();
    assert!(error.contains("[[agent.connections]]"), "{error}");
    let incomplete = "[agent]\n\n[[agent.connections]]\nkey = \"k\"\n";
    assert_eq!(
        given(incomplete, &[]).agent_error(),
        "config.toml line 3: [[agent.connections]] needs a key (or key_file) and a source_url (or source_url_file)."
    );
}
