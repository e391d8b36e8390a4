"""Traces and metrics of runs, as a collector of OpenTelemetry reads them: by the protocol's own messages."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from program import Apsides
from receiver import Post, Receiver, receiver
from test_metrics import samples
from test_schedule import SOURCE

EXPORT = b'{"somebody@example.com": {"sections": {"1": {"attributes": {"7": {"value": "x"}}, "news": 1}}}}'
SECOND = 1_000_000_000
#: What `post` allows for.
POST_SECONDS = 10


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What whoever runs the tests has set is not for them."""
    for name in ("ENDPOINT", "HEADERS"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)
    for name in ("OTEL_SERVICE_NAME", "OTEL_SDK_DISABLED", "TRACEPARENT"):
        monkeypatch.delenv(name, raising=False)


def in_base64(message: object) -> object:
    """The same with ids as the general mapping of protobuf to JSON has them: OTLP has them in hex instead."""
    if isinstance(message, list):
        return [in_base64(value) for value in message]
    if not isinstance(message, dict):
        return message
    ids = {name: value for name, value in message.items() if name in ("traceId", "spanId", "parentSpanId")}
    assert all(len(value) in (16, 32) and value == value.lower() for value in ids.values()), ids
    ids = {name: base64.b64encode(bytes.fromhex(value)).decode() for name, value in ids.items()}
    return {name: in_base64(value) for name, value in message.items()} | ids


def plain(attributes: Iterator[KeyValue]) -> dict[str, str | int | float]:
    """Attributes, each there once."""
    found = {}
    for attribute in attributes:
        assert attribute.key not in found, attribute
        found[attribute.key] = getattr(attribute.value, attribute.value.WhichOneof("value"))
    return found


def only(posts: list[Post], path: str) -> Post:
    """The one of this path, as every request should be."""
    for post in posts:
        assert post.headers["content-type"] == "application/json"
        assert b"somebody" not in post.body and b"hunter2" not in post.body
    [post] = [post for post in posts if post.path == path]
    return post


class Told:
    """What a collector has been told of one run."""

    def __init__(self, posts: list[Post], path: str = "") -> None:
        self.posts = posts
        assert len(posts) == 2, posts
        # Unknown members are errors.
        traces = json.loads(only(posts, f"{path}/v1/traces").body)
        [resource] = Parse(json.dumps(in_base64(traces)), ExportTraceServiceRequest()).resource_spans
        [scope] = resource.scope_spans
        self.spans: list[Span] = list(scope.spans)
        self.resource = plain(resource.resource.attributes)
        metrics = Parse(only(posts, f"{path}/v1/metrics").body, ExportMetricsServiceRequest())
        [resource] = metrics.resource_metrics
        [of_metrics] = resource.scope_metrics
        assert (self.resource, scope.scope) == (plain(resource.resource.attributes), of_metrics.scope)
        assert scope.scope.name == "apsides" and scope.scope.version
        self.metrics = list(of_metrics.metrics)

    def span(self, name: str) -> Span:
        """The one of this name."""
        [span] = [span for span in self.spans if span.name == name]
        return span

    def values(self) -> dict[str, dict[str | None, float]]:
        """The values of each metric, as `samples` has those of the text file."""
        found: dict[str, dict[str | None, float]] = {}
        for metric in self.metrics:
            kind = metric.WhichOneof("data")
            values = found.setdefault(metric.name, {})
            for point in getattr(metric, kind).data_points:
                own = plain(point.attributes)
                assert own.pop("pipeline") and own.pop("destination")
                assert len(own) <= 1, own
                label = next(iter(own.values()), None)
                assert label not in values, metric
                values[label] = getattr(point, point.WhichOneof("value"))
        return found


def check(told: Told, began: int, ended: int) -> None:
    """Asserts what holds of every run: one tree, and times within it; no metric that cannot be."""
    by_id = {span.span_id: span for span in told.spans}
    assert len(by_id) == len(told.spans) and len({span.trace_id for span in told.spans}) == 1
    root, *others = told.spans
    assert began <= root.start_time_unix_nano <= root.end_time_unix_nano <= ended
    for span in told.spans:
        assert len(span.trace_id) == 16 and len(span.span_id) == 8
        assert span.kind == Span.SPAN_KIND_INTERNAL and span.flags & 0xFF == 1 and span.flags & 0x100
    for span in others:
        parent = by_id[span.parent_span_id]
        assert parent.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano, span
        assert span.end_time_unix_nano <= parent.end_time_unix_nano, span
        assert not span.flags & 0x200
        busy = plain(span.attributes).get("apsides.busy_seconds", 0)
        assert 0 <= busy * SECOND <= span.end_time_unix_nano - span.start_time_unix_nano + 1000, span
    sums = {metric.name for metric in told.metrics if metric.WhichOneof("data") == "sum"}
    assert sums == {
        f"apsides_last_run_{name}"
        for name in ("phase_duration_seconds", "json_bytes", "requests", "retries", "rate_limited")
    }
    for metric in told.metrics:
        data = getattr(metric, metric.WhichOneof("data"))
        assert metric.description and data.data_points
        if metric.name in sums:
            assert data.is_monotonic and data.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
        for point in data.data_points:
            assert point.time_unix_nano == root.end_time_unix_nano
            assert point.start_time_unix_nano == (root.start_time_unix_nano if metric.name in sums else 0)


