//! A scripted language model: an OpenAI-compatible server on a port of its own, in a thread of its own.
//!
//! It answers from a queue of [`Reply`]s (or a rule once the queue is empty) and remembers every request.
//! HTTP is spoken by hand so that a test decides where each chunk ends, when the line drops, and hears when
//! the client hangs up.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Nothing a test waits for takes this long, unless it will never happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// The running server; it stops with the test process.
pub struct Model {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

type Rule = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

#[derive(Default)]
struct State {
    queue: VecDeque<Reply>,
    rule: Option<Rule>,
    asked: Vec<Asked>,
    /// Requests whose client hung up before the reply was complete.
    abandoned: usize,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// With the query string.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Null when there was none.
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// The text of message number `at`.
    pub fn message(&self, at: usize) -> &str {
        self.body["messages"][at]["content"]
            .as_str()
            .expect("a message of text")
    }
}

/// One scripted reply.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
    end: End,
    /// Sizes of the pieces that the body is sent in, over and over.
    pieces: Vec<usize>,
}

#[derive(Debug, Clone)]
enum Body {
    /// A model's words, streamed or whole as the request wants, with this finish reason.
    Words(String, Option<&'static str>),
    /// Exactly this.
    Raw(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Complete,
    /// The line drops after so many bytes of the body.
    Drops(usize),
    /// After so many bytes nothing more comes.
    Hangs(usize),
}

impl Reply {
    /// The model says this.
    pub fn says(words: impl Into<String>) -> Reply {
        Reply {
            status: 200,
            headers: Vec::new(),
            body: Body::Words(words.into(), Some("stop")),
            end: End::Complete,
            pieces: vec![usize::MAX],
        }
    }

    /// The model answers with a query.
    pub fn query(query: &str, explanation: &str) -> Reply {
        Reply::says(
            json!({"kind": "query", "query": query, "explanation": explanation, "options": []}).to_string(),
        )
    }

    /// The model asks back.
    pub fn clarify(question: &str, options: &[(&str, &str)]) -> Reply {
        let options: Vec<Value> = options
            .iter()
            .map(|(label, question)| json!({"label": label, "question": question}))
            .collect();
        Reply::says(
            json!({"kind": "clarify", "query": "", "explanation": question, "options": options}).to_string(),
        )
    }

    /// The model refuses.
    pub fn refuse(reason: &str) -> Reply {
        Reply::says(json!({"kind": "refuse", "query": "", "explanation": reason, "options": []}).to_string())
    }

    /// The endpoint answers with an error.
    pub fn error(status: u16, message: &str) -> Reply {
        Reply::raw(status, json!({"error": {"message": message}}).to_string())
    }

    /// Exactly this body.
    pub fn raw(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply {
            status,
            body: Body::Raw(body.into()),
            ..Reply::says("")
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Why the model stopped; None: the endpoint never says.
    pub fn finish_reason(mut self, reason: Option<&'static str>) -> Reply {
        if let Body::Words(_, finish) = &mut self.body {
            *finish = reason;
        }
        self
    }

    /// Sends the body in pieces of these sizes in bytes, over and over.
    pub fn in_pieces(mut self, sizes: &[usize]) -> Reply {
        self.pieces = sizes.to_vec();
        self
    }

    /// Drops the line after so many bytes of the body.
    pub fn drops_after(mut self, bytes: usize) -> Reply {
        self.end = End::Drops(bytes);
        self
    }

    /// Sends so many bytes of the body and then nothing, the line open.
    pub fn hangs_after(mut self, bytes: usize) -> Reply {
        self.end = End::Hangs(bytes);
        self
    }
}

impl Model {
    pub fn start() -> Model {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared::default());
        let served = shared.clone();
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(async move {
                    let listener = TcpListener::from_std(listener).expect("the listener");
                    while let Ok((socket, _)) = listener.accept().await {
                        let shared = served.clone();
                        tokio::spawn(async move {
                            // A client that hangs up is part of the script.
                            let _ = serve(socket, &shared).await;
                        });
                    }
                });
        });
        Model { port, shared }
    }

    /// For `llm.base_url`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// The next reply after those already queued.
    pub fn queue(&self, reply: Reply) -> &Model {
        self.shared.state.lock().unwrap().queue.push_back(reply);
        self
    }

    /// Answers every request for which nothing is queued.
    pub fn rule(&self, rule: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> &Model {
        self.shared.state.lock().unwrap().rule = Some(Arc::new(rule));
        self
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.state.lock().unwrap().asked.clone()
    }

    /// Waits until so many requests have come.
    pub fn wait_asked(&self, count: usize) {
        self.wait("requests", |state| state.asked.len() >= count);
    }

    /// Waits until so many clients have hung up before their reply was complete.
    pub fn wait_abandoned(&self, count: usize) {
        self.wait("abandoned replies", |state| state.abandoned >= count);
    }

    fn wait(&self, what: &str, done: impl Fn(&State) -> bool) {
        let state = self.shared.state.lock().unwrap();
        let (_state, waited) = self
            .shared
            .changed
            .wait_timeout_while(state, PATIENCE, |state| !done(state))
            .unwrap();
        assert!(!waited.timed_out(), "waited in vain for {what}");
    }
}

async fn serve(mut socket: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        // A TLS greeting, answered as web servers do.
        if bytes[0] == 0x16 {
            return socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    while bytes.len() < head_end + 4 + length {
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
    let asked = Asked {
        method,
        path,
        headers,
        body: serde_json::from_slice(&bytes[head_end + 4..]).unwrap_or(Value::Null),
    };
    let reply = {
        let mut state = shared.state.lock().unwrap();
        let queued = state.queue.pop_front();
        let rule = state.rule.clone();
        state.asked.push(asked.clone());
        drop(state);
        shared.changed.notify_all();
        queued
            .or_else(|| rule.map(|rule| rule(&asked)))
            .unwrap_or_else(|| Reply::error(418, "the script is at its end"))
    };
    send(socket, &asked, reply, shared).await
}

async fn send(mut socket: TcpStream, asked: &Asked, reply: Reply, shared: &Shared) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let (body, kind) = match &reply.body {
        Body::Raw(body) => (body.clone(), "application/json"),
        Body::Words(words, finish) if asked.body["stream"] == true => (events(words, *finish), "text/event-stream"),
        Body::Words(words, finish) => (
            json!({
                "id": "x", "object": "chat.completion", "created": 0, "model": asked.body["model"],
                "choices": [{"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": finish}],
            })
            .to_string()
            .into_bytes(),
            "application/json",
        ),
    };
    let mut head = format!(
        "HTTP/1.1 {} Scripted\r\ntransfer-encoding: chunked\r\nconnection: close\r\n",
        reply.status
    );
    if !reply.headers.iter().any(|(name, _)| name == "content-type") {
        head.push_str(&format!("content-type: {kind}\r\n"));
    }
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    socket.write_all(head.as_bytes()).await?;
    let whole = match reply.end {
        End::Complete => body.len(),
        End::Drops(bytes) | End::Hangs(bytes) => bytes.min(body.len()),
    };
    let mut rest = &body[..whole];
    for size in reply.pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(rest.len().min(*size));
        rest = after;
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend_from_slice(piece);
        chunk.extend_from_slice(b"\r\n");
        if let Err(error) = socket.write_all(&chunk).await {
            abandoned(shared);
            return Err(error);
        }
    }
    match reply.end {
        End::Complete => {
            socket.write_all(b"0\r\n\r\n").await?;
            socket.shutdown().await
        }
        End::Drops(_) => Ok(()),
        End::Hangs(_) => {
            let mut ignored = [0; 64];
            while socket.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
            abandoned(shared);
            Ok(())
        }
    }
}

fn abandoned(shared: &Shared) {
    shared.state.lock().unwrap().abandoned += 1;
    shared.changed.notify_all();
}

/// The words as a stream of deltas of a few characters.
fn events(words: &str, finish: Option<&str>) -> Vec<u8> {
    let mut stream = String::from(": warming up\n\n");
    let event = |delta: Value, finish: Option<&str>| {
        let event = json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        format!("data: {event}\n\n")
    };
    stream.push_str(&event(json!({"role": "assistant", "content": ""}), None));
    let letters: Vec<char> = words.chars().collect();
    for part in letters.chunks(7) {
        stream.push_str(&event(json!({"content": part.iter().collect::<String>()}), None));
    }
    if let Some(finish) = finish {
        stream.push_str(&event(json!({}), Some(finish)));
        stream.push_str("data: [DONE]\n\n");
    }
    stream.into_bytes()
}
