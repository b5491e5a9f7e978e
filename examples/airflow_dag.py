"""Score the night's export; a failed try is repeated and goes on from the journal.

A file for Airflow's `dags` folder. It needs Airflow 3 and the provider `standard`:
`pip install apache-airflow apache-airflow-providers-standard`. The command runs in the
scorer's own environment, so that its packages and Airflow's do not have to agree. What no second
try puts right (a bad input, say) ends each of them within seconds.
"""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

COMMAND = (
    "/srv/reviews/.venv/bin/score-job --store bundles --overwrite --quiet --history runs.jsonl "
    "in/{{ ds }}.csv out/{{ ds }}.parquet"
)

with DAG(
    dag_id="score_reviews",
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
):
    BashOperator(
        task_id="score",
        bash_command=COMMAND,
        cwd="/srv/reviews",
        retries=4,
        retry_delay=timedelta(minutes=5),
        execution_timeout=timedelta(hours=8),
    )
