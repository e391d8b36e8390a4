"""What the tables of an export must hold: the contract's grammar and tables (§2, §3) once more, in plain Python.

Slow and, we hope, obviously right: it holds the whole document as a tree and walks it in file order. It shares no line and
no idea with the Rust code, so where the two agree, both have probably understood the contract.

`tables(data)` gives for each of the five tables its rows, in order, as tuples in the order of the table's columns.
Timestamps are whole microseconds since the Unix epoch, which all readers can give without a rounding of their own.

Where the contract leaves a choice, these are the readings the project settled on:

- Rows stand in the order in which the file has what they tell of; a tag that is one by *not* having a `value` stands at
  the end of its entry.
- Every `profiles` at the top, object or not, counts as "came before" in rule 1.
- Every `value` of an attribute entry gives a row of its own.
- Repeated `sections`, `attributes`, `events` and section ids are all read, in order; each `events` array counts its
  ordinals from 0. `is_duplicate` looks back over all of one section id within one profile object.
- In an event the last of a repeated member wins, also by being null. Losing values are not kept, but each one that did
  not fit its column is in `unmapped`, where it stood.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable

from strict_json import JsonError, Kind, Value, parse

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MICROSECONDS_PER_MILLISECOND = 1000

UNKNOWN_MEMBER = "unknown_member"
TYPE_MISMATCH = "type_mismatch"

#: A JSON number, taken apart: whole part, fraction, exponent.
NUMBER_PARTS = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?)([0-9]+))?")

Row = tuple
Tables = dict[str, list[Row]]


def tables(data: bytes, attribute_ids: Iterable[str] = frozenset()) -> Tables:
    """The rows of every table for the export in `data`.

    `attribute_ids` are the ids known to be attributes: without a value they are attributes that are null, not tags.
    Raises `JsonError` if `data` is no export.
    """
    root = parse(data)
    if not root.is_object:
        raise JsonError("the export is no object", 0)
    export = _Export(frozenset(attribute_ids))
    export.walk(root)
    return export.tables


class _Export:
    """The walk over one export, and the rows it has given so far."""

    def __init__(self, attribute_ids: frozenset[str]) -> None:
        self.attribute_ids = attribute_ids
        self.tables: Tables = {name: [] for name in ("profiles", "attributes", "tags", "events", "unmapped")}

    def walk(self, root: Value) -> None:
        wrapped = False
        for name, value in root.members:
            if name == "profiles":
                wrapped = True
                if value.is_object:
                    for export_key, profile in value.members:
                        self.profile(export_key, profile)
                else:
                    self.unmapped(None, None, [name], TYPE_MISMATCH, value)
            elif name != "metadata" and value.is_object and not wrapped:
                self.profile(name, value)
            else:
                self.unmapped(None, None, [name], UNKNOWN_MEMBER, value)

    def profile(self, export_key: str, profile: Value) -> None:
        _Profile(self, export_key).walk(profile)

    def unmapped(
        self, export_key: str | None, section_id: str | None, path: list[str], reason: str, value: Value
    ) -> None:
        self.tables["unmapped"].append((export_key, section_id, json_pointer(path), reason, value.raw))


class _Profile:
    """One occurrence of a profile: its counts, and the events it had, by section id."""

    def __init__(self, export: _Export, export_key: str) -> None:
        self.export = export
        self.export_key = export_key
        self.section_count = 0
        self.counts = {"attributes": 0, "tags": 0, "events": 0}
        self.events_seen: dict[str, set[Row]] = defaultdict(set)

    def walk(self, profile: Value) -> None:
        if not profile.is_object:
            self.unmapped(None, [], TYPE_MISMATCH, profile)
        for name, value in profile.members:
            if name != "sections":
                self.unmapped(None, [name], UNKNOWN_MEMBER, value)
            elif value.is_object:
                for section_id, section in value.members:
                    self.section(section_id, section)
            elif value.kind is not Kind.NULL:
                self.unmapped(None, [name], TYPE_MISMATCH, value)
        self.export.tables["profiles"].append((self.export_key, self.section_count, *self.counts.values()))

    def section(self, section_id: str, section: Value) -> None:
        self.section_count += 1
        here = ["sections", section_id]
        if not section.is_object:
            self.unmapped(section_id, here, TYPE_MISMATCH, section)
        for name, value in section.members:
            path = [*here, name]
            if name not in ("attributes", "events"):
                self.unmapped(section_id, path, UNKNOWN_MEMBER, value)
            elif value.kind is Kind.NULL:
                pass  # as good as absent
            elif name == "attributes" and value.is_object:
                for entry_id, entry in value.members:
                    self.entry(section_id, entry_id, entry, [*path, entry_id])
            elif name == "events" and value.kind is Kind.ARRAY:
                for ordinal, event in enumerate(value.items):
                    self.event(section_id, ordinal, event, [*path, str(ordinal)])
            else:
                self.unmapped(section_id, path, TYPE_MISMATCH, value)

    def entry(self, section_id: str, entry_id: str, entry: Value, path: list[str]) -> None:
        """An entry of `attributes`: an attribute with its value, or a tag."""
        if not entry.is_object:
            self.unmapped(section_id, path, TYPE_MISMATCH, entry)
            return
        for name, value in entry.members:
            if name == "value":
                self.attribute_or_tag(section_id, entry_id, value)
            else:
                self.unmapped(section_id, [*path, name], UNKNOWN_MEMBER, value)
        if all(name != "value" for name, _ in entry.members):
            self.attribute_or_tag(section_id, entry_id, NULL)

    def attribute_or_tag(self, section_id: str, entry_id: str, value: Value) -> None:
        if value.kind is Kind.NULL and entry_id not in self.export.attribute_ids:
            self.row("tags", section_id, entry_id)
        else:
            self.row("attributes", section_id, entry_id, *attribute_cells(value))

    def event(self, section_id: str, ordinal: int, event: Value, path: list[str]) -> None:
        if not event.is_object:
            self.unmapped(section_id, path, TYPE_MISMATCH, event)
            return
        cells: dict[str, str | int | None] = dict.fromkeys(EVENT_MEMBERS)
        for name, value in event.members:
            if name not in EVENT_MEMBERS:
                self.unmapped(section_id, [*path, name], UNKNOWN_MEMBER, value)
                continue
            try:
                cells[name] = EVENT_MEMBERS[name](value)
            except Mismatch:
                cells[name] = None
                self.unmapped(section_id, [*path, name], TYPE_MISMATCH, value)

        # What makes two events the same; the time Audience received them does not.
        identity = (cells["correlationId"], cells["typeId"], cells["sourceEventTime"], cells["data"])
        seen = self.events_seen[section_id]
        is_duplicate = cells["correlationId"] is not None and identity in seen
        seen.add(identity)
        self.row("events", section_id, ordinal, *cells.values(), is_duplicate)

    def row(self, table: str, *cells: str | int | float | bool | None) -> None:
        self.counts[table] += 1
        self.export.tables[table].append((self.export_key, *cells))

    def unmapped(self, section_id: str | None, path: list[str], reason: str, value: Value) -> None:
        self.export.unmapped(self.export_key, section_id, path, reason, value)


NULL = Value(Kind.NULL, "null", "null")


def json_pointer(path: list[str]) -> str:
    """An RFC 6901 JSON Pointer; `~` is escaped first, so that the escape of `/` is not escaped again."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)


