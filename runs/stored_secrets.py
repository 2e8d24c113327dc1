"""Apply the current scrubbing rules to rows that were stored under older rules."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.admin.models import LogEntry
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import Manager, Model

from chm_project import scrubbing
from chm_project.scrubbing import scrub_text, scrubbed_json
from inventory.models import Pipeline
from runs.events import without_secret
from runs.models import Run
from runs.size_limits import payload_within_limit

BATCH_SIZE = 1_000
# How long the position of an interrupted scrubbing is kept.
_POSITION_SECONDS = 30 * 24 * 3600
_MAX_OBJECT_NAME_LENGTH = LogEntry._meta.get_field("object_repr").max_length


def _scrubbed_payload(value: Any) -> Any:
    return json.loads(payload_within_limit(scrubbed_json(value)))


def _scrubbed_object_name(value: str) -> str:
    # The mask can be longer than the secret.
    return scrub_text(value)[:_MAX_OBJECT_NAME_LENGTH]


@dataclass(frozen=True, slots=True)
class ScrubbedTable:
    """A table to scrub. `columns` maps each column that can contain secrets to the function that removes them."""

    name: str
    rows: "Manager[Any]"
    columns: dict[str, Callable[[Any], Any]]


# External ids of pipelines are not scrubbed, because requests to sources use them. Forms refuse an id with a secret.
TABLES = (
    ScrubbedTable(
        "runs",
        Run.objects,
        {
            "error_message": scrub_text,
            "status_reason": scrub_text,
            "payload": _scrubbed_payload,
            "external_run_id": without_secret,
        },
    ),
    ScrubbedTable(
        "pipelines",
        Pipeline.objects,
        {"description": scrub_text, "last_ingest_error": scrub_text, "known_reason": scrub_text},
    ),
    ScrubbedTable("admin log", LogEntry.objects, {"object_repr": _scrubbed_object_name, "change_message": scrub_text}),
)  # fmt: skip


@dataclass(slots=True)
class BatchCounts:
    """Counts of a batch.

    `unmasked_ids` is the number of runs whose id still contains a secret, because another run has the masked id.
    """

    read: int = 0
    changed: int = 0
    unmasked_ids: int = 0


def scrub_table(table: ScrubbedTable, *, dry_run: bool) -> Iterator[BatchCounts]:
    """Scrub a table in batches, in the order of its keys, and yield the counts of each batch.

    After an interruption, the next call continues after the last batch. If the rules have changed since then, it begins
    at the first row. Only the columns with a secret are written. Versions, ingested_at and updated_at stay the same. So
    a run stays unchanged if its source sends it again. If another writer changes a row after this function has read it,
    the function skips the row, because the new content is already scrubbed.
    """
    position = None if dry_run else cache.get(_position_key(table))
    while rows := _next_rows(table, position):
        batch = BatchCounts(read=len(rows))
        for row in rows:
            _scrub_row(table, row, batch, dry_run=dry_run)
        position = rows[-1].pk
        if not dry_run:
            # As text, because the cache cannot store a UUID.
            cache.set(_position_key(table), str(position), timeout=_POSITION_SECONDS)
        yield batch
    if not dry_run:
        cache.delete(_position_key(table))


def rows_left(table: ScrubbedTable, *, dry_run: bool) -> int:
    """Return how many rows scrub_table would read."""
    position = None if dry_run else cache.get(_position_key(table))
    rows = table.rows.all() if position is None else table.rows.filter(pk__gt=position)
    return rows.count()


def forget_position(table: ScrubbedTable) -> None:
    """Make the next scrubbing begin at the first row."""
    cache.delete(_position_key(table))


def _next_rows(table: ScrubbedTable, position: Any) -> list[Model]:
    rows = table.rows.order_by("pk").only(*table.columns)
    return list((rows if position is None else rows.filter(pk__gt=position))[:BATCH_SIZE])


def _scrub_row(table: ScrubbedTable, row: Model, batch: BatchCounts, *, dry_run: bool) -> None:
    stored = {column: value for column in table.columns if (value := getattr(row, column)) is not None}
    changes = {
        column: clean for column, value in stored.items() if (clean := table.columns[column](value)) != value
    }  # fmt: skip
    if not changes:
        return
    if dry_run:
        batch.changed += 1
        return
    # This query finds the row only if nobody has changed it since it was read.
    unchanged_row = table.rows.filter(pk=row.pk, **{column: stored[column] for column in changes})
    try:
        with transaction.atomic():
            batch.changed += unchanged_row.update(**changes)
    except IntegrityError:
        # Another run of the pipeline already has the masked id.
        batch.unmasked_ids += 1
        # Write the other columns of the row.
        del changes["external_run_id"]
        batch.changed += unchanged_row.update(**changes) if changes else 0


def _position_key(table: ScrubbedTable) -> str:
    return f"stored_secrets:{table.name.replace(' ', '_')}:{_rules_digest()}"


def _rules_digest() -> str:
    """Return a digest of the scrubbing rules.

    The digest is part of the cache key of a position. So no position is found after the rules have changed.
    """
    files = sorted(Path(scrubbing.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
