"""Prune runs: delete old ones, as selected by runs/sql/prunable_runs.sql."""

import math
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from django.db import connection, transaction
from django.db.models import Q

from chm_project.db.reporting.files import expanded, fragments
from inventory.models import Pipeline, PipelineQuerySet

_SQL = Path(__file__).parent / "sql"

BATCH = 5_000
_PIPELINES_AT_ONCE = 200


@cache
def _sql(name: str) -> str:
    """Return a query over the prunable runs."""
    prunable = (_SQL / "prunable_runs.sql").read_text()
    return expanded((_SQL / f"{name}.sql").read_text(), fragments() | {"prunable_runs": prunable})


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneSelection:
    """The runs to prune: those that happened (event_at) before `cutoff`, except protected ones."""

    cutoff: datetime
    keep_failures: bool = False
    client_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    runs: int
    pipelines: int
    finished: bool


def count_prunable(selection: PruneSelection) -> dict[uuid.UUID, int]:
    """Return the number of runs that a pruning would delete, by pipeline."""
    ids = list(_pipelines(selection).values_list("pk", flat=True))
    counts: dict[uuid.UUID, int] = {}
    for start in range(0, len(ids), _PIPELINES_AT_ONCE):
        counts |= _execute(_sql("count_prunable"), selection, ids[start : start + _PIPELINES_AT_ONCE])
    return counts


def prune(
    selection: PruneSelection,
    *,
    on_batch: Callable[[int, int], None] = lambda _deleted, _expected: None,
    seconds: float | None = None,
) -> Pruned:
    """Delete the selected runs and return their number; `finished` is false if `seconds` were not enough.

    1. Each pipeline stores the cutoff, so that deleted runs are not stored again.
    2. The runs are deleted in batches, each in its own transaction; after an interruption another pruning continues.

    `on_batch` receives the numbers of deleted and of all expected runs after each batch.
    """
    stop_at = math.inf if seconds is None else time.monotonic() + seconds
    _remember(selection)
    counts = count_prunable(selection)
    expected = sum(counts.values())
    deleted: Counter[uuid.UUID] = Counter()
    on_batch(0, expected)
    for pipeline_ids in _groups(counts):
        full = True
        while full:
            if time.monotonic() >= stop_at:
                return Pruned(runs=deleted.total(), pipelines=len(deleted), finished=False)
            batch = _execute(_sql("prune_batch"), selection, pipeline_ids)
            deleted.update(batch)
            on_batch(deleted.total(), expected)
            full = sum(batch.values()) == BATCH
    return Pruned(runs=deleted.total(), pipelines=len(deleted), finished=True)


def _pipelines(selection: PruneSelection) -> PipelineQuerySet:
    pipelines = Pipeline.objects.order_by("pk")
    return pipelines if selection.client_id is None else pipelines.filter(client_id=selection.client_id)


@transaction.atomic
def _remember(selection: PruneSelection) -> None:
    """Set pruned_before if it is earlier. Rows are locked in key order, like in ingestion, to avoid deadlocks."""
    earlier = _pipelines(selection).filter(Q(pruned_before=None) | Q(pruned_before__lt=selection.cutoff))
    ids = list(earlier.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    Pipeline.objects.filter(pk__in=ids).update(pruned_before=selection.cutoff)


def _groups(counts: dict[uuid.UUID, int]) -> Iterator[list[uuid.UUID]]:
    """Return groups of pipelines for one batch, so that small pipelines share a transaction."""
    group: list[uuid.UUID] = []
    runs = 0
    for pipeline_id, number in counts.items():
        if group and runs + number > BATCH:
            yield group
            group, runs = [], 0
        group.append(pipeline_id)
        runs += number
    if group:
        yield group


def _execute(statement: str, selection: PruneSelection, pipeline_ids: list[uuid.UUID]) -> dict[uuid.UUID, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "pipeline_ids": pipeline_ids,
                "cutoff": selection.cutoff,
                "keep_failures": selection.keep_failures,
                "size": BATCH,
            },
        )
        return dict(cursor.fetchall())
