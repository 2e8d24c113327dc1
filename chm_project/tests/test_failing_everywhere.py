"""The latest run that succeeded or failed decides whether a pipeline is failing, in all reports, pages and rules."""

import csv
import io
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from alerting.models import AlertRule
from alerting.services import preview
from chm_project.dashboards import expand, grafana
from chm_project.dashboards.boards import OPERATIONS, placed_shapes
from chm_project.tests.api import ROOT, api_with_scope
from chm_project.tests.pages import browser, html, tables, tiles
from chm_project.tests.prometheus import samples
from chm_project.tests.reporting_role import query_as_reporting_role
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run
from runs.reporting.run_shapes import run_shape
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(second=0, microsecond=0)


@dataclass(frozen=True)
class ExpectedRow:
    """An expected row of failing_now. `run_id` is the external id of the decisive run."""

    run_id: str
    in_a_row: int
    latest_status: str
    is_retrying: bool


# A case has its runs (status, start and end in minutes ago), in the order in which they are stored. Its second item is
# the expected row, or None if the pipeline is not failing. The status "re-opened" stands for a run that failed and that
# its source has started again.
NOT_FINISHED = None
SUCCESS = ("success", 300, 290)
CASES: dict[str, tuple[list[tuple[str, int, int | None]], ExpectedRow | None]] = {
    "succeeded": ([SUCCESS], None),
    "failed": ([SUCCESS, ("failed", 60, 50)], ExpectedRow("1", 1, "failed", False)),
    "failed, running": (
        [SUCCESS, ("failed", 60, 50), ("running", 10, NOT_FINISHED)],
        ExpectedRow("1", 1, "running", True),
    ),
    "failed, canceled": ([SUCCESS, ("failed", 60, 50), ("canceled", 10, 5)], ExpectedRow("1", 1, "canceled", False)),
    "failed, skipped": ([SUCCESS, ("failed", 60, 50), ("skipped", 10, 5)], ExpectedRow("1", 1, "skipped", False)),
    "failed, failed, running, canceled": (
        [SUCCESS, ("failed", 90, 80), ("failed", 60, 50), ("running", 20, NOT_FINISHED), ("canceled", 10, 5)],
        ExpectedRow("2", 2, "canceled", True),
    ),
    "success, running": ([SUCCESS, ("running", 10, NOT_FINISHED)], None),
    "failed, success, skipped": ([SUCCESS, ("failed", 60, 50), ("success", 40, 30), ("skipped", 10, 5)], None),
    "re-opened after a success": ([SUCCESS, ("re-opened", 60, 50)], None),
    "re-opened after a failure": (
        [SUCCESS, ("failed", 90, 80), ("re-opened", 60, 50)],
        ExpectedRow("1", 1, "running", True),
    ),
    "overlapping, the later start succeeded": ([SUCCESS, ("failed", 60, 10), ("success", 50, 40)], None),
    "overlapping, the later start failed": (
        [SUCCESS, ("success", 60, 10), ("failed", 50, 40)],
        ExpectedRow("2", 1, "failed", False),
    ),
    "tie, the younger row succeeded": ([SUCCESS, ("failed", 60, 50), ("success", 60, 50)], None),
    "tie, the younger row failed": (
        [SUCCESS, ("success", 60, 50), ("failed", 60, 50)],
        ExpectedRow("2", 1, "failed", False),
    ),
    "never ran": ([], None),
    "only skipped": ([("skipped", 60, 50)], None),
}
EXPECTED_FAILING = {name: expected for name, (_, expected) in CASES.items() if expected is not None}
GRAFANA = json.loads((Path(settings.BASE_DIR) / "docker/grafana/dashboards/chm-operations.json").read_text())
METABASE = json.loads((Path(settings.BASE_DIR) / "docker/metabase/boards.json").read_text())


