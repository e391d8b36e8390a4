"""What `apsides inspect` counts, against the oracle; and its page, in a browser.

The oracle's tables are counted here once more, in plain Python: whatever `inspect` tells must be what is in the tables.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import inputs
import oracle
import pytest
from program import Apsides
from strict_json import Value, parse

#: What looks like an id. Anything else is not told, and counted with the others.
ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

ATTRIBUTE_IDS = {"1203", "40226"}

SIMULATED = {
    "flat": ["--seed", "11"],
    "wrapped": ["--seed", "12", "--wrapped"],
    "pretty": ["--seed", "13", "--pretty"],
    "single profile": ["--seed", "14", "--single-profile", "--bytes", "2M"],
}

GIVEN = {
    "empty": b"{}",
    "everything everywhere": inputs.everything_everywhere(),
    **{f"adversarial {seed}": inputs.adversarial(seed=seed) for seed in range(1, 9)},
    **inputs.handwritten(),
}


class _Sized(oracle._Export):
    """The oracle's walk, which also notes how large profiles are and which sections they have."""

    def __init__(self, attribute_ids: frozenset[str]) -> None:
        super().__init__(attribute_ids)
        self.sizes: list[int] = []
        self.sections: Counter[str] = Counter()

    def profile(self, export_key: str, profile: Value) -> None:
        self.sizes.append(len(profile.raw.encode()))
        for name, value in profile.members:
            if name == "sections" and value.is_object:
                self.sections.update(section_id for section_id, _ in value.members)
        super().profile(export_key, profile)


def is_id(name: str | None) -> bool:
    return name is None or ID.fullmatch(name) is not None


def day(micros: int) -> str | None:
    """The day of a time, if it is one that is told apart."""
    days = micros // 86_400_000_000
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)).date().isoformat() if 0 <= days < 2**16 else None


def span(times: list[int | None]) -> dict:
    known = [time for time in times if time is not None]
    return {"known": len(known), "first_micros": min(known, default=None), "last_micros": max(known, default=None)}


def length(data: str | None) -> int:
    return len(data.encode()) if data is not None else 0


def pattern(export_key: str | None, pointer: str) -> str:
    """Where a value stands, without ids."""
    names = pointer.split("/")[1:]
    if export_key is None:
        return f"/{names[0]}" if names[0] in ("profiles", "metadata") else "/*"
    if names[:1] == ["sections"]:
        ids = [1, 3] if names[2:3] in (["attributes"], ["events"]) else [1]
    else:
        ids = []
    shown = [
        "*" if at in ids or (name.isascii() and name.isdigit()) else name if is_id(name) else "…"
        for at, name in enumerate(names)
    ]
    return "/*" + "".join("/" + name for name in shown)


def counted(data: bytes) -> dict:
    """What `inspect --duplicates` has to tell, by the oracle; lists as mappings by what their rows are of."""
    export = _Sized(frozenset(ATTRIBUTE_IDS))
    export.walk(parse(data))
    tables = export.tables
    others = Counter()
    attributes, tags, patterns = defaultdict(Counter), Counter(), Counter()
    events = defaultdict(list)
    for _, section_id, attribute_id, value_type, *_ in tables["attributes"]:
        if is_id(section_id) and is_id(attribute_id):
            attributes[section_id, attribute_id][value_type] += 1
        else:
            others["attributes"] += 1
    for _, section_id, tag_id in tables["tags"]:
        if is_id(section_id) and is_id(tag_id):
            tags[section_id, tag_id] += 1
        else:
            others["tags"] += 1
    for _, section_id, _, _, type_id, *cells in tables["events"]:
        if is_id(section_id) and is_id(type_id):
            events[section_id, type_id].append(cells)
        else:
            others["events"] += 1
    for export_key, _, pointer, reason, _ in tables["unmapped"]:
        patterns[pattern(export_key, pointer), reason] += 1
    for section_id, count in export.sections.items():
        others["sections"] += 0 if is_id(section_id) else count
    return {
        "totals": {name: len(rows) for name, rows in tables.items()} | {"sections": sum(row[1] for row in tables["profiles"])},
        "duplicates": sum(row[-1] for row in tables["events"]),
        "data_bytes": sum(length(row[-2]) for row in tables["events"]),
        "source_event_time": span([row[5] for row in tables["events"]]),
        "created_at": span([row[6] for row in tables["events"]]),
        "profile_bytes": (sum(export.sizes), max(export.sizes, default=0)),
        "sizes": Counter(size.bit_length() for size in export.sizes),
        "sections": {section_id: count for section_id, count in export.sections.items() if is_id(section_id)},
        "attributes": attributes,
        "tags": tags,
        "events": {key: counted_events(rows) for key, rows in events.items()},
        "unmapped": patterns,
        "others": {name: others[name] for name in ("sections", "attributes", "tags", "events")},
    }


