//! Every question as a trace, for any collector that speaks OTLP (LangSmith, Langfuse, Jaeger, …): its stages
//! and calls to the model as spans, with OpenTelemetry's attributes for generative AI. docs/TRACES.md says how.
//!
//! Spans are made once the question is answered and go out beside everything else; when the collector is slow
//! or gone they are dropped, and nobody waits. Words of questions and queries, and rows, only go along where
//! the organisation's owner allows it.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use opentelemetry::trace::{
    Span, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, IdGenerator, RandomIdGenerator, SdkTracer, SdkTracerProvider,
};
use secrecy::ExposeSecret;

use super::preferences::Preferences;
use crate::ask::answer::{Answer, Outcome, SourceKind};
use crate::config::TracesConfig;
use crate::error::{Error, Result};
use crate::translate::usage::Call;

/// A collector that takes longer does not get these spans.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Spans waiting to go out; more are dropped.
const WAITING: usize = 4_096;

/// Between two sendings.
const DELAY: Duration = Duration::from_secs(2);

/// Rows of an answer that go along at most, where they may.
const ROWS: usize = 20;

/// Characters of one text at most: collectors refuse what is too large.
const TEXT: usize = 16_000;

/// Sends traces; without a collector it does nothing. Cheap to clone.
#[derive(Clone, Default)]
pub struct Traces {
    sending: Option<Arc<Sending>>,
}

struct Sending {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// A question that was answered, as a trace shows it.
pub struct Asked<'a> {
    /// The question's id; its digits are the trace's.
    pub id: &'a str,
    /// The span that the agent was told.
    pub span: u64,
    pub began: SystemTime,
    /// When each stage began.
    pub stages: &'a [(&'static str, SystemTime)],
    pub calls: &'a [Call],
    pub answer: &'a Answer,
    pub user_id: &'a str,
    pub organization_id: &'a str,
    pub conversation_id: &'a str,
    pub preferences: Preferences,
}

