"""A failure can be marked as known. The mark ends with a success, at its end time, or with another error."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from alerting.models import AlertRule
from alerting.services import firing_rules, preview
from chm_project.tests.api import ROOT, api_with_scope, assert_error
from chm_project.tests.pages import browser, html, tables, tiles
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.events import RunEvent
from runs.known_failures import NotFailing, clear_known_failure, mark_known_failure
from runs.models import Run
from runs.reporting.run_shapes import run_shape
from runs.services import record_runs
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 6, 17, 12, tzinfo=UTC)
DISK_ERROR, QUOTA_ERROR = "disk full on node 7", "quota of project 12 exceeded"


def record_run(
    pipeline: Pipeline, external_run_id: str, status: str, hour: int, error_message: str | None = None, version: int = 0
) -> None:
    """Record a run that started and ended `hour` hours after NOON. A higher version of the run replaces a lower one."""
    run_at = NOON + timedelta(hours=hour)
    record_runs(
        [
            RunEvent(
                pipeline_id=pipeline.pk, external_run_id=external_run_id, status=status, started_at=run_at.isoformat(),
                finished_at=None if status == "running" else run_at.isoformat(), error_message=error_message,
                source_updated_at=(run_at + timedelta(minutes=version)).isoformat(),
            )
        ]
    )  # fmt: skip


def failure_state(pipeline: Pipeline, as_of: datetime | None = None) -> str:
    rows = {row["pipeline_id"]: row for row in run_shape("failing_now", as_of=as_of)}
    if pipeline.pk not in rows:
        return "not failing"
    return "known" if rows[pipeline.pk]["known"] else "new"


RunVersion = tuple[str, str, int, str | None, int]


@pytest.mark.parametrize(
    ("run_versions", "expected"),
    [
        pytest.param([], "known", id="mark"),
        pytest.param([("b", "running", 1, None, 0)], "known", id="retry that runs"),
        pytest.param([("b", "running", 1, None, 0), ("b", "failed", 1, "disk full on node 9", 5)], "known",
                     id="retry that fails with the same error"),
        pytest.param([("b", "success", 1, None, 0)], "not failing", id="success"),
        pytest.param([("b", "success", 1, None, 0), ("c", "failed", 2, DISK_ERROR, 0)], "new",
                     id="failure after a success"),
        pytest.param([("b", "failed", 1, QUOTA_ERROR, 0)], "new", id="new error"),
        pytest.param([("b", "failed", 1, QUOTA_ERROR, 0), ("c", "failed", 2, DISK_ERROR, 0)], "new",
                     id="the old error after a new one"),
        pytest.param([("b", "canceled", 1, None, 0), ("c", "skipped", 2, None, 0)], "known", id="canceled and skipped"),
        pytest.param([("0", "success", -1, None, 0)], "known", id="late data: an older success"),
        pytest.param([("0", "failed", -1, QUOTA_ERROR, 0)], "known",
                     id="late data: an older failure for another cause"),
        pytest.param([("c", "failed", 2, DISK_ERROR, 0), ("b", "success", 1, None, 0)], "new",
                     id="late data: a success between two failures"),
        pytest.param([("a", "failed", 0, DISK_ERROR, 0)], "known", id="replay"),
        pytest.param([("a", "running", 0, None, 1)], "not failing", id="the marked run is cleared"),
        pytest.param([("a", "running", 0, None, 1), ("a", "failed", 0, DISK_ERROR, 2)], "known",
                     id="the marked run is cleared and fails with the same error"),
        pytest.param([("a", "success", 0, None, 3), ("b", "failed", 1, DISK_ERROR, 0)], "new",
                     id="the marked run succeeds on retry, and a later one fails"),
    ],
)  # fmt: skip
def test_whether_a_failure_is_known_does_not_depend_on_the_order_of_the_runs(
    run_versions: list[RunVersion], expected: str
) -> None:
    for order in permutations(run_versions):
        pipeline = PipelineFactory.create()
        record_run(pipeline, "a", "failed", 0, DISK_ERROR)
        mark_known_failure(pipeline=pipeline, reason="ticket 123")
        for run, status, hour, text, version in order:
            record_run(pipeline, run, status, hour, text, version)
        for run, status, hour, text, version in run_versions:  # all runs once more
            record_run(pipeline, run, status, hour, text, version)

        assert failure_state(pipeline) == expected, order


def test_a_failure_is_not_known_after_the_end_time_of_its_mark() -> None:
    run = RunFactory.create(status="failed", error_message=DISK_ERROR)
    until = timezone.now() + timedelta(days=2)
    mark_known_failure(pipeline=run.pipeline, reason="until Monday", until=until)

    assert failure_state(run.pipeline, until - timedelta(seconds=1)) == "known"
    assert failure_state(run.pipeline, until) == "new"


def test_a_report_of_an_earlier_time_shows_the_failure_as_new() -> None:
    run = RunFactory.create(status="failed", error_message=DISK_ERROR, started_at=NOON, finished_at=NOON)
    Run.objects.update(created_at=NOON)
    mark_known_failure(pipeline=run.pipeline, reason="ticket 123")

    assert failure_state(run.pipeline, NOON + timedelta(minutes=1)) == "new"


def test_a_mark_whose_run_was_pruned_stays_until_a_success() -> None:
    pipeline = PipelineFactory.create()
    record_run(pipeline, "a", "failed", 0, DISK_ERROR)
    mark_known_failure(pipeline=pipeline, reason="ticket 123")
    Run.objects.all().delete()
    failed_at = timezone.now() + timedelta(minutes=1)
    RunFactory.create(
        pipeline=pipeline, status="failed", error_message=DISK_ERROR, started_at=failed_at, finished_at=failed_at
    )
    assert failure_state(pipeline) == "known"

    succeeded_at = failed_at - timedelta(seconds=30)
    RunFactory.create(pipeline=pipeline, status="success", started_at=succeeded_at, finished_at=succeeded_at)

    assert failure_state(pipeline) == "new"


def test_only_a_failing_pipeline_can_be_marked() -> None:
    run = RunFactory.create(status="success")

    with pytest.raises(NotFailing):
        mark_known_failure(pipeline=run.pipeline, reason="?")


def test_removing_a_mark_returns_whether_there_was_one() -> None:
    run = RunFactory.create(status="failed", error_message=DISK_ERROR)
    mark_known_failure(pipeline=run.pipeline, reason="ticket 123")

    assert [clear_known_failure(pipeline=run.pipeline), clear_known_failure(pipeline=run.pipeline)] == [True, False]
    assert failure_state(run.pipeline) == "new"


def test_the_api_sets_and_removes_a_mark_and_the_admin_log_shows_both() -> None:
    run = RunFactory.create(status="failed", error_message=DISK_ERROR)
    api, path = api_with_scope("write"), f"{ROOT}/pipelines/{run.pipeline_id}/known_failure"

    response = api.post(
        path, {"reason": "ticket 123", "ticket_url": "https://tickets.example/123", "until": "2099-01-01T00:00:00Z"}
    )

    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    [row] = run_shape("failing_now")
    assert (body["run_id"], body["incident"]) == (str(run.pk), row["incident"])
    assert (row["known"], row["known_reason"], row["known_ticket_url"]) == (
        True, "ticket 123", "https://tickets.example/123",
    )  # fmt: skip
    assert [row["known"] for row in run_shape("incidents")] == [1]
    assert api.delete(path).status_code == 204
    assert failure_state(run.pipeline) == "new"
    entries = LogEntry.objects.filter(object_id=str(run.pipeline_id))
    assert [entry.get_change_message() for entry in entries] == ["Changed known failure."] * 2


@pytest.mark.parametrize(
    ("body", "invalid_fields"),
    [
        ({}, {"reason"}),
        ({"reason": "  "}, {"reason"}),
        ({"reason": "x", "ticket_url": "javascript:alert(1)"}, {"ticket_url"}),
        ({"reason": "x", "until": "2020-01-01T00:00:00Z"}, {"until"}),
        ({"reason": "x", "unknown": 1}, {"unknown"}),
    ],
)
def test_a_mark_without_a_reason_or_with_a_past_end_is_refused(body: dict[str, Any], invalid_fields: set[str]) -> None:
    run = RunFactory.create(status="failed")

    response = api_with_scope("write").post(f"{ROOT}/pipelines/{run.pipeline_id}/known_failure", body)

    assert set(assert_error(response, 400, "validation_error")) == invalid_fields


def test_the_board_shows_new_failures_above_known_ones_and_counts_both() -> None:
    known_pipeline = RunFactory.create(
        status="failed", pipeline__name="old", error_message=DISK_ERROR, finished_at=NOON
    ).pipeline
    RunFactory.create(status="failed", pipeline__name="fresh", error_message=QUOTA_ERROR)
    mark_known_failure(pipeline=known_pipeline, reason="we know, ticket 123")

    board = html(browser("viewer").get("/admin/"))

    assert board.index('id="failing"') < board.index('id="known"') < board.index('id="late"')
    assert [row[0].split()[0] for row in tables(board)["failing"]] == ["fresh"]
    assert [row[0].split()[0] for row in tables(board)["known"]] == ["old"]
    assert (tiles(board)["failing"], tiles(board)["known"]) == (1, 1)
    assert "we know, ticket 123" in tables(board)["known"][0][5]


def test_an_analyst_can_set_and_remove_a_mark_on_the_page_and_a_viewer_cannot() -> None:
    pipeline = RunFactory.create(status="failed", error_message=DISK_ERROR).pipeline
    page, path = f"/admin/console/pipeline/{pipeline.pk}/", f"/admin/console/pipeline/{pipeline.pk}/known/"
    analyst, viewer = browser("analyst"), browser("viewer")

    analyst.post(path, {"reason": "ticket 123", "until": "2099-01-01T10:00", "ticket_url": ""})

    assert failure_state(pipeline) == "known"
    assert Pipeline.objects.get().known_until == datetime(2099, 1, 1, 10, tzinfo=UTC)
    assert "ticket 123" in html(viewer.get(page))
    assert "Mark as known" not in html(viewer.get(page))
    assert viewer.post(path, {"clear": "1"}).status_code == 403
    analyst.post(path, {"clear": "1", "reason": ""})
    assert failure_state(pipeline) == "new"


@pytest.mark.parametrize("scope", ["pipeline", "client"])
@pytest.mark.parametrize(
    "condition", [{"rule_type": "on_failure"}, {"rule_type": "failures_in_window", "threshold": 1, "window_minutes": 9}]
)
def test_a_rule_fires_for_known_failures_unless_it_excludes_them(scope: str, condition: dict[str, Any]) -> None:
    pipeline = RunFactory.create(status="failed", error_message=DISK_ERROR, finished_at=timezone.now()).pipeline
    scope_fields = {"pipeline": pipeline} if scope == "pipeline" else {"client": pipeline.client}
    rule_with_known = AlertRule.objects.create(**scope_fields, **condition, channel="slack", destination="#all")
    rule_without_known = AlertRule.objects.create(
        **scope_fields, **condition, channel="slack", destination="#new", include_known=False
    )
    assert set(firing_rules()) == {rule_with_known.pk, rule_without_known.pk}

    mark_known_failure(pipeline=pipeline, reason="ticket 123")

    assert set(firing_rules()) == {rule_with_known.pk}


@pytest.mark.parametrize("scope", ["pipeline", "client"])
@pytest.mark.parametrize(
    "condition",
    [{"rule_type": "on_failure"}, {"rule_type": "failures_in_window", "threshold": 1, "window_minutes": 300}],
    ids=["on_failure", "failures_in_window"],
)
def test_the_preview_of_a_rule_that_excludes_known_failures_ends_with_the_mark(
    scope: str, condition: dict[str, Any]
) -> None:
    now = timezone.now()
    failed_at, marked_at = now - timedelta(hours=3), now - timedelta(hours=2)
    pipeline = RunFactory.create(
        status="failed", error_message=DISK_ERROR, started_at=failed_at, finished_at=failed_at
    ).pipeline
    failed_again_at = now - timedelta(hours=1)
    RunFactory.create(
        pipeline=pipeline, status="failed", error_message=DISK_ERROR, started_at=failed_again_at,
        finished_at=failed_again_at,
    )  # fmt: skip
    mark_known_failure(pipeline=pipeline, reason="ticket 123")
    Pipeline.objects.update(known_since=marked_at)
    scope_fields = {"pipeline": pipeline} if scope == "pipeline" else {"client": pipeline.client}
    rule_with_known, rule_without_known = (
        AlertRule.objects.create(
            **scope_fields, **condition, channel="slack", destination=destination, include_known=include_known
        )
        for destination, include_known in (("#all", True), ("#new", False))
    )

    def previewed_times(rule: AlertRule) -> list[tuple[datetime, datetime]]:
        return [(span.since, span.until) for span in preview(rule, since=now - timedelta(days=1), until=now)]

    assert previewed_times(rule_with_known) == [(failed_at, now)]
    assert previewed_times(rule_without_known) == [(failed_at, marked_at)]
    assert set(firing_rules()) == {rule_with_known.pk}
    viewer = browser("viewer")
    pages = {
        rule: html(viewer.get(f"/admin/alerting/alertrule/{rule.pk}/change/"))
        for rule in (rule_with_known, rule_without_known)
    }
    assert "fires now" in pages[rule_with_known]
    assert "fires now" not in pages[rule_without_known]
