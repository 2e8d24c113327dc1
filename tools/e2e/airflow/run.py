"""Test CHM against a live Airflow with manual changes: `make e2e-airflow`.

1. The test triggers runs, and Airflow starts the scheduled runs of past dates. `ingest_runs` ingests every few seconds,
   until all runs have ended.
2. The test clears, marks and deletes runs, pauses a DAG, and renames another DAG in its file. CHM continues to ingest.
3. Every run in Airflow must have the same state in CHM.
4. The error of every failed run must name its task, or say that no task failed. The run's link must open.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from tools.e2e.live import (
    ROOT,
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

PASSWORD_ENV = "CHM_E2E_AIRFLOW_PASSWORD"  # noqa: S105 - a variable's name
DAG_IDS = ("sales_daily_load", "orders.reconcile-v2", "long_haul_export", "manual_refund")
RENAMED_DAG_ID = "sales_hourly_load"
# Airflow starts the runs of past dates for two DAGs: 24 hourly runs and 20 half-hourly runs.
CATCH_UP_RUN_COUNT = 24 + 20
# CHM stores a queued run as running, without a start.
CHM_STATUS = {"queued": "running", "running": "running", "success": "success", "failed": "failed"}
# Shortly after its start, or on a busy machine, Airflow answers some requests with 500. Send such a request again.
MAX_TRIES = 5
NO_FAILED_TASK = "No task of this run failed"


class Airflow:
    """A client of Airflow's API, without code of CHM."""

    def __init__(self, server_details: dict[str, str]) -> None:
        self._base_url = server_details["base_url"]
        body = {"username": server_details["username"], "password": server_details["password"]}
        token = requests.post(f"{self._base_url}/auth/token", json=body, timeout=30).json()["access_token"]
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def request(self, method: str, path: str, body: Any = None) -> Any:
        for _ in range(MAX_TRIES):
            response = self._session.request(method, f"{self._base_url}/api/v2{path}", json=body, timeout=60)
            if response.status_code != 500:
                break
            time.sleep(2)
        response.raise_for_status()
        return response.json() if response.content else None

    def trigger(self, dag_id: str, run_id: str, **conf: Any) -> str:
        self.request(
            "POST", f"/dags/{quote(dag_id)}/dagRuns", {"logical_date": None, "dag_run_id": run_id, "conf": conf}
        )
        return f"{dag_id} {run_id}"

    def change(self, name: str, **fields: Any) -> None:
        self.request("PATCH", path_of_run(name), fields)

    def runs(self) -> dict[str, dict[str, Any]]:
        runs: dict[str, dict[str, Any]] = {}
        while page := self.request("GET", f"/dags/~/dagRuns?order_by=id&limit=100&offset={len(runs)}")["dag_runs"]:
            runs |= {f"{row['dag_id']} {row['dag_run_id']}": row for row in page}
        return runs

    def status(self, name: str) -> str:
        return str(self.request("GET", path_of_run(name))["state"])

    def states(self) -> dict[str, State]:
        return {
            name: (CHM_STATUS[row["state"]], to_datetime(row["start_date"]), to_datetime(row["end_date"]))
            for name, row in self.runs().items()
        }

    def all_runs_ended(self, minimum: int) -> bool:
        """Return whether Airflow has at least this number of runs, and all have ended."""
        runs = self.runs().values()
        return len(runs) >= minimum and all(run["state"] in {"success", "failed"} for run in runs)

    def has_dag(self, dag_id: str) -> bool:
        return any(row["dag_id"] == dag_id for row in self.request("GET", "/dags?limit=100")["dags"])


class AirflowChm(Chm):
    """CHM with runs named "DAG_ID RUN_ID", because a run id of Airflow is unique only within its DAG."""

    def runs(self) -> dict[str, Any]:
        from runs.models import Run

        runs = Run.objects.with_source_url().select_related("pipeline")
        return {f"{run.pipeline.external_id} {run.external_run_id}": run for run in runs}

    def connection(self) -> dict[str, Any]:
        """Return the only entry of `manage.py connections --json`."""
        command = [sys.executable, "manage.py", "connections", "--json"]
        completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
        [entry] = json.loads(completed.stdout)
        return dict(entry)


