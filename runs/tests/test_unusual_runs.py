"""The shape unusual_runs finds the unusual runs that the tests create.

It lists at most one percent of the successes of a synthetic year.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from chm_project.tests.pages import browser, html, tables
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run
from runs.reporting.run_shapes import run_shape

pytestmark = pytest.mark.django_db

# A Wednesday noon.
NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)
MAX_FALSE_ALARM_SHARE = 0.01
# The duration in seconds and the number of rows of one run.
SecondsAndRows = tuple[int, int | None]


def usual_run(number: int) -> SecondsAndRows:
    """Return 500 to 700 seconds and 8,000 to 12,000 rows, different for each number."""
    return 500 + number * 61 % 200, 8_000 + number * 1_237 % 4_000


def create_pipeline(
    name: str, runs: Sequence[SecondsAndRows], *, hours_between_runs: float = 24, status: str = "success"
) -> Pipeline:
    """Create a pipeline with a run every `hours_between_runs` hours. The last run ended an hour before NOW."""
    pipeline = PipelineFactory.create(client__name=f"Client of {name}", name=name)
    Run.objects.bulk_create(
        Run(
            pipeline=pipeline, external_run_id=str(place), status=status, duration_seconds=seconds,
            rows_processed=rows, finished_at=ended_at, started_at=ended_at - timedelta(seconds=seconds),
        )
        for place, (seconds, rows) in enumerate(reversed(runs))
        for ended_at in [NOW - timedelta(hours=1 + place * hours_between_runs)]
    )  # fmt: skip
    return pipeline


USUAL_RUNS = [usual_run(number) for number in range(40)]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        pytest.param([*USUAL_RUNS, (3_000, 10_000)], "slow", id="five times as long"),
        pytest.param([*USUAL_RUNS, (100, 10_000)], "quick", id="a sixth of the time"),
        pytest.param([*USUAL_RUNS, (600, 60_000)], "many rows", id="six times the rows"),
        pytest.param([*USUAL_RUNS, (600, 900)], "few rows", id="a tenth of the rows"),
        pytest.param([*USUAL_RUNS, (600, 0)], "no rows", id="no rows, where every run had some"),
        pytest.param([*USUAL_RUNS, (20, 0)], "quick, no rows", id="quick, because it processed no rows"),
        pytest.param([*USUAL_RUNS, (5_000, 10_000), (5_000, 10_000)], "slow", id="the run before was slow too"),
        pytest.param([*USUAL_RUNS, (600, 0), (600, 0)], "no rows", id="no rows, and one run before had none"),
        pytest.param([(600, None)] * 20 + [(3_000, None)], "slow", id="number of rows unknown"),
        pytest.param([(600, 3)] * 20 + [(600, 0)], "no rows", id="no rows, where every run had three"),
        pytest.param([*USUAL_RUNS, (700, 12_500)], None, id="slightly above the usual range"),
        pytest.param([*USUAL_RUNS, (1_000, 17_000)], None, id="less than twice the median"),
        pytest.param([(5, 100)] * 20 + [(50, 100)], None, id="ten times as long, but only 45 seconds longer"),
        pytest.param([(600, 2)] * 20 + [(600, 9)], None, id="four times the rows, but only 7 more"),
        pytest.param([*USUAL_RUNS[:9], (3_000, 10_000)], None, id="too few successes"),
        pytest.param([*USUAL_RUNS, (600, 0), (600, 0), (600, 0)], None, id="no rows, and two runs before had none"),
        pytest.param([(600, 10 ** (number % 5 + 1)) for number in range(40)] + [(600, 200_000)], None, id="rows vary"),
    ],
)  # fmt: skip
def test_an_unusual_run_is_listed_and_a_usual_run_is_not(runs: list[SecondsAndRows], expected: str | None) -> None:
    pipeline = create_pipeline("with an unusual run", runs)

    rows = run_shape("unusual_runs", as_of=NOW)

    assert [row["unusual"] for row in rows] == ([expected] if expected else [])
    if rows:
        newest = Run.objects.filter(pipeline=pipeline).latest("finished_at")
        assert (rows[0]["run_id"], rows[0]["duration_seconds"]) == (newest.pk, runs[-1][0])
        assert 500 <= rows[0]["usual_duration_seconds"] <= 700


def test_a_run_that_is_usual_at_its_time_of_the_week_is_not_listed() -> None:
    """On Wednesdays, runs take seven times as long as on other days.

    So only a run that takes 20 times as long is listed.
    """
    weeks = [(4_200 if day % 7 == 6 else 600, 10_000) for day in range(56)]
    create_pipeline("as each week", weeks)
    create_pipeline("more than each week", [*weeks[:-1], (12_000, 10_000)])

    assert [row["pipeline_name"] for row in run_shape("unusual_runs", as_of=NOW)] == ["more than each week"]


def test_only_successes_are_listed() -> None:
    pipeline = create_pipeline("fails", [*USUAL_RUNS, (3_000, 10_000)])
    Run.objects.filter(pipeline=pipeline, external_run_id="0").update(status="failed")

    assert run_shape("unusual_runs", as_of=NOW) == []


@pytest.mark.django_db(transaction=True)
def test_at_most_one_percent_of_a_synthetic_year_is_called_unusual(capsys: pytest.CaptureFixture[str]) -> None:
    """Count each listed run as a false alarm, although one percent of the runs take eight times as long as usual."""
    call_command("generate_history", clients=4, pipelines=60, runs=60_000, days=365, until=NOW, verbosity=0)
    days = [NOW - timedelta(days=ago) for ago in range(0, 300, 6)]

    last_month = [NOW - timedelta(days=ago) for ago in range(30)]
    of_each_day = [row for day in last_month for row in run_shape("unusual_runs", as_of=day, limit=1000)]
    since = NOW - timedelta(days=30)
    of_the_month = run_shape("unusual_runs", as_of=NOW, since=since, limit=1000)
    assert len(of_each_day) > 3
    assert of_the_month == of_each_day, "a long window lists the same runs as its days"
    assert run_shape("unusual_runs", as_of=NOW, since=since, limit=3) == of_each_day[:3]

    listed = successes = 0
    for day in days:
        listed += len(run_shape("unusual_runs", as_of=day))
        since = day - timedelta(days=1)
        successes += Run.objects.filter(status="success", event_at__gte=since, event_at__lt=day).count()

    with capsys.disabled():
        sys.stdout.write(
            f"\nunusual: {listed} of {successes} successes, {listed / successes:.2%}, in {len(days)} days of a year\n"
        )
    assert successes > 5_000
    assert listed <= MAX_FALSE_ALARM_SHARE * successes


def test_the_console_lists_unusual_successes_within_the_filters() -> None:
    create_pipeline("with an unusual run", [*USUAL_RUNS, (3_000, 10_000)])
    viewer = browser("viewer")

    page = html(viewer.get("/admin/console/list/unusual/?as_of=2026-06-17T12:00"))

    [row] = tables(page)["unusual"]
    assert "with an unusual run" in row[0]
    assert row[2].startswith("2026-06-17T11:00:00Z")
    assert row[3] == "slow"
    assert 'href="/admin/console/list/unusual/"' in html(viewer.get("/admin/"))
    assert "unusual" not in tables(html(viewer.get("/admin/?as_of=2026-06-17T12:00"))), (
        "the board does not run this shape"
    )