def told_by(apsides: Apsides, collector: Receiver, *arguments: str | Path, status: int = 0, stdin: bytes = b"") -> Told:
    """What a run tells, which ends with this status."""
    collector.posts.clear()
    began = time.time_ns()
    ended = apsides.run(*arguments, stdin=stdin)
    assert ended.returncode == status, ended.stderr.decode()
    assert b"could not be told" not in ended.stderr, ended.stderr.decode()
    told = Told(collector.posts)
    check(told, began, time.time_ns())
    return told


def test_a_conversion_tells_what_the_text_file_tells(apsides: Apsides, tmp_path: Path) -> None:
    out, file = tmp_path / "a folder", tmp_path / "apsides.prom"
    with receiver() as collector:
        command = ("convert", "-", "--out", out, "--metrics-textfile", file, "--otlp-endpoint", collector.url)
        good = told_by(apsides, collector, *command, stdin=EXPORT)
        assert good.values() == samples(file)
        assert good.resource.keys() == {"service.name", "service.version", "service.instance.id"}
        assert good.resource["service.name"] == "apsides"
        manifest = json.loads((out / ".apsides" / "manifest.json").read_text())
        assert good.resource["service.instance.id"] == manifest["run"]
        root, *phases = good.spans
        assert [span.name for span in phases] == ["downloading", "converting", "publishing"]
        assert root.name == "apsides convert" and not root.parent_span_id and not root.HasField("status")
        assert {span.parent_span_id for span in phases} == {root.span_id}
        attributes = plain(root.attributes)
        assert attributes["apsides.run"] == manifest["run"]
        assert attributes["apsides.destination"] == str(out)
        assert (attributes["apsides.pipeline"], attributes["apsides.outcome"]) == ("convert", "published")
        assert attributes["apsides.rows"] == sum(table["rows"] for table in manifest["tables"])
        assert attributes["apsides.bytes"] == sum(table["bytes"] for table in manifest["tables"])
        assert attributes["apsides.json_bytes"] == len(EXPORT)
        converting, publishing = good.span("converting"), good.span("publishing")
        assert converting.end_time_unix_nano <= publishing.start_time_unix_nano

        bad = told_by(apsides, collector, *command, "--overwrite", status=3, stdin=EXPORT[:-1])
        text = samples(file)
        # What is at the destination since the last success, the collector has.
        assert bad.values() == {name: of for name, of in text.items() if name.startswith("apsides_last_run_")}
        root = bad.spans[0]
        assert (root.status.code, root.status.message) == (Status.STATUS_CODE_ERROR, "input")
        attributes = plain(root.attributes)
        assert (attributes["apsides.outcome"], attributes["apsides.exit_status"]) == ("failed", 3)
        assert attributes["error.type"] == "input" and "apsides.rows" not in attributes
        assert bad.spans[0].trace_id != good.spans[0].trace_id


PIPELINE = (
    SOURCE
    + """[export]
attributes = ["40103"]
events = ["*"]
[schedule]
start = "2026-01-01"
[destination]
path = "{out}"
[otlp]
endpoint = "{collector}/base/"
headers = {{ api-key = "${{file:{key}}}", x-tenant = "nights" }}
service_name = "nightly exports"
"""
)


def test_a_schedule_tells_its_windows(apsides: Apsides, tmp_path: Path) -> None:
    pipeline, out, key = tmp_path / "nightly.toml", tmp_path / "out", tmp_path / "key"
    key.write_text("hunter2-hunter2\n")
    with apsides.simulated("--profiles", "30") as api, receiver() as collector:
        pipeline.write_text(PIPELINE.format(base_url=api, out=out, collector=collector.url, key=key))
        began = time.time_ns()
        apsides.succeed("run", pipeline, "--now", "2026-01-03T02:00:00Z")
        told = Told(collector.posts, "/base")
        check(told, began, time.time_ns())
    for post in told.posts:
        assert (post.headers["api-key"], post.headers["x-tenant"]) == ("hunter2-hunter2", "nights")
    assert told.resource["service.name"] == "nightly exports"
    root = told.spans[0]
    assert (root.name, plain(root.attributes)["apsides.steps"]) == ("apsides run", 3)
    steps = [span for span in told.spans if span.parent_span_id == root.span_id]
    assert [span.name for span in steps] == ["profiles", "window", "window"]
    windows = [plain(span.attributes) for span in steps[1:]]
    assert [of["apsides.window.start"] for of in windows] == ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]
    assert [of["apsides.window.end"] for of in windows] == ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]
    for step in steps:
        phases = [span.name for span in told.spans if span.parent_span_id == step.span_id]
        assert phases == ["waiting", "downloading", "converting", "publishing"]
        assert plain(step.attributes)["apsides.rows"] > 0
    values = told.values()
    assert values["apsides_last_success_watermark_timestamp_seconds"] == {None: 1767398400}
    assert values["apsides_last_run_requests"][None] > 3
    busy = {}
    for span in told.spans:
        seconds = plain(span.attributes).get("apsides.busy_seconds")
        if seconds is not None:
            busy[span.name] = busy.get(span.name, 0) + seconds
    assert busy == pytest.approx(values["apsides_last_run_phase_duration_seconds"], abs=0.001)


