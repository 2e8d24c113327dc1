"""Compare previews and firing rules of stored runs with a simple implementation of their definitions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerting.models import AlertRule
from alerting.services import firing_rules, preview, previews
from inventory.models import Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEFORE_ALL_TIMES = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class WatchedInventory:
    """Three pipelines of a client (the third is disabled), one of another client, and one of a disabled client."""

    pipelines: list[Pipeline]

    def scope(self, rule: AlertRule) -> list[Pipeline]:
        """Return the active pipelines that the rule watches."""

        def in_scope(pipeline: Pipeline) -> bool:
            return pipeline == rule.pipeline if rule.pipeline else pipeline.client == rule.client

        return [
            pipeline
            for pipeline in self.pipelines
            if pipeline.is_active and pipeline.client.is_active and in_scope(pipeline)
        ]


@pytest.fixture
def inventory() -> WatchedInventory:
    client = ClientFactory.create()
    return WatchedInventory(
        [
            PipelineFactory.create(client=client),
            PipelineFactory.create(client=client),
            PipelineFactory.create(client=client, is_active=False),
            PipelineFactory.create(),
            PipelineFactory.create(client=ClientFactory.create(is_active=False)),
        ]
    )


def hours_after_noon(number: float) -> datetime:
    return NOON + timedelta(hours=number)


def latest_order(run: Run) -> tuple[Any, ...]:
    return run.started_at or BEFORE_ALL_TIMES, run.finished_at or BEFORE_ALL_TIMES, run.pk


def is_failing(runs: list[Run], moment: datetime | None) -> bool:
    """Return whether the latest decisive run at `moment` failed. For None, use the latest of all stored runs."""
    decisive = [
        run
        for run in runs
        if run.status in {"success", "failed"}
        and (moment is None or max(run.started_at or run.event_at, run.event_at) <= moment)
    ]
    return bool(decisive) and max(decisive, key=latest_order).status == "failed"


def fires(
    inventory: WatchedInventory, rule: AlertRule, runs: list[Run], moment: datetime, *, as_stored: bool = False
) -> bool:
    """Return whether the rule fires at `moment`.

    With `as_stored`, an on_failure rule uses the latest of all stored runs, as firing_rules(now=moment) does.
    """
    scope = inventory.scope(rule)
    if rule.rule_type == "on_failure":
        histories = [[run for run in runs if run.pipeline_id == pipeline.pk] for pipeline in scope]
        return any(is_failing(history, None if as_stored else moment) for history in histories)
    window = timedelta(minutes=rule.window_minutes or 0)
    keys = {pipeline.pk for pipeline in scope}
    failed = [run for run in runs if run.pipeline_id in keys and run.status == "failed"]
    return len([run for run in failed if run.event_at <= moment and moment - run.event_at < window]) >= (
        rule.threshold or 0
    )


HOURS = st.none() | st.integers(-6, 18)
RUNS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["failed", "failed", "success", "success", "running", "skipped"]),
        HOURS,
        HOURS,
    ),
    min_size=4,
    max_size=20,
)
RULES = st.lists(
    st.tuples(
        st.sampled_from(["client", "pipeline", "both"]),
        st.integers(0, 4),
        st.sampled_from(["on_failure", "failures_in_window"]),
        st.integers(1, 3),
        st.sampled_from([30, 60, 300, 2**31 - 1]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


def create_runs(inventory: WatchedInventory, runs: list[tuple[int, str, int | None, int | None]]) -> list[Run]:
    Run.objects.bulk_create(
        Run(
            pipeline=inventory.pipelines[pipeline_index],
            external_run_id=str(number),
            status=status,
            started_at=None if started is None else hours_after_noon(started),
            finished_at=None if finished is None else hours_after_noon(finished),
        )
        for number, (pipeline_index, status, started, finished) in enumerate(runs)
    )
    return list(Run.objects.all())


def create_rules(inventory: WatchedInventory, rules: list[tuple[str, int, str, int, int, bool]]) -> list[AlertRule]:
    created = []
    for number, (scope, pipeline_index, rule_type, threshold, window_minutes, is_enabled) in enumerate(rules):
        pipeline = inventory.pipelines[pipeline_index]
        created.append(
            AlertRule.objects.create(
                # If a rule has a pipeline and a client, the pipeline is the scope. The client can be any client.
                client={"client": pipeline.client, "both": inventory.pipelines[pipeline_index - 1].client}.get(scope),
                pipeline=pipeline if scope != "client" else None,
                rule_type=rule_type,
                threshold=threshold,
                window_minutes=window_minutes,
                channel="slack",
                destination=f"#{number}",
                is_enabled=is_enabled,
            )
        )
    return created


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(runs=RUNS, rules=RULES)
def test_previews_and_firing_rules_equal_their_definitions(
    inventory: WatchedInventory,
    runs: list[tuple[int, str, int | None, int | None]],
    rules: list[tuple[str, int, str, int, int, bool]],
) -> None:
    since, until = hours_after_noon(0), hours_after_noon(12)
    with transaction.atomic():
        history, created = create_runs(inventory, runs), create_rules(inventory, rules)
        firing = {number: set(firing_rules(hours_after_noon(number))) for number in range(0, 19, 3)}
        firing_as_stored = {number: set(firing_rules(now=hours_after_noon(number))) for number in range(0, 19, 6)}
        spans_by_rule = {rule.pk: preview(rule, since=since, until=until) for rule in created}
        transaction.set_rollback(True)

    enabled = [rule for rule in created if rule.is_enabled]
    for number, rule_ids in firing.items():
        assert rule_ids == {rule.pk for rule in enabled if fires(inventory, rule, history, hours_after_noon(number))}
    for number, rule_ids in firing_as_stored.items():
        assert rule_ids == {
            rule.pk for rule in enabled if fires(inventory, rule, history, hours_after_noon(number), as_stored=True)
        }
    for rule in created:
        for half_hour in range(24):
            moment = hours_after_noon(half_hour / 2)
            is_previewed = any(span.since <= moment < span.until for span in spans_by_rule[rule.pk])
            assert is_previewed == fires(inventory, rule, history, moment), (rule, moment)


def plan_with_many_runs(sql: str) -> str:
    """Create many runs, because with few runs PostgreSQL can choose any index. Return the plan of the query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO runs (id, pipeline_id, external_run_id, status, started_at, finished_at)"
            " SELECT gen_random_uuid(), p.id, n::text, CASE n % 9 WHEN 0 THEN 'failed' ELSE 'success' END,"
            " t.moment, t.moment + interval '5 minutes'"
            " FROM pipelines AS p, generate_series(1, 2000) AS n,"
            " LATERAL (SELECT now() - n * interval '1 hour') AS t(moment)"
        )
        cursor.execute("ANALYZE runs, pipelines, clients")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + sql)
        return "\n".join(row[0] for row in cursor.fetchall())


