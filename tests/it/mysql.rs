//! MySQL and MariaDB as a source, against a real MariaDB: the suite, each read-only layer alone, values that
//! are none, TLS, restarts, and the guard's dialect and lists against the server.

use std::sync::Arc;

use clean_custard::catalog::{Catalog, ColumnKind};
use clean_custard::error::{Error, SourceFault};
use clean_custard::guard::{self, functions};
use clean_custard::rows::columns;
use clean_custard::source::{Dialect, Limits, Source, connect};
use serde_json::{Value, json};

use crate::support::conformance::mysql::{SCRIPT, words};
use crate::support::conformance::{self, suite, values};
use crate::support::mysql::{READER, Server, database};

fn source(url: &str) -> Arc<dyn Source> {
    connect(url).expect("a URL of the test server")
}

async fn query(source: &dyn Source, text: &str) -> Result<Vec<Vec<Value>>, Error> {
    values(source.run(text, &Limits::default()).await?).await
}

async fn full(source: &dyn Source, text: &str) -> (Vec<String>, Vec<Vec<Value>>) {
    let rows = source.run(text, &Limits::default()).await.expect("it runs");
    let names = columns(&rows.schema)
        .into_iter()
        .map(|column| format!("{} {}", column.name, column.type_name))
        .collect();
    (names, values(rows).await.expect("rows"))
}

#[tokio::test]
async fn it_conforms() {
    let database = database(SCRIPT);
    suite(source(&database.url()), &words(), &database).await;
}

/// The user may do everything here, so it is the protocol and the transaction that hold.
#[tokio::test]
async fn an_administrator_writes_nothing() {
    let database = database(SCRIPT);
    conformance::writes(&*source(&database.admin_url()), &words(), &database).await;
}

#[tokio::test]
async fn the_role_is_reported() {
    let database = database("CREATE TABLE t (a int);");
    let reader = source(&database.url()).check().await.unwrap();
    assert_eq!(reader.role_warnings, Vec::<String>::new());
    let admin = source(&database.admin_url()).check().await.unwrap();
    assert!(admin.role_warnings[0].contains("everything"), "{admin:?}");
}

#[tokio::test]
async fn types_are_described_with_their_labels_and_values() {
    let database = database(
        "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, mood enum('calm','it''s wild'), yes boolean, on_off bit(1),
           city varchar(20), note text, doc json, at datetime, since year, n decimal(30,3) unsigned, twice int AS (id * 2));
         INSERT INTO t (city, note) VALUES ('Bern', 'x'), ('Oslo', 'y'), ('Bern', 'z');
         CREATE TABLE pair (a int, b int, c varchar(300), PRIMARY KEY (a, b), UNIQUE (b, a), UNIQUE (c(10)),
           FOREIGN KEY (a) REFERENCES t (id));",
    );
    let catalog = source(&database.url()).catalog().await.unwrap();
    let table = catalog.table(None, "t").unwrap();
    let kind = |name: &str| table.column(name).unwrap().kind;
    for (name, expected) in [
        ("id", ColumnKind::Integer),
        ("yes", ColumnKind::Boolean),
        ("on_off", ColumnKind::Boolean),
        ("doc", ColumnKind::Json),
        ("at", ColumnKind::Timestamp),
        ("since", ColumnKind::Integer),
        ("n", ColumnKind::Decimal),
        ("twice", ColumnKind::Integer),
    ] {
        assert_eq!(kind(name), expected, "{name}");
    }
    assert_eq!(table.column("mood").unwrap().values, ["calm", "it's wild"]);
    let city = table.column("city").unwrap();
    assert_eq!(
        (city.values.as_slice(), city.values_complete),
        (&["Bern".to_owned(), "Oslo".into()][..], true)
    );
    assert_eq!(table.column("note").unwrap().values, Vec::<String>::new());
    let pair = catalog.table(None, "pair").unwrap();
    assert_eq!(pair.primary_key, ["a", "b"]);
    assert_eq!(pair.unique, [["b", "a"]], "the beginning of a text is no key");
    assert_eq!(pair.foreign_keys[0].table, "t");
}

