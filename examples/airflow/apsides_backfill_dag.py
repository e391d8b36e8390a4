"""A long time at once, by as many tasks as there are shards, and one that publishes what they have made.

Workers have `apsides` in their path, the pipeline (one with a schedule, to S3 or to a folder that all of them have) in
/etc/apsides/events.toml, and the credentials in an Airflow connection `apsis` (login: the client id, password: the secret).
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PIPELINE = "/etc/apsides/events.toml"
SHARDS = 4

CREDENTIALS = {
    "APSIS_CLIENT_ID": "{{ conn.apsis.login }}",
    "APSIS_CLIENT_SECRET": "{{ conn.apsis.password }}",
}

#: Of the days that are wanted, the first one and the one after the last.
SPAN = "--from {{ params.first }} --to {{ params.end }}"

with DAG(
    dag_id="apsides_backfill",
    schedule=None,
    max_active_runs=1,
    params={"first": "2024-01-01", "end": "2026-01-01"},
    default_args={"retries": 3, "retry_delay": timedelta(minutes=10)},
    tags=["apsis"],
) as dag:
    backfill = BashOperator.partial(
        task_id="backfill",
        env=CREDENTIALS,
        append_env=True,
        # The API makes few exports at once for one account.
        max_active_tis_per_dagrun=2,
        # An export may be made for hours.
        execution_timeout=timedelta(hours=48),
    ).expand(
        bash_command=[
            f"apsides backfill --log-format json {PIPELINE} {SPAN} --shard {number}/{SHARDS}" for number in range(SHARDS)
        ]
    )
    commit = BashOperator(
        task_id="commit",
        bash_command=f"apsides commit --log-format json {PIPELINE}",
        env=CREDENTIALS,
        append_env=True,
    )
    backfill >> commit