impl Traces {
    /// Has to be called within a runtime, on which traces are sent. Errors: `Invalid` for an address that cannot
    /// be used.
    pub fn new(config: Option<&TracesConfig>) -> Result<Traces> {
        let Some(config) = config else {
            return Ok(Traces::default());
        };
        let client = Client {
            http: reqwest::Client::builder()
                .timeout(TIMEOUT)
                .build()
                .map_err(Error::internal)?,
            runtime: tokio::runtime::Handle::current(),
            failing: AtomicBool::new(false),
        };
        let headers: HashMap<String, String> = config
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
            .collect();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&config.endpoint)
            .with_headers(headers)
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|error| {
                Error::Invalid(format!(
                    "Traces cannot be sent to traces.endpoint ({}): {error}.",
                    config.endpoint
                ))
            })?;
        let processor = BatchSpanProcessor::builder(exporter)
            .with_batch_config(
                BatchConfigBuilder::default()
                    .with_max_queue_size(WAITING)
                    .with_scheduled_delay(DELAY)
                    .build(),
            )
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_id_generator(Ids(RandomIdGenerator::default()))
            .with_resource(
                Resource::builder()
                    .with_service_name(config.service_name.clone())
                    .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
                    .build(),
            )
            .build();
        let tracer = provider.tracer("clean-custard");
        Ok(Traces {
            sending: Some(Arc::new(Sending { provider, tracer })),
        })
    }

    /// Whether traces are sent at all.
    pub fn is_on(&self) -> bool {
        self.sending.is_some()
    }

    /// Sends what is still waiting, for a short time at most. Blocks.
    pub fn finish(&self) {
        if let Some(sending) = &self.sending
            && let Err(error) = sending.provider.shutdown_with_timeout(Duration::from_secs(3))
        {
            tracing::debug!(%error, "the last traces were not sent");
        }
    }

    /// A question as a trace.
    pub fn tell(&self, asked: &Asked<'_>) {
        let Some(sending) = &self.sending else { return };
        let Some(trace) = trace_id(asked.id) else { return };
        let span = SpanId::from_bytes(asked.span.to_be_bytes());
        NEXT.set(Some((trace, span)));
        let mut root = SpanBuilder::from_name("ask")
            .with_kind(SpanKind::Server)
            .with_start_time(asked.began)
            .with_attributes(root_attributes(asked))
            .start_with_context(&sending.tracer, &Context::new());
        NEXT.set(None);
        let now = SystemTime::now();
        let parent = Context::new().with_remote_span_context(SpanContext::new(
            trace,
            span,
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ));
        for (index, (stage, began)) in asked.stages.iter().enumerate() {
            let ended = asked.stages.get(index + 1).map_or(now, |(_, next)| *next);
            let mut attributes = vec![
                KeyValue::new("custard.stage", *stage),
                KeyValue::new(
                    "langsmith.span.kind",
                    if *stage == "run" { "tool" } else { "chain" },
                ),
            ];
            if *stage == "run" {
                attributes.extend(query_attributes(asked));
            }
            SpanBuilder::from_name(*stage)
                .with_kind(if *stage == "run" {
                    SpanKind::Client
                } else {
                    SpanKind::Internal
                })
                .with_start_time(*began)
                .with_attributes(attributes)
                .start_with_context(&sending.tracer, &parent)
                .end_with_timestamp(ended);
        }
        for call in asked.calls {
            let mut span = SpanBuilder::from_name(format!("chat {}", call.model))
                .with_kind(SpanKind::Client)
                .with_start_time(call.began)
                .with_attributes(call_attributes(call))
                .start_with_context(&sending.tracer, &parent);
            if !call.ok {
                span.set_status(Status::error("the model did not answer"));
            }
            span.end_with_timestamp(call.ended);
        }
        if asked.answer.outcome == Outcome::Failed {
            let code = asked
                .answer
                .error
                .as_ref()
                .map_or("failed", |error| error.code.as_str());
            root.set_attribute(KeyValue::new("error.type", code.to_owned()));
            root.set_status(Status::error(code.to_owned()));
        }
        root.end_with_timestamp(now);
    }
}

/// The trace of a question: its id is the trace's, so that the agent's log names the same question.
pub fn traceparent(id: &str, span: u64) -> String {
    format!("00-{}-{span:016x}-01", id.replace('-', ""))
}

fn trace_id(id: &str) -> Option<TraceId> {
    TraceId::from_hex(&id.replace('-', "")).ok()
}

fn root_attributes(asked: &Asked<'_>) -> Vec<KeyValue> {
    let answer = asked.answer;
    let mut all = vec![
        KeyValue::new("gen_ai.operation.name", "invoke_agent"),
        KeyValue::new("gen_ai.agent.name", "clean-custard"),
        KeyValue::new("gen_ai.conversation.id", asked.conversation_id.to_owned()),
        KeyValue::new("session.id", asked.conversation_id.to_owned()),
        KeyValue::new("user.id", asked.user_id.to_owned()),
        KeyValue::new("custard.organization.id", asked.organization_id.to_owned()),
        KeyValue::new("custard.query.id", asked.id.to_owned()),
        KeyValue::new("custard.outcome", answer.outcome.name()),
        KeyValue::new("custard.translator", answer.translator.clone()),
        KeyValue::new("custard.attempts", i64::from(answer.attempts)),
        KeyValue::new("custard.rows", count(answer.row_count)),
        KeyValue::new("custard.truncated", answer.truncated),
        KeyValue::new("langsmith.span.kind", "chain"),
    ];
    let tokens = |of: fn(&Call) -> Option<u64>| asked.calls.iter().filter_map(of).sum::<u64>();
    if !asked.calls.is_empty() {
        all.push(KeyValue::new(
            "gen_ai.request.model",
            asked.calls[0].model.clone(),
        ));
        all.push(KeyValue::new(
            "gen_ai.usage.input_tokens",
            count(tokens(|call| call.input_tokens)),
        ));
        all.push(KeyValue::new(
            "gen_ai.usage.output_tokens",
            count(tokens(|call| call.output_tokens)),
        ));
    }
    if asked.preferences.trace_questions {
        all.push(KeyValue::new("gen_ai.prompt", short(&answer.question)));
        all.push(KeyValue::new("input.value", short(&answer.question)));
        all.push(KeyValue::new(
            "custard.interpretation",
            short(&answer.interpretation),
        ));
    }
    if asked.preferences.trace_rows {
        // The sentence has values of the rows in it.
        let columns: Vec<&str> = answer.columns.iter().map(|column| column.name.as_str()).collect();
        let rows: Vec<_> = answer.rows.iter().take(ROWS).collect();
        let output =
            serde_json::json!({ "answer": answer.answer, "columns": columns, "rows": rows }).to_string();
        all.push(KeyValue::new("gen_ai.completion", short(&output)));
        all.push(KeyValue::new("output.value", short(&output)));
    } else if asked.preferences.trace_questions
        && let Some(query) = &answer.query
    {
        all.push(KeyValue::new("gen_ai.completion", short(query)));
        all.push(KeyValue::new("output.value", short(query)));
    }
    all
}