/// Without a database in the URL, every database the user may see is the source.
#[tokio::test]
async fn several_databases_are_told_apart() {
    let first = database("CREATE TABLE only_here (a int); INSERT INTO only_here VALUES (7);");
    let second = database("CREATE TABLE only_there (a int);");
    let url = first.url();
    let url = url.rsplit_once('/').unwrap().0;
    let source = source(url);
    let catalog = source.catalog().await.unwrap();
    for (schema, name) in [(&first.name, "only_here"), (&second.name, "only_there")] {
        assert!(
            catalog.table(Some(schema.as_str()), name).is_some(),
            "{schema}.{name}"
        );
    }
    let resolved = guard::check("SELECT a FROM only_here", &catalog, Dialect::Mysql).unwrap();
    assert_eq!(resolved.text, format!("SELECT a FROM {}.only_here", first.name));
    assert_eq!(query(&*source, &resolved.text).await.unwrap(), [[json!(7)]]);
}

#[tokio::test]
async fn dates_that_are_none_come_as_text() {
    let database = database(
        "SET sql_mode = ''; CREATE TABLE t (id int PRIMARY KEY, d date, at datetime);
         INSERT INTO t VALUES (1, '0000-00-00', '0000-00-00 00:00:00'), (2, '2024-00-15', '2024-02-29 13:45:00');",
    );
    let source = source(&database.url());
    let (names, rows) = full(&*source, "SELECT d, at FROM t ORDER BY id").await;
    assert_eq!(names, ["d date", "at timestamp"]);
    assert_eq!(rows[0][0], json!("0000-00-00"));
    assert_eq!(rows[1], [json!("2024-00-15"), json!("2024-02-29 13:45:00")]);
}

/// MySQL reads a text as a number where it can and only warns where it cannot; a cut GROUP_CONCAT is one, too.
#[tokio::test]
async fn a_bent_value_is_an_error_and_a_division_by_zero_null() {
    let database =
        database("CREATE TABLE t (name varchar(20), n int); INSERT INTO t VALUES ('Ada', 1), ('2', 0);");
    let source = source(&database.url());
    for text in ["SELECT name FROM t WHERE name = 0", "SELECT sum(name) FROM t"] {
        let error = query(&*source, text).await.unwrap_err();
        assert!(
            matches!(&error, Error::Source { kind: SourceFault::Type, message } if message.contains("bend")),
            "{text}: {error:?}"
        );
    }
    assert_eq!(
        query(&*source, "SELECT 1 / n AS x FROM t ORDER BY n")
            .await
            .unwrap(),
        [[Value::Null], [json!("1.0000")]]
    );
}

#[tokio::test]
async fn backslashes_and_quotes_mean_what_they_say() {
    let database = database(
        "CREATE TABLE t (x varchar(50)); INSERT INTO t VALUES ('a\\\\b''c'), ('50%'), ('50 cents');",
    );
    let source = source(&database.url());
    let catalog = source.catalog().await.unwrap();
    for (text, expected) in [
        (r"SELECT x FROM t WHERE x = 'a\\b''c'", json!("a\\b'c")),
        (r"SELECT x FROM t WHERE x = 'a\\b\'c'", json!("a\\b'c")),
        (r"SELECT x FROM t WHERE x LIKE '50\%'", json!("50%")),
    ] {
        // As the server checks it, and the agent once more.
        let once = guard::check(text, &catalog, Dialect::Mysql).unwrap().text;
        let twice = guard::check(&once, &catalog, Dialect::Mysql).unwrap().text;
        assert_eq!(once, twice);
        assert_eq!(
            query(&*source, &twice).await.unwrap(),
            [[expected]],
            "{text} as {twice}"
        );
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_said_in_a_sentence() {
    let database = database("CREATE TABLE t (a int);");
    let wrong = database.url_of(READER, "wrong");
    let refused = "mysql://ann:secret@127.0.0.1:1/shop".to_owned();
    for url in [wrong, refused] {
        let error = source(&url).check().await.unwrap_err();
        let Error::Source { kind, message } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(*kind, SourceFault::Unreachable);
        assert!(message.ends_with('.') && !message.contains("secret"), "{message}");
    }
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let mut server = Server::start(&[]);
    let url = server
        .database("CREATE TABLE t (a int); INSERT INTO t VALUES (1);")
        .url();
    let source = source(&url);
    assert_eq!(query(&*source, "SELECT a FROM t").await.unwrap(), [[json!(1)]]);
    server.down();
    let error = query(&*source, "SELECT a FROM t").await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Source {
                kind: SourceFault::Unreachable,
                ..
            }
        ),
        "{error:?}"
    );
    server.up();
    assert_eq!(query(&*source, "SELECT a FROM t").await.unwrap(), [[json!(1)]]);
}

