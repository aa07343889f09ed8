//! Peers that break the rules: agents against the real server, servers against the real agent.

use std::sync::atomic::Ordering;
use std::time::Duration;

use clean_custard::error::Error;
use clean_custard::link::Heartbeat;
use clean_custard::protocol::{
    self, Cancel, Credit, End, Envelope, Fault, Hello, Message as Wire, Ping, Query, QueryLimits,
    SchemaRequest, Welcome,
};
use clean_custard::service::agents::Hub;
use futures::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::world::{self, Fake, LIMITS, QUERY, Server, agent, eventually, rows_of, within};

/// A socket that says what a test tells it to.
pub(super) struct Raw<S>(WebSocketStream<S>, bool);

impl Raw<MaybeTlsStream<TcpStream>> {
    pub(super) async fn dial(
        server: &Server,
        connection: &str,
        protocol: Option<&str>,
    ) -> Result<Self, tungstenite::Error> {
        Raw::dial_at(&server.url(connection), "right", protocol).await
    }

    pub(super) async fn dial_at(
        url: &str,
        key: &str,
        protocol: Option<&str>,
    ) -> Result<Self, tungstenite::Error> {
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("Authorization", format!("Bearer {key}").parse().unwrap());
        if let Some(protocol) = protocol {
            headers.insert("Sec-WebSocket-Protocol", protocol.parse().unwrap());
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Raw(socket, true))
    }

    /// An agent that has said hello and was welcomed.
    async fn agent(server: &Server, connection: &str) -> Self {
        let mut raw = Raw::dial(server, connection, Some("clean-custard.v1"))
            .await
            .unwrap();
        raw.say(1, hello("POSTGRESQL")).await;
        let welcome = raw.hear().await;
        assert!(matches!(welcome.message, Wire::Welcome(_)), "{welcome:?}");
        raw
    }
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Raw<S> {
    pub(super) async fn send(&mut self, message: Message) {
        // The other side may have closed already.
        if within(self.0.send(message)).await.is_err() {
            self.1 = false;
        }
    }

    /// Whether everything sent so far went out.
    pub(super) fn is_open(&self) -> bool {
        self.1
    }

    pub(super) fn into_inner(self) -> WebSocketStream<S> {
        self.0
    }

    pub(super) async fn text(&mut self, text: &str) {
        self.send(Message::Text(text.into())).await;
    }

    pub(super) async fn say(&mut self, id: u64, message: Wire) {
        let text = Envelope::new(id, message).encode().unwrap();
        self.text(&text).await;
    }

    pub(super) async fn data(&mut self, id: u64, chunk: &[u8]) {
        self.send(Message::Binary(protocol::data_frame(id, chunk))).await;
    }

    /// Answers the next query with the rows of a made-up source.
    pub(super) async fn answer(&mut self, fake: &Fake) {
        let query = loop {
            let envelope = self.hear().await;
            if let Wire::Query(_) = envelope.message {
                break envelope;
            }
        };
        let mut encoder = clean_custard::link::ipc::Encoder::new(&fake.schema()).unwrap();
        let mut bytes = encoder.take();
        let mut rows = 0;
        for batch in fake.batches() {
            rows += batch.num_rows() as u64;
            bytes.extend(encoder.encode(&batch).unwrap());
        }
        bytes.extend(encoder.finish().unwrap());
        for chunk in bytes.chunks(protocol::MAX_CHUNK) {
            self.data(query.id, chunk).await;
        }
        let end = End {
            rows,
            truncated: false,
        };
        self.say(query.id, Wire::End(end)).await;
    }

    /// The next control message, pings aside.
    pub(super) async fn hear(&mut self) -> Envelope {
        within(async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let envelope = Envelope::decode(&text).unwrap();
                        if !matches!(envelope.message, Wire::Ping(_)) {
                            return envelope;
                        }
                    }
                    Some(Ok(Message::Binary(_) | Message::Ping(_))) => {}
                    other => panic!("{other:?} instead of a message"),
                }
            }
        })
        .await
    }

    /// The id of the next ping with a number as tests of a connection have it; heartbeats count from 1.
    pub(super) async fn hear_ping(&mut self) -> u64 {
        within(async {
            loop {
                if let Some(Ok(Message::Text(text))) = self.0.next().await {
                    let envelope = Envelope::decode(&text).unwrap();
                    if matches!(envelope.message, Wire::Ping(_)) && envelope.id > 1 << 32 {
                        return envelope.id;
                    }
                }
            }
        })
        .await
    }

    /// Until the socket has ended, in whatever way.
    pub(super) async fn gone(&mut self) {
        within(async {
            while let Some(Ok(message)) = self.0.next().await {
                if let Message::Close(_) = message {
                    return;
                }
            }
        })
        .await;
    }

    /// The reason the other side closes for; everything before is skipped.
    pub(super) async fn closed(&mut self) -> String {
        within(async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => {
                        assert_eq!(frame.code, CloseCode::Policy, "{frame}");
                        return frame.reason.to_string();
                    }
                    Some(Ok(_)) => {}
                    other => panic!("{other:?} instead of a reason"),
                }
            }
        })
        .await
    }
}

