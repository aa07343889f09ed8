//! The way between agent and server: TLS with a private authority, HTTP proxies, several servers, older
//! protocols, and stopping with something still running.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clean_custard::agent::Terms;
use clean_custard::config::{AgentConfig, AgentFlags, Inputs, ProxyConfig};
use clean_custard::error::Error;
use clean_custard::protocol::Message as Wire;
use futures::StreamExt;

use super::hostile::{Raw, RawServer, query};
use super::world::{self, Fake, LIMITS, QUERY, Server, agent, eventually, rows_of, within};
use crate::support::network::{HttpProxy, TlsFront};

/// The proxies that this environment names.
fn proxies(env: &[(&str, String)]) -> ProxyConfig {
    let mut env: std::collections::BTreeMap<String, String> = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    env.insert("DB_HOST".into(), "localhost".into());
    env.insert("DB_NAME".into(), "shop".into());
    env.insert("DB_USER".into(), "reader".into());
    env.insert("CUSTARD_AGENT_KEY".into(), "right".into());
    env.insert("CONNECTION_ID".into(), "c1".into());
    let inputs = Inputs {
        file: None,
        env: &env,
        read: &|_| Err(std::io::ErrorKind::NotFound.into()),
    };
    let flags = AgentFlags {
        servers: vec!["https://custard.test".into()],
        ..AgentFlags::default()
    };
    AgentConfig::load(&inputs, flags).unwrap().proxy
}

/// A query's twenty rows come back.
async fn works(server: &Server, connection: &str) {
    let source = server.online(connection).await;
    let rows = within(source.run(QUERY, &LIMITS)).await.unwrap();
    assert_eq!(rows_of(rows).await.unwrap(), 20);
}

#[actix_web::test]
async fn tls_needs_an_authority_the_agent_knows() {
    let server = Server::start().await;
    let front = TlsFront::to(server.address).await;
    let url = format!("wss://{}/api/v1/connections/ws/c1", front.address);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    let terms = |ca_file| Terms {
        ca_file,
        ..Terms::default()
    };
    // Unknown to the machine: no connection, and the agent does not fall back to anything.
    let stranger = world::agent_at(&url, "right", Fake::new(2, 10), terms(None));
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(server.hub.count(), 0);
    assert!(stranger.is_running());
    drop(stranger);

    front.write_authority(&file);
    let _agent = world::agent_at(&url, "right", Fake::new(2, 10), terms(Some(file.clone())));
    works(&server, "c1").await;

    std::fs::write(&file, "no certificate").unwrap();
    let error = world::serve_once(&url, "right", terms(Some(file)))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("authority.pem"), "{error}");
}

#[actix_web::test]
async fn an_http_proxy_is_passed_with_connect() {
    let server = Server::start().await;
    let front = TlsFront::to(server.address).await;
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("authority.pem");
    front.write_authority(&ca_file);
    let open = HttpProxy::to(front.address, None).await;
    let closed = HttpProxy::to(front.address, Some("ann:p@ss word")).await;
    // The name exists nowhere: only the proxy knows the way, and TLS goes through to the server itself.
    let dial = |connection: &str, env: &[(&str, String)]| {
        let terms = Terms {
            ca_file: Some(ca_file.clone()),
            proxy: proxies(env),
            ..Terms::default()
        };
        let url = format!("wss://custard.test:8443/api/v1/connections/ws/{connection}");
        world::agent_at(&url, "right", Fake::new(2, 10), terms)
    };
    let _one = dial("c1", &[("HTTPS_PROXY", format!("http://{}", open.address))]);
    works(&server, "c1").await;
    assert_eq!(open.asked(), ["custard.test:8443"]);

    let _two = dial(
        "c2",
        &[(
            "https_proxy",
            format!("http://ann:p%40ss%20word@{}", closed.address),
        )],
    );
    works(&server, "c2").await;
    let _three = dial("c3", &[("ALL_PROXY", closed.address.to_string())]);
    let _four = dial(
        "c4",
        &[
            ("HTTPS_PROXY", format!("http://{}", open.address)),
            ("NO_PROXY", "localhost, .test".into()),
        ],
    );
    let _five = dial("c5", &[("HTTP_PROXY", format!("http://{}", open.address))]);
    tokio::time::sleep(Duration::from_millis(800)).await;
    // Without the password, with an exception, and with a proxy for something else: nobody gets through, and
    // nobody tries another way.
    assert_eq!(server.hub.count(), 2);
    assert_eq!(open.asked().len(), 1);
}

