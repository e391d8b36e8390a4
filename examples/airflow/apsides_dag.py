"""apsides every night: check the pipeline, then run it.

The worker has `apsides` in its path, the pipeline in /etc/apsides/nightly.toml, and the credentials in an Airflow connection
`apsis` (login: the client id, password: the secret).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PIPELINE = "/etc/apsides/nightly.toml"

CREDENTIALS = {
    "APSIS_CLIENT_ID": "{{ conn.apsis.login }}",
    "APSIS_CLIENT_SECRET": "{{ conn.apsis.password }}",
}

with DAG(
    dag_id="apsides",
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # One run at a time.
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=10)},
    tags=["apsis"],
) as dag:
    check = BashOperator(
        task_id="check", bash_command=f"apsides check {PIPELINE}", env=CREDENTIALS, append_env=True
    )
    run = BashOperator(
        task_id="run",
        bash_command=f"apsides run --log-format json {PIPELINE}",
        env=CREDENTIALS,
        append_env=True,
        # An export may be made for hours.
        execution_timeout=timedelta(hours=24),
    )
    check >> run
