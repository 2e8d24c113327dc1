"""Test CHM against a live Prefect server with manual changes: `make e2e-prefect`.

1. Runs succeed, fail, retry, crash and skip their work, while CHM ingests. A deployment starts runs on a schedule.
2. The test sets states, and deletes, cancels, pauses and renames runs. It pauses a deployment. CHM continues to ingest.
3. Every run in Prefect must have the same state in CHM.
4. The error of every failed run must name its task, and the run's link must open.
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
# Prefect's types of states and CHM's statuses for them.
CHM_STATUS = {
    "PENDING": "running", "RUNNING": "running", "PAUSED": "running", "CANCELLING": "running", "SCHEDULED": "running",
    "COMPLETED": "success", "FAILED": "failed", "CRASHED": "failed", "CANCELLED": "canceled",
}  # fmt: skip


class Prefect:
    """A client of Prefect's API, without code of CHM."""

    def __init__(self, server_details: dict[str, str], folder: Path) -> None:
        self._base_url, self._folder = server_details["base_url"], folder
        self.auth = (server_details["username"], server_details["password"])
        self._processes: list[subprocess.Popen[bytes]] = []

    def request(self, method: str, path: str, body: Any = None) -> Any:
        # While Prefect registers flows on a busy machine, it may not answer for more than 30 seconds.
        response = requests.request(method, f"{self._base_url}/api{path}", json=body, auth=self.auth, timeout=120)
        response.raise_for_status()
        return response.json() if response.content else None

    def flow_runs(self) -> list[dict[str, Any]]:
        flow_runs: list[dict[str, Any]] = []
        while rows := self.request(
            "POST", "/flow_runs/filter", {"sort": "ID_DESC", "limit": 200, "offset": len(flow_runs)}
        ):
            flow_runs += rows
        return flow_runs

    def states(self) -> dict[str, State]:
        """Return the state of every run, except runs that are only planned. CHM does not store planned runs."""
        started = [row for row in self.flow_runs() if row["state_type"] != "SCHEDULED" or row["start_time"]]
        return {
            row["id"]: (chm_status(row), to_datetime(row["start_time"]), to_datetime(row["end_time"]))
            for row in started
        }

    def set_state(self, run_id: str, state_type: str, message: str | None = None) -> None:
        # With "force", Prefect also accepts changes that its rules would reject.
        body = {"state": {"type": state_type, "message": message}, "force": True}
        self.request("POST", f"/flow_runs/{run_id}/set_state", body)

    def start(self, *names: str) -> "subprocess.Popen[bytes]":
        script = f". '{self._folder}/env.sh' && exec python '{HERE}/flows.py' \"$@\""
        log = (self._folder / "logs" / f"{'-'.join(names)[:40]}.log").open("ab")
        command = ["bash", "-c", script, "flows", *names]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self._processes.append(process)
        return process

    def stop(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def chm_status(row: dict[str, Any]) -> str:
    """Return CHM's status for a flow run. If a flow skipped its work, the name of its state is "Skipped"."""
    return "skipped" if row["state_name"] == "Skipped" else CHM_STATUS[row["state_type"]]


def to_datetime(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def newest_run_id(prefect: Prefect, flow: str, state_type: str) -> str:
    """Return the id of the flow's newest run whose state has this type."""
    [flow_id] = [row["id"] for row in prefect.request("POST", "/flows/filter", {"flows": {"name": {"any_": [flow]}}})]
    rows = [row for row in prefect.flow_runs() if row["flow_id"] == flow_id and row["state_type"] == state_type]
    return str(rows[0]["id"])


def scenario(prefect: Prefect, chm: Chm, folder: Path, record: Record) -> None:
    """Change Prefect's runs by hand while CHM ingests. After each change, compare Prefect's runs with those in CHM."""
    record.say("1. Flows run while CHM ingests")
    all_flows_process = prefect.start()  # without arguments, flows.py runs every flow once
    deployment_process = prefect.start("serve")
    # flows.py defines eleven flows: the nine in FLOWS, child and long.
    wait_until(
        lambda: len(prefect.request("POST", "/flows/filter", {})) == 11, lambda: None, "the flows are registered"
    )
    wait_until(lambda: prefect.request("POST", "/deployments/filter", {}), lambda: None, "the deployment is registered")
    [deployment] = prefect.request("POST", "/deployments/filter", {})
    flow_names = {
        row["id"]: row["name"] for row in prefect.request("POST", "/flows/filter", {}) if row["name"] != "long"
    }
    long_flow_id = next(row["id"] for row in prefect.request("POST", "/flows/filter", {}) if row["name"] == "long")
    chm.prepare(folder, flow_names | {long_flow_id: "long", deployment["id"]: "long, deployed"})
    # Each of the three runs has another value of `seconds`, by which open_run_ids() finds the run later.
    killed_process, terminated_process, ending_process = (
        prefect.start(f"long={seconds}") for seconds in (301, 300, 20)
    )
    wait_until(lambda: all_flows_process.poll() is not None, chm.ingest, "every flow has run")
    wait_until(
        lambda: all(open_run_ids(prefect, long_flow_id, seconds) for seconds in (300, 301)),
        chm.ingest,
        "the long runs have started",
    )
    chm.ingest()
    [killed_run_id] = open_run_ids(prefect, long_flow_id, 301)
    os.killpg(terminated_process.pid, signal.SIGTERM)
    wait_until(
        lambda: ending_process.poll() is not None and terminated_process.poll() is not None,
        chm.ingest,
        "the long run ends",
    )
    chm.ingest()
    compare(record, "all runs have ended", prefect.states, chm)

    record.say(
        "2. Manual changes. Before each change, the test waits until CHM no longer reads the previous change again"
    )
    change_count = 0

    def change_by_hand(description: str, change: Any) -> None:
        nonlocal change_count
        time.sleep(SETTLED_SECONDS)
        chm.ingest()
        change()
        change_count += 1
        time.sleep(6)  # the Prefect server stores its events only every few seconds
        compare(record, description, prefect.states, chm)

    failed_run_id = newest_run_id(prefect, "sync customers: EU (é)", "FAILED")
    successful_run_id = newest_run_id(prefect, "load-orders", "COMPLETED")
    no_task_run_id = newest_run_id(prefect, "no-task", "FAILED")
    slow_run_id = newest_run_id(prefect, "too-slow", "FAILED")
    change_by_hand("a failed run is set to COMPLETED", lambda: prefect.set_state(failed_run_id, "COMPLETED"))
    change_by_hand(
        "a successful run is set to FAILED",
        lambda: prefect.set_state(successful_run_id, "FAILED", "wrong totals, by hand"),
    )
    change_by_hand("a failed run is set to RUNNING", lambda: prefect.set_state(no_task_run_id, "RUNNING"))
    change_by_hand(
        "the same run is set to CRASHED", lambda: prefect.set_state(no_task_run_id, "CRASHED", "lost its worker")
    )
    change_by_hand("a failed run is set to CANCELLED", lambda: prefect.set_state(slow_run_id, "CANCELLED"))
    change_by_hand("the same run is set to FAILED", lambda: prefect.set_state(slow_run_id, "FAILED", "again, by hand"))
    # Prefect shows the run of a killed process as running, until a user changes the run.
    os.killpg(killed_process.pid, signal.SIGKILL)
    change_by_hand("a killed run is paused", lambda: prefect.set_state(killed_run_id, "PAUSED"))
    change_by_hand("the paused run is cancelled", lambda: prefect.set_state(killed_run_id, "CANCELLED"))
    created_run_id = prefect.request("POST", "/flow_runs/", {"flow_id": long_flow_id, "state": {"type": "PENDING"}})[
        "id"
    ]
    change_by_hand(
        "a run that no process works on is set to RUNNING", lambda: prefect.set_state(created_run_id, "RUNNING")
    )
    change_by_hand(
        "the same run is deleted while it is open", lambda: prefect.request("DELETE", f"/flow_runs/{created_run_id}")
    )
    deleted_run = chm.runs().get(created_run_id)
    final_state = deleted_run and (deleted_run.status, deleted_run.status_reason)
    record.check(final_state == ("canceled", "gone at source"), f"the deleted open run in CHM: {final_state}")
    deleted_ended_run_id = newest_run_id(prefect, "skipped", "COMPLETED")
    change_by_hand(
        "an ended run is deleted; CHM keeps it", lambda: prefect.request("DELETE", f"/flow_runs/{deleted_ended_run_id}")
    )
    change_by_hand(
        "a run is renamed",
        lambda: prefect.request("PATCH", f"/flow_runs/{successful_run_id}", {"name": "renamed by hand"}),
    )
    change_by_hand(
        "the deployment is paused", lambda: prefect.request("POST", f"/deployments/{deployment['id']}/pause_deployment")
    )
    chm.ingest()
    paused = chm.pipelines()[deployment["id"]].source_paused
    record.check(paused is True, f"the deployment is paused in CHM: {paused}")
    skipped_flow_id = next(flow_id for flow_id, flow_name in flow_names.items() if flow_name == "skipped")
    change_by_hand("a flow is deleted", lambda: prefect.request("DELETE", f"/flows/{skipped_flow_id}"))
    chm.ingest()
    missing_names = [pipeline.name for pipeline in chm.pipelines().values() if pipeline.source_missing_since]
    record.check(
        missing_names == ["skipped"], f"pipelines that are missing at the source, according to CHM: {missing_names}"
    )
    deployment_process.terminate()
    wait_until(lambda: not open_run_ids(prefect, long_flow_id), chm.ingest, "the scheduled runs end")

    record.say(f"3. Comparison after {change_count} manual changes and {chm.ingestion_count} ingestions")
    compare(record, "after ordinary ingestions", prefect.states, chm)
    chm.reconcile()
    run_names = {row["id"]: row["name"] for row in prefect.flow_runs()}
    renamed_run_ids = [
        run_id for run_id, run in chm.runs().items() if run_id in run_names and run.payload["name"] != run_names[run_id]
    ]
    record.check(
        not renamed_run_ids,
        f"after CHM has read the last 3 days again, {len(renamed_run_ids)} runs have another name than in Prefect",
    )
    report = chm.reconcile()
    written_count = report["created"] + report["updated"]
    record.check(not written_count, f"a second reading of the last 3 days writes {written_count} runs")
    only_in_chm = set(chm.states()) - set(prefect.states()) - {created_run_id, deleted_ended_run_id}
    record.check(not only_in_chm, f"{len(only_in_chm)} runs are only in CHM, not counting the two deleted ones")

    record.say("4. The error of every failed run names the task, or says that no task failed; the run's link opens")
    for run in sorted(chm.runs().values(), key=lambda run: run.pipeline.name):
        if run.status == "failed":
            lines = (run.error_message or "").splitlines() or ["no error text"]
            text_is_correct = (
                lines[0].startswith("task ")
                # The test has set these three runs to failed, so no task failed.
                or run.external_run_id in {successful_run_id, no_task_run_id, slow_run_id}
                or "long" in run.pipeline.name
            )
            record.check(text_is_correct or run.pipeline.name == "parent", f"{run.pipeline.name}: {lines[0][:90]}")
            open_source_link(record, run, auth=prefect.auth)
    record.check(
        not count_planted_secrets(),
        f"secrets planted in Prefect that reached the database: {count_planted_secrets()}",
    )


def open_run_ids(prefect: Prefect, flow_id: str, seconds: int | None = None) -> list[str]:
    """Return the ids of the flow's runs that have not ended.

    If `seconds` is not None, return only runs with this value of the parameter `seconds`.
    """
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
    server_details = json.loads((folder / "client.json").read_text())
    os.environ[PASSWORD_ENV] = server_details["password"]
    prefect = Prefect(server_details, folder)
    auth = f'auth = {{ kind = "basic", username = "{server_details["username"]}", secret_env = "{PASSWORD_ENV}" }}'
    chm = Chm("Prefect", "prefect", server_details["base_url"], auth, "vendor_api")
    try:
        return run_scenario(
            folder,
            lambda record: scenario(prefect, chm, folder, record),
            title="A live Prefect, changed by hand",
            introduction=introduction("make e2e-prefect", server="a Prefect server", work="flows", source="Prefect"),
            system=f"Prefect {server_details['version']}",
            document_path=options.write,
        )
    finally:
        prefect.stop()


if __name__ == "__main__":
    sys.exit(main())
