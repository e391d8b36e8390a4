"""The oracle against the contract (§2, §3), rule by rule: each case is one line, and says what one table must hold.

Most cases are about one part of an export; `@` is its short form for the way there:

    attribute entries   p.s.a@{"1":{"value":2}}   the `attributes` of section "s" of profile "p"
    events              p.s.e@[{"typeId":7}]      its `events`
    section             p.s@{}                    the section
    profile             p@{}                      the profile
"""

from __future__ import annotations

import inputs
import pytest
import readers
from oracle import Row, as_double, as_int64, as_whole_number, json_pointer, tables
from strict_json import JsonError

WAYS = {
    "p.s.a@": '{"p":{"sections":{"s":{"attributes":%}}}}',
    "p.s.e@": '{"p":{"sections":{"s":{"events":%}}}}',
    "p.s@": '{"p":{"sections":{"s":%}}}',
    "p@": '{"p":%}',
}


def export(short: str) -> bytes:
    """The export that a case is short for."""
    for way, template in WAYS.items():
        if short.startswith(way):
            return template.replace("%", short.removeprefix(way)).encode()
    return short.encode()


REFUSED = inputs.refused()
UNKNOWN, MISMATCH = "unknown_member", "type_mismatch"


@pytest.mark.parametrize(
    ("short", "profiles"),
    [
        ('{}', []),
        ('{"b":{},"a":{},"b":{}}', [("b", 0, 0, 0, 0), ("a", 0, 0, 0, 0), ("b", 0, 0, 0, 0)]),
        ('{"profiles":{"a":{}}}', [("a", 0, 0, 0, 0)]),
        ('{"pr\\u006ffiles":{"a":{}}}', [("a", 0, 0, 0, 0)]),
        ('{"Profiles":{"a":{}}}', [("Profiles", 0, 0, 0, 0)]),
        ('{"a":{},"profiles":{"b":{}},"c":{},"profiles":{"d":{}}}', [(key, 0, 0, 0, 0) for key in "abd"]),
        ('{"a":{},"profiles":1,"c":{}}', [("a", 0, 0, 0, 0)]),
        ('{"metadata":{},"a":{},"metadata":{}}', [("a", 0, 0, 0, 0)]),
        ('{"profiles":{"metadata":{},"profiles":{}}}', [("metadata", 0, 0, 0, 0), ("profiles", 0, 0, 0, 0)]),
        ('{"profiles":{"a":1,"b":null}}', [("a", 0, 0, 0, 0), ("b", 0, 0, 0, 0)]),
        ('{"\\ud800":{}}', [("\ufffd", 0, 0, 0, 0)]),
        ('p@{"sections":null}', [("p", 0, 0, 0, 0)]),
        ('p@{"sections":1}', [("p", 0, 0, 0, 0)]),
        ('p@{"sections":{"a":{},"b":null,"c":1,"a":{}}}', [("p", 4, 0, 0, 0)]),
        ('p@{"sections":{"a":{}},"sections":{"b":{}}}', [("p", 2, 0, 0, 0)]),
        ('p.s.a@{"1":{"value":1},"2":{},"3":{"value":null},"4":5,"1":{"value":2,"value":null}}', [("p", 1, 2, 3, 0)]),
        ('p.s.e@[{},1,null,{}]', [("p", 1, 0, 0, 2)]),
    ],
)  # fmt: skip
def test_profiles(short: str, profiles: list[Row]) -> None:
    assert tables(export(short))["profiles"] == profiles


@pytest.mark.parametrize(
    ("value", "cells"),
    [
        ('""', ("string", "", None, None, None)),
        ('"a\\u0062\\/\\n"', ("string", "ab/\n", None, None, None)),
        ('"12"', ("string", "12", None, None, None)),
        ("12", ("integer", "12", 12, 12.0, None)),
        ("-0", ("integer", "-0", 0, 0.0, None)),
        ("9223372036854775807", ("integer", "9223372036854775807", 2**63 - 1, 2.0**63, None)),
        ("-9223372036854775808", ("integer", "-9223372036854775808", -(2**63), -(2.0**63), None)),
        ("9223372036854775808", ("double", "9223372036854775808", None, 2.0**63, None)),
        ("-9223372036854775809", ("double", "-9223372036854775809", None, -(2.0**63), None)),
        ("12.0", ("double", "12.0", None, 12.0, None)),
        ("12e0", ("double", "12e0", None, 12.0, None)),
        ("1E-400", ("double", "1E-400", None, 0.0, None)),
        ("1e400", ("double", "1e400", None, None, None)),
        ("true", ("boolean", "true", None, None, True)),
        ("false", ("boolean", "false", None, None, False)),
        ('{ "a" : "\\u0061" }', ("object", '{ "a" : "\\u0061" }', None, None, None)),
        ("[\t]", ("array", "[\t]", None, None, None)),
    ],
)  # fmt: skip
def test_attribute_values(value: str, cells: Row) -> None:
    found = tables(export('p.s.a@{"1":{"value": ' + value + " }}"))
    assert found["attributes"] == [("p", "s", "1", *cells)]
    assert found["tags"] == found["unmapped"] == []


