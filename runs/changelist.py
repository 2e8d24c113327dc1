"""The list of runs in the console: parameters of its address, filters, sorting, chips and links to other pages."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

from chm_project.access.visibility import visibility_of
from chm_project.admin_kit.admin_bases import ChangeList
from chm_project.admin_kit.visible_rows import MyClientsFilter
from chm_project.api.pagination import Keyset, Position
from inventory.models import Client, Environment, Pipeline, Platform
from runs.models import Run, Status
from runs.run_pages import NEWEST_FIRST, ORDERS, RunPages
from runs.run_period import CUSTOM, PERIODS, PeriodFilter
from runs.run_period import PARAMETERS as PERIOD
from runs.run_search import MAX_BY_ID, MAX_FAILURES, SearchResult, search

CLIENT, PIPELINE = "pipeline__client__id__exact", "pipeline__id__exact"
STATUS, PLATFORM, ENVIRONMENT = "status__exact", "pipeline__platform__exact", "pipeline__environment__exact"
# Filters without an index: a page walks a limited number of runs to find matches.
UNINDEXED = (STATUS, PLATFORM, ENVIRONMENT)
SORT = "sort"
ORDER_LABELS = {
    NEWEST_FIRST: "newest first",
    "time": "oldest first",
    "-duration": "longest first",
    "duration": "shortest first",
    "-rows": "most rows first",
    "rows": "fewest rows first",
}
# Limits of a CSV: its rows, the rows of one query, and the number of queries.
EXPORT_ROWS, EXPORT_PAGE, EXPORT_PAGES = 10_000, 1_000, 30


@dataclass(frozen=True, slots=True)
class Chip:
    """An active filter; `without` is the query of the same list without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class SortColumn:
    """A heading of the list. `query` sorts by it; `direction` is set if the list is sorted by it."""

    title: str
    query: str = ""
    direction: str = ""
    is_number: bool = False


