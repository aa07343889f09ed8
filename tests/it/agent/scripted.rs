//! A server that keeps to the wire's letter and asks a real agent, beside a real PostgreSQL, for what its
//! policy keeps back: not a byte of it arrives.

use clean_custard::protocol::{self, Credit, Envelope, Message as Wire, Query, QueryLimits, SchemaRequest};
use clean_custard::source::connect;
use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::hostile::RawServer;
use super::policy::{ROADS, SCRIPT, kept_back, terms};
use super::world::{serving_at, within};
use crate::guard::{REFUSED, corpus};
use crate::support::postgres::database;

/// What came for one request: its last message and all its bytes.
type Reply = (Wire, Vec<u8>);

/// Sends a request with endless credit and takes everything that comes for it.
async fn ask(socket: &mut WebSocketStream<TcpStream>, id: u64, request: Wire) -> Reply {
    for message in [request, Wire::Credit(Credit { bytes: u64::MAX })] {
        let text = Envelope::new(id, message).encode().expect("short enough");
        socket
            .send(Message::Text(text.into()))
            .await
            .expect("the agent reads");
    }
    let mut bytes = Vec::new();
    let last = within(async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let envelope = Envelope::decode(&text).expect("a message");
                    let is_last = matches!(envelope.message, Wire::End(_) | Wire::Fault(_));
                    if envelope.id == id && is_last {
                        return envelope.message;
                    }
                }
                Some(Ok(Message::Binary(frame))) => {
                    let (of, chunk) = protocol::split_data_frame(&frame).expect("a data frame");
                    assert_eq!(of, id, "data for another request");
                    bytes.extend_from_slice(chunk);
                }
                Some(Ok(_)) => {}
                other => panic!("{other:?} instead of an answer"),
            }
        }
    })
    .await;
    (last, bytes)
}

fn everything(query: &str) -> Query {
    Query {
        query: query.to_owned(),
        limits: QueryLimits {
            rows: u64::MAX,
            bytes: u64::MAX,
            time_ms: u64::MAX,
        },
        deadline_ms: u64::MAX,
        credit: u64::MAX,
        traceparent: None,
        asker: None,
    }
}

#[actix_web::test]
async fn a_server_that_was_taken_over_gets_nothing_past_the_policy() {
    let database = database(SCRIPT);
    let server = RawServer::start().await;
    let mut terms = terms();
    terms.policy.max_rows = 2;
    let source = connect(&database.admin_url()).unwrap();
    let _agent = serving_at(&server.url(), source, terms);
    let mut socket = server.welcomed().await.into_inner();

    let (end, packed) = ask(
        &mut socket,
        10,
        Wire::Schema(SchemaRequest {
            known: None,
            credit: u64::MAX,
        }),
    )
    .await;
    assert!(matches!(end, Wire::End(_)), "{end:?}");
    let schema = zstd::decode_all(packed.as_slice()).unwrap();
    assert!(!kept_back(&String::from_utf8(schema).unwrap()));

    let mut id = 100;
    for road in ROADS {
        id += 1;
        let (end, bytes) = ask(&mut socket, id, Wire::Query(everything(road))).await;
        // A result's frames are compressed; whether they tell is tested with `ROADS` themselves. Here it
        // counts that a refusal is nothing but a refusal.
        assert!(matches!(end, Wire::End(_)) || bytes.is_empty(), "{road}: {end:?}");
    }
    for (why, statement) in corpus(REFUSED) {
        id += 1;
        let (end, bytes) = ask(&mut socket, id, Wire::Query(everything(statement))).await;
        assert!(matches!(end, Wire::Fault(_)), "{why}: {statement}\n{end:?}");
        assert!(bytes.is_empty(), "{why}: {statement}");
    }

    // More rows than the policy allows, and time that is over.
    let (end, _) = ask(
        &mut socket,
        9_000,
        Wire::Query(everything("SELECT id FROM people")),
    )
    .await;
    assert!(
        matches!(&end, Wire::End(end) if end.rows == 2 && end.truncated),
        "{end:?}"
    );
    let late = Query {
        deadline_ms: 0,
        ..everything("SELECT count(*) FROM people a, people b, people c")
    };
    let (end, bytes) = ask(&mut socket, 9_001, Wire::Query(late)).await;
    assert!(
        matches!(&end, Wire::Fault(fault) if fault.code == "timeout") && bytes.is_empty(),
        "{end:?}"
    );
}
