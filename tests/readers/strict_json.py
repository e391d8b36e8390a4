"""A slow, strict JSON parser that forgets nothing: the ground the oracle stands on.

It follows RFC 8259 to the letter, over bytes, by recursive descent, and gives for every value its kind, its decoded text
and the exact bytes it was written with. Members stay in order, and a name that comes twice stays twice. The standard
library's `json` can do none of the three, and reads things that are no JSON (`NaN`, control characters).

Two rules come from the project's contract (§2, rules 9 and 10): a byte-order mark may open the file, and an escaped lone
surrogate is read as U+FFFD.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from enum import Enum

# How many objects and arrays may be open at once.
DEPTH_MAX = 1024

# Each level of nesting takes two Python frames; the default limit of 1,000 would end far before ours.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 4 * DEPTH_MAX))

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
WHITE_SPACE = re.compile(rb"[ \t\n\r]*")
NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
HEX4 = re.compile(rb"[0-9A-Fa-f]{4}")
SIMPLE_ESCAPES = {
    b'"': '"', b"\\": "\\", b"/": "/", b"b": "\b", b"f": "\f", b"n": "\n", b"r": "\r", b"t": "\t",
}  # fmt: skip
REPLACEMENT = "\ufffd"


class Kind(Enum):
    """The six kinds of JSON value."""

    OBJECT = "object"
    ARRAY = "array"
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"


@dataclass(frozen=True)
class Value:
    """One JSON value, together with the text it stood as."""

    kind: Kind
    #: The exact text, from its first to its last byte, without the white space around it.
    raw: str
    #: Of a string the decoded text, of any other value its exact text.
    text: str
    #: Of an object its members, in order, with decoded names; a repeated name is repeated here.
    members: list[tuple[str, Value]] = field(default_factory=list)
    #: Of an array its items.
    items: list[Value] = field(default_factory=list)

    @property
    def is_object(self) -> bool:
        return self.kind is Kind.OBJECT


class JsonError(ValueError):
    """The bytes are no JSON document, or pass the limit of nesting."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} at byte {offset}")
        self.offset = offset


def parse(data: bytes) -> Value:
    """Reads the one JSON value that `data` holds; anything else raises `JsonError`."""
    return _Parser(data).document()


class _Parser:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.depth = 0

    def document(self) -> Value:
        if self.data.startswith(BYTE_ORDER_MARK):
            self.at = len(BYTE_ORDER_MARK)
        self.white_space()
        value = self.value()
        self.white_space()
        if self.at != len(self.data):
            raise self.error("something after the end of the document")
        return value

    def value(self) -> Value:
        start = self.at
        first = self.peek()
        if first == b"{":
            return self.object()
        if first == b"[":
            return self.array()
        if first == b'"':
            text = self.string()
            return Value(Kind.STRING, self.since(start), text)
        for literal, kind in ((b"true", Kind.BOOLEAN), (b"false", Kind.BOOLEAN), (b"null", Kind.NULL)):
            if self.data.startswith(literal, self.at):
                self.at += len(literal)
                return Value(kind, literal.decode(), literal.decode())
        number = NUMBER.match(self.data, self.at)
        if number is None:
            raise self.error("no JSON value")
        self.at = number.end()
        return Value(Kind.NUMBER, self.since(start), self.since(start))

    def object(self) -> Value:
        start = self.at
        members: list[tuple[str, Value]] = []
        self.open(b"{")
        if self.peek() != b"}":
            while True:
                name = self.string()
                self.white_space()
                self.expect(b":")
                self.white_space()
                members.append((name, self.value()))
                self.white_space()
                if self.peek() != b",":
                    break
                self.expect(b",")
                self.white_space()
        self.close(b"}")
        raw = self.since(start)
        return Value(Kind.OBJECT, raw, raw, members=members)

    def array(self) -> Value:
        start = self.at
        items: list[Value] = []
        self.open(b"[")
        if self.peek() != b"]":
            while True:
                items.append(self.value())
                self.white_space()
                if self.peek() != b",":
                    break
                self.expect(b",")
                self.white_space()
        self.close(b"]")
        raw = self.since(start)
        return Value(Kind.ARRAY, raw, raw, items=items)

    def string(self) -> str:
        """Reads a string and decodes it."""
        self.expect(b'"')
        # UTF-16 code units of escapes are kept as code points, so that two escapes that make a pair can meet; raw UTF-8
        # cannot hold a surrogate, so every surrogate in `text` came by an escape.
        text = ""
        while True:
            plain = PLAIN.match(self.data, self.at)
            assert plain is not None  # it also matches nothing
            text += self.utf8(plain.start(), plain.end())
            self.at = plain.end()
            if self.peek() == b'"':
                self.expect(b'"')
                return _pair_surrogates(text)
            self.expect(b"\\")  # else a control character, or the end
            text += self.escape()

    def escape(self) -> str:
        letter = self.peek()
        if letter in SIMPLE_ESCAPES:
            self.at += 1
            return SIMPLE_ESCAPES[letter]
        self.expect(b"u")
        digits = HEX4.match(self.data, self.at)
        if digits is None:
            raise self.error("no four hexadecimal digits")
        self.at = digits.end()
        return chr(int(digits.group(), 16))

    def open(self, bracket: bytes) -> None:
        if self.depth == DEPTH_MAX:
            raise self.error(f"nested deeper than {DEPTH_MAX}")
        self.depth += 1
        self.expect(bracket)
        self.white_space()

    def close(self, bracket: bytes) -> None:
        self.expect(bracket)
        self.depth -= 1

    def white_space(self) -> None:
        found = WHITE_SPACE.match(self.data, self.at)
        assert found is not None  # it also matches nothing
        self.at = found.end()

    def peek(self) -> bytes:
        """The next byte, or none at the end."""
        return self.data[self.at : self.at + 1]

    def expect(self, byte: bytes) -> None:
        if self.peek() != byte:
            raise self.error(f"no {byte.decode()!r}")
        self.at += 1

    def since(self, start: int) -> str:
        return self.utf8(start, self.at)

    def utf8(self, start: int, end: int) -> str:
        try:
            return self.data[start:end].decode("utf-8", errors="strict")
        except UnicodeDecodeError as error:
            raise JsonError("invalid UTF-8", start + error.start) from None

    def error(self, message: str) -> JsonError:
        return JsonError(message, self.at)


def _pair_surrogates(text: str) -> str:
    """Joins each high surrogate with the low one right after it; a surrogate without its other half becomes U+FFFD."""
    joined = re.sub(
        "[\ud800-\udbff][\udc00-\udfff]",
        lambda pair: pair.group().encode("utf-16-be", "surrogatepass").decode("utf-16-be"),
        text,
    )
    return re.sub("[\ud800-\udfff]", REPLACEMENT, joined)
