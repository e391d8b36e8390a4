"""OpenLineage events against the schemas that OpenLineage publishes."""

from __future__ import annotations

import copy
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from program import SECONDS_MAX, Apsides
from receiver import receiver
from referencing import Registry, Resource

EXPORT = b"""{"somebody@example.com": {"sections": {"1": {
    "attributes": {"7": {"value": "x"}}, "tags": {"9": {"value": true}}, "news": 1,
    "events": [{"typeId": "5", "createdAt": 1767225600000, "data": {"basket": [{"sku": "a", "price": 1.5}]}}]
}}}}"""
TABLES = ("--tables", "profiles,attributes,tags,events,unmapped,wide,events_*")

SCHEMAS = {
    schema["$id"]: schema
    for schema in (json.loads(path.read_text()) for path in (Path(__file__).parent / "openlineage").glob("*.json"))
}
REGISTRY: Registry = Registry().with_resources((at, Resource.from_contents(schema)) for at, schema in SCHEMAS.items())
EVENTS = "https://openlineage.io/spec/2-0-2/OpenLineage.json"


def names(schema: object) -> Iterator[str]:
    """The members that a schema knows, wherever they are."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        schema = list(schema.values())
    if isinstance(schema, list):
        for below in schema:
            yield from names(below)


KNOWN = set(names(list(SCHEMAS.values())))


def errors(schema: str, value: object) -> list[str]:
    """What a schema has against a value, formats included."""
    checker = Draft202012Validator.FORMAT_CHECKER
    assert {"date-time", "uri", "uuid"} <= checker.checkers.keys(), "packages that check formats are missing"
    validator = Draft202012Validator({"$ref": schema}, registry=REGISTRY, format_checker=checker)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def members(value: object) -> Iterator[str]:
    """The names of all members, at any depth."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for below in value:
            yield from members(below)


def facets(event: dict) -> Iterator[tuple[str, dict]]:
    """All facets, with the names that they have there."""
    yield from event.get("run", {}).get("facets", {}).items()
    yield from event["job"].get("facets", {}).items()
    for dataset in event["inputs"] + event["outputs"]:
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from dataset.get(kind, {}).items()


def faults(event: dict) -> list[str]:
    """Everything that is wrong with an event."""
    found = errors(event["schemaURL"], event) + errors(EVENTS, event)
    # The schemas allow members that they do not know, so a slip would go unseen.
    found += [f"{name} is no member that they know" for name in members(event) if name not in KNOWN]
    for name, facet in facets(event):
        document, _, _ = facet["_schemaURL"].partition("#")
        if name not in SCHEMAS[document].get("properties", {}):
            found.append(f"{name} is no facet of {document}")
        found += errors(facet["_schemaURL"], facet) + errors(document, {name: facet})
    return found


def told(file: Path) -> list[dict]:
    """The events in a file, each as it should be."""
    events = [json.loads(line) for line in file.read_text().splitlines()]
    assert [fault for event in events for fault in faults(event)] == []
    assert "somebody" not in file.read_text()
    return events


def test_runs_that_succeed_fail_and_are_stopped(apsides: Apsides, tmp_path: Path) -> None:
    file = tmp_path / "lineage.ndjson"
    command = ("convert", "-", "--out", tmp_path / "a folder", *TABLES, "--lineage-file", file)
    apsides.succeed(*command, stdin=EXPORT)
    assert apsides.run(*command, "--overwrite", stdin=EXPORT[:-1]).returncode == 3
    with subprocess.Popen([apsides.path, *command, "--overwrite"], stdin=subprocess.PIPE) as stopped:
        try:
            while file.read_text().count("\n") < 5:
                assert stopped.poll() is None
            stopped.send_signal(signal.SIGINT)
            assert stopped.wait(SECONDS_MAX) == 130
        finally:
            stopped.kill()
    events = told(file)
    assert [event["eventType"] for event in events] == ["START", "COMPLETE", "START", "FAIL", "START", "ABORT"]
    tables = {Path(output["name"]).name: output for output in events[1]["outputs"]}
    assert tables.keys() > {"profiles", "wide", "events_5", "unmapped"}
    assert {name for event in events for name, _ in facets(event)} == {"schema", "outputStatistics", "errorMessage"}


def test_an_api_and_an_object_are_inputs(apsides: Apsides, tmp_path: Path) -> None:
    pipeline, file = tmp_path / "nightly run.toml", tmp_path / "lineage.ndjson"
    with apsides.simulated("--profiles", "30") as base_url, receiver(201) as catalogue:
        pipeline.write_text(
            f'[source]\nbase_url = "{base_url}"\nclient_id = "simulated-client"\nclient_secret = "simulated-secret"\n'
            f'[export]\nattributes = ["40103"]\n[destination]\npath = "{tmp_path}/out"\n[lineage]\nfile = "{file}"\n'
            f'url = "{catalogue.url}/api/v1/lineage"\nnamespace = "nights of Åre"\n'
        )
        apsides.succeed("run", pipeline)
    events = told(file)
    assert [json.loads(post.body) for post in catalogue.posts] == events
    assert events[1]["inputs"] == [{"namespace": base_url, "name": "profiles/exports"}]
    assert events[1]["job"] == {"namespace": "nights of Åre", "name": "nightly run"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("run",), None),
        (("run", "runId"), "4711"),
        (("eventTime",), "yesterday"),
        (("producer",), "no uri"),
        (("eventType",), "END"),
        (("jobb",), {}),
        (("outputs", 0, "namespace"), 7),
        (("outputs", 0, "outputFacets", "outputStatistics", "rowCount"), "3"),
        (("outputs", 0, "facets", "schema", "fields", 0, "name"), None),
        (("outputs", 0, "facets", "schema", "_producer"), None),
        (("outputs", 0, "facets", "outputStatistics"), {"_producer": "urn:x:1", "_schemaURL": EVENTS}),
    ],
)
def test_a_fault_is_seen(apsides: Apsides, tmp_path: Path, path: tuple[str | int, ...], value: object) -> None:
    file = tmp_path / "lineage.ndjson"
    apsides.succeed("convert", "-", "--out", tmp_path / "out", "--lineage-file", file, stdin=EXPORT)
    event = copy.deepcopy(told(file)[1])
    *above, last = path
    place = event
    for step in above:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    assert faults(event)
