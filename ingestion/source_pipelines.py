"""Read a source's list of pipelines and compare it with the inventory.

Reading the list needs at least as many requests as reading the changed runs. So CHM reads the list every few minutes,
and not with every walk. The pipeline's row stores whether the pipeline is paused or missing, and when it starts next.
The cache stores the ids that only the source has. If the cache is lost, CHM reads the list again.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from chm_project.db import best_effort_cache
from chm_project.scrubbing import scrub_text
from ingestion.connections import Connection
from ingestion.connectors.base import Connector, SourcePipeline, Target
from ingestion.errors import PartnerError, Refused
from ingestion.ingestion_columns import mark_listed
from ingestion.report import Report
from ingestion.scope import StopCondition

logger = logging.getLogger(__name__)

MAX_KEPT_IDS = 20_000  # ids per connection, so that a large source does not fill the cache
RESULT_CACHE_SECONDS = 7 * 86_400
# If the source refuses the list, for example because a permission is missing, CHM waits this long before it asks again.
REFUSED_SECONDS = 3_600
# The list is due after 0.9 times `inventory_seconds`. Otherwise a walk that starts slightly early would not read it.
DUE_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class SourceList:
    """The result of the last attempt to read a source's list. Do not rename fields, because the cache contains them.

    `listed` is the number of pipelines in the list. `unmatched` contains the external ids that no pipeline of the
    connection has, each with its name and whether it is paused. `read_at` is the time of the last success. If a later
    attempt failed, `error` says why, and `listed`, `unmatched` and `import_errors` are those of the last success.
    `import_errors` contains the external ids of pipelines whose definition the source cannot load.
    """

    tried_at: datetime
    read_at: datetime | None = None
    refused: bool = False
    error: str = ""
    listed: int = 0
    unmatched: Mapping[str, tuple[str, bool | None]] = field(default_factory=dict)
    import_errors: tuple[str, ...] = ()


def last_list_result(connection: str) -> SourceList | None:
    """Return the last result, or None if no result is cached or the cache is down."""
    match best_effort_cache.read(_key(connection)):
        case {"tried_at": datetime(), "unmatched": list() as rows, "import_errors": list() as ids} as stored:
            unmatched = {external_id: (name, is_paused) for external_id, name, is_paused in rows}
            return SourceList(**stored | {"unmatched": unmatched, "import_errors": tuple(ids)})
    return None


def read_source_list(
    connection: Connection,
    connector: Connector,
    targets: Sequence[Target],
    external_ids: Collection[str | None],
    stop: StopCondition,
    report: Report,
) -> None:
    """Read the list if it is due and store the result. An error is logged and stored, and does not fail the walk."""
    last_result, now = last_list_result(connection.name), timezone.now()
    if not connector.lists_pipelines:
        if report.unknown:
            # Without a list, only the walks show which pipelines the source has.
            _store(connection.name, _with_unknown(last_result, report.unknown, now))
        return
    if not connection.inventory_seconds or not _is_due(last_result, connection, now):
        return
    try:
        listed_pipelines = {pipeline.external_id: pipeline for pipeline in connector.pipelines()}
    except PartnerError as error:
        logger.info("connection %s: no list of pipelines: %s", connection.name, error)
        last_result = last_result or SourceList(now)
        _store(
            connection.name, replace(last_result, tried_at=now, error=str(error), refused=isinstance(error, Refused))
        )
    except stop.interrupts:
        raise
    except Exception:  # a bug in a connector's list must not fail the walk, whose runs are stored
        logger.exception("connection %s: unexpected error in the list of pipelines", connection.name)
        message = "CHM could not read the source's list of pipelines; see the log"
        _store(connection.name, replace(last_result or SourceList(now), tried_at=now, error=message))
    else:
        mark_listed(targets, listed_pipelines, now)
        _store(connection.name, _compare(listed_pipelines, external_ids, now))


def _is_due(last_result: SourceList | None, connection: Connection, now: datetime) -> bool:
    if last_result is None:
        return True
    seconds = float(connection.inventory_seconds)
    if last_result.refused:
        seconds = max(seconds, REFUSED_SECONDS)
    return now >= last_result.tried_at + timedelta(seconds=seconds * DUE_SHARE)


def _compare(
    listed_pipelines: Mapping[str, SourcePipeline], external_ids: Collection[str | None], now: datetime
) -> SourceList:
    with_errors = [pipeline.external_id for pipeline in listed_pipelines.values() if pipeline.has_import_errors]
    unmatched = [
        pipeline
        for pipeline in listed_pipelines.values()
        if pipeline.can_be_adopted and pipeline.external_id not in external_ids
    ]
    return SourceList(
        tried_at=now,
        read_at=now,
        listed=len(listed_pipelines),
        unmatched={
            pipeline.external_id: (scrub_text(pipeline.name), pipeline.paused) for pipeline in unmatched[:MAX_KEPT_IDS]
        },
        import_errors=tuple(with_errors[:MAX_KEPT_IDS]),
    )


def _with_unknown(last_result: SourceList | None, unknown: Collection[str], now: datetime) -> SourceList:
    """Return the last result plus the unknown ids of a walk, for a source without a list."""
    from_walk = {external_id: (external_id, None) for external_id in unknown}
    unmatched = {**(last_result.unmatched if last_result else {}), **from_walk}
    return SourceList(tried_at=now, read_at=now, unmatched=dict(list(unmatched.items())[-MAX_KEPT_IDS:]))


def _store(connection: str, result: SourceList) -> None:
    value: dict[str, Any] = {name: getattr(result, name) for name in SourceList.__dataclass_fields__}
    # As rows, because an external id must not become a key: the cache decodes objects with the key "datetime" as times.
    value["unmatched"] = [[external_id, *row] for external_id, row in result.unmatched.items()]
    best_effort_cache.write(_key(connection), value, RESULT_CACHE_SECONDS)


def _key(connection: str) -> str:
    return f"listed-pipelines:{connection}"