#[tokio::test]
async fn tls_modes_do_what_they_promise() {
    let mut server = Server::start(&[]);
    let url = server.database("CREATE TABLE t (a int);").url();
    let of = |mode: &str| source(&format!("{url}?sslmode={mode}"));
    // Without certificates the server offers none.
    assert!(of("prefer").check().await.is_ok());
    let error = of("require").check().await.unwrap_err();
    assert!(error.to_string().contains("TLS"), "{error}");
    server.down();
    let authority = || {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        (pem, rcgen::Issuer::new(params, key))
    };
    let dir = server.dir().to_owned();
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (trusted, issuer) = authority();
    let (stranger, _) = authority();
    let (trusted, stranger) = (write("ca.pem", &trusted), write("stranger.pem", &stranger));
    let key = rcgen::KeyPair::generate().unwrap();
    let key_file = write("key.pem", &key.serialize_pem());
    let certificate = |host: &str| {
        rcgen::CertificateParams::new(vec![host.to_owned()])
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap()
            .pem()
    };
    let certificate_file = write("cert.pem", &certificate("127.0.0.1"));
    server.set(format!("--ssl-cert={certificate_file}"));
    server.set(format!("--ssl-key={key_file}"));
    server.up();
    for (mode, works) in [
        ("disable".to_owned(), true),
        ("prefer".to_owned(), true),
        ("require".to_owned(), true),
        (format!("verify-full&sslrootcert={trusted}"), true),
        (format!("verify-full&sslrootcert={stranger}"), false),
        ("verify-full".to_owned(), false),
    ] {
        let health = of(&mode).check().await;
        assert_eq!(health.is_ok(), works, "{mode}: {health:?}");
    }
    let cipher = "SELECT VARIABLE_VALUE <> '' FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'";
    for (mode, is_encrypted) in [("disable", 0), ("prefer", 1), ("require", 1)] {
        assert_eq!(
            query(&*of(mode), cipher).await.unwrap(),
            [[json!(is_encrypted)]],
            "{mode}"
        );
    }
    // A user who is known by a certificate.
    server.down();
    server.set(format!("--ssl-ca={trusted}"));
    server.up();
    let own_key = rcgen::KeyPair::generate().unwrap();
    let mut own = rcgen::CertificateParams::new(vec!["client".to_owned()]).unwrap();
    // By default everybody is called the same, and OpenSSL takes that for self-signed.
    own.distinguished_name.push(rcgen::DnType::CommonName, "client");
    let own = own.signed_by(&own_key, &issuer).unwrap().pem();
    let (own, own_key) = (
        write("own.pem", &own),
        write("own-key.pem", &own_key.serialize_pem()),
    );
    let database = server.database("CREATE TABLE t (a int);");
    database.mysql(&format!(
        "CREATE USER certified@'%' IDENTIFIED BY 'certified-secret' REQUIRE X509;
         GRANT SELECT ON {}.* TO certified@'%';",
        database.name
    ));
    let certified = database.url_of("certified", "certified-secret");
    for mode in ["require".to_owned(), format!("verify-full&sslrootcert={trusted}")] {
        let shown = source(&format!(
            "{certified}?sslmode={mode}&sslcert={own}&sslkey={own_key}"
        ));
        assert_eq!(
            query(&*shown, "SELECT count(*) FROM t").await.unwrap(),
            [[json!(0)]],
            "{mode}"
        );
        assert!(
            source(&format!("{certified}?sslmode={mode}"))
                .check()
                .await
                .is_err(),
            "{mode}"
        );
    }
    assert!(
        connect(&format!("{certified}?sslcert={own}")).is_err(),
        "half of it"
    );
    // A certificate that was made for another host.
    server.down();
    write("cert.pem", &certificate("db.test"));
    server.up();
    assert!(of("require").check().await.is_ok());
    let full = format!("verify-full&sslrootcert={trusted}");
    assert!(of(&full).check().await.is_err());
    assert!(
        connect(&format!("{url}?sslmode=verify-ca")).is_err(),
        "refused, not weakened"
    );
}

