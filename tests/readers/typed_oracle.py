"""What the typed tables of an export must hold: docs/typed-tables.md once more, in plain Python.

Which columns there are is taken from a schema (that of a manifest, or one spelled out by a test); what stands in them is
worked out here, from the export alone. Like `oracle.py` it is slow, and shares nothing with the Rust code.

Readings of the page where it leaves a choice:

- A section that comes twice in a profile, also in two `sections`, has one row, where the last one stands.
- A null is no value: it gives way to the value of another version, whichever comes first.
- Each value that does not fit its column is a row of `unmapped`, also where a later one or another version takes its cell.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter

import oracle
from strict_json import Kind, Value, parse

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)

#: The columns that all typed tables of a sort have, before their own.
WIDE_FIXED = ["export_key", "section_id", "section_name"]
EVENTS_FIXED = [
    "export_key", "section_id", "ordinal", "correlation_id", "type_id", "source_event_time", "created_at",
    "is_duplicate",
]  # fmt: skip

Schema = dict


class TypedTables:
    """The rows of the typed tables by name, and how often each row stands in `unmapped`, whose order is not promised."""

    def __init__(self, data: bytes, schema: Schema, attribute_ids: frozenset[str]) -> None:
        long = oracle.tables(data, attribute_ids)
        self.long = long
        self.unmapped: Counter = Counter(long["unmapped"])
        self.rows: dict[str, list[tuple]] = {}
        sections = schema.get("sections", {})
        for table in schema["tables"]:
            if table["of"] == "sections":
                self.rows[table["name"]] = self.wide(data, table["columns"], sections, attribute_ids)
            else:
                self.rows[table["name"]] = self.events(long["events"], table)

    def wide(self, data: bytes, columns: list[dict], names: dict[str, str], attribute_ids: frozenset[str]) -> list:
        rows = []
        for export_key, profile in profiles(parse(data)):
            by_section: dict[str, tuple] = {}
            for section_id, section in (pair for part in members(profile, "sections") for pair in part.members):
                entries = self.entries(export_key, section_id, section, columns, attribute_ids)
                by_section.pop(section_id, None)  # so that it stands where its last one is
                cells = [cell_of(column, entries) for column in columns]
                by_section[section_id] = (export_key, section_id, names.get(section_id), *cells)
            rows.extend(by_section.values())
        return rows

    def entries(
        self, export_key: str, section_id: str, section: Value, columns: list[dict], attribute_ids: frozenset[str]
    ) -> dict[str, Value | None]:
        """The values that stand in a section, by id; `None` is a tag. Notes those that do not fit."""
        column_of = {id: column for column in columns for id in column["ids"] if not column.get("retired")}
        entries: dict[str, Value | None] = {}
        for attributes in members(section, "attributes"):
            entries = {}
            for id, entry in attributes.members:
                if not entry.is_object:
                    continue
                values = [value for name, value in entry.members if name == "value"] or [oracle.NULL]
                for value in values:
                    is_tag = value.kind is Kind.NULL and id not in attribute_ids
                    entries[id] = None if is_tag else value
                    kind = column_of.get(id, {"kind": "json"})["kind"]
                    if value.kind is not Kind.NULL and fitted(kind, value) is None:
                        path = ["sections", section_id, "attributes", id, "value"]
                        self.misfit(export_key, section_id, path, value)
        return entries

    def events(self, events: list[tuple], table: dict) -> list[tuple]:
        type_ids = table["of"]["events"]["type_ids"]
        rows = []
        for *fixed, data, is_duplicate in (event for event in events if event[4] in type_ids):
            path = ["sections", fixed[1], "events", str(fixed[2]), "data"]
            value = oracle.NULL if data is None else parse(data.encode())
            if not value.is_object and value.kind is not Kind.NULL:
                self.misfit(fixed[0], fixed[1], path, value)
            cells = self.members(fixed[:2], path, value, table["columns"])
            rows.append((*fixed, is_duplicate, *cells.values()))
        return rows

    def members(self, where: list[str], path: list[str], value: Value, columns: list[dict]) -> dict[str, object]:
        """The members of an object, or of nothing, as cells by column. Notes what does not fit."""
        cells = {}
        for column in columns:
            [member] = column["ids"]
            cells[column["name"]] = None
            for each in () if column.get("retired") else members(value, member):
                cells[column["name"]] = self.member(where, [*path, member], each, column)
        return cells

    def member(self, where: list[str], path: list[str], value: Value, column: dict) -> object:
        """A value as a cell: objects as dictionaries, arrays as lists. Notes what does not fit."""
        if column["kind"] == "struct" and value.is_object:
            return self.members(where, path, value, column["members"])
        if column["kind"] == "list" and value.kind is Kind.ARRAY:
            [element] = column["members"]
            return [self.member(where, [*path, str(at)], item, element) for at, item in enumerate(value.items)]
        cell = fitted(column["kind"], value)
        if cell is None and value.kind is not Kind.NULL:
            self.misfit(*where, path, value)
        return cell

    def misfit(self, export_key: str, section_id: str, path: list[str], value: Value) -> None:
        self.unmapped[(export_key, section_id, oracle.json_pointer(path), oracle.TYPE_MISMATCH, value.raw)] += 1


def profiles(root: Value) -> list[tuple[str, Value]]:
    """The profiles of an export, by key, in order."""
    found: list[tuple[str, Value]] = []
    wrapped = False
    for name, value in root.members:
        if name == "profiles":
            wrapped = True
            found += value.members
        elif name != "metadata" and value.is_object and not wrapped:
            found.append((name, value))
    return found


def members(of: Value, name: str) -> list[Value]:
    """The members with this name, in order."""
    return [value for known, value in of.members if known == name]


def cell_of(column: dict, entries: dict[str, Value | None]) -> object:
    """The cell of a column in a section with these entries."""
    if column["kind"] == "tag":
        return None if column.get("retired") else any(id in entries and entries[id] is None for id in column["ids"])
    if column.get("retired"):
        return None
    values = (entries.get(id) for id in column["ids"])
    value = next((value for value in values if value is not None and value.kind is not Kind.NULL), None)
    return None if value is None else fitted(column["kind"], value)


def fitted(kind: str, value: Value) -> object:
    """The value as a cell: dates as days, instants as microseconds, both since the epoch. `None` if it does not fit."""
    text = value.text if value.kind in (Kind.STRING, Kind.NUMBER) else None
    match kind:
        case "json":
            return None if value.kind is Kind.NULL else value.raw
        case "text":
            return value.text if value.kind is Kind.STRING else None
        case "boolean":
            is_boolean = value.kind in (Kind.BOOLEAN, Kind.STRING) and value.text in ("true", "false")
            return value.text == "true" if is_boolean else None
        case "date":
            return date(value.text) if value.kind is Kind.STRING else None
        case "integer":
            return int64(text, 1)
        case "double":
            return None if text is None else double(text, value.kind)
        case "timestamp_s" | "timestamp_ms":
            whole = int64(text, 1_000_000 if kind == "timestamp_s" else 1000)
            return whole if whole is not None or value.kind is not Kind.STRING else instant(value.text)
    return None  # a value where a tag was expected


def int64(text: str | None, factor: int) -> int | None:
    whole = None if text is None else oracle.as_whole_number(text)
    whole = None if whole is None else whole * factor
    return whole if whole is not None and oracle.INT64_MIN <= whole <= oracle.INT64_MAX else None


def double(text: str, kind: Kind) -> float | None:
    if not oracle.NUMBER_PARTS.fullmatch(text):
        return None
    # A whole number is one here as in the long table, where `-0` is 0 too.
    integer = oracle.as_int64(text) if kind is Kind.NUMBER else None
    return oracle.as_double(text) if integer is None else float(integer)


def date(text: str) -> int | None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        return None
    try:
        return (datetime.date.fromisoformat(text) - EPOCH.date()).days
    except ValueError:
        return None


def instant(text: str) -> int | None:
    parts = RFC_3339.fullmatch(text)
    if parts is None:
        return None
    *fields, fraction, sign, hours, minutes = parts.groups()
    try:
        seconds = (datetime.datetime(*map(int, fields), tzinfo=datetime.UTC) - EPOCH) // datetime.timedelta(seconds=1)
    except ValueError:
        return None
    offset = int(sign + "1") * (int(hours) * 3600 + int(minutes) * 60) if sign else 0
    return (seconds - offset) * 1_000_000 + int((fraction or "")[:6].ljust(6, "0"))
