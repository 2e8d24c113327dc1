"""Test that /metrics adds up the counts of all processes, also of processes that have ended.

Also test that requests succeed if CHM cannot write to the folder of the metrics.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from django.conf import settings

from chm_project.telemetry.process_values import MmapedDict
from chm_project.tests.prometheus import samples
from tools.support.processes import web_server

ROOT = Path(settings.BASE_DIR)

CODE_OF_COUNTING_PROCESS = """
import os, sys
import django
django.setup()
from chm_project.telemetry import context, metrics
context.set_process_role(sys.argv[1])
metrics.count_page("acme", 0.2, {"created": int(sys.argv[2])})
metrics._POOL_CONNECTIONS.labels(sys.argv[1], "used").set(3)
if child := os.fork():
    os.waitpid(child, 0)
else:
    metrics.count_page("acme", 0.2, {"created": 1})
    os._exit(0)
print("ready", flush=True)
sys.stdin.read()
"""
CODE_OF_READING_PROCESS = """
import django
django.setup()
from prometheus_client import CollectorRegistry, generate_latest
from chm_project.telemetry.process_values import collect_all
class All:
    collect = staticmethod(collect_all)
registry = CollectorRegistry()
registry.register(All())
print(generate_latest(registry).decode())
"""


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "CHM_METRICS_DIR": str(folder), "PYTHONPATH": str(ROOT)}


@contextmanager
def process_that_counts(folder: Path, process_role: str, run_count: int) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", CODE_OF_COUNTING_PROCESS, process_role, str(run_count)]
    with subprocess.Popen(
        command, env=environment(folder), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def read_metrics(folder: Path) -> dict[str, float]:
    scraped = subprocess.run(
        [sys.executable, "-c", CODE_OF_READING_PROCESS],
        env=environment(folder),
        text=True,
        capture_output=True,
        check=True,
    )
    return samples(scraped.stdout)


CREATED_RUNS = 'chm_ingest_runs_total{connection="acme",outcome="created"}'
PAGE_COUNT = 'chm_ingest_page_duration_seconds_count{connection="acme"}'


def used_connections(process_role: str) -> str:
    return f'chm_database_pool_connections{{process="{process_role}",state="used"}}'


def test_counts_of_processes_and_their_forks_add_up_and_stay_after_they_end(tmp_path: Path) -> None:
    with process_that_counts(tmp_path, "web", 5), process_that_counts(tmp_path, "worker", 7) as worker:
        scraped = read_metrics(tmp_path)
        assert (scraped[CREATED_RUNS], scraped[PAGE_COUNT]) == (14, 4)
        assert scraped[used_connections("web")] == scraped[used_connections("worker")] == 3

        worker.send_signal(signal.SIGKILL)
        worker.wait()
        scraped = read_metrics(tmp_path)
        assert (scraped[CREATED_RUNS], scraped[PAGE_COUNT]) == (14, 4), "a counter never decreases"
        assert used_connections("worker") not in scraped, "an ended process has no connections"
        assert scraped[used_connections("web")] == 3
    scraped = read_metrics(tmp_path)
    assert (scraped[CREATED_RUNS], scraped[PAGE_COUNT]) == (14, 4)
    remaining_files = {path.name for path in tmp_path.iterdir() if "ended" not in path.name}
    assert remaining_files == {"lock"}, "files of ended processes are removed"


def test_requests_succeed_if_the_metrics_folder_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text("a file, where the folder should be")
    log, token = tmp_path / "log", tmp_path / "token"
    token.write_text("scraper")
    variables = {"CHM_METRICS_DIR": str(tmp_path / "metrics"), "CHM_METRICS_TOKEN_FILE": str(token)}
    with web_server(log, **variables) as base_url:
        assert requests.get(f"{base_url}/health", timeout=10).status_code == 200
        scraped = requests.get(f"{base_url}/metrics", headers={"Authorization": "Bearer scraper"}, timeout=10)
    assert scraped.status_code == 200
    assert "chm_broker_up 1.0" in scraped.text
    assert "each process has only its own metrics" in log.read_text()


def has_answered(path: Path) -> bool:
    """Return whether the process that wrote this file has answered requests for runs. The parent process has not."""
    stored_values = MmapedDict.read_all_values_from_file(str(path))
    return any("_seconds_sum" in key and "id:run_id" in key for key, *_ in stored_values)


def test_requests_of_all_web_processes_are_counted_by_route_and_status(tmp_path: Path) -> None:
    (token := tmp_path / "token").write_text("scraper")
    variables = {"CHM_METRICS_DIR": str(tmp_path / "metrics"), "CHM_METRICS_TOKEN_FILE": str(token)}
    with web_server(**variables) as base_url:
        for _ in range(40):  # each on a new connection, which any of the processes may accept
            requests.get(f"{base_url}/api/v1/runs/0b7e4c1e-0000-7000-8000-000000000000", timeout=10)
        requests.get(f"{base_url}/no/such/page", timeout=10)
        requests.get(f"{base_url}/api/v1/nothing?page={'x' * 200}", timeout=10)
        scraped = requests.get(f"{base_url}/metrics", headers={"Authorization": "Bearer scraper"}, timeout=10)
        files = (tmp_path / "metrics").glob("histogram_*.db")
        processes_that_answered = [path.name for path in files if has_answered(path)]
    values = samples(scraped.text)
    count = "chm_http_request_duration_seconds_count"
    assert values[f'{count}{{method="GET",route="api/v1/runs/<id:run_id>",status="401"}}'] == 40
    assert values[f'{count}{{method="GET",route="unmatched",status="404"}}'] == 2
    assert len(processes_that_answered) == 2
