"""`make demo` starts, ingests, and leaves no process after Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import requests

ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_demonstration_from_its_start_until_ctrl_c(tmp_path: Path) -> None:
    variables_to_remove = {"CHM_DATABASE_URL", "CHM_BROKER_URL", "DJANGO_SETTINGS_MODULE", "CHM_CONNECTIONS_FILE"}
    environment = {name: value for name, value in os.environ.items() if name not in variables_to_remove}
    environment |= {"CHM_DATA_DIR": str(tmp_path / "chm"), "CHM_PORT": str(free_port())}
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "demo"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 90
        while "CHM is up" not in log.read_text() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        text = log.read_text()
        assert "CHM is up" in text, text
        base_url = f"http://127.0.0.1:{environment['CHM_PORT']}"
        token_match = re.search(r"token +(\S+)", text)
        assert token_match is not None
        headers = {"Authorization": f"Bearer {token_match[1]}"}

        pipelines = requests.get(f"{base_url}/api/v1/pipelines", headers=headers, timeout=10).json()["items"]
        assert {pipeline["platform"] for pipeline in pipelines} == {"airflow", "dbt", "cron", "vendor_api", "custom"}
        assert len(pipelines) > 40
        statuses = {
            requests.get(
                f"{base_url}/api/v1/pipelines/{pipeline['id']}/runs/latest", headers=headers, timeout=10
            ).json()["status"]
            for pipeline in pipelines
        }
        assert {"running", "success", "failed"} <= statuses

        def list_items(path: str) -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = requests.get(f"{base_url}/api/v1/{path}", headers=headers, timeout=10).json()[
                "items"
            ]
            return items

        runs: list[dict[str, Any]] = []
        deadline = time.monotonic() + 60
        while not any(".live-" in run["external_run_id"] for run in runs) and time.monotonic() < deadline:
            time.sleep(1)
            runs = list_items("runs?limit=100")
        assert any(".live-" in run["external_run_id"] for run in runs), log.read_text()
        for shape in ("failing_now", "top_flaky_pipelines", "late_pipelines", "changes_since_yesterday", "client_risk"):
            assert list_items(f"reports/{shape}"), shape
        first_statuses = list_items("reports/latest_status_by_pipeline")
        deadline = time.monotonic() + 60
        while (
            latest_statuses := list_items("reports/latest_status_by_pipeline")
        ) == first_statuses and time.monotonic() < deadline:
            time.sleep(1)
        assert latest_statuses != first_statuses
        assert requests.get(f"{base_url}/admin/login/", timeout=10).status_code == 200
        # The error page of users, and not Django's page with the settings and all addresses.
        assert "There is nothing at this address" in requests.get(f"{base_url}/nowhere", timeout=10).text

        connections_text = (tmp_path / "chm" / "demo-connections.toml").read_text()
        second_demo = subprocess.run(
            [sys.executable, "manage.py", "demo"], cwd=ROOT, env={**environment, "CHM_PORT": str(free_port())},
            text=True, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        assert second_demo.returncode == 1
        assert "A demonstration is running already, with its data in" in second_demo.stderr
        assert (tmp_path / "chm" / "demo-connections.toml").read_text() == connections_text
        assert list_items("pipelines"), "the token of the first demonstration still works"

        printed = log.read_text()
        assert "ForkPoolWorker" not in printed, "no lines of the worker's log"
        assert re.search(r"^\d\d:\d\d:\d\d  \S+-\S+: .*\d+ (created|updated)", printed, re.MULTILINE), (
            "a line per event"
        )

        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(40) == 0
        ended_processes, running_processes = psutil.wait_procs(children, timeout=10)
        assert running_processes == []
        assert len(ended_processes) >= 5
    finally:
        process.terminate()
        process.wait(40)
    assert "Traceback" not in log.read_text(), log.read_text()
    servers = [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])]
    assert servers == []