def test_the_double_minus_zero_keeps_its_sign() -> None:
    [row] = tables(export('p.s.a@{"1":{"value":-0.0}}'))["attributes"]
    assert str(row[6]) == "-0.0"


@pytest.mark.parametrize(
    ("short", "ids"),
    [
        ('p.s.a@{"1":{"value":null}}', ["1"]),
        ('p.s.a@{"1":{}}', ["1"]),
        ('p.s.a@{"1":{"Value":1}}', ["1"]),
        ('p.s.a@{"1":{"value":null,"value":null},"1":{}}', ["1", "1", "1"]),
        ('p.s.a@{"1":{"value":1,"value":null}}', ["1"]),
        ('p.s.a@{"1":{"value":1},"2":{"value":false},"3":null,"4":"tag"}', []),
        ('p.s.a@{"b":{},"7":{"value":null},"a":{},"b":{}}', ["b", "a", "b"]),
    ],
)  # fmt: skip
def test_tags(short: str, ids: list[str]) -> None:
    assert [row[2] for row in tables(export(short), attribute_ids={"7"})["tags"]] == ids


@pytest.mark.parametrize("entry", ['{"value":null}', "{}", '{"other":1}'])
def test_an_attribute_by_definition_is_null_without_a_value(entry: str) -> None:
    found = tables(export('p.s.a@{"7":' + entry + "}"), attribute_ids=["7"])
    assert found["attributes"] == [("p", "s", "7", "null", None, None, None, None)]
    assert found["profiles"] == [("p", 1, 1, 0, 0)]


EMPTY = (None, None, None, None, None)


@pytest.mark.parametrize(
    ("events", "rows"),
    [
        # ordinal, correlation_id, type_id, source_event_time, created_at, data, is_duplicate
        ("[]", []),
        ("[{}]", [(0, *EMPTY, False)]),
        ("[{},1,null,[],{}]", [(0, *EMPTY, False), (4, *EMPTY, False)]),
        ('[{"correlationId":null,"typeId":null,"sourceEventTime":null,"createdAt":null,"data":null}]', [(0, *EMPTY, False)]),
        ('[{"correlationId":"\\u0061","typeId":"b"}]', [(0, "a", "b", None, None, None, False)]),
        ('[{"correlationId":1.50,"typeId":-0}]', [(0, "1.50", "-0", None, None, None, False)]),
        ('[{"correlationId":true,"typeId":[]}]', [(0, *EMPTY, False)]),
        ('[{"sourceEventTime":5,"createdAt":7}]', [(0, None, None, 5000, 7000, None, False)]),
        ('[{"sourceEventTime":0,"createdAt":0}]', [(0, None, None, None, 0, None, False)]),
        ('[{"sourceEventTime":-0.0,"createdAt":"-0"}]', [(0, None, None, None, 0, None, False)]),
        ('[{"sourceEventTime":"0","createdAt":"0e9"}]', [(0, None, None, None, 0, None, False)]),
        ('[{"data":{ "a":1 }}]', [(0, None, None, None, None, '{ "a":1 }', False)]),
        ('[{"data":"\\u0061"}]', [(0, None, None, None, None, '"\\u0061"', False)]),
        # Within an event the last one wins, whatever it is.
        ('[{"typeId":"a","typeId":"b"}]', [(0, None, "b", None, None, None, False)]),
        ('[{"typeId":"a","typeId":null}]', [(0, None, None, None, None, None, False)]),
        ('[{"typeId":"a","typeId":true}]', [(0, None, None, None, None, None, False)]),
        ('[{"typeId":true,"typeId":"b"}]', [(0, None, "b", None, None, None, False)]),
        # Duplicates: by four cells, and only with a correlation id.
        ('[{"correlationId":1},{"correlationId":"1","createdAt":1}]', [(0, "1", *EMPTY[1:], False), (1, "1", None, None, 1000, None, True)]),
        ('[{"typeId":1},{"typeId":1}]', [(0, None, "1", *EMPTY[2:], False), (1, None, "1", *EMPTY[2:], False)]),
        ('[{"correlationId":1},{"correlationId":1,"sourceEventTime":0}]', [(0, "1", *EMPTY[1:], False), (1, "1", *EMPTY[1:], True)]),
        ('[{"correlationId":1},{"correlationId":1,"typeId":{}}]', [(0, "1", *EMPTY[1:], False), (1, "1", *EMPTY[1:], True)]),
    ],
)  # fmt: skip
def test_events(events: str, rows: list[Row]) -> None:
    assert [row[2:] for row in tables(export("p.s.e@" + events))["events"]] == rows


