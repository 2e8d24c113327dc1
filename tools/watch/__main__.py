"""python -m tools.watch

Test with Debian's Prometheus whether CHM's alerts fire and resolve. The test stops the worker and the database of a
running CHM, and starts them again.

CHM runs with production settings, two web processes and two worker processes. The alert rules are those of
docker/prometheus, but with shorter times (see the options). The exit status is 1 if an alert does not fire or does not
resolve, or if /metrics fails.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests

from chm_project.dashboards.prometheus_files import Timing, rules_file
from tools.bench.servers import ROOT, free_port
from tools.faults.source import FaultyPartner
from tools.watch.installation import ProductionInstallation, wait_until

INGESTION_STOPPED_ALERT = "ChmIngestionStopped"
DOCUMENT = ROOT / "docs" / "validation" / "prometheus.md"
_REQUEST_COUNT = "chm_http_request_duration_seconds_count"


class Prometheus:
    """Debian's Prometheus with CHM's rules. Its files are in the subfolder `prometheus` of `folder`."""

    def __init__(self, folder: Path, chm: ProductionInstallation, timing: Timing, scrape_seconds: int) -> None:
        self.folder, self.port = folder / "prometheus", free_port()
        self.folder.mkdir()
        (self.folder / "chm-token").write_text(chm.scraper_token)
        (self.folder / "chm-rules.yml").write_text(rules_file(timing))
        text = (ROOT / "docker" / "prometheus" / "prometheus.yml").read_text()
        # Change the port of CHM, and the interval between two scrapes.
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{chm.port}").replace("15s", f"{scrape_seconds}s")
        (self.folder / "prometheus.yml").write_text(text)

    @contextmanager
    def running(self) -> Iterator[None]:
        command = [
            "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn",
        ]  # fmt: skip
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
            try:
                wait_until(self._is_ready, "Prometheus is ready")
                yield
            finally:
                process.terminate()
                process.wait(30)

    def _is_ready(self) -> bool:
        with suppress(requests.ConnectionError, requests.Timeout):
            return requests.get(f"http://127.0.0.1:{self.port}/-/ready", timeout=5).status_code == 200
        return False

    def get(self, path: str, **parameters: str) -> Any:
        response = requests.get(f"http://127.0.0.1:{self.port}/api/v1/{path}", params=parameters, timeout=10)
        return response.json()["data"]

    def first_value(self, query: str) -> float:
        """Return the value of the query's first series, or 0 if the query returns no series."""
        series = self.get("query", query=query)["result"]
        return float(series[0]["value"][1]) if series else 0

    def alert_state(self, alert: str) -> str:
        [rule_group] = self.get("rules")["groups"]
        return str(next(rule["state"] for rule in rule_group["rules"] if rule["name"] == alert))


