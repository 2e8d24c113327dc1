"""The board's lists: what each shows, from which shape, and which rows of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Q

from alerting.models import AlertRule
from alerting.services import firing_rules
from chm_project.console.pages.board_scope import BoardScope
from runs.reporting.adapter import Row, head_of_shape

STALE_AFTER_HOURS = 24
_RUNNING_LONG = (Path(__file__).parent / "sql" / "running_long.sql").read_text()


# The first rows, and how many there are in all.
Read = Callable[[BoardScope, datetime, int], tuple[list[Row], int]]
_BEHIND = "stale > 0 OR failing_ingestion > 0 OR never_ingested > 0"
_OLD = f"hours_since_success IS NULL OR hours_since_success >= {STALE_AFTER_HOURS}"


@dataclass(frozen=True, slots=True)
class Section:
    """`most` rows stand on the board, all in the list that the section opens; `calm` is said when there is none."""

    key: str
    title: str
    about: str
    calm: str
    tone: str
    most: int
    read: Read
    tile: str = ""
    grain: str = "pipeline"


def _shape(name: str, where: str = "true") -> Read:
    def read(scope: BoardScope, as_of: datetime, most: int) -> tuple[list[Row], int]:
        return head_of_shape(name, most=most, where=where, as_of=as_of, **scope.parameters)

    return read


def _running_long(scope: BoardScope, as_of: datetime, most: int) -> tuple[list[Row], int]:
    with connection.cursor() as cursor:
        cursor.execute(_RUNNING_LONG, {"as_of": as_of, "most": most, **scope.parameters})
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return rows, rows[0]["total"] if rows else 0


def _firing(scope: BoardScope, as_of: datetime, most: int) -> tuple[list[Row], int]:
    """A rule of a whole client is in every platform and environment of it."""
    rules = AlertRule.objects.filter(pk__in=firing_rules(as_of)).select_related("client", "pipeline__client")
    if scope.client_id:
        owned = Q(pipeline__client_id=scope.client_id) | Q(pipeline=None, client_id=scope.client_id)
        rules = rules.filter(owned)
    found: list[Row] = []
    for rule in rules:
        pipeline = rule.pipeline
        if pipeline and (
            (scope.platform and pipeline.platform != scope.platform)
            or (scope.environment and pipeline.environment != scope.environment)
        ):
            continue
        owner: Any = pipeline.client if pipeline else rule.client
        found.append({"rule": rule, "client_name": owner.name, "client_id": owner.pk})
    found.sort(key=lambda row: (row["client_name"], row["rule"].created_at))
    return found[:most], len(found)


SECTIONS = {
    section.key: section
    for section in (
        Section(
            "failing", "Failing now", "The latest run failed; longest first.", "Nothing is failing.", "bad", 15,
            _shape("failing_now"), tile="Failing now",
        ),
        Section(
            "changed", "Changed since yesterday", "The outcome differs from 24 hours ago; newest first.",
            "Nothing has changed since yesterday.", "note", 10, _shape("changes_since_yesterday"),
            tile="Changed",
        ),
        Section(
            "late", "Late", "Usually starts regularly, and has not; latest first.", "Nothing is late.", "warn", 8,
            _shape("late_pipelines"), tile="Late",
        ),
        Section(
            "long", "Running long", "More than 10 minutes and three times the usual.", "Nothing is running long.",
            "warn", 8, _running_long, tile="Running long",
        ),
        Section(
            "sources", "Sources not up to date",
            "Client and platform with an ingestion that is overdue, failing, or has never finished.",
            "Every source is up to date.", "warn", 8, _shape("ingestion_health", _BEHIND),
            tile="Sources behind", grain="client",
        ),
        Section(
            "fresh", "No success for a day", "Never succeeded first, then the oldest success.",
            "Everything has succeeded in the last 24 hours.", "note", 8, _shape("freshness_watchlist", _OLD),
            tile="No success for a day",
        ),
        Section(
            "firing", "Alert rules that hold", "Enabled rules whose condition is true now. CHM sends nothing.",
            "No rule holds.", "note", 8, _firing, tile="Rules that hold", grain="rule",
        ),
        Section(
            "flaky", "Flakiest in 30 days", "Most failed runs; flips are changes between success and failed.",
            "No failure in 30 days.", "note", 8, _shape("top_flaky_pipelines"),
        ),
    )
}  # fmt: skip
