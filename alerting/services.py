"""Rules over the stored runs: when one held, and which hold now. Nothing is sent."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.db import connection
from django.utils import timezone

from alerting.evaluate import PastRun, Span, failures_in_window, on_failure
from alerting.models import AlertRule, RuleType

_SQL = Path(__file__).parent / "sql"
_FIRING = (_SQL / "firing.sql").read_text()
_RUNS_OF_WINDOW = (_SQL / "runs_of_window.sql").read_text()
_FAILURES_OF_WINDOW = (_SQL / "failures_of_window.sql").read_text()


def preview(rule: AlertRule, *, since: datetime, until: datetime) -> list[Span]:
    """The spans of [since, until) in which the rule would have held, enabled or not, over active inventory."""
    if since >= until:
        return []
    scope = {"pipeline_id": rule.pipeline_id, "client_id": None if rule.pipeline_id else rule.client_id}
    with connection.cursor() as cursor:
        if rule.rule_type == RuleType.ON_FAILURE:
            cursor.execute(_RUNS_OF_WINDOW, {**scope, "since": since, "until": until})
            return on_failure(_past_runs(cursor.fetchall()), since=since, until=until)
        window = timedelta(minutes=rule.window_minutes or 0)
        cursor.execute(_FAILURES_OF_WINDOW, {**scope, "since": _less(since, window), "until": until})
        failures = [event_at for (event_at,) in cursor.fetchall()]
        return failures_in_window(failures, threshold=rule.threshold or 1, window=window, since=since, until=until)


def firing_rules(as_of: datetime | None = None) -> list[UUID]:
    """The enabled rules that hold now, over active inventory: one query, whatever their number.

    on_failure asks for the latest run as it is stored, so a run dated in the future counts from today on.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FIRING, {"as_of": as_of or timezone.now()})
        return [row[0] for row in cursor.fetchall()]


def _past_runs(rows: Iterable[tuple[UUID, UUID, str, datetime | None, datetime | None, datetime]]) -> list[PastRun]:
    return [
        PastRun(run_id, pipeline_id, status == "failed", started_at, finished_at, event_at)
        for run_id, pipeline_id, status, started_at, finished_at, event_at in rows
    ]


def _less(moment: datetime, window: timedelta) -> datetime:
    """Windows may be longer than there are years before the moment."""
    try:
        return moment - window
    except OverflowError:
        return datetime.min.replace(tzinfo=moment.tzinfo)