def minutes_ago(minutes: int) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.fixture
def pipelines_by_case() -> dict[str, Pipeline]:
    client = ClientFactory.create(name="Acme")
    pipelines = {name: PipelineFactory.create(client=client, name=name) for name in CASES}
    for name, (runs, _) in CASES.items():
        for number, (status, started, finished) in enumerate(runs):
            run = RunFactory.create(
                pipeline=pipelines[name], external_run_id=str(number), started_at=minutes_ago(started),
                status="failed" if status == "re-opened" else status,
                error_message="boom" if status == "failed" else None,
                finished_at=None if finished is None else minutes_ago(finished),
            )  # fmt: skip
            if status == "re-opened":
                Run.objects.filter(pk=run.pk).update(status="running", finished_at=None, error_message=None)
    # Failures of disabled pipelines and of disabled clients do not count.
    RunFactory.create(pipeline__is_active=False, status="failed")
    RunFactory.create(pipeline__client__is_active=False, status="failed")
    return pipelines


def rows_by_pipeline(rows: list[dict[str, Any]]) -> dict[str, ExpectedRow]:
    ids = {str(pk): external_id for pk, external_id in Run.objects.values_list("pk", "external_run_id")}
    return {
        row["pipeline_name"]: ExpectedRow(
            ids[str(row["run_id"])],
            int(row["failed_in_a_row"]),
            row["latest_status"],
            row["retrying"] in (True, "true"),
        )
        for row in rows
    }


def test_shape_views_api_csv_grafana_and_metabase_agree(pipelines_by_case: dict[str, Pipeline]) -> None:
    assert rows_by_pipeline(run_shape("failing_now")) == EXPECTED_FAILING
    assert rows_by_pipeline(run_shape("failing_now", as_of=NOW)) == EXPECTED_FAILING
    assert rows_by_pipeline(query_as_reporting_role("SELECT * FROM reporting.current_failures")) == EXPECTED_FAILING

    api = api_with_scope("read")
    assert rows_by_pipeline(api.get(f"{ROOT}/reports/failing_now").json()["items"]) == EXPECTED_FAILING
    csv_text = api.get(f"{ROOT}/reports/failing_now", headers={"accept": "text/csv"}).getvalue().decode()
    assert rows_by_pipeline(list(csv.DictReader(io.StringIO(csv_text)))) == EXPECTED_FAILING

    position = [placed.shape.name for placed in placed_shapes(OPERATIONS)].index("failing_now")
    (target,) = GRAFANA["panels"][position]["targets"]
    for end in (timezone.now(), NOW):
        assert (
            rows_by_pipeline(
                query_as_reporting_role(
                    expand.expand_for_grafana(target["rawSql"], GRAFANA, NOW - timedelta(days=7), end, {})
                )
            )
            == EXPECTED_FAILING
        )
    (model,) = (model for model in METABASE["models"] if model["name"] == "Current failures")
    assert rows_by_pipeline(query_as_reporting_role(model["sql"])) == EXPECTED_FAILING
    assert grafana.BOARD_UIDS[OPERATIONS] == GRAFANA["uid"]


def test_latest_decisive_runs_contains_the_decisive_run_of_each_failing_pipeline(
    pipelines_by_case: dict[str, Pipeline],
) -> None:
    rows = query_as_reporting_role(
        "SELECT * FROM reporting.latest_decisive_runs WHERE is_active AND verdict = 'failed'"
    )

    assert {row["pipeline_name"] for row in rows} == set(EXPECTED_FAILING)


def test_the_board_the_client_page_and_the_metrics_agree(pipelines_by_case: dict[str, Pipeline]) -> None:
    viewer = browser("viewer")
    expected_notes = {name: "retrying" for name, row in EXPECTED_FAILING.items() if row.is_retrying}
    expected_notes |= {"failed, canceled": "canceled", "failed, skipped": "skipped"}

    board_page = html(viewer.get("/admin/"))
    list_page = html(viewer.get("/admin/console/list/failing/"))
    client = html(viewer.get(reverse("console:client", args=[Client.objects.get(name="Acme").pk])))

    assert tiles(board_page)["failing"] == len(EXPECTED_FAILING)
    for page in (board_page, list_page):
        rows = {row[0].split(" Acme ")[0]: (int(row[3]), row[4]) for row in tables(page)["failing"]}
        assert rows == {name: (each.in_a_row, expected_notes.get(name, "–")) for name, each in EXPECTED_FAILING.items()}
    assert f'<span class="chm-number">{len(EXPECTED_FAILING)}</span><span>failing now</span>' in client
    metrics = samples(api_with_scope("read").get("/metrics").content.decode())
    failing = [value for name, value in metrics.items() if name.startswith("chm_pipelines_failing{")]
    assert sum(failing) == len(EXPECTED_FAILING)


