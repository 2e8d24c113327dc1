"""Test CHM against a live Prefect server with manual changes: `make e2e-prefect`.

1. Flows run, fail, retry, crash and are skipped, and a deployment runs on schedule, while CHM ingests.
2. States are set by hand; runs are deleted, cancelled, paused and renamed; a deployment is paused. CHM continues
   to ingest.
3. Every run in Prefect is compared with CHM. Every failed run must name its task, and its link must open.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from tools.e2e.live import (
    SETTLED_SECONDS,
    Chm,
    Record,
    State,
    compare,
    count_planted_secrets,
    introduction,
    open_source_link,
    run_scenario,
    wait_until,
)

HERE = Path(__file__).parent
PASSWORD_ENV = "CHM_E2E_PREFECT_PASSWORD"  # noqa: S105 - a variable's name
# CHM's status for each type of state in Prefect.
CANONICAL = {
    "PENDING": "running", "RUNNING": "running", "PAUSED": "running", "CANCELLING": "running", "SCHEDULED": "running",
    "COMPLETED": "success", "FAILED": "failed", "CRASHED": "failed", "CANCELLED": "canceled",
}  # fmt: skip


class Prefect:
    """A client of Prefect's API, without code of CHM."""

    def __init__(self, client: dict[str, str], folder: Path) -> None:
        self._base, self._folder = client["base_url"], folder
        self.auth = (client["username"], client["password"])
        self._started: list[subprocess.Popen[bytes]] = []

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self._base}/api{path}", json=body, auth=self.auth, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def flow_runs(self) -> list[dict[str, Any]]:
        flow_runs: list[dict[str, Any]] = []
        while rows := self.call(
            "POST", "/flow_runs/filter", {"sort": "ID_DESC", "limit": 200, "offset": len(flow_runs)}
        ):
            flow_runs += rows
        return flow_runs

    def states(self) -> dict[str, State]:
        """Return the state of every run that has started; CHM does not store planned runs that never started."""
        started = [row for row in self.flow_runs() if row["state_type"] != "SCHEDULED" or row["start_time"]]
        return {row["id"]: (canonical(row), moment(row["start_time"]), moment(row["end_time"])) for row in started}

    def set_state(self, run: str, kind: str, message: str | None = None) -> None:
        # With force, because Prefect's rules would reject some of these changes.
        body = {"state": {"type": kind, "message": message}, "force": True}
        self.call("POST", f"/flow_runs/{run}/set_state", body)

    def start(self, *names: str) -> "subprocess.Popen[bytes]":
        lines = f". '{self._folder}/env.sh' && exec python '{HERE}/flows.py' \"$@\""
        log = (self._folder / "logs" / f"{'-'.join(names)[:40]}.log").open("ab")
        command = ["bash", "-c", lines, "flows", *names]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self._started.append(process)
        return process

    def stop(self) -> None:
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def canonical(row: dict[str, Any]) -> str:
    """Return CHM's status for a flow run. If a flow skipped its work, the name of its state is "Skipped"."""
    return "skipped" if row["state_name"] == "Skipped" else CANONICAL[row["state_type"]]


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def newest(prefect: Prefect, flow: str, kind: str) -> str:
    """Return the id of the newest run of the flow with this type of state."""
    [flow_id] = [row["id"] for row in prefect.call("POST", "/flows/filter", {"flows": {"name": {"any_": [flow]}}})]
    rows = [row for row in prefect.flow_runs() if row["flow_id"] == flow_id and row["state_type"] == kind]
    return str(rows[0]["id"])


