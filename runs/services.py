"""Store runs. All runs are stored here: runs that CHM reads from sources, pushed, manual and synthetic runs."""

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import uuid_utils
from django.conf import settings
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected
from psycopg.types.json import Jsonb

from chm_project.db.hot_queries import HotQuery
from runs.events import Rejected, RunEvent, StorableRun, VersionSource, WriteKind, to_storable_run
from runs.models import Status

logger = logging.getLogger(__name__)

_SQL = Path(__file__).parent / "sql"
_WRITE_EFFECT_SQL = (_SQL / "write_effect.sql").read_text()
_RECORD_RUNS_SQL = (
    (_SQL / "record_runs.sql")
    .read_text()
    .replace("{effect_of_write}", _WRITE_EFFECT_SQL)
    .replace("{effect_of_excluded}", _WRITE_EFFECT_SQL.replace("write.", "excluded."))
)
# The maximum number of attempts for a write. An attempt can fail by a deadlock, or because another writer inserts or
# changes the same runs at the same time.
_MAX_ATTEMPTS = 5

# Up to this many runs are written with a prepared statement, because planning a statement takes longer than writing one
# run. For more runs, PostgreSQL plans the statement each time, so that the plan fits the current size of the table.
_MAX_PREPARED_RUNS = 20


@cache
def _statement(kind: WriteKind, version_source: VersionSource, *, is_prepared: bool) -> HotQuery:
    """Return the statement. Kind and version source are literals in it, so that PostgreSQL plans fewer branches."""
    literals = {"%(kind)s": f"'{kind.value}'", "%(version_source)s": f"'{version_source.value}'"}
    text = _RECORD_RUNS_SQL
    for placeholder, literal in literals.items():
        text = text.replace(placeholder, literal)
    return HotQuery(text, is_prepared)


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STALE = "stale"
    PRUNED = "pruned"
    REJECTED = "rejected"


class Result(NamedTuple):
    """The result of one write. If it was rejected or pruned, `run_id` is None and `error` contains the reason."""

    outcome: Outcome
    run_id: uuid.UUID | None = None
    error: str | None = None


_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
# The placeholder in the list of results until `_write` replaces it. Its outcome has no meaning.
_NOT_WRITTEN = Result(Outcome.STALE)


@dataclass(frozen=True, slots=True)
class _Layer:
    """The writes of one statement. They have the same kind and version source, and each write is for another run."""

    kind: WriteKind
    version_source: VersionSource
    # The key is the position of the event in the list that record_runs received.
    runs: dict[int, StorableRun]
    # The writes in `runs` as a JSON array.
    json_rows: bytes


@dataclass(frozen=True, slots=True)
class PreparedRuns:
    """Events that are repaired, scrubbed and divided into layers.

    `results` has an item for each event. The items of rejected events are already final.
    """

    results: list[Result]
    layers: list[_Layer]

    def keys(self) -> set[tuple[uuid.UUID, str]]:
        """Return the pipeline and external_run_id of each run."""
        return {(run.pipeline_id, run.external_run_id) for layer in self.layers for run in layer.runs.values()}


class RunExists(Exception):
    """The pipeline already has a run with the external_run_id of a manual run."""


class RunPruned(Exception):
    """A manual run is so old that CHM has already deleted runs of this age from its pipeline."""


def record_runs(events: Iterable[RunEvent | Rejected]) -> list[Result]:
    """Store new runs and newer states of stored runs in one transaction. Return the results in the order of the events.

    1. Repair and scrub each event; reject events without a usable external_run_id.
    2. Divide the writes into layers, so that several writes to one run are applied in the order of their versions.
    3. Write each layer with one statement. The statement compares each write with the stored run, even if another
       writer has just changed this run.
    """
    return record_prepared(prepare_runs(events))


def prepare_runs(events: Iterable[RunEvent | Rejected]) -> PreparedRuns:
    """Repair, scrub and order the events. This function does not use the database, so another thread can call it."""
    results: list[Result] = []
    runs: list[tuple[int, StorableRun]] = []
    for position, event in enumerate(events):
        run = event if isinstance(event, Rejected) else to_storable_run(event)
        if isinstance(run, Rejected):
            results.append(Result(Outcome.REJECTED, error=run.reason))
        else:
            results.append(_NOT_WRITTEN)
            runs.append((position, run))
    return PreparedRuns(results, _layers(runs))


def record_prepared(writes: PreparedRuns) -> list[Result]:
    """Store prepared events in one transaction. Return the results in the order of the events."""
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        try:
            with transaction.atomic():
                for layer in writes.layers:
                    _write(layer, writes.results)
            break
        except OperationalError as error:
            # Each statement locks its runs in key order. But two calls with several layers can still deadlock.
            if (
                not isinstance(error.__cause__, DeadlockDetected)
                or connection.in_atomic_block
                or attempt == _MAX_ATTEMPTS
            ):
                raise
            logger.info("deadlock with another writer, attempt %d", attempt)
    return writes.results


def count_outcomes(results: Iterable[Result]) -> Counter[Outcome]:
    """Return the number of results by outcome."""
    return Counter(result.outcome for result in results)