def counted_events(rows: list[list]) -> dict:
    source, created, data, duplicate = (list(column) for column in zip(*rows, strict=True))
    times = [first if first is not None else second for first, second in zip(source, created, strict=True)]
    days = Counter(day(time) if time is not None else None for time in times)
    return {
        "events": len(rows),
        "duplicates": sum(duplicate),
        "data_bytes": sum(map(length, data)),
        "data_bytes_max": max(map(length, data)),
        "without_data": data.count(None),
        "source_event_time": span(source),
        "created_at": span(created),
        "other_days": days.pop(None, 0),
        "days": days,
    }


def told(apsides: Apsides, data: bytes, path: Path, *options: str) -> dict:
    path.write_bytes(data)
    ids = [word for attribute_id in sorted(ATTRIBUTE_IDS) for word in ("--attribute-id", attribute_id)]
    ended = apsides.run("inspect", path, "--json", *ids, *options)
    assert ended.returncode == 0, ended.stderr.decode()
    return json.loads(ended.stdout)


def shaped(found: dict) -> dict:
    """What was told, in the shape of `counted`."""
    return {
        "totals": found["totals"],
        "duplicates": found["duplicate_events"],
        "data_bytes": found["data_bytes"],
        "source_event_time": found["source_event_time"],
        "created_at": found["created_at"],
        "profile_bytes": (found["profile_sizes"]["bytes"], found["profile_sizes"]["bytes_max"]),
        "sizes": Counter(
            {row["from_bytes"].bit_length(): row["profiles"] for row in found["profile_sizes"]["histogram"] if row["profiles"]}
        ),
        "sections": {row["id"]: row["profiles"] for row in found["sections"]},
        "attributes": {
            (row["section_id"], row["id"]): Counter({name: count for name, count in row["values"].items() if count})
            for row in found["attributes"]
        },
        "tags": {(row["section_id"], row["id"]): row["tags"] for row in found["tags"]},
        "events": {
            (row["section_id"], row["id"]): {
                name: value for name, value in row.items() if name not in ("section_id", "id", "name", "days")
            }
            | {"days": {each["day"]: each["events"] for each in row["days"]}}
            for row in found["event_types"]
        },
        "unmapped": {(row["pattern"], row["reason"]): row["values"] for row in found["unmapped"]},
        "others": {name: count for name, count in found["others"].items() if name != "unmapped"},
    }


def check(apsides: Apsides, data: bytes, path: Path) -> None:
    wanted = counted(data)
    found = told(apsides, data, path, "--duplicates")
    given = shaped(found)
    for name, value in wanted.items():
        assert given[name] == value, name
    assert found["json_bytes"] == len(data)
    # Without `--duplicates` texts are not looked at, and all else is the same.
    plain = told(apsides, data, path)
    assert plain.pop("duplicate_events") is None
    del found["duplicate_events"]
    for row in [*plain["event_types"], *found["event_types"]]:
        del row["duplicates"]
    assert plain == found


@pytest.mark.parametrize("name", GIVEN)
def test_given(apsides: Apsides, tmp_path: Path, name: str) -> None:
    check(apsides, GIVEN[name], tmp_path / "export.json")


@pytest.mark.parametrize("name", SIMULATED)
def test_simulated(apsides: Apsides, tmp_path: Path, name: str) -> None:
    path = tmp_path / "export.json"
    apsides.succeed("simulate", "--write", path, *(["--profiles", "300"] if name != "single profile" else []), *SIMULATED[name])
    check(apsides, path.read_bytes(), path)


def test_page_in_a_browser(apsides: Apsides, tmp_path: Path) -> None:
    """The page's elements as a browser understands them, in light and dark."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium to open the page with")
    export, definitions, page = tmp_path / "export.json", tmp_path / "definitions.json", tmp_path / "page.html"
    apsides.succeed("simulate", "--write", export, "--profiles", "300", "--definitions", definitions)
    apsides.succeed("inspect", export, "--definitions", definitions, "--html", page)
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom"]
    ended = subprocess.run([browser, *arguments, page.as_uri()], capture_output=True, timeout=60, check=True)
    dom = ended.stdout.decode()
    found = json.loads(apsides.run("inspect", export, "--json").stdout)
    bodies = re.findall(r"<tbody>(.*?)</tbody>", dom, re.DOTALL)
    # Event types, attributes, tags, sections.
    ids = [{row["id"] for row in found[name]} for name in ("event_types", "attributes", "tags", "sections")]
    assert [len(re.findall("<tr>", body)) for body in bodies] == [len(each) for each in ids]
    assert [set(re.findall(r'<td class="id">(.*?)</td>', body)) for body in bodies] == ids
    days = {each["day"] for row in found["event_types"] for each in row["days"]}
    assert days == set(re.findall(r"<title>(\d{4}-\d\d-\d\d), ", dom))
    assert len(re.findall('<rect class="bar"', dom)) == len(found["profile_sizes"]["histogram"])
    assert "Presse &quot;actualités&quot;" in dom or 'Presse "actualités"' in dom