def scenario(prefect: Prefect, chm: Chm, folder: Path, record: Record) -> None:
    """Change Prefect's runs by hand while CHM ingests, and compare the two after each change."""
    record.say("1. Flows run while CHM ingests")
    first = prefect.start()  # every flow, once
    serving = prefect.start("serve")
    # flows.py defines eleven flows: the nine in FLOWS, child and long.
    wait_until(lambda: len(prefect.call("POST", "/flows/filter", {})) == 11, lambda: None, "the flows are registered")
    wait_until(lambda: prefect.call("POST", "/deployments/filter", {}), lambda: None, "the deployment is registered")
    [deployment] = prefect.call("POST", "/deployments/filter", {})
    flows = {row["id"]: row["name"] for row in prefect.call("POST", "/flows/filter", {}) if row["name"] != "long"}
    long = next(row["id"] for row in prefect.call("POST", "/flows/filter", {}) if row["name"] == "long")
    chm.prepare(folder, flows | {long: "long", deployment["id"]: "long, deployed"})
    # The parameter `seconds` identifies each of the three runs later.
    killed, crashed, ended = (prefect.start(f"long={seconds}") for seconds in (301, 300, 20))
    wait_until(lambda: first.poll() is not None, chm.ingest, "every flow has run")
    wait_until(
        lambda: all(open_run_ids(prefect, long, seconds) for seconds in (300, 301)),
        chm.ingest,
        "the long runs have started",
    )
    chm.ingest()
    [killed_run_id] = open_run_ids(prefect, long, 301)
    os.killpg(crashed.pid, signal.SIGTERM)
    wait_until(lambda: ended.poll() is not None and crashed.poll() is not None, chm.ingest, "the long run ends")
    chm.ingest()
    compare(record, "all runs have ended", prefect.states, chm)

    record.say("2. Manual changes. Before each one, CHM ingests until it no longer reads the previous change again")
    changes = 0

    def by_hand(description: str, change: Any) -> None:
        nonlocal changes
        time.sleep(SETTLED_SECONDS)
        chm.ingest()
        change()
        changes += 1
        time.sleep(6)  # the server stores its events every few seconds
        compare(record, description, prefect.states, chm)

    failed = newest(prefect, "sync customers: EU (é)", "FAILED")
    success = newest(prefect, "load-orders", "COMPLETED")
    no_task = newest(prefect, "no-task", "FAILED")
    slow = newest(prefect, "too-slow", "FAILED")
    by_hand("a failed run is set to COMPLETED", lambda: prefect.set_state(failed, "COMPLETED"))
    by_hand("a successful run is set to FAILED", lambda: prefect.set_state(success, "FAILED", "wrong totals, by hand"))
    by_hand("a failed run is set to RUNNING", lambda: prefect.set_state(no_task, "RUNNING"))
    by_hand("the same run is set to CRASHED", lambda: prefect.set_state(no_task, "CRASHED", "lost its worker"))
    by_hand("a failed run is set to CANCELLED", lambda: prefect.set_state(slow, "CANCELLED"))
    by_hand("the same run is set to FAILED", lambda: prefect.set_state(slow, "FAILED", "again, by hand"))
    os.killpg(killed.pid, signal.SIGKILL)  # Prefect shows such a run as running until it is changed manually
    by_hand("a killed run is paused", lambda: prefect.set_state(killed_run_id, "PAUSED"))
    by_hand("the paused run is cancelled", lambda: prefect.set_state(killed_run_id, "CANCELLED"))
    created_run_id = prefect.call("POST", "/flow_runs/", {"flow_id": long, "state": {"type": "PENDING"}})["id"]
    by_hand("a run that no process works on is set to RUNNING", lambda: prefect.set_state(created_run_id, "RUNNING"))
    by_hand("the same run is deleted while it is open", lambda: prefect.call("DELETE", f"/flow_runs/{created_run_id}"))
    deleted_run = chm.runs().get(created_run_id)
    final_state = deleted_run and (deleted_run.status, deleted_run.status_reason)
    record.check(final_state == ("canceled", "gone at source"), f"the deleted open run in CHM: {final_state}")
    deleted_ended_run_id = newest(prefect, "skipped", "COMPLETED")
    by_hand(
        "an ended run is deleted; CHM keeps it", lambda: prefect.call("DELETE", f"/flow_runs/{deleted_ended_run_id}")
    )
    by_hand("a run is renamed", lambda: prefect.call("PATCH", f"/flow_runs/{success}", {"name": "renamed by hand"}))
    by_hand(
        "the deployment is paused", lambda: prefect.call("POST", f"/deployments/{deployment['id']}/pause_deployment")
    )
    chm.ingest()
    paused = chm.pipelines()[deployment["id"]].source_paused
    record.check(paused is True, f"the deployment is paused in CHM: {paused}")
    skipped = next(name for name, flow in flows.items() if flow == "skipped")
    by_hand("a flow is deleted", lambda: prefect.call("DELETE", f"/flows/{skipped}"))
    chm.ingest()
    missing = [pipeline.name for pipeline in chm.pipelines().values() if pipeline.source_missing_since]
    record.check(missing == ["skipped"], f"pipelines that are missing at the source, according to CHM: {missing}")
    serving.terminate()
    wait_until(lambda: not open_run_ids(prefect, long), chm.ingest, "the scheduled runs end")

    record.say(f"3. Comparison after {changes} manual changes and {chm.ingestions} ingestions")
    compare(record, "after ordinary ingestions", prefect.states, chm)
    chm.reconcile()
    names = {row["id"]: row["name"] for row in prefect.flow_runs()}
    renamed = [name for name, run in chm.runs().items() if name in names and run.payload["name"] != names[name]]
    record.check(
        not renamed, f"after CHM has read the last 3 days again, {len(renamed)} runs have another name than in Prefect"
    )
    report = chm.reconcile()
    written = report["created"] + report["updated"]
    record.check(not written, f"a second reading of the last 3 days writes {written} runs")
    extra = set(chm.states()) - set(prefect.states()) - {created_run_id, deleted_ended_run_id}
    record.check(not extra, f"{len(extra)} runs are only in CHM, not counting the two deleted ones")

    record.say("4. The error of every failed run names the task, or says that no task failed; the run's link opens")
    for run in sorted(chm.runs().values(), key=lambda run: run.pipeline.name):
        if run.status == "failed":
            lines = (run.error_message or "").splitlines() or ["no error text"]
            names_its_task = (
                lines[0].startswith("task ")
                # These three runs were set to failed by hand, so no task failed.
                or run.external_run_id in {success, no_task, slow}
                or "long" in run.pipeline.name
            )
            record.check(names_its_task or run.pipeline.name == "parent", f"{run.pipeline.name}: {lines[0][:90]}")
            open_source_link(record, run, auth=prefect.auth)
    record.check(
        not count_planted_secrets(),
        f"secrets planted in Prefect that reached the database: {count_planted_secrets()}",
    )