def path_of_run(name: str) -> str:
    """Return the path of a run in Airflow's API. The name is "DAG_ID RUN_ID"."""
    dag_id, run_id = name.split(" ", 1)
    return f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def to_datetime(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def scenario(airflow: Airflow, chm: AirflowChm, folder: Path, record: Record) -> None:
    """Change Airflow's runs by hand while CHM ingests. After each change, compare Airflow's runs with those in CHM."""
    record.say("1. Runs are queued, run and end while CHM ingests")
    time_text = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    chm.prepare(folder, {dag_id: dag_id for dag_id in DAG_IDS})
    for dag_id in DAG_IDS:
        airflow.request("PATCH", f"/dags/{quote(dag_id)}", {"is_paused": False})
    # These run ids contain characters (: and +) that must be quoted in a path.
    haul_runs = [
        airflow.trigger("long_haul_export", f"haul-{number}:{time_text}+x~1", seconds=8) for number in range(3)
    ]
    failing_run = airflow.trigger("long_haul_export", f"failing-{time_text}", fail=True, seconds=25)
    airflow.trigger("manual_refund", f"refund-{time_text}", fail=True, seconds=6)
    chm.ingest()
    queued = [name for name, run in chm.runs().items() if run.status == "running" and run.started_at is None]
    record.check(bool(queued), f"{len(queued)} runs were first seen queued")
    wait_until(lambda: airflow.all_runs_ended(CATCH_UP_RUN_COUNT + 5), chm.ingest, "all runs have ended")
    compare(record, "all runs have ended", airflow.states, chm)
    report = chm.ingest()
    written_count = report["created"] + report["updated"]
    record.check(not written_count, f"a second ingestion without changes writes {written_count} runs")

    record.say(
        "2. Manual changes. CHM reads the last two intervals again, so the test waits until they contain no change"
    )
    change_count = 0

    def change_by_hand(description: str, change: Callable[[], Any]) -> None:
        nonlocal change_count
        time.sleep(SETTLED_SECONDS)
        chm.ingest()
        change()
        change_count += 1
        compare(record, description, airflow.states, chm)

    failing_run_before = chm.runs()[failing_run]

    def clear() -> None:
        airflow.request("POST", f"{path_of_run(failing_run)}/clear", {"dry_run": False})
        chm.ingest()
        reopened = chm.runs()[failing_run].status
        record.check(
            reopened == "running",
            f"a failed run is cleared; its status in CHM: {failing_run_before.status} → {reopened}",
        )

    change_by_hand("a failed run is cleared", clear)
    wait_until(lambda: airflow.status(failing_run) == "failed", chm.ingest, "the cleared run has failed again")
    compare(record, "the cleared run has failed again", airflow.states, chm)
    new_start = chm.runs()[failing_run].started_at
    record.check(new_start > failing_run_before.started_at, "CHM has the start of its new attempt")
    change_by_hand("a successful run is marked failed", lambda: airflow.change(haul_runs[0], state="failed"))
    change_by_hand("the same run is marked success", lambda: airflow.change(haul_runs[0], state="success"))
    change_by_hand("a failed run is marked success", lambda: airflow.change(failing_run, state="success"))
    change_by_hand("the same run is marked failed", lambda: airflow.change(failing_run, state="failed"))
    change_by_hand("a note is written", lambda: airflow.change(haul_runs[1], note="looked at by hand"))
    running_run = airflow.trigger("long_haul_export", f"running-{time_text}", seconds=300)
    deleted_queued_run = airflow.trigger("long_haul_export", f"deleted-{time_text}", seconds=1)
    wait_until(lambda: airflow.status(running_run) == "running", chm.ingest, "a run is running")
    change_by_hand("a queued run is deleted", lambda: airflow.request("DELETE", path_of_run(deleted_queued_run)))
    deleted_run = chm.runs()[deleted_queued_run]
    final_state = deleted_run.status, deleted_run.status_reason
    record.check(final_state == ("canceled", "gone at source"), f"the deleted queued run in CHM: {final_state}")
    change_by_hand(
        "a running run is marked failed, which cancels it", lambda: airflow.change(running_run, state="failed")
    )
    wait_until(lambda: airflow.all_runs_ended(CATCH_UP_RUN_COUNT + 6), chm.ingest, "the task of this run has ended")
    compare(record, "the task of this run has ended", airflow.states, chm)
    change_by_hand(
        "an ended run is deleted; CHM keeps it", lambda: airflow.request("DELETE", path_of_run(haul_runs[2]))
    )
    change_by_hand("a DAG is paused", lambda: airflow.request("PATCH", "/dags/long_haul_export", {"is_paused": True}))
    change_by_hand(
        "a DAG is renamed in its file, and its old name deleted", lambda: rename_dag(airflow, folder / "dags")
    )
    wait_until(lambda: airflow.has_dag(RENAMED_DAG_ID), chm.ingest, "Airflow has read the file")
    time.sleep(SETTLED_SECONDS)
    chm.ingest()
    entry = chm.connection()
    for key, expected in (("paused", "long_haul_export"), ("missing", DAG_IDS[0]), ("unmatched", RENAMED_DAG_ID)):
        names = [dag["external_id"] for dag in entry[key]]
        record.check(names == [expected], f"manage.py connections, {key}: {', '.join(names)}")

    record.say(f"3. Comparison after {change_count} manual changes and {chm.ingestion_count} ingestions")
    compare(record, "after ordinary ingestions", airflow.states, chm)
    chm.reconcile()
    compare(record, "after CHM has read the last 3 days again, as it does once a day", airflow.states, chm)
    note = chm.runs()[haul_runs[1]].status_reason
    record.check(note == "looked at by hand", f"CHM then also has the text of the note: {note}")
    report = chm.reconcile()
    written_count = report["created"] + report["updated"]
    record.check(not written_count, f"a second reading of the last 3 days writes {written_count} runs")
    # CHM keeps the runs of a DAG that was deleted in Airflow.
    runs_of_old_name = {name for name in chm.states() if name.startswith(f"{DAG_IDS[0]} ")}
    only_in_chm = set(chm.states()) - set(airflow.states()) - {deleted_queued_run, haul_runs[2]} - runs_of_old_name
    record.check(
        not only_in_chm,
        f"{len(only_in_chm)} runs are only in CHM, not counting the deleted ones and those of the renamed DAG",
    )

    record.say("4. The error of every failed run names the task, or says that no task failed; the run's link opens")
    for name, run in sorted(chm.runs().items()):
        if run.status == "failed":
            line = next(iter((run.error_message or "").splitlines()), "no error text")
            record.check(
                line.startswith("Task ") or (name == running_run and NO_FAILED_TASK in line), f"{name}: {line[:90]}"
            )
            open_source_link(record, run)
    record.check(
        not count_planted_secrets(),
        f"secrets planted in Airflow that reached the database: {count_planted_secrets()}",
    )


def rename_dag(airflow: Airflow, dags: Path) -> None:
    """Rename a DAG in its file, as users do, and delete the old name immediately."""
    airflow.request("PATCH", f"/dags/{DAG_IDS[0]}", {"is_paused": True})
    file = dags / f"{DAG_IDS[0]}.py"
    (dags / f"{RENAMED_DAG_ID}.py").write_text(file.read_text().replace(DAG_IDS[0], RENAMED_DAG_ID))
    file.unlink()
    airflow.request("DELETE", f"/dags/{DAG_IDS[0]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder that start_airflow.sh installed Airflow in")
    parser.add_argument("--write", type=Path, help="the document to write")
    options = parser.parse_args()
    folder = options.folder.resolve()
    server_details = json.loads((folder / "client.json").read_text())
    os.environ[PASSWORD_ENV] = server_details["password"]
    auth = (
        f'auth = {{ kind = "airflow_token", username = "{server_details["username"]}", secret_env = "{PASSWORD_ENV}" }}'
    )
    airflow, chm = (
        Airflow(server_details),
        AirflowChm("Airflow", "airflow", server_details["base_url"], auth, "airflow"),
    )
    return run_scenario(
        folder,
        lambda record: scenario(airflow, chm, folder, record),
        title="A live Airflow, changed by hand",
        introduction=introduction("make e2e-airflow", server="Apache Airflow", work="DAGs", source="Airflow"),
        system=f"Airflow {server_details['version']}",
        document_path=options.write,
    )


if __name__ == "__main__":
    sys.exit(main())
