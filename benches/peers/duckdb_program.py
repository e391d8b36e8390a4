"""What a DuckDB user does with an export today: `python duckdb_program.py EXPORT FOLDER`.

DuckDB reads JSON records. An export is one object with a member per profile, so it has to be read as one record with a
MAP; for that, the limit on the size of an object is raised as far as it goes (4 GiB), and the whole of it stands in memory.
Types are given, since finding them out would read everything twice. Order is given up, which is faster.
"""

import sys

import duckdb

PROFILE = """STRUCT(sections MAP(VARCHAR, STRUCT(
    attributes MAP(VARCHAR, STRUCT("value" JSON)),
    events STRUCT("correlationId" VARCHAR, "sourceEventTime" BIGINT, "typeId" VARCHAR, "createdAt" BIGINT, "data" JSON)[])))"""

PARQUET = "(FORMAT parquet, CODEC zstd, COMPRESSION_LEVEL 1)"


def main(export: str, folder: str) -> None:
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(
        f"""CREATE TEMP TABLE sections AS
        SELECT profile.key AS export_key, section.key AS section_id, section.value AS section
        FROM (SELECT unnest(map_entries(json)) AS profile FROM read_json('{export}', records = 'false',
                format = 'unstructured', maximum_object_size = 4294967295,
                columns = {{json: 'MAP(VARCHAR, {PROFILE})'}})),
            unnest(map_entries(profile.value.sections)) AS entries(section)"""
    )
    connection.execute(
        f"""COPY (SELECT export_key, section_id, attribute.key AS attribute_id,
                attribute.value.value ->> '$' AS value_text
            FROM sections, unnest(map_entries(section.attributes)) AS entries(attribute)
            WHERE attribute.value.value IS NOT NULL) TO '{folder}/attributes.parquet' {PARQUET}"""
    )
    connection.execute(
        f"""COPY (SELECT export_key, section_id, event."correlationId" AS correlation_id, event."typeId" AS type_id,
                nullif(make_timestamptz(event."sourceEventTime" * 1000), to_timestamp(0)) AS source_event_time,
                make_timestamptz(event."createdAt" * 1000) AS created_at, event."data"::VARCHAR AS data
            FROM sections, unnest(section.events) AS entries(event)) TO '{folder}/events.parquet' {PARQUET}"""
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
