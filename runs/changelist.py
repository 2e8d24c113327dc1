"""The list of runs in the console, at any number of runs: paged by keyset, nothing counted, no walk without a bound."""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, OuterRef, QuerySet, UUIDField
from django.http import HttpRequest

from chm_project.access.visibility import visibility_of
from chm_project.admin_kit.admin_bases import ChangeList, RangeDateForm
from chm_project.admin_kit.visible_rows import MyClientsFilter
from chm_project.api.pagination import Position, keyset
from inventory.models import Pipeline
from runs.models import Run

NEWEST_FIRST = keyset("event_at", "id", descending=True)
# How many runs one page walks at most for filters that no index carries.
WALK = 200_000
WALKING = ("status__exact", "pipeline__platform__exact", "pipeline__environment__exact")
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
PERIOD = ("event_at_from", "event_at_to")
CLIENT, PIPELINE = "pipeline__client__id__exact", "pipeline__id__exact"


class RunChangeList(ChangeList):
    """Each page starts behind a run, by `older_than` or `newer_than`, so the thousandth costs what the first does."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        asked = request.GET.copy()
        self.older_than = _position(asked.pop("older_than", []))
        self.newer_than = _position(asked.pop("newer_than", []))
        # No link or form of the page shall carry the place along: other filters begin at the newest again.
        request.GET = asked  # type: ignore[assignment]
        self.visible_clients = visibility_of(request).clients
        super().__init__(request, *args, **kwargs)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return ["-event_at", "-id"]

    def get_ordering_field_columns(self) -> dict[Any, Any]:
        return {}

    def get_results(self, request: HttpRequest) -> None:
        number = self.list_per_page
        order = NEWEST_FIRST.reversed() if self.newer_than else NEWEST_FIRST
        rows: QuerySet[Any] = self.queryset
        everything: QuerySet[Any] = Run.objects.all()
        for spec in self.filter_specs:
            if isinstance(spec, PeriodFilter):
                everything = spec.queryset(request, everything)
        if position := self.newer_than or self.older_than:
            rows, everything = order.behind(rows, position), order.behind(everything, position)
        walked: Position | None = None
        if self.must_walk():
            edge = list(order.sort(everything).only("id", "event_at")[WALK - 1 : WALK + 1])
            if len(edge) == 2:
                # Up to all runs of that moment: the next page begins behind it, and names no run of another client.
                moment = order.position(edge[0])[0]
                rows = rows.filter(**{"event_at__lte" if self.newer_than else "event_at__gte": moment})
                walked = [moment, str(LAST_ID if self.newer_than else FIRST_ID)]
        page = list(self.take(order.sort(rows), number + 1, order))
        more = len(page) > number
        page = page[:number]
        ahead = order.position(page[-1]) if more else walked
        behind = order.position(page[0]) if page and position else position
        if self.newer_than:
            page.reverse()
            self.older, self.newer = behind, ahead
        else:
            self.older, self.newer = ahead, behind
        self.walk = WALK
        self.walked_to = walked[0] if walked and not more else None
        self.result_list = page
        self.result_count = self.full_result_count = len(page)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = self.show_all = False
        self.paginator = self.model_admin.get_paginator(request, rows, number)

    def must_walk(self) -> bool:
        return any(self.params.get(name) for name in WALKING) and not (self.params.get(PIPELINE) or self.query)

    def take(self, rows: QuerySet[Any], number: int, order: Any) -> QuerySet[Any]:
        """Some clients' newest are among the newest of each of their pipelines, as in the API."""
        clients = self.clients()
        if clients is None or self.params.get(PIPELINE) or self.query:
            return rows[:number]
        newest = rows.filter(pipeline_id=OuterRef("pk")).values("pk")[:number]
        found = (
            Pipeline.objects.filter(client_id__in=clients)
            .order_by()
            .values_list(Func(ArraySubquery(newest), function="unnest", output_field=UUIDField()))
        )
        sorted_rows: QuerySet[Any] = order.sort(self.apply_select_related(self.root_queryset.filter(pk__in=found)))
        return sorted_rows[:number]

    def clients(self) -> Collection[Any] | None:
        """The clients that the list is restricted to: by its filter, by the person's own, or by what is visible."""
        if client_id := self.params.get(CLIENT):
            return [client_id]
        [mine] = [spec.clients for spec in self.filter_specs if isinstance(spec, MyClientsFilter)] or [None]
        return mine if mine is not None else self.visible_clients

    def place(self, name: str, position: Position | None) -> str | None:
        """The query string of the page that starts behind a run."""
        return self.get_query_string({name: "_".join(map(str, position))}) if position else None

    @property
    def older_page(self) -> str | None:
        return self.place("older_than", self.older)

    @property
    def newer_page(self) -> str | None:
        return self.place("newer_than", self.newer)

    @property
    def newest_page(self) -> str:
        return self.get_query_string()


def _position(given: Any) -> Position | None:
    if not given:
        return None
    moment, _, run_id = given[-1].partition("_")
    try:
        if datetime.fromisoformat(moment).tzinfo is None:
            raise ValueError
        return [moment, str(UUID(run_id))]
    except ValueError as error:
        raise IncorrectLookupParameters from error


class PeriodFilter(admin.FieldListFilter):
    """From a day to a day, both inclusive, in UTC; by the index that the list is sorted by."""

    template = "unfold/filters/filters_date_range.html"
    form_class = RangeDateForm

    def __init__(self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str):
        self.given = {name: params[name][-1] for name in PERIOD if name in params}
        super().__init__(field, request, params, model, model_admin, field_path)
        self.title = "day (UTC)"

    def expected_parameters(self) -> list[str | None]:
        return list(PERIOD)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = (self._midnight(name) for name in PERIOD)
        if first:
            queryset = queryset.filter(event_at__gte=first)
        if last:
            queryset = queryset.filter(event_at__lt=last + timedelta(days=1))
        return queryset

    def _midnight(self, name: str) -> datetime | None:
        if not (text := self.given.get(name)):
            return None
        try:
            day = date.fromisoformat(text)
            if not 1 < day.year < 9999:
                raise ValueError
        except ValueError as error:
            raise IncorrectLookupParameters from error
        return datetime.combine(day, time(), UTC)

    def choices(self, changelist: Any) -> Iterator[Any]:
        yield {"form": self.form_class(name=self.field_path, data=self.given)}
