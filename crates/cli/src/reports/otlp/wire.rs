//! The messages of OTLP that a run sends, in the encoding that the protocol prescribes for JSON: names in lowerCamelCase,
//! ids in hex, 64-bit integers as texts, enums as numbers.
//!
//! They are those of `opentelemetry/proto/{trace,metrics,common,resource}/v1`; members that a run does not need are left
//! out, which says what their defaults say.

use serde::{Serialize, Serializer};
use std::fmt::{Display, LowerHex};

/// `ExportTraceServiceRequest`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Traces {
    resource_spans: [ResourceSpans; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    resource: Resource,
    scope_spans: [ScopeSpans; 1],
}

#[derive(Debug, Serialize)]
struct ScopeSpans {
    scope: Scope,
    spans: Vec<Span>,
}

impl Traces {
    pub(super) fn of(resource: Resource, scope: Scope, spans: Vec<Span>) -> Self {
        Self { resource_spans: [ResourceSpans { resource, scope_spans: [ScopeSpans { scope, spans }] }] }
    }
}

/// `ExportMetricsServiceRequest`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metrics {
    resource_metrics: [ResourceMetrics; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceMetrics {
    resource: Resource,
    scope_metrics: [ScopeMetrics; 1],
}

#[derive(Debug, Serialize)]
struct ScopeMetrics {
    scope: Scope,
    metrics: Vec<Metric>,
}

impl Metrics {
    pub(super) fn of(resource: Resource, scope: Scope, metrics: Vec<Metric>) -> Self {
        Self { resource_metrics: [ResourceMetrics { resource, scope_metrics: [ScopeMetrics { scope, metrics }] }] }
    }
}

/// Who tells.
#[derive(Debug, Serialize)]
pub(super) struct Resource {
    pub(super) attributes: Vec<Attribute>,
}

/// What in it tells: all of it is this program.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Scope {
    name: &'static str,
    version: &'static str,
}

impl Default for Scope {
    fn default() -> Self {
        Self { name: "apsides", version: env!("CARGO_PKG_VERSION") }
    }
}

/// `KeyValue`.
#[derive(Debug, Serialize)]
pub(super) struct Attribute {
    key: &'static str,
    value: Value,
}

/// `AnyValue`.
#[derive(Debug, Serialize)]
enum Value {
    #[serde(rename = "stringValue")]
    Text(String),
    #[serde(rename = "intValue", serialize_with = "as_text")]
    Whole(i64),
    #[serde(rename = "doubleValue")]
    Double(f64),
}

impl Attribute {
    pub(super) fn text(key: &'static str, value: impl Display) -> Self {
        Self { key, value: Value::Text(value.to_string()) }
    }

    pub(super) fn whole(key: &'static str, value: u64) -> Self {
        Self { key, value: Value::Whole(signed(value)) }
    }

    pub(super) fn double(key: &'static str, value: f64) -> Self {
        Self { key, value: Value::Double(value) }
    }
}

/// Something that took its time. It is `SPAN_KIND_INTERNAL`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span {
    #[serde(serialize_with = "as_hex")]
    pub(super) trace_id: u128,
    #[serde(serialize_with = "as_hex")]
    pub(super) span_id: u64,
    #[serde(serialize_with = "as_hex_if_any", skip_serializing_if = "Option::is_none")]
    pub(super) parent_span_id: Option<u64>,
    pub(super) flags: u32,
    pub(super) name: String,
    pub(super) kind: u8,
    #[serde(serialize_with = "as_text")]
    pub(super) start_time_unix_nano: u64,
    #[serde(serialize_with = "as_text")]
    pub(super) end_time_unix_nano: u64,
    pub(super) attributes: Vec<Attribute>,
    /// None where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<Status>,
}

/// `SPAN_KIND_INTERNAL`.
pub(super) const INTERNAL: u8 = 1;
/// `TRACE_FLAGS_SAMPLED` of W3C, and that it is known whether the parent is somebody else's span.
pub(super) const SAMPLED: u32 = 0x101;
/// That it is.
pub(super) const PARENT_IS_REMOTE: u32 = 0x200;

/// That something failed.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    code: u8,
    message: &'static str,
}

impl Status {
    /// `STATUS_CODE_ERROR`, with the kind of the failure.
    pub(super) fn error(kind: &'static str) -> Self {
        Self { code: 2, message: kind }
    }
}

/// A metric with its values.
#[derive(Debug, Serialize)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) description: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) unit: &'static str,
    #[serde(flatten)]
    pub(super) data: Data,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Data {
    Gauge {
        data_points: Vec<Point>,
    },
    Sum {
        data_points: Vec<Point>,
        /// See [`CUMULATIVE`].
        aggregation_temporality: u8,
        is_monotonic: bool,
    },
}

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
pub(super) const CUMULATIVE: u8 = 2;

