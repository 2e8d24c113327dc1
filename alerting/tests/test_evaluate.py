"""The spans in which a rule fired: small cases, and random cases whose result is compared with the definition."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.evaluate import Span, spans_on_failure, spans_with_failures_in_window

NOON = datetime(2026, 6, 17, 12, tzinfo=UTC)
END = NOON + timedelta(hours=24)


def hours_after_noon(number: float) -> datetime:
    return NOON + timedelta(hours=number)


def spans(*expected: tuple[float, float, int]) -> list[Span]:
    return [Span(hours_after_noon(since), hours_after_noon(until), failed) for since, until, failed in expected]


def test_on_failure_fires_from_a_failure_until_another_run_replaces_it() -> None:
    assert spans_on_failure([(hours_after_noon(2), hours_after_noon(5))], since=NOON, until=END) == spans((2, 5, 1))


def test_on_failure_fires_until_the_end_of_the_window_if_no_run_follows() -> None:
    assert spans_on_failure([(hours_after_noon(2), None)], since=NOON, until=END) == spans((2, 24, 1))


def test_on_failure_fires_from_the_start_of_the_window_if_the_pipeline_failed_before_it() -> None:
    assert spans_on_failure([(hours_after_noon(-8), hours_after_noon(5))], since=NOON, until=END) == spans((0, 5, 1))


def test_consecutive_failures_are_one_span() -> None:
    assert spans_on_failure(
        [(hours_after_noon(2), hours_after_noon(5)), (hours_after_noon(5), hours_after_noon(7))], since=NOON, until=END
    ) == spans((2, 7, 2))


def test_a_rule_of_a_client_fires_while_any_of_its_pipelines_is_failing() -> None:
    assert spans_on_failure(
        [(hours_after_noon(2), hours_after_noon(5)), (hours_after_noon(4), None)], since=NOON, until=END
    ) == spans((2, 24, 2))


def test_a_failure_counts_until_the_window_has_passed() -> None:
    failures = [(hours_after_noon(number), None) for number in (1, 2, 9)]
    fired = spans_with_failures_in_window(failures, threshold=2, window=timedelta(hours=3), since=NOON, until=END)
    assert fired == spans((2, 4, 2))


def test_failures_before_since_still_count_for_the_length_of_the_window() -> None:
    failures = [(hours_after_noon(number), None) for number in (-1, -0.5)]
    fired = spans_with_failures_in_window(failures, threshold=2, window=timedelta(hours=3), since=NOON, until=END)
    assert fired == spans((0, 2, 2))


def test_two_failures_that_are_one_whole_window_apart_do_not_count_together() -> None:
    failures = [(hours_after_noon(number), None) for number in (1, 4)]
    assert spans_with_failures_in_window(failures, threshold=2, window=timedelta(hours=3), since=NOON, until=END) == []


def test_twenty_thousand_failures_make_one_span() -> None:
    failures = [(NOON + timedelta(seconds=number), None) for number in range(20_000)]

    fired = spans_with_failures_in_window(failures, threshold=1, window=timedelta(days=4000), since=NOON, until=END)

    assert fired == [Span(NOON, END, 20_000)]


def test_a_failure_on_the_last_day_of_the_year_9999_counts_until_the_end() -> None:
    end = datetime(9999, 12, 31, 23, tzinfo=UTC)
    since = end - timedelta(days=1)

    fired = spans_with_failures_in_window(
        [(since, None)], threshold=1, window=timedelta(days=400), since=since, until=end
    )

    assert fired == [Span(since, end, 1)]


def fires_at(fired: list[Span], moment: datetime) -> bool:
    return any(span.since <= moment < span.until for span in fired)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(failures=st.lists(st.tuples(st.integers(-5, 29), st.none() | st.integers(0, 9)), max_size=9))
def test_on_failure_equals_its_definition_at_each_half_hour(failures: list[tuple[int, int | None]]) -> None:
    failed = [
        (hours_after_noon(start), None if duration is None else hours_after_noon(start + duration))
        for start, duration in failures
    ]
    fired = spans_on_failure(failed, since=NOON, until=END)
    for half_hour in range(48):
        moment = hours_after_noon(half_hour / 2)
        expected = any(start <= moment and (end is None or moment < end) for start, end in failed)
        assert fires_at(fired, moment) == expected, moment
    assert all(a.until < b.since for a, b in pairwise(fired))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    hours=st.lists(st.tuples(st.integers(-9, 23), st.none() | st.integers(-2, 9)), max_size=12),
    threshold=st.integers(1, 4),
    window_hours=st.integers(1, 9),
)
def test_failures_in_window_equals_its_definition_at_each_half_hour(
    hours: list[tuple[int, int | None]], threshold: int, window_hours: int
) -> None:
    failures = [
        (hours_after_noon(start), None if hours_counted is None else hours_after_noon(start + hours_counted))
        for start, hours_counted in hours
    ]
    window = timedelta(hours=window_hours)
    fired = spans_with_failures_in_window(failures, threshold=threshold, window=window, since=NOON, until=END)
    for half_hour in range(48):
        moment = hours_after_noon(half_hour / 2)
        counted = [
            failed_at
            for failed_at, counts_until in failures
            if moment - window < failed_at <= moment and (counts_until is None or moment < counts_until)
        ]
        assert fires_at(fired, moment) == (len(counted) >= threshold), moment
    for span in fired:
        overlapping_failures = [
            failed_at
            for failed_at, end in ((start, min(start + window, until or END)) for start, until in failures)
            if failed_at < span.until and end > span.since and failed_at < end
        ]
        assert span.failed_runs == len(overlapping_failures)
