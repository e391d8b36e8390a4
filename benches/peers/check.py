"""Counts and checksums of tables, whatever the order of their rows: `python check.py ATTRIBUTES EVENTS`."""

import sys

import duckdb

#: What must be equal. Numbers are compared as doubles: not every contender keeps how they were written. They are added as
#: whole thousandths, since a sum of doubles depends on their order.
CHECKS = {
    "attributes": """count(*), sum(hash(export_key, section_id, attribute_id)::HUGEINT),
        sum(CASE WHEN try_cast(value_text AS DOUBLE) IS NULL AND value_text NOT LIKE '{%' AND value_text NOT LIKE '[%'
            THEN hash(value_text) END::HUGEINT),
        sum(CASE WHEN abs(try_cast(value_text AS DOUBLE)) < 1e12
            THEN round(try_cast(value_text AS DOUBLE) * 1000) END::HUGEINT)""",
    "events": """count(*), sum(hash(export_key, section_id, correlation_id, type_id, source_event_time, created_at)::HUGEINT),
        count(data)""",
}


def main(*files: str) -> None:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for (table, check), file in zip(CHECKS.items(), files, strict=True):
        where = "WHERE value_text IS NOT NULL" if table == "attributes" else ""
        print(table, connection.execute(f"SELECT {check} FROM read_parquet('{file}') {where}").fetchall())


if __name__ == "__main__":
    main(*sys.argv[1:])
