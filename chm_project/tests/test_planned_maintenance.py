"""Planned maintenance marks failures and late pipelines, but does not hide them. Failures show owners and runbooks."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, reset_queries
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerting.models import AlertRule
from alerting.services import firing_rules, preview
from chm_project.tests.api import ROOT, api_with_scope
from chm_project.tests.pages import browser, html, tiles
from inventory.models import Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.planned_maintenance import add_maintenance_columns
from runs.reporting.run_shapes import run_shape
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

# The night from Saturday to Sunday; the window is from 22:00 to 04:00 UTC.
MIDNIGHT = datetime(2026, 6, 14, tzinfo=UTC)
WEEKLY_WINDOW = """
[[maintenance]]
reason = "Backup of the warehouse"
pipelines = { clients = ["Northwind"] }
days = ["saturday"]
from = 22:00:00
until = 04:00:00
"""
OWNERS = """
[[owners]]
pipelines = { clients = ["Northwind"], platform = "airflow" }
owner = "Data platform"
[[owners]]
owner = "Operations"
runbook_url = "https://wiki.example.com/all"
"""


@pytest.fixture
def maintenance_file(tmp_path: Path, settings: Any) -> Path:
    settings.CHM_MAINTENANCE_FILE = str(tmp_path / "maintenance.toml")
    (tmp_path / "maintenance.toml").write_text(WEEKLY_WINDOW + OWNERS)
    return tmp_path / "maintenance.toml"


def create_northwind_pipeline(name: str = "load", **fields: Any) -> Pipeline:
    existing = Pipeline.objects.filter(client__name="Northwind").first()
    client = existing.client if existing else ClientFactory.create(name="Northwind")
    return PipelineFactory.create(client=client, name=name, platform="airflow", **fields)


def add_runs(pipeline: Pipeline, status: str, *hours: float, since: datetime = MIDNIGHT) -> None:
    for hour in hours:
        run_at = since + timedelta(hours=hour)
        RunFactory.create(
            pipeline=pipeline, status=status, error_message="disk full", started_at=run_at, finished_at=run_at
        )


@pytest.mark.parametrize(
    ("failed_hours", "is_marked"),
    [
        pytest.param([1], True, id="in the window"),
        pytest.param([-1, 0, 3.9], True, id="several times in the window"),
        pytest.param([-3], False, id="before the window"),
        pytest.param([-3, 1], False, id="before the window and in the window"),
        pytest.param([1, 4], False, id="in the window and at its end"),
        pytest.param([1, 30], False, id="in the window and on the next day"),
    ],
)
def test_a_streak_is_marked_if_all_its_failures_are_in_the_window(
    maintenance_file: Path, failed_hours: list[float], is_marked: bool
) -> None:
    pipeline = create_northwind_pipeline()
    add_runs(pipeline, "success", -5)
    add_runs(pipeline, "failed", *failed_hours)
    other = PipelineFactory.create(client__name="Other")
    add_runs(other, "failed", 1)

    rows = api_with_scope("read").get(f"{ROOT}/reports/failing_now?as_of=2026-06-16T00:00:00Z").json()["items"]

    rows_by_name = {row["pipeline_name"]: row for row in rows}
    assert set(rows_by_name) == {"load", other.name}, "no failure is hidden"
    assert rows_by_name["load"]["maintenance"] == ("Backup of the warehouse" if is_marked else None)
    assert (rows_by_name["load"]["owner"], rows_by_name["load"]["runbook_url"]) == (
        "Data platform",
        "https://wiki.example.com/all",
    )
    assert (rows_by_name[other.name]["maintenance"], rows_by_name[other.name]["owner"]) == (None, "Operations")
    incidents = api_with_scope("read").get(f"{ROOT}/reports/incidents?as_of=2026-06-16T00:00:00Z").json()["items"]
    for incident in incidents:
        if "Northwind" in incident["client_names"] and incident["pipelines"] == 1:
            assert incident["maintenance"] == rows_by_name["load"]["maintenance"]


def test_a_late_pipeline_is_marked_during_the_window(maintenance_file: Path) -> None:
    pipeline = create_northwind_pipeline(ingested_through=MIDNIGHT + timedelta(days=9))
    add_runs(pipeline, "success", *range(-24 * 30, -1))

    def maintenance_at(hour: float) -> list[Any]:
        as_of = MIDNIGHT + timedelta(hours=hour)
        rows = run_shape("late_pipelines", as_of=as_of)
        add_maintenance_columns(rows, as_of=as_of)
        return [row["maintenance"] for row in rows]

    assert maintenance_at(1) == ["Backup of the warehouse"]
    assert maintenance_at(5) == [None], "the pipeline is still late, but the window has ended"
    maintenance_file.write_text(WEEKLY_WINDOW.replace("22:00:00", "23:30:00"))
    assert maintenance_at(1) == [None], "the start was expected before the window"


def test_the_console_shows_mark_owner_and_runbook_and_counts_marked_failures_too(maintenance_file: Path) -> None:
    now = timezone.now()
    window = (
        f"from = {now - timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}\nuntil = {now + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"
    )
    maintenance_file.write_text(f'[[maintenance]]\nreason = "Backup of the warehouse"\n{window}\n{OWNERS}')
    pipeline = create_northwind_pipeline()
    add_runs(pipeline, "failed", -1, since=now)
    viewer = browser("viewer")

    board = html(viewer.get("/admin/"))
    assert tiles(board)["failing"] == tiles(board)["incidents"] == 1
    for path in (
        "/admin/",
        "/admin/console/list/failing/",
        "/admin/console/list/incidents/",
        "/admin/console/handover/",
        f"/admin/console/pipeline/{pipeline.pk}/",
    ):
        page = html(viewer.get(path))
        # "Planned maintenance" or "planned maintenance"
        for text in ("lanned maintenance", "Backup of the warehouse", "Data platform", "https://wiki.example.com/all"):
            assert text in page, (path, text)
    text = api_with_scope("read").get(f"{ROOT}/handover", headers={"accept": "text/markdown"}).content.decode()
    assert "(planned maintenance: Backup of the warehouse)" in text
    assert "(owner: Data platform)" in text
    [row] = api_with_scope("read").get(f"{ROOT}/handover").json()["failing"]
    assert (row["maintenance"], row["owner"]) == ("Backup of the warehouse", "Data platform")
    csv_response = api_with_scope("read").get(f"{ROOT}/reports/failing_now", headers={"accept": "text/csv"})
    lines = csv_response.getvalue().decode().splitlines()
    assert lines[0].endswith("maintenance,owner,runbook_url")
    metrics = api_with_scope("read").get("/metrics").content.decode()
    assert 'owner="Data platform"' in metrics
    assert "chm_pipeline_in_maintenance{" in metrics


def test_a_rule_excludes_planned_failures_only_if_it_excludes_known_ones(maintenance_file: Path) -> None:
    pipeline = create_northwind_pipeline()
    add_runs(pipeline, "failed", 1)
    scope_fields = {"pipeline": pipeline, "rule_type": "on_failure", "channel": "slack"}
    rule_with_known = AlertRule.objects.create(**scope_fields, destination="#all")
    rule_without_known = AlertRule.objects.create(**scope_fields, destination="#new", include_known=False)

    assert set(firing_rules()) == {rule_with_known.pk}
    window = {"since": MIDNIGHT, "until": MIDNIGHT + timedelta(hours=2)}
    assert [span.since for span in preview(rule_with_known, **window)] == [MIDNIGHT + timedelta(hours=1)]
    assert preview(rule_without_known, **window) == []
    firing = api_with_scope("read").get(f"{ROOT}/alert_rules/firing").json()["items"]
    assert [(row["id"], row["owner"]) for row in firing] == [(str(rule_with_known.pk), "Data platform")]
    maintenance_file.write_text(OWNERS)
    assert set(firing_rules()) == {rule_with_known.pk, rule_without_known.pk}
    assert preview(rule_without_known, **window) == preview(rule_with_known, **window)


def test_pages_work_and_mark_nothing_if_the_maintenance_file_has_faults(
    maintenance_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = create_northwind_pipeline()
    add_runs(pipeline, "failed", 1)
    maintenance_file.write_text(WEEKLY_WINDOW + '[[owners]]\nrunbook_url = "no address"')
    viewer = browser("viewer")

    for path in (
        "/admin/",
        "/admin/console/list/failing/",
        "/admin/console/handover/",
        f"/admin/console/pipeline/{pipeline.pk}/",
    ):
        page = html(viewer.get(path))
        assert "has 1 fault" in page, path
        assert "Backup of the warehouse" not in page
    assert api_with_scope("read").get(f"{ROOT}/reports/failing_now").json()["items"][0]["maintenance"] is None
    assert "owners[1].runbook_url" in caplog.text


@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati"])
def test_the_board_works_with_a_failure_at_the_begin_or_end_of_the_calendar(
    maintenance_file: Path, zone: str, moment: datetime
) -> None:
    maintenance_file.write_text(f'{WEEKLY_WINDOW}zone = "{zone}"\n')
    add_runs(create_northwind_pipeline(), "failed", 0, since=moment)

    assert tiles(html(browser("viewer").get("/admin/")))["failing"] == 1
    assert api_with_scope("read").get(f"{ROOT}/reports/failing_now").json()["items"][0]["maintenance"] is None


def test_maintenance_columns_need_two_queries_for_any_number_of_rows(maintenance_file: Path) -> None:
    for number in range(30):
        add_runs(create_northwind_pipeline(f"load {number}"), "failed", 1)
    rows = run_shape("failing_now")

    with CaptureQueriesContext(connection) as queries:
        add_maintenance_columns(rows, as_of=timezone.now())

    # One query for the times of the latest failures, one for the entries of the file that select their pipelines.
    assert len(queries) == 2
    assert {row["maintenance"] for row in rows} == {"Backup of the warehouse"}


def test_with_a_maintenance_file_the_board_needs_five_more_queries_for_any_number_of_failures(
    maintenance_file: Path, settings: Any
) -> None:
    viewer, counts = browser("viewer"), []
    html(viewer.get("/admin/"))  # fills the caches of Django
    for file, failing_count in (("", 2), (str(maintenance_file), 2), (str(maintenance_file), 20)):
        settings.CHM_MAINTENANCE_FILE = file
        for number in range(Pipeline.objects.count(), failing_count):
            add_runs(create_northwind_pipeline(f"load {number}"), "failed", 1)
        reset_queries()
        with CaptureQueriesContext(connection) as queries:
            html(viewer.get("/admin/"))
        counts.append(len(queries))

    # Two queries for the incidents, two for the failing pipelines, and one for rules that exclude known failures. Late
    # pipelines would need one more query.
    assert [count - counts[0] for count in counts] == [0, 5, 5]
