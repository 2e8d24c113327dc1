"""When a rule held: spans against a moment-by-moment reference, and the cases one can count on one's fingers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.evaluate import BEGINNING, PastRun, Span, failures_in_window, on_failure

NOON = datetime(2026, 6, 17, 12, tzinfo=UTC)
END = NOON + timedelta(hours=24)


def hour(number: float) -> datetime:
    return NOON + timedelta(hours=number)


def past(number: int, status: str, started: float | None, finished: float | None, pipeline: int = 1) -> PastRun:
    start, end = (None if moment is None else hour(moment) for moment in (started, finished))
    return PastRun(UUID(int=number), UUID(int=pipeline), status == "failed", start, end,
                   end or start or NOON)  # fmt: skip


def spans(*expected: tuple[float, float, int]) -> list[Span]:
    return [Span(hour(since), hour(until), failed) for since, until, failed in expected]


def test_on_failure_holds_from_the_failure_until_the_next_start() -> None:
    runs = [past(1, "failed", 1, 2), past(2, "success", 5, 6)]
    assert on_failure(runs, since=NOON, until=END) == spans((2, 5, 1))


def test_on_failure_holds_to_the_end_while_nothing_follows() -> None:
    assert on_failure([past(1, "failed", 1, 2)], since=NOON, until=END) == spans((2, 24, 1))


def test_what_failed_before_the_window_holds_from_its_start() -> None:
    runs = [past(1, "failed", -9, -8), past(2, "success", 5, 6)]
    assert on_failure(runs, since=NOON, until=END) == spans((0, 5, 1))


def test_an_elder_run_that_ends_later_changes_nothing() -> None:
    runs = [past(1, "failed", 1, 9), past(2, "success", 5, 6)]
    assert on_failure(runs, since=NOON, until=END) == []


def test_a_client_rule_holds_while_any_of_its_pipelines_is_failed() -> None:
    runs = [past(1, "failed", 1, 2), past(2, "success", 5, 6), past(3, "failed", 3, 4, pipeline=2)]
    assert on_failure(runs, since=NOON, until=END) == spans((2, 24, 2))


def test_failures_count_from_their_moment_until_the_window_has_passed() -> None:
    failures = [hour(1), hour(2), hour(9)]
    held = failures_in_window(failures, threshold=2, window=timedelta(hours=3), since=NOON, until=END)
    assert held == spans((2, 4, 2))


def test_failures_before_the_preview_still_count_in_it() -> None:
    failures = [hour(-1), hour(-0.5)]
    held = failures_in_window(failures, threshold=2, window=timedelta(hours=3), since=NOON, until=END)
    assert held == spans((0, 2, 2))


def test_a_failure_that_leaves_as_another_comes_does_not_count_with_it() -> None:
    failures = [hour(1), hour(4)]
    assert failures_in_window(failures, threshold=2, window=timedelta(hours=3), since=NOON, until=END) == []


def test_ten_thousand_failures_at_once_are_counted_and_not_compared() -> None:
    failures = [NOON + timedelta(seconds=number) for number in range(20_000)]

    held = failures_in_window(failures, threshold=1, window=timedelta(days=4000), since=NOON, until=END)

    assert held == [Span(NOON, END, 20_000)]


def test_a_failure_in_the_last_year_of_the_calendar_is_counted_to_the_end() -> None:
    end = datetime(9999, 12, 31, 23, tzinfo=UTC)
    since = end - timedelta(days=1)

    held = failures_in_window([since], threshold=1, window=timedelta(days=400), since=since, until=end)

    assert held == [Span(since, end, 1)]


TIMES = st.one_of(st.none(), st.integers(-5, 29))
RUNS = st.lists(
    st.tuples(st.integers(1, 2), st.sampled_from(["failed", "success", "running", "canceled"]), TIMES, TIMES),
    max_size=9,
)


def latest_failed(runs: Sequence[PastRun], moment: datetime) -> bool:
    """By the words of the definition: any pipeline whose latest run, of those begun, has failed by now."""
    for pipeline in {run.pipeline_id for run in runs}:
        begun = [run for run in runs if run.pipeline_id == pipeline and run.begins <= moment]
        if begun:
            latest = max(begun, key=lambda run: (run.started_at or BEGINNING, run.finished_at or BEGINNING, run.id))
            if latest.failed and max(latest.begins, latest.event_at) <= moment:
                return True
    return False


def holds(held: list[Span], moment: datetime) -> bool:
    return any(span.since <= moment < span.until for span in held)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(runs=RUNS)
def test_on_failure_equals_the_definition_at_every_moment(runs: list[tuple[int, str, int | None, int | None]]) -> None:
    history = [
        past(number, status, started, finished, pipeline)
        for number, (pipeline, status, started, finished) in enumerate(runs, 1)
    ]
    held = on_failure(history, since=NOON, until=END)
    for half_hour in range(48):
        moment = hour(half_hour / 2)
        assert holds(held, moment) == latest_failed(history, moment), moment
    assert all(a.until < b.since for a, b in pairwise(held))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(hours=st.lists(st.integers(-9, 23), max_size=12), threshold=st.integers(1, 4), width=st.integers(1, 9))
def test_failures_in_window_equals_the_definition_at_every_moment(hours: list[int], threshold: int, width: int) -> None:
    failures = [hour(at) for at in hours]
    window = timedelta(hours=width)
    held = failures_in_window(failures, threshold=threshold, window=window, since=NOON, until=END)
    for half_hour in range(48):
        moment = hour(half_hour / 2)
        counted = [at for at in failures if moment - window < at <= moment]
        assert holds(held, moment) == (len(counted) >= threshold), moment
    for span in held:
        touching = [at for at in failures if at < span.until and at + window > span.since]
        assert span.failed_runs == len(touching)
