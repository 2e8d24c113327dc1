"""The list of runs in the console: query parameters, filters, sort order, labels of active filters, links to pages."""

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
from runs.run_list_pages import NEWEST_FIRST, SORT_KEYSETS, RunPages
from runs.run_period import CUSTOM_PERIOD, PERIOD_PARAMETERS, PERIODS, PeriodFilter
from runs.run_search import MAX_FOUND_BY_ID, MAX_SEARCHED_FAILURES, SearchResult, search

# Lookups of Run that are also query parameters of the list.
CLIENT_LOOKUP, PIPELINE_LOOKUP = "pipeline__client__id__exact", "pipeline__id__exact"
STATUS_LOOKUP = "status__exact"
PLATFORM_LOOKUP, ENVIRONMENT_LOOKUP = "pipeline__platform__exact", "pipeline__environment__exact"
# No index serves these filters, so a page scans a limited number of runs for matches.
UNINDEXED_LOOKUPS = (STATUS_LOOKUP, PLATFORM_LOOKUP, ENVIRONMENT_LOOKUP)
LOOKUPS = (*UNINDEXED_LOOKUPS, CLIENT_LOOKUP, PIPELINE_LOOKUP)
SORT_PARAMETER = "sort"
ORDER_LABELS = {
    NEWEST_FIRST: "newest first",
    "time": "oldest first",
    "-duration": "longest first",
    "duration": "shortest first",
    "-rows": "most rows first",
    "rows": "fewest rows first",
}
# Limits of the CSV export. The number of queries is limited too. Without an index for the filter, a query can scan many
# runs and return few rows.
MAX_EXPORTED_ROWS, EXPORT_ROWS_PER_QUERY, MAX_EXPORT_QUERIES = 10_000, 1_000, 30


@dataclass(frozen=True, slots=True)
class Chip:
    """The label of an active filter. `query_without` is the query string of the list without this filter."""

    label: str
    value: str
    query_without: str


@dataclass(frozen=True, slots=True)
class SortColumn:
    """A column heading. `query` is the query string of its link.

    `direction` is ascending or descending if the list is sorted by this column, else empty.
    """

    title: str
    query: str = ""
    direction: str = ""
    is_number: bool = False


