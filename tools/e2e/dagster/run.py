"""Test CHM against a live Dagster with manual changes: `make e2e-dagster`.

1. Runs succeed, fail, and retry a step, while CHM ingests. A schedule starts one job every minute.
2. The test terminates, cancels and deletes runs, executes a run again, and stops the schedule. CHM continues to ingest.
3. Every run in Dagster must have the same state in CHM.
4. The error of every failed run must name its step, and the run's link must open.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
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

# Dagster's final statuses and CHM's words for them. A run with any other status is running in CHM.
CHM_STATUS = {"SUCCESS": "success", "FAILURE": "failed", "CANCELED": "canceled"}
RUNS_QUERY = """query R($cursor: String) { runsOrError(cursor: $cursor, limit: 100) {
  __typename ... on Runs { results { runId jobName status startTime endTime } } } }"""
REPOSITORY_QUERY = """{ repositoriesOrError { ... on RepositoryConnection { nodes {
  name location { name } jobs { name } schedules { name scheduleState { id } } } } } }"""
LAUNCH_MUTATION = """mutation L($p: ExecutionParams!) { launchRun(executionParams: $p) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
RERUN_MUTATION = """mutation A($id: String!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $id, strategy: ALL_STEPS}) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
TERMINATE_MUTATION = """mutation T($id: String!, $how: TerminateRunPolicy) {
  terminateRun(runId: $id, terminatePolicy: $how) {
  __typename ... on TerminateRunFailure { message } ... on PythonError { message } } }"""
DELETE_MUTATION = (
    "mutation D($id: String!) { deletePipelineRun(runId: $id) { __typename ... on PythonError { message } } }"
)
STOP_MUTATION = """mutation S($id: String!) { stopRunningSchedule(id: $id) {
  __typename ... on PythonError { message } ... on UnauthorizedError { message } } }"""


class Dagster:
    """A client of Dagster's API, without code of CHM."""

    def __init__(self, server_details: dict[str, str]) -> None:
        self._base_url = server_details["base_url"]
        [self.repository] = self.query(REPOSITORY_QUERY)["repositoriesOrError"]["nodes"]

    def query(self, query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        response = requests.post(f"{self._base_url}/graphql", json=body, timeout=60)
        response.raise_for_status()
        return response.json()["data"]

    def change(self, query: str, **variables: Any) -> Any:
        [result] = self.query(query, **variables).values()
        if "Success" not in result["__typename"] and result["__typename"] != "ScheduleStateResult":
            raise SystemExit(f"Dagster refused: {result}")
        return result

    def launch(self, job: str, **sleep_options: float) -> str:
        run_config = {"ops": {"sleep": {"config": sleep_options}}} if sleep_options else {}
        selector = {
            "repositoryLocationName": self.repository["location"]["name"],
            "repositoryName": self.repository["name"],
            "pipelineName": job,
        }
        parameters = {"selector": selector, "runConfigData": run_config, "mode": "default"}
        return str(self.change(LAUNCH_MUTATION, p=parameters)["run"]["runId"])

    def runs(self) -> dict[str, dict[str, Any]]:
        runs: dict[str, dict[str, Any]] = {}
        cursor = None
        while rows := self.query(RUNS_QUERY, cursor=cursor)["runsOrError"]["results"]:
            runs |= {row["runId"]: row for row in rows}
            cursor = rows[-1]["runId"]
        return runs

    def status(self, run_id: str) -> str | None:
        row = self.runs().get(run_id)
        return row["status"] if row else None

    def states(self) -> dict[str, State]:
        return {
            name: (CHM_STATUS.get(row["status"], "running"), to_datetime(row["startTime"]), to_datetime(row["endTime"]))
            for name, row in self.runs().items()
        }


def to_datetime(seconds: float | None) -> datetime | None:
    # Rounded to microseconds, which is what PostgreSQL stores.
    return None if seconds is None else datetime.fromtimestamp(round(seconds, 6), UTC)


def scenario(dagster: Dagster, chm: Chm, folder: Path, record: Record) -> None:
    """Change Dagster's runs by hand while CHM ingests. After each change, compare Dagster's runs with those in CHM."""
    record.say("1. Jobs run while CHM ingests")
    # Dagster also lists a hidden job, __ASSET_JOB.
    jobs = {job["name"]: job["name"] for job in dagster.repository["jobs"] if not job["name"].startswith("__")}
    chm.prepare(folder, jobs)
    failing_run_id = dagster.launch("reconcile_failing")
    first_run_ids = [failing_run_id, *map(dagster.launch, ("two_failures", "daily_load", "flaky_job"))]
    final_statuses = {"SUCCESS", "FAILURE", "CANCELED"}
    wait_until(
        lambda: all(dagster.status(run_id) in final_statuses for run_id in first_run_ids),
        chm.ingest,
        "the first runs end",
    )
    compare(record, "all runs have ended", dagster.states, chm)

    record.say(
        "2. Manual changes. Before each change, the test waits until CHM no longer reads the previous change again"
    )
    change_count = 0

    def change_by_hand(description: str, change: Callable[[], Any]) -> Any:
        nonlocal change_count
        time.sleep(SETTLED_SECONDS)
        chm.ingest()
        result = change()
        change_count += 1
        time.sleep(2)
        compare(record, description, dagster.states, chm)
        return result

    schedule_id = dagster.repository["schedules"][0]["scheduleState"]["id"]
    pipeline = chm.pipelines()["daily_load"]
    record.check(
        pipeline.source_paused is False and pipeline.source_next_run_at is not None,
        "with a running schedule, CHM shows the job as active and has its next start",
    )
    change_by_hand("the schedule is stopped", lambda: dagster.change(STOP_MUTATION, id=schedule_id))
    chm.ingest()
    pipeline = chm.pipelines()["daily_load"]
    record.check(
        pipeline.source_paused is True and pipeline.source_next_run_at is None,
        "with a stopped schedule, CHM shows the job as paused and without a next start",
    )
    reexecution = change_by_hand(
        "a failed run is executed again, as a new run", lambda: dagster.change(RERUN_MUTATION, id=failing_run_id)
    )
    wait_until(
        lambda: dagster.status(reexecution["run"]["runId"]) in final_statuses, chm.ingest, "the new run has ended"
    )
    # At most two runs run at the same time (max_concurrent_runs in start_dagster.sh), so the next two stay queued.
    long_run_ids = [dagster.launch("long_job", seconds=300.0) for _ in range(2)]
    queued_run_ids = [dagster.launch("long_job", seconds=1.0) for _ in range(2)]
    wait_until(
        lambda: all(dagster.status(run_id) == "STARTED" for run_id in long_run_ids), chm.ingest, "two runs are running"
    )
    change_by_hand(
        "a queued run is terminated",
        lambda: dagster.change(TERMINATE_MUTATION, id=queued_run_ids[0], how="SAFE_TERMINATE"),
    )
    change_by_hand("a queued run is deleted", lambda: dagster.change(DELETE_MUTATION, id=queued_run_ids[1]))
    change_by_hand(
        "a running run is terminated",
        lambda: dagster.change(TERMINATE_MUTATION, id=long_run_ids[0], how="SAFE_TERMINATE"),
    )
    wait_until(lambda: dagster.status(long_run_ids[0]) in final_statuses, chm.ingest, "the terminated run has ended")
    compare(record, "the terminated run has ended", dagster.states, chm)
    change_by_hand(
        "a running run is marked canceled at once",
        lambda: dagster.change(TERMINATE_MUTATION, id=long_run_ids[1], how="MARK_AS_CANCELED_IMMEDIATELY"),
    )
    change_by_hand(
        "an ended run is deleted; CHM keeps it", lambda: dagster.change(DELETE_MUTATION, id=first_run_ids[3])
    )
    deleted_run = chm.runs().get(queued_run_ids[1])
    final_state = deleted_run and (deleted_run.status, deleted_run.status_reason)
    record.check(final_state == ("canceled", "gone at source"), f"the deleted queued run in CHM: {final_state}")

    record.say(f"3. Comparison after {change_count} manual changes and {chm.ingestion_count} ingestions")
    compare(record, "after ordinary ingestions", dagster.states, chm)
    for number in range(2):
        report = chm.reconcile()
        if not number:
            compare(record, "after CHM has read the last 3 days again, as it does once a day", dagster.states, chm)
    written_count = report["created"] + report["updated"]
    record.check(not written_count, f"a second reading of the last 3 days writes {written_count} runs")
    only_in_chm = set(chm.states()) - set(dagster.states()) - {queued_run_ids[1], first_run_ids[3]}
    record.check(not only_in_chm, f"{len(only_in_chm)} runs are only in CHM, not counting the two deleted ones")

    record.say("4. The error of every failed run names the step, and the run's link opens")
    for run in sorted(chm.runs().values(), key=lambda run: run.pipeline.name):
        if run.status == "failed":
            line = next(iter((run.error_message or "").splitlines()), "no error text")
            record.check(line.startswith("step "), f"{run.pipeline.name}: {line[:90]}")
            open_source_link(record, run)
    record.check(
        not count_planted_secrets(),
        f"secrets planted in Dagster that reached the database: {count_planted_secrets()}",
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder that start_dagster.sh installed Dagster in")
    parser.add_argument("--write", type=Path, help="the document to write")
    options = parser.parse_args()
    folder = options.folder.resolve()
    server_details = json.loads((folder / "client.json").read_text())
    dagster = Dagster(server_details)
    chm = Chm("Dagster", "dagster", server_details["base_url"], 'auth = { kind = "none" }', "vendor_api")
    return run_scenario(
        folder,
        lambda record: scenario(dagster, chm, folder, record),
        title="A live Dagster, changed by hand",
        introduction=introduction("make e2e-dagster", server="Dagster", work="jobs", source="Dagster"),
        system=f"Dagster {server_details['version']}",
        document_path=options.write,
    )


if __name__ == "__main__":
    sys.exit(main())
