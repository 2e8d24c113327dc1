"""Evaluate alert rules against the stored runs: when a rule would have fired, and which rules fire now."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from alerting.evaluate import Span, spans_on_failure, spans_with_failures_in_window
from alerting.models import AlertRule, RuleType
from chm_project.db.reporting.files import expanded, fragments
from inventory.maintenance_file import maintenance_file
from inventory.models import Pipeline
from runs.planned_maintenance import pipelines_in_maintenance
from runs.reporting.parameters import INFINITY
from runs.reporting.run_shapes import run_shape

_SQL_FOLDER = Path(__file__).parent / "sql"


def preview(rule: AlertRule, *, since: datetime, until: datetime) -> list[Span]:
    """Return when the rule would have fired between `since` and `until`. Only active pipelines count.

    A rule without `include_known` ignores a failure that is known at `until`, as soon as it is known. CHM
    stores only the present mark of a pipeline, so a failure whose mark has ended counts.
    """
    return previews([rule], since=since, until=until)[rule.pk]


def previews(rules: Sequence[AlertRule], *, since: datetime, until: datetime) -> dict[UUID, list[Span]]:
    """Return the result of `preview` for each rule, by rule id.

    Rules share a query if they have the same type, scope and `include_known`, and windows of the same length.
    """
    if since >= until:
        return {rule.pk: [] for rule in rules}
    known_since = {} if all(rule.include_known for rule in rules) else _known_since(until)

    @cache
    def failing_spans(scope: RuleScope, include_known: bool) -> list[tuple[datetime, datetime | None]]:
        return _failing_spans(scope, {} if include_known else known_since, since=since, until=until)

    @cache
    def failures(
        scope: RuleScope, include_known: bool, window_start: datetime
    ) -> list[tuple[datetime, datetime | None]]:
        return _failures(scope, {} if include_known else known_since, since=window_start, until=until)

    spans = {}
    for rule in rules:
        scope = RuleScope(rule.pipeline_id, None if rule.pipeline_id else rule.client_id)
        match rule.rule_type:
            case RuleType.ON_FAILURE:
                spans[rule.pk] = spans_on_failure(failing_spans(scope, rule.include_known), since=since, until=until)
            case RuleType.FAILURES_IN_WINDOW:
                window = timedelta(minutes=rule.window_minutes or 0)
                spans[rule.pk] = spans_with_failures_in_window(
                    failures(scope, rule.include_known, _subtract_window(since, window)),
                    threshold=rule.threshold or 1,
                    window=window,
                    since=since,
                    until=until,
                )
            case _:
                raise ValueError(f"Unknown rule type: {rule.rule_type}")
    return spans


def firing_rules(as_of: datetime | None = None, *, now: datetime | None = None) -> dict[UUID, datetime]:
    """Return a dict from the id of each firing rule to the start of its firing. Only active pipelines count.

    With `as_of`, use the state of the runs at that time. Without `as_of`, use all stored runs. Then the windows of
    rules end at `now`, which is the current time by default.
    """
    moment = as_of or now or timezone.now()
    values = {
        "as_of": moment,
        "state_at": as_of or INFINITY,
        "in_maintenance": _pipelines_in_maintenance(moment, as_of),
    }
    return dict(_fetch_rows("firing", values))


def _pipelines_in_maintenance(moment: datetime, as_of: datetime | None) -> list[UUID]:
    """Return the ids of pipelines that failed in planned maintenance.

    Return an empty list if the file plans no maintenance, or if every enabled rule also counts failures in planned
    maintenance.
    """
    if (
        not maintenance_file().maintenance
        or not AlertRule.objects.filter(is_enabled=True, include_known=False).exists()
    ):
        return []
    return list(pipelines_in_maintenance(run_shape("failing_now", now=moment, as_of=as_of), as_of=moment))


@dataclass(frozen=True, slots=True)
class RuleScope:
    """The scope of a rule: one pipeline, or all pipelines of a client."""

    pipeline_id: UUID | None
    client_id: UUID | None


def _known_since(as_of: datetime) -> dict[UUID, datetime]:
    """Return since when the failure of a pipeline is known, by pipeline id, for all failures that are known at `as_of`.

    A failure in planned maintenance is known since the pipeline began to fail.
    """
    failing = run_shape("failing_now", as_of=as_of)
    marked = [row["pipeline_id"] for row in failing if row["known"]]
    known_since: dict[UUID, Any] = dict(Pipeline.objects.filter(pk__in=marked).values_list("pk", "known_since"))
    planned = pipelines_in_maintenance(failing, as_of=as_of)
    return known_since | {row["pipeline_id"]: row["failing_since"] for row in failing if row["pipeline_id"] in planned}


def _failing_spans(
    scope: RuleScope, known_since: Mapping[UUID, datetime], *, since: datetime, until: datetime
) -> list[tuple[datetime, datetime | None]]:
    return _fetch_rows("failing_spans", _parameters(scope, known_since, since, until))


def _failures(
    scope: RuleScope, known_since: Mapping[UUID, datetime], *, since: datetime, until: datetime
) -> list[tuple[datetime, datetime | None]]:
    return _fetch_rows("failures_in_window", _parameters(scope, known_since, since, until))


def _parameters(
    scope: RuleScope, known_since: Mapping[UUID, datetime], since: datetime, until: datetime
) -> dict[str, Any]:
    known = {"known_pipeline_ids": list(known_since), "known_since": list(known_since.values())}
    return {**asdict(scope), **known, "since": since, "until": until}


def _fetch_rows(query_name: str, parameters: Mapping[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(_sql(query_name), parameters)
        return list(cursor.fetchall())


@cache
def _sql(name: str) -> str:
    return expanded((_SQL_FOLDER / f"{name}.sql").read_text(), fragments())


def _subtract_window(moment: datetime, window: timedelta) -> datetime:
    """Return the moment minus the window. If that is before the year 1, return the start of the year 1."""
    try:
        return moment - window
    except OverflowError:
        return datetime.min.replace(tzinfo=moment.tzinfo)
