"""Read pages of the console's list of runs by keyset. No query counts the runs, and each scan has a limit."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, OuterRef, QuerySet, UUIDField

from chm_project.api.pagination import Keyset, Position, keyset
from inventory.models import Pipeline
from runs.run_search import MAX_PROBED_PIPELINES, SearchResult, merge_sorted

# Maximum number of runs that a page reads for filters and orders without an index.
MAX_SCANNED_RUNS = 200_000
SMALLEST_ID, LARGEST_ID = UUID(int=0), UUID(int=2**128 - 1)

NEWEST_FIRST = "-time"
# The keyset of each sort order. Sorting by duration or rows excludes runs without that number.
SORT_KEYSETS: dict[str, Keyset] = {
    NEWEST_FIRST: keyset("event_at", "id", descending=True),
    "time": keyset("event_at", "id"),
    "-duration": keyset("duration_seconds", "id", descending=True),
    "duration": keyset("duration_seconds", "id"),
    "-rows": keyset("rows_processed", "id", descending=True),
    "rows": keyset("rows_processed", "id"),
}


@dataclass(frozen=True, slots=True)
class RunPage:
    """A page of runs.

    `before` is the position of the page before this page, `after` that of the page after it; None without such a page.

    If a scan reached its limit, `scanned_to` is the event_at at which it stopped, else None.
    """

    runs: list[Any]
    before: Position | None
    after: Position | None
    scanned_to: datetime | None


@dataclass(frozen=True)
class RunPages:
    """The filtered list, read page by page.

    All filters are applied to `rows`, and only the filter by time to `runs_in_period`. `clients` are the clients whose
    runs the list shows; None means all clients. `scans_without_index` is true if a filter has no index. `search_result`
    has the runs and pipelines that a search found; None means no search.
    """

    rows: QuerySet[Any]
    runs_in_period: QuerySet[Any]
    order: Keyset
    clients: Collection[Any] | None
    scans_without_index: bool
    search_result: SearchResult | None

    @property
    def max_scanned(self) -> int:
        return MAX_SCANNED_RUNS

    @property
    def is_by_time(self) -> bool:
        return self.order.keys[0].attribute == "event_at"

    @cached_property
    def sorted_from(self) -> datetime | None:
        """Return the oldest event_at in a list that is sorted by duration or rows; None if the list has all runs.

        Such a list has only the newest MAX_SCANNED_RUNS runs.
        """
        event_times = SORT_KEYSETS[NEWEST_FIRST].sort(self.runs_in_period).values_list("event_at", flat=True)
        return next(iter(event_times[MAX_SCANNED_RUNS - 1 : MAX_SCANNED_RUNS]), None)

    def read(self, page_size: int, *, position: Position | None = None, backwards: bool = False) -> RunPage:
        """Return the first page. With a position, return the page after it, or before it if `backwards`."""
        order = self.order.reversed() if backwards else self.order
        rows, scan_end = self.rows, None
        if position:
            rows = order.after(rows, position)
        if not self.is_by_time:
            # A page begins after the last value of the previous page. In SQL, no value is greater or less than null. So
            # leave out runs without a value.
            rows = rows.filter(**{f"{self.order.keys[0].attribute}__isnull": False})
            if self.sorted_from:
                rows = rows.filter(event_at__gte=self.sorted_from)
        elif self.scans_without_index or (
            self.search_result and len(self.search_result.pipeline_ids) > MAX_PROBED_PIPELINES
        ):
            rows, scan_end = self._limit_scan(rows, order, position)
        # Read one row more than the page has. If this row exists, another page follows.
        page = self._first_rows(rows, page_size + 1, order)
        has_more = len(page) > page_size
        page = page[:page_size]
        end = order.position(page[-1]) if has_more else scan_end
        beginning = order.position(page[0]) if page and position else position
        scanned_to = datetime.fromisoformat(str(scan_end[0])) if scan_end and not has_more else None
        if backwards:
            return RunPage(page[::-1], end, beginning, scanned_to)
        return RunPage(page, beginning, end, scanned_to)

    def _limit_scan(
        self, rows: QuerySet[Any], order: Keyset, position: Position | None
    ) -> tuple[QuerySet[Any], Position | None]:
        """Return the rows that are among the next MAX_SCANNED_RUNS runs, and the position after these runs.

        The position is None if no more runs follow.
        """
        remaining = order.after(self.runs_in_period, position) if position else self.runs_in_period
        # The last of these MAX_SCANNED_RUNS runs, and the run after it if there is one.
        last_two = list(order.sort(remaining).only("id", "event_at")[MAX_SCANNED_RUNS - 1 : MAX_SCANNED_RUNS + 1])
        if len(last_two) < 2:
            return rows, None
        # Include all runs with this event_at. Then the position needs no run id. A run id could reveal a run of another
        # client.
        last_event_at = order.position(last_two[0])[0]
        rows = rows.filter(**{"event_at__gte" if order.descending else "event_at__lte": last_event_at})
        return rows, [last_event_at, str(SMALLEST_ID if order.descending else LARGEST_ID)]

    def _first_rows(self, rows: QuerySet[Any], limit: int, order: Keyset) -> list[Any]:
        if self.search_result is not None:
            found_runs = order.sort(rows.filter(pk__in=self.search_result.run_ids))[:limit]
            return merge_sorted(order, list(found_runs), self._rows_of_found_pipelines(rows, limit, order), limit=limit)
        if self.clients is None or not self.is_by_time:
            return list(order.sort(rows)[:limit])
        pipelines = Pipeline.objects.filter(client_id__in=self.clients)
        return self._rows_by_pipeline(pipelines, rows, limit, order)

    def _rows_of_found_pipelines(self, rows: QuerySet[Any], limit: int, order: Keyset) -> list[Any]:
        if self.search_result is None or not self.search_result.pipeline_ids:
            return []
        if self.is_by_time and len(self.search_result.pipeline_ids) <= MAX_PROBED_PIPELINES:
            pipelines = Pipeline.objects.filter(pk__in=self.search_result.pipeline_ids)
            return self._rows_by_pipeline(pipelines, rows, limit, order)
        return list(order.sort(rows.filter(pipeline_id__in=self.search_result.pipeline_ids))[:limit])

    def _rows_by_pipeline(
        self, pipelines: QuerySet[Pipeline], rows: QuerySet[Any], limit: int, order: Keyset
    ) -> list[Any]:
        """Return the first rows of these pipelines.

        Read the first rows of each pipeline and merge them (decision 0006).
        """
        # For each pipeline, PostgreSQL reads one range of the index runs_by_pipeline_event.
        first_of_pipeline = order.sort(rows.filter(pipeline_id=OuterRef("pk"))).values("pk")[:limit]
        first_of_each = pipelines.order_by().values_list(
            Func(ArraySubquery(first_of_pipeline), function="unnest", output_field=UUIDField())
        )
        return list(order.sort(self.rows.filter(pk__in=first_of_each))[:limit])
