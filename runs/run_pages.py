"""Pages of the list of runs, at any number of runs: by keyset, nothing counted, no walk without a bound."""

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
from runs.run_search import FEW, SearchResult, merged

# How many runs one page walks at most for filters and orders that no index carries.
WALK = 200_000
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)

NEWEST = "-time"
# What the list can be sorted by; a run without the number is left out of an order by it.
ORDERS: dict[str, Keyset] = {
    NEWEST: keyset("event_at", "id", descending=True),
    "time": keyset("event_at", "id"),
    "-duration": keyset("duration_seconds", "id", descending=True),
    "duration": keyset("duration_seconds", "id"),
    "-rows": keyset("rows_processed", "id", descending=True),
    "rows": keyset("rows_processed", "id"),
}


@dataclass(frozen=True, slots=True)
class RunPage:
    """`before` and `after` are the positions of the pages beside it; `walked_to` is where a walk stopped early."""

    runs: list[Any]
    before: Position | None
    after: Position | None
    walked_to: datetime | None


@dataclass(frozen=True)
class RunPages:
    """The filtered list, ready to be read page by page.

    `rows` have the list's filters, `period` only the one by time. `clients` restricts the list where only some
    clients are shown. `walks` says that no index carries the filters. `found` restricts it to what a search found.
    """

    rows: QuerySet[Any]
    period: QuerySet[Any]
    order: Keyset
    clients: Collection[Any] | None
    walks: bool
    found: SearchResult | None

    @property
    def walk(self) -> int:
        return WALK

    @property
    def by_time(self) -> bool:
        return self.order.keys[0].attribute == "event_at"

    @cached_property
    def sorted_from(self) -> datetime | None:
        """The moment of the oldest run that an order by a number looks at; None if it looks at all."""
        newest = ORDERS[NEWEST].sort(self.period).values_list("event_at", flat=True)[WALK - 1 : WALK]
        return next(iter(newest), None)

    def read(self, number: int, *, position: Position | None = None, back: bool = False) -> RunPage:
        """Return the page behind the position, or with `back` the one before it."""
        order = self.order.reversed() if back else self.order
        rows, walked = self.rows, None
        if position:
            rows = order.behind(rows, position)
        if not self.by_time:
            rows = rows.filter(**{f"{self.order.keys[0].attribute}__isnull": False})
            if self.sorted_from:
                rows = rows.filter(event_at__gte=self.sorted_from)
        elif self.walks or (self.found and len(self.found.pipelines) > FEW):
            rows, walked = self._walk(rows, order, position)
        page = self._take(rows, number + 1, order)
        more = len(page) > number
        page = page[:number]
        ahead = order.position(page[-1]) if more else walked
        behind = order.position(page[0]) if page and position else position
        walked_to = datetime.fromisoformat(str(walked[0])) if walked and not more else None
        if back:
            return RunPage(page[::-1], ahead, behind, walked_to)
        return RunPage(page, behind, ahead, walked_to)

    def _walk(
        self, rows: QuerySet[Any], order: Keyset, position: Position | None
    ) -> tuple[QuerySet[Any], Position | None]:
        """Restrict the rows to the next WALK runs; return also where the walk stops, None at the end."""
        everything = order.behind(self.period, position) if position else self.period
        edge = list(order.sort(everything).only("id", "event_at")[WALK - 1 : WALK + 1])
        if len(edge) < 2:
            return rows, None
        # Up to all runs of that moment: the next page begins behind it, and names no run of another client.
        moment = order.position(edge[0])[0]
        rows = rows.filter(**{"event_at__gte" if order.descending else "event_at__lte": moment})
        return rows, [moment, str(FIRST_ID if order.descending else LAST_ID)]

    def _take(self, rows: QuerySet[Any], number: int, order: Keyset) -> list[Any]:
        if self.found is not None:
            by_key = order.sort(rows.filter(pk__in=self.found.runs))[:number]
            return merged(order, list(by_key), self._of_found_pipelines(rows, number, order), number=number)
        if self.clients is None or not self.by_time:
            return list(order.sort(rows)[:number])
        pipelines = Pipeline.objects.filter(client_id__in=self.clients)
        return self._newest_of_each(pipelines, rows, number, order)

    def _of_found_pipelines(self, rows: QuerySet[Any], number: int, order: Keyset) -> list[Any]:
        if self.found is None or not self.found.pipelines:
            return []
        if self.by_time and len(self.found.pipelines) <= FEW:
            pipelines = Pipeline.objects.filter(pk__in=self.found.pipelines)
            return self._newest_of_each(pipelines, rows, number, order)
        return list(order.sort(rows.filter(pipeline_id__in=self.found.pipelines))[:number])

    def _newest_of_each(
        self, pipelines: QuerySet[Pipeline], rows: QuerySet[Any], number: int, order: Keyset
    ) -> list[Any]:
        """The next runs of some pipelines are among the next ones of each of them, as in the API."""
        newest = order.sort(rows.filter(pipeline_id=OuterRef("pk"))).values("pk")[:number]
        found = pipelines.order_by().values_list(
            Func(ArraySubquery(newest), function="unnest", output_field=UUIDField())
        )
        return list(order.sort(self.rows.filter(pk__in=found))[:number])