class RunChangeList(ChangeList):
    """Pages by keyset: `older_than` or `newer_than` is the run before the page, so every page costs the same."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        parameters = request.GET.copy()
        # Without JavaScript, a form sends its empty fields too.
        for name in [name for name, value in parameters.items() if value == ""]:
            del parameters[name]
        self.sort = (parameters.pop(SORT, []) or [NEWEST_FIRST])[-1] or NEWEST_FIRST
        if self.sort not in ORDERS:
            raise IncorrectLookupParameters
        self.order = ORDERS[self.sort]
        self.older_than = _position(parameters.pop("older_than", []), self.order)
        self.newer_than = _position(parameters.pop("newer_than", []), self.order)
        # Without the position in request.GET, links and forms of the page start at the first page.
        request.GET = parameters  # type: ignore[assignment]
        self.visibility = visibility_of(request)
        self.as_of = timezone.now()
        super().__init__(request, *args, **kwargs)

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        """Return the query string with the order, which is not one of Django's filters."""
        order = {} if self.sort == NEWEST_FIRST else {SORT: self.sort}
        return str(super().get_query_string({**order, **(new_params or {})}, remove))

    # RunPages sorts. Django's own sorting, by any column, would read all runs.
    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return ["-event_at", "-id"]

    def get_ordering_field_columns(self) -> dict[Any, Any]:
        return {}

    def get_results(self, request: HttpRequest) -> None:
        number = self.list_per_page
        [self.period] = [spec for spec in self.filter_specs if isinstance(spec, PeriodFilter)]
        self.pages = RunPages(
            rows=self.queryset,
            period=self.period.queryset(request, Run.objects.all()),
            order=self.order,
            # A pipeline or a search restricts the list more than its clients.
            clients=None if self.params.get(PIPELINE) or self.query else self.clients(),
            walks=self.must_walk(),
            search_result=self.search_result,
        )
        page = self.pages.read(number, position=self.newer_than or self.older_than, back=self.newer_than is not None)
        self.older, self.newer, self.walked_to = page.after, page.before, page.walked_to
        self.result_list = page.runs
        # Django's templates need a count; the real one would read all runs.
        self.result_count = self.full_result_count = len(page.runs)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = self.show_all = False
        self.paginator = self.model_admin.get_paginator(request, self.queryset, number)

    @cached_property
    def search_result(self) -> SearchResult | None:
        """Return the result of the search; None without a search."""
        text = self.query.strip()
        if not text:
            return None
        pipelines = self.visibility.of(Pipeline.objects.all(), client="client_id", pipeline="id")
        visible = self.visibility.of(Run.objects.all(), client="pipeline__client_id", pipeline="pipeline_id")
        return search(text, rows=self.queryset, visible_runs=visible, pipelines=pipelines)

    @property
    def search_limits(self) -> tuple[int, int]:
        """Return the maximum of runs found by the beginning of their id, and of failures whose texts are searched."""
        return MAX_BY_ID, MAX_FAILURES

    def must_walk(self) -> bool:
        return any(self.params.get(name) for name in UNINDEXED) and not (self.params.get(PIPELINE) or self.query)

    def clients(self) -> Collection[Any] | None:
        """Return the clients of the filter, else the user's own clients, else the visible ones; None for all."""
        if client_id := self.params.get(CLIENT):
            return [client_id]
        [own_clients] = [spec.clients for spec in self.filter_specs if isinstance(spec, MyClientsFilter)] or [None]
        return own_clients if own_clients is not None else self.visibility.clients

    def exported(self) -> Iterator[Run]:
        """Yield the first runs of the list, at most EXPORT_ROWS and those of EXPORT_PAGES queries."""
        position, remaining = None, EXPORT_ROWS
        for _ in range(EXPORT_PAGES):
            page = self.pages.read(min(EXPORT_PAGE, remaining), position=position)
            yield from page.runs
            position, remaining = page.after, remaining - len(page.runs)
            if position is None or not remaining:
                return

    # For the template.

    @property
    def columns(self) -> list[SortColumn]:
        return [
            SortColumn("Status"),
            SortColumn("Pipeline"),
            SortColumn("Error"),
            SortColumn("Started"),
            self._sorted("Finished", "time"),
            self._sorted("Duration", "duration", is_number=True),
            self._sorted("Rows", "rows", is_number=True),
            SortColumn("Run id"),
        ]

    def _sorted(self, title: str, name: str, *, is_number: bool = False) -> SortColumn:
        """Return a heading whose link sorts in descending order, or in ascending order if the list is descending."""
        descending = f"-{name}"
        direction = {descending: "descending", name: "ascending"}.get(self.sort, "")
        next_sort = name if self.sort == descending else descending
        query = super().get_query_string({} if next_sort == NEWEST_FIRST else {SORT: next_sort})
        return SortColumn(title, str(query), direction, is_number)

    @property
    def choices(self) -> list[tuple[str, str, str, list[tuple[str, str]]]]:
        """Return the select fields of the form: name, label, label of the empty choice, and the choices."""
        clients = self.visibility.of(Client.objects.order_by("name", "id"), client="id").values_list("pk", "name")
        return [
            (STATUS, "Status", "All statuses", list(Status.choices)),
            (CLIENT, "Client", "All clients", [(str(pk), name) for pk, name in clients]),
            (PLATFORM, "Platform", "All platforms", list(Platform.choices)),
            (ENVIRONMENT, "Environment", "All environments", list(Environment.choices)),
            ("period", "Time", "All time", list(PERIODS.items())),
        ]

    @cached_property
    def fields(self) -> list[dict[str, Any]]:
        """Return the select fields of the form with their current values."""
        return [
            {
                "name": name,
                "label": label,
                "all": all_,
                "choices": choices,
                "chosen": self.period.period if name == "period" else self.params.get(name, ""),
            }
            for name, label, all_, choices in self.choices
        ]

    @cached_property
    def pipeline_name(self) -> str:
        """Return the name of the pipeline of the filter; empty without a filter, or if the pipeline is not visible."""
        pipelines = self.visibility.of(Pipeline.objects.all(), client="client_id", pipeline="id")
        pipeline = pipelines.filter(pk=self.params[PIPELINE]).first() if self.params.get(PIPELINE) else None
        return pipeline.name if pipeline else ""

    @property
    def pipeline_id(self) -> str:
        return str(self.params.get(PIPELINE, ""))

    @property
    def chips(self) -> list[Chip]:
        chips = []
        for field in self.fields:
            if value := field["chosen"]:
                label = dict(field["choices"]).get(value, "an unknown one")
                removed = list(PERIOD) if field["name"] == "period" else [field["name"]]
                if value == CUSTOM:
                    label = self.period.in_words()
                chips.append(Chip(field["label"], label, self.get_query_string(remove=removed)))
        if self.params.get(PIPELINE):
            name = self.pipeline_name or "an unknown one"
            chips.append(Chip("Pipeline", name, self.get_query_string(remove=[PIPELINE])))
        if self.query:
            chips.append(Chip("Search", self.query, self.get_query_string(remove=[SEARCH_VAR])))
        return chips

    @property
    def export_limit(self) -> int:
        return EXPORT_ROWS

    @property
    def sorted_from(self) -> datetime | None:
        """Return the time from which runs are sorted by a number; None if all are, or if the list is sorted by time."""
        return None if self.pages.by_time else self.pages.sorted_from

    @property
    def is_first_page(self) -> bool:
        return self.older_than is None and self.newer_than is None

    @property
    def order_in_words(self) -> str:
        return ORDER_LABELS[self.sort]

    def page_query(self, name: str, position: Position | None) -> str | None:
        """Return the query string of the page after or before a run; None without a position."""
        return self.get_query_string({name: "_".join(map(str, position))}) if position else None

    @property
    def older_page(self) -> str | None:
        return self.page_query("older_than", self.older)

    @property
    def newer_page(self) -> str | None:
        return self.page_query("newer_than", self.newer)

    @property
    def newest_page(self) -> str:
        return self.get_query_string()


def _position(values: Any, order: Keyset) -> Position | None:
    """Return the position in an address; None without one. Raise IncorrectLookupParameters if it is invalid."""
    if not values:
        return None
    # Users can edit the address, so each part is checked before a query uses it.
    first, _, run_id = values[-1].partition("_")
    try:
        if order.keys[0].attribute == "event_at":
            if datetime.fromisoformat(first).tzinfo is None:
                raise ValueError
        elif not 0 <= int(first) < 2**63:
            raise ValueError
        return [first, str(UUID(run_id))]
    except ValueError as error:
        raise IncorrectLookupParameters from error
