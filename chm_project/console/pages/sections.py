"""The sections of the board, and the functions that read their rows."""

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

NO_SUCCESS_HOURS = 24
_SQL = Path(__file__).parent / "sql"
_RUNNING_LONG = (_SQL / "running_long.sql").read_text()
_PIPELINES_OF_INCIDENTS = (_SQL / "pipelines_of_incidents.sql").read_text()
_CLIENTS_NOW = (_SQL / "clients_now.sql").read_text()
_CANDIDATES = (_SQL / "board_candidates.sql").read_text()
# Maximum number of pipelines shown below each incident.
PIPELINES_PER_INCIDENT = 5
# Maximum lengths of the lists of unusual runs and of flaky pipelines. Longer lists would take longer to compute.
MAX_UNUSUAL = 100
MAX_FLAKY = 20


# A function with the parameters scope, now, limit and offset. It returns the rows of one page, and the number of all
# rows.
ReadRows = Callable[[BoardScope, datetime, int, int], tuple[list[Row], int]]
# A condition on columns of the shape ingestion_health. `never_ingested` also counts pipelines that only receive pushed
# runs; `pushed_only` is their number.
_NOT_UP_TO_DATE = "stale > 0 OR failing_ingestion > 0 OR missing_at_source > 0 OR never_ingested > pushed_only"
_WITHOUT_RECENT_SUCCESS = f"hours_since_success IS NULL OR hours_since_success >= {NO_SUCCESS_HOURS}"


@dataclass(frozen=True, slots=True)
class Section:
    """A list of the board. The board shows its first `rows_on_board` rows, and the page console:list shows all rows.

    `empty_text` is shown if there are no rows. If `rows_on_board` is 0, the section is not on the board. `tone` is the
    style of its tile if it has rows. `tile_text` is the text of its tile above the lists; empty if it has no tile.
    """

    key: str
    title: str
    about: str
    empty_text: str
    tone: str
    rows_on_board: int
    read_rows: ReadRows
    tile_text: str = ""
    # Users look at these sections first, so the board shows them larger.
    is_main: bool = False
    # The key of the candidate list that contains every pipeline of the section; empty if there is no such list.
    candidates_key: str = ""


def _shape_reader(name: str, condition: str = "true", **parameters: Any) -> ReadRows:
    def read(scope: BoardScope, now: datetime, limit: int, offset: int) -> tuple[list[Row], int]:
        return page_of_shape(
            name, page_size=limit, offset=offset, where=condition, now=now, **scope.parameters, **parameters
        )

    return read


def _with_maintenance(read_rows: ReadRows) -> ReadRows:
    """Return a function that reads the same rows and adds columns from the maintenance file."""

    def read(scope: BoardScope, now: datetime, limit: int, offset: int) -> tuple[list[Row], int]:
        rows, total = read_rows(scope, now, limit, offset)
        add_maintenance_columns(rows, as_of=scope.as_of or now)
        return rows, total

    return read


def _run_sql(text: str, scope: BoardScope, now: datetime, **values: Any) -> list[Row]:
    return run_query(text, now=now, query_values=values, **scope.parameters)


def _running_long(scope: BoardScope, now: datetime, limit: int, offset: int) -> tuple[list[Row], int]:
    rows = _run_sql(_RUNNING_LONG, scope, now, limit=limit, offset=offset)
    return rows, rows[0]["total"] if rows else 0


def candidates(scope: BoardScope, now: datetime) -> Row:
    """Return the ids of the pipelines that sections can show, keyed by the `candidates_key` of the sections.

    Several sections need the latest decisive run of each pipeline. So the board first reads these runs once for all
    pipelines. Each section then reads only the pipelines that it can show.
    """
    [pipeline_ids_by_key] = _run_sql(_CANDIDATES, scope, now, since=scope.compared_since(now))
    return pipeline_ids_by_key


def clients_now(scope: BoardScope, now: datetime) -> list[Row]:
    """Return a row per client: its number of failing pipelines and its latest run."""
    return _run_sql(_CLIENTS_NOW, scope, now)


def _incidents(scope: BoardScope, now: datetime, limit: int, offset: int) -> tuple[list[Row], int]:
    """Return incidents. `first_pipelines` of each has the pipelines that failed first."""
    incidents, total = _shape_reader("incidents")(scope, now, limit, offset)
    fingerprints = [row["incident"] for row in incidents]
    first_pipelines: dict[tuple[str, datetime], list[Row]] = {}
    for row in _run_sql(_PIPELINES_OF_INCIDENTS, scope, now, incidents=fingerprints, limit=PIPELINES_PER_INCIDENT):
        first_pipelines.setdefault((row["incident"], row["since"]), []).append(row)
    for row in incidents:
        row["first_pipelines"] = first_pipelines.get((row["incident"], row["since"]), [])
    return incidents, total


