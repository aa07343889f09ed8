//! A real PostgreSQL behind a real agent: the suite that every source has to pass, cancelling down to the
//! database, and the database going away.

use clean_custard::error::Error;
use clean_custard::source::{Limits, connect};
use futures::StreamExt;

use super::world::{Server, eventually, serving, within};
use crate::support::conformance::{SCRIPT, conformance};
use crate::support::postgres::{Cluster, database};

#[actix_web::test]
async fn postgresql_behind_an_agent_conforms() {
    let database = database(SCRIPT);
    let server = Server::start().await;
    let _agent = serving(&server, "c1", connect(&database.url()).unwrap());
    conformance(server.online("c1").await).await;
    assert_eq!(server.hub.running(), 0);
    assert!(server.hub.status("c1").role_warnings.is_empty());
}

#[actix_web::test]
async fn a_role_that_could_write_is_reported() {
    let database = database(SCRIPT);
    let server = Server::start().await;
    let _agent = serving(&server, "c1", connect(&database.admin_url()).unwrap());
    server.online("c1").await;
    let warnings = server.hub.status("c1").role_warnings;
    assert!(
        warnings.iter().any(|warning| warning.contains("superuser")),
        "{warnings:?}"
    );
}

#[actix_web::test]
async fn leaving_cancels_down_to_the_database() {
    const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() \
                           AND datname = current_database()";
    let database = database("CREATE TABLE n AS SELECT g AS i FROM generate_series(1, 20000) AS g;");
    let server = Server::start().await;
    let _agent = serving(&server, "c1", connect(&database.url()).unwrap());
    let source = server.online("c1").await;
    let endless = "SELECT count(*) FROM n a, n b, n c";
    let asking = tokio::spawn({
        let source = source.clone();
        async move { source.run(endless, &Limits::default()).await.map(|_| ()) }
    });
    database.wait_for(RUNNING, "1").await;
    asking.abort();
    database.wait_for(RUNNING, "0").await;

    // And in the middle of the rows.
    let mut rows = within(source.run("SELECT a.i, b.i AS j FROM n a, n b", &Limits::default()))
        .await
        .unwrap();
    within(rows.batches.next()).await.unwrap().unwrap();
    database.wait_for(RUNNING, "1").await;
    drop(rows);
    database.wait_for(RUNNING, "0").await;
}

#[actix_web::test]
async fn a_restarted_database_is_noticed_and_found_again() {
    let mut cluster = Cluster::start(&[]);
    let (url, endless) = {
        let database =
            cluster.database("CREATE TABLE n AS SELECT g AS i FROM generate_series(1, 20000) AS g;");
        (database.url(), "SELECT count(*) FROM n a, n b, n c")
    };
    let server = Server::start().await;
    let _agent = serving(&server, "c1", connect(&url).unwrap());
    let source = server.online("c1").await;
    let asking = tokio::spawn({
        let source = source.clone();
        async move { source.run(endless, &Limits::default()).await.map(|_| ()) }
    });
    eventually(|| server.hub.running() == 1).await;
    cluster.down();
    let error = within(asking).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Source { .. }), "{error:?}");
    eventually(|| server.hub.running() == 0 && server.hub.running_at("c1").is_empty()).await;
    assert!(within(source.check()).await.is_err());
    eventually(|| server.hub.status("c1").database == Some(false)).await;
    assert!(server.hub.status("c1").online);
    cluster.up();
    eventually(|| server.hub.status("c1").database == Some(true)).await;
    let rows = within(source.run("SELECT count(*) AS n FROM n", &Limits::default()))
        .await
        .unwrap();
    assert_eq!(within(rows.collect()).await.unwrap()[0].num_rows(), 1);
}