@pytest.mark.parametrize(
    "other",
    ['"correlationId":2', '"typeId":2', '"sourceEventTime":2', '"data":2', '"data":{ }', '"correlationId":null'],
)
def test_what_makes_an_event_another(other: str) -> None:
    event = '{"correlationId":1,"typeId":1,"sourceEventTime":1,"data":{}}'
    changed = event.removesuffix("}") + "," + other + "}"
    found = tables(export(f"p.s.e@[{event},{changed},{event},{changed}]"))["events"]
    assert [row[-1] for row in found] == [False, False, True, other != '"correlationId":null']


def test_duplicates_are_looked_for_in_one_section_id_of_one_profile_object() -> None:
    events = '"events":[{"correlationId":1}]'
    short = """{
      "p": {"sections": {"s": {@, @}, "t": {@}, "s": {@}}, "sections": {"s": {@}}},
      "p": {"sections": {"s": {@}}}
    }""".replace("@", events)
    found = tables(short.encode())["events"]
    assert [row[1:3] + row[-1:] for row in found] == [
        ("s", 0, False), ("s", 0, True), ("t", 0, False), ("s", 0, True), ("s", 0, True), ("s", 0, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("short", "unmapped"),
    [
        # Above the profiles.
        ('{"a":1,"b/~":[ ],"":"x"}', [(None, None, "/a", UNKNOWN, "1"), (None, None, "/b~1~0", UNKNOWN, "[ ]"), (None, None, "/", UNKNOWN, '"x"')]),
        ('{"metadata":{ },"metadata":null}', [(None, None, "/metadata", UNKNOWN, "{ }"), (None, None, "/metadata", UNKNOWN, "null")]),
        ('{"profiles":null}', [(None, None, "/profiles", MISMATCH, "null")]),
        ('{"profiles":[1],"a":{}}', [(None, None, "/profiles", MISMATCH, "[1]"), (None, None, "/a", UNKNOWN, "{}")]),
        ('{"profiles":{},"a":{"sections":{"s":{}}}}', [(None, None, "/a", UNKNOWN, '{"sections":{"s":{}}}')]),
        # Profiles and sections.
        ('{"profiles":{"p":null,"q":1.0}}', [("p", None, "", MISMATCH, "null"), ("q", None, "", MISMATCH, "1.0")]),
        ('p@{"topics":"\\u0061","sections":{},"~/":null}', [("p", None, "/topics", UNKNOWN, '"\\u0061"'), ("p", None, "/~0~1", UNKNOWN, "null")]),
        ('p@{"sections":null}', []),
        ('p@{"sections":[{}],"sections":0}', [("p", None, "/sections", MISMATCH, "[{}]"), ("p", None, "/sections", MISMATCH, "0")]),
        ('p@{"sections":{"a/b":null,"c":1}}', [("p", "a/b", "/sections/a~1b", MISMATCH, "null"), ("p", "c", "/sections/c", MISMATCH, "1")]),
        ('p.s@{"consents":{ },"attributes":null,"events":null}', [("p", "s", "/sections/s/consents", UNKNOWN, "{ }")]),
        ('p.s@{"attributes":[],"events":{}}', [("p", "s", "/sections/s/attributes", MISMATCH, "[]"), ("p", "s", "/sections/s/events", MISMATCH, "{}")]),
        # Attribute entries.
        ('p.s.a@{"1":null,"2":"x"}', [("p", "s", "/sections/s/attributes/1", MISMATCH, "null"), ("p", "s", "/sections/s/attributes/2", MISMATCH, '"x"')]),
        ('p.s.a@{"a~":{"value":1,"b/":[ 1]}}', [("p", "s", "/sections/s/attributes/a~0/b~1", UNKNOWN, "[ 1]")]),
        # Events.
        ('p.s.e@[{},null,{"x":1}]', [("p", "s", "/sections/s/events/1", MISMATCH, "null"), ("p", "s", "/sections/s/events/2/x", UNKNOWN, "1")]),
        ('p.s.e@[{"typeId":true,"a":1,"correlationId":{ }}]', [("p", "s", "/sections/s/events/0/typeId", MISMATCH, "true"), ("p", "s", "/sections/s/events/0/a", UNKNOWN, "1"), ("p", "s", "/sections/s/events/0/correlationId", MISMATCH, "{ }")]),
        ('p.s.e@[{"typeId":1,"typeId":false,"typeId":2,"createdAt":7,"createdAt":8}]', [("p", "s", "/sections/s/events/0/typeId", MISMATCH, "false")]),
        ('p.s.e@[{"createdAt":"soon","sourceEventTime":1.5}]', [("p", "s", "/sections/s/events/0/createdAt", MISMATCH, '"soon"'), ("p", "s", "/sections/s/events/0/sourceEventTime", MISMATCH, "1.5")]),
    ],
)  # fmt: skip
def test_unmapped(short: str, unmapped: list[Row]) -> None:
    assert tables(export(short))["unmapped"] == unmapped


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("0", 0), ("-0", 0), ("0.000", 0), ("0e99999999999999999999", 0), ("7", 7), ("-7", -7), ("70", 70), ("7.0", 7),
        ("1.7e12", 1_700_000_000_000), ("1.7E+12", 1_700_000_000_000), ("17000e-3", 17), ("0.0012e4", 12),
        ("1699999999999.0", 1_699_999_999_999), ("9223372036854775807", 2**63 - 1), ("1e18", 10**18),
        ("1.5", None), ("17000e-4", None), ("0.1", None), ("1e-1", None), ("1e19", None), ("1e99999999999999999999", None),
        ("1e-99999999999999999999", None), ("", None), ("+1", None), ("01", None), ("1.", None), (".1", None), (" 1", None),
        ("1\n", None), ("1e", None), ("NaN", None), ("\u0661", None), ("0x1", None), ("1_0", None),
    ],
)  # fmt: skip
def test_whole_numbers(text: str, whole: int | None) -> None:
    assert as_whole_number(text) == whole


