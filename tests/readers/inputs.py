"""The documents that `apsides convert` is put to: those that must be read, and those that must be refused.

The hand-written exports are files in `exports/`, one per theme. What is long rather than instructive is made here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from strict_json import DEPTH_MAX

EXPORTS = Path(__file__).parent / "exports"

#: Values, as they stand in a file, that are each hard for somebody.
VALUES = [
    # The plain kinds.
    "null", "true", "false", "{}", "[]", '""', '"text"',
    # Numbers: int64 and its edges, the ways to write a whole number, doubles and their edges.
    "0", "-0", "0.0", "-0.0", "0e0", "1", "-1", "1.0", "1.5", "10e-1", "1E+2", "1e-2", "0.1", "1e22", "1e23",
    "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
    "123456789012345678901234567890", "9" * 400, "0." + "0" * 800 + "1", "1e400", "-1e400", "1e-400", "-1e-400",
    "5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "2.2250738585072011e-308",
    "1.7976931348623157e308", "1.797693134862315807e308", "1.797693134862315808e308", "1e99999999999999999999",
    "0e99999999999999999999", "1e-99999999999999999999",
    # Times, and what is nearly one.
    "1699999999999", "1.7e12", "1699999999999.0", "1699999999999.5", "16999999999990e-1", "16999999999995e-1",
    "9223372036854775", "9223372036854776", "-9223372036854775", "-9223372036854776", "9.223372036854775e15",
    '"1699999999999"', '"1.7e12"', '"1699999999999.5"', '"0"', '"-0.0"', '"\\u0031"', '" 1"', '"1 "', '"+1"', '"01"',
    '"1."', '".5"', '"0x1f"', '"1_000"', '"1e400"', '"NaN"', '"Infinity"', '"\u0661"', '"1\\u0000"', '"2026-11-23"',
    # Text.
    '"\u00e5\u65e5\U0001f600"', '"\\u00e5\\ud83d\\ude00"', '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\u0000"', '"\x7f"',
    '"\u2028\ufeff\uffff\U0010ffff"', '"\\ud800"', '"\\udc00"', '"\\ud800\\ud83d\\ude00"', '"\\udc00\\ud800"',
    '"\\ud83d\\n\\ude00"', '"\\\\ud800"',
    # Objects and arrays, with their white space, and with names that mean something elsewhere.
    '{ "a" : [ 1 , { "b" : null } ] }', '[\t1\n,\r2 ]', "[ ]", '{"a":1,"a":2}', '{"":""}', '{"value":null}',
    '{"sections":{"s":{"attributes":{"a":{"value":1}}}}}', '["\\ud800","\\u00e5","\u00e5"]', "[[[[]]],{}]", '"]}[{,:"',
]  # fmt: skip

#: Where in an export a value can stand, from the profile down; `%` is the value.
PLACES = [
    "%",
    '{"sections": %}',
    '{"topics": %}',
    '{"sections": {"s": %}}',
    '{"sections": {"s": {"attributes": %}}}',
    '{"sections": {"s": {"events": %}}}',
    '{"sections": {"s": {"consents": %}}}',
    '{"sections": {"s": {"attributes": {"a": %}}}}',
    '{"sections": {"s": {"attributes": {"a": {"value": %}}}}}',
    '{"sections": {"s": {"attributes": {"a": {"history": %}}}}}',
    '{"sections": {"s": {"attributes": {"a": {"history": 1, "value": 2, "value": %, "history": %}}}}}',
    '{"sections": {"s": {"events": [%, {}, %]}}}',
    '{"sections": {"s": {"events": [{"correlationId": %}, {"correlationId": %}]}}}',
    '{"sections": {"s": {"events": [{"correlationId": 1, "typeId": %}, {"typeId": %, "correlationId": "1"}]}}}',
    '{"sections": {"s": {"events": [{"correlationId": 1, "sourceEventTime": %}, {"correlationId": 1}]}}}',
    '{"sections": {"s": {"events": [{"correlationId": 1, "createdAt": %}, {"correlationId": 1}]}}}',
    '{"sections": {"s": {"events": [{"correlationId": 1, "data": %}, {"correlationId": 1, "data": %}]}}}',
    '{"sections": {"s": {"events": [{"typeId": 1, "typeId": %, "createdAt": %, "createdAt": 1, "channel": %}]}}}',
]

#: What is no JSON value, and looks like one to somebody; and what takes its document's end away.
REFUSED_VALUES = [
    b"", b"nul", b"nulL", b"True", b"NaN", b"Infinity", b"-Infinity", b"undefined", b"'a'", b"a", b"/*c*/1", b"1//c\n",
    b"01", b"-01", b"+1", b"-", b"1.", b".5", b"1.e1", b"1e", b"1e+", b"0x1f", b"1_000", b"1 2", b"--1", b"1.2.3", b"1e1.5",
    b'"', b'"\\"', b'"\\x"', b'"\\u12"', b'"\\u12G4"', b'"\\U0041"', b'"\\ud800\\u"', b'"a"b"', b'"a" "b"',
    b'"\x00"', b'"\n"', b'"\t"', b'"\x1f"', b"\x00", b"\x0b1", b"\xc2\xa01", b"\xef\xbb\xbf1",
    b'"\x80"', b'"\xc3"', b'"\xc0\xaf"', b'"\xe0\x80\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xf8\x88\x80\x80\x80"',
    b'"\xff"', b'"\xe2\x82"', b'"\xf0\x9f\x98"',
    b"[", b"]", b"{", b"}", b"[1,]", b"[,1]", b"[1 2]", b"[1,,2]", b"[1:2]", b"[1}", b'{"a"}', b'{"a":}', b'{"a":1,}',
    b'{,"a":1}', b'{"a" 1}', b'{"a":1 "b":2}', b'{"a"::1}', b"{a:1}", b"{1:1}", b"{null:1}", b'{"a":1]', b'{"a":1,,"b":2}',
    b'{"\\x":1}', b'{"\xff":1}', b'{"\n":1}', b"[" * DEPTH_MAX + b"]" * DEPTH_MAX,
]  # fmt: skip

#: Whole documents that are no export.
REFUSED_DOCUMENTS = {
    "nothing": b"",
    "white space": b" \n",
    "byte-order mark alone": b"\xef\xbb\xbf",
    "two byte-order marks": b"\xef\xbb\xbf\xef\xbb\xbf{}",
    "byte-order mark after white space": b" \xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "array": b"[]",
    "string": b'"{}"',
    "null": b"null",
    "two objects": b"{}{}",
    "lines": b'{"a":{}}\n{"b":{}}\n',
    "comma at the end": b"{},",
    "nul at the end": b"{}\x00",
    "brace too many": b"{}}",
    "cut in a name": b'{"a":{"sect',
    "cut after a profile": b'{"a":{"sections":{}}',
    "cut after a comma": b'{"a":{"sections":{}},',
    "cut before the last brace": b'{"profiles":{"a":{}}',
}


def refused() -> dict[str, bytes]:
    """Every document that must be refused: the whole ones, and each wrong value in a place that is skipped, decoded, kept."""
    places = {
        "skipped": b'{"k": {"topics": %}}',
        "decoded": b'{"k": {"sections": {"s": {"attributes": {"a": {"value": %}}}}}}',
        "kept": b'{"k": {"sections": {"s": {"events": [{"data": %}]}}}}',
    }
    within = {
        f"{value[:30]!r}, {name}": place.replace(b"%", value)
        for name, place in places.items()
        for value in REFUSED_VALUES
    }
    return REFUSED_DOCUMENTS | within


def handwritten() -> dict[str, bytes]:
    """The exports in `exports/`, by file name."""
    return {path.name: path.read_bytes() for path in sorted(EXPORTS.glob("*.json"))}


def everything_everywhere() -> bytes:
    """Every value in every place, first as flat profiles, then as wrapped ones, then at the top after `profiles`."""
    profiles = [
        f'"{place_at}-{value_at}": {place.replace("%", value)}'
        for place_at, place in enumerate(PLACES)
        for value_at, value in enumerate(VALUES)
    ]
    metadata = [f'"metadata": {value}' for value in VALUES]
    wrapped_profiles = ['"profiles": {' + ",".join(profiles) + "}", *(f'"profiles": {value}' for value in VALUES)]
    after = [f'"after {at}": {value}' for at, value in enumerate(VALUES)]
    return ("{" + ",\n".join([*profiles, *metadata, *wrapped_profiles, *after]) + "}").encode()


def deep_and_long() -> bytes:
    """Nesting up to the limit, seen and skipped, and names and values longer than any buffer."""
    levels_above = {"value": 6, "data": 6, "topics": 2}
    nested = {name: "[" * (DEPTH_MAX - above) + "]" * (DEPTH_MAX - above) for name, above in levels_above.items()}
    long = "l\u00f8ng " * 300_000
    return f"""{{
      "deep": {{"topics": {nested["topics"]}, "sections": {{"1": {{
        "attributes": {{"2": {{"value": {nested["value"]}}}}}, "events": [{{"data": {nested["data"]}}}]}}}}}},
      "long": {{"sections": {{"1": {{
        "attributes": {{"2": {{"value": "{long}"}}, "3": {{"value": {"7" * 1_000_000}}}}},
        "events": [{{"correlationId": "{long}", "data": {{"text": "{long}\\n"}}, "other": "{long}"}}]}}}}}},
      "{long}": {{"sections": {{"1": {{}}}}}}
    }}""".encode()


def adversarial(seed: int, profiles: int = 150) -> bytes:
    """A random export that mostly keeps to the grammar, with names repeated, kinds mixed up and odd white space."""
    return _Adversary(random.Random(seed)).export(profiles).encode()


class _Adversary:
    """Writes each part of the grammar, and now and then any value in its place."""

    NAMES = ("1203", "501", "", "a/b~c", "\u00e5\U0001f600", "\\u0041", "\\ud800", "value", "sections", "events")

    # The reserved names are rare: after `profiles` no flat profile is read any more.
    TOP_NAMES = (*(("p", "q") * 60), "profiles", "metadata")

    def __init__(self, random: random.Random) -> None:
        self.random = random

    def export(self, profiles: int) -> str:
        return self.object(lambda: self.random.choice(self.TOP_NAMES), self.top, profiles)

    def top(self, name: str) -> str:
        if name == "profiles" and self.random.random() < 0.5:
            return self.object(self.name, self.profile, 5)
        return self.profile(name)

    def profile(self, _: str) -> str:
        return self.usually(lambda: self.object(lambda: self.often("sections"), self.sections, 2))

    def sections(self, _: str) -> str:
        return self.usually(lambda: self.object(self.name, self.section, 3))

    def section(self, _: str) -> str:
        return self.usually(lambda: self.object(lambda: self.often("attributes", "events"), self.content, 3))

    def content(self, name: str) -> str:
        if name == "events":
            return self.usually(lambda: self.sequence("[]", [self.event() for _ in range(self.random.randrange(8))]))
        return self.usually(lambda: self.object(self.name, self.entry, 6))

    def entry(self, _: str) -> str:
        return self.usually(lambda: self.object(lambda: self.often("value"), lambda _: self.anything(), 3))

    def event(self) -> str:
        members = ("correlationId", "typeId", "sourceEventTime", "createdAt", "data")
        return self.usually(lambda: self.object(lambda: self.often(*members), self.event_value, 6))

    def event_value(self, _: str) -> str:
        # Few values, so that events repeat.
        return self.usually(lambda: self.random.choice(["1", '"1"', "0", "1.0"]))

    def usually(self, part: Callable[[], str]) -> str:
        return part() if self.random.random() < 0.9 else self.anything()

    def anything(self) -> str:
        return self.random.choice(VALUES)

    def often(self, *names: str) -> str:
        return self.random.choice(names) if self.random.random() < 0.9 else self.name()

    def name(self) -> str:
        return self.random.choice(self.NAMES)

    def object(self, name: Callable[[], str], value: Callable[[str], str], length_max: int) -> str:
        names = [name() for _ in range(self.random.randint(length_max // 2, length_max))]
        return self.sequence("{}", [f'"{each}"{self.space()}:{self.space()}{value(each)}' for each in names])

    def sequence(self, brackets: str, parts: list[str]) -> str:
        return brackets[0] + ",".join(f"{self.space()}{part}{self.space()}" for part in parts) + brackets[1]

    def space(self) -> str:
        return self.random.choice(["", "", "", " ", "\n\t", "\r\n"])


def wrapped(flat: bytes) -> bytes:
    """The same profiles in the wrapped layout."""
    return b'{"metadata":{"wrapped":true},"profiles":' + flat.strip() + b"}"
