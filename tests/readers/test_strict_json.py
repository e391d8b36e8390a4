"""The parser below the oracle: what it takes, what it refuses, and that it agrees with Python's own where that is fit."""

from __future__ import annotations

import json

import inputs
import pytest
from strict_json import DEPTH_MAX, JsonError, Kind, parse


@pytest.mark.parametrize(
    ("data", "kind", "raw", "text"),
    [
        (b"null", Kind.NULL, "null", "null"),
        (b" true\n", Kind.BOOLEAN, "true", "true"),
        (b"\t-0.50e+1\r", Kind.NUMBER, "-0.50e+1", "-0.50e+1"),
        (b'"a\\/b"', Kind.STRING, '"a\\/b"', "a/b"),
        (b'"\\u00e9\xc3\xa9"', Kind.STRING, '"\\u00e9\u00e9"', "\u00e9\u00e9"),
        (b'"\\uD83D\\uDE00"', Kind.STRING, '"\\uD83D\\uDE00"', "\U0001f600"),
        (b'"\\ud800"', Kind.STRING, '"\\ud800"', "\ufffd"),
        (b'"\\ude00\\ud83d"', Kind.STRING, '"\\ude00\\ud83d"', "\ufffd\ufffd"),
        (b'"\\ud83d\\ud83d\\ude00"', Kind.STRING, '"\\ud83d\\ud83d\\ude00"', "\ufffd\U0001f600"),
        (b'"\\ud83d \\ude00"', Kind.STRING, '"\\ud83d \\ude00"', "\ufffd \ufffd"),
        (b"\xef\xbb\xbf [ 1 , 2 ] ", Kind.ARRAY, "[ 1 , 2 ]", "[ 1 , 2 ]"),
    ],
)  # fmt: skip
def test_a_value_has_its_kind_its_exact_text_and_its_decoded_text(data: bytes, kind: Kind, raw: str, text: str) -> None:
    value = parse(data)
    assert (value.kind, value.raw, value.text) == (kind, raw, text)


def test_members_keep_their_order_and_their_repetition() -> None:
    members = parse(b'{"b":1, "\\u0061" :2 ,"b": {"c" : []}}').members
    assert [(name, value.raw) for name, value in members] == [("b", "1"), ("a", "2"), ("b", '{"c" : []}')]


@pytest.mark.parametrize("value", inputs.REFUSED_VALUES, ids=lambda value: repr(value[:30]))
def test_what_is_no_value_is_refused_at_the_top_and_within(value: bytes) -> None:
    # Some are values, but none is a member of an object: they are refused within.
    with pytest.raises(JsonError):
        parse(b'{"a":' + value + b"}")


def test_nesting_ends_at_the_limit() -> None:
    assert parse(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX).kind is Kind.ARRAY
    with pytest.raises(JsonError, match="nested deeper"):
        parse(b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1))


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"", 0), (b"[1,]", 3), (b"{} x", 3), (b'"a\xffb"', 2), (b'"a\nb"', 2), (b'"\\x"', 2), (b'{"a" 1}', 5), (b"[01]", 2),
    ],
)  # fmt: skip
def test_an_error_names_its_byte(data: bytes, offset: int) -> None:
    with pytest.raises(JsonError) as error:
        parse(data)
    assert error.value.offset == offset


@pytest.mark.parametrize("value", inputs.VALUES)
def test_it_agrees_with_the_standard_library(value: str) -> None:
    found = parse(value.encode())
    wanted = json.loads(value)
    if isinstance(wanted, str):
        # The standard library leaves lone surrogates as they are.
        assert found.text == "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in wanted)
    else:
        assert type(wanted) in PYTHON_TYPES[found.kind]
    assert found.raw == value


PYTHON_TYPES = {
    Kind.OBJECT: (dict,),
    Kind.ARRAY: (list,),
    Kind.NUMBER: (int, float),
    Kind.BOOLEAN: (bool,),
    Kind.NULL: (type(None),),
}
