//! The agent and the hub through real sockets: a small server with the real socket handler, the real agent,
//! and a source that makes up its rows. What the database itself does is tested with its source.

mod connectors;
mod faults;
mod hostile;
mod logged;
mod masks;
mod outages;
mod policy;
mod postgres;
mod scripted;
mod whole;
mod wire;
pub mod world;

use std::sync::atomic::Ordering;
use std::time::Duration;

use clean_custard::error::Error;
use clean_custard::service::agents::AgentChange;
use clean_custard::source::Kind;
use futures::StreamExt;

use self::world::{Fake, LIMITS, QUERY, Server, agent, eventually, rows_of, within};

#[actix_web::test]
async fn a_query_goes_through_and_everybody_hears_of_the_agent() {
    let server = Server::start().await;
    let mut events = server.hub.subscribe();
    assert!(!server.hub.status("c1").online);
    assert!(matches!(server.source("c1").err(), Some(Error::AgentOffline(_))));

    let fake = Fake::new(10, 1000);
    let _agent = agent(&server, "c1", fake.clone());
    let mut catalog = None;
    while catalog.is_none() || server.hub.status("c1").database != Some(true) {
        let event = within(events.recv()).await.unwrap();
        assert_eq!(event.connection_id, "c1");
        if let AgentChange::Catalog(arrived) = event.change {
            catalog = Some(arrived);
        }
    }
    assert_eq!(*catalog.unwrap(), *fake.catalog());
    let status = server.hub.status("c1");
    assert!(status.online);
    assert_eq!(status.agent_version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(status.database_version.as_deref(), Some("Fake 1"));
    assert_eq!(status.role_warnings, ["The role is a superuser."]);
    assert_eq!(server.hub.count(), 1);

    let source = server.source("c1").unwrap();
    assert_eq!(source.check().await.unwrap().version, "Fake 1");
    assert_eq!(*source.catalog().await.unwrap(), *fake.catalog());
    let rows = within(source.run(QUERY, &LIMITS)).await.unwrap();
    assert_eq!(rows.schema, fake.schema());
    let truncated = rows.truncated.clone();
    let batches = within(rows.collect()).await.unwrap();
    assert_eq!(batches, fake.batches());
    assert!(!truncated.get());
    assert_eq!(server.hub.running(), 0);
    assert_eq!(fake.last_limits(), LIMITS);
}

#[actix_web::test]
async fn a_slow_reader_holds_little_and_another_query_proceeds() {
    let server = Server::start().await;
    // A gigabyte, if anybody were to read it.
    let fake = Fake::new(1000, 1_000_000);
    let _agent = agent(&server, "c1", fake.clone());
    let source = server.online("c1").await;
    let mut slow = within(source.run(QUERY, &LIMITS)).await.unwrap();
    within(slow.batches.next()).await.unwrap().unwrap();
    for _ in 0..3 {
        let mut other = within(source.run(QUERY, &LIMITS)).await.unwrap();
        for _ in 0..3 {
            within(other.batches.next()).await.unwrap().unwrap();
        }
    }
    // Three megabytes: the credit of a megabyte, what was read, and what is being encoded. The others were
    // dropped after as much.
    let made = fake.made.load(Ordering::Relaxed);
    assert!(
        made <= 4 * 8,
        "{made} batches of a megabyte were made for readers who took ten"
    );
}

#[actix_web::test]
async fn leaving_cancels_the_query_at_the_source() {
    let server = Server::start().await;
    let fake = Fake::new(1000, 1_000_000);
    let _agent = agent(&server, "c1", fake.clone());
    let source = server.online("c1").await;
    let mut rows = within(source.run(QUERY, &LIMITS)).await.unwrap();
    within(rows.batches.next()).await.unwrap().unwrap();
    assert_eq!(fake.running.load(Ordering::Relaxed), 1);
    drop(rows);
    eventually(|| fake.running.load(Ordering::Relaxed) == 0).await;

    // And while it still waits for its first row.
    let stuck = Fake::stuck();
    let _agent = agent(&server, "c2", stuck.clone());
    let source = server.online("c2").await;
    let waiting = tokio::spawn(async move { source.run(QUERY, &LIMITS).await.map(|_| ()) });
    eventually(|| stuck.running.load(Ordering::Relaxed) == 1).await;
    waiting.abort();
    eventually(|| stuck.running.load(Ordering::Relaxed) == 0).await;
    assert!(server.hub.status("c2").online);
}

#[actix_web::test]
async fn limits_end_a_result_and_say_so() {
    let server = Server::start().await;
    let fake = Fake::new(10, 1000);
    let _agent = agent(&server, "c1", fake.clone());
    let source = server.online("c1").await;
    let mut limits = LIMITS;
    limits.rows = 15;
    let rows = within(source.run(QUERY, &limits)).await.unwrap();
    let truncated = rows.truncated.clone();
    assert_eq!(rows_of(rows).await.unwrap(), 15);
    assert!(truncated.get());

    // The agent's own policy is smaller than what the server allows.
    let fake = Fake::new(10, 1000);
    let mut terms = world::terms();
    terms.policy.max_rows = 7;
    terms.policy.max_time = Duration::from_millis(1234);
    let _agent = world::agent_with(&server, "c2", fake.clone(), terms);
    let source = server.online("c2").await;
    let rows = within(source.run(QUERY, &LIMITS)).await.unwrap();
    let truncated = rows.truncated.clone();
    assert_eq!(rows_of(rows).await.unwrap(), 7);
    assert!(truncated.get());
    assert_eq!(fake.last_limits().time_ms, 1234);
}

#[actix_web::test]
async fn time_runs_out_at_the_agent() {
    let server = Server::start().await;
    let stuck = Fake::stuck();
    let _agent = agent(&server, "c1", stuck.clone());
    let source = server.online("c1").await;
    let mut limits = LIMITS;
    limits.time_ms = 100;
    let error = within(source.run(QUERY, &limits)).await.err().unwrap();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    eventually(|| stuck.running.load(Ordering::Relaxed) == 0).await;
}

#[actix_web::test]
async fn what_the_database_says_arrives_with_its_kind() {
    let server = Server::start().await;
    let fake = Fake::failing();
    let _agent = agent(&server, "c1", fake);
    let source = server.online("c1").await;
    let error = within(source.run(QUERY, &LIMITS)).await.err().unwrap();
    assert!(error.is_mendable(), "{error:?}");
    assert_eq!(error.to_string(), "column \"m\" does not exist");
}

#[actix_web::test]
async fn the_agent_refuses_what_the_guard_refuses_whatever_the_server_says() {
    let server = Server::start().await;
    let fake = Fake::new(1, 10);
    let _agent = agent(&server, "c1", fake.clone());
    let source = server.online("c1").await;
    for query in [
        "DELETE FROM numbers",
        "SELECT pg_sleep(1)",
        "SELECT 1; DROP TABLE numbers",
        "SELECT * FROM secrets",
    ] {
        assert!(within(source.run(query, &LIMITS)).await.is_err(), "{query}");
    }
    assert_eq!(fake.asked.load(Ordering::Relaxed), 0);
}

#[actix_web::test]
async fn the_server_sees_the_database_go_and_come_back() {
    let server = Server::start().await;
    let fake = Fake::new(1, 10);
    let _agent = agent(&server, "c1", fake.clone());
    let source = server.online("c1").await;
    fake.reachable.store(false, Ordering::Relaxed);
    // Testing the connection has the agent look at once instead of with its next probe.
    let error = within(source.check()).await.unwrap_err();
    assert_eq!(error.to_string(), "the database is away");
    eventually(|| server.hub.status("c1").database == Some(false)).await;
    let status = server.hub.status("c1");
    assert!(status.online);
    assert_eq!(status.message.as_deref(), Some("the database is away"));
    fake.reachable.store(true, Ordering::Relaxed);
    within(source.check()).await.unwrap();
    eventually(|| server.hub.status("c1").database == Some(true)).await;
}

#[actix_web::test]
async fn a_schema_is_read_again_on_request() {
    let server = Server::start().await;
    let fake = Fake::new(1, 10);
    let _agent = agent(&server, "c1", fake.clone());
    let source = server.online("c1").await;
    fake.add_table("more");
    server.hub.refresh_schema("c1").await.unwrap();
    eventually(|| {
        server
            .hub
            .catalog("c1")
            .is_some_and(|catalog| catalog.tables.len() == 2)
    })
    .await;
    assert_eq!(source.catalog().await.unwrap().tables[1].name, "more");
    assert!(matches!(
        server.hub.refresh_schema("nobody").await,
        Err(Error::AgentOffline(_))
    ));
}

#[actix_web::test]
async fn when_the_agent_dies_its_queries_end_and_the_server_knows_at_once() {
    let server = Server::start().await;
    let fake = Fake::new(1000, 1_000_000);
    let agent = agent(&server, "c1", fake.clone());
    let source = server.online("c1").await;
    let mut rows = within(source.run(QUERY, &LIMITS)).await.unwrap();
    within(rows.batches.next()).await.unwrap().unwrap();
    agent.kill();
    let end = within(async {
        loop {
            match rows.batches.next().await {
                Some(Ok(_)) => {}
                other => return other,
            }
        }
    });
    assert!(matches!(end.await, Some(Err(Error::AgentOffline(_)))));
    eventually(|| !server.hub.status("c1").online).await;
    assert!(matches!(
        within(source.run(QUERY, &LIMITS)).await.err(),
        Some(Error::AgentOffline(_))
    ));
    eventually(|| fake.running.load(Ordering::Relaxed) == 0).await;
}

#[actix_web::test]
async fn a_stopping_agent_finishes_what_runs() {
    let server = Server::start().await;
    let fake = Fake::new(20, 1_000_000);
    let agent = agent(&server, "c1", fake.clone());
    let source = server.online("c1").await;
    let mut rows = within(source.run(QUERY, &LIMITS)).await.unwrap();
    let first = within(rows.batches.next()).await.unwrap().unwrap();
    agent.stop.cancel();
    assert_eq!(first.num_rows() + rows_of(rows).await.unwrap(), 200);
    within(agent.ended()).await;
    eventually(|| !server.hub.status("c1").online).await;
}

#[actix_web::test]
async fn a_stopping_server_finishes_what_runs() {
    let server = Server::start().await;
    let fake = Fake::new(20, 1_000_000);
    let _agent = agent(&server, "c1", fake.clone());
    let source = server.online("c1").await;
    let mut rows = within(source.run(QUERY, &LIMITS)).await.unwrap();
    let first = within(rows.batches.next()).await.unwrap().unwrap();
    let hub = server.hub.clone();
    let draining = tokio::spawn(async move { hub.drain(Duration::from_secs(20)).await });
    assert_eq!(first.num_rows() + rows_of(rows).await.unwrap(), 200);
    within(draining).await.unwrap();
    eventually(|| server.hub.count() == 0).await;
}

#[actix_web::test]
async fn the_agent_comes_back_when_the_server_does() {
    let server = Server::start().await;
    let fake = Fake::new(2, 10);
    let _agent = agent(&server, "c1", fake.clone());
    server.online("c1").await;
    let address = server.address;
    server.stop().await;
    let server = Server::start_at(address).await;
    let source = server.online("c1").await;
    assert_eq!(
        rows_of(within(source.run(QUERY, &LIMITS)).await.unwrap())
            .await
            .unwrap(),
        20
    );
}

#[actix_web::test]
async fn a_wrong_key_is_refused_and_tried_again_without_giving_up() {
    let server = Server::start().await;
    let mut terms = world::terms();
    terms.allow_insecure = false;
    let agent = world::agent_at(&server.url("c1"), "wrong", Fake::new(1, 1), terms);
    eventually(|| server.refused.load(Ordering::Relaxed) == 1).await;
    assert!(agent.is_running());
    assert_eq!(server.hub.count(), 0);
    agent.stop.cancel();
    within(agent.ended()).await;
}

#[actix_web::test]
async fn a_replaced_key_cuts_the_agent_at_once() {
    let server = Server::start().await;
    let fake = Fake::new(1000, 1_000_000);
    let _agent = agent(&server, "c1", fake);
    let source = server.online("c1").await;
    let mut rows = within(source.run(QUERY, &LIMITS)).await.unwrap();
    within(rows.batches.next()).await.unwrap().unwrap();
    server.accept_no_key();
    server.hub.disconnect("c1");
    eventually(|| server.hub.count() == 0).await;
    eventually(|| server.refused.load(Ordering::Relaxed) >= 1).await;
    assert!(!server.hub.status("c1").online);
}

#[actix_web::test]
async fn two_agents_share_the_work_and_stand_in_for_each_other() {
    let server = Server::start().await;
    let (one, two) = (Fake::new(1000, 1_000_000), Fake::new(1000, 1_000_000));
    let _first = agent(&server, "c1", one.clone());
    let second = agent(&server, "c1", two.clone());
    eventually(|| server.hub.count() == 2).await;
    eventually(|| one.checked.load(Ordering::Relaxed) > 0 && two.checked.load(Ordering::Relaxed) > 0).await;
    let source = server.online("c1").await;
    // Four at once: two each.
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut rows = within(source.run(QUERY, &LIMITS)).await.unwrap();
        within(rows.batches.next()).await.unwrap().unwrap();
        open.push(rows);
    }
    assert_eq!(one.running.load(Ordering::Relaxed), 2);
    assert_eq!(two.running.load(Ordering::Relaxed), 2);
    drop(open);
    eventually(|| server.hub.running() == 0).await;
    // The agents hear of it a moment after the hub.
    eventually(|| one.running.load(Ordering::Relaxed) + two.running.load(Ordering::Relaxed) == 0).await;

    // One cannot reach its database: all go to the other.
    one.reachable.store(false, Ordering::Relaxed);
    // Testing the connection asks the less busy one, so the other is kept busy.
    let mut busy = within(source.run(QUERY, &LIMITS)).await.unwrap();
    if one.running.load(Ordering::Relaxed) == 1 {
        busy = within(source.run(QUERY, &LIMITS)).await.unwrap();
        eventually(|| server.hub.running() == 1).await;
    }
    assert!(within(source.check()).await.is_err());
    drop(busy);
    let before = two.asked.load(Ordering::Relaxed);
    for _ in 0..3 {
        drop(within(source.run(QUERY, &LIMITS)).await.unwrap());
    }
    assert_eq!(two.asked.load(Ordering::Relaxed), before + 3);
    assert_eq!(server.hub.status("c1").database, Some(true));

    // The other dies: what is left is used.
    one.reachable.store(true, Ordering::Relaxed);
    second.kill();
    eventually(|| server.hub.count() == 1).await;
    drop(within(source.run(QUERY, &LIMITS)).await.unwrap());
    assert!(server.hub.status("c1").online);
}