def test_firing_rules_need_one_query_that_uses_the_indexes_of_latest_runs_and_failures(
    inventory: WatchedInventory,
) -> None:
    create_rules(
        inventory, [("client", 0, "on_failure", 1, 60, True), ("pipeline", 1, "failures_in_window", 1, 60, True)]
    )

    with CaptureQueriesContext(connection) as queries:
        firing_rules()

    [query] = queries.captured_queries
    query_plan = plan_with_many_runs(query["sql"])
    assert "runs_latest" in query_plan
    assert "runs_failed" in query_plan
    assert "Seq Scan on runs" not in query_plan


def test_if_a_run_fails_in_the_previewed_period_the_rule_fires_from_the_end_of_the_run(
    inventory: WatchedInventory,
) -> None:
    create_runs(
        inventory, [(0, "success", -5, -4), (0, "failed", -3, 2), (0, "running", 4, None), (0, "success", 5, 6)]
    )
    [rule] = create_rules(inventory, [("pipeline", 0, "on_failure", 1, 60, True)])

    spans = preview(rule, since=hours_after_noon(0), until=hours_after_noon(12))

    assert [(span.since, span.until, span.failed_runs) for span in spans] == [
        (hours_after_noon(2), hours_after_noon(6), 1)
    ]


def test_previews_of_rules_with_the_same_scope_share_queries(
    inventory: WatchedInventory, django_assert_num_queries: Any
) -> None:
    rules = create_rules(
        inventory,
        [("client", 0, "on_failure", 1, 60, True)] * 3 + [("client", 0, "failures_in_window", 2, 60, True)] * 3,
    )

    with django_assert_num_queries(2):
        spans_by_rule = previews(rules, since=hours_after_noon(0), until=hours_after_noon(12))

    assert set(spans_by_rule) == {rule.pk for rule in rules}


def test_a_rule_of_an_unknown_type_raises(inventory: WatchedInventory) -> None:
    [rule] = create_rules(inventory, [("client", 0, "on_failure", 1, 60, True)])
    rule.rule_type = "on_tuesdays"
    with pytest.raises(ValueError, match="on_tuesdays"):
        preview(rule, since=hours_after_noon(0), until=hours_after_noon(12))


@pytest.mark.parametrize(("rule_type", "index"), [("on_failure", "runs_latest"), ("failures_in_window", "runs_")])
def test_a_preview_needs_one_query_that_uses_an_index(inventory: WatchedInventory, rule_type: str, index: str) -> None:
    [rule] = create_rules(inventory, [("client", 0, rule_type, 1, 60, True)])

    with CaptureQueriesContext(connection) as queries:
        preview(rule, since=timezone.now() - timedelta(days=7), until=timezone.now())

    [query] = queries.captured_queries
    query_plan = plan_with_many_runs(query["sql"])
    assert index in query_plan
    assert "Seq Scan on runs" not in query_plan