def test_a_step_that_fails_is_the_one_with_an_error(apsides: Apsides, tmp_path: Path) -> None:
    pipeline, key = tmp_path / "nightly.toml", tmp_path / "key"
    key.write_text("hunter2-hunter2")
    nobody = unused()
    with receiver() as collector:
        pipeline.write_text(PIPELINE.format(base_url=nobody, out=tmp_path / "out", collector=collector.url, key=key))
        text = pipeline.read_text().replace('events = ["*"]', 'events = ["50001"]').replace("/base/", "")
        pipeline.write_text(text)
        command = ("run", pipeline, "--now", "2026-01-03T02:00:00Z")
        told = told_by(apsides, collector, *command, status=8)
    root = told.spans[0]
    assert (root.status.message, plain(root.attributes)["apsides.exit_status"]) == ("network", 8)
    assert [(span.name, span.status.message) for span in told.spans[1:] if span.HasField("status")] == [
        ("profiles", "network")
    ]
    assert told.values()["apsides_last_run_exit_status"] == {None: 8}


def convert(apsides: Apsides, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """A conversion that succeeds, whatever becomes of what it tells."""
    ended = apsides.run("convert", "-", "--out", tmp_path / "out", "--overwrite", *arguments, stdin=EXPORT)
    assert ended.returncode == 0, ended.stderr.decode()
    assert b"hunter2" not in ended.stderr and b"somebody" not in ended.stderr, ended.stderr.decode()
    return ended


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"


def test_the_environment_says_what_nobody_else_says(
    apsides: Apsides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{collector.url}/")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2%20too")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "from outside")
        monkeypatch.setenv("TRACEPARENT", f"{PARENT}-01")
        convert(apsides, tmp_path)
        told = Told(list(collector.posts))
        assert all(post.headers["api-key"] == "hunter2 too" for post in told.posts)
        assert told.resource["service.name"] == "from outside"
        root = told.spans[0]
        assert root.trace_id.hex() == PARENT[3:35] and root.parent_span_id.hex() == PARENT[36:]
        assert root.flags == 0x301

        collector.posts.clear()
        monkeypatch.setenv("TRACEPARENT", f"{PARENT}-00")
        convert(apsides, tmp_path)
        assert [post.path for post in collector.posts] == ["/v1/metrics"], "nobody wants the trace"

        collector.posts.clear()
        monkeypatch.setenv("TRACEPARENT", "hunter2")
        assert b"TRACEPARENT is ignored" in convert(apsides, tmp_path).stderr
        assert not Told(list(collector.posts)).spans[0].parent_span_id

        collector.posts.clear()
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
        convert(apsides, tmp_path)
        assert collector.posts == []


def unused() -> str:
    """An address that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_collector_in_trouble_is_a_warning(apsides: Apsides, tmp_path: Path) -> None:
    ended = convert(apsides, tmp_path, "--otlp-endpoint", unused().replace("//", "//me:hunter2@"))
    assert ended.stderr.count(b"could not be told") == 2, ended.stderr.decode()
    rejected = b'{"partialSuccess": {"rejectedSpans": "4", "errorMessage": "somebody"}}'
    for status, body, words, times in [
        (500, b"somebody", b"could not be told", 2),
        (404, b"", b"could not be told", 2),
        (200, b"<html>", b"", 0),
        (200, rejected, b"the collector has rejected some of the traces", 1),
    ]:
        with receiver(status, body) as collector:
            ended = convert(apsides, tmp_path, "--otlp-endpoint", f"{collector.url}?key=hunter2")
            assert len(collector.posts) == 2, "once"
        assert ended.stderr.count(words) == times if words else not ended.stderr, ended.stderr.decode()


def test_a_collector_that_hangs_is_not_waited_for(apsides: Apsides, tmp_path: Path) -> None:
    with receiver(hangs=True) as collector:
        began = time.monotonic()
        told = ("--otlp-endpoint", collector.url, "--lineage-url", f"{collector.url}/lineage")
        ended = convert(apsides, tmp_path, *told)
        seconds = time.monotonic() - began
    assert ended.stderr.count(b"could not be told") == 4, ended.stderr.decode()
    # Once for the event of the start, and once for all that is told at the end.
    assert POST_SECONDS <= seconds < 2 * POST_SECONDS + 5
