//! Both ends of a link over a socket made of channels.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::channel::mpsc as pipe;

use super::answering::Answers;
use super::asking::{Part, Reply, Requests};
use super::*;
use crate::error::Error;
use crate::protocol::{CREDIT_WINDOW, End, MAX_TEXT, SchemaRequest};

/// The server's side of a link.
struct Asking(Requests);

impl Handler for Asking {
    fn message(&self, envelope: Envelope) -> Result<(), Violation> {
        match envelope.message {
            Message::End(end) => self.0.end(envelope.id, Ok(end)),
            Message::Fault(fault) => self.0.end(envelope.id, Err(fault)),
            _ => {}
        }
        Ok(())
    }
    fn data(&self, id: u64, chunk: &[u8], cost: u64) -> Result<(), Violation> {
        self.0.data(id, chunk, cost)
    }
}

/// The agent's side: answers the first request with `first` bytes and every other with three.
struct Answering {
    answers: Answers,
    first: usize,
    sent: Arc<AtomicU64>,
    cancelled: Arc<Notify>,
}

impl Handler for Answering {
    fn message(&self, envelope: Envelope) -> Result<(), Violation> {
        match envelope.message {
            Message::Schema(request) => {
                let answer = self.answers.open(envelope.id, request.credit).unwrap();
                let (sent, cancelled) = (self.sent.clone(), self.cancelled.clone());
                let bytes = if envelope.id == 1 { self.first } else { 3 };
                tokio::spawn(async move {
                    let work = async {
                        for piece in vec![7; bytes].chunks(100_000) {
                            answer.send(piece).await?;
                            sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
                        }
                        Ok(())
                    };
                    let result = tokio::select! {
                        result = work => result,
                        () = answer.cancelled() => {
                            cancelled.notify_one();
                            Err(Error::Cancelled)
                        }
                    };
                    match result {
                        Ok(()) => answer.end(End::default()).await,
                        Err(error) => answer.fault(&error).await,
                    }
                });
            }
            Message::Credit(credit) => self.answers.credit(envelope.id, credit.bytes),
            Message::Cancel(_) => self.answers.cancel(envelope.id),
            _ => {}
        }
        Ok(())
    }
    fn data(&self, _: u64, _: &[u8], _: u64) -> Result<(), Violation> {
        Err(Violation("data".into()))
    }
}

fn ask(requests: &Requests) -> Reply {
    requests
        .ask(|credit| Message::Schema(SchemaRequest { credit, known: None }))
        .unwrap()
}

async fn read_all(mut reply: Reply) -> crate::error::Result<usize> {
    let mut bytes = 0;
    loop {
        match reply.next().await? {
            Part::Bytes(more) => bytes += more.len(),
            Part::End(_) => return Ok(bytes),
        }
    }
}

struct Linked {
    requests: Requests,
    sent: Arc<AtomicU64>,
    cancelled: Arc<Notify>,
    agent: tokio::task::JoinHandle<Ended>,
}

/// A server and an agent, linked.
fn linked(first: usize) -> Linked {
    let (to_agent, from_server) = pipe::channel(4);
    let (to_server, from_agent) = pipe::channel(4);
    let outbox = Arc::new(Outbox::default());
    let requests = Requests::new(outbox.clone());
    let asking = Asking(requests.clone());
    tokio::spawn(async move {
        let heartbeat = Heartbeat::default();
        let ended = run(from_agent.map(Ok), to_agent, &outbox, None, &asking, heartbeat).await;
        asking.0.fail(Error::AgentOffline(ended.to_string()));
    });
    let (answers, outgoing) = Answers::new();
    let (sent, cancelled) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let answering = Answering {
        answers,
        first,
        sent: sent.clone(),
        cancelled: cancelled.clone(),
    };
    let agent = tokio::spawn(async move {
        let outbox = Outbox::default();
        let heartbeat = Heartbeat::default();
        let data = Some(outgoing);
        run(
            from_server.map(Ok),
            to_server,
            &outbox,
            data,
            &answering,
            heartbeat,
        )
        .await
    });
    Linked {
        requests,
        sent,
        cancelled,
        agent,
    }
}

