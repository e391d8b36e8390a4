"""What the documents say is done: commands are run, pipelines are checked, queries are asked.

Each block of code in README.md, docs/ and examples/ is either executed here, or named in NOT_RUN with the reason.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from documents import DOCUMENTS, ROOT, Block, blocks, faults
from program import Apsides
from pyspark.sql import SparkSession

#: Blocks that cannot be executed here, by their first lines.
NOT_RUN = {
    "scripts/test": "it is all tests, these among them",
    "apsides convert export.json.gz --out s3://lake/apsis": "tests/s3 does the same against a server",
    "export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… AWS_REGION=eu-north-1": "tests/s3 does the same against a server",
    "s3://bucket/prefix/": "a picture of a folder",
    "events/window_start=2026-01-31/part-00000.parquet        of one window": "a picture of a folder",
    "attributes/snapshot=2026-01-30/part-00000.parquet": "a picture of a folder",
    "destination  /data/apsis": "a picture of a status; a test of the program has it word for word",
    "- alert: ApsidesIsLate": "rules for Prometheus, which is not at hand",
    "⠹ downloading  ━━━━━━╸       52%  1.2 GB of 2.3 GB  88.1 MB/s  13 s left": "a picture; test_progress.py looks at some",
    '{"timestamp":"2026-11-24T02:00:09Z","level":"WARN",': "a line of a log, broken",
}

#: What stands in the documents for what a reader has, and what it is here.
HERE = [
    # The program under test is built already.
    (r"cargo run --release -- demo", "apsides demo --profiles 300"),
    # A server serves until it is stopped.
    (r"(?m)^apsides simulate +#.*$", "timeout --preserve-status --signal INT 2 apsides simulate --bind 127.0.0.1:0 || test $? = 130"),
    (r"--bytes 256M", "--bytes 1M"),
    # Whatever writes to a pipe.
    (r"curl …", "cat export.json.gz"),
    (r"PIPELINE\.toml", "pipelines/demo.toml"),
    (r"status pipeline\.toml", "status pipelines/demo.toml"),
    (r"(?<![/\w])nightly\.toml", "pipelines/nightly.toml"),
    (r"/var/log/", ""),
    (r"--to 2026-02-01", "--to 2026-01-03"),
    (r"(?m)^jq ", "command -v jq > /dev/null || exit 0; jq "),
]

#: The same in pipelines: `API` is the simulated one, `FOLDER` is where the command is run.
PIPELINES_HERE = [
    (r'(?m)^region = "emea".*$', 'base_url = "API"'),
    (r"http://127\.0\.0\.1:8089", "API"),
    # One export of events a minute is more than a test has time for.
    (r"(?m)^\[source\]\n(?!base_url)", '[source]\nbase_url = "API"\nevent_exports_per_minute = 6000\n'),
    # Nor has it for more than a few windows.
    (r"windows_per_run = 31", "windows_per_run = 2"),
    (r'"(/data|/var/cache/apsides|/var/lib|/run/secrets)/', r'"FOLDER/'),
    (r"file:/run/secrets/", "file:FOLDER/"),
]

#: What a block that shows a part of a pipeline lacks.
SOURCE = '[source]\nbase_url = "API"\nclient_id = "simulated-client"\nclient_secret = "simulated-secret"\n'
EXPORT = '[export]\nattributes = ["40103"]\n'
WINDOW = '[export.window]\nlast_days = 1\n'
DESTINATION = '[destination]\npath = "FOLDER/out"\n'

BLOCKS = blocks()
PIPELINE_FILES = sorted((ROOT / "pipelines").glob("*.toml"))


def of(language: str) -> pytest.MarkDecorator:
    """The blocks of a language that are executed."""
    some = [block for block in BLOCKS if block.language == language and block.first_line not in NOT_RUN]
    return pytest.mark.parametrize("block", some, ids=str)


def test_every_block_is_executed_or_has_a_reason_not_to_be() -> None:
    lines = {block.first_line for block in BLOCKS}
    assert lines >= NOT_RUN.keys(), "reasons for blocks that are not there"
    executed = {"sh", "sql", "toml", "json", "text"}
    assert [str(block) for block in BLOCKS if block.language not in executed and block.first_line not in NOT_RUN] == []
    assert len(BLOCKS) > 15


@pytest.fixture(scope="module")
def api(apsides: Apsides) -> Iterator[str]:
    """The address of a simulated API."""
    command = [apsides.path, "simulate", "--bind", "127.0.0.1:0", "--polls", "0", "--profiles", "300"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        yield re.search(r"http://[\d.:]+", server.stdout.readline())[0]
        server.kill()


@pytest.fixture(scope="module")
def account(apsides: Apsides, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the documents take for granted: an export, its definitions, a key, tables of it."""
    folder = tmp_path_factory.mktemp("account")
    export, definitions = folder / "export.json", folder / "definitions.json"
    apsides.succeed("simulate", "--write", export, "--definitions", definitions, "--profiles", "500")
    (folder / "export.json.gz").write_bytes(gzip.compress(export.read_bytes()))
    (folder / "key").write_text("a key of many bytes")
    for name in ("apsides-hash-key", "otlp-key"):
        shutil.copy(folder / "key", folder / name)
    tables = ["--tables", "profiles,attributes,tags,events,unmapped,wide,events_*"]
    apsides.succeed("convert", export, "--out", folder / "warehouse", "--definitions", definitions, *tables)
    # As a schedule lays them out.
    shutil.copytree(folder / "warehouse" / "events", folder / "lake" / "events" / "window_start=2026-01-31")
    return folder