def _firing(scope: BoardScope, now: datetime, limit: int, offset: int) -> tuple[list[Row], int]:
    """Return the firing rules. Filters by platform and environment do not exclude rules for a whole client."""
    rules: QuerySet[Any] = AlertRule.objects.with_owning_client_id().filter(pk__in=firing_rules(scope.as_of, now=now))
    rules = rules.select_related("client", "pipeline__client")
    if scope.client_id:
        rules = rules.filter(owning_client_id=scope.client_id)
    if scope.client_ids is not None:
        rules = rules.filter(owning_client_id__in=scope.client_ids)
    if scope.platform:
        rules = rules.filter(Q(pipeline=None) | Q(pipeline__platform=scope.platform))
    if scope.environment:
        rules = rules.filter(Q(pipeline=None) | Q(pipeline__environment=scope.environment))
    rules = rules.order_by(Coalesce("pipeline__client__name", "client__name"), "created_at", "id")
    rows: list[Row] = []
    for rule in rules:
        owning_client: Any = rule.pipeline.client if rule.pipeline else rule.client
        rows.append({"rule": rule, "client_name": owning_client.name, "client_id": owning_client.pk})
    return rows[offset : offset + limit], len(rows)


def _changed(scope: BoardScope, now: datetime, limit: int, offset: int) -> tuple[list[Row], int]:
    return _shape_reader("changes_since_yesterday", since=scope.compared_since(now))(scope, now, limit, offset)


def _unusual(scope: BoardScope, now: datetime, limit: int, offset: int) -> tuple[list[Row], int]:
    since = scope.compared_since(now)
    return _shape_reader("unusual_runs", since=since, limit=MAX_UNUSUAL)(scope, now, limit, offset)


SECTIONS = {
    section.key: section
    for section in (
        Section(
            "failing", "New failures", "Failed since the last success, and not marked as known; longest first.",
            "Nothing new is failing.", "bad", 15, _with_maintenance(_shape_reader("failing_now", "NOT known")),
            tile_text="New failures", is_main=True, candidates_key="failing",
        ),
        Section(
            "known", "Known failures", "Failing, and marked as known.", "No known failure.", "warn", 8,
            _with_maintenance(_shape_reader("failing_now", "known")),
            tile_text="Known failures", is_main=True, candidates_key="marked",
        ),
        Section(
            "late", "Late", "Has not started at the expected time; longest overdue first.",
            "Nothing is late.", "warn", 8,
            _with_maintenance(_shape_reader("late_pipelines")), tile_text="Late", is_main=True,
        ),
        Section(
            "incidents", "Incidents",
            "Failing pipelines with the same cause that began to fail together; largest incidents first.",
            "No incident.", "bad", 10, _with_maintenance(_incidents),
            tile_text="Incidents", candidates_key="failing",
        ),
        Section(
            "changed", "Changed", "Newly failing first, then recovered, then first runs; each group newest first.",
            "Nothing has changed.", "note", 10, _changed, tile_text="Changed", candidates_key="changed",
        ),
        Section(
            "long", "Running long", "For more than 10 minutes, and for more than three times the usual duration.",
            "Nothing is running long.", "warn", 8, _running_long, tile_text="Running long",
        ),
        Section(
            "sources", "Sources not up to date",
            "Ingestion is overdue, failing or has never finished, or the source no longer has a pipeline.",
            "Every source is up to date.", "warn", 8, _shape_reader("ingestion_health", _NOT_UP_TO_DATE),
            tile_text="Sources not up to date",
        ),
        Section(
            "fresh", "No success for a day", "Pipelines without any success first, then those with the oldest success.",
            "Everything has succeeded in the last 24 hours.", "note", 8,
            _shape_reader("freshness_watchlist", _WITHOUT_RECENT_SUCCESS),
            tile_text="No success for a day",
        ),
        Section(
            "firing", "Firing rules", "Enabled rules whose condition is true now. CHM sends no notifications.",
            "No rule is firing.", "note", 8, _firing, tile_text="Firing rules",
        ),
        Section(
            "flaky", "Flakiest in 30 days",
            f"At most {MAX_FLAKY} pipelines, most flips first. A flip is a change between success and failed.",
            "No failure in 30 days.", "note", 8,
            _shape_reader("top_flaky_pipelines", order="flips", limit=MAX_FLAKY),
        ),
        Section(
            "unusual", "Unusual successes", "Far from the pipeline's usual duration or number of rows; "
            f"the newest {MAX_UNUSUAL}.",
            "Every success was as usual.", "note", 0, _unusual,
        ),
    )
}  # fmt: skip
# Not on the board, which shows new and known failures separately.
ALL_FAILING = Section(
    "all_failing", "Failing now", "Failed since the last success; new failures first, longest first.",
    "Nothing is failing.", "bad", 0, _with_maintenance(_shape_reader("failing_now")),
)  # fmt: skip
LISTS = {**SECTIONS, ALL_FAILING.key: ALL_FAILING}