/// A name that the guard knows and this server does not, stored by somebody: a bare call would run it.
#[tokio::test]
async fn a_stored_function_is_not_called_for_one_of_the_servers() {
    let database = database(
        "CREATE TABLE t (a int); INSERT INTO t VALUES (5);
         CREATE FUNCTION any_value(x int) RETURNS int DETERMINISTIC RETURN 7;",
    );
    let source = source(&database.admin_url());
    let error = query(&*source, "SELECT any_value(a) FROM t").await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused(text) if text.contains("any_value")),
        "{error:?}"
    );
    assert_eq!(
        query(&*source, "SELECT max(a) FROM t").await.unwrap(),
        [[json!(5)]]
    );
}

/// The statement in the documentation makes a user that is not warned about and can answer.
#[tokio::test]
async fn the_documented_user_is_enough() {
    let database = database("CREATE TABLE t (a int); INSERT INTO t VALUES (5);");
    let docs = include_str!("../../README.md");
    let grants: Vec<String> = docs
        .lines()
        .map(str::trim)
        .filter(|line| line.contains("@'%'") && line.ends_with(';'))
        .map(|line| {
            line.replace("shop", &database.name)
                .replace("custard_ro", "documented")
        })
        .collect();
    assert_eq!(grants.len(), 2, "CREATE USER and GRANT: {grants:?}");
    database.mysql(&grants.join("\n").replace("'…'", "'documented-password'"));
    let source = source(&database.url_of("documented", "documented-password"));
    assert_eq!(source.check().await.unwrap().role_warnings, Vec::<String>::new());
    assert_eq!(query(&*source, "SELECT a FROM t").await.unwrap(), [[json!(5)]]);
    database.mysql("DROP USER documented@'%'");
}

/// Every function of the guard's list is one that this server has, or that only MySQL has.
#[tokio::test]
async fn every_allowed_function_exists() {
    // The last has a form of its own.
    const NOT_TRIED: [&str; 3] = ["any_value", "regexp_like", "position"];
    let database = database("CREATE TABLE t (x int); INSERT INTO t VALUES (1);");
    let source = source(&database.url());
    for name in functions::allowed(Dialect::Mysql).filter(|name| !NOT_TRIED.contains(name)) {
        let calls = [
            format!("SELECT {name}(x) FROM t"),
            format!("SELECT {name}() FROM t"),
            format!("SELECT {name}(x, x, x, x, x, x) FROM t"),
            format!("SELECT {name}() OVER (ORDER BY x) FROM t"),
            format!("SELECT {name}(DAY, x, x) FROM t"),
            format!("SELECT {name}(x, INTERVAL 1 DAY) FROM t"),
            format!("SELECT {name}(x) OVER (ORDER BY x) FROM t"),
            format!("SELECT {name}(x, x) FROM t"),
            format!("SELECT {name}(x, x) OVER (ORDER BY x) FROM t"),
            format!("SELECT {name}(x) OVER () FROM t"),
            format!("SELECT {name}(0.5) WITHIN GROUP (ORDER BY x) OVER () FROM t"),
            format!("SELECT {name}('x', 'y', 'z') FROM t"),
        ];
        let mut said = Vec::new();
        for call in &calls {
            match query(&*source, call).await {
                Ok(_) => {}
                Err(error) => said.push(error.to_string()),
            }
        }
        let is_known = said.len() < calls.len()
            || said
                .iter()
                .any(|words| !words.contains("does not exist") && !words.contains("syntax"));
        assert!(is_known, "{name}: {said:?}");
    }
}

fn shop() -> Catalog {
    let column = |name: &str| clean_custard::catalog::Column {
        name: name.into(),
        ..Default::default()
    };
    let table = |name: &str, columns: &[&str]| clean_custard::catalog::Table {
        name: name.into(),
        columns: columns.iter().map(|name| column(name)).collect(),
        ..Default::default()
    };
    Catalog {
        tables: vec![
            table("people", &["id", "name", "born"]),
            table("visits", &["id", "person_id", "Spent On", "at"]),
        ],
    }
}