def insert_run(
    *,
    pipeline_id: uuid.UUID,
    external_run_id: str | None,
    status: str,
    started_at: datetime | None = None,
    finished_at: datetime | None = None,
    duration_seconds: int | None = None,
    rows_processed: int | None = None,
    error_message: str | None = None,
    status_reason: str | None = None,
    payload: dict[str, Any] | None = None,
    source_url: str | None = None,
) -> uuid.UUID:
    """Store a manual run and return its key. Generate an external_run_id if the caller passes None.

    Raise RunExists if the pipeline already has this run. Raise RunPruned if CHM has deleted runs of this age.
    """
    [result] = record_runs(
        [
            RunEvent(
                pipeline_id=pipeline_id,
                external_run_id=external_run_id or f"manual-{uuid_utils.uuid7()}",
                status=status,
                started_at=started_at,
                finished_at=finished_at,
                duration_seconds=duration_seconds,
                rows_processed=rows_processed,
                error_message=error_message,
                status_reason=status_reason,
                payload=payload,
                source_url=source_url,
                kind=WriteKind.IF_ABSENT,
            )
        ]
    )
    if result.outcome is Outcome.PRUNED:
        raise RunPruned(result.error)
    if result.error is not None:
        raise ValueError(result.error)
    if result.outcome is not Outcome.CREATED or result.run_id is None:
        raise RunExists(external_run_id)
    return result.run_id


def _layers(runs: Sequence[tuple[int, StorableRun]]) -> list[_Layer]:
    """Divide the writes into layers. The first layer has the oldest write to each run, the second the second oldest."""
    layers: dict[tuple[int, WriteKind, VersionSource], dict[int, StorableRun]] = {}
    for layer_number, position, run in _with_layer_number(runs):
        layers.setdefault((layer_number, run.kind, run.version_source), {})[position] = run
    return [
        _Layer(kind, version_source, writes, _to_json(writes))
        for (_, kind, version_source), writes in sorted(layers.items(), key=lambda layer: layer[0][0])
    ]


def _with_layer_number(runs: Sequence[tuple[int, StorableRun]]) -> Iterator[tuple[int, int, StorableRun]]:
    """Yield (number of the layer, position, write). The number is the number of older writes to the same run."""
    # Usually, no id occurs twice. Then each run is written once, in the first layer.
    if len({run.external_run_id for _, run in runs}) == len(runs):
        yield from ((0, position, run) for position, run in runs)
        return
    by_run: dict[tuple[uuid.UUID, str], list[tuple[int, StorableRun]]] = {}
    for entry in runs:
        by_run.setdefault((entry[1].pipeline_id, entry[1].external_run_id), []).append(entry)
    for entries in by_run.values():
        entries.sort(key=_write_order)
        yield from ((number, position, run) for number, (position, run) in enumerate(entries))


def _write_order(entry: tuple[int, StorableRun]) -> tuple[bool, float, bool]:
    """Return the sort key of a write: by version, and for the same version, running before other statuses.

    Writes without a version come last.
    """
    run = entry[1]
    version = run.source_updated_at
    return version is None, version.timestamp() if version else 0, run.status != Status.RUNNING


def _write(layer: _Layer, results: list[Result]) -> None:
    pending, json_rows = layer.runs, layer.json_rows
    for _ in range(_MAX_ATTEMPTS):
        is_prepared = len(pending) <= _MAX_PREPARED_RUNS and settings.CHM_DATABASE_PREPARE
        if is_prepared:
            # Without this setting, PostgreSQL can plan a prepared statement again each time it is executed.
            session: Any = connection.connection
            with connection.wrap_database_errors:
                session.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        statement = _statement(layer.kind, layer.version_source, is_prepared=is_prepared)
        overtaken: list[int] = []
        for position, run_id, outcome, pruned_before in statement.rows(rows=Jsonb(json_rows, dumps=bytes)):
            if outcome is None:
                overtaken.append(position)
            else:
                results[position] = Result(_OUTCOMES[outcome], run_id, pruned_before and _pruned_message(pruned_before))
        if not overtaken:
            return
        # Another writer has inserted or changed these runs first. Compare the writes again, now with the rows of the
        # other writer.
        pending = {position: pending[position] for position in overtaken}
        json_rows = _to_json(pending)
    raise RuntimeError(
        f"Other writers changed {len(pending)} runs in each of {_MAX_ATTEMPTS} attempts; write them again."
    )


def _pruned_message(before: datetime) -> str:
    return f"Runs of this pipeline from before {before.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} were pruned."


def _to_json(writes: dict[int, StorableRun]) -> bytes:
    """Return the writes as one JSON array. Each new run gets an id here."""
    rows = [
        {
            "position": position, "id": str(uuid_utils.uuid7()), "pipeline_id": run.pipeline_id,
            "external_run_id": run.external_run_id, "status": run.status, "started_at": run.started_at,
            "finished_at": run.finished_at, "sent_duration_seconds": run.duration_seconds,
            "rows_processed": run.rows_processed, "error_message": run.error_message,
            "status_reason": run.status_reason, "payload": run.payload and orjson.Fragment(run.payload),
            "given_source_url": run.given_source_url, "source_updated_at": run.source_updated_at,
        }
        for position, run in writes.items()
    ]  # fmt: skip
    return orjson.dumps(rows)