#[tokio::test]
async fn a_reply_larger_than_the_window_arrives_whole() {
    let linked = linked(10_000_000);
    assert_eq!(read_all(ask(&linked.requests)).await.unwrap(), 10_000_000);
    assert_eq!(linked.requests.running(), 0);
}

#[tokio::test]
async fn a_slow_reader_holds_its_window_and_nobody_else_up() {
    let linked = linked(50_000_000);
    let slow = ask(&linked.requests);
    for _ in 0..20 {
        assert_eq!(read_all(ask(&linked.requests)).await.unwrap(), 3);
    }
    let sent = linked.sent.load(Ordering::Relaxed);
    assert!(
        sent <= CREDIT_WINDOW,
        "{sent} bytes sent on {CREDIT_WINDOW} of credit"
    );
    assert_eq!(read_all(slow).await.unwrap(), 50_000_000);
}

#[tokio::test]
async fn dropping_a_reply_cancels_its_answer_and_frees_its_place() {
    let linked = linked(50_000_000);
    let mut reply = ask(&linked.requests);
    assert!(matches!(reply.next().await, Ok(Part::Bytes(_))));
    drop(reply);
    linked.cancelled.notified().await;
    assert_eq!(linked.requests.running(), 0);
    assert_eq!(read_all(ask(&linked.requests)).await.unwrap(), 3);
}

#[tokio::test]
async fn when_the_socket_dies_every_waiter_hears_of_it() {
    let linked = linked(50_000_000);
    let reply = ask(&linked.requests);
    linked.agent.abort();
    assert!(matches!(read_all(reply).await, Err(Error::AgentOffline(_))));
    assert!(matches!(
        linked
            .requests
            .ask(|credit| Message::Schema(SchemaRequest { credit, known: None })),
        Err(Error::AgentOffline(_))
    ));
}

/// Runs the server's side against frames written by hand; gives how it ended and what it sent.
async fn against(frames: Vec<Frame>) -> (Ended, Vec<Frame>) {
    let outbox = Arc::new(Outbox::default());
    let requests = Requests::new(outbox.clone());
    let _open = ask(&requests);
    let (sink, written) = pipe::channel(1000);
    let stream = futures::stream::iter(frames.into_iter().map(Ok)).chain(futures::stream::pending());
    let heartbeat = Heartbeat {
        every: Duration::from_millis(20),
        dead_after: Duration::from_millis(60),
    };
    let ended = run(stream, sink, &outbox, None, &Asking(requests), heartbeat).await;
    (ended, written.collect().await)
}

#[tokio::test]
async fn breaking_a_rule_ends_the_socket_with_the_reason() {
    let text = |text: &str| Frame::Text(text.to_owned());
    let data = |id, size| Frame::Binary(protocol::data_frame(id, &vec![0; size]));
    let full = protocol::MAX_CHUNK;
    let over_credit = vec![data(1, full); CREDIT_WINDOW as usize / protocol::MAX_FRAME + 1];
    for (frames, reason) in [
        (vec![text("hello")], "cannot be read"),
        (vec![text("{\"id\":1}")], "cannot be read"),
        (vec![text(&"x".repeat(MAX_TEXT + 1))], "61441 bytes"),
        (vec![Frame::Binary(Bytes::from_static(&[0; 8]))], "without data"),
        (vec![Frame::Binary(Bytes::new())], "without data"),
        (
            vec![Frame::Binary(vec![0; protocol::MAX_FRAME + 1].into())],
            "65537 bytes",
        ),
        (vec![data(2, 1)], "request 2, which is not open"),
        (over_credit, "than credit was granted"),
    ] {
        let (ended, written) = against(frames).await;
        let Ended::Violation(what) = ended else {
            panic!("{ended:?} instead of {reason}");
        };
        assert!(what.contains(reason), "{what} instead of {reason}");
        assert!(
            written
                .iter()
                .any(|frame| matches!(frame, Frame::Close(closing) if closing.code == Closing::POLICY)),
            "{written:?}"
        );
    }
}

