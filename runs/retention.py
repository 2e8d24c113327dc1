"""Delete old runs. The query runs/sql/prunable_runs.sql selects them."""

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

BATCH_SIZE = 5_000
_MAX_PIPELINES_PER_QUERY = 200


@cache
def _pruning_sql(name: str) -> str:
    """Return the query of a file in runs/sql, with the selection of the prunable runs inserted."""
    prunable = (_SQL / "prunable_runs.sql").read_text()
    return expanded((_SQL / f"{name}.sql").read_text(), fragments() | {"prunable_runs": prunable})


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneSelection:
    """The runs to prune: those whose event_at is before `cutoff`, except the runs that prunable_runs.sql protects."""

    cutoff: datetime
    keep_failures: bool = False
    client_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneResult:
    """The number of deleted runs, and the number of their pipelines.

    `is_finished` is false if the time limit ended before all selected runs were deleted.
    """

    run_count: int
    pipeline_count: int
    is_finished: bool


def count_prunable(selection: PruneSelection) -> dict[uuid.UUID, int]:
    """Return a dict from the id of each pipeline to the number of runs that `prune` would delete from it."""
    pipeline_ids = list(_selected_pipelines(selection).values_list("pk", flat=True))
    counts: dict[uuid.UUID, int] = {}
    for start in range(0, len(pipeline_ids), _MAX_PIPELINES_PER_QUERY):
        counts |= _run_pruning_query(
            _pruning_sql("count_prunable"), selection, pipeline_ids[start : start + _MAX_PIPELINES_PER_QUERY]
        )
    return counts


def prune(
    selection: PruneSelection,
    *,
    on_batch: Callable[[int, int], None] = lambda _deleted, _expected: None,
    seconds: float | None = None,
) -> PruneResult:
    """Delete the selected runs and return their number. Stop after `seconds`, if it is not None.

    1. Store the cutoff in each pipeline, so that record_runs does not store the deleted runs again.
    2. Delete the runs in batches, each in its own transaction. After an interruption, the next call continues.

    Call `on_batch` before the first batch and after each batch, with the number of runs deleted so far and the number
    of runs to delete.
    """
    stop_at = math.inf if seconds is None else time.monotonic() + seconds
    _store_cutoff(selection)
    # The counts are needed to show the progress and to group pipelines into batches.
    counts = count_prunable(selection)
    expected = sum(counts.values())
    deleted: Counter[uuid.UUID] = Counter()
    on_batch(0, expected)
    for pipeline_ids in _pipeline_groups(counts):
        is_full_batch = True
        while is_full_batch:
            if time.monotonic() >= stop_at:
                return PruneResult(run_count=deleted.total(), pipeline_count=len(deleted), is_finished=False)
            batch = _run_pruning_query(_pruning_sql("prune_batch"), selection, pipeline_ids)
            deleted.update(batch)
            on_batch(deleted.total(), expected)
            # A batch that is not full is the last one of these pipelines. Runs that another session has locked stay
            # until the next pruning.
            is_full_batch = sum(batch.values()) == BATCH_SIZE
    return PruneResult(run_count=deleted.total(), pipeline_count=len(deleted), is_finished=True)


def _selected_pipelines(selection: PruneSelection) -> PipelineQuerySet:
    pipelines = Pipeline.objects.order_by("pk")
    return pipelines if selection.client_id is None else pipelines.filter(client_id=selection.client_id)


@transaction.atomic
def _store_cutoff(selection: PruneSelection) -> None:
    """Set pruned_before in the pipelines where it is empty or earlier than the cutoff.

    Lock the pipelines in key order, as ingestion does, so that the two cannot deadlock.
    """
    pipelines = _selected_pipelines(selection).filter(Q(pruned_before=None) | Q(pruned_before__lt=selection.cutoff))
    # no_key means FOR NO KEY UPDATE. With FOR UPDATE, writers of runs would wait in the check of their foreign key.
    pipeline_ids = list(pipelines.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    Pipeline.objects.filter(pk__in=pipeline_ids).update(pruned_before=selection.cutoff)


def _pipeline_groups(counts: dict[uuid.UUID, int]) -> Iterator[list[uuid.UUID]]:
    """Yield groups of pipelines, so that one transaction deletes the runs of many small pipelines.

    The runs of a group fit into one batch. A pipeline with more runs is a group of its own.
    """
    group: list[uuid.UUID] = []
    runs = 0
    for pipeline_id, run_count in counts.items():
        if group and runs + run_count > BATCH_SIZE:
            yield group
            group, runs = [], 0
        group.append(pipeline_id)
        runs += run_count
    if group:
        yield group


def _run_pruning_query(
    statement: str, selection: PruneSelection, pipeline_ids: list[uuid.UUID]
) -> dict[uuid.UUID, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "pipeline_ids": pipeline_ids,
                "cutoff": selection.cutoff,
                "keep_failures": selection.keep_failures,
                "size": BATCH_SIZE,
            },
        )
        return dict(cursor.fetchall())
