//! Traces, sent to a scripted collector: what is in them, what is not, and that a dead one slows nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use clean_custard::config::{LlmConfig, TracesConfig};
use serde_json::{Value, json};

use super::{total, upload_sales};
use crate::support::app::{TestApp, eventually};
use crate::support::model::{Model, Reply};

/// What a collector was sent.
#[derive(Clone, Default)]
struct Received {
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Received {
    /// Whether any body has these bytes; texts stand in protobuf as they are.
    fn has(&self, bytes: &[u8]) -> bool {
        let bodies = self.bodies.lock().unwrap();
        bodies
            .iter()
            .any(|body| body.windows(bytes.len()).any(|window| window == bytes))
    }
}

/// A collector on a port of its own.
fn collector() -> (String, Received) {
    let received = Received::default();
    let (sender, port) = std::sync::mpsc::channel();
    let shared = received.clone();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                App::new().app_data(web::Data::new(shared.clone())).route(
                    "/v1/traces",
                    web::post().to(
                        |request: HttpRequest, body: web::Bytes, received: web::Data<Received>| async move {
                            assert_eq!(
                                request.headers().get("content-type").unwrap(),
                                "application/x-protobuf"
                            );
                            let key = request
                                .headers()
                                .get("x-api-key")
                                .map(|key| key.to_str().unwrap().to_owned());
                            received.keys.lock().unwrap().extend(key);
                            received.bodies.lock().unwrap().push(body.to_vec());
                            HttpResponse::Ok().content_type("application/x-protobuf").finish()
                        },
                    ),
                )
            })
            .workers(1)
            .bind("127.0.0.1:0")
            .unwrap();
            sender.send(server.addrs()[0].port()).unwrap();
            server.run().await.unwrap();
        });
    });
    (
        format!("http://127.0.0.1:{}/v1/traces", port.recv().unwrap()),
        received,
    )
}

fn to(endpoint: String) -> Option<TracesConfig> {
    Some(TracesConfig {
        endpoint,
        headers: HashMap::from([("x-api-key".to_owned(), "the key".to_owned().into())]),
        service_name: "custard-test".into(),
    })
}

fn trace_id(answer: &Value) -> Vec<u8> {
    uuid::Uuid::parse_str(answer["id"].as_str().unwrap())
        .unwrap()
        .as_bytes()
        .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_a_trace_with_its_stages_and_the_models_tokens() {
    let (endpoint, received) = collector();
    let model = Model::start();
    model.rule(|asked| {
        // The number of tokens was asked for, and comes.
        assert_eq!(asked.body["stream_options"]["include_usage"], asked.body["stream"]);
        let content = json!({ "kind": "query", "query": "SELECT sum(amount) AS total FROM sales", "explanation": "all of it" });
        let events = [
            json!({ "choices": [{ "index": 0, "delta": { "content": content.to_string() } }] }),
            json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }),
            json!({ "choices": [], "usage": { "prompt_tokens": 1234, "completion_tokens": 56 } }),
        ];
        let mut body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        body.push_str("data: [DONE]\n\n");
        Reply::raw(200, body).header("content-type", "text/event-stream")
    });
    let llm = LlmConfig::new(model.url(), None, "tiny-model");
    let app = TestApp::builder()
        .llm(llm)
        .config(move |config| config.traces = to(endpoint))
        .start()
        .await;
    let owner = app.owner().await;
    upload_sales(&owner, "sales.csv").await;
    let answer = total(&owner).await;
    let id = trace_id(&answer);
    eventually("the trace", async || received.has(&id).then_some(())).await;
    for words in [
        "custard-test",
        "gen_ai.operation.name",
        "invoke_agent",
        "gen_ai.request.model",
        "tiny-model",
        "chat tiny-model",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "translate",
        "validate",
        "run",
        "datafusion",
    ] {
        assert!(received.has(words.as_bytes()), "{words}");
    }
    // 1,234 and 56 as protobuf writes them.
    assert!(received.has(&[0x18, 0xd2, 0x09]) && received.has(&[0x18, 56]));
    assert_eq!(received.keys.lock().unwrap()[0], "the key");
    // Neither words nor rows, as nobody allowed them.
    for words in ["total amount", "sum(amount)", "SELECT", "36.00", "sales"] {
        assert!(!received.has(words.as_bytes()), "{words} left the house");
    }
    let tokens = owner
        .request(reqwest::Method::GET, "/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        tokens.contains("custard_llm_tokens_total{kind=\"input\"} 1234"),
        "{tokens}"
    );

    // With the owner's leave the words go along, and then the rows.
    owner
        .patch("/api/v1/settings", &json!({ "trace_questions": true }))
        .await;
    let id = trace_id(&total(&owner).await);
    eventually("the trace", async || received.has(&id).then_some(())).await;
    assert!(received.has(b"total amount") && received.has(b"db.query.text") && !received.has(b"36.00"));
    owner
        .patch("/api/v1/settings", &json!({ "trace_rows": true }))
        .await;
    let id = trace_id(&total(&owner).await);
    eventually("the trace", async || received.has(&id).then_some(())).await;
    assert!(received.has(b"gen_ai.completion") && received.has(b"36.00"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_collector_slows_nothing() {
    // It takes connections and never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let app = TestApp::builder()
        .config(move |config| config.traces = to(endpoint))
        .start()
        .await;
    let owner = app.owner().await;
    upload_sales(&owner, "sales.csv").await;
    for _ in 0..20 {
        total(&owner).await;
    }
    assert_eq!(app.anonymous().get("/ready").await.0, 200);
    drop(listener);
}
