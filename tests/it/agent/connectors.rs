//! Every connector's database behind a real agent: the suite that they pass directly, too, and the database
//! that is only named by the `DB_*` variables.

use clean_custard::agent::{Beside, Served};
use clean_custard::config::DatabaseParts;
use clean_custard::source::{Kind, connect};

use super::world::{Server, agents, serving};
use crate::support::conformance::{self, suite};
use crate::support::{mongo, mysql, postgres};

#[actix_web::test]
async fn mysql_behind_an_agent_conforms() {
    let database = mysql::database(conformance::mysql::SCRIPT);
    let server = Server::start_for(Kind::Mysql).await;
    let _agent = serving(&server, "c1", connect(&database.url()).unwrap());
    let words = conformance::mysql::words();
    suite(server.online("c1").await, &words, &database).await;
    assert_eq!(server.hub.running(), 0);
    assert!(server.hub.status("c1").role_warnings.is_empty());
}

#[actix_web::test]
async fn sqlite_behind_an_agent_conforms() {
    let file = conformance::sqlite::file(conformance::sqlite::SCRIPT);
    let server = Server::start_for(Kind::Sqlite).await;
    let _agent = serving(&server, "c1", connect(&file.url()).unwrap());
    let words = conformance::sqlite::words();
    suite(server.online("c1").await, &words, &file).await;
    assert_eq!(server.hub.running(), 0);
}

#[actix_web::test]
async fn mongodb_behind_an_agent_conforms() {
    let database = conformance::mongo::shop(mongo::shared()).await;
    let server = Server::start_for(Kind::Mongodb).await;
    let _agent = serving(&server, "c1", connect(&database.url()).unwrap());
    let words = conformance::mongo::words();
    suite(server.online("c1").await, &words, &database).await;
    assert_eq!(server.hub.running(), 0);
    assert!(server.hub.status("c1").role_warnings.is_empty());
}

#[actix_web::test]
async fn postgresql_behind_an_agent_conforms_to_the_whole_suite() {
    let database = postgres::database(conformance::SCRIPT);
    let server = Server::start().await;
    let _agent = serving(&server, "c1", connect(&database.url()).unwrap());
    let words = conformance::postgres::words();
    suite(server.online("c1").await, &words, &database).await;
}

/// With `DB_*` the kind of database comes with the server's welcome.
#[actix_web::test]
async fn single_values_become_the_kind_that_the_server_says() {
    let file = conformance::sqlite::file(conformance::sqlite::SCRIPT);
    let parts = || DatabaseParts {
        name: Some(file.path.display().to_string()),
        ..DatabaseParts::default()
    };
    let server = Server::start_for(Kind::Sqlite).await;
    let served = |id: &str, parts| Served {
        websocket_url: server.url(id),
        key: "right".to_owned().into(),
        beside: Beside::Parts(parts),
    };
    let _agent = agents(vec![served("c1", parts()), served("c2", parts())]);
    server.online("c1").await;
    server.online("c2").await;
    assert!(
        server
            .hub
            .status("c1")
            .database_version
            .is_some_and(|version| version.starts_with("SQLite 3"))
    );
}
