"""Each definition about runs and pipelines is in one SQL fragment, and Python code agrees with it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chm_project.console.drawing.strips import StripRun, draw_strip
from chm_project.db.reporting.files import expanded, fragments
from chm_project.tests.reporting_role import query_as_reporting_role
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run
from runs.reporting.run_shapes import InvalidParameters, run_shape
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPTIONAL_HOURS = st.none() | st.integers(0, 4)


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ("the order of the latest run", "finished_at, '-infinity'::timestamptz) DESC"),
        ("which runs are decisive", "status IN ('success', 'failed')"),
        ("since when a pipeline is stale", "ingest_due_at <"),
    ],
)
def test_the_sql_of_a_definition_is_in_one_fragment(definition: str, text: str) -> None:
    folders = (Path(settings.BASE_DIR) / app for app in ("alerting", "chm_project", "ingestion", "inventory", "runs"))
    files = [file for folder in folders for file in folder.rglob("*.sql")]

    folder_names = [file.parent.name for file in files if text in file.read_text()]

    assert folder_names == ["fragments"], definition


@hypothesis_settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(times=st.lists(st.tuples(OPTIONAL_HOURS, OPTIONAL_HOURS), max_size=8), until_hour=st.integers(-1, 5))
def test_sql_and_models_agree_on_the_order_and_on_started_runs(
    times: list[tuple[int | None, int | None]], until_hour: int
) -> None:
    Run.objects.all().delete()
    pipeline = Pipeline.objects.first() or PipelineFactory.create()
    for started, finished in times:
        RunFactory.create(
            pipeline=pipeline,
            started_at=None if started is None else NOON + timedelta(hours=started),
            finished_at=None if finished is None else NOON + timedelta(hours=finished),
        )
    until = NOON + timedelta(hours=until_hour)

    sql = "SELECT r.run_id FROM reporting.runs AS r WHERE {started} ORDER BY {latest_first}"
    rows = query_as_reporting_role(expanded(sql, fragments()), {"state_at": until})

    assert [row["run_id"] for row in rows] == [run.pk for run in Run.objects.started_until(until).latest_first()]


def test_sql_and_models_agree_on_stale_pipelines() -> None:
    now = timezone.now()
    for minutes in (-1, 1, None):
        due_at = None if minutes is None else now + timedelta(minutes=minutes)
        PipelineFactory.create(ingest_due_at=due_at)

    rows = query_as_reporting_role(
        expanded("SELECT p.pipeline_id FROM reporting.pipelines AS p WHERE {stale}", fragments()), {"as_of": now}
    )

    stale = [pipeline.pk for pipeline in Pipeline.objects.all() if pipeline.stale_since(now)]
    assert [row["pipeline_id"] for row in rows] == stale
    assert len(stale) == 1


def test_a_fragment_can_use_another_time_parameter() -> None:
    assert "%(since)s" in expanded("{decisive@since}", fragments())
    assert "%(state_at)s" not in expanded("{decisive@since}", fragments())


def test_drawing_an_unknown_status_raises_an_error() -> None:
    strip_run = StripRun(RunFactory.create().pk, "exploded", NOON, 60)
    with pytest.raises(ValueError, match="exploded"):
        draw_strip([strip_run])


STATUSES_BY_PIPELINE = {
    "broken": ["failed"] * 5,
    "flaky": ["failed", "success", "failed"],
    "recovers": ["failed", "failed", "failed", "failed", "success"],
    "fails once": ["success"] * 5 + ["failed"],
}


def test_flaky_pipelines_can_be_ordered_by_failures_or_by_flips() -> None:
    for name, statuses in STATUSES_BY_PIPELINE.items():
        pipeline = PipelineFactory.create(name=name)
        for hour, status in enumerate(statuses):
            event_at = NOON + timedelta(hours=hour)
            RunFactory.create(pipeline=pipeline, status=status, started_at=event_at, finished_at=event_at)

    def flaky(**parameters: Any) -> list[tuple[str, str, int]]:
        rows = run_shape("top_flaky_pipelines", as_of=NOON + timedelta(days=1), **parameters)
        return [(row["pipeline_name"], row["kind"], row["flips"]) for row in rows]

    by_failures = [("broken", "broken", 0), ("recovers", "rare", 1), ("flaky", "flaky", 2), ("fails once", "rare", 1)]
    by_flips = [("flaky", "flaky", 2), ("recovers", "rare", 1), ("fails once", "rare", 1), ("broken", "broken", 0)]
    assert flaky() == flaky(order="failures") == by_failures
    assert flaky(order="flips") == by_flips
    # The order decides which pipelines are within the limit.
    for limit in range(1, 5):
        assert flaky(order="flips", limit=limit) == by_flips[:limit]
        assert flaky(limit=limit) == by_failures[:limit]


@pytest.mark.parametrize("since", [NOON, NOON + timedelta(hours=1)])
def test_changes_since_yesterday_refuses_a_since_that_is_not_before_as_of(since: datetime) -> None:
    with pytest.raises(InvalidParameters, match="since: This must be before as_of"):
        run_shape("changes_since_yesterday", since=since, as_of=NOON)
