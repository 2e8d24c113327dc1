"""Views of the console. Each requires permission for the data that it shows."""

import math
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from chm_project.access.my_clients import my_clients
from chm_project.access.visibility import visibility_of, visible_to
from chm_project.admin_kit.local_times import parse_local_time, zone_named
from chm_project.api.csv import csv_response
from chm_project.api.history import log_change
from chm_project.console.pages.board_cache import board_html
from chm_project.console.pages.board_scope import BoardScope, filter_choices, scope_of, why_board_is_empty
from chm_project.console.pages.client import read_client
from chm_project.console.pages.client_report import DEFAULT_DAYS, TABLES, Period, UnknownPeriod, period_of
from chm_project.console.pages.first_start import first_steps
from chm_project.console.pages.ingest_refusal import why_not_ingested
from chm_project.console.pages.pipeline import read_pipeline
from chm_project.console.pages.row_strips import add_strips
from chm_project.console.pages.sections import LISTS, Section
from ingestion.api.views import may_see
from ingestion.api_sync_task import IngestionRequest, QueueUnavailable, read_task_state, start_ingestion
from inventory.models import Client, Pipeline
from runs.api.known_failures import LOGGED_FIELD, KnownFailureSerializer
from runs.known_failures import NotFailing, clear_known_failure, mark_known_failure
from runs.reporting.run_shapes import Row

READ_PERMISSIONS = ("inventory.view_client", "inventory.view_pipeline", "runs.view_run", "alerting.view_alertrule")
INGEST_PERMISSION = "access.run_ingestion"
CHANGE_PIPELINE_PERMISSION = "inventory.change_pipeline"
ROWS_PER_PAGE = 50
MAX_PAGE = 100_000

View = Callable[..., HttpResponseBase]


def require_permissions(*permissions: str) -> Callable[[View], View]:
    """Require login and permissions, like a page of the admin."""

    def decorate(view: View) -> View:
        @wraps(view)
        def view_with_check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.has_perms(permissions):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return admin.site.admin_view(view_with_check)

    return decorate


def refuse_bound_users(view: View) -> View:
    """Refuse users who are bound to clients, because the page is about all clients."""

    @wraps(view)
    def view_with_check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if visibility_of(request).is_bound:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return view_with_check


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the context of the admin's index: the board for users who may read it, else Django's list of models."""
    if not request.user.has_perms(READ_PERMISSIONS):
        return context
    scope, now = scope_of(request), timezone.now()
    if not scope.query and (steps := first_steps(request)):
        return context | {"title": "Set up CHM", "first_steps": steps, "as_of": now}
    board = board_html(request, scope, now)
    return context | {
        "title": "Health board", "scope": scope, "shows_board": True,
        "choices": filter_choices(scope, visibility_of(request)),
        "my_client_count": len(my_clients(request)), "board_html": board.html, "as_of": board.as_of,
        "age_seconds": round((now - board.as_of).total_seconds()) if board.is_reused else None,
        "max_reuse_seconds": settings.CHM_BOARD_REUSE_SECONDS,
    }  # fmt: skip


@require_safe
@require_permissions(*READ_PERMISSIONS)
def section_list(request: HttpRequest, key: str) -> HttpResponse:
    """Show all rows of a section, with the board's filters."""
    if key not in LISTS:
        raise Http404("The board has no such list.")
    section, scope, now = LISTS[key], scope_of(request), timezone.now()
    rows, page = _read_page(section, scope, now, request.GET.get("page", "1"))
    add_strips(rows, scope.as_of)
    context = {
        "title": section.title, "section": section, "rows": rows, "total": page.paginator.count, "pages": page,
        "scope": scope,
        "choices": filter_choices(scope, visibility_of(request)), "my_client_count": len(my_clients(request)),
        "as_of": scope.as_of or now, "changed_since": scope.compared_since(now),
        "why_board_is_empty": why_board_is_empty(scope),
        "board_url": reverse("admin:index") + scope.query, "page_query": _page_query(request),
    }  # fmt: skip
    return console_page(request, "console/list.html", context)


@require_safe
@require_permissions(*READ_PERMISSIONS)
def client_page(request: HttpRequest, client_id: UUID) -> HttpResponse:
    client, now = _client(request, client_id), timezone.now()
    context = read_client(client, _period(request, now), now, request.GET.get("page", "1"))
    return console_page(
        request, "console/client.html", context | {"title": f"Client {client.name}", "page_query": _page_query(request)}
    )


@require_safe
@require_permissions(*READ_PERMISSIONS)
def client_csv(request: HttpRequest, client_id: UUID, table: str) -> HttpResponseBase:
    """Return one table of a client's report as CSV."""
    client = _client(request, client_id)
    if table not in TABLES:
        raise Http404("The report has no such table.")
    period = _period(request, timezone.now())
    columns, read = TABLES[table]
    name = f"{slugify(client.name) or 'client'}-{table}-{period.key}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return csv_response(columns, read(client, period), headers=headers)


def _client(request: HttpRequest, client_id: UUID) -> Client:
    visible = visible_to(request, Client.objects.all(), client_lookup="id", pipeline_lookup=None)
    return get_object_or_404(visible, pk=client_id)


def _period(request: HttpRequest, now: datetime) -> Period:
    try:
        return period_of(request.GET.get("period") or f"{DEFAULT_DAYS}d", now)
    except UnknownPeriod as error:
        raise Http404(str(error)) from error