#[tokio::test]
async fn silence_ends_the_socket_after_pings() {
    let (ended, written) = against(Vec::new()).await;
    assert!(matches!(ended, Ended::Silent(_)), "{ended:?}");
    assert!(
        written.contains(&Frame::Text("{\"id\":1,\"type\":\"ping\"}".into())),
        "{written:?}"
    );
}

#[tokio::test]
async fn pings_and_unknown_messages_are_answered() {
    let frames = vec![
        Frame::Ping(Bytes::from_static(b"abc")),
        Frame::Text(r#"{"id":5,"type":"ping"}"#.into()),
        Frame::Text(r#"{"id":6,"type":"teleport"}"#.into()),
        Frame::Text(r#"{"id":99,"type":"fault","code":"x","message":"y"}"#.into()),
    ];
    let (ended, written) = against(frames).await;
    assert!(matches!(ended, Ended::Silent(_)), "{ended:?}");
    assert!(written.contains(&Frame::Pong(Bytes::from_static(b"abc"))));
    assert!(written.contains(&Frame::Text(r#"{"id":5,"type":"pong"}"#.into())));
    let fault =
        |frame: &Frame| matches!(frame, Frame::Text(text) if text.starts_with(r#"{"id":6,"type":"fault""#));
    assert!(written.iter().any(fault), "{written:?}");
}

#[tokio::test]
async fn a_peer_that_floods_and_does_not_read_is_cut() {
    let outbox = Arc::new(Outbox::default());
    let requests = Requests::new(outbox.clone());
    let (sink, _unread) = pipe::channel(1);
    let stream = futures::stream::repeat_with(|| Ok(Frame::Ping(Bytes::new())));
    let heartbeat = Heartbeat::default();
    let asking = Asking(requests);
    let run = run(stream, sink, &outbox, None, &asking, heartbeat);
    let ended = tokio::time::timeout(Duration::from_secs(20), run).await.unwrap();
    assert!(matches!(ended, Ended::Violation(_)), "{ended:?}");
}

#[tokio::test]
async fn only_so_much_is_asked_of_an_agent_that_does_not_answer() {
    let requests = Requests::new(Arc::new(Outbox::default()));
    let query = |size: usize| {
        move |credit| {
            Message::Query(protocol::Query {
                query: "x".repeat(size),
                limits: protocol::QueryLimits {
                    rows: 1,
                    bytes: 1,
                    time_ms: 1,
                },
                deadline_ms: 1,
                credit,
                traceparent: None,
                asker: None,
            })
        }
    };
    assert!(matches!(requests.ask(query(MAX_TEXT)), Err(Error::TooLarge(_))));
    let mut open = Vec::new();
    let refused = loop {
        match requests.ask(query(50_000)) {
            Ok(reply) => open.push(reply),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::TooMany(_)));
    assert!(open.len() * 50_000 <= protocol::MAX_ASKED_BYTES);
    requests.end(1, Ok(End::default()));
    assert!(requests.ask(query(50_000)).is_ok());
}

#[tokio::test]
async fn a_side_that_leaves_stays_until_the_other_has_heard_it_out() {
    let outbox = Arc::new(Outbox::default());
    let asking = Asking(Requests::new(outbox.clone()));
    let (mut to_us, from_them) = pipe::channel(4);
    let (sink, mut written) = pipe::channel(4);
    let leaving = outbox.clone();
    let ours = tokio::spawn(async move {
        let heartbeat = Heartbeat::default();
        run(from_them.map(Ok), sink, &outbox, None, &asking, heartbeat).await
    });
    leaving.leave(Closing::new(Closing::AWAY, "bye"));
    assert!(matches!(written.next().await, Some(Frame::Close(_))));
    // A late grant of credit is read, and is no reason to go.
    for _ in 0..3 {
        to_us
            .send(Frame::Text(r#"{"id":1,"type":"credit","bytes":1}"#.into()))
            .await
            .unwrap();
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!ours.is_finished());
    to_us
        .send(Frame::Close(Closing::new(Closing::AWAY, "bye")))
        .await
        .unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(3), ours).await.unwrap();
    assert!(matches!(ended, Ok(Ended::Left(_))));
}