@pytest.mark.parametrize(
    ("value", "microseconds"),
    [
        ("9223372036854775", 9_223_372_036_854_775_000), ("-9223372036854775", -9_223_372_036_854_775_000),
        ("9223372036854776", None), ("-9223372036854776", None), ('"1e3"', 1_000_000), ('"\\u0031"', 1000), ('"1 "', None),
        ("true", None), ("[]", None), ("-1", -1000),
    ],
)  # fmt: skip
def test_times(value: str, microseconds: int | None) -> None:
    found = tables(export('p.s.e@[{"createdAt":%s,"sourceEventTime":%s}]' % (value, value)))
    assert found["events"][0][5:7] == (microseconds, microseconds)
    assert len(found["unmapped"]) == (2 if microseconds is None else 0)


def test_numbers() -> None:
    assert [as_int64(text) for text in ("1", "-0", str(2**63 - 1))] == [1, 0, 2**63 - 1]
    assert [as_int64(text) for text in ("1.0", "1e0", str(2**63))] == [None, None, None]
    assert [as_double(text) for text in ("0.1", "1e400", "1" * 400, "5e-324")] == [0.1, None, None, 5e-324]


def test_pointers_escape_the_tilde_first() -> None:
    assert json_pointer([]) == ""
    assert json_pointer(["", "a/b", "~1", "m~n"]) == "//a~1b/~01/m~0n"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_export_is_refused(name: str) -> None:
    with pytest.raises(JsonError):
        tables(REFUSED[name])


@pytest.mark.parametrize("table", readers.TABLES)
def test_rows_are_as_wide_as_the_published_table(table: str) -> None:
    data = b'{"p":{"sections":{"s":{"attributes":{"1":{"value":1},"2":{}},"events":[{"new":1}]}}}}'
    [row] = tables(data)[table]
    assert len(row) == len(readers.published(table))