def promtool(*arguments: str, text: str = "", folder: Path = ROOT) -> None:
    completed = subprocess.run(
        ["promtool", *arguments], input=text, text=True, cwd=folder, capture_output=True, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert not completed.stderr.strip(), completed.stderr


def drill(folder: Path, timing: Timing, scrape_seconds: int) -> Iterator[str]:
    """Yield a line for each result; raise AssertionError if a result is not as expected."""
    chm = ProductionInstallation(folder)
    # A short history, because the drill waits until every pipeline has been ingested.
    with FaultyPartner(runs_per_pipeline=20) as source, chm.running(source):
        source.start_changes()
        yield "a live CHM: two web and two worker processes, beat, a partner whose runs start and end"
        token = chm.create_token("--scope", "read")
        # Later, the counters of all web processes together must have the value 30.
        for _ in range(30):
            requests.get(f"{chm.address}/api/v1/runs", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        promtool("check", "metrics", text=chm.metrics().text)
        yield f"promtool check metrics: clean, {len(chm.metrics().text.splitlines())} lines"
        prometheus = Prometheus(folder, chm, timing, scrape_seconds)
        promtool("check", "config", "prometheus.yml", folder=prometheus.folder)
        with prometheus.running():
            wait_until(lambda: prometheus.first_value('up{job="chm"}') == 1, "the target is up")
            [rule_group] = prometheus.get("rules")["groups"]
            wait_until(lambda: all(rule["health"] == "ok" for rule in prometheus.get("rules")["groups"][0]["rules"]),
                       "all rules are evaluated")  # fmt: skip
            yield f"rules: {len(rule_group['rules'])} loaded and evaluated without an error"
            request_count = prometheus.first_value(f'sum({_REQUEST_COUNT}{{route="api/v1/runs",status="200"}})')
            assert request_count == 30, request_count
            # Each process writes its own files. The name of a file ends with the id of the process.
            writing_processes = {path.stem.rpartition("_")[2] for path in (folder / "metrics").glob("histogram_*.db")}
            page_count = prometheus.first_value('chm_ingest_page_duration_seconds_count{connection="partner"}')
            assert len(writing_processes) >= 4, writing_processes
            assert page_count > 0
            yield f"{len(writing_processes)} processes counted all 30 requests of the test, and {page_count:.0f} pages"
            yield from _worker_stopped(chm, prometheus)
            yield from _database_stopped(chm, prometheus)
        source.stop_changes()


def _worker_stopped(chm: ProductionInstallation, prometheus: Prometheus) -> Iterator[str]:
    assert prometheus.alert_state(INGESTION_STOPPED_ALERT) == "inactive"
    chm.stop_worker()
    seconds = wait_until(
        lambda: prometheus.alert_state(INGESTION_STOPPED_ALERT) == "firing", f"{INGESTION_STOPPED_ALERT} fires"
    )
    yield f"worker stopped: {INGESTION_STOPPED_ALERT} fires after {seconds:.0f} s"
    chm.start_worker()
    seconds = wait_until(
        lambda: prometheus.alert_state(INGESTION_STOPPED_ALERT) == "inactive", f"{INGESTION_STOPPED_ALERT} resolves"
    )
    yield f"worker started: {INGESTION_STOPPED_ALERT} resolved after {seconds:.0f} s"


def _database_stopped(chm: ProductionInstallation, prometheus: Prometheus) -> Iterator[str]:
    chm.stop_database()
    metrics = chm.metrics()
    assert (metrics.status_code, "chm_database_up 0.0" in metrics.text) == (200, True), metrics.text[-500:]
    # Values from the database must be absent, not 0 (decision 0027).
    assert "chm_pipelines_active{" not in metrics.text
    promtool("check", "metrics", text=metrics.text)
    seconds = wait_until(lambda: prometheus.alert_state("ChmDatabaseDown") == "firing", "ChmDatabaseDown fires")
    yield f"database stopped: /metrics answers 200 with chm_database_up 0; ChmDatabaseDown fires after {seconds:.0f} s"
    chm.start_servers()
    seconds = wait_until(lambda: "chm_database_up 1.0" in chm.metrics().text, "the database is up again")
    wait_until(lambda: prometheus.alert_state("ChmDatabaseDown") == "inactive", "ChmDatabaseDown resolves")
    yield f"database started: chm_database_up 1 after {seconds:.0f} s, and the alert resolved"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--stopped-seconds", type=int, default=8, help="seconds after which ingestion counts as stopped (in CHM: 600)"
    )
    parser.add_argument(
        "--hold-seconds", type=int, default=2, help="seconds for which an alert stays pending (in CHM: 120)"
    )
    parser.add_argument("--scrape-seconds", type=int, default=1, help="seconds between two scrapes (in CHM: 15)")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.relative_to(ROOT)}")
    options = parser.parse_args()
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        sys.exit("Prometheus is not installed: apt-get install prometheus")
    folder = Path(tempfile.mkdtemp(prefix="chm-watch-"))
    start_time, lines = time.monotonic(), list[str]()
    timing = Timing(ingestion_stopped_seconds=options.stopped_seconds, hold_seconds=options.hold_seconds)
    try:
        for line in drill(folder, timing, options.scrape_seconds):
            lines.append(line)
            sys.stdout.write(f"{time.monotonic() - start_time:4.0f} s  {line}\n")
            sys.stdout.flush()
    except AssertionError as failed:
        log = folder / "processes.log"
        tail = log.read_text(errors="replace").splitlines()[-25:] if log.exists() else []
        sys.stdout.write("\n".join([*tail, f"FAIL {failed}"]) + "\n")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.write:
        DOCUMENT.write_text(document(lines, timing))
    return 0


def document(results: list[str], timing: Timing) -> str:
    version_output = subprocess.run(["prometheus", "--version"], capture_output=True, text=True, check=True)
    version_number = (version_output.stdout or version_output.stderr).split()[2].partition("+")[0]
    result_lines = "\n".join(f"- {line}" for line in results)
    return f"""# Prometheus watches CHM

`make prometheus-drill` writes this page. Debian's Prometheus {version_number} watches a live CHM with production
settings. The test stops parts of CHM, and waits until the alerts fire and resolve. It uses the alert rules of
`docker/prometheus/chm-rules.yml` with shorter times. Ingestion counts as stopped after
{timing.ingestion_stopped_seconds} s. An alert fires after its condition was true for {timing.hold_seconds} s.

{result_lines}
"""


if __name__ == "__main__":
    sys.exit(main())