def open_run_ids(prefect: Prefect, flow_id: str, seconds: int | None = None) -> list[str]:
    """Return the ids of the flow's runs that have not ended. `seconds`: only runs with this parameter."""
    return [
        row["id"]
        for row in prefect.flow_runs()
        if row["flow_id"] == flow_id
        and row["state_type"] in {"RUNNING", "PENDING"}
        and (seconds is None or row["parameters"].get("seconds") == seconds)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder that start_prefect.sh installed Prefect in")
    parser.add_argument("--write", type=Path, help="the document to write")
    options = parser.parse_args()
    folder = options.folder.resolve()
    client = json.loads((folder / "client.json").read_text())
    os.environ[PASSWORD_ENV] = client["password"]
    prefect = Prefect(client, folder)
    auth = f'auth = {{ kind = "basic", username = "{client["username"]}", secret_env = "{PASSWORD_ENV}" }}'
    chm = Chm("Prefect", "prefect", client["base_url"], auth, "vendor_api")
    try:
        return run_scenario(
            folder,
            lambda record: scenario(prefect, chm, folder, record),
            title="A live Prefect, changed by hand",
            introduction=introduction("make e2e-prefect", server="a Prefect server", work="flows", source="Prefect"),
            system=f"Prefect {client['version']}",
            write=options.write,
        )
    finally:
        prefect.stop()


if __name__ == "__main__":
    sys.exit(main())
