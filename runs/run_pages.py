"""Read pages of the console's list of runs by keyset, without counting, and with a limit for every walk."""

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
from runs.run_search import MAX_PROBED, SearchResult, merged

# Maximum number of runs that a page reads for filters and orders without an index.
MAX_WALKED = 200_000
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)

NEWEST_FIRST = "-time"
# The orders of the list. An order by a number excludes runs without the number.
ORDERS: dict[str, Keyset] = {
    NEWEST_FIRST: keyset("event_at", "id", descending=True),
    "time": keyset("event_at", "id"),
    "-duration": keyset("duration_seconds", "id", descending=True),
    "duration": keyset("duration_seconds", "id"),
    "-rows": keyset("rows_processed", "id", descending=True),
    "rows": keyset("rows_processed", "id"),
}


@dataclass(frozen=True, slots=True)
class RunPage:
    """A page. `before` and `after` are the positions of its neighbours, `walked_to` the time where a walk stopped."""

    runs: list[Any]
    before: Position | None
    after: Position | None
    walked_to: datetime | None


@dataclass(frozen=True)
class RunPages:
    """The filtered list, read page by page.

    `rows` are filtered by all filters, `period` only by time. `clients` restricts the list to some clients; None means
    all. `walks` is true for filters without an index. `search_result` restricts the list to the result of a search.
    """

    rows: QuerySet[Any]
    period: QuerySet[Any]
    order: Keyset
    clients: Collection[Any] | None
    walks: bool
    search_result: SearchResult | None

    @property
    def max_walked(self) -> int:
        return MAX_WALKED

    @property
    def by_time(self) -> bool:
        return self.order.keys[0].attribute == "event_at"

    @cached_property
    def sorted_from(self) -> datetime | None:
        """Return the event_at of the oldest run that sorting by a number includes; None if it includes all runs."""
        newest = ORDERS[NEWEST_FIRST].sort(self.period).values_list("event_at", flat=True)[MAX_WALKED - 1 : MAX_WALKED]
        return next(iter(newest), None)

    def read(self, number: int, *, position: Position | None = None, back: bool = False) -> RunPage:
        """Return the page after the position, or with `back` the page before it."""
        order = self.order.reversed() if back else self.order
        rows, walked = self.rows, None
        if position:
            rows = order.after(rows, position)
        if not self.by_time:
            # A keyset cannot compare nulls.
            rows = rows.filter(**{f"{self.order.keys[0].attribute}__isnull": False})
            if self.sorted_from:
                rows = rows.filter(event_at__gte=self.sorted_from)
        elif self.walks or (self.search_result and len(self.search_result.pipelines) > MAX_PROBED):
            rows, walked = self._walk(rows, order, position)
        # One row more shows whether another page follows.
        page = self._take(rows, number + 1, order)
        has_more = len(page) > number
        page = page[:number]
        ahead = order.position(page[-1]) if has_more else walked
        behind = order.position(page[0]) if page and position else position
        walked_to = datetime.fromisoformat(str(walked[0])) if walked and not has_more else None
        if back:
            return RunPage(page[::-1], ahead, behind, walked_to)
        return RunPage(page, behind, ahead, walked_to)

    def _walk(
        self, rows: QuerySet[Any], order: Keyset, position: Position | None
    ) -> tuple[QuerySet[Any], Position | None]:
        """Return the rows among the next MAX_WALKED runs, and the position where the walk stops; None at the end."""
        remaining = order.after(self.period, position) if position else self.period
        # The last run of the walk, and one more if the walk does not reach the end.
        edge = list(order.sort(remaining).only("id", "event_at")[MAX_WALKED - 1 : MAX_WALKED + 1])
        if len(edge) < 2:
            return rows, None
        # Include all runs of that moment. So the position contains no run id, which could be another client's.
        moment = order.position(edge[0])[0]
        rows = rows.filter(**{"event_at__gte" if order.descending else "event_at__lte": moment})
        return rows, [moment, str(FIRST_ID if order.descending else LAST_ID)]

    def _take(self, rows: QuerySet[Any], number: int, order: Keyset) -> list[Any]:
        if self.search_result is not None:
            by_key = order.sort(rows.filter(pk__in=self.search_result.runs))[:number]
            return merged(order, list(by_key), self._of_found_pipelines(rows, number, order), number=number)
        if self.clients is None or not self.by_time:
            return list(order.sort(rows)[:number])
        pipelines = Pipeline.objects.filter(client_id__in=self.clients)
        return self._newest_of_each(pipelines, rows, number, order)

    def _of_found_pipelines(self, rows: QuerySet[Any], number: int, order: Keyset) -> list[Any]:
        if self.search_result is None or not self.search_result.pipelines:
            return []
        if self.by_time and len(self.search_result.pipelines) <= MAX_PROBED:
            pipelines = Pipeline.objects.filter(pk__in=self.search_result.pipelines)
            return self._newest_of_each(pipelines, rows, number, order)
        return list(order.sort(rows.filter(pipeline_id__in=self.search_result.pipelines))[:number])

    def _newest_of_each(
        self, pipelines: QuerySet[Pipeline], rows: QuerySet[Any], number: int, order: Keyset
    ) -> list[Any]:
        """Return the next runs of the pipelines, taken from the next runs of each pipeline (decision 0006)."""
        # One range of the index runs_by_pipeline_event per pipeline.
        newest = order.sort(rows.filter(pipeline_id=OuterRef("pk"))).values("pk")[:number]
        newest_of_each = pipelines.order_by().values_list(
            Func(ArraySubquery(newest), function="unnest", output_field=UUIDField())
        )
        return list(order.sort(self.rows.filter(pk__in=newest_of_each))[:number])
