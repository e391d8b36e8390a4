"""What a Python user does with an export today: `python ijson_program.py EXPORT FOLDER`.

ijson (by its C backend, yajl2) streams the members of the outermost object, so that only one profile at a time is in
memory; pyarrow writes batches of rows. One thread.
"""

import json
import sys
from decimal import Decimal
from typing import Any

import ijson
import pyarrow as pa
import pyarrow.parquet as pq

BATCH_ROWS = 64 << 10

TIME = pa.timestamp("us", tz="UTC")
ATTRIBUTES = pa.schema([(name, pa.string()) for name in ("export_key", "section_id", "attribute_id", "value_text")])
EVENTS = pa.schema(
    [(name, pa.string()) for name in ("export_key", "section_id", "correlation_id", "type_id")]
    + [("source_event_time", TIME), ("created_at", TIME), ("data", pa.string())]
)


class Table:
    """A table under construction."""

    def __init__(self, path: str, schema: pa.Schema) -> None:
        self.schema = schema
        self.writer = pq.ParquetWriter(path, schema, compression="zstd", compression_level=1)
        self.columns: list[list[Any]] = [[] for _ in schema]

    def add(self, *row: Any) -> None:
        for column, cell in zip(self.columns, row, strict=True):
            column.append(cell)
        if len(self.columns[0]) >= BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        arrays = [pa.array(column, field.type) for column, field in zip(self.columns, self.schema, strict=True)]
        self.writer.write_table(pa.Table.from_arrays(arrays, schema=self.schema))
        for column in self.columns:
            column.clear()

    def close(self) -> None:
        self.flush()
        self.writer.close()


def plain(value: Any) -> float:
    """What the json module does not write by itself: ijson's numbers with a fraction."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(value)


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=plain, separators=(",", ":"), ensure_ascii=False)


def main(export: str, folder: str) -> None:
    attributes = Table(f"{folder}/attributes.parquet", ATTRIBUTES)
    events = Table(f"{folder}/events.parquet", EVENTS)
    with open(export, "rb") as file:
        for key, profile in ijson.kvitems(file, "", buf_size=1 << 20):
            for section_id, section in (profile.get("sections") or {}).items():
                for attribute_id, entry in (section.get("attributes") or {}).items():
                    value = entry.get("value")
                    if value is not None:
                        attributes.add(key, section_id, attribute_id, text(value))
                for event in section.get("events") or []:
                    source, created, data = event.get("sourceEventTime"), event.get("createdAt"), event.get("data")
                    events.add(
                        key,
                        section_id,
                        event.get("correlationId"),
                        event.get("typeId"),
                        source * 1000 if source else None,
                        created * 1000 if created is not None else None,
                        None if data is None else text(data),
                    )
    attributes.close()
    events.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