@require_safe
@require_permissions(*READ_PERMISSIONS)
def pipeline_page(request: HttpRequest, pipeline_id: UUID) -> HttpResponse:
    pipeline = get_object_or_404(_pipelines(request), pk=pipeline_id)
    # Read this before the runs, so that a page with a finished ingestion also shows the runs of that ingestion.
    ingestion = _requested_ingestion(request)
    context = read_pipeline(pipeline, timezone.now())
    may_ingest = _may_ingest(request, pipeline)
    refusal = why_not_ingested(pipeline) if may_ingest else ""
    # If runs are only pushed and no connection selects the pipeline, there is nothing to ingest.
    if refusal and pipeline.ingestion_state(context["as_of"], has_runs=context["latest"] is not None) == "pushed":
        may_ingest, refusal = False, ""
    context |= {
        "title": f"Pipeline {pipeline.name}",
        "ingestion": ingestion,
        "may_ingest": may_ingest,
        "ingest_refusal": refusal,
    }
    return console_page(request, "console/pipeline.html", context)


@require_POST
@require_permissions(*READ_PERMISSIONS, INGEST_PERMISSION)
def ingest_now(request: HttpRequest, pipeline_id: UUID) -> HttpResponse:
    pipeline = get_object_or_404(_pipelines(request), pk=pipeline_id)
    pipeline_url = reverse("console:pipeline", args=[pipeline.pk])
    if refusal := why_not_ingested(pipeline):
        messages.error(request, f"Nothing was started. {refusal}")
        return HttpResponseRedirect(pipeline_url)
    try:
        task_id = start_ingestion(IngestionRequest(pipeline_id=str(pipeline.pk)))
    except QueueUnavailable:
        messages.error(request, "The queue of ingestion tasks cannot be reached. Nothing was started.")
    else:
        pipeline_url += "?" + urlencode({"ingestion": task_id})
    return HttpResponseRedirect(pipeline_url)


@require_POST
@require_permissions(*READ_PERMISSIONS, CHANGE_PIPELINE_PERMISSION)
def set_or_clear_known_failure(request: HttpRequest, pipeline_id: UUID) -> HttpResponse:
    """Mark the failure of a pipeline as known, or remove the mark."""
    pipeline = get_object_or_404(_pipelines(request), pk=pipeline_id)
    values = {name: text for name in ("reason", "ticket_url", "until") if (text := request.POST.get(name, "").strip())}
    # The time is in the browser's zone. An invalid time is left as it is, so that the serializer refuses it.
    with suppress(ValueError, OverflowError):
        if until := parse_local_time(values.get("until", ""), zone_named(request.POST.get("zone", ""))):
            values["until"] = until.isoformat()
    serializer = KnownFailureSerializer(data=values)
    if "clear" in request.POST:
        with transaction.atomic():
            if clear_known_failure(pipeline=pipeline):
                log_change(request, pipeline, CHANGE, [LOGGED_FIELD])
        messages.success(request, "The failure is no longer marked as known.")
    elif not serializer.is_valid():
        for name, problems in serializer.errors.items():
            messages.error(request, f"{name.replace('_', ' ').capitalize()}: {problems[0]}")
    else:
        try:
            with transaction.atomic():
                mark_known_failure(pipeline=pipeline, **serializer.validated_data)
                log_change(request, pipeline, CHANGE, [LOGGED_FIELD])
        except NotFailing:
            messages.error(request, "Nothing was marked: the pipeline is not failing.")
        else:
            messages.success(request, "The failure is marked as known.")
    return HttpResponseRedirect(reverse("console:pipeline", args=[pipeline.pk]))


def _pipelines(request: HttpRequest) -> QuerySet[Pipeline]:
    pipelines = Pipeline.objects.select_related("client")
    return visible_to(request, pipelines, client_lookup="client_id", pipeline_lookup="id")


def _requested_ingestion(request: HttpRequest) -> dict[str, Any] | None:
    """Return the state of the ingestion whose id is in the URL; None without an ingestion that the user may see."""
    try:
        request_and_state = read_task_state(UUID(request.GET.get("ingestion", "")))
    except (ValueError, QueueUnavailable):
        return None
    if request_and_state is None or not may_see(visibility_of(request), request_and_state[0]):
        return None
    return request_and_state[1] | {"open": request_and_state[1]["state"] in {"queued", "running"}}


def _may_ingest(request: HttpRequest, pipeline: Pipeline) -> bool:
    """Return whether to show "Ingest now". Disabled pipelines and those without an external id cannot be ingested."""
    ingestible = pipeline.is_active and pipeline.client.is_active and pipeline.external_id is not None
    return ingestible and request.user.has_perm(INGEST_PERMISSION)


def _read_page(section: Section, scope: BoardScope, now: datetime, page_text: str) -> tuple[list[Row], Page[int]]:
    """Return the rows of a page, and the page.

    If `page_text` is not a number from 1 to MAX_PAGE, use the first page. If there are fewer pages, use the last page.
    """
    # int() refuses a text of more than 4,300 digits, so do not call it for a long text.
    is_short_number = page_text.isdecimal() and len(page_text) <= len(str(MAX_PAGE))
    page_number = int(page_text) if is_short_number and 0 < int(page_text) <= MAX_PAGE else 1
    rows, total = section.read_rows(scope, now, ROWS_PER_PAGE, (page_number - 1) * ROWS_PER_PAGE)
    if not rows and page_number > 1:
        _, total = section.read_rows(scope, now, 1, 0)
        page_number = max(1, math.ceil(total / ROWS_PER_PAGE))
        rows, total = section.read_rows(scope, now, ROWS_PER_PAGE, (page_number - 1) * ROWS_PER_PAGE)
    return rows, Paginator(range(total), ROWS_PER_PAGE).get_page(page_number)


def console_page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})


def _page_query(request: HttpRequest) -> str:
    """Return the query string of the filters. It ends with `page=`, so that a page number can follow."""
    query = request.GET.copy()
    query.pop("page", None)
    return f"?{query.urlencode()}&page=" if query else "?page="
