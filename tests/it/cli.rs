//! The commands as people type them: output, exit status, and what goes to standard error.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::postgres;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clean-custard"));
    for name in [
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_MODEL",
        "DATABASE_URL",
        "SECRET_KEY",
    ] {
        command.env_remove(name);
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    program()
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

fn with_input(arguments: &[&str], input: &str) -> Output {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn sales(folder: &Path) -> String {
    let path = folder.join("sales.csv");
    std::fs::write(&path, "city,amount\nBerlin,10.50\nRome,20.25\nBerlin,5.25\n").unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn ask_prints_the_sentence_a_table_and_the_query() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["ask", "--file", &sales(folder.path()), "total amount by city"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = out(&output);
    for part in ["Berlin", "15.75", "20.25", "SELECT", "Read as:"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn ask_as_json_has_the_documented_shape() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&[
        "ask",
        "--format",
        "json",
        "--file",
        &sales(folder.path()),
        "how many sales",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let answer: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(answer["outcome"], "answered");
    assert_eq!(answer["rows"], json!([[3]]));
    for key in [
        "question",
        "answer",
        "interpretation",
        "translator",
        "dialect",
        "query",
        "columns",
        "row_count",
        "truncated",
        "attempts",
        "elapsed_ms",
        "sources",
        "options",
        "findings",
        "suggestions",
        "error",
    ] {
        assert!(answer.get(key).is_some(), "{key} is missing: {answer}");
    }
}

#[test]
fn ask_as_csv_prints_only_rows() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&[
        "ask",
        "--format",
        "csv",
        "--file",
        &sales(folder.path()),
        "total amount by city",
    ]);
    let text = out(&output);
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("Berlin,15.75"), "{text}");
}

#[test]
fn a_refusal_is_status_1_and_bad_usage_is_2() {
    let folder = tempfile::tempdir().unwrap();
    let refused = run(&[
        "ask",
        "--file",
        &sales(folder.path()),
        "what is the meaning of life",
    ]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(out(&refused).is_empty() && !err(&refused).is_empty());
    let missing = run(&["ask", "--file", "no-such-file.csv", "how many"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(err(&missing).contains("no-such-file.csv"));
    assert_eq!(run(&["ask", "how many"]).status.code(), Some(2));
    assert_eq!(run(&["ask", "--nonsense"]).status.code(), Some(2));
    assert_eq!(run(&["frobnicate"]).status.code(), Some(2));
}

#[test]
fn ask_and_eval_use_what_was_taught() {
    let folder = tempfile::tempdir().unwrap();
    let sales = sales(folder.path());
    let glossary = folder.path().join("teaching.yaml");
    let taught = "metrics:\n- name: takings\n  expression: sum(amount)\n  source: sales.csv\n\
                  - name: losses\n  expression: sum(loss)\n  source: elsewhere\n\
                  examples:\n- question: How is business?\n  query: SELECT MAX(amount) AS most FROM sales\n  sources: [sales.csv]\n";
    std::fs::write(&glossary, taught).unwrap();
    let file = glossary.to_str().unwrap();
    let ask = |question: &str| {
        run(&[
            "ask",
            "--file",
            &sales,
            "--glossary",
            file,
            "--format",
            "json",
            question,
        ])
    };
    let takings = ask("What are the takings?");
    assert!(takings.status.success(), "{}", err(&takings));
    let answer: Value = serde_json::from_str(&out(&takings)).unwrap();
    assert!(
        answer["interpretation"].as_str().unwrap().contains("glossary"),
        "{answer}"
    );
    let answer: Value = serde_json::from_str(&out(&ask("How is business?"))).unwrap();
    assert_eq!(answer["interpretation"], "as approved: How is business?");
    assert_eq!(ask("What are the losses?").status.code(), Some(1));

    let questions = folder.path().join("questions.csv");
    std::fs::write(
        &questions,
        "question,sql\nHow is business?,SELECT MAX(amount) FROM sales\n",
    )
    .unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(&sales, data.join("sales.csv")).unwrap();
    let arguments = [
        "eval",
        "--questions",
        questions.to_str().unwrap(),
        "--files",
        data.to_str().unwrap(),
    ];
    let (before, after) = (folder.path().join("a"), folder.path().join("b"));
    let (before, after) = (before.to_str().unwrap(), after.to_str().unwrap());
    let without = run(&[arguments.as_slice(), &["--out", before]].concat());
    assert!(without.status.success(), "{}", err(&without));
    let verdict = |name: &str| {
        let line = std::fs::read_to_string(folder.path().join(name)).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["verdict"].clone()
    };
    assert_eq!(verdict("a"), "refused");
    let with = run(&[arguments.as_slice(), &["--glossary", file, "--out", after]].concat());
    assert!(with.status.success(), "{}", err(&with));
    assert_eq!(verdict("b"), "right");

    std::fs::write(&glossary, "metrics:\n- nam: takings\n").unwrap();
    let wrong = ask("What are the takings?");
    assert!(!wrong.status.success());
    assert!(
        err(&wrong).contains("Line 2") && err(&wrong).contains("teaching.yaml"),
        "{}",
        err(&wrong)
    );
}

#[test]
fn ask_reads_a_database_and_warns_about_a_role_that_could_write() {
    let database = postgres::database(
        "CREATE TABLE orders (id int PRIMARY KEY, total numeric(10,2));
         INSERT INTO orders VALUES (1, 1.25), (2, 2.50);",
    );
    let ask = |url: &str| {
        program()
            .args(["ask", "--format", "json", "how many orders"])
            .env("CUSTARD_SOURCE", url)
            .output()
            .expect("the program runs")
    };
    let output = ask(&database.url());
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let answer: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(
        (&answer["rows"], &answer["dialect"]),
        (&json!([[2]]), &json!("postgresql"))
    );
    let loud = ask(&database.admin_url());
    assert_eq!(loud.status.code(), Some(0));
    assert!(err(&loud).contains("superuser"), "{}", err(&loud));
}

#[test]
fn users_are_added_listed_and_given_new_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let data = data.to_str().unwrap();
    let add = |email: &str, password: &str| {
        with_input(
            &[
                "user",
                "add",
                "--data-dir",
                data,
                "--email",
                email,
                "--password-stdin",
            ],
            password,
        )
    };
    let first = add("ada@example.com", "a long password\n");
    assert_eq!(first.status.code(), Some(0), "{}", err(&first));
    assert!(out(&first).contains("owner"), "{}", out(&first));
    assert!(out(&add("bob@example.com", "a long password")).contains("analyst"));
    let again = add("ADA@example.com", "a long password");
    assert_ne!(again.status.code(), Some(0));
    assert!(err(&again).contains("already"), "{}", err(&again));
    assert_ne!(add("eve@example.com", "short").status.code(), Some(0));
    let list = out(&run(&["user", "list", "--data-dir", data]));
    assert!(
        list.contains("ada@example.com") && list.contains("bob@example.com"),
        "{list}"
    );
    let reset = with_input(
        &[
            "user",
            "reset-password",
            "--data-dir",
            data,
            "--email",
            "ada@example.com",
            "--password-stdin",
        ],
        "another long password",
    );
    assert_eq!(reset.status.code(), Some(0), "{}", err(&reset));
    let nobody = with_input(
        &[
            "user",
            "reset-password",
            "--data-dir",
            data,
            "--email",
            "no@example.com",
            "--password-stdin",
        ],
        "another long password",
    );
    assert!(err(&nobody).contains("no account"), "{}", err(&nobody));
}

#[test]
fn the_server_says_what_is_wrong_with_its_surroundings() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let busy = run(&["server", "--listen", &address, "--data-dir", data]);
    assert_ne!(busy.status.code(), Some(0));
    assert!(err(&busy).contains("in use"), "{}", err(&busy));

    std::fs::write(folder.path().join("plain"), "").unwrap();
    let nested = folder.path().join("plain/data");
    let unwritable = run(&[
        "server",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        nested.to_str().unwrap(),
    ]);
    assert_ne!(unwritable.status.code(), Some(0));
    assert!(err(&unwritable).contains("--data-dir"), "{}", err(&unwritable));

    let config = folder.path().join("custard.toml");
    std::fs::write(&config, "[server]\nlistenn = \"127.0.0.1:0\"\n").unwrap();
    for command in ["server", "agent", "check"] {
        let wrong = run(&[command, "--config", config.to_str().unwrap()]);
        assert_eq!(wrong.status.code(), Some(2), "{command}: {}", err(&wrong));
        let message = err(&wrong);
        assert!(
            message.contains("line 2") && message.contains("`listen`"),
            "{command}: {message}"
        );
        let missing = run(&[command, "--config", "/nowhere/custard.toml"]);
        assert_eq!(missing.status.code(), Some(2), "{command}: {}", err(&missing));
    }
}

#[test]
fn a_store_from_the_future_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let data = data.to_str().unwrap();
    assert_eq!(run(&["user", "list", "--data-dir", data]).status.code(), Some(0));
    {
        use diesel::Connection;
        use diesel::connection::SimpleConnection;
        let mut store = diesel::SqliteConnection::establish(&format!("{data}/custard.db")).unwrap();
        store
            .batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')")
            .unwrap();
    }
    let newer = run(&["user", "list", "--data-dir", data]);
    assert_ne!(newer.status.code(), Some(0));
    assert!(err(&newer).contains("newer"), "{}", err(&newer));
}

#[test]
fn the_agent_as_a_service_is_shown_before_it_is_installed() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let key = file("key", "custard_agent_secret\n");
    let source = file("source", "postgres://reader:hush@localhost/shop\n");
    let given = [
        "agent",
        "--server",
        "https://custard.example.com",
        "--connection",
        "c1",
        "--key-file",
        &key,
        "--source-file",
        &source,
        "--install",
    ];
    let shown = run(&[&given[..], &["--print"]].concat());
    assert_eq!(shown.status.code(), Some(0), "{}", err(&shown));
    let text = out(&shown);
    for line in [
        "--key-file ${CREDENTIALS_DIRECTORY}/key --source-file ${CREDENTIALS_DIRECTORY}/source --server wss://custard.example.com/api/v1/connections/ws/c1",
        "LoadCredential=key:/etc/clean-custard-agent/key",
        "LoadCredential=source:/etc/clean-custard-agent/source",
        "Restart=always",
        "DynamicUser=yes",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
        "SystemCallFilter=@system-service",
        "SocketBindDeny=any",
        "systemctl daemon-reload",
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    assert!(
        !text.contains("hush") && !text.contains("custard_agent_secret"),
        "{text}"
    );

    // Settings of the environment come along, and secrets among them never stand in the unit.
    let mut with_settings = program();
    with_settings
        .args([&given[..], &["--print"]].concat())
        .env("CUSTARD_POLICY_MASK_KEY", "a-very-secret-mask-key")
        .env("HTTPS_PROXY", "http://ann:hidden@proxy.example.com:3128");
    let shown = with_settings.output().unwrap();
    assert_eq!(shown.status.code(), Some(0), "{}", err(&shown));
    let text = out(&shown);
    assert!(
        text.contains("EnvironmentFile=/etc/clean-custard-agent/environment"),
        "{text}"
    );
    assert!(!text.contains("mask-key") && !text.contains("hidden"), "{text}");

    // Several connections come from the file, with the secrets it names handed over by systemd.
    let listed = file(
        "agent.toml",
        &format!(
            "[[agent.connections]]\nservers = [\"https://a.example\"]\nconnection = \"c1\"\nkey_file = \"{key}\"\n\
             source_url_file = \"{source}\"\n"
        ),
    );
    let shown = run(&["agent", "--config", &listed, "--install", "--print"]);
    assert_eq!(shown.status.code(), Some(0), "{}", err(&shown));
    let text = out(&shown);
    assert!(
        text.contains("agent --config ${CREDENTIALS_DIRECTORY}/agent.toml\n"),
        "{text}"
    );
    assert!(
        text.contains(&format!(":{key}\n")) && text.contains(&format!(":{source}\n")),
        "{text}"
    );

    let incomplete = run(&[
        "agent",
        "--install",
        "--print",
        "--server",
        "https://custard.example.com",
    ]);
    assert_eq!(incomplete.status.code(), Some(2), "{}", err(&incomplete));
    assert_eq!(run(&["agent", "--print"]).status.code(), Some(2));
    // Where it could really be installed nobody wants a test to do it.
    let is_root = rustix::process::geteuid().is_root();
    if !(is_root && Path::new("/run/systemd/system").exists()) {
        let refused = run(&given);
        assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
        let reason = if is_root {
            "does not run systemd"
        } else {
            "Only root"
        };
        assert!(err(&refused).contains(reason), "{}", err(&refused));
    }
}

/// What systemd itself says of the unit: no complaint, and hardly anything left open.
#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let key = file("key", "custard_agent_secret\n");
    let source = file("source", "postgres://reader:hush@localhost/shop\n");
    let shown = run(&[
        "agent",
        "--server",
        "https://custard.example.com",
        "--connection",
        "c1",
        "--key-file",
        &key,
        "--source-file",
        &source,
        "--install",
        "--print",
    ]);
    // It is not installed here, so the unit starts the program where it is.
    let unit: String = out(&shown)
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| {
            line.replace(
                "/usr/local/bin/clean-custard",
                env!("CARGO_BIN_EXE_clean-custard"),
            ) + "\n"
        })
        .collect();
    assert!(unit.contains("ExecStart="), "{unit}");
    let path = file("clean-custard-agent.service", &unit);
    let analyze = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze")
            .args(arguments)
            .arg(&path)
            .output()
            .expect("The test needs systemd-analyze. Install it with: make setup-test");
        let words = format!("{}{}", out(&output), err(&output));
        (output.status.success(), words)
    };
    let (is_right, words) = analyze(&["verify", "--man=no"]);
    assert!(is_right && words.trim().is_empty(), "{words}");
    // In tenths; systemd 252 gives 1.2, where 10 is a door without a lock.
    let (is_closed, words) = analyze(&["security", "--offline=yes", "--threshold=15"]);
    assert!(is_closed, "{words}");
}