@pytest.mark.parametrize("name", CASES)
def test_the_pipeline_page_begins_with_the_state_of_the_pipeline(
    pipelines_by_case: dict[str, Pipeline], name: str
) -> None:
    page = html(browser("viewer").get(reverse("console:pipeline", args=[pipelines_by_case[name].pk])))
    sentence = " ".join(re.sub(r"<[^>]+>", "", page.split('id="verdict">')[1].split("</p>")[0]).split())

    expected = EXPECTED_FAILING.get(name)
    assert sentence.startswith("Failing for ") == (expected is not None)
    if expected is not None:
        assert f", {expected.in_a_row} in a row" in sentence
        assert (", retrying now;" in sentence) == expected.is_retrying
        assert sentence.endswith("latest error: boom")
        assert "last success " in sentence
    elif name in ("never ran", "only skipped"):
        assert sentence == "No run has succeeded or failed yet."
    else:
        assert sentence.startswith("Succeeded ")


def test_rules_fire_for_exactly_the_failing_pipelines(pipelines_by_case: dict[str, Pipeline]) -> None:
    rules = {
        name: AlertRule.objects.create(pipeline=pipeline, rule_type="on_failure", channel="slack", destination="#all")
        for name, pipeline in pipelines_by_case.items()
    }

    firing = api_with_scope("read").get(f"{ROOT}/alert_rules/firing").json()["items"]

    assert {rule["id"] for rule in firing} == {str(rules[name].pk) for name in EXPECTED_FAILING}
    until = timezone.now()
    for name, rule in rules.items():
        periods = preview(rule, since=until - timedelta(days=1), until=until)
        assert (bool(periods) and periods[-1].until == until) == (name in EXPECTED_FAILING), name


def test_a_report_of_a_past_time_ignores_later_events(pipelines_by_case: dict[str, Pipeline]) -> None:
    """55 minutes ago, the run that failed 50 minutes ago was still running."""
    rows = {row["pipeline_name"]: row for row in run_shape("failing_now", as_of=minutes_ago(55))}
    latest = {
        row["pipeline_name"]: row["latest_status"]
        for row in run_shape("latest_status_by_pipeline", as_of=minutes_ago(55))
    }
    page = html(browser("viewer").get(f"/admin/console/list/fresh/?as_of={minutes_ago(55):%Y-%m-%dT%H:%M}"))

    assert set(rows) == {"failed, failed, running, canceled", "re-opened after a failure"}
    assert rows["failed, failed, running, canceled"]["failed_in_a_row"] == 1
    assert rows["failed, failed, running, canceled"]["retrying"] is True
    assert latest["failed"] == latest["failed, canceled"] == "running"
    assert latest["succeeded"] == "success"
    assert latest["never ran"] is None
    assert run_shape("failing_now", as_of=minutes_ago(400)) == []
    assert "the latest is running" in page


def test_a_run_in_the_future_counts_if_as_of_is_not_given(pipelines_by_case: dict[str, Pipeline]) -> None:
    RunFactory.create(
        pipeline=pipelines_by_case["succeeded"], status="failed", started_at=NOW, finished_at=NOW + timedelta(days=1)
    )

    assert "succeeded" in rows_by_pipeline(run_shape("failing_now"))
    assert "succeeded" not in rows_by_pipeline(run_shape("failing_now", as_of=datetime.now(UTC)))
