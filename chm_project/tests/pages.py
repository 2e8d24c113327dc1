"""Helpers for tests of the console's pages: log in, create runs, and read tables and tiles."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from chm_project.tests.api import api_as_role
from inventory.models import Client, Pipeline
from runs.models import Run
from runs.tests.factories import RunFactory


def browser(role: str) -> Browser:
    """Return a browser that is logged in as a staff user with this role."""
    api_as_role(role)  # creates the user, and the roles if another test has emptied their table
    User.objects.filter(username=f"a {role}").update(is_staff=True)
    logged_in = Browser()
    logged_in.force_login(User.objects.get(username=f"a {role}"))
    return logged_in


def html(response: Any) -> str:
    """Assert that the page was returned, and return its HTML."""
    assert response.status_code == 200, response
    return str(response.content.decode())


def client_url(client: Client) -> str:
    return reverse("console:client", args=[client.pk])


def pipeline_url(pipeline: Pipeline) -> str:
    return reverse("console:pipeline", args=[pipeline.pk])


def run_url(run: Run) -> str:
    return reverse("admin:runs_run_change", args=[run.pk])


def create_hourly_runs(pipeline: Pipeline, *statuses: str, **fields: Any) -> list[Run]:
    """Create a run for each status. Runs start at intervals of an hour, the last one an hour ago."""
    now = timezone.now()
    return [
        RunFactory.create(
            pipeline=pipeline, status=status, started_at=now - timedelta(hours=len(statuses) - number),
            finished_at=now - timedelta(hours=len(statuses) - number) + timedelta(minutes=number + 1),
            duration_seconds=60 * (number + 1), rows_processed=1000 * (number + 1), **fields,
        )
        for number, status in enumerate(statuses)
    ]  # fmt: skip


ELEMENTS_WITHOUT_END_TAG = {"br", "hr", "img", "input", "link", "meta"}


class _TableParser(HTMLParser):
    """Collect the visible text of the cells of all tables."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] | None = None
        # The current hidden element and the open elements inside it; empty outside of hidden elements.
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "table":
            self._rows = self.tables.setdefault(attributes.get("data-list") or attributes.get("data-chart") or "", [])
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag == "td" and self._rows:
            self._rows[-1].append("")
        elif tag == "time" and self._rows and self._rows[-1]:
            self._rows[-1][-1] += f"{attributes['datetime']} "
        if tag not in ELEMENTS_WITHOUT_END_TAG and (
            self._hidden or tag in {"title", "time"} or attributes.get("aria-hidden") == "true"
        ):
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._rows = None
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._rows and self._rows[-1] and not self._hidden:
            self._rows[-1][-1] += f"{data} "


def tables(text: str) -> dict[str, list[list[str]]]:
    """Return the rows of each table as lists of cell texts. Times are ISO texts.

    The keys are the values of the tables' attributes data-list or data-chart.
    """
    parser = _TableParser()
    parser.feed(text)
    return {
        name: [[" ".join(cell.split()) for cell in row] for row in rows if row] for name, rows in parser.tables.items()
    }


def tiles(text: str) -> dict[str, int]:
    """Return the number that each tile shows, keyed by the name of the tile."""
    matches = re.findall(r'data-tile="(\w+)">\s*<span class="chm-number">(\d+)</span>', text)
    return {key: int(number) for key, number in matches}


def tile_links(text: str) -> dict[str, str]:
    """Return the URL that each tile links to, keyed by the name of the tile."""
    matches = re.findall(r'href="([^"]+)" data-tile="(\w+)"', text)
    return {key: url.replace("&amp;", "&") for url, key in matches}
