"""The blocks of code in the documents, and whether a value keeps to a JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: The README, the guide and the examples.
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("*.md"))]
#: Fences may be indented, and may be of no language.
FENCED = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
#: Of a schema, what says nothing about values.
DESCRIBING = {"$schema", "$defs", "title", "description", "default", "format"}
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    path: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def first_line(self) -> str:
        return self.text.splitlines()[0]


def blocks() -> list[Block]:
    """All blocks of the documents."""
    return [block for path in DOCUMENTS for block in blocks_of(path)]


def blocks_of(path: Path) -> Iterator[Block]:
    text = path.read_text()
    for match in FENCED.finditer(text):
        indent = match["indent"]
        lines = [line.removeprefix(indent) for line in match["text"].splitlines(keepends=True)]
        yield Block(path, text.count("\n", 0, match.start()) + 1, match["language"], "".join(lines))


def faults(value: object, schema: dict, root: dict, place: str = "$") -> list[str]:
    """What a value breaks of a JSON Schema. Knows the words that ours has, and refuses any other."""
    found = []
    for word, wanted in schema.items():
        match word:
            case "$ref":
                target = root
                for name in wanted.removeprefix("#/").split("/"):
                    target = target[name]
                found += faults(value, target, root, place)
            case "type":
                names = wanted if isinstance(wanted, list) else [wanted]
                is_number = isinstance(value, int) and not isinstance(value, bool)
                fits = any(isinstance(value, TYPES[name]) and (name not in ("integer", "number") or is_number) for name in names)
                if not fits:
                    found.append(f"{place} is no {' or '.join(names)}")
            case "enum" | "const":
                if value not in (wanted if word == "enum" else [wanted]):
                    found.append(f"{place} is none of {wanted}")
            case "anyOf" | "oneOf":
                if all(faults(value, one, root, place) for one in wanted):
                    found.append(f"{place} is nothing that is allowed")
            case "properties":
                members = value.items() if isinstance(value, dict) else []
                for name, member in members:
                    if name in wanted:
                        found += faults(member, wanted[name], root, f"{place}.{name}")
            case "additionalProperties":
                members = value if isinstance(value, dict) else {}
                for name in members.keys() - schema.get("properties", {}).keys():
                    if wanted is False:
                        found.append(f"{place}.{name} is not known")
                    elif isinstance(wanted, dict):
                        found += faults(members[name], wanted, root, f"{place}.{name}")
            case "required":
                found += [f"{place}.{name} is missing" for name in wanted if name not in value]
            case "items":
                for index, item in enumerate(value if isinstance(value, list) else []):
                    found += faults(item, wanted, root, f"{place}[{index}]")
            case "minimum" | "maximum":
                if isinstance(value, int) and (value < wanted if word == "minimum" else value > wanted):
                    found.append(f"{place} is beyond the {word}, {wanted}")
            case _:
                assert word in DESCRIBING, f"the schema says {word}, which nobody checks"
    return found
