//! Getting in: TLS modes by libpq's names, and the ways of showing a password.

use clean_custard::error::{Error, SourceFault};
use clean_custard::source::connect;
use serde_json::json;

use super::{query, source};
use crate::support::postgres::{Certificates, Cluster, READER};

const IS_ENCRYPTED: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// A server with a certificate for `db.test`, and these rules of who may come in.
fn encrypted(rules: &str) -> (Cluster, Certificates) {
    let mut cluster = Cluster::start(&[]);
    let certificates = cluster.make_certificates();
    cluster.down();
    cluster.set("ssl=on");
    cluster.set_rules(rules);
    cluster.up();
    (cluster, certificates)
}

async fn assert_modes(cluster: &Cluster, certificates: &Certificates, cases: &[(&str, Option<bool>)]) {
    let database = cluster.database("");
    // The certificate's name leads to the test's server.
    let named = database.url().replace("@127.0.0.1:", "@db.test:");
    for (parameters, expected) in cases {
        let parameters = parameters
            .replace("CA", &certificates.authority.display().to_string())
            .replace("OTHER", &certificates.stranger.display().to_string());
        let base = if parameters.contains("hostaddr") {
            &named
        } else {
            &database.url()
        };
        let found = query(&*source(&format!("{base}?{parameters}")), IS_ENCRYPTED).await;
        match expected {
            Some(encrypted) => assert_eq!(found.expect(&parameters), [[json!(encrypted)]], "{parameters}"),
            None => {
                let error = found.expect_err(&parameters);
                assert!(
                    matches!(
                        &error,
                        Error::Source {
                            kind: SourceFault::Unreachable,
                            ..
                        }
                    ),
                    "{parameters}: {error:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn tls_modes_mean_what_they_mean_to_libpq() {
    let (cluster, certificates) = encrypted("host all all 127.0.0.1/32 scram-sha-256");
    assert_modes(
        &cluster,
        &certificates,
        &[
            ("sslmode=disable", Some(false)),
            ("sslmode=allow", Some(false)),
            ("", Some(true)),
            ("sslmode=prefer", Some(true)),
            ("sslmode=require", Some(true)),
            // Nobody trusts the test's own authority.
            ("sslmode=verify-ca", None),
            ("sslmode=verify-full", None),
            ("sslmode=verify-ca&sslrootcert=CA", Some(true)),
            ("sslmode=verify-ca&sslrootcert=OTHER", None),
            // The certificate was made for another name.
            ("sslmode=verify-full&sslrootcert=CA", None),
            (
                "sslmode=verify-full&sslrootcert=CA&hostaddr=127.0.0.1",
                Some(true),
            ),
            ("sslmode=verify-full&sslrootcert=OTHER&hostaddr=127.0.0.1", None),
            ("sslmode=require&sslrootcert=OTHER", None),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_server_that_insists_on_tls_is_reached_unless_it_is_disabled() {
    let (cluster, certificates) = encrypted("hostssl all all 127.0.0.1/32 scram-sha-256");
    assert_modes(
        &cluster,
        &certificates,
        &[
            ("sslmode=disable", None),
            ("sslmode=allow", Some(true)),
            ("sslmode=prefer", Some(true)),
            ("sslmode=require", Some(true)),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_server_that_turns_tls_away_is_reached_unless_it_is_required() {
    let (cluster, certificates) = encrypted("hostnossl all all 127.0.0.1/32 scram-sha-256");
    assert_modes(
        &cluster,
        &certificates,
        &[
            ("sslmode=disable", Some(false)),
            ("sslmode=allow", Some(false)),
            ("sslmode=prefer", Some(false)),
            ("sslmode=require", None),
            ("sslmode=verify-ca&sslrootcert=CA", None),
        ],
    )
    .await;
}

/// A server that knows its users by their certificates: `cert` in `pg_hba.conf`, no password at all.
#[tokio::test]
async fn a_certificate_of_ones_own_opens_the_door() {
    let mut cluster = Cluster::start(&[]);
    let certificates = cluster.make_certificates();
    let folder = cluster.data_dir();
    cluster.down();
    cluster.set("ssl=on");
    cluster.set("ssl_ca_file=ca.crt");
    cluster.set_rules("hostssl all all 127.0.0.1/32 cert");
    cluster.up();
    let database = cluster.database("");
    let url = format!("postgres://{READER}@127.0.0.1:{}/{}", cluster.port, database.name);
    let with = |mode: &str, name: &str| {
        format!(
            "{url}?sslmode={mode}&sslrootcert={}&sslcert={}&sslkey={}",
            certificates.authority.display(),
            folder.join(format!("{name}.crt")).display(),
            folder.join(format!("{name}.key")).display()
        )
    };
    for mode in ["prefer", "require", "verify-ca"] {
        let found = query(&*source(&with(mode, "client")), "SELECT current_user::text").await;
        assert_eq!(found.expect(mode), [[json!(READER)]]);
        let error = query(&*source(&with(mode, "impostor")), "SELECT 1").await;
        assert!(error.is_err(), "{mode}");
    }
    let error = query(&*source(&format!("{url}?sslmode=require")), "SELECT 1")
        .await
        .expect_err("it shows nothing of itself");
    assert!(error.to_string().contains("certificate"), "{error}");
    for wrong in [
        "sslcert=/nowhere&sslkey=/nowhere".to_owned(),
        "sslcert=/nowhere".to_owned(),
        format!("sslcert={0}&sslkey={0}", certificates.authority.display()),
        format!(
            "sslcert={}&sslkey={}",
            certificates.authority.display(),
            folder.join("client.key").display()
        ),
    ] {
        match connect(&format!("{url}?{wrong}")) {
            Err(Error::Invalid(text)) => assert!(text.ends_with('.'), "{text}"),
            Err(other) => panic!("{wrong}: {other:?}"),
            Ok(_) => panic!("{wrong} was taken"),
        }
    }
}

#[tokio::test]
async fn passwords_are_shown_as_the_server_asks() {
    let mut cluster = Cluster::start(&[]);
    cluster.down();
    cluster.set_rules(
        "host all md5_user 127.0.0.1/32 md5\nhost all plain_user 127.0.0.1/32 password\n\
         host all all 127.0.0.1/32 scram-sha-256",
    );
    cluster.up();
    let database = cluster.database(
        "SET password_encryption = 'md5'; CREATE ROLE md5_user LOGIN PASSWORD 'p:w/1';
         SET password_encryption = 'scram-sha-256'; CREATE ROLE plain_user LOGIN PASSWORD 'p:w/1';
         CREATE ROLE scram_user LOGIN PASSWORD 'p:w/1';",
    );
    for role in ["md5_user", "plain_user", "scram_user"] {
        let found = query(
            &*source(&database.url_of(role, "p:w/1")),
            "SELECT current_user::text",
        )
        .await;
        assert_eq!(found.expect(role), [[json!(role)]]);
        let error = query(&*source(&database.url_of(role, "wrong")), "SELECT 1")
            .await
            .expect_err(role)
            .to_string();
        assert!(
            error.contains("password authentication failed") && !error.contains("wrong"),
            "{error}"
        );
    }
}
