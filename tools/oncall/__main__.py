"""python -m tools.oncall

Simulate an outage of 200 pipelines with Debian's Prometheus and Alertmanager. A local HTTP server receives the
notifications.

The alert rules and the routing are the examples in docker/prometheus and docker/alertmanager, but with shorter times.
The outage must cause exactly one notification, and the end of the outage must cause exactly one more. If the same runs
are pushed again, there must be no notification. If one of these conditions is not met, the exit status is 1.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

from tools.bench.servers import ROOT, UNLIMITED_RATES, create_database, fill_inventory, free_port, manage, web_server

PIPELINE_COUNT = 200
# After an expected notification, wait this long for unexpected ones: three times the shortened group_interval.
WAIT_FOR_UNEXPECTED_SECONDS = 15


class WebhookReceiver:
    """An HTTP server that receives and stores Alertmanager's notifications."""

    def __init__(self) -> None:
        self.notifications: list[dict[str, Any]] = []
        # The handler below uses this variable, because in its methods `self` is the handler.
        notifications = self.notifications

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                notifications.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        Thread(target=self.server.serve_forever, daemon=True).start()

    def summaries(self) -> list[tuple[str, int, str]]:
        """Return status, number of alerts and alert name of each notification."""
        return [
            (notification["status"], len(notification["alerts"]), notification["groupLabels"]["alertname"])
            for notification in list(self.notifications)
        ]


