"""The sections of the board: their shapes and rows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from alerting.models import AlertRule
from alerting.services import firing_rules
from chm_project.console.pages.board_scope import BoardScope
from runs.planned_maintenance import add_maintenance_columns
from runs.reporting.run_shapes import Row, page_of_shape, run_query

STALE_AFTER_HOURS = 24
_SQL = Path(__file__).parent / "sql"
_RUNNING_LONG = (_SQL / "running_long.sql").read_text()
_OF_INCIDENTS = (_SQL / "pipelines_of_incidents.sql").read_text()
_CLIENTS_NOW = (_SQL / "clients_now.sql").read_text()
_CANDIDATES = (_SQL / "board_candidates.sql").read_text()
# Pipelines shown below each incident.
PIPELINES_PER_INCIDENT = 5


# Returns the rows of a page from an offset on, and their total.
Read = Callable[[BoardScope, datetime, int, int], tuple[list[Row], int]]
_BEHIND = "stale > 0 OR failing_ingestion > 0 OR missing_at_source > 0 OR never_ingested > pushed_only"
_OLD = f"hours_since_success IS NULL OR hours_since_success >= {STALE_AFTER_HOURS}"


@dataclass(frozen=True, slots=True)
class Section:
    """A section: the board shows `rows_on_board` of its rows, and its own list shows all.

    `empty_text` is shown instead of an empty list. A section without rows on the board is only in the menu.
    """

    key: str
    title: str
    about: str
    empty_text: str
    tone: str
    rows_on_board: int
    read: Read
    tile: str = ""
    grain: str = "pipeline"
    # What a person looks at first: larger on the board.
    is_first: bool = False
    # The key of the candidate list that contains every pipeline of the section; empty if there is no such list.
    candidates_key: str = ""


def _shape(name: str, where: str = "true", **own: Any) -> Read:
    def read(scope: BoardScope, clock: datetime, most: int, offset: int) -> tuple[list[Row], int]:
        return page_of_shape(name, page_size=most, offset=offset, where=where, clock=clock, **scope.parameters, **own)

    return read


def _noted(read: Read) -> Read:
    """Return a function that adds notes from the maintenance file to the rows."""

    def noted(scope: BoardScope, clock: datetime, most: int, offset: int) -> tuple[list[Row], int]:
        rows, total = read(scope, clock, most, offset)
        add_maintenance_columns(rows, as_of=scope.as_of or clock)
        return rows, total

    return noted


def _rows(text: str, scope: BoardScope, clock: datetime, **own: Any) -> list[Row]:
    return run_query(text, clock=clock, query_values=own, **scope.parameters)


def _running_long(scope: BoardScope, clock: datetime, most: int, offset: int) -> tuple[list[Row], int]:
    rows = _rows(_RUNNING_LONG, scope, clock, most=most, offset=offset)
    return rows, rows[0]["total"] if rows else 0


def candidates(scope: BoardScope, clock: datetime) -> Row:
    """Return lists of pipelines by key. A section with this `candidates_key` shows only pipelines of that list.

    Several sections need the latest decisive run of each pipeline, and a board reads it once.
    """
    [pipelines_by_key] = _rows(_CANDIDATES, scope, clock, since=scope.compared_since(clock))
    return pipelines_by_key


def clients_now(scope: BoardScope, clock: datetime) -> list[Row]:
    """Return the number of failing pipelines and the latest run of each client."""
    return _rows(_CLIENTS_NOW, scope, clock)


def _incidents(scope: BoardScope, clock: datetime, most: int, offset: int) -> tuple[list[Row], int]:
    """Return the incidents, each with its first pipelines as `first_pipelines`."""
    incidents, total = _shape("incidents")(scope, clock, most, offset)
    shown = [row["incident"] for row in incidents]
    first_pipelines: dict[tuple[str, datetime], list[Row]] = {}
    for row in _rows(_OF_INCIDENTS, scope, clock, incidents=shown, most=PIPELINES_PER_INCIDENT):
        first_pipelines.setdefault((row["incident"], row["since"]), []).append(row)
    for row in incidents:
        row["first_pipelines"] = first_pipelines.get((row["incident"], row["since"]), [])
    return incidents, total


def _firing(scope: BoardScope, clock: datetime, most: int, offset: int) -> tuple[list[Row], int]:
    """Return the firing rules; a rule of a whole client counts for each of its platforms and environments."""
    rules: QuerySet[Any] = AlertRule.objects.with_owner().filter(pk__in=firing_rules(scope.as_of, clock=clock))
    rules = rules.select_related("client", "pipeline__client")
    if scope.client_id:
        rules = rules.filter(owner_id=scope.client_id)
    if scope.clients is not None:
        rules = rules.filter(owner_id__in=scope.clients)
    if scope.platform:
        rules = rules.filter(Q(pipeline=None) | Q(pipeline__platform=scope.platform))
    if scope.environment:
        rules = rules.filter(Q(pipeline=None) | Q(pipeline__environment=scope.environment))
    rules = rules.order_by(Coalesce("pipeline__client__name", "client__name"), "created_at", "id")
    rows: list[Row] = []
    for rule in rules:
        owner: Any = rule.pipeline.client if rule.pipeline else rule.client
        rows.append({"rule": rule, "client_name": owner.name, "client_id": owner.pk})
    return rows[offset : offset + most], len(rows)


def _changed(scope: BoardScope, clock: datetime, most: int, offset: int) -> tuple[list[Row], int]:
    return _shape("changes_since_yesterday", since=scope.compared_since(clock))(scope, clock, most, offset)


def _unusual(scope: BoardScope, clock: datetime, most: int, offset: int) -> tuple[list[Row], int]:
    return _shape("unusual_runs", since=scope.compared_since(clock))(scope, clock, most, offset)


SECTIONS = {
    section.key: section
    for section in (
        Section(
            "failing", "New failures", "Failed since the last success, and not marked as known; longest first.",
            "Nothing new is failing.", "bad", 15, _noted(_shape("failing_now", "NOT known")), tile="New failures",
            is_first=True, candidates_key="failing",
        ),
        Section(
            "known", "Known failures", "Failing, and marked as known.", "No known failure.", "warn", 8,
            _noted(_shape("failing_now", "known")), tile="Known failures", is_first=True, candidates_key="marked",
        ),
        Section(
            "late", "Late", "Usually starts regularly and has not started; longest overdue first.",
            "Nothing is late.", "warn", 8,
            _noted(_shape("late_pipelines")), tile="Late", is_first=True,
        ),
        Section(
            "incidents", "Incidents",
            "Failing pipelines with one cause that began to fail together; most pipelines first.",
            "No incident.", "bad", 10, _noted(_incidents), tile="Incidents", grain="incident", candidates_key="failing",
        ),
        Section(
            "changed", "Changed", "Newly failing, recovered, then first runs; newest first.",
            "Nothing has changed.", "note", 10, _changed, tile="Changed", candidates_key="changed",
        ),
        Section(
            "long", "Running long", "Running for more than 10 minutes and three times the usual duration.",
            "Nothing is running long.", "warn", 8, _running_long, tile="Running long",
        ),
        Section(
            "sources", "Sources not up to date",
            "Ingestion is overdue, failing or has never finished, or the source no longer has a pipeline.",
            "Every source is up to date.", "warn", 8, _shape("ingestion_health", _BEHIND),
            tile="Sources not up to date", grain="client",
        ),
        Section(
            "fresh", "No success for a day", "Never succeeded first, then the oldest success.",
            "Everything has succeeded in the last 24 hours.", "note", 8, _shape("freshness_watchlist", _OLD),
            tile="No success for a day",
        ),
        Section(
            "firing", "Firing rules", "Enabled rules whose condition is true now. CHM sends nothing.",
            "No rule is firing.", "note", 8, _firing, tile="Firing rules", grain="rule",
        ),
        Section(
            "flaky", "Flakiest in 30 days", "Most flips first: changes between success and failed.",
            "No failure in 30 days.", "note", 8, _shape("top_flaky_pipelines", order="flips"),
        ),
        Section(
            "unusual", "Unusual successes", "Far from the pipeline's usual duration or rows, newest first.",
            "Every success was as usual.", "note", 0, _unusual, grain="run",
        ),
    )
}  # fmt: skip
# Not on the board, which has it in two parts.
ALL_FAILING = Section(
    "all_failing", "Failing now", "Failed since the last success; new failures first, longest first.",
    "Nothing is failing.", "bad", 15, _noted(_shape("failing_now")),
)  # fmt: skip
LISTS = {**SECTIONS, ALL_FAILING.key: ALL_FAILING}
