"""Evaluate alert rules against the stored runs: when a rule would have fired, and which rules fire now."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from alerting.evaluate import Span, spans_on_failure, spans_with_failures_in_window
from alerting.models import AlertRule, RuleType
from chm_project.db.reporting.files import expanded, fragments
from inventory.maintenance_file import maintenance_file
from runs.planned_maintenance import pipelines_in_maintenance
from runs.reporting.parameters import INFINITY
from runs.reporting.run_shapes import run_shape

_SQL_FOLDER = Path(__file__).parent / "sql"


def preview(rule: AlertRule, *, since: datetime, until: datetime) -> list[Span]:
    """Return when the rule would have fired between `since` and `until`. Only active pipelines count."""
    return previews([rule], since=since, until=until)[rule.pk]


def previews(rules: Sequence[AlertRule], *, since: datetime, until: datetime) -> dict[UUID, list[Span]]:
    """Return the result of `preview` for each rule, by rule id.

    Rules share a query if they have the same type and scope, and windows of the same length.
    """
    if since >= until:
        return {rule.pk: [] for rule in rules}
    failing_spans_of_scope = cache(partial(_failing_spans, since=since, until=until))
    failure_times_of_scope = cache(partial(_failure_times, until=until))
    spans = {}
    for rule in rules:
        scope = RuleScope(rule.pipeline_id, None if rule.pipeline_id else rule.client_id)
        match rule.rule_type:
            case RuleType.ON_FAILURE:
                spans[rule.pk] = spans_on_failure(failing_spans_of_scope(scope), since=since, until=until)
            case RuleType.FAILURES_IN_WINDOW:
                window = timedelta(minutes=rule.window_minutes or 0)
                failure_times = failure_times_of_scope(scope, _subtract_window(since, window))
                spans[rule.pk] = spans_with_failures_in_window(
                    failure_times, threshold=rule.threshold or 1, window=window, since=since, until=until
                )
            case _:
                raise ValueError(f"Unknown rule type: {rule.rule_type}")
    return spans


def firing_rules(as_of: datetime | None = None, *, now: datetime | None = None) -> dict[UUID, datetime]:
    """Return a dict from the id of each firing rule to the time since when the rule fires. Only active pipelines count.

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

    Return an empty list if every enabled rule counts planned maintenance too, because then the ids are not needed.
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


def _failing_spans(scope: RuleScope, *, since: datetime, until: datetime) -> list[tuple[datetime, datetime | None]]:
    return _fetch_rows("failing_spans", {**asdict(scope), "since": since, "until": until})


def _failure_times(scope: RuleScope, since: datetime, *, until: datetime) -> list[datetime]:
    rows = _fetch_rows("failures_in_window", {**asdict(scope), "since": since, "until": until})
    return [event_at for (event_at,) in rows]


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