def attribute_cells(value: Value) -> tuple[str, str | None, int | None, float | None, bool | None]:
    """The cells value_type, value_text, value_integer, value_double and value_boolean."""
    match value.kind:
        case Kind.NULL:
            return ("null", None, None, None, None)
        case Kind.BOOLEAN:
            return ("boolean", value.text, None, None, value.text == "true")
        case Kind.NUMBER:
            integer = as_int64(value.text)
            if integer is not None:
                return ("integer", value.text, integer, float(integer), None)
            return ("double", value.text, None, as_double(value.text), None)
        case kind:  # a string's decoded text, an object's or array's exact text
            return (kind.value, value.text, None, None, None)


def as_int64(number: str) -> int | None:
    """The number, if it is written without fraction and exponent and fits."""
    digits_max = len(str(INT64_MIN))  # and no leading zeros in JSON: what is longer cannot fit
    if not re.fullmatch(r"-?[0-9]+", number) or len(number) > digits_max:
        return None
    integer = int(number)
    return integer if INT64_MIN <= integer <= INT64_MAX else None


def as_double(number: str) -> float | None:
    """The nearest double, if that is finite."""
    double = float(number)
    return double if math.isfinite(double) else None


class Mismatch(Exception):
    """A value does not fit its column."""


def as_id(value: Value) -> str | None:
    """A cell of correlation_id or type_id: text, or a number as it is written."""
    if value.kind is Kind.NULL:
        return None
    if value.kind in (Kind.STRING, Kind.NUMBER):
        return value.text
    raise Mismatch


def as_data(value: Value) -> str | None:
    """A cell of data: the exact JSON text."""
    return None if value.kind is Kind.NULL else value.raw


def as_time(value: Value) -> int | None:
    """A cell of created_at: milliseconds since the epoch, as a number or as a string that is one, in microseconds."""
    if value.kind is Kind.NULL:
        return None
    if value.kind not in (Kind.STRING, Kind.NUMBER):
        raise Mismatch
    milliseconds = as_whole_number(value.text)
    if milliseconds is None:
        raise Mismatch
    microseconds = milliseconds * MICROSECONDS_PER_MILLISECOND
    if not INT64_MIN <= microseconds <= INT64_MAX:
        raise Mismatch
    return microseconds


def as_source_time(value: Value) -> int | None:
    """A cell of source_event_time: as `as_time`, but 0 stands for "unknown"."""
    return as_time(value) or None


#: The members of an event, in the order of their columns, each with how it becomes a cell.
EVENT_MEMBERS = {
    "correlationId": as_id,
    "typeId": as_id,
    "sourceEventTime": as_source_time,
    "createdAt": as_time,
    "data": as_data,
}


def as_whole_number(text: str) -> int | None:
    """The value of a JSON number, if it is whole, in whatever way it is written, and has no more than 19 digits.

    Exact: no float is made on the way, and `1e999999999` is no work.
    """
    number = NUMBER_PARTS.fullmatch(text)
    if number is None:
        return None
    sign, whole, fraction, exponent_sign, exponent = number.groups(default="")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return 0
    # The number is 0.<digits> with the point moved `point` places to the right, and its last digit is not a zero.
    point = len(digits) - len(fraction) + _exponent(exponent_sign, exponent)
    digits = digits.rstrip("0")
    if not len(digits) <= point <= 19:
        return None
    return int(sign + digits.ljust(point, "0"))


def _exponent(sign: str, digits: str) -> int:
    """The exponent, held within a bound that no number of digits in a real file makes up for."""
    bound = 10**18
    digits = digits.lstrip("0")
    magnitude = bound if len(digits) > 18 else int(digits or "0")
    return -magnitude if sign == "-" else magnitude
