"""Search in the list of runs: each way to find a run is carried by an index, or looks at a bounded number of runs."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Left

from inventory.models import Pipeline
from runs.models import SEARCHED_ID, Run, Status

# An id is found by its beginning; of more runs than this, so many are listed.
FOUND = 1000
# The newest failures whose error texts are searched, and how much of each text.
FAILURES, TEXT = 10_000, 2_000
# Up to so many pipelines have their newest runs read one pipeline after the other.
FEW = 300


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Runs found by id or error text, and pipelines found by name. `many`: more ids begin with the text than FOUND."""

    runs: list[UUID]
    pipelines: list[UUID]
    many: bool


def search(
    text: str, *, rows: QuerySet[Run], visible_runs: QuerySet[Run], pipelines: QuerySet[Pipeline]
) -> SearchResult:
    """Look for the text; `rows` is the list with its filters, the other two are all that the person may see."""
    begins = visible_runs.alias(searched=SEARCHED_ID).filter(searched__startswith=text).order_by("searched")
    by_id = list(begins.values_list("pk", flat=True)[: FOUND + 1])
    failures = rows.filter(status=Status.FAILED).order_by("-event_at", "-id").values("pk")[:FAILURES]
    matching = Run.objects.alias(message=Left("error_message", TEXT)).filter(pk__in=failures, message__icontains=text)
    by_error = matching.order_by("-event_at", "-id").values_list("pk", flat=True)[:FOUND]
    named = pipelines.filter(Q(name__icontains=text) | Q(client__name__icontains=text)).order_by()
    return SearchResult(
        [*by_id[:FOUND], *_own_id(text), *by_error], list(named.values_list("pk", flat=True)), len(by_id) > FOUND
    )


def _own_id(text: str) -> list[UUID]:
    try:
        return [UUID(text)]
    except ValueError:
        return []


def merged(order: Any, *lists: list[Any], number: int) -> list[Any]:
    """Return the first rows of several sorted lists, each row once."""
    by_key = {row.pk: row for rows in lists for row in rows}
    return sorted(
        by_key.values(),
        key=lambda row: tuple(getattr(row, key.attribute) for key in order.keys),
        reverse=order.descending,
    )[:number]