/// `NumberDataPoint`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Point {
    pub(super) attributes: Vec<Attribute>,
    /// When a sum began to add up.
    #[serde(serialize_with = "as_text_if_any", skip_serializing_if = "Option::is_none")]
    pub(super) start_time_unix_nano: Option<u64>,
    #[serde(serialize_with = "as_text")]
    pub(super) time_unix_nano: u64,
    #[serde(flatten)]
    pub(super) value: Number,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Number {
    #[serde(serialize_with = "as_text")]
    AsInt(i64),
    AsDouble(f64),
}

/// The protocol has no integers that are only positive.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn as_text<S: Serializer>(number: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

fn as_text_if_any<S: Serializer>(number: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&number.unwrap_or_default())
}

/// All digits of an id, those that are 0 too.
fn as_hex<S: Serializer, T: LowerHex>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{id:0digits$x}", digits = size_of::<T>() * 2))
}

fn as_hex_if_any<S: Serializer>(id: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    as_hex(&id.unwrap_or_default(), serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spans_have_the_shape_of_the_protocol() {
        let span = Span {
            trace_id: 0xabc,
            span_id: 0xdef,
            parent_span_id: Some(1),
            flags: SAMPLED | PARENT_IS_REMOTE,
            name: "apsides run".into(),
            kind: INTERNAL,
            start_time_unix_nano: 1_764_000_000_000_000_001,
            end_time_unix_nano: 1_764_000_000_000_000_002,
            attributes: vec![
                Attribute::text("a", "b"),
                Attribute::whole("n", u64::MAX),
                Attribute::double("seconds", 0.5),
            ],
            status: Some(Status::error("network")),
        };
        let expected = json!({
            "traceId": "00000000000000000000000000000abc",
            "spanId": "0000000000000def",
            "parentSpanId": "0000000000000001",
            "flags": 769,
            "name": "apsides run",
            "kind": 1,
            "startTimeUnixNano": "1764000000000000001",
            "endTimeUnixNano": "1764000000000000002",
            "attributes": [
                { "key": "a", "value": { "stringValue": "b" } },
                { "key": "n", "value": { "intValue": "9223372036854775807" } },
                { "key": "seconds", "value": { "doubleValue": 0.5 } },
            ],
            "status": { "code": 2, "message": "network" },
        });
        assert_eq!(serde_json::to_value(&span).expect("plain data"), expected);
        let root = Span { parent_span_id: None, status: None, ..span };
        let root = serde_json::to_value(root).expect("plain data");
        assert!(root.get("parentSpanId").is_none() && root.get("status").is_none(), "{root}");
        let resource = Resource { attributes: vec![Attribute::text("service.name", "x")] };
        let request = serde_json::to_value(Traces::of(resource, Scope::default(), Vec::new())).expect("plain data");
        let scope = json!({ "name": "apsides", "version": env!("CARGO_PKG_VERSION") });
        let attributes = json!([{ "key": "service.name", "value": { "stringValue": "x" } }]);
        let spans =
            json!([{ "resource": { "attributes": attributes }, "scopeSpans": [{ "scope": scope, "spans": [] }] }]);
        assert_eq!(request, json!({ "resourceSpans": spans }));
    }

    #[test]
    fn metrics_have_the_shape_of_the_protocol() {
        let point = |start_time_unix_nano, value| Point {
            attributes: vec![Attribute::text("table", "tags")],
            start_time_unix_nano,
            time_unix_nano: 7,
            value,
        };
        let attributes = json!([{ "key": "table", "value": { "stringValue": "tags" } }]);
        for (data, expected) in [
            (
                Data::Gauge { data_points: vec![point(None, Number::AsInt(3))] },
                json!({ "name": "m", "description": "d", "unit": "By", "gauge": { "dataPoints": [
                    { "attributes": attributes, "timeUnixNano": "7", "asInt": "3" },
                ] } }),
            ),
            (
                Data::Sum {
                    data_points: vec![point(Some(5), Number::AsDouble(1.5))],
                    aggregation_temporality: CUMULATIVE,
                    is_monotonic: true,
                },
                json!({ "name": "m", "description": "d", "unit": "By", "sum": {
                    "dataPoints": [
                        { "attributes": attributes, "startTimeUnixNano": "5", "timeUnixNano": "7", "asDouble": 1.5 },
                    ],
                    "aggregationTemporality": 2,
                    "isMonotonic": true,
                } }),
            ),
        ] {
            let metric = Metric { name: "m".into(), description: "d", unit: "By", data };
            assert_eq!(serde_json::to_value(metric).expect("plain data"), expected);
        }
    }
}
