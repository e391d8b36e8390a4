//! Traces and metrics of a run for a collector of OpenTelemetry: OTLP over HTTP, in JSON, sent once when the run has ended.
//!
//! The protocol is that of <https://opentelemetry.io/docs/specs/otlp/>; of its messages, `wire` has what a run needs. The
//! crates that know all of it bring an async stack of their own, and batches, timers and queues that a run has no use for.
//! There are names and counts in it, and nobody's data: no error messages, which may name a profile.

mod context;
mod points;
mod settings;
mod spans;
mod wire;

pub(crate) use settings::Otlp;

use super::{metrics::Metric, textfile::Labels};
use crate::{failure::Failure, watch::Watch};
use apsides_batcher::Manifest;
use apsides_fetcher::{Headers, Network, post};
use context::Context;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use tokio::join;
use url::Url;
use wire::{Attribute, Resource, Scope};

/// The name of the service, where nobody says another.
const SERVICE: &str = "apsides";

/// A collector, and what it is told besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Collector {
    endpoint: Url,
    headers: Headers,
    service_name: String,
    /// The trace that a run is a part of, as W3C writes it.
    trace_parent: Option<String>,
}

/// What there is to tell.
pub(super) struct Run<'a> {
    /// As it is called on the command line.
    pub(super) command: &'static str,
    pub(super) watch: &'a Watch,
    pub(super) elapsed: Duration,
    pub(super) labels: &'a Labels<'a>,
    pub(super) metrics: &'a [Metric],
    /// What is published then.
    pub(super) ended: Result<&'a Manifest, &'a Failure>,
}

impl Collector {
    /// Tells of a run that has ended. What cannot be told is a warning.
    pub(super) async fn tell(&self, run: &Run<'_>, network: &Network) {
        let context = Context::of(self.trace_parent.as_deref(), &run.watch.run().uuid());
        let (resource, scope) = (|| self.resource(run), Scope::default());
        let traces = async {
            // Whoever has begun the trace does not want it.
            if context.is_sampled {
                let spans = wire::Traces::of(resource(), scope, spans::of(run, &context));
                self.send("traces", "rejectedSpans", &spans, network).await;
            }
        };
        let metrics = async {
            let metrics = wire::Metrics::of(resource(), scope, points::of(run));
            self.send("metrics", "rejectedDataPoints", &metrics, network).await;
        };
        join!(traces, metrics);
    }

    fn resource(&self, run: &Run<'_>) -> Resource {
        Resource {
            attributes: vec![
                Attribute::text("service.name", &self.service_name),
                Attribute::text("service.version", env!("CARGO_PKG_VERSION")),
                Attribute::text("service.instance.id", run.watch.run()),
            ],
        }
    }

    /// Sends one kind of signals. The answer may say that some of them were rejected, by a number under this name.
    async fn send(&self, signal: &'static str, rejected: &str, message: &impl Serialize, network: &Network) {
        let mut url = self.endpoint.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["v1", signal]);
        }
        let json = serde_json::to_vec(message).expect("plain data");
        match post(&url, &self.headers, json, network).await {
            Err(error) => {
                let cause = std::error::Error::source(&error).map(tracing::field::display);
                tracing::warn!(cause, "the {signal} could not be told: {error}");
            }
            Ok(answer) => {
                let number = number_rejected(&answer, rejected);
                if number > 0 {
                    tracing::warn!(
                        rejected = number,
                        "the collector has rejected some of the {signal}: its log says why"
                    );
                }
            }
        }
    }
}

/// What an answer says of this number. An answer that is not of this protocol says nothing.
fn number_rejected(answer: &[u8], name: &str) -> u64 {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    // 64 bits are a text in JSON, but not everybody keeps to it.
    match &answer["partialSuccess"][name] {
        Value::String(number) => number.parse().unwrap_or(0),
        number => number.as_u64().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_reject_a_part() {
        for (answer, expected) in [
            ("", 0),
            ("{}", 0),
            ("<html>", 0),
            (r#"{"partialSuccess": {}}"#, 0),
            (r#"{"partialSuccess": {"rejectedSpans": "0", "errorMessage": "slow"}}"#, 0),
            (r#"{"partialSuccess": {"rejectedSpans": "3"}}"#, 3),
            (r#"{"partialSuccess": {"rejectedSpans": 3}}"#, 3),
            (r#"{"partialSuccess": {"rejectedDataPoints": 3}}"#, 0),
        ] {
            assert_eq!(number_rejected(answer.as_bytes(), "rejectedSpans"), expected, "{answer}");
        }
    }
}