#[actix_web::test]
async fn servers_on_this_machine_are_reached_without_the_proxy() {
    let server = Server::start().await;
    let nowhere = [
        ("HTTPS_PROXY", "http://127.0.0.1:1".to_owned()),
        ("HTTP_PROXY", "http://127.0.0.1:1".to_owned()),
    ];
    let terms = Terms {
        proxy: proxies(&nowhere),
        ..Terms::default()
    };
    let _agent = world::agent_at(&server.url("c1"), "right", Fake::new(2, 10), terms);
    works(&server, "c1").await;
}

#[actix_web::test]
async fn one_agent_keeps_a_socket_to_each_server() {
    let (one, two) = (Server::start().await, Server::start().await);
    let fake = Fake::new(2, 10);
    let _agent = world::process(
        vec![
            (one.url("c1"), "right", fake.clone()),
            (two.url("c1"), "right", fake.clone()),
        ],
        world::terms(),
    );
    works(&one, "c1").await;
    works(&two, "c1").await;
    // One goes, the other does not notice; it comes back, and so does the socket.
    let address = one.address;
    one.stop().await;
    works(&two, "c1").await;
    let one = Server::start_at(address).await;
    works(&one, "c1").await;
}

#[actix_web::test]
async fn a_stopping_server_refuses_what_is_new_and_says_what_became_of_the_rest() {
    let server = Server::start().await;
    let stuck = Fake::stuck();
    let running = agent(&server, "c1", stuck.clone());
    let source = server.online("c1").await;
    let asking = tokio::spawn({
        let source = source.clone();
        async move { source.run(QUERY, &LIMITS).await.map(|_| ()) }
    });
    eventually(|| server.hub.running() == 1).await;
    let hub = server.hub.clone();
    let began = Instant::now();
    let draining = tokio::spawn(async move { hub.drain(Duration::from_millis(700)).await });
    tokio::task::yield_now().await;
    let refused = within(source.run(QUERY, &LIMITS)).await.err().unwrap();
    assert!(refused.to_string().contains("is being stopped"), "{refused}");
    let error = within(asking).await.unwrap().unwrap_err();
    assert!(began.elapsed() >= Duration::from_millis(700));
    assert!(matches!(error, Error::AgentOffline(_)), "{error:?}");
    assert!(error.to_string().contains("was stopped before"), "{error}");
    within(draining).await.unwrap();
    eventually(|| server.hub.count() == 0 && stuck.running.load(Ordering::Relaxed) == 0).await;
    // The agent was told when to come back, and it does.
    let address = server.address;
    server.stop().await;
    let server = Server::start_at(address).await;
    server.online("c1").await;
    assert!(running.is_running());
}

#[actix_web::test]
async fn a_stopping_agent_tells_those_whose_queries_it_cannot_finish() {
    let server = Server::start().await;
    let stuck = Fake::stuck();
    let terms = Terms {
        drain: Duration::from_millis(300),
        ..world::terms()
    };
    let stopping = world::agent_with(&server, "c1", stuck.clone(), terms);
    let source = server.online("c1").await;
    let asking = tokio::spawn(async move { source.run(QUERY, &LIMITS).await.map(|_| ()) });
    eventually(|| stuck.running.load(Ordering::Relaxed) == 1).await;
    stopping.stop.cancel();
    let error = within(asking).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::AgentOffline(_)), "{error:?}");
    assert!(error.to_string().contains("agent was stopped"), "{error}");
    within(stopping.ended()).await;
    eventually(|| server.hub.count() == 0).await;
    assert_eq!(stuck.running.load(Ordering::Relaxed), 0);
}

