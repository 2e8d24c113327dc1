"""The simulated partner for demonstrations has realistic runs, and CHM ingests all of them."""

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from django.core.management import call_command

from ingestion.connectors.generic import STATUSES
from ingestion.http import HttpSettings
from ingestion.report import Report
from ingestion.services import ingest_connection
from ingestion.synthetic.dataset import dataset, read_time
from ingestion.synthetic.demo_partner import CYCLE_SECONDS, DOWN_PLATFORM, DOWN_SECONDS, LEFT_OPEN_SECONDS, DemoPartner
from ingestion.synthetic.live_runs import PERIOD_SECONDS, RETURNED_SECONDS, SimulatedPipeline
from ingestion.tests.support import PASSWORD_ENV, generic_connection
from inventory.models import Pipeline, Platform
from runs.models import Run
from runs.reporting.run_shapes import run_shape

TOKEN = "partner-token-1"
NOW = 1_795_000_000
PIPELINES = [SimulatedPipeline(f"client-{number}.orders-load", "ingestion") for number in range(100)]


class ShiftedClock:
    """A clock that is `ahead` seconds ahead of the real clock. CHM uses the real clock."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def partner(db: None, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoPartner]:
    """Load the data set, and run the partner with the open runs of the data set."""
    monkeypatch.setenv(PASSWORD_ENV, TOKEN)
    call_command("load_synthetic", verbosity=0)
    open_runs = {
        run.pipeline.external_id or "": [
            {"external_run_id": run.external_run_id, "started_at": run.started_at.isoformat() if run.started_at else ""}
        ]
        for run in Run.objects.still_open().select_related("pipeline")
    }
    with DemoPartner(dataset("v1"), token=TOKEN, open_runs=open_runs, clock=clock) as running:
        yield running


def ingest_all(partner: DemoPartner) -> dict[str, Report]:
    """Ingest each platform by a connection of its own, as in a demonstration."""
    reports = {}
    for platform in Platform.values:
        connection = replace(
            generic_connection(partner),
            name=platform,
            base_url=f"{partner.base_url}/{platform}",
            interval_seconds=10,
            http_settings=HttpSettings(timeout_seconds=2, max_retries=2, backoff_seconds=0.01),
        )
        pipelines = Pipeline.objects.ingestible().filter(platform=platform).select_related("client").order_by("id")
        reports[platform] = ingest_connection(connection, list(pipelines))
    return reports


def live_runs() -> dict[str, tuple[str, int | None]]:
    """Return the status and the processed rows of each stored live run, by run id."""
    runs = Run.objects.filter(external_run_id__contains=".live-")
    return {run.external_run_id: (run.status, run.rows_processed) for run in runs}


def test_runs_wait_run_and_end_and_some_failed_runs_run_again() -> None:
    states_by_run: dict[str, list[tuple[str, str, int]]] = {}
    for moment in range(NOW, NOW + 900):
        for pipeline in PIPELINES:
            for run in pipeline.runs(moment):
                states = states_by_run.setdefault(run["external_run_id"], [])
                state = (run["status"], run["updated_at"], run.get("rows_processed") or 0)
                if not states or states[-1] != state:
                    states.append(state)
                assert read_time(run["updated_at"]).timestamp() <= moment
    sequences = set()
    for states in states_by_run.values():
        versions = [version for _, version, _ in states]
        assert versions == sorted(set(versions)), states  # each change of a run gives it a later version
        sequences.add(tuple(status for n, (status, _, _) in enumerate(states) if n == 0 or states[n - 1][0] != status))
    assert sequences >= {
        ("queued", "running", "succeeded"),
        ("queued", "running", "failed"),
        ("queued", "running", "failed", "running", "succeeded"),
        ("queued", "running", "cancelled"),
    }
    assert {status for sequence in sequences for status in sequence} <= set(STATUSES)
    progress = [rows for states in states_by_run.values() for status, _, rows in states if status == "running"]
    assert len(set(progress)) > len(states_by_run)


def test_the_same_seed_and_time_give_the_same_runs_and_another_seed_gives_other_runs() -> None:
    again = [SimulatedPipeline(pipeline.external_id, "ingestion") for pipeline in PIPELINES]
    other = [SimulatedPipeline(pipeline.external_id, "ingestion", seed=2) for pipeline in PIPELINES]

    assert [pipeline.runs(NOW) for pipeline in again] == [pipeline.runs(NOW) for pipeline in PIPELINES]
    assert [pipeline.runs(NOW) for pipeline in other] != [pipeline.runs(NOW) for pipeline in PIPELINES]


def test_runs_change_every_few_seconds_and_old_runs_are_not_returned() -> None:
    states = [
        [run["updated_at"] for pipeline in PIPELINES[:40] for run in pipeline.runs(moment)]
        for moment in range(NOW, NOW + 60)
    ]
    changes = sum(now != before for before, now in itertools.pairwise(states))

    assert changes > 12
    assert all(len(pipeline.runs(NOW)) <= RETURNED_SECONDS // PERIOD_SECONDS[0] + 1 for pipeline in PIPELINES)


def test_every_change_is_ingested_despite_rate_limits_and_repeated_pages(
    partner: DemoPartner, clock: ShiftedClock
) -> None:
    for _ in range(4):
        reports = ingest_all(partner)
        assert {name: report.errors for name, report in reports.items() if report.errors} == {}
        clock.ahead += 12
    before, reports, after = clock(), ingest_all(partner), clock()

    assert partner.statuses[429] > 3
    assert sum(report.unchanged for report in reports.values()) > 0
    stored = live_runs()
    ingested_ids = set(Pipeline.objects.ingestible().values_list("external_id", flat=True))
    compared = 0
    for pipeline in partner.pipelines():
        first, last = (
            {
                run["external_run_id"]: (STATUSES[run["status"]], run.get("rows_processed"))
                for run in pipeline.runs(moment)
            }
            for moment in (before, after)
        )
        for run_id, state in first.items():
            # A run that changed during the walk may be stored in either state.
            if run_id.rpartition(".live-")[0] in ingested_ids and last.get(run_id) == state:
                assert stored[run_id] == state
                compared += 1
    assert compared > 50


def test_a_source_that_goes_down_becomes_stale_and_recovers_without_losing_runs(
    partner: DemoPartner, clock: ShiftedClock
) -> None:
    ingest_all(partner)
    clock.ahead += DOWN_SECONDS[0]
    reports = ingest_all(partner)

    assert {name for name, report in reports.items() if report.errors} == {DOWN_PLATFORM}
    pipelines_of_source = Pipeline.objects.ingestible().filter(platform=DOWN_PLATFORM)
    assert (
        pipelines_of_source.filter(last_ingest_error__contains="Down for maintenance").count()
        == pipelines_of_source.count()
    )
    due_at = pipelines_of_source.order_by("-ingest_due_at").values_list("ingest_due_at", flat=True)[0]
    assert due_at is not None
    rows = run_shape("latest_status_by_pipeline", as_of=due_at + timedelta(seconds=1))
    assert pipelines_of_source.count() == sum(
        row["platform"] == DOWN_PLATFORM and row["stale_since"] is not None for row in rows
    )

    clock.ahead += DOWN_SECONDS[1] - DOWN_SECONDS[0]
    assert {name for name, report in ingest_all(partner).items() if report.errors} == set()
    assert not pipelines_of_source.filter(last_ingest_error__isnull=False).exists()
    rows = run_shape("latest_status_by_pipeline")
    assert not [row for row in rows if row["platform"] == DOWN_PLATFORM and row["stale_since"]]
    clock.ahead += CYCLE_SECONDS - DOWN_SECONDS[1] + DOWN_SECONDS[0]
    assert ingest_all(partner)[DOWN_PLATFORM].errors


def test_runs_that_were_open_before_the_partner_started_end_later(partner: DemoPartner, clock: ShiftedClock) -> None:
    open_ids = set(Run.objects.still_open().values_list("external_run_id", flat=True))
    ingest_all(partner)
    assert set(Run.objects.still_open().values_list("external_run_id", flat=True)) >= open_ids

    clock.ahead += max(*LEFT_OPEN_SECONDS, DOWN_SECONDS[1])
    ingest_all(partner)

    assert open_ids
    assert set(Run.objects.filter(external_run_id__in=open_ids).values_list("status", flat=True)) == {"success"}


def test_a_pipeline_that_stopped_in_the_data_set_gets_no_live_runs_and_is_late(partner: DemoPartner) -> None:
    ingest_all(partner)

    [late] = run_shape("late_pipelines")

    pipeline = Pipeline.objects.get(name=late["pipeline_name"], client__name=late["client_name"])
    assert pipeline.last_ingest_error is None
    assert pipeline.ingested_through is not None
    assert not Run.objects.filter(pipeline=pipeline, external_run_id__contains=".live-").exists()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/airflow/pipelines/x/runs", {}, 401),
        ("/airflow/pipelines/x/runs", {"Authorization": "Bearer other"}, 401),
        ("/airflow/pipelines/x/runs", {"Authorization": f"Bearer {TOKEN}"}, 404),
        ("/airflow/pipelines", {"Authorization": f"Bearer {TOKEN}"}, 404),
        ("/", {"Authorization": f"Bearer {TOKEN}"}, 404),
    ],
)
def test_a_bad_token_or_path_is_refused(path: str, headers: dict[str, str], status: int) -> None:
    with DemoPartner(dataset("v1"), token=TOKEN) as partner:
        assert requests.get(f"{partner.base_url}{path}", headers=headers, timeout=5).status_code == status


def test_the_process_names_a_missing_variable_or_data_set(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ingestion.synthetic.demo_partner", "--token-env", "CHM_TEST_TOKEN"]
    root = Path(__file__).resolve().parents[2]

    without = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    environment = {**os.environ, "CHM_TEST_TOKEN": "x"}
    unknown = subprocess.run(
        [*command, "--dataset", "v9"], cwd=root, capture_output=True, text=True, check=False, env=environment
    )

    assert (without.returncode, unknown.returncode) == (2, 2)
    assert "CHM_TEST_TOKEN is not set" in without.stderr
    assert "no data set 'v9'; the data sets are: v1" in unknown.stderr