pub(super) fn hello(kind: &str) -> Wire {
    Wire::Hello(Hello {
        protocol: 1,
        oldest: 1,
        product: "0.0.0".into(),
        host: None,
        clock_ms: None,
        policy: None,
        database: Some(protocol::Database {
            reachable: true,
            kind: kind.into(),
            ..protocol::Database::default()
        }),
    })
}

#[actix_web::test]
async fn agents_that_break_the_rules_are_cut_with_the_reason() {
    let server = Server::start().await;
    let _good = agent(&server, "good", Fake::new(2, 100));
    let source = server.online("good").await;
    let oversized = vec![0_u8; protocol::MAX_FRAME + 1];
    let long = format!(
        "{{\"id\":1,\"type\":\"ping\",\"x\":\"{}\"}}",
        "x".repeat(protocol::MAX_TEXT)
    );
    for (message, reason) in [
        (Message::Text("garbage".into()), "cannot be read"),
        (Message::Text(long.into()), "control message of"),
        (Message::Binary(oversized.into()), "a frame of more than"),
        (Message::Binary(vec![0; 8].into()), "without data"),
        (Message::Binary(protocol::data_frame(77, b"rows")), "request 77, which is not open"),
        (Message::Text(r#"{"id":3,"type":"credit","bytes":1}"#.into()), "only a server sends"),
        (
            Message::Text(r#"{"id":3,"type":"hello","protocol":1,"product":"x","database":{"reachable":true,"kind":"MONGODB"}}"#.into()),
            "MONGODB",
        ),
    ] {
        let mut hostile = Raw::agent(&server, "bad").await;
        hostile.send(message).await;
        let said = hostile.closed().await;
        assert!(said.contains(reason), "{said} instead of {reason}");
    }
    // Before hello, with a hello nobody can agree to, and with a protocol nobody knows.
    let mut early = Raw::dial(&server, "bad", Some("clean-custard.v1")).await.unwrap();
    early.say(1, Wire::End(End::default())).await;
    assert!(early.closed().await.contains("before hello"));
    let mut ancient = Raw::dial(&server, "bad", Some("clean-custard.v1")).await.unwrap();
    ancient
        .text(r#"{"id":1,"type":"hello","protocol":0,"product":"x"}"#)
        .await;
    assert!(ancient.closed().await.contains("upgrade the agent"));
    for protocol in [None, Some("chat")] {
        match Raw::dial(&server, "bad", protocol).await.err() {
            Some(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 400),
            other => panic!("{other:?}"),
        }
    }
    eventually(|| server.hub.count() == 1).await;
    assert_eq!(
        rows_of(within(source.run(QUERY, &LIMITS)).await.unwrap())
            .await
            .unwrap(),
        20
    );
}

#[actix_web::test]
async fn an_agent_cannot_send_more_than_it_was_granted() {
    let server = Server::start().await;
    let mut hostile = Raw::agent(&server, "bad").await;
    let schema = hostile.hear().await;
    assert!(matches!(schema.message, Wire::Schema(_)), "{schema:?}");
    let source = server.source("bad").unwrap();
    let waiting = tokio::spawn(async move { within(source.run(QUERY, &LIMITS)).await.map(|_| ()) });
    let query = hostile.hear().await;
    let Wire::Query(asked) = &query.message else {
        panic!("{query:?}");
    };
    assert_eq!(asked.credit, protocol::CREDIT_WINDOW);
    // The beginning of a message that never ends: the reader takes what comes and grants more, but no
    // message may be that long.
    hostile.data(query.id, b"\xff\xff\xff\xff\xff\xff\xff\x7f").await;
    let error = waiting.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    // Credit for what the reader took may have been written before it gave up.
    loop {
        match hostile.hear().await.message {
            Wire::Credit(_) => {}
            Wire::Cancel(_) => break,
            other => panic!("{other:?}"),
        }
    }
    // The reader is gone, so nothing is granted any more; what was granted is soon used up.
    for _ in 0..=protocol::CREDIT_WINDOW as usize / protocol::MAX_FRAME {
        hostile.data(query.id, &[0; protocol::MAX_CHUNK]).await;
    }
    let said = hostile.closed().await;
    assert!(said.contains("than credit was granted"), "{said}");
}

#[actix_web::test]
async fn results_that_are_not_what_they_should_be_are_errors_and_never_rows() {
    let server = Server::start().await;
    let mut hostile = Raw::agent(&server, "bad").await;
    hostile.hear().await;
    let source = server.source("bad").unwrap();
    let fake = Fake::new(1, 10);
    let mut encoder = clean_custard::link::ipc::Encoder::new(&fake.schema()).unwrap();
    let mut whole = encoder.take();
    whole.extend(encoder.encode(&fake.batches()[0]).unwrap());
    whole.extend(encoder.finish().unwrap());
    let end = |rows| {
        Wire::End(End {
            rows,
            truncated: false,
        })
    };
    for (bytes, last, said) in [
        (&b""[..], end(0), "without columns"),
        (&b"SELECT"[..], end(0), "without columns"),
        (&[7; 1000][..], end(0), "cannot be read"),
        (&whole[..whole.len() / 2], end(10), "ends in the middle"),
        (&whole[..whole.len() - 8], end(10), "ends in the middle"),
        (&whole[..], end(11), "11 rows, but 10 arrived"),
        (
            &whole[..whole.len() / 2],
            Wire::Fault(Fault {
                code: "unauthorized".into(),
                kind: None,
                message: "log in again".into(),
            }),
            "log in again",
        ),
    ] {
        let source = source.clone();
        let waiting = tokio::spawn(async move { within(source.run(QUERY, &LIMITS)).await?.collect().await });
        let query = loop {
            let envelope = hostile.hear().await;
            if let Wire::Query(_) = envelope.message {
                break envelope;
            }
        };
        if !bytes.is_empty() {
            hostile.data(query.id, bytes).await;
        }
        hostile.say(query.id, last).await;
        let error = waiting.await.unwrap().unwrap_err();
        assert!(error.to_string().contains(said), "{error} instead of {said}");
        assert!(matches!(error, Error::Source { .. }), "{error:?}");
    }
    assert_eq!(server.hub.count(), 1);
}

#[actix_web::test]
async fn an_agent_that_falls_silent_counts_as_gone() {
    let hub = Hub::with_heartbeat(Heartbeat {
        every: Duration::from_millis(100),
        dead_after: Duration::from_secs(3),
    });
    let server = Server::with_hub(([127, 0, 0, 1], 0).into(), hub).await;
    let _answering = agent(&server, "good", Fake::new(1, 10));
    server.online("good").await;
    // Its socket stays open, as when a cable is pulled.
    let mut silent = Raw::agent(&server, "silent").await;
    silent.hear().await;
    let source = server.source("silent").unwrap();
    let error = within(source.run(QUERY, &LIMITS)).await.err().unwrap();
    assert!(matches!(error, Error::AgentOffline(_)), "{error:?}");
    eventually(|| !server.hub.status("silent").online).await;
    assert!(server.hub.status("good").online);
    drop(silent);
}

#[actix_web::test]
async fn a_schema_without_end_or_sense_is_refused() {
    let server = Server::start().await;
    let mut endless = Raw::agent(&server, "bad").await;
    let schema = endless.hear().await;
    let mut credit = protocol::CREDIT_WINDOW;
    let chunk = vec![0; protocol::MAX_CHUNK];
    let said = loop {
        if credit >= protocol::MAX_FRAME as u64 {
            endless.data(schema.id, &chunk).await;
            credit -= protocol::MAX_FRAME as u64;
            continue;
        }
        match within(endless.0.next()).await {
            Some(Ok(Message::Text(text))) => {
                if let Wire::Credit(more) = Envelope::decode(&text).unwrap().message {
                    credit += more.bytes;
                }
            }
            Some(Ok(Message::Close(Some(frame)))) => break frame.reason.to_string(),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(said.contains("larger than 16 MB"), "{said}");

    // A gigabyte of blanks takes a hundred kilobytes.
    let bomb = zstd::encode_all(std::io::Read::take(std::io::repeat(b' '), 1 << 30), 1).unwrap();
    for (bytes, reason) in [(bomb, "larger than 96 MB"), (b"{}".to_vec(), "cannot be read")] {
        let mut hostile = Raw::agent(&server, "bad").await;
        let schema = hostile.hear().await;
        for chunk in bytes.chunks(protocol::MAX_CHUNK) {
            hostile.data(schema.id, chunk).await;
        }
        hostile.say(schema.id, Wire::End(End::default())).await;
        let said = hostile.closed().await;
        assert!(said.contains(reason), "{said}");
    }
    assert!(server.hub.catalog("bad").is_none());
}

/// A server that says what a test tells it to.
pub(super) struct RawServer(TcpListener);

impl RawServer {
    pub(super) async fn start() -> RawServer {
        RawServer(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(super) fn url(&self) -> String {
        format!("ws://{}/api/v1/connections/ws/c1", self.0.local_addr().unwrap())
    }

    /// Whoever dials next, however long it takes.
    pub(super) async fn dialled(&self) -> TcpStream {
        self.0.accept().await.unwrap().0
    }

    pub(super) async fn accept(&self) -> Raw<TcpStream> {
        let stream = within(self.dialled()).await;
        #[expect(clippy::result_large_err, reason = "the library's own signature")]
        let answer = |request: &Request, mut response: Response| {
            assert_eq!(request.headers()["authorization"], "Bearer right");
            let protocol = request.headers()["sec-websocket-protocol"].clone();
            response.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
            Ok(response)
        };
        let socket = tokio_tungstenite::accept_hdr_async(stream, answer).await.unwrap();
        let mut raw = Raw(socket, true);
        assert!(matches!(raw.hear().await.message, Wire::Hello(_)));
        raw
    }

    /// An agent's socket that was welcomed.
    pub(super) async fn welcomed(&self) -> Raw<TcpStream> {
        let mut raw = self.accept().await;
        raw.say(1, welcome("POSTGRESQL")).await;
        raw
    }
}

fn welcome(kind: &str) -> Wire {
    Wire::Welcome(Welcome {
        protocol: 1,
        product: "9.9.9".into(),
        connection_id: "c1".into(),
        kind: kind.into(),
    })
}

pub(super) fn query(text: &str, credit: u64) -> Wire {
    Wire::Query(Query {
        query: text.into(),
        limits: QueryLimits {
            rows: u64::MAX,
            bytes: u64::MAX,
            time_ms: u64::MAX,
        },
        deadline_ms: u64::MAX,
        credit,
        traceparent: None,
        asker: None,
    })
}

#[actix_web::test]
async fn servers_that_break_the_rules_are_left_and_dialled_again() {
    let server = RawServer::start().await;
    let fake = Fake::new(1000, 1_000_000);
    let agent = world::agent_at(&server.url(), "right", fake.clone(), world::terms());
    for (message, reason) in [
        (Message::Text("garbage".into()), "cannot be read"),
        (Message::Binary(vec![0; 9].into()), "did not ask for"),
        (
            Message::Text(r#"{"id":1,"type":"hello","protocol":1,"product":"x"}"#.into()),
            "only an agent sends",
        ),
    ] {
        let mut raw = server.welcomed().await;
        raw.send(message).await;
        let said = raw.closed().await;
        assert!(said.contains(reason), "{said}");
    }
    let mut other_kind = server.accept().await;
    other_kind.say(1, welcome("MONGODB")).await;
    assert!(other_kind.closed().await.contains("MONGODB"));

    // Twice the same id; the query that runs ends with the socket.
    let mut twice = server.welcomed().await;
    twice.say(1, query(QUERY, 100_000)).await;
    twice.say(1, query(QUERY, 100_000)).await;
    assert!(twice.closed().await.contains("opened twice"));
    eventually(|| fake.running.load(Ordering::Relaxed) == 0).await;
    assert!(agent.is_running());
}

#[actix_web::test]
async fn a_hostile_server_gets_no_more_than_the_policy_allows() {
    let server = RawServer::start().await;
    let fake = Fake::new(3, 1000);
    let _agent = world::agent_at(&server.url(), "right", fake.clone(), world::terms());
    let mut raw = server.welcomed().await;
    for (id, text) in [
        "DROP TABLE numbers",
        "SELECT pg_read_file('/etc/passwd')",
        "",
        "SELECT * FROM hidden",
    ]
    .into_iter()
    .enumerate()
    {
        let id = id as u64 + 10;
        raw.say(id, query(text, u64::MAX)).await;
        let fault = loop {
            let envelope = raw.hear().await;
            if envelope.id == id {
                break envelope;
            }
        };
        assert!(matches!(fault.message, Wire::Fault(_)), "{text}: {fault:?}");
    }
    assert_eq!(fake.asked.load(Ordering::Relaxed), 0);

    // Credit without end, credit and cancels for nothing, all forgiven; the policy's limits stand.
    raw.say(99, Wire::Credit(Credit { bytes: u64::MAX })).await;
    raw.say(99, Wire::Cancel(Cancel {})).await;
    raw.say(20, query(QUERY, 1)).await;
    raw.say(20, Wire::Credit(Credit { bytes: u64::MAX })).await;
    raw.say(20, Wire::Credit(Credit { bytes: u64::MAX })).await;
    let end = loop {
        let envelope = raw.hear().await;
        if envelope.id == 20 {
            break envelope;
        }
    };
    assert!(matches!(end.message, Wire::End(End { rows: 30, .. })), "{end:?}");
    let policy = world::terms().policy;
    assert_eq!(fake.last_limits().rows, policy.max_rows);
    assert_eq!(fake.last_limits().bytes, policy.max_bytes);
    assert_eq!(
        u128::from(fake.last_limits().time_ms),
        policy.max_time.as_millis()
    );

    // A probe is answered, too.
    raw.say(30, Wire::Ping(Ping { probe: true })).await;
    while raw.hear().await.id != 30 {}

    // A flood of requests is answered or refused, each one.
    for id in 1000..1600 {
        raw.say(
            id,
            Wire::Schema(SchemaRequest {
                credit: u64::MAX,
                known: None,
            }),
        )
        .await;
    }
    let mut answered = 0;
    while answered < 600 {
        if matches!(raw.hear().await.message, Wire::End(_) | Wire::Fault(_)) {
            answered += 1;
        }
    }
}