#[actix_web::test]
async fn while_one_agent_stops_the_other_takes_what_is_new() {
    let server = Server::start().await;
    let (one, two) = (Fake::new(1000, 1_000_000), Fake::new(2, 10));
    let first = agent(&server, "c1", one.clone());
    let source = server.online("c1").await;
    let mut rows = within(source.run(QUERY, &LIMITS)).await.unwrap();
    within(rows.batches.next()).await.unwrap().unwrap();
    let _second = agent(&server, "c1", two.clone());
    eventually(|| {
        let agents = server.hub.agents_of("c1");
        agents.len() == 2 && agents.iter().all(|agent| agent.database.is_some())
    })
    .await;
    first.stop.cancel();
    eventually(|| server.hub.agents_of("c1").iter().any(|agent| agent.draining)).await;
    for _ in 0..3 {
        let new = within(source.run(QUERY, &LIMITS)).await.unwrap();
        assert_eq!(rows_of(new).await.unwrap(), 20);
    }
    assert_eq!(one.asked.load(Ordering::Relaxed), 1);
    drop(rows);
    within(first.ended()).await;
    eventually(|| server.hub.count() == 1).await;
}

/// Word for word what an agent of protocol 1 says, and what it is answered.
#[actix_web::test]
async fn an_agent_of_the_previous_protocol_is_served_as_before() {
    let server = Server::start().await;
    let mut old = Raw::dial(&server, "c1", Some("clean-custard.v1")).await.unwrap();
    old.text(
        r#"{"id":1,"type":"hello","protocol":1,"oldest":1,"product":"0.1.0","database":{"reachable":true,"kind":"POSTGRESQL","version":"PostgreSQL 15.18"}}"#,
    )
    .await;
    let welcome = old.hear().await;
    assert!(
        matches!(&welcome.message, Wire::Welcome(welcome) if welcome.protocol == 1),
        "{welcome:?}"
    );
    let agent = &server.hub.agents_of("c1")[0];
    assert_eq!(
        (agent.protocol, agent.host.as_deref(), agent.clock_skew_ms),
        (1, None, None)
    );
    let source = server.source("c1").unwrap();
    let asking = tokio::spawn(async move { rows_of(source.run(QUERY, &LIMITS).await?).await });
    old.answer(&Fake::new(2, 10)).await;
    assert_eq!(within(asking).await.unwrap().unwrap(), 20);
    // Its pong says nothing of how long the database took.
    let hub = server.hub.clone();
    let testing = tokio::spawn(async move { hub.test("c1").await });
    for database in ["", r#","database":{"reachable":true,"kind":"POSTGRESQL"}"#] {
        let ping = old.hear_ping().await;
        old.text(&format!(r#"{{"id":{ping},"type":"pong"{database}}}"#))
            .await;
    }
    let tests = within(testing).await.unwrap().unwrap();
    assert!(tests[0].outcome.as_ref().unwrap().reachable);
    assert!(tests[0].to_database.is_some());
}

/// And a server of protocol 1 is served by this agent.
#[actix_web::test]
async fn a_server_of_the_previous_protocol_is_answered() {
    let server = RawServer::start().await;
    let _agent = world::agent_at(&server.url(), "right", Fake::new(2, 10), world::terms());
    let mut old = server.accept().await;
    old.text(
        r#"{"id":1,"type":"welcome","protocol":1,"product":"0.1.0","connection_id":"c1","kind":"POSTGRESQL"}"#,
    )
    .await;
    old.say(7, query(QUERY, u64::MAX)).await;
    let end = loop {
        let envelope = old.hear().await;
        if envelope.id == 7 {
            break envelope;
        }
    };
    assert!(
        matches!(&end.message, Wire::End(end) if end.rows == 20),
        "{end:?}"
    );
    old.text(r#"{"id":0,"type":"drain"}"#).await;
    drop(old);
    server.accept().await;
}