fn query_attributes(asked: &Asked<'_>) -> Vec<KeyValue> {
    let answer = asked.answer;
    let mut all = vec![KeyValue::new(
        "db.response.returned_rows",
        count(answer.row_count),
    )];
    if let Some(dialect) = answer.dialect {
        all.push(KeyValue::new("db.system.name", dialect.name()));
    }
    if let Some(source) = answer.sources.first() {
        let kind = match source.kind {
            SourceKind::File => "file",
            SourceKind::Connection => "connection",
        };
        all.push(KeyValue::new("custard.source.kind", kind));
        all.push(KeyValue::new("custard.source.id", source.id.clone()));
    }
    if asked.preferences.trace_questions
        && let Some(query) = &answer.query
    {
        all.push(KeyValue::new("db.query.text", short(query)));
    }
    all
}

fn call_attributes(call: &Call) -> Vec<KeyValue> {
    let mut all = vec![
        KeyValue::new("gen_ai.operation.name", "chat"),
        KeyValue::new("gen_ai.provider.name", "openai"),
        KeyValue::new("gen_ai.system", "openai"),
        KeyValue::new("gen_ai.request.model", call.model.clone()),
        KeyValue::new("langsmith.span.kind", "llm"),
    ];
    if let Some(tokens) = call.input_tokens {
        all.push(KeyValue::new("gen_ai.usage.input_tokens", count(tokens)));
    }
    if let Some(tokens) = call.output_tokens {
        all.push(KeyValue::new("gen_ai.usage.output_tokens", count(tokens)));
    }
    all
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn short(text: &str) -> String {
    text.chars().take(TEXT).collect()
}

thread_local! {
    /// The ids of the span that is begun next on this thread.
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Random ids, but for a span whose ids were told to the agent before.
#[derive(Debug)]
struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get()
            .map_or_else(|| self.0.new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().map_or_else(|| self.0.new_span_id(), |(_, span)| span)
    }
}

/// Sends with our own client, on our own runtime: the thread that batches spans has none.
struct Client {
    http: reqwest::Client,
    runtime: tokio::runtime::Handle,
    /// Whether the last sending failed, so that it is logged once and not every two seconds.
    failing: AtomicBool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = self
            .http
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .body(body);
        let outcome = self
            .runtime
            .spawn(async move {
                let answer = request.send().await?;
                let status = answer.status();
                Ok::<_, reqwest::Error>((status, answer.bytes().await?))
            })
            .await?;
        let failed = match &outcome {
            Ok((status, _)) if status.is_success() => None,
            Ok((status, _)) => Some(format!("status {status}")),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = &failed
            && !self.failing.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "traces cannot be sent; they are dropped until the collector is back");
        }
        if failed.is_none() && self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!("traces are sent again");
        }
        let (status, body) = outcome?;
        Ok(Response::builder().status(status).body(body)?)
    }
}