class PushClient:
    """A client of CHM's API that pushes runs."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address, token

    def push(self, runs: list[dict[str, str]]) -> set[str]:
        """Push the runs in one batch; return the distinct outcomes."""
        request = Request(
            f"{self.address}/api/v1/runs/batch", data=json.dumps({"items": runs}).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )  # fmt: skip
        with urlopen(request, timeout=60) as response:
            return {item["outcome"] for item in json.load(response)["items"]}


def runs_of_pipelines(
    pipeline_ids: list[str], run_number: int, status: str, error_message: str | None
) -> list[dict[str, str]]:
    # A run with a higher number starts later, so it decides whether the pipeline is failing.
    moment = (datetime.now(UTC) - timedelta(hours=1, minutes=-run_number)).isoformat()
    common_fields = {"external_run_id": f"run {run_number}", "status": status, "started_at": moment,
                     "finished_at": moment, "source_updated_at": moment}  # fmt: skip
    error_fields = {"error_message": error_message} if error_message else {}
    return [{"pipeline_id": pipeline_id, **common_fields, **error_fields} for pipeline_id in pipeline_ids]


@contextmanager
def running_process(*command: str, folder: Path) -> Iterator[None]:
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def write_configuration(folder: Path, *, chm_port: int, alertmanager_port: int, receiver_port: int, token: str) -> None:
    """Write the examples of configuration for Prometheus and Alertmanager, with other ports and shorter times."""
    docker = ROOT / "docker"
    routing = (
        (docker / "alertmanager" / "alertmanager.yml")
        .read_text()
        .replace("127.0.0.1:9999", f"127.0.0.1:{receiver_port}")
    )
    # With the times of the example, this test would take many minutes.
    routing = routing.replace("group_wait: 1m", "group_wait: 3s").replace("group_interval: 5m", "group_interval: 5s")
    (folder / "alertmanager.yml").write_text(routing)
    (folder / "chm-pipelines.yml").write_text((docker / "prometheus" / "chm-pipelines.yml").read_text())
    (folder / "chm-token").write_text(token)
    configuration = (docker / "prometheus" / "prometheus.yml").read_text()
    configuration = configuration.replace("15s", "2s").replace("127.0.0.1:8000", f"127.0.0.1:{chm_port}")
    # The example reads the rules about CHM itself. This test needs the rules about pipelines.
    configuration = configuration.replace("chm-rules.yml", "chm-pipelines.yml")
    configuration += (
        f'alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ["127.0.0.1:{alertmanager_port}"] }}] }}] }}\n'
    )
    (folder / "prometheus.yml").write_text(configuration)


def drill(chm: PushClient, pipeline_ids: list[str], receiver: WebhookReceiver) -> Iterator[str]:
    """Yield a line for each step; raise AssertionError if its notifications are not as expected."""

    def expect(step: str, notifications: list[tuple[str, int, str]]) -> str:
        wait_until(lambda: len(receiver.summaries()) >= len(notifications))
        time.sleep(WAIT_FOR_UNEXPECTED_SECONDS)
        assert receiver.summaries() == notifications, (step, receiver.summaries())
        return f"{step}: {len(notifications)} notifications in all, the last {notifications[-1]}"

    failed_runs = runs_of_pipelines(
        pipeline_ids, 1, "failed", "could not connect to warehouse.example: connection refused"
    )
    assert chm.push(failed_runs) == {"created"}
    outage = [("firing", PIPELINE_COUNT, "ChmPipelineFailing")]
    yield expect(f"outage of {PIPELINE_COUNT} pipelines", outage)
    assert chm.push(failed_runs) == {"unchanged"}
    yield expect("replay of all runs", outage)
    succeeded_runs = runs_of_pipelines(pipeline_ids, 2, "success", None)
    assert chm.push(succeeded_runs) == {"created"}
    resolved = [*outage, ("resolved", PIPELINE_COUNT, "ChmPipelineFailing")]
    yield expect("all succeed", resolved)
    assert chm.push(failed_runs + succeeded_runs) == {"unchanged"}
    yield expect("replay of all runs", resolved)


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.5)


def install_programs() -> str:
    """Install Prometheus and Alertmanager if they are missing; return the name of the program Alertmanager.

    If this process is not root and a program is missing, exit.
    """
    name, packages = "prometheus-alertmanager", ("prometheus", "prometheus-alertmanager")
    if not all(shutil.which(program) for program in (name, "prometheus", "promtool")):
        if os.geteuid() != 0:
            sys.exit(f"Not installed: apt-get install {' '.join(packages)}")
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages], check=True)
    return name


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    alertmanager_program = install_programs()
    from chm_project.local.embedded import start_missing_servers

    start_missing_servers()
    url = create_database(os.environ["CHM_DATABASE_URL"], "chm_oncall")
    environment = {"CHM_DATABASE_URL": url, "CHM_DEBUG": "0", **UNLIMITED_RATES}
    manage("migrate", "--verbosity", "0", **environment)
    token = manage("create_api_token", "oncall", "--scope", "admin", **environment).strip()
    pipeline_ids = [
        str(pipeline_id) for pipeline_id in fill_inventory(url, [f"load_{number}" for number in range(PIPELINE_COUNT)])
    ]
    receiver, alertmanager_port, prometheus_port = WebhookReceiver(), free_port(), free_port()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        chm_port, _ = stack.enter_context(web_server(**environment))
        write_configuration(
            folder, chm_port=chm_port, alertmanager_port=alertmanager_port, receiver_port=receiver.port, token=token
        )
        subprocess.run(
            ["promtool", "check", "config", "prometheus.yml"], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        stack.enter_context(
            running_process(
                # The empty --cluster.listen-address means that there is only one Alertmanager.
                alertmanager_program, "--config.file=alertmanager.yml", "--storage.path=alertmanager",
                f"--web.listen-address=127.0.0.1:{alertmanager_port}", "--cluster.listen-address=", folder=folder,
            )
        )  # fmt: skip
        stack.enter_context(
            running_process(
                "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
                f"--web.listen-address=127.0.0.1:{prometheus_port}", folder=folder,
            )
        )  # fmt: skip
        # Both programs need some seconds to load their files.
        time.sleep(5)
        try:
            for line in drill(PushClient(f"http://127.0.0.1:{chm_port}", token), pipeline_ids, receiver):
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
        except AssertionError as failed:
            for log in folder.glob("*.log"):
                sys.stdout.write("\n".join([log.name, *log.read_text(errors="replace").splitlines()[-8:]]) + "\n")
            sys.stdout.write(f"FAILED: {failed}\n")
            return 1
    sys.stdout.write("PASSED\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
