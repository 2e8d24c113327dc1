"""Read the console's pages in tests: the cells of tables and the numbers of tiles."""

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
    api_as_role(role)  # creates the account, and the roles if another test has emptied their table
    User.objects.filter(username=f"a {role}").update(is_staff=True)
    session = Browser()
    session.force_login(User.objects.get(username=f"a {role}"))
    return session


def html(answer: Any) -> str:
    assert answer.status_code == 200, answer
    return str(answer.content.decode())


def client_address(client: Client) -> str:
    return reverse("console:client", args=[client.pk])


def pipeline_address(pipeline: Pipeline) -> str:
    return reverse("console:pipeline", args=[pipeline.pk])


def run_address(run: Run) -> str:
    return reverse("admin:runs_run_change", args=[run.pk])


def history(pipeline: Pipeline, *statuses: str, **fields: Any) -> list[Run]:
    """Create a run per status, one per hour; the last started an hour ago."""
    now = timezone.now()
    return [
        RunFactory.create(
            pipeline=pipeline, status=status, started_at=now - timedelta(hours=len(statuses) - number),
            finished_at=now - timedelta(hours=len(statuses) - number) + timedelta(minutes=number + 1),
            duration_seconds=60 * (number + 1), rows_processed=1000 * (number + 1), **fields,
        )
        for number, status in enumerate(statuses)
    ]  # fmt: skip


# Elements without an end tag.
VOID = {"br", "hr", "img", "input", "link", "meta"}


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] | None = None
        # The open elements within a hidden element, beginning with that element.
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
        if tag not in VOID and (self._hidden or tag in {"title", "time"} or attributes.get("aria-hidden") == "true"):
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
    """Return the cells of each table by the name of its list or chart; times in UTC, to the second."""
    parser = _Tables()
    parser.feed(text)
    return {
        name: [[" ".join(cell.split()) for cell in row] for row in rows if row] for name, rows in parser.tables.items()
    }


def tiles(text: str) -> dict[str, int]:
    matches = re.findall(r'data-tile="(\w+)">\s*<span class="chm-number">(\d+)</span>', text)
    return {key: int(number) for key, number in matches}


def addresses(text: str) -> dict[str, str]:
    """Return the address that each tile links to."""
    matches = re.findall(r'href="([^"]+)" data-tile="(\w+)"', text)
    return {key: address.replace("&amp;", "&") for address, key in matches}
