"""Search runs by id, error text and pipeline. Each search uses an index or reads a limited number of runs."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Left

from inventory.models import Pipeline
from runs.models import ID_IN_BYTE_ORDER, Run, Status

# Maximum number of runs that are found by the beginning of their id.
MAX_FOUND_BY_ID = 1000
# Error texts have no index. So a search reads only the newest 10,000 failures, and the first 2,000 characters of each
# text.
MAX_SEARCHED_FAILURES, MAX_SEARCHED_CHARACTERS = 10_000, 2_000
# If a search finds at most this many pipelines, CHM reads the newest runs of each pipeline. If it finds more, CHM scans
# the runs of all pipelines.
MAX_PROBED_PIPELINES = 300


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Runs found by id or error text, and pipelines found by their name or by the name of their client."""

    run_ids: list[UUID]
    pipeline_ids: list[UUID]
    # True if the ids of more than MAX_FOUND_BY_ID runs begin with the text.
    has_more_ids: bool


def search(
    text: str, *, rows: QuerySet[Run], visible_runs: QuerySet[Run], pipelines: QuerySet[Pipeline]
) -> SearchResult:
    """Return the runs whose id or error text matches, and the pipelines whose name or client's name matches.

    `rows` are the runs of the filtered list. `visible_runs` and `pipelines` are all runs and pipelines that the user
    may see.
    """
    with_prefix = visible_runs.alias(searched=ID_IN_BYTE_ORDER).filter(searched__startswith=text).order_by("searched")
    by_id = list(with_prefix.values_list("pk", flat=True)[: MAX_FOUND_BY_ID + 1])
    failures = rows.filter(status=Status.FAILED).order_by("-event_at", "-id").values("pk")[:MAX_SEARCHED_FAILURES]
    matching = Run.objects.alias(message=Left("error_message", MAX_SEARCHED_CHARACTERS)).filter(
        pk__in=failures, message__icontains=text
    )
    by_error = matching.order_by("-event_at", "-id").values_list("pk", flat=True)[:MAX_FOUND_BY_ID]
    pipelines_by_name = pipelines.filter(Q(name__icontains=text) | Q(client__name__icontains=text)).order_by()
    return SearchResult(
        run_ids=[*by_id[:MAX_FOUND_BY_ID], *_as_uuid(text), *by_error],
        pipeline_ids=list(pipelines_by_name.values_list("pk", flat=True)),
        has_more_ids=len(by_id) > MAX_FOUND_BY_ID,
    )


def _as_uuid(text: str) -> list[UUID]:
    """Return the text as a UUID in a list, because it can be a run's id in CHM; an empty list if it is not a UUID."""
    try:
        return [UUID(text)]
    except ValueError:
        return []


def merge_sorted(order: Any, *lists: list[Any], limit: int) -> list[Any]:
    """Return the first `limit` rows of several lists, each row once. All lists are sorted by the keyset `order`."""
    by_key = {row.pk: row for rows in lists for row in rows}
    return sorted(
        by_key.values(),
        key=lambda row: tuple(getattr(row, key.attribute) for key in order.keys),
        reverse=order.descending,
    )[:limit]
