//! Numbers about how the server is doing, in the words of Prometheus. docs/OPERATIONS.md lists their names.
//!
//! One recorder a server, handed down like everything else; what is a state rather than an event (agents,
//! pools, caches) is read when the numbers are asked for.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Key, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

use crate::ask::answer::Answer;
use crate::error::{Error, Result};
use crate::translate::usage::Call;

/// Upper ends of the classes that times fall in, in seconds.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

const METADATA: Metadata<'static> = Metadata::new("clean_custard", Level::INFO, None);

/// The recorder. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
}

impl Metrics {
    pub fn new() -> Result<Metrics> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)
            .map_err(Error::internal)?
            .build_recorder();
        let counters = [
            (
                "custard_http_requests_total",
                "Requests answered, by method, route and status.",
            ),
            (
                "custard_asks_total",
                "Questions and queries answered, by outcome and who wrote the query.",
            ),
            (
                "custard_llm_tokens_total",
                "Tokens that the language model read and wrote.",
            ),
            ("custard_rows_total", "Rows of answers."),
        ];
        for (name, words) in counters {
            recorder.describe_counter(name.into(), None, SharedString::const_str(words));
        }
        let histograms = [
            (
                "custard_http_request_seconds",
                "Time to the first byte of an answer, by method and route.",
            ),
            (
                "custard_ask_seconds",
                "Time of questions, by stage: translate, execute, total.",
            ),
        ];
        for (name, words) in histograms {
            recorder.describe_histogram(name.into(), Some(Unit::Seconds), SharedString::const_str(words));
        }
        let gauges = [
            ("custard_build_info", "1, with the version as a label."),
            ("custard_uptime_seconds", "Since the server started."),
            ("custard_agents", "Agents connected to this server."),
            ("custard_queries_running", "Questions under way at this server."),
            (
                "custard_store_connections",
                "Connections of the pool to the server's own store, by state.",
            ),
            ("custard_queue_depth", "Things waiting, by queue."),
            ("custard_cache_entries", "Entries of a cache."),
            ("custard_cache_bytes", "Bytes of a cache, where they are counted."),
            (
                "custard_cache_hits",
                "Times that a cache had what was asked for, since the start.",
            ),
            (
                "custard_cache_misses",
                "Times that a cache did not, since the start.",
            ),
            ("custard_memory_bytes", "Resident memory of the server's process."),
            (
                "custard_bus_connected",
                "1 while other servers hear at once what this one says.",
            ),
        ];
        for (name, words) in gauges {
            recorder.describe_gauge(name.into(), None, SharedString::const_str(words));
        }
        Ok(Metrics {
            recorder: Arc::new(recorder),
        })
    }

    /// Counts up.
    pub fn count(&self, name: &'static str, labels: &[(&'static str, &str)], by: u64) {
        let counter = self.recorder.register_counter(&key(name, labels), &METADATA);
        counter.increment(by);
    }

    /// A time.
    pub fn time(&self, name: &'static str, labels: &[(&'static str, &str)], time: Duration) {
        let histogram = self.recorder.register_histogram(&key(name, labels), &METADATA);
        histogram.record(time.as_secs_f64());
    }

    /// A state.
    pub fn set(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.recorder
            .register_gauge(&key(name, labels), &METADATA)
            .set(value);
    }

    /// What became of a question.
    pub fn asked(&self, answer: &Answer, calls: &[Call]) {
        for call in calls {
            for (kind, tokens) in [("input", call.input_tokens), ("output", call.output_tokens)] {
                self.count(
                    "custard_llm_tokens_total",
                    &[("kind", kind)],
                    tokens.unwrap_or_default(),
                );
            }
        }
        let labels = [
            ("outcome", answer.outcome.name()),
            ("translator", answer.translator.as_str()),
        ];
        self.count("custard_asks_total", &labels, 1);
        self.count("custard_rows_total", &[], answer.row_count);
        let elapsed = &answer.elapsed_ms;
        for (stage, milliseconds) in [
            ("translate", elapsed.translate),
            ("execute", elapsed.execute),
            ("total", elapsed.total),
        ] {
            // A time is never negative, and never a century.
            if let Ok(time) = Duration::try_from_secs_f64(milliseconds / 1e3) {
                self.time("custard_ask_seconds", &[("stage", stage)], time);
            }
        }
    }

    /// Everything as Prometheus reads it.
    pub fn render(&self) -> String {
        let handle = self.recorder.handle();
        handle.run_upkeep();
        handle.render()
    }
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<Label> = labels
        .iter()
        .map(|(name, value)| Label::new(*name, (*value).to_owned()))
        .collect();
    Key::from_parts(name, labels)
}

/// Resident memory of this process in bytes; None where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told_as_prometheus_reads_it() {
        let metrics = Metrics::new().unwrap();
        metrics.count("custard_llm_tokens_total", &[("kind", "input")], 3);
        metrics.count("custard_llm_tokens_total", &[("kind", "input")], 4);
        metrics.time(
            "custard_ask_seconds",
            &[("stage", "total")],
            Duration::from_millis(30),
        );
        metrics.set("custard_agents", &[], 2.0);
        let text = metrics.render();
        for line in [
            "custard_llm_tokens_total{kind=\"input\"} 7",
            "custard_ask_seconds_bucket{stage=\"total\",le=\"0.05\"} 1",
            "custard_ask_seconds_bucket{stage=\"total\",le=\"0.025\"} 0",
            "custard_agents 2",
            "# TYPE custard_agents gauge",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in:\n{text}"
            );
        }
        // Another server's numbers are its own.
        assert!(!Metrics::new().unwrap().render().contains("kind=\"input\""));
        assert!(resident_bytes().is_none_or(|bytes| bytes > 1_000_000));
    }
}