class RunChangeList(ChangeList):
    """The list, paged by keyset.

    A page begins after the position `older_than`, or ends before the position `newer_than`.
    """

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        parameters = request.GET.copy()
        # Without JavaScript, a form sends its empty fields too.
        for name in [name for name, value in parameters.items() if value == ""]:
            del parameters[name]
        self.sort = (parameters.pop(SORT_PARAMETER, []) or [NEWEST_FIRST])[-1] or NEWEST_FIRST
        if self.sort not in SORT_KEYSETS:
            raise IncorrectLookupParameters
        self.order = SORT_KEYSETS[self.sort]
        self.older_than = _position(parameters.pop("older_than", []), self.order)
        self.newer_than = _position(parameters.pop("newer_than", []), self.order)
        # Remove the position from request.GET, so that links and forms of the page lead to the first page.
        request.GET = parameters  # type: ignore[assignment]
        self.visibility = visibility_of(request)
        self.as_of = timezone.now()
        super().__init__(request, *args, **kwargs)

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        """Return Django's query string. If the order is not the default, add the parameter `sort`."""
        order = {} if self.sort == NEWEST_FIRST else {SORT_PARAMETER: self.sort}
        return str(super().get_query_string({**order, **(new_params or {})}, remove))

    # RunPages sorts. Django's own sorting, by any column, would read all runs.
    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return ["-event_at", "-id"]

    def get_ordering_field_columns(self) -> dict[Any, Any]:
        return {}

    def get_results(self, request: HttpRequest) -> None:
        page_size = self.list_per_page
        [self.period_filter] = [spec for spec in self.filter_specs if isinstance(spec, PeriodFilter)]
        self.pages = RunPages(
            rows=self.queryset,
            runs_in_period=self.period_filter.queryset(request, Run.objects.all()),
            order=self.order,
            # None for a filter by pipeline and for a search: they find so few runs that reading client by client is not
            # faster.
            clients=None if self.params.get(PIPELINE_LOOKUP) or self.query else self.clients(),
            scans_without_index=self.scans_without_index(),
            search_result=self.search_result,
        )
        page = self.pages.read(
            page_size, position=self.newer_than or self.older_than, backwards=self.newer_than is not None
        )
        self.older_position, self.newer_position, self.scanned_to = page.after, page.before, page.scanned_to
        self.result_list = page.runs
        # Django's templates need a count, but counting the list would read all runs.
        self.result_count = self.full_result_count = len(page.runs)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = self.show_all = False
        self.paginator = self.model_admin.get_paginator(request, self.queryset, page_size)

    @cached_property
    def search_result(self) -> SearchResult | None:
        """Return the result of the search; None without a search."""
        text = self.query.strip()
        if not text:
            return None
        pipelines = self.visibility.restrict(Pipeline.objects.all(), client_lookup="client_id", pipeline_lookup="id")
        visible = self.visibility.restrict(
            Run.objects.all(), client_lookup="pipeline__client_id", pipeline_lookup="pipeline_id"
        )
        return search(text, rows=self.queryset, visible_runs=visible, pipelines=pipelines)

    @property
    def max_found_by_id(self) -> int:
        return MAX_FOUND_BY_ID

    @property
    def max_searched_failures(self) -> int:
        return MAX_SEARCHED_FAILURES

    def scans_without_index(self) -> bool:
        has_unindexed_filter = any(self.params.get(name) for name in UNINDEXED_LOOKUPS)
        return has_unindexed_filter and not (self.params.get(PIPELINE_LOOKUP) or self.query)

    def clients(self) -> Collection[Any] | None:
        """Return the ids of the clients whose runs the list shows; None for all clients.

        If the list is filtered by a client, return this client. Otherwise return the clients that the user has chosen
        as "my clients". If the user has chosen none, return the clients that the user may see.
        """
        if client_id := self.params.get(CLIENT_LOOKUP):
            return [client_id]
        [own_clients] = [spec.clients for spec in self.filter_specs if isinstance(spec, MyClientsFilter)] or [None]
        return own_clients if own_clients is not None else self.visibility.clients

    def exported_runs(self) -> Iterator[Run]:
        """Yield the first runs of the list: at most MAX_EXPORTED_ROWS, read with at most MAX_EXPORT_QUERIES queries."""
        position, remaining = None, MAX_EXPORTED_ROWS
        for _ in range(MAX_EXPORT_QUERIES):
            page = self.pages.read(min(EXPORT_ROWS_PER_QUERY, remaining), position=position)
            yield from page.runs
            position, remaining = page.after, remaining - len(page.runs)
            if position is None or not remaining:
                return

    # Properties that the template reads.

    @property
    def columns(self) -> list[SortColumn]:
        return [
            SortColumn("Status"),
            SortColumn("Pipeline"),
            SortColumn("Error"),
            SortColumn("Started"),
            self._sortable_column("Finished", "time"),
            self._sortable_column("Duration", "duration", is_number=True),
            self._sortable_column("Rows", "rows", is_number=True),
            SortColumn("Run id"),
        ]

    def _sortable_column(self, title: str, name: str, *, is_number: bool = False) -> SortColumn:
        """Return a heading.

        Its link sorts in descending order. If the list is already sorted so by this column, the link sorts in ascending
        order.
        """
        descending = f"-{name}"
        direction = {descending: "descending", name: "ascending"}.get(self.sort, "")
        next_sort = name if self.sort == descending else descending
        query = super().get_query_string({} if next_sort == NEWEST_FIRST else {SORT_PARAMETER: next_sort})
        return SortColumn(title, str(query), direction, is_number)

    @property
    def _select_fields(self) -> list[tuple[str, str, str, list[tuple[str, str]]]]:
        """Return the select fields of the form: name, label, label of the empty choice, and the choices."""
        clients = self.visibility.restrict(Client.objects.order_by("name", "id"), client_lookup="id").values_list(
            "pk", "name"
        )
        return [
            (STATUS_LOOKUP, "Status", "All statuses", list(Status.choices)),
            (CLIENT_LOOKUP, "Client", "All clients", [(str(pk), name) for pk, name in clients]),
            (PLATFORM_LOOKUP, "Platform", "All platforms", list(Platform.choices)),
            (ENVIRONMENT_LOOKUP, "Environment", "All environments", list(Environment.choices)),
            ("period", "Time", "All time", list(PERIODS.items())),
        ]

    @cached_property
    def fields(self) -> list[dict[str, Any]]:
        """Return the select fields of the form with their current values."""
        return [
            {
                "name": name,
                "label": label,
                "empty_label": empty_label,
                "choices": choices,
                "chosen": self.period_filter.period if name == "period" else self.params.get(name, ""),
            }
            for name, label, empty_label, choices in self._select_fields
        ]

    @cached_property
    def pipeline_name(self) -> str:
        """Return the name of the chosen pipeline; empty if no pipeline is chosen or it is not visible."""
        pipelines = self.visibility.restrict(Pipeline.objects.all(), client_lookup="client_id", pipeline_lookup="id")
        pipeline = (
            pipelines.filter(pk=self.params[PIPELINE_LOOKUP]).first() if self.params.get(PIPELINE_LOOKUP) else None
        )
        return pipeline.name if pipeline else ""

    @property
    def pipeline_id(self) -> str:
        return str(self.params.get(PIPELINE_LOOKUP, ""))

    @property
    def chips(self) -> list[Chip]:
        chips = []
        for field in self.fields:
            if value := field["chosen"]:
                label = dict(field["choices"]).get(value, "unknown")
                removed_parameters = list(PERIOD_PARAMETERS) if field["name"] == "period" else [field["name"]]
                if value == CUSTOM_PERIOD:
                    label = self.period_filter.in_words()
                chips.append(Chip(field["label"], label, self.get_query_string(remove=removed_parameters)))
        if self.params.get(PIPELINE_LOOKUP):
            name = self.pipeline_name or "unknown"
            chips.append(Chip("Pipeline", name, self.get_query_string(remove=[PIPELINE_LOOKUP])))
        if self.query:
            chips.append(Chip("Search", self.query, self.get_query_string(remove=[SEARCH_VAR])))
        return chips

    @property
    def export_limit(self) -> int:
        return MAX_EXPORTED_ROWS

    @property
    def sorted_from(self) -> datetime | None:
        """Return the event_at of the oldest run in the list; None if the list has all runs.

        A list that is sorted by duration or rows has only the newest runs (MAX_SCANNED_RUNS).
        """
        return None if self.pages.is_by_time else self.pages.sorted_from

    @property
    def is_first_page(self) -> bool:
        return self.older_than is None and self.newer_than is None

    @property
    def order_in_words(self) -> str:
        return ORDER_LABELS[self.sort]

    def page_query(self, parameter: str, position: Position | None) -> str | None:
        """Return the query string of the page at a position; None without a position."""
        return self.get_query_string({parameter: "_".join(map(str, position))}) if position else None

    @property
    def older_page(self) -> str | None:
        return self.page_query("older_than", self.older_position)

    @property
    def newer_page(self) -> str | None:
        return self.page_query("newer_than", self.newer_position)

    @property
    def newest_page(self) -> str:
        return self.get_query_string()


def _position(values: Any, order: Keyset) -> Position | None:
    """Return the position in a query parameter, or None. Raise IncorrectLookupParameters if it is invalid."""
    if not values:
        return None
    # Users can edit the address, so each part is checked before a query uses it.
    sort_value, _, run_id = values[-1].partition("_")
    try:
        if order.keys[0].attribute == "event_at":
            if datetime.fromisoformat(sort_value).tzinfo is None:
                raise ValueError
        elif not 0 <= int(sort_value) < 2**63:
            raise ValueError
        return [sort_value, str(UUID(run_id))]
    except ValueError as error:
        raise IncorrectLookupParameters from error