#[actix_web::test]
async fn one_process_serves_several_connections() {
    let server = Server::start().await;
    let (one, two) = (Fake::new(1, 10), Fake::new(2, 10));
    let _agent = world::process(
        vec![
            (server.url("c1"), "right", one.clone()),
            (server.url("c2"), "right", two),
            (server.url("c3"), "right", one),
        ],
        world::terms(),
    );
    for (connection, rows) in [("c1", 10), ("c2", 20), ("c3", 10)] {
        let source = server.online(connection).await;
        let got = within(source.run(QUERY, &LIMITS)).await.unwrap();
        assert_eq!(rows_of(got).await.unwrap(), rows, "{connection}");
    }
}

#[actix_web::test]
async fn many_queries_at_once_all_come_through() {
    let server = Server::start().await;
    let _agent = agent(&server, "c1", Fake::new(30, 10_000));
    let source = server.online("c1").await;
    let queries = (0..40).map(|_| {
        let source = source.clone();
        async move { rows_of(source.run(QUERY, &LIMITS).await?).await }
    });
    for rows in within(futures::future::join_all(queries)).await {
        assert_eq!(rows.unwrap(), 300);
    }
    assert_eq!(server.hub.running(), 0);
}

#[actix_web::test]
async fn addresses_and_keys_that_can_never_work_are_refused_at_once() {
    for (url, said) in [
        ("ws://192.0.2.1/api/v1/connections/ws/c1", "is not encrypted"),
        ("http://127.0.0.1/api", "has to begin with wss://"),
        ("nonsense", "is not a URL"),
    ] {
        let mut terms = world::terms();
        terms.allow_insecure = false;
        let error = world::serve_once(url, "right", terms)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(said), "{error}");
    }
    let error = world::serve_once("ws://127.0.0.1/x", "wr\nong", world::terms())
        .await
        .unwrap_err();
    assert!(!error.to_string().contains("ong"), "{error}");
    assert_eq!(Kind::Postgresql.name(), "POSTGRESQL");
}
