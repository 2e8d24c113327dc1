"""Search in the list of runs: each search uses an index or reads a limited number of runs."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Left

from inventory.models import Pipeline
from runs.models import SEARCHED_ID, Run, Status

# Maximum number of runs that are found by the beginning of their id.
MAX_BY_ID = 1000
# Error texts have no index: only those of the newest failures are searched, and only their beginning.
MAX_FAILURES, MAX_TEXT_CHARACTERS = 10_000, 2_000
# Maximum number of pipelines whose newest runs are read pipeline by pipeline; for more, all runs are walked.
MAX_PROBED = 300


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Runs found by id or error text, and pipelines found by name."""

    runs: list[UUID]
    pipelines: list[UUID]
    # More than MAX_BY_ID ids begin with the text.
    has_more_ids: bool


def search(
    text: str, *, rows: QuerySet[Run], visible_runs: QuerySet[Run], pipelines: QuerySet[Pipeline]
) -> SearchResult:
    """Search in ids, error texts and names.

    `rows` are filtered like the list; `visible_runs` and `pipelines` are all that the user may see.
    """
    with_prefix = visible_runs.alias(searched=SEARCHED_ID).filter(searched__startswith=text).order_by("searched")
    by_id = list(with_prefix.values_list("pk", flat=True)[: MAX_BY_ID + 1])
    failures = rows.filter(status=Status.FAILED).order_by("-event_at", "-id").values("pk")[:MAX_FAILURES]
    matching = Run.objects.alias(message=Left("error_message", MAX_TEXT_CHARACTERS)).filter(
        pk__in=failures, message__icontains=text
    )
    by_error = matching.order_by("-event_at", "-id").values_list("pk", flat=True)[:MAX_BY_ID]
    named = pipelines.filter(Q(name__icontains=text) | Q(client__name__icontains=text)).order_by()
    return SearchResult(
        [*by_id[:MAX_BY_ID], *_uuid(text), *by_error], list(named.values_list("pk", flat=True)), len(by_id) > MAX_BY_ID
    )


def _uuid(text: str) -> list[UUID]:
    """Return the text as an id in CHM; empty if it is not a UUID."""
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
