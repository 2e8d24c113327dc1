"""The list of changes since a preset or since a time that the user enters, and the board of a past moment."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client as Browser

from chm_project.console.pages.board_scope import read_scope
from chm_project.tests.api import ROOT, api_with_scope
from chm_project.tests.pages import browser, html, tables
from inventory.models import Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

FRIDAY_EVENING = datetime(2026, 6, 12, 18, tzinfo=UTC)
MONDAY_MORNING = datetime(2026, 6, 15, 8, tzinfo=UTC)
# Each run is (status, day of June, hour of the start, hour of the end). The end 99 means that the run has not ended.
WEEKEND: dict[str, list[tuple[str, int, float, float]]] = {
    "broke on Saturday": [("success", 12, 6, 7), ("failed", 13, 6, 7), ("failed", 14, 6, 7)],
    "broke, and is being retried": [("success", 12, 6, 7), ("failed", 14, 6, 7), ("running", 15, 7, 99)],
    "broke, then was skipped": [("success", 12, 6, 7), ("failed", 13, 6, 7), ("skipped", 14, 6, 7)],
    "recovered on Sunday": [("failed", 12, 6, 7), ("failed", 13, 6, 7), ("success", 14, 6, 7)],
    "broke and recovered": [("success", 12, 6, 7), ("failed", 13, 6, 7), ("success", 14, 6, 7)],
    "fails for weeks, hourly": [("failed", day, hour, hour + 0.5) for day in (11, 12, 13, 14) for hour in range(24)],
    "fine": [("success", 12, 6, 7), ("success", 13, 6, 7)],
    "fine on Friday at 18:00 to the second": [("failed", 12, 6, 7), ("success", 12, 17, 18)],
    "started on Friday, failed after 18:00": [("success", 12, 6, 7), ("failed", 12, 17, 18.5)],
    "failed after Monday 8:00": [("success", 12, 6, 7), ("failed", 15, 7, 8.5)],
    "first ran on Saturday": [("success", 13, 6, 7)],
    "first failed on Sunday": [("failed", 14, 6, 7)],
    "only canceled": [("canceled", 13, 6, 7)],
}


def june(day: int, hour: float) -> datetime:
    return datetime(2026, 6, day, int(hour), round(hour % 1 * 60), tzinfo=UTC)


@pytest.fixture
def weekend() -> None:
    client = ClientFactory.create(name="Acme")
    for name, runs in WEEKEND.items():
        pipeline = PipelineFactory.create(client=client, name=name)
        for status, day, start, end in runs:
            RunFactory.create(
                pipeline=pipeline, status=status, started_at=june(day, start),
                finished_at=None if end == 99 else june(day, end),
            )  # fmt: skip


@pytest.fixture
def viewer() -> Browser:
    return browser("viewer")


def changes_from_runs() -> list[tuple[str, str | None, str, str, datetime]]:
    """Return the changes from FRIDAY_EVENING to MONDAY_MORNING, computed from the runs, in the order of the report."""
    changes = []
    for pipeline in Pipeline.objects.all():
        decisive_runs = [run for run in Run.objects.filter(pipeline=pipeline) if run.status in {"success", "failed"}]
        decisive_runs.sort(key=lambda run: run.started_at or MONDAY_MORNING)

        def status_at(moment: datetime, runs: list[Run] = decisive_runs) -> str | None:
            statuses = [run.status for run in runs if run.finished_at and run.finished_at <= moment]
            return statuses[-1] if statuses else None

        then, now = status_at(FRIDAY_EVENING), status_at(MONDAY_MORNING)
        if now is None or now == then:
            continue
        change = {("success", "failed"): "newly_failing", ("failed", "success"): "recovered"}.get(
            (str(then), now), "first_failure" if now == "failed" else "first_success"
        )
        since = None
        for run in decisive_runs:
            if run.finished_at is not None and run.finished_at <= MONDAY_MORNING:
                since = None if run.status != now else since or run.finished_at
        assert since is not None
        changes.append((pipeline.name, then, now, change, since))
    change_order = ["newly_failing", "recovered", "first_failure", "first_success"]
    return sorted(changes, key=lambda row: (change_order.index(row[3]), -row[4].timestamp(), row[0]))


def test_changes_since_friday_evening_equal_changes_computed_from_raw_runs(weekend: None, viewer: Browser) -> None:
    expected = changes_from_runs()
    assert [(name, change) for name, _, _, change, _ in expected] == [
        ("broke, and is being retried", "newly_failing"),
        ("broke on Saturday", "newly_failing"),
        ("broke, then was skipped", "newly_failing"),
        ("started on Friday, failed after 18:00", "newly_failing"),
        ("recovered on Sunday", "recovered"),
        ("first failed on Sunday", "first_failure"),
        ("first ran on Saturday", "first_success"),
    ]

    items: list[dict[str, Any]] = (
        api_with_scope("read")
        .get(f"{ROOT}/reports/changes_since_yesterday?since=2026-06-12T18:00:00Z&as_of=2026-06-15T08:00:00Z")
        .json()["items"]
    )
    assert [
        (row["pipeline_name"], row["status_then"], row["status_now"], row["change"], row["changed_at"]) for row in items
    ] == [(*row[:4], f"{row[4]:%Y-%m-%dT%H:%M:%SZ}") for row in expected]

    for query in (
        "since=working_evening&as_of=2026-06-15T08:00",
        "since=2026-06-12T18:00&as_of=2026-06-15T08:00",
        "since=custom&since_time=2026-06-12T20:00&as_of=2026-06-15T10:00&zone=Europe/Berlin",
    ):
        page = html(viewer.get(f"/admin/?{query}"))
        assert "This board shows the past" in page
        assert 'Since <time datetime="2026-06-12T18:00:00Z"' in page
        shown = tables(html(viewer.get(f"/admin/console/list/changed/?{query}")))["changed"]
        assert [(row[0].split(" Acme ")[0], row[4]) for row in shown] == [
            (name, change.replace("_", " ")) for name, _, _, change, _ in expected
        ]
        assert tables(page)["changed"] == shown


@pytest.mark.parametrize(
    ("query", "now", "expected"),
    [
        pytest.param("", "2026-06-15T08:00", "2026-06-14T08:00", id="without a preset, 24 hours"),
        pytest.param("since=24h", "2026-06-15T08:00", "2026-06-14T08:00", id="24 hours"),
        pytest.param("since=yesterday", "2026-06-15T08:00", "2026-06-14T18:00", id="yesterday evening"),
        pytest.param("since=working_evening", "2026-06-15T08:00", "2026-06-12T18:00", id="Monday: Friday evening"),
        pytest.param("since=working_evening", "2026-06-14T08:00", "2026-06-12T18:00", id="Sunday: Friday evening"),
        pytest.param("since=working_evening", "2026-06-16T08:00", "2026-06-15T18:00", id="Tuesday: Monday evening"),
        pytest.param(
            "since=yesterday&zone=America/New_York", "2026-03-08T14:00", "2026-03-07T23:00", id="before clocks change"
        ),
        pytest.param("since=2026-06-01T00:00Z", "2026-06-15T08:00", "2026-06-01T00:00", id="a time"),
    ],
)
def test_a_preset_is_evaluated_in_the_zone_of_the_url(query: str, now: str, expected: str) -> None:
    scope = read_scope(dict(part.split("=") for part in query.split("&") if part))

    moment = scope.compared_since(datetime.fromisoformat(f"{now}+00:00"))

    assert f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}" == expected


def test_links_of_the_board_keep_since_as_of_and_zone(weekend: None, viewer: Browser) -> None:
    query = "since=working_evening&as_of=2026-06-15T08%3A00&zone=Europe%2FBerlin"

    page = html(viewer.get(f"/admin/?{query}"))

    assert f'href="/admin/console/list/changed/?{query.replace("&", "&amp;")}"' in page
    assert "data-refresh" not in page
    assert 'data-refresh="60"' in html(viewer.get("/admin/"))


@pytest.mark.parametrize(
    "query",
    ["since=whenever", "since=custom&since_time=12", "as_of=soon", "since=yesterday&zone=Mars/Olympus",
     "since=2026-06-15T08:00&as_of=2026-06-15T08:00", "as_of=9999-99-99",
     # Times in the years 1 and 9999. For some of them, Python cannot represent the day before or the time in the zone.
     "as_of=0001-01-01T12:00", "as_of=0001-01-07T12:00&since=working_evening",
     "as_of=9999-12-31T23:59Z&zone=Asia/Tokyo", "since=0001-01-01T00:00Z&zone=America/New_York"],
)  # fmt: skip
def test_an_invalid_time_or_zone_is_answered_with_404(viewer: Browser, query: str) -> None:
    for path in ("/admin/", "/admin/console/list/changed/"):
        assert viewer.get(f"{path}?{query}").status_code == 404


def test_a_run_list_until_a_time_that_does_not_exist_in_the_zone_is_answered_with_400(viewer: Browser) -> None:
    assert viewer.get("/admin/runs/run/?until=9999-12-31T23:59Z&zone=Asia/Tokyo").status_code == 400


@pytest.mark.parametrize("as_of", ["0002-01-01T00:00", "9998-12-31T23:59"])
def test_the_first_and_last_days_that_are_allowed_have_a_board(viewer: Browser, as_of: str) -> None:
    for path in ("/admin/", "/admin/console/list/failing/"):
        assert viewer.get(f"{path}?as_of={as_of}").status_code == 200
