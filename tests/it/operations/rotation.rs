//! The secret key is changed: what was sealed with the old one opens with the new one, whatever happened in between.

use clean_custard::seal::{Sealer, key};
use secrecy::ExposeSecret;

use super::{ok, path, refused};
use crate::support::app::Caller;
use crate::support::process::Process;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sealed_with_the_old_key_opens_with_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Process::server_with(folder.path(), &[]).await;
    let owner = server.owner().await;
    server.kill();
    let read = || key::read(&key::path(&data)).unwrap().unwrap();
    let old = Sealer::new(&read());
    let conn = rusqlite::Connection::open(data.join("custard.db")).unwrap();
    let id: String = conn
        .query_row("SELECT id FROM users", [], |row| row.get(0))
        .unwrap();
    let record = format!("totp:{id}");
    let sealed = old.seal(&record, b"the second factor").unwrap();
    conn.execute("UPDATE users SET totp_secret = ?", [&sealed])
        .unwrap();
    let stored = || -> String {
        conn.query_row("SELECT totp_secret FROM users", [], |row| row.get(0))
            .unwrap()
    };

    let said = ok(&["rotate-key", "--data-dir", path(&data)], &[]).await;
    assert!(said.contains("1 stored secrets"), "{said}");
    let new = Sealer::new(&read());
    assert_ne!(new.key_id(), old.key_id());
    assert_eq!(new.open(&record, &stored()).unwrap(), b"the second factor");
    assert!(old.open(&record, &stored()).is_err());
    assert!(!key::previous_path(&data).exists());

    // Killed between the new key and the last value: the next run goes on and makes no third key.
    let before = std::fs::read(key::path(&data)).unwrap();
    key::write(&key::previous_path(&data), &before).unwrap();
    key::write(&key::path(&data), &key::random()).unwrap();
    let between = read();
    ok(&["rotate-key", "--data-dir", path(&data)], &[]).await;
    assert_eq!(read().expose_secret(), between.expose_secret());
    assert_eq!(
        Sealer::new(&read()).open(&record, &stored()).unwrap(),
        b"the second factor"
    );

    // An access token of the old key is worth nothing; the account is what it was.
    conn.execute("UPDATE users SET totp_secret = NULL", []).unwrap();
    let server = Process::server_with(folder.path(), &[]).await;
    let mut caller = Caller::at(server.address);
    caller.token = owner.token;
    assert_eq!(caller.get("/api/v1/files").await.0, 401);
    Caller::at(server.address)
        .log_in("owner@example.com", "a long password")
        .await;

    // A configured key is changed in the configuration first.
    let variables = [("SECRET_KEY", "a configured key of more than 32 letters")];
    let error = refused(&["rotate-key", "--data-dir", path(&data)], &variables).await;
    assert!(error.contains("previous_secret_key"), "{error}");
}
