"""Add columns with failing pipelines and the latest run to the list of clients. A row opens the page of the client."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chm_project.admin_kit.admin_bases import display
from chm_project.admin_kit.badges import badge, status_badge
from chm_project.admin_kit.extra_columns import ExtraColumns
from chm_project.console.drawing.text_format import time_html
from chm_project.console.pages.board_scope import BoardScope
from chm_project.console.pages.sections import clients_now
from inventory.admin import ClientAdmin


@display(description="failing now")
def failing(client: Any) -> SafeString:
    if client.current_state is None:
        return badge("none", "no active pipelines")
    if not client.current_state["failing"]:
        return badge("success", "none failing")
    url = f"{reverse('console:list', args=['all_failing'])}?client={client.pk}"
    return format_html('<a href="{}">{}</a>', url, badge("failed", f"{client.current_state['failing']} failing"))


@display(description="latest")
def latest_status(client: Any) -> SafeString | str:
    # Without active pipelines, the current state is None, although the client may have runs.
    return status_badge(client.current_state["latest_status"]) if client.current_state else "–"


@display(description="when")
def latest_time(client: Any) -> SafeString:
    return time_html(client.current_state["latest_at"] if client.current_state else None, client.as_of)


def add_current_state(_request: HttpRequest, clients: Sequence[Any]) -> None:
    """Set `current_state` of each client to its row of clients_now, or to None without active pipelines.

    One query reads the rows of all clients.
    """
    now = timezone.now()
    scope = replace(BoardScope(), client_ids=frozenset(client.pk for client in clients))
    rows_by_client = {row["client_id"]: row for row in clients_now(scope, now)}
    for client in clients:
        client.current_state, client.as_of = rows_by_client.get(client.pk), now


def add_health_columns() -> None:
    ClientAdmin.row_page = "console:client"
    ClientAdmin.extra_columns = [
        ExtraColumns(after_column="name", columns=(failing, latest_status, latest_time), prepare_rows=add_current_state)
    ]
