"""Measure a tick over 10,000 pipelines of which few have changed, and workers that ingest from 20 connections."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import redis

from chm_project.local.embedded import numbered_broker_url, redis_url
from chm_project.local.supervisor import CELERY
from ingestion.synthetic.airflow_with_many_dags import AirflowWithManyDags, dag_run
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer
from tools.bench.servers import ROOT, empty_tables, fill_inventory, run_timed

PIPELINE_COUNT, CHANGED_COUNT = 10_000, 200
# Each request to the slow partner takes 0.05 s. A worker mostly waits for responses, so a second worker saves time.
CONNECTION_COUNT, PAGE_COUNT, LATENCY_SECONDS = 20, 40, 0.05
PARTNER_SECRET = {"CHM_BENCH_PARTNER_SECRET": "secret"}


def measure(url: str) -> dict[str, Any]:
    """Return figures: seconds and requests for runs of each tick, and the seconds that one and two workers need."""
    figures: dict[str, Any] = {}
    for pipeline_count in (CHANGED_COUNT, PIPELINE_COUNT):
        seconds, request_count = _measure_tick(url, pipeline_count)
        figures[f"tick, {CHANGED_COUNT} of {pipeline_count:,} pipelines changed, s with start-up"] = seconds
        figures[f"tick, {CHANGED_COUNT} of {pipeline_count:,} pipelines changed, requests for runs"] = request_count
    for worker_count in (1, 2):
        figures[f"{CONNECTION_COUNT} connections of {PAGE_COUNT} slow pages, {worker_count} worker(s), s"] = (
            _seconds_with_workers(url, worker_count)
        )
    empty_tables(url)
    return figures


def _measure_tick(url: str, pipeline_count: int) -> tuple[float, int]:
    now = datetime.now(UTC)
    empty_tables(url)
    external_ids = [f"p{number}" for number in range(pipeline_count)]
    # Because of the watermark, the tick reads only the changes of the last minutes.
    fill_inventory(url, external_ids, platform="airflow", watermark=now - timedelta(minutes=5))
    with tempfile.TemporaryDirectory() as folder, AirflowWithManyDags() as airflow:
        airflow.changes = [(now, dag_run(f"p{number}", 1, now)) for number in range(CHANGED_COUNT)]
        path = Path(folder) / "connections.toml"
        path.write_text(
            f'[connections.many]\nconnector = "airflow"\nbase_url = "{airflow.base_url}"\n'
            'auth = { kind = "airflow_token", username = "chm", secret_env = "CHM_BENCH_PARTNER_SECRET" }\n'
        )
        environment = {"CHM_DATABASE_URL": url, "CHM_CONNECTIONS_FILE": str(path), **PARTNER_SECRET}
        command = run_timed("ingest_runs", "--json", **environment)
        if f'"created": {CHANGED_COUNT}' not in command.output:
            raise SystemExit(command.output)
        return round(command.seconds, 2), sum("dagRuns" in request.path for request in airflow.requests)


def _seconds_with_workers(url: str, worker_count: int) -> float:
    """Return the seconds until every pipeline has been ingested from the slow partner.

    The time includes the start of the process that puts the tasks of all connections into the queue.
    """
    external_ids = [f"c{number}" for number in range(CONNECTION_COUNT)]
    empty_tables(url)
    fill_inventory(url, external_ids)
    # Database 7 of Redis. Workers that use another database do not receive these tasks.
    broker_url = numbered_broker_url(os.environ["CHM_BROKER_URL"], 7)
    with tempfile.TemporaryDirectory() as folder, GenericPartner(page_size=100) as partner, ExitStack() as processes:
        partner.answer_or_fault = _slow_answer(partner)  # type: ignore[method-assign]
        for name in external_ids:
            partner.runs[name] = [
                {"id": str(number), "status": "success", "started_at": "2026-01-01T00:00:00Z"}
                for number in range(PAGE_COUNT * 100)
            ]
        path = Path(folder) / "connections.toml"
        path.write_text(
            "\n".join(
                f'[connections.{name}]\nconnector = "generic"\nbase_url = "{partner.base_url}"\n'
                f'pipelines = {{ external_ids = ["{name}"] }}\n'
                for name in external_ids
            )
        )
        environment = {
            **os.environ,
            "CHM_DATABASE_URL": url,
            "CHM_BROKER_URL": broker_url,
            "CHM_CONNECTIONS_FILE": str(path),
            "DJANGO_SETTINGS_MODULE": "chm_project.settings.development",
        }
        with redis.Redis.from_url(redis_url(broker_url)) as client:
            client.flushdb()
        for number in range(worker_count):
            processes.enter_context(_worker(number, environment))
        time.sleep(4)  # wait until the workers have started
        start_time = time.monotonic()
        enqueue = "from ingestion.tasks import ingest; import sys; [ingest.delay(name) for name in sys.argv[1:]]"
        code = f"import django; django.setup(); {enqueue}"
        subprocess.run([sys.executable, "-c", code, *external_ids], cwd=ROOT, env=environment, check=True)
        while _unfinished_count(url):
            if time.monotonic() - start_time > 300:
                raise SystemExit("the workers did not finish within 300 s")
            time.sleep(0.05)
        return round(time.monotonic() - start_time, 1)


def _slow_answer(partner: GenericPartner) -> Any:
    def answer(request: Any) -> Answer:
        time.sleep(LATENCY_SECONDS)
        return partner.answer(request)

    return answer


@contextmanager
def _worker(number: int, environment: dict[str, str]) -> Iterator[None]:
    # Without mingle and gossip, a worker does not wait for other workers when it starts.
    arguments = ("--concurrency", "1", "--without-mingle", "--without-gossip", "--loglevel", "ERROR")
    process = subprocess.Popen(
        [*CELERY, "worker", "-n", f"w{number}@%h", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _unfinished_count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pipelines WHERE ingested_through IS NULL").fetchone()
    return int(row[0]) if row else 0