@pytest.fixture
def folder(account: Path, api: str, apsides: Apsides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it without the tables, to run commands in: `apsides` is on the path, the credentials are set."""
    folder = tmp_path / "here"
    shutil.copytree(account, folder, ignore=shutil.ignore_patterns("warehouse", "lake"))
    (folder / "pipelines").mkdir()
    for path in PIPELINE_FILES:
        (folder / "pipelines" / path.name).write_text(pipeline_here(path.read_text(), api, folder))
    program = folder / "bin" / "apsides"
    program.parent.mkdir()
    # What `init` writes is for the real API.
    region = f's|^region = .*|base_url = "{api}"|; s|"/data/|"{folder}/|; s|"/var/cache/apsides/|"{folder}/|'
    after = f'''if [ "$1" = init ]; then sed -i '{region}' "$2"; fi'''
    program.write_text(f'#!/bin/sh\n"{apsides.path}" "$@" || exit\n{after}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("APSIS_CLIENT_ID", "simulated-client")
    monkeypatch.setenv("APSIS_CLIENT_SECRET", "simulated-secret")
    monkeypatch.chdir(folder)
    return folder


def pipeline_here(text: str, api: str, folder: Path) -> str:
    """A pipeline that can be run here."""
    for pattern, replacement in PIPELINES_HERE:
        text = re.sub(pattern, replacement, text)
    return text.replace("API", api).replace("FOLDER", str(folder))


@of("sh")
@pytest.mark.usefixtures("folder")
def test_commands_are_run(block: Block) -> None:
    script = block.text
    for pattern, replacement in HERE:
        script = re.sub(pattern, replacement, script)
    command = ["bash", "-euo", "pipefail", "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, f"{script}\n{ended.stdout}\n{ended.stderr}"


@of("toml")
def test_parts_of_pipelines_are_right(block: Block, folder: Path, api: str, apsides: Apsides) -> None:
    text = block.text
    for part in [SOURCE, EXPORT, DESTINATION]:
        if part.splitlines()[0] not in text:
            text += part
    if "[schedule]" in text:
        text = text.replace(EXPORT, EXPORT + 'events = ["90201"]\n')
    if "events = [" in text.split("[export]")[-1] and "[export.window]" not in text and "[schedule]" not in text:
        text += WINDOW
    is_right(pipeline_here(text, api, folder), apsides, folder)


@pytest.mark.parametrize("path", PIPELINE_FILES, ids=lambda path: path.name)
def test_pipelines_are_right(path: Path, folder: Path, apsides: Apsides) -> None:
    is_right((folder / "pipelines" / path.name).read_text(), apsides, folder)


def is_right(text: str, apsides: Apsides, folder: Path) -> None:
    """The program takes the pipeline, and so does the schema by which editors check it."""
    schema = json.loads((ROOT / "schemas" / "pipeline.schema.json").read_text())
    assert faults(tomllib.loads(text), schema, schema) == []
    assert faults({**tomllib.loads(text), "exprot": {}}, schema, schema) == ["$.exprot is not known"]
    path = folder / "right.toml"
    path.write_text(text)
    checks = json.loads(apsides.run("check", path, "--json").stdout)
    assert (checks[0]["check"], checks[0]["status"]) == ("configuration", "ok"), checks[0]


@of("json")
def test_json_is_json_or_read_as_definitions(block: Block, folder: Path, apsides: Apsides) -> None:
    if block.path.name != "definitions.md":
        assert all(json.loads(line) for line in block.text.splitlines())
        return
    (folder / "shown.json").write_text(block.text)
    apsides.succeed("convert", "export.json", "--out", "out", "--definitions", "shown.json")


@pytest.fixture(scope="module")
def views(apsides: Apsides, api: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The views of a schedule that keeps snapshots."""
    folder = tmp_path_factory.mktemp("schedule")
    text = (ROOT / "pipelines" / "scheduled.toml").read_text().replace("# keep_snapshots", "keep_snapshots")
    text = text.replace("[export]\n", '[export]\ntags = ["40226"]\n')
    (folder / "pipeline.toml").write_text(pipeline_here(text, api, folder))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("APSIS_CLIENT_ID", "simulated-client")
        environment.setenv("APSIS_CLIENT_SECRET", "simulated-secret")
        apsides.succeed("run", folder / "pipeline.toml", "--now", "2026-01-02T03:00:00Z")
    [found] = folder.glob("**/views/duckdb.sql")
    return found.read_text()


@of("sql")
def test_queries_are_answered(
    block: Block,
    account: Path,
    views: str,
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(account)
    text = block.text.replace("s3://lake/apsis", "warehouse")
    for statement in text.split(";\n"):
        named = re.match(r"-- (DuckDB|Spark)\b", statement)
        engine = named[1] if named else "DuckDB"
        query = re.sub(r"(?m)^--.*\n?", "", statement).strip()
        if not query:
            continue
        if engine == "Spark":
            assert spark.sql(query.replace("`warehouse/", f"`{account}/warehouse/")).collect(), query
        else:
            with duckdb.connect() as connection:
                if "_snapshots" in query:
                    connection.execute(views)
                assert connection.sql(query).fetchall(), query

STATUS = re.compile(r"^exit status (\d+)$", re.MULTILINE)


def said() -> list[tuple[int, list[str]]]:
    """All that is known to be said of mistakes, by exit status."""
    text = (ROOT / "crates/cli/tests/it/mistakes/said.txt").read_text()
    return [(int(STATUS.search(block)[1]), block.splitlines()) for block in text.split("\n## ")]


@of("text")
def test_messages_are_those_that_are_told(block: Block) -> None:
    """What is shown of errors stands, line by line, in what is said of mistakes."""
    known = {line for _, lines in said() for line in lines}
    lines = [line for line in block.text.splitlines() if line]
    assert lines and set(lines) <= known, set(lines) - known


def test_the_faq_has_every_exit_status_and_its_messages() -> None:
    statuses = re.findall(r"(?m)^\| (\d+) \|", (ROOT / "README.md").read_text())
    parts = re.split(r"(?m)^## (\d+): ", (ROOT / "docs" / "faq.md").read_text())
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert list(sections) == statuses[1:], "all but success, in the order of the README"
    for status in {status for status, _ in said()}:
        known = {line for other, lines in said() if other == status for line in lines}
        shown = re.findall(r"(?m)^(?:error|  because|  next): .*$", sections[str(status)])
        assert shown and set(shown) <= known, f"{status}: {set(shown) - known}"


def test_figures_are_those_of_the_records() -> None:
    """Each row of figures stands in the record that is named above it."""
    record = ""
    rows = 0
    for line in (ROOT / "docs" / "performance.md").read_text().splitlines():
        if link := re.search(r"\(\.\./(benches/record/[\w.-]+)\)", line):
            record = (ROOT / link[1]).read_text()
        if re.match(r"\|.*\d.*\|$", line):
            rows += 1
            assert line in record.splitlines(), line
    assert rows > 5


def test_tables_have_the_columns_of_the_schemas() -> None:
    sections = re.split(r"(?m)^### (\w+)$", (ROOT / "docs" / "tables.md").read_text())
    shown = dict(zip(sections[1::2], sections[2::2], strict=True))
    schemas = [json.loads(path.read_text()) for path in (ROOT / "schemas").glob("*.json") if "." not in path.stem]
    assert shown.keys() == {schema["table"] for schema in schemas}
    for schema in schemas:
        rows = [
            f"| `{column['name']}` | {column['type']} | {'yes' if column['nullable'] else 'no'} | {column['description']} |"
            for column in schema["columns"]
        ]
        assert re.findall(r"(?m)^\| `.*$", shown[schema["table"]]) == rows, schema["table"]
        assert schema["description"] in shown[schema["table"]]


def test_the_index_has_every_page() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs" / "README.md").read_text())) == pages


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#\s]*)(#[^)\s]*)?\)", path.read_text())
    for target, anchor in links:
        to = (path.parent / target).resolve() if target else path
        assert to.exists(), f"{target} is not there"
        if anchor:
            headings = re.findall(r"(?m)^#+ (.*)$", to.read_text())
            anchors = {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{target}{anchor} is not there"