#[test]
fn the_guard_reads_mysql_and_spells_names_as_they_are() {
    for (text, out) in [
        ("SELECT NAME FROM People", "SELECT `name` FROM `people`"),
        (
            "SELECT `spent on` FROM visits v",
            "SELECT `Spent On` FROM visits v",
        ),
        (
            "SELECT name FROM people LIMIT 5, 10",
            "SELECT name FROM people LIMIT 10 OFFSET 5",
        ),
        (
            "SELECT DATE_FORMAT(at, '%Y-%m-01') AS m, SUM(`Spent On`) AS s FROM visits GROUP BY m HAVING s > 5 ORDER BY m",
            "SELECT DATE_FORMAT(at, '%Y-%m-01') AS m, SUM(`Spent On`) AS s FROM visits GROUP BY m HAVING s > 5 ORDER BY m",
        ),
        (
            "SELECT TIMESTAMPDIFF(MONTH, at, CURRENT_DATE) FROM visits WHERE at >= CURRENT_DATE - INTERVAL 3 MONTH",
            "SELECT TIMESTAMPDIFF(MONTH, at, CURRENT_DATE) FROM visits WHERE at >= CURRENT_DATE - INTERVAL 3 MONTH",
        ),
        (
            "SELECT GROUP_CONCAT(DISTINCT name ORDER BY name SEPARATOR ', ') FROM people",
            "SELECT GROUP_CONCAT(DISTINCT name ORDER BY name SEPARATOR ', ') FROM people",
        ),
        (
            "SELECT id DIV 2 FROM people WHERE name REGEXP '^A'",
            "SELECT id DIV 2 FROM people WHERE name REGEXP '^A'",
        ),
        ("SELECT 1 # a comment\n", "SELECT 1"),
        (
            "SELECT id FROM people WHERE name <=> NULL",
            "SELECT id FROM people WHERE name <=> NULL",
        ),
        (
            "SELECT CAST(id AS UNSIGNED) FROM people",
            "SELECT CAST(id AS UNSIGNED) FROM people",
        ),
    ] {
        let resolved = guard::check(text, &shop(), Dialect::Mysql).expect(text);
        assert_eq!(resolved.text, out);
        let again =
            guard::check(&resolved.text, &shop(), Dialect::Mysql).expect("what came out goes in again");
        assert_eq!(again.text, out);
    }
}

#[test]
fn the_guard_refuses_what_mysql_could_do_beside_reading() {
    for text in [
        "SELECT name FROM people INTO OUTFILE '/tmp/x'",
        "SELECT name INTO OUTFILE '/tmp/x' FROM people",
        "SELECT name INTO DUMPFILE '/tmp/x' FROM people",
        "SELECT name INTO @x FROM people",
        "SELECT LOAD_FILE('/etc/passwd')",
        "SELECT load_file (0x2f6574632f706173737764)",
        "SELECT SLEEP(10)",
        "SELECT `sleep`(10)",
        "SELECT BENCHMARK(1000000, MD5('x'))",
        "SELECT GET_LOCK('x', 10)",
        "SELECT RELEASE_ALL_LOCKS()",
        "SELECT @a := 1",
        "SELECT @a",
        "SELECT @@version",
        "SELECT @@global.max_connections",
        "SELECT name FROM people FOR UPDATE",
        "SELECT name FROM people LOCK IN SHARE MODE",
        "SELECT /*!50000 1 */",
        "SELECT /*M! 1 */",
        "SELECT 1 /*! INTO OUTFILE '/tmp/x' */",
        "SELECT /*+ SET_VAR(max_execution_time = 0) */ 1",
        "SELECT * FROM mysql.user",
        "SELECT * FROM information_schema.TABLES",
        "SELECT * FROM performance_schema.threads",
        "SELECT * FROM sys.version",
        "SELECT name FROM people UNION SELECT Password FROM mysql.user",
        "SELECT 1; DROP TABLE people",
        "HANDLER people OPEN",
        "DO SLEEP(5)",
        "CALL nothing()",
        "SHOW TABLES",
        "SET @a = 1",
        "TABLE people",
        "SELECT name FROM people PROCEDURE ANALYSE()",
        "SELECT NEXTVAL(s)",
        "SELECT LAST_INSERT_ID(5)",
        "SELECT UPDATEXML(1, CONCAT(0x7e, (SELECT 1)), 1)",
        "SELECT a FROM people PARTITION (p0)",
        "SELECT \"name\" FROM people",
        "SELECT name || 'x' FROM people",
        "SELECT p.name FROM people p FULL JOIN visits v ON v.person_id = p.id",
        "SELECT name FROM people WHERE id = ?",
        "SELECT _utf8mb4'x'",
        "WITH gone AS (DELETE FROM people RETURNING id) SELECT * FROM gone",
    ] {
        match guard::check(text, &shop(), Dialect::Mysql) {
            Err(Error::Refused(message) | Error::Source { message, .. }) => {
                assert!(message.ends_with(['.', '?']), "not a sentence: {message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}
